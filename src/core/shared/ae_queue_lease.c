/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Leases: a process takes a delivery, reads its event, tells the outcome, or
 * dies and leaves it to others.
 */


#include <string.h>

#include "core/shared/ae_queue.h"


static ae_node_t *ae_queue_leased(const ae_queue_t *q,
    const ae_lease_t *lease);
static void ae_queue_again(ae_queue_t *q, uint32_t n, uint64_t due,
    const ae_now_t *now);
static void ae_queue_end_lease(ae_queue_t *q, uint32_t n);
static int ae_queue_orphan(ae_queue_t *q, uint32_t n, const ae_now_t *now);


int
ae_queue_take(ae_queue_t *q, uint32_t endpoint, uint32_t slot,
    const ae_now_t *now, ae_lease_t *lease)
{
    uint32_t        n;
    ae_node_t      *node;
    ae_endpoint_t  *ep;

    if (endpoint >= AE_QUEUE_ENDPOINTS || slot >= AE_QUEUE_SOURCES) {
        return AE_ERROR;
    }

    ae_queue_lock(q);

    (void) ae_queue_expire(q, now, AE_QUEUE_TAKE_BATCH);

    ep = &q->endpoint[endpoint];
    n = ep->queue.head;

    if (endpoint >= q->endpoints || n == AE_QUEUE_NONE
        || ep->inflight >= ae_queue_concurrency(ep))
    {
        ae_queue_unlock(q);
        return AE_AGAIN;
    }

    node = ae_queue_node(q, n);

    ae_queue_remove(q, &ep->queue, n);
    ae_queue_append(q, &q->slot[slot], n);
    ae_add(q, ep->inflight, 1);
    ae_add(q, q->serial, 1);

    ae_set(q, node->state, AE_NODE_INFLIGHT);
    ae_set(q, node->slot, slot);
    ae_set(q, node->stamp, q->serial);
    ae_add(q, node->attempt, 1);

    lease->node = n;
    lease->endpoint = endpoint;
    lease->stamp = node->stamp;
    lease->attempt = node->attempt;
    lease->deaths = node->deaths;
    lease->suppressed = node->suppressed;
    lease->len = ae_queue_block(q, node->event)->len;

    ae_queue_commit(q);
    ae_queue_unlock(q);

    return AE_OK;
}


/* NULL: not this lease any more; may be called without the lock */

static ae_node_t *
ae_queue_leased(const ae_queue_t *q, const ae_lease_t *lease)
{
    ae_node_t  *node;

    if (lease->node >= q->nodes) {
        return NULL;
    }

    node = ae_queue_node(q, lease->node);

    if (__atomic_load_n(&node->state, __ATOMIC_ACQUIRE) != AE_NODE_INFLIGHT
        || __atomic_load_n(&node->stamp, __ATOMIC_ACQUIRE) != lease->stamp)
    {
        return NULL;
    }

    return node;
}


/*
 * Without the lock, since a record may be long: if the lease is good after the
 * copy was made, nobody touched the event meanwhile.
 */

int
ae_queue_read(ae_queue_t *q, const ae_lease_t *lease, unsigned char *buf)
{
    ae_node_t  *node;

    node = ae_queue_leased(q, lease);

    if (node == NULL
        || ae_queue_copy(q, node->event, buf, lease->len) != AE_OK)
    {
        return AE_DECLINED;
    }

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return (ae_queue_leased(q, lease) != NULL) ? AE_OK : AE_DECLINED;
}


int
ae_queue_copy(const ae_queue_t *q, uint32_t event, unsigned char *buf,
    size_t len)
{
    size_t             size;
    const ae_block_t  *block;

    while (len != 0) {

        if (event >= q->blocks) {
            return AE_DECLINED;
        }

        block = ae_queue_block(q, event);
        size = (len < AE_QUEUE_BLOCK) ? len : AE_QUEUE_BLOCK;

        memcpy(buf, block->data, size);

        buf += size;
        len -= size;
        event = block->next;
    }

    return AE_OK;
}


