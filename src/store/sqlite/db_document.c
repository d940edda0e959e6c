/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Documents in the embedded store: one row each, which a change replaces by
 * one with the next revision.  The revision is the table's own row number:
 * what is new is written at its end, and SQLite remembers the last number that
 * it gave, so that none comes back after a deletion.
 */


#include "store/sqlite/sqlite_private.h"


/* what stands where a document is going to be */

typedef struct {
    uint64_t                 rev;           /* 0: nothing */
    uint64_t                 created;
    int                      live;          /* it has a body */
} ae_db_standing_t;


static int ae_db_document_bad(ae_str_t collection, ae_str_t id);
static int ae_db_document_look(ae_db_t *db, ae_str_t collection, ae_str_t id,
    ae_db_standing_t *standing);
static int ae_db_document_expected(const ae_db_standing_t *standing,
    uint64_t expected);
static int ae_db_document_replace(ae_db_t *db, ae_db_document_t *doc,
    uint64_t expected);
static int ae_db_document_write(ae_db_t *db, ae_db_document_t *doc);
static int ae_db_document_add(ae_db_t *db, ae_str_t collection, int n);


static int
ae_db_document_bad(ae_str_t collection, ae_str_t id)
{
    return collection.len == 0 || collection.len > AE_DB_NAME
           || id.len == 0 || id.len > AE_DB_NAME;
}


int
ae_db_document_get(ae_db_t *db, ae_str_t collection, ae_str_t id,
    ae_arena_t *arena, ae_db_document_t *doc)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_DOCUMENT_GET,
                         "SELECT rev, collection, id, created, updated, body"
                         " FROM document WHERE collection = ? AND id = ?"
                         " AND body IS NOT NULL");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_text(st, 1, collection);
    ae_db_bind_text(st, 2, id);

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return rc;
    }

    rc = ae_db_document_row(st, 1, arena, doc);

    if (rc == AE_FULL) {
        rc = ae_db_fail_memory(db);

    } else if (rc != AE_OK) {
        rc = ae_db_fail_row(db);
    }

    (void) sqlite3_reset(st);

    return rc;
}


int
ae_db_document_put(ae_db_t *db, ae_db_document_t *doc, uint64_t expected)
{
    int  own, rc;

    if (ae_db_document_bad(doc->collection, doc->id)
        || doc->body.data == NULL || doc->body.len > AE_DB_BODY)
    {
        return AE_FULL;
    }

    if (ae_db_enter(db, &own) != AE_OK) {
        return AE_ERROR;
    }

    rc = ae_db_document_replace(db, doc, expected);

    return ae_db_leave(db, own, rc);
}


int
ae_db_document_delete(ae_db_t *db, ae_str_t collection, ae_str_t id,
    uint64_t expected, uint64_t wall, uint64_t *rev)
{
    int               own, rc;
    ae_db_document_t  doc;

    if (ae_db_document_bad(collection, id) || expected == 0) {
        return AE_DECLINED;
    }

    if (ae_db_enter(db, &own) != AE_OK) {
        return AE_ERROR;
    }

    doc.collection = collection;
    doc.id = id;
    doc.updated = wall;
    doc.body.len = 0;
    doc.body.data = NULL;

    rc = ae_db_document_replace(db, &doc, expected);
    *rev = doc.rev;

    return ae_db_leave(db, own, rc);
}


static int
ae_db_document_replace(ae_db_t *db, ae_db_document_t *doc, uint64_t expected)
{
    int               rc, live;
    ae_db_standing_t  standing;

    doc->rev = 0;
    live = (doc->body.data != NULL);

    rc = ae_db_document_look(db, doc->collection, doc->id, &standing);

    if (rc == AE_OK) {
        rc = ae_db_document_expected(&standing, expected);
    }

    if (rc != AE_OK) {
        return rc;
    }

    if (!live && !standing.live) {
        return AE_DECLINED;
    }

    doc->created = standing.live ? standing.created : doc->updated;

    rc = ae_db_document_write(db, doc);

    if (rc == AE_OK && live != standing.live) {
        rc = ae_db_document_add(db, doc->collection, live - standing.live);
    }

    return rc;
}


static int
ae_db_document_look(ae_db_t *db, ae_str_t collection, ae_str_t id,
    ae_db_standing_t *standing)
{
    int            rc;
    sqlite3_stmt  *st;

    standing->rev = 0;
    standing->created = 0;
    standing->live = 0;

    st = ae_db_statement(db, AE_DB_DOCUMENT_LOOK,
                         "SELECT rev, created, body IS NOT NULL"
                         " FROM document WHERE collection = ? AND id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_text(st, 1, collection);
    ae_db_bind_text(st, 2, id);

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
    }

    standing->rev = ae_db_get_int(st, 0);
    standing->created = ae_db_get_int(st, 1);
    standing->live = (ae_db_get_int(st, 2) != 0);

    (void) sqlite3_reset(st);

    return AE_OK;
}


static int
ae_db_document_expected(const ae_db_standing_t *standing, uint64_t expected)
{
    uint64_t  rev;

    rev = standing->live ? standing->rev : 0;

    return (expected == AE_DB_ANY || expected == rev) ? AE_OK : AE_DECLINED;
}


static int
ae_db_document_write(ae_db_t *db, ae_db_document_t *doc)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_DOCUMENT_PUT,
                         "INSERT OR REPLACE INTO document VALUES"
                         " (NULL, ?, ?, ?, ?, ?)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_text(st, 1, doc->collection);
    ae_db_bind_text(st, 2, doc->id);
    ae_db_bind_int(st, 3, doc->created);
    ae_db_bind_int(st, 4, doc->updated);

    if (doc->body.data != NULL) {
        ae_db_bind_text(st, 5, doc->body);

    } else {
        (void) sqlite3_bind_null(st, 5);
    }

    rc = ae_db_run(db, st);

    if (rc == AE_OK) {
        doc->rev = (uint64_t) sqlite3_last_insert_rowid(db->sql);
    }

    return rc;
}


/* counted as they come and go: to count a million rows takes too long */

static int
ae_db_document_add(ae_db_t *db, ae_str_t collection, int n)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_DOCUMENT_ADD,
                         "INSERT INTO collection VALUES (?, ?)"
                         " ON CONFLICT (name) DO UPDATE"
                         " SET documents = documents + excluded.documents");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_text(st, 1, collection);
    (void) sqlite3_bind_int(st, 2, n);

    return ae_db_run(db, st);
}


int
ae_db_document_count(ae_db_t *db, ae_str_t collection, uint64_t *n)
{
    int            rc;
    int64_t        documents;
    sqlite3_stmt  *st;

    *n = 0;

    st = ae_db_statement(db, AE_DB_DOCUMENT_COUNT,
                         "SELECT documents FROM collection WHERE name = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_text(st, 1, collection);

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
    }

    documents = sqlite3_column_int64(st, 0);
    *n = (documents > 0) ? (uint64_t) documents : 0;

    (void) sqlite3_reset(st);

    return AE_OK;
}
