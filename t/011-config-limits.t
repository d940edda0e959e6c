# Units of quotas that follow the calendar, good and bad.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: every unit, and every way to say its time
--- http_config
    api_zone apievents:16m;
--- config
    location /a {
        api_id a;
        api_auth off;
        api_quota 10/1h align=hour;
        api_quota 10/60m align=hour tz=Z;
        api_quota 10/1d align=day tz=+00:00;
        api_quota 10/24h tz=-12:00 align=day;
        api_quota 10/1w align=week tz=+14:00;
        api_quota 10/7d align=week tz=-14:00;
        api_quota 10/1M align=month tz=+05:45;
        api_quota 10/28d align=month;
        api_quota 10/29d align=month;
        api_quota 10/30d align=month;
        api_quota 10/31d align=month dry_run;
        empty_gif;
    }
--- request
GET /a

=== TEST 2: a day is no hour
--- config
    location /a { api_quota 1/1d align=hour; }
--- emerg
invalid time in "1/1d" of "api_quota" with align=hour, expected 1h

=== TEST 3: nor an hour a day
--- config
    location /a { api_quota 1/1h align=day tz=+01:00; }
--- emerg
invalid time in "1/1h" of "api_quota" with align=day, expected 1d

=== TEST 4: nor six days a week
--- config
    location /a { api_quota 1/6d align=week; }
--- emerg
invalid time in "1/6d" of "api_quota" with align=week, expected 1w or 7d

=== TEST 5: nor four weeks less a day a month
--- config
    location /a { api_quota 1/27d align=month; }
--- emerg
invalid time in "1/27d" of "api_quota" with align=month, expected 1M or 28d to 31d

=== TEST 6: nor 32 days
--- config
    location /a { api_quota 1/32d align=month; }
--- emerg
invalid time in "1/32d" of "api_quota" with align=month, expected 1M or 28d to 31d

=== TEST 7: nor days and a half
--- config
    location /a { api_quota 1/30d12h align=month; }
--- emerg
invalid time in "1/30d12h" of "api_quota" with align=month, expected 1M or 28d to 31d

=== TEST 8: nor a part of a second more
--- config
    location /a { api_quota 1/3600001ms align=hour; }
--- emerg
invalid time in "1/3600001ms" of "api_quota" with align=hour, expected 1h

=== TEST 9: tz: a name
--- config
    location /a { api_quota 1/1d align=day tz=CET; }
--- emerg
invalid parameter "tz=CET" in "api_quota", expected tz=Z, or tz= with hours and minutes east of UTC from -14:00 to +14:00, such as tz=+01:00

=== TEST 10: tz: over fourteen hours
--- config
    location /a { api_quota 1/1d align=day tz=+14:01; }
--- emerg
invalid parameter "tz=+14:01" in "api_quota", expected tz=Z

=== TEST 11: tz: more minutes than an hour has
--- config
    location /a { api_quota 1/1d align=day tz=-01:60; }
--- emerg
invalid parameter "tz=-01:60" in "api_quota", expected tz=Z

=== TEST 12: tz: without a sign
--- config
    location /a { api_quota 1/1d align=day tz=01:00; }
--- emerg
invalid parameter "tz=01:00" in "api_quota", expected tz=Z

=== TEST 13: align is not for rates
--- config
    location /a { api_rate 1/1d align=day; }
--- emerg
invalid parameter "align=day" in "api_rate", expected burst=N, key=$VARIABLE, mode=gcra, mode=window, mode=fixed or dry_run

=== TEST 14: nor a mode for quotas
--- config
    location /a { api_quota 1/1d mode=fixed; }
--- emerg
invalid parameter "mode=fixed" in "api_quota", expected key=$VARIABLE, align=UNIT, tz=OFFSET or dry_run
