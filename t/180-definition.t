# api_definition: what a Tyk classic definition says of an API.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: a script, as Tyk's document prints it
--- http_config
    api_script_path $TEST_NGINX_SERVER_ROOT/html;
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        empty_gif;
    }
--- user_files
>>> orders.json
{
  "event_handlers": {
    "events": {
      "KeyExpired": [
        {
          "handler_name":"eh_dynamic_handler",
          "handler_meta": {
            "name": "sessionHandler",
            "path": "event_handlers/session_editor.js"
          }
        }
      ]
    }
  }
}
>>> event_handlers/session_editor.js
// ---- Sample custom event handler -----
var sessionHandler = new TykJS.TykEventHandlers.NewEventHandler({});

sessionHandler.NewHandler(function(event, context) {
  // You can log to Tyk console output by calling the built-in log() function:
  log("This handler does nothing, but this will appear in your terminal")

  return
});
--- request
GET /a
--- more_headers
Authorization: expired-key-0123456789
--- error_code: 401
--- error_log
This handler does nothing, but this will appear in your terminal

=== TEST 2: a log and a webhook, as Tyk's document prints them
--- http_config
    resolver 127.0.0.1:1 ipv6=off;
    resolver_timeout 100ms;
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        empty_gif;
    }
--- user_files eval
">>> orders.json\n{\n" . <<'END' . "}\n"
"event_handlers": {
        "events": {
            "QuotaExceeded": [
                {
                    "handler_name":"eh_log_handler",
                    "handler_meta": {
                        "prefix": "LOG-HANDLER-PREFIX"
                    }
                },
                {
                    "handler_name":"eh_web_hook_handler",
                    "handler_meta": {
                        "method": "POST",
                        "target_path": "http://posttestserver.com/post.php?dir=tyk-event-test",
                        "template_path": "templates/default_webhook.json",
                        "header_map": {"X-Tyk-Test-Header": "Tyk v1.BANANA"},
                        "event_timeout": 10
                    }
                }
            ]
        }
}
END
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200, 403]
--- check eval
sub {
    for my $seen (qr/LOG-HANDLER-PREFIX:QuotaExceeded/,
                  qr/posttestserver\.com/)
    {
        wait_for(sub { error_log_text() =~ $seen });
        like(error_log_text(), $seen, 'the log');
    }
}

=== TEST 3: the same webhook, to a receiver that is there: within its time one event
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        empty_gif;
    }
--- user_files eval
">>> orders.json\n{\n" . <<'END' . "}\n"
"event_handlers": {
        "events": {
            "QuotaExceeded": [
                {
                    "handler_name":"eh_log_handler",
                    "handler_meta": {
                        "prefix": "LOG-HANDLER-PREFIX"
                    }
                },
                {
                    "handler_name":"eh_web_hook_handler",
                    "handler_meta": {
                        "method": "POST",
                        "target_path": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/post.php?dir=tyk-event-test",
                        "template_path": "templates/default_webhook.json",
                        "header_map": {"X-Tyk-Test-Header": "Tyk v1.BANANA"},
                        "event_timeout": 10
                    }
                }
            ]
        }
}
END
--- request eval
[map "GET /a", 1 .. 4]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200, 403, 403]
--- recorded_like eval
qr{^POST /post\.php\?dir=tyk-event-test\n}
--- recorded_check eval
sub {
    my ($r) = @_;

    is($r->{headers}{'x-tyk-test-header'}, 'Tyk v1.BANANA', 'header');
    is($r->{headers}{'content-type'}, 'application/json', 'type');
    is($r->{json}{event}, 'QuotaExceeded', 'event');
    is($r->{json}{key}, 'quota-key-0123456789', 'the key, raw');
    is($r->{json}{path}, '/a', 'path');
}

