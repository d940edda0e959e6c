/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import phase from 'phase.js';
import tap from 'tap.js';


function respond() {
    return phase.run({phase: 'response', text: '{}',
                      handlers: Array.prototype.slice.call(arguments)});
}


function builder(fn) {
    return respond(function (ae) {
        fn(ae.get('response'), ae);

    }).then(function (m) {
        return m.error === null ? m.result : m.error.errorMessage;
    });
}


function documented(t) {
    return respond(function (ae) {
        var NewCookie = ae.get('Java').type('javax.ws.rs.core.NewCookie');
        var cookie = new NewCookie('MyCookie', 'My cookie value');

        ae.get('response').cookie(cookie);
        ae.get('response').header('X-my-special-header', 'My header value');
        ae.get('response').status(299);

    }, function (ae) {
        ae.get('response').header('X-my-special-header', 'more');

    }).then(function (m) {
        t.is([m.status, m.result], [200, {status: 299, headers: [
            ['Set-Cookie', 'MyCookie="My cookie value"'],
            ['X-my-special-header', 'My header value'],
            ['X-my-special-header', 'more']
        ]}], 'vector 9: status, headers and a cookie of two handlers');
    });
}


function methods(t) {
    return builder(function (response) {
        response.status('201').header('A', 1).header('A', null)
                .type('text/plain').language('en_US').location('/x')
                .contentLocation('/y').tag('v1').tag('W/"v2"')
                .lastModified(new Date(0)).expires(new Date(1000))
                .cacheControl({maxAge: 5, noStore: true})
                .variant({mediaType: 'a/b', encoding: 'gzip'})
                .link('/n', 'next').links('<a>', '<b>')
                .encoding(null).allow('GET', 'PUT');

    }).then(function (result) {
        t.is(result, {status: 201, headers: [
            ['A', '1'], ['A', null],
            ['Content-Type', null], ['Content-Type', 'text/plain'],
            ['Content-Language', null], ['Content-Language', 'en-US'],
            ['Location', null], ['Location', '/x'],
            ['Content-Location', null], ['Content-Location', '/y'],
            ['ETag', null], ['ETag', '"v1"'],
            ['ETag', null], ['ETag', 'W/"v2"'],
            ['Last-Modified', null],
            ['Last-Modified', 'Thu, 01 Jan 1970 00:00:00 GMT'],
            ['Expires', null], ['Expires', 'Thu, 01 Jan 1970 00:00:01 GMT'],
            ['Cache-Control', null], ['Cache-Control', 'no-store, max-age=5'],
            ['Content-Type', null], ['Content-Type', 'a/b'],
            ['Content-Language', null],
            ['Content-Encoding', null], ['Content-Encoding', 'gzip'],
            ['Link', '</n>; rel="next"'], ['Link', '<a>'], ['Link', '<b>'],
            ['Content-Encoding', null], ['Allow', null], ['Allow', 'GET, PUT']
        ]}, 'all can be chained');
    });
}


function replaced(t) {
    return builder(function (response) {
        response.header('A', '1').replaceAll({B: ['2', '3'], C: 4});

    }).then(function (result) {
        t.is(result, {headers: [['B', '2'], ['B', '3'], ['C', '4']]},
             'by other headers');
    });
}


function refused(t) {
    return Promise.all([
        builder(function (response) {
            response.status(99);
        }),
        builder(function (response) {
            response.header('A', 'x\r\nB: y');
        }),
        builder(function (response) {
            response.header('A b', 'x');
        }),
        builder(function (response) {
            response.entity('x');
        }),
        builder(function (response) {
            response.expires(new Date('soon'));
        }),
        builder(function (response, ae) {
            ae.get('Java').type('constructor');
        })

    ]).then(function (got) {
        t.like(got.pop(), /^Java.type\("constructor"\): there is no/, 'a class');
        t.is(got, ['response.status(): "99" is no status from 100 to 599',
                   'header "A": its value has a line break or another control '
                   + 'character', '"A b" is no header name',
                   'response.entity(): assign json instead',
                   'response: "Invalid Date" is no date'], 'errors');
    });
}


function of_the_server(t) {
    return respond(function (ae) {
        ae.get('response').header('Content-Length', '5').header('te', 'x')
                          .header('Connection', 'close');

    }).then(function (m) {
        t.is([m.result, m.log.length], [null, 3], 'are left out and logged');
    });
}


function cookies(t) {
    return builder(function (response, ae) {
        var C = ae.get('NewCookie');

        response.cookie(new C('a', 'b'), new C('c', 'd', '/', 'x.test',
                        'comment', 60, true, true));
        response.cookie(new C('e', '', '/p', null, 1, 'comment', 0,
                              new Date(0), true, false));
        response.cookie(new C('f', 'a"b c'));
        response.cookie(new C('g', 'h', '/', null, 1, 'comment', '60', true));

    }).then(function (result) {
        t.is(result.headers.map(function (h) {
            return h[1];
        }), [
            'a=b', 'c=d; Path=/; Domain=x.test; Max-Age=60; Secure; HttpOnly',
            'e=; Path=/p; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; '
            + 'Secure', 'f="a\\"b c"', 'g=h; Path=/; Max-Age=60; Secure'
        ], 'four forms');
    });
}


