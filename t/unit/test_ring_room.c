/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/shared.h"


#define SIZE  65536
#define KEEP  2048


/* a producer that always asks for KEEP more leaves KEEP for another */

static void
test_room_is_kept(void **state)
{
    int         i, round;
    void       *mem;
    ae_str_t    record;
    uint64_t    number;
    ae_ring_t  *ring;

    (void) state;

    mem = aligned_alloc(64, SIZE);
    assert_non_null(mem);
    memset(mem, 0, SIZE);

    ring = ae_ring_init(mem, SIZE);

    for (round = 0; round < 300; round++) {

        for (i = 0; ae_ring_has(ring, 100 + KEEP); i++) {
            assert_non_null(ae_ring_reserve(ring, 100));
            ae_ring_commit(ring);
        }

        assert_true(ae_ring_has(ring, KEEP));
        assert_non_null(ae_ring_reserve(ring, KEEP));
        ae_ring_commit(ring);
        assert_false(ae_ring_has(ring, 100 + KEEP));

        while (ae_ring_peek(ring, &record, &number) == AE_OK) {
            ae_ring_release(ring);
        }

        assert_true(i > (round == 0 ? 300 : 0));
    }

    free(mem);
}


/* asking leaves no trace */

static void
test_asking_is_free(void **state)
{
    int             i;
    void           *mem;
    ae_ring_t      *ring;
    ae_ring_stat_t  st;

    (void) state;

    mem = aligned_alloc(64, SIZE);
    assert_non_null(mem);
    memset(mem, 0, SIZE);

    ring = ae_ring_init(mem, SIZE);

    for (i = 0; i < 1000; i++) {
        assert_true(ae_ring_has(ring, SIZE / 2));
        assert_false(ae_ring_has(ring, SIZE * 2));
    }

    memset(&st, 0, sizeof(st));
    ae_ring_recover(ring);
    ae_ring_stat(ring, &st);

    assert_int_equal(st.raised, 0);

    free(mem);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_room_is_kept),
        cmocka_unit_test(test_asking_is_free)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
