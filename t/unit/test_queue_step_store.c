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
static void prepare_outbox(void);
static void prepare_full(void);
static void prepare_restore(void);
static void op_fail(void *ctx);
static void op_slow(void *ctx);
static void op_refuse(void *ctx);
static void op_limit(void *ctx);
static void op_give_up(void *ctx);
static void op_succeed(void *ctx);
static void op_recover_disabled(void *ctx);
static void op_enable(void *ctx);
static void op_by_hand(void *ctx);
static void op_put(void *ctx);
static void op_save(void *ctx);
static void op_save_one(void *ctx);
static void op_saved(void *ctx);
static void op_saved_one(void *ctx);
static void op_not_saved_one(void *ctx);
static void op_forget(void *ctx);
static void op_forget_one(void *ctx);
static void op_keeper_again(void *ctx);
static void op_keeper_off(void *ctx);
static void op_keeper_on(void *ctx);
static void op_end_new(void *ctx);
static void op_end_saving(void *ctx);
static void op_end_kept(void *ctx);
static void op_retry_kept(void *ctx);
static void op_retry_saving(void *ctx);
static void restore(uint64_t uid, uint32_t endpoint, uint64_t identity,
    uint64_t due);
static void op_restore(void *ctx);
static void op_restore_delayed(void *ctx);
static void op_restore_identity(void *ctx);
static void op_restore_held(void *ctx);
static void op_restore_last(void *ctx);
static void op_restore_over(void *ctx);


static uint32_t           gone_node[4];
static uint64_t           gone_uid[4];


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
    now.mono += AE_HEALTH_LIMIT;
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


/*
 * Two are new, the first of them in flight, three are being saved, the third
 * in flight, four are kept, of which two are in flight, and two are gone.
 */

static void
prepare_outbox(void)
{
    uint32_t  i;

    reset(2);

    for (i = 0; i < 6; i++) {
        put(0, 1, 0, 100 * i);
    }

    for (i = 0; i < 4; i++) {
        (void) ae_queue_take(q, 0, 1, &now, &lease[i]);
    }

    (void) keep(6);
    (void) ae_queue_done(q, &lease[0], AE_DELIVERED, 0, &now);
    (void) ae_queue_done(q, &lease[1], AE_DEAD, 0, &now);

    for (i = 0; i < 3; i++) {
        put(0, 1, 0, 400);
    }

    (void) ae_queue_endpoint(q, (ae_id_t) { { 0, 1 } }, 100, 100);

    for (i = 4; i < 7; i++) {
        (void) ae_queue_take(q, 0, 1, &now, &lease[i]);
    }

    assert_int_equal(ae_queue_save(q, row, STEP_ROWS, UINT64_MAX, &now), 3);

    put(0, 1, 0, 10);
    (void) ae_queue_take(q, 0, 1, &now, &lease[5]);
    (void) ae_queue_take(q, 0, 1, &now, &lease[5]);
    (void) ae_queue_take(q, 0, 1, &now, &lease[5]);
    put(0, 1, 0, 10);

    assert_int_equal(ae_queue_gone(q, gone_uid, gone_node, 4), 2);

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


/* no node is free, and some are gone */

static void
prepare_full(void)
{
    uint32_t  i;

    reset(100);

    ae_queue_keeper(q, 1);

    for (i = 0; i < 4; i++) {
        put(0, 1, 0, 10);
        (void) ae_queue_take(q, 0, 1, &now, &lease[0]);
        (void) keep(1);
        (void) ae_queue_done(q, &lease[0], AE_DEAD, 0, &now);
    }

    /* an endpoint that has nothing is not refused */

    for (i = 1; q->nodes_free != 0; i++) {
        assert_true(i < 99);
        put(i, 1, 0, 10);
    }

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


static void
op_put(void *ctx)
{
    (void) ctx;

    put(0, 1, 0, 10);
}


static void
op_save(void *ctx)
{
    (void) ctx;

    (void) ae_queue_save(q, row, STEP_ROWS, UINT64_MAX, &now);
}


static void
op_save_one(void *ctx)
{
    (void) ctx;

    (void) ae_queue_save(q, row, 1, UINT64_MAX, &now);
}


static void
op_saved(void *ctx)
{
    (void) ctx;

    ae_queue_saved(q, row, 3, 1);
}


static void
op_saved_one(void *ctx)
{
    (void) ctx;

    ae_queue_saved(q, &row[1], 1, 1);
}


static void
op_not_saved_one(void *ctx)
{
    (void) ctx;

    ae_queue_saved(q, &row[1], 1, 0);
}


static void
op_forget(void *ctx)
{
    (void) ctx;

    ae_queue_forget(q, gone_uid, gone_node, 2);
}


static void
op_forget_one(void *ctx)
{
    (void) ctx;

    ae_queue_forget(q, &gone_uid[1], &gone_node[1], 1);
}


static void
op_keeper_again(void *ctx)
{
    (void) ctx;

    ae_queue_keeper(q, 1);
}


static void
op_keeper_off(void *ctx)
{
    (void) ctx;

    ae_queue_keeper(q, 0);
}


static void
op_keeper_on(void *ctx)
{
    (void) ctx;

    ae_queue_keeper(q, 1);
}


static void
op_end_new(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[5], AE_DELIVERED, 0, &now);
}


static void
op_end_saving(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[6], AE_DELIVERED, 0, &now);
}


