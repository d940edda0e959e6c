/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/webhook/webhook.h"
#include "fail_alloc.h"
#include "format_help.h"
#include "json_help.h"


#define META                                                                  \
    "\"Message\":\"Key Quota Limit Exceeded\",\"Path\":\"/p\","               \
    "\"Origin\":\"1.1.1.1:5000\",\"Key\":\"****cdef\",\"KeyID\":\"" KEY       \
    "\",\"KeyAlias\":\"bob\",\"OriginatingRequest\":\"\""

#define ATTRIBUTES                                                            \
    "\"id\":\"" ID "\",\"source\":\"/acme/orders\","                          \
    "\"type\":\"apievents.QuotaExceeded\",\"specversion\":\"1.0\","           \
    "\"time\":\"" TIME "\",\"subject\":\"" KEY "\","                          \
    "\"subjectsequence\":\"00000000000000000007\","


static void
test_parse(void **state)
{
    size_t       i;
    ae_format_e  format;
    const char  *bad[] = {
        "", "Tyk", "tyk ", "cloudevent", "cloudevents-", "cloudeventsbinary",
        "cloudevents_binary", "standards", "json", "off"
    };

    (void) state;

    assert_int_equal(ae_format_parse(ae_s("tyk"), &format), AE_OK);
    assert_int_equal(format, AE_FORMAT_TYK);
    assert_int_equal(ae_format_parse(ae_s("standard"), &format), AE_OK);
    assert_int_equal(format, AE_FORMAT_STANDARD);
    assert_int_equal(ae_format_parse(ae_s("cloudevents"), &format), AE_OK);
    assert_int_equal(format, AE_FORMAT_CLOUDEVENTS);
    assert_int_equal(ae_format_parse(ae_s("cloudevents-binary"), &format),
                     AE_OK);
    assert_int_equal(format, AE_FORMAT_CLOUDEVENTS_BINARY);
    assert_int_equal(ae_format_parse(ae_s("cloudevents-batch"), &format),
                     AE_OK);
    assert_int_equal(format, AE_FORMAT_CLOUDEVENTS_BATCH);
    assert_int_equal(ae_format_parse(ae_s("callback"), &format), AE_OK);
    assert_int_equal(format, AE_FORMAT_CALLBACK);
    assert_int_equal(ae_format_parse(ae_s("portal"), &format), AE_OK);
    assert_int_equal(format, AE_FORMAT_PORTAL);

    for (i = 0; i < sizeof(bad) / sizeof(char *); i++) {
        assert_int_equal(ae_format_parse(ae_s(bad[i]), &format), AE_ERROR);
    }
}


static void
check_type(ae_format_e format, const char *expected)
{
    ae_str_t  s;

    s = ae_format_content_type(format);
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.data, expected, s.len);
}


static void
test_content_type(void **state)
{
    (void) state;

    check_type(AE_FORMAT_TYK, "");
    check_type(AE_FORMAT_STANDARD, "application/json");
    check_type(AE_FORMAT_CLOUDEVENTS, "application/cloudevents+json");
    check_type(AE_FORMAT_CLOUDEVENTS_BINARY, "application/json");
    check_type(AE_FORMAT_CLOUDEVENTS_BATCH,
               "application/cloudevents-batch+json");
}


static void
check_source(ae_str_t org, ae_str_t api, const char *expected)
{
    ae_buf_t    b;
    ae_event_t  ev;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.org = org;
    ev.api = api;

    ae_buf_init(&b, 1024);
    ae_format_source(&b, &ev);
    ae_format_is(&b, expected);
    ae_buf_free(&b);
}


static void
test_source(void **state)
{
    (void) state;

    check_source(ae_s(""), ae_s(""), "/");
    check_source(ae_s(""), ae_s("orders"), "/orders");
    check_source(ae_s("acme"), ae_s("orders"), "/acme/orders");
    check_source(ae_s("acme"), ae_s(""), "/acme/");
    check_source(ae_s("AZaz09-._~"), ae_s("b"), "/AZaz09-._~/b");
    check_source(ae_s("/a"), ae_s("b/c"), "/%2Fa/b%2Fc");
    check_source(ae_s("a b"), ae_s("c%\"?#[]@!$&'()*+,;=:"),
                 "/a%20b/c%25%22%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C"
                 "%3B%3D%3A");
    check_source(ae_s("\r\n\t\x01\x7f"), ae_s("\xc3\xa9\xe2\x82\xac"),
                 "/%0D%0A%09%01%7F/%C3%A9%E2%82%AC");
    check_source(ae_s("a\xff" "b"), ae_s("\xc0\xaf"),
                 "/a%EF%BF%BDb/%EF%BF%BD%EF%BF%BD");
    check_source(ae_s("\x80"), ae_s("\xc2\x80"), "/%EF%BF%BD/%C2%80");
    check_source(ae_s("x"), (ae_str_t) { 3, (unsigned char *) "a\0b" },
                 "/x/a%00b");
}


