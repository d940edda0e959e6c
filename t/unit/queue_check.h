/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Looks whether a delivery queue is whole: each node, block, cooldown and
 * timer is in one place, and the counters say what is there.
 */


#ifndef _QUEUE_CHECK_H_INCLUDED_
#define _QUEUE_CHECK_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/shared/ae_queue.h"
#include "queue_check_store.h"


typedef struct {
    uint32_t                 queued;
    uint32_t                 inflight;
    uint32_t                 pending;
    uint64_t                 blocks;
} queue_seen_t;


static inline uint32_t
queue_check_list(ae_queue_t *q, ae_queue_list_t *list, uint32_t state)
{
    uint32_t  i, n, prev;

    n = 0;
    prev = AE_QUEUE_NONE;

    for (i = list->head; i != AE_QUEUE_NONE; i = ae_queue_node(q, i)->next) {
        queue_expect(i < q->nodes);
        queue_expect(ae_queue_node(q, i)->state == state);
        queue_expect(ae_queue_node(q, i)->prev == prev);
        queue_expect(++n <= q->nodes);
        prev = i;
    }

    queue_expect(list->tail == prev);
    queue_expect(list->n == n);

    return n;
}


static inline void
queue_check_free(ae_queue_t *q)
{
    uint32_t  i, n;

    n = 0;

    for (i = q->free_node; i != AE_QUEUE_NONE; i = ae_queue_node(q, i)->next) {
        queue_expect(i < q->nodes);
        queue_expect(ae_queue_node(q, i)->state == AE_NODE_FREE);
        queue_expect(++n <= q->nodes);
    }

    queue_expect(n == q->nodes_free);

    n = 0;

    for (i = q->free_cool; i != AE_QUEUE_NONE; i = ae_queue_cool(q, i)->next) {
        queue_expect(ae_queue_cool(q, i)->state == AE_COOL_FREE);
        queue_expect(++n <= q->cools);
    }

    for (i = 0; i < q->cools; i++) {
        n += ae_queue_cool(q, i)->state != AE_COOL_FREE;
    }

    queue_expect(n == q->cools);
}


static inline void
queue_check_timers(ae_queue_t *q)
{
    uint32_t  i, n, item;
    uint64_t  time, parent;

    parent = 0;

    for (i = 0; i < q->timers; i++) {
        item = *ae_queue_timer(q, i);
        queue_expect(item < q->nodes + q->cools);

        if (item < q->nodes) {
            time = ae_queue_node(q, item)->due;
            queue_expect(ae_queue_node(q, item)->state == AE_NODE_DELAYED);
            queue_expect(ae_queue_node(q, item)->timer == i + 1);

        } else {
            time = ae_queue_cool(q, item - q->nodes)->until;
            queue_expect(ae_queue_cool(q, item - q->nodes)->state
                         == AE_COOL_RUNNING);
            queue_expect(ae_queue_cool(q, item - q->nodes)->timer == i + 1);
        }

        if (i != 0) {
            item = *ae_queue_timer(q, (i - 1) / 4);
            parent = item < q->nodes
                     ? ae_queue_node(q, item)->due
                     : ae_queue_cool(q, item - q->nodes)->until;
        }

        queue_expect(parent <= time);
    }

    n = 0;

    for (i = 0; i < q->nodes; i++) {
        n += ae_queue_node(q, i)->state == AE_NODE_DELAYED;
    }

    for (i = 0; i < q->cools; i++) {
        n += ae_queue_cool(q, i)->state == AE_COOL_RUNNING;
    }

    queue_expect(n == q->timers);
}


static inline void
queue_check_cools(ae_queue_t *q, const uint32_t *sent)
{
    uint32_t    i, k, found;
    ae_cool_t  *cool;

    for (i = 0; i < q->cools; i++) {
        cool = ae_queue_cool(q, i);

        if (cool->state == AE_COOL_FREE) {
            queue_expect(sent[i] == 0);
            continue;
        }

        found = 0;

        for (k = *ae_queue_bucket(q, cool->id); k != AE_QUEUE_NONE;
             k = ae_queue_cool(q, k)->next)
        {
            queue_expect(ae_queue_cool(q, k)->state != AE_COOL_FREE);
            found += k == i;
        }

        queue_expect(found == 1);

        (void) queue_check_list(q, &cool->held, AE_NODE_HELD);

        for (k = cool->held.head; k != AE_QUEUE_NONE;
             k = ae_queue_node(q, k)->next)
        {
            queue_expect(ae_queue_node(q, k)->cool == i);
        }

        if (cool->state == AE_COOL_RUNNING) {
            queue_expect(sent[i] == 0);
            queue_expect(cool->held.n <= 1);

        } else {
            queue_expect(sent[i] == 1);
        }
    }
}


