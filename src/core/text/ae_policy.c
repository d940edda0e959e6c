/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A set of policies, and which of them a session names.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/ae_policy.h"


/* of an id, in a text of an error */
#define AE_POLICY_SHOWN  64


typedef struct {
    ae_str_t                 id;
    const ae_value_t        *value;
} ae_policy_entry_t;


struct ae_policies_s {
    size_t                   n;
    ae_policy_entry_t       *entries;       /* sorted by id, then line */
};


static int ae_policies_id(const ae_value_t *document, const ae_value_t *v,
    ae_str_t *id, ae_error_t *err);
static int ae_policies_twice(const ae_policies_t *p, ae_error_t *err);
static int ae_policy_sort(const void *one, const void *two);
static int ae_policy_order(ae_str_t one, ae_str_t two);
static int ae_policies_check_one(const ae_value_t *policy, ae_str_t id,
    const ae_value_t *session, ae_error_t *err);
static int ae_policies_check_mixed(const ae_policies_t *p,
    const ae_str_t *ids, size_t n, ae_error_t *err);
static int ae_policy_error(ae_error_t *err, const char *format, ae_str_t id);


ae_policies_t *
ae_policies_create(ae_arena_t *arena, const ae_value_t *document,
    ae_error_t *err)
{
    ae_policies_t      *p;
    const ae_value_t   *v;
    ae_policy_entry_t  *entry;

    err->line = document->line;

    if (document->type != AE_MAP && document->type != AE_ARRAY) {
        snprintf(err->text, sizeof(err->text),
                 "an object of policies by id, or an array of policies, is "
                 "expected");
        return NULL;
    }

    p = ae_arena_alloc(arena, sizeof(ae_policies_t));
    entry = ae_arena_alloc(arena, (document->count + 1)
                                  * sizeof(ae_policy_entry_t));

    if (p == NULL || entry == NULL) {
        snprintf(err->text, sizeof(err->text), "no memory");
        return NULL;
    }

    p->entries = entry;

    for (v = document->first; v != NULL; v = v->next) {
        entry = &p->entries[p->n++];
        entry->value = v;

        if (ae_policies_id(document, v, &entry->id, err) != AE_OK) {
            return NULL;
        }
    }

    qsort(p->entries, p->n, sizeof(ae_policy_entry_t), ae_policy_sort);

    return (ae_policies_twice(p, err) == AE_OK) ? p : NULL;
}


static int
ae_policies_id(const ae_value_t *document, const ae_value_t *v, ae_str_t *id,
    ae_error_t *err)
{
    const ae_value_t  *inner;

    err->line = v->line;

    if (v->type != AE_MAP) {
        snprintf(err->text, sizeof(err->text), "a policy must be an object");
        return AE_ERROR;
    }

    inner = ae_policy_member(v, "id", AE_STRING);

    if (document->type == AE_MAP) {
        *id = v->name;

        if (inner != NULL && inner->s.len != 0
            && ae_policy_order(inner->s, v->name) != 0)
        {
            return ae_policy_error(err, "\"id\" of policy \"%.*s\" must be "
                                   "its name", *id);
        }

    } else {

        if (inner == NULL || inner->s.len == 0) {
            inner = ae_policy_member(v, "_id", AE_STRING);
        }

        id->len = 0;

        if (inner != NULL) {
            *id = inner->s;
        }
    }

    if (id->len == 0) {
        snprintf(err->text, sizeof(err->text),
                 "a policy must have an \"id\"");
        return AE_ERROR;
    }

    return AE_OK;
}


static int
ae_policies_twice(const ae_policies_t *p, ae_error_t *err)
{
    size_t                    i;
    const ae_policy_entry_t  *e;

    e = p->entries;

    for (i = 1; i < p->n; i++) {

        if (ae_policy_order(e[i].id, e[i - 1].id) == 0) {
            err->line = e[i].value->line;
            return ae_policy_error(err, "policy \"%.*s\" is there twice",
                                   e[i].id);
        }
    }

    return AE_OK;
}


static int
ae_policy_sort(const void *one, const void *two)
{
    int                       rc;
    const ae_policy_entry_t  *first, *second;

    first = one;
    second = two;

    rc = ae_policy_order(first->id, second->id);

    if (rc != 0) {
        return rc;
    }

    return (first->value->line > second->value->line)
           - (first->value->line < second->value->line);
}


static int
ae_policy_order(ae_str_t one, ae_str_t two)
{
    if (one.len != two.len) {
        return (one.len < two.len) ? -1 : 1;
    }

    return one.len ? memcmp(one.data, two.data, one.len) : 0;
}


