/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Calls without a client.  Who owns what: the call lives in its own pool; the
 * connection slot is borrowed from nginx and given back by the close event;
 * the main request never ends by itself, since nothing finalizes it: its end
 * is always ngx_http_apievents_call_close(), from a posted event, never from
 * inside one of the request's own handlers.
 */


#include "apievents.h"


static ngx_int_t ngx_http_apievents_call_connection(
    ngx_http_apievents_call_t *call, ngx_connection_t *c, ngx_log_t *log);
static ngx_int_t ngx_http_apievents_call_request(
    ngx_http_apievents_call_t *call, ngx_connection_t *c);
static void ngx_http_apievents_call_mark(void *data);
static void ngx_http_apievents_call_event(ngx_event_t *ev);
static void ngx_http_apievents_call_woken(ngx_http_request_t *r);
static void ngx_http_apievents_call_end(ngx_http_apievents_call_t *call);
static void ngx_http_apievents_call_terminated(void *data);
static ngx_int_t ngx_http_apievents_call_body(
    ngx_http_apievents_call_t *call);
static void ngx_http_apievents_call_detach(void *data);
static ngx_int_t ngx_http_apievents_call_answered(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_apievents_call_outcome(ngx_http_apievents_call_t *call,
    ngx_http_request_t *sr, ngx_int_t rc);
static ngx_uint_t ngx_http_apievents_call_whole(ngx_http_upstream_t *u);
static void ngx_http_apievents_call_timedout(ngx_event_t *ev);
static void ngx_http_apievents_call_close(ngx_event_t *ev);


ngx_http_apievents_call_t *
ngx_http_apievents_call_create(ngx_log_t *log,
    ngx_http_apievents_share_t *share)
{
    ngx_pool_t                 *pool;
    ngx_connection_t           *c;
    ngx_http_apievents_call_t  *call;

    c = ngx_get_connection(0, log);
    if (c == NULL) {
        return NULL;
    }

    c->fd = (ngx_socket_t) -1;

    pool = ngx_create_pool(1024, log);
    if (pool == NULL) {
        ngx_free_connection(c);
        return NULL;
    }

    c->pool = pool;

    call = ngx_pcalloc(pool, sizeof(ngx_http_apievents_call_t));
    if (call == NULL) {
        goto failed;
    }

    call->pool = pool;
    call->share = share;

    if (ngx_http_apievents_call_connection(call, c, log) != NGX_OK
        || ngx_http_apievents_call_request(call, c) != NGX_OK)
    {
        goto failed;
    }

    return call;

failed:

    if (call != NULL && call->request != NULL) {
        call->request->logged = 1;
        ngx_http_free_request(call->request, 0);
    }

    ngx_free_connection(c);
    ngx_destroy_pool(pool);

    return NULL;
}


static ngx_int_t
ngx_http_apievents_call_connection(ngx_http_apievents_call_t *call,
    ngx_connection_t *c, ngx_log_t *log)
{
    ngx_log_t                       *own;
    struct sockaddr_in              *sin;
    ngx_http_log_ctx_t              *ctx;
    ngx_http_addr_conf_t            *addr_conf;
    ngx_http_connection_t           *hc;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    own = ngx_pcalloc(call->pool, sizeof(ngx_log_t));
    ctx = ngx_pcalloc(call->pool, sizeof(ngx_http_log_ctx_t));
    sin = ngx_pcalloc(call->pool, sizeof(struct sockaddr_in));
    hc = ngx_pcalloc(call->pool, sizeof(ngx_http_connection_t));
    addr_conf = ngx_pcalloc(call->pool, sizeof(ngx_http_addr_conf_t));

    if (own == NULL || ctx == NULL || sin == NULL || hc == NULL
        || addr_conf == NULL)
    {
        return NGX_ERROR;
    }

    /* nginx writes into the log's data: it has to be a log context */

    *own = *log;
    ctx->connection = c;
    own->data = ctx;
    own->handler = NULL;
    own->action = "delivering an event";

    c->log = own;
    c->read->log = own;
    c->write->log = own;
    c->pool->log = own;
    c->log_error = NGX_ERROR_INFO;

    /* active, so that nobody adds events for a socket that is not there */

    c->read->handler = ngx_http_apievents_call_event;
    c->write->handler = ngx_http_apievents_call_event;
    c->read->active = 1;
    c->write->active = 1;
    c->read->ready = 0;
    c->write->ready = 1;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    sin->sin_family = AF_INET;
    sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->sockaddr = (struct sockaddr *) sin;
    c->socklen = sizeof(struct sockaddr_in);
    c->local_sockaddr = c->sockaddr;
    c->local_socklen = c->socklen;
    ngx_str_set(&c->addr_text, "127.0.0.1");

    addr_conf->default_server =
        mcf->generated.server->srv_conf[ngx_http_core_module.ctx_index];
    hc->addr_conf = addr_conf;
    hc->conf_ctx = mcf->generated.server;
    c->data = hc;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_call_request(ngx_http_apievents_call_t *call,
    ngx_connection_t *c)
{
    ngx_http_request_t  *r;
    ngx_pool_cleanup_t  *cln;
    ngx_http_cleanup_t  *end;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        return NGX_ERROR;
    }

    c->data = r;
    call->request = r;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_apievents_call_mark;
    cln->data = call;

    end = ngx_http_cleanup_add(r, 0);
    if (end == NULL) {
        return NGX_ERROR;
    }

    end->handler = ngx_http_apievents_call_terminated;
    end->data = call;

    r->blocked = 1;

    r->header_in = ngx_create_temp_buf(r->pool, 64);
    if (r->header_in == NULL) {
        return NGX_ERROR;
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool, 4,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_in.content_length_n = -1;
    r->headers_in.keep_alive_n = -1;

    r->method = NGX_HTTP_GET;
    ngx_str_set(&r->method_name, "GET");
    ngx_str_set(&r->http_protocol, "HTTP/1.1");
    r->http_version = NGX_HTTP_VERSION_11;
    ngx_str_set(&r->request_line, "GET / HTTP/1.1");
    ngx_str_set(&r->uri, "/");
    r->unparsed_uri = r->uri;

    r->valid_location = 1;
    r->internal = 1;
    r->discard_body = 1;

    /* no access log, and no limit_req or limit_conn of the http level */
    r->logged = 1;
    r->limit_req_status = 1;
    r->limit_conn_status = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_apievents_call_woken;

    return NGX_OK;
}


/* a cleanup only because it is found by its handler's address */

static void
ngx_http_apievents_call_mark(void *data)
{
    /* void */
}


ngx_http_apievents_call_t *
ngx_http_apievents_call_of(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    /* a client's request is none, and has one at a time */

    if (r == r->main && r->connection->fd != (ngx_socket_t) -1) {
        return NULL;
    }

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_http_apievents_call_mark
            || cln->handler == ngx_http_apievents_call_detach)
        {
            return cln->data;
        }
    }

    return NULL;
}


