/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * printf.  What it finds wrong shows in the output as it does in Go,
 * "%!d(string=x)".  An integer is taken where a real number is wanted, since
 * JSON does not tell the two apart.
 */


#include <stdio.h>
#include <string.h>

#include "core/text/ae_template.h"


#define AE_PRINT_NUMBER  2048               /* %f of the largest double */


static const unsigned char *ae_print_spec(ae_print_t *f,
    const unsigned char *p, const unsigned char *end);
static const unsigned char *ae_print_width(const unsigned char *p,
    const unsigned char *end, int *n);
static void ae_print_hex(ae_buf_t *b, const ae_print_t *f, ae_str_t s);
static void ae_print_quoted(ae_buf_t *b, ae_str_t s, int ascii, int quote);
static void ae_print_digits(ae_buf_t *b, const ae_print_t *f, int64_t n,
    unsigned base);


int
ae_tmpl_printf(ae_tmpl_exec_t *x, ae_buf_t *b, ae_tmpl_val_t *args,
    unsigned n)
{
    unsigned              i;
    ae_print_t            f;
    const char           *separator;
    const unsigned char  *p, *end, *percent;

    if (args[0].type != AE_STRING && args[0].type != AE_NULL) {
        ae_print_typed(x, b, NULL, &args[0]);
        return AE_OK;
    }

    i = 1;
    p = args[0].s.data;
    end = p + args[0].s.len;

    while (p < end) {
        percent = memchr(p, '%', end - p);

        if (percent == NULL) {
            ae_buf_put(b, p, end - p);
            break;
        }

        ae_buf_put(b, p, percent - p);
        p = ae_print_spec(&f, percent + 1, end);

        if (f.verb == 0) {
            ae_buf_puts(b, "%!(NOVERB)");

        } else if (f.verb == '%') {
            ae_buf_puts(b, "%");

        } else if (i == n) {
            ae_buf_puts(b, "%!");
            ae_print_rune(b, (uint32_t) f.verb, 0, 0);
            ae_buf_puts(b, "(MISSING)");

        } else if (ae_print_value(x, b, &f, &args[i++]) != AE_OK) {
            return AE_ERROR;
        }
    }

    for (separator = "%!(EXTRA "; i < n; separator = ", ") {
        ae_buf_puts(b, separator);
        ae_print_typed(x, b, NULL, &args[i++]);
    }

    if (*separator == ',') {
        ae_buf_puts(b, ")");
    }

    return AE_OK;
}


/* flags, width, precision and verb; the verb is 0 at the end of the format */

static const unsigned char *
ae_print_spec(ae_print_t *f, const unsigned char *p, const unsigned char *end)
{
    uint32_t  rune;

    memset(f, 0, sizeof(ae_print_t));

    f->precision = -1;

    for ( /* void */ ; p < end; p++) {

        if (*p == '-') {
            f->minus = 1;

        } else if (*p == '+') {
            f->plus = 1;

        } else if (*p == '#') {
            f->sharp = 1;

        } else if (*p == ' ') {
            f->space = 1;

        } else if (*p == '0') {
            f->zero = 1;

        } else {
            break;
        }
    }

    p = ae_print_width(p, end, &f->width);

    if (p < end && *p == '.') {
        p = ae_print_width(p + 1, end, &f->precision);
    }

    if (f->width > AE_PRINT_WIDTH || f->precision > AE_PRINT_WIDTH) {
        f->bad = 1;
        f->width = 0;
        f->precision = -1;
    }

    if (p < end) {
        p += ae_tmpl_rune(p, end, &rune);
        f->verb = (int) rune;
    }

    /* with this verb the two are about the names of Go's struct fields */

    if (f->verb == 'v') {
        f->plus = 0;
        f->sharp = 0;
    }

    return p;
}


static const unsigned char *
ae_print_width(const unsigned char *p, const unsigned char *end, int *n)
{
    *n = 0;

    while (p < end && *p >= '0' && *p <= '9') {

        if (*n <= AE_PRINT_WIDTH) {
            *n = *n * 10 + (*p - '0');
        }

        p++;
    }

    return p;
}


/* a verb may be any character, of which strchr() would see the low byte */

