/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Several processes with one file, as workers of one nginx and of two.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "db_help.h"
#include "hammer.h"


#define PROCS                3
#define PROCS_GROUPS         100
#define PROCS_EACH           5
#define PROCS_ROWS           600
#define PROCS_KILLS          60
#define PROCS_TRIES          30             /* of two seconds */


/* shared by all of them */

typedef struct {
    uint64_t                 next;
    uint64_t                 committed;
    uint32_t                 claims[PROCS_ROWS];
} procs_t;


static procs_t  *procs;


static int
setup(void **state)
{
    ae_random_seed();

    procs = hammer_memory(sizeof(procs_t));

    return db_setup(state);
}


static int
teardown(void **state)
{
    (void) munmap(procs, sizeof(procs_t));

    return db_teardown(state);
}


/* on a slow machine the others may write for longer than anyone waits */

static ae_db_t *
procs_open(void)
{
    int             i;
    ae_db_t        *db;
    ae_error_t      err;
    ae_db_state_e   state;

    for (i = 0; i < PROCS_TRIES; i++) {
        db = ae_db_open(db_path("db"), NULL, &state, &err);

        if (db != NULL || state != AE_DB_BUSY) {
            break;
        }
    }

    if (db == NULL) {
        hammer_check(0, err.text);
    }

    return db;
}


static void
procs_ok(ae_db_t *db, int rc)
{
    if (rc != AE_OK) {
        hammer_check(0, ae_db_error(db));
    }
}


static void
procs_begin(ae_db_t *db)
{
    int  i, rc;

    for (i = 0; i < PROCS_TRIES; i++) {
        rc = ae_db_begin(db);

        if (rc == AE_OK || ae_db_state(db) != AE_DB_BUSY) {
            break;
        }
    }

    procs_ok(db, rc);
}


static void
procs_group(ae_db_t *db)
{
    int               i;
    uint64_t          n;
    ae_event_t        ev;
    ae_db_attempt_t   a;

    procs_begin(db);

    for (i = 0; i < PROCS_EACH; i++) {
        n = __atomic_add_fetch(&procs->next, 1, __ATOMIC_SEQ_CST);

        memset(&ev, 0, sizeof(ae_event_t));
        ev.id = db_id(n);
        a = db_attempt(n, 1, "delivered");

        procs_ok(db, ae_db_event(db, &ev, db_str("record")));
        procs_ok(db, ae_db_attempt_put(db, &a));
    }

    procs_ok(db, ae_db_commit(db));

    (void) __atomic_add_fetch(&procs->committed, PROCS_EACH,
                              __ATOMIC_SEQ_CST);
}


static void
procs_run(hammer_pt work, void *ctx)
{
    int    i;
    pid_t  pid[PROCS];

    for (i = 0; i < PROCS; i++) {
        pid[i] = hammer_start(work, ctx);
    }

    for (i = 0; i < PROCS; i++) {
        assert_true(hammer_wait(pid[i]));
    }
}


/* all come at once to a file that is not there yet */

static void
procs_write(void *ctx)
{
    int       i;
    ae_db_t  *db;

    (void) ctx;

    db = procs_open();

    for (i = 0; i < PROCS_GROUPS; i++) {
        procs_group(db);
    }

    ae_db_close(db);
}


static void
test_writers(void **state)
{
    ae_error_t  err;

    (void) state;

    procs_run(procs_write, NULL);

    assert_int_equal(db_number(db_path("db"), "SELECT count(*) FROM attempt"),
                     PROCS * PROCS_GROUPS * PROCS_EACH);
    assert_int_equal(db_number(db_path("db"), "SELECT count(*) FROM event"),
                     PROCS * PROCS_GROUPS * PROCS_EACH);
    assert_int_equal(ae_db_check(db_path("db"), 10000, &err), AE_DB_OK);
}


/* each adds to the number in one document, which it reads before */

static int
procs_add(ae_db_t *db, ae_arena_t *arena)
{
    int                rc;
    char               body[32];
    uint64_t           rev;
    ae_db_document_t   doc;

    rc = ae_db_document_get(db, db_str("key"), db_str("a"), arena, &doc);
    rev = (rc == AE_OK) ? doc.rev : 0;

    snprintf(body, sizeof(body), "%d",
             (rc == AE_OK) ? atoi((char *) doc.body.data) + 1 : 1);

    memset(&doc, 0, sizeof(ae_db_document_t));
    doc.collection = db_str("key");
    doc.id = db_str("a");
    doc.body = db_str(body);

    return (rc != AE_ERROR) ? ae_db_document_put(db, &doc, rev) : rc;
}


static void
procs_document(void *ctx)
{
    int          i, rc;
    ae_db_t     *db;
    ae_arena_t  *arena;

    (void) ctx;

    db = procs_open();

    for (i = 0; i < PROCS_GROUPS; /* void */ ) {
        arena = ae_arena_create(0);
        rc = procs_add(db, arena);
        ae_arena_destroy(arena);

        if (rc == AE_OK) {
            i++;

        } else if (rc != AE_DECLINED && ae_db_state(db) != AE_DB_BUSY) {
            procs_ok(db, rc);
        }
    }

    ae_db_close(db);
}


