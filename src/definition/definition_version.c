/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * version_data and definition: which versions there are, how one is named,
 * when it ends (as in Tyk).
 */


#include "definition/definition_private.h"


static ngx_int_t ngx_http_apievents_version_single(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const ae_value_t **single);
static ngx_int_t ngx_http_apievents_version_source(
    ngx_http_apievents_definition_t *def, ngx_str_t *name);
static ngx_int_t ngx_http_apievents_version_location(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_str_t *name);
static ngx_int_t ngx_http_apievents_version_pattern(
    ngx_http_apievents_definition_t *def, const ae_value_t *map);
static const ae_value_t *ngx_http_apievents_version_map(
    ngx_http_apievents_definition_t *def);
static ngx_int_t ngx_http_apievents_version_all(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const ae_value_t *single);
static ngx_int_t ngx_http_apievents_version_one(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_uint_t single);
static ngx_int_t ngx_http_apievents_version_rules(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_str_t *name);
static void ngx_http_apievents_version_unserved(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const ae_value_t *single);
static ngx_uint_t ngx_http_apievents_version_serves(const ae_value_t *map,
    const ae_value_t *single);
static ngx_int_t ngx_http_apievents_version_ends(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, time_t *expires);


ngx_int_t
ngx_http_apievents_definition_versions(ngx_http_apievents_definition_t *def)
{
    ngx_str_t          name;
    ngx_flag_t         plain;
    ae_value_t        *data, *map;
    const ae_value_t  *single;

    plain = 0;
    single = NULL;

    if (ngx_http_apievents_entry(def, def->root, "version_data", AE_MAP,
                                 &data)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, data, "not_versioned", &plain)
           != NGX_OK
        || ngx_http_apievents_entry_string(def, data, "default_version",
                                           &name)
           != NGX_OK
        || ngx_http_apievents_entry(def, data, "versions", AE_MAP, &map)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (data == NULL && ae_value_get(def->root, "expiration") == NULL) {
        return NGX_OK;
    }

    def->gcf->versions = ngx_http_apievents_versions_create(def->cf->pool);
    if (def->gcf->versions == NULL) {
        return NGX_ERROR;
    }

    if (map == NULL || map->count == 0) {
        return ngx_http_apievents_version_one(def, NULL, 1);
    }

    if (plain) {
        if (ngx_http_apievents_version_single(def, map, &single) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ngx_http_apievents_version_source(def, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_version_all(def, map, single);
}


/* Tyk would refuse every request; here it is an error of the start */

static ngx_int_t
ngx_http_apievents_version_single(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const ae_value_t **single)
{
    ngx_uint_t                i, n;
    const ae_value_t         *v;

    static const char *const  names[] = { "", "default", "Default", NULL };

    if (map->count == 1) {
        *single = map->first;
        return NGX_OK;
    }

    n = 0;

    for (i = 0; names[i] != NULL; i++) {
        v = ae_value_get(map, names[i]);

        if (v != NULL) {
            *single = v;
            n++;
        }
    }

    if (n == 1) {
        return NGX_OK;
    }

    ngx_http_apievents_entry_error(def, map, "versions",
                                   "one version, or one named \"Default\", "
                                   "where \"not_versioned\" is true");
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_version_source(ngx_http_apievents_definition_t *def,
    ngx_str_t *name)
{
    ae_value_t                     *map;
    ngx_flag_t                      fallback, strip, path;
    ngx_http_apievents_versions_t  *versions;

    versions = def->gcf->versions;

    fallback = 0;
    strip = 0;
    path = 0;

    versions->fallback = *name;

    if (ngx_http_apievents_entry(def, def->root, "definition", AE_MAP, &map)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "fallback_to_default",
                                         &fallback)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "strip_versioning_data",
                                         &strip)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "strip_path", &path)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    versions->unknown = fallback;
    versions->strip = strip;

    if (ngx_http_apievents_version_location(def, map, name) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the older word, which is for paths only */

    if (versions->source == 'u' && path) {
        versions->strip = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_version_location(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_str_t *name)
{
    ngx_str_t                       location, key;
    const ae_value_t               *v;
    ngx_http_apievents_versions_t  *versions;

    versions = def->gcf->versions;

    if (ngx_http_apievents_entry_string(def, map, "location", &location)
        != NGX_OK
        || ngx_http_apievents_entry_string(def, map, "key", &key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (key.len == 0) {
        ngx_str_set(&key, "x-api-version");
    }

    versions->name = key;

    if (location.len == 0) {
        ngx_str_set(&location, "");
    }

    if (ngx_strcmp(location.data, "header") == 0) {
        versions->source = 'h';
        versions->name.data = ngx_pnalloc(def->cf->pool, key.len + 1);

        if (versions->name.data == NULL) {
            return NGX_ERROR;
        }

        ngx_strlow(versions->name.data, key.data, key.len);

        return NGX_OK;
    }

    if (ngx_strcmp(location.data, "url-param") == 0) {
        versions->source = 'q';
        return NGX_OK;
    }

    if (ngx_strcmp(location.data, "url") == 0) {
        versions->source = 'u';
        return ngx_http_apievents_version_pattern(def, map);
    }

    /* without a place to look at, only the default can be served, or one that
     * is alone */

    if (location.len == 0
        && (name->len != 0
            || ngx_http_apievents_version_map(def)->count == 1))
    {
        return NGX_OK;
    }

    v = ae_value_get(map, "location");

    if (v == NULL) {
        v = map ? map : ae_value_get(def->root, "version_data");
    }

    ngx_http_apievents_entry_error(def, v, "location",
                                   "\"header\", \"url-param\" or \"url\", or "
                                   "\"not_versioned\"");
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_version_pattern(ngx_http_apievents_definition_t *def,
    const ae_value_t *map)
{
    ngx_int_t                  rc;
    ngx_str_t                  text, err;
    ngx_http_apievents_path_t  path;

    static const char          name[] = "url_versioning_pattern";

    if (ngx_http_apievents_entry_string(def, map, name, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_apievents_path_compile(def->cf->pool, &text, 'r', 0, &path,
                                         &err);

    if (rc == NGX_DECLINED) {
        def->place.line = ae_value_get(map, name)->line;
        ngx_conf_log_error(NGX_LOG_EMERG, def->cf, 0,
                           "invalid pattern in \"%s\": %V", name, &err);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    def->gcf->versions->pattern = path.regex;

    return NGX_OK;
}


static const ae_value_t *
ngx_http_apievents_version_map(ngx_http_apievents_definition_t *def)
{
    return ae_value_get(ae_value_get(def->root, "version_data"), "versions");
}


static ngx_int_t
ngx_http_apievents_version_all(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const ae_value_t *single)
{
    ngx_str_t                      *name;
    const ae_value_t               *v;
    ngx_http_apievents_versions_t  *versions;

    versions = def->gcf->versions;
    name = &versions->fallback;

    if (name->len != 0
        && ae_value_find(map, (ae_str_t) { name->len, name->data }) == NULL)
    {
        v = ae_value_get(ae_value_get(def->root, "version_data"),
                         "default_version");
        ngx_http_apievents_entry_error(def, v, "default_version",
                                       "one of \"versions\"");
        return NGX_ERROR;
    }

    if (single == NULL && versions->source == 0) {
        single = name->len ? ae_value_find(map, (ae_str_t) { name->len,
                                                             name->data })
                           : map->first;
    }

    for (v = map->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_MAP, "versions")
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_version_serves(v, single)
            && ngx_http_apievents_version_one(def, v, single != NULL)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_apievents_version_unserved(def, map, single);

    return NGX_OK;
}


/* no request names a version with an empty name */

static ngx_uint_t
ngx_http_apievents_version_serves(const ae_value_t *map,
    const ae_value_t *single)
{
    return (single != NULL) ? map == single : map->name.len != 0;
}


static void
ngx_http_apievents_version_unserved(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const ae_value_t *single)
{
    u_char            *p, *last, text[NGX_MAX_CONF_ERRSTR];
    const ae_value_t  *v;

    p = text;
    last = text + NGX_MAX_CONF_ERRSTR;

    for (v = map->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_version_serves(v, single)) {
            p = ngx_slprintf(p, last, "%s\"%*s\"", p == text ? "" : ", ",
                             v->name.len, v->name.data);
        }
    }

    if (p == text) {
        return;
    }

    def->place.line = map->line;

    ngx_conf_log_error(NGX_LOG_WARN, def->cf, 0,
                       "versions that the definition does not serve, and "
                       "whose rules never hold: %*s", p - text, text);
}


static ngx_int_t
ngx_http_apievents_version_one(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_uint_t single)
{
    ngx_int_t                      rc;
    ngx_str_t                      all;
    ngx_http_apievents_version_t  *version;

    version = ngx_array_push(def->gcf->versions->versions);
    if (version == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(version, sizeof(ngx_http_apievents_version_t));

    if (map != NULL
        && ngx_http_apievents_definition_copy(def, &map->name, &version->name)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* as in Tyk: an API without versions expires as a whole */

    if (single) {
        rc = ngx_http_apievents_version_ends(def, def->root, "expiration",
                                             &version->expires);

    } else {
        rc = ngx_http_apievents_version_ends(def, map, "expires",
                                             &version->expires);
    }

    if (rc != NGX_OK || map == NULL) {
        return rc;
    }

    /* what an API without versions says holds for whatever version a directive
     * beside it serves */

    ngx_str_null(&all);

    return ngx_http_apievents_version_rules(def, map,
                                            single ? &all : &version->name);
}


static ngx_int_t
ngx_http_apievents_version_rules(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_str_t *name)
{
    ngx_array_t                 *all;
    ngx_http_apievents_lists_t  *lists;

    all = def->more->lists;

    if (all == NULL) {
        all = ngx_array_create(def->cf->pool, 1,
                               sizeof(ngx_http_apievents_lists_t));
        if (all == NULL) {
            return NGX_ERROR;
        }

        def->more->lists = all;
    }

    lists = ngx_array_push(all);
    if (lists == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(lists, sizeof(ngx_http_apievents_lists_t));

    lists->version = *name;

    return ngx_http_apievents_definition_paths(def, map, lists);
}


static ngx_int_t
ngx_http_apievents_version_ends(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, time_t *expires)
{
    ngx_str_t  text;

    if (ngx_http_apievents_entry_string(def, map, name, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0 || ngx_strcmp(text.data, "-1") == 0) {
        return NGX_OK;
    }

    *expires = ngx_http_apievents_version_date(&text);

    if (*expires != NGX_ERROR) {
        return NGX_OK;
    }

    /* Tyk lets nothing pass then */

    *expires = 1;

    def->place.line = ae_value_get(map, name)->line;

    ngx_conf_log_error(NGX_LOG_WARN, def->cf, 0,
                       "\"%s\" is no date, expected such as "
                       "\"2006-01-02 15:04\" in UTC: what it ends is taken as "
                       "expired", name);

    return NGX_OK;
}
