#!/usr/bin/perl

# Reloads and dead workers while deliveries wait and are in flight: nothing is
# lost, and nothing arrives again that was answered.

use strict;
use warnings;

use lib 't/lib';

use Isolation;
use Test::More;
use Time::HiRes qw/ sleep time /;

under_load();
in_flight();
removed();
changed_bounds();
worker_number();
killed();

done_testing();


sub traffic {
    my ($nginx, %options) = @_;

    $nginx->child('traffic', 60, Traffic->new(
        port => $nginx->port('gateway'), rate => 600,
        kinds => [$Isolation::Refused], %options));
}


sub pending {
    my ($nginx, $pending) = @_;

    return $nginx->until(5, sub {
        ($nginx->counters->{pending} // -1) == $pending
    });
}


# arrivals after an earlier one that was answered
sub again {
    my ($ids) = @_;
    my $n = 0;

    for my $arrivals (values %$ids) {
        my $answered;

        for (sort { $a->[2] <=> $b->[2] } @$arrivals) {
            $n++ if defined $answered && $_->[2] > $answered;
            $answered //= $_->[3];
        }
    }

    return $n;
}


# each answer takes some milliseconds
sub under_load {
    my $nginx = Isolation->begin('reload', main => '',
        receiver => { late => 1 },
        api => 'api_event_handlers * webhook url=HOOK/ok concurrency=8;');

    traffic($nginx);

    for (1 .. 4) {
        sleep 0.3;
        ok($nginx->reload, 'load: a reload');
    }

    my $traffic = $nginx->finish('traffic');
    my $n = $nginx->settled;
    my $got = $nginx->arrivals(name => 'load')->{'/ok'};

    is(join(' ', keys %{ $traffic->{wrong} }), '', 'load: all were refused');
    cmp_ok($n->{raised}, '>=', $traffic->{refused}{refused},
           'load: a refusal has an event');
    is($n->{delivered}, $n->{raised}, 'load: all are delivered');
    is(scalar(keys %$got), $n->{raised}, 'load: all arrived');
    is(Isolation::twice($got), 0, 'load: none twice');
}


# some wait for an answer, others behind them
sub in_flight {
    my $nginx = Isolation->begin('flight', main => '', api =>
        'api_event_handlers * webhook url=HOOK/hang timeout=60s concurrency=4;');
    my $sent = $nginx->burst(60)->{refused}{refused};
    my @old = $nginx->workers;

    pending($nginx, $sent);
    ok($nginx->reload, 'flight: a reload');
    $sent += $nginx->burst(20)->{refused}{refused};
    ok(pending($nginx, $sent), 'flight: all wait');
    cmp_ok(scalar(my @all = $nginx->workers), '>', 2,
           'flight: an old worker waits for its answers');

    $nginx->tell('receiver', 'r');
    is($nginx->settled->{delivered}, $sent, 'flight: all are delivered');
    ok($nginx->until(5, sub { $nginx->workers == 2 }),
       'flight: old workers end');

    my $got = $nginx->arrivals(name => 'flight')->{'/hang'};

    is(scalar(keys %$got), $sent, 'flight: all arrived');
    is(Isolation::twice($got), 0, 'flight: none twice');
}


# what waits for a handler that is gone is given up, what is in flight is not
sub removed {
    my $nginx = Isolation->begin('removed', main => '', api => <<'END');
            api_event_handlers * webhook url=HOOK/hang timeout=60s
                                         concurrency=1;
            api_event_handlers * webhook url=HOOK/hang/kept timeout=60s
                                         concurrency=1;
END
    my $sent = $nginx->burst(50)->{refused}{refused};

    pending($nginx, 2 * $sent);
    $nginx->change(api => 'api_event_handlers * webhook url=HOOK/hang/kept '
                          . 'timeout=60s concurrency=1;');
    ok($nginx->reload, 'removed: a reload');
    ok(pending($nginx, $sent + 1), 'removed: what waited is given up');

    my $n = $nginx->counters;

    is($n->{dead}, $sent - 1, 'removed: and counted');

    my ($told) = $nginx->log =~ /\[warn\] .*?(\d+) deliveries are given up/;

    is($told, $sent - 1, 'removed: and logged');

    $nginx->tell('receiver', 'r');
    $n = $nginx->settled;
    is("$n->{delivered} $n->{dead}", $sent + 1 . ' ' . ($sent - 1),
       'removed: the others are delivered');

    my $got = $nginx->arrivals(name => 'removed');

    is(scalar(keys %{ $got->{'/hang'} }), 1, 'removed: one was in flight');
    is(scalar(keys %{ $got->{'/hang/kept'} }), $sent, 'removed: the others');
    is(again($got->{$_}), 0, "removed: none twice at $_") for keys %$got;
}


sub changed_bounds {
    my $nginx = Isolation->begin('bounds', main => '', api => <<'END');
            api_event_handlers * webhook url=HOOK/hang timeout=60s
                                         concurrency=1 queue=30;
END
    my $sent = $nginx->burst(50)->{refused}{refused};

    pending($nginx, 31);
    is($nginx->counters->{dead}, $sent - 31, 'bounds: one and thirty wait');

    $nginx->change(api => <<'END');
            api_event_handlers * webhook url=HOOK/hang timeout=60s
                                         concurrency=8 queue=100;
END
    ok($nginx->reload, 'bounds: a reload');

    my $more = $nginx->burst(40)->{refused}{refused};

    ok(pending($nginx, 31 + $more), 'bounds: more wait with them');
    is($nginx->counters->{dead}, $sent - 31, 'bounds: no more are dead');

    # before the release, as many as may be at once
    sleep 0.3;
    my $released = time;
    $nginx->tell('receiver', 'r');

    is($nginx->settled->{delivered}, 31 + $more, 'bounds: all are delivered');

    my $got = $nginx->arrivals(name => 'bounds')->{'/hang'};

    is(scalar(keys %$got), 31 + $more, 'bounds: all arrived');
    is(scalar(grep { $_->[0][2] < $released } values %$got), 8,
       'bounds: eight at once');
    is(Isolation::twice($got), 0, 'bounds: none twice');
}


# more workers than the zone has rings for, then one
sub worker_number {
    my $nginx = Isolation->begin('number', main => '', zone => '16m ring=16k',
        receiver => { late => 1 },
        api => 'api_event_handlers * webhook url=HOOK/ok;');

    traffic($nginx, rate => 300);

    for my $workers (4, 1, 2) {
        sleep 0.3;
        $nginx->change(workers => $workers);
        ok($nginx->reload, "number: a reload with $workers");
    }

    sleep 0.3;

    my $traffic = $nginx->finish('traffic');
    my $n = $nginx->settled;
    my $rings = $nginx->until(5, sub {
        $nginx->metrics->{apievents_rings_owned} == 2
    });
    my $got = $nginx->arrivals(name => 'number')->{'/ok'};

    ok($rings, 'number: each has a ring in the end');
    is(join(' ', keys %{ $traffic->{wrong} }), '', 'number: all were refused');
    cmp_ok($n->{raised}, '>=', $traffic->{refused}{refused},
           'number: a refusal has an event');
    is($n->{dropped}, 0, 'number: none is dropped');
    is($n->{delivered}, $n->{raised}, 'number: all are delivered');
    is(scalar(keys %$got), $n->{raised}, 'number: all arrived');
    is(Isolation::twice($got), 0, 'number: none twice');
}


# A worker that has calls in flight is stopped again and again while it raises
# events, and killed when some of them are not routed yet.
sub killed {
    my $nginx = Isolation->begin('killed', api => <<'END');
            api_event_handlers * webhook url=HOOK/hang timeout=60s
                                         concurrency=16;
            api_event_handlers * webhook url=HOOK/ok;
END
    my ($victim, $other) = $nginx->workers;

    # the connections and the calls are the victim's
    kill 'STOP', $other;
    my @clients = map { $nginx->connected } 1 .. 150;
    ask($_, '/plain') for @clients;

    my $sent = grep { ask($_, '/a') } @clients[0 .. 39];
    my $flight = $nginx->until(5, sub {
        ($nginx->counters->{delivered} || 0) == $sent
    });

    kill 'CONT', $other;
    ok($flight, 'killed: one receiver has some, another hangs');

    # it is stopped in the middle if this process, when it wakes up, takes the
    # processor from it, but not the other way round
    setpriority 0, $victim, 10;

    # of 150 connections, whose requests are there when it goes on
    my ($waiting, $until) = (0, time() + 60);

    while (time() < $until) {
        my $before = $nginx->counters->{raised};

        kill 'STOP', $victim;
        syswrite $_, $Isolation::Refused->{text} for @clients;

        while (1) {
            kill 'CONT', $victim;
            select undef, undef, undef, 0.0002;
            kill 'STOP', $victim;

            # it may have got this one as well
            my $n = $nginx->counters(0.2);

            $waiting = $n->{waiting} // 0;
            last if $waiting || ($n->{raised} // 0) == $before + @clients;
        }

        last if $waiting;

        # it had the time to do all at once
        kill 'CONT', $victim;
        answer($_) for @clients;
        $sent += @clients;
    }

    kill 'KILL', $victim;

    cmp_ok($waiting, '>', 0, 'killed: with events in its ring');
    ok($nginx->until(5, sub { $nginx->log =~ /worker adopted/ }),
       'killed: its ring is adopted');

    my ($due) = $nginx->log =~ /worker adopted, (\d+) deliveries/;

    cmp_ok($due // 0, '>=', 16, 'killed: and its calls are due again');
    ok($nginx->until(5, sub { $nginx->fresh == 2 }), 'killed: there is a new one');

    my $more = $nginx->burst(20)->{refused}{refused};

    $nginx->tell('receiver', 'r');

    my $n = $nginx->settled;
    my $got = $nginx->arrivals(name => 'killed', allowed => qr/on signal 9/);

    cmp_ok($n->{raised}, '>=', $sent + $waiting + $more, 'killed: raised');
    cmp_ok($n->{dropped}, '<=', 1, 'killed: one may be half written');
    is($n->{waiting} + $n->{pending} + $n->{dead}, 0, 'killed: none is left');

    for (qw{ /ok /hang }) {
        is(scalar(keys %{ $got->{$_} }), $n->{raised} - $n->{dropped},
           "killed: all arrived at $_");
    }
}


# the status of one answer
sub ask {
    my ($socket, $uri) = @_;

    syswrite $socket, "GET $uri HTTP/1.1\r\nHost: localhost\r\n\r\n";

    return answer($socket);
}


sub answer {
    my ($socket) = @_;

    sysread $socket, my $text, 65536;

    return $text =~ m{^HTTP/1\.1 (\d+)} ? $1 : 0;
}
