/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * History and dead letters of the embedded store: tables of the same columns.
 *
 * Rows are looked at from the newest on, through the index of the event, of
 * the endpoint or of what was not delivered if one of them is asked for; the
 * rest is compared row by row, up to a bound, since the one thread of the
 * database has to write as well.
 */


#include <string.h>

#include "store/sqlite/sqlite_private.h"


#define AE_DB_PARAMETERS     "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define AE_DB_COLUMNS                                                         \
    "(event, endpoint, uid, type, api, handler, label, state, attempt,"       \
    " status, time, duration, next, error, answer)"

#define AE_DB_SELECT         "SELECT * FROM "
#define AE_DB_NEWEST         " AND id < ? ORDER BY id DESC"


static int ae_db_put(ae_db_t *db, sqlite3_stmt *st, const ae_db_attempt_t *a);
static sqlite3_stmt *ae_db_attempt_select(ae_db_t *db,
    const ae_db_query_t *query, unsigned char *id);
static sqlite3_stmt *ae_db_dead_select(ae_db_t *db,
    const ae_db_query_t *query, unsigned char *id);
static int ae_db_list(ae_db_t *db, sqlite3_stmt *st, ae_db_query_t *query,
    ae_db_attempt_t *list, size_t *n, ae_arena_t *arena);
static int ae_db_asked(sqlite3_stmt *st, const ae_db_query_t *query,
    ae_db_attempt_t *a);
static int ae_db_strings(sqlite3_stmt *st, ae_db_attempt_t *a,
    ae_arena_t *arena);


int
ae_db_attempt_put(ae_db_t *db, const ae_db_attempt_t *a)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_ATTEMPT_PUT,
                         "INSERT INTO attempt " AE_DB_COLUMNS
                         " VALUES " AE_DB_PARAMETERS);

    return (st != NULL) ? ae_db_put(db, st, a) : AE_ERROR;
}


/* a delivery dies once: who writes it again writes the same */

int
ae_db_dead_put(ae_db_t *db, const ae_db_attempt_t *a)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_DEAD_PUT,
                         "INSERT OR REPLACE INTO dead " AE_DB_COLUMNS
                         " VALUES " AE_DB_PARAMETERS);

    return (st != NULL) ? ae_db_put(db, st, a) : AE_ERROR;
}


static int
ae_db_put(ae_db_t *db, sqlite3_stmt *st, const ae_db_attempt_t *a)
{
    unsigned char  event[AE_DB_ID], endpoint[AE_DB_ID];

    ae_db_id_write(event, a->event);
    ae_db_id_write(endpoint, a->endpoint);

    ae_db_bind_id(st, 1, event);
    ae_db_bind_id(st, 2, endpoint);
    ae_db_bind_int(st, 3, a->uid);
    ae_db_bind_text(st, 4, ae_db_cut(a->type, AE_DB_TEXT));
    ae_db_bind_text(st, 5, ae_db_cut(a->api, AE_DB_TEXT));
    ae_db_bind_text(st, 6, ae_db_cut(a->handler, AE_DB_TEXT));
    ae_db_bind_text(st, 7, ae_db_cut(a->label, AE_DB_TEXT));
    ae_db_bind_text(st, 8, ae_db_cut(a->state, AE_DB_TEXT));
    ae_db_bind_int(st, 9, a->attempt);
    ae_db_bind_int(st, 10, a->status);
    ae_db_bind_int(st, 11, a->time);
    ae_db_bind_int(st, 12, a->duration);
    ae_db_bind_int(st, 13, a->next);
    ae_db_bind_text(st, 14, ae_db_cut(a->error, AE_DB_TEXT));
    ae_db_bind_blob(st, 15, ae_db_cut(a->answer, AE_DB_ANSWER));

    return ae_db_run(db, st);
}


int
ae_db_attempt_list(ae_db_t *db, ae_db_query_t *query, ae_db_attempt_t *list,
    size_t *n, ae_arena_t *arena)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    st = ae_db_attempt_select(db, query, id);

    return ae_db_list(db, st, query, list, n, arena);
}


/* the first parameter is always there, so that all are bound alike */

static sqlite3_stmt *
ae_db_attempt_select(ae_db_t *db, const ae_db_query_t *query,
    unsigned char *id)
{
    sqlite3_stmt  *st;

    if (query->event.h[0] != 0 || query->event.h[1] != 0) {
        ae_db_id_write(id, query->event);

        st = ae_db_statement(db, AE_DB_ATTEMPT_LIST_EVENT,
                             AE_DB_SELECT "attempt WHERE event = ?"
                             AE_DB_NEWEST);

    } else if (query->endpoint.h[0] != 0 || query->endpoint.h[1] != 0) {
        ae_db_id_write(id, query->endpoint);

        st = ae_db_statement(db, AE_DB_ATTEMPT_LIST_ENDPOINT,
                             AE_DB_SELECT "attempt WHERE endpoint = ?"
                             AE_DB_NEWEST);

    } else if (query->state.len != 0
               && (query->state.len != 9
                   || memcmp(query->state.data, "delivered", 9) != 0))
    {
        st = ae_db_statement(db, AE_DB_ATTEMPT_LIST_FAILED,
                             AE_DB_SELECT "attempt WHERE state = ?"
                             " AND state <> 'delivered'" AE_DB_NEWEST);

        if (st != NULL) {
            ae_db_bind_text(st, 1, query->state);
        }

        return st;

    } else {
        memset(id, 0, AE_DB_ID);

        st = ae_db_statement(db, AE_DB_ATTEMPT_LIST,
                             AE_DB_SELECT "attempt WHERE ? IS NOT NULL"
                             AE_DB_NEWEST);
    }

    if (st != NULL) {
        ae_db_bind_id(st, 1, id);
    }

    return st;
}


