# A client's request is decided once, whatever nginx makes of it on the way;
# and subrequests never are.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

no_root_location();
run_tests();

__DATA__

=== TEST 1: try_files
--- config
    api_id orders;
    api_auth off;
    api_quota 2/1d;
    location /a { try_files /none /b; }
    location /b { empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 403]

=== TEST 2: try_files into a named location, of another API
--- config
    location /a { api_id orders; try_files /none @b; }
    location @b { api_id invoices; add_header X-Api $api_id; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: good-key-0123456789"]
--- error_code eval
[401, 200]
--- response_headers eval
["! X-Api", "X-Api: orders"]

=== TEST 3: into an API, from a location that is in none
--- config
    location /a { try_files /none /b; }
    location /b { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: good-key-0123456789"]
--- error_code eval
[401, 200]

=== TEST 4: index
--- config
    location / { api_id orders; api_quota 2/1d; }
--- user_files
>>> index.html
the index
--- request eval
["GET /", "GET /", "GET /"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 200, 403]

=== TEST 5: X-Accel-Redirect, even to an API whose key it is not
--- config
    location /a {
        api_id orders;
        api_quota 2/1d;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/accel;
    }
    location /accel {
        add_header X-Accel-Redirect /b;
        return 200;
    }
    location /b { internal; api_id invoices; api_quota 1/1d; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 200, 403]

=== TEST 6: rewrite ... last: the target's API applies
--- config
    location /a { api_id invoices; rewrite ^ /b last; }
    location /b { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: good-key-0123456789"]
--- error_code eval
[401, 200]

=== TEST 7: return answers before anybody is asked, as with nginx's own modules
--- config
    location /a { api_id orders; return 200 "open\n"; }
--- request
GET /a
--- response_body
open
--- recorded_count: 0

=== TEST 8: auth_request to an API: its answer is another module's
--- config
    location /a { auth_request /b; empty_gif; }
    location /b { api_id orders; api_rate 1r/d; return 200; }
    location /c { auth_request /d; empty_gif; }
    location /d { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /c"]
--- error_code eval
[200, 200, 200]
--- recorded_count: 0

=== TEST 9: mirrors get what passed, and only that
--- config
    location /a {
        api_id orders;
        mirror /m;
        empty_gif;
    }
    location = /m {
        internal;
        api_id orders;
        api_rate 1r/d;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        proxy_set_header X-Mirror 1;
    }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers eval
["", ("Authorization: good-key-0123456789") x 2]
--- error_code eval
[401, 200, 200]
--- recorded_count: 3
--- recorded_check eval
sub { is(scalar(grep { $_->{headers}{'x-mirror'} } @_), 2, 'mirrored') }

=== TEST 10: SSI
--- config
    ssi on;
    ssi_types *;
    location / { api_id orders; api_quota 1/1d; }
    location /b { api_id invoices; }
--- user_files
>>> page
<!--#include virtual="/part" --><!--#include virtual="/b" --><!--#include virtual="/none" -->
>>> part
part of <!--#echo var="api_id" -->
>>> b
b of <!--#echo var="api_id" -->
--- request eval
["GET /page", "GET /page"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 403]
--- response_body_like eval
['^part of orders\nb of orders\n.*404 Not Found', 'Quota exceeded']
--- allow_log
open()

=== TEST 11: a subrequest of a refused request
--- config
    location /a { api_id orders; add_after_body /b; addition_types *; }
    location /b { return 200 "added\n"; }
--- request
GET /a
--- error_code: 401
--- response_body chomp
{
    "error": "Authorization field missing"
}

=== TEST 12: slices of a cached answer
--- config
    location /a {
        api_id orders;
        api_quota 1/1d;
        slice 2;
        proxy_set_header Range $slice_range;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/file;
    }
    location /file { }
--- user_files
>>> file
0123456789
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 403]
--- response_body_like eval
["^0123456789\n\$", 'Quota']

=== TEST 13: js that redirects and makes subrequests
--- http_config
    js_path $TEST_NGINX_SERVER_ROOT/html;
    js_import main from main.js;
--- config
    api_id orders;
    api_quota 2/1d;
    location /a { js_content main.redirect; }
    location /s { js_content main.subrequest; }
    location /b { return 200 "b\n"; }
    location /c { empty_gif; }
--- user_files
>>> main.js
function redirect(r) {
    r.internalRedirect('/c');
}

async function subrequest(r) {
    var reply = await r.subrequest('/c');
    r.return(200, reply.status + ' ' + r.variables.api_quota_remaining);
}

export default {redirect, subrequest};
--- request eval
["GET /a", "GET /s", "GET /s"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 200, 403]
--- response_body_like eval
['GIF', '^200 0$', 'Quota exceeded']
