/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Holds a request against all limits that apply to it: the session's rate and
 * quota, then the API's.  They are charged together or not at all.
 */


#include "gate/gate_private.h"


typedef struct {
    ae_now_t                     now;
    ngx_http_apievents_zone_t   *zone;
    ngx_uint_t                   n;
    ae_limit_use_t               uses[AE_LIMIT_USES];
    ngx_uint_t                   of_api[AE_LIMIT_USES];
} ngx_http_apievents_uses_t;


static void ngx_http_apievents_session_limits(
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u);
static ngx_int_t ngx_http_apievents_api_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits,
    ngx_http_apievents_uses_t *u);
static ngx_int_t ngx_http_apievents_limit_use(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_limit_t *limit,
    ngx_http_apievents_zone_t *zone, ae_limit_use_t *use);
static ngx_int_t ngx_http_apievents_dry_runs(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits,
    ngx_http_apievents_uses_t *u);
static void ngx_http_apievents_note_use(ngx_http_apievents_decision_t *d,
    ae_limit_use_t *use, ae_now_t *now);
static ngx_int_t ngx_http_apievents_note_charged(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u);
static const ngx_http_apievents_refusal_t *ngx_http_apievents_limit_refusal(
    ae_limit_use_t *use, ngx_uint_t of_api);
static ngx_http_apievents_zone_t *ngx_http_apievents_gate_zone(
    ngx_http_request_t *r);


/* facts: Tyk's 1.2 and 5.2; an API has no quota there */

