# Thresholds of quotas: whom they tell of, when, and once.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $files = $block->user_files // '';

    $block->set_value(user_files => "$files>>> orgs.json\n{}\n")
        unless $files =~ /orgs\.json/;
    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    api_org_keys $TEST_NGINX_SERVER_ROOT/html/orgs.json;
END
});


# "50/55 100/100": thresholds and usages of all TriggerExceeded in their order
sub triggers {
    return join ' ', map { "$_->{trigger_limit}/$_->{usage_percentage}" }
                     map { $_->{json}{Meta} }
                     sort { $a->{json}{ID} cmp $b->{json}{ID} }
                     grep { $_->{json}{Type} eq 'TriggerExceeded' } @_;
}

no warnings 'once';
*Test::Base::Filter::triggers = \&triggers;

run_tests();

__DATA__

=== TEST 1: each threshold once, the last one on the last request that passes
--- config
    location /a {
        api_id orders;
        api_monitor limits=50,100 keys=on;
        empty_gif;
    }
--- user_files
>>> keys.json
{"quota-key-0123456789": {"quota_max": 4, "quota_renewal_rate": 3600,
                          "alias": "Q", "access_rights": {"orders": {}}}}
--- request eval
[map "GET /a", 1 .. 6]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200, 200, 200, 403, 403]
--- recorded_count: 4
--- recorded_check eval
sub {
    my ($event) = grep { $_->{json}{Type} eq 'TriggerExceeded' } @_;
    my $meta = $event->{json}{Meta};

    is(triggers(@_), '50/50 100/100', 'thresholds');

    event($event, 'TriggerExceeded',
          Message => 'Quota trigger reached',
          OriginatingRequest => '',
          org_id => 'acme', OrgID => 'acme', Org => 'acme',
          key => '****6789', Key => '****6789',
          KeyID => qr/^[0-9a-f]{32}$/,
          KeyAlias => 'Q',
          APIID => 'orders',
          Path => undef);

    is($meta->{TriggerLimit}, $meta->{trigger_limit}, 'for templates');
    is($meta->{UsagePercentage}, $meta->{usage_percentage}, 'the other');
    like($event->{body}, qr/"trigger_limit":\s*\d/, 'a number');
    like($event->{body}, qr/"usage_percentage":\s*\d/, 'a number, too');
}

=== TEST 2: several at once, in whatever order they are written
--- config
    location /a { api_id orders; api_monitor limits=10,30,20 keys=on;
                  empty_gif; }
    location /b { api_id b; api_monitor limits=90.5,33,10,10 keys=on;
                  empty_gif; }
--- user_files
>>> keys.json
{"one-key-0123456789": {"quota_max": 2, "access_rights": {"orders": {}}},
 "two-key-0123456789": {"quota_max": 3, "access_rights": {"b": {}}}}
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b", "GET /b"]
--- more_headers eval
[("Authorization: one-key-0123456789") x 2,
 ("Authorization: two-key-0123456789") x 3]
--- error_code eval
[(200) x 5]
--- recorded_count: 6
--- recorded_check eval
sub {
    is(triggers(@_), '10/50 20/50 30/50 10/33 33/33 90/100', 'thresholds');
}

