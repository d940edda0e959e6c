/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/ae_queue.h"
#include "queue_check.h"


#define QUEUE_SIZE           (256 * 1024)
#define PERIOD               1000
#define NONE                 UINT64_MAX


static ae_queue_t        *q;
static uint32_t           ep, other;
static uint64_t           number, period;
static ae_now_t           now;


static int queue_setup(void **state);
static int queue_teardown(void **state);
static void put(uint64_t identity, int event);
static void put_to(uint32_t endpoint, uint64_t identity, int event);
static int route(uint32_t endpoint, uint64_t identity, int event,
    size_t len);
static ae_lease_t take(int event, uint64_t suppressed);
static void none(void);
static void done(ae_lease_t lease, ae_outcome_e outcome);
static void at(uint64_t mono);
static void cycle(uint64_t identity, uint64_t time);
static void counts(uint64_t delivered, uint64_t suppressed, uint64_t pending,
    uint64_t dead);


static int
queue_setup(void **state)
{
    (void) state;

    q = aligned_alloc(64, QUEUE_SIZE);
    memset(q, 0, QUEUE_SIZE);
    q = ae_queue_init(q, QUEUE_SIZE);

    ep = ae_queue_endpoint(q, (ae_id_t) { { 1, 1 } }, 10, 1000);
    other = ae_queue_endpoint(q, (ae_id_t) { { 2, 2 } }, 10, 1000);
    number = 0;
    period = PERIOD;
    now.mono = 0;

    return 0;
}


static int
queue_teardown(void **state)
{
    (void) state;

    queue_check(q);
    free(q);

    return 0;
}


/* identity NONE: of no cooldown */

static int
route(uint32_t endpoint, uint64_t identity, int event, size_t len)
{
    ae_str_t           record;
    unsigned char      data[1000];
    ae_queue_target_t  target;

    memset(data, event, sizeof(data));

    record = (ae_str_t) { len, data };

    target.endpoint = endpoint;
    target.cooldown = (ae_id_t) { { identity, 0 } };
    target.period = (identity == NONE) ? 0 : period;

    assert_int_equal(ae_queue_route(q, 0, ++number, record, &target, 1, &now),
                     AE_OK);

    return target.result;
}


static void
put_to(uint32_t endpoint, uint64_t identity, int event)
{
    assert_int_equal(route(endpoint, identity, event, 1), AE_OK);
    queue_check(q);
}


static void
put(uint64_t identity, int event)
{
    put_to(ep, identity, event);
}


static ae_lease_t
take(int event, uint64_t suppressed)
{
    ae_lease_t     lease;
    unsigned char  c;

    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_OK);
    assert_int_equal(ae_queue_read(q, &lease, &c), AE_OK);
    assert_int_equal(c, event);
    assert_int_equal(lease.suppressed, suppressed);
    queue_check(q);

    return lease;
}


static void
none(void)
{
    ae_lease_t  lease;

    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_AGAIN);
}


static void
done(ae_lease_t lease, ae_outcome_e outcome)
{
    assert_int_equal(ae_queue_done(q, &lease, outcome, now.mono, &now), AE_OK);
    queue_check(q);
}


static void
at(uint64_t mono)
{
    now.mono = mono;
    (void) ae_queue_tick(q, &now);
    queue_check(q);
}


/* one is delivered, and one is held for the time */

static void
cycle(uint64_t identity, uint64_t time)
{
    ae_lease_t  lease;

    period = time;

    assert_int_equal(route(ep, identity, 'a', 1), AE_OK);
    assert_int_equal(ae_queue_take(q, ep, 0, &now, &lease), AE_OK);
    assert_int_equal(ae_queue_done(q, &lease, AE_DELIVERED, 0, &now), AE_OK);
    assert_int_equal(route(ep, identity, 'b', 1), AE_OK);
}


static void
counts(uint64_t delivered, uint64_t suppressed, uint64_t pending,
    uint64_t dead)
{
    ae_queue_stat_t  st;

    ae_queue_stat(q, AE_NO_ENDPOINT, &st);

    assert_int_equal(st.delivered, delivered);
    assert_int_equal(st.suppressed, suppressed);
    assert_int_equal(st.pending, pending);
    assert_int_equal(st.dead, dead);
    assert_int_equal(st.deliveries, number);
}


