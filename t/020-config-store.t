# The directives of the store: the zone, the module's folder, files of keys.
# What is wrong about them ends the start with one line that says what was
# expected.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: a zone and nothing else
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- response_body_like: apievents_sessions 0\n

=== TEST 2: a zone without a size
--- http_config
    api_zone a;
--- emerg
invalid zone "a", NAME:SIZE is expected in
nginx.conf:

=== TEST 3: a zone without a name
--- http_config
    api_zone :16m;
--- emerg
invalid zone ":16m", NAME:SIZE is expected

=== TEST 4: a size that is none
--- http_config
    api_zone a:16x;
--- emerg
invalid zone size "16x", a number with k or m is expected

=== TEST 5: a size that is too small for anything
--- http_config
    api_zone a:100k;
--- emerg
zone "a:100k" is too small, at least

=== TEST 6: a size that is too small for its rings
--- workers: 3
--- http_config
    api_zone a:2m;
--- emerg eval
[qr/api_zone "a" of 2048k is too small: 8 rings of 1024k/,
 qr/need at least \d+k in \S+nginx\.conf:\d+/]

=== TEST 7: small rings, in the smallest zone that takes them
--- http_config
    api_zone a:1280k ring=16k;
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- response_body_like: apievents_rings 6\n

=== TEST 8: a ring that is too small
--- http_config
    api_zone a:16m ring=8k;
--- emerg
invalid ring size "8k", 16k to 2047m is expected

=== TEST 9: a ring that is no size
--- http_config
    api_zone a:16m ring=;
--- emerg
invalid ring size ""

=== TEST 10: a parameter that is not known
--- http_config
    api_zone a:16m rings=1m;
--- emerg
invalid parameter "rings=1m", ring=SIZE is expected

=== TEST 11: two zones
--- http_config
    api_zone a:16m;
    api_zone b:16m;
--- emerg
"api_zone" directive is duplicate

=== TEST 12: the zone of another module
--- http_config
    limit_req_zone $uri zone=a:16m rate=1r/s;
    api_zone a:16m;
--- emerg
the shared memory zone "a" is already declared for a different use

=== TEST 13: the zone is in the http block only
--- config
    api_zone a:16m;
--- emerg
"api_zone" directive is not allowed here

=== TEST 14: an empty state path
--- http_config
    api_zone a:16m;
    api_state_path "";
--- emerg
"api_state_path" is empty, a folder is expected

=== TEST 15: two state paths
--- http_config
    api_zone a:16m;
    api_state_path a;
    api_state_path b;
--- emerg
"api_state_path" directive is duplicate

=== TEST 16: a state path that cannot be made
--- http_config
    api_zone a:16m;
    api_state_path /proc/none/apievents;
    api_event_handlers * js path=$TEST_NGINX_SERVER_ROOT/html/h.js;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
