/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "breaker_help.h"


/* ---- forced ---- */

static void
test_forced_open(void **state)
{
    ae_breaker_pass_t  pass;

    (void) state;

    force(AE_BREAKER_FORCED_OPEN, AE_BREAKER_TRIPS);
    force(AE_BREAKER_FORCED_OPEN, AE_BREAKER_STAYS);

    pass_by(10000 * SEC);
    pass = enter(AE_DECLINED);
    assert_int_equal(pass.state, AE_BREAKER_FORCED_OPEN);
    assert_true(pass.retry == UINT64_MAX);

    force(AE_BREAKER_CLOSED, AE_BREAKER_RESETS);
    (void) enter(AE_OK);
}


static void
test_forced_closed(void **state)
{
    (void) state;

    (void) enter(AE_OK);
    force(AE_BREAKER_FORCED_CLOSED, AE_BREAKER_STAYS);

    assert_int_equal(samples(20, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().samples, 0);

    force(AE_BREAKER_CLOSED, AE_BREAKER_STAYS);
    trip();
    force(AE_BREAKER_FORCED_CLOSED, AE_BREAKER_RESETS);
    (void) enter(AE_OK);
}


static void
test_forced_from(void **state)
{
    ae_breaker_change_e  change;

    (void) state;

    trip();
    force(AE_BREAKER_FORCED_OPEN, AE_BREAKER_STAYS);
    force(AE_BREAKER_FORCED_CLOSED, AE_BREAKER_RESETS);
    force(AE_BREAKER_FORCED_OPEN, AE_BREAKER_TRIPS);
    force(AE_BREAKER_CLOSED, AE_BREAKER_RESETS);
    force(AE_BREAKER_CLOSED, AE_BREAKER_STAYS);

    half_open();
    force(AE_BREAKER_FORCED_OPEN, AE_BREAKER_TRIPS);
    force(AE_BREAKER_CLOSED, AE_BREAKER_RESETS);
    half_open();
    force(AE_BREAKER_CLOSED, AE_BREAKER_RESETS);

    assert_int_equal(ae_breaker_force(breakers, breaker_id(0),
                                      AE_BREAKER_OPEN, &now, &change),
                     AE_ERROR);
}


/* ---- memory ---- */

static void
test_unknown_is_closed(void **state)
{
    ae_breaker_stat_t  st;

    (void) state;

    assert_int_equal(ae_breaker_stat(breakers, breaker_id(0), &now, &st),
                     AE_DECLINED);
}


static void
test_no_room(void **state)
{
    ae_breaker_pass_t   pass;
    ae_breakers_stat_t  st;

    (void) state;

    ae_breakers_stat(breakers, &st);
    assert_int_equal(fill(1, st.entries), st.entries);
    assert_int_equal(fill(100000, 5), 0);

    pass = enter(AE_OK);
    assert_int_equal(pass.id.h[0], 0);
    assert_int_equal(leave(&pass, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(pass.state, AE_BREAKER_CLOSED);

    ae_breakers_stat(breakers, &st);
    assert_int_equal(st.used, st.entries);
    assert_int_equal(st.overflows, 6);

    /* all but one are as good as new then */

    pass_by(10 * SEC);
    assert_int_equal(fill(200000, st.entries), st.entries);
}


static void
test_kept_for_want_of_room(void **state)
{
    ae_breakers_stat_t  st;

    (void) state;

    trip();

    ae_breakers_stat(breakers, &st);
    assert_int_equal(fill(1, st.entries), st.entries - 1);

    pass_by(20 * SEC);
    assert_int_equal(fill(100000, st.entries), st.entries - 1);
    (void) enter(AE_DECLINED);
}


static void
test_sample_of_a_removed_one(void **state)
{
    ae_breaker_pass_t   pass, late;
    ae_breakers_stat_t  st;

    (void) state;

    pass = enter(AE_OK);
    late = pass;
    ae_breakers_stat(breakers, &st);

    pass_by(10 * SEC);
    assert_int_equal(fill(1, st.entries), st.entries);
    pass_by(10 * SEC);
    assert_int_equal(leave(&pass, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().failures, 1);

    /* it opened and closed since, and is forgotten */

    pass_by(10 * SEC);
    trip();
    force(AE_BREAKER_CLOSED, AE_BREAKER_RESETS);
    pass_by(10 * SEC);
    assert_int_equal(fill(100000, st.entries), st.entries);
    pass_by(10 * SEC);
    assert_int_equal(leave(&late, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(enter(AE_OK).state, AE_BREAKER_CLOSED);
    assert_int_equal(stat_of().failures, 0);
}


static void
test_smallest(void **state)
{
    (void) state;

    assert_null(ae_breakers_init(breakers, 256));

    memset(breakers, 0, 1024);
    assert_non_null(ae_breakers_init(breakers, 1024));
    assert_int_equal(fill(1, 2), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        breaker_test(test_forced_open),
        breaker_test(test_forced_closed),
        breaker_test(test_forced_from),
        breaker_test(test_unknown_is_closed),
        breaker_test(test_no_room),
        breaker_test(test_kept_for_want_of_room),
        breaker_test(test_sample_of_a_removed_one),
        breaker_test(test_smallest),
    };

    alarm(60);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
