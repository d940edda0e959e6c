# fails: requests recorded
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: nothing arrives
--- config
    location /a { return 200; }
--- request
GET /a
--- recorded_count: 1
--- recorded_wait: 0.2
