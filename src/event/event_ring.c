/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Whose ring a worker writes to.  Workers that are about to end may have them
 * all, for as long as a receiver lets them wait.  The last ring is therefore
 * nobody's: a worker that got none has it for the time of one event.  That is
 * some microseconds, or what it takes until who has it is scheduled again.
 */


#include "event/event_private.h"


#define NGX_HTTP_APIEVENTS_RING_TRIES  100
#define NGX_HTTP_APIEVENTS_RING_SLEEP  100      /* microseconds */


ngx_int_t
ngx_http_apievents_ring_take(uint32_t *slot)
{
    ngx_uint_t                          n;
    ngx_http_apievents_zone_t          *zone;
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->event.worker;
    zone = mcf->store.zone;

    for (n = 0; w->slot == NGX_ERROR; n++) {

        if (n == NGX_HTTP_APIEVENTS_RING_TRIES) {
            return NGX_DECLINED;
        }

        if (ae_process_claim(zone->processes, slot) != AE_OK) {
            usleep(NGX_HTTP_APIEVENTS_RING_SLEEP);
            continue;
        }

        /* it may be that of a worker which died, with all that it left */

        (void) ae_queue_adopt(zone->queue, *slot);
        ae_breakers_adopt(zone->breakers, *slot);

        if (*slot == ae_processes_count(zone->processes) - 1) {
            return NGX_OK;
        }

        w->slot = *slot;
    }

    *slot = w->slot;

    return NGX_OK;
}


void
ngx_http_apievents_ring_give(uint32_t slot)
{
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->event.worker;

    if (w->slot == (ngx_int_t) slot) {

        if (!w->pump.posted) {
            ngx_post_event(&w->pump, &ngx_posted_events);
        }

        return;
    }

    /* what has no room in the queue stays, and is adopted with the ring */

    (void) ngx_http_apievents_drain(mcf, slot, NGX_MAX_UINT32_VALUE);

    ae_process_release(mcf->store.zone->processes, slot);
}
