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
#include "random.h"


#define SESSIONS_SIZE        (1024 * 1024)
#define SESSIONS_KEYS        64
#define SESSIONS_TEXT        3000
#define SESSIONS_MAX         (1024 * 1024)


/* what a session should be */

typedef struct {
    int                      there;
    unsigned                 fill;          /* byte of its text */
    size_t                   len;
    uint64_t                 version;
    uint32_t                 source;
    uint32_t                 scope;
    int                      put;           /* since the load began */
} expect_t;


static ae_sessions_t *sessions_new(size_t size);
static ae_session_ref_t sessions_ref(uint64_t key, uint32_t source);
static int put(ae_sessions_t *ss, uint64_t key, uint32_t source, int fill,
    size_t len);
static uint64_t version(ae_sessions_t *ss, uint64_t key);
static size_t bytes_free(ae_sessions_t *ss);
static uint32_t count(ae_sessions_t *ss);
static void check(ae_sessions_t *ss, uint64_t key, int fill, size_t len);
static void expect_put(ae_sessions_t *ss, uint64_t key, expect_t *e,
    uint32_t scope);
static void expect_seen(ae_sessions_t *ss, uint64_t key, const expect_t *e);
static void expect_load(ae_sessions_t *ss, expect_t *e, uint32_t scope);


static unsigned char  text[SESSIONS_MAX + 1];


static ae_sessions_t *
sessions_new(size_t size)
{
    void  *mem;

    mem = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(mem);
    memset(mem, 0, size);

    return ae_sessions_init(mem, size);
}


static ae_session_ref_t
sessions_ref(uint64_t key, uint32_t source)
{
    ae_session_ref_t  ref;

    memset(&ref, 0xa5, sizeof(ref));

    ref.id = (ae_id_t) { { key, 1 } };
    ref.key_id = (ae_id_t) { { key, 2 } };
    ref.source = source;

    return ref;
}


static int
put(ae_sessions_t *ss, uint64_t key, uint32_t source, int fill, size_t len)
{
    int               rc;
    ae_str_t          s;
    ae_session_ref_t  ref;

    memset(text, fill, len);
    s.data = text;
    s.len = len;

    ref = sessions_ref(key, source);
    rc = ae_sessions_put(ss, &ref, s);

    if (rc == AE_OK) {
        assert_int_equal(ref.version, version(ss, key));
        assert_int_equal(ref.len, len);
    }

    return rc;
}


static uint64_t
version(ae_sessions_t *ss, uint64_t key)
{
    ae_session_ref_t  ref;

    ref = sessions_ref(key, 0);

    return (ae_sessions_find(ss, ref.id, &ref) == AE_OK) ? ref.version : 0;
}


static size_t
bytes_free(ae_sessions_t *ss)
{
    ae_sessions_stat_t  st;

    ae_sessions_stat(ss, &st);

    return st.bytes_free;
}


static uint32_t
count(ae_sessions_t *ss)
{
    ae_sessions_stat_t  st;

    ae_sessions_stat(ss, &st);

    return st.sessions;
}


/* by both ids, whole and with a buffer that is too short */

static void
check(ae_sessions_t *ss, uint64_t key, int fill, size_t len)
{
    int                i;
    ae_id_t            id;
    unsigned char     *buf;
    ae_session_ref_t   want, ref;

    want = sessions_ref(key, 0);
    buf = malloc(len + 1);
    assert_non_null(buf);

    for (i = 0; i < 2; i++) {
        id = i ? want.key_id : want.id;

        assert_int_equal(ae_sessions_find(ss, id, &ref), AE_OK);
        assert_true(ae_id_equal(ref.id, want.id));
        assert_true(ae_id_equal(ref.key_id, want.key_id));
        assert_int_equal(ref.len, len);
        assert_true(ref.source == AE_SESSION_FILE
                    || ref.source == AE_SESSION_API);

        memset(text, fill, len);
        buf[len] = 0x5a;
        assert_int_equal(ae_sessions_read(ss, id, &ref, buf, len), AE_OK);
        assert_memory_equal(buf, text, len);
        assert_int_equal(buf[len], 0x5a);
        assert_int_equal(ref.version, version(ss, key));

        if (len > 0) {
            ref.len = 0;
            assert_int_equal(ae_sessions_read(ss, id, &ref, buf, len - 1),
                             AE_FULL);
            assert_int_equal(ref.len, len);
        }
    }

    free(buf);
}


