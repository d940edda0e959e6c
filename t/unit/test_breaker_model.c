/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Random requests, rules, clocks and deaths against the model, by several
 * processes in turn.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "breaker_model.h"
#include "hammer.h"


#define SEC                  1000000000ull

#define TRACE_SIZE           (256 * 1024)
#define TRACE_BREAKERS       4
#define TRACE_PASSES         48
#define TRACE_OWNERS         5
#define TRACE_PROCS          4
#define TRACE_STEPS          1500000
#define TRACE_TURN           500


typedef struct {
    int                      used;
    int                      breaker;
    uint32_t                 owner;
    ae_breaker_pass_t        real;
    model_pass_t             model;
} trace_pass_t;


typedef struct {
    ae_lock_t                lock;
    ae_breakers_t           *breakers;
    ae_now_t                 now;
    uint64_t                 steps;         /* left */
    uint64_t                 seen[5];       /* requests by state */
    uint64_t                 changes[3];
    uint64_t                 probes;
    ae_breaker_rule_t        rule[TRACE_BREAKERS];
    trace_pass_t             pass[TRACE_PASSES];
    model_t                  model[TRACE_BREAKERS];
} trace_t;


static ae_id_t trace_id(int breaker);
static uint64_t trace_pick(const uint64_t *list, size_t n);
static void trace_rule(ae_breaker_rule_t *rule);
static void trace_clock(trace_t *tr);
static ae_now_t trace_now(const trace_t *tr);
static void trace_opened(trace_t *tr, int breaker, const ae_now_t *now);
static void trace_enter(trace_t *tr, trace_pass_t *pass);
static void trace_leave(trace_t *tr, trace_pass_t *pass);
static void trace_force(trace_t *tr, int breaker);
static void trace_adopt(trace_t *tr);
static void trace_stat(trace_t *tr, int breaker);
static void trace_step(trace_t *tr);
static void trace_work(void *ctx);


#define trace_one_of(...)                                                     \
    trace_pick((const uint64_t[]) { __VA_ARGS__ },                            \
               sizeof((const uint64_t[]) { __VA_ARGS__ }) / sizeof(uint64_t))


static ae_id_t
trace_id(int breaker)
{
    return (ae_id_t) { { (breaker + 1) * 0x9e3779b97f4a7c15, breaker + 1 } };
}


static uint64_t
trace_pick(const uint64_t *list, size_t n)
{
    return list[ae_random() % n];
}


static void
trace_rule(ae_breaker_rule_t *rule)
{
    rule->threshold = trace_one_of(1, 100000, 333333, 500000, 900000,
                                   1000000);
    rule->slow_threshold = trace_one_of(0, 0, 1, 600000, 1000000);
    rule->samples = trace_one_of(1, 2, 3, 10, 20);
    rule->half_open = trace_one_of(0, 1, 2, 3, 7, 64);
    rule->window = trace_one_of(10, 1000, SEC, 10 * SEC, 60 * SEC);
    rule->open = trace_one_of(64, SEC, 5 * SEC, 30 * SEC);
    rule->lease = trace_one_of(1, SEC / 10, SEC, 10 * SEC, 600 * SEC);
}


/* mostly about where something happens */

static void
trace_clock(trace_t *tr)
{
    uint64_t  ns;

    ns = trace_one_of(0, 0, 0, 1, 7, SEC / 100, SEC / 10, SEC / 2, SEC,
                      SEC, 3 * SEC, 9 * SEC, 40 * SEC);

    if (ae_random() % 4 == 0) {
        ns += ae_random() % SEC;
    }

    if (ae_random() % 5000 == 0) {
        ns = ae_random() % (20000 * SEC);
    }

    tr->now.mono += ns;
}


/* as this process has it: some are late, and the wall clock is anywhere */

static ae_now_t
trace_now(const trace_t *tr)
{
    ae_now_t  now;

    now = tr->now;
    now.wall = ae_random();

    if (ae_random() % 8 == 0) {
        now.mono -= ae_random() % (2 * SEC);
    }

    return now;
}


