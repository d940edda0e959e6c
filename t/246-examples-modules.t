# The example handlers in the form of modules.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

run_tests();

__DATA__

=== TEST 1: request
--- handlers
request $EXAMPLES/modules/request.js
--- request eval
["POST /api/x\n{\"number\": 7}", "POST /api/x\n{}", 'GET /api/x']
--- error_code eval
[200, 422, 200]
--- response_body_like eval
[qr/"x-order":"7"/, qr/"errorCode":4221,"errorMessage":"an order has/,
 qr/"verb":"GET"/]



=== TEST 2: response
--- handlers
response $EXAMPLES/modules/response.js
--- request
GET /api/x
--- response_headers
Cache-Control: max-age=60
X-Verb: GET
Set-Cookie: seen=yes
--- response_body chop
{"verb":"GET","uri":"/x"}



=== TEST 3: options
--- handlers
options $EXAMPLES/modules/options.js
--- request
OPTIONS /api/x
--- more_headers
Access-Control-Request-Method: GET
--- error_code: 204
--- response_headers
Access-Control-Allow-Origin: *
Access-Control-Allow-Methods: GET, HEAD



=== TEST 4: error
--- handlers
error $EXAMPLES/modules/error.js
--- request
GET /api/own/409
--- error_code: 409
--- response_body chop
{"success":false,"code":7,"resource":"own"}



=== TEST 5: an event
--- handlers
QuotaExceeded $EXAMPLES/modules/event.js
* told.js
--- config
        location /api/ {
            api_id a;
            proxy_pass $UPSTREAM/;
            HANDLERS
        }
--- http_config
api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"good-key-0123456789": {"quota_max": 1, "quota_renewal_rate": 3600,
 "access_rights": {"a": {}}}}
>>> told.js
export default function (ctx) {
    if (ctx.event.EventType === 'QuotaTold') {
        ctx.log('told of ' + ctx.event.EventMetaData.Key);
    }
}
--- request eval
['GET /api/x', 'GET /api/x']
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 403]
--- check eval
sub {
    ok(wait_for(sub { error_log_text() =~ /told of [0-9a-f]{32}/ }),
       'the event that it raised');
    like(error_log_text(), qr/quota: [0-9a-f]{32} at a/, 'what it logged');
}
