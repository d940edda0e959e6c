/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queue_help.h"


#define ROWS                 300
#define ALL                  UINT64_MAX


static ae_queue_t        *q;
static uint32_t           ep;
static uint64_t           number;
static ae_outbox_row_t    row[ROWS];
static uint64_t           uid[ROWS];
static uint32_t           node[ROWS];


static int outbox_setup(void **state);
static int outbox_teardown(void **state);
static void put(void);
static void put_cool(uint64_t identity);
static void take(ae_lease_t *lease);
static void done(ae_lease_t *lease, ae_outcome_e outcome, uint64_t due);
static size_t save(uint64_t before);
static void keep(size_t n);
static void is(uint32_t changed, uint32_t saving, uint32_t kept,
    uint32_t gone);
static void free_all(size_t n);


static int
outbox_setup(void **state)
{
    (void) state;

    now = (ae_now_t) { 1000, 5000000 };
    number = 0;
    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 7, 10, 10000);
    ae_queue_keeper(q, 1);

    return 0;
}


static int
outbox_teardown(void **state)
{
    (void) state;

    queue_free(q);

    return 0;
}


static void
put(void)
{
    number++;
    assert_int_equal(queue_put(q, ep, number), AE_OK);
}


static void
put_cool(uint64_t identity)
{
    ae_queue_target_t  target;

    memset(&target, 0, sizeof(target));
    target.endpoint = ep;
    target.cooldown = (ae_id_t) { { identity, 1 } };
    target.period = 1000;

    assert_int_equal(ae_queue_route(q, 0, ++number, ae_str("x"), &target, 1,
                                    &now),
                     AE_OK);
    assert_int_equal(target.result, AE_OK);
}


static void
take(ae_lease_t *lease)
{
    assert_int_equal(ae_queue_take(q, ep, 0, &now, lease), AE_OK);
}


static void
done(ae_lease_t *lease, ae_outcome_e outcome, uint64_t due)
{
    assert_int_equal(ae_queue_done(q, lease, outcome, due, &now), AE_OK);
    queue_check(q);
}


static size_t
save(uint64_t before)
{
    size_t  n;

    n = ae_queue_save(q, row, ROWS, before, &now);
    queue_check(q);

    return n;
}


static void
keep(size_t n)
{
    assert_int_equal(save(ALL), n);
    ae_queue_saved(q, row, n, 1);
    queue_check(q);
}


static void
is(uint32_t changed, uint32_t saving, uint32_t kept, uint32_t gone)
{
    ae_outbox_stat_t  st;

    ae_queue_outbox_stat(q, &st);

    assert_int_equal(st.changed, changed);
    assert_int_equal(st.saving, saving);
    assert_int_equal(st.kept, kept);
    assert_int_equal(st.gone, gone);
}


static void
free_all(size_t n)
{
    assert_int_equal(ae_queue_gone(q, uid, node, ROWS), n);
    ae_queue_forget(q, uid, node, n);
    queue_check(q);
    is(0, 0, 0, 0);
    assert_int_equal(queue_stat(q, ep).nodes_free, q->nodes);
    assert_int_equal(queue_stat(q, ep).blocks_free, q->blocks);
}


/* what ends soon never meets the store */

static void
test_at_once(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put();
    is(1, 0, 0, 0);
    take(&lease);
    done(&lease, AE_DELIVERED, 0);
    is(0, 0, 0, 0);
    assert_int_equal(save(ALL), 0);
    assert_int_equal(queue_stat(q, ep).nodes_free, q->nodes);
}


static void
test_no_store(void **state)
{
    ae_lease_t  lease;

    (void) state;

    ae_queue_keeper(q, 0);
    put();
    is(0, 0, 0, 0);
    assert_int_equal(save(ALL), 0);
    take(&lease);
    done(&lease, AE_RETRY, 2000);
    is(0, 0, 0, 0);
    assert_int_equal(ae_queue_gone(q, uid, node, ROWS), 0);
}


