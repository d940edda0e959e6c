/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db_help.h"


static ae_db_t  *db;


static int
setup(void **state)
{
    if (db_setup(state) != 0) {
        return -1;
    }

    db = db_open();

    return 0;
}


static int
teardown(void **state)
{
    ae_db_close(db);

    return db_teardown(state);
}


static void
attempt(uint64_t n, uint64_t endpoint, const char *state)
{
    ae_db_attempt_t  a;

    a = db_attempt(n, endpoint, state);
    assert_int_equal(ae_db_attempt_put(db, &a), AE_OK);
}


static void
dead(uint64_t n, uint64_t endpoint)
{
    ae_db_attempt_t  a;

    a = db_attempt(n, endpoint, "dead");
    assert_int_equal(ae_db_dead_put(db, &a), AE_OK);
}


static int64_t
rows(const char *table)
{
    char  sql[64];

    strcpy(sql, "SELECT count(*) FROM ");
    strcat(sql, table);

    return db_number(db_path("db"), sql);
}


static void
retain(uint64_t before, uint64_t max, size_t n)
{
    int  rc, calls;

    for (calls = 0; calls < 100000; calls++) {
        rc = ae_db_retain(db, before, max, n);

        if (rc != AE_AGAIN) {
            break;
        }
    }

    assert_int_equal(rc, AE_OK);
}


static void
test_age(void **state)
{
    uint64_t  i;

    (void) state;

    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 1; i <= 100; i++) {
        db_event(db, i, DB_NOW + i * DB_SEC);
        attempt(i, 1, "delivered");

        if (i % 10 == 0) {
            dead(i, 1);
        }
    }

    assert_int_equal(ae_db_commit(db), AE_OK);

    retain(DB_NOW, 0, 7);
    assert_int_equal(rows("event"), 100);

    retain(DB_NOW + 51 * DB_SEC, 0, 7);
    assert_int_equal(rows("event"), 50);
    assert_int_equal(rows("attempt"), 50);
    assert_int_equal(rows("dead"), 5);
    assert_int_equal(db_number(db_path("db"), "SELECT min(uid) FROM attempt"),
                     51);

    /* the newest attempt keeps its event */

    retain(DB_NOW + 1000 * DB_SEC, 0, 7);
    assert_int_equal(rows("attempt"), 1);
    assert_int_equal(rows("dead"), 0);
    assert_int_equal(rows("event"), 1);
}


/* whoever names an event keeps it, and it does not stand in the way */

static void
test_named(void **state)
{
    uint64_t         i;
    ae_outbox_row_t  row;

    (void) state;

    for (i = 1; i <= 100; i++) {
        db_event(db, i, DB_NOW + i * DB_SEC);

        if (i <= 30) {
            row = db_row(i, i);
            assert_int_equal(ae_db_outbox_put(db, 1, &row), AE_OK);
        }
    }

    assert_int_equal(ae_db_unrouted_put(db, 1, db_id(99)), AE_OK);

    retain(DB_NOW + 1000 * DB_SEC, 0, 7);
    assert_int_equal(rows("event"), 31);
    assert_int_equal(rows("outbox"), 30);

    for (i = 1; i <= 10; i++) {
        assert_int_equal(ae_db_outbox_delete(db, i), AE_OK);
    }

    retain(DB_NOW + 1000 * DB_SEC, 0, 7);
    assert_int_equal(rows("event"), 21);
}


/* a step is bounded */

static void
test_step(void **state)
{
    uint64_t  i;

    (void) state;

    for (i = 1; i <= 20; i++) {
        db_event(db, i, DB_NOW);
        attempt(i, 1, "delivered");
    }

    assert_int_equal(ae_db_retain(db, DB_NOW + DB_DAY, 0, 5), AE_AGAIN);
    assert_int_equal(rows("attempt"), 15);
    assert_int_equal(rows("event"), 15);
}


static void
test_size(void **state)
{
    size_t           len;
    uint64_t         i, max;
    ae_db_attempt_t  a;
    ae_outbox_row_t  row;

    (void) state;

    max = 1024 * 1024;

    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 1; i <= 10000; i++) {
        db_event(db, i, DB_NOW + i * DB_SEC);
        a = db_attempt(i, 1, "delivered");
        assert_int_equal(ae_db_attempt_put(db, &a), AE_OK);

        if (i <= 10) {
            row = db_row(i, i);
            assert_int_equal(ae_db_outbox_put(db, 1, &row), AE_OK);
        }
    }

    assert_int_equal(ae_db_commit(db), AE_OK);

    retain(0, max, 100);

    /* neither too much nor too little, and the newest are still there */

    assert_in_range(rows("attempt"), 1000, 9000);
    assert_int_equal(rows("event"), rows("attempt") + 10);
    assert_int_equal(rows("outbox"), 10);
    assert_int_equal(db_number(db_path("db"), "SELECT max(uid) FROM attempt"),
                     10000);

    ae_db_close(db);
    free(db_slurp(db_path("db"), &len));
    assert_in_range(len, max / 2, max);

    db = db_open();
}


/* events alone may be too much as well; what is pending never goes */

static void
test_events(void **state)
{
    uint64_t         i;
    ae_outbox_row_t  row;

    (void) state;

    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 1; i <= 5000; i++) {
        db_event(db, i, DB_NOW + i * DB_SEC);

        if (i % 2) {
            row = db_row(i, i);
            assert_int_equal(ae_db_outbox_put(db, 1, &row), AE_OK);
        }
    }

    assert_int_equal(ae_db_commit(db), AE_OK);

    retain(0, 4096, 100);
    assert_int_equal(rows("event"), 2500);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_step, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
