/*
 * Copyright (C) the ngx_http_apievents_module authors
 */

import ae from 'apievents.js';
import mock from 'mock.js';
import tap from 'tap.js';


/* the calls of a script by real subrequests, to endpoint.js */

function real_calls(t, r) {
    var m = mock.request({real: r});

    ae.event(m.r, mock.script(function (env) {
        function make(method, body) {
            var text = env.TykMakeHttpRequest(JSON.stringify({
                Method: method, Domain: 'http://a', Body: body
            }));

            env.log(text);

            return text === undefined ? undefined : JSON.parse(text);
        }

        var first = make('PUT', 'b\u00f6dy'), second = make('PURGE', '');

        t.is([first.Code, first.Body, first.Headers['Content-Type'],
              first.Headers['X-Lower-Case'], first.Headers['Set-Cookie']],
             [201, '["PUT","1","b\u00f6dy"]', ['application/json'], ['yes'],
              ['a=1', 'b=2']], 'status, body and headers');
        t.is(second.Body, '["PURGE","2",""]', 'a method of its own');
        t.ok(make('GET', '') === undefined, 'nobody answered');
        t.is(make('HEAD', '').Body, '', 'no body');
    }), 'h');

    return m.done.then(function (reply) {
        t.is(reply.error, null, 'no error');
        t.is(m.calls.length, 4, 'four calls');
    });
}


function real_batch(t, r) {
    var m = mock.request({real: r});

    ae.event(m.r, mock.script(function (env) {
        var i, batch = {requests: []};

        for (i = 0; i < 20; i++) {
            batch.requests.push({method: 'POST', relative_url: 'http://a',
                                 body: 'body ' + i});
        }

        env.log(env.TykBatchRequest(JSON.stringify(batch)));
    }), 'h');

    return m.done.then(function (reply) {
        var got = JSON.parse(m.effects[m.effects.length - 1][1].text);

        t.is(reply.error, null, 'no error');
        t.ok(got.every(function (item, i) {
            return i === 2 ? item.code === 0
                           : item.body === JSON.stringify(
                                 ['POST', String(i + 1), 'body ' + i]);
        }), 'each answer is where it belongs');
    });
}


function real_module(t, r) {
    var m = mock.request({real: r});

    ae.module(m.r, async function (ctx) {
        let first = await ctx.http.request({method: 'PATCH', url: 'http://a',
                                            body: 'x'});
        let second = await ctx.http.request({url: 'http://a'});

        ctx.log(first.Body + second.Body);
    });

    return m.done.then(function (reply) {
        t.is([reply.error, m.effects[0][1].text],
             [null, '["PATCH","1","x"]["GET","2",""]'], 'answers');
    });
}


function run(r) {
    tap.serve(r, {real_calls, real_batch, real_module});
}


export default {run};
