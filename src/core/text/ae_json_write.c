/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdio.h>
#include <string.h>

#include "core/text/ae_json.h"


/* how deep a tree that was not parsed may be, against endless recursion */
#define AE_JSON_WRITE_DEPTH  1000

#define AE_JSON_ESCAPE_LEN   6              /* of \u00XX */


static void ae_json_write_value(ae_buf_t *b, const ae_value_t *v,
    unsigned depth);
static void ae_json_write_list(ae_buf_t *b, const ae_value_t *v,
    unsigned depth);
static void ae_json_write_number(ae_buf_t *b, const ae_value_t *v);
static void ae_json_write_string(ae_buf_t *b, ae_str_t s);
static int ae_json_unescaped(unsigned char c, int html);
static void ae_json_escape_byte(ae_buf_t *b, unsigned char c);


void
ae_json_write(ae_buf_t *b, const ae_value_t *v)
{
    ae_json_write_value(b, v, 0);
}


void
ae_json_escape(ae_buf_t *b, ae_str_t s, int html)
{
    size_t          i, n, start;
    uint32_t        cp;
    unsigned char  *p;

    p = s.data;
    start = 0;

    for (i = 0; i < s.len; i += n) {
        n = 1;

        if (ae_json_unescaped(p[i], html)) {
            continue;
        }

        if (p[i] < 0x80) {
            ae_buf_put(b, p + start, i - start);
            ae_json_escape_byte(b, p[i]);
            start = i + 1;
            continue;
        }

        n = ae_json_utf8(p + i, s.len - i, &cp);

        if (cp == 0) {
            ae_buf_put(b, p + start, i - start);
            ae_buf_puts(b, "\xef\xbf\xbd");
            start = i + n;

        } else if (html && (cp == 0x2028 || cp == 0x2029)) {
            ae_buf_put(b, p + start, i - start);
            ae_buf_puts(b, (cp == 0x2028) ? "\\u2028" : "\\u2029");
            start = i + n;
        }
    }

    if (start < s.len) {
        ae_buf_put(b, p + start, s.len - start);
    }
}


size_t
ae_json_utf8(const unsigned char *p, size_t len, uint32_t *cp)
{
    size_t         i, n;
    uint32_t       u;
    unsigned char  c, low, high;

    *cp = 0;
    c = p[0];

    /* bounds of the second byte: no overlong form, surrogate, over 10FFFF */

    low = (c == 0xe0) ? 0xa0 : (c == 0xf0) ? 0x90 : 0x80;
    high = (c == 0xed) ? 0x9f : (c == 0xf4) ? 0x8f : 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        n = 2;
        u = c & 0x1f;

    } else if (c >= 0xe0 && c <= 0xef) {
        n = 3;
        u = c & 0x0f;

    } else if (c >= 0xf0 && c <= 0xf4) {
        n = 4;
        u = c & 0x07;

    } else {
        return 1;
    }

    for (i = 1; i < n; i++) {

        if (i == len || p[i] < low || p[i] > high) {
            return i;
        }

        u = u << 6 | (p[i] & 0x3f);

        low = 0x80;
        high = 0xbf;
    }

    *cp = u;

    return n;
}


static void
ae_json_write_value(ae_buf_t *b, const ae_value_t *v, unsigned depth)
{
    if (v == NULL) {
        ae_buf_puts(b, "null");
        return;
    }

    switch (v->type) {

    case AE_BOOL:
        ae_buf_puts(b, v->boolean ? "true" : "false");
        break;

    case AE_NUMBER:
        ae_json_write_number(b, v);
        break;

    case AE_STRING:
        ae_json_write_string(b, v->s);
        break;

    case AE_ARRAY:
    case AE_MAP:
        ae_json_write_list(b, v, depth + 1);
        break;

    default: /* AE_NULL */
        ae_buf_puts(b, "null");
        break;
    }
}


static void
ae_json_write_list(ae_buf_t *b, const ae_value_t *v, unsigned depth)
{
    const ae_value_t  *child;

    if (depth > AE_JSON_WRITE_DEPTH) {
        b->failed = 1;
        return;
    }

    ae_buf_put(b, (v->type == AE_MAP) ? "{" : "[", 1);

    for (child = v->first; child != NULL; child = child->next) {

        if (child != v->first) {
            ae_buf_put(b, ",", 1);
        }

        if (v->type == AE_MAP) {
            ae_json_write_string(b, child->name);
            ae_buf_put(b, ":", 1);
        }

        ae_json_write_value(b, child, depth);
    }

    ae_buf_put(b, (v->type == AE_MAP) ? "}" : "]", 1);
}


static void
ae_json_write_number(ae_buf_t *b, const ae_value_t *v)
{
    int   n;
    char  text[32];

    if (v->s.len != 0) {
        ae_buf_put(b, v->s.data, v->s.len);
        return;
    }

    /* built without a text; JSON has neither infinities nor NaN */

    if (v->number - v->number != 0) {
        ae_buf_puts(b, "null");
        return;
    }

    n = snprintf(text, sizeof(text), "%.17g", v->number);
    ae_buf_put(b, text, (size_t) n);
}


static void
ae_json_write_string(ae_buf_t *b, ae_str_t s)
{
    ae_buf_put(b, "\"", 1);
    ae_json_escape(b, s, 0);
    ae_buf_put(b, "\"", 1);
}


/* ASCII that leaves as it is */

static int
ae_json_unescaped(unsigned char c, int html)
{
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
        return 0;
    }

    return !html || (c != '<' && c != '>' && c != '&');
}


static void
ae_json_escape_byte(ae_buf_t *b, unsigned char c)
{
    char         text[AE_JSON_ESCAPE_LEN];
    const char  *p;

    static const char  hex[] = "0123456789abcdef";
    static const char  from[] = "\"\\\b\f\n\r\t";
    static const char  to[] = "\"\\bfnrt";

    p = (c != 0) ? strchr(from, c) : NULL;

    text[0] = '\\';

    if (p != NULL) {
        text[1] = to[p - from];
        ae_buf_put(b, text, 2);
        return;
    }

    text[1] = 'u';
    text[2] = '0';
    text[3] = '0';
    text[4] = hex[c >> 4];
    text[5] = hex[c & 0xf];

    ae_buf_put(b, text, AE_JSON_ESCAPE_LEN);
}
