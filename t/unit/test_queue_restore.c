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


#define ROWS                 200
#define MANY                 100000
#define MANY_SIZE            (224 * 1024 * 1024)
#define ALL                  UINT64_MAX


static ae_queue_t        *q;
static uint32_t           ep;
static uint64_t           number;
static size_t             length;
static ae_outbox_row_t    row[ROWS];


static int restore_setup(void **state);
static int restore_teardown(void **state);
static ae_outbox_row_t row_of(uint64_t uid);
static ae_outbox_row_t cool_row(uint64_t uid, uint64_t identity, int held,
    uint64_t due);
static int restore(const ae_outbox_row_t *r);
static void put_cool(uint64_t identity);
static uint64_t take(ae_lease_t *lease);
static void none(void);
static void done(ae_lease_t *lease, ae_outcome_e outcome, uint64_t due);
static void at(uint64_t mono);
static void counts(uint64_t delivered, uint64_t suppressed, uint64_t pending,
    uint64_t dead);
static ae_queue_t *carry_over(ae_queue_t *from);


static int
restore_setup(void **state)
{
    (void) state;

    now = (ae_now_t) { 1000, 5000000 };
    number = 100;
    length = 500;
    q = queue_new(QUEUE_SIZE);
    ep = queue_endpoint(q, 7, 10, 10000);
    ae_queue_keeper(q, 1);

    return 0;
}


static int
restore_teardown(void **state)
{
    (void) state;

    queue_free(q);

    return 0;
}


static ae_outbox_row_t
row_of(uint64_t uid)
{
    ae_outbox_row_t  r;

    memset(&r, 0, sizeof(r));
    r.uid = uid;
    r.endpoint = (ae_id_t) { { 7, ~(uint64_t) 7 } };

    return r;
}


static ae_outbox_row_t
cool_row(uint64_t uid, uint64_t identity, int held, uint64_t due)
{
    ae_outbox_row_t  r;

    r = row_of(uid);
    r.cooldown = (ae_id_t) { { identity, 1 } };
    r.period = 1000;
    r.held = held;
    r.due = due;

    return r;
}


/* its record is its uid */

static int
restore(const ae_outbox_row_t *r)
{
    int            rc;
    uint64_t       uid;
    unsigned char  data[500];

    uid = r->uid;
    memset(data, 'r', sizeof(data));
    memcpy(data, &uid, sizeof(uid));

    rc = ae_queue_restore(q, r, (ae_str_t) { length, data }, &now);

    if (q->nodes < 10000) {
        queue_check(q);
    }

    return rc;
}


static void
put_cool(uint64_t identity)
{
    unsigned char      data[500];
    ae_queue_target_t  target;

    memset(data, 'p', sizeof(data));
    memset(&target, 0, sizeof(target));
    target.endpoint = ep;
    target.cooldown = (ae_id_t) { { identity, 1 } };
    target.period = 1000;

    number++;
    memcpy(data, &number, sizeof(number));

    assert_int_equal(ae_queue_route(q, 0, number,
                                    (ae_str_t) { sizeof(data), data },
                                    &target, 1, &now),
                     AE_OK);
    assert_int_equal(target.result, AE_OK);
    queue_check(q);
}


/* returns the uid that the record has, or number */

static uint64_t
take(ae_lease_t *lease)
{
    uint64_t       uid;
    unsigned char  data[500];

    assert_int_equal(ae_queue_take(q, ep, 0, &now, lease), AE_OK);
    assert_int_equal(lease->len, sizeof(data));
    assert_int_equal(ae_queue_read(q, lease, data), AE_OK);
    memcpy(&uid, data, sizeof(uid));

    return uid;
}


static void
none(void)
{
    ae_lease_t  lease;

    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_AGAIN);
}


static void
done(ae_lease_t *lease, ae_outcome_e outcome, uint64_t due)
{
    assert_int_equal(ae_queue_done(q, lease, outcome, due, &now), AE_OK);
    queue_check(q);
}


static void
at(uint64_t mono)
{
    now.wall += mono - now.mono;
    now.mono = mono;
    (void) ae_queue_tick(q, &now);
    queue_check(q);
}


