/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Organisations.  The one that the API belongs to is asked before anybody
 * looks for a credential (as in Tyk).  Its limits are only looked
 * at here; they are charged together with all others, so that a request that
 * is refused later is not charged to it.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_find_org(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);


/* as in Tyk */

static const ngx_http_apievents_refusal_t  ngx_http_apievents_org_disabled = {
    NGX_HTTP_FORBIDDEN,
    AE_EVENT_CUSTOM,
    ngx_string("this organisation access has been disabled, please contact "
               "your API administrator"),
    ngx_null_string,
    ngx_null_string,
    0,
    NGX_HTTP_APIEVENTS_REFUSED_OTHER
};


ngx_int_t
ngx_http_apievents_step_org(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_http_apievents_uses_t  u;

    if (d->conf->gate.org.len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_apievents_find_org(r, d);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (d->org->inactive) {
        return ngx_http_apievents_refuse(d, &ngx_http_apievents_org_disabled);
    }

    if (d->org->rate.max == 0 && d->org->quota.max == 0) {
        return NGX_OK;
    }

    ngx_http_apievents_uses_start(r, d, &u);
    ngx_http_apievents_org_uses(d, &u);

    for (i = 0; i < u.n; i++) {
        ae_limits_peek(u.zone->limits, &u.uses[i], &u.now);
    }

    for (i = 0; i < u.n; i++) {
        if (u.uses[i].remaining == 0) {
            return ngx_http_apievents_refuse_use(r, d, &u, i);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_find_org(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t                        rc;
    ngx_http_apievents_session_t    *org;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &d->conf->gate;

    /* the zone's secret is not known when the configuration is read */

    if (!gcf->org_known) {
        gcf->org_id = ngx_http_apievents_org_id(
                                   ngx_http_apievents_gate_zone(r), &gcf->org);
        gcf->org_known = 1;
    }

    rc = ngx_http_apievents_session_find(r, gcf->org_id, &org);

    if (rc == NGX_OK) {
        ngx_http_apievents_decision_org(d, org);
    }

    return rc;
}


void
ngx_http_apievents_org_uses(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_uses_t *u)
{
    if (d->org == NULL) {
        return;
    }

    ngx_http_apievents_uses_put(u, NGX_HTTP_APIEVENTS_USE_ORG,
                                &d->org->rate, d->org->rate_id);
    ngx_http_apievents_uses_put(u, NGX_HTTP_APIEVENTS_USE_ORG,
                                &d->org->quota, d->org->quota_id);
}
