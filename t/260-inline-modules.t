# Handlers in line beside nginx's own modules that let requests pass, refuse
# them or send them elsewhere.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks qw(:DEFAULT ask);
use RawServer;

our $Release = File::Temp->new;

our $Server = RawServer->new(
    '/held' => sub {
        select undef, undef, undef, 0.05 while !-s $Release->filename;
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n"
            . "Content-Type: application/json\r\n\r\n{\"a\":1}";
        return 0;
    },
    '/accel/8' => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Accel-Redirect: /to/8\r\n\r\n");

add_block_preprocessor(sub {
    my ($block) = @_;
    my $raw = '127.0.0.1:' . $Server->port;

    $block->set_value(request => 'GET /.first');
    $block->set_value(config => $block->config =~ s/RAW/$raw/gr
                      . "location /.first { api_event_handlers off; return 200; }\n");
    $block->set_value(user_files => ($block->user_files // '') =~ s/RAW/$raw/gr . <<'END');

>>> q.js
log.info('LOG request ' + req.resourceName);
headers['x-by'] = 'handler';
if (json) { json += json; }
>>> r.js
log.info('LOG response ' + req.resourceName);
json.seen = 1;
>>> e.js
log.info('LOG error ' + req.resourceName + ' ' + json.statusCode);
json = {error: json.statusCode};
END
});

no_shuffle();
run_tests();

__DATA__

=== TEST 1: satisfy: handlers run where the request passes, once
--- config
    api_id a;
    api_auth off;
    api_event_handlers request js path=q.js;
    api_event_handlers response js path=r.js;
    api_event_handlers error js path=e.js;
    auth_basic_user_file ../html/users;
    location /any/ { satisfy any; auth_basic x; allow 127.0.0.1; deny all; proxy_pass $UPSTREAM/; }
    location /password/ { satisfy any; auth_basic x; deny all; proxy_pass $UPSTREAM/; }
    location /address/ { allow 127.0.0.1; auth_basic x; proxy_pass $UPSTREAM/; }
    location /denied/ { deny all; proxy_pass $UPSTREAM/; }
--- user_files
>>> users
u:{PLAIN}p
--- check eval
sub {
    my $password = "Authorization: Basic dTpw\r\n";

    for my $case (['/any/1'], ['/any/2', $password], ['/password/3', $password],
                  ['/address/4', $password])
    {
        like(ask(@$case), qr/^200 .*"x-by":"handler".*"seen":1}$/, "$case->[0] passes");
    }

    for my $path ('/password/5', '/address/6') {
        my ($status, $head, $body) = ask($path);

        is("$status $body", '401 {"error":401}', "$path: an error");
        like($head, qr/^WWW-Authenticate: Basic realm="x"\r?$/m, 'that asks');
    }

    is(scalar ask('/denied/7'), '403 {"error":403}', 'allow and deny');
    is(logged(11), CORE::join("\n", map("LOG request $_\nLOG response $_", 1 .. 4),
                             'LOG error 5 401', 'LOG error 6 401', 'LOG error 7 403'),
       'each once');
}



=== TEST 2: auth_request: what it asks has no handlers
--- config
    api_id a;
    api_auth off;
    api_event_handlers request js path=q.js;
    api_event_handlers response js path=r.js;
    api_event_handlers error js path=e.js;
    location /yes/ {
        auth_request /.auth/x;
        auth_request_set $who $upstream_http_x_upstream;
        proxy_set_header X-Who $who;
        proxy_pass $UPSTREAM/;
    }
    location /no/ { auth_request /.auth/status/403; proxy_pass $UPSTREAM/; }
    location /who/ { auth_request /.auth/status/401; proxy_pass $UPSTREAM/; }
    location /broken/ { auth_request /.auth/status/500; proxy_pass $UPSTREAM/; }
    location /.auth/ {
        internal;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_pass $UPSTREAM/;
        api_event_handlers request js path=throws.js;
        api_event_handlers response js path=throws.js;
    }
--- user_files
>>> throws.js
throw 'within the subrequest';
--- check eval
sub {
    like(ask('/yes/1'), qr/^200 .*"x-who":"yes".*"x-by":"handler".*"seen":1}$/, 'passes');
    like(ask('POST /yes/2', undef, 'ab'), qr/^200 .*"body":"abab".*"seen":1}$/,
         'with a body');
    is(scalar ask('/no/3'), '403 {"error":403}', 'refuses');
    is(scalar ask('/who/4'), '401 {"error":401}', 'asks for a password');
    is(scalar ask('POST /broken/5', undef, 'ab'), '500 {"error":500}', 'fails');
    is(logged(7), CORE::join("\n", map("LOG request $_\nLOG response $_", 1, 2),
                            'LOG error 3 403', 'LOG error 4 401', 'LOG error 5 500'),
       'each once');
}
--- allow_log
auth request unexpected status: 500