static void
counts(uint64_t delivered, uint64_t suppressed, uint64_t pending,
    uint64_t dead)
{
    ae_queue_stat_t  st;

    st = queue_stat(q, ep);

    assert_int_equal(st.delivered, delivered);
    assert_int_equal(st.suppressed, suppressed);
    assert_int_equal(st.pending, pending);
    assert_int_equal(st.dead, dead);
    assert_int_equal(st.deliveries, delivered + suppressed + pending + dead);
}


static void
test_restored(void **state)
{
    ae_lease_t        lease;
    uint32_t          node;
    uint64_t          uid;
    ae_outbox_row_t   r;
    ae_outbox_stat_t  st;

    (void) state;

    r = row_of(5);
    r.attempt = 3;
    r.suppressed = 9;

    assert_int_equal(restore(&r), AE_OK);
    counts(0, 0, 1, 0);
    ae_queue_outbox_stat(q, &st);
    assert_int_equal(st.kept, 1);
    assert_int_equal(ae_queue_save(q, row, ROWS, ALL, &now), 0);

    assert_int_equal(take(&lease), 5);
    assert_int_equal(lease.attempt, 4);
    assert_int_equal(lease.suppressed, 9);

    /* it is here: waiting, in flight, changed, or gone */

    assert_int_equal(restore(&r), AE_DECLINED);
    done(&lease, AE_RETRY, 0);
    assert_int_equal(restore(&r), AE_DECLINED);
    assert_int_equal(ae_queue_save(q, row, ROWS, ALL, &now), 1);
    assert_int_equal(row[0].uid, 5);
    assert_int_equal(row[0].attempt, 4);
    assert_int_equal(take(&lease), 5);
    done(&lease, AE_DELIVERED, 0);
    counts(1, 0, 0, 0);
    assert_int_equal(restore(&r), AE_DECLINED);

    assert_int_equal(ae_queue_gone(q, &uid, &node, 1), 1);
    assert_int_equal(uid, 5);
    ae_queue_forget(q, &uid, &node, 1);
    assert_int_equal(queue_stat(q, ep).nodes_free, q->nodes);
}


static void
test_declined(void **state)
{
    ae_outbox_row_t  r;

    (void) state;

    /* no clock has come there: those after it would come round to none */

    r = row_of((uint64_t) INT64_MAX + 1);
    assert_int_equal(restore(&r), AE_ERROR);

    r = row_of(0);
    assert_int_equal(restore(&r), AE_ERROR);

    r = row_of(5);
    r.endpoint.h[0] = 8;
    assert_int_equal(restore(&r), AE_DECLINED);

    r = row_of(5);
    (void) ae_queue_retire(q, &ep, 0);
    assert_int_equal(restore(&r), AE_DECLINED);
    (void) queue_endpoint(q, 7, 10, 0);

    ae_queue_keeper(q, 0);
    assert_int_equal(restore(&r), AE_DECLINED);
    ae_queue_keeper(q, 1);

    /* the bound is for new ones */

    assert_int_equal(restore(&r), AE_OK);
    counts(0, 0, 1, 0);
}


/* one of this queue's own that is not here has ended */

static void
test_own(void **state)
{
    ae_lease_t       lease;
    ae_outbox_row_t  r;

    (void) state;

    assert_int_equal(queue_put(q, ep, 1), AE_OK);
    assert_int_equal(ae_queue_save(q, row, ROWS, ALL, &now), 1);
    r = row[0];
    assert_int_equal(restore(&r), AE_DECLINED);

    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_OK);
    done(&lease, AE_DELIVERED, 0);
    assert_int_equal(restore(&r), AE_DECLINED);
    ae_queue_forget(q, &r.uid, &r.node, 1);
    assert_int_equal(restore(&r), AE_ERROR);
    counts(1, 0, 0, 0);

    /* a queue that was ahead, since the clock was set back */

    r.uid += 1000;
    assert_int_equal(restore(&r), AE_OK);
    assert_int_equal(queue_put(q, ep, 2), AE_OK);
    assert_int_equal(ae_queue_save(q, row, ROWS, ALL, &now), 1);
    assert_int_equal(row[0].uid, r.uid + 1);

    r.uid -= 500;
    assert_int_equal(restore(&r), AE_OK);
    counts(1, 0, 3, 0);
}


