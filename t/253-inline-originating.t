# OriginatingRequest beside handlers in line: the request as the client sent it,
# whatever handlers made of it.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: what handlers change for the upstream is no part of events
--- http_config
api_script_path ../html;
--- config
    location /a {
        api_id orders;
        api_rate 1r/d dry_run;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
        api_event_handlers request js path=q.js;
    }
    location /refused {
        api_id orders;
        api_rate 1r/d;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
        api_event_handlers request js path=q.js;
    }
    location /any {
        satisfy any;
        allow all;
        api_id any;
        api_rate 1r/d;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
        api_event_handlers request js path=q.js;
    }
    location /echo { return 200 $http_x_one; }
--- user_files
>>> q.js
json = 'changed by the handler';
headers['x-one'] = 'changed';
headers['x-two'] = null;
--- request eval
["POST /a\nfirst", "POST /a\nsecond", "POST /refused\nthird", "POST /any\nfourth",
 "POST /any\nfifth"]
--- more_headers
Authorization: good-key-0123456789
X-One: 1
X-Two: 2
--- error_code eval
[200, 200, 429, 200, 429]
--- response_body_like eval
['^changed$', '^changed$', 'Exceeded', '^changed$', 'Exceeded']
--- recorded_count: 3
--- recorded_check eval
sub {
    my %body = ('/a' => '', '/refused' => 'third', '/any' => 'fifth');

    for my $event (@_) {
        my $text = originating($event);
        my ($path) = $text =~ m{^POST (\S+) HTTP/1.1\r\n};

        is($text =~ /\r\n\r\n(.*)/s && $1, delete $body{$path // ''} // 'none',
           "the body of $path");
        like($text, qr/^X-One: 1\r\nX-Two: 2\r\n/m, 'its headers');
        like($text, qr/^Content-Length: [56]\r\n/m, 'its length');
    }
}
