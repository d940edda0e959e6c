# api_admin: who may call, what is no call, endpoints.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->emerg
              || ($block->http_config // '') =~ /nobody/;

    $block->set_value(http_config => ($block->http_config // '') . <<'END');
api_admin_user ops secret=secret-of-ops;
api_admin_user eye secret=secret-of-eye role=view;
api_admin_user app secret=secret-of-app role=integration;
END
    $block->set_value(config => ($block->config // '') . <<'END');
location /tyk/ { api_admin; }
location = /m { api_metrics; }
location /hook {
    api_id hook;
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    empty_gif;
}
END
});

run_tests();

__DATA__

=== TEST 1: no secret, a wrong one, and each way to bring the right one
--- pipelined_requests eval
["GET /tyk/endpoints", "GET /tyk/endpoints", "GET /tyk/endpoints",
 "GET /tyk/endpoints", "GET /tyk/endpoints", "GET /tyk/endpoints"]
--- more_headers eval
["", "Authorization: Bearer secret-of-op\n", "Authorization: secret-of-ops\n",
 "Authorization: bearer secret-of-ops\n",
 "X-Tyk-Authorization: secret-of-ops\n", "Admin-Auth: secret-of-eye\n"]
--- error_code eval
[403, 403, 403, 200, 200, 200]
--- response_body_like eval
my $no = qr/^\{"status":"error","message":"Attempted administrative access with invalid or missing key!"\}\n$/;
my $yes = qr/^\{"items":\[\{"id":"[0-9a-f]{32}","handler":"webhook"/;
[$no, $no, $no, $yes, $yes, $yes]

=== TEST 2: delays of a wrong secret grow, the right one has none
--- request
GET /tyk/endpoints
--- error_code: 403
--- check eval
sub {
    my @delays;

    http_get('/tyk/endpoints', undef, "Admin-Auth: wrong\r\n") for 1 .. 3;

    wait_for(sub {
        @delays = error_log_text() =~ /its answer waits (\d+) ms/g;
        @delays >= 4
    });

    is("@delays", '50 100 200 400', 'each twice as long');

    my ($status) = http_get('/tyk/endpoints', undef,
                            "Admin-Auth: secret-of-ops\r\n");
    is($status, 200, 'the right one');
    is(scalar(() = error_log_text() =~ /its answer waits/g), 4,
       'does not wait');
}

=== TEST 3: paths and methods
--- pipelined_requests eval
["GET /tyk/", "GET /tyk/nothing", "GET /tyk/endpoints/1/2/3/4",
 "PUT /tyk/endpoints", "GET /tyk//endpoints/",
 "GET /tyk/endpoints/ffffffffffffffffffffffffffffffff",
 "POST /tyk/endpoints/nonsense/ping"]
--- more_headers
Admin-Auth: secret-of-ops
--- error_code eval
[404, 404, 404, 405, 200, 404, 404]

=== TEST 4: bodies
--- pipelined_requests eval
["POST /tyk/events/replay\nnonsense", "POST /tyk/events/replay\n[1]",
 "POST /tyk/events/replay\n{\"limit\": 0}",
 "POST /tyk/events/replay\n{\"from\": \"yesterday\"}",
 "POST /tyk/events/replay\n{\"endpoint\": \"x\"}",
 "GET /tyk/deliveries?limit=1001", "GET /tyk/deliveries?before=x",
 "GET /tyk/events/evt_1", "POST /tyk/deliveries/x/retry"]
--- more_headers
Admin-Auth: secret-of-ops
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 400]
--- response_body_like eval
[qr/"message":"line 1: /, qr/a JSON object is expected/, qr/limit: a number/,
 qr/from: a time/, qr/endpoint: an id of 32/, qr/limit: /, qr/before: /,
 qr/evt_/, qr/the id of a delivery/]

=== TEST 5: media types
--- pipelined_requests eval
["POST /tyk/events/replay\nx=1", "POST /tyk/events/replay\n{}",
 "POST /tyk/events/replay\n{"]
--- more_headers eval
["Admin-Auth: secret-of-ops\nContent-Type: Multipart/form-data; boundary=x\n",
 "Admin-Auth: secret-of-ops\nContent-Encoding: gzip\n",
 "Admin-Auth: secret-of-ops\nContent-Type: application/x-www-form-urlencoded\n"]
--- error_code eval
[415, 415, 400]

=== TEST 6: over 1 MiB, kept in a file by nginx
--- config
    client_body_buffer_size 1k;
    location /a { api_id a; empty_gif; }
--- request eval
"POST /tyk/events/replay\n{\"from\": \"" . 'x' x (1024 * 1024) . "\"}"
--- more_headers
Admin-Auth: secret-of-ops
--- error_code: 413
--- response_body_like: at most 1m

=== TEST 7: a body in a file is read
--- config
    client_body_buffer_size 1k;
    location /a { api_id a; empty_gif; }
--- request eval
"POST /tyk/events/replay\n{\"from\": \"" . 'x' x 20000 . "\"}"
--- more_headers
Admin-Auth: secret-of-ops
--- error_code: 400
--- response_body_like: from: a time

=== TEST 8: a body of no bytes is none
--- request
POST /tyk/events/nonsense/replay
--- more_headers
Admin-Auth: secret-of-ops
Content-Length: 0
--- error_code: 400
--- response_body_like: evt_

=== TEST 9: roles
--- recorder
--- request
GET /tyk/endpoints
--- more_headers
Admin-Auth: secret-of-eye
--- check eval
sub {
    my ($id) = http_get('/tyk/endpoints', undef, "Admin-Auth: secret-of-eye\r\n")
               =~ /"id":"(\w+)"/;
    my @statuses = map {
        (post("/tyk/endpoints/$id/ping", $_))[0]
    } qw/ eye app ops /;

    is("@statuses", '403 403 202', 'only an admin');
    is(delivered(20, '/m'), '1 0 0', 'one ping');

    sub post {
        my ($uri, $user) = @_;
        my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}")
            or return 0;

        print $fh "POST $uri HTTP/1.0\r\nAdmin-Auth: secret-of-$user\r\n\r\n";
        local $/;
        my $text = <$fh>;
        return ($text =~ /^HTTP\S+ (\d+)/, $text);
    }
}

=== TEST 10: a ping arrives as an event of its own
--- recorder
--- request
GET /tyk/endpoints
--- more_headers
Admin-Auth: secret-of-ops
--- check eval
sub {
    my ($id) = http_get('/tyk/endpoints', undef, "Admin-Auth: secret-of-ops\r\n")
               =~ /"id":"(\w+)"/;
    my ($status, $text) = post("/tyk/endpoints/$id/ping", 'ops');
    my ($event) = $text =~ /"event_id":"(evt_[-\w]+)"/;
    my $got;

    is(delivered(20, '/m'), '1 0 0', 'delivered');
    ($got) = recorded();

    is($status, 202, 'accepted');
    is($got->{headers}{'webhook-id'}, $event, 'arrived');
    is($got->{json}{event}, 'ping', 'as a ping');
}

=== TEST 11: a disabled endpoint gets nothing until it is enabled
--- recorder
--- request
GET /tyk/endpoints
--- more_headers
Admin-Auth: secret-of-ops
--- check eval
sub {
    my ($id) = http_get('/tyk/endpoints', undef, "Admin-Auth: secret-of-ops\r\n")
               =~ /"id":"(\w+)"/;
    my ($status, $text) = post("/tyk/endpoints/$id/disable", 'ops');

    is($status, 200, 'disabled');
    like($text, qr/"state":"disabled","reason":"by hand"/, 'says so');
    is((post("/tyk/endpoints/$id/ping", 'ops'))[0], 409, 'no ping');

    http_get('/hook');
    is(delivered(20, '/m'), '0 0 1', 'a dead letter');

    ($status, $text) = post("/tyk/endpoints/$id/enable", 'ops');
    like($text, qr/"state":"enabled","reason":""/, 'enabled');

    http_get('/hook');
    is(delivered(20, '/m'), '1 0 1', 'delivered');

    like(scalar http_get("/tyk/endpoints/$id", undef,
                         "Admin-Auth: secret-of-eye\r\n"),
         qr/"deliveries":2,"delivered":1,"suppressed":0,"pending":0,"dead":1,/,
         'counted');
}

=== TEST 12: without a user
--- http_config
    # nobody
--- config
    location /adm/ { api_admin; }
--- request
GET /adm/endpoints
--- error_code: 403

=== TEST 13: a location with a pattern
--- config
    location ~ ^/tyk/ { api_admin; }
--- emerg
"api_admin" directive is not allowed here, a location with a prefix is expected
nginx.conf:

=== TEST 14: twice
--- config
    location /tyk/ { api_admin; api_admin; }
--- emerg
"api_admin" directive is duplicate
nginx.conf:

=== TEST 15: a user without a secret
--- http_config
    api_admin_user a role=view;
--- emerg
a name and "secret=" are expected
nginx.conf:

=== TEST 16: a secret that is too short
--- http_config
    api_admin_user a secret=short;
--- emerg
the secret of "a" is too short, at least 8 characters are expected
nginx.conf:

=== TEST 17: a role that is none
--- http_config
    api_admin_user a secret=long-enough role=root;
--- emerg
invalid "role=root", "admin", "view" or "integration" is expected
nginx.conf:

=== TEST 18: one name twice
--- http_config
    api_admin_user a secret=long-enough-1;
    api_admin_user a secret=long-enough-2;
--- emerg
duplicate user "a"
nginx.conf:

=== TEST 19: one secret twice
--- http_config
    api_admin_user a secret=long-enough;
    api_admin_user b secret=long-enough;
--- emerg
"a" and "b" have the same secret
nginx.conf:

=== TEST 20: an unknown parameter
--- http_config
    api_admin_user a secret=long-enough rolle=view;
--- emerg
unknown or repeated parameter, "secret=" and "role=" are expected
nginx.conf:
