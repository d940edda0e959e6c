# Requests that scripts make while they handle an event.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use ScriptBlocks;

worker_connections(1024);
run_tests();

__DATA__

=== TEST 1: a request with method, headers and body, made once
--- user_files
>>> h.js
$H(function (event, context) {
    log('run');

    var text = TykMakeHttpRequest(JSON.stringify({
        Method: 'PATCH',
        Domain: '$HOOK',
        Resource: '/ok/a%20b?c=' + event.EventMetaData.Path,
        Headers: {'X-One': '1', 'Content-Type': 'text/own',
                  'Content-Length': '1', 'Connection': 'close'},
        Body: 'the body é',
        FormData: {not: 'sent'}
    }));
    var reply = JSON.parse(text);

    log('TOLD ' + JSON.stringify([typeof text, reply.Code, reply.Body,
                                  reply.Headers['Content-Type'],
                                  reply.code, reply.body,
                                  reply.headers['Content-Type']]));
});
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($r) = @_;

    is("$r->{method} $r->{uri}", 'PATCH /ok/a%20b?c=/a', 'method and URI');
    is($r->{body}, "the body \xc3\xa9", 'body');
    is($r->{headers}{host}, '127.0.0.1:' . rand_port(1), 'Host');
    is($r->{headers}{'x-one'}, '1', 'a header');
    is($r->{headers}{'content-type'}, 'text/own', 'Content-Type');
    is($r->{headers}{'content-length'}, 11, 'Content-Length');
    is($r->{headers}{'x-api-events-hops'}, 1, 'X-Api-Events-Hops');
    is(scalar keys %{ $r->{headers} }, 5, 'nothing else');
    is_deeply([told()], [['string', (200, "ok\n", ['text/plain']) x 2]],
              'reply');
    is(scalar(log_lines('script "h.js": run')), 1, 'log lines stand once');
}
--- metrics
apievents_deliveries{state="delivered"} 1
--- metrics_equation

=== TEST 2: form data, and what is sent by default
--- user_files
>>> h.js
$H(function () {
    TykMakeHttpRequest(JSON.stringify({Method: 'post', Domain: '$HOOK',
        Resource: '/form', FormData: {b: "x y&z='", a: 'é+', c: ''}}));
    TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/get'}));
});
--- recorded_count: 2
--- recorded_check eval
sub {
    my ($form, $get) = @_;

    is("$form->{method} $form->{body}", 'POST a=%C3%A9%2B&b=x+y%26z%3D%27&c=',
       'form');
    is("$get->{method} $get->{uri}$get->{body}", 'GET /get', 'GET');
}

=== TEST 3: what is no 2xx is an answer
--- user_files
>>> h.js
$H(function () {
    ['/fail', '/status/404', '/status/301', '/status/204', '/accel']
    .forEach(function (path) {
        var reply = JSON.parse(TykMakeHttpRequest(JSON.stringify(
            {Method: 'GET', Domain: '$HOOK', Resource: path})));
        log('TOLD ' + JSON.stringify([reply.Code, reply.Body.length]));
    });
});
--- recorded_count: 5
--- recorded_check eval
sub {
    is_deeply([told(5)], [[500, 7], [404, 11], [301, 169], [204, 0], [200, 6]],
              'replies');
    is("@{[map { $_->{uri} } @_]}",
       '/fail /status/404 /status/301 /status/204 /accel', 'in order');
}

=== TEST 4: nobody listens, a connection that is closed, what is no URL
--- user_files
>>> h.js
$H(function () {
    ['http://127.0.0.1:$TEST_NGINX_RAND_PORT_3/', '$HOOK/close', 'ftp://a/',
     'relative', '', 'http://127.0.0.1:1:2/']
    .forEach(function (url) {
        log('TOLD ' + JSON.stringify(typeof TykMakeHttpRequest(
                          JSON.stringify({Domain: url}))));
    });
    log('TOLD ' + JSON.stringify([typeof TykMakeHttpRequest('{'),
                                  typeof TykMakeHttpRequest()]));
});
--- recorded_count: 1
--- recorded_check eval
sub {
    is_deeply([told(7)], [('undefined') x 6, [('undefined') x 2]], 'told');
    is(scalar(() = error_log_text()
              =~ /script "h.js": TykMakeHttpRequest: ./g), 8, 'complaints');
}
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 5: a receiver that does not answer
--- http_config
    api_event_handlers AuthFailure js path=h.js name=h timeout=1s;
