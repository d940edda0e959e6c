/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Counters are carried from one area to another, of another size and under
 * another monotonic clock, and go on there as if nothing had happened.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "limit_help.h"
#include "random.h"


#define CARRY_KEYS           500
#define DAY                  (24 * 3600 * SEC)


static ae_limits_t *area(size_t size);
static size_t carry(ae_limits_t *from, ae_limits_t *to, size_t n);
static ae_limit_use_t carried(uint64_t key);


/* as limits_new(), but time goes on */

static ae_limits_t *
area(size_t size)
{
    ae_now_t      keep;
    ae_limits_t  *limits;

    keep = now;
    limits = limits_new(size);
    now = keep;

    return limits;
}


/* n at once; returns how many */

static size_t
carry(ae_limits_t *from, ae_limits_t *to, size_t n)
{
    size_t             i, got, all, calls;
    uint64_t           cursor;
    ae_limit_record_t  records[64];
    ae_limits_stat_t   st;

    all = 0;
    calls = 0;
    cursor = 0;
    ae_limits_stat(from, &st);

    while (cursor != AE_LIMITS_END) {
        got = ae_limits_dump(from, &cursor, records, n, &now);
        assert_true(got <= n);

        for (i = 0; i < got; i++) {
            assert_int_equal(ae_limits_restore(to, &records[i], &now), AE_OK);
        }

        all += got;
        assert_true(++calls <= st.entries + 64 * 64);
    }

    assert_int_equal(ae_limits_dump(from, &cursor, records, n, &now), 0);
    assert_true(cursor == AE_LIMITS_END);

    return all;
}


/* of every kind that runs by the wall clock */

static ae_limit_use_t
carried(uint64_t key)
{
    ae_limit_use_t  use;

    use = limits_use(key, key % 3 ? AE_LIMIT_QUOTA : AE_LIMIT_FIXED,
                     5 + key % 10, (key % 7 + 1) * DAY, 0);

    if (key % 3 == 1) {
        use.rule.align = 1 + key % 4;
        use.rule.offset = ((int) (key % 20) - 10) * 3600;
    }

    if (key % 3 == 2 && key % 8 == 0) {
        use.rule.period = 0;
    }

    return use;
}


/*
 * Two areas get the same requests, one of them over restarts: all that a use
 * tells is the same.
 */

static void
test_decisions_go_on(void **state)
{
    long             n, i;
    ae_limits_t     *stays, *other, *next;
    ae_limit_use_t   a, b;

    (void) state;

    stays = limits_new(LIMITS_SIZE);
    other = area(LIMITS_SIZE);

    for (n = ae_steps(200000) / 10000; n >= 0; n--) {

        for (i = 0; i < 10000; i++) {
            a = carried(ae_random() % CARRY_KEYS);
            b = a;

            assert_int_equal(take(stays, &a), take(other, &b));
            assert_int_equal(a.remaining, b.remaining);
            assert_true(a.reset == b.reset);
            assert_true(a.retry == b.retry);

            if (a.retry == 0 && ae_random() % 4 == 0) {
                ae_limits_refund(stays, &a, 1, &now);
                ae_limits_refund(other, &b, 1, &now);

            } else if (a.retry == 0 && ae_random() % 4 == 0) {
                assert_int_equal(ae_limits_reach(stays, &a),
                                 ae_limits_reach(other, &b));
            }

            pass(ae_random() % (600 * SEC));
        }

        next = area(LIMITS_SIZE / 2 + ae_random() % LIMITS_SIZE);
        (void) carry(other, next, 1 + ae_random() % 64);
        free(other);
        other = next;
    }

    free(stays);
    free(other);
}


/* the machine was off for a while, and its monotonic clock begins again */

static void
test_what_is_over_stays_behind(void **state)
{
    size_t           n;
    uint64_t         key;
    ae_limits_t     *limits, *next;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (key = 0; key < 40; key++) {
        use = limits_use(key, AE_LIMIT_QUOTA, 5, (key + 1) * 3600 * SEC, 0);
        assert_int_equal(take_many(limits, &use), 5);
    }

    now.wall += 10 * 3600 * SEC;
    now.mono = 5 * SEC;

    next = area(LIMITS_SIZE);
    n = carry(limits, next, 7);
    assert_int_equal(n, 30);

    for (key = 0; key < 40; key++) {
        use = limits_use(key, AE_LIMIT_QUOTA, 5, (key + 1) * 3600 * SEC, 0);
        assert_int_equal(left(next, &use), key < 10 ? 5 : 0);
        assert_int_equal(use.reset, key < 10 ? 0 : (key - 9) * 3600 * SEC);
    }

    free(limits);
    free(next);
}


