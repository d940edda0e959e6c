/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The model of a delivery queue: an array of deliveries, all of which are
 * looked at each time.
 */


#ifndef _QUEUE_MODEL_H_INCLUDED_
#define _QUEUE_MODEL_H_INCLUDED_


#include "queue_check.h"
#include "random.h"


#define MODEL_SIZE           (216 * 1024)
#define MODEL_MAX            512            /* deliveries at a time */
#define MODEL_ENDPOINTS      5
#define MODEL_IDENTITIES     4              /* of each endpoint */
#define MODEL_SLOTS          3
#define MODEL_TARGETS        4
#define MODEL_LEN            3000

/*
 * The time advances in these steps; timers never fall on the same moment, so
 * that their order is known.
 */
#define MODEL_TICK           1024
#define MODEL_WALL           1000000000000000

#define MODEL_ROWS           12
#define MODEL_BATCHES        4              /* being saved at a time */


typedef struct {
    size_t                   n;
    ae_outbox_row_t          rows[MODEL_ROWS];
} model_batch_t;


typedef struct {
    int                      state;
    uint64_t                 event;
    size_t                   len;
    uint32_t                 endpoint;
    uint32_t                 identity;      /* from 1, 0: no cooldown */
    uint64_t                 period;
    uint64_t                 order;
    uint64_t                 due;
    uint32_t                 attempt;
    uint32_t                 deaths;
    uint32_t                 slot;
    int                      in_script;
    uint64_t                 suppressed;
    ae_lease_t               lease;

    uint32_t                 node;
    uint32_t                 store;
    uint64_t                 uid;
    int64_t                  store_order;
    uint64_t                 changed;
    uint32_t                 version;
} model_delivery_t;


typedef struct {
    int                      state;
    uint64_t                 until;
} model_cool_t;


typedef struct {
    uint32_t                 concurrency;
    uint32_t                 bound;
    int                      retired;
    int                      ailing;
    int64_t                  since;         /* mono, INT64_MIN: not known */
    ae_health_t              health;
    ae_queue_stat_t          st;
} model_endpoint_t;


static void model_reset(void);
static size_t model_length(uint64_t event);
static uint32_t model_count(uint32_t endpoint, int state);
static uint32_t model_concurrency(const model_endpoint_t *e);
static model_delivery_t *model_oldest(int state, uint32_t endpoint,
    uint32_t identity);
static model_delivery_t *model_newest(uint32_t endpoint, uint32_t identity);
static uint32_t model_blocks_used(void);
static uint32_t model_blocks_held(uint32_t endpoint);
static int model_hogs(uint32_t held, uint32_t all, uint32_t used,
    uint32_t few);
static int model_admits(uint32_t endpoint, uint32_t blocks);
static int model_has_room(uint32_t endpoint, uint32_t blocks, uint32_t weight);
static int model_swaps(const ae_queue_target_t *t, uint32_t blocks);
static void model_trim(uint32_t identity);
static void model_store(model_delivery_t *d, uint32_t store, int front);
static void model_changed(model_delivery_t *d);
static void model_store_enter(model_delivery_t *d);
static int model_pending(const model_delivery_t *d);
static void model_finish(model_delivery_t *d, uint64_t *counter);
static void model_enqueue(model_delivery_t *d);
static void model_next(uint32_t identity, uint64_t suppressed);
static void model_dead(model_delivery_t *d);
static void model_delivered(model_delivery_t *d);
static model_delivery_t *model_suppress(uint32_t identity);
static uint64_t model_first_timer(model_delivery_t **d, uint32_t *identity);
static int model_expire(int max);
static model_delivery_t *model_new(void);
static void model_enter(uint64_t event, const ae_queue_target_t *t,
    uint32_t node);
static void model_cool_enter(model_delivery_t *d, uint64_t due);
static void model_send(model_delivery_t *d, uint64_t due);


