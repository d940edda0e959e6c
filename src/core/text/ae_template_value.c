/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/ae_template.h"


#define AE_INT_DIGITS  19


static int ae_value_int64(ae_str_t s, int64_t *n);
static int ae_value_by_name(const void *one, const void *two);


ae_tmpl_val_t
ae_tmpl_value(const ae_value_t *node)
{
    ae_tmpl_val_t  v;

    memset(&v, 0, sizeof(ae_tmpl_val_t));

    if (node == NULL) {
        return v;
    }

    v.type = node->type;

    switch (node->type) {

    case AE_BOOL:
        v.boolean = node->boolean;
        break;

    case AE_NUMBER:
        v.s = node->s;
        v.number = node->number;

        if (v.s.len != 0) {
            v.integer = ae_value_int64(v.s, &v.n);

        } else if (fabs(v.number) < 9007199254740992.0
                   && v.number == floor(v.number))
        {
            v.integer = 1;
            v.n = (int64_t) v.number;
        }

        break;

    case AE_STRING:
        v.s = (node->s.len != 0) ? node->s : ae_str("");
        break;

    case AE_ARRAY:
    case AE_MAP:
        v.node = node;
        break;

    default: /* AE_NULL */
        break;
    }

    return v;
}


ae_tmpl_val_t
ae_tmpl_int(int64_t n)
{
    ae_tmpl_val_t  v;

    memset(&v, 0, sizeof(ae_tmpl_val_t));

    v.type = AE_NUMBER;
    v.integer = 1;
    v.n = n;
    v.number = (double) n;

    return v;
}


int
ae_tmpl_truth(const ae_tmpl_val_t *v)
{
    switch (v->type) {

    case AE_BOOL:
        return v->boolean;

    case AE_NUMBER:
        return v->number != 0;

    case AE_STRING:
        return v->s.len != 0;

    case AE_ARRAY:
    case AE_MAP:
        return v->node->first != NULL;

    default: /* AE_NULL */
        return 0;
    }
}


int
ae_tmpl_compare(ae_str_t a, ae_str_t b)
{
    int     rc;
    size_t  len;

    len = (a.len < b.len) ? a.len : b.len;
    rc = (len != 0) ? memcmp(a.data, b.data, len) : 0;

    return (rc != 0) ? rc : (a.len > b.len) - (a.len < b.len);
}


const ae_value_t **
ae_tmpl_sorted(ae_tmpl_exec_t *x, const ae_tmpl_val_t *v)
{
    uint32_t            i;
    const ae_value_t   *child, **children;

    if (ae_tmpl_charge(x, (size_t) v->node->count * sizeof(void *)) != AE_OK) {
        return NULL;
    }

    children = ae_tmpl_exec_alloc(x, v->node->count * sizeof(void *));
    if (children == NULL) {
        return NULL;
    }

    i = 0;

    for (child = v->node->first; child != NULL; child = child->next) {
        children[i++] = child;
    }

    qsort(children, i, sizeof(void *), ae_value_by_name);

    return children;
}


/* the shortest text that reads back as the same number, in Go's %v format */

size_t
ae_tmpl_double(char *dst, double d)
{
    int    digits, exponent, n;
    char  *p, text[32];

    for (digits = 0; digits < 17; digits++) {

        (void) snprintf(text, sizeof(text), "%.*e", digits, d);

        if (strtod(text, NULL) == d) {
            break;
        }
    }

    p = strchr(text, 'e');
    exponent = (p != NULL) ? atoi(p + 1) : 0;

    if (p == NULL || exponent < -4 || exponent >= 6) {
        n = snprintf(dst, 32, "%s", text);

    } else {
        digits = (digits > exponent) ? digits - exponent : 0;
        n = snprintf(dst, 32, "%.*f", digits, d);
    }

    return (size_t) n;
}


/* is the number's text that of an integer of at most 64 bits */

static int
ae_value_int64(ae_str_t s, int64_t *n)
{
    size_t    i;
    uint64_t  u;

    i = (s.data[0] == '-');
    u = 0;

    if (s.len - i > AE_INT_DIGITS) {
        return 0;
    }

    for ( /* void */ ; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }

        u = u * 10 + (s.data[i] - '0');
    }

    if (u > INT64_MAX) {
        return 0;
    }

    *n = (s.data[0] == '-') ? -(int64_t) u : (int64_t) u;

    return 1;
}


static int
ae_value_by_name(const void *one, const void *two)
{
    const ae_value_t  *a, *b;

    a = *(const ae_value_t *const *) one;
    b = *(const ae_value_t *const *) two;

    return ae_tmpl_compare(a->name, b->name);
}
