/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a handler may ask of a request, but seldom does: headers, arguments,
 * who calls, addresses and the properties that handlers gave it.
 */

import make_rules from './inline_headers.js';

export default function (round, host) {
    var r = round.state.r, v = r.variables;
    var rules = make_rules(host);
    var caller = null, properties = null, values, given, original;


    /* their text is JSON, one that is missing is undefined */

    function url_parameters() {
        var name, args = r.args, copy = {};

        for (name in args) {
            copy[name] = args[name];
        }

        Object.defineProperty(copy, 'toString', {value: function () {
            return JSON.stringify(copy);
        }});

        return copy;
    }


    function caller_of_request() {
        if (caller === null) {
            caller = JSON.parse(v.apievents_caller || '{}');
        }

        return caller;
    }


    function api_key() {
        var user = caller_of_request().user;

        return {
            userIdentifier: user || null,

            getUserIdentifier: function () {
                return this.userIdentifier;
            }
        };
    }


    function api_version() {
        var name = caller_of_request().version || '';

        return {
            name: name,

            getName: function () {
                return name;
            }
        };
    }


    /* where the API is, for the caller or for this machine */

    function full_url(local) {
        var name = local ? 'localhost:' + v.server_port
                   : r.headersIn.host || r.headersIn.Host || v.host;

        return (v.https === 'on' ? 'https://' : 'http://') + name
               + v.apievents_base;
    }


    /* without the version, where that is the last segment */

    function base_url(local) {
        var url = full_url(local), end = '/' + api_version().name + '/';

        return end !== '//' && url.slice(-end.length) === end
               ? url.slice(0, 1 - end.length) : url;
    }


    /* by lower-case names; the others find them too, but are not listed */

    function copy_of_headers() {
        var name, low, copy = {}, all = r.headersIn;
        var hidden = ',' + (v.apievents_hidden || '') + ',authorization,';

        for (name in all) {
            low = name.toLowerCase();

            if (hidden.indexOf(',' + low + ',') < 0) {
                copy[low] = all[name];
                add_alias(copy, low, name);
                add_alias(copy, low, title_case(low));
            }
        }

        return copy;
    }


    function title_case(name) {
        return name.replace(/(^|-)[a-z]/g, function (text) {
            return text.toUpperCase();
        });
    }


    function add_alias(headers, low, alias) {
        if (alias === low || headers[alias] !== undefined) {
            return;
        }

        Object.defineProperty(headers, alias, {
            configurable: true,

            get: function () {
                return headers[low];
            },

            set: function (value) {
                headers[low] = value;
            }
        });
    }


    function new_headers() {
        var name, headers = copy_of_headers();

        round.sent = {};

        for (name in headers) {
            round.sent[name] = headers[name];
        }

        round.headers = headers;
        original = headers;

        return headers;
    }


    /* what handlers changed, added and, null, removed */

    function changes() {
        var name, low, now = {}, found = {}, count = 0;

        for (name in round.headers) {
            now[name.toLowerCase()] = [name, text_of(round.headers[name])];
        }

        /* a handler may delete what it finds by another name as well */

        for (name in r.headersIn) {
            low = name.toLowerCase();

            if (round.headers === original && now[low] !== undefined
                && now[low][1] === round.sent[low]
                && (!has(name) || !has(title_case(low))))
            {
                now[low][1] = null;
            }
        }

        for (low in now) {
            name = now[low][0];

            if (now[low][1] !== null && now[low][1] !== round.sent[low]
                && rules.may_set(name, now[low][1]))
            {
                found[low] = now[low][1];
                count++;
            }
        }

        for (low in round.sent) {
            if ((now[low] === undefined || now[low][1] === null)
                && !rules.is_of_connection(low))
            {
                found[low] = null;
                count++;
            }
        }

        return count ? {headers: found} : null;
    }


    function has(name) {
        return Object.prototype.hasOwnProperty.call(round.headers, name);
    }


    function text_of(value) {
        if (value === undefined || value === null) {
            return null;
        }

        return Array.isArray(value) ? value.join(', ') : String(value);
    }


    /* live as long as the request: each phase hands them to the next */

    function user_properties() {
        if (properties !== null) {
            return properties;
        }

        values = JSON.parse(v.apievents_properties || '{}');

        given = JSON.stringify(values);

        properties = {
            get: function (name) {
                return Object.prototype.hasOwnProperty.call(values, name)
                       ? values[name] : null;
            },

            put: function (name, value) {
                var old = properties.get(name);

                values[name] = value;
                return old;
            },

            remove: function (name) {
                var old = properties.get(name);

                delete values[name];
                return old;
            },

            containsKey: function (name) {
                return Object.prototype.hasOwnProperty.call(values, name);
            },

            size: function () {
                return Object.keys(values).length;
            },

            isEmpty: function () {
                return Object.keys(values).length === 0;
            },

            keySet: function () {
                return Object.keys(values);
            },

            toString: function () {
                return JSON.stringify(values);
            }
        };

        return properties;
    }


    /* their text, if a handler changed it */

    function changed_properties() {
        var text = properties === null ? undefined : JSON.stringify(values);

        return text === given ? null : text;
    }


    return {
        url_parameters: url_parameters, api_key: api_key,
        api_version: api_version, base_url: base_url, full_url: full_url,
        headers: copy_of_headers, new_headers: new_headers,
        changes: changes, caller: caller_of_request,
        user_properties: user_properties,
        changed_properties: changed_properties
    };
}
