/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * KeyIDs of all keys, names of organisations: first what the store has, in
 * order, then what the zone alone has, as it lies there.  The text is made in
 * the store's thread; without a store in the event loop, by small parts.
 */


#include "manage/manage_keys.h"


/* of a call that asks for no page: Tyk's clients know of none */
#define NGX_HTTP_APIEVENTS_KEYS_ALL    10000

/* blocks of the zone that are looked at: by one call in the thread, and by one
 * turn of the event loop */
#define NGX_HTTP_APIEVENTS_KEYS_LOOK   (1024 * 1024)
#define NGX_HTTP_APIEVENTS_KEYS_TURN   8192

#define NGX_HTTP_APIEVENTS_KEYS_TEXT   (32 * 1024 * 1024)


/* one that is under way */

typedef struct {
    ngx_http_apievents_admin_t     *admin;
    ngx_event_t                     event;
    ae_buf_t                        text;
    ae_str_t                        after;      /* in the store */
    uint32_t                        cursor;     /* in the zone */
    size_t                          limit;
    size_t                          n;
    unsigned                        org:1;
    unsigned                        paged:1;
    unsigned                        stored:1;   /* that part is over */
    unsigned                        more:1;
} ngx_http_apievents_keys_t;


static ngx_int_t ngx_http_apievents_keys_list(ngx_http_apievents_admin_t *a,
    ngx_uint_t org);
static const char *ngx_http_apievents_keys_page(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_keys_t *keys);
static const char *ngx_http_apievents_keys_after(
    ngx_http_apievents_admin_t *a, ngx_http_apievents_keys_t *keys);
static void ngx_http_apievents_keys_cleanup(void *data);
static void ngx_http_apievents_keys_read(ae_db_t *db, void *data);
static int ngx_http_apievents_keys_stored(ae_db_t *db,
    ngx_http_apievents_keys_t *keys);
static int ngx_http_apievents_keys_some(ae_db_t *db,
    ngx_http_apievents_keys_t *keys, ae_arena_t *arena);
static int ngx_http_apievents_keys_zone(ngx_http_apievents_keys_t *keys,
    uint32_t look);
static void ngx_http_apievents_keys_put(ngx_http_apievents_keys_t *keys,
    ae_str_t id);
static void ngx_http_apievents_keys_turn(ngx_event_t *ev);
static ngx_int_t ngx_http_apievents_keys_answer(
    ngx_http_apievents_admin_t *a);


ngx_int_t
ngx_http_apievents_admin_keys(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_keys_list(a, 0);
}


ngx_int_t
ngx_http_apievents_admin_orgs(ngx_http_apievents_admin_t *a)
{
    return ngx_http_apievents_keys_list(a, 1);
}


static ngx_int_t
ngx_http_apievents_keys_list(ngx_http_apievents_admin_t *a, ngx_uint_t org)
{
    const char                      *expected;
    ngx_pool_cleanup_t              *cln;
    ngx_http_apievents_keys_t       *keys;
    ngx_http_apievents_main_conf_t  *mcf;

    cln = ngx_pool_cleanup_add(a->request->pool,
                               sizeof(ngx_http_apievents_keys_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    keys = cln->data;
    ngx_memzero(keys, sizeof(ngx_http_apievents_keys_t));

    keys->admin = a;
    keys->org = org;
    ae_buf_init(&keys->text, NGX_HTTP_APIEVENTS_KEYS_TEXT);

    cln->handler = ngx_http_apievents_keys_cleanup;
    a->keys = keys;

    expected = ngx_http_apievents_keys_page(a, keys);

    if (expected != NULL) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST, expected);
    }

    ae_buf_puts(&keys->text, "{\"keys\":[");

    mcf = ngx_http_get_module_main_conf(a->request, ngx_http_apievents_module);

    if (mcf->store.db.on) {
        return ngx_http_apievents_admin_job(a, ngx_http_apievents_keys_read,
                                            ngx_http_apievents_keys_answer);
    }

    keys->event.handler = ngx_http_apievents_keys_turn;
    keys->event.data = keys;
    keys->event.log = ngx_cycle->log;

    ngx_post_event(&keys->event, &ngx_posted_events);

    return ngx_http_apievents_admin_wait(a, ngx_http_apievents_keys_answer);
}


/* what was expected, or NULL */

static const char *
ngx_http_apievents_keys_page(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_keys_t *keys)
{
    ngx_int_t  n;
    ngx_str_t  value;

    keys->limit = NGX_HTTP_APIEVENTS_KEYS_ALL;
    keys->after = ae_str("");

    if (ngx_http_apievents_admin_arg(a, "limit", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > NGX_HTTP_APIEVENTS_PAGE_MAX) {
            return "limit: a number from 1 to 1000 is expected";
        }

        keys->limit = n;
        keys->paged = 1;
    }

    return ngx_http_apievents_keys_after(a, keys);
}


/* "s" and the last id of the store, or "z" and the place in the zone */

static const char *
ngx_http_apievents_keys_after(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_keys_t *keys)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (!ngx_http_apievents_admin_arg(a, "after", &value)) {
        return NULL;
    }

    if (!keys->paged) {
        keys->limit = NGX_HTTP_APIEVENTS_PAGE;
        keys->paged = 1;
    }

    if (value.data[0] == 's' && value.len <= AE_DB_NAME + 1) {
        keys->after.data = value.data + 1;
        keys->after.len = value.len - 1;
        return NULL;
    }

    n = (value.data[0] == 'z') ? ngx_atoi(value.data + 1, value.len - 1)
                               : NGX_ERROR;

    if (n < 0 || n > (ngx_int_t) UINT32_MAX) {
        return "after: the \"next\" of the page before is expected";
    }

    keys->cursor = n;
    keys->stored = 1;

    return NULL;
}


