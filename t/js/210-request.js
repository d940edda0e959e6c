/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import phase from 'phase.js';
import tap from 'tap.js';


/* what fn(req, ae) returns, in JSON's terms */

function of_req(options, fn) {
    var got;

    options.handlers = phase.list(function (ae) {
        got = fn(ae.get('req'), ae);
    });

    return phase.run(options).then(function (m) {
        return m.error === null ? got : m.error.errorMessage;
    });
}


function basics(t) {
    return of_req({method: 'PUT'}, function (req) {
        return [req.verb, req.verb === 'PUT', req.verb == 'PUT',
                req.resourceName === 'customers', req.clientAddress,
                req.clientUsesHttps];

    }).then(function (got) {
        t.is(got, ['PUT', true, true, true, '192.0.2.7', false],
             'vector 13: strings of JavaScript');
    });
}


function parameters(t) {
    return of_req({args: {a: '1', b: ['x', 'y']}}, function (req) {
        var p = req.urlParameters;

        return [p.a, p.b, p.missing == null, p.missing === undefined,
                JSON.parse(p), p === req.urlParameters];

    }).then(function (got) {
        t.is(got, ['1', ['x', 'y'], true, true, {a: '1', b: ['x', 'y']},
                   true], 'vector 10: a missing one is like null');
    });
}


function parameters_of_any_name(t) {
    var args = JSON.parse('{"toString": "1", "__proto__": ["x", "y"]}');

    return of_req({args: args}, function (req) {
        var p = req.urlParameters;

        return [Object.keys(p).sort(), p[0], p.length, String(p)];

    }).then(function (got) {
        t.is(got, [['__proto__', 'toString'], null, null,
                   '{"__proto__":["x","y"]}'], 'are no members of others');
    });
}


function addresses(t) {
    function urls(variables) {
        return of_req({variables: variables}, function (req) {
            return [req.baseUrl, req.getBaseUrl(), req.localBaseUrl,
                    req.fullBaseURL, req.localFullBaseURL];
        });
    }

    return Promise.all([
        urls({https: 'on'}),
        urls({apievents_base: '/api/v1/', caller: '{"version":"v1"}'}),
        urls({caller: '{"version":"v1"}'})

    ]).then(function (got) {
        t.is(got, [
            ['https://api.test:8080/api/', 'https://api.test:8080/api/',
             'https://localhost:8080/api/', 'https://api.test:8080/api/',
             'https://localhost:8080/api/'],
            ['http://api.test:8080/api/', 'http://api.test:8080/api/',
             'http://localhost:8080/api/', 'http://api.test:8080/api/v1/',
             'http://localhost:8080/api/v1/'],
            ['http://api.test:8080/api/', 'http://api.test:8080/api/',
             'http://localhost:8080/api/', 'http://api.test:8080/api/',
             'http://localhost:8080/api/']
        ], 'with and without a version in the path');
    });
}


function caller(t) {
    return Promise.all([
        of_req({}, function (req) {
            return [req.apiKey.getUserIdentifier(),
                    req.getApiKey().getUserIdentifier(),
                    req.apiVersion.getName()];
        }),
        of_req({variables: {caller: '{"user":null,"version":"v1"}'}},
               function (req) {
            return [req.apiKey.getUserIdentifier(), req.apiVersion.getName()];
        })

    ]).then(function (got) {
        t.is(got, [['ann', 'ann', ''], [null, 'v1']], 'user and version');
    });
}


function body(t) {
    function json(kind, variables) {
        return of_req({phase: kind, text: '{"t":1}', variables: variables},
                      function (req) {
            return req.json;
        });
    }

    return Promise.all([
        json('request', {apievents_text: 'b'}),
        json('response', {apievents_text: 'b'}),
        json('error', {apievents_text: 'b'}), json('response'),
        json('options', {apievents_text: 'b'})

    ]).then(function (got) {
        t.is(got, ['b', 'b', 'b', null, null],
             'vector 10: the body, as the client sent it');
    });
}


var HEADERS = {Host: 'h', 'Content-Type': 'text/plain', 'X-A': '1',
               'x-low': '2', 'x-gone': '3', 'x-AS-sent': '4',
               Authorization: 'Basic x', 'Content-Length': '3',
               'X-Key': 'k'};


function run_headers(fn) {
    return phase.run({headers: HEADERS, handlers: phase.list(fn),
                      variables: {hidden: 'authorization,x-key'}});
}


