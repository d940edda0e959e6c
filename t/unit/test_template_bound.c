/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Bounds of templates, and memory that runs out anywhere in them.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "json_help.h"
#include "template_help.h"


#define MIB  (1024 * 1024)


/* what n repetitions of each part make */

static ae_str_t
repeat(const char *head, size_t n, const char *part, const char *middle,
    const char *tail)
{
    size_t    i;
    ae_buf_t  b;

    ae_buf_init(&b, 16 * MIB);
    ae_buf_puts(&b, head);

    for (i = 0; i < n; i++) {
        ae_buf_puts(&b, part);
    }

    ae_buf_puts(&b, middle);

    for (i = 0; i < n; i++) {
        ae_buf_puts(&b, tail);
    }

    assert_false(b.failed);

    return (ae_str_t) { b.len, b.data };
}


static void
rendered(ae_str_t text, const char *data, const char *expected)
{
    ae_check_render(text, ae_s(data), AE_ESCAPE_NONE, ae_s(expected));
    free(text.data);
}


static void
refused(ae_str_t text, const char *message)
{
    ae_check_refused(text, AE_ESCAPE_NONE, 1, message);
    free(text.data);
}


/* parses, but is given up while it is rendered */

static void
given_up(const char *text, const char *data)
{
    ae_buf_t    out;
    ae_error_t  err;

    assert_int_equal(ae_render(ae_s(text), ae_s(data), AE_ESCAPE_NONE, &out,
                               &err), AE_ERROR);
    ae_buf_free(&out);
}


static void
test_depth_of_blocks(void **state)
{
    (void) state;

    rendered(repeat("", 64, "{{if true}}", "x", "{{end}}"), "{}", "x");
    refused(repeat("", 65, "{{if true}}", "x", "{{end}}"), "at most 64");
    refused(repeat("", 90000, "{{range .}}", "", ""), "at most 64");
    refused(repeat("", 65, "{{block \"a\" .}}", "x", "{{end}}"), "twice");

    /* a chain is no nesting */

    rendered(repeat("{{if .A}}", 5000, "{{else if .A}}", "{{else}}x{{end}}",
                    ""), "{}", "x");
    rendered(repeat("{{with .A}}", 5000, "{{else with .A}}",
                    "{{else}}x{{end}}", ""), "{}", "x");
}


static void
test_depth_of_parentheses(void **state)
{
    ae_str_t  text;

    (void) state;

    text = repeat("{{", 64, "(", ".A", ")");
    text.data = realloc(text.data, text.len + 2);
    memcpy(text.data + text.len, "}}", 2);
    text.len += 2;

    rendered(text, "{\"A\":1}", "1");

    refused(repeat("{{", 65, "(", ".A", ")"), "at most 64");
    refused(repeat("{{", 500000, "(", "", ""), "at most 64");
    refused(repeat("{{", 65, "(print ", ".A", ")"), "at most 64");
}


static void
test_arguments_and_variables(void **state)
{
    (void) state;

    rendered(repeat("{{print", 31, " 1", "}}", ""), "{}",
             "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1");
    refused(repeat("{{print", 32, " 1", "}}", ""), "at most 31");
    rendered(repeat("", 255, "{{$a := 1}}", "{{$a}}", ""), "{}", "1");
    refused(repeat("", 256, "{{$a := 1}}", "", ""), "at most 255");

    /* a scope's end frees them */

    rendered(repeat("", 300, "{{if $a := 1}}{{end}}", "x", ""), "{}", "x");
}


static void
test_size(void **state)
{
    ae_str_t  text;

    (void) state;

    text = repeat("", MIB - 4, "", "", "");
    text.data = realloc(text.data, MIB + 1);
    memset(text.data, ' ', MIB + 1);
    memcpy(text.data, "{{1}}", 5);
    memcpy(text.data + MIB - 9, "{{- 2}}", 7);
    text.len = MIB;

    rendered(text, "{}", "12  ");

    text.data = calloc(1, MIB + 1);
    text.len = MIB + 1;

    refused(text, "at most 1048576");
}