=== TEST 4: all that is understood, and nothing to report
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{
    "name": "Orders", "slug": "orders", "id": "5e9d9544a1dcd60001d0ed20",
    "api_id": "orders", "org_id": "tyk", "active": true,
    "use_keyless": false, "use_standard_auth": true,
    "auth": {"auth_header_name": "X-Key"},
    "global_rate_limit": {"disabled": false, "rate": 2, "per": 3600},
    "definition": {"location": "header", "key": "x-api-version"},
    "version_data": {
        "not_versioned": true,
        "versions": {"Default": {"name": "Default", "expires": "",
                                 "use_extended_paths": true,
                                 "paths": {"ignored": [], "white_list": []},
                                 "extended_paths": {"circuit_breakers": []},
                                 "global_headers": {}}}
    },
    "CORS": {"enable": false}, "enable_jwt": false, "uptime_tests": {
        "check_list": [], "config": {"expire_utime_after": 0}},
    "proxy": {"listen_path": "/orders/", "target_url": "http://upstream/"},
    "event_handlers": {"events": null}, "tags": ["a"], "config_data": {"b": 1},
    "response_processors": [], "expiration": "-1", "cache_options": null
}
--- request eval
[map "GET /a", 1 .. 6]
--- more_headers eval
["", "Authorization: good-key-0123456789", "X-Key: bad",
 ("X-Key: good-key-0123456789") x 3]
--- error_code eval
[401, 401, 403, 200, 200, 429]
--- no_error_log
[warn]
--- recorded_count: 4
--- recorded_check eval
sub {
    my ($rate) = grep { $_->{json}{EventType} eq 'RatelimitExceeded' } @_;
    my ($bad) = grep { $_->{json}{EventMetaData}{Key} eq 'bad' } @_;

    event($rate, 'RatelimitExceeded', Key => 'apilimiter-tykorders',
          APIID => 'orders', OrgID => 'tyk');
    ok($bad, 'the key, raw');
}

=== TEST 5: directives beside it win, wherever they stand
--- config
    location /a {
        api_id mine;
        api_auth header=X-Mine;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        api_org me;
        api_rate 1r/d;
        api_event_key masked;
        empty_gif;
    }
--- user_files
>>> orders.json
{
    "name": "Orders", "slug": "orders", "id": "5e9d9544a1dcd60001d0ed20",
    "api_id": "orders", "org_id": "tyk", "active": true,
    "use_keyless": false, "use_standard_auth": true,
    "auth": {"auth_header_name": "X-Key"},
    "global_rate_limit": {"disabled": false, "rate": 2, "per": 3600},
    "definition": {"location": "header", "key": "x-api-version"},
    "version_data": {
        "not_versioned": true,
        "versions": {"Default": {"name": "Default", "expires": "",
                                 "use_extended_paths": true,
                                 "paths": {"ignored": [], "white_list": []},
                                 "extended_paths": {"circuit_breakers": []},
                                 "global_headers": {}}}
    },
    "CORS": {"enable": false}, "enable_jwt": false, "uptime_tests": {
        "check_list": [], "config": {"expire_utime_after": 0}},
    "proxy": {"listen_path": "/orders/", "target_url": "http://upstream/"},
    "event_handlers": {"events": null}, "tags": ["a"], "config_data": {"b": 1},
    "response_processors": [], "expiration": "-1", "cache_options": null
}
>>> keys.json
{"good-key-0123456789": {"access_rights": {"mine": {}}}}
--- request eval
[map "GET /a", 1 .. 4]
--- more_headers eval
["X-Key: good-key-0123456789", "X-Mine: bad-key-0123456789",
 ("X-Mine: good-key-0123456789") x 2]
--- error_code eval
[401, 403, 200, 429]
--- recorded_count: 3
--- recorded_check eval
sub {
    is(CORE::join(' ', sort map { $_->{json}{EventMetaData}{Key} } @_),
       ' ****6789 apilimiter-memine', 'keys');
}

