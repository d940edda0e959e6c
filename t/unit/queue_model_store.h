/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The model of what a queue tells a store.
 */


#ifndef _QUEUE_MODEL_STORE_H_INCLUDED_
#define _QUEUE_MODEL_STORE_H_INCLUDED_


#include "queue_model.h"


static int model_node_compare(const void *a, const void *b);
static void model_by_node(model_delivery_t **d);
static model_delivery_t *model_first(uint32_t store);
static uint32_t model_in(uint32_t store);
static model_delivery_t *model_uid(uint64_t uid);
static int model_own(uint64_t uid);
static model_delivery_t *model_victim(void);
static void model_free_nodes(uint32_t *nodes, uint32_t n);
static void model_reclaim(uint32_t admitted);
static void model_row(const model_delivery_t *d, const ae_outbox_row_t *row);
static void step_save(void);
static void step_saved(void);
static void step_gone(void);
static int model_restorable(uint64_t uid, uint32_t ep, uint32_t blocks);
static void model_restored(const ae_outbox_row_t *row, uint64_t after,
    uint32_t node);
static void step_restore(void);
static void step_keeper(void);
static void model_keeper_on(void);
static void model_keeper_off(void);
static void compare_store(void);


static int
model_node_compare(const void *a, const void *b)
{
    const model_delivery_t *const  *x = a;
    const model_delivery_t *const  *y = b;

    return (*x)->node < (*y)->node ? -1 : (*x)->node > (*y)->node;
}


static void
model_by_node(model_delivery_t **d)
{
    uint32_t  i;

    for (i = 0; i < MODEL_MAX; i++) {
        d[i] = &model[i];
    }

    qsort(d, MODEL_MAX, sizeof(d[0]), model_node_compare);
}


/* new ones are changed ones, in order */

static model_delivery_t *
model_first(uint32_t store)
{
    uint32_t           i, s;
    model_delivery_t  *d, *first;

    first = NULL;

    for (i = 0; i < MODEL_MAX; i++) {
        d = &model[i];
        s = (d->store == AE_OUTBOX_NEW) ? AE_OUTBOX_CHANGED : d->store;

        if (d->state != AE_NODE_FREE && s == store
            && (first == NULL || d->store_order < first->store_order))
        {
            first = d;
        }
    }

    return first;
}


static uint32_t
model_in(uint32_t store)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < MODEL_MAX; i++) {
        n += model[i].state != AE_NODE_FREE && model[i].store == store;
    }

    return n;
}


static model_delivery_t *
model_uid(uint64_t uid)
{
    uint32_t  i;

    for (i = 0; i < MODEL_MAX; i++) {
        if (model[i].state != AE_NODE_FREE && model[i].uid == uid) {
            return &model[i];
        }
    }

    return NULL;
}


static int
model_own(uint64_t uid)
{
    return uid > first_uid && uid <= last_uid;
}


/* who makes room: of the first 64 one that was not restored, or the first */

static model_delivery_t *
model_victim(void)
{
    uint32_t           i, n;
    model_delivery_t  *d, *victim, *gone[64];

    victim = NULL;

    for (n = 0; n < 64 && victim == NULL; n++) {
        d = model_first(AE_OUTBOX_GONE);

        if (d == NULL) {
            break;
        }

        gone[n] = d;
        d->store = AE_OUTBOX_NONE;
        victim = model_own(d->uid) ? d : NULL;
    }

    for (i = 0; i < n; i++) {
        gone[i]->store = AE_OUTBOX_GONE;
    }

    return (victim == NULL && n != 0) ? gone[0] : victim;
}


/* the nodes that the next n deliveries will have, reclaimed ones first */

static void
model_free_nodes(uint32_t *nodes, uint32_t n)
{
    uint32_t           i, k, r;
    model_delivery_t  *gone[MODEL_TARGETS];

    r = (n > q->nodes_free) ? n - q->nodes_free : 0;

    for (k = 0; k < r; k++) {
        gone[k] = model_victim();

        if (gone[k] == NULL) {
            break;
        }

        gone[k]->store = AE_OUTBOX_NONE;
    }

    r = k;

    for (k = 0; k < r; k++) {
        gone[k]->store = AE_OUTBOX_GONE;
        nodes[k] = gone[r - 1 - k]->node;
    }

    i = q->free_node;

    for (k = r; k < n && i != AE_QUEUE_NONE; k++) {
        nodes[k] = i;
        i = ae_queue_node(q, i)->next;
    }
}


static void
model_reclaim(uint32_t admitted)
{
    uint32_t  i, used;

    used = model_in(AE_OUTBOX_GONE);

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        used += endpoint[i].st.pending;
    }

    for ( /* void */ ; used + admitted > q->nodes; used--) {
        model_victim()->state = AE_NODE_FREE;
        model_forgotten++;
    }
}


