/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The parameters of webhooks.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


static ngx_int_t ngx_http_apievents_webhook_any(ngx_conf_t *cf,
    ngx_http_apievents_webhook_conf_t *conf);
static ngx_int_t ngx_http_apievents_webhook_url(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_filter(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_proxy(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_method(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_success(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_secrets(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_lines(ngx_conf_t *cf,
    ngx_str_t *text, ae_str_t *secrets, ngx_uint_t *n);
static ngx_int_t ngx_http_apievents_webhook_format(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_template(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params);
static ngx_int_t ngx_http_apievents_webhook_text(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params, ngx_str_t *text,
    ngx_str_t *full);
static ngx_int_t ngx_http_apievents_webhook_content(
    ngx_http_apievents_webhook_conf_t *conf, ngx_uint_t json);
static ngx_uint_t ngx_http_apievents_webhook_json(
    ngx_http_apievents_webhook_conf_t *conf, ngx_str_t *file);


static struct {
    ngx_str_t                       name;
    ngx_uint_t                      method;
} ngx_http_apievents_methods[] = {
    { ngx_string("POST"), NGX_HTTP_POST },
    { ngx_string("PUT"), NGX_HTTP_PUT },
    { ngx_string("PATCH"), NGX_HTTP_PATCH },
    { ngx_string("GET"), NGX_HTTP_GET },
    { ngx_string("DELETE"), NGX_HTTP_DELETE },
    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_apievents_webhook_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_webhook_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    ep->conf = conf;

    if (ngx_http_apievents_webhook_url(cf, ep, params) != NGX_OK
        || ngx_http_apievents_pace_params(cf, ep, params) != NGX_OK
        || ngx_http_apievents_webhook_filter(cf, ep, params) != NGX_OK
        || ngx_http_apievents_webhook_tls(cf, ep, params) != NGX_OK
        || ngx_http_apievents_webhook_proxy(cf, ep, params) != NGX_OK
        || ngx_http_apievents_webhook_method(cf, ep, params) != NGX_OK
        || ngx_http_apievents_webhook_success(cf, ep, params) != NGX_OK
        || ngx_http_apievents_fields(cf, ep, params, &conf->fields,
                                     &conf->host)
           != NGX_OK
        || ngx_http_apievents_webhook_secrets(cf, ep, params) != NGX_OK
        || ngx_http_apievents_webhook_format(cf, ep, params) != NGX_OK
        || ngx_http_apievents_webhook_template(cf, ep, params) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_at_run_time(cf)) {
        return ngx_http_apievents_webhook_any(cf, conf);
    }

    /* its location is generated only for an endpoint that is kept, so it has
     * to be known here already whether there is one like it */

    if (ngx_http_apievents_endpoint_known(cf, ep)) {
        return NGX_OK;
    }

    return ngx_http_apievents_generate_target(cf, &conf->target)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


/* the location that any URL can be asked through */

static ngx_int_t
ngx_http_apievents_webhook_any(ngx_conf_t *cf,
    ngx_http_apievents_webhook_conf_t *conf)
{
    if (conf->target.tls && !ngx_http_apievents_has_ca()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"url=%V\" needs a file of CA certificates, and "
                           "this system has none", &conf->target.url);
        return NGX_ERROR;
    }

    ngx_str_set(&conf->target.location, "/_ae/call");
    conf->target.keepalive = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_webhook_url(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *url;
    const char                         *err;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    url = ngx_http_apievents_param(params, "url");

    if (url == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"url=\" is expected for handler \"webhook\"");
        return NGX_ERROR;
    }

    err = ngx_http_apievents_parse_url(cf->pool, url, &conf->target);

    if (err != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"url=%V\", %s",
                           url, err);
        return NGX_ERROR;
    }

    ep->label = *url;
    ngx_http_apievents_identify(ep, url);

    conf->target.timeout = 10000;
    conf->target.keepalive = ep->concurrency;

    if (ngx_http_apievents_param_timeout(cf, params, &conf->target.timeout)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ep->timeout = conf->target.timeout;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_webhook_filter(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *value;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    if (ngx_http_apievents_at_run_time(cf)) {
        conf->target.filter = 1;
        return NGX_OK;
    }

    value = ngx_http_apievents_param(params, "filter");

    if (value == NULL || ngx_strcmp(value->data, "off") == 0) {
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"filter=%V\", \"on\" or \"off\" is "
                           "expected", value);
        return NGX_ERROR;
    }

    conf->target.filter = 1;

    ngx_http_apievents_identify(ep, value);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_webhook_proxy(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *value;
    const char                         *err;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    if (ngx_http_apievents_at_run_time(cf)) {
        return NGX_OK;
    }

    value = ngx_http_apievents_param(params, "proxy");

    if (value == NULL) {
        return NGX_OK;
    }

    if (conf->target.tls) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"proxy=\" is for plain http, a \"url=\" that "
                           "starts with \"http://\" is expected");
        return NGX_ERROR;
    }

    if (conf->target.filter) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"filter=on\" and \"proxy=\" exclude each "
                           "other, one of them is expected");
        return NGX_ERROR;
    }

    err = ngx_http_apievents_target_proxy(cf->pool, value, &conf->target);

    if (err != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"proxy=%V\", %s",
                           value, err);
        return NGX_ERROR;
    }

    ngx_http_apievents_identify(ep, value);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_webhook_method(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *value;
    ngx_uint_t                          i;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    conf->method = ngx_http_apievents_methods[0].method;
    conf->method_name = ngx_http_apievents_methods[0].name;

    value = ngx_http_apievents_param(params, "method");

    if (value == NULL) {
        return NGX_OK;
    }

    for (i = 0; ngx_http_apievents_methods[i].method != 0; i++) {

        if (value->len == ngx_http_apievents_methods[i].name.len
            && ngx_strcasecmp(value->data,
                              ngx_http_apievents_methods[i].name.data)
               == 0)
        {
            conf->method = ngx_http_apievents_methods[i].method;
            conf->method_name = ngx_http_apievents_methods[i].name;

            ngx_http_apievents_identify(ep, &conf->method_name);

            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"method=%V\", POST, PUT, PATCH, GET or "
                       "DELETE is expected", value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_webhook_success(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *value, all;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    ngx_str_set(&all, "2xx");
    value = ngx_http_apievents_param(params, "success");

    if (value == NULL) {
        value = &all;
    }

    if (ae_statuses_parse(*(ae_str_t *) value, &conf->success) != AE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"success=%V\", statuses such as "
                           "\"2xx,409\" are expected", value);
        return NGX_ERROR;
    }

    ngx_http_apievents_setting(ep, value);

    return NGX_OK;
}


/* the newest first; a file may have one a line, that are as many */

static ngx_int_t
ngx_http_apievents_webhook_secrets(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ae_str_t                            secrets[AE_SIGN_KEYS];
    ae_error_t                          err;
    ngx_str_t                          *value, text;
    ngx_uint_t                          n;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;
    n = 0;

    while ((value = ngx_http_apievents_param(params, "secret")) != NULL) {

        text = *value;

        if (ngx_http_apievents_secret_value(cf, &text) != NGX_OK
            || ngx_http_apievents_webhook_lines(cf, &text, secrets, &n)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_apievents_setting(ep, &text);
    }

    if (n == 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    conf->signer = ae_signer_create(secrets, n, &err);

    if (conf->signer == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"secret=...\" %ui of %ui, %s",
                           (ngx_uint_t) err.line, n, err.text);
        return NGX_ERROR;
    }

    cln->handler = (ngx_pool_cleanup_pt) ae_signer_destroy;
    cln->data = conf->signer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_webhook_lines(ngx_conf_t *cf, ngx_str_t *text,
    ae_str_t *secrets, ngx_uint_t *n)
{
    u_char      *p, *end, *eol;
    ngx_uint_t   first;

    first = *n;
    end = text->data + text->len;

    for (p = text->data; p < end; p = eol + 1) {

        eol = ngx_strlchr(p, end, LF);

        if (eol == NULL) {
            eol = end;
        }

        if (eol == p || (eol == p + 1 && *p == CR)) {
            continue;
        }

        if (*n == AE_SIGN_KEYS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "too many secrets, at most %d are expected",
                               AE_SIGN_KEYS);
            return NGX_ERROR;
        }

        secrets[*n].data = p;
        secrets[*n].len = eol - p - (eol[-1] == CR);
        (*n)++;
    }

    if (*n == first) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"secret=\", a secret or \"file:PATH\" "
                           "is expected");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_webhook_format(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *value;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    value = ngx_http_apievents_param(params, "format");

    if (value == NULL) {
        return ngx_http_apievents_batch_param(cf, ep, params);
    }

    if (ae_format_parse(*(ae_str_t *) value, &conf->format) != AE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"format=%V\", \"tyk\", \"standard\", "
                           "\"cloudevents\", \"cloudevents-binary\", "
                           "\"cloudevents-batch\", \"callback\" or "
                           "\"portal\" is expected", value);
        return NGX_ERROR;
    }

    if (conf->format != AE_FORMAT_TYK) {
        ngx_http_apievents_identify(ep, value);
    }

    return ngx_http_apievents_batch_param(cf, ep, params);
}


static ngx_int_t
ngx_http_apievents_webhook_template(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                           text, full;
    ae_error_t                          err;
    ae_arena_t                         *arena;
    ngx_uint_t                          json;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    if (ngx_http_apievents_webhook_text(cf, ep, params, &text, &full)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (text.data == NULL) {
        return ngx_http_apievents_webhook_content(conf, 1);
    }

    arena = ae_arena_create(0);
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (arena == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = (ngx_pool_cleanup_pt) ae_arena_destroy;
    cln->data = arena;

    json = ngx_http_apievents_webhook_json(conf, &full);

    conf->template = ae_template_parse(arena, *(ae_str_t *) &text,
                                       json ? AE_ESCAPE_JSON : AE_ESCAPE_NONE,
                                       &err);

    if (conf->template == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid template in %V:%ui: %s", &full,
                           (ngx_uint_t) err.line, err.text);
        return NGX_ERROR;
    }

    if (ae_template_uses(conf->template, "OriginatingRequest")) {
        ep->uses_request = 1;
    }

    return ngx_http_apievents_webhook_content(conf, json);
}


/* the template's text, which a handler of run time may have in itself, and
 * what to call it; data NULL: the format needs none */

static ngx_int_t
ngx_http_apievents_webhook_text(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params, ngx_str_t *text,
    ngx_str_t *full)
{
    ngx_str_t                          *value;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    ngx_str_null(text);
    ngx_str_null(full);

    value = ngx_http_apievents_param(params, "template");

    if (value != NULL) {
        if (ngx_http_apievents_template_load(cf, value, text, full)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_apievents_identify(ep, full);

        return NGX_OK;
    }

    if (ngx_http_apievents_at_run_time(cf)) {
        value = ngx_http_apievents_param(params, "body");

        if (value != NULL) {
            *text = *value;
            ngx_str_set(full, "body");

            ngx_http_apievents_identify(ep, value);

            return ngx_http_apievents_field_find(&conf->fields,
                                                 "Content-Type") != NULL
                   ? NGX_OK
                   : ngx_http_apievents_field_default(&conf->fields,
                                                      "Content-Type",
                                                      "application/json");
        }
    }

    if (conf->format == AE_FORMAT_TYK) {
        ngx_str_set(full, "templates/default_webhook.json");
        *text = *(ngx_str_t *) ae_embedded_find(*(ae_str_t *) full);

        conf->plain = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_webhook_content(ngx_http_apievents_webhook_conf_t *conf,
    ngx_uint_t json)
{
    const char  *text;

    if (conf->format == AE_FORMAT_TYK) {
        text = json ? "application/json" : "text/plain";

    } else {
        text = (const char *) ae_format_content_type(conf->format).data;
    }

    return ngx_http_apievents_field_default(&conf->fields, "Content-Type",
                                            text);
}


/* by the file's name, or by a content type of JSON or of a +json suffix */

static ngx_uint_t
ngx_http_apievents_webhook_json(ngx_http_apievents_webhook_conf_t *conf,
    ngx_str_t *file)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *type;

    if (file->len > 5
        && ngx_strncmp(file->data + file->len - 5, ".json", 5) == 0)
    {
        return 1;
    }

    type = ngx_http_apievents_field_find(&conf->fields, "Content-Type");

    if (type == NULL) {
        return 0;
    }

    p = type->data;

    for (len = 0; len < type->len; len++) {
        if (p[len] == ';' || p[len] == ' ' || p[len] == '\t') {
            break;
        }
    }

    return len > 5
           && (p[len - 5] == '/' || p[len - 5] == '+')
           && ngx_strncasecmp(p + len - 4, (u_char *) "json", 4) == 0;
}
