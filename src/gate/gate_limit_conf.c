/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_rate and api_quota.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_LIMIT_MAX   1000000000

/* minutes east or west of UTC */
#define NGX_HTTP_APIEVENTS_TZ_MAX      (14 * 60)

/* longest period, ten years in milliseconds */
#define NGX_HTTP_APIEVENTS_PERIOD_MAX                                         \
    ((ngx_int_t) 3650 * 24 * 60 * 60 * 1000)


/* units of align=, and what TIME has to be beside each */

typedef struct {
    ngx_str_t                   name;
    ngx_uint_t                  align;          /* ae_limit_align_e */
    ngx_int_t                   least;          /* seconds */
    ngx_int_t                   most;
    const char                 *expected;
} ngx_http_apievents_align_t;


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
static ngx_int_t ngx_http_apievents_limit_once(ngx_conf_t *cf,
    ngx_str_t *value, ngx_uint_t n);
static ngx_int_t ngx_http_apievents_limit_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_rate_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_quota_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_quota_tz(ngx_str_t *tz, int32_t *offset);
static ngx_int_t ngx_http_apievents_rate_check(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit);
static ngx_int_t ngx_http_apievents_quota_check(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *amount);


static ngx_http_apievents_align_t  ngx_http_apievents_aligns[] = {
    { ngx_string("hour"), AE_ALIGN_HOUR, 3600, 3600, "1h" },
    { ngx_string("day"), AE_ALIGN_DAY, 86400, 86400, "1d" },
    { ngx_string("week"), AE_ALIGN_WEEK, 604800, 604800, "1w or 7d" },
    { ngx_string("month"), AE_ALIGN_MONTH, 28 * 86400, 31 * 86400,
      "1M or 28d to 31d" },
    { ngx_null_string, AE_ALIGN_NONE, 0, 0, NULL }
};


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
        if (ngx_http_apievents_limit_once(cf, value, i) != NGX_OK
            || ngx_http_apievents_limit_param(cf, limit, &value[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (quota) {
        if (ngx_http_apievents_quota_check(cf, limit, &value[1]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else {
        if (ngx_http_apievents_rate_check(cf, limit) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
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

    p = ngx_pnalloc(cf->pool, sizeof("api-quota-") + NGX_INT_T_LEN);
    if (p == NULL) {
        return NULL;
    }

    limit->name.data = p;
    limit->name.len = ngx_sprintf(p, "api-%s-%ui", quota ? "quota" : "rate",
                                  limits->nelts)
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
ngx_http_apievents_limit_once(ngx_conf_t *cf, ngx_str_t *value, ngx_uint_t n)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    p = ngx_strlchr(value[n].data, value[n].data + value[n].len, '=');
    len = (p != NULL) ? (size_t) (p + 1 - value[n].data) : value[n].len + 1;

    for (i = 2; i < n; i++) {

        if (ngx_strncmp(value[i].data, value[n].data, len) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "repeated parameter \"%V\" in \"%V\", expected "
                               "each of them once", &value[n], &value[0]);
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

    return limit->quota ? ngx_http_apievents_quota_param(cf, limit, arg)
                        : ngx_http_apievents_rate_param(cf, limit, arg);
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
        limit->rule.mode = AE_LIMIT_FIXED;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"api_rate\", expected "
                       "burst=N, key=$VARIABLE, mode=gcra, mode=window, "
                       "mode=fixed or dry_run", arg);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_quota_param(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *arg)
{
    ngx_str_t                    value;
    ngx_http_apievents_align_t  *a;

    if (ngx_strncmp(arg->data, "align=", 6) == 0) {

        for (a = ngx_http_apievents_aligns; a->name.len; a++) {
            if (ngx_strcmp(a->name.data, arg->data + 6) == 0) {
                limit->rule.align = a->align;
                return NGX_OK;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"api_quota\", "
                           "expected align=hour, align=day, align=week or "
                           "align=month", arg);
        return NGX_ERROR;
    }

    if (ngx_strncmp(arg->data, "tz=", 3) == 0) {
        value.data = arg->data + 3;
        value.len = arg->len - 3;

        if (ngx_http_apievents_quota_tz(&value, &limit->rule.offset)
            == NGX_OK)
        {
            limit->has_tz = 1;
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"api_quota\", "
                           "expected tz=Z, or tz= with hours and minutes east "
                           "of UTC from -14:00 to +14:00, such as tz=+01:00",
                           arg);
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"api_quota\", expected "
                       "key=$VARIABLE, align=UNIT, tz=OFFSET or dry_run",
                       arg);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_quota_tz(ngx_str_t *tz, int32_t *offset)
{
    ngx_int_t  hours, minutes;

    *offset = 0;

    if (tz->len == 1 && tz->data[0] == 'Z') {
        return NGX_OK;
    }

    if (tz->len != sizeof("+00:00") - 1
        || (tz->data[0] != '+' && tz->data[0] != '-')
        || tz->data[3] != ':')
    {
        return NGX_ERROR;
    }

    hours = ngx_atoi(tz->data + 1, 2);
    minutes = ngx_atoi(tz->data + 4, 2);

    if (hours == NGX_ERROR || minutes == NGX_ERROR || minutes > 59
        || hours * 60 + minutes > NGX_HTTP_APIEVENTS_TZ_MAX)
    {
        return NGX_ERROR;
    }

    *offset = (hours * 60 + minutes) * 60;

    if (tz->data[0] == '-') {
        *offset = -*offset;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_rate_check(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit)
{
    if (limit->rule.mode != AE_LIMIT_GCRA && limit->rule.burst != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"burst=\" in \"api_rate\" expected mode=gcra, "
                           "a window lets its number pass at once");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a month has no length of its own, so any that one has is its */

static ngx_int_t
ngx_http_apievents_quota_check(ngx_conf_t *cf,
    ngx_http_apievents_limit_t *limit, ngx_str_t *amount)
{
    uint64_t                     seconds;
    ngx_http_apievents_align_t  *a;

    if (limit->rule.align == AE_ALIGN_NONE) {

        if (limit->has_tz) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tz=\" in \"api_quota\" expected align= "
                               "beside it, a period starts at the first "
                               "request");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    a = ngx_http_apievents_aligns;

    while (a->align != (ngx_uint_t) limit->rule.align) {
        a++;
    }

    seconds = limit->rule.period / 1000000000;

    if (limit->rule.period % 1000000000 == 0
        && seconds >= (uint64_t) a->least && seconds <= (uint64_t) a->most
        && (seconds == (uint64_t) a->least || seconds % 86400 == 0))
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid time in \"%V\" of \"api_quota\" with "
                       "align=%V, expected %s",
                       amount, &a->name, a->expected);
    return NGX_ERROR;
}
