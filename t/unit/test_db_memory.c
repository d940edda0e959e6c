/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Without memory: each allocation of the store's and of SQLite's fails once.
 * Every call says so, nothing of a failed group is written, and with memory
 * again the same connection goes on.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db_help.h"
#include "db_vfs.h"
#include "fail_alloc.h"
#include "random.h"


#define MEMORY_HEAD          16             /* where the size stands */
#define MEMORY_LIST          4
#define MEMORY_STRIDE        25             /* between those that fail */


/* ---- SQLite's memory comes from malloc() of this program ---- */

static void *
memory_malloc(int size)
{
    size_t  *p;

    p = malloc((size_t) size + MEMORY_HEAD);

    if (p == NULL) {
        return NULL;
    }

    *p = (size_t) size;

    return (char *) p + MEMORY_HEAD;
}


static void
memory_free(void *p)
{
    free((char *) p - MEMORY_HEAD);
}


static void *
memory_realloc(void *old, int size)
{
    size_t  *p;

    p = realloc((char *) old - MEMORY_HEAD, (size_t) size + MEMORY_HEAD);

    if (p == NULL) {
        return NULL;
    }

    *p = (size_t) size;

    return (char *) p + MEMORY_HEAD;
}


static int
memory_size(void *p)
{
    return (int) *(size_t *) ((char *) p - MEMORY_HEAD);
}


static int
memory_round(int size)
{
    return (size + 7) / 8 * 8;
}


static int
memory_init(void *data)
{
    (void) data;

    return SQLITE_OK;
}


static void
memory_shutdown(void *data)
{
    (void) data;
}


static int
setup(void **state)
{
    static const sqlite3_mem_methods  methods = {
        memory_malloc, memory_free, memory_realloc, memory_size, memory_round,
        memory_init, memory_shutdown, NULL
    };

    (void) state;

    ae_random_seed();

    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK
        || sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
    {
        return -1;
    }

    return sqlite3_initialize();
}


static int
teardown(void **state)
{
    (void) state;

    db_vfs_reset();

    return 0;
}


/* did it come to that allocation; none fails from now on */

static int
memory_failed(void)
{
    long  left;

    left = ae_fail_at;
    ae_fail_at = 0;

    return left == 0;
}


/* AE_OK, or what failed first */

static int
memory_write(ae_db_t *db, uint64_t n)
{
    ae_event_t         ev;
    ae_db_attempt_t    a;
    ae_outbox_row_t    row;
    ae_db_document_t   doc;
    ae_limit_record_t  r;

    memset(&ev, 0, sizeof(ae_event_t));
    memset(&doc, 0, sizeof(ae_db_document_t));
    doc.collection = db_str("key");
    doc.id = db_str("a");
    doc.body = db_str("{}");
    ev.id = db_id(n);
    a = db_attempt(n, 1, "retry");
    row = db_row(n, n);
    r = db_counter(1, DB_NOW, n);

    if (ae_db_begin(db) != AE_OK
        || ae_db_event(db, &ev, db_str("record")) != AE_OK
        || ae_db_attempt_put(db, &a) != AE_OK
        || ae_db_dead_put(db, &a) != AE_OK
        || ae_db_outbox_put(db, 1, &row) != AE_OK
        || ae_db_counter_put(db, 1, &r) != AE_OK
        || ae_db_savepoint(db) != AE_OK
        || ae_db_document_put(db, &doc, AE_DB_ANY) != AE_OK
        || ae_db_undo(db) != AE_OK
        || ae_db_document_put(db, &doc, AE_DB_ANY) != AE_OK)
    {
        return AE_ERROR;
    }

    return ae_db_commit(db);
}