int
ae_print_is(const ae_print_t *f, const char *verbs)
{
    return f->verb > 0 && f->verb < 0x80 && strchr(verbs, f->verb) != NULL;
}


void
ae_print_string(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    int                   n;
    ae_buf_t              quoted;
    ae_str_t              s;
    uint32_t              rune;
    const unsigned char  *p, *end;

    s = (v->s.len != 0) ? v->s : ae_str("");

    if (!ae_print_is(f, "vsqxX")) {
        ae_print_wrong(x, b, f, v);
        return;
    }

    if (f->precision >= 0) {
        p = s.data;
        end = p + s.len;

        /* precision counts characters, or the bytes that %x shows */

        for (n = 0; p < end && n < f->precision; n++) {
            p += (f->verb == 'x' || f->verb == 'X')
                 ? 1 : ae_tmpl_rune(p, end, &rune);
        }

        s.len = p - s.data;
    }

    if (f->verb == 'v' || f->verb == 's') {
        ae_print_padded(b, f, s);
        return;
    }

    ae_buf_init(&quoted, AE_TMPL_MEM);

    if (f->verb == 'q') {
        ae_print_quoted(&quoted, s, f->plus, '"');

    } else {
        ae_print_hex(&quoted, f, s);
    }

    s.data = quoted.data;
    s.len = quoted.len;

    ae_print_padded(b, f, s);

    b->failed |= quoted.failed;

    ae_buf_free(&quoted);
}


static void
ae_print_hex(ae_buf_t *b, const ae_print_t *f, ae_str_t s)
{
    size_t       i;
    char         text[2];
    const char  *digits;

    digits = (f->verb == 'x') ? "0123456789abcdefx" : "0123456789ABCDEFX";

    for (i = 0; i < s.len; i++) {

        if (i != 0 && f->space) {
            ae_buf_puts(b, " ");
        }

        if (f->sharp && (i == 0 || f->space)) {
            ae_buf_puts(b, "0");
            ae_buf_put(b, &digits[16], 1);
        }

        text[0] = digits[s.data[i] >> 4];
        text[1] = digits[s.data[i] & 0xf];

        ae_buf_put(b, text, 2);
    }
}


/* as a Go string constant */

static void
ae_print_quoted(ae_buf_t *b, ae_str_t s, int ascii, int quote)
{
    int                   len;
    char                  text[8];
    size_t                size;
    uint32_t              rune;
    const unsigned char  *p, *end;

    p = s.data;
    end = p + s.len;
    text[0] = (char) quote;

    ae_buf_put(b, text, 1);

    while (p < end) {
        size = ae_tmpl_rune(p, end, &rune);

        if (size == 1 && rune == AE_RUNE_BAD) {
            len = snprintf(text, sizeof(text), "\\x%02x", *p);
            ae_buf_put(b, text, (size_t) len);

        } else {
            ae_print_rune(b, rune, ascii, quote);
        }

        p += size;
    }

    text[0] = (char) quote;

    ae_buf_put(b, text, 1);
}


/* one character, escaped when quote is not 0 */

void
ae_print_rune(ae_buf_t *b, uint32_t rune, int ascii, int quote)
{
    int                len;
    char               text[16];
    const char        *p;
    unsigned char      utf8[4];

    static const char  from[] = "\a\b\f\n\r\t\v\\";
    static const char  to[] = "abfnrtv\\";

    if (quote != 0) {

        p = (rune != 0 && rune < 0x80) ? strchr(from, (int) rune) : NULL;

        if (p != NULL || rune == (uint32_t) quote) {
            text[0] = '\\';
            text[1] = (p != NULL) ? to[p - from] : (char) quote;
            ae_buf_put(b, text, 2);
            return;
        }

        if (!ae_tmpl_graphic(rune) || (ascii && rune >= 0x80)) {
            len = snprintf(text, sizeof(text),
                           (rune < ' ' || rune == 0x7f) ? "\\x%02x"
                           : (rune < 0x10000) ? "\\u%04x" : "\\U%08x",
                           (unsigned) rune);
            ae_buf_put(b, text, (size_t) len);
            return;
        }
    }

    ae_buf_put(b, utf8, ae_tmpl_encode(utf8, rune));
}


