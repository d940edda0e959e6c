/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Files of log handlers.  Lines are gathered in the worker and written with
 * one write() of whole lines behind what others appended, so that those of
 * several workers never mix.  A delivery ends when its line was written: one
 * whose worker is killed before is due again.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"

#include <sys/uio.h>


#define NGX_HTTP_APIEVENTS_FILE_BUFFER  65536
#define NGX_HTTP_APIEVENTS_FILE_MAX     (16 * 1024 * 1024)
#define NGX_HTTP_APIEVENTS_FILE_AGE     1000                    /* ms */
#define NGX_HTTP_APIEVENTS_FILE_OLDEST  (60 * 60 * 1000)

/* parts of the zone that deliveries which wait for a buffer may keep */
#define NGX_HTTP_APIEVENTS_FILE_COUNT   16384                   /* bytes */
#define NGX_HTTP_APIEVENTS_FILE_HELD    64


struct ngx_http_apievents_file_s {
    ngx_open_file_t                *file;
    size_t                          size;       /* of the buffer, 0: none */
    ngx_msec_t                      age;
    ngx_uint_t                      concurrency;

    /* of the worker */
    u_char                         *start;
    u_char                         *pos;
    ngx_queue_t                     attempts;   /* whose lines are in it */
    ngx_uint_t                      n;
    ngx_uint_t                      max;
    size_t                          held;       /* of the zone, by them */
    size_t                          held_max;
    ngx_event_t                     timer;
    ngx_connection_t                dummy;

    ngx_atomic_uint_t               torn;       /* as the zone had it */
    uint64_t                        failed;     /* deliveries, since it was
                                                   told */
    u_char                          error[128];
};


static ngx_int_t ngx_http_apievents_file_bounds(ngx_conf_t *cf,
    ngx_array_t *params, ngx_str_t *size, size_t *n, ngx_msec_t *age);
static ngx_http_apievents_file_t *ngx_http_apievents_file(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, ngx_msec_t age);
static ngx_http_apievents_file_t *ngx_http_apievents_file_find(
    ngx_array_t *files, ngx_open_file_t *file);
static ngx_int_t ngx_http_apievents_file_ready(ngx_http_apievents_file_t *f);
static void ngx_http_apievents_file_flush(ngx_http_apievents_file_t *f);
static void ngx_http_apievents_file_timer(ngx_event_t *ev);
static void ngx_http_apievents_file_reopen(ngx_open_file_t *file,
    ngx_log_t *log);
static ngx_int_t ngx_http_apievents_file_one(ngx_http_apievents_file_t *f,
    ngx_http_apievents_attempt_t *a, u_char *line, size_t len);
static size_t ngx_http_apievents_file_put(ngx_http_apievents_file_t *f,
    u_char *data, size_t len);
static void ngx_http_apievents_file_error(ngx_http_apievents_file_t *f,
    ngx_err_t err);
static void ngx_http_apievents_file_tell(ngx_http_apievents_file_t *f,
    ngx_uint_t failed);
static void ngx_http_apievents_file_fail(ngx_http_apievents_file_t *f,
    ngx_http_apievents_attempt_t *a);


ngx_int_t
ngx_http_apievents_file_parse(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params,
    ngx_http_apievents_file_t **file)
{
    size_t      n;
    ngx_str_t  *name, *size, none, full;
    ngx_msec_t  age;

    *file = NULL;

    name = ngx_http_apievents_param(params, "file");
    size = ngx_http_apievents_param(params, "buffer");

    if (name == NULL) {

        if (size != NULL || ngx_http_apievents_param(params, "flush") != NULL)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"buffer=\" and \"flush=\" are for a file, "
                               "\"file=\" is expected beside them");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (name->len == 0
        || ngx_strlchr(name->data, name->data + name->len, '$') != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"file=%V\", a file name without "
                           "variables is expected", name);
        return NGX_ERROR;
    }

    ngx_str_null(&none);

    if (ngx_http_apievents_file_bounds(cf, params, size ? size : &none, &n,
                                       &age)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    full = *name;

    *file = ngx_http_apievents_file(cf, &full, n, age);
    if (*file == NULL) {
        return NGX_ERROR;
    }

    (*file)->concurrency = ngx_min((*file)->concurrency, ep->concurrency);

    ep->label = *name;
    ngx_http_apievents_identify(ep, &(*file)->file->name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_file_bounds(ngx_conf_t *cf, ngx_array_t *params,
    ngx_str_t *size, size_t *n, ngx_msec_t *age)
{
    ssize_t  bytes;

    bytes = NGX_HTTP_APIEVENTS_FILE_BUFFER;

    if (size->data != NULL) {
        bytes = (ngx_strcmp(size->data, "off") == 0) ? 0
                                                     : ngx_parse_size(size);
    }

    if (bytes < 0 || bytes > NGX_HTTP_APIEVENTS_FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"buffer=%V\", a size up to 16m or "
                           "\"off\" is expected", size);
        return NGX_ERROR;
    }

    *n = bytes;
    *age = NGX_HTTP_APIEVENTS_FILE_AGE;

    if (ngx_http_apievents_param_time(cf, params, "flush", age) != NGX_OK) {
        return NGX_ERROR;
    }

    if (*age == 0 || *age > NGX_HTTP_APIEVENTS_FILE_OLDEST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"flush=\", a time between 1ms and 1h is "
                           "expected");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * One buffer a file, whatever handlers write there.  It is not found through
 * file->data: access_log takes what is there for a buffer of its own.
 */

static ngx_http_apievents_file_t *
ngx_http_apievents_file(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    ngx_msec_t age)
{
    ngx_array_t                     *files;
    ngx_open_file_t                 *file;
    ngx_http_apievents_file_t       *f, **fp;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    files = &mcf->deliver.files;

    file = ngx_conf_open_file(cf->cycle, name);
    if (file == NULL) {
        return NULL;
    }

    f = ngx_http_apievents_file_find(files, file);

    if (f != NULL) {

        if (f->size == size && f->age == age) {
            return f;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "file \"%V\" has another \"buffer=\" or "
                           "\"flush=\" above, the same is expected",
                           &file->name);
        return NULL;
    }

    f = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_file_t));
    fp = ngx_array_push(files);

    if (f == NULL || fp == NULL) {
        return NULL;
    }

    *fp = f;

    f->file = file;
    f->size = size;
    f->age = age;
    f->concurrency = NGX_MAX_INT32_VALUE;

    if (file->flush == NULL) {
        file->flush = ngx_http_apievents_file_reopen;
    }

    return f;
}


