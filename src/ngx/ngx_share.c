/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The share of a worker's connections that calls take: idle ones to receivers,
 * which nginx would keep without end, and those of scripts, of which one alone
 * may ask for a hundred at once.
 */


#include "apievents.h"


static void ngx_http_apievents_share_closed(void *data);
static ngx_uint_t ngx_http_apievents_share_free(
    ngx_http_apievents_share_t *share);
static void ngx_http_apievents_share_woken(ngx_event_t *ev);


void
ngx_http_apievents_share_init(ngx_http_apievents_share_t *share,
    ngx_log_t *log)
{
    ngx_queue_init(&share->parked);

    share->wake.handler = ngx_http_apievents_share_woken;
    share->wake.data = share;
    share->wake.log = log;
}


/* counted from its first answer until it is closed, by its pool */

void
ngx_http_apievents_share_keep(ngx_http_apievents_share_t *share,
    ngx_http_upstream_t *u)
{
    ngx_connection_t    *c;
    ngx_pool_cleanup_t  *cln;

    c = u->peer.connection;

    if (c == NULL || c->pool == NULL) {
        return;
    }

    for (cln = c->pool->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_http_apievents_share_closed) {
            return;
        }
    }

    if (share->kept < share->max) {
        cln = ngx_pool_cleanup_add(c->pool, 0);

        if (cln != NULL) {
            cln->handler = ngx_http_apievents_share_closed;
            cln->data = share;
            share->kept++;
            return;
        }
    }

    u->headers_in.connection_close = 1;
    u->keepalive = 0;
}


static void
ngx_http_apievents_share_closed(void *data)
{
    ngx_http_apievents_share_t *share = data;

    share->kept--;
}


/* with none sent nobody would wake another: one always may */

static ngx_uint_t
ngx_http_apievents_share_free(ngx_http_apievents_share_t *share)
{
    return share->sent == 0
           || (share->sent < share->max
               && ngx_cycle->free_connection_n > ngx_cycle->connection_n / 8);
}


ngx_int_t
ngx_http_apievents_share_take(ngx_http_apievents_outgoing_t *o)
{
    ngx_http_apievents_share_t  *share;

    share = o->call->share;

    if (ngx_queue_empty(&share->parked)
        && ngx_http_apievents_share_free(share))
    {
        share->sent++;
        o->counted = 1;
        return NGX_OK;
    }

    ngx_queue_insert_tail(&share->parked, &o->queue);
    o->waiting = 1;
    o->parked = 1;

    return NGX_AGAIN;
}


void
ngx_http_apievents_share_give(ngx_http_apievents_outgoing_t *o)
{
    if (o->waiting) {
        ngx_queue_remove(&o->queue);
        o->waiting = 0;
    }

    if (o->counted) {
        o->call->share->sent--;
        o->counted = 0;

        ngx_http_apievents_share_wake(o->call->share);
    }
}


void
ngx_http_apievents_share_leave(ngx_http_apievents_call_t *call)
{
    ngx_uint_t                       i;
    ngx_http_apievents_outgoing_t  **o;

    if (call->scripted == NULL) {
        return;
    }

    o = call->scripted->elts;

    for (i = 0; i < call->scripted->nelts; i++) {
        ngx_http_apievents_share_give(o[i]);
    }
}


/* posted, since who gives may be in the middle of another request */

void
ngx_http_apievents_share_wake(ngx_http_apievents_share_t *share)
{
    if (!ngx_queue_empty(&share->parked) && !share->wake.posted) {
        ngx_post_event(&share->wake, &ngx_posted_events);
    }
}


static void
ngx_http_apievents_share_woken(ngx_event_t *ev)
{
    ngx_http_apievents_share_t *share = ev->data;

    ngx_queue_t                    *q;
    ngx_connection_t               *c;
    ngx_http_request_t             *r;
    ngx_http_apievents_outgoing_t  *o;

    while (!ngx_queue_empty(&share->parked)
           && ngx_http_apievents_share_free(share))
    {
        q = ngx_queue_head(&share->parked);
        o = ngx_queue_data(q, ngx_http_apievents_outgoing_t, queue);

        ngx_queue_remove(q);

        o->waiting = 0;
        o->parked = 0;
        o->counted = 1;
        share->sent++;

        r = o->request;
        c = r->connection;

        r->write_event_handler(r);
        ngx_http_run_posted_requests(c);
    }
}
