#!/usr/bin/perl

# Quotas, told thresholds and open breakers go on after a stop and start.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;

counts($_) for qw/ QUIT TERM KILL /;
off();
resized();
upgraded();

done_testing();


sub start {
    my ($name, $store, %options) = @_;
    my $nginx = Daemon->new("counters-$name", %options);

    $nginx->{listen} = Chaos::listener(0);
    $nginx->{store} = $store;
    Chaos::spew("$nginx->{dir}/keys.json", <<'END');
{"0123456789abcdef": {"quota_max": 10, "quota_renewal_rate": 3600,
                      "org_id": "o",
                      "access_rights": {"a": {"api_id": "a"}}}}
END
    configure($nginx, '16m');

    return $nginx->start;
}


sub configure {
    my ($nginx, $size) = @_;
    my $port = $nginx->port('gateway');
    my $dead = $nginx->{dead} ||= do {
        my $socket = Chaos::listener(0);
        $socket->sockport
    };

    $nginx->configure('events { }', <<"END");
    api_zone counters:$size;
    api_store $nginx->{store};
    api_keys $nginx->{dir}/keys.json;
    api_event_handlers TriggerExceeded log prefix=told;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_monitor limits=50 keys=on;
            empty_gif;
        }

        location /broken {
            api_id broken;
            api_auth off;
            api_breaker threshold=0.5 samples=4 window=600s open=600s;
            proxy_pass http://127.0.0.1:$dead;
        }

        location = /metrics { api_metrics; }
    }
END
}


sub ask {
    my ($nginx, $n) = @_;

    return join ' ', map {
        my ($status) = $nginx->get('/a', "Authorization: 0123456789abcdef\r\n");
        $status
    } 1 .. $n;
}


sub trip {
    my ($nginx) = @_;

    return $nginx->until(5, sub {
        my ($status) = $nginx->get('/broken');
        return $status == 503;
    });
}


sub clean {
    my ($nginx) = @_;

    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}


sub told {
    my ($nginx) = @_;

    return scalar(() = $nginx->log =~ /told/g);
}


sub stop {
    my ($nginx, $signal) = @_;

    return $nginx->stop($signal) if $signal ne 'KILL';

    # what was written until now is what the next one finds
    sleep 3;

    my @all = ($nginx->{pid}, $nginx->workers);

    kill 'KILL', @all;
    $nginx->gone($_) for @all;
    delete $nginx->{pid};
    $nginx->dismiss;

    return 1;
}


sub counts {
    my ($signal) = @_;
    my $nginx = start($signal, 'sqlite:a.db');

    is(ask($nginx, 6), join(' ', (200) x 6), "$signal: six requests");
    ok($nginx->until(5, sub { told($nginx) == 1 }), 'half of them is told');
    ok(trip($nginx), 'the breaker opens');
    ok(stop($nginx, $signal), 'nginx ends');

    $nginx->start;
    is(ask($nginx, 5), '200 200 200 200 403', 'four are left');

    my ($status) = $nginx->get('/broken');

    is($status, 503, 'the breaker is open');
    is(told($nginx), 1, 'half of them is told once');

    ok(stop($nginx, $signal), 'and again');
    $nginx->start;
    is(ask($nginx, 1), '403', 'nothing is left');
    ok($nginx->stop, 'nginx ends');
    clean($nginx);
}


sub off {
    my $nginx = start('off', 'off');

    is(ask($nginx, 6), join(' ', (200) x 6), 'without a store: six requests');
    ok($nginx->stop, 'nginx ends');
    $nginx->start;
    is(ask($nginx, 10), join(' ', (200) x 10), 'all are there anew');
    ok($nginx->stop, 'nginx ends');
    ok(!-e "$nginx->{dir}/state", 'there is no folder');
    clean($nginx);
}


# a zone of another size: what the old workers count until they end comes too
sub resized {
    my $nginx = used('resized');

    configure($nginx, '24m');
    ok($nginx->reload, 'another size');
    goes_on($nginx);
}


sub upgraded {
    my $nginx = used('upgraded');
    my $old = $nginx->{pid};

    isnt($nginx->upgrade, undef, 'an upgrade') or return;
    kill 'QUIT', $old;
    ok($nginx->gone($old), 'the old one ends');
    goes_on($nginx);
}


# the new zone inherits what is written
sub used {
    my ($name) = @_;
    my $nginx = start($name, 'sqlite:a.db');

    is(ask($nginx, 6), join(' ', (200) x 6), "$name: six requests");
    ok($nginx->until(20, sub { told($nginx) == 1 }), 'half of them is told');
    ok(trip($nginx), 'the breaker opens');
    sleep 3;

    return $nginx;
}


sub goes_on {
    my ($nginx) = @_;

    is(ask($nginx, 5), '200 200 200 200 403', 'four are left');

    my ($status) = $nginx->get('/broken');

    is($status, 503, 'the breaker is open');
    ok($nginx->stop, 'nginx ends');
    is(told($nginx), 1, 'half of them is told once');
    clean($nginx);
}
