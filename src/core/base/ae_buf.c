/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdlib.h>
#include <string.h>

#include "core/base/base.h"


#define AE_BUF_MIN      256
#define AE_BUF_INT_LEN  (sizeof("-9223372036854775808") - 1)


static int ae_buf_grow(ae_buf_t *b, size_t len);


void
ae_buf_init(ae_buf_t *b, size_t max)
{
    memset(b, 0, sizeof(ae_buf_t));

    b->max = max;
}


/* what does not fit whole is left out whole */

void
ae_buf_put(ae_buf_t *b, const void *p, size_t len)
{
    if (b->failed || len == 0) {
        return;
    }

    if (len > b->cap - b->len && ae_buf_grow(b, len) != AE_OK) {
        b->failed = 1;
        return;
    }

    memcpy(b->data + b->len, p, len);
    b->len += len;
}


void
ae_buf_puts(ae_buf_t *b, const char *s)
{
    ae_buf_put(b, s, strlen(s));
}


void
ae_buf_int(ae_buf_t *b, int64_t n)
{
    uint64_t        u;
    unsigned char  *p, digits[AE_BUF_INT_LEN];

    /* INT64_MIN has no positive counterpart in int64_t */

    u = (n < 0) ? 0 - (uint64_t) n : (uint64_t) n;
    p = digits + AE_BUF_INT_LEN;

    do {
        *--p = (unsigned char) ('0' + u % 10);
        u /= 10;
    } while (u != 0);

    if (n < 0) {
        *--p = '-';
    }

    ae_buf_put(b, p, digits + AE_BUF_INT_LEN - p);
}


void
ae_buf_free(ae_buf_t *b)
{
    free(b->data);
    ae_buf_init(b, b->max);
}


static int
ae_buf_grow(ae_buf_t *b, size_t len)
{
    size_t          cap, need;
    unsigned char  *data;

    if (len > b->max - b->len) {
        return AE_ERROR;
    }

    need = b->len + len;
    cap = (b->cap > AE_BUF_MIN / 2) ? b->cap : AE_BUF_MIN / 2;

    /* doubled, but neither past the bound nor round the end of size_t */

    cap = (cap > b->max / 2) ? b->max : cap * 2;
    cap = (cap < need) ? need : cap;

    data = realloc(b->data, cap);
    if (data == NULL) {
        return AE_ERROR;
    }

    b->data = data;
    b->cap = cap;

    return AE_OK;
}
