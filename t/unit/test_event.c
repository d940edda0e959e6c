/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event_help.h"
#include "json_help.h"
#include "random.h"


/* the record of an event whose only string is the path "/a" */

static const unsigned char  golden[] =
    "\x02\x03\x02\x00\x05"
    "\x08\x07\x06\x05\x04\x03\x02\x01"
    "\x2a\x00\x00\x00\x00\x00\x00\x00"
    "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
    "\x03\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
    "\x05\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x02/a\x00\x00\x00\x00\x00\x00\x00";

#define GOLDEN_HEAD    69
#define GOLDEN_LEN     (sizeof(golden) - 1)


/* bytes in a block of their own, so that a sanitizer sees its end */

static ae_str_t
own(const unsigned char *p, size_t len)
{
    ae_str_t  s;

    s.len = len;
    s.data = malloc(len);
    memcpy(s.data, p, len);

    return s;
}


static int
decode(const unsigned char *p, size_t len)
{
    int         rc;
    ae_str_t    s;
    ae_event_t  ev;

    s = own(p, len);
    rc = ae_event_decode(&ev, s);
    free(s.data);

    return rc;
}


/* ---- names ---- */

static void
test_names(void **state)
{
    unsigned  i, j;

    static const struct {
        unsigned     type;
        const char  *name;
    } names[] = {
        { AE_QUOTA_EXCEEDED, "QuotaExceeded" },
        { AE_RATELIMIT_EXCEEDED, "RatelimitExceeded" },
        { AE_AUTH_FAILURE, "AuthFailure" },
        { AE_KEY_EXPIRED, "KeyExpired" },
        { AE_VERSION_FAILURE, "VersionFailure" },
        { AE_ORG_QUOTA_EXCEEDED, "OrgQuotaExceeded" },
        { AE_ORG_RATE_LIMIT_EXCEEDED, "OrgRateLimitExceeded" },
        { AE_TRIGGER_EXCEEDED, "TriggerExceeded" },
        { AE_BREAKER_TRIPPED, "BreakerTripped" },
        { AE_BREAKER_RESET, "BreakerReset" },
        { AE_BREAKER_TRIGGERED, "BreakerTriggered" },
        { AE_HOST_DOWN, "HostDown" },
        { AE_HOST_UP, "HostUp" },
        { AE_TOKEN_CREATED, "TokenCreated" },
        { AE_TOKEN_UPDATED, "TokenUpdated" },
        { AE_TOKEN_DELETED, "TokenDeleted" },
        { AE_ENDPOINT_DISABLED, "EndpointDisabled" },
        { AE_ENDPOINT_RECOVERED, "EndpointRecovered" },
        { AE_DELIVERY_DEAD, "DeliveryDead" },
        { AE_EVENTS_DROPPED, "EventsDropped" },
        { AE_STORE_DOWN, "StoreDown" },
        { AE_STORE_UP, "StoreUp" },
        { AE_LIMITER_OVERFLOW, "LimiterOverflow" }
    };

    (void) state;

    assert_int_equal(sizeof(names) / sizeof(names[0]), AE_EVENT_MAX - 1);

    for (i = 0; i < AE_EVENT_MAX - 1; i++) {
        j = names[i].type;

        assert_int_equal(ae_event_type(ae_s(names[i].name)), j);
        assert_int_equal(ae_event_names[j].len, strlen(names[i].name));
        assert_memory_equal(ae_event_names[j].data, names[i].name,
                            ae_event_names[j].len);
    }

    assert_int_equal(ae_event_type(ae_s("")), AE_EVENT_CUSTOM);
    assert_int_equal(ae_event_type(ae_s("RateLimitExceeded")),
                     AE_EVENT_CUSTOM);
    assert_int_equal(ae_event_type(ae_s("HostUpp")), AE_EVENT_CUSTOM);
}


static void
test_name_of_event(void **state)
{
    ae_event_t  ev;

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.name = ae_s("mine");
    assert_memory_equal(ae_event_name(&ev).data, "mine", 4);

    ev.type = AE_KEY_EXPIRED;
    assert_memory_equal(ae_event_name(&ev).data, "KeyExpired", 10);

    ev.type = AE_EVENT_MAX;
    assert_memory_equal(ae_event_name(&ev).data, "mine", 4);
}


