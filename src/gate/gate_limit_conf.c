/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_rate and api_quota.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_LIMIT_MAX   1000000000

/* longest period, ten years in milliseconds */
#define NGX_HTTP_APIEVENTS_PERIOD_MAX                                         \
    ((ngx_int_t) 3650 * 24 * 60 * 60 * 1000)


static char *ngx_http_apievents_limits_off(ngx_conf_t *cf,
    ngx_array_t **limits);
static char *ngx_http_apievents_set_limit(ngx_conf_t *cf,
    ngx_array_t **limits, ngx_uint_t quota);
static ngx_int_t ngx_http_apievents_limit_amount(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit);
static ngx_int_t ngx_http_apievents_limit_number(u_char *p, u_char *last,
    uint64_t *n);
static ngx_int_t ngx_http_apievents_limit_period(u_char *p, u_char *last,
    ngx_uint_t quota, uint64_t *period);
static ngx_int_t ngx_http_apievents_limit_key(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_apievents_limit_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_rate_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_limit_check(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit);


char *
ngx_http_apievents_api_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    return ngx_http_apievents_set_limit(cf, &lcf->gate.rates, 0);
}


char *
ngx_http_apievents_api_quota(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t  *lcf = conf;

    return ngx_http_apievents_set_limit(cf, &lcf->gate.quotas, 1);
}


