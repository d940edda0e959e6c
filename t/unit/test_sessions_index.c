/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/ae_sessions.h"


/* more than one bucket has slots for, and blocks for no second bucket */

#define INDEX_SESSIONS       15


static ae_id_t index_id(uint64_t key, ae_session_index_e index);
static void index_put(ae_sessions_t *ss, uint64_t key);
static void index_check(ae_sessions_t *ss, uint64_t key, int there);


static ae_id_t
index_id(uint64_t key, ae_session_index_e index)
{
    return (ae_id_t) { { key, index } };
}


static void
index_put(ae_sessions_t *ss, uint64_t key)
{
    ae_session_ref_t  ref;

    ref.id = index_id(key, AE_SESSION_BY_ID);
    ref.key_id = index_id(key, AE_SESSION_BY_KEY_ID);
    ref.source = AE_SESSION_API;

    assert_int_equal(ae_sessions_put(ss, &ref, ae_str("{}")), AE_OK);
}


static void
index_check(ae_sessions_t *ss, uint64_t key, int there)
{
    int               rc, n;
    ae_session_ref_t  ref;

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        ae_sessions_expect(ss, index_id(key, n));
        rc = ae_sessions_find(ss, index_id(key, n), &ref);

        assert_int_equal(rc, there ? AE_OK : AE_DECLINED);
        assert_true(!there
                    || ae_id_equal(ref.id, index_id(key, AE_SESSION_BY_ID)));
    }
}


/* two indexes of one bucket each: in slots and in the chain */

static void
test_one_bucket(void **state)
{
    void           *mem;
    size_t          size;
    uint64_t        key;
    ae_sessions_t  *ss;

    (void) state;

    size = sizeof(ae_sessions_t) + 64
           + INDEX_SESSIONS * ae_sessions_cost(2);

    mem = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(mem);
    memset(mem, 0, size);

    ss = ae_sessions_init(mem, size);
    assert_non_null(ss);
    assert_int_equal(ss->buckets, 1);

    for (key = 0; key < INDEX_SESSIONS; key++) {
        index_put(ss, key);
        index_check(ss, key, 1);
    }

    index_check(ss, INDEX_SESSIONS, 0);

    for (key = 0; key < INDEX_SESSIONS; key += 2) {
        assert_int_equal(ae_sessions_remove(ss, index_id(key, 0)), AE_OK);
    }

    for (key = 0; key < INDEX_SESSIONS; key++) {
        index_check(ss, key, key % 2);
    }

    for (key = 0; key < INDEX_SESSIONS; key += 2) {
        index_put(ss, key);
    }

    ae_sessions_lock(ss);
    ae_sessions_rebuild(ss);
    ae_unlock(&ss->lock);

    for (key = 0; key < INDEX_SESSIONS; key++) {
        index_check(ss, key, 1);
    }

    for (key = 0; key < INDEX_SESSIONS; key++) {
        assert_int_equal(ae_sessions_remove(ss, index_id(key, 1)), AE_OK);
        index_check(ss, key, 0);
        index_check(ss, INDEX_SESSIONS - 1, key < INDEX_SESSIONS - 1);
    }

    free(mem);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_one_bucket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
