/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Events sent again, out of the history: one delivery, one event, all of a
 * range, dead letters.  A dead letter that was sent again is deleted after
 * that, so that a death in between sends it twice rather than never.
 */


#include "manage/manage_private.h"


static ngx_int_t ngx_http_apievents_admin_one(
    ngx_http_apievents_admin_t *a, void (*work)(ae_db_t *db, void *data),
    ngx_http_apievents_admin_pt done);
static void ngx_http_apievents_admin_find_row(ae_db_t *db, void *data);
static void ngx_http_apievents_admin_find_records(ae_db_t *db,
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_send_row(
    ngx_http_apievents_admin_t *a);
static void ngx_http_apievents_admin_get_event(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_admin_send_event(
    ngx_http_apievents_admin_t *a);
static void ngx_http_apievents_admin_range(ae_db_t *db, void *data);
static void ngx_http_apievents_admin_range_dead(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_admin_send_range(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_send_dead(
    ngx_http_apievents_admin_t *a);
static void ngx_http_apievents_admin_send_rows(
    ngx_http_apievents_admin_t *a);
static ngx_uint_t ngx_http_apievents_admin_seen(
    ngx_http_apievents_admin_t *a, size_t i);
static void ngx_http_apievents_admin_bury(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_admin_sent(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_admin_retry(ngx_http_apievents_admin_t *a)
{
    a->row = ngx_atoi(a->segments[1].data, a->segments[1].len);

    if (a->row < 1) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "the id of a delivery is "
                                              "expected");
    }

    a->query.before = a->row + 1;
    a->limit = 1;

    return ngx_http_apievents_admin_job(a,
                                        ngx_http_apievents_admin_find_row,
                                        ngx_http_apievents_admin_send_row);
}


static void
ngx_http_apievents_admin_find_row(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    ngx_http_apievents_admin_range(db, a);

    if (a->rc == AE_OK && (a->nrows == 0 || a->rows[0].id != a->row)) {
        a->rc = AE_DECLINED;
    }
}


static ngx_int_t
ngx_http_apievents_admin_send_row(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_admin_send_rows(a);

    if (a->failed != 0) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                              "its event is not kept, its "
                                              "endpoint is not configured, "
                                              "or has no room");
    }

    return ngx_http_apievents_admin_sent(a);
}


ngx_int_t
ngx_http_apievents_admin_event_replay(ngx_http_apievents_admin_t *a)
{
    ngx_int_t  rc;

    if (ngx_http_apievents_admin_query(a, &rc) != NGX_OK) {
        return rc;
    }

    if (ae_event_id_parse(&a->event, *(ae_str_t *) &a->segments[1])
        != AE_OK)
    {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "an id \"evt_...\" is "
                                              "expected");
    }

    return ngx_http_apievents_admin_job(a,
                                        ngx_http_apievents_admin_get_event,
                                        ngx_http_apievents_admin_send_event);
}


static void
ngx_http_apievents_admin_get_event(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    a->records = ae_arena_alloc(a->arena, sizeof(ae_str_t));

    a->rc = (a->records == NULL) ? AE_ERROR
            : ngx_http_apievents_admin_record(db, a->seal, a->event, a->arena,
                                              a->records);
}


static ngx_int_t
ngx_http_apievents_admin_send_event(ngx_http_apievents_admin_t *a)
{
    ngx_int_t       rc;
    const ae_id_t  *endpoint;

    endpoint = (a->query.endpoint.h[0] != 0 || a->query.endpoint.h[1] != 0)
               ? &a->query.endpoint : NULL;

    rc = ngx_http_apievents_replay(a->records, endpoint);

    if (rc == NGX_OK) {
        a->sent++;
        return ngx_http_apievents_admin_sent(a);
    }

    if (rc == NGX_BUSY) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "the queue has no room");
    }

    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                          "no handler is configured for it");
}


ngx_int_t
ngx_http_apievents_admin_replay(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_one(a, ngx_http_apievents_admin_range,
                                        ngx_http_apievents_admin_send_range);
}


ngx_int_t
ngx_http_apievents_admin_dead_replay(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_one(a,
                                        ngx_http_apievents_admin_range_dead,
                                        ngx_http_apievents_admin_send_dead);
}


