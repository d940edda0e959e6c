/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * event: raises events into this worker's ring, pumps the ring and routes
 * each event to the endpoints of its handlers.
 */


#ifndef _NGX_HTTP_APIEVENTS_EVENT_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_EVENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/core.h"


/* one handler of one event: `api_event_handlers NAME HANDLER ...` */

typedef struct {
    ae_event_type_e             type;
    ngx_str_t                   name;           /* of a custom type; "*" */
    ngx_uint_t                  endpoint;       /* index in deliver's list */
    ngx_msec_t                  cooldown;
    ngx_str_t                   org;            /* of it alone, or empty */
    unsigned                    any:1;          /* "*" */
} ngx_http_apievents_handler_t;


/* member of the location configuration */

typedef struct {
    ngx_array_t                *own;            /* of handler_t, this level */
    ngx_array_t                *all;            /* with the inherited ones */
    ngx_flag_t                  off;            /* drops what is inherited */
    ngx_http_apievents_handler_t
                               *monitor;        /* of this level's
                                                   api_monitor, or NULL */
    ae_id_t                     route;          /* names `all` in records */
} ngx_http_apievents_handlers_conf_t;


/* a set of handlers that some API has */

typedef struct {
    ae_id_t                     id;
    ngx_str_t                   api;            /* empty: the http level's */
    ngx_array_t                *handlers;
    unsigned                    uses_request:1; /* OriginatingRequest */
} ngx_http_apievents_route_t;


/* a handler of run time; its other strings stand behind it */

typedef struct {
    ae_id_t                     identity;       /* of its endpoint */
    uint32_t                    shared;
    ngx_msec_t                  cooldown;
    ngx_str_t                   event;          /* name or pattern */
    ngx_str_t                   api;            /* of it alone, or empty */
    ngx_str_t                   org;
    ngx_str_t                   except;         /* not of that KeyAlias; its
                                                   own copy */
    unsigned                    uses_request:1;
} ngx_http_apievents_rt_handler_t;


/* what a worker keeps; outlives a cycle only in a process without a master */

typedef struct {
    ngx_int_t                   slot;           /* NGX_ERROR: none was free */
    ae_uuid_t                   uuid;
    ngx_event_t                 pump;
    ngx_event_t                 sweep;
    ngx_connection_t            dummy;          /* events want one to log */
    ngx_uint_t                  ticks;
    uint64_t                    dropped;        /* since EventsDropped */
    uint64_t                    overflows;      /* told by LimiterOverflow */
    ngx_http_apievents_rt_handler_t
                              **handlers;       /* of run time */
    ngx_uint_t                  nhandlers;
    ngx_queue_t                 watches;        /* of first attempts */
    ngx_event_t                 watch;
    unsigned                    dropped_told:1;
} ngx_http_apievents_event_worker_t;


/* member of the main configuration */

typedef struct {
    ngx_array_t                 routes;         /* of route_t */
    ngx_str_t                   place;          /* FILE:LINE of the first
                                                   handler */
    ngx_http_apievents_event_worker_t  *worker;
} ngx_http_apievents_event_conf_t;


/* what a worker may say of an event that it raises; copied before return */

typedef struct {
    ae_event_type_e             type;
    ae_id_t                     id;             /* zero: a new one */
    ae_id_t                     route;
    ae_id_t                     key_id;
    uint8_t                     depth;
    unsigned                    dry_run:1;
    unsigned                    request_cut:1;
    ngx_str_t                   name;
    ngx_str_t                   api;
    ngx_str_t                   org;
    ngx_str_t                   message;
    ngx_str_t                   path;
    ngx_str_t                   origin;
    ngx_str_t                   key;
    ngx_str_t                   alias;
    ngx_str_t                   reason;
    ngx_str_t                   request;
    ngx_str_t                   meta;
    ngx_str_t                   secret;         /* as in ae_event_t */
} ngx_http_apievents_raise_t;