static void
test_tyk(void **state)
{
    ae_event_t  ev;

    (void) state;

    ae_format_sample(&ev);

    ae_body(&ev, AE_FORMAT_TYK, 0, "", "");
    ae_body(&ev, AE_FORMAT_TYK, 3, " {not json\n ", " {not json\n ");
}


static void
test_standard(void **state)
{
    ae_event_t  ev;

    (void) state;

    ae_format_sample(&ev);

#define HEAD                                                                  \
    "{\"type\":\"QuotaExceeded\",\"timestamp\":\"" TIME "\",\"data\":"

    ae_body(&ev, AE_FORMAT_STANDARD, 3, "",
            HEAD "{\"ID\":\"" ID "\",\"APIID\":\"orders\",\"OrgID\":\"acme\","
            "\"Sequence\":7,\"Suppressed\":3," META "}}");
    ae_body(&ev, AE_FORMAT_STANDARD, 3, "{\"a\":1}", HEAD "{\"a\":1}}");

    ev.type = AE_EVENT_CUSTOM;
    ev.name = ae_s("a \"b\"\n\xff");
    ae_body(&ev, AE_FORMAT_STANDARD, 0, "1",
            "{\"type\":\"a \\\"b\\\"\\n\xef\xbf\xbd\",\"timestamp\":\"" TIME
            "\",\"data\":1}");
}


/* what a script calls ID does not become the event's */

static void
test_standard_own(void **state)
{
    ae_event_t  ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.name = ae_s("x");
    ev.meta = ae_s("{\"ID\":\"fake\",\"IDs\":1,\"APIID\":2,\"OrgID\":3,"
                   "\"Sequence\":4,\"Suppressed\":5,\"id\":[6,null],"
                   "\"Message\":{\"m\":true}}");

    ae_body(&ev, AE_FORMAT_STANDARD, 0, "",
            "{\"type\":\"x\",\"timestamp\":\"1970-01-01T00:00:00Z\",\"data\":"
            "{\"ID\":\"evt_00000000-0000-0000-0000-000000000000\","
            "\"APIID\":\"\",\"OrgID\":\"\",\"Sequence\":0,\"Suppressed\":0,"
            "\"Message\":{\"m\":true},\"OriginatingRequest\":\"\",\"IDs\":1,"
            "\"id\":[6,null]}}");
}


static void
test_structured(void **state)
{
    ae_event_t  ev;

    (void) state;

    ae_format_sample(&ev);

    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 0, "",
            "{" ATTRIBUTES CONTENT "{" META "}}");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 3, "",
            "{" ATTRIBUTES "\"suppressed\":3," CONTENT "{" META "}}");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, UINT64_MAX, "null",
            "{" ATTRIBUTES "\"suppressed\":2147483647," CONTENT "null}");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 0, " \t\r\n[1, 2]\n",
            "{" ATTRIBUTES CONTENT "[1, 2]}");

    /* a template that rendered no JSON, and one that rendered nothing */

    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 0, "{\"a\":\n",
            "{" ATTRIBUTES CONTENT "\"{\\\"a\\\":\"}");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 0, "1 2",
            "{" ATTRIBUTES CONTENT "\"1 2\"}");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 0, " \n",
            "{" ATTRIBUTES CONTENT "{" META "}}");
}


static void
test_structured_empty(void **state)
{
    ae_event_t  ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));

    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 0, "1",
            "{\"id\":\"evt_00000000-0000-0000-0000-000000000000\","
            "\"source\":\"/\",\"type\":\"apievents.\",\"specversion\":\"1.0\","
            "\"time\":\"1970-01-01T00:00:00Z\","
            "\"subjectsequence\":\"00000000000000000000\"," CONTENT "1}");
}


static void
test_binary(void **state)
{
    ae_event_t  ev;

    (void) state;

    ae_format_sample(&ev);

    ae_body(&ev, AE_FORMAT_CLOUDEVENTS_BINARY, 3, "", "{" META "}");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS_BINARY, 3, "[1]\n", "[1]");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS_BINARY, 3, "x", "\"x\"");
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS_BINARY, 3, " ", "{" META "}");
}


