/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random.h"


static size_t ae_random_char(unsigned char *dst);


static uint64_t  ae_random_state;


void
ae_random_seed(void)
{
    const char  *s;

    s = getenv("AE_SEED");

    ae_random_state = (s != NULL) ? strtoull(s, NULL, 0)
                                  : (uint64_t) time(NULL);

    printf("AE_SEED=%llu\n", (unsigned long long) ae_random_state);
    fflush(stdout);
}


uint64_t
ae_random(void)
{
    uint64_t  z;

    z = ae_random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;

    return z ^ z >> 31;
}


long
ae_steps(long n)
{
    const char  *s;

    s = getenv("AE_STEPS");

    return (s != NULL) ? atol(s) : n;
}


ae_str_t
ae_random_str(size_t max, int utf8)
{
    size_t          n;
    ae_str_t        s;
    unsigned char  *p, ch[4];

    p = malloc(max + 1);
    s.len = 0;
    max = ae_random() % (max + 1);

    while (s.len < max) {

        if (utf8) {
            n = ae_random_char(ch);

            if (n > max - s.len) {
                break;
            }

            memcpy(p + s.len, ch, n);
            s.len += n;

        } else {
            p[s.len++] = (unsigned char) ae_random();
        }
    }

    /* a block of its own size, so that a sanitizer sees its end */

    s.data = malloc(s.len);
    memcpy(s.data, p, s.len);
    free(p);

    return s;
}


static size_t
ae_random_char(unsigned char *dst)
{
    uint32_t  u;

    u = (uint32_t) (ae_random() >> (43 + ae_random() % 15));

    if (u < 0x80) {
        dst[0] = (unsigned char) u;
        return 1;
    }

    if (u < 0x800) {
        dst[0] = (unsigned char) (0xc0 | u >> 6);
        dst[1] = (unsigned char) (0x80 | (u & 0x3f));
        return 2;
    }

    if (u > 0x10ffff || (u >= 0xd800 && u <= 0xdfff)) {
        u = 0x20ac;
    }

    if (u < 0x10000) {
        dst[0] = (unsigned char) (0xe0 | u >> 12);
        dst[1] = (unsigned char) (0x80 | (u >> 6 & 0x3f));
        dst[2] = (unsigned char) (0x80 | (u & 0x3f));
        return 3;
    }

    dst[0] = (unsigned char) (0xf0 | u >> 18);
    dst[1] = (unsigned char) (0x80 | (u >> 12 & 0x3f));
    dst[2] = (unsigned char) (0x80 | (u >> 6 & 0x3f));
    dst[3] = (unsigned char) (0x80 | (u & 0x3f));
    return 4;
}
