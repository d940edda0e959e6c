# api_limit_status: the statuses of refusals.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: those that are there without it
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
    location /b { api_id orders; api_auth off; api_quota 1/1d; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b"]
--- error_code eval
[200, 429, 200, 403]

=== TEST 2: rate, of the API and of the key
--- config
    api_limit_status rate=503;
    location /a { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
    location /b { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a", ("GET /b") x 3]
--- more_headers
Authorization: rate-key-0123456789
--- error_code eval
[200, 503, 200, 200, 503]
--- response_body_like eval
['GIF', '"error": "API Rate Limit Exceeded"', 'GIF', 'GIF',
 '"error": "Rate Limit Exceeded"']

=== TEST 3: quota, of the API and of the key
--- config
    api_limit_status quota=429;
    location /a { api_id orders; api_auth off; api_quota 1/1d; empty_gif; }
    location /b { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a", ("GET /b") x 3]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 429, 200, 200, 429]
--- response_body_like eval
['GIF', '"error": "Quota exceeded"', 'GIF', 'GIF', '"error": "Quota exceeded"']
--- recorded_count: 2

=== TEST 4: no other refusal
--- config
    api_limit_status rate=590 quota=591 org=592 version=593;
    location /a { api_id orders; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
["", "Authorization: x", "Authorization: expired-key-0123456789",
 "Authorization: foreign-key-0123456789"]
--- error_code eval
[401, 403, 401, 403]

=== TEST 5: a level replaces the whole of it
--- config
    api_limit_status rate=503 quota=429;
    location /a { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
    location /b { api_id orders; api_auth off; api_quota 1/1d;
                  api_limit_status rate=420; empty_gif; }
    location /c { api_id orders; api_auth off; api_quota 1/1d;
                  api_limit_status off; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b", "GET /c"]
--- error_code eval
[200, 503, 200, 403, 403]

=== TEST 6: statuses that nginx has no page and no phrase for
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d;
                  api_limit_status rate=493; empty_gif; }
    location /b { api_id b; api_auth off; api_rate 1r/d;
                  api_limit_status rate=599; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b"]
--- error_code eval
[200, 493, 200, 599]
--- response_body_like eval
['GIF', '"error": "API Rate Limit Exceeded"',
 'GIF', '"error": "API Rate Limit Exceeded"']

=== TEST 7: an error_page goes by it
--- config
    error_page 429 /wrong;
    error_page 503 /busy;
    location /a { api_id orders; api_auth off; api_rate 1r/d;
                  api_limit_status rate=503; empty_gif; }
    location /busy { return 200 "busy\n"; }
    location /wrong { return 200 "wrong\n"; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 503]
--- response_body_like eval
['GIF', 'busy']

=== TEST 8: satisfy any cannot undo it
--- config
    satisfy any;
    allow all;
    location /a { api_id orders; api_rate 1r/d; empty_gif; }
    location /b { api_id orders; api_quota 1/1d;
                  api_limit_status quota=401; empty_gif; }
    location /c { api_id orders; api_quota 2/1d;
                  api_limit_status quota=503; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b", "GET /c", "GET /c"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 429, 200, 401, 200, 503]

=== TEST 9: dry_run has none
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d dry_run;
                  api_limit_status rate=503; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 200]
--- recorded_count: 1

=== TEST 10: below
--- config
    location /a { api_limit_status rate=399; }
--- emerg
invalid or repeated parameter "rate=399" in "api_limit_status", expected rate=STATUS, quota=STATUS, org=STATUS or version=STATUS from 400 to 493 or 500 to 599, or "off" alone in
nginx.conf:

=== TEST 11: above
--- config
    location /a { api_limit_status quota=600; }
--- emerg
invalid or repeated parameter "quota=600" in "api_limit_status", expected rate=STATUS

=== TEST 12: between
--- config
    location /a { api_limit_status org=494; }
--- emerg
invalid or repeated parameter "org=494" in "api_limit_status", expected rate=STATUS

=== TEST 13: between, at the other end
--- config
    location /a { api_limit_status version=499; }
--- emerg
invalid or repeated parameter "version=499" in "api_limit_status", expected rate=STATUS

=== TEST 14: no number
--- config
    location /a { api_limit_status rate=; }
--- emerg
invalid or repeated parameter "rate=" in "api_limit_status", expected rate=STATUS

=== TEST 15: an unknown one
--- config
    location /a { api_limit_status key=429; }
--- emerg
invalid or repeated parameter "key=429" in "api_limit_status", expected rate=STATUS

=== TEST 16: a number alone
--- config
    location /a { api_limit_status 429; }
--- emerg
invalid or repeated parameter "429" in "api_limit_status", expected rate=STATUS

=== TEST 17: one of them twice
--- config
    location /a { api_limit_status rate=429 rate=429; }
--- emerg
invalid or repeated parameter "rate=429" in "api_limit_status", expected rate=STATUS

=== TEST 18: twice
--- config
    location /a { api_limit_status rate=429; api_limit_status quota=429; }
--- emerg
"api_limit_status" directive is duplicate in

=== TEST 19: off beside another
--- config
    location /a { api_limit_status rate=429 off; }
--- emerg
invalid or repeated parameter "off" in "api_limit_status", expected rate=STATUS
