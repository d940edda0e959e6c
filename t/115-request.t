# OriginatingRequest: the request as it came, with its body, without its
# credential.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: request line and headers as they came, the credential taken out
--- config
    location /a { api_id invoices; empty_gif; }
--- request
GET /a/b%20c?d=e&f
--- more_headers
authorization: Bearer good-key-0123456789
X-One: 1
X-One: 2
Referer: http://localhost/?q=good-key-0123456789
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($r) = @_;
    my $text = originating($r);

    like($text, qr{^GET /a/b%20c\?d=e&f HTTP/1\.1\r\n}, 'request line');
    like($text, qr/^authorization: Bearer \*\*\*\r\n/m, 'the credential');
    like($text, qr/^X-One: 1\r\nX-One: 2\r\n/m, 'headers');
    like($text, qr/^Referer: \S+\?q=\*{19}\r\n/m, 'the same elsewhere');
    like($text, qr/^Host: localhost\r\n.*\r\n\r\n\z/ms, 'the end');
    unlike($text, qr/0123456789/, 'no credential');
}

=== TEST 2: a credential in the query
--- config
    location /a { api_id invoices; api_auth query=k; empty_gif; }
--- request eval
"GET /a?x=1&%6B=good%2dkey-0123456789&k&k=&y=%20&k=other+one"
--- more_headers
Referer: http://localhost/?k=short
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    my $text = originating($_[0]);

    like($text, qr{^GET /a\?x=1&%6B=\*\*\*&k&k=&y=%20&k=\*\*\* HTTP/1},
         'request line');
    like($text, qr{^Referer: http://localhost/\?k=\*\*\*\r\n}m, 'referer');
}

=== TEST 3: a credential in a cookie, and others that were not looked at
--- config
    location /a {
        api_id invoices;
        api_auth cookie=k query=k header=X-Key;
        empty_gif;
    }
--- request
GET /a?k=one
--- more_headers
Cookie: a=b; k=good-key-0123456789; c="d;e"; k="x y"
X-Key: two
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    my $text = originating($_[0]);

    like($text, qr{^GET /a\?k=\*\*\* HTTP/1}, 'query');
    like($text, qr{^Cookie: a=b; k=\*\*\*; c="d;e"; k=\*\*\*\r\n}m, 'cookie');
    like($text, qr{^X-Key: \*\*\*\r\n}m, 'header');
}

=== TEST 4: nothing is taken out where keys are raw
--- config
    location /a {
        api_id invoices;
        api_auth query=k;
        api_event_key raw;
        empty_gif;
    }
--- request
GET /a?k=good-key-0123456789
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    like(originating($_[0]), qr{^GET /a\?k=good-key-0123456789 HTTP},
         'request line');
}

=== TEST 5: the body
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
"POST /a\n" . pack 'C*', 0 .. 255
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub {
    my $text = originating($_[0]);

    like($text, qr{^POST /a HTTP/1\.1\r\n.*^Content-Length: 256\r\n}ms, 'head');
    is(($text =~ /\r\n\r\n(.*)\z/s)[0], pack('C*', 0 .. 255), 'body');
    event($_[0], 'AuthFailure', OriginatingRequestCut => undef);
}

=== TEST 6: a body in many pieces, larger than any buffer
--- config
    client_body_buffer_size 1k;
    client_body_timeout 5s;
    location /a { api_id orders; empty_gif; }
--- raw_request eval
["POST /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
 . "Content-Length: 50000\r\n\r\n",
 map { $_ x 10000 } 'a' .. 'e']
--- raw_request_middle_delay
0.02
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($body) = originating($_[0]) =~ /\r\n\r\n(.*)\z/s;
    is($body, CORE::join('', map { $_ x 10000 } 'a' .. 'e'), 'body');
}

=== TEST 7: chunks become a length
--- config
    location /a { api_id orders; empty_gif; }
--- raw_request eval
["POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
 . "Connection: close\r\n\r\n3\r\nabc\r\n", "2;x=y\r\nde\r\n0\r\nX: y\r\n\r\n"]
--- raw_request_middle_delay
0.05
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub {
    my $text = originating($_[0]);

    like($text, qr/^Content-Length: 5\r\n/m, 'length');
    unlike($text, qr/Transfer-Encoding/i, 'no chunks');
    like($text, qr/\r\n\r\nabcde\z/, 'body');
}

=== TEST 8: a body that is too large is cut, and no more of it is read
--- config
    client_body_timeout 500ms;
    api_body_max 1000;
    location /a { api_id orders; client_max_body_size 0; empty_gif; }
--- raw_request eval
"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
. 'x' x 20000
--- error_code: 401
--- response_headers
Connection: close
--- response_body chomp
{
    "error": "Authorization field missing"
}
--- recorded_count: 1
--- recorded_check eval
sub {
    my $text = originating($_[0]);

    like($text, qr/^Content-Length: 1000000000\r\n/m, 'length');
    like($text, qr/\r\n\r\nx{1000}\z/, 'body');
    event($_[0], 'AuthFailure', OriginatingRequestCut => 1);
}

