/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The lists of a right to an API, of paths that may be called and of those
 * with limits of their own: checked where they are written, and compiled at
 * the first request that needs them.
 */


#include "gate/gate_private.h"


/* of one API; beyond it nobody's list is written by hand */
#define NGX_HTTP_APIEVENTS_RIGHT_MAX    1024
#define NGX_HTTP_APIEVENTS_REGEX_MAX    4096

/* a regex that is held against a path gives up after so many steps */
#define NGX_HTTP_APIEVENTS_REGEX_LIMIT  "(*LIMIT_MATCH=100000)"


static ngx_int_t ngx_http_apievents_right_urls(
    ngx_http_apievents_session_t *session, ngx_http_apievents_right_t *right,
    const ae_value_t *list);
static ngx_int_t ngx_http_apievents_right_methods(
    ngx_http_apievents_session_t *session,
    ngx_http_apievents_allowed_t *allowed, const ae_value_t *methods);
static ngx_int_t ngx_http_apievents_right_endpoints(
    ngx_http_apievents_zone_t *zone, ngx_http_apievents_session_t *session,
    ngx_http_apievents_right_t *right, const ae_value_t *list);
static ngx_int_t ngx_http_apievents_right_endpoint_add(
    ngx_http_apievents_zone_t *zone, ngx_http_apievents_session_t *session,
    ngx_http_apievents_right_t *right, ngx_http_apievents_path_t *path,
    const ae_value_t *method);
static ngx_int_t ngx_http_apievents_right_path(
    ngx_http_apievents_session_t *session, const ae_value_t *value,
    ngx_http_apievents_path_t *path);
static ngx_uint_t ngx_http_apievents_right_list(const ae_value_t *right,
    const char *name, const ae_value_t **list);

static ngx_int_t ngx_http_apievents_rights_check_list(ngx_pool_t *pool,
    ngx_rbtree_t *known, const ae_value_t *right, const char *list,
    const char *name, ae_error_t *err);
static ngx_int_t ngx_http_apievents_rights_check_regex(ngx_pool_t *pool,
    ngx_rbtree_t *known, const ae_value_t *value, const char *name,
    ae_error_t *err);


ngx_int_t
ngx_http_apievents_right_compile(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session, ngx_http_apievents_right_t *right)
{
    ngx_int_t          rc;
    const ae_value_t  *urls, *endpoints;

    if (right->broken) {
        return NGX_DECLINED;
    }

    if (right->compiled) {
        return NGX_OK;
    }

    rc = NGX_OK;

    if (ngx_http_apievents_right_list(right->value, "allowed_urls", &urls)) {
        rc = ngx_http_apievents_right_urls(session, right, urls);
    }

    if (rc == NGX_OK
        && ngx_http_apievents_right_list(right->value, "endpoints",
                                         &endpoints))
    {
        rc = ngx_http_apievents_right_endpoints(zone, session, right,
                                                endpoints);
    }

    right->compiled = (rc == NGX_OK);
    right->broken = (rc == NGX_DECLINED);

    return rc;
}


static ngx_uint_t
ngx_http_apievents_right_list(const ae_value_t *right, const char *name,
    const ae_value_t **list)
{
    *list = ae_value_get(right, name);

    return *list != NULL && (*list)->type == AE_ARRAY && (*list)->count != 0;
}


