/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


static ngx_http_apievents_kind_t *ngx_http_apievents_kind(ngx_str_t *name);
static ngx_http_apievents_endpoint_t *ngx_http_apievents_endpoint_create(
    ngx_conf_t *cf, ngx_http_apievents_kind_t *kind);
static ngx_int_t ngx_http_apievents_count(ngx_conf_t *cf,
    ngx_array_t *params, const char *name, ngx_uint_t max, ngx_uint_t *n);
static ngx_int_t ngx_http_apievents_bounds(ngx_conf_t *cf,
    ngx_array_t *params, ngx_http_apievents_endpoint_t *ep,
    ngx_msec_t *cooldown);
static ngx_int_t ngx_http_apievents_retry_param(ngx_conf_t *cf,
    ngx_array_t *params, ngx_http_apievents_endpoint_t *ep);
static void ngx_http_apievents_mix(ae_id_t *id, ngx_str_t *value);
static ngx_http_apievents_endpoint_t *ngx_http_apievents_same(
    ngx_http_apievents_deliver_conf_t *dcf,
    ngx_http_apievents_endpoint_t *ep);
static ngx_http_apievents_endpoint_t *ngx_http_apievents_intern(
    ngx_conf_t *cf, ngx_http_apievents_endpoint_t *ep);


static ngx_http_apievents_kind_t  *ngx_http_apievents_kinds[] = {
    &ngx_http_apievents_log_kind,
    &ngx_http_apievents_webhook_kind,
    &ngx_http_apievents_js_kind,
    &ngx_http_apievents_email_kind,
    NULL
};


ngx_http_apievents_endpoint_t *
ngx_http_apievents_endpoint(ngx_conf_t *cf, ngx_str_t *args, ngx_uint_t nargs,
    ngx_msec_t *cooldown)
{
    ngx_str_t                      *name;
    ngx_array_t                     params;
    ngx_http_apievents_kind_t      *kind;
    ngx_http_apievents_endpoint_t  *ep;

    kind = ngx_http_apievents_kind(&args[0]);

    if (kind == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown handler \"%V\", \"log\", \"webhook\", "
                           "\"js\" or \"email\" is expected", &args[0]);
        return NULL;
    }

    if (ngx_http_apievents_params(cf, args + 1, nargs - 1, &params) != NGX_OK)
    {
        return NULL;
    }

    if (kind == &ngx_http_apievents_webhook_kind) {
        name = ngx_http_apievents_param(&params, "use");

        if (name != NULL) {
            return ngx_http_apievents_use(cf, &params, name, cooldown);
        }
    }

    ep = ngx_http_apievents_endpoint_create(cf, kind);

    if (ep == NULL
        || ngx_http_apievents_bounds(cf, &params, ep, cooldown) != NGX_OK
        || kind->parse(cf, ep, &params) != NGX_OK
        || ngx_http_apievents_unknown(cf, &kind->name, &params) != NGX_OK)
    {
        return NULL;
    }

    return ngx_http_apievents_intern(cf, ep);
}


ngx_http_apievents_endpoint_t *
ngx_http_apievents_endpoint_make(ngx_conf_t *cf, ngx_str_t *args,
    ngx_uint_t nargs)
{
    ngx_msec_t                      cooldown;
    ngx_array_t                     params;
    ngx_http_apievents_kind_t      *kind;
    ngx_http_apievents_endpoint_t  *ep;

    kind = ngx_http_apievents_kind(&args[0]);

    if (kind == NULL || !kind->runtime) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown handler \"%V\", one that can be made at "
                           "run time is expected, such as \"webhook\"",
                           &args[0]);
        return NULL;
    }

    ep = ngx_http_apievents_endpoint_create(cf, kind);

    if (ep == NULL
        || ngx_http_apievents_params(cf, args + 1, nargs - 1, &params)
           != NGX_OK
        || ngx_http_apievents_bounds(cf, &params, ep, &cooldown) != NGX_OK
        || kind->parse(cf, ep, &params) != NGX_OK
        || ngx_http_apievents_unknown(cf, &kind->name, &params) != NGX_OK)
    {
        return NULL;
    }

    ep->cooldown = cooldown;

    return ep;
}


