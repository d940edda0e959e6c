/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What most requests meet at most locations: a key in Authorization whose
 * session may call the API and is held against the limits of the last one, and
 * a closed breaker.  It does no more than the steps, at once; as soon as
 * anything is otherwise they go on from there.
 */


#include "gate/gate_private.h"


static ngx_inline ngx_uint_t ngx_http_apievents_quick_granted(
    ngx_http_request_t *r, ngx_http_apievents_decision_t *d);


/* NGX_DECLINED: the steps go on from the decision's */

ngx_int_t
ngx_http_apievents_quick(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ae_id_t                          id;
    ngx_http_apievents_held_t       *held;
    ngx_http_apievents_session_t    *session;
    ngx_http_apievents_gate_conf_t  *gcf;

    if (ngx_http_apievents_authorization(r, &d->credential) != NGX_OK) {
        return NGX_DECLINED;
    }

    id = ngx_http_apievents_credential_id(ngx_http_apievents_gate_zone(r),
                                          &d->credential);

    if (ngx_http_apievents_session_find(r, id, &session) != NGX_OK) {
        d->step = NGX_HTTP_APIEVENTS_STEP_SESSION;
        return NGX_DECLINED;
    }

    ngx_http_apievents_session_keep(session);

    d->session = session;

    if (!ngx_http_apievents_quick_granted(r, d)) {
        d->step = NGX_HTTP_APIEVENTS_STEP_EXPIRY;
        return NGX_DECLINED;
    }

    gcf = &d->conf->gate;
    held = *ngx_http_apievents_held_by(d);

    if (held == NULL || held->conf != gcf) {
        d->step = NGX_HTTP_APIEVENTS_STEP_LIMITS;
        return NGX_DECLINED;
    }

    if (ngx_http_apievents_take_held(r, d, held) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (gcf->breaker != NULL) {
        d->step = NGX_HTTP_APIEVENTS_STEP_BREAKER;

        if (ngx_http_apievents_step_breaker(r, d) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    d->step = NGX_HTTP_APIEVENTS_STEP_PASSED;

    return NGX_OK;
}


static ngx_inline ngx_uint_t
ngx_http_apievents_quick_granted(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_session_t    *session;
    ngx_http_apievents_main_conf_t  *mcf;

    session = d->session;

    if (session->broken || session->inactive
        || (session->expires >= 1 && ngx_time() > session->expires))
    {
        return 0;
    }

    if (session->seen == d->conf) {
        d->right = session->seen_right;
        return 1;
    }

    if (session->nrights == 0) {
        mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

        return mcf->gate.master_keys == 1;
    }

    return session->record != NULL && d->conf->gate.api_hash != 0
           && ae_record_find(session->record, d->conf->gate.api_hash) == AE_OK;
}