static void
test_many_definitions(void **state)
{
    int       n;
    char      define[64];
    ae_buf_t  b;

    (void) state;

    ae_buf_init(&b, MIB);

    for (n = 0; n < 256; n++) {
        (void) snprintf(define, sizeof(define), "{{define \"%d\"}}%d{{end}}",
                        n, n);
        ae_buf_puts(&b, define);
    }

    n = (int) b.len;
    ae_buf_puts(&b, "{{template \"255\"}}");
    ae_check_render((ae_str_t) { b.len, b.data }, ae_str("{}"),
                    AE_ESCAPE_NONE, ae_str("255"));

    b.len = (size_t) n;
    ae_buf_puts(&b, "{{define \"256\"}}{{end}}");
    refused((ae_str_t) { b.len, b.data }, "one of more than 256");

    refused(repeat("", 2, "{{define \"a\"}}{{end}}", "", ""), "twice");
}


static void
test_steps(void **state)
{
    (void) state;

    given_up("{{range 1000000000}}{{end}}", "{}");
    given_up("{{range 400}}{{range 400}}{{end}}{{end}}", "{}");
    given_up("{{define \"r\"}}{{template \"r\" .}}{{end}}"
             "{{template \"r\" .}}", "{}");
    given_up("{{define \"r\"}}{{range 9}}{{template \"r\" .}}{{end}}{{end}}"
             "{{template \"r\" .}}", "{}");
    given_up("{{define \"r\"}}{{if false}}{{template \"r\"}}{{end}}{{end}}"
             "{{range 100000}}{{template \"r\" .}}{{end}}", "{}");

    /* long strings and lists cost more than one */

    given_up("{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 1000}}"
             "{{$x = print $x $x}}{{end}}", "{}");
    given_up("{{$x := printf \"%1000d\" 1}}{{$x = print $x $x $x $x $x $x}}"
             "{{range 6000}}{{if eq $x $x $x}}{{end}}{{end}}", "{}");
    given_up("{{range 30000}}{{if index $.L 99}}{{end}}{{end}}",
             "{\"L\":[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,"
             "0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,"
             "0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,"
             "0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9]}");
}


/* a template that calls itself for each list in a list, n deep */

static int
recursion(unsigned n, const char *head, unsigned each)
{
    int         rc;
    ae_buf_t    text, out;
    ae_str_t    data;
    unsigned    i;
    ae_error_t  err;

    ae_buf_init(&text, MIB);
    ae_buf_puts(&text, "{{define \"r\"}}");

    for (i = 0; i < each; i++) {
        ae_buf_puts(&text, head);
    }

    ae_buf_puts(&text, "{{range .}}{{template \"r\" .}}{{end}}");

    for (i = 0; i < each && strstr(head, "if") != NULL; i++) {
        ae_buf_puts(&text, "{{end}}");
    }

    ae_buf_puts(&text, "{{end}}{{template \"r\" .}}");

    data = repeat("", n, "[", "", "]");

    rc = ae_render((ae_str_t) { text.len, text.data }, data, AE_ESCAPE_NONE,
                   &out, &err);

    ae_buf_free(&text);
    ae_buf_free(&out);
    free(data.data);

    return rc;
}


static void
test_recursion(void **state)
{
    (void) state;

    assert_int_equal(recursion(60, "{{if true}}", 1), AE_OK);
    assert_int_equal(recursion(60, "{{if true}}", 5), AE_ERROR);

    /* a call gives its variables back */

    ae_check_render(ae_str("{{define \"a\"}}{{end}}{{range 2000}}"
                           "{{template \"a\"}}{{end}}x"), ae_str("{}"),
                    AE_ESCAPE_NONE, ae_str("x"));

    assert_int_equal(recursion(4, "{{$a := 1}}", 200), AE_OK);
    assert_int_equal(recursion(7, "{{$a := 1}}", 200), AE_ERROR);
}