/* ---- one session ---- */

static void
test_put_find_read_remove(void **state)
{
    size_t             before;
    ae_sessions_t     *ss;
    ae_session_ref_t   ref;

    (void) state;

    ss = sessions_new(SESSIONS_SIZE);
    assert_non_null(ss);

    ref = sessions_ref(1, 0);
    before = bytes_free(ss);

    assert_int_equal(ae_sessions_find(ss, ref.id, &ref), AE_DECLINED);
    assert_int_equal(ae_sessions_find(ss, ref.key_id, &ref), AE_DECLINED);
    assert_int_equal(ae_sessions_read(ss, ref.id, &ref, text, 10),
                     AE_DECLINED);
    assert_int_equal(ae_sessions_remove(ss, ref.id), AE_DECLINED);

    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'a', 100), AE_OK);
    assert_int_equal(put(ss, 2, AE_SESSION_API, 'b', 1000), AE_OK);
    check(ss, 1, 'a', 100);
    check(ss, 2, 'b', 1000);
    assert_int_equal(count(ss), 2);
    assert_true(before - bytes_free(ss)
                <= ae_sessions_cost(100) + ae_sessions_cost(1000));

    /* by either id */

    assert_int_equal(ae_sessions_remove(ss, sessions_ref(1, 0).id), AE_OK);
    assert_int_equal(ae_sessions_remove(ss, sessions_ref(2, 0).key_id), AE_OK);
    assert_int_equal(ae_sessions_remove(ss, sessions_ref(2, 0).id),
                     AE_DECLINED);

    assert_int_equal(version(ss, 1), 0);
    assert_int_equal(count(ss), 0);
    assert_int_equal(bytes_free(ss), before);

    free(ss);
}


static void
test_texts_of_any_length(void **state)
{
    size_t          len;
    ae_sessions_t  *ss;

    (void) state;

    ss = sessions_new(3 * SESSIONS_SIZE);
    assert_non_null(ss);

    for (len = 0; len < 1000; len++) {
        assert_int_equal(put(ss, 1, AE_SESSION_FILE, len % 251, len), AE_OK);
        check(ss, 1, len % 251, len);
    }

    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'x', SESSIONS_MAX), AE_OK);
    check(ss, 1, 'x', SESSIONS_MAX);

    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'y', SESSIONS_MAX + 1),
                     AE_ERROR);
    check(ss, 1, 'x', SESSIONS_MAX);

    free(ss);
}


static void
test_versions(void **state)
{
    uint64_t        v;
    ae_sessions_t  *ss;

    (void) state;

    ss = sessions_new(SESSIONS_SIZE);

    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'a', 700), AE_OK);
    v = version(ss, 1);
    assert_int_not_equal(v, 0);

    /* an equal text keeps it, whoever puts it */

    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'a', 700), AE_OK);
    assert_int_equal(put(ss, 1, AE_SESSION_API, 'a', 700), AE_OK);
    assert_int_equal(version(ss, 1), v);

    assert_int_equal(put(ss, 1, AE_SESSION_API, 'b', 700), AE_OK);
    assert_true(version(ss, 1) > v);
    v = version(ss, 1);

    assert_int_equal(put(ss, 1, AE_SESSION_API, 'b', 701), AE_OK);
    assert_true(version(ss, 1) > v);
    v = version(ss, 1);

    /* it is not used again after a removal, nor by another session */

    assert_int_equal(ae_sessions_remove(ss, sessions_ref(1, 0).id), AE_OK);
    assert_int_equal(put(ss, 1, AE_SESSION_API, 'b', 701), AE_OK);
    assert_true(version(ss, 1) > v);
    assert_int_equal(put(ss, 2, AE_SESSION_API, 'b', 701), AE_OK);
    assert_true(version(ss, 2) > version(ss, 1));

    free(ss);
}


