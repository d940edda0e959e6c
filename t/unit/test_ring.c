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

#include "core/shared/shared.h"
#include "random.h"
#include "step.h"


#define RING_SIZE            8192
#define RING_HEAD            16             /* bytes before a record */
#define RING_LIVES           300


typedef struct {
    ae_ring_t               *ring;
    unsigned char           *copy;
    uint64_t                 raised;        /* of both sides of the commit */
    uint64_t                 low;
} ring_step_t;


static void ring_put(ae_ring_t *ring, size_t len, int c);
static void ring_get(ae_ring_t *ring, size_t len, int c, uint64_t number);
static ae_ring_stat_t ring_stat(const ae_ring_t *ring);
static unsigned char *ring_record(ae_ring_t *ring, int n);
static void ring_produce(ae_ring_t *ring);
static void ring_watch(ae_ring_t *ring);
static void ring_op_put(void *ctx);
static void ring_look_put(void *ctx);
static void ring_op_skip(void *ctx);
static void ring_look_skip(void *ctx);
static void ring_op_recover(void *ctx);
static void ring_look_recover(void *ctx);


static void
ring_put(ae_ring_t *ring, size_t len, int c)
{
    void  *p;

    p = ae_ring_reserve(ring, len);
    assert_non_null(p);

    memset(p, c, len);
    ae_ring_commit(ring);
}


static void
ring_get(ae_ring_t *ring, size_t len, int c, uint64_t number)
{
    size_t    i;
    uint64_t  n;
    ae_str_t  rec;

    assert_int_equal(ae_ring_peek(ring, &rec, &n), AE_OK);
    assert_int_equal(n, number);
    assert_int_equal(rec.len, len);

    for (i = 0; i < len; i++) {
        assert_int_equal(rec.data[i], (unsigned char) c);
    }

    ae_ring_release(ring);
}


/* checks the equation that holds at every moment */

static ae_ring_stat_t
ring_stat(const ae_ring_t *ring)
{
    uint32_t        i;
    uint64_t        dropped;
    ae_ring_stat_t  st;

    memset(&st, 0, sizeof(st));
    ae_ring_stat(ring, &st);

    dropped = 0;

    for (i = 0; i < AE_DROP_MAX; i++) {
        dropped += st.dropped[i];
    }

    if (st.raised != dropped + st.waiting + st.routed
        || st.waiting > st.raised || st.routed > st.raised)
    {
        fprintf(stderr, "raised %lu dropped %lu waiting %lu routed %lu\n",
                (unsigned long) st.raised, (unsigned long) dropped,
                (unsigned long) st.waiting, (unsigned long) st.routed);
        abort();
    }

    return st;
}


/* the n-th of records of 100 bytes that were put at once in a new ring */

static unsigned char *
ring_record(ae_ring_t *ring, int n)
{
    uint64_t  number;
    ae_str_t  rec;

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);

    return rec.data + (n - (int) number) * 128;
}


static void
test_too_small(void **state)
{
    static _Alignas(64) unsigned char  mem[4096];

    (void) state;

    assert_null(ae_ring_init(mem, 4095));
    assert_non_null(ae_ring_init(mem, 4096));
}


static void
test_in_order(void **state)
{
    int             i;
    ae_str_t        rec;
    uint64_t        number;
    ae_ring_t      *ring;
    ae_ring_stat_t  st;

    (void) state;

    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_AGAIN);
    ae_ring_release(ring);

    for (i = 1; i <= 5; i++) {
        ring_put(ring, i * 7, i);
    }

    st = ring_stat(ring);
    assert_int_equal(st.raised, 5);
    assert_int_equal(st.waiting, 5);

    /* peek does not consume */

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);
    assert_int_equal(number, 1);

    for (i = 1; i <= 5; i++) {
        ring_get(ring, i * 7, i, i);
    }

    /* neither does a second release */

    ae_ring_release(ring);

    st = ring_stat(ring);
    assert_int_equal(st.routed, 5);
    assert_int_equal(st.waiting, 0);
}


static void
test_lengths(void **state)
{
    size_t      len, max;
    uint64_t    n;
    ae_ring_t  *ring;

    (void) state;

    n = 0;
    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);
    max = ae_ring_max(ring);

    assert_true(max > RING_SIZE / 5 && max <= RING_SIZE / 4);
    assert_null(ae_ring_reserve(ring, max + 1));

    /* an empty ring takes the largest record wherever it stands */

    for (len = 0; len <= max; len++) {
        ring_put(ring, len, 'a');
        ring_get(ring, len, 'a', ++n);
        ring_put(ring, max, 'b');
        ring_get(ring, max, 'b', ++n);
    }

    assert_int_equal(ring_stat(ring).routed, n);
}


static void
test_full(void **state)
{
    uint64_t    n, k;
    ae_ring_t  *ring;

    (void) state;

    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    for (n = 0; ae_ring_reserve(ring, 40) != NULL; n++) {
        ae_ring_commit(ring);
        ring_stat(ring);
    }

    assert_true(n > 100);
    assert_int_equal(ring_stat(ring).waiting, n);

    ae_ring_drop(ring, AE_DROP_RING_FULL);
    assert_int_equal(ring_stat(ring).dropped[AE_DROP_RING_FULL], 1);
    assert_int_equal(ring_stat(ring).raised, n + 1);

    /* it stays full over and over, with head and tail at one place */

    for (k = 1; k <= 3 * n; k++) {
        ring_get(ring, 40, k <= n ? 0 : 'x', k);
        ring_put(ring, 40, 'x');
        assert_null(ae_ring_reserve(ring, 40));
        assert_int_equal(ring_stat(ring).waiting, n);
    }
}


