/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions that are changed at run time beside those of files: known by their
 * KeyID alone, named by their credential later, deleted where a file has them,
 * and put ahead of what is stored.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/shared.h"


#define API_SIZE             (64 * 1024)
#define API_SCOPE            1


static ae_sessions_t  *ss;


static ae_id_t
api_id(uint64_t key)
{
    return (ae_id_t) { { key, 1 } };
}


static ae_id_t
api_key_id(uint64_t key)
{
    return (ae_id_t) { { key, 2 } };
}


static ae_session_ref_t
api_ref(uint64_t key, uint16_t source, int named)
{
    ae_session_ref_t  ref;

    memset(&ref, 0, sizeof(ref));

    ref.id = named ? api_id(key) : api_key_id(key);
    ref.key_id = api_key_id(key);
    ref.source = source;

    return ref;
}


static ae_str_t
api_str(const char *text)
{
    return (ae_str_t) { strlen(text), (unsigned char *) text };
}


static int
api_put(uint64_t key, uint16_t source, int named, const char *text)
{
    ae_session_ref_t  ref;

    ref = api_ref(key, source, named);

    return ae_sessions_put(ss, &ref, api_str(text));
}


/* text NULL: there is none */

static void
api_is(ae_id_t id, const char *text, uint16_t source)
{
    unsigned char     buf[64];
    ae_session_ref_t  ref;

    if (text == NULL) {
        assert_int_equal(ae_sessions_find(ss, id, &ref), AE_DECLINED);
        return;
    }

    assert_int_equal(ae_sessions_read(ss, id, &ref, buf, sizeof(buf)), AE_OK);
    assert_int_equal(ref.len, strlen(text));
    assert_memory_equal(buf, text, ref.len);
    assert_int_equal(ref.source, source);
}


/* a file with those keys from first to last */

static void
api_load(uint64_t first, uint64_t last, int rc)
{
    uint64_t  key;

    ae_sessions_load_begin(ss, API_SCOPE);

    for (key = first; key <= last; key++) {
        assert_int_equal(api_put(key, AE_SESSION_FILE, 1, "file"), rc);
    }

    ae_sessions_load_end(ss, API_SCOPE);

    /* another file's load leaves them alone */

    ae_sessions_load_begin(ss, API_SCOPE + 1);
    ae_sessions_load_end(ss, API_SCOPE + 1);
}


static size_t
api_free(void)
{
    ae_sessions_stat_t  st;

    ae_sessions_stat(ss, &st);

    return st.bytes_free;
}


static void
test_name(void **state)
{
    uint64_t          version;
    ae_session_ref_t  ref;

    (void) state;

    assert_int_equal(ae_sessions_name(ss, api_key_id(1), api_id(1)),
                     AE_DECLINED);

    assert_int_equal(api_put(1, AE_SESSION_API, 0, "one"), AE_OK);
    api_is(api_id(1), NULL, 0);
    api_is(api_key_id(1), "one", AE_SESSION_API);
    assert_int_equal(ae_sessions_find(ss, api_key_id(1), &ref), AE_OK);
    version = ref.version;

    assert_int_equal(ae_sessions_name(ss, api_key_id(1), api_id(1)), AE_OK);
    assert_int_equal(ae_sessions_name(ss, api_key_id(1), api_id(1)), AE_OK);
    api_is(api_id(1), "one", AE_SESSION_API);
    api_is(api_key_id(1), "one", AE_SESSION_API);
    assert_int_equal(ae_sessions_find(ss, api_key_id(1), &ref), AE_OK);
    assert_true(ae_id_equal(ref.id, api_id(1)));
    assert_int_equal(ref.version, version);

    /* whoever knows the KeyID only does not take the name away */

    assert_int_equal(api_put(1, AE_SESSION_API, 0, "two"), AE_OK);
    api_is(api_id(1), "two", AE_SESSION_API);

    /* one name each */

    assert_int_equal(ae_sessions_name(ss, api_key_id(1), api_id(2)),
                     AE_DECLINED);
    assert_int_equal(api_put(3, AE_SESSION_API, 0, "three"), AE_OK);
    assert_int_equal(ae_sessions_name(ss, api_key_id(3), api_id(1)),
                     AE_DECLINED);

    assert_int_equal(ae_sessions_delete(ss, api_key_id(1), API_SCOPE, 0),
                     AE_OK);
    assert_int_equal(ae_sessions_delete(ss, api_key_id(3), API_SCOPE, 0),
                     AE_OK);
    api_is(api_id(1), NULL, 0);
    api_is(api_key_id(3), NULL, 0);
}