static void
test_kept(void **state)
{
    size_t           i;
    ae_lease_t       lease;
    unsigned char    buf[1000];
    ae_queue_stat_t  st;

    (void) state;

    put();
    assert_int_equal(save(ALL), 1);
    is(0, 1, 0, 0);

    assert_true(row[0].uid != 0);
    assert_int_equal(row[0].endpoint.h[0], 7);
    assert_int_equal(row[0].event.h[0], 0);
    assert_int_equal(row[0].period, 0);
    assert_int_equal(row[0].due, 0);
    assert_int_equal(row[0].suppressed, 0);
    assert_int_equal(row[0].attempt, 0);
    assert_int_equal(row[0].held, 0);
    assert_int_equal(row[0].len, 11);

    assert_int_equal(ae_queue_save_read(q, &row[0], buf), AE_OK);

    for (i = 0; i < row[0].len; i++) {
        assert_int_equal(buf[i], 1);
    }

    ae_queue_saved(q, row, 1, 1);
    is(0, 0, 1, 0);
    assert_int_equal(save(ALL), 0);

    /* a lease is nothing to write */

    take(&lease);
    is(0, 0, 1, 0);
    assert_int_equal(ae_queue_adopt(q, 0), 1);
    is(0, 0, 1, 0);
    take(&lease);
    done(&lease, AE_DELIVERED, 0);
    is(0, 0, 0, 1);

    st = queue_stat(q, ep);
    assert_int_equal(st.delivered, 1);
    assert_int_equal(st.pending, 0);
    assert_int_equal(st.nodes_free, q->nodes - 1);
    assert_int_equal(st.blocks_free, q->blocks);
    assert_int_equal(ae_queue_save_read(q, &row[0], buf), AE_DECLINED);

    /* the same until it is forgotten, and then no more */

    assert_int_equal(ae_queue_gone(q, uid, node, ROWS), 1);
    assert_int_equal(ae_queue_gone(q, uid, node, ROWS), 1);
    assert_int_equal(uid[0], row[0].uid);
    free_all(1);
}


static void
test_before(void **state)
{
    (void) state;

    put();
    now.mono = 2000;
    put();
    now.mono = 3000;
    put();

    assert_int_equal(save(1000), 0);
    assert_int_equal(save(1001), 1);
    assert_int_equal(save(2500), 1);
    assert_int_equal(save(3000), 0);
    assert_int_equal(save(3001), 1);
}


static void
test_not_saved(void **state)
{
    uint64_t    first;
    ae_lease_t  lease;

    (void) state;

    put();
    put();
    put();

    assert_int_equal(ae_queue_save(q, row, 2, ALL, &now), 2);
    first = row[0].uid;
    ae_queue_saved(q, row, 2, 0);
    is(3, 0, 0, 0);

    /* in their old order, before the others */

    assert_int_equal(save(ALL), 3);
    assert_int_equal(row[0].uid, first);
    assert_int_equal(row[1].uid, first + 1);
    assert_int_equal(row[2].uid, first + 2);
    ae_queue_saved(q, row, 3, 0);

    /* whether it was written is not certain */

    take(&lease);
    done(&lease, AE_DELIVERED, 0);
    is(2, 0, 0, 1);
}


static void
test_ends_while_it_is_saved(void **state)
{
    ae_lease_t     lease;
    unsigned char  buf[1000];

    (void) state;

    put();
    take(&lease);
    assert_int_equal(save(ALL), 1);
    done(&lease, AE_DEAD, 0);
    is(0, 0, 0, 1);

    assert_int_equal(ae_queue_save_read(q, row, buf), AE_DECLINED);
    ae_queue_saved(q, row, 1, 1);
    is(0, 0, 0, 1);
    free_all(1);

    /* the row is a stale one of the next delivery */

    put();
    assert_int_equal(ae_queue_save_read(q, row, buf), AE_DECLINED);
    ae_queue_saved(q, row, 1, 1);
    ae_queue_forget(q, uid, node, 1);
    is(1, 0, 0, 0);
}


