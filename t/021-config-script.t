# Where scripts and templates are looked for, and what is wrong about a script.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: paths start from the configuration's folder
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=a/none.js name=h;
--- emerg eval
[qr{open\(\) "\S+/conf/a/none.js" failed \(2: }, qr/in .*nginx.conf:\d+/]

=== TEST 2: an absolute path starts from nowhere
--- http_config
    api_zone a:16m;
    api_script_path scripts;
    api_event_handlers * js path=/none/none.js name=h;
--- emerg
open() "/none/none.js" failed (2:

=== TEST 3: a path of the http level, relative itself
--- http_config
    api_zone a:16m;
    api_script_path scripts/;
--- config
    location / {
        location /a {
            api_event_handlers * js path=none.js name=h;
        }
    }
--- emerg eval
qr{open\(\) "\S+/conf/scripts/none.js" failed}

=== TEST 4: a path of the server level
--- http_config
    api_zone a:16m;
    api_script_path /http;
--- config
    api_script_path /server;
    location = /other { api_script_path /other; }
    location / {
        location /a {
            location ~ \.b$ { api_script_path /b; }
            location /a/b {
                api_event_handlers * js path=none.js name=h;
            }
        }
    }
--- emerg
open() "/server/none.js" failed

=== TEST 5: a path of an outer location
--- http_config
    api_zone a:16m;
    api_script_path /http;
--- config
    api_script_path /server;
    location / {
        api_script_path /outer;
        location /a {
            location ~ ^/a/b {
                api_event_handlers * js path=none.js name=h;
            }
        }
    }
--- emerg
open() "/outer/none.js" failed

=== TEST 6: a path of the level itself
--- http_config
    api_zone a:16m;
    api_script_path /http;
--- config
    location / {
        api_script_path /outer;
        location /a {
            api_script_path /inner;
            api_event_handlers * js path=none.js name=h;
        }
    }
--- emerg
open() "/inner/none.js" failed

=== TEST 7: a path that comes too late for its own level
--- http_config
    api_zone a:16m;
--- config
    api_event_handlers * js path=$TEST_NGINX_SERVER_ROOT/html/h.js;
    api_event_handlers * js path=../html/h.js;
    api_script_path scripts;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
"api_script_path" directive must stand before the handlers that use it

=== TEST 8: a path that comes too late for a level inside
--- http_config
    api_zone a:16m;
--- config
    location /a {
        api_event_handlers * js path=../html/h.js;
    }
    api_script_path scripts;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
"api_script_path" directive must stand before the handlers that use it

=== TEST 9: a path behind a handler that did not use it
--- http_config
    api_zone a:16m;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
--- config
    location = /m { api_metrics; }
    location /a {
        api_script_path ../html;
        api_event_handlers * js path=h.js;
    }
    location /b {
        api_event_handlers * js path=$TEST_NGINX_SERVER_ROOT/html/h.js;
    }
    api_script_path scripts;
--- user_files
>>> h.js
export default function (ctx) {}
--- request
GET /m
--- response_body_like: apievents_events_raised_total 0

=== TEST 10: two paths of one level
--- http_config
    api_script_path a;
    api_script_path b;
--- emerg
"api_script_path" directive is duplicate

=== TEST 11: two template paths of one level
--- config
    api_template_path a;
    api_template_path b;
--- emerg
"api_template_path" directive is duplicate

=== TEST 12: empty paths
--- config
    api_template_path "";
--- emerg
"api_template_path" directive has an empty argument, a folder is expected

=== TEST 13: a template below its path
--- http_config
    api_zone a:16m;
    api_script_path /scripts;
    api_template_path /templates;
--- config
    location /a {
        api_event_handlers * webhook url=http://127.0.0.1:1/ template=none.json;
    }
--- emerg
open() "/templates/none.json" failed

=== TEST 14: a template path that comes too late
--- http_config
    api_zone a:16m;
--- config
    location /a {
        api_event_handlers * webhook url=http://127.0.0.1:1/
                           template=../html/t.json;
    }
    api_template_path templates;
--- user_files
>>> t.json
{}
--- emerg
"api_template_path" directive must stand before the handlers that use it

=== TEST 15: Tyk's templates need no files
--- http_config
    api_zone a:16m;
    api_template_path /none;
--- config
    location = /m { api_metrics; }
    location /a {
        api_event_handlers * webhook url=http://127.0.0.1:1/a
                           template=templates/default_webhook.json;
        api_event_handlers * webhook url=http://127.0.0.1:1/b
                           template=templates/breaker_webhook.json;
        api_event_handlers * webhook url=http://127.0.0.1:1/c
                           template=templates/monitor_template.json;
        api_event_handlers * webhook url=http://127.0.0.1:1/d
                           template=breaker_webhook.json;
    }
--- request
GET /m
--- response_body_like: apievents_events_raised_total 0

=== TEST 16: an absolute path is no name of Tyk's
--- http_config
    api_zone a:16m;
    api_event_handlers * webhook url=http://127.0.0.1:1/
                       template=/none/templates/default_webhook.json;
--- emerg
open() "/none/templates/default_webhook.json" failed (2:

=== TEST 17: a file of that name is read all the same
--- http_config
    api_zone a:16m;
    api_template_path ../html;
    api_event_handlers * webhook url=http://127.0.0.1:1/
                       template=templates/default_webhook.json;
--- user_files
>>> templates/default_webhook.json
{{if}}
--- emerg
html/templates/default_webhook.json

=== TEST 18: a syntax error, in the line of the user's file
--- http_config
    api_zone a:16m;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
    api_event_handlers * js path=handlers/h.js name=h;
--- user_files
>>> handlers/h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});

h.NewHandler(function (event, context) {
    return = 1;
});
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/handlers/h.js:4}s

=== TEST 19: a syntax error of a module
--- http_config
    api_zone a:16m;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
    api_event_handlers * js path=./handlers//h.js;
--- user_files
>>> handlers/h.js
export default function (ctx) {

    var a = ;
}
--- emerg eval
qr{SyntaxError: .*\s(?:in|at) \S+/handlers/h.js:3}s

=== TEST 20: a text that ends too early
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=../html/h.js;
--- user_files
>>> h.js
export default function (ctx) {}

/* and
--- emerg eval
qr{html/h.js:3: \S.* in .*nginx.conf:\d+}

=== TEST 21: a function body is no event handler
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=../html/h.js;
--- user_files
>>> h.js
json.a = 1;
--- emerg
html/h.js" is no event handler: "export default" or
NewEventHandler" is expected

=== TEST 22: an event script without a name
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=../html/h.js;
--- user_files
>>> h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
--- emerg
"name=" is expected, the variable to which "

=== TEST 23: a name that is no identifier
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=../html/h.js "name=h'); evil('";
--- user_files
>>> h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
--- emerg
a JavaScript identifier is expected

=== TEST 24: a name that is a reserved word
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=../html/h.js name=default;
--- user_files
>>> h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
--- emerg
invalid "name=default", a JavaScript identifier is expected

=== TEST 25: a path that would end a string
--- http_config
    api_zone a:16m;
    api_event_handlers * js "path=a'b.js";
--- emerg
invalid script "a'b.js", a path without quotes

=== TEST 26: a script that is too large
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=../html/h.js;
--- user_files eval
">>> h.js\n" . '/' x (1024 * 1024 + 1)
--- emerg
is too large, a file of at most 1024k is expected

=== TEST 27: a folder is no script
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=../html;
--- emerg
is no file, a file of at most 1024k is expected

=== TEST 28: no path
--- http_config
    api_zone a:16m;
    api_event_handlers * js name=h;
--- emerg
"path=" of a script is expected
