/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a worker does with deliveries as a whole: its start and its end, and
 * what is looked after now and then.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_SLOTS     3         /* connections of a call: its
                                                  own, one of its endpoint or
                                                  script, one that is kept */


static void ngx_http_apievents_leave(ngx_event_t *ev);


ngx_int_t
ngx_http_apievents_deliver_init_module(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf->store.zone != NULL) {
        mcf->deliver.generation =
            ngx_atomic_fetch_add(&mcf->store.zone->generation, 1) + 1;
    }

    return ngx_http_apievents_mail_init_module(cycle, &mcf->deliver.mail);
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
    ngx_queue_init(&w->mails);
    ngx_http_apievents_share_init(&w->share, cycle->log);

    if (ngx_http_apievents_runtime_begin(w, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    mcf->deliver.worker = w;

    if (mcf->generated.imports.nelts != 0
        && ngx_http_apievents_watchdog_start(w, cycle->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_deliver_register(cycle);
}


ngx_int_t
ngx_http_apievents_deliver_register(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i, n, max;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);
    ep = mcf->deliver.endpoints.elts;
    n = mcf->deliver.endpoints.nelts;

    max = cycle->connection_n * mcf->deliver.connections / 100
          / NGX_HTTP_APIEVENTS_SLOTS;

    mcf->deliver.worker->share.max = ngx_max(max, 1);
    mcf->deliver.worker->share.wake.log = cycle->log;
    mcf->deliver.worker->pace.log = cycle->log;

    for (i = 0; i < n; i++) {
        ep[i]->shared = ae_queue_endpoint(mcf->store.zone->queue,
                                          ep[i]->identity,
                                          ep[i]->concurrency, ep[i]->queue);

        if (ep[i]->shared == AE_NO_ENDPOINT) {
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "no room in \"api_zone\" for %V \"%V\", it gets no "
                          "events", &ep[i]->kind, &ep[i]->label);
        }
    }

    return ngx_http_apievents_runtime_register(cycle);
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

    n += ngx_http_apievents_mails_leave(w);

    if (n != 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%ui deliveries are left to other workers, this one "
                      "has to end", n);
    }
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

    ngx_http_apievents_share_wake(&w->share);
    ngx_http_apievents_runtime_sweep();

    ep = mcf->deliver.endpoints.elts;

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
