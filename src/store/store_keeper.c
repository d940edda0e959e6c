/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The life of a worker's part in the store: a timer gathers what is to be
 * written, the pool's thread writes it while the next collects.
 */


#include "store/store_keeper.h"


#define NGX_HTTP_APIEVENTS_TICK_MIN    5        /* ms */
#define NGX_HTTP_APIEVENTS_TICK_AGAIN  1
#define NGX_HTTP_APIEVENTS_RETRY       1000

/* a worker that ends waits so long for its task; after that nginx itself
 * waits for the thread, and sees no timer any more */
#define NGX_HTTP_APIEVENTS_GUARD       30000


static ngx_http_apievents_keeper_t *ngx_http_apievents_keeper_create(
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log);
static ngx_http_apievents_job_t *ngx_http_apievents_job_create(
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log);
static void ngx_http_apievents_job_configure(ngx_http_apievents_job_t *job,
    ngx_http_apievents_store_conf_t *scf);
static void ngx_http_apievents_keeper_tick(ngx_event_t *ev);
static void ngx_http_apievents_keeper_second(ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_keeper_again(ngx_http_apievents_keeper_t *k);
static ngx_int_t ngx_http_apievents_keeper_gather(
    ngx_http_apievents_keeper_t *k, ngx_uint_t all);
static void ngx_http_apievents_keeper_post(ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_keeper_done(ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_keeper_finish(
    ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_keeper_guard(ngx_event_t *ev);
#if (NGX_THREADS)
static void ngx_http_apievents_keeper_thread(void *data, ngx_log_t *log);
static void ngx_http_apievents_keeper_event(ngx_event_t *ev);
#endif


ngx_int_t
ngx_http_apievents_keeper_start(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf)
{
    ngx_http_apievents_keeper_t  *k;

    k = ngx_http_apievents_keeper_create(scf, cycle->log);
    if (k == NULL) {
        return NGX_ERROR;
    }

    scf->worker = k;

    ngx_http_apievents_db_lock_take(&scf->db);
    ngx_add_timer(&k->tick, NGX_HTTP_APIEVENTS_TICK_MIN);

    return NGX_OK;
}


static ngx_http_apievents_keeper_t *
ngx_http_apievents_keeper_create(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log)
{
    ngx_http_apievents_keeper_t  *k;

    k = ngx_calloc(sizeof(ngx_http_apievents_keeper_t), log);
    if (k == NULL) {
        return NULL;
    }

    k->conf = scf;
    k->dummy.fd = (ngx_socket_t) -1;

    k->tick.handler = ngx_http_apievents_keeper_tick;
    k->tick.data = &k->dummy;
    k->tick.log = log;
    k->tick.cancelable = 1;

    k->guard.handler = ngx_http_apievents_keeper_guard;
    k->guard.data = &k->dummy;
    k->guard.log = log;

    k->second = ngx_current_msec - NGX_HTTP_APIEVENTS_RETRY;
    k->retry = ngx_current_msec;

    if (!scf->db.on) {
        return k;
    }

    k->job = ngx_http_apievents_job_create(scf, log);

    if (k->job == NULL) {
        ngx_free(k);
        return NULL;
    }

    return k;
}


static ngx_http_apievents_job_t *
ngx_http_apievents_job_create(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log)
{
    ngx_http_apievents_job_t  *job;

    job = ngx_calloc(sizeof(ngx_http_apievents_job_t) + scf->db.name.len + 1,
                     log);
    if (job == NULL) {
        return NULL;
    }

    job->name = (char *) (job + 1);
    ngx_memcpy(job->name, scf->db.name.data, scf->db.name.len);

    job->zone = scf->zone->store.id;
    ngx_memcpy(job->secret, scf->zone->secret, sizeof(job->secret));

    ngx_http_apievents_job_configure(job, scf);

    return job;
}


static void
ngx_http_apievents_job_configure(ngx_http_apievents_job_t *job,
    ngx_http_apievents_store_conf_t *scf)
{
    job->history = scf->db.history * NGX_HTTP_APIEVENTS_SECOND;
    job->max = scf->db.max;
    job->sealed = (scf->db.seal != NULL);

    if (job->sealed) {
        job->seal = *scf->db.seal;
    }
}


static void
ngx_http_apievents_keeper_tick(ngx_event_t *ev)
{
    ngx_http_apievents_keeper_t  *k;

    k = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->store.worker;

    if (ngx_current_msec - k->second >= 1000) {
        k->second = ngx_current_msec;
        k->seconds++;
        ngx_http_apievents_keeper_second(k);
    }

    if (k->job != NULL && !k->busy
        && (ngx_msec_int_t) (ngx_current_msec - k->retry) >= 0
        && ngx_http_apievents_keeper_gather(k, 0) == NGX_OK)
    {
        ngx_http_apievents_keeper_post(k);
    }

    ngx_http_apievents_keeper_again(k);
}


/* one worker is the keeper of its zone, with or without a store */

static void
ngx_http_apievents_keeper_second(ngx_http_apievents_keeper_t *k)
{
    int                              rc;
    ngx_http_apievents_zone_t       *zone;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    zone = k->conf->zone;

    if (k->job != NULL) {
        ngx_http_apievents_db_lock_take(&k->conf->db);
    }

    /* an older worker knows only what was configured when it began */

    if (k->keeper && !k->busy && ngx_exiting
        && zone->generation != mcf->deliver.generation)
    {
        ae_unlock(&zone->store.keeper);
        k->keeper = 0;
        k->entered = 0;
    }

    if (!k->keeper && !ngx_exiting) {
        rc = ae_trylock(&zone->store.keeper);

        if (rc == AE_RECOVER) {
            ae_lock_repaired(&zone->store.keeper);
        }

        k->keeper = (rc == AE_OK || rc == AE_RECOVER);
    }

    if (k->keeper && !k->entered) {
        k->entered = 1;
        ngx_http_apievents_keeper_enter(k);
    }

    if (k->keeper && k->job != NULL) {
        ngx_http_apievents_write_look(k->conf);
    }
}


void
ngx_http_apievents_keeper_enter(ngx_http_apievents_keeper_t *k)
{
    ngx_http_apievents_zone_t  *zone;

    zone = k->conf->zone;

    /* what is in another database, or was in none, is written anew */

    if (k->job == NULL || zone->store.name != k->conf->db.hash) {
        ae_queue_keeper(zone->queue, 0);
    }

    zone->store.name = (k->job == NULL) ? 0 : k->conf->db.hash;

    if (k->job != NULL) {
        ae_queue_keeper(zone->queue, 1);
        k->own = 1;
        k->own_after = 0;
    }

    ngx_http_apievents_keeper_unwritten(k);
}


static void
ngx_http_apievents_keeper_again(ngx_http_apievents_keeper_t *k)
{
    ngx_msec_t  next;

    next = ngx_max(k->conf->db.flush / 2, NGX_HTTP_APIEVENTS_TICK_MIN);

    if (k->job == NULL) {
        next = 1000;

    } else if (k->again && !k->busy && !k->failed) {
        next = NGX_HTTP_APIEVENTS_TICK_AGAIN;
    }

    ngx_add_timer(&k->tick, next);
}


/*
 * What is to be written goes to the task; NGX_DECLINED: nothing.  all: to the
 * last one, as nobody comes after this.
 */

static ngx_int_t
ngx_http_apievents_keeper_gather(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all)
{
    ngx_int_t                  rc;
    ngx_http_apievents_job_t  *job;

    job = k->job;
    k->again = 0;

    if (job->arena == NULL) {
        job->arena = ae_arena_create(0);

        if (job->arena == NULL) {
            return NGX_DECLINED;
        }
    }

    /* those of a task that failed come first */

    if (job->rows.n == 0) {
        ngx_http_apievents_rows_move(&job->rows, &k->rows);
    }

    job->keeper = k->keeper;
    rc = NGX_DECLINED;

    if (k->keeper) {
        rc = ngx_http_apievents_keeper_fill(k, all);
    }

    return (job->rows.n != 0) ? NGX_OK : rc;
}


static void
ngx_http_apievents_keeper_post(ngx_http_apievents_keeper_t *k)
{
    k->busy = 1;

#if (NGX_THREADS)

    if (k->conf->db.pool != NULL && ngx_process == NGX_PROCESS_WORKER) {
        k->task.handler = ngx_http_apievents_keeper_thread;
        k->task.ctx = k->job;
        k->task.event.handler = ngx_http_apievents_keeper_event;
        k->task.event.data = k;
        k->task.event.log = k->tick.log;

        if (ngx_thread_task_post(k->conf->db.pool, &k->task) == NGX_OK) {
            ngx_add_timer(&k->guard, NGX_HTTP_APIEVENTS_GUARD);
            return;
        }
    }

#endif

    ngx_http_apievents_job_run(k->job);
    ngx_http_apievents_keeper_done(k);
}


#if (NGX_THREADS)

static void
ngx_http_apievents_keeper_thread(void *data, ngx_log_t *log)
{
    ngx_http_apievents_job_run(data);
}


static void
ngx_http_apievents_keeper_event(ngx_event_t *ev)
{
    ngx_http_apievents_keeper_t *k = ev->data;

    if (k->guard.timer_set) {
        ngx_del_timer(&k->guard);
    }

    ngx_http_apievents_keeper_done(k);

    /* a timer that is moved by less than 300 ms stays where it is */

    if (k->again && !k->failed && k->tick.timer_set) {
        ngx_del_timer(&k->tick);
        ngx_http_apievents_keeper_again(k);
    }
}

#endif


static void
ngx_http_apievents_keeper_guard(ngx_event_t *ev)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "the store's thread has been writing for %d seconds",
                  NGX_HTTP_APIEVENTS_GUARD / 1000);
}


static void
ngx_http_apievents_keeper_done(ngx_http_apievents_keeper_t *k)
{
    ngx_http_apievents_job_t  *job;

    job = k->job;

    k->busy = 0;
    k->failed = (job->state != AE_DB_OK);

    if (k->failed) {
        k->retry = ngx_current_msec + NGX_HTTP_APIEVENTS_RETRY;
        ngx_http_apievents_store_down(k->conf, job);

    } else if (!job->absent) {
        ngx_http_apievents_rows_free(&job->rows);
        ngx_http_apievents_store_up(k->conf);
    }

    if (job->keeper) {
        ngx_http_apievents_keeper_apply(k);
    }

    if (job->claimed.arena != NULL) {
        ae_arena_destroy(job->claimed.arena);
        job->claimed.arena = NULL;
    }

    if (job->arena != NULL) {
        ae_arena_destroy(job->arena);
        job->arena = NULL;
    }
}


void
ngx_http_apievents_keeper_settle(ngx_http_apievents_keeper_t *k)
{
    if (k->busy) {
        ngx_http_apievents_keeper_done(k);
    }
}


/* the rows of a worker that ends, unless the store is lost */

static void
ngx_http_apievents_keeper_finish(ngx_http_apievents_keeper_t *k)
{
    ngx_http_apievents_keeper_settle(k);

    while (!k->failed && (k->rows.n != 0 || k->job->rows.n != 0)) {

        if (ngx_http_apievents_keeper_write(k, 0) != NGX_OK) {
            return;
        }
    }
}


ngx_int_t
ngx_http_apievents_keeper_write(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all)
{
    if (ngx_http_apievents_keeper_gather(k, all) != NGX_OK) {
        return NGX_DECLINED;
    }

    k->busy = 1;

    ngx_http_apievents_job_run(k->job);
    ngx_http_apievents_keeper_done(k);

    return k->failed ? NGX_ERROR : NGX_OK;
}


void
ngx_http_apievents_store_move(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *old)
{
    ngx_http_apievents_keeper_t      *k;
    ngx_http_apievents_store_conf_t  *scf;

    scf = &ngx_http_apievents_main_conf(cycle)->store;
    k = old->worker;

    if (k == NULL || old->db.on != scf->db.on
        || old->db.hash != scf->db.hash)
    {
        ngx_http_apievents_keeper_stop(old);
        (void) ngx_http_apievents_keeper_start(cycle, scf);
        return;
    }

    k->conf = scf;
    k->tick.log = cycle->log;
    k->guard.log = cycle->log;

    if (k->job != NULL) {
        ngx_http_apievents_job_configure(k->job, scf);
    }

    scf->worker = k;
}


void
ngx_http_apievents_keeper_stop(ngx_http_apievents_store_conf_t *scf)
{
    ngx_http_apievents_job_t     *job;
    ngx_http_apievents_keeper_t  *k;

    k = scf->worker;

    if (k == NULL) {
        return;
    }

    job = k->job;
    scf->worker = NULL;

    if (k->tick.timer_set) {
        ngx_del_timer(&k->tick);
    }

    if (k->guard.timer_set) {
        ngx_del_timer(&k->guard);
    }

    if (job != NULL) {
        ngx_http_apievents_keeper_finish(k);

        ngx_http_apievents_rows_drop(k->conf, &job->rows);
        ngx_http_apievents_rows_drop(k->conf, &k->rows);

        if (job->arena != NULL) {
            ae_arena_destroy(job->arena);
        }

        if (job->db != NULL) {
            ae_db_close(job->db);
        }

        ngx_free(job);
    }

    if (k->keeper) {
        ae_unlock(&k->conf->zone->store.keeper);
    }

    ngx_http_apievents_keeper_forget(k);
    ngx_free(k);
}
