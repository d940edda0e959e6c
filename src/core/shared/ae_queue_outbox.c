/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The outbox: which deliveries a store has to write, has, or has to delete.
 */


#include "core/shared/ae_queue.h"


static ae_queue_list_t *ae_outbox_list(ae_queue_t *q, uint32_t store);
static void ae_outbox_insert(ae_queue_t *q, uint32_t store, uint32_t n,
    int front);
static void ae_outbox_remove(ae_queue_t *q, uint32_t n);
static void ae_outbox_move(ae_queue_t *q, uint32_t store, uint32_t n,
    int front);
static void ae_outbox_link(ae_queue_t *q, uint32_t n);
static void ae_outbox_leave(ae_queue_t *q, uint32_t n);
static void ae_outbox_free(ae_queue_t *q, uint32_t n);
static uint32_t ae_outbox_victim(const ae_queue_t *q);
static int ae_outbox_holds(const ae_queue_t *q, const ae_outbox_row_t *row);
static void ae_outbox_row(const ae_queue_t *q, uint32_t n,
    const ae_now_t *now, ae_outbox_row_t *row);
static uint64_t ae_outbox_wall(uint64_t mono, const ae_now_t *now);
static int ae_outbox_save(ae_queue_t *q, ae_outbox_row_t *row,
    uint64_t before, const ae_now_t *now);
static void ae_outbox_saved(ae_queue_t *q, const ae_outbox_row_t *row,
    int ok);
static void ae_outbox_unsave(ae_queue_t *q);
static void ae_outbox_enter_all(ae_queue_t *q);
static void ae_outbox_leave_all(ae_queue_t *q);
static void ae_outbox_leave_list(ae_queue_t *q, uint32_t store);


static ae_queue_list_t *
ae_outbox_list(ae_queue_t *q, uint32_t store)
{
    return &q->outbox[(store == AE_OUTBOX_NEW) ? AE_OUTBOX_CHANGED : store];
}


static void
ae_outbox_insert(ae_queue_t *q, uint32_t store, uint32_t n, int front)
{
    uint32_t          next, prev;
    ae_node_t        *node;
    ae_queue_list_t  *list;

    node = ae_queue_node(q, n);
    list = ae_outbox_list(q, store);

    next = front ? list->head : AE_QUEUE_NONE;
    prev = front ? AE_QUEUE_NONE : list->tail;

    if (next == AE_QUEUE_NONE) {
        ae_set(q, list->tail, n);

    } else {
        ae_set(q, ae_queue_node(q, next)->store_prev, n);
    }

    if (prev == AE_QUEUE_NONE) {
        ae_set(q, list->head, n);

    } else {
        ae_set(q, ae_queue_node(q, prev)->store_next, n);
    }

    ae_set(q, node->store, store);
    ae_set(q, node->store_next, next);
    ae_set(q, node->store_prev, prev);
    ae_add(q, list->n, 1);
}


static void
ae_outbox_remove(ae_queue_t *q, uint32_t n)
{
    ae_node_t        *node;
    ae_queue_list_t  *list;

    node = ae_queue_node(q, n);
    list = ae_outbox_list(q, node->store);

    if (node->store_prev == AE_QUEUE_NONE) {
        ae_set(q, list->head, node->store_next);

    } else {
        ae_set(q, ae_queue_node(q, node->store_prev)->store_next,
               node->store_next);
    }

    if (node->store_next == AE_QUEUE_NONE) {
        ae_set(q, list->tail, node->store_prev);

    } else {
        ae_set(q, ae_queue_node(q, node->store_next)->store_prev,
               node->store_prev);
    }

    ae_sub(q, list->n, 1);
}


static void
ae_outbox_move(ae_queue_t *q, uint32_t store, uint32_t n, int front)
{
    ae_outbox_remove(q, n);
    ae_outbox_insert(q, store, n, front);
}


/* one that was in a store before keeps its uid: its row may be there still */

void
ae_queue_outbox_enter(ae_queue_t *q, uint32_t n)
{
    uint32_t    store;
    ae_node_t  *node;

    node = ae_queue_node(q, n);
    store = AE_OUTBOX_CHANGED;

    if (node->uid == 0) {
        ae_add(q, q->uid, 1);
        ae_set(q, node->uid, q->uid);
        store = AE_OUTBOX_NEW;
    }

    ae_set(q, node->changed, q->now.mono);
    ae_outbox_link(q, n);
    ae_outbox_insert(q, store, n, 0);
}


