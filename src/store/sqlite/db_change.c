/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Many documents of the embedded store at once: a collection by id, what
 * changed by revision, deletions that are old enough.
 */


#include "store/sqlite/sqlite_private.h"


/* what a page is to have */

typedef struct {
    int                      bodies;
    int                      gone;          /* deletions, too */
    size_t                   max;
} ae_db_page_t;


static int ae_db_document_fill(ae_db_t *db, sqlite3_stmt *st,
    const ae_db_page_t *page, ae_db_document_t *list, size_t *n,
    ae_db_document_t *last, ae_arena_t *arena);
static int ae_db_document_old(ae_db_t *db, sqlite3_stmt *st, uint64_t before,
    ae_db_keep_pt keep, void *data);
static ae_str_t ae_db_document_column(sqlite3_stmt *st, int n);
static int ae_db_document_drop(ae_db_t *db, uint64_t rev);


int
ae_db_document_row(sqlite3_stmt *st, int bodies, ae_arena_t *arena,
    ae_db_document_t *doc)
{
    int64_t  rev;

    rev = sqlite3_column_int64(st, 0);

    if (rev <= 0) {
        return AE_DECLINED;
    }

    doc->rev = (uint64_t) rev;
    doc->created = ae_db_get_int(st, 3);
    doc->updated = ae_db_get_int(st, 4);
    doc->body.len = 0;
    doc->body.data = NULL;

    if (ae_db_get_str(st, 1, AE_DB_NAME, arena, &doc->collection) != AE_OK
        || ae_db_get_str(st, 2, AE_DB_NAME, arena, &doc->id) != AE_OK)
    {
        return AE_FULL;
    }

    if (sqlite3_column_type(st, 5) == SQLITE_NULL) {
        return AE_OK;
    }

    if (!bodies) {
        doc->body = ae_str("");
        return AE_OK;
    }

    return ae_db_get_str(st, 5, AE_DB_BODY, arena, &doc->body);
}


int
ae_db_document_list(ae_db_t *db, ae_str_t collection, int bodies,
    ae_str_t *after, ae_db_document_t *list, size_t *n, ae_arena_t *arena)
{
    int                rc;
    sqlite3_stmt      *st;
    ae_db_page_t       page;
    ae_db_document_t   last;

    page.bodies = bodies;
    page.gone = 0;
    page.max = *n;
    *n = 0;

    st = ae_db_statement(db, bodies ? AE_DB_DOCUMENT_LIST
                                    : AE_DB_DOCUMENT_NAMES,
                         bodies
                         ? "SELECT rev, collection, id, created, updated, body"
                           " FROM document WHERE collection = ? AND id > ?"
                           " ORDER BY id"
                         : "SELECT rev, collection, id, created, updated,"
                           " nullif(body IS NOT NULL, 0)"
                           " FROM document WHERE collection = ? AND id > ?"
                           " ORDER BY id");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_text(st, 1, collection);
    ae_db_bind_text(st, 2, *after);

    last.id = *after;

    rc = ae_db_document_fill(db, st, &page, list, n, &last, arena);

    *after = last.id;

    return rc;
}


int
ae_db_document_changes(ae_db_t *db, uint64_t *after, ae_db_document_t *list,
    size_t *n, ae_arena_t *arena)
{
    int                rc;
    sqlite3_stmt      *st;
    ae_db_page_t       page;
    ae_db_document_t   last;

    page.bodies = 1;
    page.gone = 1;
    page.max = *n;
    *n = 0;

    st = ae_db_statement(db, AE_DB_DOCUMENT_CHANGES,
                         "SELECT rev, collection, id, created, updated, body"
                         " FROM document WHERE rev > ? ORDER BY rev");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_int(st, 1, *after);

    last.rev = *after;

    rc = ae_db_document_fill(db, st, &page, list, n, &last, arena);

    *after = last.rev;

    return rc;
}


