# api_store: what may stand there, and what ends the start with one line that
# says what was expected.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: all parameters
--- http_config
    api_zone a:16m;
    api_store sqlite:other.db flush=1s history=30d max=64m;
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- check eval
sub { ok(-f "$Test::Nginx::Util::ServRoot/logs/state/other.db.lock", "locked") }

=== TEST 2: none
--- http_config
    api_zone a:16m;
    api_store off;
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- check eval
sub { ok(!-e "$Test::Nginx::Util::ServRoot/logs/state", "nothing is made") }

=== TEST 3: a full name, no history
--- http_config
    api_zone a:16m;
    api_store sqlite:$TEST_NGINX_SERVER_ROOT/html/x.db history=0;
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- check eval
sub {
    my $root = $Test::Nginx::Util::ServRoot;
    ok(-f "$root/html/x.db.lock", 'the lock is beside the file');
    ok(!-e "$root/logs/state", 'the state path is not needed');
}

=== TEST 4: without a zone there is no store
--- http_config
    api_store sqlite:$TEST_NGINX_SERVER_ROOT/nowhere/x.db;
--- config
    location = /m { empty_gif; }
--- request
GET /m

=== TEST 5: redis
--- http_config
    api_zone a:16m;
    api_store redis;
--- emerg
"redis" is not available in this version of the module, sqlite:FILE or "off" is expected in
nginx.conf:

=== TEST 6: something else
--- http_config
    api_zone a:16m;
    api_store postgres;
--- emerg
invalid store "postgres", sqlite:FILE or "off" is expected in

=== TEST 7: no file
--- http_config
    api_zone a:16m;
    api_store sqlite:;
--- emerg
invalid store "sqlite:", sqlite:FILE or "off" is expected in

=== TEST 8: a folder
--- http_config
    api_zone a:16m;
    api_store sqlite:db/;
--- emerg
invalid store "sqlite:db/", sqlite:FILE or "off" is expected in

=== TEST 9: a parameter that is not known
--- http_config
    api_zone a:16m;
    api_store sqlite:a.db sync=off;
--- emerg
invalid parameter "sync=off", flush=TIME, history=TIME or max=SIZE is expected in

=== TEST 10: off takes none
--- http_config
    api_zone a:16m;
    api_store off flush=1s;
--- emerg
invalid parameter "flush=1s", none is expected after "off" in

=== TEST 11: a flush that is too short
--- http_config
    api_zone a:16m;
    api_store sqlite:a.db flush=0;
--- emerg
invalid flush "0", a time of 1ms to 60s is expected in

=== TEST 12: one that is too long
--- http_config
    api_zone a:16m;
    api_store sqlite:a.db flush=61s;
--- emerg
invalid flush "61s", a time of 1ms to 60s is expected in

=== TEST 13: a history that is no time
--- http_config
    api_zone a:16m;
    api_store sqlite:a.db history=long;
--- emerg
invalid history "long", a time in seconds or with a unit is expected, 0 for none in

=== TEST 14: a size that is too small
--- http_config
    api_zone a:16m;
    api_store sqlite:a.db max=100k;
--- emerg
invalid max "100k", a size of at least 1m is expected in

=== TEST 15: a size that is none
--- http_config
    api_zone a:16m;
    api_store sqlite:a.db max=;
--- emerg
invalid parameter "max=", flush=TIME, history=TIME or max=SIZE is expected in

=== TEST 16: two stores
--- http_config
    api_zone a:16m;
    api_store sqlite:a.db;
    api_store off;
--- emerg
"api_store" directive is duplicate in

=== TEST 17: a folder that is not there
--- http_config
    api_zone a:16m;
    api_store sqlite:/proc/none/a.db;
--- emerg
folder "/proc/none" of the store cannot be written by the worker user in
nginx.conf:

=== TEST 18: a state path that cannot be made
--- http_config
    api_zone a:16m;
    api_state_path /proc/none/apievents;
--- emerg
folder "/proc/none/apievents" of "api_state_path" cannot be made or opened (2:

=== TEST 19: in the http block only
--- config
    api_store off;
--- emerg
"api_store" directive is not allowed here in

=== TEST 20: a pool of that name is the user's
--- main_config
    thread_pool apievents_store threads=2;
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
--- request
GET /m

=== TEST 21: a file that is no database
--- http_config
    api_zone a:16m;
    api_store sqlite:$TEST_NGINX_SERVER_ROOT/html/broken.db;
--- user_files eval
">>> broken.db\n" . 'not a database ' x 1000
--- emerg eval
[qr/store "\S+broken.db" cannot be used: \S+.*: .* in \S+nginx\.conf:\d+$/]

=== TEST 22: an empty file is as good as none
--- http_config
    api_zone a:16m;
    api_store sqlite:$TEST_NGINX_SERVER_ROOT/html/empty.db;
--- user_files
>>> empty.db
--- config
    location = /m { api_metrics; }
--- request
GET /m

=== TEST 23: a key for what is sealed
--- http_config
    api_zone a:16m;
    api_secret_key file:$TEST_NGINX_SERVER_ROOT/html/key;
--- config
    location = /m { api_metrics; }
--- user_files
>>> key
sixteen bytes...
--- request
GET /m

=== TEST 24: none
--- http_config
    api_zone a:16m;
    api_secret_key off;
--- config
    location = /m { api_metrics; }
--- request
GET /m

=== TEST 25: a key in the configuration
--- http_config
    api_zone a:16m;
    api_secret_key sixteen-bytes...;
--- emerg
invalid key, "file:PATH" or "off" is expected in

=== TEST 26: a key that is too short
--- http_config
    api_zone a:16m;
    api_secret_key file:$TEST_NGINX_SERVER_ROOT/html/key;
--- user_files
>>> key
fifteen bytes..
--- emerg
too short a key, 16 characters or more are expected in its file in

=== TEST 27: no such file
--- http_config
    api_zone a:16m;
    api_secret_key file:$TEST_NGINX_SERVER_ROOT/html/key;
--- emerg
(2: No such file or directory) in

=== TEST 28: two keys
--- http_config
    api_zone a:16m;
    api_secret_key off;
    api_secret_key off;
--- emerg
"api_secret_key" directive is duplicate in
