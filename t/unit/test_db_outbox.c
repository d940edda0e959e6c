/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "db_help.h"


#define OUTBOX_ROWS          64


static ae_outbox_row_t  rows[OUTBOX_ROWS];
static ae_str_t         records[OUTBOX_ROWS];


static void
put(ae_db_t *db, int64_t instance, uint64_t uid, uint64_t event)
{
    ae_outbox_row_t  row;

    row = db_row(uid, event);
    assert_int_equal(ae_db_outbox_put(db, instance, &row), AE_OK);
}


static size_t
claim(ae_db_t *db, int64_t instance, int64_t owner, uint64_t *after,
    ae_arena_t *arena, size_t n)
{
    assert_int_equal(ae_db_outbox_claim(db, instance, owner, after, rows,
                                        records, &n, arena), AE_OK);

    return n;
}


static uint64_t
count(ae_db_t *db, int64_t instance)
{
    uint64_t  n;

    assert_int_equal(ae_db_outbox_count(db, instance, &n), AE_OK);

    return n;
}


static void
is_record(ae_str_t record, uint64_t event)
{
    char  want[32];

    snprintf(want, sizeof(want), "record %llu", (unsigned long long) event);

    assert_int_equal(record.len, strlen(want));
    assert_memory_equal(record.data, want, record.len);
}


static void
test_row(void **state)
{
    ae_db_t          *db;
    uint64_t          after;
    ae_arena_t       *arena;
    ae_outbox_row_t   want;

    (void) state;

    db = db_open();
    arena = ae_arena_create(0);

    db_event(db, 5, DB_NOW);
    put(db, 1, 77, 5);

    want = db_row(77, 5);
    want.len = 8;

    after = 0;
    assert_int_equal(claim(db, 1, 1, &after, arena, 10), 1);
    assert_int_equal(after, 77);
    assert_memory_equal(&rows[0], &want, sizeof(ae_outbox_row_t));
    is_record(records[0], 5);

    assert_int_equal(claim(db, 1, 1, &after, arena, 10), 0);

    ae_db_close(db);
    ae_arena_destroy(arena);
}


/* once more is the same as once, or the new one */

static void
test_again(void **state)
{
    ae_db_t          *db;
    uint64_t          after;
    ae_arena_t       *arena;
    ae_outbox_row_t   row;

    (void) state;

    db = db_open();
    arena = ae_arena_create(0);

    db_event(db, 1, DB_NOW);
    db_event(db, 1, DB_NOW + 1);
    put(db, 1, 7, 1);
    put(db, 1, 7, 1);
    assert_int_equal(count(db, 1), 1);

    row = db_row(7, 1);
    row.attempt = 9;
    row.due = 5;
    assert_int_equal(ae_db_outbox_put(db, 1, &row), AE_OK);

    after = 0;
    assert_int_equal(claim(db, 1, 1, &after, arena, 10), 1);
    assert_int_equal(rows[0].attempt, 9);
    assert_int_equal(rows[0].due, 5);

    assert_int_equal(ae_db_outbox_delete(db, 7), AE_OK);
    assert_int_equal(ae_db_outbox_delete(db, 7), AE_OK);
    assert_int_equal(count(db, 1), 0);

    ae_db_close(db);
    ae_arena_destroy(arena);
}


static void
test_pages(void **state)
{
    size_t       i;
    ae_db_t     *db;
    uint64_t     uid, after;
    ae_arena_t  *arena;

    (void) state;

    db = db_open();
    arena = ae_arena_create(0);

    for (uid = 25; uid > 0; uid--) {
        db_event(db, uid / 2, DB_NOW);
        put(db, 1, uid, uid / 2);
        put(db, 2, uid + 100, uid / 2);
    }

    after = 0;
    uid = 1;

    while (claim(db, 1, 1, &after, arena, 10) != 0) {

        for (i = 0; i < 10 && uid <= 25; i++, uid++) {
            assert_int_equal(rows[i].uid, uid);
            is_record(records[i], uid / 2);
        }
    }

    assert_int_equal(uid, 26);

    ae_db_close(db);
    ae_arena_destroy(arena);
}


static void
test_claim(void **state)
{
    ae_db_t     *db;
    uint64_t     uid, after;
    ae_arena_t  *arena;

    (void) state;

    db = db_open();
    arena = ae_arena_create(0);

    db_event(db, 0, DB_NOW);

    for (uid = 1; uid <= 15; uid++) {
        put(db, 1, uid, 0);
    }

    after = 0;
    assert_int_equal(ae_db_begin(db), AE_OK);
    assert_int_equal(claim(db, 1, 2, &after, arena, 10), 10);
    assert_int_equal(ae_db_commit(db), AE_OK);

    assert_int_equal(count(db, 1), 5);
    assert_int_equal(count(db, 2), 10);

    /* what is not committed was not claimed */

    assert_int_equal(ae_db_begin(db), AE_OK);
    assert_int_equal(claim(db, 1, 2, &after, arena, 10), 5);
    assert_int_equal(count(db, 1), 0);
    ae_db_rollback(db);
    assert_int_equal(count(db, 1), 5);

    after = 0;
    assert_int_equal(claim(db, 1, 2, &after, arena, 10), 5);
    assert_int_equal(rows[0].uid, 11);
    assert_int_equal(count(db, 1), 0);
    assert_int_equal(count(db, 2), 15);

    ae_db_close(db);
    ae_arena_destroy(arena);
}


/* in the order of signed numbers, but none is left out */

