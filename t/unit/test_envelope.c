/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "event_help.h"
#include "fail_alloc.h"
#include "json_help.h"
#include "random.h"


static void
sample(ae_event_t *ev)
{
    memset(ev, 0, sizeof(ae_event_t));

    ev->id = (ae_id_t) { { 0x017f22e279b07cc3, 0x98c4dc0c0c07398f } };
    ev->key_id = (ae_id_t) { { 0xba7816bf8f01cfea, 0x414140de5dae2223 } };
    ev->time = 1704153599111157073;
    ev->sequence = 7;
    ev->type = AE_QUOTA_EXCEEDED;
    ev->api = ae_s("orders");
    ev->org = ae_s("acme");
    ev->message = ae_s("Key Quota Limit Exceeded");
    ev->path = ae_s("/p");
    ev->origin = ae_s("1.1.1.1:5000");
    ev->key = ae_s("****cdef");
    ev->alias = ae_s("bob");
}


static void
check(const ae_event_t *ev, uint64_t suppressed, const char *expected)
{
    ae_buf_t     b;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);
    ae_buf_init(&b, 1 << 20);

    ae_json_write(&b, ae_envelope(arena, ev, suppressed));
    ae_buf_put(&b, "", 1);
    assert_string_equal((char *) b.data, expected);

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


static void
check_meta(const ae_event_t *ev, const char *expected)
{
    ae_buf_t     b;
    ae_arena_t  *arena;
    ae_value_t  *v;

    arena = ae_arena_create(0);
    ae_buf_init(&b, 1 << 20);

    v = ae_envelope(arena, ev, 0);
    assert_ptr_equal(ae_value_get(v, "Meta")->first,
                     ae_value_get(v, "EventMetaData")->first);

    ae_json_write(&b, ae_value_get(v, "Meta"));
    ae_buf_put(&b, "", 1);
    assert_string_equal((char *) b.data, expected);

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


static void
test_envelope(void **state)
{
    ae_event_t  ev;

    (void) state;

    sample(&ev);
    ev.request = ae_s("GET /p HTTP/1.1\r\n\r\n");

#define META                                                                  \
    "{\"Message\":\"Key Quota Limit Exceeded\",\"Path\":\"/p\","              \
    "\"Origin\":\"1.1.1.1:5000\",\"Key\":\"****cdef\","                       \
    "\"KeyID\":\"ba7816bf8f01cfea414140de5dae2223\",\"KeyAlias\":\"bob\","    \
    "\"OriginatingRequest\":\"R0VUIC9wIEhUVFAvMS4xDQoNCg==\"}"

    check(&ev, 3,
          "{\"EventType\":\"QuotaExceeded\",\"EventMetaData\":" META ","
          "\"TimeStamp\":\"2024-01-01 23:59:59.111157073 +0000 UTC\","
          "\"Type\":\"QuotaExceeded\",\"Meta\":" META ","
          "\"ID\":\"evt_017f22e2-79b0-7cc3-98c4-dc0c0c07398f\","
          "\"APIID\":\"orders\",\"OrgID\":\"acme\",\"Sequence\":7,"
          "\"Suppressed\":3}");
}


static void
test_envelope_empty(void **state)
{
    ae_event_t  ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.type = AE_AUTH_FAILURE;

#undef META
#define META                                                                  \
    "{\"Message\":\"\",\"Path\":\"\",\"Origin\":\"\",\"Key\":\"\","           \
    "\"KeyID\":\"\",\"KeyAlias\":\"\",\"OriginatingRequest\":\"\"}"

    check(&ev, 0,
          "{\"EventType\":\"AuthFailure\",\"EventMetaData\":" META ","
          "\"TimeStamp\":\"1970-01-01 00:00:00 +0000 UTC\","
          "\"Type\":\"AuthFailure\",\"Meta\":" META ","
          "\"ID\":\"evt_00000000-0000-0000-0000-000000000000\","
          "\"APIID\":\"\",\"OrgID\":\"\",\"Sequence\":0,\"Suppressed\":0}");
}


static void
test_envelope_large_numbers(void **state)
{
    ae_event_t   ev;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    sample(&ev);
    ev.sequence = UINT64_MAX;
    arena = ae_arena_create(0);

    v = ae_envelope(arena, &ev, 9007199254740993);
    assert_memory_equal(ae_value_get(v, "Sequence")->s.data,
                        "9223372036854775807", 20);
    assert_memory_equal(ae_value_get(v, "Suppressed")->s.data,
                        "9007199254740993", 17);

    ae_arena_destroy(arena);
}


static void
test_meta_options(void **state)
{
    ae_event_t  ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.type = AE_KEY_EXPIRED;
    ev.reason = ae_s("why");
    ev.dry_run = 1;
    ev.request_cut = 1;

    check_meta(&ev, "{\"Message\":\"\",\"Path\":\"\",\"Origin\":\"\","
                    "\"Key\":\"\",\"KeyID\":\"\",\"KeyAlias\":\"\","
                    "\"OriginatingRequest\":\"\",\"Reason\":\"why\","
                    "\"DryRun\":true,\"OriginatingRequestCut\":true}");

    /* a version failure always has its reason, Tyk's shape has no other */

    memset(&ev, 0, sizeof(ae_event_t));
    ev.type = AE_VERSION_FAILURE;

    check_meta(&ev, "{\"Message\":\"\",\"Path\":\"\",\"Origin\":\"\","
                    "\"Key\":\"\",\"KeyID\":\"\",\"KeyAlias\":\"\","
                    "\"OriginatingRequest\":\"\",\"Reason\":\"\"}");
}


/* receivers of failures find these members, whatever is known of the key */

static void
test_meta_of_failures(void **state)
{
    size_t       i;
    ae_event_t   ev;
    ae_arena_t  *arena;
    ae_value_t  *meta;

    static const uint16_t  types[] = {
        AE_QUOTA_EXCEEDED, AE_RATELIMIT_EXCEEDED, AE_AUTH_FAILURE,
        AE_KEY_EXPIRED, AE_VERSION_FAILURE, AE_ORG_QUOTA_EXCEEDED,
        AE_ORG_RATE_LIMIT_EXCEEDED
    };

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        ev.type = types[i];

        arena = ae_arena_create(0);
        meta = ae_value_get(ae_envelope(arena, &ev, 0), "EventMetaData");

        assert_non_null(ae_value_get(meta, "Path"));
        assert_non_null(ae_value_get(meta, "Origin"));
        assert_non_null(ae_value_get(meta, "Key"));
        assert_non_null(ae_value_get(meta, "KeyID"));
        assert_non_null(ae_value_get(meta, "KeyAlias"));

        ae_arena_destroy(arena);
    }
}


