/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What an error handler sees of what another handler threw.
 */

export default function (error) {
    var ERROR_CODE = 50029;
    var NO_TEXT = 'an object was thrown';

    var is_object = error !== null && typeof error === 'object';


    function is_status(n) {
        return typeof n === 'number' && Math.floor(n) === n && n >= 100
               && n <= 599;
    }


    function text_of_object() {
        if (error.errorMessage !== undefined) {
            return String(error.errorMessage);
        }

        return error.message === undefined ? JSON.stringify(error)
                                           : String(error.message);
    }


    /* not all objects can be written */

    function text() {
        try {
            return is_object ? text_of_object() || NO_TEXT : String(error);

        } catch (e) {
            return NO_TEXT;
        }
    }


    function code() {
        var type = is_object ? typeof error.errorCode : 'undefined';

        return type === 'number' || type === 'string' ? error.errorCode
                                                      : ERROR_CODE;
    }


    return {
        statusCode: is_object && is_status(error.statusCode)
                    ? error.statusCode : 500,
        errorCode: code(),
        errorMessage: text()
    };
}
