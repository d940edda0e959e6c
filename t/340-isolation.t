#!/usr/bin/perl

# One bad endpoint harms nobody: receivers that hang, swallow packets or are
# too slow, queues and rings that are full, clients that go away.

use strict;
use warnings;

use lib 't/lib';

use IO::Socket::INET;
use Isolation;
use Socket qw/ SOL_SOCKET SO_LINGER /;
use Test::More;
use Time::HiRes qw/ sleep time /;

many_hang();
black_hole();
queue_bound();
small_pool();
few_connections();
more_hang_than_calls();
small_ring();
clients_leave();

done_testing();


# nineteen that hang, and storms of refusals: for the twentieth alone, then
# for all of them
sub many_hang {
    my $hung = join "\n", map {
        "api_event_handlers * webhook url=HOOK/hang/$_ timeout=60s;"
    } 1 .. 19;

    my $nginx = Isolation->begin('hang', locations => <<"END");
        location /a {
            api_id a;
            api_event_handlers * webhook url=HOOK/alone;
            empty_gif;
        }

        location /b {
            api_id b;
            $hung
            api_event_handlers * webhook url=HOOK/beside;
            empty_gif;
        }
END

    my %p99;

    for my $uri (qw{ /a /b }) {
        $nginx->child('traffic', 60, Traffic->new(
            port => $nginx->port('gateway'), rate => 1000, depth => 2,
            kinds => [ { %$Isolation::Refused, text => "GET $uri HTTP/1.1\r\n"
                         . "Host: localhost\r\n\r\n" } ]));

        $nginx->until(5, sub { ($nginx->counters->{delivered} || 0) > 50 });

        # the machine has other things to do as well
        for (1 .. 3) {
            my @ms = map {
                sleep 0.05;
                $nginx->latencies('/plain', 40);
            } 1 .. 10;
            my $p99 = Isolation::share(0.99, @ms);

            $p99{$uri} = $p99 if !defined $p99{$uri} || $p99 < $p99{$uri};
        }

        $p99{"sent$uri"} = $nginx->finish('traffic')->{refused}{refused};
        $nginx->settled(19 * 2000, 5);
    }

    my $all = $p99{'sent/a'} + $p99{'sent/b'};

    $nginx->until(10, sub { $nginx->counters->{delivered} == $all });

    my $n = $nginx->counters;
    my $got = $nginx->arrivals(name => 'hang');

    is($n->{raised}, $all, 'hang: a refusal has an event');
    is($n->{dropped}, 0, 'hang: none is dropped');
    is(scalar(keys %{ $got->{'/alone'} }), $p99{'sent/a'},
       'hang: the receiver without neighbours has all');
    is(scalar(keys %{ $got->{'/beside'} }), $p99{'sent/b'},
       'hang: so has the one between those that hang');
    is(Isolation::twice($got->{'/beside'}), 0, 'hang: and none twice');
    is(scalar(grep { m{^/hang/} } keys %$got), 19, 'hang: all were called');

    my @delay = map { Isolation::delay($got->{$_}, 0.99) }
                    qw{ /alone /beside };

    cmp_ok($delay[1], '<', 3 * $delay[0] + 300 * $Chaos::Slow,
           'hang: in good time');
    cmp_ok($p99{'/b'}, '<', 3 * $p99{'/a'} + 10, 'hang: requests are as fast');
    cmp_ok($p99{'/b'}, '<', 200 * $Chaos::Slow, 'hang: and fast');

    note sprintf 'p99 of a request %.2f ms, of another %.2f ms; '
                 . 'p99 until arrival %.0f ms, %.0f ms',
                 $p99{'/a'}, $p99{'/b'}, @delay;
}


# A port whose queue of new connections is full answers no SYN.
sub black_hole {
    my $hole = IO::Socket::INET->new(Listen => 1, Proto => 'tcp',
                                     LocalAddr => '127.0.0.1');
    my $port = $hole->sockport;
    my @fill = map {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
                              Proto => 'tcp', Blocking => 0)
    } 1 .. 8;

    my $nginx = Isolation->begin('hole', api => <<"END");
            api_event_handlers * webhook retry=off url=http://127.0.0.1:$port/
                                         timeout=3s concurrency=100;
            api_event_handlers * webhook url=HOOK/ok;