static ngx_http_apievents_file_t *
ngx_http_apievents_file_find(ngx_array_t *files, ngx_open_file_t *file)
{
    ngx_uint_t                   i;
    ngx_http_apievents_file_t  **f;

    f = files->elts;

    for (i = 0; i < files->nelts; i++) {
        if (f[i]->file == file) {
            return f[i];
        }
    }

    return NULL;
}


/* the attempt may be done when this returns NGX_AGAIN */

ngx_int_t
ngx_http_apievents_file_write(ngx_http_apievents_file_t *f,
    ngx_http_apievents_attempt_t *a, u_char *line, size_t len)
{
    if (f->size == 0 || ngx_http_apievents_file_ready(f) != NGX_OK) {
        return ngx_http_apievents_file_one(f, a, line, len);
    }

    if (len > f->size - (f->pos - f->start)) {
        ngx_http_apievents_file_flush(f);
    }

    if (len > f->size) {
        return ngx_http_apievents_file_one(f, a, line, len);
    }

    f->pos = ngx_cpymem(f->pos, line, len);
    f->held += a->lease.len;
    f->n++;

    ngx_queue_insert_tail(&f->attempts, &a->queue);

    if (f->n >= f->max || f->held >= f->held_max) {
        ngx_http_apievents_file_flush(f);

    } else if (!f->timer.timer_set) {
        ngx_add_timer(&f->timer, f->age);
    }

    return NGX_AGAIN;
}


/*
 * What waits for the buffer is under way: with the others workers it must not
 * use up the concurrency, nor the pool that all endpoints share.
 */

static ngx_int_t
ngx_http_apievents_file_ready(ngx_http_apievents_file_t *f)
{
    size_t                           zone;
    ngx_uint_t                       workers;
    ngx_core_conf_t                 *ccf;
    ngx_http_apievents_main_conf_t  *mcf;

    if (f->start != NULL) {
        return NGX_OK;
    }

    f->start = ngx_palloc(ngx_cycle->pool, f->size);
    if (f->start == NULL) {
        return NGX_ERROR;
    }

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    workers = ngx_max(ccf->worker_processes, 1);
    zone = mcf->store.shm_zone->shm.size / workers;

    f->pos = f->start;
    f->max = ngx_min(f->concurrency / workers,
                     zone / NGX_HTTP_APIEVENTS_FILE_COUNT);
    f->held_max = zone / NGX_HTTP_APIEVENTS_FILE_HELD;

    ngx_queue_init(&f->attempts);

    f->dummy.fd = (ngx_socket_t) -1;

    f->timer.handler = ngx_http_apievents_file_timer;
    f->timer.data = &f->dummy;
    f->timer.log = ngx_cycle->log;
    f->timer.cancelable = 1;

    f->dummy.data = f;

    return NGX_OK;
}


static void
ngx_http_apievents_file_timer(ngx_event_t *ev)
{
    ngx_connection_t *c = ev->data;

    ngx_http_apievents_file_flush(c->data);
}


/* by USR1, in the master too, where nothing waits */

