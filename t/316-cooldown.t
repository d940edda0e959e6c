# Cooldowns: one of those that are the same goes out at once; what comes while
# it is on its way or within its time is held, and the last of them tells how
# many it stands for.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

# 'path suppressed' of each request
sub seen {
    return map { "$_->{json}{path} $_->{json}{suppressed}" } @_;
}

{
    no warnings 'once';
    *Test::Base::Filter::seen = \&seen;
}

our $Template = <<'END';
>>> event.json
{"path": "{{.Meta.Path}}", "suppressed": {{.Suppressed}}, "id": "{{.ID}}",
 "sequence": {{.Sequence}}, "type": "{{.Type}}"}
END

add_block_preprocessor(sub {
    $_[0]->set_value(user_files => $Template . ($_[0]->user_files // ''));
});

worker_connections(512);
run_tests();

__DATA__

=== TEST 1: one at once, the rest as one at the end
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=2s
                       template=../html/event.json;
--- request eval
[("GET /a") x 5]
--- error_code eval
[(401) x 5]
--- recorded_count: 2
--- recorded_check eval
sub {
    is("@{[seen(@_)]}", '/a 0 /a 3', 'Suppressed');
    is("$_[0]{json}{sequence} $_[1]{json}{sequence}", '1 5', 'the first and the last');
    cmp_ok($_[1]{time} - $_[0]{time}, '>=', 1900, 'when the cooldown ends');
    is($_->{json}{id}, $_->{headers}{'webhook-id'}, 'under its own id') for @_;
}
--- metrics
apievents_deliveries_total 5
apievents_deliveries{state="delivered"} 2
apievents_deliveries{state="suppressed"} 3
--- metrics_equation

=== TEST 2: one alone is not repeated
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=100ms
                       template=../html/event.json;
--- recorded_count: 1
--- check eval
sub { select undef, undef, undef, 0.3; is(scalar(() = recorded()), 1, 'requests in the end') }
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_deliveries{state="pending"} 0

=== TEST 3: a path is one of its own, a query is not
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s
                       template=../html/event.json;
--- request eval
["GET /a/1", "GET /a/2?x", "GET /a/1?y", "GET /a/2"]
--- error_code eval
[(401) x 4]
--- recorded_count: 2
--- recorded_check eval
sub { is("@{[seen(@_)]}", '/a/1 0 /a/2 0', 'paths') }
--- metrics
apievents_deliveries{state="pending"} 2

=== TEST 4: so are a key, a reason, an event and an API
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s
                       template=../html/event.json;
--- config
    location /x {
        api_id a;
        empty_gif;
    }
    location /y {
        rewrite ^ /x break;
        api_id b;
        empty_gif;
    }
--- user_files
>>> keys.json
{"old-key-0123456789": {"expires": 1, "access_rights": {"a": {}, "b": {}}},
 "not-key-0123456789": {"access_rights": {"c": {}}}}
--- request eval
[("GET /x") x 8, "GET /y", "GET /y"]
--- more_headers eval
['X: 1', 'X: 1', 'Authorization: one', 'Authorization: one',
 'Authorization: old-key-0123456789', 'Authorization: old-key-0123456789',
 'Authorization: not-key-0123456789', 'Authorization: not-key-0123456789',
 'X: 1', 'X: 1']
--- error_code eval
[401, 401, 403, 403, 401, 401, 403, 403, 401, 401]
--- recorded_count: 5
--- recorded_check eval
sub {
    is("@{[seen(@_)]}", '/x 0 /x 0 /x 0 /x 0 /y 0', 'all at once');
    is("@{[map { $_->{json}{type} } @_]}",
       'AuthFailure AuthFailure KeyExpired AuthFailure AuthFailure', 'events');
}

=== TEST 5: so is a handler
--- http_config
    api_event_handlers * webhook url=$HOOK/1 cooldown=10s
                       template=../html/event.json;
    api_event_handlers * webhook url=$HOOK/2 cooldown=10s
                       template=../html/event.json;
    api_event_handlers * webhook url=$HOOK/3 template=../html/event.json;
    api_event_handlers * log prefix=LOG cooldown=10s;
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[401, 401]
--- recorded_count: 4
--- recorded_check eval
sub {
    is("@{[sort map { $_->{uri} } @_]}", '/1 /2 /3 /3', 'requests');
    is(scalar(() = log_lines('LOG:')), 1, 'lines');
}

=== TEST 6: the port of a client makes no difference
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s
                       template=../html/event.json;
--- request
GET /a
--- error_code: 401
--- recorded_check eval
sub {
    raise(5);
    is(scalar(() = recorded()), 1, 'requests');
}
--- metrics
apievents_deliveries_total 6

=== TEST 7: what comes while the first is on its way waits
--- http_config
    api_event_handlers * webhook url=$HOOK/slow/700 cooldown=1s
                       template=../html/event.json;
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- recorded_count: 2
--- recorded_check eval
sub {
    is("@{[seen(@_)]}", '/a 0 /a 1', 'Suppressed');
    cmp_ok($_[1]{time} - $_[0]{time}, '>=', 900, 'when the cooldown ends');
}

=== TEST 8: if the first fails, one that waits is sent
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/flaky/2 cooldown=10s
                       template=../html/event.json;
--- request eval
[("GET /a") x 4]
--- error_code eval
[(401) x 4]
--- recorded_count: 3
--- recorded_check eval
sub {
    is("@{[map { $_->{status} } @_]}", '500 500 200', 'statuses');
}
--- metrics
apievents_deliveries{state="dead"} 2
apievents_deliveries{state="delivered"} 1
--- metrics_equation

=== TEST 9: it begins anew after its end
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=200ms
                       template=../html/event.json;
--- recorded_count: 1
--- check eval
sub {
    select undef, undef, undef, 0.3;
    raise(1);
    ok(wait_for(sub { (() = recorded()) == 2 }), 'a second one');
    is("@{[seen(recorded())]}", '/a 0 /a 0', 'Suppressed');
}

=== TEST 10: the one that ends a cooldown begins the next
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=1s
                       template=../html/event.json;
--- request eval
[("GET /a") x 2]
--- error_code eval
[(401) x 2]
--- recorded_count: 2
--- check eval
sub {
    raise(3);
    is(scalar(() = recorded()), 2, 'held again');
    ok(wait_for(sub { (() = recorded()) == 3 }), 'until its end');
    is("@{[seen(recorded())]}", '/a 0 /a 0 /a 2', 'Suppressed');
}

=== TEST 11: one at once over all workers
--- workers: 2
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s
                       template=../html/event.json;
--- request
GET /a
--- error_code: 401
--- recorded_check eval
sub {
    raise(40);
    select undef, undef, undef, 0.2;
    is(scalar(() = recorded()), 1, 'requests');
}
--- metrics
apievents_deliveries_total 41
apievents_deliveries{state="pending"} 1
apievents_deliveries{state="suppressed"} 39

=== TEST 12: event_timeout of a definition
--- http_config
--- config
    location /a {
        api_definition ../html/api.json;
        empty_gif;
    }
--- user_files eval
">>> api.json\n" . <<"END"
{"api_id": "a", "use_keyless": false, "event_handlers": {"events": {
 "AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
   "method": "POST", "target_path": "http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/ok",
   "template_path": "../html/event.json", "header_map": {"X-Own": "1"},
   "event_timeout": 10}}]}}}