=== TEST 6: a directive further out yields to it, but not what says how keys are shown
--- http_config
    api_auth header=X-Other;
    api_rate 1r/d;
    api_event_key hash;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{
    "name": "Orders", "slug": "orders", "id": "5e9d9544a1dcd60001d0ed20",
    "api_id": "orders", "org_id": "tyk", "active": true,
    "use_keyless": false, "use_standard_auth": true,
    "auth": {"auth_header_name": "X-Key"},
    "global_rate_limit": {"disabled": false, "rate": 2, "per": 3600},
    "definition": {"location": "header", "key": "x-api-version"},
    "version_data": {
        "not_versioned": true,
        "versions": {"Default": {"name": "Default", "expires": "",
                                 "use_extended_paths": true,
                                 "paths": {"ignored": [], "white_list": []},
                                 "extended_paths": {"circuit_breakers": []},
                                 "global_headers": {}}}
    },
    "CORS": {"enable": false}, "enable_jwt": false, "uptime_tests": {
        "check_list": [], "config": {"expire_utime_after": 0}},
    "proxy": {"listen_path": "/orders/", "target_url": "http://upstream/"},
    "event_handlers": {"events": null}, "tags": ["a"], "config_data": {"b": 1},
    "response_processors": [], "expiration": "-1", "cache_options": null
}
--- request eval
[map "GET /a", 1 .. 4]
--- more_headers eval
["X-Other: good-key-0123456789", ("X-Key: good-key-0123456789") x 2,
 "X-Key: bad"]
--- error_code eval
[401, 200, 200, 403]
--- recorded_count: 2
--- recorded_check eval
sub {
    my ($bad) = grep { $_->{json}{EventMetaData}{Key} ne '' } @_;
    event($bad, 'AuthFailure', Key => qr/^[0-9a-f]{32}$/);
}

=== TEST 7: what it does not say is inherited
--- http_config
    api_auth query=k;
    api_rate 1r/d;
    api_org out;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{"api_id": "orders", "global_rate_limit": {"rate": 0, "per": 0}}
--- request eval
["GET /a", "GET /a?k=good-key-0123456789", "GET /a?k=good-key-0123456789"]
--- error_code eval
[401, 200, 429]

=== TEST 8: an API that is not active is not there
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{"api_id": "orders", "active": false}
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: good-key-0123456789"]
--- error_code eval
[404, 404]
--- response_headers eval
[("Content-Type: text/plain") x 2]
--- response_body eval
["Not Found", "Not Found"]
--- recorded_count: 0

=== TEST 9: keyless
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{"api_id": "orders", "use_keyless": true,
  "auth": {"auth_header_name": "X-Key"}}
--- request
GET /a

=== TEST 10: not keyless, where others are
--- http_config
    api_auth off;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{"api_id": "orders", "use_keyless": false}
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: good-key-0123456789"]
--- error_code eval
[401, 200]

=== TEST 11: parameter and cookie override the header, and have its name
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{"api_id": "orders", "auth_configs": {"authToken": {
    "auth_header_name": "k", "use_param": true, "use_cookie": true}},
  "auth": {"auth_header_name": "other"}}
--- request eval
["GET /a", "GET /a?k=good-key-0123456789", "GET /a?k=bad",
 "GET /a?k=good-key-0123456789"]
--- more_headers eval
["k: good-key-0123456789", "k: bad", "k: good-key-0123456789",
 "Cookie: k=bad"]
--- error_code eval
[200, 200, 403, 403]

=== TEST 12: no header
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{"api_id": "orders", "auth": {"disable_header": true, "use_param": true,
  "param_name": "p", "use_cookie": true, "cookie_name": "c"}}
--- request eval
["GET /a", "GET /a?p=good-key-0123456789", "GET /a"]
--- more_headers eval
["Authorization: good-key-0123456789", "", "Cookie: c=good-key-0123456789"]
--- error_code eval
[401, 200, 200]

=== TEST 13: rates and quotas of keys may be switched off
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; empty_gif; }
--- user_files
>>> orders.json
{"api_id": "orders", "disable_rate_limit": true, "disable_quota": true,
  "global_rate_limit": {"rate": 1, "per": 60}}
--- request eval
[map "GET /a", 1 .. 4]
--- more_headers
Authorization: both-key-0123456789
--- error_code eval
[200, 200, 200, 200]

