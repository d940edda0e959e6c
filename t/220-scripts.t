# What scripts read and do through the module.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

# every block has an API "a" with a key of one request, and its handlers
add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';

    $block->set_value(http_config => "
        api_zone a:16m;
        api_state_path \$TEST_NGINX_SERVER_ROOT/logs/state;
        api_script_path ../html;
        api_keys ../html/keys.json;
        $http");
    $block->set_value(config => '
        location /a {
            api_id a;
            api_org o;
            api_event_handlers RatelimitExceeded js path=h.js name=h;
            empty_gif;
        }') unless defined $block->config;
    $block->set_value(user_files => $block->user_files . '
>>> keys.json
{"KEY-0123456789ab": {"rate": 1, "per": 60, "quota_max": 10,
    "quota_renewal_rate": 3600, "access_rights": {"a": {}}, "alias": "me"}}
');
    $block->set_value(request => ['GET /a', 'GET /a'])
        unless defined $block->request;
    $block->set_value(error_code => [200, 429])
        unless defined $block->error_code;
    $block->set_value(more_headers => 'Authorization: KEY-0123456789ab');
    $block->set_value(log_level => 'info');
});

run_tests();


# the lines that scripts logged, once there are n of them
sub logged {
    my ($n) = @_;
    my @lines;

    ApiEvents::wait_for(sub {
        @lines = map { /: (LOG .*)/ ? $1 : () }
                     split /\n/, ApiEvents::error_log_text();
        @lines >= $n
    });

    return @lines;
}

__DATA__

=== TEST 1: an event script
--- user_files
>>> h.js
// Tyk's form, names that are not declared
count = 0;
var h = new TykJS.TykEventHandlers.NewEventHandler({});

h.NewHandler(function (event, context) {
    text = [event.EventType, event.Type, event.EventMetaData.Path,
            event.Meta.Key, context.APIID, context.OrgID, ++count].join(' ');
    log('LOG ' + text);
});
// the end
--- check eval
sub {
    is_deeply([main::logged(1)],
              ['LOG RatelimitExceeded RatelimitExceeded /a ****89ab a o 1'],
              'log');
    like(error_log_text(), qr/\[info\] .*script "h.js": LOG /, 'prefix');
}
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 2: a module
--- user_files
>>> h.js
export default function (ctx) {
    ctx.log('LOG ' + ctx.event.Type + ' ' + ctx.context.APIID);
}
--- check eval
sub { is_deeply([main::logged(1)], ['LOG RatelimitExceeded a'], 'log') }
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 3: two APIs with the same names
--- config
    location /a {
        api_id a;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        empty_gif;
    }
    location /b {
        api_id b;
        api_auth off;
        api_rate 1r/h;
        api_script_path ../html/b;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        empty_gif;
    }
--- user_files
>>> h.js
state = typeof state === 'undefined' ? 1 : state + 1;
var h = new TykJS.TykEventHandlers.NewEventHandler({});
h.NewHandler(function (event) { log('LOG one ' + state); });
>>> b/h.js
state = typeof state === 'undefined' ? 1 : state + 1;
var h = new TykJS.TykEventHandlers.NewEventHandler({});
h.NewHandler(function (event) { log('LOG two ' + state); });
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b", "GET /a"]
--- error_code eval
[200, 429, 200, 429, 429]
--- check eval
sub {
    is_deeply([sort(main::logged(3))], ['LOG one 1', 'LOG one 1', 'LOG two 1'],
              'log')
}

=== TEST 4: what is logged stays one line
--- user_files
>>> h.js
export default function (ctx) {
    ctx.log('LOG a\nb\r\x00\x1b[0m\x7f\u20ac');
    ctx.rawlog('LOG raw\n');
    ctx.log('LOG long ' + 'x'.repeat(5000));
}
--- check eval
sub {
    my @lines = main::logged(3);

    is($lines[0], "LOG a\\x0Ab\\x0D\\x00\\x1B[0m\\x7F\xe2\x82\xac",
       'control characters');
    is($lines[1], 'LOG raw\\x0A', 'raw');
    unlike(error_log_text(), qr/script "h.js": LOG raw/, 'no prefix');
    like($lines[2], qr/^LOG long x{1000,2048}$/, 'bounded');
}

=== TEST 5: the session of a key, by credential and KeyID
--- user_files
>>> h.js
export default function (ctx) {
    var s = JSON.parse(ctx.TykGetKeyData('KEY-0123456789ab', 'a'));

    ctx.log('LOG ' + [s.alias, s.quota_max, s.quota_remaining,
                      s.quota_renews > Date.now() / 1000,
                      s.quota_renews < Date.now() / 1000 + 3601].join(' '));
    s = JSON.parse(ctx.TykGetKeyData(ctx.event.Meta.KeyID, 'a'));
    ctx.log('LOG ' + s.alias);
    ctx.log('LOG ' + ctx.TykGetKeyData('other', 'a'));
    ctx.log('LOG ' + ctx.TykGetKeyData('****89ab', 'a'));
    ctx.log('LOG ' + ctx.TykGetKeyData('', ''));
    ctx.log('LOG ' + ctx.TykGetKeyData('\u0000"\ud83d\ude00'.repeat(100)));
}
--- check eval
sub {
    my $none = 'LOG {"status":"error","message":"Key not found"}';

    is_deeply([main::logged(6)],
              ['LOG me 10 9 true true', 'LOG me', ($none) x 4], 'log');
}

=== TEST 6: setting a session resets its counters
--- user_files
>>> h.js
export default function (ctx) {
    var s = JSON.parse(ctx.TykGetKeyData(ctx.event.Meta.KeyID, 'a'));

    s.alias = 'new';
    ctx.TykSetKeyData(ctx.event.Meta.KeyID, JSON.stringify(s), '0');
}
--- check eval
sub {
    ok(wait_for(sub {
        my ($status) = http_get('/a', undef,
                                "Authorization: KEY-0123456789ab\r\n");
        $status == 200
    }), 'one more request');
}
--- metrics
apievents_sessions 1

=== TEST 7: or keeps them
--- user_files
>>> h.js
export default function (ctx) {
    var s = JSON.parse(ctx.TykGetKeyData('KEY-0123456789ab', 'a'));

    ctx.log('LOG ' + [s.alias, s.quota_remaining, s.last_updated].join(' '));
    s.alias = 'new';
    ctx.TykSetKeyData('KEY-0123456789ab', JSON.stringify(s), '1');
}
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 429, 429]
--- check eval
sub {
    my $last = "LOG new 9 ";

    http_get('/a', undef, "Authorization: KEY-0123456789ab\r\n");
    is((main::logged(3))[2], $last, 'the third sees what the others did');
}

