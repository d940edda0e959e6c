# Addresses and origins of a definition.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Location = <<'END';
    location /a {
        api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json;
        add_header X-Upstream $upstream_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    }
END

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / {
            add_header Access-Control-Allow-Origin upstream;
            add_header access-control-foo upstream;
            return 200 "$request_method\n";
        }
    }
END

our $Cors = <<'END';
>>> orders.json
{"api_id": "orders", "CORS": {"enable": true,
  "allowed_origins": ["https://One.example", "https://*.two.example"],
  "allowed_methods": ["get", "PUT"], "allowed_headers": ["X-Key", "x-other"],
  "exposed_headers": ["X-A", "X-B"], "allow_credentials": true,
  "max_age": 600}}
END

run_tests();

__DATA__

=== TEST 1: addresses that are let in
--- http_config eval: $::Upstream
--- config eval
"set_real_ip_from 127.0.0.1; real_ip_header X-Real;\n" . $::Location
--- user_files
>>> orders.json
{"api_id": "orders", "use_keyless": true, "enable_ip_whitelisting": true,
  "allowed_ips": ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32"]}
--- request eval
[map "GET /a", 1 .. 6]
--- more_headers eval
["X-Real: 192.0.2.1", "X-Real: 192.0.2.2", "X-Real: 198.51.100.77",
 "X-Real: 2001:db8::1", "X-Real: 2001:db9::1", ""]
--- error_code eval
[200, 403, 200, 200, 403, 403]
--- response_body_like eval
[qr/GET/, qr/"error": "access from this IP has been disallowed"/,
 qr/GET/, qr/GET/, qr/access from/, qr/access from/]
--- recorded_check eval
sub {
    event($_[0], 'AuthFailure', Key => '192.0.2.2', Message => 'Auth Failure',
          Origin => qr/^192\.0\.2\.2/);
    event($_[1], 'AuthFailure', Key => '2001:db9::1');
    event($_[2], 'AuthFailure', Key => '127.0.0.1');
}
--- recorded_count: 3

=== TEST 2: addresses that are kept out, before keys are asked for
--- http_config eval: $::Upstream
--- config eval
"set_real_ip_from 127.0.0.1; real_ip_header X-Real;\n" . $::Location
--- user_files
>>> orders.json
{"api_id": "orders", "enable_ip_blacklisting": true,
  "blacklisted_ips": ["192.0.2.1", "198.51.100.0/24"]}
--- request eval
[map "GET /a", 1 .. 3]
--- more_headers eval
["X-Real: 192.0.2.1", "X-Real: 198.51.100.7", "X-Real: 192.0.2.2"]
--- error_code eval
[403, 403, 401]

=== TEST 3: lists that are not enabled, or empty
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files
>>> orders.json
{"api_id": "orders", "use_keyless": true, "enable_ip_whitelisting": true,
  "allowed_ips": [], "blacklisted_ips": ["127.0.0.1"]}
--- request
GET /a

=== TEST 4: an address that is none
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{"api_id": "orders", "enable_ip_whitelisting": true, "allowed_ips": [
  "localhost"]}
--- emerg
invalid "allowed_ips", expected addresses and networks, such as
orders.json:2

=== TEST 5: a preflight needs no key
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files eval: $::Cors
--- request
OPTIONS /a
--- more_headers
Origin: https://one.example
Access-Control-Request-Method: PUT
Access-Control-Request-Headers: x-key, X-Other
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: https://one.example
Access-Control-Allow-Methods: PUT
Access-Control-Allow-Headers: x-key, X-Other
Access-Control-Allow-Credentials: true
Access-Control-Max-Age: 600
Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
X-Upstream:

=== TEST 6: what is not allowed is not answered
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files eval: $::Cors
--- request eval
[("OPTIONS /a") x 6]
--- more_headers eval
["Origin: https://three.example\nAccess-Control-Request-Method: PUT",
 "Origin: https://one.example\nAccess-Control-Request-Method: POST",
 "Origin: https://one.example\nAccess-Control-Request-Method: PUT\nAccess-Control-Request-Headers: x-key,x-third",
 "Access-Control-Request-Method: PUT",
 "Origin: https://two.example\nAccess-Control-Request-Method: PUT",
 "Origin: https://one.example"]
--- error_code eval
[204, 204, 204, 204, 204, 200]
--- response_headers eval
[("Access-Control-Allow-Origin: \nAccess-Control-Allow-Methods: ") x 6]

=== TEST 7: a wildcard
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files eval: $::Cors
--- request
OPTIONS /a
--- more_headers
Origin: https://api.two.example
Access-Control-Request-Method: GET
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: https://api.two.example
Access-Control-Allow-Headers:

=== TEST 8: answers and refusals
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files eval: $::Cors
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a", "POST /a\nx"]
--- more_headers eval
["Origin: https://one.example\nAuthorization: good-key-0123456789",
 "Origin: https://one.example",
 "Origin: https://three.example\nAuthorization: good-key-0123456789",
 "Authorization: good-key-0123456789",
 "Origin: https://one.example\nAuthorization: good-key-0123456789"]
--- error_code eval
[200, 401, 200, 200, 200]
--- response_headers eval
[("Access-Control-Allow-Origin: https://one.example\nVary: Origin\n"
  . "Access-Control-Expose-Headers: X-A, X-B\n"
  . "Access-Control-Allow-Credentials: true\naccess-control-foo: ") x 2,
 ("Access-Control-Allow-Origin: \nVary: Origin\n"
  . "Access-Control-Expose-Headers: ") x 3]

=== TEST 9: everybody
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files
>>> orders.json
{"api_id": "orders", "use_keyless": true, "CORS": {"enable": true,
  "allowed_origins": ["*"], "allowed_headers": ["*"]}}
--- request eval
["GET /a", "OPTIONS /a"]
--- more_headers
Origin: https://any.example
Access-Control-Request-Method: POST
Access-Control-Request-Headers: x-anything
--- error_code eval
[200, 204]
--- response_headers eval
["Access-Control-Allow-Origin: *\nAccess-Control-Allow-Credentials:",
 "Access-Control-Allow-Origin: *\nAccess-Control-Max-Age:\nAccess-Control-Allow-Headers: x-anything"]

=== TEST 10: defaults
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files
>>> orders.json
{"api_id": "orders", "CORS": {"enable": true}}
--- request eval
["OPTIONS /a", "OPTIONS /a", "OPTIONS /a"]
--- more_headers eval
["Origin: o\nAccess-Control-Request-Method: HEAD\nAccess-Control-Request-Headers: content-type,origin,accept",
 "Origin: o\nAccess-Control-Request-Method: PUT",
 "Origin: o\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Headers: x-key"]
--- error_code eval
[204, 204, 204]
--- response_headers eval
["Access-Control-Allow-Origin: *", "Access-Control-Allow-Origin: ",
 "Access-Control-Allow-Origin: "]

=== TEST 11: passed on, without a question
--- http_config eval: $::Upstream
--- config eval: $::Location
--- user_files
>>> orders.json
{"api_id": "orders", "CORS": {"enable": true, "options_passthrough": true}}
--- request eval
["OPTIONS /a", "GET /a"]
--- more_headers
Origin: https://any.example
Access-Control-Request-Method: POST
--- error_code eval
[200, 401]
--- response_headers eval
["Access-Control-Allow-Origin: upstream\nX-Upstream: 200",
 "Access-Control-Allow-Origin: *"]

=== TEST 12: a name that is none
--- http_config
    api_zone apievents:16m;
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/orders.json; }
--- user_files
>>> orders.json
{"api_id": "orders", "CORS": {"enable": true, "exposed_headers": [
  "X-A\r\nX-B: c"]}}
--- emerg
invalid "exposed_headers", expected names of methods or headers
orders.json:2

=== TEST 13: not for other locations
--- http_config eval: $::Upstream
--- config eval
$::Location . 'location /b { add_header X-B b; empty_gif; }'
--- user_files eval: $::Cors
--- request
GET /b
--- more_headers
Origin: https://one.example
--- response_headers
Access-Control-Allow-Origin:
Vary:
X-B: b
