/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A definition may ask for more than there is.  What would change how requests
 * are treated is named once, in one line; what merely informs is not.
 */


#include "definition/definition_private.h"


/* a member that is named, unless a switch beside it is off, or one is on */

typedef struct {
    const char                     *path;
    const char                     *on;
    const char                     *off;
} ngx_http_apievents_reported_t;


static ngx_int_t ngx_http_apievents_report_fields(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const ngx_http_apievents_reported_t *reported);
static ngx_uint_t ngx_http_apievents_report_asks(const ae_value_t *map,
    const ngx_http_apievents_reported_t *reported);
static const ae_value_t *ngx_http_apievents_report_find(const ae_value_t *map,
    const char *path);
static ngx_uint_t ngx_http_apievents_report_effective(const ae_value_t *v);
static ngx_uint_t ngx_http_apievents_report_entry(const ae_value_t *v);
static ngx_uint_t ngx_http_apievents_report_is(const char *const *names,
    const ae_str_t *name);
static ngx_int_t ngx_http_apievents_report_versions(
    ngx_http_apievents_definition_t *def);
static ngx_int_t ngx_http_apievents_report_extended(
    ngx_http_apievents_definition_t *def, const ae_value_t *version);


/* as in Tyk and its schema */

static const ngx_http_apievents_reported_t  ngx_http_apievents_reported[] = {
    { "application_protocol", NULL, NULL },
    { "auth.use_certificate", NULL, NULL },
    { "auth.validate_signature", NULL, NULL },
    { "auth_configs.authToken.use_certificate", NULL, NULL },
    { "auth_configs.authToken.validate_signature", NULL, NULL },
    { "cache_options.enable_cache",
      "cache_options.cache_all_safe_requests", NULL },
    { "client_certificates", NULL, NULL },
    { "custom_middleware.auth_check.name", NULL,
      "custom_middleware.auth_check.disabled" },
    { "custom_middleware.id_extractor.extract_from", NULL,
      "custom_middleware.id_extractor.disabled" },
    { "custom_middleware.post", NULL, NULL },
    { "custom_middleware.post_key_auth", NULL, NULL },
    { "custom_middleware.pre", NULL, NULL },
    { "custom_middleware.response", NULL, NULL },
    { "custom_middleware_bundle", NULL, "custom_middleware_bundle_disabled" },
    { "custom_plugin_auth_enabled", NULL, NULL },
    { "definition.enabled", NULL, NULL },
    { "enable_batch_request_support", NULL, NULL },
    { "enable_context_vars", NULL, NULL },
    { "enable_coprocess_auth", NULL, NULL },
    { "enable_jwt", NULL, NULL },
    { "enable_signature_checking", NULL, NULL },
    { "error_overrides", NULL, "error_overrides_disabled" },
    { "external_oauth.enabled", NULL, NULL },
    { "graphql.enabled", NULL, NULL },
    { "json_rpc_version", NULL, NULL },
    { "notifications.oauth_on_keychange_url", NULL, NULL },
    { "pinned_public_keys", NULL, "certificate_pinning_disabled" },
    { "request_signing.is_enabled", NULL, NULL },
    { "response_processors", NULL, NULL },
    { "session_lifetime", NULL, NULL },
    { "upstream_auth.enabled", NULL, NULL },
    { "upstream_certificates", NULL, "upstream_certificates_disabled" },
    { "uptime_tests.check_list", NULL, "uptime_tests.disabled" },
    { "use_basic_auth", NULL, NULL },
    { "use_go_plugin_auth", NULL, NULL },
    { "use_mutual_tls_auth", NULL, NULL },
    { "use_oauth2", NULL, NULL },
    { "use_openid", NULL, NULL },
    { NULL, NULL, NULL }
};

/* of a definition whose location is written by hand, or generated */

static const ngx_http_apievents_reported_t  ngx_http_apievents_written[] = {
    { "internal", NULL, NULL },
    { NULL, NULL, NULL }
};

