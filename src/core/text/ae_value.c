/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdio.h>
#include <string.h>

#include "core/text/text.h"


#define AE_VALUE_INT_LEN  (sizeof("-9223372036854775808") - 1)


static ae_value_t *ae_value_create(ae_arena_t *arena, ae_type_e type);
static int ae_value_append(ae_value_t *parent, ae_value_t *child);


ae_value_t *
ae_value_map(ae_arena_t *arena)
{
    return ae_value_create(arena, AE_MAP);
}


ae_value_t *
ae_value_array(ae_arena_t *arena)
{
    return ae_value_create(arena, AE_ARRAY);
}


ae_value_t *
ae_value_str(ae_arena_t *arena, ae_str_t s)
{
    ae_value_t  *v;

    v = ae_value_create(arena, AE_STRING);
    if (v != NULL) {
        v->s = s;
    }

    return v;
}


ae_value_t *
ae_value_int(ae_arena_t *arena, int64_t n)
{
    char        *text;
    ae_value_t  *v;

    v = ae_value_create(arena, AE_NUMBER);
    if (v == NULL) {
        return NULL;
    }

    text = ae_arena_alloc(arena, AE_VALUE_INT_LEN + 1);
    if (text == NULL) {
        return NULL;
    }

    v->number = (double) n;
    v->s.len = (size_t) snprintf(text, AE_VALUE_INT_LEN + 1, "%lld",
                                 (long long) n);
    v->s.data = (unsigned char *) text;

    return v;
}


ae_value_t *
ae_value_bool(ae_arena_t *arena, int b)
{
    ae_value_t  *v;

    v = ae_value_create(arena, AE_BOOL);
    if (v != NULL) {
        v->boolean = (b != 0);
    }

    return v;
}


int
ae_value_set(ae_value_t *map, ae_str_t name, ae_value_t *child)
{
    if (child == NULL) {
        return AE_ERROR;
    }

    child->name = name;

    return ae_value_append(map, child);
}


int
ae_value_add(ae_value_t *array, ae_value_t *child)
{
    return ae_value_append(array, child);
}


int
ae_value_share(ae_arena_t *arena, ae_value_t *map, ae_str_t name,
    const ae_value_t *other)
{
    ae_value_t  *v;

    if (other == NULL) {
        return AE_ERROR;
    }

    v = ae_value_create(arena, other->type);
    if (v == NULL) {
        return AE_ERROR;
    }

    *v = *other;
    v->next = NULL;

    return ae_value_set(map, name, v);
}


ae_value_t *
ae_value_get(const ae_value_t *map, const char *name)
{
    ae_str_t  s;

    s.len = strlen(name);
    s.data = (unsigned char *) name;

    return ae_value_find(map, s);
}


ae_value_t *
ae_value_find(const ae_value_t *map, ae_str_t name)
{
    ae_value_t  *v, *found;

    if (map == NULL || map->type != AE_MAP) {
        return NULL;
    }

    found = NULL;

    for (v = map->first; v != NULL; v = v->next) {

        if (v->name.len == name.len
            && (name.len == 0
                || memcmp(v->name.data, name.data, name.len) == 0))
        {
            found = v;
        }
    }

    return found;
}


static ae_value_t *
ae_value_create(ae_arena_t *arena, ae_type_e type)
{
    ae_value_t  *v;

    v = ae_arena_alloc(arena, sizeof(ae_value_t));
    if (v != NULL) {
        v->type = type;
    }

    return v;
}


static int
ae_value_append(ae_value_t *parent, ae_value_t *child)
{
    if (parent == NULL || child == NULL) {
        return AE_ERROR;
    }

    if (parent->last != NULL) {
        parent->last->next = child;

    } else {
        parent->first = child;
    }

    parent->last = child;
    parent->count++;

    return AE_OK;
}
