/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/ae_queue.h"
#include "queue_check.h"


#define QUEUE_SIZE           (512 * 1024)


static ae_queue_t *queue_new(size_t size);
static void queue_free(ae_queue_t *q);
static uint32_t queue_endpoint(ae_queue_t *q, uint64_t id,
    uint32_t concurrency, uint32_t bound);
static int queue_put(ae_queue_t *q, uint32_t ep, uint64_t number);
static int queue_put_len(ae_queue_t *q, uint32_t ep, uint64_t number,
    size_t len);
static void queue_take(ae_queue_t *q, uint32_t ep, uint32_t slot,
    uint64_t number, ae_lease_t *lease);
static ae_queue_stat_t queue_stat(ae_queue_t *q, uint32_t ep);


static ae_now_t  now = { 1000, 1000 };


static ae_queue_t *
queue_new(size_t size)
{
    void        *p;
    ae_queue_t  *q;

    p = aligned_alloc(64, size);
    memset(p, 0, size);

    q = ae_queue_init(p, size);

    if (q == NULL) {
        free(p);
    }

    return q;
}


static void
queue_free(ae_queue_t *q)
{
    queue_check(q);
    free(q);
}


static uint32_t
queue_endpoint(ae_queue_t *q, uint64_t id, uint32_t concurrency,
    uint32_t bound)
{
    return ae_queue_endpoint(q, (ae_id_t) { { id, ~id } }, concurrency, bound);
}


/* an event for one endpoint, whose record is its number over and over */

static int
queue_put_len(ae_queue_t *q, uint32_t ep, uint64_t number, size_t len)
{
    int                rc;
    ae_str_t           record;
    ae_queue_target_t  target;

    memset(&target, 0, sizeof(target));
    target.endpoint = ep;

    record.len = len;
    record.data = malloc(len + 1);
    memset(record.data, (int) number, len);

    rc = ae_queue_route(q, 0, number, record, &target, 1, &now);

    free(record.data);

    return (rc == AE_OK) ? target.result : rc;
}


static int
queue_put(ae_queue_t *q, uint32_t ep, uint64_t number)
{
    return queue_put_len(q, ep, number, 10 + number % 600);
}


static void
queue_take(ae_queue_t *q, uint32_t ep, uint32_t slot, uint64_t number,
    ae_lease_t *lease)
{
    size_t          i;
    unsigned char  *buf;

    assert_int_equal(ae_queue_take(q, ep, slot, &now, lease), AE_OK);

    buf = malloc(lease->len + 1);
    assert_int_equal(ae_queue_read(q, lease, buf), AE_OK);

    for (i = 0; i < lease->len; i++) {
        assert_int_equal(buf[i], (unsigned char) number);
    }

    free(buf);
}


static ae_queue_stat_t
queue_stat(ae_queue_t *q, uint32_t ep)
{
    ae_queue_stat_t  st;

    queue_check(q);
    ae_queue_stat(q, ep, &st);

    return st;
}


static void
test_sizes(void **state)
{
    size_t           size;
    ae_queue_t      *q;
    ae_queue_stat_t  st;

    (void) state;

    assert_null(ae_queue_init(NULL, 0));

    for (size = 64; size < 300 * 1024; size += 4096) {
        q = queue_new(size);

        if (q == NULL) {
            assert_true(size < 192 * 1024);
            continue;
        }

        st = queue_stat(q, AE_NO_ENDPOINT);
        assert_true(st.nodes_free >= 16);
        assert_true(st.blocks_free >= 32);
        queue_free(q);
    }

    /* little is lost */

    q = queue_new(16 * 1024 * 1024);
    assert_true(q->timer_offset + (q->nodes + q->cools) * 4
                > 16 * 1024 * 1024 - 4096);
    queue_free(q);
}


static void
test_endpoints(void **state)
{
    uint32_t     i, ep;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);

    for (i = 0; i < AE_QUEUE_ENDPOINTS; i++) {
        ep = queue_endpoint(q, i, 1, 1);
        assert_true(ep < AE_QUEUE_ENDPOINTS);
        assert_int_equal(queue_endpoint(q, i, 2, 2), ep);
    }

    assert_int_equal(queue_endpoint(q, i, 1, 1), AE_NO_ENDPOINT);
    assert_int_equal(queue_endpoint(q, 5, 1, 1), 5);

    queue_free(q);
}