/* many, so that buckets have chains */

static void
test_many_names(void **state)
{
    uint64_t  key;

    (void) state;

    for (key = 1; key <= 150; key++) {
        assert_int_equal(api_put(key, AE_SESSION_API, 0, "x"), AE_OK);
    }

    for (key = 1; key <= 150; key += 2) {
        assert_int_equal(ae_sessions_name(ss, api_key_id(key), api_id(key)),
                         AE_OK);
    }

    for (key = 1; key <= 150; key++) {
        api_is(api_id(key), (key % 2) ? "x" : NULL, AE_SESSION_API);
        api_is(api_key_id(key), "x", AE_SESSION_API);
        assert_int_equal(ae_sessions_delete(ss, api_key_id(key), 1, 0),
                         AE_OK);
        api_is(api_key_id(key), NULL, 0);
    }
}


static void
test_delete_of_a_file(void **state)
{
    size_t  free;

    (void) state;

    free = api_free();

    api_load(1, 2, AE_OK);

    assert_int_equal(ae_sessions_delete(ss, api_key_id(1), API_SCOPE, 0),
                     AE_OK);
    assert_int_equal(ae_sessions_delete(ss, api_key_id(1), API_SCOPE, 0),
                     AE_DECLINED);
    assert_int_equal(ae_sessions_delete(ss, api_key_id(9), API_SCOPE, 0),
                     AE_DECLINED);
    api_is(api_id(1), NULL, 0);
    api_is(api_key_id(1), "", AE_SESSION_GONE);
    assert_int_equal(ae_sessions_name(ss, api_key_id(1), api_id(1)),
                     AE_DECLINED);

    /* as long as the file has it */

    api_load(1, 1, AE_DECLINED);
    api_is(api_id(1), NULL, 0);
    api_is(api_id(2), NULL, 0);

    api_load(1, 0, AE_OK);
    api_is(api_key_id(1), NULL, 0);
    assert_int_equal(api_free(), free);

    api_load(1, 1, AE_OK);
    api_is(api_id(1), "file", AE_SESSION_FILE);
}


static void
test_change_of_a_file(void **state)
{
    (void) state;

    api_load(1, 1, AE_OK);
    assert_int_equal(api_put(1, AE_SESSION_API, 0, "mine"), AE_OK);
    api_is(api_id(1), "mine", AE_SESSION_API);

    api_load(1, 1, AE_DECLINED);
    api_is(api_id(1), "mine", AE_SESSION_API);

    /* what the file has as well is kept away, when it is deleted */

    assert_int_equal(ae_sessions_delete(ss, api_key_id(1), API_SCOPE, 0),
                     AE_OK);
    api_is(api_key_id(1), "", AE_SESSION_GONE);

    /* and may come back */

    assert_int_equal(api_put(1, AE_SESSION_API, 0, "again"), AE_OK);
    api_is(api_key_id(1), "again", AE_SESSION_API);
    assert_int_equal(ae_sessions_name(ss, api_key_id(1), api_id(1)), AE_OK);
    api_is(api_id(1), "again", AE_SESSION_API);

    /* the file has it no more: nothing need stay */

    api_load(1, 0, AE_OK);
    api_is(api_id(1), "again", AE_SESSION_API);
    assert_int_equal(ae_sessions_delete(ss, api_key_id(1), API_SCOPE, 0),
                     AE_OK);
    api_is(api_key_id(1), NULL, 0);

    /* it gets one that was there before the file */

    assert_int_equal(api_put(2, AE_SESSION_API, 0, "mine"), AE_OK);
    api_load(2, 2, AE_DECLINED);
    assert_int_equal(ae_sessions_delete(ss, api_key_id(2), API_SCOPE, 0),
                     AE_OK);
    api_load(2, 2, AE_DECLINED);
    api_is(api_id(2), NULL, 0);
}


/* a start knows the deletions before the files */

static void
test_delete_before_the_file(void **state)
{
    int     rc;
    size_t  free;

    (void) state;

    free = api_free();

    assert_int_equal(ae_sessions_delete(ss, api_key_id(1), API_SCOPE, 1),
                     AE_OK);
    assert_int_equal(ae_sessions_delete(ss, api_key_id(2), API_SCOPE, 1),
                     AE_OK);
    api_load(1, 1, AE_DECLINED);

    api_is(api_key_id(1), "", AE_SESSION_GONE);
    api_is(api_key_id(2), NULL, 0);

    ae_sessions_clear(ss);
    assert_int_equal(api_free(), free);

    do {
        rc = ae_sessions_delete(ss, api_key_id(++free), API_SCOPE, 1);
    } while (rc == AE_OK);

    assert_int_equal(rc, AE_FULL);

    api_load(1, 0, AE_OK);
    api_load(1, 1, AE_OK);
    ae_sessions_clear(ss);
    api_is(api_id(1), "file", AE_SESSION_FILE);
}


