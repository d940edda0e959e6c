# What the other tests stand on, shown with nginx's own directives: the
# recorder, the polling, the assertions that every block gets.  Each file of
# t/infra says in its first line how it has to end.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents 'no_module';

for my $sample (sort glob 't/infra/*.t') {
    open my $in, '<', $sample or die "$sample: $!\n";
    my ($fails) = <$in> =~ /^# (?:fails: (.+)|passes)$/;

    my $output = `APIEVENTS_WAIT=1 $^X $sample 2>&1`;
    my $rc = $? >> 8;

    if (defined $fails) {
        isnt($rc, 0, "$sample fails");
        like($output, qr/^(?:not ok .*|TEST .*: |)\Q$fails\E\b/m,
             "$sample fails as it should");

    } else {
        is($rc, 0, "$sample passes") or diag($output);
    }
}

run_tests();

__DATA__

=== TEST 1: the recorder keeps method, URI, headers and body as they came
--- config
    location /a {
        proxy_set_header X-Two "";
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/b?c=%20d;
    }
--- request eval
"PUT /a\n\x00\xff\xc3\xa9\"\\"
--- more_headers
X-One: 1
X-One: 2
X-Two: 3
--- response_body
ok
--- recorded_count: 1
--- recorded_like eval
qr{^PUT /ok/b\?c=%20d\n}
--- recorded_check eval
sub {
    my ($r) = @_;

    is($r->{method}, 'PUT', 'method');
    is($r->{uri}, '/ok/b?c=%20d', 'uri');
    is($r->{body}, "\x00\xff\xc3\xa9\"\\", 'body');
    is($r->{json}, undef, 'the body is no JSON');
    is($r->{headers}{'x-one'}, '1, 2', 'a header that came twice');
    ok(!exists $r->{headers}{'x-two'}, 'a header that did not come');
    is($r->{status}, 200, 'status');
    cmp_ok(abs($r->{time} / 1000 - time), '<', 10, 'time');
}

=== TEST 2: the recorder takes large bodies
--- config
    location /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok; }
--- request eval
"POST /a\n" . '[' . '"0123456789",' x 100000 . '0]'
--- recorded_check eval
sub { is(scalar @{ $_[0]{json} }, 100001, 'elements of the body') }

=== TEST 3: the recorder fails on demand
--- config
    location /r/ { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/; }
--- request eval
[map "GET /r$_", qw(/fail /status/503 /flaky/1 /flaky/1 /close /big/20 /accel)]
--- error_code eval
[500, 503, 500, 200, 502, 200, 404]
--- response_body_like eval
['failed', 503, 'flaky', 'flaky', 'Bad Gateway', '^x{20}$', 'Not Found']
--- recorded_count: 7
--- recorded_check eval
sub { is("@{[map $_->{status}, @_]}", '500 503 500 200 0 200 200', 'statuses') }

=== TEST 4: the recorder answers late, or never
--- config
    proxy_read_timeout 300ms;
    location /r/ { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/; }
--- request eval
["GET /r/slow/50", "GET /r/hang"]
--- error_code eval
[200, 504]
--- recorded_count: 2

=== TEST 5: what arrives after the response is waited for
--- config
    location /a {
        mirror /mirror;
        empty_gif;
    }
    location = /mirror {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/slow/400;
    }
--- request
GET /a
--- recorded_count: 1

=== TEST 6: nothing arrives
--- config
    location /a { return 204; }
--- request
GET /a
--- error_code: 204
--- recorded_count: 0

=== TEST 7: error_log waits for a line that is written late
--- http_config
    js_path $TEST_NGINX_SERVER_ROOT/html;
    js_import late from late.js;
--- user_files
>>> late.js
function late(r) {
    r.return(200);
    setTimeout(function () { r.error('a late line'); }, 500);
}

export default {late};
--- config
    location /a { js_content late.late; }
--- request
GET /a
--- error_log
a late line

=== TEST 8: several workers, one of which is killed
--- workers: 2
--- config
    location /a { return 200; }
--- request
GET /a
--- allow_log
exited on signal 9
--- check eval
sub {
    my @before = worker_pids();

    is(scalar @before, 2, 'workers');
    kill 9, $before[0];
    ok(wait_for(sub { grep { $_ != $before[0] && $_ != $before[1] }
                          worker_pids() }), 'another worker');
}

=== TEST 9: without a master
--- master: off
--- config
    location /a { return 200; }
--- request
GET /a
--- check eval
sub { is(scalar(() = worker_pids()), 0, 'workers') }

=== TEST 10: a configuration that must be refused
--- config
    location /a { return; }
--- emerg
invalid number of arguments in "return" directive in
nginx.conf:

=== TEST 11: metrics are summed over their labels, and waited for
--- config
    location = /m {
        return 200 '# HELP apievents_events_raised_total Events raised
# TYPE apievents_events_raised_total counter
apievents_events_raised_total 8
apievents_events_dropped_total{reason="loop"} 1
apievents_events_dropped_total{reason="ring_full"} 2
apievents_events_waiting 0
apievents_events_routed_total 5
apievents_deliveries_total 7
apievents_deliveries{endpoint="1",state="delivered"} 2
apievents_deliveries{endpoint="2",state="delivered"} 2
apievents_deliveries{state="suppressed"} 1
apievents_deliveries{state="pending"} 1
apievents_deliveries{state="dead"} 1
';
    }
--- request
GET /m
--- metrics_equation: /m
--- metrics
apievents_events_dropped_total 3
apievents_events_dropped_total{reason="loop"} 1
apievents_deliveries{state="delivered"} 4
apievents_deliveries{endpoint="2",state="delivered"} 2
