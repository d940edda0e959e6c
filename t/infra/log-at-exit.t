# fails: log clean up to its exit
use lib 't/lib';
use ApiEvents 'no_module';

add_test_cleanup_handler(sub {
    open my $log, '>>', server_root() . '/logs/error.log' or die;
    print $log "2026/01/01 00:00:00 [alert] 1#1: open socket left\n";
});

run_tests();

__DATA__

=== TEST 1: an alert line after the last request
--- config
    location /a { return 200; }
--- request
GET /a
