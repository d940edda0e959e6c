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


#define DAY                  ((uint64_t) 86400 * 1000000000)


static ae_queue_t        *q;
static uint32_t           ep;


static int health_setup(void **state);
static int health_teardown(void **state);
static void tell(ae_attempt_e attempt, ae_health_change_e change);
static ae_health_t health_of(uint32_t endpoint);
static void pass(uint64_t ns);
static void is(ae_disabled_e disabled, int slow, uint64_t failing,
    uint64_t version);


static int
health_setup(void **state)
{
    (void) state;

    now = (ae_now_t) { 1000, 1000 };
    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 10, 100);

    return 0;
}


static int
health_teardown(void **state)
{
    (void) state;

    queue_free(q);

    return 0;
}


static void
tell(ae_attempt_e attempt, ae_health_change_e change)
{
    assert_int_equal(ae_queue_health(q, ep, attempt, &now), change);
    assert_int_equal(q->undos, 0);
}


static ae_health_t
health_of(uint32_t endpoint)
{
    ae_health_t  health;

    ae_queue_health_get(q, endpoint, &health);

    return health;
}


static void
pass(uint64_t ns)
{
    now.mono += ns;
    now.wall += ns;
}


static void
is(ae_disabled_e disabled, int slow, uint64_t failing, uint64_t version)
{
    ae_health_t  health;

    health = health_of(ep);

    assert_int_equal(health.disabled, disabled);
    assert_int_equal(ae_queue_disabled(q, ep), disabled != AE_ENABLED);
    assert_false(ae_queue_disabled(q, AE_NO_ENDPOINT));
    assert_int_equal(health.slow, slow);
    assert_int_equal(health.failing, failing);
    assert_int_equal(health.version, version);
}


static void
test_well(void **state)
{
    (void) state;

    is(AE_ENABLED, 0, 0, 0);
    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 0, 0);
}


static void
test_failing(void **state)
{
    (void) state;

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 1000, 1);

    now.wall = 2000;
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 1000, 1);

    /* nobody was told, so nobody is told that it is over */

    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 0, 2);

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 2000, 3);
}


static void
test_failing_for_too_long(void **state)
{
    uint64_t  start;

    (void) state;

    start = now.wall;
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);

    pass(5 * DAY - 1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_SLOW, AE_HEALTH_STAYS);
    is(AE_ENABLED, 1, start, 1);

    pass(1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_DISABLED);
    is(AE_DISABLED_FAILING, 1, start, 2);

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_DISABLE, AE_HEALTH_STAYS);
    is(AE_DISABLED_FAILING, 1, start, 2);

    /* an attempt that was under way: it succeeds, but nobody enabled it */

    tell(AE_ATTEMPT_OK, AE_HEALTH_RECOVERED);
    is(AE_DISABLED_FAILING, 0, 0, 3);
    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
}


static void
test_slow_for_too_long(void **state)
{
    (void) state;

    tell(AE_ATTEMPT_SLOW, AE_HEALTH_STAYS);
    pass(5 * DAY);
    tell(AE_ATTEMPT_SLOW, AE_HEALTH_DISABLED);
    is(AE_DISABLED_FAILING, 1, 1000, 2);
}


/* a success begins the days anew, and so does a clock that is set back */

static void
test_days_begin_anew(void **state)
{
    (void) state;

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    pass(4 * DAY);
    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    pass(4 * DAY);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 1000 + 4 * DAY, 3);

    now.wall = 10;
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 10, 4);

    pass(5 * DAY - 1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    pass(1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_DISABLED);
    is(AE_DISABLED_FAILING, 0, 10, 5);
    assert_int_equal(ae_queue_disable(q, ep, AE_ENABLED, 0), AE_OK);

    /* 1970 is a time like any other */

    tell(AE_ATTEMPT_OK, AE_HEALTH_RECOVERED);
    now.wall = 0;
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 1, 7);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 1, 7);
}


