# What nginx's own modules make of answers that handlers in line have seen:
# handlers see the answer as it came from upstream, then come filters.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

use Compress::Zlib ();
use IO::Socket::INET;

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
json.seen = '<!--# echo var="request_method" -->';
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


# status, head and body of a GET, or "POST /path"
sub ask {
    my ($what, $headers, $body) = @_;
    my ($verb, $path) = $what =~ /(\S+) (.*)/ ? ($1, $2) : ('GET', $what);
    my $answer = '';
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', Timeout => 30,
        PeerPort => $Test::Nginx::Util::ServerPortForClient) or die "$!\n";

    $headers //= '';
    $headers .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;

    syswrite $socket, "$verb $path HTTP/1.0\r\nHost: x\r\n$headers\r\n"
        . ($body // '');
    local $SIG{ALRM} = sub { close $socket };
    alarm 30;
    1 while sysread $socket, $answer, 65536, length $answer;
    alarm 0;

    my ($head, $rest) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{^HTTP/\S+ (\d+)};

    return ($status // 0, $head // '', $rest // '');
}

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
    my $seen = '"seen":"<!--# echo var=\"request_method\" -->"}';
    my ($status, $head, $body) = main::ask('/sub/a.json');

    is($body, '{"verb":"two files","seen":"replaced echo var=\"request_method\" -->"}',
       'sub_filter');

    ($status, $head, $body) = main::ask('/add/a.json');
    like($body, qr/^{[^}]*"uri":"\/slow\/200".*}{"verb":"a file",\Q$seen\E{.*"uri":"\/to\/after".*}$/,
         'addition');
    unlike($head, qr/^Content-Length/mi, 'of no length that is known');

    ($status, $head, $body) = main::ask('/ssi/a.json');
    like($body, qr/^{"verb":"a file","seen":"/, 'SSI');

    ($status, $head, $body) = main::ask('/gzip/a.json', "Accept-Encoding: gzip\r\n");
    like($head, qr/^Content-Encoding: gzip\r$/m, 'gzip');
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
    my (undef, $head) = main::ask('/a/1');

    like($head, qr/^Cache-Control: max-age=3600\r$/m, 'expires');
    like($head, qr/^X-Ok: 200\r\nX-Always: 200\r$/m, 'the status');

    (undef, $head) = main::ask('/a/1?status=299');
    unlike($head, qr/^Cache-Control: max-age|^X-Ok/m, 'none for this status');
    like($head, qr/^X-Always: 299/m, 'but where always');
}



=== TEST 3: error_page and proxy_intercept_errors
--- config
    error_page 404 /page.json;
    error_page 503 @named;
    error_page 403 =200 /page.json;
    error_page 410 =299 @json;
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
        proxy_pass $UPSTREAM/status/404;
    }
    location @quiet { api_event_handlers off; return 404 'as it is'; }
--- user_files
>>> page.json
{"statusCode":404,"errorMessage":"of a page"}
--- check eval
sub {
    my %cases = (
        '/nginx/1' => '404 {"statusCode":404,"errorMessage":"of a page","message":"of a page","seen":"error"}',
    );
    for my $path ('/nginx/1', '/intercepted/status/404', '/intercepted/status/503',
        '/passed/status/404', '/denied/1', '/gone/1', '/quiet/1', '/intercepted/own/404')
    {
        my ($status, $head, $body) = main::ask($path);
        main::diag("$path: $status $body");
    }
    main::diag(logged(7));
}



=== TEST 4: mirror: what upstream gets
--- config
    location /a/ { mirror /mirror; proxy_pass $UPSTREAM/; }
    location = /mirror { internal; proxy_pass $UPSTREAM_M/mirrored; }
--- check eval
sub {
    main::ask('POST /a/1', undef, 'ab');
}