=== TEST 8: a key that a script makes
--- user_files
>>> h.js
export default function (ctx) {
    ctx.TykSetKeyData('made by a script', JSON.stringify({
        access_rights: {a: {}}}), '0');
}
--- check eval
sub {
    ok(wait_for(sub {
        my ($status) = http_get('/a', undef,
                                "Authorization: made by a script\r\n");
        $status == 200
    }), 'is there');
}
--- metrics
apievents_sessions 2

=== TEST 9: sessions that are not taken
--- user_files
>>> h.js
export default function (ctx) {
    var key = ctx.event.Meta.Path.slice(1);

    ctx.TykSetKeyData({
        a: 'key', b: '****89ab', c: '0123456789abcdef0123456789abcdef', d: ''
    }[key], JSON.stringify(key === 'a' ? {rate: '1'}
                                       : {access_rights: {a: {}}}), '0');
}
--- config
    location ~ ^/.$ {
        api_id a;
        api_auth off;
        api_rate 1r/h;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        empty_gif;
    }
--- request eval
["GET /x", "GET /a", "GET /b", "GET /c", "GET /d"]
--- error_code eval
[200, 429, 429, 429, 429]
--- metrics
apievents_deliveries{state="dead"} 4
apievents_sessions 1
--- check eval
sub {
    my $log = error_log_text();

    like($log, qr/"rate\\?" must be a number/, 'a wrong type');
    is(scalar(() = $log =~ /a KeyID or masked key makes none/g), 2,
       'what events tell of keys');
    like($log, qr/the key is empty/, 'an empty key');
}

=== TEST 10: events of scripts
--- http_config
    api_event_handlers * js path=e.js name=e;
