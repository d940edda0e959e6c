/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Questions to the store, which its thread answers.  They have a connection
 * of their own, which only the thread touches, since the keeper's is in use
 * for a group of changes.
 */


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


/* one that is under way; freed when its answer is in the event loop */

typedef struct {
    ngx_http_apievents_ask_t   *ask;
    const char                 *name;       /* of the database */
    ngx_event_t                 event;      /* without a thread */
#if (NGX_THREADS)
    ngx_thread_task_t           task;
#endif
} ngx_http_apievents_asked_t;


static ngx_http_apievents_asked_t *ngx_http_apievents_ask_create(
    ngx_http_apievents_ask_t *ask, ngx_str_t *name, ngx_log_t *log);
static void ngx_http_apievents_ask_run(void *data, ngx_log_t *log);
static void ngx_http_apievents_ask_event(ngx_event_t *ev);


/* the thread's; opened when it is first asked, closed after an error */

static ae_db_t  *ngx_http_apievents_ask_db;


ngx_int_t
ngx_http_apievents_store_ask(ngx_http_apievents_ask_t *ask, ngx_log_t *log)
{
    ngx_http_apievents_asked_t      *asked;
    ngx_http_apievents_db_conf_t    *db;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    db = &mcf->store.db;

    if (!db->on) {
        return NGX_DECLINED;
    }

    asked = ngx_http_apievents_ask_create(ask, &db->name, log);
    if (asked == NULL) {
        return NGX_BUSY;
    }

#if (NGX_THREADS)

    if (db->pool != NULL) {

        if (ngx_thread_task_post(db->pool, &asked->task) != NGX_OK) {
            ngx_free(asked);
            return NGX_BUSY;
        }

        return NGX_OK;
    }

#endif

    ngx_http_apievents_ask_run(asked, log);
    ngx_post_event(&asked->event, &ngx_posted_events);

    return NGX_OK;
}


static ngx_http_apievents_asked_t *
ngx_http_apievents_ask_create(ngx_http_apievents_ask_t *ask, ngx_str_t *name,
    ngx_log_t *log)
{
    u_char                      *p;
    ngx_http_apievents_asked_t  *asked;

    asked = ngx_calloc(sizeof(ngx_http_apievents_asked_t) + name->len + 1,
                       log);
    if (asked == NULL) {
        return NULL;
    }

    p = (u_char *) (asked + 1);
    ngx_memcpy(p, name->data, name->len);

    asked->ask = ask;
    asked->name = (char *) p;

    asked->event.handler = ngx_http_apievents_ask_event;
    asked->event.data = asked;
    asked->event.log = ngx_cycle->log;

#if (NGX_THREADS)
    asked->task.ctx = asked;
    asked->task.handler = ngx_http_apievents_ask_run;
    asked->task.event = asked->event;
#endif

    return asked;
}


static void
ngx_http_apievents_ask_run(void *data, ngx_log_t *log)
{
    ngx_http_apievents_asked_t *asked = data;

    ae_error_t      err;
    ae_db_state_e   state;

    if (ngx_http_apievents_ask_db == NULL) {
        ngx_http_apievents_ask_db = ae_db_open(asked->name, NULL, &state,
                                               &err);
    }

    if (ngx_http_apievents_ask_db == NULL) {
        return;
    }

    asked->ask->work(ngx_http_apievents_ask_db, asked->ask->data);

    if (ae_db_state(ngx_http_apievents_ask_db) != AE_DB_OK) {
        ae_db_close(ngx_http_apievents_ask_db);
        ngx_http_apievents_ask_db = NULL;
    }
}


static void
ngx_http_apievents_ask_event(ngx_event_t *ev)
{
    ngx_http_apievents_ask_t    *ask;
    ngx_http_apievents_asked_t  *asked;

    asked = ev->data;
    ask = asked->ask;

    ngx_free(asked);

    ask->done(ask->data);
}
