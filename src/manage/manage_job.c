/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Calls that ask the store: its thread reads, the event loop answers.  While
 * a job is under way its request is blocked, as nginx does it for a file that
 * a thread reads: who closes the connection meanwhile gets nothing, and the
 * request lives until the job comes back.
 */


#include "manage/manage_private.h"


static void ngx_http_apievents_admin_ready(void *data);
static void ngx_http_apievents_admin_written(void *data, ngx_int_t rc);
static void ngx_http_apievents_admin_resume(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_admin_finish(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_admin_no_store(
    ngx_http_apievents_admin_t *a, ngx_int_t rc);


ngx_int_t
ngx_http_apievents_admin_wait(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_admin_pt next)
{
    ngx_http_request_t  *r;

    r = a->request;

    a->next = next;
    a->waiting = 1;

    r->main->count++;
    r->main->blocked++;
    r->write_event_handler = ngx_http_apievents_admin_resume;

    return NGX_DONE;
}


void
ngx_http_apievents_admin_go(ngx_http_apievents_admin_t *a)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = a->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    a->waiting = 0;
    r->main->blocked--;

    /* nginx has put its own handler in place of ours if the request ended */

    r->write_event_handler(r);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_apievents_admin_resume(ngx_http_request_t *r)
{
    ngx_http_apievents_admin_t  *a;

    a = ngx_http_apievents_admin_of(r);

    if (a == NULL || a->waiting) {
        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, a->next(a));
}


ngx_int_t
ngx_http_apievents_admin_job(ngx_http_apievents_admin_t *a,
    void (*work)(ae_db_t *db, void *data), ngx_http_apievents_admin_pt done)
{
    ngx_int_t  rc;

    a->rc = AE_ERROR;
    a->done = done;
    a->ask.work = work;
    a->ask.done = ngx_http_apievents_admin_ready;
    a->ask.data = a;

    rc = ngx_http_apievents_store_ask(&a->ask, a->request->connection->log);

    if (rc == NGX_OK) {
        return ngx_http_apievents_admin_wait(a,
                                             ngx_http_apievents_admin_finish);
    }

    return ngx_http_apievents_admin_no_store(a, rc);
}


static void
ngx_http_apievents_admin_ready(void *data)
{
    ngx_http_apievents_admin_go(data);
}


static ngx_int_t
ngx_http_apievents_admin_finish(ngx_http_apievents_admin_t *a)
{
    if (a->rc == AE_OK) {
        return a->done(a);
    }

    if (a->rc == AE_DECLINED) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_NOT_FOUND,
                                              "there is nothing of that id");
    }

    return ngx_http_apievents_admin_error(a->request,
                                          NGX_HTTP_SERVICE_UNAVAILABLE,
                                          "the store cannot be read");
}


ngx_int_t
ngx_http_apievents_admin_write(ngx_http_apievents_admin_t *a, size_t size,
    int (*work)(ae_db_t *db, void *data), void (*written)(void *data),
    ngx_http_apievents_admin_pt done)
{
    ngx_int_t  rc;

    a->rc = AE_ERROR;
    a->done = done;
    a->written = written;
    a->write.work = work;
    a->write.done = ngx_http_apievents_admin_written;
    a->write.data = a;
    a->write.size = size;

    rc = ngx_http_apievents_store_write(&a->write,
                                        a->request->connection->log);
    if (rc == NGX_OK) {
        return ngx_http_apievents_admin_wait(a,
                                             ngx_http_apievents_admin_finish);
    }

    return ngx_http_apievents_admin_no_store(a, rc);
}


/* the change is a fact, whether its caller waits for the answer or not */

static void
ngx_http_apievents_admin_written(void *data, ngx_int_t rc)
{
    ngx_http_apievents_admin_t *a = data;

    a->rc = (rc == NGX_OK) ? AE_OK
            : (rc == NGX_DECLINED) ? AE_DECLINED : AE_ERROR;

    a->written(a);
}


static ngx_int_t
ngx_http_apievents_admin_no_store(ngx_http_apievents_admin_t *a, ngx_int_t rc)
{
    return ngx_http_apievents_admin_error(a->request,
                                          NGX_HTTP_SERVICE_UNAVAILABLE,
                                          rc == NGX_DECLINED
                                          ? "there is no store, \"api_store\" "
                                            "is off"
                                          : "the store has too much to do");
}