int
ae_queue_done(ae_queue_t *q, const ae_lease_t *lease, ae_outcome_e outcome,
    uint64_t due, const ae_now_t *now)
{
    uint32_t    n;
    ae_node_t  *node;

    ae_queue_lock(q);

    node = ae_queue_leased(q, lease);

    if (node == NULL) {
        ae_queue_unlock(q);
        return AE_DECLINED;
    }

    n = lease->node;
    q->now = *now;

    ae_queue_end_lease(q, n);

    if (outcome == AE_UNTRIED) {
        ae_sub(q, node->attempt, 1);
    }

    if ((outcome != AE_RETRY && outcome != AE_UNTRIED)
        || q->endpoint[node->endpoint].retired != 0)
    {
        ae_queue_end(q, n, outcome, now);

    } else {
        ae_queue_again(q, n, due, now);
    }

    ae_queue_commit(q);

    ae_queue_cool_settle(q);

    ae_queue_unlock(q);

    return AE_OK;
}


static void
ae_queue_again(ae_queue_t *q, uint32_t n, uint64_t due, const ae_now_t *now)
{
    if (due <= now->mono) {
        ae_queue_enqueue(q, n);

    } else {
        ae_queue_delay(q, n, due);
    }

    ae_queue_changed(q, n);
}


static void
ae_queue_end_lease(ae_queue_t *q, uint32_t n)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    ae_queue_remove(q, &q->slot[node->slot], n);
    ae_sub(q, q->endpoint[node->endpoint].inflight, 1);
    ae_set(q, node->in_script, 0);
}


void
ae_queue_in_script(ae_queue_t *q, const ae_lease_t *lease, int inside)
{
    ae_node_t  *node;

    ae_queue_lock(q);

    node = ae_queue_leased(q, lease);

    if (node != NULL) {
        ae_set(q, node->in_script, inside != 0);
        ae_queue_commit(q);
    }

    ae_queue_unlock(q);
}


uint32_t
ae_queue_adopt(ae_queue_t *q, uint32_t slot)
{
    uint32_t  i, n, due;
    ae_now_t  now;

    if (slot >= AE_QUEUE_SOURCES) {
        return 0;
    }

    due = 0;
    now = (ae_now_t) { 0, 0 };

    do {
        ae_queue_lock(q);

        for (i = 0; i < AE_QUEUE_BATCH; i++) {

            /* from the newest on, so that each goes before the last one */

            n = q->slot[slot].tail;

            if (n == AE_QUEUE_NONE) {
                break;
            }

            due += ae_queue_orphan(q, n, &now);
            ae_queue_commit(q);
        }

        ae_queue_unlock(q);

    } while (i == AE_QUEUE_BATCH);

    return due;
}


/* a lease without an owner: due again at its old place, 1, or dead, 0 */

static int
ae_queue_orphan(ae_queue_t *q, uint32_t n, const ae_now_t *now)
{
    uint32_t        before;
    ae_node_t      *node;
    ae_endpoint_t  *ep;

    node = ae_queue_node(q, n);
    ep = &q->endpoint[node->endpoint];

    if (node->in_script) {
        ae_add(q, node->deaths, 1);
    }

    ae_queue_end_lease(q, n);

    if (node->deaths >= AE_QUEUE_POISON || ep->retired != 0) {
        ae_queue_end(q, n, AE_DEAD, now);
        return 0;
    }

    before = ep->queue.head;

    while (before != AE_QUEUE_NONE
           && ae_queue_node(q, before)->order < node->order)
    {
        before = ae_queue_node(q, before)->next;
    }

    ae_set(q, node->state, AE_NODE_QUEUED);
    ae_sub(q, node->attempt, 1);
    ae_queue_insert(q, &ep->queue, before, n);

    return 1;
}
