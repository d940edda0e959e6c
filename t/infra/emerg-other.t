# fails: TEST 1: wrong for another reason - emerg
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: wrong for another reason
--- config
    location /a { return; }
--- emerg
unknown directive "retrun"
