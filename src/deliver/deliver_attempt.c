/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who takes what when: every worker serves every endpoint, an attempt belongs
 * to the worker that leased its delivery until it is done.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_KICK_MAX  256       /* attempts started a turn */
#define NGX_HTTP_APIEVENTS_SLOTS     3         /* connections of a call: its
                                                  own, one of its endpoint or
                                                  script, one that is kept */
#define NGX_HTTP_APIEVENTS_KEPT      4         /* part of the share for those
                                                  that did not fail */


static void ngx_http_apievents_leave(ngx_event_t *ev);
static ngx_uint_t ngx_http_apievents_may_call(
    ngx_http_apievents_deliver_conf_t *dcf,
    ngx_http_apievents_endpoint_t *ep);
static void ngx_http_apievents_kick(ngx_event_t *ev);
static ngx_uint_t ngx_http_apievents_serve(
    ngx_http_apievents_main_conf_t *mcf, ngx_http_apievents_endpoint_t *ep,
    ae_now_t *now);
static ngx_int_t ngx_http_apievents_attempt(
    ngx_http_apievents_endpoint_t *ep, ae_lease_t *lease);
static ngx_http_apievents_attempt_t *ngx_http_apievents_attempt_create(
    ngx_http_apievents_endpoint_t *ep, ae_lease_t *lease);
static void ngx_http_apievents_outcome(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease, ae_outcome_e outcome);
static void ngx_http_apievents_log_failure(ngx_http_apievents_attempt_t *a);


void
ngx_http_apievents_deliver_init_module(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf->store.zone != NULL) {
        mcf->deliver.generation =
            ngx_atomic_fetch_add(&mcf->store.zone->generation, 1) + 1;
    }
}


ngx_int_t
ngx_http_apievents_deliver_init_process(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf(cycle);

    w = ngx_calloc(sizeof(ngx_http_apievents_deliver_worker_t), cycle->log);
    if (w == NULL) {
        return NGX_ERROR;
    }

    w->dummy.fd = (ngx_socket_t) -1;

    w->kick.handler = ngx_http_apievents_kick;
    w->kick.data = &w->dummy;
    w->kick.log = cycle->log;

    w->shutdown.handler = ngx_http_apievents_leave;
    w->shutdown.data = &w->dummy;
    w->shutdown.log = cycle->log;
    w->shutdown.cancelable = 1;

    ngx_queue_init(&w->calls);
    ngx_http_apievents_share_init(&w->share, cycle->log);

    mcf->deliver.worker = w;

    if (mcf->generated.imports.nelts != 0
        && ngx_http_apievents_watchdog_start(w, cycle->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_apievents_deliver_register(cycle);

    return NGX_OK;
}


void
ngx_http_apievents_deliver_register(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i, max;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);
    ep = mcf->deliver.endpoints.elts;

    max = cycle->connection_n * mcf->deliver.connections / 100
          / NGX_HTTP_APIEVENTS_SLOTS;

    mcf->deliver.worker->share.max = ngx_max(max, 1);
    mcf->deliver.worker->share.wake.log = cycle->log;

    mcf->deliver.callers = 0;

    for (i = 0; i < mcf->deliver.endpoints.nelts; i++) {

        if (ep[i]->calls) {
            mcf->deliver.callers++;
        }

        ep[i]->shared = ae_queue_endpoint(mcf->store.zone->queue,
                                          ep[i]->identity,
                                          ep[i]->concurrency, ep[i]->queue);

        if (ep[i]->shared == AE_NO_ENDPOINT) {
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "no room in \"api_zone\" for %V \"%V\", it gets no "
                          "events", &ep[i]->kind, &ep[i]->label);
        }
    }
}


void
ngx_http_apievents_deliver_kick(void)
{
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    if (!w->kick.posted && !ngx_exiting && !ngx_terminate) {
        ngx_post_event(&w->kick, &ngx_posted_events);
    }
}


/*
 * nginx closes the connections of clients when worker_shutdown_timeout is
 * over, and does not see those that have no socket.
 */

void
ngx_http_apievents_deliver_exiting(void)
{
    ngx_core_conf_t                      *ccf;
    ngx_http_apievents_deliver_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->shutdown_timeout != 0 && !w->shutdown.timer_set) {
        ngx_add_timer(&w->shutdown, ccf->shutdown_timeout);
    }
}


/* what is not done is left leased: the worker's exit makes it due again */

static void
ngx_http_apievents_leave(ngx_event_t *ev)
{
    ngx_uint_t                            n;
    ngx_queue_t                          *q;
    ngx_http_apievents_attempt_t         *a;
    ngx_http_apievents_deliver_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    n = 0;

    for (q = ngx_queue_head(&w->calls);
         q != ngx_queue_sentinel(&w->calls);
         q = ngx_queue_next(q))
    {
        a = ngx_queue_data(q, ngx_http_apievents_attempt_t, queue);

        if (ngx_http_apievents_call_abort(a->call, "the worker ends")
            == NGX_OK)
        {
            a->left = 1;
            n++;
        }
    }

    if (n != 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%ui deliveries are left to other workers, this one "
                      "has to end", n);
    }
}


