/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import mock from 'mock.js';
import phase from 'phase.js';
import tap from 'tap.js';


var RealDate = Date;
var RealMath = Math;


function own(args, n) {
    return mock.later(5, mock.reply(200, JSON.stringify([{n: n}])));
}


function run_list(options) {
    options.handlers = Array.prototype.slice.call(arguments, 1);
    options.own = options.own || own;

    options.answer = options.answer || function (spec, n) {
        return mock.later(2, mock.reply(200, 'body-' + n, {a: 'b'}));
    };

    return phase.run(options);
}


function never() {
    return new Promise(function () {
    });
}


function clock_repeats(t) {
    var seen = [];

    return run_list({variables: {now: '1000000000000'}}, function (ae) {
        var date = ae.get('Date'), math = ae.get('Math');

        seen.push([date.now(), new date().getTime(), math.random(),
                   ae.get('java').lang.System.currentTimeMillis()]);
        ae.get('SysUtility').getResource('r');

    }).then(function (m) {
        t.is([m.status, seen.length], [200, 2], 'two rounds');
        t.is(seen[0], seen[1], 'are answered alike');
        t.ok(seen[0][3] < 1000000100000, 'that of Java too');
        t.ok(seen[0][0] >= 1000000000000 && seen[0][0] < 1000000100000,
             'by the clock of the module');
    });
}


function modules_have_the_clock(t) {
    var seen = [];

    return run_list({variables: {now: '1000000000000'}},
                    phase.module(function (ctx) {
        seen.push([Date.now(), Math.random()]);

        return ctx.SysUtility.getResource('r');

    })).then(function (m) {
        t.is([m.status, seen.length], [200, 2], 'two rounds');
        t.is(seen[0], seen[1], 'are answered alike');
        t.ok(seen[0][0] < 1000000100000, 'by the clock of the module');
        t.ok(Date === RealDate && Math === RealMath, 'put back at the end');
    });
}


function members(t) {
    var got;

    return run_list({phase: 'response', text: '{"a":1}'},
                    phase.module(function (ctx) {
        ctx.log('called');
        ctx.log.info('info');
        ctx.rawlog('raw');
        ctx.raiseEvent('Done', {a: 1});
        ctx.TykSetKeyData('k', '{}', 1);
        ctx.json.a = ctx.b64enc('x');
        ctx.response.header('X-A', 'b');

        got = [Object.keys(ctx).sort().join(), ctx.req.verb, ctx.context,
               ctx.TykGetKeyData('k'),
               JSON.parse(ctx.TykMakeHttpRequest('{"url":"http://a"}')).Body];

    })).then(function (m) {
        t.is(m.error, null, 'no error');
        t.is(got, [
            'Date,Java,Math,NewCookie,SysUtility,SysUtilityV2,'
            + 'TykBatchRequest,TykGetKeyData,TykMakeHttpRequest,'
            + 'TykSetKeyData,b64dec,b64enc,context,headers,http,java,json,'
            + 'log,print,raiseEvent,rawb64dec,rawb64enc,rawlog,req,response',
            'POST', {APIID: 'a1', OrgID: 'o1'}, '{}', 'body-1'
        ], 'of a context');
        t.is([m.text, m.result], ['{"a":"eA=="}', {headers: [['X-A', 'b']]}],
             'changes');
        t.is(m.log, [['info', 'h0.js', 'called'], ['info', 'h0.js', 'info'],
                     ['info', 'h0.js', 'raw']], 'lines');
        t.is(m.effects, [['raise', {name: 'Done', meta: {a: 1}}],
                         ['set_key', {key: 'k', apiid: 'a1', session: '{}',
                                      suppress_reset: true}]], 'effects');
    });
}


function headers_of_module(t) {
    return run_list({headers: {Host: 'h', 'X-A': '1'}},
                    phase.module(function (ctx) {
        ctx.headers['x-a'] = '2';

    }), phase.module(function (ctx) {
        ctx.headers = {host: 'h', 'x-b': ctx.headers['X-A']};

    }), phase.module(function (ctx) {
        ctx.headers['x-c'] = '3';

    })).then(function (m) {
        t.is([m.result.headers['x-a'], m.result.headers['x-b'],
              m.result.headers['x-c']], [null, '2', '3'],
             'are shared and can be replaced');
    });
}


function asynchronous(t) {
    return run_list({text: 'x'}, phase.module(function (ctx) {
        return ctx.http.request({url: 'http://a'}).then(function (reply) {
            ctx.log.info('one');
            ctx.json += reply.Body;

            return mock.later(2);
        });

    }), function (ae) {
        ae.get('log').info('two');
        ae.json += ae.get('SysUtility').getResource('r')[0].n;

    }, phase.module(function (ctx) {
        return ctx.http.request({url: 'http://b'}).then(function (reply) {
            ctx.json += reply.Body;
        });

    })).then(function (m) {
        t.is([m.status, m.text], [202, 'xbody-11body-2'],
             'each is waited for');
        t.is([m.calls.length, m.own.length], [2, 1], 'calls are made once');
        t.is(m.log, [['info', 'h0.js', 'one'], ['info', 'h1.js', 'two']],
             'lines are written once');
    });
}


