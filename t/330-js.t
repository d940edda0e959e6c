# Handlers of events in JavaScript: what they see and what they do.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use ScriptBlocks;

run_tests();

__DATA__

=== TEST 1: the sample of Tyk's pages, registered by a definition
--- config
    location /a {
        api_definition ../html/api.json;
        empty_gif;
    }
--- user_files
>>> api.json
{
  "api_id": "a",
  "org_id": "acme",
  "event_handlers": {
    "events": {
      "AuthFailure": [
        {
          "handler_name":"eh_dynamic_handler",
          "handler_meta": {
            "name": "sampleHandler",
            "path": "event_handlers/session_editor.js"
          }
        }
      ]
    }
  }
}
>>> event_handlers/session_editor.js
// ---- Sample custom event handler -----
var sampleHandler = new TykJS.TykEventHandlers.NewEventHandler({});

sampleHandler.NewHandler(function(event, context) {
  // You can log to Tyk console output by calling the built-in log() function:
  log("This handler does nothing, but this will appear in your terminal")

  return
});
--- error_log eval
qr{\[info\] .*script "event_handlers/session_editor.js": This handler does nothing, but this will appear in your terminal$}m
--- metrics
apievents_deliveries{state="delivered"} 1
--- metrics_equation

=== TEST 2: the other sample: a session by the event's key
--- http_config
    api_event_key raw;
    api_keys ../html/keys.json;
    api_event_handlers KeyExpired js path=h.js name=h;
--- user_files
>>> keys.json
{"old-key-0123456789": {"expires": 1400000000, "access_rights": {"a": {}}}}
>>> h.js
$H(function (event, context) {
    // Use the TykGetKeyData function to retrieve a session from the session store, use the context variable to give the APIID for the key.
    var thisSession = JSON.parse(TykGetKeyData(event.EventMetaData.Key, context.APIID))
    log("Expires: " + thisSession.expires)
});
--- more_headers
Authorization: old-key-0123456789
--- request
GET /a
--- error_code: 401
--- error_log
script "h.js": Expires: 1400000000

=== TEST 3: event and context
--- config
    location /a {
        api_id a;
        api_org acme;
        empty_gif;
    }
--- user_files
>>> h.js
$H(function () {
    log('TOLD ' + JSON.stringify([].slice.call(arguments)));
});
--- request
GET /a/b?c
--- error_code: 401
--- check eval
sub {
    my ($told) = told();
    my ($e, $context) = @$told;
    my $log = error_log_text();

    is(scalar @$told, 2, 'two arguments');
    is_deeply($context, { APIID => 'a', OrgID => 'acme' }, 'context');
    is_deeply([sort keys %$e], [qw(APIID EventMetaData EventType ID Meta OrgID
                                   Sequence Suppressed TimeStamp Type)],
              'event');
    is("$e->{EventType} $e->{Type} $e->{APIID} $e->{OrgID}",
       'AuthFailure AuthFailure a acme', 'type and API');
    is_deeply($e->{Meta}, $e->{EventMetaData}, 'both spellings');
    is($e->{Meta}{Path}, '/a/b', 'Path');
    is($e->{Meta}{Message}, 'Auth Failure', 'Message');
    like($e->{Meta}{Origin}, qr/^127\.0\.0\.1:\d+$/, 'Origin');
    like($e->{ID}, qr/^evt_[0-9a-f-]{36}$/, 'ID');
    like($e->{TimeStamp},
         qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000 UTC$/, 'TimeStamp');
}

=== TEST 4: log, rawlog and base64
--- user_files
>>> h.js
$H(function (event) {
    log('one ' + 'é' + {});
    rawlog('TOLD "raw"');
    log('TOLD ' + JSON.stringify([
        b64enc('Tyk?>'), rawb64enc('Tyk?>'), b64dec('VHlrPz4='),
        b64dec('VHlrPz4'), rawb64dec('VHlrPz4'), b64dec(b64enc('ü')),
        [b64dec('*'), rawb64dec('VHlrPz4=')]
    ]));
});
--- check eval
sub {
    is_deeply([told(2)], ['raw', ['VHlrPz4=', 'VHlrPz4', ('Tyk?>') x 3, "\xfc",
                                  [undef, undef]]], 'told');

    my $log = error_log_text();

    like($log, qr/\[info\] .*script "h.js": one \xc3\xa9\[object Object\]$/m,
         'log');
    unlike($log, qr/script "h.js": TOLD "raw"/, 'rawlog has no prefix');
    like($log, qr/\[error\] .*script "h.js": b64dec: the text is not base64/,
         'b64dec complains');
    like($log, qr/script "h.js": rawb64dec: the text is not base64/,
         'and so does rawb64dec');
}

