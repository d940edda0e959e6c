/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What an error handler sees of what another handler threw.
 */

export default function (error) {
    var ERROR_CODE = 50029;

    var is_object = error !== null && typeof error === 'object';


    function is_status(n) {
        return typeof n === 'number' && Math.floor(n) === n && n >= 100
               && n <= 599;
    }


    function text_of_object() {
        var text;

        if (error.errorMessage !== undefined) {
            return String(error.errorMessage);
        }

        if (error.message !== undefined) {
            return String(error.message);
        }

        try {
            text = JSON.stringify(error);

        } catch (e) {
            text = undefined;
        }

        return text === undefined ? 'an object was thrown' : text;
    }


    return {
        statusCode: is_object && is_status(error.statusCode)
                    ? error.statusCode : 500,
        errorCode: is_object && error.errorCode !== undefined
                   ? error.errorCode : ERROR_CODE,
        errorMessage: is_object ? text_of_object() : String(error)
    };
}
