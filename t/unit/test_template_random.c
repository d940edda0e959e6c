/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Random templates whose fixed text is JSON, over hostile values: the output
 * is valid JSON, and a value in a string reads back as itself.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_help.h"
#include "random.h"
#include "template_help.h"


#define MIB  (1024 * 1024)


/* a template being written */

typedef struct {
    ae_buf_t                 b;
    unsigned                 depth;
} text_t;


static void random_value(text_t *t);


/* ---- data ---- */

static const char *const  fields[] = {
    "A", "B", "C", "N", "T", "L", "M", "E"
};

static const ae_str_t  hostile[] = {
    ae_string(""), ae_string("\""), ae_string("\\"), ae_string("\\\""),
    ae_string("\"}, \"x\": {\""), ae_string("\0\0"), ae_string("\r\n\t"),
    ae_string("\xff\xfe"), ae_string("\xc3"), ae_string("\xed\xa0\x80"),
    ae_string("{{.A}}"), ae_string("\\u00"), ae_string("</script>"),
    ae_string("'&+<>"), ae_string("\x1b[31m"), ae_string("\xe2\x80\xa8"),
    ae_string("\xf0\x9f\x98\x80"), ae_string("null"), ae_string("-1e999")
};


static const char *
field(void)
{
    return fields[ae_random() % (sizeof(fields) / sizeof(char *))];
}


static ae_value_t *
random_data(ae_arena_t *arena, unsigned depth)
{
    size_t       i, n;
    ae_str_t     s, copy;
    ae_value_t  *v;

    n = ae_random() % 4;

    switch (ae_random() % (depth < 3 ? 9 : 7)) {

    case 0:
        return ae_value_int(arena, (int64_t) ae_random());

    case 1:
        return ae_value_bool(arena, (int) n % 2);

    case 2:
        return ae_json_parse(arena, ae_str("-1.5e-3"), NULL);

    case 3:
        return ae_json_parse(arena, ae_str("null"), NULL);

    case 4:
        return ae_value_str(arena, hostile[ae_random()
                            % (sizeof(hostile) / sizeof(ae_str_t))]);

    case 5:
    case 6:
        s = ae_random_str((ae_random() % 50) ? 30 : 65536, 0);
        copy = ae_arena_dup(arena, s);
        free(s.data);

        return ae_value_str(arena, copy);

    case 7:
        v = ae_value_array(arena);

        for (i = 0; i < n; i++) {
            (void) ae_value_add(v, random_data(arena, depth + 1));
        }

        return v;

    default:
        v = ae_value_map(arena);

        for (i = 0; i < n; i++) {
            (void) ae_value_set(v, hostile[ae_random()
                                % (sizeof(hostile) / sizeof(ae_str_t))],
                                random_data(arena, depth + 1));
        }

        return v;
    }
}


static ae_value_t *
random_root(ae_arena_t *arena)
{
    size_t       i;
    ae_value_t  *root;

    root = ae_value_map(arena);

    /* the last field is never there */

    for (i = 0; i < sizeof(fields) / sizeof(char *) - 1; i++) {
        (void) ae_value_set(root, ae_s(fields[i]), random_data(arena, 0));
    }

    return root;
}


/* ---- templates ---- */

static void
put(text_t *t, const char *fmt, ...)
{
    char     text[256];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    ae_buf_puts(&t->b, text);
}


/* of any type */

static void
random_expression(text_t *t)
{
    static const char *const  functions[] = {
        "print", "html", "js", "urlquery", "json", "len", "not", "printf",
        "printf \"%5v|%-3q\"", "printf \"%d %s\" 1", "as_rfc3339", "index",
        "or 0", "and 1", "println \"\\xff\"", "eq 1", "print \"\\\"\""
    };

    put(t, "%s.%s", (ae_random() % 4) ? "" : "$", field());

    while (ae_random() % 3 == 0) {
        put(t, " | %s", functions[ae_random()
                                  % (sizeof(functions) / sizeof(char *))]);
    }
}


static void
random_action(text_t *t)
{
    put(t, "{{");
    random_expression(t);
    put(t, "}}");
}


/* what may stand between the quotes of a string */

static void
random_content(text_t *t)
{
    unsigned  n;

    static const char *const  parts[] = {
        "text", " ", "\\n", "\\\"", "\\\\", "\\u00e9", "\xc3\xa9", "'", "<",
        "{ ", "}", "{{/* \" */}}", "{{\"\\\"\"}}", "{{`\"`}}", ":", ",", "[",
        "{{template \"in\" .}}", "{{template \"in\" $}}"
    };

    t->depth++;

    for (n = ae_random() % 5; n != 0; n--) {

        switch (ae_random() % (t->depth < 5 ? 8 : 4)) {

        case 0:
        case 1:
            put(t, "%s", parts[ae_random() % (sizeof(parts)
                                              / sizeof(char *))]);
            break;

        case 2:
        case 3:
            random_action(t);
            break;

        case 4:
            put(t, "{{if ");
            random_expression(t);
            put(t, "}}");
            random_content(t);
            put(t, "{{else}}");
            random_content(t);
            put(t, "{{end}}");
            break;

        case 5:
            put(t, "{{range ");
            random_expression(t);
            put(t, "}}");
            random_content(t);
            put(t, "{{end}}");
            break;

        case 6:
            put(t, "{{with $x := .%s}}", field());
            random_content(t);
            put(t, "{{$x}}{{end}}");
            break;

        default:

            /* over and out of the string, on one road only */

            put(t, "{{if ");
            random_expression(t);
            put(t, "}}\", {{else}}\", ");
            random_value(t);
            put(t, ", {{end}}\"");
        }
    }

    t->depth--;
}


