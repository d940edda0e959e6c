/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a worker has in memory of the documents that are stored: the callbacks
 * that are told of changes, what organisations want to be told of, and the
 * webhooks that were created, as endpoints of run time.  The zone counts the
 * changes of these; a worker that is behind reads them anew.  Who changes
 * something else waits until its own worker is not behind what was there, so
 * that nobody misses a change that comes after it.
 */


#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_SYNC_EVERY  200          /* ms */
#define NGX_HTTP_APIEVENTS_SYNC_PAGE   100

/* so many times later documents are looked at after any change of the store:
 * who made one may have died before it counted */
#define NGX_HTTP_APIEVENTS_SYNC_STORE  10

/* of the documents, as they are read */
#define NGX_HTTP_APIEVENTS_SYNC_MAX    (64 * 1024 * 1024)


/* a document that is in effect, or is to be */

typedef struct {
    ngx_uint_t                      kind;       /* index of those below */
    ae_str_t                        id;
    uint64_t                        rev;
    ae_value_t                     *value;
} ngx_http_apievents_synced_t;


/* of this process; the timer is its own and cancelable */

typedef struct {
    ngx_event_t                     timer;
    ngx_connection_t                dummy;
    ngx_queue_t                     waiting;    /* of sync_t */
    uint64_t                        seen;       /* of the zone's count */
    uint64_t                        rev;        /* of the store, before that */
    ngx_uint_t                      ticks;

    ngx_http_apievents_ask_t        ask;
    uint64_t                        reading;    /* the count before it */
    int                             rc;

    /* what is read, and what was read before: each with its arena */
    ae_arena_t                     *arena;
    ngx_http_apievents_synced_t    *list;
    size_t                          n;
    ae_arena_t                     *old_arena;
    ngx_http_apievents_synced_t    *old;
    size_t                          nold;

    unsigned                        started:1;
    unsigned                        busy:1;
    unsigned                        loaded:1;
} ngx_http_apievents_syncer_t;


static ngx_http_apievents_zone_t *ngx_http_apievents_sync_zone(void);
static void ngx_http_apievents_sync_timer(ngx_event_t *ev);
static void ngx_http_apievents_sync_read(void);
static void ngx_http_apievents_sync_work(ae_db_t *db, void *data);
static int ngx_http_apievents_sync_room(ae_db_t *db,
    ngx_http_apievents_syncer_t *s);
static int ngx_http_apievents_sync_kind(ae_db_t *db,
    ngx_http_apievents_syncer_t *s, ngx_uint_t kind, ae_db_document_t *docs);
static int ngx_http_apievents_sync_page(ngx_http_apievents_syncer_t *s,
    ngx_uint_t kind, const ae_db_document_t *docs, size_t n);
static void ngx_http_apievents_sync_done(void *data);
static void ngx_http_apievents_sync_apply(ngx_http_apievents_syncer_t *s);
static void ngx_http_apievents_sync_gone(ngx_http_apievents_syncer_t *s);
static ngx_http_apievents_synced_t *ngx_http_apievents_synced(
    ngx_http_apievents_synced_t *list, size_t n, ngx_uint_t kind,
    ae_str_t id);
static ngx_int_t ngx_http_apievents_sync_compare(
    const ngx_http_apievents_synced_t *doc, ngx_uint_t kind, ae_str_t id);
static void ngx_http_apievents_sync_wake(ngx_http_apievents_syncer_t *s,
    ngx_uint_t all);


static const ngx_http_apievents_kept_t  *ngx_http_apievents_sync_kinds[] = {
    &ngx_http_apievents_callback_kept,
    &ngx_http_apievents_organisation_kept,
    &ngx_http_apievents_endpoint_kept
};

#define NGX_HTTP_APIEVENTS_SYNC_KINDS                                         \
    (sizeof(ngx_http_apievents_sync_kinds)                                    \
     / sizeof(ngx_http_apievents_sync_kinds[0]))


