/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/base.h"
#include "fail_alloc.h"
#include "random.h"


static ae_str_t
str(const char *s)
{
    ae_str_t  str;

    str.len = strlen(s);
    str.data = (unsigned char *) s;

    return str;
}


/* ---- arena ---- */

static void
test_arena_zeroed_aligned_apart(void **state)
{
    int             i;
    size_t          size;
    ae_arena_t     *arena;
    unsigned char  *p, *last;

    (void) state;

    arena = ae_arena_create(0);
    assert_non_null(arena);

    for (i = 0; i < 20000; i++) {
        size = ae_random() % ((i % 100) ? 200 : 200000);

        p = ae_arena_alloc(arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t) p % 16, 0);

        for (last = p + size; last > p; last--) {
            assert_int_equal(last[-1], 0);
        }

        memset(p, 0xff, size);
    }

    ae_arena_destroy(arena);
}


static void
test_arena_keeps_contents(void **state)
{
    unsigned     i;
    unsigned    *p[1000];
    ae_arena_t  *arena;

    (void) state;

    arena = ae_arena_create(0);

    for (i = 0; i < 1000; i++) {
        p[i] = ae_arena_alloc(arena, sizeof(unsigned) + ae_random() % 500);
        *p[i] = i;
    }

    for (i = 0; i < 1000; i++) {
        assert_int_equal(*p[i], i);
    }

    ae_arena_destroy(arena);
}


static void
test_arena_empty_objects_differ(void **state)
{
    ae_arena_t  *arena;

    (void) state;

    arena = ae_arena_create(0);

    assert_ptr_not_equal(ae_arena_alloc(arena, 0), ae_arena_alloc(arena, 0));

    ae_arena_destroy(arena);
}


static void
test_arena_limit(void **state)
{
    size_t       total;
    ae_arena_t  *arena;

    (void) state;

    arena = ae_arena_create(10000);
    total = 0;

    while (ae_arena_alloc(arena, 100) != NULL) {
        total += 100;
        assert_true(total <= 10000);
    }

    /* the last block is cut to what the limit leaves, not given up */

    assert_true(total > 7500);
    assert_null(ae_arena_alloc(arena, 100));
    assert_null(ae_arena_alloc(arena, 100000));

    ae_arena_destroy(arena);
}


/* the bytes of blocks' heads count too */

static void
test_arena_limit_is_exact(void **state)
{
    unsigned     n;
    ae_arena_t  *arena;

    (void) state;

    /* 48 for itself, 16 before each of what is too large to share a block */

    arena = ae_arena_create(48 + 10 * (16 + 272) + 16 + 271);

    for (n = 0; ae_arena_alloc(arena, 272) != NULL; n++) { /* void */ }

    assert_int_equal(n, 10);

    ae_arena_destroy(arena);
}


static void
test_arena_absurd_sizes(void **state)
{
    ae_str_t     s;
    ae_arena_t  *arena;

    (void) state;

    assert_null(ae_arena_create(1));

    arena = ae_arena_create(0);

    assert_null(ae_arena_alloc(arena, SIZE_MAX));
    assert_null(ae_arena_alloc(arena, SIZE_MAX - 15));

    s.data = (unsigned char *) "";
    s.len = SIZE_MAX;
    assert_null(ae_arena_dup(arena, s).data);

    ae_arena_destroy(arena);
    ae_arena_destroy(NULL);
}


static void
test_arena_dup(void **state)
{
    ae_str_t     s, null;
    ae_arena_t  *arena;

    (void) state;

    arena = ae_arena_create(0);

    s = ae_arena_dup(arena, (ae_str_t) ae_string("a\0b"));
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.data, "a\0b", 4);

    null.len = 0;
    null.data = NULL;
    s = ae_arena_dup(arena, null);
    assert_int_equal(s.len, 0);
    assert_non_null(s.data);
    assert_int_equal(s.data[0], 0);

    ae_arena_destroy(arena);
}


