/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The queue's lock and what its next owner does after a death.
 */


#include "core/shared/ae_queue.h"


static void ae_undo_restore(ae_queue_t *q, const ae_undo_t *u);


void
ae_queue_lock(ae_queue_t *q)
{
    if (ae_lock(&q->lock) == AE_RECOVER) {
        ae_queue_recover(q);
        ae_lock_repaired(&q->lock);
    }
}


void
ae_queue_unlock(ae_queue_t *q)
{
    ae_unlock(&q->lock);
}


void
ae_queue_recover(ae_queue_t *q)
{
    uint32_t  n;

    /* an entry is dropped after its value is back: twice does not hurt */

    for (n = q->undos; n != 0; n--) {
        ae_undo_restore(q, &q->undo[n - 1]);
        ae_queue_fence();
        __atomic_store_n(&q->undos, n - 1, __ATOMIC_RELAXED);
        ae_queue_fence();
    }

    ae_queue_route_recover(q);
    ae_queue_cool_settle(q);

    ae_add(q, q->recovered, 1);
    ae_queue_commit(q);
}


static void
ae_undo_restore(ae_queue_t *q, const ae_undo_t *u)
{
    char  *p;

    p = (char *) q + (u->where >> 4);

    if ((u->where & 15) == 4) {
        __atomic_store_n((uint32_t *) p, (uint32_t) u->old, __ATOMIC_RELAXED);

    } else {
        __atomic_store_n((uint64_t *) p, u->old, __ATOMIC_RELAXED);
    }
}
