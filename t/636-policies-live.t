#!/usr/bin/perl

# A policy that is written counts in every worker at once, for sessions of a
# file and of the store, and after a worker's death, a reload and a start.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;

my @Keys = qw(of-the-file-0123456789 of-the-store-0123456789);

my $nginx = begin();

at_once();
deaths();
starts();

done_testing();


sub begin {
    my $self = Daemon->new('policies', modules => Chaos::js_module(),
                           workers => 3);
    my ($port, $dir) = ($self->port('gateway'), $self->{dir});

    Chaos::spew("$dir/set.js", <<'END');
export default function (ctx) {
    ctx.TykSetKeyData('of-the-store-0123456789',
                      JSON.stringify({apply_policies: ['gold']}), '0');
}
END
    Chaos::spew("$dir/keys.json",
                qq({"$Keys[0]": {"apply_policies": ["gold"]}}));
    policies_file($self, 'a');

    $self->configure('events { }', <<"END");
    api_zone policies:16m;
    api_store sqlite:a.db;
    api_keys $dir/keys.json;
    api_policies $dir/policies.json;
    api_admin_user ops secret=secret-of-ops;
    api_script_path $dir;

    server {
        listen 127.0.0.1:$port reuseport;

        location /a { api_id a; empty_gif; }
        location /b { api_id b; empty_gif; }
        location /pid { return 200 \$pid; }

        location /set {
            api_id set;
            api_auth off;
            api_event_handlers request js path=set.js;
            empty_gif;
        }

        location /tyk/ { api_admin; }
    }
END

    return $self->start;
}


sub policies_file {
    my ($self, $api) = @_;

    Chaos::spew("$self->{dir}/policies.json",
                qq({"gold": {"access_rights": {"$api": {}}}}));
}


sub call {
    my ($method, $uri, $body) = @_;
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1:'
                                   . $nginx->port('gateway')) or return 0;

    print $fh "$method /tyk/$uri HTTP/1.0\r\nAdmin-Auth: secret-of-ops\r\n"
              . 'Content-Length: ' . length($body // '') . "\r\n\r\n"
              . ($body // '');
    local $/;

    return (<$fh> // '') =~ m{^HTTP/\S+ (\d+)} ? $1 : 0;
}


# what a connection to each worker gets for each key at /a and /b: of those
# that differ one line each
sub seen {
    my (%seen, %pids);

    for (1 .. 400) {
        my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1:'
                                       . $nginx->port('gateway')) or next;
        my $pid = ask($fh, '/pid') or next;
        next if $pids{$pid}++ > 1;

        for my $key (@Keys) {
            $seen{"$key " . join(' ', map { ask($fh, $_, $key) }
                                            qw(/a /b))} = 1;
        }

        last if keys %pids == 3 && !grep { $_ < 2 } values %pids;
    }

    return join ', ', sort keys %seen;
}


# the status, or of /pid the body
sub ask {
    my ($fh, $uri, $key) = @_;

    print $fh "GET $uri HTTP/1.1\r\nHost: a\r\n"
              . ($key ? "Authorization: $key\r\n" : '') . "\r\n";

    my ($status) = (<$fh> // '') =~ m{^HTTP/\S+ (\d+)} or return;
    my ($length, $body) = (0, '');

    while (defined(my $line = <$fh>)) {
        last if $line eq "\r\n";
        $length = $1 if $line =~ /^Content-Length: (\d+)/i;
    }

    read $fh, $body, $length if $length;

    return $uri eq '/pid' ? $body : $status;
}


# the two keys may call that API, and not the other one
sub both {
    my ($api) = @_;
    my $may = $api eq 'a' ? '200 403' : $api eq 'b' ? '403 200' : '403 403';

    return join ', ', map { "$_ $may" } @Keys;
}


sub put {
    my ($api) = @_;

    return call(PUT => 'policies/gold', qq({"access_rights": {"$api": {}}}));
}


sub at_once {
    ok($nginx->until(20, sub { ($nginx->get('/set'))[0] == 200 }), 'a key');
    is(seen(), both('a'), 'of the file');

    for my $round (1 .. 10) {
        my $api = $round % 2 ? 'b' : 'a';

        is(put($api), 200, "round $round");
        is(seen(), both($api), 'all workers know, of both keys');
    }
}


sub deaths {
    my @workers = $nginx->fresh;

    is(put('b'), 200, 'written');
    kill 'KILL', $workers[0];
    ok($nginx->until(20, sub {
        my @now = $nginx->fresh;
        @now == 3 && !grep { $_ == $workers[0] } @now
    }), 'one is killed');
    is(seen(), both('b'), 'the next one knows');

    # one that dies while it writes: what was answered holds

    for my $round (1 .. 5) {
        my ($api, $other) = $round % 2 ? qw(a b) : qw(b a);
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            select undef, undef, undef, rand 0.01;
            kill 'KILL', ($nginx->fresh)[$round % 3] // ();
            POSIX::_exit(0);
        }

        my $status = put($api);
        waitpid $pid, 0;
        $nginx->until(20, sub { my @now = $nginx->fresh; @now == 3 });

        if ($status != 200) {
            is($nginx->until(20, sub { put($api) == 200 }), 1, 'once more');
        }

        is(seen(), both($api), "round $round");
    }
}


sub starts {
    is(put('b'), 200, 'written');
    policies_file($nginx, 'nobody');
    ok($nginx->reload, 'reloaded with another file');
    is(seen(), both('b'), 'what is stored holds');

    ok($nginx->stop, 'nginx ends');
    $nginx->start;
    is(seen(), both('b'), 'after a start');

    is(call(DELETE => 'policies/gold'), 200, 'deleted');
    is(seen(), both('none'), 'the file holds');

    policies_file($nginx, 'a');
    ok($nginx->reload, 'reloaded with the first one');
    is(seen(), both('a'), 'that is the policy now');

    is(call(POST => 'policies', '{"id": "mine"}'), 200, 'one of the store');
    is(call(DELETE => 'policies/mine'), 200, 'and gone');
    is(seen(), both('a'), 'which is nothing to these keys');

    $nginx->stop;
    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}
