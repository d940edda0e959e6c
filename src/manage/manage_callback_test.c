/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A callback is tried: one call, of an event that is none, and what came of
 * it.
 */


#include "manage/manage_object.h"


static void ngx_http_apievents_test_read(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_test_send(ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_test_answer(
    ngx_http_apievents_admin_t *a);
static int ngx_http_apievents_test_result(ngx_http_apievents_admin_t *a,
    ae_value_t *map);


ngx_int_t
ngx_http_apievents_admin_callback_test(ngx_http_apievents_admin_t *a)
{
    ae_now_t                      now;
    ngx_str_t                     path;
    ngx_http_apievents_change_t  *c;

    c = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_change_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ae_now(&now);
    ngx_str_set(&path, "callbacks");

    c->type = ngx_http_apievents_collection(&path);
    c->id = *(ae_str_t *) &a->segments[1];
    c->wall = now.wall;
    c->event = ngx_http_apievents_event_next(now.wall);
    c->name = ae_str("ping");

    a->change = c;

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_test_read,
                                        ngx_http_apievents_test_send);
}


static void
ngx_http_apievents_test_read(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    ae_error_t                    err;
    ae_db_document_t              doc;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    a->rc = ae_db_document_get(db, c->type->name, c->id, a->arena, &doc);

    if (a->rc == AE_OK) {
        c->previous = ae_json_parse(a->arena, doc.body, &err);
        a->rc = (c->previous == NULL) ? AE_ERROR : AE_OK;
    }
}


static ngx_int_t
ngx_http_apievents_test_send(ngx_http_apievents_admin_t *a)
{
    ae_value_t                   *map;
    ngx_http_apievents_change_t  *c;

    c = a->change;
    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("event"), ae_value_str(a->arena, c->name))
           != AE_OK
        || ae_value_set(map, ae_str("timestamp"),
                        ngx_http_apievents_admin_time(a->arena, c->wall))
           != AE_OK
        || ae_value_set(map, ae_str("id"),
                        ngx_http_apievents_admin_event(a->arena, c->event))
           != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_apievents_admin_json(a, map, 4096, &c->asking) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_callback_post(a, c->previous, c->asking,
                                            ngx_http_apievents_test_answer);
}


static ngx_int_t
ngx_http_apievents_test_answer(ngx_http_apievents_admin_t *a)
{
    ae_value_t  *map;

    map = ae_value_map(a->arena);

    if (map == NULL || ngx_http_apievents_test_result(a, map) != AE_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


static int
ngx_http_apievents_test_result(ngx_http_apievents_admin_t *a, ae_value_t *map)
{
    ngx_http_apievents_change_t  *c;

    c = a->change;

    if (ae_value_set(map, ae_str("status"),
                     ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("event_id"),
                        ngx_http_apievents_admin_event(a->arena, c->event))
           != AE_OK
        || ae_value_set(map, ae_str("answered"),
                        ae_value_int(a->arena, c->status)) != AE_OK
        || ae_value_set(map, ae_str("error"),
                        ae_value_str(a->arena, *(ae_str_t *) &c->error))
           != AE_OK
        || ae_value_set(map, ae_str("duration_ms"),
                        ae_value_int(a->arena, c->took / 1000000)) != AE_OK)
    {
        return AE_ERROR;
    }

    return AE_OK;
}