static void
test_output(void **state)
{
    ae_buf_t        out;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_template_t  *t;

    (void) state;

    arena = ae_arena_create(0);
    t = ae_template_parse(arena, ae_str("12345{{6}}"), AE_ESCAPE_JSON, &err);
    assert_non_null(t);

    ae_buf_init(&out, 6);
    assert_int_equal(ae_template_render(t, NULL, &out), AE_OK);
    assert_int_equal(out.len, 6);
    ae_buf_free(&out);

    ae_buf_init(&out, 5);
    assert_int_equal(ae_template_render(t, NULL, &out), AE_ERROR);
    ae_buf_free(&out);

    ae_buf_init(&out, 4);
    assert_int_equal(ae_template_render(t, NULL, &out), AE_ERROR);
    assert_int_equal(ae_template_render(t, NULL, &out), AE_ERROR);
    ae_buf_free(&out);

    ae_arena_destroy(arena);
}


/* ---- memory ---- */

static const char  rich[] =
    "{{- /* all that allocates */ -}}\n"
    "{{define \"d\"}}<{{. | printf \"%5v|%-20q|%x\" 1 \"a\"}}>{{end}}"
    "{{$x := index .L 0}}{{$x = 2}}{{if and .T (eq .S \"x\" \"hello\")}}"
    "{{range $k, $v := .M}}{{$k}}={{$v}}{{$.M}}{{else}}none{{end}}"
    "{{else if .F}}{{with .S}}{{.}}{{end}}{{end}}"
    "{{template \"d\" .S}}{{block \"b\" .M}}{{.a}}{{end}}"
    "\"{{html .S}}{{js .S}}{{urlquery .S}}{{print .S 1 2}}{{println .S}}"
    "{{.M}}{{json .M}}\"{{json .S}}{{`raw`}}{{'a'}}{{.S | len}}"
    "{{as_rfc3339 \"2024-01-01 23:59:59 +0000 UTC\"}}";


static void
test_no_memory(void **state)
{
    int             rc;
    long            n;
    ae_buf_t        out;
    ae_error_t      err;
    ae_arena_t     *data, *arena;
    ae_value_t     *root;
    ae_template_t  *t;

    (void) state;

    data = ae_arena_create(0);
    root = ae_parse(data, ae_str("{\"S\":\"hello\",\"T\":true,\"F\":false,"
                                 "\"L\":[1,2],\"M\":{\"b\":1,\"a\":[{}]}}"),
                    &err);
    assert_non_null(root);

    for (n = 1; /* void */ ; n++) {
        t = NULL;
        rc = AE_ERROR;
        err.text[0] = '\0';

        ae_buf_init(&out, MIB);
        ae_fail_at = n;

        arena = ae_arena_create(0);

        if (arena != NULL) {
            t = ae_template_parse(arena, ae_s(rich), AE_ESCAPE_JSON, &err);

            if (t == NULL) {
                assert_string_equal(err.text, "no memory");
            }
        }

        if (t != NULL) {
            rc = ae_template_render(t, root, &out);
        }

        if (ae_fail_at != 0) {
            break;
        }

        assert_int_equal(rc, AE_ERROR);

        ae_buf_free(&out);
        ae_arena_destroy(arena);
    }

    ae_fail_at = 0;

    assert_int_equal(rc, AE_OK);
    assert_true(n > 10);

    ae_buf_free(&out);
    ae_arena_destroy(arena);
    ae_arena_destroy(data);
}


/* an arena of the caller's that is too small, at every size */

static void
test_small_arena(void **state)
{
    size_t          limit;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_template_t  *t;

    (void) state;

    t = NULL;

    for (limit = 64; t == NULL; limit += 64) {
        arena = ae_arena_create(limit);
        assert_non_null(arena);

        t = ae_template_parse(arena, ae_s(rich), AE_ESCAPE_JSON, &err);

        if (t == NULL) {
            assert_string_equal(err.text, "no memory");
        }

        ae_arena_destroy(arena);
    }

    assert_true(limit > 4096);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_depth_of_blocks),
        cmocka_unit_test(test_depth_of_parentheses),
        cmocka_unit_test(test_arguments_and_variables),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_many_definitions),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_small_arena)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
