/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The proxy part of a definition, and the location that is made of it.  No
 * text of a definition becomes text of the configuration: the listen path is
 * an argument of "location", the rest is read when a request is passed on.
 */


#include "definition/definition_private.h"


#define NGX_HTTP_APIEVENTS_BASE_KEEPALIVE  32


static ngx_int_t ngx_http_apievents_proxy_flags(
    ngx_http_apievents_definition_t *def, const ae_value_t *proxy,
    ngx_flag_t *balance);
static ngx_int_t ngx_http_apievents_proxy_targets(
    ngx_http_apievents_definition_t *def, const ae_value_t *proxy);
static ngx_int_t ngx_http_apievents_proxy_target(
    ngx_http_apievents_definition_t *def, const ae_value_t *v);
static ngx_int_t ngx_http_apievents_proxy_origins(
    ngx_http_apievents_definition_t *def, ngx_array_t *bases);
static ngx_int_t ngx_http_apievents_proxy_verify(ngx_conf_t *cf,
    ngx_http_apievents_definition_t *def);
static ngx_http_apievents_base_t *ngx_http_apievents_proxy_tls(
    ngx_array_t *bases);
static char *ngx_http_apievents_definition_fill(ngx_conf_t *cf, void *data);


/* the headers are what Tyk's proxy would have sent; what is set here is no
 * more inherited, everything else of nginx's proxy module is */

static const char  ngx_http_apievents_location_text[] =
    "proxy_pass $apievents_pass;\n"
    "proxy_redirect off;\n"
    "proxy_http_version 1.1;\n"
    "proxy_set_header Host $apievents_pass_host;\n"
    "proxy_set_header Connection $apievents_pass_connection;\n"
    "proxy_set_header Upgrade $apievents_pass_upgrade;\n"
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
    "proxy_ssl_server_name on;\n"
    "proxy_ssl_name $apievents_pass_name;\n"
    "proxy_ssl_session_reuse off;\n";