/* what is put at once, and comes back when it is stored */

static void
test_ahead(void **state)
{
    ae_str_t          none = { 0, NULL };
    uint64_t          one, two;
    ae_session_ref_t  ref;

    (void) state;

    ref = api_ref(1, AE_SESSION_AHEAD, 1);
    assert_int_equal(ae_sessions_put(ss, &ref, api_str("one")), AE_OK);
    one = ref.version;
    assert_int_equal(ae_sessions_put(ss, &ref, api_str("two")), AE_OK);
    two = ref.version;

    ref = api_ref(1, AE_SESSION_API, 0);
    assert_int_equal(ae_sessions_settle(ss, &ref, one, none, api_str("one")),
                     AE_DECLINED);
    api_is(api_id(1), "two", AE_SESSION_AHEAD);

    assert_int_equal(ae_sessions_settle(ss, &ref, two, none, api_str("two")),
                     AE_OK);
    api_is(api_id(1), "two", AE_SESSION_API);
    assert_int_equal(ref.version, two);

    /* another's change in between has been stored before */

    assert_int_equal(api_put(1, AE_SESSION_AHEAD, 1, "three"), AE_OK);
    assert_int_equal(ae_sessions_find(ss, api_id(1), &ref), AE_OK);
    one = ref.version;
    assert_int_equal(api_put(1, AE_SESSION_API, 0, "other"), AE_OK);

    ref = api_ref(1, AE_SESSION_API, 0);
    assert_int_equal(ae_sessions_settle(ss, &ref, one, none,
                                        api_str("three")), AE_OK);
    api_is(api_id(1), "three", AE_SESSION_API);

    /* a file does not come between */

    assert_int_equal(api_put(1, AE_SESSION_AHEAD, 1, "four"), AE_OK);
    api_load(1, 1, AE_DECLINED);
    api_is(api_id(1), "four", AE_SESSION_AHEAD);
}


static void
test_renew(void **state)
{
    ae_str_t          record;
    ae_session_ref_t  ref, old;

    (void) state;

    record = api_str("12345678");

    /* a file's stays one, and keeps its text */

    api_load(1, 1, AE_OK);
    assert_int_equal(ae_sessions_find(ss, api_id(1), &old), AE_OK);

    ref = old;
    assert_int_equal(ae_sessions_renew(ss, &ref, record, api_str("text")),
                     AE_OK);
    assert_int_equal(ref.source, AE_SESSION_FILE);
    assert_int_equal(ref.record, 8);
    assert_true(ref.version > old.version);
    api_is(api_id(1), "text", AE_SESSION_FILE);

    /* what was put since stands */

    assert_int_equal(ae_sessions_renew(ss, &old, record, api_str("past")),
                     AE_DECLINED);
    api_is(api_id(1), "text", AE_SESSION_FILE);

    assert_int_equal(api_put(2, AE_SESSION_AHEAD, 1, "ahead"), AE_OK);
    assert_int_equal(ae_sessions_find(ss, api_id(2), &ref), AE_OK);
    assert_int_equal(ae_sessions_renew(ss, &ref, record, api_str("ahead")),
                     AE_DECLINED);

    ref = api_ref(3, AE_SESSION_API, 0);
    assert_int_equal(ae_sessions_renew(ss, &ref, record, api_str("none")),
                     AE_DECLINED);

    /* and a load is not disturbed */

    assert_int_equal(ae_sessions_find(ss, api_id(1), &ref), AE_OK);
    ae_sessions_load_begin(ss, 1);
    assert_int_equal(ae_sessions_renew(ss, &ref, record, api_str("text")),
                     AE_DECLINED);
    ae_sessions_load_end(ss, 1);
}


static int
setup(void **state)
{
    void  *mem;

    (void) state;

    mem = aligned_alloc(64, API_SIZE);
    assert_non_null(mem);
    memset(mem, 0, API_SIZE);

    ss = ae_sessions_init(mem, API_SIZE);

    return (ss != NULL) ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;

    free(ss);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete_of_a_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_change_of_a_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_delete_before_the_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_ahead, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
