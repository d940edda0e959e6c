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


static void
test_object(void **state)
{
    size_t        i;
    ae_error_t    err;
    ae_arena_t   *arena;
    ae_script_t   script;

    static const char *const texts[] = {
        "export default {run: function (ctx) {}}", "1",
        "export default /* x */\n{}", "1",
        "export default function (ctx) {}", "0",
        "var a = {}; export default a", "0",
        "var a = {}; export {a as default}", "0",
        "return {}", "0",
        NULL
    };

    (void) state;

    for (i = 0; texts[i] != NULL; i += 2) {
        arena = ae_arena_create(0);

        assert_int_equal(ae_script_scan(arena, ae_s(texts[i]), &script,
                                        &err),
                         AE_OK);
        assert_int_equal(script.object, texts[i + 1][0] - '0');

        ae_arena_destroy(arena);
    }
}


/* how text uses json, headers and log, a digit each */

static void
uses(const char *text, const char *expected)
{
    size_t         i, len;
    ae_error_t     err;
    unsigned char  found[3], *copy;

    static const ae_str_t  names[] = {
        ae_string("json"),
        ae_string("headers"),
        ae_string("log")
    };

    len = strlen(text);
    copy = malloc(len);

    if (len != 0) {
        memcpy(copy, text, len);
    }

    assert_int_equal(ae_script_uses((ae_str_t) { len, copy }, names, 3, found,
                                    &err),
                     AE_OK);

    for (i = 0; i < 3; i++) {

        if (found[i] != expected[i] - '0') {
            fail_msg("%s\nname %zu: %d, expected %s", text, i, found[i],
                     expected);
        }
    }

    free(copy);
}


static void
test_uses(void **state)
{
    ae_error_t     err;
    unsigned char  found[1];

    (void) state;

    uses("", "000");
    uses("json = 1; log.info(headers['a'])", "111");
    uses("req.json = a.headers + this . log", "000");
    uses("var a = {headers: 1, b: json}", "100");
    uses("a = b ? headers : log; switch (a) { case json: }", "111");
    uses("var a = {headers, log() {}}", "011");
    uses("// json\n'headers' + \"log\" + /log/ /* json */", "000");
    uses("`json ${headers} log ${`${log}`}`", "011");
    uses("jsonp = Headers + logs", "000");
    uses("var json = JSON.parse(json)", "300");
    uses("var a = 1, headers = {}; log.info(a)", "031");
    uses("function f(headers) { var json = 1; return headers; }", "110");
    uses("function log() {}\nlet headers", "033");
    uses("if (a) { var headers = 1; }", "010");

    assert_int_equal(ae_script_uses(ae_s("a = '"), &(ae_str_t) ae_string("a"),
                                    1, found, &err),
                     AE_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_uses)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
