/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hammer.h"
#include "limit_help.h"
#include "step.h"
#include "table_check.h"


#define PROCS                4
#define PROCS_KEYS           8
#define PROCS_KILLS          300
#define PROCS_STEPS          20000
#define PROCS_NUMBERS        (1 << 22)      /* of a sequence */


typedef struct {
    ae_limits_t             *limits;
    ae_limit_use_t           use[PROCS_KEYS];
    uint64_t                 admitted[PROCS_KEYS];
    uint64_t                 tries;         /* of each process */
    uint64_t                 kills;
    const char              *wrong;
    long                     steps;
    long                     changing;      /* of them */
    uint8_t                  step[PROCS_STEPS];
    uint8_t                  seen[PROCS_KEYS][PROCS_NUMBERS];
} procs_t;


static procs_t *procs_new(size_t size);
static void procs_run(procs_t *p, hammer_pt work);
static uint64_t procs_used(procs_t *p, unsigned key);
static void procs_admit(procs_t *p, const ae_limit_use_t *use);
static void procs_take_one(void *ctx);
static void procs_take_clock(void *ctx);
static void procs_take_several(void *ctx);
static void procs_number(procs_t *p, unsigned key);
static void procs_sequence(void *ctx);
static void procs_uses(procs_t *p, ae_limit_use_t *uses, unsigned n);
static void procs_quota(procs_t *p);
static void procs_passing(procs_t *p);
static void procs_work(void *ctx);
static void procs_look(void *ctx);
static void procs_step_setup(procs_t *p);
static void procs_step_op(void *ctx);
static int procs_step_changing(const procs_t *p);
static void procs_step_look(void *ctx);
static void procs_step_check(procs_t *p);


static procs_t *
procs_new(size_t size)
{
    void     *mem;
    procs_t  *p;

    ae_now(&now);

    mem = hammer_memory(size);
    p = hammer_memory(sizeof(procs_t));

    p->limits = ae_limits_init(mem, size);
    assert_non_null(p->limits);

    return p;
}


/* in several processes until all come to an end */

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


static uint64_t
procs_used(procs_t *p, unsigned key)
{
    ae_limit_use_t  use;

    use = p->use[key];
    ae_limits_peek(p->limits, &use, &now);

    return use.rule.max - use.remaining;
}


static void
procs_admit(procs_t *p, const ae_limit_use_t *use)
{
    __atomic_fetch_add(&p->admitted[use->id.h[1]], 1, __ATOMIC_SEQ_CST);
}


/* ---- exactness ---- */

static void
procs_take_one(void *ctx)
{
    procs_t *p = ctx;

    uint64_t        i;
    ae_limit_use_t  use;

    for (i = 0; i < p->tries; i++) {
        use = p->use[0];

        if (take(p->limits, &use) == AE_OK) {
            procs_admit(p, &use);
        }
    }
}


static void
test_admitted_is_exact(void **state)
{
    procs_t          *p;
    uint64_t          max;
    ae_limit_mode_e   mode;

    (void) state;

    max = ae_steps(200000);

    for (mode = AE_LIMIT_GCRA; mode <= AE_LIMIT_FIXED; mode++) {

        p = procs_new(LIMITS_SIZE);
        p->use[0] = limits_use(0, mode, max, 1000 * SEC, max - 1);
        p->tries = max / 2;

        procs_run(p, procs_take_one);

        assert_int_equal(p->admitted[0], max);
    }
}


/* by the real clock, which every process reads for itself */

static void
procs_take_clock(void *ctx)
{
    procs_t *p = ctx;

    uint64_t        i;
    ae_limit_use_t  use;

    for (i = 0; i < p->tries; i++) {
        use = p->use[0];
        ae_now(&now);

        if (take(p->limits, &use) == AE_OK) {
            procs_admit(p, &use);
        }
    }
}


static void
test_admitted_by_the_clock(void **state)
{
    procs_t         *p;
    uint64_t         start, most;
    ae_limit_mode_e  mode;

    (void) state;

    for (mode = AE_LIMIT_GCRA; mode <= AE_LIMIT_FIXED; mode++) {

        p = procs_new(LIMITS_SIZE);
        p->use[0] = limits_use(0, mode, 1000, SEC / 1000, 500);
        p->tries = 200000;
        start = now.mono;

        procs_run(p, procs_take_clock);

        /* a million a second, and what may come at once */

        ae_now(&now);
        most = (now.mono - start) / 1000 + 1000 + 1;

        /* periods that have their places begin and end with parts of one */

        most += (mode == AE_LIMIT_FIXED) ? 1000 : 0;

        assert_true(p->admitted[0] <= most);
        assert_true(p->admitted[0] >= 1000);
    }
}


/* n of the keys in random order, one more than once */

static void
procs_uses(procs_t *p, ae_limit_use_t *uses, unsigned n)
{
    while (n-- > 0) {
        uses[n] = p->use[ae_random() % PROCS_KEYS];
    }
}


