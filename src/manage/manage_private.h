/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _NGX_HTTP_APIEVENTS_MANAGE_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_MANAGE_PRIVATE_H_INCLUDED_


#include "apievents.h"
#include "store/sqlite/sqlite.h"


#define NGX_HTTP_APIEVENTS_SEGMENTS   3

/* rows of a page, and what a call may take of memory */
#define NGX_HTTP_APIEVENTS_PAGE       100
#define NGX_HTTP_APIEVENTS_PAGE_MAX   1000
#define NGX_HTTP_APIEVENTS_ADMIN_MAX  (32 * 1024 * 1024)


typedef struct ngx_http_apievents_change_s  ngx_http_apievents_change_t;
typedef struct ngx_http_apievents_list_s    ngx_http_apievents_list_t;

/*
 * One call of the management API.  Lives in its request's pool; the arena is
 * the call's own, since a job of the store fills it from another thread, and
 * goes with the pool.  While a job is under way nothing else touches either.
 */
typedef struct ngx_http_apievents_admin_s  ngx_http_apievents_admin_t;

typedef ngx_int_t (*ngx_http_apievents_admin_pt)(
    ngx_http_apievents_admin_t *a);

struct ngx_http_apievents_admin_s {
    ngx_http_request_t             *request;
    ngx_http_apievents_user_t      *user;
    ngx_str_t                       segments[NGX_HTTP_APIEVENTS_SEGMENTS];
    ngx_uint_t                      nsegments;
    unsigned                        raw_path:1; /* they were unescaped */
    ae_arena_t                     *arena;
    ae_value_t                     *body;       /* NULL: there is none */

    ngx_http_apievents_ask_t        ask;
    ngx_http_apievents_admin_pt     done;
    ngx_http_apievents_admin_pt     next;       /* when it was waited for */
    ngx_http_apievents_write_t      write;
    void                          (*written)(void *data);
    int                             rc;         /* of the work */
    unsigned                        waiting:1;

    ngx_http_apievents_change_t    *change;     /* or NULL */
    ngx_http_apievents_list_t      *list;       /* or NULL */
    void                           *keys;       /* manage_key_list.c's */

    /* what it asks for, and gets */
    ae_db_query_t                   query;
    ae_id_t                         event;
    int64_t                         row;
    ae_db_attempt_t                *rows;
    ae_db_event_t                  *events;
    ae_str_t                       *records;
    const ae_seal_t                *seal;       /* api_secret_key, or NULL */
    size_t                          nrows;
    size_t                          limit;

    ngx_uint_t                      sent;
    ngx_uint_t                      failed;
};


/* the call of a request, NULL: none yet */
ngx_http_apievents_admin_t *ngx_http_apievents_admin_of(
    ngx_http_request_t *r);


/* ---- manage_users.c ---- */

/* the user whose secret the request has, NULL: none */
ngx_http_apievents_user_t *ngx_http_apievents_user(ngx_http_request_t *r);

/* "admin", ... */
const ngx_str_t *ngx_http_apievents_role_name(ngx_uint_t role);

/* milliseconds for which a refused caller has to wait for its answer */
ngx_msec_t ngx_http_apievents_refused_delay(ngx_http_request_t *r);


/* ---- manage_answer.c: what handlers of routes return ---- */

/* a header of the answer that is sent next; strings are not copied */
ngx_int_t ngx_http_apievents_admin_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/* all send a whole answer and return what a content handler does; message is
 * not copied before it is sent */
ngx_int_t ngx_http_apievents_admin_answer(ngx_http_request_t *r,
    ngx_uint_t status, const ae_value_t *document);
ngx_int_t ngx_http_apievents_admin_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *message);

/* sends the buffer's text, whose type is a constant */
ngx_int_t ngx_http_apievents_manage_send(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, ae_buf_t *b);

/* a document as text in the call's arena, of at most so many bytes */
ngx_int_t ngx_http_apievents_admin_json(ngx_http_apievents_admin_t *a,
    const ae_value_t *document, size_t max, ae_str_t *text);

/* the time as RFC 3339, or null for 0 */
ae_value_t *ngx_http_apievents_admin_time(ae_arena_t *arena, uint64_t wall);
ae_value_t *ngx_http_apievents_admin_id(ae_arena_t *arena, ae_id_t id);
ae_value_t *ngx_http_apievents_admin_event(ae_arena_t *arena, ae_id_t id);


/* ---- manage_query.c: arguments of the query string or of the body ---- */

/* the body's member of that name, else the query string's; 0: none */
ngx_uint_t ngx_http_apievents_admin_field(ngx_http_apievents_admin_t *a,
    const char *name, ngx_str_t *value);

