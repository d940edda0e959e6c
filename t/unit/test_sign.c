/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The expected signatures are of Python's hmac and cryptography, the first
 * one is the vector of Standard Webhooks' own libraries.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "core/webhook/webhook.h"
#include "fail_alloc.h"
#include "json_help.h"
#include "random.h"


#define K24     "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define K25     "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA=="
#define K32     "whsec_4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8="
#define K64     "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm" \
                "JygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="

/* of RFC 8032, 7.1, test 1 */
#define PAIR    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define PAIR64  "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt" \
                "9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
#define PUBLIC  "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

#define ID      "evt_017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define TIME    1704153599
#define BODY    "{\"a\":1}"
#define BIG     5000
#define THREADS 4

#define S24     "v1,VSZKZl8C9+v5Fh3XCP1I6XUgbNBx06wOockOCKxf3LU="
#define S25     "v1,8gdUDyQvNR5s38Z3hpraWFs39sfSTW7p5VnDOyNIETE="
#define S32     "v1,cmZuHY6gjSpN4sqaEjJcmkZtOc9Htjvj9RKy1c4TcLM="
#define S64     "v1,+mlxX7Om+RT4FM7uKZ+7LHBEkGN59JznnOpnXtofsts="
#define SPAIR   "v1a,tz2wJ92R/CaOwZLyaM7ArKtDqwtYFFJe/gygTzS1h8vzqSWZLtTuu9" \
                "Q0uR0FStODgkyCpB9TjNeZf4/gAp6pCg=="


static ae_signer_t *
signer(const char *one, const char *two, const char *three, const char *four)
{
    size_t       n;
    ae_str_t     secrets[4];
    const char  *texts[4] = { one, two, three, four };
    ae_error_t   err;

    for (n = 0; n < 4 && texts[n] != NULL; n++) {
        secrets[n] = ae_s(texts[n]);
    }

    return ae_signer_create(secrets, n, &err);
}


static void
check_of(const ae_signer_t *s, const char *id, int64_t timestamp,
    ae_str_t body, const char *expected)
{
    size_t         len;
    unsigned char  dst[AE_SIGN_LEN + 1];

    memset(dst, '#', sizeof(dst));

    len = ae_sign(s, dst, ae_s(id), timestamp, body);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(dst, expected, len);
    assert_int_equal(dst[AE_SIGN_LEN], '#');
}


static void
check(const char *secret, const char *expected)
{
    ae_signer_t  *s;

    s = signer(secret, NULL, NULL, NULL);
    assert_non_null(s);

    check_of(s, ID, TIME, ae_s(BODY), expected);
    ae_signer_destroy(s);
}


static void
test_official(void **state)
{
    ae_signer_t  *s;

    (void) state;

    s = signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL, NULL, NULL);
    assert_non_null(s);

    check_of(s, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
             ae_s("{\"test\": 2432232314}"),
             "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    ae_signer_destroy(s);
}


static void
test_hmac(void **state)
{
    (void) state;

    check(K24, S24);
    check(K25, S25);
    check(K32, S32);
    check(K64, S64);

    /* without padding, and with bits that are left over */

    check("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA", S25);
    check("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGB", S25);
    check("whsec_4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8", S32);
    check("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm"
          "JygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw", S64);
}


static void
test_ed25519(void **state)
{
    (void) state;

    check(PAIR, SPAIR);
    check(PAIR64, SPAIR);
    check("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", SPAIR);
}


static void
test_content(void **state)
{
    size_t         i;
    ae_signer_t   *hmac, *pair;
    unsigned char  big[BIG];

    (void) state;

    for (i = 0; i < BIG; i++) {
        big[i] = (unsigned char) (i * 7);
    }

    hmac = signer(K24, NULL, NULL, NULL);
    pair = signer(PAIR, NULL, NULL, NULL);

    check_of(hmac, ID, TIME, (ae_str_t) { 0, NULL },
             "v1,yxodxXdmYGblvEXvoAVq3bhAy2iN7OjPctTbCwiiqYk=");
    check_of(hmac, ID, -1, ae_s("x"),
             "v1,NZBglKy7vyXuMGMART2kXy04DtynG0V/8kxxn7WBKZw=");
    check_of(hmac, ID, INT64_MIN, ae_s("x"),
             "v1,mlebAq0ImLtYLsmGxqcDfrwcNaPzeIAX1NB538k5oRM=");
    check_of(hmac, ID, TIME, (ae_str_t) { BIG, big },
             "v1,Vs7RdL6ujQVha/4QMu4V3obFtbVwA+80vh14xrP1RbM=");

    check_of(pair, ID, TIME, (ae_str_t) { 0, NULL },
             "v1a,pet54nqLnPzWVoXY0Sncinl1z2j2FaLgm6U8FjtkNS+f6M5vjXcLewaIvX"
             "5DXRrH7TBry8UBCrZHkbxuni4LCw==");
    check_of(pair, ID, TIME, (ae_str_t) { BIG, big },
             "v1a,7kLylxJszsjABH8AW5NIJMNuSI9BgEcXt9B8yB+QL1wYm6/3rmacumJ3mu"
             "bSRWkSqivPYtEY80zgCpIQBOg2Ag==");

    ae_signer_destroy(hmac);
    ae_signer_destroy(pair);
}


