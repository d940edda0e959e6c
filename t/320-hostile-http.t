# What the http block says of proxying, errors, limits and bodies is for the
# user's requests: a delivery is the same with it and without.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use RawServer;

our $Server = RawServer->new(
    '/500' => "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    '/302' => "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /ok\r\n\r\n",
    '/slow' => sub {
        select undef, undef, undef, 0.2;
        syswrite $_[0], "HTTP/1.1 204 No Content\r\n\r\n";
        return 0;
    },
    '/cached' => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n\r\nok",
    '/headers' => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/html\r\n"
                  . "X-Own: 1\r\nServer: own\r\nDate: now\r\nSet-Cookie: a=b; Path=/\r\n"
                  . "Location: http://127.0.0.1/x\r\n\r\nok",
);

our $Url = 'http://127.0.0.1:' . $Server->port;

our $Hostile = <<'END';
    proxy_intercept_errors on;
    recursive_error_pages on;
    error_page 301 302 400 401 403 404 405 410 413 500 501 502 503 504 =200 /error;
    error_page 429 =204 @none;
    log_subrequest on;
    rewrite_log on;
    auth_request /deny;
    auth_basic closed;
    auth_basic_user_file /none;
    deny all;
    satisfy all;
    limit_req_zone $nginx_version zone=req:1m rate=1r/m;
    limit_req zone=req;
    limit_req_zone $server_port zone=free:1m rate=1000r/s;
    limit_conn_zone $nginx_version zone=conn:1m;
    limit_conn conn 1;
    limit_rate 1;
    limit_rate_after 1;
    add_header X-Added 1 always;
    expires 1h;
    userid on;
    gzip on;
    gzip_min_length 0;
    gzip_types *;
    gzip_proxied any;
    gunzip on;
    charset utf-16;
    sub_filter o X;
    sub_filter_types *;
    ssi on;
    ssi_types *;
    addition_types *;
    add_before_body /before;
    add_after_body /after;
    mirror /mirror;
    mirror_request_body on;
    client_max_body_size 1;
    client_body_buffer_size 1;
    client_body_in_file_only on;
    client_body_in_single_buffer on;
    subrequest_output_buffer_size 1;
    output_buffers 1 1;
    postpone_output 0;
    chunked_transfer_encoding off;
    keepalive_requests 1;
    send_timeout 1ms;
    reset_timedout_connection on;
    msie_refresh on;
    max_ranges 0;
    etag on;
    if_modified_since exact;
    root /none;
    types { }
    open_file_cache max=1;
    proxy_method DELETE;
    proxy_set_body hostile;
    proxy_set_header Host hostile;
    proxy_set_header X-Hostile 1;
    proxy_set_header Content-Length 1;
    proxy_set_header Connection close;
    proxy_pass_request_headers off;
    proxy_pass_request_body off;
    proxy_request_buffering off;
    proxy_http_version 1.0;
    proxy_buffering off;
    proxy_buffer_size 1;
    proxy_buffers 2 1;
    proxy_busy_buffers_size 1;
    proxy_max_temp_file_size 1m;
    proxy_temp_file_write_size 1m;
    proxy_limit_rate 1;
    proxy_cache_path $TEST_NGINX_SERVER_ROOT/logs/cache keys_zone=cache:1m;
    proxy_cache cache;
    proxy_cache_key one;
    proxy_cache_methods POST;
    proxy_cache_valid any 1h;
    proxy_cache_use_stale error timeout http_500;
    proxy_cache_lock on;
    proxy_cache_convert_head on;
    proxy_bind 127.0.0.9;
    proxy_connect_timeout 1ms;
    proxy_send_timeout 1ms;
    proxy_read_timeout 1ms;
    proxy_next_upstream error timeout invalid_header http_500 http_404 non_idempotent;
    proxy_next_upstream_tries 10;
    proxy_hide_header X-Own;
    proxy_pass_header X-Accel-Redirect;
    proxy_redirect http://127.0.0.1/ http://hostile/;
    proxy_cookie_path / /hostile;
    proxy_cookie_flags a secure;
    proxy_force_ranges on;
    proxy_ignore_client_abort off;
    proxy_headers_hash_max_size 64;
    js_import hostile from $TEST_NGINX_SERVER_ROOT/html/hostile.js;
    js_set $hostile hostile.set;
    js_fetch_timeout 1ms;
    map $uri $apievents_mine { default hostile; }
END

# what does not fit together in every nginx
$Hostile =~ s/^    (?:proxy_buffer_size 1|proxy_buffers 2 1|proxy_busy_buffers_size 1);\n//mg;

