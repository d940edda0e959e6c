# Bodies of requests to locations that have handlers of answers and errors, but
# none of requests: they are nginx's business, of whatever size.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;
use RawServer;

my $Json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
           . "Content-Length: 7\r\n\r\n{\"a\":1}";

our $Server = RawServer->new(
    '/json' => $Json,
    '/json?change=1' => $Json,
    '/early' => [sub { syswrite $_[0], $Json; return 0 }],
    '/503' => "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno");

raw_server($Server);

no_shuffle();
run_tests();


# the answer's body; it ends the connection
sub ask {
    my ($verb, $path, $body) = @_;
    my $socket = client();

    syswrite $socket, request_head($verb, $path, 'Connection: close',
                           'Content-Length: ' . length $body) . $body;
    return hear($socket) =~ s/^.*?\r\n\r\n//sr;
}

__DATA__

=== TEST 1: req.json up to api_body_max, no limit for what goes upstream
--- config
        location /api/ {
            api_id a;
            api_auth off;
            api_body_max 1000;
            proxy_pass http://RAW/;
            api_event_handlers response js path=r.js;
        }
        location /api/503 {
            api_id a;
            api_auth off;
            api_body_max 1000;
            proxy_pass http://RAW/503;
            api_event_handlers error js path=r.js;
        }
--- user_files
>>> r.js
json = {seen: req.json === null ? null : req.json.length};
--- request
GET /api/json
--- response_body chop
{"seen":null}
--- check eval
sub {
    my @all = map { my $path = $_; map [$path, @$_], ['POST', 1000],
        ['POST', 1001], ['PUT', 1000], ['PUT', 200_000], ['PATCH', 1],
        ['DELETE', 10], ['GET', 10], ['POST', 0] } qw(json 503);

    $main::Server->forget;

    is(CORE::join(' ', map { main::ask($_->[1], "/api/$_->[0]", 'x' x $_->[2]) }
                       @all),
       CORE::join(' ', map qq({"seen":$_}),
                  (1000, 'null', 1000, 'null', 1, ('null') x 3) x 2), 'req.json');
    is(CORE::join(' ', map { length $_->[2] } $main::Server->requests),
       CORE::join(' ', map { $_->[2] } @all), 'bodies upstream');
}



=== TEST 2: one that nginx keeps in a file
--- config
        location /api/ {
            api_id a;
            api_auth off;
            client_body_in_file_only clean;
            proxy_pass http://RAW/;
            api_event_handlers response js path=r.js;
            api_event_handlers error js path=r.js;
        }
--- user_files
>>> r.js
json = {seen: req.json};
--- request eval
["POST /api/json\nabc", "POST /api/503\n" . 'x' x 40000]
--- error_code eval
[200, 503]
--- response_body eval
['{"seen":"abc"}', '{"seen":"' . 'x' x 40000 . '"}']



=== TEST 3: one that nginx itself takes
--- config
        location /api/ {
            api_id a;
            api_auth off;
            root $TEST_NGINX_SERVER_ROOT/html;
            dav_methods PUT;
            create_full_put_path on;
            api_event_handlers response js path=r.js;
        }
        location /read/ { alias $TEST_NGINX_SERVER_ROOT/html/api/; }
--- user_files
>>> r.js
response.header('X-Seen', req.json);
--- request eval
["PUT /api/new.txt\ntext", 'GET /read/new.txt']
--- error_code eval
[201, 200]
--- raw_response_headers_like eval
['X-Seen: text\r\n', 'Content-Length: 4\r\n']
--- response_body eval
['', 'text']



