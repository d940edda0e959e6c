/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A session with its policies merged, as Tyk's gateway merges them.  Policies
 * give parts of a session: access rights, rate, quota, query depth.  A part
 * that is given takes the place of the session's own; of a part that several
 * give, each API has what lets most through.
 */


#include <stdio.h>
#include <string.h>

#include "core/text/ae_policy.h"


static void ae_merge_start(ae_merge_t *m, const ae_policies_t *p,
    const ae_str_t *ids, size_t n);
static void ae_merge_policy(ae_merge_t *m, const ae_value_t *policy,
    ae_str_t id);
static void ae_merge_parts(ae_merge_t *m, const ae_value_t *policy,
    const ae_policy_parts_t *parts, const ae_value_t *value, ae_str_t id);
static void ae_merge_acl(ae_merge_t *m, ae_policy_right_t *right,
    const ae_value_t *value, ae_str_t id);
static void ae_merge_root(ae_merge_t *m, const ae_value_t *policy,
    const ae_policy_parts_t *parts);
static void ae_merge_per_api(ae_merge_t *m, const ae_value_t *policy,
    const ae_value_t *value, ae_str_t id);
static void ae_merge_per_api_limit(ae_policy_right_t *right,
    const ae_policy_right_t *old);
static ae_policy_right_t *ae_merge_right(ae_merge_t *m, ae_str_t api);
static ae_policy_right_t *ae_merge_find(ae_merge_t *m, ae_str_t api);
static int ae_merge_same(ae_str_t one, ae_str_t two);
static void ae_merge_meta(ae_merge_t *m, const ae_value_t *meta);

static void ae_merge_finish(ae_merge_t *m);
static void ae_merge_single(ae_merge_t *m);
static int ae_merge_several(const ae_merge_t *m);


int
ae_policies_apply(ae_arena_t *arena, const ae_policies_t *p,
    ae_value_t *session, ae_merged_t *merged, ae_error_t *err)
{
    size_t      i, n;
    ae_str_t    ids[AE_POLICY_MAX];
    ae_merge_t  m;

    memset(merged, 0, sizeof(ae_merged_t));
    merged->document = session;

    if (ae_policies_check(p, session, err) != AE_OK) {
        return AE_ERROR;
    }

    (void) ae_policy_ids(session, ids, &n);

    if (n == 0) {
        return AE_OK;
    }

    memset(&m, 0, sizeof(ae_merge_t));

    m.arena = arena;
    m.session = session;
    m.merged = merged;

    ae_merge_start(&m, p, ids, n);

    for (i = 0; i < n; i++) {
        ae_merge_policy(&m, ae_policies_find(p, ids[i]), ids[i]);
    }

    ae_merge_finish(&m);

    if (m.failed || ae_policy_document(&m) != AE_OK) {
        snprintf(err->text, sizeof(err->text), "no memory");
        return AE_ERROR;
    }

    return AE_OK;
}


/* what any of the policies gives is none of the session's own from then on */

static void
ae_merge_start(ae_merge_t *m, const ae_policies_t *p, const ae_str_t *ids,
    size_t n)
{
    size_t             i;
    ae_policy_parts_t  parts;

    ae_policy_limit(m->session, &m->limit);

    for (i = 0; i < n; i++) {
        ae_policy_parts(ae_policies_find(p, ids[i]), &parts);

        if (parts.rate) {
            m->limit.rate = NULL;
            m->limit.per = NULL;
        }

        if (parts.quota) {
            m->limit.quota_max = NULL;
        }

        if (parts.complexity) {
            m->limit.max_query_depth = NULL;
        }
    }

    m->tags = ae_policy_member(m->session, "tags", AE_ARRAY);
    m->meta = ae_value_map(m->arena);

    if (m->meta == NULL) {
        m->failed = 1;
    }

    ae_merge_meta(m, ae_policy_member(m->session, "meta_data", AE_MAP));
}


static void
ae_merge_policy(ae_merge_t *m, const ae_value_t *policy, ae_str_t id)
{
    double              seconds;
    ae_policy_parts_t   parts;
    const ae_value_t   *v, *rights;

    ae_policy_parts(policy, &parts);

    rights = ae_policy_member(policy, "access_rights", AE_MAP);

    if (rights == NULL || rights->count == 0) {
        ae_merge_root(m, policy, &parts);
    }

    m->fresh = (m->rights == NULL);

    for (v = rights ? rights->first : NULL; v != NULL; v = v->next) {

        if (parts.per_api) {
            ae_merge_per_api(m, policy, v, id);

        } else {
            ae_merge_parts(m, policy, &parts, v, id);
        }
    }

    v = ae_policy_member(policy, "active", AE_BOOL);

    if (ae_policy_flag(policy, "is_inactive") || (v != NULL && !v->boolean)) {
        m->merged->inactive = 1;
    }

    m->tags = ae_policy_strings(m->arena, m->tags,
                                ae_policy_member(policy, "tags", AE_ARRAY),
                                &m->failed);

    ae_merge_meta(m, ae_policy_member(policy, "meta_data", AE_MAP));

    seconds = ae_policy_number(ae_policy_member(policy, "key_expires_in",
                                                AE_NUMBER));

    if (seconds > (double) m->merged->expires_in && seconds < 1e15) {
        m->merged->expires_in = (int64_t) seconds;
    }
}