static void
procs_take_several(void *ctx)
{
    procs_t *p = ctx;

    size_t           refused;
    uint64_t         i;
    unsigned         k, n;
    ae_limit_use_t   uses[AE_LIMIT_USES];

    for (i = 0; i < p->tries; i++) {
        n = 1 + ae_random() % AE_LIMIT_USES;
        procs_uses(p, uses, n);

        if (ae_limits_take(p->limits, uses, n, &now, &refused) != AE_OK) {
            continue;
        }

        if (ae_random() % 4 == 0) {
            ae_limits_refund(p->limits, uses, n, &now);
            continue;
        }

        for (k = 0; k < n; k++) {
            procs_admit(p, &uses[k]);
        }
    }
}


/* locks of several shards in any order end in no embrace, charges agree */

static void
test_several_at_once(void **state)
{
    procs_t   *p;
    unsigned   key;

    (void) state;

    p = procs_new(LIMITS_SIZE);
    p->tries = 30000;

    for (key = 0; key < PROCS_KEYS; key++) {
        p->use[key] = limits_use(key, key % 2 ? AE_LIMIT_QUOTA
                                              : AE_LIMIT_WINDOW,
                                 40000 + key * 20000, 1000 * SEC, 0);
    }

    procs_run(p, procs_take_several);

    for (key = 0; key < PROCS_KEYS; key++) {
        assert_int_equal(p->admitted[key], procs_used(p, key));
        assert_true(p->admitted[key] <= p->use[key].rule.max);
    }

    assert_int_equal(p->admitted[0], p->use[0].rule.max);
}


static void
procs_number(procs_t *p, unsigned key)
{
    uint64_t  n;

    n = ae_limits_sequence(p->limits, limits_use(key, 0, 0, 0, 0).id);

    hammer_check(n != 0, "a sequence began with 0");

    if (n < PROCS_NUMBERS) {
        hammer_check(__atomic_fetch_add(&p->seen[key][n], 1, __ATOMIC_SEQ_CST)
                     == 0, "a number came twice");
    }
}


static void
procs_sequence(void *ctx)
{
    procs_t *p = ctx;

    uint64_t  i;

    for (i = 0; i < p->tries; i++) {
        procs_number(p, i % PROCS_KEYS);
    }
}


static void
test_numbers_come_once_and_all(void **state)
{
    procs_t   *p;
    uint64_t   i;
    unsigned   key;

    (void) state;

    p = procs_new(LIMITS_SIZE);
    p->tries = 100000;

    procs_run(p, procs_sequence);

    for (key = 0; key < PROCS_KEYS; key++) {
        for (i = 1; i <= PROCS * p->tries / PROCS_KEYS; i++) {
            assert_int_equal(p->seen[key][i], 1);
        }

        assert_int_equal(p->seen[key][i], 0);
    }
}


/* ---- deaths: quotas that are not renewed, some of them used up ---- */

static void
procs_quota(procs_t *p)
{
    size_t           refused;
    unsigned         k, n;
    ae_limit_use_t   uses[3];

    n = 1 + ae_random() % 3;
    procs_uses(p, uses, n);

    if (ae_limits_take(p->limits, uses, n, &now, &refused) != AE_OK) {
        return;
    }

    if (ae_random() % 4 == 0) {
        ae_limits_refund(p->limits, uses, n, &now);
        return;
    }

    for (k = 0; k < n; k++) {
        procs_admit(p, &uses[k]);
    }
}


/* keys that come and go, more than there is room for */

static void
procs_passing(procs_t *p)
{
    ae_limit_use_t  use;

    use = limits_use(1000 + ae_random() % 1000, ae_random() % 3, 2, 1000000,
                     0);

    (void) take(p->limits, &use);

    if (ae_random() % 8 == 0) {
        ae_limits_reset(p->limits, use.id);
    }
}


static void
procs_work(void *ctx)
{
    procs_t *p = ctx;

    for ( ;; ) {
        ae_now(&now);

        switch (ae_random() % 4) {

        case 0:
        case 1:
            procs_quota(p);
            break;

        case 2:
            procs_passing(p);
            break;

        default:
            procs_number(p, ae_random() % PROCS_KEYS);
            break;
        }
    }
}


static void
procs_look(void *ctx)
{
    procs_t *p = ctx;

    uint64_t     admitted;
    unsigned     key;
    const char  *wrong;

    p->kills++;
    ae_now(&now);
    wrong = NULL;

    for (key = 0; key < PROCS_KEYS; key++) {
        admitted = __atomic_load_n(&p->admitted[key], __ATOMIC_SEQ_CST);

        if (admitted > procs_used(p, key)) {
            wrong = "more were admitted than charged";
        }
    }

    if (p->kills % 16 == 0) {
        wrong = table_check(ae_limits_table(p->limits), p->limits->shards,
                            p->limits->entries, NULL, 0);
    }

    p->wrong = (wrong != NULL) ? wrong : p->wrong;
}