static void
ae_outbox_link(ae_queue_t *q, uint32_t n)
{
    uint32_t   *bucket;
    ae_node_t  *node;

    node = ae_queue_node(q, n);
    bucket = ae_queue_uid(q, node->uid);

    ae_set(q, node->uid_next, *bucket);
    ae_set(q, *bucket, n);
}


/* the clock may have been set back: nothing new gets a uid that is in use */

void
ae_queue_outbox_restore(ae_queue_t *q, uint32_t n)
{
    uint64_t  uid;

    uid = ae_queue_node(q, n)->uid;

    if (uid > q->uid) {
        ae_set(q, q->uid, uid);
        ae_set(q, q->uid_first, uid);
    }

    ae_outbox_link(q, n);
    ae_outbox_insert(q, AE_OUTBOX_KEPT, n, 0);
}


uint32_t
ae_queue_outbox_find(const ae_queue_t *q, uint64_t uid)
{
    uint32_t  n;

    n = *ae_queue_uid(q, uid);

    while (n != AE_QUEUE_NONE && ae_queue_node(q, n)->uid != uid) {
        n = ae_queue_node(q, n)->uid_next;
    }

    return n;
}


/* the node is in none of the lists any more, and not found by its uid */

static void
ae_outbox_leave(ae_queue_t *q, uint32_t n)
{
    uint32_t   *link;
    ae_node_t  *node;

    node = ae_queue_node(q, n);
    link = ae_queue_uid(q, node->uid);

    while (*link != n) {
        link = &ae_queue_node(q, *link)->uid_next;
    }

    ae_set(q, *link, node->uid_next);

    ae_outbox_remove(q, n);
    ae_set(q, node->store, AE_OUTBOX_NONE);
}


void
ae_queue_outbox_change(ae_queue_t *q, uint32_t n)
{
    ae_set(q, ae_queue_node(q, n)->changed, q->now.mono);
    ae_outbox_move(q, AE_OUTBOX_CHANGED, n, 0);
}


int
ae_queue_outbox_end(ae_queue_t *q, uint32_t n)
{
    if (ae_queue_node(q, n)->store == AE_OUTBOX_NEW) {
        ae_outbox_leave(q, n);
        return 0;
    }

    ae_outbox_move(q, AE_OUTBOX_GONE, n, 0);

    return 1;
}


static void
ae_outbox_free(ae_queue_t *q, uint32_t n)
{
    ae_outbox_leave(q, n);
    ae_queue_free_node(q, n);
}


void
ae_queue_outbox_reclaim(ae_queue_t *q)
{
    ae_add(q, q->forgotten, 1);
    ae_outbox_free(q, ae_outbox_victim(q));
    ae_queue_commit(q);
}


/*
 * Of the oldest ones the first that was not restored: when its row is read
 * again its uid tells that it has ended.
 */

static uint32_t
ae_outbox_victim(const ae_queue_t *q)
{
    uint32_t  i, n;

    n = q->outbox[AE_OUTBOX_GONE].head;

    for (i = 0; i < AE_QUEUE_BATCH && n != AE_QUEUE_NONE; i++) {

        if (ae_queue_outbox_own(q, ae_queue_node(q, n)->uid)) {
            return n;
        }

        n = ae_queue_node(q, n)->store_next;
    }

    return q->outbox[AE_OUTBOX_GONE].head;
}


void
ae_queue_keeper(ae_queue_t *q, int store)
{
    ae_queue_lock(q);

    if (!store) {
        ae_set(q, q->keeper, AE_KEEPER_NONE);

    } else if (q->keeper == AE_KEEPER_NONE) {
        ae_set(q, q->keeper, AE_KEEPER_ENTERING);
    }

    ae_queue_commit(q);
    ae_queue_unlock(q);

    if (!store) {
        ae_outbox_leave_all(q);
        return;
    }

    ae_outbox_unsave(q);
    ae_outbox_enter_all(q);
}


/* what the last keeper was saving; from the newest on, in front of the rest */

static void
ae_outbox_unsave(ae_queue_t *q)
{
    uint32_t  i, n;

    do {
        ae_queue_lock(q);

        for (i = 0; i < AE_QUEUE_BATCH; i++) {
            n = q->outbox[AE_OUTBOX_SAVING].tail;

            if (n == AE_QUEUE_NONE) {
                break;
            }

            ae_outbox_move(q, AE_OUTBOX_CHANGED, n, 1);
            ae_queue_commit(q);
        }

        ae_queue_unlock(q);

    } while (i == AE_QUEUE_BATCH);
}


/* new deliveries enter by themselves: one look is enough */

