# Bodies of requests and answers that handlers see: kinds, sizes, encodings,
# and what frames them.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

run_tests();

__DATA__

=== TEST 1: a body at and one byte over api_body_max
--- handlers
request h.js
--- http_config
api_body_max 1000;
--- user_files
>>> h.js
json = String(json.length);
--- request eval
["POST /api/x\n" . 'x' x 1000, "POST /api/x\n" . 'x' x 1001]
--- error_code eval
[200, 413]
--- response_body_like eval
['"body":"1000"', '413']


=== TEST 2: a chunked one
--- handlers
request h.js
--- http_config
api_body_max 1000;
--- user_files
>>> h.js
json = String(json.length);
--- raw_request eval
"POST /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" . 'x' x 1000 . "\r\n0\r\n\r\n"
--- response_body_like: "body":"1000".*"content-length":"4"



=== TEST 3: what is no JSON is a string
--- handlers
response h.js
--- http_config
types { text/plain txt; application/json json; }
--- user_files
>>> h.js
log.info('LOG ' + typeof json);
if (typeof json === 'string') { json = json.toUpperCase(); }
>>> a.txt
some text
>>> broken.json
{"a":
--- request eval
['GET /api/file/a.txt', 'GET /api/file/broken.json']
--- response_body eval
["SOME TEXT\n", qr/^\{"A":\n/]
--- response_headers_like eval
['Content-Type: text/plain', 'Content-Type: application/json']
--- check eval
sub { is(logged(2), "LOG string\nLOG string", 'strings') }


=== TEST 4: an upstream's answer in gzip
--- handlers
response h.js
--- http_config
gzip on;
gzip_min_length 1;
gzip_types application/json;
gzip_proxied any;
--- user_files
>>> h.js
json.headers.seen = typeof json.uri;
--- request
GET /api/x
--- more_headers
Accept-Encoding: gzip, br
--- response_headers
Content-Encoding: gzip
ETag:
--- check eval
sub {
    my ($block) = @_;
    my ($status, undef, $body) = ApiEvents::http_get("/api/x");
    like($body, qr/"seen":"string"/, 'it was read');
}


=== TEST 5: ranges: 206 passes, a rewritten answer has none
--- handlers
response h.js
--- config
        location /api/ {
            api_id a;
            api_auth off;
            alias $TEST_NGINX_SERVER_ROOT/html/;
            HANDLERS
        }
--- http_config
types { application/json json; }
--- user_files
>>> h.js
json.b = 2;
>>> a.json
{"a":1}
--- request
GET /api/a.json
--- more_headers
Range: bytes=1-3
--- error_code: 200
--- response_headers
Accept-Ranges:
Content-Length: 13
--- response_body chop
{"a":1,"b":2}


=== TEST 6: nothing that a handler sets can end a header
--- handlers
response h.js
--- user_files
>>> h.js
var bad = [['X-A', 'a\r\nX-B: b'], ['X-C\r\nX-D', 'c'], ['X E', 'e'],
           ['Content-Length', '3'], ['Transfer-Encoding', 'chunked']];
var thrown = 0;
bad.forEach(function (b) {
    try { response.header(b[0], b[1]); } catch (e) { thrown++; }
});
json = {thrown: thrown};
--- request
GET /api/x
--- raw_response_headers_unlike: X-B|X-D|X E|chunked
--- response_headers
Content-Length: 12



=== TEST 7: no byte of what is written in other ways than njs would
--- handlers
response h.js
--- http_config
types { application/json json; }
--- user_files eval
my @texts = ('{"a":1,"a":2}', '{"b":1,"1":2}', '{"__proto__":1}', '[1e5]',
             '[1.0,-0]', '["\u0041\/"]', '[0.0000001]', '{ "a" :1}', '5',
             '"x"', '[12345678901234567890]');
CORE::join '', ">>> h.js\nif (req.urlParameters.change) { json = {was: json}; }\n",
    (map { ">>> $_.json\n$texts[$_]\n" } 0 .. $#texts), ">>> last.txt\n";
--- request eval
[map { "GET /api/file/$_.json" } 0 .. 10]
--- response_body eval
[map { "$_\n" } '{"a":1,"a":2}', '{"b":1,"1":2}', '{"__proto__":1}', '[1e5]',
 '[1.0,-0]', '["\u0041\/"]', '[0.0000001]', '{ "a" :1}', '5', '"x"',
 '[12345678901234567890]']



=== TEST 8: headers and parameters of names that objects have
--- handlers
request h.js
--- user_files
>>> h.js
headers['x-a'] = [req.urlParameters.length, req.urlParameters.toString()];
--- request
GET /api/x?__proto__=a&__proto__=b
--- more_headers
toString: s
valueOf: v
--- response_body_like eval
# newer njs has lost the parameter itself
qr/^\{(?=.*"x-a":", \{(?:\\"__proto__\\":\[\\"a\\",\\"b\\"\])?\}")(?=.*"tostring":"s")(?=.*"valueof":"v")/



=== TEST 9: bytes that are no text
--- handlers
request h.js
response h.js
--- user_files eval
">>> h.js
log.info('LOG ' + typeof json);
>>> a.json
{\"a\":\"\xff\x01\xfe\",\"b\":1}"
--- request eval
["POST /api/hex\n\xff\x00\xfe\r\n\xed\xa0\x80", "GET /api/answers/a.json"]
--- response_body_like eval
[qr/"body":"ff00fe0d0aeda080"/,
 qr/^\{"a":"\xff\x01\xfe","b":1\}$/]



=== TEST 10: of some headers there is one
--- handlers
response h.js
--- user_files
>>> h.js
['Server', 'Date', 'ETag', 'Location'].forEach(function (name) {
    response.header(name, 'first').header(name, '"of-handler"');
});
response.header('X-A', 1).header('X-A', 2);
--- request
GET /api/x
--- raw_response_headers_like eval
CORE::join '', '(?ms)', (map { qq{(?=.*^$_: "of-handler"\\s)} }
                  qw(Server Date ETag Location)), '.*^X-A: 1\s+X-A: 2\s'
--- raw_response_headers_unlike eval
qr/^(Server|Date|ETag|Location): (?!"of-handler")/m



=== TEST 11: JSON of more levels than njs reads
--- handlers
request h.js
response h.js
--- user_files eval
">>> h.js
log.info('LOG ' + typeof json);
>>> a.json
" . '[ ' x 40 . ']' x 40
--- request eval
['GET /api/answers/a.json', "POST /api/x\n" . '[ ' x 40 . ']' x 40]
--- response_body_like eval
[qr/^(\[ ){40}\]{40}$/, qr/"body":"(\[ ){40}\]{40}"/]
