/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Access rights: may this session call this API, and this path of it.
 */


#include "gate/gate_private.h"


/* facts: Tyk's 5.2; it raises nothing */

static const ngx_http_apievents_refusal_t  ngx_http_apievents_not_granted = {
    NGX_HTTP_FORBIDDEN,
    AE_AUTH_FAILURE,
    ngx_string("Access to this API has been disallowed"),
    ngx_string("Auth Failure"),
    ngx_string("Access to this API has been disallowed"),
    0,
    0
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_not_allowed = {
    NGX_HTTP_FORBIDDEN,
    AE_AUTH_FAILURE,
    ngx_string("Access to this resource has been disallowed"),
    ngx_string("Auth Failure"),
    ngx_string("Access to this resource has been disallowed"),
    0,
    0
};


ngx_int_t
ngx_http_apievents_step_rights(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t                        rc;
    ngx_http_apievents_right_t      *right;
    ngx_http_apievents_main_conf_t  *mcf;

    if (d->session->seen == d->conf) {
        d->right = d->session->seen_right;
        return NGX_OK;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (d->session->nrights == 0 && mcf->gate.master_keys == 1) {
        return NGX_OK;
    }

    right = ngx_http_apievents_right_find(d->session, &d->conf->gate.api);

    if (right == NULL) {
        return ngx_http_apievents_reject(r, d,
                                         &ngx_http_apievents_not_granted);
    }

    rc = ngx_http_apievents_version_rights(r, d, right->value);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_apievents_right_compile(mcf->store.zone, d->session, right);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    d->right = right;

    if (rc == NGX_DECLINED || !ngx_http_apievents_right_allows(r, d)) {
        return ngx_http_apievents_reject(r, d,
                                         &ngx_http_apievents_not_allowed);
    }

    /* a session belongs to one cycle, so the location cannot be another's */

    if (right->nurls == 0 && d->conf->gate.versions == NULL) {
        d->session->seen = d->conf;
        d->session->seen_right = right;
    }

    return NGX_OK;
}
