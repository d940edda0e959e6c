# Wrong in-line handlers: one line each, which says where and what was expected.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

# scripts are below html/, where a block has no others there is a right one
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
END

    $block->set_value(user_files => ">>> a.js\njson = 1;\n")
        unless defined $block->user_files;
});

run_tests();

__DATA__

=== TEST 1: no handler
--- http_config
    api_event_handlers request;
--- emerg
"off", or an event and its handler, expected after "api_event_handlers" in
nginx.conf:

=== TEST 2: no path
--- http_config
    api_event_handlers request js;
--- emerg
"path=" of a script or a folder is expected for handlers of the phase "request" in
nginx.conf:

=== TEST 3: an empty path
--- http_config
    api_event_handlers error js path=;
--- emerg
"path=" of a script or a folder is expected for handlers of the phase "error" in

=== TEST 4: a webhook
--- http_config
    api_event_handlers response webhook url=http://127.0.0.1:1/;
--- emerg
handler "webhook" cannot handle the phase "response", "js" is expected in
nginx.conf:

=== TEST 5: a log
--- http_config
    api_event_handlers error eh_log_handler;
--- emerg
handler "eh_log_handler" cannot handle the phase "error", "js" is expected in

=== TEST 6: a phase in upper case
--- http_config
    api_event_handlers Request js path=a.js;
--- emerg
unknown event "Request",

=== TEST 7: a parameter of events
--- http_config
    api_event_handlers request js path=a.js cooldown=1s;
--- emerg
unknown or repeated parameter "cooldown" of handler "js" in
nginx.conf:

=== TEST 8: a parameter twice
--- http_config
    api_event_handlers request js path=a.js path=a.js;
--- emerg
unknown or repeated parameter "path" of handler "js" in

=== TEST 9: a word
--- http_config
    api_event_handlers request js path=a.js inactive;
--- emerg
invalid parameter "inactive", NAME=VALUE is expected in

=== TEST 10: no time
--- http_config
    api_event_handlers request js path=a.js timeout=soon;
--- emerg
invalid "timeout=soon", a time such as "10s" is expected in

=== TEST 11: no time at all
--- http_config
    api_event_handlers request js path=a.js timeout=0;
--- emerg
invalid "timeout=0", a time above zero is expected in

=== TEST 12: active
--- http_config
    api_event_handlers request js path=a.js active=no;
--- emerg
invalid "active=no", "on" or "off" is expected in

=== TEST 13: upstream_errors
--- http_config
    api_event_handlers error js path=a.js upstream_errors=;
--- emerg
invalid "upstream_errors=", "on" or "off" is expected in

=== TEST 14: an empty name
--- http_config
    api_event_handlers request js path=a.js name=;
--- emerg
invalid "name=", a handler's name is expected in

=== TEST 15: a name of a folder
--- http_config
    api_event_handlers request js path=h name=a;
--- user_files
>>> h/a.js
json = 1;
--- emerg
"name=" is for one handler, but "h" is a folder, expected the path of a file in

=== TEST 16: a file that is not there
--- http_config
    api_event_handlers request js path=none.js;