static void
test_changes_while_it_is_saved(void **state)
{
    ae_lease_t       lease;
    ae_outbox_row_t  old;

    (void) state;

    put();
    take(&lease);
    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].attempt, 0);
    old = row[0];

    done(&lease, AE_RETRY, 3000);
    is(1, 0, 0, 0);
    ae_queue_saved(q, &old, 1, 1);
    is(1, 0, 0, 0);

    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].uid, old.uid);
    assert_int_equal(row[0].attempt, 1);
    assert_int_equal(row[0].due, now.wall + 2000);

    /* the first answer comes after the second question */

    ae_queue_saved(q, &old, 1, 1);
    is(0, 1, 0, 0);
    ae_queue_saved(q, row, 1, 1);
    is(0, 0, 1, 0);
}


static void
test_retry(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put();
    keep(1);
    take(&lease);
    done(&lease, AE_RETRY, 3000);
    is(1, 0, 0, 0);
    now.mono = 2500;
    now.wall += 1500;
    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].due, now.wall + 500);
    ae_queue_saved(q, row, 1, 1);

    /* that it is due is nothing to write, but an attempt is */

    now.mono = 3000;
    (void) ae_queue_tick(q, &now);
    is(0, 0, 1, 0);
    take(&lease);
    assert_int_equal(lease.attempt, 2);
    done(&lease, AE_RETRY, 0);
    is(1, 0, 0, 0);
    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].attempt, 2);
    assert_int_equal(row[0].due, 0);
    ae_queue_saved(q, row, 1, 1);

    /* an overdue one */

    take(&lease);
    done(&lease, AE_RETRY, 4000);
    now.mono = 9000;
    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].due, now.wall);
}


static void
test_cooldown(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put_cool(1);
    put_cool(1);
    assert_int_equal(save(ALL), 2);
    assert_int_equal(row[0].held, 0);
    assert_int_equal(row[0].period, 1000);
    assert_int_equal(row[0].cooldown.h[1], 1);
    assert_int_equal(row[1].held, 1);
    assert_int_equal(row[1].due, 0);
    ae_queue_saved(q, row, 2, 1);

    /* now it is known when the held one is due */

    take(&lease);
    done(&lease, AE_DELIVERED, 0);
    is(1, 0, 0, 1);
    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].held, 1);
    assert_int_equal(row[0].due, now.wall + 1000);
    ae_queue_saved(q, row, 1, 1);

    /* the next one takes its place */

    put_cool(1);
    is(1, 0, 0, 2);
    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].suppressed, 1);
    ae_queue_saved(q, row, 1, 1);

    now.mono += 1000;
    (void) ae_queue_tick(q, &now);
    is(0, 0, 1, 2);

    /* it dies, and another one stands for what it stood for */

    put_cool(1);
    keep(1);
    take(&lease);
    done(&lease, AE_DEAD, 0);
    is(1, 0, 0, 3);
    assert_int_equal(save(ALL), 1);
    assert_int_equal(row[0].suppressed, 1);
    assert_int_equal(row[0].held, 0);
}


static void
test_retired(void **state)
{
    (void) state;

    put();
    put_cool(1);
    put_cool(1);
    keep(3);
    put();

    assert_int_equal(ae_queue_retire(q, &ep, 0), 4);
    queue_check(q);
    is(0, 0, 0, 3);
    assert_int_equal(ae_queue_retire(q, &ep, 0), 0);
    free_all(3);
}


static void
test_keeper_dies(void **state)
{
    uint64_t  first;

    (void) state;

    put();
    put();
    put();
    keep(3);
    put();
    put();
    assert_int_equal(save(ALL), 2);
    first = row[0].uid;
    put();

    ae_queue_keeper(q, 1);
    queue_check(q);
    is(3, 0, 3, 0);
    assert_int_equal(save(ALL), 3);
    assert_int_equal(row[0].uid, first);
    assert_int_equal(row[1].uid, first + 1);
    assert_int_equal(row[2].uid, first + 2);
}


