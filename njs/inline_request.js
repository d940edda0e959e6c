/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * req.  What costs is read when a handler asks for it.
 */

export default function (round, host) {
    var state = round.state, r = state.r, v = r.variables;


    /* the second time it is there */

    function keep(name, value) {
        Object.defineProperty(req, name, {value: value, enumerable: true,
                                          configurable: true, writable: true});
        return value;
    }


    var req = {
        verb: r.method,

        get resourceName() {
            return v.apievents_resource;
        },

        get clientAddress() {
            return r.remoteAddress;
        },

        get clientUsesHttps() {
            return v.https === 'on';
        },

        get urlParameters() {
            return keep('urlParameters', host.details().url_parameters());
        },

        get apiKey() {
            return keep('apiKey', host.details().api_key());
        },

        getApiKey: function () {
            return req.apiKey;
        },

        get apiVersion() {
            return keep('apiVersion', host.details().api_version());
        },

        get baseUrl() {
            return host.details().base_url(false);
        },

        getBaseUrl: function () {
            return req.baseUrl;
        },

        get localBaseUrl() {
            return host.details().base_url(true);
        },

        get fullBaseURL() {
            return host.details().full_url(false);
        },

        get localFullBaseURL() {
            return host.details().full_url(true);
        },

        get httpHeaders() {
            return keep('httpHeaders', host.details().headers());
        },

        get json() {
            var text = state.phase === 'options' ? '' : v.apievents_text;

            return text ? text : null;
        },

        getUserProperties: function () {
            return host.details().user_properties();
        },

        setUserProperty: function (name, value) {
            host.details().user_properties().put(name, value);
        }
    };

    return req;
}
