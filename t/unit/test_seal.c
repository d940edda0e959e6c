/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What is kept of an event shows no credential, and gives it back to who has
 * the key only.
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/core.h"
#include "event_help.h"
#include "fail_alloc.h"


#define SECRET  "a credential of some length"


typedef struct {
    ae_arena_t  *arena;
    ae_seal_t    seal;
    ae_event_t   ev;
    ae_str_t     record;
} fixture_t;


static ae_str_t
str(const char *s)
{
    return (ae_str_t) { strlen(s), (unsigned char *) s };
}


static void
encode(fixture_t *f)
{
    f->record.len = ae_event_size(&f->ev);
    f->record.data = ae_arena_alloc(f->arena, f->record.len);
    assert_non_null(f->record.data);
    ae_event_encode(&f->ev, f->record.data);
}


static int
setup(void **state)
{
    fixture_t  *f;

    f = calloc(1, sizeof(fixture_t));
    assert_non_null(f);

    f->arena = ae_arena_create(0);
    assert_non_null(f->arena);
    assert_int_equal(ae_seal_key(&f->seal, str("sixteen bytes of it")), AE_OK);

    f->ev.id = ae_key_id(str("an event"));
    f->ev.type = 3;
    f->ev.path = str("/a?key=" SECRET);
    f->ev.request = str("GET / HTTP/1.1\r\nAuthorization: " SECRET "\r\n\r\n");
    f->ev.secret = str(SECRET);
    encode(f);

    *state = f;

    return 0;
}


static int
teardown(void **state)
{
    fixture_t  *f;

    f = *state;
    ae_arena_destroy(f->arena);
    free(f);

    return 0;
}


static ae_str_t
keep(fixture_t *f, const ae_seal_t *seal)
{
    ae_str_t    kept;
    ae_event_t  clean;

    assert_int_equal(ae_seal(seal, f->record, f->arena, &clean, &kept),
                     AE_OK);
    assert_memory_equal(&clean.id, &f->ev.id, sizeof(ae_id_t));
    assert_int_equal(clean.secret.len, 0);
    assert_null(memmem(kept.data, kept.len, SECRET, sizeof(SECRET) - 1));
    assert_null(memmem(clean.path.data, clean.path.len, SECRET,
                       sizeof(SECRET) - 1));

    return kept;
}


static ae_str_t
opened(fixture_t *f, const ae_seal_t *seal, ae_str_t kept)
{
    ae_str_t  record;

    kept = ae_arena_dup(f->arena, kept);
    assert_non_null(kept.data);
    assert_int_equal(ae_unseal(seal, kept, &record), AE_OK);

    return record;
}


static void
assert_masked(ae_str_t record)
{
    ae_event_t  ev;

    assert_int_equal(ae_event_decode(&ev, record), AE_OK);
    assert_int_equal(ev.secret.len, 0);
    assert_int_equal(ev.path.len, strlen("/a?key=****ngth"));
    assert_memory_equal(ev.path.data, "/a?key=****ngth", ev.path.len);
}


static void
test_key_gives_all(void **state)
{
    ae_str_t    record, kept;
    fixture_t  *f;

    f = *state;
    kept = keep(f, &f->seal);
    record = opened(f, &f->seal, kept);

    assert_int_equal(record.len, f->record.len);
    assert_memory_equal(record.data, f->record.data, record.len);
}


static void
test_no_key_gives_what_is_open(void **state)
{
    ae_seal_t   other;
    ae_str_t    kept;
    fixture_t  *f;

    f = *state;
    kept = keep(f, &f->seal);

    assert_masked(opened(f, NULL, kept));

    assert_int_equal(ae_seal_key(&other, str("sixteen bytes of It")), AE_OK);
    assert_masked(opened(f, &other, kept));

    /* and what was kept without one */

    assert_masked(opened(f, NULL, keep(f, NULL)));
    assert_masked(opened(f, &f->seal, keep(f, NULL)));
}


static void
test_without_secret_is_a_record(void **state)
{
    ae_str_t    kept;
    fixture_t  *f;

    f = *state;
    f->ev.secret.len = 0;
    f->ev.path = str("/a");
    f->ev.request.len = 0;
    encode(f);

    kept = keep(f, &f->seal);

    assert_int_equal(kept.len, f->record.len);
    assert_memory_equal(kept.data, f->record.data, kept.len);
}


static void
test_twice_is_not_the_same(void **state)
{
    ae_str_t    one, two;
    fixture_t  *f;

    f = *state;
    one = keep(f, &f->seal);
    two = keep(f, &f->seal);

    assert_int_equal(one.len, two.len);
    assert_memory_not_equal(one.data, two.data, one.len);
}


/* not a byte of it can be another; what is open may be read or not */

static void
test_changed_byte(void **state)
{
    int         rc;
    size_t      i;
    ae_str_t    kept, changed, record;
    fixture_t  *f;

    f = *state;
    kept = keep(f, &f->seal);

    for (i = 0; i < kept.len; i++) {
        changed = ae_arena_dup(f->arena, kept);
        assert_non_null(changed.data);
        changed.data[i] ^= 1;

        rc = ae_unseal(&f->seal, changed, &record);

        assert_true(rc == AE_OK || rc == AE_DECLINED);

        if (rc == AE_OK) {
            assert_null(memmem(record.data, record.len, SECRET,
                               sizeof(SECRET) - 1));
        }
    }
}


