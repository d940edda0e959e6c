/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_help.h"
#include "template_help.h"


int
ae_render(ae_str_t text, ae_str_t data, ae_escape_e escape, ae_buf_t *out,
    ae_error_t *err)
{
    int             rc;
    ae_arena_t     *arena;
    ae_value_t     *root;
    ae_template_t  *t;
    unsigned char  *copy;

    memset(err, 0, sizeof(ae_error_t));
    ae_buf_init(out, 1024 * 1024);

    arena = ae_arena_create(0);
    assert_non_null(arena);

    root = ae_parse(arena, data, err);
    assert_non_null(root);

    copy = malloc(text.len);
    memcpy(copy, text.data, text.len);

    t = ae_template_parse(arena, (ae_str_t) { text.len, copy }, escape, err);

    free(copy);

    rc = (t != NULL) ? ae_template_render(t, root, out) : 1;

    ae_arena_destroy(arena);

    return rc;
}


void
ae_check_render(ae_str_t text, ae_str_t data, ae_escape_e escape,
    ae_str_t expected)
{
    int         rc;
    ae_buf_t    out;
    ae_error_t  err;

    rc = ae_render(text, data, escape, &out, &err);

    if (rc != AE_OK || out.len != expected.len
        || (out.len != 0 && memcmp(out.data, expected.data, out.len) != 0))
    {
        print_error("%.*s\nrc %d, line %u: %s\n%.*s\nexpected\n%.*s\n",
                    (int) text.len, text.data, rc, err.line, err.text,
                    (int) out.len, out.data, (int) expected.len,
                    expected.data);
        fail();
    }

    ae_buf_free(&out);
}


void
ae_check_refused(ae_str_t text, ae_escape_e escape, unsigned line,
    const char *message)
{
    int         rc;
    ae_buf_t    out;
    ae_error_t  err;

    rc = ae_render(text, ae_str("{}"), escape, &out, &err);

    if (rc != 1 || err.line != line || strstr(err.text, message) == NULL) {
        print_error("%.*s\nrc %d, line %u: %s\nexpected line %u: %s\n",
                    (int) (text.len < 400 ? text.len : 400), text.data, rc,
                    err.line, err.text, line, message);
        fail();
    }

    ae_buf_free(&out);
}
