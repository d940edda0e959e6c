# What a definition takes from a request and adds to it and to the answer.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / {
            add_header X-Gone gone;
            add_header X-Was upstream;
            return 200 "$request_uri auth=$http_authorization key=$http_x_key cookie=$http_cookie one=$http_x_one two=$http_x_two\n";
        }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
        location / { return 200 "other $request_uri\n"; }
    }
END

our $Config = <<'END';
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
END

sub definition {
    my ($more) = @_;

    return qq(>>> apis/orders.json\n{"api_id": "orders", "proxy": )
           . qq({"listen_path": "/a/", "target_url": )
           . qq("http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/"},\n$more}\n);
}

run_tests();

__DATA__

=== TEST 1: the credential stays here
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"strip_auth_data": true, "auth": {"auth_header_name": "X-Key",
  "use_param": true, "param_name": "k", "use_cookie": true,
  "cookie_name": "c"}
END
--- request eval
["GET /a/x?a=1&k=good-key-0123456789&b=2", "GET /a/x", "GET /a/x%2Fy"]
--- more_headers eval
["X-Key: good-key-0123456789\nAuthorization: kept",
 "Cookie: d=1; c=good-key-0123456789; cc=2;c2=3",
 "Cookie: c=good-key-0123456789"]
--- response_body_like eval
[qr{^/a/x\?a=1&b=2 auth=kept key= cookie= }, qr{^/a/x .*cookie=d=1; cc=2; c2=3 one},
 qr{^/a/x%2Fy .*cookie= one}]

=== TEST 2: or not
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition('"strip_auth_data": false')
--- request
GET /a/x
--- more_headers
Authorization: Bearer good-key-0123456789
--- response_body_like: auth=Bearer good-key-0123456789

=== TEST 3: headers of requests and answers
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "version_data": {"not_versioned": true, "versions": {
  "Default": {
    "global_headers": {"X-One": "1; } \"$host' {", "x-key": "set"},
    "global_headers_remove": ["X-Two", "X-Key"],
    "global_response_headers": {"X-Was": "definition", "X-New": "new"},
    "global_response_headers_remove": ["X-Gone"]}}}
END
--- request eval
["GET /a/x", "GET /elsewhere"]
--- more_headers
X-One: client
X-Two: client
X-Key: client
--- error_code eval
[200, 404]
--- response_body_like eval
[qr{key=set cookie= one=1; \} "\$host' \{ two=$}, qr/404/]
--- response_headers eval
["X-Was: definition\nX-New: new\nX-Gone:", "X-New:"]

=== TEST 4: of its version only, and switched off
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "definition": {"location": "url-param", "key": "v"},
"version_data": {"versions": {
  "v1": {"global_headers": {"X-One": "one"}, "global_headers_disabled": true},
  "v2": {"global_headers": {"X-One": "two", "X-Two": "a $tyk_meta.x"}}}}
END
--- request eval
["GET /a/x?v=v1", "GET /a/x?v=v2"]
--- response_body_like eval
[qr/one= two=$/, qr/one=two two=$/]
--- check eval
sub { like(error_log_text(), qr/ignored in definition "\S+": global_headers,? ?/, 'variables are named') }

=== TEST 5: how large a request may be
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "version_data": {"not_versioned": true, "versions": {
  "Default": {"use_extended_paths": true, "global_size_limit": 5,
    "extended_paths": {"size_limits": [
      {"path": "/small", "method": "PUT", "size_limit": 2}]}}}}
END
--- request eval
["PUT /a/x\n12345", "PUT /a/x\n123456", "PUT /a/small\n123", "POST /a/small\n123",
 "DELETE /a/x\n123456"]
--- error_code eval
[200, 400, 400, 200, 200]
--- response_body_like eval
[qr/^/, qr/"error": "Request is too large"/, qr/too large/, qr/^/, qr/^/]

=== TEST 6: without a length
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "version_data": {"not_versioned": true, "versions": {
  "Default": {"global_size_limit": 5}}}
END
--- raw_request eval
"POST /a/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
. "Connection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n"
--- error_code: 411
--- response_body_like: Content length is required for this request

=== TEST 7: a target of a version
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "definition": {"location": "url-param", "key": "v"},
"version_data": {"versions": {"v1": {}, "v2": {"override_target":
  "http://127.0.0.1:$TEST_NGINX_RAND_PORT_3/base"}}}
END
--- request eval
["GET /a/x?v=v1", "GET /a/x?v=v2"]
--- response_body_like eval
[qr{^/a/x\?v=v1 auth}, qr{^other /base/a/x\?v=v2$}]

=== TEST 8: a header that would frame the message
--- http_config
    api_zone apievents:16m;
--- config eval: $::Config
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a", "target_url": "http://127.0.0.1:1"},
 "version_data": {"not_versioned": true, "versions": {"Default": {
   "global_headers": {
     "Content-Length": "7"}}}}}
