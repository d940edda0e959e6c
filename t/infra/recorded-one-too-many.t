# fails: requests recorded
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: one arrives
--- config
    location /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok; }
--- request
GET /a
--- recorded_count: 0
