# The example handlers of phase request: what upstream got.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'END') if defined $block->check;
    log_format asked escape=none '$request_method $request_uri $request_body';
    access_log logs/asked.log asked;
END
});

# what upstream was asked at a path, once it was
sub asked {
    my ($path) = @_;
    my $file = Test::Nginx::Util::server_root() . '/logs/asked.log';
    my @lines;

    wait_for(sub {
        open my $in, '<', $file or return 0;
        @lines = grep { m{^\w+ $path(?:\?| )} } <$in>;
        scalar @lines;
    });

    return CORE::join '', @lines;
}

{
    no warnings 'once';
    *Test::Base::Filter::asked = \&asked;
}

run_tests();

__DATA__

=== TEST 1: require-https
--- handlers
request $EXAMPLES/request/require-https.js
--- request eval
['GET /api/SecretData', 'GET /api/Other']
--- error_code eval
[500, 200]
--- response_body_like eval
[qr/^\{"statusCode":500,"errorCode":50029,"errorMessage":"Use HTTPS to access this resource"\}$/,
 qr{"uri":"/Other"}]
--- check eval
sub {
    ok(wait_for(sub {
        error_log_text() =~ /SecretData was accessed over HTTP by 127\.0\.0\.1/
    }), 'what it logged');
}



=== TEST 2: strip-useless-data
--- handlers
request $EXAMPLES/request/strip-useless-data.js
--- request eval
["PUT /api/x\n{\"a\": 1, \"uselessData\": 2}",
 "POST /api/x\n[{\"uselessData\": 2}, {\"b\": 1}]", 'GET /api/x']
--- response_body_like eval
[qr/"body":"\{\\"a\\":1\}".*"content-length":"7"/,
 qr/"body":"\[\{\},\{\\"b\\":1\}\]"/, qr/"uri":"\/x"(?!.*"body")/]



=== TEST 3: content-type
--- handlers
request $EXAMPLES/request/content-type.js
--- request
POST /api/x
1
--- more_headers
Content-Type: text/x-example
--- response_body_like: "body":"1"
--- error_log
content type text/x-example



=== TEST 4: sales-reports
--- handlers
request $EXAMPLES/request/sales-reports.js
--- request
POST /api/SalesReports
[{"n":1,"Order_DetailsList":[{"@metadata":{},"OrderID":1,"ProductID":2,"SupplierName":"Pavlova, Ltd.","q":3},{"SupplierName":"Other"}]}]
--- response_body_like eval
qr/"body":"\[\{\\"n\\":1,\\"Order_DetailsList\\":\[\{\\"SupplierName\\":\\"Pavlova, Ltd.\\",\\"q\\":3\}\]\}\]"/



=== TEST 5: address-range
--- handlers
request $EXAMPLES/request/address-range.js
--- config
        set_real_ip_from 127.0.0.1;

        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            HANDLERS
        }