static void
test_one_at_once(void **state)
{
    (void) state;

    put(1, 'a');
    put(2, 'b');
    put(1, 'c');

    /* other identities do not matter, later ones of the same wait */

    (void) take('a', 0);
    (void) take('b', 0);
    none();
    counts(0, 0, 3, 0);
}


static void
test_held_before_it_is_taken(void **state)
{
    (void) state;

    put(1, 'a');
    put(1, 'b');
    assert_int_equal(ae_queue_ready(q, ep), 1);
    (void) take('a', 0);
    none();
}


static void
test_suppressed_by_success(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put(1, 'a');
    lease = take('a', 0);
    put(1, 'b');
    put(1, 'c');
    put(1, 'd');
    counts(0, 0, 4, 0);

    now.mono = 100;
    done(lease, AE_DELIVERED);
    counts(1, 2, 1, 0);
    none();

    /* all that follow until it ends */

    at(500);
    put(1, 'e');
    put(1, 'f');
    counts(1, 4, 1, 0);

    at(1099);
    none();
    assert_int_equal(ae_queue_tick(q, &now), 1);

    /* the last one stands for b, c, d and e */

    at(1100);
    lease = take('f', 4);
    counts(1, 4, 1, 0);
    assert_int_equal(ae_queue_tick(q, &now), UINT64_MAX);

    /* it starts the same again */

    put(1, 'g');
    none();
    done(lease, AE_DELIVERED);
    none();
    counts(2, 4, 1, 0);

    at(2100);
    lease = take('g', 0);
    done(lease, AE_DELIVERED);

    at(3100);
    counts(3, 4, 0, 0);
}


static void
test_over_without_followers(void **state)
{
    (void) state;

    put(1, 'a');
    done(take('a', 0), AE_DELIVERED);
    assert_int_equal(ae_queue_tick(q, &now), PERIOD);

    at(PERIOD);
    assert_int_equal(ae_queue_tick(q, &now), UINT64_MAX);

    put(1, 'b');
    done(take('b', 0), AE_DELIVERED);
    counts(2, 0, 0, 0);
}


static void
test_over_before_the_tick(void **state)
{
    (void) state;

    put(1, 'a');
    done(take('a', 0), AE_DELIVERED);

    /* nobody looked at the clock: the event that comes does */

    now.mono = PERIOD;
    put(1, 'b');
    put(1, 'c');
    done(take('b', 0), AE_DELIVERED);

    now.mono = 2 * PERIOD;
    put(1, 'd');
    (void) take('c', 0);
    none();
    counts(2, 0, 2, 0);
}


static void
test_next_one_after_a_failure(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put(1, 'a');
    put(1, 'b');
    put(1, 'c');
    put(1, 'd');

    /* a retry is still under way */

    done(take('a', 0), AE_RETRY);
    lease = take('a', 0);
    none();

    done(lease, AE_DEAD);
    lease = take('b', 0);
    none();
    counts(0, 0, 3, 1);

    done(lease, AE_DELIVERED);
    none();
    counts(1, 1, 1, 1);

    at(PERIOD);
    done(take('d', 1), AE_DEAD);
    counts(1, 1, 0, 2);

    /* nothing was delivered and nothing waits: free to be sent */

    put(1, 'e');
    done(take('e', 0), AE_DELIVERED);
}


static void
test_failure_hands_on_what_it_stood_for(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put(1, 'a');
    put(1, 'b');
    put(1, 'c');
    done(take('a', 0), AE_DELIVERED);

    at(PERIOD);
    lease = take('c', 1);
    put(1, 'd');
    put(1, 'e');
    done(lease, AE_DEAD);

    (void) take('d', 1);
    counts(1, 1, 2, 1);
}


