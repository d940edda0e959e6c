/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/record.h"
#include "core/shared/shared.h"
#include "random.h"


#define RECORD_RIGHTS        60
#define RECORD_WORDS         (AE_SESSION_RECORD_MAX / 8)


typedef union {
    ae_record_t              r;
    uint64_t                 words[RECORD_WORDS];
} record_t;


static void record_fill(record_t *record);


static void
record_fill(record_t *record)
{
    memset(record, 0xa5, sizeof(record_t));

    record->r.inactive = 0;
    record->r.policies = 0;
    record->r.expires = 1;
    record->r.rate_max = 2;
    record->r.rate_period = 3;
    record->r.quota_max = 4;
    record->r.quota_period = 5;
}


static void
test_round_trip(void **state)
{
    ae_str_t  s;
    record_t  one, two;

    uint64_t  rights[3] = {
        ae_record_right(30, 1),
        ae_record_right(11, 0),
        ae_record_right(UINT64_MAX, 1)
    };

    (void) state;

    record_fill(&one);
    assert_int_equal(ae_record_make(&one.r, sizeof(one), rights, 3,
                                    ae_str("acme"), ae_str("alice")),
                     AE_OK);

    /* it is its bytes */

    memset(&two, 0, sizeof(two));
    memcpy(&two, &one, one.r.len);

    assert_true(ae_record_valid(&two.r, one.r.len, 0));
    assert_int_equal(two.r.rights, 3);
    assert_int_equal(two.r.rate_max, 2);
    assert_int_equal(two.r.quota_period, 5);

    s = ae_record_org(&two.r);
    assert_int_equal(s.len, 4);
    assert_memory_equal(s.data, "acme", 4);
    s = ae_record_alias(&two.r);
    assert_int_equal(s.len, 5);
    assert_memory_equal(s.data, "alice", 5);

    /* the last bit of a hash says nothing */

    assert_int_equal(ae_record_find(&two.r, 30), AE_OK);
    assert_int_equal(ae_record_find(&two.r, 31), AE_OK);
    assert_int_equal(ae_record_find(&two.r, 10), AE_AGAIN);
    assert_int_equal(ae_record_find(&two.r, 11), AE_AGAIN);
    assert_int_equal(ae_record_find(&two.r, UINT64_MAX), AE_OK);
    assert_int_equal(ae_record_find(&two.r, 0), AE_DECLINED);
    assert_int_equal(ae_record_find(&two.r, 12), AE_DECLINED);
    assert_int_equal(ae_record_find(&two.r, 32), AE_DECLINED);
}


static void
test_equal_sessions_are_equal_bytes(void **state)
{
    record_t  one, two;

    uint64_t  rights[2] = { 2, 4 }, others[2] = { 4, 2 };

    (void) state;

    memset(&two, 0, sizeof(two));
    record_fill(&one);
    record_fill(&two);
    memset(two.r.right, 0, 64);

    assert_int_equal(ae_record_make(&one.r, sizeof(one), rights, 2,
                                    ae_str("a"), ae_str("b")), AE_OK);
    assert_int_equal(ae_record_make(&two.r, sizeof(two), others, 2,
                                    ae_str("a"), ae_str("b")), AE_OK);

    assert_memory_equal(&one, &two, one.r.len);
}


static void
test_what_is_valid(void **state)
{
    size_t    i;
    record_t  record;

    (void) state;

    record_fill(&record);
    record.r.policies = 77;
    assert_int_equal(ae_record_make(&record.r, sizeof(record), NULL, 0,
                                    ae_str(""), ae_str("bob")), AE_OK);

    /* of one length and of one configuration's policies */

    for (i = 0; i <= sizeof(record); i++) {
        assert_int_equal(ae_record_valid(&record.r, i, 77),
                         i == record.r.len);
    }

    assert_false(ae_record_valid(&record.r, record.r.len, 0));
    assert_false(ae_record_valid(&record.r, record.r.len, 78));

    record.r.policies = 0;
    assert_true(ae_record_valid(&record.r, record.r.len, 0));
    assert_true(ae_record_valid(&record.r, record.r.len, 78));

    record.r.rights = 9;
    assert_false(ae_record_valid(&record.r, record.r.len, 0));
    record.r.rights = 0;

    record.r.format++;
    assert_false(ae_record_valid(&record.r, record.r.len, 0));
}


static void
test_too_long(void **state)
{
    size_t         most;
    record_t       record;
    ae_str_t       s;
    uint64_t       rights[RECORD_RIGHTS];
    unsigned char  text[300];

    (void) state;

    memset(rights, 0, sizeof(rights));
    memset(text, 'x', sizeof(text));
    most = (AE_SESSION_RECORD_MAX - sizeof(ae_record_t)) / sizeof(uint64_t);
    assert_true(most < RECORD_RIGHTS);

    assert_int_equal(ae_record_make(&record.r, sizeof(record), rights, most,
                                    ae_str(""), ae_str("")), AE_OK);
    assert_int_equal(ae_record_make(&record.r, sizeof(record), rights,
                                    most + 1, ae_str(""), ae_str("")),
                     AE_FULL);
    assert_int_equal(ae_record_make(&record.r, sizeof(record), rights, most,
                                    ae_str("x"), ae_str("")), AE_FULL);
    assert_int_equal(ae_record_make(&record.r, sizeof(ae_record_t) + 7,
                                    rights, 1, ae_str(""), ae_str("")),
                     AE_FULL);

    /* the number of the rights overflows nothing */

    assert_int_equal(ae_record_make(&record.r, sizeof(record), rights,
                                    SIZE_MAX / 8, ae_str(""), ae_str("")),
                     AE_FULL);

    s.data = text;
    s.len = 255;
    assert_int_equal(ae_record_make(&record.r, sizeof(record), NULL, 0, s,
                                    ae_str("y")), AE_OK);
    assert_int_equal(ae_record_alias(&record.r).data[0], 'y');

    s.len = 256;
    assert_int_equal(ae_record_make(&record.r, sizeof(record), NULL, 0, s,
                                    ae_str("")), AE_FULL);
    assert_int_equal(ae_record_make(&record.r, sizeof(record), NULL, 0,
                                    ae_str(""), s), AE_FULL);
}


static void
test_random_rights(void **state)
{
    int       step, rc, want;
    size_t    i, n;
    record_t  record;
    uint64_t  hash, rights[40];

    (void) state;

    for (step = 0; step < 20000; step++) {
        n = ae_random() % 40;

        /* different ones, some of which are plain */

        for (i = 0; i < n; i++) {
            rights[i] = ae_record_right(i * 4 + 8, ae_random() % 2);
            hash = ae_random() % (i + 1);

            if (hash != i) {
                rights[i] ^= rights[hash];
                rights[hash] ^= rights[i];
                rights[i] ^= rights[hash];
            }
        }

        record_fill(&record);
        assert_int_equal(ae_record_make(&record.r, sizeof(record), rights, n,
                                        ae_str("org"), ae_str("")), AE_OK);

        hash = ae_random() % 180;
        want = AE_DECLINED;

        for (i = 0; i < n; i++) {
            if ((rights[i] | 1) == (hash | 1)) {
                want = (rights[i] & 1) ? AE_AGAIN : AE_OK;
            }
        }

        rc = ae_record_find(&record.r, hash);
        assert_int_equal(rc, want);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_equal_sessions_are_equal_bytes),
        cmocka_unit_test(test_what_is_valid),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_random_rights),
    };

    ae_random_seed();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
