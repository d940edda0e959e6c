/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The gate's phase handlers.  The access handler decides, once a client
 * request, step by step; a step may park the request and is entered again.
 *
 * With "satisfy any" another module may let a request pass whose credential
 * the gate refuses, or end the phase before the gate is asked.  The precontent
 * handler sees both and still holds such a request against the limits.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_access_handler(ngx_http_request_t *r)
    ae_often;
static ngx_int_t ngx_http_apievents_precontent_handler(ngx_http_request_t *r)
    ae_often;
static ngx_int_t ngx_http_apievents_log_handler(ngx_http_request_t *r)
    ae_often;
static ngx_int_t ngx_http_apievents_decide_late(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_inline ngx_int_t ngx_http_apievents_start(ngx_http_request_t *r,
    ngx_http_apievents_decision_t **d);
static ngx_uint_t ngx_http_apievents_error_page(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_decide(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_step_active(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_step_credential(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_step_session(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_step_expiry(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_step_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_step_refusing(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_int_t ngx_http_apievents_answer(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static ngx_uint_t ngx_http_apievents_satisfy_any(ngx_http_request_t *r);


/*
 * By ngx_http_apievents_step_e; one that has passed makes no step.  One that
 * did the next ones too has put the last into the decision.
 */

static ngx_int_t  (*const ngx_http_apievents_steps[])(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) =
{
    ngx_http_apievents_step_active,
    ngx_http_apievents_step_options,
    ngx_http_apievents_step_version,
    ngx_http_apievents_step_address,
    ngx_http_apievents_step_org,
    ngx_http_apievents_step_credential,
    ngx_http_apievents_step_session,
    ngx_http_apievents_step_expiry,
    ngx_http_apievents_step_rights,
    ngx_http_apievents_step_limits,
    ngx_http_apievents_step_breaker,
    NULL,
    ngx_http_apievents_step_refusing
};


/* as in Tyk; an API that is off is as if unknown */

static const ngx_http_apievents_refusal_t  ngx_http_apievents_not_active = {
    NGX_HTTP_NOT_FOUND,
    AE_EVENT_CUSTOM,
    ngx_string("Not Found"),
    ngx_null_string,
    ngx_null_string,
    1,
    0
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_no_credential = {
    NGX_HTTP_UNAUTHORIZED,
    AE_AUTH_FAILURE,
    ngx_string("Authorization field missing"),
    ngx_string("Auth Failure"),
    ngx_string("Authorization field missing"),
    0,
    0
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_unknown_key = {
    NGX_HTTP_FORBIDDEN,
    AE_AUTH_FAILURE,
    ngx_string("Access to this API has been disallowed"),
    ngx_string("Auth Failure"),
    ngx_null_string,
    0,
    0
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_no_policy = {
    NGX_HTTP_FORBIDDEN,
    AE_AUTH_FAILURE,
    ngx_string("Access to this API has been disallowed"),
    ngx_string("Auth Failure"),
    ngx_string("Key has no valid policies"),
    0,
    0
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_inactive_key = {
    NGX_HTTP_FORBIDDEN,
    AE_KEY_EXPIRED,
    ngx_string("Key is inactive, please renew"),
    ngx_string("Attempted access from inactive key."),
    ngx_null_string,
    0,
    0
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_expired_key = {
    NGX_HTTP_UNAUTHORIZED,
    AE_KEY_EXPIRED,
    ngx_string("Key has expired, please renew"),
    ngx_string("Attempted access from expired key."),
    ngx_null_string,
    0,
    0
};


ngx_int_t
ngx_http_apievents_gate_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    static struct {
        ngx_http_phases         phase;
        ngx_http_handler_pt     handler;
    } hooks[] = {
        { NGX_HTTP_ACCESS_PHASE, ngx_http_apievents_access_handler },
        { NGX_HTTP_PRECONTENT_PHASE, ngx_http_apievents_precontent_handler },
        { NGX_HTTP_LOG_PHASE, ngx_http_apievents_log_handler }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < 3; i++) {
        h = ngx_array_push(&cmcf->phases[hooks[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = hooks[i].handler;
    }

    ngx_http_apievents_request_init(cf);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_apievents_decision_t  *d;

    rc = ngx_http_apievents_start(r, &d);
    if (rc != NGX_OK) {
        return rc;
    }

    if (d->step == NGX_HTTP_APIEVENTS_STEP_ACTIVE && d->conf->gate.quick) {
        rc = ngx_http_apievents_quick(r, d);

        if (rc == NGX_OK) {
            return NGX_OK;
        }

    } else if (d->step == NGX_HTTP_APIEVENTS_STEP_PASSED
               || ngx_http_apievents_error_page(r, d))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_apievents_decide(r, d);

    /* who needs no key is not thereby let past other modules' checks */

    if (rc == NGX_OK && (d->conf->gate.auth->nelts == 0 || d->ignored)) {
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_http_apievents_precontent_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_apievents_decision_t  *d;

    rc = ngx_http_apievents_start(r, &d);
    if (rc != NGX_OK) {
        return rc;
    }

    if (d->step != NGX_HTTP_APIEVENTS_STEP_PASSED) {
        rc = ngx_http_apievents_decide_late(r, d);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* a page about another module's refusal does not make it undone */

    if (r->error_page || r->err_status != 0) {
        return NGX_DECLINED;
    }

    d->confirmed = 1;

    if (d->conf->gate.monitor != NULL) {
        ngx_http_apievents_watch_quotas(r, d);
    }

    if (d->conf->gate.versions == NULL && d->conf->gate.more == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_apievents_dress_choose(r, d) != NGX_OK
        || ngx_http_apievents_strip_version(r, d) != NGX_OK
        || ngx_http_apievents_dress_request(r, d) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* NGX_DECLINED: it has come for its error page */

static ngx_int_t
ngx_http_apievents_decide_late(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    if (d->step == NGX_HTTP_APIEVENTS_STEP_ACTIVE) {
        d->satisfied = ngx_http_apievents_satisfy_any(r);
    }

    if (d->step == NGX_HTTP_APIEVENTS_STEP_REFUSED && d->pending
        && ngx_http_get_module_ctx(r, ngx_http_apievents_module) == d)
    {
        ngx_http_set_ctx(r, NULL, ngx_http_apievents_module);

        d->pending = 0;
        d->refusal = NULL;
        d->step = NGX_HTTP_APIEVENTS_STEP_LIMITS;

        ngx_http_apievents_decision_session(d, NULL);
    }

    if (ngx_http_apievents_error_page(r, d)) {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_decide(r, d);
}


static ngx_int_t
ngx_http_apievents_log_handler(ngx_http_request_t *r)
{
    ngx_http_apievents_decision_t  *d;

    if (r != r->main) {
        return NGX_OK;
    }

    d = ngx_http_apievents_decision(r);

    if (d == NULL) {
        return NGX_OK;
    }

    if (d->entered || d->trials != NULL) {
        ngx_http_apievents_breaker_sample(r, d);
    }

    ngx_http_apievents_health_count(r, d);

    if (d->refusal == NULL && d->confirmed
        && d->conf->gate.monitor == NULL)
    {
        return NGX_OK;
    }

    /* with satisfy any it may have ended before others had their say */

    if (d->refusal != NULL && !d->raised
        && !(d->pending
             && (r->access_code
                 || d->step != NGX_HTTP_APIEVENTS_STEP_REFUSED)))
    {
        ngx_http_apievents_raise_refusal(r, d);
    }

    if (d->step == NGX_HTTP_APIEVENTS_STEP_PASSED && !d->confirmed
        && (r->headers_out.status == 0
            || r->headers_out.status >= NGX_HTTP_BAD_REQUEST))
    {
        ngx_http_apievents_refund(r, d);
    }

    if (d->step == NGX_HTTP_APIEVENTS_STEP_PASSED
        && d->conf->gate.monitor != NULL)
    {
        ngx_http_apievents_watch_quotas(r, d);
    }

    return NGX_OK;
}


static ngx_inline ngx_int_t
ngx_http_apievents_start(ngx_http_request_t *r,
    ngx_http_apievents_decision_t **d)
{
    ngx_http_apievents_loc_conf_t  *lcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    *d = ngx_http_apievents_decision(r);

    if (*d != NULL) {
        return NGX_OK;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    if (lcf->gate.api.len == 0 || lcf->gate.exempt) {
        return NGX_DECLINED;
    }

    *d = ngx_http_apievents_decision_create(r, lcf);

    return (*d == NULL) ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_OK;
}


/*
 * A refused request comes again for its error page, which is let through; or,
 * while nginx still has an access code for it, after another module's redirect
 * in the access phase, which is not.  Where its body could not be read, it was
 * refused for that, before the refusal was complete.
 */

static ngx_uint_t
ngx_http_apievents_error_page(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    if (d->step == NGX_HTTP_APIEVENTS_STEP_REFUSING) {
        return !d->body_known;
    }

    return d->step == NGX_HTTP_APIEVENTS_STEP_REFUSED
           && !(d->pending && r->access_code);
}


static ngx_int_t
ngx_http_apievents_decide(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t   rc;
    ngx_uint_t  first;

    first = d->step;

    for ( ;; ) {
        d->step = __builtin_ctzl(d->conf->gate.steps
                                 & (~(ngx_uint_t) 0 << first));

        if (d->step == NGX_HTTP_APIEVENTS_STEP_PASSED) {
            return NGX_OK;
        }

        if (d->step == NGX_HTTP_APIEVENTS_STEP_REFUSED) {
            return ngx_http_apievents_answer(r, d);
        }

        rc = ngx_http_apievents_steps[d->step](r, d);

        if (rc == NGX_OK) {
            first = d->step + 1;
            continue;
        }

        if (rc != NGX_DECLINED) {
            return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
        }

        first = d->step;
    }
}


static ngx_int_t
ngx_http_apievents_step_active(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    if (d->conf->gate.active) {
        return NGX_OK;
    }

    return ngx_http_apievents_refuse(d, &ngx_http_apievents_not_active);
}


static ngx_int_t
ngx_http_apievents_step_credential(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t  rc;

    if (d->conf->gate.auth->nelts == 0 || d->ignored) {
        d->step = NGX_HTTP_APIEVENTS_STEP_LIMITS;
        return NGX_DECLINED;
    }

    rc = ngx_http_apievents_credential(r, d->conf->gate.auth, &d->credential);

    if (rc == NGX_DECLINED) {
        return ngx_http_apievents_reject(r, d,
                                         &ngx_http_apievents_no_credential);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    /* nothing stands between it and the next ones, as a rule */

    d->step = NGX_HTTP_APIEVENTS_STEP_SESSION;

    return ngx_http_apievents_step_session(r, d);
}


static ngx_int_t
ngx_http_apievents_step_session(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ae_id_t                          id;
    ngx_int_t                        rc;
    ngx_http_apievents_session_t    *session;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    id = ngx_http_apievents_credential_id(mcf->store.zone, &d->credential);

    rc = ngx_http_apievents_session_find(r, id, &session);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_apievents_session_named(r, &d->credential, id,
                                              &session);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_apievents_reject(r, d,
                                         &ngx_http_apievents_unknown_key);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_apievents_decision_session(d, session);

    d->step = NGX_HTTP_APIEVENTS_STEP_EXPIRY;

    return ngx_http_apievents_step_expiry(r, d);
}


/* as in Tyk; it looks at is_inactive first */

static ngx_int_t
ngx_http_apievents_step_expiry(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t  rc;

    if (d->session->broken) {
        return ngx_http_apievents_reject(r, d, &ngx_http_apievents_no_policy);
    }

    if (d->session->inactive) {
        return ngx_http_apievents_reject(r, d,
                                         &ngx_http_apievents_inactive_key);
    }

    if (d->session->expires >= 1 && ngx_time() > d->session->expires) {
        return ngx_http_apievents_reject(r, d,
                                         &ngx_http_apievents_expired_key);
    }

    d->step = NGX_HTTP_APIEVENTS_STEP_RIGHTS;

    if (d->session->seen == d->conf) {
        d->right = d->session->seen_right;

    } else {
        rc = ngx_http_apievents_step_rights(r, d);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    d->step = NGX_HTTP_APIEVENTS_STEP_LIMITS;

    return ngx_http_apievents_step_limits(r, d);
}


static ngx_int_t
ngx_http_apievents_step_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t  rc;

    if (d->conf->gate.more != NULL) {
        rc = ngx_http_apievents_rates(r, d);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    rc = ngx_http_apievents_limits(r, d);

    if (rc == NGX_DECLINED) {
        d->step = NGX_HTTP_APIEVENTS_STEP_REFUSING;
        return NGX_DECLINED;
    }

    if (rc != NGX_OK
        || !(d->conf->gate.steps & 1 << NGX_HTTP_APIEVENTS_STEP_BREAKER))
    {
        return rc;
    }

    d->step = NGX_HTTP_APIEVENTS_STEP_BREAKER;

    return ngx_http_apievents_step_breaker(r, d);
}


ngx_int_t
ngx_http_apievents_refuse(ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal)
{
    d->refusal = refusal;
    d->step = NGX_HTTP_APIEVENTS_STEP_REFUSING;

    return NGX_DECLINED;
}


/* a refusal for want of a good credential */

ngx_int_t
ngx_http_apievents_reject(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d,
    const ngx_http_apievents_refusal_t *refusal)
{
    if (d->satisfied) {
        ngx_http_apievents_decision_session(d, NULL);
        d->step = NGX_HTTP_APIEVENTS_STEP_LIMITS;

        return NGX_DECLINED;
    }

    d->refusal = refusal;
    d->pending = ngx_http_apievents_satisfy_any(r);
    d->step = NGX_HTTP_APIEVENTS_STEP_REFUSING;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_apievents_step_refusing(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t  rc;

    if (ngx_http_apievents_wants_request(r, d)) {
        rc = ngx_http_apievents_read_body(r, d);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (!d->pending) {
        ngx_http_apievents_raise_refusal(r, d);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_answer(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_set_ctx(r, d, ngx_http_apievents_module);

    /* nginx lets other modules overrule an access handler's 401 and 403 */

    if (!d->pending && ngx_http_apievents_satisfy_any(r)) {
        ngx_http_finalize_request(r, ngx_http_apievents_refusal_status(d));
        return NGX_DONE;
    }

    return ngx_http_apievents_refusal_status(d);
}


static ngx_uint_t
ngx_http_apievents_satisfy_any(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return clcf->satisfy == NGX_HTTP_SATISFY_ANY;
}
