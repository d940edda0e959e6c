/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "breaker_help.h"


/* ---- closed ---- */

static void
test_three_failures_of_three(void **state)
{
    ae_breaker_pass_t  pass;

    (void) state;

    rule.threshold = 100000;
    rule.samples = 3;

    assert_int_equal(samples(2, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);

    pass = enter(AE_DECLINED);
    assert_int_equal(pass.state, AE_BREAKER_OPEN);
    assert_in_range(pass.retry, 30 * SEC, 36 * SEC);
}


static void
test_share_of_failures(void **state)
{
    (void) state;

    assert_int_equal(samples(6, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(samples(5, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
}


static void
test_success_never_trips(void **state)
{
    (void) state;

    assert_int_equal(samples(3, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
}


static void
test_none_is_no_sample(void **state)
{
    (void) state;

    assert_int_equal(samples(9, AE_BREAKER_NONE), AE_BREAKER_STAYS);
    assert_int_equal(samples(3, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().samples, 3);
    assert_int_equal(stat_of().failures, 3);
}


static void
test_slow_is_no_matter(void **state)
{
    (void) state;

    assert_int_equal(samples(20, AE_BREAKER_SLOW), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().samples, 20);
    assert_int_equal(stat_of().slow, 0);
}


static void
test_slow_or_failed(void **state)
{
    (void) state;

    rule.slow_threshold = 800000;

    assert_int_equal(samples(1, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(samples(2, AE_BREAKER_SLOW), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_SLOW), AE_BREAKER_TRIPS);
    assert_int_equal(stat_of().slow, 3);
}


static void
test_again_in_its_place(void **state)
{
    ae_breaker_pass_t  first, pass;

    (void) state;

    first = enter(AE_OK);
    memset(&pass, 0xa5, sizeof(pass));

    assert_int_equal(ae_breaker_again(first.place, breaker_id(1), &pass),
                     AE_DECLINED);
    assert_int_equal(ae_breaker_again(first.place, breaker_id(0), &pass),
                     AE_OK);
    assert_memory_equal(&pass.id, &first.id, sizeof(ae_id_t));
    assert_int_equal(pass.epoch, first.epoch);
    assert_int_equal(pass.retry, 0);
    assert_int_equal(pass.probe, 0);
    assert_int_equal(pass.state, AE_BREAKER_CLOSED);
    assert_int_equal(pass.change, AE_BREAKER_STAYS);

    ae_breaker_leave(breakers, &rule, &pass, AE_BREAKER_SUCCESS, &now);
    assert_int_equal(stat_of().samples, 1);

    assert_int_equal(samples(3, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
    assert_int_equal(ae_breaker_again(first.place, breaker_id(0), &pass),
                     AE_DECLINED);
}


static void
test_window_moves(void **state)
{
    (void) state;

    assert_int_equal(samples(2, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    pass_by(9 * SEC);
    assert_int_equal(stat_of().samples, 2);
    pass_by(SEC - 1);
    assert_int_equal(stat_of().samples, 2);
    pass_by(1);
    assert_int_equal(stat_of().samples, 0);

    assert_int_equal(samples(3, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    pass_by(5 * SEC);
    assert_int_equal(samples(2, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    pass_by(5 * SEC);
    assert_int_equal(stat_of().samples, 2);
    assert_int_equal(stat_of().failures, 0);
}


static void
test_late_clock_counts(void **state)
{
    (void) state;

    assert_int_equal(samples(2, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    now.mono -= 30 * SEC;
    assert_int_equal(samples(1, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
}


static void
test_other_rule(void **state)
{
    (void) state;

    assert_int_equal(samples(3, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);

    rule.samples = 2;
    rule.threshold = 1000000;
    assert_int_equal(samples(1, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);

    rule.window = 20 * SEC;
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().samples, 1);
    assert_int_equal(samples(1, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
}


static void
test_late_answer_is_none(void **state)
{
    ae_breaker_pass_t  early, late;

    (void) state;

    early = enter(AE_OK);
    late = enter(AE_OK);
    trip();

    assert_int_equal(leave(&early, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(early.state, AE_BREAKER_OPEN);
    assert_int_equal(stat_of().samples, 4);

    force(AE_BREAKER_CLOSED, AE_BREAKER_RESETS);
    assert_int_equal(leave(&late, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().samples, 0);
}


/* ---- open ---- */

static void
test_open_until_its_time(void **state)
{
    ae_breaker_pass_t  pass;

    (void) state;

    trip();
    pass = enter(AE_DECLINED);
    assert_int_equal(stat_of().retry, pass.retry);

    now.wall += 100 * SEC;
    pass_by(pass.retry - 1);
    pass = enter(AE_DECLINED);
    assert_int_equal(pass.retry, 1);

    pass_by(1);
    pass = enter(AE_OK);
    assert_int_equal(pass.state, AE_BREAKER_HALF_OPEN);
}


static void
test_no_probes(void **state)
{
    ae_breaker_pass_t  pass;

    (void) state;

    rule.half_open = 0;
    trip();
    pass = enter(AE_DECLINED);
    pass_by(pass.retry);

    pass = enter(AE_OK);
    assert_int_equal(pass.state, AE_BREAKER_CLOSED);
    assert_int_equal(pass.change, AE_BREAKER_RESETS);
    assert_int_equal(pass.probe, 0);

    pass = enter(AE_OK);
    assert_int_equal(pass.change, AE_BREAKER_STAYS);
    assert_int_equal(stat_of().opened, 0);
}


static void
test_open_time_grows(void **state)
{
    int                i;
    uint64_t           span;
    ae_breaker_pass_t  pass;

    (void) state;

    half_open();
    span = 30 * SEC;

    for (i = 2; i < 12; i++) {
        pass = enter(AE_OK);
        assert_int_equal(leave(&pass, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
        assert_int_equal(stat_of().opened, i);

        span = (span * 3 / 2 < 300 * SEC) ? span * 3 / 2 : 300 * SEC;
        pass = enter(AE_DECLINED);
        assert_in_range(pass.retry, span, span + span / 5);

        pass_by(pass.retry);
    }
}


static void
test_jitter(void **state)
{
    int       i, low, high;
    uint64_t  random, span;

    (void) state;

    low = 0;
    high = 0;
    random = 1;

    for (i = 0; i < 10000; i++) {
        span = ae_breaker_span(30 * SEC, 1, &random);
        assert_in_range(span, 30 * SEC, 36 * SEC);

        low += (span < 33 * SEC);
        high += (span > 35 * SEC);
    }

    assert_in_range(low, 4700, 5300);
    assert_in_range(high, 1400, 1900);

    /* no sum runs over, and little is not nothing */

    assert_true(ae_breaker_span(UINT64_MAX, 99, &random) > UINT64_MAX / 7);
    assert_int_equal(ae_breaker_span(0, 9, &random), 0);
    assert_in_range(ae_breaker_span(100, 1, &random), 100, 120);
}


/* ---- half open ---- */

static void
test_probes_close(void **state)
{
    ae_breaker_pass_t  a, b;

    (void) state;

    half_open();

    a = enter(AE_OK);
    b = enter(AE_OK);
    assert_int_equal(stat_of().probes, 2);

    assert_int_equal(leave(&a, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(a.state, AE_BREAKER_HALF_OPEN);
    assert_int_equal(leave(&b, AE_BREAKER_SUCCESS), AE_BREAKER_RESETS);
    assert_int_equal(b.state, AE_BREAKER_CLOSED);

    assert_int_equal(stat_of().samples, 0);
    assert_int_equal(stat_of().opened, 0);
    assert_int_equal(samples(3, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
}


static void
test_probes_at_once(void **state)
{
    ae_breaker_pass_t  a, none;

    (void) state;

    half_open();

    a = enter(AE_OK);
    (void) enter(AE_OK);
    none = enter(AE_DECLINED);
    assert_int_equal(none.state, AE_BREAKER_HALF_OPEN);
    assert_int_equal(none.retry, SEC);

    assert_int_equal(leave(&a, AE_BREAKER_NONE), AE_BREAKER_STAYS);
    (void) enter(AE_OK);
    (void) enter(AE_DECLINED);
}


static void
test_slow_probe(void **state)
{
    ae_breaker_pass_t  pass;

    (void) state;

    half_open();

    pass = enter(AE_OK);
    assert_int_equal(leave(&pass, AE_BREAKER_SLOW), AE_BREAKER_STAYS);

    rule.slow_threshold = 1000000;
    pass = enter(AE_OK);
    assert_int_equal(leave(&pass, AE_BREAKER_SLOW), AE_BREAKER_TRIPS);
}


static void
test_late_probe_moves_nothing(void **state)
{
    ae_breaker_pass_t  a, b, c;

    (void) state;

    half_open();

    a = enter(AE_OK);
    b = enter(AE_OK);
    assert_int_equal(leave(&a, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
    assert_int_equal(leave(&b, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().opened, 2);

    pass_by(60 * SEC);
    c = enter(AE_OK);
    assert_int_equal(leave(&b, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(stat_of().probes, 1);
    assert_int_equal(leave(&c, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    assert_int_equal(leave(&c, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
}


static void
test_late_probe_is_under_way(void **state)
{
    ae_breaker_pass_t  a, b;

    (void) state;

    rule.lease = 1000 * SEC;
    half_open();

    a = enter(AE_OK);
    b = enter(AE_OK);
    assert_int_equal(leave(&a, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);

    pass_by(60 * SEC);
    (void) enter(AE_OK);
    (void) enter(AE_DECLINED);

    assert_int_equal(leave(&b, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);
    (void) enter(AE_OK);
    (void) enter(AE_DECLINED);
}


static void
test_lease_ends(void **state)
{
    ae_breaker_pass_t  a, b, c, none;

    (void) state;

    half_open();

    a = enter(AE_OK);
    b = enter(AE_OK);
    pass_by(5 * SEC - 1);
    none = enter(AE_DECLINED);
    assert_in_range(none.retry, 1, 17000000);

    /* not given to anybody yet, so it still counts */

    pass_by(17000000);
    assert_int_equal(stat_of().probes, 0);
    assert_int_equal(leave(&b, AE_BREAKER_SUCCESS), AE_BREAKER_STAYS);

    c = enter(AE_OK);
    assert_int_equal(leave(&a, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(leave(&c, AE_BREAKER_SUCCESS), AE_BREAKER_RESETS);
}


static void
test_lease_never_comes_back(void **state)
{
    (void) state;

    half_open();

    (void) enter(AE_OK);
    (void) enter(AE_OK);

    /* deadlines are kept in 20 bits of 2^24 ns */

    pass_by((uint64_t) 1 << 44);
    assert_int_equal(stat_of().probes, 0);
    (void) enter(AE_OK);
    (void) enter(AE_OK);
    (void) enter(AE_DECLINED);
}


static void
test_adopted_probes(void **state)
{
    ae_breaker_pass_t  a;

    (void) state;

    half_open();

    a = enter(AE_OK);
    (void) enter(AE_OK);
    ae_breakers_adopt(breakers, OWNER + 1);
    (void) enter(AE_DECLINED);

    ae_breakers_adopt(breakers, OWNER);
    assert_int_equal(stat_of().probes, 0);
    assert_int_equal(leave(&a, AE_BREAKER_FAILURE), AE_BREAKER_STAYS);
    assert_int_equal(a.state, AE_BREAKER_HALF_OPEN);
    (void) enter(AE_OK);
    (void) enter(AE_OK);
}


static void
test_most_probes(void **state)
{
    int                i;
    ae_breaker_pass_t  pass[AE_BREAKER_PROBES];

    (void) state;

    rule.half_open = 2 * AE_BREAKER_PROBES;
    half_open();

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        pass[i] = enter(AE_OK);
    }

    (void) enter(AE_DECLINED);

    rule.half_open = AE_BREAKER_PROBES;

    for (i = 0; i < AE_BREAKER_PROBES; i++) {
        assert_int_equal(leave(&pass[i], AE_BREAKER_SUCCESS),
                         i == AE_BREAKER_PROBES - 1 ? AE_BREAKER_RESETS
                                                    : AE_BREAKER_STAYS);
    }
}


static void
test_rule_without_probes(void **state)
{
    (void) state;

    half_open();
    (void) enter(AE_OK);

    rule.half_open = 0;
    assert_int_equal(enter(AE_OK).change, AE_BREAKER_RESETS);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        breaker_test(test_three_failures_of_three),
        breaker_test(test_share_of_failures),
        breaker_test(test_success_never_trips),
        breaker_test(test_none_is_no_sample),
        breaker_test(test_slow_is_no_matter),
        breaker_test(test_slow_or_failed),
        breaker_test(test_again_in_its_place),
        breaker_test(test_window_moves),
        breaker_test(test_late_clock_counts),
        breaker_test(test_other_rule),
        breaker_test(test_late_answer_is_none),
        breaker_test(test_open_until_its_time),
        breaker_test(test_no_probes),
        breaker_test(test_open_time_grows),
        breaker_test(test_jitter),
        breaker_test(test_probes_close),
        breaker_test(test_probes_at_once),
        breaker_test(test_slow_probe),
        breaker_test(test_late_probe_moves_nothing),
        breaker_test(test_late_probe_is_under_way),
        breaker_test(test_lease_ends),
        breaker_test(test_lease_never_comes_back),
        breaker_test(test_adopted_probes),
        breaker_test(test_most_probes),
        breaker_test(test_rule_without_probes),
    };

    alarm(60);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
