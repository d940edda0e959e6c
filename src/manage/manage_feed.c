/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What is raised, as the streams of this worker get it: a timer looks on at
 * the rings of all workers, as long as somebody wants to know.  Neither who
 * raises an event nor who delivers it knows of that.
 */


#include "manage/manage_stream.h"


#define NGX_HTTP_APIEVENTS_FEED_EVERY  50       /* ms */
#define NGX_HTTP_APIEVENTS_FEED_TURN   128      /* records */


/* of this process */

typedef struct {
    ngx_event_t                     timer;
    ngx_connection_t                dummy;
    ngx_queue_t                     streams;
    ngx_uint_t                      n;
    ngx_http_apievents_zone_t      *zone;
    uint64_t                       *at;         /* by the slot of a ring */
    void                           *copy;
    uint32_t                        slot;       /* the next one to look at */
    uint64_t                        lost;
    unsigned                        begun:1;
} ngx_http_apievents_feed_t;


static ngx_int_t ngx_http_apievents_feed_begin(ngx_http_apievents_feed_t *f);
static void ngx_http_apievents_feed_end(ngx_http_apievents_feed_t *f);
static void ngx_http_apievents_feed_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_apievents_feed_look(ngx_http_apievents_feed_t *f);
static void ngx_http_apievents_feed_record(ngx_http_apievents_feed_t *f,
    ae_str_t record);
static void ngx_http_apievents_feed_name(ae_buf_t *b, ae_str_t name);
static ngx_uint_t ngx_http_apievents_feed_is(ae_str_t wanted, ae_str_t s);
static void ngx_http_apievents_feed_tell(ngx_http_apievents_feed_t *f);


static ngx_http_apievents_feed_t  ngx_http_apievents_feed;


ngx_int_t
ngx_http_apievents_feed_enter(ngx_http_apievents_stream_t *s)
{
    ngx_http_apievents_feed_t  *f;

    f = &ngx_http_apievents_feed;

    if (!f->begun) {
        ngx_queue_init(&f->streams);

        f->begun = 1;
        f->dummy.fd = (ngx_socket_t) -1;
        f->timer.handler = ngx_http_apievents_feed_timer;
        f->timer.data = &f->dummy;
        f->timer.log = ngx_cycle->log;
    }

    if (f->n == NGX_HTTP_APIEVENTS_STREAMS
        || (f->n == 0 && ngx_http_apievents_feed_begin(f) != NGX_OK))
    {
        return NGX_BUSY;
    }

    f->n++;
    s->listed = 1;

    ngx_queue_insert_tail(&f->streams, &s->queue);

    /* not cancelable: a worker that ends tells the clients so */

    if (!f->timer.timer_set) {
        ngx_add_timer(&f->timer, NGX_HTTP_APIEVENTS_FEED_EVERY);
    }

    return NGX_OK;
}


void
ngx_http_apievents_feed_leave(ngx_http_apievents_stream_t *s)
{
    ngx_http_apievents_feed_t  *f;

    f = &ngx_http_apievents_feed;

    if (!s->listed) {
        return;
    }

    s->listed = 0;
    f->n--;

    ngx_queue_remove(&s->queue);
}


static ngx_int_t
ngx_http_apievents_feed_begin(ngx_http_apievents_feed_t *f)
{
    size_t           size;
    uint32_t         i, n;
    ae_processes_t  *ps;

    ngx_http_apievents_feed_end(f);

    f->zone = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
              ->store.zone;

    ps = f->zone->processes;
    n = ae_processes_count(ps);

    f->at = ngx_alloc(n * sizeof(uint64_t), ngx_cycle->log);

    if (f->at == NULL) {
        return NGX_ERROR;
    }

    /* they are all of one size */

    size = 0;

    for (i = 0; i < n; i++) {
        size = ae_ring_tap(ae_process_ring(ps, i), &f->at[i]);
    }

    f->copy = ngx_alloc(size, ngx_cycle->log);

    if (f->copy == NULL) {
        ngx_http_apievents_feed_end(f);
        return NGX_ERROR;
    }

    f->slot = 0;
    f->lost = 0;

    return NGX_OK;
}


static void
ngx_http_apievents_feed_end(ngx_http_apievents_feed_t *f)
{
    if (f->at != NULL) {
        ngx_free(f->at);
        f->at = NULL;
    }

    if (f->copy != NULL) {
        ngx_free(f->copy);
        f->copy = NULL;
    }
}


static void
ngx_http_apievents_feed_timer(ngx_event_t *ev)
{
    ngx_uint_t                   more;
    ngx_queue_t                  list, *q;
    ngx_http_apievents_feed_t   *f;

    f = &ngx_http_apievents_feed;
    more = 0;

    ev->log = ngx_cycle->log;

    if (f->n == 0) {
        ngx_http_apievents_feed_end(f);
        return;
    }

    /* in a process without a master another cycle may have another zone */

    if (f->zone != ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
                   ->store.zone
        && ngx_http_apievents_feed_begin(f) != NGX_OK)
    {
        ngx_add_timer(ev, NGX_HTTP_APIEVENTS_FEED_EVERY);
        return;
    }

    if (f->at != NULL) {
        more = ngx_http_apievents_feed_look(f);
        ngx_http_apievents_feed_tell(f);
    }

    /* any of them may be gone after it was flushed, and leaves its list */

    ngx_queue_init(&list);
    ngx_queue_add(&list, &f->streams);
    ngx_queue_init(&f->streams);

    while (!ngx_queue_empty(&list)) {
        q = ngx_queue_head(&list);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&f->streams, q);

        ngx_http_apievents_stream_flush(
                 ngx_queue_data(q, ngx_http_apievents_stream_t, queue));
    }

    if (!ev->timer_set) {
        ngx_add_timer(ev, more ? 1 : NGX_HTTP_APIEVENTS_FEED_EVERY);
    }
}


