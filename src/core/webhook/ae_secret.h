/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _AE_SECRET_H_INCLUDED_
#define _AE_SECRET_H_INCLUDED_


#include "core/base/base.h"


#define AE_SECRET_MIN        24
#define AE_SECRET_MAX        64

/* of Ed25519 */
#define AE_SECRET_SEED       32
#define AE_SECRET_PUBLIC     32


typedef struct {
    size_t                   len;
    unsigned                 pair:1;        /* Ed25519 */
    uint64_t                 until;         /* wall, ns; 0: it has no end */
    unsigned char            data[AE_SECRET_MAX];
} ae_secret_t;


/*
 * The bytes of "whsec_..." or "whsk_...", with or without an end as "@" and a
 * time of RFC 3339 behind it: the caller wipes them.  NULL, or what was
 * expected instead, which says nothing of what was found.
 */
const char *ae_secret_parse(ae_str_t text, ae_secret_t *secret);


#endif /* _AE_SECRET_H_INCLUDED_ */