=== TEST 5: sessions by raw key, KeyID, masked key, and unknown
--- http_config
    api_event_key raw;
    api_keys ../html/keys.json;
    api_event_handlers RatelimitExceeded js path=h.js name=h;
--- user_files
>>> keys.json
{"rate-key-0123456789": {"rate": 1, "per": 60, "alias": "Alice",
                         "access_rights": {"a": {}}}}
>>> h.js
$H(function (event, context) {
    var meta = event.EventMetaData;

    log('TOLD ' + JSON.stringify([
        JSON.parse(TykGetKeyData(meta.Key, context.APIID)).alias,
        JSON.parse(TykGetKeyData(meta.KeyID, context.APIID)).alias,
        JSON.parse(TykGetKeyData('unknown', context.APIID)),
        JSON.parse(TykGetKeyData('****6789', context.APIID)).status,
        JSON.parse(TykGetKeyData()).status
    ]));
});
--- more_headers
Authorization: rate-key-0123456789
--- request eval
['GET /a', 'GET /a']
--- error_code eval
[200, 429]
--- check eval
sub {
    is_deeply([told()],
              [['Alice', 'Alice',
                { status => 'error', message => 'Key not found' },
                'error', 'error']], 'told');
}

=== TEST 6: a script raises a quota, and the count begins anew
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers QuotaExceeded js path=h.js name=h;
--- user_files
>>> keys.json
{"quota-key-0123456789": {"quota_max": 2, "quota_renewal_rate": 3600,
                          "access_rights": {"a": {}}}}
>>> h.js
$H(function (event, context) {
    var session = JSON.parse(TykGetKeyData(event.Meta.KeyID, context.APIID));

    if (session.quota_max === 2) {
        session.quota_max = 4;
        TykSetKeyData(event.Meta.KeyID, JSON.stringify(session), 0);
        log('TOLD ' + TykGetKeyData(event.Meta.KeyID, context.APIID));
    }
});
--- more_headers
Authorization: quota-key-0123456789
--- request eval
[('GET /a') x 3]
--- error_code eval
[200, 200, 403]
--- check eval
sub {
    my ($told) = told();

    is($told->{quota_max}, 4, 'it sees what it set');
    is(delivered(), '1 0 0', 'delivered');
    is(raise(5, '/a', "Authorization: quota-key-0123456789\r\n"),
       '200 200 200 200 403', 'four more');
}
--- metrics_equation

=== TEST 7: or goes on
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers QuotaExceeded js path=h.js name=h;
--- user_files
>>> keys.json
{"quota-key-0123456789": {"quota_max": 2, "quota_renewal_rate": 3600,
                          "access_rights": {"a": {}}}}
>>> h.js
$H(function (event, context) {
    var session = JSON.parse(TykGetKeyData(event.Meta.KeyID, context.APIID));

    if (session.quota_max === 2) {
        session.quota_max = 4;
        TykSetKeyData(event.Meta.KeyID, JSON.stringify(session), '1');
    }
});
--- more_headers
Authorization: quota-key-0123456789
--- request eval
[('GET /a') x 3]
--- error_code eval
[200, 200, 403]
--- metrics_equation
--- check eval
sub {
    is(delivered(), '1 0 0', 'delivered');
    is(raise(3, '/a', "Authorization: quota-key-0123456789\r\n"),
       '200 200 403', 'two more');
}

=== TEST 8: an event that a script raises goes to its name's handlers and to *
--- http_config
    api_event_handlers AuthFailure js path=h.js name=h;
    api_event_handlers plan.updated js path=named.js;
    api_event_handlers plan.deleted js path=other.js;
    api_event_handlers * webhook url=$HOOK/ok template=../html/all.txt;
--- user_files
>>> h.js
$H(function (event) {
    raiseEvent('Own.Event', 'text');
    raiseEvent('plan.updated', {Message: 'm', list: [1, {a: null}], id: event.ID});
});
>>> named.js
export default function (ctx) {
    ctx.log('TOLD ' + JSON.stringify(ctx.event));
}
>>> other.js
export default function (ctx) {
    ctx.log('TOLD "other"');
}
>>> all.txt
{{json .}}
--- recorded_count: 3
--- recorded_check eval
sub {
    my %got = map { $_->{json}{Type} => $_ } @_;
    my ($own, @more) = told();
    my $auth = $got{AuthFailure};
    my $e = $got{'plan.updated'};

    is(scalar @more, 0, 'no other handler is called');
    is("$own->{Type} $own->{APIID}", 'plan.updated a', 'its name and API');
    is($own->{Meta}{Message}, 'm', 'Message');
    is_deeply($own->{Meta}{list}, [1, { a => undef }], 'metadata');
    is($own->{Meta}{id}, $auth->{json}{ID}, 'of the first event');
    isnt($own->{ID}, $auth->{json}{ID}, 'an id of its own');
    is_deeply($e->{json}, $own, 'the webhook gets the same');
    is($auth->{headers}{'x-api-events-hops'}, 1, 'hops of the first');
    is($e->{headers}{'x-api-events-hops'}, 2, 'hops of the second');
    is($got{'Own.Event'}{json}{Meta}{Message}, 'text', 'an own name');
}
--- metrics
apievents_events_raised_total 3
apievents_deliveries{state="delivered"} 5
--- metrics_equation

