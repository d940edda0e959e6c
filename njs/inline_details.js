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
        var args = r.args, copy = {};

        Object.keys(args).forEach(function (name) {
            put(copy, name, args[name]);
        });

        Object.defineProperty(copy, 'toString', {value: function () {
            return JSON.stringify(copy);
        }});

        return copy;
    }


    /* "__proto__" and what else an object has already: a member like others */

    function put(object, name, value) {
        if (name in object) {
            Object.defineProperty(object, name, {
                value: value, enumerable: true, configurable: true,
                writable: true
            });

        } else {
            object[name] = value;
        }
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
        var copy = {}, all = r.headersIn;
        var hidden = ',' + (v.apievents_hidden || '') + ',authorization,';

        Object.keys(all).forEach(function (name) {
            var low = name.toLowerCase();

            if (hidden.indexOf(',' + low + ',') < 0) {
                /* any case will do, and no member of an object has this one */
                put(copy, low, all[name.toUpperCase()]);
                add_alias(copy, low, name);
                add_alias(copy, low, title_case(low));
            }
        });

        return copy;
    }


    function title_case(name) {
        return name.replace(/(^|-)[a-z]/g, function (text) {
            return text.toUpperCase();
        });
    }


    function add_alias(headers, low, alias) {
        if (alias === low || has(headers, alias)) {
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
        var headers = copy_of_headers();

        round.sent = Object.create(null);

        Object.keys(headers).forEach(function (name) {
            round.sent[name] = headers[name];
        });

        round.headers = headers;
        original = headers;

        return headers;
    }


    /* what handlers changed, added and, null, removed */

    function changes() {
        var name, low, now = Object.create(null), found = Object.create(null);
        var count = 0;

        Object.keys(round.headers || {}).forEach(function (name) {
            now[name.toLowerCase()] = [name, text_of(round.headers[name])];
        });

        if (round.headers === original) {
            drop_deleted(now);
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


    /* a handler may delete what it finds by another name as well */

    function drop_deleted(now) {
        Object.keys(r.headersIn).forEach(function (name) {
            var low = name.toLowerCase();

            if (now[low] !== undefined && now[low][1] === round.sent[low]
                && (!has(original, name) || !has(original, title_case(low))))
            {
                now[low][1] = null;
            }
        });
    }


    function has(object, name) {
        return Object.prototype.hasOwnProperty.call(object, name);
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

        given = v.apievents_properties || '{}';
        values = map_of(JSON.parse(given));

        properties = {
            get: function (name) {
                return name in values ? values[name] : null;
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
                return name in values;
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


    /* without what objects have besides */

    function map_of(object) {
        var map = Object.create(null);

        Object.keys(object).forEach(function (name) {
            map[name] = object[name];
        });

        return map;
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
