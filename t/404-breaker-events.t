# Events of breakers: each change has two, once over all workers.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;

run_tests();

__DATA__

=== TEST 1: it trips, and resets when a probe succeeds
--- config
    location /a {
        api_id a;
        api_breaker path=^/a/sw method=GET samples=2 window=1h open=1s;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- recorder
--- check eval
sub {
    broken(1);
    is(answers(map '/a/switch', 1 .. 3), '503 closed allowed, '
       . '503 closed allowed, 503 open BreakerOpen', 'it opens');

    pause(1.3);
    broken(0);
    is(answers(map '/a/switch', 1 .. 2), '200 half_open allowed, '
       . '200 closed allowed', 'and closes');

    ok(wait_for(sub { recorded() >= 4 }), 'events arrived');

    my @got = sort { $a->{json}{Sequence} <=> $b->{json}{Sequence} }
                   recorded();

    is("@{[map { $_->{json}{EventType} } @got]}", 'BreakerTriggered '
       . 'BreakerTripped BreakerTriggered BreakerReset', 'two and two');

    for my $i (0 .. 3) {
        is_deeply($got[$i]{json}{EventMetaData}, {
            Message => $i < 2 ? 'Breaker Tripped' : 'Breaker Reset',
            Path => '^/a/sw',
            APIID => 'a',
            CircuitEvent => $i < 2 ? 0 : 1,
            OriginatingRequest => '',
        }, "metadata $i");
        is($got[$i]{json}{APIID}, 'a', "API $i");
        is($got[$i]{json}{OrgID}, 'acme', "organisation $i");
    }
}

=== TEST 2: one that stands for all paths; refusals raise nothing
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request eval
["GET /a/500", "GET /a/ok", "GET /a/ok"]
--- error_code eval
[500, 503, 503]
--- recorded_count: 2
--- recorded_check eval
sub {
    is(events(@_), 'BreakerTriggered 0 .*, BreakerTripped 0 .*', 'events');
}

=== TEST 3: the bodies that Tyk's receivers get
--- http_config
    api_event_handlers BreakerTriggered webhook
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/default;
    api_event_handlers BreakerTripped webhook
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/default;
    api_event_handlers BreakerTriggered webhook
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/shipped
        template=templates/breaker_webhook.json;
--- config
    location /a {
        api_id a;
        api_breaker "path=^/a\"<" samples=1 window=1h open=1h;
        set $how 500;
        proxy_pass http://$TEST_NGINX_UPSTREAM/$how;
    }
--- request eval
['GET /a"<']
--- error_code: 500
--- recorded_count: 5
--- recorded_check eval
sub {
    my %body = (api_id => 'a', path => '^/a"<', message => 'Breaker Tripped');

    for (@_) {
        next if $_->{uri} eq '/';
        my $event = $_->{json}{event};

        is_deeply($_->{json}, { %body, event => $event,
            $event eq 'BreakerTriggered' ? (Status => '0') : () }, $event);
    }
}

=== TEST 4: a probe that fails is a transition of its own
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- recorder
--- check eval
sub {
    is(codes('/a/500', '/a/500'), '500 503', 'open');
    pause(0.9);
    is(answers('/a/500', '/a/ok'),
       '500 half_open allowed, 503 open BreakerOpen', 'and again');
    wait_for(sub { recorded() >= 4 });
    is(events(recorded()), 'BreakerTriggered 0 .*, BreakerTriggered 0 .*, '
       . 'BreakerTripped 0 .*, BreakerTripped 0 .*', 'events');
}

=== TEST 5: without a half-open state the next request tells of the reset
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms half_open=off;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- recorder
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);
    is(answers('/a/ok'), '200 closed allowed', 'closed');
    wait_for(sub { recorded() >= 4 });
    is(events(recorded()), 'BreakerReset 1 .*, BreakerTriggered 0 .*, '
       . 'BreakerTriggered 1 .*, BreakerTripped 0 .*', 'events');
}

=== TEST 6: a dry run says so and lets all pass, beside the one that is none
--- config
    location ~ ^/b/./(.*) {
        api_id b;
        api_breaker path=^/b/d samples=1 window=1h open=1s dry_run;
        api_breaker path=^/b samples=1 window=1h open=1h dry_run;
        api_breaker path=^/b/e samples=2 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/$1;
    }
--- recorder
--- check eval
sub {
    is(answers('/b/d/500', '/b/d/500', '/b/e/500', '/b/e/500', '/b/e/500'),
       '500 closed allowed, 500 open allowed, 500 closed allowed, '
       . '500 closed allowed, 503 open BreakerOpen', 'answers');

    wait_for(sub { recorded() >= 6 });
    is(events(recorded()), 'BreakerTriggered 0 ^/b dry, '
       . 'BreakerTriggered 0 ^/b/d dry, BreakerTriggered 0 ^/b/e, '
       . 'BreakerTripped 0 ^/b dry, BreakerTripped 0 ^/b/d dry, '
       . 'BreakerTripped 0 ^/b/e', 'events');

    pause(1.3);
    is(answers('/b/d/ok'), '200 half_open allowed', 'a probe of a dry run');
    wait_for(sub { recorded() >= 8 });
    like(events(recorded()), qr{^BreakerReset 1 \^/b/d dry, }, 'closes it');
}

=== TEST 7: once over two workers and many connections
--- workers: 2
--- config
    location /a {
        api_id a;
        api_breaker threshold=0.3 samples=50 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- recorder
--- check eval
sub {
    my @clients = map {
        my $pid = fork;
        if (!$pid) { http_get('/a/500') for 1 .. 25; POSIX::_exit(0) }
        $pid
    } 1 .. 6;

    waitpid $_, 0 for @clients;

    is(codes('/a/ok'), '503', 'it is open');
    wait_for(sub { recorded() >= 2 });
    pause(0.1);
    is(events(recorded()), 'BreakerTriggered 0 .*, BreakerTripped 0 .*',
       'two events');
}

=== TEST 8: a request that may raise nothing does not hide a change
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- request
GET /a/500
--- more_headers
X-Api-Events-Hops: 5
--- error_code: 500
--- recorded_count: 2
