/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "json_help.h"


#define AE_TEST_POLICIES                                                      \
    "{'gold': {'rate': 100, 'per': 10, 'quota_max': 50,"                      \
    "  'quota_renewal_rate': 60, 'tags': ['g', 's'],"                         \
    "  'meta_data': {'plan': 'gold', 'g': 1},"                                \
    "  'access_rights': {'a': {'versions': ['v1'], 'api_name': 'A',"          \
    "    'allowed_urls': [{'url': '^/x', 'methods': ['GET']}]}}},"            \
    " 'silver': {'rate': 5, 'per': 1, 'quota_max': 70,"                       \
    "  'quota_renewal_rate': 30, 'tags': ['s'],"                              \
    "  'meta_data': {'plan': 'silver'},"                                      \
    "  'access_rights': {'a': {'versions': ['v2', 'v1'],"                     \
    "    'allowed_urls': [{'url': '^/x', 'methods': ['PUT', 'GET']},"         \
    "      {'url': '^/y', 'methods': ['GET']}]}, 'b': {}}},"                  \
    " 'free': {'rate': -1, 'quota_max': -1, 'access_rights':"                 \
    "  {'a': {}}},"                                                           \
    " 'off': {'is_inactive': true, 'access_rights': {'a': {}},"               \
    "  'key_expires_in': 60},"                                                \
    " 'passive': {'active': false, 'access_rights': {'a': {}},"               \
    "  'key_expires_in': 90},"                                                \
    " 'rate': {'partitions': {'rate_limit': true}, 'rate': 7,"                \
    "  'per': 1, 'quota_max': 1, 'access_rights': {'a': {}}},"                \
    " 'acl': {'partitions': {'acl': true}, 'rate': 1, 'per': 1,"              \
    "  'access_rights': {'a': {'endpoints': [{'path': 'p',"                   \
    "   'methods': [{'name': 'GET'}]}]}, 'c': {}}},"                          \
    " 'root': {'rate': 3, 'per': 1, 'quota_max': 4},"                         \
    " 'each': {'partitions': {'per_api': true}, 'rate': 9,"                   \
    "  'per': 1, 'quota_max': 9, 'access_rights':"                            \
    "  {'a': {'limit': {'rate': 2, 'per': 1}}, 'b': {}, 'c': {}}},"           \
    " 'each2': {'partitions': {'per_api': true}, 'rate': 4,"                  \
    "  'per': 1, 'quota_max': -1, 'quota_renewal_rate': 5,"                   \
    "  'access_rights': {'a': {}}},"                                          \
    " 'mixed': {'partitions': {'per_api': true, 'acl': true}},"               \
    " 'other': {'org_id': 'other', 'access_rights': {'a': {}}},"              \
    " 'e1': {'access_rights': {'a': {'endpoints': ["                          \
    "  {'path': 'p', 'methods': [{'name': 'GET',"                             \
    "   'limit': {'rate': 1, 'per': 1}}, {'name': 'PUT',"                     \
    "   'limit': {'rate': 5, 'per': 1}}]}]}}},"                               \
    " 'e2': {'access_rights': {'a': {'endpoints': ["                          \
    "  {'path': 'p', 'methods': [{'name': 'GET',"                             \
    "   'limit': {'rate': 20, 'per': 10}}, {'name': 'PUT',"                   \
    "   'limit': {'rate': 50, 'per': 10}}]}, {'path': 'q',"                   \
    "  'methods': [{'name': 'GET'}]}]}}}}"


/* with quotes where there are apostrophes, which are easier to read here */

static ae_str_t
quoted(ae_arena_t *arena, const char *text)
{
    size_t    i;
    ae_str_t  s;

    s = ae_arena_dup(arena, ae_s(text));
    assert_non_null(s.data);

    for (i = 0; i < s.len; i++) {
        if (s.data[i] == '\'') {
            s.data[i] = '"';
        }
    }

    return s;
}


static ae_policies_t *
create(ae_arena_t *arena, const char *text, ae_error_t *err)
{
    ae_value_t  *document;

    document = ae_parse(arena, quoted(arena, text), err);
    assert_non_null(document);

    memset(err, 0, sizeof(ae_error_t));

    return ae_policies_create(arena, document, err);
}


/* expected: the merged document, or an error's text without braces */