static void
test_due(void **state)
{
    ae_lease_t       lease;
    ae_outbox_row_t  r;

    (void) state;

    r = row_of(5);
    r.due = now.wall + 500;
    assert_int_equal(restore(&r), AE_OK);
    r = row_of(6);
    r.due = now.wall - 500;
    assert_int_equal(restore(&r), AE_OK);

    assert_int_equal(take(&lease), 6);
    none();
    at(1499);
    none();
    at(1500);
    assert_int_equal(take(&lease), 5);
}


/* what a clock that went wrong for a while has put off for years */

static void
test_put_off(void **state)
{
    ae_lease_t       lease;
    ae_outbox_row_t  r;

    (void) state;

    r = row_of(1);
    r.due = now.wall + 10 * 365 * AE_OUTBOX_LATEST;
    assert_int_equal(restore(&r), AE_OK);

    r = cool_row(2, 5, 1, UINT64_MAX);
    r.period = 2 * AE_OUTBOX_LATEST;
    assert_int_equal(restore(&r), AE_OK);

    at(1000 + AE_OUTBOX_LATEST - 1);
    none();
    at(1000 + AE_OUTBOX_LATEST);
    assert_int_equal(take(&lease), 1);
    at(1000 + 2 * AE_OUTBOX_LATEST - 1);
    none();
    at(1000 + 2 * AE_OUTBOX_LATEST);
    assert_int_equal(take(&lease), 2);
}


/* it is behind its cooldown, and so are those that come */

static void
test_held(void **state)
{
    ae_lease_t       lease;
    ae_outbox_row_t  r;

    (void) state;

    r = cool_row(5, 1, 1, now.wall + 500);
    r.suppressed = 4;
    assert_int_equal(restore(&r), AE_OK);
    put_cool(1);
    put_cool(1);
    none();

    at(1500);
    assert_int_equal(take(&lease), 5);
    assert_int_equal(lease.suppressed, 4);
    none();
    done(&lease, AE_DELIVERED, 0);
    counts(1, 1, 1, 0);

    at(2499);
    none();
    at(2500);
    assert_int_equal(take(&lease), 102);
    assert_int_equal(lease.suppressed, 1);
}


static void
test_occupies_its_cooldown(void **state)
{
    ae_lease_t       lease;
    ae_outbox_row_t  r;

    (void) state;

    r = cool_row(5, 1, 0, 0);
    assert_int_equal(restore(&r), AE_OK);
    r = cool_row(6, 1, 1, 0);
    assert_int_equal(restore(&r), AE_OK);
    put_cool(1);

    assert_int_equal(take(&lease), 5);
    none();
    done(&lease, AE_DEAD, 0);
    assert_int_equal(take(&lease), 6);
    none();
    done(&lease, AE_DELIVERED, 0);
    counts(1, 0, 1, 1);
}


/* an identity that is busy already */

static void
test_behind_a_cooldown(void **state)
{
    ae_lease_t       lease;
    ae_outbox_row_t  r;

    (void) state;

    put_cool(1);
    r = cool_row(5, 1, 0, 0);
    assert_int_equal(restore(&r), AE_OK);
    assert_int_equal(take(&lease), 101);
    none();
    done(&lease, AE_DELIVERED, 0);

    r = cool_row(6, 1, 0, 0);
    assert_int_equal(restore(&r), AE_OK);
    counts(1, 1, 1, 0);

    /* over, but nobody was told so far */

    now.mono = 2000;
    r = cool_row(7, 1, 0, 0);
    assert_int_equal(restore(&r), AE_OK);
    assert_int_equal(take(&lease), 6);
    assert_int_equal(lease.suppressed, 1);
    none();
    counts(1, 1, 2, 0);
}


