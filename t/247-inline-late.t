# Handlers whose time is up while something of theirs still waits: nginx ends
# that, wherever it is, and the client is answered.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use File::Temp;
use InlineBlocks;
use IO::Socket::INET;
use RawServer;

our $Closed = File::Temp->new;
our $Server = RawServer->new(
    '/hang' => sub { until_closed('hang', @_) },
    '/half' => sub {
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
            . "Content-Type: application/json\r\n\r\n{\"a\":";
        until_closed('half', @_);
    });

# answers nobody
our $Silent = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
              or die "socket: $!\n";

raw_server($Server);

add_block_preprocessor(sub {
    my ($block) = @_;
    my $silent = '127.0.0.1:' . $Silent->sockport;

    $block->set_value(config => $block->config =~ s/SILENT/$silent/r)
        if defined $block->config;
    $block->set_value(timeout => 25) unless defined $block->timeout;
});

no_shuffle();
worker_connections(1024);
run_tests();


# the one that asks has gone
sub until_closed {
    my ($name, $socket) = @_;

    my $text = '';
    1 while sysread $socket, $text, 4096;

    open my $out, '>>', $Closed->filename or die "open: $!\n";
    syswrite $out, "$name\n";
    close $out;

    return 0;
}


# how many connections nginx has closed to a path that hangs
sub closed {
    my ($name) = @_;

    open my $in, '<', $Closed->filename or die "open: $!\n";
    return scalar grep { $_ eq "$name\n" } <$in>;
}


