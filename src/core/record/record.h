/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * record: sessions without their text, as they lie beside that.
 */


#ifndef _AE_RECORD_H_INCLUDED_
#define _AE_RECORD_H_INCLUDED_


#include "core/shared/shared.h"


/*
 * A session of the common kind as bytes that are used where they lie, aligned
 * to 8, by processes of one binary: what its two limits allow, and which APIs
 * it may call with no more than these.
 */

typedef struct {
    uint8_t                  format;        /* AE_RECORD_FORMAT */
    uint8_t                  inactive;
    uint8_t                  org_len;
    uint8_t                  alias_len;
    uint16_t                 rights;
    uint16_t                 len;           /* of all */
    uint64_t                 policies;      /* the identity of those it was
                                               made with, 0: it names none */
    int64_t                  expires;       /* unix seconds */
    uint64_t                 rate_max;      /* AE_LIMIT_WINDOW */
    uint64_t                 rate_period;
    uint64_t                 quota_max;     /* AE_LIMIT_QUOTA */
    uint64_t                 quota_period;

    uint64_t                 right[];       /* ascending; behind them the
                                               bytes of org and alias */
} ae_record_t;

#define AE_RECORD_FORMAT     2

/* the right to an API, of a hash of its id: one that is not plain needs the
 * text */
#define ae_record_right(hash, plain)  (((hash) & ~(uint64_t) 1) | !(plain))

/*
 * Completes a record in size bytes by its rights, in any order, and its
 * strings: AE_OK, or AE_FULL: it is too long.
 */
int ae_record_make(ae_record_t *r, size_t size, const uint64_t *rights,
    size_t n, ae_str_t org, ae_str_t alias);

/* the bytes that one of n rights takes at most; see AE_SESSION_RECORD_MAX */

static inline size_t
ae_record_size(size_t n, size_t org_len, size_t alias_len)
{
    return (sizeof(ae_record_t) + n * sizeof(uint64_t) + org_len + alias_len
            + sizeof(uint64_t) - 1)
           / sizeof(uint64_t) * sizeof(uint64_t);
}


/* is it one, of these policies */

static inline int
ae_record_valid(const ae_record_t *r, size_t len, uint64_t policies)
{
    return len >= sizeof(ae_record_t) && r->format == AE_RECORD_FORMAT
           && r->len == len
           && (r->policies == 0 || r->policies == policies)
           && ae_record_size(r->rights, r->org_len, r->alias_len) == len;
}


/* AE_OK, AE_AGAIN: the text says; AE_DECLINED: there is no such right */
int ae_record_find(const ae_record_t *r, uint64_t hash) ae_often;


static inline ae_str_t
ae_record_org(const ae_record_t *r)
{
    return (ae_str_t) { r->org_len, (unsigned char *) (r->right + r->rights) };
}


static inline ae_str_t
ae_record_alias(const ae_record_t *r)
{
    return (ae_str_t) { r->alias_len, (unsigned char *) (r->right + r->rights)
                                      + r->org_len };
}


#endif /* _AE_RECORD_H_INCLUDED_ */