/* the query string's alone */
ngx_uint_t ngx_http_apievents_admin_arg(ngx_http_apievents_admin_t *a,
    const char *name, ngx_str_t *value);

/* fills a->query and a->limit; NGX_OK, or an answer of 400 was sent and *rc is
 * what to return */
ngx_int_t ngx_http_apievents_admin_query(ngx_http_apievents_admin_t *a,
    ngx_int_t *rc);

/* the same of events; NULL, or what was expected */
const char *ngx_http_apievents_admin_event_query(
    ngx_http_apievents_admin_t *a);


/* ---- manage_job.c ---- */

/*
 * Holds the request until go(), which is to be called once from the event
 * loop, whoever closed the connection meanwhile; then next() is called, which
 * returns what a content handler does, unless the request has ended.  Returns
 * NGX_DONE.
 */
ngx_int_t ngx_http_apievents_admin_wait(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_admin_pt next);
void ngx_http_apievents_admin_go(ngx_http_apievents_admin_t *a);

/* work() runs in the store's thread, then done() in the event loop, which
 * sends the answer: NGX_DONE, or an answer of 503 */
ngx_int_t ngx_http_apievents_admin_job(ngx_http_apievents_admin_t *a,
    void (*work)(ae_db_t *db, void *data), ngx_http_apievents_admin_pt done);

/*
 * work() changes the store as in ngx_http_apievents_store_write(), size bytes
 * or so.  written() is called in the event loop, whether the request has ended
 * or not, with a->rc: AE_OK when the change is on the disk; it calls go(),
 * then or later, and then follows done() as above, if that is so.
 */
ngx_int_t ngx_http_apievents_admin_write(ngx_http_apievents_admin_t *a,
    size_t size, int (*work)(ae_db_t *db, void *data),
    void (*written)(void *data), ngx_http_apievents_admin_pt done);


/* ---- work of jobs: a->query's rows, at most a->limit (manage_history.c) - */

/* the record of an event as it was raised; with a NULL seal, or when it was
 * sealed with another, as it may be shown; errors of ae_db_event_get() */
int ngx_http_apievents_admin_record(ae_db_t *db, const ae_seal_t *seal,
    ae_id_t event, ae_arena_t *arena, ae_str_t *record);

void ngx_http_apievents_admin_list(ae_db_t *db, void *data);
void ngx_http_apievents_admin_list_dead(ae_db_t *db, void *data);


/* ---- manage_sync.c ---- */

/*
 * Something that waits until this worker has in memory what was stored before
 * the call: done() is called at once, or later from the event loop, also when
 * the store cannot be read for a while.  The object is the caller's until
 * then.
 */
typedef struct {
    ngx_queue_t                     queue;
    void                          (*done)(void *data);
    void                           *data;
    uint64_t                        wanted;
} ngx_http_apievents_sync_t;

void ngx_http_apievents_sync(ngx_http_apievents_sync_t *s);

/* is it so that done() would be called at once */
ngx_uint_t ngx_http_apievents_sync_current(void);

/* the callback of an endpoint, as this worker has it; NULL: it has none.  It
 * is valid until the next turn of the event loop */
const ae_value_t *ngx_http_apievents_sync_find(ae_id_t identity);

/* this worker has changed a document that all workers have in memory */
void ngx_http_apievents_sync_changed(void);


/* ---- manage_route.c ---- */

/* what the call's path and method mean; returns what a content handler does */
ngx_int_t ngx_http_apievents_admin_route(ngx_http_apievents_admin_t *a);


/* ---- manage_openapi.c ---- */

/* the document but for its "servers", in the configuration's pool */
ngx_int_t ngx_http_apievents_openapi(ngx_conf_t *cf, ngx_str_t *text);


/* ---- routes ---- */

ngx_int_t ngx_http_apievents_admin_openapi(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_deliveries(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_dead(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_retry(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_dead_replay(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_events(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_stream(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_event_types(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_event_get(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_event_replay(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_replay(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_endpoints(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_endpoint(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_endpoint_create(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_endpoint_put(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_endpoint_delete(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_endpoint_rotate(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_enable(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_disable(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_ping(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_callback_history(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_callback_test(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_reload(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_minute(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_objects(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_object(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_object_create(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_object_put(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_object_delete(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_keys(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_key_create(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_key(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_key_post(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_key_put(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_key_delete(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_request_approve(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_request_decline(
    ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_key_preview(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_key_policy(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_orgs(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_org(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_org_post(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_org_put(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_org_delete(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_breakers(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_breaker(ngx_http_apievents_admin_t *a);
ngx_int_t ngx_http_apievents_admin_breaker_force(
    ngx_http_apievents_admin_t *a);


#endif /* _NGX_HTTP_APIEVENTS_MANAGE_PRIVATE_H_INCLUDED_ */