/* last: id and revision of the last row that was looked at */

static int
ae_db_document_fill(ae_db_t *db, sqlite3_stmt *st, const ae_db_page_t *page,
    ae_db_document_t *list, size_t *n, ae_db_document_t *last,
    ae_arena_t *arena)
{
    int                rc, looked;
    ae_db_document_t  *doc;

    for (looked = 0; *n < page->max && looked < AE_DB_SCAN; looked++) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        doc = &list[*n];

        rc = ae_db_document_row(st, page->bodies, arena, doc);

        if (rc == AE_FULL) {
            break;
        }

        if (rc == AE_OK) {
            last->id = doc->id;
            last->rev = doc->rev;
            *n += (page->gone || doc->body.data != NULL);
        }
    }

    (void) sqlite3_reset(st);

    /* what had no room begins the next page, if that has any */

    return (*n == 0 && looked == 0 && page->max != 0) ? ae_db_fail_memory(db)
                                                      : AE_AGAIN;
}


int
ae_db_document_rev(ae_db_t *db, uint64_t *rev)
{
    int            rc;
    sqlite3_stmt  *st;

    *rev = 0;

    st = ae_db_statement(db, AE_DB_DOCUMENT_REV,
                         "SELECT seq FROM sqlite_sequence"
                         " WHERE name = 'document'");
    if (st == NULL) {
        return AE_ERROR;
    }

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
    }

    *rev = ae_db_get_int(st, 0);

    (void) sqlite3_reset(st);

    return AE_OK;
}


int
ae_db_document_forget(ae_db_t *db, uint64_t before, size_t n,
    ae_db_keep_pt keep, void *data)
{
    int            own, rc;
    size_t         i;
    sqlite3_stmt  *st;

    if (ae_db_enter(db, &own) != AE_OK) {
        return AE_ERROR;
    }

    rc = AE_AGAIN;

    for (i = 0; i < n && rc == AE_AGAIN; i++) {
        st = ae_db_statement(db, AE_DB_DOCUMENT_GONE,
                             "SELECT rev, collection, id, updated"
                             " FROM document INDEXED BY document_gone"
                             " WHERE body IS NULL AND rev > ?"
                             " ORDER BY rev LIMIT 1");

        rc = (st != NULL) ? ae_db_document_old(db, st, before, keep, data)
                          : AE_ERROR;
    }

    if (rc == AE_OK) {
        db->forgotten = 0;
    }

    return ae_db_leave(db, own, rc);
}


/* one more; AE_AGAIN, AE_OK: there is none */

static int
ae_db_document_old(ae_db_t *db, sqlite3_stmt *st, uint64_t before,
    ae_db_keep_pt keep, void *data)
{
    int       rc, old;
    uint64_t  rev;

    ae_db_bind_int(st, 1, db->forgotten);

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
    }

    rev = ae_db_get_int(st, 0);
    old = (ae_db_get_int(st, 3) < before);

    if (old && keep != NULL) {
        old = !keep(data, ae_db_document_column(st, 1),
                    ae_db_document_column(st, 2));
    }

    (void) sqlite3_reset(st);

    db->forgotten = rev;

    if (old && ae_db_document_drop(db, rev) != AE_OK) {
        return AE_ERROR;
    }

    return AE_AGAIN;
}


static ae_str_t
ae_db_document_column(sqlite3_stmt *st, int n)
{
    ae_str_t     s;
    const void  *p;

    p = sqlite3_column_blob(st, n);

    s.data = (unsigned char *) ((p != NULL) ? p : "");
    s.len = (p != NULL) ? (size_t) sqlite3_column_bytes(st, n) : 0;

    return s;
}


static int
ae_db_document_drop(ae_db_t *db, uint64_t rev)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_DOCUMENT_FORGET,
                         "DELETE FROM document WHERE rev = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_int(st, 1, rev);

    return ae_db_run(db, st);
}
