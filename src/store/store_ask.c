/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Questions to the store, which its thread answers.  They have a connection
 * of their own, which only the thread touches, since the keeper's is in use
 * for a group of changes.  Those that come while the thread is busy go there
 * together: its queue is short, and others need a place in it.
 */


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_ASK_WAIT   4096
#define NGX_HTTP_APIEVENTS_ASK_GROUP  16
#define NGX_HTTP_APIEVENTS_ASK_GUARD  10000     /* ms */


/* of this process */

typedef struct {
    ngx_queue_t                 waiting;    /* of ask_t */
    ngx_queue_t                 group;      /* that is under way */
    ngx_uint_t                  nwaiting;
    char                       *name;       /* of the database */
    ngx_event_t                 guard;      /* a worker that ends waits */
    ngx_connection_t            dummy;
    ngx_event_t                 posted;     /* without a thread */
#if (NGX_THREADS)
    ngx_thread_task_t           task;
#endif
    unsigned                    made:1;
    unsigned                    busy:1;
} ngx_http_apievents_asker_t;


static void ngx_http_apievents_asker_make(void);
static ngx_int_t ngx_http_apievents_asker_start(ngx_log_t *log);
static ngx_int_t ngx_http_apievents_asker_post(
    ngx_http_apievents_db_conf_t *db, ngx_log_t *log);
static void ngx_http_apievents_asker_run(void *data, ngx_log_t *log);
static void ngx_http_apievents_asker_event(ngx_event_t *ev);
static void ngx_http_apievents_asker_guard(ngx_event_t *ev);


static ngx_http_apievents_asker_t  ngx_http_apievents_asker;


/* the thread's; opened when it is first asked, closed after an error */

static ae_db_t  *ngx_http_apievents_ask_db;


ngx_int_t
ngx_http_apievents_store_ask(ngx_http_apievents_ask_t *ask, ngx_log_t *log)
{
    ngx_http_apievents_asker_t      *as;
    ngx_http_apievents_main_conf_t  *mcf;

    as = &ngx_http_apievents_asker;
    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (!mcf->store.db.on) {
        return NGX_DECLINED;
    }

    ngx_http_apievents_asker_make();

    if (as->nwaiting >= NGX_HTTP_APIEVENTS_ASK_WAIT) {
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(&as->waiting, &ask->queue);
    as->nwaiting++;

    if (as->busy || ngx_http_apievents_asker_start(log) == NGX_OK) {
        return NGX_OK;
    }

    /* it was the only one */

    ngx_queue_remove(&ask->queue);

    return NGX_BUSY;
}


static void
ngx_http_apievents_asker_make(void)
{
    ngx_http_apievents_asker_t  *as;

    as = &ngx_http_apievents_asker;

    if (as->made) {
        return;
    }

    as->made = 1;

    ngx_queue_init(&as->waiting);
    ngx_queue_init(&as->group);

    as->dummy.fd = (ngx_socket_t) -1;

    as->guard.handler = ngx_http_apievents_asker_guard;
    as->guard.data = &as->dummy;
    as->guard.log = ngx_cycle->log;

    as->posted.handler = ngx_http_apievents_asker_event;
    as->posted.data = as;
    as->posted.log = ngx_cycle->log;
}


/* NGX_BUSY: nothing is under way, what was to be is waiting no more */

static ngx_int_t
ngx_http_apievents_asker_start(ngx_log_t *log)
{
    ngx_uint_t                       n;
    ngx_queue_t                     *q;
    ngx_http_apievents_asker_t      *as;
    ngx_http_apievents_main_conf_t  *mcf;

    as = &ngx_http_apievents_asker;
    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    for (n = 0; n < NGX_HTTP_APIEVENTS_ASK_GROUP; n++) {

        if (ngx_queue_empty(&as->waiting)) {
            break;
        }

        q = ngx_queue_head(&as->waiting);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&as->group, q);
        as->nwaiting--;
    }

    as->busy = 1;

    if (ngx_http_apievents_asker_post(&mcf->store.db, log) == NGX_OK) {

        if (!as->guard.timer_set) {
            ngx_add_timer(&as->guard, NGX_HTTP_APIEVENTS_ASK_GUARD);
        }

        return NGX_OK;
    }

    as->busy = 0;

    return NGX_BUSY;
}


