# Whose address an event names and a limit counts: IPv6, what realip makes of
# headers and of the PROXY protocol, sockets without addresses.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

use IO::Socket::UNIX;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

run_tests();


# the status, over whatever socket
sub ask {
    my ($socket, $path, @lines) = @_;
    my $proxy = @lines && $lines[0] =~ /^PROXY/ ? shift(@lines) . "\r\n" : '';

    print $socket $proxy, join("\r\n", "GET $path HTTP/1.0", @lines),
                  "\r\n\r\n";

    local $SIG{ALRM} = sub { close $socket };
    alarm 5;
    my $answer = do { local $/; <$socket> } // '';
    alarm 0;

    return $answer =~ m{^HTTP/\S+ (\d+)} ? $1 : 0;
}

sub six {
    require IO::Socket::IP;
    return IO::Socket::IP->new(PeerHost => '::1', PeerPort => ApiEvents::rand_port(2))
        || die "::1: $@\n";
}

sub four {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $_[0] || ApiEvents::rand_port(2));
}

sub origins {
    my ($n) = @_;

    ApiEvents::wait_for(sub { (my @got = ApiEvents::recorded()) == $n });
    return map { $_->{json}{EventMetaData}{Origin} } ApiEvents::recorded();
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(ask six four origins);
}

__DATA__

=== TEST 1: IPv6: brackets and port
--- http_config
    server {
        listen [::1]:$TEST_NGINX_RAND_PORT_2;
        location /a { api_id orders; empty_gif; }
    }
--- config
--- check eval
sub {
    my $socket = six();
    my $port = $socket->sockport;

    is(ask($socket, '/a'), 401, 'refused');
    is_deeply([origins(1)], ["[::1]:$port"], 'origin');
    is(ask(six(), '/a', 'Authorization: good-key-0123456789'), 200, 'passed');
}
--- recorder

=== TEST 2: IPv6 and IPv4 are counted apart, ports together
--- http_config
    api_auth off;
    server {
        listen [::1]:$TEST_NGINX_RAND_PORT_2;
        location /a { api_id orders; api_rate 1r/d key=$remote_addr; empty_gif; }
    }
--- config
    location /a { api_id orders; api_rate 1r/d key=$remote_addr; empty_gif; }
--- check eval
sub {
    is(ask(six(), '/a'), 200, 'the first');
    is(ask(six(), '/a'), 429, 'the second');
    is((http_get('/a'))[0], 200, 'IPv4');
    is((http_get('/a'))[0], 429, 'and again');
}
--- recorder
--- recorded_wait: 0

=== TEST 3: a log line with IPv6
--- http_config
    api_event_handlers * log prefix=SIX;
    server {
        listen [::1]:$TEST_NGINX_RAND_PORT_2;
        location /a { api_id orders; empty_gif; }
    }
--- config
--- check eval
sub {
    ask(six(), '/a');
    ok(wait_for(sub { error_log_text() =~ /SIX:AuthFailure:\S*:\[::1\]:\d+:\/a/ }),
       'line');
}

=== TEST 4: a trusted header: the client's address, without a port it has none
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    location /a { api_id orders; api_auth off; api_rate 1r/d key=$remote_addr;
                  empty_gif; }
--- check eval
sub {
    my $to = $Test::Nginx::Util::ServerPortForClient;

    for (['192.0.2.7', 200], ['192.0.2.7', 429], ['192.0.2.8', 200],
         ['2001:db8::1', 200], ['2001:DB8:0::1', 429],
         ['192.0.2.9, 192.0.2.7, 127.0.0.1', 429], ['nonsense', 200],
         ['192.0.2.8:99', 429], ['[2001:db8::1]:99', 429])
    {
        is(ask(four($to), '/a', "X-Forwarded-For: $_->[0]"), $_->[1], $_->[0]);
    }

    is_deeply([sort(origins(5))],
              ['192.0.2.7', '192.0.2.7', '192.0.2.8:99', '2001:db8::1',
               '[2001:db8::1]:99'], 'origins');
}
--- recorder

=== TEST 5: from who is not trusted it is nobody's address
--- config
    set_real_ip_from 192.0.2.1;
    real_ip_header X-Forwarded-For;
    location /a { api_id orders; api_auth off; api_rate 1r/d key=$remote_addr;
                  empty_gif; }
--- check eval
sub {
    my $to = $Test::Nginx::Util::ServerPortForClient;

    is(ask(four($to), '/a', 'X-Forwarded-For: 192.0.2.7'), 200, 'the first');
    is(ask(four($to), '/a', 'X-Forwarded-For: 192.0.2.8'), 429, 'the second');
    like((origins(1))[0], qr/^127\.0\.0\.1:\d+$/, 'origin');
}
--- recorder

=== TEST 6: the PROXY protocol
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 proxy_protocol;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        location /a { api_id orders; api_auth off;
                      api_rate 1r/d key=$remote_addr; empty_gif; }
    }
--- config
--- check eval
sub {
    my $four = 'PROXY TCP4 192.0.2.7 192.0.2.1';
    my $six = 'PROXY TCP6 2001:db8::7 2001:db8::1';

    is(ask(four(), '/a', "$four 4001 80"), 200, 'IPv4');
    is(ask(four(), '/a', "$four 4002 80"), 429, 'IPv4 again');
    is(ask(four(), '/a', "$six 6001 80"), 200, 'IPv6');
    is(ask(four(), '/a', "$six 6002 80"), 429, 'IPv6 again');
    is_deeply([sort(origins(2))], ['192.0.2.7:4002', '[2001:db8::7]:6002'],
              'origins');
}
--- recorder

=== TEST 7: the PROXY protocol without realip: the proxy is the client
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 proxy_protocol;
        location /a { api_id orders; api_auth off;
                      api_rate 1r/d key=$proxy_protocol_addr; empty_gif; }
    }
--- config
--- check eval
sub {
    my $proxy = 'PROXY TCP4 192.0.2.7 192.0.2.1 4001 80';

    is(ask(four(), '/a', $proxy), 200, 'the first');
    is(ask(four(), '/a', $proxy), 429, 'the second');
    is(ask(four(), '/a', $proxy =~ s/\.7/.8/r), 200, 'another');
    like((origins(1))[0], qr/^127\.0\.0\.1:\d+$/, 'origin');
}
--- recorder

=== TEST 8: a socket of the file system
--- http_config
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/html/socket;
        location /a { api_id orders; api_auth off;
                      api_rate 1r/d key=$remote_addr; empty_gif; }
    }
--- config
--- check eval
sub {
    my $path = "$Test::Nginx::Util::ServRoot/html/socket";
    my $unix = sub { IO::Socket::UNIX->new(Peer => $path) };

    is(ask($unix->(), '/a'), 200, 'the first');
    is(ask($unix->(), '/a'), 429, 'the second');
    is_deeply([origins(1)], ['unix:'], 'origin');
}
--- recorder
