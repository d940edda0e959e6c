# api_version beside a definition: it decides which version a request has, and
# what the definition says of paths and headers holds on.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / {
            add_header X-Up up;
            return 200 "$request_method $request_uri [$http_x_add]\n";
        }
        location /broken { return 500; }
        location /slow { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/hang; }
    }
END

# a location with the definition, these lines beside it and these in one below
sub location {
    my ($beside, $below) = @_;
    $below //= '';

    return <<"END";
    location /a/ {
        api_definition \$TEST_NGINX_SERVER_ROOT/html/a.json;
        $beside
        proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/;
        $below
    }
END
}

our $Rules = <<'END';
    "use_extended_paths": true,
    "global_headers": {"X-Add": "added"},
    "global_response_headers_remove": ["X-Up"],
    "global_size_limit": 3,
    "extended_paths": {
      "rate_limit": [{"path": "/rate", "method": "GET", "rate": 1, "per": 600}],
      "mock_response": [{"path": "/mock", "method": "GET", "code": 299}],
      "ignored": [{"path": "/ping"}],
      "black_list": [{"path": "/black"}],
      "hard_timeouts": [{"path": "/slow", "method": "GET", "timeout": 1}],
      "circuit_breakers": [{"path": "/broken", "method": "GET",
                            "threshold_percent": 0.5, "samples": 1,
                            "return_to_service_after": 600}]}
END

# of an API without versions: nothing of it belongs to one
sub plain {
    my ($version) = @_;

    return ">>> a.json\n"
           . qq({"api_id": "orders", "org_id": "acme", "version_data": {\n)
           . qq("not_versioned": true, "versions": {"$version": {\n$::Rules}}}}\n);
}

our @Requests = ("GET /a/rate", "GET /a/rate", "GET /a/mock", "GET /a/ping",
                 "GET /a/black", "POST /a/x\ntoo long", "GET /a/x");
our @Codes = (200, 429, 299, 200, 403, 400, 200);
our $Key = "Authorization: v2-key-0123456789\n";

run_tests();

__DATA__

=== TEST 1: rules of an API without versions hold for every version
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off; api_version header=x-v default=v1 v1 v2;')
--- user_files eval: main::plain('Default')
--- request eval: \@::Requests
--- more_headers eval
["X-V: v1", "X-V: v2", ("") x 5]
--- error_code eval: \@::Codes
--- response_body_like eval
[("") x 3, qr/^GET/, qr/Requested endpoint is forbidden/, "", qr{^GET /x \[added\]$}]
--- response_headers eval
[("X-Up:") x 7]
--- check eval
sub { unlike(error_log_text(), qr/\[warn\]/, 'no warning') }

=== TEST 2: whatever the one version is named
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off; api_version header=x-v default=v1 v1;')
--- user_files eval: main::plain('v7')
--- request eval: \@::Requests
--- error_code eval: \@::Codes
--- check eval
sub { unlike(error_log_text(), qr/\[warn\]/, 'no warning') }

=== TEST 3: of the path, which patterns leave out
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off; api_version url v1 v2;')
--- user_files eval
main::plain('Default') =~ s{"/(\w+)"}{"^/$1\$"}gr
--- request eval
[map { s{/a/}{/a/v1/}r } @::Requests]
--- error_code eval: \@::Codes

=== TEST 4: and without any, which "off" asks for
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off; api_version off;')
--- user_files eval: main::plain('Default')
--- request eval: \@::Requests
--- error_code eval: \@::Codes

=== TEST 5: in a location below, over what is inherited
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off;', <<'END');
        location /a/b/ {
            api_version header=x-v v1;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
        }
END
--- user_files eval: main::plain('Default')
--- request eval
["GET /a/b/rate", "GET /a/rate", "GET /a/b/mock", "GET /a/b/black", "GET /a/b/x",
 "GET /a/black", "POST /a/b/x\ntoo long"]
--- more_headers eval
["X-V: v1", "", "X-V: v1", "X-V: v1", "", "", "X-V: v1"]
--- error_code eval
[200, 429, 299, 403, 403, 403, 400]

=== TEST 6: breakers and timeouts too, and the key of an ignored path
--- http_config eval: $::Upstream
--- config eval
main::location('api_version header=x-v default=v2 v2;')
--- user_files eval: main::plain('Default')
--- recorder
--- request eval
["GET /a/slow", "GET /a/ping", "GET /a/x", "GET /a/broken", "GET /a/broken"]
--- more_headers eval
[$::Key, "", "", $::Key, $::Key]
--- error_code eval
[504, 200, 401, 500, 503]
--- allow_log
upstream reached the hard timeout

