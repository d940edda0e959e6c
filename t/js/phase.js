/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A request of the gate as the handlers of one phase see it, for a test to
 * hand to the runtime.
 */

import ae from 'inline.js';


/*
 * options: phase (request), text, method, args, headers, variables (without
 *     apievents_), handlers, and for subrequests
 *     answer(spec, n)  the reply of the n-th call
 *     own(args, n)     the reply of the n-th subrequest to the API itself
 *
 * handlers are functions: "name" of the function is that of the handler.  A
 * function (__ae) is a wrapped body, one of a "ctx" a module.
 *
 * A promise of {status, text, error, result, log, effects, calls, own,
 * properties}.
 */
function run(options) {
    var m = {effects: [], log: [], calls: [], own: [], result: null,
             properties: null};

    return new Promise(function (resolve) {
        ae.run(request(m, options, resolve), options.phase || 'request',
               list_of(options));

    }).then(function (answer) {
        m.status = answer.status;
        m.text = answer.text;
        m.error = answer.status === 500 ? JSON.parse(answer.text) : null;

        return m;
    });
}


function list_of(options) {
    var list = [];

    options.handlers.forEach(function (fn, i) {
        list.push(fn, fn.file || 'h' + i + '.js', options.timeout || 5000,
                  fn.module ? 1 : 0);
    });

    return list;
}


/* njs 0.7.9 damages the number 0 where an array literal has a function */

function list() {
    return Array.prototype.slice.call(arguments);
}


function module(fn) {
    fn.module = true;

    return fn;
}


function request(m, options, resolve) {
    return {
        requestText: options.text || '',
        method: options.method || 'POST',
        args: options.args || {},
        headersIn: headers_in(options.headers || {Host: 'api.test:8080'}),
        remoteAddress: '192.0.2.7',
        httpVersion: '1.1',
        variables: variables(m, options),

        subrequest: function (uri, args) {
            return subrequest(m, options, uri, args);
        },

        return: function (status, text) {
            resolve({status: status, text: text});
        }
    };
}


/* they are found in any case */

function headers_in(headers) {
    var found = Object.create(null);

    Object.keys(headers).forEach(function (name) {
        found[name] = headers[name];
        Object.defineProperty(found, name.toUpperCase(), {
            value: headers[name], enumerable: name === name.toUpperCase()
        });
    });

    return found;
}


function variables(m, options) {
    var name, given = options.variables || {}, v = {
        https: '', host: 'api.test', server_port: '8080',
        request_uri: '/api/customers', apievents_base: '/api/',
        apievents_resource: 'customers', apievents_hidden: 'authorization',
        apievents_caller: '{"user":"ann","key":"k1","api":"a1","org":"o1",'
                          + '"version":""}',
        apievents_text: '', apievents_kind: 'json', apievents_log_level: '7'
    };

    for (name in given) {
        if (name === 'properties') {
            continue;
        }

        v[name in v ? name : 'apievents_' + name] = given[name];
    }

    Object.defineProperty(v, 'apievents_properties', {
        get: function () {
            return given.properties || '';
        },

        set: function (text) {
            m.properties = text;
        }
    });

    function add(name, set) {
        var answer = '';

        Object.defineProperty(v, 'apievents_' + name, {
            get: function () {
                return answer;
            },

            set: function (text) {
                answer = set(JSON.parse(text)) || '';
            }
        });
    }

    add('result', function (value) {
        m.result = value;
    });

    add('log', function (line) {
        m.log.push([line.level, line.script, line.text]);
    });

    ['set_key', 'raise'].forEach(function (name) {
        add(name, function (value) {
            m.effects.push([name, value]);

            return (options.errors || {})[name];
        });
    });

    add('call', function (spec) {
        var reply;

        m.calls.push({spec: spec, made: 0});
        reply = options.answer(spec, m.calls.length);
        m.calls[m.calls.length - 1].reply = reply;

        return typeof reply === 'string' ? reply : String(m.calls.length);
    });

    return v;
}


function subrequest(m, options, uri, args) {
    var call;

    if (uri === '/_ae/own') {
        m.own.push(args.args);

        return Promise.resolve(options.own(args.args, m.own.length));
    }

    if (uri !== '/_ae/call') {
        throw new Error('unexpected subrequest ' + uri + '?' + args.args);
    }

    call = m.calls[Number(args.args.slice(3)) - 1];
    call.made++;
    call.method = args.method;
    call.body = args.body;

    return Promise.resolve(call.reply);
}


export default {run, list, module};
