/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import middleware from 'middleware.js';
import mock from 'mock.js';
import no_handler from 'no-handler.js';
import tap from 'tap.js';
import throws from 'throws.js';
import throws_at_load from 'throws-at-load.js';
import underscore from 'underscore.js';


function error_of(script, options) {
    var m = mock.request(options || {});

    if (typeof script === 'function') {
        ae.event(m.r, mock.script(script), 'h');

    } else {
        script.run(m.r);
    }

    return m.done.then(function (reply) {
        m.status = reply.status;
        m.error = reply.error;

        return m;
    });
}


function file_and_line(t) {
    return error_of(throws).then(function (m) {
        t.is(m.status, 500, 'the status');
        t.like(m.error, /^ReferenceError: .?noSuchName.? is not defined /,
               'the message');
        t.like(m.error, / at throws\.js:5$/, 'the place');
        t.is(m.effects.length, 1, 'the log line before it');
    });
}


function error_at_load(t) {
    return error_of(throws_at_load).then(function (m) {
        t.like(m.error, /^TypeError: .* at throws-at-load\.js:3$/,
               'the place');
    });
}


function no_underscore(t) {
    return error_of(underscore).then(function (m) {
        t.like(m.error, /^ReferenceError: .?_.? is not defined at .*:3$/,
               'is said');
    });
}


function a_middleware(t) {
    return error_of(middleware).then(function (m) {
        t.is(m.error, '"checkHeader" is a middleware, no event handler',
             'is said');
    });
}


function no_such_handler(t) {
    return error_of(no_handler).then(function (m) {
        t.is(m.error, 'the script makes no event handler "missing"',
             'is said');
    });
}


function no_function(t) {
    var m = mock.request({});

    ae.event(m.r, function (TykJS) {
        return new TykJS.TykEventHandlers.NewEventHandler({});
    }, 'h');

    return m.done.then(function (reply) {
        t.like(reply.error, /^Error: NewHandler\(\) was not given a function/,
               'is said');
    });
}


function other_values(t) {
    var loop = {}, cases = [
        ['text', 'text'], [12, '12'], [null, 'null'], [undefined, 'undefined'],
        [{code: 1}, '{"code":1}'], [loop, 'an object was thrown']
    ];

    loop.loop = loop;

    return cases.reduce(function (last, c) {
        return last.then(function () {
            return error_of(function () {
                throw c[0];
            });

        }).then(function (m) {
            t.is([m.status, m.error], [500, c[1]], 'thrown: ' + c[1]);
        });
    }, Promise.resolve());
}


function throw_in_a_later_run(t) {
    return error_of(function (env) {
        env.log('one');
        env.call('http://a');
        throw new Error('after the call');

    }).then(function (m) {
        t.like(m.error, /^Error: after the call at .*070-errors\.js/, 'text');
        t.is([m.calls.length, m.effects.length], [1, 1], 'one call, one line');
    });
}


function body_that_is_not_json(t) {
    return error_of(function () {
        /* void */
    }, {text: '{"event":'}).then(function (m) {
        t.is(m.status, 500, 'the status');
        t.like(m.error, /JSON|Unexpected/, 'the text');
    });
}


function run(r) {
    tap.serve(r, {file_and_line, error_at_load, no_underscore, a_middleware,
                  no_such_handler, no_function, other_values,
                  throw_in_a_later_run, body_that_is_not_json});
}


export default {run};
