# The example handlers of the phases response, options and error: what the
# client got.  The upstream's answers are files, by the names of resources.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

my $Api = <<'END';
        location /api/ {
            api_id a;
            api_auth off;
            proxy_method GET;
            proxy_pass $UPSTREAM/answers/;
            HANDLERS
        }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    return unless $block->user_files;

    $block->set_value(config => $Api . ($block->config // ''));
});

run_tests();

__DATA__

=== TEST 1: strip-metadata
--- handlers
response $EXAMPLES/response/strip-metadata.js
--- user_files
>>> array
[{"@metadata": {"href": "x"}, "a": 1}, {"b": 2}]
>>> object
{"@metadata": {"href": "x"}, "a": 1}
>>> tx
{"statusCode": 200, "txsummary": [{"@metadata": {"verb": "UPDATE"}, "a": 1}]}
--- request eval
['GET /api/array', 'GET /api/object', "PUT /api/tx\n{}"]
--- response_body eval
['[{"a":1,"TheVerb":"GET"},{"b":2,"TheVerb":"GET"}]',
 '{"a":1,"TheVerb":"GET"}',
 '{"statusCode":200,"txsummary":[{"a":1}],"TheVerb":"PUT"}']



=== TEST 2: employee-orders
--- handlers
response $EXAMPLES/response/employee-orders.js
--- user_files
>>> demo:employee
[{"employee_id": 1}, {"name": "no id"}, {"employee_id": 3}]
--- config
        location = /api/PurchaseOrders {
            default_type application/json;
            return 200 '[{"asked": "$args"}]';
        }
--- request
GET /api/demo:employee
--- response_body eval
my $asked = 'filter=%%22salesrep_id%%22%%20%%3D%%20%d'
            . '&order=%%22amount_total%%22%%20desc&pagesize=10&offset=0';
sprintf('[{"employee_id":1,"ordersAsSalesRep":[{"asked":"' . $asked . '"}]},'
        . '{"name":"no id"},'
        . '{"employee_id":3,"ordersAsSalesRep":[{"asked":"' . $asked . '"}]}]',
        1, 3)



=== TEST 3: employee-picture
--- handlers
response $EXAMPLES/response/employee-picture.js
--- user_files
>>> demo:employee
{"statusCode":200,"txsummary":[{"@metadata":{"verb":"UPDATE","resource":"demo:employee"},"employee_id":7},{"@metadata":{"verb":"INSERT","resource":"demo:other"}}]}
>>> the_employee_picture
[{"picture": "of seven"}]
--- request eval
["PUT /api/demo:employee\n{}", "GET /api/demo:employee"]
--- response_body_like eval
[qr/"employee_id":7,"the_picture":"of seven"\},\{"\@metadata":\{"verb":"INSERT","resource":"demo:other"\}\}\]\}$/,
 qr/"employee_id":7\}/]



=== TEST 4: replace-result
--- handlers
response $EXAMPLES/response/replace-result.js
--- request eval
['GET /api/MyResource', 'GET /api/x']
--- response_body eval
['["I got what I expected"]', '["Not what I wanted"]']



=== TEST 5: replace-by-resource
--- handlers
response $EXAMPLES/response/replace-by-resource.js
--- user_files
>>> MyResource
{"Happy": ["New", "Year"]}
>>> demo:customer
[{"name": "A"}]
--- request eval
['GET /api/MyResource', 'GET /api/demo:customer']
--- response_body_like eval
[qr/^\[\{"name":"A"\}\]$/, qr/^\[\{"name": "A"\}\]\n$/]



=== TEST 6: status-header-cookie
--- handlers
response $EXAMPLES/response/status-header-cookie.js
--- request
GET /api/x
--- error_code: 299
--- response_headers
X-my-special-header: My header value
Set-Cookie: MyCookie="My cookie value"
--- response_body_like: "uri":"/x"



