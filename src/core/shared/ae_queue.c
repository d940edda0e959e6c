/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The delivery queue: its memory, endpoints and numbers.
 */


#include <string.h>

#include "core/shared/ae_queue.h"


#define AE_QUEUE_MIN_NODES   16

#define ae_queue_align(n)    (((n) + 63) & ~(size_t) 63)


static uint32_t ae_queue_power(uint32_t n);
static size_t ae_queue_layout(ae_queue_t *q, size_t nodes);
static void ae_queue_init_lists(ae_queue_t *q);
static void ae_queue_init_pool(ae_queue_t *q);
static uint32_t ae_queue_new_endpoint(ae_queue_t *q);
static void ae_queue_bury(ae_queue_t *q, ae_endpoint_t *ep);
static int ae_queue_kill_node(ae_queue_t *q, uint32_t n, int held);
static void ae_queue_sum(ae_queue_stat_t *st, const ae_endpoint_t *ep);


static const ae_queue_list_t  ae_queue_empty = {
    AE_QUEUE_NONE, AE_QUEUE_NONE, 0
};


static uint32_t
ae_queue_power(uint32_t n)
{
    uint32_t  power;

    for (power = 1; power < n; power *= 2) { /* void */ }

    return power;
}


/*
 * For each delivery two blocks, since an event has on average two targets or
 * so and most records are below 500 bytes, and half an identity in cooldown.
 * Returns the bytes that so many deliveries take in all.
 */

static size_t
ae_queue_layout(ae_queue_t *q, size_t nodes)
{
    size_t  size;

    q->nodes = nodes;
    q->blocks = nodes * 2;
    q->cools = nodes / 2;

    q->buckets = ae_queue_power(q->cools);
    q->uids = ae_queue_power(q->nodes);

    size = ae_queue_align(sizeof(ae_queue_t));

    q->node_offset = size;
    size += q->nodes * sizeof(ae_node_t);

    q->block_offset = size;
    size += q->blocks * sizeof(ae_block_t);

    q->cool_offset = size;
    size += ae_queue_align(q->cools * sizeof(ae_cool_t));

    q->bucket_offset = size;
    size += ae_queue_align(q->buckets * sizeof(uint32_t));

    q->uid_offset = size;
    size += ae_queue_align(q->uids * sizeof(uint32_t));

    q->timer_offset = size;
    size += ae_queue_align((q->nodes + q->cools) * sizeof(uint32_t));

    return size;
}


ae_queue_t *
ae_queue_init(void *mem, size_t size)
{
    size_t       low, high, nodes;
    ae_queue_t  *q;

    q = mem;

    if (size < sizeof(ae_queue_t)) {
        return NULL;
    }

    memset(q, 0, sizeof(ae_queue_t));

    if (ae_queue_layout(q, AE_QUEUE_MIN_NODES) > size) {
        return NULL;
    }

    low = AE_QUEUE_MIN_NODES;
    high = size / sizeof(ae_node_t);

    if (high > UINT32_MAX / 4) {
        high = UINT32_MAX / 4;
    }

    while (low < high) {
        nodes = (low + high + 1) / 2;

        if (ae_queue_layout(q, nodes) <= size) {
            low = nodes;

        } else {
            high = nodes - 1;
        }
    }

    (void) ae_queue_layout(q, low);

    if (ae_lock_init(&q->lock) != AE_OK) {
        return NULL;
    }

    ae_queue_init_lists(q);
    ae_queue_init_pool(q);

    return q;
}


static void
ae_queue_init_lists(ae_queue_t *q)
{
    uint32_t  i;
    ae_now_t  now;

    for (i = 0; i < AE_QUEUE_SOURCES; i++) {
        q->slot[i] = ae_queue_empty;
    }

    for (i = 0; i < AE_OUTBOX_STATES; i++) {
        q->outbox[i] = ae_queue_empty;
    }

    /* no queue takes one every nanosecond: a later one begins behind it */

    ae_now(&now);
    q->uid = now.wall;
    q->uid_first = q->uid;

    for (i = 0; i < AE_QUEUE_ENDPOINTS; i++) {
        q->endpoint[i].queue = ae_queue_empty;
    }

    q->chain = AE_QUEUE_NONE;
}


