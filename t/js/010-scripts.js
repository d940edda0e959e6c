/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import commented from 'comment-at-end.js';
import mock from 'mock.js';
import same_1 from 'same-name-1.js';
import same_2 from 'same-name-2.js';
import sample from 'sample.js';
import session from 'session.js';
import tap from 'tap.js';
import undeclared from 'undeclared.js';


function info(text) {
    return ['log', {level: 'info', raw: false, text: text}];
}


function sample_as_printed(t) {
    var m = mock.request({});

    sample.run(m.r);

    return m.done.then(function (reply) {
        t.is([reply.status, reply.body], [200, ''], 'the answer');
        t.is(m.effects, [info('This handler does nothing, but this will '
                              + 'appear in your terminal')], 'one log line');
    });
}


function session_of_the_event(t) {
    var m = mock.request({
        event: {EventType: 'KeyExpired', EventMetaData: {Key: 'k1'}},
        keys: {'["k1","api"]': '{"expires": 1700000000}'}
    });

    session.run(m.r);

    return m.done.then(function (reply) {
        t.is(reply.status, 200, 'the status');
        t.is(m.effects, [info('Expires: 1700000000')], 'what it logs');
    });
}


function undeclared_names(t) {
    var m = mock.request({});

    undeclared.run(m.r);

    return m.done.then(function (reply) {
        t.is(reply.error, null, 'no error');
        t.is(m.effects, [info('3')], 'what it logs');
    });
}


function comment_in_the_last_line(t) {
    var m = mock.request({});

    commented.run(m.r);

    return m.done.then(function () {
        t.is(m.effects, [info('fine')], 'what it logs');
    });
}


function scopes(t) {
    var first = mock.request({}), again = mock.request({});
    var other = mock.request({});

    same_1.run(first.r);

    return first.done.then(function () {
        same_1.run(again.r);

        return again.done;

    }).then(function () {
        same_2.run(other.r);

        return other.done;

    }).then(function () {
        t.is(first.effects, [info('one! 1')], 'the first event');
        t.is(again.effects, [info('one! 1')], 'nothing lives to the second');
        t.is(other.effects, [info('undefined undefined')],
             'nothing is seen by another file');
    });
}


function run(r) {
    tap.serve(r, {sample_as_printed, session_of_the_event, undeclared_names,
                  comment_in_the_last_line, scopes});
}


export default {run};
