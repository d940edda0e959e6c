# Deliveries that wait for their receiver: its rate and its breaker.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use DeliverBlocks;

# how many arrived: so many, waited for, and then no more for a moment
sub arrived {
    my ($n) = @_;

    ApiEvents::wait_for(sub { $n <= (() = ApiEvents::recorded()) });
    select undef, undef, undef, 0.3;

    return scalar(() = ApiEvents::recorded());
}

sub pending {
    return ApiEvents::metrics('/.metrics')->('apievents_deliveries{state="pending"}');
}

{
    no warnings 'once';
    *Test::Base::Filter::arrived = \&arrived;
    *Test::Base::Filter::pending = \&pending;
}

our $Config = <<'END';
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
END

run_tests();

__DATA__

=== TEST 1: a rate
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok rate=1r/m;
--- config eval: $::Config
--- request eval
[("GET /a") x 4]
--- error_code eval
[(401) x 4]
--- recorder
--- check eval
sub {
    is(arrived(1), 1, 'one at once');
    is(pending(), 3, 'the others wait');

    for my $n (2 .. 4) {
        Clock::advance(45);
        is(arrived($n - 1), $n - 1, 'not before');
        Clock::advance(16);
        is(arrived($n), $n, "number $n");
    }

    is(delivered(), '4 0 0', 'none is lost');
    is(equations('/.metrics'), '', 'equations');
}

=== TEST 2: over all workers, and each endpoint for itself
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/one rate=2/1h;
    api_event_handlers AuthFailure webhook url=$HOOK/two rate=100r/s;
--- config eval: $::Config
--- workers: 2
--- recorder
--- check eval
sub {
    raise(9);

    my $n = sub { my ($p) = @_; scalar grep { $_->{uri} eq $p } recorded() };

    is(arrived(11), 11, 'arrived');
    is($n->('/one'), 1, 'of one');
    is($n->('/two'), 10, 'of another');

    # a while that is short for the clocks of both
    Clock::advance(1801);
    is(arrived(12), 12, 'one more');
}

=== TEST 3: a rate that leaves no time between two
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok rate=100000r/s;
--- config eval: $::Config
--- recorder
--- check eval
sub {
    raise(99);
    is(delivered(), '100 0 0', 'delivered');
}

=== TEST 4: a breaker opens, and what waits is not attempted
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/status/500 concurrency=1 retry=2;
--- config eval: $::Config
--- recorder
--- check eval
sub {
    raise(29);
    is(arrived(20), 20, 'twenty are enough');
    is(pending(), 30, 'all wait');
    is(scalar(log_lines('fails too often')), 1, 'told');

    Clock::advance(15);
    is(arrived(20), 20, 'not before');
    Clock::advance(22);
    is(arrived(21), 21, 'one is a probe');
    is(scalar(log_lines('fails too often', 2)), 2, 'which failed');
    Clock::advance(30);
    is(arrived(21), 21, 'the next time is longer');
    Clock::advance(25);
    is(arrived(22), 22, 'then another');
    is(pending() + (delivered(1) =~ /(\d+)$/)[0], 30, 'none is lost');
}

=== TEST 5: a breaker closes
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/flaky/20 concurrency=1 retry=3;
--- config eval: $::Config
--- recorder
--- check eval
sub {
    raise(29);
    is(arrived(20), 20, 'twenty are enough');
    Clock::advance(40);
    is(delivered(), '30 0 0', 'all in the end');
    is(scalar(() = recorded()), 50, 'attempts');
    is(scalar(log_lines('answers again')), 1, 'told');
}

=== TEST 6: no breaker
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/status/500 breaker=off retry=2;
    api_event_handlers AuthFailure webhook url=$HOOK/status/501 retry=off;
    api_event_handlers AuthFailure webhook url=$HOOK/status/404 retry=2;
--- config eval: $::Config
--- recorder
--- check eval
sub {
    raise(29);
    is(arrived(90), 90, 'all are attempted');
    unlike(ApiEvents::error_log_text(), qr/fails too often/, 'none is told');
}

=== TEST 7: breaker=on without another attempt
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/status/500 breaker=on retry=off concurrency=1;
--- config eval: $::Config
--- recorder
--- check eval
sub {
    raise(29);
    is(arrived(20), 20, 'twenty are enough');
    is(pending(), 10, 'the others wait');
}

=== TEST 8: rate
--- http_config
    api_event_handlers * webhook url=$HOOK/ok rate=fast;
--- emerg
invalid "rate=fast", a number above 0 and "r/s", "r/m", "r/h", "r/d" or "/TIME" is expected, such as "100r/s" or "5/10s" in
nginx.conf:

=== TEST 9: an empty rate
--- http_config
    api_event_handlers * webhook url=$HOOK/ok rate=;
--- emerg
invalid "rate=", a number above 0

=== TEST 10: a rate of 0
--- http_config
    api_event_handlers * webhook url=$HOOK/ok rate=0r/s;
--- emerg
invalid "rate=0r/s", a number above 0

=== TEST 11: a rate of another unit
--- http_config
    api_event_handlers * webhook url=$HOOK/ok rate=1r/y;
--- emerg
invalid "rate=1r/y", a number above 0

=== TEST 12: a rate without a unit
--- http_config
    api_event_handlers * webhook url=$HOOK/ok rate=10;
--- emerg
invalid "rate=10", a number above 0

=== TEST 13: a rate of no time
--- http_config
    api_event_handlers * webhook url=$HOOK/ok rate=10/0s;
--- emerg
invalid "rate=10/0s", a number above 0

=== TEST 14: breaker
--- http_config
    api_event_handlers * webhook url=$HOOK/ok breaker=half;
--- emerg
invalid "breaker=half", "on" or "off" is expected in
nginx.conf:

=== TEST 15: handlers without a pace
--- http_config
    api_event_handlers * log rate=1r/s;
--- emerg
unknown or repeated parameter "rate" of handler "log" in
