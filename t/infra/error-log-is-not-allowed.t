# fails: log clean while it ran
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: an alert that error_log expects is not allowed by it
--- init
ApiEvents::wait_for(sub { kill 9, ApiEvents::worker_pids() });
--- config
    location /a { return 200; }
--- request
GET /a
--- error_log
exited on signal 9
