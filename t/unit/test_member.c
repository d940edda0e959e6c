/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/core.h"
#include "fail_alloc.h"


static const ae_member_t  inner[] = {
    ae_member_integer("n"),
    ae_member_end
};


static const ae_member_t  members[] = {
    ae_member_string("s"),
    ae_member_number("d"),
    ae_member_boolean("b"),
    ae_member_object("o", AE_KIND_ANY, inner),
    ae_member_array("strings", AE_KIND_STRING, NULL),
    ae_member_array("objects", AE_KIND_OBJECT, inner),
    ae_member_object("map", AE_KIND_OBJECT, inner),
    ae_member_end
};


/* NULL: it is right, else "LINE: what is expected" */

static const char *
check(const char *text, int strict)
{
    int          rc;
    ae_str_t     s;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;
    static char  found[200];

    s.data = (unsigned char *) text;
    s.len = strlen(text);

    memset(&err, 0, sizeof(ae_error_t));

    arena = ae_arena_create(0);
    v = ae_json_parse(arena, s, &err);

    if (v == NULL) {
        fail_msg("%s: %s", text, err.text);
    }

    rc = strict ? ae_json_strict(v, &err) : ae_members_check(v, members, &err);

    snprintf(found, sizeof(found), "%u: %s", err.line, err.text);
    ae_arena_destroy(arena);

    return rc == AE_OK ? NULL : found;
}


static void
test_right(void **state)
{
    (void) state;

    assert_null(check("{}", 0));
    assert_null(check("{\"s\":null,\"d\":null,\"o\":null,\"map\":null}", 0));
    assert_null(check("{\"s\":\"\",\"d\":1.5,\"b\":false,\"other\":[1]}", 0));
    assert_null(check("{\"o\":{\"n\":9007199254740993,\"x\":\"y\"}}", 0));
    assert_null(check("{\"strings\":[],\"objects\":[{},{\"n\":-1}]}", 0));
    assert_null(check("{\"map\":{\"a\":{\"n\":1e3},\"b\":{}}}", 0));
}


static void
test_wrong(void **state)
{
    (void) state;

    assert_string_equal(check("{\"s\":1}", 0), "1: \"s\" must be a string");
    assert_string_equal(check("{\n\"d\":\"1\"}", 0),
                        "2: \"d\" must be a number");
    assert_string_equal(check("{\"d\":1e999}", 0),
                        "1: \"d\" must be a number");
    assert_string_equal(check("{\"b\":0}", 0),
                        "1: \"b\" must be true or false");
    assert_string_equal(check("{\"o\":[]}", 0), "1: \"o\" must be an object");
    assert_string_equal(check("{\"o\":{\n\n\"n\":1.5}}", 0),
                        "3: \"n\" must be an integer");
    assert_string_equal(check("{\"o\":{\"n\":1e300}}", 0),
                        "1: \"n\" must be an integer");
    assert_string_equal(check("{\"strings\":[\"a\",\n1]}", 0),
                        "2: \"strings\" must be an array of strings");
    assert_string_equal(check("{\"objects\":[null]}", 0),
                        "1: \"objects\" must be an array of objects");
    assert_string_equal(check("{\"map\":{\"a\":[]}}", 0),
                        "1: \"map\" must be an object of objects");
    assert_string_equal(check("{\"map\":{\"a\":{\"n\":\"\"}}}", 0),
                        "1: \"n\" must be an integer");
}


static void
test_strict(void **state)
{
    (void) state;

    assert_null(check("{\"a\":1,\"A\":1,\"\":1,\"b\":{\"a\":[1,1]}}", 1));
    assert_null(check("[1.7976931348623157e308,-0,\"\\u0001\"]", 1));
    assert_null(check("\"\"", 1));

    assert_string_equal(check("{\"a\":1,\n\"a\":1}", 1),
                        "2: \"a\" is there twice");
    assert_string_equal(check("[{\"b\":{\"\":1,\"\":2}}]", 1),
                        "1: \"\" is there twice");
    assert_string_equal(check("[\n1e309]", 1), "2: a number is too large");
    assert_string_equal(check("{\"a\":[\"x\\u0000\"]}", 1),
                        "1: a string has a NUL in it");
    assert_string_equal(check("{\"a\\u0000\":1}", 1),
                        "1: a name has a NUL in it");
}


/* of so many members, the last as the first or one in the middle */

static void
test_strict_many(void **state)
{
    char         text[65536], *p;
    int          i, n;
    const char  *found;

    (void) state;

    for (n = 2; n < 1000; n = n * 3 / 2 + 1) {
        p = text + sprintf(text, "{");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "\"name%d\":%d,\n", i, i);
        }

        (void) sprintf(p, "\"last\":{}}");
        assert_null(check(text, 1));

        (void) sprintf(p, "\"name%d\":{}}", n / 2);
        found = check(text, 1);
        assert_non_null(found);
        assert_non_null(strstr(found, "is there twice"));
    }
}


static void
test_no_memory(void **state)
{
    char         text[4096], *p;
    int          i;
    ae_str_t     s;
    ae_error_t   err;
    ae_arena_t  *arena;
    ae_value_t  *v;

    (void) state;

    p = text + sprintf(text, "{");

    for (i = 0; i < 100; i++) {
        p += sprintf(p, "\"n%d\":0,", i);
    }

    p += sprintf(p, "\"x\":0}");

    s.data = (unsigned char *) text;
    s.len = p - text;

    arena = ae_arena_create(0);
    v = ae_json_parse(arena, s, &err);

    ae_fail_at = 1;
    assert_int_equal(ae_json_strict(v, &err), AE_ERROR);
    ae_fail_at = 0;
    assert_int_equal(ae_json_strict(v, &err), AE_OK);

    ae_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_strict_many),
        cmocka_unit_test(test_no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
