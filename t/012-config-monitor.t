# Wrong parameters of api_monitor.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: a threshold that is no number
--- config
    location /a { api_monitor limits=50,half keys=on; }
--- emerg
invalid parameter "limits=50,half" in "api_monitor", expected limits= with percentages above 0 up to 100, such as limits=100,80,50

=== TEST 2: none
--- config
    location /a { api_monitor limits= keys=on; }
--- emerg
invalid parameter "limits=" in "api_monitor", expected limits= with percentages

=== TEST 3: nothing behind a comma
--- config
    location /a { api_monitor limits=50, keys=on; }
--- emerg
invalid parameter "limits=50," in "api_monitor", expected limits= with percentages

=== TEST 4: nought is reached before the first request
--- config
    location /a { api_monitor limits=0 keys=on; }
--- emerg
invalid parameter "limits=0" in "api_monitor", expected limits= with percentages

=== TEST 5: more than all
--- config
    location /a { api_monitor limits=100.0001 keys=on; }
--- emerg
invalid parameter "limits=100.0001" in "api_monitor", expected limits= with percentages

=== TEST 6: keys
--- config
    location /a { api_monitor keys=yes; }
--- emerg
invalid parameter "keys=yes" in "api_monitor", expected keys=on or keys=off

=== TEST 7: orgs
--- config
    location /a { api_monitor orgs=1; }
--- emerg
invalid parameter "orgs=1" in "api_monitor", expected orgs=on or orgs=off

=== TEST 8: unknown
--- config
    location /a { api_monitor limit=5 keys=on; }
--- emerg
invalid parameter "limit=5" in "api_monitor", expected limits=PERCENT,..., keys=on, orgs=on, then a handler with its parameters, or "off" alone

=== TEST 9: off is not alone
--- config
    location /a { api_monitor keys=on off; }
--- emerg
unknown handler "off"

=== TEST 10: an unknown handler
--- config
    location /a { api_monitor keys=on smtp to=a@example.com; }
--- emerg
unknown handler "smtp"

=== TEST 11: a wrong parameter of the handler
--- config
    location /a { api_monitor keys=on webhook url=http://127.0.0.1/ limits=5; }
--- emerg
unknown or repeated parameter "limits" of handler "webhook"

=== TEST 12: twice
--- config
    location /a { api_monitor keys=on; api_monitor orgs=on; }
--- emerg
"api_monitor" directive is duplicate

=== TEST 13: one that monitors nothing is said so
--- http_config
    api_monitor limits=50;
--- config
    location /a { empty_gif; }
--- request
GET /a
--- error_log
"api_monitor" monitors nothing, expected keys=on or orgs=on
