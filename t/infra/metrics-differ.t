# fails: metrics
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: a number that does not come
--- config
    location = /m { return 200 "apievents_events_waiting 0\n"; }
--- request
GET /m
--- metrics_url: /m
--- metrics
apievents_events_waiting 1