=== TEST 9: chunks that never end are cut as well
--- config
    client_body_timeout 500ms;
    api_body_max 10;
    location /a { api_id orders; client_max_body_size 0; empty_gif; }
--- raw_request eval
"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
. "a\r\n0123456789\r\n1\r\n0\r\n"
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub {
    like(originating($_[0]), qr/\r\n\r\n0123456789\z/, 'body');
    event($_[0], 'AuthFailure', OriginatingRequestCut => 1);
}

=== TEST 10: a body that fits to the byte is whole
--- config
    api_body_max 10;
    location /a { api_id orders; empty_gif; }
--- pipelined_requests eval
["POST /a\n0123456789", "POST /a\n01234567890"]
--- error_code eval
[401, 401]
--- recorded_count: 2
--- recorded_check eval
sub {
    my @cut = map { $_->{json}{EventMetaData}{OriginatingRequestCut} } @_;

    is(scalar(grep { $_ } @cut), 1, 'one is cut');
    like(originating($_), qr/\r\n\r\n0123456789\z/, 'body') for @_;
}

=== TEST 11: bodies may be left out
--- config
    api_body_max 0;
    location /a { api_id orders; empty_gif; }
--- request
POST /a
abc
--- error_code: 401
--- recorded_count: 1
--- recorded_check eval
sub {
    like(originating($_[0]), qr/\r\n\r\n\z/, 'no body');
    event($_[0], 'AuthFailure', OriginatingRequestCut => 1);
}

=== TEST 12: a connection is used again after the body was read
--- config
    location /a { api_id orders; empty_gif; }
--- pipelined_requests eval
["POST /a\n" . 'x' x 100000, "GET /a", "POST /a\nabc", "GET /a"]
--- error_code eval
[401, 401, 401, 401]
--- recorded_count: 4

=== TEST 13: an error page that is proxied gets the body
--- config
    error_page 401 = @page;
    location /a { api_id orders; empty_gif; }
    location @page {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        proxy_set_header X-Page 1;
    }
--- raw_request eval
["POST /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
 . "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "3\r\ndef\r\n0\r\n\r\n"]
--- raw_request_middle_delay
0.05
--- error_code: 200
--- recorded_count: 2
--- recorded_check eval
sub {
    my ($page) = grep { $_->{headers}{'x-page'} } @_;
    my ($event) = grep { !$_->{headers}{'x-page'} } @_;

    is($page->{body}, 'abcdef', 'what the page got');
    like(originating($event), qr/\r\n\r\nabcdef\z/, 'what the event got');
}

=== TEST 14: a client that sends no body is refused when its time is up
--- config
    client_body_timeout 100ms;
    location /a { api_id orders; empty_gif; }
--- raw_request eval
"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"
--- ignore_response
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'AuthFailure', Message => 'Auth Failure');
    like(originating($_[0]), qr/\r\n\r\nabc\z/, 'what there was');
    event($_[0], 'AuthFailure', OriginatingRequestCut => 1);
}

=== TEST 15: a body that is no body
--- config
    location /a { api_id orders; empty_gif; }
--- raw_request eval
"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx"
--- error_code: 400
--- recorded_count: 1
--- recorded_check eval
sub { event($_[0], 'AuthFailure', Message => 'Auth Failure') }

=== TEST 16: HTTP/2
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;
        location /a { api_id orders; api_body_max 1000; empty_gif; }
    }
--- recorder
--- config
--- request
GET /none
--- error_code: 404
--- check eval
sub {
    my $url = 'http://127.0.0.1:' . rand_port(2) . '/a';
    my $curl = 'curl -s -o /dev/null -w %{http_code} --http2-prior-knowledge';

    is(`echo abc | $curl --data-binary \@- '$url?1'`, '401', 'status');
    system("head -c 500000 /dev/urandom | base64 | $curl -T - '$url?2' "
           . '>/dev/null');
    wait_for(sub { recorded() >= 2 });

    my %got = map { originating($_) =~ /^\w+ \/a\?(\d)/ => $_ } recorded();

    like(originating($got{1}),
         qr{^POST /a\?1 HTTP/1\.1\r\n.*^content-length: 4\r\n.*\r\n\r\nabc\n\z}ms,
         'the request');
    like(originating($got{2}), qr/\r\n\r\n.{1000}\z/s, 'what was taken');
}

=== TEST 17: nothing is read where no handler wants it
--- http_config
    api_event_handlers * log;
--- config
    client_body_timeout 10s;
    lingering_timeout 100ms;
    location /a { api_id orders; empty_gif; }
