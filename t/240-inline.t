# Handlers in line with requests: what each phase sees, and what comes of it.
# "vector" numbers are those of the parity with Live API Creator.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

run_tests();

__DATA__

=== TEST 1: vector 1: in the order of their names, inactive ones skipped
--- handlers
request C.js
request a1.js
request B2.js
request b0.js active=off
--- user_files
>>> C.js
json += 'C';
>>> a1.js
json += 'a1';
>>> B2.js
json += 'B2';
>>> b0.js
json += 'b0';
--- request
PUT /api/x
-
--- response_body_like: "body":"-a1B2C"



=== TEST 2: vector 2: the text of POST and PUT, as the client sent it
--- handlers
request h.js
--- user_files
>>> h.js
log.info('LOG ' + req.verb + ' ' + json);
if (json) { json = json + '\u20ac'; }
--- request eval
["POST /api/x\n{not json", "PUT /api/x\nb", "PATCH /api/x\nc", 'GET /api/x',
 "DELETE /api/x\nd"]
--- response_body_like eval
[qr/"body":"\{not json\x{e2}\x{82}\x{ac}".*"content-length":"12"/,
 qr/"body":"b\x{e2}\x{82}\x{ac}".*"content-length":"4"/,
 qr/"body":"c\x{e2}\x{82}\x{ac}"/, qr/"uri":"\/x"(?!.*"body")/,
 qr/"body":"d"/]
--- check eval
sub {
    is(logged(5), CORE::join("\n", 'LOG POST {not json', 'LOG PUT b', 'LOG PATCH c',
                       'LOG GET null', 'LOG DELETE null'), 'what it saw');
}



=== TEST 3: vector 3: return ends one handler
--- handlers
request a.js
request b.js
--- user_files
>>> a.js
json = 'a';
return;
json = 'never';
>>> b.js
json += 'b';
--- request
POST /api/x
1
--- response_body_like: "body":"ab"



=== TEST 4: vector 4: a throw refuses, and nobody is asked
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass http://127.0.0.1:1/;
            HANDLERS
        }
--- handlers
request a.js
request b.js
--- user_files
>>> a.js
if ("x" == req.resourceName && !req.clientUsesHttps) {
log.error('LOG accessed over HTTP by ' + req.clientAddress);
throw "Use HTTPS to access this resource";
}
>>> b.js
log.error('LOG never');
--- request
GET /api/x
--- error_code: 500
--- response_headers
Content-Type: application/json
--- response_body chop
{"statusCode":500,"errorCode":50029,"errorMessage":"Use HTTPS to access this resource"}
--- check eval
sub {
    is(logged(1), 'LOG accessed over HTTP by 127.0.0.1', 'what it logged');
    unlike(ApiEvents::error_log_text(), qr/connect\(\) failed/, 'upstream is not asked');
}



=== TEST 5: vector 4: the error handlers of it
--- handlers
request a.js
error e.js
--- user_files
>>> a.js
throw "Use HTTPS";
>>> e.js
json.seen = req.verb;
--- request
GET /api/x
--- error_code: 500
--- response_body chop
{"statusCode":500,"errorCode":50029,"errorMessage":"Use HTTPS","message":"Use HTTPS","seen":"GET"}



=== TEST 6: vector 5: what is thrown, with no stack
--- handlers
request a.js
--- user_files
>>> a.js
if (req.urlParameters.how == 'object') {
    throw {statusCode: 418, errorCode: 4181, errorMessage: 'tea'};
}
throw new Error('an Error');
--- request eval
['GET /api/x?how=object', 'GET /api/x']
--- error_code eval
[418, 500]
--- response_body eval
['{"statusCode":418,"errorCode":4181,"errorMessage":"tea"}',
 qr/^\{"statusCode":500,"errorCode":50029,"errorMessage":"(Error: )?an Error"\}$/]



=== TEST 7: vector 6: an error handler replaces all, and the status
--- handlers
error e.js
--- user_files
>>> e.js
var temp = json;
json = {success: false, error: {code: temp.errorCode,
        statusCode: temp.statusCode, errorMessage: temp.errorMessage,
        message: temp.message}};
