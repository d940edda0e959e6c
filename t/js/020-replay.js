/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import mock from 'mock.js';
import tap from 'tap.js';


/* runs fn and checks that each call was made exactly once */

function replayed(t, options, fn) {
    var m = mock.request(options);

    ae.event(m.r, mock.script(fn), 'h');

    return m.done.then(function (reply) {
        t.ok(m.calls.every(function (call) {
            return call.made === 1;
        }), 'each call is made exactly once');

        m.reply = reply;

        return m;
    });
}


function texts(m) {
    return m.effects.map(function (e) {
        return e[0] === 'log' ? e[1].text : e[0];
    });
}


function numbered() {
    return {answer: function (call, n) {
        return mock.reply(200, 'answer ' + n);
    }};
}


function runs_again_with_the_answer(t) {
    var runs = 0;

    return replayed(t, numbered(), function (env) {
        runs++;
        env.log(env.call('http://a').Body);
        env.log(env.call('http://b').Body);

    }).then(function (m) {
        t.is(m.reply.error, null, 'no error');
        t.is(runs, 3, 'a run more than calls');
        t.is(m.calls.length, 2, 'two calls');
        t.is(m.calls.map(function (call) {
            return call.spec.url;
        }), ['http://a', 'http://b'], 'in order');
        t.is(texts(m), ['answer 1', 'answer 2'], 'effects once, in order');
    });
}


function caught_throw(t) {
    var caught = 0;

    return replayed(t, numbered(), function (env) {
        try {
            env.log(env.call('http://a').Body);

        } catch (e) {
            caught++;
        }

        try {
            env.raiseEvent('Caught');
            env.log('after');

        } catch (e) {
            caught++;
        }

        env.log('end');

    }).then(function (m) {
        t.is(m.reply.error, null, 'no error');
        t.is(caught, 2, 'later host calls of a run given up throw, too');
        t.is(texts(m), ['answer 1', 'raise', 'after', 'end'],
             'nothing is left of the run given up');
    });
}


function all_host_functions_throw(t) {
    var names = ['log', 'rawlog', 'b64enc', 'b64dec', 'rawb64enc', 'rawb64dec',
                 'TykGetKeyData', 'TykSetKeyData', 'TykMakeHttpRequest',
                 'TykBatchRequest', 'raiseEvent'];
    var thrown = null;

    return replayed(t, numbered(), function (env) {
        try {
            env.call('http://a');

        } catch (e) {
            thrown = names.filter(function (name) {
                try {
                    env[name]('{}', '{}');
                    return false;

                } catch (e) {
                    return true;
                }
            });
        }

    }).then(function (m) {
        t.is(m.calls.length, 1, 'one call');
        t.is(thrown, names, 'they throw');
    });
}


function fresh_inputs(t) {
    var options = numbered();

    options.event = {Type: 'X', Meta: {list: [1, {a: 2}], none: null}};

    return replayed(t, options, function (env, event, context) {
        env.log(JSON.stringify([event, context]));
        event.Meta.list[1].a++;
        event.Meta.list.push(3);
        event.Type = 'Y';
        context.APIID += '!';
        env.call('http://a');
        env.log(JSON.stringify(event.Meta.list));

    }).then(function (m) {
        t.is(texts(m), [JSON.stringify([{Type: 'X', Meta: {list: [1, {a: 2}],
                                                           none: null}},
                                        {APIID: 'api', OrgID: 'org'}]),
                        '[1,{"a":3},3]'], 'as they were sent');
    });
}


function members_of_any_name(t) {
    var options = numbered();

    options.event = {Meta: JSON.parse('{"__proto__":{"KeyID":"k"},"a":1}')};

    return replayed(t, options, function (env, event) {
        env.call('http://a');
        env.log(JSON.stringify([event.Meta.a, event.Meta.KeyID]));

    }).then(function (m) {
        t.is(texts(m), ['[1,null]'], 'give an event no others');
    });
}


function divergence(t) {
    var runs = 0;

    return replayed(t, numbered(), function (env) {
        env.log('line ' + ++runs);
        env.TykSetKeyData('k', '{}', '1');
        env.call('http://a/' + runs);

    }).then(function (m) {
        t.is(m.reply.status, 500, 'the status');
        t.like(m.reply.error, /^the script does not repeat itself: call 1 was/,
               'the message');
        t.like(m.reply.error, /http:\/\/a\/1.*http:\/\/a\/2/, 'what');
        t.like(m.reply.error, / at .*mock\.js:[0-9]+$/, 'and where');
        t.is(m.calls.length, 1, 'no second call');
        t.is(texts(m), ['line 2'], 'no effects but the log');
    });
}


