# fails: die with the expected exit code
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: a configuration that is right
--- config
    location /a { return 200; }
--- emerg
invalid
