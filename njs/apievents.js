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

import make_runs from './run.js';
import make_calls from './calls.js';
import make_clock from './clock.js';
import make_functions from './apievents_functions.js';

var runs = make_runs();
var calls = make_calls(runs);
var clock = make_clock();
var functions = make_functions(runs, calls);

/* njs 0.7.9 counts them in four bits */
var PARAMETERS = ['TykJS', 'log', 'rawlog', 'b64enc', 'b64dec', 'rawb64enc',
                  'rawb64dec', 'TykGetKeyData', 'TykSetKeyData',
                  'TykMakeHttpRequest', 'TykBatchRequest', 'raiseEvent',
                  'Date', 'Math'];

var RealDate = Date;
var RealMath = Math;


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
    var name, env = {};

    for (name in functions) {
        env[name] = runs.host_function(run, functions[name]);
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
