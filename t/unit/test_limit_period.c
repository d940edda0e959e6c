/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Periods that have their places: FIXED, and quotas that follow the calendar.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "limit_help.h"
#include "random.h"


#define DAY                  (24 * 3600 * SEC)


static uint64_t moment(const char *text);
static ae_limit_use_t aligned(uint64_t key, ae_limit_align_e align, int offset,
    uint64_t max);
static ae_limit_use_t placed(uint64_t key, uint64_t max);


static uint64_t
moment(const char *text)
{
    uint64_t  wall;
    ae_str_t  s;

    s.data = (unsigned char *) text;
    s.len = strlen(text);

    assert_int_equal(ae_time_parse(s, &wall), AE_OK);

    return wall;
}


static ae_limit_use_t
aligned(uint64_t key, ae_limit_align_e align, int offset, uint64_t max)
{
    ae_limit_use_t  use;

    use = limits_use(key, AE_LIMIT_QUOTA, max, 12345, 0);
    use.rule.align = align;
    use.rule.offset = offset;

    return use;
}


/* both kinds of places, of a period of one day */

static ae_limit_use_t
placed(uint64_t key, uint64_t max)
{
    if (key % 2) {
        return aligned(key, AE_ALIGN_DAY, 0, max);
    }

    return limits_use(key, AE_LIMIT_FIXED, max, DAY, 0);
}


/* ---- places ---- */

static void
test_fixed(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = limits_use(1, AE_LIMIT_FIXED, 5, 7 * SEC, 99);

    /* 1704067200 is 3 more than a multiple of 7 */

    assert_int_equal(left(limits, &use), 5);
    assert_int_equal(use.reset, 0);

    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.remaining, 4);
    assert_int_equal(use.reset, 4 * SEC);

    pass(4 * SEC - 1);
    assert_int_equal(take_many(limits, &use), 4);
    assert_int_equal(use.retry, 1);
    assert_int_equal(use.reset, 1);

    /* all of the next one at once, then nothing for the whole of it */

    pass(1);
    assert_int_equal(take_many(limits, &use), 5);
    assert_int_equal(use.retry, 7 * SEC);

    pass(7 * SEC - 1);
    assert_int_equal(take(limits, &use), AE_DECLINED);

    /* the place stays when some are left out */

    pass(1 + 7 * 1000 * SEC + SEC);
    assert_int_equal(take_many(limits, &use), 5);
    assert_int_equal(use.retry, 6 * SEC);

    free(limits);
}


static void
test_units(void **state)
{
    unsigned         i;
    uint64_t         start, end;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    static const struct {
        ae_limit_align_e   align;
        int                offset;
        const char        *at;
        const char        *start;
        const char        *end;
    } t[] = {
        { AE_ALIGN_HOUR, 0, "2024-02-29T13:59:59.999999999Z",
          "2024-02-29T13:00:00Z", "2024-02-29T14:00:00Z" },
        { AE_ALIGN_HOUR, 20700, "2024-02-29T13:20:00Z",     /* +05:45 */
          "2024-02-29T13:15:00Z", "2024-02-29T14:15:00Z" },
        { AE_ALIGN_DAY, 0, "2024-02-29T00:00:00Z",
          "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z" },
        { AE_ALIGN_DAY, 3600, "2024-02-28T23:00:00Z",
          "2024-02-28T23:00:00Z", "2024-02-29T23:00:00Z" },
        { AE_ALIGN_DAY, -43200, "2024-01-01T11:59:59Z",
          "2023-12-31T12:00:00Z", "2024-01-01T12:00:00Z" },
        { AE_ALIGN_WEEK, 0, "2025-01-01T00:00:00Z",         /* Wednesday */
          "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z" },
        { AE_ALIGN_WEEK, 0, "2024-12-29T23:59:59Z",         /* Sunday */
          "2024-12-23T00:00:00Z", "2024-12-30T00:00:00Z" },
        { AE_ALIGN_WEEK, 50400, "2024-12-29T10:00:00Z",     /* +14:00 */
          "2024-12-29T10:00:00Z", "2025-01-05T10:00:00Z" },
        { AE_ALIGN_MONTH, 0, "2024-02-29T23:59:59Z",
          "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z" },
        { AE_ALIGN_MONTH, 0, "2100-02-28T00:00:00Z",        /* no leap year */
          "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z" },
        { AE_ALIGN_MONTH, 0, "2024-12-31T23:59:59Z",
          "2024-12-01T00:00:00Z", "2025-01-01T00:00:00Z" },
        { AE_ALIGN_MONTH, -3600, "2025-01-01T00:30:00Z",
          "2024-12-01T01:00:00Z", "2025-01-01T01:00:00Z" },
        { AE_ALIGN_MONTH, 50400, "2024-12-31T10:00:00Z",
          "2024-12-31T10:00:00Z", "2025-01-31T10:00:00Z" },
        { AE_ALIGN_WEEK, 0, "1970-01-02T00:00:00Z",         /* a part of one */
          "1970-01-01T00:00:00Z", "1970-01-05T00:00:00Z" },
        { AE_ALIGN_MONTH, 3600, "1970-01-01T00:00:00Z",
          "1970-01-01T00:00:00Z", "1970-01-31T23:00:00Z" },
    };

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        use = aligned(i, t[i].align, t[i].offset, 2);
        start = moment(t[i].start);
        end = moment(t[i].end);

        now.wall = moment(t[i].at);
        assert_int_equal(take(limits, &use), AE_OK);
        assert_int_equal(use.reset, end - now.wall);

        /* its first and its last nanosecond, and the next one's first */

        ae_limits_reset(limits, use.id);
        now.wall = start;
        assert_int_equal(take(limits, &use), AE_OK);
        assert_int_equal(use.reset, end - start);

        now.wall = end - 1;
        assert_int_equal(take_many(limits, &use), 1);
        assert_int_equal(use.retry, 1);

        now.wall = end;
        assert_int_equal(take_many(limits, &use), 2);
    }

    free(limits);
}


