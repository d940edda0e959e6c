# api_base, and what is wrong about it.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: in every level
--- http_config
    api_base /;
--- config
    api_base /v1/;
    location /t {
        api_base /v1/orders/list;
        return 204;
    }
--- request
GET /t
--- error_code: 204

=== TEST 2: two in one level
--- config
    api_base /v1/;
    api_base /v2/;
--- emerg
"api_base" directive is duplicate in
nginx.conf:

=== TEST 3: a relative path
--- config
    api_base v1/;
--- emerg
invalid path "v1/" in "api_base", one that begins with "/" is expected in
nginx.conf:

=== TEST 4: an empty path
--- http_config
    api_base "";
--- emerg
invalid path "" in "api_base", one that begins with "/" is expected in

=== TEST 5: no path
--- config
    api_base;
--- emerg
invalid number of arguments in "api_base" directive in

=== TEST 6: not in an if
--- config
    location / {
        if ($arg_a) { api_base /; }
    }
--- emerg
"api_base" directive is not allowed here in
