# Versions of a definition, and its lists of paths.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$request_method $request_uri [$http_x_version]\n"; }
    }
END

our $Config = <<'END';
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
END

# one definition at /a/, with this beside its proxy
sub definition {
    my ($more, $proxy) = @_;
    $proxy //= '';

    return qq(>>> apis/orders.json\n{"api_id": "orders", "org_id": "acme",\n)
           . qq("proxy": {"listen_path": "/a/", "target_url": )
           . qq("http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/"$proxy},\n$more}\n);
}

run_tests();

__DATA__

=== TEST 1: named by a header
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true,
"definition": {"location": "header", "key": "X-Version",
               "strip_versioning_data": true},
"version_data": {"not_versioned": false, "versions": {
  "v1": {"name": "v1", "expires": "2020-01-01 00:00"},
  "v2": {"name": "v2", "expires": "2099-01-01 00:00"},
  "v3": {"name": "v3", "expires": "-1"},
  "v4": {"name": "v4", "expires": "soon"}}}
END
--- request eval
[("GET /a/x") x 6]
--- more_headers eval
[(map "X-Version: v$_", 1 .. 5), ""]
--- error_code eval
[403, 200, 200, 403, 403, 403]
--- response_body_like eval
[qr/Api Version has expired/, qr{^GET /a/x \[\]$}, qr{^GET /a/x}, qr/expired/,
 qr/This API version does not seem to exist/, qr/Version information not found/]
--- response_headers eval
["X-Tyk-Api-Expires:", "X-Tyk-Api-Expires: Thu, 01 Jan 2099 00:00:00 GMT",
 ("X-Tyk-Api-Expires:") x 4]
--- check eval
sub {
    like(error_log_text(), qr{"expires" is no date, expected such as "2006-01-02 15:04" in UTC.*orders\.json:10}, 'a warning');
}
--- recorded_check eval
sub {
    event($_[0], 'VersionFailure', Reason => qr/^Api Version has expired/,
          Message => 'Attempted access to disallowed version / path.');
}

=== TEST 2: named by an argument, and a default
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true,
"definition": {"location": "url-param", "key": "v", "fallback_to_default": true,
               "strip_versioning_data": true},
"version_data": {"default_version": "one", "versions": {
  "one": {}, "two": {"paths": {"black_list": ["/x"]}}}}
END
--- request eval
["GET /a/x?v=one&b=1", "GET /a/x?b=1&v=two", "GET /a/x?v=three", "GET /a/x"]
--- error_code eval
[200, 403, 200, 200]
--- response_body_like eval
[qr{^GET /a/x\?b=1 }, qr/Requested endpoint is forbidden/, qr{^GET /a/x }, qr{^GET /a/x }]

=== TEST 3: named by the path, with the listen path taken off
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END', ', "strip_listen_path": true');
"use_keyless": true,
"definition": {"location": "url", "strip_path": true},
"version_data": {"versions": {
  "v1": {}, "v2": {"use_extended_paths": true, "extended_paths": {
    "white_list": [{"path": "^/only"}, {"path": "/get/{id}$", "method": "GET"}]}}}}
END
--- request eval
["GET /a/v1/x%20y", "GET /a/v2/only", "GET /a/v2/other", "GET /a/v2/get/7",
 "POST /a/v2/get/7\nx", "GET /a/v3/x", "GET /a/v1"]
--- error_code eval
[200, 200, 403, 200, 403, 403, 200]
--- response_body_like eval
[qr{^GET /x%20y }, qr{^GET /only }, qr/forbidden/, qr{^GET /get/7 },
 qr/forbidden/, qr/does not seem to exist/, qr{^GET / }]

=== TEST 4: not versioned: one that stands for all, and an end
--- http_config eval: $::Upstream
--- config eval
<<'END';
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    location /two {
        api_definition $TEST_NGINX_SERVER_ROOT/html/two.json;
        empty_gif;
    }
END
--- user_files eval
main::definition(<<'END') . <<'END2';
"use_keyless": true, "expiration": "2099-01-01 00:00",
"version_data": {"not_versioned": true, "versions": {
  "Default": {"expires": "2020-01-01 00:00",
              "paths": {"black_list": ["/forbidden"]}},
  "other": {"paths": {"black_list": ["/x"]}}}}
END
>>> two.json
{"api_id": "two", "use_keyless": true, "expiration": "2020-01-01 00:00"}
END2
--- request eval
["GET /a/x", "GET /a/forbidden/x", "GET /two"]
--- error_code eval
[200, 403, 403]
--- response_headers eval
["X-Tyk-Api-Expires: Thu, 01 Jan 2099 00:00:00 GMT", "", ""]
--- response_body_like eval
[qr/^GET/, qr/forbidden/, qr/API has expired, please check documentation/]