--- emerg
invalid "headers", expected names of headers that do not frame the message
a.json:4

=== TEST 9: a value that would end its line
--- http_config
    api_zone apievents:16m;
--- config eval: $::Config
--- user_files
>>> apis/a.json
{"api_id": "a", "proxy": {"listen_path": "/a", "target_url": "http://127.0.0.1:1"},
 "version_data": {"not_versioned": true, "versions": {"Default": {
   "global_response_headers": {"X-A": "a\r\nX-B: b"}}}}}
--- emerg
invalid "global_response_headers", expected values without line ends
a.json:3

=== TEST 10: headers of single paths, the first entry that matches
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "version_data": {"not_versioned": true, "versions": {
  "Default": {
    "global_headers": {"X-One": "global"}, "global_response_headers": {"X-New": "global"},
    "use_extended_paths": true, "extended_paths": {
      "transform_headers": [
        {"path": "/off", "method": "GET", "disabled": true, "add_headers": {"X-One": "off"}},
        {"path": "/t/{id}$", "method": "GET", "act_on": false,
         "add_headers": {"X-One": "first", "X-Key": "key"}, "delete_headers": ["X-Two"]},
        {"path": "/t", "method": "GET", "add_headers": {"X-One": "second"}, "delete_headers": null}],
      "transform_response_headers": [
        {"path": "/t/", "method": "GET", "add_headers": {"X-New": "path"}, "delete_headers": ["X-Gone"]},
        {"path": "", "method": "", "disabled": true}]}}}}
END
--- request eval
["GET /a/t/7", "GET /a/t/7/8", "POST /a/t/7\nx", "GET /a/x", "GET /a/off", "GET /a/t"]
--- more_headers
X-Two: client
--- response_body_like eval
[qr/key=key cookie= one=first two=$/, qr/key= cookie= one=second two=client$/,
 (qr/key= cookie= one=global two=client$/) x 3, qr/one=second two=client$/]
--- response_headers eval
["X-New: path\nX-Gone:", "X-New: path\nX-Gone:", ("X-New: global\nX-Gone: gone") x 4]
--- check eval
sub { unlike(error_log_text(), qr/\[warn\]/, 'no warning') }

=== TEST 11: of a version, whose name is taken off the path
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "definition": {"location": "url", "strip_versioning_data": true},
"version_data": {"versions": {"v2": {}, "v1": {
    "use_extended_paths": true, "extended_paths": {
      "transform_headers": [{"path": "^/t/7$", "method": "GET", "add_headers": {"X-One": "path"}}],
      "transform_response_headers": [{"path": "^/7$", "method": "GET", "add_headers": {"X-New": "wrong"}},
                                     {"path": "^/t/7$", "method": "GET", "add_headers": {"X-New": "path"}}]}}}}
END
--- request eval
["GET /a/v1/t/7", "GET /a/v2/t/7", "GET /a/v1/7/t/7"]
--- response_body_like eval
[qr{^/a/t/7 .* one=path two=$}, qr/one= two=$/, qr/one= two=$/]
--- response_headers eval
["X-New: path", "X-New:", "X-New:"]

=== TEST 12: values that ask for Tyk's variables are left out and named
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definition(<<'END');
"use_keyless": true, "version_data": {"not_versioned": true, "versions": {"Default": {
    "use_extended_paths": true, "extended_paths": {
      "transform_headers": [{"path": "/x", "method": "GET",
        "add_headers": {"X-One": "$tyk_context.request_id", "X-Two": "two"}}]}}}}
END
--- request
GET /a/x
--- response_body_like: one= two=two$
--- check eval
sub { like(error_log_text(), qr/ignored in definition "\S+": extended_paths\.transform_headers$/m, 'named') }
