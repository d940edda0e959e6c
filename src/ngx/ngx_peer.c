/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The balancer of generated upstreams: the addresses that a name was found to
 * have, one after the other, and a TLS session a target.
 */


#include "apievents.h"


static ngx_int_t ngx_http_apievents_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_apievents_limit_time(ngx_http_request_t *r,
    ngx_msec_t timeout);
static void ngx_http_apievents_free_peer(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_apievents_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_apievents_save_session(ngx_peer_connection_t *pc,
    void *data);
#endif


ngx_int_t
ngx_http_apievents_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = ngx_http_apievents_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_apievents_call_t      *call;
    ngx_http_apievents_outgoing_t  *o;

    call = ngx_http_apievents_call_of(r);
    o = (call == NULL) ? NULL : ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL || o->naddrs == 0) {
        return NGX_ERROR;
    }

    if (o->target->timeout != 0
        && ngx_http_apievents_limit_time(r, o->target->timeout) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what is buffered is kept back from a subrequest in memory */

    if (r->subrequest_in_memory) {
        r->upstream->buffering = 0;
    }

    r->upstream->peer.data = o;
    r->upstream->peer.get = ngx_http_apievents_get_peer;
    r->upstream->peer.free = ngx_http_apievents_free_peer;
    r->upstream->peer.tries = o->naddrs;

#ifdef NGX_HTTP_UPSTREAM_EARLY_HINTS
    ngx_http_apievents_limit_hints(o, r->upstream);
#endif

#if (NGX_HTTP_SSL)
    r->upstream->peer.set_session = ngx_http_apievents_set_session;
    r->upstream->peer.save_session = ngx_http_apievents_save_session;
#endif

    return NGX_OK;
}


/* the timeouts of a location are fixed, a script may have less time left */

static ngx_int_t
ngx_http_apievents_limit_time(ngx_http_request_t *r, ngx_msec_t timeout)
{
    ngx_http_upstream_conf_t  *conf;

    if (timeout >= r->upstream->conf->connect_timeout
        && timeout >= r->upstream->conf->read_timeout)
    {
        return NGX_OK;
    }

    conf = ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = *r->upstream->conf;

    conf->connect_timeout = ngx_min(conf->connect_timeout, timeout);
    conf->send_timeout = ngx_min(conf->send_timeout, timeout);
    conf->read_timeout = ngx_min(conf->read_timeout, timeout);

    r->upstream->conf = conf;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    ngx_addr_t  *addr;

    addr = &o->addrs[o->next % o->naddrs];

    if (ngx_http_apievents_filter(o, addr) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, pc->log, 0, "%V: \"%V\"", &o->error,
                      &o->target->host);
        return NGX_BUSY;
    }

    pc->sockaddr = addr->sockaddr;
    pc->socklen = addr->socklen;
    pc->name = &addr->name;
    pc->cached = 0;
    pc->connection = NULL;

    return NGX_OK;
}


/*
 * nginx gives one more try when a kept connection turned out to be closed.
 * The next address is for a connection that could not be made: what was sent
 * over a fresh one is not sent again.
 */

static void
ngx_http_apievents_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_apievents_outgoing_t *o = data;

    if (pc->cached) {
        pc->tries--;
        return;
    }

    o->next++;

    if (pc->tries > 0) {
        pc->tries--;
    }

    if (o->request->upstream->request_sent) {
        pc->tries = 0;
    }
}


#if (NGX_HTTP_SSL)

static ngx_int_t
ngx_http_apievents_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    return ngx_ssl_set_session(pc->connection, o->target->session);
}


/* one a target: another endpoint may believe other certificates, or show one
 * of its own */

static void
ngx_http_apievents_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    ngx_ssl_session_t  *old, *session;

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    old = o->target->session;
    o->target->session = session;

    if (old != NULL) {
        ngx_ssl_free_session(old);
    }
}

#endif