function rejected(t) {
    return run_list({}, phase.module(function (ctx) {
        ctx.log.info('before');

        return mock.later(1).then(function () {
            throw {statusCode: 409, errorMessage: 'late'};
        });

    })).then(function (m) {
        t.is([m.status, m.error.statusCode, m.error.errorMessage],
             [500, 409, 'late'], 'is as thrown');
        t.is(m.log, [['info', 'h0.js', 'before'], ['error', 'h0.js', 'late']],
             'lines stay');
    });
}


function late(t) {
    return Promise.all([
        run_list({timeout: 40}, phase.module(never)),
        run_list({timeout: 40, own: function () {
            return mock.later(120, mock.reply(200, '[]'));

        }}, function (ae) {
            ae.get('SysUtility').getResource('r');
        })

    ]).then(function (all) {
        t.is(all.map(function (m) {
            return [m.status, m.error && m.error.errorMessage];

        }), [[500, 'timeout'], [500, 'timeout']], 'waiting ends');
    });
}


function each_has_its_time(t) {
    function wait() {
        return mock.later(300);
    }

    return run_list({timeout: 500}, phase.module(wait), phase.module(wait),
                    phase.module(wait))
    .then(function (m) {
        t.is(m.status, 200, 'not one for all');
    });
}


function properties(t) {
    return run_list({variables: {properties: '{"old":1}'}}, function (ae) {
        ae.get('req').setUserProperty('a', 'b');
        ae.get('req').getUserProperties().put('o', {c: 1});

    }, function (ae) {
        var p = ae.get('req').getUserProperties();

        ae.json = JSON.stringify([p.get('a'), p.get('o'), p.get('old'),
                                  p.get('none'), p.containsKey('a'),
                                  p.get('toString')]);
        ae.get('SysUtility').getResource('r');

    }).then(function (m) {
        t.is(m.text, '["b",{"c":1},1,null,true,null]',
             'vector 15: the next handler sees them');
        t.is(m.properties, '{"old":1,"a":"b","o":{"c":1}}',
             'and the next phase');

        return run_list({}, function (ae) {
            ae.json = String(ae.get('req').getUserProperties().get('a'));
        });

    }).then(function (m) {
        t.is([m.text, m.properties], ['null', null],
             'vector 15: another request does not');
    });
}


function failed_properties(t) {
    return run_list({}, function (ae) {
        ae.get('req').setUserProperty('a', 'b');
        throw 'no';

    }).then(function (m) {
        t.is(m.properties, '{"a":"b"}', 'the handlers of the error see them');

        return run_list({}, function (ae) {
            var loop = {};

            loop.loop = loop;
            ae.get('req').setUserProperty('a', loop);
        });

    }).then(function (m) {
        t.is([m.status, m.properties, m.error.statusCode], [500, null, 500],
             'what is no JSON is an error');
    });
}


function failed_effects(t) {
    return run_list({errors: {raise: 'error: too many'}},
                    phase.module(function (ctx) {
        ctx.log('one');
        ctx.raiseEvent('Done');
        ctx.log('two');

    })).then(function (m) {
        t.is([m.status, m.error.errorMessage], [500, 'too many'],
             'are an error of the run');
        t.is(m.log.slice(0, 2).concat([m.log.length]),
             [['info', 'h0.js', 'one'], ['info', 'h0.js', 'two'], 3],
             'each line is logged once');
    });
}


function caught_end(t) {
    return run_list({}, phase.module(function (ctx) {
        return Promise.resolve().then(function () {
            try {
                return ctx.SysUtility.getResource('r');

            } catch (e) {
                return 'caught';
            }

        }).then(function (got) {
            ctx.json = JSON.stringify(got);
        });

    })).then(function (m) {
        t.is([m.status, m.text, m.own.length], [202, '[{"n":1}]', 1],
             'in a promise');
    });
}


function no_function(t) {
    return run_list({}, {module: true}).then(function (m) {
        t.is(m.error.errorMessage, 'the default export is not a function',
             'is an error');
    });
}


function odd_result(t) {
    return run_list({}, phase.module(function (ctx) {
        return Object.defineProperty({}, 'then', {get: function () {
            throw 'no';
        }});

    })).then(function (m) {
        t.is(m.error.errorMessage, 'no', 'is an error');
    });
}


function run(r) {
    tap.serve(r, {clock_repeats, modules_have_the_clock, members,
                  headers_of_module, asynchronous, rejected, late,
                  each_has_its_time, properties, failed_properties,
                  failed_effects, caught_end, no_function, odd_result});
}


export default {run};
