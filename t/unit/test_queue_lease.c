/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "queue_help.h"


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

    /* as often as it was not attempted */

    assert_int_equal(ae_queue_done(q, &lease, AE_UNTRIED, 1700, &now), AE_OK);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_AGAIN);
    now.mono = 1700;
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


/* ns of CPU time that it takes when no endpoint is gone, the least of many */

static uint64_t
retire_cost(size_t size)
{
    uint32_t         i, ep;
    uint64_t         ns, least;
    ae_queue_t      *q;
    struct timespec  a, b;

    q = queue_new(size);
    ep = queue_endpoint(q, 1, 10, 100);
    assert_int_equal(queue_put(q, ep, 1), AE_OK);

    least = UINT64_MAX;

    for (i = 0; i < 50; i++) {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        assert_int_equal(ae_queue_retire(q, &ep, 1), 0);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);

        ns = (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
        least = ns < least ? ns : least;
    }

    queue_free(q);

    return least;
}


/* it is asked for every second, whatever the size of the zone */

static void
test_retire_cost(void **state)
{
    (void) state;

    assert_true(retire_cost(QUEUE_SIZE * 64) < 16 * retire_cost(QUEUE_SIZE));
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


static void
test_oldest_reused_first(void **state)
{
    uint32_t     i, ep, even[AE_QUEUE_ENDPOINTS / 2];
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);

    for (i = 0; i < AE_QUEUE_ENDPOINTS; i++) {
        even[i / 2] = i & ~1U;
        assert_int_equal(queue_endpoint(q, i, 1, 1), i);
    }

    assert_int_equal(queue_endpoint(q, 5000, 1, 1), AE_NO_ENDPOINT);
    assert_int_equal(ae_queue_retire(q, even, AE_QUEUE_ENDPOINTS / 2), 0);
    assert_int_equal(ae_queue_retire(q, NULL, 0), 0);

    for (i = 0; i < AE_QUEUE_ENDPOINTS; i++) {
        ep = queue_endpoint(q, 5000 + i, 1, 1);
        assert_int_equal(ep % 2, i < AE_QUEUE_ENDPOINTS / 2);
    }

    queue_free(q);
}


/* the sums of all endpoints go on when one of them gets another identity */

static void
test_sums_survive_reuse(void **state)
{
    uint32_t           i;
    ae_str_t           record;
    ae_lease_t         lease;
    ae_queue_t        *q;
    ae_queue_stat_t    before, after;
    ae_queue_target_t  target;

    (void) state;

    q = queue_new(QUEUE_SIZE);

    for (i = 0; i < AE_QUEUE_ENDPOINTS; i++) {
        assert_int_equal(queue_endpoint(q, i, 1, 100), i);
    }

    record = (ae_str_t) { 1, (unsigned char *) "x" };
    target.endpoint = 0;
    target.cooldown = (ae_id_t) { { 1, 1 } };
    target.period = 1000;

    for (i = 1; i <= 4; i++) {
        assert_int_equal(ae_queue_route(q, 0, i, record, &target, 1, &now),
                         AE_OK);
    }

    assert_int_equal(ae_queue_take(q, 0, 0, &now, &lease), AE_OK);
    assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0, &now), AE_OK);
    assert_int_equal(ae_queue_retire(q, NULL, 0), 1);

    before = queue_stat(q, AE_NO_ENDPOINT);
    assert_int_equal(before.delivered, 1);
    assert_int_equal(before.suppressed, 2);
    assert_int_equal(before.dead, 1);

    assert_int_equal(queue_endpoint(q, 5000, 1, 100), 0);
    assert_int_equal(queue_stat(q, 0).suppressed, 0);
    assert_int_equal(queue_stat(q, 0).deliveries, 0);

    after = queue_stat(q, AE_NO_ENDPOINT);
    assert_memory_equal(&before, &after, sizeof(before));

    queue_free(q);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_many_retries),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_retire),
        cmocka_unit_test(test_retire_cost),
        cmocka_unit_test(test_endpoints_reused),
        cmocka_unit_test(test_sums_survive_reuse),
        cmocka_unit_test(test_oldest_reused_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
