/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The routes of the management API: what a path and a method mean, and who
 * may use them.
 */


#include "manage/manage_object.h"


typedef struct {
    ngx_uint_t                      method;
    const char                     *path[NGX_HTTP_APIEVENTS_SEGMENTS];
    ngx_http_apievents_admin_pt     handler;
    unsigned                        integration:1;  /* that role may, too */
} ngx_http_apievents_admin_route_t;


static ngx_int_t ngx_http_apievents_admin_path(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_raw(ngx_http_request_t *r,
    ngx_str_t *path);
static ngx_uint_t ngx_http_apievents_admin_same(u_char *p, u_char *last,
    u_char *q, u_char *end);
static ngx_int_t ngx_http_apievents_admin_split(
    ngx_http_apievents_admin_t *a, u_char *p, u_char *last);
static ngx_int_t ngx_http_apievents_admin_segment(
    ngx_http_apievents_admin_t *a, u_char *p, size_t len,
    ngx_uint_t escaped);
static ngx_uint_t ngx_http_apievents_admin_matches(
    ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_admin_route_t *route);
static ngx_uint_t ngx_http_apievents_admin_allowed(
    ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_admin_route_t *route);


/* "*": any one segment; "@": the path of a collection, which says itself who
 * may write */

static const ngx_http_apievents_admin_route_t
    ngx_http_apievents_admin_routes[] =
{
    { NGX_HTTP_GET, { "openapi.json" }, ngx_http_apievents_admin_openapi, 0 },
    { NGX_HTTP_GET, { "keys" }, ngx_http_apievents_admin_keys, 0 },
    { NGX_HTTP_POST, { "keys" }, ngx_http_apievents_admin_key_create, 1 },
    { NGX_HTTP_POST, { "keys", "create" },
      ngx_http_apievents_admin_key_create, 1 },
    { NGX_HTTP_POST, { "keys", "preview" },
      ngx_http_apievents_admin_key_preview, 1 },
    { NGX_HTTP_POST, { "keys", "policy", "*" },
      ngx_http_apievents_admin_key_policy, 1 },
    { NGX_HTTP_GET, { "keys", "*" }, ngx_http_apievents_admin_key, 0 },
    { NGX_HTTP_POST, { "keys", "*" }, ngx_http_apievents_admin_key_post, 1 },
    { NGX_HTTP_PUT, { "keys", "*" }, ngx_http_apievents_admin_key_put, 1 },
    { NGX_HTTP_DELETE, { "keys", "*" },
      ngx_http_apievents_admin_key_delete, 1 },

    { NGX_HTTP_GET, { "org", "keys" }, ngx_http_apievents_admin_orgs, 0 },
    { NGX_HTTP_GET, { "org", "keys", "*" }, ngx_http_apievents_admin_org, 0 },
    { NGX_HTTP_POST, { "org", "keys", "*" },
      ngx_http_apievents_admin_org_post, 0 },
    { NGX_HTTP_PUT, { "org", "keys", "*" },
      ngx_http_apievents_admin_org_put, 0 },
    { NGX_HTTP_DELETE, { "org", "keys", "*" },
      ngx_http_apievents_admin_org_delete, 0 },

    { NGX_HTTP_GET, { "reload" }, ngx_http_apievents_admin_reload, 0 },
    { NGX_HTTP_POST, { "reload" }, ngx_http_apievents_admin_reload, 0 },
    { NGX_HTTP_GET, { "reload", "group" },
      ngx_http_apievents_admin_reload, 0 },
    { NGX_HTTP_POST, { "reload", "group" },
      ngx_http_apievents_admin_reload, 0 },
    { NGX_HTTP_GET, { "health" }, ngx_http_apievents_admin_minute, 0 },

    { NGX_HTTP_GET, { "deliveries" },
      ngx_http_apievents_admin_deliveries, 0 },
    { NGX_HTTP_POST, { "deliveries", "*", "retry" },
      ngx_http_apievents_admin_retry, 0 },
    { NGX_HTTP_GET, { "dead-letters" }, ngx_http_apievents_admin_dead, 0 },
    { NGX_HTTP_POST, { "dead-letters", "replay" },
      ngx_http_apievents_admin_dead_replay, 0 },

    { NGX_HTTP_GET, { "events" }, ngx_http_apievents_admin_events, 0 },
    { NGX_HTTP_GET, { "events", "stream" },
      ngx_http_apievents_admin_stream, 0 },
    { NGX_HTTP_GET, { "events", "types" },
      ngx_http_apievents_admin_event_types, 0 },
    { NGX_HTTP_POST, { "events", "replay" },
      ngx_http_apievents_admin_replay, 0 },
    { NGX_HTTP_GET, { "events", "*" },
      ngx_http_apievents_admin_event_get, 0 },
    { NGX_HTTP_POST, { "events", "*", "replay" },
      ngx_http_apievents_admin_event_replay, 0 },

    { NGX_HTTP_GET, { "endpoints" }, ngx_http_apievents_admin_endpoints, 0 },
    { NGX_HTTP_GET, { "endpoints", "*" },
      ngx_http_apievents_admin_endpoint, 0 },
    { NGX_HTTP_POST, { "endpoints" },
      ngx_http_apievents_admin_endpoint_create, 0 },
    { NGX_HTTP_PUT, { "endpoints", "*" },
      ngx_http_apievents_admin_endpoint_put, 0 },
    { NGX_HTTP_DELETE, { "endpoints", "*" },
      ngx_http_apievents_admin_endpoint_delete, 0 },
    { NGX_HTTP_POST, { "endpoints", "*", "rotate" },
      ngx_http_apievents_admin_endpoint_rotate, 0 },
    { NGX_HTTP_POST, { "endpoints", "*", "enable" },
      ngx_http_apievents_admin_enable, 0 },
    { NGX_HTTP_POST, { "endpoints", "*", "disable" },
      ngx_http_apievents_admin_disable, 0 },
    { NGX_HTTP_POST, { "endpoints", "*", "ping" },
      ngx_http_apievents_admin_ping, 0 },

    { NGX_HTTP_GET, { "breakers" }, ngx_http_apievents_admin_breakers, 0 },
    { NGX_HTTP_GET, { "breakers", "*" },
      ngx_http_apievents_admin_breaker, 0 },
    { NGX_HTTP_POST, { "breakers", "*", "force" },
      ngx_http_apievents_admin_breaker_force, 0 },

    { NGX_HTTP_GET, { "callbacks", "*", "history" },
      ngx_http_apievents_admin_callback_history, 0 },
    { NGX_HTTP_POST, { "callbacks", "*", "test" },
      ngx_http_apievents_admin_callback_test, 0 },

    { NGX_HTTP_POST, { "key-requests", "*", "approve" },
      ngx_http_apievents_admin_request_approve, 1 },
    { NGX_HTTP_POST, { "key-requests", "*", "decline" },
      ngx_http_apievents_admin_request_decline, 1 },
    { NGX_HTTP_POST, { "policies", "*" },
      ngx_http_apievents_admin_object_create, 1 },

    { NGX_HTTP_GET, { "@" }, ngx_http_apievents_admin_objects, 0 },
    { NGX_HTTP_POST, { "@" }, ngx_http_apievents_admin_object_create, 0 },
    { NGX_HTTP_GET, { "@", "*" }, ngx_http_apievents_admin_object, 0 },
    { NGX_HTTP_PUT, { "@", "*" }, ngx_http_apievents_admin_object_put, 0 },
    { NGX_HTTP_DELETE, { "@", "*" },
      ngx_http_apievents_admin_object_delete, 0 },

    { 0, { NULL }, NULL, 0 }
};


ngx_int_t
ngx_http_apievents_admin_route(ngx_http_apievents_admin_t *a)
{
    ngx_uint_t                               known;
    const ngx_http_apievents_admin_route_t  *route;

    if (ngx_http_apievents_hops(a->request) >= NGX_HTTP_APIEVENTS_HOPS) {
        ngx_log_error(NGX_LOG_WARN, a->request->connection->log, 0,
                      "management call refused: callbacks go round in a "
                      "loop");

        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_CONFLICT,
                                              "callbacks go round in a loop: "
                                              "X-Api-Events-Hops");
    }

    if (ngx_http_apievents_admin_path(a) != NGX_OK) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                              "there is nothing of that "
                                              "name");
    }

    known = 0;

    for (route = ngx_http_apievents_admin_routes;
         route->handler != NULL;
         route++)
    {
        if (!ngx_http_apievents_admin_matches(a, route)) {
            continue;
        }

        known = 1;

        if (a->request->method != route->method
            && !(a->request->method == NGX_HTTP_HEAD
                 && route->method == NGX_HTTP_GET))
        {
            continue;
        }

        if (!ngx_http_apievents_admin_allowed(a, route)) {
            return ngx_http_apievents_admin_error(a->request,
                                                  NGX_HTTP_FORBIDDEN,
                                                  "role \"admin\" is "
                                                  "expected");
        }

        return route->handler(a);
    }

    if (known) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_NOT_ALLOWED,
                                              "Method not supported");
    }

    return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                          "there is nothing of that name");
}