/*
 * Deliveries leave clients their connections: a share is not exceeded, and
 * nothing is taken when few are left.  Nor has an endpoint more of the share
 * than it leaves to the others, and the last of it is for those that answer:
 * many that hang would have it all.
 */

static ngx_uint_t
ngx_http_apievents_may_call(ngx_http_apievents_deliver_conf_t *dcf,
    ngx_http_apievents_endpoint_t *ep)
{
    ngx_uint_t  max, left;

    max = dcf->worker->share.max;

    if (dcf->worker->inflight >= max
        || ngx_cycle->free_connection_n <= ngx_cycle->connection_n / 8)
    {
        return 0;
    }

    left = max - dcf->worker->inflight;

    if (dcf->callers > 1
        && (ep->inflight >= left
            || (ep->failing && left <= max / NGX_HTTP_APIEVENTS_KEPT)))
    {
        return 0;
    }

    return 1;
}


static void
ngx_http_apievents_kick(ngx_event_t *ev)
{
    ae_now_t                              now;
    ngx_uint_t                            i, n, served, total;
    ngx_http_apievents_endpoint_t       **ep;
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    n = mcf->deliver.endpoints.nelts;
    ep = mcf->deliver.endpoints.elts;
    total = 0;

    ae_now(&now);

    /* one a round of each endpoint, so that none waits for another's queue */

    do {
        served = 0;

        for (i = 0; i < n && total < NGX_HTTP_APIEVENTS_KICK_MAX; i++) {
            served += ngx_http_apievents_serve(mcf, ep[w->next++ % n], &now);
        }

        total += served;

    } while (served != 0 && total < NGX_HTTP_APIEVENTS_KICK_MAX);

    if (served != 0) {
        ngx_post_event(&w->kick, &ngx_posted_next_events);
    }
}


static ngx_uint_t
ngx_http_apievents_serve(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_endpoint_t *ep, ae_now_t *now)
{
    ae_lease_t   lease;
    ae_queue_t  *q;

    q = mcf->store.zone->queue;

    if (ep->shared == AE_NO_ENDPOINT
        || mcf->event.worker->slot == NGX_ERROR
        || ae_queue_ready(q, ep->shared) == 0
        || (ep->calls && !ngx_http_apievents_may_call(&mcf->deliver, ep)))
    {
        return 0;
    }

    if (ae_queue_take(q, ep->shared, mcf->event.worker->slot, now, &lease)
        != AE_OK)
    {
        return 0;
    }

    if (ngx_http_apievents_attempt(ep, &lease) == NGX_BUSY) {

        /* no memory or connection now: the same delivery is due again, it
         * was not attempted */

        (void) ae_queue_done(q, &lease, AE_RETRY,
                             now->mono + 100 * 1000000, now);
        return 0;
    }

    return 1;
}


static ngx_int_t
ngx_http_apievents_attempt(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease)
{
    ngx_int_t                        rc;
    ngx_http_apievents_attempt_t    *a;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    a = ngx_http_apievents_attempt_create(ep, lease);
    if (a == NULL) {
        return NGX_BUSY;
    }

    if (a->call != NULL) {
        ep->inflight++;
        mcf->deliver.worker->inflight++;
        ngx_queue_insert_tail(&mcf->deliver.worker->calls, &a->queue);
    }

    rc = ep->start(a);

    if (rc != NGX_AGAIN) {
        ngx_http_apievents_attempt_done(a, rc);
    }

    return NGX_OK;
}


static ngx_http_apievents_attempt_t *
ngx_http_apievents_attempt_create(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease)
{
    u_char                          *p;
    ae_str_t                         record;
    ngx_pool_t                      *pool;
    ngx_http_apievents_call_t       *call;
    ngx_http_apievents_attempt_t    *a;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    call = NULL;

    if (ep->calls) {
        call = ngx_http_apievents_call_create(ngx_cycle->log,
                                              &mcf->deliver.worker->share);
        if (call == NULL) {
            return NULL;
        }

        pool = call->pool;

    } else {
        pool = ngx_create_pool(1024, ngx_cycle->log);
        if (pool == NULL) {
            return NULL;
        }
    }

    a = ngx_pcalloc(pool, sizeof(ngx_http_apievents_attempt_t));
    p = ngx_pnalloc(pool, lease->len);

    if (a == NULL || p == NULL) {
        goto failed;
    }

    a->endpoint = ep;
    a->lease = *lease;
    a->pool = pool;
    a->call = call;

    record.data = p;
    record.len = lease->len;

    if (ae_queue_read(mcf->store.zone->queue, lease, p) != AE_OK
        || ae_event_decode(&a->event, record) != AE_OK)
    {
        goto failed;
    }

    if (call != NULL) {
        call->data = a;
        call->hops = a->event.depth + 1;
    }

    return a;

failed:

    if (call != NULL) {
        ngx_http_apievents_call_free(call);

    } else {
        ngx_destroy_pool(pool);
    }

    return NULL;
}


