/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "limit_help.h"
#include "random.h"


/* ---- peek, reset, refund ---- */

static void
test_peek_and_reset(void **state)
{
    ae_limits_t       *limits;
    ae_limit_use_t     use;
    ae_limits_stat_t   st;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_QUOTA, 2, 100 * SEC, 0);

    assert_int_equal(left(limits, &use), 2);
    assert_int_equal(left(limits, &use), 2);
    assert_int_equal(use.retry, 0);

    ae_limits_stat(limits, &st);
    assert_int_equal(st.used, 0);
    assert_in_range(st.entries, 2500, 3200);

    assert_int_equal(take_many(limits, &use), 2);
    assert_int_equal(left(limits, &use), 0);
    assert_int_equal(use.retry, 100 * SEC);

    ae_limits_stat(limits, &st);
    assert_int_equal(st.used, 1);

    ae_limits_reset(limits, use.id);
    ae_limits_reset(limits, use.id);
    assert_int_equal(left(limits, &use), 2);

    ae_limits_stat(limits, &st);
    assert_int_equal(st.used, 0);

    free(limits);
}


static void
test_refund(void **state)
{
    ae_limits_t      *limits;
    ae_limit_use_t    use, old;
    ae_limit_mode_e   mode;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (mode = AE_LIMIT_GCRA; mode <= AE_LIMIT_FIXED; mode++) {

        use = limits_use(mode, mode, 10, 10 * SEC, 9);

        assert_int_equal(take_many(limits, &use), 10);
        ae_limits_refund(limits, &use, 1, &now);
        assert_int_equal(left(limits, &use), 1);
        assert_int_equal(take_many(limits, &use), 1);
    }

    /* nothing is known of such a one, nor of it in this mode */

    use = limits_use(77, AE_LIMIT_QUOTA, 10, SEC, 0);
    use.overflow = 0;
    ae_limits_refund(limits, &use, 1, &now);

    old = limits_use(10, AE_LIMIT_GCRA, 3, 10 * SEC, 0);
    assert_int_equal(take_many(limits, &old), 1);

    use.id = old.id;
    use.charged = 0;
    ae_limits_refund(limits, &use, 1, &now);
    assert_int_equal(left(limits, &old), 0);
    assert_int_equal(old.reset, 10 * SEC / 3 + 1);

    /* nor by another rule, whose requests cost something else */

    use = old;
    use.rule.max = 2;
    ae_limits_refund(limits, &use, 1, &now);
    assert_int_equal(left(limits, &old), 0);

    free(limits);
}


static void
test_refund_comes_too_late(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use, old;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    /* a quota's period is over: the new one owes nothing */

    use = limits_use(1, AE_LIMIT_QUOTA, 10, SEC, 0);
    assert_int_equal(take(limits, &use), AE_OK);
    old = use;

    pass(SEC);
    assert_int_equal(take_many(limits, &use), 10);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(left(limits, &use), 0);

    /* a window's request is the previous window's now, then nobody's */

    use = limits_use(2, AE_LIMIT_WINDOW, 10, SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    old = use;

    pass(SEC + SEC / 2);
    assert_int_equal(take_many(limits, &use), 5);
    ae_limits_refund(limits, &old, 1, &now);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(left(limits, &use), 1);

    pass(SEC);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(take_many(limits, &use), 7);

    pass(SEC);
    assert_int_equal(take_many(limits, &use), 6);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(left(limits, &use), 0);

    /* of GCRA a part of it has passed, which does not come back */

    use = limits_use(3, AE_LIMIT_GCRA, 1, SEC, 1);
    assert_int_equal(take_many(limits, &use), 2);
    old = use;

    pass(SEC / 2);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(left(limits, &use), 1);
    assert_int_equal(use.reset, SEC);

    pass(SEC / 2);
    ae_limits_refund(limits, &old, 1, &now);
    ae_limits_peek(limits, &use, &now);
    assert_int_equal(use.reset, SEC / 2);

    use = limits_use(4, AE_LIMIT_GCRA, 1, SEC, 5);
    assert_int_equal(take_many(limits, &use), 6);
    old = use;

    pass(2 * SEC);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(left(limits, &use), 2);
    assert_int_equal(use.reset, 4 * SEC);

    free(limits);
}


/* ---- another rule ---- */

static void
test_another_max(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use = limits_use(1, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    use.rule.max = 15;
    assert_int_equal(take_many(limits, &use), 5);
    use.rule.max = 3;
    assert_int_equal(take_many(limits, &use), 0);
    assert_int_equal(use.remaining, 0);
    assert_int_equal(use.reset, 100 * SEC);
    use.rule.max = 0;
    assert_int_equal(take_many(limits, &use), 0);
    use.rule.max = 16;
    assert_int_equal(take_many(limits, &use), 1);

    use = limits_use(2, AE_LIMIT_WINDOW, 10, SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    use.rule.max = 15;
    assert_int_equal(take_many(limits, &use), 5);
    use.rule.max = 3;
    assert_int_equal(take_many(limits, &use), 0);
    pass(use.retry - 1);
    assert_int_equal(take_many(limits, &use), 0);
    pass(1);
    assert_int_equal(take_many(limits, &use), 1);

    /* ten requests of backlog, which the new rule lets pass in 10 s */

    use = limits_use(3, AE_LIMIT_GCRA, 10, SEC, 9);
    assert_int_equal(take_many(limits, &use), 10);
    use.rule.max = 1;
    assert_int_equal(take_many(limits, &use), 0);
    assert_int_equal(use.retry, SEC);
    assert_int_equal(use.reset, 10 * SEC);
    use.rule.burst = 19;
    assert_int_equal(take_many(limits, &use), 10);

    free(limits);
}


static void
test_another_mode_starts_afresh(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use = limits_use(1, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    use.rule.mode = AE_LIMIT_WINDOW;
    assert_int_equal(left(limits, &use), 10);
    assert_int_equal(take_many(limits, &use), 10);
    use.rule.mode = AE_LIMIT_GCRA;
    assert_int_equal(take_many(limits, &use), 1);

    free(limits);
}


static void
test_quota_another_period(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    /* a longer one runs from the old start */

    use = limits_use(1, AE_LIMIT_QUOTA, 5, 100 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 5);
    pass(50 * SEC);
    use.rule.period = 1000 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 950 * SEC);

    /* a shorter one from now, and refusals do not put it off */

    pass(50 * SEC);
    use.rule.period = 10 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 10 * SEC);
    pass(9 * SEC);
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, SEC);
    pass(SEC);
    assert_int_equal(take_many(limits, &use), 5);

    /* unless the old end is earlier */

    pass(8 * SEC);
    use.rule.period = 5 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 2 * SEC);

    /* never is the longest */

    use = limits_use(2, AE_LIMIT_QUOTA, 5, 0, 0);
    assert_int_equal(take_many(limits, &use), 5);
    pass(1000 * SEC);
    use.rule.period = 10 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 10 * SEC);
    use.rule.period = 0;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_true(use.retry == UINT64_MAX);

    free(limits);
}


