/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Constants: numbers, strings and characters as Go writes them.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/ae_template.h"


#define AE_NUMBER_LEN  80


typedef struct {
    const unsigned char     *pos;
    const unsigned char     *end;
    unsigned char            quote;
    unsigned                 byte:1;        /* rune is only a byte */
    uint32_t                 rune;
} ae_unquote_t;


static int ae_number_strip(ae_str_t s, char *text);
static int ae_number_integer(const char *text, int64_t *n);
static int ae_number_digit(char ch);
static int ae_unquote(ae_unquote_t *u);
static int ae_unquote_digits(ae_unquote_t *u, unsigned n, unsigned base);


int
ae_tmpl_number(ae_parse_t *p, ae_tmpl_val_t *v)
{
    int    rc;
    char  *end, text[AE_NUMBER_LEN];

    memset(v, 0, sizeof(ae_tmpl_val_t));
    v->type = AE_NUMBER;

    if (ae_number_strip(p->tok.s, text) != AE_OK) {
        goto failed;
    }

    rc = ae_number_integer(text, &v->n);

    if (rc == AE_OK) {
        v->integer = 1;
        v->number = (double) v->n;
        return AE_OK;
    }

    if (rc == AE_FULL) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "number \"%.*s\" is "
                             "too large, expected at most 64 bits",
                             (int) strnlen(text, 40), text);
    }

    v->number = strtod(text, &end);

    if (*end == '\0' && isfinite(v->number)
        && strpbrk(text, ".eEpP") != NULL)
    {
        return AE_OK;
    }

failed:

    return ae_tmpl_error(p->lex.err, p->tok.line, "bad number \"%.*s\", "
                         "expected an integer or a real number",
                         (int) (p->tok.s.len < 40 ? p->tok.s.len : 40),
                         p->tok.s.data);
}


/* underscores may stand between digits */

static int
ae_number_strip(ae_str_t s, char *text)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == '_') {
            if (i == 0 || i + 1 == s.len
                || ae_number_digit((char) s.data[i - 1]) > 35
                || ae_number_digit((char) s.data[i + 1]) > 15)
            {
                return AE_ERROR;
            }

            continue;
        }

        if (n + 1 == AE_NUMBER_LEN) {
            return AE_ERROR;
        }

        text[n++] = (char) s.data[i];
    }

    text[n] = '\0';

    return AE_OK;
}


/* AE_DECLINED: no integer; AE_FULL: too large */

static int
ae_number_integer(const char *text, int64_t *n)
{
    int       minus, digit, base;
    uint64_t  u;

    minus = (*text == '-');
    text += (*text == '-' || *text == '+');
    base = 10;

    if (text[0] == '0' && text[1] != '\0') {

        switch (text[1] | 0x20) {

        case 'x':
            base = 16;
            break;

        case 'o':
            base = 8;
            break;

        case 'b':
            base = 2;
            break;

        default:
            base = 8;
            text--;
        }

        text += 2;
    }

    if (*text == '\0') {
        return AE_DECLINED;
    }

    for (u = 0; *text != '\0'; text++) {

        digit = ae_number_digit(*text);

        if (digit >= base) {
            return AE_DECLINED;
        }

        if (u > (UINT64_MAX - digit) / base) {
            u = UINT64_MAX;
            continue;
        }

        u = u * base + digit;
    }

    if (u > (uint64_t) INT64_MAX + minus) {
        return AE_FULL;
    }

    *n = minus ? (int64_t) (0 - u) : (int64_t) u;

    return AE_OK;
}


/* 0 to 35, larger for what is neither a digit nor a letter */

static int
ae_number_digit(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 10;
    }

    return 255;
}


int
ae_tmpl_string(ae_parse_t *p, ae_tmpl_val_t *v)
{
    unsigned char  *dst;
    ae_unquote_t    u;

    memset(v, 0, sizeof(ae_tmpl_val_t));
    v->type = AE_STRING;

    dst = ae_tmpl_alloc(p, p->tok.s.len);
    if (dst == NULL) {
        return AE_ERROR;
    }

    v->s.data = dst;

    u.pos = p->tok.s.data + 1;
    u.end = p->tok.s.data + p->tok.s.len - 1;
    u.quote = '"';

    while (u.pos < u.end) {

        if (p->tok.type == AE_TOK_RAW) {
            if (*u.pos != '\r') {
                *dst++ = *u.pos;
            }

            u.pos++;
            continue;
        }

        if (*u.pos != '\\') {
            *dst++ = *u.pos++;
            continue;
        }

        if (ae_unquote(&u) != AE_OK) {
            return ae_tmpl_error(p->lex.err, p->tok.line, "bad escape in a "
                                 "string, expected one of \\a \\b \\f \\n "
                                 "\\r \\t \\v \\\\ \\\" \\ooo \\xhh \\uhhhh "
                                 "\\Uhhhhhhhh");
        }

        if (u.byte) {
            *dst++ = (unsigned char) u.rune;

        } else {
            dst += ae_tmpl_encode(dst, u.rune);
        }
    }

    v->s.len = dst - v->s.data;

    return AE_OK;
}


int
ae_tmpl_char(ae_parse_t *p, ae_tmpl_val_t *v)
{
    ae_unquote_t  u;

    u.pos = p->tok.s.data + 1;
    u.end = p->tok.s.data + p->tok.s.len - 1;
    u.quote = '\'';

    if (u.pos < u.end && *u.pos != '\\') {
        u.pos += ae_tmpl_rune(u.pos, u.end, &u.rune);

    } else if (u.pos == u.end || ae_unquote(&u) != AE_OK) {
        goto failed;
    }

    if (u.pos == u.end) {
        *v = ae_tmpl_int(u.rune);
        return AE_OK;
    }

failed:

    return ae_tmpl_error(p->lex.err, p->tok.line, "bad character constant, "
                         "expected one character or escape between quotes");
}


/* one escape sequence, from its backslash */

static int
ae_unquote(ae_unquote_t *u)
{
    const char            *s;
    unsigned char          ch;
    static const char      from[] = "abfnrtv\\";
    static const char      to[] = "\a\b\f\n\r\t\v\\";

    if (u->end - u->pos < 2) {
        return AE_ERROR;
    }

    ch = u->pos[1];
    u->pos += 2;
    u->byte = 1;

    if (ch == u->quote) {
        u->rune = ch;
        return AE_OK;
    }

    s = (ch != 0) ? strchr(from, ch) : NULL;
    if (s != NULL) {
        u->rune = (unsigned char) to[s - from];
        return AE_OK;
    }

    switch (ch) {

    case 'x':
        return ae_unquote_digits(u, 2, 16);

    case 'u':
        u->byte = 0;
        return ae_unquote_digits(u, 4, 16);

    case 'U':
        u->byte = 0;
        return ae_unquote_digits(u, 8, 16);
    }

    u->pos--;

    return ae_unquote_digits(u, 3, 8);
}


static int
ae_unquote_digits(ae_unquote_t *u, unsigned n, unsigned base)
{
    unsigned  digit;

    u->rune = 0;

    while (n-- != 0) {

        if (u->pos == u->end) {
            return AE_ERROR;
        }

        digit = (unsigned) ae_number_digit((char) *u->pos++);

        if (digit >= base || u->rune > 0x0fffffff) {
            return AE_ERROR;
        }

        u->rune = u->rune * base + digit;
    }

    if (u->byte) {
        return (u->rune > 0xff) ? AE_ERROR : AE_OK;
    }

    return (u->rune > 0x10ffff || (u->rune >= 0xd800 && u->rune <= 0xdfff))
           ? AE_ERROR : AE_OK;
}
