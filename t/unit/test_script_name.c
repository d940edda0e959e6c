/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text/text.h"
#include "json_help.h"
#include "random.h"


/* one is in front of two, and two behind one */

static void
before(const char *one, const char *two)
{
    if (ae_script_name_compare(ae_s(one), ae_s(two)) >= 0
        || ae_script_name_compare(ae_s(two), ae_s(one)) <= 0)
    {
        fail_msg("\"%s\" is not in front of \"%s\"", one, two);
    }
}


static void
test_order(void **state)
{
    (void) state;

    before("", "a");
    before("a", "B");
    before("A", "b");
    before("alpha", "Alphabet");
    before("Zebra", "zebra2");
    before("10 first", "2 second");
    before("a10", "a2");
    before("a b", "a1");
    before("Z", "_");
    before("z", "\xc3\xa4");
}


static void
test_order_ties(void **state)
{
    (void) state;

    before("Check", "check");
    before("cHeck", "check");
    before("AB", "Ab");
    assert_int_equal(ae_script_name_compare(ae_s("a.b"), ae_s("a.b")), 0);
    assert_int_equal(ae_script_name_compare(ae_s(""), ae_s("")), 0);
}


/* a total order, whatever the names */

static void
test_order_any(void **state)
{
    long           i;
    size_t         k, n;
    ae_str_t       s[3];
    unsigned char  name[3][4];

    (void) state;

    ae_random_seed();

    for (i = ae_steps(50000); i > 0; i--) {

        for (n = 0; n < 3; n++) {
            s[n].data = name[n];
            s[n].len = ae_random() % 4;

            for (k = 0; k < s[n].len; k++) {
                name[n][k] = "aAbB_1\xc3"[ae_random() % 7];
            }
        }

        assert_int_equal(ae_script_name_compare(s[0], s[1]),
                         -ae_script_name_compare(s[1], s[0]));

        if (ae_script_name_compare(s[0], s[1]) == 0) {
            assert_int_equal(s[0].len, s[1].len);
            assert_memory_equal(name[0], name[1], s[0].len);
        }

        if (ae_script_name_compare(s[0], s[1]) < 0
            && ae_script_name_compare(s[1], s[2]) < 0)
        {
            assert_true(ae_script_name_compare(s[0], s[2]) < 0);
        }
    }
}


/* the text is copied, so that no byte behind it may be read */

static void
decodes(const char *name, const char *expected)
{
    size_t          len;
    ae_buf_t        b;
    unsigned char  *copy;

    len = strlen(name);
    copy = malloc(len);

    if (len != 0) {
        memcpy(copy, name, len);
    }

    ae_buf_init(&b, 1024);
    ae_script_name_decode(&b, (ae_str_t) { len, copy });

    if (b.failed || b.len != strlen(expected)
        || (b.len != 0 && memcmp(b.data, expected, b.len) != 0))
    {
        fail_msg("%s: \"%.*s\", expected \"%s\"", name, (int) b.len, b.data,
                 expected);
    }

    ae_buf_free(&b);
    free(copy);
}


static void
test_decode(void **state)
{
    (void) state;

    decodes("", "");
    decodes("plain-1_x", "plain-1_x");
    decodes("Check$0020the$0020rest", "Check the rest");
    decodes("$0031.first", "1.first");
    decodes("a$003ab$003Ac", "a:b:c");
    decodes("$0022q$0022", "\"q\"");
    decodes("$00e4$20ac$D83D$DE00", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    decodes("$0024$00241", "$$1");
}


static void
test_decode_none(void **state)
{
    (void) state;

    decodes("$", "$");
    decodes("a$002", "a$002");
    decodes("$00g0$ 020", "$00g0$ 020");
    decodes("$$0020", "$ ");
    decodes("$000a$0000$001f$007f", "$000a$0000$001f$007f");
    decodes("$d83d", "$d83d");
    decodes("$d83dx", "$d83dx");
    decodes("$d83d$0020", "$d83d ");
    decodes("$de00$d83d", "$de00$d83d");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_ties),
        cmocka_unit_test(test_order_any),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decode_none)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