=== TEST 14: a rate that is off, and one of less than one
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/a.json; empty_gif; }
    location /b { api_definition $TEST_NGINX_SERVER_ROOT/html/b.json; empty_gif; }
--- http_config
    api_rate 1r/d;
    api_auth off;
--- user_files
>>> a.json
{"api_id": "a", "global_rate_limit": {"disabled": true, "rate": 1,
                                     "per": 60}}
>>> b.json
{"api_id": "b", "global_rate_limit": {"rate": 0.5, "per": 60}}
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b"]
--- error_code eval
[200, 200, 200, 429]

=== TEST 15: handlers that are switched off, and handlers of one event
--- config
    location /a {
        api_event_handlers off;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        api_event_handlers AuthFailure log prefix=C;
        empty_gif;
    }
--- user_files
>>> orders.json
{"api_id": "orders", "event_handlers": {"events": {"AuthFailure": [
  {"handler_name": "eh_log_handler", "handler_meta": {"prefix": "A"}},
  {"handler_name": "eh_log_handler", "handler_meta": {"prefix": "B",
                                                      "disabled": true}},
  {"handler_name": "eh_log_handler"}
]}}}
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    wait_for(sub { error_log_text() =~ /C:AuthFailure/ });
    my $log = error_log_text();
    like($log, qr/: A:AuthFailure/, 'A');
    like($log, qr/: AuthFailure:/, 'without a prefix');
    unlike($log, qr/: B:/, 'B is off');
}

=== TEST 16: hostile text in a definition stays text
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        empty_gif;
    }
--- user_files
>>> orders.json
{"api_id": "orders", "event_handlers": {"events": {"AuthFailure": [
  {"handler_name": "eh_web_hook_handler", "handler_meta": {
     "method": "put",
     "target_path": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/a?b=;}c'$d",
     "header_map": {"X-One": "a; } server { \" ' $host \\ #", "x-two": ""}}}
]}}}
--- request
GET /a
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{method}, 'PUT', 'method');
    is($_[0]{uri}, q(/a?b=;}c'$d), 'uri');
    is($_[0]{headers}{'x-one'}, q(a; } server { " ' $host \ #), 'header');
}

=== TEST 17: methods that are none become GET, with a warning
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        empty_gif;
    }
--- user_files
>>> orders.json
{"api_id": "orders", "event_handlers": {"events": {"AuthFailure": [
  {"handler_name": "eh_web_hook_handler", "handler_meta": {
     "method": "BREW",
     "target_path": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/1"}},
  {"handler_name": "eh_web_hook_handler", "handler_meta": {
     "target_path": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/2"}}
]}}}
--- request
GET /a
--- error_code: 401
--- recorded_count: 2
--- recorded_check eval
sub { is($_->{method}, 'GET', 'method') for @_ }
--- check eval
sub {
    my $log = error_log_text();
    like($log, qr/\[warn\].* webhook method "BREW" is taken as GET, expected GET, PUT, POST, DELETE or PATCH in .*orders\.json:3$/m,
         'the wrong one');
    like($log, qr/webhook method "" is taken as GET.* in .*orders\.json:5$/m,
         'the missing one');
}

=== TEST 18: what is ignored is named once
--- config
    location /a {
        api_id orders;
        api_event_handlers off;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        empty_gif;
    }
--- user_files
>>> orders.json
{
    "enable_jwt": true, "use_oauth2": true, "use_basic_auth": true,
    "expiration": "2030-01-01 00:00",
    "custom_middleware": {"pre": [{"name": "a"}], "post": []},
    "cache_options": {"enable_cache": true, "cache_all_safe_requests": true}, "session_lifetime": 10,
    "uptime_tests": {"check_list": [{"url": "http://a/"}]},
    "definition": {"location": "header"},
    "version_data": {
        "default_version": "v1",
        "not_versioned": false,
        "versions": {
            "v1": {"expires": "2030-01-01 00:00", "use_extended_paths": true,
                   "extended_paths": {"validate_json": [{}],
                                      "virtual": []}},
            "v2": {"use_extended_paths": false,
                   "extended_paths": {"url_rewrites": [{}]},
                   "override_target": "http://a/"}
        }
    },
    "event_handlers": {"events": {
        "RateLimitSmoothingUp": [{"handler_name": "eh_log_handler"}],
        "RateLimitSmoothingDown": [],
        "AuthFailure": [{"handler_name": "cp_dynamic_handler",
                         "handler_meta": {"name": "a"}}]
    }}
}
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my @lines = error_log_text() =~ /(\[warn\].*)/g;

    is(scalar @lines, 1, 'one line');
    like($lines[0], qr{not supported and ignored in definition "\S+/orders\.json": },
         'the line');
    is(CORE::join(' ', sort split /, /, ($lines[0] =~ /json": (.*)$/)[0]),
       'RateLimitSmoothingUp cache_options.enable_cache '
       . 'cp_dynamic_handler custom_middleware.pre enable_jwt '
       . 'extended_paths.validate_json override_target session_lifetime '
       . 'uptime_tests.check_list use_basic_auth use_oauth2',
       'names');
}

=== TEST 19: no JSON
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
api_id: orders
--- emerg
invalid definition:
html/orders.json:1

=== TEST 20: JSON that ends too early
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"api_id": "orders",

--- emerg
invalid definition:
orders.json:

=== TEST 21: a comma too many
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"api_id": "orders",
}
--- emerg
invalid definition:
html/orders.json:3

=== TEST 22: an array
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json

[]
--- emerg
invalid "definition", expected an object in
html/orders.json:2

=== TEST 23: an empty file
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json

--- emerg
invalid definition:
html/orders.json:1

=== TEST 24: wrong type: api_id
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"api_id": 5
}
--- emerg
invalid "api_id", expected a string in
html/orders.json:2

=== TEST 25: wrong type: org_id
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"org_id": {}
}
--- emerg
invalid "org_id", expected a string in
html/orders.json:2

=== TEST 26: wrong type: api_id, other characters
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"api_id": "a b"
}
--- emerg
invalid "api_id", expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-" in
html/orders.json:2

=== TEST 27: wrong type: org_id, other characters
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"api_id": "a", "org_id": "a/b"
}
--- emerg
invalid "org_id", expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-" in
html/orders.json:2

=== TEST 28: wrong type: api_id, NUL
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"api_id": "a\u0000b"
}
--- emerg
invalid "api_id", expected a string without NUL characters in
html/orders.json:2