static const ngx_http_apievents_refusal_t  ngx_http_apievents_key_rate = {
    NGX_HTTP_TOO_MANY_REQUESTS,
    AE_RATELIMIT_EXCEEDED,
    ngx_string("Rate Limit Exceeded"),
    ngx_string("Rate Limit Exceeded"),
    ngx_null_string,
    0,
    NGX_HTTP_APIEVENTS_REFUSED_RATE
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_key_quota = {
    NGX_HTTP_FORBIDDEN,
    AE_QUOTA_EXCEEDED,
    ngx_string("Quota exceeded"),
    ngx_string("Key Quota Limit Exceeded"),
    ngx_null_string,
    0,
    NGX_HTTP_APIEVENTS_REFUSED_QUOTA
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_over_rate = {
    NGX_HTTP_TOO_MANY_REQUESTS,
    AE_RATELIMIT_EXCEEDED,
    ngx_string("API Rate Limit Exceeded"),
    ngx_string("API Rate Limit Exceeded"),
    ngx_null_string,
    0,
    NGX_HTTP_APIEVENTS_REFUSED_RATE
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_over_quota = {
    NGX_HTTP_FORBIDDEN,
    AE_QUOTA_EXCEEDED,
    ngx_string("Quota exceeded"),
    ngx_string("API Quota Limit Exceeded"),
    ngx_null_string,
    0,
    NGX_HTTP_APIEVENTS_REFUSED_QUOTA
};


ngx_int_t
ngx_http_apievents_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    int                              rc;
    size_t                           refused;
    ngx_uint_t                       i;
    ngx_http_apievents_uses_t        u;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &d->conf->gate;

    u.n = 0;
    u.zone = ngx_http_apievents_gate_zone(r);
    ae_now(&u.now);

    if (d->session != NULL) {
        ngx_http_apievents_session_limits(d, &u);
    }

    if (ngx_http_apievents_api_limits(r, d, gcf->rates, &u) != NGX_OK
        || ngx_http_apievents_api_limits(r, d, gcf->quotas, &u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = AE_OK;

    if (u.n != 0) {
        rc = ae_limits_take(u.zone->limits, u.uses, u.n, &u.now, &refused);
    }

    d->has_rate = 0;
    d->has_quota = 0;

    for (i = 0; i < u.n; i++) {
        ngx_http_apievents_note_use(d, &u.uses[i], &u.now);
    }

    if (rc == AE_DECLINED) {
        d->api_wide = u.of_api[refused] ? 1 : 0;
        d->refusal = ngx_http_apievents_limit_refusal(&u.uses[refused],
                                                      d->api_wide);
        return NGX_DECLINED;
    }

    if (ngx_http_apievents_note_charged(r, d, &u) != NGX_OK
        || ngx_http_apievents_dry_runs(r, d, gcf->rates, &u) != NGX_OK
        || ngx_http_apievents_dry_runs(r, d, gcf->quotas, &u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_apievents_session_limits(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_uses_t *u)
{
    ae_limit_use_t                *use;
    ngx_http_apievents_session_t  *session;

    session = d->session;

    if (session->rate.max != 0 && d->conf->gate.key_rate) {
        use = &u->uses[u->n];

        use->rule = session->rate;
        use->id = ngx_http_apievents_session_limit_id(u->zone, session,
                                                      "rate", NULL);
        u->of_api[u->n++] = 0;
    }

    if (session->quota.max != 0 && d->conf->gate.key_quota) {
        use = &u->uses[u->n];

        use->rule = session->quota;
        use->id = ngx_http_apievents_session_limit_id(u->zone, session,
                                                      "quota", NULL);
        u->of_api[u->n++] = 0;
    }
}


static ngx_int_t
ngx_http_apievents_api_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits,
    ngx_http_apievents_uses_t *u)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_http_apievents_limit_t  *limit;

    if (limits == NULL) {
        return NGX_OK;
    }

    limit = limits->elts;

    /* the configuration has no more than fit */

    for (i = 0; i < limits->nelts && u->n < AE_LIMIT_USES; i++) {

        if (limit[i].dry_run) {
            continue;
        }

        rc = ngx_http_apievents_limit_use(r, d, &limit[i], u->zone,
                                          &u->uses[u->n]);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            u->of_api[u->n++] = 1;
        }
    }

    return NGX_OK;
}


/* NGX_DECLINED: its key is empty, so it is not for this request */

static ngx_int_t
ngx_http_apievents_limit_use(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_limit_t *limit,
    ngx_http_apievents_zone_t *zone, ae_limit_use_t *use)
{
    ae_str_t                         parts[8];
    ngx_str_t                        key;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &d->conf->gate;

    ngx_str_set(&key, "");

    if (limit->key != NULL) {

        if (ngx_http_complex_value(r, limit->key, &key) != NGX_OK) {
            return NGX_ERROR;
        }

        if (key.len == 0) {
            return NGX_DECLINED;
        }
    }

    parts[0] = ae_str("api limit");
    parts[1] = (ae_str_t) { gcf->api.len, gcf->api.data };
    parts[2] = (ae_str_t) { 1, (u_char *) "\0" };
    parts[3] = (ae_str_t) { gcf->org.len, gcf->org.data };
    parts[4] = parts[2];
    parts[5] = (ae_str_t) { limit->text.len, limit->text.data };
    parts[6] = parts[2];
    parts[7] = (ae_str_t) { key.len, key.data };

    use->rule = limit->rule;
    use->id = ae_hash(zone->secret, parts, 8);

    return NGX_OK;
}


/* only what passed is counted, and each limit on its own */

static ngx_int_t
ngx_http_apievents_dry_runs(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits,
    ngx_http_apievents_uses_t *u)
{
    size_t                       refused;
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ae_limit_use_t               use;
    ngx_http_apievents_limit_t  *limit;

    if (limits == NULL) {
        return NGX_OK;
    }

    limit = limits->elts;

    for (i = 0; i < limits->nelts; i++) {

        if (!limit[i].dry_run) {
            continue;
        }

        rc = ngx_http_apievents_limit_use(r, d, &limit[i], u->zone, &use);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK
            && ae_limits_take(u->zone->limits, &use, 1, &u->now, &refused)
               == AE_DECLINED)
        {
            ngx_http_apievents_raise_dry_run(r, d,
                                    ngx_http_apievents_limit_refusal(&use, 1));
        }
    }

    return NGX_OK;
}


/* the variables show the limit of its kind that has least left */

static void
ngx_http_apievents_note_use(ngx_http_apievents_decision_t *d,
    ae_limit_use_t *use, ae_now_t *now)
{
    if (use->rule.mode != AE_LIMIT_QUOTA) {

        if (!d->has_rate || use->remaining < d->rate_remaining) {
            d->has_rate = 1;
            d->rate_remaining = use->remaining;
        }

        return;
    }

    if (d->has_quota && use->remaining >= d->quota_remaining) {
        return;
    }

    d->has_quota = 1;
    d->quota_remaining = use->remaining;
    d->quota_reset = 0;

    if (use->reset != UINT64_MAX) {
        d->quota_reset = (now->wall + use->reset) / 1000000000;
    }
}


static ngx_int_t
ngx_http_apievents_note_charged(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u)
{
    if (u->n == 0) {
        return NGX_OK;
    }

    d->charged = ngx_palloc(r->pool, u->n * sizeof(ae_limit_use_t));
    if (d->charged == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(d->charged, u->uses, u->n * sizeof(ae_limit_use_t));
    d->ncharged = u->n;

    return NGX_OK;
}


static const ngx_http_apievents_refusal_t *
ngx_http_apievents_limit_refusal(ae_limit_use_t *use, ngx_uint_t of_api)
{
    if (use->rule.mode == AE_LIMIT_QUOTA) {
        return of_api ? &ngx_http_apievents_over_quota
                      : &ngx_http_apievents_key_quota;
    }

    return of_api ? &ngx_http_apievents_over_rate
                  : &ngx_http_apievents_key_rate;
}


void
ngx_http_apievents_refund(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ae_now_t                    now;
    ngx_http_apievents_zone_t  *zone;

    if (d->ncharged == 0) {
        return;
    }

    zone = ngx_http_apievents_gate_zone(r);
    ae_now(&now);

    ae_limits_refund(zone->limits, d->charged, d->ncharged, &now);
    d->ncharged = 0;
}


static ngx_http_apievents_zone_t *
ngx_http_apievents_gate_zone(ngx_http_request_t *r)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    return mcf->store.zone;
}
