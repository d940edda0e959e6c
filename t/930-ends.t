#!/usr/bin/perl

# Clients, receivers and nginx itself that end in the middle of something.

use strict;
use warnings;

use Socket qw/ SOL_SOCKET SO_LINGER /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use lib 't/chaos';

use Chaos;
use Receiver;
use Traffic;

client_ends();
receiver_ends();
nginx_ends($_) for qw/ QUIT TERM /;
nginx_ends_at_work($_) for qw/ QUIT TERM /;

done_testing();


sub start {
    my ($name, %options) = @_;
    my $nginx = Chaos->new($name, %options);
    my $dir = $nginx->{dir};
    my $listen = $nginx->{listen} = Chaos::listener(0);
    my $hook = 'http://127.0.0.1:' . $listen->sockport;
    my $port = $nginx->port('gateway');

    Chaos::spew("$dir/request.txt", '{{.Meta.OriginatingRequest}}');

    $nginx->configure('events { worker_connections 512; }', <<"END");
    api_zone ends:32m;
    api_store off;
    client_body_timeout 30s;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers * webhook url=$hook/a queue=100000
                                         retry=off;
            empty_gif;
        }

        location /body {
            api_id body;
            api_event_handlers * webhook url=$hook/body
                                         retry=off template=$dir/request.txt;
            empty_gif;
        }

        location /hang {
            api_id hang;
            api_event_handlers * webhook url=$hook/hang timeout=2s
                                         concurrency=4 queue=100000
                                         retry=off;
            empty_gif;
        }

        location /proxied {
            proxy_pass $hook/upstream;
        }

        location = /metrics { api_metrics; }
    }
END

    $nginx->start;
    $nginx->child('receiver', 60, Receiver->new($listen, late => 0));

    return $nginx;
}


sub counters {
    my ($nginx) = @_;
    my $m = $nginx->metrics or return { map { $_ => -1 }
        qw/ raised routed waiting dropped pending delivered dead / };

    return Chaos::counters($m);
}


sub idle {
    my ($nginx) = @_;

    return $nginx->until(10, sub {
        my $n = counters($nginx);
        return $n->{waiting} == 0 && $n->{pending} == 0;
    });
}


sub clean {
    my ($nginx) = @_;

    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}


# while the body of its request is read, which an event is to tell
sub client_ends {
    my $nginx = start('ends-client');
    my $head = "POST /body HTTP/1.1\r\nHost: localhost\r\n"
               . "Content-Length: 3000\r\n\r\n";
    my @clients;

    for my $size (0, 1, 1000, 2999) {
        for (1 .. 25) {
            my $fh = $nginx->connected or next;

            syswrite $fh, $head . 'x' x $size;
            push @clients, $fh;
        }
    }

    sleep 0.2;
    close $_ for splice @clients, 0, 50;

    # a client that has had enough, and one that was shot
    for (@clients) {
        setsockopt $_, SOL_SOCKET, SO_LINGER,
                   pack('ii', 1, 0);
        close $_;
    }

    my ($status) = $nginx->get('/body', "Content-Length: 0\r\n");

    is($status, 401, 'the next one is answered');
    ok(idle($nginx), 'and told of');

    my $n = counters($nginx);

    # what had no answer may have no event
    cmp_ok($n->{raised}, '>=', 1, 'events');
    cmp_ok($n->{raised}, '<=', 101, 'at most one a request');
    is($n->{delivered}, $n->{raised}, 'all delivered');
    is($n->{dropped} + $n->{dead}, 0, 'none lost');
    ok($nginx->stop('QUIT'), 'nginx ends when told to');
    is(scalar @{ $nginx->finish('receiver')->{arrivals} }, $n->{raised},
       'and they arrived');
    clean($nginx);
}


# with deliveries in flight and idle connections, and comes again
sub receiver_ends {
    my $nginx = start('ends-receiver');
    my $port = $nginx->{listen}->sockport;

    $nginx->get('/a') for 1 .. 10;
    ok(idle($nginx), 'the receiver works');
    $nginx->get('/hang') for 1 .. 10;
    $nginx->until(5, sub { counters($nginx)->{pending} == 10 });

    $nginx->shoot('receiver');
    close $nginx->{listen};

    $nginx->get('/a') for 1 .. 10;
    my ($status) = $nginx->get('/proxied');

    is($status, 502, 'the upstream is away');
    ok(idle($nginx), 'nothing waits for it');

    my $n = counters($nginx);
    my $told = () = $nginx->log =~ /delivery of \S+ to webhook .* failed/g;

    is($n->{delivered}, 10, 'what arrived is delivered');
    is($n->{dead}, 20, 'what did not is dead');
    is($told, 20, 'and each is in the log');

    my $listen = Chaos::listener($port);

    $nginx->child('receiver', 60, Receiver->new($listen, late => 0));

    $nginx->get('/a') for 1 .. 10;
    idle($nginx);
    is(counters($nginx)->{delivered}, 20, 'it is there again');
    ($status) = $nginx->get('/proxied');
    is($status, 200, 'for all');

    ok($nginx->stop('QUIT'), 'nginx ends when told to');
    is(scalar @{ $nginx->finish('receiver')->{arrivals} }, 10,
       'ten new events arrived');
    clean($nginx);
}


# with deliveries pending: the last worker tells how many
sub nginx_ends {
    my ($signal) = @_;

    for my $workers (1, 4) {
        my $nginx = start("ends-$signal-$workers", workers => $workers);

        $nginx->get('/hang') for 1 .. 40;
        $nginx->get('/a') for 1 .. 5;

        my $n;

        $nginx->until(5, sub {
            $n = counters($nginx);
            $n->{delivered} == 5 && $n->{pending} == 40
        });

        is($n->{pending}, 40, "$signal, $workers workers: 40 are pending");

        my $from = time;

        ok($nginx->stop($signal), 'nginx ends when told to');
        cmp_ok(time - $from, '<', 5 * $Chaos::Slow, 'in time');

        my %lost = map { $_ => 1 }
                   $nginx->log =~ /(\d+) deliveries are not made/g;
        my $dead = () = $nginx->log =~ /delivery of \S+ .* failed/g;

        # one that was in flight when nginx had to quit was waited for
        is($dead, $signal eq 'QUIT' ? 4 : 0, 'in flight and failed');
        is(join(' ', keys %lost), 40 - $dead, 'the others were counted');

        $nginx->finish('receiver');
        clean($nginx);
    }
}


# under load: what was refused either arrived or was counted
sub nginx_ends_at_work {
    my ($signal) = @_;
    my $nginx = start("ends-work-$signal", workers => 3);

    $nginx->child('traffic', 60, Traffic->new(
        port => $nginx->port('gateway'), rate => 3000,
        kinds => [ { name => 'a', weight => 1, refused => [401], text =>
                     "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n" } ]));

    sleep 1;

    ok($nginx->stop($signal), "nginx ends under load by $signal");

    my $traffic = $nginx->finish('traffic');
    my %seen = map { $_->[0] => 1 } @{ $nginx->finish('receiver')->{arrivals} };
    my ($lost) = $nginx->log =~ /(\d+) deliveries are not made/;
    my $arrived = keys %seen;

    cmp_ok($traffic->{refused}{a}, '>', 100, 'requests were refused');
    cmp_ok($arrived + ($lost // 0), '>=', $traffic->{refused}{a},
           'each event arrived or was counted');
    note "$traffic->{refused}{a} refused, $arrived arrived, "
         . ($lost // 0) . ' counted';
    clean($nginx);
}