static void
test_cut_short(void **state)
{
    int         rc;
    ae_str_t    kept, cut, record;
    fixture_t  *f;
    ae_event_t  ev;

    f = *state;
    kept = keep(f, &f->seal);

    while (kept.len-- > 0) {
        cut = ae_arena_dup(f->arena, kept);
        rc = ae_unseal(&f->seal, cut, &record);

        if (rc == AE_OK && ae_event_decode(&ev, record) == AE_OK) {
            assert_masked(record);
        }
    }
}


static void
test_no_record(void **state)
{
    ae_str_t    kept;
    fixture_t  *f;
    ae_event_t  clean;

    f = *state;

    assert_int_equal(ae_seal(&f->seal, str("seal"), f->arena, &clean, &kept),
                     AE_DECLINED);
}


static void
test_short_secret(void **state)
{
    ae_seal_t  seal;

    (void) state;

    assert_int_equal(ae_seal_key(&seal, str("fifteen bytes..")), AE_DECLINED);
    assert_int_equal(ae_seal_key(&seal, str("sixteen bytes...")), AE_OK);
}


/* RFC 5869 with this module's info, as the openssl program says it */

static void
test_derivation(void **state)
{
    ae_seal_t  seal;

    static const unsigned char  expected[] = {
        0xc9, 0xd1, 0xaa, 0x6b, 0x40, 0x4a, 0xcf, 0x7f,
        0xef, 0x6f, 0x07, 0x5a, 0x23, 0x43, 0x4e, 0x18,
        0xf6, 0x52, 0x1d, 0x03, 0xe6, 0xc4, 0xf1, 0xd3,
        0x00, 0xe7, 0xa9, 0x47, 0x8d, 0x8f, 0x5d, 0x4d
    };

    (void) state;

    assert_int_equal(ae_seal_key(&seal, str("sixteen bytes...")), AE_OK);
    assert_memory_equal(seal.key, expected, AE_SEAL_KEY);
}


/* ---- a secret of a document ---- */

static void
test_text_comes_back(void **state)
{
    char        text[200];
    size_t      n;
    ae_str_t    sealed, again, open;
    fixture_t  *f;

    f = *state;
    memset(text, 'x', sizeof(text));

    for (n = 0; n < sizeof(text); n++) {
        assert_int_equal(ae_seal_text(&f->seal, str("here"),
                                      (ae_str_t) { n, (void *) text },
                                      f->arena, &sealed),
                         AE_OK);
        assert_true(ae_seal_is_text(sealed));

        again = ae_arena_dup(f->arena, sealed);
        assert_int_equal(ae_unseal_text(&f->seal, str("here"), again,
                                        f->arena, &open),
                         AE_OK);
        assert_int_equal(open.len, n);
        assert_memory_equal(open.data, text, n);
    }
}


static void
test_text_is_of_its_place(void **state)
{
    size_t      i;
    ae_str_t    sealed, changed, open;
    ae_seal_t   other;
    fixture_t  *f;

    f = *state;
    assert_int_equal(ae_seal_key(&other, str("sixteen bytes of It")), AE_OK);
    assert_int_equal(ae_seal_text(&f->seal, str("here"), str(SECRET),
                                  f->arena, &sealed),
                     AE_OK);

    assert_null(memmem(sealed.data, sealed.len, "credential", 10));
    assert_int_equal(ae_unseal_text(&f->seal, str("there"), sealed, f->arena,
                                    &open),
                     AE_DECLINED);
    assert_int_equal(ae_unseal_text(&other, str("here"), sealed, f->arena,
                                    &open),
                     AE_DECLINED);
    assert_int_equal(ae_unseal_text(NULL, str("here"), sealed, f->arena,
                                    &open),
                     AE_DECLINED);
    assert_int_equal(ae_unseal_text(&f->seal, str("here"), str(SECRET),
                                    f->arena, &open),
                     AE_DECLINED);

    for (i = 0; i < sealed.len; i++) {
        changed = ae_arena_dup(f->arena, sealed);
        changed.data[i] ^= 1;
        assert_int_equal(ae_unseal_text(&f->seal, str("here"), changed,
                                        f->arena, &open),
                         AE_DECLINED);

        changed = (ae_str_t) { i, sealed.data };
        assert_int_equal(ae_unseal_text(&f->seal, str("here"), changed,
                                        f->arena, &open),
                         AE_DECLINED);
    }
}


static void
test_without_memory(void **state)
{
    int          rc;
    long         n;
    ae_str_t     text, kept, record;
    fixture_t   *f;
    ae_event_t   clean;
    ae_arena_t  *arena;

    f = *state;

    for (n = 1, rc = AE_ERROR; rc != AE_OK; n++) {
        arena = ae_arena_create(0);
        assert_non_null(arena);

        ae_fail_at = n;
        rc = ae_seal(&f->seal, f->record, arena, &clean, &kept);

        if (rc == AE_OK) {
            rc = ae_unseal(&f->seal, kept, &record);
        }

        if (rc == AE_OK) {
            rc = ae_seal_text(&f->seal, str("here"), str(SECRET), arena,
                              &text);
        }

        if (rc == AE_OK) {
            rc = ae_unseal_text(&f->seal, str("here"), text, arena, &record);
        }

        ae_fail_at = 0;

        assert_true(rc == AE_OK || rc == AE_ERROR);
        ae_arena_destroy(arena);
    }

    assert_true(n > 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_key_gives_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_key_gives_what_is_open, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_without_secret_is_a_record,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_twice_is_not_the_same, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_changed_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_comes_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_text_is_of_its_place, setup,
                                        teardown),
        cmocka_unit_test(test_short_secret),
        cmocka_unit_test(test_derivation),
        cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
