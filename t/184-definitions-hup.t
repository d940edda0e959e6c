# What a reload does to the definitions of a folder.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

our $Http = <<'END';
    api_zone apievents:16m;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$uri\n"; }
    }
END

our $Config = <<'END';
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis/;
END

sub definition {
    my ($id, $more) = @_;

    return qq(>>> apis/$id.json\n{"api_id": "$id", "use_keyless": true,)
           . qq("proxy": {"listen_path": "/$id/", "target_url": )
           . qq("http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/")
           . ($more // '') . "\n";
}

no_shuffle();
use_hup();
run_tests();

__DATA__

=== TEST 1: two of them
--- http_config eval: $::Http
--- config eval: $::Config
--- user_files eval
main::definition('a', '}, "global_rate_limit": {"rate": 3, "per": 3600}}')
. main::definition('b', '}}')
--- request eval
["GET /a/x", "GET /a/x", "GET /b/x", "GET /c/x"]
--- error_code eval
[200, 200, 200, 404]

=== TEST 2: one changed, one gone, one new; a counter goes on
--- http_config eval: $::Http
--- config eval: $::Config
--- user_files eval
main::definition('a', '1"}, "global_rate_limit": {"rate": 3, "per": 3600}}'
                      =~ s/^1"/, "strip_listen_path": true/r)
. main::definition('c', '}}')
--- init
unlink "$Test::Nginx::Util::HtmlDir/apis/b.json";
--- request eval
["GET /a/x", "GET /a/x", "GET /b/x", "GET /c/x"]
--- error_code eval
[200, 429, 404, 200]
--- response_body_like eval
[qr{^/x$}, qr/API Rate/, qr/404/, qr{^/c/x$}]

=== TEST 3: with a wrong one everything stays as it was
--- http_config eval: $::Http
--- config eval: $::Config
--- user_files
>>> apis/d.json
{"api_id": "d"
--- reload_fails
--- request eval
["GET /a/x", "GET /c/x", "GET /d/x"]
--- error_code eval
[429, 200, 404]
