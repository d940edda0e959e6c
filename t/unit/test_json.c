/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "json_help.h"
#include "random.h"


static void
check_rewrite(ae_str_t text, ae_str_t expected)
{
    ae_buf_t     b;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    arena = ae_arena_create(0);
    v = ae_parse(arena, text, &err);

    if (v == NULL) {
        fail_msg("%.*s: %s", (int) text.len, text.data, err.text);
    }

    ae_buf_init(&b, 1 << 20);
    ae_json_write(&b, v);

    if (b.len != expected.len || memcmp(b.data, expected.data, b.len) != 0) {
        fail_msg("%.*s became %.*s", (int) text.len, text.data, (int) b.len,
                 b.data);
    }

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


/* ---- parser ---- */

static void
test_parse_accepts(void **state)
{
    size_t  i;

    static const char  *same[] = {
        "{}", "[]", "null", "true", "false", "0", "-0", "\"\"", "[[],{}]",
        "{\"\":{\"\":[null,true,false]}}", "1.50", "1E+2", "-12.5e-7",
        "123456789012345678901234567890", "[1e999,-1e999]",
        "\"\\u0000\\u001f\\\"\\\\\\b\\f\\n\\r\\t\"", "\"/ \x7f \xc2\x80\"",
        "\"\xf4\x8f\xbf\xbf\xef\xbf\xbf\xed\x9f\xbf\"", "{\"a\":1,\"a\":2}"
    };

    (void) state;

    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        check_rewrite(ae_s(same[i]), ae_s(same[i]));
    }

    check_rewrite(ae_s(" \t\r\n[ 1 ,\n2 ] \n"), ae_s("[1,2]"));
    check_rewrite(ae_s("{ \"a\" : \"\\/\\u0041\\u00e9\\uD83D\\uDE00\" }"),
                  ae_s("{\"a\":\"/A\xc3\xa9\xf0\x9f\x98\x80\"}"));
}


static void
check_refused(ae_str_t text, unsigned line, const char *message)
{
    ae_error_t   err;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);

    if (ae_parse(arena, text, &err) != NULL) {
        fail_msg("accepted %.*s", (int) text.len, text.data);
    }

    if (err.line != line || strcmp(err.text, message) != 0) {
        fail_msg("%.*s: line %u: %s", (int) text.len, text.data, err.line,
                 err.text);
    }

    ae_arena_destroy(arena);
}


static void
test_parse_refuses(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        unsigned     line;
        const char  *message;
    } bad[] = {
        { "", 1, "the text ends too early" },
        { " \n\n", 3, "the text ends too early" },
        { "[1,\n{\"a\":", 2, "the text ends too early" },
        { "\"abc", 1, "the text ends too early" },
        { "[1,]", 1, "a value is expected" },
        { "{\"a\":\n}", 2, "a value is expected" },
        { "{\"a\":1,\n}", 2, "a name in double quotes is expected" },
        { "{1:2}", 1, "a name in double quotes is expected" },
        { "{\"a\"\n1}", 2, "\":\" is expected behind a name" },
        { "{\"a\":1\n\"b\":2}", 2, "\",\" or \"}\" is expected" },
        { "[1\n\n2]", 3, "\",\" or \"]\" is expected" },
        { "[1}", 1, "\",\" or \"]\" is expected" },
        { "[01]", 1, "\",\" or \"]\" is expected" },
        { "{}\n\nx", 3, "nothing is expected behind the value" },
        { "1 2", 1, "nothing is expected behind the value" },
        { "{}\"", 1, "nothing is expected behind the value" },
        { "{}\n\"x", 2, "nothing is expected behind the value" },
        { "1 \"2", 1, "nothing is expected behind the value" },
        { "\n\"a\" \"\\", 2, "nothing is expected behind the value" },
        { "tru", 1, "true, false or null is expected" },
        { "[\n'a']", 2, "a JSON token is expected" },
        { "\xef\xbb\xbf{}", 1, "a JSON token is expected" },
        { "\"a\nb\"", 1,
          "control characters in a string are expected as escapes" },
        { "[1.]", 1,
          "malformed number, a digit is required after the decimal point" },
        { "[-]", 1,
          "malformed number, a digit is required after the minus sign" },
        { "\"\\x\"", 1, "inside a string, '\\' occurs before a character"
                        " which it may not" },
        { "\"\\u12g4\"", 1, "invalid (non-hex) character occurs after '\\u'"
                            " inside string" },
        { "// no\n1", 1, "probable comment found in input text, comments are"
                         " not enabled" }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_refused(ae_s(bad[i].text), bad[i].line, bad[i].message);
    }

    check_refused((ae_str_t) ae_string("\0"), 1, "a JSON token is expected");
    check_refused((ae_str_t) ae_string("\"a\0b\""), 1,
                "control characters in a string are expected as escapes");
}