static void
model_row(const model_delivery_t *d, const ae_outbox_row_t *row)
{
    size_t               i;
    uint64_t             due;
    unsigned char        data[MODEL_LEN];
    const model_cool_t  *c;

    assert_int_equal(row->uid, d->uid);
    assert_int_equal(row->node, d->node);
    assert_int_equal(row->endpoint.h[0], d->endpoint);
    assert_int_equal(row->period, d->period);
    assert_int_equal(row->suppressed, d->suppressed);
    assert_int_equal(row->attempt,
                     d->attempt - (d->state == AE_NODE_INFLIGHT));
    assert_int_equal(row->held, d->state == AE_NODE_HELD);
    assert_int_equal(row->len, d->len);

    if (d->identity != 0) {
        assert_int_equal(row->cooldown.h[1], d->identity);
    }

    c = &cool[d->identity];

    due = (d->state == AE_NODE_DELAYED) ? d->due
          : (d->state == AE_NODE_HELD && c->state == AE_COOL_RUNNING)
            ? c->until : 0;

    if (due != 0) {
        due = due > now.mono ? now.wall + due - now.mono : now.wall;
    }

    assert_int_equal(row->due, due);

    assert_int_equal(ae_queue_save_read(q, row, data), AE_OK);

    for (i = 0; i < row->len; i++) {
        assert_int_equal(data[i], (unsigned char) d->event);
    }
}


static void
step_save(void)
{
    size_t             i, n;
    uint64_t           before;
    model_batch_t     *b;
    model_delivery_t  *d;

    b = &batch[ae_random() % MODEL_BATCHES];

    if (b->n != 0) {
        return;
    }

    n = ae_random() % (MODEL_ROWS + 1);
    before = now.mono + MODEL_TICK - ae_random() % 4 * MODEL_TICK;
    b->n = ae_queue_save(q, b->rows, n, before, &now);

    for (i = 0; i < n; i++) {
        d = model_first(AE_OUTBOX_CHANGED);

        if (d == NULL || d->changed >= before) {
            break;
        }

        model_store(d, AE_OUTBOX_SAVING, 0);
        d->version++;

        assert_true(i < b->n);
        assert_int_equal(b->rows[i].version, d->version);
        model_row(d, &b->rows[i]);
    }

    assert_int_equal(b->n, i);
}


static void
step_saved(void)
{
    int                ok;
    size_t             i;
    model_batch_t     *b;
    unsigned char      data[MODEL_LEN];
    model_delivery_t  *d;

    b = &batch[ae_random() % MODEL_BATCHES];
    ok = ae_random() % 4 != 0;

    ae_queue_saved(q, b->rows, b->n, ok);

    for (i = b->n; i > 0; i--) {
        d = model_uid(b->rows[i - 1].uid);

        if (d == NULL || d->state == AE_NODE_GONE) {
            assert_int_equal(ae_queue_save_read(q, &b->rows[i - 1], data),
                             AE_DECLINED);

        } else if (d->store == AE_OUTBOX_SAVING
                   && d->version == b->rows[i - 1].version)
        {
            model_store(d, ok ? AE_OUTBOX_KEPT : AE_OUTBOX_CHANGED, !ok);
        }
    }

    b->n = 0;
}


/* in any order, and some once more */

static void
step_gone(void)
{
    size_t             i, k, n;
    uint32_t           nodes[MODEL_ROWS];
    uint64_t           uids[MODEL_ROWS];
    model_delivery_t  *d, *order[MODEL_ROWS];

    n = ae_queue_gone(q, uids, nodes, MODEL_ROWS);

    for (i = 0; i < MODEL_ROWS; i++) {
        order[i] = model_first(AE_OUTBOX_GONE);

        if (order[i] == NULL) {
            break;
        }

        assert_true(i < n);
        assert_int_equal(uids[i], order[i]->uid);
        assert_int_equal(nodes[i], order[i]->node);
        order[i]->store = AE_OUTBOX_NONE;
    }

    assert_int_equal(n, i);

    for (i = 0; i < n; i++) {
        order[i]->store = AE_OUTBOX_GONE;
    }

    for (i = ae_random() % 4; !lazy && i < n; i++) {
        k = ae_random() % n;

        d = model_uid(uids[k]);

        if (d != NULL) {
            assert_int_equal(d->state, AE_NODE_GONE);
            d->state = AE_NODE_FREE;
        }

        ae_queue_forget(q, &uids[k], &nodes[k], 1);
    }
}


static int
model_restorable(uint64_t uid, uint32_t ep, uint32_t blocks)
{
    uint32_t  i, free;

    if (!keeper || model_uid(uid) != NULL) {
        return AE_DECLINED;
    }

    if (model_own(uid)) {
        return AE_ERROR;
    }

    if (endpoint[ep].retired) {
        return AE_DECLINED;
    }

    free = q->nodes - model_in(AE_OUTBOX_GONE);

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        free -= endpoint[i].st.pending;
    }

    if (free <= q->nodes / 16
        || q->blocks - model_blocks_used() < blocks + q->blocks / 16
        || !model_has_room(ep, blocks, 2))
    {
        return AE_FULL;
    }

    return AE_OK;
}


