/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "limit_help.h"
#include "random.h"
#include "table_check.h"


/* ---- memory ---- */

static void
test_bytes_a_key(void **state)
{
    ae_limits_t       *limits;
    ae_limits_stat_t   st;

    (void) state;

    limits = limits_new(1024 * 1024);
    ae_limits_stat(limits, &st);

    assert_true(1024 * 1024 / st.entries <= 96);
    assert_true((1024 * 1024 - 64 * sizeof(ae_limits_shard_t)) / st.entries
                <= 86);

    /* and with the share of locks and shared states, however small a zone */

    free(limits);
    limits = limits_new(128 * 1024);
    ae_limits_stat(limits, &st);
    assert_true(128 * 1024 / st.entries <= 128);

    assert_int_equal(sizeof(ae_limit_state_t), 48);

    assert_null(ae_limits_init(&st, sizeof(st)));
    free(limits);
}


static void
test_fresh_entries_are_reclaimed(void **state)
{
    int                i;
    ae_limits_t       *limits;
    ae_limit_use_t     use;
    ae_limits_stat_t   st;

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    for (i = 0; i < 1000; i++) {
        use = limits_use(i, i % 3, 10, SEC, 0);
        assert_int_equal(take(limits, &use), AE_OK);
        assert_int_equal(use.overflow, 0);
        pass(SEC / 5);
    }

    ae_limits_stat(limits, &st);
    assert_int_equal(st.entries, 20);
    assert_int_equal(st.overflows, 0);
    assert_true(st.used <= 20);

    free(limits);
}


static void
test_overflow(void **state)
{
    int                i;
    ae_limits_t       *limits;
    ae_limit_use_t     use;
    ae_limits_stat_t   st;

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    for (i = 0; i < 20; i++) {
        use = limits_use(i, AE_LIMIT_QUOTA, 10, 1000 * SEC, 0);
        assert_int_equal(take(limits, &use), AE_OK);
        assert_int_equal(use.overflow, 0);
    }

    /* what has an entry keeps it, others share */

    for (i = 20; i < 30; i++) {
        use = limits_use(i, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
        assert_int_equal(take(limits, &use), AE_OK);
        assert_int_equal(use.overflow, 1);
        assert_int_equal(use.remaining, 10 - (i - 20) - 1);
    }

    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.overflow, 1);
    assert_int_equal(use.retry, 100 * SEC);

    ae_limits_stat(limits, &st);
    assert_int_equal(st.overflows, 10);
    assert_int_equal(st.used, 20);

    /* each mode has its own, or it would start afresh at every other call */

    use = limits_use(40, AE_LIMIT_WINDOW, 10, SEC, 0);
    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.overflow, 1);
    use = limits_use(41, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    assert_int_equal(take(limits, &use), AE_DECLINED);

    /* a refund goes where the charge went */

    use = limits_use(29, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    pass(100 * SEC);
    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.remaining, 9);
    ae_limits_refund(limits, &use, 1, &now);
    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.remaining, 9);

    use = limits_use(5, AE_LIMIT_QUOTA, 10, 1000 * SEC, 0);
    assert_int_equal(left(limits, &use), 9);

    free(limits);
}


/* who overflowed does not start afresh as soon as there is an entry */

static void
test_overflow_is_not_forgotten(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    for (i = 0; i < 20; i++) {
        use = limits_use(i, AE_LIMIT_QUOTA, 10, 50 * SEC, 0);
        assert_int_equal(take(limits, &use), AE_OK);
    }

    use = limits_use(20, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    assert_int_equal(use.overflow, 1);

    pass(60 * SEC);

    assert_int_equal(left(limits, &use), 0);
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.overflow, 0);
    assert_int_equal(use.retry, 40 * SEC);

    /* others are not held to it */

    use = limits_use(21, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.remaining, 9);
    assert_int_equal(use.overflow, 0);

    pass(41 * SEC);
    use = limits_use(20, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);

    /* once that is over they are not held to what others do there */

    pass(200 * SEC);

    for (i = 0; i < 21; i++) {
        use = limits_use(100 + i, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
        assert_int_equal(take(limits, &use), AE_OK);
    }

    assert_int_equal(use.overflow, 1);
    assert_int_equal(take_many(limits, &use), 9);

    ae_limits_reset(limits, limits_use(100, 0, 0, 0, 0).id);
    use = limits_use(20, AE_LIMIT_QUOTA, 10, 100 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);

    free(limits);
}


/* seeded from a shared state of a longer period: it has to end some time */

static void
test_overflow_seed_ends(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    for (i = 0; i < 20; i++) {
        use = limits_use(i, AE_LIMIT_QUOTA, 10, 50 * SEC, 0);
        assert_int_equal(take(limits, &use), AE_OK);
    }

    use = limits_use(20, AE_LIMIT_QUOTA, 10, 10000 * SEC, 0);
    assert_int_equal(take_many(limits, &use), 10);
    assert_int_equal(use.overflow, 1);

    pass(60 * SEC);
    use.rule.period = 100 * SEC;

    for (i = 0; i < 10; i++) {
        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.retry, (100 - 10 * i) * SEC);
        pass(10 * SEC);
    }

    assert_int_equal(take_many(limits, &use), 10);

    free(limits);
}


/* a use must not lose its entry to a later one of the same call */

