# api_definitions: a folder of Tyk definitions is a gateway.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: two definitions are two APIs
--- config
    api_event_handlers off;
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis/;
--- user_files
>>> apis/orders.json
{
  "name": "Orders", "api_id": "orders", "org_id": "acme", "active": true,
  "auth": {"auth_header_name": "X-Key"},
  "version_data": {"not_versioned": true,
                   "versions": {"Default": {"name": "Default"}}},
  "proxy": {
    "listen_path": "/orders/",
    "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/base/",
    "strip_listen_path": true
  }
}
>>> apis/open.json
{
  "api_id": "open", "use_keyless": true,
  "proxy": {
    "listen_path": "/open",
    "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok?fixed=1"
  }
}
>>> apis/.hidden.json
not read
>>> apis/readme.txt
not read
--- request eval
["GET /orders/1?a=b%20c", "GET /orders/1?a=b%20c", "POST /open/x%2Fy\nbody",
 "GET /openly?q=1", "GET /elsewhere"]
--- more_headers eval
["X-Key: good-key-0123456789", "X-Key: wrong", "", "", ""]
--- error_code eval
[200, 403, 200, 200, 404]
--- recorded_like eval
[qr{^GET /ok/base/1\?a=b%20c\n}, qr{^POST /ok/open/x%2Fy\?fixed=1\n.*\n\nbody$}s,
 qr{^GET /ok/openly\?fixed=1&q=1\n}]

=== TEST 2: what a request looks like to the target
--- http_config
    proxy_set_header X-Outer outer;
--- config
    api_event_handlers off;
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "http://localhost:$TEST_NGINX_RAND_PORT_1/ok"}}
>>> apis/b.json
{"api_id": "b", "use_keyless": true, "proxy": {"listen_path": "/b/",
  "target_url": "http://LOCALHOST:$TEST_NGINX_RAND_PORT_1/ok",
  "preserve_host_header": true}}
--- request eval
["GET /a/", "GET /b/"]
--- more_headers
Host: client.example
X-Forwarded-For: 192.0.2.1
--- recorded_check eval
sub {
    my ($a, $b) = @_;
    my $port = rand_port(1);

    is($a->{uri}, '/ok/a/', 'URI');
    is($a->{headers}{host}, "localhost:$port", "the target's Host");
    is($b->{headers}{host}, 'client.example', "the client's Host");
    is($a->{headers}{'x-forwarded-for'}, '192.0.2.1, 127.0.0.1', 'for whom');
    is($a->{headers}{connection} // '', '', 'kept alive');
    is($a->{headers}{'x-outer'}, undef, 'headers of outer levels');
}

=== TEST 3: how paths are joined
--- config
    api_event_handlers off;
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1",
  "strip_listen_path": true}}
>>> apis/b.json
{"api_id": "b", "use_keyless": true, "proxy": {"listen_path": "/b/",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok//",
  "strip_listen_path": true}}
>>> apis/c.json
{"api_id": "c", "use_keyless": true, "proxy": {"listen_path": "/c/",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/",
  "strip_listen_path": true, "disable_strip_slash": true}}
>>> apis/d.json
{"api_id": "d", "use_keyless": true, "proxy": {"listen_path": "/d",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok?x",
  "strip_listen_path": true}}
--- request eval
["GET /a", "GET /abc", "GET /a/b?", "GET /b/", "GET /b/x/", "GET /c/",
 "GET /c/x", "GET /d", "GET /d/other", "GET /b/%41%2fb%20c%3f",
 "GET /b/x/../y", "GET /b/../b/x", "GET /b//x", "GET /%62/x%2fy",
 "GET /b/x%2f..%2f..%2fb/z%3f%20", "GET /b/x/..", "GET /b/x/%2E"]
--- recorded_check eval
sub {
    is_deeply([map { $_->{uri} } @_],
              ['/', '/bc', '/b', '/ok', '/ok/x/', '/ok/',
               '/ok/x', '/ok?x', '/ok/other?x', '/ok/%41%2fb%20c%3f',
               '/ok/y', '/ok/x', '/ok/x', '/ok/x/y',
               '/ok/z%3F%20', '/ok', '/ok/x/'],
              'URIs');
}
--- recorded_count: 17
--- error_code eval
[(200) x 17]

=== TEST 4: targets take turns
--- http_config
    server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2; location / { return 200 "two\n"; } }
    server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; location / { return 200 "three $uri\n"; } }
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "not used", "enable_load_balancing": true,
  "target_list": ["http://127.0.0.1:$TEST_NGINX_RAND_PORT_2",
                  "http://127.0.0.1:$TEST_NGINX_RAND_PORT_3/x/"]}}
--- request eval
[map "GET /a/", 1 .. 4]
--- response_body eval
["two\n", "three /x/a/\n", "two\n", "three /x/a/\n"]

=== TEST 5: a host that nobody knows is no error of the start, but of the request
--- http_config
    resolver 127.0.0.1:1 ipv6=off;
    resolver_timeout 100ms;
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    location /page { return 200 "page $upstream_status\n"; }
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "https://no-such-host.invalid/x"}}
--- request
GET /a/
--- error_code: 502
--- error_log
host not found: "no-such-host.invalid"

