/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What handlers of events see.  The module writes the files of this folder
 * to disk, all to one, and generates one more for each handler; js_content
 * runs that.
 *
 * An event script is wrapped so that its lines keep their numbers:
 *
 *     import __ae from 'PATH'; function __ae_script(PARAMETERS) { var NAMES;
 *     TEXT
 *     return typeof NAME === 'undefined' ? undefined : NAME; }
 *     function run(r) { __ae.event(r, __ae_script, 'NAME'); }
 *     export default {run};
 *
 * TEXT begins in the first line.  PARAMETERS are those below, in their order.
 * NAMES are what TEXT assigns and does not declare, PARAMETERS left out; no
 * "var" without any.  A module keeps its file, and gets a second one:
 *
 *     import __ae from 'PATH'; import h from 'USER FILE';
 *     function run(r) { __ae.module(r, h); }
 *     export default {run};
 *
 * Reads and effects go through variables of the module, values are JSON:
 *
 *     $apievents_key_HEX, of HEX of [key, apiid]: the session, or empty, or
 *         "wait:ID" if KEY_LOCATION?id=ID has to fetch it
 *     $apievents_log = {"level", "raw", "text"}
 *     $apievents_set_key = {"key", "apiid", "session": TEXT, "suppress_reset"}
 *     $apievents_raise = {"name", "meta"}
 *
 * One that is "error: TEXT", after it was set or read, ends the run.
 */

import runs from './run.js';
import calls from './calls.js';
import clock from './clock.js';

var KEY_LOCATION = '/_ae/key';

var KEY_NOT_FOUND = '{"status":"error","message":"Key not found"}';

/* njs 0.7.9 counts them in four bits */
var PARAMETERS = ['TykJS', 'log', 'rawlog', 'b64enc', 'b64dec', 'rawb64enc',
                  'rawb64dec', 'TykGetKeyData', 'TykSetKeyData',
                  'TykMakeHttpRequest', 'TykBatchRequest', 'raiseEvent',
                  'Date', 'Math'];

var RealDate = Date;
var RealMath = Math;


function log(run, text) {
    runs.effect(run, 'log', {level: 'info', raw: false, text: String(text)});
}


function rawlog(run, text) {
    runs.effect(run, 'log', {level: 'info', raw: true, text: String(text)});
}


function b64enc(run, text) {
    return Buffer.from(String(text)).toString('base64');
}


function rawb64enc(run, text) {
    return b64enc(run, text).replace(/=+$/, '');
}


function b64dec(run, value) {
    var text = unfolded(value);

    if (text.length % 4 === 0) {
        text = text.replace(/={1,2}$/, '');
    }

    return decoded(run, 'b64dec', text);
}


function rawb64dec(run, value) {
    return decoded(run, 'rawb64dec', unfolded(value));
}


function unfolded(value) {
    return String(value).replace(/[\r\n]/g, '');
}


function decoded(run, name, text) {
    if (text.length % 4 === 1 || /[^A-Za-z0-9+\/]/.test(text)) {
        runs.complain(run, name + ': the text is not base64');
        return undefined;
    }

    return Buffer.from(text, 'base64').toString();
}


function get_key(run, key, api) {
    var name;

    key = String(key);
    api = api === undefined ? run.state.context.APIID : String(api);

    if (run.written['key ' + key] !== undefined) {
        return run.written['key ' + key];
    }

    name = JSON.stringify([key, api]);

    return runs.read(run, name, function () {
        return key_variable(run, Buffer.from(name).toString('hex'));
    });
}


function key_variable(run, hex) {
    var r = run.state.r, value, error;

    value = r.variables['apievents_key_' + hex] || KEY_NOT_FOUND;
    error = runs.error_of(value);

    if (error !== null) {
        runs.fail(run, error);
    }

    if (value.indexOf('wait:') !== 0) {
        return value;
    }

    return r.subrequest(KEY_LOCATION, {args: 'id=' + value.slice(5),
                                       method: 'GET', body: ''})
    .then(function (reply) {
        return reply.status === 200 && reply.responseText || KEY_NOT_FOUND;
    });
}


