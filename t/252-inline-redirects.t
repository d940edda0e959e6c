# Which handlers see a request that nginx sends on from location to location,
# and what modules do that wait beside them.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;
use RawServer;

sub accel {
    my ($to, @headers) = @_;
    return CORE::join '', map "$_\r\n", 'HTTP/1.1 200 OK', 'Content-Length: 0',
                          "X-Accel-Redirect: $to", @headers, '';
}

our $Server = RawServer->new(
    '/to/mine' => accel('/mine'),
    '/to/none' => accel('/none'),
    '/to/same' => accel('/same'),
    '/to/round' => accel('/round'),
    '/to/file' => accel('/file/a.json'),
    '/to/missing' => accel('/file/missing.json'),
    '/to/named' => accel('@named'),
    '/to/parts' => accel('/parts'),
    '/round' => accel('/back/end'),
    '/to/end' => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                 . "Content-Length: 9\r\n\r\n{\"end\":1}",
    '/503' => "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n"
              . "X-Accel-Redirect: /mine\r\n\r\nno");

my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $Threads = `$nginx -V 2>&1` =~ /--with-threads/;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $raw = '127.0.0.1:' . $Server->port;
    my $config = $block->config =~ s/RAW/$raw/gr;

    $config =~ s/aio \w+;|aio_write on;//g if !$Threads;
    $block->set_value(config => $config);
});

no_shuffle();
run_tests();


# status and body
sub ask {
    my ($verb, $path, $body, @headers) = @_;
    my $text = '';
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', Timeout => 30,
        PeerPort => $Test::Nginx::Util::ServerPortForClient) || die "$!\n";

    $body //= '';
    syswrite $socket, CORE::join '', map("$_\r\n", "$verb $path HTTP/1.1",
        'Host: x', 'Connection: close', @headers,
        'Content-Length: ' . length $body, ''), $body;

    local $SIG{ALRM} = sub { close $socket };
    alarm 30;
    1 while sysread $socket, $text, 65536, length $text;
    alarm 0;

    return $text =~ m{^HTTP/1.1 (\d+).*?\r\n\r\n(.*)}s ? "$1 $2" : $text;
}

__DATA__

