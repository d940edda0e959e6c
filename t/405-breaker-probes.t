# Half open: so many probes at a time over all workers, and none is lost with
# its request, its client or its worker.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;

run_tests();

__DATA__

=== TEST 1: so many at a time, and so many successes
--- workers: 2
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms half_open=3;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- recorder
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);

    my $n = reached('/late');
    my @statuses = together(map { '/a/late' } 1 .. 12);

    is(scalar(grep { $_ == 200 } @statuses), 3, 'three probes');
    is(scalar(grep { $_ == 503 } @statuses), 9, 'the others not');
    is(reached('/late'), $n + 3, 'as the upstream says');
    is(answers('/a/ok'), '200 closed allowed', 'closed');
    wait_for(sub { recorded() >= 4 });
    pause(0.1);
    is(events(recorded()), 'BreakerReset 1 .*, BreakerTriggered 0 .*, '
       . 'BreakerTriggered 1 .*, BreakerTripped 0 .*', 'each event once');
}

=== TEST 2: one of them fails
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms half_open=3;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);
    is(answers('/a/ok', '/a/ok', '/a/500', '/a/ok'),
       '200 half_open allowed, 200 half_open allowed, '
       . '500 half_open allowed, 503 open BreakerOpen', 'open again');
}

=== TEST 3: a client that goes away gives its probe back
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);

    my $client = ask('/a/hang');
    wait_for(sub { reached('/hang') });
    is(answers('/a/ok'), '503 half_open BreakerOpen', 'a probe is out');

    undef $client;
    ok(wait_for(sub { answers('/a/ok') eq '200 half_open allowed' }),
       'another one');
    is(answers('/a/ok'), '200 closed allowed', 'closed');
}

=== TEST 4: requests without an upstream give it back
--- config
    api_breaker samples=1 window=1h open=700ms;
    location /a { api_id a; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    location /gif { api_id a; empty_gif; }
    location /deny { api_id a; deny all; }
    location /none { api_id a; }
    location /large { api_id a; client_max_body_size 1; proxy_pass http://$TEST_NGINX_UPSTREAM/; }
--- request
GET /a/500
--- error_code: 500
--- check eval
sub {
    is(codes('/a/ok'), '503', 'open');
    pause(0.9);
    is(answers('/gif', '/none/x', '/gif'), '200 half_open allowed, '
       . '404 half_open allowed, 200 half_open allowed', 'no samples');
    is(codes('/deny'), '403', 'refused by another module');

    my ($status) = http_get('/large', undef, "Content-Length: 9\r\n");
    is($status, 413, 'too large');

    is(answers('/a/ok', '/a/ok'), '200 half_open allowed, '
       . '200 closed allowed', 'the upstream was asked');
}

=== TEST 5: a probe that takes too long is given to another request
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms probe=2s;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);

    my $n = reached('/hang');
    my $client = ask('/a/hang');
    wait_for(sub { reached('/hang') > $n });
    is(answers('/a/ok'), '503 half_open BreakerOpen', 'a probe is out');
    ok(wait_for(sub { answers('/a/ok') eq '200 half_open allowed' }),
       'another one');
    is(answers('/a/ok'), '200 closed allowed', 'closed');
}

=== TEST 6: a worker that is killed
--- workers: 2
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms probe=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- allow_log
exited on signal 9
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);

    my $n = reached('/hang');
    my $client = ask('/a/hang');
    wait_for(sub { reached('/hang') > $n });
    is(answers('/a/ok'), '503 half_open BreakerOpen', 'a probe is out');

    kill 'KILL', worker_pids();
    ok(wait_for(sub { answers('/a/ok') eq '200 half_open allowed' }),
       'it came back');
    is(answers('/a/ok'), '200 closed allowed', 'closed');
}

=== TEST 7: a probe that outlives its configuration
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms probe=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);

    my $n = reached('/late');
    my $client = ask('/a/late');
    wait_for(sub { reached('/late') > $n });

    my %before = map { $_ => 1 } worker_pids();
    kill 'HUP', master_pid();
    wait_for(sub { grep { !$before{$_} } worker_pids() });
    is(answers('/a/ok'), '503 half_open BreakerOpen', 'a probe is out');

    local $/;
    like(<$client>, qr/^HTTP\S+ 200/, 'it ends in the old worker');
    is(answers('/a/ok'), '200 closed allowed', 'closed');
}

=== TEST 8: probes of a dry run
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms dry_run;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 200', 'open');
    pause(0.9);

    my $n = reached('/hang');
    my $client = ask('/a/hang');
    wait_for(sub { reached('/hang') > $n });
    is(answers('/a/500'), '500 half_open allowed', 'is no probe');
    undef $client;
    ok(wait_for(sub { answers('/a/ok') eq '200 closed allowed' }), 'closed');
}

=== TEST 9: a connection that was switched keeps no probe
--- config
    location /a {
        api_id a;
        api_breaker samples=1 window=1h open=700ms probe=1h;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $http_connection;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    is(codes('/a/500', '/a/ok'), '500 503', 'open');
    pause(0.9);

    my (@clients, @heads);

    for (1 .. 2) {
        push @clients, ask('/a/socket', 'Upgrade: x', 'Connection: upgrade');
        sysread $clients[-1], my $head, 1000;
        push @heads, $head;
    }

    like($heads[0], qr/^HTTP\S+ 101 .*^X-State: half_open\r$/ms, 'a probe');
    like($heads[1], qr/^HTTP\S+ 101 .*^X-State: half_open\r$/ms, 'another');
    is(answers('/a/ok', '/a/ok'), '200 half_open allowed, '
       . '200 closed allowed', 'closed');
}