if (req.urlParameters.created) {
    json.statusCode = 201;
}
--- request eval
['GET /api/status/503', 'GET /api/own/409', 'GET /api/own/409?created=1']
--- error_code eval
[503, 409, 201]
--- response_body eval
['{"success":false,"error":{"code":5031,"statusCode":503,'
 . '"errorMessage":"Service Unavailable","message":"Service Unavailable"}}',
 '{"success":false,"error":{"code":7,"statusCode":409,'
 . '"errorMessage":"of upstream","message":"of upstream"}}',
 '{"success":false,"error":{"code":7,"statusCode":409,'
 . '"errorMessage":"of upstream","message":"of upstream"},"statusCode":201}']



=== TEST 8: vector 7: one that throws leaves the error as it was
--- handlers
error e.js
--- user_files
>>> e.js
json = {no: 1};
throw 'in error';
--- request eval
['GET /api/status/503', 'GET /api/own/409']
--- error_code eval
[503, 409]
--- response_body eval
['not JSON', '{"statusCode":409,"errorCode":7,"errorMessage":"of upstream"}']
--- error_log
in error



=== TEST 9: vector 8: answers that are an array, an object, a transaction
--- handlers
response r.js
--- user_files
>>> r.js
var metadataName = "@metadata";
if (Array.isArray(json)) {
for (var i = 0; i < json.length; i++) {
delete json[i][metadataName];
json[i].txsummary && delete json[i].txsummary[0][metadataName];
json[i].TheVerb = req.verb;
}
}
else {
delete json[metadataName];
json.txsummary && delete json.txsummary[0][metadataName];
json.TheVerb = req.verb;
}
>>> array.json
[{"@metadata": {"href": "x"}, "a": 1}, {"b": 2}]
>>> object.json
{"@metadata": {"href": "x"}, "a": 1}
>>> tx.json
{"statusCode": 200, "txsummary": [{"@metadata": {"verb": "UPDATE"}, "a": 1}]}
--- http_config
types { application/json json; }
--- request eval
[map { "GET /api/file/$_.json" } qw(array object tx)]
--- response_body eval
['[{"a":1,"TheVerb":"GET"},{"b":2,"TheVerb":"GET"}]',
 '{"a":1,"TheVerb":"GET"}',
 '{"statusCode":200,"txsummary":[{"a":1}],"TheVerb":"GET"}']



=== TEST 10: vector 8: what is no object becomes an array, or an error
--- handlers
response r.js
--- user_files
>>> r.js
switch (req.resourceName) {
case 'array': json = ["I got what I expected"]; break;
case 'number': json = 5; break;
case 'text': json = 'x'; break;
case 'cycle': json.self = json; break;
}
--- request eval
[map { "GET /api/$_" } qw(array number text cycle)]
--- error_code eval
[200, 200, 200, 500]
--- response_body eval
['["I got what I expected"]', '[5]', '["x"]', qr/"errorCode":50029/]



=== TEST 11: vector 9: status, headers, cookie
--- handlers
response a.js
response b.js
--- user_files
>>> a.js
var NewCookie = Java.type("javax.ws.rs.core.NewCookie");
var cookie = new NewCookie("MyCookie", "My cookie value");
response.cookie(cookie);
response.header("X-my-special-header", "My header value");
response.status(299);
>>> b.js
response.header("X-my-special-header", "another").header("X-Upstream", null);
--- request
GET /api/x
--- error_code: 299
--- raw_response_headers_like eval
qr/X-my-special-header: My header value\r\nX-my-special-header: another/
--- raw_response_headers_unlike: X-Upstream
--- response_headers_like
Set-Cookie: MyCookie=.*



=== TEST 12: vector 10: the request's body in response and error, parameters
--- handlers
response r.js
error e.js
--- user_files
>>> r.js
json = {sent: req.json, param: req.urlParameters.specialParam,
        missing: req.urlParameters.nope == null};
>>> e.js
json = {payload: {"req": JSON.parse(req.json)}};
--- request eval
["POST /api/x?specialParam=a%20b\n{\"q\": 1}",
 "POST /api/status/500\n{\"q\": 1}", "GET /api/status/500"]
--- error_code eval
[200, 500, 500]
--- response_body eval
['{"sent":"{\"q\": 1}","param":"a b","missing":true}',
 '{"payload":{"req":{"q":1}}}', '{"payload":{"req":null}}']



