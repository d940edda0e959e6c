/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * An endpoint of run time from its words: the kinds' own functions parse them,
 * with a configuration that is nothing but a pool and a log.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_RUNTIME_WORDS  128
#define NGX_HTTP_APIEVENTS_RUNTIME_BYTES  (256 * 1024)


static ngx_http_apievents_endpoint_t *ngx_http_apievents_runtime_parse(
    ngx_pool_t *pool, ngx_str_t *args, ngx_uint_t nargs, ae_error_t *err);
static ngx_str_t *ngx_http_apievents_runtime_words(ngx_pool_t *pool,
    ngx_str_t *args, ngx_uint_t nargs, ae_error_t *err);
static void ngx_http_apievents_runtime_writer(ngx_log_t *log,
    ngx_uint_t level, u_char *buf, size_t len);


ngx_http_apievents_endpoint_t *
ngx_http_apievents_runtime_make(ngx_str_t *args, ngx_uint_t nargs,
    ae_error_t *err)
{
    ngx_str_t                       *words;
    ngx_pool_t                      *pool;
    ngx_http_apievents_endpoint_t   *ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_memzero(err, sizeof(ae_error_t));

    if (!mcf->deliver.runtime || mcf->deliver.worker == NULL) {
        (void) ngx_http_apievents_runtime_error(err, "nothing in the "
                                      "configuration puts such endpoints");
        return NULL;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool == NULL) {
        (void) ngx_http_apievents_runtime_error(err, "no memory");
        return NULL;
    }

    ep = NULL;
    words = ngx_http_apievents_runtime_words(pool, args, nargs, err);

    if (words != NULL) {
        ep = ngx_http_apievents_runtime_parse(pool, words, nargs, err);
    }

    if (ep == NULL) {

        if (err->text[0] == '\0') {
            (void) ngx_http_apievents_runtime_error(err, "no memory");
        }

        ngx_destroy_pool(pool);
        return NULL;
    }

    ep->pool = pool;

    return ep;
}


static ngx_http_apievents_endpoint_t *
ngx_http_apievents_runtime_parse(ngx_pool_t *pool, ngx_str_t *args,
    ngx_uint_t nargs, ae_error_t *err)
{
    ngx_log_t                        log;
    ngx_conf_t                       cf;
    ngx_http_apievents_endpoint_t   *ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_memzero(&log, sizeof(ngx_log_t));
    ngx_memzero(&cf, sizeof(ngx_conf_t));

    log.log_level = NGX_LOG_ERR;
    log.writer = ngx_http_apievents_runtime_writer;
    log.wdata = err;

    cf.cycle = (ngx_cycle_t *) ngx_cycle;
    cf.pool = pool;
    cf.temp_pool = pool;
    cf.log = &log;
    cf.ctx = mcf->generated.http;
    cf.module_type = NGX_HTTP_MODULE;
    cf.cmd_type = NGX_HTTP_MAIN_CONF;

    ep = ngx_http_apievents_endpoint_make(&cf, args, nargs);

    return ep;
}


/* they end with a NUL, as those of a configuration do, and have no other */

static ngx_str_t *
ngx_http_apievents_runtime_words(ngx_pool_t *pool, ngx_str_t *args,
    ngx_uint_t nargs, ae_error_t *err)
{
    size_t       size;
    ngx_str_t   *words;
    ngx_uint_t   i;

    if (nargs == 0 || nargs > NGX_HTTP_APIEVENTS_RUNTIME_WORDS) {
        (void) ngx_http_apievents_runtime_error(err, "an endpoint of at most "
                                                "128 words is expected");
        return NULL;
    }

    words = ngx_palloc(pool, nargs * sizeof(ngx_str_t));
    if (words == NULL) {
        return NULL;
    }

    size = 0;

    for (i = 0; i < nargs; i++) {
        size += args[i].len + 1;

        if (size > NGX_HTTP_APIEVENTS_RUNTIME_BYTES
            || (args[i].len != 0
                && memchr(args[i].data, '\0', args[i].len) != NULL))
        {
            (void) ngx_http_apievents_runtime_error(err, "words without "
                                "NUL, and of 256k in all, are expected");
            return NULL;
        }

        words[i].len = args[i].len;
        words[i].data = ngx_pnalloc(pool, args[i].len + 1);

        if (words[i].data == NULL) {
            return NULL;
        }

        *ngx_cpymem(words[i].data, args[i].data, args[i].len) = '\0';
    }

    return words;
}


/* the first line is what is wrong; time, level and process say nothing here */

static void
ngx_http_apievents_runtime_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len)
{
    u_char      *p, *end;
    ae_error_t  *err;

    err = log->wdata;

    if (err->text[0] != '\0') {
        return;
    }

    end = buf + len;

    if (len != 0 && end[-1] == LF) {
        end--;
    }

    p = ngx_strlchr(buf, end, '#');

    while (p != NULL && p < end && *p != ' ') {
        p++;
    }

    p = (p == NULL || p == end) ? buf : p + 1;

    len = ngx_min((size_t) (end - p), sizeof(err->text) - 1);

    *ngx_cpymem((u_char *) err->text, p, len) = '\0';
}


ngx_int_t
ngx_http_apievents_runtime_error(ae_error_t *err, const char *text)
{
    (void) ngx_cpystrn((u_char *) err->text, (u_char *) text,
                       sizeof(err->text));

    return NGX_ERROR;
}