static ae_merged_t
check_apply(const char *session, const char *expected)
{
    ae_buf_t        b;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_value_t     *s, *e;
    ae_merged_t     merged;
    ae_policies_t  *p;

    arena = ae_arena_create(0);
    p = create(arena, AE_TEST_POLICIES, &err);
    assert_non_null(p);

    s = ae_parse(arena, quoted(arena, session), &err);
    assert_non_null(s);

    if (ae_policies_apply(arena, p, s, &merged, &err) != AE_OK) {
        assert_string_equal(err.text, (char *) quoted(arena, expected).data);
        ae_arena_destroy(arena);
        return merged;
    }

    e = ae_parse(arena, quoted(arena, expected), &err);
    assert_non_null(e);

    if (!ae_equal(merged.document, e)) {
        ae_buf_init(&b, 1 << 20);
        ae_json_write(&b, merged.document);
        fail_msg("%s became %.*s", session, (int) b.len, b.data);
    }

    ae_arena_destroy(arena);

    return merged;
}


static void
test_none(void **state)
{
    ae_merged_t  m;

    (void) state;

    m = check_apply("{'rate': 1}", "{'rate': 1}");
    assert_int_equal(m.granted, 0);

    check_apply("{'apply_policies': []}", "{'apply_policies': []}");
    check_apply("{'apply_policies': null, 'apply_policy_id': ''}",
                "{'apply_policies': null, 'apply_policy_id': ''}");
}


static void
test_one(void **state)
{
    ae_merged_t  m;

    (void) state;

    m = check_apply("{'rate': 1, 'per': 2, 'quota_max': 9999,"
                    " 'apply_policy_id': 'gold', 'alias': 'x',"
                    " 'access_rights': {'z': {}}}",
                    "{'apply_policy_id': 'gold', 'alias': 'x',"
                    " 'rate': 100, 'per': 10, 'quota_max': 50,"
                    " 'quota_renewal_rate': 60, 'tags': ['g', 's'],"
                    " 'meta_data': {'plan': 'gold', 'g': 1},"
                    " 'access_rights': {'a': {'api_name': 'A',"
                    " 'versions': ['v1'], 'allowed_urls': [{'url': '^/x',"
                    " 'methods': ['GET']}], 'limit': {'rate': 100,"
                    " 'per': 10, 'quota_max': 50,"
                    " 'quota_renewal_rate': 60}}}}");

    assert_int_equal(m.granted, 1);
    assert_int_equal(m.inactive, 0);
}


/* each has its highest, both APIs count by the policy that granted them */

static void
test_two(void **state)
{
    (void) state;

    check_apply("{'apply_policies': ['gold', 'silver'], 'tags': ['t'],"
                " 'meta_data': {'plan': 'none', 'own': true}}",
                "{'apply_policies': ['gold', 'silver'],"
                " 'rate': 100, 'per': 10, 'quota_max': 70,"
                " 'quota_renewal_rate': 60, 'tags': ['t', 'g', 's'],"
                " 'meta_data': {'plan': 'silver', 'own': true, 'g': 1},"
                " 'access_rights': {'a': {'api_name': 'A',"
                "  'versions': ['v1', 'v2'], 'allowed_urls':"
                "  [{'url': '^/x', 'methods': ['GET', 'PUT']},"
                "   {'url': '^/y', 'methods': ['GET']}],"
                "  'limit': {'rate': 100, 'per': 10, 'quota_max': 70,"
                "   'quota_renewal_rate': 60}},"
                "  'b': {'limit': {'rate': 5, 'per': 1,"
                "   'quota_max': 70, 'quota_renewal_rate': 30}}}}");
}


static void
test_two_grant(void **state)
{
    (void) state;

    check_apply("{'apply_policies': ['silver', 'gold']}",
                "{'apply_policies': ['silver', 'gold'],"
                " 'rate': 100, 'per': 10, 'quota_max': 70,"
                " 'quota_renewal_rate': 60, 'tags': ['s', 'g'],"
                " 'meta_data': {'plan': 'gold', 'g': 1},"
                " 'access_rights': {'a': {"
                "  'versions': ['v2', 'v1'], 'allowed_urls':"
                "  [{'url': '^/x', 'methods': ['PUT', 'GET']},"
                "   {'url': '^/y', 'methods': ['GET']}],"
                "  'allowance_scope': 'gold',"
                "  'limit': {'rate': 100, 'per': 10, 'quota_max': 70,"
                "   'quota_renewal_rate': 60}},"
                "  'b': {'allowance_scope': 'silver',"
                "   'limit': {'rate': 5, 'per': 1,"
                "   'quota_max': 70, 'quota_renewal_rate': 30}}}}");
}


