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
#include "json_help.h"


static ae_statuses_t
statuses(const char *text)
{
    ae_statuses_t  s;

    assert_int_equal(ae_statuses_parse(ae_s(text), &s), AE_OK);

    return s;
}


/* of all statuses from 0 to 1000 just those from first to last are in it */

static void
check_range(const char *text, uint32_t first, uint32_t last)
{
    uint32_t       i;
    ae_statuses_t  s;

    s = statuses(text);

    for (i = 0; i <= 1000; i++) {
        assert_int_equal(ae_statuses_has(&s, i), i >= first && i <= last);
    }

    assert_int_equal(ae_statuses_has(&s, UINT32_MAX), 0);
}


static void
test_statuses(void **state)
{
    ae_statuses_t  s;

    (void) state;

    check_range("2xx", 200, 299);
    check_range("1xx", 100, 199);
    check_range("5xx", 500, 599);
    check_range("100", 100, 100);
    check_range("599", 599, 599);
    check_range("204", 204, 204);
    check_range("3xx,2xx", 200, 399);
    check_range("1xx,2xx,3xx,4xx,5xx", 100, 599);
    check_range("200,201,200", 200, 201);

    s = statuses("200,202,409,5xx");
    assert_true(ae_statuses_has(&s, 200));
    assert_false(ae_statuses_has(&s, 201));
    assert_true(ae_statuses_has(&s, 202));
    assert_true(ae_statuses_has(&s, 409));
    assert_false(ae_statuses_has(&s, 499));
    assert_true(ae_statuses_has(&s, 500));
    assert_true(ae_statuses_has(&s, 555));
}


static void
test_statuses_bad(void **state)
{
    size_t          i, len;
    ae_str_t        text;
    ae_statuses_t   s;
    unsigned char  *copy;
    const char     *bad[] = {
        "", ",", "2xx,", ",2xx", "2xx,,200", "20", "2000", "2x", "2xxx",
        "2x0", "20x", "xxx", "0xx", "6xx", "099", "600", "2XX", "200 ",
        " 200", "200, 201", "200;201", "-20", "+20", "20a", "a00", "ok",
        "2/0", "2:0", "20/", "20:", "2 x", "2x "
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(char *); i++) {
        len = strlen(bad[i]);
        copy = malloc((len != 0) ? len : 1);
        assert_non_null(copy);
        memcpy(copy, bad[i], len);

        text.len = len;
        text.data = copy;

        if (ae_statuses_parse(text, &s) != AE_ERROR) {
            fail_msg("\"%s\"", bad[i]);
        }

        free(copy);
    }

    assert_int_equal(ae_statuses_parse((ae_str_t) { 0, NULL }, &s), AE_ERROR);
}


static ae_answer_e
answer(const char *success, uint32_t status, int timeout, const char *control)
{
    ae_statuses_t  s;

    s = statuses(success);

    return ae_answer(&s, status, timeout, ae_s(control));
}


static void
test_status(void **state)
{
    uint32_t     i;
    ae_answer_e  expected;

    (void) state;

    for (i = 0; i < 700; i++) {

        switch (i) {

        case 410:
            expected = AE_ANSWER_DISABLE;
            break;

        case 429:
        case 502:
        case 503:
        case 504:
            expected = AE_ANSWER_SLOW;
            break;

        default:
            expected = (i >= 200 && i <= 299) ? AE_ANSWER_OK
                                              : AE_ANSWER_FAILED;
            break;
        }

        assert_int_equal(answer("2xx", i, 0, ""), expected);
    }
}


/* what the operator calls a success is one, whatever else it means */

static void
test_success(void **state)
{
    (void) state;

    assert_int_equal(answer("409", 200, 0, ""), AE_ANSWER_FAILED);
    assert_int_equal(answer("409", 409, 0, ""), AE_ANSWER_OK);
    assert_int_equal(answer("2xx,410", 410, 0, ""), AE_ANSWER_OK);
    assert_int_equal(answer("2xx,429", 429, 0, ""), AE_ANSWER_OK);
    assert_int_equal(answer("2xx,5xx", 503, 0, ""), AE_ANSWER_OK);
}


static void
test_timeout(void **state)
{
    (void) state;

    assert_int_equal(answer("2xx", 0, 1, ""), AE_ANSWER_SLOW);
    assert_int_equal(answer("2xx", 0, 0, ""), AE_ANSWER_FAILED);

    /* it had begun to answer */

    assert_int_equal(answer("2xx", 200, 1, ""), AE_ANSWER_SLOW);
    assert_int_equal(answer("2xx", 500, 1, ""), AE_ANSWER_SLOW);
    assert_int_equal(answer("2xx", 410, 1, ""), AE_ANSWER_SLOW);
}


static void
test_control(void **state)
{
    size_t       i, j;
    uint32_t     status[] = { 0, 200, 204, 302, 410, 429, 500, 503 };
    const char  *disable[] = {
        "disable", "DISABLE", "Disable", " disable", "disable\t", "\t dIsAbLe "
    };
    const char  *abort[] = {
        "abort-message", "ABORT-MESSAGE", "Abort-Message", "  abort-message "
    };
    const char  *ignored[] = {
        "", " ", "\t", "disabl", "disabled", "disable;", "dis able",
        "disable, disable", "abort", "abort_message", "abort-messages",
        "abort message", "retry", "disable\r"
    };

    (void) state;

    for (i = 0; i < sizeof(status) / sizeof(uint32_t); i++) {

        for (j = 0; j < sizeof(disable) / sizeof(char *); j++) {
            assert_int_equal(answer("2xx", status[i], 0, disable[j]),
                             AE_ANSWER_DISABLE);
            assert_int_equal(answer("2xx", status[i], 1, disable[j]),
                             AE_ANSWER_DISABLE);
        }

        for (j = 0; j < sizeof(abort) / sizeof(char *); j++) {
            assert_int_equal(answer("2xx", status[i], 0, abort[j]),
                             AE_ANSWER_ABORT);
            assert_int_equal(answer("2xx", status[i], 1, abort[j]),
                             AE_ANSWER_ABORT);
        }

        for (j = 0; j < sizeof(ignored) / sizeof(char *); j++) {
            assert_int_equal(answer("2xx", status[i], 0, ignored[j]),
                             answer("2xx", status[i], 0, ""));
        }
    }
}


static void
test_no_control(void **state)
{
    ae_statuses_t  s;

    (void) state;

    s = statuses("2xx");
    assert_int_equal(ae_answer(&s, 200, 0, (ae_str_t) { 0, NULL }),
                     AE_ANSWER_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_statuses_bad),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_no_control)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