=== TEST 9: two handlers that raise events for each other
--- http_config
    api_event_handlers AuthFailure js path=ping.js;
    api_event_handlers plan.deleted js path=ping.js;
    api_event_handlers plan.created js path=pong.js;
    api_event_handlers * webhook url=$HOOK/ok concurrency=1;
--- user_files
>>> ping.js
export default function (ctx) { ctx.raiseEvent('plan.created', {}); }
>>> pong.js
export default function (ctx) { ctx.raiseEvent('plan.deleted', {}); }
--- recorded_count: 6
--- recorded_check eval
sub {
    is(CORE::join(' ', sort map { $_->{headers}{'x-api-events-hops'} } @_),
       '1 2 3 4 5 6', 'hops');
}
--- metrics
apievents_events_raised_total 7
apievents_events_dropped_total{reason="loop"} 1
apievents_events_dropped_total 1
apievents_deliveries{state="delivered"} 12
--- metrics_equation

=== TEST 10: what a script throws
--- user_files
>>> h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});

function inner(event) {
    return event.EventMetaData.none.x;       // line 4
}

h.NewHandler(function (event) {
    log('before');
    raiseEvent('Never', {});
    inner(event);
});
--- error_log eval
qr/delivery of evt_\S+ to js "h\.js" failed: .*TypeError: .* at h\.js:4/
--- metrics
apievents_deliveries{state="dead"} 1
apievents_events_raised_total 1
--- metrics_equation
--- check eval
sub { is(scalar(log_lines('script "h.js": before')), 1, 'its log is kept') }

=== TEST 11: a script in a folder that throws while it is loaded
--- http_config
    api_event_handlers AuthFailure js path=deep/er/h.js name=h;
--- user_files
>>> deep/er/h.js

null.x = 1;
$H(function () {});
--- error_log eval
qr{to js "deep/er/h\.js" failed: .*TypeError: .* at deep/er/h\.js:2}
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 12: a module throws
--- user_files
>>> h.js
export default function (ctx) {
    ctx.log('before');
    throw new Error('own text');
}
--- error_log eval
qr/to js "h\.js" failed: .*Error: own text at h\.js:3/
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 13: a rejected promise, a thrown object
--- http_config
    api_event_handlers AuthFailure js path=promise.js;
    api_event_handlers AuthFailure js path=object.js;
--- user_files
>>> promise.js
export default function (ctx) {
    return new Promise(function (resolve, reject) {
        setTimeout(function () { reject(new Error('rejected')); }, 10);
    });
}
>>> object.js
export default function (ctx) {
    throw {code: 7};
}
--- metrics
apievents_deliveries{state="dead"} 2
--- check eval
sub {
    is(scalar(log_lines('to js "promise.js" failed: {"error":"Error: rejected')),
       1, 'rejected');
    is(scalar(log_lines('to js "object.js" failed: {"error":"{\"code\":7}')), 1,
       'object');
}

=== TEST 14: a module that waits
--- user_files
>>> h.js
export default async function (ctx) {
    let a = await new Promise(function (resolve) { setTimeout(resolve, 50, 1); });
    let b = await Promise.resolve(a + 1);
    ctx.log('TOLD ' + b);
    ctx.raiseEvent('Next', {});
}
--- check eval
sub { is_deeply([told()], [2], 'told') }
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_events_raised_total 2

=== TEST 15: a module that never ends its wait
--- http_config
    api_event_handlers AuthFailure js path=h.js timeout=300ms;
--- user_files
>>> h.js
export default function (ctx) {
    ctx.log('waits');
    ctx.raiseEvent('Never', {});
    return new Promise(function () {});
}
--- error_log
to js "h.js" failed: {"error":"timeout"}
--- metrics
apievents_deliveries{state="dead"} 1
apievents_events_raised_total 1
--- metrics_equation

=== TEST 16: names that are not declared
--- user_files
>>> h.js
count = 1;
for (i = 0; i < 3; i++) { count += i; }
h = new TykJS.TykEventHandlers.NewEventHandler({});
helper = function (n) { twice = n * 2; return twice; };
h.NewHandler(function (event, context) {
    result = helper(count);
    log('TOLD ' + (result + twice + i));
});
--- check eval
sub { is_deeply([told()], [19], 'told') }

