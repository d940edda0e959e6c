/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "db_help.h"


static void
test_removed(void **state)
{
    ae_db_t  *db;

    (void) state;

    db = db_open();
    assert_int_equal(unlink(db_path("db")), 0);

    assert_int_equal(ae_db_begin(db), AE_ERROR);
    assert_int_equal(ae_db_state(db), AE_DB_ABSENT);
    assert_string_equal(ae_db_error(db), "the file was removed or renamed");

    ae_db_close(db);
}


/* after an error nothing else of the group is written */

static void
test_failed_group(void **state)
{
    ae_db_t     *db, *other;
    ae_str_t     record;
    ae_arena_t  *arena;

    (void) state;

    db = db_open();
    other = db_open();
    arena = ae_arena_create(64);

    assert_int_equal(ae_db_begin(db), AE_OK);
    db_event(db, 1, DB_NOW);

    /* there is no room for its record */

    while (ae_arena_alloc(arena, 1) != NULL) { /* void */ }

    assert_int_equal(ae_db_event_get(db, db_id(1), arena, &record), AE_ERROR);
    assert_int_equal(ae_db_state(db), AE_DB_MEMORY);

    assert_int_equal(ae_db_outbox_delete(db, 1), AE_ERROR);
    assert_int_equal(ae_db_commit(db), AE_ERROR);
    assert_int_equal(ae_db_state(db), AE_DB_MEMORY);

    assert_int_equal(db_number(db_path("db"), "SELECT count(*) FROM event"),
                     0);

    /* and then all is well again */

    assert_int_equal(ae_db_begin(db), AE_OK);
    db_event(db, 1, DB_NOW);
    assert_int_equal(ae_db_commit(db), AE_OK);

    assert_int_equal(ae_db_begin(db), AE_OK);
    db_event(db, 2, DB_NOW);
    ae_db_rollback(db);

    assert_int_equal(db_number(db_path("db"), "SELECT count(*) FROM event"),
                     1);

    ae_db_close(db);
    ae_db_close(other);
    ae_arena_destroy(arena);
}


/* a reader sees one moment */

static void
test_read(void **state)
{
    ae_db_t     *db, *other;
    ae_str_t     record;
    ae_arena_t  *arena;

    (void) state;

    db = db_open();
    other = db_open();
    arena = ae_arena_create(0);

    assert_int_equal(ae_db_read(other), AE_OK);
    assert_int_equal(ae_db_event_get(other, db_id(1), arena, &record),
                     AE_DECLINED);

    db_event(db, 1, DB_NOW);

    assert_int_equal(ae_db_event_get(other, db_id(1), arena, &record),
                     AE_DECLINED);
    assert_int_equal(ae_db_commit(other), AE_OK);
    assert_int_equal(ae_db_event_get(other, db_id(1), arena, &record), AE_OK);
    assert_int_equal(record.len, 8);
    assert_string_equal((char *) record.data, "record 1");

    ae_db_close(db);
    ae_db_close(other);
    ae_arena_destroy(arena);
}


/* another process writes for too long */

static void
test_busy(void **state)
{
    ae_db_t  *db, *other;

    (void) state;

    db = db_open();
    other = db_open();

    assert_int_equal(ae_db_begin(db), AE_OK);
    assert_int_equal(ae_db_begin(other), AE_ERROR);
    assert_int_equal(ae_db_state(other), AE_DB_BUSY);
    assert_int_equal(ae_db_commit(db), AE_OK);

    assert_int_equal(ae_db_begin(other), AE_OK);
    ae_db_rollback(other);

    ae_db_close(db);
    ae_db_close(other);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_removed, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_failed_group, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_read, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_busy, db_setup, db_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
