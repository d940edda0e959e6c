/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * States in the embedded store that shared memory cannot carry over: breakers
 * that are not closed, endpoints that are disabled or failing.
 */


#include <string.h>

#include "store/sqlite/sqlite_private.h"


static int ae_db_delete_id(ae_db_t *db, ae_db_statement_e which,
    const char *text, ae_id_t id);
static sqlite3_stmt *ae_db_list_after(ae_db_t *db, ae_db_statement_e which,
    const char *text, const ae_id_t *after, unsigned char *id);
static int ae_db_breaker_read(sqlite3_stmt *st, ae_breaker_record_t *r);
static int ae_db_endpoint_read(sqlite3_stmt *st, ae_db_endpoint_t *ep,
    ae_arena_t *arena);


static int
ae_db_delete_id(ae_db_t *db, ae_db_statement_e which, const char *text,
    ae_id_t id)
{
    sqlite3_stmt   *st;
    unsigned char   key[AE_DB_ID];

    st = ae_db_statement(db, which, text);
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(key, id);
    ae_db_bind_id(st, 1, key);

    return ae_db_run(db, st);
}


static sqlite3_stmt *
ae_db_list_after(ae_db_t *db, ae_db_statement_e which, const char *text,
    const ae_id_t *after, unsigned char *id)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, which, text);

    if (st != NULL) {
        ae_db_id_write(id, *after);
        ae_db_bind_id(st, 1, id);
    }

    return st;
}


int
ae_db_breaker_put(ae_db_t *db, const ae_breaker_record_t *r)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    if (r->state == AE_BREAKER_CLOSED) {
        return ae_db_delete_id(db, AE_DB_BREAKER_DELETE,
                               "DELETE FROM breaker WHERE id = ?", r->id);
    }

    st = ae_db_statement(db, AE_DB_BREAKER_PUT,
                         "INSERT OR REPLACE INTO breaker VALUES"
                         " (?, ?, ?, ?, ?)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, r->id);

    ae_db_bind_id(st, 1, id);
    ae_db_bind_int(st, 2, r->state);
    ae_db_bind_int(st, 3, r->opened);
    ae_db_bind_int(st, 4, r->left);
    ae_db_bind_int(st, 5, r->until);

    return ae_db_run(db, st);
}


int
ae_db_breaker_list(ae_db_t *db, ae_id_t *after, ae_breaker_record_t *list,
    size_t *n)
{
    int             rc;
    size_t          max;
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    max = *n;
    *n = 0;

    st = ae_db_list_after(db, AE_DB_BREAKER_LIST,
                          "SELECT id, state, opened, remains, until"
                          " FROM breaker WHERE id > ? ORDER BY id",
                          after, id);
    if (st == NULL) {
        return AE_ERROR;
    }

    while (*n < max) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        if (ae_db_breaker_read(st, &list[*n]) == AE_OK) {
            *after = list[(*n)++].id;
        }
    }

    (void) sqlite3_reset(st);

    return AE_OK;
}


static int
ae_db_breaker_read(sqlite3_stmt *st, ae_breaker_record_t *r)
{
    uint32_t  state;

    memset(r, 0, sizeof(ae_breaker_record_t));

    if (ae_db_get_id(st, 0, &r->id) != AE_OK
        || ae_db_get_uint32(st, 1, &state) != AE_OK
        || state > AE_BREAKER_FORCED_CLOSED
        || ae_db_get_uint32(st, 2, &r->opened) != AE_OK)
    {
        return AE_ERROR;
    }

    r->state = state;
    r->left = ae_db_get_int(st, 3);
    r->until = ae_db_get_int(st, 4);

    return AE_OK;
}


int
ae_db_breaker_clear(ae_db_t *db)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_BREAKER_CLEAR, "DELETE FROM breaker");

    return (st != NULL) ? ae_db_run(db, st) : AE_ERROR;
}


int
ae_db_endpoint_put(ae_db_t *db, const ae_db_endpoint_t *ep)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    if (ep->disabled == 0 && ep->failing == 0) {
        return ae_db_delete_id(db, AE_DB_ENDPOINT_DELETE,
                               "DELETE FROM endpoint WHERE id = ?",
                               ep->identity);
    }

    st = ae_db_statement(db, AE_DB_ENDPOINT_PUT,
                         "INSERT OR REPLACE INTO endpoint VALUES"
                         " (?, ?, ?, ?, ?)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, ep->identity);

    ae_db_bind_id(st, 1, id);
    ae_db_bind_text(st, 2, ae_db_cut(ep->handler, AE_DB_TEXT));
    ae_db_bind_text(st, 3, ae_db_cut(ep->label, AE_DB_TEXT));
    ae_db_bind_int(st, 4, ep->disabled);
    ae_db_bind_int(st, 5, ep->failing);

    return ae_db_run(db, st);
}


int
ae_db_endpoint_list(ae_db_t *db, ae_id_t *after, ae_db_endpoint_t *list,
    size_t *n, ae_arena_t *arena)
{
    int             rc, full;
    size_t          max;
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    max = *n;
    *n = 0;
    full = 0;

    st = ae_db_list_after(db, AE_DB_ENDPOINT_LIST,
                          "SELECT id, handler, label, disabled, failing"
                          " FROM endpoint WHERE id > ? ORDER BY id",
                          after, id);
    if (st == NULL) {
        return AE_ERROR;
    }

    while (*n < max && !full) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        rc = ae_db_endpoint_read(st, &list[*n], arena);

        if (rc == AE_OK) {
            *after = list[(*n)++].identity;
        }

        full = (rc == AE_FULL);
    }

    (void) sqlite3_reset(st);

    return (full && *n == 0) ? ae_db_fail_memory(db) : AE_OK;
}


static int
ae_db_endpoint_read(sqlite3_stmt *st, ae_db_endpoint_t *ep, ae_arena_t *arena)
{
    if (ae_db_get_id(st, 0, &ep->identity) != AE_OK
        || ae_db_get_uint32(st, 3, &ep->disabled) != AE_OK
        || ep->disabled > AE_DISABLED_HAND)
    {
        return AE_DECLINED;
    }

    ep->failing = ae_db_get_int(st, 4);

    if (ae_db_get_str(st, 1, AE_DB_TEXT, arena, &ep->handler) != AE_OK
        || ae_db_get_str(st, 2, AE_DB_TEXT, arena, &ep->label) != AE_OK)
    {
        return AE_FULL;
    }

    return AE_OK;
}