=== TEST 3: keys and organisations are off unless they are on
--- http_config
    api_monitor limits=50;
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id orders; api_monitor keys=on orgs=on; empty_gif; }
    location /c { api_id orders; api_monitor off; empty_gif; }
    location /d { api_id orders; api_monitor limits=50 orgs=on keys=off;
                  empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /c", "GET /d"]
--- more_headers
Authorization: eternal-key-0123456789
--- user_files
>>> keys.json
{"eternal-key-0123456789": {"quota_max": 4, "access_rights": {"orders": {}},
                            "monitor": {"trigger_limits": []}}}
--- error_code eval
[200, 200, 200, 200]
--- metrics
apievents_events_raised_total 0

=== TEST 4: a session's own thresholds replace the directive's
--- config
    location /a { api_id orders; api_monitor limits=25,50 keys=on;
                  empty_gif; }
    location /b { api_id b; api_monitor keys=on; empty_gif; }
--- user_files
>>> keys.json
{"own-key-0123456789": {"quota_max": 4, "access_rights": {"orders": {},
                        "b": {}},
                        "monitor": {"trigger_limits": [75, 0, 101, 33.4]}}}
--- request eval
["GET /a", "GET /a", "GET /b", "GET /a"]
--- more_headers
Authorization: own-key-0123456789
--- error_code eval
[(200) x 4]
--- recorded_count: 2
--- recorded_check eval
sub { is(triggers(@_), '33/50 75/75', 'thresholds'); }

=== TEST 5: an organisation's, of all of its APIs, with no key
--- config
    location /a { api_id orders; api_monitor limits=50,100 keys=on orgs=on;
                  empty_gif; }
    location /k { api_id k; api_auth off; api_monitor limits=1,50 orgs=on;
                  empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 4, "quota_renewal_rate": 3600}}
--- request eval
["GET /k", "GET /a", "GET /a", "GET /k", "GET /k"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 200, 200, 200, 403]
--- recorded_count: 3
--- recorded_check eval
sub {
    my @got = sort { $a->{json}{ID} cmp $b->{json}{ID} } @_;

    is(triggers(@_), '1/25 50/50', 'thresholds');

    event($got[0], 'TriggerExceeded', org_id => 'acme', key => '',
          Key => '', KeyID => qr/^[0-9a-f]{32}$/);
    event($got[2], 'OrgQuotaExceeded');
    is($got[0]{json}{Meta}{KeyID}, $got[2]{json}{Meta}{KeyID}, 'one KeyID');
}

=== TEST 6: an organisation's own thresholds
--- config
    location /a { api_id orders; api_monitor limits=1 keys=on orgs=on;
                  empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 2, "monitor": {"trigger_limits": [100, 60]}}}
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 200]
--- recorded_count: 2
--- recorded_check eval
sub { is(triggers(@_), '60/100 100/100', 'thresholds'); }

=== TEST 7: the quota of an API in a session's rights
--- config
    location /a { api_id orders; api_monitor limits=50 keys=on; empty_gif; }
    location /b { api_id b; api_monitor limits=50 keys=on; empty_gif; }
--- user_files
>>> keys.json
{"own-key-0123456789": {"quota_max": 100, "access_rights": {"b": {},
    "orders": {"limit": {"quota_max": 2, "quota_renewal_rate": 60}}}}}
--- request eval
["GET /b", "GET /a", "GET /b", "GET /a"]
--- more_headers
Authorization: own-key-0123456789
--- error_code eval
[(200) x 4]
--- recorded_count: 1
--- recorded_check eval
sub {
    is(triggers(@_), '50/50', 'thresholds');
    is($_[0]{json}{APIID}, 'orders', 'of this API');
}

=== TEST 8: who is refused is not counted, and tells of nothing
--- config
    location /a {
        api_id orders;
        api_monitor limits=50,100 keys=on;
        api_rate 1r/d key=$arg_k;
        auth_request /auth;
        empty_gif;
    }
    location = /auth {
        if ($request_uri ~ ok) { return 204; }
        return 403;
    }
--- request eval
["GET /a?k=1", "GET /a?k=2", "GET /a?k=3&ok", "GET /a?k=3&ok", "GET /a?k=4"]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[403, 403, 200, 429, 403]
--- recorded_count: 2
--- recorded_check eval
sub { is(triggers(@_), '50/50', 'of the one that passed'); }

=== TEST 9: a handler of its own, beside the others
--- http_config
    api_monitor limits=50 keys=on
        webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/outer
                template=templates/monitor_template.json;
--- config
    location /a {
        api_id orders;
        api_event_handlers TriggerExceeded
            webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/named;
        empty_gif;
    }
    location /b {
        api_id b;
        api_event_handlers off;
        api_monitor limits=50 keys=on webhook method=PUT cooldown=1h
            url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/inner;
        empty_gif;
    }
    location /c {
        api_id c;
        api_event_handlers off;
        empty_gif;
    }
    location /d {
        api_id d;
        api_event_handlers off;
        api_monitor limits=50 keys=on;
        empty_gif;
    }
