# Refusals and error_page: a page that matches wins over the built-in body.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

no_root_location();
run_tests();

__DATA__

=== TEST 1: a page of the same server
--- config
    error_page 401 /401.html;
    location /a { api_id orders; empty_gif; }
--- user_files
>>> 401.html
please sign in
--- request
GET /a
--- error_code: 401
--- response_headers
Content-Type: text/html
--- response_body
please sign in
--- recorded_count: 1
--- recorded_check eval
sub { event($_[0], 'AuthFailure', Path => '/a') }

=== TEST 2: another status
--- config
    error_page 401 =404 /401.html;
    location /a { api_id orders; empty_gif; }
--- user_files
>>> 401.html
no such thing
--- request
GET /a
--- error_code: 404
--- response_body
no such thing
--- recorded_count: 1

=== TEST 3: a page within an API is not gated again
--- config
    error_page 401 /page;
    api_id orders;
    location /a { empty_gif; }
    location /page { api_id invoices; api_rate 1r/d; return 200 "page\n"; }
    location /file { alias $TEST_NGINX_SERVER_ROOT/html/file; }
--- user_files
>>> file
file
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[401, 401]
--- response_body eval
["page\n", "page\n"]
--- recorded_count: 2

=== TEST 4: a file within the API is not gated again
--- config
    error_page 401 /file;
    location / { api_id orders; }
--- user_files
>>> file
a page
--- request
GET /a
--- error_code: 401
--- response_body
a page
--- recorded_count: 1

=== TEST 5: a named location
--- config
    error_page 429 = @busy;
    location /a { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
    location @busy { return 503 "later $api_decision\n"; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 503]
--- response_body_like eval
['GIF', '^later RatelimitExceeded\n$']
--- recorded_count: 1

=== TEST 6: a redirect
--- config
    error_page 401 http://localhost/login;
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- error_code: 302
--- response_headers
Location: http://localhost/login
Content-Type: text/html
--- response_body_like: 302 Found
--- recorded_count: 1

=== TEST 7: a page that is not there
--- config
    error_page 401 /none.html;
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- error_code: 404
--- response_body_like: 404 Not Found
--- recorded_count: 1

=== TEST 8: a page of another status is left alone
--- config
    error_page 403 /403.html;
    location /a { api_id orders; empty_gif; }
--- user_files
>>> 403.html
forbidden
--- request
GET /a
--- error_code: 401
--- response_body chomp
{
    "error": "Authorization field missing"
}

=== TEST 9: a page that itself fails
--- config
    error_page 401 /page;
    error_page 403 /other;
    recursive_error_pages on;
    location /a { api_id orders; empty_gif; }
    location /page { deny all; }
    location /other { return 200 "other\n"; }
--- request
GET /a
--- error_code: 403
--- response_body
other
--- recorded_count: 1

=== TEST 10: a page is refused with a body of nginx
--- config
    error_page 401 /page;
    location /a { api_id orders; empty_gif; }
    location /page { deny all; }
--- request
GET /a
--- error_code: 403
--- response_body_like: 403 Forbidden
--- recorded_count: 1

=== TEST 11: the API's own errors and those of its upstream are not the gate's
--- config
    location /a { api_id orders; api_auth off; return 403; }
    location /b { api_id orders; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/a; }
    location /c { api_id orders; root html; }
--- request eval
["GET /a", "GET /b", "GET /c"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[403, 403, 404]
--- response_body_like eval
['403 Forbidden', '403 Forbidden', '404 Not Found']
--- recorded_count: 0

=== TEST 12: a page within an API, for a location that is in none, is gated
--- config
    error_page 404 /page;
    location /a { root html; }
    location /page { api_id orders; return 200 "page\n"; }
    location /file { api_id orders; }
    location /b { error_page 404 /file; root none; }
--- user_files
>>> file
a file
--- request eval
["GET /a", "GET /b", "GET /b"]
--- more_headers eval
["", "", "Authorization: good-key-0123456789"]
--- error_code eval
[404, 401, 404]
--- response_body eval
["page\n", "{\n    \"error\": \"Authorization field missing\"\n}", "a file\n"]

=== TEST 13: a connection is used again after a page and a body
--- config
    error_page 401 /401.html;
    location /a { api_id orders; empty_gif; }
--- user_files
>>> 401.html
please sign in
--- pipelined_requests eval
["POST /a\n" . 'x' x 50000, "GET /a"]
--- error_code eval
[401, 401]
--- response_body eval
["please sign in\n", "please sign in\n"]