/* yajl meets a blank behind the end and takes it for the next character */

static void
test_parse_refuses_cut_escapes(void **state)
{
    (void) state;

    check_refused(ae_s("\"\\"), 1, "inside a string, '\\' occurs before a"
                                   " character which it may not");
    check_refused(ae_s("\"\\u"), 1, "invalid (non-hex) character occurs after"
                                    " '\\u' inside string");
    check_refused(ae_s("\"\\ud80"), 1, "invalid (non-hex) character occurs"
                                       " after '\\u' inside string");
    check_refused(ae_s("\"\\ud800\\ud"), 1, "invalid (non-hex) character"
                  " occurs after '\\u' inside string");
}


static void
test_parse_refuses_invalid_utf8(void **state)
{
    size_t         i;
    ae_str_t       s;
    unsigned char  text[16];

    static const char  *bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3\x28",
        "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xfe"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(text, "[\n\"", 3);
        memcpy(text + 3, bad[i], strlen(bad[i]));
        memcpy(text + 3 + strlen(bad[i]), "\"]", 2);

        s.data = text;
        s.len = 5 + strlen(bad[i]);
        check_refused(s, 2, "UTF-8 is expected");

        /* also where the text ends within a character */

        s.len -= 2;
        check_refused(s, 2, "UTF-8 is expected");
    }
}


static void
test_parse_lone_surrogates(void **state)
{
    size_t  i;

    static const char  *text[][2] = {
        { "\"\\ud800\"", "\"\xef\xbf\xbd\"" },
        { "\"\\udc00\"", "\"\xef\xbf\xbd\"" },
        { "\"\\ud800\\u0041\"", "\"\xef\xbf\xbd" "A\"" },
        { "\"\\uD800A\"", "\"\xef\xbf\xbd" "A\"" },
        { "\"\\ud800\\ud83d\\ude00\"", "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"" },
        { "\"\\ude00\\ud83d\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\"\\ude00\\ude00\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\"\\\\ud800\"", "\"\\\\ud800\"" },
        { "\"\\\\\\ud800\"", "\"\\\\\xef\xbf\xbd\"" },
        { "{\"\\udbff\":1}", "{\"\xef\xbf\xbd\":1}" }
    };

    (void) state;

    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        check_rewrite(ae_s(text[i][0]), ae_s(text[i][1]));
    }
}


static void
test_parse_depth(void **state)
{
    int          i;
    char         text[20000];
    ae_str_t     s;
    ae_error_t   err;
    ae_arena_t  *arena;

    (void) state;

    arena = ae_arena_create(0);
    s.data = (unsigned char *) text;

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    s.len = 128;
    assert_non_null(ae_parse(arena, s, &err));

    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    s.len = 130;
    check_refused(s, 1, "at most 64 levels are expected");

    memset(text, '[', sizeof(text));
    s.len = sizeof(text);
    check_refused(s, 1, "at most 64 levels are expected");

    for (i = 0; i < 65; i++) {
        memcpy(text + i * 5, "{\"a\":", 5);
    }

    s.len = 65 * 5;
    check_refused(s, 1, "at most 64 levels are expected");

    ae_arena_destroy(arena);
}