static ngx_int_t
ngx_http_apievents_right_urls(ngx_http_apievents_session_t *session,
    ngx_http_apievents_right_t *right, const ae_value_t *list)
{
    ngx_int_t                      rc;
    const ae_value_t              *v;
    ngx_http_apievents_allowed_t  *allowed;

    if (list->count > NGX_HTTP_APIEVENTS_RIGHT_MAX) {
        return NGX_DECLINED;
    }

    right->nurls = 0;
    right->urls = ae_arena_alloc(session->arena, list->count
                                      * sizeof(ngx_http_apievents_allowed_t));
    if (right->urls == NULL) {
        return NGX_ERROR;
    }

    for (v = list->first; v != NULL; v = v->next) {
        allowed = &right->urls[right->nurls++];

        rc = ngx_http_apievents_right_path(session, ae_value_get(v, "url"),
                                           &allowed->path);
        if (rc != NGX_OK) {
            return rc;
        }

        if (ngx_http_apievents_right_methods(session, allowed,
                                             ae_value_get(v, "methods"))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_right_methods(ngx_http_apievents_session_t *session,
    ngx_http_apievents_allowed_t *allowed, const ae_value_t *methods)
{
    const ae_value_t  *v;

    if (methods == NULL || methods->type != AE_ARRAY || methods->count == 0) {
        return NGX_OK;
    }

    allowed->methods = ae_arena_alloc(session->arena,
                                      methods->count * sizeof(ngx_str_t));
    if (allowed->methods == NULL) {
        return NGX_ERROR;
    }

    for (v = methods->first; v != NULL; v = v->next) {
        allowed->methods[allowed->nmethods++] = *(ngx_str_t *) &v->s;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_right_endpoints(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session, ngx_http_apievents_right_t *right,
    const ae_value_t *list)
{
    ngx_int_t                   rc;
    ngx_uint_t                  n;
    const ae_value_t           *v, *m, *methods;
    ngx_http_apievents_path_t   path;

    n = 0;

    for (v = list->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_right_list(v, "methods", &methods)) {
            n += methods->count;
        }
    }

    if (n > NGX_HTTP_APIEVENTS_RIGHT_MAX) {
        return NGX_DECLINED;
    }

    right->nendpoints = 0;
    right->endpoints = ae_arena_alloc(session->arena,
                                  n * sizeof(ngx_http_apievents_rated_t));
    if (right->endpoints == NULL) {
        return NGX_ERROR;
    }

    for (v = list->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_right_list(v, "methods", &methods)) {
            continue;
        }

        rc = ngx_http_apievents_right_path(session, ae_value_get(v, "path"),
                                           &path);

        for (m = methods->first; rc == NGX_OK && m != NULL; m = m->next) {
            rc = ngx_http_apievents_right_endpoint_add(zone, session, right,
                                                       &path, m);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* a counter of its own, beside that of the API's rate */

static ngx_int_t
ngx_http_apievents_right_endpoint_add(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session, ngx_http_apievents_right_t *right,
    ngx_http_apievents_path_t *path, const ae_value_t *method)
{
    ngx_str_t                    name;
    ae_buf_t                     b;
    ae_value_t                  *v;
    ae_limit_rule_t              quota;
    ngx_http_apievents_rated_t  *endpoint;

    v = ae_value_get(method, "name");

    if (v == NULL || v->type != AE_STRING || v->s.len == 0) {
        return NGX_OK;
    }

    endpoint = &right->endpoints[right->nendpoints];
    endpoint->path = *path;
    endpoint->path.method = *(ngx_str_t *) &v->s;

    ngx_http_apievents_limit_rules(ae_value_get(method, "limit"),
                                   &endpoint->rule, &quota);

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_REGEX_MAX * 2);
    ae_buf_put(&b, right->scope.data, right->scope.len);
    ae_buf_put(&b, "\0", 1);
    ae_buf_put(&b, v->s.data, v->s.len);
    ae_buf_puts(&b, ":");
    ae_buf_put(&b, path->text.data, path->text.len);

    if (b.failed) {
        ae_buf_free(&b);
        return NGX_ERROR;
    }

    name.len = b.len;
    name.data = b.data;

    endpoint->id = ngx_http_apievents_session_limit_id(zone, session,
                                                       "endpoint", &name);
    ae_buf_free(&b);
    right->nendpoints++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_right_path(ngx_http_apievents_session_t *session,
    const ae_value_t *value, ngx_http_apievents_path_t *path)
{
    ngx_int_t  rc;
    ngx_str_t  text, pattern, err;

    ngx_str_set(&text, "");

    if (value != NULL && value->type == AE_STRING) {
        text = *(ngx_str_t *) &value->s;
    }

    if (text.len > NGX_HTTP_APIEVENTS_REGEX_MAX) {
        return NGX_DECLINED;
    }

    if (session->pool == NULL) {
        session->pool = ngx_create_pool(1024, ngx_cycle->log);
        if (session->pool == NULL) {
            return NGX_ERROR;
        }
    }

    pattern.len = sizeof(NGX_HTTP_APIEVENTS_REGEX_LIMIT) - 1 + text.len;
    pattern.data = ngx_pnalloc(session->pool, pattern.len + 1);
    if (pattern.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(pattern.data, NGX_HTTP_APIEVENTS_REGEX_LIMIT "%V%Z", &text);

    rc = ngx_http_apievents_path_compile(session->pool, &pattern, 't', 0,
                                         path, &err);
    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "a session's pattern is of no use: %V", &err);
    }

    path->text = text;

    return rc;
}


ngx_int_t
ngx_http_apievents_rights_check(ngx_pool_t *pool, ngx_rbtree_t *known,
    const ae_value_t *rights, ae_error_t *err)
{
    const ae_value_t  *v;

    if (rights == NULL || rights->type != AE_MAP) {
        return NGX_OK;
    }

    for (v = rights->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_rights_check_list(pool, known, v,
                                                 "allowed_urls", "url", err)
            != NGX_OK
            || ngx_http_apievents_rights_check_list(pool, known, v,
                                                    "endpoints", "path", err)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_rights_check_list(ngx_pool_t *pool, ngx_rbtree_t *known,
    const ae_value_t *right, const char *list, const char *name,
    ae_error_t *err)
{
    ngx_uint_t         n;
    const ae_value_t  *v, *values, *methods;

    if (!ngx_http_apievents_right_list(right, list, &values)) {
        return NGX_OK;
    }

    n = 0;

    for (v = values->first; v != NULL; v = v->next) {
        n += 1;

        if (ngx_strcmp(list, "endpoints") == 0
            && ngx_http_apievents_right_list(v, "methods", &methods))
        {
            n += methods->count - 1;
        }

        if (n > NGX_HTTP_APIEVENTS_RIGHT_MAX) {
            err->line = v->line;
            ngx_snprintf((u_char *) err->text, sizeof(err->text),
                         "\"%s\" with at most %d entries is expected%Z", list,
                         NGX_HTTP_APIEVENTS_RIGHT_MAX);
            return NGX_ERROR;
        }

        if (ngx_http_apievents_rights_check_regex(pool, known,
                                                  ae_value_get(v, name), name,
                                                  err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_rights_check_regex(ngx_pool_t *pool, ngx_rbtree_t *known,
    const ae_value_t *value, const char *name, ae_error_t *err)
{
    uint32_t                    hash;
    ngx_str_t                   text, why;
    ngx_int_t                   rc;
    ngx_str_node_t             *node;
    ngx_http_apievents_path_t   path;

    if (value == NULL || value->type != AE_STRING) {
        return NGX_OK;
    }

    err->line = value->line;

    if (value->s.len > NGX_HTTP_APIEVENTS_REGEX_MAX) {
        ngx_snprintf((u_char *) err->text, sizeof(err->text),
                     "\"%s\" of at most %d bytes is expected%Z", name,
                     NGX_HTTP_APIEVENTS_REGEX_MAX);
        return NGX_ERROR;
    }

    text = *(ngx_str_t *) &value->s;
    hash = ngx_crc32_long(text.data, text.len);

    if (ngx_str_rbtree_lookup(known, &text, hash) != NULL) {
        return NGX_OK;
    }

    rc = NGX_ERROR;
    ngx_str_set(&why, "no memory");

    node = ngx_pcalloc(pool, sizeof(ngx_str_node_t));

    if (node != NULL) {
        node->node.key = hash;
        node->str.len = text.len;
        node->str.data = ngx_pstrdup(pool, &text);
    }

    if (node != NULL && node->str.data != NULL) {
        rc = ngx_http_apievents_path_compile(pool, &node->str, 't', 0, &path,
                                             &why);
    }

    if (rc != NGX_OK) {
        ngx_snprintf((u_char *) err->text, sizeof(err->text),
                     "\"%s\" must be a regular expression: %*s%Z", name,
                     ngx_min(why.len, sizeof(err->text) - 64), why.data);
        return NGX_ERROR;
    }

    ngx_rbtree_insert(known, &node->node);

    return NGX_OK;
}