/* every block is in one event that is used, or free */

static inline void
queue_check_blocks(ae_queue_t *q, const uint32_t *refs)
{
    uint32_t     i, k, n, used;
    ae_block_t  *first;

    used = 0;

    for (i = 0; i < q->blocks; i++) {

        if (refs[i] == 0) {
            continue;
        }

        first = ae_queue_block(q, i);
        queue_expect(first->refs == refs[i]);

        n = 1;

        for (k = i; k != first->last; k = ae_queue_block(q, k)->next) {
            queue_expect(++n <= q->blocks);
        }

        queue_expect(n == ae_queue_blocks(first->len));
        used += n;
    }

    n = 0;

    for (i = q->free_block; i != AE_QUEUE_NONE;
         i = ae_queue_block(q, i)->next)
    {
        queue_expect(refs[i] == 0);
        queue_expect(++n <= q->blocks);
    }

    queue_expect(n == q->blocks_free);
    queue_expect(n + used == q->blocks);
}


static inline void
queue_check_endpoints(ae_queue_t *q, const queue_seen_t *seen)
{
    uint32_t        i, k;
    uint64_t        order;
    ae_endpoint_t  *ep;

    for (i = 0; i < q->endpoints; i++) {
        ep = &q->endpoint[i];

        queue_expect(queue_check_list(q, &ep->queue, AE_NODE_QUEUED)
                     == seen[i].queued);
        queue_expect(ep->inflight == seen[i].inflight);
        queue_expect(ep->pending == seen[i].pending);
        queue_expect(ep->blocks == seen[i].blocks);
        queue_expect(ep->refused == 0);
        queue_expect(ep->deliveries == ep->delivered + ep->suppressed
                                       + ep->pending + ep->dead);
        queue_expect(ep->disabled <= AE_DISABLED_HAND);
        queue_expect(ep->version != 0
                     || (ep->disabled == AE_ENABLED && ep->failing == 0));

        order = 0;

        for (k = ep->queue.head; k != AE_QUEUE_NONE;
             k = ae_queue_node(q, k)->next)
        {
            queue_expect(ae_queue_node(q, k)->endpoint == i);
            queue_expect(ae_queue_node(q, k)->order > order);
            order = ae_queue_node(q, k)->order;
        }
    }
}


/* to be called while nobody changes it, with the lock or without */

static inline void
queue_check(ae_queue_t *q)
{
    uint32_t       i, n, *refs, *sent;
    ae_node_t     *node;
    queue_seen_t  *seen;

    refs = calloc(q->blocks, sizeof(uint32_t));
    sent = calloc(q->cools, sizeof(uint32_t));
    seen = calloc(AE_QUEUE_ENDPOINTS, sizeof(queue_seen_t));

    queue_expect(q->undos == 0 && q->routing == 0 && q->settle == 0);
    queue_expect(q->chain == AE_QUEUE_NONE);

    for (i = 0; i < q->nodes; i++) {
        node = ae_queue_node(q, i);

        if (node->state == AE_NODE_FREE || node->state == AE_NODE_GONE) {
            continue;
        }

        queue_expect(node->endpoint < q->endpoints);
        queue_expect(node->event < q->blocks);

        refs[node->event]++;
        seen[node->endpoint].pending++;
        seen[node->endpoint].queued += node->state == AE_NODE_QUEUED;
        seen[node->endpoint].inflight += node->state == AE_NODE_INFLIGHT;
        seen[node->endpoint].blocks
            += ae_queue_blocks(ae_queue_block(q, node->event)->len);

        if (node->cool != AE_QUEUE_NONE && node->state != AE_NODE_HELD) {
            sent[node->cool]++;
        }
    }

    n = 0;

    for (i = 0; i < AE_QUEUE_SOURCES; i++) {
        n += queue_check_list(q, &q->slot[i], AE_NODE_INFLIGHT);
    }

    for (i = 0; i < q->endpoints; i++) {
        queue_expect(n >= seen[i].inflight);
        n -= seen[i].inflight;
    }

    queue_expect(n == 0);

    queue_check_free(q);
    queue_check_timers(q);
    queue_check_cools(q, sent);
    queue_check_blocks(q, refs);
    queue_check_endpoints(q, seen);
    queue_check_outbox(q);

    free(refs);
    free(sent);
    free(seen);
}


