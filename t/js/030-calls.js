/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import mock from 'mock.js';
import tap from 'tap.js';


/* the call that a request makes, and what the script gets for the reply */

function called(request, reply) {
    var got = {}, m = mock.request({
        answer: function () {
            return reply || mock.reply(200, 'ok', {});
        }
    });

    ae.event(m.r, mock.script(function (env) {
        got.text = env.TykMakeHttpRequest(request);
    }), 'h');

    return m.done.then(function (answer) {
        got.error = answer.error;
        got.call = m.calls[0];
        got.log = m.effects.map(function (e) {
            return e[1].level + ': ' + e[1].text;
        });

        return got;
    });
}


function full_request(t) {
    return called(JSON.stringify({
        Method: 'POST', Body: 'text', Headers: {'X-A': '1', accept: '*/*'},
        Domain: 'http://127.0.0.1:1', Resource: '/r?a=b', FormData: {x: 'y'}

    })).then(function (got) {
        var spec = got.call.spec;

        t.is(got.error, null, 'no error');
        t.ok(spec.timeout > 4000 && spec.timeout <= 5050, 'the timeout');
        t.is([spec.method, spec.url, spec.headers],
             ['POST', 'http://127.0.0.1:1/r?a=b', {'X-A': '1', accept: '*/*'}],
             'what the module is told');
        t.is([got.call.method, got.call.body], ['POST', 'text'],
             'the subrequest: a body wins over a form');
    });
}


function smallest_request(t) {
    return called('{"Domain": "http://a"}').then(function (got) {
        t.is([got.call.method, got.call.spec.url, got.call.spec.headers],
             ['GET', 'http://a', {}], 'defaults');
        t.is(got.call.body, '', 'an empty body, not that of the parent');
    });
}


function names_in_any_case(t) {
    return called('{"method": "delete", "domain": "http://a", '
                  + '"RESOURCE": "/b", "headers": {"A": "b"}, "body": "c"}')
    .then(function (got) {
        t.is([got.call.method, got.call.spec.url, got.call.spec.headers,
              got.call.body], ['DELETE', 'http://a/b', {A: 'b'}, 'c'],
             'as in Go');
    });
}


function form(t) {
    return called(JSON.stringify({
        Method: 'PUT', Domain: 'http://a',
        FormData: {z: 'a b&c=d', 'n m': "!'()*~-_.", e: '\u20ac', empty: ''}

    })).then(function (got) {
        t.is(got.call.body, 'e=%E2%82%AC&empty=&n+m=%21%27%28%29%2A~-_.'
             + '&z=a+b%26c%3Dd', 'is encoded, sorted by name');
        t.is(got.call.spec.headers, {}, 'no content type');
    });
}


function answer(t) {
    return called('{"Domain": "http://a"}', mock.reply(404, 'b\u00e4d', {
        'content-type': 'text/plain', 'X-REQUEST-id': 'r', 'ETag': '"e"',
        'Set-Cookie': ['a=1', 'b=2']

    })).then(function (got) {
        var headers = {'Content-Type': ['text/plain'], 'X-Request-Id': ['r'],
                       'Etag': ['"e"'], 'Set-Cookie': ['a=1', 'b=2']};

        t.is(JSON.parse(got.text),
             {Code: 404, Body: 'b\u00e4d', Headers: headers,
              code: 404, body: 'b\u00e4d', headers: headers}, 'the object');
        t.is(got.log, [], 'no complaint');
    });
}


function empty_answer(t) {
    return called('{"Domain": "http://a"}', mock.reply(204, undefined))
    .then(function (got) {
        t.is(JSON.parse(got.text), {Code: 204, Body: '', Headers: {},
                                    code: 204, body: '', headers: {}},
             'the object');
    });
}


function nobody_answered(t) {
    return called('{"Domain": "http://a"}',
                  mock.unreachable('connection refused'))
    .then(function (got) {
        t.is(got.error, null, 'is no error of the run');
        t.ok(got.text === undefined, 'undefined, as in Tyk');
        t.is(got.log, ['error: TykMakeHttpRequest: connection refused'],
             'and a log line');
    });
}


function bad_gateway_that_answered(t) {
    return called('{"Domain": "http://a"}', mock.reply(502, 'of the upstream'))
    .then(function (got) {
        t.is(JSON.parse(got.text).Code, 502, 'its code');
    });
}


function refused_by_the_module(t) {
    return called('{"Domain": "nonsense"}', 'error: invalid URL "nonsense"')
    .then(function (got) {
        t.is([got.error, got.text, got.call.made], [null, undefined, 0],
             'undefined, and no subrequest');
        t.is(got.log, ['error: TykMakeHttpRequest: invalid URL "nonsense"'],
             'and a log line');
    });
}


function not_a_request(t) {
    var cases = [undefined, '', 'null', '{"Method": ', '[', '1',
                 '{"Method": 1, "Domain": "http://a"}',
                 '{"Domain": "http://a", "Body": {}}',
                 '{"Domain": "http://a", "Headers": "A: b"}',
                 '{"Domain": "http://a", "Headers": {"A": 1}}',
                 '{"Domain": "http://a", "FormData": {"A": []}}',
                 '{"Domain": "http://a", "Method": "GET / HTTP/1.0\\r\\n"}',
                 '{"Domain": "http://a", "Method": "GET\\n"}'];

    return cases.reduce(function (last, value) {
        return last.then(function () {
            return called(value);

        }).then(function (got) {
            t.is([got.error, got.text, got.call], [null, undefined, undefined],
                 'no call for ' + value);
            t.like(got.log.join(), /^error: TykMakeHttpRequest: ./,
                   'but a log line');
        });
    }, Promise.resolve());
}


function run(r) {
    tap.serve(r, {full_request, smallest_request, names_in_any_case, form,
                  answer, empty_answer, nobody_answered,
                  bad_gateway_that_answered, refused_by_the_module,
                  not_a_request});
}


export default {run};
