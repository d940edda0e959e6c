/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>

#include "core/record/record.h"


#define AE_RECORD_STRING     255


static void ae_record_sort(uint64_t *right, size_t n);


int
ae_record_make(ae_record_t *r, size_t size, const uint64_t *rights, size_t n,
    ae_str_t org, ae_str_t alias)
{
    size_t          len;
    unsigned char  *p;

    if (n > AE_SESSION_RECORD_MAX || org.len > AE_RECORD_STRING
        || alias.len > AE_RECORD_STRING)
    {
        return AE_FULL;
    }

    len = ae_record_size(n, org.len, alias.len);

    if (len > size || len > AE_SESSION_RECORD_MAX) {
        return AE_FULL;
    }

    r->format = AE_RECORD_FORMAT;
    r->org_len = org.len;
    r->alias_len = alias.len;
    r->rights = n;
    r->len = len;

    if (n != 0) {
        memcpy(r->right, rights, n * sizeof(uint64_t));
        ae_record_sort(r->right, n);
    }

    /* equal sessions are to be equal bytes */

    p = (unsigned char *) (r->right + n);
    memset(p, 0, len - (p - (unsigned char *) r));

    if (org.len != 0) {
        memcpy(p, org.data, org.len);
    }

    if (alias.len != 0) {
        memcpy(p + org.len, alias.data, alias.len);
    }

    return AE_OK;
}


/* they are few */

static void
ae_record_sort(uint64_t *right, size_t n)
{
    size_t    i, k;
    uint64_t  one;

    for (i = 1; i < n; i++) {
        one = right[i];

        for (k = i; k > 0 && right[k - 1] > one; k--) {
            right[k] = right[k - 1];
        }

        right[k] = one;
    }
}


int
ae_record_find(const ae_record_t *r, uint64_t hash)
{
    size_t    low, high, middle;
    uint64_t  wanted;

    wanted = ae_record_right(hash, 1);
    low = 0;
    high = r->rights;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (r->right[middle] < wanted) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    if (low == r->rights || ae_record_right(r->right[low], 1) != wanted) {
        return AE_DECLINED;
    }

    return (r->right[low] & 1) ? AE_AGAIN : AE_OK;
}
