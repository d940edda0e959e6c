/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/webhook/webhook.h"
#include "json_help.h"
#include "random.h"


#define SEC    UINT64_C(1000000000)
#define SEEDS  10000

/* 75 h 35 min 05 s */
#define WHOLE  ((75 * 3600 + 35 * 60 + 5) * SEC)

/* 2026-11-22 18:40:00.5 */
#define NOW    UINT64_C(1795372800500000000)


static const uint64_t  schedule[AE_RETRY_MAX] = {
    0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400
};


/* a random number that leaves the schedule as it is */

static uint64_t
middle(uint32_t attempt)
{
    return schedule[attempt] * SEC / 5;
}


static void
test_parse(void **state)
{
    int          i;
    char         text[16];
    uint32_t     n;
    const char  *bad[] = {
        "", "0", "11", "00", "01", "-1", "+1", "1 ", " 1", "100", "1x", "x",
        "4294967297", "Spec", "specs", "spe", "OFF", "of", "offs", "on"
    };

    (void) state;

    assert_int_equal(ae_retry_parse(ae_s("spec"), &n), AE_OK);
    assert_int_equal(n, 10);
    assert_int_equal(ae_retry_parse(ae_s("off"), &n), AE_OK);
    assert_int_equal(n, 1);

    for (i = 1; i <= 10; i++) {
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(ae_retry_parse(ae_s(text), &n), AE_OK);
        assert_int_equal(n, i);
    }

    for (i = 0; i < (int) (sizeof(bad) / sizeof(char *)); i++) {
        assert_int_equal(ae_retry_parse(ae_s(bad[i]), &n), AE_ERROR);
    }

    assert_int_equal(ae_retry_parse((ae_str_t) { 0, NULL }, &n), AE_ERROR);
}


/* a clock that a loop moves: each attempt fails at once until none is left */

static void
test_whole(void **state)
{
    uint32_t  attempt;
    uint64_t  clock, delay;

    (void) state;

    clock = 0;

    for (attempt = 1; /* void */ ; attempt++) {
        delay = ae_retry_delay(attempt, AE_RETRY_MAX, 0, 0,
                               (attempt < 10) ? middle(attempt) : 0);

        if (delay == UINT64_MAX) {
            break;
        }

        assert_int_equal(delay, schedule[attempt] * SEC);
        clock += delay;
    }

    assert_int_equal(attempt, 10);
    assert_int_equal(clock, WHOLE);
}


static void
test_jitter(void **state)
{
    int       i, above[AE_RETRY_MAX], wide[AE_RETRY_MAX];
    uint32_t  attempt;
    uint64_t  clock, delay, full;

    (void) state;

    memset(above, 0, sizeof(above));
    memset(wide, 0, sizeof(wide));

    for (i = 0; i < SEEDS; i++) {
        clock = 0;

        for (attempt = 1; attempt < AE_RETRY_MAX; attempt++) {
            delay = ae_retry_delay(attempt, AE_RETRY_MAX, 0, 0, ae_random());
            full = schedule[attempt] * SEC;

            assert_true(delay >= full - full / 5);
            assert_true(delay <= full + full / 5);

            above[attempt] += (delay > full);
            wide[attempt] += (delay < full - full / 100 * 19
                              || delay > full + full / 100 * 19);

            clock += delay;
        }

        assert_true(clock >= WHOLE - WHOLE / 5);
        assert_true(clock <= WHOLE + WHOLE / 5);
    }

    /* even: 1/2 above the middle, 1/20 in the outer parts, by 10 sigma */

    for (attempt = 1; attempt < AE_RETRY_MAX; attempt++) {
        assert_true(abs(above[attempt] - SEEDS / 2) < 500);
        assert_true(abs(wide[attempt] - SEEDS / 20) < 220);
    }
}


static void
test_bounds(void **state)
{
    uint32_t  attempt;
    uint64_t  full;

    (void) state;

    for (attempt = 1; attempt < AE_RETRY_MAX; attempt++) {
        full = schedule[attempt] * SEC;

        assert_int_equal(ae_retry_delay(attempt, 10, 0, 0, 0),
                         full - full / 5);
        assert_int_equal(ae_retry_delay(attempt, 10, 0, 0, full / 5 * 2),
                         full + full / 5);
        assert_int_equal(ae_retry_delay(attempt, 10, 0, 0, full / 5 * 2 + 1),
                         full - full / 5);
    }
}


