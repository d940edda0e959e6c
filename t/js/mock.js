/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A request as the module would make it, for a test to hand to the runtime:
 * variables that keep what is set, and a table of answers for calls.
 */

/*
 * options: what the body of the request has, and
 *     answer(call, n)  the reply of the n-th call, or a promise of it, or a
 *                      string, "error: ..." for one that is refused
 *     keys             {'["key","api"]': session or a function returning it}
 *     errors           {name of an effect: "error: ..."}
 *     real             a request of njs, whose subrequests are made instead
 *
 * The mock has effects, calls, reads (of keys), and done, a promise of
 * {status, body}.
 */
function request(options) {
    var m = {effects: [], calls: [], reads: []};

    m.done = new Promise(function (resolve) {
        m.r = {
            requestText: options.text || body_of(options),

            variables: variables(m, options),

            subrequest: function (uri, args) {
                return subrequest(m, options, uri, args);
            },

            return: function (status, text) {
                resolve({status: status, body: text,
                         error: status === 200 ? null
                                : JSON.parse(text).error});
            }
        };
    });

    return m;
}


function body_of(options) {
    return JSON.stringify({
        event: options.event || {Type: 'QuotaExceeded', Meta: {Path: '/p'}},
        context: options.context || {APIID: 'api', OrgID: 'org'},
        now: options.now, timeout: options.timeout
    });
}


function variables(m, options) {
    var name, v = {}, errors = options.errors || {};

    function add(name, get, set) {
        Object.defineProperty(v, 'apievents_' + name, {get: get, set: set});
    }

    add('call', function () {
        var call = m.calls[m.calls.length - 1];

        return call.refused || String(m.calls.length);

    }, function (text) {
        var call = {spec: JSON.parse(text), made: 0};

        m.calls.push(call);
        call.reply = options.answer
                     ? options.answer(call.spec, m.calls.length) : reply(200);

        if (typeof call.reply === 'string') {
            call.refused = call.reply;
        }
    });

    ['log', 'set_key', 'raise'].forEach(function (name) {
        add(name, function () {
            return errors[name] || '';

        }, function (text) {
            m.effects.push([name, JSON.parse(text)]);
        });
    });

    function add_key(name) {
        add('key_' + Buffer.from(name).toString('hex'), function () {
            var value = options.keys[name];

            m.reads.push(name);

            return typeof value === 'function' ? value(m.reads.length) : value;
        });
    }

    for (name in options.keys || {}) {
        add_key(name);
    }

    return v;
}


function subrequest(m, options, uri, args) {
    var call;

    if (uri === '/_ae/key') {
        m.reads.push(args.args);

        return Promise.resolve(options.stored(args.args));
    }

    if (uri !== '/_ae/call' || args.args.indexOf('id=') !== 0) {
        throw new Error('unexpected subrequest ' + uri + '?' + args.args);
    }

    call = m.calls[Number(args.args.slice(3)) - 1];
    call.made++;
    call.method = args.method;
    call.body = args.body;

    if (options.real) {
        return options.real.subrequest(uri, args);
    }

    return Promise.resolve(call.reply);
}


function reply(status, text, headers) {
    return {status: status, responseText: text, headersOut: headers || {}};
}


function unreachable(text) {
    return reply(502, '<html>', {'X-Ae-Error': text});
}


function later(ms, value) {
    return new Promise(function (resolve) {
        setTimeout(function () {
            resolve(value);
        }, ms);
    });
}


/* an event script whose handler is fn(env, event, context) */

function script(fn) {
    return function (TykJS, log, rawlog, b64enc, b64dec, rawb64enc, rawb64dec,
                     TykGetKeyData, TykSetKeyData, TykMakeHttpRequest,
                     TykBatchRequest, raiseEvent, Date, Math)
    {
        var h = new TykJS.TykEventHandlers.NewEventHandler({}), env = {
            log: log, rawlog: rawlog, b64enc: b64enc, b64dec: b64dec,
            rawb64enc: rawb64enc, rawb64dec: rawb64dec,
            TykGetKeyData: TykGetKeyData, TykSetKeyData: TykSetKeyData,
            TykMakeHttpRequest: TykMakeHttpRequest,
            TykBatchRequest: TykBatchRequest, raiseEvent: raiseEvent,
            Date: Date, Math: Math,

            call: function (url) {
                var text = TykMakeHttpRequest(JSON.stringify({
                    Method: 'GET', Domain: url, Resource: ''
                }));

                return text === undefined ? undefined : JSON.parse(text);
            }
        };

        h.NewHandler(function (event, context) {
            return fn(env, event, context);
        });

        return h;
    };
}


export default {request, reply, unreachable, later, script};
