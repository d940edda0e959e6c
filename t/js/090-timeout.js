/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import mock from 'mock.js';
import tap from 'tap.js';


function run_handler(options, fn) {
    var m = mock.request(options);

    ae.event(m.r, mock.script(fn), 'h');

    return m.done.then(function (reply) {
        m.error = reply.error;
        m.timeouts = m.calls.map(function (call) {
            return call.spec.timeout;
        });

        return m;
    });
}


function slow(ms) {
    return function () {
        return mock.later(ms, mock.reply(200, ''));
    };
}


function calls_get_the_rest(t) {
    return run_handler({timeout: 9000, answer: slow(100)}, function (env) {
        env.call('http://a');
        env.call('http://b');

    }).then(function (m) {
        t.is(m.error, null, 'no error');
        t.ok(m.timeouts[0] > 8990 && m.timeouts[0] <= 9050, 'the first all');
        t.ok(m.timeouts[1] <= m.timeouts[0] - 95, 'the second less');
    });
}


function too_late(t) {
    return run_handler({timeout: 50, answer: slow(30)}, function (env) {
        env.log('one');
        env.call('http://a');
        env.call('http://b');
        env.call('http://c');

    }).then(function (m) {
        t.is(m.error, 'timeout', 'the text');
        t.ok(m.calls.length < 3, 'no further call');
    });
}


function is_not_caught(t) {
    return run_handler({timeout: 20, answer: slow(40)}, function (env) {
        try {
            env.call('http://a');

        } catch (e) {
            /* void */
        }

    }).then(function (m) {
        t.is(m.error, 'timeout', 'the text');
    });
}


function working_is_not_waiting(t) {
    return run_handler({timeout: 300, answer: slow(5)}, function (env) {
        var end = Date.now() + 350;

        while (Date.now() < end) {
            /* void */
        }

        env.call('http://a');

    }).then(function (m) {
        t.is(m.error, null, 'no error');
        t.ok(m.timeouts[0] > 290, 'the call has all the time');
    });
}


function serial_batch(t) {
    return run_handler({timeout: 9000, answer: slow(60)}, function (env) {
        env.TykBatchRequest(JSON.stringify({
            requests: [{relative_url: 'http://a'}, {relative_url: 'http://b'}],
            suppress_parallel_execution: true
        }));

    }).then(function (m) {
        t.is(m.error, null, 'no error');
        t.ok(m.timeouts[1] <= m.timeouts[0] - 50, 'its second call has less');
    });
}


function five_seconds(t) {
    return run_handler({}, function (env) {
        env.call('http://a');

    }).then(function (m) {
        t.ok(m.timeouts[0] > 4000 && m.timeouts[0] <= 5050, 'by default');
    });
}


function run(r) {
    tap.serve(r, {calls_get_the_rest, too_late, is_not_caught,
                  working_is_not_waiting, serial_batch, five_seconds});
}


export default {run};