static ngx_http_apievents_syncer_t  ngx_http_apievents_syncer;


void
ngx_http_apievents_sync_start(ngx_cycle_t *cycle)
{
    ngx_http_apievents_syncer_t     *s;
    ngx_http_apievents_main_conf_t  *mcf;

    s = &ngx_http_apievents_syncer;
    mcf = ngx_http_apievents_main_conf(cycle);

    if (s->started || mcf == NULL || mcf->store.zone == NULL
        || !mcf->manage.admin)
    {
        return;
    }

    ngx_queue_init(&s->waiting);

    s->started = 1;
    s->dummy.fd = (ngx_socket_t) -1;

    s->timer.handler = ngx_http_apievents_sync_timer;
    s->timer.data = &s->dummy;
    s->timer.log = ngx_cycle->log;
    s->timer.cancelable = 1;

    s->ask.work = ngx_http_apievents_sync_work;
    s->ask.done = ngx_http_apievents_sync_done;
    s->ask.data = s;

    ngx_add_timer(&s->timer, 1);
}


static ngx_http_apievents_zone_t *
ngx_http_apievents_sync_zone(void)
{
    return ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
           ->store.zone;
}


static void
ngx_http_apievents_sync_timer(ngx_event_t *ev)
{
    ngx_http_apievents_syncer_t  *s;

    s = &ngx_http_apievents_syncer;

    if (!s->loaded || s->seen != ngx_http_apievents_sync_zone()->managed
        || (++s->ticks % NGX_HTTP_APIEVENTS_SYNC_STORE == 0
            && s->rev != ngx_http_apievents_store_rev()))
    {
        ngx_http_apievents_sync_read();
    }

    ev->log = ngx_cycle->log;
    ngx_add_timer(ev, NGX_HTTP_APIEVENTS_SYNC_EVERY);
}


void
ngx_http_apievents_sync_changed(void)
{
    (void) ngx_atomic_fetch_add(&ngx_http_apievents_sync_zone()->managed, 1);
}


ngx_uint_t
ngx_http_apievents_sync_current(void)
{
    ngx_http_apievents_syncer_t  *s;

    s = &ngx_http_apievents_syncer;

    return !s->started
           || (s->loaded
               && s->seen >= ngx_http_apievents_sync_zone()->managed);
}


void
ngx_http_apievents_sync(ngx_http_apievents_sync_t *wait)
{
    ngx_http_apievents_syncer_t  *s;

    s = &ngx_http_apievents_syncer;
    wait->wanted = ngx_http_apievents_sync_zone()->managed;

    if (!s->started || (s->loaded && s->seen >= wait->wanted)) {
        wait->done(wait->data);
        return;
    }

    ngx_queue_insert_tail(&s->waiting, &wait->queue);

    ngx_http_apievents_sync_read();
}


static void
ngx_http_apievents_sync_read(void)
{
    ngx_int_t                     rc;
    ngx_http_apievents_syncer_t  *s;

    s = &ngx_http_apievents_syncer;

    if (s->busy) {
        return;
    }

    s->arena = ae_arena_create(NGX_HTTP_APIEVENTS_SYNC_MAX);
    if (s->arena == NULL) {
        return;
    }

    s->list = NULL;
    s->n = 0;
    s->rc = AE_ERROR;
    s->reading = ngx_http_apievents_sync_zone()->managed;
    s->rev = ngx_http_apievents_store_rev();
    s->busy = 1;

    rc = ngx_http_apievents_store_ask(&s->ask, ngx_cycle->log);

    if (rc == NGX_OK) {
        return;
    }

    /* without a store there is nothing to wait for */

    s->rc = (rc == NGX_DECLINED) ? AE_OK : AE_ERROR;

    ngx_http_apievents_sync_done(s);
}


/* in the store's thread */

