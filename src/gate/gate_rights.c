/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Access rights: may this session call this API, and this path of it.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_record_rights(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_uint_t ngx_http_apievents_right_lists(const ae_value_t *right,
    const char *name);


/* as in Tyk; it raises nothing */

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

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (d->session->nrights == 0 && mcf->gate.master_keys == 1) {
        return NGX_OK;
    }

    if (d->session->record != NULL) {
        rc = ngx_http_apievents_record_rights(r, d);

        if (rc != NGX_AGAIN) {
            return rc;
        }
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


/* NGX_AGAIN: there is more to look at, the session is the whole one now */

static ngx_int_t
ngx_http_apievents_record_rights(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    int                              rc;
    ngx_http_apievents_session_t    *session;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &d->conf->gate;

    /* the zone's secret is not known when the configuration is read */

    if (gcf->api_hash == 0) {
        gcf->api_hash = ngx_http_apievents_api_hash(
                                   ngx_http_apievents_gate_zone(r), &gcf->api);
    }

    rc = ae_record_find(d->session->record, gcf->api_hash);

    if (rc == AE_OK && d->version == NULL) {
        return NGX_OK;
    }

    if (rc != AE_DECLINED) {
        rc = ngx_http_apievents_session_whole(r, d->session, &session);

        if (rc == NGX_OK) {
            ngx_http_apievents_decision_session(d, session);
            return NGX_AGAIN;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return ngx_http_apievents_reject(r, d, &ngx_http_apievents_not_granted);
}


ngx_uint_t
ngx_http_apievents_right_plain(const ngx_http_apievents_right_t *right)
{
    return !right->limited && right->scope.len == 0
           && !ngx_http_apievents_right_lists(right->value, "allowed_urls")
           && !ngx_http_apievents_right_lists(right->value, "endpoints");
}


static ngx_uint_t
ngx_http_apievents_right_lists(const ae_value_t *right, const char *name)
{
    const ae_value_t  *list;

    list = ae_value_get(right, name);

    return list != NULL && list->type == AE_ARRAY && list->count != 0;
}
