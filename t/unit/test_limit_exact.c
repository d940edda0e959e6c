/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * GCRA, FIXED and QUOTA against a log that keeps every decision, and a model
 * that goes over it again for each: nothing is kept between two decisions but
 * what was decided and when.  By one process and by several at one key, with
 * a wall clock that steps back and forth.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hammer.h"
#include "limit_help.h"
#include "random.h"


#define EXACT_LOG            150            /* decisions of one key */
#define EXACT_STEPS          500000         /* of each mode */
#define EXACT_PROCS          3
#define EXACT_DAY            (24 * 3600 * SEC)


typedef unsigned __int128    wide_t;


typedef struct {
    ae_now_t                 now;
    int                      ok;
} decision_t;


typedef struct {
    ae_lock_t                lock;          /* of the log's order */
    ae_limits_t             *limits;
    ae_limit_use_t           use;
    ae_now_t                 now;           /* of this key */
    decision_t               log[EXACT_LOG];
    uint64_t                 n;
    uint64_t                 key;
    uint64_t                 decisions;
    uint64_t                 passed;
    uint64_t                 wrong;
    ae_limit_mode_e          mode;
    long                     steps;
} exact_t;


typedef int (*model_pt)(const exact_t *x);


static exact_t *exact_new(ae_limit_mode_e mode);
static void exact_rule(exact_t *x);
static uint64_t exact_below(uint64_t n);
static void exact_clock(exact_t *x);
static void exact_wall(exact_t *x);
static uint64_t exact_start(const ae_limit_rule_t *rule, uint64_t wall,
    uint64_t *end);
static int model_gcra(const exact_t *x);
static int model_placed(const exact_t *x);
static int model_plain(const exact_t *x);
static void exact_step(exact_t *x);
static void exact_work(void *ctx);
static void exact_run(ae_limit_mode_e mode, const char *what, int procs);


static exact_t *
exact_new(ae_limit_mode_e mode)
{
    exact_t  *x;

    x = hammer_memory(sizeof(exact_t));

    x->limits = ae_limits_init(hammer_memory(LIMITS_SIZE), LIMITS_SIZE);
    x->mode = mode;

    assert_non_null(x->limits);
    assert_int_equal(ae_lock_init(&x->lock), AE_OK);

    return x;
}


static uint64_t
exact_below(uint64_t n)
{
    return ae_random() % (n ? n : 1);
}


static void
exact_rule(exact_t *x)
{
    static const uint64_t  periods[] = {
        1, 7, 1000, SEC / 10, SEC, 60 * SEC, 3601 * SEC, EXACT_DAY
    };

    if (x->n != 0) {
        ae_limits_reset(x->limits, x->use.id);
    }

    x->n = 0;

    x->now.mono = 1000 * SEC + exact_below(EXACT_DAY);
    x->now.wall = 1000000000 * SEC + exact_below(1000000000 * SEC);

    x->use = limits_use(x->key++, x->mode, 1 + exact_below(20),
                        periods[exact_below(8)], exact_below(20));

    if (x->mode == AE_LIMIT_QUOTA && exact_below(2)) {
        x->use.rule.align = 1 + exact_below(4);
        x->use.rule.offset = ((int) exact_below(57) - 28) * 1800;
    }
}


/* ---- clocks ---- */

static void
exact_clock(exact_t *x)
{
    uint64_t  ns, period;

    period = x->use.rule.period;

    if (x->use.rule.align != AE_ALIGN_NONE) {
        period = EXACT_DAY * (1 + exact_below(31));
    }

    switch (exact_below(24)) {

    case 0:
        ns = exact_below(period + 1);
        break;

    case 1:
    case 2:
        ns = exact_below(2 * period / x->use.rule.max + 2);
        break;

    case 3:
        ns = exact_below(3 * period);
        break;

    case 4:
        /* just before, at and after the moment that was told */
        ns = x->use.retry + exact_below(3) - 1;
        ns = (x->use.retry == UINT64_MAX || ns > 100 * EXACT_DAY) ? 1 : ns;
        break;

    default:
        ns = 1;
        break;
    }

    x->now.mono += ns ? ns : 1;
    x->now.wall += ns ? ns : 1;

    if (exact_below(16) == 0) {
        exact_wall(x);
    }
}


/* steps, small and large, back and forth, and to where a period begins */

static void
exact_wall(exact_t *x)
{
    uint64_t  end, start;

    start = exact_start(&x->use.rule, x->now.wall, &end);

    switch (exact_below(6)) {

    case 0:
        x->now.wall -= exact_below(2 * (end - start));
        break;

    case 1:
        x->now.wall += exact_below(2 * (end - start));
        break;

    case 2:
        x->now.wall = start - 1 + exact_below(3);
        break;

    case 3:
        x->now.wall -= exact_below(SEC);
        break;

    case 4:
        x->now.wall = 1000000000 * SEC + exact_below(1000000000 * SEC);
        break;

    default:
        x->now.wall += exact_below(SEC);
        break;
    }
}


/* which period a moment is in: by counting days from 1970 on */