function divergence_is_not_caught(t) {
    var runs = 0;

    return replayed(t, numbered(), function (env) {
        runs++;

        try {
            env.call('http://a/' + runs);

        } catch (e) {
            return;
        }

    }).then(function (m) {
        t.like(m.reply.error, /^the script does not repeat itself: call 1 was/,
               'the message');
        t.is(runs, 2, 'two runs');
    });
}


function fewer_calls(t) {
    var runs = 0;

    return replayed(t, numbered(), function (env) {
        if (++runs === 1) {
            env.call('http://a');
        }

        env.log('done');

    }).then(function (m) {
        t.is(m.reply.error, 'the script does not repeat itself: it made 1 '
             + 'calls in its first run and 0 now', 'the message');
    });
}


function a_hundred_calls(t) {
    return replayed(t, numbered(), function (env) {
        var i, n = 0;

        for (i = 0; i < 100; i++) {
            n += env.call('http://a/' + i).Body.length;
        }

        env.log(n);

    }).then(function (m) {
        t.is(m.reply.error, null, 'no error');
        t.is(m.calls.length, 100, 'are made');
        t.is(texts(m), ['892'], 'the effects');
    });
}


function one_call_more(t) {
    return replayed(t, numbered(), function (env) {
        var i;

        for (i = 0; i < 101; i++) {
            try {
                env.call('http://a/' + i);

            } catch (e) {
                /* void */
            }
        }

    }).then(function (m) {
        t.like(m.reply.error, /^more than 100 calls at .*mock\.js:/,
               'the message');
        t.is(m.calls.length, 100, 'is not made');
    });
}


function a_batch_counts_all_its_calls(t) {
    return replayed(t, numbered(), function (env) {
        var i, batch = {requests: []};

        for (i = 0; i < 60; i++) {
            batch.requests.push({relative_url: 'http://a/' + i});
        }

        env.TykBatchRequest(JSON.stringify(batch));
        env.TykBatchRequest(JSON.stringify(batch));

    }).then(function (m) {
        t.like(m.reply.error, /^more than 100 calls/, 'the message');
        t.is(m.calls.length, 60, 'only the first was made');
    });
}


function answers_without_end(t) {
    var body = 'x'.repeat(4 * 1024 * 1024);

    return replayed(t, {
        answer: function () {
            return mock.reply(200, body);
        }

    }, function (env) {
        var i;

        for (i = 0; i < 100; i++) {
            env.TykMakeHttpRequest('{"Domain": "http://a"}');
        }

    }).then(function (m) {
        t.like(m.reply.error, /^the answers are too long to repeat them/,
               'the message');
        t.ok(m.calls.length < 10, 'few calls');
    });
}


function clock_and_random(t) {
    var seen = [];

    return replayed(t, {
        answer: function () {
            return mock.later(15, mock.reply(200, ''));
        }

    }, function (env) {
        var a = [env.Date.now(), new env.Date().getTime(), env.Math.random(),
                 env.Date(), env.Math.random()];

        seen.push(a);
        env.call('http://a/' + a[2] + a[0]);
        a.push(env.Date.now(), env.Math.random());
        env.call('http://a/' + a[6] + a[5]);

    }).then(function (m) {
        t.is(m.reply.error, null, 'no error');
        t.is(seen[1].slice(0, 5), seen[0], 'as in the first run');
        t.is(seen[2], seen[1], 'as in the second run');
        t.ok(seen[2][5] >= seen[2][0] + 10, 'the clock goes on after a call');
        t.ok(seen[2][2] !== seen[2][4], 'random numbers differ');
    });
}


function clock_starts_at_now(t) {
    var options = numbered(), at;

    options.now = 1704067199111;

    return replayed(t, options, function (env) {
        at = env.Date.now();

    }).then(function () {
        t.ok(at >= 1704067199111 && at < 1704067199111 + 1000, 'of the input');
    });
}


function polled_clock(t) {
    var runs = [];

    return replayed(t, numbered(), function (env) {
        var n = 0, end = env.Date.now() + 20;

        while (env.Date.now() < end) {
            n++;
        }

        runs.push(n);
        env.call('http://a/' + n);

    }).then(function (m) {
        t.is(m.reply.error, null, 'no error');
        t.is(runs[1], runs[0], 'as many turns again');
    });
}


