/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Request, response, options and error handlers.  All handlers of a phase run
 * in one VM, made by a file that the module generates:
 *
 *     import __ae from 'PATH/inline.js'; import h0 from 'USER FILE'; ...
 *     function run(r) { __ae.run(r, 'request', [h0, 'a.js', 5000, 0, ...]); }
 *     export default {run};
 *
 * A handler of the list has four items: its function, its name in log lines,
 * the ms that it may wait, and 1 if it is a module.  A module is called with
 * a context, a body of a function is wrapped so that its lines keep their
 * numbers; NAMES are those that its text has:
 *
 *     function __ae_handler(__ae) { var json = __ae.json,
 *     NAME = __ae.get('NAME'), ..., UNDECLARED; try { TEXT
 *     } finally { __ae.json = json; __ae.put('headers', headers); } }
 *     export default __ae_handler;
 *
 * The answer is 200 for a json that did not change, 202 and its new text, or
 * 500 and the text of an error.  Headers and status go through
 * $apievents_result, and how many ms what still runs has in $apievents_left.
 *
 * Each request clones a VM, which runs the first level of every file: here is
 * what each run needs.  The rest is in functions that make what they need
 * when they are called.
 *
 * Numbers are not added: where a script has an array of functions, as in
 * [function () {}], njs 0.7.9 makes the number 0 of all files a string.
 */

import make_end from './inline_end.js';
import make_objects from './inline_objects.js';
import make_rounds from './inline_rounds.js';


var realSetTimeout = setTimeout;


/* what a timer calls is the handler's own as well: the module's watchdog
 * counts its seconds */

function watch_timers(r) {
    globalThis.setTimeout = function (fn) {
        var args = Array.prototype.slice.call(arguments);

        args[0] = function () {
            r.variables.apievents_inside = '1';
            fn.apply(undefined, arguments);
        };

        return realSetTimeout.apply(undefined, args);
    };
}


/* a state is what the rounds of a run share, see inline_rounds.js */

function run(r, phase, list) {
    watch_timers(r);
    start({r: r, phase: phase, list: list, text: r.requestText || '',
           kind: '', deep: null});
}


function start(state) {
    var round = {
        state: state, at: 0, ae: null, objects: null, stopped: null,
        returned: null
    };

    round.ae = {
        json: json_of(state),

        get: function (name) {
            return objects_of(round).get(name);
        },

        put: function (name, value) {
            objects_of(round).put(name, value);
        }
    };

    if (state.deep !== null) {
        state.deep.add(round);
    }

    if (state.phase === 'error') {
        objects_of(round).add_java_methods();
    }

    go(round, 0);
}


function json_of(state) {
    var text = state.text;

    if (text === '' || state.phase === 'options') {
        return null;
    }

    if (state.phase === 'request') {
        return text;
    }

    if (state.phase === 'response') {
        state.kind = state.r.variables.apievents_kind;

        if (state.kind === 'text') {
            return text;
        }
    }

    try {
        return JSON.parse(text);

    } catch (e) {
        state.kind = 'text';
        return text;
    }
}


function objects_of(round) {
    if (round.objects === null) {
        round.objects = make_objects(round, rounds_of);
    }

    return round.objects;
}


function rounds_of(round) {
    if (round.state.deep === null) {
        round.state.deep = make_rounds(round.state, {
            go: go, start: start, end: make_end
        });
    }

    round.state.deep.add(round);

    return round.state.deep;
}


/* runs the handlers from item i of the list on */

function go(round, i) {
    var result, waits, state = round.state, list = state.list;
    var end = list.length;

    for ( /* void */ ; i < end; i = i - -4) {
        round.at = i;

        if (state.deep !== null) {
            state.deep.enter(round);
        }

        try {
            result = list[i](list[i - -3] ? objects_of(round).context()
                                          : round.ae);
            waits = result && typeof result.then === 'function';

        } catch (e) {
            rounds_of(round).threw(round, typeof list[i] === 'function' ? e
                : new Error('the default export is not a function'));
            return;
        }

        if (round.stopped !== null || waits) {
            rounds_of(round).wait(round, result);
            return;
        }

        if (list[i - -3]) {
            round.ae.json = round.module.json;
        }

        round.returned = result;
    }

    /* the usual end of a request, in short */

    if (state.phase === 'request' && round.ae.json === state.text
        && !round.is_touched && state.deep === null)
    {
        state.r.return(200, '');
        return;
    }

    make_end(round, objects_of, rounds_of).finish();
}


export default {run: run};
