# fails: unknown section recorded_cuont
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: a misspelt section
--- config
    location /a { return 200; }
--- request
GET /a
--- recorded_cuont: 1