sub is_closed {
    my ($name, $n) = @_;
    return Test::More::ok(ApiEvents::wait_for(sub { closed($name) >= $n }),
                          "$n of $name closed");
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


# a GET that has been sent
sub get {
    return client(request_head('GET', $_[0], 'Connection: close'));
}

__DATA__

=== TEST 1: a resource whose upstream hangs, in each phase
--- config
        location /status { stub_status; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=h.js timeout=300ms;
        }
        location /api/response {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=h.js timeout=300ms;
        }
        location /api/error {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/status/503;
            api_event_handlers error js path=h.js timeout=300ms;
        }
        location /api/options {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers options js path=h.js timeout=300ms;
        }
        location ~ /(hang|half)$ {
            proxy_pass http://RAW;
            rewrite /(hang|half)$ /$1 break;
            proxy_read_timeout 600s;
        }
--- user_files
>>> h.js
SysUtility.getResource(req.urlParameters.read);
--- request eval
[(map { ("GET /api/$_?read=hang", "GET /api/$_?read=half") }
  qw(request response error)), 'OPTIONS /api/options?read=hang']
--- more_headers
Access-Control-Request-Method: GET
--- error_code eval
[500, 500, 500, 500, 503, 503, 500]
--- response_body eval
[(qr/"errorCode":50029,"errorMessage":"timeout"/) x 4, ('not JSON') x 2,
 qr/"errorCode":50029,"errorMessage":"timeout"/]
--- check eval
sub {
    main::is_closed('hang', 4);
    main::is_closed('half', 3);
    main::is_idle();
}



=== TEST 2: a resource that waits for something else
--- http_config
limit_req_zone $server_port zone=slow:64k rate=2r/m;
proxy_cache_path $TEST_NGINX_SERVER_ROOT/logs/cache keys_zone=cache:64k;
--- config
        location /status { stub_status; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=h.js timeout=300ms;
            ssi_types application/json;
        }
        location ~ /hang$ {
            rewrite ^ /hang break;
            proxy_pass http://RAW;
            proxy_read_timeout 600s;
        }
        location ~ /included$ {
            ssi on;
            alias $TEST_NGINX_SERVER_ROOT/html/page.html;
        }
        location ~ /limited$ {
            limit_req zone=slow burst=100;
            alias $TEST_NGINX_SERVER_ROOT/html/page.html;
        }
        location ~ /named$ {
            resolver SILENT ipv6=off;
            resolver_timeout 600s;
            set $name nobody.example;
            proxy_pass http://$name/;
        }
        location ~ /locked$ {
            proxy_cache cache;
            proxy_cache_key locked;
            proxy_cache_lock on;
            proxy_cache_lock_age 600s;
            proxy_cache_lock_timeout 600s;
            proxy_cache_valid any 1h;
            rewrite ^ /hang break;
            proxy_pass http://RAW;
            proxy_read_timeout 600s;
        }
        location ~ /script$ {
            js_import wait from ../html/wait.js;
            js_content wait.wait;
        }
        location ~ /mirrored$ {
            mirror /api/limited;
            rewrite ^ /hang break;
            proxy_pass http://RAW;
            proxy_read_timeout 600s;
        }
--- user_files
>>> h.js
SysUtility.getResource(req.resourceName + '/' + req.urlParameters.read);
>>> page.html
<!--# include virtual="/api/hang" -->, <!--# include virtual="/api/half" -->
>>> wait.js
function wait(r) {
    setTimeout(function () { throw new Error('too late'); }, 1000);
}

export default {wait: wait};
--- request eval
[map { "GET /api/x?read=$_" }
 qw(hang included limited limited named locked script mirrored)]
--- error_code eval
[(500) x 8]
--- response_body eval
[map { qr/"errorMessage":".*(timeout|not JSON)/ } 1 .. 8]
--- check eval
sub {
    my @locked = map { main::get('/api/x?read=locked') } 1 .. 3;

    like(hear($_), qr/"errorMessage":"timeout"/, 'one waits for the other')
        for @locked;
    select undef, undef, undef, 1.2;
    main::is_idle();
}
--- no_error_log
[alert]
too late



=== TEST 3: what a handler left running has the handler's time
--- config
        location /status { stub_status; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=m.js timeout=300ms;
        }
        location /hang {
            proxy_pass http://RAW;
            proxy_read_timeout 600s;
        }
--- user_files
>>> m.js
export default function (ctx) {
    var kind = ctx.req.resourceName;

    function call() {
        return ctx.http.request({url: 'http://RAW/hang', method: 'GET'});
    }

    function timer() {
        return new Promise(function (resolve) {
            setTimeout(resolve, 600000);
        });
    }

    function never() {
        return new Promise(function () {});
    }

    if (kind === 'thrown') {
        call();
        throw 'thrown';
    }

    if (kind === 'left') {
        call();
        return undefined;
    }

    return kind === 'timer' ? timer()
           : kind === 'never' ? never()
           : Promise.all([call(), timer(), never(), call(), call()]);
}
--- request eval
[map { "GET /api/$_" } qw(timer never all thrown left)]
--- error_code eval
[500, 500, 500, 500, 200]
--- response_body eval
[(qr/"errorMessage":"time(d )?out/) x 3, qr/"errorMessage":"thrown"/, qr/"verb":"GET"/]
--- check eval
sub { main::is_idle() }



=== TEST 4: an upstream that answers just then, and clients that leave
--- config
        location /status { stub_status; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=h.js timeout=100ms;
        }
--- user_files
>>> h.js
if (req.resourceName == 'x') {
    SysUtility.getResource('slow/' + req.urlParameters.n);
    json = ['read'];
}
--- request
GET /api/y
--- response_body_like: "uri":"/y"
--- check eval
sub {
    my ($read, $late, $other) = (0, 0, 0);

    for my $round (1 .. 5) {
        my @sockets = map { main::get("/api/x?n=$_") } 90 .. 109;
        my @gone = map { main::get("/api/x?n=$_") } 90 .. 109;

        select undef, undef, undef, 0.08 + $round / 100;
        close $_ for @gone;

        for my $text (map { hear($_) } @sockets) {
            $text =~ /\["read"\]$/ ? $read++
                : $text =~ /"errorMessage":"timeout"/ ? $late++ : $other++;
        }
    }

    is($other, 0, 'all were answered');
    is($read + $late, 100, 'one way or the other');
    main::is_idle();
}
--- no_error_log
[alert]
