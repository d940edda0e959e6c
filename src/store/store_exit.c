/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The last worker of a zone: what is pending goes to the store as a whole, and
 * whoever comes next need not wait for a lease.
 */


#include "store/store_keeper.h"


#define NGX_HTTP_APIEVENTS_LAST       10000     /* ms */
#define NGX_HTTP_APIEVENTS_LAST_WAIT  5


static ngx_int_t ngx_http_apievents_last_lock(ngx_http_apievents_keeper_t *k);
static ngx_int_t ngx_http_apievents_last_write(
    ngx_http_apievents_keeper_t *k);
static ngx_int_t ngx_http_apievents_last_rings(
    ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_last_ring(ngx_http_apievents_job_t *job,
    ae_ring_t *ring, size_t max);
static uint64_t ngx_http_apievents_last_now(void);


ngx_int_t
ngx_http_apievents_store_last(ngx_cycle_t *cycle)
{
    ngx_http_apievents_keeper_t  *k;

    k = ngx_http_apievents_main_conf(cycle)->store.worker;

    if (k == NULL || k->job == NULL) {
        return NGX_DECLINED;
    }

    ngx_http_apievents_keeper_settle(k);

    if (ngx_http_apievents_last_lock(k) != NGX_OK
        || ngx_http_apievents_last_write(k) != NGX_OK
        || ngx_http_apievents_last_rings(k) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    k->job->leave = 1;

    return ngx_http_apievents_keeper_write(k, 1) == NGX_ERROR ? NGX_DECLINED
                                                              : NGX_OK;
}


/* another one that ends may be writing still */

static ngx_int_t
ngx_http_apievents_last_lock(ngx_http_apievents_keeper_t *k)
{
    int         rc;
    uint64_t    end;
    ae_lock_t  *lock;

    lock = &k->conf->zone->store.keeper;
    end = ngx_http_apievents_last_now() + NGX_HTTP_APIEVENTS_LAST;

    while (!k->keeper) {
        rc = ae_trylock(lock);

        if (rc == AE_RECOVER) {
            ae_lock_repaired(lock);
        }

        if (rc == AE_OK || rc == AE_RECOVER) {
            k->keeper = 1;
            break;
        }

        if (ngx_http_apievents_last_now() > end) {
            return NGX_DECLINED;
        }

        ngx_msleep(NGX_HTTP_APIEVENTS_LAST_WAIT);
    }

    if (!k->entered) {
        k->entered = 1;
        ngx_http_apievents_keeper_enter(k);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_last_write(ngx_http_apievents_keeper_t *k)
{
    uint64_t   end;
    ngx_int_t  rc;

    end = ngx_http_apievents_last_now() + NGX_HTTP_APIEVENTS_LAST;
    k->cursor = 0;

    do {
        rc = ngx_http_apievents_keeper_write(k, 1);

        if (rc == NGX_OK && k->again
            && ngx_http_apievents_last_now() > end)
        {
            return NGX_ERROR;
        }

    } while (rc == NGX_OK && k->again);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* events that the queue had no room for */

static ngx_int_t
ngx_http_apievents_last_rings(ngx_http_apievents_keeper_t *k)
{
    size_t                     n;
    uint32_t                   slot;
    ngx_int_t                  rc;
    ae_ring_stat_t             st;
    ae_processes_t            *ps;
    ngx_http_apievents_job_t  *job;

    job = k->job;
    ps = k->conf->zone->processes;

    ngx_memzero(&st, sizeof(ae_ring_stat_t));
    ae_processes_stat(ps, &st);

    if (st.waiting == 0) {
        return NGX_OK;
    }

    job->arena = ae_arena_create(0);
    if (job->arena == NULL) {
        return NGX_ERROR;
    }

    job->unrouted = ae_arena_alloc(job->arena,
                                   st.waiting * sizeof(ae_str_t));
    if (job->unrouted == NULL) {
        return NGX_ERROR;
    }

    while (ae_process_adopt(ps, &slot) == AE_OK) {
        ngx_http_apievents_last_ring(job, ae_process_ring(ps, slot),
                                     st.waiting);
        ae_process_release(ps, slot);

        if (job->nunrouted == st.waiting) {
            break;
        }
    }

    n = job->nunrouted;
    rc = ngx_http_apievents_keeper_write(k, 1);

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%uz events are given to no handler: the last worker "
                      "ends, the queues have no room and nothing stores them",
                      n);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "%uz events that no queue had room for are stored", n);

    return NGX_OK;
}


static void
ngx_http_apievents_last_ring(ngx_http_apievents_job_t *job, ae_ring_t *ring,
    size_t max)
{
    uint64_t  number;
    ae_str_t  record;

    while (job->nunrouted < max
           && ae_ring_peek(ring, &record, &number) == AE_OK)
    {
        record = ae_arena_dup(job->arena, record);

        if (record.data == NULL) {
            return;
        }

        job->unrouted[job->nunrouted++] = record;
        ae_ring_release(ring);
    }
}


/* nginx's own clock stands still at the end */

static uint64_t
ngx_http_apievents_last_now(void)
{
    ae_now_t  now;

    ae_now(&now);

    return now.mono / 1000000;
}
