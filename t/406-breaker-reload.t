# A breaker's state is that of what it stands for: it goes on over reloads,
# also when its numbers change.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;

no_shuffle();
use_hup();
run_tests();

__DATA__

=== TEST 1: it opens
--- config
    location /a {
        api_id a;
        api_breaker path=^/a method=GET samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker samples=3 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/500", "GET /a/ok", "GET /b/500", "GET /b/500"]
--- error_code eval
[500, 503, 500, 500]

=== TEST 2: with other numbers, and behind another one; a window goes on
--- config
    location /a {
        api_id a;
        api_breaker path=^/x samples=1 window=1h open=1h;
        api_breaker path=^/a method=GET threshold=0.9 samples=100 window=1m
                    open=1s half_open=2 slow=1s:1 status=500 shared;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker samples=3 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/ok", "GET /b/500", "GET /b/ok"]
--- error_code eval
[503, 500, 503]

=== TEST 3: another method, path or API, and a dry run, are others
--- config
    location /a {
        api_id a;
        api_breaker path=^/a samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker samples=3 window=1h open=1h dry_run;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /c {
        api_id c;
        api_breaker samples=3 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/ok", "GET /b/ok", "GET /c/ok"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
[("X-State: closed") x 3]

=== TEST 4: back to what it was
--- config
    location /a {
        api_id a;
        api_breaker path=^/a method=GET samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker samples=3 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/ok", "GET /b/ok"]
--- error_code eval
[503, 503]
--- response_headers eval
[("X-State: open\nX-Decision: BreakerOpen") x 2]
