#!/usr/bin/perl

# What of endpoints and of history goes on after a stop and start, in an
# upgraded binary, in a zone of another size; what does not.

use strict;
use warnings;

use Test::More;
use JSON::XS qw/ decode_json /;

use lib 't/chaos';

use Chaos;
use Daemon;
use Receiver;

kept($_) for qw/ stop kill upgrade resize /;
none();
readonly() if $> == 0;

done_testing();


sub start {
    my ($name, $more) = @_;
    my $nginx = Daemon->new("kept-$name");

    $nginx->{listen} = Chaos::listener(0);
    $nginx->{hook} = $nginx->{listen}->sockport;
    $nginx->{gone} = Chaos::listener(0);
    $nginx->{more} = $more // '';
    configure($nginx, '16m');
    $nginx->child('receiver', 120, Receiver->new($nginx->{listen}, late => 0));

    return $nginx->start;
}


sub configure {
    my ($nginx, $size) = @_;
    my $port = $nginx->port('gateway');
    my $gone = $nginx->{gone}->sockport;

    $nginx->configure("events { }\nworker_shutdown_timeout 500ms;", <<"END");
    api_zone kept:$size;
    api_store sqlite:a.db $nginx->{more};
    api_admin_user ops secret=secret-of-ops;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_handlers * webhook url=http://127.0.0.1:$nginx->{hook}/a;
            empty_gif;
        }

        location /b {
            api_id b;
            api_event_handlers * webhook url=http://127.0.0.1:$gone/b;
            empty_gif;
        }

        location = /metrics { api_metrics; }
        location /tyk/ { api_admin; }
    }
END
}


sub admin {
    my ($nginx, $method, $path) = @_;
    my $fh = $nginx->connected or return;

    print $fh "$method /tyk/$path HTTP/1.0\r\n"
              . "Admin-Auth: secret-of-ops\r\nContent-Length: 0\r\n\r\n";
    $fh->flush;

    my $answer = do { local $/; <$fh> };

    return eval { decode_json(($answer // '') =~ s/^.*?\r\n\r\n//sr) };
}


sub items {
    my ($nginx, $path) = @_;
    my $answer = admin($nginx, GET => $path) or return;

    return @{ $answer->{items} || [] };
}


# the one that is called, or the other
sub endpoint {
    my ($nginx, $path) = @_;
    my ($ep) = grep { ($_->{label} // '') =~ m{$path$} }
                    items($nginx, 'endpoints');

    return $ep;
}


sub state {
    my ($nginx, $path) = @_;

    return (endpoint($nginx, $path) || {})->{state};
}


sub clean {
    my ($nginx) = @_;

    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}


sub kept {
    my ($how) = @_;
    my $nginx = start($how);

    $nginx->get('/a') for 1 .. 5;
    ok($nginx->until(20, sub { items($nginx, 'deliveries') == 5 }),
       "$how: five rows");

    my $id = endpoint($nginx, '/b')->{id};

    admin($nginx, POST => "endpoints/$id/disable");
    is(state($nginx, '/b'), 'disabled', 'one is disabled');

    # an inherited state is what was written
    sleep 3 if $how ne 'stop';
    again($nginx, $how);

    ok($nginx->until(20, sub { items($nginx, 'deliveries') == 5 }),
       'five rows after it');
    is(state($nginx, '/b'), 'disabled', 'the one is disabled');
    is(state($nginx, '/a'), 'enabled', 'the other is not');

    $nginx->get('/b');
    ok($nginx->until(20, sub { items($nginx, 'dead-letters') == 1 }),
       'a dead letter');
    admin($nginx, POST => "endpoints/$id/enable");
    $nginx->get('/a');
    ok($nginx->until(20, sub { items($nginx, 'deliveries?state=delivered') == 6 }),
       'history goes on');
    is(state($nginx, '/b'), 'enabled', 'it is enabled');
    ok($nginx->stop, 'nginx ends');

    $nginx->start;
    is(state($nginx, '/b'), 'enabled', 'and is after a start');
    is(scalar(items($nginx, 'dead-letters')), 1, 'the letter is there');
    ok($nginx->stop, 'nginx ends again');
    clean($nginx);
}


sub again {
    my ($nginx, $how) = @_;
    my $old = $nginx->{pid};

    if ($how eq 'stop') {
        ok($nginx->stop, 'nginx ends');
        $nginx->start;

    } elsif ($how eq 'kill') {
        my @all = ($nginx->{pid}, $nginx->workers);

        kill 'KILL', @all;
        ok($nginx->gone($_), 'a process is killed') for @all;
        delete $nginx->{pid};
        $nginx->dismiss;
        $nginx->start;

    } elsif ($how eq 'upgrade') {
        isnt($nginx->upgrade, undef, 'an upgrade');
        kill 'QUIT', $old;
        ok($nginx->gone($old), 'the old one ends');

    } else {
        configure($nginx, '24m');
        ok($nginx->reload, 'another size');
    }
}


# no history: what is delivered leaves nothing behind
sub none {
    my $nginx = start('none', 'history=0');

    $nginx->get('/a') for 1 .. 5;
    ok($nginx->until(20, sub {
        my $m = $nginx->metrics;
        $m && Chaos::counters($m)->{delivered} == 5
    }), 'five are delivered');
    sleep 1;
    is(scalar(items($nginx, 'deliveries')), 0, 'and not in the history');
    ok($nginx->stop, 'nginx ends');
    clean($nginx);
}


# neither with a file that may not be written, nor in a folder that may not
sub readonly {
    my $nginx = start('readonly');
    my $state = "$nginx->{dir}/state";

    $nginx->get('/a');
    ok($nginx->until(20, sub { -e "$state/a.db" }), 'there is a file');
    ok($nginx->stop, 'nginx ends');

    my @nobody = getpwnam 'nobody';
    my $conf = "$nginx->{dir}/nginx.conf";
    my $text = Chaos::slurp($conf) =~ s/^\s*user\s[^;]*;//mr;

    Chaos::spew($conf, "user nobody nogroup;\n$text");

    chown $nobody[2], $nobody[3], $state;
    chown 0, 0, glob "$state/a.db*";
    chmod 0644, glob "$state/a.db*";

    for my $args ('', '-t') {
        like($nginx->run($args), qr/\[emerg\] .*file "\S+a\.db" of the store cannot be written by the worker user in \S+nginx\.conf:\d+ \(13: /,
             "nginx $args does not start with a file of another's");
    }

    $nginx->dismiss;
}
