# How long handlers may take, and what ends in the meantime: the client, the
# upstream, the worker, timers of nginx.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;
use POSIX ();
use RawServer;

our $Server = RawServer->new(
    '/cut' => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
            . "Content-Type: application/json\r\nX-Cut: 1\r\n\r\n{\"a\":";
        return 0;
    },
    '/chunk' => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
            . "Content-Type: application/json\r\n\r\n5\r\n{\"a\":\r\n";
        return 0;
    },
    '/hang' => sub { sleep 60; return 0 },
    '/half' => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
            . "Content-Type: application/json\r\n\r\n{\"a\":";
        sleep 60;
        return 0;
    });

our $Barrier = barrier(200);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(user_files => $block->user_files =~ s/BARRIER/127.0.0.1:$Barrier/gr)
        if defined $block->user_files;
});

raw_server($Server);

no_shuffle();
worker_connections(2048);
run_tests();


# the port of a server that answers so many requests, when all of them are there
sub barrier {
    my ($n) = @_;
    my $listen = IO::Socket::INET->new(Listen => 511, LocalAddr => '127.0.0.1')
                 or die "listen: $!\n";

    if (!(fork // die "fork: $!\n")) {
        my @sockets;

        alarm 60;

        while (@sockets < $n) {
            push @sockets, scalar $listen->accept;
            sysread $sockets[-1], my $request, 65536;
        }

        my $text = "all $n are here";

        syswrite $_, "HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\n\r\n$text"
            for @sockets;
        POSIX::_exit(0);
    }

    return $listen->sockport;
}


# status and body of each answer; all have a Content-Length
sub answers {
    my ($text) = @_;
    my @answers;

    while ($text =~ m{\GHTTP/1\.1 (\d+) .*?\r\n\r\n}gcs) {
        my ($status, $head) = ($1, $&);
        my $size = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;

        push @answers, "$status " . substr $text, pos $text, $size;
        pos($text) += $size;
    }

    push @answers, substr $text, pos $text // 0
        if (pos $text // 0) < length $text;
    return @answers;
}


sub open_connections {
    my (undef, undef, $body) = ApiEvents::http_get('/status');
    return $body =~ /Active connections: (\d+)/ ? $1 : -1;
}


# none but the one that asks
sub is_idle {
    return Test::More::ok(ApiEvents::wait_for(sub { open_connections() == 1 }),
                          'no connection is left');
}

__DATA__

=== TEST 1: send_timeout does not count what handlers wait
--- handlers
response h.js
--- http_config
send_timeout 200ms;
--- user_files
>>> h.js
export default function (ctx) {
    return new Promise(function (resolve) { setTimeout(resolve, 900); });
}
--- request
GET /api/x
--- response_body_like: "verb":"GET"



=== TEST 2: a request's body that nobody read is not the next request
--- handlers
request h.js
--- user_files
>>> h.js
json = 'mine';
--- request
GET /api/x
--- response_body_like: "body":"mine"
--- check eval
sub {
    my $inner = request_head('GET', '/api/smuggled');
    my $text = talk(
        request_head('GET', '/api/first', 'Content-Length: ' . length $inner) . $inner
        . request_head('GET', '/api/second', 'Connection: close'));

    unlike($text, qr/smuggled/, 'the body is no request');
    like($text, qr{"uri":"/first".*"uri":"/second"}s, 'both were answered');
}



=== TEST 3: an answer that has no body at all
--- handlers
response h.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            root $TEST_NGINX_SERVER_ROOT/html;
            dav_methods PUT;
            create_full_put_path on;
            client_body_in_file_only clean;
            HANDLERS
        }
--- user_files
>>> h.js
response.header('X-Handled', 'yes');
--- request
PUT /api/new.txt
text
--- error_code: 201
--- response_headers
X-Handled: yes



=== TEST 4: upstreams that are cut off, refuse, hang
--- handlers
response r.js
error e.js
--- config
        location /status { stub_status; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass http://RAW/;
            proxy_read_timeout 500ms;
            HANDLERS
        }
        location /api/refused {
            api_id a;
            api_auth off;
            proxy_pass http://127.0.0.1:1;
            HANDLERS
        }
--- user_files
>>> r.js
json.never = 1;
>>> e.js
json.seen = req.resourceName;
--- request eval
[map { "GET /api/$_" } qw(cut chunk half hang refused)]
--- error_code eval
[502, 502, 502, 504, 502]
--- response_body eval
[map { qr/^\{"statusCode":50[24],.*"seen":"$_"\}$/ } qw(cut chunk half hang refused)]
--- raw_response_headers_unlike eval
[('X-Cut') x 5]
--- check eval
sub { main::is_idle() }



=== TEST 5: handlers that never stop waiting
--- config
        location /status { stub_status; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=w.js timeout=300ms;
            api_event_handlers error js path=e.js;
        }
        location /api/response {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=w.js timeout=300ms;
            api_event_handlers error js path=e.js;
        }
        location /api/error {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/status/503;
            api_event_handlers error js path=w.js timeout=300ms;
        }
--- user_files
>>> w.js
export default function (ctx) {
    return new Promise(function () {});
}
>>> e.js
json.seen = 1;
--- request eval
['GET /api/request', 'GET /api/response', 'GET /api/error']
--- error_code eval
[500, 500, 503]
--- response_body eval
[qr/"errorCode":50029,.*"seen":1/, qr/"errorCode":50029,.*"seen":1/, 'not JSON']
--- check eval
sub { main::is_idle() }



=== TEST 6: clients that leave in the middle of each phase
--- config
        location /status { stub_status; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers options js path=w.js;
            api_event_handlers request js path=w.js;
            api_event_handlers response js path=w.js;
            api_event_handlers error js path=w.js;
        }
        location /api/call/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=c.js;
        }
