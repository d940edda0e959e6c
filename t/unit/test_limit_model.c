/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Random requests of several keys, each with a random rule and a clock of its
 * own, against models that are slow and obvious: a leaking bucket for GCRA, a
 * log of all that passed for WINDOW, a plain count for QUOTA.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "limit_help.h"
#include "random.h"


#define MODEL_KEYS           20
#define MODEL_STEPS          1000000
#define MODEL_RULE           20000          /* steps until rules are drawn */
#define MODEL_LOG            4096


typedef unsigned __int128    wide_t;


typedef struct {
    ae_limit_use_t           use;
    ae_now_t                 now;

    wide_t                   level;         /* GCRA: 1/max ns */
    uint64_t                 last;

    uint64_t                 log[MODEL_LOG];    /* WINDOW: when it passed */
    uint64_t                 passed;
    uint64_t                 start;

    uint64_t                 count;         /* QUOTA */
} model_t;


static uint64_t random_below(uint64_t n);
static uint64_t random_size(unsigned bits);
static void model_new(model_t *m, uint64_t key, ae_limit_mode_e mode);
static int model_take(ae_limits_t *limits, model_t *m);
static uint64_t model_left(ae_limits_t *limits, const model_t *m, uint64_t ns,
    uint64_t *reset);
static void model_run(ae_limit_mode_e mode,
    void (*step)(ae_limits_t *limits, model_t *m));
static void gcra_leak(model_t *m);
static uint64_t gcra_left(const model_t *m);
static void gcra_step(ae_limits_t *limits, model_t *m);
static uint64_t window_count(const model_t *m, uint64_t ns);
static void window_step(ae_limits_t *limits, model_t *m);
static void quota_step(ae_limits_t *limits, model_t *m);


static uint64_t
random_below(uint64_t n)
{
    return ae_random() % (n ? n : 1);
}


/* of any order of magnitude up to so many bits, never 0 */

static uint64_t
random_size(unsigned bits)
{
    return 1 + (ae_random() >> (64 - 1 - random_below(bits - 1)));
}


static void
model_new(model_t *m, uint64_t key, ae_limit_mode_e mode)
{
    memset(m, 0, sizeof(model_t));

    m->now = now;
    m->last = now.mono;
    m->start = now.wall;

    m->use = limits_use(key, mode, random_size(9), random_size(44),
                        random_below(30));

    if (ae_random() % 4 == 0) {
        m->use.rule.period = (1 + random_below(3600)) * SEC;
    }

    if (mode == AE_LIMIT_GCRA && ae_random() % 4 == 0) {
        m->use.rule.max = random_size(40);
    }

    if (mode == AE_LIMIT_QUOTA && ae_random() % 16 == 0) {
        m->use.rule.period = 0;
    }
}


static int
model_take(ae_limits_t *limits, model_t *m)
{
    size_t  refused;

    return ae_limits_take(limits, &m->use, 1, &m->now, &refused);
}


/* what is left after so many ns without a request */

static uint64_t
model_left(ae_limits_t *limits, const model_t *m, uint64_t ns,
    uint64_t *reset)
{
    ae_now_t        later;
    ae_limit_use_t  use;

    use = m->use;
    later = m->now;
    later.mono += ns;
    later.wall += ns;

    ae_limits_peek(limits, &use, &later);

    if (reset != NULL) {
        *reset = use.reset;
    }

    return use.remaining;
}


static void
model_run(ae_limit_mode_e mode, void (*step)(ae_limits_t *limits, model_t *m))
{
    long          n, i, key;
    model_t      *m;
    ae_limits_t  *limits;

    limits = NULL;
    m = malloc(MODEL_KEYS * sizeof(model_t));
    assert_non_null(m);

    for (n = ae_steps(MODEL_STEPS); n > 0; n -= MODEL_RULE) {

        free(limits);
        limits = limits_new(LIMITS_SIZE);

        for (key = 0; key < MODEL_KEYS; key++) {
            model_new(&m[key], key, mode);
        }

        for (i = 0; i < MODEL_RULE; i++) {
            step(limits, &m[random_below(MODEL_KEYS)]);
        }
    }

    free(limits);
    free(m);
}