=== TEST 6: nor is a target that refuses
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:1/"}}
--- request
GET /a/
--- error_code: 502
--- error_log
connect() failed

=== TEST 7: the server's directives hold for them
--- http_config
    server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2; location / { return 200; } }
--- config
    api_event_handlers AuthFailure log prefix=SERVER;
    api_rate 1r/d;
    error_page 429 /slow;
    location /slow { return 200 "slow\n"; }
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    api_auth header=X-Key;
--- user_files
>>> apis/a.json
{"api_id": "orders", "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/"}}
--- request eval
["GET /a/", "GET /a/", "GET /a/"]
--- more_headers eval
["X-Key: bad", "X-Key: good-key-0123456789", "X-Key: good-key-0123456789"]
--- error_code eval
[403, 200, 429]
--- response_body_like eval
[qr/disallowed/, qr/^$/, qr/^slow$/]
--- check eval
sub {
    wait_for(sub { error_log_text() =~ /SERVER:AuthFailure/ });
    like(error_log_text(), qr/SERVER:AuthFailure/, 'a handler of the server');
}

=== TEST 8: inactive and internal ones are not there
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "active": false, "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:1/"}}
>>> apis/b.json
{"api_id": "b", "internal": true, "proxy": {"listen_path": "/b/",
  "target_url": "http://127.0.0.1:1/"}}
--- request eval
["GET /a/", "GET /b/"]
--- error_code eval
[404, 404]

=== TEST 9: an upgrade passes
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$http_upgrade $http_connection\n"; }
    }
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/"}}
--- raw_request eval
"GET /a/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
. "Connection: Upgrade, close\r\n\r\n"
--- response_body
websocket upgrade

=== TEST 10: no other upgrade does
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "[$http_upgrade] [$http_connection]\n"; }
    }
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/"}}
--- raw_request eval
"GET /a/ HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
. "Connection: Upgrade, HTTP2-Settings, close\r\n\r\n"
--- response_body
[] []

=== TEST 11: an address of IPv6, and a name that has one
--- skip_eval: 4:!IO::Socket::IP->can('new') && !-e '/proc/net/if_inet6'
--- http_config
    server {
        listen [::1]:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$http_host\n"; }
    }
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "http://[::1]:$TEST_NGINX_RAND_PORT_2/"}}
>>> apis/b.json
{"api_id": "b", "use_keyless": true, "proxy": {"listen_path": "/b/",
  "target_url": "http://localhost:$TEST_NGINX_RAND_PORT_2/"}}
--- request eval
["GET /a/", "GET /b/"]
--- response_body_like eval
[qr/^\[::1\]:\d+$/, qr/^localhost:\d+$/]

=== TEST 12: an empty folder is worth a warning
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    location /a { return 200; }
--- user_files
>>> apis/readme
--- request
GET /a
--- check eval
sub { like(error_log_text(), qr/no \*\.json in the folder/, 'warning') }

=== TEST 13: scripts of definitions have the server's path
--- config
    api_script_path $TEST_NGINX_SERVER_ROOT/html/scripts;
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> scripts/h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
h.NewHandler(function(event, context) { log("ran for " + context.APIID); });
>>> apis/a.json
{"api_id": "orders", "proxy": {"listen_path": "/a/",
  "target_url": "http://127.0.0.1:1/"},
 "event_handlers": {"events": {"AuthFailure": [
  {"handler_name": "eh_dynamic_handler",
   "handler_meta": {"name": "h", "path": "h.js"}}]}}}
--- request
GET /a/
--- error_code: 401
--- error_log
ran for orders

=== TEST 14: what is not supported is named
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files
>>> apis/a.json
{"api_id": "a", "listen_port": 9000, "enable_jwt": true, "proxy": {
  "listen_path": "/a/", "target_url": "http://127.0.0.1:1/",
  "service_discovery": {"use_discovery_service": true},
  "transport": {"proxy_url": "http://127.0.0.1:2/", "ssl_min_version": 771}}}
--- request
GET /b
--- error_code: 404
--- check eval
sub {
    like(error_log_text(), qr{ignored in definition "\S+/apis/a\.json": enable_jwt, listen_port, proxy\.service_discovery\.use_discovery_service, proxy\.transport\.proxy_url, proxy\.transport\.ssl_min_version},
         'names');
}

=== TEST 15: hostile text in every field stays text
--- http_config
    server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2; location / { return 200 "$request_uri\n"; } }
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files eval
my $evil = '\\n; } } server { listen 1; location / { return 200; } } # $host ${host} \\" \' \\\\ {x} %00 \\t';
my $line = $evil =~ s/\\n//r;
my $name = ">>> apis/a;}{\$host.json\n";
my $target = <<'END';
   "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/b;}${host}'\"\\{/?x=$y;}\""},
