/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include "core/text/ae_json.h"
#include "core/text/ae_template.h"


typedef struct {
    uint32_t                 first;
    uint32_t                 last;
} ae_rune_range_t;


/*
 * Controls, format characters, spaces other than ' ', surrogates and private
 * use: the characters that Go's unicode.IsPrint() refuses, but for code points
 * that no Unicode version has given a meaning yet.
 */

static const ae_rune_range_t  ae_rune_hidden[] = {
    { 0x0000, 0x001f },
    { 0x007f, 0x00a0 },
    { 0x00ad, 0x00ad },
    { 0x0600, 0x0605 },
    { 0x061c, 0x061c },
    { 0x06dd, 0x06dd },
    { 0x070f, 0x070f },
    { 0x1680, 0x1680 },
    { 0x180e, 0x180e },
    { 0x2000, 0x200f },
    { 0x2028, 0x202f },
    { 0x205f, 0x206f },
    { 0x3000, 0x3000 },
    { 0xd800, 0xf8ff },
    { 0xfdd0, 0xfdef },
    { 0xfeff, 0xfeff },
    { 0xfff0, 0xfffb },
    { 0xfffe, 0xffff },
    { 0x1bca0, 0x1bca3 },
    { 0x1d173, 0x1d17a },
    { 0xe0000, 0xe00ff },
    { 0xf0000, 0x10ffff }
};


size_t
ae_tmpl_rune(const unsigned char *p, const unsigned char *end, uint32_t *rune)
{
    size_t  n;

    if (*p < 0x80) {
        *rune = *p;
        return 1;
    }

    n = ae_json_utf8(p, end - p, rune);

    if (*rune == 0) {
        *rune = AE_RUNE_BAD;
        return 1;
    }

    return n;
}


size_t
ae_tmpl_encode(unsigned char *dst, uint32_t rune)
{
    if (rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) {
        rune = AE_RUNE_BAD;
    }

    if (rune < 0x80) {
        dst[0] = (unsigned char) rune;
        return 1;
    }

    if (rune < 0x800) {
        dst[0] = (unsigned char) (0xc0 | rune >> 6);
        dst[1] = (unsigned char) (0x80 | (rune & 0x3f));
        return 2;
    }

    if (rune < 0x10000) {
        dst[0] = (unsigned char) (0xe0 | rune >> 12);
        dst[1] = (unsigned char) (0x80 | (rune >> 6 & 0x3f));
        dst[2] = (unsigned char) (0x80 | (rune & 0x3f));
        return 3;
    }

    dst[0] = (unsigned char) (0xf0 | rune >> 18);
    dst[1] = (unsigned char) (0x80 | (rune >> 12 & 0x3f));
    dst[2] = (unsigned char) (0x80 | (rune >> 6 & 0x3f));
    dst[3] = (unsigned char) (0x80 | (rune & 0x3f));

    return 4;
}


size_t
ae_tmpl_runes(ae_str_t s)
{
    size_t                n;
    uint32_t              rune;
    const unsigned char  *p, *end;

    n = 0;
    p = s.data;
    end = p + s.len;

    while (p < end) {
        p += ae_tmpl_rune(p, end, &rune);
        n++;
    }

    return n;
}


int
ae_tmpl_graphic(uint32_t rune)
{
    size_t  i;

    for (i = 0; i < sizeof(ae_rune_hidden) / sizeof(ae_rune_range_t); i++) {
        if (rune >= ae_rune_hidden[i].first
            && rune <= ae_rune_hidden[i].last)
        {
            return 0;
        }
    }

    return 1;
}
