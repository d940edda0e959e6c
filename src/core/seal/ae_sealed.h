/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _AE_SEALED_H_INCLUDED_
#define _AE_SEALED_H_INCLUDED_


#include "core/seal/seal.h"


#define AE_SEAL_NONCE        12
#define AE_SEAL_TAG          16

/* lengths of EVP are ints */
#define AE_SEAL_MAX          0x40000000


/* the parts of what is kept; head is bound to the text, and open a part of
 * it that everybody may read */

typedef struct {
    ae_str_t                 head;
    ae_str_t                 open;
    unsigned char           *nonce;
    ae_str_t                 text;          /* encrypted */
    unsigned char           *tag;
} ae_sealed_t;


/* fills nonce, text, which is as long as what is sealed, and tag */
int ae_seal_encrypt(const ae_seal_t *seal, const ae_sealed_t *s,
    ae_str_t record);

/* in its place; AE_DECLINED: another key's, or changed since */
int ae_seal_decrypt(const ae_seal_t *seal, const ae_sealed_t *s);


#endif /* _AE_SEALED_H_INCLUDED_ */