/* nobody's is lost, as revisions tell who was faster */

static void
test_documents(void **state)
{
    (void) state;

    procs_run(procs_document, NULL);

    assert_int_equal(db_number(db_path("db"), "SELECT body FROM document"),
                     PROCS * PROCS_GROUPS);
    assert_int_equal(db_number(db_path("db"), "SELECT rev FROM document"),
                     PROCS * PROCS_GROUPS);
}


static void
procs_open_often(void *ctx)
{
    int  i;

    (void) ctx;

    for (i = 0; i < 20; i++) {
        ae_db_close(procs_open());
    }
}


/* the last one that closes it removes the log, while another one opens it */

static void
test_open_and_close(void **state)
{
    (void) state;

    procs_run(procs_open_often, NULL);
}


/* a row is of one of them only */

static void
procs_claim(void *ctx)
{
    size_t            i, n;
    int64_t           owner;
    uint64_t          after;
    ae_db_t          *db;
    ae_str_t          records[7];
    ae_arena_t       *arena;
    ae_outbox_row_t   rows[7];

    (void) ctx;

    db = procs_open();
    owner = getpid();

    do {
        n = 7;
        after = 0;
        arena = ae_arena_create(0);

        procs_begin(db);
        procs_ok(db, ae_db_outbox_claim(db, 1, owner, &after, rows, records,
                                        &n, arena));
        procs_ok(db, ae_db_commit(db));

        for (i = 0; i < n; i++) {
            (void) __atomic_add_fetch(&procs->claims[rows[i].uid - 1], 1,
                                      __ATOMIC_SEQ_CST);
        }

        ae_arena_destroy(arena);

    } while (n != 0);

    ae_db_close(db);
}


static void
test_claims(void **state)
{
    int               i;
    ae_db_t          *db;
    ae_outbox_row_t   row;

    (void) state;

    db = db_open();
    assert_int_equal(ae_db_begin(db), AE_OK);
    db_event(db, 1, DB_NOW);

    for (i = 1; i <= PROCS_ROWS; i++) {
        row = db_row(i, 1);
        assert_int_equal(ae_db_outbox_put(db, 1, &row), AE_OK);
    }

    assert_int_equal(ae_db_commit(db), AE_OK);
    ae_db_close(db);

    procs_run(procs_claim, NULL);

    for (i = 0; i < PROCS_ROWS; i++) {
        assert_int_equal(procs->claims[i], 1);
    }
}


/* an instance whose lease is over is taken by one */

static void
procs_inherit(void *ctx)
{
    int       rc;
    int64_t   id, mine;
    ae_db_t  *db;

    (void) ctx;

    db = procs_open();
    procs_begin(db);
    procs_ok(db, ae_db_instance(db, db_id(getpid()), 0, UINT32_MAX, &mine));
    procs_ok(db, ae_db_commit(db));

    do {
        id = 0;
        procs_begin(db);
        rc = ae_db_instance_free(db, 1, &id);

        if (rc == AE_OK) {
            procs_ok(db, ae_db_instance_drop(db, id));
        }

        procs_ok(db, ae_db_commit(db));

        if (rc == AE_OK) {
            (void) __atomic_add_fetch(&procs->claims[id - 1], 1,
                                      __ATOMIC_SEQ_CST);
        }

    } while (rc == AE_OK);

    hammer_check(rc == AE_DECLINED, "free");
    ae_db_close(db);
}


static void
test_instances(void **state)
{
    int       i;
    int64_t   id;
    ae_db_t  *db;

    (void) state;

    db = db_open();

    for (i = 1; i <= 50; i++) {
        assert_int_equal(ae_db_instance(db, (ae_id_t) { { 1, (uint64_t) i } },
                                        0, 1, &id), AE_OK);
        assert_int_equal(id, i);
    }

    ae_db_close(db);

    procs_run(procs_inherit, NULL);

    for (i = 0; i < 50; i++) {
        assert_int_equal(procs->claims[i], 1);
    }
}


/* killed at any moment: what was committed is there, and whole groups only */

static void
procs_forever(void *ctx)
{
    ae_db_t  *db;

    (void) ctx;

    db = procs_open();

    for ( ;; ) {
        procs_group(db);
    }
}


static void
procs_nothing(void *ctx)
{
    (void) ctx;
}


static void
test_kills(void **state)
{
    int64_t     there;
    ae_error_t  err;

    (void) state;

    ae_db_close(db_open());

    assert_true(hammer(procs_forever, procs_nothing, NULL, PROCS,
                       (int) ae_steps(PROCS_KILLS)));

    assert_int_equal(ae_db_check(db_path("db"), 10000, &err), AE_DB_OK);

    there = db_number(db_path("db"), "SELECT count(*) FROM attempt");

    assert_int_equal(there % PROCS_EACH, 0);
    assert_true((uint64_t) there >= procs->committed);
    assert_in_range(there - (int64_t) procs->committed, 0,
                    (ae_steps(PROCS_KILLS) + PROCS) * PROCS_EACH);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_and_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instances, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kills, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
