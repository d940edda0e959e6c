/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What is kept of an event with a secret: a mark, the length of the open
 * record, that record, a nonce, the encrypted record, and the tag over all.
 * An event without one, or without a key, is kept as its open record alone,
 * which begins otherwise.
 */


#include <endian.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "core/seal/ae_sealed.h"


#define AE_SEAL_MARK         "seal1"
#define AE_SEAL_MARK_LEN     (sizeof(AE_SEAL_MARK) - 1)
#define AE_SEAL_HEAD         (AE_SEAL_MARK_LEN + sizeof(uint32_t))
#define AE_SEAL_ROOM         (AE_SEAL_HEAD + AE_SEAL_NONCE + AE_SEAL_TAG)

#define AE_SEAL_INFO         "ngx_http_apievents store\x01"


static void ae_seal_parts(ae_sealed_t *s, unsigned char *p, size_t open,
    size_t text);


int
ae_seal_key(ae_seal_t *seal, ae_str_t secret)
{
    unsigned int          len;
    unsigned char         prk[AE_SEAL_KEY];
    const unsigned char  *done;

    static const unsigned char  salt[AE_SEAL_KEY];

    if (secret.len < AE_SEAL_MIN || secret.len > AE_SEAL_MAX) {
        return AE_DECLINED;
    }

    /* one block of HKDF: extract, then expand */

    done = HMAC(EVP_sha256(), salt, sizeof(salt), secret.data, secret.len,
                prk, &len);

    if (done != NULL) {
        done = HMAC(EVP_sha256(), prk, sizeof(prk),
                    (const unsigned char *) AE_SEAL_INFO,
                    sizeof(AE_SEAL_INFO) - 1, seal->key, &len);
    }

    OPENSSL_cleanse(prk, sizeof(prk));

    if (done == NULL) {
        ERR_clear_error();
        return AE_ERROR;
    }

    return AE_OK;
}


int
ae_seal(const ae_seal_t *seal, ae_str_t record, ae_arena_t *arena,
    ae_event_t *clean, ae_str_t *kept)
{
    size_t       size;
    ae_str_t     open;
    uint32_t     len;
    ae_event_t   ev;
    ae_sealed_t  s;

    if (ae_event_decode(&ev, record) != AE_OK || record.len > AE_SEAL_MAX) {
        return AE_DECLINED;
    }

    open = ae_event_clean(&ev, arena);

    if (open.data == NULL) {
        return AE_ERROR;
    }

    if (ae_event_decode(clean, open) != AE_OK) {
        return AE_DECLINED;
    }

    *kept = open;

    if (seal == NULL || ev.secret.len == 0) {
        return AE_OK;
    }

    size = AE_SEAL_ROOM + open.len + record.len;
    kept->data = ae_arena_alloc(arena, size);

    if (kept->data == NULL) {
        return AE_ERROR;
    }

    kept->len = size;

    ae_seal_parts(&s, kept->data, open.len, record.len);

    memcpy(s.head.data, AE_SEAL_MARK, AE_SEAL_MARK_LEN);

    len = htole32((uint32_t) open.len);
    memcpy(s.head.data + AE_SEAL_MARK_LEN, &len, sizeof(uint32_t));
    memcpy(s.open.data, open.data, open.len);

    return ae_seal_encrypt(seal, &s, record);
}


int
ae_seal_encrypt(const ae_seal_t *seal, const ae_sealed_t *s, ae_str_t record)
{
    int              n, rc;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();

    rc = ctx != NULL
         && RAND_bytes(s->nonce, AE_SEAL_NONCE) == 1
         && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, seal->key,
                               s->nonce)
            == 1
         && EVP_EncryptUpdate(ctx, NULL, &n, s->head.data, (int) s->head.len)
            == 1
         && EVP_EncryptUpdate(ctx, s->text.data, &n, record.data,
                              (int) record.len)
            == 1
         && EVP_EncryptFinal_ex(ctx, s->tag, &n) == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, AE_SEAL_TAG,
                                s->tag)
            == 1;

    EVP_CIPHER_CTX_free(ctx);

    if (!rc) {
        ERR_clear_error();
        return AE_ERROR;
    }

    return AE_OK;
}


int
ae_unseal(const ae_seal_t *seal, ae_str_t kept, ae_str_t *record)
{
    int          rc;
    size_t       rest;
    uint32_t     len;
    ae_sealed_t  s;

    *record = kept;

    if (kept.len < AE_SEAL_HEAD
        || memcmp(kept.data, AE_SEAL_MARK, AE_SEAL_MARK_LEN) != 0)
    {
        return AE_OK;
    }

    memcpy(&len, kept.data + AE_SEAL_MARK_LEN, sizeof(uint32_t));
    len = le32toh(len);

    rest = kept.len - AE_SEAL_HEAD;

    if (kept.len > AE_SEAL_MAX || len > rest
        || rest - len < AE_SEAL_NONCE + AE_SEAL_TAG)
    {
        return AE_DECLINED;
    }

    rest -= len + AE_SEAL_NONCE + AE_SEAL_TAG;

    ae_seal_parts(&s, kept.data, len, rest);

    *record = s.open;

    if (seal == NULL) {
        return AE_OK;
    }

    rc = ae_seal_decrypt(seal, &s);

    if (rc == AE_OK) {
        *record = s.text;
    }

    return (rc == AE_ERROR) ? AE_ERROR : AE_OK;
}


int
ae_seal_decrypt(const ae_seal_t *seal, const ae_sealed_t *s)
{
    int              n, rc;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();

    rc = (ctx != NULL
          && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, seal->key,
                                s->nonce)
             == 1
          && EVP_DecryptUpdate(ctx, NULL, &n, s->head.data,
                               (int) s->head.len)
             == 1
          && EVP_DecryptUpdate(ctx, s->text.data, &n, s->text.data,
                               (int) s->text.len)
             == 1
          && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, AE_SEAL_TAG,
                                 s->tag)
             == 1)
         ? AE_OK : AE_ERROR;

    if (rc == AE_OK && EVP_DecryptFinal_ex(ctx, s->text.data, &n) != 1) {
        rc = AE_DECLINED;
    }

    EVP_CIPHER_CTX_free(ctx);

    if (rc != AE_OK) {
        ERR_clear_error();
    }

    return rc;
}


static void
ae_seal_parts(ae_sealed_t *s, unsigned char *p, size_t open, size_t text)
{
    s->head.data = p;
    s->head.len = AE_SEAL_HEAD + open;

    s->open.data = p + AE_SEAL_HEAD;
    s->open.len = open;

    s->nonce = s->open.data + open;

    s->text.data = s->nonce + AE_SEAL_NONCE;
    s->text.len = text;

    s->tag = s->text.data + text;
}