/* months of 400 years, counted as a child does */

static void
test_months(void **state)
{
    int              y, m, days;
    uint64_t         start;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    static const int  of[] = { 31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    use = aligned(1, AE_ALIGN_MONTH, 0, 1);
    start = 0;

    for (y = 1970; y < 2370; y++) {
        for (m = 0; m < 12; m++) {
            days = (m != 1) ? of[m]
                   : 28 + ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0);

            now.wall = start;
            assert_int_equal(take(limits, &use), AE_OK);
            assert_int_equal(use.reset, days * DAY);

            now.wall += ae_random() % (days * DAY);
            assert_int_equal(take(limits, &use), AE_DECLINED);
            assert_int_equal(use.retry, start + days * DAY - now.wall);

            start += days * DAY;
        }
    }

    free(limits);
}


static void
test_offset_is_bounded(void **state)
{
    unsigned         i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    static const int  offset[] = { INT32_MIN, -86401, 86401, INT32_MAX };

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (i = 0; i < 4; i++) {
        use = aligned(i, AE_ALIGN_MONTH, offset[i], 3);

        assert_int_equal(take_many(limits, &use), 3);
        assert_int_equal(use.rule.offset, offset[i] < 0 ? -86400 : 86400);
        assert_true(use.retry <= 31 * DAY);
    }

    /* what is no quota has none */

    use = aligned(9, AE_ALIGN_DAY, 3600, 3);
    use.rule.mode = AE_LIMIT_FIXED;
    use.rule.period = SEC;
    assert_int_equal(take_many(limits, &use), 3);
    assert_int_equal(use.retry, SEC);

    free(limits);
}


/* ---- clocks ---- */


/* midnight comes twice, its allowance does not */

static void
test_clock_steps_back_a_little(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    for (i = 0; i < 2; i++) {
        limits = limits_new(LIMITS_SIZE);
        use = placed(i, 5);

        now.wall -= SEC;
        assert_int_equal(take_many(limits, &use), 5);

        pass(SEC);
        assert_int_equal(take_many(limits, &use), 5);

        now.wall -= SEC / 2;
        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.retry, DAY + SEC / 2);

        pass(SEC);
        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.retry, DAY - SEC / 2);

        pass(DAY - SEC / 2);
        assert_int_equal(take_many(limits, &use), 5);

        free(limits);
    }
}


/* back by years: for one period at most, then by the clock as it is */