static void
test_parse_lines(void **state)
{
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    arena = ae_arena_create(0);

    v = ae_parse(arena, ae_s("\n{\"a\":\n\n1, \"b\": [\n\"\\n\\n\",\r\n{}]}"),
              &err);
    assert_int_equal(v->line, 2);
    assert_int_equal(ae_value_get(v, "a")->line, 4);
    assert_int_equal(ae_value_get(v, "b")->line, 4);
    assert_int_equal(ae_value_get(v, "b")->first->line, 5);
    assert_int_equal(ae_value_get(v, "b")->last->line, 6);

    assert_int_equal(ae_parse(arena, ae_s("\n\n7\n"), &err)->line, 3);
    assert_int_equal(ae_parse(arena, ae_s("\n7"), &err)->line, 2);

    ae_arena_destroy(arena);
}


static void
test_parse_values(void **state)
{
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    arena = ae_arena_create(0);
    v = ae_parse(arena, ae_s("{\"n\":-12.50,\"big\":18446744073709551617,"
                         "\"inf\":1e999,\"t\":true,\"f\":false,\"z\":null,"
                         "\"s\":\"a\\u0000b\",\"a\":[1,2,3],\"n\":5}"), &err);

    assert_int_equal(v->type, AE_MAP);
    assert_int_equal(v->count, 9);

    /* the last of two wins */

    assert_true(ae_value_get(v, "n")->number == 5);
    assert_true(v->first->number == -12.5);
    assert_memory_equal(v->first->s.data, "-12.50", 6);

    assert_int_equal(ae_value_get(v, "big")->s.len, 20);
    assert_true(ae_value_get(v, "big")->number == 18446744073709551617.0);
    assert_true(isinf(ae_value_get(v, "inf")->number));

    assert_int_equal(ae_value_get(v, "t")->boolean, 1);
    assert_int_equal(ae_value_get(v, "f")->boolean, 0);
    assert_int_equal(ae_value_get(v, "f")->type, AE_BOOL);
    assert_int_equal(ae_value_get(v, "z")->type, AE_NULL);

    assert_int_equal(ae_value_get(v, "s")->s.len, 3);
    assert_memory_equal(ae_value_get(v, "s")->s.data, "a\0b", 3);
    assert_int_equal(ae_value_get(v, "a")->count, 3);
    assert_null(ae_value_get(v, "none"));
    assert_null(ae_value_get(v, ""));

    ae_arena_destroy(arena);
}


static void
test_parse_no_memory(void **state)
{
    int          failed;
    long         at;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    static unsigned char  text[40000];

    (void) state;

    /* long escaped strings make yajl's buffers grow, depth its stack */

    memset(text, '[', 60);
    memset(text + 60, 'x', sizeof(text) - 120);
    memcpy(text + 60, "\"\\ud800\\n", 9);
    text[sizeof(text) - 61] = '"';
    memset(text + sizeof(text) - 60, ']', 60);

    for (at = 1, failed = 1; failed; at++) {
        arena = ae_arena_create(0);
        memset(&err, 0, sizeof(ae_error_t));

        ae_fail_at = at;
        v = ae_json_parse(arena, (ae_str_t) { sizeof(text), text }, &err);
        ae_fail_at = 0;

        failed = (v == NULL);

        if (failed) {
            assert_string_equal(err.text, "no memory");
            assert_int_equal(err.line, 1);
        }

        ae_arena_destroy(arena);
    }

    assert_true(at > 5);
}


static void
test_parse_arena_limit(void **state)
{
    size_t       limit;
    ae_str_t     text;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    text = ae_s("{\"a\":[1,2,3],\"bcd\":{\"e\":\"text\",\"f\":null}}");
    v = NULL;

    for (limit = 64; v == NULL; limit++) {
        assert_true(limit < 2000);

        arena = ae_arena_create(limit);
        v = ae_parse(arena, text, &err);

        if (v == NULL) {
            assert_string_equal(err.text, "no memory");
        }

        ae_arena_destroy(arena);
    }

    assert_true(limit > 9 * sizeof(ae_value_t));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse_accepts),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_refuses_cut_escapes),
        cmocka_unit_test(test_parse_refuses_invalid_utf8),
        cmocka_unit_test(test_parse_lone_surrogates),
        cmocka_unit_test(test_parse_depth),
        cmocka_unit_test(test_parse_lines),
        cmocka_unit_test(test_parse_values),
        cmocka_unit_test(test_parse_no_memory),
        cmocka_unit_test(test_parse_arena_limit)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
