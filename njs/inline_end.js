/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * How a run of handlers ends: what it changed is found and told, or its error
 * is.
 */

import make_error from './inline_error.js';

export default function (round, objects_of, rounds_of) {
    var state = round.state, r = state.r;

    /* stands for the text of a json that is as it was */
    var SAME = 0;


    function finish() {
        var text, result;

        try {
            if (state.deep !== null) {
                state.deep.check(round);
            }

            text = changed_text();
            result = result_of();
            tell_properties();
            apply(round.effects || []);

            if (result !== null) {
                r.variables.apievents_result = JSON.stringify(result);
            }

        } catch (e) {
            fail(e);
            return;
        }

        if (text === SAME) {
            answer(200, '');

        } else {
            answer(202, text);
        }
    }


    function answer(status, text) {
        if (state.deep !== null) {
            state.deep.leave();
            r.variables.apievents_left = String(state.deep.time_left());
        }

        r.return(status, text);
    }


    function changed_text() {
        var text, json = round.ae.json;

        if (state.phase === 'request' || (state.kind === 'text'
                                          && typeof json === 'string'))
        {
            return changed_string(json);
        }

        if (state.phase === 'options' || (json === null && state.text === '')) {
            return SAME;
        }

        text = JSON.stringify(json);

        if (text === state.text
            || (state.kind !== 'plain' && is_as_it_was(json)))
        {
            return SAME;
        }

        if (state.phase === 'response'
            && (json === null || typeof json !== 'object'))
        {
            return JSON.stringify([json]);
        }

        return text === undefined ? 'null' : text;
    }


    function changed_string(json) {
        if (json === undefined || json === null) {
            json = '';

        } else if (typeof json !== 'string') {
            json = JSON.stringify(json) || '';
        }

        return json === state.text ? SAME : json;
    }


    /*
     * JSON.stringify() writes spaces and long numbers otherwise than they
     * came, so an object that nobody touched is told by what is in it.
     */

    function is_as_it_was(json) {
        function is_equal(a, b) {
            var i, keys, others;

            if (a === null || b === null || typeof a !== 'object'
                || typeof b !== 'object')
            {
                return a === b;
            }

            if (Array.isArray(a) !== Array.isArray(b)) {
                return false;
            }

            keys = Object.keys(a);
            others = Object.keys(b);

            if (keys.length !== others.length) {
                return false;
            }

            for (i = 0; i < keys.length; i++) {
                if (keys[i] !== others[i]
                    || !is_equal(a[keys[i]], b[keys[i]]))
                {
                    return false;
                }
            }

            return true;
        }

        try {
            return is_equal(json, JSON.parse(state.text));

        } catch (e) {
            return false;
        }
    }


    function result_of() {
        var status, phase = state.phase;

        if (phase === 'error') {
            status = round.ae.json && round.ae.json.statusCode;

            return is_status(status) ? {status: status} : null;
        }

        return round.objects === null && phase !== 'options'
               ? null : objects_of(round).result();
    }


    function tell_properties() {
        var text = round.objects === null
                   ? null : round.objects.changed_properties();

        if (text !== null) {
            r.variables.apievents_properties = text;
        }
    }


    function is_status(n) {
        return typeof n === 'number' && Math.floor(n) === n && n >= 100
               && n <= 599;
    }


    /* what was applied is not there any more if another one fails */

    function apply(effects) {
        var effect, text;

        while (effects.length) {
            effect = effects.shift();
            r.variables[effect.name] = effect.value;

            if (effect.name !== 'apievents_log') {
                text = r.variables[effect.name];

                if (typeof text === 'string' && text.indexOf('error:') === 0) {
                    throw new Error(text.slice(6).trim());
                }
            }
        }
    }


    /*
     * Of a run that failed the log lines are kept, since they may tell why,
     * and the request's properties, which handlers of the error may ask for.
     */

    function fail(error) {
        var object;

        function is_log(effect) {
            return effect.name === 'apievents_log';
        }

        object = make_error(error);

        try {
            tell_properties();

        } catch (e) {
            /* they are no JSON: maybe that is the error */
        }

        apply((round.effects || []).filter(is_log));

        r.variables.apievents_log = JSON.stringify({
            level: 'error', raw: false, script: state.list[round.at - -1],
            text: object.errorMessage + rounds_of(round).place_of(error)
        });

        answer(500, JSON.stringify(object));
    }


    return {finish: finish, fail: fail};
}
