/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import mock from 'mock.js';
import phase from 'phase.js';
import tap from 'tap.js';


function own(args, n) {
    return mock.later(2, mock.reply(200, JSON.stringify([{n: n}])));
}


function answer(spec, n) {
    return mock.later(2, mock.reply(200 + n, '{"n":' + n + '}'));
}


/* what fn(SysUtility, ae) gives, as the last run saw it */

function with_system(fn, options, name) {
    var got;

    options = options || {};
    options.phase = options.phase || 'response';
    options.text = options.text || '{"a":1}';
    options.own = options.own || own;
    options.answer = options.answer || answer;

    options.handlers = phase.list(function (ae) {
        got = undefined;
        got = fn(ae.get(name || 'SysUtility'), ae);
    });

    return phase.run(options).then(function (m) {
        m.got = got;

        return m;
    });
}


function resources(t) {
    return with_system(function (system) {
        return [
            system.getResource('demo:customer'),
            system.getResource('Purchase Orders', {
                filter: '"id" = 1', order: 'a desc', pagesize: 10, offset: 0,
                sysfilter: ['equal(a:1)', 'less(b:2)'], sysorder: null,
                procArgs: {x: 1}
            }),
            system.getResourceAsString('text')
        ];

    }).then(function (m) {
        t.is([m.error, m.own], [null, [
            'to=demo%3Acustomer',
            'to=Purchase%20Orders&filter=%22id%22%20%3D%201&order=a%20desc'
            + '&pagesize=10&offset=0&sysfilter=equal(a%3A1)'
            + '&sysfilter=less(b%3A2)&procArgs=%7B%22x%22%3A1%7D',
            'to=text'
        ]], 'each is asked once, settings are arguments');
        t.is(m.got, [[{n: 1}], [{n: 2}], '[{"n":3}]'],
             'vector 14: arrays and a text');
    });
}


function resources_fail(t) {
    function own(args, n) {
        return Promise.resolve(
            n === 1 ? mock.reply(404, '{"errorMessage":"no such"}')
            : n === 2 ? mock.unreachable('too deep')
            : n === 3 ? mock.reply(200, 'no JSON') : mock.reply(204, ''));
    }

    return with_system(function (system) {
        return ['a', 'b', 'c', 'd'].map(function (name) {
            try {
                return system.getResource(name);

            } catch (e) {
                return e.message;
            }
        });

    }, {own: own}).then(function (m) {
        t.is(m.got, ['getResource("a"): status 404, no such',
                     'getResource("b"): too deep',
                     'getResource("c"): the answer is not JSON', null],
             'vector 14: errors that can be caught');
        t.is([m.status, m.own.length], [200, 4], 'once each');
    });
}


function rest_calls(t) {
    return with_system(function (system) {
        return [
            system.restGet('http://a/x', {q: 'a b', r: [1, 2]},
                           {headers: {'X-A': 'y'}}),
            system.restPost('http://a/?k=1', {l: 2}, null, {d: 1}),
            system.restPut('http://a', null, {headers: {
                'content-type': 'text/plain'
            }}, 'text'),
            system.restPatch('http://a', {}, {}, [1]),
            system.restDelete('http://a', {checksum: 'override'})
        ];

    }, {phase: 'request'}).then(function (m) {
        t.is([m.error, m.got], [null, ['{"n":1}', '{"n":2}', '{"n":3}',
                                       '{"n":4}', '{"n":5}']],
             'vector 14: bodies as texts');
        t.is(m.calls.map(function (call) {
            return [call.method, call.spec.url, call.spec.headers, call.body,
                    call.made];
        }), [
            ['GET', 'http://a/x?q=a%20b&r=1&r=2', {'X-A': 'y'}, '', 1],
            ['POST', 'http://a/?k=1&l=2',
             {'Content-Type': 'application/json'}, '{"d":1}', 1],
            ['PUT', 'http://a', {'content-type': 'text/plain'}, 'text', 1],
            ['PATCH', 'http://a', {'Content-Type': 'application/json'}, '[1]',
             1],
            ['DELETE', 'http://a?checksum=override', {}, '', 1]
        ], 'the calls, each made once');
    });
}


