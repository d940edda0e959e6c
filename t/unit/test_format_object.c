/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "format_help.h"


#define USER  "{\"name\":\"ops\",\"role\":\"admin\"}"

/* what Tyk's portal sends, but for its blanks */

#define DATA                                                                  \
    "{\"id\":\"5e543dd0f56e1a4affdd7acd\","                                   \
    "\"org_id\":\"5e2743567c1f8800018bdf35\","                                \
    "\"for_plan\":\"5e2744897c1f8800018bdf3b\","                              \
    "\"apply_policies\":[\"5e2744897c1f8800018bdf3b\"],"                      \
    "\"by_user\":\"5e430ef68131890001b83d2e\",\"approved\":false,"            \
    "\"date_created\":\"2020-02-24T16:19:12.175113-05:00\","                  \
    "\"portal_developer\":{\"id\":\"5e430ef68131890001b83d2e\","              \
    "\"email\":\"dev@example.com\",\"inactive\":false,"                       \
    "\"keys\":{\"6dc2dfc0\":[\"5e431f938131890001b83d30\"]}},"                \
    "\"catalogue_entry\":{\"name\":\"frontend APIs\",\"show\":true,"          \
    "\"config\":{}}}"


static void
object_event(ae_event_t *ev, const char *name, const char *meta)
{
    ae_format_sample(ev);

    ev->type = AE_EVENT_CUSTOM;
    ev->name.data = (unsigned char *) name;
    ev->name.len = strlen(name);
    ev->meta.data = (unsigned char *) meta;
    ev->meta.len = strlen(meta);
}


static void
test_portal(void **state)
{
    ae_event_t  ev;

    (void) state;

    object_event(&ev, "key_request_event.submitted",
                 "{\"event\":\"key_request_event.submitted\",\"data\":" DATA
                 "}");

    ae_body(&ev, AE_FORMAT_PORTAL, 0, "",
            "{\"event\":\"key_request_event.submitted\",\"data\":" DATA "}");

    ae_body(&ev, AE_FORMAT_PORTAL, 0, "[1]",
            "{\"event\":\"key_request_event.submitted\",\"data\":[1]}");
    ae_body(&ev, AE_FORMAT_PORTAL, 0, "plain \"text\"",
            "{\"event\":\"key_request_event.submitted\","
            "\"data\":\"plain \\\"text\\\"\"}");

    object_event(&ev, "app.created", "{\"event\":\"after\",\"data\":{}}");
    ae_body(&ev, AE_FORMAT_PORTAL, 0, "",
            "{\"event\":\"app.created\",\"data\":{}}");
}


static void
test_callback(void **state)
{
    ae_event_t  ev;

    (void) state;

    object_event(&ev, "app.updated",
                 "{\"previous\":{\"n\":12345678901234567890},"
                 "\"data\":{\"n\":1.50,\"s\":\"\\u00e9\"},\"user\":" USER ","
                 "\"action\":\"updated\",\"object\":\"app\","
                 "\"event\":\"after\",\"other\":1}");

    ae_body(&ev, AE_FORMAT_CALLBACK, 0, "",
            "{\"event\":\"after\",\"object\":\"app\",\"action\":\"updated\","
            "\"timestamp\":\"" TIME "\",\"id\":\"" ID "\",\"user\":" USER ","
            "\"data\":{\"n\":1.50,\"s\":\"\xc3\xa9\"},"
            "\"previous\":{\"n\":12345678901234567890}}");

    /* what the metadata does not say the name does */

    object_event(&ev, "access-token.deleted", "{\"data\":null}");
    ae_body(&ev, AE_FORMAT_CALLBACK, 0, "",
            "{\"event\":\"after\",\"object\":\"access-token\","
            "\"action\":\"deleted\",\"timestamp\":\"" TIME "\","
            "\"id\":\"" ID "\",\"data\":null}");

    object_event(&ev, "key_event.created", "{\"data\":1,\"cut\":true}");
    ae_body(&ev, AE_FORMAT_CALLBACK, 0, "",
            "{\"event\":\"key_event.created\",\"object\":\"key_event\","
            "\"action\":\"created\",\"timestamp\":\"" TIME "\","
            "\"id\":\"" ID "\",\"data\":1,\"cut\":true}");
}


/* metadata of other events is no object, whatever its members are called */

