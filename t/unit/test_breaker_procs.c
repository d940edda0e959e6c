/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Many processes at one breaker, and what those leave that are killed in the
 * middle of something.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "breaker_help.h"
#include "hammer.h"
#include "step.h"


#define PROCS                64
#define PROCS_CALLS          5000
#define PROCS_KILLS          100
#define PROCS_PROBES         3
#define PROCS_STEPS          30             /* kills of each operation */


typedef struct {
    ae_breakers_t           *breakers;
    ae_breaker_rule_t        rule;
    ae_now_t                 now;
    uint64_t                 next;          /* step of the wait */
    uint64_t                 calls;
    uint64_t                 failures;
    uint64_t                 trips;
    uint64_t                 resets;
    uint64_t                 probing;       /* a bit each owner */
    uint64_t                 probes;
    uint64_t                 cpu;           /* ns, of who waited */
    uint64_t                 wall;
    ae_breaker_pass_t        pass;
    ae_breaker_outcome_e     outcome;
} procs_t;


/* of the next child: its own copy, however late it starts */
static uint32_t  procs_owner;


static procs_t *procs_new(void);
static void procs_run(procs_t *p, hammer_pt work);
static void procs_change(procs_t *p, ae_breaker_change_e change);
static ae_breaker_t *procs_breaker(procs_t *p);
static void procs_count(void *ctx);
static void procs_flap(void *ctx);
static void procs_probe(void *ctx);
static void procs_hold(void *ctx);
static uint64_t procs_clock(clockid_t clock);
static void procs_wait(void *ctx);
static void procs_start(procs_t *p);
static void procs_trip(procs_t *p);
static void procs_enter(void *ctx);
static void procs_leave(void *ctx);
static void procs_whole(procs_t *p, const ae_breaker_stat_t *before,
    const ae_breaker_stat_t *after);
static void procs_nothing(void *ctx);
static void procs_step(void (*prepare)(procs_t *p), step_pt op);
static void procs_new_one(procs_t *p);
static void procs_failure(procs_t *p);
static void procs_other_window(procs_t *p);
static void procs_later(procs_t *p);
static void procs_tripping(procs_t *p);
static void procs_open_over(procs_t *p);
static void procs_half_open(procs_t *p);
static void procs_closing(procs_t *p);
static void procs_reopening(procs_t *p);


static procs_t *
procs_new(void)
{
    procs_t  *p;

    p = hammer_memory(sizeof(procs_t));
    p->breakers = ae_breakers_init(hammer_memory(BREAKERS_SIZE),
                                   BREAKERS_SIZE);
    assert_non_null(p->breakers);

    ae_now(&p->now);
    p->rule = breaker_rule();

    return p;
}


static void
procs_run(procs_t *p, hammer_pt work)
{
    int    i;
    pid_t  pid[PROCS];

    for (i = 0; i < PROCS; i++) {
        pid[i] = hammer_start(work, p);
    }

    for (i = 0; i < PROCS; i++) {
        assert_true(hammer_wait(pid[i]));
    }
}


static void
procs_change(procs_t *p, ae_breaker_change_e change)
{
    if (change == AE_BREAKER_TRIPS) {
        __atomic_fetch_add(&p->trips, 1, __ATOMIC_SEQ_CST);
    }

    if (change == AE_BREAKER_RESETS) {
        __atomic_fetch_add(&p->resets, 1, __ATOMIC_SEQ_CST);
    }
}


static ae_breaker_t *
procs_breaker(procs_t *p)
{
    return ae_table_peek(ae_breakers_table(p->breakers), breaker_id(0));
}


/* ---- 64 at once ---- */

static void
procs_count(void *ctx)
{
    procs_t *p = ctx;

    uint64_t              i;
    ae_breaker_pass_t     pass;
    ae_breaker_outcome_e  outcome;

    for (i = 0; i < p->calls; i++) {
        outcome = (i % 16 == 0) ? AE_BREAKER_FAILURE : AE_BREAKER_SUCCESS;

        hammer_check(ae_breaker_enter(p->breakers, breaker_id(0), &p->rule,
                                      0, &p->now, &pass)
                     == AE_OK,
                     "enter");
        ae_breaker_leave(p->breakers, &p->rule, &pass, outcome, &p->now);
    }
}