static void
test_store_comes_and_goes(void **state)
{
    size_t      i;
    ae_lease_t  lease;

    (void) state;

    ae_queue_keeper(q, 0);

    for (i = 0; i < 100; i++) {
        put();
    }

    take(&lease);
    is(0, 0, 0, 0);

    ae_queue_keeper(q, 1);
    queue_check(q);
    is(100, 0, 0, 0);
    keep(100);
    done(&lease, AE_DELIVERED, 0);
    is(0, 0, 99, 1);

    ae_queue_keeper(q, 0);
    queue_check(q);
    is(0, 0, 0, 0);
    assert_int_equal(queue_stat(q, ep).nodes_free, q->nodes - 99);

    /* their rows may be there still, under the uids that they had */

    take(&lease);
    ae_queue_keeper(q, 1);
    is(99, 0, 0, 0);
    done(&lease, AE_DELIVERED, 0);
    is(98, 0, 0, 1);
    assert_int_equal(ae_queue_gone(q, uid, node, ROWS), 1);
    assert_int_equal(uid[0], row[1].uid);
}


/* more than one lock's work */

static void
test_batches(void **state)
{
    size_t      i;
    ae_lease_t  lease;

    (void) state;

    for (i = 0; i < 200; i++) {
        put();
    }

    assert_int_equal(save(ALL), 200);

    for (i = 1; i < 200; i++) {
        assert_int_equal(row[i].uid, row[0].uid + i);
    }

    ae_queue_saved(q, row, 200, 0);
    is(200, 0, 0, 0);
    assert_int_equal(save(ALL), 200);
    assert_true(row[0].uid < row[199].uid);
    ae_queue_saved(q, row, 200, 1);
    is(0, 0, 200, 0);

    for (i = 0; i < 200; i++) {
        take(&lease);
        done(&lease, AE_DELIVERED, 0);
    }

    assert_int_equal(ae_queue_gone(q, uid, node, 64), 64);
    assert_int_equal(ae_queue_gone(q, uid, node, 65), 65);
    free_all(200);
}


/* those that are gone have what nobody else wants */

static void
test_room(void **state)
{
    uint32_t          i, n;
    ae_lease_t        lease;
    ae_outbox_stat_t  st;

    (void) state;

    n = 0;

    while (q->nodes_free > 8) {
        put();
        keep(1);
        take(&lease);
        done(&lease, AE_DELIVERED, 0);
        n++;
    }

    assert_int_equal(ae_queue_gone(q, uid, node, ROWS), ROWS);

    /* as many as without them, and the oldest ones make room */

    for (i = 0; i < q->nodes / 3; i++) {
        put();
    }

    queue_check(q);
    ae_queue_outbox_stat(q, &st);
    assert_int_equal(st.forgotten, q->nodes / 3 - 8);
    assert_int_equal(st.gone, n - st.forgotten);
    assert_int_equal(queue_stat(q, ep).nodes_free, 0);

    /* forgotten twice is nothing */

    ae_queue_forget(q, uid, node, ROWS);
    queue_check(q);
    ae_queue_outbox_stat(q, &st);
    assert_int_equal(st.changed, q->nodes / 3);
}


static void
test_bad_rows(void **state)
{
    unsigned char  buf[1000];

    (void) state;

    put();
    assert_int_equal(save(ALL), 1);

    row[0].node = UINT32_MAX;
    uid[0] = row[0].uid;
    node[0] = UINT32_MAX;

    assert_int_equal(ae_queue_save_read(q, row, buf), AE_DECLINED);
    ae_queue_saved(q, row, 1, 1);
    ae_queue_forget(q, uid, node, 1);
    is(0, 1, 0, 0);
}


int
main(void)
{
#define outbox_test(f)                                                        \
    cmocka_unit_test_setup_teardown(f, outbox_setup, outbox_teardown)

    const struct CMUnitTest  tests[] = {
        outbox_test(test_at_once),
        outbox_test(test_no_store),
        outbox_test(test_kept),
        outbox_test(test_before),
        outbox_test(test_not_saved),
        outbox_test(test_ends_while_it_is_saved),
        outbox_test(test_changes_while_it_is_saved),
        outbox_test(test_retry),
        outbox_test(test_cooldown),
        outbox_test(test_retired),
        outbox_test(test_keeper_dies),
        outbox_test(test_store_comes_and_goes),
        outbox_test(test_batches),
        outbox_test(test_room),
        outbox_test(test_bad_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