static void
ngx_http_apievents_file_reopen(ngx_open_file_t *file, ngx_log_t *log)
{
    ngx_http_apievents_file_t       *f;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    f = ngx_http_apievents_file_find(&mcf->deliver.files, file);

    if (f != NULL) {
        ngx_http_apievents_file_flush(f);
    }
}


void
ngx_http_apievents_files_flush(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i;
    ngx_http_apievents_file_t      **f;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);
    f = mcf->deliver.files.elts;

    for (i = 0; i < mcf->deliver.files.nelts; i++) {
        ngx_http_apievents_file_flush(f[i]);
    }
}


static void
ngx_http_apievents_file_flush(ngx_http_apievents_file_t *f)
{
    u_char                        *p, *last;
    ngx_uint_t                     failed;
    ngx_queue_t                   *q, attempts;
    ngx_http_apievents_attempt_t  *a;

    if (f->n == 0) {
        return;
    }

    p = f->start;
    last = p + ngx_http_apievents_file_put(f, p, f->pos - p);

    /* what an outcome leads to may write here again */

    ngx_queue_init(&attempts);
    ngx_queue_add(&attempts, &f->attempts);
    ngx_queue_init(&f->attempts);

    failed = f->n;
    f->n = 0;
    f->held = 0;
    f->pos = f->start;

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    /* each line has one LF, at its end */

    while (!ngx_queue_empty(&attempts)) {
        q = ngx_queue_head(&attempts);
        ngx_queue_remove(q);

        a = ngx_queue_data(q, ngx_http_apievents_attempt_t, queue);
        p = ngx_strlchr(p, last, LF);

        if (p == NULL) {
            p = last;
            ngx_http_apievents_file_fail(f, a);
            ngx_http_apievents_attempt_done(a, NGX_ERROR);
            continue;
        }

        p++;
        failed--;
        ngx_http_apievents_attempt_done(a, NGX_OK);
    }

    ngx_http_apievents_file_tell(f, failed);
}


static ngx_int_t
ngx_http_apievents_file_one(ngx_http_apievents_file_t *f,
    ngx_http_apievents_attempt_t *a, u_char *line, size_t len)
{
    ngx_uint_t  failed;

    failed = (ngx_http_apievents_file_put(f, line, len) != len);

    if (failed) {
        ngx_http_apievents_file_fail(f, a);
    }

    ngx_http_apievents_file_tell(f, failed);

    return failed ? NGX_ERROR : NGX_OK;
}


/*
 * How much of it stands in the file.  When a line was written in part, some
 * worker has to end it before the next one: each begins its next buffer with
 * an LF, at the price of an empty line here and there.
 */

static size_t
ngx_http_apievents_file_put(ngx_http_apievents_file_t *f, u_char *data,
    size_t len)
{
    ssize_t                          n;
    ngx_uint_t                       lead;
    struct iovec                     iov[2];
    ngx_atomic_uint_t                torn;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    torn = mcf->store.zone->torn;
    lead = (torn != f->torn);

    iov[0].iov_base = (char *) "\n";
    iov[0].iov_len = lead;
    iov[1].iov_base = data;
    iov[1].iov_len = len;

    n = writev(f->file->fd, iov, 2);

    if (n == -1) {
        ngx_http_apievents_file_error(f, ngx_errno);
        return 0;
    }

    if (n > 0) {
        f->torn = torn;
        n -= lead;
    }

    if ((size_t) n == len) {
        return len;
    }

    ngx_http_apievents_file_error(f, 0);

    if (n > 0 && data[n - 1] != LF) {
        (void) ngx_atomic_fetch_add(&mcf->store.zone->torn, 1);
    }

    return n;
}


static void
ngx_http_apievents_file_error(ngx_http_apievents_file_t *f, ngx_err_t err)
{
    u_char  *p, *last;

    p = f->error;
    last = p + sizeof(f->error) - 1;

    if (err == 0) {
        p = ngx_slprintf(p, last, "write() wrote a part only");

    } else {
        p = ngx_slprintf(p, last, "write() failed (%d: ", err);
        p = ngx_strerror(err, p, last - p);
        p = ngx_slprintf(p, last, ")");
    }

    *p = '\0';
}


/* once, until it can be written again */

static void
ngx_http_apievents_file_tell(ngx_http_apievents_file_t *f, ngx_uint_t failed)
{
    if (failed != 0) {

        if (f->failed == 0) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "%s: \"%V\" gets no events, %ui deliveries to it "
                          "failed", f->error, &f->file->name, failed);
        }

        f->failed += failed;
        return;
    }

    if (f->failed != 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "\"%V\" gets events again, %uL deliveries to it failed",
                      &f->file->name, f->failed);
        f->failed = 0;
    }
}


static void
ngx_http_apievents_file_fail(ngx_http_apievents_file_t *f,
    ngx_http_apievents_attempt_t *a)
{
    a->error.data = f->error;
    a->error.len = ngx_strlen(f->error);
    a->told = 1;
}
