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


=== TEST 2: a refusal: its headers stay, and it has one event
--- http_config
    api_script_path ../html;
    api_event_handlers error js path=e.js;
--- user_files
>>> e.js
json = {was: json};
--- config
    add_header X-Event $api_event_id always;
    location /tyk { api_id k; api_auth off; api_rate 1r/h; empty_gif; }
    location /problem {
        api_id p; api_auth off; api_rate 1r/h; empty_gif;
        api_error_format problem;
    }
    location /layer7 {
        api_id l; api_auth off; api_rate 1r/h; empty_gif;
        api_error_format layer7;
    }
    location /key { api_id q; api_auth header=Authorization; empty_gif; }
    location /any {
        satisfy any;
        deny all;
        api_id y;
        api_auth header=Authorization;
        empty_gif;
    }
    location = /.metrics { api_metrics; }
--- check eval
sub {
    my $limit = '{"was":{"statusCode":429,"errorCode":4291,"errorMessage":'
                . '"API Rate Limit Exceeded","message":"API Rate Limit Exceeded"}}';

    for my $format (qw(tyk problem layer7)) {
        http_get("/$format");

        my ($status, $head, $body) = http_get("/$format");

        is($status, 429, "$format: status");
        is($body, $limit, 'body');
        like($head, qr/^Retry-After: \d+\r?$/m, 'Retry-After');
        like($head, qr/^X-RateLimit-Limit: 1\r?$/m, 'X-RateLimit');
        like($head, qr/^X-Event: evt_\w/m, 'the event');
        like($head, qr{^Content-Type: application/json\r?$}m, 'type');
    }

    my ($status, $head, $body) = http_get('/key');

    is($status, 401, 'no key');
    like($body, qr/"errorMessage":"Authorization field missing"/, 'body');

    # another module might have let it pass: it is certain with the answer
    ($status, $head, $body) = http_get('/any');

    is($status, 401, 'satisfy any');
    like($head, qr/^X-Event: evt_\w/m, 'the event');

    ok(wait_for(sub { (metrics('/.metrics')->('apievents_events_raised_total') // 0) == 5 }),
       'an event each');
    is(equations('/.metrics'), '', 'equations');
}