=== TEST 1: X-Accel-Redirect: the handlers of where it leads to
--- http_config
types { application/json json; }
gzip_types application/json;
gzip_proxied any;
gzip_min_length 1;
js_import parts from ../html/parts.js;
--- config
        api_auth off;
        location /to/ {
            api_id to;
            proxy_pass http://RAW;
            api_event_handlers request js path=q1.js;
            api_event_handlers response js path=s1.js;
            api_event_handlers error js path=e1.js;
        }
        location /503 {
            api_id to;
            proxy_pass http://RAW;
            api_event_handlers response js path=s1.js;
            api_event_handlers error js path=e1.js;
        }
        location /back/ {
            api_id to;
            proxy_pass http://RAW/to/;
            api_event_handlers request js path=q1.js;
            api_event_handlers response js path=s1.js;
        }
        location /plain/ { proxy_pass http://RAW/to/; }
        location /mine {
            api_id mine;
            proxy_pass $UPSTREAM;
            api_event_handlers request js path=q2.js;
            api_event_handlers response js path=s2.js;
            api_event_handlers error js path=e2.js;
        }
        location /none { proxy_pass $UPSTREAM; }
        location /same {
            api_id same;
            proxy_pass $UPSTREAM;
            api_event_handlers request js path=q1.js;
        }
        location /round {
            api_id round;
            proxy_pass http://RAW;
            api_event_handlers request js path=q2.js;
        }
        location /file/ {
            api_id file;
            alias $TEST_NGINX_SERVER_ROOT/html/;
            api_event_handlers response js path=s2.js;
            api_event_handlers error js path=e2.js;
        }
        location @named {
            api_id named;
            proxy_pass $UPSTREAM;
            api_event_handlers response js path=s2.js;
        }
        location /parts {
            api_id parts;
            js_content parts.run;
            api_event_handlers response js path=s2.js;
        }
--- user_files
>>> q1.js
log.info('LOG q1 ' + json);
headers['x-q1'] = 'yes';
if (json) { json += '1'; }
>>> q2.js
log.info('LOG q2 ' + json + ' ' + req.json);
headers['x-q2'] = 'yes';
if (json) { json += '2'; }
>>> s1.js
log.info('LOG s1');
>>> s2.js
log.info('LOG s2 ' + req.json);
var h = json.headers || {};
json = {a: json.a, body: json.body, q1: h['x-q1'], q2: h['x-q2'], s2: 1};
>>> e1.js
log.info('LOG e1');
json = {e1: json.statusCode};
>>> e2.js
log.info('LOG e2 ' + json.errorMessage);
json = {e2: json.statusCode};
>>> a.json
{"a":1}
>>> parts.js
function run(r) {
    r.headersOut['Content-Type'] = 'application/json';
    r.status = 200;
    r.sendHeader();
    r.send('{"a"');
    r.send(':1}');
    r.finish();
}
export default {run};
--- request
GET /to/file
--- response_body chop
{"a":1,"s2":1}
--- check eval
sub {
    is(main::ask('POST', '/to/mine', 'ab'),
       '200 {"body":"ab12","q1":"yes","q2":"yes","s2":1}', 'handlers in both');
    like(main::ask('POST', '/to/none', 'cd'),
         qr/^200 .*"body":"cd1".*"x-q1":"yes"/, 'none where it leads to');
    like(main::ask('POST', '/to/same', 'ef'), qr/^200 .*"body":"ef1"/, 'the same');
    is(main::ask('POST', '/to/round', 'gh'), '200 {"end":1}', 'back again');
    is(main::ask('GET', '/to/missing'), '404 {"e2":404}', 'to an error');
    is(main::ask('GET', '/to/named'), '200 {"body":"","q1":"yes","s2":1}',
       'a named location');
    is(main::ask('GET', '/to/parts'), '200 {"a":1,"s2":1}', 'in parts');
    is(main::ask('POST', '/503', 'ij'),
       '200 {"body":"ij2","q2":"yes","s2":1}', 'of an error');
    is(main::ask('POST', '/plain/mine', 'kl'),
       '200 {"body":"kl2","q2":"yes","s2":1}', 'of no API');

    is(logged(20), CORE::join("\n", map "LOG $_", 'q1 null', 's2 null',
        'q1 ab', 'q2 ab1 ab', 's2 ab', 'q1 cd', 'q1 ef', 'q1 gh', 'q2 gh1 gh', 's1',
        'q1 null', 'e2 Not Found', 'q1 null', 's2 null', 'q1 null', 's2 null',
        'q2 ij ij', 's2 ij', 'q2 kl kl', 's2 kl'), 'once each');
}



=== TEST 2: nobody gets round handlers by an index
--- config
        location /api/ {
            api_id a;
            api_auth off;
            alias $TEST_NGINX_SERVER_ROOT/html/;
            index a.json;
            api_event_handlers request js path=trace.js;
        }
        location /api/a.json {
            api_id a;
            api_auth off;
            alias $TEST_NGINX_SERVER_ROOT/html/a.json;
            api_event_handlers request js path=guard.js;
        }
--- user_files
>>> trace.js
log.info('LOG trace');
>>> guard.js
log.info('LOG guard');
throw {statusCode: 403, errorMessage: 'no'};
>>> a.json
{"a":1}
--- request eval
['GET /api/a.json', 'GET /api/']
--- error_code eval
[403, 403]
--- check eval
sub { is(logged(3), "LOG guard\nLOG trace\nLOG guard", 'both') }



=== TEST 3: aio threads and a file
--- http_config
types { application/json json; }
client_body_buffer_size 1m;
--- config
        location /api/ {
            api_id a;
            api_auth off;
            alias $TEST_NGINX_SERVER_ROOT/html/;
            aio threads;
            api_event_handlers response js path=r.js;
        }
        location /direct/ {
            api_id a;
            api_auth off;
            alias $TEST_NGINX_SERVER_ROOT/html/;
            aio threads;
            directio 512;
            output_buffers 1 512;
            api_event_handlers response js path=r.js;
        }
        location /sendfile/ {
            api_id a;
            api_auth off;
            alias $TEST_NGINX_SERVER_ROOT/html/;
            aio threads;
            sendfile on;
            sendfile_max_chunk 1k;
            api_event_handlers response js path=r.js;
        }
        location /upload/ {
            api_id a;
            api_auth off;
            aio threads;
            aio_write on;
            client_body_in_file_only clean;
            proxy_pass $UPSTREAM/;
            api_event_handlers response js path=u.js;
        }
        location /both/ {
            api_id a;
            api_auth off;
            aio threads;
            aio_write on;
            client_body_in_file_only clean;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=q.js;
            api_event_handlers response js path=u.js;
        }
--- user_files eval
">>> r.js
json = [json.a.length, json.b];
>>> u.js
json = [req.json.length, json.body.length];
>>> q.js
json += json;
>>> a.json
{\"a\":\"" . 'x' x 300_000 . "\",\"b\":1}
"
--- request eval
['GET /api/a.json', 'GET /direct/a.json', 'GET /sendfile/a.json',
 "POST /upload/x\n" . 'x' x 100_000, "POST /both/x\n" . 'x' x 100_000, 'HEAD /api/a.json']
--- response_body eval
[('[300000,1]') x 3, '[100000,100000]', '[100000,200000]', '']
--- check eval
sub {
    my @answers = map { main::ask('GET', '/api/a.json') } 1 .. 20;
    is(CORE::join("\n", @answers), CORE::join("\n", ('200 [300000,1]') x 20), 'again');
}