static void
ae_outbox_enter_all(ae_queue_t *q)
{
    uint32_t    i;
    ae_node_t  *node;

    ae_queue_lock(q);

    for (i = 0; i < q->nodes && q->keeper == AE_KEEPER_ENTERING; i++) {
        node = ae_queue_node(q, i);

        if (node->state != AE_NODE_FREE && node->store == AE_OUTBOX_NONE) {
            ae_queue_outbox_enter(q, i);
            ae_queue_commit(q);
        }

        if (i % AE_QUEUE_BATCH == AE_QUEUE_BATCH - 1) {
            ae_queue_unlock(q);
            ae_queue_lock(q);
        }
    }

    if (q->keeper == AE_KEEPER_ENTERING) {
        ae_set(q, q->keeper, AE_KEEPER_READY);
        ae_queue_commit(q);
    }

    ae_queue_unlock(q);
}


static void
ae_outbox_leave_all(ae_queue_t *q)
{
    ae_outbox_leave_list(q, AE_OUTBOX_CHANGED);
    ae_outbox_leave_list(q, AE_OUTBOX_SAVING);
    ae_outbox_leave_list(q, AE_OUTBOX_KEPT);
    ae_outbox_leave_list(q, AE_OUTBOX_GONE);
}


static void
ae_outbox_leave_list(ae_queue_t *q, uint32_t store)
{
    uint32_t  i, n;

    do {
        ae_queue_lock(q);

        for (i = 0; i < AE_QUEUE_BATCH; i++) {
            n = q->outbox[store].head;

            if (n == AE_QUEUE_NONE || q->keeper != AE_KEEPER_NONE) {
                break;
            }

            if (store == AE_OUTBOX_GONE) {
                ae_outbox_free(q, n);

            } else {
                ae_outbox_leave(q, n);
            }

            ae_queue_commit(q);
        }

        ae_queue_unlock(q);

    } while (i == AE_QUEUE_BATCH);
}


size_t
ae_queue_save(ae_queue_t *q, ae_outbox_row_t *rows, size_t n,
    uint64_t before, const ae_now_t *now)
{
    size_t    k;
    uint32_t  i;

    k = 0;

    do {
        ae_queue_lock(q);

        for (i = 0; i < AE_QUEUE_BATCH && k < n; i++) {

            if (!ae_outbox_save(q, &rows[k], before, now)) {
                break;
            }

            k++;
        }

        ae_queue_unlock(q);

    } while (i == AE_QUEUE_BATCH);

    return k;
}


static int
ae_outbox_save(ae_queue_t *q, ae_outbox_row_t *row, uint64_t before,
    const ae_now_t *now)
{
    uint32_t    n;
    ae_node_t  *node;

    n = q->outbox[AE_OUTBOX_CHANGED].head;

    if (n == AE_QUEUE_NONE) {
        return 0;
    }

    node = ae_queue_node(q, n);

    if (node->changed >= before) {
        return 0;
    }

    ae_add(q, node->version, 1);
    ae_outbox_move(q, AE_OUTBOX_SAVING, n, 0);

    ae_outbox_row(q, n, now, row);
    ae_queue_commit(q);

    return 1;
}


static void
ae_outbox_row(const ae_queue_t *q, uint32_t n, const ae_now_t *now,
    ae_outbox_row_t *row)
{
    const ae_cool_t      *cool;
    const ae_node_t      *node;
    const ae_endpoint_t  *ep;

    node = ae_queue_node(q, n);
    ep = &q->endpoint[node->endpoint];

    *row = (ae_outbox_row_t) { 0 };

    row->uid = node->uid;
    row->endpoint = ep->id;
    row->cooldown = node->cooldown;
    row->period = node->period;
    row->suppressed = node->suppressed;
    row->attempt = node->attempt;
    row->len = ae_queue_block(q, node->event)->len;
    row->node = n;
    row->version = node->version;

    switch (node->state) {

    case AE_NODE_INFLIGHT:

        /* if its owner does not end it, it was none */

        row->attempt--;
        break;

    case AE_NODE_DELAYED:
        row->due = ae_outbox_wall(node->due, now);
        break;

    case AE_NODE_HELD:
        cool = ae_queue_cool(q, node->cool);
        row->held = 1;

        if (cool->state == AE_COOL_RUNNING) {
            row->due = ae_outbox_wall(cool->until, now);
        }

        break;
    }
}


static uint64_t
ae_outbox_wall(uint64_t mono, const ae_now_t *now)
{
    return (mono > now->mono) ? now->wall + (mono - now->mono) : now->wall;
}


/* may be called without the lock */