static void
test_batch(void **state)
{
    int          i;
    size_t       len;
    ae_buf_t     b;
    ae_arena_t  *arena;
    ae_event_t   ev;

#define ONE    "{" ATTRIBUTES CONTENT "1}"
#define TWO    "{" ATTRIBUTES "\"suppressed\":2," CONTENT "{" META "}}"
#define THREE  "{" ATTRIBUTES CONTENT "\"x\"}"

    (void) state;

    ae_format_sample(&ev);
    arena = ae_arena_create(0);
    ae_buf_init(&b, sizeof("[" ONE "," TWO "," THREE "]") - 1);

    assert_int_equal(ae_format_body(&b, AE_FORMAT_CLOUDEVENTS_BATCH, arena,
                                    &ev, 0, ae_s("1")), AE_OK);
    ae_format_is(&b, "[" ONE "]");

    assert_int_equal(ae_format_body(&b, AE_FORMAT_CLOUDEVENTS_BATCH, arena,
                                    &ev, 2, ae_s("")), AE_OK);
    ae_format_is(&b, "[" ONE "," TWO "]");

    /* no room: all that was there is there, and what fits is taken still */

    len = b.len;

    for (i = 0; i < 2; i++) {
        assert_int_equal(ae_format_body(&b, AE_FORMAT_CLOUDEVENTS_BATCH,
                                        arena, &ev, 2, ae_s("xy")),
                         AE_ERROR);
        assert_int_equal(b.len, len);
        ae_format_is(&b, "[" ONE "," TWO "]");
    }

    assert_int_equal(ae_format_body(&b, AE_FORMAT_CLOUDEVENTS_BATCH, arena,
                                    &ev, 0, ae_s("x")), AE_OK);
    ae_format_is(&b, "[" ONE "," TWO "," THREE "]");

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


/* every bound of the buffer: a whole document, or none */

static void
test_bound(void **state)
{
    size_t       max, len;
    ae_buf_t     b;
    ae_arena_t  *arena;
    ae_event_t   ev;
    ae_format_e  format;

    (void) state;

    ae_format_sample(&ev);

    for (format = AE_FORMAT_STANDARD; format <= AE_FORMAT_CLOUDEVENTS_BATCH;
         format++)
    {
        arena = ae_arena_create(0);
        ae_buf_init(&b, 1 << 20);
        assert_int_equal(ae_format_body(&b, format, arena, &ev, 1, ae_s("")),
                         AE_OK);
        len = b.len;
        ae_buf_free(&b);
        ae_arena_destroy(arena);

        for (max = 0; max <= len; max++) {
            arena = ae_arena_create(0);
            ae_buf_init(&b, max);

            assert_int_equal(ae_format_body(&b, format, arena, &ev, 1,
                                            ae_s("")),
                             (max == len) ? AE_OK : AE_ERROR);
            assert_int_equal(b.len, (max == len) ? len : 0);
            assert_false(b.failed);

            ae_buf_free(&b);
            ae_arena_destroy(arena);
        }
    }

    /* one that had failed before stays so */

    arena = ae_arena_create(0);
    ae_buf_init(&b, 8);
    b.failed = 1;
    assert_int_equal(ae_format_body(&b, AE_FORMAT_TYK, arena, &ev, 0,
                                    ae_s("1")), AE_ERROR);
    assert_true(b.failed);
    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


static void
test_memory_body(void **state)
{
    int          rc;
    long         i;
    ae_buf_t     b;
    ae_arena_t  *arena;
    ae_event_t   ev;
    ae_format_e  format;

    (void) state;

    ae_format_sample(&ev);
    ev.meta = ae_s("{\"a\":[1,2,3]}");

    for (format = AE_FORMAT_TYK; format <= AE_FORMAT_CLOUDEVENTS_BATCH;
         format++)
    {
        for (i = 1; /* void */ ; i++) {
            arena = ae_arena_create(0);
            assert_non_null(arena);
            ae_buf_init(&b, 1 << 20);

            ae_fail_at = i;
            rc = ae_format_body(&b, format, arena, &ev, 1,
                                ae_s((i % 2) ? "{\"a\":1}" : ""));

            if (ae_fail_at != 0) {
                ae_fail_at = 0;
                assert_int_equal(rc, AE_OK);
                ae_buf_free(&b);
                ae_arena_destroy(arena);

                if (i % 2) {
                    continue;
                }

                break;
            }

            /* an allocation that failed: nothing, or all the same the whole */

            if (rc == AE_ERROR) {
                assert_int_equal(b.len, 0);

            } else {
                assert_int_equal(rc, AE_OK);
            }

            ae_buf_free(&b);
            ae_arena_destroy(arena);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_content_type),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_tyk),
        cmocka_unit_test(test_standard),
        cmocka_unit_test(test_standard_own),
        cmocka_unit_test(test_structured),
        cmocka_unit_test(test_structured_empty),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_memory_body)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
