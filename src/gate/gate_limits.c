/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Holds a request against all limits that apply to it: those of the API's
 * organisation, of the session, and of the API.  They are charged together or
 * not at all.
 */


#include "gate/gate_private.h"


static ngx_http_apievents_held_t *ngx_http_apievents_held(
    ngx_http_apievents_decision_t *d);
static void ngx_http_apievents_fill_held(ngx_http_apievents_decision_t *d);
static ngx_inline ngx_uint_t ngx_http_apievents_held_fits(
    ngx_http_apievents_decision_t *d, ngx_http_apievents_held_t *held);
static ngx_int_t ngx_http_apievents_take_any(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d) ae_rare;
static ngx_int_t ngx_http_apievents_refuse_at(
    ngx_http_apievents_decision_t *d, ngx_uint_t refused);
static ngx_int_t ngx_http_apievents_take(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u);
static void ngx_http_apievents_session_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u);
static ngx_int_t ngx_http_apievents_api_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits,
    ngx_http_apievents_uses_t *u);
static ngx_http_apievents_limit_t *ngx_http_apievents_endpoint_limit(
    ngx_http_request_t *r, ngx_http_apievents_decision_t *d,
    ngx_array_t *limits);
static ngx_int_t ngx_http_apievents_limit_use(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_limit_t *limit,
    ngx_http_apievents_zone_t *zone, ae_limit_use_t *use);
static ae_id_t ngx_http_apievents_limit_id(
    ngx_http_apievents_gate_conf_t *gcf, ngx_http_apievents_limit_t *limit,
    ngx_str_t *key, ngx_http_apievents_zone_t *zone);
static ngx_int_t ngx_http_apievents_dry_runs(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits,
    ngx_http_apievents_uses_t *u);
static const ngx_http_apievents_refusal_t *ngx_http_apievents_limit_refusal(
    ae_limit_use_t *use, ngx_http_apievents_use_e kind);


/* as in Tyk; an API has no quota there */

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

static const ngx_http_apievents_refusal_t  ngx_http_apievents_org_rate = {
    NGX_HTTP_FORBIDDEN,
    AE_ORG_RATE_LIMIT_EXCEEDED,
    ngx_string("This organisation rate limit has been exceeded, please "
               "contact your API administrator"),
    ngx_string("Organisation rate limit has been exceeded"),
    ngx_null_string,
    0,
    NGX_HTTP_APIEVENTS_REFUSED_ORG
};

static const ngx_http_apievents_refusal_t  ngx_http_apievents_org_quota = {
    NGX_HTTP_FORBIDDEN,
    AE_ORG_QUOTA_EXCEEDED,
    ngx_string("This organisation quota has been exceeded, please contact "
               "your API administrator"),
    ngx_string("Organisation quota has been exceeded"),
    ngx_null_string,
    0,
    NGX_HTTP_APIEVENTS_REFUSED_ORG
};


ngx_int_t
ngx_http_apievents_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_held_t  *held;

    held = ngx_http_apievents_held(d);

    return (held != NULL) ? ngx_http_apievents_take_held(r, d, held)
                          : ngx_http_apievents_take_any(r, d);
}