END
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- recorded_count: 1
--- recorded_check eval
sub { is($_[0]{headers}{'x-own'}, '1', 'header_map') }

=== TEST 13: what is told of one API, or by other headers, silences nothing else
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s template=../html/same.txt;
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s template=../html/same.txt
                                 "header=X-Own: 1";
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s template=../html/same.txt
                                 method=PUT;
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s template=../html/same.txt
                                 secret=whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=;
--- config
    location /x { api_id a; empty_gif; }
    location /y { rewrite ^ /x break; api_id b; empty_gif; }
--- user_files
>>> same.txt
always the same
--- request eval
["GET /x", "GET /y", "GET /x", "GET /y"]
--- error_code eval
[(401) x 4]
--- recorded_count: 8
--- recorded_check eval
sub {
    is("@{[sort map { ($_->{headers}{'webhook-signature'} ? 'signed' : '')
                      . ($_->{headers}{'x-own'} // '') . $_->{method} } @_]}",
       '1POST 1POST POST POST PUT PUT signedPOST signedPOST', 'requests');
    is("@{[grep { $_->{body} !~ /^always the same\n?\z/ } @_]}", '', 'bodies');
}
--- metrics
apievents_deliveries{state="pending"} 8

=== TEST 14: nor does a body that is the same for other keys, paths and reasons
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s template=../html/same.txt;
--- user_files
>>> same.txt
always the same
--- request eval
["GET /a", "GET /a", "GET /a/1", "GET /a", "GET /a"]
--- more_headers eval
['X: 1', 'Authorization: one-key-0123456789', 'X: 1',
 'Authorization: two-key-0123456789', 'Authorization: one-key-0123456789']
--- error_code eval
[401, 403, 401, 403, 403]
--- recorded_count: 4
--- metrics
apievents_deliveries_total 5
apievents_deliveries{state="pending"} 1

=== TEST 15: alike events are alike, whatever differs in their bodies
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=10s template=../html/all.json;
--- user_files
>>> all.json
{"suppressed": {{.Suppressed}}, "all": "{{.ID}} {{.TimeStamp}} {{.Sequence}} {{.Meta.Origin}}
{{.Meta.OriginatingRequest}}"}
--- request eval
["GET /a", "POST /a\nbody", "GET /a?query", "PUT /a\nother", "GET /a"]
--- more_headers eval
['X: 1', 'X: 2', 'X: 3', 'Y: 4', "User-Agent: other\nConnection: close"]
--- error_code eval
[(401) x 5]
--- recorded_count: 1
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_deliveries{state="suppressed"} 3
apievents_deliveries{state="pending"} 1

=== TEST 16: an event_timeout of 0, or none, is no cooldown
--- config
    location /a {
        api_definition ../html/api.json;
        empty_gif;
    }
--- user_files eval
">>> api.json\n" . <<"END"
{"api_id": "a", "use_keyless": false, "event_handlers": {"events": {
 "AuthFailure": [
  {"handler_name": "eh_web_hook_handler", "handler_meta": {
   "method": "POST", "target_path": "http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/0",
   "event_timeout": 0}},
  {"handler_name": "eh_web_hook_handler", "handler_meta": {
   "method": "POST", "target_path": "http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/none"}}
 ]}}}
END
--- request eval
[("GET /a") x 4]
--- error_code eval
[(401) x 4]
--- recorded_count: 8
--- recorded_check eval
sub { is("@{[sort map { $_->{uri} } @_]}", '/0 /0 /0 /0 /none /none /none /none', 'each') }

=== TEST 17: a receiver that fails silences nothing, however it fails
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/status/500 cooldown=10s retry=off concurrency=1;
    api_event_handlers AuthFailure webhook url=$HOOK/close cooldown=10s retry=off;
    api_event_handlers AuthFailure webhook url=$HOOK/hang cooldown=10s retry=off timeout=200ms;
    api_event_handlers AuthFailure webhook url=http://127.0.0.1:1/ cooldown=10s retry=off;
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- recorded_count: 9
--- recorded_check eval
sub {
    is("@{[sort map { $_->{uri} } @_]}",
       '/close /close /close /hang /hang /hang /status/500 /status/500 /status/500',
       'each is tried');
}
--- metrics
apievents_deliveries{state="dead"} 12
apievents_deliveries{state="suppressed"} 0