static void
test_delayed_retry(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put(1, 'a');
    lease = take('a', 0);
    assert_int_equal(ae_queue_done(q, &lease, AE_RETRY, 5000, &now), AE_OK);

    put(1, 'b');
    at(4999);
    none();
    at(5000);
    (void) take('a', 0);
    none();
}


static void
test_owner_dies(void **state)
{
    ae_lease_t  lease;

    (void) state;

    put(1, 'a');
    put(1, 'b');

    lease = take('a', 0);
    ae_queue_in_script(q, &lease, 1);
    assert_int_equal(ae_queue_adopt(q, 0), 1);
    queue_check(q);

    lease = take('a', 0);
    none();

    /* poison: the next one is sent */

    ae_queue_in_script(q, &lease, 1);
    assert_int_equal(ae_queue_adopt(q, 0), 0);
    queue_check(q);
    (void) take('b', 0);
    counts(0, 0, 1, 1);
}


/*
 * However many there are while one is under way: the newest go on waiting, and
 * stand for those before.
 */

static void
test_no_more_are_held_than_the_bound(void **state)
{
    int         i;
    ae_lease_t  lease;

    (void) state;

    (void) ae_queue_endpoint(q, (ae_id_t) { { 1, 1 } }, 10, 3);

    put(1, 'a');
    lease = take('a', 0);

    for (i = 0; i < 3; i++) {
        put(1, 'b');
    }

    counts(0, 0, 4, 0);

    for (i = 0; i < 1000; i++) {
        put(1, 'c');
    }

    counts(0, 1000, 4, 0);

    /* those of the others do not come at their cost */

    assert_int_equal(route(ep, 2, 'r', 1), AE_FULL);
    assert_int_equal(route(ep, NONE, 'r', 1), AE_FULL);
    counts(0, 1000, 4, 2);

    done(lease, AE_DEAD);

    /* a third of what is suppressed is told by each of the three */

    lease = take('c', 333);
    counts(0, 1000, 3, 3);
    put(1, 'd');
    counts(0, 1000, 4, 3);

    done(lease, AE_DELIVERED);
    counts(1, 1002, 1, 3);

    at(PERIOD);
    (void) take('d', 669);
}


static void
test_the_bound_while_it_runs(void **state)
{
    int  i;

    (void) state;

    (void) ae_queue_endpoint(q, (ae_id_t) { { 1, 1 } }, 10, 1);

    put(1, 'a');
    done(take('a', 0), AE_DELIVERED);

    for (i = 0; i < 1000; i++) {
        put(1, 'b');
    }

    counts(1, 999, 1, 0);
    assert_int_equal(route(ep, 2, 'r', 1), AE_FULL);

    /* it is over, though nobody looked: this one is none of those */

    now.mono = PERIOD;
    assert_int_equal(route(ep, 1, 'r', 1), AE_FULL);
    counts(1, 999, 1, 2);

    at(PERIOD);
    (void) take('b', 999);
}


/* the pool as well: what is larger does not take the place of a small one */

static void
test_no_more_are_held_than_there_is_room(void **state)
{
    int              i;
    ae_queue_stat_t  st;

    (void) state;

    (void) ae_queue_endpoint(q, (ae_id_t) { { 1, 1 } }, 10, 100000);

    put(1, 'a');
    (void) take('a', 0);

    for (i = 0; i < 5000; i++) {
        put(1, 'b');
    }

    ae_queue_stat(q, ep, &st);
    assert_int_equal(st.dead, 0);
    assert_int_equal(st.suppressed + st.pending, 5001);
    assert_true(st.nodes_free > q->nodes / 3);

    for (i = 0; route(ep, NONE, 'r', 1) == AE_OK; i++) { /* void */ }

    assert_true(i < 16);
    assert_int_equal(route(ep, 1, 'r', 1000), AE_FULL);
    assert_int_equal(route(ep, 1, 'r', 200), AE_OK);
    assert_int_equal(route(ep, 2, 'r', 1), AE_FULL);

    /* there is room for others */

    put_to(other, 3, 'x');
    put_to(other, 3, 'y');
}