/* a policy for no API in particular is about the session's own limits */

static void
ae_merge_root(ae_merge_t *m, const ae_value_t *policy,
    const ae_policy_parts_t *parts)
{
    ae_policy_limit_t  limit;

    ae_policy_limit(policy, &limit);

    if (parts->rate) {
        m->limit.rate = limit.rate;
        m->limit.per = limit.per;
    }

    if (parts->quota) {
        m->limit.quota_max = limit.quota_max;
        m->limit.quota_renewal_rate = limit.quota_renewal_rate;
    }

    if (parts->complexity) {
        m->limit.max_query_depth = limit.max_query_depth;
    }
}


static void
ae_merge_parts(ae_merge_t *m, const ae_value_t *policy,
    const ae_policy_parts_t *parts, const ae_value_t *value, ae_str_t id)
{
    ae_policy_limit_t   limit;
    ae_policy_right_t  *right;

    right = ae_merge_right(m, value->name);

    if (right == NULL) {
        return;
    }

    ae_policy_limit(policy, &limit);

    if (parts->acl) {
        ae_merge_acl(m, right, value, id);
    }

    if (parts->quota) {
        right->quota = 1;
        ae_policy_more_quota(&right->limit, &limit);
        ae_policy_more_quota(&m->limit, &limit);
    }

    if (parts->rate) {
        right->rate = 1;
        ae_policy_more_rate(&right->limit, &limit);
        ae_policy_more_rate(&m->limit, &limit);

        right->endpoints = ae_policy_endpoints(m->arena, right->endpoints,
                              ae_policy_member(value, "endpoints", AE_ARRAY),
                              &m->failed);
    }

    if (parts->complexity) {
        right->complexity = 1;
        ae_policy_more_depth(&right->limit, &limit);
        ae_policy_more_depth(&m->limit, &limit);
    }
}


static void
ae_merge_acl(ae_merge_t *m, ae_policy_right_t *right, const ae_value_t *value,
    ae_str_t id)
{
    right->acl = 1;
    right->set_by = id;

    if (right->base == NULL) {
        right->base = value;
    }

    right->versions = ae_policy_strings(m->arena, right->versions,
                               ae_policy_member(value, "versions", AE_ARRAY),
                               &m->failed);

    right->urls = ae_policy_urls(m->arena, right->urls,
                           ae_policy_member(value, "allowed_urls", AE_ARRAY),
                           &m->failed);
}


/* an API without a limit of its own has the policy's, and counts with those
 * of the same policy */

static void
ae_merge_per_api(ae_merge_t *m, const ae_value_t *policy,
    const ae_value_t *value, ae_str_t id)
{
    ae_policy_right_t  *right, new;

    memset(&new, 0, sizeof(ae_policy_right_t));

    new.api = value->name;
    new.base = value;
    new.versions = ae_policy_member(value, "versions", AE_ARRAY);
    new.urls = ae_policy_member(value, "allowed_urls", AE_ARRAY);
    new.endpoints = ae_policy_member(value, "endpoints", AE_ARRAY);
    new.scope = value->name;
    new.acl = 1;
    new.rate = 1;
    new.quota = 1;
    new.complexity = 1;

    ae_policy_limit(ae_value_get(value, "limit"), &new.limit);

    if (ae_policy_limit_empty(&new.limit)) {
        ae_policy_limit(policy, &new.limit);
        new.scope = id;
    }

    new.set_by = new.scope;

    right = ae_merge_right(m, value->name);

    if (right == NULL) {
        return;
    }

    if (right->acl) {
        ae_merge_per_api_limit(&new, right);

        new.endpoints = ae_policy_endpoints(m->arena, new.endpoints,
                                            right->endpoints, &m->failed);
    }

    new.next = right->next;
    *right = new;
}