static void
test_unlimited(void **state)
{
    (void) state;

    check_apply("{'apply_policies': ['root', 'free', 'rate']}",
                "{'apply_policies': ['root', 'free', 'rate'],"
                " 'rate': -1, 'quota_max': -1,"
                " 'access_rights': {'a': {'limit': {'rate': -1,"
                "  'quota_max': -1}}}}");
}


static void
test_partitions(void **state)
{
    (void) state;

    /* rate from one, rights of another, the quota is the session's own */

    check_apply("{'apply_policies': ['rate', 'acl'], 'quota_max': 6,"
                " 'rate': 1000}",
                "{'apply_policies': ['rate', 'acl'],"
                " 'rate': 7, 'per': 1, 'quota_max': 6, 'access_rights':"
                " {'a': {'limit': {'rate': 7, 'per': 1,"
                "  'quota_max': 6}},"
                "  'c': {'limit': {'rate': 7, 'per': 1,"
                "  'quota_max': 6}}}}");

    /* without rights they are the session's own */

    check_apply("{'apply_policies': ['rate'], 'quota_max': 6,"
                " 'access_rights': {'z': {}}}",
                "{'apply_policies': ['rate'], 'access_rights':"
                " {'z': {}}, 'rate': 7, 'per': 1, 'quota_max': 6}");

    check_apply("{'apply_policies': ['root'], 'rate': 6,"
                " 'access_rights': {'z': {}}}",
                "{'apply_policies': ['root'], 'access_rights':"
                " {'z': {}}, 'rate': 3, 'per': 1, 'quota_max': 4}");
}


static void
test_per_api(void **state)
{
    (void) state;

    check_apply("{'apply_policies': ['each'], 'rate': 1}",
                "{'apply_policies': ['each'], 'access_rights':"
                " {'a': {'allowance_scope': 'a',"
                "   'limit': {'rate': 2, 'per': 1}},"
                "  'b': {'allowance_scope': 'each',"
                "   'limit': {'rate': 9, 'per': 1, 'quota_max': 9}},"
                "  'c': {'allowance_scope': 'each',"
                "   'limit': {'rate': 9, 'per': 1, 'quota_max': 9}}}}");

    check_apply("{'apply_policies': ['each', 'each2']}",
                "{'apply_policies': ['each', 'each2'], 'access_rights':"
                " {'a': {'allowance_scope': 'each2',"
                "   'limit': {'rate': 4, 'per': 1, 'quota_max': -1}},"
                "  'b': {'allowance_scope': 'each',"
                "   'limit': {'rate': 9, 'per': 1, 'quota_max': 9}},"
                "  'c': {'allowance_scope': 'each',"
                "   'limit': {'rate': 9, 'per': 1, 'quota_max': 9}}}}");

    check_apply("{'apply_policies': ['each2', 'each'],"
                " 'access_rights': {}}",
                "{'apply_policies': ['each2', 'each'], 'access_rights':"
                " {'a': {'allowance_scope': 'each2',"
                "   'limit': {'rate': 4, 'per': 1, 'quota_max': -1}},"
                "  'b': {'allowance_scope': 'each',"
                "   'limit': {'rate': 9, 'per': 1, 'quota_max': 9}},"
                "  'c': {'allowance_scope': 'each',"
                "   'limit': {'rate': 9, 'per': 1, 'quota_max': 9}}}}");
}


static void
test_endpoints(void **state)
{
    (void) state;

    check_apply("{'apply_policies': ['e1', 'e2']}",
                "{'apply_policies': ['e1', 'e2'], 'access_rights':"
                " {'a': {'endpoints': ["
                "  {'path': 'p', 'methods': [{'name': 'GET',"
                "   'limit': {'rate': 20, 'per': 10}}, {'name': 'PUT',"
                "   'limit': {'rate': 50, 'per': 10}}]}, {'path': 'q',"
                "  'methods': [{'name': 'GET'}]}]}}}");
}


static void
test_inactive(void **state)
{
    ae_merged_t  m;

    (void) state;

    m = check_apply("{'apply_policies': ['off', 'free'],"
                    " 'is_inactive': false}",
                    "{'apply_policies': ['off', 'free'],"
                    " 'is_inactive': false, 'rate': -1,"
                    " 'quota_max': -1, 'access_rights': {'a':"
                    " {'limit': {'rate': -1, 'quota_max': -1}}}}");
    assert_int_equal(m.inactive, 1);
    assert_int_equal(m.expires_in, 60);

    m = check_apply("{'apply_policies': ['passive', 'off']}",
                    "{'apply_policies': ['passive', 'off'],"
                    " 'access_rights': {'a': {}}}");
    assert_int_equal(m.inactive, 1);
    assert_int_equal(m.expires_in, 90);

    m = check_apply("{'apply_policies': ['passive']}",
                    "{'apply_policies': ['passive'],"
                    " 'access_rights': {'a': {}}}");
    assert_int_equal(m.inactive, 1);
}


