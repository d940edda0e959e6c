/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Rows of history on their way to the store: copied into an arena that is
 * freed as a whole when they are written.
 */


#include "store/store_keeper.h"


static ngx_http_apievents_row_t *ngx_http_apievents_row(
    ngx_http_apievents_keeper_t *k, const ngx_http_apievents_history_t *h);
static uint64_t ngx_http_apievents_row_uid(const ae_id_t *event,
    const ae_id_t *endpoint);
static ngx_int_t ngx_http_apievents_row_dup(ae_arena_t *arena, ae_str_t *dst,
    ae_str_t src);
static ae_str_t ngx_http_apievents_row_record(ae_arena_t *arena,
    const ae_event_t *ev);
static void ngx_http_apievents_row_add(ngx_http_apievents_rows_t *rows,
    ngx_http_apievents_row_t *row);


static const ae_str_t  ngx_http_apievents_row_states[] = {
    ae_string("delivered"),
    ae_string("retry"),
    ae_string("failed"),
    ae_string("dead")
};


void
ngx_http_apievents_history(const ngx_http_apievents_history_t *h)
{
    ngx_http_apievents_row_t         *row;
    ngx_http_apievents_keeper_t      *k;
    ngx_http_apievents_store_conf_t  *scf;

    scf = &ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->store;
    k = scf->worker;

    if (k == NULL || k->job == NULL || scf->db.history == 0) {
        return;
    }

    if (k->rows.arena == NULL) {
        k->rows.arena = ae_arena_create(NGX_HTTP_APIEVENTS_JOB_BYTES);
    }

    row = (k->rows.arena == NULL) ? NULL : ngx_http_apievents_row(k, h);

    if (row == NULL) {
        (void) ngx_atomic_fetch_add(&scf->zone->store.dropped, 1);
        return;
    }

    ngx_http_apievents_row_add(&k->rows, row);
}


static ngx_http_apievents_row_t *
ngx_http_apievents_row(ngx_http_apievents_keeper_t *k,
    const ngx_http_apievents_history_t *h)
{
    ae_str_t                   answer;
    ae_arena_t                *arena;
    ae_db_attempt_t           *a;
    ngx_http_apievents_row_t  *row;

    arena = k->rows.arena;

    row = ae_arena_alloc(arena, sizeof(ngx_http_apievents_row_t));
    if (row == NULL) {
        return NULL;
    }

    answer = *(const ae_str_t *) &h->answer;
    answer.len = ngx_min(answer.len, AE_DB_ANSWER);

    a = &row->attempt;

    a->event = h->event->id;
    a->endpoint = h->endpoint;
    a->uid = ngx_http_apievents_row_uid(&a->event, &a->endpoint);
    a->attempt = h->attempt;
    a->status = h->status;
    a->time = h->time;
    a->duration = h->duration;
    a->next = h->next;
    a->state = ngx_http_apievents_row_states[h->state];
    row->dead = (h->state == NGX_HTTP_APIEVENTS_HISTORY_DEAD);
    row->record = ngx_http_apievents_row_record(arena, h->event);

    if (row->record.data == NULL
        || ngx_http_apievents_row_dup(arena, &a->type,
                                      ae_event_name(h->event))
           != NGX_OK
        || ngx_http_apievents_row_dup(arena, &a->api, h->event->api) != NGX_OK
        || ngx_http_apievents_row_dup(arena, &a->handler,
                                      *(const ae_str_t *) &h->handler)
           != NGX_OK
        || ngx_http_apievents_row_dup(arena, &a->label,
                                      *(const ae_str_t *) &h->label)
           != NGX_OK
        || ngx_http_apievents_row_dup(arena, &a->error,
                                      *(const ae_str_t *) &h->error)
           != NGX_OK
        || ngx_http_apievents_row_dup(arena, &a->answer, answer) != NGX_OK)
    {
        return NULL;
    }

    return row;
}


/*
 * An event at an endpoint, however often it is sent there: so the letter of a
 * delivery that dies again stands for the one before.
 */

static uint64_t
ngx_http_apievents_row_uid(const ae_id_t *event, const ae_id_t *endpoint)
{
    uint64_t    uid;
    ngx_uint_t  i;

    uid = event->h[0];

    for (i = 1; i < 4; i++) {
        uid = (uid ^ (uid >> 29)) * 0xbf58476d1ce4e5b9;
        uid ^= (i == 1) ? event->h[1] : endpoint->h[i - 2];
    }

    return uid ^ (uid >> 32);
}


static ngx_int_t
ngx_http_apievents_row_dup(ae_arena_t *arena, ae_str_t *dst, ae_str_t src)
{
    *dst = ae_arena_dup(arena, src);

    return (dst->data != NULL) ? NGX_OK : NGX_ERROR;
}


/* with its secret, which the thread takes out */

static ae_str_t
ngx_http_apievents_row_record(ae_arena_t *arena, const ae_event_t *ev)
{
    ae_str_t  record;

    record.len = ae_event_size(ev);
    record.data = ae_arena_alloc(arena, record.len);

    if (record.data != NULL) {
        ae_event_encode(ev, record.data);
    }

    return record;
}


static void
ngx_http_apievents_row_add(ngx_http_apievents_rows_t *rows,
    ngx_http_apievents_row_t *row)
{
    row->next = NULL;

    if (rows->last == NULL) {
        rows->first = row;

    } else {
        rows->last->next = row;
    }

    rows->last = row;
    rows->n++;
}


void
ngx_http_apievents_dead_letter(ngx_http_apievents_keeper_t *k,
    const ae_outbox_row_t *row, ae_str_t record, const char *reason)
{
    ae_now_t                      now;
    ae_event_t                    ev;
    ngx_http_apievents_history_t  h;

    ngx_memzero(&h, sizeof(ngx_http_apievents_history_t));

    if (ae_event_decode(&ev, record) != AE_OK) {
        return;
    }

    ae_now(&now);

    h.event = &ev;
    h.endpoint = row->endpoint;
    h.state = NGX_HTTP_APIEVENTS_HISTORY_DEAD;
    h.attempt = row->attempt;
    h.time = now.wall;
    h.error.data = (u_char *) reason;
    h.error.len = ngx_strlen(reason);

    ngx_http_apievents_history(&h);
}


void
ngx_http_apievents_rows_move(ngx_http_apievents_rows_t *to,
    ngx_http_apievents_rows_t *from)
{
    ngx_http_apievents_rows_free(to);

    *to = *from;
    ngx_memzero(from, sizeof(ngx_http_apievents_rows_t));
}


void
ngx_http_apievents_rows_free(ngx_http_apievents_rows_t *rows)
{
    if (rows->arena != NULL) {
        ae_arena_destroy(rows->arena);
    }

    ngx_memzero(rows, sizeof(ngx_http_apievents_rows_t));
}


void
ngx_http_apievents_rows_drop(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_rows_t *rows)
{
    if (rows->n != 0) {
        (void) ngx_atomic_fetch_add(&scf->zone->store.dropped,
                                    (ngx_atomic_int_t) rows->n);

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%ui rows of history are not stored: the worker ends",
                      rows->n);
    }

    ngx_http_apievents_rows_free(rows);
}
