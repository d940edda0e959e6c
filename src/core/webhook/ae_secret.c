/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>

#include "core/webhook/ae_secret.h"


#define AE_SECRET_NO_DIGIT   64


static const char *ae_secret_bytes(ae_str_t text, ae_secret_t *secret);
static int ae_secret_until(ae_str_t *text, uint64_t *until);
static int ae_secret_cut(ae_str_t *text, ae_str_t prefix);
static int ae_secret_decode(ae_str_t text, ae_secret_t *secret);
static unsigned ae_secret_digit(unsigned char c);


const char *
ae_secret_parse(ae_str_t text, ae_secret_t *secret)
{
    int          rc;
    const char  *expected;

    memset(secret, 0, sizeof(ae_secret_t));

    rc = ae_secret_until(&text, &secret->until);
    expected = ae_secret_bytes(text, secret);

    if (expected == NULL && rc != AE_OK) {
        return "expected a time as 2024-12-31T23:59:59Z behind \"@\"";
    }

    return expected;
}


static const char *
ae_secret_bytes(ae_str_t text, ae_secret_t *secret)
{
    if (ae_secret_cut(&text, ae_str("whsec_"))) {

        if (ae_secret_decode(text, secret) != AE_OK
            || secret->len < AE_SECRET_MIN)
        {
            return "expected base64 of 24 to 64 bytes behind \"whsec_\"";
        }

        return NULL;
    }

    if (ae_secret_cut(&text, ae_str("whsk_"))) {
        secret->pair = 1;

        if (ae_secret_decode(text, secret) != AE_OK
            || (secret->len != AE_SECRET_SEED
                && secret->len != AE_SECRET_SEED + AE_SECRET_PUBLIC))
        {
            return "expected base64 of 32 or 64 bytes behind \"whsk_\"";
        }

        return NULL;
    }

    return "expected a secret that starts with \"whsec_\" or \"whsk_\"";
}


/* cuts it off; the first moment of the epoch is as good as the one after */

static int
ae_secret_until(ae_str_t *text, uint64_t *until)
{
    ae_str_t        time;
    unsigned char  *at;

    at = (text->len != 0) ? memchr(text->data, '@', text->len) : NULL;

    if (at == NULL) {
        return AE_OK;
    }

    time.data = at + 1;
    time.len = text->data + text->len - time.data;
    text->len = at - text->data;

    if (ae_time_parse(time, until) != AE_OK) {
        return AE_ERROR;
    }

    if (*until == 0) {
        *until = 1;
    }

    return AE_OK;
}


static int
ae_secret_cut(ae_str_t *text, ae_str_t prefix)
{
    if (text->len < prefix.len
        || memcmp(text->data, prefix.data, prefix.len) != 0)
    {
        return 0;
    }

    text->data += prefix.len;
    text->len -= prefix.len;

    return 1;
}


/*
 * The standard alphabet, padded or not.  Bits that are left over are dropped,
 * as receivers' libraries do, so that both have the same key.
 */

static int
ae_secret_decode(ae_str_t text, ae_secret_t *secret)
{
    size_t    i;
    uint32_t  bits, digit;

    if (text.len != 0 && text.len % 4 == 0) {

        for (i = 0; i < 2 && text.data[text.len - 1] == '='; i++) {
            text.len--;
        }
    }

    if (text.len % 4 == 1 || text.len / 4 * 3 > AE_SECRET_MAX) {
        return AE_ERROR;
    }

    bits = 0;

    for (i = 0; i < text.len; i++) {
        digit = ae_secret_digit(text.data[i]);

        if (digit == AE_SECRET_NO_DIGIT) {
            return AE_ERROR;
        }

        bits = bits << 6 | digit;

        if (i % 4 == 0) {
            continue;
        }

        if (secret->len == AE_SECRET_MAX) {
            return AE_ERROR;
        }

        secret->data[secret->len] = (unsigned char) (bits >> (6 - i % 4 * 2));
        secret->len++;
    }

    return AE_OK;
}


static unsigned
ae_secret_digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return (c == '+') ? 62 : (c == '/') ? 63 : AE_SECRET_NO_DIGIT;
}