static void
test_no_sample_is_lost(void **state)
{
    procs_t            *p;
    ae_breaker_stat_t   st;

    (void) state;

    p = procs_new();
    p->rule.threshold = 1000000;
    p->calls = ae_steps(PROCS_CALLS) / 16 * 16;

    procs_run(p, procs_count);

    assert_int_equal(ae_breaker_stat(p->breakers, breaker_id(0), &p->now,
                                     &st),
                     AE_OK);
    assert_int_equal(st.samples, PROCS * p->calls);
    assert_int_equal(st.failures, PROCS * p->calls / 16);
}


/* opens for a moment at each failure, closes at each success after it */

static void
procs_flap(void *ctx)
{
    procs_t *p = ctx;

    uint64_t              i;
    ae_now_t              moment;
    ae_breaker_pass_t     pass;
    ae_breaker_outcome_e  outcome;

    for (i = 0; i < p->calls; i++) {
        ae_now(&moment);

        if (ae_breaker_enter(p->breakers, breaker_id(0), &p->rule, 0,
                             &moment, &pass)
            == AE_DECLINED)
        {
            continue;
        }

        procs_change(p, pass.change);

        outcome = ae_random() % 3 ? AE_BREAKER_SUCCESS : AE_BREAKER_FAILURE;
        ae_breaker_leave(p->breakers, &p->rule, &pass, outcome, &moment);
        procs_change(p, pass.change);
    }
}


/* each open ends in one half open; all of them are steps of the epoch */

static void
test_each_transition_is_told_once(void **state)
{
    uint64_t       word, half;
    procs_t       *p;

    (void) state;

    p = procs_new();
    p->calls = ae_steps(PROCS_CALLS);
    p->rule.threshold = 1;
    p->rule.samples = 1;
    p->rule.open = 1000;
    p->rule.lease = 10 * SEC;

    procs_run(p, procs_flap);

    word = procs_breaker(p)->word;
    half = p->trips - (ae_breaker_state(word) == AE_BREAKER_OPEN);

    printf("%llu trips, %llu resets told\n", (unsigned long long) p->trips,
           (unsigned long long) p->resets);

    assert_int_not_equal(p->trips, 0);
    assert_int_not_equal(p->resets, 0);
    assert_int_equal(ae_breaker_epoch(word), 1 + p->trips + p->resets + half);
}


/* ---- deaths in the middle of probes ---- */

static void
procs_probe(void *ctx)
{
    procs_t *p = ctx;

    uint32_t              owner;
    uint64_t              bit, probing;
    ae_now_t              moment;
    ae_breaker_pass_t     pass;
    ae_breaker_outcome_e  outcome;

    owner = procs_owner;
    bit = (uint64_t) 1 << owner;

    for ( ;; ) {
        ae_now(&moment);

        if (ae_breaker_enter(p->breakers, breaker_id(0), &p->rule, owner,
                             &moment, &pass)
            == AE_DECLINED)
        {
            continue;
        }

        if (pass.probe != 0) {
            probing = __atomic_or_fetch(&p->probing, bit, __ATOMIC_SEQ_CST);
            hammer_check(__builtin_popcountll(probing) <= PROCS_PROBES,
                         "too many probes at once");
            __atomic_fetch_add(&p->probes, 1, __ATOMIC_SEQ_CST);
        }

        outcome = ae_random() % 8 ? AE_BREAKER_SUCCESS : AE_BREAKER_FAILURE;

        __atomic_fetch_and(&p->probing, ~bit, __ATOMIC_SEQ_CST);
        ae_breaker_leave(p->breakers, &p->rule, &pass, outcome, &moment);
    }
}


static void
test_probes_of_the_dead(void **state)
{
    int                 i, n;
    long                kills;
    pid_t               pid[8];
    procs_t            *p;
    struct timespec     pause;
    ae_breaker_stat_t   st;

    (void) state;

    p = procs_new();
    p->rule.threshold = 1;
    p->rule.samples = 1;
    p->rule.open = 1000;
    p->rule.half_open = PROCS_PROBES;
    p->rule.lease = 1000 * SEC;

    /* the breaker is there before the first of them comes to run */

    procs_enter(p);
    p->outcome = AE_BREAKER_SUCCESS;
    procs_leave(p);

    for (i = 0; i < 8; i++) {
        procs_owner = i;
        pid[i] = hammer_start(procs_probe, p);
    }

    for (kills = ae_steps(PROCS_KILLS); kills > 0; kills--) {
        pause.tv_sec = 0;
        pause.tv_nsec = 50000 + ae_random() % 3000000;
        nanosleep(&pause, NULL);

        n = ae_random() % 8;
        assert_true(hammer_kill(pid[n]));

        __atomic_fetch_and(&p->probing, ~((uint64_t) 1 << n),
                           __ATOMIC_SEQ_CST);
        ae_breakers_adopt(p->breakers, n);

        ae_now(&p->now);
        assert_int_equal(ae_breaker_stat(p->breakers, breaker_id(0),
                                         &p->now, &st),
                         AE_OK);
        assert_true(st.probes <= PROCS_PROBES);
        assert_true(st.failures + st.slow <= st.samples);

        procs_owner = n;
        pid[n] = hammer_start(procs_probe, p);
    }

    for (i = 0; i < 8; i++) {
        assert_true(hammer_kill(pid[i]));
        ae_breakers_adopt(p->breakers, i);
    }

    assert_int_equal(ae_breaker_probes(procs_breaker(p), &p->now), 0);
    assert_int_not_equal(p->probes, 0);
    printf("%llu probes\n", (unsigned long long) p->probes);
}