=== TEST 7: rules of versions of the same name; one warning names the others
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off; api_version header=x-v v1 v9;')
--- user_files eval
">>> a.json\n" . qq({"api_id": "orders", "definition": {"location": "url"},
"version_data": {"versions": {"v1": {$::Rules}, "v2": {$::Rules}, "v3": {}}}})
--- request eval
[@::Requests, "GET /a/rate", "GET /a/black", "GET /a/mock", "GET /a/x"]
--- more_headers eval
[("X-V: v1") x 7, ("X-V: v9") x 3, "X-V: v2"]
--- error_code eval
[@::Codes, 200, 200, 200, 403]
--- response_body_like eval
[("") x 6, qr/\[added\]/, ("") x 2, qr{^GET /mock \[\]$}, qr/does not seem/]
--- check eval
sub {
    my @lines = error_log_text() =~ /^(.*\[warn\].*)$/mg;

    is(scalar @lines, 1, 'one warning');
    like($lines[0], qr/versions of the definition that "api_version" does not serve, and whose rules never hold: "v2", "v3" in .*nginx\.conf:\d+/, 'names them');
}

=== TEST 8: no version at all
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off; api_version off;')
--- user_files eval
">>> a.json\n" . qq({"api_id": "orders", "definition": {"location": "header"},
"version_data": {"versions": {"v1": {$::Rules}}}})
--- request eval
["GET /a/black", "GET /a/x"]
--- error_code eval: [200, 200]
--- check eval
sub { like(error_log_text(), qr/does not serve, and whose rules never hold: "v1" in/, 'said') }

=== TEST 9: a location below that is told of in the same way
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off;', <<'END');
        location /a/b/ {
            api_version header=x-v v2;
            location /a/b/c { empty_gif; }
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
        }
END
--- user_files eval
">>> a.json\n" . qq({"api_id": "orders", "definition": {"location": "header"},
"version_data": {"versions": {"v1": {$::Rules}, "v2": {"paths": {"black_list": ["/two"]}}}}})
--- request eval
["GET /a/b/two", "GET /a/b/black", "GET /a/b/c/two"]
--- more_headers
X-V: v2
--- error_code eval: [403, 200, 403]
--- check eval
sub {
    my @lines = error_log_text() =~ /^(.*\[warn\].*)$/mg;

    is(scalar @lines, 1, 'one warning');
    like($lines[0], qr/does not serve, and whose rules never hold: "v1" in/, 'said');
}

=== TEST 10: versions that a definition has and cannot serve
--- http_config eval: $::Upstream
--- config eval: main::location('api_auth off;')
--- user_files eval
">>> a.json\n" . qq({"api_id": "orders", "version_data": {"not_versioned": true,
"versions": {"Default": {}, "old": {$::Rules}, "older": {}}}})
--- request
GET /a/black
--- check eval
sub {
    my @lines = error_log_text() =~ /^(.*\[warn\].*)$/mg;

    is(scalar @lines, 1, 'one warning');
    like($lines[0], qr/versions that the definition does not serve, and whose rules never hold: "old", "older" in .*a\.json:2/, 'names them');
}

=== TEST 11: an empty name in a definition with versions is no name for all
--- http_config eval: $::Upstream
--- config eval: main::location('api_auth off;')
--- user_files eval
">>> a.json\n" . qq({"api_id": "orders", "definition": {"location": "header", "key": "x-v"},
"version_data": {"versions": {"": {$::Rules}, "v1": {}}}})
--- request eval
["GET /a/black", "GET /a/rate", "GET /a/rate", "GET /a/x"]
--- more_headers eval
[("X-V: v1") x 3, ""]
--- error_code eval: [200, 200, 200, 403]
--- check eval
sub { like(error_log_text(), qr/the definition does not serve, and whose rules never hold: "" in/, 'said') }

=== TEST 12: a definition below one that says nothing of versions has its lists
--- http_config eval: $::Upstream
--- config eval
main::location('api_auth off;', <<'END');
        location /a/b/ {
            api_definition $TEST_NGINX_SERVER_ROOT/html/b.json;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
        }
END
--- user_files eval
main::plain('Default') . qq(>>> b.json\n{"api_id": "b", "use_keyless": true}\n)
--- request eval
["GET /a/b/black", "GET /a/b/x"]
--- error_code eval: [403, 200]