static void
ngx_http_apievents_sync_work(ae_db_t *db, void *data)
{
    ngx_http_apievents_syncer_t *s = data;

    int                rc;
    ngx_uint_t         i;
    ae_db_document_t  *docs;

    docs = ae_arena_alloc(s->arena, NGX_HTTP_APIEVENTS_SYNC_PAGE
                                    * sizeof(ae_db_document_t));

    if (docs == NULL
        || ae_db_read(db) != AE_OK)
    {
        return;
    }

    rc = ngx_http_apievents_sync_room(db, s);

    for (i = 0; i < NGX_HTTP_APIEVENTS_SYNC_KINDS && rc == AE_OK; i++) {
        rc = ngx_http_apievents_sync_kind(db, s, i, docs);
    }

    ae_db_rollback(db);

    s->rc = rc;
}


static int
ngx_http_apievents_sync_room(ae_db_t *db, ngx_http_apievents_syncer_t *s)
{
    uint64_t    n, count;
    ngx_uint_t  i;

    n = 1;

    for (i = 0; i < NGX_HTTP_APIEVENTS_SYNC_KINDS; i++) {

        if (ae_db_document_count(db,
                              ngx_http_apievents_sync_kinds[i]->collection,
                              &count)
            != AE_OK)
        {
            return AE_ERROR;
        }

        n += count;
    }

    s->list = ae_arena_alloc(s->arena,
                             n * sizeof(ngx_http_apievents_synced_t));

    return (s->list == NULL) ? AE_ERROR : AE_OK;
}


static int
ngx_http_apievents_sync_kind(ae_db_t *db, ngx_http_apievents_syncer_t *s,
    ngx_uint_t kind, ae_db_document_t *docs)
{
    int       rc;
    size_t    n;
    ae_str_t  after;

    after = ae_str("");

    do {
        n = NGX_HTTP_APIEVENTS_SYNC_PAGE;

        rc = ae_db_document_list(db,
                              ngx_http_apievents_sync_kinds[kind]->collection,
                              1, &after, docs, &n, s->arena);

        if ((rc == AE_OK || rc == AE_AGAIN)
            && ngx_http_apievents_sync_page(s, kind, docs, n) != AE_OK)
        {
            rc = AE_ERROR;
        }

    } while (rc == AE_AGAIN);

    return rc;
}


static int
ngx_http_apievents_sync_page(ngx_http_apievents_syncer_t *s, ngx_uint_t kind,
    const ae_db_document_t *docs, size_t n)
{
    size_t                        i;
    ae_error_t                    err;
    ngx_http_apievents_synced_t  *doc;

    for (i = 0; i < n; i++) {
        doc = &s->list[s->n];

        doc->kind = kind;
        doc->id = docs[i].id;
        doc->rev = docs[i].rev;
        doc->value = ae_json_parse(s->arena, docs[i].body, &err);

        if (doc->value == NULL) {
            return AE_ERROR;
        }

        if (ngx_http_apievents_sync_kinds[kind]->wants(doc->value)) {
            s->n++;
        }
    }

    return AE_OK;
}


static void
ngx_http_apievents_sync_done(void *data)
{
    ngx_http_apievents_syncer_t *s = data;

    s->busy = 0;

    if (s->rc != AE_OK) {
        ae_arena_destroy(s->arena);
        s->arena = NULL;
        s->rev = 0;

        /* it is tried again soon, but nobody waits for that */

        ngx_http_apievents_sync_wake(s, 1);
        return;
    }

    ngx_http_apievents_sync_apply(s);

    s->seen = s->reading;

    if (!s->loaded) {
        s->loaded = 1;
        ngx_http_apievents_runtime_loaded();
    }

    ngx_http_apievents_sync_wake(s, 0);

    if (!ngx_queue_empty(&s->waiting)) {
        ngx_http_apievents_sync_read();
    }
}