static void
test_delivered(void **state)
{
    uint32_t         ep;
    ae_lease_t       lease;
    ae_queue_t      *q;
    ae_queue_stat_t  st;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 10, 100);

    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_AGAIN);
    assert_int_equal(ae_queue_ready(q, ep), 0);

    assert_int_equal(queue_put(q, ep, 7), AE_OK);
    assert_int_equal(ae_queue_ready(q, ep), 1);

    queue_take(q, ep, 3, 7, &lease);
    assert_int_equal(lease.endpoint, ep);
    assert_int_equal(lease.attempt, 1);
    assert_int_equal(lease.deaths, 0);
    assert_int_equal(lease.suppressed, 0);
    assert_int_equal(lease.len, 17);
    assert_int_equal(ae_queue_ready(q, ep), 0);

    st = queue_stat(q, ep);
    assert_int_equal(st.pending, 1);
    assert_int_equal(st.inflight, 1);

    assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0, &now), AE_OK);

    st = queue_stat(q, ep);
    assert_int_equal(st.deliveries, 1);
    assert_int_equal(st.delivered, 1);
    assert_int_equal(st.pending, 0);
    assert_int_equal(st.nodes_free, q->nodes);
    assert_int_equal(st.blocks_free, q->blocks);

    /* the lease is stale, its node may be another delivery's */

    assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0, &now),
                     AE_DECLINED);
    assert_int_equal(ae_queue_read(q, &lease, NULL), AE_DECLINED);

    assert_int_equal(queue_put(q, ep, 8), AE_OK);
    queue_take(q, ep, 3, 8, &(ae_lease_t) { 0 });
    assert_int_equal(ae_queue_done(q, &lease, AE_DEAD, 0, &now), AE_DECLINED);
    ae_queue_in_script(q, &lease, 1);
    assert_int_equal(queue_stat(q, ep).inflight, 1);

    lease.node = UINT32_MAX;
    assert_int_equal(ae_queue_done(q, &lease, AE_DEAD, 0, &now), AE_DECLINED);

    queue_free(q);
}


static void
test_routed_once(void **state)
{
    uint32_t     ep;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 10, 100);

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    assert_int_equal(queue_put(q, ep, 1), AE_DECLINED);
    assert_int_equal(queue_put(q, ep, 5), AE_OK);
    assert_int_equal(queue_put(q, ep, 4), AE_DECLINED);
    assert_int_equal(queue_stat(q, ep).deliveries, 2);

    /* a record that has no handler is routed as well */

    assert_int_equal(ae_queue_route(q, 255, 1, (ae_str_t) { 0, NULL }, NULL,
                                    0, &now),
                     AE_OK);
    assert_int_equal(ae_queue_route(q, 255, 1, (ae_str_t) { 0, NULL }, NULL,
                                    0, &now),
                     AE_DECLINED);
    assert_int_equal(ae_queue_route(q, 256, 1, (ae_str_t) { 0, NULL }, NULL,
                                    0, &now),
                     AE_ERROR);

    assert_int_equal(queue_put(q, 1, 6), AE_ERROR);
    assert_int_equal(queue_put(q, AE_NO_ENDPOINT, 6), AE_ERROR);
    assert_int_equal(queue_put(q, ep, 6), AE_OK);

    queue_free(q);
}


static void
test_lengths(void **state)
{
    size_t       len;
    uint32_t     ep;
    ae_lease_t   lease;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 10, 100);

    for (len = 0; len < 1000; len++) {
        assert_int_equal(queue_put_len(q, ep, len + 1, len), AE_OK);
        queue_take(q, ep, 0, len + 1, &lease);
        assert_int_equal(lease.len, len);
        assert_int_equal(ae_queue_done(q, &lease, AE_DEAD, 0, &now), AE_OK);
    }

    assert_int_equal(queue_stat(q, ep).blocks_free, q->blocks);
    queue_free(q);
}


