/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The context of a module: what a body of a function has by name, and the
 * functions of event handlers.
 */

import make_functions from './apievents_functions.js';

export default function (round, host) {
    var ctx = {json: null}, functions = null, http = null;


    function member(name, get) {
        Object.defineProperty(ctx, name, {
            enumerable: true,
            get: get,

            set: function (value) {
                host.put(name, value);
            }
        });
    }


    function function_of(name) {
        var deep = host.deep();

        if (functions === null) {
            functions = make_functions(deep.runs, deep.calls());
            round.state.context = context_of_api();
        }

        return deep.runs.host_function(round, functions[name]);
    }


    function context_of_api() {
        var caller = host.details().caller();

        return {APIID: caller.api || '', OrgID: caller.org || ''};
    }


    /* the calls under Tyk's names take and return text, the others objects */

    function new_http() {
        var deep = host.deep();

        function add(name, short_name) {
            http[name] = deep.runs.host_function(round, function (run, value) {
                return deep.calls().call_later(run, name, value);
            });

            http[short_name] = function (value) {
                return http[name](value).then(function (text) {
                    return text === undefined ? undefined : JSON.parse(text);
                });
            };
        }

        http = {};
        add('TykMakeHttpRequest', 'request');
        add('TykBatchRequest', 'batch');
    }


    ['req', 'headers', 'log', 'response', 'NewCookie', 'Java', 'java', 'print',
     'SysUtility', 'SysUtilityV2', 'Date', 'Math']
    .forEach(function (name) {
        member(name, function () {
            return host.get(name);
        });
    });

    ['rawlog', 'b64enc', 'b64dec', 'rawb64enc', 'rawb64dec', 'TykGetKeyData',
     'TykSetKeyData', 'TykMakeHttpRequest', 'TykBatchRequest', 'raiseEvent']
    .forEach(function (name) {
        member(name, function () {
            return function_of(name);
        });
    });

    member('context', context_of_api);

    member('http', function () {
        if (http === null) {
            new_http();
        }

        return http;
    });

    return ctx;
}
