# A version's end.  The moment is named when this file is read, so that it has
# one block.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: it expires while nginx runs
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_version query=v v1=2099-01-01T00:00;
        empty_gif;
    }
    include ../html/soon.conf;
--- user_files eval
my @t = gmtime(time + 4);
sprintf(">>> soon.conf\nlocation /b { api_id b; api_auth off; empty_gif; "
        . "api_version query=v v1=%04d-%02d-%02dT%02d:%02d:%02d; }\n",
        $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0])
--- request
GET /a?v=v1
--- check eval
sub {
    is((http_get('/b?v=v1'))[0], 200, 'before');
    ok(wait_for(sub { (http_get('/b?v=v1'))[0] == 403 }), 'after');
    like(scalar(http_get('/b?v=v1')), qr/Api Version has expired/, 'text');
}