function set_key(run, key, session, suppress_reset) {
    key = String(key);
    session = String(session);

    try {
        JSON.parse(session);

    } catch (e) {
        runs.complain(run, 'TykSetKeyData: the session is not JSON');
        return;
    }

    run.written['key ' + key] = session;

    runs.effect(run, 'set_key', {key: key, apiid: run.state.context.APIID,
                                 session: session,
                                 suppress_reset: String(suppress_reset) === '1'
                                });
}


function raise_event(run, name, meta) {
    if (typeof name !== 'string' || name === '') {
        throw new TypeError('raiseEvent: the name is not a string');
    }

    runs.effect(run, 'raise', {name: name,
                               meta: meta === undefined ? {} : meta});
}


function make_http_request(run, request) {
    return calls.call_now(run, 'TykMakeHttpRequest', request);
}


function batch_request(run, request) {
    return calls.call_now(run, 'TykBatchRequest', request);
}


function new_event_handler() {
    var handler = {
        Handle: null,

        NewHandler: function (fn) {
            handler.Handle = fn;
        },

        DoProcessEvent: function (event, context) {
            if (typeof handler.Handle !== 'function') {
                throw new Error('NewHandler() was not given a function');
            }

            return handler.Handle(event, context);
        }
    };

    return handler;
}


/* a file may hold both: a middleware can be made, but not run */

function new_middleware() {
    function ignore() {
    }

    return {NewProcessRequest: ignore, NewProcessResponse: ignore,
            ReturnData: ignore, ReturnResponseData: ignore,
            ReturnAuthData: ignore};
}


/* made anew for each run: nothing that a script does to it stays */

function environment(run) {
    var name, env = {
        log: log,
        rawlog: rawlog,
        b64enc: b64enc,
        b64dec: b64dec,
        rawb64enc: rawb64enc,
        rawb64dec: rawb64dec,
        TykGetKeyData: get_key,
        TykSetKeyData: set_key,
        TykMakeHttpRequest: make_http_request,
        TykBatchRequest: batch_request,
        raiseEvent: raise_event
    };

    for (name in env) {
        env[name] = runs.host_function(run, env[name]);
    }

    env.TykJS = {
        TykEventHandlers: {NewEventHandler: new_event_handler},
        TykMiddleware: {NewMiddleware: new_middleware}
    };

    env.Date = clock.run_date(run);
    env.Math = clock.run_math(run);

    return env;
}


/* the calls under Tyk's names take and return text, the others objects */

function promised_calls(run) {
    var http = {};

    function add(name, short_name) {
        http[name] = runs.host_function(run, function (run, request) {
            return calls.call_later(run, name, request);
        });

        http[short_name] = function (request) {
            return http[name](request).then(function (text) {
                return text === undefined ? undefined : JSON.parse(text);
            });
        };
    }

    add('TykMakeHttpRequest', 'request');
    add('TykBatchRequest', 'batch');

    return http;
}


/* thrown texts have no line, and no line of the script is at fault here */

function event_handler(handler, name) {
    if (handler && typeof handler.DoProcessEvent === 'function') {
        return handler;
    }

    if (handler && typeof handler.NewProcessRequest === 'function') {
        throw '"' + name + '" is a middleware, no event handler';
    }

    throw 'the script makes no event handler "' + name + '"';
}


function run_event(r, script, name) {
    runs.serve(r, function (run) {
        var handler, state = run.state, env = environment(run);

        handler = script.apply(undefined, PARAMETERS.map(function (parameter) {
            return env[parameter];
        }));

        return event_handler(handler, name)
               .DoProcessEvent(runs.copy_of(state.event),
                               runs.copy_of(state.context));
    });
}


function run_module(r, handler) {
    runs.serve(r, function (run) {
        var ctx = environment(run);

        if (typeof handler !== 'function') {
            throw 'the default export is not a function';
        }

        ctx.event = runs.copy_of(run.state.event);
        ctx.context = runs.copy_of(run.state.context);
        ctx.http = promised_calls(run);

        /* no parameters hide these from a module */

        globalThis.Date = ctx.Date;
        globalThis.Math = ctx.Math;

        return handler(ctx);

    }, function () {
        globalThis.Date = RealDate;
        globalThis.Math = RealMath;
    });
}


export default {event: run_event, module: run_module,
                parameters: PARAMETERS.join(', ')};
