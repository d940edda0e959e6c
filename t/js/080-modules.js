/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import mock from 'mock.js';
import module_async from 'module-async.js';
import module_throws from 'module-throws.js';
import tap from 'tap.js';


var RealDate = Date;
var RealMath = Math;


function numbered(call, n) {
    return mock.later(2, mock.reply(200 + n, 'body-' + n, {a: 'b'}));
}


function run_module(handler, options) {
    var m = mock.request(options || {answer: numbered});

    if (typeof handler.run === 'function') {
        handler.run(m.r);

    } else {
        ae.module(m.r, handler);
    }

    return m.done.then(function (reply) {
        m.error = reply.error;
        m.texts = m.effects.map(function (e) {
            return e[1].text || e[0];
        });

        return m;
    });
}


function what_it_is_given(t) {
    return run_module(function (ctx) {
        ctx.log(Object.keys(ctx).sort().join());
        ctx.log(Object.keys(ctx.http).sort().join());
        ctx.log(JSON.stringify([ctx.event, ctx.context]));

    }).then(function (m) {
        t.is([m.error, m.texts], [null, [
            'Date,Math,TykBatchRequest,TykGetKeyData,TykJS,TykMakeHttpRequest,'
            + 'TykSetKeyData,b64dec,b64enc,context,event,http,log,raiseEvent,'
            + 'rawb64dec,rawb64enc,rawlog',
            'TykBatchRequest,TykMakeHttpRequest,batch,request',
            '[{"Type":"QuotaExceeded","Meta":{"Path":"/p"}},'
            + '{"APIID":"api","OrgID":"org"}]'
        ]], 'functions, event and context');
    });
}


function async_file(t) {
    return run_module(module_async).then(function (m) {
        t.is(m.error, null, 'no error');
        t.is(m.calls.map(function (call) {
            return [call.spec.method, call.spec.url, call.body, call.made];
        }), [['POST', 'http://a/1', 'x', 1],
             ['GET', 'http://b/body-1', '', 1]], 'the calls');
        t.is(m.texts, ['got 201', 'body-2', 'raise'], 'the effects');
        t.is(m.effects[2][1], {name: 'Done', meta: {api: 'api',
                                                    type: 'QuotaExceeded'}},
             'the event that it raises');
    });
}


function async_file_that_throws(t) {
    return run_module(module_throws).then(function (m) {
        t.like(m.error, /^Error: late( at module-throws\.js:4)?$/, 'the text');
    });
}


function promised_calls(t) {
    return run_module(function (ctx) {
        return Promise.all([
            ctx.http.request({url: 'http://a/1'}),
            ctx.http.batch({requests: [{relative_url: 'http://a/2'}]}),
            ctx.http.TykBatchRequest('{}'),
            ctx.http.request('nonsense')

        ]).then(function (got) {
            ctx.log(JSON.stringify(got));
        });

    }).then(function (m) {
        t.is([m.error, JSON.parse(m.texts.pop())], [null, [
            {Code: 201, Body: 'body-1', Headers: {A: ['b']},
             code: 201, body: 'body-1', headers: {A: ['b']}},
            [{relative_url: 'http://a/2', code: 202, headers: {A: ['b']},
              body: 'body-2'}],
            '[]',
            null
        ]], 'what they resolve to');
        t.like(m.texts[0], /^TykMakeHttpRequest: /, 'the complaint');
    });
}


function failed_call(t) {
    return run_module(function (ctx) {
        return ctx.http.request({url: 'http://a'}).then(function (got) {
            ctx.log(typeof got);
        });

    }, {answer: function () {
        return mock.unreachable('reset');

    }}).then(function (m) {
        t.is([m.error, m.texts], [null, ['TykMakeHttpRequest: reset',
                                         'undefined']], 'is undefined');
    });
}


function calls_as_in_scripts(t) {
    var runs = 0, seen = [];

    return run_module(function (ctx) {
        runs++;

        return ctx.http.request({url: 'http://a/1'}).then(function (first) {
            seen.push([Date.now(), Math.random(), new Date().getTime()]);
            ctx.log(first.Body);
            ctx.log(ctx.TykMakeHttpRequest('{"url": "http://a/2"}'));

            return ctx.http.request({url: 'http://a/3'});

        }).then(function (third) {
            ctx.log(third.Body);
        });

    }).then(function (m) {
        t.is([m.error, runs], [null, 2], 'the module runs twice');
        t.is(m.calls.map(function (call) {
            return call.spec.url + ' ' + call.made;
        }), ['http://a/1 1', 'http://a/2 1', 'http://a/3 1'],
             'each call is made once');
        t.is([m.texts[0], JSON.parse(m.texts[1]).Body, m.texts[2]],
             ['body-1', 'body-2', 'body-3'], 'the effects');
        t.is(seen[1], seen[0], 'clock and random numbers are the same');
        t.ok(Date === RealDate && Math === RealMath, 'real ones afterwards');
    });
}


function given_up_while_it_catches(t) {
    return run_module(function (ctx) {
        return Promise.resolve().then(function () {
            try {
                ctx.log(ctx.TykMakeHttpRequest('{"url": "http://a/1"}'));

            } catch (e) {
                return new Promise(function () {
                    /* never settles */
                });
            }
        });

    }, {answer: numbered, timeout: 1000}).then(function (m) {
        t.is([m.error, m.calls.length], [null, 1], 'no error');
        t.is(m.texts.length, 1, 'one line');
    });
}


function never_settles(t) {
    var at = Date.now();

    return run_module(function (ctx) {
        ctx.log('waiting');

        return new Promise(function () {
            /* void */
        });

    }, {timeout: 50}).then(function (m) {
        var ms = Date.now() - at;

        t.is([m.error, m.texts], ['timeout', ['waiting']], 'is a timeout');
        t.ok(ms >= 45 && ms < 5000, 'in time');
    });
}


function settles_late(t) {
    return run_module(function (ctx) {
        return mock.later(60, 0).then(function () {
            ctx.TykSetKeyData('k', '{}', '1');
        });

    }, {timeout: 20}).then(function (m) {
        t.is(m.error, 'timeout', 'is a timeout');

        return mock.later(80, m);

    }).then(function (m) {
        t.is(m.effects, [], 'and has no effects');
    });
}


function errors(t) {
    return run_module(function () {
        throw new Error('at once');

    }).then(function (m) {
        t.like(m.error, /^Error: at once at .*080-modules\.js/, 'a throw');

        return run_module(function () {
            return Promise.reject('text');
        });

    }).then(function (m) {
        t.is(m.error, 'text', 'a rejection');

        return run_module({});

    }).then(function (m) {
        t.is(m.error, 'the default export is not a function',
             'not a function');
    });
}


function run(r) {
    tap.serve(r, {what_it_is_given, async_file, async_file_that_throws,
                  promised_calls, failed_call, calls_as_in_scripts,
                  given_up_while_it_catches, never_settles, settles_late,
                  errors});
}


export default {run};
