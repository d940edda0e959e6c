/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Object and portal events that are larger than what can hold them.
 */


#include <string.h>

#include "core/text/text.h"


static int ae_cut_meta(ae_arena_t *arena, ae_event_t *ev,
    const ae_value_t *meta, int data);
static int ae_cut_member(ae_arena_t *arena, ae_value_t *map,
    const ae_value_t *v, int data);
static int ae_cut_is(const ae_value_t *v, const char *name);


int
ae_event_cut(ae_arena_t *arena, ae_event_t *ev, size_t max)
{
    ae_str_t     family, action;
    ae_error_t   err;
    ae_value_t  *meta;

    if (ae_event_class(ae_event_name(ev), &family, &action)
        == AE_EVENT_OTHER)
    {
        return AE_DECLINED;
    }

    meta = ae_json_parse(arena, ev->meta, &err);

    if (meta == NULL || meta->type != AE_MAP) {
        return AE_DECLINED;
    }

    if (ae_cut_meta(arena, ev, meta, 1) == AE_OK
        && ae_event_size(ev) <= max)
    {
        return AE_OK;
    }

    if (ae_cut_meta(arena, ev, meta, 0) == AE_OK
        && ae_event_size(ev) <= max)
    {
        return AE_OK;
    }

    return AE_DECLINED;
}


/* data: with the object as it is now */

static int
ae_cut_meta(ae_arena_t *arena, ae_event_t *ev, const ae_value_t *meta,
    int data)
{
    int                rc;
    ae_buf_t           b;
    ae_str_t           s;
    ae_value_t        *map;
    const ae_value_t  *v;

    map = ae_value_map(arena);
    if (map == NULL) {
        return AE_ERROR;
    }

    for (v = meta->first; v != NULL; v = v->next) {
        if (ae_cut_member(arena, map, v, data) != AE_OK) {
            return AE_ERROR;
        }
    }

    if (ae_value_set(map, ae_str("cut"), ae_value_bool(arena, 1)) != AE_OK) {
        return AE_ERROR;
    }

    ae_buf_init(&b, SIZE_MAX);
    ae_json_write(&b, map);

    rc = AE_ERROR;

    if (!b.failed) {
        s.data = b.data;
        s.len = b.len;

        s = ae_arena_dup(arena, s);

        if (s.data != NULL) {
            ev->meta = s;
            rc = AE_OK;
        }
    }

    ae_buf_free(&b);

    return rc;
}


static int
ae_cut_member(ae_arena_t *arena, ae_value_t *map, const ae_value_t *v,
    int data)
{
    ae_value_t        *rest;
    const ae_value_t  *id;

    if (ae_cut_is(v, "previous") || ae_cut_is(v, "cut")) {
        return AE_OK;
    }

    if (data || !ae_cut_is(v, "data")) {
        return ae_value_share(arena, map, v->name, v);
    }

    rest = ae_value_map(arena);
    id = (v->type == AE_MAP) ? ae_value_get(v, "id") : NULL;

    if (rest != NULL && id != NULL
        && ae_value_share(arena, rest, ae_str("id"), id) != AE_OK)
    {
        return AE_ERROR;
    }

    return ae_value_set(map, v->name, rest);
}


static int
ae_cut_is(const ae_value_t *v, const char *name)
{
    size_t  len;

    len = strlen(name);

    return v->name.len == len && memcmp(v->name.data, name, len) == 0;
}
