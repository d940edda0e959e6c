/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Directives about what clients are told: api_limit_status,
 * api_limit_headers and api_error_format.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_limit_status(ngx_str_t *arg,
    ngx_uint_t *statuses);
static ngx_uint_t ngx_http_apievents_valid_status(ngx_int_t status);
static ngx_uint_t ngx_http_apievents_header_family(ngx_str_t *arg);


static ngx_conf_enum_t  ngx_http_apievents_statuses[] = {
    { ngx_string("rate="), NGX_HTTP_APIEVENTS_REFUSED_RATE },
    { ngx_string("quota="), NGX_HTTP_APIEVENTS_REFUSED_QUOTA },
    { ngx_string("org="), NGX_HTTP_APIEVENTS_REFUSED_ORG },
    { ngx_string("version="), NGX_HTTP_APIEVENTS_REFUSED_VERSION },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_apievents_header_families[] = {
    { ngx_string("x-ratelimit"), NGX_HTTP_APIEVENTS_HEADERS_X },
    { ngx_string("ratelimit"), NGX_HTTP_APIEVENTS_HEADERS_IETF },
    { ngx_string("retry-after"), NGX_HTTP_APIEVENTS_HEADERS_RETRY },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_apievents_error_formats[] = {
    { ngx_string("tyk"), NGX_HTTP_APIEVENTS_ERROR_TYK },
    { ngx_string("problem"), NGX_HTTP_APIEVENTS_ERROR_PROBLEM },
    { ngx_string("layer7"), NGX_HTTP_APIEVENTS_ERROR_LAYER7 },
    { ngx_null_string, 0 }
};


char *
ngx_http_apievents_api_limit_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, *statuses;

    if (lcf->gate.statuses != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    statuses = ngx_pcalloc(cf->pool, NGX_HTTP_APIEVENTS_REFUSED_MAX
                                     * sizeof(ngx_uint_t));
    if (statuses == NULL) {
        return NGX_CONF_ERROR;
    }

    lcf->gate.statuses = statuses;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_apievents_limit_status(&value[i], statuses) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid or repeated parameter \"%V\" in "
                               "\"api_limit_status\", expected rate=STATUS, "
                               "quota=STATUS, org=STATUS or version=STATUS "
                               "from 400 to 493 or 500 to 599, or \"off\" "
                               "alone", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_limit_status(ngx_str_t *arg, ngx_uint_t *statuses)
{
    ngx_int_t         status;
    ngx_conf_enum_t  *e;

    for (e = ngx_http_apievents_statuses; e->name.len; e++) {

        if (ngx_strncmp(arg->data, e->name.data, e->name.len) != 0) {
            continue;
        }

        status = ngx_atoi(arg->data + e->name.len, arg->len - e->name.len);

        if (!ngx_http_apievents_valid_status(status)
            || statuses[e->value] != 0)
        {
            return NGX_ERROR;
        }

        statuses[e->value] = status;

        return NGX_OK;
    }

    return NGX_ERROR;
}


/* nginx has meanings of its own for what lies between */

static ngx_uint_t
ngx_http_apievents_valid_status(ngx_int_t status)
{
    return (status >= 400 && status < NGX_HTTP_NGINX_CODES)
           || (status >= 500 && status <= 599);
}


char *
ngx_http_apievents_api_limit_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, family, families;

    if (lcf->gate.limit_headers != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    families = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        if (cf->args->nelts == 2 && ngx_strcmp(value[i].data, "off") == 0) {
            break;
        }

        family = ngx_http_apievents_header_family(&value[i]);

        if (family == 0 || (families & family)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid or repeated parameter \"%V\" in "
                               "\"api_limit_headers\", expected "
                               "\"x-ratelimit\", \"ratelimit\", "
                               "\"retry-after\" or \"off\" alone",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        families |= family;
    }

    lcf->gate.limit_headers = families;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_apievents_header_family(ngx_str_t *arg)
{
    ngx_conf_enum_t  *e;

    for (e = ngx_http_apievents_header_families; e->name.len; e++) {
        if (ngx_strcmp(e->name.data, arg->data) == 0) {
            return e->value;
        }
    }

    return 0;
}


char *
ngx_http_apievents_api_error_format(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t        *value;
    ngx_conf_enum_t  *e;

    if (lcf->gate.error_format != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (e = ngx_http_apievents_error_formats; e->name.len; e++) {
        if (ngx_strcmp(e->name.data, value[1].data) == 0) {
            lcf->gate.error_format = e->value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"api_error_format\", "
                       "expected \"tyk\", \"problem\" or \"layer7\"",
                       &value[1]);
    return NGX_CONF_ERROR;
}
