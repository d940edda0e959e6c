# Webhooks that are defined once and used by their name.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

run_tests();

__DATA__

=== TEST 1: a webhook that is used by its name
--- http_config
    api_webhook hook.1_A-z url=$HOOK/ok method=PUT "header=X-A: b" retry=off;
    api_event_handlers AuthFailure webhook use=hook.1_A-z;
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{method}, 'PUT', 'method');
    is($_[0]{headers}{'x-a'}, 'b', 'header');
}

=== TEST 2: all uses are one endpoint, and one that says the same is
--- http_config
    api_webhook hook url=$HOOK/ok retry=off;
    api_event_handlers AuthFailure webhook use=hook;
    api_event_handlers * eh_web_hook_handler use=hook;
    api_event_handlers * webhook url=$HOOK/ok retry=off;
--- recorded_count: 1

=== TEST 3: two of them
--- http_config
    api_webhook one url=$HOOK/1 retry=off;
    api_webhook two url=$HOOK/2 retry=off;
    api_webhook three url=$HOOK/3 retry=off;
    api_event_handlers AuthFailure webhook use=two;
    api_event_handlers KeyExpired webhook use=three;
--- config
    location /a {
        api_id a;
        api_event_handlers AuthFailure webhook use=one;
        empty_gif;
    }
--- recorded_count: 2
--- recorded_check eval
sub { is(CORE::join(' ', sort map { $_->{uri} } @_), '/1 /2', 'what is used') }

=== TEST 4: an own cooldown, that of the webhook, and none
--- http_config
    api_webhook hook url=$HOOK/ok retry=off cooldown=1h;
    api_webhook none url=$HOOK/none retry=off;
    api_event_handlers AuthFailure webhook use=hook;
    api_event_handlers AuthFailure webhook use=none;
--- config
    location /a {
        api_id a;
        empty_gif;
    }
    location /b {
        api_id b;
        api_event_handlers off;
        api_event_handlers AuthFailure webhook use=hook cooldown=0;
        api_event_handlers AuthFailure webhook use=none cooldown=1h;
        empty_gif;
    }
--- recorder
--- check eval
sub {
    raise(3);
    raise(4, '/b');
    ok(wait_for(sub { (() = recorded()) == 10 }), 'all');

    my %n;
    $n{"$_->{uri} " . ($_->{body} =~ m{"(/[ab])"} ? $1 : $_->{body})}++ for recorded();

    is(CORE::join(', ', map { "$_ $n{$_}" } sort keys %n),
       '/none /a 4, /none /b 1, /ok /a 1, /ok /b 4', 'of each');
}

=== TEST 5: a name that is not there
--- http_config
    api_event_handlers AuthFailure webhook use=hook;
    api_webhook hook url=$HOOK/ok;
--- emerg
unknown webhook "use=hook", the name of an "api_webhook" that stands above is expected in
nginx.conf:

=== TEST 6: one that is there twice
--- http_config
    api_webhook hook url=$HOOK/ok;
    api_webhook hook url=$HOOK/other;
--- emerg
duplicate webhook "hook", another name is expected in
nginx.conf:

=== TEST 7: a wrong parameter
--- http_config
    api_webhook hook url=$HOOK/ok methods=POST;
--- emerg
unknown or repeated parameter "methods" of handler "webhook" in
nginx.conf:

=== TEST 8: no URL
--- http_config
    api_webhook hook method=POST;
--- emerg
"url=" is expected for handler "webhook" in

=== TEST 9: a wrong name
--- http_config
    api_webhook a/b url=$HOOK/ok;
--- emerg
invalid name "a/b", 1 to 64 letters, digits, "-", "." or "_" are expected in

=== TEST 10: no name
--- http_config
    api_webhook "" url=$HOOK/ok;
--- emerg
invalid name "", 1 to 64

=== TEST 11: a name that is too long
--- http_config eval
'api_webhook ' . 'a' x 65 . ' url=$HOOK/ok;'
--- emerg eval
'invalid name "' . 'a' x 65 . '", 1 to 64'

=== TEST 12: as long as it may be
--- http_config eval
'api_webhook ' . 'a' x 64 . ' url=$HOOK/ok; api_event_handlers * webhook use=' . 'a' x 64 . ';'
--- recorded_count: 1

=== TEST 13: another parameter beside it
--- http_config
    api_webhook hook url=$HOOK/ok;
    api_event_handlers AuthFailure webhook use=hook timeout=3s;
--- emerg
parameter "timeout" stands beside "use=hook", only "cooldown=" is expected there in

=== TEST 14: a name of a name
--- http_config
    api_webhook hook url=$HOOK/ok;
    api_webhook other use=hook;
--- emerg
invalid parameter "use=hook" of "api_webhook", "url=" is expected in

=== TEST 15: a wrong cooldown of its own
--- http_config
    api_webhook hook url=$HOOK/ok;
    api_event_handlers AuthFailure webhook use=hook cooldown=x;
--- emerg
invalid "cooldown=x", a time such as "10s" is expected in

=== TEST 16: of a handler that is none
--- http_config
    api_webhook hook url=$HOOK/ok;
    api_event_handlers AuthFailure log use=hook;
--- emerg
unknown or repeated parameter "use" of handler "log"

=== TEST 17: elsewhere than at the http level
--- config
    api_webhook hook url=http://localhost/;
--- emerg
"api_webhook" directive is not allowed here

=== TEST 18: of a monitor
--- http_config
    api_webhook hook url=$HOOK/monitor retry=off;
    api_keys $TEST_NGINX_SERVER_ROOT/html/keys.json;
--- user_files
>>> keys.json
{"quota-key-0123456789": {"quota_max": 2, "quota_renewal_rate": 3600,
                          "access_rights": {"orders": {}}}}
--- config
    location /a {
        api_id orders;
        api_monitor limits=50 keys=on webhook use=hook;
        empty_gif;
    }
--- request
GET /a
--- more_headers
Authorization: quota-key-0123456789
--- error_code: 200
--- recorded_count: 1
--- recorded_check eval
sub { is($_[0]{uri}, '/monitor', 'where') }