static void
test_arena_no_memory(void **state)
{
    int          i, failed;
    long         at;
    ae_arena_t  *arena;

    (void) state;

    for (at = 1, failed = 1; failed; at++) {
        ae_fail_at = at;
        failed = 0;

        arena = ae_arena_create(0);

        if (arena == NULL) {
            failed = 1;
            continue;
        }

        for (i = 0; i < 200; i++) {
            failed += (ae_arena_alloc(arena, i) == NULL);
            failed += (ae_arena_dup(arena, str("text")).data == NULL);
        }

        ae_arena_destroy(arena);
    }

    ae_fail_at = 0;
    assert_true(at > 3);
}


/* ---- buf ---- */

static void
test_buf_put(void **state)
{
    int       i;
    ae_buf_t  b;

    (void) state;

    ae_buf_init(&b, 1 << 20);

    for (i = 0; i < 10000; i++) {
        ae_buf_puts(&b, "0123456789");
        ae_buf_put(&b, NULL, 0);
    }

    assert_int_equal(b.failed, 0);
    assert_int_equal(b.len, 100000);

    for (i = 0; i < 100000; i++) {
        assert_int_equal(b.data[i], '0' + i % 10);
    }

    ae_buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
}


static void
test_buf_bound_is_sticky(void **state)
{
    ae_buf_t  b;

    (void) state;

    ae_buf_init(&b, 10);

    ae_buf_puts(&b, "0123456789");
    assert_int_equal(b.failed, 0);

    ae_buf_puts(&b, "x");
    assert_int_equal(b.failed, 1);
    assert_int_equal(b.len, 10);
    assert_true(b.cap <= 10);

    ae_buf_free(&b);

    ae_buf_puts(&b, "01234567");
    ae_buf_puts(&b, "012");
    ae_buf_puts(&b, "0");
    assert_int_equal(b.failed, 1);
    assert_memory_equal(b.data, "01234567", b.len);

    ae_buf_free(&b);
}


static void
test_buf_int(void **state)
{
    long      i, n;
    char      text[32];
    int64_t   v;
    ae_buf_t  b;

    (void) state;

    n = ae_steps(2000);
    ae_buf_init(&b, 100);

    for (i = 0; i < n; i++) {
        v = (int64_t) (ae_random() >> ae_random() % 64);
        v = (ae_random() & 1) ? v : -v;
        v = (i == 0) ? INT64_MIN : (i == 1) ? INT64_MAX : (i == 2) ? 0 : v;

        b.len = 0;
        ae_buf_int(&b, v);
        ae_buf_put(&b, "", 1);

        snprintf(text, sizeof(text), "%lld", (long long) v);
        assert_string_equal((char *) b.data, text);
    }

    ae_buf_free(&b);
}


static void
test_buf_no_memory(void **state)
{
    ae_buf_t  b;

    (void) state;

    ae_buf_init(&b, 100000);
    ae_buf_puts(&b, "abc");

    ae_fail_at = 1;
    ae_buf_put(&b, (unsigned char[1000]) { 0 }, 1000);
    ae_fail_at = 0;

    assert_int_equal(b.failed, 1);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "abc", 3);

    ae_buf_free(&b);
    assert_int_equal(b.failed, 0);
}


/* ---- time ---- */

static void
check_time(uint64_t ns, const char *go, const char *rfc)
{
    uint64_t       back;
    ae_str_t       s;
    unsigned char  buf[AE_TIME_LEN];

    s.data = buf;

    s.len = ae_time_go(buf, ns);
    assert_int_equal(s.len, strlen(go));
    assert_memory_equal(buf, go, s.len);
    assert_int_equal(ae_time_parse(s, &back), AE_OK);
    assert_true(back == ns);

    s.len = ae_time_rfc3339(buf, ns);
    assert_int_equal(s.len, strlen(rfc));
    assert_memory_equal(buf, rfc, s.len);
    assert_int_equal(ae_time_parse(s, &back), AE_OK);
    assert_true(back == ns);
}


