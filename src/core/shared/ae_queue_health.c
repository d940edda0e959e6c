/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * How an endpoint is, by the outcome of its attempts.
 */


#include "core/shared/ae_queue.h"


static ae_endpoint_t *ae_health_of(ae_queue_t *q, uint32_t endpoint);
static int ae_health_well(const ae_endpoint_t *ep);
static int ae_health_set(ae_queue_t *q, ae_endpoint_t *ep,
    ae_disabled_e disabled, uint64_t failing);
static ae_health_change_e ae_health_succeeded(ae_queue_t *q,
    ae_endpoint_t *ep);
static ae_health_change_e ae_health_failed(ae_queue_t *q, ae_endpoint_t *ep,
    ae_attempt_e attempt, uint64_t wall);


/*
 * A success of an endpoint that is well is what there is most of, and costs no
 * lock.  Whoever sees it become well in a change that a death then undoes
 * leaves the rest to the next success.
 */

ae_health_change_e
ae_queue_health(ae_queue_t *q, uint32_t endpoint, ae_attempt_e attempt,
    const ae_now_t *now)
{
    ae_endpoint_t       *ep;
    ae_health_change_e   change;

    ep = ae_health_of(q, endpoint);

    if (ep == NULL || (attempt == AE_ATTEMPT_OK && ae_health_well(ep))) {
        return AE_HEALTH_STAYS;
    }

    ae_queue_lock(q);

    change = (attempt == AE_ATTEMPT_OK)
             ? ae_health_succeeded(q, ep)
             : ae_health_failed(q, ep, attempt, now->wall);

    ae_queue_commit(q);
    ae_queue_unlock(q);

    return change;
}


static ae_endpoint_t *
ae_health_of(ae_queue_t *q, uint32_t endpoint)
{
    if (endpoint >= __atomic_load_n(&q->endpoints, __ATOMIC_RELAXED)) {
        return NULL;
    }

    return &q->endpoint[endpoint];
}


static int
ae_health_well(const ae_endpoint_t *ep)
{
    return __atomic_load_n(&ep->failing, __ATOMIC_RELAXED) == 0
           && __atomic_load_n(&ep->slow, __ATOMIC_RELAXED) == 0
           && __atomic_load_n(&ep->ailing, __ATOMIC_RELAXED) == 0;
}


/* what a store keeps; returns whether it is disabled, or enabled, by that */

static int
ae_health_set(ae_queue_t *q, ae_endpoint_t *ep, ae_disabled_e disabled,
    uint64_t failing)
{
    int  changed;

    changed = ep->disabled != disabled;

    if (!changed && ep->failing == failing) {
        return 0;
    }

    if (changed) {
        ae_set(q, ep->disabled, disabled);
        ae_set(q, ep->ailing, 1);
    }

    ae_set(q, ep->failing, failing);
    ae_add(q, ep->version, 1);

    return changed;
}


static ae_health_change_e
ae_health_succeeded(ae_queue_t *q, ae_endpoint_t *ep)
{
    uint32_t  ailing;

    ailing = ep->ailing;

    ae_set(q, ep->ailing, 0);
    ae_set(q, ep->slow, 0);
    (void) ae_health_set(q, ep, ep->disabled, 0);

    return ailing ? AE_HEALTH_RECOVERED : AE_HEALTH_STAYS;
}


/* with a wall clock that was set back, what it said before is unknown: it
 * begins to fail now */

static ae_health_change_e
ae_health_failed(ae_queue_t *q, ae_endpoint_t *ep, ae_attempt_e attempt,
    uint64_t wall)
{
    uint64_t       failing;
    ae_disabled_e  disabled;

    if (attempt == AE_ATTEMPT_DEAD) {
        ae_set(q, ep->ailing, 1);
        return AE_HEALTH_STAYS;
    }

    if (attempt == AE_ATTEMPT_SLOW) {
        ae_set(q, ep->slow, 1);
    }

    disabled = ep->disabled;
    failing = ep->failing;

    wall = (wall != 0) ? wall : 1;

    if (failing == 0 || failing > wall) {
        failing = wall;
    }

    if (disabled == AE_ENABLED) {

        if (attempt == AE_ATTEMPT_DISABLE) {
            disabled = AE_DISABLED_ANSWER;

        } else if (wall - failing >= AE_HEALTH_LIMIT) {
            disabled = AE_DISABLED_FAILING;
        }
    }

    return ae_health_set(q, ep, disabled, failing) ? AE_HEALTH_DISABLED
                                                   : AE_HEALTH_STAYS;
}


/* what a change says that a death then undoes is not to kill a delivery */

int
ae_queue_disabled(ae_queue_t *q, uint32_t endpoint)
{
    ae_health_t           health;
    const ae_endpoint_t  *ep;

    ep = ae_health_of(q, endpoint);

    if (ep == NULL
        || __atomic_load_n(&ep->disabled, __ATOMIC_RELAXED) == AE_ENABLED)
    {
        return 0;
    }

    ae_queue_health_get(q, endpoint, &health);

    return health.disabled != AE_ENABLED;
}


void
ae_queue_health_get(ae_queue_t *q, uint32_t endpoint, ae_health_t *health)
{
    const ae_endpoint_t  *ep;

    *health = (ae_health_t) { 0 };

    ep = ae_health_of(q, endpoint);

    if (ep == NULL) {
        return;
    }

    ae_queue_lock(q);

    health->disabled = ep->disabled;
    health->slow = ep->slow;
    health->failing = ep->failing;
    health->version = ep->version;

    ae_queue_unlock(q);
}


int
ae_queue_disable(ae_queue_t *q, uint32_t endpoint, ae_disabled_e disabled,
    uint64_t failing)
{
    int             rc;
    uint64_t        version;
    ae_endpoint_t  *ep;

    ep = ae_health_of(q, endpoint);

    if (ep == NULL) {
        return AE_ERROR;
    }

    ae_queue_lock(q);

    if (disabled != AE_ENABLED && failing == 0) {
        failing = ep->failing;
    }

    version = ep->version;
    (void) ae_health_set(q, ep, disabled, failing);
    rc = (ep->version != version) ? AE_OK : AE_DECLINED;

    ae_queue_commit(q);
    ae_queue_unlock(q);

    return rc;
}


void
ae_queue_health_forget(ae_queue_t *q, ae_endpoint_t *ep)
{
    (void) ae_health_set(q, ep, AE_ENABLED, 0);
    ae_set(q, ep->ailing, 0);
    ae_set(q, ep->slow, 0);
}
