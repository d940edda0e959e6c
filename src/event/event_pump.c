/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The pump moves records from this worker's ring into endpoint queues at the
 * end of a loop turn; the sweep is its safety net, adopts what dead workers
 * left and tells of what was dropped.  The worker's object belongs to the
 * process: in a process without a master it moves on to the next cycle.
 */


#include "event/event_private.h"


#define NGX_HTTP_APIEVENTS_PUMP_MAX   128      /* records a turn */
#define NGX_HTTP_APIEVENTS_SWEEP      50       /* ms */
#define NGX_HTTP_APIEVENTS_NO_RING    20       /* sweeps without a ring */


static ngx_http_apievents_event_worker_t *ngx_http_apievents_event_worker(
    ngx_cycle_t *cycle);
static void ngx_http_apievents_claim(ngx_http_apievents_main_conf_t *mcf);
static void ngx_http_apievents_pump(ngx_event_t *ev);
static ngx_int_t ngx_http_apievents_route(
    ngx_http_apievents_main_conf_t *mcf, uint32_t slot, uint64_t number,
    ae_str_t *record);
static void ngx_http_apievents_sweep(ngx_event_t *ev);
static void ngx_http_apievents_adopt(ngx_http_apievents_main_conf_t *mcf);
static void ngx_http_apievents_tell_end(ngx_http_apievents_main_conf_t *mcf,
    ngx_log_t *log);
static void ngx_http_apievents_tell(ngx_http_apievents_main_conf_t *mcf);
static void ngx_http_apievents_tell_overflow(
    ngx_http_apievents_main_conf_t *mcf);
static ngx_int_t ngx_http_apievents_tell_count(ae_event_type_e type,
    const char *message, uint64_t count);


ngx_int_t
ngx_http_apievents_event_init_process(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf(cycle);

    w = ngx_http_apievents_event_worker(cycle);
    if (w == NULL) {
        return NGX_ERROR;
    }

    mcf->event.worker = w;

    ngx_http_apievents_claim(mcf);

    return NGX_OK;
}


static ngx_http_apievents_event_worker_t *
ngx_http_apievents_event_worker(ngx_cycle_t *cycle)
{
    ngx_http_apievents_event_worker_t  *w;

    w = ngx_calloc(sizeof(ngx_http_apievents_event_worker_t), cycle->log);
    if (w == NULL) {
        return NULL;
    }

    w->slot = NGX_ERROR;
    w->dummy.fd = (ngx_socket_t) -1;

    ae_uuid_seed(&w->uuid);

    w->pump.handler = ngx_http_apievents_pump;
    w->pump.data = &w->dummy;
    w->pump.log = cycle->log;

    w->sweep.handler = ngx_http_apievents_sweep;
    w->sweep.data = &w->dummy;
    w->sweep.log = cycle->log;
    w->sweep.cancelable = 1;

    ngx_queue_init(&w->watches);

    ngx_add_timer(&w->sweep, NGX_HTTP_APIEVENTS_SWEEP);

    return w;
}


ngx_int_t
ngx_http_apievents_slot(void)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    return mcf->event.worker == NULL ? NGX_ERROR : mcf->event.worker->slot;
}


static void
ngx_http_apievents_claim(ngx_http_apievents_main_conf_t *mcf)
{
    uint32_t                            slot;
    ngx_http_apievents_event_worker_t  *w;

    w = mcf->event.worker;

    if (ngx_http_apievents_ring_take(&slot) == NGX_OK) {
        ngx_http_apievents_ring_give(slot);
    }

    /* while a reload is under way it is nothing to speak of */

    if (w->slot == NGX_ERROR && w->ticks == NGX_HTTP_APIEVENTS_NO_RING) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "no ring of \"api_zone\" is free: older workers still "
                      "have them all, this worker delivers nothing until "
                      "one of them ends");
    }
}


static void
ngx_http_apievents_pump(ngx_event_t *ev)
{
    ngx_int_t                           rc;
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->event.worker;

    rc = ngx_http_apievents_drain(mcf, w->slot, NGX_HTTP_APIEVENTS_PUMP_MAX);

    ngx_http_apievents_deliver_kick();

    if (rc == NGX_AGAIN) {
        ngx_post_event(&w->pump, &ngx_posted_next_events);
    }
}


