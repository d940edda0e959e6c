# What nginx's own modules make of answers that handlers in line have seen:
# handlers see the answer as it came from upstream, then come filters.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks qw(:DEFAULT ask);

use Compress::Zlib ();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(request => 'GET /.first');
    $block->set_value(config => <<'END' . $block->config
    api_id a;
    api_auth off;
    api_event_handlers request js path=q.js;
    api_event_handlers response js path=r.js;
    api_event_handlers error js path=e.js;
END
        . "location /.first { api_event_handlers off; return 200; }\n");
    $block->set_value(user_files => ($block->user_files // '') . <<'END');

>>> q.js
if (json) { json += json; }
headers['x-by'] = 'handler';
>>> r.js
log.info('LOG ' + req.resourceName + ' ' + JSON.stringify(json));
json.seen = "<!--# echo var='request_method' -->";
if (req.urlParameters.status) { response.status(Number(req.urlParameters.status)); }
>>> e.js
log.info('LOG error ' + req.resourceName + ' ' + json.statusCode + ' ' + json.errorMessage);
json.seen = 'error';
>>> a.json
{"verb":"a file"}
END
});

no_shuffle();
run_tests();

__DATA__

=== TEST 1: sub_filter, addition, SSI and gzip come behind the handlers
--- config
    default_type application/json;
    location /sub/ {
        sub_filter 'a file' 'two files';
        sub_filter '<!--#' 'replaced';
        sub_filter_types application/json;
        alias $TEST_NGINX_SERVER_ROOT/html/;
    }
    location /add/ {
        add_before_body /slow/200;
        add_after_body /to/after;
        addition_types application/json;
        alias $TEST_NGINX_SERVER_ROOT/html/;
    }
    location /ssi/ {
        ssi on;
        ssi_types application/json;
        alias $TEST_NGINX_SERVER_ROOT/html/;
    }
    location /gzip/ {
        gzip on;
        gzip_min_length 1;
        gzip_http_version 1.0;
        gzip_types application/json;
        proxy_pass $UPSTREAM/answers/;
    }
    location /slow/ { proxy_pass $UPSTREAM; }
    location /to/ { proxy_pass $UPSTREAM; }
--- check eval
sub {
    my $seen = q("seen":"<!--# echo var='request_method' -->"});
    my ($status, $head, $body) = ask('/sub/a.json');

    is($body, q({"verb":"two files","seen":"replaced echo var='request_method' -->"}),
       'sub_filter');

    ($status, $head, $body) = ask('/add/a.json');
    like($body, qr/^\{[^}]*"uri":"\/slow\/200".*\}\{"verb":"a file",\Q$seen\E\{.*"uri":"\/to\/after".*\}$/,
         'addition');
    unlike($head, qr/^Content-Length/mi, 'of no length that is known');

    ($status, $head, $body) = ask('/ssi/a.json');
    is($body, '{"verb":"a file","seen":"GET"}', 'SSI');

    ($status, $head, $body) = ask('/gzip/a.json', "Accept-Encoding: gzip\r\n");
    like($head, qr/^Content-Encoding: gzip\r?$/m, 'gzip');
    unlike($head, qr/^Content-Length/mi, 'of no length that is known');
    unlike($head, qr/^ETag/mi, 'nor a tag');
    is(Compress::Zlib::memGunzip($body), "{\"verb\":\"a file\",$seen", 'what it packs');

    is(logged(4), CORE::join("\n", map "LOG $_ {\"verb\":\"a file\"}", ('a.json') x 4),
       'as they came');
}



=== TEST 2: expires and add_header know the handlers' status
--- config
    location /a/ {
        expires 1h;
        add_header X-Ok $status;
        add_header X-Always $status always;
        proxy_pass $UPSTREAM/;
    }
--- check eval
sub {
    my (undef, $head) = ask('/a/1');

    like($head, qr/^Cache-Control: max-age=3600\r?$/m, 'expires');
    like($head, qr/^X-Ok: 200\r\nX-Always: 200\r?$/m, 'the status');

    (undef, $head) = ask('/a/1?status=299');
    unlike($head, qr/^Cache-Control: max-age|^X-Ok/m, 'none for this status');
    like($head, qr/^X-Always: 299/m, 'but where always');
}



=== TEST 3: error_page and proxy_intercept_errors
--- config
    error_page 404 /page.json;
    error_page 503 @named;
    error_page 403 =200 /page.json;
    location = /page.json { root $TEST_NGINX_SERVER_ROOT/html; default_type application/json; }
    location @named { return 503 'not JSON'; }
    location @json { default_type application/json; return 200 '{"verb":"named"}'; }
    location /nginx/ { root $TEST_NGINX_SERVER_ROOT/html/none; }
    location /intercepted/ { proxy_intercept_errors on; proxy_pass $UPSTREAM/; }
    location /passed/ { proxy_pass $UPSTREAM/; }
    location /denied/ { deny all; proxy_pass $UPSTREAM/; }
    location /gone/ { deny all; error_page 403 =410 @json; proxy_pass $UPSTREAM/; }
    location /quiet/ {
        api_event_handlers off;
        error_page 404 @quiet;
        proxy_intercept_errors on;
        proxy_pass $UPSTREAM/status/404/;
    }
    location @quiet { api_event_handlers off; default_type text/plain; return 404 'as it is'; }