--- user_files eval
">>> keys.json\n{" . CORE::join(',', map {
    qq("$_-key-0123456789": {"quota_max": 2, "access_rights": {"$_": {}}})
} qw(orders b c d)) . "}\n"
--- request eval
["GET /a", "GET /b", "GET /c", "GET /d"]
--- more_headers eval
[map "Authorization: $_-key-0123456789", qw(orders b c d)]
--- error_code eval
[200, 200, 200, 200]
--- recorded_count: 5
--- recorded_check eval
sub {
    my %at;

    push @{$at{$_->{uri}}}, $_ for @_;

    is(scalar @{$at{'/outer'}}, 2, 'of the two that inherit it');
    is(scalar @{$at{'/named'}}, 1, 'of the one that has it');
    is(scalar @{$at{'/inner'}}, 1, 'of the one that has its own');
    is($at{'/inner'}[0]{method}, 'PUT', 'with its parameters');
    is_deeply($at{'/outer'}[0]{json},
              { event => 'TriggerExceeded', message => 'Quota trigger reached',
                org => 'acme', key => '****6789', trigger_limit => '50' },
              'the payload');
    is_deeply($at{'/inner'}[0]{json},
              { event => 'TriggerExceeded', message => 'Quota trigger reached',
                org => 'acme', key => '****6789', trigger_limit => '50' },
              'the same by default');
}

=== TEST 10: a cooldown does not swallow another threshold
--- config
    location /a {
        api_id orders;
        api_monitor limits=25,50,75,100 keys=on
            webhook cooldown=1h
                    url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/own;
        api_event_handlers off;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200]
--- recorded_count: 4

=== TEST 11: other events do not reach the monitor's handler
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_monitor limits=100 keys=on
            webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/own;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers eval
["Authorization: bad", ("Authorization: quota-key-0123456789") x 2]
--- error_code eval
[403, 200, 200]
--- recorded_count: 1
--- metrics
apievents_events_raised_total 2

=== TEST 12: scripts get numbers
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_monitor limits=66.6 keys=on js path=../html/h.js name=h;
        empty_gif;
    }
--- user_files
>>> h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
h.NewHandler(function(event, context) {
    log("told " + JSON.stringify([event.EventType,
        event.EventMetaData.trigger_limit + 1,
        event.EventMetaData.usage_percentage + 1]));
    return;
});
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200]
--- check eval
sub {
    wait_for(sub { error_log_text() =~ /told / });
    like(error_log_text(), qr/told \["TriggerExceeded",67,101\]/, 'told');
}

=== TEST 13: raw and hashed keys, as in other events
--- config
    location /a { api_id orders; api_event_key raw;
                  api_monitor limits=50 keys=on; empty_gif; }
    location /b { api_id orders; api_event_key hash;
                  api_monitor limits=100 keys=on; empty_gif; }
--- user_files
>>> keys.json
{"a \"key\" of 16 chars": {"quota_max": 2, "org_id": "o2",
                           "access_rights": {"orders": {}}}}
--- request eval
["GET /a", "GET /b"]
--- more_headers
Authorization: a "key" of 16 chars
--- error_code eval
[200, 200]
--- recorded_count: 2
--- recorded_check eval
sub {
    my @meta = map { $_->{json}{Meta} }
               sort { $a->{json}{ID} cmp $b->{json}{ID} } @_;

    is($meta[0]{key}, 'a "key" of 16 chars', 'raw');
    is($meta[1]{key}, $meta[0]{KeyID}, 'hash');
    is($meta[0]{org_id}, 'o2', "the session's organisation");
}

=== TEST 14: workers tell of a threshold once
--- workers: 2
--- config
    location /a { api_id orders; api_monitor limits=10,50,90,100 keys=on;
                  empty_gif; }
