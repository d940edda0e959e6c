# Who is calling: where a credential may be, what is said of one that is not
# good, and the events about it.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: no credential
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a/b?c=d
--- error_code: 401
--- response_headers
Content-Type: application/json
Content-Length: 46
! WWW-Authenticate
! ETag
! Last-Modified
! Accept-Ranges
--- response_body chomp
{
    "error": "Authorization field missing"
}
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'AuthFailure',
          Message => 'Auth Failure',
          Reason => 'Authorization field missing',
          Path => '/a/b',
          Origin => qr/^127\.0\.0\.1:\d+$/,
          Key => '',
          APIID => 'orders',
          OrgID => 'acme',
          ID => qr/^evt_[0-9a-f]{8}-[0-9a-f]{4}-7/);
}

=== TEST 2: an unknown key
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: bad-key-0123456789
--- error_code: 403
--- response_body chomp
{
    "error": "Access to this API has been disallowed"
}
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'AuthFailure',
          Message => 'Auth Failure',
          Reason => undef,
          Path => '/a',
          Key => '****6789',
          KeyID => qr/^[0-9a-f]{32}$/,
          KeyAlias => '');
}

=== TEST 3: a good key
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: good-key-0123456789
--- response_headers
Content-Type: image/gif
--- recorded_count: 0

=== TEST 4: Bearer is dropped, however it is written
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
[map "GET /a", 1 .. 5]
--- more_headers eval
[map "Authorization: $_\n", 'Bearer good-key-0123456789',
 'bEARER good-key-0123456789', 'Bearer   good-key-0123456789', 'Bearer ',
 'Basic good-key-0123456789']
--- error_code eval
[200, 200, 200, 401, 403]

=== TEST 5: a key without access to the API
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: foreign-key-0123456789
--- error_code: 403
--- response_body chomp
{
    "error": "Access to this API has been disallowed"
}
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'AuthFailure',
          Message => 'Auth Failure',
          Reason => 'Access to this API has been disallowed',
          Key => '****6789');
}

=== TEST 6: an expired key
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: expired-key-0123456789
--- error_code: 401
--- response_body chomp
{
    "error": "Key has expired, please renew"
}
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'KeyExpired',
          Message => 'Attempted access from expired key.',
          Reason => undef,
          Key => '****6789');
}

=== TEST 7: an inactive key
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: inactive-key-0123456789
--- error_code: 403
--- response_body chomp
{
    "error": "Key is inactive, please renew"
}
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'KeyExpired',
          Message => 'Attempted access from inactive key.');
}

=== TEST 8: a key that never expires
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: eternal-key-0123456789

