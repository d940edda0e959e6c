/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Documents of the embedded store, held against a model of them.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db_help.h"
#include "random.h"


#define DOC_LIST             5
#define DOC_IDS              24
#define DOC_KINDS            2
#define DOC_STEPS            3000


static const char *const  doc_kinds[DOC_KINDS] = { "key", "policy" };


/* what has to be there */

typedef struct {
    uint64_t                 rev;           /* 0: never was */
    uint64_t                 created;
    uint64_t                 updated;
    int                      live;
    char                     body[16];
} doc_model_t;


static doc_model_t  doc_models[DOC_KINDS][DOC_IDS];
static uint64_t     doc_last;               /* revision */


static void
doc_model_write(ae_db_t *db, int kind, int n, uint64_t expected)
{
    int                rc, match;
    char               id[8], body[16];
    uint64_t           rev;
    doc_model_t       *m;
    ae_db_document_t   doc;

    m = &doc_models[kind][n];
    match = (expected == AE_DB_ANY || expected == (m->live ? m->rev : 0));

    snprintf(id, sizeof(id), "%03d", n);
    memset(&doc, 0, sizeof(ae_db_document_t));
    doc.collection = db_str(doc_kinds[kind]);
    doc.id = db_str(id);
    doc.updated = DB_NOW + doc_last;

    if (ae_random() % 3 == 0) {
        rc = ae_db_document_delete(db, doc.collection, doc.id, expected,
                                   doc.updated, &rev);

        if (!match || !m->live) {
            assert_int_equal(rc, AE_DECLINED);
            return;
        }

        m->live = 0;

    } else {
        snprintf(body, sizeof(body), "{\"n\":%d}", (int) (ae_random() % 1000));
        doc.body = db_str(body);

        rc = ae_db_document_put(db, &doc, expected);
        rev = doc.rev;

        if (!match) {
            assert_int_equal(rc, AE_DECLINED);
            return;
        }

        if (!m->live) {
            m->created = doc.updated;
        }

        m->live = 1;
        memcpy(m->body, body, sizeof(body));
        assert_int_equal(doc.created, m->created);
    }

    assert_int_equal(rc, AE_OK);
    assert_int_equal(rev, ++doc_last);

    m->rev = rev;
    m->updated = doc.updated;
}


static void
doc_model_same(const ae_db_document_t *doc)
{
    int           kind, n;
    doc_model_t  *m;

    kind = (strcmp((char *) doc->collection.data, doc_kinds[0]) != 0);
    n = atoi((char *) doc->id.data);
    m = &doc_models[kind][n];

    assert_int_equal(doc->rev, m->rev);
    assert_int_equal(doc->updated, m->updated);
    assert_int_equal(doc->body.data != NULL, m->live);

    if (m->live) {
        assert_int_equal(doc->created, m->created);
        assert_string_equal((char *) doc->body.data, m->body);
    }
}


static void
doc_model_changes(ae_db_t *db, uint64_t after)
{
    int                rc, want, kind;
    size_t             i, n, got;
    uint64_t           last;
    ae_arena_t        *arena;
    ae_db_document_t   list[DOC_LIST];

    got = 0;
    want = 0;
    last = after;

    for (kind = 0; kind < DOC_KINDS; kind++) {
        for (i = 0; i < DOC_IDS; i++) {
            want += (doc_models[kind][i].rev > after);
        }
    }

    do {
        arena = ae_arena_create(0);
        n = DOC_LIST;
        rc = ae_db_document_changes(db, &after, list, &n, arena);
        assert_in_range(rc, AE_OK, AE_AGAIN);

        for (i = 0; i < n; i++) {
            assert_true(list[i].rev > last);
            last = list[i].rev;
            doc_model_same(&list[i]);
        }

        assert_int_equal(after, last);
        got += n;
        ae_arena_destroy(arena);

    } while (rc == AE_AGAIN);

    assert_int_equal(got, want);
}


static uint64_t
doc_count(ae_db_t *db, int kind)
{
    uint64_t  n;

    assert_int_equal(ae_db_document_count(db, db_str(doc_kinds[kind]), &n),
                     AE_OK);

    return n;
}