static void
test_no_room_for_cooldowns(void **state)
{
    uint32_t  i;

    (void) state;

    for (i = 0; i < q->cools; i++) {
        put(i, 'a');
        done(take('a', 0), AE_DELIVERED);
        now.mono += 1;
    }

    assert_int_equal(q->free_cool, AE_QUEUE_NONE);

    /* none to be had: all are sent */

    put(1000, 'b');
    put(1000, 'c');
    (void) take('b', 0);
    done(take('c', 0), AE_DELIVERED);

    /* the known ones still work */

    put(3, 'd');
    none();

    /* the first one is over, without a tick */

    now.mono = PERIOD;
    put(1000, 'e');
    (void) take('e', 0);
    put(1000, 'f');
    none();
}


static void
test_retired(void **state)
{
    ae_lease_t  lease;

    (void) state;

    /* 1: in flight, 2: queued, 3: runs, each with held ones */

    put(1, 'a');
    put(1, 'b');
    lease = take('a', 0);
    put(3, 'e');
    done(take('e', 0), AE_DELIVERED);
    put(3, 'f');
    put(2, 'c');
    put(2, 'd');
    put_to(other, 4, 'x');
    put_to(other, 4, 'y');

    assert_int_equal(ae_queue_retire(q, &other, 1), 4);
    queue_check(q);
    counts(1, 0, 3, 4);

    done(lease, AE_DEAD);
    counts(1, 0, 2, 5);

    at(PERIOD);
    assert_int_equal(ae_queue_ready(q, other), 1);
    assert_int_equal(q->timers, 0);
}


static void
test_identity_of_two_endpoints(void **state)
{
    ae_lease_t  lease;

    (void) state;

    /* handlers make their own identities, but nothing breaks otherwise */

    put(1, 'a');
    put_to(other, 1, 'b');
    put(1, 'c');
    put_to(other, 1, 'd');

    lease = take('a', 0);
    none();
    assert_int_equal(ae_queue_retire(q, &ep, 1), 2);
    done(lease, AE_DEAD);
    done(take('c', 0), AE_DELIVERED);
    counts(1, 0, 0, 3);
}


static void
test_thousands_of_identities(void **state)
{
    uint32_t     i, n;
    ae_queue_t  *small;

    (void) state;

    small = q;
    q = aligned_alloc(64, 4 * 1024 * 1024);
    memset(q, 0, 4 * 1024 * 1024);
    q = ae_queue_init(q, 4 * 1024 * 1024);
    ep = ae_queue_endpoint(q, (ae_id_t) { { 1, 1 } }, 10, 100000);

    n = q->cools / 2;

    for (i = 0; i < n; i++) {
        cycle(i, 1 + i * 7919 % PERIOD);
    }

    queue_check(q);
    assert_int_equal(ae_queue_ready(q, ep), 0);

    at(PERIOD / 2);
    assert_true(ae_queue_ready(q, ep) > n / 3
                && ae_queue_ready(q, ep) < n * 2 / 3);

    at(PERIOD);
    assert_int_equal(ae_queue_ready(q, ep), n);

    free(q);
    q = small;
}


int
main(void)
{
#define cooldown_test(f)                                                      \
    cmocka_unit_test_setup_teardown(f, queue_setup, queue_teardown)

    const struct CMUnitTest  tests[] = {
        cooldown_test(test_one_at_once),
        cooldown_test(test_held_before_it_is_taken),
        cooldown_test(test_suppressed_by_success),
        cooldown_test(test_over_without_followers),
        cooldown_test(test_over_before_the_tick),
        cooldown_test(test_next_one_after_a_failure),
        cooldown_test(test_failure_hands_on_what_it_stood_for),
        cooldown_test(test_delayed_retry),
        cooldown_test(test_owner_dies),
        cooldown_test(test_no_more_are_held_than_the_bound),
        cooldown_test(test_the_bound_while_it_runs),
        cooldown_test(test_no_more_are_held_than_there_is_room),
        cooldown_test(test_no_room_for_cooldowns),
        cooldown_test(test_retired),
        cooldown_test(test_identity_of_two_endpoints),
        cooldown_test(test_thousands_of_identities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
