/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * SysUtility: what a handler reads of its own API, and calls.  To the handler
 * all of it is synchronous; a call that nobody answers throws.
 */

import make_rules from './inline_headers.js';

export default function (round, host) {
    var rules = make_rules(host);

    var OWN_LOCATION = '/_ae/own';

    /* functions that need what is not here: what to do instead */
    var MISSING = {
        findEntities: 'there are no tables here: use getResource()',
        databaseNowDeferred: 'there is no database here: use new Date()',
        sqlSnippetDeferred: 'there is no database here: let the upstream '
                            + 'compute the value',
        publishMessage: 'there are no brokers here: use restPost(), or '
                        + 'raise an event with ctx.raiseEvent() of a module',
        getExtendedPropertiesFor: 'resources have no properties here: decide '
                                  + 'by req.resourceName, or give the '
                                  + 'location handlers of its own',
        jsonDiff: 'compare the texts of JSON.stringify()',
        getBytes: 'use Buffer.from()',
        getConnection: 'there is no database here: use getResource()',
        executeSQL: 'there is no database here: use getResource()'
    };


    /* settings become arguments of the query, an array one for each item */

    function query_of(object) {
        var list = [];

        function add(name, value) {
            if (value !== null && value !== undefined) {
                list.push(encodeURIComponent(name) + '=' + encodeURIComponent(
                          typeof value === 'object' ? JSON.stringify(value)
                                                    : String(value)));
            }
        }

        if (object && typeof object !== 'object') {
            throw new Error('an object of arguments is expected');
        }

        Object.keys(object || {}).forEach(function (name) {
            (Array.isArray(object[name]) ? object[name] : [object[name]])
            .forEach(function (value) {
                add(name, value);
            });
        });

        return list.join('&');
    }


    /* answers of calls are {"text"} or {"error"} */

    function answer_of(what, key, make) {
        var answer, deep = host.deep(), runs = deep.runs;

        if (round.stopped !== null) {
            throw round.stopped;
        }

        answer = runs.answer_now(round, runs.ask(round, key, 1, make));

        if (answer.error !== undefined) {
            throw new Error(what + ': ' + answer.error);
        }

        deep.calls().count_answer(round, answer.text);

        return answer.text;
    }


    function own_text(fn, name, settings) {
        var query = query_of(settings), what = fn + '("' + name + '")';
        var args = 'to=' + encodeURIComponent(String(name))
                   + (query === '' ? '' : '&' + query);

        return answer_of(what, 'own ' + args, function () {
            return new Promise(function (resolve) {
                resolve(round.state.r.subrequest(OWN_LOCATION, {
                    method: 'GET', args: args, body: ''
                }));

            }).then(own_answer, failed);
        });
    }


    function own_answer(reply) {
        if (reply.headersOut && reply.headersOut['X-Ae-Error']) {
            return {error: reply.headersOut['X-Ae-Error']};
        }

        if (reply.status < 200 || reply.status > 299) {
            return {error: 'status ' + reply.status + message_in(reply)};
        }

        return {text: reply.responseText || ''};
    }


    /* the text of an error of the API itself */

    function message_in(reply) {
        var object;

        try {
            object = JSON.parse(reply.responseText);

        } catch (e) {
            return '';
        }

        return object && object.errorMessage ? ', ' + object.errorMessage : '';
    }


    function failed(error) {
        return {error: error.message};
    }


    function parsed(what, text) {
        if (text === '') {
            return null;
        }

        try {
            return JSON.parse(text);

        } catch (e) {
            throw new Error(what + ': the answer is not JSON');
        }
    }


    function rest(method, url, params, settings, data) {
        var call, query = query_of(params);

        call = {
            method: method,
            url: String(url) + (query === '' ? ''
                 : (String(url).indexOf('?') < 0 ? '?' : '&') + query),
            headers: headers_of(settings, data),
            body: body_of(data)
        };

        return answer_of(method + ' ' + call.url, JSON.stringify(call),
                         function ()
        {
            return host.deep().calls().make_call(round.state, call)
            .then(function (reply) {
                return reply.error === undefined ? {text: reply.body}
                                                 : {error: reply.error};
            });
        });
    }


    function headers_of(settings, data) {
        var has_type = false, headers = {};
        var given = (settings && settings.headers) || {};

        Object.keys(given).forEach(function (name) {
            var value = given[name];

            if (value === undefined || value === null) {
                return;
            }

            value = String(value);

            if (rules.may_set(name, value)) {
                headers[name] = value;
                has_type = has_type || name.toLowerCase() === 'content-type';
            }
        });

        if (!has_type && data !== undefined && data !== null) {
            headers['Content-Type'] = 'application/json';
        }

        return headers;
    }


    function body_of(data) {
        if (data === undefined || data === null) {
            return '';
        }

        return typeof data === 'string' ? data : JSON.stringify(data) || '';
    }


    /* the results of SysUtilityV2 are never texts */

    function utility(kind) {
        var name, system = {}, objects = kind === 'SysUtilityV2';

        function shaped(what, text) {
            return objects ? parsed(what, text) : text;
        }

        function refuse(name) {
            system[name] = function () {
                throw new Error('SysUtility.' + name + '(): ' + MISSING[name]);
            };
        }

        function fragment(member) {
            return function () {
                return {urlFragment: host.details().caller()[member] || ''};
            };
        }

        for (name in MISSING) {
            refuse(name);
        }

        system.getResource = function (name, settings) {
            return parsed('getResource("' + name + '")',
                          own_text('getResource', name, settings));
        };

        system.getResourceAsString = function (name, settings) {
            return own_text('getResourceAsString', name, settings);
        };

        system.getFunction = function (name, args) {
            return shaped('getFunction("' + name + '")',
                          own_text('getFunction', name, args));
        };

        system.restGet = function (url, params, settings) {
            return shaped('restGet', rest('GET', url, params, settings));
        };

        system.restDelete = function (url, params, settings) {
            return shaped('restDelete', rest('DELETE', url, params, settings));
        };

        system.restPost = function (url, params, settings, data) {
            return shaped('restPost',
                          rest('POST', url, params, settings, data));
        };

        system.restPut = function (url, params, settings, data) {
            return shaped('restPut', rest('PUT', url, params, settings, data));
        };

        system.restPatch = function (url, params, settings, data) {
            return shaped('restPatch',
                          rest('PATCH', url, params, settings, data));
        };

        system.getProjectInfo = fragment('api');
        system.getTeamSpaceInfo = fragment('org');

        return system;
    }


    return {utility: utility};
}
