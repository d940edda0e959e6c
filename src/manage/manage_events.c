/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Events as the store has them, by pages, newest first.
 */


#include "manage/manage_private.h"


static void ngx_http_apievents_events_read(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_events_answer(
    ngx_http_apievents_admin_t *a);
static ae_value_t *ngx_http_apievents_events_item(ae_arena_t *arena,
    const ae_db_event_t *ev);


ngx_int_t
ngx_http_apievents_admin_events(ngx_http_apievents_admin_t *a)
{
    const char  *expected;

    expected = ngx_http_apievents_admin_event_query(a);

    if (expected != NULL) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST, expected);
    }

    return ngx_http_apievents_admin_job(a, ngx_http_apievents_events_read,
                                        ngx_http_apievents_events_answer);
}


static void
ngx_http_apievents_events_read(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    a->nrows = a->limit;
    a->events = ae_arena_alloc(a->arena, a->limit * sizeof(ae_db_event_t));

    a->rc = (a->events == NULL) ? AE_ERROR
            : ae_db_event_list(db, &a->query, a->events, &a->nrows,
                               a->arena);
}


static ngx_int_t
ngx_http_apievents_events_answer(ngx_http_apievents_admin_t *a)
{
    size_t       i;
    ae_value_t  *map, *list, *next;

    map = ae_value_map(a->arena);
    list = ae_value_array(a->arena);

    next = (a->query.event.h[0] != 0 || a->query.event.h[1] != 0)
           ? ngx_http_apievents_admin_event(a->arena, a->query.event)
           : ae_arena_alloc(a->arena, sizeof(ae_value_t));

    if (map == NULL || list == NULL
        || ae_value_set(map, ae_str("items"), list) != AE_OK
        || ae_value_set(map, ae_str("next"), next) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < a->nrows; i++) {

        if (ae_value_add(list,
                         ngx_http_apievents_events_item(a->arena,
                                                        &a->events[i]))
            != AE_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


static ae_value_t *
ngx_http_apievents_events_item(ae_arena_t *arena, const ae_db_event_t *ev)
{
    ae_value_t  *map, *key;

    map = ae_value_map(arena);

    key = (ev->key_id.h[0] != 0 || ev->key_id.h[1] != 0)
          ? ngx_http_apievents_admin_id(arena, ev->key_id)
          : ae_value_str(arena, ae_str(""));

    if (map == NULL
        || ae_value_set(map, ae_str("id"),
                        ngx_http_apievents_admin_event(arena, ev->id))
           != AE_OK
        || ae_value_set(map, ae_str("event"), ae_value_str(arena, ev->type))
           != AE_OK
        || ae_value_set(map, ae_str("time"),
                        ngx_http_apievents_admin_time(arena, ev->time))
           != AE_OK
        || ae_value_set(map, ae_str("api_id"), ae_value_str(arena, ev->api))
           != AE_OK
        || ae_value_set(map, ae_str("org_id"), ae_value_str(arena, ev->org))
           != AE_OK
        || ae_value_set(map, ae_str("key_id"), key) != AE_OK)
    {
        return NULL;
    }

    return map;
}
