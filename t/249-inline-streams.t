# What is not one answer after another: streams that a client gives up, events
# that an upstream sends as they come, WebSocket.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;
use RawServer;

our $Server = RawServer->new(
    '/hang' => sub { sleep 60; return 0 },
    '/events' => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            . "X-Accel-Buffering: no\r\n\r\ndata: 1\n\n";
        sysread $_[0], my $more, 1;
        return 0;
    },
    '/ws' => sub {
        syswrite $_[0], "HTTP/1.1 101 Switching Protocols\r\n"
            . "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        syswrite $_[0], $_ while sysread $_[0], $_, 65536;
        return 0;
    });

raw_server($Server);

run_tests();


sub frame {
    my ($type, $flags, $stream, $text) = @_;
    return substr(pack('N', length $text), 1) . pack('C C N', $type, $flags, $stream) . $text;
}


# a GET as a header block without compression
sub block {
    my ($path) = @_;
    return "\x82\x86\x04" . pack('C/a', $path) . "\x01" . pack('C/a', 'localhost');
}


BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(frame block);
}

__DATA__

=== TEST 1: a stream that is reset while its handlers wait
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;

        location /api/ {
            api_id h2;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=a.js;
            api_event_handlers response js path=b.js;
        }
    }
--- suppress_stderr
--- user_files
>>> a.js
export default function (ctx) {
    if (ctx.req.urlParameters.at !== 'request') { return; }
    ctx.log.info('LOG a');
    return new Promise(function (resolve) { setTimeout(resolve, 700); });
}
>>> b.js
export default function (ctx) {
    ctx.json.seen = 'by-b';
    if (ctx.req.urlParameters.at !== 'response') { return; }
    return new Promise(function (resolve) { setTimeout(resolve, 700); });
}
--- request
GET /none
--- error_code: 404
--- check eval
sub {
    my $socket = client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '')
                      . frame(1, 5, 1, block('/api/x?at=request'))
                      . frame(1, 5, 3, block('/api/x?at=response')), rand_port(2));

    select undef, undef, undef, 0.3;
    syswrite $socket, frame(3, 0, 1, pack 'N', 8) . frame(3, 0, 3, pack 'N', 8)
                      . frame(1, 5, 5, block('/api/x?at=none'));

    my $text = hear($socket, qr/by-b/);

    like($text, qr/"seen":"by-b"/, 'the next stream is answered');
    select undef, undef, undef, 1;
    syswrite $socket, frame(1, 5, 7, block('/api/y'));
    like(hear($socket, qr/by-b/), qr/"uri":"\/y".*"seen":"by-b"/, 'and one more, later');
}



=== TEST 2: streams whose resources hang
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;

        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/;
            api_event_handlers request js path=h.js timeout=300ms;
        }
        location /api/hang {
            proxy_pass http://RAW/hang;
            proxy_read_timeout 600s;
        }
    }
--- user_files
>>> h.js
if (req.resourceName == 'x') { SysUtility.getResource('hang'); }
--- request
GET /none
--- error_code: 404
--- check eval
sub {
    my $socket = client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '')
                        . frame(1, 5, 1, block('/api/x')) . frame(1, 5, 3, block('/api/y'))
                        . frame(1, 5, 5, block('/api/x')) . frame(1, 5, 7, block('/api/x')),
                        rand_port(2));

    like(hear($socket, qr/\A(?=.*"uri":"\/y")(?:.*"errorMessage":"timeout"){3}/s), qr/"uri"/,
         'all are answered');
    syswrite $socket, frame(1, 5, 9, block('/api/z'));
    like(hear($socket, qr/"uri":"\/z"/), qr/"uri":"\/z"/, 'and one more');
}



=== TEST 3: events come as they are sent, WebSocket goes both ways
--- handlers
request a.js
error e.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_pass http://RAW/;
            HANDLERS
        }
--- user_files
>>> a.js
req.verb;
>>> e.js
json.seen = true;
--- request
GET /none
--- error_code: 404
--- check eval
sub {
    my $socket = client("GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n");

    like(hear($socket, qr/data: 1/), qr/data: 1/, 'the first event');
    close $socket;

    $socket = client("GET /api/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                          . "Connection: Upgrade\r\n\r\n");
    like(hear($socket, qr/\r\n\r\n/), qr/^HTTP\/1.1 101 /, 'it switches');
    syswrite $socket, "ping";
    is(hear($socket, qr/ping/), 'ping', 'there and back');
}
