/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Outgoing HTTP of scripts: what TykMakeHttpRequest and TykBatchRequest are
 * given and return, and how a call is made.
 *
 * A call is first told to the module: $apievents_call is set to the JSON text
 * {"method", "url", "headers": {}, "timeout": ms} and is then an id, or
 * "error: TEXT".  A subrequest to CALL_LOCATION?id=ID with the method and the
 * body makes the call; its reply has X-Ae-Error: TEXT if nobody answered.
 */

export default function (runs) {
    var CALL_LOCATION = '/_ae/call';

    /*
     * Characters that all runs of a script together are given: the njs engine
     * frees nothing of what a script makes of them.
     */
    var ANSWERS_MAX = 128 * 1024 * 1024;

    /* a call that uses up the time of a run must not end before it, ms */
    var TIMEOUT_SLACK = 50;


    function parse_request(value) {
        var object = typeof value === 'object' ? value
                     : JSON.parse(String(value));

        if (object === null || typeof object !== 'object') {
            throw new Error('the request is not an object');
        }

        return object;
    }


    /* as Go's JSON decoder, by which Tyk reads requests: in any case */

    function field(object, name) {
        var keys;

        if (object[name] !== undefined) {
            return object[name];
        }

        keys = Object.keys(object).filter(function (key) {
            return key.toLowerCase() === name.toLowerCase();
        });

        return keys.length ? object[keys[0]] : undefined;
    }


    function text_field(object, name) {
        var value = field(object, name);

        if (value === undefined || value === null) {
            return '';
        }

        if (typeof value !== 'string') {
            throw new Error('"' + name + '" is not a string');
        }

        return value;
    }


    function map_field(object, name) {
        var map = field(object, name), copy = {};

        if (map === undefined || map === null) {
            return copy;
        }

        if (typeof map !== 'object') {
            throw new Error('"' + name + '" is not an object');
        }

        Object.keys(map).forEach(function (key) {
            copy[key] = text_field(map, key);
        });

        return copy;
    }


    function method_field(object) {
        var method = text_field(object, 'Method').toUpperCase() || 'GET';

        /* nginx writes it into a request line as it is */

        if (/[^A-Z-]/.test(method)) {
            throw new Error('invalid method "' + method + '"');
        }

        return method;
    }


    function form_escape(text) {
        return encodeURIComponent(text)
               .replace(/[!'()*]/g, function (c) {
                   return '%' + c.charCodeAt(0).toString(16).toUpperCase();
               })
               .replace(/%20/g, '+');
    }


    function form_encode(form) {
        return Object.keys(form).sort().map(function (name) {
            return form_escape(name) + '=' + form_escape(form[name]);
        }).join('&');
    }


    function read_single(value) {
        var object = parse_request(value);

        return {serial: false, calls: [{
            method: method_field(object),
            url: text_field(object, 'Domain') + text_field(object, 'Resource')
                 || text_field(object, 'URL'),
            headers: map_field(object, 'Headers'),
            body: text_field(object, 'Body')
                  || form_encode(map_field(object, 'FormData'))
        }]};
    }


    function read_batch(value) {
        var object = parse_request(value), requests = field(object, 'requests');

        if (requests === undefined || requests === null) {
            requests = [];
        }

        if (!Array.isArray(requests)) {
            throw new Error('"requests" is not an array');
        }

        return {
            serial: field(object, 'suppress_parallel_execution') === true,
            calls: requests.map(function (item) {
                item = parse_request(item);

                return {method: method_field(item),
                        url: text_field(item, 'relative_url'),
                        headers: map_field(item, 'headers'),
                        body: text_field(item, 'body')};
            })
        };
    }


    /* replies are {code, headers, body} or {error} */

    function make_call(state, call) {
        return new Promise(function (resolve) {
            resolve(subrequest(state, call));

        }).then(reply_of).catch(function (e) {
            return {error: e.message};
        });
    }


    function subrequest(state, call) {
        var id, error, v = state.r.variables;

        v.apievents_call = JSON.stringify({
            method: call.method, url: call.url, headers: call.headers,
            timeout: Math.max(runs.time_left(state), 0) + TIMEOUT_SLACK
        });

        id = v.apievents_call;
        error = runs.error_of(id);

        if (error !== null) {
            throw new Error(error);
        }

        /* without a body the subrequest would send its parent's */

        return state.r.subrequest(CALL_LOCATION, {args: 'id=' + id,
                                                  method: call.method,
                                                  body: call.body});
    }


    function reply_of(reply) {
        var name, value, headers = {}, out = reply.headersOut;

        if (out['X-Ae-Error']) {
            return {error: out['X-Ae-Error']};
        }

        for (name in out) {
            value = out[name];
            headers[header_name(name)] = Array.isArray(value) ? value : [value];
        }

        return {code: reply.status, headers: headers,
                body: reply.responseText || ''};
    }


    /* as Go writes it, Content-Type: scripts look for that */

    function header_name(name) {
        return name.toLowerCase().replace(/(^|-)[a-z]/g, function (text) {
            return text.toUpperCase();
        });
    }


    function make_serially(state, calls) {
        var replies = [];

        return calls.reduce(function (last, call) {
            return last.then(function () {
                return make_call(state, call);

            }).then(function (reply) {
                replies.push(reply);
            });
        }, Promise.resolve()).then(function () {
            return replies;
        });
    }


    function make_all(state, request) {
        if (request.serial) {
            return make_serially(state, request.calls);
        }

        return Promise.all(request.calls.map(function (call) {
            return make_call(state, call);
        }));
    }


    function single_text(request, replies) {
        var reply = replies[0];

        if (reply.error !== undefined) {
            return undefined;
        }

        return JSON.stringify({Code: reply.code, Body: reply.body,
                               Headers: reply.headers, code: reply.code,
                               body: reply.body, headers: reply.headers});
    }


    function batch_text(request, replies) {
        return JSON.stringify(replies.map(function (reply, i) {
            if (reply.error !== undefined) {
                return {relative_url: '', code: 0, headers: null, body: ''};
            }

            return {relative_url: request.calls[i].url, code: reply.code,
                    headers: reply.headers, body: reply.body};
        }));
    }


    function errors_of(replies) {
        return replies.filter(function (reply) {
            return reply.error !== undefined;

        }).map(function (reply) {
            return reply.error;
        });
    }


    var KINDS = {
        TykMakeHttpRequest: {read: read_single, text: single_text},
        TykBatchRequest: {read: read_batch, text: batch_text}
    };


    /* null, as logged, for what is not a request */

    function ask(run, name, value) {
        var request, kind = KINDS[name];

        try {
            request = kind.read(value);

        } catch (e) {
            runs.complain(run, name + ': ' + e.message);
            return null;
        }

        return runs.ask(run, JSON.stringify(request), request.calls.length,
                        function ()
        {
            return make_all(run.state, request).then(function (replies) {
                return {text: kind.text(request, replies),
                        errors: errors_of(replies)};
            });
        });
    }


    function count_answer(run, text) {
        run.state.given += text === undefined ? 0 : text.length;

        if (run.state.given > ANSWERS_MAX) {
            runs.fail(run, 'the answers are too long to repeat them');
        }
    }


    function result(run, name, answer) {
        count_answer(run, answer.text);

        answer.errors.forEach(function (error) {
            runs.complain(run, name + ': ' + error);
        });

        return answer.text;
    }


    /* both return JSON text, undefined for a call that failed, as in Tyk */

    function call_now(run, name, value) {
        var record = ask(run, name, value);

        if (record === null) {
            return undefined;
        }

        return result(run, name, runs.answer_now(run, record));
    }


    function call_later(run, name, value) {
        var record = ask(run, name, value);

        if (record === null) {
            return Promise.resolve(undefined);
        }

        return runs.answer_later(record).then(function (answer) {
            return result(run, name, answer);
        });
    }


    return {call_now, call_later, make_call, count_answer};
}