static void
test_other(void **state)
{
    ae_event_t  ev;

    (void) state;

    object_event(&ev, "Mine", "{\"data\":1,\"user\":2}");
    ev.message.len = 0;
    ev.path.len = 0;
    ev.origin.len = 0;
    ev.key.len = 0;
    ev.alias.len = 0;
    ev.reason.len = 0;
    ev.request.len = 0;
    ev.key_id = (ae_id_t) { { 0, 0 } };

    ae_body(&ev, AE_FORMAT_PORTAL, 0, "",
            "{\"event\":\"Mine\",\"data\":{\"Message\":\"\","
            "\"OriginatingRequest\":\"\",\"data\":1,\"user\":2}}");
    ae_body(&ev, AE_FORMAT_CALLBACK, 0, "",
            "{\"event\":\"Mine\",\"timestamp\":\"" TIME "\","
            "\"id\":\"" ID "\",\"data\":{\"Message\":\"\","
            "\"OriginatingRequest\":\"\",\"data\":1,\"user\":2}}");

    object_event(&ev, "app.created", "no JSON");
    ev.message.len = 0;
    ae_body(&ev, AE_FORMAT_PORTAL, 0, "x",
            "{\"event\":\"app.created\",\"data\":\"x\"}");
}


static void
test_open(void **state)
{
    ae_buf_t      b;
    ae_event_t    ev;
    ae_arena_t   *arena;
    ae_value_t   *envelope;

    (void) state;

    arena = ae_arena_create(0);

    object_event(&ev, "app.created",
                 "{\"event\":\"after\",\"ID\":\"mine\",\"data\":{\"n\":[1]}}");

    envelope = ae_envelope(arena, &ev, 0);
    assert_int_equal(ae_envelope_open(arena, envelope, &ev), AE_OK);

    ae_buf_init(&b, 1024);
    ae_json_write(&b, ae_value_get(envelope, "data"));
    ae_format_is(&b, "{\"n\":[1]}");
    b.len = 0;
    ae_json_write(&b, ae_value_get(envelope, "event"));
    ae_format_is(&b, "\"after\"");
    b.len = 0;
    ae_json_write(&b, ae_value_get(envelope, "ID"));
    ae_format_is(&b, "\"" ID "\"");
    ae_buf_free(&b);

    ev.name = ae_str("Mine");
    envelope = ae_envelope(arena, &ev, 0);
    assert_int_equal(ae_envelope_open(arena, envelope, &ev), AE_OK);
    assert_null(ae_value_get(envelope, "data"));

    ae_arena_destroy(arena);
}


static void
test_cut(void **state)
{
    size_t       size;
    ae_event_t   ev;
    ae_arena_t  *arena;
    const char  *meta;

    (void) state;

    meta = "{\"event\":\"after\",\"data\":{\"id\":7,\"text\":\"0123456789\"},"
           "\"previous\":{\"id\":7,\"text\":\"0123456789012345678901234\"}}";

    arena = ae_arena_create(0);

    object_event(&ev, "app.updated", meta);
    size = ae_event_size(&ev);

    assert_int_equal(ae_event_cut(arena, &ev, size - 1), AE_OK);
    assert_true(ae_event_size(&ev) < size);
    assert_int_equal(ev.meta.len, strlen("{\"event\":\"after\",\"data\":"
                                         "{\"id\":7,\"text\":\"0123456789\"},"
                                         "\"cut\":true}"));

    size = ae_event_size(&ev);
    object_event(&ev, "app.updated", meta);
    assert_int_equal(ae_event_cut(arena, &ev, size - 1), AE_OK);
    assert_memory_equal(ev.meta.data, "{\"event\":\"after\",\"data\":{\"id\":"
                                      "7},\"cut\":true}", ev.meta.len);

    assert_int_equal(ae_event_cut(arena, &ev, 100), AE_DECLINED);

    object_event(&ev, "Mine", meta);
    assert_int_equal(ae_event_cut(arena, &ev, size), AE_DECLINED);
    assert_int_equal(ev.meta.len, strlen(meta));

    object_event(&ev, "app.updated", "[1]");
    assert_int_equal(ae_event_cut(arena, &ev, size), AE_DECLINED);

    ae_arena_destroy(arena);
}


static void
test_memory(void **state)
{
    int          rc;
    long         n;
    ae_buf_t     b;
    ae_event_t   ev;
    ae_arena_t  *arena;

    (void) state;

    object_event(&ev, "app.updated", "{\"data\":" DATA ",\"user\":" USER "}");

    for (n = 1; n < 100; n++) {
        arena = ae_arena_create(0);
        ae_buf_init(&b, 65536);

        ae_fail_at = n;
        rc = ae_format_body(&b, AE_FORMAT_CALLBACK, arena, &ev, 0,
                            ae_str(""));
        ae_fail_at = 0;

        ae_buf_free(&b);
        ae_arena_destroy(arena);

        if (rc == AE_OK) {
            break;
        }
    }

    assert_true(n > 1 && n < 100);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_portal),
        cmocka_unit_test(test_callback),
        cmocka_unit_test(test_other),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