static void
test_others_are_not_carried(void **state)
{
    ae_limits_t     *limits, *next;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use = limits_use(1, AE_LIMIT_GCRA, 5, DAY, 4);
    assert_int_equal(take_many(limits, &use), 5);
    use = limits_use(2, AE_LIMIT_WINDOW, 5, DAY, 0);
    assert_int_equal(take_many(limits, &use), 5);
    (void) ae_limits_sequence(limits, use.id);

    next = area(LIMITS_SIZE);
    assert_int_equal(carry(limits, next, 64), 0);

    free(limits);
    free(next);
}


static void
test_marks_are_carried(void **state)
{
    ae_limits_t     *limits, *next;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_QUOTA, 10, DAY, 0);
    assert_int_equal(take_many(limits, &use), 10);
    ae_limits_refund(limits, &use, 1, &now);
    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(ae_limits_reach(limits, &use), 0);

    next = area(LIMITS_SIZE);
    assert_int_equal(carry(limits, next, 64), 1);

    use.rule.max = 20;
    assert_int_equal(take(next, &use), AE_OK);
    assert_int_equal(ae_limits_reach(next, &use), AE_LIMIT_WHOLE);

    free(limits);
    free(next);
}


/* requests came before the store was read: all of them count */

static void
test_restore_into_one_in_use(void **state)
{
    ae_limits_t     *limits, *next;
    ae_limit_use_t   use, old;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_QUOTA, 10, DAY, 0);
    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(take(limits, &use), AE_OK);

    pass(3600 * SEC);
    next = area(LIMITS_SIZE);
    assert_int_equal(take(next, &use), AE_OK);
    old = use;
    pass(1);
    assert_int_equal(carry(limits, next, 1), 1);

    assert_int_equal(left(next, &use), 7);
    assert_int_equal(use.reset, 23 * 3600 * SEC - 1);
    ae_limits_refund(next, &old, 1, &now);
    assert_int_equal(left(next, &use), 8);

    /* one of another mode gives way */

    use.rule.mode = AE_LIMIT_FIXED;
    assert_int_equal(take(next, &use), AE_OK);
    assert_int_equal(carry(limits, next, 1), 1);
    use.rule.mode = AE_LIMIT_QUOTA;
    assert_int_equal(left(next, &use), 8);

    free(limits);
    free(next);
}


static void
test_restore_is_bounded(void **state)
{
    int                i;
    size_t             n;
    uint64_t           cursor;
    ae_limits_t       *limits, *next;
    ae_limit_use_t     use;
    ae_limit_record_t  good, bad;

    (void) state;

    limits = limits_new(LIMITS_SMALL(20));

    for (i = 0; i < 20; i++) {
        use = limits_use(i, AE_LIMIT_QUOTA, 10, DAY, 0);
        assert_int_equal(take(limits, &use), AE_OK);
    }

    cursor = 0;
    assert_int_equal(ae_limits_dump(limits, &cursor, &good, 1, &now), 1);

    next = area(LIMITS_SMALL(20));

    for (i = 0; i < 30; i++) {
        good.id.h[0]++;
        assert_int_equal(ae_limits_restore(next, &good, &now),
                         i < 20 ? AE_OK : AE_FULL);
    }

    for (i = 0; i < 10; i++) {
        bad = good;

        switch (i) {
        case 0: bad.mode = AE_LIMIT_GCRA; break;
        case 1: bad.mode = AE_LIMIT_WINDOW; break;
        case 2: bad.mode = 77; break;
        case 3: bad.align = AE_ALIGN_MONTH + 1; break;
        case 4: bad.offset = 86401; break;
        case 5: bad.mark = AE_LIMIT_WHOLE + 1; break;
        case 6: bad.count = UINT64_MAX; break;
        case 7: bad.start = UINT64_MAX; break;
        case 8: bad.align = AE_ALIGN_DAY; bad.period = 0; break;
        case 9: bad.mode = AE_LIMIT_FIXED; bad.period = 0; break;
        }

        assert_int_equal(ae_limits_restore(next, &bad, &now), AE_ERROR);
    }

    /* what is as much as can be stays so, and never comes round to nothing */

    good.id.h[0] -= 29;
    good.count = (uint64_t) 1 << 62;

    for (i = 0; i < 5; i++) {
        assert_int_equal(ae_limits_restore(next, &good, &now), AE_OK);
    }

    cursor = 0;

    do {
        n = ae_limits_dump(next, &cursor, &bad, 1, &now);
    } while (cursor != AE_LIMITS_END && !(n && ae_id_equal(bad.id, good.id)));

    assert_true(n == 1 && bad.count == good.count);

    good.count = 0;
    assert_int_equal(ae_limits_restore(next, &good, &now), AE_DECLINED);

    free(limits);
    free(next);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_decisions_go_on),
        cmocka_unit_test(test_what_is_over_stays_behind),
        cmocka_unit_test(test_others_are_not_carried),
        cmocka_unit_test(test_marks_are_carried),
        cmocka_unit_test(test_restore_into_one_in_use),
        cmocka_unit_test(test_restore_is_bounded),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
