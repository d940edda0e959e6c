/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * How a breaker comes into being: what holds where nothing is said, its name,
 * and those of definitions.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_SECONDS_MAX  (30 * 24 * 3600)


static ngx_uint_t ngx_http_apievents_breaker_same(ngx_array_t *breakers,
    ngx_http_apievents_breaker_t *b);
static ngx_uint_t ngx_http_apievents_same_str(ngx_str_t *one,
    ngx_str_t *two);
static ngx_int_t ngx_http_apievents_list_breakers(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf);


ngx_int_t
ngx_http_apievents_breaker_defaults(ngx_conf_t *cf,
    ngx_http_apievents_breaker_t *b)
{
    ngx_http_apievents_range_t  *range;

    ngx_memzero(b, sizeof(ngx_http_apievents_breaker_t));

    b->rule.threshold = NGX_HTTP_APIEVENTS_MILLION / 2;
    b->rule.samples = 20;
    b->rule.half_open = 1;
    b->rule.window = (uint64_t) 10 * 1000000000;
    b->rule.open = (uint64_t) 30 * 1000000000;
    b->rule.lease = (uint64_t) 120 * 1000000000;

    b->statuses = ngx_array_create(cf->pool, 1,
                                   sizeof(ngx_http_apievents_range_t));
    if (b->statuses == NULL) {
        return NGX_ERROR;
    }

    range = ngx_array_push(b->statuses);
    if (range == NULL) {
        return NGX_ERROR;
    }

    range->from = 500;
    range->to = 599;

    return NGX_OK;
}


/* as in Tyk */

ngx_int_t
ngx_http_apievents_add_breaker(ngx_conf_t *cf, ngx_array_t *breakers,
    ngx_http_apievents_path_t *path, ngx_str_t *version, double threshold,
    int64_t samples, int64_t seconds, ngx_uint_t half_open,
    const char **expected)
{
    ngx_http_apievents_breaker_t  b;

    if (!(threshold >= 0 && threshold <= 1)) {
        *expected = "threshold_percent as a ratio from 0 to 1";
        return NGX_DECLINED;
    }

    if (samples < 0 || samples > NGX_HTTP_APIEVENTS_BREAKER_SAMPLES) {
        *expected = "samples from 0 to 1000000";
        return NGX_DECLINED;
    }

    if (seconds < 1 || seconds > NGX_HTTP_APIEVENTS_SECONDS_MAX) {
        *expected = "return_to_service_after from 1 to 2592000 seconds";
        return NGX_DECLINED;
    }

    if (ngx_http_apievents_breaker_defaults(cf, &b) != NGX_OK) {
        return NGX_ERROR;
    }

    b.path = *path;
    b.version = *version;

    /* with nothing asked for the first failure is enough */

    b.rule.threshold = threshold * NGX_HTTP_APIEVENTS_MILLION + 0.5;
    b.rule.threshold = ngx_max(b.rule.threshold, 1);
    b.rule.samples = ngx_max(samples, 1);
    b.rule.open = (uint64_t) seconds * 1000000000;
    b.rule.half_open = half_open ? 1 : 0;

    return ngx_http_apievents_push_breaker(cf, breakers, &b) == NULL
           ? NGX_ERROR : NGX_OK;
}


/*
 * A breaker is named by what it stands for, never by its numbers or by where
 * it is written, so that its state goes on when those change.
 */

ngx_http_apievents_breaker_t *
ngx_http_apievents_push_breaker(ngx_conf_t *cf, ngx_array_t *breakers,
    ngx_http_apievents_breaker_t *b)
{
    u_char                        *p;
    ngx_uint_t                     n;
    ngx_http_apievents_breaker_t  *breaker;

    n = ngx_http_apievents_breaker_same(breakers, b);

    p = ngx_pnalloc(cf->pool, sizeof("dry_run....") + NGX_INT_T_LEN
                              + b->path.method.len + b->version.len
                              + b->path.text.len);
    if (p == NULL) {
        return NULL;
    }

    b->text.data = p;

    p = ngx_sprintf(p, "%s%Z%ui%Z%V%Z%V%Z%V",
                    b->dry_run ? "dry_run" : "", n, &b->path.method,
                    &b->version, &b->path.text);

    b->text.len = p - b->text.data;

    breaker = ngx_array_push(breakers);
    if (breaker == NULL) {
        return NULL;
    }

    *breaker = *b;

    return breaker;
}


/* so many stand for the same already: dry runs of other numbers may */

static ngx_uint_t
ngx_http_apievents_breaker_same(ngx_array_t *breakers,
    ngx_http_apievents_breaker_t *b)
{
    ngx_uint_t                     i, n;
    ngx_http_apievents_breaker_t  *other;

    n = 0;
    other = breakers->elts;

    for (i = 0; i < breakers->nelts; i++) {

        if (other[i].dry_run == b->dry_run
            && ngx_http_apievents_same_str(&other[i].path.text,
                                           &b->path.text)
            && ngx_http_apievents_same_str(&other[i].path.method,
                                           &b->path.method)
            && ngx_http_apievents_same_str(&other[i].version, &b->version))
        {
            n++;
        }
    }

    return n;
}


static ngx_uint_t
ngx_http_apievents_same_str(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && (one->len == 0
               || ngx_strncmp(one->data, two->data, one->len) == 0);
}


ngx_int_t
ngx_http_apievents_name_breakers(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf)
{
    ngx_uint_t                     i;
    ngx_http_apievents_breaker_t  *b;

    conf->breaker_entries = ngx_pcalloc(cf->pool, conf->breakers->nelts
                                        * sizeof(ngx_http_apievents_entry_t));
    if (conf->breaker_entries == NULL) {
        return NGX_ERROR;
    }

    if (conf->breakers->nelts != 0
        && ngx_http_apievents_list_breakers(cf, conf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    conf->trials = 0;
    b = conf->breakers->elts;

    for (i = 0; i < conf->breakers->nelts; i++) {
        conf->trials += b[i].dry_run;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_list_breakers(ngx_conf_t *cf,
    ngx_http_apievents_gate_conf_t *conf)
{
    ngx_array_t                       **list;
    ngx_http_apievents_gate_conf_t    **gcf;
    ngx_http_apievents_main_conf_t     *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    list = &mcf->gate.breaking;

    if (*list == NULL) {
        *list = ngx_array_create(cf->pool, 4,
                                 sizeof(ngx_http_apievents_gate_conf_t *));
        if (*list == NULL) {
            return NGX_ERROR;
        }
    }

    gcf = ngx_array_push(*list);
    if (gcf == NULL) {
        return NGX_ERROR;
    }

    *gcf = conf;

    return NGX_OK;
}
