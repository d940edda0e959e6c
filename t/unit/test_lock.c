/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/shared.h"
#include "hammer.h"
#include "step.h"


typedef struct {
    ae_lock_t                lock;
    int                      held;          /* a child has it */
    uint64_t                 a;             /* equal while it is free */
    uint64_t                 b;
    uint64_t                 recovered;
} test_lock_t;


static test_lock_t *test_lock_new(void);
static pid_t test_lock_holder(test_lock_t *t);
static void test_lock_hold(void *ctx);
static void test_lock_wait_recover(void *ctx);
static void test_lock_wait(void *ctx);
static void test_lock_work(void *ctx);
static void test_lock_look(void *ctx);
static void test_lock_some(void *ctx);
static int test_lock_after(ae_lock_t *lock);
static void *test_lock_thread(void *ctx);


static test_lock_t *
test_lock_new(void)
{
    test_lock_t  *t;

    t = hammer_memory(sizeof(test_lock_t));
    assert_int_equal(ae_lock_init(&t->lock), AE_OK);

    return t;
}


/* for its whole life */

static void
test_lock_hold(void *ctx)
{
    test_lock_t *t = ctx;

    hammer_check(ae_lock(&t->lock) != AE_ERROR, "no lock");
    __atomic_store_n(&t->held, 1, __ATOMIC_RELEASE);

    for ( ;; ) {
        pause();
    }
}


static pid_t
test_lock_holder(test_lock_t *t)
{
    pid_t  pid;

    t->held = 0;
    pid = hammer_start(test_lock_hold, t);

    while (!__atomic_load_n(&t->held, __ATOMIC_ACQUIRE)) {
        usleep(100);
    }

    return pid;
}


static void
test_lock_and_unlock(void **state)
{
    int           i;
    test_lock_t  *t;

    (void) state;

    t = test_lock_new();

    for (i = 0; i < 3; i++) {
        assert_int_equal(ae_lock(&t->lock), AE_OK);
        assert_int_equal(ae_trylock(&t->lock), AE_AGAIN);
        ae_unlock(&t->lock);

        assert_int_equal(ae_trylock(&t->lock), AE_OK);
        ae_unlock(&t->lock);
    }
}


static void
test_lock_tells_life_and_death(void **state)
{
    pid_t         pid;
    test_lock_t  *t;

    (void) state;

    t = test_lock_new();
    pid = test_lock_holder(t);

    assert_int_equal(ae_trylock(&t->lock), AE_AGAIN);
    assert_int_equal(ae_trylock(&t->lock), AE_AGAIN);

    assert_true(hammer_kill(pid));

    assert_int_equal(ae_trylock(&t->lock), AE_RECOVER);
    assert_int_equal(ae_trylock(&t->lock), AE_AGAIN);
    ae_lock_repaired(&t->lock);
    ae_unlock(&t->lock);

    assert_int_equal(ae_lock(&t->lock), AE_OK);
    ae_unlock(&t->lock);
}


/* one that dies over the repair leaves it to the next */

static void
test_lock_repairer_dies(void **state)
{
    int           i;
    test_lock_t  *t;

    (void) state;

    t = test_lock_new();

    for (i = 0; i < 3; i++) {
        assert_true(hammer_kill(test_lock_holder(t)));
    }

    assert_int_equal(ae_lock(&t->lock), AE_RECOVER);
    ae_lock_repaired(&t->lock);
    ae_unlock(&t->lock);
    assert_int_equal(ae_lock(&t->lock), AE_OK);
    ae_unlock(&t->lock);
}


static void
test_lock_wait_recover(void *ctx)
{
    test_lock_t *t = ctx;

    hammer_check(ae_lock(&t->lock) == AE_RECOVER, "the wait found no death");
    ae_lock_repaired(&t->lock);
    ae_unlock(&t->lock);
}


static void
test_lock_wait(void *ctx)
{
    test_lock_t *t = ctx;

    hammer_check(ae_lock(&t->lock) == AE_OK, "no lock");
    ae_unlock(&t->lock);
}


static void
test_lock_unlock_wakes_who_waits(void **state)
{
    pid_t         pid;
    test_lock_t  *t;

    (void) state;

    t = test_lock_new();

    assert_int_equal(ae_lock(&t->lock), AE_OK);
    pid = hammer_start(test_lock_wait, t);
    usleep(20000);
    ae_unlock(&t->lock);

    assert_true(hammer_wait(pid));
}


static void
test_lock_death_wakes_who_waits(void **state)
{
    pid_t         pid, waits;
    test_lock_t  *t;

    (void) state;

    t = test_lock_new();
    pid = test_lock_holder(t);
    waits = hammer_start(test_lock_wait_recover, t);

    usleep(20000);

    assert_true(hammer_kill(pid));
    assert_true(hammer_wait(waits));
    assert_int_equal(ae_lock(&t->lock), AE_OK);
    ae_unlock(&t->lock);
}