--- user_files
>>> h.js
$H(function () {
    log('before');
    TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK', Resource: '/hang'}));
    log('behind');
});
--- recorded_count: 1
--- error_log eval
qr/delivery of evt_\S+ to js "h\.js" failed: .*(?:timeout|timed out)/
--- no_error_log
behind
--- metrics
apievents_deliveries{state="dead"} 1
apievents_deliveries{state="pending"} 0
--- metrics_equation

=== TEST 6: the time is that of all calls together
--- http_config
    api_event_handlers AuthFailure js path=h.js name=h timeout=3s;
--- user_files
>>> h.js
$H(function () {
    for (var i = 0; i < 20; i++) {
        TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/slow/2000/' + i}));
    }
});
--- recorded_count: 2
--- error_log
to js "h.js" failed: {"error":"timeout"}
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 7: many calls, each of them once
--- user_files
>>> h.js
var made = 0;
$H(function () {
    var codes = [];
    log('run');
    for (var i = 0; i < 30; i++) {
        codes.push(JSON.parse(TykMakeHttpRequest(JSON.stringify(
            {Method: 'POST', Domain: '$HOOK/ok', Body: String(i)}))).Code);
        made++;
        raiseEvent('Own', {});
    }
    log('TOLD ' + JSON.stringify([made, codes.length]));
});
--- recorded_count: 30
--- recorded_check eval
sub {
    is("@{[map { $_->{body} } @_]}", "@{[0 .. 29]}", 'in order');
    is_deeply([told()], [[30, 30]], 'told');
    is(scalar(log_lines('script "h.js": run')), 1, 'one completed run');
}
--- metrics
apievents_events_raised_total 31
apievents_deliveries{state="delivered"} 1
--- metrics_equation

