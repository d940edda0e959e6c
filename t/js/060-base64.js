/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import mock from 'mock.js';
import tap from 'tap.js';


function with_env(t, fn) {
    var m = mock.request({});

    ae.event(m.r, mock.script(fn), 'h');

    return m.done.then(function (reply) {
        t.is(reply.error, null, 'no error of the run');

        return m;
    });
}


/* RFC 4648, section 10, and some UTF-8 */
var VECTORS = [
    ['', ''], ['f', 'Zg=='], ['fo', 'Zm8='], ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='], ['fooba', 'Zm9vYmE='], ['foobar', 'Zm9vYmFy'],
    ['h\u00e9\u20ac', 'aMOp4oKs'], ['\ud83d\ude00', '8J+YgA=='],
    ['??>>', 'Pz8+Pg==']
];


function vectors(t) {
    return with_env(t, function (env) {
        VECTORS.forEach(function (v) {
            var raw = v[1].replace(/=/g, '');

            t.is([env.b64enc(v[0]), env.rawb64enc(v[0])], [v[1], raw],
                 'encode "' + v[0] + '"');
            t.is([env.b64dec(v[1]), env.b64dec(raw), env.rawb64dec(raw)],
                 [v[0], v[0], v[0]], 'decode "' + v[1] + '"');
        });
    });
}


function line_breaks(t) {
    return with_env(t, function (env) {
        t.is([env.b64dec('Zm9v\r\nYg=\n=\n'), env.rawb64dec('Zm\n9vYg')],
             ['foob', 'foob'], 'are skipped, as in Go');
    });
}


function errors(t) {
    var padded = ['Zg=', 'Z', 'Zg===', '=', '====', 'Zg==Zg==', 'Zm9v!',
                  'Zm 9v', 'Pz8-', 'Zm9vY', '\u20ac'];

    return with_env(t, function (env) {
        padded.forEach(function (text) {
            t.ok(env.b64dec(text) === undefined
                 && env.rawb64dec(text) === undefined,
                 '"' + text + '" is undefined');
        });

        t.ok(env.rawb64dec('Zg==') === undefined, 'padding where there is '
             + 'none');

    }).then(function (m) {
        t.is(m.effects.length, padded.length * 2 + 1, 'all are logged');
    });
}


function other_types(t) {
    return with_env(t, function (env) {
        t.is([env.b64enc(12), env.b64enc(), env.b64enc(null)],
             ['MTI=', 'dW5kZWZpbmVk', 'bnVsbA=='], 'are text');
    });
}


function not_utf8(t) {
    return with_env(t, function (env) {
        t.is(env.b64dec('/0H+'), '\ufffdA\ufffd', 'is replaced');
    });
}


function long_text(t) {
    return with_env(t, function (env) {
        var text = 'x'.repeat(1000001);

        t.ok(env.b64dec(env.b64enc(text)) === text, 'of a megabyte');
    });
}


function run(r) {
    tap.serve(r, {vectors, line_breaks, errors, other_types, not_utf8,
                  long_text});
}


export default {run};