static void
test_payload_once(void **state)
{
    int                i;
    uint32_t           ep[3];
    ae_str_t           record;
    ae_lease_t         lease;
    ae_queue_t        *q;
    unsigned char      data[500], copy[500];
    ae_queue_target_t  target[5];

    (void) state;

    q = queue_new(QUEUE_SIZE);
    memset(data, 'p', sizeof(data));
    memset(target, 0, sizeof(target));

    for (i = 0; i < 3; i++) {
        ep[i] = queue_endpoint(q, i, 10, 100);
    }

    for (i = 0; i < 5; i++) {
        target[i].endpoint = ep[i % 3];
    }

    record = (ae_str_t) { sizeof(data), data };
    assert_int_equal(ae_queue_route(q, 0, 1, record, target, 5, &now), AE_OK);
    assert_int_equal(queue_stat(q, AE_NO_ENDPOINT).blocks_free, q->blocks - 3);
    assert_int_equal(queue_stat(q, AE_NO_ENDPOINT).nodes_free, q->nodes - 5);
    assert_int_equal(queue_stat(q, AE_NO_ENDPOINT).pending, 5);

    for (i = 0; i < 5; i++) {
        assert_int_equal(target[i].result, AE_OK);
        assert_int_equal(ae_queue_take(q, ep[i % 3], 1, &now, &lease), AE_OK);
        assert_int_equal(ae_queue_read(q, &lease, copy), AE_OK);
        assert_memory_equal(data, copy, sizeof(data));
        assert_int_equal(queue_stat(q, 0).blocks_free, q->blocks - 3);
        assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0, &now),
                         AE_OK);
    }

    assert_int_equal(queue_stat(q, AE_NO_ENDPOINT).delivered, 5);
    assert_int_equal(queue_stat(q, 0).blocks_free, q->blocks);
    queue_free(q);
}


static void
test_concurrency(void **state)
{
    uint32_t     i, ep;
    ae_lease_t   lease[3];
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 2, 100);

    for (i = 1; i <= 5; i++) {
        assert_int_equal(queue_put(q, ep, i), AE_OK);
    }

    queue_take(q, ep, 1, 1, &lease[0]);
    queue_take(q, ep, 2, 2, &lease[1]);
    assert_int_equal(ae_queue_take(q, ep, 3, &now, &lease[2]), AE_AGAIN);
    assert_int_equal(ae_queue_ready(q, ep), 0);

    assert_int_equal(ae_queue_done(q, &lease[0], AE_DEAD, 0, &now), AE_OK);
    assert_int_equal(ae_queue_ready(q, ep), 3);
    queue_take(q, ep, 3, 3, &lease[2]);

    /* a reload may lower it */

    (void) queue_endpoint(q, 1, 1, 100);
    assert_int_equal(ae_queue_done(q, &lease[1], AE_DEAD, 0, &now), AE_OK);
    assert_int_equal(ae_queue_take(q, ep, 3, &now, &lease[1]), AE_AGAIN);

    assert_int_equal(ae_queue_ready(q, 9999), 0);
    assert_int_equal(ae_queue_take(q, 9, 3, &now, &lease[1]), AE_AGAIN);
    assert_int_equal(ae_queue_take(q, 9999, 3, &now, &lease[1]), AE_ERROR);
    assert_int_equal(ae_queue_take(q, ep, 256, &now, &lease[1]), AE_ERROR);

    queue_free(q);
}


static void
test_bound(void **state)
{
    uint32_t           a, b;
    ae_lease_t         lease;
    ae_queue_t        *q;
    ae_queue_stat_t    st;
    ae_queue_target_t  target[4];

    (void) state;

    q = queue_new(QUEUE_SIZE);
    a = queue_endpoint(q, 1, 10, 2);
    b = queue_endpoint(q, 2, 10, 2);

    assert_int_equal(queue_put(q, a, 1), AE_OK);
    assert_int_equal(queue_put(q, a, 2), AE_OK);
    assert_int_equal(queue_put(q, a, 3), AE_FULL);

    st = queue_stat(q, a);
    assert_int_equal(st.deliveries, 3);
    assert_int_equal(st.dead, 1);
    assert_int_equal(st.pending, 2);

    /* it is routed for all that */

    assert_int_equal(queue_put(q, a, 3), AE_DECLINED);

    /* one that is in flight does not wait */

    queue_take(q, a, 0, 1, &lease);
    assert_int_equal(queue_put(q, a, 4), AE_OK);
    assert_int_equal(queue_put(q, a, 5), AE_FULL);

    /* the others of the event are not concerned */

    memset(target, 0, sizeof(target));
    target[0].endpoint = a;
    target[1].endpoint = b;
    target[2].endpoint = a;
    target[3].endpoint = b;

    assert_int_equal(ae_queue_route(q, 0, 6, (ae_str_t) { 1,
                                    (unsigned char *) "x" }, target, 4, &now),
                     AE_OK);
    assert_int_equal(target[0].result, AE_FULL);
    assert_int_equal(target[1].result, AE_OK);
    assert_int_equal(target[2].result, AE_FULL);
    assert_int_equal(target[3].result, AE_OK);
    assert_int_equal(queue_stat(q, a).dead, 4);
    assert_int_equal(queue_stat(q, b).pending, 2);

    queue_free(q);
}


