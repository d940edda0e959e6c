/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Limits of a definition: rates of the whole API and of its endpoints,
 * breakers and timeouts.
 */


#include "definition/definition_private.h"


#define NGX_HTTP_APIEVENTS_RATE_MAX     1e9
#define NGX_HTTP_APIEVENTS_PER_MAX      (3650.0 * 24 * 60 * 60)
#define NGX_HTTP_APIEVENTS_TIMEOUT_MAX  (24 * 60 * 60 * 1000)


static ngx_int_t ngx_http_apievents_definition_endpoints(
    ngx_http_apievents_definition_t *def, const ae_value_t *version,
    const char *name, ngx_int_t (*add)(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_path_t *path));
static ngx_int_t ngx_http_apievents_endpoint_breaker(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_path_t *path);
static ngx_int_t ngx_http_apievents_endpoint_timeout(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_path_t *path);
static ngx_int_t ngx_http_apievents_endpoint_rate(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    ngx_http_apievents_path_t *path);
static ngx_int_t ngx_http_apievents_definition_timeout(
    ngx_http_apievents_definition_t *def, const ae_value_t *map);
static ngx_int_t ngx_http_apievents_definition_time(
    ngx_http_apievents_definition_t *def, const ae_value_t *map,
    const char *name, ngx_msec_t *msec);
static ngx_int_t ngx_http_apievents_parse_duration(const ae_str_t *s,
    double *ms);
static ngx_int_t ngx_http_apievents_definition_list(
    ngx_http_apievents_definition_t *def, ngx_array_t **list, size_t size);
static ngx_http_apievents_limit_t *ngx_http_apievents_definition_limit(
    ngx_http_apievents_definition_t *def, double rate, double per);


