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


static uint32_t
lasting(ae_queue_t *q, uint64_t id)
{
    return ae_queue_lasting(q, (ae_id_t) { { id, ~id } }, 4, 100);
}


static void
test_not_swept(void **state)
{
    uint32_t     ep, other;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = lasting(q, 1);
    other = queue_endpoint(q, 2, 4, 100);

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    assert_int_equal(queue_put(q, other, 2), AE_OK);

    /* a configuration that knows neither */

    assert_int_equal(ae_queue_retire(q, NULL, 0), 1);
    assert_int_equal(queue_stat(q, ep).pending, 1);
    assert_int_equal(queue_stat(q, other).dead, 1);
    assert_int_equal(queue_put(q, ep, 3), AE_OK);

    queue_free(q);
}


static void
test_drop(void **state)
{
    uint32_t     ep;
    uint64_t     killed;
    ae_queue_t  *q;
    ae_lease_t   lease;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = lasting(q, 1);

    assert_int_equal(ae_queue_drop(q, ep, &killed), AE_DECLINED);

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, now.mono + 1000,
                                   &now), AE_OK);
    assert_int_equal(ae_queue_ready(q, ep), 0);

    assert_false(ae_queue_closing(q, ep));
    ae_queue_close(q, ep);
    assert_true(ae_queue_closing(q, ep));

    /* the retry is due now */

    assert_int_equal(ae_queue_ready(q, ep), 1);
    assert_int_equal(ae_queue_drop(q, ep, &killed), AE_AGAIN);
    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(ae_queue_drop(q, ep, &killed), AE_AGAIN);
    assert_int_equal(ae_queue_done(q, &lease, AE_DEAD, 0, &now), AE_OK);

    assert_int_equal(ae_queue_drop(q, ep, &killed), AE_OK);
    assert_int_equal(killed, 0);
    assert_int_equal(ae_queue_drop(q, ep, &killed), AE_DECLINED);
    assert_false(ae_queue_closing(q, ep));
    assert_int_equal(queue_stat(q, ep).dead, 1);

    /* nothing is waited for there any more */

    assert_int_equal(queue_put(q, ep, 2), AE_FULL);

    queue_free(q);
}


/* who did not know that it closes puts off a retry */

static void
test_killed(void **state)
{
    uint32_t     ep, other;
    uint64_t     killed;
    ae_queue_t  *q;
    ae_lease_t   lease;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = lasting(q, 1);
    other = lasting(q, 2);

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    assert_int_equal(queue_put(q, other, 2), AE_OK);
    queue_take(q, ep, 0, 1, &lease);
    ae_queue_close(q, ep);
    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, now.mono + 1000,
                                   &now), AE_OK);

    assert_int_equal(ae_queue_drop(q, ep, &killed), AE_OK);
    assert_int_equal(killed, 1);
    assert_int_equal(queue_stat(q, ep).dead, 1);
    assert_int_equal(queue_stat(q, ep).pending, 0);
    assert_int_equal(queue_stat(q, other).pending, 1);

    queue_free(q);
}


static void
test_again(void **state)
{
    uint32_t      ep;
    uint64_t      killed;
    ae_queue_t   *q;
    ae_health_t   health;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = lasting(q, 1);

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    ae_queue_close(q, ep);
    assert_int_equal(lasting(q, 1), ep);
    assert_false(ae_queue_closing(q, ep));
    assert_int_equal(ae_queue_drop(q, ep, &killed), AE_DECLINED);
    assert_int_equal(queue_stat(q, ep).pending, 1);

    /* one that is made again has no past */

    (void) ae_queue_disable(q, ep, AE_DISABLED_HAND, 0);
    ae_queue_close(q, ep);
    assert_int_equal(ae_queue_retire(q, NULL, 0), 0);

    while (ae_queue_drop(q, ep, &killed) == AE_AGAIN) {
        ae_lease_t  lease;

        queue_take(q, ep, 0, 1, &lease);
        (void) ae_queue_done(q, &lease, AE_DEAD, 0, &now);
    }

    assert_int_equal(lasting(q, 1), ep);
    ae_queue_health_get(q, ep, &health);
    assert_int_equal(health.disabled, AE_ENABLED);
    assert_int_equal(queue_put(q, ep, 2), AE_OK);

    queue_free(q);
}


/* what ended has its place for others, which are not lasting */

static void
test_reused(void **state)
{
    uint32_t     i, ep;
    uint64_t     killed;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);

    for (i = 0; i < AE_QUEUE_ENDPOINTS; i++) {
        ep = lasting(q, i + 1);
        assert_int_equal(ep, i);
    }

    assert_int_equal(lasting(q, 9999), AE_NO_ENDPOINT);

    ae_queue_close(q, 77);
    assert_int_equal(ae_queue_drop(q, 77, &killed), AE_OK);
    assert_int_equal(queue_endpoint(q, 9999, 4, 100), 77);
    assert_int_equal(queue_put(q, 77, 1), AE_OK);
    assert_int_equal(ae_queue_retire(q, NULL, 0), 1);

    ae_queue_close(q, AE_NO_ENDPOINT);
    assert_false(ae_queue_closing(q, AE_NO_ENDPOINT));

    /* one of the configuration does not close */

    ae_queue_close(q, 77);
    assert_false(ae_queue_closing(q, 77));

    queue_free(q);
}


static void
test_list(void **state)
{
    uint32_t     cursor, ep, first, last;
    ae_id_t      id;
    ae_queue_t  *q;

    (void) state;

    q = queue_new(QUEUE_SIZE);

    cursor = 0;
    assert_int_equal(ae_queue_next_lasting(q, &cursor, &ep, &id),
                     AE_DECLINED);

    first = lasting(q, 1);
    (void) queue_endpoint(q, 2, 4, 100);
    last = lasting(q, 3);

    assert_int_equal(ae_queue_next_lasting(q, &cursor, &ep, &id), AE_OK);
    assert_int_equal(ep, first);
    assert_int_equal(id.h[0], 1);
    assert_int_equal(ae_queue_next_lasting(q, &cursor, &ep, &id), AE_OK);
    assert_int_equal(ep, last);
    assert_int_equal(id.h[0], 3);
    assert_int_equal(ae_queue_next_lasting(q, &cursor, &ep, &id),
                     AE_DECLINED);

    queue_free(q);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_not_swept),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_reused),
        cmocka_unit_test(test_list)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