END

    # not more than may be under way at a time: behind these there would be one
    # at a time
    my $from = time;
    my $sent = $nginx->burst(24)->{refused}{refused};

    my $dead = $nginx->settled($sent, 5)->{dead};

    # on a busy machine that may have taken long
    is($dead, 0, 'hole: nothing answers') if time < $from + 3;

    my $n = $nginx->settled(0);
    my $told = () = $nginx->log =~ m{:$port/" failed: timed out}g;
    my $got = $nginx->arrivals(name => 'hole');

    cmp_ok(time - $from, '>=', 3, 'hole: for the time of an attempt');
    is("$n->{delivered} $n->{dead}", "$sent $sent", 'hole: one half is dead');
    is($told, $sent, 'hole: each is told of');
    is(scalar(keys %{ $got->{'/ok'} }), $sent, 'hole: the others arrived');
    cmp_ok(Isolation::delay($got->{'/ok'}, 1), '<', 2500 * $Chaos::Slow,
           'hole: and did not wait');
}


# A burst of refusals is told of once by each worker, and ends when for a
# second there was none.
sub queue_bound {
    my $nginx = Isolation->begin('bound', api => <<'END');
            api_event_handlers * webhook url=HOOK/hang timeout=60s
                                         concurrency=2 queue=10;
            api_event_handlers * webhook url=HOOK/ok;
END

    my $full = sub {
        my @lines = $nginx->log =~ m{^(.*queue of webhook ".*?" is full.*)$}mg;
        my %pids = map { /\] (\d+)#/ ? ($1 => 1) : () } @lines;

        return (scalar @lines, scalar keys %pids, @lines);
    };

    # connections that are kept, so that each worker has some all the time
    $nginx->child('traffic', 60, Traffic->new(
        port => $nginx->port('gateway'), rate => 300, depth => 1,
        kinds => [$Isolation::Refused]));
    $nginx->until(5, sub { ($full->())[0] });
    sleep 0.3 for 1 .. 8;

    my $sent = $nginx->finish('traffic')->{refused}{refused};
    my $n = $nginx->settled(12);
    my ($lines, $pids, @lines) = $full->();

    is("$n->{delivered} $n->{pending} $n->{dead}", "$sent 12 " . ($sent - 12),
       'bound: ten wait, two are in flight');
    like($lines[0], qr{\[warn\] .*/hang" is full, evt_\S+ and what follows},
         'bound: which queue');
    is($lines, $pids, 'bound: each worker tells once');

    sleep 0.3 for 1 .. 8;
    $sent += $nginx->burst(100)->{refused}{refused};
    $n = $nginx->settled(12);

    my ($more, $all) = $full->();

    cmp_ok($more, '>', $lines, 'bound: after a pause again');
    cmp_ok($more, '<=', 2 * $all, 'bound: once');
    is("$n->{delivered} $n->{pending} $n->{dead}", "$sent 12 " . ($sent - 12),
       'bound: all are counted');

    my $got = $nginx->arrivals(name => 'bound');

    is(scalar(keys %{ $got->{'/ok'} }), $sent, 'bound: the others arrived');
    is(scalar(keys %{ $got->{'/hang'} }), 2, 'bound: two at the one that hangs');
}


# a queue= that is larger than the whole pool
sub small_pool {
    my $nginx = Isolation->begin('pool', zone => '2m ring=16k', api => <<'END');
            api_event_handlers * webhook url=HOOK/hang timeout=60s
                                         queue=10000000;
            api_event_handlers * webhook url=HOOK/ok;
END

    my $all = $nginx->metrics->{apievents_queue_records_free};
    my $sent = 0;

    # in steps: what is left of the pool has room for so many
    while ($sent < 2 * $all) {
        $sent += $nginx->burst(100)->{refused}{refused};
        $nginx->until(5, sub { $nginx->counters->{delivered} == $sent })
            or last;
    }

    my $n = $nginx->counters;
    my $m = $nginx->metrics;
    my $got = $nginx->arrivals(name => 'pool');

    is("$n->{raised} $n->{dropped}", "$sent 0", 'pool: nothing is dropped');
    is(scalar(keys %{ $got->{'/ok'} }), $sent, 'pool: all arrived');
    cmp_ok($n->{pending}, '>', $all / 4, 'pool: one takes much of it');
    cmp_ok($m->{apievents_queue_records_free}, '>', $all / 4,
           'pool: but not all');
    is($n->{pending} + $n->{dead}, $sent, 'pool: the rest of it is dead');
}


# A call takes three connections, clients have what is left.
sub few_connections {
    my %most = ('' => 5, 'api_delivery_connections 10%;' => 2,
                'api_delivery_connections 50%;' => 10);

    for my $share (sort keys %most) {
        my $nginx = Isolation->begin('few', workers => 1, connections => 64,
                                     http => $share, api => <<'END');
            api_event_handlers * webhook url=HOOK/hang timeout=60s
                                         concurrency=100;
            api_event_handlers * log prefix=LOG;
END
        my $result = $nginx->burst(300, connections => 12);
        my @ms = $nginx->latencies('/plain', 50);
        my $sent = $result->{refused}{refused};
        my $n = $nginx->settled($sent);

        # there is nobody else to leave them to
        my $got = $nginx->arrivals(name => "few $share", signal => 'TERM');

        is($result->{broken}, 0, 'few: all clients are served');
        is(scalar @ms, 50, 'few: and go on to be');
        is($n->{delivered}, $sent, 'few: a log needs no connection');
        is(scalar(keys %{ $got->{'/hang'} }), $most{$share}, 'few: calls');
    }
}


# Twenty that hang where ten calls are allowed: once it is known who they are,
# there is always one for a receiver that answers.
sub more_hang_than_calls {
    my $hung = join "\n", map {
        "api_event_handlers * webhook retry=off url=HOOK/hang/$_ timeout=1s;"
    } 1 .. 20;

    my $nginx = Isolation->begin('more', workers => 1, connections => 128,
        api => "$hung\napi_event_handlers * webhook url=HOOK/ok;");
    my $first = $nginx->burst(16, depth => 1)->{refused}{refused};
    my $log = qr{/hang/(\d+)" failed: timed out};

    ok($nginx->until(10, sub {
        my %failed = map { $_ => 1 } $nginx->log =~ /$log/g;
        return keys %failed == 20 && $nginx->counters->{delivered} == $first;
    }), 'more: all that hang have failed');

    for (1 .. 16) {
        $nginx->get('/a');
        sleep 0.05;
    }

    $nginx->until(5, sub { $nginx->counters->{delivered} == $first + 16 });

    my $dead = $nginx->counters->{dead};
    my $got = $nginx->arrivals(name => 'more')->{'/ok'};
    my @last = (sort keys %$got)[-16 .. -1];
    my %last = map { $_ => $got->{$_} } @last;

    is(scalar(keys %$got), $first + 16, 'more: all arrived');
    cmp_ok($dead, '<', 20 * ($first + 16), 'more: while others hang');
    cmp_ok(Isolation::delay(\%last, 0.8), '<', 700 * $Chaos::Slow,
           'more: at once');
}


# More refusals in one turn of the loop than the ring has room for: the worker
# sleeps until all are there.
sub small_ring {
    my $nginx = Isolation->begin('ring', workers => 1, zone => '2m ring=16k',
        http => 'api_event_handlers EventsDropped webhook url=HOOK/told;'
                . "\n    large_client_header_buffers 4 16k;",
        api => 'api_event_handlers AuthFailure webhook url=HOOK/ok;');
    my ($worker) = $nginx->workers;
    my @clients = map { $nginx->connected } 1 .. 100;
    my $path = '/a/' . 'x' x 1000;

    # accepted before
    for (@clients) {
        syswrite $_, "GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n";
        sysread $_, my $text, 65536;
    }

    kill 'STOP', $worker;
    syswrite $_, "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n" for @clients;
    kill 'CONT', $worker;

    my $refused = grep {
        sysread $_, my $text, 65536;
        $text =~ m{^HTTP/1.1 401 };
    } @clients;

    is($refused, @clients, 'ring: all are answered');

    my $n = $nginx->until(5, sub {
        my $n = $nginx->counters;
        return ($n->{raised} // 0) == @clients + 1 && $n->{pending} == 0
               && $n->{waiting} == 0 ? $n : undef;
    }) || $nginx->counters;
    my $m = $nginx->metrics;
    my $log = $nginx->log;
    my $got = $nginx->arrivals(name => 'ring');

    is($n->{raised}, @clients + 1, 'ring: one more event than refusals');
    cmp_ok($n->{dropped}, '>', 50, 'ring: events are dropped');
    is($m->{'apievents_events_dropped_total{reason="ring_full"}'},
       $n->{dropped}, 'ring: for want of room');
    is(scalar(keys %{ $got->{'/ok'} }), @clients - $n->{dropped},
       'ring: all others arrived');
    is(scalar(keys %{ $got->{'/told'} }), 1, 'ring: EventsDropped arrived');
    like($log, qr/\[warn\] .*: $n->{dropped} events were dropped/,
         'ring: and is logged');
}


# Half a request is none; one that is whole, or whose head is, has its event.
# What is left open would be seen in connections and in the queue's records.
sub clients_leave {
    my $nginx = Isolation->begin('leave', locations => <<"END");
        location /a {
            api_id a;
            api_event_handlers * webhook url=HOOK/ok;
            empty_gif;
        }

        location /body {
            api_id b;
            api_event_handlers * webhook url=HOOK/body template=body.json;
            empty_gif;
        }

        location = /status { stub_status; }
END
    my $before = $nginx->metrics;
    my $active = active($nginx);
    my $post = "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n";
    my $get = $Isolation::Refused->{text};
    my $n = 40;

    for my $reset (0, 1) {
        for my $text (substr($get, 0, 9), substr($get, 0, -2), $get,
                      $get . substr($get, 0, 9), "$post\r\nhalf",
                      "$post\r\n" . 'x' x 99)
        {
            leave($nginx, $text, $reset) for 1 .. $n;
        }
    }

    my $sent = $nginx->burst(20)->{refused}{refused};

    cmp_ok($sent, '>=', 20, 'leave: others are answered');

    my $count = $nginx->settled;

    ok($nginx->until(5, sub { active($nginx) <= $active }),
       'leave: no connection stays open');

    # what was in the store is there until its next commits
    my @free = qw/ apievents_queue_records_free apievents_queue_blocks_free /;
    my $after;

    $nginx->until(20, sub {
        $after = $nginx->metrics;
        !grep { $after->{$_} != $before->{$_} } @free
    });
    is($after->{$_}, $before->{$_}, "leave: $_") for @free;

    my $got = $nginx->arrivals(name => 'leave');

    # a reset may be faster than the worker reads; else all are there
    cmp_ok(scalar(keys %{ $got->{'/ok'} }), '>=', 2 * $n + $sent,
           'leave: whole requests have events');
    cmp_ok(scalar(keys %{ $got->{'/ok'} }), '<=', 4 * $n + $sent,
           'leave: and others have none');
    cmp_ok(scalar(keys %{ $got->{'/body'} }), '>=', $n,
           'leave: so have those with a body');
    is(scalar(map { keys %$_ } values %$got), $count->{raised},
       'leave: all that were raised arrived');
    is("$count->{dropped} $count->{dead}", '0 0', 'leave: none is lost');
}


sub leave {
    my ($nginx, $text, $reset) = @_;
    my $socket = $nginx->connected;

    syswrite $socket, $text;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
    close $socket;
}


sub active {
    my ($nginx) = @_;
    my ($status, $body) = $nginx->get('/status');

    return ($body || '') =~ /Active connections: (\d+)/ ? $1 : 1e9;
}
