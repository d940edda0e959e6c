# What was refused can be sent again: OriginatingRequest, written to a server
# that does not refuse it, brings to the upstream byte for byte what the
# client's own request would have brought there.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64 encode_base64);

use lib 't/lib';
use ApiEvents;
use GateBlocks;

my ($Upstream, $File, $Child);
my $Parent = $$;

END { kill 'KILL', $Child if $$ == $Parent }

upstream();
$ENV{TEST_NGINX_UPSTREAM} = $Upstream;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    client_body_buffer_size 1k;
    proxy_set_header X-Seen "$request_method $request_uri $host";
    proxy_set_header Host $http_host;
    proxy_http_version 1.1;

    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 http2;
        location / { proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM; }
    }

    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 http2;
        location / {
            api_id orders;
            api_auth header=Authorization query=k cookie=k;
            api_event_key raw;
            api_rate 1r/d;
            proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM;
        }
    }
END
    $block->set_value(config => <<'END');
    location ~ . {
        api_id orders;
        api_auth header=Authorization query=k cookie=k;
        api_event_key raw;
        api_body_max 200000;
        api_rate 1r/d;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM;
    }
END
    $block->set_value(request => 'GET /used?k=good-key-0123456789');
    $block->set_value(error_code => 200);
});

run_tests();


# takes what nginx sends it, and writes down all bytes of each request
sub upstream {
    my $listen = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1')
                 or die "listen: $!\n";

    require File::Temp;
    $File = File::Temp->new;
    $Upstream = $listen->sockport;

    $Child = fork // die "fork: $!\n";
    return if $Child;

    $SIG{PIPE} = 'IGNORE';
    alarm 300;

    while (my $socket = $listen->accept) {
        my $in = '';

        while (sysread $socket, $in, 65536, length $in) {
            next unless $in =~ /^(.*?\r\n\r\n)/s;
            my ($size, $n) = (length $1, $1 =~ /^Content-Length: (\d+)/mi ? $1 : 0);

            next if length $in < $size + $n;

            open my $out, '>>', $File->filename;
            syswrite $out, encode_base64($in, '') . "\n";
            close $out;
            syswrite $socket, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                              . "Connection: close\r\n\r\nok\n";
            last;
        }
    }
}


sub seen {
    open my $in, '<', $File->filename or return;
    return map { decode_base64($_) } grep { /\n\z/ } <$in>;
}


# sends the parts, the later ones when nginx asks for them; the last status
sub talk {
    my ($port, @parts) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
                 or return "connect: $!";
    my $select = IO::Select->new($socket);
    my ($in, $status) = ('', 0);

    while (@parts) {
        my $part = shift @parts;
        my $from = 0;

        while ($from < length $part) {
            my $n = syswrite $socket, $part, 65536, $from or last;
            $from += $n;
        }

        if (@parts && $part =~ /^Expect:/mi) {
            sysread $socket, $in, 4096, length $in
                while $in !~ /100 Continue\r\n\r\n/ && $select->can_read(20);
            $in =~ s{^HTTP/1.1 100 Continue\r\n\r\n}{} or return 'no 100';

        } elsif (@parts) {
            select undef, undef, undef, 0.02;
        }
    }

    while ($in !~ /\r\n\r\n./s && $select->can_read(20)) {
        sysread $socket, $in, 65536, length $in or last;
    }

    ($status) = $in =~ m{^HTTP/\S+ (\d+)};

    return $status // 'none';
}


# one request: straight to the upstream, then refused, then from its event
sub again {
    my ($name, @parts) = @_;

    compare($name, sub { talk($_[0] ? ApiEvents::rand_port(2)
                              : $Test::Nginx::Util::ServerPortForClient, @parts) });
}


