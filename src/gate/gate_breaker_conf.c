/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_breaker.
 */


#include "gate/gate_private.h"


typedef struct {
    ngx_conf_t                    *cf;
    ngx_http_apievents_breaker_t   breaker;
    ngx_str_t                      path;
    ngx_uint_t                     seen;        /* a bit a parameter */
} ngx_http_apievents_breaker_args_t;


typedef struct {
    ngx_str_t                      name;        /* with its = */
    ngx_int_t                    (*handler)(
                                      ngx_http_apievents_breaker_args_t *args,
                                      ngx_str_t *value);
    const char                    *expected;
} ngx_http_apievents_breaker_param_t;


static char *ngx_http_apievents_breaker_off(ngx_conf_t *cf,
    ngx_array_t **breakers);
static ngx_int_t ngx_http_apievents_breaker_arg(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_breaker_compile(
    ngx_http_apievents_breaker_args_t *args);
static ngx_int_t ngx_http_apievents_breaker_path(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_method(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_threshold(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_samples(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_window(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_open(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_probe(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_half_open(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_slow(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_status(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_shared(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_dry_run(
    ngx_http_apievents_breaker_args_t *args, ngx_str_t *value);
static ngx_int_t ngx_http_apievents_breaker_ratio(ngx_str_t *value,
    uint32_t *millionths);
static ngx_int_t ngx_http_apievents_breaker_time(ngx_str_t *value,
    ngx_msec_t max, uint64_t *ns);
static ngx_int_t ngx_http_apievents_breaker_range(ngx_str_t *value,
    ngx_http_apievents_range_t *range);


static const ngx_http_apievents_breaker_param_t
    ngx_http_apievents_breaker_params[] =
{
    { ngx_string("path="), ngx_http_apievents_breaker_path,
      "path= with a regular expression" },

    { ngx_string("method="), ngx_http_apievents_breaker_method,
      "method= with an upper-case method, such as method=GET" },

    { ngx_string("threshold="), ngx_http_apievents_breaker_threshold,
      "threshold= with a ratio from 0.000001 to 1, such as threshold=0.5" },

    { ngx_string("samples="), ngx_http_apievents_breaker_samples,
      "samples= with a number from 1 to 1000000" },

    { ngx_string("window="), ngx_http_apievents_breaker_window,
      "window= with a time from 10ms to 1d" },

    { ngx_string("open="), ngx_http_apievents_breaker_open,
      "open= with a time from 10ms to 30d" },

    { ngx_string("half_open="), ngx_http_apievents_breaker_half_open,
      "half_open= with a number from 1 to 64 or \"off\"" },

    { ngx_string("probe="), ngx_http_apievents_breaker_probe,
      "probe= with a time from 10ms to 1h" },

    { ngx_string("slow="), ngx_http_apievents_breaker_slow,
      "slow= with a time from 1ms to 1d and a ratio, such as slow=2s:0.8" },

    { ngx_string("status="), ngx_http_apievents_breaker_status,
      "status= with statuses, such as status=5xx or status=429,500-504" },

    { ngx_string("shared"), ngx_http_apievents_breaker_shared, NULL },

    { ngx_string("dry_run"), ngx_http_apievents_breaker_dry_run, NULL },

    { ngx_null_string, NULL, NULL }
};


char *
ngx_http_apievents_api_breaker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    ngx_str_t                          *value;
    ngx_uint_t                          i;
    ngx_array_t                       **breakers;
    ngx_http_apievents_breaker_args_t   args;

    value = cf->args->elts;
    breakers = &lcf->gate.breakers;

    if ((cf->args->nelts > 1 && ngx_strcmp(value[1].data, "off") == 0)
        || (*breakers != NGX_CONF_UNSET_PTR && (*breakers)->nelts == 0))
    {
        return ngx_http_apievents_breaker_off(cf, breakers);
    }

    if (*breakers == NGX_CONF_UNSET_PTR) {
        *breakers = ngx_array_create(cf->pool, 2,
                                     sizeof(ngx_http_apievents_breaker_t));
        if (*breakers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&args, sizeof(ngx_http_apievents_breaker_args_t));
    args.cf = cf;

    if (ngx_http_apievents_breaker_defaults(cf, &args.breaker) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_apievents_breaker_arg(&args, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_apievents_breaker_compile(&args) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_push_breaker(cf, *breakers, &args.breaker)
           == NULL ? NGX_CONF_ERROR : NGX_CONF_OK;
}


/* "off" is an array without elements, so nothing can stand beside it */

static char *
ngx_http_apievents_breaker_off(ngx_conf_t *cf, ngx_array_t **breakers)
{
    if (*breakers != NGX_CONF_UNSET_PTR || cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"api_breaker off\" must stand alone in its "
                           "block");
        return NGX_CONF_ERROR;
    }

    *breakers = ngx_array_create(cf->pool, 1,
                                 sizeof(ngx_http_apievents_breaker_t));

    return (*breakers == NULL) ? NGX_CONF_ERROR : NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_arg(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *arg)
{
    ngx_int_t                                  rc;
    ngx_str_t                                  value;
    ngx_uint_t                                 bit;
    const ngx_http_apievents_breaker_param_t  *param;

    for (param = ngx_http_apievents_breaker_params; ; param++) {

        if (param->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, args->cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"api_breaker\", expected path=, method=, "
                               "threshold=, samples=, window=, open=, "
                               "half_open=, probe=, slow=, status=, shared, "
                               "dry_run, or \"off\" alone", arg);
            return NGX_ERROR;
        }

        /* a flag has no value: it is there as a whole or not at all */

        if (ngx_strncmp(arg->data, param->name.data, param->name.len) == 0
            && (param->expected != NULL || arg->len == param->name.len))
        {
            break;
        }
    }

    bit = (ngx_uint_t) 1 << (param - ngx_http_apievents_breaker_params);

    if (args->seen & bit) {
        ngx_conf_log_error(NGX_LOG_EMERG, args->cf, 0,
                           "duplicate parameter \"%V\" in \"api_breaker\", "
                           "expected each one once", arg);
        return NGX_ERROR;
    }

    args->seen |= bit;

    value.data = arg->data + param->name.len;
    value.len = arg->len - param->name.len;

    rc = param->handler(args, &value);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, args->cf, 0,
                           "invalid parameter \"%V\" in \"api_breaker\", "
                           "expected %s", arg, param->expected);
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_http_apievents_breaker_compile(ngx_http_apievents_breaker_args_t *args)
{
    ngx_int_t                  rc;
    ngx_str_t                  err;
    ngx_http_apievents_path_t  path;

    rc = ngx_http_apievents_path_compile(args->cf->pool, &args->path, 'r', 0,
                                         &path, &err);

    if (rc == NGX_OK) {
        path.method = args->breaker.path.method;
        args->breaker.path = path;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, args->cf, 0,
                           "invalid parameter \"path=%V\" in "
                           "\"api_breaker\", expected a regular expression: "
                           "%V", &args->path, &err);
    }

    return rc;
}


/* the handlers return NGX_DECLINED for a value that is not as expected */

static ngx_int_t
ngx_http_apievents_breaker_path(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    args->path = *value;

    return (value->len == 0) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_method(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    u_char  ch;
    size_t  i;

    /* what nginx takes as a method */

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if ((ch < 'A' || ch > 'Z') && ch != '_' && ch != '-') {
            return NGX_DECLINED;
        }
    }

    args->breaker.path.method = *value;

    return (value->len == 0) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_threshold(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    return ngx_http_apievents_breaker_ratio(value,
                                            &args->breaker.rule.threshold);
}


static ngx_int_t
ngx_http_apievents_breaker_samples(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_HTTP_APIEVENTS_BREAKER_SAMPLES) {
        return NGX_DECLINED;
    }

    args->breaker.rule.samples = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_window(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    return ngx_http_apievents_breaker_time(value, 24 * 3600 * 1000,
                                           &args->breaker.rule.window);
}


static ngx_int_t
ngx_http_apievents_breaker_open(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    return ngx_http_apievents_breaker_time(value,
                                           (ngx_msec_t) 30 * 24 * 3600 * 1000,
                                           &args->breaker.rule.open);
}


static ngx_int_t
ngx_http_apievents_breaker_probe(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    return ngx_http_apievents_breaker_time(value, 3600 * 1000,
                                           &args->breaker.rule.lease);
}


static ngx_int_t
ngx_http_apievents_breaker_half_open(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    ngx_int_t  n;

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        args->breaker.rule.half_open = 0;
        return NGX_OK;
    }

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > AE_BREAKER_PROBES) {
        return NGX_DECLINED;
    }

    args->breaker.rule.half_open = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_slow(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_int_t   ms;
    ngx_str_t   part;

    last = value->data + value->len;

    p = ngx_strlchr(value->data, last, ':');
    if (p == NULL) {
        return NGX_DECLINED;
    }

    part.data = value->data;
    part.len = p - value->data;

    ms = ngx_parse_time(&part, 0);

    if (ms < 1 || ms > 24 * 3600 * 1000) {
        return NGX_DECLINED;
    }

    args->breaker.slow = ms;

    part.data = p + 1;
    part.len = last - part.data;

    return ngx_http_apievents_breaker_ratio(&part,
                                         &args->breaker.rule.slow_threshold);
}


static ngx_int_t
ngx_http_apievents_breaker_status(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    u_char                      *p, *last;
    ngx_str_t                    part;
    ngx_array_t                 *statuses;
    ngx_http_apievents_range_t  *range;

    statuses = ngx_array_create(args->cf->pool, 4,
                                sizeof(ngx_http_apievents_range_t));
    if (statuses == NULL) {
        return NGX_ERROR;
    }

    args->breaker.statuses = statuses;
    last = value->data + value->len;

    for (part.data = value->data; ; part.data = p + 1) {

        p = ngx_strlchr(part.data, last, ',');
        part.len = (p == NULL ? last : p) - part.data;

        range = ngx_array_push(statuses);
        if (range == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_breaker_range(&part, range) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (p == NULL) {
            return NGX_OK;
        }
    }
}


static ngx_int_t
ngx_http_apievents_breaker_shared(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    args->breaker.shared = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_dry_run(ngx_http_apievents_breaker_args_t *args,
    ngx_str_t *value)
{
    args->breaker.dry_run = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_ratio(ngx_str_t *value, uint32_t *millionths)
{
    ngx_int_t  n;

    n = ngx_atofp(value->data, value->len, 6);

    if (n < 1 || n > NGX_HTTP_APIEVENTS_MILLION) {
        return NGX_DECLINED;
    }

    *millionths = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_breaker_time(ngx_str_t *value, ngx_msec_t max,
    uint64_t *ns)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(value, 0);

    if (ms < 10 || (ngx_msec_t) ms > max) {
        return NGX_DECLINED;
    }

    *ns = (uint64_t) ms * 1000000;

    return NGX_OK;
}


/* 503, 5xx or 500-504 */

static ngx_int_t
ngx_http_apievents_breaker_range(ngx_str_t *value,
    ngx_http_apievents_range_t *range)
{
    u_char  *p;

    p = value->data;

    if (value->len == 3 && p[0] >= '1' && p[0] <= '5'
        && p[1] == 'x' && p[2] == 'x')
    {
        range->from = (p[0] - '0') * 100;
        range->to = range->from + 99;

        return NGX_OK;
    }

    if (value->len != 3 && (value->len != 7 || p[3] != '-')) {
        return NGX_DECLINED;
    }

    range->from = ngx_atoi(p, 3);
    range->to = ngx_atoi(p + value->len - 3, 3);

    if ((ngx_int_t) range->from < 100 || (ngx_int_t) range->to > 599
        || range->from > range->to)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