static ngx_http_apievents_endpoint_t *
ngx_http_apievents_endpoint_create(ngx_conf_t *cf,
    ngx_http_apievents_kind_t *kind)
{
    ngx_http_apievents_endpoint_t  *ep;

    ep = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_endpoint_t));
    if (ep == NULL) {
        return NULL;
    }

    ep->kind = kind->name;
    ep->label = kind->name;
    ep->start = kind->start;
    ep->calls = kind->calls;
    ep->health = kind->health;
    ep->attempts = kind->health ? AE_RETRY_MAX : 1;
    ep->concurrency = kind->concurrency;
    ep->queue = 10000;
    ep->shared = AE_NO_ENDPOINT;

    ngx_http_apievents_identify(ep, &kind->name);

    return ep;
}


static ngx_http_apievents_kind_t *
ngx_http_apievents_kind(ngx_str_t *name)
{
    ngx_http_apievents_kind_t  **kind;

    for (kind = ngx_http_apievents_kinds; *kind != NULL; kind++) {

        if (ngx_strcmp(name->data, (*kind)->name.data) == 0
            || ngx_strcmp(name->data, (*kind)->alias.data) == 0)
        {
            return *kind;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_apievents_params(ngx_conf_t *cf, ngx_str_t *args, ngx_uint_t nargs,
    ngx_array_t *params)
{
    u_char                      *p;
    ngx_uint_t                   i;
    ngx_http_apievents_param_t  *param;

    if (ngx_array_init(params, cf->pool, nargs + 1,
                       sizeof(ngx_http_apievents_param_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < nargs; i++) {

        p = ngx_strlchr(args[i].data, args[i].data + args[i].len, '=');

        if (p == NULL || p == args[i].data) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", NAME=VALUE is "
                               "expected", &args[i]);
            return NGX_ERROR;
        }

        param = ngx_array_push(params);
        if (param == NULL) {
            return NGX_ERROR;
        }

        param->name.data = args[i].data;
        param->name.len = p - args[i].data;
        param->value.data = p + 1;
        param->value.len = args[i].data + args[i].len - p - 1;
    }

    return NGX_OK;
}


ngx_str_t *
ngx_http_apievents_param(ngx_array_t *params, const char *name)
{
    size_t                       len;
    ngx_uint_t                   i;
    ngx_http_apievents_param_t  *param;

    len = ngx_strlen(name);
    param = params->elts;

    for (i = 0; i < params->nelts; i++) {

        if (param[i].name.len == len
            && ngx_strncmp(param[i].name.data, name, len) == 0)
        {
            param[i].name.len = 0;
            return &param[i].value;
        }
    }

    return NULL;
}


/* NGX_OK and n as it was when the parameter is not there */

static ngx_int_t
ngx_http_apievents_count(ngx_conf_t *cf, ngx_array_t *params,
    const char *name, ngx_uint_t max, ngx_uint_t *n)
{
    ngx_int_t   i;
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, name);

    if (value == NULL) {
        return NGX_OK;
    }

    i = ngx_atoi(value->data, value->len);

    if (i < 1 || (ngx_uint_t) i > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%s=%V\", a number between 1 and %ui "
                           "is expected", name, value, max);
        return NGX_ERROR;
    }

    *n = i;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_param_time(ngx_conf_t *cf, ngx_array_t *params,
    const char *name, ngx_msec_t *msec)
{
    ngx_int_t   i;
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, name);

    if (value == NULL) {
        return NGX_OK;
    }

    i = ngx_parse_time(value, 0);

    /* in nanoseconds it has to fit 64 bits as well */

    if (i == NGX_ERROR || i / 1000 > NGX_MAX_INT32_VALUE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%s=%V\", a time such as \"10s\" is "
                           "expected", name, value);
        return NGX_ERROR;
    }

    *msec = (ngx_msec_t) i;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_param_timeout(ngx_conf_t *cf, ngx_array_t *params,
    ngx_msec_t *msec)
{
    if (ngx_http_apievents_param_time(cf, params, "timeout", msec) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (*msec == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"timeout=0\", a time above zero is "
                           "expected");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_bounds(ngx_conf_t *cf, ngx_array_t *params,
    ngx_http_apievents_endpoint_t *ep, ngx_msec_t *cooldown)
{
    *cooldown = 0;

    if (ngx_http_apievents_count(cf, params, "concurrency", 65535,
                                 &ep->concurrency)
        != NGX_OK
        || ngx_http_apievents_count(cf, params, "queue", 10000000, &ep->queue)
           != NGX_OK
        || ngx_http_apievents_param_time(cf, params, "cooldown", cooldown)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_retry_param(cf, params, ep);
}


static ngx_int_t
ngx_http_apievents_retry_param(ngx_conf_t *cf, ngx_array_t *params,
    ngx_http_apievents_endpoint_t *ep)
{
    ngx_str_t  *value;

    value = ngx_http_apievents_param(params, "retry");

    if (value == NULL) {
        return NGX_OK;
    }

    if (!ep->health) {

        if (ngx_strcmp(value->data, "off") == 0) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"retry=%V\", handler \"%V\" makes one "
                           "attempt, \"retry=off\" is expected", value,
                           &ep->kind);
        return NGX_ERROR;
    }

    if (ae_retry_parse(*(ae_str_t *) value, &ep->attempts) != AE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"retry=%V\", \"spec\", \"off\" or a "
                           "number of attempts between 1 and %d is expected",
                           value, AE_RETRY_MAX);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_unknown(ngx_conf_t *cf, ngx_str_t *kind,
    ngx_array_t *params)
{
    ngx_uint_t                   i;
    ngx_http_apievents_param_t  *param;

    param = params->elts;

    for (i = 0; i < params->nelts; i++) {

        if (param[i].name.len != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown or repeated parameter \"%V\" of "
                               "handler \"%V\"", &param[i].name, kind);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_apievents_identify(ngx_http_apievents_endpoint_t *ep,
    ngx_str_t *value)
{
    ngx_http_apievents_mix(&ep->identity, value);
}


void
ngx_http_apievents_setting(ngx_http_apievents_endpoint_t *ep,
    ngx_str_t *value)
{
    ngx_http_apievents_mix(&ep->settings, value);
}


static void
ngx_http_apievents_mix(ae_id_t *id, ngx_str_t *value)
{
    ae_str_t             parts[2];
    static const u_char  key[16];

    parts[0].data = (u_char *) id;
    parts[0].len = sizeof(ae_id_t);
    parts[1] = *(ae_str_t *) value;

    *id = ae_hash(key, parts, 2);
}


/*
 * Handlers that say the same are one endpoint with one queue.  Bounds and how
 * it is served are not part of the identity, so that a queue survives a change
 * of them; where two handlers differ in nothing else, the second is an
 * endpoint of its own.
 */

static ngx_http_apievents_endpoint_t *
ngx_http_apievents_same(ngx_http_apievents_deliver_conf_t *dcf,
    ngx_http_apievents_endpoint_t *ep)
{
    ngx_str_t                        again;
    ngx_uint_t                       i;
    ngx_http_apievents_endpoint_t  **list;

    list = dcf->endpoints.elts;

    for (i = 0; i < dcf->endpoints.nelts; i++) {

        if (!ae_id_equal(list[i]->identity, ep->identity)) {
            continue;
        }

        if (list[i]->concurrency == ep->concurrency
            && list[i]->queue == ep->queue
            && list[i]->timeout == ep->timeout
            && list[i]->attempts == ep->attempts
            && ae_id_equal(list[i]->settings, ep->settings))
        {
            return list[i];
        }

        ngx_str_set(&again, "again");
        ngx_http_apievents_identify(ep, &again);
    }

    return NULL;
}


ngx_uint_t
ngx_http_apievents_endpoint_known(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    return ngx_http_apievents_same(&mcf->deliver, ep) != NULL;
}


static ngx_http_apievents_endpoint_t *
ngx_http_apievents_intern(ngx_conf_t *cf, ngx_http_apievents_endpoint_t *ep)
{
    ngx_http_apievents_endpoint_t   *same, **e;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    same = ngx_http_apievents_same(&mcf->deliver, ep);

    if (same != NULL) {
        return same;
    }

    if (mcf->deliver.endpoints.nelts == AE_QUEUE_ENDPOINTS / 2) {

        /* the other half is for those of the configuration before a reload */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many handlers, at most %d different ones "
                           "are expected", AE_QUEUE_ENDPOINTS / 2);
        return NULL;
    }

    ep->index = mcf->deliver.endpoints.nelts;
    ep->receiver = ep->identity;

    e = ngx_array_push(&mcf->deliver.endpoints);
    if (e == NULL) {
        return NULL;
    }

    *e = ep;

    return ep;
}


char *
ngx_http_apievents_api_delivery_connections(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_main_conf_t *mcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (mcf->deliver.connections != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    n = NGX_ERROR;

    if (value[1].len > 1 && value[1].data[value[1].len - 1] == '%') {
        n = ngx_atoi(value[1].data, value[1].len - 1);
    }

    if (n < 1 || n > 90) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", a share between 1%% and "
                           "90%% is expected", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->deliver.connections = n;

    return NGX_CONF_OK;
}
