#!/usr/bin/perl

# One process without a master.  nginx serves no request after a reload then,
# with or without this module: it has no connections in the new configuration.
# What was raised before goes on nevertheless, and nothing crashes.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw/ sleep /;

use lib 't/chaos';

use Chaos;
use Receiver;

my $nginx = Chaos->new('single', master => 'off', workers => 1);
my $listen = Chaos::listener(0);
my $hook = 'http://127.0.0.1:' . $listen->sockport;

configure('single:16m', '/ok');
$nginx->start;
$nginx->child('receiver', 60, Receiver->new($listen));

$nginx->get('/a') for 1 .. 5;
ok($nginx->until(5, sub { counters()->{delivered} == 5 }), 'events arrive');
is($nginx->metrics->{apievents_rings_owned}, 1, 'one ring');

SKIP: {
    -e '/sys/kernel/mm/transparent_hugepage/shmem_enabled'
        or skip 'no huge pages here', 1;

    ok(advised($nginx->{pid}), 'the zone asks for huge pages');
}

# another zone cannot be moved to; the old configuration goes on
configure('other:16m', '/other');
reload();
like($nginx->log, qr/\[emerg\] .* without a master process "api_zone" must/,
     'the zone must stay');

$nginx->get('/a');
ok($nginx->until(5, sub { counters()->{delivered} == 6 }),
   'events arrive after a reload that failed');

# one in flight and two that wait, whose handler is still configured after it
$nginx->get('/hang') for 1 .. 3;
ok($nginx->until(5, sub { counters()->{pending} == 3 }), 'a delivery hangs');

configure('single:16m', '/new');
reload() for 1 .. 3;
$nginx->tell('receiver', 'r');
sleep 0.3 * $Chaos::Slow;
ok(kill(0, $nginx->{pid}), 'it lives after reloads');
ok($nginx->stop('QUIT'), 'and ends when told to');
is($nginx->{status}, 0, 'well');

my $arrivals = $nginx->finish('receiver')->{arrivals};
my ($lost) = $nginx->log =~ /(\d+) deliveries are not made/;
my %paths;

$paths{$_->[1]}++ for @$arrivals;

is($paths{'/ok'}, 6, 'six events at the first receiver');
cmp_ok($paths{'/hang'} // 0, '>=', 1, 'what was in flight arrived');
is(($paths{'/hang'} // 0) + ($lost // 0), 3, 'what did not was counted');

is(join('', map { "$_\n" } grep { !/connections are not enough|must stay as/ }
            $nginx->bad_log), '', 'the log is clean');

done_testing();


sub configure {
    my ($zone, $path) = @_;
    my $port = $nginx->port('gateway');

    $nginx->configure('events { worker_connections 128; }', <<"END");
    api_zone $zone;
    api_store off;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers * webhook url=$hook$path;
            empty_gif;
        }

        location /hang {
            api_id hang;
            api_event_handlers * webhook url=$hook/hang timeout=60s
                                         concurrency=1;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


sub reload {
    my $before = () = $nginx->log =~ /reconfiguring/g;

    kill 'HUP', $nginx->{pid};
    $nginx->until(5, sub {
        my $now = () = $nginx->log =~ /reconfiguring/g;
        return $now > $before;
    });
    sleep 0.2 * $Chaos::Slow;
}


# shared memory that is the process's own, of the zone's size and with that flag

sub advised {
    my ($pid) = @_;
    my $size = 0;

    open my $smaps, '<', "/proc/$pid/smaps" or die "smaps: $!";

    while (<$smaps>) {
        $size = $1 if /^Size: +(\d+) kB/;

        return 1 if $size > 8192 && /^VmFlags:.* sh .* hg/;
    }

    return 0;
}


sub counters {
    my $m = $nginx->metrics or return { delivered => -1, pending => -1 };

    return Chaos::counters($m);
}