=== TEST 5: ignored paths need no key, and others may be black
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"version_data": {"not_versioned": true, "versions": {"Default": {
  "use_extended_paths": true, "ignore_endpoint_case": false,
  "extended_paths": {
    "ignored": [{"path": "/ping", "ignore_case": true},
                {"path": "/off", "disabled": true}],
    "black_list": [{"path": "/admin", "method": "DELETE"}],
    "white_list": []}}}}
END
--- request eval
["GET /a/PING", "GET /a/off", "GET /a/admin", "DELETE /a/admin", "GET /a/Admin"]
--- more_headers eval
["", "", "Authorization: good-key-0123456789", "", "Authorization: good-key-0123456789"]
--- error_code eval
[200, 401, 200, 403, 200]

=== TEST 6: case of endpoints, lists without extended paths
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true,
"version_data": {"not_versioned": true, "versions": {"Default": {
  "use_extended_paths": false, "ignore_endpoint_case": true,
  "paths": {"white_list": ["/orders/{id}$", "/items/*"]},
  "extended_paths": {"black_list": [{"path": "/orders"}]}}}}
END
--- request eval
["GET /a/Orders/7", "GET /a/orders/", "GET /a/items/7/8", "GET /a/other"]
--- error_code eval
[200, 403, 200, 403]

=== TEST 7: methods with an answer of their own
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"version_data": {"not_versioned": true, "versions": {"Default": {
  "use_extended_paths": true, "extended_paths": {
    "white_list": [{"path": "/w", "method_actions": {
      "GET": {"action": "no_action"},
      "PUT": {"action": "reply", "code": 418, "data": "{\"a\": \"$host; }\"}",
              "headers": {"X-One": "1", "content-type": "application/json"}},
      "POST": {"action": "unknown"}}}],
    "mock_response": [
      {"path": "/mock/{id}", "method": "GET", "code": 302, "body": "mocked",
       "headers": {"Location": "/elsewhere"}},
      {"path": "/mock", "method": "PUT", "body": "", "disabled": true}]}}}}
END
--- request eval
["GET /a/w", "PUT /a/w\nbody", "POST /a/w\nx", "DELETE /a/w", "GET /a/mock/1",
 "PUT /a/mock", "GET /a/w"]
--- more_headers eval
["Authorization: good-key-0123456789", ("") x 6]
--- error_code eval
[200, 418, 403, 403, 302, 403, 401]
--- response_body_like eval
[qr{^GET /a/w}, qr/^\{"a": "\$host; \}"\}$/, qr/forbidden/, qr/forbidden/,
 qr/^mocked$/, qr/forbidden/, qr/Authorization field missing/]
--- response_headers eval
["", "X-One: 1\nContent-Type: application/json", "", "",
 "Location: /elsewhere\nContent-Type: text/plain", "", ""]

=== TEST 8: the key's versions
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"definition": {"location": "header", "key": "X-Version"},
"version_data": {"versions": {"v1": {}, "v2": {}}}
END
--- request eval
["GET /a/", "GET /a/"]
--- more_headers eval
["X-Version: v1\nAuthorization: v2-key-0123456789",
 "X-Version: v2\nAuthorization: v2-key-0123456789"]
--- error_code eval
[403, 200]
--- response_body_like eval
[qr/disallowed/, qr/\[v2\]/]

=== TEST 9: what a key has left
--- http_config eval: $::Upstream
--- config eval
$::Config . 'location /b/ { api_id orders; empty_gif; }'
--- user_files eval
main::definition('"active": true')
--- request eval
["GET /a/tyk/rate-limits/", "GET /a/x", ("GET /a/tyk/rate-limits") x 3,
 "GET /a/x", "GET /a/tyk/rate-limits/", "GET /a/tyk/rate-limits/x",
 "GET /a/tyk/rate-limits/", "GET /a/tyk/rate-limits/", "GET /b/tyk/rate-limits/"]
--- more_headers eval
[(map "Authorization: both-key-0123456789", 1 .. 7),
 "Authorization: good-key-0123456789", "Authorization: good-key-0123456789", "",
 "Authorization: good-key-0123456789"]
--- error_code eval
[(200) x 7, 200, 200, 401, 200]
--- response_body_like eval
[qr/^\{"quota":\{"quota_max":2,"quota_remaining":2,"quota_renews":0\},"rate_limit":\{"requests":3,"per_unit":60\}\}$/,
 qr/^GET/, (qr/"quota_remaining":1,/) x 3, qr/^GET/, qr/"quota_remaining":0,/,
 qr{^GET /a/tyk/rate-limits/x},
 qr/"quota_max":-1,"quota_remaining":-1,"quota_renews":0\},"rate_limit":\{"requests":0,"per_unit":0\}/,
 qr/missing/, qr/^GIF/]