static void
doc_model_list(ae_db_t *db, int kind)
{
    int                rc, live;
    size_t             i, n, got;
    ae_str_t           after;
    ae_arena_t        *arena;
    ae_db_document_t   list[DOC_LIST];

    arena = ae_arena_create(0);
    after = ae_str("");
    live = 0;
    got = 0;

    for (i = 0; i < DOC_IDS; i++) {
        live += doc_models[kind][i].live;
    }

    do {
        n = DOC_LIST;
        rc = ae_db_document_list(db, db_str(doc_kinds[kind]), 1, &after, list,
                                 &n, arena);
        assert_in_range(rc, AE_OK, AE_AGAIN);

        for (i = 0; i < n; i++) {
            doc_model_same(&list[i]);
        }

        got += n;

    } while (rc == AE_AGAIN);

    assert_int_equal(got, live);
    assert_int_equal(doc_count(db, kind), live);

    ae_arena_destroy(arena);
}


/* a document undoes what it did to the model when its part is undone */

static void
doc_model_step(ae_db_t *db)
{
    int          kind, n, undo;
    uint64_t     last, choice, expected;
    doc_model_t  before;

    kind = (int) (ae_random() % DOC_KINDS);
    n = (int) (ae_random() % DOC_IDS);
    choice = ae_random() % 4;
    undo = (ae_random() % 5 == 0);

    before = doc_models[kind][n];
    last = doc_last;
    expected = (choice == 0) ? ae_random() % (doc_last + 2)
               : (choice == 1) ? AE_DB_ANY
               : before.live ? before.rev : 0;

    assert_int_equal(ae_db_savepoint(db), AE_OK);
    doc_model_write(db, kind, n, expected);

    if (undo) {
        assert_int_equal(ae_db_undo(db), AE_OK);
        doc_models[kind][n] = before;
        doc_last = last;

    } else {
        assert_int_equal(ae_db_keep(db), AE_OK);
    }
}


static int
doc_keep_some(void *data, ae_str_t collection, ae_str_t id)
{
    (void) data;
    (void) collection;

    return id.data[id.len - 1] == '5';
}


static void
doc_model_forget(ae_db_t *db)
{
    int           rc, kind, i;
    uint64_t      before;
    doc_model_t  *m;

    before = DB_NOW + doc_last - 20;

    do {
        rc = ae_db_document_forget(db, before, 3, doc_keep_some, NULL);
        assert_in_range(rc, AE_OK, AE_AGAIN);
    } while (rc == AE_AGAIN);

    for (kind = 0; kind < DOC_KINDS; kind++) {
        for (i = 0; i < DOC_IDS; i++) {
            m = &doc_models[kind][i];

            if (!m->live && m->updated < before && i % 10 != 5) {
                memset(m, 0, sizeof(doc_model_t));
            }
        }
    }
}


static void
test_model(void **state)
{
    long       i, steps;
    ae_db_t   *db;
    uint64_t   rev;

    (void) state;

    memset(doc_models, 0, sizeof(doc_models));
    doc_last = 0;
    steps = ae_steps(DOC_STEPS);
    db = db_open();

    for (i = 0; i < steps; /* void */ ) {
        assert_int_equal(ae_db_begin(db), AE_OK);

        do {
            doc_model_step(db);
        } while (++i % 30 != 0);

        assert_int_equal(ae_db_commit(db), AE_OK);

        doc_model_list(db, (int) (ae_random() % DOC_KINDS));
        doc_model_changes(db, ae_random() % (doc_last + 1));

        if (ae_random() % 4 == 0) {
            doc_model_forget(db);
            doc_model_changes(db, 0);
        }

        if (ae_random() % 6 == 0) {
            ae_db_close(db);
            db = db_open();
        }

        assert_int_equal(ae_db_document_rev(db, &rev), AE_OK);
        assert_int_equal(rev, doc_last);
    }

    doc_model_changes(db, 0);
    ae_db_close(db);
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
        cmocka_unit_test_setup_teardown(test_model, db_setup, db_teardown)
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
