/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Lists of two policies as one: versions and tags, allowed URLs with their
 * methods, endpoints with the limits of their methods.
 */


#include <string.h>

#include "core/text/ae_policy.h"


static int ae_policy_same(const ae_value_t *one, const ae_value_t *two);
static int ae_policy_has(const ae_value_t *array, const ae_value_t *string);
static int ae_policy_append(ae_arena_t *arena, ae_value_t *array,
    const ae_value_t *list, int once);
static int ae_policy_add_urls(ae_arena_t *arena, ae_value_t *array,
    const ae_value_t *list);
static int ae_policy_add_endpoints(ae_arena_t *arena, ae_value_t *array,
    const ae_value_t *list);
static int ae_policy_add_method(ae_arena_t *arena, ae_value_t *array,
    const ae_value_t *path, const ae_value_t *method);
static ae_value_t *ae_policy_item(const ae_value_t *array, const char *name,
    const ae_value_t *string);
static int ae_policy_lets_more(const ae_value_t *method,
    const ae_value_t *other);


const ae_value_t *
ae_policy_strings(ae_arena_t *arena, const ae_value_t *one,
    const ae_value_t *two, int *failed)
{
    ae_value_t  *array;

    if (one == NULL || two == NULL) {
        return (one == NULL) ? two : one;
    }

    array = ae_value_array(arena);

    if (array == NULL || ae_policy_append(arena, array, one, 1) != AE_OK
        || ae_policy_append(arena, array, two, 1) != AE_OK)
    {
        *failed = 1;
        return NULL;
    }

    return array;
}


static int
ae_policy_append(ae_arena_t *arena, ae_value_t *array, const ae_value_t *list,
    int once)
{
    ae_str_t           none = { 0, NULL };
    const ae_value_t  *v;

    if (list == NULL || list->type != AE_ARRAY) {
        return AE_OK;
    }

    for (v = list->first; v != NULL; v = v->next) {

        if (once && (v->type != AE_STRING || ae_policy_has(array, v))) {
            continue;
        }

        if (ae_value_share(arena, array, none, v) != AE_OK) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ae_policy_has(const ae_value_t *array, const ae_value_t *string)
{
    const ae_value_t  *v;

    for (v = array->first; v != NULL; v = v->next) {

        if (ae_policy_same(v, string)) {
            return 1;
        }
    }

    return 0;
}


static int
ae_policy_same(const ae_value_t *one, const ae_value_t *two)
{
    return one != NULL && two != NULL && one->type == AE_STRING
           && two->type == AE_STRING && one->s.len == two->s.len
           && (one->s.len == 0
               || memcmp(one->s.data, two->s.data, one->s.len) == 0);
}


/* a URL of both has the methods of both */

const ae_value_t *
ae_policy_urls(ae_arena_t *arena, const ae_value_t *one,
    const ae_value_t *two, int *failed)
{
    ae_value_t  *array;

    if (one == NULL || one->count == 0) {
        return two;
    }

    if (two == NULL || two->count == 0) {
        return one;
    }

    array = ae_value_array(arena);

    if (array == NULL || ae_policy_add_urls(arena, array, one) != AE_OK
        || ae_policy_add_urls(arena, array, two) != AE_OK)
    {
        *failed = 1;
        return NULL;
    }

    return array;
}


static int
ae_policy_add_urls(ae_arena_t *arena, ae_value_t *array,
    const ae_value_t *list)
{
    ae_value_t        *item, *methods;
    const ae_value_t  *v, *url;

    for (v = list->first; v != NULL; v = v->next) {
        url = ae_policy_member(v, "url", AE_STRING);

        if (url == NULL) {
            continue;
        }

        item = ae_policy_item(array, "url", url);

        if (item == NULL) {
            item = ae_value_map(arena);
            methods = ae_value_array(arena);

            if (item == NULL
                || ae_value_share(arena, item, ae_str("url"), url) != AE_OK
                || ae_value_set(item, ae_str("methods"), methods) != AE_OK
                || ae_value_add(array, item) != AE_OK)
            {
                return AE_ERROR;
            }
        }

        methods = ae_value_get(item, "methods");

        if (ae_policy_append(arena, methods, ae_value_get(v, "methods"), 1)
            != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


/* the item of an array of maps whose member is that string */

static ae_value_t *
ae_policy_item(const ae_value_t *array, const char *name,
    const ae_value_t *string)
{
    ae_value_t  *v;

    for (v = array->first; v != NULL; v = v->next) {

        if (ae_policy_same(ae_value_get(v, name), string)) {
            return v;
        }
    }

    return NULL;
}


/* a path and method of both has the limit that lets more through */

const ae_value_t *
ae_policy_endpoints(ae_arena_t *arena, const ae_value_t *one,
    const ae_value_t *two, int *failed)
{
    ae_value_t  *array;

    if (one == NULL || one->count == 0) {
        return two;
    }

    if (two == NULL || two->count == 0) {
        return one;
    }

    array = ae_value_array(arena);

    if (array == NULL || ae_policy_add_endpoints(arena, array, one) != AE_OK
        || ae_policy_add_endpoints(arena, array, two) != AE_OK)
    {
        *failed = 1;
        return NULL;
    }

    return array;
}


static int
ae_policy_add_endpoints(ae_arena_t *arena, ae_value_t *array,
    const ae_value_t *list)
{
    const ae_value_t  *v, *path, *method, *methods;

    for (v = list->first; v != NULL; v = v->next) {
        path = ae_policy_member(v, "path", AE_STRING);
        methods = ae_policy_member(v, "methods", AE_ARRAY);

        if (path == NULL || methods == NULL) {
            continue;
        }

        for (method = methods->first; method != NULL; method = method->next) {

            if (method->type == AE_MAP
                && ae_policy_add_method(arena, array, path, method) != AE_OK)
            {
                return AE_ERROR;
            }
        }
    }

    return AE_OK;
}


static int
ae_policy_add_method(ae_arena_t *arena, ae_value_t *array,
    const ae_value_t *path, const ae_value_t *method)
{
    ae_str_t           none = { 0, NULL };
    ae_value_t        *item, *methods, *old, *next;
    const ae_value_t  *name;

    name = ae_policy_member(method, "name", AE_STRING);

    if (name == NULL) {
        return AE_OK;
    }

    item = ae_policy_item(array, "path", path);

    if (item == NULL) {
        item = ae_value_map(arena);
        methods = ae_value_array(arena);

        if (item == NULL
            || ae_value_share(arena, item, ae_str("path"), path) != AE_OK
            || ae_value_set(item, ae_str("methods"), methods) != AE_OK
            || ae_value_add(array, item) != AE_OK)
        {
            return AE_ERROR;
        }
    }

    methods = ae_value_get(item, "methods");
    old = ae_policy_item(methods, "name", name);

    if (old == NULL) {
        return ae_value_share(arena, methods, none, method);
    }

    if (ae_policy_lets_more(method, old)) {
        next = old->next;
        *old = *method;
        old->next = next;
    }

    return AE_OK;
}


/* of the same rate, what lets more through at once */

static int
ae_policy_lets_more(const ae_value_t *method, const ae_value_t *other)
{
    double             one, two;
    ae_policy_limit_t  limit, old;

    ae_policy_limit(ae_value_get(method, "limit"), &limit);
    ae_policy_limit(ae_value_get(other, "limit"), &old);

    one = ae_policy_duration(limit.rate, limit.per);
    two = ae_policy_duration(old.rate, old.per);

    return one < two
           || (one == two
               && ae_policy_number(limit.rate) > ae_policy_number(old.rate));
}
