/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Addresses of clients that a definition lets in or keeps out.  It is the
 * connection's, which the realip module may have replaced.
 */


#include "gate/gate_private.h"


static const ngx_http_apievents_refusal_t  ngx_http_apievents_bad_address = {
    NGX_HTTP_FORBIDDEN,
    AE_AUTH_FAILURE,
    ngx_string("access from this IP has been disallowed"),
    ngx_string("Auth Failure"),
    ngx_string("access from this IP has been disallowed"),
    0,
    0
};


ngx_int_t
ngx_http_apievents_step_address(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_more_t  *more;

    more = d->conf->gate.more;

    if (more == NULL) {
        return NGX_OK;
    }

    if ((more->allowed == NULL
         || ngx_cidr_match(r->connection->sockaddr, more->allowed) == NGX_OK)
        && (more->denied == NULL
            || ngx_cidr_match(r->connection->sockaddr, more->denied)
               != NGX_OK))
    {
        return NGX_OK;
    }

    d->of_address = 1;

    return ngx_http_apievents_refuse(d, &ngx_http_apievents_bad_address);
}


ngx_int_t
ngx_http_apievents_add_address(ngx_conf_t *cf, ngx_array_t *list,
    ngx_str_t *text)
{
    ngx_int_t    rc;
    ngx_cidr_t  *cidr;

    cidr = ngx_array_push(list);
    if (cidr == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(cidr, sizeof(ngx_cidr_t));

    rc = ngx_ptocidr(text, cidr);

    /* NGX_DONE: bits beyond the mask, which are dropped */

    return (rc == NGX_ERROR) ? NGX_DECLINED : NGX_OK;
}