=== TEST 3: limit_req: what is delayed, what is refused, preflights
--- http_config
    limit_req_zone all zone=slow:1m rate=4r/s;
    limit_req_zone all zone=few:1m rate=1r/m;
--- user_files
>>> o.js
log.info('LOG options');
return {'Access-Control-Allow-Origin': '*', HTTPStatusCode: 204};
--- config
    api_id a;
    api_auth off;
    api_event_handlers request js path=q.js;
    api_event_handlers response js path=r.js;
    api_event_handlers error js path=e.js;
    api_event_handlers options js path=o.js;
    location /slow/ { limit_req zone=slow burst=3; proxy_pass $UPSTREAM/; }
    location /few/ { limit_req zone=few; limit_req_status 429; proxy_pass $UPSTREAM/; }
--- check eval
sub {
    like(ask("/slow/$_"), qr/^200 .*"x-by":"handler".*"seen":1}$/, 'maybe delayed')
        for 1 .. 3;

    like(ask('/few/4'), qr/^200 .*"seen":1}$/, 'passes');
    is(scalar ask('POST /few/5', undef, 'ab'), '429 {"error":429}', 'refused');
    is(scalar ask('OPTIONS /few/6', "Access-Control-Request-Method: GET\r\n"), '204 ',
       'a preflight is asked first');
    is(logged(10), CORE::join("\n", map("LOG request $_\nLOG response $_", 1 .. 4),
                             'LOG error 5 429', 'LOG options'),
       'each once');
}



=== TEST 4: limit_conn: the request that waits for handlers counts
--- http_config
    limit_conn_zone all zone=one:1m;
--- config
    api_id a;
    api_auth off;
    api_event_handlers request js path=q.js;
    api_event_handlers response js path=waits.js timeout=30s;
    api_event_handlers error js path=e.js;
    location /one/ { limit_conn one 1; proxy_pass $UPSTREAM/; }
--- user_files
>>> waits.js
if (req.urlParameters.wait) {
    json = JSON.parse(SysUtility.restGet('http://RAW/held', null, {}));
}
json.seen = 1;
--- check eval
sub {
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient) or die "$!\n";

    syswrite $socket, "GET /one/1?wait=1 HTTP/1.0\r\n\r\n";
    ok(ApiEvents::wait_for(sub { $main::Server->requests > 0 }), 'its handler waits');
    is(scalar ask('/one/2'), '503 {"error":503}', 'another one is refused');
    syswrite $main::Release, 'x';
    is(CORE::join('', <$socket>) =~ s/.*\r\n\r\n//sr, '{"a":1,"seen":1}', 'it goes on');
    ok(ApiEvents::wait_for(sub { ask('/one/4') =~ /^200 .*"seen":1}$/ }),
       'and makes room');
}



=== TEST 5: what an options handler answers is no answer for others
--- config
    api_id a;
    api_auth off;
    api_event_handlers options js path=o.js;
    api_event_handlers request js path=q.js;
    api_event_handlers response js path=r.js;
    api_event_handlers error js path=e.js;
    location /a/ { proxy_pass $UPSTREAM/; }