function rest_fails(t) {
    return with_system(function (system) {
        try {
            return system.restGet('http://a');

        } catch (e) {
            return 'caught ' + e.message;
        }

    }, {answer: function () {
        return mock.unreachable('refused');

    }}).then(function (m) {
        t.is([m.status, m.got], [200, 'caught GET http://a: refused'],
             'vector 14: an error that can be caught');
    });
}


function objects(t) {
    return with_system(function (system) {
        return [system.restGet('http://a'), system.getFunction('f', {a: 1}),
                system.getResource('r')];

    }, {}, 'SysUtilityV2').then(function (m) {
        t.is(m.got, [{n: 1}, [{n: 1}], [{n: 2}]], 'of the second version');
    });
}


function others(t) {
    return with_system(function (system) {
        function error(name) {
            try {
                return system[name]('a', 'b');

            } catch (e) {
                return e.message;
            }
        }

        return [system.getFunction('f', {a: 1}),
                system.getProjectInfo().urlFragment,
                system.getTeamSpaceInfo().urlFragment,
                error('findEntities'), error('publishMessage')];

    }).then(function (m) {
        t.is(m.own, ['to=f&a=1'], 'a function is a resource with arguments');
        t.is(m.got.slice(0, 3), ['[{"n":1}]', 'a1', 'o1'], 'api and org');
        t.like(m.got[3], /^SysUtility\.findEntities\(\): .* getResource/,
               'what is not here says what to use');
        t.like(m.got[4], /use restPost/, 'as does another');
    });
}


/* two handlers: what a round did that was given up leaves no trace */

function given_up(t) {
    var runs = 0;

    return phase.run({phase: 'response', text: '{"a":1}', own: own,
                      handlers: phase.list(function (ae) {
        runs++;
        ae.json.first = (ae.json.first || 0) + 1;
        ae.get('log').info('first');
        ae.get('response').header('X-A', '1');
        ae.get('req').setUserProperty('p', runs);

    }, function (ae) {
        ae.get('log').info('second');

        try {
            ae.json.got = ae.get('SysUtility').getResource('r')[0].n;
            ae.json.more = ae.get('SysUtility').getResource('s')[0].n;

        } catch (e) {
            ae.get('log').info('caught');
        }

    })}).then(function (m) {
        t.is(runs, 3, 'the first ran three times');
        t.is([m.status, m.text],
             [202, '{"a":1,"first":1,"got":1,"more":2}'],
             'a fresh json for each');
        t.is(m.log, [['info', 'h0.js', 'first'], ['info', 'h1.js', 'second']],
             'lines of the last');
        t.is(m.result, {headers: [['X-A', '1']]}, 'headers of the last');
        t.is(m.own.length, 2, 'two reads');
    });
}


function not_repeated(t) {
    var runs = 0;

    return with_system(function (system) {
        return system.getResource('r' + runs++);

    }).then(function (m) {
        t.is(m.status, 500, 'another call is an error');
        t.like(m.error.errorMessage, /does not repeat itself: call 1 was own/,
               'its text');
    });
}


function too_many(t) {
    return with_system(function (system) {
        var i;

        for (i = 0; i < 200; i++) {
            system.getResource('r');
        }

    }).then(function (m) {
        t.is([m.status, m.error.errorMessage, m.own.length],
             [500, 'more than 100 calls', 100], 'end the run');
    });
}


function odd_arguments(t) {
    return with_system(function (system) {
        system.restPost('http://h/', null, {headers: {A: null, B: 1}},
                        with_system);
        system.restGet('http://h/', 'a=1');

    }).then(function (m) {
        t.is([m.calls[0].spec.headers, m.calls[0].body],
             [{B: '1', 'Content-Type': 'application/json'}, ''],
             'null is no header, a function no text');
        t.is(m.error.errorMessage, 'an object of arguments is expected',
             'a text is no object');
    });
}


function run(r) {
    tap.serve(r, {resources, resources_fail, rest_calls, rest_fails, objects,
                  others, given_up, not_repeated, too_many,
                  odd_arguments});
}


export default {run};
