# What handlers in line with requests read and call: SysUtility, the
# functions of event handlers, and what is kept from phase to phase.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

run_tests();

__DATA__

=== TEST 1: vector 14: resources of the API itself
--- handlers
response r.js
--- user_files
>>> r.js
if ('x' != req.resourceName) {
    return;
}

var row = SysUtility.getResource('demo:customer', {filter: '"id" = 1',
                                 sysfilter: ['a', 'b'], pagesize: 10});
var text = SysUtility.getResourceAsString('other');

var rows = SysUtility.getResource('answers/rows.json');

json = [row.uri, row.args, typeof text, JSON.parse(text).uri,
        Array.isArray(rows), rows[1].id];
>>> rows.json
[{"id": 1}, {"id": 2}]
--- request
GET /api/x
--- response_body chop
["/demo:customer","filter=%22id%22%20%3D%201&sysfilter=a&sysfilter=b&pagesize=10","string","/other",true,2]



=== TEST 2: vector 14: a resource that fails can be caught
--- handlers
response r.js
--- user_files
>>> r.js
try {
    SysUtility.getResource('own/409');

} catch (e) {
    json = [e.message];
    return;
}

json = ['not reached'];
--- request
GET /api/x
--- response_body_like: ^\["getResource\(\\"own/409\\"\): status 4[0-9]+.*"\]$



=== TEST 3: vector 14: calls of other services
--- handlers
request q.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=q.js;
        }

        location = /api/port { return 200 $UPSTREAM; }
--- user_files
>>> q.js
var url = SysUtility.getResourceAsString('port');
var got = SysUtility.restPost(url + '/post', {a: 'b c'},
                              {headers: {'X-A': 'y'}}, {d: [1]});
var again = JSON.parse(SysUtility.restGet(url + '/get')), is = typeof got;

got = JSON.parse(got);
json = JSON.stringify([is, got.verb, got.uri, got.args, got.body,
    got.headers['x-a'], got.headers['content-type'], again.verb, again.uri]);
--- request
POST /api/x
-
--- response_body_like chop
"body":"\[\\"string\\",\\"POST\\",\\"/post\\",\\"a=b%20c\\",\\"\{\\\\\\"d\\\\\\":\[1\]\}\\",\\"y\\",\\"application/json\\",\\"GET\\",\\"/get\\"\]"



=== TEST 4: vector 14: a call that nobody answers can be caught
--- handlers
request q.js
--- user_files
>>> q.js
try {
    SysUtility.restGet('http://127.0.0.1:1/');

} catch (e) {
    json = 'caught';
}
--- request
POST /api/x
-
--- response_body_like: "body":"caught"



=== TEST 5: vector 15: properties live from phase to phase
--- handlers
request q.js
response r.js
--- user_files
>>> q.js
req.setUserProperty('k', {a: 'v'});
>>> r.js
json = [req.getUserProperties().get('k').a];
--- request
GET /api/x
--- response_body chop
["v"]



=== TEST 6: a module has all that a body has, and waits
--- handlers
request q.js
response r.js
--- user_files
>>> q.js
export default function (ctx) {
    ctx.headers['x-added'] = 'yes';
    ctx.json = ctx.json + ctx.req.verb;

    return new Promise(function (resolve) {
        setTimeout(resolve, 10);

    }).then(function () {
        ctx.json = ctx.json + '!';
        ctx.log.info('LOG ' + ctx.context.APIID);
    });
}
>>> r.js
export default function (ctx) {
    var row = ctx.req.resourceName === 'x'
              ? ctx.SysUtility.getResource('y') : null;

    ctx.response.header('X-More', row === null ? 'none' : row.uri);
    ctx.response.cookie(new ctx.NewCookie('c', 'd'));
}
--- request
POST /api/x
-
--- response_body_like: "body":"-POST!".*"x-added":"yes"
--- response_headers
X-More: /y
Set-Cookie: c=d
--- check eval
sub {
    is(logged(1), 'LOG a', 'the API');
}



