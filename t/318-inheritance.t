# Which handlers an event has: those of http, server and location add up.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

worker_connections(512);
run_tests();

__DATA__

=== TEST 1: http, server, location and the location in it
--- http_config
    api_event_handlers * webhook url=$HOOK/http;
--- config
    api_event_handlers * webhook url=$HOOK/server;
    location /a {
        api_id a;
        api_event_handlers * webhook url=$HOOK/location;
        location /a/b {
            api_event_handlers * webhook url=$HOOK/inner;
            empty_gif;
        }
        empty_gif;
    }
    location /c {
        api_id c;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a/b", "GET /c"]
--- error_code eval
[401, 401, 401]
--- recorded_count: 9
--- recorded_check eval
sub {
    my %got;

    $got{$_->{json}{path}} .= " $_->{uri}" for sort { $a->{uri} cmp $b->{uri} } @_;
    is($got{'/a'}, ' /http /location /server', 'a location');
    is($got{'/a/b'}, ' /http /inner /location /server', 'a location in it');
    is($got{'/c'}, ' /http /server', 'a location without handlers');
}

=== TEST 2: off drops what a level would inherit, not what it has
--- http_config
    api_event_handlers * webhook url=$HOOK/http;
--- config
    api_event_handlers * webhook url=$HOOK/server;
    location /none {
        api_id none;
        api_event_handlers off;
        empty_gif;
    }
    location /own {
        api_id own;
        api_event_handlers * webhook url=$HOOK/own;
        api_event_handlers off;
        location /own/inner {
            api_event_handlers * webhook url=$HOOK/inner;
            empty_gif;
        }
        empty_gif;
    }
    location /all {
        api_id all;
        empty_gif;
    }
--- request eval
["GET /none", "GET /own", "GET /own/inner", "GET /all"]
--- error_code eval
[401, 401, 401, 401]
--- recorded_count: 5
--- recorded_check eval
sub {
    my %got;

    $got{$_->{json}{path}} .= " $_->{uri}" for sort { $a->{uri} cmp $b->{uri} } @_;
    is($got{'/own'}, ' /own', 'off and one of its own');
    is($got{'/own/inner'}, ' /inner /own', 'a location in it');
    is($got{'/all'}, ' /http /server', 'another location');
}
--- metrics
apievents_events_raised_total 4
apievents_events_routed_total 4
apievents_events_dropped_total 0
--- metrics_equation

=== TEST 3: off at the server
--- http_config
    api_event_handlers * webhook url=$HOOK/http;
--- config
    api_event_handlers off;
    location /a {
        api_id a;
        api_event_handlers * webhook url=$HOOK/location;
        empty_gif;
    }
--- recorded_count: 1
--- recorded_like
^POST /location

=== TEST 4: events by name, and all of them
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers AuthFailure webhook url=$HOOK/auth;
    api_event_handlers KeyExpired webhook url=$HOOK/expired;
    api_event_handlers QuotaExceeded webhook url=$HOOK/quota;
    api_event_handlers * webhook url=$HOOK/all;
--- user_files
>>> keys.json
{"old-key-0123456789": {"expires": 1, "access_rights": {"a": {}}}}
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["Authorization: old-key-0123456789", "Authorization: unknown"]
--- error_code eval
[401, 403]
--- recorded_count: 4
--- recorded_check eval
sub {
    is("@{[sort map { $_->{uri} . $_->{json}{event} } @_]}",
       '/allAuthFailure /allKeyExpired /authAuthFailure /expiredKeyExpired',
       'handlers and events');
}

=== TEST 5: an event without a handler
--- http_config
    api_event_handlers QuotaExceeded webhook url=$HOOK/quota;
--- recorded_count: 0
--- metrics
apievents_events_raised_total 1
apievents_events_routed_total 1
apievents_deliveries_total 0

=== TEST 6: several of one kind, an event at each once
--- http_config
    api_event_handlers * webhook url=$HOOK/1;
    api_event_handlers * webhook url=$HOOK/2;
    api_event_handlers * webhook url=$HOOK/1 method=PUT;
    api_event_handlers * webhook url=$HOOK/1 "header=X: 1";
    api_event_handlers * log prefix=ONE;
    api_event_handlers * log prefix=TWO;
--- recorded_count: 4
--- check eval
sub {
    is(scalar(() = log_lines('ONE:')), 1, 'the first line');
    is(scalar(() = log_lines('TWO:')), 1, 'the second line');
}

=== TEST 7: one that stands twice is one
--- http_config
    api_event_handlers * webhook url=$HOOK/1;
--- config
    location /a {
        api_id a;
        api_event_handlers AuthFailure webhook url=$HOOK/1;
        api_event_handlers * webhook url=$HOOK/1;
        empty_gif;
    }
--- recorded_count: 1
--- metrics
apievents_deliveries_total 1

=== TEST 8: one endpoint of two locations has one queue
--- config
    location /a {
        api_id a;
        api_event_handlers * webhook url=$HOOK/slow/300 concurrency=1;
        empty_gif;
    }
    location /b {
        api_id b;
        api_event_handlers * webhook url=$HOOK/slow/300 concurrency=1;
        empty_gif;
    }
--- request eval
["GET /a", "GET /b", "GET /a"]
--- error_code eval
[401, 401, 401]
--- recorded_count: 3
--- recorded_check eval
sub {
    is("@{[map { $_->{json}{path} } @_]}", '/a /b /a', 'in their order');
    cmp_ok($_[2]{time} - $_[0]{time}, '>=', 590, 'one after the other');
}

=== TEST 9: what differs in its bounds only is another endpoint
--- config
    location /a {
        api_id a;
        api_event_handlers * webhook url=$HOOK/slow/1000 concurrency=1;
        empty_gif;
    }
    location /b {
        api_id b;
        api_event_handlers * webhook url=$HOOK/slow/1000 concurrency=2;
        empty_gif;
    }
    location /c {
        api_id c;
        api_event_handlers * webhook url=$HOOK/slow/1000 concurrency=2
                           timeout=20s;
        empty_gif;
    }
--- request eval
[map { "GET /$_" } qw(a b c b c)]
--- error_code eval
[(401) x 5]
--- recorded_count: 5
--- recorded_check eval
sub { cmp_ok($_[4]{time} - $_[0]{time}, '<', 950, 'all at once') }

=== TEST 10: events about events go to the handlers of the http level
--- http_config
    api_zone apievents:16m ring=16k;
    api_event_handlers EventsDropped webhook url=$HOOK/http
                       template=../html/event.json;
--- config
    api_event_handlers * webhook url=$HOOK/server;
    large_client_header_buffers 4 32k;
    location /a {
        api_id a;
        api_event_key raw;
        empty_gif;
    }
--- user_files
>>> event.json
{"type": "{{.Type}}", "count": {{.Meta.Count}}}
--- request
GET /a
--- more_headers eval
'Authorization: ' . 'x' x 16384
--- error_code: 403
--- allow_log
events were dropped
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{uri}, '/http', 'of the http level');
    is($_[0]{json}{type}, 'EventsDropped', 'type');
    is($_[0]{json}{count}, 1, 'how many');
}
--- metrics
apievents_events_raised_total 2
apievents_events_dropped_total{reason="too_large"} 1
--- metrics_equation
