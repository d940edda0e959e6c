# Wrong arguments of api_breaker: one line each, which says where and what was
# expected; and right ones at their bounds.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;

run_tests();

__DATA__

=== TEST 1: an unknown parameter
--- config
    api_breaker paths=/a;
--- emerg
invalid parameter "paths=/a" in "api_breaker", expected path=, method=, threshold=, samples=, window=, open=, half_open=, probe=, slow=, status=, shared, dry_run, or "off" alone in
nginx.conf:

=== TEST 2: a flag with a value
--- config
    api_breaker dry_run=on;
--- emerg
invalid parameter "dry_run=on" in "api_breaker", expected path=, method=,

=== TEST 3: a parameter twice
--- config
    api_breaker samples=1 shared samples=2;
--- emerg
duplicate parameter "samples=2" in "api_breaker", expected each one once

=== TEST 4: a path that is no pattern
--- config
    api_breaker path=^/(a;
--- emerg
invalid parameter "path=^/(a" in "api_breaker", expected a regular expression: pcre

=== TEST 5: an empty path
--- config
    api_breaker path=;
--- emerg
invalid parameter "path=" in "api_breaker", expected path= with a regular expression

=== TEST 6: a method in lower case
--- config
    api_breaker method=get;
--- emerg
invalid parameter "method=get" in "api_breaker", expected method= with an upper-case method, such as method=GET

=== TEST 7: an empty method
--- config
    api_breaker method=;
--- emerg
invalid parameter "method=" in "api_breaker", expected method= with

=== TEST 8: a threshold in percent
--- config
    api_breaker threshold=50;
--- emerg
invalid parameter "threshold=50" in "api_breaker", expected threshold= with a ratio from 0.000001 to 1, such as threshold=0.5

=== TEST 9: a threshold of nothing
--- config
    api_breaker threshold=0.0;
--- emerg
invalid parameter "threshold=0.0" in "api_breaker", expected threshold= with

=== TEST 10: a threshold over one
--- config
    api_breaker threshold=1.000001;
--- emerg
invalid parameter "threshold=1.000001" in "api_breaker", expected threshold= with

=== TEST 11: a threshold finer than counts
--- config
    api_breaker threshold=0.0000001;
--- emerg
invalid parameter "threshold=0.0000001" in "api_breaker", expected threshold= with

=== TEST 12: a negative threshold
--- config
    api_breaker threshold=-0.5;
--- emerg
invalid parameter "threshold=-0.5" in "api_breaker", expected threshold= with

=== TEST 13: no samples
--- config
    api_breaker samples=0;
--- emerg
invalid parameter "samples=0" in "api_breaker", expected samples= with a number from 1 to 1000000

=== TEST 14: too many samples
--- config
    api_breaker samples=1000001;
--- emerg
invalid parameter "samples=1000001" in "api_breaker", expected samples= with

=== TEST 15: samples that are no number
--- config
    api_breaker samples=many;
--- emerg
invalid parameter "samples=many" in "api_breaker", expected samples= with

=== TEST 16: a window of no time
--- config
    api_breaker window=9ms;
--- emerg
invalid parameter "window=9ms" in "api_breaker", expected window= with a time from 10ms to 1d

=== TEST 17: a window too long
--- config
    api_breaker window=25h;
--- emerg
invalid parameter "window=25h" in "api_breaker", expected window= with

=== TEST 18: a window that is no time
--- config
    api_breaker window=soon;
--- emerg
invalid parameter "window=soon" in "api_breaker", expected window= with

=== TEST 19: open for no time
--- config
    api_breaker open=0;
--- emerg
invalid parameter "open=0" in "api_breaker", expected open= with a time from 10ms to 30d

=== TEST 20: open for too long
--- config
    api_breaker open=31d;
--- emerg
invalid parameter "open=31d" in "api_breaker", expected open= with

=== TEST 21: no probe at all is called off
--- config
    api_breaker half_open=0;
--- emerg
invalid parameter "half_open=0" in "api_breaker", expected half_open= with a number from 1 to 64 or "off"

=== TEST 22: too many probes
--- config
    api_breaker half_open=65;
--- emerg
invalid parameter "half_open=65" in "api_breaker", expected half_open= with

=== TEST 23: probes that are no number
--- config
    api_breaker half_open=on;
--- emerg
invalid parameter "half_open=on" in "api_breaker", expected half_open= with

=== TEST 24: a probe of no time
--- config
    api_breaker probe=0;
--- emerg
invalid parameter "probe=0" in "api_breaker", expected probe= with a time from 10ms to 1h

=== TEST 25: a probe of too long a time
--- config
    api_breaker probe=61m;
--- emerg
invalid parameter "probe=61m" in "api_breaker", expected probe= with

=== TEST 26: slow without a ratio
--- config
    api_breaker slow=2s;
--- emerg
invalid parameter "slow=2s" in "api_breaker", expected slow= with a time from 1ms to 1d and a ratio, such as slow=2s:0.8

=== TEST 27: slow without a time
--- config
    api_breaker slow=:0.5;
--- emerg
invalid parameter "slow=:0.5" in "api_breaker", expected slow= with

=== TEST 28: slow of no time
--- config
    api_breaker slow=0:0.5;
--- emerg
invalid parameter "slow=0:0.5" in "api_breaker", expected slow= with

=== TEST 29: slow over one
--- config
    api_breaker slow=2s:1.5;
--- emerg
invalid parameter "slow=2s:1.5" in "api_breaker", expected slow= with

=== TEST 30: slow with more
--- config
    api_breaker slow=2s:0.5:1;
--- emerg
invalid parameter "slow=2s:0.5:1" in "api_breaker", expected slow= with

=== TEST 31: an empty list of statuses
--- config
    api_breaker status=;
--- emerg
invalid parameter "status=" in "api_breaker", expected status= with statuses, such as status=5xx or status=429,500-504

=== TEST 32: a list that ends too early
--- config
    api_breaker status=500,;
--- emerg
invalid parameter "status=500," in "api_breaker", expected status= with

=== TEST 33: a status out of bounds
--- config
    api_breaker status=600;
--- emerg
invalid parameter "status=600" in "api_breaker", expected status= with

=== TEST 34: another one
--- config
    api_breaker status=099;
--- emerg
invalid parameter "status=099" in "api_breaker", expected status= with

=== TEST 35: a family that is none
--- config
    api_breaker status=6xx;
--- emerg
invalid parameter "status=6xx" in "api_breaker", expected status= with

=== TEST 36: a range the wrong way round
--- config
    api_breaker status=504-500;
--- emerg
invalid parameter "status=504-500" in "api_breaker", expected status= with

=== TEST 37: a range of too much
--- config
    api_breaker status=500-600;
--- emerg
invalid parameter "status=500-600" in "api_breaker", expected status= with

=== TEST 38: a range without an end
--- config
    api_breaker status=500-;
--- emerg
invalid parameter "status=500-" in "api_breaker", expected status= with

=== TEST 39: off beside a parameter
--- config
    api_breaker off samples=1;
--- emerg
"api_breaker off" must stand alone in its block

=== TEST 40: off behind another
--- config
    api_breaker samples=1;
    api_breaker off;
--- emerg
"api_breaker off" must stand alone in its block

=== TEST 41: off before another
--- config
    api_breaker off;
    api_breaker samples=1;
--- emerg
"api_breaker off" must stand alone in its block

=== TEST 42: an API with a breaker and no zone
--- config
    location /a { api_id a; api_breaker; }
--- emerg
API "a" needs shared memory, expected "api_zone" in the http block

=== TEST 43: all that may be said, at its bounds
--- http_config
    api_breaker;
    api_breaker "path=^/a{2}" method=M-SEARCH threshold=1 samples=1000000
                window=1d open=30d half_open=64 probe=1h slow=1d:1
                status=100,2xx,500-599 shared;
    api_breaker path=. threshold=0.000001 samples=1 window=10ms open=10ms
                half_open=off probe=10ms slow=1ms:0.000001 status=5xx
                dry_run;
    api_breaker path=. threshold=.5 dry_run;
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /a
--- response_headers
X-State: closed
X-Decision: allowed

=== TEST 44: what holds where nothing is said
--- config
    location /a {
        api_id a;
        api_breaker;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes(map { $_ % 2 ? '/a/500' : '/a/404' } 1 .. 18),
       '500 404 ' x 8 . '500 404', 'eighteen samples');
    is(codes('/a/500', '/a/500', '/a/ok'), '500 500 503',
       'half of twenty');
}