--- raw_request eval
"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n"
. "Connection: close\r\n\r\nabc"
--- error_code: 401
--- error_log
AuthFailure

=== TEST 18: a refusal for a limit
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/d;
        empty_gif;
    }
--- request eval
["POST /a\nabc", "POST /a\ndef"]
--- error_code eval
[405, 429]
--- recorded_count: 1
--- recorded_check eval
sub { like(originating($_[0]), qr/\r\n\r\ndef\z/, 'body') }

=== TEST 19: a dry run does not wait for the body
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/d dry_run;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        proxy_set_header X-Page $arg_n;
    }
--- request eval
["POST /a?n=1\nabc", "POST /a?n=2\ndef"]
--- error_code eval
[200, 200]
--- recorded_count: 3
--- recorded_check eval
sub {
    my ($event) = grep { !$_->{headers}{'x-page'} } @_;
    my ($page) = grep { ($_->{headers}{'x-page'} // '') eq '2' } @_;

    like(originating($event), qr{^POST /a\?n=2 HTTP/1.1\r\n.*\r\n\r\n\z}s,
         'the head');
    event($event, 'RatelimitExceeded', OriginatingRequestCut => 1);
    is($page->{body}, 'def', 'the upstream gets it');
}

=== TEST 20: a body that is no body, and a page that says so
--- config
    error_page 400 /400;
    error_page 401 /401;
    location /a { api_id orders; empty_gif; }
    location /400 { api_id orders; return 200 "bad\n"; }
    location /401 { api_id orders; empty_gif; }
--- raw_request eval
["POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
 "x"]
--- raw_request_middle_delay
0.05
--- error_code: 400
--- response_body
bad
--- recorded_count: 1

=== TEST 21: the same, and the page is a file of the API
--- config
    error_page 400 /400;
    location /a { api_id orders; empty_gif; }
    location /400 { api_id orders; }
--- user_files
>>> 400
bad
--- raw_request eval
"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx"
--- error_code: 400
--- response_body
bad
--- recorded_count: 1

=== TEST 22: the same with satisfy any, where the body is read as a whole
--- config
    satisfy any;
    error_page 400 /400;
    location /a { api_id orders; deny all; empty_gif; }
    location /400 { api_id orders; allow all; }
--- user_files
>>> 400
bad
--- raw_request eval
["POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
 "x"]
--- raw_request_middle_delay
0.05
--- error_code: 400
--- response_body
bad
--- recorded_count: 0

=== TEST 23: a proxied error page gets as much of a body as was read
--- config
    error_page 401 = @page;
    client_body_buffer_size 1k;
    api_body_max 10;
    location /a { api_id orders; empty_gif; }
    location @page {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        proxy_set_header X-Page 1;
        proxy_read_timeout 1s;
    }
--- raw_request eval
["POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
 "0123456789" x 500]
--- raw_request_middle_delay
0.05
--- error_code: 200
--- response_headers
Connection: close
--- recorded_count: 2
--- recorded_check eval
sub {
    my ($page) = grep { $_->{headers}{'x-page'} } @_;
    is($page->{body}, '0123456789', 'what the page got');
}

=== TEST 24: a client that goes away while its body is read
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id orders; satisfy any; deny all; empty_gif; }
--- recorder
--- request
GET /none
--- error_code: 404
--- check eval
sub {
    my @ports = ($Test::Nginx::Util::ServerPortForClient);

    for my $path ('/a', '/b') {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $ports[0]);
        print $socket "POST $path HTTP/1.1\r\nHost: localhost\r\n"
                      . "Content-Length: 10\r\n\r\n";
        $socket->flush();
        Time::HiRes::sleep(0.05);
        print $socket 'abc';
        $socket->flush();
        Time::HiRes::sleep(0.05);
        close $socket;
    }

    is((http_get('/a/c'))[0], 401, 'the server is well');
    wait_for(sub { recorded() >= 2 });
    is(CORE::join(' ', sort map { $_->{json}{EventMetaData}{Path} } recorded()),
       '/a /a/c', 'events; another module might have let the other pass');
}

=== TEST 25: a body that no ring can take
--- http_config
    api_body_max 256k;
--- config
    location /a { api_id orders; client_max_body_size 8m; empty_gif; }
--- request eval
["POST /a\n" . 'x' x 263000, "POST /a\n" . 'x' x 261000]
--- error_code eval
[401, 401]
--- recorded_count: 2
--- recorded_check eval
sub {
    my %got = map { $_->{json}{Sequence} => $_ } @_;

    event($got{1}, 'AuthFailure', OriginatingRequestCut => 1,
          OriginatingRequest => '');
    event($got{2}, 'AuthFailure', OriginatingRequestCut => undef);
    like(originating($got{2}), qr/\r\n\r\nx{30000}/, 'one that fits');
    like(error_log_text(), qr/\[warn\] .*"api_body_max" of 262144 bytes is over a quarter of the ring, 262144: /,
         'the warning');
}