static void
test_meta_of_other_types(void **state)
{
    ae_event_t  ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.type = AE_BREAKER_TRIPPED;
    ev.message = ae_s("Breaker Tripped");
    ev.path = ae_s("/b");
    ev.meta = ae_s("{\"APIID\":\"a\",\"CircuitEvent\":0}");

    check_meta(&ev, "{\"Message\":\"Breaker Tripped\",\"Path\":\"/b\","
                    "\"OriginatingRequest\":\"\",\"APIID\":\"a\","
                    "\"CircuitEvent\":0}");

    memset(&ev, 0, sizeof(ae_event_t));
    ev.name = ae_s("mine");
    ev.meta = ae_s("{\"a\":[1,{\"b\":null}]}");

    check_meta(&ev, "{\"Message\":\"\",\"OriginatingRequest\":\"\","
                    "\"a\":[1,{\"b\":null}]}");
}


static void
test_meta_merge(void **state)
{
    size_t      i;
    ae_event_t  ev;

    static const char  *meta[][2] = {
        { "{}", "{\"Message\":\"m\",\"OriginatingRequest\":\"\"}" },
        { "{\"Message\":{\"x\":1}}",
          "{\"Message\":{\"x\":1},\"OriginatingRequest\":\"\"}" },
        { "{\"z\":1,\"OriginatingRequest\":2,\"Message\":3,\"y\":4}",
          "{\"Message\":3,\"OriginatingRequest\":2,\"z\":1,\"y\":4}" },
        { "{\"Message\":1,\"Message\":2}",
          "{\"Message\":2,\"OriginatingRequest\":\"\"}" },
        { "{\"Messag\":1,\"\":2}",
          "{\"Message\":\"m\",\"OriginatingRequest\":\"\",\"Messag\":1,"
          "\"\":2}" },

        /* no JSON map */
        { "[1]", "{\"Message\":\"m\",\"OriginatingRequest\":\"\"}" },
        { "{\"a\":", "{\"Message\":\"m\",\"OriginatingRequest\":\"\"}" },
        { "\xff", "{\"Message\":\"m\",\"OriginatingRequest\":\"\"}" }
    };

    (void) state;

    for (i = 0; i < sizeof(meta) / sizeof(meta[0]); i++) {
        memset(&ev, 0, sizeof(ae_event_t));
        ev.message = ae_s("m");
        ev.meta = ae_s(meta[i][0]);

        check_meta(&ev, meta[i][1]);
    }
}


/* a megabyte of members takes no time to speak of */