static void
test_clock_steps_back_far(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    for (i = 0; i < 2; i++) {
        limits = limits_new(LIMITS_SIZE);
        use = placed(i, 5);

        now.wall += 3 * 3600 * SEC;
        assert_int_equal(take_many(limits, &use), 5);

        pass(3600 * SEC);
        now.wall -= 1000 * DAY;
        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.retry, DAY - 3600 * SEC);
        assert_int_equal(use.reset, DAY - 3600 * SEC);

        pass(DAY - 3600 * SEC - 1);
        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.retry, 1);

        pass(1);
        assert_int_equal(take_many(limits, &use), 5);
        assert_int_equal(use.retry, DAY - 3 * 3600 * SEC);

        /* and forth again: that day is another one */

        now.wall += 1000 * DAY;
        assert_int_equal(take_many(limits, &use), 5);

        free(limits);
    }
}


/* back by less than is left until the wall clock is there again */

static void
test_clock_comes_back_in_time(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    for (i = 0; i < 2; i++) {
        limits = limits_new(LIMITS_SIZE);
        use = placed(i, 5);

        assert_int_equal(take_many(limits, &use), 5);
        now.wall -= DAY - 1;
        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.retry, 2 * DAY - 1);

        pass(DAY - 1);
        assert_int_equal(take(limits, &use), AE_DECLINED);
        pass(1);
        assert_int_equal(take(limits, &use), AE_DECLINED);
        assert_int_equal(use.retry, DAY - 1);

        free(limits);
    }
}


/* another process's time is from before midnight */

static void
test_time_of_another_process(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    for (i = 0; i < 2; i++) {
        limits = limits_new(LIMITS_SIZE);
        use = placed(i, 5);

        assert_int_equal(take(limits, &use), AE_OK);
        pass(-1000);
        assert_int_equal(take_many(limits, &use), 4);
        assert_int_equal(use.retry, DAY + 1000);
        pass(1000);
        assert_int_equal(take(limits, &use), AE_DECLINED);

        free(limits);
    }
}


/* ---- peek, refund, another rule ---- */

static void
test_refund(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use, old;

    (void) state;

    for (i = 0; i < 2; i++) {
        limits = limits_new(LIMITS_SIZE);
        use = placed(i, 5);

        assert_int_equal(take_many(limits, &use), 5);
        ae_limits_refund(limits, &use, 1, &now);
        assert_int_equal(left(limits, &use), 1);
        assert_int_equal(use.reset, DAY);
        assert_int_equal(take(limits, &use), AE_OK);
        old = use;

        /* the next day owes the last one's nothing */

        pass(DAY);
        assert_int_equal(take_many(limits, &use), 5);
        ae_limits_refund(limits, &old, 1, &now);
        assert_int_equal(left(limits, &use), 0);

        free(limits);
    }
}


static void
test_another_rule(void **state)
{
    ae_limits_t     *limits;
    ae_limit_use_t   use, old;

    (void) state;

    limits = limits_new(LIMITS_SIZE);
    now.wall = moment("2024-05-15T12:30:00Z");

    /* it counts in the new unit's present period, and ends with that */

    use = aligned(1, AE_ALIGN_MONTH, 0, 5);
    assert_int_equal(take_many(limits, &use), 5);
    old = use;

    use.rule.align = AE_ALIGN_HOUR;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 1800 * SEC);

    /* refused or not: with the next hour it is over */

    pass(1800 * SEC);
    assert_int_equal(take_many(limits, &use), 5);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(left(limits, &use), 0);
    old = use;

    /* the charge is known by its period, whatever place that has */

    use.rule.align = AE_ALIGN_DAY;
    use.rule.offset = 3600;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 10 * 3600 * SEC);
    ae_limits_refund(limits, &old, 1, &now);
    assert_int_equal(take_many(limits, &use), 1);

    /* a plain one runs from the start that the aligned one had */

    use.rule.align = AE_ALIGN_NONE;
    use.rule.period = 30 * DAY;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 30 * DAY - 14 * 3600 * SEC);

    use.rule.period = 0;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_true(use.retry == UINT64_MAX);

    use.rule.align = AE_ALIGN_WEEK;
    use.rule.offset = 3600;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, moment("2024-05-19T23:00:00Z") - now.wall);

    /* more of it at once */

    use.rule.max = 7;
    assert_int_equal(take_many(limits, &use), 2);

    /* FIXED: its multiples */

    use = limits_use(2, AE_LIMIT_FIXED, 5, DAY, 0);
    assert_int_equal(take_many(limits, &use), 5);
    use.rule.period = 3600 * SEC;
    assert_int_equal(take(limits, &use), AE_DECLINED);
    assert_int_equal(use.retry, 3600 * SEC);
    pass(3600 * SEC);
    assert_int_equal(take_many(limits, &use), 5);

    free(limits);
}


