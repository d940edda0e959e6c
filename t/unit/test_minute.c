/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/minute/minute.h"


#define SECOND               ((uint64_t) 1000000000)


static ae_minute_t  *minute;


static ae_now_t
at(uint64_t seconds)
{
    return (ae_now_t) { seconds * SECOND, 0 };
}


static void
count(uint64_t api, uint64_t seconds, ae_minute_e kind, uint64_t n)
{
    ae_now_t  now;

    now = at(seconds);

    ae_minute_count(minute, api, &now, kind, n);
}


static uint64_t
sum(uint64_t api, uint64_t seconds, ae_minute_e kind)
{
    double    of;
    ae_now_t  now;
    uint64_t  sums[AE_MINUTE_MAX];

    now = at(seconds);
    of = ae_minute_read(minute, api, &now, sums);

    assert_true(of >= 50 && of < 60);

    return sums[kind];
}


static void
test_window(void **state)
{
    (void) state;

    assert_int_equal(sum(2, 0, AE_MINUTE_REQUEST), 0);

    count(2, 0, AE_MINUTE_REQUEST, 1);
    count(2, 9, AE_MINUTE_REQUEST, 2);
    count(2, 10, AE_MINUTE_REQUEST, 4);
    count(2, 10, AE_MINUTE_LATENCY, 100);

    assert_int_equal(sum(2, 10, AE_MINUTE_REQUEST), 7);
    assert_int_equal(sum(2, 59, AE_MINUTE_REQUEST), 7);
    assert_int_equal(sum(2, 60, AE_MINUTE_REQUEST), 4);
    assert_int_equal(sum(2, 69, AE_MINUTE_LATENCY), 100);
    assert_int_equal(sum(2, 70, AE_MINUTE_REQUEST), 0);

    /* in the place of the first ones */

    count(2, 60, AE_MINUTE_REQUEST, 8);
    assert_int_equal(sum(2, 60, AE_MINUTE_REQUEST), 12);
    assert_int_equal(sum(2, 100000, AE_MINUTE_REQUEST), 0);
}


static void
test_many(void **state)
{
    uint64_t  api, room;

    (void) state;

    room = 0;

    for (api = 2; api < 2000; api += 2) {
        count(api, 100, AE_MINUTE_KEY, api);
        room += (sum(api, 100, AE_MINUTE_KEY) == api);
    }

    assert_in_range(room, 150, 300);

    for (api = 2; api < 2 + 2 * 150; api += 2) {
        assert_int_equal(sum(api, 100, AE_MINUTE_KEY), api);
    }

    assert_int_equal(sum(5000, 100, AE_MINUTE_KEY), 0);

    /* no count runs over into its period */

    count(2, 100, AE_MINUTE_KEY, UINT64_MAX / 4);
    assert_true(sum(2, 100, AE_MINUTE_KEY) >= 2);
    assert_int_equal(sum(2, 200, AE_MINUTE_KEY), 0);
}


static int
setup(void **state)
{
    (void) state;

    minute = calloc(1, AE_MINUTE_SIZE);

    return (minute != NULL) ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;

    free(minute);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
