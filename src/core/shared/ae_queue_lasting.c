/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Endpoints that are in no configuration: they last until somebody says that
 * they end.
 */


#include "core/shared/ae_queue.h"


static void ae_lasting_set(ae_queue_t *q, uint32_t *bits, uint32_t i, int on);
static void ae_lasting_hurry(ae_queue_t *q, uint32_t n, uint32_t endpoint);


uint32_t
ae_queue_lasting(ae_queue_t *q, ae_id_t identity, uint32_t concurrency,
    uint32_t bound)
{
    uint32_t  i;

    ae_queue_lock(q);

    i = ae_queue_enter_endpoint(q, identity, concurrency, bound);

    if (i != AE_NO_ENDPOINT) {
        ae_lasting_set(q, q->lasting, i, 1);
        ae_lasting_set(q, q->closing, i, 0);
    }

    ae_queue_commit(q);
    ae_queue_unlock(q);

    return i;
}


static void
ae_lasting_set(ae_queue_t *q, uint32_t *bits, uint32_t i, int on)
{
    uint32_t  bit, word;

    bit = (uint32_t) 1 << i % 32;
    word = on ? bits[i / 32] | bit : bits[i / 32] & ~bit;

    ae_set(q, bits[i / 32], word);
}


/* what somebody else puts off later, who did not know it, ae_queue_drop()
 * kills */

void
ae_queue_close(ae_queue_t *q, uint32_t endpoint)
{
    uint32_t  i;

    if (endpoint >= AE_QUEUE_ENDPOINTS) {
        return;
    }

    ae_queue_lock(q);

    if (ae_queue_bit(q->lasting, endpoint)) {
        ae_lasting_set(q, q->closing, endpoint, 1);
        ae_queue_commit(q);
    }

    for (i = 0; i < q->nodes && ae_queue_closing(q, endpoint); i++) {
        ae_lasting_hurry(q, i, endpoint);

        if (i % AE_QUEUE_BATCH == AE_QUEUE_BATCH - 1) {
            ae_queue_unlock(q);
            ae_queue_lock(q);
        }
    }

    ae_queue_unlock(q);
}


static void
ae_lasting_hurry(ae_queue_t *q, uint32_t n, uint32_t endpoint)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    if (node->state != AE_NODE_DELAYED || node->endpoint != endpoint) {
        return;
    }

    ae_queue_timer_remove(q, n);
    ae_queue_enqueue(q, n);
    ae_queue_commit(q);
}


int
ae_queue_closing(const ae_queue_t *q, uint32_t endpoint)
{
    return endpoint < AE_QUEUE_ENDPOINTS
           && ae_queue_bit(q->closing, endpoint);
}


int
ae_queue_drop(ae_queue_t *q, uint32_t endpoint, uint64_t *killed)
{
    int             rc;
    ae_endpoint_t  *ep;

    *killed = 0;

    if (!ae_queue_closing(q, endpoint)) {
        return AE_DECLINED;
    }

    ep = &q->endpoint[endpoint];

    ae_queue_lock(q);

    if (!ae_queue_closing(q, endpoint)) {
        rc = AE_DECLINED;

    } else if (ep->inflight != 0 || ep->queue.n != 0) {
        rc = AE_AGAIN;

    } else {
        rc = AE_OK;

        ae_lasting_set(q, q->lasting, endpoint, 0);
        ae_lasting_set(q, q->closing, endpoint, 0);
        ae_add(q, q->serial, 1);
        ae_set(q, ep->retired, q->serial);
        ae_queue_health_forget(q, ep);
        ae_queue_commit(q);
    }

    ae_queue_unlock(q);

    if (rc == AE_OK && ep->pending != 0) {
        *killed = ae_queue_kill(q, 1);
        *killed += ae_queue_kill(q, 0);
    }

    return rc;
}


int
ae_queue_lasts(const ae_queue_t *q, uint32_t endpoint)
{
    return endpoint < AE_QUEUE_ENDPOINTS
           && ae_queue_bit(q->lasting, endpoint);
}


int
ae_queue_next_lasting(ae_queue_t *q, uint32_t *cursor, uint32_t *endpoint,
    ae_id_t *identity)
{
    int  rc;

    rc = AE_DECLINED;

    ae_queue_lock(q);

    while (rc != AE_OK && *cursor < q->endpoints) {

        if (ae_queue_bit(q->lasting, *cursor)) {
            *endpoint = *cursor;
            *identity = q->endpoint[*cursor].id;
            rc = AE_OK;
        }

        (*cursor)++;
    }

    ae_queue_unlock(q);

    return rc;
}