function bad_cookies(t) {
    function error_of(name, value, path, age, expiry) {
        return builder(function (response, ae) {
            response.cookie(new (ae.get('NewCookie'))(name, value, path, null,
                            1, null, age, expiry, true, true));
        });
    }

    return Promise.all([
        error_of('a b', 'c'), error_of('a\n', 'c'),
        error_of('a', 'b', '/; Secure'), error_of('a', 'b\r\nc'),
        error_of('a', 'b; Domain=x.test'), error_of('a', 'b', '/', 1.5),
        error_of('a', 'b', '/', Infinity), error_of('a', 'b', '/', 'soon'),
        error_of('a', 'b', '/', 1, new Date(NaN))

    ]).then(function (got) {
        t.is(got[0], 'NewCookie: the name is no cookie name', 'name');
        t.is(got[1], 'NewCookie: the name is no cookie name', 'line feed');
        t.like(got[2], /^NewCookie: the path has/, 'path');
        t.like(got[3], /^header "Set-Cookie": its value has a line/, 'value');
        t.like(got[4], /^NewCookie: the value has a ";"/, 'no attributes');
        t.is(got.slice(5, 8).map(function (text) {
            return text.replace(/^NewCookie: the age /, '');

        }), ['"1.5" is no number of seconds',
             '"Infinity" is no number of seconds',
             '"soon" is no number of seconds'], 'age');
        t.is(got[8], 'NewCookie: the expiry "Invalid Date" is no Date',
             'expiry');
    });
}


function java(t) {
    return respond(function (ae) {
        ae.get('Java').type('java.lang.System').out.println('out');
        ae.get('java').lang.System.out.println('again');
        ae.get('print')('printed');
        ae.get('Java').type('java.util.HashMap');

    }).then(function (m) {
        t.is(m.log.slice(0, 3), [['info', 'h0.js', 'out'],
                                 ['info', 'h0.js', 'again'],
                                 ['info', 'h0.js', 'printed']],
             'lines of a log that failed');
        t.like(m.error.errorMessage, /^Java\.type\("java\.util\.HashMap"\): /,
               'no other class');
    });
}


function log_levels(t) {
    return respond(function (ae) {
        var log = ae.get('log');

        log.error('e');
        log.warning('w');
        log.info('i');
        log.debug('d');
        log.finer('f');
        log.finest({a: 1});

        if (log.isInfoEnabled() && !log.isFinestEnabled()) {
            log.info('guarded');
        }

    }).then(function (m) {
        t.is(m.log.map(function (line) {
            return line[0] + ' ' + line[2];
        }), ['error e', 'warn w', 'info i', 'debug d', 'debug f',
             'debug [object Object]', 'info guarded'], 'and texts');
    });
}


function preflight(map, origin) {
    return phase.run({phase: 'options', headers: {Origin: origin},
                      handlers: phase.list(function () {
                          return map;
                      })})
    .then(function (m) {
        return m.error === null ? [m.result, m.log.length]
                                : m.error.errorMessage;
    });
}


function options(t) {
    var origins = 'https://internal.acme.com, https://safe.acme.com';

    function with_origin(value, origin) {
        return preflight({'Access-Control-Allow-Origin': value}, origin)
        .then(function (got) {
            return got[0].headers.map(function (h) {
                return h[1];
            });
        });
    }

    return Promise.all([
        preflight({'Access-Control-Max-Age': 2400, 'X-L': ['a', 'b'],
                   'X-N': null, HTTPStatusCode: 204}),
        preflight({HTTPStatusCode: '201'}), preflight({HTTPStatusCode: 600}),
        preflight({HTTPStatusCode: 'x'}), preflight(undefined),
        preflight({A: 'b\nc'}),
        with_origin(origins, 'https://safe.acme.com'),
        with_origin(origins, 'https://other.acme.com'),
        with_origin(['https://a', '*'], 'https://b'),
        with_origin('https://a', 'https://b'), with_origin(origins, undefined)

    ]).then(function (got) {
        t.is(got.slice(0, 5), [
            [{status: 204, headers: [['Access-Control-Max-Age', '2400'],
                                     ['X-L', 'a, b']]}, 0],
            [{status: 201, headers: []}, 0],
            [{status: 200, headers: []}, 1],
            [{status: 200, headers: []}, 1],
            [{status: 200, headers: []}, 0]
        ], 'vector 12: HTTPStatusCode is the status');
        t.like(got[5], /^header "A": its value has a line break/,
               'no second header');
        t.is(got.slice(6), [
            ['https://safe.acme.com', 'Origin'], ['Origin'], ['*', 'Origin'],
            ['https://a'], ['Origin']
        ], 'vector 12: the origin that asks');
    });
}


function run(r) {
    tap.serve(r, {documented, methods, replaced, refused, of_the_server,
                  cookies, bad_cookies, java, log_levels, options});
}


export default {run};
