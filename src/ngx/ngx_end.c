/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The end of what a script has left running.  Its subrequest is ended in the
 * middle of whatever it waits for, and with it those that it has made.  Their
 * memory is the main request's and stays: an event that finds one of them
 * later finds a request that does nothing.  So only what would keep something
 * busy meanwhile is undone, as nginx does it when a client goes.
 */


#include "apievents.h"


/* how soon a file that is read or written is looked at again, ms */
#define NGX_HTTP_APIEVENTS_END_AGAIN  20


/* a request that was made below a call's subrequest; in the pool of both */

struct ngx_http_apievents_below_s {
    ngx_http_request_t             *request;
    ngx_http_apievents_below_t     *next;
};


static void ngx_http_apievents_end_timer(ngx_event_t *ev);
static void ngx_http_apievents_end_cleanup(void *data);
static ngx_uint_t ngx_http_apievents_end_busy(
    ngx_http_apievents_call_t *call);
static void ngx_http_apievents_end(ngx_http_apievents_call_t *call);
static void ngx_http_apievents_end_stop(ngx_http_request_t *r);
static void ngx_http_apievents_end_script(ngx_http_request_t *r);


/*
 * In the first phase of a subrequest: those of njs are in no list of nginx's.
 * An internal redirect comes here again.
 */

ngx_int_t
ngx_http_apievents_below_handler(ngx_http_request_t *r)
{
    ngx_http_request_t          *p;
    ngx_http_apievents_call_t   *call;
    ngx_http_apievents_below_t  *below;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || !call->attached || r == call->subrequest) {
        return NGX_DECLINED;
    }

    for (p = r->parent; p != call->subrequest; p = p->parent) {

        if (p == r->main) {
            return NGX_DECLINED;
        }
    }

    for (below = call->below; below != NULL; below = below->next) {

        if (below->request == r) {
            return NGX_DECLINED;
        }
    }

    below = ngx_palloc(r->pool, sizeof(ngx_http_apievents_below_t));
    if (below == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    below->request = r;
    below->next = call->below;
    call->below = below;

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_call_bound(ngx_http_apievents_call_t *call,
    ngx_msec_t timeout)
{
    ngx_http_cleanup_t  *cln;

    if (!call->attached || call->timer.handler != NULL) {
        return NGX_OK;
    }

    cln = ngx_http_cleanup_add(call->request, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_apievents_end_cleanup;
    cln->data = call;

    call->timer.handler = ngx_http_apievents_end_timer;
    call->timer.data = call->request->connection;
    call->timer.log = call->request->connection->log;

    ngx_add_timer(&call->timer, timeout);

    return NGX_OK;
}


static void
ngx_http_apievents_end_cleanup(void *data)
{
    ngx_http_apievents_call_t *call = data;

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }
}


static void
ngx_http_apievents_end_timer(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *sr;
    ngx_http_apievents_call_t  *call;

    call = (ngx_http_apievents_call_t *)
               ((u_char *) ev - offsetof(ngx_http_apievents_call_t, timer));

    sr = call->subrequest;
    c = sr->connection;

    /* one that could not answer is ended by njs */

    if (call->ended || !sr->header_sent) {
        return;
    }

    if (ngx_http_apievents_end_busy(call)) {
        ngx_add_timer(ev, NGX_HTTP_APIEVENTS_END_AGAIN);
        return;
    }

    ngx_http_set_log_request(c->log, sr);

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "what handlers \"%s\" left running is ended", call->script);

    ngx_http_apievents_end(call);
    ngx_http_apievents_share_leave(call);

    ngx_http_run_posted_requests(c);
}


/* a file that is read or written by another thread, or the kernel, cannot be
 * left alone */

static ngx_uint_t
ngx_http_apievents_end_busy(ngx_http_apievents_call_t *call)
{
    ngx_http_apievents_below_t  *below;

    for (below = call->below; below != NULL; below = below->next) {

        if (!below->request->logged && below->request->aio) {
            return 1;
        }
    }

    return 0;
}


/* nginx marks a subrequest as logged, if it is logged or not, where it stops
 * to count it */

static void
ngx_http_apievents_end(ngx_http_apievents_call_t *call)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r, *sr;
    ngx_http_apievents_below_t  *below;

    sr = call->subrequest;
    c = sr->connection;

    for (below = call->below; below != NULL; below = below->next) {
        r = below->request;

        if (!r->logged) {
            ngx_http_apievents_end_stop(r);

            r->logged = 1;
            r->done = 1;
            r->main->count--;
        }
    }

    ngx_http_apievents_end_stop(sr);

    /* the one whose turn it is to send may be one of those that were ended */

    for (r = c->data; r != NULL && r != sr; r = r->parent) {
        /* void */
    }

    if (r == sr) {
        c->data = sr;

        /* a limit of requests has the connection wait, not a request */

        if (c->write->delayed) {
            c->write->delayed = 0;

            if (c->write->timer_set) {
                ngx_del_timer(c->write);
            }
        }
    }

    ngx_http_finalize_request(sr, NGX_OK);
}


static void
ngx_http_apievents_end_stop(ngx_http_request_t *r)
{
    /* which gives back a count of its own */

    if (r->upstream != NULL && r->upstream->cleanup != NULL) {
        r->main->count++;
        (*r->upstream->cleanup)(r);
    }

#if (NGX_HTTP_CACHE)

    if (r->cache != NULL && r->cache->waiting) {

        if (r->cache->wait_event.timer_set) {
            ngx_del_timer(&r->cache->wait_event);
        }

        r->cache->waiting = 0;
        r->main->blocked--;
    }

#endif

    ngx_http_apievents_end_script(r);

    r->postponed = NULL;
    r->buffered = 0;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}


/*
 * What njs calls when a timer of its own comes could end the request again.
 * njs cleans its context with the pool, which does not end yet; the module is
 * another one's, known by its name only.
 */

static void
ngx_http_apievents_end_script(ngx_http_request_t *r)
{
    void                      *ctx;
    ngx_uint_t                 i;
    ngx_module_t             **modules;
    ngx_pool_cleanup_t        *cln;
    ngx_pool_cleanup_pt        handler;

    modules = ngx_cycle->modules;

    for (i = 0; modules[i] != NULL; i++) {

        if (ngx_strcmp(modules[i]->name, "ngx_http_js_module") == 0) {
            break;
        }
    }

    if (modules[i] == NULL) {
        return;
    }

    ctx = r->ctx[modules[i]->ctx_index];

    if (ctx == NULL) {
        return;
    }

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {

        if (cln->data == ctx && cln->handler != NULL) {
            handler = cln->handler;
            cln->handler = NULL;

            handler(ctx);
        }
    }

    r->ctx[modules[i]->ctx_index] = NULL;
}
