/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include "event/event_private.h"


#define NGX_HTTP_APIEVENTS_MAX_DEPTH  5

/* bytes of a ring that only events about lost events may use */
#define NGX_HTTP_APIEVENTS_RESERVED   2048


static ngx_int_t ngx_http_apievents_record(ae_ring_t *ring, ae_event_t *ev);
static ngx_int_t ngx_http_apievents_write(ae_ring_t *ring, ae_event_t *ev,
    size_t len);
static uint64_t ngx_http_apievents_sequence(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_raise_t *e);
static void ngx_http_apievents_fill(ae_event_t *ev,
    ngx_http_apievents_raise_t *e);


ngx_int_t
ngx_http_apievents_raise(ngx_http_apievents_raise_t *e,
    u_char id[AE_EVENT_ID_LEN])
{
    ae_now_t                            now;
    uint32_t                            slot;
    ngx_int_t                           rc;
    ae_event_t                          ev;
    ngx_http_apievents_zone_t          *zone;
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_event_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->event.worker;
    zone = mcf->store.zone;

    if (w == NULL || zone == NULL) {
        ngx_memset(id, '0', AE_EVENT_ID_LEN);
        return NGX_DECLINED;
    }

    ae_now(&now);

    ngx_http_apievents_fill(&ev, e);

    ev.id = (e->id.h[0] != 0 || e->id.h[1] != 0)
            ? e->id : ae_uuid_next(&w->uuid, now.wall);
    ev.time = now.wall;

    ae_event_id(id, ev.id);

    if (e->depth <= NGX_HTTP_APIEVENTS_MAX_DEPTH) {
        ev.sequence = ngx_http_apievents_sequence(zone, e);
    }

    if (ngx_http_apievents_ring_take(&slot) == NGX_OK) {
        rc = ngx_http_apievents_record(ae_process_ring(zone->processes, slot),
                                       &ev);
        ngx_http_apievents_ring_give(slot);

    } else {
        ae_ring_drop(ae_process_ring(zone->processes, 0), AE_DROP_RING_FULL);
        rc = NGX_BUSY;
    }

    if (rc == NGX_BUSY && ev.type != AE_EVENTS_DROPPED) {
        w->dropped++;
    }

    return rc == NGX_OK ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_raise_again(ae_str_t *record)
{
    void                       *p;
    uint32_t                    slot;
    ngx_int_t                   rc;
    ae_ring_t                  *ring;
    ngx_http_apievents_zone_t  *zone;

    zone = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
           ->store.zone;

    if (ngx_http_apievents_ring_take(&slot) != NGX_OK) {
        return NGX_BUSY;
    }

    ring = ae_process_ring(zone->processes, slot);
    p = NULL;
    rc = NGX_BUSY;

    if (record->len > ae_ring_max(ring)) {
        ae_ring_drop(ring, AE_DROP_TOO_LARGE);
        rc = NGX_DECLINED;

    } else if (ae_ring_has(ring, record->len + NGX_HTTP_APIEVENTS_RESERVED)) {
        p = ae_ring_reserve(ring, record->len);
    }

    if (p != NULL) {
        ngx_memcpy(p, record->data, record->len);
        ae_ring_commit(ring);
        rc = NGX_OK;
    }

    ngx_http_apievents_ring_give(slot);

    return rc;
}


/* NGX_BUSY: dropped for want of room; NGX_DECLINED: for another reason */

static ngx_int_t
ngx_http_apievents_record(ae_ring_t *ring, ae_event_t *ev)
{
    size_t       len;
    ngx_int_t    rc;
    ae_arena_t  *arena;

    arena = NULL;

    if (ev->depth > NGX_HTTP_APIEVENTS_MAX_DEPTH) {
        ae_ring_drop(ring, AE_DROP_LOOP);
        return NGX_DECLINED;
    }

    len = ae_event_size(ev);

    if (len > ae_ring_max(ring)) {

        /* the request's text is what can be large, and can be done without */

        ev->request.len = 0;
        ev->request_cut = 1;

        len = ae_event_size(ev);
    }

    if (len > ae_ring_max(ring)) {
        arena = ae_arena_create(0);

        if (arena != NULL
            && ae_event_cut(arena, ev, ae_ring_max(ring)) == AE_OK)
        {
            len = ae_event_size(ev);
        }
    }

    rc = ngx_http_apievents_write(ring, ev, len);

    if (arena != NULL) {
        ae_arena_destroy(arena);
    }

    return rc;
}


static ngx_int_t
ngx_http_apievents_write(ae_ring_t *ring, ae_event_t *ev, size_t len)
{
    void    *p;
    size_t   keep;

    if (len > ae_ring_max(ring)) {
        ae_ring_drop(ring, AE_DROP_TOO_LARGE);
        return NGX_BUSY;
    }

    keep = (ev->type == AE_EVENTS_DROPPED || ev->type == AE_STORE_DOWN)
           ? 0 : NGX_HTTP_APIEVENTS_RESERVED;

    p = ae_ring_has(ring, len + keep) ? ae_ring_reserve(ring, len) : NULL;

    if (p == NULL) {
        ae_ring_drop(ring, AE_DROP_RING_FULL);
        return NGX_BUSY;
    }

    ae_event_encode(ev, p);
    ae_ring_commit(ring);

    return NGX_OK;
}


static uint64_t
ngx_http_apievents_sequence(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_raise_t *e)
{
    ae_str_t  parts[2];

    parts[0] = ae_str("sequence");

    if (e->key_id.h[0] != 0 || e->key_id.h[1] != 0) {
        parts[1].data = (u_char *) &e->key_id;
        parts[1].len = sizeof(ae_id_t);

    } else {
        parts[1] = *(ae_str_t *) &e->api;
    }

    return ae_limits_sequence(zone->limits, ae_hash(zone->secret, parts, 2));
}


static void
ngx_http_apievents_fill(ae_event_t *ev, ngx_http_apievents_raise_t *e)
{
    ngx_memzero(ev, sizeof(ae_event_t));

    ev->type = e->type;
    ev->route = e->route;
    ev->key_id = e->key_id;
    ev->depth = e->depth;
    ev->dry_run = e->dry_run;
    ev->request_cut = e->request_cut;

    ev->name = *(ae_str_t *) &e->name;
    ev->api = *(ae_str_t *) &e->api;
    ev->org = *(ae_str_t *) &e->org;
    ev->message = *(ae_str_t *) &e->message;
    ev->path = *(ae_str_t *) &e->path;
    ev->origin = *(ae_str_t *) &e->origin;
    ev->key = *(ae_str_t *) &e->key;
    ev->alias = *(ae_str_t *) &e->alias;
    ev->reason = *(ae_str_t *) &e->reason;
    ev->request = *(ae_str_t *) &e->request;
    ev->meta = *(ae_str_t *) &e->meta;
    ev->secret = *(ae_str_t *) &e->secret;
}


ae_id_t
ngx_http_apievents_event_next(uint64_t wall)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    return ae_uuid_next(&mcf->event.worker->uuid, wall);
}
