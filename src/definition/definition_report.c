/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A definition may ask for more than there is.  What would change how requests
 * are treated is named once, in one line; what merely informs is not.
 */


#include "definition/definition_private.h"


static ngx_int_t ngx_http_apievents_report_fields(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *const *paths);
static const ae_value_t *ngx_http_apievents_report_find(const ae_value_t *map,
    const char *path);
static ngx_uint_t ngx_http_apievents_report_effective(const ae_value_t *v);
static ngx_int_t ngx_http_apievents_report_versions(
    ngx_http_apievents_definition_t *def);
static ngx_uint_t ngx_http_apievents_report_known(const ae_str_t *name);
static ngx_int_t ngx_http_apievents_report_extended(
    ngx_http_apievents_definition_t *def, const ae_value_t *version);


/* facts: Tyk's section 4 and its schema */

static const char *const  ngx_http_apievents_reported_paths[] = {
    "auth.use_certificate",
    "auth.validate_signature",
    "auth_configs.authToken.use_certificate",
    "auth_configs.authToken.validate_signature",
    "cache_options.enable_cache",
    "client_certificates",
    "custom_middleware.auth_check.name",
    "custom_middleware.id_extractor.extract_from",
    "custom_middleware.post",
    "custom_middleware.post_key_auth",
    "custom_middleware.pre",
    "custom_middleware.response",
    "custom_middleware_bundle",
    "custom_plugin_auth_enabled",
    "definition.enabled",
    "definition.url_versioning_pattern",
    "enable_batch_request_support",
    "enable_context_vars",
    "enable_coprocess_auth",
    "enable_jwt",
    "enable_signature_checking",
    "error_overrides",
    "external_oauth.enabled",
    "graphql.enabled",
    "notifications.oauth_on_keychange_url",
    "pinned_public_keys",
    "request_signing.is_enabled",
    "response_processors",
    "session_lifetime",
    "upstream_auth.enabled",
    "upstream_certificates",
    "uptime_tests.check_list",
    "use_basic_auth",
    "use_go_plugin_auth",
    "use_mutual_tls_auth",
    "use_oauth2",
    "use_openid",
    NULL
};

/* of a definition whose location is written by hand, or generated */

static const char *const  ngx_http_apievents_written_paths[] = {
    "internal",
    NULL
};

static const char *const  ngx_http_apievents_generated_paths[] = {
    "domain",
    "proxy.check_host_against_uptime_tests",
    "proxy.service_discovery.use_discovery_service",
    "proxy.transport.proxy_url",
    "proxy.transport.ssl_ciphers",
    "proxy.transport.ssl_force_common_name_check",
    "proxy.transport.ssl_max_version",
    "proxy.transport.ssl_min_version",
    NULL
};

/* of extended_paths, those that are no news */

static const char *const  ngx_http_apievents_extended_names[] = {
    "black_list",
    "circuit_breakers",
    "hard_timeouts",
    "ignored",
    "mock_response",
    "rate_limit",
    "size_limits",
    "white_list",
    NULL
};


/* each name once */

