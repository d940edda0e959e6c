# run by util/asan, which wants a report of each block
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: reading behind an allocation
--- main_config
    load_module $TEST_NGINX_CANARY;
--- config
    location /a { canary; }
--- request
GET /a?heap
--- ignore_response
--- allow_log
exited with code 1
exited on signal

=== TEST 2: an integer overflow
--- main_config
    load_module $TEST_NGINX_CANARY;
--- config
    location /a { canary; }
--- request
GET /a?overflow
--- ignore_response
--- allow_log
exited with code 1
exited on signal

=== TEST 3: nothing wrong
--- main_config
    load_module $TEST_NGINX_CANARY;
--- config
    location /a { canary; }
--- request
GET /a?none
--- error_code: 204
