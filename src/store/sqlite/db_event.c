/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Events in the embedded store: one row, whoever names it (deliveries that are
 * pending, attempts, dead letters).  Retention removes what nobody names.
 */


#include <string.h>

#include "store/sqlite/sqlite_private.h"


/* an event's id is made when what it tells of begins, at most so long before
 * it is raised; and after that no clock is trusted to the second, ms */
#define AE_DB_EVENT_BEFORE   ((uint64_t) 2 * 3600 * 1000)
#define AE_DB_EVENT_BEHIND   1000

#define AE_DB_EVENT_MSEC     ((uint64_t) 1000000)


static void ae_db_event_begin(const ae_db_query_t *query,
    unsigned char before[AE_DB_ID]);
static int ae_db_event_over(const ae_db_query_t *query, ae_id_t id);
static int ae_db_event_row(sqlite3_stmt *st, const ae_db_query_t *query,
    ae_db_event_t *ev, ae_arena_t *arena);
static int ae_db_event_is(ae_id_t wanted, ae_id_t id);


int
ae_db_event(ae_db_t *db, const ae_event_t *ev, ae_str_t record)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID], key[AE_DB_ID];

    if (record.len > AE_DB_RECORD) {
        return AE_DECLINED;
    }

    st = ae_db_statement(db, AE_DB_EVENT_PUT,
                         "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)"
                         " ON CONFLICT DO NOTHING");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, ev->id);
    ae_db_id_write(key, ev->key_id);

    ae_db_bind_id(st, 1, id);
    ae_db_bind_int(st, 2, ev->time);
    ae_db_bind_text(st, 3, ae_event_name(ev));
    ae_db_bind_text(st, 4, ev->api);
    ae_db_bind_text(st, 5, ev->org);
    ae_db_bind_id(st, 6, key);
    ae_db_bind_blob(st, 7, record);

    return ae_db_run(db, st);
}


int
ae_db_event_get(ae_db_t *db, ae_id_t id, ae_arena_t *arena, ae_str_t *record)
{
    int             rc;
    sqlite3_stmt   *st;
    unsigned char   key[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_EVENT_GET,
                         "SELECT record FROM event WHERE id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(key, id);
    ae_db_bind_id(st, 1, key);

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return rc;
    }

    if (ae_db_get_str(st, 0, AE_DB_RECORD, arena, record) != AE_OK) {
        rc = ae_db_fail_memory(db);
    }

    (void) sqlite3_reset(st);

    return rc;
}


int
ae_db_event_list(ae_db_t *db, ae_db_query_t *query, ae_db_event_t *list,
    size_t *n, ae_arena_t *arena)
{
    int             rc, looked;
    size_t          max;
    ae_id_t         id;
    sqlite3_stmt   *st;
    unsigned char   before[AE_DB_ID];

    max = *n;
    *n = 0;

    st = ae_db_statement(db, AE_DB_EVENT_LIST,
                         "SELECT id, time, type, api, org, key_id FROM event"
                         " WHERE id < ? ORDER BY id DESC");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_event_begin(query, before);
    ae_db_bind_id(st, 1, before);

    for (looked = 0; *n < max && looked < AE_DB_SCAN; looked++) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            query->event = (ae_id_t) { { 0, 0 } };
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        if (ae_db_get_id(st, 0, &id) != AE_OK) {
            continue;
        }

        if (ae_db_event_over(query, id)) {
            (void) sqlite3_reset(st);
            query->event = (ae_id_t) { { 0, 0 } };
            return AE_OK;
        }

        rc = ae_db_event_row(st, query, &list[*n], arena);

        if (rc == AE_FULL) {
            break;
        }

        list[*n].id = id;
        query->event = id;
        *n += (rc == AE_OK);
    }

    (void) sqlite3_reset(st);

    /* what had no room begins the next page, if that has any */

    return (*n == 0 && looked == 0 && max != 0) ? ae_db_fail_memory(db)
                                                : AE_OK;
}


/*
 * Ids begin with the milliseconds of their time, so that a span of time is one
 * of ids: what is newer than `to` is not looked at, nor what is older than
 * `from`.
 */

static void
ae_db_event_begin(const ae_db_query_t *query, unsigned char before[AE_DB_ID])
{
    ae_id_t   id;
    uint64_t  ms;

    memset(before, 0xff, AE_DB_ID);

    id = query->event;
    ms = query->to / AE_DB_EVENT_MSEC + AE_DB_EVENT_BEHIND;

    if (query->to != 0 && (ms >> 48) == 0
        && ((id.h[0] == 0 && id.h[1] == 0) || id.h[0] >> 16 > ms))
    {
        id.h[0] = ms << 16;
        id.h[1] = 0;
    }

    if (id.h[0] != 0 || id.h[1] != 0) {
        ae_db_id_write(before, id);
    }
}


static int
ae_db_event_over(const ae_db_query_t *query, ae_id_t id)
{
    return (id.h[0] >> 16) + AE_DB_EVENT_BEFORE
           < query->from / AE_DB_EVENT_MSEC;
}


/* AE_DECLINED: not asked for */

static int
ae_db_event_row(sqlite3_stmt *st, const ae_db_query_t *query,
    ae_db_event_t *ev, ae_arena_t *arena)
{
    ev->time = ae_db_get_int(st, 1);

    if (!ae_db_matches(st, 2, query->type)
        || !ae_db_matches(st, 3, query->api)
        || !ae_db_matches(st, 4, query->org)
        || ev->time < query->from
        || (query->to != 0 && ev->time > query->to)
        || ae_db_get_id(st, 5, &ev->key_id) != AE_OK
        || !ae_db_event_is(query->key_id, ev->key_id))
    {
        return AE_DECLINED;
    }

    if (ae_db_get_str(st, 2, AE_DB_TEXT, arena, &ev->type) != AE_OK
        || ae_db_get_str(st, 3, AE_DB_TEXT, arena, &ev->api) != AE_OK
        || ae_db_get_str(st, 4, AE_DB_TEXT, arena, &ev->org) != AE_OK)
    {
        return AE_FULL;
    }

    return AE_OK;
}


static int
ae_db_event_is(ae_id_t wanted, ae_id_t id)
{
    return (wanted.h[0] == 0 && wanted.h[1] == 0) || ae_id_equal(wanted, id);
}


int
ae_db_event_after(ae_db_t *db, ae_id_t *after, ae_id_t *ids,
    ae_str_t *records, size_t *n, ae_arena_t *arena)
{
    int             rc;
    size_t          max;
    sqlite3_stmt   *st;
    unsigned char   key[AE_DB_ID];

    max = *n;
    *n = 0;

    st = ae_db_statement(db, AE_DB_EVENT_AFTER,
                         "SELECT id, record FROM event WHERE id > ?"
                         " ORDER BY id");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(key, *after);
    ae_db_bind_id(st, 1, key);

    rc = AE_OK;

    while (*n < max) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        if (ae_db_get_id(st, 0, &ids[*n]) != AE_OK) {
            continue;
        }

        if (ae_db_get_str(st, 1, AE_DB_RECORD, arena, &records[*n]) != AE_OK)
        {
            break;
        }

        *after = ids[*n];
        (*n)++;
    }

    (void) sqlite3_reset(st);

    return (*n == 0 && max != 0) ? ae_db_fail_memory(db) : AE_OK;
}
