#!/usr/bin/perl

# Retention keeps pace with what is written: the oldest history goes.

use strict;
use warnings;

use Test::More;
use JSON::XS qw/ decode_json /;

use lib 't/chaos';

use Chaos;
use Daemon;
use Receiver;

my $EVENTS = 8000;                 # some 450 bytes each

my $nginx = Daemon->new('bound');
my $port = $nginx->port('gateway');

$nginx->{listen} = Chaos::listener(0);

my $hook = $nginx->{listen}->sockport;

$nginx->configure('events { }', <<"END");
    api_zone bound:32m;
    api_store sqlite:a.db flush=20ms max=1m;
    api_admin_user ops secret=secret-of-ops;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers * webhook url=http://127.0.0.1:$hook/a;
            empty_gif;
        }

        location = /metrics { api_metrics; }
        location /tyk/ { api_admin; }
    }
END
$nginx->child('receiver', 120, Receiver->new($nginx->{listen}, late => 0));
$nginx->start;

$nginx->get('/a') for 1 .. $EVENTS;

ok($nginx->until(30, sub {
    my $m = $nginx->metrics;
    $m && Chaos::counters($m)->{delivered} == $EVENTS
}), 'all are delivered');

my $rows;

ok($nginx->until(30, sub { ($rows = rows()) < $EVENTS / 3 }),
   'the oldest rows are gone') || diag($rows);
cmp_ok($rows, '>', 100, 'the newest are not');
ok($nginx->stop, 'nginx ends');
is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');

done_testing();


sub rows {
    my ($n, $next) = (0);

    do {
        my $page = page($next) or return $EVENTS;

        $n += @{ $page->{items} };
        $next = $page->{next};
    } while ($next);

    return $n;
}


sub page {
    my ($next) = @_;
    my $uri = '/tyk/deliveries?limit=1000' . ($next ? "&before=$next" : '');
    my ($status, $body) = $nginx->get($uri, "Admin-Auth: secret-of-ops\r\n");

    return $status && $status == 200 ? decode_json($body) : undef;
}