static void
test_errors(void **state)
{
    char    text[4096];
    size_t  i;

    (void) state;

    check_apply("{'apply_policies': ['gold', 'nope']}",
                "policy 'nope' is unknown");
    check_apply("{'apply_policies': ['']}", "policy '' is unknown");
    check_apply("{'apply_policy_id': 'nope'}",
                "policy 'nope' is unknown");
    check_apply("{'apply_policies': ['other'], 'org_id': 'acme'}",
                "policy 'other' is of another organisation");
    check_apply("{'apply_policies': ['mixed']}",
                "policy 'mixed' has 'per_api' and another partition");
    check_apply("{'apply_policies': ['acl', 'gold', 'each']}",
                "policy 'each' cannot go with one before it, one of them "
                "has 'per_api' and one partitions");

    strcpy(text, "{'apply_policies': ['gold'");

    for (i = 0; i < 64; i++) {
        strcat(text, ", 'gold'");
    }

    strcat(text, "]}");
    check_apply(text, "at most 64 policies are expected");
}


static void
check_create(const char *text, unsigned line, const char *expected)
{
    ae_error_t   err;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);

    assert_null(create(arena, text, &err));
    assert_string_equal(err.text, (char *) quoted(arena, expected).data);
    assert_int_equal(err.line, line);

    ae_arena_destroy(arena);
}


static void
test_create_errors(void **state)
{
    (void) state;

    check_create("1", 1, "an object of policies by id, or an array of "
                 "policies, is expected");
    check_create("{\n'a': 1}", 2, "a policy must be an object");
    check_create("{'a': {},\n'a': {}}", 2,
                 "policy 'a' is there twice");
    check_create("[{'id': 'a'},\n{'_id': 'a'}]", 2,
                 "policy 'a' is there twice");
    check_create("[\n{}]", 2, "a policy must have an 'id'");
    check_create("{'': {}}", 1, "a policy must have an 'id'");
    check_create("{'a':\n{'id': 'b'}}", 2,
                 "'id' of policy 'a' must be its name");
}


static void
test_find(void **state)
{
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_policies_t  *p;

    (void) state;

    arena = ae_arena_create(0);
    p = create(arena, "[{'id': 'b'}, {'id': 'aa'}, {'_id': 'c'},"
               " {'id': 'a', '_id': 'z'}]", &err);

    assert_non_null(ae_policies_find(p, ae_s("a")));
    assert_non_null(ae_policies_find(p, ae_s("aa")));
    assert_non_null(ae_policies_find(p, ae_s("b")));
    assert_non_null(ae_policies_find(p, ae_s("c")));
    assert_null(ae_policies_find(p, ae_s("z")));
    assert_null(ae_policies_find(p, ae_s("")));
    assert_null(ae_policies_find(NULL, ae_s("a")));

    p = create(arena, "{}", &err);
    assert_non_null(p);
    assert_null(ae_policies_find(p, ae_s("a")));

    ae_arena_destroy(arena);
}


/* without memory there is an error, and nothing is left behind */

static void
test_memory(void **state)
{
    int             rc;
    long            n;
    size_t          limit;
    ae_error_t      err;
    ae_arena_t     *arena, *small;
    ae_value_t     *s;
    ae_merged_t     merged;
    ae_policies_t  *p;

    (void) state;

    arena = ae_arena_create(0);
    p = create(arena, AE_TEST_POLICIES, &err);
    s = ae_parse(arena, quoted(arena, "{'apply_policies': ['gold', 'silver',"
                             " 'each', 'e1', 'e2'], 'tags': ['t'],"
                             " 'meta_data': {'m': 1}}"), &err);
    n = 0;

    for (limit = 4096; ; limit += 512) {
        small = ae_arena_create(limit);
        assert_non_null(small);

        rc = ae_policies_apply(small, p, s, &merged, &err);

        if (rc != AE_OK) {
            assert_string_equal(err.text, "no memory");
            assert_ptr_equal(merged.document, s);
            n++;
        }

        ae_arena_destroy(small);

        if (rc == AE_OK) {
            break;
        }
    }

    assert_true(n > 3);

    ae_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_two_grant),
        cmocka_unit_test(test_unlimited),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_per_api),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_inactive),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_create_errors),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
