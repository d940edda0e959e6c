# Wrong arguments of the gate's directives: one line each, which says where and
# what was expected.  Those of definitions are in 180-definition.t.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: api_id: empty
--- config
    location /a { api_id ""; }
--- emerg
invalid identifier "" in "api_id", expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-", or "off"
nginx.conf:

=== TEST 2: api_id: other characters
--- config
    location /a { api_id a/b; }
--- emerg
invalid identifier "a/b" in "api_id", expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-", or "off"

=== TEST 3: api_id: too long
--- config
    location /a {
        api_id aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;
    }
--- emerg
" in "api_id", expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-", or "off"

=== TEST 4: api_id: twice
--- config
    location /a { api_id a; api_id b; }
--- emerg
"api_id" directive is duplicate in

=== TEST 5: api_id: no argument
--- config
    location /a { api_id; }
--- emerg
invalid number of arguments in "api_id" directive

=== TEST 6: api_org: empty
--- config
    location /a { api_org ""; }
--- emerg
invalid identifier "" in "api_org", expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-", or "off"

=== TEST 7: api_org: other characters
--- config
    location /a { api_org "a b"; }
--- emerg
invalid identifier "a b" in "api_org", expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-", or "off"

=== TEST 8: api_org: twice
--- config
    location /a { api_org a; api_org off; }
--- emerg
"api_org" directive is duplicate in

=== TEST 9: api_auth: unknown source
--- config
    location /a { api_auth body=key; }
--- emerg
invalid parameter "body=key" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 10: api_auth: no name
--- config
    location /a { api_auth header=; }
--- emerg
invalid parameter "header=" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 11: api_auth: no query name
--- config
    location /a { api_auth query=; }
--- emerg
invalid parameter "query=" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 12: api_auth: no cookie name
--- config
    location /a { api_auth cookie=; }
--- emerg
invalid parameter "cookie=" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 13: api_auth: a header that is none
--- config
    location /a { api_auth "header=a b"; }
--- emerg
invalid parameter "header=a b" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 14: api_auth: a header with a colon
--- config
    location /a { api_auth header=a:b; }
--- emerg
invalid parameter "header=a:b" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 15: api_auth: a cookie that is none
--- config
    location /a { api_auth "cookie=a,b"; }
--- emerg
invalid parameter "cookie=a,b" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 16: api_auth: a query parameter that is none
--- config
    location /a { api_auth query=a&b; }
--- emerg
invalid parameter "query=a&b" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 17: api_auth: off beside a source
--- config
    location /a { api_auth off header=X; }
--- emerg
invalid parameter "off" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 18: api_auth: a source beside off
--- config
    location /a { api_auth header=X off; }
--- emerg
invalid parameter "off" in "api_auth", expected header=NAME, query=NAME, cookie=NAME or "off" alone

=== TEST 19: api_auth: twice
--- config
    location /a { api_auth off; api_auth header=X; }
--- emerg
"api_auth" directive is duplicate in

=== TEST 20: api_rate: a word
--- config
    location /a { api_rate fast; }
--- emerg
invalid limit "fast" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 21: api_rate: no unit
--- config
    location /a { api_rate 100; }
--- emerg
invalid limit "100" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 22: api_rate: another unit
--- config
    location /a { api_rate 100r/w; }
--- emerg
invalid limit "100r/w" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 23: api_rate: two units
--- config
    location /a { api_rate 1r/ss; }
--- emerg
invalid limit "1r/ss" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 24: api_rate: zero
--- config
    location /a { api_rate 0r/s; }
--- emerg
invalid limit "0r/s" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 25: api_rate: negative
--- config
    location /a { api_rate -1r/s; }
--- emerg
invalid limit "-1r/s" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 26: api_rate: too many
--- config
    location /a { api_rate 1000000001r/s; }
--- emerg
invalid limit "1000000001r/s" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 27: api_rate: far too many
--- config
    location /a { api_rate 99999999999999999999r/s; }
--- emerg
invalid limit "99999999999999999999r/s" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 28: api_rate: a fraction
--- config
    location /a { api_rate 1.5r/s; }
--- emerg
invalid limit "1.5r/s" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 29: api_rate: no time
--- config
    location /a { api_rate 5/; }
--- emerg
invalid limit "5/" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 30: api_rate: a wrong time
--- config
    location /a { api_rate 5/10x; }
--- emerg
invalid limit "5/10x" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 31: api_rate: an empty time
--- config
    location /a { api_rate 5/0; }
--- emerg
invalid limit "5/0" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 32: api_rate: too long a time
--- config
    location /a { api_rate 5/11y; }
--- emerg
invalid limit "5/11y" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 33: api_rate: no number
--- config
    location /a { api_rate r/s; }
--- emerg
invalid limit "r/s" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 34: api_rate: a number behind
--- config
    location /a { api_rate r/s100; }
--- emerg
invalid limit "r/s100" in "api_rate", expected a number from 1 to 1000000000 and "r/s", "r/m", "r/h", "r/d" or "/TIME", such as "100r/s" or "5/10s"

