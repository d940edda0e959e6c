/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Days of failure, by a clock that is the test's own.
 */


#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "queue_help.h"
#include "step.h"


#define SECOND               ((uint64_t) 1000000000)
#define MINUTE               (60 * SECOND)
#define HOUR                 (60 * MINUTE)
#define ATTEMPTS             10
#define WHOLE                (75 * HOUR + 35 * MINUTE + 5 * SECOND)

#define WORKERS              4
#define ROUNDS               100
#define PHASES               5


/* what the workers of a round were told, by phase */

typedef struct {
    pthread_barrier_t        barrier;
    uint32_t                 disabled[PHASES];
    uint32_t                 recovered[PHASES];
} schedule_told_t;


static uint64_t schedule_delay(uint32_t attempt);
static void schedule_wait(ae_queue_t *q, uint32_t ep, uint64_t delay);
static void schedule_meet(void);
static void schedule_worker(void);
static void schedule_expect(uint32_t phase, uint32_t disabled,
    uint32_t recovered);


static ae_queue_t        *shared;
static schedule_told_t   *told;


/* after that attempt */

static uint64_t
schedule_delay(uint32_t attempt)
{
    static const uint64_t  delays[ATTEMPTS] = {
        0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR,
        10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR
    };

    return delays[attempt];
}


/* not a nanosecond earlier, by take or by tick */

static void
schedule_wait(ae_queue_t *q, uint32_t ep, uint64_t delay)
{
    ae_lease_t  lease;

    assert_int_equal(ae_queue_tick(q, &now), delay);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_AGAIN);

    now.mono += delay - 1;
    now.wall += delay - 1;

    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_AGAIN);
    assert_int_equal(ae_queue_tick(q, &now), 1);
    assert_int_equal(ae_queue_ready(q, ep), 0);

    now.mono++;
    now.wall++;
}


static void
test_schedule(void **state)
{
    uint32_t      i, ep;
    uint64_t      start;
    ae_lease_t    lease;
    ae_queue_t   *q;
    ae_health_t   health;

    (void) state;

    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 1, 1, 100);

    now = (ae_now_t) { 77, 1700000000 * SECOND };
    start = now.mono;

    assert_int_equal(queue_put(q, ep, 1), AE_OK);

    for (i = 1; i <= ATTEMPTS; i++) {
        queue_take(q, ep, 0, 1, &lease);
        assert_int_equal(lease.attempt, i);
        assert_int_equal(ae_queue_health(q, ep, AE_ATTEMPT_FAILED, &now),
                         AE_HEALTH_STAYS);

        if (i == ATTEMPTS) {
            break;
        }

        assert_int_equal(ae_queue_done(q, &lease, AE_RETRY,
                                       now.mono + schedule_delay(i), &now),
                         AE_OK);
        schedule_wait(q, ep, schedule_delay(i));
    }

    assert_int_equal(now.mono - start, WHOLE);

    assert_int_equal(ae_queue_done(q, &lease, AE_DEAD, 0, &now), AE_OK);
    assert_int_equal(ae_queue_health(q, ep, AE_ATTEMPT_DEAD, &now),
                     AE_HEALTH_STAYS);
    assert_int_equal(queue_stat(q, ep).dead, 1);

    /* three days are not five */

    ae_queue_health_get(q, ep, &health);
    assert_int_equal(health.disabled, AE_ENABLED);
    assert_int_equal(now.wall - health.failing, WHOLE);

    queue_free(q);
}


static void
schedule_meet(void)
{
    (void) pthread_barrier_wait(&told->barrier);
}


/* all report at once: at first, just before the end, at the end, and then */

static void
schedule_worker(void)
{
    uint32_t             i, phase;
    ae_now_t             t;
    ae_attempt_e         attempt;
    ae_health_change_e   change;

    static const uint64_t  after[PHASES] = {
        0, AE_HEALTH_LIMIT - 1, AE_HEALTH_LIMIT, AE_HEALTH_LIMIT + 1,
        AE_HEALTH_LIMIT + 2
    };

    for (i = 0; i < ROUNDS; i++) {

        for (phase = 0; phase < PHASES; phase++) {
            t.mono = 1 + after[phase];
            t.wall = SECOND + after[phase];

            attempt = (phase + 1 < PHASES) ? AE_ATTEMPT_FAILED
                                           : AE_ATTEMPT_OK;

            schedule_meet();
            change = ae_queue_health(shared, 0, attempt, &t);

            __atomic_fetch_add(&told->disabled[phase],
                               change == AE_HEALTH_DISABLED,
                               __ATOMIC_RELAXED);
            __atomic_fetch_add(&told->recovered[phase],
                               change == AE_HEALTH_RECOVERED,
                               __ATOMIC_RELAXED);
        }

        schedule_meet();
        schedule_meet();
    }
}


static void
schedule_expect(uint32_t phase, uint32_t disabled, uint32_t recovered)
{
    assert_int_equal(told->disabled[phase], disabled);
    assert_int_equal(told->recovered[phase], recovered);
}


static void
test_told_once(void **state)
{
    int                    status;
    uint32_t               i, phase;
    pthread_barrierattr_t  attr;

    (void) state;

    shared = ae_queue_init(step_memory(QUEUE_SIZE), QUEUE_SIZE);
    told = step_memory(sizeof(schedule_told_t));
    (void) queue_endpoint(shared, 1, 1, 100);

    assert_int_equal(pthread_barrierattr_init(&attr), 0);
    assert_int_equal(pthread_barrierattr_setpshared(&attr,
                                                    PTHREAD_PROCESS_SHARED),
                     0);
    assert_int_equal(pthread_barrier_init(&told->barrier, &attr, WORKERS + 1),
                     0);

    for (i = 0; i < WORKERS; i++) {
        if (fork() == 0) {
            (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
            schedule_worker();
            _exit(0);
        }
    }

    for (i = 1; i <= ROUNDS; i++) {
        for (phase = 0; phase <= PHASES; phase++) {
            schedule_meet();
        }

        /* all have reported, and wait until the next round is prepared */

        schedule_expect(0, 0, 0);
        schedule_expect(1, 0, 0);
        schedule_expect(2, i, 0);
        schedule_expect(3, 0, 0);
        schedule_expect(4, 0, i);

        assert_int_equal(ae_queue_disable(shared, 0, AE_ENABLED, 0), AE_OK);
        assert_int_equal(ae_queue_health(shared, 0, AE_ATTEMPT_OK, &now),
                         AE_HEALTH_RECOVERED);
        schedule_meet();
    }

    for (i = 0; i < WORKERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }

    queue_check(shared);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
