/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Documents of the embedded store.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/sqlite/sqlite_private.h"

#include "db_help.h"


#define DOC_LIST             5


static ae_db_document_t
doc_make(const char *collection, const char *id, const char *body)
{
    ae_db_document_t  doc;

    memset(&doc, 0, sizeof(ae_db_document_t));

    doc.collection = db_str(collection);
    doc.id = db_str(id);
    doc.updated = DB_NOW;
    doc.body = db_str(body);

    return doc;
}


static uint64_t
doc_put(ae_db_t *db, const char *id, const char *body, uint64_t expected)
{
    ae_db_document_t  doc;

    doc = doc_make("key", id, body);

    if (ae_db_document_put(db, &doc, expected) != AE_OK) {
        return 0;
    }

    return doc.rev;
}


static int
doc_delete(ae_db_t *db, const char *id, uint64_t expected, uint64_t wall,
    uint64_t *rev)
{
    return ae_db_document_delete(db, db_str("key"), db_str(id), expected,
                                 wall, rev);
}


static void
doc_is(ae_db_t *db, const char *id, const char *body, uint64_t rev)
{
    ae_arena_t        *arena;
    ae_db_document_t   doc;

    arena = ae_arena_create(0);
    assert_non_null(arena);

    assert_int_equal(ae_db_document_get(db, db_str("key"), db_str(id), arena,
                                        &doc),
                     body != NULL ? AE_OK : AE_DECLINED);

    if (body != NULL) {
        assert_int_equal(doc.rev, rev);
        assert_string_equal((char *) doc.body.data, body);
        assert_string_equal((char *) doc.id.data, id);
        assert_string_equal((char *) doc.collection.data, "key");
    }

    ae_arena_destroy(arena);
}


static uint64_t
doc_count(ae_db_t *db, const char *collection)
{
    uint64_t  n;

    assert_int_equal(ae_db_document_count(db, db_str(collection), &n), AE_OK);

    return n;
}


static uint64_t
doc_rev(ae_db_t *db)
{
    uint64_t  rev;

    assert_int_equal(ae_db_document_rev(db, &rev), AE_OK);

    return rev;
}


static void
test_put(void **state)
{
    ae_db_t   *db;
    uint64_t   rev;

    (void) state;

    db = db_open();

    assert_int_equal(doc_rev(db), 0);
    doc_is(db, "a", NULL, 0);

    assert_int_equal(doc_put(db, "a", "{}", 0), 1);
    assert_int_equal(doc_put(db, "a", "{\"b\":1}", 0), 0);
    doc_is(db, "a", "{}", 1);

    assert_int_equal(doc_put(db, "a", "{\"b\":2}", 7), 0);
    assert_int_equal(doc_put(db, "a", "{\"b\":3}", 1), 2);
    assert_int_equal(doc_put(db, "a", "{\"b\":4}", 1), 0);
    assert_int_equal(doc_put(db, "a", "{\"b\":5}", AE_DB_ANY), 3);
    doc_is(db, "a", "{\"b\":5}", 3);

    assert_int_equal(doc_put(db, "b", "{}", 1), 0);
    assert_int_equal(doc_put(db, "b", "", AE_DB_ANY), 4);
    doc_is(db, "b", "", 4);
    assert_int_equal(doc_count(db, "key"), 2);

    /* a deletion is a revision, too */

    assert_int_equal(doc_delete(db, "a", 2, DB_NOW, &rev), AE_DECLINED);
    assert_int_equal(doc_delete(db, "a", 3, DB_NOW, &rev), AE_OK);
    assert_int_equal(rev, 5);
    assert_int_equal(doc_delete(db, "a", AE_DB_ANY, DB_NOW, &rev),
                     AE_DECLINED);
    assert_int_equal(doc_delete(db, "c", AE_DB_ANY, DB_NOW, &rev),
                     AE_DECLINED);
    doc_is(db, "a", NULL, 0);
    assert_int_equal(doc_count(db, "key"), 1);
    assert_int_equal(doc_rev(db), 5);

    assert_int_equal(doc_put(db, "a", "{}", 5), 0);
    assert_int_equal(doc_put(db, "a", "{}", 0), 6);
    assert_int_equal(doc_count(db, "key"), 2);
    assert_int_equal(doc_count(db, "policy"), 0);

    ae_db_close(db);
}