static ae_queue_t        *q;
static ae_now_t           now;
static uint64_t           events, serial, told, first_uid, last_uid;
static int64_t            store_first, store_last;
static int                keeper, lazy;
static ae_lease_t         stale;
static uint32_t           model_taken;      /* nodes of the route under way */
static model_endpoint_t   endpoint[MODEL_ENDPOINTS];
static model_cool_t       cool[MODEL_ENDPOINTS * MODEL_IDENTITIES + 1];
static model_delivery_t   model[MODEL_MAX];
static model_batch_t      batch[MODEL_BATCHES];
static uint64_t           model_forgotten;


static void
model_reset(void)
{
    uint32_t  i;

    memset(endpoint, 0, sizeof(endpoint));
    memset(cool, 0, sizeof(cool));
    memset(model, 0, sizeof(model));
    memset(&stale, 0, sizeof(stale));
    memset(batch, 0, sizeof(batch));
    model_forgotten = 0;
    model_taken = 0;

    events = 0;
    serial = 0;
    keeper = 0;
    now.mono = MODEL_TICK;
    now.wall = MODEL_WALL;

    q = aligned_alloc(64, MODEL_SIZE);
    memset(q, 0, MODEL_SIZE);
    q = ae_queue_init(q, MODEL_SIZE);
    assert_non_null(q);
    assert_true(q->nodes < MODEL_MAX);
    first_uid = q->uid;
    last_uid = q->uid;
    told = 0;
    assert_true(q->cools >= MODEL_ENDPOINTS * MODEL_IDENTITIES);

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        endpoint[i].concurrency = 1 + i;
        endpoint[i].bound = 20 * i + 5;
        assert_int_equal(ae_queue_endpoint(q, (ae_id_t) { { i, 0 } }, 1 + i,
                                           20 * i + 5), i);
    }
}


static size_t
model_length(uint64_t event)
{
    return event * event % (event % 16 ? 500 : MODEL_LEN);
}


static uint32_t
model_count(uint32_t ep, int state)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < MODEL_MAX; i++) {
        n += model[i].state == state && model[i].endpoint == ep;
    }

    return n;
}


static uint32_t
model_concurrency(const model_endpoint_t *e)
{
    return (e->health.slow && e->concurrency > 1) ? 1 : e->concurrency;
}


/* identity 0: whichever */

static model_delivery_t *
model_oldest(int state, uint32_t ep, uint32_t identity)
{
    uint32_t           i;
    model_delivery_t  *d, *oldest;

    oldest = NULL;

    for (i = 0; i < MODEL_MAX; i++) {
        d = &model[i];

        if (d->state == state && d->endpoint == ep
            && (identity == 0 || d->identity == identity)
            && (oldest == NULL || d->order < oldest->order))
        {
            oldest = d;
        }
    }

    return oldest;
}


static model_delivery_t *
model_newest(uint32_t ep, uint32_t identity)
{
    uint32_t           i;
    model_delivery_t  *d, *newest;

    newest = NULL;

    for (i = 0; i < MODEL_MAX; i++) {
        d = &model[i];

        if (d->state == AE_NODE_HELD && d->endpoint == ep
            && d->identity == identity
            && (newest == NULL || d->order > newest->order))
        {
            newest = d;
        }
    }

    return newest;
}


static uint32_t
model_blocks_used(void)
{
    uint32_t  i, k, n;

    n = 0;

    for (i = 0; i < MODEL_MAX; i++) {

        if (!model_pending(&model[i])) {
            continue;
        }

        for (k = 0; k < i; k++) {
            if (model_pending(&model[k])
                && model[k].event == model[i].event)
            {
                break;
            }
        }

        if (k == i) {
            n += ae_queue_blocks(model[i].len);
        }
    }

    return n;
}


static uint32_t
model_blocks_held(uint32_t ep)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < MODEL_MAX; i++) {
        if (model_pending(&model[i]) && model[i].endpoint == ep) {
            n += ae_queue_blocks(model[i].len);
        }
    }

    return n;
}


static int
model_hogs(uint32_t held, uint32_t all, uint32_t used, uint32_t few)
{
    if (all / 256 < few) {
        few = all / 256 + 1;
    }

    return held >= few && used + held + all / 16 >= all;
}


static int
model_admits(uint32_t ep, uint32_t blocks)
{
    const model_endpoint_t  *e;

    e = &endpoint[ep];

    return !e->retired
           && e->st.pending - e->st.inflight < e->bound
           && model_has_room(ep, blocks, 1);
}