static void
trace_opened(trace_t *tr, int breaker, const ae_now_t *now)
{
    ae_breaker_stat_t  st;

    hammer_check(ae_breaker_stat(tr->breakers, trace_id(breaker), now, &st)
                 == AE_OK
                 && st.state == AE_BREAKER_OPEN
                 && model_open_for(&tr->model[breaker],
                                   tr->rule[breaker].open, st.retry),
                 "how long it is open");

    tr->model[breaker].until = now->mono + st.retry;
}


static void
trace_enter(trace_t *tr, trace_pass_t *pass)
{
    int                   rc;
    model_t              *m;
    ae_now_t              now;
    ae_breaker_change_e   change;

    now = trace_now(tr);
    m = &tr->model[pass->breaker];

    rc = ae_breaker_enter(tr->breakers, trace_id(pass->breaker),
                          &tr->rule[pass->breaker], pass->owner, &now,
                          &pass->real);

    hammer_check(rc == model_enter(m, &tr->rule[pass->breaker], pass->owner,
                                   now.mono, &pass->model, &change),
                 "who may enter");

    hammer_check(pass->real.state == m->state, "state after enter");
    hammer_check(pass->real.change == change, "change by enter");
    hammer_check((pass->real.probe != 0) == (pass->model.lease != 0),
                 "what is a probe");

    if (rc == AE_DECLINED && m->state == AE_BREAKER_OPEN) {
        hammer_check(pass->real.retry == m->until - now.mono, "retry");

    } else {
        hammer_check((pass->real.retry != 0) == (rc == AE_DECLINED),
                     "retry of what is not open");
    }

    pass->used = (rc == AE_OK);
    tr->seen[m->state]++;
    tr->changes[change]++;
    tr->probes += (pass->model.lease != 0);
}


static void
trace_leave(trace_t *tr, trace_pass_t *pass)
{
    model_t               *m;
    ae_now_t               now;
    ae_breaker_rule_t     *rule;
    ae_breaker_change_e    change;
    ae_breaker_outcome_e   outcome;

    now = trace_now(tr);
    rule = &tr->rule[pass->breaker];
    m = &tr->model[pass->breaker];
    outcome = trace_one_of(AE_BREAKER_SUCCESS, AE_BREAKER_SUCCESS,
                           AE_BREAKER_FAILURE, AE_BREAKER_SLOW,
                           AE_BREAKER_NONE);

    ae_breaker_leave(tr->breakers, rule, &pass->real, outcome, &now);
    change = model_leave(m, rule, &pass->model, outcome, now.mono);

    hammer_check(pass->real.change == change, "change by leave");
    hammer_check(pass->real.state == m->state, "state after leave");

    if (change == AE_BREAKER_TRIPS) {
        trace_opened(tr, pass->breaker, &now);
    }

    pass->used = 0;
    tr->changes[change]++;
}


static void
trace_force(trace_t *tr, int breaker)
{
    ae_now_t             now;
    ae_breaker_state_e   state;
    ae_breaker_change_e  change;

    now = trace_now(tr);
    state = trace_one_of(AE_BREAKER_CLOSED, AE_BREAKER_CLOSED,
                         AE_BREAKER_FORCED_OPEN, AE_BREAKER_FORCED_CLOSED);

    hammer_check(ae_breaker_force(tr->breakers, trace_id(breaker), state,
                                  &now, &change)
                 == AE_OK,
                 "force");

    hammer_check(change == model_force(&tr->model[breaker], state, now.mono),
                 "change by force");
}


static void
trace_adopt(trace_t *tr)
{
    int       i;
    uint32_t  owner;

    owner = ae_random() % TRACE_OWNERS;

    ae_breakers_adopt(tr->breakers, owner);

    for (i = 0; i < TRACE_BREAKERS; i++) {
        model_adopt(&tr->model[i], owner);
    }

    for (i = 0; i < TRACE_PASSES; i++) {
        if (tr->pass[i].owner == owner && ae_random() % 2) {
            tr->pass[i].used = 0;
        }
    }
}


