/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A client that is sent events as they are raised, as text/event-stream (HTML
 * Living Standard, 9.2).  The request owns all of it: with its end the stream
 * leaves the feed, with its pool the memory goes.
 */


#include "manage/manage_stream.h"


#define NGX_HTTP_APIEVENTS_STREAM_ALIVE  15     /* s */
#define NGX_HTTP_APIEVENTS_STREAM_WAIT   1000   /* ms, until what was raised
                                                   before is stored */


static ngx_http_apievents_stream_t *ngx_http_apievents_stream_create(
    ngx_http_apievents_admin_t *a);
static const char *ngx_http_apievents_stream_query(
    ngx_http_apievents_stream_t *s);
static ngx_int_t ngx_http_apievents_stream_past(
    ngx_http_apievents_stream_t *s);
static void ngx_http_apievents_stream_gone(void *data);
static void ngx_http_apievents_stream_free(void *data);
static void ngx_http_apievents_stream_timer(ngx_event_t *ev);
static ngx_int_t ngx_http_apievents_stream_ask(
    ngx_http_apievents_admin_t *a);
static void ngx_http_apievents_stream_read(ae_db_t *db, void *data);
static ngx_int_t ngx_http_apievents_stream_resume(
    ngx_http_apievents_admin_t *a);
static ngx_int_t ngx_http_apievents_stream_replay(
    ngx_http_apievents_stream_t *s, ae_buf_t *b);
static ngx_int_t ngx_http_apievents_stream_rest(
    ngx_http_apievents_stream_t *s, ae_buf_t *b);
static ngx_int_t ngx_http_apievents_stream_start(
    ngx_http_apievents_stream_t *s);
static void ngx_http_apievents_stream_write(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_stream_send(
    ngx_http_apievents_stream_t *s);
static void ngx_http_apievents_stream_say(ngx_http_apievents_stream_t *s);
static ngx_http_apievents_stream_t *ngx_http_apievents_stream_of(
    ngx_http_request_t *r);


ngx_int_t
ngx_http_apievents_admin_stream(ngx_http_apievents_admin_t *a)
{
    const char                      *expected;
    ngx_http_apievents_stream_t     *s;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(a->request,
                                        ngx_http_apievents_module);

    s = ngx_http_apievents_stream_create(a);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    expected = ngx_http_apievents_stream_query(s);

    if (expected != NULL) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST, expected);
    }

    if (ngx_http_apievents_feed_enter(s) != NGX_OK) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "too many streams, at most 32 "
                                              "of a worker are expected");
    }

    /* without a store there is no past */

    return (s->after.h[0] != 0 && mcf->store.db.on)
           ? ngx_http_apievents_stream_past(s)
           : ngx_http_apievents_stream_start(s);
}


static ngx_http_apievents_stream_t *
ngx_http_apievents_stream_create(ngx_http_apievents_admin_t *a)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_cleanup_t           *end;
    ngx_http_apievents_stream_t  *s;

    s = ngx_pcalloc(a->request->pool, sizeof(ngx_http_apievents_stream_t));
    if (s == NULL) {
        return NULL;
    }

    s->admin = a;
    s->request = a->request;
    s->sent = ngx_current_msec;
    s->dummy.fd = (ngx_socket_t) -1;

    ae_buf_init(&s->waiting, NGX_HTTP_APIEVENTS_STREAM_BYTES);
    ae_buf_init(&s->sending, NGX_HTTP_APIEVENTS_STREAM_BYTES);

    cln = ngx_pool_cleanup_add(a->request->pool, 0);
    end = ngx_http_cleanup_add(a->request, 0);

    if (cln == NULL || end == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_apievents_stream_free;
    cln->data = s;
    end->handler = ngx_http_apievents_stream_gone;
    end->data = s;

    return s;
}


static const char *
ngx_http_apievents_stream_query(ngx_http_apievents_stream_t *s)
{
    ngx_int_t         n;
    ngx_str_t         value;
    const char       *expected;
    static ngx_str_t  name = ngx_string("last-event-id");

    expected = ngx_http_apievents_admin_event_query(s->admin);

    if (expected != NULL) {
        return expected;
    }

    s->keepalive = NGX_HTTP_APIEVENTS_STREAM_ALIVE * 1000;

    if (ngx_http_apievents_admin_field(s->admin, "keepalive", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > 60) {
            return "keepalive: seconds from 1 to 60 are expected";
        }

        s->keepalive = n * 1000;
    }

    if ((ngx_http_apievents_header_value(s->request, &name, &value) == NGX_OK
         || ngx_http_apievents_admin_field(s->admin, "last_event_id", &value))
        && value.len != 0
        && ae_event_id_parse(&s->after, *(ae_str_t *) &value) != AE_OK)
    {
        return "Last-Event-ID: an id \"evt_...\" is expected";
    }

    return NULL;
}


static void
ngx_http_apievents_stream_gone(void *data)
{
    ngx_http_apievents_stream_t *s = data;

    ngx_http_apievents_feed_leave(s);
}


static void
ngx_http_apievents_stream_free(void *data)
{
    ngx_http_apievents_stream_t *s = data;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    ae_buf_free(&s->waiting);
    ae_buf_free(&s->sending);
}


