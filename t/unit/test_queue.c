/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queue_help.h"


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
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_share_of_blocks),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_pool_used_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
