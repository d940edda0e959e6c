/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What was merged, as a session.
 */


#include <string.h>

#include "core/text/ae_policy.h"


static ae_value_t *ae_merge_rights(ae_merge_t *m);
static int ae_merge_write_right(ae_merge_t *m, ae_value_t *map,
    const ae_policy_right_t *right);
static int ae_merge_write_limit(ae_arena_t *arena, ae_value_t *map,
    const ae_policy_limit_t *limit);
static int ae_merge_share(ae_arena_t *arena, ae_value_t *map,
    const char *name, const ae_value_t *v);
static int ae_merge_others(ae_arena_t *arena, ae_value_t *map,
    const ae_value_t *from, const char *const *but);


static const char *const  ae_merge_limits[] = {
    "rate", "per", "quota_max", "quota_renewal_rate", "max_query_depth",
    "tags", "meta_data", NULL
};

static const char *const  ae_merge_limits_rights[] = {
    "rate", "per", "quota_max", "quota_renewal_rate", "max_query_depth",
    "tags", "meta_data", "access_rights", NULL
};

static const char *const  ae_merge_of_right[] = {
    "limit", "allowance_scope", "versions", "allowed_urls", "endpoints", NULL
};


int
ae_policy_document(ae_merge_t *m)
{
    ae_value_t  *map;

    map = ae_value_map(m->arena);

    if (map == NULL
        || ae_merge_others(m->arena, map, m->session,
                           m->merged->granted ? ae_merge_limits_rights
                                              : ae_merge_limits)
           != AE_OK
        || ae_merge_write_limit(m->arena, map, &m->limit) != AE_OK
        || ae_merge_share(m->arena, map, "tags", m->tags) != AE_OK
        || ae_merge_share(m->arena, map, "meta_data",
                          m->meta->count ? m->meta : NULL)
           != AE_OK
        || (m->merged->granted
            && ae_value_set(map, ae_str("access_rights"), ae_merge_rights(m))
               != AE_OK))
    {
        return AE_ERROR;
    }

    map->line = m->session->line;
    map->name = m->session->name;

    m->merged->document = map;

    return AE_OK;
}


static ae_value_t *
ae_merge_rights(ae_merge_t *m)
{
    ae_value_t         *map, *rights;
    ae_policy_right_t  *right;

    rights = ae_value_map(m->arena);

    for (right = m->rights; right != NULL; right = right->next) {

        if (!right->acl) {
            continue;
        }

        map = ae_value_map(m->arena);

        if (map == NULL || ae_merge_write_right(m, map, right) != AE_OK
            || ae_value_set(rights, right->api, map) != AE_OK)
        {
            return NULL;
        }
    }

    return rights;
}


static int
ae_merge_write_right(ae_merge_t *m, ae_value_t *map,
    const ae_policy_right_t *right)
{
    ae_value_t  *limit;

    if (ae_merge_others(m->arena, map, right->base, ae_merge_of_right)
        != AE_OK
        || ae_merge_share(m->arena, map, "versions", right->versions) != AE_OK
        || ae_merge_share(m->arena, map, "allowed_urls", right->urls) != AE_OK
        || ae_merge_share(m->arena, map, "endpoints", right->endpoints)
           != AE_OK)
    {
        return AE_ERROR;
    }

    if (right->scope.len != 0
        && ae_value_set(map, ae_str("allowance_scope"),
                        ae_value_str(m->arena, right->scope))
           != AE_OK)
    {
        return AE_ERROR;
    }

    if (ae_policy_limit_empty(&right->limit)) {
        return AE_OK;
    }

    limit = ae_value_map(m->arena);

    if (limit == NULL
        || ae_merge_write_limit(m->arena, limit, &right->limit) != AE_OK)
    {
        return AE_ERROR;
    }

    return ae_value_set(map, ae_str("limit"), limit);
}


static int
ae_merge_write_limit(ae_arena_t *arena, ae_value_t *map,
    const ae_policy_limit_t *limit)
{
    if (ae_merge_share(arena, map, "rate", limit->rate) != AE_OK
        || ae_merge_share(arena, map, "per", limit->per) != AE_OK
        || ae_merge_share(arena, map, "quota_max", limit->quota_max) != AE_OK
        || ae_merge_share(arena, map, "quota_renewal_rate",
                          limit->quota_renewal_rate)
           != AE_OK)
    {
        return AE_ERROR;
    }

    return ae_merge_share(arena, map, "max_query_depth",
                          limit->max_query_depth);
}


/* the name is a literal; nothing is no error */

static int
ae_merge_share(ae_arena_t *arena, ae_value_t *map, const char *name,
    const ae_value_t *v)
{
    ae_str_t  s;

    if (v == NULL) {
        return AE_OK;
    }

    s.len = strlen(name);
    s.data = (unsigned char *) name;

    return ae_value_share(arena, map, s, v);
}


static int
ae_merge_others(ae_arena_t *arena, ae_value_t *map, const ae_value_t *from,
    const char *const *but)
{
    size_t             i;
    const ae_value_t  *v;

    for (v = from->first; v != NULL; v = v->next) {

        for (i = 0; but[i] != NULL; i++) {

            if (v->name.len == strlen(but[i])
                && memcmp(v->name.data, but[i], v->name.len) == 0)
            {
                break;
            }
        }

        if (but[i] == NULL && ae_value_share(arena, map, v->name, v) != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return AE_OK;
}
