#!/usr/bin/perl

# Deliveries that had to make room before the store could delete them: once it
# can, it does, and they are not made again by who comes next.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;
use Receiver;

my $Made = 1000;
my $Hung = join '', map { <<"END" } 1 .. 8;
            api_event_handlers AuthFailure webhook timeout=120s
                url=http://127.0.0.1:PORT/hang/$_;
END

my $nginx = Daemon->new('forgotten');
my $db = "$nginx->{dir}/state/a.db";
my $port = $nginx->port('gateway');

$nginx->{listen} = Chaos::listener(0);
$nginx->{hung} = Chaos::listener(0);

my $hook = $nginx->{listen}->sockport;
my $hang = $nginx->{hung}->sockport;

$Hung =~ s/PORT/$hang/g;

$nginx->configure("events { }\nworker_shutdown_timeout 500ms;", <<"END");
    api_zone forgotten:4200k ring=64k;
    api_store sqlite:a.db flush=20ms history=0;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers AuthFailure webhook timeout=120s
                url=http://127.0.0.1:$hook/a;
            empty_gif;
        }

        location /b {
            api_id b;
$Hung
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END

$nginx->start;
$nginx->get('/a') for 1 .. $Made;
metric('apievents_outbox{state="kept"}', sub { $_ == $Made }, 'all are kept');

# a folder is no database
$nginx->until(10, sub { rename_all('', '.away') && mkdir $db })
    or diag("$db: $!");
$nginx->get('/a');
metric('apievents_store_up', sub { $_ == 0 }, 'the store is lost');

$nginx->child('receiver', 120, Receiver->new($nginx->{listen}, late => 0));
metric('apievents_deliveries{state="delivered"}', sub { $_ == $Made + 1 },
       'all are delivered');
metric('apievents_outbox{state="gone"}', sub { $_ >= $Made },
       'and not deleted');

for my $n (1 .. 3000) {
    $nginx->get('/b');
    last if $n % 50 == 0 && value('apievents_outbox_forgotten_total') >= 20;
}

metric('apievents_outbox_forgotten_total', sub { $_ >= 20 }, 'some make room');

rmdir $db;
rename_all('.away', '');
metric('apievents_store_up', sub { $_ == 1 }, 'the store is there again');
metric('apievents_outbox{state="gone"}', sub { $_ == 0 }, 'what was gone');

my $forgotten = value('apievents_outbox_forgotten_total');

ok($nginx->until(30, sub { deleted() == $forgotten }),
   'and what made room is deleted')
    || diag(deleted(), " of $forgotten");

ok($nginx->stop('TERM'), 'nginx ends');
$nginx->start;
metric('apievents_outbox{state="kept"}', sub { $_ > 0 }, 'the others are there');
ok($nginx->stop('TERM'), 'nginx ends');

my %times;

$times{$_->[0]}++ for @{ $nginx->finish('receiver')->{arrivals} };
is(scalar keys %times, $Made + 1, 'each arrived');
is(scalar(grep { $_ != 1 } values %times), 0, 'once');

done_testing();


sub rename_all {
    my ($from, $to) = @_;

    for my $suffix ('-wal', '-shm', '') {
        -e "$db$suffix$from" or next;
        rename "$db$suffix$from", "$db$suffix$to" or return 0;
    }

    return 1;
}


sub value {
    my ($name) = @_;

    return ($nginx->metrics || {})->{$name} // -1;
}


sub metric {
    my ($name, $is, $what) = @_;

    ok($nginx->until(30, sub { local $_ = value($name); $is->() }), $what)
        || diag("$name: ", value($name));
}


sub deleted {
    my $n = 0;

    $n += $_ for $nginx->log
                 =~ /(\d+) deliveries of the store had ended before/g;

    return $n;
}
