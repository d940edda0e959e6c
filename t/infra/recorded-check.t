# fails: the check itself
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: a check that fails
--- config
    location /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok; }
--- request
GET /a
--- recorded_check eval
sub { is($_[0]{method}, 'POST', 'the check itself') }
