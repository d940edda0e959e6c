#!/usr/bin/perl

# Reloads that come at a bad moment: what old and new workers do to each
# other's events while both are there.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw/ sleep time /;

use lib 't/chaos';

use Chaos;
use Receiver;
use Traffic;

new_handler();
hung_receiver();

done_testing();


sub instance {
    my ($name, %options) = @_;
    my $nginx = Chaos->new($name, %options);
    my $listen = $nginx->{listen} = Chaos::listener(0);

    $nginx->{hook} = 'http://127.0.0.1:' . $listen->sockport;

    return $nginx;
}


sub configure {
    my ($nginx, $main, $handlers) = @_;
    my $port = $nginx->port('gateway');

    $nginx->configure("events { worker_connections 512; }\n$main", <<"END");
    api_zone reload:32m;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            $handlers
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


sub counters {
    my ($nginx) = @_;
    my $m = $nginx->metrics or return {};

    return Chaos::counters($m);
}


sub end {
    my ($nginx) = @_;

    ok($nginx->stop('QUIT'), 'nginx ends when told to');
    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');

    return $nginx->finish('receiver')->{arrivals};
}


# Between the start of new workers and the end of old ones nginx waits for a
# moment, which is made longer here; on a busy machine it may be missed.
sub slow_reload {
    my ($nginx, $seconds, $configure) = @_;
    my $both = 0;

    for my $try (1 .. 5) {
        my $old = () = $nginx->workers;
        my $end = time + 2;

        $configure->($try) if $configure;
        kill 'HUP', $nginx->{pid};
        1 until $nginx->workers == $old + $nginx->{workers} || time > $end;
        kill 'STOP', $nginx->{pid};

        $both = () = $nginx->fresh;
        sleep $seconds if $both == 2 * $nginx->{workers};
        kill 'CONT', $nginx->{pid};

        last if $both == 2 * $nginx->{workers};
        sleep 0.5;
    }

    is($both, 2 * $nginx->{workers}, 'old and new workers are there');
}


# an old worker must not give up what it does not know
sub new_handler {
    my $nginx = instance('reload-new');

    configure($nginx, '', "api_event_handlers * webhook "
                          . "url=$nginx->{hook}/old;");
    $nginx->start;
    $nginx->child('receiver', 60, Receiver->new($nginx->{listen}));

    slow_reload($nginx, 1.5, sub {
        configure($nginx, '', "api_event_handlers * webhook "
                              . "url=$nginx->{hook}/new$_[0];");
    });
    $nginx->until(5, sub { $nginx->workers == $nginx->{workers} });

    $nginx->get('/a');
    $nginx->until(5, sub { (counters($nginx)->{delivered} || 0) == 1 });

    my $arrivals = end($nginx);

    like(join(' ', map { $_->[1] } @$arrivals), qr{^/new\d$},
         'a handler that came with a reload gets its event');
}


# Old workers wait for their receiver's answers for so long that there are not
# rings enough for new ones.
sub hung_receiver {
    my $nginx = instance('reload-hung', workers => 3);
    my $hook = $nginx->{hook};

    configure($nginx, '', <<"END");
            api_event_handlers * webhook url=$hook/hang timeout=60s;
            api_event_handlers * webhook url=$hook/ok;
END
    $nginx->start;
    $nginx->child('receiver', 60, Receiver->new($nginx->{listen}));
    $nginx->child('traffic', 60, Traffic->new(
        port => $nginx->port('gateway'), rate => 500, depth => 1,
        kinds => [ { name => 'a', weight => 1, refused => [401],
                     text => "GET /a HTTP/1.1\r\nHost: localhost\r\n"
                             . "Connection: close\r\n\r\n" } ]));

    $nginx->until(5, sub { (counters($nginx)->{pending} || 0) > 16 });

    ok($nginx->reload, 'a reload');
    cmp_ok(scalar(my @all = $nginx->workers), '>', $nginx->{workers},
           'old workers wait');

    slow_reload($nginx, 0.5);

    cmp_ok($nginx->metrics->{apievents_rings}, '<', 3 * $nginx->{workers},
           'there were more workers than rings');

    my $traffic = $nginx->finish('traffic');
    my $n = counters($nginx);

    is(join(' ', keys %{ $traffic->{wrong} }), '', 'all were refused');
    cmp_ok($n->{raised}, '>=', $traffic->{refused}{a}, 'a refusal has an event');
    is($n->{dropped}, 0, 'none is dropped');

    $nginx->tell('receiver', 'r');
    $nginx->until(10, sub {
        my $n = counters($nginx);
        return $n->{raised} && $n->{waiting} == 0 && $n->{pending} == 0;
    });

    my %seen;

    $seen{"$_->[1] $_->[0]"}++ for @{ end($nginx) };

    is(scalar(keys %seen), 2 * $n->{raised}, 'both receivers got all events');
    is(scalar(grep { $_ > 1 } values %seen), 0, 'and none twice');
}
