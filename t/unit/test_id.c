/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/base/base.h"
#include "random.h"


static ae_str_t
str(const char *s)
{
    ae_str_t  str;

    str.len = strlen(s);
    str.data = (unsigned char *) s;

    return str;
}


/* ---- hashes ---- */

static void
hash_openssl(const unsigned char *key, ae_str_t s, unsigned rounds,
    unsigned char *out)
{
    size_t        len, size;
    EVP_MAC      *mac;
    unsigned      last;
    OSSL_PARAM    params[4];
    EVP_MAC_CTX  *ctx;

    size = 16;
    last = rounds + 2;
    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    ctx = EVP_MAC_CTX_new(mac);
    params[0] = OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size);
    params[1] = OSSL_PARAM_construct_uint("c-rounds", &rounds);
    params[2] = OSSL_PARAM_construct_uint("d-rounds", &last);
    params[3] = OSSL_PARAM_construct_end();

    assert_int_equal(EVP_MAC_init(ctx, key, 16, params), 1);
    assert_int_equal(EVP_MAC_update(ctx, s.data, s.len), 1);
    assert_int_equal(EVP_MAC_final(ctx, out, &len, 16), 1);
    assert_int_equal(len, 16);

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}


static void
check_hash(const unsigned char *key, ae_str_t s, const char *hex)
{
    ae_id_t        id;
    unsigned char  text[AE_HEX_LEN];

    id = ae_hash(key, &s, 1);
    ae_id_hex(text, id);
    assert_memory_equal(text, hex, AE_HEX_LEN);
}


static void
test_hash_vectors(void **state)
{
    size_t         i;
    unsigned char  key[16], in[64];

    (void) state;

    for (i = 0; i < 64; i++) {
        in[i] = (unsigned char) i;
    }

    memcpy(key, in, 16);

    /* of the reference implementation's vectors_sip128 */

    check_hash(key, (ae_str_t) { 0, in }, "a3817f04ba25a8e66df67214c7550293");
    check_hash(key, (ae_str_t) { 1, in }, "da87c1d86b99af44347659119b22fc45");
    check_hash(key, (ae_str_t) { 2, in }, "8177228da4a45dc7fca38bdef60affe4");
    check_hash(key, (ae_str_t) { 15, in }, "5493e99933b0a8117e08ec0f97cfc3d9");
}


static void
test_hash_against_openssl(void **state)
{
    long           i, n;
    size_t         j, nparts, pos, len;
    ae_id_t        id, back;
    ae_str_t       parts[300];
    unsigned char  key[16], in[300], out[16];

    (void) state;

    n = ae_steps(1000);

    for (i = 0; i < n; i++) {
        len = ae_random() % sizeof(in);

        for (j = 0; j < sizeof(in); j++) {
            in[j] = (unsigned char) ae_random();
            key[j % 16] = (unsigned char) ae_random();
        }

        for (pos = 0, nparts = 0; pos < len && nparts < 299; nparts++) {
            parts[nparts].data = in + pos;
            parts[nparts].len = ae_random() % 20 % (len - pos + 1);
            pos += parts[nparts].len;
        }

        parts[nparts].data = in + pos;
        parts[nparts].len = len - pos;

        id = ae_hash(key, parts, nparts + 1);
        hash_openssl(key, (ae_str_t) { len, in }, 2, out);

        for (j = 0; j < 16; j++) {
            back.h[j / 8] = back.h[j / 8] << 8 | out[j];
        }

        assert_true(ae_id_equal(id, back));
    }
}


static void
test_hash_short_against_openssl(void **state)
{
    size_t         i, len;
    ae_id_t        id, back;
    unsigned char  key[16], in[70], out[16];

    (void) state;

    for (i = 0; i < 16; i++) {
        key[i] = (unsigned char) ae_random();
    }

    for (len = 0; len <= sizeof(in); len++) {

        for (i = 0; i < len; i++) {
            in[i] = (unsigned char) ae_random();
        }

        id = ae_hash_short(key, (ae_str_t) { len, len ? in : NULL });
        hash_openssl(key, (ae_str_t) { len, in }, 1, out);

        for (i = 0; i < 16; i++) {
            back.h[i / 8] = back.h[i / 8] << 8 | out[i];
        }

        assert_true(ae_id_equal(id, back));
    }
}


static void
test_key_id(void **state)
{
    unsigned char  hex[AE_HEX_LEN];

    (void) state;

    /* FIPS 180-2, the first half of each digest */

    ae_id_hex(hex, ae_key_id(str("abc")));
    assert_memory_equal(hex, "ba7816bf8f01cfea414140de5dae2223", 32);

    ae_id_hex(hex, ae_key_id((ae_str_t) { 0, NULL }));
    assert_memory_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924", 32);

    ae_id_hex(hex, ae_key_id(str("abcdbcdecdefdefgefghfghighij"
                                 "hijkijkljklmklmnlmnomnopnopq")));
    assert_memory_equal(hex, "248d6a61d20638b8e5c026930c3e6039", 32);
}


/* ---- ids ---- */

static void
test_hex_round_trip(void **state)
{
    long           i, n;
    ae_id_t        id, back;
    unsigned char  hex[AE_HEX_LEN];

    (void) state;

    n = ae_steps(2000);

    for (i = 0; i < n; i++) {
        id.h[0] = ae_random();
        id.h[1] = ae_random();

        ae_id_hex(hex, id);
        assert_int_equal(ae_id_unhex(&back, (ae_str_t) { 32, hex }), AE_OK);
        assert_true(ae_id_equal(id, back));
    }
}


