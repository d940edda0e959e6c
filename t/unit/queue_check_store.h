/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Looks whether the queue's lists for a store are whole; a part of
 * queue_check.h.
 */


#ifndef _QUEUE_CHECK_STORE_H_INCLUDED_
#define _QUEUE_CHECK_STORE_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/shared/ae_queue.h"


/* children have no cmocka to tell, and a dump is as good as a message */

#define queue_expect(c)                                                       \
    do {                                                                      \
        if (!(c)) {                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c);           \
            abort();                                                          \
        }                                                                     \
    } while (0)


static inline void
queue_hash(uint64_t *h, uint64_t v)
{
    *h = (*h ^ v) * 0x9e3779b97f4a7c15;
    *h ^= *h >> 29;
}


static inline uint32_t
queue_check_store(ae_queue_t *q, uint32_t store)
{
    uint32_t          i, n, prev;
    ae_node_t        *node;
    ae_queue_list_t  *list;

    n = 0;
    prev = AE_QUEUE_NONE;
    list = &q->outbox[store];

    for (i = list->head; i != AE_QUEUE_NONE; i = node->store_next) {
        queue_expect(i < q->nodes);
        node = ae_queue_node(q, i);

        queue_expect(node->store == store
                     || (store == AE_OUTBOX_CHANGED
                         && node->store == AE_OUTBOX_NEW));
        queue_expect((node->state == AE_NODE_GONE)
                     == (store == AE_OUTBOX_GONE));
        queue_expect(node->store_prev == prev);
        queue_expect(++n <= q->nodes);
        prev = i;
    }

    queue_expect(list->tail == prev);
    queue_expect(list->n == n);

    return n;
}


/* each is found by its uid, and nothing else is */

static inline uint32_t
queue_check_uids(ae_queue_t *q)
{
    uint32_t    i, k, n;
    ae_node_t  *node, *other;

    n = 0;

    for (i = 0; i < q->uids; i++) {

        for (k = *ae_queue_uid(q, i); k != AE_QUEUE_NONE; k = node->uid_next) {
            queue_expect(k < q->nodes);
            node = ae_queue_node(q, k);

            queue_expect((node->uid & (q->uids - 1)) == i);
            queue_expect(node->uid <= q->uid && node->uid != 0);
            queue_expect(node->store != AE_OUTBOX_NONE);
            queue_expect(++n <= q->nodes);

            if (node->uid_next != AE_QUEUE_NONE) {
                other = ae_queue_node(q, node->uid_next);
                queue_expect(other->uid != node->uid);
            }
        }
    }

    return n;
}


static inline void
queue_check_outbox(ae_queue_t *q)
{
    uint32_t    i, n, found;
    ae_node_t  *node;

    found = 0;

    for (i = AE_OUTBOX_CHANGED; i < AE_OUTBOX_STATES; i++) {
        found += queue_check_store(q, i);
    }

    queue_expect(queue_check_uids(q) == found);

    n = 0;

    for (i = 0; i < q->nodes; i++) {
        node = ae_queue_node(q, i);

        if (node->state == AE_NODE_FREE) {
            queue_expect(node->store == AE_OUTBOX_NONE);
            continue;
        }

        n += node->store != AE_OUTBOX_NONE;

        queue_expect(node->store != AE_OUTBOX_NONE
                     || q->keeper != AE_KEEPER_READY);
    }

    queue_expect(n == found);
}


static inline void
queue_hash_outbox(uint64_t *h, ae_queue_t *p)
{
    uint32_t          i, k;
    const ae_node_t  *node;

    for (i = AE_OUTBOX_CHANGED; i < AE_OUTBOX_STATES; i++) {

        for (k = p->outbox[i].head; k != AE_QUEUE_NONE; k = node->store_next) {
            node = ae_queue_node(p, k);

            queue_hash(h, k);
            queue_hash(h, node->state);
            queue_hash(h, node->store);
            queue_hash(h, node->uid);
            queue_hash(h, node->version);
            queue_hash(h, node->changed);
        }

        queue_hash(h, p->outbox[i].n);
    }

    queue_hash(h, p->keeper);
    queue_hash(h, p->uid);
    queue_hash(h, p->uid_first);
    queue_hash(h, p->forgotten);
}


#endif /* _QUEUE_CHECK_STORE_H_INCLUDED_ */
