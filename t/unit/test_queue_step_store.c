/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the queue does for a store, and what it knows of its endpoints, is
 * killed at each instruction.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queue_step.h"


static void prepare_health(void);
static void op_fail(void *ctx);
static void op_slow(void *ctx);
static void op_refuse(void *ctx);
static void op_limit(void *ctx);
static void op_give_up(void *ctx);
static void op_succeed(void *ctx);
static void op_recover_disabled(void *ctx);
static void op_enable(void *ctx);
static void op_by_hand(void *ctx);


/* endpoint 0 is well, 1 fails, slowly, 2 is disabled and a delivery is dead */

static void
prepare_health(void)
{
    reset(3);

    put(0, 2, 0, 10);
    (void) ae_queue_take(q, 1, 1, &now, &lease[0]);

    now.wall = 1000;
    (void) ae_queue_health(q, 1, AE_ATTEMPT_SLOW, &now);
    (void) ae_queue_health(q, 2, AE_ATTEMPT_DISABLE, &now);
    (void) ae_queue_health(q, 2, AE_ATTEMPT_DEAD, &now);

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


static void
op_fail(void *ctx)
{
    (void) ctx;

    (void) ae_queue_health(q, 0, AE_ATTEMPT_FAILED, &now);
}


static void
op_slow(void *ctx)
{
    (void) ctx;

    (void) ae_queue_health(q, 0, AE_ATTEMPT_SLOW, &now);
}


static void
op_refuse(void *ctx)
{
    (void) ctx;

    (void) ae_queue_health(q, 1, AE_ATTEMPT_DISABLE, &now);
}


static void
op_limit(void *ctx)
{
    (void) ctx;

    now.wall = 1000 + AE_HEALTH_LIMIT;
    (void) ae_queue_health(q, 1, AE_ATTEMPT_FAILED, &now);
}


static void
op_give_up(void *ctx)
{
    (void) ctx;

    (void) ae_queue_health(q, 0, AE_ATTEMPT_DEAD, &now);
}


static void
op_succeed(void *ctx)
{
    (void) ctx;

    (void) ae_queue_health(q, 1, AE_ATTEMPT_OK, &now);
}


static void
op_recover_disabled(void *ctx)
{
    (void) ctx;

    (void) ae_queue_health(q, 2, AE_ATTEMPT_OK, &now);
}


static void
op_enable(void *ctx)
{
    (void) ctx;

    (void) ae_queue_disable(q, 2, AE_ENABLED, 0);
}


static void
op_by_hand(void *ctx)
{
    (void) ctx;

    (void) ae_queue_disable(q, 1, AE_DISABLED_HAND, 500);
}


static void
test_health(void **state)
{
    (void) state;

    prepare_or_skip(prepare_health, op_fail);

    run_case("fail", op_fail, 0);
    run_case("slow", op_slow, 0);
    run_case("refuse", op_refuse, 0);
    run_case("fail too long", op_limit, 0);
    run_case("give up", op_give_up, 0);
    run_case("succeed", op_succeed, 0);
    run_case("recover", op_recover_disabled, 0);
    run_case("enable", op_enable, 0);
    run_case("disable", op_by_hand, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_health),
    };

    return cmocka_run_group_tests(tests, step_setup, NULL);
}