static uint64_t
exact_start(const ae_limit_rule_t *rule, uint64_t wall, uint64_t *end)
{
    int64_t   day, first, length, local, unit;
    unsigned  month, year;

    static const int  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (rule->align == AE_ALIGN_NONE) {
        *end = (wall / rule->period + 1) * rule->period;
        return wall / rule->period * rule->period;
    }

    local = wall / SEC + rule->offset;
    unit = (rule->align == AE_ALIGN_HOUR) ? 3600 : 24 * 3600;
    first = local / unit;
    length = 1;

    if (rule->align == AE_ALIGN_WEEK) {
        while (first % 7 != 4) {            /* the fifth of January 1970 */
            first--;
        }

        length = 7;
    }

    if (rule->align == AE_ALIGN_MONTH) {
        day = first;
        first = 0;

        for (year = 1970, month = 0; ; first += length) {
            length = days[month] + (month == 1 && year % 4 == 0);

            if (first + length > day) {
                break;
            }

            month = (month + 1) % 12;
            year += (month == 0);
        }
    }

    *end = ((first + length) * unit - rule->offset) * SEC;

    return (first * unit - rule->offset) * SEC;
}


/* ---- models: would this moment's request pass ---- */


/* every one that passed put one of a cost into a bucket that leaks */

static int
model_gcra(const exact_t *x)
{
    wide_t    level, leak;
    uint64_t  i, last;

    const ae_limit_rule_t  *rule = &x->use.rule;

    level = 0;
    last = 0;

    for (i = 0; i <= x->n; i++) {
        leak = (wide_t) ((i < x->n ? x->log[i].now.mono : x->now.mono) - last)
               * rule->max;
        last = (i < x->n) ? x->log[i].now.mono : x->now.mono;

        level -= (leak < level) ? leak : level;

        if (i < x->n && x->log[i].ok) {
            level += rule->period;
        }
    }

    return level <= (wide_t) rule->burst * rule->period;
}


/*
 * A period is counted from the first that passes in it.  The next one begins
 * when the wall clock tells a later one, or an earlier one after so long that
 * it would be over.
 */

static int
model_placed(const exact_t *x)
{
    uint64_t           i, count, start, end, mono;
    const ae_now_t    *now;

    const ae_limit_rule_t  *rule = &x->use.rule;

    count = 0;
    start = 0;
    end = 0;
    mono = 0;

    for (i = 0; i <= x->n; i++) {
        now = (i < x->n) ? &x->log[i].now : &x->now;

        if (now->wall >= end
            || (now->wall < start && now->mono - mono >= end - start))
        {
            count = 0;
            end = 0;
        }

        if (i < x->n && x->log[i].ok && count++ == 0) {
            start = exact_start(rule, now->wall, &end);
            mono = now->mono;
        }
    }

    return count < rule->max;
}


/* from the first that passes on, or from where the clock stepped back to */

static int
model_plain(const exact_t *x)
{
    uint64_t         i, count, start;
    const ae_now_t  *now;

    const ae_limit_rule_t  *rule = &x->use.rule;

    count = 0;
    start = 0;

    for (i = 0; i <= x->n; i++) {
        now = (i < x->n) ? &x->log[i].now : &x->now;

        if (count != 0 && now->wall < start) {
            start = now->wall;
        }

        if (count != 0 && now->wall - start >= rule->period) {
            count = 0;
        }

        if (i < x->n && x->log[i].ok && count++ == 0) {
            start = now->wall;
        }
    }

    return count < rule->max;
}


/* ---- runs ---- */

static void
exact_step(exact_t *x)
{
    int       ok;
    size_t    refused;
    model_pt  model;

    if (x->n == EXACT_LOG || x->decisions == 0) {
        exact_rule(x);
    }

    exact_clock(x);

    model = (x->mode == AE_LIMIT_GCRA) ? model_gcra
            : (x->mode == AE_LIMIT_QUOTA
               && x->use.rule.align == AE_ALIGN_NONE) ? model_plain
            : model_placed;

    ok = ae_limits_take(x->limits, &x->use, 1, &x->now, &refused) == AE_OK;

    x->wrong += (ok != model(x));
    x->decisions++;
    x->passed += ok;

    x->log[x->n].now = x->now;
    x->log[x->n].ok = ok;
    x->n++;
}


static void
exact_work(void *ctx)
{
    exact_t *x = ctx;

    long  n;

    for (n = x->steps; n > 0; n--) {
        (void) ae_lock(&x->lock);
        exact_step(x);
        ae_unlock(&x->lock);
    }
}


static void
exact_run(ae_limit_mode_e mode, const char *what, int procs)
{
    int       i;
    pid_t     pid[EXACT_PROCS];
    exact_t  *x;

    x = exact_new(mode);
    x->steps = ae_steps(EXACT_STEPS) / procs;

    for (i = 0; i < procs; i++) {
        pid[i] = hammer_start(exact_work, x);
    }

    for (i = 0; i < procs; i++) {
        assert_true(hammer_wait(pid[i]));
    }

    printf("%s, %d processes: %lu decisions, %lu passed, %lu wrong\n", what,
           procs, x->decisions, x->passed, x->wrong);

    assert_int_equal(x->wrong, 0);
    assert_int_equal(x->decisions, x->steps * procs);
    assert_in_range(x->passed, x->decisions / 20, x->decisions * 19 / 20);
}


static void
test_gcra(void **state)
{
    (void) state;

    exact_run(AE_LIMIT_GCRA, "gcra", 1);
    exact_run(AE_LIMIT_GCRA, "gcra", EXACT_PROCS);
}


static void
test_fixed(void **state)
{
    (void) state;

    exact_run(AE_LIMIT_FIXED, "fixed", 1);
    exact_run(AE_LIMIT_FIXED, "fixed", EXACT_PROCS);
}


static void
test_quota(void **state)
{
    (void) state;

    exact_run(AE_LIMIT_QUOTA, "quota", 1);
    exact_run(AE_LIMIT_QUOTA, "quota", EXACT_PROCS);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_gcra),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_quota),
    };

    ae_random_seed();
    alarm(100);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
