/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Random operations on a queue and on its model, which have to agree.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queue_model_health.h"
#include "queue_model_store.h"


static model_delivery_t *model_any_lease(void);
static int model_compare(const void *a, const void *b);
static void step_route(void);
static void step_take(void);
static void step_done(void);
static void step_in_script(void);
static void step_adopt(void);
static void step_tick(void);
static void step_configure(void);
static void step_retire(void);
static void step_stale(void);
static void compare(void);
static void drain(void);


static model_delivery_t *
model_any_lease(void)
{
    uint32_t  i, n;

    n = ae_random() % MODEL_MAX;

    for (i = 0; i < MODEL_MAX; i++) {
        if (model[(i + n) % MODEL_MAX].state == AE_NODE_INFLIGHT) {
            return &model[(i + n) % MODEL_MAX];
        }
    }

    return NULL;
}


static void
step_route(void)
{
    int                rc, ok[MODEL_TARGETS];
    uint32_t           i, n, ep, id, used, admitted, nodes[MODEL_TARGETS];
    ae_str_t           record;
    unsigned char      data[MODEL_LEN];
    ae_queue_target_t  target[MODEL_TARGETS];

    n = ae_random() % (MODEL_TARGETS + 1);
    admitted = 0;
    used = 0;

    record.data = data;
    record.len = model_length(events + 1);
    memset(data, (int) (events + 1), record.len);

    for (i = 0; i < n; i++) {
        ep = ae_random() % MODEL_ENDPOINTS;
        id = ep * MODEL_IDENTITIES + ae_random() % MODEL_IDENTITIES + 1;

        target[i].endpoint = ep;
        target[i].cooldown = (ae_id_t) { { id * 3, id } };
        target[i].period = 0;

        if (ae_random() % 2) {
            target[i].period = (ae_random() % 40 + 1) * MODEL_TICK + id;
        }

        ok[i] = model_admits(ep, ae_queue_blocks(record.len))
                || model_swaps(&target[i], ae_queue_blocks(record.len));
        admitted += ok[i];
    }

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        used += endpoint[i].st.pending;
    }

    model_free_nodes(nodes, admitted);

    rc = ae_queue_route(q, 1, events + 1, record, target, n, &now);

    if (admitted > q->nodes - used
        || (admitted
            && ae_queue_blocks(record.len) > q->blocks - model_blocks_used()))
    {
        assert_int_equal(rc, AE_FULL);
        return;
    }

    assert_int_equal(rc, AE_OK);
    events++;
    told = now.mono;
    model_reclaim(admitted);
    model_taken = admitted;
    admitted = 0;

    for (i = 0; i < n; i++) {
        assert_int_equal(target[i].result, ok[i] ? AE_OK : AE_FULL);
        endpoint[target[i].endpoint].st.deliveries++;

        if (ok[i]) {
            model_enter(events, &target[i], nodes[admitted++]);

        } else {
            endpoint[target[i].endpoint].st.dead++;
        }
    }

    assert_int_equal(ae_queue_route(q, 1, events, record, target, n, &now),
                     AE_DECLINED);
}


static void
step_take(void)
{
    int                rc;
    size_t             i;
    uint32_t           ep, slot;
    ae_lease_t         lease;
    unsigned char      data[MODEL_LEN];
    model_delivery_t  *d;

    ep = ae_random() % MODEL_ENDPOINTS;
    slot = ae_random() % MODEL_SLOTS;

    (void) model_expire(AE_QUEUE_TAKE_BATCH);
    rc = ae_queue_take(q, ep, slot, &now, &lease);

    d = model_oldest(AE_NODE_QUEUED, ep, 0);

    if (d == NULL
        || endpoint[ep].st.inflight >= model_concurrency(&endpoint[ep]))
    {
        assert_int_equal(rc, AE_AGAIN);
        return;
    }

    assert_int_equal(rc, AE_OK);

    d->state = AE_NODE_INFLIGHT;
    d->slot = slot;
    d->attempt++;
    d->lease = lease;
    endpoint[ep].st.inflight++;

    assert_int_equal(lease.endpoint, ep);
    assert_int_equal(lease.attempt, d->attempt);
    assert_int_equal(lease.deaths, d->deaths);
    assert_int_equal(lease.suppressed, d->suppressed);
    assert_int_equal(lease.len, d->len);

    assert_int_equal(ae_queue_read(q, &lease, data), AE_OK);

    for (i = 0; i < lease.len; i++) {
        assert_int_equal(data[i], (unsigned char) d->event);
    }
}


