/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Documents of others: are their members of the kinds that they have to be,
 * and is there nothing in them that parsers read in different ways.
 */


#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/text.h"


/* members of one object that are held against each other one by one */
#define AE_MEMBERS_FEW       16


static const ae_member_t *ae_member_find(const ae_member_t *members,
    ae_str_t name);
static int ae_member_check(const ae_value_t *value, const ae_member_t *member,
    ae_error_t *err);
static int ae_member_is(const ae_value_t *value, ae_kind_e kind);
static int ae_json_strict_value(const ae_value_t *value, ae_error_t *err);
static const ae_value_t *ae_json_twice(const ae_value_t *map);
static const ae_value_t *ae_json_twice_few(const ae_value_t *map);
static int ae_json_names(const void *one, const void *two);
static int ae_json_strict_fail(const ae_value_t *value, ae_error_t *err,
    const char *text);


static const char  *const ae_kinds[] = {
    "anything",
    "a string",
    "a number",
    "an integer",
    "true or false",
    "an object",
    "an array"
};


static const char  *const ae_plural_kinds[] = {
    "values",
    "strings",
    "numbers",
    "integers",
    "booleans",
    "objects",
    "arrays"
};


int
ae_members_check(const ae_value_t *map, const ae_member_t *members,
    ae_error_t *err)
{
    const ae_value_t   *v;
    const ae_member_t  *member;

    for (v = map->first; v != NULL; v = v->next) {
        member = ae_member_find(members, v->name);

        if (member != NULL && ae_member_check(v, member, err) != AE_OK) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static const ae_member_t *
ae_member_find(const ae_member_t *members, ae_str_t name)
{
    for ( /* void */ ; members->name.len != 0; members++) {

        if (members->name.len == name.len
            && memcmp(members->name.data, name.data, name.len) == 0)
        {
            return members;
        }
    }

    return NULL;
}


/* null is what Go writes for an empty array or object: as good as absent */

static int
ae_member_check(const ae_value_t *value, const ae_member_t *member,
    ae_error_t *err)
{
    const ae_value_t  *v;

    if (value->type == AE_NULL) {
        return AE_OK;
    }

    v = value;

    if (!ae_member_is(value, member->kind)) {
        goto failed;
    }

    if (member->items == AE_KIND_ANY) {

        if (member->members == NULL) {
            return AE_OK;
        }

        return ae_members_check(value, member->members, err);
    }

    for (v = value->first; v != NULL; v = v->next) {

        if (!ae_member_is(v, member->items)) {
            goto failed;
        }

        if (member->members != NULL
            && ae_members_check(v, member->members, err) != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return AE_OK;

failed:

    err->line = v->line;

    if (member->items == AE_KIND_ANY) {
        snprintf(err->text, sizeof(err->text), "\"%.*s\" must be %s",
                 (int) member->name.len, member->name.data,
                 ae_kinds[member->kind]);

    } else {
        snprintf(err->text, sizeof(err->text), "\"%.*s\" must be %s of %s",
                 (int) member->name.len, member->name.data,
                 ae_kinds[member->kind], ae_plural_kinds[member->items]);
    }

    return AE_ERROR;
}


static int
ae_member_is(const ae_value_t *value, ae_kind_e kind)
{
    switch (kind) {

    case AE_KIND_STRING:
        return value->type == AE_STRING;

    case AE_KIND_NUMBER:
        return value->type == AE_NUMBER && isfinite(value->number);

    case AE_KIND_INTEGER:
        return value->type == AE_NUMBER
               && fabs(value->number) < 9223372036854775808.0
               && floor(value->number) == value->number;

    case AE_KIND_BOOLEAN:
        return value->type == AE_BOOL;

    case AE_KIND_OBJECT:
        return value->type == AE_MAP;

    case AE_KIND_ARRAY:
        return value->type == AE_ARRAY;

    default:
        return 1;
    }
}


int
ae_json_strict(const ae_value_t *root, ae_error_t *err)
{
    const ae_value_t  *v;

    if (ae_json_strict_value(root, err) != AE_OK) {
        return AE_ERROR;
    }

    /* as deep as a parsed text is at most */

    for (v = root->first; v != NULL; v = v->next) {

        if (ae_json_strict(v, err) != AE_OK) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ae_json_strict_value(const ae_value_t *value, ae_error_t *err)
{
    const ae_value_t  *twice;

    if (value->name.len != 0
        && memchr(value->name.data, '\0', value->name.len) != NULL)
    {
        return ae_json_strict_fail(value, err, "a name has a NUL in it");
    }

    switch (value->type) {

    case AE_STRING:
        if (value->s.len != 0
            && memchr(value->s.data, '\0', value->s.len) != NULL)
        {
            return ae_json_strict_fail(value, err, "a string has a NUL in it");
        }

        return AE_OK;

    case AE_NUMBER:
        if (!isfinite(value->number)) {
            return ae_json_strict_fail(value, err, "a number is too large");
        }

        return AE_OK;

    case AE_MAP:
        twice = (value->count <= AE_MEMBERS_FEW) ? ae_json_twice_few(value)
                                                 : ae_json_twice(value);
        if (twice == NULL) {
            return AE_OK;
        }

        err->line = twice->line;
        snprintf(err->text, sizeof(err->text), "\"%.*s\" is there twice",
                 (int) (twice->name.len < 64 ? twice->name.len : 64),
                 twice->name.data);

        return AE_ERROR;

    default:
        return AE_OK;
    }
}


/* the second of two members of one name, or NULL */

static const ae_value_t *
ae_json_twice_few(const ae_value_t *map)
{
    const ae_value_t  *v, *other;

    for (v = map->first; v != NULL; v = v->next) {

        for (other = map->first; other != v; other = other->next) {

            if (other->name.len == v->name.len
                && memcmp(other->name.data, v->name.data, v->name.len) == 0)
            {
                return v;
            }
        }
    }

    return NULL;
}


/* without memory the map itself stands for what could not be found */

static const ae_value_t *
ae_json_twice(const ae_value_t *map)
{
    uint32_t            i;
    const ae_value_t   *v, *twice, **list;

    list = malloc(map->count * sizeof(ae_value_t *));
    if (list == NULL) {
        return map;         /* "twice", rather than missing one */
    }

    for (i = 0, v = map->first; v != NULL; v = v->next) {
        list[i++] = v;
    }

    qsort(list, i, sizeof(ae_value_t *), ae_json_names);

    twice = NULL;

    while (twice == NULL && i-- > 1) {
        if (ae_json_names(&list[i], &list[i - 1]) == 0) {
            twice = list[i];
        }
    }

    free(list);

    return twice;
}


static int
ae_json_names(const void *one, const void *two)
{
    int                rc;
    size_t             len;
    const ae_value_t  *first, *second;

    first = *(const ae_value_t *const *) one;
    second = *(const ae_value_t *const *) two;

    len = first->name.len < second->name.len ? first->name.len
                                             : second->name.len;

    rc = (len != 0) ? memcmp(first->name.data, second->name.data, len) : 0;

    if (rc != 0) {
        return rc;
    }

    return (first->name.len > second->name.len)
           - (first->name.len < second->name.len);
}


static int
ae_json_strict_fail(const ae_value_t *value, ae_error_t *err,
    const char *text)
{
    err->line = value->line;
    snprintf(err->text, sizeof(err->text), "%s", text);

    return AE_ERROR;
}
