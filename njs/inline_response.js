/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * response, as the ResponseBuilder of JAX-RS, and the answer to a preflight.
 */

import make_rules from './inline_headers.js';

export default function (round, host) {
    var rules = make_rules(host), status = null, headers = [];


    /* whoever follows may change what another set: each item stays in order */

    function add(name, value) {
        name = String(name);
        value = value === null || value === undefined ? null : String(value);

        if (rules.may_set(name, value === null ? '' : value)) {
            headers.push([name, value]);
        }
    }


    /* one value, in place of others */

    function set(name, value) {
        add(name, null);

        if (value !== null && value !== undefined) {
            add(name, value);
        }
    }


    function is_status(n) {
        return typeof n === 'number' && Math.floor(n) === n
               && n >= 100 && n <= 599;
    }


    function new_response() {
        var response = {};

        function method(name, fn) {
            response[name] = function () {
                if (round.stopped !== null) {
                    throw round.stopped;
                }

                fn.apply(undefined, arguments);
                return response;
            };
        }

        function header_method(name, header, convert) {
            method(name, function (value) {
                set(header, convert && value !== null && value !== undefined
                            ? convert(value) : value);
            });
        }

        function refuse(name, text) {
            response[name] = function () {
                throw new Error('response.' + name + '(): ' + text);
            };
        }

        round.response = response;

        method('status', function (value) {
            var n = typeof value === 'string' && /^[0-9]+$/.test(value)
                    ? Number(value) : value;

            if (!is_status(n)) {
                throw new Error('response.status(): "' + value
                                + '" is no status from 100 to 599');
            }

            status = n;
        });

        method('header', function (name, value) {
            add(name, value instanceof Date ? http_date(value) : value);
        });

        method('cookie', function () {
            var i, list = arguments[0];

            if (list === null || list === undefined) {
                add('Set-Cookie', null);
                return;
            }

            list = Array.isArray(list) ? list : arguments;

            for (i = 0; i < list.length; i++) {
                add('Set-Cookie', String(list[i]));
            }
        });

        method('link', function (uri, rel) {
            add('Link', link(uri, rel));
        });

        method('links', function () {
            var i, list = Array.isArray(arguments[0]) ? arguments[0]
                                                      : arguments;

            if (list.length === 0 || list[0] === null) {
                add('Link', null);
                return;
            }

            for (i = 0; i < list.length; i++) {
                add('Link', String(list[i]));
            }
        });

        method('allow', function () {
            var list = Array.prototype.slice.call(arguments);

            if (list.length === 1 && Array.isArray(list[0])) {
                list = list[0];
            }

            set('Allow', list.length === 0 || list[0] === null
                         ? null : list.join(', '));
        });

        method('replaceAll', function (map) {
            headers = [];
            add_all(map);
        });

        header_method('type', 'Content-Type');
        header_method('language', 'Content-Language', function (value) {
            return String(value).replace(/_/g, '-');
        });
        header_method('encoding', 'Content-Encoding');
        header_method('location', 'Location');
        header_method('contentLocation', 'Content-Location');
        header_method('tag', 'ETag', entity_tag);
        header_method('lastModified', 'Last-Modified', http_date);
        header_method('expires', 'Expires', http_date);
        header_method('cacheControl', 'Cache-Control', cache_control);

        method('variant', function (variant) {
            variant = variant === null || variant === undefined ? {} : variant;
            set('Content-Type', variant.mediaType);
            set('Content-Language', variant.language);
            set('Content-Encoding', variant.encoding);
        });

        refuse('entity', 'assign json instead');
        refuse('build', 'nothing is to be built: the answer leaves when the '
                        + 'handlers are done');

        return response;
    }


    function add_all(map) {
        Object.keys(map || {}).forEach(function (name) {
            (Array.isArray(map[name]) ? map[name] : [map[name]])
            .forEach(function (value) {
                add(name, value);
            });
        });
    }


    function link(uri, rel) {
        return '<' + String(uri) + '>'
               + (rel === undefined ? '' : '; rel="'
                  + String(rel).replace(/["\\]/g, '\\$&') + '"');
    }


    function entity_tag(value) {
        value = String(value);

        return /^(W\/)?".*"$/.test(value) ? value : '"' + value + '"';
    }


    function http_date(value) {
        if (typeof value === 'string') {
            return value;
        }

        if (isNaN(Number(value))) {
            throw new Error('response: "' + value + '" is no date');
        }

        return new Date(Number(value)).toUTCString();
    }


    function cache_control(value) {
        return typeof value === 'string' ? value : directives(value);
    }


    /* by the names of the class CacheControl */

    function directives(object) {
        var list = [];

        function flag(name, text) {
            if (object[name] === true) {
                list.push(text);
            }
        }

        function seconds(name, text) {
            if (typeof object[name] === 'number' && object[name] >= 0) {
                list.push(text + '=' + object[name]);
            }
        }

        flag('private', 'private');
        flag('noCache', 'no-cache');
        flag('noStore', 'no-store');
        flag('noTransform', 'no-transform');
        flag('mustRevalidate', 'must-revalidate');
        flag('proxyRevalidate', 'proxy-revalidate');
        seconds('maxAge', 'max-age');
        seconds('sMaxAge', 's-maxage');

        return list.join(', ');
    }


    function result() {
        var object = {};

        if (status === null && headers.length === 0) {
            return null;
        }

        if (status !== null) {
            object.status = status;
        }

        if (headers.length !== 0) {
            object.headers = headers;
        }

        return object;
    }


    /*
     * What an options handler returned.  A status that is no integer from 100
     * to 599 is logged, and 200 is sent.
     */

    function preflight() {
        var map = round.returned, code = 200;

        if (map === null || typeof map !== 'object') {
            map = {};
        }

        Object.keys(map).forEach(function (name) {
            if (name === 'HTTPStatusCode') {
                code = preflight_status(map[name]);

            } else if (name.toLowerCase() === 'access-control-allow-origin') {
                allow_origin(name, map[name]);

            } else if (map[name] !== null && map[name] !== undefined) {
                add(name, Array.isArray(map[name]) ? map[name].join(', ')
                                                   : map[name]);
            }
        });

        return {status: code, headers: headers};
    }


    function preflight_status(value) {
        var n = typeof value === 'string' && /^[0-9]+$/.test(value)
                ? Number(value) : value;

        if (is_status(n)) {
            return n;
        }

        host.write_log('error', 'HTTPStatusCode "' + String(value)
                       + '" is no status from 100 to 599: 200 is sent');
        return 200;
    }


    /* browsers take one origin only: of several the one that asks */

    function allow_origin(name, value) {
        var i, origin = round.state.r.headersIn.Origin, list = [];

        if (value === null || value === undefined) {
            return;
        }

        (Array.isArray(value) ? value : String(value).split(','))
        .forEach(function (item) {
            item = String(item).trim();

            if (item !== '') {
                list.push(item);
            }
        });

        if (list.length === 1) {
            add(name, list[0]);
            return;
        }

        for (i = 0; i < list.length; i++) {
            if (list[i] === origin || list[i] === '*') {
                add(name, list[i]);
                break;
            }
        }

        add('Vary', 'Origin');
    }


    return {new_response: new_response, result: result, preflight: preflight};
}
