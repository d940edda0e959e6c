/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a handler is given beside json: made when it asks for it, and shared
 * by all handlers of a run.
 */

import make_context from './inline_context.js';
import make_java from './inline_java.js';
import make_request from './inline_request.js';
import make_response from './inline_response.js';
import make_system from './inline_system.js';

export default function (round, rounds_of) {
    var state = round.state, made = {}, makers, host;


    function get(name) {
        if (made[name] === undefined) {
            made[name] = makers[name]();
        }

        return made[name];
    }


    /* a handler may give headers another value */

    function put(name, value) {
        if (name === 'headers') {
            get('headers');
            made.headers = value;
            round.headers = value;
        }
    }


    /* what becomes of a run that is given up is nobody's business */

    function effect(name, value) {
        if (round.stopped !== null) {
            throw round.stopped;
        }

        if (!round.effects) {
            round.effects = [];
        }

        round.effects.push({name: 'apievents_' + name,
                            value: JSON.stringify(value)});
    }


    function write_log(level, text) {
        effect('log', {level: level, raw: false, text: String(text),
                       script: state.list[round.at - -1]});
    }


    function new_log() {
        function log(text) {
            write_log('info', text);
        }

        function add(name, level) {
            var guard = 'is' + name.charAt(0).toUpperCase() + name.slice(1)
                        + 'Enabled';

            log[name] = function (text) {
                write_log(level, text);
            };

            log[guard] = yes;
        }

        function yes() {
            return true;
        }

        add('error', 'error');
        add('warning', 'warn');
        add('warn', 'warn');
        add('info', 'info');
        add('debug', 'debug');
        add('fine', 'debug');
        add('finer', 'debug');
        add('finest', 'debug');

        return log;
    }


    function java(name) {
        if (made.java_part === undefined) {
            made.java_part = make_java(print);
        }

        return made.java_part[name];
    }


    function print(text) {
        write_log('info', text);
    }


    /* headers that tell how a message is sent are the server's own */

    function is_of_connection(name) {
        return /^(content-length|transfer-encoding|connection|keep-alive)$/
               .test(name) || /^(upgrade|trailer|te)$/.test(name);
    }


    /* true if a header may be set; what cannot be a header is an error */

    function may_set(name, value) {
        if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
            throw new Error('"' + printable(name) + '" is no header name');
        }

        if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
            throw new Error('header "' + name + '": its value has a line break'
                            + ' or another control character');
        }

        if (is_of_connection(name.toLowerCase())) {
            write_log('warn', 'header "' + name + '" is not set: it is the '
                              + 'server\'s own');
            return false;
        }

        return true;
    }


    function printable(text) {
        return text.replace(/[\x00-\x1f\x7f]/g, '?');
    }


    function request_part() {
        if (made.request_part === undefined) {
            made.request_part = make_request(round, host);
        }

        return made.request_part;
    }


    function response_part() {
        if (made.response_part === undefined) {
            made.response_part = make_response(round, host);
        }

        return made.response_part;
    }


    function system_part() {
        if (made.system_part === undefined) {
            made.system_part = make_system(round, host);
        }

        return made.system_part;
    }


    /* what a run did to headers and status, or null */

    function result() {
        var text;

        if (made.request_part !== undefined) {
            text = made.request_part.changed_properties();

            if (text !== null) {
                state.r.variables.apievents_properties = text;
            }
        }

        if (state.phase === 'request') {
            return round.sent ? request_part().changes() : null;
        }

        if (state.phase === 'options') {
            return response_part().preflight();
        }

        return round.response ? response_part().result() : null;
    }


    /*
     * Modules ask for members of a context.  The clock is there under its
     * usual names, as no parameter hides those from a module.
     */

    function context() {
        if (!round.module) {
            round.module = make_context(round, host, Object.keys(makers));
            globalThis.Date = get('Date');
            globalThis.Math = get('Math');
        }

        round.module.json = round.ae.json;

        return round.module;
    }


    makers = {
        req: function () {
            return request_part().new_req();
        },

        headers: function () {
            return request_part().new_headers();
        },

        log: new_log,

        response: function () {
            return response_part().new_response();
        },

        NewCookie: function () {
            return java('NewCookie');
        },

        Java: function () {
            return java('Java');
        },

        java: function () {
            return java('java');
        },

        print: function () {
            return print;
        },

        SysUtility: function () {
            return system_part().utility(false);
        },

        SysUtilityV2: function () {
            return system_part().utility(true);
        },

        Date: function () {
            return deep().clock().run_date(round);
        },

        Math: function () {
            return deep().clock().run_math(round);
        }
    };


    function deep() {
        return rounds_of(round);
    }


    host = {
        effect: effect, write_log: write_log, may_set: may_set,
        is_of_connection: is_of_connection, get: get, put: put, deep: deep,
        request: request_part
    };

    return {get: get, put: put, context: context, result: result};
}