void
ae_print_integer(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    ae_buf_t       quoted;
    ae_str_t       s;
    uint32_t       rune;
    unsigned char  utf8[4];

    rune = (v->n >= 0 && v->n <= 0x10ffff) ? (uint32_t) v->n : AE_RUNE_BAD;

    switch (f->verb) {

    case 'v':
    case 'd':
        ae_print_digits(b, f, v->n, 10);
        return;

    case 'b':
        ae_print_digits(b, f, v->n, 2);
        return;

    case 'o':
        ae_print_digits(b, f, v->n, 8);
        return;

    case 'x':
    case 'X':
        ae_print_digits(b, f, v->n, 16);
        return;

    case 'c':
        s.data = utf8;
        s.len = ae_tmpl_encode(utf8, rune);
        ae_print_padded(b, f, s);
        return;

    case 'q':
        ae_buf_init(&quoted, AE_PRINT_WIDTH);

        s.data = utf8;
        s.len = ae_tmpl_encode(utf8, rune);
        ae_print_quoted(&quoted, s, f->plus, '\'');

        s.data = quoted.data;
        s.len = quoted.len;
        ae_print_padded(b, f, s);

        b->failed |= quoted.failed;
        ae_buf_free(&quoted);
        return;
    }

    ae_print_wrong(x, b, f, v);
}


static void
ae_print_digits(ae_buf_t *b, const ae_print_t *f, int64_t n, unsigned base)
{
    char         *p, text[AE_PRINT_WIDTH + 72];
    int           least;
    size_t        prefix;
    uint64_t      u;
    ae_str_t      s;
    ae_print_t    spaces;
    const char   *digits;

    digits = (f->verb == 'X') ? "0123456789ABCDEFX" : "0123456789abcdefx";
    u = (n < 0) ? 0 - (uint64_t) n : (uint64_t) n;
    p = text + sizeof(text);

    /* zeros fill the width, but what a sign or 0x takes of it */

    prefix = (n < 0 || f->plus || f->space);
    least = f->precision;

    if (least < 0 && f->zero && !f->minus && f->width > (int) prefix) {
        least = f->width - (int) prefix;
    }

    for ( /* void */ ; u != 0 || least > 0; u /= base, least--) {
        *--p = digits[u % base];
    }

    if (n == 0 && p == text + sizeof(text) && f->precision != 0) {
        *--p = '0';
    }

    if (f->sharp && base == 16) {
        *--p = digits[16];
        *--p = '0';
    }

    if (prefix) {
        *--p = (n < 0) ? '-' : f->plus ? '+' : ' ';
    }

    s.data = (unsigned char *) p;
    s.len = text + sizeof(text) - p;

    spaces = *f;
    spaces.zero = 0;

    ae_print_padded(b, &spaces, s);
}


void
ae_print_real(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v)
{
    int         verb;
    char        format[16], text[AE_PRINT_NUMBER], *exponent;
    ae_str_t    s;
    ae_print_t  spaces;

    s.data = (unsigned char *) text;

    if (!ae_print_is(f, "veEfFgG")) {
        ae_print_wrong(x, b, f, v);
        return;
    }

    verb = (f->verb == 'v') ? 'g' : f->verb;

    if (f->precision < 0 && (verb == 'g' || verb == 'G')) {

        if (v->s.len != 0 && f->verb == 'v') {
            s = v->s;

        } else {
            s.len = ae_tmpl_double(text, v->number);
        }

        exponent = memchr(s.data, 'e', s.len);

        if (verb == 'G' && exponent != NULL) {
            *exponent = 'E';
        }

        ae_print_padded(b, f, s);
        return;
    }

    (void) snprintf(format, sizeof(format), "%%%s%s%s%s*.*%c",
                    f->plus ? "+" : "", f->space ? " " : "",
                    f->sharp ? "#" : "",
                    f->zero && !f->minus ? "0" : "", verb);

    s.len = (size_t) snprintf(text, sizeof(text), format,
                              f->zero && !f->minus ? f->width : 0,
                              f->precision < 0 ? 6 : f->precision, v->number);

    spaces = *f;
    spaces.zero = 0;

    ae_print_padded(b, &spaces, s);
}