static void
step_done(void)
{
    uint64_t           due;
    ae_outcome_e       outcome;
    model_delivery_t  *d;

    d = model_any_lease();

    if (d == NULL) {
        return;
    }

    outcome = ae_random() % 3;
    due = now.mono + ae_random() % 50 * MODEL_TICK;

    if (due != now.mono) {
        due += 100 + (d - model);
    }

    assert_int_equal(ae_queue_done(q, &d->lease, outcome, due, &now), AE_OK);

    stale = d->lease;
    d->in_script = 0;
    endpoint[d->endpoint].st.inflight--;
    told = now.mono;

    if (outcome == AE_DELIVERED) {
        model_delivered(d);

    } else if (outcome == AE_DEAD || endpoint[d->endpoint].retired) {
        model_dead(d);

    } else if (due == now.mono) {
        model_enqueue(d);
        model_changed(d);

    } else {
        d->state = AE_NODE_DELAYED;
        d->due = due;
        model_changed(d);
    }
}


static void
step_in_script(void)
{
    model_delivery_t  *d;

    d = model_any_lease();

    if (d != NULL) {
        d->in_script = ae_random() % 2;
        ae_queue_in_script(q, &d->lease, d->in_script);
    }
}


static int
model_compare(const void *a, const void *b)
{
    const model_delivery_t *const  *x = a;
    const model_delivery_t *const  *y = b;

    return (*x)->lease.stamp < (*y)->lease.stamp ? 1 : -1;
}


static void
step_adopt(void)
{
    uint32_t           i, n, due, slot;
    model_delivery_t  *d, *leases[MODEL_MAX];

    n = 0;
    slot = ae_random() % MODEL_SLOTS;

    for (i = 0; i < MODEL_MAX; i++) {
        if (model[i].state == AE_NODE_INFLIGHT && model[i].slot == slot) {
            leases[n++] = &model[i];
        }
    }

    /* the last one taken first, which matters where one is dead */

    qsort(leases, n, sizeof(leases[0]), model_compare);

    due = 0;

    for (i = 0; i < n; i++) {
        d = leases[i];

        endpoint[d->endpoint].st.inflight--;
        d->deaths += d->in_script;
        d->in_script = 0;
        d->attempt--;
        d->state = AE_NODE_QUEUED;
        stale = d->lease;

        if (d->deaths >= 2 || endpoint[d->endpoint].retired) {
            model_dead(d);

        } else {
            due++;
        }
    }

    assert_int_equal(ae_queue_adopt(q, slot), due);
}


static void
step_tick(void)
{
    uint32_t           identity;
    uint64_t           next, days;
    model_delivery_t  *d;

    days = (ae_random() % 32 == 0) ? AE_HEALTH_LIMIT / 4 : 0;

    now.mono += ae_random() % 4 * MODEL_TICK + days;
    now.wall += ae_random() % 4 * (AE_HEALTH_LIMIT / 16) + days;

    if (ae_random() % 2) {
        (void) model_expire(MODEL_MAX);
        next = model_first_timer(&d, &identity);

        assert_int_equal(ae_queue_tick(q, &now),
                         next == UINT64_MAX ? next : next - now.mono);
    }
}


static void
step_configure(void)
{
    uint32_t           i;
    model_endpoint_t  *e;

    i = ae_random() % MODEL_ENDPOINTS;
    e = &endpoint[i];

    e->concurrency = ae_random() % 8;
    e->bound = ae_random() % 60;
    e->retired = 0;

    assert_int_equal(ae_queue_endpoint(q, (ae_id_t) { { i, 0 } },
                                       e->concurrency, e->bound), i);
}