const ae_value_t *
ae_policies_find(const ae_policies_t *p, ae_str_t id)
{
    int     rc;
    size_t  low, high, middle;

    low = 0;
    high = p ? p->n : 0;

    while (low < high) {
        middle = low + (high - low) / 2;
        rc = ae_policy_order(id, p->entries[middle].id);

        if (rc == 0) {
            return p->entries[middle].value;
        }

        if (rc < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return NULL;
}


int
ae_policies_check(const ae_policies_t *p, const ae_value_t *session,
    ae_error_t *err)
{
    size_t             i, n;
    ae_str_t           ids[AE_POLICY_MAX];
    const ae_value_t  *policy;

    err->line = session->line;

    if (ae_policy_ids(session, ids, &n) != AE_OK) {
        snprintf(err->text, sizeof(err->text),
                 "at most %d policies are expected", AE_POLICY_MAX);
        return AE_ERROR;
    }

    for (i = 0; i < n; i++) {
        policy = ae_policies_find(p, ids[i]);

        if (policy == NULL) {
            return ae_policy_error(err, "policy \"%.*s\" is unknown", ids[i]);
        }

        if (ae_policies_check_one(policy, ids[i], session, err) != AE_OK) {
            return AE_ERROR;
        }
    }

    return ae_policies_check_mixed(p, ids, n, err);
}


int
ae_policies_grant(const ae_policies_t *p, const ae_value_t *session)
{
    size_t              i, n;
    ae_str_t            ids[AE_POLICY_MAX];
    const ae_value_t   *policy, *rights;
    ae_policy_parts_t   parts;

    if (ae_policy_ids(session, ids, &n) != AE_OK) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        policy = ae_policies_find(p, ids[i]);

        if (policy == NULL) {
            continue;
        }

        ae_policy_parts(policy, &parts);
        rights = ae_policy_member(policy, "access_rights", AE_MAP);

        if ((parts.acl || parts.per_api) && rights != NULL
            && rights->count != 0)
        {
            return 1;
        }
    }

    return 0;
}


/* of another organisation, its limits and rights are no business of the key */

static int
ae_policies_check_one(const ae_value_t *policy, ae_str_t id,
    const ae_value_t *session, ae_error_t *err)
{
    ae_policy_parts_t  parts;
    const ae_value_t  *org, *of;

    ae_policy_parts(policy, &parts);

    if (parts.per_api && parts.partitioned) {
        return ae_policy_error(err, "policy \"%.*s\" has \"per_api\" and "
                               "another partition", id);
    }

    org = ae_policy_member(session, "org_id", AE_STRING);
    of = ae_policy_member(policy, "org_id", AE_STRING);

    if (org != NULL && of != NULL && org->s.len != 0 && of->s.len != 0
        && ae_policy_order(org->s, of->s) != 0)
    {
        return ae_policy_error(err, "policy \"%.*s\" is of another "
                               "organisation", id);
    }

    return AE_OK;
}


static int
ae_policies_check_mixed(const ae_policies_t *p, const ae_str_t *ids, size_t n,
    ae_error_t *err)
{
    size_t             i;
    unsigned           per_api, partitioned;
    ae_policy_parts_t  parts;

    per_api = 0;
    partitioned = 0;

    for (i = 0; i < n; i++) {
        ae_policy_parts(ae_policies_find(p, ids[i]), &parts);

        per_api |= parts.per_api;
        partitioned |= parts.partitioned;

        if (per_api && partitioned) {
            return ae_policy_error(err, "policy \"%.*s\" cannot go with one "
                                   "before it, one of them has \"per_api\" "
                                   "and one partitions", ids[i]);
        }
    }

    return AE_OK;
}


/* the format has one %.*s */

static int
ae_policy_error(ae_error_t *err, const char *format, ae_str_t id)
{
    int  len;

    len = (int) (id.len < AE_POLICY_SHOWN ? id.len : AE_POLICY_SHOWN);

    snprintf(err->text, sizeof(err->text), format, len, id.data);

    return AE_ERROR;
}


int
ae_policy_ids(const ae_value_t *session, ae_str_t ids[AE_POLICY_MAX],
    size_t *n)
{
    const ae_value_t  *v, *list;

    *n = 0;

    list = ae_policy_member(session, "apply_policies", AE_ARRAY);

    if (list == NULL || list->count == 0) {
        v = ae_policy_member(session, "apply_policy_id", AE_STRING);

        if (v != NULL && v->s.len != 0) {
            ids[(*n)++] = v->s;
        }

        return AE_OK;
    }

    for (v = list->first; v != NULL; v = v->next) {

        if (v->type != AE_STRING) {
            continue;
        }

        if (*n == AE_POLICY_MAX) {
            return AE_ERROR;
        }

        ids[(*n)++] = v->s;
    }

    return AE_OK;
}


void
ae_policy_parts(const ae_value_t *policy, ae_policy_parts_t *parts)
{
    const ae_value_t  *v;

    v = ae_value_get(policy, "partitions");

    parts->acl = ae_policy_flag(v, "acl");
    parts->rate = ae_policy_flag(v, "rate_limit");
    parts->quota = ae_policy_flag(v, "quota");
    parts->complexity = ae_policy_flag(v, "complexity");
    parts->per_api = ae_policy_flag(v, "per_api");

    parts->partitioned = parts->acl | parts->rate | parts->quota
                         | parts->complexity;

    if (!parts->partitioned) {
        parts->acl = 1;
        parts->rate = 1;
        parts->quota = 1;
        parts->complexity = 1;
    }
}


int
ae_policy_flag(const ae_value_t *map, const char *name)
{
    const ae_value_t  *v;

    v = ae_policy_member(map, name, AE_BOOL);

    return v != NULL && v->boolean;
}


const ae_value_t *
ae_policy_member(const ae_value_t *map, const char *name, ae_type_e type)
{
    const ae_value_t  *v;

    v = ae_value_get(map, name);

    return (v != NULL && v->type == type) ? v : NULL;
}
