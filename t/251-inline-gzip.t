# Answers in gzip that handlers read, and the encodings that an upstream is
# told of.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;
use RawServer;

use Compress::Zlib ();

sub packed {
    my ($body, $status) = @_;
    return "HTTP/1.1 " . ($status // '200 OK') . "\r\nContent-Type: application/json\r\n"
        . "Content-Encoding: gzip\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

my ($first, $second, $empty) = map { Compress::Zlib::memGzip($_) }
    '{"a":"' . 'x' x 40000 . '",', '"b":1}', '';
my $whole = Compress::Zlib::memGzip('{"a":1}');

our $Server = RawServer->new(
    '/two' => packed($first . $second),
    '/many' => packed($empty . CORE::join($empty, $first, $second) . $empty),
    '/pieces' => sub {
        my ($socket) = @_;
        my $body = $first . $second;

        syswrite $socket, packed($body) =~ s/\r\n\r\n.*/\r\n\r\n/sr;

        # ends within a member, at its end, in the two bytes that begin it
        for my $n (10, length($first) - 10, 1, 3, length($second) - 4) {
            syswrite $socket, substr $body, 0, $n, '';
            select undef, undef, undef, 0.05;
        }
        return 1;
    },
    '/garbage' => packed($whole . 'garbage'),
    '/zeros' => packed($whole . "\0" x 1000),
    '/byte' => packed($whole . "\x1f"),
    '/second' => packed($whole . 'garbage' . $whole),
    '/short' => packed($first . substr $second, 0, -1),
    '/head' => packed($first . "\x1f\x8b"),
    '/method' => packed($first . "\x1f\x8b\x09\0\0\0\0\0\0\0\0\0"),
    '/sum' => packed($second . substr $second, 0, 8),
    '/nothing' => packed('garbage'),
    '/no' => packed(''),
    '/empty' => packed($empty),
    '/bomb' => packed(CORE::join '', map { Compress::Zlib::memGzip('1' x 400_000) } 1 .. 3),
    '/503' => packed(Compress::Zlib::memGzip('{"statusCode":503,"a":{')
                     . $second . Compress::Zlib::memGzip('}'), '503 Busy'));

raw_server($Server);

no_shuffle();
run_tests();

__DATA__

=== TEST 1: all members, however they come
--- handlers
response r.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass http://RAW/;
            proxy_buffering off;
            HANDLERS
        }
--- user_files
>>> r.js
json = [json.a.length, json.b];
--- request eval
['GET /api/two', 'GET /api/many', 'GET /api/pieces']
--- response_body eval
['[40000,1]', '[40000,1]', '[40000,1]']
--- raw_response_headers_unlike eval
[('Content-Encoding') x 3]



=== TEST 2: what follows and is no member is left out, as gzip(1) does
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
json.b = 2;
--- request eval
['GET /api/garbage', 'GET /api/zeros', 'GET /api/byte', 'GET /api/second']
--- response_body eval
[('{"a":1,"b":2}') x 4]



=== TEST 3: members that are broken
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
json = 'never';
--- request eval
[map { "GET /api/$_" } qw(short head method sum nothing)]
--- error_code eval
[(502) x 5]
--- response_body_like eval
[('"statusCode":502') x 5]



=== TEST 4: api_body_max is that of all members
--- handlers
response r.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            api_body_max 40014;
            proxy_pass http://RAW/;
            HANDLERS
        }
        location /api/less/ {
            api_id a;
            api_auth off;
            api_body_max 40013;
            proxy_pass http://RAW/;
            HANDLERS
        }
        location /api/bomb {
            api_id a;
            api_auth off;
            proxy_pass http://RAW/bomb;
            HANDLERS
        }
--- user_files
>>> r.js
json = [json.b];
--- request eval
['GET /api/two', 'GET /api/less/two', 'GET /api/bomb']
--- error_code eval
[200, 502, 502]



=== TEST 5: an error's, and an answer that has no body
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
--- user_files
>>> r.js
response.header('X-Json', String(json));
>>> e.js
json.seen = json.a.b;
--- request eval
['GET /api/503', 'HEAD /api/two', 'GET /api/no', 'GET /api/empty']
--- error_code eval
[503, 200, 200, 200]
--- response_body_like eval
['"seen":1', '', '', '']
--- raw_response_headers_like eval
['', ('X-Json: null') x 3]



=== TEST 6: what an upstream is told of, by what the client takes
--- handlers
response r.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            HANDLERS
        }
        location /page {
            error_page 404 = @page;
            return 404;
        }
        location @page {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM;
            HANDLERS
        }
--- user_files
>>> r.js
json = json.headers['accept-encoding'] || null;
--- request
GET /api/x
--- response_body chop
[null]
--- check eval
sub {
    my %told = (
        'gzip' => 1, 'GZip' => 1, 'x-gzip' => 1, 'br, gzip;q=0.5, zstd' => 1,
        'gzip;q=1.000' => 1, "gzip\t; Q=0.001 , br" => 1, ', gzip,' => 1,
        'identity;q=0, gzip' => 1, '*' => 1, 'br, *;q=0.1' => 1, 'gzip, *;q=0' => 1,
        "br\r\nAccept-Encoding: gzip" => 1,
        'br' => 0, '' => 0, 'identity' => 0, 'gzip;q=0' => 0, 'gzip; q=0.000' => 0,
        'br, GZIP;Q=0' => 0, '*;q=0' => 0, 'gzip;q=0, *' => 0, '*, gzip;q=0' => 0,
        'gzips' => 0, 'my-gzip' => 0, 'gzip;q' => 0, 'gzip;q=' => 0, 'gzip;q=x' => 0,
        'gzip;level=9' => 0, 'gzip br' => 0, 'gzip;q=1 0' => 0, 'gzip;' => 0,
        "gzip;q=0\r\nAccept-Encoding: *" => 0);

    for my $value (sort keys %told) {
        my ($status, undef, $body) = ApiEvents::http_get('/api/x', undef,
            "Accept-Encoding: $value\r\n");
        is($body, $told{$value} ? '["gzip"]' : '[null]', "<$value>");
    }

    my (undef, undef, $body) = ApiEvents::http_get('/page', undef,
                                               "Accept-Encoding: br, gzip\r\n");
    is($body, '["gzip"]', 'by way of an error page');
}
