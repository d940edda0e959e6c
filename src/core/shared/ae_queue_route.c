/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Routing: the deliveries of one event, all or none.
 *
 * The nodes and blocks are written while they are still the first ones of the
 * free lists.  One transaction takes them off as a chain, together with the
 * record's number: from then on the event is routed, and what is left to do is
 * done by whoever has the lock.
 */


#include <string.h>

#include "core/shared/ae_queue.h"


static int ae_queue_hogs(uint64_t held, uint32_t all, uint32_t free,
    uint32_t few);
static int ae_queue_admits(const ae_queue_t *q, const ae_endpoint_t *ep,
    uint32_t blocks);
static int ae_queue_admit(ae_queue_t *q, size_t len,
    ae_queue_target_t *targets, size_t n, const ae_now_t *now,
    uint32_t *admitted);
static uint32_t ae_queue_fill_nodes(ae_queue_t *q,
    const ae_queue_target_t *targets, size_t n);
static void ae_queue_note_refused(ae_queue_t *q,
    const ae_queue_target_t *targets, size_t n);
static void ae_queue_chain(ae_queue_t *q);
static void ae_queue_refuse(ae_queue_t *q, ae_endpoint_t *ep);


int
ae_queue_route(ae_queue_t *q, uint32_t source, uint64_t number,
    ae_str_t record, ae_queue_target_t *targets, size_t n,
    const ae_now_t *now)
{
    int       rc;
    size_t    i;
    uint32_t  admitted, last;

    if ((source >= AE_QUEUE_SOURCES && source != AE_NO_SOURCE)
        || record.len > UINT32_MAX)
    {
        return AE_ERROR;
    }

    ae_queue_lock(q);

    if (source != AE_NO_SOURCE && number <= q->routed[source]) {
        rc = AE_DECLINED;
        goto done;
    }

    rc = ae_queue_admit(q, record.len, targets, n, now, &admitted);

    if (rc != AE_OK) {
        goto done;
    }

    while (admitted > q->nodes_free) {
        ae_queue_outbox_reclaim(q);
    }

    ae_queue_note_refused(q, targets, n);
    q->now = *now;

    if (admitted != 0) {
        ae_queue_fill_event(q, record, admitted);
        last = ae_queue_fill_nodes(q, targets, n);

        ae_set(q, q->chain, q->free_node);
        ae_queue_take_event(q);
        ae_queue_take_nodes(q, last, admitted);
    }

    if (source != AE_NO_SOURCE) {
        ae_set(q, q->routed[source], number);
    }

    ae_set(q, q->routing, 1);
    ae_queue_commit(q);

    ae_queue_chain(q);

    for (i = 0; i < n; i++) {
        if (targets[i].result == AE_FULL) {
            ae_queue_refuse(q, &q->endpoint[targets[i].endpoint]);
        }
    }

    ae_set(q, q->routing, 0);
    ae_queue_commit(q);

done:

    ae_queue_unlock(q);

    return rc;
}


/* an endpoint holds more than is free for the others, and not just a few */

static int
ae_queue_hogs(uint64_t held, uint32_t all, uint32_t free, uint32_t few)
{
    if (few > all / AE_QUEUE_FEW) {
        few = all / AE_QUEUE_FEW + 1;
    }

    return held >= few && held + all / AE_QUEUE_RESERVE >= free;
}


static int
ae_queue_admits(const ae_queue_t *q, const ae_endpoint_t *ep, uint32_t blocks)
{
    return ep->retired == 0 && ep->pending - ep->inflight < ep->bound
           && ae_queue_has_room(q, ep, blocks, 1);
}


int
ae_queue_has_room(const ae_queue_t *q, const ae_endpoint_t *ep,
    uint32_t blocks, uint32_t weight)
{
    if (ae_queue_hogs(ep->pending * weight, q->nodes, ae_queue_nodes_free(q),
                      AE_QUEUE_FEW_NODES)
        || ae_queue_hogs(ep->blocks * weight, q->blocks, q->blocks_free,
                         AE_QUEUE_FEW_BLOCKS))
    {
        return 0;
    }

    /* what can never have room must not stop its ring for ever */

    return blocks <= q->blocks;
}


/* sets the targets' results by how things are before this event */

static int
ae_queue_admit(ae_queue_t *q, size_t len, ae_queue_target_t *targets,
    size_t n, const ae_now_t *now, uint32_t *admitted)
{
    size_t    i;
    uint32_t  blocks;

    *admitted = 0;
    blocks = ae_queue_blocks(len);

    for (i = 0; i < n; i++) {

        if (targets[i].endpoint >= q->endpoints) {
            return AE_ERROR;
        }

        targets[i].result = AE_FULL;

        if (*admitted < q->nodes
            && (ae_queue_admits(q, &q->endpoint[targets[i].endpoint], blocks)
                || ae_queue_cool_swaps(q, &targets[i], blocks, now)))
        {
            targets[i].result = AE_OK;
            (*admitted)++;
        }
    }

    if (*admitted > ae_queue_nodes_free(q)
        || (*admitted != 0 && blocks > q->blocks_free))
    {
        return AE_FULL;
    }

    return AE_OK;
}


