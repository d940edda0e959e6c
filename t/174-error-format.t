# api_error_format: what a refusal's body looks like, and what gRPC gets.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;
use JSON::XS ();

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';

    return if defined $block->emerg;

    # HTTP/2 in clear text, for curl, in front of the block's own server
    $block->set_value(http_config => <<'END' . $http);
    log_format told '$status $api_decision $request_uri';
    access_log logs/told.log told;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;
        location /a { api_id orders; empty_gif; }
        location /b { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
        location /c { api_id orders; api_auth off; api_quota 1/1d;
                      api_limit_status quota=429; empty_gif; }
        location /p { api_id orders; api_error_format problem; empty_gif; }
        location /o { api_id orders; api_auth off; api_rate 1r/d;
                      api_limit_status rate=503;
                      api_error_format layer7; empty_gif; }
        location /page { api_id orders; error_page 401 =200 /html;
                         empty_gif; }
        location /html { return 200 page; }
    }
END
});

run_tests();

sub json { return JSON::XS::decode_json($_[0]) }

# status line, headers as a hash in lower case, body
sub h2 {
    my ($uri, @args) = @_;
    my $port = ApiEvents::rand_port(2);

    my @command = ('curl', '-s', '-i', '-m', 5, '--http2-prior-knowledge',
                   @args, "http://127.0.0.1:$port$uri");
    open my $curl, '-|', @command or die "curl: $!\n";
    binmode $curl;
    local $/;
    my ($head, $body) = split /\r\n\r\n/, <$curl>, 2;
    my ($status, @lines) = split /\r\n/, $head;
    return $status, { map { /^(.*?): (.*)/ } @lines }, $body;
}