=== TEST 29: wrong type: active
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"active": "true"
}
--- emerg
invalid "active", expected true or false in
html/orders.json:2

=== TEST 30: wrong type: use_keyless
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"use_keyless": "true"
}
--- emerg
invalid "use_keyless", expected true or false in
html/orders.json:2

=== TEST 31: wrong type: disable_rate_limit
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"disable_rate_limit": "true"
}
--- emerg
invalid "disable_rate_limit", expected true or false in
html/orders.json:2

=== TEST 32: wrong type: disable_quota
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"disable_quota": "true"
}
--- emerg
invalid "disable_quota", expected true or false in
html/orders.json:2

=== TEST 33: wrong type: auth
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": []
}
--- emerg
invalid "auth", expected an object in
html/orders.json:2

=== TEST 34: wrong type: auth_configs
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth_configs": []
}
--- emerg
invalid "auth_configs", expected an object in
html/orders.json:2

=== TEST 35: wrong type: auth_configs.authToken
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth_configs": {
"authToken": true}
}
--- emerg
invalid "authToken", expected an object in
html/orders.json:3

=== TEST 36: wrong type: auth_header_name
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {
"auth_header_name": 1}
}
--- emerg
invalid "auth_header_name", expected a string in
html/orders.json:3

=== TEST 37: wrong type: auth_header_name that is none
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {
"auth_header_name": "a b"}
}
--- emerg
invalid "auth_header_name", expected the name of a header, a query parameter or a cookie in
html/orders.json:3

=== TEST 38: wrong type: disable_header
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {
"disable_header": 1}
}
--- emerg
invalid "disable_header", expected true or false in
html/orders.json:3

