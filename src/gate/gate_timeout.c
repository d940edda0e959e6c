/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Hard timeouts: an upstream has so long for the header of its answer, over
 * all its servers and whatever it sends meanwhile.  The time begins when nginx
 * turns to the upstream, not while the client still sends its body.
 */


#include "gate/gate_private.h"


/* how often a request is looked at that has not come to its upstream, ms */
#define NGX_HTTP_APIEVENTS_TIMEOUT_MIN  50


static void ngx_http_apievents_timeout_handler(ngx_event_t *ev);
static ngx_msec_t ngx_http_apievents_timeout_left(ngx_http_request_t *r,
    ngx_http_apievents_timer_t *timer);
static void ngx_http_apievents_timeout_expire(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);


/* as in Tyk */

const ngx_http_apievents_refusal_t  ngx_http_apievents_hard_timeout = {
    NGX_HTTP_GATEWAY_TIME_OUT,
    AE_EVENT_CUSTOM,
    ngx_string("Upstream service reached hard timeout."),
    ngx_null_string,
    ngx_null_string,
    0,
    0
};


ngx_int_t
ngx_http_apievents_add_timeout(ngx_conf_t *cf, ngx_array_t *timeouts,
    ngx_http_apievents_path_t *path, ngx_str_t *version, ngx_msec_t msec)
{
    ngx_http_apievents_timeout_t  *t;

    t = ngx_array_push(timeouts);
    if (t == NULL) {
        return NGX_ERROR;
    }

    t->path = *path;
    t->version = *version;
    t->msec = msec;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_timeout_start(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                     i;
    ngx_array_t                   *timeouts;
    ngx_http_apievents_timer_t    *timer;
    ngx_http_apievents_timeout_t  *t;

    timeouts = d->conf->gate.timeouts;

    if (timeouts == NULL || d->timer != NULL) {
        return NGX_OK;
    }

    t = timeouts->elts;

    for (i = 0; i < timeouts->nelts; i++) {

        if (ngx_http_apievents_is_version(d, &t[i].version)
            && ngx_http_apievents_path_match(r, d, &t[i].path))
        {
            break;
        }
    }

    if (i == timeouts->nelts) {
        return NGX_OK;
    }

    timer = ngx_pcalloc(r->pool, sizeof(ngx_http_apievents_timer_t));
    if (timer == NULL) {
        return NGX_ERROR;
    }

    timer->request = r;
    timer->msec = t[i].msec;

    timer->event.handler = ngx_http_apievents_timeout_handler;
    timer->event.data = r->connection;
    timer->event.log = r->connection->log;

    ngx_add_timer(&timer->event, timer->msec);
    d->timer = timer;

    return NGX_OK;
}


void
ngx_http_apievents_timeout_stop(ngx_http_apievents_decision_t *d)
{
    if (d->timer != NULL && d->timer->event.timer_set) {
        ngx_del_timer(&d->timer->event);
    }
}


static void
ngx_http_apievents_timeout_handler(ngx_event_t *ev)
{
    ngx_msec_t                      left;
    ngx_connection_t               *c;
    ngx_http_request_t             *r;
    ngx_http_apievents_timer_t     *timer;

    timer = (ngx_http_apievents_timer_t *) ev;

    r = timer->request;
    c = r->connection;

    if (r->header_sent) {
        return;
    }

    left = ngx_http_apievents_timeout_left(r, timer);

    if (left != 0) {
        ngx_add_timer(ev, left);
        return;
    }

    ngx_http_set_log_request(c->log, r);

    ngx_http_apievents_timeout_expire(r, ngx_http_apievents_decision(r));

    ngx_http_run_posted_requests(c);
}


static ngx_msec_t
ngx_http_apievents_timeout_left(ngx_http_request_t *r,
    ngx_http_apievents_timer_t *timer)
{
    ngx_msec_t            start, passed;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u == NULL || u->cleanup == NULL) {
        timer->late = 1;

        return ngx_max(timer->msec, NGX_HTTP_APIEVENTS_TIMEOUT_MIN);
    }

    start = u->peer.start_time ? u->peer.start_time : u->start_time;

    if (start == 0) {

        /* a name is looked up, nobody knows since when if it began late */

        if (timer->late) {
            timer->late = 0;
            return timer->msec;
        }

        return 0;
    }

    passed = ngx_current_msec - start;

    return (passed < timer->msec) ? timer->msec - passed : 0;
}


/* nginx itself ends it, as if a timeout of its own had come */

static void
ngx_http_apievents_timeout_expire(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "upstream reached the hard timeout of %M ms",
                  d->timer->msec);

    d->timed_out = 1;
    d->refusal = &ngx_http_apievents_hard_timeout;

    ngx_http_set_ctx(r, d, ngx_http_apievents_module);

    u = r->upstream;
    c = u->peer.connection;

    if (c == NULL) {
        r->main->count++;

        (*u->cleanup)(r);
        ngx_http_finalize_request(r, NGX_HTTP_GATEWAY_TIME_OUT);

        return;
    }

    u->peer.tries = 0;

    c->read->timedout = 1;
    c->write->timedout = 1;

    c->read->handler(c->read);
}
