/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Retention in the embedded store, in steps.  Ids of rows ascend with time, so
 * only the oldest are looked at; events in turn, since those that a pending
 * delivery needs stay in between.
 */


#include <stdio.h>
#include <string.h>

#include "store/sqlite/sqlite_private.h"


typedef struct {
    uint64_t                 cut;           /* what is older goes, wall, ns */
    uint64_t                 deleted;
    int                      more;          /* to be looked at */
} ae_db_retain_t;


static int ae_db_retain_step(ae_db_t *db, uint64_t before, uint64_t max,
    size_t n);
static int ae_db_used(ae_db_t *db, uint64_t *used, uint64_t *size);
static int ae_db_pragma(ae_db_t *db, ae_db_statement_e which,
    const char *text, uint64_t *value);
static int ae_db_oldest(ae_db_t *db, size_t n, uint64_t *cut);
static int ae_db_oldest_of(ae_db_t *db, ae_db_statement_e which,
    const char *text, size_t n, uint64_t *cut);
static int ae_db_retain_rows(ae_db_t *db, ae_db_statement_e which,
    const char *text, size_t n, ae_db_retain_t *r);
static int ae_db_retain_events(ae_db_t *db, size_t n, ae_db_retain_t *r);
static int ae_db_retain_event(ae_db_t *db, sqlite3_stmt *row,
    ae_db_retain_t *r);
static int ae_db_shrink(ae_db_t *db, size_t n);


int
ae_db_retain(ae_db_t *db, uint64_t before, uint64_t max, size_t n)
{
    int  rc, own;

    rc = ae_db_enter(db, &own);

    if (rc != AE_OK) {
        return rc;
    }

    rc = ae_db_retain_step(db, before, max, n);

    return ae_db_leave(db, own, rc);
}


static int
ae_db_retain_step(ae_db_t *db, uint64_t before, uint64_t max, size_t n)
{
    uint64_t        used, size;
    ae_db_retain_t  r;

    memset(&r, 0, sizeof(ae_db_retain_t));
    r.cut = before;

    if (ae_db_used(db, &used, &size) != AE_OK
        || (max != 0 && used > max && ae_db_oldest(db, n, &r.cut) != AE_OK)
        || ae_db_retain_rows(db, AE_DB_RETAIN_ATTEMPT,
                             "DELETE FROM attempt WHERE id IN"
                             " (SELECT id FROM attempt ORDER BY id LIMIT ?)"
                             " AND id <> (SELECT max(id) FROM attempt)"
                             " AND time < ?", n, &r) != AE_OK
        || ae_db_retain_rows(db, AE_DB_RETAIN_DEAD,
                             "DELETE FROM dead WHERE id IN"
                             " (SELECT id FROM dead ORDER BY id LIMIT ?)"
                             " AND time < ?", n, &r) != AE_OK
        || ae_db_retain_events(db, n, &r) != AE_OK
        || ae_db_used(db, &used, &size) != AE_OK)
    {
        return AE_ERROR;
    }

    if (max != 0 && size > max && used < size) {
        r.more = 1;

        if (ae_db_shrink(db, n) != AE_OK) {
            return AE_ERROR;
        }
    }

    if (max != 0 && used > max && r.deleted != 0) {
        r.more = 1;
    }

    return r.more ? AE_AGAIN : AE_OK;
}


/* bytes of pages that something is in, and of all */

static int
ae_db_used(ae_db_t *db, uint64_t *used, uint64_t *size)
{
    uint64_t  pages, unused, page;

    if (ae_db_pragma(db, AE_DB_PAGES, "PRAGMA page_count", &pages) != AE_OK
        || ae_db_pragma(db, AE_DB_PAGES_FREE, "PRAGMA freelist_count", &unused)
           != AE_OK
        || ae_db_pragma(db, AE_DB_PAGE_SIZE, "PRAGMA page_size", &page)
           != AE_OK)
    {
        return AE_ERROR;
    }

    *size = pages * page;
    *used = (pages > unused) ? (pages - unused) * page : 0;

    return AE_OK;
}


static int
ae_db_pragma(ae_db_t *db, ae_db_statement_e which, const char *text,
    uint64_t *value)
{
    int            rc;
    sqlite3_stmt  *st;

    *value = 0;

    st = ae_db_statement(db, which, text);
    if (st == NULL) {
        return AE_ERROR;
    }

    rc = ae_db_row(db, st);

    if (rc == AE_OK) {
        *value = ae_db_get_int(st, 0);
        (void) sqlite3_reset(st);
    }

    return (rc == AE_ERROR) ? rc : AE_OK;
}


