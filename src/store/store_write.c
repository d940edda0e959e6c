/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What management writes.  The writes that come while the thread is busy are
 * the next group, which is one transaction: one wait for the disk serves all
 * of them.  Each is a part of the group that can be undone alone.  The thread
 * holds a lock of the zone until the zone has what was committed, so that all
 * workers' groups are applied in the order of the log.
 */


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_WRITE_GROUP        256
#define NGX_HTTP_APIEVENTS_WRITE_GROUP_BYTES  (8 * 1024 * 1024)
#define NGX_HTTP_APIEVENTS_WRITE_WAIT         4096
#define NGX_HTTP_APIEVENTS_WRITE_WAIT_BYTES   (64 * 1024 * 1024)

/* as the keeper's guard */
#define NGX_HTTP_APIEVENTS_WRITE_GUARD        30000

/* deletions are looked at so often, in seconds */
#define NGX_HTTP_APIEVENTS_WRITE_FORGET       60


/* of a worker; the group and what is below belong to the thread while it is
 * busy */

typedef struct {
    ngx_queue_t                       waiting;
    ngx_uint_t                        nwaiting;
    size_t                            size;     /* of those */
    ngx_event_t                       guard;    /* a group is under way */
    ngx_event_t                       posted;   /* without a thread */
    ngx_connection_t                  dummy;
#if (NGX_THREADS)
    ngx_thread_task_t                 task;
#endif
    ngx_uint_t                        looks;
    unsigned                          made:1;
    unsigned                          busy:1;
    unsigned                          stopped:1;
    unsigned                          down:1;   /* that was told */

    ngx_http_apievents_store_conf_t  *conf;
    ngx_queue_t                       group;
    ae_db_t                          *db;
    size_t                            room;     /* in the zone */
    ngx_int_t                         rc;
    unsigned                          forget:1;
    u_char                            error[256];
} ngx_http_apievents_writer_t;


static void ngx_http_apievents_writer_make(void);
static void ngx_http_apievents_writer_next(void);
static void ngx_http_apievents_writer_gather(void);
static void ngx_http_apievents_writer_start(
    ngx_http_apievents_store_conf_t *scf);
static void ngx_http_apievents_writer_guard(ngx_event_t *ev);
static void ngx_http_apievents_writer_event(ngx_event_t *ev);
static void ngx_http_apievents_writer_done(void);
static void ngx_http_apievents_writer_tell(void);
static void ngx_http_apievents_writer_run(void *data, ngx_log_t *log);
static ngx_int_t ngx_http_apievents_writer_open(
    ngx_http_apievents_writer_t *wr);
static ngx_int_t ngx_http_apievents_writer_lock(
    ngx_http_apievents_writer_t *wr);
static ngx_int_t ngx_http_apievents_writer_group(
    ngx_http_apievents_writer_t *wr);
static int ngx_http_apievents_writer_one(ngx_http_apievents_writer_t *wr,
    ngx_http_apievents_write_t *w);
static void ngx_http_apievents_writer_failed(ngx_http_apievents_writer_t *wr);


static ngx_http_apievents_writer_t  ngx_http_apievents_writer;


ngx_int_t
ngx_http_apievents_store_write(ngx_http_apievents_write_t *w, ngx_log_t *log)
{
    ngx_http_apievents_writer_t     *wr;
    ngx_http_apievents_main_conf_t  *mcf;

    wr = &ngx_http_apievents_writer;
    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (!mcf->store.db.on) {
        return NGX_DECLINED;
    }

    ngx_http_apievents_writer_make();

    if (wr->stopped || wr->nwaiting >= NGX_HTTP_APIEVENTS_WRITE_WAIT
        || (wr->nwaiting != 0
            && wr->size + w->size > NGX_HTTP_APIEVENTS_WRITE_WAIT_BYTES))
    {
        return NGX_BUSY;
    }

    w->rc = AE_ERROR;
    w->rev = 0;

    ngx_queue_insert_tail(&wr->waiting, &w->queue);
    wr->nwaiting++;
    wr->size += w->size;

    /* all of this turn of the event loop are one group */

    if (!wr->busy && !wr->posted.posted) {
        ngx_post_event(&wr->posted, &ngx_posted_events);
    }

    /* a worker that ends waits for it */

    if (!wr->guard.timer_set) {
        ngx_add_timer(&wr->guard, NGX_HTTP_APIEVENTS_WRITE_GUARD);
    }

    return NGX_OK;
}


uint64_t
ngx_http_apievents_store_rev(void)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    return (mcf->store.zone != NULL) ? mcf->store.zone->store.applied : 0;
}


static void
ngx_http_apievents_writer_make(void)
{
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;

    if (wr->made) {
        return;
    }

    wr->made = 1;

    ngx_queue_init(&wr->waiting);
    ngx_queue_init(&wr->group);

    wr->dummy.fd = (ngx_socket_t) -1;

    wr->guard.handler = ngx_http_apievents_writer_guard;
    wr->guard.data = &wr->dummy;
    wr->guard.log = ngx_cycle->log;

    wr->posted.handler = ngx_http_apievents_writer_event;
    wr->posted.data = wr;
    wr->posted.log = ngx_cycle->log;
}