/* an id that comes with another partner takes the session over */

static void
test_ids_change_partners(void **state)
{
    ae_str_t           s = ae_string("new");
    ae_sessions_t     *ss;
    ae_session_ref_t   ref, got;

    (void) state;

    ss = sessions_new(SESSIONS_SIZE);

    assert_int_equal(put(ss, 1, AE_SESSION_API, 'a', 500), AE_OK);
    assert_int_equal(put(ss, 2, AE_SESSION_API, 'b', 500), AE_OK);
    assert_int_equal(put(ss, 3, AE_SESSION_API, 'c', 500), AE_OK);

    ref = sessions_ref(1, AE_SESSION_API);
    ref.key_id = sessions_ref(2, 0).key_id;
    assert_int_equal(ae_sessions_put(ss, &ref, s), AE_OK);

    assert_int_equal(count(ss), 2);
    assert_int_equal(ae_sessions_find(ss, ref.id, &got), AE_OK);
    assert_true(ae_id_equal(got.key_id, ref.key_id));
    assert_int_equal(ae_sessions_find(ss, ref.key_id, &got), AE_OK);
    assert_true(ae_id_equal(got.id, ref.id));
    assert_int_equal(ae_sessions_find(ss, sessions_ref(1, 0).key_id, &got),
                     AE_DECLINED);
    assert_int_equal(ae_sessions_find(ss, sessions_ref(2, 0).id, &got),
                     AE_DECLINED);
    check(ss, 3, 'c', 500);

    /* a file's does not where the API has put either */

    got = sessions_ref(5, AE_SESSION_FILE);
    got.key_id = sessions_ref(3, 0).key_id;
    assert_int_equal(ae_sessions_put(ss, &got, s), AE_DECLINED);
    got = sessions_ref(5, AE_SESSION_FILE);
    got.id = sessions_ref(3, 0).id;
    assert_int_equal(ae_sessions_put(ss, &got, s), AE_DECLINED);

    assert_int_equal(put(ss, 6, AE_SESSION_FILE, 'f', 500), AE_OK);
    got = sessions_ref(6, AE_SESSION_FILE);
    got.key_id = sessions_ref(3, 0).key_id;
    assert_int_equal(ae_sessions_put(ss, &got, s), AE_DECLINED);
    check(ss, 6, 'f', 500);
    check(ss, 3, 'c', 500);
    assert_int_equal(ae_sessions_remove(ss, sessions_ref(6, 0).id), AE_OK);

    /* even if the text is the same */

    ref.key_id = sessions_ref(4, 0).key_id;
    assert_int_equal(ae_sessions_put(ss, &ref, s), AE_OK);
    assert_int_equal(ae_sessions_find(ss, ref.key_id, &got), AE_OK);
    assert_int_equal(count(ss), 2);

    /* both ids may be the same one */

    ref.id = ref.key_id = (ae_id_t) { { 9, 9 } };
    assert_int_equal(ae_sessions_put(ss, &ref, s), AE_OK);
    assert_int_equal(ae_sessions_find(ss, ref.id, &got), AE_OK);
    assert_int_equal(ae_sessions_remove(ss, ref.id), AE_OK);
    assert_int_equal(ae_sessions_find(ss, ref.id, &got), AE_DECLINED);
    assert_int_equal(count(ss), 2);

    free(ss);
}


/* ---- memory ---- */

