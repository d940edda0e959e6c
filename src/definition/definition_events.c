/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * event_handlers of a definition: each handler becomes what
 * api_event_handlers would have made of it (as in Tyk).
 */


#include "definition/definition_private.h"


typedef struct {
    ngx_http_apievents_definition_t  *def;
    ngx_array_t                       args;     /* of ngx_str_t */
} ngx_http_apievents_args_t;


static ngx_int_t ngx_http_apievents_definition_event(
    ngx_http_apievents_definition_t *def, const ae_value_t *event);
static ngx_uint_t ngx_http_apievents_event_unsupported(const ae_str_t *name);
static ngx_int_t ngx_http_apievents_definition_handler(
    ngx_http_apievents_definition_t *def, const ae_value_t *event,
    const ae_value_t *handler);
static ngx_int_t ngx_http_apievents_handler_args(
    ngx_http_apievents_args_t *a, const ae_value_t *handler,
    const ae_value_t *meta);
static ngx_int_t ngx_http_apievents_webhook_args(
    ngx_http_apievents_args_t *a, const ae_value_t *meta);
static ngx_int_t ngx_http_apievents_webhook_method(
    ngx_http_apievents_args_t *a, const ae_value_t *meta);
static ngx_int_t ngx_http_apievents_webhook_headers(
    ngx_http_apievents_args_t *a, const ae_value_t *meta);
static ngx_int_t ngx_http_apievents_webhook_cooldown(
    ngx_http_apievents_args_t *a, const ae_value_t *meta);
static ngx_int_t ngx_http_apievents_add_arg(ngx_http_apievents_args_t *a,
    const char *prefix, const ae_str_t *name, const char *between,
    const ae_str_t *value);
static ngx_int_t ngx_http_apievents_add_field(ngx_http_apievents_args_t *a,
    const char *prefix, const ae_value_t *meta, const char *name);


/* Tyk's events that nothing here raises */

static const char *const  ngx_http_apievents_tyk_events[] = {
    "CertificateExpired",
    "CertificateExpiringSoon",
    "OAuth2ExchangeFailed",
    "OAuth2ExchangeSucceeded",
    "OAuth2ScopeCheckFailed",
    "RateLimitSmoothingDown",
    "RateLimitSmoothingUp",
    "UpstreamOAuthError",
    NULL
};