=== TEST 35: api_rate: unknown parameter
--- config
    location /a { api_rate 1r/s nodelay; }
--- emerg
invalid parameter "nodelay" in "api_rate", expected burst=N, key=$VARIABLE, mode=gcra, mode=window, mode=fixed or dry_run

=== TEST 36: api_rate: unknown mode
--- config
    location /a { api_rate 1r/s mode=bucket; }
--- emerg
invalid parameter "mode=bucket" in "api_rate", expected burst=N, key=$VARIABLE, mode=gcra, mode=window, mode=fixed or dry_run

=== TEST 37: api_rate: no burst with fixed periods
--- config
    location /a { api_rate 1r/s mode=fixed burst=2; }
--- emerg
"burst=" in "api_rate" expected mode=gcra, a window lets its number pass at once

=== TEST 38: api_rate: burst without a number
--- config
    location /a { api_rate 1r/s burst=; }
--- emerg
invalid parameter "burst=" in "api_rate", expected burst= with a number from 0 to 1000000000

=== TEST 39: api_rate: burst of a word
--- config
    location /a { api_rate 1r/s burst=many; }
--- emerg
invalid parameter "burst=many" in "api_rate", expected burst= with

=== TEST 40: api_rate: burst too large
--- config
    location /a { api_rate 1r/s burst=1000000001; }
--- emerg
invalid parameter "burst=1000000001" in "api_rate", expected burst= with

=== TEST 41: api_rate: burst of a window
--- config
    location /a { api_rate 1r/s mode=window burst=5; }
--- emerg
"burst=" in "api_rate" expected mode=gcra, a window lets its number pass at once

=== TEST 42: api_rate: an empty key
--- config
    location /a { api_rate 1r/s key=; }
--- emerg
invalid parameter "key=" in "api_rate", expected a variable, such as key=$remote_addr

=== TEST 43: api_rate: a constant key
--- config
    location /a { api_rate 1r/s key=me; }
--- emerg
invalid parameter "key=me" in "api_rate", expected a variable, such as key=$remote_addr

=== TEST 44: api_rate: an unknown variable
--- config
    location /a { api_rate 1r/s key=$no_such_thing; }
--- emerg
unknown "no_such_thing" variable

=== TEST 45: api_rate: off beside a limit
--- config
    location /a { api_rate 1r/s; api_rate off; }
--- emerg
"api_rate off" must stand alone in its block

=== TEST 46: api_rate: a limit beside off
--- config
    location /a { api_rate off; api_rate 1r/s; }
--- emerg
"api_rate off" must stand alone in its block

=== TEST 47: api_rate: off with a parameter
--- config
    location /a { api_rate off dry_run; }
--- emerg
"api_rate off" must stand alone in its block

=== TEST 48: api_quota: a word
--- config
    location /a { api_quota much; }
--- emerg
invalid limit "much" in "api_quota", expected a number from 1 to 1000000000 and "/TIME", such as "10000/30d"

=== TEST 49: api_quota: no time
--- config
    location /a { api_quota 100; }
--- emerg
invalid limit "100" in "api_quota", expected a number from 1 to 1000000000 and "/TIME", such as "10000/30d"

=== TEST 50: api_quota: a rate
--- config
    location /a { api_quota 100r/s; }
--- emerg
invalid limit "100r/s" in "api_quota", expected a number from 1 to 1000000000 and "/TIME", such as "10000/30d"

=== TEST 51: api_quota: zero
--- config
    location /a { api_quota 0/30d; }
--- emerg
invalid limit "0/30d" in "api_quota", expected a number from 1 to 1000000000 and "/TIME", such as "10000/30d"

=== TEST 52: api_quota: a wrong time
--- config
    location /a { api_quota 100/30days; }
--- emerg
invalid limit "100/30days" in "api_quota", expected a number from 1 to 1000000000 and "/TIME", such as "10000/30d"

=== TEST 53: api_quota: an unknown unit
--- config
    location /a { api_quota 1/1d align=year; }
--- emerg
invalid parameter "align=year" in "api_quota", expected align=hour, align=day, align=week or align=month

=== TEST 54: api_quota: tz= alone
--- config
    location /a { api_quota 1/1d tz=+01:00; }
--- emerg
"tz=" in "api_quota" expected align= beside it, a period starts at the first request

=== TEST 55: api_quota: burst=1 is none of its parameters
--- config
    location /a { api_quota 1/1d burst=1; }
--- emerg
invalid parameter "burst=1" in "api_quota", expected key=$VARIABLE, align=UNIT, tz=OFFSET or dry_run

=== TEST 56: api_quota: mode=gcra is none of its parameters
--- config
    location /a { api_quota 1/1d mode=gcra; }
--- emerg
invalid parameter "mode=gcra" in "api_quota", expected key=$VARIABLE, align=UNIT, tz=OFFSET or dry_run

=== TEST 57: api_quota: nodelay is none of its parameters
--- config
    location /a { api_quota 1/1d nodelay; }
--- emerg
invalid parameter "nodelay" in "api_quota", expected key=$VARIABLE, align=UNIT, tz=OFFSET or dry_run