ngx_int_t
ngx_http_apievents_definition_ignore(ngx_http_apievents_definition_t *def,
    ngx_str_t *name)
{
    ngx_str_t   *s;
    ngx_uint_t   i;

    s = def->ignored.elts;

    for (i = 0; i < def->ignored.nelts; i++) {
        if (s[i].len == name->len
            && ngx_memcmp(s[i].data, name->data, name->len) == 0)
        {
            return NGX_OK;
        }
    }

    s = ngx_array_push(&def->ignored);
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->len = name->len;
    s->data = ngx_pstrdup(def->cf->pool, name);

    return (s->data == NULL) ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_apievents_definition_report(ngx_http_apievents_definition_t *def)
{
    u_char      *p, *text;
    size_t       len;
    ngx_str_t   *s;
    ngx_uint_t   i;

    if (ngx_http_apievents_report_fields(def, def->root,
                                         ngx_http_apievents_reported_paths)
        != NGX_OK
        || ngx_http_apievents_report_fields(def, def->root,
                                        def->service
                                        ? ngx_http_apievents_generated_paths
                                        : ngx_http_apievents_written_paths)
           != NGX_OK
        || ngx_http_apievents_report_versions(def) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (def->ignored.nelts == 0) {
        return NGX_OK;
    }

    len = 0;
    s = def->ignored.elts;

    for (i = 0; i < def->ignored.nelts; i++) {
        len += s[i].len + 2;
    }

    text = ngx_pnalloc(def->cf->pool, len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = text;

    for (i = 0; i < def->ignored.nelts; i++) {
        p = ngx_sprintf(p, i ? ", %V" : "%V", &s[i]);
    }

    ngx_log_error(NGX_LOG_WARN, def->cf->log, 0,
                  "not supported and ignored in definition \"%V\": %*s",
                  &def->place.file.name, p - text, text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_report_fields(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *const *paths)
{
    ngx_str_t   name;
    ngx_uint_t  i;

    for (i = 0; paths[i] != NULL; i++) {

        if (!ngx_http_apievents_report_effective(
                             ngx_http_apievents_report_find(map, paths[i])))
        {
            continue;
        }

        name.data = (u_char *) paths[i];
        name.len = ngx_strlen(paths[i]);

        if (ngx_http_apievents_definition_ignore(def, &name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static const ae_value_t *
ngx_http_apievents_report_find(const ae_value_t *map, const char *path)
{
    size_t  len;

    for ( ;; ) {
        len = strcspn(path, ".");

        map = ae_value_find(map, (ae_str_t) { len, (u_char *) path });

        if (map == NULL || path[len] == '\0') {
            return map;
        }

        path += len + 1;
    }
}


/* a date of "-1" is Tyk's never */

static ngx_uint_t
ngx_http_apievents_report_effective(const ae_value_t *v)
{
    if (v == NULL) {
        return 0;
    }

    switch (v->type) {

    case AE_BOOL:
        return v->boolean;

    case AE_NUMBER:
        return v->number != 0;

    case AE_STRING:
        return v->s.len != 0
               && !(v->s.len == 2 && ngx_strncmp(v->s.data, "-1", 2) == 0);

    case AE_ARRAY:
    case AE_MAP:
        return v->count != 0;

    default: /* AE_NULL */
        return 0;
    }
}


static ngx_int_t
ngx_http_apievents_report_versions(ngx_http_apievents_definition_t *def)
{
    const ae_value_t  *versions, *v;

    versions = ngx_http_apievents_report_find(def->root,
                                              "version_data.versions");

    if (versions == NULL || versions->type != AE_MAP || versions->count == 0) {
        return NGX_OK;
    }

    for (v = versions->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_report_extended(def, v) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_apievents_report_known(const ae_str_t *name)
{
    const char *const *p;

    for (p = ngx_http_apievents_extended_names; *p != NULL; p++) {

        if (ngx_strlen(*p) == name->len
            && ngx_strncmp(*p, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_apievents_report_extended(ngx_http_apievents_definition_t *def,
    const ae_value_t *version)
{
    u_char            *p;
    ngx_str_t          name;
    const ae_value_t  *use, *paths, *v;

    use = ngx_http_apievents_report_find(version, "use_extended_paths");
    paths = ngx_http_apievents_report_find(version, "extended_paths");

    if (paths == NULL || paths->type != AE_MAP
        || (use != NULL && !ngx_http_apievents_report_effective(use)))
    {
        return NGX_OK;
    }

    for (v = paths->first; v != NULL; v = v->next) {

        if (!ngx_http_apievents_report_effective(v)
            || ngx_http_apievents_report_known(&v->name))
        {
            continue;
        }

        name.len = sizeof("extended_paths.") - 1 + v->name.len;

        p = ngx_pnalloc(def->cf->pool, name.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        name.data = p;

        p = ngx_cpymem(p, "extended_paths.", sizeof("extended_paths.") - 1);
        ngx_memcpy(p, v->name.data, v->name.len);

        if (ngx_http_apievents_definition_ignore(def, &name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