=== TEST 17: two APIs whose scripts have the same names
--- http_config
    api_auth off;
    api_rate 1r/h;
--- config
    location /a/ {
        api_id a;
        api_script_path ../html/a;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        empty_gif;
    }
    location /b/ {
        api_id b;
        api_script_path ../html/b;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        empty_gif;
    }
--- user_files
>>> a/h.js
state = typeof state === 'undefined' ? 'a' : state + 'a';
function say(x) { log('TOLD ["one ' + x + '","' + state + '"]'); }
$H(function (event, context) { say(context.APIID); });
>>> b/h.js
state = typeof state === 'undefined' ? 'b' : state + 'b';
function say(x) { log('TOLD ["two ' + x + '","' + state + '"]'); }
$H(function (event, context) { say(context.APIID); });
--- request eval
[map { "GET /$_/" } qw(a b a b b a)]
--- error_code eval
[200, 200, (429) x 4]
--- check eval
sub {
    is(CORE::join(' ', sort map { "@$_" } told(4)),
       'one a a one a a two b b two b b', 'told');
}

=== TEST 18: nothing lives from one event to the next
--- http_config
    api_event_handlers AuthFailure js path=h.js name=h;
    api_event_handlers AuthFailure js path=m.js;
--- user_files
>>> h.js
var n = 0;
$H(function (event, context) {
    n++;
    h.count = (h.count || 0) + 1;
    TykJS.count = (TykJS.count || 0) + 1;
    globalThis.count = (globalThis.count || 0) + 1;
    Array.prototype.count = (Array.prototype.count || 0) + 1;
    log('TOLD ' + JSON.stringify([n, h.count, TykJS.count, globalThis.count,
                                  [].count]));
});
>>> m.js
var n = 0;
export default function (ctx) {
    n++;
    ctx.TykJS.count = (ctx.TykJS.count || 0) + 1;
    globalThis.count = (globalThis.count || 0) + 1;
    ctx.log('TOLD ' + JSON.stringify([n, ctx.TykJS.count, globalThis.count]));
}
--- request eval
[('GET /a') x 4]
--- error_code eval
[(401) x 4]
--- check eval
sub {
    is(CORE::join(' ', map { @$_ } told(8)), CORE::join(' ', (1) x 32), 'ones') }

=== TEST 19: a handler that is switched off
--- http_config
    api_event_handlers AuthFailure js path=h.js name=h active=off;
    api_event_handlers AuthFailure js path=on.js active=on;
--- user_files
>>> h.js
$H(function () { log('TOLD "off"'); });
>>> on.js
export default function (ctx) { ctx.log('TOLD "on"'); }
--- metrics
apievents_deliveries_total 1
apievents_deliveries{state="delivered"} 1
--- check eval
sub { is_deeply([told()], ['on'], 'told') }

=== TEST 20: handlers of the http and the location level
--- http_config
    api_event_handlers AuthFailure js path=http.js name=h;
--- config
    location /a {
        api_id a;
        empty_gif;
    }
    location /b {
        api_id b;
        api_event_handlers AuthFailure js path=b.js;
        empty_gif;
    }
    location /c {
        api_id c;
        api_event_handlers off;
        empty_gif;
    }
--- user_files
>>> http.js
$H(function (event, context) { log('TOLD "http ' + context.APIID + '"'); });
>>> b.js
export default function (ctx) { ctx.log('TOLD "b ' + ctx.context.APIID + '"'); }
--- request eval
['GET /a', 'GET /b', 'GET /c']
--- error_code eval
[401, 401, 401]
--- check eval
sub { is(CORE::join(' ', sort(told(2))), 'b b http a http b', 'told'); }

=== TEST 21: the request that raised the event
--- user_files
>>> h.js
$H(function (event) {
    log('TOLD ' + JSON.stringify(b64dec(event.EventMetaData.OriginatingRequest)));
});
--- request
POST /a/b?c=d
some body
--- more_headers
Authorization: wrong-key-0123456789
X-Own: 1
--- error_code: 403
--- check eval
sub {
    my ($text) = told();

    like($text, qr{^POST /a/b\?c=d HTTP/1\.1\r\n}, 'request line');
    like($text, qr/\r\nX-Own: 1\r\n/, 'a header');
    like($text, qr/\r\n\r\nsome body$/, 'body');
    unlike($text, qr/wrong-key/, 'no credential');
}

=== TEST 22: the engine is the one that the http level names
--- user_files
>>> h.js
$H(function () { log('TOLD ' + JSON.stringify(njs.engine || 'njs')); });
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    is((told())[0], ($ENV{APIEVENTS_JS_ENGINE} // '') eq 'qjs' ? 'QuickJS' : 'njs',
       'engine');
}