static ngx_int_t
ngx_http_apievents_take_any(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t                        rc;
    ngx_http_apievents_uses_t        u;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &d->conf->gate;

    ngx_http_apievents_uses_start(r, d, &u);
    ngx_http_apievents_org_uses(d, &u);

    if (d->session != NULL) {
        ngx_http_apievents_session_limits(r, d, &u);
    }

    if (ngx_http_apievents_api_limits(r, d, gcf->rates, &u) != NGX_OK
        || ngx_http_apievents_api_limits(r, d, gcf->quotas, &u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_apievents_uses_learn(d, &u);

    rc = ngx_http_apievents_take(r, d, &u);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!gcf->dry_runs) {
        return NGX_OK;
    }

    if (ngx_http_apievents_dry_runs(r, d, gcf->rates, &u) != NGX_OK
        || ngx_http_apievents_dry_runs(r, d, gcf->quotas, &u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_http_apievents_held_t *
ngx_http_apievents_held(ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_held_t  *held;

    if (d->session == NULL || d->org != NULL) {
        return NULL;
    }

    held = *ngx_http_apievents_held_by(d);

    return (held != NULL && held->conf == &d->conf->gate) ? held : NULL;
}


ngx_int_t
ngx_http_apievents_take_held(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_held_t *held)
{
    ngx_http_apievents_zone_t  *zone;

    d->nuses = held->n;
    d->kinds = held->kinds;
    d->limits = held->limits;

    zone = ngx_http_apievents_gate_zone(r);

    ngx_http_apievents_now(&d->now);
    d->asked = d->now.wall;

    if (held->n != 0) {
        ngx_memcpy(d->uses, held->uses, held->n * sizeof(ae_limit_use_t));

        if (d->session->record != NULL) {
            ngx_http_apievents_fill_held(d);
        }

        if (held->items != NULL && ngx_http_apievents_held_fits(d, held)) {
            d->held = held;
        }

        if (ae_limits_take(zone->limits, d->uses, held->n, &d->now,
                           &d->refused)
            == AE_DECLINED)
        {
            return ngx_http_apievents_refuse_at(d, d->refused);
        }
    }

    d->charged = d->uses;
    d->ncharged = d->nuses;

    return NGX_OK;
}


/* the session's own stand first, as in session_limits() */

static void
ngx_http_apievents_fill_held(ngx_http_apievents_decision_t *d)
{
    ae_limit_use_t                *use;
    ngx_http_apievents_session_t  *session;

    use = d->uses;
    session = d->session;

    if (d->conf->gate.key_rate && session->rate.max != 0) {
        use->rule.max = session->rate.max;
        use->rule.period = session->rate.period;
        use->id = session->rate_id;
        use++;
    }

    if (d->conf->gate.key_quota && session->quota.max != 0) {
        use->rule.max = session->quota.max;
        use->rule.period = session->quota.period;
        use->id = session->quota_id;
    }
}


/* what a location keeps is of the first session that came; of this one's own
 * limits nothing but the numbers differs */

static ngx_inline ngx_uint_t
ngx_http_apievents_held_fits(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_held_t *held)
{
    uint64_t                differs;
    ngx_uint_t              i;
    const ae_limit_rule_t  *one, *two;

    differs = 0;

    for (i = 0; i < held->n && held->limits[i] == NULL; i++) {
        one = &d->uses[i].rule;
        two = &held->uses[i].rule;

        differs |= (one->max ^ two->max) | (one->period ^ two->period);
    }

    return differs == 0;
}


static ngx_int_t
ngx_http_apievents_take(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u)
{
    size_t  refused;

    if (u->n != 0
        && ae_limits_take(u->zone->limits, u->uses, u->n, &u->now, &refused)
           == AE_DECLINED)
    {
        return ngx_http_apievents_refuse_use(r, d, u, refused);
    }

    ngx_http_apievents_uses_keep(d, u);

    d->charged = d->uses;
    d->ncharged = d->nuses;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_refuse_use(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u,
    ngx_uint_t refused)
{
    ngx_http_apievents_uses_keep(d, u);

    return ngx_http_apievents_refuse_at(d, refused);
}


static ngx_int_t
ngx_http_apievents_refuse_at(ngx_http_apievents_decision_t *d,
    ngx_uint_t refused)
{
    ngx_http_apievents_use_e  kind;

    kind = d->kinds[refused];

    d->refused = refused;
    d->api_wide = (kind == NGX_HTTP_APIEVENTS_USE_API) ? 1 : 0;
    d->of_org = (kind == NGX_HTTP_APIEVENTS_USE_ORG) ? 1 : 0;

    return ngx_http_apievents_refuse(d,
                    ngx_http_apievents_limit_refusal(&d->uses[refused], kind));
}


/* its rights to this API may have limits in their place, and an endpoint of
 * them a rate */

static void
ngx_http_apievents_session_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u)
{
    ngx_http_apievents_right_t  *right;
    ngx_http_apievents_rated_t  *endpoint;

    right = d->right;
    endpoint = NULL;

    if (right != NULL && right->nendpoints != 0 && d->conf->gate.key_rate) {
        endpoint = ngx_http_apievents_right_endpoint(r, d);
    }

    if (endpoint != NULL) {
        ngx_http_apievents_uses_put(u, NGX_HTTP_APIEVENTS_USE_ENDPOINT,
                                    &endpoint->rule, endpoint->id);

    } else if (d->conf->gate.key_rate) {
        ngx_http_apievents_uses_put(u, NGX_HTTP_APIEVENTS_USE_KEY,
                                    right ? &right->rate : &d->session->rate,
                                    right ? right->rate_id
                                          : d->session->rate_id);
    }

    if (d->conf->gate.key_quota) {
        ngx_http_apievents_uses_put(u, NGX_HTTP_APIEVENTS_USE_KEY,
                                    right ? &right->quota : &d->session->quota,
                                    right ? right->quota_id
                                          : d->session->quota_id);
    }
}


static ngx_int_t
ngx_http_apievents_api_limits(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits,
    ngx_http_apievents_uses_t *u)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ae_limit_use_t              *use;
    ngx_http_apievents_limit_t  *limit, *endpoint;

    if (limits == NULL) {
        return NGX_OK;
    }

    limit = limits->elts;
    endpoint = NULL;

    if (d->conf->gate.endpoints) {
        endpoint = ngx_http_apievents_endpoint_limit(r, d, limits);
    }

    for (i = 0; i < limits->nelts; i++) {

        if (limit[i].dry_run || limit[i].unlimited
            || (endpoint != NULL ? &limit[i] != endpoint
                                 : limit[i].path != NULL))
        {
            continue;
        }

        use = ngx_http_apievents_uses_add(u, NGX_HTTP_APIEVENTS_USE_API);

        if (use == NULL) {
            break;
        }

        u->limits[u->n - 1] = &limit[i];

        rc = ngx_http_apievents_limit_use(r, d, &limit[i], u->zone, use);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            u->n--;
        }
    }

    return NGX_OK;
}


/* as in Tyk, the first one that matches stands for the API's own */

static ngx_http_apievents_limit_t *
ngx_http_apievents_endpoint_limit(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *limits)
{
    ngx_uint_t                   i;
    ngx_http_apievents_limit_t  *limit;

    limit = limits->elts;

    for (i = 0; i < limits->nelts; i++) {

        if (limit[i].path != NULL
            && ngx_http_apievents_is_version(d, &limit[i].version)
            && ngx_http_apievents_path_match(r, d, limit[i].path))
        {
            return &limit[i];
        }
    }

    return NULL;
}


/* NGX_DECLINED: its key is empty, so it is not for this request */

static ngx_int_t
ngx_http_apievents_limit_use(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_limit_t *limit,
    ngx_http_apievents_zone_t *zone, ae_limit_use_t *use)
{
    ae_id_t                         *id;
    ngx_str_t                        key;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &d->conf->gate;
    use->rule = limit->rule;

    if (limit->key != NULL) {

        if (ngx_http_complex_value(r, limit->key, &key) != NGX_OK) {
            return NGX_ERROR;
        }

        if (key.len == 0) {
            return NGX_DECLINED;
        }

        use->id = ngx_http_apievents_limit_id(gcf, limit, &key, zone);

        return NGX_OK;
    }

    id = gcf->limit_ids;

    if (gcf->rates != NULL) {

        if (!limit->quota) {
            id += limit - (ngx_http_apievents_limit_t *) gcf->rates->elts;

        } else {
            id += gcf->rates->nelts;
        }
    }

    if (limit->quota) {
        id += limit - (ngx_http_apievents_limit_t *) gcf->quotas->elts;
    }

    if (id->h[0] == 0 && id->h[1] == 0) {
        ngx_str_set(&key, "");
        *id = ngx_http_apievents_limit_id(gcf, limit, &key, zone);
    }

    use->id = *id;

    return NGX_OK;
}


static ae_id_t
ngx_http_apievents_limit_id(ngx_http_apievents_gate_conf_t *gcf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *key,
    ngx_http_apievents_zone_t *zone)
{
    ae_str_t  parts[8];

    parts[0] = ae_str("api limit");
    parts[1] = (ae_str_t) { gcf->api.len, gcf->api.data };
    parts[2] = (ae_str_t) { 1, (u_char *) "\0" };
    parts[3] = (ae_str_t) { gcf->org.len, gcf->org.data };
    parts[4] = parts[2];
    parts[5] = (ae_str_t) { limit->text.len, limit->text.data };
    parts[6] = parts[2];
    parts[7] = (ae_str_t) { key->len, key->data };

    return ae_hash(zone->secret, parts, 8);
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
                    ngx_http_apievents_limit_refusal(&use,
                                               NGX_HTTP_APIEVENTS_USE_API));
        }
    }

    return NGX_OK;
}


static const ngx_http_apievents_refusal_t *
ngx_http_apievents_limit_refusal(ae_limit_use_t *use,
    ngx_http_apievents_use_e kind)
{
    ngx_uint_t  quota;

    quota = (use->rule.mode == AE_LIMIT_QUOTA);

    switch (kind) {

    case NGX_HTTP_APIEVENTS_USE_ORG:
        return quota ? &ngx_http_apievents_org_quota
                     : &ngx_http_apievents_org_rate;

    case NGX_HTTP_APIEVENTS_USE_API:
        return quota ? &ngx_http_apievents_over_quota
                     : &ngx_http_apievents_over_rate;

    default: /* NGX_HTTP_APIEVENTS_USE_KEY, NGX_HTTP_APIEVENTS_USE_ENDPOINT */
        return quota ? &ngx_http_apievents_key_quota
                     : &ngx_http_apievents_key_rate;
    }
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