=== TEST 13: vector 11: headers, but no credentials
--- handlers
request h.js
--- config
        location /api/ {
            api_id a;
            api_auth header=X-Key;
            proxy_pass $UPSTREAM/;
            HANDLERS
        }
--- http_config
api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"good-key-0123456789": {"access_rights": {"a": {}}}}
>>> h.js
log.info('LOG ' + headers['content-type'] + ' ' + headers['authorization']
         + ' ' + headers['x-key'] + ' ' + req.httpHeaders['authorization']);
headers['x-new'] = 'made';
delete headers['x-old'];
headers['x-changed'] = 'now';
--- request
POST /api/x
{}
--- more_headers
Content-Type: application/json
Authorization: secret
X-Key: good-key-0123456789
X-Old: 1
X-Changed: before
--- response_body_like eval
qr/^(?!.*"x-old")(?=.*"authorization":"secret")(?=.*"x-changed":"now").*"x-new":"made"/
--- check eval
sub {
    is(logged(1), 'LOG application/json undefined undefined undefined',
       'what it saw');
}



=== TEST 14: vector 12: preflights
--- handlers
options o.js
--- config
        location /api/ {
            api_id a;
            proxy_pass $UPSTREAM/;
            HANDLERS
        }
--- user_files
>>> o.js
return {
"Access-Control-Allow-Methods" : "GET,PUT,POST,DELETE",
"Access-Control-Allow-Origin" : "https://internal.acme.com,https://safe.acme.com",
"Access-Control-Max-Age" : 2400 ,
"HTTPStatusCode" : 202
};
--- request eval
['OPTIONS /api/x', 'OPTIONS /api/x', 'OPTIONS /api/x']
--- more_headers eval
["Origin: https://safe.acme.com\nAccess-Control-Request-Headers: x",
 "Origin: https://internal.acme.com\nAccess-Control-Request-Method: PUT",
 "Origin: https://acme.com\nAccess-Control-Request-Method: PUT"]
--- error_code eval
[202, 202, 202]
--- response_headers eval
my $all = "Access-Control-Allow-Methods: GET,PUT,POST,DELETE\nAccess-Control-Max-Age: 2400\n"
    . "Vary: Origin\nHTTPStatusCode:\nAccess-Control-Allow-Origin:";
["$all https://safe.acme.com", "$all https://internal.acme.com", $all]



=== TEST 15: vector 12: an OPTIONS that is no preflight
--- handlers
options o.js
--- user_files
>>> o.js
return {"HTTPStatusCode" : 299};
--- request
OPTIONS /api/x
--- response_body_like: "verb":"OPTIONS"



=== TEST 16: vector 13: both equalities
--- handlers
response r.js
--- user_files
>>> r.js
json = [req.verb == "GET", req.verb === "GET", 'GET' == req.verb.toString()];
--- request
GET /api/x
--- response_body chop
[true,true,true]



=== TEST 17: vector 15: properties of the request, and of no other
--- handlers
request a.js
request b.js
--- user_files
>>> a.js
if (req.urlParameters.set) { req.setUserProperty('k', 'v'); }
>>> b.js
log.info('LOG ' + req.getUserProperties().get('k'));
--- request eval
['GET /api/x?set=1', 'GET /api/x']
--- check eval
sub {
    my @lines = split /\n/, logged(2);
    is($lines[0], 'LOG v', 'the same request');
    isnt($lines[1], 'LOG v', 'another one');
}



=== TEST 18: what nobody changed leaves byte for byte
--- handlers
response r.js
request q.js
--- user_files
>>> r.js
json.n;
>>> q.js
JSON.parse(json || '{}');
>>> big.json
{"n": 12345678901234567890,   "u": "\u0041"}
--- http_config
types { application/json json; }
--- request eval
['GET /api/file/big.json', "POST /api/x\n{\"n\": 12345678901234567890 }"]
--- response_body_like eval
[qr/^\{"n": 12345678901234567890,   "u": "\\u0041"\}\n$/,
 qr/\\"n\\": 12345678901234567890 \}"/]
--- response_headers_like eval
["ETag: .+", 'ETag: "of-upstream"']
