# What a reload does to sessions: limits are new, counters stay, keys that are
# not in the file any more are gone.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

no_shuffle();
use_hup();
run_tests();

__DATA__

=== TEST 1: two of three requests, and a key that will go
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"quota_max": 3, "quota_renewal_rate": 3600,
       "access_rights": {"a": {}}},
 "L": {"access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers eval
["Authorization: K", "Authorization: K", "Authorization: L"]
--- error_code eval
[200, 200, 200]

=== TEST 2: the third one after a reload; a key came, one went
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"quota_max": 3, "quota_renewal_rate": 3600, "alias": "new",
       "access_rights": {"a": {}}},
 "M": {"access_rights": {"a": {}}}}
--- config
    location /a { api_id a; add_header X-Alias $api_key_alias; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
["Authorization: K", "Authorization: K", "Authorization: L",
 "Authorization: M"]
--- error_code eval
[200, 403, 403, 200]
--- response_headers eval
["X-Alias: new", "", "", ""]

=== TEST 3: a larger quota
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"quota_max": 4, "quota_renewal_rate": 3600,
       "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: K
--- error_code eval
[200, 403]

=== TEST 4: a file with an error changes nothing
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"quota_max": 1000}}
--- config
    location /a { api_id a; empty_gif; }
--- reload_fails
--- request
GET /a
--- more_headers
Authorization: K
--- error_code: 403
--- error_log
keys.json:1: "access_rights" with at least one API are expected

=== TEST 5: another size of rings needs a restart
--- http_config
    api_zone a:16m ring=512k;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"quota_max": 1000, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- reload_fails
--- request
GET /a
--- more_headers
Authorization: K
--- error_code: 403
--- error_log
api_zone "a" uses ring 512k while previously it used 1024k, nginx must be restarted

=== TEST 6: more sessions than fit leave the old ones
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files eval
">>> keys.json\n{"
. CORE::join(",\n", map { "\"$_\": {\"access_rights\": {\"a\": {}}}" }
                        1 .. 40000)
. '}'
--- config
    location /a { api_id a; empty_gif; }
--- reload_fails
--- request
GET /a
--- more_headers
Authorization: 1
--- error_code: 403
--- error_log
api_zone "a" of 16384k is too small: the 40000 sessions

=== TEST 7: a zone full of one set of sessions
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files eval
">>> keys.json\n{"
. CORE::join(",\n", map { "\"$_\": {\"access_rights\": {\"a\": {}}}" }
                        1 .. 9000)
. '}'
--- config
    location = /m { api_metrics; }
    location /a { api_id a; empty_gif; }
--- request eval
["GET /a", "GET /m"]
--- more_headers
Authorization: 1
--- error_code eval
[200, 200]
--- response_body_like eval
['', 'apievents_sessions 9000']

=== TEST 8: takes another set
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files eval
">>> keys.json\n{"
. CORE::join(",\n", map { "\"$_\": {\"access_rights\": {\"a\": {}}}" }
                        9001 .. 18000)
. '}'
--- config
    location = /m { api_metrics; }
    location /a { api_id a; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /m"]
--- more_headers eval
["Authorization: 1", "Authorization: 9001", "Authorization: 18000", ""]
--- error_code eval
[403, 200, 200, 200]
--- response_body_like eval
['', '', '', 'apievents_sessions 9000']

=== TEST 9: no file, no sessions
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
    location /a { api_id a; empty_gif; }
--- request eval
["GET /a", "GET /m"]
--- more_headers
Authorization: 9001
--- error_code eval
[403, 200]
--- response_body_like eval
['', 'apievents_sessions 0']
