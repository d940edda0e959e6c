# Parity vectors 21 and 23 to 27 by number; t/README.md tells where the others
# are.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use AdminBlocks;
use IO::Socket::INET;

our $Hook = 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_1';

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';

    $block->set_value(http_config => <<'END' . $http =~ s/\$HOOK/$Hook/gr);
api_zone apievents:16m;
api_callback_allow 127.0.0.0/8;
api_keys $TEST_NGINX_SERVER_ROOT/html/keys.json;
api_org_keys $TEST_NGINX_SERVER_ROOT/html/orgs.json;
END
    $block->set_value(config => ($block->config // '') . <<'END');
    location /a {
        api_id orders;
        api_org acme;
        empty_gif;
    }
    location = /.metrics { api_metrics; }
END
    $block->set_value(user_files => ($block->user_files // '')
        . join '', map { ($block->user_files // '') =~ /^>>> $_/m
                         ? () : ">>> $_\n{}\n" } qw(keys.json orgs.json));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# statuses of so many requests with that key
sub asked {
    my ($key, $n) = @_;

    return join ' ', map {
        (ApiEvents::http_get('/a', undef, "Authorization: $key\r\n"))[0]
    } 1 .. $n // 1;
}

# so many requests of the recorder in the end, and no more while nothing waits
sub told {
    my ($n) = @_;

    ApiEvents::wait_for(sub {
        my $m = ApiEvents::metrics('/.metrics');
        ApiEvents::count_recorded() >= $n
            && ($m->('apievents_events_waiting') // 1) == 0
            && ($m->('apievents_deliveries{state="pending"}') // 1) == 0
    }, 30);

    return ApiEvents::recorded();
}

# thresholds in the order in which they were reached
sub limits {
    return join ' ', map { $_->{json}{trigger_limit} }
                     sort { $a->{headers}{'webhook-id'} cmp
                            $b->{headers}{'webhook-id'} } @_;
}

# a key's session in keys.json
sub session {
    my ($name, $more) = @_;

    return qq("$name-key-0123456789": {"access_rights": {"orders": {}},
        "org_id": "acme", $more});
}

# rows of that callback, newest first, when there are so many
sub history {
    my ($id, $n) = @_;
    my $rows;

    ApiEvents::wait_for(sub {
        $rows = (call(GET => "callbacks/$id/history"))[1]{items};
        @{ $rows // [] } >= $n
    }, 30);

    return @$rows;
}

no strict 'refs';
*{"Test::Base::Filter::$_"} = \&{$_} for qw(asked told limits history);
use strict 'refs';

no_long_string();
run_tests();

__DATA__

=== TEST 1: vector 21: a row an attempt, why it failed, and when the last was
--- recorder
--- check eval
sub {
    my $port = ApiEvents::rand_port(1);
    my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    my $none = $closed->sockport;
    close $closed;

    my %at = map {
        my ($name, $type, $url, @more) = @$_;
        my (undef, $doc) = ::call(POST => 'callbacks', {
            name => $name, type => $type, url => $url, @more });

        is($doc->{last_triggered}, undef, "$name: not triggered yet");
        ($name => $doc->{id})
    } ([ 'before', 'before-app', "http://127.0.0.1:$port/ok",
         expected_status => 200 ],
       [ 'fails', 'after-app', "http://127.0.0.1:$port/flaky/2", retry => 3 ],
       [ 'dead', 'after-app', "http://127.0.0.1:$none/" ]);

    is(::status(POST => 'apps', { id => 'a' }), 201, 'created');

    my ($row) = history($at{before}, 1);
    is("$row->{state} $row->{attempt} $row->{status} $row->{error}",
       'delivered 1 200 ', 'before: it answered');
    like($row->{time}, qr/^20\d\d-\d\d-\d\dT/, 'when');
    like($row->{duration_ms}, qr/^\d+/, 'how long it took');

    ($row) = history($at{dead}, 1);
    is("$row->{state} $row->{attempt} $row->{status}", 'dead 1 0', 'dead');
    like($row->{error}, qr/refused|connect/i, 'because nobody listens');

    history($at{fails}, 1);
    Clock::advance(10);
    history($at{fails}, 2);
    Clock::advance(400);

    my @rows = history($at{fails}, 3);
    is(CORE::join(', ', map { "$_->{state} $_->{attempt} $_->{status}" } @rows),
       'delivered 3 200, retry 2 500, retry 1 500', 'a row an attempt');
    is($rows[0]{event_id}, $rows[2]{event_id}, 'of one event');

    for (keys %at) {
        my ($last) = history($at{$_}, 1);
        is((::call(GET => "callbacks/$at{$_}"))[1]{last_triggered},
           $last->{time}, "$_: when it was triggered");
    }

    my $then = (::call(GET => "callbacks/$at{before}"))[1]{last_triggered};
    Clock::advance(1);
    is(::status(PUT => 'apps/a', {}), 200, 'updated');
    history($at{before}, 2);
    cmp_ok((::call(GET => "callbacks/$at{before}"))[1]{last_triggered}, 'gt',
           $then, 'and again');
}
--- allow_log eval
qr/Connection refused/

=== TEST 2: vector 23: a receiver that changes what it is told of comes to an end
--- http_config
    js_import loop from $TEST_NGINX_SERVER_ROOT/html/loop.js;
--- config
    location = /loop {
        client_body_buffer_size 64k;
        js_content loop.handle;
    }
--- user_files
>>> loop.js
export default { handle };

async function handle(r) {
    let doc = JSON.parse(r.requestText);
    let own = `http://127.0.0.1:${r.variables.server_port}`;
    let answer = await ngx.fetch(`${own}/tyk/apps/${doc.data.id}`, {
        method: 'PUT', body: JSON.stringify({ n: doc.data.n + 1 }),
        headers: { 'Admin-Auth': 'secret-of-app',
                   'X-Api-Events-Hops': r.headersIn['X-Api-Events-Hops'] }
    });

    let text = await answer.text();

    r.error(`LOOP ${doc.data.n} hops ${r.headersIn['X-Api-Events-Hops']} `
            + `${answer.status} ${text}`);
    r.return(200);
}
--- workers: 2
--- check eval
sub {
    my (undef, $doc) = ::call(POST => 'callbacks', { name => 'loop',
        type => 'after-app', timeout => 60,
        url => "http://127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}/loop" });

    is(::status(POST => 'apps', { id => 'a', n => 1 }), 201, 'created');

    my @log;
    wait_for(sub {
        @log = error_log_text() =~ /LOOP (\d+ hops \d+ \d+)/g;
        "@log" =~ / 409/
    }, 30);

    # the fifth is told, and refused to change anything
    is(CORE::join(', ', sort @log), '1 hops 1 200, 2 hops 2 200, '
       . '3 hops 3 200, 4 hops 4 200, 5 hops 5 409', 'it goes round');
    is((::call(GET => 'apps/a'))[1]{n}, 5, 'four times');
    like(error_log_text(), qr/LOOP 5 .*go round in a loop/, 'and it is said');
    is(scalar(() = history($doc->{id}, 5)), 5, 'a row each');

    # what it may do itself does not call it
    is(::status(PUT => "callbacks/$doc->{id}", { name => 'loop',
        type => 'after-app', except_user => 'app',
        url => "http://127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}/loop" }), 200,
       'an integration user of its own');
    is(::status(POST => 'apps', { id => 'b', n => 1 }), 201, 'created');
    wait_for(sub { 6 <= (() = error_log_text() =~ /LOOP /g) }, 30);
    history($doc->{id}, 6);
    is((::call(GET => 'apps/b'))[1]{n}, 2, 'changed once');
    is(scalar(() = history($doc->{id}, 6)), 6, 'and told once');
}
--- allow_log eval
qr/LOOP |go round in a loop/

=== TEST 3: vector 24: each threshold once a period, whatever their order
--- http_config
    api_monitor limits=80,60,50 keys=on webhook url=$HOOK/ok;
--- user_files eval
">>> keys.json\n{" . CORE::join(',',
    ::session('down', '"quota_max": 5, "alias": "down"'),
    ::session('up', '"quota_max": 5, "monitor": {"trigger_limits": [50, 60, 80]}'),
    ::session('mixed', '"quota_max": 5, "monitor": {"trigger_limits": [60, 80, 50]}'),
    ::session('once', '"quota_max": 1')) . "}\n"
--- recorder
--- check eval
sub {
    for my $name (qw(down up mixed)) {
        is(asked("$name-key-0123456789", 7), '200 200 200 200 200 403 403',
           "$name: used up");
    }

    my %got;
    push @{ $got{$_->{json}{key}} }, $_ for told(9);

    # they are masked: **** and the last four bytes, which are those of all
    is(limits(map { @$_ } values %got), '50 60 80 50 60 80 50 60 80',
       'each threshold of each once');

    is(asked('once-key-0123456789'), 200, 'all at once');
    is(limits((told(12))[9 .. 11]), '50 60 80', 'all of them, the lowest first');
    is(scalar(told(12)), 12, 'and no more');
}

=== TEST 4: vector 25: exactly these members; an organisation has no key
--- http_config
    api_monitor limits=80 keys=on orgs=on webhook url=$HOOK/ok;
    api_event_key raw;
--- user_files eval
">>> keys.json\n{" . ::session('one', '"quota_max": 5') . "}\n"
. ">>> orgs.json\n" . '{"acme": {"quota_max": 10}}'
--- recorder
--- check eval
sub {
    asked('one-key-0123456789', 4);

    my ($key) = told(1);
    is_deeply($key->{json}, { event => 'TriggerExceeded',
        message => 'Quota trigger reached', org => 'acme',
        key => 'one-key-0123456789', trigger_limit => '80' }, 'of a key');
    like($key->{body}, qr/"trigger_limit": "80"/, 'a string');
    is("$key->{method} $key->{headers}{'content-type'}",
       'POST application/json', 'how it is sent');
    is(CORE::join(' ', $key->{body} =~ /"(\w+)":/g),
       'event message org key trigger_limit', 'in that order');

    asked('none', 3);
    asked('one-key-0123456789', 1);
    is(scalar(told(1)), 1, 'requests that were refused do not count');
}

=== TEST 5: vector 25: the organisation
--- http_config
    api_monitor limits=80 orgs=on webhook url=$HOOK/ok;
    api_event_key raw;
--- user_files eval
">>> keys.json\n{" . ::session('one', '"quota_max": 1000') . "}\n"
. ">>> orgs.json\n" . '{"acme": {"quota_max": 5}}'
--- recorder
--- check eval
sub {
    is(asked('one-key-0123456789', 6), '200 200 200 200 200 403', 'used up');

    my @got = told(1);
    is(scalar @got, 1, 'once');
    is_deeply($got[0]{json}, { event => 'TriggerExceeded',
        message => 'Quota trigger reached', org => 'acme', key => '',
        trigger_limit => '80' }, 'no key');
}

=== TEST 6: vector 26: alike within the cooldown is suppressed, another key is not
--- http_config
    api_event_handlers KeyExpired webhook url=$HOOK/ok cooldown=60s retry=off;
--- user_files eval
">>> keys.json\n{" . ::session('old', '"expires": 1') . ','
. ::session('past', '"expires": 1') . "}\n"
--- recorder
--- check eval
sub {
    is(asked('old-key-0123456789'), 401, 'expired');
    told(1);
    is(asked('old-key-0123456789', 2), '401 401', 'again');
    is(asked('past-key-0123456789'), 401, 'another key');
    ApiEvents::wait_for(sub { ApiEvents::count_recorded() >= 2 }, 30);
    is(ApiEvents::count_recorded(), 2, 'one each');

    Clock::advance(61);
    is(scalar(told(3)), 3, 'the last of those held, when it is over');
    is(ApiEvents::metrics('/.metrics')
       ->('apievents_deliveries{state="suppressed"}'), 1, 'the other is not');
}

=== TEST 7: vector 26: what fails silences nothing
--- http_config
    api_event_handlers KeyExpired webhook url=$HOOK/flaky/1 cooldown=60s retry=off;
--- user_files eval
">>> keys.json\n{" . ::session('old', '"expires": 1') . "}\n"
--- recorder
--- check eval
sub {
    asked('old-key-0123456789');
    is(scalar(told(1)), 1, 'it fails');
    asked('old-key-0123456789');
    is(CORE::join(' ', map { $_->{status} } told(2)), '500 200', 'the next goes out');
    asked('old-key-0123456789');
    Clock::advance(61);
    is(CORE::join(' ', map { $_->{status} } told(3)), '500 200 200',
       'which keeps back what follows until it is over');
}

=== TEST 8: vector 27: no quota, no event; a period that is over begins anew
--- http_config
    api_monitor limits=50 keys=on orgs=on webhook url=$HOOK/ok;
--- user_files eval
">>> keys.json\n{" . CORE::join(',',
    ::session('minus', '"quota_max": -1, "quota_remaining": 1'),
    ::session('zero', '"quota_max": 0, "quota_renewal_rate": 60'),
    ::session('past', '"quota_max": 4, "quota_renewal_rate": 60,'
                      . ' "quota_remaining": 1, "quota_renews": 1'))
. "}\n>>> orgs.json\n" . '{"acme": {"quota_max": -1}}'
--- recorder
--- check eval
sub {
    is(asked('minus-key-0123456789', 3), '200 200 200', 'unlimited');
    is(asked('zero-key-0123456789', 3), '200 200 200', 'none');
    is(asked('past-key-0123456789'), 200, 'its renewal is in the past');
    is(scalar(() = told(0)), 0, 'no event');

    is(asked('past-key-0123456789'), 200, 'half of it');
    is(scalar(told(1)), 1, 'is told of');
    is(asked('past-key-0123456789'), 200, 'three of four');

    Clock::advance(61);
    is(asked('past-key-0123456789'), 200, 'the first of the next period');
    is(scalar(told(1)), 1, 'no event of the period that is over');
    is(asked('past-key-0123456789'), 200, 'the second');
    is(scalar(told(2)), 2, 'half of the new one');
}
