/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Webhooks that are defined once and used by their name.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_NAME_MAX  64


typedef struct {
    ngx_str_t                       name;
    ngx_http_apievents_endpoint_t  *endpoint;
    ngx_msec_t                      cooldown;   /* unless its use says more */
} ngx_http_apievents_named_t;


static ngx_int_t ngx_http_apievents_named_args(ngx_conf_t *cf);
static ngx_http_apievents_named_t *ngx_http_apievents_named(ngx_conf_t *cf,
    ngx_str_t *name);


char *
ngx_http_apievents_api_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_main_conf_t *mcf = conf;

    ngx_str_t                      *value, *args, kind;
    ngx_msec_t                      cooldown;
    ngx_uint_t                      nargs;
    ngx_http_apievents_named_t     *named;
    ngx_http_apievents_endpoint_t  *ep;

    if (ngx_http_apievents_named_args(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    nargs = cf->args->nelts - 1;

    /* what stands behind the name of an event */

    args = ngx_palloc(cf->temp_pool, nargs * sizeof(ngx_str_t));
    if (args == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(args, &value[1], nargs * sizeof(ngx_str_t));
    ngx_str_set(&kind, "webhook");
    args[0] = kind;

    ep = ngx_http_apievents_endpoint(cf, args, nargs, &cooldown);
    if (ep == NULL) {
        return NGX_CONF_ERROR;
    }

    if (mcf->deliver.named == NULL) {
        mcf->deliver.named = ngx_array_create(cf->pool, 4,
                                          sizeof(ngx_http_apievents_named_t));
        if (mcf->deliver.named == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    named = ngx_array_push(mcf->deliver.named);
    if (named == NULL) {
        return NGX_CONF_ERROR;
    }

    named->name = value[1];
    named->endpoint = ep;
    named->cooldown = cooldown;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_named_args(ngx_conf_t *cf)
{
    u_char      *p, ch;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;
    p = value[1].data;

    for (i = 0; i < value[1].len; i++) {
        ch = p[i] | 0x20;

        if (!((ch >= 'a' && ch <= 'z') || (p[i] >= '0' && p[i] <= '9')
              || p[i] == '-' || p[i] == '.' || p[i] == '_'))
        {
            break;
        }
    }

    if (i < value[1].len || i < 1 || i > NGX_HTTP_APIEVENTS_NAME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\", 1 to %d letters, digits, "
                           "\"-\", \".\" or \"_\" are expected", &value[1],
                           NGX_HTTP_APIEVENTS_NAME_MAX);
        return NGX_ERROR;
    }

    if (ngx_http_apievents_named(cf, &value[1]) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate webhook \"%V\", another name is "
                           "expected", &value[1]);
        return NGX_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "use=", 4) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"api_webhook\", "
                               "\"url=\" is expected", &value[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_apievents_named_t *
ngx_http_apievents_named(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_array_t                     *list;
    ngx_http_apievents_named_t      *named;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    list = mcf->deliver.named;

    if (list == NULL) {
        return NULL;
    }

    named = list->elts;

    for (i = 0; i < list->nelts; i++) {

        if (named[i].name.len == name->len
            && ngx_memcmp(named[i].name.data, name->data, name->len) == 0)
        {
            return &named[i];
        }
    }

    return NULL;
}


ngx_http_apievents_endpoint_t *
ngx_http_apievents_use(ngx_conf_t *cf, ngx_array_t *params, ngx_str_t *name,
    ngx_msec_t *cooldown)
{
    ngx_uint_t                   i;
    ngx_http_apievents_named_t  *named;
    ngx_http_apievents_param_t  *param;

    named = ngx_http_apievents_named(cf, name);

    if (named == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown webhook \"use=%V\", the name of an "
                           "\"api_webhook\" that stands above is expected",
                           name);
        return NULL;
    }

    *cooldown = named->cooldown;

    if (ngx_http_apievents_param_time(cf, params, "cooldown", cooldown)
        != NGX_OK)
    {
        return NULL;
    }

    param = params->elts;

    for (i = 0; i < params->nelts; i++) {

        if (param[i].name.len != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "parameter \"%V\" stands beside \"use=%V\", "
                               "only \"cooldown=\" is expected there",
                               &param[i].name, name);
            return NULL;
        }
    }

    return named->endpoint;
}