/* the equation of each endpoint and of all, by the public numbers only */

static inline void
queue_check_stat(ae_queue_t *q, uint32_t endpoint)
{
    ae_queue_stat_t  st;

    ae_queue_stat(q, endpoint, &st);

    queue_expect(st.deliveries == st.delivered + st.suppressed + st.pending
                                  + st.dead);
    queue_expect(st.inflight <= st.pending);
}


static inline void
queue_hash_list(uint64_t *h, ae_queue_t *p, const ae_queue_list_t *list)
{
    uint32_t          i;
    const ae_node_t  *node;

    for (i = list->head; i != AE_QUEUE_NONE; i = node->next) {
        node = ae_queue_node(p, i);

        queue_hash(h, node->state);
        queue_hash(h, node->endpoint);
        queue_hash(h, node->attempt);
        queue_hash(h, node->deaths);
        queue_hash(h, node->in_script);
        queue_hash(h, node->suppressed);
        queue_hash(h, node->order);
        queue_hash(h, node->stamp);
        queue_hash(h, ae_queue_block(p, node->event)->data[0]);
        queue_hash(h, ae_queue_block(p, node->event)->len);
    }

    queue_hash(h, list->n);
}


/* all that can be seen from outside, and in which order things wait */

static inline uint64_t
queue_state(ae_queue_t *p)
{
    uint32_t        i;
    uint64_t        h;
    ae_endpoint_t  *ep;

    h = p->endpoints;

    for (i = 0; i < p->endpoints; i++) {
        ep = &p->endpoint[i];

        queue_hash(&h, ep->id.h[0]);
        queue_hash(&h, ep->id.h[1]);
        queue_hash(&h, ep->concurrency);
        queue_hash(&h, ep->bound);
        queue_hash(&h, ep->deliveries);
        queue_hash(&h, ep->delivered);
        queue_hash(&h, ep->suppressed);
        queue_hash(&h, ep->pending);
        queue_hash(&h, ep->dead);
        queue_hash(&h, ep->blocks);
        queue_hash(&h, ep->retired);
        queue_hash(&h, ep->inflight);
        queue_hash(&h, ep->disabled);
        queue_hash(&h, ep->ill);
        queue_hash(&h, ep->failing);
        queue_hash(&h, (uint64_t) ep->since);
        queue_hash(&h, ep->version);
        queue_hash_list(&h, p, &ep->queue);
    }

    for (i = 0; i < AE_QUEUE_SOURCES; i++) {
        queue_hash(&h, p->routed[i]);
        queue_hash_list(&h, p, &p->slot[i]);
    }

    for (i = 0; i < p->cools; i++) {
        queue_hash(&h, ae_queue_cool(p, i)->state);

        if (ae_queue_cool(p, i)->state != AE_COOL_FREE) {
            queue_hash(&h, ae_queue_cool(p, i)->id.h[0]);
            queue_hash_list(&h, p, &ae_queue_cool(p, i)->held);
        }
    }

    for (i = 0; i < p->timers; i++) {
        queue_hash(&h, *ae_queue_timer(p, i));
    }

    queue_hash_outbox(&h, p);

    queue_hash(&h, p->nodes_free);
    queue_hash(&h, p->blocks_free);
    queue_hash(&h, p->past.deliveries);
    queue_hash(&h, p->past.delivered);
    queue_hash(&h, p->past.suppressed);
    queue_hash(&h, p->past.dead);
    queue_hash(&h, p->serial);

    return h;
}


#endif /* _QUEUE_CHECK_H_INCLUDED_ */
