# passes
use lib 't/lib';
use ApiEvents 'no_module';

workers(3);
run_tests();

__DATA__

=== TEST 1: what the file says
--- config
    location /a { return 200; }
--- request
GET /a
--- check eval
sub {
    wait_for(sub { (() = worker_pids()) >= 3 });
    is(scalar(() = worker_pids()), 3, 'workers');
}

=== TEST 2: what the block says
--- workers: 2
--- config
    location /a { return 200; }
--- request
GET /a
--- check eval
sub {
    wait_for(sub { (() = worker_pids()) >= 2 });
    is(scalar(() = worker_pids()), 2, 'workers');
}
