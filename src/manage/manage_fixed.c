/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Managed objects that the configuration has: they are listed with those that
 * are stored, of which one with the same id stands in their place.
 */


#include "manage/manage_object.h"


typedef struct {
    ae_str_t                        id;         /* or what they come after */
    ngx_http_apievents_fixed_t     *list;       /* NULL: only to be counted */
    size_t                          n;
} ngx_http_apievents_fixing_t;


static void ngx_http_apievents_fixed_one(void *data,
    const ngx_http_apievents_fixed_t *fixed);
static void ngx_http_apievents_fixed_after(void *data,
    const ngx_http_apievents_fixed_t *fixed);
static int ngx_libc_cdecl ngx_http_apievents_fixed_order(const void *one,
    const void *two);


ae_value_t *
ngx_http_apievents_fixed_get(const ngx_http_apievents_collection_t *type,
    ae_str_t id, ae_arena_t *arena)
{
    ngx_http_apievents_fixed_t   fixed;
    ngx_http_apievents_fixing_t  f;

    if (type->fixed == NULL) {
        return NULL;
    }

    f.id = id;
    f.list = &fixed;
    f.n = 0;

    type->fixed(&f, ngx_http_apievents_fixed_one);

    return f.n ? ngx_http_apievents_fixed_value(type, &fixed, arena) : NULL;
}


static void
ngx_http_apievents_fixed_one(void *data,
    const ngx_http_apievents_fixed_t *fixed)
{
    ngx_http_apievents_fixing_t *f = data;

    if (f->n == 0
        && ngx_memn2cmp(fixed->id.data, f->id.data, fixed->id.len, f->id.len)
           == 0)
    {
        *f->list = *fixed;
        f->n = 1;
    }
}


ngx_http_apievents_fixed_t *
ngx_http_apievents_fixed_list(const ngx_http_apievents_collection_t *type,
    ae_str_t after, ae_arena_t *arena, size_t *n)
{
    ngx_http_apievents_fixing_t  f;

    f.id = after;
    f.list = NULL;
    f.n = 0;

    if (type->fixed != NULL) {
        type->fixed(&f, ngx_http_apievents_fixed_after);
    }

    *n = f.n;

    f.list = ae_arena_alloc(arena, (f.n + 1)
                                   * sizeof(ngx_http_apievents_fixed_t));
    if (f.list == NULL) {
        return NULL;
    }

    if (f.n == 0) {
        return f.list;
    }

    f.n = 0;

    type->fixed(&f, ngx_http_apievents_fixed_after);

    qsort(f.list, f.n, sizeof(ngx_http_apievents_fixed_t),
          ngx_http_apievents_fixed_order);

    return f.list;
}


static void
ngx_http_apievents_fixed_after(void *data,
    const ngx_http_apievents_fixed_t *fixed)
{
    ngx_http_apievents_fixing_t *f = data;

    if (ngx_memn2cmp(fixed->id.data, f->id.data, fixed->id.len, f->id.len)
        <= 0)
    {
        return;
    }

    if (f->list != NULL) {
        f->list[f->n] = *fixed;
    }

    f->n++;
}


static int ngx_libc_cdecl
ngx_http_apievents_fixed_order(const void *one, const void *two)
{
    const ngx_http_apievents_fixed_t  *first, *second;

    first = one;
    second = two;

    return (int) ngx_memn2cmp(first->id.data, second->id.data, first->id.len,
                              second->id.len);
}


ae_value_t *
ngx_http_apievents_fixed_value(const ngx_http_apievents_collection_t *type,
    const ngx_http_apievents_fixed_t *fixed, ae_arena_t *arena)
{
    ae_str_t           key;
    ae_error_t         err;
    ae_value_t        *map;
    const ae_value_t  *v, *value;

    value = fixed->value;

    if (value == NULL) {
        value = ae_json_parse(arena, fixed->text, &err);
    }

    map = ae_value_map(arena);

    key.data = (u_char *) type->key;
    key.len = ngx_strlen(type->key);

    if (value == NULL || map == NULL
        || ae_value_set(map, key, ae_value_str(arena, fixed->id)) != AE_OK)
    {
        return NULL;
    }

    for (v = value->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_str_is(v->name, type->key)
            && ae_value_share(arena, map, v->name, v) != AE_OK)
        {
            return NULL;
        }
    }

    return map;
}