static void
test_disabled_by_answer(void **state)
{
    ae_lease_t  lease;

    (void) state;

    assert_int_equal(queue_put(q, ep, 1), AE_OK);

    tell(AE_ATTEMPT_DISABLE, AE_HEALTH_DISABLED);
    is(AE_DISABLED_ANSWER, 0, 1000, 1);
    tell(AE_ATTEMPT_DISABLE, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);

    pass(6 * DAY);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_DISABLED_ANSWER, 0, 1000, 1);

    /* its deliveries are somebody's to end */

    assert_int_equal(ae_queue_ready(q, ep), 1);
    queue_take(q, ep, 0, 1, &lease);
    assert_int_equal(queue_put(q, ep, 2), AE_OK);

    assert_int_equal(ae_queue_disable(q, ep, AE_ENABLED, 0), AE_OK);
    is(AE_ENABLED, 0, 0, 2);
    tell(AE_ATTEMPT_OK, AE_HEALTH_RECOVERED);
    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 0, 2);
}


static void
test_slow(void **state)
{
    ae_lease_t  lease, other;

    (void) state;

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    assert_int_equal(queue_put(q, ep, 2), AE_OK);
    assert_int_equal(queue_put(q, ep, 3), AE_OK);

    queue_take(q, ep, 0, 1, &lease);
    tell(AE_ATTEMPT_SLOW, AE_HEALTH_STAYS);
    is(AE_ENABLED, 1, 1000, 1);

    assert_int_equal(ae_queue_ready(q, ep), 0);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &other), AE_AGAIN);

    /* one at a time */

    assert_int_equal(ae_queue_done(q, &lease, AE_DEAD, 0, &now), AE_OK);
    assert_int_equal(ae_queue_ready(q, ep), 2);
    queue_take(q, ep, 0, 2, &lease);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &other), AE_AGAIN);

    /* a failure of another kind does not end it */

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &other), AE_AGAIN);

    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 0, 2);
    assert_int_equal(ae_queue_ready(q, ep), 1);
    queue_take(q, ep, 0, 3, &other);

    /* none is none */

    (void) queue_endpoint(q, 1, 0, 100);
    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, 0, &now), AE_OK);
    assert_int_equal(ae_queue_done(q, &other, AE_RETRY, 0, &now), AE_OK);
    tell(AE_ATTEMPT_SLOW, AE_HEALTH_STAYS);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &other), AE_AGAIN);
}


static void
test_given_up(void **state)
{
    (void) state;

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_DEAD, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 1000, 1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_OK, AE_HEALTH_RECOVERED);
    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 0, 2);

    /* without a failure beside it */

    tell(AE_ATTEMPT_DEAD, AE_HEALTH_STAYS);
    is(AE_ENABLED, 0, 0, 2);
    tell(AE_ATTEMPT_OK, AE_HEALTH_RECOVERED);
}


static void
test_by_hand(void **state)
{
    (void) state;

    assert_int_equal(ae_queue_disable(q, ep, AE_ENABLED, 0), AE_DECLINED);
    assert_int_equal(ae_queue_disable(q, ep, AE_DISABLED_HAND, 0), AE_OK);
    assert_int_equal(ae_queue_disable(q, ep, AE_DISABLED_HAND, 0),
                     AE_DECLINED);
    is(AE_DISABLED_HAND, 0, 0, 1);

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    is(AE_DISABLED_HAND, 0, 1000, 2);

    /* the reason changes, since when it fails stays */

    assert_int_equal(ae_queue_disable(q, ep, AE_DISABLED_ANSWER, 0), AE_OK);
    is(AE_DISABLED_ANSWER, 0, 1000, 3);

    assert_int_equal(ae_queue_disable(q, ep, AE_ENABLED, 0), AE_OK);
    is(AE_ENABLED, 0, 0, 4);

    pass(6 * DAY);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_OK, AE_HEALTH_RECOVERED);
}


/* time that a clock was set ahead by, or was asleep for, is none of failure */