ngx_http_apievents_attempt_t *
ngx_http_apievents_attempt_of(ngx_http_apievents_call_t *call)
{
    return call->data;
}


/*
 * The call, if it was started, goes after this by itself; one that was not
 * is freed here.
 */

void
ngx_http_apievents_attempt_done(ngx_http_apievents_attempt_t *a, ngx_int_t rc)
{
    ae_lease_t                       lease;
    ngx_uint_t                       left;
    ngx_http_apievents_call_t       *call;
    ngx_http_apievents_endpoint_t   *ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ep = a->endpoint;
    call = a->call;
    lease = a->lease;
    left = a->left;

    ep->failing = (rc != NGX_OK);

    if (rc != NGX_OK && !left && !a->told) {
        ngx_http_apievents_log_failure(a);
    }

    if (call == NULL) {
        ngx_destroy_pool(a->pool);

    } else {
        ep->inflight--;
        mcf->deliver.worker->inflight--;
        ngx_queue_remove(&a->queue);

        if (!call->started) {
            ngx_http_apievents_call_free(call);
        }
    }

    if (left) {
        return;
    }

    ngx_http_apievents_outcome(ep, &lease,
                               rc == NGX_OK ? AE_DELIVERED : AE_DEAD);

    ngx_http_apievents_deliver_kick();
}


static void
ngx_http_apievents_outcome(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease, ae_outcome_e outcome)
{
    ae_now_t                         now;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ae_now(&now);

    if (ae_queue_done(mcf->store.zone->queue, lease, outcome, 0, &now)
        != AE_OK)
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "a delivery to %V \"%V\" ended that was given to "
                      "another worker", &ep->kind, &ep->label);
    }
}


static void
ngx_http_apievents_log_failure(ngx_http_apievents_attempt_t *a)
{
    u_char  id[AE_EVENT_ID_LEN];

    ae_event_id(id, a->event.id);

    if (a->status != 0 && a->error.len == 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "delivery of %*s to %V \"%V\" failed: status %ui",
                      (size_t) AE_EVENT_ID_LEN, id, &a->endpoint->kind,
                      &a->endpoint->label, a->status);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "delivery of %*s to %V \"%V\" failed: %V",
                  (size_t) AE_EVENT_ID_LEN, id, &a->endpoint->kind,
                  &a->endpoint->label, &a->error);
}


ae_value_t *
ngx_http_apievents_envelope(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena)
{
    return ae_envelope(arena, &a->event, a->lease.suppressed);
}


void
ngx_http_apievents_deliver_full(uint32_t shared, u_char id[AE_EVENT_ID_LEN])
{
    ngx_uint_t                       i;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    ep = mcf->deliver.endpoints.elts;

    for (i = 0; i < mcf->deliver.endpoints.nelts; i++) {

        if (ep[i]->shared != shared) {
            continue;
        }

        ep[i]->full = 1;

        if (!ep[i]->full_told) {
            ep[i]->full_told = 1;

            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "queue of %V \"%V\" is full, %*s and what follows "
                          "is given up until it has room", &ep[i]->kind,
                          &ep[i]->label, (size_t) AE_EVENT_ID_LEN, id);
        }
    }
}


void
ngx_http_apievents_deliver_sweep(void)
{
    uint32_t                              keep[AE_QUEUE_ENDPOINTS];
    uint64_t                              n;
    ngx_uint_t                            i;
    ngx_http_apievents_endpoint_t       **ep;
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;
    ep = mcf->deliver.endpoints.elts;

    ngx_http_apievents_share_wake(&w->share);

    if (w->ticks++ % 20 != 0) {
        return;
    }

    /* told anew after a second in which nothing was given up */

    for (i = 0; i < mcf->deliver.endpoints.nelts; i++) {
        keep[i] = ep[i]->shared;
        ep[i]->full_told = ep[i]->full;
        ep[i]->full = 0;
    }

    /* a worker that does not know yet that it is an older one would give up
     * what is new */

    if (ngx_exiting || ngx_worker != 0
        || mcf->deliver.generation != mcf->store.zone->generation)
    {
        return;
    }

    n = ae_queue_retire(mcf->store.zone->queue, keep, i);

    if (n != 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%uL deliveries are given up, their handlers are not "
                      "configured any more", n);
    }
}