ngx_int_t
ngx_http_apievents_definition_events(ngx_http_apievents_definition_t *def)
{
    ae_value_t  *section, *events, *event;

    if (ngx_http_apievents_entry(def, def->root, "event_handlers", AE_MAP,
                                 &section)
        != NGX_OK
        || ngx_http_apievents_entry(def, section, "events", AE_MAP, &events)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (events == NULL) {
        return NGX_OK;
    }

    for (event = events->first; event != NULL; event = event->next) {

        if (event->type == AE_NULL) {
            continue;
        }

        if (ngx_http_apievents_definition_event(def, event) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_definition_event(ngx_http_apievents_definition_t *def,
    const ae_value_t *event)
{
    ngx_str_t    name;
    ae_value_t  *handler;

    if (ngx_http_apievents_entry_expect(def, event, AE_ARRAY,
                                        "event_handlers.events")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_event_unsupported(&event->name)) {

        if (event->count == 0) {
            return NGX_OK;
        }

        name.len = event->name.len;
        name.data = event->name.data;

        return ngx_http_apievents_definition_ignore(def, &name);
    }

    for (handler = event->first; handler != NULL; handler = handler->next) {
        if (ngx_http_apievents_definition_handler(def, event, handler)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_apievents_event_unsupported(const ae_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_apievents_tyk_events[i] != NULL; i++) {

        if (ngx_strlen(ngx_http_apievents_tyk_events[i]) == name->len
            && ngx_strncmp(ngx_http_apievents_tyk_events[i], name->data,
                           name->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_apievents_definition_handler(ngx_http_apievents_definition_t *def,
    const ae_value_t *event, const ae_value_t *handler)
{
    char                       *rv;
    ae_value_t                 *meta;
    ngx_int_t                   rc;
    ngx_flag_t                  disabled;
    ngx_array_t                *args;
    ngx_http_apievents_args_t   a;

    disabled = 0;

    if (ngx_http_apievents_entry_expect(def, handler, AE_MAP,
                                        "event_handlers.events")
        != NGX_OK
        || ngx_http_apievents_entry(def, handler, "handler_meta", AE_MAP,
                                    &meta)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, meta, "disabled", &disabled)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (disabled) {
        return NGX_OK;
    }

    a.def = def;

    if (ngx_array_init(&a.args, def->cf->pool, 8, sizeof(ngx_str_t)) != NGX_OK
        || ngx_http_apievents_add_arg(&a, "api_event_handlers", NULL, "", NULL)
           != NGX_OK
        || ngx_http_apievents_add_arg(&a, "", &event->name, "", NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_handler_args(&a, handler, meta);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    def->place.line = handler->line;

    args = def->cf->args;
    def->cf->args = &a.args;

    rv = ngx_http_apievents_api_event_handlers(def->cf, NULL, def->lcf);

    def->cf->args = args;

    return (rv == NGX_CONF_OK) ? NGX_OK : NGX_ERROR;
}


/* NGX_DECLINED: a handler that is ignored */

static ngx_int_t
ngx_http_apievents_handler_args(ngx_http_apievents_args_t *a,
    const ae_value_t *handler, const ae_value_t *meta)
{
    ngx_str_t          name;
    const ae_value_t  *v;

    if (ngx_http_apievents_entry_string(a->def, handler, "handler_name",
                                        &name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (name.len == 0) {
        ngx_str_set(&name, "");
    }

    if (ngx_strcmp(name.data, "eh_log_handler") == 0) {

        if (ngx_http_apievents_add_arg(a, "log", NULL, "", NULL) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_apievents_add_field(a, "prefix=", meta, "prefix");
    }

    if (ngx_strcmp(name.data, "eh_web_hook_handler") == 0) {
        return ngx_http_apievents_webhook_args(a, meta);
    }

    if (ngx_strcmp(name.data, "eh_dynamic_handler") == 0) {

        if (ngx_http_apievents_add_arg(a, "js", NULL, "", NULL) != NGX_OK
            || ngx_http_apievents_add_field(a, "path=", meta, "path")
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_apievents_add_field(a, "name=", meta, "name");
    }

    if (ngx_strcmp(name.data, "cp_dynamic_handler") == 0) {

        if (ngx_http_apievents_definition_ignore(a->def, &name) != NGX_OK) {
            return NGX_ERROR;
        }

        return NGX_DECLINED;
    }

    v = ae_value_get(handler, "handler_name");

    ngx_http_apievents_entry_error(a->def, v ? v : handler, "handler_name",
                                   "\"eh_log_handler\", "
                                   "\"eh_web_hook_handler\" or "
                                   "\"eh_dynamic_handler\"");
    return NGX_ERROR;
}


/* Tyk tries once */

static ngx_int_t
ngx_http_apievents_webhook_args(ngx_http_apievents_args_t *a,
    const ae_value_t *meta)
{
    if (ngx_http_apievents_add_arg(a, "webhook", NULL, "", NULL) != NGX_OK
        || ngx_http_apievents_add_field(a, "url=", meta, "target_path")
           != NGX_OK
        || ngx_http_apievents_webhook_method(a, meta) != NGX_OK
        || ngx_http_apievents_add_field(a, "template=", meta,
                                        "template_path")
           != NGX_OK
        || ngx_http_apievents_webhook_headers(a, meta) != NGX_OK
        || ngx_http_apievents_webhook_cooldown(a, meta) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_add_arg(a, "retry=off", NULL, "", NULL);
}


static ngx_int_t
ngx_http_apievents_webhook_method(ngx_http_apievents_args_t *a,
    const ae_value_t *meta)
{
    ae_str_t                   value;
    ngx_str_t                  method;
    ngx_uint_t                 i;
    const ae_value_t          *v;

    static const char *const   methods[] = {
        "GET", "PUT", "POST", "DELETE", "PATCH", NULL
    };

    if (ngx_http_apievents_entry_string(a->def, meta, "method", &method)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (method.len == 0) {
        ngx_str_set(&method, "");
    }

    for (i = 0; methods[i] != NULL; i++) {
        if (ngx_strcasecmp(method.data, (u_char *) methods[i]) == 0) {
            break;
        }
    }

    if (methods[i] == NULL) {
        v = ae_value_get(meta, "method");
        a->def->place.line = v ? v->line : (meta ? meta->line : 1);

        ngx_conf_log_error(NGX_LOG_WARN, a->def->cf, 0,
                           "webhook method \"%V\" is taken as GET, expected "
                           "GET, PUT, POST, DELETE or PATCH", &method);
        i = 0;
    }

    value.data = (u_char *) methods[i];
    value.len = ngx_strlen(methods[i]);

    return ngx_http_apievents_add_arg(a, "method=", NULL, "", &value);
}


static ngx_int_t
ngx_http_apievents_webhook_headers(ngx_http_apievents_args_t *a,
    const ae_value_t *meta)
{
    ae_value_t  *map, *v;

    if (ngx_http_apievents_entry(a->def, meta, "header_map", AE_MAP, &map)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (v = map ? map->first : NULL; v != NULL; v = v->next) {

        if (ngx_http_apievents_entry_expect(a->def, v, AE_STRING,
                                            "header_map")
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_add_arg(a, "header=", &v->name, ": ", &v->s)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* none where Tyk would be silent for ever (event_timeout 0) */

static ngx_int_t
ngx_http_apievents_webhook_cooldown(ngx_http_apievents_args_t *a,
    const ae_value_t *meta)
{
    u_char       text[NGX_INT64_LEN + 1];
    ae_str_t     value;
    ae_value_t  *v;

    if (ngx_http_apievents_entry(a->def, meta, "event_timeout", AE_NUMBER, &v)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (v == NULL || v->number == 0) {
        return NGX_OK;
    }

    if (!(v->number >= 1 && v->number <= 315360000)
        || v->number != (double) (int64_t) v->number)
    {
        ngx_http_apievents_entry_error(a->def, v, "event_timeout",
                                       "whole seconds, from 0 to ten years");
        return NGX_ERROR;
    }

    value.data = text;
    value.len = ngx_sprintf(text, "%Ls", (int64_t) v->number) - text;

    return ngx_http_apievents_add_arg(a, "cooldown=", NULL, "", &value);
}


/* prefix, name, between and value make one argument, with a NUL behind it */

static ngx_int_t
ngx_http_apievents_add_arg(ngx_http_apievents_args_t *a, const char *prefix,
    const ae_str_t *name, const char *between, const ae_str_t *value)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *arg;

    len = ngx_strlen(prefix) + (name ? name->len : 0) + ngx_strlen(between)
          + (value ? value->len : 0);

    arg = ngx_array_push(&a->args);
    if (arg == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(a->def->cf->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    arg->data = p;
    arg->len = len;

    p = ngx_cpymem(p, prefix, ngx_strlen(prefix));

    if (name != NULL && name->len != 0) {
        p = ngx_cpymem(p, name->data, name->len);
    }

    p = ngx_cpymem(p, between, ngx_strlen(between));

    if (value != NULL && value->len != 0) {
        p = ngx_cpymem(p, value->data, value->len);
    }

    *p = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_add_field(ngx_http_apievents_args_t *a,
    const char *prefix, const ae_value_t *meta, const char *name)
{
    ngx_str_t  s;
    ae_str_t   value;

    if (ngx_http_apievents_entry_string(a->def, meta, name, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    if (s.len == 0) {
        return NGX_OK;
    }

    value.len = s.len;
    value.data = s.data;

    return ngx_http_apievents_add_arg(a, prefix, NULL, "", &value);
}
