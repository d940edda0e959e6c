/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Functions that scripts are given under Tyk's names; host_function() of
 * run.js hands them their run.
 */

export default function (runs, calls) {
    var KEY_LOCATION = '/_ae/key';

    var KEY_NOT_FOUND = '{"status":"error","message":"Key not found"}';


    function log(run, text) {
        runs.effect(run, 'log', {level: 'info', raw: false,
                                 text: String(text), script: run.script});
    }


    function rawlog(run, text) {
        runs.effect(run, 'log', {level: 'info', raw: true,
                                 text: String(text), script: run.script});
    }


    function b64enc(run, text) {
        return Buffer.from(String(text)).toString('base64');
    }


    function rawb64enc(run, text) {
        return b64enc(run, text).replace(/=+$/, '');
    }


    function b64dec(run, value) {
        var text = unfolded(value);

        if (text.length % 4 === 0) {
            text = text.replace(/={1,2}$/, '');
        }

        return decoded(run, 'b64dec', text);
    }


    function rawb64dec(run, value) {
        return decoded(run, 'rawb64dec', unfolded(value));
    }


    function unfolded(value) {
        return String(value).replace(/[\r\n]/g, '');
    }


    function decoded(run, name, text) {
        if (text.length % 4 === 1 || /[^A-Za-z0-9+\/]/.test(text)) {
            runs.complain(run, name + ': the text is not base64');
            return undefined;
        }

        return Buffer.from(text, 'base64').toString();
    }


    function get_key(run, key, api) {
        var name;

        key = String(key);
        api = api === undefined ? run.state.context.APIID : String(api);

        if (run.written['key ' + key] !== undefined) {
            return run.written['key ' + key];
        }

        name = JSON.stringify([key, api]);

        return runs.read(run, name, function () {
            return key_variable(run, Buffer.from(name).toString('hex'));
        });
    }


    function key_variable(run, hex) {
        var r = run.state.r, value, error;

        value = r.variables['apievents_key_' + hex] || KEY_NOT_FOUND;
        error = runs.error_of(value);

        if (error !== null) {
            runs.fail(run, error);
        }

        if (value.indexOf('wait:') !== 0) {
            return value;
        }

        return r.subrequest(KEY_LOCATION, {args: 'id=' + value.slice(5),
                                           method: 'GET', body: ''})
        .then(function (reply) {
            return reply.status === 200 && reply.responseText || KEY_NOT_FOUND;
        });
    }


    function set_key(run, key, session, suppress_reset) {
        key = String(key);
        session = String(session);

        try {
            JSON.parse(session);

        } catch (e) {
            runs.complain(run, 'TykSetKeyData: the session is not JSON');
            return;
        }

        run.written['key ' + key] = session;

        runs.effect(run, 'set_key', {
            key: key, apiid: run.state.context.APIID, session: session,
            suppress_reset: String(suppress_reset) === '1'
        });
    }


    function raise_event(run, name, meta) {
        if (typeof name !== 'string' || name === '') {
            throw new TypeError('raiseEvent: the name is not a string');
        }

        runs.effect(run, 'raise', {name: name,
                                   meta: meta === undefined ? {} : meta});
    }


    function make_http_request(run, request) {
        return calls.call_now(run, 'TykMakeHttpRequest', request);
    }


    function batch_request(run, request) {
        return calls.call_now(run, 'TykBatchRequest', request);
    }


    return {
        log: log,
        rawlog: rawlog,
        b64enc: b64enc,
        b64dec: b64dec,
        rawb64enc: rawb64enc,
        rawb64dec: rawb64dec,
        TykGetKeyData: get_key,
        TykSetKeyData: set_key,
        TykMakeHttpRequest: make_http_request,
        TykBatchRequest: batch_request,
        raiseEvent: raise_event
    };
}
