/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a version does to headers, how large its requests may be, and a target
 * of its own.
 */


#include "definition/definition_private.h"


#define NGX_HTTP_APIEVENTS_SIZE_MAX  1e15


static ngx_int_t ngx_http_apievents_version_headers(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_uint_t answer);
static ngx_int_t ngx_http_apievents_headers_paths(
    ngx_http_apievents_definition_t *def, const ae_value_t *extended,
    ngx_uint_t answer);
static ngx_int_t ngx_http_apievents_headers_entry(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_uint_t answer);
static ngx_int_t ngx_http_apievents_headers_set(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_uint_t answer);
static ngx_int_t ngx_http_apievents_headers_remove(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_uint_t answer);
static ngx_http_apievents_header_t *ngx_http_apievents_headers_add(
    ngx_http_apievents_definition_t *def, const ae_value_t *v,
    const ae_str_t *name, ngx_uint_t answer);
static ngx_uint_t ngx_http_apievents_headers_variable(const ae_str_t *value);
static ngx_int_t ngx_http_apievents_version_sizes(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const ae_value_t *extended);
static ngx_int_t ngx_http_apievents_version_size(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_http_apievents_path_t *path);
static ngx_int_t ngx_http_apievents_version_target(
    ngx_http_apievents_definition_t *def, const ae_value_t *map);