/* ---- GCRA ---- */

static void
gcra_leak(model_t *m)
{
    wide_t  leak;

    leak = (wide_t) (m->now.mono - m->last) * m->use.rule.max;

    m->level -= (leak < m->level) ? leak : m->level;
    m->last = m->now.mono;
}


static uint64_t
gcra_left(const model_t *m)
{
    uint64_t  n;
    wide_t    level, most;

    most = (wide_t) m->use.rule.burst * m->use.rule.period;
    level = m->level;

    for (n = 0; level <= most; n++) {
        level += m->use.rule.period;
    }

    return n;
}


static void
gcra_step(ae_limits_t *limits, model_t *m)
{
    int        rc;
    uint64_t   cost;

    const ae_limit_rule_t  *rule = &m->use.rule;

    /* mostly at the pace of the rule, often at once, sometimes a long rest */

    cost = rule->period / rule->max;

    switch (ae_random() % 8) {

    case 0:
    case 1:
    case 2:
        break;

    case 3:
        m->now.mono += random_below(rule->period);
        break;

    case 4:
        m->now.mono += random_below((rule->burst + 2) * (cost + 1));
        break;

    default:
        m->now.mono += random_below(2 * cost + 2);
    }

    gcra_leak(m);

    rc = model_take(limits, m);
    assert_true((rc == AE_OK) == (gcra_left(m) > 0));

    if (rc == AE_OK) {
        m->level += rule->period;
        assert_int_equal(m->use.retry, 0);

        if (ae_random() % 8 == 0) {
            ae_limits_refund(limits, &m->use, 1, &m->now);
            m->level -= rule->period;
            model_left(limits, m, 0, &m->use.reset);
            m->use.remaining++;
        }

    } else {
        assert_int_not_equal(model_left(limits, m, m->use.retry, NULL), 0);
        assert_int_equal(model_left(limits, m, m->use.retry - 1, NULL), 0);
    }

    assert_int_equal(m->use.remaining, gcra_left(m));
    assert_int_equal(m->use.reset,
                     (uint64_t) ((m->level + rule->max - 1) / rule->max));
}


static void
test_gcra_is_a_leaking_bucket(void **state)
{
    (void) state;

    model_run(AE_LIMIT_GCRA, gcra_step);
}


/* ---- WINDOW: how many passed in the last ns, this moment included ---- */

static uint64_t
window_count(const model_t *m, uint64_t ns)
{
    uint64_t  n;

    for (n = 0; n < m->passed && n < MODEL_LOG; n++) {
        if (m->now.mono - m->log[(m->passed - n - 1) % MODEL_LOG] >= ns) {
            break;
        }
    }

    return n;
}


static void
window_step(ae_limits_t *limits, model_t *m)
{
    int       rc;
    uint64_t  count, elapsed, previous, reset;

    const ae_limit_rule_t  *rule = &m->use.rule;

    switch (ae_random() % 16) {

    case 0:
        m->now.mono += random_below(4 * rule->period);
        break;

    case 1:
        m->now.mono += rule->period + random_below(3) - 1;
        break;

    case 2:
    case 3:
    case 4:
        m->now.mono += random_below(4 * rule->period / rule->max + 2);
        break;

    default:
        break;
    }

    rc = model_take(limits, m);

    /* windows follow each other, or start anew at this moment */

    elapsed = m->now.mono - m->use.charged;

    assert_true(elapsed < rule->period);
    assert_true(elapsed == 0 || m->use.charged == m->start
                || m->use.charged == m->start + rule->period);
    m->start = m->use.charged;

    /* the two counters, from the log */

    count = window_count(m, elapsed + 1);
    previous = window_count(m, elapsed + rule->period + 1) - count;

    assert_true((rc == AE_OK)
                == ((wide_t) previous * (rule->period - elapsed)
                    + (wide_t) (count + 1) * rule->period
                    <= (wide_t) rule->max * rule->period));

    if (rc == AE_OK) {
        m->log[m->passed++ % MODEL_LOG] = m->now.mono;
        assert_int_equal(m->use.retry, 0);

    } else {
        assert_true(window_count(m, 2 * rule->period) >= rule->max);
        assert_int_not_equal(model_left(limits, m, m->use.retry, NULL), 0);
        assert_int_equal(model_left(limits, m, m->use.retry - 1, NULL), 0);
    }

    /* the bounds that are promised */

    assert_true(window_count(m, rule->period)
                <= rule->max + (wide_t) rule->max * elapsed / rule->period);
    assert_true(window_count(m, rule->period) < 2 * rule->max);
    assert_true(window_count(m, 3 * rule->period) <= 4 * rule->max);

    assert_int_equal(model_left(limits, m, m->use.reset, &reset), rule->max);
    assert_int_equal(reset, 0);
}


