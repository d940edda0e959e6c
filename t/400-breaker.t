# Breakers: what is a sample, what opens them, who gets through then.  Windows
# and open times are long where no test is about time; what time does to a
# breaker is tested in t/unit.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;

run_tests();

__DATA__

=== TEST 1: half of the samples failed
--- config
    location /a {
        api_id a;
        api_breaker samples=4 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/ok", "GET /a/500", "GET /a/ok", "GET /a/503", "GET /a/ok"]
--- error_code eval
[200, 500, 200, 503, 503]
--- response_headers eval
["X-State: closed\nX-Decision: allowed", "X-State: closed",
 "X-State: closed", "X-State: closed\nX-Decision: allowed",
 "X-State: open\nX-Decision: BreakerOpen\nContent-Type: application/json"]
--- response_body eval
["ok\n", "no\n", "ok\n", "no\n", <<'END' =~ s/\n$//r]
{
    "error": "Service temporarily unavailable."
}
END

=== TEST 2: an open breaker keeps all away from the upstream
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request
GET /a/502
--- error_code: 502
--- check eval
sub {
    my $n = reached('/open');

    is(codes(map { '/a/open' } 1 .. 5), '503 503 503 503 503', 'refused');
    is(reached('/open'), $n, 'and not sent');
}

=== TEST 3: below the threshold, and with too few samples
--- config
    location /a {
        api_id a;
        api_breaker threshold=0.51 samples=2 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker samples=3 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
[map("GET /a/$_", qw(ok 500 ok 500 ok 500)), map "GET /b/$_",
 qw(500 404 500 ok)]
--- error_code eval
[200, 500, 200, 500, 200, 500, 500, 404, 500, 503]

=== TEST 4: what status= lists is a failure, and nothing else
--- config
    location /a {
        api_id a;
        api_breaker threshold=0.1 samples=1 window=1h open=1h
                    status=429,502-503;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker threshold=0.1 samples=1 window=1h open=1h
                    status=4xx;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
[map("GET /a/$_", qw(500 504 404 ok 429 ok)),
 map("GET /b/$_", qw(500 503 404 ok))]
--- error_code eval
[500, 504, 404, 200, 429, 503, 500, 503, 404, 503]

=== TEST 5: transport errors and timeouts are failures without being listed
--- config
    api_breaker samples=1 window=1h open=1h status=599;
    location /a { api_id a; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /b {
        api_id b;
        proxy_read_timeout 300ms;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /c {
        api_id c;
        proxy_read_timeout 300ms;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /d { api_id d; proxy_pass http://127.0.0.1:1/; }
    location /e { api_id e; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /f {
        api_id f;
        proxy_buffering off;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /g {
        api_id g;
        proxy_http_version 1.1;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /h {
        api_id h;
        set $name none.invalid;
        resolver 127.0.0.1:$TEST_NGINX_RAND_PORT_3 valid=1s;
        resolver_timeout 200ms;
        proxy_pass http://$name/;
    }
--- check eval
sub {
    is(codes('/a/close', '/a/ok'), '502 503', 'nothing came');
    is(codes('/b/hang', '/b/ok'), '504 503', 'a timeout');
    is(codes('/c/head', '/c/ok'), '504 503', 'within the header');
    is(codes('/d/x', '/d/x'), '502 503', 'no connection');
    is(codes('/e/cut', '/e/ok'), '200 503', 'within the body');
    is(codes('/f/cut', '/f/ok'), '200 503', 'within an unbuffered body');
    is(codes('/g/cutoff', '/g/ok'), '200 503', 'within a chunked one');
    is(codes('/h/', '/h/'), '502 503', 'no name');
}

=== TEST 6: slow answers
--- config
    location /a {
        api_id a;
        api_breaker samples=2 window=1h open=1h slow=2s:1;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker samples=2 window=1h open=1h slow=2s:0.5;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /c {
        api_id c;
        api_breaker samples=1 window=1h open=1h slow=2s:0.1;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/ok', '/b/ok'), '200 200', 'quick');
    is(CORE::join(' ', together('/a/later', '/b/later', '/c/drop')), '200 200 200',
       'slow');
    is(codes('/a/ok'), '200', 'not all are');
    is(codes('/b/ok'), '503', 'half of them');
    is(codes('/c/ok'), '200', 'only the header counts');
}

=== TEST 7: what never comes to an upstream is no sample
--- config
    api_breaker samples=1 window=1h open=1h status=2xx,4xx,5xx;
    error_page 590 = @named;
    location /a { api_id a; empty_gif; }
    location /b { api_id a; }
    location /c { api_id a; api_rate 1r/d; empty_gif; }
    location /d { api_id a; client_max_body_size 1; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /e { api_id a; deny all; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /f { api_id a; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
--- request eval
["GET /a", "GET /b/none", "GET /c", "GET /c", "POST /d\nlong", "GET /e",
 "GET /f/ok", "GET /f/ok"]
--- error_code eval
[200, 404, 200, 429, 413, 403, 200, 503]

=== TEST 8: an answer from the cache is none, a stale one is a failure
--- http_config
    proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=c:1m;
--- config
    location /a {
        api_id a;
        api_breaker samples=1 threshold=1 window=1h open=1h status=200,5xx;
        proxy_cache c;
        proxy_cache_key $uri$arg_k;
        proxy_cache_valid 200 1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /fill {
        proxy_cache c;
        proxy_cache_key /a/ok$arg_k;
        proxy_cache_valid 200 1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/ok;
    }
    location /b {
        api_id b;
        api_breaker samples=1 window=1h open=1h;
        proxy_cache c;
        proxy_cache_key $uri;
        proxy_cache_valid 200 1s;
        proxy_cache_use_stale http_503;
        proxy_pass http://$TEST_NGINX_UPSTREAM/switch;
    }
--- check eval
sub {
    is(codes('/fill', '/a/ok', '/a/ok'), '200 200 200', 'from the cache');
    is(codes('/a/ok?k=1', '/a/ok'), '200 503', 'from the upstream');

    is(codes('/b'), '200', 'fresh');
    broken(1);
    ok(wait_for(sub { codes('/b') ne '200' || reached('/switch') > 1 }),
       'is asked for');
    is(reached('/switch'), 2, 'once, while the stale one was an answer');
    is(codes('/b'), '503', 'then nothing');
}

=== TEST 9: what nginx makes of an answer changes nothing
--- config
    api_breaker samples=1 window=1h open=1h;
    proxy_intercept_errors on;
    location /a {
        api_id a;
        error_page 500 =200 /page;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /page { internal; empty_gif; }
    location /b {
        api_id b;
        error_page 404 =503 /page;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /c {
        api_id c;
        error_page 502 = @other;
        proxy_pass http://127.0.0.1:1/;
    }
    location @other {
        rewrite ^/c(.*) $1 break;
        proxy_pass http://$TEST_NGINX_UPSTREAM;
    }
    location /d {
        api_id d;
        try_files /none @fails;
    }
    location @fails {
        rewrite ^ /500 break;
        proxy_pass http://$TEST_NGINX_UPSTREAM;
    }
--- request eval
["GET /a/500", "GET /a/ok",
 "GET /b/404", "GET /b/ok",
 "GET /c/ok", "GET /c/500", "GET /c/ok",
 "GET /d", "GET /d"]
--- error_code eval
[200, 503, 503, 200, 200, 500, 503, 500, 503]

=== TEST 10: X-Accel-Redirect to a file and to another upstream
--- config
    api_breaker samples=1 window=1h open=1h;
    location /a { api_id a; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /b { api_id b; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /file { internal; return 503; }
    location /again {
        internal;
        proxy_pass http://$TEST_NGINX_UPSTREAM/500;
    }
--- request eval
["GET /a/accel/file", "GET /a/ok", "GET /b/accel/again", "GET /b/ok"]
--- error_code eval
[503, 200, 500, 503]

=== TEST 11: the last attempt of several is the outcome
--- http_config
    upstream good { server 127.0.0.1:1 fail_timeout=0; server $TEST_NGINX_UPSTREAM backup; }
    upstream bad { server 127.0.0.1:1; server 127.0.0.1:2; }
--- config
    api_breaker samples=1 window=1h open=1h;
    location /a { api_id a; proxy_pass http://good/; }
    location /b { api_id b; proxy_pass http://bad/; }
    location /c { api_id c; api_breaker samples=2 window=1h open=1h; proxy_pass http://bad/; }
--- request eval
["GET /a/ok", "GET /a/ok", "GET /b/ok", "GET /b/ok", "GET /c", "GET /c",
 "GET /c"]
--- error_code eval
[200, 200, 502, 503, 502, 502, 503]

=== TEST 12: subrequests of a request are no samples of it
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=1h;
        ssi on;
        ssi_types *;
        alias html/;
    }
    location /part { proxy_pass http://$TEST_NGINX_UPSTREAM/500; }
    location /b {
        api_id b;
        api_breaker samples=1 window=1h open=1h;
        mirror /part;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- user_files
>>> page.txt
x<!--# include virtual="/part" -->y
--- request eval
["GET /a/page.txt", "GET /a/page.txt", "GET /b/ok", "GET /b/ok"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
["no", "no", "ok", "ok"]

=== TEST 13: path and method; the first one that matches stands
--- config
    location ~ ^/./(.*) {
        api_id a;
        api_breaker path=^/a/ method=GET samples=1 window=1h open=1h;
        api_breaker path=/500$ samples=2 window=1h open=1h;
        api_breaker method=POST samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/$1;
    }
--- request eval
["GET /a/500", "GET /a/ok", "GET /b/500", "GET /b/500", "GET /b/500",
 "GET /b/ok", "POST /c/503", "POST /c/ok", "GET /c/503", "GET /c/503",
 "POST /a/500"]
--- error_code eval
[500, 503, 500, 500, 503, 200, 503, 503, 503, 503, 503]
--- response_headers eval
["X-State: closed", "X-State: open", "X-State: closed", "X-State: closed",
 "X-State: open", "! X-State", "X-State: closed", "X-State: open",
 "! X-State", "! X-State", "X-State: open"]

=== TEST 14: a pattern is held against the whole normalised path
--- config
    location ~ ^/./(.*) {
        api_id a;
        api_breaker path=^/a/500$ samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/$1;
    }
--- request eval
["GET /b/../%61//500?x", "GET /a/500", "GET /a/500/"]
--- error_code eval
[500, 503, 200]
--- response_headers eval
["X-State: closed", "X-State: open", "! X-State"]

=== TEST 15: levels replace what they inherit, off drops it
--- http_config
    api_breaker samples=1 window=1h open=1h;
--- config
    location /a { api_id a; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /b { api_id b; api_breaker off; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /c { api_id c; api_breaker samples=2 window=1h open=1h; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
--- request eval
[map "GET /$_/500", qw(a a b b b c c c)]
--- error_code eval
[500, 503, 500, 500, 500, 500, 500, 503]

=== TEST 16: locations of one API share it, other APIs and organisations do not
--- config
    api_breaker samples=1 window=1h open=1h;
    location /a { api_id a; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /b { api_id a; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /c { api_id c; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /d { api_id a; api_org other; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
--- request eval
["GET /a/500", "GET /b/ok", "GET /c/ok", "GET /d/ok"]
--- error_code eval
[500, 503, 200, 200]

=== TEST 17: a refusal is charged nowhere
--- config
    location /a {
        api_id a;
        api_rate 3r/d mode=window;
        api_breaker method=GET samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/500", (map "GET /a/ok", 1 .. 5), map "POST /a/ok", 1 .. 3]
--- error_code eval
[500, (503) x 5, 200, 200, 429]
--- response_headers eval
[map "X-RateLimit-Remaining: $_", (2) x 6, 1, 0, 0]

=== TEST 18: who is over a limit does not take a probe
--- config
    location /a {
        api_id a;
        api_rate 1r/d key=$arg_k;
        api_breaker samples=1 window=1h open=2s half_open=2;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/ok?k=1', '/a/500', '/a/ok?k=2'), '200 500 503', 'opens');
    ok(wait_for(sub { codes('/a/ok?k=3') eq '200' }), 'a probe');
    is(answers('/a/ok?k=1', '/a/ok?k=3'),
       '429 - RatelimitExceeded, 429 - RatelimitExceeded', 'over the limit');
    is(answers('/a/ok?k=4', '/a/ok?k=5'),
       '200 half_open allowed, 200 closed allowed', 'both probes are left');
}

=== TEST 19: an error page of the refusal
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=1h;
        error_page 503 /busy.html;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- user_files
>>> busy.html
busy
--- request eval
["GET /a/500", "GET /a/ok"]
--- error_code eval
[500, 503]
--- response_body eval
["no\n", "busy\n"]

=== TEST 20: all workers share one
--- workers: 2
--- config
    location /a {
        api_id a;
        api_breaker samples=20 window=1h open=1h;
        add_header X-Worker $pid always;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    my (%workers, @codes);

    my $ask = sub {
        my ($status, $head) = http_get('/a/500');
        push @codes, $status;
        $workers{$1}++ if $head =~ /^X-Worker: (\d+)/m;
    };

    $ask->() for 1 .. 40;
    is("@codes", "500 " x 20 . "503 " x 19 . "503", 'after twenty of all');

    @codes = ();
    ok(wait_for(sub { $ask->(); keys %workers == 2 }), 'both had some');
    ok(!grep({ $_ != 503 } @codes), 'and refuse');
}

=== TEST 21: no breaker, no API, no state
--- config
    location /a { api_id a; empty_gif; }
    location /b { api_id b; api_breaker path=^/x; empty_gif; }
    location /c { api_breaker; empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /c"]
--- response_headers eval
["! X-State", "! X-State", "! X-State"]

=== TEST 22: a switch of protocols is no sample
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=1h status=1xx,200;
        proxy_http_version 1.1;
        proxy_set_header Upgrade x;
        proxy_set_header Connection upgrade;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    my $head = "Upgrade: x\r\nConnection: upgrade\r\n";

    for (1 .. 2) {
        my ($status) = http_get('/a/ws', undef, $head);
        is($status, 101, 'switched');
    }

    is(codes('/a/ok', '/a/ok'), '200 503', 'an answer is a sample');
}

=== TEST 23: how long to wait
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/500", "GET /a/ok"]
--- error_code eval
[500, 503]
--- response_headers_like eval
["", 'Retry-After: (3[6-9]|4[0-3])\d\d']

=== TEST 24: another module that lets a request pass does not undo it
--- config
    location /a {
        api_id a;
        satisfy any;
        allow all;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_auth header=X-Key;
        satisfy any;
        allow all;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/500", "GET /a/ok", "GET /b/500", "GET /b/ok"]
--- error_code eval
[500, 503, 500, 503]

=== TEST 25: a single process; requests that are under way at its reload
--- master: off
--- config
    location /a {
        api_id a;
        api_breaker samples=2 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
    location /b {
        api_id b;
        api_breaker samples=2 window=1h open=1h dry_run;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/500', '/a/500', '/a/ok'), '500 500 503', 'answers');

    my $n = reached('/late');
    my @clients = map { ask('/b/late') } 1 .. 3;

    wait_for(sub { reached('/late') == $n + 3 });
    kill 'HUP', master_pid();
    ok(wait_for(sub { error_log_text() =~ /reconfiguring/ }), 'a reload');
    pause(0.2);
    undef @clients;
    pause(1);
    ok(kill(0, master_pid()), 'it lives');
}