END
$name . <<"END";
{"name": "$evil", "slug": "$evil", "api_id": "a", "use_keyless": true,
 "domain": "$evil", "domain_disabled": true, "tags": ["$evil"], "$evil": "$evil",
 "auth": {"auth_header_name": "X-Key", "param_name": "$evil"},
 "proxy": {"listen_path": "/a/", "strip_listen_path": true,
   "target_list": ["$evil"], "$evil": {},
$target "CORS": {"enable": true, "allowed_origins": ["$evil"]},
 "expiration": "", "custom_middleware_bundle": "$evil",
 "version_data": {"not_versioned": true, "default_version": "$evil",
  "versions": {"$evil": {"name": "$evil", "use_extended_paths": true,
   "global_headers": {"X-A": "; } { \$host"},
   "extended_paths": {
     "ignored": [{"path": "/ign; } \\" \\\\{", "method": "$evil"}],
     "mock_response": [{"path": "/mock", "method": "GET", "body": "$evil",
                        "headers": {"X-B": "; } \$host \\""}}],
     "rate_limit": [{"path": "/nowhere; }", "method": "$evil", "rate": 1, "per": 1}],
     "hard_timeouts": [{"path": "/nowhere;", "method": "$evil", "timeout": 1}],
     "circuit_breakers": [{"path": "/nowhere;", "method": "$evil", "samples": 1,
       "threshold_percent": 1, "return_to_service_after": 1}]}}}},
 "event_handlers": {"events": {"AuthFailure": [{"handler_name": "eh_log_handler",
   "handler_meta": {"prefix": "$line"}}]}}}
END
--- request eval
["GET /a/1?z=1", "GET /a/mock", "GET /server"]
--- error_code eval
[200, 200, 404]
--- response_body_like eval
[qr{^/b;\}\$\{host\}'"\\\{/1\?x=\$y;\}"&z=1$},
 qr/^\n; \} \} server \{ listen 1; .* # \$host \$\{host\} " ' \\ \{x\} %00/s, qr/404/]
--- response_headers eval
["", 'X-B: ; } $host "', ""]

=== TEST 16: handlers as Tyk's document prints them, in a folder
--- http_config
    resolver 127.0.0.1:1 ipv6=off;
    resolver_timeout 100ms;
    server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2; location / { return 200; } }
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
--- user_files eval
">>> apis/orders.json\n{\n" . <<'END' . "}\n"
"api_id": "orders",
"proxy": {"listen_path": "/a/", "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_2"},
"event_handlers": {
        "events": {
            "QuotaExceeded": [
                {
                    "handler_name":"eh_log_handler",
                    "handler_meta": {
                        "prefix": "LOG-HANDLER-PREFIX"
                    }
                },
                {
                    "handler_name":"eh_web_hook_handler",
                    "handler_meta": {
                        "method": "POST",
                        "target_path": "http://posttestserver.com/post.php?dir=tyk-event-test",
                        "template_path": "templates/default_webhook.json",
                        "header_map": {"X-Tyk-Test-Header": "Tyk v1.BANANA"},
                        "event_timeout": 10
                    }
                }
            ]
        }
}
END
--- request eval
["GET /a/", "GET /a/", "GET /a/"]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 200, 403]
--- check eval
sub {
    for my $seen (qr/LOG-HANDLER-PREFIX:QuotaExceeded/, qr/posttestserver\.com/) {
        wait_for(sub { error_log_text() =~ $seen });
        like(error_log_text(), $seen, 'the log');
    }
}

=== TEST 17: a client that goes while its target's host is looked up
--- http_config
    resolver 127.0.0.1:$TEST_NGINX_RAND_PORT_3 ipv6=off;
    resolver_timeout 600ms;
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    location /b { return 200 "b\n"; }
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "target_url": "http://slow.example/x"}}
--- init
use IO::Socket::INET;
our $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
    LocalPort => $ENV{TEST_NGINX_RAND_PORT_3});
--- request
GET /b
--- check eval
sub {
    my $s = IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient);

    print $s "GET /a/ HTTP/1.1\r\nHost: a\r\n\r\n";
    wait_for(sub { error_log_text() =~ m{http request line: "GET /a/} });
    close $s;

    my ($status) = http_get('/a/', undef, '');
    is($status, 502, 'one that waits');
}
--- timeout: 5

=== TEST 18: parts of a page come from there, each from its own target
--- http_config
    server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2; location / { return 200 "two $uri"; } }
    server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; location / { return 200 "three $uri"; } }
--- config
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    location /page.html { ssi on; }
--- user_files
>>> page.html
[<!--#include virtual="/a/1" -->] [<!--#include virtual="/a/2" -->] [<!--#include virtual="/b/3" -->]
>>> apis/a.json
{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": "/a/",
  "enable_load_balancing": true,
  "target_list": ["http://127.0.0.1:$TEST_NGINX_RAND_PORT_2",
                  "http://localhost:$TEST_NGINX_RAND_PORT_3"]}}
>>> apis/b.json
{"api_id": "b", "use_keyless": true, "proxy": {"listen_path": "/b/",
  "target_url": "http://localhost:$TEST_NGINX_RAND_PORT_2"}}
--- request
GET /page.html
--- response_body
[two /a/1] [three /a/2] [two /b/3]
