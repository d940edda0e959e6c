/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Streams of events.  A private header of manage.
 */


#ifndef _NGX_HTTP_APIEVENTS_MANAGE_STREAM_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_MANAGE_STREAM_H_INCLUDED_


#include "manage/manage_object.h"


/* of a worker */
#define NGX_HTTP_APIEVENTS_STREAMS       32

/* bytes that wait for a client; and what of the past it may get at once */
#define NGX_HTTP_APIEVENTS_STREAM_BYTES  (512 * 1024)
#define NGX_HTTP_APIEVENTS_STREAM_PAST   1000


/* an event that waits until the past was sent */

typedef struct {
    ae_id_t                         id;
    size_t                          start;      /* in what waits */
    size_t                          end;
} ngx_http_apievents_held_t;


/* in its request's pool; the request is the one who ends it */

typedef struct {
    ngx_queue_t                     queue;      /* of the worker's */
    ngx_http_apievents_admin_t     *admin;      /* its query is the filter */
    ngx_http_request_t             *request;
    ae_buf_t                        waiting;
    ae_buf_t                        sending;    /* that buf is in */
    ngx_buf_t                       buf;
    ngx_chain_t                     chain;
    uint64_t                        dropped;    /* since it was told */
    uint64_t                        lost;
    ngx_msec_t                      sent;       /* when last */
    ngx_msec_t                      keepalive;

    ngx_event_t                     timer;      /* until the past is read */
    ngx_connection_t                dummy;
    ae_id_t                         after;      /* Last-Event-ID */
    ae_id_t                        *ids;        /* of the past */
    ngx_http_apievents_held_t      *held;
    ngx_uint_t                      nheld;

    unsigned                        listed:1;
    unsigned                        live:1;     /* its header was sent */
    unsigned                        ending:2;   /* 2: it was told so */
} ngx_http_apievents_stream_t;


/* ---- manage_feed.c ---- */

/* it gets what is raised from now on; NGX_BUSY: there are too many */
ngx_int_t ngx_http_apievents_feed_enter(ngx_http_apievents_stream_t *s);
void ngx_http_apievents_feed_leave(ngx_http_apievents_stream_t *s);

/* an event as it goes to clients; AE_ERROR: it is none, or no memory */
int ngx_http_apievents_feed_text(ae_buf_t *b, ae_arena_t *arena,
    ae_event_t *ev);

/* does the stream want it */
ngx_uint_t ngx_http_apievents_feed_wants(ngx_http_apievents_stream_t *s,
    const ae_event_t *ev);


/* ---- manage_stream.c ---- */

/* gives an event to the client, or counts it as dropped */
void ngx_http_apievents_stream_add(ngx_http_apievents_stream_t *s, ae_id_t id,
    const ae_buf_t *text);

/* sends what waits; the stream may be gone after it */
void ngx_http_apievents_stream_flush(ngx_http_apievents_stream_t *s);


#endif /* _NGX_HTTP_APIEVENTS_MANAGE_STREAM_H_INCLUDED_ */