static void
ngx_http_apievents_keys_cleanup(void *data)
{
    ngx_http_apievents_keys_t *keys = data;

    if (keys->event.posted) {
        ngx_delete_posted_event(&keys->event);
    }

    ae_buf_free(&keys->text);
}


/* ---- in the thread ---- */

static void
ngx_http_apievents_keys_read(ae_db_t *db, void *data)
{
    ngx_http_apievents_admin_t *a = data;

    int                         rc;
    ngx_http_apievents_keys_t  *keys;

    keys = a->keys;
    rc = keys->stored ? AE_OK : ngx_http_apievents_keys_stored(db, keys);

    if (rc == AE_OK) {
        keys->stored = 1;

        if (ngx_http_apievents_session_listed(keys->org)) {
            rc = ngx_http_apievents_keys_zone(keys,
                                              NGX_HTTP_APIEVENTS_KEYS_LOOK);
        }
    }

    keys->more = (rc == AE_AGAIN);
    a->rc = (rc == AE_AGAIN) ? AE_OK : rc;
}


/* AE_AGAIN: there is more than was asked for; the same for the next two */

static int
ngx_http_apievents_keys_stored(ae_db_t *db, ngx_http_apievents_keys_t *keys)
{
    int          rc;
    ae_arena_t  *arena;

    do {
        arena = ae_arena_create(0);
        if (arena == NULL) {
            return AE_ERROR;
        }

        rc = ngx_http_apievents_keys_some(db, keys, arena);

        ae_arena_destroy(arena);

    } while (rc == AE_AGAIN && keys->n < keys->limit);

    return rc;
}


static int
ngx_http_apievents_keys_some(ae_db_t *db, ngx_http_apievents_keys_t *keys,
    ae_arena_t *arena)
{
    int                rc;
    size_t             i, n;
    ae_db_document_t  *docs;

    n = ngx_min(keys->limit - keys->n, NGX_HTTP_APIEVENTS_PAGE_MAX);

    docs = ae_arena_alloc(arena, n * sizeof(ae_db_document_t));
    if (docs == NULL) {
        return AE_ERROR;
    }

    rc = ae_db_document_list(db, keys->org ? ae_str("org") : ae_str("key"),
                             0, &keys->after, docs, &n, arena);

    if (rc != AE_OK && rc != AE_AGAIN) {
        return AE_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_http_apievents_keys_put(keys, docs[i].id);
    }

    /* the call's arena is the thread's now, and has few of them */

    keys->after = ae_arena_dup(keys->admin->arena, keys->after);

    return (keys->after.data == NULL) ? AE_ERROR : rc;
}


static int
ngx_http_apievents_keys_zone(ngx_http_apievents_keys_t *keys, uint32_t look)
{
    int          rc;
    size_t       i, n;
    uint32_t     begin, end;
    ae_str_t     ids[128];
    ae_arena_t  *arena;

    begin = keys->cursor;
    end = (begin > UINT32_MAX - look) ? UINT32_MAX : begin + look;

    do {
        arena = ae_arena_create(0);
        if (arena == NULL) {
            return AE_ERROR;
        }

        n = ngx_min(keys->limit - keys->n, sizeof(ids) / sizeof(ids[0]));

        rc = ngx_http_apievents_session_list(keys->org, &keys->cursor,
                                             end - keys->cursor, arena, ids,
                                             &n);

        for (i = 0; rc != AE_ERROR && i < n; i++) {
            ngx_http_apievents_keys_put(keys, ids[i]);
        }

        ae_arena_destroy(arena);

    } while (rc == AE_AGAIN && keys->n < keys->limit && keys->cursor < end);

    return rc;
}


static void
ngx_http_apievents_keys_put(ngx_http_apievents_keys_t *keys, ae_str_t id)
{
    ae_buf_puts(&keys->text, keys->n++ ? ",\"" : "\"");
    ae_json_escape(&keys->text, id, 0);
    ae_buf_puts(&keys->text, "\"");
}


/* ---- in the event loop ---- */

static void
ngx_http_apievents_keys_turn(ngx_event_t *ev)
{
    ngx_http_apievents_keys_t *keys = ev->data;

    int  rc;

    rc = ngx_http_apievents_keys_zone(keys, NGX_HTTP_APIEVENTS_KEYS_TURN);

    if (rc == AE_AGAIN && keys->n < keys->limit) {
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    keys->stored = 1;
    keys->more = (rc == AE_AGAIN);

    if (rc == AE_ERROR) {
        keys->text.failed = 1;
    }

    ngx_http_apievents_admin_go(keys->admin);
}


static ngx_int_t
ngx_http_apievents_keys_answer(ngx_http_apievents_admin_t *a)
{
    ae_buf_t                   *b;
    ngx_http_apievents_keys_t  *keys;

    keys = a->keys;
    b = &keys->text;

    ae_buf_puts(b, "]");

    if (keys->more) {
        ae_buf_puts(b, ",\"next\":\"");

        if (keys->stored) {
            ae_buf_puts(b, "z");
            ae_buf_int(b, keys->cursor);

        } else {
            ae_buf_puts(b, "s");
            ae_json_escape(b, keys->after, 0);
        }

        ae_buf_puts(b, "\"");

    } else if (keys->paged) {
        ae_buf_puts(b, ",\"next\":null");
    }

    ae_buf_puts(b, "}\n");

    return ngx_http_apievents_manage_send(a->request, NGX_HTTP_OK,
                                          "application/json", b);
}