static void
ae_queue_init_pool(ae_queue_t *q)
{
    uint32_t  i, *bucket;

    for (i = 0; i < q->nodes; i++) {
        ae_queue_node(q, i)->state = AE_NODE_FREE;
        ae_queue_node(q, i)->endpoint = 0;
        ae_queue_node(q, i)->store = AE_OUTBOX_NONE;
        ae_queue_node(q, i)->next = (i + 1 < q->nodes) ? i + 1 : AE_QUEUE_NONE;
    }

    for (i = 0; i < q->blocks; i++) {
        ae_queue_block(q, i)->next = (i + 1 < q->blocks) ? i + 1
                                                         : AE_QUEUE_NONE;
    }

    for (i = 0; i < q->cools; i++) {
        ae_queue_cool(q, i)->state = AE_COOL_FREE;
        ae_queue_cool(q, i)->next = (i + 1 < q->cools) ? i + 1 : AE_QUEUE_NONE;
    }

    bucket = (uint32_t *) ((char *) q + q->bucket_offset);

    for (i = 0; i < q->buckets; i++) {
        bucket[i] = AE_QUEUE_NONE;
    }

    bucket = (uint32_t *) ((char *) q + q->uid_offset);

    for (i = 0; i < q->uids; i++) {
        bucket[i] = AE_QUEUE_NONE;
    }

    q->free_node = 0;
    q->free_block = 0;
    q->free_cool = 0;
    q->nodes_free = q->nodes;
    q->blocks_free = q->blocks;
}


uint32_t
ae_queue_endpoint(ae_queue_t *q, ae_id_t identity, uint32_t concurrency,
    uint32_t bound)
{
    uint32_t  i;

    ae_queue_lock(q);

    i = ae_queue_enter_endpoint(q, identity, concurrency, bound);

    ae_queue_commit(q);
    ae_queue_unlock(q);

    return i;
}


uint32_t
ae_queue_enter_endpoint(ae_queue_t *q, ae_id_t identity, uint32_t concurrency,
    uint32_t bound)
{
    uint32_t        i;
    ae_endpoint_t  *ep;

    i = ae_queue_find_endpoint(q, identity);

    if (i == AE_NO_ENDPOINT) {
        i = ae_queue_new_endpoint(q);
    }

    if (i != AE_NO_ENDPOINT) {
        ep = &q->endpoint[i];

        ae_set(q, ep->id.h[0], identity.h[0]);
        ae_set(q, ep->id.h[1], identity.h[1]);
        ae_set(q, ep->concurrency, concurrency);
        ae_set(q, ep->bound, bound);
        ae_set(q, ep->retired, 0);
    }

    return i;
}


uint32_t
ae_queue_find_endpoint(const ae_queue_t *q, ae_id_t identity)
{
    uint32_t  i;

    for (i = 0; i < q->endpoints; i++) {
        if (ae_id_equal(q->endpoint[i].id, identity)) {
            return i;
        }
    }

    return AE_NO_ENDPOINT;
}


/*
 * One that was never used, or else the one that is retired for longest: a
 * process with an old configuration may still know one by its number.
 */

static uint32_t
ae_queue_new_endpoint(ae_queue_t *q)
{
    uint32_t              i, oldest;
    const ae_endpoint_t  *ep;

    if (q->endpoints < AE_QUEUE_ENDPOINTS) {
        ae_add(q, q->endpoints, 1);
        return q->endpoints - 1;
    }

    oldest = AE_NO_ENDPOINT;

    for (i = 0; i < AE_QUEUE_ENDPOINTS; i++) {
        ep = &q->endpoint[i];

        if (ep->retired == 0 || ep->pending != 0) {
            continue;
        }

        if (oldest == AE_NO_ENDPOINT
            || ep->retired < q->endpoint[oldest].retired)
        {
            oldest = i;
        }
    }

    if (oldest != AE_NO_ENDPOINT) {
        ae_queue_bury(q, &q->endpoint[oldest]);
    }

    return oldest;
}


/* its numbers stay in the sums of all endpoints */

static void
ae_queue_bury(ae_queue_t *q, ae_endpoint_t *ep)
{
    ae_add(q, q->past.deliveries, ep->deliveries);
    ae_add(q, q->past.delivered, ep->delivered);
    ae_add(q, q->past.suppressed, ep->suppressed);
    ae_add(q, q->past.dead, ep->dead);

    ae_set(q, ep->deliveries, 0);
    ae_set(q, ep->delivered, 0);
    ae_set(q, ep->suppressed, 0);
    ae_set(q, ep->dead, 0);

    ae_queue_health_forget(q, ep);
}


/*
 * An endpoint is marked before anything dies, and from then on nothing starts
 * to wait for it.  Held deliveries die first, lest they be queued by the death
 * of the one that they wait for.  All deliveries are looked at only if some
 * have to die: this is called again and again, and they may be a million.
 */