void
ae_queue_fill_event(ae_queue_t *q, ae_str_t record, uint32_t refs)
{
    size_t       len, size;
    uint32_t     b;
    ae_block_t  *first, *block;

    b = q->free_block;
    len = record.len;
    first = ae_queue_block(q, b);

    first->refs = refs;
    first->len = len;
    first->last = b;

    while (len != 0) {
        block = ae_queue_block(q, b);
        first->last = b;

        size = (len < AE_QUEUE_BLOCK) ? len : AE_QUEUE_BLOCK;
        memcpy(block->data, record.data, size);

        record.data += size;
        len -= size;
        b = block->next;
    }
}


/* returns the last one */

static uint32_t
ae_queue_fill_nodes(ae_queue_t *q, const ae_queue_target_t *targets, size_t n)
{
    size_t      i;
    uint32_t    k, last;

    k = q->free_node;
    last = AE_QUEUE_NONE;

    for (i = 0; i < n; i++) {

        if (targets[i].result != AE_OK) {
            continue;
        }

        ae_queue_fill_node(q, k, targets[i].endpoint, targets[i].cooldown,
                           targets[i].period);
        last = k;
        k = ae_queue_node(q, k)->next;
    }

    return last;
}


void
ae_queue_fill_node(ae_queue_t *q, uint32_t n, uint32_t endpoint,
    ae_id_t cooldown, uint64_t period)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    node->endpoint = endpoint;
    node->event = q->free_block;
    node->cool = AE_QUEUE_NONE;
    node->attempt = 0;
    node->deaths = 0;
    node->in_script = 0;
    node->store = AE_OUTBOX_NONE;
    node->version = 0;
    node->uid = 0;
    node->stamp = 0;
    node->suppressed = 0;
    node->period = period;
    node->cooldown = cooldown;
}


void
ae_queue_take_event(ae_queue_t *q)
{
    const ae_block_t  *first;

    first = ae_queue_block(q, q->free_block);

    ae_set(q, q->free_block, ae_queue_block(q, first->last)->next);
    ae_sub(q, q->blocks_free, ae_queue_blocks(first->len));
}


void
ae_queue_take_nodes(ae_queue_t *q, uint32_t last, uint32_t n)
{
    ae_node_t  *node;

    node = ae_queue_node(q, last);

    ae_set(q, q->free_node, node->next);
    ae_set(q, node->next, AE_QUEUE_NONE);
    ae_sub(q, q->nodes_free, n);
}


static void
ae_queue_note_refused(ae_queue_t *q, const ae_queue_target_t *targets,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (targets[i].result == AE_FULL) {
            q->endpoint[targets[i].endpoint].refused++;
        }
    }
}


static void
ae_queue_chain(ae_queue_t *q)
{
    uint32_t  n;

    while (q->chain != AE_QUEUE_NONE) {
        n = q->chain;

        ae_queue_cool_refresh(q, n, &q->now);

        ae_set(q, q->chain, ae_queue_node(q, n)->next);
        ae_queue_count(q, n);

        if (q->keeper != AE_KEEPER_NONE) {
            ae_queue_outbox_enter(q, n);
        }

        ae_queue_cool_enter(q, n, 0);
        ae_queue_cool_trim(q, n);
        ae_queue_commit(q);
    }
}


void
ae_queue_count(ae_queue_t *q, uint32_t n)
{
    uint32_t        blocks;
    ae_node_t      *node;
    ae_endpoint_t  *ep;

    node = ae_queue_node(q, n);
    ep = &q->endpoint[node->endpoint];
    blocks = ae_queue_blocks(ae_queue_block(q, node->event)->len);

    ae_add(q, ep->deliveries, 1);
    ae_add(q, ep->pending, 1);
    ae_add(q, ep->blocks, blocks);
}


static void
ae_queue_refuse(ae_queue_t *q, ae_endpoint_t *ep)
{
    if (ep->refused != 0) {
        ae_add(q, ep->deliveries, ep->refused);
        ae_add(q, ep->dead, ep->refused);
        ae_set(q, ep->refused, 0);
        ae_queue_commit(q);
    }
}


void
ae_queue_route_recover(ae_queue_t *q)
{
    uint32_t  i;

    if (q->routing) {
        ae_queue_chain(q);
    }

    for (i = 0; i < q->endpoints; i++) {

        if (q->routing) {
            ae_queue_refuse(q, &q->endpoint[i]);
        }

        q->endpoint[i].refused = 0;
    }

    ae_set(q, q->routing, 0);
    ae_queue_commit(q);
}