/* ---- waiting for who is dead ---- */

static void
procs_hold(void *ctx)
{
    procs_t *p = ctx;

    ae_table_t  *table;

    table = ae_breakers_table(p->breakers);
    ae_table_lock(table, ae_table_shard(table, breaker_id(0)));

    p->next = 1;

    for ( ;; ) {
        (void) pause();
    }
}


static uint64_t
procs_clock(clockid_t clock)
{
    struct timespec  ts;

    clock_gettime(clock, &ts);

    return ts.tv_sec * SEC + ts.tv_nsec;
}


static void
procs_wait(void *ctx)
{
    procs_t *p = ctx;

    ae_breaker_pass_t  pass;

    pass = p->pass;

    p->wall = procs_clock(CLOCK_MONOTONIC);
    p->cpu = procs_clock(CLOCK_PROCESS_CPUTIME_ID);
    __atomic_store_n(&p->next, 2, __ATOMIC_SEQ_CST);

    ae_breaker_leave(p->breakers, &p->rule, &pass, AE_BREAKER_FAILURE,
                     &p->now);

    p->cpu = procs_clock(CLOCK_PROCESS_CPUTIME_ID) - p->cpu;
    p->wall = procs_clock(CLOCK_MONOTONIC) - p->wall;
}


static void
test_wait_for_the_dead(void **state)
{
    pid_t                holder, waiter;
    procs_t             *p;
    struct timespec      pause;
    ae_breaker_stat_t    st;

    (void) state;

    p = procs_new();
    pause.tv_sec = 0;
    pause.tv_nsec = 50000000;

    assert_int_equal(ae_breaker_enter(p->breakers, breaker_id(0), &p->rule,
                                      0, &p->now, &p->pass),
                     AE_OK);

    holder = hammer_start(procs_hold, p);

    while (__atomic_load_n(&p->next, __ATOMIC_SEQ_CST) != 1) {
        nanosleep(&pause, NULL);
    }

    waiter = hammer_start(procs_wait, p);

    while (__atomic_load_n(&p->next, __ATOMIC_SEQ_CST) != 2) {
        nanosleep(&pause, NULL);
    }

    nanosleep(&pause, NULL);
    assert_true(hammer_kill(holder));
    assert_true(hammer_wait(waiter));

    printf("waited %llu us, %llu us of CPU time\n",
           (unsigned long long) p->wall / 1000,
           (unsigned long long) p->cpu / 1000);

    assert_true(p->cpu < SEC / 1000);

    assert_int_equal(ae_breaker_stat(p->breakers, breaker_id(0), &p->now,
                                     &st),
                     AE_OK);
    assert_int_equal(st.failures, 1);
}


/* ---- deaths at an instruction ---- */

static void
procs_start(procs_t *p)
{
    p->rule = breaker_rule();
    p->now.mono = 1000 * SEC;
    p->outcome = AE_BREAKER_FAILURE;

    memset(p->breakers, 0, BREAKERS_SIZE);
    assert_non_null(ae_breakers_init(p->breakers, BREAKERS_SIZE));
}


static void
procs_enter(void *ctx)
{
    procs_t *p = ctx;

    (void) ae_breaker_enter(p->breakers, breaker_id(0), &p->rule, OWNER,
                            &p->now, &p->pass);
}


static void
procs_leave(void *ctx)
{
    procs_t *p = ctx;

    ae_breaker_leave(p->breakers, &p->rule, &p->pass, p->outcome, &p->now);
}


static void
procs_trip(procs_t *p)
{
    int  i;

    for (i = 0; i < 4; i++) {
        procs_enter(p);
        procs_leave(p);
    }

    assert_int_equal(p->pass.change, AE_BREAKER_TRIPS);
}