static void
ae_merge_per_api_limit(ae_policy_right_t *right, const ae_policy_right_t *old)
{
    int                       updated;
    ae_policy_limit_t        *limit;
    const ae_policy_limit_t  *before;

    updated = 0;
    limit = &right->limit;
    before = &old->limit;

    if (ae_policy_duration(limit->rate, limit->per)
        > ae_policy_duration(before->rate, before->per))
    {
        limit->rate = before->rate;
        limit->per = before->per;
        updated = 1;
    }

    if (ae_policy_number(before->quota_max)
        != ae_policy_number(limit->quota_max)
        && ae_policy_greater(before->quota_max, limit->quota_max))
    {
        limit->quota_max = before->quota_max;
        updated = 1;
    }

    if (ae_policy_greater(before->quota_renewal_rate,
                          limit->quota_renewal_rate))
    {
        limit->quota_renewal_rate = before->quota_renewal_rate;
    }

    if (ae_policy_number(limit->quota_max) < 0) {
        limit->quota_renewal_rate = NULL;
    }

    if (updated) {
        right->set_by = old->set_by;
        right->scope = old->scope;
    }
}


static ae_policy_right_t *
ae_merge_right(ae_merge_t *m, ae_str_t api)
{
    ae_policy_right_t  *right;

    right = m->fresh ? NULL : ae_merge_find(m, api);

    if (right != NULL) {
        m->cursor = right;
        return right;
    }

    right = ae_arena_alloc(m->arena, sizeof(ae_policy_right_t));

    if (right == NULL) {
        m->failed = 1;
        return NULL;
    }

    right->api = api;

    if (m->last != NULL) {
        m->last->next = right;

    } else {
        m->rights = right;
    }

    m->last = right;

    return right;
}


/* policies mostly name the same APIs in the same order */

static ae_policy_right_t *
ae_merge_find(ae_merge_t *m, ae_str_t api)
{
    ae_policy_right_t  *right, *from;

    from = m->cursor ? m->cursor->next : m->rights;

    for (right = from; right != NULL; right = right->next) {
        if (ae_merge_same(right->api, api)) {
            return right;
        }
    }

    for (right = m->rights; right != from; right = right->next) {
        if (ae_merge_same(right->api, api)) {
            return right;
        }
    }

    return NULL;
}


static int
ae_merge_same(ae_str_t one, ae_str_t two)
{
    return one.len == two.len
           && (one.len == 0 || memcmp(one.data, two.data, one.len) == 0);
}


static void
ae_merge_meta(ae_merge_t *m, const ae_value_t *meta)
{
    ae_str_t           name;
    ae_value_t        *old, *next;
    const ae_value_t  *v;

    for (v = meta ? meta->first : NULL; v != NULL && !m->failed; v = v->next) {
        old = ae_value_find(m->meta, v->name);

        if (old == NULL) {
            m->failed = (ae_value_share(m->arena, m->meta, v->name, v)
                         != AE_OK);
            continue;
        }

        name = old->name;
        next = old->next;

        *old = *v;

        old->name = name;
        old->next = next;
    }
}


/* what no policy gives to an API is the session's */

static void
ae_merge_finish(ae_merge_t *m)
{
    int                 several;
    ae_policy_right_t  *right;

    several = ae_merge_several(m);

    for (right = m->rights; right != NULL; right = right->next) {

        if (!right->rate) {
            right->limit.rate = m->limit.rate;
            right->limit.per = m->limit.per;
            right->endpoints = NULL;
        }

        if (!right->quota) {
            right->limit.quota_max = m->limit.quota_max;
            right->limit.quota_renewal_rate = m->limit.quota_renewal_rate;
        }

        if (!right->complexity) {
            right->limit.max_query_depth = m->limit.max_query_depth;
        }

        if (several && right->scope.len == 0) {
            right->scope = right->set_by;
        }

        if (right->acl) {
            m->merged->granted = 1;
        }
    }

    ae_merge_single(m);
}


/* do the rights come from more than one policy */

static int
ae_merge_several(const ae_merge_t *m)
{
    const ae_policy_right_t  *right, *first;

    first = NULL;

    for (right = m->rights; right != NULL; right = right->next) {

        if (right->set_by.len == 0) {
            continue;
        }

        if (first == NULL) {
            first = right;

        } else if (!ae_merge_same(first->set_by, right->set_by)) {
            return 1;
        }
    }

    return 0;
}


/* limits of the only API are the session's too */

static void
ae_merge_single(ae_merge_t *m)
{
    size_t              nrate, nquota, ncomplexity;
    ae_policy_right_t  *right, *only;

    nrate = 0;
    nquota = 0;
    ncomplexity = 0;
    only = NULL;

    for (right = m->rights; right != NULL; right = right->next) {
        nrate += right->rate;
        nquota += right->quota;
        ncomplexity += right->complexity;

        if (right->acl) {
            only = right;
        }
    }

    if (only != NULL && nrate == 1 && nquota == 1 && ncomplexity == 1) {
        m->limit = only->limit;
    }
}
