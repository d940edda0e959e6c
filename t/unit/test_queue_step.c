/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Each operation of the queue is killed at each of its instructions, and each
 * repair as well.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queue_step.h"


static void prepare(void);
static void prepare_kept(void);
static void prepare_single(void);
static void prepare_single_kept(void);
static void run_all(void);
static void run_single(void);
static void op_route(void *ctx);
static void op_route_new(void *ctx);
static void op_route_held(void *ctx);
static void op_route_last(void *ctx);
static void op_route_swap(void *ctx);
static void op_route_over(void *ctx);
static void op_route_full(void *ctx);
static void op_take(void *ctx);
static void op_deliver(void *ctx);
static void op_die(void *ctx);
static void op_retry(void *ctx);
static void op_in_script(void *ctx);
static void op_adopt(void *ctx);
static void op_adopt_one(void *ctx);
static void op_adopt_poison(void *ctx);
static void op_die_alone(void *ctx);
static void op_tick(void *ctx);
static void op_retire(void *ctx);
static void op_endpoint(void *ctx);
static void op_configure(void *ctx);
static void op_reuse(void *ctx);


/*
 * Endpoint 0 has two in flight of slot 1 and others that wait, 1 a retry, 2 an
 * identity in flight with held ones, 3 one whose cooldown runs and holds one,
 * 4 one in flight with as many held ones as it may have, 5 is full.
 */

static void
prepare(void)
{
    uint32_t  i;

    reset(6);
    (void) ae_queue_endpoint(q, (ae_id_t) { { 4, 5 } }, 4, 2);

    for (i = 0; i < 6; i++) {
        put(0, 1, 0, 100 * i);
    }

    (void) ae_queue_take(q, 0, 1, &now, &lease[0]);
    (void) ae_queue_take(q, 0, 1, &now, &lease[1]);
    (void) ae_queue_take(q, 0, 1, &now, &lease[2]);

    ae_queue_node(q, lease[1].node)->deaths = 1;
    ae_queue_in_script(q, &lease[1], 1);

    for (i = 0; i < 3; i++) {
        put(1, 1, 0, 10);
        (void) ae_queue_take(q, 1, 2, &now, &lease[3]);
        (void) ae_queue_done(q, &lease[3], AE_RETRY,
                             4 * STEP_PERIOD - 10 * i, &now);
    }

    for (i = 0; i < 4; i++) {
        put(2, 1, 77, 300);
    }

    (void) ae_queue_take(q, 2, 1, &now, &lease[4]);

    put(3, 1, 88, 300);
    (void) ae_queue_take(q, 3, 2, &now, &lease[5]);
    (void) ae_queue_done(q, &lease[5], AE_DELIVERED, 0, &now);
    put(3, 1, 88, 300);

    put(4, 1, 66, 300);
    (void) ae_queue_take(q, 4, 2, &now, &lease[6]);
    put(4, 1, 66, 300);
    put(4, 1, 66, 300);

    put(5, 1, 0, 300);

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


/* the same, and a store has them all */

static void
prepare_kept(void)
{
    prepare();
    assert_true(keep(STEP_ROWS) < STEP_ROWS);

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


/*
 * Slot 3 has one in flight, in a script.  Slot 4 has one that died once,
 * stands for others and has held ones behind it.  Slot 5 has one of an
 * identity of its own.  A cooldown runs and nothing waits for it.
 */

static void
prepare_single(void)
{
    uint32_t    i;
    ae_node_t  *node;

    reset(3);

    for (i = 0; i < 3; i++) {
        put(0, 1, 0, 10);
        put(1, 1, 77, 10);
    }

    put(1, 1, 66, 10);
    put(1, 1, 55, 10);

    (void) ae_queue_take(q, 0, 3, &now, &lease[0]);
    (void) ae_queue_take(q, 1, 4, &now, &lease[4]);
    (void) ae_queue_take(q, 1, 5, &now, &lease[5]);
    (void) ae_queue_take(q, 1, 5, &now, &lease[6]);
    (void) ae_queue_done(q, &lease[6], AE_DELIVERED, 0, &now);

    ae_queue_in_script(q, &lease[0], 1);
    ae_queue_in_script(q, &lease[4], 1);

    node = ae_queue_node(q, lease[4].node);
    node->suppressed = 5;
    node->deaths = 1;

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


static void
prepare_single_kept(void)
{
    prepare_single();
    assert_true(keep(STEP_ROWS) < STEP_ROWS);

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


static void
op_route(void *ctx)
{
    (void) ctx;

    put(0, 5, 0, 700);
}


static void
op_route_new(void *ctx)
{
    (void) ctx;

    put(0, 1, 99, 10);
}


static void
op_route_held(void *ctx)
{
    (void) ctx;

    put(2, 1, 77, 10);
}


/* the one that is held is suppressed */

static void
op_route_last(void *ctx)
{
    (void) ctx;

    put(3, 1, 88, 500);
}


/* it takes the place of the oldest one that is held */

static void
op_route_swap(void *ctx)
{
    (void) ctx;

    put(4, 1, 66, 500);
}


static void
op_route_over(void *ctx)
{
    (void) ctx;

    now.mono = 2 * STEP_PERIOD;
    put(3, 1, 88, 10);
}


static void
op_route_full(void *ctx)
{
    (void) ctx;

    put(5, 1, 0, 10);
}


static void
op_take(void *ctx)
{
    (void) ctx;

    (void) ae_queue_take(q, 0, 1, &now, &lease[7]);
}


static void
op_deliver(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[4], AE_DELIVERED, 0, &now);
}


static void
op_die(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[4], AE_DEAD, 0, &now);
}


static void
op_retry(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[0], AE_RETRY, STEP_PERIOD + 1, &now);
}


static void
op_in_script(void *ctx)
{
    (void) ctx;

    ae_queue_in_script(q, &lease[0], 1);
}


/* one is poison, one has a cooldown */

static void
op_adopt(void *ctx)
{
    (void) ctx;

    (void) ae_queue_adopt(q, 1);
}


static void
op_adopt_one(void *ctx)
{
    (void) ctx;

    (void) ae_queue_adopt(q, 3);
}


static void
op_adopt_poison(void *ctx)
{
    (void) ctx;

    (void) ae_queue_adopt(q, 4);
}


static void
op_die_alone(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[5], AE_DEAD, 0, &now);
}


