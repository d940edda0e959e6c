/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Deliveries that a store kept come back, each in one transaction.
 */


#include "core/shared/ae_queue.h"


static int ae_restore_admit(const ae_queue_t *q, const ae_outbox_row_t *row,
    size_t len, uint32_t *endpoint);
static int ae_restore_room(const ae_queue_t *q, const ae_endpoint_t *ep,
    uint32_t blocks);
static void ae_restore_fill(ae_queue_t *q, const ae_outbox_row_t *row,
    ae_str_t record, uint32_t endpoint);
static void ae_restore_enter(ae_queue_t *q, uint32_t n, uint64_t due);
static uint64_t ae_restore_due(const ae_outbox_row_t *row,
    const ae_now_t *now);


/* what is over ends first, which neither takes nor frees nodes and blocks */

int
ae_queue_restore(ae_queue_t *q, const ae_outbox_row_t *row, ae_str_t record,
    const ae_now_t *now)
{
    int       rc;
    uint32_t  n, endpoint;

    ae_queue_lock(q);

    rc = ae_restore_admit(q, row, record.len, &endpoint);

    if (rc == AE_OK) {
        n = q->free_node;
        q->now = *now;

        ae_restore_fill(q, row, record, endpoint);
        ae_queue_cool_refresh(q, n, now);
        ae_restore_enter(q, n, ae_restore_due(row, now));
        ae_queue_commit(q);
    }

    ae_queue_unlock(q);

    return rc;
}


static int
ae_restore_admit(const ae_queue_t *q, const ae_outbox_row_t *row, size_t len,
    uint32_t *endpoint)
{
    const ae_endpoint_t  *ep;

    if (q->keeper != AE_KEEPER_READY
        || ae_queue_outbox_find(q, row->uid) != AE_QUEUE_NONE)
    {
        return AE_DECLINED;
    }

    /* it is none of those that are pending; and the next uid is no less */

    if (row->uid == 0 || row->uid > INT64_MAX || len > UINT32_MAX
        || ae_queue_outbox_own(q, row->uid))
    {
        return AE_ERROR;
    }

    *endpoint = ae_queue_find_endpoint(q, row->endpoint);

    if (*endpoint == AE_NO_ENDPOINT) {
        return AE_DECLINED;
    }

    ep = &q->endpoint[*endpoint];

    if (ep->retired != 0) {
        return AE_DECLINED;
    }

    return ae_restore_room(q, ep, ae_queue_blocks(len)) ? AE_OK : AE_FULL;
}


/*
 * What happens now comes first: the pool's reserve is for that, and half of
 * what the endpoint may have.  The rest is safe where it is.
 */

static int
ae_restore_room(const ae_queue_t *q, const ae_endpoint_t *ep, uint32_t blocks)
{
    return q->nodes_free > q->nodes / AE_QUEUE_RESERVE
           && q->blocks_free >= (uint64_t) blocks
                                + q->blocks / AE_QUEUE_RESERVE
           && ae_queue_has_room(q, ep, blocks, 2);
}


static void
ae_restore_fill(ae_queue_t *q, const ae_outbox_row_t *row, ae_str_t record,
    uint32_t endpoint)
{
    ae_node_t  *node;

    node = ae_queue_node(q, q->free_node);

    ae_queue_fill_event(q, record, 1);
    ae_queue_fill_node(q, q->free_node, endpoint, row->cooldown, row->period);

    node->uid = row->uid;
    node->attempt = row->attempt;
    node->suppressed = row->suppressed;
}


static void
ae_restore_enter(ae_queue_t *q, uint32_t n, uint64_t due)
{
    ae_queue_take_event(q);
    ae_queue_take_nodes(q, n, 1);
    ae_queue_count(q, n);
    ae_queue_outbox_restore(q, n);
    ae_queue_cool_enter(q, n, due);
}


static uint64_t
ae_restore_due(const ae_outbox_row_t *row, const ae_now_t *now)
{
    uint64_t  rest, latest;

    if (row->due <= now->wall) {
        return 0;
    }

    rest = row->due - now->wall;
    latest = (row->period > AE_OUTBOX_LATEST) ? row->period : AE_OUTBOX_LATEST;

    if (rest > latest) {
        rest = latest;
    }

    return (rest < UINT64_MAX - now->mono) ? now->mono + rest : UINT64_MAX;
}
