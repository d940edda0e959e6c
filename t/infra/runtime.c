/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A module for tests, that puts and removes endpoints of run time as
 * management does: each worker follows a file,
 *
 *     runtime_file PATH;
 *
 * whose lines are words between tabs: "put ID WORD...", "handle ID EVENT API
 * ORG"; what stands there no more is removed.  Locations:
 *
 *     runtime_check;      the words of the body's lines: 200, or 400 and why
 *     runtime_raise;      ?name=&org=&watch=MS and metadata in the body: the
 *                         event's id, and how first attempts ended
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "apievents.h"


#define NGX_HTTP_RUNTIME_TICK   20
#define NGX_HTTP_RUNTIME_WORDS  64
#define NGX_HTTP_RUNTIME_IDS    600


typedef struct {
    ngx_str_t        file;
    ngx_event_t      tick;
    ngx_connection_t dummy;
    struct timespec  mtime;
    ngx_file_uniq_t  uniq;
    ngx_str_t        ids[NGX_HTTP_RUNTIME_IDS];
    ngx_uint_t       nids;
} ngx_http_runtime_main_conf_t;


static void *ngx_http_runtime_create(ngx_conf_t *cf);
static ngx_int_t ngx_http_runtime_init(ngx_cycle_t *cycle);
static char *ngx_http_runtime_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_runtime_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_http_runtime_tick(ngx_event_t *ev);
static void ngx_http_runtime_read(ngx_http_runtime_main_conf_t *mcf,
    u_char *p, u_char *end);
static void ngx_http_runtime_line(ngx_http_runtime_main_conf_t *mcf,
    ngx_str_t *words, ngx_uint_t n);
static ngx_uint_t ngx_http_runtime_split(u_char *p, u_char *end, u_char sep,
    ngx_str_t *words);
static ngx_int_t ngx_http_runtime_check(ngx_http_request_t *r);
static ngx_int_t ngx_http_runtime_raise(ngx_http_request_t *r);
static void ngx_http_runtime_checked(ngx_http_request_t *r);
static void ngx_http_runtime_raised(ngx_http_request_t *r);
static void ngx_http_runtime_watched(void *data,
    const ae_watch_result_t *results, ngx_uint_t n, ngx_uint_t expected);
static void ngx_http_runtime_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text);
static ngx_str_t ngx_http_runtime_body(ngx_http_request_t *r);


static ngx_command_t  ngx_http_runtime_commands[] = {

    { ngx_string("runtime_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_runtime_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("runtime_check"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_runtime_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_runtime_check },

    { ngx_string("runtime_raise"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_runtime_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_runtime_raise },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_runtime_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_runtime_create,               /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_runtime_module = {
    NGX_MODULE_V1,
    &ngx_http_runtime_module_ctx,          /* module context */
    ngx_http_runtime_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_runtime_init,                 /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_module_t  *ngx_modules[] = { &ngx_http_runtime_module, NULL };
char          *ngx_module_names[] = { "ngx_http_runtime_module", NULL };
char          *ngx_module_order[] = { NULL };


static void *
ngx_http_runtime_create(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_runtime_main_conf_t));
}


static char *
ngx_http_runtime_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_runtime_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;
    mcf->file = value[1];

    return ngx_http_apievents_runtime(cf);
}


static char *
ngx_http_runtime_location(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = (ngx_http_handler_pt) cmd->post;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_runtime_init(ngx_cycle_t *cycle)
{
    ngx_http_runtime_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_runtime_module);

    if (mcf == NULL || mcf->file.len == 0
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    mcf->dummy.fd = (ngx_socket_t) -1;
    mcf->tick.handler = ngx_http_runtime_tick;
    mcf->tick.data = &mcf->dummy;
    mcf->tick.log = cycle->log;
    mcf->tick.cancelable = 1;

    ngx_add_timer(&mcf->tick, NGX_HTTP_RUNTIME_TICK);

    return NGX_OK;
}


/* whoever writes the file renames it into its place */

static void
ngx_http_runtime_tick(ngx_event_t *ev)
{
    int                            fd;
    u_char                        *p;
    ssize_t                        n;
    ngx_file_info_t                fi;
    ngx_http_runtime_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_runtime_module);

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HTTP_RUNTIME_TICK);
    }

    fd = open((char *) mcf->file.data, O_RDONLY);

    if (fd == -1) {
        return;
    }

    if (fstat(fd, &fi) == 0
        && (fi.st_ino != mcf->uniq
            || fi.st_mtim.tv_sec != mcf->mtime.tv_sec
            || fi.st_mtim.tv_nsec != mcf->mtime.tv_nsec))
    {
        mcf->uniq = fi.st_ino;
        mcf->mtime = fi.st_mtim;
        p = ngx_alloc(fi.st_size + 1, ev->log);

        if (p != NULL) {
            n = read(fd, p, fi.st_size);

            if (n >= 0) {
                ngx_http_runtime_read(mcf, p, p + n);
                ngx_http_apievents_runtime_loaded();
            }

            ngx_free(p);
        }
    }

    close(fd);
}