static void
test_reclaim_spares_the_call(void **state)
{
    size_t           refused;
    ae_limits_t     *limits;
    ae_limit_use_t   uses[3];

    (void) state;

    limits = limits_new(LIMITS_SMALL(2));

    uses[0] = limits_use(0, AE_LIMIT_QUOTA, 10, SEC, 0);
    uses[1] = limits_use(1, AE_LIMIT_QUOTA, 10, SEC, 0);
    assert_int_equal(ae_limits_take(limits, uses, 2, &now, &refused), AE_OK);

    pass(SEC);
    uses[2] = limits_use(2, AE_LIMIT_QUOTA, 10, SEC, 0);
    assert_int_equal(ae_limits_take(limits, uses, 3, &now, &refused), AE_OK);
    assert_int_equal(uses[0].overflow, 0);
    assert_int_equal(uses[1].overflow, 0);
    assert_int_equal(uses[2].overflow, 1);

    assert_int_equal(left(limits, &uses[0]), 9);
    assert_int_equal(left(limits, &uses[1]), 9);

    free(limits);
}


/* two that share a state in one call see each other's charge */

static void
test_overflow_twice_in_a_call(void **state)
{
    int              i;
    size_t           refused;
    ae_limits_t     *limits;
    ae_limit_use_t   uses[2];

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    for (i = 0; i < 20; i++) {
        uses[0] = limits_use(i, AE_LIMIT_QUOTA, 10, 50 * SEC, 0);
        assert_int_equal(take(limits, &uses[0]), AE_OK);
    }

    uses[0] = limits_use(30, AE_LIMIT_QUOTA, 3, 50 * SEC, 0);
    uses[1] = limits_use(31, AE_LIMIT_QUOTA, 3, 50 * SEC, 0);

    assert_int_equal(ae_limits_take(limits, uses, 2, &now, &refused), AE_OK);
    assert_int_equal(uses[0].remaining, 2);
    assert_int_equal(uses[1].remaining, 1);

    assert_int_equal(ae_limits_take(limits, uses, 2, &now, &refused),
                     AE_DECLINED);
    assert_int_equal(refused, 1);
    assert_int_equal(uses[0].remaining, 1);

    free(limits);
}


/* an entry that was made for a call that is refused is given back */

static void
test_refused_takes_no_memory(void **state)
{
    int              i;
    size_t           refused;
    ae_limits_t     *limits;
    ae_limit_use_t   uses[2];

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    uses[1] = limits_use(0, AE_LIMIT_QUOTA, 1, 50 * SEC, 0);
    assert_int_equal(take(limits, &uses[1]), AE_OK);

    for (i = 1; i < 100; i++) {
        uses[0] = limits_use(i, AE_LIMIT_QUOTA, 10, 50 * SEC, 0);
        assert_int_equal(ae_limits_take(limits, uses, 2, &now, &refused),
                         AE_DECLINED);
        assert_int_equal(refused, 1);
        assert_int_equal(uses[0].remaining, 10);
        assert_int_equal(uses[0].overflow, 0);
    }

    assert_null(table_check(ae_limits_table(limits), 1, 20, NULL, 1));

    free(limits);
}


/* ---- sequences ---- */

static void
test_sequence(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_QUOTA, 10, SEC, 0);

    for (i = 1; i < 100; i++) {
        assert_int_equal(ae_limits_sequence(limits, use.id), i);
    }

    /* the limit of the same id is another thing */

    assert_int_equal(take_many(limits, &use), 10);
    ae_limits_reset(limits, use.id);
    assert_int_equal(ae_limits_sequence(limits, use.id), 100);

    use = limits_use(2, AE_LIMIT_QUOTA, 10, SEC, 0);
    assert_int_equal(ae_limits_sequence(limits, use.id), 1);

    free(limits);
}


static void
test_sequence_never_goes_back(void **state)
{
    long             i;
    uint64_t         key, n, last[100];
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));
    memset(last, 0, sizeof(last));

    for (i = ae_steps(200000); i > 0; i--) {

        /* limits push sequences out, up to all of them */

        if (ae_random() % 16 == 0) {
            use = limits_use(1000 + ae_random() % 30, ae_random() % 3, 10,
                             1 + ae_random() % (20 * SEC), 0);
            (void) take(limits, &use);
            pass(ae_random() % SEC);
        }

        key = ae_random() % 100;
        n = ae_limits_sequence(limits, limits_use(key, 0, 0, 0, 0).id);

        assert_true(n > last[key]);
        last[key] = n;
    }

    assert_null(table_check(ae_limits_table(limits), 1, 20, NULL, 1));

    free(limits);
}


/* one that is asked often is not pushed out by many that are not */

static void
test_sequence_in_use_stays(void **state)
{
    int              i;
    uint64_t         n;
    ae_limits_t     *limits;

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    assert_int_equal(ae_limits_sequence(limits,
                                        limits_use(1, 0, 0, 0, 0).id), 1);

    /* this one will be, and those that start then go on above it */

    for (i = 0; i < 5000; i++) {
        (void) ae_limits_sequence(limits, limits_use(2, 0, 0, 0, 0).id);
    }

    for (i = 2; i < 2000; i++) {
        n = ae_limits_sequence(limits, limits_use(1, 0, 0, 0, 0).id);
        assert_int_equal(n, i);

        n = ae_limits_sequence(limits, limits_use(10 + i, 0, 0, 0, 0).id);
        assert_true(n == 1 || n > 5000);
    }

    assert_true(n > 5000);

    free(limits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bytes_a_key),
        cmocka_unit_test(test_fresh_entries_are_reclaimed),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_overflow_is_not_forgotten),
        cmocka_unit_test(test_overflow_seed_ends),
        cmocka_unit_test(test_reclaim_spares_the_call),
        cmocka_unit_test(test_overflow_twice_in_a_call),
        cmocka_unit_test(test_refused_takes_no_memory),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_sequence_never_goes_back),
        cmocka_unit_test(test_sequence_in_use_stays),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
