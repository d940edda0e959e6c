/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The power goes at some change of a file: what commit has returned of is
 * there afterwards, what it had not is there as a whole or not at all.  The
 * number of groups that there are is the count of a counter that each of them
 * puts.  And disks that are full, or fail, for a while.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/sqlite/sqlite_private.h"

#include "db_help.h"
#include "db_vfs.h"
#include "random.h"


#define POWER_GROUPS         8
#define POWER_EACH           4              /* deliveries of a group */
#define POWER_KEPT           4              /* groups that retention leaves */
#define POWER_PENDING        2              /* groups that are pending */
#define POWER_CUTS           1000
#define POWER_LOG            24             /* pages, until it is written back,
                                               so that this happens too */


/* NULL: there was no power, or no room */

static ae_db_t *
power_open(ae_db_state_e *state)
{
    ae_db_t     *db;
    ae_error_t   err;

    db = ae_db_open("db", DB_VFS, state, &err);

    if (db != NULL) {
        (void) sqlite3_wal_autocheckpoint(db->sql, POWER_LOG);
    }

    return db;
}


static int
power_delivery(ae_db_t *db, uint64_t n, uint64_t group)
{
    char              record[700];
    ae_event_t        ev;
    ae_outbox_row_t   row;
    ae_db_attempt_t   a;

    memset(&ev, 0, sizeof(ae_event_t));
    memset(record, 'r', sizeof(record));

    ev.id = db_id(n + 1);
    ev.time = DB_NOW + group * DB_SEC;

    a = db_attempt(n + 1, n % 3, n % 5 ? "delivered" : "retry");
    a.time = ev.time;

    row = db_row(n + 1, n + 1);

    if (ae_db_event(db, &ev, (ae_str_t) { n * 97 % sizeof(record),
                                          (unsigned char *) record }) != AE_OK
        || ae_db_outbox_put(db, 1, &row) != AE_OK
        || ae_db_attempt_put(db, &a) != AE_OK)
    {
        return AE_ERROR;
    }

    return (group >= POWER_PENDING)
           ? ae_db_outbox_delete(db, n + 1 - POWER_EACH * POWER_PENDING)
           : AE_OK;
}


/* one that changes with each group, and one that comes and goes; a part that
 * is undone is never there */

static int
power_document(ae_db_t *db, uint64_t group)
{
    char              body[16];
    uint64_t          rev;
    ae_db_document_t  doc;

    memset(&doc, 0, sizeof(ae_db_document_t));
    snprintf(body, sizeof(body), "%d", (int) group + 1);

    doc.collection = db_str("key");
    doc.id = db_str("undone");
    doc.body = db_str(body);

    if (ae_db_savepoint(db) != AE_OK
        || ae_db_document_put(db, &doc, AE_DB_ANY) != AE_OK
        || ae_db_undo(db) != AE_OK)
    {
        return AE_ERROR;
    }

    doc.id = db_str("a");

    if (ae_db_savepoint(db) != AE_OK
        || ae_db_document_put(db, &doc, AE_DB_ANY) != AE_OK
        || ae_db_keep(db) != AE_OK)
    {
        return AE_ERROR;
    }

    doc.id = db_str("b");

    return (group % 2 == 0)
           ? ae_db_document_put(db, &doc, 0)
           : ae_db_document_delete(db, doc.collection, doc.id, AE_DB_ANY,
                                   DB_NOW, &rev);
}


static int
power_group(ae_db_t *db, uint64_t group)
{
    uint64_t           i;
    ae_limit_record_t  r;

    if (ae_db_begin(db) != AE_OK) {
        return AE_ERROR;
    }

    r = db_counter(1, DB_NOW, group + 1);

    if (ae_db_counter_put(db, 1, &r) != AE_OK) {
        return AE_ERROR;
    }

    if (power_document(db, group) != AE_OK) {
        return AE_ERROR;
    }

    for (i = 0; i < POWER_EACH; i++) {

        if (power_delivery(db, group * POWER_EACH + i, group) != AE_OK) {
            return AE_ERROR;
        }
    }

    return ae_db_commit(db);
}


static int
power_retain(ae_db_t *db, uint64_t group)
{
    int  rc;

    if (group < POWER_KEPT) {
        return AE_OK;
    }

    do {
        rc = ae_db_retain(db, DB_NOW + (group - POWER_KEPT) * DB_SEC, 0, 5);
    } while (rc == AE_AGAIN);

    return rc;
}


/* returns how many groups were committed, up to the cut */

static uint64_t
power_work(void)
{
    ae_db_t        *db;
    uint64_t        group;
    ae_db_state_e   state;

    group = 0;
    db = power_open(&state);

    while (db != NULL && group < POWER_GROUPS) {

        if (power_group(db, group) != AE_OK) {
            break;
        }

        group++;

        if (power_retain(db, group) != AE_OK) {
            break;
        }
    }

    if (db != NULL) {
        ae_db_close(db);
    }

    return group;
}


static int64_t
power_number(ae_db_t *db, const char *sql)
{
    int64_t        n;
    sqlite3_stmt  *st;

    assert_int_equal(sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL),
                     SQLITE_OK);

    n = (sqlite3_step(st) == SQLITE_ROW) ? sqlite3_column_int64(st, 0) : 0;

    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);

    return n;
}


static void
power_intact(ae_db_t *db)
{
    sqlite3_stmt  *st;

    assert_int_equal(sqlite3_prepare_v2(db->sql, "PRAGMA integrity_check", -1,
                                        &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *) sqlite3_column_text(st, 0), "ok");
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
}


/* what is there is what so many groups have made; returns how many */