static void
op_tick(void *ctx)
{
    (void) ctx;

    now.mono = 5 * STEP_PERIOD;
    (void) ae_queue_tick(q, &now);
}


static void
op_retire(void *ctx)
{
    uint32_t  keep;

    (void) ctx;

    keep = 0;
    (void) ae_queue_retire(q, &keep, 1);
}


static void
op_endpoint(void *ctx)
{
    (void) ctx;

    (void) ae_queue_endpoint(q, (ae_id_t) { { 500, 1 } }, 4, 4);
}


static void
op_configure(void *ctx)
{
    (void) ctx;

    (void) ae_queue_endpoint(q, (ae_id_t) { { 0, 1 } }, 5, 6);
}


/* the table is full, and a retired one with numbers makes room */

static void
op_reuse(void *ctx)
{
    (void) ctx;

    (void) ae_queue_endpoint(q, (ae_id_t) { { 9999, 9 } }, 4, 4);
}


static void
run_all(void)
{
    run_case("route", op_route, 0);
    run_case("route new", op_route_new, 0);
    run_case("route held", op_route_held, 0);
    run_case("route last", op_route_last, 0);
    run_case("route swap", op_route_swap, 0);
    run_case("route over", op_route_over, 1);
    run_case("route full", op_route_full, 0);
    run_case("take", op_take, 0);
    run_case("done delivered", op_deliver, 0);
    run_case("done dead", op_die, 0);
    run_case("done retry", op_retry, 0);
    run_case("in script", op_in_script, 0);
    run_case("adopt", op_adopt, 1);
    run_case("tick", op_tick, 1);
    run_case("endpoint", op_endpoint, 0);
    run_case("configure", op_configure, 0);
}


static void
test_every_instruction(void **state)
{
    (void) state;

    prepare_or_skip(prepare, op_take);
    run_all();
}


static void
test_every_instruction_kept(void **state)
{
    (void) state;

    prepare_or_skip(prepare_kept, op_take);
    run_all();
}


/* operations above are of several transactions: here each is one */

static void
run_single(void)
{
    run_case("adopt one", op_adopt_one, 0);
    run_case("adopt poison", op_adopt_poison, 0);
    run_case("done dead of many", op_die, 0);
    run_case("done dead alone", op_die_alone, 0);
    run_case("tick of one", op_tick, 0);
}


static void
test_single_transactions(void **state)
{
    (void) state;

    prepare_or_skip(prepare_single, op_take);
    run_single();
}


static void
test_single_transactions_kept(void **state)
{
    (void) state;

    prepare_or_skip(prepare_single_kept, op_take);
    run_single();
}


static void
test_reused_endpoint(void **state)
{
    uint32_t  i;

    (void) state;

#ifdef __SANITIZE_ADDRESS__
    /* 70,000 instructions to find the one that may be reused */
    skip();
#endif

    prepare_or_skip(prepare, op_take);

    for (i = 5; i < AE_QUEUE_ENDPOINTS; i++) {
        assert_int_equal(ae_queue_endpoint(q, (ae_id_t) { { i, i + 1 } }, 4,
                                           4),
                         i);
    }

    /* one of each kind in the numbers of the one that is retired */

    put(5, 1, 55, 10);
    put(5, 1, 55, 10);
    put(5, 1, 55, 10);
    (void) ae_queue_take(q, 5, 3, &now, &lease[6]);
    (void) ae_queue_done(q, &lease[6], AE_DELIVERED, 0, &now);

    (void) ae_queue_retire(q, (uint32_t []) { 0, 1, 2, 3, 4 }, 5);
    memcpy(base, q, STEP_SIZE);

    run_case("endpoint reused", op_reuse, 0);
}


static void
test_retire(void **state)
{
    (void) state;

    prepare_or_skip(prepare, op_take);

    run_case("retire", op_retire, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_instruction),
        cmocka_unit_test(test_every_instruction_kept),
        cmocka_unit_test(test_single_transactions),
        cmocka_unit_test(test_single_transactions_kept),
        cmocka_unit_test(test_reused_endpoint),
        cmocka_unit_test(test_retire),
    };

    return cmocka_run_group_tests(tests, step_setup, NULL);
}