static void
ngx_http_runtime_read(ngx_http_runtime_main_conf_t *mcf, u_char *p,
    u_char *end)
{
    u_char      *eol;
    ngx_str_t    words[NGX_HTTP_RUNTIME_WORDS], old[NGX_HTTP_RUNTIME_IDS];
    ngx_uint_t   i, k, n;

    n = mcf->nids;
    ngx_memcpy(old, mcf->ids, sizeof(old));

    mcf->nids = 0;

    for ( /* void */ ; p < end; p = eol + 1) {
        eol = ngx_strlchr(p, end, LF);
        eol = (eol == NULL) ? end : eol;

        if (eol != p) {
            ngx_http_runtime_line(mcf, words,
                                  ngx_http_runtime_split(p, eol, '\t',
                                                         words));
        }
    }

    for (i = 0; i < n; i++) {

        for (k = 0; k < mcf->nids; k++) {
            if (mcf->ids[k].len == old[i].len
                && ngx_memcmp(mcf->ids[k].data, old[i].data, old[i].len) == 0)
            {
                break;
            }
        }

        if (k == mcf->nids) {
            (void) ngx_http_apievents_runtime_remove(&old[i]);
        }

        ngx_free(old[i].data);
    }
}


static void
ngx_http_runtime_line(ngx_http_runtime_main_conf_t *mcf, ngx_str_t *words,
    ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_str_t  *id, none;
    ae_error_t  err;

    ngx_str_null(&none);
    err.text[0] = '\0';

    if (words[0].data[0] == 'p') {
        rc = ngx_http_apievents_runtime_put(&words[1], &words[2], n - 2,
                                            &err);

        if (rc == NGX_OK) {
            id = &mcf->ids[mcf->nids++];
            id->len = words[1].len;
            id->data = ngx_alloc(id->len + 1, ngx_cycle->log);
            ngx_memcpy(id->data, words[1].data, id->len);
        }

    } else {
        rc = ngx_http_apievents_runtime_handler(&words[1], &words[2],
                                                n > 3 ? &words[3] : &none,
                                                n > 4 ? &words[4] : &none);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "runtime \"%V\": %i %s", &words[1], rc, err.text);
    }
}


static ngx_uint_t
ngx_http_runtime_split(u_char *p, u_char *end, u_char sep, ngx_str_t *words)
{
    u_char      *q;
    ngx_uint_t   n;

    for (n = 0; n < NGX_HTTP_RUNTIME_WORDS; n++) {
        q = ngx_strlchr(p, end, sep);
        q = (q == NULL) ? end : q;

        words[n].data = p;
        words[n].len = q - p;

        if (q == end) {
            return n + 1;
        }

        p = q + 1;
    }

    return n;
}


