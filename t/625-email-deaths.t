#!/usr/bin/perl

# Processes that end in the middle of a mail: it is delivered at least once,
# under one Message-ID, and by who may finish it once.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw/ sleep /;

use lib 't/chaos', 't/lib';

use Smtp;
use Chaos;

worker_killed();
ended($_) for qw/ HUP QUIT /;
all_killed();

done_testing();


# mails go to an address whose relay says something so many seconds after it
# has the message
sub start {
    my ($name, $to, %options) = @_;
    my $nginx = Chaos->new("mail-$name", workers => 1, %options);

    $nginx->{smtp} = Smtp->new;
    configure($nginx, $to);
    $nginx->start;

    return $nginx;
}


sub configure {
    my ($nginx, $to) = @_;
    my $gateway = $nginx->port('gateway');
    my $relay = $nginx->{smtp}->port;

    $nginx->configure("events { worker_connections 512; }\n"
                      . "worker_shutdown_timeout 60s;", <<"END");
    api_zone apievents:16m;
    api_store sqlite:mail.db flush=10ms;
    api_smtp smtp://127.0.0.1:$relay from=api\@example.com starttls=off;
    api_event_handlers AuthFailure email to=$to\@example.com timeout=60s;

    server {
        listen 127.0.0.1:$gateway;
        location /a { api_id a; empty_gif; }
        location = /metrics { api_metrics; }
    }
END
}


# a mail is on its way: the relay has it, and has not said so
sub on_its_way {
    my ($nginx, $to) = @_;

    $nginx->get('/a');
    is(scalar(() = $nginx->{smtp}->mails("$to\@example.com", 1)), 1,
       'the relay has it');
}


sub delivered {
    my ($nginx, $n, $what) = @_;

    ok($nginx->until(20, sub {
        my $m = $nginx->metrics or return;
        my $now = Chaos::counters($m);

        return $now->{delivered} >= $n && $now->{pending} == 0
    }), "$what: delivered");
}


sub clean {
    my ($nginx, $what) = @_;

    ok($nginx->stop, "$what: nginx ends");
    is(join("\n", $nginx->bad_log), '', "$what: the log is clean");
    unlike($nginx->log, qr/are not made/, "$what: nothing is lost");
    $nginx->{smtp}->end;
}


# the first time it is not answered at all, then at once
sub worker_killed {
    my $nginx = start('killed', 'once-hang');

    on_its_way($nginx, 'once-hang');
    kill 'KILL', $nginx->workers;

    my @mails = $nginx->{smtp}->mails('once-hang@example.com', 2);

    is(scalar @mails, 2, 'killed: sent again by the next worker');
    is($mails[0]{id}, $mails[1]{id}, 'killed: as the same mail');
    is($mails[0]{raw} =~ s/boundary.*|^-+.*//mgr,
       $mails[1]{raw} =~ s/boundary.*|^-+.*//mgr, 'killed: word by word');
    delivered($nginx, 1, 'killed');
    clean($nginx, 'killed');
}


# who has to end finishes it first
sub ended {
    my ($signal) = @_;
    my $nginx = start($signal, 'slow3');
    my ($old) = $nginx->workers;

    on_its_way($nginx, 'slow3');

    if ($signal eq 'HUP') {
        ok($nginx->reload, 'HUP: a new worker');
        ok($nginx->until(20, sub { !grep { $_ == $old } $nginx->workers }),
           'HUP: the old one ends');
        delivered($nginx, 1, 'HUP');

    } else {
        ok($nginx->stop('QUIT'), 'QUIT: it ends');
        $nginx->start;
        ok($nginx->until(20, sub { $nginx->metrics }), 'QUIT: starts again');
    }

    # one that comes later is told, so nothing waits before it
    $nginx->get('/a');
    is(scalar(() = $nginx->{smtp}->mails('slow3@example.com', 2)), 2,
       "$signal: the next one");
    delivered($nginx, 1, $signal);

    my @mails = $nginx->{smtp}->mails('slow3@example.com', 0);
    is(scalar @mails, 2, "$signal: each once");
    isnt($mails[0]{event}, $mails[1]{event}, "$signal: two events");
    clean($nginx, $signal);
}


# what the store has is sent by the next nginx
sub all_killed {
    my $nginx = start('all', 'once-hang');

    on_its_way($nginx, 'once-hang');
    ok($nginx->until(10, sub {
        my $m = $nginx->metrics or return;
        return ($m->{'apievents_outbox{state="kept"}'} // 0) == 1
    }), 'all: it is stored');

    my @all = ($nginx->{pid}, $nginx->workers);

    kill 'KILL', @all;
    waitpid shift @all, 0;
    $nginx->until(10, sub { !grep { kill 0, $_ } @all });
    delete $nginx->{pid};
    $nginx->dismiss;
    $nginx->start;

    my @mails = $nginx->{smtp}->mails('once-hang@example.com', 2);

    is(scalar @mails, 2, 'all: sent again');
    is($mails[0]{id}, $mails[1]{id}, 'all: as the same mail');
    delivered($nginx, 1, 'all');
    clean($nginx, 'all');
}
