/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "limit_help.h"
#include "random.h"


/* ---- one limit ---- */

static void
test_gcra(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_GCRA, 10, SEC, 3);

    /* one, and the burst more */

    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.remaining, 3);
    assert_int_equal(use.reset, SEC / 10);
    assert_int_equal(use.retry, 0);
    assert_int_equal(use.overflow, 0);

    assert_int_equal(take_many(limits, &use), 3);
    assert_int_equal(use.remaining, 0);
    assert_int_equal(use.retry, SEC / 10);
    assert_int_equal(use.reset, 4 * SEC / 10);

    pass(SEC / 10 - 1);
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 1);

    pass(1);
    assert_int_equal(take_many(limits, &use), 1);

    pass(SEC);
    assert_int_equal(left(limits, &use), 4);
    assert_int_equal(use.reset, 0);
    assert_int_equal(take_many(limits, &use), 4);

    free(limits);
}


/* 3 a second are not 333,333,333 ns apart, but three make a second */

static void
test_gcra_does_not_round(void **state)
{
    int              i;
    uint64_t         start;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_GCRA, 3, SEC, 0);
    start = now.mono;

    for (i = 0; i < 3000; i++) {
        assert_int_equal(take(limits, &use), AE_OK);
        assert_int_equal(take(limits, &use), AE_DECLINED);
        pass(use.retry);
    }

    assert_in_range(now.mono - start, 1000 * SEC, 1000 * SEC + 3000);

    /* in one go, all at the same time */

    use = limits_use(2, AE_LIMIT_GCRA, 3, SEC, 2999);
    assert_int_equal(take_many(limits, &use), 3000);
    assert_int_equal(use.reset, 1000 * SEC);

    free(limits);
}


static void
test_window(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_WINDOW, 10, SEC, 99);

    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.remaining, 9);
    assert_int_equal(use.reset, 2 * SEC);
    assert_int_equal(take_many(limits, &use), 9);
    assert_int_equal(use.remaining, 0);

    /* the next window's first tenth lets one of ten out */

    assert_int_equal(use.retry, SEC + SEC / 10);

    pass(SEC + SEC / 10 - 1);
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 1);

    pass(1);
    assert_int_equal(take_many(limits, &use), 1);
    assert_int_equal(use.retry, SEC / 10);

    pass(SEC / 2);
    assert_int_equal(take_many(limits, &use), 5);

    /* when two windows passed without a request it is whole */

    pass(2 * SEC);
    assert_int_equal(left(limits, &use), 10);
    assert_int_equal(use.reset, 0);
    assert_int_equal(take_many(limits, &use), 10);

    free(limits);
}


static void
test_quota(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_QUOTA, 5, 100 * SEC, 99);

    /* the period starts at the first use, not when it is looked at */

    assert_int_equal(left(limits, &use), 5);
    assert_int_equal(use.reset, 0);
    pass(50 * SEC);

    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.remaining, 4);
    assert_int_equal(use.reset, 100 * SEC);

    pass(40 * SEC);
    assert_int_equal(take_many(limits, &use), 4);
    assert_int_equal(use.remaining, 0);
    assert_int_equal(use.retry, 60 * SEC);
    assert_int_equal(use.reset, 60 * SEC);

    pass(60 * SEC - 1);
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 1);

    /* the next one starts at its first use as well */

    pass(30 * SEC);
    assert_int_equal(take_many(limits, &use), 5);
    assert_int_equal(use.reset, 100 * SEC);

    free(limits);
}


static void
test_quota_never_renewed(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_QUOTA, 5, 0, 0);

    assert_int_equal(take_many(limits, &use), 5);
    assert_true(use.retry == UINT64_MAX);
    assert_true(use.reset == UINT64_MAX);

    pass(10000000 * SEC);
    assert_int_equal(take(limits, &use), AE_DECLINED);

    free(limits);
}


static void
test_none_allowed(void **state)
{
    ae_limits_t       *limits;
    ae_limit_use_t     use;
    ae_limit_mode_e    mode;
    ae_limits_stat_t   st;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (mode = AE_LIMIT_GCRA; mode <= AE_LIMIT_FIXED; mode++) {
        use = limits_use(mode, mode, 0, SEC, 10);

        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.remaining, 0);
        assert_int_equal(use.reset, 0);
        assert_true(use.retry == UINT64_MAX);

        assert_int_equal(left(limits, &use), 0);
        assert_true(use.retry == UINT64_MAX);
    }

    /* who is refused at once takes no memory */

    ae_limits_stat(limits, &st);
    assert_int_equal(st.used, 0);

    free(limits);
}


/* how many pass at once; a backlog is bounded to 146 years */

static uint64_t
extreme_most(const ae_limit_rule_t *rule)
{
    unsigned __int128  most;

    if (rule->mode != AE_LIMIT_GCRA || rule->max == 0) {
        return rule->max;
    }

    most = ((unsigned __int128) rule->max << 62) / rule->period;

    return 1 + ((rule->burst < most) ? rule->burst : most);
}


