# What api_definitions refuses, and where it says so.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

# each block has the folder, and a zone
Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . ($block->http_config // ''));
    $block->set_value(config => <<'END') unless defined $block->config;
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
END
});

run_tests();

__DATA__

=== TEST 1: the store
--- config
    api_definitions store;
--- emerg
"api_definitions store" is not available yet, expected a folder in
nginx.conf:

=== TEST 2: no folder
--- config
    api_definitions no-such-folder;
--- emerg
no-such-folder" failed, expected a folder
nginx.conf:

=== TEST 3: an unknown parameter
--- config
    api_definitions apis all;
--- emerg
invalid parameter "all" in "api_definitions", expected ca=FILE
nginx.conf:

=== TEST 4: twice
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/none
--- emerg
"api_definitions" directive is duplicate

=== TEST 5: an empty name
--- config
    api_definitions "";
--- emerg
"api_definitions" has an empty argument, expected a folder

=== TEST 6: not JSON
--- user_files
>>> apis/a.json
{
  "api_id": "a",
}
--- emerg
invalid definition:
apis/a.json:3

=== TEST 7: not an object
--- user_files
>>> apis/a.json
[]
--- emerg
invalid "definition", expected an object in
apis/a.json:1

=== TEST 8: no proxy
--- user_files
>>> apis/a.json
{"api_id": "a"}
--- emerg
invalid "proxy", expected an object
apis/a.json:1

=== TEST 9: an OpenAPI document
--- user_files
>>> apis/a.json
{"openapi": "3.0.3",
 "x-tyk-api-gateway": {}}
--- emerg
an OpenAPI document with "x-tyk-api-gateway" is not supported, expected a classic definition
apis/a.json:2

=== TEST 10: no id
--- user_files
>>> apis/a.json
{"proxy": {"listen_path": "/a/", "target_url": "http://127.0.0.1:1/"}}
--- emerg
the definition has no "api_id"
apis/a.json:1

=== TEST 11: no listen path
--- user_files
>>> apis/a.json
{"api_id": "a",
 "proxy": {"target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a path that begins with "/", of at most 1024 characters in
apis/a.json:2

=== TEST 12: a relative one
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "a/", "target_url": "http://127.0.0.1:1/"}}
--- emerg
expected a path that begins with "/"
apis/a.json:2

=== TEST 13: one with a pattern in braces
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a/{id:[0-9]+}/", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a path whose "{name}" has 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-", and no pattern in
apis/a.json:2

=== TEST 14: doubled slashes
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a//b", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a path without "//"

=== TEST 15: dots
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a/..", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a path without "." and ".." between slashes

=== TEST 16: dots in the middle
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a/./b", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a path without "." and ".." between slashes

=== TEST 17: a listen path that would end its location
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a ; } location /b", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected characters of A-Z
apis/a.json:2

=== TEST 18: one with a line end
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a;\n return 200", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected characters of A-Z

=== TEST 19: one with a variable
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/$host", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected characters of A-Z

=== TEST 20: one with a quote
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a\"", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected characters of A-Z

=== TEST 21: one with NUL
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a\u0000b", "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a string without NUL characters

=== TEST 22: no target
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
 "listen_path": "/a"}}
--- emerg
invalid "target_url", expected an absolute http:// or https:// URL
apis/a.json:1

=== TEST 23: a target of another kind
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a",
 "target_url": "h2c://127.0.0.1:1/"}}
--- emerg
invalid "target_url": an absolute http:// or https:// URL is expected
apis/a.json:2

=== TEST 24: a target with a space
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a",
 "target_url": "http://127.0.0.1:1/ ; } server {"}}
--- emerg
a URL without spaces, controls and unencoded bytes is expected

=== TEST 25: a target with a line end
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a",
 "target_url": "http://127.0.0.1:1/\nX: y"}}
--- emerg
a URL without spaces, controls and unencoded bytes is expected

=== TEST 26: a variable for a host
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a",
 "target_url": "http://$host/"}}
--- emerg
invalid "target_url": a host name or address is expected

=== TEST 27: load balancing without targets
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a",
 "target_url": "http://127.0.0.1:1/", "enable_load_balancing": true}}
--- emerg
invalid "target_list", expected at least one URL for "enable_load_balancing"

=== TEST 28: with a wrong one
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a",
 "enable_load_balancing": true, "target_list": ["http://127.0.0.1:1",
 7]}}
--- emerg
invalid "target_list", expected a string
apis/a.json:3

=== TEST 29: one listen path in two files
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/", "target_url": "http://127.0.0.1:1/"}}
>>> apis/b.json
{"api_id": "b",
 "proxy": {"listen_path": "/a/", "target_url": "http://127.0.0.1:1/"}}
--- emerg
duplicate "listen_path" "/a/",
apis/a.json" has it too in
apis/b.json:2

=== TEST 30: one id in two files
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/", "target_url": "http://127.0.0.1:1/"}}
>>> apis/b.json
{
 "api_id": "a",
 "proxy": {"listen_path": "/b/", "target_url": "http://127.0.0.1:1/"}}
--- emerg
duplicate "api_id" "a",
apis/a.json" has it too in
apis/b.json:2

=== TEST 31: a path that the server has a location for
--- config
    location /a/ { return 200; }
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {
  "listen_path": "/a/", "target_url": "http://127.0.0.1:1/"}}
--- emerg
duplicate location "/a/" in
apis/a.json:2

=== TEST 32: a wrong type
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:1/", "strip_listen_path": 1}}
--- emerg
invalid "strip_listen_path", expected true or false
apis/a.json:2

=== TEST 33: an error in a handler
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:1/"}, "event_handlers": {"events": {
  "Nothing; } server {": [{"handler_name": "eh_log_handler"}]}}}
--- emerg
"Nothing; } server {"
apis/a.json:3

=== TEST 34: a CA that is not there
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis ca=no-such-file;
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/",
  "target_url": "https://127.0.0.1:1/"}}
--- emerg
no-such-file

=== TEST 35: without shared memory
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- http_config
--- user_files
>>> apis/a.json
{"api_id": "..", "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:1/", "x": "; } $x \" ' \n"}, "org_id": "a b"}
--- emerg
invalid "org_id", expected 1 to 128 characters

=== TEST 36: one listen path under two names
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/{x}/",
  "target_url": "http://127.0.0.1:1/"}}
>>> apis/b.json
{"api_id": "b", "proxy": {"listen_path": "/a/{y}/",
  "target_url": "http://127.0.0.1:1/"}}
--- emerg
duplicate "listen_path" "/a/{y}/"
apis/b.json:1

=== TEST 37: braces that are not closed
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/{x",
  "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a path whose "{name}"

=== TEST 38: none in them
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/{}",
  "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected a path whose "{name}"

=== TEST 39: no opening one
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a/x}",
  "target_url": "http://127.0.0.1:1/"}}
--- emerg
invalid "listen_path", expected characters of A-Z
