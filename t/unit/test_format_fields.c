/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/webhook/webhook.h"
#include "event_help.h"
#include "fail_alloc.h"
#include "format_help.h"
#include "json_help.h"
#include "random.h"


typedef struct {
    ae_buf_t                 b;
    int                      left;          /* fields until it refuses */
} fields_t;


static int
add(void *data, ae_str_t name, ae_str_t value)
{
    size_t     i;
    fields_t  *fields = data;

    if (fields->left-- == 0) {
        return AE_FULL;
    }

    assert_true(value.len != 0);

    for (i = 0; i < value.len; i++) {
        assert_true(value.data[i] > 0x20 && value.data[i] < 0x7f);
        assert_int_not_equal(value.data[i], '"');
    }

    ae_buf_put(&fields->b, name.data, name.len);
    ae_buf_put(&fields->b, ":", 1);
    ae_buf_put(&fields->b, value.data, value.len);
    ae_buf_put(&fields->b, "\n", 1);

    return AE_OK;
}


static void
check_fields(const ae_event_t *ev, uint64_t suppressed, const char *expected)
{
    fields_t     fields;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);
    ae_buf_init(&fields.b, 1 << 20);
    fields.left = 100;

    assert_int_equal(ae_format_fields(arena, ev, suppressed, add, &fields),
                     AE_OK);
    ae_format_is(&fields.b, expected);

    ae_buf_free(&fields.b);
    ae_arena_destroy(arena);
}


static void
test_fields(void **state)
{
    ae_event_t  ev;

    (void) state;

#define FIELDS                                                                \
    "ce-id:" ID "\nce-source:/acme/orders\n"                                  \
    "ce-type:apievents.QuotaExceeded\nce-specversion:1.0\nce-time:" TIME      \
    "\nce-subject:" KEY "\nce-subjectsequence:00000000000000000007\n"

    ae_format_sample(&ev);

    check_fields(&ev, 0, FIELDS);
    check_fields(&ev, 12, FIELDS "ce-suppressed:12\n");

    ev.sequence = UINT64_MAX;
    ev.key_id = (ae_id_t) { { 0, 1 } };
    check_fields(&ev, UINT64_C(2147483648),
                 "ce-id:" ID "\nce-source:/acme/orders\n"
                 "ce-type:apievents.QuotaExceeded\nce-specversion:1.0\n"
                 "ce-time:" TIME "\n"
                 "ce-subject:00000000000000000000000000000001\n"
                 "ce-subjectsequence:18446744073709551615\n"
                 "ce-suppressed:2147483647\n");

    ev.sequence = 7;
    ev.key_id = (ae_id_t) { { 1, 0 } };
    check_fields(&ev, 0,
                 "ce-id:" ID "\nce-source:/acme/orders\n"
                 "ce-type:apievents.QuotaExceeded\nce-specversion:1.0\n"
                 "ce-time:" TIME "\n"
                 "ce-subject:00000000000000010000000000000000\n"
                 "ce-subjectsequence:00000000000000000007\n");
}


static void
check_name(ae_str_t name, const char *field, const char *json)
{
    char        expected[1024];
    ae_event_t  ev;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.name = name;

    snprintf(expected, sizeof(expected),
             "ce-id:evt_00000000-0000-0000-0000-000000000000\nce-source:/\n"
             "ce-type:apievents.%s\nce-specversion:1.0\n"
             "ce-time:1970-01-01T00:00:00Z\n"
             "ce-subjectsequence:00000000000000000000\n", field);
    check_fields(&ev, 0, expected);

    snprintf(expected, sizeof(expected),
             "{\"id\":\"evt_00000000-0000-0000-0000-000000000000\","
             "\"source\":\"/\",\"type\":\"apievents.%s\","
             "\"specversion\":\"1.0\",\"time\":\"1970-01-01T00:00:00Z\","
             "\"subjectsequence\":\"00000000000000000000\"," CONTENT "1}",
             json);
    ae_body(&ev, AE_FORMAT_CLOUDEVENTS, 0, "1", expected);
}


/* the only attribute that a script may choose */

