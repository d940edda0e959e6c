# run by util/valgrind, which wants a finding in each of the first two blocks
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

=== TEST 2: memory that nobody knows any more
--- main_config
    load_module $TEST_NGINX_CANARY;
--- config
    location /a { canary; }
--- request
GET /a?leak
--- error_code: 204

=== TEST 3: nothing wrong
--- main_config
    load_module $TEST_NGINX_CANARY;
--- config
    location /a { canary; }
--- request
GET /a?none
--- error_code: 204
