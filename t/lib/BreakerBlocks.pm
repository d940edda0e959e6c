package BreakerBlocks;

# What t/40*.t have in common: a zone, a keyless API and, at
# $TEST_NGINX_UPSTREAM, an upstream outside of nginx.  The last part of the
# path says how it answers:
#
#   /500 /502 ...   that status
#   /slow           200 after 300 ms
#   /late           200 after 1 s, /later after 2.5 s
#   /hang           nothing, nor does /posthang
#   /head           a status line, then nothing
#   /close          closes the connection
#   /cut            closes it within the body, /cutoff with chunks
#   /drip           200 at once, the body after 300 ms, of /drop after 2.5 s
#   /ws /socket     101, and closes it at once, or after 30 s
#   /accel/x        X-Accel-Redirect: /x
#   /switch         503 after broken(1), 200 after broken(0)
#   anything else   200
#
# Blocks with a recorder send it whole events.  A block without a request asks
# for what is not there.

use strict;
use warnings;

use Exporter 'import';
use File::Temp;
use IO::Socket::INET;
use RawServer;
use Test::Nginx::Socket ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(answers ask broken codes definition events leave_early pause
                 reached client_port together);

my $Ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
my $Dir = File::Temp->newdir;
my $Files = ">>> event.txt\n{{json .}}\n";

my %Answers = (
    (map { ("/$_" => "HTTP/1.1 $_ X\r\nContent-Length: 3\r\n\r\nno\n") }
         200, 204, 403, 404, 429, 500, 502, 503, 504),
    '/slow'   => sub { sleep 0.3; syswrite $_[0], $Ok },
    '/late'   => sub { sleep 1; syswrite $_[0], $Ok },
    '/later'  => sub { sleep 2.5; syswrite $_[0], $Ok },
    (map { $_ => sub { sleep 30; 0 } } '/hang', '/posthang'),
    '/head'   => sub { syswrite $_[0], "HTTP/1.1 200 OK\r\n"; sleep 30; 0 },
    '/close'  => sub { 0 },
    '/cut'    => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc";
        0
    },
    '/cutoff' => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                        . "\r\n3\r\nabc\r\n";
        0
    },
    (map { my $seconds = $_->[1]; ("/$_->[0]" => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        sleep $seconds;
        syswrite $_[0], "ok\n"
    }) } [drip => 0.3], [drop => 2.5]),
    (map { my $seconds = $_->[1]; ("/$_->[0]" => sub {
        syswrite $_[0], "HTTP/1.1 101 Switching Protocols\r\n"
                        . "Upgrade: x\r\nConnection: upgrade\r\n\r\n";
        sleep $seconds;
        0
    }) } [ws => 0], [socket => 30]),
    (map { my $to = $_; ("/accel$to" => "HTTP/1.1 200 OK\r\n"
                         . "X-Accel-Redirect: $to\r\n"
                         . "Content-Length: 0\r\n\r\n") } '/file', '/again'),
    '/switch' => sub {
        syswrite $_[0], -e "$Dir/broken"
                        ? "HTTP/1.1 503 X\r\nContent-Length: 3\r\n\r\nno\n"
                        : $Ok
    },
);

# "location /a" with "proxy_pass .../" leaves two slashes
my $Server = RawServer->new(map { ($_ => $Answers{$_}, "/$_" => $Answers{$_}) }
                                keys %Answers);

$ENV{TEST_NGINX_UPSTREAM} = '127.0.0.1:' . $Server->port;


Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $root = '$TEST_NGINX_SERVER_ROOT/html';

    return if defined $block->emerg;

    broken(0);

    if (!defined $block->request) {
        $block->set_value(request => 'GET /none');
        $block->set_value(error_code => 404);
    }

    $block->set_value(user_files => $Files . ($block->user_files // ''));

    my $handler = !grep({ /^record/ } @{ $block->_section_order }) ? ''
                  : <<"END";
    api_event_handlers * webhook url=http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1
                       template=$root/event.txt;
END

    $block->set_value(http_config => <<"END" . $handler . $http);

    api_zone apievents:16m;
    api_auth off;
    api_org acme;
    add_header X-State \$api_breaker_state always;
    add_header X-Decision \$api_decision always;
END
});


# a keyless API of that name with extended_paths, in ../html/NAME.json
sub definition {
    my ($name, $paths) = @_;

    $Files .= <<"END";
>>> $name.json
{"api_id": "$name", "org_id": "acme", "use_keyless": true,
 "version_data": {"not_versioned": true, "versions": {"Default": {
    "name": "Default", "use_extended_paths": true,
    "extended_paths": {$paths}}}}}
END
}


sub client_port {
    return $Test::Nginx::Util::ServerPortForClient;
}


# the upstream of /switch
sub broken {
    my ($is) = @_;

    return unlink "$Dir/broken" if !$is;
    open my $out, '>', "$Dir/broken" or die "broken: $!\n";
}


# how often the upstream was asked for that path
sub reached {
    my ($path) = @_;
    return scalar grep { $_->[0] =~ m{^/?\Q$path\E$} } $Server->requests;
}


# parts of a second, which sleep does not know in a block
sub pause {
    sleep $_[0];
}


# the statuses of requests one after the other, "200 503"
sub codes {
    return join ' ', map { (ApiEvents::http_get($_))[0] } @_;
}


# status, $api_breaker_state and $api_decision
sub answers {
    return join ', ', map {
        my ($status, $head) = ApiEvents::http_get($_);
        my ($state) = $head =~ /^X-State: (\S+)/mi;
        my ($decision) = $head =~ /^X-Decision: (\S+)/mi;
        "$status " . ($state // '-') . ' ' . ($decision // '-')
    } @_;
}


# a client that asks, and waits until its socket is forgotten
sub ask {
    my ($path, @headers) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => client_port())
                 or die "connect: $!\n";

    @headers = 'Connection: close' if !@headers;
    syswrite $socket, join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                                    @headers, '', '';

    return $socket;
}


# one that goes away after a while
sub leave_early {
    my $socket = ask(@_);
    sleep 0.1;
}


# the statuses of requests at the same time
sub together {
    my @sockets = map { ask($_) } @_;

    return map { local $/; (<$_> // '') =~ m{^HTTP/\S+ (\d+)} } @sockets;
}


# "BreakerTripped 0 ^/a, ..." of what a recorder got, sorted
sub events {
    return join ', ', sort map {
        my $meta = $_->{json}{EventMetaData};
        "$_->{json}{EventType} $meta->{CircuitEvent} $meta->{Path}"
        . ($meta->{DryRun} ? ' dry' : '')
    } @_;
}


# Test::Base evaluates "eval" sections in its own package
no strict 'refs';
*{"Test::Base::Filter::$_"} = \&{$_} for @EXPORT;

1;