--- request eval
['GET /api/x', 'GET /api/x']
--- more_headers eval
['', 'X-Real-IP: 192.0.2.1']
--- error_code eval
[200, 500]
--- response_body_like eval
[qr{"uri":"/x"}, qr/"errorMessage":"This API is for addresses of the office/]



=== TEST 6: magic-parameter
--- handlers
request $EXAMPLES/request/magic-parameter.js
--- request eval
["POST /api/Widget?specialParam=please\n{}", "POST /api/Widget\n{}",
 'GET /api/Widget']
--- error_code eval
[200, 403, 200]
--- response_body_like eval
[qr{"uri":"/Widget"}, qr/"errorCode":4031,"errorMessage":"Widgets are made/,
 qr{"verb":"GET"}]



=== TEST 7: audit
--- handlers
request $EXAMPLES/request/audit.js
--- request
POST /api/PartnerOrder
{"n": 1}
--- response_body_like: "uri":"/PartnerOrder".*"body":"\{\\"n\\": 1\}
--- error_log
audited: PartnerOrder
--- check eval
sub {
    is(asked('/PartnerMessages'), 'POST /PartnerMessages {"resource":'
       . '"PartnerOrder","user":null,"message":"{\"n\": 1}"}' . "\n",
       'once, the copy');
}



=== TEST 8: flatten
--- handlers
request $EXAMPLES/request/flatten.js
--- request eval
["POST /api/x\n{\"name\": \"x\", \"address\": {\"city\": \"y\"}}",
 "POST /api/x\n[{\"contact\": {\"mail\": \"m\"}}, {\"contact\": null}]",
 'GET /api/x']
--- response_body_like eval
[qr/"body":"\{\\"name\\":\\"x\\",\\"city_address\\":\\"y\\"\}"/,
 qr/"body":"\[\{\\"mail_contact\\":\\"m\\"\},\{\\"contact\\":null\}\]"/,
 qr/"uri"/]



=== TEST 9: ignore-unused
--- handlers
request $EXAMPLES/request/ignore-unused.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            HANDLERS
        }

        location = /api/@resources/Product {
            return 200 '{"attributes": [{"name": "a"}, {"name": "b"}]}';
        }

        location = /api/@resources/Nothing {
            return 200 '{}';
        }
--- request eval
["PUT /api/Product\n{\"\@metadata\": {}, \"a\": 1, \"c\": 2}",
 "POST /api/Nothing\n{}", 'GET /api/Product']
--- error_code eval
[200, 500, 200]
--- response_body_like eval
[qr/"body":"\{\\"\@metadata\\":\{\},\\"a\\":1\}"/,
 qr/"errorMessage":"no attributes of Nothing are known"/, qr/"verb":"GET"/]



=== TEST 10: lookup-merge
--- handlers
request $EXAMPLES/request/lookup-merge.js
--- request
POST /api/PartnerOrder
{"OrderNumber":7,"Customer":{"CompanyName":"A"},"Items":[{"Product":{"ProductName":"B"}},{}]}
--- check eval
sub {
    is(asked('/PartnerOrder'), 'POST /PartnerOrder {"OrderNumber":7,'
       . '"Customer":{"CompanyName":"A","@metadata":{"action":"LOOKUP",'
       . '"key":"CompanyName"}},"Items":[{"Product":{"ProductName":"B",'
       . '"@metadata":{"action":"LOOKUP","key":"ProductName"}}},{}],'
       . '"@metadata":{"action":"MERGE_INSERT","key":["OrderNumber"]}}' . "\n",
       'tags');
}



=== TEST 11: modified-date
--- handlers
request $EXAMPLES/request/modified-date.js
--- request eval
["POST /api/Product\n{\"a\": 1}", "POST /api/Other\n{\"a\": 1}"]
--- response_body_like eval
[qr/"body":"\{\\"a\\":1,\\"ModifiedDate\\":\\"20\d\d-\d\d-\d\dT[\d:.]+Z\\"\}"/,
 qr/"body":"\{\\"a\\": 1\}"/]



=== TEST 12: the exported folder: request and error
--- handlers
request $EXAMPLES/exported/request_events/
error $EXAMPLES/exported/request_events/
--- request eval
["POST /api/PartnerOrder\n{\"n\": 1}",
 "POST /api/PartnerOrder?ByPassAsync=true\n{\"n\": 1}",
 'GET /api/status/503']
--- error_code eval
[201, 200, 503]
--- response_body_like eval
[qr/^\{"statusCode":201,"accepted":"PartnerOrder"\}$/,
 qr{"uri":"/PartnerOrder"}, qr/^not JSON$/]
--- check eval
sub {
    is(asked('/SystemQueue'), 'POST /SystemQueue {"resource":"PartnerOrder",'
       . '"payload":{"n":1}}' . "\n", 'once, into the queue');
    is(asked('/PartnerOrder'), 'POST /PartnerOrder?ByPassAsync=true {"n": 1}'
       . "\n", 'upstream was asked once');
}
