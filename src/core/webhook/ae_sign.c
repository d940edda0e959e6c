/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/webhook/ae_secret.h"
#include "core/webhook/webhook.h"


#define AE_SIGN_SEC          UINT64_C(1000000000)
#define AE_SIGN_HMAC_LEN     32
#define AE_SIGN_ED25519_LEN  64

/* ".-9223372036854775808." */
#define AE_SIGN_TIME_LEN     24

/* longer contents are signed by Ed25519 from memory of their own */
#define AE_SIGN_STACK        2048


/* one of the two: HMAC's is only copied, so that threads may share it */

typedef struct {
    EVP_MAC_CTX             *mac;
    EVP_PKEY                *pair;
    uint64_t                 until;         /* wall, ns; 0: it has no end */
} ae_sign_key_t;


struct ae_signer_s {
    size_t                   n;
    ae_sign_key_t            keys[AE_SIGN_KEYS];
};


static const char *ae_sign_add(ae_sign_key_t *key, ae_str_t text);
static int ae_sign_over(const ae_sign_key_t *key, int64_t timestamp);
static int ae_sign_mac(ae_sign_key_t *key, const ae_secret_t *secret);
static const char *ae_sign_pair(ae_sign_key_t *key,
    const ae_secret_t *secret);
static int ae_sign_hmac(const ae_sign_key_t *key, const ae_str_t parts[3],
    unsigned char *raw);
static int ae_sign_ed25519(const ae_sign_key_t *key, const ae_str_t parts[3],
    unsigned char *raw);
static int ae_sign_once(EVP_PKEY *pair, ae_str_t content,
    unsigned char *raw);


static const char  ae_sign_failed[] = "libcrypto or memory failed";


ae_signer_t *
ae_signer_create(const ae_str_t *secrets, size_t n, ae_error_t *err)
{
    size_t        i;
    const char   *expected;
    ae_signer_t  *signer;

    err->line = 0;

    if (n == 0 || n > AE_SIGN_KEYS) {
        (void) snprintf(err->text, sizeof(err->text),
                        "expected 1 to %d secrets", AE_SIGN_KEYS);
        return NULL;
    }

    signer = calloc(1, sizeof(ae_signer_t));
    if (signer == NULL) {
        (void) snprintf(err->text, sizeof(err->text), "%s", ae_sign_failed);
        return NULL;
    }

    signer->n = n;

    for (i = 0; i < n; i++) {
        expected = ae_sign_add(&signer->keys[i], secrets[i]);

        if (expected == NULL && signer->keys[0].until != 0) {
            expected = "expected the newest secret without an end";
        }

        if (expected != NULL) {
            err->line = (unsigned) i + 1;
            (void) snprintf(err->text, sizeof(err->text), "%s", expected);

            /* what libcrypto queued is not to be found by who uses TLS next */

            ERR_clear_error();
            ae_signer_destroy(signer);

            return NULL;
        }
    }

    return signer;
}


void
ae_signer_destroy(ae_signer_t *signer)
{
    size_t  i;

    if (signer == NULL) {
        return;
    }

    /* libcrypto wipes what it frees */

    for (i = 0; i < signer->n; i++) {
        EVP_MAC_CTX_free(signer->keys[i].mac);
        EVP_PKEY_free(signer->keys[i].pair);
    }

    free(signer);
}


size_t
ae_sign(const ae_signer_t *signer, unsigned char *dst, ae_str_t id,
    int64_t timestamp, ae_str_t body)
{
    int                   rc, len;
    char                  time[AE_SIGN_TIME_LEN];
    size_t                i;
    ae_str_t              parts[3];
    unsigned char        *p;
    unsigned char         raw[AE_SIGN_ED25519_LEN];
    const ae_sign_key_t  *key;

    len = snprintf(time, sizeof(time), ".%" PRId64 ".", timestamp);

    parts[0] = id;
    parts[1].data = (unsigned char *) time;
    parts[1].len = (size_t) len;
    parts[2] = body;

    p = dst;

    for (i = 0; i < signer->n; i++) {
        key = &signer->keys[i];

        if (ae_sign_over(key, timestamp)) {
            continue;
        }

        if (i != 0) {
            *p++ = ' ';
        }

        if (key->mac != NULL) {
            p = (unsigned char *) stpcpy((char *) p, "v1,");
            rc = ae_sign_hmac(key, parts, raw);
            len = AE_SIGN_HMAC_LEN;

        } else {
            p = (unsigned char *) stpcpy((char *) p, "v1a,");
            rc = ae_sign_ed25519(key, parts, raw);
            len = AE_SIGN_ED25519_LEN;
        }

        if (rc != AE_OK) {
            ERR_clear_error();
            return 0;
        }

        p += EVP_EncodeBlock(p, raw, len);
    }

    return (size_t) (p - dst);
}


