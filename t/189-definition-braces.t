# Listen paths with {name}.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$request_method $request_uri\n"; }
    }
END

our $Config = <<'END';
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
END

# NAME => [listen path, other members of the proxy, other members]
sub definitions {
    my (%apis) = @_;
    my $text = '';

    for my $name (sort keys %apis) {
        my ($path, $proxy, $more) = @{ $apis{$name} };
        $proxy = $proxy ? ", $proxy" : '';
        $more = $more ? ", $more" : '';

        $text .= qq(>>> apis/$name.json\n{"api_id": "$name",\n"proxy": {"listen_path": "$path",\n)
                 . qq("target_url": "http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/$name"$proxy}$more}\n);
    }

    return $text;
}

our $Strip = '"strip_listen_path": true';
our $Free = '"use_keyless": true';

run_tests();

__DATA__

=== TEST 1: a segment, with what it stands for kept or taken off
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definitions(kept => ['/k/{id}/x', '', $::Free], off => ['/t/{tenant}/', $::Strip, $::Free],
                  in => ['/v.{major}-{minor}/', $::Strip, $::Free])
--- request eval
["GET /k/7/x/y?a=b", "GET /k/7/8/x", "GET /k//x", "GET /t/acme/orders/1?q=%20", "GET /t/acme/", "GET /t/acme",
 "GET /t/a/b%2Fc", "GET /v.1-2/x", "GET /vx1-2/x", "GET /T/acme/"]
--- error_code eval
[200, 404, 404, 200, 200, 404, 200, 200, 404, 404]
--- response_body_like eval
[qr{^GET /kept/k/7/x/y\?a=b$}, "", "", qr{^GET /off/orders/1\?q=%20$}, qr{^GET /off(/|$)}, "",
 qr{^GET /off/b%2Fc$}, qr{^GET /in/x$}, "", ""]

=== TEST 2: what is encoded in the segment leads nowhere else
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definitions(off => ['/t/{tenant}/', $::Strip, qq($::Free, "version_data": {"not_versioned": true,
"versions": {"Default": {"paths": {"black_list": ["^/secret"]}}}})], kept => ['/k/{id}/', '', $::Free])
--- request eval
["GET /t/a%20b/x%20y", "GET /t/a%2Fb/c", "GET /t/a%2Fsecret/c", "GET /t/a/secret", "GET /t/a//secret",
 "GET /t/a/b/../../c/secret", "GET /t/%61/x", "GET /t/a%25b/x", "GET /k/a%20b/x%20y"]
--- error_code eval
[200, 200, 403, 403, 403, 403, 200, 200, 200]
--- response_body_like eval
[qr{^GET /off/x%20y$}, qr{^GET /off/b/c$}, ("") x 4, qr{^GET /off/x$}, qr{^GET /off/x$},
 qr{^GET /kept/k/a%20b/x%20y$}]

=== TEST 3: the longer one wins, as in Tyk
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definitions(a => ['/b/{a}/', '', $::Free], b => ['/b/{a}/orders/', '', $::Free],
                  c => ['/b/shop/{id}/', '', $::Free], d => ['/b/shop/orders/', '', $::Free],
                  e => ['/b/', '', $::Free], f => ['/b/elsewhere', '', $::Free],
                  g => ['/b/shop/{id}/items/', '', $::Free])
--- request eval
["GET /b/x/y", "GET /b/x/orders/7", "GET /b/shop/7/x", "GET /b/shop/orders/7", "GET /b/x", "GET /b/elsewhere/1",
 "GET /b/shop/7/items/1", "GET /b/elsewhere2"]
--- response_body_like eval
[map qr{^GET /$_/}, qw(a b c d e f g f)]

=== TEST 4: keys, versions of the path, limits of a key
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definitions(orders => ['/t/{tenant}/', $::Strip, '"definition": {"location": "url",
"strip_versioning_data": true}, "version_data": {"versions": {"v2": {"use_extended_paths": true,
"extended_paths": {"ignored": [{"path": "^/free$"}]}}}}'])
--- request eval
["GET /t/acme/v2/x", "GET /t/acme/v2/x", "GET /t/acme/v2/free", "GET /t/acme/v3/x", "GET /t/v2/x",
 "GET /t/acme/tyk/rate-limits/"]
--- more_headers eval
["Authorization: v2-key-0123456789", "", "", "", "", "Authorization: v2-key-0123456789"]
--- error_code eval: [200, 401, 200, 403, 403, 403]
--- response_body_like eval
[qr{^GET /orders/x$}, "", qr{^GET /orders/free$}, qr/does not seem to exist/, ("") x 2]

=== TEST 5: the limits of a key behind such a path
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::definitions(orders => ['/t/{tenant}/'])
--- request
GET /t/acme/tyk/rate-limits/
--- more_headers
Authorization: rate-key-0123456789
--- response_body_like: "rate_limit":\{"requests":2,"per_unit":60\}

=== TEST 6: beside locations that are written by hand
--- http_config eval: $::Upstream
--- config
    location = /t/exact/ { return 200 "exact\n"; }
    location ^~ /t/hand/ { return 200 "hand\n"; }
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    location /t/ { return 200 "prefix\n"; }
--- user_files eval
main::definitions(a => ['/t/{tenant}/', '', $::Free])
--- request eval
["GET /t/exact/", "GET /t/hand/x", "GET /t/x/", "GET /t/x"]
--- response_body_like eval
[qr/^exact/, qr/^hand/, qr{^GET /a/t/x/}, qr/^prefix/]