static ngx_int_t
ngx_http_apievents_admin_one(ngx_http_apievents_admin_t *a,
    void (*work)(ae_db_t *db, void *data), ngx_http_apievents_admin_pt done)
{
    ngx_int_t  rc;

    if (ngx_http_apievents_admin_query(a, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_http_apievents_admin_job(a, work, done);
}


static void
ngx_http_apievents_admin_range(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_list(db, data);
    ngx_http_apievents_admin_find_records(db, data);
}


static void
ngx_http_apievents_admin_range_dead(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_list_dead(db, data);
    ngx_http_apievents_admin_find_records(db, data);
}


/* a row whose event is not kept any more has a record of no length */

static void
ngx_http_apievents_admin_find_records(ae_db_t *db,
    ngx_http_apievents_admin_t *a)
{
    int     rc;
    size_t  i;

    if (a->rc != AE_OK) {
        return;
    }

    a->records = ae_arena_alloc(a->arena, a->limit * sizeof(ae_str_t));

    if (a->records == NULL) {
        a->rc = AE_ERROR;
        return;
    }

    for (i = 0; i < a->nrows; i++) {
        rc = ngx_http_apievents_admin_record(db, a->seal, a->rows[i].event,
                                             a->arena, &a->records[i]);

        if (rc == AE_DECLINED) {
            a->records[i].len = 0;

        } else if (rc != AE_OK) {
            a->rc = rc;
            return;
        }
    }
}


static ngx_int_t
ngx_http_apievents_admin_send_range(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_admin_send_rows(a);

    return ngx_http_apievents_admin_sent(a);
}


static ngx_int_t
ngx_http_apievents_admin_send_dead(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_admin_send_rows(a);

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_admin_bury,
                                        ngx_http_apievents_admin_sent);
}


/* each delivery once, whose last attempt's row it is; a row that was sent
 * keeps a record of no length no more than its id */

static void
ngx_http_apievents_admin_send_rows(ngx_http_apievents_admin_t *a)
{
    size_t            i;
    ae_db_attempt_t  *row;

    for (i = 0; i < a->nrows; i++) {
        row = &a->rows[i];

        if (a->row == 0
            && ((row->state.len == 5
                 && ngx_strncmp(row->state.data, "retry", 5) == 0)
                || ngx_http_apievents_admin_seen(a, i)))
        {
            continue;
        }

        if (a->records[i].len != 0
            && ngx_http_apievents_replay(&a->records[i], &row->endpoint)
               == NGX_OK)
        {
            row->uid = 0;
            a->sent++;

        } else {
            row->uid = 1;
            a->failed++;
        }
    }
}


/* an event that was delivered twice is not to be sent twice now */

static ngx_uint_t
ngx_http_apievents_admin_seen(ngx_http_apievents_admin_t *a, size_t i)
{
    size_t  k;

    for (k = 0; k < i; k++) {

        if (ae_id_equal(a->rows[k].event, a->rows[i].event)
            && ae_id_equal(a->rows[k].endpoint, a->rows[i].endpoint))
        {
            a->rows[i].uid = a->rows[k].uid;
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_apievents_admin_bury(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    size_t  i;

    a->rc = ae_db_begin(db);

    for (i = 0; i < a->nrows && a->rc == AE_OK; i++) {
        if (a->rows[i].uid == 0) {
            a->rc = ae_db_dead_delete(db, a->rows[i].id);
        }
    }

    if (a->rc == AE_OK) {
        a->rc = ae_db_commit(db);

    } else {
        ae_db_rollback(db);
    }
}


static ngx_int_t
ngx_http_apievents_admin_sent(ngx_http_apievents_admin_t *a)
{
    ae_value_t  *map, *next;

    map = ae_value_map(a->arena);

    next = (a->rows != NULL && a->query.before != 0 && a->row == 0)
           ? ae_value_int(a->arena, a->query.before)
           : ae_arena_alloc(a->arena, sizeof(ae_value_t));

    ngx_log_error(NGX_LOG_NOTICE, a->request->connection->log, 0,
                  "%ui deliveries are made again by %V", a->sent,
                  &a->user->name);

    if (map == NULL
        || ae_value_set(map, ae_str("status"),
                        ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("replayed"),
                        ae_value_int(a->arena, a->sent)) != AE_OK
        || ae_value_set(map, ae_str("failed"),
                        ae_value_int(a->arena, a->failed)) != AE_OK
        || ae_value_set(map, ae_str("next"), next) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}
