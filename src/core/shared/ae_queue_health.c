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
    ae_attempt_e attempt, const ae_now_t *now);
static uint64_t ae_health_since(ae_queue_t *q, ae_endpoint_t *ep,
    const ae_now_t *now);


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
             : ae_health_failed(q, ep, attempt, now);

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
           && __atomic_load_n(&ep->ill, __ATOMIC_RELAXED) == 0;
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
        ae_set(q, ep->ill, ep->ill | AE_QUEUE_TOLD);
    }

    ae_set(q, ep->failing, failing);
    ae_add(q, ep->version, 1);

    return changed;
}


static ae_health_change_e
ae_health_succeeded(ae_queue_t *q, ae_endpoint_t *ep)
{
    uint32_t  ill;

    ill = ep->ill;

    ae_set(q, ep->ill, 0);
    (void) ae_health_set(q, ep, ep->disabled, 0);

    return (ill & AE_QUEUE_TOLD) ? AE_HEALTH_RECOVERED : AE_HEALTH_STAYS;
}


static ae_health_change_e
ae_health_failed(ae_queue_t *q, ae_endpoint_t *ep, ae_attempt_e attempt,
    const ae_now_t *now)
{
    int64_t        failed;
    uint64_t       failing;
    ae_disabled_e  disabled;

    if (attempt == AE_ATTEMPT_DEAD) {
        ae_set(q, ep->ill, ep->ill | AE_QUEUE_TOLD);
        return AE_HEALTH_STAYS;
    }

    if (attempt == AE_ATTEMPT_SLOW) {
        ae_set(q, ep->ill, ep->ill | AE_QUEUE_SLOW);
    }

    disabled = ep->disabled;
    failing = ae_health_since(q, ep, now);
    failed = (int64_t) now->mono - ep->since;

    if (disabled == AE_ENABLED) {

        if (attempt == AE_ATTEMPT_DISABLE) {
            disabled = AE_DISABLED_ANSWER;

        } else if (failed >= (int64_t) AE_HEALTH_LIMIT) {
            disabled = AE_DISABLED_FAILING;
        }
    }

    return ae_health_set(q, ep, disabled, failing) ? AE_HEALTH_DISABLED
                                                   : AE_HEALTH_STAYS;
}


/*
 * Since when it fails by the wall clock, which is what a store keeps.  That
 * may be set ahead, so for how long is told by the other clock; of a run
 * before this one there is no other.  With a wall clock that was set back it
 * is unknown, and it begins to fail now.
 */

static uint64_t
ae_health_since(ae_queue_t *q, ae_endpoint_t *ep, const ae_now_t *now)
{
    int64_t   mono;
    uint64_t  wall, failed;

    wall = (now->wall != 0) ? now->wall : 1;
    mono = (int64_t) now->mono;

    if (ep->failing == 0 || ep->failing > wall) {
        ae_set(q, ep->since, mono);
        return wall;
    }

    if (ep->since == AE_QUEUE_UNKNOWN) {
        failed = wall - ep->failing;

        if (failed > AE_HEALTH_LIMIT) {
            failed = AE_HEALTH_LIMIT;
        }

        ae_set(q, ep->since, mono - (int64_t) failed);
    }

    return ep->failing;
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
    health->slow = (ep->ill & AE_QUEUE_SLOW) != 0;
    health->failing = ep->failing;
    health->version = ep->version;

    ae_queue_unlock(q);
}


int
ae_queue_disable(ae_queue_t *q, uint32_t endpoint, ae_disabled_e disabled,
    uint64_t failing)
{
    int             rc;
    uint32_t        version;
    ae_endpoint_t  *ep;

    ep = ae_health_of(q, endpoint);

    if (ep == NULL) {
        return AE_ERROR;
    }

    ae_queue_lock(q);

    if (disabled != AE_ENABLED && failing == 0) {
        failing = ep->failing;
    }

    if (failing != ep->failing) {
        ae_set(q, ep->since, AE_QUEUE_UNKNOWN);
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
    ae_set(q, ep->ill, 0);
}