--- user_files
>>> w.js
export default function (ctx) {
    return new Promise(function (resolve) { setTimeout(resolve, 150); });
}
>>> c.js
export default function (ctx) {
    return ctx.http.request({url: 'http://RAW/hang', method: 'GET'});
}
--- request
GET /api/x
--- check eval
sub {
    my $preflight = request_head('GET', '/api/x', 'Access-Control-Request-Method: GET')
                    =~ s/^GET/OPTIONS/r;
    my @all = ($preflight, map { request_head('GET', "/api/$_") }
               qw(x slow/200 status/503 call/x));

    for my $wait (0, 0.05, 0.12, 0.2, 0.33, 0.42) {
        my @clients = map { client($_) } @all;
        select undef, undef, undef, $wait;
        close $_ for @clients;
    }

    main::is_idle();
}



=== TEST 7: one connection after each road, and requests at once
--- handlers
request q.js
response r.js
error e.js
--- user_files
>>> q.js
if (req.resourceName == 'throw') { throw 'q'; }
>>> r.js
if (req.resourceName == 'thrown') { throw 'r'; }
json = {uri: json.uri};
>>> e.js
json = {error: json.statusCode};
--- request
GET /api/x
--- check eval
sub {
    my @paths = qw(a throw thrown status/503 a throw b);
    my $text = talk(CORE::join '', map({ request_head('GET', "/api/$_") } @paths),
                          request_head('GET', '/api/c', 'Connection: close'));

    is(CORE::join("\n", main::answers($text)), CORE::join("\n",
        '200 {"uri":"/a"}', '500 {"error":500}', '500 {"error":500}',
        '503 {"error":503}', '200 {"uri":"/a"}', '500 {"error":500}',
        '200 {"uri":"/b"}', '200 {"uri":"/c"}'), 'in their order');
}



=== TEST 8: many that wait wait together
--- http_config
# three for a request, of 2048
api_delivery_connections 50%;
--- handlers
request h.js timeout=60s
--- user_files
>>> h.js
export default function (ctx) {
    return ctx.http.request({url: 'http://BARRIER/', method: 'GET'}).then(function (reply) {
        ctx.headers['x-barrier'] = reply.Body;
    });
}
--- request
GET /none
--- error_code: 404
--- check eval
sub {
    my @clients = map { client(request_head('GET', '/api/x', 'Connection: close')) }
                  1 .. 200;
    my $good = grep { local $/; my $text = readline $_;
                      $text =~ /^HTTP\/1.1 200 .*"x-barrier":"all 200 are here"/s } @clients;

    is($good, 200, 'all were answered, none before the last one had asked');
}