/* the next group, if there is anything to write */

static void
ngx_http_apievents_writer_next(void)
{
    ngx_http_apievents_writer_t     *wr;
    ngx_http_apievents_main_conf_t  *mcf;

    wr = &ngx_http_apievents_writer;

    if (ngx_queue_empty(&wr->waiting)) {

        if (wr->guard.timer_set) {
            ngx_del_timer(&wr->guard);
        }

        return;
    }

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_http_apievents_writer_gather();
    ngx_http_apievents_writer_start(&mcf->store);
}


static void
ngx_http_apievents_writer_gather(void)
{
    size_t                        size;
    ngx_uint_t                    n;
    ngx_queue_t                  *q;
    ngx_http_apievents_write_t   *w;
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;
    size = 0;

    for (n = 0; n < NGX_HTTP_APIEVENTS_WRITE_GROUP; n++) {

        if (ngx_queue_empty(&wr->waiting)) {
            break;
        }

        q = ngx_queue_head(&wr->waiting);
        w = ngx_queue_data(q, ngx_http_apievents_write_t, queue);
        size += w->size;

        if (n != 0 && size > NGX_HTTP_APIEVENTS_WRITE_GROUP_BYTES) {
            break;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&wr->group, q);
        wr->nwaiting--;
        wr->size -= w->size;
    }
}


static void
ngx_http_apievents_writer_start(ngx_http_apievents_store_conf_t *scf)
{
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;

    wr->busy = 1;
    wr->conf = scf;

#if (NGX_THREADS)

    if (scf->db.pool != NULL && ngx_process == NGX_PROCESS_WORKER
        && !wr->stopped)
    {
        ngx_memzero(&wr->task, sizeof(ngx_thread_task_t));
        wr->task.ctx = wr;
        wr->task.handler = ngx_http_apievents_writer_run;
        wr->task.event.handler = ngx_http_apievents_writer_event;
        wr->task.event.data = wr;
        wr->task.event.log = ngx_cycle->log;

        if (ngx_thread_task_post(scf->db.pool, &wr->task) == NGX_OK) {
            return;
        }
    }

#endif

    ngx_http_apievents_writer_run(wr, ngx_cycle->log);

    if (!wr->stopped) {
        ngx_post_event(&wr->posted, &ngx_posted_events);
    }
}


static void
ngx_http_apievents_writer_guard(ngx_event_t *ev)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "the store's thread has been writing for %d seconds",
                  NGX_HTTP_APIEVENTS_WRITE_GUARD / 1000);

    ngx_add_timer(ev, NGX_HTTP_APIEVENTS_WRITE_GUARD);
}


/* a group is done, or can begin */

static void
ngx_http_apievents_writer_event(ngx_event_t *ev)
{
    if (ngx_http_apievents_writer.busy) {
        ngx_http_apievents_writer_done();
    }

    ngx_http_apievents_writer_next();
}


/* whoever is told may write again, which is the next group's */

static void
ngx_http_apievents_writer_done(void)
{
    ngx_int_t                     rc;
    ngx_queue_t                  *q;
    ngx_http_apievents_write_t   *w;
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;

    ngx_http_apievents_writer_tell();

    while (!ngx_queue_empty(&wr->group)) {
        q = ngx_queue_head(&wr->group);
        w = ngx_queue_data(q, ngx_http_apievents_write_t, queue);

        ngx_queue_remove(q);

        rc = (wr->rc != NGX_OK) ? NGX_ERROR
             : (w->rc == AE_OK) ? NGX_OK : NGX_DECLINED;

        w->done(w->data, rc);
    }

    wr->busy = 0;
}


static void
ngx_http_apievents_writer_tell(void)
{
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;

    if (wr->rc != NGX_OK && !wr->down) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "documents cannot be written to the store \"%V\": %s",
                      &wr->conf->db.name, wr->error);
    }

    wr->down = (wr->rc != NGX_OK);
}


void
ngx_http_apievents_write_look(ngx_http_apievents_store_conf_t *scf)
{
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;

    ngx_http_apievents_writer_make();

    if (wr->busy || wr->stopped || wr->posted.posted
        || (wr->db == NULL && access((char *) scf->db.name.data, F_OK) != 0))
    {
        return;
    }

    if (++wr->looks % NGX_HTTP_APIEVENTS_WRITE_FORGET == 0) {
        wr->forget = 1;
    }

    ngx_http_apievents_writer_start(scf);
}


/* the thread has ended, and a group that it had is done */