static void
test_size(void **state)
{
    size_t          size, n;
    uint64_t        key;
    ae_sessions_t  *ss;
    unsigned char  *mem;

    (void) state;

    for (size = 0; size < 8000; size += 1 + ae_random() % 40) {

        mem = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
        memset(mem, 0, size);
        memset(mem + size, 0xa5, 64);

        ss = ae_sessions_init(mem, size);
        assert_true(size > 2000 || ss == NULL || bytes_free(ss) > 0);

        /* bytes_free and the cost of a session tell what fits */

        for (key = 0; ss != NULL; key++) {
            n = bytes_free(ss);

            if (put(ss, key, AE_SESSION_API, 'x', 300) != AE_OK) {
                assert_true(n < ae_sessions_cost(300));
                break;
            }

            assert_int_equal(n - ae_sessions_cost(300), bytes_free(ss));
        }

        if (size > 4000) {
            assert_non_null(ss);
            assert_true(key * ae_sessions_cost(300) + 1500 > size);
        }

        assert_int_equal(mem[size], 0xa5);
        assert_int_equal(mem[size + 63], 0xa5);
        free(mem);
    }
}


static void
test_full_keeps_the_old(void **state)
{
    size_t          before;
    uint64_t        key, n, v;
    ae_sessions_t  *ss;

    (void) state;

    ss = sessions_new(64 * 1024);
    before = bytes_free(ss);

    for (key = 0; put(ss, key, AE_SESSION_API, key, 2000) == AE_OK; key++) {
        /* void */
    }

    assert_true(key > 20);
    assert_int_equal(count(ss), key);

    n = bytes_free(ss);
    v = version(ss, 0);
    assert_int_equal(put(ss, 0, AE_SESSION_API, 'n', 10000), AE_FULL);
    assert_int_equal(version(ss, 0), v);
    assert_int_equal(bytes_free(ss), n);

    while (key-- > 0) {
        check(ss, key, key, 2000);
        assert_int_equal(ae_sessions_remove(ss, sessions_ref(key, 0).id),
                         AE_OK);
    }

    assert_int_equal(bytes_free(ss), before);

    free(ss);
}


/* ---- loads ---- */

static void
test_load(void **state)
{
    uint64_t        v;
    ae_sessions_t  *ss;

    (void) state;

    ss = sessions_new(SESSIONS_SIZE);

    ae_sessions_load_begin(ss, 1);
    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'a', 100), AE_OK);
    assert_int_equal(put(ss, 2, AE_SESSION_FILE, 'a', 100), AE_OK);
    assert_int_equal(put(ss, 3, AE_SESSION_FILE, 'a', 100), AE_OK);
    ae_sessions_load_end(ss, 1);

    ae_sessions_load_begin(ss, 2);
    assert_int_equal(put(ss, 11, AE_SESSION_FILE, 'a', 100), AE_OK);
    ae_sessions_load_end(ss, 2);

    assert_int_equal(put(ss, 20, AE_SESSION_API, 'a', 100), AE_OK);
    assert_int_equal(put(ss, 3, AE_SESSION_API, 'b', 100), AE_OK);
    assert_int_equal(count(ss), 5);
    v = version(ss, 1);

    /* 2 is gone from the file, 1 unchanged, 3 the API's, others another's */

    ae_sessions_load_begin(ss, 1);
    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'a', 100), AE_OK);
    assert_int_equal(put(ss, 3, AE_SESSION_FILE, 'a', 100), AE_DECLINED);
    ae_sessions_load_end(ss, 1);

    assert_int_equal(version(ss, 1), v);
    assert_int_equal(version(ss, 2), 0);
    check(ss, 3, 'b', 100);
    check(ss, 11, 'a', 100);
    check(ss, 20, 'a', 100);

    /* a file that moved to another scope is not lost with the old one */

    ae_sessions_load_begin(ss, 2);
    assert_int_equal(put(ss, 1, AE_SESSION_FILE, 'a', 100), AE_OK);
    ae_sessions_load_end(ss, 2);
    assert_int_equal(version(ss, 11), 0);

    ae_sessions_load_begin(ss, 1);
    ae_sessions_load_end(ss, 1);
    assert_int_equal(version(ss, 1), v);

    /* an end that belongs to no load removes nothing */

    ae_sessions_load_end(ss, 2);
    ae_sessions_load_begin(ss, 1);
    ae_sessions_load_end(ss, 2);
    assert_int_equal(count(ss), 3);

    free(ss);
}


