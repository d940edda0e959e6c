# fails: gone in the middle
use strict;
use warnings;

use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: an exception in the middle of a file
--- config
    location /a { return 204; }
--- request
GET /a
--- error_code: 204
--- check eval
sub { die "gone in the middle\n" }