=== TEST 7: hide-host
--- handlers
response $EXAMPLES/response/hide-host.js
--- user_files
>>> Orders
[{"@metadata":{"href":"http://10.0.0.7:8080/rest/Order/1","links":[1]},"Items":[{"@metadata":{"href":"https://10.0.0.7/rest/Item/2"},"n":null}]}]
--- request
GET /api/Orders
--- response_body chop
[{"@metadata":{"href":"/rest/Order/1"},"Items":[{"@metadata":{"href":"/rest/Item/2"},"n":null}]}]



=== TEST 8: partner-response
--- handlers
response $EXAMPLES/response/partner-response.js
--- user_files
>>> PartnerOrder
{"statusCode": 201, "txsummary": [], "rulesummary": []}
--- config
        location = /api/Customers {
            default_type application/json;
            if ($arg_sysfilter = "equal(CompanyName%3A'A')") {
                return 200 '[{"Balance": 5, "CreditLimit": 1000}]';
            }
            return 200 '[]';
        }
--- request eval
["POST /api/PartnerOrder\n{\"Customer\": \"A\"}",
 "POST /api/PartnerOrder\n{\"Customer\": \"B\"}"]
--- response_body eval
['{"statusCode":201,"accountSummary":{"balance":5,"creditLimit":1000}}',
 '{"statusCode":201}']



=== TEST 9: process-payload
--- handlers
response $EXAMPLES/response/process-payload.js
--- config
        location = /api/Message {
            api_id a;
            api_auth off;
            proxy_pass http://127.0.0.1:$server_port/made;
            HANDLERS
        }

        location = /made {
            default_type application/json;
            return 201 '{"txsummary": [{"@metadata": {"verb": "INSERT", "href": "http://127.0.0.1:$server_port/row/7"}}]}';
        }

        location = /row/7/ProcessPayload {
            return 200 '{"called": "$request_method $args"}';
        }
--- request
POST /api/Message
{}
--- error_code: 201
--- response_body_like: "processed":\{"called":"GET verbose=true"\}\}$



=== TEST 10: static-cors
--- handlers
options $EXAMPLES/options/static-cors.js
--- request
OPTIONS /api/x
--- more_headers
Origin: https://internal.acme.com
Access-Control-Request-Method: PUT
--- response_headers
Access-Control-Allow-Methods: GET,PUT,POST,DELETE
Access-Control-Allow-Origin: https://internal.acme.com
Access-Control-Allow-Headers: authorization,content-type,accept,x-requested-with,X-CALiveAPICreator-ResponseFormat
Access-Control-Max-Age: 2400
Vary: Origin
HTTPStatusCode:



=== TEST 11: cors-of-resource
--- handlers
options $EXAMPLES/options/cors-of-resource.js
--- request eval
['OPTIONS /api/PurchaseOrder', 'OPTIONS /api/Other']
--- more_headers
Origin: https://elsewhere.example.com
Access-Control-Request-Method: PUT
--- response_headers_like eval
['Access-Control-Allow-Origin: http://localhost.*',
 'Access-Control-Allow-Origin: \*']



=== TEST 12: envelope
--- handlers
error $EXAMPLES/error/envelope.js
--- request eval
["POST /api/own/409\n{\"q\": 1}", 'GET /api/status/503']
--- error_code eval
[409, 503]
--- response_body eval
['{"success":false,"payload":{"req":{"q":1}},"error":{"code":7,'
 . '"statusCode":409,"errorMessage":"of upstream","message":"of upstream"}}',
 '{"success":false,"payload":{"req":null},"error":{"code":5031,'
 . '"statusCode":503,"errorMessage":"Service Unavailable",'
 . '"message":"Service Unavailable"}}']



=== TEST 13: envelope-of-resource
--- handlers
error $EXAMPLES/error/envelope-of-resource.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/status/503/;
            HANDLERS
        }
--- request eval
["POST /api/PartnerOrder?order=3\n{}", "POST /api/PartnerOrder?order=4\n{}",
 'GET /api/Other']
--- error_code eval
[503, 503, 503]
--- response_body_like eval
[qr/^\{"success":false,"payload":\{"request":"\{\}","contact":"odd\@example.com"\},"error":\{"code":5031,"statusCode":503,/,
 qr/"contact":"even\@example.com"/, qr/^not JSON$/]
