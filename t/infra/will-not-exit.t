# fails: nginx exits when told to
use lib 't/lib';
use ApiEvents 'no_module';

timeout(1);
run_tests();

__DATA__

=== TEST 1: a receiver that hangs, and patience
--- main_config
worker_shutdown_timeout 60s;
--- config
    location /a {
        proxy_ignore_client_abort on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/hang;
    }
--- request
GET /a
--- timeout: 0.2
--- abort
--- ignore_response
--- recorded_count: 1
