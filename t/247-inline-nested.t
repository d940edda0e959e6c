# A handler that asks its own API, which runs the handler again.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

run_tests();

__DATA__

=== TEST 1: the sixth request of a chain asks nobody
--- handlers
response h.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            proxy_set_header X-Api-Events-Hops $http_x_api_events_hops;
            HANDLERS
        }
--- user_files
>>> h.js
log.info('LOG run');
var url = 'http://127.0.0.1:' + req.urlParameters.port + '/api/x';
try {
    json = {inner: JSON.parse(SysUtility.restGet(url, req.urlParameters, {}))};
} catch (e) {
    json = {said: e.message};
}
--- request eval
'GET /api/x?port=' . $Test::Nginx::Util::ServerPortForClient
--- response_body_like chomp
^(\{"inner":){5}\{"said":"[^"]*too many nested requests"\}{6}$
--- timeout: 20
--- check eval
sub {
    my $n = () = logged(6) =~ /LOG/g;
    is($n, 6, 'runs');
}
