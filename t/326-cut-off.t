# An answer that is not whole is no delivery.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

our $Config = <<'END';
    location /a {
        api_id a;
        api_event_handlers AuthFailure webhook retry=off
            url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
    }

    location = /metrics { api_metrics; }
END

our $Http = 'api_zone apievents:16m ring=256k;';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => $Http);
    $block->set_value(config => $Config);
    $block->set_value(request => 'GET /a');
    $block->set_value(error_code => 401);
    $block->set_value(tcp_listen => '$TEST_NGINX_RAND_PORT_2');
});

run_tests();

__DATA__

=== TEST 1: cut off in the body
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
--- error_log
failed: answer cut off
--- metrics
apievents_deliveries{state="dead"} 1
apievents_deliveries{state="delivered"} 0



=== TEST 2: cut off between two chunks
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
--- error_log
failed: answer cut off
--- metrics
apievents_deliveries{state="dead"} 1



=== TEST 3: whole by its length
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_deliveries{state="dead"} 0



=== TEST 4: whole by its last chunk
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
--- metrics
apievents_deliveries{state="delivered"} 1



=== TEST 5: whole by the end of the connection
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"
--- metrics
apievents_deliveries{state="delivered"} 1



=== TEST 6: without a body
--- tcp_reply eval
"HTTP/1.1 204 No Content\r\n\r\n"
--- metrics
apievents_deliveries{state="delivered"} 1



=== TEST 7: an empty body
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
--- metrics
apievents_deliveries{state="delivered"} 1