static void
test_clock_ahead(void **state)
{
    (void) state;

    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    now.wall += 300 * DAY;
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    pass(5 * DAY - 1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    pass(1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_DISABLED);
    is(AE_DISABLED_FAILING, 0, 1000, 2);

    /* of a store that is all that is known, but from then on it is not */

    assert_int_equal(ae_queue_disable(q, ep, AE_ENABLED, now.wall - 2 * DAY),
                     AE_OK);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    now.wall += 300 * DAY;
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    pass(3 * DAY - 1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);
    pass(1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_DISABLED);
}


/* what a store kept of a run before this one */

static void
test_as_a_store_says(void **state)
{
    (void) state;

    now.wall = 7 * DAY;

    assert_int_equal(ae_queue_disable(q, ep, AE_ENABLED, 2 * DAY + 1), AE_OK);
    assert_int_equal(ae_queue_disable(q, ep, AE_ENABLED, 2 * DAY + 1),
                     AE_DECLINED);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_STAYS);

    pass(1);
    tell(AE_ATTEMPT_FAILED, AE_HEALTH_DISABLED);

    assert_int_equal(ae_queue_disable(q, ep, AE_DISABLED_FAILING, 5), AE_OK);
    is(AE_DISABLED_FAILING, 0, 5, 3);
}


static void
test_others(void **state)
{
    uint32_t  other;

    (void) state;

    other = queue_endpoint(q, 2, 10, 100);

    tell(AE_ATTEMPT_DISABLE, AE_HEALTH_DISABLED);
    assert_int_equal(health_of(other).disabled, AE_ENABLED);

    /* such as nobody has */

    assert_int_equal(ae_queue_health(q, other + 1, AE_ATTEMPT_DISABLE, &now),
                     AE_HEALTH_STAYS);
    assert_int_equal(ae_queue_health(q, AE_NO_ENDPOINT, AE_ATTEMPT_DISABLE,
                                     &now),
                     AE_HEALTH_STAYS);
    assert_int_equal(ae_queue_disable(q, other + 1, AE_DISABLED_HAND, 0),
                     AE_ERROR);
    assert_int_equal(health_of(other + 1).disabled, AE_ENABLED);
    assert_int_equal(health_of(AE_NO_ENDPOINT).disabled, AE_ENABLED);

    other = queue_endpoint(q, 3, 10, 100);
    assert_int_equal(health_of(other).disabled, AE_ENABLED);
}


static void
test_place_of_another(void **state)
{
    uint32_t  i;

    (void) state;

    tell(AE_ATTEMPT_SLOW, AE_HEALTH_STAYS);
    tell(AE_ATTEMPT_DISABLE, AE_HEALTH_DISABLED);

    for (i = 1; i < AE_QUEUE_ENDPOINTS; i++) {
        (void) queue_endpoint(q, i + 1, 10, 100);
    }

    (void) ae_queue_retire(q, &i, 0);

    /* it is the one that it was when it comes back */

    assert_int_equal(queue_endpoint(q, 1, 10, 100), ep);
    is(AE_DISABLED_ANSWER, 1, 1000, 2);

    (void) ae_queue_retire(q, &i, 0);

    for (i = 1; i < AE_QUEUE_ENDPOINTS; i++) {
        (void) queue_endpoint(q, i + 1, 10, 100);
    }

    assert_int_equal(queue_endpoint(q, 9999, 10, 100), ep);
    is(AE_ENABLED, 0, 0, 3);
    tell(AE_ATTEMPT_OK, AE_HEALTH_STAYS);
}


int
main(void)
{
#define health_test(f)                                                        \
    cmocka_unit_test_setup_teardown(f, health_setup, health_teardown)

    const struct CMUnitTest  tests[] = {
        health_test(test_well),
        health_test(test_failing),
        health_test(test_failing_for_too_long),
        health_test(test_slow_for_too_long),
        health_test(test_days_begin_anew),
        health_test(test_disabled_by_answer),
        health_test(test_slow),
        health_test(test_given_up),
        health_test(test_by_hand),
        health_test(test_clock_ahead),
        health_test(test_as_a_store_says),
        health_test(test_others),
        health_test(test_place_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
