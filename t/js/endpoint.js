/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the calls of a test reach: it tells what it was asked, or fails as the
 * module's location does when nobody answers.
 */

function call(r) {
    if (r.variables.arg_id === '3') {
        r.headersOut['X-Ae-Error'] = 'connection refused';
        r.return(502, 'text of nginx');
        return;
    }

    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['x-lower-case'] = 'yes';
    r.headersOut['Set-Cookie'] = ['a=1', 'b=2'];
    r.return(201, JSON.stringify([r.method, r.variables.arg_id,
                                  r.requestText || '']));
}


export default {call};
