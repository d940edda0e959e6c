/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Breakers: how they are, and opened or closed by hand.
 */


#include "manage/manage_private.h"


static ngx_uint_t ngx_http_apievents_admin_breaker_known(ae_id_t *ids,
    ngx_uint_t n, ae_id_t id);
static ngx_int_t ngx_http_apievents_admin_find_breaker(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_breaker_info_t *info,
    ngx_int_t *rc);
static ae_value_t *ngx_http_apievents_admin_breaker_map(
    ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_breaker_info_t *info);
static int ngx_http_apievents_admin_breaker_stat(
    ngx_http_apievents_admin_t *a, ae_value_t *map,
    const ae_breaker_stat_t *st);
static ngx_int_t ngx_http_apievents_admin_breaker_wanted(
    ngx_http_apievents_admin_t *a, ae_breaker_state_e *state);


static const char  *ngx_http_apievents_breaker_names[] = {
    "closed",
    "open",
    "half_open",
    "forced_open",
    "forced_closed"
};


ngx_int_t
ngx_http_apievents_admin_breakers(ngx_http_apievents_admin_t *a)
{
    ae_id_t                            *ids;
    ngx_uint_t                          i, n, max;
    ae_value_t                         *map, *list;
    ngx_http_apievents_breaker_info_t   info;

    for (max = 0;
         ngx_http_apievents_breaker_info(max, &info) == NGX_OK;
         max++) { /* void */ }

    map = ae_value_map(a->arena);
    list = ae_value_array(a->arena);
    ids = ae_arena_alloc(a->arena, (max + 1) * sizeof(ae_id_t));

    if (map == NULL || list == NULL || ids == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    n = 0;

    for (i = 0; ngx_http_apievents_breaker_info(i, &info) == NGX_OK; i++) {

        if (ngx_http_apievents_admin_breaker_known(ids, n, info.id)) {
            continue;
        }

        ids[n++] = info.id;

        if (ae_value_add(list, ngx_http_apievents_admin_breaker_map(a, &info))
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


/* locations of one API that inherit the same one */

static ngx_uint_t
ngx_http_apievents_admin_breaker_known(ae_id_t *ids, ngx_uint_t n, ae_id_t id)
{
    while (n-- > 0) {
        if (ae_id_equal(ids[n], id)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_apievents_admin_breaker(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                          rc;
    ngx_http_apievents_breaker_info_t  info;

    if (ngx_http_apievents_admin_find_breaker(a, &info, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK,
                          ngx_http_apievents_admin_breaker_map(a, &info));
}


static ngx_int_t
ngx_http_apievents_admin_find_breaker(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_breaker_info_t *info, ngx_int_t *rc)
{
    ae_id_t     id;
    ngx_uint_t  i;

    if (ae_id_unhex(&id, *(ae_str_t *) &a->segments[1]) == AE_OK) {

        for (i = 0; ngx_http_apievents_breaker_info(i, info) == NGX_OK; i++) {
            if (ae_id_equal(info->id, id)) {
                return NGX_OK;
            }
        }
    }

    *rc = ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                         "there is no breaker of that id");

    return NGX_DECLINED;
}


static ae_value_t *
ngx_http_apievents_admin_breaker_map(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_breaker_info_t *info)
{
    ae_value_t                          *map;
    const ngx_http_apievents_breaker_t  *b;

    b = info->breaker;
    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("id"),
                        ngx_http_apievents_admin_id(a->arena, info->id))
           != AE_OK
        || ae_value_set(map, ae_str("api_id"),
                        ae_value_str(a->arena, *(ae_str_t *) &info->api))
           != AE_OK
        || ae_value_set(map, ae_str("org_id"),
                        ae_value_str(a->arena, *(ae_str_t *) &info->org))
           != AE_OK
        || ae_value_set(map, ae_str("path"),
                        ae_value_str(a->arena,
                                     *(const ae_str_t *) &b->path.text))
           != AE_OK
        || ae_value_set(map, ae_str("method"),
                        ae_value_str(a->arena,
                                     *(const ae_str_t *) &b->path.method))
           != AE_OK
        || ae_value_set(map, ae_str("version"),
                        ae_value_str(a->arena,
                                     *(const ae_str_t *) &b->version))
           != AE_OK
        || ae_value_set(map, ae_str("dry_run"),
                        ae_value_bool(a->arena, b->dry_run)) != AE_OK
        || ngx_http_apievents_admin_breaker_stat(a, map, &info->stat)
           != AE_OK)
    {
        return NULL;
    }

    return map;
}


static int
ngx_http_apievents_admin_breaker_stat(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const ae_breaker_stat_t *st)
{
    ae_str_t    name;
    ngx_uint_t  i;

    struct {
        ae_str_t  name;
        uint64_t  n;
    } counts[] = {
        { ae_string("samples"), st->samples },
        { ae_string("failures"), st->failures },
        { ae_string("slow"), st->slow },
        { ae_string("probes"), st->probes },
        { ae_string("opened"), st->opened },
        { ae_string("retry_ms"), st->retry / 1000000 }
    };

    name.data = (u_char *) ngx_http_apievents_breaker_names[st->state];
    name.len = ngx_strlen(name.data);

    if (ae_value_set(map, ae_str("state"), ae_value_str(a->arena, name))
        != AE_OK)
    {
        return AE_ERROR;
    }

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
ngx_http_apievents_admin_breaker_force(ngx_http_apievents_admin_t *a)
{
    ngx_int_t                          rc;
    ae_breaker_state_e                 state;
    ngx_http_apievents_breaker_info_t  info;

    if (ngx_http_apievents_admin_find_breaker(a, &info, &rc) != NGX_OK) {
        return rc;
    }

    if (ngx_http_apievents_admin_breaker_wanted(a, &state) != NGX_OK) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "\"state\": \"open\", "
                                              "\"closed\" or \"auto\" is "
                                              "expected");
    }

    if (ngx_http_apievents_breaker_force(&info, state, &a->user->name,
                                      ngx_http_apievents_hops(a->request))
        != NGX_OK)
    {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "no room in api_zone for the "
                                              "breaker");
    }

    /* as it is now */

    return ngx_http_apievents_admin_breaker(a);
}


static ngx_int_t
ngx_http_apievents_admin_breaker_wanted(ngx_http_apievents_admin_t *a,
    ae_breaker_state_e *state)
{
    ngx_uint_t         i;
    const ae_value_t  *v;

    static struct {
        ae_str_t            name;
        ae_breaker_state_e  state;
    } wanted[] = {
        { ae_string("open"), AE_BREAKER_FORCED_OPEN },
        { ae_string("closed"), AE_BREAKER_FORCED_CLOSED },
        { ae_string("auto"), AE_BREAKER_CLOSED }
    };

    v = (a->body != NULL) ? ae_value_get(a->body, "state") : NULL;

    if (v == NULL || v->type != AE_STRING) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {

        if (v->s.len == wanted[i].name.len
            && ngx_memcmp(v->s.data, wanted[i].name.data, v->s.len) == 0)
        {
            *state = wanted[i].state;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}
