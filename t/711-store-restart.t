#!/usr/bin/perl

# What is pending when nginx stops is delivered after the next start.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw/ sleep /;

use lib 't/chaos';

use Chaos;
use Daemon;
use Receiver;

stop_and_start($_) for qw/ TERM QUIT /;
workers_killed();
upgraded();
resized();
handler_gone();

done_testing();


sub start {
    my ($name, %options) = @_;
    my $nginx = Daemon->new("restart-$name", %options);

    $nginx->{hang} = Chaos::listener(0);
    $nginx->{hook} = $nginx->{hang}->sockport;
    configure($nginx);

    return $nginx->start;
}


sub configure {
    my ($nginx, $size, $path) = @_;
    my $port = $nginx->port('gateway');

    $size //= '16m';
    $path //= '/a';

    $nginx->configure("events { }\nworker_shutdown_timeout 500ms;", <<"END");
    api_zone restart:$size;
    api_store sqlite:a.db;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers * webhook concurrency=2 timeout=60s
                url=http://127.0.0.1:$nginx->{hook}$path;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


# from then on what arrives is answered; nothing is left of connections before
sub answer {
    my ($nginx) = @_;

    close delete $nginx->{hang};
    $nginx->{listen} = Chaos::listener($nginx->{hook});
    $nginx->child('receiver', 120,
                  Receiver->new($nginx->{listen}, late => 0));
}


sub pending {
    my ($nginx) = @_;
    my $m = $nginx->metrics or return -1;

    return Chaos::counters($m)->{pending};
}


# ids that arrived, in order
sub arrived {
    my ($nginx) = @_;

    return map { $_->[0] } @{ $nginx->finish('receiver')->{arrivals} };
}


sub once {
    my ($nginx, $n, $what) = @_;
    my @ids = arrived($nginx);
    my %ids = map { $_ => 1 } @ids;

    is(scalar keys %ids, $n, "$what: each event arrives");
    is(scalar @ids, $n, "$what: once");
}


sub clean {
    my ($nginx) = @_;

    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
    unlike($nginx->log, qr/are not made/, 'nothing is lost');
}


sub stop_and_start {
    my ($signal) = @_;
    my $nginx = start($signal);

    $nginx->get('/a') for 1 .. 20;
    ok($nginx->until(5, sub { pending($nginx) == 20 }), 'twenty are pending');
    ok($nginx->stop($signal), "nginx ends by $signal");

    answer($nginx);
    $nginx->start;
    ok($nginx->until(10, sub { $nginx->log =~ /taken over from the store/ }),
       'the next one takes over');

    $nginx->until(10, sub {
        my $m = $nginx->metrics or return;
        my $n = Chaos::counters($m);

        return $n->{delivered} == 20 && $n->{pending} == 0
    });
    is(Chaos::counters($nginx->metrics)->{delivered}, 20, 'all are delivered');

    $nginx->get('/a');
    $nginx->until(10, sub { Chaos::counters($nginx->metrics)->{delivered} == 21 });

    # and they are not there a second time
    ok($nginx->stop($signal), 'nginx ends');
    $nginx->start;
    sleep 3;
    is(Chaos::counters($nginx->metrics)->{deliveries}, 0, 'nothing is left');
    ok($nginx->stop, 'nginx ends again');

    once($nginx, 21, $signal);
    clean($nginx);
}


# all at once: nobody has had the time to write what was not written
sub workers_killed {
    my $nginx = start('killed');

    $nginx->get('/a') for 1 .. 20;
    ok($nginx->until(10, sub {
        my $m = $nginx->metrics;
        ($m->{'apievents_outbox{state="kept"}'} // 0) == 20
    }), 'twenty are written');

    my @all = ($nginx->{pid}, $nginx->workers);

    kill 'KILL', @all;
    $nginx->gone($_) for @all;
    delete $nginx->{pid};
    $nginx->dismiss;

    answer($nginx);
    $nginx->start;
    $nginx->until(10, sub { Chaos::counters($nginx->metrics || {})->{delivered} // 0 == 20 });
    $nginx->until(10, sub { pending($nginx) == 0 });
    is(Chaos::counters($nginx->metrics)->{delivered}, 20, 'all are delivered');
    ok($nginx->stop, 'nginx ends');
    once($nginx, 20, 'killed');
    clean($nginx);
}


# the zone of the old binary, or of the old size, ends with deliveries in it
sub upgraded {
    my $nginx = start('upgraded');
    my $old = $nginx->{pid};

    $nginx->get('/a') for 1 .. 20;
    ok($nginx->until(5, sub { pending($nginx) == 20 }), 'twenty are pending');
    isnt($nginx->upgrade, undef, 'an upgrade') or return;
    kill 'QUIT', $old;
    ok($nginx->gone($old), 'the old binary ends');
    comes_over($nginx, 'upgrade');
}


sub resized {
    my $nginx = start('resized');

    $nginx->get('/a') for 1 .. 20;
    ok($nginx->until(5, sub { pending($nginx) == 20 }), 'twenty are pending');
    configure($nginx, '24m');
    ok($nginx->reload, 'a reload with another size');
    comes_over($nginx, 'size');
}


sub comes_over {
    my ($nginx, $what) = @_;

    ok($nginx->until(20, sub { pending($nginx) == 20 }),
       "$what: they come over");
    answer($nginx);
    $nginx->until(20, sub {
        my $m = $nginx->metrics;
        $m && Chaos::counters($m)->{delivered} == 20
    });
    is(Chaos::counters($nginx->metrics)->{delivered}, 20, 'all are delivered');
    ok($nginx->stop, 'nginx ends');
    once($nginx, 20, $what);
    clean($nginx);
}


# what waits for a handler that the next configuration does not have
sub handler_gone {
    my $nginx = start('gone');

    $nginx->get('/a') for 1 .. 5;
    ok($nginx->until(5, sub { pending($nginx) == 5 }), 'five are pending');
    ok($nginx->stop('TERM'), 'nginx ends');
    configure($nginx, '16m', '/other');
    $nginx->start;
    ok($nginx->until(10, sub {
        5 == (() = $nginx->log =~ /store is dead: its handler is not configured/g)
    }), 'they are dead');
    ok($nginx->stop, 'nginx ends');
    $nginx->start;
    sleep 3;
    is(scalar(() = $nginx->log =~ /store is dead/g), 5, 'and told of once');
    ok($nginx->stop, 'nginx ends again');
    clean($nginx);
}