--- emerg eval
[qr{open\(\) "\S+/html/none.js" failed \(2: }, qr/in .*nginx.conf:\d+/]

=== TEST 17: a folder that is not there
--- http_config
    api_event_handlers request js path=none/;
--- emerg eval
[qr{"\S+/html/none" failed, expected a folder \(2: }, qr/in .*nginx.conf:\d+/]

=== TEST 18: a path that would end a string
--- http_config
    api_event_handlers request js "path=a'b.js";
--- emerg
invalid script "a'b.js", a path without quotes, backslashes and control characters is expected in

=== TEST 19: a handler of events
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
var a = new TykJS.TykEventHandlers.NewEventHandler({});
--- emerg
html/a.js" is a handler of events, not of a phase: "export default function" or a function body is expected in
nginx.conf:

=== TEST 20: a module that is an object
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
export default {request: function () {}};
--- emerg
html/a.js" exports an object, "export default function" is expected in

=== TEST 21: a text that ends too early
--- http_config
    api_event_handlers request js path=h/;
--- user_files
>>> h/a.js
json = 1;
>>> h/b.js
json = 1;
json = "a;
--- emerg eval
qr{html/h/b.js:2: unterminated string, expected " in \S+nginx.conf:\d+}

=== TEST 22: a script that is too large
--- http_config
    api_event_handlers request js path=a.js;
--- user_files eval
">>> a.js\n" . '/' x (1024 * 1024 + 1)
--- emerg
is too large, a file of at most 1024k is expected

=== TEST 23: a syntax error, in the line of the user's file
--- http_config
    api_event_handlers request js path=h/a.js;
--- user_files
>>> h/a.js
var a = 1;

json = ;
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/h/a.js:3}s

=== TEST 24: a syntax error in the first line
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
json = ;
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/a.js:1}s

=== TEST 25: a syntax error in the last line
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
json = 1;
json = // what
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/a.js:[234]}s

=== TEST 26: a syntax error of a module
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
export default function (ctx) {
    var a = ;
}
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/a.js:2}s

=== TEST 27: typographic quotes
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
var a;
json = “a”;
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/a.js:2}s

=== TEST 28: a syntax error of what is not active
--- http_config
    api_event_handlers request js path=a.js active=off;
--- user_files
>>> a.js
json = ;
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/a.js:1}s

=== TEST 29: a syntax error of what nobody inherits
--- http_config
    api_event_handlers request js path=a.js;
--- config
    api_event_handlers off;
--- user_files
>>> a.js
json = ;
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/a.js:1}s

=== TEST 30: a pair that is no JSON
--- http_config
    api_event_handlers request js path=h/;
--- user_files
>>> h/a.js
json = 1;
>>> h/a.json
{"name": "a",
"eventType": request}
--- emerg eval
qr{html/h/a.json:2: \S.* in \S+nginx.conf:\d+}

=== TEST 31: a pair that is no object
--- http_config
    api_event_handlers request js path=h/;
--- user_files
>>> h/a.js
json = 1;
>>> h/a.json
["a"]
--- emerg
html/h/a.json: an object with "name" and "eventType" is expected in

=== TEST 32: a pair without a name
--- http_config
    api_event_handlers request js path=h/;
--- user_files
>>> h/a.js
json = 1;
>>> h/a.json
{"eventType": "request"}
--- emerg
html/h/a.json: invalid "name", a text is expected in

=== TEST 33: a pair without a type
--- http_config
    api_event_handlers request js path=h/;
--- user_files
>>> h/a.js
json = 1;
>>> h/a.json
{"name": "a"}
--- emerg
html/h/a.json: invalid "eventType", "request", "response", "options" or "error" is expected in

=== TEST 34: a pair of an unknown type
--- http_config
    api_event_handlers request js path=h/;
--- user_files
>>> h/a.js
json = 1;
>>> h/a.json
{"name": "a", "eventType": "row"}
--- emerg
html/h/a.json: invalid "eventType",

=== TEST 35: a pair that is active somehow
--- http_config
    api_event_handlers request js path=h/;
--- user_files
>>> h/a.js
json = 1;
>>> h/a.json
{"name": "a", "eventType": "request", "isActive": "yes"}
--- emerg
html/h/a.json: invalid "isActive", true or false is expected in

=== TEST 36: a file whose pair says another phase
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
json = 1;
>>> a.json
{"name": "a", "eventType": "error"}
--- emerg
html/a.js" says "eventType": "error", "request" is expected in

=== TEST 37: a wrong script of another phase
--- http_config
    api_event_handlers request js path=h/;
    api_event_handlers error js path=h/;
--- user_files
>>> h/a.js
json = ;
>>> h/a.json
{"name": "a", "eventType": "error", "isActive": false}
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/h/a.js:1}s

=== TEST 38: vector 1: two options handlers of a level
--- http_config
    api_event_handlers options js path=a.js;
    api_event_handlers options js path=b.js;