static void
test_meta_many_members(void **state)
{
    int          i;
    ae_buf_t     b;
    ae_event_t   ev;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    ae_buf_init(&b, 1 << 21);
    ae_buf_puts(&b, "{\"a\":0");

    for (i = 0; i < 100000; i++) {
        ae_buf_puts(&b, ",\"");
        ae_buf_int(&b, i);
        ae_buf_puts(&b, "\":1");
    }

    ae_buf_puts(&b, "}");

    memset(&ev, 0, sizeof(ae_event_t));
    ev.meta.len = b.len;
    ev.meta.data = b.data;

    arena = ae_arena_create(0);
    v = ae_envelope(arena, &ev, 0);
    assert_int_equal(ae_value_get(v, "Meta")->count, 100003);

    ae_arena_destroy(arena);
    ae_buf_free(&b);
}


static void
test_request_base64(void **state)
{
    long            i, n;
    int             len;
    ae_str_t        text;
    ae_event_t      ev;
    ae_arena_t     *arena;
    unsigned char   plain[310];

    (void) state;

    n = ae_steps(1000);

    for (i = 0; i < n; i++) {
        sample(&ev);
        ev.request = ae_random_str(300, 0);

        arena = ae_arena_create(0);
        text = ae_value_get(ae_value_get(ae_envelope(arena, &ev, 0), "Meta"),
                            "OriginatingRequest")->s;

        assert_int_equal(text.len, (ev.request.len + 2) / 3 * 4);

        len = EVP_DecodeBlock(plain, text.data, (int) text.len);
        assert_true(len >= (int) ev.request.len);
        assert_memory_equal(plain, ev.request.data, ev.request.len);

        ae_arena_destroy(arena);
        free(ev.request.data);
    }
}


/* whatever bytes an event has, its envelope is a JSON text with its members */

static void
test_hostile_bytes(void **state)
{
    long         i, n;
    ae_buf_t     b;
    ae_event_t   ev;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    n = ae_steps(2000);

    for (i = 0; i < n; i++) {
        ae_event_random(&ev, (i % 200 == 0) ? 65536 : 60, i % 2);

        arena = ae_arena_create(0);
        ae_buf_init(&b, 1 << 24);
        ae_json_write(&b, ae_envelope(arena, &ev, 1));
        assert_int_equal(b.failed, 0);

        v = ae_parse(arena, (ae_str_t) { b.len, b.data }, &err);
        assert_non_null(v);
        assert_int_equal(v->count, 10);
        assert_int_equal(ae_value_get(v, "Suppressed")->number, 1);
        assert_true(ae_equal(ae_value_get(v, "Meta")->first,
                             ae_value_get(v, "EventMetaData")->first));

        if (i % 2) {
            assert_int_equal(ae_value_get(v, "APIID")->s.len, ev.api.len);
            assert_memory_equal(ae_value_get(v, "APIID")->s.data, ev.api.data,
                                ev.api.len);
        }

        ae_buf_free(&b);
        ae_arena_destroy(arena);
        ae_event_free(&ev);
    }
}


/* with too little memory there is no envelope, never a part of one */

static void
test_no_memory(void **state)
{
    int          whole;
    long         at;
    ae_buf_t     full, b;
    ae_event_t   ev;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    sample(&ev);
    ev.request = ae_s("GET / HTTP/1.1\r\n\r\n");
    ev.meta = ae_s("{\"a\":1,\"b\":[\"\\n\",{\"c\":\"text\"}],\"Path\":2}");

    arena = ae_arena_create(0);
    ae_buf_init(&full, 10000);
    ae_json_write(&full, ae_envelope(arena, &ev, 5));
    ae_arena_destroy(arena);

    for (at = 64, whole = 0; !whole; at++) {
        arena = ae_arena_create((size_t) at);
        v = ae_envelope(arena, &ev, 5);

        if (v != NULL) {
            ae_buf_init(&b, 10000);
            ae_json_write(&b, v);
            assert_int_equal(b.len, full.len);
            assert_memory_equal(b.data, full.data, b.len);
            ae_buf_free(&b);

            whole = 1;
        }

        ae_arena_destroy(arena);
    }

    assert_true(at > 1000);

    for (at = 1, whole = 0; !whole; at++) {
        arena = ae_arena_create(0);

        ae_fail_at = at;
        v = ae_envelope(arena, &ev, 5);
        ae_fail_at = 0;

        whole = (v != NULL);

        if (whole) {
            ae_buf_init(&b, 10000);
            ae_json_write(&b, v);
            assert_int_equal(b.len, full.len);
            ae_buf_free(&b);
        }

        ae_arena_destroy(arena);
    }

    assert_true(at > 4);

    ae_buf_free(&full);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_envelope_empty),
        cmocka_unit_test(test_envelope_large_numbers),
        cmocka_unit_test(test_meta_options),
        cmocka_unit_test(test_meta_of_failures),
        cmocka_unit_test(test_meta_of_other_types),
        cmocka_unit_test(test_meta_merge),
        cmocka_unit_test(test_meta_many_members),
        cmocka_unit_test(test_request_base64),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_no_memory)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