static void
test_extreme_rules(void **state)
{
    int              rc;
    unsigned         i, k;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    static const uint64_t  n[] = {
        0, 1, 2, SEC, 1ull << 61, 1ull << 62, (1ull << 63) - 1, UINT64_MAX
    };

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (i = 0; i < 4 * 8 * 8 * 8; i++) {
        use = limits_use(i, i % 4, n[i / 4 % 8], n[i / 32 % 8],
                         n[i / 256 % 8]);

        for (k = 0; k < 5; k++) {
            rc = take(limits, &use);
            assert_int_equal(rc == AE_OK, k < extreme_most(&use.rule));
        }

        now.mono += ae_random() % 3 * SEC;
        now.wall += ae_random() % 3 * SEC;
        take(limits, &use);
    }

    free(limits);
}


/* ---- all or nothing ---- */

static void
test_take_all_or_nothing(void **state)
{
    int               i;
    size_t            refused;
    ae_limits_t      *limits;
    ae_limit_use_t    uses[4];

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    uses[0] = limits_use(1, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    uses[1] = limits_use(2, AE_LIMIT_WINDOW, 7, SEC, 0);
    uses[2] = limits_use(3, AE_LIMIT_GCRA, 1, SEC, 3);
    uses[3] = limits_use(4, AE_LIMIT_QUOTA, 5, 0, 0);

    for (i = 0; i < 4; i++) {
        assert_int_equal(ae_limits_take(limits, uses, 4, &now, &refused),
                         AE_OK);
    }

    /* the third is used up; nothing is charged, each says what is left */

    refused = 99;
    assert_int_equal(ae_limits_take(limits, uses, 4, &now, &refused),
                     AE_DECLINED);
    assert_int_equal(refused, 2);

    assert_int_equal(uses[0].remaining, 6);
    assert_int_equal(uses[1].remaining, 3);
    assert_int_equal(uses[2].remaining, 0);
    assert_int_equal(uses[3].remaining, 1);

    assert_int_equal(uses[0].retry, 0);
    assert_int_equal(uses[1].retry, 0);
    assert_int_equal(uses[2].retry, SEC);
    assert_int_equal(uses[3].retry, 0);

    pass(SEC);
    assert_int_equal(ae_limits_take(limits, uses, 4, &now, &refused), AE_OK);

    /* now two are, the first in the order given is named */

    assert_int_equal(ae_limits_take(limits, uses, 4, &now, &refused),
                     AE_DECLINED);
    assert_int_equal(refused, 2);
    assert_int_equal(left(limits, &uses[0]), 5);
    assert_int_equal(left(limits, &uses[1]), 2);
    assert_true(uses[3].retry == UINT64_MAX);

    assert_int_equal(ae_limits_take(limits, uses, 0, &now, &refused), AE_OK);
    assert_int_equal(ae_limits_take(limits, uses, AE_LIMIT_USES + 1, &now,
                                    &refused), AE_ERROR);

    free(limits);
}


static void
test_take_one_id_twice(void **state)
{
    size_t             refused;
    ae_limits_t       *limits;
    ae_limit_use_t     uses[3];
    ae_limits_stat_t   st;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    uses[0] = limits_use(1, AE_LIMIT_QUOTA, 5, 100 * SEC, 0);
    uses[1] = limits_use(2, AE_LIMIT_QUOTA, 100, 100 * SEC, 0);
    uses[2] = uses[0];

    assert_int_equal(ae_limits_take(limits, uses, 3, &now, &refused), AE_OK);
    assert_int_equal(uses[0].remaining, 4);
    assert_int_equal(uses[1].remaining, 99);
    assert_int_equal(uses[2].remaining, 3);

    ae_limits_stat(limits, &st);
    assert_int_equal(st.used, 2);

    assert_int_equal(ae_limits_take(limits, uses, 3, &now, &refused), AE_OK);

    /* one is left, two are wanted */

    assert_int_equal(ae_limits_take(limits, uses, 3, &now, &refused),
                     AE_DECLINED);
    assert_int_equal(refused, 2);
    assert_int_equal(uses[0].remaining, 1);
    assert_int_equal(uses[2].remaining, 1);
    assert_int_equal(uses[0].retry, 0);
    assert_int_equal(uses[2].retry, 100 * SEC);
    assert_int_equal(left(limits, &uses[1]), 98);

    /* both charges come back */

    ae_limits_refund(limits, uses, 3, &now);
    assert_int_equal(left(limits, &uses[0]), 3);

    free(limits);
}


/* in any order, from every shard, several in one */

static void
test_take_many_shards(void **state)
{
    int              i, k;
    size_t           refused;
    ae_limits_t     *limits;
    ae_limit_use_t   uses[AE_LIMIT_USES];

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (i = 0; i < 1000; i++) {

        for (k = 0; k < AE_LIMIT_USES; k++) {
            uses[k] = limits_use(ae_random() % 64, AE_LIMIT_QUOTA, 1000000, 0,
                                 0);
        }

        assert_int_equal(ae_limits_take(limits, uses, AE_LIMIT_USES, &now,
                                        &refused), AE_OK);
    }

    for (k = 0, i = 0; k < 64; k++) {
        uses[0] = limits_use(k, AE_LIMIT_QUOTA, 1000000, 0, 0);
        i += 1000000 - left(limits, &uses[0]);
    }

    assert_int_equal(i, 1000 * AE_LIMIT_USES);

    free(limits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_gcra),
        cmocka_unit_test(test_gcra_does_not_round),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_quota_never_renewed),
        cmocka_unit_test(test_none_allowed),
        cmocka_unit_test(test_extreme_rules),
        cmocka_unit_test(test_take_all_or_nothing),
        cmocka_unit_test(test_take_one_id_twice),
        cmocka_unit_test(test_take_many_shards),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
