# fails: log clean while it ran
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: a worker dies
--- config
    location /a { return 200; }
--- request
GET /a
--- check eval
sub { kill 9, worker_pids(); wait_for(sub { error_log_text() =~ /signal 9/ }) }
