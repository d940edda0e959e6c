/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * JSON that a JavaScript engine would write as it reads it (ECMA-262,
 * JSON.parse and JSON.stringify).  Where that is not certain it is denied.
 */


#include <string.h>

#include "core/text/ae_json.h"


/* names of one object that are compared with each other; its depth */
#define AE_PLAIN_NAMES   64
#define AE_PLAIN_DEPTH   32

/* all integers, and all decimals of so many digits, are doubles that are
 * written with the same digits */
#define AE_PLAIN_DIGITS  15

/* 0.0000001 is written as 1e-7 */
#define AE_PLAIN_ZEROS   6


typedef struct {
    const unsigned char     *p;
    const unsigned char     *end;
    unsigned                 depth;
} ae_plain_t;


static int ae_plain_value(ae_plain_t *s);
static int ae_plain_object(ae_plain_t *s);
static int ae_plain_name(ae_plain_t *s, ae_str_t *names, size_t n);
static int ae_plain_array(ae_plain_t *s);
static int ae_plain_string(ae_plain_t *s);
static int ae_plain_number(ae_plain_t *s);
static int ae_plain_fraction(ae_plain_t *s, unsigned digits);
static int ae_plain_word(ae_plain_t *s, const char *word);
static int ae_plain_sign(ae_plain_t *s, unsigned char sign);


int
ae_json_plain(ae_str_t text)
{
    ae_plain_t  s;

    s.p = text.data;
    s.end = text.data + text.len;
    s.depth = 0;

    return ae_plain_value(&s) && s.p == s.end;
}


static int
ae_plain_value(ae_plain_t *s)
{
    int  rc;

    if (s->p == s->end || s->depth == AE_PLAIN_DEPTH) {
        return 0;
    }

    s->depth++;

    switch (*s->p) {

    case '{':
        rc = ae_plain_object(s);
        break;

    case '[':
        rc = ae_plain_array(s);
        break;

    case '"':
        rc = ae_plain_string(s);
        break;

    case 't':
        rc = ae_plain_word(s, "true");
        break;

    case 'f':
        rc = ae_plain_word(s, "false");
        break;

    case 'n':
        rc = ae_plain_word(s, "null");
        break;

    default:
        rc = ae_plain_number(s);
        break;
    }

    s->depth--;

    return rc;
}


static int
ae_plain_object(ae_plain_t *s)
{
    size_t    n;
    ae_str_t  names[AE_PLAIN_NAMES];

    s->p++;

    if (ae_plain_sign(s, '}')) {
        return 1;
    }

    for (n = 0; n < AE_PLAIN_NAMES; n++) {

        if (!ae_plain_name(s, names, n) || !ae_plain_sign(s, ':')
            || !ae_plain_value(s))
        {
            return 0;
        }

        if (ae_plain_sign(s, '}')) {
            return 1;
        }

        if (!ae_plain_sign(s, ',')) {
            return 0;
        }
    }

    return 0;
}


/* the second of a name takes the first one's place, and names that look like
 * an index go to the front */

static int
ae_plain_name(ae_plain_t *s, ae_str_t *names, size_t n)
{
    size_t  i;

    names[n].data = (unsigned char *) s->p;

    if (!ae_plain_string(s)) {
        return 0;
    }

    names[n].len = s->p - names[n].data;

    if ((names[n].data[1] >= '0' && names[n].data[1] <= '9')
        || (names[n].len == sizeof("\"__proto__\"") - 1
            && memcmp(names[n].data, "\"__proto__\"", names[n].len) == 0))
    {
        return 0;
    }

    for (i = 0; i < n; i++) {

        if (names[i].len == names[n].len
            && memcmp(names[i].data, names[n].data, names[n].len) == 0)
        {
            return 0;
        }
    }

    return 1;
}


static int
ae_plain_array(ae_plain_t *s)
{
    s->p++;

    if (ae_plain_sign(s, ']')) {
        return 1;
    }

    for ( ;; ) {

        if (!ae_plain_value(s)) {
            return 0;
        }

        if (ae_plain_sign(s, ']')) {
            return 1;
        }

        if (!ae_plain_sign(s, ',')) {
            return 0;
        }
    }
}


/* escapes are those that are written where there is one */

static int
ae_plain_string(ae_plain_t *s)
{
    size_t    n;
    uint32_t  cp;

    if (!ae_plain_sign(s, '"')) {
        return 0;
    }

    while (s->p != s->end && *s->p != '"') {

        if (*s->p < ' ') {
            return 0;
        }

        if (*s->p == '\\') {
            s->p++;

            if (s->p == s->end || strchr("\"\\bfnrt", *s->p) == NULL
                || *s->p == '\0')
            {
                return 0;
            }

            s->p++;
            continue;
        }

        if (*s->p < 0x80) {
            s->p++;
            continue;
        }

        n = ae_json_utf8(s->p, s->end - s->p, &cp);

        if (cp == 0) {
            return 0;
        }

        s->p += n;
    }

    return ae_plain_sign(s, '"');
}


static int
ae_plain_number(ae_plain_t *s)
{
    unsigned              digits, minus;
    const unsigned char  *from;

    minus = ae_plain_sign(s, '-');

    from = s->p;

    while (s->p != s->end && *s->p >= '0' && *s->p <= '9') {
        s->p++;
    }

    digits = s->p - from;

    if (digits == 0 || digits > AE_PLAIN_DIGITS
        || (digits > 1 && *from == '0'))
    {
        return 0;
    }

    if (ae_plain_sign(s, '.')) {
        return ae_plain_fraction(s, *from == '0' ? 0 : digits);
    }

    /* -0 is written as 0 */

    return *from != '0' || !minus;
}


/* digits: of the integer before it, 0 if that is 0 */

static int
ae_plain_fraction(ae_plain_t *s, unsigned digits)
{
    unsigned              zeros;
    const unsigned char  *from;

    from = s->p;

    while (s->p != s->end && *s->p >= '0' && *s->p <= '9') {
        s->p++;
    }

    if (s->p == from || s->p[-1] == '0') {
        return 0;
    }

    for (zeros = 0; from[zeros] == '0'; zeros++) { /* void */ }

    if (s->p != s->end && (*s->p == 'e' || *s->p == 'E')) {
        return 0;
    }

    return digits + (s->p - from) <= AE_PLAIN_DIGITS
           && (digits != 0 || zeros < AE_PLAIN_ZEROS);
}


static int
ae_plain_word(ae_plain_t *s, const char *word)
{
    size_t  len;

    len = strlen(word);

    if ((size_t) (s->end - s->p) < len || memcmp(s->p, word, len) != 0) {
        return 0;
    }

    s->p += len;

    return 1;
}


static int
ae_plain_sign(ae_plain_t *s, unsigned char sign)
{
    if (s->p == s->end || *s->p != sign) {
        return 0;
    }

    s->p++;

    return 1;
}