static void
test_share(void **state)
{
    int              rc;
    uint32_t         i, ep;
    uint64_t         n;
    ae_queue_t      *q;
    ae_queue_stat_t  st;

    (void) state;

    n = 0;
    q = queue_new(8 * QUEUE_SIZE);

    /* endpoints that deliver nothing, one after the other */

    for (i = 0; i < 20; i++) {
        ep = queue_endpoint(q, i, 1, 1000000);

        do {
            rc = queue_put_len(q, ep, ++n, 1);
        } while (rc == AE_OK);

        assert_int_equal(rc, AE_FULL);

        st = queue_stat(q, ep);
        assert_true(st.pending <= st.nodes_free + 8);
        assert_true(st.dead == 1);
    }

    /* there still is room for one more */

    ep = queue_endpoint(q, 100, 1, 1000000);
    assert_int_equal(queue_put(q, ep, ++n), AE_OK);

    queue_free(q);
}


static void
test_share_of_blocks(void **state)
{
    int          rc;
    uint32_t     ep;
    uint64_t     n;
    ae_queue_t  *q;

    (void) state;

    n = 0;
    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 1, 1000000);

    do {
        rc = queue_put_len(q, ep, ++n, 20 * AE_QUEUE_BLOCK);
    } while (rc == AE_OK);

    assert_int_equal(rc, AE_FULL);
    assert_true(queue_stat(q, ep).blocks_free * 3 > q->blocks);

    /* it has few deliveries for its many bytes */

    assert_true(queue_stat(q, ep).nodes_free * 3 > q->nodes * 2);

    queue_free(q);
}


static void
test_too_large(void **state)
{
    uint32_t     ep;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 1, 1000000);

    /* what could never have room does not wait for it */

    assert_int_equal(queue_put_len(q, ep, 1, q->blocks * AE_QUEUE_BLOCK),
                     AE_OK);
    assert_int_equal(queue_put_len(q, ep, 2, q->blocks * AE_QUEUE_BLOCK + 1),
                     AE_FULL);
    assert_int_equal(queue_stat(q, ep).dead, 1);

    queue_free(q);
}


static void
test_pool_used_up(void **state)
{
    uint32_t           i, n;
    ae_str_t           record;
    ae_queue_t        *q;
    ae_queue_stat_t    before, after;
    ae_queue_target_t  target[64];

    (void) state;

    record = (ae_str_t) { 1, (unsigned char *) "x" };
    q = queue_new(192 * 1024);
    n = q->nodes;
    assert_true(n >= 16 && n < 200);

    memset(target, 0, sizeof(target));

    for (i = 0; i < 64; i++) {
        target[i].endpoint = queue_endpoint(q, i, 1, 1000000);
    }

    for (i = 1; q->nodes_free >= 64; i++) {
        assert_int_equal(ae_queue_route(q, 0, i, record, target, 64, &now),
                         AE_OK);
    }

    before = queue_stat(q, AE_NO_ENDPOINT);
    assert_int_equal(ae_queue_route(q, 0, i, record, target, 64, &now),
                     AE_FULL);
    after = queue_stat(q, AE_NO_ENDPOINT);
    assert_memory_equal(&before, &after, sizeof(before));

    /* none or all: what fits is routed under the same number */

    assert_int_equal(ae_queue_route(q, 0, i, record, target, q->nodes_free,
                                    &now),
                     AE_OK);
    assert_int_equal(queue_stat(q, 0).nodes_free, 0);

    queue_free(q);
}