/* the configuration may be gone before the thread is done */

static ngx_int_t
ngx_http_apievents_asker_post(ngx_http_apievents_db_conf_t *db,
    ngx_log_t *log)
{
    ngx_http_apievents_asker_t  *as;

    as = &ngx_http_apievents_asker;

    if (as->name != NULL) {
        ngx_free(as->name);
    }

    as->name = ngx_alloc(db->name.len + 1, log);
    if (as->name == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(as->name, db->name.data, db->name.len);
    as->name[db->name.len] = '\0';

#if (NGX_THREADS)

    if (db->pool != NULL) {
        ngx_memzero(&as->task, sizeof(ngx_thread_task_t));

        as->task.ctx = as;
        as->task.handler = ngx_http_apievents_asker_run;
        as->task.event.handler = ngx_http_apievents_asker_event;
        as->task.event.data = as;
        as->task.event.log = ngx_cycle->log;

        return ngx_thread_task_post(db->pool, &as->task);
    }

#endif

    ngx_http_apievents_asker_run(as, log);
    ngx_post_event(&as->posted, &ngx_posted_events);

    return NGX_OK;
}


static void
ngx_http_apievents_asker_run(void *data, ngx_log_t *log)
{
    ngx_http_apievents_asker_t *as = data;

    ae_error_t                 err;
    ae_db_state_e              state;
    ngx_queue_t               *q;
    ngx_http_apievents_ask_t  *ask;

    for (q = ngx_queue_head(&as->group);
         q != ngx_queue_sentinel(&as->group);
         q = ngx_queue_next(q))
    {
        ask = ngx_queue_data(q, ngx_http_apievents_ask_t, queue);

        if (ngx_http_apievents_ask_db == NULL) {
            ngx_http_apievents_ask_db = ae_db_open(as->name, NULL, &state,
                                                   &err);
        }

        if (ngx_http_apievents_ask_db == NULL) {
            return;
        }

        ask->work(ngx_http_apievents_ask_db, ask->data);

        if (ae_db_state(ngx_http_apievents_ask_db) != AE_DB_OK) {
            ae_db_close(ngx_http_apievents_ask_db);
            ngx_http_apievents_ask_db = NULL;
        }
    }
}


/* the next ones go first: the thread need not wait for these */

static void
ngx_http_apievents_asker_event(ngx_event_t *ev)
{
    ngx_queue_t                  done, *q;
    ngx_http_apievents_ask_t    *ask;
    ngx_http_apievents_asker_t  *as;

    as = ev->data;

    ngx_queue_init(&done);

    for ( ;; ) {

        if (!ngx_queue_empty(&as->group)) {
            ngx_queue_add(&done, &as->group);
            ngx_queue_init(&as->group);
        }

        as->busy = 0;

        /* those that cannot be asked are told as those that could not be
         * answered */

        if (ngx_queue_empty(&as->waiting)
            || ngx_http_apievents_asker_start(ngx_cycle->log) == NGX_OK)
        {
            break;
        }
    }

    if (!as->busy && as->guard.timer_set) {
        ngx_del_timer(&as->guard);
    }

    while (!ngx_queue_empty(&done)) {
        q = ngx_queue_head(&done);
        ask = ngx_queue_data(q, ngx_http_apievents_ask_t, queue);

        ngx_queue_remove(q);
        ask->done(ask->data);
    }
}


static void
ngx_http_apievents_asker_guard(ngx_event_t *ev)
{
    ev->log = ngx_cycle->log;

    ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                  "the store's thread has been reading for %d seconds",
                  NGX_HTTP_APIEVENTS_ASK_GUARD / 1000);

    ngx_add_timer(ev, NGX_HTTP_APIEVENTS_ASK_GUARD);
}
