# passes
use lib 't/lib';
use ApiEvents 'no_module';

no_shuffle();
use_hup();
run_tests();

__DATA__

=== TEST 1: before the reload
--- config
    location /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok; }
--- request
GET /a
--- recorded_count: 1

=== TEST 2: after the reload
--- config
    location /b { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok; }
--- request
GET /b
--- recorded_count: 1

=== TEST 3: a reload that fails
--- config
    location /b { retrun 200; }
--- reload_fails
--- request
GET /b
--- error_log
unknown directive "retrun"