# what only newer ones know
$Hostile .= <<'END' if `nginx -v 2>&1` =~ m{/1\.(\d+)} && $1 >= 29;
    proxy_pass_trailers on;
    early_hints 1;
    add_header_inherit merge;
    js_context_reuse 1;
END

our $Files = <<'END';
>>> hostile.js
function set(r) {
    return 'hostile';
}
export default {set};
>>> error
error
END

# the gateway itself is left alone
our $Gateway = <<'END';
    auth_request off;
    auth_basic off;
    allow all;
    limit_req zone=free burst=1000 nodelay;
    limit_conn conn 1000;
    mirror off;
    limit_rate 0;
    error_page 401 = @none;
    location /a {
        api_id a;
        error_page 418 /none;
        proxy_intercept_errors off;
        charset off;
        empty_gif;
    }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => $Hostile . $block->http_config =~ s/\$URL/$Url/gr);
    $block->set_value(config => $Gateway);
    $block->set_value(user_files => $Files . ($block->user_files // ''));
    $Server->forget;
});

no warnings "once";
*Test::Base::Filter::requests = sub {
    my ($n) = @_;

    wait_for(sub { (() = $Server->requests) >= $n });
    select undef, undef, undef, 0.1;

    return $Server->requests;
};

worker_connections(512);
run_tests();

__DATA__

=== TEST 1: method, headers and body
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$URL/ok "header=X-A: 1";
--- check eval
sub {
    my @got = requests(1);
    my ($path, $head, $body, $n, $peer) = @{ $got[0] };

    is(scalar @got, 1, 'one request');
    is($peer, '127.0.0.1', 'from');
    like($head, qr{^POST /ok HTTP/1.1\r\nHost: 127.0.0.1:\d+\r\nContent-Length: (\d+)\r\nX-A: 1\r\nUser-Agent: Tyk-Hookshot\r\nContent-Type: application/json\r\nwebhook-id: evt_\S+\r\nX-Api-Events-Hops: 1\r\n\r\n\z},
         'head');
    is(JSON::XS::decode_json($body)->{event}, 'AuthFailure', 'body');
}

=== TEST 2: each is sent, over a connection that is kept
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$URL/cached concurrency=1;
--- request eval
[("GET /a") x 5]
--- error_code eval
[(401) x 5]
--- check eval
sub {
    my @got = requests(5);

    is("@{[map { $_->[3] } @got]}", '1 2 3 4 5', 'numbers on its connection');
    is(delivered(), '5 0 0', 'delivered, suppressed, dead');
}
--- metrics
apievents_deliveries{state="delivered"} 5

=== TEST 3: several at once
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$URL/slow;
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- metrics
apievents_deliveries{state="delivered"} 3

=== TEST 4: failures stay failures
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$URL/500;
    api_event_handlers AuthFailure webhook retry=off url=$URL/302;
--- check eval
sub { is(scalar(() = requests(2)), 2, 'requests') }
--- error_log
/500" failed: status 500
/302" failed: status 302
--- metrics
apievents_deliveries{state="dead"} 2

=== TEST 5: a body that is large
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$URL/ok template=../html/large.txt;
--- user_files eval
">>> large.txt\n" . ('0123456789abcdef' x 16 . "\n") x 400
--- check eval
sub {
    my ($r) = requests(1);
    is($r->[2], ('0123456789abcdef' x 16 . "\n") x 400, 'body');
}

=== TEST 6: scripts and what they call
--- http_config
    api_event_handlers * js path=../html/h.js name=h;
--- user_files eval
">>> h.js\n" . <<"END"
var h = new TykJS.TykEventHandlers.NewEventHandler({});

h.NewHandler(function (event, context) {
    var answer = TykMakeHttpRequest(JSON.stringify({
        Method: 'PUT', Domain: '$::Url', Resource: '/headers', Body: 'body',
        Headers: {'X-B': '2'}
    }));

    log('answer ' + answer);
});
END
--- check eval
sub {
    my ($line) = log_lines('answer {', 1);
    my $answer = JSON::XS::decode_json($line =~ s/^.* answer //r);
    my ($r) = requests(1);

    like($r->[1], qr{^PUT /headers HTTP/1.1\r\nHost: 127.0.0.1:\d+\r\nContent-Length: 4\r\nX-B: 2\r\nX-Api-Events-Hops: 1\r\n\r\n\z},
         'head');
    is($r->[2], 'body', 'body');
    is($answer->{Code}, 200, 'Code');
    is($answer->{Body}, 'ok', 'Body');
    is_deeply($answer->{Headers},
              { 'Content-Length' => ['2'], 'Content-Type' => ['text/html'],
                'X-Own' => ['1'], Server => ['own'], Date => ['now'],
                'Set-Cookie' => ['a=b; Path=/'],
                Location => ['http://127.0.0.1/x'] }, 'Headers');
}