/* what is raised meanwhile is held */

static ngx_int_t
ngx_http_apievents_stream_past(ngx_http_apievents_stream_t *s)
{
    s->held = ae_arena_alloc(s->admin->arena, NGX_HTTP_APIEVENTS_STREAM_PAST
                                        * sizeof(ngx_http_apievents_held_t));
    if (s->held == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->timer.handler = ngx_http_apievents_stream_timer;
    s->timer.data = &s->dummy;
    s->timer.log = ngx_cycle->log;
    s->dummy.data = s;

    ngx_add_timer(&s->timer, NGX_HTTP_APIEVENTS_STREAM_WAIT);

    return ngx_http_apievents_admin_wait(s->admin,
                                         ngx_http_apievents_stream_ask);
}


static void
ngx_http_apievents_stream_timer(ngx_event_t *ev)
{
    ngx_connection_t             *dummy;
    ngx_http_apievents_stream_t  *s;

    dummy = ev->data;
    s = dummy->data;

    ngx_http_apievents_admin_go(s->admin);
}


static ngx_int_t
ngx_http_apievents_stream_ask(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_admin_job(a, ngx_http_apievents_stream_read,
                                        ngx_http_apievents_stream_resume);
}


static void
ngx_http_apievents_stream_read(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    size_t                        n, all;
    ae_id_t                       after;
    ngx_http_apievents_stream_t  *s;

    s = ngx_http_apievents_stream_of(a->request);
    after = s->after;
    all = 0;

    s->ids = ae_arena_alloc(a->arena, NGX_HTTP_APIEVENTS_STREAM_PAST
                                      * sizeof(ae_id_t));
    a->records = ae_arena_alloc(a->arena, NGX_HTTP_APIEVENTS_STREAM_PAST
                                          * sizeof(ae_str_t));

    if (s->ids == NULL || a->records == NULL) {
        return;
    }

    do {
        n = ngx_min(100, NGX_HTTP_APIEVENTS_STREAM_PAST - all);

        a->rc = ae_db_event_after(db, &after, s->ids + all,
                                  a->records + all, &n, a->arena);
        all += (a->rc == AE_OK) ? n : 0;

    } while (a->rc == AE_OK && n != 0
             && all < NGX_HTTP_APIEVENTS_STREAM_PAST);

    /* a full arena ends a page as well */

    a->rc = (all != 0) ? AE_OK : a->rc;
    a->nrows = all;
}


static ngx_int_t
ngx_http_apievents_stream_resume(ngx_http_apievents_admin_t *a)
{
    ae_buf_t                      b;
    ngx_int_t                     rc;
    ngx_http_apievents_stream_t  *s;

    s = ngx_http_apievents_stream_of(a->request);

    /* what of the past has no room at once comes with the next connection */

    ae_buf_init(&b, 8 * NGX_HTTP_APIEVENTS_STREAM_BYTES);

    rc = ngx_http_apievents_stream_replay(s, &b);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_stream_rest(s, &b);

    } else {
        ae_buf_puts(&b, "retry: 100\n\n");
        s->ending = 1;
    }

    ae_buf_free(&s->waiting);
    s->waiting = b;

    return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR
                             : ngx_http_apievents_stream_start(s);
}


/* NGX_AGAIN: there is more of it */

static ngx_int_t
ngx_http_apievents_stream_replay(ngx_http_apievents_stream_t *s, ae_buf_t *b)
{
    size_t                       i, len;
    ae_str_t                     record;
    ae_event_t                   ev;
    ngx_http_apievents_admin_t  *a;

    a = s->admin;

    for (i = 0; i < a->nrows; i++) {
        record = a->records[i];
        len = b->len;

        if (ae_unseal(NULL, record, &record) != AE_OK
            || ae_event_decode(&ev, record) != AE_OK
            || !ngx_http_apievents_feed_wants(s, &ev))
        {
            continue;
        }

        if (ngx_http_apievents_feed_text(b, a->arena, &ev) != AE_OK) {
            b->failed = 0;
            b->len = len;
            return (i == 0) ? NGX_OK : NGX_AGAIN;
        }
    }

    return (a->nrows == NGX_HTTP_APIEVENTS_STREAM_PAST) ? NGX_AGAIN : NGX_OK;
}


/* what was held, but for what was stored by then */

static ngx_int_t
ngx_http_apievents_stream_rest(ngx_http_apievents_stream_t *s, ae_buf_t *b)
{
    size_t                       j;
    ngx_uint_t                   i;
    ngx_http_apievents_held_t   *h;

    for (i = 0; i < s->nheld; i++) {
        h = &s->held[i];

        for (j = 0; j < s->admin->nrows; j++) {
            if (ae_id_equal(s->ids[j], h->id)) {
                break;
            }
        }

        if (j == s->admin->nrows) {
            ae_buf_put(b, s->waiting.data + h->start, h->end - h->start);
        }
    }

    return b->failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_apievents_stream_start(ngx_http_apievents_stream_t *s)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  no = ngx_string("no");

    r = s->request;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;

    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    if (ngx_http_apievents_admin_header(r, "Cache-Control", &no_store)
        != NGX_OK
        || ngx_http_apievents_admin_header(r, "X-Accel-Buffering", &no)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    s->live = 1;

    ae_buf_puts(&s->waiting, ": events\n\n");

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_apievents_stream_write;

    /* a client that has closed by now is not told of again */

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    }

    ngx_post_event(r->connection->write, &ngx_posted_events);

    return NGX_DONE;
}