static int
memory_read(ae_db_t *db)
{
    int                rc;
    size_t             n;
    ae_id_t            limit;
    uint64_t           after;
    ae_str_t           records[MEMORY_LIST];
    ae_arena_t        *arena;
    ae_db_query_t      query;
    ae_db_attempt_t    list[MEMORY_LIST];
    ae_outbox_row_t    rows[MEMORY_LIST];
    ae_db_document_t   docs[MEMORY_LIST];
    ae_limit_record_t  limits[MEMORY_LIST];

    arena = ae_arena_create(0);

    if (arena == NULL) {
        return AE_FULL;
    }

    memset(&query, 0, sizeof(ae_db_query_t));
    after = 0;
    limit = (ae_id_t) { { 0, 0 } };
    n = MEMORY_LIST;

    rc = ae_db_attempt_list(db, &query, list, &n, arena);

    if (rc == AE_OK) {
        n = MEMORY_LIST;
        rc = ae_db_outbox_claim(db, 1, 2, &after, rows, records, &n, arena);
    }

    if (rc == AE_OK) {
        n = MEMORY_LIST;
        rc = ae_db_counter_inherit(db, 1, 2, &limit, limits, &n);
    }

    if (rc == AE_OK) {
        n = MEMORY_LIST;
        after = 0;
        rc = ae_db_document_changes(db, &after, docs, &n, arena);
    }

    if (rc == AE_OK) {
        rc = ae_db_document_get(db, db_str("key"), db_str("a"), arena, docs);
    }

    if (rc == AE_OK) {
        rc = ae_db_retain(db, 0, 0, 5);
    }

    ae_arena_destroy(arena);

    return rc;
}


static ae_db_t *
memory_open(ae_db_state_e *state)
{
    ae_error_t  err;

    return ae_db_open("db", DB_VFS, state, &err);
}


static void
test_open(void **state)
{
    int             failed;
    long            n;
    ae_db_t        *db;
    ae_db_state_e   st;

    (void) state;

    failed = 1;

    for (n = 1; failed; n += 1 + (long) (ae_random() % MEMORY_STRIDE)) {
        db_vfs_reset();

        ae_fail_at = n;
        db = memory_open(&st);
        failed = memory_failed();

        if (db == NULL) {
            assert_int_equal(st, AE_DB_MEMORY);
            db = memory_open(&st);
            assert_non_null(db);
        }

        assert_int_equal(memory_write(db, 1), AE_OK);
        ae_db_close(db);
    }

    assert_true(n > 100);
}


static void
test_write(void **state)
{
    int             failed, rc;
    long            n;
    ae_db_t        *db;
    uint64_t        count;
    ae_db_state_e   st;

    (void) state;

    failed = 1;

    for (n = 1; failed; n += 1 + (long) (ae_random() % MEMORY_STRIDE)) {
        db_vfs_reset();
        db = memory_open(&st);
        assert_non_null(db);

        ae_fail_at = n;
        rc = memory_write(db, 1);
        failed = memory_failed();

        if (rc != AE_OK) {
            assert_int_equal(ae_db_state(db), AE_DB_MEMORY);
            ae_db_rollback(db);

            assert_int_equal(ae_db_outbox_count(db, 1, &count), AE_OK);
            assert_int_equal(count, 0);
            assert_int_equal(memory_write(db, 1), AE_OK);
        }

        ae_db_close(db);
    }

    assert_true(n > 100);
}


static void
test_read(void **state)
{
    int             failed, rc;
    long            n;
    ae_db_t        *db;
    ae_db_state_e   st;

    (void) state;

    db_vfs_reset();
    db = memory_open(&st);
    assert_int_equal(memory_write(db, 1), AE_OK);

    failed = 1;

    for (n = 1; failed; n += 1 + (long) (ae_random() % MEMORY_STRIDE)) {
        ae_db_close(db);
        db = memory_open(&st);
        assert_non_null(db);

        ae_fail_at = n;
        rc = memory_read(db);
        failed = memory_failed();

        if (rc == AE_ERROR) {
            assert_int_equal(ae_db_state(db), AE_DB_MEMORY);
        }

        assert_int_not_equal(memory_read(db), AE_ERROR);
    }

    ae_db_close(db);

    assert_true(n > 100);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_read)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
