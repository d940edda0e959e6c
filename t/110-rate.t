# Rates: of keys and of whole APIs, alone and together.  Periods are long, so
# that no test is about time; what time does to a limit is tested in t/unit.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: a key's rate
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a?b"]
--- more_headers
Authorization: rate-key-0123456789
--- error_code eval
[200, 200, 429]
--- response_headers eval
["Content-Type: image/gif", "Content-Type: image/gif",
 "Content-Type: application/json"]
--- response_body_like eval
['GIF', 'GIF', '^\{\n    "error": "Rate Limit Exceeded"\n\}$']
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'RatelimitExceeded',
          Message => 'Rate Limit Exceeded',
          Path => '/a',
          Key => '****6789',
          Origin => qr/^127\.0\.0\.1:\d+$/,
          DryRun => undef,
          APIID => 'orders',
          OrgID => 'acme');
}

=== TEST 2: keys have rates of their own
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
[map "GET /a", 1 .. 5]
--- more_headers eval
[map "Authorization: $_-key-0123456789", qw(rate rate rate both both)]
--- error_code eval
[200, 200, 429, 200, 200]

=== TEST 3: locations of one API share its limit, other APIs do not
--- http_config
    api_auth off;
    api_rate 1r/h burst=1;
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id orders; empty_gif; }
    location /c { api_id invoices; empty_gif; }
    location /d { api_id orders; api_org other; empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /a", "GET /b", "GET /c", "GET /d"]
--- error_code eval
[200, 200, 429, 429, 200, 200]

=== TEST 4: an API's rate, and its event
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/m;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- response_body_like eval
['GIF', '^\{\n    "error": "API Rate Limit Exceeded"\n\}$']
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'RatelimitExceeded',
          Message => 'API Rate Limit Exceeded',
          Key => 'apilimiter-acmeorders',
          KeyID => qr/^[0-9a-f]{32}$/,
          OrgID => 'acme');
}

=== TEST 5: burst is what passes at once beside the one that is due
--- config
    api_auth off;
    location /a { api_id a; api_rate 1r/d; empty_gif; }
    location /b { api_id b; api_rate 1r/d burst=2; empty_gif; }
    location /c { api_id c; api_rate 3r/d mode=window; empty_gif; }
    location /d { api_id d; api_rate 3/1d mode=window; empty_gif; }
--- request eval
[map "GET /$_", qw(a a  b b b b  c c c c  d d d d)]
--- error_code eval
[200, 429, (200, 200, 200, 429) x 3]

=== TEST 6: what is refused by one limit is charged to none
--- config
    location /a {
        api_id orders;
        api_rate 4r/d mode=window;
        api_rate 1r/d key=$arg_k mode=window;
        empty_gif;
    }
--- request eval
[map "GET /a?k=$_", qw(x x x x x  y z u v)]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 429, 429, 429, 429, 200, 200, 200, 429]

=== TEST 7: the first limit that refuses is the one that is told of
--- config
    location /a {
        api_id orders;
        api_rate 2r/d mode=window;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
[map "Authorization: $_-key-0123456789", qw(rate rate rate good)]
--- error_code eval
[200, 200, 429, 429]
--- response_body_like eval
['GIF', 'GIF', '"Rate Limit', '"API Rate Limit']

=== TEST 8: an empty key is not limited
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/d key=$arg_k;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a?k=", "GET /a", "GET /a?k=1", "GET /a?k=1", "GET /a?k=2"]
--- error_code eval
[200, 200, 200, 200, 429, 200]

=== TEST 9: several keys do not run into each other
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/d key=$arg_a$arg_b;
        api_rate 1r/d key=$arg_c;
        empty_gif;
    }
--- request eval
["GET /a?a=1&b=2", "GET /a?c=12", "GET /a?a=12", "GET /a?c=12", "GET /a?c=1"]
--- error_code eval
[200, 200, 429, 429, 200]

=== TEST 10: a dry run lets pass, and says what it would have done
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/d dry_run;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 200]
--- recorded_count: 2
--- recorded_check eval
sub {
    event($_, 'RatelimitExceeded',
          Message => 'API Rate Limit Exceeded',
          Key => 'apilimiter-acmeorders',
          DryRun => 1) for @_;
}

=== TEST 11: a dry run beside a limit only counts what that lets pass
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 2r/d mode=window;
        api_rate 1r/d mode=window dry_run;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 429, 429]
--- recorded_count: 3
--- recorded_check eval
sub {
    is(scalar(grep { $_->{json}{EventMetaData}{DryRun} } @_), 1, 'dry runs');
}

=== TEST 12: a level replaces the limits it would inherit, off drops them
--- http_config
    api_auth off;
    api_rate 1r/d;
--- config
    api_id orders;
    location /a { empty_gif; }
    location /b { api_rate 2r/d mode=window key=$uri; empty_gif; }
    location /c { api_rate off; empty_gif; }
--- request eval
[map "GET /$_", qw(a a b b b c c)]
--- error_code eval
[200, 429, 200, 200, 429, 200, 200]

=== TEST 13: limits of a key hold in all APIs together
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id b; empty_gif; }
--- user_files
>>> keys.json
{"rate-key-0123456789": {"rate": 2, "per": 60,
                         "access_rights": {"orders": {}, "b": {}}}}
--- request eval
["GET /a", "GET /b", "GET /a", "GET /b"]
--- more_headers
Authorization: rate-key-0123456789
--- error_code eval
[200, 200, 429, 429]

=== TEST 14: who is refused for the key is not counted
--- config
    location /a {
        api_id orders;
        api_rate 1r/d;
        empty_gif;
    }
--- request eval
[map "GET /a", 1 .. 5]
--- more_headers eval
["", map "Authorization: $_-key-0123456789", qw(bad expired foreign good)]
--- error_code eval
[401, 403, 401, 403, 200]

=== TEST 15: who is refused by another module is not counted
--- config
    location /a {
        api_id orders;
        api_rate 1r/d;
        auth_request /auth;
        empty_gif;
    }
    location = /auth {
        if ($request_uri ~ ok) { return 204; }
        return 403;
    }
--- request eval
["GET /a", "GET /a", "GET /a?ok", "GET /a?ok"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[403, 403, 200, 429]

=== TEST 16: an error of the upstream is counted, it was let in
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 1r/d;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[502, 429]

=== TEST 17: workers share the counters
--- workers: 2
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 10r/d mode=window;
        empty_gif;
    }
--- request
GET /a
--- check eval
sub {
    my %codes;

    $codes{(http_get('/a'))[0]}++ for 1 .. 20;
    is_deeply(\%codes, { 200 => 9, 429 => 11 }, 'answers');
}

=== TEST 18: counters outlive a reload
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 2r/d mode=window;
        empty_gif;
    }
--- request
GET /a
--- check eval
sub {
    my ($before) = worker_pids();

    kill HUP => master_pid();
    wait_for(sub { my @now = worker_pids(); @now == 1 && $now[0] != $before });

    is((http_get('/a'))[0], 200, 'the second');
    is((http_get('/a'))[0], 429, 'the third');
}