function sorted(headers) {
    return Object.keys(headers).sort().map(function (name) {
        return [name, headers[name]];
    });
}


function headers_are_read(t) {
    var got;

    return run_headers(function (ae) {
        var h = ae.get('headers'), h2 = ae.get('req').httpHeaders;

        got = [h['content-type'], h['Content-Type'], h['X-Low'],
               h.authorization,
               h.Authorization, h['x-key'], Object.keys(h).sort().join(),
               h2['content-type'], h2['X-A'], h2.authorization];

    }).then(function (m) {
        t.is([m.status, m.result], [200, null], 'reading changes nothing');
        t.is(got, ['text/plain', 'text/plain', '2', undefined, undefined,
                   undefined, 'content-length,content-type,host,x-a,x-as-sent,'
                   + 'x-gone,x-low',
                   'text/plain', '1', undefined], 'vector 11: headers');
    });
}


function headers_are_changed(t) {
    return run_headers(function (ae) {
        var h = ae.get('headers');

        h['X-A'] = 'one';
        h['X-New'] = ['a', 'b'];
        h.host = null;
        delete h['x-low'];
        delete h['X-Gone'];
        delete h['X-As-Sent'];
        h['content-length'] = '9';
        h.Connection = 'close';

    }).then(function (m) {
        t.is(sorted(m.result.headers), [
            ['host', null], ['x-a', 'one'], ['x-as-sent', null],
            ['x-gone', null], ['x-low', null], ['x-new', 'a, b']
        ], 'what differs');
        t.is(m.log.map(function (line) {
            return line[2];

        }).sort(), ['header "Connection" is not set: it is the server\'s own',
                    'header "content-length" is not set: it is the server\'s '
                    + 'own'],
             'what is not set');
    });
}


function headers_are_replaced(t) {
    return run_headers(function (ae) {
        ae.get('headers');
        ae.put('headers', {'Content-Type': 'text/plain', 'X-A': 2});

    }).then(function (m) {
        t.is(sorted(m.result.headers), [
            ['host', null], ['x-a', '2'], ['x-as-sent', null],
            ['x-gone', null], ['x-low', null]
        ],
             'by another object');
        t.is(m.log, [], 'lengths stay silently');
    });
}


function headers_cannot_be(t) {
    function set(name, value) {
        return run_headers(function (ae) {
            ae.get('headers')[name] = value;

        }).then(function (m) {
            return [m.status, m.error && m.error.errorMessage];
        });
    }

    return Promise.all([
        set('x-b', 'a\r\nX-C: d'), set('x b', 'v'), set('x\ny', 'v'),
        set('x-b', 'tab\there'), set('x-b\n', 'v'), set('', 'v')

    ]).then(function (got) {
        t.is(got, [
            [500, 'header "x-b": its value has a line break or another '
                  + 'control character'],
            [500, '"x b" is no header name'],
            [500, '"x?y" is no header name'],
            [200, null],
            [500, '"x-b?" is no header name'],
            [500, '"" is no header name']
        ], 'what would be more than one');
    });
}


/* what an object has already is no header */

function headers_of_any_name(t) {
    var headers = {toString: 'a', valueOf: 'b', constructor: 'c',
                   hasOwnProperty: 'd', host: 'h'};

    function run(fn) {
        return phase.run({headers: headers, handlers: phase.list(fn)});
    }

    return run(function (ae) {
        ae.get('headers');

    }).then(function (m) {
        t.is(m.result, null, 'those that nobody touched stay');

        return run(function (ae) {
            delete ae.get('headers').constructor;
            delete ae.get('headers').toString;
        });

    }).then(function (m) {
        t.is(sorted(m.result.headers), [['constructor', null],
                                        ['tostring', null]],
             'those that were deleted go');
    });
}


function inherited_members(t) {
    return run_headers(function (ae) {
        var h = ae.get('headers');

        Object.prototype.added = function () {
            return 1;
        };

        h['x-a'] = '3';
        ae.put('headers', h);

    }).then(function (m) {
        delete Object.prototype.added;
        t.is(m.result, {headers: {'x-a': '3'}}, 'are no headers');
    });
}


function run(r) {
    tap.serve(r, {basics, parameters, parameters_of_any_name, addresses,
                  caller, body, headers_are_read, headers_are_changed,
                  headers_are_replaced, headers_cannot_be,
                  headers_of_any_name, inherited_members});
}


export default {run};
