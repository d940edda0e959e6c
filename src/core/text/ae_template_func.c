/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The functions that a template may call.  None fails on its arguments: nil
 * counts as an empty string, what cannot be compared is neither equal nor
 * less, what cannot be indexed has nothing inside.
 */


#include <stdio.h>
#include <string.h>

#include "core/text/ae_template.h"


static int ae_func_not(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_eq(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_ne(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_lt(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_le(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_gt(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_ge(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_len(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_index(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_print(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_println(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_printf(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_html(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_js(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_urlquery(ae_tmpl_exec_t *x, ae_tmpl_val_t *args,
    unsigned n, ae_tmpl_val_t *result);
static int ae_func_json(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result);
static int ae_func_rfc3339(ae_tmpl_exec_t *x, ae_tmpl_val_t *args,
    unsigned n, ae_tmpl_val_t *result);

static int ae_func_bool(ae_tmpl_val_t *result, int b);
static int ae_func_equal(const ae_tmpl_val_t *a, const ae_tmpl_val_t *b);
static int ae_func_order(const ae_tmpl_val_t *a, const ae_tmpl_val_t *b,
    int *order);
static int ae_func_inside(ae_tmpl_exec_t *x, ae_tmpl_val_t *v,
    const ae_tmpl_val_t *key);
static int ae_func_join(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n);
static int ae_func_text(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_str_t *s);
static int ae_func_is_text(const ae_tmpl_val_t *v);


#define ae_func(s, min, max, call)  { ae_string(s), min, max, call }

#define AE_FUNC_ANY  AE_TMPL_ARGS


static const ae_tmpl_func_t  ae_funcs[] = {
    ae_func("and", 1, AE_FUNC_ANY, NULL),
    ae_func("or", 1, AE_FUNC_ANY, NULL),
    ae_func("not", 1, 1, ae_func_not),
    ae_func("eq", 2, AE_FUNC_ANY, ae_func_eq),
    ae_func("ne", 2, 2, ae_func_ne),
    ae_func("lt", 2, 2, ae_func_lt),
    ae_func("le", 2, 2, ae_func_le),
    ae_func("gt", 2, 2, ae_func_gt),
    ae_func("ge", 2, 2, ae_func_ge),
    ae_func("len", 1, 1, ae_func_len),
    ae_func("index", 1, AE_FUNC_ANY, ae_func_index),
    ae_func("print", 0, AE_FUNC_ANY, ae_func_print),
    ae_func("println", 0, AE_FUNC_ANY, ae_func_println),
    ae_func("printf", 1, AE_FUNC_ANY, ae_func_printf),
    ae_func("html", 1, AE_FUNC_ANY, ae_func_html),
    ae_func("js", 1, AE_FUNC_ANY, ae_func_js),
    ae_func("urlquery", 1, AE_FUNC_ANY, ae_func_urlquery),
    ae_func("json", 1, 1, ae_func_json),
    ae_func("as_rfc3339", 1, 1, ae_func_rfc3339),
    ae_func("as_rfc3339_from_string", 1, 1, ae_func_rfc3339)
};


const ae_tmpl_func_t *
ae_tmpl_func(ae_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(ae_funcs) / sizeof(ae_tmpl_func_t); i++) {

        if (ae_funcs[i].name.len == name.len
            && memcmp(ae_funcs[i].name.data, name.data, name.len) == 0)
        {
            return &ae_funcs[i];
        }
    }

    return NULL;
}


int
ae_tmpl_result(ae_tmpl_exec_t *x, ae_tmpl_val_t *result)
{
    unsigned char  *p;

    if (x->scratch.failed || ae_tmpl_charge(x, x->scratch.len) != AE_OK) {
        return AE_ERROR;
    }

    p = ae_tmpl_exec_alloc(x, x->scratch.len);
    if (p == NULL) {
        return AE_ERROR;
    }

    if (x->scratch.len != 0) {
        memcpy(p, x->scratch.data, x->scratch.len);
    }

    memset(result, 0, sizeof(ae_tmpl_val_t));

    result->type = AE_STRING;
    result->s.data = p;
    result->s.len = x->scratch.len;

    return AE_OK;
}


static int
ae_func_not(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    (void) x;
    (void) n;

    return ae_func_bool(result, !ae_tmpl_truth(&args[0]));
}


/* the first against any of the others */

static int
ae_func_eq(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    unsigned  i;

    for (i = 1; i < n; i++) {

        if (ae_tmpl_charge(x, args[0].s.len) != AE_OK) {
            return AE_ERROR;
        }

        if (ae_func_equal(&args[0], &args[i])) {
            return ae_func_bool(result, 1);
        }
    }

    return ae_func_bool(result, 0);
}


static int
ae_func_ne(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    (void) n;
    (void) ae_func_bool(result, !ae_func_equal(&args[0], &args[1]));

    return ae_tmpl_charge(x, args[0].s.len);
}


static int
ae_func_lt(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    int  order;

    (void) n;
    (void) ae_func_bool(result, ae_func_order(&args[0], &args[1], &order)
                                && order < 0);

    return ae_tmpl_charge(x, args[0].s.len);
}


static int
ae_func_le(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    int  order;

    (void) n;
    (void) ae_func_bool(result, ae_func_order(&args[0], &args[1], &order)
                                && order <= 0);

    return ae_tmpl_charge(x, args[0].s.len);
}


static int
ae_func_gt(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    ae_tmpl_val_t  swapped[2];

    swapped[0] = args[1];
    swapped[1] = args[0];

    return ae_func_lt(x, swapped, n, result);
}


static int
ae_func_ge(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    ae_tmpl_val_t  swapped[2];

    swapped[0] = args[1];
    swapped[1] = args[0];

    return ae_func_le(x, swapped, n, result);
}


static int
ae_func_len(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    size_t  len;

    (void) x;
    (void) n;

    len = 0;

    if (args[0].type == AE_STRING) {
        len = args[0].s.len;

    } else if (args[0].type == AE_ARRAY || args[0].type == AE_MAP) {
        len = args[0].node->count;
    }

    *result = ae_tmpl_int((int64_t) len);

    return AE_OK;
}


static int
ae_func_index(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    unsigned  i;

    *result = args[0];

    for (i = 1; i < n; i++) {
        if (ae_func_inside(x, result, &args[i]) != AE_OK) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ae_func_print(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    if (ae_func_join(x, args, n) != AE_OK) {
        return AE_ERROR;
    }

    return ae_tmpl_result(x, result);
}


static int
ae_func_println(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    unsigned  i;

    x->scratch.len = 0;

    for (i = 0; i < n; i++) {

        if (i != 0) {
            ae_buf_puts(&x->scratch, " ");
        }

        if (ae_tmpl_print(x, &x->scratch, &args[i]) != AE_OK) {
            return AE_ERROR;
        }
    }

    ae_buf_puts(&x->scratch, "\n");

    return ae_tmpl_result(x, result);
}


static int
ae_func_printf(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    x->scratch.len = 0;

    if (ae_tmpl_printf(x, &x->scratch, args, n) != AE_OK) {
        return AE_ERROR;
    }

    return ae_tmpl_result(x, result);
}


static int
ae_func_html(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    ae_str_t  s;

    if (ae_func_text(x, args, n, &s) != AE_OK) {
        return AE_ERROR;
    }

    x->scratch.len = 0;

    ae_tmpl_html(&x->scratch, s);

    if (ae_tmpl_result(x, result) != AE_OK) {
        return AE_ERROR;
    }

    result->html = 1;

    return AE_OK;
}


/* for the inside of a JavaScript string */

static int
ae_func_js(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    int             len;
    char            text[16];
    size_t          size;
    uint32_t        rune;
    ae_str_t        s;
    unsigned char  *p, *end;

    if (ae_func_text(x, args, n, &s) != AE_OK) {
        return AE_ERROR;
    }

    x->scratch.len = 0;
    end = s.data + s.len;

    for (p = s.data; p < end; p += size) {
        size = ae_tmpl_rune(p, end, &rune);

        if (rune == '\\' || rune == '\'' || rune == '"') {
            ae_buf_puts(&x->scratch, "\\");

        } else if (rune == '<' || rune == '>' || rune == '&' || rune == '='
                   || !ae_tmpl_graphic(rune))
        {
            len = snprintf(text, sizeof(text), "\\u%04X", (unsigned) rune);
            ae_buf_put(&x->scratch, text, (size_t) len);
            continue;
        }

        ae_buf_put(&x->scratch, p, size);
    }

    return ae_tmpl_result(x, result);
}


static int
ae_func_urlquery(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    char           text[4];
    size_t         i;
    ae_str_t       s;
    unsigned char  ch;

    if (ae_func_text(x, args, n, &s) != AE_OK) {
        return AE_ERROR;
    }

    x->scratch.len = 0;

    for (i = 0; i < s.len; i++) {
        ch = s.data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9') || memchr("-_.~", ch, 4) != NULL)
        {
            ae_buf_put(&x->scratch, &ch, 1);

        } else if (ch == ' ') {
            ae_buf_puts(&x->scratch, "+");

        } else {
            (void) snprintf(text, sizeof(text), "%%%02X", ch);
            ae_buf_put(&x->scratch, text, 3);
        }
    }

    return ae_tmpl_result(x, result);
}


static int
ae_func_json(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    (void) n;

    /* JSON text handed to it again becomes a string */

    args[0].json = 0;
    x->scratch.len = 0;

    ae_tmpl_json(&x->scratch, &args[0]);

    if (ae_tmpl_result(x, result) != AE_OK) {
        return AE_ERROR;
    }

    result->json = 1;

    return AE_OK;
}


/* what is no time stamp stays as it is; whole seconds, as Tyk has it */

static int
ae_func_rfc3339(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n,
    ae_tmpl_val_t *result)
{
    size_t         len;
    uint64_t       ns;
    unsigned char  text[AE_TIME_LEN];

    (void) n;

    *result = args[0];

    if (args[0].type != AE_STRING || ae_time_parse(args[0].s, &ns) != AE_OK) {
        return AE_OK;
    }

    len = ae_time_rfc3339(text, ns - ns % 1000000000);

    x->scratch.len = 0;
    ae_buf_put(&x->scratch, text, len);

    return ae_tmpl_result(x, result);
}


static int
ae_func_bool(ae_tmpl_val_t *result, int b)
{
    result->type = AE_BOOL;
    result->boolean = (b != 0);

    return AE_OK;
}


static int
ae_func_equal(const ae_tmpl_val_t *a, const ae_tmpl_val_t *b)
{
    int  order;

    if (a->type == AE_NULL && b->type == AE_NULL) {
        return 1;
    }

    if (a->type == AE_BOOL && b->type == AE_BOOL) {
        return a->boolean == b->boolean;
    }

    return ae_func_order(a, b, &order) && order == 0;
}


/* returns whether there is an order between the two */

static int
ae_func_order(const ae_tmpl_val_t *a, const ae_tmpl_val_t *b, int *order)
{
    if (ae_func_is_text(a) && ae_func_is_text(b)) {
        *order = ae_tmpl_compare(a->s, b->s);

        return a->type == AE_STRING || b->type == AE_STRING;
    }

    if (a->type != AE_NUMBER || b->type != AE_NUMBER) {
        return 0;
    }

    if (a->integer && b->integer) {
        *order = (a->n > b->n) - (a->n < b->n);

    } else {
        *order = (a->number > b->number) - (a->number < b->number);
    }

    return 1;
}


static int
ae_func_inside(ae_tmpl_exec_t *x, ae_tmpl_val_t *v, const ae_tmpl_val_t *key)
{
    int64_t            i;
    const ae_value_t  *node;

    node = NULL;

    if (v->type == AE_MAP && key->type == AE_STRING) {
        node = ae_value_find(v->node, key->s);
        i = v->node->count;

    } else if (v->type == AE_ARRAY && key->type == AE_NUMBER && key->integer
               && key->n >= 0 && key->n < v->node->count)
    {
        node = v->node->first;

        for (i = 0; i < key->n; i++) {
            node = node->next;
        }

    } else if (v->type == AE_STRING && key->type == AE_NUMBER && key->integer
               && key->n >= 0 && (uint64_t) key->n < v->s.len)
    {
        *v = ae_tmpl_int(v->s.data[key->n]);
        return AE_OK;

    } else {
        i = 0;
    }

    *v = ae_tmpl_value(node);

    return ae_tmpl_charge(x, (size_t) i * 16);
}


/* into the scratch buffer, a space between two that are both no strings */

static int
ae_func_join(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n)
{
    unsigned  i;

    x->scratch.len = 0;

    for (i = 0; i < n; i++) {

        if (i != 0 && !ae_func_is_text(&args[i - 1])
            && !ae_func_is_text(&args[i]))
        {
            ae_buf_puts(&x->scratch, " ");
        }

        if (ae_tmpl_print(x, &x->scratch, &args[i]) != AE_OK) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


/* the arguments as one string, in the arena */

static int
ae_func_text(ae_tmpl_exec_t *x, ae_tmpl_val_t *args, unsigned n, ae_str_t *s)
{
    ae_tmpl_val_t  joined;

    if (n == 1 && ae_func_is_text(&args[0])) {
        *s = args[0].s;
        return ae_tmpl_charge(x, s->len);
    }

    if (ae_func_join(x, args, n) != AE_OK
        || ae_tmpl_result(x, &joined) != AE_OK)
    {
        return AE_ERROR;
    }

    *s = joined.s;

    return AE_OK;
}


static int
ae_func_is_text(const ae_tmpl_val_t *v)
{
    return v->type == AE_STRING || v->type == AE_NULL;
}
