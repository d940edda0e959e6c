# What breakers and the log phase make of answers that handlers keep back.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;

run_tests();

__DATA__

=== TEST 1: an upstream that breaks off within its body; a handler that throws
--- http_config
    api_script_path ../html;
    api_breaker samples=1 window=1h open=1h;
    api_event_handlers response js path=h.js;
--- user_files
>>> h.js
throw 'no';
--- config
    location /e { api_id e; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /g {
        api_id g;
        proxy_http_version 1.1;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /t { api_id t; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
--- check eval
sub {
    is(codes('/e/cut', '/e/ok'), '502 503', 'within the body');
    is(codes('/g/cutoff', '/g/ok'), '502 503', 'within a chunked one');
    is(codes('/t/ok', '/t/ok', '/t/ok'), '500 500 500', 'the upstream is well');
}
