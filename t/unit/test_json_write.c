/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_help.h"
#include "random.h"


/* ---- writer ---- */

static void
check_escape(ae_str_t s, int html, ae_str_t expected)
{
    ae_buf_t  b;

    ae_buf_init(&b, 1000);
    ae_json_escape(&b, s, html);

    assert_int_equal(b.len, expected.len);

    if (b.len != 0) {
        assert_memory_equal(b.data, expected.data, b.len);
    }

    ae_buf_free(&b);
}


static void
test_escape(void **state)
{
    size_t  i;

    static const ae_str_t  text[][2] = {
        { ae_string(""), ae_string("") },
        { ae_string("plain ~\x7f"), ae_string("plain ~\x7f") },
        { ae_string("\"\\/\b\f\n\r\t"),
          ae_string("\\\"\\\\/\\b\\f\\n\\r\\t") },
        { ae_string("\0\1\x1f"), ae_string("\\u0000\\u0001\\u001f") },
        { ae_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
          ae_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") },
        { ae_string("<&>\xe2\x80\xa8"), ae_string("<&>\xe2\x80\xa8") },

        /* one U+FFFD for each longest start of a character */

        { ae_string("a\xff" "b"), ae_string("a\xef\xbf\xbd" "b") },
        { ae_string("\xc0\x80"), ae_string("\xef\xbf\xbd\xef\xbf\xbd") },
        { ae_string("\xe2\x82"), ae_string("\xef\xbf\xbd") },
        { ae_string("\xe2\x82" "a"), ae_string("\xef\xbf\xbd" "a") },
        { ae_string("\xed\xa0\x80"),
          ae_string("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
        { ae_string("\xf0\x9f\x98\""), ae_string("\xef\xbf\xbd\\\"") },
        { ae_string("\xf4\x90\x80\x80"),
          ae_string("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") }
    };

    (void) state;

    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        check_escape(text[i][0], 0, text[i][1]);
    }

    check_escape((ae_str_t) { 0, NULL }, 0, (ae_str_t) { 0, NULL });
}


static void
test_escape_html(void **state)
{
    (void) state;

    check_escape(ae_s("</script>&amp;\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"), 1,
                 ae_s("\\u003c/script\\u003e\\u0026amp;\\u2028\\u2029"
                     "\xe2\x80\xaa"));
}


/* what a parser makes of an escaped string is the string again */

static void
test_escape_parsed_again(void **state)
{
    long         i, n;
    int          utf8;
    size_t       j;
    ae_buf_t     b;
    ae_str_t     s;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    n = ae_steps(5000);

    for (i = 0; i < n; i++) {
        utf8 = (i % 2 == 0);
        s = ae_random_str((i % 100 == 0) ? 65536 : 40, utf8);

        ae_buf_init(&b, 1 << 20);
        ae_buf_puts(&b, "\"");
        ae_json_escape(&b, s, i % 4 < 2);
        ae_buf_puts(&b, "\"");

        for (j = 0; j < b.len; j++) {
            assert_true(b.data[j] >= 0x20);
            assert_false(i % 4 < 2 && b.data[j] == '<');
        }

        arena = ae_arena_create(0);
        v = ae_parse(arena, (ae_str_t) { b.len, b.data }, &err);
        assert_non_null(v);

        if (utf8) {
            assert_int_equal(v->s.len, s.len);
            assert_memory_equal(v->s.data, s.data, s.len);
        }

        ae_arena_destroy(arena);
        ae_buf_free(&b);
        free(s.data);
    }
}


static void
test_write_bound(void **state)
{
    size_t       max;
    ae_buf_t     b;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    arena = ae_arena_create(0);
    v = ae_parse(arena, ae_s("{\"a\":[1,\"x\\n\xf0\x9f\x98\x80\"],"
                             "\"b\":true}"), &err);

    for (max = 0; max <= 28; max++) {
        ae_buf_init(&b, max);
        ae_json_write(&b, v);

        assert_true(b.len <= max);
        assert_int_equal(b.failed, max < 28);

        ae_buf_free(&b);
    }

    ae_arena_destroy(arena);
}


static void
test_write_built(void **state)
{
    ae_buf_t     b;
    ae_arena_t  *arena;
    ae_value_t   num, *v;

    (void) state;

    arena = ae_arena_create(0);
    ae_buf_init(&b, 1000);

    ae_json_write(&b, NULL);
    assert_memory_equal(b.data, "null", b.len);

    /* numbers that have no text */

    memset(&num, 0, sizeof(ae_value_t));
    num.type = AE_NUMBER;
    num.number = 0.1;
    b.len = 0;
    ae_json_write(&b, &num);
    assert_memory_equal(b.data, "0.10000000000000001", b.len);

    num.number = -HUGE_VAL;
    b.len = 0;
    ae_json_write(&b, &num);
    assert_memory_equal(b.data, "null", b.len);

    v = ae_value_map(arena);
    assert_int_equal(ae_value_set(v, ae_s("n"),
                                  ae_value_int(arena, INT64_MIN)),
                     AE_OK);
    assert_int_equal(ae_value_set(v, ae_s("t"), ae_value_bool(arena, 4)),
                     AE_OK);
    assert_int_equal(ae_value_set(v, ae_s("s"),
                                  ae_value_str(arena, (ae_str_t) { 0, NULL })),
                     AE_OK);
    b.len = 0;
    ae_json_write(&b, v);
    ae_buf_put(&b, "", 1);
    assert_string_equal((char *) b.data, "{\"n\":-9223372036854775808,"
                                         "\"t\":true,\"s\":\"\"}");

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


/* a tree without end fails the buffer rather than the stack */

static void
test_write_deep(void **state)
{
    int          i;
    ae_buf_t     b;
    ae_arena_t  *arena;
    ae_value_t  *v, *deep, *child;

    (void) state;

    arena = ae_arena_create(0);
    ae_buf_init(&b, 1 << 20);

    deep = v = ae_value_array(arena);

    for (i = 0; i < 100000; i++) {
        child = ae_value_array(arena);
        ae_value_add(v, child);
        v = child;
    }

    ae_json_write(&b, deep);
    assert_int_equal(b.failed, 1);

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


/* ---- value ---- */

static void
test_value_chains(void **state)
{
    ae_arena_t  *arena;
    ae_value_t  *map;

    (void) state;

    arena = ae_arena_create(0);
    map = ae_value_map(arena);

    assert_int_equal(ae_value_set(map, ae_s("a"), NULL), AE_ERROR);
    assert_int_equal(ae_value_set(NULL, ae_s("a"), map), AE_ERROR);
    assert_int_equal(ae_value_add(map, NULL), AE_ERROR);
    assert_int_equal(ae_value_add(NULL, map), AE_ERROR);
    assert_int_equal(ae_value_share(arena, map, ae_s("a"), NULL), AE_ERROR);
    assert_int_equal(ae_value_share(arena, NULL, ae_s("a"), map), AE_ERROR);
    assert_int_equal(map->count, 0);
    assert_null(map->first);

    assert_null(ae_value_get(NULL, "a"));
    assert_null(ae_value_get(ae_value_array(arena), "a"));

    ae_arena_destroy(arena);
}


static void
test_value_share(void **state)
{
    ae_arena_t  *arena;
    ae_value_t  *map, *meta;

    (void) state;

    arena = ae_arena_create(0);
    map = ae_value_map(arena);
    meta = ae_value_map(arena);

    ae_value_set(meta, ae_s("x"), ae_value_int(arena, 42));
    ae_value_set(map, ae_s("one"), meta);
    assert_int_equal(ae_value_share(arena, map, ae_s("two"), meta), AE_OK);

    assert_int_equal(map->count, 2);
    assert_ptr_not_equal(ae_value_get(map, "two"), meta);
    assert_ptr_equal(ae_value_get(ae_value_get(map, "two"), "x"),
                     ae_value_get(ae_value_get(map, "one"), "x"));
    assert_true(ae_value_get(meta, "x")->number == 42);
    assert_null(ae_value_get(map, "two")->next);

    /* also of one that has others behind it */

    assert_int_equal(ae_value_share(arena, map, ae_s("three"), meta), AE_OK);
    assert_int_equal(map->count, 3);
    assert_null(ae_value_get(map, "three")->next);

    ae_arena_destroy(arena);
}


/* ---- properties ---- */

static ae_value_t *
random_value(ae_arena_t *arena, unsigned depth)
{
    unsigned     i, n;
    ae_str_t     s, copy;
    ae_value_t  *v;

    switch (ae_random() % ((depth < 6) ? 6 : 4)) {

    case 0:
        return ae_arena_alloc(arena, sizeof(ae_value_t));

    case 1:
        return ae_value_bool(arena, ae_random() % 2);

    case 2:
        return ae_value_int(arena, (int64_t) (ae_random()
                                              >> ae_random() % 64));

    case 3:
        s = ae_random_str(30, 1);
        copy = ae_arena_dup(arena, s);
        free(s.data);
        return ae_value_str(arena, copy);

    case 4:
        v = ae_value_array(arena);
        n = ae_random() % 6;

        for (i = 0; i < n; i++) {
            ae_value_add(v, random_value(arena, depth + 1));
        }

        return v;

    default:
        v = ae_value_map(arena);
        n = ae_random() % 6;

        for (i = 0; i < n; i++) {
            s = ae_random_str(10, 1);
            copy = ae_arena_dup(arena, s);
            free(s.data);
            ae_value_set(v, copy, random_value(arena, depth + 1));
        }

        return v;
    }
}


static void
test_random_trees(void **state)
{
    long         i, n;
    ae_buf_t     b;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v, *back;

    (void) state;

    n = ae_steps(3000);

    for (i = 0; i < n; i++) {
        arena = ae_arena_create(0);
        v = random_value(arena, 0);

        ae_buf_init(&b, 1 << 24);
        ae_json_write(&b, v);
        assert_int_equal(b.failed, 0);

        back = ae_parse(arena, (ae_str_t) { b.len, b.data }, &err);

        if (back == NULL || !ae_equal(v, back)) {
            fail_msg("%.*s: %s", (int) b.len, b.data, err.text);
        }

        ae_buf_free(&b);
        ae_arena_destroy(arena);
    }
}


/* damaged texts are refused or are texts of their own, nothing else */

static void
test_random_texts(void **state)
{
    long         i, n;
    int          edits;
    ae_buf_t     b, c;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v, *back;

    static const char  marks[] = "[]{}:,\"\\u0d8019aefn.-+ \n\t\xc3\xa9";

    (void) state;

    n = ae_steps(20000);

    for (i = 0; i < n; i++) {
        arena = ae_arena_create(0);

        ae_buf_init(&b, 1 << 24);
        ae_json_write(&b, random_value(arena, 2));

        for (edits = ae_random() % 4; edits >= 0; edits--) {
            b.data[ae_random() % b.len] = marks[ae_random()
                                                % (sizeof(marks) - 1)];
        }

        b.len -= ae_random() % (b.len + 1) * (ae_random() % 4 == 0);

        v = ae_parse(arena, (ae_str_t) { b.len, b.data }, &err);

        if (v == NULL) {
            assert_true(err.line >= 1);
            assert_true(err.text[0] != '\0');

        } else {
            ae_buf_init(&c, 1 << 24);
            ae_json_write(&c, v);
            back = ae_parse(arena, (ae_str_t) { c.len, c.data }, &err);
            assert_non_null(back);
            assert_true(ae_equal(v, back));
            ae_buf_free(&c);
        }

        ae_buf_free(&b);
        ae_arena_destroy(arena);
    }
}


static void
test_plain(void **state)
{
    size_t       i;

    const char  *plain[] = {
        "{}", "[]", "null", "true", "0", "-1", "\"\"", "0.5", "-0.5", "1.25",
        "999999999999999", "0.000001", "\"\xe2\x82\xac\"", "\"a b\"",
        "\"\\\"\\\\\\n\"", "{\"a\":1,\"b\":{\"a\":[1,\"x\",null,false]}}",
        "[[],{}]"
    };
    const char  *other[] = {
        "", " 1", "1 ", "[1, 2]", "{\"a\": 1}", "[1,]", "[,1]", "{\"a\"}",
        "{\"a\":1,}", "{\"a\":1", "[1", "\"a", "\"\\", "tru", "truex", "-",
        "-0", "00", "01", "1.", ".5", "1.0", "0.0", "1.50", "1e5", "1E5",
        "1.5e5", "0.0000001", "9999999999999999", "12345678901234567890",
        "0.1234567890123456", "1e400", "\"\\u0041\"", "\"\\/\"",
        "\"\\u000a\"", "\"\n\"", "\"\xff\"", "\"\xed\xa0\x80\"",
        "{\"a\":1,\"a\":2}", "{\"b\":1,\"1\":2}", "{\"__proto__\":1}",
        "[1]]", "NaN", "{a:1}"
    };

    (void) state;

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (!ae_json_plain((ae_str_t) { strlen(plain[i]),
                                        (unsigned char *) plain[i] }))
        {
            fail_msg("%s is plain", plain[i]);
        }
    }

    for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (ae_json_plain((ae_str_t) { strlen(other[i]),
                                       (unsigned char *) other[i] }))
        {
            fail_msg("%s is not plain", other[i]);
        }
    }
}


/* names and depth are compared as far as there is room, and no further */

static void
test_plain_bounds(void **state)
{
    int       i, n, depth;
    ae_buf_t  b;

    (void) state;

    for (i = 64; i <= 65; i++) {
        ae_buf_init(&b, 1 << 16);

        for (n = 0; n < i; n++) {
            ae_buf_puts(&b, n ? ",\"n" : "{\"n");
            ae_buf_int(&b, n);
            ae_buf_puts(&b, "\":1");
        }

        ae_buf_puts(&b, "}");
        assert_int_equal(ae_json_plain((ae_str_t) { b.len, b.data }), i == 64);
        ae_buf_free(&b);
    }

    for (depth = 32; depth <= 33; depth++) {
        ae_buf_init(&b, 1 << 16);

        for (i = 0; i < depth; i++) {
            ae_buf_puts(&b, "[");
        }

        for (i = 0; i < depth; i++) {
            ae_buf_puts(&b, "]");
        }

        assert_int_equal(ae_json_plain((ae_str_t) { b.len, b.data }),
                         depth == 32);
        ae_buf_free(&b);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_escape_html),
        cmocka_unit_test(test_escape_parsed_again),
        cmocka_unit_test(test_write_bound),
        cmocka_unit_test(test_write_built),
        cmocka_unit_test(test_write_deep),
        cmocka_unit_test(test_value_chains),
        cmocka_unit_test(test_value_share),
        cmocka_unit_test(test_random_trees),
        cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_plain_bounds)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
