/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The simple case of a charge against the whole arithmetic: wherever it says
 * anything, both leave the same state and tell the same.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/shared/ae_limit_quick.h"
#include "random.h"


#define QUICK_STEPS          400000
#define QUICK_RULES          3


typedef struct {
    ae_limit_state_t         state;
    ae_limit_use_t           use;
    ae_now_t                 now;
    uint64_t                 quick;
    uint64_t                 passed;
} test_quick_t;


static uint64_t test_number(int bits);
static void test_rule(ae_limit_rule_t *rule, int large);
static void test_time(test_quick_t *t, const ae_limit_rule_t *rule);
static void test_charge(test_quick_t *t);
static void test_steps(int large, uint64_t *quick, uint64_t *passed);


/* of up to so many bits, small ones as often as large ones */

static uint64_t
test_number(int bits)
{
    return ae_random() >> (64 - bits) >> (ae_random() % bits);
}


static void
test_rule(ae_limit_rule_t *rule, int large)
{
    int  bits;

    memset(rule, 0, sizeof(ae_limit_rule_t));

    bits = large ? 63 : 36;

    rule->mode = (ae_limit_mode_e) (ae_random() % AE_LIMIT_MODES);
    rule->max = test_number(large ? 63 : 6);
    rule->period = test_number(bits);
    rule->burst = test_number(large ? 63 : 5);

    if (rule->mode == AE_LIMIT_QUOTA && ae_random() % 2) {
        rule->align = (ae_limit_align_e) (ae_random() % 5);
        rule->offset = (int) (ae_random() % 100000) - 50000;
    }

    ae_limit_bound(rule);
}


static void
test_time(test_quick_t *t, const ae_limit_rule_t *rule)
{
    uint64_t  ns;

    ns = 0;

    if (rule->max != 0 && ae_random() % 4) {
        ns = ae_random() % (2 * rule->period / rule->max + 2);

    } else if (ae_random() % 8 == 0) {
        ns = ae_random() % (3 * (rule->period >> 1) + 1);
    }

    /* no clock comes so far */

    if (t->now.wall > AE_LIMIT_MOST || t->now.mono > AE_LIMIT_MOST) {
        ns = 0;
    }

    t->now.mono += ae_limit_min(ns, AE_LIMIT_MOST);
    t->now.wall += ae_limit_min(ns, AE_LIMIT_MOST);

    if (ae_random() % 200 == 0) {
        ns = test_number(40);
        t->now.wall -= ae_limit_min(t->now.wall, ns);
    }

    if (ae_random() % 200 == 0) {
        ns = test_number(20);
        t->now.mono -= ae_limit_min(t->now.mono, ns);
    }
}


static void
test_charge(test_quick_t *t)
{
    int               rc;
    ae_limit_use_t    use;
    ae_limit_move_t   to;
    ae_limit_state_t  before, state;

    before = t->state;
    state = t->state;
    use = t->use;
    rc = ae_limit_quick(&state, &use, &t->now, &to);

    assert_memory_equal(&state, &before, sizeof(state));

    (void) ae_limit_adapt(&t->state, &t->use.rule, &t->now);

    if (ae_limit_charge(&t->state, &t->use.rule, &t->now) != AE_OK) {
        assert_int_equal(rc, AE_DECLINED);
        return;
    }

    t->passed++;

    if (rc != AE_OK) {
        return;
    }

    t->quick++;
    state.time = to.time;
    state.count = to.count;
    assert_memory_equal(&state, &t->state, sizeof(state));

    ae_limit_report(&t->state, &t->use, &t->now);

    assert_true(use.remaining == t->use.remaining);
    assert_true(use.reset == t->use.reset);
    assert_true(use.charged == t->use.charged);
}


static void
test_steps(int large, uint64_t *quick, uint64_t *passed)
{
    int              i, k;
    test_quick_t     t;
    ae_limit_rule_t  rules[QUICK_RULES];

    memset(&t, 0, sizeof(t));

    for (i = 0; i < QUICK_STEPS; i++) {

        if (i % 200 == 0) {
            memset(&t.state, 0, sizeof(t.state));
            t.now.mono = test_number(50);
            t.now.wall = 1704067200000000000 + test_number(50);

            for (k = 0; k < QUICK_RULES; k++) {
                test_rule(&rules[k], large);
            }
        }

        /* one of them most often */

        k = (ae_random() % 20) ? 0 : ae_random() % QUICK_RULES;

        memset(&t.use, 0, sizeof(t.use));
        t.use.rule = rules[k];

        test_time(&t, &rules[k]);
        test_charge(&t);
    }

    *quick = t.quick;
    *passed = t.passed;
}


static void
test_quick_is_the_same(void **state)
{
    uint64_t  quick, passed;

    (void) state;

    test_steps(0, &quick, &passed);
    assert_true(passed > QUICK_STEPS / 10);
    assert_true(quick > passed / 3);
}


/* where products do not fit */

static void
test_quick_is_the_same_with_large_numbers(void **state)
{
    uint64_t  quick, passed;

    (void) state;

    test_steps(1, &quick, &passed);
    assert_true(passed > QUICK_STEPS / 10);
    assert_true(quick > passed / 10);
    assert_true(quick < passed);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_quick_is_the_same),
        cmocka_unit_test(test_quick_is_the_same_with_large_numbers),
    };

    ae_random_seed();
    alarm(60);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
