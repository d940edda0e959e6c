/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A credential does not get into what is kept of an event.
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/core.h"
#include "event_help.h"
#include "fail_alloc.h"


#define KEY    "abc/def\"ghi jkl\\1234"
#define STARS  "********************"


typedef struct {
    const char  *text;
    const char  *clean;
} clean_t;


static ae_str_t
str(const char *s)
{
    return (ae_str_t) { strlen(s), (unsigned char *) s };
}


/* the event as it is read back from what is kept */

static ae_event_t
clean(ae_arena_t *arena, const ae_event_t *ev)
{
    ae_str_t    record;
    ae_event_t  back;

    record = ae_event_clean(ev, arena);
    assert_non_null(record.data);
    assert_int_equal(ae_event_decode(&back, record), AE_OK);

    return back;
}


static void
assert_str(ae_str_t s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.data, text, s.len);
}


static void
test_mask(void **state)
{
    size_t         n;
    unsigned char  buf[AE_MASK_LEN];

    (void) state;

    n = ae_mask(buf, str("0123456789abcdef"));
    assert_str((ae_str_t) { n, buf }, "****cdef");

    n = ae_mask(buf, str("0123456789abcde"));
    assert_str((ae_str_t) { n, buf }, "****");

    n = ae_mask(buf, str(""));
    assert_str((ae_str_t) { n, buf }, "****");
}


static void
test_texts(void **state)
{
    size_t           i;
    ae_arena_t      *arena;
    ae_event_t       ev, back;
    static clean_t   texts[] = {
        { "", "" },
        { "nothing", "nothing" },
        { KEY, "****1234" },
        { "x" KEY "y" KEY, "x****1234y****1234" },
        { "/a?k=abc%2Fdef%22ghi%20jkl%5C1234&b", "/a?k=****1234&b" },
        { "/a?k=abc%2fdef%22ghi+jkl%5c1234", "/a?k=****1234" },
        { "/a?k=%61%62%63/def%22ghi+jkl%5C1234", "/a?k=****1234" },
        { "{\"k\":\"abc\\/def\\\"ghi jkl\\\\1234\"}", "{\"k\":\"****1234\"}" },
        { "\\u0061bc/def\\u0022ghi\\u0020jkl\\u005c1234", "****1234" },
        { "abc/def\"ghi jkl\\123", "abc/def\"ghi jkl\\123" },
        { "abc/def\"ghi jkl\\1235", "abc/def\"ghi jkl\\1235" },
        { "abc%2", "abc%2" },
        { "abc\\", "abc\\" },
        { "abc\\u002", "abc\\u002" },
        { "abcabc/def\"ghi jkl\\1234", "abc****1234" }
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        arena = ae_arena_create(0);
        memset(&ev, 0, sizeof(ae_event_t));

        ev.type = AE_AUTH_FAILURE;
        ev.key = str(KEY);
        ev.secret = str(KEY);
        ev.api = str("api");
        ev.message = ev.path = ev.origin = ev.alias = ev.reason = ev.request
                   = ev.meta = str(texts[i].text);

        back = clean(arena, &ev);

        assert_str(back.key, "****1234");
        assert_str(back.api, "api");
        assert_str(back.message, texts[i].clean);
        assert_str(back.path, texts[i].clean);
        assert_str(back.origin, texts[i].clean);
        assert_str(back.alias, texts[i].clean);
        assert_str(back.reason, texts[i].clean);
        assert_str(back.request, texts[i].clean);
        assert_str(back.meta, texts[i].clean);
        assert_int_equal(back.secret.len, 0);

        ae_arena_destroy(arena);
    }
}


static void
test_in_place(void **state)
{
    size_t         i;
    unsigned char  text[64];
    static clean_t texts[] = {
        { "", "" },
        { "nothing", "nothing" },
        { "x" KEY "y" KEY, "x" STARS "y" STARS },
        { "abc%2Fdef%22ghi+jkl%5c1234&b", STARS "******&b" },
        { "abc/def\"ghi jkl\\123", "abc/def\"ghi jkl\\123" },
        { "abcabc/def\"ghi jkl\\1234", "abc" STARS },
        { "abc%2", "abc%2" }
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        memcpy(text, texts[i].text, strlen(texts[i].text));
        ae_star_out(text, strlen(texts[i].text), str(KEY));
        assert_int_equal(strlen(texts[i].text), strlen(texts[i].clean));
        assert_memory_equal(text, texts[i].clean, strlen(texts[i].clean));
    }

    ae_star_out(text, 5, str(""));
    assert_memory_equal(text, "abc%2", 5);
}


/* what has no secret stays as it is */

static void
test_stays(void **state)
{
    int          i;
    ae_arena_t  *arena;
    ae_event_t   ev, back;

    (void) state;

    for (i = 0; i < 100; i++) {
        arena = ae_arena_create(0);
        ae_event_random(&ev, 300, 0);

        ev.secret.len = 0;
        back = clean(arena, &ev);
        assert_true(ae_event_equal(&ev, &back));

        ae_arena_destroy(arena);
        ae_event_free(&ev);
    }
}


static void
test_memory(void **state)
{
    long         i;
    ae_str_t     record;
    ae_arena_t  *arena;
    ae_event_t   ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));

    ev.key = ev.secret = str(KEY);
    ev.path = ev.request = str(KEY KEY KEY);

    for (i = 16; i < 1024; i += 16) {
        arena = ae_arena_create(i);

        if (arena == NULL) {
            continue;
        }

        record = ae_event_clean(&ev, arena);

        if (record.data != NULL) {
            assert_null(memmem(record.data, record.len, KEY, strlen(KEY)));
        }

        ae_arena_destroy(arena);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_stays),
        cmocka_unit_test(test_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
