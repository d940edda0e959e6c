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

        return m;
    });
}


function each_effect_in_order(t) {
    return run_handler({}, function (env) {
        env.log('one');
        env.rawlog('two');
        env.TykSetKeyData('k', '{"a":12345678901234567890}', '1');
        env.TykSetKeyData('l', '{}', 1);
        env.TykSetKeyData('m', '{}');
        env.raiseEvent('Mine', {a: [1]});
        env.raiseEvent('Bare');
        env.log('last');

    }).then(function (m) {
        t.is(m.error, null, 'no error');
        t.is(m.effects, [
            ['log', {level: 'info', raw: false, text: 'one'}],
            ['log', {level: 'info', raw: true, text: 'two'}],
            ['set_key', {key: 'k', apiid: 'api',
                         session: '{"a":12345678901234567890}',
                         suppress_reset: true}],
            ['set_key', {key: 'l', apiid: 'api', session: '{}',
                         suppress_reset: true}],
            ['set_key', {key: 'm', apiid: 'api', session: '{}',
                         suppress_reset: false}],
            ['raise', {name: 'Mine', meta: {a: [1]}}],
            ['raise', {name: 'Bare', meta: {}}],
            ['log', {level: 'info', raw: false, text: 'last'}]
        ], 'once each');
    });
}


function any_value_is_logged(t) {
    return run_handler({}, function (env) {
        env.log(12);
        env.log(null);
        env.log();
        env.log({});
        env.log('\u20ac "q" \n');

    }).then(function (m) {
        t.is(m.effects.map(function (e) {
            return e[1].text;
        }), ['12', 'null', 'undefined', '[object Object]', '\u20ac "q" \n'],
             'as text');
    });
}


function functions_return_undefined(t) {
    return run_handler({}, function (env) {
        t.ok(env.log('') === undefined && env.rawlog('') === undefined
             && env.raiseEvent('E') === undefined
             && env.TykSetKeyData('k', '{}') === undefined, 'all of them');

    }).then(function (m) {
        t.is(m.error, null, 'no error');
    });
}


function meta_as_it_was(t) {
    return run_handler({}, function (env) {
        var meta = {a: 1};

        env.raiseEvent('E', meta);
        meta.a = 2;

    }).then(function (m) {
        t.is(m.effects[0][1].meta, {a: 1}, 'when the event was raised');
    });
}


function bad_session(t) {
    return run_handler({}, function (env) {
        env.TykSetKeyData('k', '{"a":', '1');
        env.log(env.TykGetKeyData('k'));

    }).then(function (m) {
        t.is([m.error, m.effects], [null, [
            ['log', {level: 'error', raw: false,
                     text: 'TykSetKeyData: the session is not JSON'}],
            ['log', {level: 'info', raw: false,
                     text: '{"status":"error","message":"Key not found"}'}]
        ]], 'is logged and not written');
    });
}


function bad_event_name(t) {
    return run_handler({}, function (env) {
        env.raiseEvent({}, {});

    }).then(function (m) {
        t.like(m.error, /^TypeError: raiseEvent: the name is not a string at /,
               'is an error');
    });
}


function refused_by_the_module(t) {
    return run_handler({errors: {raise: 'error: no such event'}},
                       function (env)
    {
        env.log('one');
        env.raiseEvent('E');
        env.log('two');

    }).then(function (m) {
        t.is(m.error, 'no such event', 'the text');
        t.is(m.effects.map(function (e) {
            return e[0];
        }), ['log', 'raise'], 'nothing after it');
    });
}


function failed_run(t) {
    return run_handler({}, function (env) {
        env.log('one');
        env.TykSetKeyData('k', '{}', '1');
        env.raiseEvent('E');
        env.log('two');
        throw new Error('x');

    }).then(function (m) {
        t.is(m.effects.map(function (e) {
            return e[1].text;
        }), ['one', 'two'], 'leaves its log lines only');
    });
}


function run(r) {
    tap.serve(r, {each_effect_in_order, any_value_is_logged,
                  functions_return_undefined, meta_as_it_was, bad_session,
                  bad_event_name, refused_by_the_module, failed_run});
}


export default {run};