static int
model_has_room(uint32_t ep, uint32_t blocks, uint32_t weight)
{
    uint32_t                 i, used;
    const model_endpoint_t  *e;

    e = &endpoint[ep];
    used = model_taken;

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        used += endpoint[i].st.pending;
    }

    return !model_hogs(weight * e->st.pending, q->nodes, used, 8)
           && !model_hogs(weight * model_blocks_held(ep), q->blocks,
                          model_blocks_used(), 64)
           && blocks <= q->blocks;
}


/* its identity has one whose place it may take */

static int
model_swaps(const ae_queue_target_t *t, uint32_t blocks)
{
    const model_cool_t      *c;
    const model_delivery_t  *d;

    if (t->period == 0 || endpoint[t->endpoint].retired) {
        return 0;
    }

    c = &cool[t->cooldown.h[1]];
    d = model_oldest(AE_NODE_HELD, t->endpoint, t->cooldown.h[1]);

    if (d == NULL || (c->state == AE_COOL_RUNNING && c->until <= now.mono)) {
        return 0;
    }

    return model_has_room(t->endpoint, blocks, 1)
           || blocks <= ae_queue_blocks(d->len);
}


static void
model_trim(uint32_t identity)
{
    uint32_t                 ep;
    model_delivery_t        *d, *newest;
    const model_endpoint_t  *e;

    ep = (identity - 1) / MODEL_IDENTITIES;
    e = &endpoint[ep];

    if (e->st.pending - e->st.inflight <= e->bound
        && model_has_room(ep, 0, 1))
    {
        return;
    }

    d = model_oldest(AE_NODE_HELD, ep, identity);
    newest = model_newest(ep, identity);

    if (d != newest) {
        newest->suppressed += 1 + d->suppressed;
        model_changed(newest);
        model_finish(d, &endpoint[ep].st.suppressed);
    }
}


static int
model_pending(const model_delivery_t *d)
{
    return d->state != AE_NODE_FREE && d->state != AE_NODE_GONE;
}


/* what is put to the front of a list is before all that was there */

static void
model_store(model_delivery_t *d, uint32_t store, int front)
{
    d->store = store;
    d->store_order = front ? --store_first : ++store_last;
}


static void
model_changed(model_delivery_t *d)
{
    if (d->store == AE_OUTBOX_KEPT || d->store == AE_OUTBOX_SAVING) {
        model_store(d, AE_OUTBOX_CHANGED, 0);
        d->changed = told;
    }
}


static void
model_store_enter(model_delivery_t *d)
{
    d->changed = told;

    if (d->uid != 0) {
        model_store(d, AE_OUTBOX_CHANGED, 0);
        return;
    }

    d->uid = ++last_uid;
    model_store(d, AE_OUTBOX_NEW, 0);
}


static void
model_finish(model_delivery_t *d, uint64_t *counter)
{
    (*counter)++;
    endpoint[d->endpoint].st.pending--;

    if (d->store == AE_OUTBOX_NONE || d->store == AE_OUTBOX_NEW) {
        d->state = AE_NODE_FREE;
        return;
    }

    d->state = AE_NODE_GONE;
    model_store(d, AE_OUTBOX_GONE, 0);
}


static void
model_enqueue(model_delivery_t *d)
{
    d->state = AE_NODE_QUEUED;
    d->order = ++serial;
}


static void
model_next(uint32_t identity, uint64_t suppressed)
{
    model_delivery_t  *d;

    d = model_oldest(AE_NODE_HELD, (identity - 1) / MODEL_IDENTITIES,
                     identity);

    if (d == NULL) {
        cool[identity].state = AE_COOL_FREE;
        return;
    }

    cool[identity].state = AE_COOL_SENT;
    d->suppressed += suppressed;
    model_enqueue(d);

    if (suppressed != 0) {
        model_changed(d);
    }
}


static void
model_dead(model_delivery_t *d)
{
    if (d->identity != 0) {
        model_next(d->identity, d->suppressed);
    }

    model_finish(d, &endpoint[d->endpoint].st.dead);
}


