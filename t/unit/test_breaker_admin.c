/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "breaker_help.h"


static size_t dump(ae_breaker_record_t *out);
static void restart(uint64_t wall);


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


/* ---- into another area ---- */


/* all that are not closed, two at a time */

static size_t
dump(ae_breaker_record_t *out)
{
    size_t    n;
    uint64_t  cursor;

    n = 0;

    for (cursor = 0; cursor != AE_BREAKERS_END; /* void */ ) {
        n += ae_breakers_dump(breakers, &cursor, out + n, 2, &now);
        assert_true(n < 16);
    }

    return n;
}


/* another run of the machine */

static void
restart(uint64_t wall)
{
    free(breakers);
    breakers = breakers_new(BREAKERS_SIZE);

    now.mono = 7 * SEC;
    now.wall = wall;
}


static void
test_carried(void **state)
{
    int                  i;
    uint64_t             left;
    ae_breaker_pass_t    pass;
    ae_breaker_change_e  change;
    ae_breaker_record_t  record[16];

    (void) state;

    trip();
    left = stat_of().retry;

    assert_int_equal(fill(1, 5), 5);
    assert_int_equal(ae_breaker_force(breakers, breaker_id(2),
                                      AE_BREAKER_FORCED_OPEN, &now, &change),
                     AE_OK);
    assert_int_equal(ae_breaker_force(breakers, breaker_id(3),
                                      AE_BREAKER_FORCED_CLOSED, &now,
                                      &change),
                     AE_OK);
    assert_int_equal(dump(record), 3);

    restart(now.wall + 10 * SEC);

    for (i = 0; i < 3; i++) {
        assert_int_equal(ae_breakers_restore(breakers, &record[i], &now),
                         AE_OK);
        assert_int_equal(ae_breakers_restore(breakers, &record[i], &now),
                         AE_DECLINED);
    }

    assert_int_equal(stat_of().state, AE_BREAKER_OPEN);
    assert_int_equal(stat_of().opened, 1);
    assert_int_equal(stat_of().retry, left - 10 * SEC);

    assert_int_equal(ae_breaker_enter(breakers, breaker_id(2), &rule, OWNER,
                                      &now, &pass),
                     AE_DECLINED);
    assert_int_equal(pass.state, AE_BREAKER_FORCED_OPEN);

    pass_by(left - 10 * SEC);
    pass = enter(AE_OK);
    assert_int_equal(leave(&pass, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
    assert_int_equal(stat_of().opened, 2);
}


static void
test_carried_half_open(void **state)
{
    ae_breaker_pass_t    pass;
    ae_breaker_record_t  record[16];

    (void) state;

    half_open();
    (void) enter(AE_OK);
    assert_int_equal(dump(record), 1);

    restart(now.wall);

    assert_int_equal(ae_breakers_restore(breakers, &record[0], &now), AE_OK);
    assert_int_equal(stat_of().probes, 0);

    (void) enter(AE_OK);
    pass = enter(AE_OK);
    (void) enter(AE_DECLINED);
    assert_int_equal(leave(&pass, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
    assert_int_equal(stat_of().opened, 2);
}


static void
test_carried_back_in_time(void **state)
{
    uint64_t             left;
    ae_breaker_record_t  record[16];

    (void) state;

    trip();
    left = stat_of().retry;
    assert_int_equal(dump(record), 1);

    restart(5);
    assert_int_equal(ae_breakers_restore(breakers, &record[0], &now), AE_OK);
    assert_int_equal(stat_of().retry, left);
}


static void
test_no_record(void **state)
{
    ae_breaker_record_t  record;

    (void) state;

    memset(&record, 0, sizeof(record));
    record.id = breaker_id(0);

    assert_int_equal(ae_breakers_restore(breakers, &record, &now), AE_ERROR);

    record.state = AE_BREAKER_OPEN;
    assert_int_equal(ae_breakers_restore(breakers, &record, &now), AE_ERROR);

    record.opened = UINT32_MAX;
    assert_int_equal(ae_breakers_restore(breakers, &record, &now), AE_ERROR);

    record.opened = 1;
    record.left = UINT64_MAX;
    assert_int_equal(ae_breakers_restore(breakers, &record, &now), AE_ERROR);

    record.left = 0;
    record.state = 5;
    assert_int_equal(ae_breakers_restore(breakers, &record, &now), AE_ERROR);
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
        breaker_test(test_carried),
        breaker_test(test_carried_half_open),
        breaker_test(test_carried_back_in_time),
        breaker_test(test_no_record),
    };

    alarm(60);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
