# fails: nginx does not start
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: a mistake in the test itself
--- config
    location /a { retrun 200; }
--- request
GET /a
