# What makes two handlers one endpoint.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: the same handler twice is one endpoint
--- http_config
    api_zone apievents:16m ring=256k;
--- config
    location /a {
        api_id a;
        api_event_handlers AuthFailure webhook
            url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
        api_event_handlers * webhook
            url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    }
--- request
GET /a
--- error_code: 401
--- recorder
--- recorded_count: 1



=== TEST 2: handlers that differ in their timeout alone are two
--- http_config
    api_zone apievents:16m ring=256k;
--- config
    location /a {
        api_id a;
        api_event_handlers AuthFailure webhook timeout=3s
            url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
        api_event_handlers * webhook timeout=4s
            url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    }
--- request
GET /a
--- error_code: 401
--- recorder
--- recorded_count: 2