ngx_int_t
ngx_http_apievents_drain(ngx_http_apievents_main_conf_t *mcf, uint32_t slot,
    ngx_uint_t max)
{
    uint64_t    number;
    ae_str_t    record;
    ae_ring_t  *ring;

    ring = ae_process_ring(mcf->store.zone->processes, slot);

    /* who gets what there is may not be known yet */

    if (ngx_http_apievents_runtime_awaited()) {
        return ae_ring_peek(ring, &record, &number) == AE_OK ? NGX_BUSY
                                                             : NGX_OK;
    }

    while (max-- > 0) {

        if (ae_ring_peek(ring, &record, &number) != AE_OK) {
            return NGX_OK;
        }

        if (ngx_http_apievents_route(mcf, slot, number, &record) != NGX_OK) {
            return NGX_BUSY;
        }

        ae_ring_release(ring);
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_apievents_route(ngx_http_apievents_main_conf_t *mcf, uint32_t slot,
    uint64_t number, ae_str_t *record)
{
    int                rc;
    u_char             id[AE_EVENT_ID_LEN];
    ae_now_t           now;
    ae_event_t         ev;
    ngx_uint_t         i, n;
    ae_queue_target_t  targets[NGX_HTTP_APIEVENTS_TARGETS];

    if (ae_event_decode(&ev, *record) != AE_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "a record of %uz bytes is no event, left out",
                      record->len);
        return NGX_OK;
    }

    n = ngx_http_apievents_targets(mcf, &ev, targets);

    if (n == 0) {
        ngx_http_apievents_watch_routed(mcf, &ev, targets, 0);
        return NGX_OK;
    }

    ae_now(&now);

    rc = ae_queue_route(mcf->store.zone->queue, slot, number, *record,
                        targets, n, &now);

    if (rc == AE_FULL) {
        return NGX_BUSY;
    }

    if (rc != AE_OK) {
        /* it was routed before its worker died */
        return NGX_OK;
    }

    ngx_http_apievents_watch_routed(mcf, &ev, targets, n);

    for (i = 0; i < n; i++) {

        if (targets[i].result == AE_FULL) {
            ae_event_id(id, ev.id);
            ngx_http_apievents_deliver_full(targets[i].endpoint, id);
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_apievents_targets(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets)
{
    ae_str_t                         name;
    ngx_uint_t                       i, n;
    ngx_http_apievents_route_t      *route;
    ngx_http_apievents_handler_t    *h;
    ngx_http_apievents_endpoint_t  **ep;

    n = 0;
    route = ngx_http_apievents_route_find(&mcf->event, ev);

    if (route != NULL && route->handlers != NULL) {
        h = route->handlers->elts;
        ep = mcf->deliver.endpoints.elts;
        name = ae_event_name(ev);

        for (i = 0; i < route->handlers->nelts; i++) {

            if (!h[i].any
                && (h[i].name.len != name.len
                    || ngx_memcmp(h[i].name.data, name.data, name.len) != 0))
            {
                continue;
            }

            if (!ngx_http_apievents_runtime_is(&h[i].org, &ev->org)) {
                continue;
            }

            if (!ep[h[i].endpoint]->inactive) {
                ngx_http_apievents_target(mcf, ev, targets, &n,
                                          ep[h[i].endpoint]->shared,
                                          &ep[h[i].endpoint]->identity,
                                          h[i].cooldown);
            }
        }
    }

    if (mcf->event.worker->nhandlers != 0) {
        ngx_http_apievents_runtime_targets(mcf, ev, targets, &n);
    }

    return n;
}


/* an endpoint that two handlers name gets the event once */

void
ngx_http_apievents_target(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets, ngx_uint_t *n,
    uint32_t shared, const ae_id_t *identity, ngx_msec_t cooldown)
{
    ngx_uint_t          i;
    ae_queue_target_t  *t;

    for (i = 0; i < *n; i++) {
        if (targets[i].endpoint == shared) {
            return;
        }
    }

    if (*n == NGX_HTTP_APIEVENTS_TARGETS || shared == AE_NO_ENDPOINT) {
        return;
    }

    t = &targets[(*n)++];

    ngx_memzero(t, sizeof(ae_queue_target_t));

    t->endpoint = shared;
    t->period = (uint64_t) cooldown * 1000000;

    if (t->period != 0) {
        t->cooldown = ae_event_identity(mcf->store.zone->secret, ev,
                                        *identity);
    }
}


static void
ngx_http_apievents_sweep(ngx_event_t *ev)
{
    ae_now_t                            now;
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->event.worker;

    w->ticks++;

    if (w->slot == NGX_ERROR) {
        ngx_http_apievents_claim(mcf);
    }

    if (w->slot != NGX_ERROR) {
        (void) ngx_http_apievents_drain(mcf, w->slot,
                                        NGX_HTTP_APIEVENTS_PUMP_MAX);
        ngx_http_apievents_tell(mcf);
    }

    ngx_http_apievents_adopt(mcf);

    ae_now(&now);
    (void) ae_queue_tick(mcf->store.zone->queue, &now);

    ngx_http_apievents_deliver_sweep();
    ngx_http_apievents_deliver_kick();

    if (ngx_exiting) {
        ngx_http_apievents_deliver_exiting();
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_APIEVENTS_SWEEP);
}


static void
ngx_http_apievents_adopt(ngx_http_apievents_main_conf_t *mcf)
{
    uint32_t                    n, slot;
    ngx_int_t                   rc;
    ngx_http_apievents_zone_t  *zone;

    zone = mcf->store.zone;

    while (ae_process_adopt(zone->processes, &slot) == AE_OK) {

        n = ae_queue_adopt(zone->queue, slot);
        ae_breakers_adopt(zone->breakers, slot);

        rc = ngx_http_apievents_drain(mcf, slot, NGX_MAX_UINT32_VALUE);

        ae_process_release(zone->processes, slot);

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "ring %uD of an ended worker adopted, %uD deliveries "
                      "are due again", slot, n);

        if (rc == NGX_BUSY) {
            /* given back with records in it, the next sweep finds it */
            return;
        }
    }
}


/*
 * Events about events, once a second at the most.  What was dropped is told at
 * once, out of the ring's reserve, and then again when there is room for all
 * events: a reserve that is spent every second would be none.
 */

static void
ngx_http_apievents_tell(ngx_http_apievents_main_conf_t *mcf)
{
    uint64_t                            n;
    ae_ring_t                          *ring;
    ngx_http_apievents_event_worker_t  *w;

    w = mcf->event.worker;

    if (w->ticks % (1000 / NGX_HTTP_APIEVENTS_SWEEP) != 0) {
        return;
    }

    n = w->dropped;
    ring = ae_process_ring(mcf->store.zone->processes, w->slot);

    if (n == 0) {
        w->dropped_told = 0;

    } else if (!w->dropped_told || ae_ring_has(ring, ae_ring_max(ring))) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%uL events were dropped, the ring has no room", n);

        w->dropped_told = 1;
        w->dropped = 0;

        if (ngx_http_apievents_tell_count(AE_EVENTS_DROPPED,
                                          "Events dropped", n)
            != NGX_OK)
        {
            w->dropped = n;
        }
    }

    if (ngx_worker == 0) {
        ngx_http_apievents_tell_overflow(mcf);
    }
}


static void
ngx_http_apievents_tell_overflow(ngx_http_apievents_main_conf_t *mcf)
{
    uint64_t                            n;
    ae_limits_stat_t                    st;
    ngx_http_apievents_event_worker_t  *w;

    w = mcf->event.worker;

    ae_limits_stat(mcf->store.zone->limits, &st);

    n = st.overflows - w->overflows;
    w->overflows = st.overflows;

    if (n == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "%uL requests shared a limit, \"api_zone\" has no room "
                  "for more counters", n);

    (void) ngx_http_apievents_tell_count(AE_LIMITER_OVERFLOW,
                                         "Limiter memory is used up", n);
}


static ngx_int_t
ngx_http_apievents_tell_count(ae_event_type_e type, const char *message,
    uint64_t count)
{
    u_char                      id[AE_EVENT_ID_LEN], meta[64];
    ngx_http_apievents_raise_t  e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.type = type;
    e.message.data = (u_char *) message;
    e.message.len = ngx_strlen(message);
    e.meta.data = meta;
    e.meta.len = ngx_sprintf(meta, "{\"Count\":%uL}", count) - meta;

    return ngx_http_apievents_raise(&e, id);
}


void
ngx_http_apievents_event_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_apievents_zone_t          *zone;
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf(cycle);
    w = mcf->event.worker;
    zone = mcf->store.zone;

    if (w->slot != NGX_ERROR) {
        (void) ngx_http_apievents_drain(mcf, w->slot, NGX_MAX_UINT32_VALUE);

        (void) ae_queue_adopt(zone->queue, w->slot);
        ae_breakers_adopt(zone->breakers, w->slot);

        ae_process_release(zone->processes, w->slot);
        w->slot = NGX_ERROR;
    }

    /* of two that end at once, rather both tell than none */

    if (ae_processes_alive(zone->processes) == 0) {
        ngx_http_apievents_adopt(mcf);

        if (ngx_http_apievents_store_last(cycle) != NGX_OK) {
            ngx_http_apievents_tell_end(mcf, cycle->log);
        }
    }
}


static void
ngx_http_apievents_tell_end(ngx_http_apievents_main_conf_t *mcf,
    ngx_log_t *log)
{
    ae_ring_stat_t   events;
    ae_queue_stat_t  deliveries;

    ngx_memzero(&events, sizeof(ae_ring_stat_t));

    ae_processes_stat(mcf->store.zone->processes, &events);
    ae_queue_stat(mcf->store.zone->queue, AE_NO_ENDPOINT, &deliveries);

    if (deliveries.pending != 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "%uL deliveries are not made: the last worker ends "
                      "and nothing stores them", deliveries.pending);
    }

    if (events.waiting != 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "%uL events are given to no handler: the last worker "
                      "ends and the queues have no room", events.waiting);
    }
}