=== TEST 39: wrong type: use_param
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {
"use_param": 1}
}
--- emerg
invalid "use_param", expected true or false in
html/orders.json:3

=== TEST 40: wrong type: use_cookie
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {
"use_cookie": 1}
}
--- emerg
invalid "use_cookie", expected true or false in
html/orders.json:3

=== TEST 41: wrong type: param_name
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {"use_param": true, "use_cookie": true,
"param_name": []}
}
--- emerg
invalid "param_name", expected a string in
html/orders.json:3

=== TEST 42: wrong type: cookie_name
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {"use_param": true, "use_cookie": true,
"cookie_name": []}
}
--- emerg
invalid "cookie_name", expected a string in
html/orders.json:3

=== TEST 43: wrong type: nowhere for a credential
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"auth": {"disable_header": true}
}
--- emerg
invalid "disable_header", expected false, or "use_param" or "use_cookie" beside it in
html/orders.json:2

=== TEST 44: wrong type: global_rate_limit
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"global_rate_limit": 5
}
--- emerg
invalid "global_rate_limit", expected an object in
html/orders.json:2

=== TEST 45: wrong type: global_rate_limit.disabled
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"global_rate_limit": {
"disabled": 5}
}
--- emerg
invalid "disabled", expected true or false in
html/orders.json:3

=== TEST 46: wrong type: global_rate_limit.rate
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"global_rate_limit": {
"rate": "5"}
}
--- emerg
invalid "rate", expected a number in
html/orders.json:3

=== TEST 47: wrong type: global_rate_limit.rate, too large
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"global_rate_limit": {
"rate": 1e10}
}
--- emerg
invalid "rate", expected a number up to 1000000000 in
html/orders.json:3

=== TEST 48: wrong type: global_rate_limit.per
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"global_rate_limit": {
"per": []}
}
--- emerg
invalid "per", expected a number in
html/orders.json:3

=== TEST 49: wrong type: global_rate_limit.per, too long
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"global_rate_limit": {
"per": 1e10}
}
--- emerg
invalid "per", expected seconds, at most ten years in
html/orders.json:3

=== TEST 50: wrong type: event_handlers
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": []
}
--- emerg
invalid "event_handlers", expected an object in
html/orders.json:2

=== TEST 51: wrong type: event_handlers.events
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {
"events": []}
}
--- emerg
invalid "events", expected an object in
html/orders.json:3

=== TEST 52: wrong type: handlers of an event
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": {}}}
}
--- emerg
invalid "event_handlers.events", expected an array in
html/orders.json:3

=== TEST 53: wrong type: a handler
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [
"log"]}}
}
--- emerg
invalid "event_handlers.events", expected an object in
html/orders.json:4

=== TEST 54: wrong type: handler_name
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{
"handler_name": 1}]}}
}
--- emerg
invalid "handler_name", expected a string in
html/orders.json:4

=== TEST 55: wrong type: handler_name that is unknown
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{
"handler_name": "eh_mail"}]}}
}
--- emerg
invalid "handler_name", expected "eh_log_handler", "eh_web_hook_handler" or "eh_dynamic_handler" in
html/orders.json:4

=== TEST 56: wrong type: handler_name that is missing
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [
{}]}}
}
--- emerg
invalid "handler_name", expected "eh_log_handler", "eh_web_hook_handler" or "eh_dynamic_handler" in
html/orders.json:4

=== TEST 57: wrong type: handler_meta
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_log_handler",
"handler_meta": []}]}}
}
--- emerg
invalid "handler_meta", expected an object in
html/orders.json:4

=== TEST 58: wrong type: disabled
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_log_handler", "handler_meta": {
"disabled": "no"}}]}}
}
--- emerg
invalid "disabled", expected true or false in
html/orders.json:4

=== TEST 59: wrong type: prefix
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_log_handler", "handler_meta": {
"prefix": 1}}]}}
}
--- emerg
invalid "prefix", expected a string in
html/orders.json:4