static void
test_time_formats(void **state)
{
    (void) state;

    check_time(1704153599111157073, "2024-01-01 23:59:59.111157073 +0000 UTC",
               "2024-01-01T23:59:59.111157073Z");
    check_time(1704153599110000000, "2024-01-01 23:59:59.11 +0000 UTC",
               "2024-01-01T23:59:59.11Z");
    check_time(1704153599000000001, "2024-01-01 23:59:59.000000001 +0000 UTC",
               "2024-01-01T23:59:59.000000001Z");
    check_time(1704153600000000000, "2024-01-02 00:00:00 +0000 UTC",
               "2024-01-02T00:00:00Z");
    check_time(1709164800000000000, "2024-02-29 00:00:00 +0000 UTC",
               "2024-02-29T00:00:00Z");
    check_time(0, "1970-01-01 00:00:00 +0000 UTC", "1970-01-01T00:00:00Z");
    check_time(UINT64_MAX, "2554-07-21 23:34:33.709551615 +0000 UTC",
               "2554-07-21T23:34:33.709551615Z");
}


static void
test_time_round_trip(void **state)
{
    long           i, n;
    uint64_t       ns, back;
    ae_str_t       s;
    unsigned char  buf[AE_TIME_LEN];

    (void) state;

    n = ae_steps(20000);
    s.data = buf;

    for (i = 0; i < n; i++) {
        ns = ae_random() >> ae_random() % 64;
        ns -= (i & 1) ? ns % 1000000 : 0;

        s.len = (i & 2) ? ae_time_go(buf, ns) : ae_time_rfc3339(buf, ns);
        assert_true(s.len <= AE_TIME_LEN);
        assert_int_equal(ae_time_parse(s, &back), AE_OK);
        assert_true(back == ns);
    }
}


static void
test_time_refuses(void **state)
{
    size_t    i;
    uint64_t  ns;

    static const char  *bad[] = {
        "", "2024", "2024-01-01", "2024-01-01 23:59:59",
        "2024-01-01T23:59:59", "2024-01-01t23:59:59Z",
        "2024-01-01T23:59:59 +0000 UTC", "2024-01-01 23:59:59Z",
        "2024-01-01 23:59:59 +0000 UTC m=+0.000822218",
        "2024-01-01 23:59:59 +0100 UTC", "2024-01-01T23:59:59.Z",
        "2024-01-01T23:59:59.1234567890Z", "2024-01-01T23:59:59.12x",
        "2024-01-01T23:59:59,12Z", "2024-13-01T23:59:59Z",
        "2024-00-01T23:59:59Z", "2024-01-32T23:59:59Z",
        "2024-01-00T23:59:59Z", "2023-02-29T00:00:00Z",
        "2024-06-31T00:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T23:60:59Z", "2024-01-01T23:59:60Z",
        "1969-12-31T23:59:59Z", "0000-00-00T00:00:00Z",
        "2554-07-21T23:34:33.709551616Z", "2554-07-21T23:34:34Z",
        "9999-12-31T23:59:59Z", "-024-01-01T23:59:59Z",
        "2024/01-01T23:59:59Z", "2024-01/01T23:59:59Z",
        "2024-01-01T23.59:59Z", "2024-01-01T23:59.59Z",
        "2024-01-01T23:59:59ZZ", "2024-01-01T23:59: 9Z"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ae_time_parse(str(bad[i]), &ns) != AE_ERROR) {
            fail_msg("accepted \"%s\"", bad[i]);
        }
    }
}


static void
test_now(void **state)
{
    ae_now_t  a, b;

    (void) state;

    ae_now(&a);
    ae_now(&b);

    assert_true(b.mono >= a.mono);
    assert_in_range(a.wall / 1000000000, time(NULL) - 2, time(NULL) + 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_arena_zeroed_aligned_apart),
        cmocka_unit_test(test_arena_keeps_contents),
        cmocka_unit_test(test_arena_empty_objects_differ),
        cmocka_unit_test(test_arena_limit),
        cmocka_unit_test(test_arena_limit_is_exact),
        cmocka_unit_test(test_arena_absurd_sizes),
        cmocka_unit_test(test_arena_dup),
        cmocka_unit_test(test_arena_no_memory),
        cmocka_unit_test(test_buf_put),
        cmocka_unit_test(test_buf_bound_is_sticky),
        cmocka_unit_test(test_buf_int),
        cmocka_unit_test(test_buf_no_memory),
        cmocka_unit_test(test_time_formats),
        cmocka_unit_test(test_time_round_trip),
        cmocka_unit_test(test_time_refuses),
        cmocka_unit_test(test_now)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