uint64_t
ae_queue_retire(ae_queue_t *q, const uint32_t *keep, size_t n)
{
    int             waiting;
    size_t          k;
    uint32_t        i;
    uint64_t        killed;
    ae_endpoint_t  *ep;
    unsigned char   kept[AE_QUEUE_ENDPOINTS];

    memset(kept, 0, sizeof(kept));

    for (k = 0; k < n; k++) {
        if (keep[k] < AE_QUEUE_ENDPOINTS) {
            kept[keep[k]] = 1;
        }
    }

    waiting = 0;

    ae_queue_lock(q);

    for (i = 0; i < q->endpoints; i++) {
        ep = &q->endpoint[i];

        if (!kept[i] && ep->retired == 0 && !ae_queue_bit(q->lasting, i)) {
            ae_add(q, q->serial, 1);
            ae_set(q, ep->retired, q->serial);
            ae_queue_commit(q);
        }

        waiting |= ep->retired != 0 && ep->pending != ep->inflight;
    }

    ae_queue_unlock(q);

    if (!waiting) {
        return 0;
    }

    killed = ae_queue_kill(q, 1);

    return killed + ae_queue_kill(q, 0);
}


uint64_t
ae_queue_kill(ae_queue_t *q, int held)
{
    uint32_t  i;
    uint64_t  killed;

    killed = 0;

    ae_queue_lock(q);

    for (i = 0; i < q->nodes; i++) {
        killed += ae_queue_kill_node(q, i, held);

        if (i % AE_QUEUE_BATCH == AE_QUEUE_BATCH - 1) {
            ae_queue_unlock(q);
            ae_queue_lock(q);
        }
    }

    ae_queue_unlock(q);

    return killed;
}


static int
ae_queue_kill_node(ae_queue_t *q, uint32_t n, int held)
{
    ae_now_t        now;
    ae_node_t      *node;
    ae_endpoint_t  *ep;

    node = ae_queue_node(q, n);
    ep = &q->endpoint[node->endpoint];

    if (node->state == AE_NODE_FREE || node->state == AE_NODE_INFLIGHT
        || node->state == AE_NODE_GONE
        || ep->retired == 0 || held != (node->state == AE_NODE_HELD))
    {
        return 0;
    }

    if (node->state == AE_NODE_HELD) {
        ae_queue_remove(q, &ae_queue_cool(q, node->cool)->held, n);
        ae_queue_finish(q, n, &ep->dead);
        ae_queue_commit(q);
        return 1;
    }

    if (node->state == AE_NODE_QUEUED) {
        ae_queue_remove(q, &ep->queue, n);

    } else {
        ae_queue_timer_remove(q, n);
    }

    now = (ae_now_t) { 0, 0 };
    ae_queue_end(q, n, AE_DEAD, &now);
    ae_queue_commit(q);

    return 1;
}


uint32_t
ae_queue_ready(const ae_queue_t *q, uint32_t endpoint)
{
    const ae_endpoint_t  *ep;

    if (endpoint >= AE_QUEUE_ENDPOINTS) {
        return 0;
    }

    ep = &q->endpoint[endpoint];

    if (__atomic_load_n(&ep->inflight, __ATOMIC_RELAXED)
        >= ae_queue_concurrency(ep))
    {
        return 0;
    }

    return __atomic_load_n(&ep->queue.n, __ATOMIC_RELAXED);
}


static void
ae_queue_sum(ae_queue_stat_t *st, const ae_endpoint_t *ep)
{
    st->deliveries += ep->deliveries;
    st->delivered += ep->delivered;
    st->suppressed += ep->suppressed;
    st->pending += ep->pending;
    st->dead += ep->dead;
    st->inflight += ep->inflight;
}


void
ae_queue_stat(ae_queue_t *q, uint32_t endpoint, ae_queue_stat_t *st)
{
    uint32_t  i;

    ae_queue_lock(q);

    if (endpoint == AE_NO_ENDPOINT) {
        *st = q->past;

        for (i = 0; i < q->endpoints; i++) {
            ae_queue_sum(st, &q->endpoint[i]);
        }

    } else {
        *st = (ae_queue_stat_t) { 0 };

        if (endpoint < q->endpoints) {
            ae_queue_sum(st, &q->endpoint[endpoint]);
        }
    }

    st->recovered = q->recovered;
    st->nodes_free = q->nodes_free;
    st->blocks_free = q->blocks_free;

    ae_queue_unlock(q);
}
