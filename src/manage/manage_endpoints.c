/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Endpoints: how they are, switched on and off, and tried.
 */


#include "manage/manage_object.h"


static ngx_int_t ngx_http_apievents_admin_current(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_admin_pt next);
static void ngx_http_apievents_admin_synced(void *data);
static ngx_int_t ngx_http_apievents_admin_endpoint_list(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_endpoint_one(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_endpoint_ping(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_find(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_endpoint_info_t *info, ngx_int_t *rc);
static ae_value_t *ngx_http_apievents_admin_endpoint_map(
    ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_endpoint_info_t *info);
static int ngx_http_apievents_admin_created(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const ngx_http_apievents_endpoint_info_t *info);
static int ngx_http_apievents_admin_health(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const ae_health_t *health);
static int ngx_http_apievents_admin_counts(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const ae_queue_stat_t *st);
static ngx_int_t ngx_http_apievents_admin_switch(
    ngx_http_apievents_admin_t *a, ngx_uint_t on);
static ae_queue_t *ngx_http_apievents_admin_queue(
    ngx_http_apievents_admin_t *a);


static const char  *ngx_http_apievents_disabled[] = {
    "",
    "the receiver asked for it",
    "nothing but failures",
    "by hand"
};


ngx_int_t
ngx_http_apievents_admin_endpoints(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_current(a,
                                     ngx_http_apievents_admin_endpoint_list);
}


ngx_int_t
ngx_http_apievents_admin_endpoint(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_current(a,
                                     ngx_http_apievents_admin_endpoint_one);
}


/* what was created before the call is known to this worker then */

static ngx_int_t
ngx_http_apievents_admin_current(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_admin_pt next)
{
    ngx_int_t                   rc;
    ngx_http_apievents_sync_t  *sync;

    if (ngx_http_apievents_sync_current()) {
        return next(a);
    }

    sync = ae_arena_alloc(a->arena, sizeof(ngx_http_apievents_sync_t));
    if (sync == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    sync->done = ngx_http_apievents_admin_synced;
    sync->data = a;

    rc = ngx_http_apievents_admin_wait(a, next);

    ngx_http_apievents_sync(sync);

    return rc;
}


static void
ngx_http_apievents_admin_synced(void *data)
{
    ngx_http_apievents_admin_go(data);
}


static ngx_int_t
ngx_http_apievents_admin_endpoint_list(ngx_http_apievents_admin_t *a)
{
    ngx_uint_t                           i;
    ae_value_t                          *map, *list;
    ngx_http_apievents_endpoint_info_t   info;

    map = ae_value_map(a->arena);
    list = ae_value_array(a->arena);

    if (map == NULL || list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; ngx_http_apievents_endpoint_info(i, &info) == NGX_OK; i++) {

        if (ae_value_add(list,
                         ngx_http_apievents_admin_endpoint_map(a, &info))
            != AE_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ae_value_set(map, ae_str("items"), list) != AE_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


static ngx_int_t
ngx_http_apievents_admin_endpoint_one(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                           rc;
    ngx_http_apievents_endpoint_info_t  info;

    if (ngx_http_apievents_admin_find(a, &info, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                        ngx_http_apievents_admin_endpoint_map(a, &info));
}


/* the one that the path names, or an answer of 404 was sent */

static ngx_int_t
ngx_http_apievents_admin_find(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_endpoint_info_t *info, ngx_int_t *rc)
{
    ae_id_t     id;
    ngx_uint_t  i;

    if (ae_id_unhex(&id, *(ae_str_t *) &a->segments[1]) == AE_OK) {

        for (i = 0; ngx_http_apievents_endpoint_info(i, info) == NGX_OK; i++)
        {
            if (ae_id_equal(info->identity, id)
                && info->shared != AE_NO_ENDPOINT)
            {
                return NGX_OK;
            }
        }
    }

    *rc = ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                         "there is no such endpoint");

    return NGX_DECLINED;
}


static ae_value_t *
ngx_http_apievents_admin_endpoint_map(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_endpoint_info_t *info)
{
    ae_value_t       *map;
    ae_health_t       health;
    ae_queue_stat_t   st;

    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("id"),
                        ngx_http_apievents_admin_id(a->arena,
                                                    info->identity))
           != AE_OK
        || ae_value_set(map, ae_str("handler"),
                        ae_value_str(a->arena, *(ae_str_t *) &info->handler))
           != AE_OK
        || ae_value_set(map, ae_str("label"),
                        ae_value_str(a->arena, *(ae_str_t *) &info->label))
           != AE_OK
        || ae_value_set(map, ae_str("configured"),
                        ae_value_bool(a->arena, info->configured)) != AE_OK
        || (!info->configured
            && ngx_http_apievents_admin_created(a, map, info) != AE_OK))
    {
        return NULL;
    }

    if (info->shared == AE_NO_ENDPOINT) {
        return map;
    }

    ae_queue_health_get(ngx_http_apievents_admin_queue(a), info->shared,
                        &health);
    ae_queue_stat(ngx_http_apievents_admin_queue(a), info->shared, &st);

    if (ngx_http_apievents_admin_health(a, map, &health) != AE_OK
        || ngx_http_apievents_admin_counts(a, map, &st) != AE_OK)
    {
        return NULL;
    }

    return map;
}


/* what it was created with, secrets masked */

static int
ngx_http_apievents_admin_created(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const ngx_http_apievents_endpoint_info_t *info)
{
    u_char             id[AE_HEX_LEN];
    uint64_t           rev;
    ngx_str_t          path;
    const ae_value_t  *v, *value;

    ae_id_hex(id, info->identity);

    value = ngx_http_apievents_sync_value(&ngx_http_apievents_endpoint_kept,
                                          (ae_str_t) { AE_HEX_LEN, id },
                                          &rev);

    /* a callback is one, too, and has its own listing */

    if (value == NULL) {
        return AE_OK;
    }

    ngx_str_set(&path, "endpoints");

    value = ngx_http_apievents_shown(a, ngx_http_apievents_collection(&path),
                                     value);

    /* the memory is another's from the next turn on, not the answer's */

    for (v = (value != NULL) ? value->first : NULL; v != NULL; v = v->next) {

        if (ae_value_find(map, v->name) == NULL
            && ae_value_share(a->arena, map, v->name, v) != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return (value == NULL) ? AE_ERROR : AE_OK;
}


static int
ngx_http_apievents_admin_health(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const ae_health_t *health)
{
    ae_str_t  reason;

    reason.data = (u_char *) ngx_http_apievents_disabled[health->disabled];
    reason.len = ngx_strlen(reason.data);

    if (ae_value_set(map, ae_str("state"),
                     ae_value_str(a->arena,
                                  health->disabled == AE_ENABLED
                                  ? ae_str("enabled") : ae_str("disabled")))
        != AE_OK
        || ae_value_set(map, ae_str("reason"),
                        ae_value_str(a->arena, reason)) != AE_OK
        || ae_value_set(map, ae_str("slow"),
                        ae_value_bool(a->arena, health->slow)) != AE_OK
        || ae_value_set(map, ae_str("failing_since"),
                        ngx_http_apievents_admin_time(a->arena,
                                                      health->failing))
           != AE_OK)
    {
        return AE_ERROR;
    }

    return AE_OK;
}


static int
ngx_http_apievents_admin_counts(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const ae_queue_stat_t *st)
{
    ngx_uint_t  i;

    struct {
        ae_str_t  name;
        uint64_t  n;
    } counts[] = {
        { ae_string("deliveries"), st->deliveries },
        { ae_string("delivered"), st->delivered },
        { ae_string("suppressed"), st->suppressed },
        { ae_string("pending"), st->pending },
        { ae_string("dead"), st->dead },
        { ae_string("in_flight"), st->inflight }
    };

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {

        if (ae_value_set(map, counts[i].name,
                         ae_value_int(a->arena, counts[i].n))
            != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


ngx_int_t
ngx_http_apievents_admin_enable(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_switch(a, 1);
}


ngx_int_t
ngx_http_apievents_admin_disable(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_switch(a, 0);
}


static ngx_int_t
ngx_http_apievents_admin_switch(ngx_http_apievents_admin_t *a, ngx_uint_t on)
{
    ngx_int_t                           rc;
    ngx_http_apievents_endpoint_info_t  info;

    if (ngx_http_apievents_admin_find(a, &info, &rc) != NGX_OK) {
        return rc;
    }

    (void) ngx_http_apievents_endpoint_switch(&info.identity, on,
                                              &a->user->name);

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                        ngx_http_apievents_admin_endpoint_map(a, &info));
}


ngx_int_t
ngx_http_apievents_admin_ping(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_current(a,
                                     ngx_http_apievents_admin_endpoint_ping);
}


static ngx_int_t
ngx_http_apievents_admin_endpoint_ping(ngx_http_apievents_admin_t *a)
{
    u_char                               id[AE_EVENT_ID_LEN];
    ae_str_t                             s;
    ngx_int_t                            rc;
    ae_value_t                          *map;
    ae_health_t                          health;
    ngx_http_apievents_endpoint_info_t   info;

    if (ngx_http_apievents_admin_find(a, &info, &rc) != NGX_OK) {
        return rc;
    }

    ae_queue_health_get(ngx_http_apievents_admin_queue(a), info.shared,
                        &health);

    if (health.disabled != AE_ENABLED) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                              "the endpoint is disabled, "
                                              "enable it first");
    }

    if (ngx_http_apievents_ping(&info.identity, id) != NGX_OK) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "the endpoint's queue has no "
                                              "room");
    }

    s.data = id;
    s.len = AE_EVENT_ID_LEN;

    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("status"),
                        ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("event_id"), ae_value_str(a->arena, s))
           != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_ACCEPTED,
                                           map);
}


static ae_queue_t *
ngx_http_apievents_admin_queue(ngx_http_apievents_admin_t *a)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(a->request,
                                        ngx_http_apievents_module);

    return mcf->store.zone->queue;
}