/* who gets AE_RECOVER, and nobody else, may find a and b apart */

static void
test_lock_work(void *ctx)
{
    test_lock_t *t = ctx;

    for ( ;; ) {

        if (ae_lock(&t->lock) == AE_RECOVER) {
            __atomic_store_n(&t->b, t->a, __ATOMIC_RELAXED);
            t->recovered++;
            ae_lock_repaired(&t->lock);
        }

        hammer_check(t->a == t->b, "two owners, or a death untold");

        __atomic_store_n(&t->a, t->a + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&t->b, t->b + 1, __ATOMIC_RELEASE);

        ae_unlock(&t->lock);
    }
}


static void
test_lock_look(void *ctx)
{
    (void) ctx;
}


static void
test_lock_many_deaths(void **state)
{
    test_lock_t  *t;

    (void) state;

    t = test_lock_new();

    assert_true(hammer(test_lock_work, test_lock_look, t, 3, 200));

    if (ae_lock(&t->lock) == AE_RECOVER) {
        t->b = t->a;
        t->recovered++;
        ae_lock_repaired(&t->lock);
    }

    assert_true(t->a == t->b);
    assert_true(t->a > 0);
    assert_true(t->recovered > 0);
    ae_unlock(&t->lock);
}


/* ---- a death at each instruction ---- */

#define TEST_SOME            3


typedef struct {
    ae_lock_t                life;
    ae_lock_t                lock[TEST_SOME];
    int                      held[TEST_SOME];
} test_some_t;


/* several at once, given back in another order than they were taken */

static void
test_lock_some(void *ctx)
{
    test_some_t *t = ctx;

    int  i;

    (void) ae_trylock(&t->life);

    for (i = 0; i < TEST_SOME; i++) {
        (void) ae_lock(&t->lock[i]);
        __atomic_store_n(&t->held[i], 1, __ATOMIC_RELEASE);
    }

    for (i = 0; i < TEST_SOME; i++) {
        __atomic_store_n(&t->held[i], 0, __ATOMIC_RELEASE);
        ae_unlock(&t->lock[i]);
    }
}


/* 1 if its owner died in it; it never stays lost */

static int
test_lock_after(ae_lock_t *lock)
{
    int  rc;

    rc = ae_lock(lock);

    if (rc == AE_RECOVER) {
        ae_lock_repaired(lock);
    }

    ae_unlock(lock);

    assert_int_equal(ae_trylock(lock), AE_OK);
    ae_unlock(lock);

    return rc == AE_RECOVER;
}


static void
test_lock_death_at_an_instruction(void **state)
{
    int           died, i, k, told;
    long          steps;
    test_some_t  *t;

    (void) state;

    t = hammer_memory(sizeof(test_some_t));
    assert_int_equal(ae_lock_init(&t->life), AE_OK);

    /* this process knows how to lock, and so do its children */

    for (i = 0; i < TEST_SOME; i++) {
        assert_int_equal(ae_lock_init(&t->lock[i]), AE_OK);
        assert_int_equal(test_lock_after(&t->lock[i]), 0);
    }

    steps = step_each(test_lock_some, test_lock_look, t);

    if (steps == -1) {
        skip();
    }

    (void) test_lock_after(&t->life);

    told = 0;

    for (k = 0; k < ae_steps(200); k++) {
        memset(t->held, 0, sizeof(t->held));

        (void) step_kill_at(test_lock_some, t, ae_random() % steps);
        (void) test_lock_after(&t->life);

        for (i = 0; i < TEST_SOME; i++) {
            died = test_lock_after(&t->lock[i]);
            assert_true(died || !t->held[i]);
            told += died;
        }
    }

    assert_true(told > 0);
}


/* a thread's lock is its own */

static void *
test_lock_thread(void *ctx)
{
    test_lock_t *t = ctx;

    int  i;

    for (i = 0; i < 20000; i++) {
        if (ae_lock(&t->lock) != AE_OK || t->a != t->b) {
            return t;
        }

        t->a++;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        t->b++;

        ae_unlock(&t->lock);
    }

    return NULL;
}


static void
test_lock_threads(void **state)
{
    int           i;
    void         *wrong;
    pthread_t     thread[3];
    test_lock_t  *t;

    (void) state;

    t = test_lock_new();

    for (i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, test_lock_thread,
                                        t), 0);
    }

    for (i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_null(wrong);
    }

    assert_true(t->a == 60000 && t->b == 60000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_lock_and_unlock),
        cmocka_unit_test(test_lock_tells_life_and_death),
        cmocka_unit_test(test_lock_repairer_dies),
        cmocka_unit_test(test_lock_unlock_wakes_who_waits),
        cmocka_unit_test(test_lock_death_wakes_who_waits),
        cmocka_unit_test(test_lock_many_deaths),
        cmocka_unit_test(test_lock_death_at_an_instruction),
        cmocka_unit_test(test_lock_threads),
    };

    ae_random_seed();
    alarm(60);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