static ngx_int_t
ngx_http_runtime_check(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_read_client_request_body(r, ngx_http_runtime_checked);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_runtime_checked(ngx_http_request_t *r)
{
    ngx_str_t   body, text, words[NGX_HTTP_RUNTIME_WORDS];
    ae_error_t  err;
    ngx_uint_t  n;

    body = ngx_http_runtime_body(r);
    n = ngx_http_runtime_split(body.data, body.data + body.len, LF, words);

    if (ngx_http_apievents_runtime_check(words, n, &err) == NGX_OK) {
        ngx_str_set(&text, "ok");
        ngx_http_runtime_answer(r, NGX_HTTP_OK, &text);
        return;
    }

    text.data = (u_char *) err.text;
    text.len = ngx_strlen(err.text);

    ngx_http_runtime_answer(r, NGX_HTTP_BAD_REQUEST, &text);
}


static ngx_int_t
ngx_http_runtime_raise(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_read_client_request_body(r, ngx_http_runtime_raised);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_runtime_raised(ngx_http_request_t *r)
{
    u_char                      id[AE_EVENT_ID_LEN];
    ngx_int_t                   rc;
    ngx_str_t                   text;
    ngx_http_apievents_raise_t  e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    (void) ngx_http_arg(r, (u_char *) "name", 4, &e.name);
    (void) ngx_http_arg(r, (u_char *) "org", 3, &e.org);
    (void) ngx_http_arg(r, (u_char *) "api", 3, &e.api);

    e.type = AE_EVENT_CUSTOM;
    e.meta = ngx_http_runtime_body(r);

    rc = ngx_http_apievents_raise(&e, id);

    if (ngx_http_arg(r, (u_char *) "watch", 5, &text) == NGX_OK
        && ngx_http_apievents_runtime_watch(id, ngx_atoi(text.data, text.len),
                                            ngx_http_runtime_watched, r)
           != NULL)
    {
        return;
    }

    text.data = id;
    text.len = AE_EVENT_ID_LEN;

    ngx_http_runtime_answer(r, rc == NGX_OK ? NGX_HTTP_OK
                                            : NGX_HTTP_SERVICE_UNAVAILABLE,
                            &text);
}


static void
ngx_http_runtime_watched(void *data, const ae_watch_result_t *results,
    ngx_uint_t n, ngx_uint_t expected)
{
    ngx_http_request_t *r = data;

    u_char            *p;
    ngx_str_t          text;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = r->connection;
    p = ngx_pnalloc(r->pool, 4096);

    if (p == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    text.data = p;
    p = ngx_sprintf(p, "%ui of %ui", n, expected);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "\n%uD %uD %s", results[i].failed,
                        results[i].status, results[i].error);
    }

    text.len = p - text.data;

    ngx_http_runtime_answer(r, NGX_HTTP_OK, &text);
    ngx_http_run_posted_requests(c);
}


/* a size is set with which all of it is in memory */

static ngx_str_t
ngx_http_runtime_body(ngx_http_request_t *r)
{
    size_t        len;
    u_char       *p;
    ngx_str_t     s;
    ngx_chain_t  *in, *cl;

    ngx_str_null(&s);

    in = (r->request_body != NULL) ? r->request_body->bufs : NULL;
    len = 0;

    for (cl = in; cl != NULL; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, len + 1);

    if (p != NULL) {
        s.len = len;
        s.data = p;

        for (cl = in; cl != NULL; cl = cl->next) {
            p = ngx_cpymem(p, cl->buf->pos, ngx_buf_size(cl->buf));
        }
    }

    return s;
}


static void
ngx_http_runtime_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_create_temp_buf(r->pool, text->len + 1);

    if (b == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    b->last = ngx_cpymem(b->last, text->data, text->len);
    b->last_buf = 1;
    out.buf = b;
    out.next = NULL;

    r->headers_out.status = status;
    r->headers_out.content_length_n = text->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_OK) {
        rc = ngx_http_output_filter(r, &out);
    }

    ngx_http_finalize_request(r, rc);
}
