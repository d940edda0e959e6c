/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * How values look in text, and in JSON.
 */


#include <stdio.h>
#include <string.h>

#include "core/text/ae_template.h"


#define AE_PRINT_DEPTH  1000                /* of a tree */


static int ae_print_list(ae_tmpl_exec_t *x, ae_buf_t *b, ae_print_t *f,
    const ae_tmpl_val_t *v);
static int ae_print_map(ae_tmpl_exec_t *x, ae_buf_t *b, ae_print_t *f,
    const ae_tmpl_val_t *v);
static void ae_print_plain(ae_buf_t *b, const ae_tmpl_val_t *v);
static void ae_print_fill(ae_buf_t *b, int ch, size_t n);


int
ae_tmpl_print(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_tmpl_val_t *v)
{
    ae_print_t  f;

    if (v->type == AE_NULL) {
        return AE_OK;
    }

    memset(&f, 0, sizeof(ae_print_t));

    f.verb = 'v';
    f.precision = -1;

    return ae_print_value(x, b, &f, v);
}


void
ae_tmpl_json(ae_buf_t *b, const ae_tmpl_val_t *v)
{
    switch (v->type) {

    case AE_BOOL:
    case AE_NUMBER:
        ae_print_plain(b, v);
        break;

    case AE_STRING:
        if (v->json) {
            ae_buf_put(b, v->s.data, v->s.len);
            break;
        }

        ae_buf_puts(b, "\"");
        ae_json_escape(b, v->s, 0);
        ae_buf_puts(b, "\"");
        break;

    case AE_ARRAY:
    case AE_MAP:
        ae_json_write(b, v->node);
        break;

    default: /* AE_NULL */
        ae_buf_puts(b, "null");
        break;
    }
}


void
ae_tmpl_html(ae_buf_t *b, ae_str_t s)
{
    size_t             i;
    const char        *p;

    static const char  from[] = "\"'&<>";
    static const char  to[][6] = { "&#34;", "&#39;", "&amp;", "&lt;", "&gt;" };

    for (i = 0; i < s.len; i++) {
        p = memchr(from, s.data[i], sizeof(from));

        if (p == NULL) {
            ae_buf_put(b, &s.data[i], 1);

        } else if (*p == '\0') {
            ae_buf_puts(b, "\xef\xbf\xbd");

        } else {
            ae_buf_puts(b, to[p - from]);
        }
    }
}


void
ae_tmpl_address(ae_buf_t *b, ae_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < 0x20 || s.data[i] == 0x7f) {
            ae_buf_puts(b, "\xef\xbf\xbd");

        } else if (strchr(",;:<>()[]\"\\", s.data[i]) != NULL) {
            ae_buf_puts(b, " ");

        } else {
            ae_buf_put(b, &s.data[i], 1);
        }
    }
}


int
ae_print_value(ae_tmpl_exec_t *x, ae_buf_t *b, ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    ae_str_t       s;
    ae_tmpl_val_t  empty;

    if (b->failed || ae_tmpl_charge(x, 0) != AE_OK) {
        return AE_ERROR;
    }

    if (f->bad) {
        ae_buf_puts(b, "%!(BADWIDTH)");
    }

    switch (v->type) {

    case AE_STRING:
        ae_print_string(x, b, f, v);
        break;

    case AE_NUMBER:
        if (v->integer && !ae_print_is(f, "eEfFgG")) {
            ae_print_integer(x, b, f, v);

        } else {
            ae_print_real(x, b, f, v);
        }

        break;

    case AE_BOOL:
        if (f->verb != 'v' && f->verb != 't') {
            ae_print_wrong(x, b, f, v);
            break;
        }

        s = v->boolean ? ae_str("true") : ae_str("false");
        ae_print_padded(b, f, s);
        break;

    case AE_ARRAY:
        return ae_print_list(x, b, f, v);

    case AE_MAP:
        return ae_print_map(x, b, f, v);

    default: /* AE_NULL */
        if (f->depth != 0 && f->verb == 'v') {
            ae_print_padded(b, f, ae_str("<nil>"));

        } else if (f->depth != 0 || !ae_print_is(f, "vsqxX")) {
            ae_print_wrong(x, b, f, v);

        } else {
            memset(&empty, 0, sizeof(ae_tmpl_val_t));
            empty.type = AE_STRING;
            ae_print_string(x, b, f, &empty);
        }
    }

    return AE_OK;
}


