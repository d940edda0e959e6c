/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The model of how a queue's endpoints are.
 */


#ifndef _QUEUE_MODEL_HEALTH_H_INCLUDED_
#define _QUEUE_MODEL_HEALTH_H_INCLUDED_


#include "queue_model.h"


static ae_health_change_e model_health(model_endpoint_t *e,
    ae_attempt_e attempt);
static ae_health_change_e model_success(model_endpoint_t *e);
static void model_since(model_endpoint_t *e);
static void step_health(void);
static void step_disable(void);
static void compare_health(void);


static ae_health_change_e
model_health(model_endpoint_t *e, ae_attempt_e attempt)
{
    ae_health_t  *h;

    h = &e->health;

    if (attempt == AE_ATTEMPT_OK) {
        return model_success(e);
    }

    if (attempt == AE_ATTEMPT_DEAD) {
        e->ailing = 1;
        return AE_HEALTH_STAYS;
    }

    h->slow |= attempt == AE_ATTEMPT_SLOW;
    model_since(e);

    if (h->disabled) {
        h->version += h->failing == 0;
        h->failing = h->failing ? h->failing : now.wall;
        return AE_HEALTH_STAYS;
    }

    if (attempt == AE_ATTEMPT_DISABLE) {
        h->disabled = AE_DISABLED_ANSWER;

    } else if ((int64_t) now.mono - e->since >= (int64_t) AE_HEALTH_LIMIT) {
        h->disabled = AE_DISABLED_FAILING;
    }

    h->version += h->disabled || h->failing == 0;
    h->failing = h->failing ? h->failing : now.wall;
    e->ailing |= h->disabled != AE_ENABLED;

    return h->disabled ? AE_HEALTH_DISABLED : AE_HEALTH_STAYS;
}


/* the wall clock is asked only for what a store says */

static void
model_since(model_endpoint_t *e)
{
    uint64_t  failed;

    failed = 0;

    if (e->health.failing != 0) {

        if (e->since != INT64_MIN) {
            return;
        }

        failed = now.wall - e->health.failing;
        failed = (failed < AE_HEALTH_LIMIT) ? failed : AE_HEALTH_LIMIT;
    }

    e->since = (int64_t) (now.mono - failed);
}


static ae_health_change_e
model_success(model_endpoint_t *e)
{
    int  ailing;

    ailing = e->ailing;

    e->ailing = 0;
    e->health.slow = 0;
    e->health.version += e->health.failing != 0;
    e->health.failing = 0;

    return ailing ? AE_HEALTH_RECOVERED : AE_HEALTH_STAYS;
}


static void
step_health(void)
{
    uint32_t      i;
    ae_attempt_e  attempt;

    i = ae_random() % MODEL_ENDPOINTS;
    attempt = ae_random() % 6;

    if (attempt > AE_ATTEMPT_DEAD
        || (attempt == AE_ATTEMPT_DISABLE && ae_random() % 8))
    {
        attempt = AE_ATTEMPT_OK;
    }

    assert_int_equal(ae_queue_health(q, i, attempt, &now),
                     model_health(&endpoint[i], attempt));
}


static void
step_disable(void)
{
    int                rc;
    uint32_t           i;
    uint64_t           failing, given;
    ae_disabled_e      disabled;
    model_endpoint_t  *e;

    i = ae_random() % MODEL_ENDPOINTS;
    e = &endpoint[i];
    disabled = ae_random() % 8 ? AE_ENABLED : ae_random() % 4;
    given = ae_random() % 4 ? 0 : now.wall - ae_random() % 1000;

    failing = (disabled && given == 0) ? e->health.failing : given;
    rc = AE_DECLINED;

    if (e->health.disabled != disabled || e->health.failing != failing) {
        rc = AE_OK;
        e->since = (e->health.failing != failing) ? INT64_MIN : e->since;
        e->ailing |= e->health.disabled != disabled;
        e->health.disabled = disabled;
        e->health.failing = failing;
        e->health.version++;
    }

    assert_int_equal(ae_queue_disable(q, i, disabled, given), rc);
}


static void
compare_health(void)
{
    uint32_t     i;
    ae_health_t  h;

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        ae_queue_health_get(q, i, &h);

        assert_int_equal(h.disabled, endpoint[i].health.disabled);
        assert_int_equal(h.slow, endpoint[i].health.slow);
        assert_int_equal(h.failing, endpoint[i].health.failing);
        assert_int_equal(h.version, endpoint[i].health.version);
    }
}


#endif /* _QUEUE_MODEL_HEALTH_H_INCLUDED_ */
