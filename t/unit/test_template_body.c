/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The templates of the tree, over envelopes of every event.  They are read
 * from the tree, the root of which the test runs in.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_help.h"
#include "template_help.h"


typedef struct {
    const char              *event;
    const char              *meta;
    const char              *body;
} body_t;


static ae_str_t
file(const char *name)
{
    FILE      *f;
    ae_str_t   s;

    f = fopen(name, "r");
    if (f == NULL) {
        fail_msg("%s cannot be read: the test runs in the tree's root", name);
    }

    s.data = malloc(65536);
    s.len = fread(s.data, 1, 65536, f);

    fclose(f);

    return s;
}


static void
check_body(const char *name, const char *event, const char *meta,
    const char *body)
{
    int           n;
    char          data[2048];
    ae_str_t      text;
    ae_error_t    err;
    ae_arena_t   *arena;

    n = snprintf(data, sizeof(data),
                 "{\"EventType\":\"%s\",\"EventMetaData\":%s,"
                 "\"TimeStamp\":\"2024-01-01 23:59:59.1 +0000 UTC\","
                 "\"Type\":\"%s\",\"Meta\":%s,\"ID\":\"evt_1\","
                 "\"APIID\":\"api\",\"OrgID\":\"org\"}",
                 event, meta, event, meta);
    assert_in_range(n, 1, sizeof(data) - 1);

    arena = ae_arena_create(0);
    assert_non_null(ae_parse(arena, ae_s(body), &err));
    ae_arena_destroy(arena);

    text = file(name);
    ae_check_render(text, ae_s(data), AE_ESCAPE_JSON, ae_s(body));
    free(text.data);
}


#define FAILURE                                                               \
    "{\"Message\":\"m\",\"Path\":\"/p\",\"Origin\":\"1.2.3.4\",\"Key\":\"k\","\
    "\"KeyID\":\"id\",\"Reason\":\"r\",\"OriginatingRequest\":\"R0VU\"}"

#define HOST                                                                  \
    "{\"Message\":\"m\",\"HostInfo\":{\"CheckURL\":\"http://h/\","            \
    "\"ResponseCode\":503,\"IsTCPError\":false,\"MetaData\":"                 \
    "{\"target_url\":\"http://h/\",\"api_id\":\"a\",\"host_name\":\"h\"}}}"

#define TRIGGER                                                               \
    "{\"Message\":\"m\",\"OrgID\":\"o\",\"Org\":\"o\",\"org_id\":\"o\","      \
    "\"Key\":\"k\",\"TriggerLimit\":80,\"UsagePercentage\":81}"


static const body_t  bodies[] = {
    { "HostDown", HOST,
      "{\n    \"event\": \"HostDown\",\n    \"message\": \"m\",\n"
      "    \"url\": \"http://h/\",\n    \"response_code\": \"503\",\n"
      "    \"tcp_error\": \"false\",\n    \"host\": \"h\",\n"
      "    \"api_id\": \"a\"\n}" },

    { "HostUp", "{\"Message\":\"m\"}",
      "{\n    \"event\": \"HostUp\",\n    \"message\": \"m\",\n"
      "    \"url\": \"\",\n    \"response_code\": \"\",\n"
      "    \"tcp_error\": \"\",\n    \"host\": \"\",\n"
      "    \"api_id\": \"api\"\n}" },

    { "TriggerExceeded", TRIGGER,
      "{\n    \"event\": \"TriggerExceeded\",\n    \"message\": \"m\",\n"
      "    \"org\": \"o\",\n    \"key\": \"k\",\n"
      "    \"trigger_limit\": \"80\"\n}" },

    { "TriggerExceeded",
      "{\"Message\":\"m\",\"key\":\"\",\"trigger_limit\":80}",
      "{\n    \"event\": \"TriggerExceeded\",\n    \"message\": \"m\",\n"
      "    \"org\": \"org\",\n    \"key\": \"\",\n"
      "    \"trigger_limit\": \"80\"\n}" },

    { "BreakerTriggered",
      "{\"Message\":\"m\",\"Path\":\"/p\",\"APIID\":\"a\","
      "\"CircuitEvent\":0}",
      "{\n    \"event\": \"BreakerTriggered\",\n    \"message\": \"m\",\n"
      "    \"api_id\": \"a\",\n    \"path\": \"/p\",\n"
      "    \"Status\": \"0\"\n}" },

    { "BreakerTripped", "{\"Message\":\"m\",\"Path\":\"/p\"}",
      "{\n    \"event\": \"BreakerTripped\",\n    \"message\": \"m\",\n"
      "    \"api_id\": \"api\",\n    \"path\": \"/p\"\n}" },

    { "UpstreamOAuthError", "{\"Message\":\"m\",\"APIID\":\"a\"}",
      "{\n    \"event\": \"UpstreamOAuthError\",\n    \"message\": \"m\",\n"
      "    \"api_id\": \"a\"\n}" },

    { "CertificateExpiringSoon",
      "{\"Message\":\"m\",\"cert_id\":\"i\",\"cert_name\":\"n\","
      "\"expires_at\":\"2024-02-03T04:05:06.7Z\",\"days_remaining\":0,"
      "\"cert_role\":\"client\"}",
      "{\n    \"event\": \"CertificateExpiringSoon\",\n"
      "    \"message\": \"m\",\n    \"cert_id\": \"i\",\n"
      "    \"cert_name\": \"n\",\n"
      "    \"expires_at\": \"2024-02-03T04:05:06Z\",\n"
      "    \"days_remaining\": 0,\n    \"cert_role\": \"client\",\n"
      "    \"timestamp\": \"2024-01-01T23:59:59Z\"\n}" },

    { "CertificateExpired",
      "{\"Message\":\"m\",\"CertID\":\"i\",\"CertName\":\"n\","
      "\"ExpiredAt\":\"then\",\"DaysSinceExpiry\":7,\"APIID\":\"a\"}",
      "{\n    \"event\": \"CertificateExpired\",\n    \"message\": \"m\",\n"
      "    \"cert_id\": \"i\",\n    \"cert_name\": \"n\",\n"
      "    \"expired_at\": \"then\",\n    \"days_since_expiry\": 7,\n"
      "    \"cert_role\": \"\",\n    \"api_id\": \"a\",\n"
      "    \"timestamp\": \"2024-01-01T23:59:59Z\"\n}" },

    { "TokenCreated", "{\"Message\":\"m\",\"Org\":\"o\",\"Key\":\"k\"}",
      "{\n    \"event\": \"TokenCreated\",\n    \"message\": \"m\",\n"
      "    \"org\": \"o\",\n    \"key\": \"k\"\n}" },

    { "shop.closed", "{\"Message\":{\"why\":\"\\\"late\\\"\"}}",
      "{\n    \"event\": \"shop.closed\",\n"
      "    \"message\": \"map[why:\\\"late\\\"]\",\n"
      "    \"org\": \"org\",\n    \"key\": \"\"\n}" },

    { "StoreDown", "{}",
      "{\n    \"event\": \"StoreDown\",\n    \"message\": \"\",\n"
      "    \"org\": \"org\",\n    \"key\": \"\"\n}" },

    { NULL, NULL, NULL }
};


