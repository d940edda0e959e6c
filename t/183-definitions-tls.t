# Targets of definitions over TLS: who is believed.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use File::Temp;

our $Pki = File::Temp->newdir;

sub openssl {
    my $output = `cd $Pki && openssl @_ 2>&1`;
    die "openssl @_: $output" if $?;
}

openssl('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt',
        '-days 2 -subj /CN=ca');
openssl('req -x509 -newkey rsa:2048 -nodes -keyout localhost.key',
        '-out localhost.crt -days 2 -subj /CN=x -CA ca.crt -CAkey ca.key',
        '-addext subjectAltName=DNS:localhost');

our $Http = <<"END";
    api_zone apievents:16m;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 ssl;
        ssl_certificate $Pki/localhost.crt;
        ssl_certificate_key $Pki/localhost.key;
        location / { return 200 "\$ssl_server_name \$uri\\n"; }
    }
END

our $Files = <<'END';
>>> apis/good.json
{"api_id": "good", "use_keyless": true, "proxy": {"listen_path": "/good",
  "target_url": "https://localhost:$TEST_NGINX_RAND_PORT_2/"}}
>>> apis/name.json
{"api_id": "name", "use_keyless": true, "proxy": {"listen_path": "/name",
  "target_url": "https://other.localhost:$TEST_NGINX_RAND_PORT_2/"}}
>>> apis/skip.json
{"api_id": "skip", "use_keyless": true, "proxy": {"listen_path": "/skip",
  "target_url": "https://other.localhost:$TEST_NGINX_RAND_PORT_2/",
  "transport": {"ssl_insecure_skip_verify": true}}}
END

run_tests();

__DATA__

=== TEST 1: a CA that is named
--- http_config eval: $::Http
--- user_files eval: $::Files
--- config eval
"api_definitions \$TEST_NGINX_SERVER_ROOT/html/apis/ ca=$::Pki/ca.crt;"
--- request eval
["GET /good", "GET /good", "GET /name", "GET /skip"]
--- error_code eval
[200, 200, 502, 200]
--- response_body_like eval
[qr{^localhost /good$}, qr{^localhost /good$}, qr/Bad Gateway/,
 qr{^other\.localhost /skip$}]

=== TEST 2: the system's certificates do not know it
--- http_config eval: $::Http
--- user_files eval: $::Files
--- config
    proxy_ssl_verify off;
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis/;
--- request eval
["GET /good", "GET /skip"]
--- error_code eval
[502, 200]
--- check eval
sub { like(error_log_text(), qr/certificate verify error/, 'why') }