static void
test_names(void **state)
{
    (void) state;

    check_name(ae_s(""), "", "");
    check_name(ae_s("a b"), "a%20b", "a b");
    check_name(ae_s("a\"b%20\\"), "a%22b%2520\\", "a\\\"b%20\\\\");
    check_name(ae_s("!#$&'()*+,-./:;<=>?@[]^_`{|}~"),
               "!#$&'()*+,-./:;<=>?@[]^_`{|}~",
               "!#$&'()*+,-./:;<=>?@[]^_`{|}~");
    check_name(ae_s("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
               "%C3%A9%E2%82%AC%F0%9F%98%80",
               "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");

#define R  "\xef\xbf\xbd"
#define P  "%EF%BF%BD"

    /* no end of a field, and no character that is none */

    check_name(ae_s("a\r\nce-id: x"), "a" P P "ce-id:%20x",
               "a" R R "ce-id: x");
    check_name((ae_str_t) { 3, (unsigned char *) "a\0b" }, "a" P "b",
               "a" R "b");
    check_name(ae_s("\x1f\x7f\xc2\x80\xc2\x9f\xc2\xa0"),
               P P P P "%C2%A0", R R R R "\xc2\xa0");
    check_name(ae_s("\xef\xb7\x90\xef\xb7\xaf\xef\xbf\xbe\xef\xbf\xbf"),
               P P P P, R R R R);
    check_name(ae_s("\xf4\x8f\xbf\xbf\xf0\x9f\xbf\xbe\xef\xb7\x8f"),
               P P "%EF%B7%8F", R R "\xef\xb7\x8f");
    check_name(ae_s("\xff\xc0\xaf\xe2\x82z\xed\xa0\x80"),
               P P P P "z" P P P, R R R R "z" R R R);
}


static void
test_fields_stop(void **state)
{
    int          i;
    fields_t     fields;
    ae_arena_t  *arena;
    ae_event_t   ev;

    (void) state;

    ae_format_sample(&ev);
    arena = ae_arena_create(0);

    for (i = 0; i < 9; i++) {
        ae_buf_init(&fields.b, 1 << 20);
        fields.left = i;

        assert_int_equal(ae_format_fields(arena, &ev, 1, add, &fields),
                         (i < 8) ? AE_FULL : AE_OK);

        /* it was not called again */

        assert_int_equal(fields.left, (i < 8) ? -1 : 0);

        ae_buf_free(&fields.b);
    }

    ae_arena_destroy(arena);
}


/* whatever is raised: one JSON document, and fields that are fields */

static void
test_random(void **state)
{
    long               i, n;
    ae_buf_t           b;
    fields_t           fields;
    ae_arena_t        *arena;
    ae_error_t         err;
    ae_event_t         ev;
    ae_format_e        format;
    const ae_value_t  *v, *one;

    (void) state;

    n = ae_steps(1000);

    for (i = 0; i < n; i++) {
        arena = ae_arena_create(0);
        ae_buf_init(&b, 1 << 20);
        ae_buf_init(&fields.b, 1 << 20);
        fields.left = 100;

        ae_event_random(&ev, 40, (int) (i % 2));
        format = (ae_format_e) (1 + ae_random() % 4);

        assert_int_equal(ae_format_body(&b, format, arena, &ev,
                                        ae_random() % 3,
                                        (ae_random() % 2) ? ev.path
                                                          : ae_s("")),
                         AE_OK);

        v = ae_json_parse(arena, (ae_str_t) { b.len, b.data }, &err);
        assert_non_null(v);

        if (format != AE_FORMAT_CLOUDEVENTS_BINARY) {
            one = (format == AE_FORMAT_CLOUDEVENTS_BATCH) ? v->first : v;
            assert_int_equal(one->type, AE_MAP);
            assert_non_null(ae_value_get(one, "data"));
            assert_non_null(ae_value_get(one, "type"));
        }

        assert_int_equal(ae_format_fields(arena, &ev, 0, add, &fields),
                         AE_OK);

        ae_event_free(&ev);
        ae_buf_free(&fields.b);
        ae_buf_free(&b);
        ae_arena_destroy(arena);
    }
}


static void
test_memory_fields(void **state)
{
    int          rc;
    long         i;
    fields_t     fields;
    ae_arena_t  *arena;
    ae_event_t   ev;

    (void) state;

    ae_format_sample(&ev);

    for (i = 1; /* void */ ; i++) {
        arena = ae_arena_create(0);
        ae_buf_init(&fields.b, 1 << 20);
        ae_buf_put(&fields.b, FIELDS, 200);
        fields.b.len = 0;
        fields.left = 100;

        ae_fail_at = i;
        rc = ae_format_fields(arena, &ev, 1, add, &fields);

        if (ae_fail_at != 0) {
            ae_fail_at = 0;
            assert_int_equal(rc, AE_OK);
            break;
        }

        assert_true(rc == AE_ERROR || fields.b.failed);

        ae_buf_free(&fields.b);
        ae_arena_destroy(arena);
    }

    ae_buf_free(&fields.b);
    ae_arena_destroy(arena);

    assert_true(i > 5);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_fields_stop),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_memory_fields)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
