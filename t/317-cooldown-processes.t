#!/usr/bin/perl

# A cooldown belongs to no worker: it goes on when those die that began it, that
# hold its delivery, or that saw its events, and over a reload.  Over a stop and a
# start goes what is held.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw/ sleep /;

use lib 't/lib', 't/chaos';

use Clock;
use Chaos;
use Receiver;

my $hour = 3600;

running();
under_way();
failing();
stopped();

done_testing();


sub instance {
    my ($name, $path, $handler) = @_;
    my $nginx = Chaos->new("cooldown-$name");

    $nginx->{listen} = Chaos::low_listener();
    $nginx->{hook} = $nginx->{listen}->sockport;
    $nginx->{path} = $path;
    configure($nginx, "cooldown=1h $handler");
    $nginx->start;
    receive($nginx);

    return $nginx;
}


sub configure {
    my ($nginx, $handler) = @_;
    my $port = $nginx->port('gateway');
    my $hook = "http://127.0.0.1:$nginx->{hook}$nginx->{path}";

    Chaos::spew("$nginx->{dir}/event.txt", '{{.Sequence}} {{.Suppressed}}');

    $nginx->configure('events { worker_connections 512; }', <<"END");
    api_zone cooldown:16m;
    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers * webhook url=$hook
                template=$nginx->{dir}/event.txt timeout=1d retry=off $handler;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


sub receive {
    my ($nginx) = @_;

    $nginx->child('receiver', 120, Receiver->new($nginx->{listen}, late => 0));
}


# one after the other: of what is in the rings of several workers none is newer
sub raise {
    my ($nginx, $n) = @_;

    for (1 .. $n) {
        ($nginx->get('/a'))[0] == 401 or die "not refused\n";
        $nginx->until(20, sub {
            my $m = $nginx->metrics or return;

            return Chaos::counters($m)->{waiting} == 0
        }) or die "not routed\n";
    }
}


# "delivered suppressed pending dead", once they are that
sub numbers {
    my ($nginx, $want) = @_;
    my $got = 'none';

    $nginx->until(20, sub {
        my $m = $nginx->metrics or return;
        my $n = Chaos::counters($m);

        die Chaos::wrong($n) if Chaos::wrong($n);
        $got = join ' ', @$n{qw/ delivered suppressed pending dead /};
        return $n->{waiting} == 0 && $got eq $want;
    });

    return $got;
}


# all workers, one after the other; new ones have taken over
sub kill_all {
    my ($nginx) = @_;

    for my $victim ($nginx->fresh) {
        kill 'KILL', $victim;
        $nginx->until(10, sub {
            my @fresh = $nginx->fresh;
            @fresh == $nginx->{workers} && !grep { $_ == $victim } @fresh;
        }) or die "no new worker\n";
    }
}


# "sequence suppressed" of each that arrived
sub arrived {
    my ($nginx) = @_;

    return map { $_->[4] } @{ $nginx->finish('receiver')->{arrivals} };
}


sub ended {
    my ($nginx, $name) = @_;

    ok($nginx->stop, "$name: nginx ends");
    is(join("\n", $nginx->bad_log), '', "$name: the log is clean");
}


# one was delivered and others are held back
sub running {
    my $nginx = instance('running', '/ok', '');

    raise($nginx, 1);
    is(numbers($nginx, '1 0 0 0'), '1 0 0 0', 'running: one at once');
    raise($nginx, 4);
    is(numbers($nginx, '1 3 1 0'), '1 3 1 0', 'running: the others are held');

    kill_all($nginx);
    raise($nginx, 4);
    is(numbers($nginx, '1 7 1 0'), '1 7 1 0', 'running: so they are after kills');

    ok($nginx->reload, 'running: a reload');
    raise($nginx, 4);
    is(numbers($nginx, '1 11 1 0'), '1 11 1 0', 'running: and after it');

    # what is new has no cooldown, what is held keeps its own
    configure($nginx, '');
    ok($nginx->reload, 'running: a reload without a cooldown');
    raise($nginx, 1);
    is(numbers($nginx, '2 11 1 0'), '2 11 1 0', 'running: goes out at once');

    Clock::advance($hour);
    is(numbers($nginx, '3 11 0 0'), '3 11 0 0', 'running: the end');
    is(join(', ', arrived($nginx)), '1 0, 14 0, 13 11', 'running: what arrived');
    ended($nginx, 'running');
}


# its worker dies while the first one is on its way
sub under_way {
    my $nginx = instance('under-way', '/hang', '');

    raise($nginx, 5);
    is(numbers($nginx, '0 0 5 0'), '0 0 5 0', 'under way: all wait');

    kill_all($nginx);
    raise($nginx, 5);
    is(numbers($nginx, '0 0 10 0'), '0 0 10 0', 'under way: so they do');

    # the old workers wait for the answer, and count it
    ok($nginx->reload, 'under way: a reload');
    raise($nginx, 5);
    is(numbers($nginx, '0 0 15 0'), '0 0 15 0', 'under way: and after it');

    $nginx->tell('receiver', 'r');
    is(numbers($nginx, '1 13 1 0'), '1 13 1 0', 'under way: answered');

    Clock::advance($hour);
    is(numbers($nginx, '2 13 0 0'), '2 13 0 0', 'under way: the end');

    my @got = arrived($nginx);

    is(scalar(grep { $_ eq '1 0' } @got), @got - 1,
       'under way: the first, again after each kill of its worker');
    is($got[-1], '15 13', 'under way: the last');
    ended($nginx, 'under way');
}


# a receiver that nobody listens for costs each event one attempt, and silences
# none: one gets through when it is back
sub failing {
    my $nginx = instance('failing', '/ok', 'concurrency=1');

    $nginx->finish('receiver');
    close $nginx->{listen};

    raise($nginx, 3);
    is(numbers($nginx, '0 0 0 3'), '0 0 0 3', 'failing: each was tried');
    ok($nginx->reload, 'failing: a reload');

    $nginx->{listen} = Chaos::listener($nginx->{hook});
    receive($nginx);

    raise($nginx, 3);
    is(numbers($nginx, '1 1 1 3'), '1 1 1 3', 'failing: and goes on');

    Clock::advance($hour);
    is(numbers($nginx, '2 1 0 3'), '2 1 0 3', 'failing: the end');
    is(join(', ', arrived($nginx)), '4 0, 6 1', 'failing: what arrived');
    ended($nginx, 'failing');
}


# what is held is in the store, and goes out when it would have
sub stopped {
    my $nginx = instance('stopped', '/ok', '');

    raise($nginx, 1);
    is(numbers($nginx, '1 0 0 0'), '1 0 0 0', 'stopped: one at once');
    raise($nginx, 4);
    is(numbers($nginx, '1 3 1 0'), '1 3 1 0', 'stopped: the others are held');

    ok($nginx->stop, 'stopped: nginx ends');
    Clock::advance($hour / 2);
    $nginx->start;
    is(numbers($nginx, '0 0 1 0'), '0 0 1 0', 'stopped: one is still held');

    raise($nginx, 2);
    is(numbers($nginx, '0 0 3 0'), '0 0 3 0', 'stopped: and those that come');

    # by the wall clock it is its time
    Clock::advance($hour / 2);
    is(numbers($nginx, '1 1 1 0'), '1 1 1 0', 'stopped: the end');
    Clock::advance($hour);
    is(numbers($nginx, '2 1 0 0'), '2 1 0 0', 'stopped: of the next one, too');

    is(join(' ', map { (split)[1] } arrived($nginx)), '0 3 1',
       'stopped: for how many they stood');
    ended($nginx, 'stopped');
}