static void
model_delivered(model_delivery_t *d)
{
    model_delivery_t  *held;

    model_finish(d, &endpoint[d->endpoint].st.delivered);

    if (d->identity != 0) {
        cool[d->identity].state = AE_COOL_RUNNING;
        cool[d->identity].until = now.mono + d->period;

        held = model_suppress(d->identity);

        if (held != NULL) {
            model_changed(held);
        }
    }
}


/* leaves the newest of the held ones */

static model_delivery_t *
model_suppress(uint32_t identity)
{
    uint32_t           ep;
    uint64_t           stands_for;
    model_delivery_t  *d;

    stands_for = 0;
    ep = (identity - 1) / MODEL_IDENTITIES;

    for ( ;; ) {
        d = model_oldest(AE_NODE_HELD, ep, identity);

        if (d == NULL) {
            return NULL;
        }

        d->state = AE_NODE_FREE;

        if (model_oldest(AE_NODE_HELD, ep, identity) == NULL) {
            d->state = AE_NODE_HELD;
            d->suppressed += stands_for;

            if (stands_for != 0) {
                model_changed(d);
            }

            return d;
        }

        stands_for += 1 + d->suppressed;
        model_finish(d, &endpoint[ep].st.suppressed);
    }
}


static uint64_t
model_first_timer(model_delivery_t **d, uint32_t *identity)
{
    uint32_t  i;
    uint64_t  first;

    *d = NULL;
    *identity = 0;
    first = UINT64_MAX;

    for (i = 0; i < MODEL_MAX; i++) {
        if (model[i].state == AE_NODE_DELAYED && model[i].due < first) {
            first = model[i].due;
            *d = &model[i];
        }
    }

    for (i = 1; i <= MODEL_ENDPOINTS * MODEL_IDENTITIES; i++) {
        if (cool[i].state == AE_COOL_RUNNING && cool[i].until < first) {
            first = cool[i].until;
            *d = NULL;
            *identity = i;
        }
    }

    return first;
}


static int
model_expire(int max)
{
    int                n;
    uint32_t           identity;
    model_delivery_t  *d;

    told = now.mono;

    for (n = 0; n < max && model_first_timer(&d, &identity) <= now.mono; n++) {

        if (d != NULL) {
            model_enqueue(d);

        } else {
            model_next(identity, 0);
        }
    }

    return n;
}


static model_delivery_t *
model_new(void)
{
    uint32_t  i;

    for (i = 0; model[i].state != AE_NODE_FREE; i++) { /* void */ }

    memset(&model[i], 0, sizeof(model_delivery_t));

    return &model[i];
}


static void
model_enter(uint64_t event, const ae_queue_target_t *t, uint32_t node)
{
    model_delivery_t  *d;

    d = model_new();
    d->node = node;
    d->event = event;
    d->len = model_length(event);
    d->endpoint = t->endpoint;
    d->period = t->period;
    d->identity = t->period ? t->cooldown.h[1] : 0;

    endpoint[d->endpoint].st.pending++;
    model_taken--;

    if (keeper) {
        model_store_enter(d);
    }

    model_cool_enter(d, 0);

    if (d->state == AE_NODE_HELD) {
        model_trim(d->identity);
    }
}


static void
model_send(model_delivery_t *d, uint64_t due)
{
    if (due == 0) {
        model_enqueue(d);
        return;
    }

    d->state = AE_NODE_DELAYED;
    d->due = due;
}


static void
model_cool_enter(model_delivery_t *d, uint64_t due)
{
    model_cool_t  *c;

    c = &cool[d->identity];

    if (d->identity != 0 && c->state == AE_COOL_RUNNING
        && c->until <= now.mono)
    {
        model_next(d->identity, 0);
    }

    if (d->identity == 0 || c->state == AE_COOL_FREE) {
        c->state = AE_COOL_SENT;
        model_send(d, due);
        return;
    }

    d->state = AE_NODE_HELD;
    d->order = ++serial;

    if (c->state == AE_COOL_RUNNING) {
        (void) model_suppress(d->identity);
    }
}


#endif /* _QUEUE_MODEL_H_INCLUDED_ */
