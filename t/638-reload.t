#!/usr/bin/perl

# A reload by the management API: of workers that may signal their master, of
# such that may not, and without a master.

use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;

plan skip_all => 'of root only' if $> != 0;

# the group that it has here
my $Nobody = 'nobody ' . (getgrgid((getpwnam('nobody'))[3]) // 'nobody');

signals();
nobody();
single();

done_testing();


sub begin {
    my ($name, $user, %options) = @_;
    my $self = Daemon->new("reload-$name", %options);

    configure($self, $user, 'one');

    return $self->start;
}


sub configure {
    my ($self, $user, $word) = @_;
    my $port = $self->port('gateway');

    $self->configure('events { }', <<"END");
    api_zone reload:16m;
    api_store off;
    api_admin_user ops secret=secret-of-ops;
    api_admin_user eye secret=secret-of-eye role=view;

    server {
        listen 127.0.0.1:$port;

        location /word { return 200 $word; }
        location /tyk/ { api_admin; }
    }
END

    my $conf = Chaos::slurp("$self->{dir}/nginx.conf");
    Chaos::spew("$self->{dir}/nginx.conf", $conf =~ s/user root;/user $user;/r);
}


# status and body
sub call {
    my ($nginx, $method, $uri, $user) = @_;
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1:'
                                   . $nginx->port('gateway')) or return '';

    print $fh "$method /tyk/$uri HTTP/1.0\r\nAdmin-Auth: secret-of-"
              . ($user // 'ops') . "\r\n\r\n";
    local $/;

    return (<$fh> // '') =~ m{^HTTP/\S+ (\d+).*?\r\n\r\n(.*)}s ? "$1 $2" : '';
}


sub word {
    my ($nginx) = @_;

    return ($nginx->get('/word'))[1] // '';
}


sub signals {
    my $nginx = begin('root', 'root');
    my $n = 0;

    for my $call ([ GET => 'reload' ], [ GET => 'reload/group' ],
                  [ POST => 'reload' ], [ GET => 'reload?block=true' ])
    {
        my $word = 'word' . $n++;

        configure($nginx, 'root', $word);
        is(call($nginx, @$call), qq(200 {"status":"ok","message":""}\n),
           "@$call");
        ok($nginx->until(20, sub { word($nginx) eq $word }), 'it is read');
    }

    like(call($nginx, 'GET', 'reload', 'eye'), qr/^403 .*is expected/,
         'not for who only looks');
    like(call($nginx, 'DELETE', 'reload'), qr/^405 /, 'a method');

    ok($nginx->stop, 'nginx ends');
    like($nginx->log, qr/a reload by ops/, 'the log says who');
}


sub nobody {
    my $nginx = begin('nobody', $Nobody);
    my $pid = $nginx->{pid};

    configure($nginx, $Nobody, 'two');

    like(call($nginx, 'GET', 'reload'),
         qr/^501 \{"status":"error","message":".*run: kill -HUP $pid"\}/,
         'it tells what to do');
    is(word($nginx), 'one', 'nothing is read');

    kill 'HUP', $pid;
    ok($nginx->until(20, sub { word($nginx) eq 'two' }), 'which does it');

    ok($nginx->stop, 'nginx ends');
}


sub single {
    my $nginx = begin('single', 'root', master => 'off', workers => 1);

    configure($nginx, 'root', 'two');
    like(call($nginx, 'GET', 'reload'), qr/^501 .*run: kill -HUP $nginx->{pid}"/,
         'without a master');

    ok($nginx->stop, 'nginx ends');
}