static void
test_retry(void **state)
{
    uint32_t     ep;
    ae_lease_t   lease, other;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 10, 100);
    now.mono = 1000;

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    assert_int_equal(queue_put(q, ep, 2), AE_OK);
    assert_int_equal(ae_queue_tick(q, &now), UINT64_MAX);

    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, 1500, &now), AE_OK);
    assert_int_equal(queue_stat(q, ep).pending, 2);
    assert_int_equal(queue_stat(q, ep).inflight, 0);
    assert_int_equal(ae_queue_ready(q, ep), 1);
    assert_int_equal(ae_queue_tick(q, &now), 500);

    now.mono = 1499;
    assert_int_equal(ae_queue_tick(q, &now), 1);
    assert_int_equal(ae_queue_ready(q, ep), 1);

    now.mono = 1500;
    assert_int_equal(ae_queue_tick(q, &now), UINT64_MAX);
    assert_int_equal(ae_queue_ready(q, ep), 2);

    /* behind the others */

    queue_take(q, ep, 0, 2, &other);
    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(lease.attempt, 2);

    /* due at once */

    assert_int_equal(ae_queue_done(q, &other, AE_RETRY, 1400, &now), AE_OK);
    queue_take(q, ep, 0, 2, &other);

    /* taken when due, without a tick */

    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, 1600, &now), AE_OK);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_AGAIN);
    now.mono = 1600;
    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(lease.attempt, 3);

    queue_free(q);
}


static void
test_many_retries(void **state)
{
    uint64_t     i, last, due;
    uint32_t     ep, n;
    ae_lease_t   lease;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(8 * 1024 * 1024);
    ep = queue_endpoint(q, 1, 100000, 100000);
    n = q->nodes / 3;
    now.mono = 1000;

    for (i = 1; i <= n; i++) {
        assert_int_equal(queue_put_len(q, ep, i, 1), AE_OK);
        assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_OK);
        due = 2000 + i * 2654435761 % 100000;
        assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, due, &now), AE_OK);
    }

    queue_check(q);

    for (last = 0; ae_queue_tick(q, &now) != UINT64_MAX; last = now.mono) {
        now.mono += ae_queue_tick(q, &now);
        assert_true(now.mono > last);
    }

    assert_int_equal(ae_queue_ready(q, ep), n);
    now.mono = 1000;

    queue_free(q);
}


static void
test_adopt(void **state)
{
    uint32_t     i, ep;
    ae_lease_t   lease, stale[6];
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 10, 100);

    for (i = 1; i <= 8; i++) {
        assert_int_equal(queue_put(q, ep, i), AE_OK);
    }

    /* two processes take by turns, both die */

    for (i = 0; i < 6; i++) {
        queue_take(q, ep, i % 2, i + 1, &stale[i]);
    }

    assert_int_equal(ae_queue_adopt(q, 7), 0);
    assert_int_equal(ae_queue_adopt(q, 999), 0);
    assert_int_equal(ae_queue_adopt(q, 1), 3);
    assert_int_equal(queue_stat(q, ep).inflight, 3);
    assert_int_equal(ae_queue_adopt(q, 0), 3);
    assert_int_equal(ae_queue_adopt(q, 0), 0);
    assert_int_equal(queue_stat(q, ep).inflight, 0);

    for (i = 0; i < 8; i++) {
        queue_take(q, ep, 3, i + 1, &lease);
        assert_int_equal(lease.attempt, 1);
        assert_int_equal(lease.deaths, 0);
    }

    /* who is taken for dead but is not has lost its leases */

    assert_int_equal(ae_queue_done(q, &stale[2], AE_DELIVERED, 0, &now),
                     AE_DECLINED);

    queue_free(q);
}