static void
test_attempts(void **state)
{
    uint32_t  attempts, attempt;

    (void) state;

    for (attempts = 1; attempts <= AE_RETRY_MAX; attempts++) {

        for (attempt = 1; attempt < attempts; attempt++) {
            assert_int_equal(ae_retry_delay(attempt, attempts, 0, 0,
                                            middle(attempt)),
                             schedule[attempt] * SEC);
        }

        assert_true(ae_retry_delay(attempts, attempts, 0, 0, 0)
                    == UINT64_MAX);
        assert_true(ae_retry_delay(attempts + 1, attempts, 1, 9, 0)
                    == UINT64_MAX);
    }

    assert_true(ae_retry_delay(10, 11, 0, 0, 0) == UINT64_MAX);
    assert_true(ae_retry_delay(UINT32_MAX, UINT32_MAX, 0, 0, 0)
                == UINT64_MAX);
}


static void
test_slow(void **state)
{
    (void) state;

    assert_int_equal(ae_retry_delay(1, 10, 1, 0, middle(1)), 60 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 1, 0, 0), 60 * SEC);
    assert_int_equal(ae_retry_delay(2, 10, 1, 0, middle(2)), 300 * SEC);
    assert_int_equal(ae_retry_delay(2, 10, 1, 0, 0), 240 * SEC);
    assert_int_equal(ae_retry_delay(9, 10, 1, 0, middle(9)), 86400 * SEC);
}


static void
test_after(void **state)
{
    (void) state;

    /* between one and two times the delay that jitter and slow have made */

    assert_int_equal(ae_retry_delay(1, 10, 0, 1, middle(1)), 5 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 0, 5 * SEC, middle(1)), 5 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 0, 7 * SEC, middle(1)), 7 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 0, 10 * SEC, middle(1)), 10 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 0, 10 * SEC + 1, middle(1)),
                     10 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 0, UINT64_MAX, middle(1)),
                     10 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 0, 100 * SEC, 0), 8 * SEC);

    assert_int_equal(ae_retry_delay(1, 10, 1, 30 * SEC, 0), 60 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 1, 90 * SEC, 0), 90 * SEC);
    assert_int_equal(ae_retry_delay(1, 10, 1, 900 * SEC, 0), 120 * SEC);

    assert_int_equal(ae_retry_delay(9, 10, 0, UINT64_MAX, middle(9)),
                     172800 * SEC);
    assert_true(ae_retry_delay(10, 10, 0, 5 * SEC, 0) == UINT64_MAX);
}


static int
after(const char *text, uint64_t *ns)
{
    int             rc;
    ae_now_t        now;
    ae_str_t        s;
    unsigned char  *copy;

    now.mono = 12345;
    now.wall = NOW;

    /* from memory behind which no byte may be read */

    s.len = strlen(text);
    copy = malloc((s.len != 0) ? s.len : 1);
    assert_non_null(copy);

    memcpy(copy, text, s.len);
    s.data = copy;

    *ns = 77;
    rc = ae_retry_after(s, &now, ns);

    free(copy);

    return rc;
}


static void
check_after(const char *text, uint64_t expected)
{
    uint64_t  ns;

    assert_int_equal(after(text, &ns), AE_OK);

    if (ns != expected) {
        fail_msg("\"%s\": %llu", text, (unsigned long long) ns);
    }
}


static void
test_seconds(void **state)
{
    (void) state;

    check_after("0", 0);
    check_after("1", SEC);
    check_after("120", 120 * SEC);
    check_after("00120", 120 * SEC);
    check_after(" \t120 \t", 120 * SEC);
    check_after("1.5", 1500000000);
    check_after("0.25", 250000000);
    check_after("2.000000001", 2 * SEC + 1);
    check_after("2.0000000019999999999999999999999999999999", 2 * SEC + 1);

    check_after("18446744073", UINT64_C(18446744073000000000));
    check_after("18446744073.709551615", UINT64_MAX);
    check_after("18446744073.709551616", UINT64_MAX);
    check_after("18446744074", UINT64_MAX);
    check_after("18446744080", UINT64_MAX);
    check_after("99999999999", UINT64_MAX);
    check_after("18446744073709551616", UINT64_MAX);
    check_after("99999999999999999999999999999999999999999999.9", UINT64_MAX);
}