static ngx_uint_t
ngx_http_apievents_admin_allowed(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_admin_route_t *route)
{
    if (route->method == NGX_HTTP_GET
        || a->user->role == NGX_HTTP_APIEVENTS_ADMIN)
    {
        return 1;
    }

    if (a->user->role != NGX_HTTP_APIEVENTS_INTEGRATION) {
        return 0;
    }

    return route->path[0][0] == '@'
           ? ngx_http_apievents_collection(&a->segments[0])->integration
           : route->integration;
}


/*
 * The segments behind the location's own path; a slash at the end is none.
 * Ids may have any characters, a slash as %2F, which nginx' own path has lost:
 * it is split as it was sent, if nothing but the escapes tells the two apart.
 */

static ngx_int_t
ngx_http_apievents_admin_path(ngx_http_apievents_admin_t *a)
{
    ngx_str_t                  path, *name;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(a->request, ngx_http_core_module);
    name = &clcf->name;

    if (ngx_http_apievents_admin_raw(a->request, &path) == NGX_OK
        && path.len >= name->len
        && ngx_memcmp(path.data, name->data, name->len) == 0)
    {
        a->raw_path = 1;

    } else {
        path = a->request->uri;
    }

    return ngx_http_apievents_admin_split(a, path.data
                                             + ngx_min(name->len, path.len),
                                          path.data + path.len);
}


