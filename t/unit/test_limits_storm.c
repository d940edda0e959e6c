/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * As many processes as a large machine has at one key, the death of one that
 * holds its lock, and keys without end.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hammer.h"
#include "limit_help.h"
#include "random.h"


#define STORM_PROCS          64
#define STORM_STEPS          640000         /* of all processes */
#define STORM_ZONE           (64 * 1024 * 1024)

/* CPU time that a waiter may use up, in ns */

#if (defined __SANITIZE_ADDRESS__)
#define STORM_WAIT           20000000
#else
#define STORM_WAIT           1000000
#endif

#define STORM_OLD            200            /* keys */
#define STORM_ALLOWANCE      10


typedef struct {
    ae_limits_t             *limits;
    ae_limit_use_t           use;
    ae_now_t                 now;
    uint64_t                 tries;         /* of each process */
    uint64_t                 admitted;
    uint32_t                 ready;
    uint32_t                 held;
    uint32_t                 next;
    uint64_t                 cpu[STORM_PROCS];      /* ns in the wait */
    uint64_t                 wall[STORM_PROCS];
    uint64_t                 killed;                /* when */
} storm_t;


static storm_t *storm_new(size_t size);
static void storm_run(storm_t *s, hammer_pt work, pid_t *pid);
static void storm_end(pid_t *pid);
static void storm_take(void *ctx);
static void storm_hold(void *ctx);
static void storm_wait(void *ctx);
static uint64_t storm_cpu(void);
static void storm_until(uint32_t *n, uint32_t least);
static void storm_old(storm_t *s, uint64_t key, uint64_t *admitted);


static storm_t *
storm_new(size_t size)
{
    storm_t  *s;

    s = hammer_memory(sizeof(storm_t));
    s->limits = ae_limits_init(hammer_memory(size), size);
    assert_non_null(s->limits);

    ae_now(&s->now);
    now = s->now;

    return s;
}


static void
storm_run(storm_t *s, hammer_pt work, pid_t *pid)
{
    int  i;

    for (i = 0; i < STORM_PROCS; i++) {
        pid[i] = hammer_start(work, s);
    }
}


static void
storm_end(pid_t *pid)
{
    int  i;

    for (i = 0; i < STORM_PROCS; i++) {
        assert_true(hammer_wait(pid[i]));
    }
}


static void
storm_until(uint32_t *n, uint32_t least)
{
    struct timespec  pause;

    pause.tv_sec = 0;
    pause.tv_nsec = 1000000;

    while (__atomic_load_n(n, __ATOMIC_SEQ_CST) < least) {
        nanosleep(&pause, NULL);
    }
}


static uint64_t
storm_cpu(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return ts.tv_sec * SEC + ts.tv_nsec;
}


/* ---- one key ---- */

static void
storm_take(void *ctx)
{
    storm_t *s = ctx;

    size_t          refused;
    uint64_t        i, n;
    ae_limit_use_t  use;

    n = 0;

    for (i = 0; i < s->tries; i++) {
        use = s->use;

        if (ae_limits_take(s->limits, &use, 1, &s->now, &refused) != AE_OK) {
            continue;
        }

        n++;

        if (i % 8 == 0) {
            ae_limits_refund(s->limits, &use, 1, &s->now);
            n--;
        }
    }

    __atomic_fetch_add(&s->admitted, n, __ATOMIC_SEQ_CST);
}


/* every charge and every refund of all of them counts */

static void
test_no_update_is_lost(void **state)
{
    int              more;
    pid_t            pid[STORM_PROCS];
    storm_t         *s;
    uint64_t         tries, max;
    ae_limit_mode_e  mode;

    (void) state;

    for (mode = AE_LIMIT_GCRA; mode <= AE_LIMIT_FIXED; mode++) {
        for (more = 0; more < 2; more++) {
            s = storm_new(LIMITS_SIZE);
            s->tries = (ae_steps(STORM_STEPS) / STORM_PROCS + 7) / 8 * 8;

            /* with room for all, and used up on the way */

            tries = STORM_PROCS * s->tries;
            max = more ? tries + 5 : tries / 3;

            s->use = limits_use(1, mode, max, 100000 * SEC, max - 1);

            storm_run(s, storm_take, pid);
            storm_end(pid);

            assert_int_equal(s->admitted, more ? tries / 8 * 7 : max);

            now = s->now;
            assert_int_equal(left(s->limits, &s->use), max - s->admitted);
        }
    }
}


/* ---- a death ---- */


/* in the middle of a change, and never heard of again */

static void
storm_hold(void *ctx)
{
    storm_t *s = ctx;

    uint32_t            shard;
    ae_limit_state_t   *stored;
    ae_limits_shard_t  *sh;

    shard = ae_table_shard(ae_limits_table(s->limits), s->use.id);
    sh = ae_limits_lock(s->limits, shard);

    stored = ae_table_find(ae_limits_table(s->limits), s->use.id);
    hammer_check(stored != NULL, "no counter");

    sh->old = *stored;
    sh->undo = (char *) stored - (char *) s->limits;
    memset(stored, 0xa5, sizeof(ae_limit_state_t) / 2);

    __atomic_store_n(&s->held, 1, __ATOMIC_SEQ_CST);

    for ( ;; ) {
        pause();
    }
}


