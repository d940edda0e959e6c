#!/usr/bin/perl

# Files of log handlers while processes come, go, reopen them and find the
# disk full: each event has one line in them, whole, or is told to be dead.

use strict;
use warnings;

use JSON::XS qw/ decode_json /;
use Test::More;
use Time::HiRes qw/ sleep time /;

use lib 't/chaos';

use Chaos;
use Traffic;

rotation();
not_opened();
killed();
ends($_) for qw/ QUIT TERM /;
reloaded();
single();
torn();

done_testing();


sub instance {
    my ($name, $handler, %options) = @_;
    my $nginx = Chaos->new("log-$name", %options);

    configure($nginx, $handler);

    return $nginx->start;
}


sub configure {
    my ($nginx, $handler) = @_;
    my $port = $nginx->port('gateway');
    my $file = $nginx->{file} || 'events.json';

    $nginx->configure('events { worker_connections 512; }', <<"END");
    api_zone log:32m;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers * log file=$file format=json
                                     queue=1000000 $handler;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


sub requests {
    my ($nginx, $n, %options) = @_;

    $nginx->child('traffic', 120, Traffic->new(
        port => $nginx->port('gateway'), connections => 8, count => $n,
        kinds => [{ name => 'a', weight => 1, refused => [401],
                    text => "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n" }],
        %options));
}


# how many were sent, which are some more, when they are answered
sub finish {
    my ($nginx) = @_;
    my $result = $nginx->finish('traffic', 'by itself');

    die "requests were not answered\n" if $result->{broken};
    return $result->{sent};
}


# the numbers once they fulfil what is asked
sub numbers {
    my ($nginx, $condition) = @_;
    my $n;

    $nginx->until(20, sub {
        my $m = $nginx->metrics or return;

        $n = Chaos::counters($m);
        return $n->{waiting} == 0 && $condition->($n);
    });

    return $n;
}


# the number of lines, and of ids, in all files
sub lines {
    my ($nginx, @names) = @_;
    my ($bad, $n, %ids) = (0, 0);

    for my $name (@names) {
        my $text = Chaos::slurp("$nginx->{dir}/$name");

        for my $line ($text =~ /^(.*)$/mg) {
            my $event = eval { decode_json($line) };

            $bad++ unless $event;
            next unless $event;
            $n++;
            $ids{ $event->{ID} }++;
        }

        $bad++ if length $text && $text !~ /\n\z/;
    }

    return ($n, scalar keys %ids, $bad);
}


sub ended {
    my ($nginx, $name, $signal) = @_;

    ok($nginx->stop($signal), "$name: nginx ends");
    is(join("\n", $nginx->bad_log), '', "$name: the log is clean");
}


# renamed and reopened again and again, by all workers
sub rotation {
    my $nginx = instance('rotation', 'buffer=8k flush=200ms');
    my $dir = $nginx->{dir};
    my @names = 'events.json';

    requests($nginx, 20000, rate => 5000);

    for my $i (1 .. 8) {
        sleep 0.4;
        rename "$dir/events.json", "$dir/events.$i";
        push @names, "events.$i";
        kill 'USR1', $nginx->{pid};
        $nginx->until(10, sub { -e "$dir/events.json" });
    }

    my $sent = finish($nginx);
    my $n = numbers($nginx, sub { $_[0]{pending} == 0 });
    my ($lines, $ids, $bad) = lines($nginx, @names);

    is("$n->{delivered} $n->{dead}", "$sent 0", 'rotation: delivered');
    is("$lines $ids $bad", "$sent $sent 0", 'rotation: lines, ids, bad ones');
    cmp_ok(scalar(grep { -s "$dir/$_" } @names), '>', 2, 'rotation: files');

    ended($nginx, 'rotation');
}


# where it is to be opened there is no folder: what is open goes on
sub not_opened {
    my $nginx = Chaos->new('log-not-opened');
    my $dir = $nginx->{dir};

    mkdir "$dir/sub" or die "mkdir: $!\n";
    $nginx->{file} = 'sub/events.json';
    configure($nginx, 'buffer=1m flush=1h');
    $nginx->start;

    my $sent = 0;
    my $more = sub {
        requests($nginx, 40);
        $sent += finish($nginx);
        numbers($nginx, sub { $_[0]{delivered} + $_[0]{pending} == $sent });
    };
    my $opened = sub { scalar(() = $nginx->log =~ /open\(\) "\S+events\.json" failed/g) };

    $more->();
    rename "$dir/sub", "$dir/old" or die "rename: $!\n";
    kill 'USR1', $nginx->{pid};
    ok($nginx->until(10, sub { $opened->() == 1 + $nginx->{workers} }),
       'not opened: the log tells');
    is(numbers($nginx, sub { $_[0]{pending} == 0 })->{delivered}, $sent,
       'not opened: what waited is written');

    $more->();
    mkdir "$dir/sub" or die "mkdir: $!\n";
    kill 'USR1', $nginx->{pid};
    is(numbers($nginx, sub { $_[0]{pending} == 0 })->{delivered}, $sent,
       'not opened: and what came since');
    is((lines($nginx, 'old/events.json'))[0], $sent, 'not opened: in the old file');

    ok($nginx->until(10, sub { -e "$dir/sub/events.json" }), 'not opened: a new one');
    ok($nginx->until(10, sub { workers_have($nginx, "$dir/sub/events.json") }),
       'not opened: of each worker');
    my $before = $sent;

    $more->();
    ok($nginx->stop, 'not opened: nginx ends');
    is(join(' ', lines($nginx, 'old/events.json', 'sub/events.json')),
       "$sent $sent 0", 'not opened: lines, ids, bad ones');
    is((lines($nginx, 'sub/events.json'))[0], $sent - $before,
       'not opened: the new one goes on');
    is(join("\n", grep { !/events\.json" failed/ } $nginx->bad_log), '',
       'not opened: the log is clean');
}


sub workers_have {
    my ($nginx, $file) = @_;

    return !grep {
        my $pid = $_;
        !grep { (readlink($_) // '') eq $file } glob "/proc/$pid/fd/*"
    } $nginx->workers;
}


# with lines in its buffer, which then another one writes
sub killed {
    my $nginx = instance('killed', 'buffer=1m flush=1h', workers => 1);
    my $dir = $nginx->{dir};

    requests($nginx, 200);

    my $sent = finish($nginx);
    my $n = numbers($nginx, sub { $_[0]{pending} == $sent });

    is("$n->{delivered} $n->{pending}", "0 $sent", 'killed: all are in the buffer');
    is(-s "$dir/events.json", 0, 'killed: none in the file');

    my ($victim) = $nginx->fresh;

    kill 'KILL', $victim;
    ok($nginx->until(10, sub {
        my @fresh = $nginx->fresh;
        @fresh == 1 && $fresh[0] != $victim;
    }), 'killed: there is another one');

    # it has them, once it adopted the ring
    ok($nginx->until(20, sub {
        kill 'USR1', $nginx->{pid};
        my $m = $nginx->metrics or return;
        Chaos::counters($m)->{pending} == 0;
    }), 'killed: and it writes them');

    $n = numbers($nginx, sub { $_[0]{pending} == 0 });

    is("$n->{delivered} $n->{dead}", "$sent 0", 'killed: delivered');
    is(join(' ', lines($nginx, 'events.json')), "$sent $sent 0", 'killed: lines');

    # those of the log are about the kill
    ok($nginx->stop, 'killed: nginx ends');
    is(join("\n", $nginx->bad_log), '', 'killed: the log is clean');
}


sub ends {
    my ($signal) = @_;
    my $nginx = instance("ends-$signal", 'buffer=1m flush=1h');

    requests($nginx, 100);

    my $sent = finish($nginx);

    numbers($nginx, sub { $_[0]{pending} == $sent });

    ended($nginx, $signal, $signal);

    is(join(' ', lines($nginx, 'events.json')), "$sent $sent 0", "$signal: lines");
    unlike($nginx->log, qr/are not made/, "$signal: nothing is lost");
}


# to another handler of the same file
sub reloaded {
    my $nginx = instance('reload', 'buffer=1m flush=1h');

    requests($nginx, 100);

    my $sent = finish($nginx);

    numbers($nginx, sub { $_[0]{pending} == $sent });
    configure($nginx, 'prefix=A buffer=1m flush=1h');
    ok($nginx->reload, 'reload: done');

    my $n = numbers($nginx, sub { $_[0]{pending} == 0 });

    is("$n->{delivered} $n->{dead}", "$sent 0", 'reload: delivered');
    is(join(' ', lines($nginx, 'events.json')), "$sent $sent 0",
       'reload: lines');

    requests($nginx, 50);
    $sent = finish($nginx);
    numbers($nginx, sub { $_[0]{pending} == $sent });
    ended($nginx, 'reload');

    my @lines = Chaos::slurp("$nginx->{dir}/events.json") =~ /^A \{/mg;

    is(scalar @lines, $sent, 'reload: and those of the new one');
}


# without a master, where nginx serves no request after it
sub single {
    my $nginx = instance('single', 'buffer=1m flush=1h', master => 'off');

    requests($nginx, 100);

    my $sent = finish($nginx);

    numbers($nginx, sub { $_[0]{pending} == $sent });
    kill 'HUP', $nginx->{pid};

    ok($nginx->until(20, sub { (lines($nginx, 'events.json'))[0] == $sent }),
       'single: lines after a reload');
    ok($nginx->stop('QUIT'), 'single: nginx ends');
    is(join(' ', lines($nginx, 'events.json')), "$sent $sent 0",
       'single: none twice');
    is(join("\n", grep { !/connections are not enough/ } $nginx->bad_log), '',
       'single: the log is clean');
}


# a limit of the file's size stands for a disk that is full: lines are written
# in part, which must not spoil those that follow when there is room again
sub torn {
    local $SIG{XFSZ} = 'IGNORE';

    my $nginx = instance('torn', 'buffer=4k flush=20ms');
    my $dir = $nginx->{dir};
    my $size = 1_000_000;
    my $sent = 0;

    Chaos::spew("$dir/events.json", '{"ID": "' . '-' x $size . "\"}\n");
    $size = -s "$dir/events.json";

    for (1 .. 4) {
        $size += 5000;
        limit($nginx, $size);
        requests($nginx, 300, rate => 1000);
        $sent += finish($nginx);
        numbers($nginx, sub { $_[0]{pending} == 0 });
        cmp_ok(-s "$dir/events.json", '<=', $size, 'torn: the limit holds');
    }

    limit($nginx, 'unlimited');
    requests($nginx, 300);
    $sent += finish($nginx);

    my $n = numbers($nginx, sub { $_[0]{pending} == 0 });
    my @events = map { (eval { decode_json($_) } || {})->{ID} // () }
                 Chaos::slurp("$dir/events.json") =~ /^(.+)$/mg;
    my %ids = map { $_ => 1 } @events;

    is($n->{delivered} + $n->{dead}, $sent, 'torn: all have ended');
    cmp_ok($n->{dead}, '>', 0, 'torn: some are dead');
    is(scalar @events, $n->{delivered} + 1, 'torn: a line for each delivered');
    is(scalar keys %ids, scalar @events, 'torn: none twice');

    my @told = $nginx->log =~ /: "\S+" gets no events, \d+ deliveries/g;
    my @again = $nginx->log =~ /gets events again, (\d+) deliveries/g;

    cmp_ok(scalar @told, '<=', 8, 'torn: told once a time and worker');
    cmp_ok(scalar @told, '>', 0, 'torn: but told');
    ended($nginx, 'torn');
}


sub limit {
    my ($nginx, $size) = @_;

    $nginx->until(10, sub { $nginx->fresh == $nginx->{workers} });

    for my $pid ($nginx->workers) {
        system('prlimit', "--fsize=$size:unlimited", '--pid', $pid) == 0
            or die "prlimit failed\n";
    }
}