static void
test_dates(void **state)
{
    uint64_t  hour;

    (void) state;

    hour = 3600 * SEC - SEC / 2;

    check_after("Sun, 22 Nov 2026 19:40:00 GMT", hour);
    check_after("Sunday, 22-Nov-26 19:40:00 GMT", hour);
    check_after("Sun Nov 22 19:40:00 2026", hour);
    check_after("  Sun, 22 Nov 2026 19:40:00 GMT\t", hour);

    /* the next month, with a day of one digit */

    check_after("Sun, 06 Dec 2026 18:40:00 GMT", 14 * 86400 * SEC - SEC / 2);
    check_after("Sunday, 06-Dec-26 18:40:00 GMT", 14 * 86400 * SEC - SEC / 2);
    check_after("Sun Dec  6 18:40:00 2026", 14 * 86400 * SEC - SEC / 2);
    check_after("Sun Dec 06 18:40:00 2026", 14 * 86400 * SEC - SEC / 2);

    /* what has passed, or was before anybody counted */

    check_after("Sun, 22 Nov 2026 18:40:00 GMT", 0);
    check_after("Sun, 22 Nov 2026 18:40:01 GMT", SEC / 2);
    check_after("Sun, 06 Nov 1994 08:49:37 GMT", 0);
    check_after("Sunday, 06-Nov-94 08:49:37 GMT", 0);
    check_after("Sun Nov  6 08:49:37 1994", 0);
    check_after("Sat, 01 Jan 0000 00:00:00 GMT", 0);
    check_after("Thu, 01 Jan 1970 00:00:00 GMT", 0);

    /* two digits: more than 50 years ahead was in the last century */

    check_after("Sunday, 22-Nov-76 18:40:00 GMT",
                UINT64_C(1577923200) * SEC - SEC / 2);
    check_after("Sunday, 22-Nov-77 18:40:00 GMT", 0);
    check_after("Sunday, 22-Nov-25 18:40:00 GMT", 0);

    /* the wall clock in ns ends in 2554 */

    check_after("Fri, 31 Dec 9999 23:59:59 GMT", UINT64_MAX - NOW);
    check_after("Sun, 01 Jan 2555 00:00:00 GMT", UINT64_MAX - NOW);
    check_after("Mon, 01 Jan 2554 00:00:00 GMT",
                UINT64_C(18429292800) * SEC - NOW);

    /* leap days and seconds */

    check_after("Tue, 29 Feb 2028 00:00:00 GMT",
                UINT64_C(1835395200) * SEC - NOW);
    check_after("Thu, 31 Dec 2026 23:59:60 GMT",
                UINT64_C(1798761600) * SEC - NOW);

    /* a day's name that is another day's is a slip of the sender */

    check_after("Mon, 22 Nov 2026 19:40:00 GMT", hour);
}


