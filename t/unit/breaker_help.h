/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the tests of breakers share: a zone, a moment, a rule, and what is done
 * with one breaker by them.  cmocka.h comes first.
 */


#ifndef _BREAKER_HELP_H_INCLUDED_
#define _BREAKER_HELP_H_INCLUDED_


#include <stdlib.h>
#include <string.h>

#include "core/shared/ae_breaker.h"


#define SEC                  1000000000ull
#define BREAKERS_SIZE        (256 * 1024)
#define OWNER                3


static ae_now_t           now;
static ae_breakers_t     *breakers;
static ae_breaker_rule_t  rule;


/* both clocks go on; the wall one may be set as well */

static inline void
pass_by(uint64_t ns)
{
    now.mono += ns;
    now.wall += ns;
}


/* to be freed; now is some moment at which a second begins */

static inline ae_breakers_t *
breakers_new(size_t size)
{
    void  *mem;

    now.mono = 1000 * SEC;
    now.wall = 1704067200 * SEC;

    mem = aligned_alloc(64, (size + 63) / 64 * 64);

    if (mem == NULL) {
        abort();
    }

    memset(mem, 0, size);

    return ae_breakers_init(mem, size);
}


static inline ae_id_t
breaker_id(uint64_t n)
{
    return (ae_id_t) { { (n + 1) * 0x9e3779b97f4a7c15, n + 1 } };
}


/* half of at least four in 10 s; open for 30 s, then two probes of 5 s */

static inline ae_breaker_rule_t
breaker_rule(void)
{
    return (ae_breaker_rule_t) {
        .threshold = 500000,
        .samples = 4,
        .half_open = 2,
        .window = 10 * SEC,
        .open = 30 * SEC,
        .lease = 5 * SEC
    };
}


static inline int
breaker_setup(void **state)
{
    (void) state;

    breakers = breakers_new(BREAKERS_SIZE);
    assert_non_null(breakers);

    rule = breaker_rule();

    return 0;
}


static inline int
breaker_teardown(void **state)
{
    (void) state;

    free(breakers);

    return 0;
}


static inline ae_breaker_pass_t
enter(int rc)
{
    ae_breaker_pass_t  pass;

    memset(&pass, 0xa5, sizeof(pass));

    assert_int_equal(ae_breaker_enter(breakers, breaker_id(0), &rule, OWNER,
                                      &now, &pass),
                     rc);

    assert_true(rc == AE_DECLINED ? pass.retry != 0 : pass.retry == 0);

    return pass;
}


static inline ae_breaker_change_e
leave(ae_breaker_pass_t *pass, ae_breaker_outcome_e outcome)
{
    ae_breaker_leave(breakers, &rule, pass, outcome, &now);

    return pass->change;
}


/* the last one's change */

static inline ae_breaker_change_e
samples(int n, ae_breaker_outcome_e outcome)
{
    ae_breaker_pass_t  pass;

    while (n-- > 0) {
        pass = enter(AE_OK);
        (void) leave(&pass, outcome);
    }

    return pass.change;
}


static inline ae_breaker_stat_t
stat_of(void)
{
    ae_breaker_stat_t  st;

    assert_int_equal(ae_breaker_stat(breakers, breaker_id(0), &now, &st),
                     AE_OK);

    return st;
}


static inline void
trip(void)
{
    assert_int_equal(samples(4, AE_BREAKER_FAILURE), AE_BREAKER_TRIPS);
    assert_int_equal(stat_of().state, AE_BREAKER_OPEN);
}


/* with one probe under way, which is not among those of the test */

static inline void
half_open(void)
{
    ae_breaker_pass_t  pass;

    trip();
    pass_by(36 * SEC);

    pass = enter(AE_OK);
    assert_int_equal(pass.state, AE_BREAKER_HALF_OPEN);
    assert_int_equal(pass.change, AE_BREAKER_STAYS);
    assert_int_not_equal(pass.probe, 0);

    (void) leave(&pass, AE_BREAKER_NONE);
}


static inline void
force(ae_breaker_state_e to, ae_breaker_change_e expected)
{
    ae_breaker_change_e  change;

    assert_int_equal(ae_breaker_force(breakers, breaker_id(0), to, &now,
                                      &change),
                     AE_OK);
    assert_int_equal(change, expected);
    assert_int_equal(stat_of().state, to);
}


/* n breakers besides the test's own one enter */

static inline uint32_t
fill(uint64_t from, uint32_t n)
{
    uint32_t           i, made;
    ae_breaker_pass_t  pass;

    made = 0;

    for (i = 0; i < n; i++) {
        assert_int_equal(ae_breaker_enter(breakers, breaker_id(from + i),
                                          &rule, OWNER, &now, &pass),
                         AE_OK);
        made += ((pass.id.h[0] | pass.id.h[1]) != 0);
    }

    return made;
}


#define breaker_test(name)                                                    \
    cmocka_unit_test_setup_teardown(name, breaker_setup, breaker_teardown)


#endif /* _BREAKER_HELP_H_INCLUDED_ */