/* inside of a list: content may end the string and begin another */

static void
random_value(text_t *t)
{
    unsigned  n;

    t->depth++;

    switch (ae_random() % (t->depth < 4 ? 8 : 3)) {

    case 0:
        random_action(t);
        break;

    case 1:
        put(t, "[\"");
        random_content(t);
        put(t, "\"]");
        break;

    case 2:
        put(t, "-1.5e3");
        break;

    case 3:
        put(t, "[");

        for (n = ae_random() % 4; n != 0; n--) {
            random_value(t);
            put(t, ", ");
        }

        put(t, "null ]");
        break;

    case 4:
        put(t, "{ ");

        for (n = ae_random() % 4; n != 0; n--) {
            put(t, "\"{{.%s}} {{$.%s}}\": ", field(), field());
            random_value(t);
            put(t, ", ");
        }

        put(t, "{{print .%s}}: true}", field());
        break;

    case 5:
        put(t, "{{if ");
        random_expression(t);
        put(t, "}}");
        random_value(t);
        put(t, "{{- else -}}");
        random_value(t);
        put(t, "{{end}}");
        break;

    case 6:
        put(t, "[{{range $k, $v := .%s}}{{$k}}, ", field());
        random_value(t);
        put(t, ", {{$v}}, {{end}}{{.%s}}]", field());
        break;

    default:

        /* branches that leave the string open */

        put(t, "[{{if ");
        random_expression(t);
        put(t, "}}\"a{{else}}{{.%s}}, \"{{end}}", field());
        random_content(t);
        put(t, "\"]");
    }

    t->depth--;
}


static void
test_output_is_json(void **state)
{
    int             rc;
    long            i, n, valid;
    text_t          text;
    ae_buf_t        out;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_value_t     *root;
    ae_template_t  *t;

    (void) state;

    ae_random_seed();

    n = ae_steps(6000);
    valid = 0;

    for (i = 0; i < n; i++) {
        arena = ae_arena_create(0);
        root = random_root(arena);

        memset(&text, 0, sizeof(text_t));
        ae_buf_init(&text.b, MIB);
        ae_buf_init(&out, MIB);

        put(&text, "{{define \"in\"}}");
        random_action(&text);
        put(&text, " \\t{{.%s}}{{end}}", field());
        random_value(&text);

        t = ae_template_parse(arena, (ae_str_t) { text.b.len, text.b.data },
                              AE_ESCAPE_JSON, &err);

        if (t == NULL) {
            fail_msg("%s\n%.*s", err.text, (int) text.b.len, text.b.data);
        }

        rc = ae_template_render(t, root, &out);

        /* else it was too long */

        if (rc == AE_OK) {
            valid++;

            if (ae_parse(arena, (ae_str_t) { out.len, out.data }, &err)
                == NULL)
            {
                fail_msg("line %u: %s\n%.*s\n---\n%.*s", err.line, err.text,
                         (int) text.b.len, text.b.data, (int) out.len,
                         out.data);
            }
        }

        ae_buf_free(&text.b);
        ae_buf_free(&out);
        ae_arena_destroy(arena);
    }

    assert_true(valid > n * 9 / 10);
}


static void
test_values_read_back(void **state)
{
    long            i;
    ae_buf_t        out, clean;
    ae_str_t        s;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_value_t     *root, *v;
    ae_template_t  *t;

    (void) state;

    ae_random_seed();

    for (i = ae_steps(3000); i > 0; i--) {
        arena = ae_arena_create(0);

        s = (i % 100) ? ae_random_str(200, (int) i % 2)
                      : ae_random_str(65536, 0);

        root = ae_value_map(arena);
        (void) ae_value_set(root, ae_str("A"), ae_value_str(arena, s));

        t = ae_template_parse(arena, ae_str("[\"{{.A}}\", {{.A}}, {{json .A}},"
                                            " \"x{{print .A}}\"]"),
                              AE_ESCAPE_JSON, &err);

        ae_buf_init(&out, MIB);
        assert_int_equal(ae_template_render(t, root, &out), AE_OK);

        v = ae_parse(arena, (ae_str_t) { out.len, out.data }, &err);
        assert_non_null(v);
        assert_int_equal(v->count, 4);

        /* invalid UTF-8 reads back as what JSON's writer makes of it */

        ae_buf_init(&clean, MIB);
        ae_buf_puts(&clean, "\"");
        ae_json_escape(&clean, s, 0);
        ae_buf_puts(&clean, "\"");

        root = ae_parse(arena, (ae_str_t) { clean.len, clean.data }, &err);
        assert_non_null(root);

        assert_true(ae_equal(v->first, root));
        assert_true(ae_equal(v->first->next, root));
        assert_true(ae_equal(v->first->next->next, root));
        assert_int_equal(v->last->s.len, root->s.len + 1);

        if (i % 2) {
            assert_int_equal(root->s.len, s.len);
        }

        free(s.data);
        ae_buf_free(&out);
        ae_buf_free(&clean);
        ae_arena_destroy(arena);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_output_is_json),
        cmocka_unit_test(test_values_read_back)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