static int
ae_outbox_holds(const ae_queue_t *q, const ae_outbox_row_t *row)
{
    uint32_t    state;
    ae_node_t  *node;

    if (row->node >= q->nodes) {
        return 0;
    }

    node = ae_queue_node(q, row->node);
    state = __atomic_load_n(&node->state, __ATOMIC_ACQUIRE);

    return state != AE_NODE_FREE && state != AE_NODE_GONE
           && __atomic_load_n(&node->uid, __ATOMIC_ACQUIRE) == row->uid;
}


/*
 * As ae_queue_read(), but that it seems to have ended may be undone: then the
 * lock tells.
 */

int
ae_queue_save_read(ae_queue_t *q, const ae_outbox_row_t *row,
    unsigned char *buf)
{
    int         rc;
    ae_node_t  *node;

    if (row->node >= q->nodes) {
        return AE_DECLINED;
    }

    node = ae_queue_node(q, row->node);

    if (ae_outbox_holds(q, row)
        && ae_queue_copy(q, node->event, buf, row->len) == AE_OK)
    {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (ae_outbox_holds(q, row)) {
            return AE_OK;
        }
    }

    ae_queue_lock(q);

    rc = ae_outbox_holds(q, row)
         ? ae_queue_copy(q, node->event, buf, row->len) : AE_DECLINED;

    ae_queue_unlock(q);

    return rc;
}


/* from the last one on, so that those in front stay in their order */

void
ae_queue_saved(ae_queue_t *q, const ae_outbox_row_t *rows, size_t n, int ok)
{
    ae_queue_lock(q);

    while (n-- > 0) {
        ae_outbox_saved(q, &rows[n], ok);

        if (n % AE_QUEUE_BATCH == 0) {
            ae_queue_unlock(q);
            ae_queue_lock(q);
        }
    }

    ae_queue_unlock(q);
}


static void
ae_outbox_saved(ae_queue_t *q, const ae_outbox_row_t *row, int ok)
{
    ae_node_t  *node;

    if (!ae_outbox_holds(q, row)) {
        return;
    }

    node = ae_queue_node(q, row->node);

    if (node->store != AE_OUTBOX_SAVING || node->version != row->version) {
        return;
    }

    ae_outbox_move(q, ok ? AE_OUTBOX_KEPT : AE_OUTBOX_CHANGED, row->node,
                   !ok);
    ae_queue_commit(q);
}


/* one that was freed while the lock was given up ends the list early */

size_t
ae_queue_gone(ae_queue_t *q, uint64_t *uids, uint32_t *nodes, size_t n)
{
    size_t            k;
    uint32_t          i;
    const ae_node_t  *node;

    ae_queue_lock(q);

    i = q->outbox[AE_OUTBOX_GONE].head;

    for (k = 0; k < n && i != AE_QUEUE_NONE; k++) {
        node = ae_queue_node(q, i);

        uids[k] = node->uid;
        nodes[k] = i;

        if (k % AE_QUEUE_BATCH == AE_QUEUE_BATCH - 1) {
            ae_queue_unlock(q);
            ae_queue_lock(q);

            if (node->store != AE_OUTBOX_GONE || node->uid != uids[k]) {
                break;
            }
        }

        i = node->store_next;
    }

    ae_queue_unlock(q);

    return k;
}


void
ae_queue_forget(ae_queue_t *q, const uint64_t *uids, const uint32_t *nodes,
    size_t n)
{
    size_t            k;
    const ae_node_t  *node;

    ae_queue_lock(q);

    for (k = 0; k < n; k++) {

        if (nodes[k] < q->nodes) {
            node = ae_queue_node(q, nodes[k]);

            if (node->store == AE_OUTBOX_GONE && node->uid == uids[k]) {
                ae_outbox_free(q, nodes[k]);
                ae_queue_commit(q);
            }
        }

        if (k % AE_QUEUE_BATCH == AE_QUEUE_BATCH - 1) {
            ae_queue_unlock(q);
            ae_queue_lock(q);
        }
    }

    ae_queue_unlock(q);
}


void
ae_queue_outbox_stat(ae_queue_t *q, ae_outbox_stat_t *st)
{
    ae_queue_lock(q);

    st->changed = q->outbox[AE_OUTBOX_CHANGED].n;
    st->saving = q->outbox[AE_OUTBOX_SAVING].n;
    st->kept = q->outbox[AE_OUTBOX_KEPT].n;
    st->gone = q->outbox[AE_OUTBOX_GONE].n;
    st->forgotten = q->forgotten;

    ae_queue_unlock(q);
}