ngx_http_apievents_call_t *
ngx_http_apievents_call_attach(ngx_http_request_t *r,
    ngx_http_apievents_share_t *share)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_apievents_call_t  *call;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_apievents_call_t));
    if (cln == NULL) {
        return NULL;
    }

    call = cln->data;
    ngx_memzero(call, sizeof(ngx_http_apievents_call_t));

    call->pool = r->pool;
    call->request = r;
    call->share = share;
    call->attached = 1;

    cln->handler = ngx_http_apievents_call_detach;

    return call;
}


/* the client's request ends: what its script still waits for is closed by
 * nginx, but the share is ours */

static void
ngx_http_apievents_call_detach(void *data)
{
    ngx_http_apievents_call_t *call = data;

    ngx_http_apievents_share_leave(call);
}


ngx_int_t
ngx_http_apievents_call_start(ngx_http_apievents_call_t *call)
{
    ngx_http_request_t              *r, *sr;
    ngx_http_post_subrequest_t      *ps;
    ngx_http_apievents_main_conf_t  *mcf;

    r = call->request;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_apievents_call_answered;
    ps->data = call;

    if (ngx_http_subrequest(r, &call->location,
                            call->attached ? &r->args : NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->subrequest = sr;

    sr->srv_conf = mcf->generated.server->srv_conf;
    sr->loc_conf = mcf->generated.server->loc_conf;
    sr->method = call->method;
    sr->method_name = call->method_name;

    if (ngx_http_apievents_call_body(call) != NGX_OK) {
        return NGX_ERROR;
    }

    call->started = 1;

    /* nginx runs it when r's handler has returned, and njs bounds its time */

    if (call->attached) {
        return NGX_OK;
    }

    if (call->timeout != 0) {
        call->timer.handler = ngx_http_apievents_call_timedout;
        call->timer.data = r->connection;
        call->timer.log = r->connection->log;
        ngx_add_timer(&call->timer, call->timeout);
    }

    ngx_http_run_posted_requests(r->connection);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_call_body(ngx_http_apievents_call_t *call)
{
    ngx_buf_t                *b;
    ngx_chain_t              *cl;
    ngx_http_request_t       *sr;
    ngx_http_request_body_t  *rb;

    sr = call->subrequest;

    rb = ngx_pcalloc(sr->pool, sizeof(ngx_http_request_body_t));
    if (rb == NULL) {
        return NGX_ERROR;
    }

    sr->request_body = rb;
    sr->headers_in.content_length_n = call->body.len;
    sr->discard_body = 0;

    if (call->bufs != NULL) {
        rb->bufs = call->bufs;
        return NGX_OK;
    }

    if (call->body.len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(sr->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(sr->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b->start = call->body.data;
    b->pos = b->start;
    b->last = b->start + call->body.len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    rb->bufs = cl;
    rb->buf = b;

    return NGX_OK;
}


static void
ngx_http_apievents_call_event(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;
    r = c->data;

    if (ev->write) {
        r->write_event_handler(r);

    } else {
        r->read_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}


/* the main request is posted when its last subrequest is through */

static void
ngx_http_apievents_call_woken(ngx_http_request_t *r)
{
    if (r->count > 1) {
        return;
    }

    ngx_http_apievents_call_end(ngx_http_apievents_call_of(r));
}


static void
ngx_http_apievents_call_end(ngx_http_apievents_call_t *call)
{
    if (!call->ended) {
        ngx_http_apievents_call_outcome(call, call->subrequest, NGX_ERROR);
    }

    if (call->close.handler != NULL) {
        return;
    }

    call->close.handler = ngx_http_apievents_call_close;
    call->close.data = call;
    call->close.log = call->request->connection->log;

    ngx_post_event(&call->close, &ngx_posted_events);
}


/*
 * nginx gave the whole request up, for an error that nobody made an answer of.
 * The request is blocked, so that it is not freed with a connection that has
 * no socket; instead the call ends as any other.
 */

static void
ngx_http_apievents_call_terminated(void *data)
{
    ngx_http_apievents_call_t *call = data;

    if (call->subrequest == NULL || call->freed || call->aborted != NULL) {
        return;
    }

    call->aborted = "nginx gave the request up";
    call->request->posted_requests = NULL;

    ngx_http_apievents_call_end(call);
}


/*
 * Always NGX_OK: an error would make nginx end the main request and with it a
 * connection that has no socket.
 */

static ngx_int_t
ngx_http_apievents_call_answered(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_apievents_call_t  *call = data;

    if (!call->ended) {
        ngx_http_apievents_call_outcome(call, sr, rc);

        if (call->attached && call->done != NULL) {
            call->done(call);
        }
    }

    return NGX_OK;
}


static void
ngx_http_apievents_call_outcome(ngx_http_apievents_call_t *call,
    ngx_http_request_t *sr, ngx_int_t rc)
{
    call->ended = 1;

    if (call->aborted != NULL) {
        call->error.data = (u_char *) call->aborted;
        call->error.len = ngx_strlen(call->aborted);
        return;
    }

    if (call->outgoing != NULL) {

        if (call->outgoing->error.len != 0) {
            call->error = call->outgoing->error;
            return;
        }

        /* 502 and 504 of our own are no answers */

        if (sr->upstream == NULL
            || sr->upstream->headers_in.status_n == 0)
        {
            if (rc == NGX_HTTP_GATEWAY_TIME_OUT) {
                call->timed_out = 1;
                ngx_str_set(&call->error, "timed out");

            } else {
                ngx_str_set(&call->error, "no answer: refused or reset");
            }

            return;
        }

        if (rc == NGX_ERROR || rc >= NGX_HTTP_SPECIAL_RESPONSE
            || !ngx_http_apievents_call_whole(sr->upstream))
        {
            ngx_str_set(&call->error, "answer cut off");
            return;
        }

    } else if (rc == NGX_ERROR || rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_str_set(&call->error, "script could not be run");
        return;
    }

    call->status = sr->headers_out.status;

    if (call->buf != NULL) {
        call->answer.data = call->buf->pos;
        call->answer.len = call->buf->last - call->buf->pos;
    }
}


/* nginx tells nobody when a body ends early once its header was passed on */

static ngx_uint_t
ngx_http_apievents_call_whole(ngx_http_upstream_t *u)
{
    ngx_event_pipe_t  *p;

    p = u->pipe;

    return p == NULL || p->upstream_done || p->length == 0
           || (p->upstream_eof && p->length == -1);
}


static void
ngx_http_apievents_call_timedout(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_apievents_call_t  *call;

    c = ev->data;
    call = ngx_http_apievents_call_of(((ngx_http_request_t *) c->data)->main);

    if (ngx_http_apievents_call_abort(call, "timed out") == NGX_OK) {
        call->timed_out = 1;
    }
}


ngx_int_t
ngx_http_apievents_call_abort(ngx_http_apievents_call_t *call,
    const char *error)
{
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln;

    r = call->request;

    if (call->close.handler != NULL) {
        return NGX_DECLINED;
    }

    call->aborted = error;

    /*
     * Closes what the subrequests have open, as the end of a client's request
     * would do; the count keeps the main request alive until the call is
     * closed, also for those that end behind this in the same turn.
     */

    r->count += 1000;

    cln = r->cleanup;
    r->cleanup = NULL;

    while (cln != NULL) {
        if (cln->handler != NULL) {
            cln->handler(cln->data);
        }

        cln = cln->next;
    }

    r->posted_requests = NULL;

    ngx_http_apievents_call_end(call);

    return NGX_OK;
}


static void
ngx_http_apievents_call_close(ngx_event_t *ev)
{
    ngx_http_apievents_call_t *call = ev->data;

    call->done(call);

    ngx_http_apievents_call_free(call);
}


void
ngx_http_apievents_call_free(ngx_http_apievents_call_t *call)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = call->request->connection;
    pool = call->pool;

    ngx_http_apievents_share_leave(call);

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    call->freed = 1;
    ngx_http_free_request(call->request, 0);

    /* a read timer is there every time: left in the tree it would fire on a
     * connection that is somebody else's by then */

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->active = 0;
    c->write->active = 0;
    c->pool = NULL;
    c->fd = (ngx_socket_t) -1;

    ngx_free_connection(c);
    ngx_destroy_pool(pool);
}