void
ngx_http_apievents_stream_add(ngx_http_apievents_stream_t *s, ae_id_t id,
    const ae_buf_t *text)
{
    ngx_http_apievents_held_t  *h;

    if (text->failed || s->ending
        || s->waiting.len + text->len > NGX_HTTP_APIEVENTS_STREAM_BYTES - 512
        || (!s->live && s->nheld == NGX_HTTP_APIEVENTS_STREAM_PAST))
    {
        s->dropped++;
        return;
    }

    if (!s->live) {

        if (s->held == NULL) {
            return;
        }

        h = &s->held[s->nheld++];

        h->id = id;
        h->start = s->waiting.len;
        h->end = s->waiting.len + text->len;
    }

    ae_buf_put(&s->waiting, text->data, text->len);

    if (s->waiting.failed) {

        /* no memory: what there was is there yet */

        s->waiting.failed = 0;
        s->nheld -= !s->live;
        s->dropped++;
    }
}


void
ngx_http_apievents_stream_flush(ngx_http_apievents_stream_t *s)
{
    ngx_connection_t  *c;

    if (!s->live) {
        return;
    }

    c = s->request->connection;

    if (ngx_exiting) {
        s->ending = 1;
    }

    ngx_http_set_log_request(c->log, s->request);

    ngx_http_apievents_stream_write(s->request);
    ngx_http_run_posted_requests(c);
}


/* the event loop's, and the feed's */

static void
ngx_http_apievents_stream_write(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_event_t                  *wev;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_apievents_stream_t  *s;

    wev = r->connection->write;
    s = ngx_http_apievents_stream_of(r);

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "a client of events/stream takes nothing");

        r->connection->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = ngx_http_apievents_stream_send(s);

    if (rc == NGX_DONE) {
        ngx_http_finalize_request(r, ngx_http_send_special(r, NGX_HTTP_LAST));
        return;
    }

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->connection->buffered || r->buffered) {

        if (!wev->timer_set) {
            ngx_add_timer(wev, clcf->send_timeout);
        }

    } else if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


/* NGX_DONE: that was all, and no more is to come */

static ngx_int_t
ngx_http_apievents_stream_send(ngx_http_apievents_stream_t *s)
{
    off_t                sent;
    ae_buf_t             swap;
    ngx_http_request_t  *r;

    r = s->request;
    sent = r->connection->sent;

    if (r->connection->buffered || r->buffered) {

        if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
            return NGX_ERROR;
        }

        /* a slow client is not one that takes nothing */

        if (r->connection->sent != sent && r->connection->write->timer_set) {
            ngx_del_timer(r->connection->write);
        }
    }

    if (r->connection->buffered || r->buffered
        || ngx_buf_size(&s->buf) != 0)
    {
        return NGX_AGAIN;
    }

    ngx_http_apievents_stream_say(s);

    if (s->waiting.len == 0) {
        return s->ending ? NGX_DONE : NGX_OK;
    }

    swap = s->sending;
    s->sending = s->waiting;
    s->waiting = swap;
    s->waiting.len = 0;

    s->sent = ngx_current_msec;

    ngx_memzero(&s->buf, sizeof(ngx_buf_t));

    s->buf.pos = s->sending.data;
    s->buf.last = s->sending.data + s->sending.len;
    s->buf.start = s->buf.pos;
    s->buf.end = s->buf.last;
    s->buf.memory = 1;
    s->buf.flush = 1;

    s->chain.buf = &s->buf;
    s->chain.next = NULL;

    return ngx_http_output_filter(r, &s->chain);
}


/* what a stream says of itself */

static void
ngx_http_apievents_stream_say(ngx_http_apievents_stream_t *s)
{
    u_char  *p, text[256];

    p = text;

    if (s->dropped != 0 || s->lost != 0) {
        p = ngx_sprintf(p, "event: dropped\ndata: {\"slow\":%uL,"
                        "\"overwritten\":%uL}\n\n", s->dropped, s->lost);
        s->dropped = 0;
        s->lost = 0;
    }

    if (ngx_exiting && s->ending != 2) {
        p = ngx_sprintf(p, "event: end\ndata: {\"reason\":\"the worker "
                        "ends\"}\nretry: 1000\n\n");
        s->ending = 2;

    } else if (p == text && s->waiting.len == 0
               && ngx_current_msec - s->sent >= s->keepalive)
    {
        p = ngx_sprintf(p, ":\n\n");
    }

    ae_buf_put(&s->waiting, text, p - text);
}


static ngx_http_apievents_stream_t *
ngx_http_apievents_stream_of(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_apievents_stream_free) {
            return cln->data;
        }
    }

    return NULL;
}
