/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The history of deliveries, dead letters and events, as the store has them.
 */


#include "manage/manage_object.h"


static ngx_int_t ngx_http_apievents_admin_page(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_admin_row(ae_arena_t *arena,
    const ae_db_attempt_t *row);
static int ngx_http_apievents_admin_outcome(ae_arena_t *arena,
    ae_value_t *map, const ae_db_attempt_t *row);
static void ngx_http_apievents_admin_find_event(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_admin_envelope(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_admin_deliveries(ngx_http_apievents_admin_t *a)
{
    ngx_int_t  rc;

    if (ngx_http_apievents_admin_query(a, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_admin_list,
                                        ngx_http_apievents_admin_page);
}


/* of one callback, whether it is there any more or not */

ngx_int_t
ngx_http_apievents_admin_callback_history(ngx_http_apievents_admin_t *a)
{
    ngx_int_t  rc;

    if (ngx_http_apievents_admin_query(a, &rc) != NGX_OK) {
        return rc;
    }

    a->query.endpoint = ngx_http_apievents_callback_identity(
                                             *(ae_str_t *) &a->segments[1]);

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_admin_list,
                                        ngx_http_apievents_admin_page);
}


ngx_int_t
ngx_http_apievents_admin_dead(ngx_http_apievents_admin_t *a)
{
    ngx_int_t  rc;

    if (ngx_http_apievents_admin_query(a, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_http_apievents_admin_job(a,
                                        ngx_http_apievents_admin_list_dead,
                                        ngx_http_apievents_admin_page);
}


void
ngx_http_apievents_admin_list(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    a->nrows = a->limit;
    a->rows = ae_arena_alloc(a->arena, a->limit * sizeof(ae_db_attempt_t));

    a->rc = (a->rows == NULL) ? AE_ERROR
            : ae_db_attempt_list(db, &a->query, a->rows, &a->nrows,
                                 a->arena);
}


void
ngx_http_apievents_admin_list_dead(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    a->nrows = a->limit;
    a->rows = ae_arena_alloc(a->arena, a->limit * sizeof(ae_db_attempt_t));

    a->rc = (a->rows == NULL) ? AE_ERROR
            : ae_db_dead_list(db, &a->query, a->rows, &a->nrows, a->arena);
}


/* "next" is what the next page's before= has to be, null on the last one; a
 * page before that may be shorter than was asked for */

static ngx_int_t
ngx_http_apievents_admin_page(ngx_http_apievents_admin_t *a)
{
    int          rc;
    size_t       i;
    ae_value_t  *map, *list, *next;

    map = ae_value_map(a->arena);
    list = ae_value_array(a->arena);

    if (map == NULL || list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = AE_OK;

    for (i = 0; i < a->nrows && rc == AE_OK; i++) {
        rc = ae_value_add(list,
                          ngx_http_apievents_admin_row(a->arena,
                                                       &a->rows[i]));
    }

    next = (a->query.before != 0)
           ? ae_value_int(a->arena, a->query.before)
           : ae_arena_alloc(a->arena, sizeof(ae_value_t));

    if (rc != AE_OK
        || ae_value_set(map, ae_str("items"), list) != AE_OK
        || ae_value_set(map, ae_str("next"), next) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


static ae_value_t *
ngx_http_apievents_admin_row(ae_arena_t *arena, const ae_db_attempt_t *row)
{
    ae_value_t  *map;

    map = ae_value_map(arena);

    if (map == NULL
        || ae_value_set(map, ae_str("id"), ae_value_int(arena, row->id))
           != AE_OK
        || ae_value_set(map, ae_str("event_id"),
                        ngx_http_apievents_admin_event(arena, row->event))
           != AE_OK
        || ae_value_set(map, ae_str("event"),
                        ae_value_str(arena, row->type)) != AE_OK
        || ae_value_set(map, ae_str("api_id"),
                        ae_value_str(arena, row->api)) != AE_OK
        || ae_value_set(map, ae_str("endpoint"),
                        ngx_http_apievents_admin_id(arena, row->endpoint))
           != AE_OK
        || ae_value_set(map, ae_str("handler"),
                        ae_value_str(arena, row->handler)) != AE_OK
        || ae_value_set(map, ae_str("label"),
                        ae_value_str(arena, row->label)) != AE_OK
        || ngx_http_apievents_admin_outcome(arena, map, row) != AE_OK)
    {
        return NULL;
    }

    return map;
}


static int
ngx_http_apievents_admin_outcome(ae_arena_t *arena, ae_value_t *map,
    const ae_db_attempt_t *row)
{
    if (ae_value_set(map, ae_str("state"), ae_value_str(arena, row->state))
        != AE_OK
        || ae_value_set(map, ae_str("attempt"),
                        ae_value_int(arena, row->attempt)) != AE_OK
        || ae_value_set(map, ae_str("time"),
                        ngx_http_apievents_admin_time(arena, row->time))
           != AE_OK
        || ae_value_set(map, ae_str("duration_ms"),
                        ae_value_int(arena, row->duration / 1000000))
           != AE_OK
        || ae_value_set(map, ae_str("status"),
                        ae_value_int(arena, row->status)) != AE_OK
        || ae_value_set(map, ae_str("error"),
                        ae_value_str(arena, row->error)) != AE_OK
        || ae_value_set(map, ae_str("response"),
                        ae_value_str(arena, row->answer)) != AE_OK
        || ae_value_set(map, ae_str("next_try"),
                        ngx_http_apievents_admin_time(arena, row->next))
           != AE_OK)
    {
        return AE_ERROR;
    }

    return AE_OK;
}


ngx_int_t
ngx_http_apievents_admin_event_get(ngx_http_apievents_admin_t *a)
{
    if (ae_event_id_parse(&a->event, *(ae_str_t *) &a->segments[1])
        != AE_OK)
    {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "an id \"evt_...\" is "
                                              "expected");
    }

    return ngx_http_apievents_admin_job(a,
                                        ngx_http_apievents_admin_find_event,
                                        ngx_http_apievents_admin_envelope);
}


static void
ngx_http_apievents_admin_find_event(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    a->records = ae_arena_alloc(a->arena, sizeof(ae_str_t));

    a->rc = (a->records == NULL) ? AE_ERROR
            : ngx_http_apievents_admin_record(db, NULL, a->event, a->arena,
                                              a->records);
}


int
ngx_http_apievents_admin_record(ae_db_t *db, const ae_seal_t *seal,
    ae_id_t event, ae_arena_t *arena, ae_str_t *record)
{
    int  rc;

    rc = ae_db_event_get(db, event, arena, record);

    if (rc != AE_OK) {
        return rc;
    }

    /* a damaged one stays what it is, which is no record */

    return (ae_unseal(seal, *record, record) == AE_ERROR) ? AE_ERROR
                                                                 : AE_OK;
}


static ngx_int_t
ngx_http_apievents_admin_envelope(ngx_http_apievents_admin_t *a)
{
    ae_event_t  ev;

    if (ae_event_decode(&ev, a->records[0]) != AE_OK) {
        return ngx_http_apievents_admin_error(a->request,
                                         NGX_HTTP_INTERNAL_SERVER_ERROR,
                                         "the stored event is damaged");
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                                           ae_envelope(a->arena, &ev, 0));
}
