/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Takes a credential out of an event before that is kept.  Paths and requests
 * may write any character of it as %XX or, in a JSON body, behind a backslash,
 * so texts are compared by what they mean.
 */


#include <string.h>

#include "core/text/text.h"


#define AE_MASK_MIN          16             /* shorter ones show nothing */
#define AE_MASK_TAIL         4
#define AE_MASK_STARS        "****"


static int ae_clean_str(ae_arena_t *arena, ae_str_t *s, ae_str_t key,
    ae_str_t mask);
static size_t ae_clean_copy(unsigned char *dst, ae_str_t s, ae_str_t key,
    ae_str_t mask, size_t *found);
static size_t ae_clean_match(const unsigned char *p, const unsigned char *last,
    ae_str_t key);
static size_t ae_clean_char(const unsigned char *p, const unsigned char *last,
    unsigned char c);
static size_t ae_clean_backslash(const unsigned char *p,
    const unsigned char *last, unsigned char c);
static int ae_clean_hex(const unsigned char *p, size_t n);


size_t
ae_mask(unsigned char *dst, ae_str_t credential)
{
    size_t  n;

    n = sizeof(AE_MASK_STARS) - 1;
    memcpy(dst, AE_MASK_STARS, n);

    if (credential.len >= AE_MASK_MIN) {
        memcpy(dst + n, credential.data + credential.len - AE_MASK_TAIL,
               AE_MASK_TAIL);
        n += AE_MASK_TAIL;
    }

    return n;
}


ae_str_t
ae_event_clean(const ae_event_t *ev, ae_arena_t *arena)
{
    size_t         i;
    ae_str_t       key, mask, record, *told[8];
    ae_event_t     clean;
    unsigned char  buf[AE_MASK_LEN];

    clean = *ev;
    record.len = 0;
    record.data = NULL;

    if (ev->secret.len != 0) {
        key = ev->secret;
        mask.data = buf;
        mask.len = ae_mask(buf, key);

        told[0] = &clean.message;
        told[1] = &clean.path;
        told[2] = &clean.origin;
        told[3] = &clean.alias;
        told[4] = &clean.reason;
        told[5] = &clean.request;
        told[6] = &clean.meta;
        told[7] = &clean.key;

        for (i = 0; i < sizeof(told) / sizeof(told[0]); i++) {

            if (ae_clean_str(arena, told[i], key, mask) != AE_OK) {
                return record;
            }
        }
    }

    clean.secret.len = 0;

    record.data = ae_arena_alloc(arena, ae_event_size(&clean));

    if (record.data != NULL) {
        record.len = ae_event_size(&clean);
        ae_event_encode(&clean, record.data);
    }

    return record;
}


void
ae_star_out(unsigned char *text, size_t len, ae_str_t credential)
{
    size_t                n;
    unsigned char        *p;
    const unsigned char  *last;

    if (credential.len == 0) {
        return;
    }

    last = text + len;

    for (p = text; p < last; p += n ? n : 1) {
        n = ae_clean_match(p, last, credential);
        memset(p, '*', n);
    }
}


static int
ae_clean_str(ae_arena_t *arena, ae_str_t *s, ae_str_t key, ae_str_t mask)
{
    size_t    found;
    ae_str_t  clean;

    clean.len = ae_clean_copy(NULL, *s, key, mask, &found);

    if (found == 0) {
        return AE_OK;
    }

    clean.data = ae_arena_alloc(arena, clean.len);

    if (clean.data == NULL) {
        return AE_ERROR;
    }

    (void) ae_clean_copy(clean.data, *s, key, mask, &found);

    *s = clean;

    return AE_OK;
}


/* the length, and with dst the text too */

static size_t
ae_clean_copy(unsigned char *dst, ae_str_t s, ae_str_t key, ae_str_t mask,
    size_t *found)
{
    size_t          n, len;
    unsigned char  *p, *last;

    n = 0;
    p = s.data;
    last = p + s.len;
    *found = 0;

    while (p < last) {
        len = ae_clean_match(p, last, key);

        if (len == 0) {

            if (dst != NULL) {
                dst[n] = *p;
            }

            n++;
            p++;
            continue;
        }

        if (dst != NULL) {
            memcpy(dst + n, mask.data, mask.len);
        }

        (*found)++;
        n += mask.len;
        p += len;
    }

    return n;
}


/* how long the text is that means the key, 0: it is something else */

static size_t
ae_clean_match(const unsigned char *p, const unsigned char *last, ae_str_t key)
{
    size_t                i, n;
    const unsigned char  *start;

    start = p;

    for (i = 0; i < key.len; i++) {
        n = ae_clean_char(p, last, key.data[i]);

        if (n == 0) {
            return 0;
        }

        p += n;
    }

    return p - start;
}


static size_t
ae_clean_char(const unsigned char *p, const unsigned char *last,
    unsigned char c)
{
    size_t  n;

    if (p == last) {
        return 0;
    }

    if (*p == '\\') {
        n = ae_clean_backslash(p + 1, last, c);

        if (n != 0) {
            return n + 1;
        }
    }

    if (*p == '%' && last - p >= 3 && ae_clean_hex(p + 1, 2) == c) {
        return 3;
    }

    return (*p == c || (*p == '+' && c == ' '));
}


/* what may stand behind it that means c */

static size_t
ae_clean_backslash(const unsigned char *p, const unsigned char *last,
    unsigned char c)
{
    if (p == last) {
        return 0;
    }

    if (*p == 'u') {
        return (last - p >= 5 && ae_clean_hex(p + 1, 4) == c) ? 5 : 0;
    }

    return *p == c && (c == '"' || c == '\\' || c == '/');
}


static int
ae_clean_hex(const unsigned char *p, size_t n)
{
    int            value;
    unsigned char  c;

    value = 0;

    while (n-- > 0) {
        c = *p++;

        if (c >= '0' && c <= '9') {
            value = value * 16 + c - '0';
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return -1;
        }

        value = value * 16 + c - 'a' + 10;
    }

    return value;
}