static void
test_known(void **state)
{
    size_t  i;

    static const char  *good[] = {
        "*", "QuotaExceeded", "RatelimitExceeded", "LimiterOverflow",
        "api_event.created", "api_event.updated", "api_event.deleted",
        "key_event.created", "key_request_event.submitted",
        "key_request_event.approved", "key_request_event.declined",
        "key_request_event.updated", "app.created", "api.deleted",
        "access-token.created", "developer.updated", "plan.deleted",
        "system-config.updated"
    };

    static const char  *bad[] = {
        "", "**", "quotaexceeded", "RateLimitExceeded", "QuotaExceeded ",
        "api_event", "api_event.", "api_event.submitted", "app.", ".created",
        "app.create", "app.createdx", "app.created updated", "App.created",
        "app created", "apps.created", "key_event.approved", "mine",
        "app..created"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!ae_event_known(ae_s(good[i]))) {
            fail_msg("unknown: %s", good[i]);
        }
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ae_event_known(ae_s(bad[i]))) {
            fail_msg("known: %s", bad[i]);
        }
    }
}


static void
test_class(void **state)
{
    ae_str_t  family, action;

    (void) state;

    assert_int_equal(ae_event_class(ae_str("key_request_event.submitted"),
                                    &family, &action), AE_EVENT_PORTAL);
    assert_int_equal(family.len, 17);
    assert_memory_equal(action.data, "submitted", action.len);

    assert_int_equal(ae_event_class(ae_str("api.created"), &family, &action),
                     AE_EVENT_OBJECT);
    assert_int_equal(family.len, 3);
    assert_memory_equal(action.data, "created", action.len);

    assert_int_equal(ae_event_class(ae_str("api.submitted"), &family,
                                    &action), AE_EVENT_OTHER);
    assert_int_equal(ae_event_class(ae_str("api."), &family, &action),
                     AE_EVENT_OTHER);
    assert_int_equal(ae_event_class(ae_str("QuotaExceeded"), &family,
                                    &action), AE_EVENT_OTHER);
    assert_int_equal(ae_event_class(ae_str(""), &family, &action),
                     AE_EVENT_OTHER);
}


static void
test_patterns(void **state)
{
    (void) state;

    assert_true(ae_event_pattern(ae_str("app.created")));
    assert_true(ae_event_pattern(ae_str("app.*")));
    assert_true(ae_event_pattern(ae_str("key_request_event.*")));
    assert_true(ae_event_pattern(ae_str("*")));
    assert_true(ae_event_pattern(ae_str("QuotaExceeded")));

    assert_false(ae_event_pattern(ae_str("")));
    assert_false(ae_event_pattern(ae_str("app.**")));
    assert_false(ae_event_pattern(ae_str("app.c*")));
    assert_false(ae_event_pattern(ae_str("Quota*")));
    assert_false(ae_event_pattern(ae_str("apps.*")));

    assert_true(ae_event_matches(ae_str("app.*"), ae_str("app.created")));
    assert_true(ae_event_matches(ae_str("*"), ae_str("x")));
    assert_true(ae_event_matches(ae_str("*"), ae_str("")));
    assert_true(ae_event_matches(ae_str("app.created"),
                                 ae_str("app.created")));

    assert_false(ae_event_matches(ae_str("api.*"), ae_str("app.created")));
    assert_false(ae_event_matches(ae_str("api.*"),
                                  ae_str("api_event.created")));
    assert_false(ae_event_matches(ae_str("app.created"),
                                  ae_str("app.create")));
    assert_false(ae_event_matches(ae_str("app.*"), ae_str("app")));
    assert_false(ae_event_matches(ae_str(""), ae_str("app")));
}


/* ---- record ---- */

static void
test_record_bytes(void **state)
{
    ae_event_t     ev, back;
    unsigned char  bytes[GOLDEN_LEN];

    (void) state;

    memset(&ev, 0, sizeof(ae_event_t));
    ev.id = (ae_id_t) { { 1, 2 } };
    ev.key_id = (ae_id_t) { { 3, 4 } };
    ev.route = (ae_id_t) { { 5, 6 } };
    ev.time = 0x0102030405060708;
    ev.sequence = 42;
    ev.type = AE_RATELIMIT_EXCEEDED;
    ev.depth = 5;
    ev.dry_run = 1;
    ev.request_cut = 1;
    ev.path = ae_s("/a");

    /* records outlive the binary that wrote them: a change is a new format */

    assert_int_equal(ae_event_size(&ev), GOLDEN_LEN);
    ae_event_encode(&ev, bytes);
    assert_memory_equal(bytes, golden, GOLDEN_LEN);

    assert_int_equal(ae_event_decode(&back, (ae_str_t) { GOLDEN_LEN, bytes }),
                     AE_OK);
    assert_int_equal(back.path.len, 2);
    assert_ptr_equal(back.path.data, bytes + GOLDEN_HEAD + 5);
}


