/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a handler is given beside json: made when it asks for it, and shared
 * by all handlers of a run.
 */

import make_context from './inline_context.js';
import make_details from './inline_details.js';
import make_java from './inline_java.js';
import make_request from './inline_request.js';
import make_response from './inline_response.js';
import make_system from './inline_system.js';

export default function (round, rounds_of) {
    var state = round.state, made = {}, host;


    function get(name) {
        if (made[name] === undefined) {
            made[name] = make(name);
        }

        return made[name];
    }


    function make(name) {
        switch (name) {

        case 'req':
            add_java_methods();
            return make_request(round, host);

        case 'log':
            return new_log();

        case 'headers':
            return host.details().new_headers();

        case 'response':
            return host.response().new_response();

        case 'NewCookie':
        case 'Java':
        case 'java':
            return part('java_part', make_java)[name];

        case 'print':
            return host.print;

        case 'SysUtility':
        case 'SysUtilityV2':
            return part('system', make_system).utility(name);

        case 'Date':
            return rounds_of(round).clock().run_date(round);

        case 'Math':
            return rounds_of(round).clock().run_math(round);
        }

        return undefined;
    }


    function part(name, make_part) {
        if (made[name] === undefined) {
            round.is_touched = true;
            made[name] = make_part(round, host);
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

    function write_log(level, text) {
        if (round.stopped !== null) {
            throw round.stopped;
        }

        if (!round.effects) {
            round.is_touched = true;
            round.effects = [];
        }

        round.effects.push({name: 'apievents_log', value: JSON.stringify({
            level: level, raw: false, text: String(text),
            script: state.list[round.at - -1]
        })});
    }


    function new_log() {
        var guards;

        function log(text) {
            write_log('info', text);
        }

        /* does the request's error_log take lines of nginx's level n */

        function guard(n) {
            return function () {
                return Number(state.r.variables.apievents_log_level) >= n;
            };
        }

        function add(name, level) {
            log[name] = function (text) {
                write_log(level, text);
            };

            log['is' + name.charAt(0).toUpperCase() + name.slice(1)
                + 'Enabled'] = guards[level];
        }

        guards = {error: guard(4), warn: guard(5), info: guard(7),
                  debug: guard(8)};

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


    /* handlers know texts that were Java's, and have these methods */

    function add_java_methods() {
        function add(name, method) {
            Object.defineProperty(String.prototype, name, {
                configurable: true, writable: true, value: method
            });
        }

        if (String.prototype.contains !== undefined) {
            return;
        }

        add('contains', function (text) {
            return this.indexOf(text) >= 0;
        });

        add('equals', function (text) {
            return String(this) === String(text);
        });

        add('equalsIgnoreCase', function (text) {
            return String(this).toLowerCase() === String(text).toLowerCase();
        });
    }


    function changed_properties() {
        return made.details === undefined
               ? null : made.details.changed_properties();
    }


    /* what a run did to headers and status, or null */

    function result() {
        if (state.phase === 'request') {
            return round.sent ? made.details.changes() : null;
        }

        if (state.phase === 'options') {
            return host.response().preflight();
        }

        return round.response ? host.response().result() : null;
    }


    /*
     * Modules ask for members of a context.  The clock is there under its
     * usual names, as no parameter hides those from a module.
     */

    function context() {
        if (!round.module) {
            round.module = make_context(round, host);
            globalThis.Date = get('Date');
            globalThis.Math = get('Math');
        }

        round.module.json = round.ae.json;

        return round.module;
    }


    host = {
        get: get, put: put, context: context, result: result,
        changed_properties: changed_properties, write_log: write_log,
        add_java_methods: add_java_methods,

        details: function () {
            return part('details', make_details);
        },

        response: function () {
            return part('response_part', make_response);
        },

        deep: function () {
            return rounds_of(round);
        },

        print: function (text) {
            write_log('info', text);
        }
    };

    return host;
}
