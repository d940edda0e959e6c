# A handler that does not come back takes its worker with it, and no more.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

workers(2);
run_tests();

__DATA__

=== TEST 1: an endless loop
--- handlers
request loop.js timeout=1s
--- user_files
>>> loop.js
if (req.urlParameters.loop) { for ( ;; ) { } }
--- request
GET /api/x
--- response_body_like: "uri":"/x"
--- allow_log eval
qr/exited on signal 9|has not returned for over 2 seconds/
--- check eval
sub {
    my $before = CORE::join ' ', sort(worker_pids());

    my ($status) = http_get('/api/x?loop=1');

    is($status, 0, 'nobody answers');
    ok(wait_for(sub { error_log_text() =~ /script "loop.js" has not returned for over 2 seconds, its worker is ended/ }),
       'the watchdog ended it');
    ok(wait_for(sub { my @now = worker_pids(); @now == 2 && "@{[sort @now]}" ne $before }),
       'there is another one');

    ($status) = http_get('/api/x');
    is($status, 200, 'the next request is served');
}


=== TEST 2: one behind a timer
--- handlers
request loop.js timeout=1s
--- user_files
>>> loop.js
export default function (ctx) {
    return new Promise(function (resolve) {
        setTimeout(function () {
            if (ctx.req.urlParameters.loop) { for ( ;; ) { } }
            resolve();
        }, 10);
    });
}
--- request
GET /api/x
--- response_body_like: "uri":"/x"
--- allow_log eval
qr/exited on signal 9|has not returned for over 2 seconds/
--- check eval
sub {
    my ($status) = http_get('/api/x?loop=1');

    is($status, 0, 'nobody answers');
    ok(wait_for(sub { error_log_text() =~ /script "loop.js" has not returned for over 2 seconds, its worker is ended/ }),
       'the watchdog ended it');
    ok(wait_for(sub { (http_get('/api/x'))[0] == 200 }), 'the next is served');
}