static void
test_window_another_period(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use = limits_use(1, AE_LIMIT_WINDOW, 10, SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    pass(SEC / 2);

    use.rule.period = 10 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 10 * SEC + SEC / 2);

    pass(3 * SEC);
    use.rule.period = SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, SEC + SEC / 10);

    pass(SEC + SEC / 10);
    assert_int_equal(take_many(limits, &use), 1);

    free(limits);
}


/* two rules that take turns, as in a reload, give no more than one of them */

static void
test_rules_in_turns(void **state)
{
    int              i, k, admitted, most;
    ae_limits_t     *limits;
    ae_limit_use_t   use[2];

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (i = 0; i < 3000; i++) {

        most = 0;

        for (k = 0; k < 2; k++) {
            use[k] = limits_use(i % 500, i % 3, 1 + ae_random() % 20,
                                (1 + ae_random() % 100) * SEC,
                                ae_random() % 20);

            admitted = (i % 3 == AE_LIMIT_GCRA) ? use[k].rule.burst + 1
                                                : use[k].rule.max;
            most = (admitted > most) ? admitted : most;
        }

        /* what was counted before only makes it fewer */

        admitted = 0;

        for (k = 0; k < 100; k++) {
            admitted += (take(limits, &use[ae_random() % 2]) == AE_OK);
        }

        assert_true(admitted <= most);
        pass(ae_random() % SEC);
    }

    free(limits);
}


/* each change of a rule rounds, which must not add up for the caller */

static void
test_rules_in_turns_round_up(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use[2];

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use[0] = limits_use(1, AE_LIMIT_GCRA, 1, 7, 49);
    use[1] = limits_use(1, AE_LIMIT_GCRA, 1, 3, 0);
    assert_int_equal(take_many(limits, &use[0]), 50);

    pass(1);

    for (i = 0; i < 1000; i++) {
        assert_int_equal(take(limits, &use[1]), AE_DECLINED);
        assert_int_equal(take(limits, &use[0]), AE_DECLINED);
    }

    free(limits);
}


/* ---- clocks ---- */

static void
test_quota_clock_steps_back(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use, old;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use = limits_use(1, AE_LIMIT_QUOTA, 5, 100 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 5);

    /* not twice, and for one period at most, refused in between or not */

    now.wall -= 1000 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 100 * SEC);

    pass(60 * SEC);
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 40 * SEC);

    pass(40 * SEC);
    assert_int_equal(take_many(limits, &use), 5);

    /* what was charged before does not come back, or it could do so twice */

    old = use;
    pass(1);
    now.wall -= 10 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(left(limits, &use), 0);

    free(limits);
}


/* the time that processes cached is not the same, nor in order */

static void
test_clock_of_another_process(void **state)
{
    int              i, admitted;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use = limits_use(1, AE_LIMIT_GCRA, 100, SEC, 10);
    admitted = 0;

    for (i = 0; i < 100; i++) {
        admitted += take_many(limits, &use);
        now.mono += (i % 2) ? 2000000 : -1000000;
    }

    assert_in_range(admitted, 11, 11 + 6);

    use = limits_use(2, AE_LIMIT_WINDOW, 10, SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    now.mono -= 5000000;
    assert_int_equal(take_many(limits, &use), 0);
    assert_in_range(use.retry, SEC, 2 * SEC);

    /* a period moves only where the wall clock alone went back */

    use = limits_use(3, AE_LIMIT_QUOTA, 10, SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);

    pass(-50000000);
    assert_int_equal(take_many(limits, &use), 0);

    pass(SEC + 49999999);
    assert_int_equal(take_many(limits, &use), 0);
    assert_int_equal(use.retry, 1);

    free(limits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_peek_and_reset),
        cmocka_unit_test(test_refund),
        cmocka_unit_test(test_refund_comes_too_late),
        cmocka_unit_test(test_another_max),
        cmocka_unit_test(test_another_mode_starts_afresh),
        cmocka_unit_test(test_quota_another_period),
        cmocka_unit_test(test_window_another_period),
        cmocka_unit_test(test_rules_in_turns),
        cmocka_unit_test(test_rules_in_turns_round_up),
        cmocka_unit_test(test_quota_clock_steps_back),
        cmocka_unit_test(test_clock_of_another_process),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
