/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Where the decision about a client request is kept, and how it is found.
 */


#include "gate/gate_private.h"


static void ngx_http_apievents_decision_cleanup(void *data);


ngx_http_apievents_decision_t *
ngx_http_apievents_decision(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->main->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_apievents_decision_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


ngx_http_apievents_decision_t *
ngx_http_apievents_decision_create(ngx_http_request_t *r,
    ngx_http_apievents_loc_conf_t *conf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_apievents_decision_t  *d;

    cln = ngx_pool_cleanup_add(r->main->pool,
                               sizeof(ngx_http_apievents_decision_t));
    if (cln == NULL) {
        return NULL;
    }

    d = cln->data;
    ngx_memzero(d, sizeof(ngx_http_apievents_decision_t));

    d->conf = conf;
    cln->handler = ngx_http_apievents_decision_cleanup;

    return d;
}


static void
ngx_http_apievents_decision_cleanup(void *data)
{
    ngx_http_apievents_decision_t  *d = data;

    ngx_http_apievents_timeout_stop(d);
    ngx_http_apievents_breaker_forget(d);
    ngx_http_apievents_decision_session(d, NULL);
    ngx_http_apievents_decision_org(d, NULL);
}


void
ngx_http_apievents_decision_session(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_session_t *session)
{
    if (session != NULL) {
        ngx_http_apievents_session_keep(session);
    }

    if (d->session != NULL) {
        ngx_http_apievents_session_release(d->session);
    }

    d->session = session;
    d->right = NULL;
}


void
ngx_http_apievents_decision_org(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_session_t *org)
{
    if (org != NULL) {
        ngx_http_apievents_session_keep(org);
    }

    if (d->org != NULL) {
        ngx_http_apievents_session_release(d->org);
    }

    d->org = org;
}


ae_id_t
ngx_http_apievents_decision_key_id(ngx_http_apievents_decision_t *d)
{
    if (d->session != NULL) {
        return d->session->ref.key_id;
    }

    return ae_key_id((ae_str_t) { d->credential.len, d->credential.data });
}


ngx_uint_t
ngx_http_apievents_refusal_status(ngx_http_apievents_decision_t *d)
{
    ngx_uint_t  status;

    status = 0;

    if (d->conf->gate.statuses != NULL) {
        status = d->conf->gate.statuses[d->refusal->kind];
    }

    return status ? status : d->refusal->status;
}
