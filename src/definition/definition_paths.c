/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Paths of a version: which are free of keys, allowed or forbidden, and which
 * are answered from the definition (as in Tyk).
 */


#include "definition/definition_private.h"


static ngx_int_t ngx_http_apievents_paths_plain(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_array_t **list);
static ngx_int_t ngx_http_apievents_paths_list(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_array_t **list);
static ngx_int_t ngx_http_apievents_paths_actions(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const ae_value_t *actions, ngx_array_t *list);
static ngx_int_t ngx_http_apievents_paths_mocks(
    ngx_http_apievents_definition_t *def, const ae_value_t *map);
static ngx_int_t ngx_http_apievents_paths_closed(
    ngx_http_apievents_definition_t *def, const ae_value_t *map);
static ngx_int_t ngx_http_apievents_paths_reply(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *body, ngx_http_apievents_path_t *path);
static ngx_int_t ngx_http_apievents_reply_headers(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_reply_t *reply);
static ngx_int_t ngx_http_apievents_paths_push(ngx_conf_t *cf,
    ngx_array_t **list, ngx_http_apievents_path_t *path);


ngx_int_t
ngx_http_apievents_definition_paths(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_lists_t *lists)
{
    ae_value_t  *plain, *extended;
    ngx_flag_t   use, caseless;

    use = NGX_CONF_UNSET;
    caseless = 0;

    if (ngx_http_apievents_entry_bool(def, map, "use_extended_paths", &use)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "ignore_endpoint_case",
                                         &caseless)
           != NGX_OK
        || ngx_http_apievents_entry(def, map, "paths", AE_MAP, &plain)
           != NGX_OK
        || ngx_http_apievents_entry(def, map, "extended_paths", AE_MAP,
                                    &extended)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    def->caseless = caseless;
    def->lists = lists;

    if (use == 0) {
        extended = NULL;
    }

    if (ngx_http_apievents_definition_extended(def, map, extended) != NGX_OK
        || ngx_http_apievents_definition_headers(def, map, extended) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* where nobody says which of them are used, nothing that forbids may be
     * left out: both are */

    if ((use != 1 || extended == NULL)
        && (ngx_http_apievents_paths_plain(def, plain, "ignored",
                                           &lists->ignored)
            != NGX_OK
            || ngx_http_apievents_paths_plain(def, plain, "black_list",
                                              &lists->black)
               != NGX_OK
            || ngx_http_apievents_paths_plain(def, plain, "white_list",
                                              &lists->white)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (extended == NULL) {
        return NGX_OK;
    }

    if (ngx_http_apievents_paths_mocks(def, extended) != NGX_OK
        || ngx_http_apievents_paths_closed(def, extended) != NGX_OK
        || ngx_http_apievents_paths_list(def, extended, "ignored",
                                         &lists->ignored)
           != NGX_OK
        || ngx_http_apievents_paths_list(def, extended, "black_list",
                                         &lists->black)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_paths_list(def, extended, "white_list",
                                         &lists->white);
}


static ngx_int_t
ngx_http_apievents_paths_plain(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_array_t **list)
{
    ae_value_t                 *array, *v;
    ngx_http_apievents_path_t   path;

    if (ngx_http_apievents_entry(def, map, name, AE_ARRAY, &array) != NGX_OK) {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING, name) != NGX_OK
            || ngx_http_apievents_definition_pattern(def, v, name, 0, &path)
               != NGX_OK
            || ngx_http_apievents_paths_push(def->cf, list, &path) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_paths_list(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_array_t **list)
{
    ngx_int_t                   rc;
    ae_value_t                 *array, *v, *actions;
    ngx_http_apievents_path_t   path;

    if (ngx_http_apievents_entry(def, map, name, AE_ARRAY, &array) != NGX_OK) {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        rc = ngx_http_apievents_definition_endpoint(def, v, name, &path);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc != NGX_OK
            || ngx_http_apievents_entry(def, v, "method_actions", AE_MAP,
                                        &actions)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (*list == NULL) {
            *list = ngx_array_create(def->cf->pool, 4,
                                     sizeof(ngx_http_apievents_path_t));
            if (*list == NULL) {
                return NGX_ERROR;
            }
        }

        if (actions != NULL) {
            rc = ngx_http_apievents_paths_actions(def, v, actions, *list);

        } else {
            rc = ngx_http_apievents_paths_push(def->cf, list, &path);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a method that is not there is none of the list's; an action that nobody
 * knows forbids */

static ngx_int_t
ngx_http_apievents_paths_actions(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const ae_value_t *actions, ngx_array_t *list)
{
    ngx_int_t                   rc;
    ngx_str_t                   action;
    const ae_value_t           *v;
    ngx_http_apievents_path_t   path;

    for (v = actions->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_MAP, "method_actions")
            != NGX_OK
            || ngx_http_apievents_entry_string(def, v, "action", &action)
               != NGX_OK
            || ngx_http_apievents_definition_endpoint(def, map, "path", &path)
               != NGX_OK
            || ngx_http_apievents_definition_copy(def, &v->name,
                                                  &path.method)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (action.len == 0) {
            ngx_str_set(&action, "");
        }

        if (ngx_strcmp(action.data, "no_action") == 0) {
            rc = ngx_http_apievents_paths_push(def->cf, &list, &path);

        } else if (ngx_strcmp(action.data, "reply") == 0) {
            rc = ngx_http_apievents_paths_reply(def, v, "data", &path);

        } else {
            rc = ngx_http_apievents_paths_push(def->cf, &def->lists->black,
                                               &path);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_paths_mocks(ngx_http_apievents_definition_t *def,
    const ae_value_t *map)
{
    ngx_int_t                   rc;
    ae_value_t                 *array, *v;
    ngx_http_apievents_path_t   path;

    if (ngx_http_apievents_entry(def, map, "mock_response", AE_ARRAY, &array)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        rc = ngx_http_apievents_definition_method(def, v, "mock_response",
                                                  &path);

        if (rc == NGX_OK) {
            rc = ngx_http_apievents_paths_reply(def, v, "body", &path);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Tyk's own requests may come there, no client's */

static ngx_int_t
ngx_http_apievents_paths_closed(ngx_http_apievents_definition_t *def,
    const ae_value_t *map)
{
    ngx_int_t                   rc;
    ae_value_t                 *array, *v;
    ngx_http_apievents_path_t   path;

    if (ngx_http_apievents_entry(def, map, "internal", AE_ARRAY, &array)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        rc = ngx_http_apievents_definition_method(def, v, "internal", &path);

        if (rc == NGX_OK) {
            rc = ngx_http_apievents_paths_push(def->cf, &def->lists->closed,
                                               &path);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_paths_reply(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *body, ngx_http_apievents_path_t *path)
{
    double                       code;
    ae_value_t                  *v;
    ngx_http_apievents_reply_t  *reply;

    if (def->more->replies == NULL) {
        def->more->replies = ngx_array_create(def->cf->pool, 4,
                                          sizeof(ngx_http_apievents_reply_t));
        if (def->more->replies == NULL) {
            return NGX_ERROR;
        }
    }

    reply = ngx_array_push(def->more->replies);
    if (reply == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(reply, sizeof(ngx_http_apievents_reply_t));

    reply->path = *path;
    reply->version = def->lists->version;

    code = 0;

    if (ngx_http_apievents_definition_number(def, map, "code", 599,
                                             "a status from 200 to 599",
                                             &code)
        != NGX_OK
        || ngx_http_apievents_entry_string(def, map, body, &reply->body)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    reply->status = (code == 0) ? NGX_HTTP_OK : (ngx_uint_t) code;

    if (code != 0 && code < 200) {
        v = ae_value_get(map, "code");
        ngx_http_apievents_entry_error(def, v, "code",
                                       "a status from 200 to 599");
        return NGX_ERROR;
    }

    return ngx_http_apievents_reply_headers(def, map, reply);
}


static ngx_int_t
ngx_http_apievents_reply_headers(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_reply_t *reply)
{
    ae_value_t    *headers, *v;
    ngx_keyval_t  *kv;

    if (ngx_http_apievents_entry(def, map, "headers", AE_MAP, &headers)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    reply->headers = ngx_array_create(def->cf->pool, 2, sizeof(ngx_keyval_t));
    if (reply->headers == NULL) {
        return NGX_ERROR;
    }

    for (v = headers ? headers->first : NULL; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING, "headers")
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        kv = ngx_array_push(reply->headers);
        if (kv == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_definition_copy(def, &v->name, &kv->key)
            != NGX_OK
            || ngx_http_apievents_definition_copy(def, &v->s, &kv->value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_valid_header(&kv->key, &kv->value) != NGX_OK
            || ngx_http_apievents_framing_header(&kv->key))
        {
            ngx_http_apievents_entry_error(def, v, "headers",
                                           "names and values of headers that "
                                           "do not frame the message");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_paths_push(ngx_conf_t *cf, ngx_array_t **list,
    ngx_http_apievents_path_t *path)
{
    ngx_http_apievents_path_t  *p;

    if (*list == NULL) {
        *list = ngx_array_create(cf->pool, 4,
                                 sizeof(ngx_http_apievents_path_t));
        if (*list == NULL) {
            return NGX_ERROR;
        }
    }

    p = ngx_array_push(*list);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = *path;

    return NGX_OK;
}
