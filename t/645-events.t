# Events as they are listed, and what kinds of them there are.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# of the list with these arguments, when there are so many
sub events {
    my ($n, $arguments) = @_;
    my $doc;

    ApiEvents::wait_for(sub {
        $doc = (call(GET => 'events' . ($arguments // '')))[1];
        ref $doc eq 'HASH' && @{ $doc->{items} // [] } >= $n
    });

    return @{ $doc->{items} };
}

# names of all members, those of members too, but for what is in $open
sub keys_of {
    my ($value, $path, $open) = @_;

    return ref $value ne 'HASH' || ($open && $path =~ $open) ? $path
           : map { keys_of($value->{$_}, "$path.$_", $open) } sort keys %$value;
}

run_tests();

__DATA__

=== TEST 1: newest first, by type, API, organisation and key
--- http_config
    api_keys $TEST_NGINX_SERVER_ROOT/html/keys.json;
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
--- user_files eval
qq(>>> keys.json\n{"0123456789abcdef0123": {"rate": 1, "per": 3600, "org_id": "acme",
"access_rights": {"a": {"api_id": "a"}}}}\n)
--- config
    location /a { api_id a; api_org acme; empty_gif; }
    location /b { api_id b; api_org other; empty_gif; }
--- recorder
--- check eval
sub {
    for my $i (1 .. 3) {
        ApiEvents::http_get('/a');
        ApiEvents::http_get('/b');
    }
    ApiEvents::http_get('/a', undef, "Authorization: 0123456789abcdef0123\r\n") for 1 .. 2;

    my @all = ::events(7);
    is(scalar @all, 7, 'all');
    is("@{[map { $_->{id} } @all]}", "@{[CORE::reverse sort map { $_->{id} } @all]}", 'in order');
    is("@{[sort keys %{ $all[0] }]}", 'api_id event id key_id org_id time', 'members');
    like($all[0]{time}, qr/^20\d\d-\d\d-\d\dT/, 'time');

    my ($limited) = grep { $_->{event} eq 'RatelimitExceeded' } @all;
    is($limited->{org_id}, 'acme', 'organisation');
    like($limited->{key_id}, qr/^[0-9a-f]{32}$/, 'key');

    is(scalar ::events(1, "?key=$limited->{key_id}"), 1, 'by key');
    is(scalar ::events(3, '?api=b'), 3, 'by API');
    is(scalar ::events(3, '?org=other&type=AuthFailure'), 3, 'by organisation and type');
    is(scalar ::events(1, '?event=RatelimitExceeded'), 1, 'by its other name');
    is(scalar ::events(7, "?since=$all[-1]{time}"), 7, 'since');
    is(scalar ::events(0, '?since=2099-01-01T00:00:00Z'), 0, 'since later');
    is(scalar ::events(0, '?until=2001-01-01T00:00:00Z'), 0, 'until earlier');

    my ($before, @pages) = ('');
    for (1 .. 9) {
        my $doc = (::call(GET => "events?limit=2$before", undef, user => 'eye'))[1];
        push @pages, map { $_->{id} } @{ $doc->{items} };
        last if !defined $doc->{next};
        $before = "&before=$doc->{next}";
    }
    is("@pages", "@{[map { $_->{id} } @all]}", 'pages');

    is((::call(GET => "events/$limited->{id}"))[1]{ID}, $limited->{id}, 'one');
}

=== TEST 2: what is asked wrong
--- check eval
sub {
    for ([ 'limit=0', qr/^limit: / ], [ 'limit=1001', qr/^limit: / ],
         [ 'before=1', qr/^before: / ], [ 'key=x', qr/^key: / ],
         [ 'since=x', qr/^from: / ], [ 'until=x', qr/^to: / ])
    {
        my ($status, $doc) = ::call(GET => "events?$_->[0]");
        is($status, 400, $_->[0]);
        like($doc->{message}, $_->[1], 'what is expected');
    }
    is(::status(POST => 'events', {}), 405, 'they are not posted');
    is(::status(GET => 'events', undef, user => undef), 403, 'nor shown to all');
}

=== TEST 3: without a store
--- http_config
    api_store off;
--- check eval
sub {
    my ($status, $doc) = ::call(GET => 'events');
    is($status, 503, 'no list');
    like($doc->{message}, qr/api_store/, 'and why');
    is(::status(GET => 'events/types'), 200, 'types there are');
}

=== TEST 4: kinds of events, each with an example
--- check eval
sub {
    my %types = map { $_->{event} => $_ }
                @{ (::call(GET => 'events/types', undef, user => 'eye'))[1]{items} };

    for (qw(QuotaExceeded RatelimitExceeded AuthFailure KeyExpired VersionFailure OrgQuotaExceeded
            OrgRateLimitExceeded TriggerExceeded BreakerTripped BreakerReset BreakerTriggered
            HostDown HostUp TokenCreated TokenUpdated TokenDeleted EndpointDisabled
            EndpointRecovered DeliveryDead EventsDropped StoreDown StoreUp LimiterOverflow
            app.created plan.deleted system-config.updated api_event.created
            key_request_event.approved))
    {
        my $type = delete $types{$_} // {};
        my $example = $type->{example} // {};

        is($example->{EventType}, $_, $_);
        is_deeply($example->{EventMetaData}, $example->{Meta}, 'both spellings');
        like($example->{ID}, qr/^evt_[0-9a-f]{8}-[0-9a-f]{4}-7/, 'an id');
        like($type->{description}, qr/^[A-Z].*\.$/, 'a description');
    }
    ok(!grep({ !/\./ } keys %types), 'no other without a family');
}

=== TEST 5: an example has what the real one has
--- http_config
    api_keys $TEST_NGINX_SERVER_ROOT/html/keys.json;
    api_event_handlers * js path=../html/all.js;
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/status/410 retry=off;
    api_event_handlers * log;
    api_monitor limits=50 keys=on;
--- user_files eval
qq(>>> keys.json\n{"0123456789abcdef0123": {"rate": 9, "per": 3600, "quota_max": 2, "alias": "it",
"quota_renewal_rate": 3600, "org_id": "acme", "access_rights": {"a": {"api_id": "a", "versions": ["v1"]}}},
"0123456789abcdef0124": {"rate": 1, "per": 3600, "org_id": "acme", "alias": "it",
"access_rights": {"a": {"api_id": "a", "versions": ["v1"]}}}}\n)
. ">>> all.js\nexport default { handle: function () { } };\n"
--- config
    location /a { api_id a; api_org acme; empty_gif; }
    location /b { api_id b; api_auth off; api_breaker samples=1 window=1h open=1h; proxy_pass http://127.0.0.1:1; }
--- allow_log eval
[qr/./]
--- recorder
--- check eval
sub {
    ApiEvents::http_get('/a', undef, "Authorization: 0123456789abcdef0123\r\n") for 1 .. 3;
    ApiEvents::http_get('/a', undef, "Authorization: 0123456789abcdef0124\r\n") for 1 .. 2;
    ApiEvents::http_get('/a');
    ApiEvents::http_get('/b');
    ::call(POST => 'apps', { id => '1' });
    ::call(PUT => 'apps/1', { id => '1' });

    my %types = map { $_->{event} => $_->{example} }
                @{ (::call(GET => 'events/types'))[1]{items} };

    for (qw(QuotaExceeded RatelimitExceeded AuthFailure TriggerExceeded BreakerTripped BreakerTriggered
            app.created app.updated EndpointDisabled))
    {
        my ($event) = ::events(1, "?type=$_");
        ok($event, "$_ was raised") or next;
        my $real = (::call(GET => "events/$event->{id}"))[1];

        is("@{[::keys_of($types{$_}, '')]}", "@{[::keys_of($real, '')]}", 'as its example');
    }
}