static void
ngx_http_apievents_sync_apply(ngx_http_apievents_syncer_t *s)
{
    size_t                        i;
    ngx_http_apievents_synced_t  *doc, *was;

    for (i = 0; i < s->n; i++) {
        doc = &s->list[i];
        was = ngx_http_apievents_synced(s->old, s->nold, doc->kind, doc->id);

        if (was == NULL || was->rev != doc->rev) {
            ngx_http_apievents_sync_kinds[doc->kind]->put(doc->id, doc->value,
                                                 was ? was->value : NULL,
                                                 s->arena);
        }
    }

    ngx_http_apievents_sync_gone(s);

    if (s->old_arena != NULL) {
        ae_arena_destroy(s->old_arena);
    }

    s->old_arena = s->arena;
    s->old = s->list;
    s->nold = s->n;
    s->arena = NULL;
}


static void
ngx_http_apievents_sync_gone(ngx_http_apievents_syncer_t *s)
{
    size_t                        i;
    ngx_http_apievents_synced_t  *was;

    for (i = 0; i < s->nold; i++) {
        was = &s->old[i];

        if (ngx_http_apievents_synced(s->list, s->n, was->kind, was->id)
            == NULL)
        {
            ngx_http_apievents_sync_kinds[was->kind]->gone(was->id,
                                                           was->value);
        }
    }
}


/* lists are in the order of kinds, and of ids */

static ngx_http_apievents_synced_t *
ngx_http_apievents_synced(ngx_http_apievents_synced_t *list, size_t n,
    ngx_uint_t kind, ae_str_t id)
{
    size_t      low, middle;
    ngx_int_t   rc;

    low = 0;

    while (low < n) {
        middle = low + (n - low) / 2;

        rc = ngx_http_apievents_sync_compare(&list[middle], kind, id);

        if (rc == 0) {
            return &list[middle];
        }

        if (rc < 0) {
            low = middle + 1;

        } else {
            n = middle;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_apievents_sync_compare(const ngx_http_apievents_synced_t *doc,
    ngx_uint_t kind, ae_str_t id)
{
    if (doc->kind != kind) {
        return (doc->kind < kind) ? -1 : 1;
    }

    return ngx_memn2cmp(doc->id.data, id.data, doc->id.len, id.len);
}


const ae_value_t *
ngx_http_apievents_sync_find(ae_id_t identity)
{
    size_t                        i;
    ngx_http_apievents_syncer_t  *s;

    s = &ngx_http_apievents_syncer;

    /* callbacks are the first of them */

    for (i = 0; i < s->nold && s->old[i].kind == 0; i++) {

        if (ae_id_equal(ngx_http_apievents_callback_identity(s->old[i].id),
                        identity))
        {
            return s->old[i].value;
        }
    }

    return NULL;
}


const ae_value_t *
ngx_http_apievents_sync_value(const ngx_http_apievents_kept_t *kept,
    ae_str_t id, uint64_t *rev)
{
    ngx_uint_t                    kind;
    ngx_http_apievents_synced_t  *doc;
    ngx_http_apievents_syncer_t  *s;

    s = &ngx_http_apievents_syncer;

    for (kind = 0; kind < NGX_HTTP_APIEVENTS_SYNC_KINDS; kind++) {

        if (ngx_http_apievents_sync_kinds[kind] != kept) {
            continue;
        }

        doc = ngx_http_apievents_synced(s->old, s->nold, kind, id);

        if (doc != NULL) {
            *rev = doc->rev;
            return doc->value;
        }
    }

    return NULL;
}


static void
ngx_http_apievents_sync_wake(ngx_http_apievents_syncer_t *s, ngx_uint_t all)
{
    ngx_queue_t                *q, *next;
    ngx_http_apievents_sync_t  *wait;

    for (q = ngx_queue_head(&s->waiting);
         q != ngx_queue_sentinel(&s->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        wait = ngx_queue_data(q, ngx_http_apievents_sync_t, queue);

        if (all || s->seen >= wait->wanted) {
            ngx_queue_remove(q);
            wait->done(wait->data);
        }
    }
}