--- user_files
>>> keys.json
{"many-key-0123456789": {"quota_max": 200, "access_rights": {"orders": {}}}}
--- request
GET /a
--- more_headers
Authorization: many-key-0123456789
--- recorder
--- check eval
sub {
    my $h = "Authorization: many-key-0123456789\r\n";

    http_get('/a', undef, $h) for 1 .. 210;
    wait_for(sub { triggers(recorded()) =~ m{100/100} });
    is(triggers(recorded()), '10/10 50/50 90/90 100/100', 'thresholds');
}

=== TEST 15: the next period begins anew
--- config
    location /a { api_id orders; api_monitor limits=50 keys=on; empty_gif; }
--- user_files
>>> keys.json
{"soon-key-0123456789": {"quota_max": 2, "quota_renewal_rate": 1,
                         "access_rights": {"orders": {}}}}
--- request
GET /a
--- more_headers
Authorization: soon-key-0123456789
--- recorder
--- check eval
sub {
    my $h = "Authorization: soon-key-0123456789\r\n";

    wait_for(sub { http_get('/a', undef, $h);
                   triggers(recorded()) =~ m{50/50 .*50/50} });
    like(triggers(recorded()), qr{^(50/50 ?){2,}$}, 'once a period');
}

=== TEST 16: thresholds that were told of, and counters, outlive a reload
--- config
    location /a { api_id orders; api_monitor limits=50,100 keys=on;
                  add_header X-Reset $api_quota_reset; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: quota-key-0123456789
--- user_files
>>> keys.json
{"quota-key-0123456789": {"quota_max": 3, "quota_renewal_rate": 3600,
                          "access_rights": {"orders": {}}}}
--- recorder
--- check eval
sub {
    my $h = "Authorization: quota-key-0123456789\r\n";
    my ($before) = worker_pids();
    my (undef, $head) = http_get('/a', undef, $h);
    my ($reset) = $head =~ /^X-Reset: (\d+)/m;

    wait_for(sub { triggers(recorded()) eq '50/66' });

    kill HUP => master_pid();
    wait_for(sub { my @now = worker_pids(); @now == 1 && $now[0] != $before });

    (undef, $head) = http_get('/a', undef, $h);
    like($head, qr/^X-Reset: $reset\r?$/m, 'the period goes on');
    is((http_get('/a', undef, $h))[0], 403, 'so does its count');

    wait_for(sub { triggers(recorded()) =~ /100/ });
    is(triggers(recorded()), '50/66 100/100', 'thresholds');
}

=== TEST 17: whom a mail could be sent to, if the session says so
--- config
    location /a { api_id orders; api_monitor limits=50 keys=on orgs=on;
                  empty_gif; }
--- user_files eval
">>> keys.json\n{"
. CORE::join(',', map { qq("$_->[0]-key-0123456789": {"quota_max": 2, "meta_data": $_->[1],
    "access_rights": {"orders": {$_->[2]}}}) }
    ['plain', '{"email": "jane@example.com"}', ''],
    ['right', '{"email": "joe@example.com"}',
     '"limit": {"quota_max": 2, "quota_renewal_rate": 60}'],
    ['none', '{"mail": 1}', ''], ['wrong', '{"email": ["a"]}', ''],
    ['long', '{"email": "' . ('x' x 255) . '"}', ''])
. "}\n>>> orgs.json\n"
. '{"acme": {"quota_max": 10, "meta_data": {"email": "acme@example.com"}}}'
--- request eval
[map "GET /a", 1 .. 5]
--- more_headers eval
[map "Authorization: $_-key-0123456789", qw(plain right none wrong long)]
--- error_code eval
[(200) x 5]
--- recorded_count: 6
--- recorded_check eval
sub {
    is(CORE::join(' ', map { $_->{json}{Meta}{email} // '-' }
                  sort { $a->{json}{ID} cmp $b->{json}{ID} } @_),
       'jane@example.com joe@example.com - - acme@example.com -', 'email');
}