static void
test_record_round_trip(void **state)
{
    long        i, n;
    ae_str_t    s;
    ae_event_t  ev, back;

    (void) state;

    n = ae_steps(5000);

    for (i = 0; i < n; i++) {
        ae_event_random(&ev, (i % 100 == 0) ? 70000 : 300, 0);

        s.len = ae_event_size(&ev);
        s.data = malloc(s.len);
        ae_event_encode(&ev, s.data);

        assert_int_equal(ae_event_decode(&back, s), AE_OK);
        assert_true(ae_event_equal(&ev, &back));

        free(s.data);
        ae_event_free(&ev);
    }
}


static void
test_record_lengths(void **state)
{
    size_t          i;
    ae_str_t        s;
    ae_event_t      ev, back;
    unsigned char  *text;

    static const size_t  lens[] = {
        0, 1, 126, 127, 128, 129, 16383, 16384, 16385, 2097151, 2097152
    };

    (void) state;

    text = malloc(2097152);
    memset(text, 'x', 2097152);
    memset(&ev, 0, sizeof(ae_event_t));

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        ev.request.data = text;
        ev.request.len = lens[i];

        s.len = ae_event_size(&ev);
        s.data = malloc(s.len);
        ae_event_encode(&ev, s.data);

        assert_int_equal(ae_event_decode(&back, s), AE_OK);
        assert_int_equal(back.request.len, lens[i]);
        assert_int_equal(back.meta.len, 0);

        free(s.data);
    }

    free(text);
}


static void
test_record_refuses(void **state)
{
    size_t         i;
    unsigned char  bytes[GOLDEN_LEN + 16];

    (void) state;

    assert_int_equal(decode(golden, GOLDEN_LEN), AE_OK);

    for (i = 0; i < GOLDEN_LEN; i++) {
        assert_int_equal(decode(golden, i), AE_ERROR);
    }

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, golden, GOLDEN_LEN);
    assert_int_equal(decode(bytes, GOLDEN_LEN + 1), AE_ERROR);

    bytes[0] = 1;
    assert_int_equal(decode(bytes, GOLDEN_LEN), AE_ERROR);
    bytes[0] = 2;

    bytes[1] = 4;
    assert_int_equal(decode(bytes, GOLDEN_LEN), AE_ERROR);
    bytes[1] = 3;

    bytes[2] = AE_EVENT_MAX;
    assert_int_equal(decode(bytes, GOLDEN_LEN), AE_ERROR);
    bytes[2] = AE_EVENT_MAX - 1;
    assert_int_equal(decode(bytes, GOLDEN_LEN), AE_OK);
    bytes[3] = 1;
    assert_int_equal(decode(bytes, GOLDEN_LEN), AE_ERROR);
}


static void
test_record_refuses_lengths(void **state)
{
    size_t         i;
    unsigned char  bytes[GOLDEN_LEN + 16];

    static const struct {
        const char  *len;
        size_t       size;
    } lens[] = {
        { "\x80\x00", 2 },                  /* a longer 0 */
        { "\x82\x00", 2 },                  /* a longer 2 */
        { "\x7f", 1 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10 },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 13 }
    };

    (void) state;

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        memcpy(bytes, golden, GOLDEN_HEAD);
        memcpy(bytes + GOLDEN_HEAD, lens[i].len, lens[i].size);
        memcpy(bytes + GOLDEN_HEAD + lens[i].size, golden + GOLDEN_HEAD + 1,
               GOLDEN_LEN - GOLDEN_HEAD - 1);

        assert_int_equal(decode(bytes, GOLDEN_LEN - 1 + lens[i].size),
                         AE_ERROR);
    }
}


/* whatever decodes is the one encoding of an event, and lies within itself */

static void
check_bytes(ae_str_t s)
{
    unsigned         i;
    ae_event_t       ev;
    unsigned char   *again;
    const ae_str_t  *str;

    if (ae_event_decode(&ev, s) != AE_OK) {
        return;
    }

    for (i = 0; i < AE_EVENT_NSTR; i++) {
        str = ae_event_nstr(&ev, i);
        assert_true(str->data >= s.data);
        assert_true(str->data + str->len <= s.data + s.len);
    }

    assert_int_equal(ae_event_size(&ev), s.len);

    again = malloc(s.len);
    ae_event_encode(&ev, again);
    assert_memory_equal(again, s.data, s.len);
    free(again);
}


static void
test_record_mutations(void **state)
{
    long            i, n;
    size_t          len;
    ae_str_t        s;
    unsigned        edits;
    ae_event_t      ev;
    unsigned char  *p;

    (void) state;

    n = ae_steps(100000);

    for (i = 0; i < n; i++) {
        ae_event_random(&ev, 140, 0);
        len = ae_event_size(&ev);
        p = malloc(len);
        ae_event_encode(&ev, p);
        ae_event_free(&ev);

        for (edits = ae_random() % 4; edits > 0; edits--) {

            /* the head and the lengths are where it hurts */

            p[ae_random() % ((ae_random() & 1) ? len : 80)] ^=
                                        (unsigned char) (1 << ae_random() % 8);
        }

        s = own(p, (ae_random() % 4 == 0) ? ae_random() % (len + 1) : len);
        check_bytes(s);

        free(s.data);
        free(p);
    }
}