--- user_files
>>> o.js
if (req.urlParameters.throw) { throw 'no'; }
return {'Access-Control-Allow-Origin': '*', HTTPStatusCode: Number(req.urlParameters.status)};
--- check eval
sub {
    my $preflight = "Access-Control-Request-Method: GET\r\n";

    is(scalar ask("OPTIONS /a/1?status=$_", $preflight), "$_ ", "status $_")
        for 200, 204, 299, 403;
    is(scalar ask('OPTIONS /a/2?throw=1', $preflight), '500 {"error":500}', 'but a throw');
    like(ask('OPTIONS /a/3'), qr/^200 .*"seen":1}$/, 'nor a preflight');
    is(logged(3), "LOG error 2 500\nLOG request 3\nLOG response 3", 'each once');
}



=== TEST 6: redirects within nginx: requests and their handlers are one
--- config
    api_id a;
    api_auth off;
    api_event_handlers request js path=q.js;
    api_event_handlers response js path=r.js;
    api_event_handlers error js path=e.js;
    location /last/ { rewrite ^/last/(.*) /to/$1 last; }
    location /break/ { rewrite ^/break/(.*) /b-$1 break; proxy_pass $UPSTREAM; }
    location /try/ { try_files /none /none/ @named; }
    location /uri/ { try_files /none /to/uri; }
    location /status/ { try_files /none =410; }
    location /index/ { alias $TEST_NGINX_SERVER_ROOT/html/; index a.json; default_type application/json; }
    location /accel/ { proxy_pass http://RAW; }
    location /to/ { proxy_pass $UPSTREAM/; }
    location @named { proxy_pass $UPSTREAM; }
    location /late/ {
        api_event_handlers off;
        api_event_handlers response js path=r.js;
        try_files /none @late;
    }
    location /types/ {
        api_event_handlers off;
        api_event_handlers request js path=q.js;
        try_files /none @types;
    }
    location @types {
        api_event_handlers off;
        api_event_handlers error js path=e.js;
        api_event_handlers response js path=r.js;
        proxy_pass $UPSTREAM;
    }
    location @late {
        api_event_handlers off;
        api_event_handlers request js path=q.js;
        proxy_pass $UPSTREAM;
    }
--- user_files
>>> a.json
{"of":"a file"}
--- check eval
sub {
    like(ask('/last/1'), qr/^200 .*"uri":"\/1".*"x-by":"handler".*"seen":1}$/, 'last');
    like(ask('/break/2'), qr/^200 .*"uri":"\/b-2".*"seen":1}$/, 'break');
    like(ask('POST /try/3', undef, 'ab'),
         qr/^200 .*"uri":"\/try\/3".*"body":"abab".*"x-by":"handler".*"seen":1}$/, 'named');
    like(ask('/uri/4'), qr/^200 .*"uri":"\/uri".*"x-by":"handler".*"seen":1}$/, 'URI');
    is(scalar ask('/status/5'), '410 {"error":410}', 'status');
    is(scalar ask('/index/'), '200 {"of":"a file","seen":1}', 'index');
    like(ask('/accel/8'), qr/^200 .*"uri":"\/8".*"x-by":"handler".*"seen":1}$/, 'X-Accel-Redirect');
    like(ask('/late/9'), qr/^200 .*"x-by":"handler"}}$/, 'where there are some');
    unlike(ask('/types/10', "Accept-Encoding: br\r\n"), qr/"br"/, 'encodings');
    is(logged(17), CORE::join("\n", map("LOG request $_\nLOG response $_", 1 .. 4),
                             'LOG request 5', 'LOG error 5 410', 'LOG request ', 'LOG response ',
                             'LOG request 8', 'LOG response 8', 'LOG request 9',
                             'LOG request 10', 'LOG response 10'),
       'each once, and of one resource');
}
