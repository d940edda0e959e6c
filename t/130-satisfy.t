# Other access modules beside the gate, with "satisfy all" and "satisfy any".

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: all: both must agree
--- config
    location /a { api_id orders; deny all; empty_gif; }
    location /b { api_id orders; allow all; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b"]
--- more_headers eval
["", "Authorization: good-key-0123456789",
 "", "Authorization: good-key-0123456789"]
--- error_code eval
[401, 403, 401, 200]

=== TEST 2: any: another module may let it pass, and then nothing was wrong
--- config
    satisfy any;
    location /a { api_id orders; allow all; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
["", map "Authorization: $_-key-0123456789", qw(bad expired foreign)]
--- error_code eval
[200, 200, 200, 200]
--- recorded_count: 0

=== TEST 3: any: the gate may let it pass
--- config
    satisfy any;
    location /a { api_id orders; deny all; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: good-key-0123456789
--- recorded_count: 0

=== TEST 4: any: when nobody does it is refused, with the gate's answer
--- config
    satisfy any;
    location /a { api_id orders; deny all; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: bad-key-0123456789"]
--- error_code eval
[401, 403]
--- response_body eval
[map "{\n    \"error\": \"$_\"\n}", 'Authorization field missing',
 'Access to this API has been disallowed']
--- recorded_count: 2

=== TEST 5: any: with the body, if a handler wants it
--- config
    satisfy any;
    location /a { api_id orders; deny all; empty_gif; }
    location /b {
        api_id orders;
        api_body_max 10;
        allow all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        proxy_set_header X-Page 1;
    }
--- request eval
["POST /a\nabc", "POST /b\n" . 'x' x 100000]
--- error_code eval
[401, 200]
--- recorded_count: 2
--- recorded_check eval
sub {
    my ($page) = grep { $_->{headers}{'x-page'} } @_;
    my ($event) = grep { !$_->{headers}{'x-page'} } @_;

    is(length $page->{body}, 100000, 'the upstream gets the body');
    like(originating($event), qr/^POST \/a .*\r\n\r\nabc\z/s,
         'and so does the event');
}

=== TEST 6: any: the challenge of another module
--- config
    satisfy any;
    location /a {
        api_id orders;
        auth_basic closed;
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
        empty_gif;
    }
--- user_files
>>> users
joe:{PLAIN}secret
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: bad", "Authorization: Basic am9lOnNlY3JldA=="]
--- error_code eval
[401, 401, 200]
--- response_headers eval
["WWW-Authenticate: Basic realm=\"closed\"",
 "WWW-Authenticate: Basic realm=\"closed\"",
 "! WWW-Authenticate"]
--- recorded_count: 2

=== TEST 7: any: limits of the API hold for those whom another module let pass
--- config
    satisfy any;
    location /a {
        api_id orders;
        api_rate 2r/d mode=window;
        allow all;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: bad", "", "Authorization: good-key-0123456789"]
--- error_code eval
[200, 200, 429, 429]
--- response_body_like eval
['GIF', 'GIF', '"API Rate Limit Exceeded"', '"API Rate Limit Exceeded"']
--- recorded_count: 2

=== TEST 8: any: limits of a key cannot be undone
--- config
    satisfy any;
    location /a { api_id orders; allow all; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200, 403]
--- response_body_like eval
['GIF', 'GIF', '"Quota exceeded"']
--- recorded_count: 1

=== TEST 9: any: keyless lets nobody past the others
--- config
    satisfy any;
    location /a { api_id orders; api_auth off; deny all; empty_gif; }
    location /b { api_id orders; api_auth off; allow all; empty_gif; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[403, 200]
--- recorded_count: 0

=== TEST 10: any: an error page is shown as with all
--- config
    satisfy any;
    error_page 401 /401;
    error_page 403 = @page;
    location /a { api_id orders; deny all; empty_gif; }
    location /401 { api_id orders; allow all; return 200 "please\n"; }
    location @page { api_id orders; deny all; return 200 "no\n"; }
    location /b { api_id orders; deny all; error_page 401 /file; empty_gif; }
    location /file { api_id orders; api_rate 1r/d; allow all; }
--- user_files
>>> file
a file
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b"]
--- more_headers eval
["", "Authorization: bad-key-0123456789", "", ""]
--- error_code eval
[401, 200, 401, 401]
--- response_body eval
["please\n", "no\n", "a file\n", "a file\n"]
--- recorded_count: 4
--- recorded_check eval
sub { event($_, 'AuthFailure', Message => 'Auth Failure') for @_ }

=== TEST 11: any: it is refused although another module failed
--- config
    satisfy any;
    location /a { api_id orders; auth_request /auth; empty_gif; }
    location = /auth { return 204; }
    location /b { api_id orders; auth_request /fail; empty_gif; }
    location = /fail { return 500; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[200, 500]
--- recorded_count: 0
--- allow_log
auth request unexpected status

=== TEST 12: auth_delay
--- config
    auth_delay 100ms;
    location /a { api_id orders; empty_gif; }
    location /b { satisfy any; deny all; api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[401, 401]
--- response_body eval
[("{\n    \"error\": \"Authorization field missing\"\n}") x 2]
--- recorded_count: 2

=== TEST 13: what another module refuses is charged to nobody
--- config
    api_auth header=X-Key;
    auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
    location /a {
        api_id orders;
        api_quota 1/1d key=$arg_k;
        auth_basic closed;
        empty_gif;
    }
    location /b {
        api_id orders;
        api_quota 1/1d key=$arg_k;
        auth_basic closed;
        error_page 401 /file;
        empty_gif;
    }
    location /file { }
--- user_files
>>> users
joe:{PLAIN}secret
>>> file
a file
--- request eval
[(map "GET /a?k=1", 1 .. 4), (map "GET /b?k=2", 1 .. 4)]
--- more_headers eval
my $key = "X-Key: good-key-0123456789";
my $joe = "Authorization: Basic am9lOnNlY3JldA==";
[("$key", "$key", "$key\n$joe", "$key\n$joe") x 2]
--- error_code eval
[(401, 401, 200, 403) x 2]