void
ngx_http_apievents_write_stop(void)
{
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;

    if (!wr->made) {
        return;
    }

    wr->stopped = 1;

    if (wr->posted.posted) {
        ngx_delete_posted_event(&wr->posted);
    }

    if (wr->busy) {
        ngx_http_apievents_writer_done();
    }

    while (!ngx_queue_empty(&wr->waiting)) {
        ngx_http_apievents_writer_next();
        ngx_http_apievents_writer_done();
    }

    if (wr->guard.timer_set) {
        ngx_del_timer(&wr->guard);
    }

    if (wr->db != NULL) {
        ae_db_close(wr->db);
    }

    wr->db = NULL;
}


/* ---- in the thread ---- */

static void
ngx_http_apievents_writer_run(void *data, ngx_log_t *log)
{
    ngx_http_apievents_writer_t *wr = data;

    wr->rc = ngx_http_apievents_writer_open(wr);

    if (wr->rc != NGX_OK
        || ngx_http_apievents_writer_lock(wr) != NGX_OK)
    {
        return;
    }

    wr->rc = ngx_http_apievents_writer_group(wr);

    if (wr->rc != NGX_OK) {
        ngx_http_apievents_writer_failed(wr);
    }

    ae_unlock(&wr->conf->zone->store.writer);
}


static ngx_int_t
ngx_http_apievents_writer_open(ngx_http_apievents_writer_t *wr)
{
    ae_error_t     err;
    ae_db_state_e  state;

    if (wr->db != NULL) {
        return NGX_OK;
    }

    wr->db = ae_db_open((char *) wr->conf->db.name.data, NULL, &state, &err);

    if (wr->db == NULL) {
        ngx_snprintf(wr->error, sizeof(wr->error), "%s: %s%Z",
                     ae_db_states[state], err.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* who only looks need not wait: the one that has it does the same */

static ngx_int_t
ngx_http_apievents_writer_lock(ngx_http_apievents_writer_t *wr)
{
    int         rc;
    ae_lock_t  *lock;

    lock = &wr->conf->zone->store.writer;

    rc = ngx_queue_empty(&wr->group) ? ae_trylock(lock) : ae_lock(lock);

    if (rc == AE_RECOVER) {

        /* what it had committed is in the log */

        ae_lock_repaired(lock);
        rc = AE_OK;
    }

    return (rc == AE_OK) ? NGX_OK : NGX_AGAIN;
}


static ngx_int_t
ngx_http_apievents_writer_group(ngx_http_apievents_writer_t *wr)
{
    ngx_queue_t                 *q;
    ae_sessions_stat_t           st;
    ngx_http_apievents_write_t  *w;

    if (ngx_http_apievents_follow(wr->conf, wr->db, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    if (wr->forget) {
        wr->forget = 0;

        if (ngx_http_apievents_follow_forget(wr->conf, wr->db) == AE_ERROR) {
            return NGX_ERROR;
        }
    }

    if (ngx_queue_empty(&wr->group)) {
        return NGX_OK;
    }

    ae_sessions_stat(wr->conf->zone->sessions, &st);
    wr->room = st.bytes_free;

    if (ae_db_begin(wr->db) != AE_OK) {
        return NGX_ERROR;
    }

    for (q = ngx_queue_head(&wr->group);
         q != ngx_queue_sentinel(&wr->group);
         q = ngx_queue_next(q))
    {
        w = ngx_queue_data(q, ngx_http_apievents_write_t, queue);

        w->rc = ngx_http_apievents_writer_one(wr, w);

        if (w->rc == AE_ERROR) {
            return NGX_ERROR;
        }
    }

    if (ae_db_commit(wr->db) != AE_OK) {
        return NGX_ERROR;
    }

    /* it is written now, whatever becomes of the zone, which is told again */

    if (ngx_http_apievents_follow(wr->conf, wr->db, &wr->group) != NGX_OK) {
        ngx_http_apievents_writer_failed(wr);
    }

    return NGX_OK;
}


static int
ngx_http_apievents_writer_one(ngx_http_apievents_writer_t *wr,
    ngx_http_apievents_write_t *w)
{
    int  rc;

    if (ae_db_savepoint(wr->db) != AE_OK) {
        return AE_ERROR;
    }

    rc = w->work(wr->db, w->data);

    if (rc == AE_ERROR) {
        return AE_ERROR;
    }

    if (rc == AE_OK) {
        return ae_db_keep(wr->db);
    }

    return (ae_db_undo(wr->db) == AE_OK) ? AE_DECLINED : AE_ERROR;
}


static void
ngx_http_apievents_writer_failed(ngx_http_apievents_writer_t *wr)
{
    ngx_snprintf(wr->error, sizeof(wr->error), "%s: %s%Z",
                 ae_db_states[ae_db_state(wr->db)], ae_db_error(wr->db));

    ae_db_rollback(wr->db);
    ae_db_close(wr->db);
    wr->db = NULL;
}


ngx_uint_t
ngx_http_apievents_write_room(size_t len)
{
    size_t                        cost;
    ngx_http_apievents_writer_t  *wr;

    wr = &ngx_http_apievents_writer;

    cost = ae_sessions_cost(len + AE_SESSION_RECORD_MAX);

    if (cost > wr->room) {
        return 0;
    }

    wr->room -= cost;

    return 1;
}