=== TEST 8: more calls than are allowed
--- user_files
>>> h.js
$H(function () {
    for (var i = 0; i < 101; i++) {
        TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/' + i}));
    }
});
--- recorded_count: 100
--- error_log
failed: {"error":"more than 100 calls
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 9: a script that catches what a call throws
--- user_files
>>> h.js
$H(function () {
    var code = 0;

    try {
        code = JSON.parse(TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK'})))
               .Code;

    } catch (e) {
        log('TOLD "caught"');
        TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/never'}));

    } finally {
        try {
            TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/' + code}));
        } catch (e) {
            raiseEvent('Never', {});
        }
    }

    log('TOLD ' + code);
});
--- recorded_count: 2
--- recorded_check eval
sub {
    is("@{[map { $_->{uri} } @_]}", '/ /200', 'requests');
    is_deeply([told()], [200], 'told');
}
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_events_raised_total 1

=== TEST 10: a throw behind a call
--- user_files
>>> h.js
$H(function () {
    var reply = TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK'}));

    raiseEvent('Never', {});
    throw new Error('after ' + JSON.parse(reply).Code);
});
--- recorded_count: 1
--- error_log
failed: {"error":"Error: after 200 at h.js:5"}
--- metrics
apievents_deliveries{state="dead"} 1
apievents_events_raised_total 1

=== TEST 11: a script that does not repeat itself
--- user_files
>>> h.js
export default function (ctx) {
    globalThis.runs = (globalThis.runs || 0) + 1;
    ctx.TykMakeHttpRequest({Domain: '$HOOK/' + globalThis.runs});
}
--- recorded_count: 1
--- error_log eval
qr/failed: \{"error":"the script does not repeat itself: call 1 was .* at h.js:3/

=== TEST 12: what is random or tells the time repeats itself
--- user_files
>>> h.js
$H(function () {
    var url = '$HOOK/' + Math.random() + '/' + Date.now() + '/' + new Date().getTime();

    TykMakeHttpRequest(JSON.stringify({Domain: url}));
    TykMakeHttpRequest(JSON.stringify({Domain: url, Resource: '/2'}));
    log('TOLD ' + JSON.stringify(url));
});
--- recorded_count: 2
--- recorded_check eval
sub {
    my ($url) = told();

    is($_[1]{uri}, "$_[0]{uri}/2", 'same URL');
    like($url, qr/\Q$_[0]{uri}\E$/, 'in the last run, too');
}

=== TEST 13: a batch
--- user_files
>>> h.js
$H(function () {
    var replies = JSON.parse(TykBatchRequest(JSON.stringify({requests: [
        {method: 'POST', relative_url: '$HOOK/slow/200', body: 'one',
         headers: {'X-A': 'b'}},
        {method: 'GET', relative_url: '$HOOK/status/404', headers: {}, body: ''},
        {method: 'GET', relative_url: 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_3/'},
        {method: 'GET', relative_url: '$HOOK/slow/210'}
    ]})));

    log('TOLD ' + JSON.stringify(replies.map(function (r) {
        return [r.relative_url.replace(/.*:\d+/, ''), r.code, r.body];
    })));
});
--- recorded_count: 3
--- recorded_check eval
sub {
    my %got = map { $_->{uri} => $_ } @_;
    my @times = sort map { $_->{time} } @_;

    is_deeply([told()], [[['/slow/200', 200, "slow\n"],
                          ['/status/404', 404, "status 404\n"], ['', 0, ''],
                          ['/slow/210', 200, "slow\n"]]], 'replies in order');
    is($got{'/slow/200'}{body}, 'one', 'body');
    is($got{'/slow/200'}{headers}{'x-a'}, 'b', 'header');
    is($_->{headers}{'x-api-events-hops'}, 1, 'hops') for @_;
    cmp_ok($times[-1] - $times[0], '<', 150, 'at the same time');
}
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 14: a batch, one after the other, then a call
--- user_files
>>> h.js
$H(function () {
    TykBatchRequest(JSON.stringify({suppress_parallel_execution: true,
        requests: [{method: 'GET', relative_url: '$HOOK/slow/100'},
                   {method: 'GET', relative_url: '$HOOK/close'},
                   {method: 'GET', relative_url: '$HOOK/slow/50'}]}));
    TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/last'}));
    log('TOLD ' + JSON.stringify(JSON.parse(TykBatchRequest('{"requests": []}'))));
});
--- recorded_count: 4
--- recorded_check eval
sub {
    is("@{[map { $_->{uri} } @_]}", '/slow/100 /close /slow/50 /last', 'order');
    cmp_ok($_[1]{time} - $_[0]{time}, '>=', 95, 'one waits for the other');
    is_deeply([told()], [[]], 'an empty batch');
}

=== TEST 15: a module awaits its calls
--- user_files
>>> h.js
export default async function (ctx) {
    let first = await ctx.http.request({Method: 'POST', Domain: '$HOOK', Resource: '/ok', Body: 'b'});
    let text = await ctx.http.TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/slow/20'}));
    let none = await ctx.http.request({Domain: 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_3/'});
    let batch = await ctx.http.batch({requests: [{method: 'GET', relative_url: '$HOOK/1'},
                                                 {method: 'GET', relative_url: '$HOOK/2'}]});
    let second = JSON.parse(text);
    ctx.log('TOLD ' + JSON.stringify([first.Code, second.Body, typeof none, batch[1].code]));
}
--- recorded_count: 4
--- recorded_check eval
sub {
    is_deeply([told()], [[200, "slow\n", 'undefined', 200]], 'told');
    is("$_[0]{method} $_[0]{body}", 'POST b', 'method and body');
    is("@{[map { $_->{headers}{'x-api-events-hops'} } @_]}", '1 1 1 1', 'hops');
}
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 16: a module makes calls that look synchronous, and promises
--- user_files
>>> h.js
export default function (ctx) {
    let a = JSON.parse(ctx.TykMakeHttpRequest({Domain: '$HOOK/slow/50'}));

    return Promise.all([ctx.http.request({Domain: '$HOOK/slow/1000'}),
                        ctx.http.request({Domain: '$HOOK/slow/1001'})])
    .then(function (replies) {
        ctx.log('TOLD ' + JSON.stringify([a.Code, replies[0].Code, replies[1].Code]));
    });
}
--- recorded_count: 3
--- recorded_check eval
sub {
    is_deeply([told()], [[200, 200, 200]], 'told');
    cmp_ok($_[2]{time} - $_[1]{time}, '<', 900, 'at once');
}

=== TEST 17: a module that awaits what does not answer
--- http_config
    api_event_handlers AuthFailure js path=h.js timeout=1s;
--- user_files
>>> h.js
export default async function (ctx) {
    let reply = await ctx.http.request({Domain: '$HOOK/hang'});
    ctx.log('behind');
}
--- recorded_count: 1
--- error_log eval
qr/to js "h\.js" failed: .*(?:timeout|timed out)/
--- metrics
apievents_deliveries{state="dead"} 1
apievents_deliveries{state="pending"} 0

=== TEST 18: sessions read and written around a call
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers RatelimitExceeded js path=h.js name=h;
--- user_files
>>> keys.json
{"rate-key-0123456789": {"rate": 1, "per": 60, "access_rights": {"a": {}}}}
>>> h.js
$H(function (event, context) {
    var session = JSON.parse(TykGetKeyData(event.Meta.KeyID, context.APIID));
    var reply = JSON.parse(TykMakeHttpRequest(JSON.stringify({
        Domain: '$HOOK/rate', Body: String(session.rate)})));

    session.rate = reply.Code;
    TykSetKeyData(event.Meta.KeyID, JSON.stringify(session), '0');
    TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/rate', Body:
        String(JSON.parse(TykGetKeyData(event.Meta.KeyID, context.APIID)).rate)}));
});
--- more_headers
Authorization: rate-key-0123456789
--- request eval
['GET /a', 'GET /a']
--- error_code eval
[200, 429]
--- metrics_equation
--- recorded_count: 2
--- recorded_check eval
sub {
    is("@{[map { $_->{body} } @_]}", '1 200', 'what it saw');
    is(delivered(), '1 0 0', 'delivered');
    is(raise(3, '/a', "Authorization: rate-key-0123456789\r\n"),
       '200 200 200', 'the gate sees it');
}

=== TEST 19: a script that calls its own API
--- user_files
>>> h.js
$H(function () {
    var reply = TykMakeHttpRequest(JSON.stringify({Domain: '$SELF/a'}));
    log('TOLD ' + JSON.parse(reply).Code);
});
--- check eval
sub { is_deeply([told(5)], [(401) x 5], 'five calls, the last raises nothing') }
--- metrics
apievents_events_raised_total 5
apievents_deliveries{state="delivered"} 5
--- metrics_equation

=== TEST 20: hops of what scripts cause
--- user_files
>>> h.js
$H(function (event) {
    TykBatchRequest(JSON.stringify({requests: [
        {method: 'GET', relative_url: '$HOOK/' + event.EventMetaData.Path,
         headers: {'X-Api-Events-Hops': '0'}}]}));
});
--- request eval
['GET /a/0', 'GET /a/4', 'GET /a/5', 'GET /a/9']
--- more_headers eval
[map "X-Api-Events-Hops: $_", 0, 4, 5, 9]
--- error_code eval
[(401) x 4]
--- recorded_count: 2
--- recorded_check eval
sub {
    my %hops = map { $_->{uri} => $_->{raw_headers} } @_;

    for my $n (0, 4) {
        my @hops = map { lc $_->[0] eq 'x-api-events-hops' ? $_->[1] : () }
                       @{ $hops{"//a/$n"} };
        is($hops[-1], $n + 1, "hops of $n");
    }
}
--- metrics
apievents_events_raised_total 2

=== TEST 21: an answer that is larger than nginx' buffer for it
--- user_files
>>> h.js
$H(function () {
    log('TOLD ' + JSON.stringify(
        ['/big/1000000', '/big/2000000', '/big/100000'].map(function (path) {
            var text = TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK' + path}));
            return text === undefined ? 'undefined' : JSON.parse(text).Body.length;
        })));
});
--- recorded_count: 3
--- recorded_check eval
sub { is_deeply([told()], [[1000000, 'undefined', 100000]], 'told') }
--- error_log
script "h.js": TykMakeHttpRequest: answer is cut off or too long
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 22: an answer that is cut off
--- tcp_listen: $TEST_NGINX_RAND_PORT_2
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ntoo short"
--- user_files
>>> h.js
$H(function () {
    var cut = TykMakeHttpRequest(JSON.stringify({Domain: 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/'}));
    var next = TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/next'}));
    log('TOLD ' + JSON.stringify([typeof cut, JSON.parse(next).Code]));
});
--- recorded_count: 1
--- recorded_check eval
sub { is_deeply([told()], [['undefined', 200]], 'told') }
--- error_log
script "h.js": TykMakeHttpRequest: answer is cut off or too long
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 23: a batch with answers that are too large
--- user_files
>>> h.js
$H(function () {
    var requests = ['/big/1500000', '/ok', '/big/1500001', '/close', '/slow/100']
    .map(function (path) {
        return {method: 'GET', relative_url: '$HOOK' + path};
    });
    log('TOLD ' + JSON.stringify(JSON.parse(TykBatchRequest(
        JSON.stringify({requests: requests}))).map(function (r) { return r.code; })));
});
--- recorded_count: 5
--- recorded_check eval
sub { is_deeply([told()], [[0, 200, 0, 0, 200]], 'told') }
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 24: what is no HTTP
--- tcp_listen: $TEST_NGINX_RAND_PORT_2
--- tcp_reply eval
"SSH-2.0-server\r\n\r\n"
--- user_files
>>> h.js
$H(function () {
    log('TOLD ' + JSON.stringify(typeof TykMakeHttpRequest(JSON.stringify(
        {Domain: 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/'}))));
});
--- check eval
sub { is_deeply([told()], ['undefined'], 'told') }
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 25: 50 events at once, each with a call that takes its time
--- http_config
    api_event_handlers AuthFailure js path=h.js name=h concurrency=50;
--- user_files
>>> h.js
$H(function (event) {
    TykMakeHttpRequest(JSON.stringify({Method: 'POST', Domain: '$HOOK/slow/100',
                                       Body: event.ID}));
    TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/behind'}));
});
--- recorder
--- metrics_equation
--- check eval
sub {
    my (%seen, @times);

    is(raise(49), "@{[(401) x 49]}", 'raised');
    is(delivered(), '50 0 0', 'delivered');

    for my $r (recorded()) {
        $seen{"$r->{method} $r->{body}"}++;
        push @times, $r->{time};
    }

    is(scalar(grep { /^POST evt_/ } keys %seen), 50, 'one call of each event');
    is(scalar @times, 100, 'and another one');
    cmp_ok($times[-1] - $times[0], '<', 4000, 'concurrently');
}

=== TEST 26: no more of them than concurrency= says
--- http_config
    api_event_handlers AuthFailure js path=h.js name=h concurrency=2;
--- user_files
>>> h.js
$H(function (event) {
    TykMakeHttpRequest(JSON.stringify({Domain: '$HOOK/slow/100'}));
});
--- request eval
[('GET /a') x 8]
--- error_code eval
[(401) x 8]
--- recorded_count: 8
--- recorded_check eval
sub { cmp_ok($_[7]{time} - $_[0]{time}, '>=', 280, 'two at once') }

=== TEST 27: a connection is not used for a second call, which may mean another name
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 $connection; }
    }
--- user_files
>>> h.js
$H(function () {
    var request = JSON.stringify({Domain: 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/'});
    var first = JSON.parse(TykMakeHttpRequest(request)).Body;

    log('TOLD ' + (first === JSON.parse(TykMakeHttpRequest(request)).Body));
});
--- check eval
sub { is((told())[0], JSON::XS::false(), 'the same connection') }
