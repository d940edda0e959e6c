/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring_help.h"


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


/* what is found behind damaged bytes must not be a record of a former lap */

static void
test_corrupt_over_old_ones(void **state)
{
    int         i;
    uint64_t    n, number;
    ae_str_t    rec;
    ae_ring_t  *ring;

    (void) state;

    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);

    for (n = 1; n <= 200; n++) {
        ring_put(ring, 40, 'o');
        ring_get(ring, 40, 'o', n);
    }

    /* not filled: the old ones are still in it */

    for (i = 0; i < 2; i++) {
        assert_non_null(ae_ring_reserve(ring, 1500));
        ae_ring_commit(ring);
    }

    ring_put(ring, 40, 'n');

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);
    memset(rec.data - RING_HEAD, 'z', RING_HEAD);
    ae_ring_recover(ring);

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);
    assert_int_equal(number, n + 1);
    memset(rec.data - RING_HEAD, 'z', RING_HEAD);

    ring_get(ring, 40, 'n', n + 2);
    assert_int_equal(ring_stat(ring).dropped[AE_DROP_CORRUPT], 2);
}


static void
test_names(void **state)
{
    (void) state;

    assert_string_equal(ae_drop_names[AE_DROP_RING_FULL], "ring_full");
    assert_string_equal(ae_drop_names[AE_DROP_TORN], "torn");
}


/* who looks on sees all of it, consumed or not, and is told what he missed */

static void
test_tap(void **state)
{
    int             i;
    void           *copy;
    ae_str_t        rec;
    uint64_t        at, lost;
    ae_ring_t      *ring;

    (void) state;

    ring = ae_ring_init(step_memory(RING_SIZE), RING_SIZE);
    lost = 0;

    ring_put(ring, 10, 1);
    ring_get(ring, 10, 1, 1);

    copy = malloc(ae_ring_tap(ring, &at));
    assert_non_null(copy);
    assert_int_equal(ae_ring_tap_next(ring, &at, copy, &rec, &lost),
                     AE_AGAIN);

    for (i = 2; i <= 1000; i++) {
        ring_put(ring, i % 200 + 1, i);

        if (i % 2) {
            ring_get(ring, i % 200 + 1, i, i);
        }

        assert_int_equal(ae_ring_tap_next(ring, &at, copy, &rec, &lost),
                         AE_OK);
        assert_int_equal(rec.len, i % 200 + 1);
        assert_int_equal(ae_ring_tap_next(ring, &at, copy, &rec, &lost),
                         AE_AGAIN);

        if (i % 2 == 0) {
            ring_get(ring, i % 200 + 1, i, i);
        }
    }

    assert_int_equal(lost, 0);

    for (i = 1001; i <= 2000; i++) {
        ring_put(ring, 100, i);
        ring_get(ring, 100, i, i);
    }

    assert_int_equal(ae_ring_tap_next(ring, &at, copy, &rec, &lost),
                     AE_AGAIN);
    assert_int_equal(lost, 1000);

    ring_put(ring, 3, 2001);
    assert_int_equal(ae_ring_tap_next(ring, &at, copy, &rec, &lost), AE_OK);
    assert_int_equal(rec.len, 3);

    free(copy);
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
        cmocka_unit_test(test_corrupt_over_old_ones),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_tap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
