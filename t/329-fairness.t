#!/usr/bin/perl

# Fifty receivers, of which forty-nine are black holes: the fiftieth notices
# nothing of them.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET;
use Isolation;
use Test::More;

my $HOLES = 49;

nothing_answers('default', 512);
nothing_answers('many', 4096);
all_answered_once();

done_testing();


# a port whose queue of new connections is full, so that it answers no SYN
sub deaf {
    my $hole = IO::Socket::INET->new(Listen => 1, Proto => 'tcp',
                                     LocalAddr => '127.0.0.1')
               or die "listen: $!\n";

    return ($hole, map {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                              PeerPort => $hole->sockport, Blocking => 0)
    } 1 .. 8);
}


# every other one accepts and says nothing, the rest do not accept
sub holes {
    my ($port) = @_;

    return join "\n", map {
        my $url = $_ % 2 ? "HOOK/hang/$_" : "http://127.0.0.1:$port/$_";
        "api_event_handlers * webhook url=$url timeout=10m;"
    } 1 .. $HOLES;
}


# Nothing of what hangs is over while the fiftieth gets all of its own,
# whether the worker has connections for all of them at a time or not.
sub nothing_answers {
    my ($name, $connections) = @_;
    my @hole = deaf();
    my $holes = holes($hole[0]->sockport);
    my $nginx = Isolation->begin($name, workers => 1,
                                 connections => $connections,
                                 locations => <<"END");
        location = /first {
            api_id first;
            api_event_handlers * webhook url=HOOK/beside timeout=10m;
            empty_gif;
        }

        location /a {
            api_id a;
            $holes
            api_event_handlers * webhook url=HOOK/beside timeout=10m;
            empty_gif;
        }
END

    # it is known of one that it answers
    $nginx->get('/first');
    ok($nginx->until(30, sub { ($nginx->counters->{delivered} || 0) == 1 }),
       "$name: the first");

    my $sent = 1;

    for my $round (1 .. 4) {
        $sent += $nginx->burst(50)->{refused}{refused};

        ok($nginx->until(30, sub {
            $nginx->counters->{delivered} == $sent
        }), "$name: round $round");
    }

    my $n = $nginx->counters;

    is($n->{pending}, $HOLES * ($sent - 1), "$name: all others wait");
    is("$n->{dead} $n->{dropped}", '0 0', "$name: none is lost");
    unlike($nginx->log, qr/ failed: /, "$name: and none has failed yet");

    my @ms = $nginx->latencies('/plain', 20);

    is(scalar(grep { $_ < 1e6 } @ms), 20, "$name: requests are answered");

    my $got = $nginx->arrivals(name => $name, signal => 'TERM');

    is(scalar(keys %{ $got->{'/beside'} }), $sent, "$name: all arrived");
    is(Isolation::twice($got->{'/beside'}), 0, "$name: none twice");
    cmp_ok(scalar(grep { m{^/hang/} } keys %$got), '>=', $HOLES / 2 - 8,
           "$name: those that accept were called");
}


# Those that hang have answered before, all but the fiftieth: each failed once
# then, and what they have in flight leaves room for it.
sub all_answered_once {
    my $holes = join "\n", map {
        "api_event_handlers * webhook url=HOOK/hang/$_ timeout=1s retry=off"
        . " breaker=off;"
    } 1 .. $HOLES;
    my $nginx = Isolation->begin('once', workers => 1, locations => <<"END");
        location /a {
            api_id a;
            $holes
            api_event_handlers * webhook url=HOOK/beside timeout=10m;
            empty_gif;
        }
END

    my $sent = 1;

    $nginx->get('/a');

    ok($nginx->until(30, sub {
        my $n = $nginx->counters;
        return ($n->{dead} || 0) == $HOLES && $n->{delivered} == 1;
    }), 'once: all have failed');

    # they hang again, for longer than the bursts take
    for (1 .. 4) {
        $sent += $nginx->burst(20)->{refused}{refused};

        ok($nginx->until(30, sub {
            $nginx->counters->{delivered} == $sent
        }), "once: round $_");

        cmp_ok($nginx->counters->{pending}, '>', 0, 'once: others wait');
    }

    my $got = $nginx->arrivals(name => 'once', signal => 'TERM',
                               allowed => qr/deliveries are not made/);

    is(scalar(keys %{ $got->{'/beside'} }), $sent, 'once: all arrived');
}