static void
test_several(void **state)
{
    ae_signer_t  *s;

    (void) state;

    s = signer(K32, PAIR, K64, NULL);
    check_of(s, ID, TIME, ae_s(BODY), S32 " " SPAIR " " S64);
    ae_signer_destroy(s);

    s = signer(PAIR, PAIR64, PAIR, PAIR);
    check_of(s, ID, TIME, ae_s(BODY),
             SPAIR " " SPAIR " " SPAIR " " SPAIR);
    ae_signer_destroy(s);
}


/* what has an end signs until then; TIME is 2024-01-01T23:59:59Z */

static void
test_until(void **state)
{
    ae_str_t      secrets[2];
    ae_error_t    err;
    ae_signer_t  *s;

    (void) state;

    s = signer(K32, PAIR "@2024-01-02T00:00:00Z", K64 "@2024-01-01T23:59:59Z",
               K24 "@2024-01-01T23:59:59.000000001Z");
    check_of(s, ID, TIME, ae_s(BODY), S32 " " SPAIR " " S24);
    ae_signer_destroy(s);

    s = signer(K32, PAIR "@1970-01-01T00:00:00Z", NULL, NULL);
    check_of(s, ID, TIME, ae_s(BODY), S32);
    ae_signer_destroy(s);

    /* there is always one that signs */

    secrets[0] = ae_s(K32 "@2099-01-01T00:00:00Z");
    secrets[1] = ae_s(K64);
    assert_null(ae_signer_create(secrets, 2, &err));
    assert_int_equal(err.line, 1);
    assert_string_equal(err.text, "expected the newest secret without an end");
}


static void
test_public(void **state)
{
    size_t         len;
    ae_signer_t   *s;
    unsigned char  dst[AE_SIGN_PUBLIC_LEN];

    (void) state;

    s = signer(K32, PAIR, PAIR64, NULL);

    assert_int_equal(ae_sign_public(s, 0, dst), 0);
    assert_int_equal(ae_sign_public(s, 3, dst), 0);
    assert_int_equal(ae_sign_public(s, 4, dst), 0);

    len = ae_sign_public(s, 1, dst);
    assert_int_equal(len, strlen(PUBLIC));
    assert_memory_equal(dst, PUBLIC, len);

    assert_int_equal(ae_sign_public(s, 2, dst), len);
    assert_memory_equal(dst, PUBLIC, len);

    ae_signer_destroy(s);

    s = signer(PAIR, PAIR, PAIR, PAIR);
    assert_int_equal(ae_sign_public(s, 3, dst), len);
    assert_int_equal(ae_sign_public(s, 4, dst), 0);
    ae_signer_destroy(s);
}


static void
check_error(const char *secret, const char *expected)
{
    ae_str_t    secrets[2];
    ae_error_t  err;

    secrets[0] = ae_s(K24);
    secrets[1] = ae_s(secret);

    memset(&err, '#', sizeof(ae_error_t));
    assert_null(ae_signer_create(secrets, 2, &err));

    assert_int_equal(err.line, 2);
    assert_string_equal(err.text, expected);
    assert_int_equal(ERR_peek_error(), 0);
}


static void
test_errors(void **state)
{
    ae_str_t     secrets[5];
    ae_error_t   err;
    const char  *prefix, *hmac, *pair, *until;

    (void) state;

    prefix = "expected a secret that starts with \"whsec_\" or \"whsk_\"";
    hmac = "expected base64 of 24 to 64 bytes behind \"whsec_\"";
    pair = "expected base64 of 32 or 64 bytes behind \"whsk_\"";
    until = "expected a time as 2024-12-31T23:59:59Z behind \"@\"";

    check_error("", prefix);
    check_error("whsec", prefix);
    check_error("WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", prefix);
    check_error("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", prefix);
    check_error("whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", prefix);

    check_error("whsec_", hmac);
    check_error("whsec_====", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXG", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA=", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXG===", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0O=xAREhMUFRYX", hmac);
    check_error("whsec_AAECAwQFBgcICQoL DA0ODxAREhMUFRYX", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY-", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY_", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\n", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm"
                "JygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=", hmac);
    check_error("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm"
                "JygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9Q",
                hmac);

    check_error(K24 "@", until);
    check_error(K24 "@2024-01-01", until);
    check_error(K24 "@2024-13-01T00:00:00Z", until);
    check_error(K24 "@2024-01-01T00:00:00Z@", until);
    check_error(K24 "@2024-01-01T00:00:00Z ", until);
    check_error("@2024-01-01T00:00:00Z", prefix);
    check_error("whsec_@2024-01-01T00:00:00Z", hmac);

    check_error("whsk_", pair);
    check_error("whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", pair);
    check_error("whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", pair);
    check_error("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt"
                "9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGw==",
                "expected the public key that belongs to the seed behind "
                "\"whsk_\"");

    assert_null(ae_signer_create(secrets, 0, &err));
    assert_string_equal(err.text, "expected 1 to 4 secrets");
    assert_null(ae_signer_create(secrets, 5, &err));
    assert_string_equal(err.text, "expected 1 to 4 secrets");
    assert_int_equal(err.line, 0);

    ae_signer_destroy(NULL);
}


