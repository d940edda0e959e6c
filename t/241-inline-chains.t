# Which in-line handlers run where, and in which order.  Every handler of these
# tests puts its letter behind the body; the upstream answers what it got.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $files = $block->user_files // '';

    return if $block->own_config;

    $files .= ">>> $_.js\njson += '$_';\n" for 'a' .. 'f';
    $files .= ">>> echo.js\nfunction body(r) { r.return(200, r.requestText); }\n"
              . "export default {body};\n";

    $block->set_value(user_files => $files);
    $block->set_value(http_config => <<"END");
    api_zone apievents:16m;
    api_state_path \$TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
    js_path \$TEST_NGINX_SERVER_ROOT/html;
    js_import echo from echo.js;
$http
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
        api_event_handlers off;
        location / {
            client_body_buffer_size 1m;
            js_content echo.body;
        }
    }
END
});

run_tests();

__DATA__

=== TEST 1: levels add up, names give the order
--- http_config
    api_event_handlers request js path=c.js;
--- config
    api_event_handlers request js path=a.js;
    location /outer {
        api_event_handlers request js path=d.js;
        api_event_handlers request js path=b.js;
        location /outer/t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    }
--- request
POST /outer/t
=
--- response_body: =abcd

=== TEST 2: case does not count, numbers are text, ties go by bytes
--- config
    location /t {
        api_event_handlers request js path=a.js name=b2;
        api_event_handlers request js path=b.js name=B10;
        api_event_handlers request js path=c.js name=a;
        api_event_handlers request js path=d.js name=B2;
        api_event_handlers request js path=e.js name=_;
        api_event_handlers request js path=f.js name=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- request
POST /t
=
--- response_body: =cbdafe

=== TEST 3: one name goes by the place in the configuration
--- config
    location /t {
        api_event_handlers request js path=e.js name=x;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
    api_event_handlers request js path=b.js name=x;
--- http_config
    api_event_handlers request js path=f.js name=x;
--- request
POST /t
=
--- response_body: =feb

=== TEST 4: a handler that is not active, and others' phases
--- config
    location /t {
        api_event_handlers request js path=a.js active=off;
        api_event_handlers error js path=b.js;
        api_event_handlers request js path=c.js active=on;
        api_event_handlers response js path=d.js active=off;
        api_event_handlers options js path=e.js;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- request
POST /t
=
--- response_body: =c

=== TEST 5: what is inherited goes with "off"
--- http_config
    api_event_handlers request js path=a.js;
--- config
    location /t {
        api_event_handlers request js path=b.js;
        api_event_handlers off;
        location /t/t {
            api_event_handlers request js path=c.js;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        }
    }
    location /off {
        api_event_handlers off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- pipelined_requests eval
["POST /t/t\n=", "POST /off\n="]
--- response_body eval
["=bc", "="]

=== TEST 6: locations without a prefix of their own
--- config
    api_event_handlers request js path=a.js;
    location ~ ^/regex { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location = /exact { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /try { try_files /none @named; }
    location @named {
        api_event_handlers request js path=b.js;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
    location /if {
        api_event_handlers request js path=c.js;
        if ($arg_a) { set $b 1; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
    location /limit {
        api_event_handlers request js path=d.js;
        limit_except GET { allow all; }
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- pipelined_requests eval
["POST /regex\n=", "POST /exact\n=", "POST /if?a=1\n=", "POST /if\n=",
 "POST /limit\n="]
--- response_body eval
["=a", "=a", "=ac", "=ac", "=ad"]

=== TEST 7: a folder: sorted, no hidden files, no folders further in
--- config
    location /t {
        api_event_handlers request js path=h;
        api_event_handlers request js path=c.js name=1z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- user_files
>>> h/2.js
json += '2';
>>> h/10.js
json += '10';
>>> h/.0.js
json += 'hidden';
>>> h/h.js/3.js
json += 'inner';
>>> h/3.txt
json += 'text';
--- request
POST /t
=
--- response_body: =10c2

=== TEST 8: pairs say what they are for
--- config
    location /t {
        api_event_handlers request js path=h/;
        api_event_handlers response js path=h/;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- user_files
>>> h/Z$0020last.js
json += '1';
>>> h/Z$0020last.json
{"name": "A first", "eventType": "request", "comments": "", "isActive": true}
>>> h/Answer.js
json += 'response';
>>> h/Answer.json
{"name": "Answer", "eventType": "response", "comments": null}
>>> h/Off.js
json += 'off';
>>> h/Off.json
{"name": "Off", "eventType": "request", "isActive": false}
>>> h/b$003a.js
json += '2';
>>> h/alone.json
["of nothing"]
--- request
POST /t
=
--- response_body: =12response2

=== TEST 9: the name of a file without its escapes
--- config
    location /t {
        api_event_handlers request js path=$0032.js;
        api_event_handlers request js path=c.js name=3;
        api_event_handlers request js path=d.js name=1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- user_files
>>> $0032.js
json += '2';
--- request
POST /t
=
--- response_body: =d2c

=== TEST 10: the pair of a single file
--- config
    location /t {
        api_event_handlers request js path=a.js;
        api_event_handlers request js path=b.js;
        api_event_handlers request js path=g.js;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- user_files
>>> g.js
json += 'g';
>>> g.json
{"name": "0", "eventType": "request"}
>>> b.json
{"name": "b", "eventType": "request", "isActive": false}
--- request
POST /t
=
--- response_body: =ga

=== TEST 11: one file twice, and a location that has what another has
--- config
    location /a {
        api_event_handlers request js path=a.js name=1;
        api_event_handlers request js path=a.js name=2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
    location /b {
        api_event_handlers request js path=a.js name=1;
        api_event_handlers request js path=a.js name=2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- pipelined_requests eval
["POST /a\n=", "POST /b\n="]
--- response_body eval
["=aa", "=aa"]
--- check eval
sub {
    my $root = $Test::Nginx::Util::ServRoot;
    my @chains = grep { -s $_ < 1000 } glob "$root/logs/state/scripts/*/run.js";

    is(scalar @chains, 1, 'one chain for both');
}

=== TEST 12: a handler's text: hoisting, return, blocks, names of its own
--- config
    location /t {
        api_event_handlers request js path=1.js;
        api_event_handlers request js path=2.js;
        api_event_handlers request js path=3.js;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- user_files
>>> 1.js
add('1'); function add(s) { json += s; total = json.length; }
if (total > 1) { json += total; return; } // the rest
json = 'never';
>>> 2.js
var json = json.split('');
try { throw 1; } catch (e) { json.push(typeof total); } finally { json.push('f'); }
json = json.join('');
// the end
>>> 3.js
var f = function () { json = json + '3'; }, req = 'mine';
for (i = 0; i < 2; i++) { f(); }
json += req
/* no line end */
--- request
POST /t
=
--- response_body: =12undefinedf33mine

=== TEST 13: levels that a definition's location inherits
--- http_config
    api_event_handlers request js path=a.js;
--- config
    api_event_handlers request js path=b.js;
    api_definitions ../html/apis;
--- user_files
>>> apis/x.json
{"api_id": "x", "use_keyless": true, "proxy": {"listen_path": "/x/",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/"}}
--- request
POST /x/y
=
--- response_body: =ab
