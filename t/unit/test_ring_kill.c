/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ring_help.h"


#define RING_LIVES           300


typedef struct {
    ae_ring_t               *ring;
    unsigned char           *copy;
    uint64_t                 raised;        /* of both sides of the commit */
    uint64_t                 low;
} ring_step_t;


static void ring_produce(ae_ring_t *ring);
static void ring_watch(ae_ring_t *ring);
static void ring_op_put(void *ctx);
static void ring_look_put(void *ctx);
static void ring_op_skip(void *ctx);
static void ring_look_skip(void *ctx);
static void ring_op_recover(void *ctx);
static void ring_look_recover(void *ctx);


/* puts records of ever other lengths until it is killed */

static void
ring_produce(ae_ring_t *ring)
{
    size_t     len;
    uint32_t  *p;
    uint64_t   i;

    for (i = 0; /* void */ ; i++) {
        len = 8 + i * 37 % 500;

        p = ae_ring_reserve(ring, len);

        if (p == NULL) {
            sched_yield();
            continue;
        }

        memset(p, (int) len, len);
        p[0] = len;
        ae_ring_commit(ring);
    }
}


static void
ring_watch(ae_ring_t *ring)
{
    ae_ring_stat_t  st, last;

    memset(&last, 0, sizeof(last));

    for ( ;; ) {
        st = ring_stat(ring);

        if (st.raised < last.raised || st.routed < last.routed) {
            abort();
        }

        last = st;
    }
}


static void
test_killed_producers(void **state)
{
    int             life, status;
    long            lives;
    pid_t           pid, watcher;
    size_t          i;
    uint64_t        n, number;
    ae_str_t        rec;
    ae_now_t        now, end;
    ae_ring_t      *ring;
    ae_ring_stat_t  st;

    (void) state;

    n = 0;
    lives = ae_steps(RING_LIVES);
    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    watcher = fork();
    if (watcher == 0) {
        ring_watch(ring);
    }

    for (life = 0; life < lives; life++) {
        pid = fork();
        if (pid == 0) {
            ring_produce(ring);
        }

        ae_now(&end);
        end.mono += 500000 + life * 7919 % 3000000;

        do {
            while (ae_ring_peek(ring, &rec, &number) == AE_OK) {
                assert_int_equal(number, ++n);
                assert_int_equal(*(uint32_t *) rec.data, rec.len);

                for (i = 4; i < rec.len; i++) {
                    assert_int_equal(rec.data[i], rec.len & 255);
                }

                ae_ring_release(ring);
            }

            sched_yield();
            ae_now(&now);

        } while (now.mono < end.mono);

        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        ae_ring_recover(ring);
        ring_stat(ring);
    }

    assert_int_equal(waitpid(watcher, &status, WNOHANG), 0);
    kill(watcher, SIGKILL);
    waitpid(watcher, &status, 0);

    while (ae_ring_peek(ring, &rec, &number) == AE_OK) {
        assert_int_equal(number, ++n);
        ae_ring_release(ring);
    }

    st = ring_stat(ring);
    assert_int_equal(st.routed, n);
    assert_int_equal(st.raised, n + st.dropped[AE_DROP_TORN]);
    assert_true(n > 1000);

    print_message("%lu records, %lu torn\n", (unsigned long) n,
                  (unsigned long) st.dropped[AE_DROP_TORN]);
}


static void
ring_op_put(void *ctx)
{
    ring_step_t  *s = ctx;

    void  *p;

    p = ae_ring_reserve(s->ring, 100);
    memset(p, 'b', 100);
    ae_ring_commit(s->ring);
}


/* a kill here leaves the new record whole, or torn, or never begun */