--- user_files
>>> a.js
json = 1;
>>> b.js
json = 2;
--- emerg eval
qr{two active handlers of the phase "options", "b.js" and "a.js" of \S+nginx.conf:(\d+), one is expected in \S+nginx.conf:(??{ $1 + 1 })\b}

=== TEST 39: one of the http level, one of a location
--- http_config
    api_event_handlers options js path=a.js name=z;
--- config
    location /a {
        location /a/b {
            api_event_handlers options js path=b.js;
        }
    }
--- user_files
>>> a.js
json = 1;
>>> b.js
json = 2;
--- emerg eval
qr{two active handlers of the phase "options", "z" and "b.js" of \S+nginx.conf:\d+, one is expected in \S+nginx.conf:\d+}

=== TEST 40: two of an API
--- http_config
    api_zone a:16m;
--- config
    location /a {
        api_id x;
        api_event_handlers options js path=a.js;
    }
    location /b {
        api_id x;
        api_event_handlers options js path=b.js;
    }
--- user_files
>>> a.js
json = 1;
>>> b.js
json = 2;
--- emerg eval
qr{two active handlers of the phase "options" of API "x", "b.js" and "a.js" of \S+nginx.conf:\d+, one is expected in \S+nginx.conf:\d+}

=== TEST 41: two of an API that inner levels inherit
--- http_config
    api_zone a:16m;
--- config
    location / {
        api_id x;
        location ~ a { api_event_handlers options js path=a.js; }
        location ~ b { api_event_handlers options js path=b.js; }
    }
--- user_files
>>> a.js
json = 1;
>>> b.js
json = 2;
--- emerg
two active handlers of the phase "options" of API "x", "b.js" and "a.js" of

=== TEST 42: two of an API of definitions
--- http_config
    api_zone a:16m;
    api_event_handlers options js path=a.js;
--- config
    location /a { api_definition ../html/x.json; }
    location /b {
        api_event_handlers off;
        api_id x;
        api_event_handlers options js path=b.js;
    }
--- user_files
>>> a.js
json = 1;
>>> b.js
json = 2;
>>> x.json
{"name": "x", "api_id": "x", "org_id": "o", "active": true, "use_keyless": true, "proxy": {"listen_path": "/x/", "target_url": "http://127.0.0.1:1/"}}
--- emerg
two active handlers of the phase "options" of API "x", "b.js" and "a.js" of

=== TEST 43: one that is active, one that is not, and one file twice
--- http_config
    api_zone a:16m;
    api_event_handlers options js path=a.js;
    api_event_handlers options js path=b.js active=off;
--- config
    location /a { api_id x; }
    location /b {
        api_event_handlers off;
        api_id x;
        api_event_handlers options js path=a.js name=other;
    }
    location /c {
        api_event_handlers off;
        api_id y;
        api_event_handlers options js path=b.js;
    }
    location = /t { return 204; }
--- user_files
>>> a.js
json = 1;
>>> b.js
json = 2;
--- request
GET /t
--- error_code: 204

=== TEST 44: a folder without scripts
--- http_config
    api_zone a:16m;
    api_event_handlers request js path=h/;
--- config
    location = /t { return 204; }
--- user_files
>>> h/a.json
{}
--- request
GET /t
--- error_code: 204
--- suppress_stderr
--- check eval
sub { like(error_log_text(), qr{\[warn\] .*no \*.js in the folder "\S+/h"}, "a warning") }

=== TEST 45: a byte order mark, and Windows' line ends
--- http_config
    api_zone a:16m;
    api_event_handlers request js path=a.js;
--- config
    location = /t { return 204; }
--- user_files eval
">>> a.js\n\xef\xbb\xbfvar a = 1;\r\njson = a; // what\r\n"
--- request
GET /t
--- error_code: 204

=== TEST 46: no zone
--- http_config
    api_event_handlers request js path=a.js;
--- user_files
>>> a.js
json = null;
--- emerg
event handlers need shared memory, "api_zone" is expected in the http block, in
nginx.conf:
