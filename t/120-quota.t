# Quotas: of keys and of whole APIs.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: a key's quota
--- config
    location /a { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a?b"]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200, 403]
--- response_body_like eval
['GIF', 'GIF', '^\{\n    "error": "Quota exceeded"\n\}$']
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'QuotaExceeded',
          Message => 'Key Quota Limit Exceeded',
          Path => '/a',
          Key => '****6789',
          Origin => qr/^127\.0\.0\.1:\d+$/,
          APIID => 'orders',
          OrgID => 'acme');
}

=== TEST 2: rate comes before quota, and neither is charged alone
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id orders; api_rate 1r/d key=$arg_k; empty_gif; }
--- request eval
["GET /b?k=1", "GET /b?k=1", "GET /b?k=1", "GET /a", "GET /a"]
--- more_headers
Authorization: both-key-0123456789
--- error_code eval
[200, 429, 429, 200, 403]

=== TEST 3: an API's quota, and its event
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_quota 2/30d;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 403]
--- response_body_like eval
['GIF', 'GIF', '^\{\n    "error": "Quota exceeded"\n\}$']
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'QuotaExceeded',
          Message => 'API Quota Limit Exceeded',
          Key => 'apilimiter-acmeorders');
}

=== TEST 4: per variable
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_quota 1/1d key=$arg_k;
        empty_gif;
    }
--- request eval
[map "GET /a?k=$_", '', '', 1, 1, 2]
--- error_code eval
[200, 200, 200, 403, 200]

=== TEST 5: a dry run
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_quota 1/1d dry_run;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 200]
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'QuotaExceeded', Message => 'API Quota Limit Exceeded',
          DryRun => 1);
}

=== TEST 6: one quota of a key over all its APIs
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id b; empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /a", "GET /b"]
--- more_headers
Authorization: wide-key-0123456789
--- error_code eval
[200, 200, 200, 403]

=== TEST 7: a period ends
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_quota 1/300ms;
        empty_gif;
    }
--- request
GET /a
--- check eval
sub {
    my @codes;

    wait_for(sub { push @codes, (http_get('/a'))[0]; $codes[-1] == 200 });
    is($codes[0], 403, 'still within it');
    is($codes[-1], 200, 'after it');
}

=== TEST 8: off
--- http_config
    api_quota 1/1d;
    api_auth off;
--- config
    api_id orders;
    location /a { api_quota off; empty_gif; }
    location /b { empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b"]
--- error_code eval
[200, 200, 200, 403]

=== TEST 9: subrequests cost nothing
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_quota 2/1d;
        mirror /m;
        auth_request /m;
        empty_gif;
    }
    location = /m { api_id orders; api_auth off; api_quota 2/1d; return 200; }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 403]
