/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the management API tells of an API's last minute, in the terms of
 * Tyk's health check.
 */


#include "apievents.h"
#include "gate/gate_private.h"


static void ngx_http_apievents_health_upstream(ngx_http_request_t *r,
    ae_minute_t *health, uint64_t api, const ae_now_t *now);


/* nobody asks where there is no api_admin */

void
ngx_http_apievents_health_count(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    uint64_t                         api;
    ae_now_t                         now;
    ae_minute_e                      kind;
    ae_minute_t                     *health;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (!mcf->manage.admin) {
        return;
    }

    ae_now(&now);

    health = mcf->store.zone->minute;
    api = ngx_http_apievents_api_hash(mcf->store.zone, &d->conf->gate.api);

    ae_minute_count(health, api, &now, AE_MINUTE_REQUEST, 1);

    if (d->refusal == NULL) {
        ngx_http_apievents_health_upstream(r, health, api, &now);
        return;
    }

    switch (d->refusal->event) {

    case AE_RATELIMIT_EXCEEDED:
    case AE_ORG_RATE_LIMIT_EXCEEDED:
        kind = AE_MINUTE_THROTTLE;
        break;

    case AE_QUOTA_EXCEEDED:
    case AE_ORG_QUOTA_EXCEEDED:
        kind = AE_MINUTE_QUOTA;
        break;

    case AE_AUTH_FAILURE:
    case AE_KEY_EXPIRED:
        kind = AE_MINUTE_KEY;
        break;

    default:
        return;
    }

    ae_minute_count(health, api, &now, kind, 1);
}


static void
ngx_http_apievents_health_upstream(ngx_http_request_t *r, ae_minute_t *health,
    uint64_t api, const ae_now_t *now)
{
    ngx_uint_t                  i;
    ngx_msec_t                  ms;
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL || r->upstream_states->nelts == 0) {
        return;
    }

    ms = 0;
    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {

        if (state[i].peer != NULL
            && state[i].response_time != (ngx_msec_t) -1)
        {
            ms += state[i].response_time;
        }
    }

    ae_minute_count(health, api, now, AE_MINUTE_UPSTREAM, 1);
    ae_minute_count(health, api, now, AE_MINUTE_LATENCY, ms);
}
