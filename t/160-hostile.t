# What clients may send breaks no body, no event, no header and no log line.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

no_root_location();
run_tests();

__DATA__

=== TEST 1: credentials of any bytes
--- config
    large_client_header_buffers 4 128k;
    location /a { api_id orders; api_event_key raw; empty_gif; }
--- request eval
[map "GET /a", 1 .. 6]
--- more_headers eval
[map "Authorization: $_", '"}\\{{.Meta.Key}}\\u0000', "\xff\xfe\xc3\x28",
 '<script>&amp;</script>', 'a' x 65536, '${jndi:x}$api_id', "\x{c3}\x{a9}"]
--- error_code eval
[(403) x 6]
--- response_body eval
[("{\n    \"error\": \"Access to this API has been disallowed\"\n}") x 6]
--- recorded_count: 6
--- recorded_check eval
sub {
    my %keys = map { $_->{json}{EventMetaData}{Key} => 1 } @_;

    is(scalar(grep { ref $_->{json} } @_), 6, 'all bodies are JSON');
    ok($keys{$_}, "key $_") for '"}\\{{.Meta.Key}}\\u0000',
        '<script>&amp;</script>', '${jndi:x}$api_id', "\x{e9}";
    is(scalar(grep { length == 65536 } keys %keys), 1, 'a long one');
}

=== TEST 2: masked, an invalid tail stays valid JSON
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers eval
"Authorization: 0123456789abcdef\xe2\x82\xac\xe2\x82"
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub { event($_[0], 'AuthFailure', Key => qr/^\*{4}/) }

=== TEST 3: NUL, CR and LF in a query parameter's credential
--- config
    location /a {
        api_id orders;
        api_auth query=k;
        api_event_key raw;
        empty_gif;
    }
--- request eval
[map "GET /a?k=$_", '%00', 'a%0D%0AX-Evil:%201%0D%0A%0D%0A', '%',
 '%zz%', '%FF%C0%80', '%00' x 2000]
--- error_code eval
[(403) x 6]
--- response_headers eval
[("! X-Evil") x 6]
--- recorded_count: 6
--- recorded_check eval
sub {
    my %keys = map { $_->{json}{EventMetaData}{Key} => 1 } @_;

    ok($keys{$_}, 'a key') for "\0", "a\r\nX-Evil: 1\r\n\r\n", '%', '%zz%',
        "\0" x 2000;
}

=== TEST 4: paths
--- http_config
    api_event_handlers * log prefix=P;
--- config
    location / { api_id orders; }
--- request eval
[map "GET $_", '/%00%0d%0a[evil]%20x', '/"\\{{}}', '/a%2', '/a%2f..%2fb',
 "/\xff\xc3\x28", '/' . 'p' x 4000, '/a//../b/./c']
--- error_code eval
[400, 401, 400, 401, 401, 401, 401]
--- recorded_count: 5
--- recorded_check eval
sub {
    my %paths = map { $_->{json}{EventMetaData}{Path} => 1 } @_;

    ok($paths{$_}, "path $_") for '/"\\{{}}', '/a%2f..%2fb',
        '/a//../b/./c', '/' . 'p' x 4000;
}

=== TEST 5: log lines
--- http_config
    api_event_handlers * log prefix=P;
--- config
    location / { api_id orders; api_auth query=k; api_event_key raw; }
--- request
GET /a?k=0123456789abcdef%0A[e]#1:%20x
--- error_code: 403
--- error_log
P:AuthFailure:****\x0a[e]:127.0.0.1:

=== TEST 6: headers
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers eval
CORE::join "\n", (map "X-$_: " . '"\\' x 50, 1 .. 50), "X-Bytes: \xff\xfe",
           'X-Api-Events-Hops: "', 'Content-Type: "application/xml'
--- error_code: 401
--- response_headers
Content-Type: application/json
--- recorded_count: 1
--- recorded_check eval
sub { like(originating($_[0]), qr/^X-Bytes: \xff\xfe\r\n/m, 'bytes') }

=== TEST 7: cookies
--- config
    location /a { api_id orders; api_auth cookie=k; empty_gif; }
--- request eval
[map "GET /a", 1 .. 8]
--- more_headers eval
[map "Cookie: $_", ';;;=;=', 'k', '=k', 'k=";', 'k=""', ' ;k=  ', 'k="a;b"',
 'k' x 4000]
--- error_code eval
[401, 401, 401, 403, 401, 401, 403, 401]

=== TEST 8: arguments without end
--- config
    location /a { api_id orders; api_auth query=k; empty_gif; }
--- request eval
["GET /a?" . '&' x 4000, "GET /a?" . 'k&' x 2000, "GET /a?" . '%6b=&' x 1000]
--- error_code eval
[401, 401, 401]
--- recorded_count: 3

=== TEST 9: methods
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
["BREW /a", "OPTIONS /a", "DELETE /a"]
--- error_code eval
[401, 401, 401]
--- recorded_count: 3
--- recorded_check eval
sub {
    is(CORE::join(' ', sort map { originating($_) =~ /^(\w+)/ } @_),
       'BREW DELETE OPTIONS', 'methods');
}

=== TEST 10: absolute request targets and HTTP/1.0
--- config
    location /a { api_id orders; empty_gif; }
--- raw_request eval
"GET http://localhost/a/b?c HTTP/1.0\r\n\r\n"
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub { event($_[0], 'AuthFailure', Path => '/a/b') }

=== TEST 11: values that name limits
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/d key=$http_x;
        empty_gif;
    }
--- request eval
[map "GET /a", 1 .. 6]
--- more_headers eval
[map "X: $_", "\xff", "\xff", 'a' x 4000, 'a' x 4000, 'a' x 4001, '"']
--- error_code eval
[200, 429, 200, 429, 200, 200]