static void
test_neither(void **state)
{
    size_t       i;
    uint64_t     ns;
    const char  *bad[] = {
        "", " ", ".", ".5", "5.", "5. ", "-1", "+1", "1,5", "1e3", "0x10",
        "1 2", "1.2.3", "1s", "1.x", "tomorrow", "NaN", "inf",
        "Sun, 22 Nov 2026 19:40:00", "Sun, 22 Nov 2026 19:40:00 UTC",
        "Sun, 22 Nov 2026 19:40:00 GMT+1", "Sun, 22 Nov 2026 19:40:00 gmt",
        "sun, 22 Nov 2026 19:40:00 GMT", "Sun, 22 nov 2026 19:40:00 GMT",
        "Sun, 22 NOV 2026 19:40:00 GMT", "Sun 22 Nov 2026 19:40:00 GMT",
        "Sun,22 Nov 2026 19:40:00 GMT", "Sun,  22 Nov 2026 19:40:00 GMT",
        "Sun, 2 Nov 2026 19:40:00 GMT", "Sun,  2 Nov 2026 19:40:00 GMT",
        "Sun, 22 Nov 26 19:40:00 GMT", "Sun, 22 Nov 02026 19:40:00 GMT",
        "Sun, 00 Nov 2026 19:40:00 GMT", "Sun, 31 Nov 2026 19:40:00 GMT",
        "Sun, 29 Feb 2027 19:40:00 GMT", "Sun, 22 Nov 2026 24:00:00 GMT",
        "Sun, 22 Nov 2026 19:60:00 GMT", "Sun, 22 Nov 2026 19:40:61 GMT",
        "Sun, 22 Nov 2026 -1:40:00 GMT", "Sun, 22 Nov 2026 19:-1:00 GMT",
        "Sun, 22 Nov 2026 19:40:-1 GMT", "Sun, 22 Nov 2026 1:40:00 GMT",
        "Sun, 22 Nov 2026 19:40 GMT", "Sun, 22 Nov 2026 19.40.00 GMT",
        "Sun, 22 Nov 2026 19.40:00 GMT", "Sun, 22 Nov 2026 19:40.00 GMT",
        "Sun, 22 Nov 2026 19:40", "Sun, 22 Nov 2026 19:", "Sun, 22 Nov ",
        "Sun, 22 Nov 2026 19:40:0a GMT", "Sun, 22-Nov-2026 19:40:00 GMT",
        "Sun, 22-Nov-26 19:40:00 GMT", "Sunday, 22 Nov 2026 19:40:00 GMT",
        "Sunday, 22-Nov-2026 19:40:00 GMT", "Sunday, 22-Nov-x6 19:40:00 GMT",
        "Sunda, 22-Nov-26 19:40:00 GMT", "Sun Nov 22 19:40:00 2026 GMT",
        "Sun Nov   2 19:40:00 2026", "Sun Nov 2 19:40:00 2026",
        "Sun Nov  0 19:40:00 2026", "Sun Nov -2 19:40:00 2026",
        "Sun Nov 22 19:40:00 26", "Sun Nov 22 2026 19:40:00",
        "2026-11-22T19:40:00Z", "Sun, 22 Nov 2026 19:40:00 GMT;"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(char *); i++) {

        if (after(bad[i], &ns) != AE_ERROR) {
            fail_msg("\"%s\": %llu", bad[i], (unsigned long long) ns);
        }

        assert_int_equal(ns, 77);
    }
}


/* each form of a random moment, as libc writes it */

static void
test_random_dates(void **state)
{
    long         i, n;
    char         text[64];
    size_t       j;
    time_t       sec;
    uint64_t     ns, expected;
    struct tm    tm;
    const char  *formats[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y"
    };

    (void) state;

    n = ae_steps(5000);

    for (i = 0; i < n; i++) {

        /* within 49 years, which two digits can say */

        sec = (time_t) (NOW / SEC) - 49 * 365 * 86400
              + (time_t) (ae_random() % (98ull * 365 * 86400));
        gmtime_r(&sec, &tm);

        expected = (sec > 0 && (uint64_t) sec * SEC > NOW)
                   ? (uint64_t) sec * SEC - NOW : 0;

        for (j = 0; j < 3; j++) {
            strftime(text, sizeof(text), formats[j], &tm);

            assert_int_equal(after(text, &ns), AE_OK);
            assert_int_equal(ns, expected);
        }
    }
}


/* a year of two digits, when this century is at its end and at its start */

static void
test_century(void **state)
{
    uint64_t  ns;
    ae_now_t  now;

    (void) state;

    now.mono = 0;

    /* 2099-12-31 00:00:00 and 2100-01-01 00:00:00 is a day later */

    now.wall = UINT64_C(4102358400) * SEC;
    assert_int_equal(ae_retry_after(ae_s("Friday, 01-Jan-00 00:00:00 GMT"),
                                    &now, &ns), AE_OK);
    assert_int_equal(ns, 86400 * SEC);

    /* 2149 is 50 years ahead, 2150 would be more: it was 2050 */

    assert_int_equal(ae_retry_after(ae_s("Wednesday, 01-Jan-49 00:00:00 GMT"),
                                    &now, &ns), AE_OK);
    assert_int_equal(ns, UINT64_C(17898) * 86400 * SEC);
    assert_int_equal(ae_retry_after(ae_s("Saturday, 01-Jan-50 00:00:00 GMT"),
                                    &now, &ns), AE_OK);
    assert_int_equal(ns, 0);

    now.wall = UINT64_C(4102444800) * SEC;
    assert_int_equal(ae_retry_after(ae_s("Thursday, 31-Dec-99 00:00:00 GMT"),
                                    &now, &ns), AE_OK);
    assert_int_equal(ns, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_neither),
        cmocka_unit_test(test_random_dates),
        cmocka_unit_test(test_century)
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
