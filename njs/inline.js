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
 * $apievents_result.
 *
 * Each request clones a VM, which runs the first level of every file: here is
 * what each run needs, and the rest is in functions that make their own when
 * they are called.
 */

import ending from './inline_end.js';
import make_objects from './inline_objects.js';


/* what the rounds of a run share; the names that run.js knows are its own */

function run(r, phase, list) {
    var text = r.requestText || '';

    go(new_round({
        r: r, phase: phase, list: list, text: text, kind: '',
        timeout: 0, waited: 0, since: 0, waits: [],
        calls: [], calls_made: 0, given: 0, reads: null, clock: null
    }), 0);
}


function new_round(state) {
    var round = {
        state: state, at: 0, ae: null, module: null, objects: null,
        headers: null, sent: null, response: null, returned: undefined,
        properties: null, effects: null,
        call: 0, time: 0, time_used: 0, random: 0, written: null,
        stopped: null, pending: null, failure: null, notify: null
    };

    round.ae = {
        json: json_of(state),

        get: function (name) {
            return objects_of(round).get(name);
        },

        put: function (name, value) {
            round[name] = value;
        }
    };

    return round;
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

        if (state.kind !== 'json') {
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
        round.objects = make_objects(round);
    }

    return round.objects;
}


/*
 * Runs the handlers from item i of the list on.  Here is no plus: where a
 * script has an array of functions, as [function () {}], njs 0.7.9 makes the
 * number 0 of all files of the VM a string.
 */

function go(round, i) {
    var result, state = round.state, list = state.list;

    for ( /* void */ ; i < list.length; i = i - -4) {
        round.at = i;
        state.timeout = list[i - -2];
        state.waited = state.waits[i] || 0;

        try {
            result = list[i](list[i - -3] ? objects_of(round).context()
                                         : round.ae);

        } catch (e) {
            ending.fail(round, e);
            return;
        }

        if (round.stopped !== null
            || (result && typeof result.then === 'function'))
        {
            wait(round, result);
            return;
        }

        if (list[i - -3]) {
            round.ae.json = round.module.json;
        }

        round.returned = result;
    }

    if (state.phase === 'options') {
        objects_of(round);
    }

    ending.finish(round, round.objects);
}


function wait(round, result) {
    result.then(function (value) {
        var list = round.state.list;

        if (list[round.at - -3]) {
            round.ae.json = round.module.json;
        }

        round.returned = value;
        go(round, round.at - -4);

    }, function (e) {
        ending.fail(round, e);
    });
}


export default {run: run};