static void
test_random_deaths(void **state)
{
    procs_t   *p;
    uint64_t   lost;
    unsigned   key;

    (void) state;

    p = procs_new(64 * 1024);

    for (key = 0; key < PROCS_KEYS; key++) {
        p->use[key] = limits_use(key, AE_LIMIT_QUOTA,
                                 key % 2 ? 1000000000 : 20000 << key, 0, 0);
        assert_int_equal(take(p->limits, &p->use[key]), AE_OK);
        p->admitted[key]++;
    }

    assert_true(hammer(procs_work, procs_look, p, PROCS, PROCS_KILLS));

    assert_null(p->wrong);
    assert_null(table_check(ae_limits_table(p->limits), p->limits->shards,
                            p->limits->entries, NULL, 1));

    for (key = 0; key < PROCS_KEYS; key++) {
        assert_true(p->admitted[key] <= p->use[key].rule.max);
        assert_true(p->admitted[key] <= procs_used(p, key));

        /* of each that died, what it had charged and not told yet */

        lost = procs_used(p, key) - p->admitted[key];
        assert_true(lost <= 3 * (PROCS_KILLS + PROCS));
    }

    assert_true(p->admitted[1] > 1000);
}


/* two keys whose rules a take changes, and one that it makes */

static void
procs_step_setup(procs_t *p)
{
    int  i;

    p->use[0] = limits_use(1, AE_LIMIT_GCRA, 10, SEC, 100);
    p->use[1] = limits_use(2, AE_LIMIT_QUOTA, 100, 100 * SEC, 0);
    p->use[2] = limits_use(1, AE_LIMIT_GCRA, 3, 7 * SEC, 100);
    p->use[3] = limits_use(2, AE_LIMIT_QUOTA, 90, 200 * SEC, 0);
    p->use[4] = limits_use(3, AE_LIMIT_QUOTA, 90, 200 * SEC, 0);

    for (i = 0; i < 5; i++) {
        ae_limits_reset(p->limits, p->use[i].id);
    }

    for (i = 0; i < 50; i++) {
        assert_int_equal(take(p->limits, &p->use[0]), AE_OK);
        assert_int_equal(take(p->limits, &p->use[1]), AE_OK);
    }
}


static void
procs_step_op(void *ctx)
{
    procs_t *p = ctx;

    size_t  refused;

    (void) ae_limits_take(p->limits, &p->use[2], 3, &now, &refused);
}


/* a state is being changed */

static int
procs_step_changing(const procs_t *p)
{
    uint32_t  i;

    for (i = 0; i < p->limits->shards; i++) {
        if (ae_limits_shard(p->limits, i)->undo != 0) {
            return 1;
        }
    }

    return 0;
}


/* which instructions are worth a death */

static void
procs_step_look(void *ctx)
{
    procs_t *p = ctx;

    if (p->steps < PROCS_STEPS) {
        p->step[p->steps] = procs_step_changing(p);
        p->changing += p->step[p->steps++];
    }
}


/*
 * A state is what it was or what it is to be, never a mixture: one of the two
 * numbers of requests, and the time that belongs to it.
 */

static void
procs_step_check(procs_t *p)
{
    int       n;
    uint64_t  reset;

    n = 101 - left(p->limits, &p->use[2]);
    assert_in_range(n, 50, 51);

    /* 50 of backlog at 10 a second, in requests at 3 in 7 seconds */

    reset = (n * 7 * SEC + 2) / 3;
    assert_in_range(p->use[2].reset, reset, reset + 1);

    n = 90 - left(p->limits, &p->use[3]);
    assert_in_range(n, 50, 51);
    assert_int_equal(p->use[3].reset, 200 * SEC);

    n = 90 - left(p->limits, &p->use[4]);
    assert_in_range(n, 0, 1);

    assert_null(table_check(ae_limits_table(p->limits), p->limits->shards,
                            p->limits->entries, NULL, 1));
}


static void
test_death_at_an_instruction(void **state)
{
    long      i, of, hits;
    procs_t  *p;

    (void) state;

    p = procs_new(LIMITS_SIZE);
    procs_step_setup(p);

    if (step_each(procs_step_op, procs_step_look, p) == -1) {
        skip();
    }

    hits = 0;

    for (i = 0; i < p->steps; i++) {

        of = p->step[i] ? p->changing : p->steps - p->changing;

        if (of > 20 && ae_random() % of >= 20) {
            continue;
        }

        procs_step_setup(p);
        step_kill_at(procs_step_op, p, i + 1);

        hits += procs_step_changing(p);
        procs_step_check(p);
    }

    assert_true(hits >= 5);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_admitted_is_exact),
        cmocka_unit_test(test_admitted_by_the_clock),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_numbers_come_once_and_all),
        cmocka_unit_test(test_random_deaths),
        cmocka_unit_test(test_death_at_an_instruction),
    };

    ae_random_seed();
    alarm(100);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