--- user_files
>>> h.js
export default function (ctx) {
    ctx.raiseEvent('My.Event', {a: [1, {b: '"'}], Message: 'own'});
    ctx.raiseEvent('My.Event', 'a text');
    ctx.raiseEvent('My.Event');
    ctx.raiseEvent('Other.Event', {});
}
>>> e.js
export default function (ctx) {
    if (ctx.event.Type !== 'My.Event') {
        return;
    }

    ctx.log('LOG ' + JSON.stringify([ctx.event.Type, ctx.event.APIID,
                                     ctx.event.OrgID, ctx.event.Meta]));
}
--- check eval
sub {
    is_deeply([main::logged(3)], [
        'LOG ["My.Event","a","o",{"Message":"own","OriginatingRequest":"",'
        . '"a":[1,{"b":"\""}]}]',
        'LOG ["My.Event","a","o",{"Message":"a text",'
        . '"OriginatingRequest":""}]',
        'LOG ["My.Event","a","o",{"Message":"","OriginatingRequest":""}]',
    ], 'log');
}
--- metrics
apievents_events_raised_total 5
apievents_events_dropped_total 0

=== TEST 11: an event that raises itself ends
--- config
    location /a {
        api_id a;
        api_event_handlers * js path=h.js;
        empty_gif;
    }
--- user_files
>>> h.js
export default function (ctx) {
    ctx.raiseEvent('My.Event', {});
}
--- metrics
apievents_events_raised_total 7
apievents_events_dropped_total{reason="loop"} 1
apievents_events_routed_total 6
apievents_deliveries{state="delivered"} 6
--- metrics_equation

=== TEST 12: events that are not taken
--- user_files
>>> h.js
export default function (ctx) {
    ctx.raiseEvent(ctx.event.Meta.Path === '/a' ? 'x'.repeat(129)
                   : ctx.event.Meta.Path === '/b' ? 'a\nb' : 'name',
                   ctx.event.Meta.Path === '/c' ? [1] : {});
}
--- config
    location ~ ^/.$ {
        api_id a;
        api_auth off;
        api_rate 1r/h;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        empty_gif;
    }
--- request eval
["GET /x", "GET /a", "GET /b", "GET /c"]
--- error_code eval
[200, 429, 429, 429]
--- metrics
apievents_events_raised_total 3
apievents_deliveries{state="dead"} 3

=== TEST 13: a client's request finds nothing in the variables
--- config
    location /a {
        set $apievents_log '{"level":"error","text":"LOG no"}';
        set $apievents_raise '{"name":"x"}';
        set $apievents_set_key '{"key":"x","session":"{}"}';
        add_header X-Key "-$apievents_key_5b224b45592d30313233343536373839616222c2022615d-";
        add_header X-Log "-$apievents_log$apievents_raise$apievents_set_key-";
        empty_gif;
    }
--- user_files
>>> x.js
--- request
GET /a
--- error_code: 200
--- response_headers
X-Key: --
X-Log: --
--- check eval
sub { is_deeply([main::logged(0)], [], 'log') }
--- metrics
apievents_events_raised_total 0
apievents_sessions 1

=== TEST 14: who mentions the request gets it
--- http_config
    api_event_key raw;
--- user_files
>>> h.js
export default function (ctx) {
    ctx.log('LOG ' + ctx.b64dec(ctx.event.Meta.OriginatingRequest)
                        .split('\r\n')[0]);
}
--- check eval
sub { is_deeply([main::logged(1)], ['LOG GET /a HTTP/1.1'], 'log') }

=== TEST 15: a path with a folder, and one that leaves its own
--- config
    location /a {
        api_id a;
        api_script_path ../html/deep;
        api_event_handlers RatelimitExceeded js path=./x//y/./h.js name=h;
        api_event_handlers RatelimitExceeded js path=../up.js name=h;
        empty_gif;
    }
--- user_files
>>> deep/x/y/h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
h.NewHandler(function (event) { log('LOG deep'); });
>>> up.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
h.NewHandler(function (event) { log('LOG up'); });
--- check eval
sub { is_deeply([sort(main::logged(2))], ['LOG deep', 'LOG up'], 'log') }