/* is there more than one turn may look at */

static ngx_uint_t
ngx_http_apievents_feed_look(ngx_http_apievents_feed_t *f)
{
    uint32_t         i, n;
    ae_str_t         record;
    ae_ring_t       *ring;
    ngx_uint_t       seen;
    ae_processes_t  *ps;

    ps = f->zone->processes;
    n = ae_processes_count(ps);
    seen = 0;

    for (i = 0; i < n; i++) {
        ring = ae_process_ring(ps, f->slot);

        while (ae_ring_tap_next(ring, &f->at[f->slot], f->copy, &record,
                                &f->lost)
               == AE_OK)
        {
            ngx_http_apievents_feed_record(f, record);

            if (++seen == NGX_HTTP_APIEVENTS_FEED_TURN) {
                return 1;
            }
        }

        f->slot = (f->slot + 1) % n;
    }

    return 0;
}


static void
ngx_http_apievents_feed_record(ngx_http_apievents_feed_t *f, ae_str_t record)
{
    ae_buf_t                      b;
    ae_event_t                    ev;
    ae_arena_t                   *arena;
    ngx_queue_t                  *q;
    ngx_http_apievents_stream_t  *s;

    if (ae_event_decode(&ev, record) != AE_OK) {
        return;
    }

    arena = NULL;
    ae_buf_init(&b, NGX_HTTP_APIEVENTS_STREAM_BYTES);

    for (q = ngx_queue_head(&f->streams);
         q != ngx_queue_sentinel(&f->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_apievents_stream_t, queue);

        if (!ngx_http_apievents_feed_wants(s, &ev)) {
            continue;
        }

        /* once for all of them */

        if (arena == NULL) {
            arena = ae_arena_create(0);

            if (arena == NULL
                || ngx_http_apievents_feed_text(&b, arena, &ev) != AE_OK)
            {
                b.failed = 1;
            }
        }

        ngx_http_apievents_stream_add(s, ev.id, &b);
    }

    if (arena != NULL) {
        ae_arena_destroy(arena);
    }

    ae_buf_free(&b);
}


int
ngx_http_apievents_feed_text(ae_buf_t *b, ae_arena_t *arena, ae_event_t *ev)
{
    u_char       id[AE_EVENT_ID_LEN];
    ae_str_t     record;
    ae_value_t  *envelope;

    /* raw credentials are for receivers of events, not for who looks on */

    if (ev->secret.len != 0) {
        record = ae_event_clean(ev, arena);

        if (record.data == NULL || ae_event_decode(ev, record) != AE_OK) {
            return AE_ERROR;
        }
    }

    envelope = ae_envelope(arena, ev, 0);

    if (envelope == NULL) {
        return AE_ERROR;
    }

    ae_event_id(id, ev->id);

    ae_buf_puts(b, "id: ");
    ae_buf_put(b, id, AE_EVENT_ID_LEN);
    ae_buf_puts(b, "\nevent: ");
    ngx_http_apievents_feed_name(b, ae_event_name(ev));
    ae_buf_puts(b, "\ndata: ");
    ae_json_write(b, envelope);
    ae_buf_puts(b, "\n\n");

    return b->failed ? AE_ERROR : AE_OK;
}


/* a script's may have a line feed in it */

static void
ngx_http_apievents_feed_name(ae_buf_t *b, ae_str_t name)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < name.len; i++) {
        ch = (name.data[i] < 0x20) ? '?' : name.data[i];
        ae_buf_put(b, &ch, 1);
    }
}


ngx_uint_t
ngx_http_apievents_feed_wants(ngx_http_apievents_stream_t *s,
    const ae_event_t *ev)
{
    const ae_db_query_t  *q;

    q = &s->admin->query;

    return (q->type.len == 0 || ae_event_matches(q->type, ae_event_name(ev)))
           && ngx_http_apievents_feed_is(q->api, ev->api)
           && ngx_http_apievents_feed_is(q->org, ev->org)
           && ((q->key_id.h[0] == 0 && q->key_id.h[1] == 0)
               || ae_id_equal(q->key_id, ev->key_id));
}


static ngx_uint_t
ngx_http_apievents_feed_is(ae_str_t wanted, ae_str_t s)
{
    return wanted.len == 0
           || (wanted.len == s.len
               && ngx_memcmp(wanted.data, s.data, s.len) == 0);
}


/* what was overwritten before it was seen here might have been for any */

static void
ngx_http_apievents_feed_tell(ngx_http_apievents_feed_t *f)
{
    ngx_queue_t                  *q;
    ngx_http_apievents_stream_t  *s;

    if (f->lost == 0) {
        return;
    }

    for (q = ngx_queue_head(&f->streams);
         q != ngx_queue_sentinel(&f->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_apievents_stream_t, queue);
        s->lost += f->lost;
    }

    f->lost = 0;
}