sub compare {
    my ($name, $send) = @_;
    my $events = () = recorded();
    my $upstream = () = seen();

    Test::More::is($send->(1), 200, "$name: it passes where it may");
    wait_for(sub { scalar(() = seen()) > $upstream });
    Test::More::is($send->(0), 429, "$name: it is refused");
    wait_for(sub { scalar(() = recorded()) > $events });

    my ($event) = (recorded())[-1];
    my $text = originating($event);

    Test::More::is($event->{json}{EventMetaData}{OriginatingRequestCut}, undef,
                   "$name: the event has the whole of it");

    if ($text =~ /^Expect:/mi) {
        talk(ApiEvents::rand_port(2), split /(?<=\r\n\r\n)/, $text, 2);

    } else {
        talk(ApiEvents::rand_port(2), $text);
    }

    wait_for(sub { scalar(() = seen()) > $upstream + 1 });

    my ($first, $second) = (seen())[-2, -1];

    Test::More::is(scalar(() = seen()), $upstream + 2, "$name: two requests");
    Test::More::ok($first eq $second, "$name: byte for byte")
        || Test::More::diag(substr($first, 0, 2000), "\n---\n",
                            substr($second, 0, 2000));

    return $text;
}


BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{"main::$_"} for qw(again compare talk seen);
}

__DATA__

=== TEST 1: bodies and how they come
--- recorder
--- check eval
sub {
    my $head = "Host: localhost\r\nAuthorization: Bearer good-key-0123456789\r\n";
    my $binary = CORE::join '', map { chr($_ % 256) . "\r\n\0" } 1 .. 700;
    my $post = sub {
        my ($body) = @_;
        return "POST /q HTTP/1.1\r\n${head}Content-Length: " . length($body)
               . "\r\n\r\n$body";
    };

    again('text', $post->('abc'));
    again('NUL, CR and LF', $post->($binary));
    again('as large as may be', $post->('x' x 199_999 . "\n"));
    again('empty', $post->(''));
    again('no length', "POST /q HTTP/1.1\r\n$head\r\n");
    again('a request in the body', $post->("GET /r HTTP/1.1\r\nHost: a\r\n\r\n"));
    again('in pieces', "PUT /q HTTP/1.1\r\n${head}Content-Length: 6\r\n\r\n",
          'ab', 'cd', 'ef');
    again('chunked', "POST /q HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n"
          . "X-After: 1\r\n\r\n3\r\nab\0\r\n", "4;x=y\r\n\r\n\r\n\r\n0\r\nX-T: 1\r\n\r\n");
    again('no chunks', "POST /q HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n"
          . "\r\n0\r\n\r\n");
    again('100-continue', "POST /q HTTP/1.1\r\n${head}Expect: 100-continue\r\n"
          . "Content-Length: 5\r\n\r\n", "a\0\r\nb");
    again('chunked, 100-continue', "POST /q HTTP/1.1\r\n${head}Expect: 100-continue\r\n"
          . "Transfer-Encoding: chunked\r\n\r\n", "5\r\na\0\r\nb\r\n0\r\n\r\n");
    again('GET with a body', "GET /q HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\nabc");
    again('another method', "X-ODD /q HTTP/1.1\r\n${head}Content-Length: 1\r\n\r\nx");
}

=== TEST 2: headers and targets
--- recorder
--- check eval
sub {
    my $key = 'Authorization: good-key-0123456789';
    my $tail = "Content-Length: 3\r\n\r\nabc";

    again('twice, and odd ones', "POST /q HTTP/1.1\r\nX-B: 2\r\nhOsT: localhost\r\n"
          . "X-A: 1\r\n$key\r\nx-b:3\r\nX-Empty:\r\nX-Blanks:   a  b\t \r\n"
          . "X-Bytes: \x80\xff\xc3\xa9\r\nX-Quote: \"\\'\r\nCookie: a=b; c=\"d\"\r\n"
          . "Cookie: e=f\r\nAccept: a, b;q=0.1\r\n$tail");
    again('percents and bytes', "POST /q/%2e%2E/%ff/\xc3\xa9\x80/a%20b;c?%41=%zz&\xff\"<>|{}^ HTTP/1.1\r\n"
          . "Host: localhost\r\n$key\r\n$tail");
    again('dots and slashes', "POST //q/./a/../b//c/?x=1?y=2&&=#f HTTP/1.1\r\n"
          . "Host: localhost\r\n$key\r\n$tail");
    again('an absolute target', "POST http://Other.Example:8080/q/a%20b?c HTTP/1.1\r\n"
          . "Host: localhost\r\n$key\r\n$tail");
    again('without a path', "POST http://other.example?c=d/e HTTP/1.1\r\n"
          . "Host: localhost\r\n$key\r\n$tail");
    again('HTTP/1.0', "POST /q HTTP/1.0\r\nHost: localhost\r\n$key\r\n$tail");
    again('a key in the query', "POST /q?a=b&k=good%2dkey-0123456789&c HTTP/1.1\r\n"
          . "Host: localhost\r\n$tail");
    again('a key in a cookie', "POST /q HTTP/1.1\r\nHost: localhost\r\n"
          . "Cookie: a=b; k=good-key-0123456789; c=d\r\n$tail");
    again('a large head', "POST /q?" . 'x' x 7000 . " HTTP/1.1\r\nHost: localhost\r\n"
          . "$key\r\n" . CORE::join('', map { "X-$_: " . 'y' x 5000 . "\r\n" } 1 .. 3)
          . $tail);
}

