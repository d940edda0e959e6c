/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A secret in a document that is kept: "sealed:" and base64 of a nonce, the
 * encrypted text and the tag.
 */


#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/seal/ae_sealed.h"


#define AE_SEAL_WORD         "sealed:"
#define AE_SEAL_WORD_LEN     (sizeof(AE_SEAL_WORD) - 1)
#define AE_SEAL_TEXT_MAX     65536


static int ae_seal_bind(ae_sealed_t *s, ae_str_t bound, unsigned char *raw,
    size_t len, ae_arena_t *arena);


int
ae_seal_is_text(ae_str_t text)
{
    return text.len >= AE_SEAL_WORD_LEN
           && memcmp(text.data, AE_SEAL_WORD, AE_SEAL_WORD_LEN) == 0;
}


int
ae_seal_text(const ae_seal_t *seal, ae_str_t bound, ae_str_t text,
    ae_arena_t *arena, ae_str_t *sealed)
{
    size_t          raw;
    ae_sealed_t     s;
    unsigned char  *p;

    if (text.len > AE_SEAL_TEXT_MAX) {
        return AE_DECLINED;
    }

    raw = AE_SEAL_NONCE + text.len + AE_SEAL_TAG;

    p = ae_arena_alloc(arena, raw);
    sealed->data = ae_arena_alloc(arena, AE_SEAL_WORD_LEN
                                         + (raw + 2) / 3 * 4 + 1);

    if (p == NULL || sealed->data == NULL
        || ae_seal_bind(&s, bound, p, text.len, arena) != AE_OK
        || ae_seal_encrypt(seal, &s, text) != AE_OK)
    {
        return AE_ERROR;
    }

    memcpy(sealed->data, AE_SEAL_WORD, AE_SEAL_WORD_LEN);

    sealed->len = AE_SEAL_WORD_LEN
                  + EVP_EncodeBlock(sealed->data + AE_SEAL_WORD_LEN, p,
                                    (int) raw);

    return AE_OK;
}


int
ae_unseal_text(const ae_seal_t *seal, ae_str_t bound, ae_str_t sealed,
    ae_arena_t *arena, ae_str_t *text)
{
    int             n, rc;
    size_t          len;
    ae_sealed_t     s;
    unsigned char  *p;

    if (seal == NULL || !ae_seal_is_text(sealed)) {
        return AE_DECLINED;
    }

    sealed.data += AE_SEAL_WORD_LEN;
    sealed.len -= AE_SEAL_WORD_LEN;

    if (sealed.len % 4 != 0 || sealed.len > AE_SEAL_TEXT_MAX * 2
        || sealed.len < (AE_SEAL_NONCE + AE_SEAL_TAG) / 3 * 4)
    {
        return AE_DECLINED;
    }

    p = ae_arena_alloc(arena, sealed.len / 4 * 3);
    if (p == NULL) {
        return AE_ERROR;
    }

    n = EVP_DecodeBlock(p, sealed.data, (int) sealed.len);

    if (n < 0) {
        ERR_clear_error();
        return AE_DECLINED;
    }

    /* what pads it is counted there, as zeros */

    len = (size_t) n - (sealed.data[sealed.len - 1] == '=')
          - (sealed.data[sealed.len - 2] == '=');

    if (len < AE_SEAL_NONCE + AE_SEAL_TAG) {
        return AE_DECLINED;
    }

    rc = ae_seal_bind(&s, bound, p, len - AE_SEAL_NONCE - AE_SEAL_TAG, arena);

    if (rc == AE_OK) {
        rc = ae_seal_decrypt(seal, &s);
    }

    *text = s.text;

    return rc;
}


/* events that are sealed with the same key begin otherwise */

static int
ae_seal_bind(ae_sealed_t *s, ae_str_t bound, unsigned char *raw, size_t len,
    ae_arena_t *arena)
{
    s->head.len = AE_SEAL_WORD_LEN + bound.len;
    s->head.data = ae_arena_alloc(arena, s->head.len);

    if (s->head.data == NULL) {
        return AE_ERROR;
    }

    memcpy(s->head.data, AE_SEAL_WORD, AE_SEAL_WORD_LEN);
    memcpy(s->head.data + AE_SEAL_WORD_LEN, bound.data, bound.len);

    s->nonce = raw;
    s->text.data = raw + AE_SEAL_NONCE;
    s->text.len = len;
    s->tag = s->text.data + len;

    return AE_OK;
}
