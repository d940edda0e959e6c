/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the configuration of a location tells of every request that comes to
 * it, worked out before the first one: most give most steps nothing to do.
 */


#include "gate/gate_private.h"


static void ngx_http_apievents_plan_steps(
    ngx_http_apievents_gate_conf_t *gcf);
static ngx_uint_t ngx_http_apievents_plan_quick(
    ngx_http_apievents_gate_conf_t *gcf);
static void ngx_http_apievents_plan_limits(
    ngx_http_apievents_gate_conf_t *gcf);
static void ngx_http_apievents_plan_breaker(
    ngx_http_apievents_gate_conf_t *gcf);


void
ngx_http_apievents_plan(ngx_http_apievents_gate_conf_t *gcf)
{
    ngx_http_apievents_plan_limits(gcf);
    ngx_http_apievents_plan_breaker(gcf);
    ngx_http_apievents_plan_steps(gcf);
}


static void
ngx_http_apievents_plan_steps(ngx_http_apievents_gate_conf_t *gcf)
{
    gcf->steps = 1 << NGX_HTTP_APIEVENTS_STEP_LIMITS
                 | 1 << NGX_HTTP_APIEVENTS_STEP_PASSED
                 | 1 << NGX_HTTP_APIEVENTS_STEP_REFUSING
                 | 1 << NGX_HTTP_APIEVENTS_STEP_REFUSED;

    if (!gcf->active) {
        gcf->steps |= 1 << NGX_HTTP_APIEVENTS_STEP_ACTIVE;
    }

    if (gcf->more != NULL) {
        gcf->steps |= 1 << NGX_HTTP_APIEVENTS_STEP_OPTIONS
                      | 1 << NGX_HTTP_APIEVENTS_STEP_ADDRESS;
    }

    if (gcf->versions != NULL || gcf->more != NULL) {
        gcf->steps |= 1 << NGX_HTTP_APIEVENTS_STEP_VERSION;
    }

    if (gcf->org.len != 0) {
        gcf->steps |= 1 << NGX_HTTP_APIEVENTS_STEP_ORG;
    }

    if (gcf->auth->nelts != 0) {
        gcf->steps |= 1 << NGX_HTTP_APIEVENTS_STEP_CREDENTIAL
                      | 1 << NGX_HTTP_APIEVENTS_STEP_SESSION
                      | 1 << NGX_HTTP_APIEVENTS_STEP_EXPIRY
                      | 1 << NGX_HTTP_APIEVENTS_STEP_RIGHTS;
    }

    if (gcf->breakers != NULL || gcf->timeouts != NULL) {
        gcf->steps |= 1 << NGX_HTTP_APIEVENTS_STEP_BREAKER;
    }

    gcf->quick = ngx_http_apievents_plan_quick(gcf);
}


/* breakers and timeouts need their step, unless it is the one breaker */

static ngx_uint_t
ngx_http_apievents_plan_quick(ngx_http_apievents_gate_conf_t *gcf)
{
    ngx_http_apievents_auth_t  *auth;

    auth = gcf->auth->elts;

    return gcf->active && gcf->more == NULL && gcf->versions == NULL
           && gcf->org.len == 0 && gcf->auth->nelts != 0 && auth[0].known
           && gcf->timeouts == NULL
           && (gcf->breakers == NULL || gcf->breaker != NULL);
}


static void
ngx_http_apievents_plan_limits(ngx_http_apievents_gate_conf_t *gcf)
{
    ngx_uint_t                   i, n;
    ngx_array_t                 *lists[2];
    ngx_http_apievents_limit_t  *limit;

    /* two of the organisation, two of the session */

    gcf->uses = 4;

    lists[0] = gcf->rates;
    lists[1] = gcf->quotas;

    for (n = 0; n < 2; n++) {

        if (lists[n] == NULL) {
            continue;
        }

        gcf->uses += lists[n]->nelts;
        limit = lists[n]->elts;

        for (i = 0; i < lists[n]->nelts; i++) {
            gcf->keyed |= (limit[i].key != NULL);
            gcf->endpoints |= (limit[i].path != NULL);
            gcf->dry_runs |= limit[i].dry_run;
        }
    }

    gcf->uses = ngx_min(gcf->uses, AE_LIMIT_USES);

    gcf->zeroed = offsetof(ngx_http_apievents_decision_t, room);
}


static void
ngx_http_apievents_plan_breaker(ngx_http_apievents_gate_conf_t *gcf)
{
    ngx_http_apievents_breaker_t  *b;

    if (gcf->breakers == NULL || gcf->breakers->nelts != 1) {
        return;
    }

    b = gcf->breakers->elts;

    if (b->dry_run || b->version.len != 0 || b->path.method.len != 0) {
        return;
    }

    if (b->path.regex == NULL
        || (b->path.plain && b->path.start.len == 1
            && b->path.start.data[0] == '/'))
    {
        gcf->breaker = b;
    }
}
