/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import phase from 'phase.js';
import tap from 'tap.js';


var BODY = '{"a": 1, "n": 9007199254740993}';


function set_json(value) {
    return function (ae) {
        ae.json = value;
    };
}


/* runs as {phase: ...} of options, and what a handler made of the text */

function answer_to(kind, text, handler, variables) {
    return phase.run({phase: kind, text: text, handlers: phase.list(handler),
                      variables: variables})
    .then(function (m) {
        return [m.status, m.text];
    });
}


function all_are(t, cases) {
    return Promise.all(cases.map(function (c) {
        return answer_to(c[1], c[2], c[3], c[4]).then(function (got) {
            t.is(got, c[5], c[0]);
        });
    }));
}


function nothing() {
}


function unchanged(t) {
    return all_are(t, [
        ['request', 'request', BODY, nothing, {}, [200, '']],
        ['no body', 'request', '', nothing, {}, [200, '']],
        ['same text', 'request', BODY, set_json(BODY), {}, [200, '']],
        ['response', 'response', BODY, nothing, {}, [200, '']],
        ['empty response', 'response', '', nothing, {}, [200, '']],
        ['plain', 'response', '{"a":1}', nothing, {kind: 'plain'}, [200, '']],
        ['number', 'response', ' 5 ', nothing, {}, [200, '']],
        ['string', 'response', ' "s"', nothing, {}, [200, '']],
        ['text', 'response', 'plain', nothing, {kind: 'text'}, [200, '']],
        ['no JSON', 'response', '{"a', nothing, {}, [200, '']],
        ['error', 'error', '{"statusCode": 401}', nothing, {}, [200, '']]
    ]);
}


function changed(t) {
    return all_are(t, [
        ['request', 'request', BODY, set_json('new'), {}, [202, 'new']],
        ['vector 2: empty', 'request', BODY, set_json(null), {}, [202, '']],
        ['not a string', 'request', '', set_json([1]), {}, [202, '[1]']],
        ['vector 8: array', 'response', BODY, set_json(['x']), {},
         [202, '["x"]']],
        ['vector 8: number', 'response', BODY, set_json(5), {}, [202, '[5]']],
        ['vector 8: string', 'response', BODY, set_json('s'), {},
         [202, '["s"]']],
        ['vector 8: null', 'response', BODY, set_json(null), {},
         [202, '[null]']],
        ['vector 8: undefined', 'response', BODY, set_json(undefined), {},
         [202, '[null]']],
        ['plain', 'response', '{"a":1}', function (ae) {
            ae.json.a = 2;
        }, {kind: 'plain'}, [202, '{"a":2}']],
        ['text', 'response', 'plain', set_json('s'), {kind: 'text'},
         [202, 's']],
        ['text into object', 'response', 'plain', set_json({a: 1}),
         {kind: 'text'}, [202, '{"a":1}']],
        ['error', 'error', '{"statusCode":401}', set_json('s'), {},
         [202, '"s"']]
    ]);
}


function inputs(t) {
    function seen(kind, text, variables) {
        var json;

        return phase.run({phase: kind, text: text, variables: variables,
                          handlers: phase.list(function (ae) {
                              json = ae.json;
                          })})
        .then(function () {
            return json;
        });
    }

    return Promise.all([
        seen('request', BODY), seen('request', ''),
        seen('response', '[1]'), seen('response', '[1]', {kind: 'text'}),
        seen('response', ''), seen('error', '{"statusCode": 404}'),
        seen('options', '')

    ]).then(function (got) {
        t.is(got, [BODY, null, [1], '[1]', null, {statusCode: 404}, null],
             'json of each phase');
    });
}


function in_order(t) {
    return phase.run({text: 'x', handlers: phase.list(
        function (ae) {
            ae.json += 'a';
            return;
        },
        phase.module(function (ctx) {
            ctx.json += 'b';
        }),
        phase.module(function (ctx) {
            return Promise.resolve().then(function () {
                ctx.json += 'c';
            });
        }),
        function (ae) {
            ae.json += 'd';
        }

    )}).then(function (m) {
        t.is([m.status, m.text], [202, 'xabcd'],
             'vector 3: the next sees what the last made of it');
    });
}


function thrown(t) {
    var loop = {};

    function threw(value, kind) {
        return phase.run({phase: kind || 'request', text: '{}',
                          handlers: phase.list(
            function () {
                throw value;
            },
            function () {
                throw new Error('not reached');
            }
        )});
    }

    loop.loop = loop;

    return Promise.all([
        threw('Use HTTPS'), threw(new Error('an error')), threw({a: 1}),
        threw({statusCode: 403, errorCode: 7, errorMessage: 'no', more: 1}),
        threw({statusCode: 42, message: 'm'}), threw(null), threw(undefined),
        threw('again', 'response'), threw('again', 'error'),
        threw({errorCode: loop, message: 'm'}), threw(loop),
        threw({message: Object.create(null)})

    ]).then(function (all) {
        t.is(all.map(function (m) {
            return [m.status, m.error.statusCode, m.error.errorCode,
                    m.error.errorMessage];
        }), [
            [500, 500, 50029, 'Use HTTPS'],
            [500, 500, 50029, 'an error'],
            [500, 500, 50029, '{"a":1}'],
            [500, 403, 7, 'no'],
            [500, 500, 50029, 'm'],
            [500, 500, 50029, 'null'],
            [500, 500, 50029, 'undefined'],
            [500, 500, 50029, 'again'],
            [500, 500, 50029, 'again'],
            [500, 500, 50029, 'm'],
            [500, 500, 50029, 'an object was thrown'],
            [500, 500, 50029, 'an object was thrown']
        ], 'vectors 4 and 5: the error');
        t.is(Object.keys(all[1].error).sort().join(),
             'errorCode,errorMessage,statusCode', 'vector 5: no stack');
        t.like(JSON.stringify(all[1].log),
               /^\[\["error","h0.js","an error( at [^"]*)?"\]\]$/,
               'the line of the log');
    });
}


function cannot_be_written(t) {
    var loop = {};

    loop.loop = loop;

    return phase.run({phase: 'response', text: '{}',
                      handlers: phase.list(set_json(loop))})
    .then(function (m) {
        t.is([m.status, m.error.statusCode, m.error.errorCode],
             [500, 500, 50029], 'vector 8: is an error');
    });
}


function status_of_error(t) {
    function result(json) {
        return phase.run({phase: 'error', text: '{"statusCode": 500}',
                          handlers: phase.list(set_json(json))})
        .then(function (m) {
            return m.result && m.result.status;
        });
    }

    return Promise.all([
        result({statusCode: 201}), result({statusCode: 99}),
        result({statusCode: 600}), result({statusCode: '201'}),
        result({statusCode: 200.5}), result({}), result(null)

    ]).then(function (got) {
        t.is(got, [201, null, null, null, null, null, null],
             'vector 6: an integer from 100 to 599');
    });
}


function java_strings(t) {
    var got, TEXT = '{"errorMessage":"Error: Hijack it"}';

    return phase.run({phase: 'error', text: TEXT,
                      handlers: phase.list(function (ae) {
        var text = ae.json.errorMessage;

        got = [text.contains('Hijack'), text.contains('none'),
               text.equals('Error: Hijack it'), text.equals('x'),
               text.equalsIgnoreCase('ERROR: hijack IT'),
               Object.keys(ae.json).length];
    })}).then(function () {
        t.is(got, [true, false, true, false, true, 1], 'have their methods');
    });
}


function run(r) {
    tap.serve(r, {unchanged, changed, inputs, in_order, thrown,
                  cannot_be_written, status_of_error, java_strings});
}


export default {run};