static void
trace_stat(trace_t *tr, int breaker)
{
    int                 rc;
    double              all, failed, slow;
    model_t            *m;
    ae_now_t            now;
    ae_breaker_stat_t   st;

    now = trace_now(tr);
    m = &tr->model[breaker];

    rc = ae_breaker_stat(tr->breakers, trace_id(breaker), &now, &st);

    hammer_check(rc == (m->known ? AE_OK : AE_DECLINED), "what is known");

    if (rc == AE_DECLINED) {
        return;
    }

    if (m->state == AE_BREAKER_CLOSED) {
        model_at(m, now.mono);
    }

    model_sum(m, &all, &failed, &slow);

    hammer_check(st.state == m->state, "state");
    hammer_check(st.opened == m->opened, "opened");
    hammer_check(st.samples == all, "samples");
    hammer_check(st.failures == failed, "failures");
    hammer_check(st.slow == slow, "slow ones");
    hammer_check((int) st.probes == model_probes(m, now.mono, 0), "probes");
    hammer_check(st.probes <= AE_BREAKER_PROBES, "number of probes");
}


static void
trace_step(trace_t *tr)
{
    int            breaker;
    trace_pass_t  *pass;

    trace_clock(tr);

    breaker = ae_random() % TRACE_BREAKERS;

    switch (ae_random() % 1000) {

    case 0:
    case 1:
        trace_force(tr, breaker);
        return;

    case 2:
    case 3:
        trace_adopt(tr);
        return;

    case 4:
    case 5:
    case 6:
        trace_rule(&tr->rule[breaker]);
        return;
    }

    pass = &tr->pass[ae_random() % TRACE_PASSES];

    if (pass->used) {
        trace_leave(tr, pass);

    } else {
        pass->breaker = breaker;
        pass->owner = ae_random() % TRACE_OWNERS;
        trace_enter(tr, pass);
    }

    if (ae_random() % 4 == 0) {
        trace_stat(tr, breaker);
    }
}


static void
trace_work(void *ctx)
{
    trace_t *tr = ctx;

    int  i, more;

    do {
        (void) ae_lock(&tr->lock);

        for (i = 0; i < TRACE_TURN && tr->steps != 0; i++) {
            tr->steps--;
            trace_step(tr);
        }

        more = (tr->steps != 0);
        ae_unlock(&tr->lock);

    } while (more);
}


static void
test_as_the_model(void **state)
{
    int       i;
    void     *mem;
    pid_t     pid[TRACE_PROCS];
    trace_t  *tr;

    (void) state;

    mem = hammer_memory(TRACE_SIZE);
    tr = hammer_memory(sizeof(trace_t));

    assert_int_equal(ae_lock_init(&tr->lock), AE_OK);

    tr->breakers = ae_breakers_init(mem, TRACE_SIZE);
    tr->now.mono = 5000 * SEC;
    tr->steps = ae_steps(TRACE_STEPS);

    for (i = 0; i < TRACE_BREAKERS; i++) {
        trace_rule(&tr->rule[i]);
    }

    for (i = 0; i < TRACE_PROCS; i++) {
        pid[i] = hammer_start(trace_work, tr);
    }

    for (i = 0; i < TRACE_PROCS; i++) {
        assert_true(hammer_wait(pid[i]));
    }

    /* it has been everywhere */

    for (i = 0; i <= AE_BREAKER_FORCED_CLOSED; i++) {
        assert_int_not_equal(tr->seen[i], 0);
    }

    printf("enters: closed %llu, open %llu, half open %llu; probes %llu, "
           "trips %llu, resets %llu\n",
           (unsigned long long) tr->seen[AE_BREAKER_CLOSED],
           (unsigned long long) tr->seen[AE_BREAKER_OPEN],
           (unsigned long long) tr->seen[AE_BREAKER_HALF_OPEN],
           (unsigned long long) tr->probes,
           (unsigned long long) tr->changes[AE_BREAKER_TRIPS],
           (unsigned long long) tr->changes[AE_BREAKER_RESETS]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_as_the_model),
    };

    ae_random_seed();
    alarm(600);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
