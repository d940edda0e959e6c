# Wrong arguments of api_version: one line each, which says where and what was
# expected.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: no source
--- config
    location /a { api_version v1; }
--- emerg
no source in "api_version", expected one of header=NAME, query=NAME and "url" in
nginx.conf:

=== TEST 2: two sources
--- config
    location /a { api_version header=a query=b v1; }
--- emerg
second source "query=b" in "api_version", expected one of header=NAME, query=NAME and "url"
nginx.conf:

=== TEST 3: two sources: url
--- config
    location /a { api_version url url v1; }
--- emerg
second source "url" in "api_version"

=== TEST 4: no header
--- config
    location /a { api_version header= v1; }
--- emerg
invalid parameter "header=" in "api_version", expected header=NAME, query=NAME or "url"

=== TEST 5: no name of a header
--- config
    location /a { api_version "header=a b" v1; }
--- emerg
invalid parameter "header=a b" in "api_version", expected header=NAME, query=NAME or "url"

=== TEST 6: no argument's name
--- config
    location /a { api_version query=a&b v1; }
--- emerg
invalid parameter "query=a&b" in "api_version"

=== TEST 7: a cookie is no source
--- config
    location /a { api_version cookie=v v1; }
--- emerg
invalid date "v" of version "cookie" in "api_version", expected UTC such as 2026-01-31T00:00 or 2026-01-31T00:00:00

=== TEST 8: no version
--- config
    location /a { api_version header=v; }
--- emerg
no version in "api_version", expected NAME or NAME=DATE at least once in
nginx.conf:

=== TEST 9: a version twice
--- config
    location /a { api_version header=v v1 v2 v1=2026-01-31T00:00; }
--- emerg
duplicate version "v1" in "api_version", expected each once in
nginx.conf:

=== TEST 10: an unknown default
--- config
    location /a { api_version header=v default=v3 v1 v2; }
--- emerg
unknown version in "default=v3" of "api_version", expected one of those that it names in
nginx.conf:

=== TEST 11: an empty default
--- config
    location /a { api_version header=v default= v1; }
--- emerg
unknown version in "default=" of "api_version"

=== TEST 12: two defaults
--- config
    location /a { api_version header=v default=v1 default=v2 v1 v2; }
--- emerg
repeated parameter "default=v2" in "api_version", expected one default=NAME

=== TEST 13: a fallback to nothing
--- config
    location /a { api_version header=v fallback v1; }
--- emerg
"fallback" in "api_version" expected default=NAME beside it

=== TEST 14: an empty date
--- config
    location /a { api_version header=v v1=; }
--- emerg
invalid date "" of version "v1" in "api_version"

=== TEST 15: a day only
--- config
    location /a { api_version header=v v1=2026-01-31; }
--- emerg
invalid date "2026-01-31" of version "v1" in "api_version"

=== TEST 16: a month that is none
--- config
    location /a { api_version header=v v1=2026-13-01T00:00; }
--- emerg
invalid date "2026-13-01T00:00" of version "v1" in "api_version"

=== TEST 17: a day that the month has not
--- config
    location /a { api_version header=v v1=2026-02-29T00:00; }
--- emerg
invalid date "2026-02-29T00:00" of version "v1" in "api_version"

=== TEST 18: an hour that is none
--- config
    location /a { api_version header=v v1=2026-01-31T24:00; }
--- emerg
invalid date "2026-01-31T24:00" of version "v1" in "api_version"

=== TEST 19: no number
--- config
    location /a { api_version header=v v1=2026-O1-31T00:00; }
--- emerg
invalid date "2026-O1-31T00:00" of version "v1" in "api_version"

=== TEST 20: a zone
--- config
    location /a { api_version header=v v1=2026-01-31T00:00+01:00; }
--- emerg
invalid date "2026-01-31T00:00+01:00" of version "v1" in "api_version"

=== TEST 21: no name before a date
--- config
    location /a { api_version header=v =2026-01-31T00:00; }
--- emerg
invalid version "" in "api_version", expected 1 to 128 printable ASCII characters without blanks and "="

=== TEST 22: a blank in a name
--- config
    location /a { api_version header=v "v 1"; }
--- emerg
invalid version "v 1" in "api_version", expected 1 to 128 printable ASCII

=== TEST 23: a name that is no segment
--- config
    location /a { api_version v1 v/2 url; }
--- emerg
invalid version "v/2" in "api_version", expected no "/" in it with "url"

=== TEST 24: off and more
--- config
    location /a { api_version off v1; }
--- emerg
"api_version off" must stand alone in
nginx.conf:

=== TEST 25: twice
--- config
    location /a { api_version header=v v1; api_version off; }
--- emerg
"api_version" directive is duplicate in

=== TEST 26: none
--- config
    location /a { api_version; }
--- emerg
invalid number of arguments in "api_version" directive

=== TEST 27: inside of if
--- config
    location /a { if ($arg_a) { api_version header=v v1; } }
--- emerg
"api_version" directive is not allowed here

=== TEST 28: everything that is right
--- config
    location /a { api_version header=Accept default=application/vnd.a+json
                              application/vnd.a+json off=1970-01-01T00:00; }
    location /b { api_version fallback strip query=v default=1 1 "2=2026-12-31 23:59:59"; }
    location /c { api_version url v1=9999-12-31T23:59 ~v; empty_gif; }
    location /d { api_version off; }
--- request
GET /c
--- error_code: 200