static uint64_t
power_groups(ae_db_t *db)
{
    char      sql[128];
    int64_t   groups, kept, pending;

    power_intact(db);

    groups = power_number(db, "SELECT count FROM counter");
    kept = (groups < POWER_KEPT) ? groups : POWER_KEPT;
    pending = (groups < POWER_PENDING) ? groups : POWER_PENDING;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM attempt a, event e"
             " WHERE e.id = a.event AND uid > %d",
             (int) (groups - kept) * POWER_EACH);

    assert_int_equal(power_number(db, sql), kept * POWER_EACH);
    assert_int_equal(power_number(db, "SELECT count(*) FROM outbox"),
                     pending * POWER_EACH);
    assert_int_equal(power_number(db, "SELECT count(*) FROM outbox o, event e"
                                  " WHERE e.id = o.event"),
                     pending * POWER_EACH);
    assert_int_equal(power_number(db, "SELECT ifnull(max(uid), 0)"
                                  " FROM attempt"), groups * POWER_EACH);

    assert_int_equal(power_number(db, "SELECT ifnull(sum(body), 0)"
                                  " FROM document WHERE id = 'a'"), groups);
    assert_int_equal(power_number(db, "SELECT ifnull(sum(documents), 0)"
                                  " FROM collection"),
                     power_number(db, "SELECT count(body) FROM document"));
    assert_int_equal(power_number(db, "SELECT ifnull(max(rev), 0)"
                                  " FROM document"), groups * 2);
    assert_int_equal(power_number(db, "SELECT count(*) FROM document"
                                  " WHERE id = 'undone'"), 0);

    return (uint64_t) groups;
}


static void
power_cut(long at, db_vfs_loss_e loss)
{
    ae_db_t        *db;
    uint64_t        committed, groups;
    ae_db_state_e   state;

    db_vfs_reset();
    db_vfs_cut_at(at);

    committed = power_work();
    assert_true(db_vfs_is_cut());

    db_vfs_power(loss);

    db = power_open(&state);
    assert_non_null(db);

    groups = power_groups(db);
    assert_in_range(groups, committed, committed + 1);

    /* and it goes on */

    assert_int_equal(power_group(db, groups), AE_OK);
    assert_int_equal(power_groups(db), groups + 1);

    ae_db_close(db);
}


/* how many changes all of it is */

static long
power_all(void)
{
    db_vfs_reset();
    assert_int_equal(power_work(), POWER_GROUPS);

    return db_vfs_changes();
}


static void
test_cuts(void **state)
{
    long           i, at, cuts, changes;
    db_vfs_loss_e  loss;

    (void) state;

    changes = power_all();
    cuts = ae_steps(POWER_CUTS);

    /* every change in turn, then by chance */

    for (i = 0; i < cuts; i++) {
        at = (i < changes) ? i : (long) (ae_random() % (uint64_t) changes);
        loss = ae_random() % DB_VFS_LOSSES;

        power_cut(at + 1, loss);
    }

    printf("%ld cuts in %ld changes\n", cuts, changes);
}


/* without the sync this test has to fail */

static void
test_nothing_lost_at_the_end(void **state)
{
    ae_db_t        *db;
    ae_db_state_e   st;

    (void) state;

    assert_true(power_all() > 100);

    db = power_open(&st);
    assert_non_null(db);
    assert_int_equal(power_group(db, POWER_GROUPS), AE_OK);

    db_vfs_cut_at(db_vfs_changes() + 1);
    ae_db_close(db);
    db_vfs_power(DB_VFS_NOTHING);

    db = power_open(&st);
    assert_non_null(db);
    assert_int_equal(power_groups(db), POWER_GROUPS + 1);
    ae_db_close(db);
}


/* ---- a disk that is full, or fails ---- */

static void
power_fail(long at, int error, ae_db_state_e want)
{
    int             failed;
    ae_db_t        *db;
    uint64_t        group;
    ae_db_state_e   state;

    db_vfs_reset();
    db_vfs_fail_at(at, error);

    db = power_open(&state);

    if (db == NULL) {
        assert_in_set(state, ((LargestIntegralType[]) { want, AE_DB_IO }), 2);
        db_vfs_fail_at(0, 0);
        db = power_open(&state);
        assert_non_null(db);
    }

    failed = 0;

    for (group = 0; group < POWER_GROUPS; /* void */ ) {

        if (power_group(db, group) == AE_OK) {
            group++;
            continue;
        }

        assert_in_set(ae_db_state(db),
                      ((LargestIntegralType[]) { want, AE_DB_IO }), 2);
        assert_true(ae_db_error(db)[0] != '\0');
        assert_int_equal(failed, 0);
        ae_db_rollback(db);
        failed = 1;

        /* it is as it was, and goes on when there is room again */

        assert_int_equal(power_groups(db), group);
        db_vfs_fail_at(0, 0);
    }

    db_vfs_fail_at(0, 0);
    assert_int_equal(power_groups(db), POWER_GROUPS);
    ae_db_close(db);

    db = power_open(&state);
    assert_non_null(db);
    assert_int_equal(power_groups(db), POWER_GROUPS);
    ae_db_close(db);
}


static void
test_full(void **state)
{
    long  at, changes;

    (void) state;

    changes = power_all();

    for (at = 1; at <= changes; at += 1 + (long) (ae_random() % 5)) {
        power_fail(at, SQLITE_FULL, AE_DB_FULL);
    }
}


static void
test_errors(void **state)
{
    long  at, changes;

    (void) state;

    changes = power_all();

    for (at = 1; at <= changes; at += 1 + (long) (ae_random() % 5)) {
        power_fail(at, SQLITE_IOERR, AE_DB_IO);
    }
}


static int
setup(void **state)
{
    (void) state;

    ae_random_seed();

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    db_vfs_reset();

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_nothing_lost_at_the_end),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_errors)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