static void
test_record_noise(void **state)
{
    long      i, n;
    ae_str_t  s;

    (void) state;

    n = ae_steps(100000);

    for (i = 0; i < n; i++) {
        s = ae_random_str(200, 0);

        if (s.len > 5) {
            memcpy(s.data, golden, 5);
        }

        check_bytes(s);
        free(s.data);
    }
}


/* ---- identity ---- */

static const unsigned char  key[] = "0123456789abcdef";


static int
same(const ae_event_t *a, const ae_event_t *b, ae_id_t endpoint)
{
    return ae_id_equal(ae_event_identity(key, a, (ae_id_t) { { 1, 2 } }),
                       ae_event_identity(key, b, endpoint));
}


static void
sample(ae_event_t *ev)
{
    memset(ev, 0, sizeof(ae_event_t));

    ev->id.h[0] = 1;
    ev->key_id.h[0] = 7;
    ev->time = 5;
    ev->sequence = 6;
    ev->type = AE_AUTH_FAILURE;
    ev->name = ae_s("name");
    ev->api = ae_s("api");
    ev->org = ae_s("org");
    ev->message = ae_s("message");
    ev->path = ae_s("/path");
    ev->origin = ae_s("1.1.1.1:80");
    ev->key = ae_s("key");
    ev->alias = ae_s("alias");
    ev->reason = ae_s("reason");
    ev->request = ae_s("GET /");
    ev->meta = ae_s("{}");
}


static void
test_identity_ignores(void **state)
{
    ae_event_t  a, b;

    (void) state;

    sample(&a);
    b = a;

    b.id.h[0] = 99;
    b.time = 99;
    b.sequence = 99;
    b.depth = 3;
    b.origin = ae_s("1.1.1.1:81");
    b.key = ae_s("****");
    b.alias = ae_s("other");
    b.message = ae_s("other");
    b.request = ae_s("POST /");
    b.meta = ae_s("");
    b.name = ae_s("not custom, so this is no name");

    assert_true(same(&a, &b, (ae_id_t) { { 1, 2 } }));
}


static void
test_identity_tells_apart(void **state)
{
    ae_id_t     end;
    ae_event_t  a, b;

    (void) state;

    sample(&a);
    end = (ae_id_t) { { 1, 2 } };

    b = a;
    assert_true(same(&a, &b, end));
    assert_false(same(&a, &b, (ae_id_t) { { 1, 3 } }));

    b.type = AE_KEY_EXPIRED;
    assert_false(same(&a, &b, end));

    b = a;
    b.api = ae_s("apj");
    assert_false(same(&a, &b, end));

    b = a;
    b.key_id.h[1] = 1;
    assert_false(same(&a, &b, end));

    b = a;
    b.path = ae_s("/path/");
    assert_false(same(&a, &b, end));

    b = a;
    b.reason = ae_s("");
    assert_false(same(&a, &b, end));

    a.type = AE_EVENT_CUSTOM;
    b = a;
    b.name = ae_s("nome");
    assert_false(same(&a, &b, end));

    assert_false(ae_id_equal(ae_event_identity(key, &a, end),
                 ae_event_identity((unsigned char *) "0123456789abcdeg", &a,
                                   end)));
}


/* what moves over the border of two parts is another identity */

static void
test_identity_parts(void **state)
{
    ae_event_t  a, b;

    (void) state;

    sample(&a);
    a.type = AE_EVENT_CUSTOM;

    a.path = ae_s("/pathr");
    b = a;
    a.reason = ae_s("eason");
    b.path = ae_s("/path");
    b.reason = ae_s("reason");
    assert_false(same(&a, &b, (ae_id_t) { { 1, 2 } }));

    a = b;
    b.name = ae_s("namea");
    b.api = ae_s("pi");
    assert_false(same(&a, &b, (ae_id_t) { { 1, 2 } }));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_name_of_event),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_class),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_record_bytes),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_lengths),
        cmocka_unit_test(test_record_refuses),
        cmocka_unit_test(test_record_refuses_lengths),
        cmocka_unit_test(test_record_mutations),
        cmocka_unit_test(test_record_noise),
        cmocka_unit_test(test_identity_ignores),
        cmocka_unit_test(test_identity_tells_apart),
        cmocka_unit_test(test_identity_parts)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