=== TEST 9: another header
--- config
    location /a { api_id orders; api_auth header=X-API-Key; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["x-api-key: good-key-0123456789", "Authorization: good-key-0123456789"]
--- error_code eval
[200, 401]

=== TEST 10: a query parameter, with escapes in name and value
--- config
    location /a { api_id orders; api_auth query=api_key; empty_gif; }
--- request eval
[map "GET /a?$_",
 'api_key=good-key-0123456789', 'x=1&api_key=good-key-0123456789&y',
 '%61pi%5fkey=good%2Dkey%2d0123456789',
 'api_key=sp+ace/%2B%3D%25%26%3B%22key', 'api_key=sp%20ace/%2B=%%26;"key',
 'api_key=', 'api_key', 'xapi_key=good-key-0123456789',
 'API_KEY=good-key-0123456789', 'api_key=bad&api_key=good-key-0123456789']
--- error_code eval
[200, 200, 200, 200, 200, 401, 401, 401, 401, 403]

=== TEST 11: a cookie, among others, quoted or not
--- config
    location /a { api_id orders; api_auth cookie=key; empty_gif; }
--- request eval
[map "GET /a", 1 .. 7]
--- more_headers eval
[map "$_\n", 'Cookie: key=good-key-0123456789',
 'Cookie: a=b; key="good-key-0123456789"; c',
 "Cookie: a=b\nCookie: key=good-key-0123456789", 'Cookie: KEY=x',
 'Cookie: key=', 'Cookie: xkey=good-key-0123456789', 'Cookie: key=bad']
--- error_code eval
[200, 200, 200, 401, 401, 401, 403]

=== TEST 12: several places, in their order; the first that is not empty
--- config
    location /a {
        api_id orders;
        api_auth query=k header=X-Key cookie=k;
        empty_gif;
    }
--- request eval
["GET /a?k=good-key-0123456789", "GET /a?k=bad", "GET /a?k=", "GET /a",
 "GET /a"]
--- more_headers eval
["X-Key: bad", "X-Key: good-key-0123456789", "X-Key: good-key-0123456789",
 "X-Key: \nCookie: k=good-key-0123456789", "Cookie: k=bad"]
--- error_code eval
[200, 403, 200, 200, 403]

=== TEST 13: keyless
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- request
GET /a
--- recorded_count: 0

=== TEST 14: levels inherit, replace and switch off
--- http_config
    api_auth header=X-Key;
    api_id orders;
--- config
    location /a { empty_gif; }
    location /b { api_auth query=k; empty_gif; }
    location /c { api_auth off; empty_gif; }
    location /d {
        api_id off;
        location /d/e { empty_gif; }
        location /d/f { api_id invoices; empty_gif; }
    }
--- request eval
["GET /a", "GET /b?k=good-key-0123456789", "GET /b", "GET /c", "GET /d/e",
 "GET /d/f"]
--- more_headers
X-Key: good-key-0123456789
--- error_code eval
[200, 200, 401, 200, 200, 403]

=== TEST 15: within if and limit_except an API stays what it is
--- config
    api_id orders;
    api_auth query=k;
    location /a {
        if ($arg_x) { set $y 1; }
        empty_gif;
    }
    location /b {
        limit_except GET { deny all; }
        empty_gif;
    }
--- request eval
["GET /a?x=1", "GET /a?x=1&k=good-key-0123456789", "DELETE /b",
 "DELETE /b?k=good-key-0123456789", "GET /b?k=good-key-0123456789"]
--- error_code eval
[401, 200, 401, 403, 200]

=== TEST 16: a short key shows nothing when it is masked
--- config
    location /a { api_id invoices; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: short
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub { event($_[0], 'AuthFailure', Key => '****') }

=== TEST 17: keys as they are
--- config
    location /a { api_id invoices; api_event_key raw; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: Bearer good-key-0123456789
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'AuthFailure', Key => 'good-key-0123456789',
          KeyAlias => 'Alice');
}

=== TEST 18: keys as their KeyID, the first half of SHA-256
--- config
    location /a { api_id invoices; api_event_key hash; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: good-key-0123456789
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    require Digest::SHA;
    my $id = substr Digest::SHA::sha256_hex('good-key-0123456789'), 0, 32;

    event($_[0], 'AuthFailure', Key => $id, KeyID => $id);
}

=== TEST 19: a KeyID is no credential
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers eval
require Digest::SHA;
'Authorization: '
. substr Digest::SHA::sha256_hex('good-key-0123456789'), 0, 32
--- error_code: 403

=== TEST 20: the organisation is the key's, or else the API's
--- config
    location /a { api_id invoices; api_org mine; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["Authorization: org-key-0123456789", "Authorization: good-key-0123456789"]
--- error_code eval
[403, 403]
--- recorded_count: 2
--- recorded_check eval
sub {
    my %org = map { ($_->{json}{EventMetaData}{KeyAlias} // '')
                    => $_->{json}{OrgID} } @_;
    is_deeply(\%org, { '' => 'other', 'Alice' => 'mine' }, 'organisations');
}

=== TEST 21: XML is answered with XML
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
[map "GET /a", 1 .. 5]
--- more_headers eval
[map "Content-Type: $_", 'application/xml', 'text/xml; charset=utf-8',
 'Application/SOAP+XML', 'application/xmlx', 'text/html']
--- error_code eval
[401, 401, 401, 401, 401]
--- response_headers eval
[map "Content-Type: $_", 'application/xml', 'text/xml',
 'application/soap+xml', 'application/json', 'application/json']
--- response_body eval
my $xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          . "<error>Authorization field missing</error>";
my $json = "{\n    \"error\": \"Authorization field missing\"\n}";
[$xml, $xml, $xml, $json, $json]

=== TEST 22: HEAD
--- config
    location /a { api_id orders; empty_gif; }
--- request
HEAD /a
--- error_code: 401
--- response_headers
Content-Type: application/json
Content-Length: 46
--- response_body:

=== TEST 23: a connection is used again after a body that nobody read
--- config
    location /a { api_id orders; empty_gif; }
--- pipelined_requests eval
["POST /a\n" . 'x' x 100000, "GET /a", "POST /a\nabc", "GET /a"]
--- error_code eval
[401, 401, 401, 401]
--- response_body eval
[map "{\n    \"error\": \"Authorization field missing\"\n}", 1 .. 4]
--- recorded_count: 4

=== TEST 24: gzip and add_header work on refusals too
--- config
    gzip on;
    gzip_types application/json;
    gzip_min_length 1;
    add_header X-Decision $api_decision always;
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Accept-Encoding: gzip
Authorization: bad
--- error_code: 403
--- response_headers
Content-Encoding: gzip
Content-Type: application/json
X-Decision: AuthFailure

=== TEST 25: keys for everything, where they are allowed
--- http_config
    api_master_keys on;
--- user_files
>>> keys.json
{"master-key-0123456789": {"access_rights": {}}}
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: master-key-0123456789

=== TEST 26: what has come over five hops raises nothing
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
[map "GET /a$_", 0 .. 5]
--- more_headers eval
[map "X-Api-Events-Hops: $_", 4, 5, 6, '99999999999999999999', 'many', '-7']
--- error_code eval
[401, 401, 401, 401, 401, 401]
--- recorded_count: 3
--- recorded_check eval
sub {
    is(CORE::join(' ', sort map { $_->{json}{EventMetaData}{Path} } @_),
       '/a0 /a4 /a5', 'paths');
}

=== TEST 27: locations of our own are no APIs
--- http_config
    api_id orders;
--- config
    location /m { api_metrics; }
--- request
GET /m
--- response_body_like: apievents_events_raised_total

=== TEST 28: the client's address is what realip makes of it
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    location /a { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /b/../a", "GET /a"]
--- more_headers eval
["X-Real-IP: 192.0.2.7", "X-Real-IP: 2001:db8::1",
 "X-Real-IP: 192.0.2.7:1234"]
--- error_code eval
[401, 401, 401]
--- recorded_count: 3
--- recorded_check eval
sub {
    is(CORE::join(' ', sort map { $_->{json}{EventMetaData}{Origin} } @_),
       '192.0.2.7 192.0.2.7:1234 2001:db8::1', 'origins');
}

=== TEST 29: the path is what the client asked for, before rewrites
--- config
    location /a/ { rewrite ^/a/(.*) /b/$1 last; }
    location /b { api_id orders; empty_gif; }
--- request
GET /a/x%20y/%C3%A9?z#f
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub { event($_[0], 'AuthFailure', Path => '/a/x%20y/%C3%A9') }

=== TEST 30: HTTP/2
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;
        location /a { api_id orders; empty_gif; }
    }
--- config
--- request
GET /none
--- error_code: 404
--- check eval
sub {
    my $url = 'http://127.0.0.1:' . rand_port(2) . '/a';
    my $curl = 'curl -s --http2-prior-knowledge';
    my $got = `$curl -i $url`;

    like($got, qr/^HTTP\/2 401 /, 'status');
    like($got, qr/^content-type: application\/json\r\n/m, 'type');
    like($got, qr/^content-length: 46\r\n/m, 'length');
    like($got, qr/\r\n\r\n\{\n    "error": "Authorization field missing"\n\}$/,
         'body');
    like(`$curl -H 'Authorization: good-key-0123456789' $url`, qr/^GIF/,
         'a good key');
}