=== TEST 7: what was thrown is known to the error handler as it was in Java
--- handlers
request q.js
error e.js
--- user_files
>>> q.js
throw 'Hijack: queued';
>>> e.js
if (json.errorMessage.contains('Hijack')) {
    json.statusCode = 201;
    json.queued = true;
    delete json.message;
    delete json.errorCode;
    delete json.errorMessage;
}
--- request
POST /api/x
-
--- error_code: 201
--- response_body chop
{"statusCode":201,"queued":true}



=== TEST 8: a handler that waits too long
--- handlers
request q.js timeout=100ms
--- user_files
>>> q.js
export default function (ctx) {
    return new Promise(function () {
    });
}
--- request
POST /api/x
-
--- error_code: 500
--- response_body_like: "errorCode":50029,"errorMessage":"timeout"
--- error_log
script "q.js": timeout



=== TEST 9: the clock stands still for calls, and is made once
--- handlers
response r.js
--- user_files
>>> r.js
var before = Date.now();

if ('x' == req.resourceName) {
    SysUtility.getResource('slow/50');
    SysUtility.getResource('slow/50');
    log.info('LOG ' + (Date.now() - before >= 0));
    json = ['done'];
}
--- request
GET /api/x
--- response_body chop
["done"]
--- check eval
sub {
    is(logged(1), 'LOG true', 'one line of three runs');
}



=== TEST 10: an async function may read as well
--- handlers
response r.js
--- user_files
>>> r.js
export default async function (ctx) {
    if (ctx.req.resourceName === 'x') {
        ctx.json = [ctx.SysUtility.getResource('y').uri];
    }
}
--- request
GET /api/x
--- response_body chop
["/y"]



=== TEST 11: what every handler finds is its own
--- handlers
request q.js
--- user_files
>>> q.js
export default function (ctx) {
    if (globalThis.leak || String.leak) {
        throw 'leaked';
    }

    globalThis.leak = String.leak = 1;
}
--- request eval
["POST /api/x\n-", "POST /api/x\n-"]
--- response_body_like eval
[qr/"body":"-"/, qr/"body":"-"/]



=== TEST 12: vector 15: those of a handler that throws as well
--- handlers
request q.js
error e.js
--- user_files
>>> q.js
req.setUserProperty('k', 'v');
throw {errorCode: req, message: 'no'};
>>> e.js
json = [json.message, req.getUserProperties().get('k')];
--- request
GET /api/x
--- error_code: 500
--- response_body chop
["no","v"]



=== TEST 13: guards know what the log of the request takes
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=r.js;
            error_log $TEST_NGINX_SERVER_ROOT/logs/error.log info;
        }
        location /api/error {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=r.js;
            error_log $TEST_NGINX_SERVER_ROOT/logs/error.log error;
        }
        location /api/warn {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=r.js;
            error_log $TEST_NGINX_SERVER_ROOT/logs/error.log crit;
            error_log $TEST_NGINX_SERVER_ROOT/logs/error.log warn;
        }
        location /api/debug {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=r.js;
            error_log $TEST_NGINX_SERVER_ROOT/logs/error.log debug;
        }
--- user_files
>>> r.js
var names = ['error', 'warning', 'warn', 'info', 'debug', 'fine', 'finer', 'finest'];
var name = req.resourceName;

json = names.filter(function (method) {
    log[method]('LOG ' + name + ' ' + method);
    return log['is' + method.charAt(0).toUpperCase() + method.slice(1) + 'Enabled']();
});
--- request eval
[map { "GET /api/$_" } qw(error warn info debug)]
--- response_body eval
['["error"]', '["error","warning","warn"]', '["error","warning","warn","info"]',
 '["error","warning","warn","info","debug","fine","finer","finest"]']
--- check eval
sub {
    my @lines = split /\n/, logged(16);

    is(CORE::join("\n", map { s/^LOG //r } @lines), CORE::join("\n",
        'error error', map({ "warn $_" } qw(error warning warn)),
        map({ "info $_" } qw(error warning warn info)),
        map({ "debug $_" } qw(error warning warn info debug fine finer finest))),
       'and what it takes is there');
}