/* a text of which no byte behind may be read */

static void
test_exact(void **state)
{
    size_t          i;
    ae_str_t        s;
    ae_error_t      err;
    ae_signer_t    *made;
    unsigned char  *copy;

    (void) state;

    for (i = 0; i < strlen(PAIR); i++) {
        copy = malloc(i + 1);
        assert_non_null(copy);
        copy = realloc(copy, (i != 0) ? i : 1);
        assert_non_null(copy);
        memcpy(copy, PAIR, i);

        s.len = i;
        s.data = copy;

        made = ae_signer_create(&s, 1, &err);

        /* 43 digits are whole without their "=" */

        assert_int_equal(made != NULL, i == strlen(PAIR) - 1);

        ae_signer_destroy(made);
        free(copy);
    }
}


static void *
run(void *data)
{
    long            i, n;
    size_t          len;
    ae_str_t        id, body;
    const char     *expected;
    ae_signer_t    *s;
    unsigned char   dst[AE_SIGN_LEN];

    s = data;
    id = ae_s(ID);
    body = ae_s(BODY);
    expected = S24 " " SPAIR;

    n = ae_steps(500);

    for (i = 0; i < n; i++) {
        len = ae_sign(s, dst, id, TIME, body);

        if (len != strlen(expected) || memcmp(dst, expected, len) != 0) {
            return s;
        }
    }

    return NULL;
}


static void
test_threads(void **state)
{
    int           i;
    void         *failed;
    pthread_t     threads[THREADS];
    ae_signer_t  *s;

    (void) state;

    s = signer(K24, PAIR, NULL, NULL);

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, s), 0);
    }

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }

    ae_signer_destroy(s);
}


/* libcrypto's memory is ours here, so that its failures are in the sweep */

static void *
take(size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    return malloc(size);
}


static void *
take_again(void *p, size_t size, const char *file, int line)
{
    (void) file;
    (void) line;

    return realloc(p, size);
}


static void
give(void *p, const char *file, int line)
{
    (void) file;
    (void) line;

    free(p);
}


static void
test_memory_create(void **state)
{
    long          i, failures;
    ae_str_t      secrets[2];
    ae_error_t    err;
    ae_signer_t  *s;

    (void) state;

    secrets[0] = ae_s(K24);
    secrets[1] = ae_s(PAIR64);
    failures = 0;

    for (i = 1; /* void */ ; i++) {
        ae_alloc_count = 0;
        ae_fail_at = i;
        s = ae_signer_create(secrets, 2, &err);
        ae_fail_at = 0;

        if (s != NULL) {

            /* a failure that does not matter leaves a signer that works */

            check_of(s, ID, TIME, ae_s(BODY), S24 " " SPAIR);
            ae_signer_destroy(s);

            if (ae_alloc_count < i) {
                break;
            }

            continue;
        }

        assert_string_equal(err.text, "libcrypto or memory failed");
        assert_int_equal(ERR_peek_error(), 0);
        failures++;
    }

    assert_true(failures > 5);
}


static void
test_memory_sign(void **state)
{
    long           i, failures;
    size_t         len;
    const char    *expected;
    ae_str_t       body;
    ae_signer_t   *s;
    unsigned char  big[BIG], first[AE_SIGN_LEN], dst[AE_SIGN_LEN];

    (void) state;

    memset(big, 'a', BIG);
    body.data = big;
    body.len = BIG;

    s = signer(K24, PAIR, NULL, NULL);
    expected = S24 " " SPAIR;
    failures = 0;

    assert_int_equal(ae_sign(s, first, ae_s(ID), TIME, body),
                     strlen(expected));

    for (i = 1; /* void */ ; i++) {
        ae_alloc_count = 0;
        ae_fail_at = i;
        len = ae_sign(s, dst, ae_s(ID), TIME, body);
        ae_fail_at = 0;

        if (len != 0) {
            assert_int_equal(len, strlen(expected));
            assert_memory_equal(dst, first, len);

            if (ae_alloc_count < i) {
                break;
            }

            continue;
        }

        assert_int_equal(ERR_peek_error(), 0);
        failures++;
    }

    assert_true(failures > 3);

    ae_signer_destroy(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_official),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_ed25519),
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory_create),
        cmocka_unit_test(test_memory_sign)
    };

    if (CRYPTO_set_mem_functions(take, take_again, give) != 1) {
        return 1;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