ngx_int_t
ngx_http_apievents_definition_rate(ngx_http_apievents_definition_t *def)
{
    double       rate, per;
    ae_value_t  *map;
    ngx_flag_t   disabled;

    disabled = 0;
    rate = 0;
    per = 0;

    if (ngx_http_apievents_entry(def, def->root, "global_rate_limit", AE_MAP,
                                 &map)
        != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "disabled", &disabled)
           != NGX_OK
        || ngx_http_apievents_definition_number(def, map, "rate",
                                      NGX_HTTP_APIEVENTS_RATE_MAX,
                                      "a number up to 1000000000", &rate)
           != NGX_OK
        || ngx_http_apievents_definition_number(def, map, "per",
                                      NGX_HTTP_APIEVENTS_PER_MAX,
                                      "seconds, at most ten years", &per)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* disable_rate_limit is for the API's limits too */

    if (!disabled && def->gcf->key_rate && (rate <= 0 || per <= 0)) {
        return NGX_OK;
    }

    if (ngx_http_apievents_definition_list(def, &def->gcf->rates,
                                           sizeof(ngx_http_apievents_limit_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (disabled || !def->gcf->key_rate) {
        return NGX_OK;
    }

    return ngx_http_apievents_definition_limit(def, rate, per) == NULL
           ? NGX_ERROR : NGX_OK;
}


/* extended_paths of one version, and its timeout for all paths */

ngx_int_t
ngx_http_apievents_definition_extended(ngx_http_apievents_definition_t *def,
    const ae_value_t *version, const ae_value_t *extended)
{
    if (extended != NULL
        && (ngx_http_apievents_definition_endpoints(def, extended,
                                          "circuit_breakers",
                                          ngx_http_apievents_endpoint_breaker)
            != NGX_OK
            || ngx_http_apievents_definition_endpoints(def, extended,
                                          "hard_timeouts",
                                          ngx_http_apievents_endpoint_timeout)
               != NGX_OK
            || ngx_http_apievents_definition_endpoints(def, extended,
                                          "rate_limit",
                                          ngx_http_apievents_endpoint_rate)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    /* the first that matches counts: those of paths stand before it */

    return ngx_http_apievents_definition_timeout(def, version);
}


static ngx_int_t
ngx_http_apievents_definition_endpoints(ngx_http_apievents_definition_t *def,
    const ae_value_t *extended, const char *name,
    ngx_int_t (*add)(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_path_t *path))
{
    ngx_int_t                   rc;
    ae_value_t                 *array, *v;
    ngx_http_apievents_path_t   path;

    if (ngx_http_apievents_entry(def, extended, name, AE_ARRAY, &array)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (v = array ? array->first : NULL; v != NULL; v = v->next) {

        rc = ngx_http_apievents_definition_method(def, v, name, &path);

        if (rc == NGX_OK) {
            rc = add(def, v, &path);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_endpoint_breaker(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_path_t *path)
{
    double       threshold, samples, seconds;
    ngx_int_t    rc;
    ngx_flag_t   closed;
    const char  *expected;

    threshold = 0;
    samples = 0;
    seconds = 0;
    closed = 0;

    if (ngx_http_apievents_definition_number(def, map, "threshold_percent", 1,
                                             "a ratio from 0 to 1",
                                             &threshold)
        != NGX_OK
        || ngx_http_apievents_definition_number(def, map, "samples", 1e6,
                                                "a number from 0 to 1000000",
                                                &samples)
           != NGX_OK
        || ngx_http_apievents_definition_number(def, map,
                                                "return_to_service_after",
                                                1e9, "seconds", &seconds)
           != NGX_OK
        || ngx_http_apievents_entry_bool(def, map, "disable_half_open_state",
                                         &closed)
           != NGX_OK
        || ngx_http_apievents_definition_list(def, &def->gcf->breakers,
                                        sizeof(ngx_http_apievents_breaker_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_add_breaker(def->cf, def->gcf->breakers, path,
                                        &def->lists->version, threshold,
                                        (int64_t) samples, (int64_t) seconds,
                                        !closed, &expected);

    if (rc == NGX_DECLINED) {
        ngx_http_apievents_entry_error(def, map, "circuit_breakers",
                                       expected);
        return NGX_ERROR;
    }

    return rc;
}


/* as in Tyk, the text before the number */

static ngx_int_t
ngx_http_apievents_endpoint_timeout(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_path_t *path)
{
    ngx_msec_t  msec;

    msec = 0;

    if (ngx_http_apievents_definition_time(def, map, "duration", &msec)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (msec == 0
        && ngx_http_apievents_definition_time(def, map, "timeout", &msec)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (msec == 0) {
        return NGX_OK;
    }

    if (ngx_http_apievents_definition_list(def, &def->gcf->timeouts,
                                        sizeof(ngx_http_apievents_timeout_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_add_timeout(def->cf, def->gcf->timeouts, path,
                                          &def->lists->version, msec);
}


/* as in Tyk; a rate below zero is no limit */

static ngx_int_t
ngx_http_apievents_endpoint_rate(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, ngx_http_apievents_path_t *path)
{
    u_char                      *p;
    double                       rate, per;
    ngx_http_apievents_limit_t  *limit;

    rate = 0;
    per = 0;

    if (ngx_http_apievents_definition_number(def, map, "rate",
                                             NGX_HTTP_APIEVENTS_RATE_MAX,
                                             "a number up to 1000000000",
                                             &rate)
        != NGX_OK
        || ngx_http_apievents_definition_number(def, map, "per",
                                             NGX_HTTP_APIEVENTS_PER_MAX,
                                             "seconds, at most ten years",
                                             &per)
           != NGX_OK
        || ngx_http_apievents_definition_list(def, &def->gcf->rates,
                                         sizeof(ngx_http_apievents_limit_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (per <= 0 || rate == 0 || !def->gcf->key_rate) {
        return NGX_OK;
    }

    limit = ngx_http_apievents_definition_limit(def, ngx_max(rate, 1e-6), per);
    if (limit == NULL) {
        return NGX_ERROR;
    }

    limit->path = ngx_palloc(def->cf->pool,
                             sizeof(ngx_http_apievents_path_t));
    if (limit->path == NULL) {
        return NGX_ERROR;
    }

    *limit->path = *path;
    limit->version = def->lists->version;
    limit->unlimited = (rate < 0);

    /* named by what it stands for: entries may change places */

    p = ngx_pnalloc(def->cf->pool, sizeof("endpoint...")
                                   + limit->version.len + path->method.len
                                   + path->text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    limit->text.data = p;
    limit->text.len = ngx_sprintf(p, "endpoint%Z%V%Z%V%Z%V", &limit->version,
                                  &path->method, &path->text)
                      - p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_definition_timeout(ngx_http_apievents_definition_t *def,
    const ae_value_t *map)
{
    ngx_flag_t                  disabled;
    ngx_msec_t                  msec;
    ngx_http_apievents_path_t   path;

    disabled = 0;
    msec = 0;

    if (ngx_http_apievents_entry_bool(def, map,
                                      "global_enforce_timeout_disabled",
                                      &disabled)
        != NGX_OK
        || ngx_http_apievents_definition_time(def, map,
                                              "global_enforce_timeout", &msec)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (disabled || msec == 0) {
        return NGX_OK;
    }

    ngx_memzero(&path, sizeof(ngx_http_apievents_path_t));

    if (ngx_http_apievents_definition_list(def, &def->gcf->timeouts,
                                        sizeof(ngx_http_apievents_timeout_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_add_timeout(def->cf, def->gcf->timeouts, &path,
                                          &def->lists->version, msec);
}


/* seconds, or a text such as 1m30s; nothing or 0 leaves *msec as it is */

static ngx_int_t
ngx_http_apievents_definition_time(ngx_http_apievents_definition_t *def,
    const ae_value_t *map, const char *name, ngx_msec_t *msec)
{
    double             ms;
    const ae_value_t  *v;

    v = ae_value_get(map, name);

    if (v == NULL || v->type == AE_NULL) {
        return NGX_OK;
    }

    if (v->type == AE_NUMBER) {
        ms = v->number * 1000;

    } else if (v->type != AE_STRING
               || ngx_http_apievents_parse_duration(&v->s, &ms) != NGX_OK)
    {
        ms = -1;
    }

    if (!(ms >= 0 && ms <= NGX_HTTP_APIEVENTS_TIMEOUT_MAX)) {
        ngx_http_apievents_entry_error(def, v, name,
                                       "seconds, or a time such as "
                                       "\"1m30s\", up to a day");
        return NGX_ERROR;
    }

    if (ms > 0) {
        *msec = ngx_max((ngx_msec_t) ms, 1);
    }

    return NGX_OK;
}


/* Go's: numbers, with a point or without, and a unit behind each */

static ngx_int_t
ngx_http_apievents_parse_duration(const ae_str_t *s, double *ms)
{
    u_char      *p, *last;
    size_t       i;
    double       n, scale;

    static const struct {
        const char  *name;
        double       ms;
    } units[] = {
        { "ns", 1e-6 }, { "us", 1e-3 }, { "ms", 1 }, { "s", 1000 },
        { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 }
    };

    *ms = 0;

    p = (u_char *) s->data;
    last = p + s->len;

    while (p < last) {

        if (!isdigit(*p)) {
            return NGX_ERROR;
        }

        for (n = 0; p < last && isdigit(*p); p++) {
            n = n * 10 + (*p - '0');
        }

        if (p < last && *p == '.') {
            p++;

            for (scale = 0.1; p < last && isdigit(*p); p++) {
                n += (*p - '0') * scale;
                scale /= 10;
            }
        }

        for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {

            if ((size_t) (last - p) >= ngx_strlen(units[i].name)
                && ngx_strncmp(p, units[i].name, ngx_strlen(units[i].name))
                   == 0)
            {
                break;
            }
        }

        if (i == sizeof(units) / sizeof(units[0])) {
            return NGX_ERROR;
        }

        *ms += n * units[i].ms;
        p += ngx_strlen(units[i].name);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_definition_list(ngx_http_apievents_definition_t *def,
    ngx_array_t **list, size_t size)
{
    if (*list == NGX_CONF_UNSET_PTR || *list == NULL) {
        *list = ngx_array_create(def->cf->pool, 2, size);
    }

    return (*list == NULL) ? NGX_ERROR : NGX_OK;
}


/* as a session's: that many pass at once in any period */

static ngx_http_apievents_limit_t *
ngx_http_apievents_definition_limit(ngx_http_apievents_definition_t *def,
    double rate, double per)
{
    double                       max;
    ngx_str_t                    key;
    ngx_http_apievents_limit_t  *limit;

    ngx_str_null(&key);

    limit = ngx_http_apievents_add_limit(def->cf, def->gcf->rates, 0, &key);
    if (limit == NULL) {
        return NULL;
    }

    /* a fraction of a request is a whole one in a longer period */

    max = (rate < 1) ? 1 : (double) (uint64_t) rate;
    per = ngx_min(per * max / rate, NGX_HTTP_APIEVENTS_PER_MAX);

    limit->rule.mode = AE_LIMIT_WINDOW;
    limit->rule.max = (uint64_t) max;
    limit->rule.period = ngx_max((uint64_t) (per * 1e9), 1);

    return limit;
}
