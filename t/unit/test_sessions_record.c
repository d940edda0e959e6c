/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/shared/shared.h"


#define SESSIONS_SIZE        (1024 * 1024)


static ae_sessions_t *sessions_new(void);
static ae_session_ref_t sessions_ref(void);
static size_t bytes_free(ae_sessions_t *ss);


static ae_sessions_t *
sessions_new(void)
{
    void  *mem;

    mem = aligned_alloc(64, SESSIONS_SIZE);
    assert_non_null(mem);
    memset(mem, 0, SESSIONS_SIZE);

    return ae_sessions_init(mem, SESSIONS_SIZE);
}


static ae_session_ref_t
sessions_ref(void)
{
    ae_session_ref_t  ref;

    memset(&ref, 0xa5, sizeof(ref));

    ref.id = (ae_id_t) { { 1, 1 } };
    ref.key_id = (ae_id_t) { { 1, 2 } };
    ref.source = AE_SESSION_API;

    return ref;
}


static size_t
bytes_free(ae_sessions_t *ss)
{
    ae_sessions_stat_t  st;

    ae_sessions_stat(ss, &st);

    return st.bytes_free;
}


/* beside texts, in one block and over several */

static void
test_records(void **state)
{
    size_t             i, free_before;
    ae_str_t           s, r;
    unsigned char      text[300], back[300];
    unsigned char      record[AE_SESSION_RECORD_MAX + 1];
    unsigned char      seen[AE_SESSION_RECORD_MAX + 1];
    ae_sessions_t     *ss;
    ae_session_ref_t   ref;

    (void) state;

    ss = sessions_new();
    assert_non_null(ss);

    free_before = bytes_free(ss);
    memset(record, 'r', sizeof(record));
    memset(text, 't', sizeof(text));

    s.data = text;
    s.len = 300;
    r.data = record;

    for (i = 0; i <= AE_SESSION_RECORD_MAX; i++) {
        r.len = i;
        ref = sessions_ref();
        assert_int_equal(ae_sessions_put_record(ss, &ref, r, s), AE_OK);
        assert_int_equal(ref.record, i);
        assert_int_equal(free_before - bytes_free(ss),
                         ae_sessions_cost(i + 300));

        memset(seen, 0x5a, sizeof(seen));
        assert_int_equal(ae_sessions_get(ss, ref.key_id, &ref, seen, i),
                         AE_OK);
        assert_int_equal(ref.record, i);
        assert_memory_equal(seen, record, i);
        assert_int_equal(seen[i], 0x5a);

        assert_int_equal(ae_sessions_read(ss, ref.id, &ref, back, 300),
                         AE_OK);
        assert_memory_equal(back, text, 300);
    }

    r.len = AE_SESSION_RECORD_MAX + 1;
    assert_int_equal(ae_sessions_put_record(ss, &ref, r, s), AE_ERROR);

    /* too long for who asks: its length is told */

    memset(seen, 0x5a, sizeof(seen));
    assert_int_equal(ae_sessions_get(ss, ref.id, &ref, seen,
                                     AE_SESSION_RECORD_MAX - 1),
                     AE_OK);
    assert_int_equal(ref.record, AE_SESSION_RECORD_MAX);
    assert_int_equal(seen[0], 0x5a);

    free(ss);
}


/* another record is another version, with the same text too */

static void
test_versions_of_records(void **state)
{
    ae_str_t           s, r;
    uint64_t           first;
    ae_sessions_t     *ss;
    ae_session_ref_t   ref;

    (void) state;

    ss = sessions_new();
    assert_non_null(ss);

    s = ae_str("text");
    r = ae_str("record");
    ref = sessions_ref();

    assert_int_equal(ae_sessions_put_record(ss, &ref, r, s), AE_OK);
    first = ref.version;
    assert_int_equal(ae_sessions_put_record(ss, &ref, r, s), AE_OK);
    assert_int_equal(ref.version, first);

    r = ae_str("Record");
    assert_int_equal(ae_sessions_put_record(ss, &ref, r, s), AE_OK);
    assert_true(ref.version > first);

    /* what is the same bytes only together is not the same */

    first = ref.version;
    r = ae_str("Recordt");
    s = ae_str("ext");
    assert_int_equal(ae_sessions_put_record(ss, &ref, r, s), AE_OK);
    assert_true(ref.version > first);

    first = ref.version;
    assert_int_equal(ae_sessions_put(ss, &ref, s), AE_OK);
    assert_true(ref.version > first);
    assert_int_equal(ae_sessions_get(ss, ref.id, &ref, &first, 8), AE_OK);
    assert_int_equal(ref.record, 0);

    free(ss);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_versions_of_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
