# HTTP/2, in clear text: each stream is a request of its own.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $locations = $block->config;

    $block->set_value(http_config => $http . <<"END");
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 http2;
$locations
    }
END
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

run_tests();


# what curl prints
sub h2 {
    my @args = @_;
    my $base = 'http://127.0.0.1:' . ApiEvents::rand_port(2);

    open my $curl, '-|', 'curl', '-s', '-m', 5, '--http2-prior-knowledge',
         map { s{^/}{$base/}r } @args or die "curl: $!\n";
    binmode $curl;
    local $/;
    return <$curl> // '';
}


# so many GETs at once on one connection, and how each was answered: 200 is a
# byte of its own (RFC 7541, Appendix A), the others would need a decoder
sub streams {
    my ($n, $path, %headers) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => ApiEvents::rand_port(2));
    my $block = "\x82\x86" . "\x04" . pack('C/a', $path)
                . join '', "\x01" . pack('C/a', 'localhost'),
                map { "\x00" . pack('C/a C/a', $_, $headers{$_}) } keys %headers;
    my $text = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '')
               . join '', map { frame(1, 5, 2 * $_ + 1, $block) } 0 .. $n - 1;
    my ($in, @answers) = '';

    syswrite $socket, $text;
    local $SIG{ALRM} = sub { close $socket };
    alarm 5;

    while (@answers < $n && sysread $socket, $in, 65536, length $in) {

        while (length $in >= 9) {
            my $size = unpack 'N', "\0" . substr $in, 0, 3;

            last if length $in < 9 + $size;
            push @answers, substr($in, 9, 1) eq "\x88" ? 200 : 'other'
                if ord(substr $in, 3, 1) == 1;
            substr $in, 0, 9 + $size, '';
        }
    }

    alarm 0;
    return @answers;
}


sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(h2 streams);
}

__DATA__

=== TEST 1: streams of one connection are counted one by one
--- config
    location /a {
        api_id orders;
        api_quota 10/1d;
        empty_gif;
    }
--- check eval
sub {
    my %codes;

    $codes{$_}++ for streams(20, '/a', authorization => 'good-key-0123456789');
    is_deeply(\%codes, { 200 => 10, other => 10 }, 'answers');
    ok(wait_for(sub { (my @got = recorded()) == 10 }), 'an event for each refusal');
}
--- recorder

=== TEST 2: a credential in a cookie that came in crumbs
--- config
    location /a {
        api_id orders;
        api_auth cookie=key;
        empty_gif;
    }
--- check eval
sub {
    like(h2('-i', '-b', 'a=1; key=good-key-0123456789; b=2', '/a'),
         qr{^HTTP/2 200}, 'found');
    like(h2('-i', '-H', 'Cookie: a=1', '-H', 'Cookie: key=good-key-0123456789',
            '/a'), qr{^HTTP/2 200}, 'in the second header');
    like(h2('-i', '-b', 'a=1', '/a'), qr{^HTTP/2 401}, 'none');
}

=== TEST 3: an event says what HTTP/1.1 would have said
--- config
    location /a { api_id orders; empty_gif; }
--- check eval
sub {
    my $got;

    h2('-d', 'body', '-H', 'X-One: 1', '/a?x=1');
    wait_for(sub { ($got) = recorded() });
    event($got, 'AuthFailure', Path => '/a', Key => '',
          Origin => qr/^127\.0\.0\.1:\d+$/);
    like(originating($got), qr{^POST /a\?x=1 HTTP/1\.1\r\n.*x-one: 1\r\n.*\r\n\r\nbody$}s,
         'request');
    like(originating($got), qr{^host: 127\.0\.0\.1:\d+\r$}mi, 'authority');
}
--- recorder

=== TEST 4: versions: by a header that is stripped, and by the path
--- config
    location /h {
        api_id orders;
        api_auth off;
        api_version header=X-Api-Version strip v1 v2=2099-12-31T23:59;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
    location /u/ {
        api_id u;
        api_auth off;
        api_version url strip v1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- check eval
sub {
    my @got;

    like(h2('-i', '/h'), qr/Version information not found/, 'none');
    like(h2('-i', '-H', 'X-Api-Version: v2', '/h'),
         qr/^x-tyk-api-expires: Thu, 31 Dec 2099 23:59:00 GMT\r$/m, 'expires');
    h2('-H', 'X-Api-Version: v1', '-H', 'X-Two: 2', '/h?1');
    h2('/u/v1/x?y');

    @got = grep { $_->{uri} ne '/' } recorded();
    is_deeply([map $_->{uri}, @got], ['/h', '/h?1', '/u/x?y'], 'uris');
    is($got[1]{headers}{'x-api-version'}, undef, 'stripped');
    is($got[1]{headers}{'x-two'}, 2, 'another');
}
--- recorder
--- recorded_wait: 0

=== TEST 5: a large upload that is refused, and one that passes
--- config
    location /a {
        api_id orders;
        client_max_body_size 0;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    }
--- check eval
sub {
    my $file = "$Test::Nginx::Util::ServRoot/html/large";

    open my $out, '>', $file or die;
    print $out 'x' x 500_000;
    close $out;

    like(h2('-i', '--data-binary', "\@$file", '/a'), qr{^HTTP/2 401}, 'refused');
    like(h2('-i', '--data-binary', "\@$file", '-H',
            'Authorization: good-key-0123456789', '/a'),
         qr{^HTTP/2 200}, 'passed');
    my ($got) = grep { $_->{uri} eq '/ok' } recorded();
    is(length $got->{body}, 500_000, 'whole');
}
--- recorder

=== TEST 6: a stream that the client gives up is charged, once
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_quota 2/1d;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/hang;
    }
    location /b {
        api_id orders;
        api_auth off;
        api_quota 2/1d;
        empty_gif;
    }
--- check eval
sub {
    h2('-m', '0.2', '/a');
    like(h2('-i', '/b'), qr{^HTTP/2 200}, 'the second');
    like(h2('-i', '/b'), qr{^HTTP/2 403}, 'the third');
}
--- recorder