static ngx_int_t
ngx_http_apievents_admin_raw(ngx_http_request_t *r, ngx_str_t *path)
{
    u_char  *p, *src, *dst, *end;

    *path = r->unparsed_uri;

    end = ngx_strlchr(path->data, path->data + path->len, '?');

    if (end != NULL) {
        path->len = end - path->data;
    }

    p = ngx_pnalloc(r->pool, path->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    src = path->data;
    dst = p;

    ngx_unescape_uri(&dst, &src, path->len, 0);

    return ngx_http_apievents_admin_same(p, dst, r->uri.data,
                                         r->uri.data + r->uri.len)
           ? NGX_OK : NGX_DECLINED;
}


/* nginx makes one slash of several */

static ngx_uint_t
ngx_http_apievents_admin_same(u_char *p, u_char *last, u_char *q, u_char *end)
{
    while (p < last && q < end && *p == *q) {
        p++;
        q++;

        if (p[-1] == '/') {
            while (p < last && *p == '/') {
                p++;
            }

            while (q < end && *q == '/') {
                q++;
            }
        }
    }

    return p == last && q == end;
}


static ngx_int_t
ngx_http_apievents_admin_split(ngx_http_apievents_admin_t *a, u_char *p,
    u_char *last)
{
    u_char  *begin;

    while (p < last) {

        if (*p == '/') {
            p++;
            continue;
        }

        begin = p;

        while (p < last && *p != '/') {
            p++;
        }

        if (ngx_http_apievents_admin_segment(a, begin, p - begin,
                                             a->raw_path)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_admin_segment(ngx_http_apievents_admin_t *a, u_char *p,
    size_t len, ngx_uint_t escaped)
{
    u_char     *dst;
    ngx_str_t  *s;

    if (a->nsegments == NGX_HTTP_APIEVENTS_SEGMENTS) {
        return NGX_DECLINED;
    }

    s = &a->segments[a->nsegments++];

    if (!escaped) {
        s->data = p;
        s->len = len;
        return NGX_OK;
    }

    s->data = ngx_pnalloc(a->request->pool, len);
    if (s->data == NULL) {
        return NGX_ERROR;
    }

    dst = s->data;
    ngx_unescape_uri(&dst, &p, len, 0);
    s->len = dst - s->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_apievents_admin_matches(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_admin_route_t *route)
{
    ngx_str_t    *s;
    ngx_uint_t    i;
    const char   *name;

    for (i = 0; i < NGX_HTTP_APIEVENTS_SEGMENTS; i++) {
        name = route->path[i];

        if (name == NULL || i == a->nsegments) {
            return name == NULL && i == a->nsegments;
        }

        s = &a->segments[i];

        if (name[0] == '@') {

            if (ngx_http_apievents_collection(s) == NULL) {
                return 0;
            }

            continue;
        }

        if (name[0] != '*'
            && (ngx_strlen(name) != s->len
                || ngx_strncmp(name, s->data, s->len) != 0))
        {
            return 0;
        }
    }

    return i == a->nsegments;
}