/* so that about n rows are older; without history, all events that nothing
 * names are */

static int
ae_db_oldest(ae_db_t *db, size_t n, uint64_t *cut)
{
    uint64_t  before;

    before = *cut;
    *cut = INT64_MAX;

    if (ae_db_oldest_of(db, AE_DB_OLD_ATTEMPT,
                        "SELECT count(*) > 1, max(time) FROM"
                        " (SELECT time FROM attempt ORDER BY id LIMIT ?)",
                        n, cut) != AE_OK
        || ae_db_oldest_of(db, AE_DB_OLD_DEAD,
                           "SELECT count(*) > 0, max(time) FROM"
                           " (SELECT time FROM dead ORDER BY id LIMIT ?)",
                           n, cut) != AE_OK)
    {
        return AE_ERROR;
    }

    if (*cut < before) {
        *cut = before;
    }

    return AE_OK;
}


static int
ae_db_oldest_of(ae_db_t *db, ae_db_statement_e which, const char *text,
    size_t n, uint64_t *cut)
{
    int            rc;
    uint64_t       time;
    sqlite3_stmt  *st;

    st = ae_db_statement(db, which, text);
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_int(st, 1, n);

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return AE_ERROR;
    }

    time = ae_db_get_int(st, 1);

    if (ae_db_get_int(st, 0) != 0 && time < *cut) {
        *cut = time + 1;
    }

    (void) sqlite3_reset(st);

    return AE_OK;
}


static int
ae_db_retain_rows(ae_db_t *db, ae_db_statement_e which, const char *text,
    size_t n, ae_db_retain_t *r)
{
    uint64_t       deleted;
    sqlite3_stmt  *st;

    st = ae_db_statement(db, which, text);
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_int(st, 1, n);
    ae_db_bind_int(st, 2, r->cut);

    if (ae_db_run(db, st) != AE_OK) {
        return AE_ERROR;
    }

    deleted = (uint64_t) sqlite3_changes(db->sql);

    r->deleted += deleted;
    r->more |= (deleted >= n);

    return AE_OK;
}


/* goes on where the last call ended, and from the start when it has met one
 * that is young enough */

static int
ae_db_retain_events(ae_db_t *db, size_t n, ae_db_retain_t *r)
{
    int             rc;
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_RETAIN_LOOK,
                         "SELECT e.id, e.time,"
                         " EXISTS (SELECT 1 FROM attempt WHERE event = e.id)"
                         " OR EXISTS (SELECT 1 FROM outbox WHERE event = e.id)"
                         " OR EXISTS (SELECT 1 FROM dead WHERE event = e.id)"
                         " OR EXISTS (SELECT 1 FROM unrouted"
                         "  WHERE event = e.id)"
                         " FROM event e WHERE e.id > ? ORDER BY e.id");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, db->looked);
    ae_db_bind_id(st, 1, id);

    while (n-- > 0) {
        rc = ae_db_row(db, st);

        if (rc == AE_OK && ae_db_get_int(st, 1) < r->cut) {
            rc = ae_db_retain_event(db, st, r);

        } else if (rc == AE_OK) {
            (void) sqlite3_reset(st);
            rc = AE_DECLINED;
        }

        if (rc != AE_OK) {
            db->looked = (ae_id_t) { { 0, 0 } };
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }
    }

    (void) sqlite3_reset(st);
    r->more = 1;

    return AE_OK;
}


static int
ae_db_retain_event(ae_db_t *db, sqlite3_stmt *row, ae_db_retain_t *r)
{
    int            rc;
    sqlite3_stmt  *st;

    (void) ae_db_get_id(row, 0, &db->looked);

    if (ae_db_get_int(row, 2) != 0) {
        return AE_OK;
    }

    st = ae_db_statement(db, AE_DB_RETAIN_EVENT,
                         "DELETE FROM event WHERE id = ?");
    if (st == NULL) {
        (void) sqlite3_reset(row);
        return AE_ERROR;
    }

    (void) sqlite3_bind_value(st, 1, sqlite3_column_value(row, 0));

    rc = ae_db_run(db, st);

    if (rc != AE_OK) {
        (void) sqlite3_reset(row);
    }

    r->deleted++;

    return rc;
}


static int
ae_db_shrink(ae_db_t *db, size_t n)
{
    char  text[64];

    snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%zu)", n);

    if (sqlite3_exec(db->sql, text, NULL, NULL, NULL) != SQLITE_OK) {
        return ae_db_fail(db);
    }

    return AE_OK;
}