static void
test_times(void **state)
{
    uint64_t           rev;
    ae_db_t           *db;
    ae_db_document_t   doc;

    (void) state;

    db = db_open();

    doc = doc_make("key", "a", "{}");
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_OK);
    assert_int_equal(doc.created, DB_NOW);

    doc.updated = DB_NOW + 5;
    assert_int_equal(ae_db_document_put(db, &doc, 1), AE_OK);
    assert_int_equal(doc.created, DB_NOW);

    assert_int_equal(doc_delete(db, "a", 2, DB_NOW + 6, &rev), AE_OK);

    doc.updated = DB_NOW + 7;
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_OK);
    assert_int_equal(doc.created, DB_NOW + 7);

    ae_db_close(db);
}


static void
test_bounds(void **state)
{
    char              *bytes;
    uint64_t           rev;
    ae_db_t           *db;
    ae_db_document_t   doc;

    (void) state;

    db = db_open();
    bytes = calloc(1, AE_DB_BODY + 2);
    assert_non_null(bytes);
    memset(bytes, 'x', AE_DB_BODY + 1);

    doc = doc_make("", "a", "{}");
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_FULL);
    doc = doc_make("key", "", "{}");
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_FULL);

    doc = doc_make("key", bytes, "{}");
    doc.id.len = AE_DB_NAME + 1;
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_FULL);
    doc.id.len = AE_DB_NAME;
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_OK);

    doc = doc_make("key", "a", bytes);
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_FULL);
    doc.body.len = AE_DB_BODY;
    assert_int_equal(ae_db_document_put(db, &doc, 0), AE_OK);
    bytes[AE_DB_BODY] = '\0';
    doc_is(db, "a", bytes, 2);

    doc.body.data = NULL;
    assert_int_equal(ae_db_document_put(db, &doc, AE_DB_ANY), AE_FULL);
    assert_int_equal(ae_db_document_delete(db, doc.collection, db_str(""),
                                           AE_DB_ANY, 0, &rev), AE_DECLINED);
    assert_int_equal(doc_delete(db, "a", 0, 0, &rev), AE_DECLINED);

    free(bytes);
    ae_db_close(db);
}


/* ---- pages ---- */

static void
test_pages(void **state)
{
    int                i, rc;
    char               id[8];
    size_t             n, total;
    ae_db_t           *db;
    uint64_t           rev;
    ae_str_t           after;
    ae_arena_t        *arena;
    ae_db_document_t   list[DOC_LIST];

    (void) state;

    db = db_open();
    assert_int_equal(ae_db_begin(db), AE_OK);

    for (i = 0; i < 12; i++) {
        snprintf(id, sizeof(id), "%02d", 11 - i);
        assert_int_equal(doc_put(db, id, "{}", 0), i + 1);
    }

    assert_int_equal(doc_delete(db, "03", AE_DB_ANY, DB_NOW, &rev), AE_OK);
    assert_int_equal(ae_db_commit(db), AE_OK);

    arena = ae_arena_create(0);
    after = ae_str("");
    total = 0;

    do {
        n = DOC_LIST;
        rc = ae_db_document_list(db, db_str("key"), total % 2, &after, list,
                                 &n, arena);
        assert_in_range(rc, AE_OK, AE_AGAIN);
        assert_true(n == DOC_LIST || rc == AE_OK);

        for (i = 0; i < (int) n; i++, total++) {
            assert_int_equal(atoi((char *) list[i].id.data),
                             total + (total > 2));
            assert_int_equal(list[i].rev,
                             12 - atoi((char *) list[i].id.data));
            assert_non_null(list[i].body.data);
        }

    } while (rc == AE_AGAIN);

    assert_int_equal(rc, AE_OK);
    assert_int_equal(total, 11);

    /* there must be room for one at least */

    ae_arena_destroy(arena);
    arena = ae_arena_create(256);
    after = ae_str("");
    n = DOC_LIST;

    while (ae_arena_alloc(arena, 16) != NULL) { /* void */ }

    assert_int_equal(ae_db_document_list(db, db_str("key"), 1, &after, list,
                                         &n, arena), AE_ERROR);
    assert_int_equal(ae_db_state(db), AE_DB_MEMORY);

    ae_arena_destroy(arena);
    ae_db_close(db);
}