=== TEST 4: of nobody's body there is nothing to see
--- config
        api_auth off;
        api_id a;
        api_event_handlers response js path=r.js;
        api_event_handlers error js path=r.js;
        location /large { client_max_body_size 10; proxy_pass http://RAW/json; }
        location /page { error_page 503 /other; proxy_intercept_errors on;
            proxy_pass http://RAW/503; }
        location /other { return 200 '{}'; }
        location /return { default_type application/json; return 200 '{}'; }
        location /static { alias $TEST_NGINX_SERVER_ROOT/html/a.json; }
--- http_config
types { application/json json; }
--- user_files
>>> r.js
export default function (ctx) {
    return new Promise(function (resolve) {
        setTimeout(function () { ctx.json = [ctx.req.json]; resolve(); }, 50);
    });
}
>>> a.json
{}
--- request eval
['GET /static', "GET /static\nxx", "POST /static\nxx", "POST /large\n" . 'x' x 11,
 "POST /page\nbody", "POST /return\nxx"]
--- error_code eval
[200, 200, 405, 413, 503, 200]
--- response_body eval
['[null]', '[null]', '[null]', '[null]', '["body"]', '[null]']
--- check eval
sub {
    my $socket = client();
    my $inner = request_head('GET', '/api/smuggled');

    syswrite $socket, request_head('GET', '/static',
        'Content-Length: ' . (2 * length $inner)) . $inner;
    select undef, undef, undef, 0.2;
    syswrite $socket, $inner . request_head('GET', '/return', 'Connection: close');

    my @answers = hear($socket) =~ /\[null\]/g;
    is("@answers", '[null] [null]', 'a body that is dropped is no request');

    $socket = client();
    syswrite $socket, request_head('POST', '/large', 'Connection: close',
                                 'Transfer-Encoding: chunked')
        . "5\r\nfirst\r\n";
    select undef, undef, undef, 0.1;
    syswrite $socket, "a\r\n2345678901\r\n0\r\n\r\n";
    like(hear($socket), qr/ 413 .*\r\n\[null\]$/s, 'as far as it was read');
}



=== TEST 5: proxy_request_buffering off
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://RAW/;
            api_event_handlers response js path=r.js;
        }
--- user_files
>>> r.js
json.seen = req.json;
--- request eval
["POST /api/json\nabc", "GET /api/json"]
--- response_body eval
['{"a":1,"seen":"abc"}', '{"a":1,"seen":null}']
--- check eval
sub {
    my $socket = client();

    syswrite $socket, request_head('POST', '/api/early', 'Content-Length: 1000000',
                                 'Connection: close') . 'first';
    like(hear($socket), qr/\{"a":1,"seen":null\}$/,
         'answered before the body is there');

    $socket = client();
    syswrite $socket, request_head('POST', '/api/early',
        'Transfer-Encoding: chunked') . "5\r\nfirst\r\n";
    like(hear($socket), qr/\{"a":1,"seen":null\}$/, 'a chunked one');
}



=== TEST 6: proxy_request_buffering off and handlers of requests
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://RAW/;
            api_event_handlers request js path=q.js;
            api_event_handlers response js path=r.js;
        }
--- user_files
>>> q.js
if (req.urlParameters.change) { json = 'mine'; }
>>> r.js
json.seen = req.json;
--- request
GET /api/json
--- response_body chop
{"a":1,"seen":null}
--- check eval
sub {
    my @bodies = map { my $query = $_;
        my $socket = client();

        $main::Server->forget;

        syswrite $socket, request_head('POST', "/api/json$query",
            'Transfer-Encoding: chunked', 'Connection: close') . "5\r\nfirst\r\n";
        select undef, undef, undef, 0.1;
        syswrite $socket, "7\r\n second\r\n0\r\n\r\n";

        like(hear($socket), qr/\{"a":1,"seen":"first second"\}$/, 'the answer');
        map { $_->[1] =~ /chunked/i ? 'chunked' : $_->[2] }
            $main::Server->requests;
    } '', '?change=1';

    is(CORE::join('|', @bodies), 'first second|mine', 'whole');
}



=== TEST 7: 64 MiB in chunks
--- http_config
server {
    client_max_body_size 0;
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    js_import length from ../html/length.js;
    location / { js_content length.run; }
}
--- config
        location /api/ {
            api_id a;
            api_auth off;
            client_max_body_size 0;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
            api_event_handlers response js path=r.js;
        }
        location /api/streamed {
            api_id a;
            api_auth off;
            client_max_body_size 0;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
            api_event_handlers response js path=r.js;
        }
        location /api/request {
            api_id a;
            api_auth off;
            client_max_body_size 0;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
            api_event_handlers request js path=r.js;
        }
--- user_files
>>> length.js
function run(r) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify([r.variables.request_length]));
}
export default {run};
>>> r.js
json = [Number(json[0]) > 64 * 1024 * 1024, req.json];
--- request
GET /api/x
--- response_body chop
[false,null]
--- timeout: 60
--- check eval
sub {
    my @answers = map {
        my $socket = client();
        my $part = "10000\r\n" . 'x' x 65536 . "\r\n";

        print $socket request_head('POST', "/api/$_", 'Transfer-Encoding: chunked',
                                 'Connection: close');
        print $socket $part for 1 .. 1024;
        print $socket "0\r\n\r\n";

        my $text = hear($socket);
        $text =~ m{^HTTP/1.1 (\d+).*?\r\n\r\n(\[.*)?}s && CORE::join ' ', $1, $2 // ();
    } qw(x streamed request);

    is(CORE::join(', ', @answers), '200 [true,null], 200 [true,null], 413',
       'with handlers of answers, and of requests');
}