static void
procs_new_one(procs_t *p)
{
    (void) p;
}


static void
procs_failure(procs_t *p)
{
    procs_enter(p);
}


static void
procs_other_window(procs_t *p)
{
    procs_enter(p);
    procs_leave(p);
    procs_enter(p);
    p->rule.window = SEC;
}


static void
procs_later(procs_t *p)
{
    procs_enter(p);
    procs_leave(p);
    p->now.mono += 4 * SEC;
    procs_enter(p);
    procs_leave(p);
    p->now.mono += 7 * SEC;
    procs_enter(p);
}


static void
procs_tripping(procs_t *p)
{
    p->rule.samples = 2;
    procs_enter(p);
    procs_leave(p);
    procs_enter(p);
}


static void
procs_open_over(procs_t *p)
{
    procs_trip(p);
    p->now.mono += 36 * SEC;
}


static void
procs_half_open(procs_t *p)
{
    procs_open_over(p);
    procs_enter(p);
    assert_int_not_equal(p->pass.probe, 0);
}


static void
procs_closing(procs_t *p)
{
    procs_half_open(p);
    p->rule.half_open = 1;
    p->outcome = AE_BREAKER_SUCCESS;
}


static void
procs_reopening(procs_t *p)
{
    procs_half_open(p);
}


/* as it was, or as it is when all is done; a sample may have lost its kind,
 * a window its samples, and a success may be counted without what it leads to
 * or not at all */

static void
procs_whole(procs_t *p, const ae_breaker_stat_t *before,
    const ae_breaker_stat_t *after)
{
    int                 i;
    ae_breaker_stat_t   st;

    memset(&st, 0, sizeof(st));
    (void) ae_breaker_stat(p->breakers, breaker_id(0), &p->now, &st);

    assert_true(st.state == before->state || st.state == after->state);
    assert_true(st.opened == before->opened || st.opened == after->opened);
    assert_true(st.failures + st.slow <= st.samples);
    assert_true(st.samples <= before->samples + 1);

    /* nothing that the dead one had is in the way */

    ae_breakers_adopt(p->breakers, OWNER);

    p->now.mono += 60 * SEC;
    p->rule = breaker_rule();
    p->outcome = AE_BREAKER_SUCCESS;

    for (i = 0; i < 3; i++) {
        procs_enter(p);
        procs_leave(p);
    }

    assert_int_equal(p->pass.state, AE_BREAKER_CLOSED);

    p->now.mono += 60 * SEC;
    p->outcome = AE_BREAKER_FAILURE;
    procs_trip(p);
}


static void
procs_step(void (*prepare)(procs_t *p), step_pt op)
{
    long                n, at, of;
    procs_t            *p;
    ae_breaker_stat_t   before, after;

    p = procs_new();
    memset(&before, 0, sizeof(before));
    memset(&after, 0, sizeof(after));

    procs_start(p);
    prepare(p);
    (void) ae_breaker_stat(p->breakers, breaker_id(0), &p->now, &before);
    op(p);
    (void) ae_breaker_stat(p->breakers, breaker_id(0), &p->now, &after);

    /* how many instructions */

    procs_start(p);
    prepare(p);

    of = step_each(op, procs_nothing, p);

    if (of == -1) {
        skip();
    }

    for (n = 0; n < ae_steps(PROCS_STEPS) && n < of; n++) {
        at = (of <= ae_steps(PROCS_STEPS)) ? n : (long) (ae_random() % of);

        procs_start(p);
        prepare(p);
        (void) step_kill_at(op, p, at + 1);

        procs_whole(p, &before, &after);
    }
}


static void
procs_nothing(void *ctx)
{
    (void) ctx;
}


static void
test_death_at_an_instruction(void **state)
{
    (void) state;

    procs_step(procs_new_one, procs_enter);
    procs_step(procs_failure, procs_leave);
    procs_step(procs_other_window, procs_leave);
    procs_step(procs_later, procs_leave);
    procs_step(procs_tripping, procs_leave);
    procs_step(procs_open_over, procs_enter);
    procs_step(procs_half_open, procs_enter);
    procs_step(procs_closing, procs_leave);
    procs_step(procs_reopening, procs_leave);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_no_sample_is_lost),
        cmocka_unit_test(test_each_transition_is_told_once),
        cmocka_unit_test(test_probes_of_the_dead),
        cmocka_unit_test(test_wait_for_the_dead),
        cmocka_unit_test(test_death_at_an_instruction),
    };

    ae_random_seed();
    alarm(100);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
