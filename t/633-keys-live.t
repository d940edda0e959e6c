#!/usr/bin/perl

# Keys of the API are those of all workers at once, and outlive them.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;

my $nginx = Daemon->new('keys-live', workers => 3);

configure();
$nginx->start;

my ($key, $id) = made();

ok($key, 'a key is made');
is(seen($key), '200', 'all workers have it');
is(call(PUT => "keys/$id", session(is_inactive => JSON::PP::true)), 200,
   'it is put');
is(seen($key), '403', 'all have that');
is(call(PUT => "keys/$id", session()), 200, 'it is put again');
is(seen($key), '200', 'all have that, too');

for (1 .. 4) {
    my ($worker) = $nginx->workers;
    my ($other) = made();

    kill 'KILL', $worker;
    ok($nginx->gone($worker), 'a worker is dead');
    is(seen($other), '200', 'what was made before is there');
}

ok($nginx->reload, 'reloaded');
is(seen($key), '200', 'it is there after a reload');

my ($gone, $gone_id) = made();
is(call(DELETE => "keys/$gone"), 200, 'one is deleted');
is(seen($gone), '403', 'all know that');

kill 'KILL', $nginx->{pid}, $nginx->workers;
ok($nginx->gone($nginx->{pid}), 'nginx is dead');
$nginx->dismiss;
unlink "$nginx->{dir}/nginx.pid";

$nginx->start;
is(seen($key), '200', 'what was answered is there after the start');
is(seen($gone), '403', 'what was deleted is not');
is(call(GET => "keys/$key"), 200, 'read by the key');
is(call(GET => "keys/$gone_id"), 404, 'of the other nothing');

ok($nginx->stop, 'nginx ends');

my $files = join '', map { local (@ARGV, $/) = ($_); <> // '' }
            grep { -f } glob "$nginx->{dir}/a.db* $nginx->{dir}/state/*";
ok(length $files, 'there is a store');
ok($files !~ /\Q$key\E|\Q$gone\E/, 'which has no credential');

done_testing();


sub configure {
    my $port = $nginx->port('gateway');

    $nginx->configure("events { }\nworker_shutdown_timeout 5s;", <<"END");
    api_zone keys:16m;
    api_store sqlite:a.db;
    api_admin_user ops secret=secret-of-ops;

    server {
        listen 127.0.0.1:$port;

        location /tyk/ { api_admin; }
        location /a {
            api_id a;
            api_auth header=Authorization;
            empty_gif;
        }
    }
END
}


sub session {
    return { org_id => 'acme', rate => 0,
             access_rights => { a => { api_id => 'a' } }, @_ };
}


sub made {
    my ($status, $doc) = call(POST => 'keys/create', session());

    return @{ $doc // {} }{qw/ key key_hash /};
}


# statuses that workers give for a key, each asked with a connection of its own
sub seen {
    my ($key) = @_;
    my %seen;

    $seen{($nginx->get('/a', "Authorization: $key\r\n"))[0] // 'none'}++
        for 1 .. 24;

    return join ' ', sort keys %seen;
}


sub call {
    my ($method, $uri, $doc) = @_;
    my $body = $doc ? JSON::PP->new->utf8->encode($doc) : '';
    my ($status, $text);

    # one that a worker's death has cut off
    $nginx->until(20, sub {
        my $socket = IO::Socket::INET->new(Timeout => 10,
            PeerAddr => '127.0.0.1:' . $nginx->port('gateway')) or return;

        print $socket "$method /tyk/$uri HTTP/1.0\r\nHost: localhost\r\n"
                      . "Admin-Auth: secret-of-ops\r\nContent-Length: "
                      . length($body) . "\r\n\r\n$body";
        local $/;

        ($status, $text) = (<$socket> // '')
            =~ m{^HTTP/\S+ (\d+).*?\r\n\r\n(.*)}s;
    });

    return wantarray ? ($status, eval { JSON::PP::decode_json($text // '') })
                     : $status;
}
