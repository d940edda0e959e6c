/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The limits that a request is held against, while they are put together, and
 * what the decision keeps of them for headers, variables and a refund.
 */


#include "gate/gate_private.h"


static void ngx_http_apievents_note_use(ngx_http_apievents_decision_t *d,
    ae_limit_use_t *use, ae_now_t *now);


void
ngx_http_apievents_uses_start(ngx_http_request_t *r,
    ngx_http_apievents_uses_t *u)
{
    u->n = 0;
    u->zone = ngx_http_apievents_gate_zone(r);

    ae_now(&u->now);
}


/* NULL when there are too many, which the configuration does not let happen */

ae_limit_use_t *
ngx_http_apievents_uses_add(ngx_http_apievents_uses_t *u,
    ngx_http_apievents_use_e kind)
{
    if (u->n == AE_LIMIT_USES) {
        return NULL;
    }

    u->kinds[u->n] = kind;
    u->limits[u->n] = NULL;

    return &u->uses[u->n++];
}


void
ngx_http_apievents_uses_put(ngx_http_apievents_uses_t *u,
    ngx_http_apievents_use_e kind, const ae_limit_rule_t *rule, ae_id_t id)
{
    ae_limit_use_t  *use;

    if (rule->max == 0) {
        return;
    }

    use = ngx_http_apievents_uses_add(u, kind);

    if (use == NULL) {
        return;
    }

    use->rule = *rule;
    use->id = id;
}


ngx_int_t
ngx_http_apievents_uses_keep(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_http_apievents_uses_t *u)
{
    u_char      *p;
    ngx_uint_t   i;

    d->now = u->now;
    d->has_rate = 0;
    d->has_quota = 0;
    d->nuses = 0;

    if (u->n == 0) {
        return NGX_OK;
    }

    p = ngx_palloc(r->pool, u->n * (sizeof(ae_limit_use_t)
                                    + sizeof(ngx_http_apievents_limit_t *)
                                    + sizeof(ngx_http_apievents_use_e)));
    if (p == NULL) {
        return NGX_ERROR;
    }

    d->uses = (ae_limit_use_t *) p;
    p = ngx_cpymem(p, u->uses, u->n * sizeof(ae_limit_use_t));

    d->limits = (ngx_http_apievents_limit_t **) p;
    p = ngx_cpymem(p, u->limits, u->n * sizeof(ngx_http_apievents_limit_t *));

    d->kinds = (ngx_http_apievents_use_e *) p;
    ngx_memcpy(p, u->kinds, u->n * sizeof(ngx_http_apievents_use_e));

    d->asked = u->now.wall;
    d->nuses = u->n;

    for (i = 0; i < u->n; i++) {
        ngx_http_apievents_note_use(d, &u->uses[i], &u->now);
    }

    return NGX_OK;
}


/* what headers and variables tell, now that nothing is charged any more */

void
ngx_http_apievents_uses_renew(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                  i;
    ngx_http_apievents_zone_t  *zone;

    zone = ngx_http_apievents_gate_zone(r);

    d->has_rate = 0;
    d->has_quota = 0;

    for (i = 0; i < d->nuses; i++) {
        ae_limits_peek(zone->limits, &d->uses[i], &d->now);
        ngx_http_apievents_note_use(d, &d->uses[i], &d->now);
    }
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
        d->quota_reset = (now->wall + use->reset + 999999999) / 1000000000;
    }
}


ngx_http_apievents_zone_t *
ngx_http_apievents_gate_zone(ngx_http_request_t *r)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    return mcf->store.zone;
}
