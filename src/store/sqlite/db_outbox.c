/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Deliveries that are pending, as the queue keeps them in the embedded store,
 * and events that were not routed.
 */


#include <string.h>

#include "store/sqlite/sqlite_private.h"


/* where claimed rows go: to rows or ids, and to records */

typedef struct {
    ae_outbox_row_t    *rows;
    uint64_t           *ids;
    ae_str_t           *records;
    ae_arena_t         *arena;
} ae_db_claim_t;


typedef int (*ae_db_claim_read_pt)(sqlite3_stmt *st, ae_db_claim_t *c,
    size_t i);


static int ae_db_claim_fill(ae_db_t *db, sqlite3_stmt *st,
    ae_db_claim_read_pt read, ae_db_claim_t *c, size_t *n);
static int ae_db_outbox_read(sqlite3_stmt *st, ae_db_claim_t *c, size_t i);
static int ae_db_outbox_move(ae_db_t *db, int64_t owner, uint64_t uid);
static int ae_db_unrouted_read(sqlite3_stmt *st, ae_db_claim_t *c, size_t i);
static int ae_db_unrouted_move(ae_db_t *db, uint64_t id, int64_t owner);


int
ae_db_outbox_put(ae_db_t *db, int64_t instance, const ae_outbox_row_t *row)
{
    sqlite3_stmt   *st;
    unsigned char   event[AE_DB_ID], endpoint[AE_DB_ID], cooldown[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_OUTBOX_PUT,
                         "INSERT OR REPLACE INTO outbox VALUES"
                         " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(event, row->event);
    ae_db_id_write(endpoint, row->endpoint);
    ae_db_id_write(cooldown, row->cooldown);

    ae_db_bind_int(st, 1, row->uid);
    (void) sqlite3_bind_int64(st, 2, instance);
    ae_db_bind_id(st, 3, event);
    ae_db_bind_id(st, 4, endpoint);
    ae_db_bind_id(st, 5, cooldown);
    ae_db_bind_int(st, 6, row->period);
    ae_db_bind_int(st, 7, row->due);
    ae_db_bind_int(st, 8, row->suppressed);
    ae_db_bind_int(st, 9, row->attempt);
    ae_db_bind_int(st, 10, row->held);

    return ae_db_run(db, st);
}


int
ae_db_outbox_delete(ae_db_t *db, uint64_t uid)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_OUTBOX_DELETE,
                         "DELETE FROM outbox WHERE uid = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_int(st, 1, uid);

    return ae_db_run(db, st);
}


int
ae_db_outbox_count(ae_db_t *db, int64_t instance, uint64_t *n)
{
    int            rc;
    sqlite3_stmt  *st;

    *n = 0;

    st = ae_db_statement(db, AE_DB_OUTBOX_COUNT,
                         "SELECT count(*) FROM outbox WHERE instance = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, instance);

    rc = ae_db_row(db, st);

    if (rc == AE_OK) {
        *n = ae_db_get_int(st, 0);
        (void) sqlite3_reset(st);
    }

    return rc;
}


int
ae_db_outbox_claim(ae_db_t *db, int64_t instance, int64_t owner,
    uint64_t *after, ae_outbox_row_t *rows, ae_str_t *records, size_t *n,
    ae_arena_t *arena)
{
    int             rc, own;
    size_t          i, max;
    sqlite3_stmt   *st;
    ae_db_claim_t   c;

    c = (ae_db_claim_t) { rows, NULL, records, arena };
    max = *n;
    *n = 0;

    rc = ae_db_enter(db, &own);

    if (rc != AE_OK) {
        return rc;
    }

    st = ae_db_statement(db, AE_DB_OUTBOX_LIST,
                         "SELECT o.*, e.record FROM outbox o"
                         " LEFT JOIN event e ON e.id = o.event"
                         " WHERE o.instance = ? AND o.uid > ?"
                         " ORDER BY o.uid LIMIT ?");
    rc = AE_ERROR;

    if (st != NULL) {
        (void) sqlite3_bind_int64(st, 1, instance);

        /* 0 is below all, those of the upper half too */

        (void) sqlite3_bind_int64(st, 2, *after ? (int64_t) *after
                                                : INT64_MIN);
        ae_db_bind_int(st, 3, max);

        *n = max;
        rc = ae_db_claim_fill(db, st, ae_db_outbox_read, &c, n);
    }

    for (i = 0; i < *n && rc == AE_OK; i++) {
        *after = rows[i].uid;

        if (owner != instance) {
            rc = ae_db_outbox_move(db, owner, rows[i].uid);
        }
    }

    return ae_db_leave(db, own, rc);
}


static int
ae_db_claim_fill(ae_db_t *db, sqlite3_stmt *st, ae_db_claim_read_pt read,
    ae_db_claim_t *c, size_t *n)
{
    int     rc;
    size_t  max;

    max = *n;

    for (*n = 0; *n < max; (*n)++) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        if (read(st, c, *n) != AE_OK) {
            break;
        }
    }

    (void) sqlite3_reset(st);

    return (*n == 0 && max != 0) ? ae_db_fail_memory(db) : AE_OK;
}


