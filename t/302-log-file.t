# The log handler's own file: what its lines are, and when they are written.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

sub text_of {
    my ($name) = @_;

    open my $in, '<:raw', "$Test::Nginx::Util::ServRoot/logs/$name" or return '';
    local $/;
    return <$in> // '';
}

# the whole lines of a file, once there are so many
sub rows {
    my ($name, $n) = @_;
    my @rows;

    wait_for(sub { (@rows = text_of($name) =~ /^(.*)\n/mg) >= $n });

    return @rows;
}

# delivered, pending and dead, once they are that
sub numbers {
    my ($want) = @_;
    my $got;

    wait_for(sub {
        my $m = metrics('/.metrics');

        $got = CORE::join ' ', map { $m->("apievents_deliveries{state=\"$_\"}") // 'none' }
                               qw(delivered pending dead);
        $got eq $want
    });

    return $got;
}

{
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(text_of rows numbers);
}

run_tests();

__DATA__

=== TEST 1: a line of JSON is the envelope
--- http_config
    api_event_handlers * log file=logs/events.json format=json;
--- config
    location /a { api_id a; api_org acme; empty_gif; }
--- error_code: 401
--- request
GET /a/b
--- check eval
sub {
    my ($line, @more) = rows('events.json', 1);
    my $json = JSON::XS::decode_json($line);

    is(scalar @more, 0, 'one line');
    is($json->{Type}, 'AuthFailure', 'Type');
    is($json->{EventMetaData}{Path}, '/a/b', 'Path');
    is("$json->{APIID} $json->{OrgID}", 'a acme', 'APIID, OrgID');
    like($json->{ID}, qr/^evt_[0-9a-f-]{36}$/, 'ID');
    unlike(error_log_text(), qr/AuthFailure/, 'the error log has none');
}
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 2: the line, with a prefix and without
--- http_config
    api_event_handlers * log file=logs/a.log "prefix=P %s \"q\"";
    api_event_handlers * log file=logs/b.log format=line level=error;
--- more_headers
Authorization: some-key-0123456789
--- request
GET /a
--- error_code: 403
--- check eval
sub {
    my $time = qr{^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d};
    my $rest = qr{AuthFailure:\*\*\*\*6789:127\.0\.0\.1:\d+:/a id: evt_[0-9a-f-]{36}, raised \d+\.\d{3}ms ago$};

    like((rows('a.log', 1))[0], qr{$time P %s "q":$rest}, 'a prefix');
    like((rows('b.log', 1))[0], qr{$time $rest}, 'none');
}

=== TEST 3: a prefix in front of JSON
--- http_config
    api_event_handlers * log file=logs/events.json format=json prefix=P;
--- check eval
sub { like((rows('events.json', 1))[0], qr/^P \{"EventType"/, 'line') }

=== TEST 4: a file's full name
--- http_config
    api_event_handlers * log file=$TEST_NGINX_SERVER_ROOT/logs/full.log;
--- check eval
sub { is(scalar(() = rows('full.log', 1)), 1, 'a line') }

=== TEST 5: what waits for the buffer is pending until it is written
--- http_config
    api_event_handlers * log file=logs/events.json format=json flush=1h;
--- request eval
[("GET /a") x 5]
--- error_code eval
[(401) x 5]
--- check eval
sub {
    is(numbers('0 5 0'), '0 5 0', 'pending');
    is(text_of('events.json'), '', 'nothing is written');

    kill 'USR1', master_pid();

    is(numbers('5 0 0'), '5 0 0', 'delivered');
    is(scalar(() = rows('events.json', 5)), 5, 'lines');

    is(raise(2), '401 401', 'two more');
    is(numbers('5 2 0'), '5 2 0', 'which wait again');
}
--- metrics_equation

=== TEST 6: a buffer that is full is written
--- http_config
    api_event_handlers * log file=logs/events.log buffer=1k flush=1h;
--- request eval
[("GET /a") x 20]
--- error_code eval
[(401) x 20]
--- check eval
sub {
    my @lines = rows('events.log', 12);

    cmp_ok(scalar @lines, '>=', 12, 'lines');
    cmp_ok(scalar @lines, '<', 20, 'and those that wait');
    is(scalar(grep { !/ago$/ } @lines), 0, 'whole ones');
    is(length(text_of('events.log')) % length("$lines[0]\n") < 200, 1, 'in the file');
}

=== TEST 7: a time
--- http_config
    api_event_handlers * log file=logs/events.log flush=100ms;
--- check eval
sub { is(scalar(() = rows('events.log', 1)), 1, 'a line') }
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_deliveries{state="pending"} 0

=== TEST 8: no buffer
--- http_config
    api_event_handlers * log file=logs/a.log buffer=off flush=1h;
    api_event_handlers * log file=logs/b.log buffer=0;
--- check eval
sub {
    is(scalar(() = rows('a.log', 1)), 1, 'a line');
    is(scalar(() = rows('b.log', 1)), 1, 'a line');
}
--- metrics
apievents_deliveries{state="delivered"} 2
apievents_deliveries{state="pending"} 0

=== TEST 9: several handlers in one file, within their concurrency
--- http_config
    api_event_handlers * log file=logs/events.log prefix=A flush=1h concurrency=3;
    api_event_handlers * log file=logs/events.log prefix=B flush=1h;
    api_event_handlers * log file=logs/events.log format=json flush=1h;
--- request eval
[("GET /a") x 10]
--- error_code eval
[(401) x 10]
--- check eval
sub {
    my @lines = rows('events.log', 28);

    cmp_ok(scalar @lines, '>=', 28, 'lines');
    is(scalar(grep { /^\{.*\}$|^\d.* [AB]:AuthFailure:.* ago$/ } @lines),
       scalar @lines, 'whole ones of each');
}

=== TEST 10: two workers
--- workers: 2
--- http_config
    api_event_handlers * log file=logs/events.json format=json buffer=4k flush=50ms;
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    raise(100);

    my @lines = rows('events.json', 101);
    my %ids = map { JSON::XS::decode_json($_)->{ID} => 1 } @lines;

    is(scalar @lines, 101, 'lines');
    is(scalar keys %ids, 101, 'ids');
    is(numbers('101 0 0'), '101 0 0', 'delivered');
}
--- metrics_equation

=== TEST 11: hostile keys and paths
--- http_config
    api_event_handlers * log file=logs/events.log;
    api_event_handlers * log file=logs/events.json format=json;
--- config
    location /a { api_id a; api_event_key raw; empty_gif; }
--- request eval
"GET /a\xe2\x80\xa8\x80\xff\"\\'%0a%0d[x]%25n%25s"
--- more_headers eval
"Authorization: k\"\\'\x80\xff\xe2\x80\xa8\xc2\x85\t[x] %s%n\t\\\x80\""
--- error_code: 403
--- check eval
sub {
    my ($line, @more) = rows('events.log', 1);

    is(scalar @more, 0, 'one line');
    like($line, qr{ AuthFailure:\*\*\*\*\\x09\\x5c\\x80":127.0.0.1:\d+:/a\\xe2\\x80\\xa8\\x80\\xff"\\x5c'%0a%0d\[x\]%25n%25s id: evt_},
         'the line');

    ($line, @more) = rows('events.json', 1);
    is(scalar @more, 0, 'one line of JSON');
    is(JSON::XS::decode_json($line)->{Meta}{Key}, "****\t\\\x{fffd}\"", 'its key');
}

=== TEST 12: a line that is longer than nginx's, and than the buffer
--- http_config
    large_client_header_buffers 4 128k;
    api_event_handlers * log file=logs/events.log buffer=32k flush=1h;
    api_event_handlers * log file=logs/events.json format=json buffer=1m flush=1h;
--- config
    location /a { api_id a; api_event_key raw; empty_gif; }
    location = /.metrics { api_metrics; }
--- request eval
["GET /a", "GET /a" . "x" x 65536, "GET /a"]
--- error_code eval
[401, 401, 401]
--- check eval
sub {
    is(numbers('2 4 0'), '2 4 0', 'a line that is long is not kept back');
    is(CORE::join(' ', map { /:AuthFailure|AuthFailure.*:\/a(x*) id/ ? length $1 : $_ }
                       rows('events.log', 2)), '0 65536', 'whole, in order');

    kill 'USR1', master_pid();
    is(numbers('6 0 0'), '6 0 0', 'delivered');
    is(CORE::join(' ', map { length JSON::XS::decode_json($_)->{Meta}{Path} }
                       rows('events.json', 3)), '2 65538 2', 'JSON');
}

=== TEST 13: a device that is full: not delivered, and told once
--- http_config
    api_event_handlers * log file=/dev/full buffer=off;
--- request eval
[("GET /a") x 5]
--- error_code eval
[(401) x 5]
--- check eval
sub {
    is(numbers('0 0 5'), '0 0 5', 'none is delivered');

    my @told = error_log_text() =~ m{(\[\w+\] .*/dev/full.*)}g;

    is(scalar @told, 1, 'told once');
    like($told[0], qr{^\[error\] .*: write\(\) failed \(28: No space left on device\): "/dev/full" gets no events, 1 deliveries to it failed$},
         'what is told');
}
--- metrics_equation

=== TEST 14: the same with a buffer
--- http_config
    api_event_handlers * log file=/dev/full format=json buffer=2k flush=50ms;
--- request eval
[("GET /a") x 15]
--- error_code eval
[(401) x 15]
--- check eval
sub {
    is(numbers('0 0 15'), '0 0 15', 'none is delivered');
    is(scalar(() = error_log_text() =~ m{/dev/full}g), 1, 'told once');
    unlike(error_log_text(), qr/delivery of/, 'not for each');
}
--- metrics_equation

=== TEST 15: a definition's log handler writes to the error log
--- config
    location /a {
        api_definition ../html/api.json;
        empty_gif;
    }
--- user_files
>>> api.json
{"api_id": "a", "use_keyless": false, "event_handlers": {"events": {
 "AuthFailure": [{"handler_name": "eh_log_handler", "handler_meta": {
   "prefix": "TYK", "file": "logs/no.log"}}]}}}
--- error_log eval
qr{ \[warn\] \S+ TYK:AuthFailure::127\.0\.0\.1:\d+:/a id: evt_}
--- check eval
sub { is(text_of('no.log'), '', 'no file of its own') }

=== TEST 16: access logs may share the file, whatever stands first
--- http_config
    access_log logs/a.log;
    access_log logs/b.log combined buffer=4k flush=50ms;
    api_event_handlers * log file=logs/a.log;
    api_event_handlers * log file=logs/b.log;
    api_event_handlers * log file=logs/c.log;
    api_event_handlers * log file=logs/d.log;
    server {
        access_log logs/c.log;
        access_log logs/d.log combined buffer=4k flush=50ms;
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { api_id b; empty_gif; }
    }
--- check eval
sub {
    is((http_get('/b', rand_port(2)))[0], 401, 'the other server');

    for my $name (qw(a b c d)) {
        my $rows = CORE::join "\n", rows("$name.log", 3);

        is(scalar(() = $rows =~ / AuthFailure:/g), 2, "$name: events");
        like($rows, qr{"GET /[ab] HTTP}, "$name: requests");
    }
}

=== TEST 17: the time is that of the oldest line, whatever comes behind it
--- http_config
    api_event_handlers * log file=logs/events.log buffer=16m flush=1s;
--- check eval
sub {
    my $n = 0;

    # each would put it off if it was that of the newest one
    wait_for(sub { raise(1); $n++; text_of('events.log') ne '' });

    ok(text_of('events.log') ne '', 'it is written meanwhile');
    cmp_ok(scalar(() = rows('events.log', 1)), '<=', $n + 1, 'lines');
}
--- metrics_equation

=== TEST 18: a raw credential is in no log, in whatever spelling
--- http_config
    api_event_handlers * log prefix=LINE;
    api_event_handlers * log prefix=JSON format=json;
    api_event_handlers * log file=logs/events.log buffer=off;
    api_event_handlers * log file=logs/events.json format=json flush=50ms;
    api_event_handlers * webhook url=$HOOK/ok template=../html/all.json;
--- user_files
>>> all.json
{{json .}}
--- config
    location /a { api_id a; api_auth query=k; api_event_key raw; empty_gif; }
--- request
POST /a/raw-key-0123456789/raw%2Dkey-0123456789?k=raw-key-0123456789
raw%2dkey-0123456789
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($r) = @_;

    is($r->{json}{Meta}{Key}, 'raw-key-0123456789', 'who is sent it gets it');
    like($r->{json}{Meta}{Path}, qr{^/a/raw-key-0123456789/}, 'there too');

    my @lines = (log_lines(' LINE:'), log_lines(' JSON {'), rows('events.log', 1),
                 rows('events.json', 1));

    is(scalar @lines, 4, 'lines');
    is(scalar(grep { /\*\*\*\*6789/ } @lines), 4, 'masked');
    unlike($_, qr/0123456789/, 'nowhere else') for @lines;

    my $request = JSON::XS::decode_json($lines[3])->{Meta}{OriginatingRequest};
    like(MIME::Base64::decode_base64($request), qr{^POST /a/\*{4}6789/\*{4}6789\?k=\*{4}6789 HTTP/1.1\r\n.*\r\n\r\n\*{4}6789\z}s,
         'nor in the request');
}
