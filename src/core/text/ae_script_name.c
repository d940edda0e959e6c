/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Names of in-line handlers: their order, and how exports write them as names
 * of files.
 */


#include <string.h>

#include "core/text/text.h"


static unsigned char ae_script_name_upper(unsigned char ch);
static uint32_t ae_script_name_unit(const unsigned char *p,
    const unsigned char *end);
static void ae_script_name_put(ae_buf_t *b, uint32_t cp);


int
ae_script_name_compare(ae_str_t one, ae_str_t two)
{
    int            rc;
    size_t         i, len;
    unsigned char  a, b;

    len = (one.len < two.len) ? one.len : two.len;

    for (i = 0; i < len; i++) {
        a = ae_script_name_upper(one.data[i]);
        b = ae_script_name_upper(two.data[i]);

        if (a != b) {
            return (a > b) ? 1 : -1;
        }
    }

    if (one.len != two.len) {
        return (one.len > two.len) ? 1 : -1;
    }

    rc = (len != 0) ? memcmp(one.data, two.data, len) : 0;

    return (rc > 0) - (rc < 0);
}


static unsigned char
ae_script_name_upper(unsigned char ch)
{
    return (ch >= 'a' && ch <= 'z') ? ch & ~0x20 : ch;
}


void
ae_script_name_decode(ae_buf_t *b, ae_str_t name)
{
    uint32_t              cp, low;
    const unsigned char  *p, *end;

    end = name.data + name.len;

    for (p = name.data; p < end; /* void */ ) {
        cp = ae_script_name_unit(p, end);

        if (cp >= 0xd800 && cp <= 0xdbff) {

            /* the halves of a character have an escape each */

            low = ae_script_name_unit(p + 5, end);

            if (low >= 0xdc00 && low <= 0xdfff) {
                ae_script_name_put(b, 0x10000 + ((cp - 0xd800) << 10)
                                      + (low - 0xdc00));
                p += 10;
                continue;
            }
        }

        if (cp < 0x20 || cp == 0x7f || (cp >= 0xd800 && cp <= 0xdfff)) {
            ae_buf_put(b, p++, 1);
            continue;
        }

        ae_script_name_put(b, cp);
        p += 5;
    }
}


/* the code unit of the escape at p, 0: there is none */

static uint32_t
ae_script_name_unit(const unsigned char *p, const unsigned char *end)
{
    size_t    i;
    uint32_t  unit;

    if (end - p < 5 || *p != '$') {
        return 0;
    }

    unit = 0;

    for (i = 1; i <= 4; i++) {
        unit <<= 4;

        if (p[i] >= '0' && p[i] <= '9') {
            unit |= p[i] - '0';

        } else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f') {
            unit |= (p[i] | 0x20) - 'a' + 10;

        } else {
            return 0;
        }
    }

    return unit;
}


static void
ae_script_name_put(ae_buf_t *b, uint32_t cp)
{
    size_t         n;
    unsigned char  utf8[4];

    if (cp < 0x80) {
        utf8[0] = cp;
        n = 1;

    } else if (cp < 0x800) {
        utf8[0] = 0xc0 | cp >> 6;
        utf8[1] = 0x80 | (cp & 0x3f);
        n = 2;

    } else if (cp < 0x10000) {
        utf8[0] = 0xe0 | cp >> 12;
        utf8[1] = 0x80 | (cp >> 6 & 0x3f);
        utf8[2] = 0x80 | (cp & 0x3f);
        n = 3;

    } else {
        utf8[0] = 0xf0 | cp >> 18;
        utf8[1] = 0x80 | (cp >> 12 & 0x3f);
        utf8[2] = 0x80 | (cp >> 6 & 0x3f);
        utf8[3] = 0x80 | (cp & 0x3f);
        n = 4;
    }

    ae_buf_put(b, utf8, n);
}