=== TEST 26: no warning where nobody wants the body
--- http_config
    api_body_max 4m;
    api_event_handlers * log;
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- error_code: 401
--- no_error_log
api_body_max

=== TEST 27: a credential elsewhere, in whatever spelling
--- config
    location /a { api_id invoices; empty_gif; }
--- request eval
"POST /a\nk=good-key-0123456789&k=good%2Dkey%2d0123456789&j={\"good\\u002dkey-0123456789\"}&k=good+key-0123456789"
--- more_headers
Authorization: Bearer good-key-0123456789
X-Other: %67ood-key-0123456789
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    my $text = originating($_[0]);

    like($text, qr/^X-Other: \*{21}\r\n/m, 'in a header');
    like($text, qr/\r\n\r\nk=\*{19}&k=\*{23}&j=\{"\*{24}"\}&k=good\+key-0123456789\z/,
         'in the body');
}

=== TEST 28: the same where it was refused before anybody looked for it
--- config
    location /a {
        api_id orders;
        api_version header=x-api-version v1;
        api_auth header=X-Key query=k cookie=c;
        api_event_key hash;
        empty_gif;
    }
--- request
POST /a?k=good-key-0123456789
good-key-0123456789 good%2dkey-0123456789
--- more_headers
x-api-version: v9
X-Key: good-key-0123456789
Cookie: c=good-key-0123456789
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'VersionFailure', Key => '');
    unlike(originating($_[0]), qr/0123456789/, 'nowhere');
    like(originating($_[0]), qr/\r\n\r\n\*{19} \*{21}\z/, 'the body');
}

=== TEST 29: a body in a file, where another module may let it pass
--- config
    location /a {
        satisfy any;
        deny all;
        client_body_in_file_only clean;
        client_body_buffer_size 1k;
        api_id orders;
        empty_gif;
    }
--- request eval
["POST /a\n" . 'x' x 30000, "POST /a\nabc", "GET /a"]
--- error_code eval
[401, 401, 401]
--- recorded_count: 3
--- recorded_check eval
sub {
    is(CORE::join(' ', sort map { length((originating($_) =~ /\r\n\r\n(.*)\z/s)[0]) } @_),
       '0 3 30000', 'bodies');
    is(scalar(grep { $_->{json}{EventMetaData}{OriginatingRequestCut} } @_), 0, 'whole');
}

=== TEST 30: only for the events whose handlers use it
--- user_files
>>> all.json
{{json .}}
--- config
    client_body_timeout 10s;
    lingering_timeout 100ms;
    api_event_handlers off;
    api_event_handlers RatelimitExceeded webhook format=standard retry=off
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    api_event_handlers AuthFailure webhook template=../html/all.json retry=off
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    location /a { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
    location /b { api_id orders; empty_gif; }
    location = /.metrics { api_metrics; }
--- request eval
["GET /a", "POST /b\nabc"]
--- error_code eval
[200, 401]
--- recorded_count: 1
--- recorded_check eval
sub {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                                       PeerPort => $Test::Nginx::Util::ServerPortForClient);

    like(originating($_[0]), qr/\r\n\r\nabc\z/, 'AuthFailure');

    # a body that never comes: it is not waited for
    print $socket "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
    sysread $socket, my $answer, 1000;
    like($answer, qr{^HTTP/1.1 429 }, 'RatelimitExceeded');
    wait_for(sub { recorded() == 2 });
    is((recorded())[1]{json}{data}{OriginatingRequest} // '', '', 'none there');
}

=== TEST 31: HTTP/0.9, as far as nginx knows it
--- config
    location /a { api_id orders; empty_gif; }
--- raw_request eval
"GET /a?b\r\n"
--- http09
--- error_code:
--- ignore_response
--- recorded_count: 1
--- recorded_check eval
sub {
    like(originating($_[0]), qr{^GET /a\?b HTTP/1\.1\r\nHost: \S+\r\n\r\n\z}, 'request');
}

=== TEST 32: HTTP/2 with a credential in one of several cookies
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;
        location /a { api_id invoices; api_auth cookie=k; empty_gif; }
    }
--- recorder
--- request
GET /none
--- config
--- error_code: 404
--- check eval
sub {
    my $curl = 'curl -s -o /dev/null -w %{http_code} --http2-prior-knowledge '
               . "-H 'Cookie: a=b' -H 'Cookie: k=good-key-0123456789' -H 'Cookie: c=d'";

    is(`$curl 'http://127.0.0.1:@{[rand_port(2)]}/a'`, '403', 'status');
    wait_for(sub { scalar(() = recorded()) });
    like(originating((recorded())[0]), qr/^cookie: a=b; k=\*\*\*; c=d\r\n/mi, 'cookies');
}
