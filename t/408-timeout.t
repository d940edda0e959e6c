# Hard timeouts of definitions: an upstream has so long for its header.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;
use IO::Socket::INET;

# a name server that never answers, and a port that takes no connection more
my $Silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp');
my $Hole = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
my @Fill = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $Hole->sockport,
                          Proto => 'tcp', Blocking => 0)
} 1 .. 8;

$ENV{TEST_NGINX_SILENT} = '127.0.0.1:' . $Silent->sockport;
$ENV{TEST_NGINX_HOLE} = '127.0.0.1:' . $Hole->sockport;

definition('a', <<'END');
"hard_timeouts": [
 {"path": "/never", "method": "GET", "timeout": 1, "duration": "1ms"},
 {"path": "^/./(slow|ok|500)", "method": "GET", "timeout": 20},
 {"path": "^/./drop", "method": "GET", "timeout": 2},
 {"path": "^/./post", "method": "POST", "timeout": 1, "duration": "300ms"},
 {"path": "^/.", "method": "GET", "timeout": 1, "duration": "400ms"}]
END

run_tests();

__DATA__

=== TEST 1: no answer, half a header, no connection, no handshake, no name
--- config
    location /a { api_definition ../html/a.json; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /b { api_definition ../html/a.json; proxy_pass http://$TEST_NGINX_HOLE/; }
    location /c { api_definition ../html/a.json; proxy_pass https://$TEST_NGINX_UPSTREAM/; }
    location /d {
        api_definition ../html/a.json;
        resolver $TEST_NGINX_SILENT ipv6=off;
        set $name some.test;
        proxy_pass http://$name/;
    }
    location /e { api_definition ../html/a.json; fastcgi_pass $TEST_NGINX_UPSTREAM; }
    location /f { api_definition ../html/a.json; proxy_buffering off; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
--- recorder
--- check eval
sub {
    my @paths = qw(/a/hang /a/head /b/x /c/x /d/x /e/x /f/hang);
    my @sockets = map { ask($_) } @paths;

    for my $path (@paths) {
        my $socket = shift @sockets;
        my ($head, $body) = split /\r\n\r\n/, do { local $/; <$socket> }, 2;

        like($head, qr/^HTTP\S+ 504 /, $path);
        is($body, qq({\n    "error": "Upstream service reached hard timeout.")
                  . "\n}", "$path: body");
        like($head, qr/^X-Decision: Timeout/m, "$path: decision");
    }

    my $lines = () = error_log_text()
                     =~ /upstream reached the hard timeout of 400 ms/g;

    is($lines, 7, 'a line for each');
    is(scalar(() = recorded()), 0, 'no event');
    is(codes('/a/ok'), 200, 'the upstream is well');
}

=== TEST 2: only the header counts, and an answer that is in time
--- config
    location /a { api_definition ../html/a.json; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /f { api_definition ../html/a.json; empty_gif; }
    location /g { api_definition ../html/a.json; }
--- request eval
["GET /a/drop", "GET /a/slow", "GET /a/500", "GET /f", "GET /g/none", "GET /f"]
--- error_code eval
[200, 200, 500, 200, 404, 200]

=== TEST 3: the path and method of another one
--- config
    location /a { api_definition ../html/a.json; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
--- request eval
["PUT /a/late", "POST /a/late", "GET /a/late"]
--- error_code eval
[200, 200, 504]

=== TEST 4: no other server is tried
--- http_config
    upstream two { server $TEST_NGINX_UPSTREAM; server $TEST_NGINX_UPSTREAM; }
--- config
    location /a {
        api_definition ../html/a.json;
        proxy_next_upstream timeout error;
        proxy_pass http://two/;
    }
--- check eval
sub {
    my $n = reached('/hang');

    is(codes('/a/hang'), 504, 'timeout');
    is(reached('/hang'), $n + 1, 'one server had it');
}

=== TEST 5: it is for all servers together
--- http_config
    upstream two { server $TEST_NGINX_UPSTREAM; server $TEST_NGINX_UPSTREAM; server $TEST_NGINX_UPSTREAM; }
--- config
    location /a {
        api_definition ../html/a.json;
        proxy_read_timeout 250ms;
        proxy_next_upstream timeout error;
        proxy_pass http://two/;
    }
--- check eval
sub {
    my $n = reached('/hang');

    is(answers('/a/hang'), '504 - Timeout', 'timeout');
    is(reached('/hang'), $n + 2, 'the third server was not asked');
}

=== TEST 6: connections to the upstream stay usable
--- http_config
    upstream kept { server $TEST_NGINX_UPSTREAM; keepalive 4; }
--- config
    location /a {
        api_definition ../html/a.json;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_pass http://kept/;
    }
--- request eval
["GET /a/ok", "GET /a/hang", "GET /a/ok", "GET /a/slow", "GET /a/ok",
 "GET /a/ok"]
--- error_code eval
[200, 504, 200, 200, 200, 200]

=== TEST 7: it is a failure for the breaker
--- config
    location /a {
        api_definition ../html/a.json;
        api_breaker samples=1 window=1h open=1h status=599;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /d {
        api_definition ../html/a.json;
        api_org other;
        api_breaker samples=1 window=1h open=1h status=599;
        resolver $TEST_NGINX_SILENT ipv6=off;
        set $name some.test;
        proxy_pass http://$name/;
    }
--- check eval
sub {
    is(answers('/a/hang', '/a/ok', '/d/x', '/d/x'),
       '504 closed Timeout, 503 open BreakerOpen, '
       . '504 closed Timeout, 503 open BreakerOpen', 'answers');
}

=== TEST 8: an error page of it
--- config
    location /a {
        api_definition ../html/a.json;
        error_page 504 =200 /page.html;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_definition ../html/a.json;
        error_page 504 = @other;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location @other {
        rewrite ^ /ok break;
        proxy_pass http://$TEST_NGINX_UPSTREAM;
    }
--- user_files
>>> page.html
page
--- request eval
["GET /a/hang", "GET /b/hang"]
--- response_body eval
["page\n", "ok\n"]

=== TEST 9: a stale answer from the cache stands for it
--- http_config
    proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=c:1m;
--- config
    proxy_cache c;
    proxy_cache_key x;
    proxy_cache_valid 200 1s;
    location /fill { proxy_pass http://$TEST_NGINX_UPSTREAM/ok; }
    location /a {
        api_definition ../html/a.json;
        proxy_cache_use_stale timeout;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/fill'), 200, 'filled');
    pause(2.1);   # a cache counts seconds

    my ($status, $head, $body) = http_get('/a/hang');
    is("$status $body", "200 ok\n", 'stale');
}

=== TEST 10: clients that go away before, and within a handshake
--- config
    location /a {
        api_definition ../html/a.json;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /c {
        api_definition ../html/a.json;
        proxy_pass https://$TEST_NGINX_UPSTREAM/;
    }
    location /i {
        api_definition ../html/a.json;
        proxy_ignore_client_abort on;
        api_org other;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    leave_early('/a/hang') for 1 .. 5;
    leave_early('/c/x');
    leave_early('/i/hang');
    ok(wait_for(sub { error_log_text() =~ /the hard timeout/ }), 'over');
    is(answers('/a/ok', '/i/ok'), '200 closed allowed, 503 open BreakerOpen',
       'a client is no sample unless it is ignored');
}

=== TEST 11: a body that comes slowly does not count
--- config
    location /a {
        api_definition ../html/a.json;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    my $post = sub {
        my ($path) = @_;
        my $socket = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => client_port());

        syswrite $socket, "POST $path HTTP/1.1\r\nHost: localhost\r\n"
                          . "Connection: close\r\nContent-Length: 4\r\n\r\n";
        for (1 .. 4) { pause(0.15); syswrite $socket, 'x' }

        local $/;
        return substr <$socket>, 9, 3;
    };

    is($post->('/a/post'), 200, 'all of it');

    my $from = Time::HiRes::time();
    is($post->('/a/posthang'), 504, 'but what comes then');
    cmp_ok(Time::HiRes::time() - $from, '>', 0.8, 'in its own time');
}

=== TEST 12: HTTP/2 clients, and an upstream of gRPC
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;
        location /a { api_definition ../html/a.json; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
        location /g { api_definition ../html/a.json; grpc_pass $TEST_NGINX_HOLE; }
    }
--- config
    location /g {
        api_definition ../html/a.json;
        api_org grpc;
        api_breaker samples=1 window=1h open=1h status=599;
        grpc_pass grpc://$TEST_NGINX_HOLE;
    }
--- check eval
sub {
    my $url = 'http://127.0.0.1:' . rand_port(2);
    my $curl = 'curl -s -w %{http_code} --http2-prior-knowledge';

    is(`$curl -o /dev/null $url/a/hang`, '504', 'no answer');
    is(`$curl $url/g/x`, qq({\n    "error": "Upstream service reached hard )
       . qq(timeout."\n}504), 'gRPC');

    system("$curl --max-time 0.2 -o /dev/null $url/a/hang >/dev/null");
    pause(0.6);
    is(`$curl -o /dev/null $url/a/ok`, '200', 'and on');
    is(codes('/g/x', '/g/x'), '504 503', 'its breaker');
}