--- user_files
>>> page.json
{"statusCode":404,"errorMessage":"of a page"}
--- check eval
sub {
    my $page = '{"statusCode":404,"errorMessage":"of a page","message":"of a page","seen":"error"}';
    my $made = sub {
        my ($status, $text) = @_;
        return qq({"statusCode":$status,"errorCode":${status}1,"errorMessage":"$text",)
               . qq("message":"$text","seen":"error"});
    };

    for my $case (
        ['/nginx/1', "404 $page", 'a page is the error that its handlers see'],
        ['/intercepted/status/404', "404 $page", 'in place of an upstream error too'],
        ['/intercepted/own/404', "404 $page", 'whatever that said'],
        ['/intercepted/status/503', '503 ' . $made->(503, 'Service Unavailable'), 'a named location'],
        ['/passed/status/404', '404 ' . $made->(404, 'Not Found'), 'what is not intercepted'],
        ['/gone/1', '410 ' . $made->(410, 'Gone'), 'a page of another status'],
        ['/denied/1', '200 {"statusCode":404,"errorMessage":"of a page",'
                      . q("seen":"<!--# echo var='request_method' -->"}), 'one that is no error'],
        ['/quiet/1', '404 as it is', 'a page without handlers'])
    {
        my ($status, undef, $body) = ask($case->[0]);

        is("$status $body", $case->[1], $case->[2]);
    }

    is(logged(7) =~ s/ \{"statusCode.*//r, CORE::join("\n", 'LOG error 1 404 of a page',
        'LOG error status 404 of a page', 'LOG error own 404 of a page',
        'LOG error status 503 Service Unavailable', 'LOG error status 404 Not Found',
        'LOG error 1 410 Gone', 'LOG 1'), 'resources that the client asked for');
}



=== TEST 4: mirror has what upstream gets
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        js_import copy from ../html/copy.js;
        location / { js_content copy.run; }
    }
--- config
    location /a/ { mirror /mirror; proxy_pass $UPSTREAM/; }
    location = /mirror { internal; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/copy; }
--- user_files
>>> copy.js
function run(r) {
    r.error('LOG copy ' + r.headersIn['X-By'] + ' ' + r.requestText + ', request id: 0');
    r.return(200);
}
export default {run};
--- check eval
sub {
    my (undef, undef, $body) = ask('POST /a/1', undef, 'ab');

    like($body, qr/"body":"abab"/, 'upstream');
    like(logged(2), qr/^LOG copy handler abab$/m, 'the mirror');
}
--- allow_log
LOG copy



=== TEST 5: proxy_cache keeps what upstream sent
--- http_config
    proxy_cache_path logs/cache keys_zone=c:1m;
--- config
    proxy_cache c;
    proxy_cache_key $arg_key;
    proxy_cache_valid 200 404 1h;
    add_header X-Cache $upstream_cache_status always;
    location /a/ { proxy_pass $UPSTREAM/; }
    location /plain/ { api_event_handlers off; proxy_pass $UPSTREAM/; }
--- check eval
sub {
    my ($n, @body) = 0;

    for my $case (['/a/answers/a.json?key=1', 'MISS'], ['/a/answers/a.json?key=1', 'HIT'],
                  ['/plain/none?key=1', 'HIT'], ['/plain/answers/a.json?key=2', 'MISS'],
                  ['/a/none?key=2', 'HIT'], ['/a/status/404?key=3', 'MISS'],
                  ['/a/status/404?key=3', 'HIT'], ['/plain/none?key=3', 'HIT'],
                  ['HEAD /a/answers/a.json?key=4', 'MISS'], ['/a/answers/a.json?key=4', 'HIT'])
    {
        my ($status, $head, $body) = ask($case->[0]);

        like($head, qr/^X-Cache: $case->[1]\r?$/m, "$case->[0]: $case->[1]");
        push @body, "$status $body" =~ s/\n+$//r;
    }

    my $file = '{"verb":"a file"}';
    my $seen = q(200 {"verb":"a file","seen":"<!--# echo var='request_method' -->"});
    my $error = '404 {"statusCode":404,"errorCode":4041,"errorMessage":"Not Found",'
                . '"message":"Not Found","seen":"error"}';

    is(CORE::join("\n", @body), CORE::join("\n", $seen, $seen, "200 $file", "200 $file", $seen,
                                         $error, $error, '404 not JSON', '200 ', $seen), 'bodies');
}