=== TEST 58: api_quota: a constant key
--- config
    location /a { api_quota 1/1d key=me; }
--- emerg
invalid parameter "key=me" in "api_quota", expected a variable, such as key=$remote_addr

=== TEST 59: api_quota: off beside a limit
--- config
    location /a { api_quota 1/1d; api_quota off; }
--- emerg
"api_quota off" must stand alone in its block

=== TEST 60: api_event_key: another word
--- config
    location /a { api_event_key plain; }
--- emerg
invalid value "plain" in "api_event_key", expected "raw", "hash" or "masked"

=== TEST 61: api_event_key: twice
--- config
    location /a { api_event_key raw; api_event_key hash; }
--- emerg
"api_event_key" directive is duplicate in

=== TEST 62: api_body_max: no number
--- config
    location /a { api_body_max much; }
--- emerg
invalid size "much" in "api_body_max", expected a number of bytes, or one with "k" or "m"

=== TEST 63: api_body_max: twice
--- config
    location /a { api_body_max 1; api_body_max 2; }
--- emerg
"api_body_max" directive is duplicate in

=== TEST 64: api_master_keys: neither on nor off
--- http_config
    api_master_keys yes;
--- config
    location /a { }
--- emerg
invalid value "yes" in "api_master_keys" directive, it must be "on" or "off"

=== TEST 65: api_master_keys: in a location
--- config
    location /a { api_master_keys on; }
--- emerg
"api_master_keys" directive is not allowed here

=== TEST 66: an API without a zone
--- config
    location /a { api_id a; }
--- emerg
API "a" needs shared memory, expected "api_zone" in the http block, in
nginx.conf:

=== TEST 67: more limits than a request is held against
--- http_config
    api_zone apievents:16m;
--- config
    location /a {
        api_id a;
        api_rate 1/1s;
        api_rate 2/1s;
        api_rate 3/1s;
        api_rate 4/1s;
        api_rate 5/1s;
        api_rate 6/1s;
        api_rate 7/1s;
        api_rate 8/1s;
        api_rate 9/1s;
        api_rate 10/1s;
        api_quota 1/1d;
        api_quota 2/1d;
        api_quota 3/1d;
        api_quota 4/1d;
        api_quota 5/1d;
        api_quota 6/1d;
    }
--- emerg
API "a" has too many limits, expected at most 15 of "api_rate" and "api_quota" that are not dry_run, in
nginx.conf:

=== TEST 68: everything that is right
--- http_config
    api_zone apievents:16m;
    api_master_keys on;
    api_auth header=X-Key query=key cookie=key;
    api_rate 1000000000r/d;
    api_event_key masked;
    api_body_max 64k;
--- config
    api_id A.b_c-9;
    api_org off;

    location /b/ {
        api_org acme;
        api_auth off;
        api_rate 100r/s burst=20;
        api_rate 5/10s key=$remote_addr mode=window;
        api_rate 1/1h30m key=$arg_a$arg_b mode=gcra dry_run;
        api_quota 10000/30d;
        api_quota 10/10y key=$remote_addr dry_run;
        api_event_key hash;
        api_body_max 0;
        empty_gif;
    }

    location /c/ {
        api_auth off;
        empty_gif;
    }

    location /a/ {
        api_quota 10/1M;
        api_rate 10/500ms;
    }

    location /off {
        api_id off;
        api_rate off;
        api_quota off;
    }
--- request
GET /c/
--- error_code: 200

=== TEST 69: dry runs do not count among the limits
--- http_config
    api_zone apievents:16m;
--- config
    location /a {
        api_id a;
        api_auth off;
        api_rate 1000r/s dry_run; api_rate 1000r/s dry_run;
        api_rate 1000r/s burst=1; api_rate 1000r/s burst=1;
        api_rate 1000r/s burst=1; api_rate 1000r/s burst=1;
        api_rate 1000r/s burst=1; api_rate 1000r/s burst=1;
        api_rate 1000r/s burst=1; api_rate 1000r/s burst=1;
        api_rate 1000r/s burst=1; api_rate 1000r/s burst=1;
        api_quota 10/1d; api_quota 10/1d;
        api_quota 10/1d; api_quota 10/1d; api_quota 10/1d;
        empty_gif;
    }
--- request
GET /a

=== TEST 70: api_rate: a parameter twice
--- config
    location /a { api_rate 1r/s burst=1 key=$uri burst=2; }
--- emerg
repeated parameter "burst=2" in "api_rate", expected each of them once in
nginx.conf:

=== TEST 71: api_rate: twice the same
--- config
    location /a { api_rate 1r/s dry_run dry_run; }
--- emerg
repeated parameter "dry_run" in "api_rate", expected each of them once in

=== TEST 72: api_rate: two keys
--- config
    location /a { api_rate 1r/s key=$uri key=$host; }
--- emerg
repeated parameter "key=$host" in "api_rate", expected each of them once in

=== TEST 73: api_quota: two units
--- config
    location /a { api_quota 1/1d align=day align=day; }
--- emerg
repeated parameter "align=day" in "api_quota", expected each of them once in