static void
step_retire(void)
{
    uint32_t           i, n, keep[MODEL_ENDPOINTS];
    uint64_t           killed;
    model_delivery_t  *d, *by_node[MODEL_MAX];

    if (ae_random() % 50) {
        return;
    }

    n = 0;
    killed = 0;

    for (i = 0; i < MODEL_ENDPOINTS; i++) {

        if (ae_random() % 4) {
            keep[n++] = i;

        } else {
            endpoint[i].retired = 1;
        }
    }

    model_by_node(by_node);

    for (i = 0; i < MODEL_MAX; i++) {
        d = by_node[i];

        if (d->state == AE_NODE_HELD && endpoint[d->endpoint].retired) {
            model_finish(d, &endpoint[d->endpoint].st.dead);
            killed++;
        }
    }

    for (i = 0; i < MODEL_MAX; i++) {
        d = by_node[i];

        if ((d->state == AE_NODE_QUEUED || d->state == AE_NODE_DELAYED)
            && endpoint[d->endpoint].retired)
        {
            model_dead(d);
            killed++;
        }
    }

    assert_int_equal(ae_queue_retire(q, keep, n), killed);
}


static void
step_stale(void)
{
    if (stale.stamp != 0) {
        assert_int_equal(ae_queue_done(q, &stale, AE_DEAD, 0, &now),
                         AE_DECLINED);
    }
}


static void
compare(void)
{
    uint32_t           i;
    ae_queue_stat_t    st;
    model_endpoint_t  *e;

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        e = &endpoint[i];
        ae_queue_stat(q, i, &st);

        assert_int_equal(st.deliveries, e->st.deliveries);
        assert_int_equal(st.delivered, e->st.delivered);
        assert_int_equal(st.suppressed, e->st.suppressed);
        assert_int_equal(st.pending, e->st.pending);
        assert_int_equal(st.dead, e->st.dead);
        assert_int_equal(st.inflight, e->st.inflight);
        assert_int_equal(st.deliveries, st.delivered + st.suppressed
                                        + st.pending + st.dead);

        assert_int_equal(ae_queue_ready(q, i),
                         e->st.inflight >= model_concurrency(e)
                         ? 0 : model_count(i, AE_NODE_QUEUED));
    }

    compare_health();
    compare_store();

    assert_int_equal(st.blocks_free, q->blocks - model_blocks_used());
    assert_int_equal(st.recovered, 0);
}


static void
drain(void)
{
    uint32_t         i;
    ae_lease_t       lease;
    ae_queue_stat_t  st;

    for (i = 0; i < MODEL_ENDPOINTS; i++) {
        (void) ae_queue_endpoint(q, (ae_id_t) { { i, 0 } }, 1000, 1000);
        (void) ae_queue_health(q, i, AE_ATTEMPT_OK, &now);
    }

    for (i = 0; i < MODEL_SLOTS; i++) {
        (void) ae_queue_adopt(q, i);
    }

    do {
        for (i = 0; i < MODEL_ENDPOINTS; i++) {
            while (ae_queue_take(q, i, 0, &now, &lease) == AE_OK) {
                assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0,
                                               &now),
                                 AE_OK);
            }
        }

        (void) ae_queue_tick(q, &now);
        ae_queue_stat(q, AE_NO_ENDPOINT, &st);

        now.mono += MODEL_TICK;

    } while (st.pending != 0);

    ae_queue_keeper(q, 0);
    ae_queue_stat(q, AE_NO_ENDPOINT, &st);

    assert_int_equal(st.nodes_free, q->nodes);
    assert_int_equal(st.blocks_free, q->blocks);
}


static void
test_model(void **state)
{
    long  i, n;

    static void  (*const steps[])(void) = {
        step_route, step_route, step_route,
        step_take, step_take, step_take, step_take,
        step_done, step_done, step_done,
        step_in_script, step_adopt, step_tick, step_tick,
        step_configure, step_retire, step_stale, step_health, step_disable,
        step_save, step_saved, step_gone, step_keeper, step_restore
    };

    (void) state;

    ae_random_seed();
    n = ae_steps(1000000);

    model_reset();

    for (i = 1; i <= n; i++) {

        if (i % 50000 == 0) {
            queue_check(q);
            drain();
            queue_check(q);
            free(q);
            model_reset();
        }

        steps[ae_random() % (sizeof(steps) / sizeof(steps[0]))]();

        if (i % 8 == 0) {
            compare();
        }

        if (i % 256 == 0) {
            queue_check(q);
        }
    }

    drain();
    queue_check(q);
    free(q);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