/* two rules that take turns give no more than one of them does */

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
            use[k] = aligned(i % 500, ae_random() % 5,
                             (int) (ae_random() % 28 - 14) * 3600,
                             1 + ae_random() % 20);

            if (i % 2) {
                use[k].rule.mode = AE_LIMIT_FIXED;
            }

            use[k].rule.period = (1 + ae_random() % 100) * 3600 * SEC;
            most = ((int) use[k].rule.max > most) ? (int) use[k].rule.max
                                                  : most;
        }

        admitted = 0;

        for (k = 0; k < 100; k++) {
            admitted += (take(limits, &use[ae_random() % 2]) == AE_OK);
        }

        assert_true(admitted <= most);
        pass(ae_random() % (DAY / 100));
    }

    free(limits);
}


/* ---- memory, marks ---- */

static void
test_over_is_fresh(void **state)
{
    int                i;
    ae_limits_t       *limits;
    ae_limit_use_t     use;
    ae_limits_stat_t   st;

    (void) state;

    limits = limits_new(LIMITS_SMALL(4));

    for (i = 0; i < 4; i++) {
        use = placed(i, 5);
        assert_int_equal(take(limits, &use), AE_OK);
    }

    use = placed(4, 5);
    assert_int_equal(take(limits, &use), AE_OK);
    assert_int_equal(use.overflow, 1);

    pass(DAY);

    for (i = 5; i < 9; i++) {
        use = placed(i, 5);
        assert_int_equal(take(limits, &use), AE_OK);
        assert_int_equal(use.overflow, 0);
    }

    ae_limits_stat(limits, &st);
    assert_int_equal(st.used, 4);

    free(limits);
}


static void
test_marks(void **state)
{
    int              i;
    ae_limits_t     *limits;
    ae_limit_use_t   use[3], old;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    use[0] = placed(0, 8);
    use[1] = placed(1, 8);
    use[2] = limits_use(2, AE_LIMIT_QUOTA, 8, DAY, 0);

    for (i = 0; i < 3; i++) {
        assert_int_equal(take(limits, &use[i]), AE_OK);
        assert_int_equal(ae_limit_usage(&use[i]), 125000);
        assert_int_equal(ae_limits_reach(limits, &use[i]), 0);
        assert_int_equal(ae_limits_reach(limits, &use[i]), 125000);
        old = use[i];

        assert_int_equal(take_many(limits, &use[i]), 7);
        assert_int_equal(ae_limit_usage(&use[i]), AE_LIMIT_WHOLE);
        assert_int_equal(ae_limits_reach(limits, &use[i]), 125000);

        /* never down, not by one that comes late, nor by a greater max */

        assert_int_equal(ae_limits_reach(limits, &old), AE_LIMIT_WHOLE);
        use[i].rule.max = 80;
        assert_int_equal(take(limits, &use[i]), AE_OK);
        assert_int_equal(ae_limit_usage(&use[i]), 112500);
        assert_int_equal(ae_limits_reach(limits, &use[i]), AE_LIMIT_WHOLE);
        old = use[i];

        /* the next period has none, and the last one's are told no more */

        pass(DAY);
        assert_int_equal(ae_limits_reach(limits, &old), AE_LIMIT_WHOLE);
        assert_int_equal(take(limits, &use[i]), AE_OK);
        assert_int_equal(ae_limits_reach(limits, &old), AE_LIMIT_REACHED);
        assert_int_equal(ae_limits_reach(limits, &use[i]), 0);
    }

    /* nothing is known of these */

    use[0].id.h[0]++;
    assert_int_equal(ae_limits_reach(limits, &use[0]), AE_LIMIT_REACHED);
    use[1].rule.mode = AE_LIMIT_FIXED;
    assert_int_equal(ae_limits_reach(limits, &use[1]), AE_LIMIT_REACHED);

    free(limits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_months),
        cmocka_unit_test(test_offset_is_bounded),
        cmocka_unit_test(test_clock_steps_back_a_little),
        cmocka_unit_test(test_clock_steps_back_far),
        cmocka_unit_test(test_clock_comes_back_in_time),
        cmocka_unit_test(test_time_of_another_process),
        cmocka_unit_test(test_refund),
        cmocka_unit_test(test_another_rule),
        cmocka_unit_test(test_rules_in_turns),
        cmocka_unit_test(test_over_is_fresh),
        cmocka_unit_test(test_marks),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
