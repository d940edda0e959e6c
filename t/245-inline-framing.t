# What handlers in line meet: bodies of all sizes, encodings, modules of nginx
# beside them.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;
use RawServer;

use Compress::Zlib ();

my $Head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

sub packed {
    my ($body) = @_;
    return "${Head}Content-Encoding: gzip\r\nContent-Length: "
           . length($body) . "\r\n\r\n$body";
}

our $Large = 64 * 1024 * 1024;

our $Server = RawServer->new(
    '/gzip' => packed(Compress::Zlib::memGzip('{"a":1}')),
    '/broken' => packed(substr(Compress::Zlib::memGzip('{"a":1}'), 0, 20)),
    '/bomb' => packed(Compress::Zlib::memGzip('1' x 3_000_000)),
    '/exact' => "${Head}Content-Length: 1000\r\n\r\n" . '["' . 'x' x 996 . '"]',
    '/over' => "${Head}Content-Length: 1001\r\n\r\n" . '["' . 'x' x 997 . '"]',
    '/part' => "HTTP/1.1 206 Partial Content\r\nContent-Type: application/json\r\n"
        . "Content-Range: bytes 0-2/9\r\nContent-Length: 3\r\n\r\n[1,",
    '/none' => "HTTP/1.1 204 No Content\r\n\r\n",
    '/json' => "${Head}Content-Length: 7\r\n\r\n{\"a\":1}",
    '/large' => sub {
        my $size = 64 * 1024 * 1024;
        syswrite $_[0], "${Head}Content-Length: $size\r\n\r\n";
        for (my $n = 0; $n < $size; $n += 65536) {
            my ($at, $text) = (0, 'x' x 65536);
            while ($at < 65536) {
                my $rc = syswrite $_[0], $text, 65536 - $at, $at or return 0;
                $at += $rc;
            }
        }
        return 0;
    });

raw_server($Server);

no_shuffle();
worker_connections(256);
run_tests();


# KB of memory that is the worker's own; sanitizers keep what is freed
sub memory {
    return 0 if $ENV{TEST_NGINX_LD_PRELOAD};

    my ($pid) = ApiEvents::worker_pids();
    open my $in, '<', "/proc/$pid/status" or die "status: $!\n";
    my ($size) = map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$in>;
    return $size;
}

__DATA__

=== TEST 1: an answer at and one byte over api_body_max
--- handlers
response r.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            api_body_max 1000;
            proxy_pass http://RAW/;
            HANDLERS
        }
--- user_files
>>> r.js
json = [json[0].length];
--- request eval
['GET /api/exact', 'GET /api/over', 'GET /api/exact']
--- error_code eval
[200, 502, 200]
--- response_body eval
['[996]', qr/^\{"statusCode":502/, '[996]']



=== TEST 2: gzip from upstream, broken, too much
--- handlers
response r.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            api_body_max 1m;
            proxy_pass http://RAW/;
            HANDLERS
        }
--- user_files
>>> r.js
json.b = 2;
--- request eval
['GET /api/gzip', 'GET /api/broken', 'GET /api/bomb', 'GET /api/gzip']
--- error_code eval
[200, 502, 502, 200]
--- response_body eval
['{"a":1,"b":2}', qr/^\{"statusCode":502/, qr/^\{"statusCode":502/, '{"a":1,"b":2}']
--- raw_response_headers_unlike eval
[('Content-Encoding') x 4]



=== TEST 3: the encodings that the upstream is told of
--- handlers
response r.js
--- user_files
>>> r.js
json = [json.headers['accept-encoding'] || null];
--- request
GET /api/x
--- check eval
sub {
    my @seen = map {
        my $text = talk(request_head('GET', '/api/x', 'Connection: close', @$_));
        $text =~ /\r\n\r\n(.*)/s && $1
    } ['Accept-Encoding: br, gzip;q=0.5, zstd'], ['Accept-Encoding: br'], [];

    is("@seen", '["gzip"] [null] [null]', 'gzip, or none');
}



=== TEST 4: no body on HEAD, 204, 304, whatever handlers do
--- handlers
response r.js
error e.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass http://RAW/;
            HANDLERS
        }
        location /api/error {
            api_id a;
            api_auth off;
            return 503;
            HANDLERS
        }
--- user_files
>>> r.js
if (req.urlParameters.status) { response.status(Number(req.urlParameters.status)); }
json = {mine: 1};
>>> e.js
json = {statusCode: 304, mine: 1};
--- request
GET /api/json
--- check eval
sub {
    my $text = talk(CORE::join '', map({ request_head(@$_) }
        ['HEAD', '/api/json'], ['GET', '/api/none'],
        ['GET', '/api/json?status=204'], ['GET', '/api/json?status=304'],
        ['HEAD', '/api/json?status=204'], ['GET', '/api/error'],
        ['HEAD', '/api/error']),
        request_head('GET', '/api/json', 'Connection: close'));

    is(CORE::join(' ', $text =~ m{HTTP/1\.1 (\d+)}g),
       '200 204 204 304 204 304 304 200', 'in their order');
    is(CORE::join('|', map { /\r\n\r\n(.*)/s ? $1 : 'none' }
       split m{(?=HTTP/1\.1 )}, $text), '|||||||{"mine":1}', 'no body');
}



=== TEST 5: 206 passes untouched
--- handlers
response r.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass http://RAW/;
            HANDLERS
        }