=== TEST 3: HTTP/2 in its form of HTTP/1.1
--- recorder
--- check eval
sub {
    my $curl = 'curl -s -o /dev/null -m 20 -w %{http_code} --http2-prior-knowledge '
               . "-H 'X-B: 2' -H 'X-A: 1' -H 'X-B: 3' -H 'Cookie: a=b' -H 'User-Agent: c' "
               . "-H 'Authorization: Bearer good-key-0123456789' -H 'Host: queue.example'";
    my $port = sub { rand_port($_[0] ? 3 : 4) };
    my $text;

    # the first one is let pass
    system("$curl http://127.0.0.1:@{[rand_port(4)]}/q >/dev/null");

    $text = compare('with a length', sub {
        `printf 'a\\0b\\r\\n' | $curl --data-binary \@- 'http://127.0.0.1:@{[$port->(@_)]}/q/%20?x=%y'`
    });
    my ($minor) = `$Test::Nginx::Util::NginxBinary -v 2>&1` =~ m{nginx/1\.(\d+)};

    # from 1.29 on nginx makes the host of HTTP/2 itself, and puts it last
    like($text, $minor < 29
                ? qr{^POST /q/%20\?x=%y HTTP/1\.1\r\nhost: queue\.example\r\n}
                : qr{^POST /q/%20\?x=%y HTTP/1\.1\r\n.*^host: queue\.example\r\n}ms,
         'the line and the host');
    like($text, qr{^content-length: 5\r\n}m, 'the length');

    $text = compare('without a length', sub {
        `head -c 3000 /dev/zero | $curl -X POST -T - http://127.0.0.1:@{[$port->(@_)]}/q`
    });
    like($text, qr{^Content-Length: 3000\r\n\r\n\0{3000}\z}m, 'it gets one');

    compare('no body', sub { `$curl http://127.0.0.1:@{[$port->(@_)]}/q?x` });
}

=== TEST 4: HTTP/1.0 without a host
--- recorder
--- check eval
sub {
    my $key = 'Authorization: good-key-0123456789';

    talk($Test::Nginx::Util::ServerPortForClient,
         "POST /q HTTP/1.0\r\n$key\r\nContent-Length: 3\r\n\r\nabc");
    wait_for(sub { scalar(() = recorded()) });

    my $text = originating((recorded())[-1]);

    like($text, qr{^POST /q HTTP/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n}, 'it gets one');
    is(talk(rand_port(2), $text), 200, 'and can be sent again');
    like((seen())[-1], qr/^X-Seen: POST \/q 127\.0\.0\.1\r\n.*\r\n\r\nabc\z/ms,
         'what the upstream sees');
}

=== TEST 5: what is cut says so, and keeps its length
--- recorder
--- check eval
sub {
    talk($Test::Nginx::Util::ServerPortForClient,
         "POST /q HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
         . "Authorization: good-key-0123456789\r\n"
         . "Content-Length: 200001\r\n\r\n" . 'x' x 200_001);
    wait_for(sub { scalar(() = recorded()) });

    my ($event) = recorded();

    event($event, 'RatelimitExceeded', OriginatingRequestCut => 1);
    like(originating($event), qr/^Content-Length: 200001\r\n\r\nx{200}/m, 'length');
}
