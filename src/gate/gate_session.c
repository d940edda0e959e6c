/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a session may do at an API: its limits there, and the paths and methods
 * that it may call or that have limits of their own (as in Tyk).  The
 * limits are worked out with the session; gate_right_lists.c compiles the
 * lists of an API at its first request.
 */


#include "gate/gate_private.h"


static void ngx_http_apievents_right_fill(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session, ngx_http_apievents_right_t *right,
    ae_value_t *value);
static ngx_uint_t ngx_http_apievents_right_limited(const ae_value_t *limit);
static int ngx_libc_cdecl ngx_http_apievents_right_sort(const void *one,
    const void *two);
static int ngx_http_apievents_right_compare(
    const ngx_http_apievents_right_t *one,
    const ngx_http_apievents_right_t *two);


ngx_int_t
ngx_http_apievents_rights_fill(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session)
{
    ngx_uint_t                   i, n;
    ae_value_t                  *v;
    ngx_http_apievents_right_t  *rights;

    if (session->access_rights == NULL || session->access_rights->count == 0) {
        return NGX_OK;
    }

    rights = ae_arena_alloc(session->arena, session->access_rights->count
                                        * sizeof(ngx_http_apievents_right_t));
    if (rights == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (v = session->access_rights->first; v != NULL; v = v->next) {
        rights[n].order = n;
        ngx_http_apievents_right_fill(zone, session, &rights[n++], v);
    }

    qsort(rights, n, sizeof(ngx_http_apievents_right_t),
          ngx_http_apievents_right_sort);

    session->rights = rights;

    /* of a name that is there twice the last counts */

    for (i = 0; i < n; i++) {

        if (session->nrights == 0
            || ngx_http_apievents_right_compare(&rights[session->nrights - 1],
                                                &rights[i])
               != 0)
        {
            session->nrights++;
        }

        rights[session->nrights - 1] = rights[i];
    }

    return NGX_OK;
}


/*
 * A limit of its own stands for all of the session's.  Its counters are the
 * API's alone, unless a scope is named; a session's limits that hold here have
 * the session's counters, unless a scope is named.  Limits of policies have
 * the session's counters too: they name a scope where that is not meant.
 */

static void
ngx_http_apievents_right_fill(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session, ngx_http_apievents_right_t *right,
    ae_value_t *value)
{
    ae_value_t  *v;

    right->api = *(ngx_str_t *) &value->name;
    right->value = value;
    right->rate = session->rate;
    right->quota = session->quota;
    right->rate_id = session->rate_id;
    right->quota_id = session->quota_id;

    v = ae_value_get(value, "limit");

    if (ngx_http_apievents_right_limited(v)) {
        ngx_http_apievents_limit_rules(v, &right->rate, &right->quota);
        right->limited = 1;

        if (!session->granted) {
            right->scope = right->api;
        }
    }

    v = ae_value_get(value, "allowance_scope");

    if (v != NULL && v->type == AE_STRING && v->s.len != 0) {
        right->scope = *(ngx_str_t *) &v->s;
    }

    if (right->scope.len == 0) {
        return;
    }

    right->quota_id = ngx_http_apievents_session_limit_id(zone, session,
                                                          "quota",
                                                          &right->scope);
    right->rate_id = ae_table_beside(right->quota_id);
}


/* what older versions write is all there, and zero */

static ngx_uint_t
ngx_http_apievents_right_limited(const ae_value_t *limit)
{
    const ae_value_t  *v;

    if (limit == NULL || limit->type != AE_MAP) {
        return 0;
    }

    for (v = limit->first; v != NULL; v = v->next) {

        if (v->type == AE_NUMBER && v->number != 0) {
            return 1;
        }
    }

    return 0;
}


static int ngx_libc_cdecl
ngx_http_apievents_right_sort(const void *one, const void *two)
{
    int                                rc;
    const ngx_http_apievents_right_t  *first, *second;

    first = one;
    second = two;

    rc = ngx_http_apievents_right_compare(first, second);

    if (rc != 0) {
        return rc;
    }

    return (first->order > second->order) - (first->order < second->order);
}


static int
ngx_http_apievents_right_compare(const ngx_http_apievents_right_t *one,
    const ngx_http_apievents_right_t *two)
{
    if (one->api.len != two->api.len) {
        return (one->api.len < two->api.len) ? -1 : 1;
    }

    return ngx_memcmp(one->api.data, two->api.data, one->api.len);
}


ngx_http_apievents_right_t *
ngx_http_apievents_right_find(ngx_http_apievents_session_t *session,
    ngx_str_t *api)
{
    int                         rc;
    ngx_uint_t                  low, high, middle;
    ngx_http_apievents_right_t  wanted;

    wanted.api = *api;
    low = 0;
    high = session->nrights;

    while (low < high) {
        middle = low + (high - low) / 2;

        rc = ngx_http_apievents_right_compare(&wanted,
                                              &session->rights[middle]);
        if (rc == 0) {
            return &session->rights[middle];
        }

        if (rc < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_apievents_right_allows(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                     i, n;
    ngx_http_apievents_allowed_t  *allowed;

    if (d->right->nurls == 0) {
        return 1;
    }

    for (i = 0; i < d->right->nurls; i++) {
        allowed = &d->right->urls[i];

        for (n = 0; n < allowed->nmethods; n++) {

            if (allowed->methods[n].len == r->method_name.len
                && ngx_strncmp(allowed->methods[n].data, r->method_name.data,
                               r->method_name.len)
                   == 0)
            {
                break;
            }
        }

        if (n < allowed->nmethods
            && ngx_http_apievents_path_match(r, d, &allowed->path))
        {
            return 1;
        }
    }

    return 0;
}


/* the first that matches; of the case of its method nothing depends */

ngx_http_apievents_rated_t *
ngx_http_apievents_right_endpoint(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                   i;
    ngx_http_apievents_path_t    path;
    ngx_http_apievents_rated_t  *endpoint;

    for (i = 0; i < d->right->nendpoints; i++) {
        endpoint = &d->right->endpoints[i];

        if (endpoint->path.method.len != r->method_name.len
            || ngx_strncasecmp(endpoint->path.method.data,
                               r->method_name.data, r->method_name.len)
               != 0)
        {
            continue;
        }

        path = endpoint->path;
        path.method.len = 0;

        if (ngx_http_apievents_path_match(r, d, &path)) {
            return endpoint;
        }
    }

    return NULL;
}