--- response_headers eval
["Content-Type: application/json", ("") x 10]

=== TEST 10: lists of both kinds where nobody says which are used
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true,
"version_data": {"not_versioned": true, "versions": {"Default": {
  "paths": {"black_list": ["/one"]},
  "extended_paths": {"black_list": [{"path": "/two"}]}}}}
END
--- request eval
["GET /a/one", "GET /a/two", "GET /a/three"]
--- error_code eval
[403, 403, 200]

=== TEST 11: what of a path may be a version, by a pattern
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END', ', "strip_listen_path": true');
"use_keyless": true,
"definition": {"location": "url", "strip_versioning_data": true, "fallback_to_default": true,
               "url_versioning_pattern": "^v[0-9]+$"},
"version_data": {"default_version": "v1", "versions": {
  "v1": {"paths": {"black_list": ["^/black"]}}, "v2": {}, "stable": {}}}
END
--- request eval
["GET /a/v2/x", "GET /a/v9/x", "GET /a/items/7", "GET /a/stable/x", "GET /a/v9/black", "GET /a/black/v9",
 "GET /a/v2/black", "GET /a/", "GET /a/v1", "GET /a/v10"]
--- error_code eval
[200, 200, 200, 200, 403, 403, 200, 200, 200, 200]
--- response_body_like eval
[qr{^GET /x }, qr{^GET /x }, qr{^GET /items/7 }, qr{^GET /stable/x }, ("") x 2, qr{^GET /black }, qr{^GET / },
 qr{^GET / }, qr{^GET / }]
--- check eval
sub { unlike(error_log_text(), qr/\[warn\]/, 'no warning') }

=== TEST 12: without a pattern only versions are taken off
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END', ', "strip_listen_path": true');
"use_keyless": true,
"definition": {"location": "url", "strip_path": true, "fallback_to_default": true, "url_versioning_pattern": ""},
"version_data": {"default_version": "v1", "versions": {"v1": {}}}
END
--- request eval
["GET /a/v1/x", "GET /a/items/7", "GET /a/v1x/y"]
--- response_body_like eval
[qr{^GET /x }, qr{^GET /items/7 }, qr{^GET /v1x/y }]

=== TEST 13: a pattern that is none
--- http_config
    api_zone apievents:16m;
    api_org acme;
--- config
    location /a/ { api_definition $TEST_NGINX_SERVER_ROOT/html/a.json; }
--- user_files
>>> a.json
{"api_id": "a",
 "definition": {"location": "url", "url_versioning_pattern": "v["},
 "version_data": {"versions": {"v1": {}}}}
--- emerg
invalid pattern in "url_versioning_pattern":
a.json:2

=== TEST 14: a listen path that ends within a segment hides nothing
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END', ', "strip_listen_path": true') =~ s{"/a/"}{"/a"}r
"use_keyless": true, "version_data": {"not_versioned": true, "versions": {"Default": {
  "paths": {"black_list": ["/secret"]}}}}
END
. (main::definition(<<'END', ', "strip_listen_path": true') =~ s{"/a/"}{"/b-{x}y"}r =~ s/orders/other/gr);
"use_keyless": true, "version_data": {"not_versioned": true, "versions": {"Default": {
  "paths": {"black_list": ["^/secret"]}}}}
END
--- request eval
["GET /a/x", "GET /asecret", "GET /a/secret", "GET /ab/secret", "GET /ab", "GET /b-1ysecret/x", "GET /b-1yx"]
--- error_code eval
[200, 403, 403, 403, 200, 403, 200]
--- response_body_like eval
[qr{^GET /x }, ("") x 3, qr{^GET /b }, "", qr{^GET /x }]

=== TEST 15: nor the version that stands there
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END', ', "strip_listen_path": true') =~ s{"/a/"}{"/a"}r
"use_keyless": true, "definition": {"location": "url", "strip_versioning_data": true},
"version_data": {"versions": {"v1": {"paths": {"black_list": ["^/secret"]}}}}
END
--- request eval
["GET /av1/x", "GET /a/v1/x", "GET /av1/secret", "GET /av1", "GET /a/v1", "GET /av2/x"]
--- error_code eval
[200, 200, 403, 200, 200, 403]
--- response_body_like eval
[qr{^GET /x }, qr{^GET /x }, "", qr{^GET / }, qr{^GET / }, ""]