static char *
ngx_http_apievents_set_limit(ngx_conf_t *cf, ngx_array_t **limits,
    ngx_uint_t quota)
{
    ngx_str_t                   *value, key;
    ngx_uint_t                   i;
    ngx_http_apievents_limit_t  *limit;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0
        || (*limits != NGX_CONF_UNSET_PTR && (*limits)->nelts == 0))
    {
        return ngx_http_apievents_limits_off(cf, limits);
    }

    if (*limits == NGX_CONF_UNSET_PTR) {
        *limits = ngx_array_create(cf->pool, 2,
                                   sizeof(ngx_http_apievents_limit_t));
        if (*limits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_apievents_limit_key(cf, &key) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    limit = ngx_http_apievents_add_limit(cf, *limits, quota, &key);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_apievents_limit_amount(cf, limit) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_apievents_limit_param(cf, limit, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_apievents_limit_check(cf, limit) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "off" is an array without elements, so nothing can stand beside it */

static char *
ngx_http_apievents_limits_off(ngx_conf_t *cf, ngx_array_t **limits)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (*limits != NGX_CONF_UNSET_PTR || cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V off\" must stand alone in its block",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    *limits = ngx_array_create(cf->pool, 1,
                               sizeof(ngx_http_apievents_limit_t));
    if (*limits == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * The counter is named by where the limit stands among the others of its kind
 * and by its key, never by its numbers, so that it goes on when those change.
 */

ngx_http_apievents_limit_t *
ngx_http_apievents_add_limit(ngx_conf_t *cf, ngx_array_t *limits,
    ngx_uint_t quota, ngx_str_t *key)
{
    u_char                            *p;
    ngx_http_apievents_limit_t        *limit;
    ngx_http_compile_complex_value_t   ccv;

    limit = ngx_array_push(limits);
    if (limit == NULL) {
        return NULL;
    }

    ngx_memzero(limit, sizeof(ngx_http_apievents_limit_t));

    limit->quota = quota ? 1 : 0;
    limit->rule.mode = quota ? AE_LIMIT_QUOTA : AE_LIMIT_GCRA;

    p = ngx_pnalloc(cf->pool, sizeof("quota..") + NGX_INT_T_LEN + key->len);
    if (p == NULL) {
        return NULL;
    }

    limit->text.data = p;
    limit->text.len = ngx_sprintf(p, "%s.%ui.%V", quota ? "quota" : "rate",
                                  limits->nelts, key)
                      - p;

    if (key->len == 0) {
        return limit;
    }

    limit->key = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (limit->key == NULL) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = key;
    ccv.complex_value = limit->key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NULL;
    }

    return limit;
}


static ngx_int_t
ngx_http_apievents_limit_amount(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit)
{
    u_char     *p, *last;
    ngx_str_t  *value;

    value = cf->args->elts;

    p = value[1].data;
    last = p + value[1].len;

    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    if (ngx_http_apievents_limit_number(value[1].data, p, &limit->rule.max)
        == NGX_OK
        && limit->rule.max != 0
        && ngx_http_apievents_limit_period(p, last, limit->quota,
                                           &limit->rule.period)
           == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid limit \"%V\" in \"%V\", expected a number "
                       "from 1 to %d and %s",
                       &value[1], &value[0], NGX_HTTP_APIEVENTS_LIMIT_MAX,
                       limit->quota
                       ? "\"/TIME\", such as \"10000/30d\""
                       : "\"r/s\", \"r/m\", \"r/h\", \"r/d\" or \"/TIME\", "
                         "such as \"100r/s\" or \"5/10s\"");
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_limit_number(u_char *p, u_char *last, uint64_t *n)
{
    ngx_int_t  value;

    value = ngx_atoi(p, last - p);

    if (value == NGX_ERROR || value > NGX_HTTP_APIEVENTS_LIMIT_MAX) {
        return NGX_ERROR;
    }

    *n = value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_limit_period(u_char *p, u_char *last, ngx_uint_t quota,
    uint64_t *period)
{
    ngx_int_t  ms;
    ngx_str_t  time;

    if (!quota && last - p == 3 && p[0] == 'r' && p[1] == '/') {
        p += 2;

        if (*p != 's' && *p != 'm' && *p != 'h' && *p != 'd') {
            return NGX_ERROR;
        }

        ms = (*p == 's') ? 1000
             : (*p == 'm') ? 60 * 1000
             : (*p == 'h') ? 3600 * 1000 : 24 * 3600 * 1000;

    } else {
        if (last - p < 2 || *p != '/') {
            return NGX_ERROR;
        }

        time.data = p + 1;
        time.len = last - p - 1;

        /* nginx takes months and years in seconds only */

        ms = ngx_parse_time(&time, 0);

        if (ms == NGX_ERROR) {
            ms = ngx_parse_time(&time, 1);

            if (ms > NGX_HTTP_APIEVENTS_PERIOD_MAX / 1000) {
                return NGX_ERROR;
            }

            ms *= 1000;
        }

        if (ms < 1 || ms > NGX_HTTP_APIEVENTS_PERIOD_MAX) {
            return NGX_ERROR;
        }
    }

    *period = (uint64_t) ms * 1000000;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_limit_key(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    ngx_str_null(name);
    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "key=", 4) != 0) {
            continue;
        }

        name->data = value[i].data + 4;
        name->len = value[i].len - 4;

        if (ngx_http_script_variables_count(name) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\", expected "
                               "a variable, such as key=$remote_addr",
                               &value[i], &value[0]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_limit_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg)
{
    if (ngx_strncmp(arg->data, "key=", 4) == 0) {
        return NGX_OK;
    }

    if (ngx_strcmp(arg->data, "dry_run") == 0) {
        limit->dry_run = 1;
        return NGX_OK;
    }

    if (!limit->quota) {
        return ngx_http_apievents_rate_param(cf, limit, arg);
    }

    if (ngx_strncmp(arg->data, "align=", 6) == 0
        || ngx_strncmp(arg->data, "tz=", 3) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"api_quota\" is not available yet, "
                           "expected none: a period starts at its first "
                           "request", arg);
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"api_quota\", expected "
                       "key=$VARIABLE or dry_run", arg);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_rate_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg)
{
    if (ngx_strncmp(arg->data, "burst=", 6) == 0) {

        if (ngx_http_apievents_limit_number(arg->data + 6,
                                            arg->data + arg->len,
                                            &limit->rule.burst)
            == NGX_OK)
        {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"api_rate\", "
                           "expected burst= with a number from 0 to %d",
                           arg, NGX_HTTP_APIEVENTS_LIMIT_MAX);
        return NGX_ERROR;
    }

    if (ngx_strcmp(arg->data, "mode=gcra") == 0) {
        limit->rule.mode = AE_LIMIT_GCRA;
        return NGX_OK;
    }

    if (ngx_strcmp(arg->data, "mode=window") == 0) {
        limit->rule.mode = AE_LIMIT_WINDOW;
        return NGX_OK;
    }

    if (ngx_strcmp(arg->data, "mode=fixed") == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mode=fixed\" in \"api_rate\" is not available "
                           "yet, expected mode=gcra or mode=window");
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"api_rate\", expected "
                       "burst=N, key=$VARIABLE, mode=gcra, mode=window or "
                       "dry_run", arg);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_limit_check(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit)
{
    if (limit->rule.mode == AE_LIMIT_WINDOW && limit->rule.burst != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"burst=\" in \"api_rate\" expected mode=gcra, "
                           "a window lets its number pass at once");
        return NGX_ERROR;
    }

    return NGX_OK;
}