/* one page looks at no more rows than that, whatever was deleted */

static void
test_page_of_deletions(void **state)
{
    size_t             n;
    ae_db_t           *db;
    ae_str_t           after;
    ae_arena_t        *arena;
    ae_db_document_t   list[DOC_LIST];

    (void) state;

    ae_db_close(db_open());
    db_exec(db_path("db"),
            "WITH RECURSIVE n (i) AS (SELECT 10000 UNION ALL"
            " SELECT i + 1 FROM n WHERE i < 30001)"
            " INSERT INTO document SELECT NULL, 'key', i, 1, 1,"
            " CASE i WHEN 30001 THEN '{}' END FROM n");
    db = db_open();

    arena = ae_arena_create(0);
    after = ae_str("");

    n = DOC_LIST;
    assert_int_equal(ae_db_document_list(db, db_str("key"), 1, &after, list,
                                         &n, arena), AE_AGAIN);
    assert_int_equal(n, 0);
    assert_string_equal((char *) after.data, "29999");

    n = DOC_LIST;
    assert_int_equal(ae_db_document_list(db, db_str("key"), 1, &after, list,
                                         &n, arena), AE_OK);
    assert_int_equal(n, 1);
    assert_string_equal((char *) list[0].id.data, "30001");

    ae_arena_destroy(arena);
    ae_db_close(db);
}


/* not even when nothing is left */

static void
test_revisions_ascend(void **state)
{
    int        i;
    ae_db_t   *db;
    uint64_t   rev;

    (void) state;

    for (i = 0; i < 3; i++) {
        db = db_open();

        assert_int_equal(doc_put(db, "a", "{}", 0), 2 * i + 1);
        assert_int_equal(doc_delete(db, "a", AE_DB_ANY, 5, &rev), AE_OK);
        assert_int_equal(rev, 2 * i + 2);

        assert_int_equal(ae_db_document_forget(db, 6, 10, NULL, NULL), AE_OK);
        ae_db_close(db);

        assert_int_equal(db_number(db_path("db"),
                                   "SELECT count(*) FROM document"), 0);
    }
}


static void
test_group_fails(void **state)
{
    ae_db_t   *db;
    uint64_t   rev;

    (void) state;

    db = db_open();

    assert_int_equal(ae_db_savepoint(db), AE_OK);
    assert_int_equal(ae_db_undo(db), AE_OK);

    assert_int_equal(ae_db_begin(db), AE_OK);
    assert_int_equal(ae_db_savepoint(db), AE_OK);
    assert_int_equal(doc_put(db, "a", "{}", 0), 1);
    assert_int_equal(ae_db_keep(db), AE_OK);
    assert_int_equal(ae_db_keep(db), AE_ERROR);
    assert_int_equal(ae_db_savepoint(db), AE_ERROR);
    assert_int_equal(doc_put(db, "b", "{}", 0), 0);
    assert_int_equal(doc_delete(db, "a", AE_DB_ANY, 5, &rev), AE_ERROR);
    ae_db_rollback(db);

    doc_is(db, "a", NULL, 0);
    assert_int_equal(doc_put(db, "a", "{}", 0), 1);

    ae_db_close(db);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_put, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_times, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_bounds, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_pages, db_setup, db_teardown),
        cmocka_unit_test_setup_teardown(test_page_of_deletions, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_revisions_ascend, db_setup,
                                        db_teardown),
        cmocka_unit_test_setup_teardown(test_group_fails, db_setup,
                                        db_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
