/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * How a run of handlers ends: what it changed is found and told, or its error
 * is.
 */

var ERROR_CODE = 50029;

/* stands for the text of a json that is as it was */
var SAME = 0;


/* objects: what the handlers were given, see inline_objects.js, or null */

function finish(round, objects) {
    var text, result, r = round.state.r;

    try {
        text = changed_text(round);
        result = result_of(round, objects);
        apply(r, round.effects);

        if (result !== null) {
            r.variables.apievents_result = JSON.stringify(result);
        }

    } catch (e) {
        fail(round, e);
        return;
    }

    if (text === SAME) {
        r.return(200, '');

    } else {
        r.return(202, text);
    }
}


function changed_text(round) {
    var text, state = round.state, json = round.ae.json;

    if (state.phase === 'request' || (state.kind === 'text'
                                      && typeof json === 'string'))
    {
        return changed_string(state, json);
    }

    if (state.phase === 'options' || (json === null && state.text === '')) {
        return SAME;
    }

    text = JSON.stringify(json);

    if (text === state.text || is_as_it_was(json, state.text)) {
        return SAME;
    }

    if (state.phase === 'response'
        && (json === null || typeof json !== 'object'))
    {
        return JSON.stringify([json]);
    }

    return text === undefined ? 'null' : text;
}


function changed_string(state, json) {
    if (json === undefined || json === null) {
        json = '';

    } else if (typeof json !== 'string') {
        json = JSON.stringify(json) || '';
    }

    return json === state.text ? SAME : json;
}


/*
 * JSON.stringify() writes spaces and long numbers otherwise than they came,
 * so an object that nobody touched is told by what is in it.
 */

function is_as_it_was(json, text) {
    try {
        return is_equal(json, JSON.parse(text));

    } catch (e) {
        return false;
    }
}


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
        if (keys[i] !== others[i] || !is_equal(a[keys[i]], b[keys[i]])) {
            return false;
        }
    }

    return true;
}


function result_of(round, objects) {
    var status, phase = round.state.phase;

    if (phase === 'error') {
        status = round.ae.json && round.ae.json.statusCode;

        return is_status(status) ? {status: status} : null;
    }

    return objects === null ? null : objects.result();
}


function is_status(n) {
    return typeof n === 'number' && Math.floor(n) === n && n >= 100
           && n <= 599;
}


function apply(r, effects) {
    var i, answer;

    if (effects === null) {
        return;
    }

    for (i = 0; i < effects.length; i++) {
        r.variables[effects[i].name] = effects[i].value;

        if (effects[i].name !== 'apievents_log') {
            answer = r.variables[effects[i].name];

            if (typeof answer === 'string' && answer.indexOf('error:') === 0) {
                throw new Error(answer.slice(6).trim());
            }
        }
    }
}


/* of a run that failed the log lines are kept: they may tell why */

function fail(round, error) {
    var state = round.state, answer = answer_of(error);

    apply(state.r, log_lines(round));

    state.r.variables.apievents_log = JSON.stringify({
        level: 'error', raw: false, script: state.list[round.at - -1],
        text: answer.errorMessage + place_of(error)
    });

    state.r.return(500, JSON.stringify(answer));
}


function log_lines(round) {
    return round.effects === null ? null : round.effects.filter(function (e) {
        return e.name === 'apievents_log';
    });
}


function answer_of(error) {
    var object = error !== null && typeof error === 'object';

    return {
        statusCode: object && is_status(error.statusCode)
                    ? error.statusCode : 500,
        errorCode: object && error.errorCode !== undefined
                   ? error.errorCode : ERROR_CODE,
        errorMessage: object ? message_of(error) : String(error)
    };
}


function message_of(error) {
    var text;

    if (error.errorMessage !== undefined) {
        return String(error.errorMessage);
    }

    if (error.message !== undefined) {
        return String(error.message);
    }

    try {
        text = JSON.stringify(error);

    } catch (e) {
        text = undefined;
    }

    return text === undefined ? 'an object was thrown' : text;
}


/* where in the handler's file an error was made: " at file:line" or "" */

function place_of(error) {
    var i, match, lines;

    if (!error || typeof error.stack !== 'string') {
        return '';
    }

    lines = error.stack.split('\n');

    for (i = 0; i < lines.length; i++) {
        match = lines[i].match(/^ +at .*\(([^()]+?(:[0-9]+)?)(:[0-9]+)?\)$/);

        if (match !== null
            && !/^native$|(^|\/)(inline\w*|run)\.js(:|$)/.test(match[1]))
        {
            return ' at ' + match[1].replace(/^.*\/scripts\/[^\/]+\//, '');
        }
    }

    return '';
}


export default {finish, fail};