/* ---- against an array ---- */

static void
expect_put(ae_sessions_t *ss, uint64_t key, expect_t *e, uint32_t scope)
{
    int       rc, same;
    size_t    len;
    uint32_t  source;
    unsigned  fill;

    fill = 'a' + ae_random() % 4;
    len = (ae_random() % 4) ? e->len : ae_random() % SESSIONS_TEXT;
    source = scope || ae_random() % 4 ? AE_SESSION_FILE : AE_SESSION_API;

    rc = put(ss, key, source, fill, len);

    if (e->there && e->source == AE_SESSION_API && source == AE_SESSION_FILE) {
        assert_int_equal(rc, AE_DECLINED);
        return;
    }

    same = e->there && e->len == len && (e->fill == fill || len == 0);

    if (rc == AE_FULL) {
        assert_false(same);
        assert_true(bytes_free(ss) < ae_sessions_cost(len));
        return;
    }

    assert_int_equal(rc, AE_OK);
    assert_true(same == (version(ss, key) == e->version));

    e->scope = scope ? scope : e->there ? e->scope : 0;
    e->there = 1;
    e->fill = fill;
    e->len = len;
    e->source = source;
    e->version = version(ss, key);
    e->put = 1;
}


static void
expect_seen(ae_sessions_t *ss, uint64_t key, const expect_t *e)
{
    ae_session_ref_t  ref;

    if (e->there) {
        check(ss, key, e->fill, e->len);
        assert_int_equal(ae_sessions_find(ss, sessions_ref(key, 0).id, &ref),
                         AE_OK);
        assert_int_equal(ref.source, e->source);
        assert_int_equal(ref.version, e->version);
        return;
    }

    assert_int_equal(version(ss, key), 0);
}


static void
expect_load(ae_sessions_t *ss, expect_t *e, uint32_t scope)
{
    int  i, key;

    for (key = 0; key < SESSIONS_KEYS; key++) {
        e[key].put = 0;
    }

    ae_sessions_load_begin(ss, scope);

    for (i = ae_random() % SESSIONS_KEYS; i > 0; i--) {
        key = ae_random() % SESSIONS_KEYS;
        expect_put(ss, key, &e[key], scope);
    }

    ae_sessions_load_end(ss, scope);

    for (key = 0; key < SESSIONS_KEYS; key++) {
        if (e[key].source == AE_SESSION_FILE && e[key].scope == scope
            && !e[key].put)
        {
            e[key].there = 0;
        }
    }
}


static void
test_random_steps(void **state)
{
    int             key;
    long            i;
    uint32_t        n;
    expect_t        e[SESSIONS_KEYS];
    ae_sessions_t  *ss;

    (void) state;

    ss = sessions_new(64 * SESSIONS_TEXT / 2);
    memset(e, 0, sizeof(e));

    for (i = ae_steps(100000); i > 0; i--) {
        key = ae_random() % SESSIONS_KEYS;

        switch (ae_random() % 64) {

        case 0:
            expect_load(ss, e, 1 + ae_random() % 2);
            break;

        case 1:
        case 2:
        case 3:
        case 4:
            assert_int_equal(ae_sessions_remove(ss,
                                                ae_random() % 2
                                                ? sessions_ref(key, 0).id
                                                : sessions_ref(key, 0).key_id),
                             e[key].there ? AE_OK : AE_DECLINED);
            e[key].there = 0;
            break;

        default:
            expect_put(ss, key, &e[key], 0);
            break;
        }

        key = ae_random() % SESSIONS_KEYS;
        expect_seen(ss, key, &e[key]);
    }

    for (n = 0, key = 0; key < SESSIONS_KEYS; key++) {
        n += e[key].there;
    }

    assert_int_equal(count(ss), n);

    free(ss);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_put_find_read_remove),
        cmocka_unit_test(test_texts_of_any_length),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_ids_change_partners),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_full_keeps_the_old),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_random_steps),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