static int
ae_print_list(ae_tmpl_exec_t *x, ae_buf_t *b, ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    ae_tmpl_val_t      value;
    const ae_value_t  *child;

    if (f->depth++ == AE_PRINT_DEPTH) {
        return AE_ERROR;
    }

    ae_buf_puts(b, "[");

    for (child = v->node->first; child != NULL; child = child->next) {

        if (child != v->node->first) {
            ae_buf_puts(b, " ");
        }

        value = ae_tmpl_value(child);

        if (ae_print_value(x, b, f, &value) != AE_OK) {
            return AE_ERROR;
        }
    }

    ae_buf_puts(b, "]");
    f->depth--;

    return AE_OK;
}


static int
ae_print_map(ae_tmpl_exec_t *x, ae_buf_t *b, ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    uint32_t            i;
    ae_tmpl_val_t       name, value;
    const ae_value_t  **children;

    if (f->depth++ == AE_PRINT_DEPTH) {
        return AE_ERROR;
    }

    children = ae_tmpl_sorted(x, v);
    if (children == NULL) {
        return AE_ERROR;
    }

    memset(&name, 0, sizeof(ae_tmpl_val_t));
    name.type = AE_STRING;

    ae_buf_puts(b, "map[");

    for (i = 0; i < v->node->count; i++) {

        if (i != 0) {
            ae_buf_puts(b, " ");
        }

        name.s = children[i]->name;
        value = ae_tmpl_value(children[i]);

        if (ae_print_value(x, b, f, &name) != AE_OK) {
            return AE_ERROR;
        }

        ae_buf_puts(b, ":");

        if (ae_print_value(x, b, f, &value) != AE_OK) {
            return AE_ERROR;
        }
    }

    ae_buf_puts(b, "]");
    f->depth--;

    return AE_OK;
}


/* a bool or a number */

static void
ae_print_plain(ae_buf_t *b, const ae_tmpl_val_t *v)
{
    char  text[32];

    if (v->type == AE_BOOL) {
        ae_buf_puts(b, v->boolean ? "true" : "false");

    } else if (v->s.len != 0) {
        ae_buf_put(b, v->s.data, v->s.len);

    } else if (v->integer) {
        ae_buf_int(b, v->n);

    } else {
        ae_buf_put(b, text, ae_tmpl_double(text, v->number));
    }
}


void
ae_print_wrong(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    ae_buf_puts(b, "%!");
    ae_print_rune(b, (uint32_t) f->verb, 0, 0);
    ae_buf_puts(b, "(");
    ae_print_typed(x, b, f, v);
    ae_buf_puts(b, ")");
}


void
ae_print_typed(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    ae_print_t                plain;

    static const char *const  names[] = {
        "<nil>", "bool=", "float64=", "string=", "[]interface {}=",
        "map[string]interface {}="
    };

    ae_buf_puts(b, (v->type == AE_NUMBER && v->integer) ? "int="
                                                        : names[v->type]);
    if (v->type == AE_NULL) {
        return;
    }

    memset(&plain, 0, sizeof(ae_print_t));
    plain.precision = -1;

    if (f != NULL) {
        plain = *f;
    }

    plain.verb = 'v';
    plain.bad = 0;

    (void) ae_print_value(x, b, &plain, v);
}


void
ae_print_padded(ae_buf_t *b, const ae_print_t *f, ae_str_t s)
{
    size_t  n, fill;

    fill = 0;

    if (f->width > 0) {
        n = (s.len != 0) ? ae_tmpl_runes(s) : 0;
        fill = ((size_t) f->width > n) ? (size_t) f->width - n : 0;
    }

    if (!f->minus) {
        ae_print_fill(b, f->zero ? '0' : ' ', fill);
    }

    ae_buf_put(b, s.data, s.len);

    if (f->minus) {
        ae_print_fill(b, ' ', fill);
    }
}


static void
ae_print_fill(ae_buf_t *b, int ch, size_t n)
{
    char  text[AE_PRINT_WIDTH];

    memset(text, ch, n);
    ae_buf_put(b, text, n);
}
