/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _NGX_HTTP_APIEVENTS_EVENT_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_EVENT_PRIVATE_H_INCLUDED_


#include "apievents.h"


/*
 * The ring that an event goes to, given back before anything else is done.
 * NGX_DECLINED: this worker has none, and others have that of all.
 */
ngx_int_t ngx_http_apievents_ring_take(uint32_t *slot);
void ngx_http_apievents_ring_give(uint32_t slot);

/* deliveries of one event: one to each endpoint that there may be */
#define NGX_HTTP_APIEVENTS_TARGETS    (AE_QUEUE_ENDPOINTS / 2)

/* fills in whom the event's handlers name, each once; returns how many */
ngx_uint_t ngx_http_apievents_targets(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets);

/* adds one to those, unless it is among them */
void ngx_http_apievents_target(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets, ngx_uint_t *n,
    uint32_t shared, const ae_id_t *identity, ngx_msec_t cooldown);
void ngx_http_apievents_runtime_targets(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets, ngx_uint_t *n);

/* an event went to those targets */
void ngx_http_apievents_watch_routed(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets, ngx_uint_t n);

/* does an endpoint of run time take that event, of that API or of none; with
 * uses_request: one that uses OriginatingRequest */
ngx_uint_t ngx_http_apievents_runtime_handled(ae_event_type_e type,
    ngx_str_t *api, ngx_uint_t uses_request);

/* routes up to max records of a ring.  NGX_OK: it is empty; NGX_AGAIN: there
 * may be more; NGX_BUSY: the queues have no room, the sweep tries again */
ngx_int_t ngx_http_apievents_drain(ngx_http_apievents_main_conf_t *mcf,
    uint32_t slot, ngx_uint_t max);


#endif /* _NGX_HTTP_APIEVENTS_EVENT_PRIVATE_H_INCLUDED_ */