static void
test_window_is_within_its_bounds(void **state)
{
    (void) state;

    model_run(AE_LIMIT_WINDOW, window_step);
}


/* who asks all the time gets max a period on average */

static void
test_window_average(void **state)
{
    uint64_t         i, max, passed;
    ae_limits_t     *limits;
    ae_limit_use_t   use;

    (void) state;

    limits = limits_new(LIMITS_SIZE);

    for (max = 1; max <= 1000; max *= 10) {
        use = limits_use(max, AE_LIMIT_WINDOW, max, 1000000, 0);
        passed = 0;

        for (i = 0; i < 50000; i++) {
            passed += (take(limits, &use) == AE_OK);
            pass(1000 + random_below(2));
        }

        assert_in_range(passed, max * 50 * (max == 1 ? 0.45 : 0.9),
                        max * 50 * 1.05 + 1);
    }

    free(limits);
}


/* ---- QUOTA ---- */

static void
quota_step(ae_limits_t *limits, model_t *m)
{
    int       rc;
    uint64_t  left;

    const ae_limit_rule_t  *rule = &m->use.rule;

    switch (ae_random() % 32) {

    case 0:
        m->now.wall += random_below(3 * rule->period);
        break;

    case 1:
        m->now.wall = now.wall / 2 + random_below(now.wall);
        break;

    case 2:
        m->now.wall -= random_below(2000);
        break;

    case 3:
        m->now.wall = m->start + rule->period + random_below(3) - 1;
        break;

    case 4:
    case 5:
    case 6:
        m->now.wall += random_below(rule->period / rule->max + 2);
        break;

    default:
        break;
    }

    /* time goes on, but now and then that of another process is behind */

    m->now.mono += random_below(3);
    m->last = random_below(8) ? 0 : 1 + random_below(10);
    m->now.mono -= m->last;
    m->now.wall -= m->last;

    if (m->now.wall < m->start && m->now.mono >= m->log[0]) {
        m->start = m->now.wall;
        m->log[0] = m->now.mono;
    }

    if (rule->period != 0 && m->now.wall >= m->start
        && m->now.wall - m->start >= rule->period)
    {
        m->count = 0;
    }

    if (m->count == 0) {
        m->start = m->now.wall;
        m->log[0] = m->now.mono;
    }

    rc = model_take(limits, m);
    assert_true((rc == AE_OK) == (m->count < rule->max));

    left = rule->period ? m->start + rule->period - m->now.wall : UINT64_MAX;

    if (rc == AE_OK) {
        m->count++;
        assert_int_equal(m->use.retry, 0);

    } else {
        assert_true(m->use.retry == left);
        assert_true(rule->period == 0 || m->last != 0
                    || left <= rule->period);
    }

    assert_int_equal(m->use.remaining, rule->max - m->count);
    assert_true(m->use.reset == left);

    if (rc == AE_OK && ae_random() % 8 == 0) {
        ae_limits_refund(limits, &m->use, 1, &m->now);
        m->count--;
    }

    m->now.mono += m->last;
    m->now.wall += m->last;
}


static void
test_quota_is_exact(void **state)
{
    (void) state;

    model_run(AE_LIMIT_QUOTA, quota_step);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_gcra_is_a_leaking_bucket),
        cmocka_unit_test(test_window_is_within_its_bounds),
        cmocka_unit_test(test_window_average),
        cmocka_unit_test(test_quota_is_exact),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