/* a row that nothing can be sent of has no record: who claims it tells */

static int
ae_db_outbox_read(sqlite3_stmt *st, ae_db_claim_t *c, size_t i)
{
    ae_str_t         *record;
    ae_outbox_row_t  *row;

    row = &c->rows[i];
    record = &c->records[i];

    memset(row, 0, sizeof(ae_outbox_row_t));

    row->uid = ae_db_get_int(st, 0);
    row->period = ae_db_get_int(st, 5);
    row->due = ae_db_get_int(st, 6);
    row->suppressed = ae_db_get_int(st, 7);

    record->len = 0;
    record->data = (unsigned char *) "";

    if (ae_db_get_id(st, 2, &row->event) != AE_OK
        || ae_db_get_id(st, 3, &row->endpoint) != AE_OK
        || ae_db_get_id(st, 4, &row->cooldown) != AE_OK
        || ae_db_get_uint32(st, 8, &row->attempt) != AE_OK
        || ae_db_get_uint32(st, 9, &row->held) != AE_OK)
    {
        return AE_OK;
    }

    if (ae_db_get_str(st, 10, AE_DB_RECORD, c->arena, record) != AE_OK) {
        return AE_FULL;
    }

    row->len = record->len;

    return AE_OK;
}


static int
ae_db_outbox_move(ae_db_t *db, int64_t owner, uint64_t uid)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_OUTBOX_MOVE,
                         "UPDATE outbox SET instance = ? WHERE uid = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, owner);
    ae_db_bind_int(st, 2, uid);

    return ae_db_run(db, st);
}


/* ---- events without deliveries yet ---- */

int
ae_db_unrouted_put(ae_db_t *db, int64_t instance, ae_id_t event)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_UNROUTED_PUT,
                         "INSERT OR IGNORE INTO unrouted (instance, event)"
                         " VALUES (?, ?)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, event);

    (void) sqlite3_bind_int64(st, 1, instance);
    ae_db_bind_id(st, 2, id);

    return ae_db_run(db, st);
}


int
ae_db_unrouted_claim(ae_db_t *db, int64_t instance, int64_t owner,
    uint64_t *ids, ae_str_t *records, size_t *n, ae_arena_t *arena)
{
    int             rc, own;
    size_t          i, max;
    sqlite3_stmt   *st;
    ae_db_claim_t   c;

    c = (ae_db_claim_t) { NULL, ids, records, arena };
    max = *n;
    *n = 0;

    rc = ae_db_enter(db, &own);

    if (rc != AE_OK) {
        return rc;
    }

    st = ae_db_statement(db, AE_DB_UNROUTED_LIST,
                         "SELECT u.id, e.record FROM unrouted u"
                         " LEFT JOIN event e ON e.id = u.event"
                         " WHERE u.instance = ? ORDER BY u.id LIMIT ?");
    rc = AE_ERROR;

    if (st != NULL) {
        (void) sqlite3_bind_int64(st, 1, instance);
        ae_db_bind_int(st, 2, max);

        *n = max;
        rc = ae_db_claim_fill(db, st, ae_db_unrouted_read, &c, n);
    }

    for (i = 0; i < *n && rc == AE_OK && owner != instance; i++) {
        rc = ae_db_unrouted_move(db, ids[i], owner);
    }

    return ae_db_leave(db, own, rc);
}


static int
ae_db_unrouted_read(sqlite3_stmt *st, ae_db_claim_t *c, size_t i)
{
    c->ids[i] = (uint64_t) sqlite3_column_int64(st, 0);

    return ae_db_get_str(st, 1, AE_DB_RECORD, c->arena, &c->records[i]);
}


static int
ae_db_unrouted_move(ae_db_t *db, uint64_t id, int64_t owner)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_UNROUTED_MOVE,
                         "UPDATE unrouted SET instance = ? WHERE id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, owner);
    ae_db_bind_int(st, 2, id);

    return ae_db_run(db, st);
}


int
ae_db_unrouted_delete(ae_db_t *db, uint64_t id)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_UNROUTED_DELETE,
                         "DELETE FROM unrouted WHERE id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_int(st, 1, id);

    return ae_db_run(db, st);
}