=== TEST 60: wrong type: method
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"method": 1}}]}}
}
--- emerg
invalid "method", expected a string in
html/orders.json:4

=== TEST 61: wrong type: target_path
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"target_path": 1}}]}}
}
--- emerg
invalid "target_path", expected a string in
html/orders.json:4

=== TEST 62: wrong type: template_path
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"template_path": 1}}]}}
}
--- emerg
invalid "template_path", expected a string in
html/orders.json:4

=== TEST 63: wrong type: header_map
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"header_map": []}}]}}
}
--- emerg
invalid "header_map", expected an object in
html/orders.json:4

=== TEST 64: wrong type: a header
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"method": "POST", "header_map": {"A": "b",
"C": 1}}}]}}
}
--- emerg
invalid "header_map", expected a string in
html/orders.json:5

=== TEST 65: wrong type: event_timeout
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"method": "POST", "event_timeout": "10s"}}]}}
}
--- emerg
invalid "event_timeout", expected a number in
html/orders.json:4

=== TEST 66: wrong type: event_timeout, -1
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"method": "POST", "event_timeout": -1}}]}}
}
--- emerg
invalid "event_timeout", expected whole seconds, from 0 to ten years in
html/orders.json:4

=== TEST 67: wrong type: event_timeout, 1.5
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"method": "POST", "event_timeout": 1.5}}]}}
}
--- emerg
invalid "event_timeout", expected whole seconds, from 0 to ten years in
html/orders.json:4

=== TEST 68: wrong type: event_timeout, 1e10
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {
"method": "POST", "event_timeout": 1e10}}]}}
}
--- emerg
invalid "event_timeout", expected whole seconds, from 0 to ten years in
html/orders.json:4

=== TEST 69: wrong type: path
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_dynamic_handler", "handler_meta": {
"path": 1}}]}}
}
--- emerg
invalid "path", expected a string in
html/orders.json:4

=== TEST 70: wrong type: name
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{
"event_handlers": {"events": {
"AuthFailure": [{"handler_name": "eh_dynamic_handler", "handler_meta": {
"name": 1}}]}}
}
--- emerg
invalid "name", expected a string in
html/orders.json:4

=== TEST 71: an unknown event
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{"event_handlers": {"events": {
"QuotaExceded": [
{"handler_name": "eh_log_handler"}]}}}
--- emerg
unknown event "QuotaExceded"
html/orders.json:3

=== TEST 72: a webhook without a target
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{"event_handlers": {"events": {"AuthFailure": [
{"handler_name": "eh_web_hook_handler", "handler_meta": {"method": "POST"}}]}}}
--- emerg
url=
html/orders.json:2

=== TEST 73: a webhook with a wrong target
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{"event_handlers": {"events": {"AuthFailure": [
{"handler_name": "eh_web_hook_handler", "handler_meta": {"method": "POST", "target_path": "ftp://a/"}}]}}}
--- emerg
ftp://a/
html/orders.json:2

=== TEST 74: a header that would end its line
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{"event_handlers": {"events": {"AuthFailure": [
{"handler_name": "eh_web_hook_handler", "handler_meta": {"method": "POST", "target_path": "http://127.0.0.1/", "header_map": {"A": "b\r\nC: d"}}}]}}}
--- emerg
header
html/orders.json:2

=== TEST 75: a script that is not there
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{"event_handlers": {"events": {"AuthFailure": [
{"handler_name": "eh_dynamic_handler", "handler_meta": {"name": "a", "path": "none.js"}}]}}}
--- emerg
none.js
html/orders.json:2

=== TEST 76: no api_id anywhere
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{}
--- emerg
the definition has no "api_id", expected one in it or beside "api_definition" in
nginx.conf:

=== TEST 77: a definition that is not there
--- config
    location /a { api_definition none.json; }
--- emerg
conf/none.json" failed (2: No such file or directory) in
nginx.conf:

=== TEST 78: two definitions
--- config
    location /a {
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
    }
--- user_files
>>> orders.json
{"api_id": "orders"}
--- emerg
"api_definition" directive is duplicate in