static void
storm_wait(void *ctx)
{
    storm_t *s = ctx;

    size_t          refused;
    uint32_t        i;
    uint64_t        cpu;
    ae_now_t        end;
    ae_limit_use_t  use;

    use = s->use;
    i = __atomic_fetch_add(&s->next, 1, __ATOMIC_SEQ_CST);

    cpu = storm_cpu();
    __atomic_fetch_add(&s->ready, 1, __ATOMIC_SEQ_CST);

    hammer_check(ae_limits_take(s->limits, &use, 1, &s->now, &refused)
                 == AE_OK, "refused");

    s->cpu[i] = storm_cpu() - cpu;
    ae_now(&end);
    s->wall[i] = end.mono - s->killed;

}


static void
test_wait_on_the_dead(void **state)
{
    int              i;
    pid_t            holder, pid[STORM_PROCS];
    storm_t         *s;
    uint64_t         cpu, wall, key;
    ae_now_t         moment;
    ae_limit_use_t   use;
    struct timespec  pause;

    (void) state;

    s = storm_new(STORM_ZONE);
    s->use = limits_use(1, AE_LIMIT_QUOTA, 1000, 0, 0);

    /* a full shard is what takes longest to make whole again */

    for (key = 2; key < 200000; key++) {
        use = limits_use(key, AE_LIMIT_QUOTA, 10, 0, 0);
        (void) take(s->limits, &use);
    }

    assert_int_equal(take(s->limits, &s->use), AE_OK);

    holder = hammer_start(storm_hold, s);
    storm_until(&s->held, 1);

    storm_run(s, storm_wait, pid);
    storm_until(&s->ready, STORM_PROCS);

    /* they wait, and not by turning */

    pause.tv_sec = 0;
    pause.tv_nsec = 100000000;
    nanosleep(&pause, NULL);

    ae_now(&moment);
    s->killed = moment.mono;
    assert_true(hammer_kill(holder));
    storm_end(pid);

    cpu = 0;
    wall = 0;

    for (i = 0; i < STORM_PROCS; i++) {
        cpu = (s->cpu[i] > cpu) ? s->cpu[i] : cpu;
        wall = (s->wall[i] > wall) ? s->wall[i] : wall;
    }

    printf("limits, %d waiters on a dead one: %lu us of CPU at most, %lu us "
           "until the last went on\n", STORM_PROCS, cpu / 1000, wall / 1000);

    assert_true(cpu < STORM_WAIT);
    assert_int_equal(left(s->limits, &s->use), 1000 - 1 - STORM_PROCS);
}


/* ---- keys without end ---- */

static void
storm_old(storm_t *s, uint64_t key, uint64_t *admitted)
{
    ae_limit_use_t  use;

    use = limits_use(key, key % 2 ? AE_LIMIT_QUOTA : AE_LIMIT_FIXED,
                     STORM_ALLOWANCE, key % 2 ? 0 : 1ull << 60, 0);

    admitted[key] += (take(s->limits, &use) == AE_OK);
    assert_int_equal(use.overflow, 0);
}


static void
test_keys_without_end(void **state)
{
    long               n, turns;
    storm_t           *s;
    uint64_t           cpu, key, admitted[STORM_OLD];
    ae_limit_use_t     use;
    ae_limits_stat_t   st;

    (void) state;

    s = storm_new(LIMITS_SIZE);
    turns = ae_steps(2000000);
    memset(admitted, 0, sizeof(admitted));

    for (key = 0; key < STORM_OLD; key++) {
        storm_old(s, key, admitted);
    }

    cpu = storm_cpu();

    for (n = 0; n < turns; n++) {

        /* some that soon are as new, some that stay */

        key = STORM_OLD + ae_random() % (1ull << 60);
        use = limits_use(key, ae_random() % 4, 1 + ae_random() % 10,
                         ae_random() % 2 ? 1000000 : 1000 * SEC, 0);
        (void) take(s->limits, &use);
        pass(1000);

        if (n % 64 == 0) {
            storm_old(s, ae_random() % STORM_OLD, admitted);
        }
    }

    cpu = storm_cpu() - cpu;
    ae_limits_stat(s->limits, &st);

    printf("limits, %ld new keys: %lu ns of CPU a take, %u of %u entries, "
           "%lu in shared ones\n", turns, cpu / turns, st.used, st.entries,
           st.overflows);

    assert_true(st.used <= st.entries);
    assert_true(cpu / turns < 20 * STORM_WAIT / 1000);

    for (key = 0; key < STORM_OLD; key++) {
        assert_true(admitted[key] <= STORM_ALLOWANCE);
        assert_true(turns < 1000000 || admitted[key] == STORM_ALLOWANCE);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_no_update_is_lost),
        cmocka_unit_test(test_wait_on_the_dead),
        cmocka_unit_test(test_keys_without_end),
    };

    ae_random_seed();
    alarm(100);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
