#!/usr/bin/perl

# Events that the queue has no room for stay in the rings; those are stored when
# nginx ends, and given to their handlers after the next start.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;
use Receiver;

my $Body = 'x' x 60_000;

my $nginx = Daemon->new('unrouted', workers => 2);

$nginx->{hang} = Chaos::listener(0);
$nginx->{hook} = $nginx->{hang}->sockport;
configure();
$nginx->start;

# An endpoint may hold as much as is free for the others, what is over that is
# dead; at last there is too little for one event.
my ($raised, $n) = (0);

for my $i (0 .. 19) {
    my $dead = $n->{dead} // 0;

    do {
        post($i);
        $raised++;
        $nginx->until(1, sub {
            $n = Chaos::counters($nginx->metrics);
            $n->{routed} == $raised
        });
    } until $n->{dead} > $dead || $n->{waiting} > 0;

    last if $n->{waiting} > 0;
}

post($_ % 20) for 1 .. 100;
$raised += 100;
$n = Chaos::counters($nginx->metrics);

cmp_ok($n->{waiting}, '>', 64, 'events wait for room');

my $alive = $raised - $n->{dead} - $n->{dropped};

ok($nginx->stop('TERM'), 'nginx ends');
like($nginx->log, qr/ \d+ events that no queue had room for are stored/,
     'and stores them');
unlike($nginx->log, qr/are not made/, 'none is lost');

close delete $nginx->{hang};
$nginx->{listen} = Chaos::listener($nginx->{hook});
$nginx->child('receiver', 120, Receiver->new($nginx->{listen}, late => 0));
$nginx->start;

$nginx->until(30, sub {
    my $m = $nginx->metrics or return;

    $n = Chaos::counters($m);
    return $n->{delivered} == $alive && $n->{pending} + $n->{waiting} == 0
});
is($n->{delivered}, $alive, 'all are delivered after a start');

# and are in the store no more
ok($nginx->stop('QUIT'), 'nginx ends again');
$nginx->start;
$nginx->until(5, sub { $nginx->log =~ /taken over/ });
is(Chaos::counters($nginx->metrics)->{deliveries}, 0, 'nothing is left');
ok($nginx->stop, 'nginx ends');

my @ids = map { $_->[0] } @{ $nginx->finish('receiver')->{arrivals} };
my %ids = map { $_ => 1 } @ids;

is(scalar keys %ids, $alive, 'each arrived');
is(scalar @ids, $alive, 'once');
is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');

done_testing();


sub configure {
    my $port = $nginx->port('gateway');
    my $dir = $nginx->{dir};

    # one endpoint has not all of the queue
    my $locations = join "\n", map { <<"LOCATION" } 0 .. 19;
        location /a$_ {
            api_id a$_;
            api_event_handlers * webhook concurrency=2 timeout=60s
                template=$dir/request.txt
                url=http://127.0.0.1:$nginx->{hook}/a$_;
            empty_gif;
        }
LOCATION

    Chaos::spew("$dir/request.txt", '{{.Meta.OriginatingRequest}}');

    $nginx->configure("events { }\nworker_shutdown_timeout 500ms;", <<"END");
    api_zone unrouted:32m ring=3m;
    api_store sqlite:a.db;
    client_max_body_size 1m;

    server {
        listen 127.0.0.1:$port;

        $locations

        location = /metrics { api_metrics; }
    }
END
}


sub post {
    my ($i) = @_;
    my $fh = $nginx->connected or die "no connection\n";

    print $fh "POST /a$i HTTP/1.0\r\nContent-Length: " . length($Body)
              . "\r\n\r\n$Body";
    my $answer = do { local $/; <$fh> };

    $answer =~ m{^HTTP/1.1 401} or die "not refused: $answer\n";
}