ngx_int_t
ngx_http_apievents_definition_headers(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const ae_value_t *extended)
{
    if (ngx_http_apievents_version_headers(def, map, 0) != NGX_OK
        || ngx_http_apievents_version_headers(def, map, 1) != NGX_OK
        || ngx_http_apievents_headers_paths(def, extended, 0) != NGX_OK
        || ngx_http_apievents_headers_paths(def, extended, 1) != NGX_OK
        || ngx_http_apievents_version_sizes(def, map, extended) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_version_target(def, map);
}


/* as in Tyk, what is removed may be set again */

static ngx_int_t
ngx_http_apievents_version_headers(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_uint_t answer)
{
    ngx_flag_t  disabled;

    disabled = 0;

    if (ngx_http_apievents_entry_bool(def, map,
                                      answer
                                      ? "global_response_headers_disabled"
                                      : "global_headers_disabled",
                                      &disabled)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (disabled) {
        return NGX_OK;
    }

    if (ngx_http_apievents_headers_remove(def, map,
                                          answer
                                          ? "global_response_headers_remove"
                                          : "global_headers_remove",
                                          answer)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_headers_set(def, map,
                                          answer ? "global_response_headers"
                                                 : "global_headers",
                                          answer);
}


/* of single paths, on top of those of all */

static ngx_int_t
ngx_http_apievents_headers_paths(ngx_http_apievents_definition_t *def,
    const ae_value_t *extended, ngx_uint_t answer)
{
    ae_value_t  *array, *v;
    const char  *name;

    name = answer ? "transform_response_headers" : "transform_headers";

    if (ngx_http_apievents_entry(def, extended, name, AE_ARRAY, &array)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {
        if (ngx_http_apievents_headers_entry(def, v, name, answer) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_headers_entry(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_uint_t answer)
{
    ngx_int_t                  rc;
    ngx_http_apievents_path_t  path;

    rc = ngx_http_apievents_definition_method(def, map, name, &path);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    def->path = &path;
    def->entry++;

    rc = ngx_http_apievents_headers_remove(def, map, "delete_headers", answer);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_headers_set(def, map, "add_headers", answer);
    }

    def->path = NULL;

    return rc;
}


static ngx_int_t
ngx_http_apievents_headers_remove(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_uint_t answer)
{
    ae_value_t  *array, *v;

    if (ngx_http_apievents_entry(def, map, name, AE_ARRAY, &array) != NGX_OK) {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING, name) != NGX_OK
            || ngx_http_apievents_headers_add(def, v, &v->s, answer) == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* values with variables of Tyk's are left out, and named */

static ngx_int_t
ngx_http_apievents_headers_set(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_uint_t answer)
{
    ngx_str_t                     s;
    ae_value_t                   *headers, *v;
    ngx_http_apievents_header_t  *header;

    if (ngx_http_apievents_entry(def, map, name, AE_MAP, &headers) != NGX_OK) {
        return NGX_ERROR;
    }

    for (v = headers ? headers->first : NULL; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING, name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_headers_variable(&v->s)) {
            s.data = (u_char *) name;

            if (def->path != NULL) {
                s.data = (u_char *) (answer
                                  ? "extended_paths.transform_response_headers"
                                  : "extended_paths.transform_headers");
            }

            s.len = ngx_strlen(s.data);

            if (ngx_http_apievents_definition_ignore(def, &s) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        header = ngx_http_apievents_headers_add(def, v, &v->name, answer);

        if (header == NULL
            || ngx_http_apievents_definition_copy(def, &v->s, &header->value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_valid_header(&header->name, &header->value)
            != NGX_OK)
        {
            ngx_http_apievents_entry_error(def, v, name,
                                           "values without line ends");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_apievents_header_t *
ngx_http_apievents_headers_add(ngx_http_apievents_definition_t *def,
    const ae_value_t *v, const ae_str_t *name, ngx_uint_t answer)
{
    ngx_str_t                     none;
    ngx_http_apievents_header_t  *header;

    ngx_str_set(&none, "");

    if (def->more->headers == NULL) {
        def->more->headers = ngx_array_create(def->cf->pool, 4,
                                         sizeof(ngx_http_apievents_header_t));
        if (def->more->headers == NULL) {
            return NULL;
        }
    }

    header = ngx_array_push(def->more->headers);
    if (header == NULL) {
        return NULL;
    }

    ngx_memzero(header, sizeof(ngx_http_apievents_header_t));

    header->version = def->lists->version;
    header->answer = answer;

    if (def->path != NULL) {
        header->path = *def->path;
        header->entry = def->entry;
    }

    if (ngx_http_apievents_definition_copy(def, name, &header->name) != NGX_OK
        || ngx_http_apievents_definition_copy(def, name, &header->lowcase)
           != NGX_OK)
    {
        return NULL;
    }

    ngx_strlow(header->lowcase.data, header->lowcase.data,
               header->lowcase.len);

    if (ngx_http_apievents_valid_header(&header->name, &none) != NGX_OK
        || ngx_http_apievents_framing_header(&header->name))
    {
        ngx_http_apievents_entry_error(def, v, "headers",
                                       "names of headers that do not frame "
                                       "the message");
        return NULL;
    }

    return header;
}


static ngx_uint_t
ngx_http_apievents_headers_variable(const ae_str_t *value)
{
    return value->len != 0
           && (ngx_strnstr((u_char *) value->data, "$tyk_", value->len) != NULL
               || ngx_strnstr((u_char *) value->data, "$secret_", value->len)
                  != NULL);
}


static ngx_int_t
ngx_http_apievents_version_sizes(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const ae_value_t *extended)
{
    ngx_int_t                   rc;
    ngx_flag_t                  disabled;
    ae_value_t                 *array, *v;
    ngx_http_apievents_path_t   path;

    disabled = 0;

    if (ngx_http_apievents_entry_bool(def, map, "global_size_limit_disabled",
                                      &disabled)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&path, sizeof(ngx_http_apievents_path_t));

    if (!disabled
        && ngx_http_apievents_version_size(def, map, "global_size_limit",
                                           &path)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (extended == NULL) {
        return NGX_OK;
    }

    if (ngx_http_apievents_entry(def, extended, "size_limits", AE_ARRAY,
                                 &array)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        rc = ngx_http_apievents_definition_method(def, v, "size_limits",
                                                  &path);

        if (rc == NGX_OK) {
            rc = ngx_http_apievents_version_size(def, v, "size_limit", &path);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_version_size(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_http_apievents_path_t *path)
{
    double                      n;
    ngx_http_apievents_size_t  *size;

    n = 0;

    if (ngx_http_apievents_definition_number(def, map, name,
                                             NGX_HTTP_APIEVENTS_SIZE_MAX,
                                             "a number of bytes", &n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (n < 1) {
        return NGX_OK;
    }

    if (def->more->sizes == NULL) {
        def->more->sizes = ngx_array_create(def->cf->pool, 2,
                                           sizeof(ngx_http_apievents_size_t));
        if (def->more->sizes == NULL) {
            return NGX_ERROR;
        }
    }

    size = ngx_array_push(def->more->sizes);
    if (size == NULL) {
        return NGX_ERROR;
    }

    size->path = *path;
    size->version = def->lists->version;
    size->size = (off_t) n;

    return NGX_OK;
}


/* a location that is written by hand says itself where requests go */

static ngx_int_t
ngx_http_apievents_version_target(ngx_http_apievents_definition_t *def,
    const ae_value_t *map)
{
    ngx_str_t                    name;
    ae_value_t                  *v;
    ngx_http_apievents_base_t   *base;

    if (ngx_http_apievents_entry(def, map, "override_target", AE_STRING, &v)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (v == NULL || v->s.len == 0) {
        return NGX_OK;
    }

    if (def->service == NULL) {
        ngx_str_set(&name, "override_target");
        return ngx_http_apievents_definition_ignore(def, &name);
    }

    if (def->service->overrides == NULL) {
        def->service->overrides = ngx_array_create(def->cf->pool, 2,
                                           sizeof(ngx_http_apievents_base_t));
        if (def->service->overrides == NULL) {
            return NGX_ERROR;
        }
    }

    base = ngx_http_apievents_definition_base(def, def->service->overrides, v,
                                              "override_target");
    if (base == NULL) {
        return NGX_ERROR;
    }

    base->version = def->lists->version;

    return NGX_OK;
}