static void
op_end_kept(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[2], AE_DELIVERED, 0, &now);
}


static void
op_retry_kept(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[2], AE_RETRY, 9 * STEP_PERIOD, &now);
}


static void
op_retry_saving(void *ctx)
{
    (void) ctx;

    (void) ae_queue_done(q, &lease[6], AE_RETRY, 0, &now);
}


static void
test_outbox(void **state)
{
    (void) state;

    prepare_or_skip(prepare_outbox, op_put);

    run_case("put", op_put, 0);
    run_case("save", op_save, 1);
    run_case("save one", op_save_one, 0);
    run_case("saved", op_saved, 1);
    run_case("saved one", op_saved_one, 0);
    run_case("not saved", op_not_saved_one, 0);
    run_case("forget", op_forget, 1);
    run_case("forget one", op_forget_one, 0);
    run_case("end new", op_end_new, 0);
    run_case("end saving", op_end_saving, 0);
    run_case("end kept", op_end_kept, 0);
    run_case("retry kept", op_retry_kept, 0);
    run_case("retry saving", op_retry_saving, 0);
    run_case("keeper again", op_keeper_again, 1);
    run_case("keeper off", op_keeper_off, 1);
}


static void
test_keeper(void **state)
{
    (void) state;

    prepare_or_skip(prepare_outbox, op_put);

    ae_queue_keeper(q, 0);
    put(0, 1, 0, 100);
    memcpy(base, q, STEP_SIZE);

    run_case("keeper on", op_keeper_on, 1);
}


static void
test_room(void **state)
{
    (void) state;

    prepare_or_skip(prepare_full, op_put);

    run_case("put into gone", op_put, 1);
}


static void
restore(uint64_t uid, uint32_t endpoint, uint64_t identity, uint64_t due)
{
    unsigned char    data[500];
    ae_outbox_row_t  r;

    memset(data, 'r', sizeof(data));
    memset(&r, 0, sizeof(r));

    r.uid = uid;
    r.endpoint = (ae_id_t) { { endpoint, endpoint + 1 } };
    r.cooldown = (ae_id_t) { { identity, 0 } };
    r.period = identity ? STEP_PERIOD : 0;
    r.due = due;
    r.suppressed = 3;
    r.attempt = 2;

    (void) ae_queue_restore(q, &r, (ae_str_t) { sizeof(data), data }, &now);
}


/*
 * Three retries wait.  Of endpoint 1 an identity is in flight, and one is held
 * behind another's cooldown.
 */

static void
prepare_restore(void)
{
    uint32_t  i;

    reset(3);
    now.wall = 1000;
    ae_queue_keeper(q, 1);

    for (i = 0; i < 3; i++) {
        put(0, 1, 0, 10);
        (void) ae_queue_take(q, 0, 1, &now, &lease[0]);
        (void) ae_queue_done(q, &lease[0], AE_RETRY,
                             4 * STEP_PERIOD - 10 * i, &now);
    }

    put(1, 1, 88, 10);
    (void) ae_queue_take(q, 1, 1, &now, &lease[0]);
    (void) ae_queue_done(q, &lease[0], AE_DELIVERED, 0, &now);
    put(1, 1, 88, 10);
    put(1, 1, 77, 10);

    (void) keep(STEP_ROWS);

    queue_check(q);
    memcpy(base, q, STEP_SIZE);
}


static void
op_restore(void *ctx)
{
    (void) ctx;

    restore(5, 0, 0, 0);
}


static void
op_restore_delayed(void *ctx)
{
    (void) ctx;

    restore(q->uid + 1, 0, 0, 1500);
}


static void
op_restore_identity(void *ctx)
{
    (void) ctx;

    restore(5, 1, 99, 1500);
}


static void
op_restore_held(void *ctx)
{
    (void) ctx;

    restore(5, 1, 77, 0);
}


/* the one that is held is suppressed */

static void
op_restore_last(void *ctx)
{
    (void) ctx;

    restore(5, 1, 88, 0);
}


static void
op_restore_over(void *ctx)
{
    (void) ctx;

    now.mono = 2 * STEP_PERIOD;
    restore(5, 1, 88, 0);
}


static void
test_restore(void **state)
{
    (void) state;

    prepare_or_skip(prepare_restore, op_restore);

    run_case("restore", op_restore, 0);
    run_case("restore delayed", op_restore_delayed, 0);
    run_case("restore identity", op_restore_identity, 0);
    run_case("restore held", op_restore_held, 0);
    run_case("restore last", op_restore_last, 0);
    run_case("restore over", op_restore_over, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_outbox),
        cmocka_unit_test(test_keeper),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_restore),
    };

    return cmocka_run_group_tests(tests, step_setup, NULL);
}
