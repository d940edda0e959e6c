/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Nodes, the blocks of events, and lists of nodes.
 */


#include "core/shared/ae_queue.h"


static void ae_queue_unref(ae_queue_t *q, uint32_t event);


uint32_t
ae_queue_blocks(size_t len)
{
    return (len == 0) ? 1 : (len + AE_QUEUE_BLOCK - 1) / AE_QUEUE_BLOCK;
}


void
ae_queue_append(ae_queue_t *q, ae_queue_list_t *list, uint32_t n)
{
    ae_queue_insert(q, list, AE_QUEUE_NONE, n);
}


void
ae_queue_insert(ae_queue_t *q, ae_queue_list_t *list, uint32_t before,
    uint32_t n)
{
    uint32_t    after;
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    if (before == AE_QUEUE_NONE) {
        after = list->tail;
        ae_set(q, list->tail, n);

    } else {
        after = ae_queue_node(q, before)->prev;
        ae_set(q, ae_queue_node(q, before)->prev, n);
    }

    if (after == AE_QUEUE_NONE) {
        ae_set(q, list->head, n);

    } else {
        ae_set(q, ae_queue_node(q, after)->next, n);
    }

    ae_set(q, node->next, before);
    ae_set(q, node->prev, after);
    ae_add(q, list->n, 1);
}


void
ae_queue_remove(ae_queue_t *q, ae_queue_list_t *list, uint32_t n)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    if (node->prev == AE_QUEUE_NONE) {
        ae_set(q, list->head, node->next);

    } else {
        ae_set(q, ae_queue_node(q, node->prev)->next, node->next);
    }

    if (node->next == AE_QUEUE_NONE) {
        ae_set(q, list->tail, node->prev);

    } else {
        ae_set(q, ae_queue_node(q, node->next)->prev, node->prev);
    }

    ae_sub(q, list->n, 1);
}


void
ae_queue_enqueue(ae_queue_t *q, uint32_t n)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    ae_add(q, q->serial, 1);
    ae_set(q, node->order, q->serial);
    ae_set(q, node->state, AE_NODE_QUEUED);
    ae_queue_append(q, &q->endpoint[node->endpoint].queue, n);
}


void
ae_queue_finish(ae_queue_t *q, uint32_t n, uint64_t *counter)
{
    uint32_t        blocks;
    ae_node_t      *node;
    ae_endpoint_t  *ep;

    node = ae_queue_node(q, n);
    ep = &q->endpoint[node->endpoint];
    blocks = ae_queue_blocks(ae_queue_block(q, node->event)->len);

    ae_add(q, *counter, 1);
    ae_sub(q, ep->pending, 1);
    ae_sub(q, ep->blocks, blocks);

    ae_queue_unref(q, node->event);

    if (node->store != AE_OUTBOX_NONE && ae_queue_outbox_end(q, n)) {
        ae_set(q, node->state, AE_NODE_GONE);
        return;
    }

    ae_queue_free_node(q, n);
}


void
ae_queue_free_node(ae_queue_t *q, uint32_t n)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    ae_set(q, node->state, AE_NODE_FREE);
    ae_set(q, node->next, q->free_node);
    ae_set(q, q->free_node, n);
    ae_add(q, q->nodes_free, 1);
}


static void
ae_queue_unref(ae_queue_t *q, uint32_t event)
{
    ae_block_t  *first;

    first = ae_queue_block(q, event);

    ae_sub(q, first->refs, 1);

    if (first->refs != 0) {
        return;
    }

    ae_set(q, ae_queue_block(q, first->last)->next, q->free_block);
    ae_set(q, q->free_block, event);
    ae_add(q, q->blocks_free, ae_queue_blocks(first->len));
}


void
ae_queue_end(ae_queue_t *q, uint32_t n, ae_outcome_e outcome,
    const ae_now_t *now)
{
    ae_endpoint_t  *ep;

    ep = &q->endpoint[ae_queue_node(q, n)->endpoint];

    if (outcome == AE_DELIVERED) {
        ae_queue_cool_delivered(q, n, now);
        ae_queue_finish(q, n, &ep->delivered);

    } else {
        ae_queue_cool_dead(q, n);
        ae_queue_finish(q, n, &ep->dead);
    }
}