ngx_int_t
ngx_http_apievents_definition_proxy(ngx_http_apievents_definition_t *def)
{
    ae_value_t                    *proxy, *v;
    ngx_flag_t                     balance;
    ngx_http_apievents_service_t  *service;

    service = def->service;

    v = ae_value_get(def->root, "x-tyk-api-gateway");

    if (v != NULL) {
        def->place.line = v->line;
        ngx_conf_log_error(NGX_LOG_EMERG, def->cf, 0,
                           "an OpenAPI document with \"x-tyk-api-gateway\" "
                           "is not supported, expected a classic definition");
        return NGX_ERROR;
    }

    if (ngx_http_apievents_entry(def, def->root, "proxy", AE_MAP, &proxy)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (proxy == NULL) {
        ngx_http_apievents_entry_error(def, def->root, "proxy", "an object");
        return NGX_ERROR;
    }

    service->bases = ngx_array_create(def->cf->pool, 1,
                                      sizeof(ngx_http_apievents_base_t));
    if (service->bases == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_definition_id(def, "api_id", &service->api)
        != NGX_OK
        || ngx_http_apievents_definition_listen(def, proxy) != NGX_OK
        || ngx_http_apievents_proxy_flags(def, proxy, &balance) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (balance) {
        return ngx_http_apievents_proxy_targets(def, proxy);
    }

    if (ngx_http_apievents_entry(def, proxy, "target_url", AE_STRING, &v)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (v == NULL) {
        ngx_http_apievents_entry_error(def, proxy, "target_url",
                                       "an absolute http:// or https:// URL");
        return NGX_ERROR;
    }

    return ngx_http_apievents_definition_base(def, service->bases, v,
                                              "target_url") == NULL
           ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_apievents_proxy_flags(ngx_http_apievents_definition_t *def,
    const ae_value_t *proxy, ngx_flag_t *balance)
{
    ae_value_t                    *transport;
    ngx_flag_t                     strip, preserve, keep, insecure;
    ngx_http_apievents_service_t  *service;

    *balance = 0;
    strip = 0;
    preserve = 0;
    keep = 0;
    insecure = 0;

    if (ngx_http_apievents_entry_bool(def, proxy, "strip_listen_path", &strip)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, proxy, "preserve_host_header",
                                         &preserve)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, proxy, "disable_strip_slash",
                                         &keep)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, proxy, "enable_load_balancing",
                                         balance)
           != NGX_OK
        || ngx_http_apievents_entry(def, proxy, "transport", AE_MAP,
                                    &transport)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, transport,
                                         "ssl_insecure_skip_verify",
                                         &insecure)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    service = def->service;

    service->strip = strip;
    service->preserve_host = preserve;
    service->keep_slash = keep;
    service->unverified = insecure;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_proxy_targets(ngx_http_apievents_definition_t *def,
    const ae_value_t *proxy)
{
    ae_value_t  *list, *v;

    if (ngx_http_apievents_entry(def, proxy, "target_list", AE_ARRAY, &list)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (list == NULL || list->count == 0) {
        ngx_http_apievents_entry_error(def, list ? list : proxy,
                                       "target_list",
                                       "at least one URL for "
                                       "\"enable_load_balancing\"");
        return NGX_ERROR;
    }

    for (v = list->first; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(def, v, AE_STRING, "target_list")
            != NGX_OK
            || ngx_http_apievents_proxy_target(def, v) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* as in Tyk, hosts of a list may stand without a scheme */

static ngx_int_t
ngx_http_apievents_proxy_target(ngx_http_apievents_definition_t *def,
    const ae_value_t *v)
{
    u_char      *p;
    ae_value_t   whole;

    whole = *v;

    if (ngx_strlcasestrn(v->s.data, v->s.data + v->s.len, (u_char *) "://",
                         3 - 1)
        == NULL)
    {
        whole.s.len = sizeof("http://") - 1 + v->s.len;
        whole.s.data = ngx_pnalloc(def->cf->pool, whole.s.len);
        if (whole.s.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(whole.s.data, "http://", sizeof("http://") - 1);

        if (v->s.len != 0) {
            ngx_memcpy(p, v->s.data, v->s.len);
        }
    }

    return ngx_http_apievents_definition_base(def, def->service->bases,
                                              &whole, "target_list")
           == NULL ? NGX_ERROR : NGX_OK;
}


ngx_http_apievents_base_t *
ngx_http_apievents_definition_base(ngx_http_apievents_definition_t *def,
    ngx_array_t *bases, const ae_value_t *v, const char *name)
{
    u_char                     *p, *last;
    ngx_str_t                   url, *uri;
    const char                 *err;
    ngx_http_apievents_base_t  *base;

    url.len = v->s.len;
    url.data = ngx_pnalloc(def->cf->pool, url.len + 1);
    if (url.data == NULL) {
        return NULL;
    }

    if (url.len != 0) {
        ngx_memcpy(url.data, v->s.data, url.len);
    }

    base = ngx_array_push(bases);
    if (base == NULL) {
        return NULL;
    }

    ngx_memzero(base, sizeof(ngx_http_apievents_base_t));

    err = ngx_http_apievents_parse_url(def->cf->pool, &url,
                                       &base->origin.target);
    if (err != NULL) {
        def->place.line = v->line;
        ngx_conf_log_error(NGX_LOG_EMERG, def->cf, 0,
                           "invalid \"%s\": %s", name, err);
        return NULL;
    }

    base->origin.target.keepalive = ngx_max(1, ngx_min(def->keepalive,
                                          NGX_HTTP_APIEVENTS_BASE_KEEPALIVE));

    uri = &base->origin.target.uri;
    last = uri->data + uri->len;
    p = ngx_strlchr(uri->data, last, '?');

    if (p != NULL) {
        base->args.data = p + 1;
        base->args.len = last - base->args.data;
        last = p;
    }

    base->whole.data = uri->data;
    base->whole.len = last - uri->data;
    base->path = base->whole;

    while (base->path.len != 0
           && base->path.data[base->path.len - 1] == '/')
    {
        base->path.len--;
    }

    return base;
}


ngx_int_t
ngx_http_apievents_definition_location(ngx_http_apievents_definition_t *def)
{
    ngx_http_apievents_service_t  *service;

    service = def->service;

    if (ngx_http_apievents_proxy_origins(def, service->bases) != NGX_OK) {
        return NGX_ERROR;
    }

    /* nginx names the line if another location has the path */

    def->place.line = service->line;

    if (ngx_http_apievents_generate_location(def->cf, def->modifier,
                                           service->regex
                                           ? &service->pattern
                                           : &service->listen_path,
                                           ngx_http_apievents_location_text,
                                           ngx_http_apievents_definition_fill,
                                           def)
        != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_proxy_origins(ngx_http_apievents_definition_t *def,
    ngx_array_t *bases)
{
    ngx_uint_t                  i;
    ngx_http_apievents_base_t  *base;

    base = bases->elts;

    for (i = 0; i < bases->nelts; i++) {
        if (ngx_http_apievents_generate_origin(def->cf, &base[i].origin)
            != NGX_CONF_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static char *
ngx_http_apievents_definition_fill(ngx_conf_t *cf, void *data)
{
    ngx_http_apievents_definition_t *def = data;

    ngx_int_t                       rc;
    ngx_conf_file_t                *text;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_apievents_module);
    lcf->definition.service = def->service;
    lcf->gate.listen_regex = def->service->regex;

    text = cf->conf_file;
    cf->conf_file = &def->place;

    rc = ngx_http_apievents_definition_apply(def);

    if (rc == NGX_OK && def->service->overrides != NULL) {
        rc = ngx_http_apievents_proxy_origins(def, def->service->overrides);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_proxy_verify(cf, def);
    }

    cf->conf_file = text;

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_apievents_proxy_verify(ngx_conf_t *cf,
    ngx_http_apievents_definition_t *def)
{
    ngx_http_apievents_base_t  *base;

    base = ngx_http_apievents_proxy_tls(def->service->bases);

    if (base == NULL && def->service->overrides != NULL) {
        base = ngx_http_apievents_proxy_tls(def->service->overrides);
    }

    if (base == NULL || def->service->unverified) {
        return NGX_OK;
    }

    if (def->ca.len == 0 && !ngx_http_apievents_has_ca()) {
        def->place.line = def->service->line;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no file of CA certificates found on this system, "
                           "\"ca=\" of \"api_definitions\" is expected for "
                           "\"%V\"", &base->origin.target.url);
        return NGX_ERROR;
    }

    return ngx_http_apievents_trusted(cf, def->ca.len ? &def->ca : NULL)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


/* the first target with TLS, or NULL */

static ngx_http_apievents_base_t *
ngx_http_apievents_proxy_tls(ngx_array_t *bases)
{
    ngx_uint_t                  i;
    ngx_http_apievents_base_t  *base;

    base = bases->elts;

    for (i = 0; i < bases->nelts; i++) {
        if (base[i].origin.target.tls) {
            return &base[i];
        }
    }

    return NULL;
}