static void
model_restored(const ae_outbox_row_t *row, uint64_t after, uint32_t node)
{
    model_delivery_t  *d;

    d = model_new();
    told = now.mono;

    d->node = node;
    d->uid = row->uid;
    d->event = events;
    d->len = row->len;
    d->endpoint = row->endpoint.h[0];
    d->period = row->period;
    d->identity = row->period ? row->cooldown.h[1] : 0;
    d->attempt = row->attempt;
    d->suppressed = row->suppressed;

    if (row->uid > last_uid) {
        first_uid = row->uid;
        last_uid = row->uid;
    }

    endpoint[d->endpoint].st.pending++;
    endpoint[d->endpoint].st.deliveries++;

    model_store(d, AE_OUTBOX_KEPT, 0);
    model_cool_enter(d, after ? now.mono + after : 0);
}


/* a row of a run before, or of this one */

static void
step_restore(void)
{
    int               rc;
    uint32_t          i, id, ep, node;
    uint64_t          after;
    ae_outbox_row_t   row;
    unsigned char     data[MODEL_LEN];

    memset(&row, 0, sizeof(row));
    memset(data, (int) (events + 1), sizeof(data));

    ep = ae_random() % MODEL_ENDPOINTS;
    id = ep * MODEL_IDENTITIES + ae_random() % MODEL_IDENTITIES + 1;

    /* the timers' times are still each another one */

    for (i = 0; model[i].state != AE_NODE_FREE; i++) { /* void */ }

    after = ae_random() % 20 * MODEL_TICK;
    after += after ? 100 + i : 0;

    row.uid = ae_random() % 4 ? ae_random() % 1000 + 1
                              : last_uid + 1 - ae_random() % 50;
    row.endpoint = (ae_id_t) { { ep, 0 } };
    row.cooldown = (ae_id_t) { { id * 3, id } };
    row.period = ae_random() % 2 * ((ae_random() % 40 + 1) * MODEL_TICK + id);
    row.due = after ? now.wall + after : ae_random() % 2 * now.wall;
    row.suppressed = ae_random() % 5;
    row.attempt = ae_random() % 5;
    row.held = ae_random() % 2;
    row.len = model_length(events + 1);

    node = q->free_node;
    rc = model_restorable(row.uid, ep, ae_queue_blocks(row.len));

    assert_int_equal(ae_queue_restore(q, &row, (ae_str_t) { row.len, data },
                                      &now),
                     rc);

    if (rc == AE_OK) {
        events++;
        model_restored(&row, after, node);
    }
}


static void
step_keeper(void)
{
    if (ae_random() % 256 == 0) {
        lazy = !lazy;
    }

    if (ae_random() % 512 == 0) {
        ae_queue_keeper(q, 0);
        model_keeper_off();

    } else if (ae_random() % 16 == 0) {
        ae_queue_keeper(q, 1);
        model_keeper_on();
    }
}


static void
model_keeper_on(void)
{
    uint32_t           i;
    model_delivery_t  *d, *by_node[MODEL_MAX], *saving;

    /* those that were being saved, in their order, before the others */

    do {
        saving = NULL;

        for (i = 0; i < MODEL_MAX; i++) {
            d = &model[i];

            if (d->state != AE_NODE_FREE && d->store == AE_OUTBOX_SAVING
                && (saving == NULL || d->store_order > saving->store_order))
            {
                saving = d;
            }
        }

        if (saving != NULL) {
            model_store(saving, AE_OUTBOX_CHANGED, 1);
        }

    } while (saving != NULL);

    if (keeper) {
        return;
    }

    keeper = 1;
    model_by_node(by_node);

    for (i = 0; i < MODEL_MAX; i++) {
        if (model_pending(by_node[i])) {
            model_store_enter(by_node[i]);
        }
    }
}


static void
model_keeper_off(void)
{
    uint32_t           i;
    model_delivery_t  *d;

    keeper = 0;

    for (i = 0; i < MODEL_MAX; i++) {
        d = &model[i];
        d->store = AE_OUTBOX_NONE;

        if (d->state == AE_NODE_GONE) {
            d->state = AE_NODE_FREE;
        }
    }
}


static void
compare_store(void)
{
    ae_outbox_stat_t  st;

    ae_queue_outbox_stat(q, &st);

    assert_int_equal(st.changed, model_in(AE_OUTBOX_NEW)
                                 + model_in(AE_OUTBOX_CHANGED));
    assert_int_equal(st.saving, model_in(AE_OUTBOX_SAVING));
    assert_int_equal(st.kept, model_in(AE_OUTBOX_KEPT));
    assert_int_equal(st.gone, model_in(AE_OUTBOX_GONE));
    assert_int_equal(st.forgotten, model_forgotten);
}


#endif /* _QUEUE_MODEL_STORE_H_INCLUDED_ */