folder "/proc/none/apievents" of "api_state_path" cannot be made or opened (2:

=== TEST 17: a state path behind the handler that used it
--- http_config
    api_zone a:16m;
    api_event_handlers * js path=$TEST_NGINX_SERVER_ROOT/html/h.js;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
"api_state_path" directive must stand before the handlers that use it

=== TEST 18: every field of a session, and some that are not known
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
    api_org_keys ../html/orgs.json;
--- user_files
>>> keys.json
{"K": {
  "last_check": 0, "allowance": 10.5, "rate": 10, "per": 1.5,
  "throttle_interval": -1, "throttle_retry_limit": -1, "max_query_depth": -1,
  "date_created": "2026-01-31T00:00:00Z", "expires": -1, "quota_max": -1,
  "quota_renews": 1406121006, "quota_remaining": 0, "quota_renewal_rate": 60,
  "access_rights": {"api": {
    "api_name": "API", "api_id": "api", "versions": ["Default"],
    "allowed_urls": [{"url": "/a", "methods": ["GET"]}],
    "restricted_types": [], "allowed_types": null, "limit": {
      "rate": 1, "per": 1, "throttle_interval": 0, "throttle_retry_limit": 0,
      "max_query_depth": 0, "quota_max": 1, "quota_renews": 0,
      "quota_remaining": 0, "quota_renewal_rate": 1, "smoothing": null},
    "field_access_rights": [], "disable_introspection": false,
    "allowance_scope": "", "endpoints": null, "mcp_access_rights": {}}},
  "org_id": "org", "oauth_client_id": "", "oauth_keys": {"a": "b"},
  "certificate": "", "mtls_static_certificate_bindings": null,
  "basic_auth_data": {"password": "", "hash_type": ""},
  "jwt_data": {"secret": ""}, "hmac_enabled": false, "hmac_string": "",
  "rsa_certificate_id": "", "enable_http_signature_validation": false,
  "is_inactive": false, "apply_policy_id": "", "apply_policies": [],
  "data_expires": 0, "monitor": {"trigger_limits": [99.5, 80]},
  "enable_detail_recording": false, "enable_detailed_recording": true,
  "meta_data": {"a": {"b": 1}}, "tags": ["x"], "alias": "k",
  "last_updated": "1406121006", "id_extractor_deadline": 0,
  "session_lifetime": 0, "post_expiry_action": "retain",
  "post_expiry_grace_period": -1, "smoothing": {"enabled": false,
    "threshold": 0, "trigger": 0.5, "step": 0, "delay": 0},
  "newer": {"than": ["this"]}}}
>>> orgs.json
{"org": {"rate": 0, "quota_max": 5}}
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- response_body_like: apievents_sessions 2\n

=== TEST 19: files without sessions
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
    api_org_keys ../html/keys.json;
--- user_files
>>> keys.json
{}
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- response_body_like: apievents_sessions 0\n

=== TEST 20: a file that is not there
--- http_config
    api_zone a:16m;
    api_keys none.json;
--- emerg eval
[qr/open\(\) ".*conf\/none.json" failed \(2: /, qr/in .*nginx.conf:\d+/]

=== TEST 21: something that is no file
--- http_config
    api_zone a:16m;
    api_org_keys /dev/zero;
--- emerg
"/dev/zero" is no file, a file of at most 65536k is expected

=== TEST 22: no file at all
--- http_config
    api_zone a:16m;
    api_keys "";
--- emerg
"api_keys" directive has an empty argument, a file is expected

=== TEST 23: a file that is too large
--- http_config eval
use File::Temp;
our $large = File::Temp->new;
truncate $large, 64 * 1024 * 1024 + 1;
"    api_zone a:16m;
    api_keys $large;
"
--- emerg
is too large, a file of at most 65536k is expected

=== TEST 24: two files
--- http_config
    api_zone a:16m;
    api_org_keys ../html/keys.json;
    api_org_keys ../html/keys.json;
--- user_files
>>> keys.json
{}
--- emerg
"api_org_keys" directive is duplicate

=== TEST 25: no JSON
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{
  "K": {"rate": 10,
        "per": 1,}
}
--- emerg eval
qr/html\/keys.json:3: .* in .*nginx.conf:\d+/

=== TEST 26: an empty file
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
--- emerg eval
qr/keys.json:1: \S.*/

=== TEST 27: an array
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json

[]
--- emerg
keys.json:2: an object of sessions by key is expected

=== TEST 28: a session that is none; the key is not told
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"secret": 10}
--- emerg eval
[qr/keys.json:1: a session must be an object/, qr/^(?!.*secret)/]

=== TEST 29: an empty key
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{
  "": {"access_rights": {"a": {}}}
}
--- emerg
keys.json:2: a key must not be empty

=== TEST 30: a key that is there twice
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{
  "secret": {"access_rights": {"a": {}}},
  "other": {"access_rights": {"a": {}}},
  "secret": {"access_rights": {"a": {}}}
}
--- emerg eval
[qr/keys.json:4: the key is there twice, the first is in line 2/,
 qr/^(?!.*secret)/]

=== TEST 31: a session larger than the zone takes
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files eval
">>> keys.json\n{\n\"K\": {\"alias\": \"" . 'a' x (1024 * 1024) . '"}}'
--- emerg
keys.json:2: a session of at most 1 MiB is expected

=== TEST 32: a key without access rights
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{
  "K": {"access_rights": {"a": {}}},
  "L": {"access_rights": {}}
}
--- emerg
keys.json:3: "access_rights" with at least one API are expected
"api_master_keys on"

=== TEST 33: a key without access rights where such may be
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
    api_master_keys on;
--- user_files
>>> keys.json
{"K": {}, "L": {"access_rights": null}}
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- response_body_like: apievents_sessions 2\n

=== TEST 34: keys without a zone
--- http_config
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{}
--- emerg
"api_zone"

=== TEST 35: more sessions than the zone takes
--- http_config
    api_zone a:8m;
    api_keys ../html/keys.json;
--- user_files eval
">>> keys.json\n{"
. CORE::join(",\n", map { "\"$_\": {\"access_rights\": {\"a\": {}}}" } 1 .. 20000)
. '}'
--- emerg eval
qr/api_zone "a" of 8192k is too small: the 20000 sessions of "api_keys" and "api_org_keys" need \d+k of it, \d+k are there for them/