static void
test_random(void **state)
{
    long        i, n;
    size_t      max, len[256];
    uint64_t    put, got;
    ae_ring_t  *ring;

    (void) state;

    ae_random_seed();

    put = 0;
    got = 0;
    n = ae_steps(300000);
    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);
    max = ae_ring_max(ring);

    for (i = 0; i < n; i++) {

        if (ae_random() % 2) {
            len[put % 256] = ae_random() % (ae_random() % 8 ? 200 : max);

            if (ae_ring_reserve(ring, len[put % 256]) != NULL
                && put - got < 256)
            {
                ring_put(ring, len[put % 256], put % 251);
                put++;

            } else {
                assert_true(put != got);
            }

        } else if (put != got) {
            ring_get(ring, len[got % 256], got % 251, got + 1);
            got++;
        }

        assert_int_equal(ring_stat(ring).raised, put);
        assert_int_equal(ring_stat(ring).routed, got);
    }
}


static void
test_not_committed(void **state)
{
    ae_str_t    rec;
    uint64_t    number;
    ae_ring_t  *ring;

    (void) state;

    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    ring_put(ring, 10, 'a');
    assert_non_null(ae_ring_reserve(ring, 1000));

    assert_int_equal(ring_stat(ring).raised, 1);
    ring_get(ring, 10, 'a', 1);
    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_AGAIN);

    /* who adopts it counts it, once */

    ae_ring_recover(ring);
    ae_ring_recover(ring);
    assert_int_equal(ring_stat(ring).dropped[AE_DROP_TORN], 1);
    assert_int_equal(ring_stat(ring).raised, 2);

    ae_ring_commit(ring);
    assert_int_equal(ring_stat(ring).raised, 2);

    assert_non_null(ae_ring_reserve(ring, 1));
    ae_ring_recover(ring);
    assert_int_equal(ring_stat(ring).dropped[AE_DROP_TORN], 2);

    ring_put(ring, 20, 'b');
    ae_ring_recover(ring);
    assert_int_equal(ring_stat(ring).dropped[AE_DROP_TORN], 2);
    ring_get(ring, 20, 'b', 2);
}


static void
test_peeked_again(void **state)
{
    ae_str_t    rec;
    uint64_t    number;
    ae_ring_t  *ring;

    (void) state;

    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    ring_put(ring, 10, 'a');
    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);

    ae_ring_recover(ring);
    ae_ring_release(ring);

    ring_get(ring, 10, 'a', 1);
}


static void
test_corrupt(void **state)
{
    int             i, at;
    ae_str_t        rec;
    uint64_t        number;
    ae_ring_t      *ring;
    ae_ring_stat_t  st;

    (void) state;

    /* any byte of a record or its head; the third of five */

    for (at = -RING_HEAD; at < 100; at++) {
        ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

        for (i = 1; i <= 5; i++) {
            ring_put(ring, 100, i);
        }

        ring_record(ring, 3)[at] ^= 0x40;

        ring_get(ring, 100, 1, 1);
        ring_get(ring, 100, 2, 2);
        ring_get(ring, 100, 4, 4);

        st = ring_stat(ring);
        assert_int_equal(st.dropped[AE_DROP_CORRUPT], 1);
        assert_int_equal(st.routed, 3);
        assert_int_equal(st.raised, 5);

        ring_get(ring, 100, 5, 5);
        assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_AGAIN);

        ring_put(ring, 100, 6);
        ring_get(ring, 100, 6, 6);

        munmap(ring, RING_SIZE);
    }
}


static void
test_corrupt_many(void **state)
{
    int             i, round;
    ae_str_t        rec;
    uint64_t        n, number;
    ae_ring_t      *ring;
    ae_ring_stat_t  st;

    (void) state;

    n = 0;
    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    for (round = 0; round < 100; round++) {

        for (i = 0; i < 5; i++) {
            ring_put(ring, 700, i);
        }

        /* everything from the second on is lost, the end of the ring too */

        assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);
        assert_int_equal(number, n + 1);
        ae_ring_release(ring);

        memset((char *) ring + 320, 'z', RING_SIZE - 320);

        assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_AGAIN);

        n += 5;
        st = ring_stat(ring);
        assert_int_equal(st.raised, n);
        assert_int_equal(st.waiting, 0);
        assert_int_equal(st.dropped[AE_DROP_CORRUPT], (round + 1) * 4);
    }
}


static void
test_corrupt_padding(void **state)
{
    int         i;
    uint64_t    number;
    ae_str_t    rec;
    ae_ring_t  *ring;

    (void) state;

    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    for (i = 1; i <= 6; i++) {
        ring_put(ring, 1200, i);
    }

    for (i = 1; i <= 5; i++) {
        ring_get(ring, 1200, i, i);
    }

    /* the next one does not fit behind the sixth, and the filler breaks */

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);
    ring_put(ring, 1900, 7);
    memset(rec.data + 1216 - RING_HEAD, 'z', RING_HEAD);

    ring_get(ring, 1200, 6, 6);
    ring_get(ring, 1900, 7, 7);
    assert_int_equal(ring_stat(ring).dropped[AE_DROP_CORRUPT], 0);
}


static void
test_names(void **state)
{
    (void) state;

    assert_string_equal(ae_drop_names[AE_DROP_RING_FULL], "ring_full");
    assert_string_equal(ae_drop_names[AE_DROP_TORN], "torn");
}


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
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_not_committed),
        cmocka_unit_test(test_peeked_again),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_corrupt_many),
        cmocka_unit_test(test_corrupt_padding),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_killed_producers),
        cmocka_unit_test(test_every_instruction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