size_t
ae_sign_public(const ae_signer_t *signer, size_t n,
    unsigned char dst[AE_SIGN_PUBLIC_LEN])
{
    size_t          len;
    unsigned char  *p;
    unsigned char   raw[AE_SECRET_PUBLIC];

    len = sizeof(raw);

    if (n >= signer->n || signer->keys[n].pair == NULL
        || EVP_PKEY_get_raw_public_key(signer->keys[n].pair, raw, &len) != 1)
    {
        return 0;
    }

    p = (unsigned char *) stpcpy((char *) dst, "whpk_");
    p += EVP_EncodeBlock(p, raw, (int) len);

    return (size_t) (p - dst);
}


static const char *
ae_sign_add(ae_sign_key_t *key, ae_str_t text)
{
    const char   *expected;
    ae_secret_t   secret;

    expected = ae_secret_parse(text, &secret);

    if (expected == NULL) {

        if (secret.pair) {
            expected = ae_sign_pair(key, &secret);

        } else if (ae_sign_mac(key, &secret) != AE_OK) {
            expected = ae_sign_failed;
        }

        key->until = secret.until;
    }

    OPENSSL_cleanse(&secret, sizeof(ae_secret_t));

    return expected;
}


/* the first one never is */

static int
ae_sign_over(const ae_sign_key_t *key, int64_t timestamp)
{
    return key->until != 0 && timestamp > 0
           && ((uint64_t) timestamp >= UINT64_MAX / AE_SIGN_SEC
               || (uint64_t) timestamp * AE_SIGN_SEC >= key->until);
}


static int
ae_sign_mac(ae_sign_key_t *key, const ae_secret_t *secret)
{
    EVP_MAC     *mac;
    OSSL_PARAM   params[2];

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac == NULL) {
        return AE_ERROR;
    }

    key->mac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);

    if (key->mac == NULL) {
        return AE_ERROR;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    if (EVP_MAC_init(key->mac, secret->data, secret->len, params) != 1) {
        return AE_ERROR;
    }

    return AE_OK;
}


static const char *
ae_sign_pair(ae_sign_key_t *key, const ae_secret_t *secret)
{
    size_t         len;
    unsigned char  public[AE_SECRET_PUBLIC];

    len = sizeof(public);

    key->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                             secret->data, AE_SECRET_SEED);

    if (key->pair == NULL
        || EVP_PKEY_get_raw_public_key(key->pair, public, &len) != 1)
    {
        return ae_sign_failed;
    }

    if (secret->len > AE_SECRET_SEED
        && memcmp(secret->data + AE_SECRET_SEED, public, sizeof(public)) != 0)
    {
        return "expected the public key that belongs to the seed behind "
               "\"whsk_\"";
    }

    return NULL;
}


static int
ae_sign_hmac(const ae_sign_key_t *key, const ae_str_t parts[3],
    unsigned char *raw)
{
    int           rc;
    size_t        i, len;
    EVP_MAC_CTX  *mac;

    mac = EVP_MAC_CTX_dup(key->mac);
    if (mac == NULL) {
        return AE_ERROR;
    }

    rc = 1;

    for (i = 0; rc == 1 && i < 3; i++) {
        rc = EVP_MAC_update(mac, parts[i].data, parts[i].len);
    }

    if (rc == 1) {
        rc = EVP_MAC_final(mac, raw, &len, AE_SIGN_HMAC_LEN);
    }

    EVP_MAC_CTX_free(mac);

    return (rc == 1 && len == AE_SIGN_HMAC_LEN) ? AE_OK : AE_ERROR;
}


/* Ed25519 goes over its content twice, and so takes it as a whole only */

static int
ae_sign_ed25519(const ae_sign_key_t *key, const ae_str_t parts[3],
    unsigned char *raw)
{
    int             rc;
    size_t          i;
    ae_str_t        content;
    unsigned char  *p, *memory;
    unsigned char   stack[AE_SIGN_STACK];

    content.len = parts[0].len + parts[1].len + parts[2].len;
    memory = NULL;
    p = stack;

    if (content.len > sizeof(stack)) {
        memory = malloc(content.len);
        if (memory == NULL) {
            return AE_ERROR;
        }

        p = memory;
    }

    content.data = p;

    for (i = 0; i < 3; i++) {

        if (parts[i].len != 0) {
            memcpy(p, parts[i].data, parts[i].len);
            p += parts[i].len;
        }
    }

    rc = ae_sign_once(key->pair, content, raw);

    free(memory);

    return rc;
}


static int
ae_sign_once(EVP_PKEY *pair, ae_str_t content, unsigned char *raw)
{
    int          rc;
    size_t       len;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return AE_ERROR;
    }

    len = AE_SIGN_ED25519_LEN;

    rc = EVP_DigestSignInit(ctx, NULL, NULL, NULL, pair);

    if (rc == 1) {
        rc = EVP_DigestSign(ctx, raw, &len, content.data, content.len);
    }

    EVP_MD_CTX_free(ctx);

    return (rc == 1 && len == AE_SIGN_ED25519_LEN) ? AE_OK : AE_ERROR;
}