function date_is_still_date(t) {
    var RealDate = Date;

    return replayed(t, {}, function (env) {
        var D = env.Date, d = new D(2024, 0, 31);

        t.is([d.getFullYear(), d.getMonth(), d.getDate(), d.getHours()],
             [2024, 0, 31, 0], 'parts');
        t.is(new D(2024, 1, 3, 4, 5, 6, 7).getTime(),
             new RealDate(2024, 1, 3, 4, 5, 6, 7).getTime(), 'all parts');
        t.is(new D(2024, 1).getTime(), new RealDate(2024, 1).getTime(),
             'two parts');
        t.is(new D(0).toISOString(), '1970-01-01T00:00:00.000Z', 'ms');
        t.is(new D('2024-01-01T00:00:00Z').getTime(), 1704067200000, 'text');
        t.is(new D(d).getTime(), d.getTime(), 'a date');
        t.is([D.UTC(2000, 0), D.parse('2000-01-01')],
             [946684800000, 946684800000], 'UTC and parse');
        t.ok(d instanceof D && new D() instanceof D, 'instanceof');
        t.is(typeof D(), 'string', 'as a function');
        t.is([env.Math.max(1, 2), env.Math.floor(1.5), env.Math.PI > 3],
             [2, 1, true], 'Math, too');

    }).then(function (m) {
        t.is(m.reply.error, null, 'no error');
    });
}


function reads_keep_their_first_value(t) {
    return replayed(t, {
        keys: {
            '["k","api"]': function (n) {
                return '{"n":' + n + '}';
            }
        },
        answer: function () {
            return mock.reply(200, '');
        }

    }, function (env, event, context) {
        var a = env.TykGetKeyData('k', context.APIID), b;

        env.call('http://a/' + a);
        b = env.TykGetKeyData('k', 'api');
        env.log(a + b + env.TykGetKeyData('k'));

    }).then(function (m) {
        t.is(texts(m), ['{"n":1}{"n":1}{"n":1}'], 'in all runs');
        t.is(m.reads.length, 1, 'one read');
    });
}


function reads_see_writes(t) {
    return replayed(t, {
        keys: {'["k","api"]': '{"old":1}'},
        answer: function () {
            return mock.reply(200, '');
        }

    }, function (env) {
        env.log(env.TykGetKeyData('k', 'api'));
        env.TykSetKeyData('k', '{"new":2}', '1');
        env.call('http://a');
        env.log(env.TykGetKeyData('k', 'api'));
        env.log(env.TykGetKeyData('other', 'api'));

    }).then(function (m) {
        t.is(texts(m), ['{"old":1}', 'set_key', '{"new":2}',
                        '{"status":"error","message":"Key not found"}'],
             'of their own run');
    });
}


function reads_of_a_store(t) {
    var runs = 0;

    return replayed(t, {
        keys: {'["k","api"]': 'wait:17', '["gone","api"]': 'wait:18'},
        stored: function (args) {
            return args === 'id=17' ? mock.reply(200, '{"stored":1}')
                                    : mock.reply(404, 'no');
        },
        answer: function () {
            return mock.reply(200, '');
        }

    }, function (env) {
        runs++;
        env.log(env.TykGetKeyData('k', 'api'));
        env.call('http://a');
        env.log(env.TykGetKeyData('gone', 'api'));
        env.log(env.TykGetKeyData('k', 'api'));

    }).then(function (m) {
        t.is(texts(m), ['{"stored":1}',
                        '{"status":"error","message":"Key not found"}',
                        '{"stored":1}'], 'are waited for');
        t.is(m.reads, ['["k","api"]', 'id=17', '["gone","api"]', 'id=18'],
             'once each');
        t.is(runs, 4, 'four runs');
    });
}


function read_error(t) {
    return replayed(t, {keys: {'["k","api"]': 'error: the store is down'}},
                    function (env)
    {
        try {
            env.TykGetKeyData('k', 'api');

        } catch (e) {
            /* void */
        }

    }).then(function (m) {
        t.like(m.reply.error, /^the store is down at .*020-replay\.js/,
               'the message');
    });
}


function run(r) {
    tap.serve(r, {runs_again_with_the_answer, caught_throw,
                  all_host_functions_throw, fresh_inputs,
                  members_of_any_name, divergence,
                  divergence_is_not_caught, fewer_calls, a_hundred_calls,
                  one_call_more, a_batch_counts_all_its_calls,
                  answers_without_end, clock_and_random, clock_starts_at_now,
                  polled_clock, date_is_still_date,
                  reads_keep_their_first_value, reads_see_writes,
                  reads_of_a_store, read_error});
}


export default {run};
