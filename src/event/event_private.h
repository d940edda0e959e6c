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


/* event_conf.c: a handler of that level, of events of an organisation alone if
 * org is not empty; and where the first one stands */
ngx_int_t ngx_http_apievents_handler_add(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *hcf, const char *event,
    ngx_http_apievents_endpoint_t *ep, ngx_msec_t cooldown, ngx_str_t *org);
ngx_int_t ngx_http_apievents_handler_place(ngx_conf_t *cf);

/* is it wanted, or is nothing certain */
ngx_uint_t ngx_http_apievents_runtime_is(ngx_str_t *wanted, ae_str_t *s);


#endif /* _NGX_HTTP_APIEVENTS_EVENT_PRIVATE_H_INCLUDED_ */
