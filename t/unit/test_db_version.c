/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Files of the schema's version before this one: they are brought up with all
 * that is in them, also when the power goes on the way.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/sqlite/sqlite_private.h"

#include "db_help.h"
#include "db_version_1.h"
#include "db_vfs.h"
#include "random.h"


static void
version_make(const char *path, const char *vfs)
{
    sqlite3  *sql;

    assert_int_equal(sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE
                                     |SQLITE_OPEN_CREATE, vfs), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, db_version_1, NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}


/* what was there, and what is new */

static void
version_is(ae_db_t *db)
{
    size_t               n;
    ae_id_t              after;
    int64_t              id;
    ae_db_document_t     doc;
    ae_breaker_record_t  list[2];

    n = 2;
    memset(&after, 0, sizeof(ae_id_t));
    memset(&doc, 0, sizeof(ae_db_document_t));

    assert_int_equal(ae_db_breaker_list(db, &after, list, &n), AE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].id.h[0], 5);
    assert_int_equal(list[0].until, 4);

    /* numbers of instances go on, too */

    assert_int_equal(ae_db_instance(db, db_id(9), 1, 1, &id), AE_OK);
    assert_true(id >= 4);

    doc.collection = db_str("key");
    doc.id = db_str("a");
    doc.body = db_str("{}");
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_OK);
    assert_int_equal(doc.rev, 1);
}


static void
test_migrate(void **state)
{
    ae_db_t     *db;
    ae_error_t   err;

    (void) state;

    version_make(db_path("db"), NULL);

    /* a look leaves it as it is */

    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);
    assert_int_equal(db_number(db_path("db"), "PRAGMA user_version"), 1);

    db = db_open();
    version_is(db);
    ae_db_close(db);

    assert_int_equal(db_number(db_path("db"), "PRAGMA user_version"), 2);
    assert_int_equal(ae_db_check(db_path("db"), 1000, &err), AE_DB_OK);

    ae_db_close(db_open());
}


static void
test_damaged(void **state)
{
    ae_db_t        *db;
    ae_error_t      err;
    ae_db_state_e   st;

    (void) state;

    version_make(db_path("db"), NULL);
    db_exec(db_path("db"), "CREATE TABLE document (a)");

    db = ae_db_open(db_path("db"), NULL, &st, &err);
    assert_null(db);
    assert_int_equal(st, AE_DB_CORRUPT);
    assert_int_equal(db_number(db_path("db"), "PRAGMA user_version"), 1);
}


static void
test_power(void **state)
{
    long            at, changes, before;
    ae_db_t        *db;
    ae_error_t      err;
    ae_db_state_e   st;

    (void) state;

    changes = 1;

    for (at = 1; at <= changes; at++) {
        db_vfs_reset();
        version_make("db", DB_VFS);
        before = db_vfs_changes();

        db_vfs_cut_at(before + at);
        db = ae_db_open("db", DB_VFS, &st, &err);

        if (db != NULL) {
            ae_db_close(db);
        }

        changes = db_vfs_is_cut() ? at + 1 : at;
        db_vfs_power(ae_random() % DB_VFS_LOSSES);

        db = db_open_as("db", DB_VFS);
        version_is(db);
        ae_db_close(db);
    }

    printf("%ld cuts\n", changes - 1);
    db_vfs_reset();
}


static int
setup(void **state)
{
    (void) state;

    ae_random_seed();

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_migrate, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_damaged, db_setup, db_teardown),
        cmocka_unit_test(test_power)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
