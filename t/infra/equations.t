# fails: the equations hold
use lib 't/lib';
use ApiEvents 'no_module';

run_tests();

__DATA__

=== TEST 1: an event is lost
--- config
    location = /m {
        return 200 'apievents_events_raised_total 7
apievents_events_dropped_total{reason="loop"} 1
apievents_events_waiting 0
apievents_events_routed_total 5
apievents_deliveries_total 0
apievents_deliveries{state="delivered"} 0
apievents_deliveries{state="suppressed"} 0
apievents_deliveries{state="pending"} 0
apievents_deliveries{state="dead"} 0
';
    }
--- request
GET /m
--- metrics_equation: /m