static void
ring_look_put(void *ctx)
{
    ring_step_t  *s = ctx;

    ae_ring_t       *ring;
    ae_ring_stat_t   st, again;

    memcpy(s->copy, s->ring, RING_SIZE);
    ring = (ae_ring_t *) s->copy;

    ae_ring_recover(ring);
    st = ring_stat(ring);

    assert_true(st.raised == s->low || st.raised == s->low + 1);
    assert_true(st.raised >= s->raised);
    s->raised = st.raised;

    ae_ring_recover(ring);
    again = ring_stat(ring);
    assert_memory_equal(&st, &again, sizeof(st));

    ring_get(ring, 100, 'a', 6);

    if (st.waiting == 2) {
        assert_int_equal(st.dropped[AE_DROP_TORN], 1);
        ring_get(ring, 100, 'b', 7);
    }

    ring_put(ring, 50, 'c');
    ring_get(ring, 50, 'c', st.waiting == 2 ? 8 : 7);
}


static void
ring_op_skip(void *ctx)
{
    ring_step_t  *s = ctx;

    uint64_t  number;
    ae_str_t  rec;

    (void) ae_ring_peek(s->ring, &rec, &number);
    ae_ring_release(s->ring);
}


/* a kill here leaves nothing counted twice */

static void
ring_look_skip(void *ctx)
{
    ring_step_t  *s = ctx;

    uint64_t         number;
    ae_str_t         rec;
    ae_ring_t       *ring;
    ae_ring_stat_t   st;

    memcpy(s->copy, s->ring, RING_SIZE);
    ring = (ae_ring_t *) s->copy;

    st = ring_stat(ring);
    assert_int_equal(st.raised, 5);
    assert_true(st.routed == s->low || st.routed == s->low + 1);
    assert_true(st.dropped[AE_DROP_CORRUPT] <= 2);

    ae_ring_recover(ring);

    if (st.routed == s->low) {
        ring_get(ring, 100, 'a', 4);
    }

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);
    assert_int_equal(number, 5);
    assert_int_equal(ring_stat(ring).dropped[AE_DROP_CORRUPT], 2);
}


static void
ring_op_recover(void *ctx)
{
    ring_step_t  *s = ctx;

    ae_ring_recover(s->ring);
}


static void
ring_look_recover(void *ctx)
{
    ring_step_t  *s = ctx;

    ae_ring_t       *ring;
    ae_ring_stat_t   st;

    memcpy(s->copy, s->ring, RING_SIZE);
    ring = (ae_ring_t *) s->copy;

    ae_ring_recover(ring);
    st = ring_stat(ring);

    assert_int_equal(st.raised, s->low + 1);
    assert_int_equal(st.dropped[AE_DROP_TORN], 1);
}


static void
test_every_instruction(void **state)
{
    int          i;
    long         n;
    ring_step_t  s;

    (void) state;

    s.ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);
    s.copy = step_memory(RING_SIZE);

    for (i = 1; i <= 6; i++) {
        ring_put(s.ring, 100, 'a');

        if (i < 6) {
            ring_get(s.ring, 100, 'a', i);
        }
    }

    /* one was torn before: the counts are not 0 */

    (void) ae_ring_reserve(s.ring, 100);
    ae_ring_recover(s.ring);

    s.low = 7;
    s.raised = 7;
    n = step_each(ring_op_put, ring_look_put, &s);

    if (n == -1) {
        skip();
    }

    assert_int_equal(s.raised, 8);
    print_message("put: %ld instructions\n", n);

    /* two corrupt records before a good one, one of them counted before */

    s.ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    for (i = 1; i <= 5; i++) {
        ring_put(s.ring, 100, 'a');
    }

    ring_record(s.ring, 2)[-8] ^= 1;
    ring_record(s.ring, 3)[7] ^= 1;
    ring_get(s.ring, 100, 'a', 1);

    s.low = 1;
    n = step_each(ring_op_skip, ring_look_skip, &s);
    print_message("skip: %ld instructions\n", n);
    assert_int_equal(ring_stat(s.ring).routed, 2);

    s.ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);
    ring_put(s.ring, 100, 'a');
    (void) ae_ring_reserve(s.ring, 100);

    s.low = 1;
    n = step_each(ring_op_recover, ring_look_recover, &s);
    print_message("recover: %ld instructions\n", n);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_killed_producers),
        cmocka_unit_test(test_every_instruction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