static void
test_poison(void **state)
{
    uint32_t     ep;
    ae_lease_t   lease;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 10, 100);

    assert_int_equal(queue_put(q, ep, 1), AE_OK);

    queue_take(q, ep, 0, 1, &lease);
    ae_queue_in_script(q, &lease, 1);
    assert_int_equal(ae_queue_adopt(q, 0), 1);

    /* a death outside of it does not count */

    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(lease.deaths, 1);
    assert_int_equal(lease.attempt, 1);
    assert_int_equal(ae_queue_adopt(q, 0), 1);

    queue_take(q, ep, 0, 1, &lease);
    ae_queue_in_script(q, &lease, 1);
    ae_queue_in_script(q, &lease, 0);
    assert_int_equal(ae_queue_adopt(q, 0), 1);

    /* nor does one in a later attempt after an earlier one was inside */

    queue_take(q, ep, 0, 1, &lease);
    ae_queue_in_script(q, &lease, 1);
    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, 0, &now), AE_OK);
    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(ae_queue_adopt(q, 0), 1);

    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(lease.deaths, 1);
    ae_queue_in_script(q, &lease, 1);
    assert_int_equal(ae_queue_adopt(q, 0), 0);

    assert_int_equal(queue_stat(q, ep).dead, 1);
    assert_int_equal(queue_stat(q, ep).pending, 0);

    queue_free(q);
}


static void
test_retire(void **state)
{
    uint32_t     i, a, b, keep[2];
    ae_lease_t   lease, retried;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    a = queue_endpoint(q, 1, 10, 100);
    b = queue_endpoint(q, 2, 10, 100);
    now.mono = 1000;

    for (i = 1; i <= 10; i++) {
        assert_int_equal(queue_put(q, i % 2 ? a : b, i), AE_OK);
    }

    queue_take(q, a, 0, 1, &lease);
    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, 5000, &now), AE_OK);
    queue_take(q, a, 0, 3, &lease);
    queue_take(q, a, 0, 5, &retried);

    keep[0] = b;
    keep[1] = 70000;
    assert_int_equal(ae_queue_retire(q, keep, 2), 3);

    assert_int_equal(queue_stat(q, a).dead, 3);
    assert_int_equal(queue_stat(q, a).pending, 2);
    assert_int_equal(queue_stat(q, b).pending, 5);
    assert_int_equal(ae_queue_retire(q, keep, 2), 0);

    /* what is under way ends as it ends, but nothing waits any more */

    assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0, &now), AE_OK);
    assert_int_equal(ae_queue_done(q, &retried, AE_RETRY, 0, &now), AE_OK);
    assert_int_equal(queue_put(q, a, 11), AE_FULL);
    assert_int_equal(queue_stat(q, a).delivered, 1);
    assert_int_equal(queue_stat(q, a).dead, 5);
    assert_int_equal(queue_stat(q, a).pending, 0);

    /* until a configuration has it again */

    assert_int_equal(queue_endpoint(q, 1, 10, 100), a);
    assert_int_equal(queue_put(q, a, 12), AE_OK);

    queue_take(q, a, 0, 12, &lease);
    assert_int_equal(ae_queue_retire(q, keep, 2), 0);
    assert_int_equal(ae_queue_adopt(q, 0), 0);
    assert_int_equal(queue_stat(q, a).pending, 0);

    queue_free(q);
}


static void
test_endpoints_reused(void **state)
{
    uint32_t         i, ep;
    uint64_t         n;
    ae_lease_t       lease;
    ae_queue_t      *q;
    ae_queue_stat_t  st;

    (void) state;

    n = 0;
    q = queue_new(QUEUE_SIZE);

    /* each configuration has other ones; sums never lose any */

    for (i = 1; i <= 3000; i++) {
        ep = queue_endpoint(q, i, 10, 100);
        assert_int_not_equal(ep, AE_NO_ENDPOINT);
        assert_int_equal(queue_stat(q, ep).deliveries, 0);

        assert_int_equal(queue_put(q, ep, ++n), AE_OK);
        assert_int_equal(queue_put(q, ep, ++n), AE_OK);
        queue_take(q, ep, 0, n - 1, &lease);
        assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0, &now),
                         AE_OK);

        assert_int_equal(ae_queue_retire(q, NULL, 0), 1);

        st = queue_stat(q, AE_NO_ENDPOINT);
        assert_int_equal(st.deliveries, n);
        assert_int_equal(st.delivered, n / 2);
        assert_int_equal(st.dead, n / 2);
    }

    queue_free(q);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_delivered),
        cmocka_unit_test(test_routed_once),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_payload_once),
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_share_of_blocks),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_pool_used_up),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_many_retries),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_retire),
        cmocka_unit_test(test_endpoints_reused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