--- user_files
>>> r.js
json = {never: 1};
--- request
GET /api/part
--- error_code: 206
--- response_headers
Content-Range: bytes 0-2/9
--- response_body chop
[1,



=== TEST 6: answers of nginx's own modules
--- http_config
types { application/json json; }
proxy_cache_path logs/cache keys_zone=c:1m;
--- config
        api_auth off;
        api_id a;
        api_event_handlers response js path=r.js;
        api_event_handlers error js path=e.js;
        location /return { default_type application/json; return 200 '{"a":1}'; }
        location /gif { default_type text/plain; empty_gif; }
        location /unbuffered/ { proxy_buffering off; proxy_pass http://RAW/; }
        location /cached/ {
            proxy_cache c;
            proxy_cache_valid 1h;
            proxy_pass http://RAW/;
        }
        location /accel { proxy_pass http://RAW/; }
        location /try { try_files /nothing @named; }
        location @named { default_type application/json; return 200 '{"a":"named"}'; }
        location /page { error_page 404 =200 @named; return 404; }
        location /builtin { return 403; }
        location /static/ { alias $TEST_NGINX_SERVER_ROOT/html/; sendfile on; }
        location /limited { client_max_body_size 1; proxy_pass http://RAW/json; }
        location /auth { auth_basic x; auth_basic_user_file /dev/null; proxy_pass http://RAW/json; }
--- user_files
>>> r.js
if (typeof json === 'object') { json.seen = 1; } else { json = 'seen'; }
>>> e.js
json.seen = json.statusCode;
>>> a.json
{"a":1}
--- request eval
['GET /return', 'GET /gif', 'GET /unbuffered/json', 'GET /unbuffered/gzip', 'GET /cached/json',
 'GET /cached/json', 'GET /try', 'GET /page', 'GET /builtin', 'GET /static/a.json',
 'GET /static/none', "POST /static/a.json\nxx", "POST /limited\nxx", 'GET /auth']
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 200, 403, 200, 404, 405, 413, 401]
--- response_body_like eval
['^{"a":1,"seen":1}$', '^seen$', '^{"a":1,"seen":1}$', '^{"a":1,"seen":1}$', '^{"a":1,"seen":1}$',
 '^{"a":1,"seen":1}$', '^{"a":"named","seen":1}$', '^{"a":"named","seen":1}$', '"seen":403}$',
 '^{"a":1,"seen":1}$', '"seen":404}$', '"seen":405}$', '"seen":413}$', '"seen":401}$']



=== TEST 7: early errors and subrequests have no handlers
--- config
        api_auth off;
        api_id a;
        api_event_handlers response js path=r.js;
        api_event_handlers error js path=e.js;
        location /ssi { ssi on; ssi_types *; default_type application/json;
            return 200 '{"i":"<!--#include virtual=\'/inner\' -->"}'; }
        location /inner { return 200 'inner'; }
        location /mirrored { mirror /inner; proxy_pass http://RAW/json; }
--- user_files
>>> r.js
log.info('LOG ' + req.resourceName);
json.seen = 1;
>>> e.js
json.seen = json.statusCode;
--- request eval
['GET /ssi', 'GET /mirrored']
--- response_body eval
['{"i":"inner","seen":1}', '{"a":1,"seen":1}']
--- check eval
sub {
    is(logged(2), "LOG ssi\nLOG mirrored", 'once each');
    unlike(talk("BAD\r\n\r\n"), qr/seen/, 'status 400');
    unlike(talk('GET /' . 'x' x 40000 . " HTTP/1.1\r\n\r\n"), qr/seen/, 'status 414');
    unlike(talk("GET /inner HTTP/1.1\r\nHost: x y\r\n\r\n"), qr/seen/, 'a bad header');
}



=== TEST 8: a large answer
--- config
        location /plain/ { proxy_pass http://RAW/; }
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass http://RAW/;
            api_event_handlers response js path=r.js;
        }
--- user_files
>>> r.js
json = 1;
--- request
GET /api/large
--- error_code: 502
--- check eval
sub {
    my $before = main::memory();

    my $text = talk(request_head('GET', '/plain/large', 'Connection: close'));
    is(length($text =~ s/^.*?\r\n\r\n//sr), $main::Large, 'whole without handlers');

    for (1 .. 3) {
        like(talk(request_head('GET', '/api/large', 'Connection: close')),
             qr/^HTTP.1.1 502/, 'none with one');
    }
    cmp_ok(main::memory() - $before, '<', 16 * 1024, 'memory');
}



=== TEST 9: many requests whose handler throws
--- config
        location /api/ {
            api_id a;
            api_auth off;
            empty_gif;
            api_event_handlers request js path=q.js;
            api_event_handlers error js path=e.js;
        }
--- user_files
>>> q.js
throw 'no';
>>> e.js
json.seen = 1;
--- http_config
keepalive_requests 100000;
error_log /dev/null crit;
--- request
GET /api/x
--- error_code: 500
--- check eval
sub {
    my $some = sub {
        my $text = talk(request_head('GET', '/api/x') x 99
                              . request_head('GET', '/api/x', 'Connection: close'));
        return scalar(() = $text =~ /"seen":1/g);
    };
    my $good = 0;

    $good += $some->() for 1 .. 15;
    my $before = main::memory();
    $good += $some->() for 1 .. 85;

    is($good, 10_000, 'all were answered');
    cmp_ok(main::memory() - $before, '<', 4096, 'no growth');
}



=== TEST 10: what is thrown takes the error road, whatever its status
--- handlers
request q.js
response r.js
error e.js
--- user_files
>>> q.js
throw {statusCode: 202, errorMessage: 'later'};
>>> r.js
json.never = 1;
>>> e.js
json = {seen: json.errorMessage};
--- request
GET /api/x
--- error_code: 202
--- response_body chop
{"seen":"later"}