static void
test_large_uids(void **state)
{
    ae_db_t     *db;
    uint64_t     after;
    ae_arena_t  *arena;

    (void) state;

    db = db_open();
    arena = ae_arena_create(0);

    db_event(db, 0, DB_NOW);
    put(db, 1, UINT64_MAX, 0);
    put(db, 1, (1ull << 63) + 1, 0);
    put(db, 1, (1ull << 63) - 1, 0);
    put(db, 1, 1, 0);

    after = 0;
    assert_int_equal(claim(db, 1, 1, &after, arena, 1), 1);
    assert_true(rows[0].uid == (1ull << 63) + 1);
    assert_int_equal(claim(db, 1, 1, &after, arena, 1), 1);
    assert_true(rows[0].uid == UINT64_MAX);
    assert_int_equal(claim(db, 1, 1, &after, arena, 2), 2);
    assert_int_equal(rows[0].uid, 1);
    assert_true(rows[1].uid == (1ull << 63) - 1);
    assert_int_equal(claim(db, 1, 1, &after, arena, 1), 0);

    ae_db_close(db);
    ae_arena_destroy(arena);
}


/* a full arena makes shorter pages, down to one */

static void
test_arena(void **state)
{
    char         big[1000];
    size_t       n;
    ae_db_t     *db;
    uint64_t     after;
    ae_arena_t  *arena;
    ae_event_t   ev;

    (void) state;

    db = db_open();

    memset(&ev, 0, sizeof(ae_event_t));
    memset(big, 'r', sizeof(big));
    ev.id = db_id(1);
    assert_int_equal(ae_db_event(db, &ev, (ae_str_t) { sizeof(big),
                                 (unsigned char *) big }), AE_OK);

    for (n = 1; n <= 20; n++) {
        put(db, 1, n, 1);
    }

    arena = ae_arena_create(8192);
    after = 0;
    n = claim(db, 1, 2, &after, arena, 20);
    assert_in_range(n, 1, 8);
    assert_int_equal(after, n);
    assert_int_equal(count(db, 2), n);
    ae_arena_destroy(arena);

    arena = ae_arena_create(500);
    n = 20;
    assert_int_equal(ae_db_outbox_claim(db, 1, 2, &after, rows, records, &n,
                                        arena), AE_ERROR);
    assert_int_equal(n, 0);
    assert_int_equal(ae_db_state(db), AE_DB_MEMORY);
    ae_arena_destroy(arena);

    ae_db_close(db);
}


/* nothing can be sent of them, but they can be got rid of */

static void
test_without_record(void **state)
{
    ae_db_t     *db;
    uint64_t     after;
    ae_arena_t  *arena;

    (void) state;

    db = db_open();
    arena = ae_arena_create(0);

    put(db, 1, 1, 1);
    put(db, 1, 2, 2);
    db_event(db, 2, DB_NOW);
    db_exec(db_path("db"), "UPDATE outbox SET endpoint = 'x' WHERE uid = 2");

    after = 0;
    assert_int_equal(claim(db, 1, 1, &after, arena, 10), 2);
    assert_int_equal(rows[0].uid, 1);
    assert_int_equal(rows[0].len, 0);
    assert_int_equal(records[0].len, 0);
    assert_int_equal(rows[1].uid, 2);
    assert_int_equal(records[1].len, 0);

    ae_db_close(db);
    ae_arena_destroy(arena);
}


/* a page of what an instance has, from that event on; the owner has it then */

static size_t
unrouted(ae_db_t *db, int64_t instance, int64_t owner, uint64_t *ids,
    uint64_t first)
{
    size_t       n;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);
    n = 3;

    assert_int_equal(ae_db_unrouted_claim(db, instance, owner, ids, records,
                                          &n, arena),
                     AE_OK);

    if (n != 0) {
        is_record(records[0], first);
    }

    ae_arena_destroy(arena);

    return n;
}


static void
test_unrouted(void **state)
{
    size_t     n;
    ae_db_t   *db;
    uint64_t   i, ids[3];

    (void) state;

    db = db_open();

    for (i = 0; i < 5; i++) {
        db_event(db, i, DB_NOW);
        assert_int_equal(ae_db_unrouted_put(db, 1 + i / 4, db_id(i)), AE_OK);
        assert_int_equal(ae_db_unrouted_put(db, 1, db_id(i)), AE_OK);
    }

    /* three of four, then the last one */

    assert_int_equal(unrouted(db, 1, 3, ids, 0), 3);
    assert_int_equal(unrouted(db, 1, 3, ids, 3), 1);
    assert_int_equal(unrouted(db, 1, 3, ids, 0), 0);
    assert_int_equal(unrouted(db, 2, 2, ids, 4), 1);

    /* they are the owner's, until it deletes them */

    for (i = 0; i < 2; i++) {
        assert_int_equal(unrouted(db, 3, 3, ids, 0), 3);
    }

    for (n = 0; n < 3; n++) {
        assert_int_equal(ae_db_unrouted_delete(db, ids[n]), AE_OK);
    }

    assert_int_equal(unrouted(db, 3, 3, ids, 3), 1);
    assert_int_equal(ae_db_unrouted_delete(db, ids[0]), AE_OK);
    assert_int_equal(unrouted(db, 3, 3, ids, 0), 0);
    assert_int_equal(unrouted(db, 2, 2, ids, 4), 1);

    ae_db_close(db);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_row, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_again, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_pages, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_claim, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_large_uids, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_arena, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_without_record, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_unrouted, db_setup, db_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
