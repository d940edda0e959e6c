/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * An entry of extended_paths: a pattern, a method, and what is asked for them.
 */


#include "definition/definition_private.h"


ngx_int_t
ngx_http_apievents_definition_copy(ngx_http_apievents_definition_t *def,
    const ae_str_t *from, ngx_str_t *to)
{
    to->len = from->len;
    to->data = ngx_pnalloc(def->cf->pool, from->len + 1);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    if (from->len != 0) {
        ngx_memcpy(to->data, from->data, from->len);
    }

    to->data[to->len] = '\0';

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_definition_pattern(ngx_http_apievents_definition_t *def,
    const ae_value_t *v, const char *name, ngx_uint_t caseless,
    ngx_http_apievents_path_t *path)
{
    ngx_int_t  rc;
    ngx_str_t  text, err;

    if (ngx_http_apievents_definition_copy(def, &v->s, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    /* as in Tyk, such a pattern is found in no path */

    if (strspn((char *) text.data, "^$") == text.len) {
        def->place.line = v->line;
        ngx_conf_log_error(NGX_LOG_WARN, def->cf, 0,
                           "\"%s\" with an empty \"path\" is for no request",
                           name);

        ngx_str_set(&text, "(?!)");
    }

    rc = ngx_http_apievents_path_compile(def->cf->pool, &text, 't',
                                         caseless || def->caseless, path,
                                         &err);

    if (rc == NGX_DECLINED) {
        def->place.line = v->line;
        ngx_conf_log_error(NGX_LOG_EMERG, def->cf, 0,
                           "invalid pattern in \"%s\": %V", name, &err);
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_apievents_definition_endpoint(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_http_apievents_path_t *path)
{
    ngx_str_t    method;
    ngx_flag_t   disabled, caseless;
    ae_value_t  *v;

    disabled = 0;
    caseless = 0;

    if (ngx_http_apievents_entry_expect(def, map, AE_MAP, name) != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "disabled", &disabled)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "ignore_case", &caseless)
           != NGX_OK
        || ngx_http_apievents_entry_string(def, map, "method", &method)
           != NGX_OK
        || ngx_http_apievents_entry(def, map, "path", AE_STRING, &v)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (disabled) {
        return NGX_DECLINED;
    }

    if (v == NULL) {
        ngx_http_apievents_entry_error(def, map, "path", "a string");
        return NGX_ERROR;
    }

    if (ngx_http_apievents_definition_pattern(def, v, name, caseless, path)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    path->method = method;

    return NGX_OK;
}


/* as in Tyk */

ngx_int_t
ngx_http_apievents_definition_method(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_http_apievents_path_t *path)
{
    ngx_int_t  rc;

    rc = ngx_http_apievents_definition_endpoint(def, map, name, path);

    if (rc != NGX_OK || path->method.len != 0) {
        return rc;
    }

    def->place.line = map->line;

    ngx_conf_log_error(NGX_LOG_WARN, def->cf, 0,
                       "\"%s\" without \"method\" is for no request", name);

    return NGX_DECLINED;
}
