/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import mock from 'mock.js';
import tap from 'tap.js';


function batch(options, request) {
    var got = {runs: 0}, m = mock.request(options);

    ae.event(m.r, mock.script(function (env) {
        got.runs++;
        got.text = env.TykBatchRequest(JSON.stringify(request));
    }), 'h');

    return m.done.then(function (answer) {
        got.error = answer.error;
        got.calls = m.calls;
        got.log = m.effects;

        return got;
    });
}


/* the first call is the last to be answered */

function staggered(order) {
    return {answer: function (call, n) {
        order.push('start ' + n);

        return mock.later(40 / n, mock.reply(200 + n, 'body ' + n))
        .then(function (reply) {
            order.push('end ' + n);

            return n === 2 ? mock.unreachable('reset') : reply;
        });
    }};
}


function three_calls(serial) {
    return {
        requests: [
            {method: 'GET', relative_url: 'http://a/1', headers: {A: 'b'}},
            {method: 'post', relative_url: 'http://a/2', body: 'text'},
            {relative_url: 'http://a/3'}
        ],
        suppress_parallel_execution: serial
    };
}


var RESULT = [
    {relative_url: 'http://a/1', code: 201, headers: {}, body: 'body 1'},
    {relative_url: '', code: 0, headers: null, body: ''},
    {relative_url: 'http://a/3', code: 203, headers: {}, body: 'body 3'}
];


function parallel(t) {
    var order = [];

    return batch(staggered(order), three_calls(false)).then(function (got) {
        t.is(got.error, null, 'no error');
        t.is(order.slice(0, 3), ['start 1', 'start 2', 'start 3'],
             'all are started at once');
        t.is(JSON.parse(got.text), RESULT, 'results in the order of requests');
        t.is(got.runs, 2, 'two runs');
        t.is(got.calls.map(function (call) {
            return [call.made, call.method, call.spec.url, call.spec.headers,
                    call.body];
        }), [[1, 'GET', 'http://a/1', {A: 'b'}, ''],
             [1, 'POST', 'http://a/2', {}, 'text'],
             [1, 'GET', 'http://a/3', {}, '']], 'what is asked for');
        t.is(got.log, [['log', {level: 'error', raw: false,
                                text: 'TykBatchRequest: reset'}]],
             'a log line for the one that failed');
    });
}


function serial(t) {
    var order = [];

    return batch(staggered(order), three_calls(true)).then(function (got) {
        t.is(order, ['start 1', 'end 1', 'start 2', 'end 2', 'start 3',
                     'end 3'], 'one after the other');
        t.is(JSON.parse(got.text), RESULT, 'the same results');
        t.is(got.runs, 2, 'two runs');
    });
}


function empty(t) {
    return batch({}, {requests: []}).then(function (got) {
        t.is(got.text, '[]', 'no results');

        return batch({}, {});

    }).then(function (got) {
        t.is(got.text, '[]', 'the same without requests');
    });
}


function not_a_batch(t) {
    return batch({}, {requests: {}}).then(function (got) {
        t.is([got.error, got.text], [null, undefined], 'is undefined');

        return batch({}, {requests: [{relative_url: 'http://a'},
                                     {relative_url: 1}]});

    }).then(function (got) {
        t.is([got.error, got.text, got.calls.length], [null, undefined, 0],
             'not even the good half of it is called');
    });
}


function run(r) {
    tap.serve(r, {parallel, serial, empty, not_a_batch});
}


export default {run};