static void
test_room(void **state)
{
    int              rc;
    uint32_t         i, uid;
    ae_outbox_row_t  r;

    (void) state;

    uid = 0;
    (void) queue_endpoint(q, 8, 10, 10000);

    do {
        r = row_of(++uid);
        rc = restore(&r);
    } while (rc == AE_OK);

    assert_int_equal(rc, AE_FULL);
    assert_true(uid > q->nodes / 5 && uid < q->nodes / 2);

    /* the endpoint's new ones have room, and others' old ones */

    for (i = 1; i < 20; i++) {
        assert_int_equal(queue_put(q, ep, i), AE_OK);
        r = row_of(uid + i);
        r.endpoint = (ae_id_t) { { 8, ~(uint64_t) 8 } };
        assert_int_equal(restore(&r), AE_OK);
    }

    assert_int_equal(queue_stat(q, ep).dead, 0);

    /* the reserve is for what happens now */

    for (i = 100; rc == AE_FULL && i < 1000; i++) {
        r = row_of(100000 + i);
        r.endpoint = (ae_id_t) { { i, ~(uint64_t) i } };
        (void) queue_endpoint(q, i, 10, 1000);

        if (restore(&r) != AE_OK) {
            break;
        }
    }

    assert_true(queue_stat(q, ep).nodes_free >= q->nodes / 16
                && queue_stat(q, ep).blocks_free >= q->blocks / 16);
    assert_true(queue_stat(q, ep).nodes_free <= q->nodes / 16 + 1
                || queue_stat(q, ep).blocks_free <= q->blocks / 16 + 3);
}


static ae_queue_t *
carry_over(ae_queue_t *from)
{
    size_t            i, n;
    ae_queue_t       *to;
    unsigned char     data[1000];

    ae_queue_keeper(from, 0);
    ae_queue_keeper(from, 1);

    n = ae_queue_save(from, row, ROWS, ALL, &now);
    to = queue_new(QUEUE_SIZE);

    (void) queue_endpoint(to, 7, 10, 10000);
    ae_queue_keeper(to, 1);

    for (i = 0; i < n; i++) {
        assert_int_equal(ae_queue_save_read(from, &row[i], data), AE_OK);
        assert_int_equal(ae_queue_restore(to, &row[i],
                                          (ae_str_t) { row[i].len, data },
                                          &now),
                         AE_OK);
    }

    queue_free(from);

    return to;
}


/* what one queue tells another one understands, twice */

static void
test_carried_over(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put_cool(1);                                /* 101, kept waiting */
    put_cool(1);
    put_cool(2);                                /* 103, its cooldown runs */
    assert_int_equal(take(&lease), 101);
    assert_int_equal(take(&lease), 103);
    done(&lease, AE_DELIVERED, 0);
    put_cool(2);
    put_cool(2);
    put_cool(3);                                /* 106, a retry */
    assert_int_equal(take(&lease), 106);
    done(&lease, AE_RETRY, 1600);

    q = carry_over(q);
    q = carry_over(q);
    counts(0, 0, 4, 0);

    assert_int_equal(take(&lease), 101);
    assert_int_equal(lease.attempt, 1);
    done(&lease, AE_DEAD, 0);
    assert_int_equal(take(&lease), 102);
    none();

    at(1600);
    assert_int_equal(take(&lease), 106);
    assert_int_equal(lease.attempt, 2);
    at(1999);
    none();
    at(2000);
    assert_int_equal(take(&lease), 105);
    assert_int_equal(lease.suppressed, 1);
    none();
}


/* as many as there may be, in a time that does not grow with their square */

static void
test_many(void **state)
{
    uint32_t          i, k;
    ae_now_t          start, end;
    ae_queue_t       *small;
    ae_outbox_row_t   r;

    (void) state;

    length = sizeof(uint64_t);

    small = q;
    q = queue_new(MANY_SIZE);
    ep = queue_endpoint(q, 7, 10, 1000);
    ae_queue_keeper(q, 1);

    ae_now(&start);

    for (k = 0; k < 2; k++) {
        for (i = 1; i <= MANY; i++) {
            r = row_of((uint64_t) i * 1000);
            r.due = now.wall + 1 + i % 100;
            assert_int_equal(restore(&r), k ? AE_DECLINED : AE_OK);
        }
    }

    ae_now(&end);
    print_message("%d rows twice in %lu ms\n", MANY,
                  (end.mono - start.mono) / 1000000);

    assert_int_equal(queue_stat(q, ep).pending, MANY);

    queue_free(q);
    q = small;
}


int
main(void)
{
#define restore_test(f)                                                       \
    cmocka_unit_test_setup_teardown(f, restore_setup, restore_teardown)

    const struct CMUnitTest  tests[] = {
        restore_test(test_restored),
        restore_test(test_declined),
        restore_test(test_own),
        restore_test(test_due),
        restore_test(test_put_off),
        restore_test(test_held),
        restore_test(test_occupies_its_cooldown),
        restore_test(test_behind_a_cooldown),
        restore_test(test_room),
        restore_test(test_carried_over),
        restore_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
