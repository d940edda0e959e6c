/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Secrets, one a line.  Either an error says what was expected, which is the
 * same few texts whatever the secrets are, or there is one signature for each
 * of them that has not come to its end, and the same when it is made again.
 */


#include <stdlib.h>
#include <string.h>

#include "core/webhook/webhook.h"


#define FUZZ_LINES  (AE_SIGN_KEYS + 1)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t fuzz_split(const uint8_t *data, size_t size, ae_str_t *secrets);
static void fuzz_signer(const ae_str_t *secrets, size_t n);
static int fuzz_ends(const ae_str_t *secrets, size_t n);
static void fuzz_sign(const ae_signer_t *signer, size_t n, int ended,
    unsigned char *dst, size_t *len);
static void fuzz_error(const ae_error_t *err, size_t n);
static void fuzz_expect(int condition);


static const char  *fuzz_errors[] = {
    "expected 1 to 4 secrets",
    "expected a secret that starts with \"whsec_\" or \"whsk_\"",
    "expected base64 of 24 to 64 bytes behind \"whsec_\"",
    "expected base64 of 32 or 64 bytes behind \"whsk_\"",
    "expected the public key that belongs to the seed behind \"whsk_\"",
    "expected a time as 2024-12-31T23:59:59Z behind \"@\"",
    "expected the newest secret without an end"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    i, n;
    ae_str_t  secrets[FUZZ_LINES];

    n = fuzz_split(data, size, secrets);

    fuzz_signer(secrets, n);

    for (i = 0; i < n; i++) {
        free(secrets[i].data);
    }

    return 0;
}


/* each from memory of its own, so that a read behind it is seen */

static size_t
fuzz_split(const uint8_t *data, size_t size, ae_str_t *secrets)
{
    size_t          n, len;
    const uint8_t  *end;

    for (n = 0; n < FUZZ_LINES && size != 0; n++) {
        end = memchr(data, '\n', size);
        len = (end != NULL) ? (size_t) (end - data) : size;

        secrets[n].len = len;
        secrets[n].data = malloc((len != 0) ? len : 1);
        fuzz_expect(secrets[n].data != NULL);
        memcpy(secrets[n].data, data, len);

        if (end != NULL) {
            len++;
        }

        data += len;
        size -= len;
    }

    return n;
}


static void
fuzz_signer(const ae_str_t *secrets, size_t n)
{
    int             ended;
    size_t          one, two;
    ae_error_t      err;
    ae_signer_t    *signer;
    unsigned char   first[AE_SIGN_LEN], second[AE_SIGN_LEN];

    memset(&err, 0, sizeof(ae_error_t));
    signer = ae_signer_create(secrets, n, &err);

    if (signer == NULL) {
        fuzz_error(&err, n);
        return;
    }

    ended = fuzz_ends(secrets, n);

    fuzz_sign(signer, n, ended, first, &one);
    ae_signer_destroy(signer);

    signer = ae_signer_create(secrets, n, &err);
    fuzz_expect(signer != NULL);

    fuzz_sign(signer, n, ended, second, &two);
    ae_signer_destroy(signer);

    fuzz_expect(one == two && memcmp(first, second, one) == 0);
}


/* may some of them have come to an end */

static int
fuzz_ends(const ae_str_t *secrets, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (memchr(secrets[i].data, '@', secrets[i].len) != NULL) {
            return 1;
        }
    }

    return 0;
}


static void
fuzz_sign(const ae_signer_t *signer, size_t n, int ended, unsigned char *dst,
    size_t *len)
{
    size_t         i, blanks, public;
    unsigned char  key[AE_SIGN_PUBLIC_LEN];

    *len = ae_sign(signer, dst, ae_str("evt_1"), 1704153599, ae_str("{}"));
    fuzz_expect(*len != 0 && *len <= AE_SIGN_LEN);

    blanks = 0;

    for (i = 0; i < *len; i++) {
        blanks += (dst[i] == ' ');
    }

    fuzz_expect(ended ? blanks < n : blanks == n - 1);

    for (i = 0; i < n; i++) {
        public = ae_sign_public(signer, i, key);
        fuzz_expect(public == 0 || (public == 49
                                    && memcmp(key, "whpk_", 5) == 0));
    }

    fuzz_expect(ae_sign_public(signer, n, key) == 0);
}


static void
fuzz_error(const ae_error_t *err, size_t n)
{
    size_t  i;

    fuzz_expect(err->line <= n);

    for (i = 0; i < sizeof(fuzz_errors) / sizeof(char *); i++) {

        if (strcmp(err->text, fuzz_errors[i]) == 0) {
            return;
        }
    }

    abort();
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
