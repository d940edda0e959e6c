/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Which headers a handler may set.
 */

export default function (host) {
    /* njs' own engine takes a line feed behind "$" for the end of a text */
    var NO_TOKEN = /[^!#$%&'*+.^_`|~0-9A-Za-z-]/;
    var CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/;

    /* these tell how a message is sent, which the server alone knows */
    var OF_CONNECTION = ',content-length,transfer-encoding,connection,upgrade,'
                        + 'trailer,te,keep-alive,';


    function is_of_connection(name) {
        return OF_CONNECTION.indexOf(',' + name.toLowerCase() + ',') >= 0;
    }


    /* what cannot be a header is an error */

    function may_set(name, value) {
        if (name === '' || NO_TOKEN.test(name)) {
            throw new Error('"' + name.replace(/[\x00-\x1f\x7f]/g, '?')
                            + '" is no header name');
        }

        if (CONTROLS.test(value)) {
            throw new Error('header "' + name + '": its value has a line break'
                            + ' or another control character');
        }

        if (is_of_connection(name)) {
            host.write_log('warn', 'header "' + name + '" is not set: it is '
                                   + 'the server\'s own');
            return false;
        }

        return true;
    }


    return {may_set: may_set, is_of_connection: is_of_connection};
}
