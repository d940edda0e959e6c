/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Addresses of clients that a definition lets in or keeps out, and how much
 * they may send.  The address is the connection's, which the realip module may
 * have replaced.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_check_size(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *sizes);


static const ngx_http_apievents_refusal_t  ngx_http_apievents_bad_address = {
    NGX_HTTP_FORBIDDEN,
    AE_AUTH_FAILURE,
    ngx_string("access from this IP has been disallowed"),
    ngx_string("Auth Failure"),
    ngx_string("access from this IP has been disallowed"),
    0,
    0
};


static const ngx_http_apievents_refusal_t  ngx_http_apievents_no_length = {
    NGX_HTTP_LENGTH_REQUIRED,
    AE_EVENT_CUSTOM,
    ngx_string("Content length is required for this request"),
    ngx_null_string,
    ngx_null_string,
    0,
    0
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_too_large = {
    NGX_HTTP_BAD_REQUEST,
    AE_EVENT_CUSTOM,
    ngx_string("Request is too large"),
    ngx_null_string,
    ngx_null_string,
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
        return ngx_http_apievents_check_size(r, d, more->sizes);
    }

    d->of_address = 1;

    return ngx_http_apievents_refuse(d, &ngx_http_apievents_bad_address);
}


/* Tyk asks nothing of methods that have no body as a rule */

static ngx_int_t
ngx_http_apievents_check_size(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *sizes)
{
    ngx_uint_t                  i;
    ngx_http_apievents_size_t  *size;

    if (sizes == NULL
        || (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE
                         |NGX_HTTP_OPTIONS|NGX_HTTP_TRACE)))
    {
        return NGX_OK;
    }

    size = sizes->elts;

    for (i = 0; i < sizes->nelts; i++) {

        if (!ngx_http_apievents_is_version(d, &size[i].version)
            || !ngx_http_apievents_path_match(r, d, &size[i].path))
        {
            continue;
        }

        if (r->headers_in.content_length_n < 0) {
            return ngx_http_apievents_refuse(d, &ngx_http_apievents_no_length);
        }

        if (r->headers_in.content_length_n > size[i].size) {
            return ngx_http_apievents_refuse(d, &ngx_http_apievents_too_large);
        }
    }

    return NGX_OK;
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