/* api_event_handlers, in any level and from a definition */
char *ngx_http_apievents_api_event_handlers(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_apievents_api_portal_events(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_apievents_merge_handlers(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *prev,
    ngx_http_apievents_handlers_conf_t *conf, ngx_str_t *api);

/* an id that no other event has */
ae_id_t ngx_http_apievents_event_next(uint64_t wall);

/* registers the http level's handlers, after everything is merged */
ngx_int_t ngx_http_apievents_event_init(ngx_conf_t *cf);

ngx_int_t ngx_http_apievents_event_init_process(ngx_cycle_t *cycle);
void ngx_http_apievents_event_exit_process(ngx_cycle_t *cycle);

/*
 * Raises an event: into a ring, NGX_OK, or counted as dropped, NGX_DECLINED.
 * Never waits.  id gets the event's 40 bytes of text.
 */
ngx_int_t ngx_http_apievents_raise(ngx_http_apievents_raise_t *e,
    u_char id[AE_EVENT_ID_LEN]);

/*
 * Gives an event that was raised before to endpoints once more, under its own
 * id and with no cooldown: to the one of that identity, or with NULL to those
 * of its handlers.  NGX_DECLINED: none is configured; NGX_BUSY: its queue has
 * no room; NGX_ERROR: the record is no event.
 */
ngx_int_t ngx_http_apievents_replay(ae_str_t *record,
    const ae_id_t *endpoint);

/* an event "ping" to one endpoint alone; returns as replay does */
ngx_int_t ngx_http_apievents_ping(const ae_id_t *endpoint,
    u_char id[AE_EVENT_ID_LEN]);

typedef struct {
    ae_id_t                     identity;
    uint32_t                    shared;         /* index in the zone */
    ngx_str_t                   handler;        /* "webhook", ... */
    ngx_str_t                   label;
    unsigned                    configured:1;   /* not of run time */
} ngx_http_apievents_endpoint_info_t;

/* all endpoints there are, from 0 on; NGX_DECLINED after the last */
ngx_int_t ngx_http_apievents_endpoint_info(ngx_uint_t i,
    ngx_http_apievents_endpoint_info_t *info);

/* a record that a store kept, as it was raised; NGX_BUSY: no room now, and
 * nothing was counted; NGX_DECLINED: it is too large, and dropped */
ngx_int_t ngx_http_apievents_raise_again(ae_str_t *record);

/* on or off, as that person says; NGX_DECLINED: it was so before, or there is
 * no such endpoint */
ngx_int_t ngx_http_apievents_endpoint_switch(const ae_id_t *identity,
    ngx_uint_t on, ngx_str_t *user);

/*
 * event_runtime.c: handlers of endpoints of run time (deliver.h), beside those
 * that the configuration has for an event.  What the event is: a name of the
 * catalogue, "*", or a family and ".*"; with api or org not empty: only the
 * events of that API or organisation.  One that is put again has none.
 * NGX_DECLINED: there is no such endpoint; NGX_ERROR: no such event, more than
 * NGX_HTTP_APIEVENTS_HANDLERS_MAX handlers, or no memory.
 */
#define NGX_HTTP_APIEVENTS_HANDLERS_MAX  4096

ngx_int_t ngx_http_apievents_runtime_handler(ngx_str_t *id,
    ngx_str_t *event, ngx_str_t *api, ngx_str_t *org);

/* has the handlers of an endpoint get no events of that KeyAlias, which is the
 * user of object events */
void ngx_http_apievents_runtime_except(ngx_str_t *id, ngx_str_t *alias);

/* takes away all handlers of an endpoint */
void ngx_http_apievents_runtime_unhandle(const ae_id_t *identity);

/*
 * event_watch.c: how the first attempts at the deliveries of an event to
 * endpoints of run time ended, in whichever worker.  To be called in the turn
 * of the event loop in which it was raised.  The handler is called once, from
 * the event loop, when all that are expected have ended or the time is over;
 * results are there until it returns, expected is 0 if it is not known.  Of
 * more than AE_WATCH_RESULTS the first ones.  NULL: nothing can be told now,
 * and it will not be called.  unwatch() is for who does not want it any more.
 */
typedef struct ngx_http_apievents_watch_s  ngx_http_apievents_watch_t;

typedef void (*ngx_http_apievents_watch_pt)(void *data,
    const ae_watch_result_t *results, ngx_uint_t n, ngx_uint_t expected);

ngx_http_apievents_watch_t *ngx_http_apievents_runtime_watch(
    u_char id[AE_EVENT_ID_LEN], ngx_msec_t timeout,
    ngx_http_apievents_watch_pt handler, void *data);
void ngx_http_apievents_runtime_unwatch(ngx_http_apievents_watch_t *watch);

/* somebody told of an attempt */
void ngx_http_apievents_watch_look(void);

/* finds the handlers of a record: by its route, else by its API */
ngx_http_apievents_route_t *ngx_http_apievents_route_find(
    ngx_http_apievents_event_conf_t *ecf, ae_event_t *ev);

/* does any handler of that route and type use OriginatingRequest */
ngx_uint_t ngx_http_apievents_route_uses_request(ae_id_t route,
    ae_event_type_e type);

/* is there a handler of that type, of events that belong to no API */
ngx_uint_t ngx_http_apievents_handled(ae_event_type_e type);

/* this worker's slot in the zone; NGX_ERROR: none was free */
ngx_int_t ngx_http_apievents_slot(void);


#endif /* _NGX_HTTP_APIEVENTS_EVENT_H_INCLUDED_ */
