/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who raised an event may want to know how the first attempts of its
 * deliveries to endpoints of run time ended, which any worker may make.
 */


#include "event/event_private.h"


#define NGX_HTTP_APIEVENTS_WATCH_TICK  10       /* ms */


struct ngx_http_apievents_watch_s {
    ngx_queue_t                   queue;
    ae_id_t                       event;
    uint32_t                      slot;
    ngx_msec_t                    until;
    ngx_uint_t                    expected;
    ngx_http_apievents_watch_pt   handler;
    void                         *data;
    unsigned                      routed:1;
};


static void ngx_http_apievents_watch_event(ngx_event_t *ev);
static ngx_uint_t ngx_http_apievents_watch_over(
    ngx_http_apievents_watch_t *watch, ae_watch_result_t *results,
    ngx_uint_t *n);


ngx_http_apievents_watch_t *
ngx_http_apievents_runtime_watch(u_char id[AE_EVENT_ID_LEN],
    ngx_msec_t timeout, ngx_http_apievents_watch_pt handler, void *data)
{
    ae_now_t                            now;
    ae_str_t                            text;
    ngx_http_apievents_watch_t         *watch;
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->event.worker;

    if (w == NULL) {
        return NULL;
    }

    watch = ngx_calloc(sizeof(ngx_http_apievents_watch_t), ngx_cycle->log);
    if (watch == NULL) {
        return NULL;
    }

    ae_now(&now);

    text.data = id;
    text.len = AE_EVENT_ID_LEN;

    if (ae_event_id_parse(&watch->event, text) != AE_OK
        || ae_watch_begin(mcf->store.zone->watches, watch->event,
                          now.mono + (uint64_t) timeout * 1000000, &now,
                          &watch->slot)
           != AE_OK)
    {
        ngx_free(watch);
        return NULL;
    }

    watch->until = ngx_current_msec + timeout;
    watch->handler = handler;
    watch->data = data;

    ngx_queue_insert_tail(&w->watches, &watch->queue);

    w->watch.handler = ngx_http_apievents_watch_event;
    w->watch.data = &w->dummy;
    w->watch.log = ngx_cycle->log;

    if (!w->watch.timer_set) {
        ngx_add_timer(&w->watch, NGX_HTTP_APIEVENTS_WATCH_TICK);
    }

    return watch;
}


void
ngx_http_apievents_runtime_unwatch(ngx_http_apievents_watch_t *watch)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ae_watch_end(mcf->store.zone->watches, watch->slot);
    ngx_queue_remove(&watch->queue);
    ngx_free(watch);
}


/* the pump knows how many there are; what has no room is not among them */

void
ngx_http_apievents_watch_routed(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets, ngx_uint_t n)
{
    ngx_uint_t                          i;
    ngx_queue_t                        *q;
    ngx_http_apievents_watch_t         *watch;
    ngx_http_apievents_event_worker_t  *w;

    w = mcf->event.worker;

    for (q = ngx_queue_head(&w->watches);
         q != ngx_queue_sentinel(&w->watches);
         q = ngx_queue_next(q))
    {
        watch = ngx_queue_data(q, ngx_http_apievents_watch_t, queue);

        if (!ae_id_equal(watch->event, ev->id)) {
            continue;
        }

        watch->routed = 1;
        watch->expected = 0;

        for (i = 0; i < n; i++) {
            watch->expected += targets[i].result == AE_OK
                               && ae_queue_lasts(mcf->store.zone->queue,
                                                 targets[i].endpoint);
        }

        ngx_http_apievents_watch_look();
    }
}


void
ngx_http_apievents_watch_look(void)
{
    ngx_http_apievents_event_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->event.worker;

    if (!ngx_queue_empty(&w->watches) && !w->watch.posted) {
        ngx_post_event(&w->watch, &ngx_posted_events);
    }
}


static void
ngx_http_apievents_watch_event(ngx_event_t *ev)
{
    void                               *data;
    ngx_uint_t                          n, expected;
    ngx_queue_t                        *q;
    ae_watch_result_t                   results[AE_WATCH_RESULTS];
    ngx_http_apievents_watch_t         *watch;
    ngx_http_apievents_watch_pt         handler;
    ngx_http_apievents_event_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->event.worker;

    /* a handler may end others, or begin some */

    q = ngx_queue_head(&w->watches);

    while (q != ngx_queue_sentinel(&w->watches)) {
        watch = ngx_queue_data(q, ngx_http_apievents_watch_t, queue);

        if (!ngx_http_apievents_watch_over(watch, results, &n)) {
            q = ngx_queue_next(q);
            continue;
        }

        handler = watch->handler;
        data = watch->data;
        expected = watch->expected;

        ngx_http_apievents_runtime_unwatch(watch);

        handler(data, results, n, expected);

        q = ngx_queue_head(&w->watches);
    }

    if (!ngx_queue_empty(&w->watches) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_APIEVENTS_WATCH_TICK);
    }
}


static ngx_uint_t
ngx_http_apievents_watch_over(ngx_http_apievents_watch_t *watch,
    ae_watch_result_t *results, ngx_uint_t *n)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    *n = ae_watch_read(mcf->store.zone->watches, watch->slot, results);

    return (watch->routed
            && (*n >= watch->expected || *n == AE_WATCH_RESULTS))
           || (ngx_msec_int_t) (ngx_current_msec - watch->until) >= 0;
}