int
ae_db_dead_list(ae_db_t *db, ae_db_query_t *query, ae_db_attempt_t *list,
    size_t *n, ae_arena_t *arena)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    st = ae_db_dead_select(db, query, id);

    return ae_db_list(db, st, query, list, n, arena);
}


static sqlite3_stmt *
ae_db_dead_select(ae_db_t *db, const ae_db_query_t *query, unsigned char *id)
{
    sqlite3_stmt  *st;

    if (query->event.h[0] != 0 || query->event.h[1] != 0) {
        ae_db_id_write(id, query->event);

        st = ae_db_statement(db, AE_DB_DEAD_LIST_EVENT,
                             AE_DB_SELECT "dead WHERE event = ?"
                             AE_DB_NEWEST);

    } else if (query->endpoint.h[0] != 0 || query->endpoint.h[1] != 0) {
        ae_db_id_write(id, query->endpoint);

        st = ae_db_statement(db, AE_DB_DEAD_LIST_ENDPOINT,
                             AE_DB_SELECT "dead WHERE endpoint = ?"
                             AE_DB_NEWEST);

    } else {
        memset(id, 0, AE_DB_ID);

        st = ae_db_statement(db, AE_DB_DEAD_LIST,
                             AE_DB_SELECT "dead WHERE ? IS NOT NULL"
                             AE_DB_NEWEST);
    }

    if (st != NULL) {
        ae_db_bind_id(st, 1, id);
    }

    return st;
}


int
ae_db_dead_delete(ae_db_t *db, int64_t id)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_DEAD_DELETE,
                         "DELETE FROM dead WHERE id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, id);

    rc = ae_db_run(db, st);

    return (rc == AE_OK && sqlite3_changes(db->sql) == 0) ? AE_DECLINED : rc;
}


static int
ae_db_list(ae_db_t *db, sqlite3_stmt *st, ae_db_query_t *query,
    ae_db_attempt_t *list, size_t *n, ae_arena_t *arena)
{
    int               rc, looked;
    size_t            max;
    ae_db_attempt_t  *a;

    max = *n;
    *n = 0;

    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_int64(st, 2, query->before ? query->before
                                                   : INT64_MAX);

    for (looked = 0; *n < max && looked < AE_DB_SCAN; looked++) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            query->before = 0;
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        a = &list[*n];
        a->id = sqlite3_column_int64(st, 0);

        rc = ae_db_asked(st, query, a);

        if (rc == AE_OK && ae_db_strings(st, a, arena) != AE_OK) {
            break;
        }

        query->before = a->id;
        *n += (rc == AE_OK);
    }

    (void) sqlite3_reset(st);

    /* what had no room begins the next page, if that has any */

    return (*n == 0 && looked == 0 && max != 0) ? ae_db_fail_memory(db)
                                                : AE_OK;
}


static int
ae_db_asked(sqlite3_stmt *st, const ae_db_query_t *query, ae_db_attempt_t *a)
{
    a->time = ae_db_get_int(st, 11);

    if (a->time < query->from || (query->to != 0 && a->time > query->to)
        || !ae_db_matches(st, 8, query->state)
        || !ae_db_matches(st, 4, query->type)
        || !ae_db_matches(st, 5, query->api)
        || ae_db_get_id(st, 1, &a->event) != AE_OK
        || ae_db_get_id(st, 2, &a->endpoint) != AE_OK
        || ae_db_get_uint32(st, 9, &a->attempt) != AE_OK
        || ae_db_get_uint32(st, 10, &a->status) != AE_OK)
    {
        return AE_DECLINED;
    }

    if ((query->endpoint.h[0] != 0 || query->endpoint.h[1] != 0)
        && !ae_id_equal(query->endpoint, a->endpoint))
    {
        return AE_DECLINED;
    }

    a->uid = ae_db_get_int(st, 3);
    a->duration = ae_db_get_int(st, 12);
    a->next = ae_db_get_int(st, 13);

    return AE_OK;
}


static int
ae_db_strings(sqlite3_stmt *st, ae_db_attempt_t *a, ae_arena_t *arena)
{
    if (ae_db_get_str(st, 4, AE_DB_TEXT, arena, &a->type) != AE_OK
        || ae_db_get_str(st, 5, AE_DB_TEXT, arena, &a->api) != AE_OK
        || ae_db_get_str(st, 6, AE_DB_TEXT, arena, &a->handler) != AE_OK
        || ae_db_get_str(st, 7, AE_DB_TEXT, arena, &a->label) != AE_OK
        || ae_db_get_str(st, 8, AE_DB_TEXT, arena, &a->state) != AE_OK
        || ae_db_get_str(st, 14, AE_DB_TEXT, arena, &a->error) != AE_OK
        || ae_db_get_str(st, 15, AE_DB_ANSWER, arena, &a->answer) != AE_OK)
    {
        return AE_FULL;
    }

    return AE_OK;
}