static void
test_default_webhook(void **state)
{
    const body_t  *b;

    (void) state;

    for (b = bodies; b->event != NULL; b++) {
        check_body("templates/default_webhook.json", b->event, b->meta,
                   b->body);
    }
}


static void
test_default_webhook_of_failures(void **state)
{
    char    body[512];
    size_t  i;

    static const char *const  events[] = {
        "QuotaExceeded", "RatelimitExceeded", "AuthFailure", "KeyExpired",
        "VersionFailure", "OrgQuotaExceeded", "OrgRateLimitExceeded",
        "RateLimitSmoothingUp", "RateLimitSmoothingDown"
    };

    (void) state;

    for (i = 0; i < sizeof(events) / sizeof(char *); i++) {
        (void) snprintf(body, sizeof(body),
                        "{\n    \"event\": \"%s\",\n    \"message\": \"m\",\n"
                        "    \"path\": \"/p\",\n    \"origin\": \"1.2.3.4\","
                        "\n    \"key\": \"k\"\n}", events[i]);

        check_body("templates/default_webhook.json", events[i], FAILURE,
                   body);
    }
}


static void
test_other_bodies(void **state)
{
    (void) state;

    check_body("templates/breaker_webhook.json", "BreakerReset",
               "{\"Message\":\"m\",\"Path\":\"/p\",\"CircuitEvent\":1}",
               "{\n    \"event\": \"BreakerReset\",\n    \"message\": \"m\",\n"
               "    \"api_id\": \"api\",\n    \"path\": \"/p\",\n"
               "    \"Status\": \"1\"\n}");

    check_body("templates/monitor_template.json", "TriggerExceeded", TRIGGER,
               "{\n    \"event\": \"TriggerExceeded\",\n"
               "    \"message\": \"m\",\n    \"org\": \"o\",\n"
               "    \"key\": \"k\",\n    \"trigger_limit\": \"80\"\n}");
}


/* the request is costly to keep, so no body of the tree may want it */

static void
test_request_is_not_used(void **state)
{
    size_t          i;
    ae_str_t        text;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_template_t  *t;

    static const char *const  names[] = {
        "templates/default_webhook.json", "templates/breaker_webhook.json",
        "templates/monitor_template.json"
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(char *); i++) {
        arena = ae_arena_create(0);
        text = file(names[i]);

        t = ae_template_parse(arena, text, AE_ESCAPE_JSON, &err);
        assert_non_null(t);
        assert_false(ae_template_uses(t, "OriginatingRequest"));
        assert_true(ae_template_uses(t, "Message"));

        free(text.data);
        ae_arena_destroy(arena);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_default_webhook),
        cmocka_unit_test(test_default_webhook_of_failures),
        cmocka_unit_test(test_other_bodies),
        cmocka_unit_test(test_request_is_not_used)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