static const ngx_http_apievents_reported_t  ngx_http_apievents_generated[] = {
    { "certificates", NULL, NULL },
    { "enable_proxy_protocol", NULL, NULL },
    { "listen_port", NULL, NULL },
    { "protocol", NULL, NULL },
    { "proxy.check_host_against_uptime_tests", NULL, NULL },
    { "proxy.service_discovery.use_discovery_service", NULL, NULL },
    { "proxy.transport.proxy_url", NULL, NULL },
    { "proxy.transport.ssl_ciphers", NULL, NULL },
    { "proxy.transport.ssl_force_common_name_check", NULL, NULL },
    { "proxy.transport.ssl_max_version", NULL, NULL },
    { "proxy.transport.ssl_min_version", NULL, NULL },
    { NULL, NULL, NULL }
};

/* values of members, or names of processors, that ask for nothing */

static const char *const  ngx_http_apievents_plain_values[] = {
    "-1",                                   /* Tyk's date that is never */
    "http",
    "https",
    NULL
};

static const char *const  ngx_http_apievents_plain_processors[] = {
    "header_injector",
    "response_body_transform",
    NULL
};

/* of extended_paths, those that are no news */

static const char *const  ngx_http_apievents_extended_names[] = {
    "black_list",
    "circuit_breakers",
    "hard_timeouts",
    "ignored",
    "internal",
    "mock_response",
    "rate_limit",
    "size_limits",
    "transform_headers",
    "transform_response_headers",
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
                                         ngx_http_apievents_reported)
        != NGX_OK
        || ngx_http_apievents_report_fields(def, def->root,
                                        def->service
                                        ? ngx_http_apievents_generated
                                        : ngx_http_apievents_written)
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
    const ae_value_t *map, const ngx_http_apievents_reported_t *reported)
{
    ngx_str_t  name;

    for ( /* void */ ; reported->path != NULL; reported++) {

        if (!ngx_http_apievents_report_asks(map, reported)) {
            continue;
        }

        name.data = (u_char *) reported->path;
        name.len = ngx_strlen(reported->path);

        if (ngx_http_apievents_definition_ignore(def, &name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_apievents_report_asks(const ae_value_t *map,
    const ngx_http_apievents_reported_t *reported)
{
    const ae_value_t  *v, *on, *off;

    v = ngx_http_apievents_report_find(map, reported->path);
    on = v;
    off = NULL;

    if (reported->on != NULL) {
        on = ngx_http_apievents_report_find(map, reported->on);
    }

    if (reported->off != NULL) {
        off = ngx_http_apievents_report_find(map, reported->off);
    }

    return ngx_http_apievents_report_effective(v)
           && ngx_http_apievents_report_effective(on)
           && !ngx_http_apievents_report_effective(off);
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


static ngx_uint_t
ngx_http_apievents_report_effective(const ae_value_t *v)
{
    const ae_value_t  *entry;

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
               && !ngx_http_apievents_report_is(
                                         ngx_http_apievents_plain_values,
                                         &v->s);

    case AE_ARRAY:

        for (entry = v->first; entry != NULL; entry = entry->next) {
            if (ngx_http_apievents_report_entry(entry)) {
                return 1;
            }
        }

        return 0;

    case AE_MAP:
        return v->count != 0;

    default: /* AE_NULL */
        return 0;
    }
}


/* those that are disabled, or processors which do what paths tell them */

static ngx_uint_t
ngx_http_apievents_report_entry(const ae_value_t *v)
{
    const ae_value_t  *name;

    if (v->type != AE_MAP) {
        return v->type != AE_NULL;
    }

    if (ngx_http_apievents_report_effective(ae_value_get(v, "disabled"))) {
        return 0;
    }

    name = ae_value_get(v, "name");

    return !(name != NULL && name->type == AE_STRING
             && ngx_http_apievents_report_is(
                                         ngx_http_apievents_plain_processors,
                                         &name->s)
             && !ngx_http_apievents_report_effective(
                                               ae_value_get(v, "options")));
}


static ngx_uint_t
ngx_http_apievents_report_is(const char *const *names, const ae_str_t *name)
{
    for ( /* void */ ; *names != NULL; names++) {

        if (ngx_strlen(*names) == name->len
            && ngx_strncmp(*names, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
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
            || ngx_http_apievents_report_is(ngx_http_apievents_extended_names,
                                            &v->name))
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
