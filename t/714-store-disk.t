#!/usr/bin/perl

# A disk that is full while nginx runs; a file that is damaged
# when it starts.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;
use Receiver;

my @Mounted;

END {
    my $status = $?;

    umount($_) for @Mounted;
    $? = $status;
}

damaged();
missing();

SKIP: {
    my $nginx = Daemon->new('disk');
    my $disk = "$nginx->{dir}/disk";

    mkdir $disk;
    skip 'a tmpfs cannot be mounted here', 1
        if $> != 0 || system("mount -t tmpfs -o size=1m none $disk 2>/dev/null") != 0;

    @Mounted = ($disk);
    disk($nginx, $disk);
    umount($disk);
    @Mounted = ();
}

done_testing();


sub umount {
    system("umount -l $_[0] 2>/dev/null") if $> == 0;
}


sub configure {
    my ($nginx, $file) = @_;
    my $port = $nginx->port('gateway');

    $nginx->{listen} ||= Chaos::listener(0);

    my $hook = $nginx->{listen}->sockport;

    $nginx->configure("events { }\nworker_shutdown_timeout 500ms;", <<"END");
    api_zone disk:16m;
    api_store sqlite:$file flush=20ms;
    api_event_handlers StoreDown log prefix=lost;
    api_event_handlers StoreUp log prefix=back;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers AuthFailure webhook concurrency=2
                timeout=60s url=http://127.0.0.1:$hook/a;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


sub is_metric {
    my ($nginx, $name, $value) = @_;

    ok($nginx->until(10, sub {
        my $m = $nginx->metrics;
        $m && defined $m->{$name} && $m->{$name} == $value
    }), "$name is $value")
        || diag(($nginx->metrics || {})->{$name});
}


sub disk {
    my ($nginx, $disk) = @_;

    configure($nginx, "$disk/a.db");
    $nginx->start;
    $nginx->get('/a') for 1 .. 5;
    is_metric($nginx, 'apievents_outbox{state="kept"}', 5);
    is_metric($nginx, 'apievents_store_up', 1);

    system("dd if=/dev/zero of=$disk/filler bs=4k 2>/dev/null");

    # what fits the pages that are there already, and more
    $nginx->get('/a', 'X-Filler: ' . 'x' x 6000 . "\r\n") for 1 .. 100;

    is_metric($nginx, 'apievents_store_up', 0);
    ok($nginx->until(10, sub { $nginx->log =~ /lost.*StoreDown/ }),
       "it is told");
    is_metric($nginx, 'apievents_deliveries{state="pending"}', 105);

    my ($status) = $nginx->get('/a');

    is($status, 401, 'requests are answered');

    unlink "$disk/filler";

    is_metric($nginx, 'apievents_store_up', 1);
    ok($nginx->until(10, sub { $nginx->log =~ /back.*StoreUp/ }),
       'and told again');
    is_metric($nginx, 'apievents_outbox{state="kept"}', 106);

    my $lines = () = $nginx->log =~ /cannot be written: /g;

    is($lines, 1, 'one line tells of it');
    ok($nginx->stop('TERM'), 'nginx ends');

    all_arrive($nginx, 106);
    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}


# what nginx had when it ended, after the next start
sub all_arrive {
    my ($nginx, $n) = @_;
    my $port = $nginx->{listen}->sockport;

    close $nginx->{listen};
    $nginx->{listen} = Chaos::listener($port);
    $nginx->child('receiver', 120, Receiver->new($nginx->{listen}, late => 0));
    $nginx->start;
    is_metric($nginx, 'apievents_deliveries{state="delivered"}', $n);
    ok($nginx->stop, 'nginx ends');

    my %ids = map { $_->[0] => 1 }
              @{ $nginx->finish('receiver')->{arrivals} };

    is(scalar keys %ids, $n, 'nothing is lost');
}


sub damaged {
    my $nginx = Daemon->new('disk-damaged');

    mkdir "$nginx->{dir}/state";
    Chaos::spew("$nginx->{dir}/state/a.db", 'no database ' x 1000);
    configure($nginx, 'a.db');

    for my $args ('', '-t') {
        like($nginx->run($args), qr/\[emerg\] .*store "\S+a\.db" cannot be used: .* in \S+nginx\.conf:\d+/,
             "nginx $args does not start");
    }

    is(Chaos::slurp("$nginx->{dir}/state/a.db"), 'no database ' x 1000,
       'the file stays as it is');
}


# removed while it is used: a new one is made
sub missing {
    my $nginx = Daemon->new('disk-missing');

    configure($nginx, 'a.db');
    $nginx->start;
    $nginx->get('/a') for 1 .. 5;
    is_metric($nginx, 'apievents_outbox{state="kept"}', 5);

    unlink glob "$nginx->{dir}/state/a.db*";
    $nginx->get('/a') for 1 .. 5;
    is_metric($nginx, 'apievents_outbox{state="kept"}', 10);
    ok(-e "$nginx->{dir}/state/a.db", 'there is a file again');
    ok($nginx->stop('TERM'), 'nginx ends');
    all_arrive($nginx, 10);
    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}