static void
test_unhex(void **state)
{
    int            c;
    ae_id_t        id;
    unsigned char  hex[] = "0123456789abcdefFEDCBA9876543210";

    (void) state;

    assert_int_equal(ae_id_unhex(&id, (ae_str_t) { 32, hex }), AE_OK);
    assert_true(id.h[0] == 0x0123456789abcdef);
    assert_true(id.h[1] == 0xfedcba9876543210);

    assert_int_equal(ae_id_unhex(&id, (ae_str_t) { 31, hex }), AE_ERROR);
    assert_int_equal(ae_id_unhex(&id, (ae_str_t) { 33, hex }), AE_ERROR);
    assert_int_equal(ae_id_unhex(&id, (ae_str_t) { 0, NULL }), AE_ERROR);

    for (c = 0; c < 256; c++) {
        hex[c % 32] = (unsigned char) c;
        assert_int_equal(ae_id_unhex(&id, (ae_str_t) { 32, hex }),
                         (c != 0 && strchr("0123456789abcdefABCDEF", c))
                         ? AE_OK : AE_ERROR);
        hex[c % 32] = '0';
    }

    /* a refused text leaves the id alone */

    assert_true(id.h[0] != 0 || id.h[1] != 0);
}


static void
test_uuid_layout(void **state)
{
    int        i;
    ae_id_t    id;
    ae_uuid_t  u;

    (void) state;

    memset(&u, 0, sizeof(ae_uuid_t));
    ae_uuid_seed(&u);

    for (i = 0; i < 1000; i++) {
        id = ae_uuid_next(&u, 0x017f22e279b0 * 1000000ULL + 999999);

        assert_true(id.h[0] >> 16 == 0x017f22e279b0);
        assert_true((id.h[0] >> 12 & 0xf) == 7);
        assert_true(id.h[1] >> 62 == 2);
    }
}


static void
test_uuid_ordered(void **state)
{
    long       i, n;
    ae_id_t    id, prev;
    uint64_t   wall;
    ae_uuid_t  u;

    (void) state;

    memset(&u, 0, sizeof(ae_uuid_t));
    ae_uuid_seed(&u);

    n = ae_steps(300000);
    wall = 1704153599000000000;
    prev = ae_uuid_next(&u, wall);

    for (i = 0; i < n; i++) {

        /* forth, and now and then back as a clock that was set */

        wall += ae_random() % 500;
        wall -= (i % 1000 == 0) ? 3000000 : 0;

        id = ae_uuid_next(&u, wall);
        assert_true(id.h[0] > prev.h[0]
                    || (id.h[0] == prev.h[0] && id.h[1] > prev.h[1]));
        prev = id;
    }
}


static void
test_uuid_counter_ends(void **state)
{
    ae_id_t    a, b;
    ae_uuid_t  u;

    (void) state;

    memset(&u, 0, sizeof(ae_uuid_t));
    u.ms = 1000;
    u.count = (1 << 26) - 2;

    a = ae_uuid_next(&u, 1000 * 1000000ULL);
    b = ae_uuid_next(&u, 1000 * 1000000ULL);

    assert_true(a.h[0] == (1000 << 16 | 0x7fff));
    assert_true(a.h[1] >> 48 == 0xbfff);
    assert_true(b.h[0] == (1001 << 16 | 0x7000));
}


static void
test_uuid_seeds_differ(void **state)
{
    ae_uuid_t  u, w;

    (void) state;

    memset(&u, 0, sizeof(ae_uuid_t));
    memset(&w, 0, sizeof(ae_uuid_t));
    ae_uuid_seed(&u);
    ae_uuid_seed(&w);

    assert_true(u.random != w.random);
    assert_false(ae_id_equal(ae_uuid_next(&u, 1), ae_uuid_next(&w, 1)));
}


static void
test_event_id(void **state)
{
    size_t         i;
    ae_id_t        id, back;
    unsigned char  text[AE_EVENT_ID_LEN + 1];

    (void) state;

    id.h[0] = 0x017f22e279b07cc3;
    id.h[1] = 0x98c4dc0c0c07398f;

    ae_event_id(text, id);
    text[AE_EVENT_ID_LEN] = '\0';
    assert_string_equal((char *) text,
                        "evt_017f22e2-79b0-7cc3-98c4-dc0c0c07398f");

    assert_int_equal(ae_event_id_parse(&back, str((char *) text)), AE_OK);
    assert_true(ae_id_equal(id, back));

    for (i = 0; i < AE_EVENT_ID_LEN; i++) {
        text[i] ^= 0x40;
        assert_int_equal(ae_event_id_parse(&back, str((char *) text)),
                         AE_ERROR);
        text[i] ^= 0x40;
    }

    assert_int_equal(ae_event_id_parse(&back, (ae_str_t) { 39, text }),
                     AE_ERROR);
    assert_int_equal(ae_event_id_parse(&back, (ae_str_t) { 41, text }),
                     AE_ERROR);
    assert_int_equal(ae_event_id_parse(&back, (ae_str_t) { 0, NULL }),
                     AE_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_hash_vectors),
        cmocka_unit_test(test_hash_against_openssl),
        cmocka_unit_test(test_hash_short_against_openssl),
        cmocka_unit_test(test_key_id),
        cmocka_unit_test(test_hex_round_trip),
        cmocka_unit_test(test_unhex),
        cmocka_unit_test(test_uuid_layout),
        cmocka_unit_test(test_uuid_ordered),
        cmocka_unit_test(test_uuid_counter_ends),
        cmocka_unit_test(test_uuid_seeds_differ),
        cmocka_unit_test(test_event_id)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