sub grpc { h2($_[0], '-H', 'Content-Type: application/grpc', '-X', 'POST',
              @_[1 .. $#_]) }

sub told {
    open my $in, '<', "$Test::Nginx::Util::ServRoot/logs/told.log" or return;
    return map { chomp; $_ } <$in>;
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(json h2 grpc told);
}

__DATA__

=== TEST 1: problem: RFC 9457
--- config
    location /a { api_id orders; api_error_format problem; empty_gif; }
--- request
GET /a
--- error_code: 401
--- response_headers
Content-Type: application/problem+json
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($status, $head, $body) = http_get('/a');
    is($body,
       '{"type":"about:blank","title":"Unauthorized","status":401,"detail":'
       . '"Authorization field missing","instance":"'
       . (json($body)->{instance}) . '"}', 'the whole of it');
    like(json($body)->{instance}, qr/^evt_[0-9a-f-]{36}$/, 'an id');
}

=== TEST 2: problem: the instance is the event
--- config
    location /a { api_id orders; api_error_format problem; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: expired-key-0123456789
--- error_code: 401
--- response_body_like: "detail":"Key has expired, please renew","instance":"evt_
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($recorded) = @_;
    my $id = $recorded->{json}{ID};
    my ($type) = $recorded->{json}{EventType};
    is($type, 'KeyExpired', 'type');
    like($id, qr/^evt_/, 'id');
}

=== TEST 3: problem: limits have a type of their own
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d;
                  api_error_format problem; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- check eval
sub {
    my ($status, $head, $body) = http_get('/a');
    my $problem = json($body);

    is($problem->{type},
       'https://iana.org/assignments/http-problem-types#quota-exceeded',
       'type');
    is($problem->{title}, 'Request cannot be satisfied as assigned quota has '
                          . 'been exceeded', 'title');
    is($problem->{status}, 429, 'status');
    is($problem->{detail}, 'API Rate Limit Exceeded', 'detail');
}

=== TEST 4: problem: an API that is off, and no event
--- user_files
>>> def.json
{"api_id": "orders", "active": false}
--- config
    location /a { api_definition $TEST_NGINX_SERVER_ROOT/html/def.json;
                  api_error_format problem; empty_gif; }
--- request
GET /a
--- error_code: 404
--- response_headers
Content-Type: application/problem+json
--- response_body chomp
{"type":"about:blank","title":"Not Found","status":404,"detail":"Not Found"}

=== TEST 5: problem: a status without a phrase has no title
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d;
                  api_limit_status rate=420;
                  api_error_format problem; empty_gif; }
    location /b { api_id orders; api_error_format problem; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b"]
--- more_headers eval
["", "", "Authorization: x"]
--- error_code eval
[200, 420, 403]
--- response_body_like eval
['GIF', '"status":420,', '"title":"Forbidden","status":403,']

=== TEST 6: layer7
--- config
    location /a { api_id orders; api_error_format layer7; empty_gif; }
--- request eval
["GET /a", "GET /a", "POST /a\n<x/>"]
--- more_headers eval
["", "Authorization: x", "Content-Type: text/xml"]
--- error_code eval
[401, 403, 401]
--- response_headers eval
[("Content-Type: application/json") x 3]
--- response_body eval
['{"statusCode":401,"errorCode":4011,"errorMessage":'
 . '"Authorization field missing"}',
 '{"statusCode":403,"errorCode":4031,"errorMessage":'
 . '"Access to this API has been disallowed"}',
 '{"statusCode":401,"errorCode":4011,"errorMessage":'
 . '"Authorization field missing"}']

=== TEST 7: a level replaces what it inherits
--- http_config
    api_error_format problem;
--- config
    api_error_format layer7;
    location /a { api_id orders; empty_gif; }
    location /b { api_id orders; api_error_format tyk; empty_gif; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[401, 401]
--- response_body_like eval
['^\{"statusCode":401,', '^\{\n    "error": "Authorization field missing"\n\}$']

=== TEST 8: HEAD has the length and no body; a page wins
--- config
    api_error_format problem;
    error_page 403 /page;
    location /a { api_id orders; empty_gif; }
    location /page { return 200 "page\n"; }
--- request eval
["HEAD /a", "GET /a"]
--- more_headers eval
["", "Authorization: x"]
--- error_code eval
[401, 403]
--- response_headers_like eval
["Content-Length: 1[0-9][0-9]\nContent-Type: application/problem.json",
 "Content-Length: 5"]
--- response_body eval
["", "page\n"]

=== TEST 9: gRPC: trailers only, in one header block
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    my ($status, $h, $body) = grpc('/a');

    like($status, qr{^HTTP/2 200}, 'the status');
    is($h->{'content-type'}, 'application/grpc', 'type');
    is($h->{'grpc-status'}, 16, 'UNAUTHENTICATED');
    is($h->{'grpc-message'}, 'Authorization field missing', 'message');
    ok(!exists $h->{'content-length'}, 'no length');
    is($body, '', 'no body');

    ($status, $h) = grpc('/a', '-H', 'Authorization: x');
    is($h->{'grpc-status'}, 7, 'PERMISSION_DENIED');

    wait_for(sub { told() == 3 });
    is(CORE::join(', ', (told())[1, 2]), '200 AuthFailure /a, 200 AuthFailure /a',
       'the log tells what was sent, and why');
}

=== TEST 10: gRPC: limits are exhausted whatever their status is
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    for my $uri ('/b', '/c', '/o') {
        h2($uri);
        my ($status, $h) = grpc($uri);
        like($status, qr{^HTTP/2 200}, "$uri: the status");
        is($h->{'grpc-status'}, 8, "$uri: RESOURCE_EXHAUSTED");
        like($h->{'grpc-message'}, qr/xceeded$/, "$uri: message");
    }
}

=== TEST 11: gRPC: any encoding, but no other type
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    for my $type ('application/grpc+proto', 'application/GRPC;x=y') {
        my (undef, $h) = h2('/p', '-H', "Content-Type: $type", '-X', 'POST');
        is($h->{'grpc-status'}, 16, $type);
    }

    for my $type ('application/grpc-web', 'application/grp', 'text/plain') {
        my ($status, $h) = h2('/p', '-H', "Content-Type: $type", '-X', 'POST');
        like($status, qr{^HTTP/2 401}, $type);
        is($h->{'content-type'}, 'application/problem+json', "its answer");
        ok(!exists $h->{'grpc-status'}, 'no gRPC');
    }
}

=== TEST 12: gRPC: not over HTTP/1.1
--- config
    location /a { api_id orders; empty_gif; }
--- request
POST /a
x
--- more_headers
Content-Type: application/grpc
--- error_code: 401
--- response_headers
grpc-status:
--- response_body chomp
{
    "error": "Authorization field missing"
}

=== TEST 13: gRPC: a page wins
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    my ($status, $h, $body) = grpc('/page');
    like($status, qr{^HTTP/2 200}, 'the status');
    is($body, 'page', 'the page');
    ok(!exists $h->{'grpc-status'}, 'not the built-in answer');
}

=== TEST 14: an unknown format
--- config
    location /a { api_error_format json; }
--- emerg
invalid value "json" in "api_error_format", expected "tyk", "problem" or "layer7" in
nginx.conf:

=== TEST 15: twice
--- config
    location /a { api_error_format tyk; api_error_format tyk; }
--- emerg
"api_error_format" directive is duplicate in

=== TEST 16: two
--- config
    location /a { api_error_format tyk problem; }
--- emerg
invalid number of arguments in "api_error_format" directive
