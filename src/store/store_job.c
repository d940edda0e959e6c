/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A task as its thread runs it: one group of changes, then one commit.
 * Nothing here touches the zone, a pool or a log of nginx.
 */


#include "store/store_keeper.h"


static void ngx_http_apievents_job_close(ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_open(ngx_http_apievents_job_t *job);
static ngx_uint_t ngx_http_apievents_job_writes(
    ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_write(ngx_http_apievents_job_t *job,
    const ae_now_t *now);
static int ngx_http_apievents_job_instance(ngx_http_apievents_job_t *job,
    const ae_now_t *now);
static int ngx_http_apievents_job_outbox(ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_state(ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_unrouted(ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_history(ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_event(ngx_http_apievents_job_t *job,
    ae_str_t record, ae_arena_t *arena, ae_event_t *ev);
static int ngx_http_apievents_job_retain(ngx_http_apievents_job_t *job,
    const ae_now_t *now);


void
ngx_http_apievents_job_run(ngx_http_apievents_job_t *job)
{
    ae_now_t  now;

    job->state = AE_DB_OK;
    job->error[0] = '\0';
    job->absent = 0;
    job->left = 0;
    job->later = 0;
    job->anew = 0;
    job->claimed.nrows = 0;
    job->claimed.nunrouted = 0;
    job->claimed.ncounters = 0;
    job->claimed.own = 0;
    job->claimed.more = 0;

    if (ngx_http_apievents_job_open(job) != AE_OK || job->absent) {
        return;
    }

    ae_now(&now);

    if (ae_db_begin(job->db) != AE_OK
        || ngx_http_apievents_job_write(job, &now) != AE_OK
        || ae_db_commit(job->db) != AE_OK)
    {
        ngx_http_apievents_job_error(job);
        return;
    }

    /* the task is done all the same; what is wrong the next one meets, too */

    if (job->retain && ngx_http_apievents_job_retain(job, &now) != AE_OK) {
        job->later = 1;
        ngx_http_apievents_job_close(job);
    }
}


void
ngx_http_apievents_job_error(ngx_http_apievents_job_t *job)
{
    job->state = ae_db_state(job->db);

    if (job->state == AE_DB_OK) {
        job->state = AE_DB_MEMORY;
    }

    ngx_cpystrn(job->error, (u_char *) ae_db_error(job->db),
                sizeof(job->error));

    ngx_http_apievents_job_close(job);

    job->claimed.nrows = 0;
    job->claimed.nunrouted = 0;
    job->claimed.ncounters = 0;
    job->claimed.more = 0;
}


/* a connection that met an error is not used again */

static void
ngx_http_apievents_job_close(ngx_http_apievents_job_t *job)
{
    ae_db_rollback(job->db);
    ae_db_close(job->db);
    job->db = NULL;
}


static int
ngx_http_apievents_job_open(ngx_http_apievents_job_t *job)
{
    ae_error_t     err;
    ae_db_state_e  state;

    if (job->db != NULL) {
        return AE_OK;
    }

    /* a zone that has had nothing to store makes no file */

    if (!ngx_http_apievents_job_writes(job) && access(job->name, F_OK) != 0) {
        job->absent = 1;
        return AE_OK;
    }

    ngx_memzero(&err, sizeof(ae_error_t));

    job->db = ae_db_open(job->name, NULL, &state, &err);

    if (job->db != NULL) {
        job->renew = 1;                 /* it may be another file */
        return AE_OK;
    }

    job->state = state;
    ngx_cpystrn(job->error, (u_char *) err.text, sizeof(job->error));

    return AE_ERROR;
}


static ngx_uint_t
ngx_http_apievents_job_writes(ngx_http_apievents_job_t *job)
{
    return job->rows.n != 0 || job->nsave != 0 || job->ngone != 0
           || job->ncounters != 0 || job->nbreakers != 0
           || job->nendpoints != 0 || job->nunrouted != 0;
}


static int
ngx_http_apievents_job_write(ngx_http_apievents_job_t *job,
    const ae_now_t *now)
{
    if (ngx_http_apievents_job_history(job) != AE_OK) {
        return AE_ERROR;
    }

    if (!job->keeper) {
        return AE_OK;
    }

    if (ngx_http_apievents_job_instance(job, now) != AE_OK
        || ngx_http_apievents_job_outbox(job) != AE_OK
        || ngx_http_apievents_job_unrouted(job) != AE_OK
        || ngx_http_apievents_job_state(job) != AE_OK)
    {
        return AE_ERROR;
    }

    return (job->claim || job->own) ? ngx_http_apievents_job_claim(job)
                                    : AE_OK;
}


/* who the zone is; a lease that somebody took for over is taken anew */

static int
ngx_http_apievents_job_instance(ngx_http_apievents_job_t *job,
    const ae_now_t *now)
{
    int       rc;
    u_char    secret[16];
    uint64_t  n;

    if (job->leave && job->instance != 0) {
        rc = ae_db_renew(job->db, job->instance, 0);

        return (rc == AE_ERROR) ? AE_ERROR : AE_OK;
    }

    if (job->instance != 0 && job->renew) {
        rc = ae_db_renew(job->db, job->instance,
                         now->wall + NGX_HTTP_APIEVENTS_LEASE);

        if (rc != AE_DECLINED) {
            return rc;
        }

        job->instance = 0;
    }

    if (job->instance != 0) {
        return AE_OK;
    }

    ngx_memcpy(secret, job->secret, sizeof(secret));

    rc = ae_db_secret(job->db, secret);

    if (rc != AE_OK && rc != AE_DECLINED) {
        return AE_ERROR;
    }

    job->other = ngx_memcmp(secret, job->secret, sizeof(secret)) != 0;

    if (ae_db_instance(job->db, job->zone, now->wall,
                       job->leave ? 0 : NGX_HTTP_APIEVENTS_LEASE,
                       &job->instance)
        != AE_OK
        || ae_db_outbox_count(job->db, job->instance, &n) != AE_OK)
    {
        return AE_ERROR;
    }

    job->anew = (n == 0);

    return AE_OK;
}


static int
ngx_http_apievents_job_outbox(ngx_http_apievents_job_t *job)
{
    int         rc;
    size_t      i;
    ae_event_t  ev;

    for (i = 0; i < job->nsave; i++) {

        /* one that ended meanwhile is told of as gone, later */

        if (job->records[i].len == 0 || job->anew) {
            continue;
        }

        rc = ngx_http_apievents_job_event(job, job->records[i], job->arena,
                                          &ev);

        if (rc == AE_DECLINED) {
            continue;
        }

        job->save[i].event = ev.id;

        if (rc != AE_OK
            || ae_db_outbox_put(job->db, job->instance, &job->save[i])
               != AE_OK)
        {
            return AE_ERROR;
        }
    }

    for (i = 0; i < job->ngone; i++) {

        if (ae_db_outbox_delete(job->db, job->gone[i]) == AE_ERROR) {
            return AE_ERROR;
        }
    }

    for (i = 0; i < job->nended; i++) {

        if (ae_db_outbox_delete(job->db, job->ended[i]) == AE_ERROR) {
            return AE_ERROR;
        }
    }

    for (i = 0; i < job->nraised; i++) {

        if (ae_db_unrouted_delete(job->db, job->raised[i]) == AE_ERROR) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ngx_http_apievents_job_unrouted(ngx_http_apievents_job_t *job)
{
    int         rc;
    size_t      i;
    ae_event_t  ev;

    for (i = 0; i < job->nunrouted; i++) {
        rc = ngx_http_apievents_job_event(job, job->unrouted[i], job->arena,
                                          &ev);

        if (rc == AE_DECLINED) {
            continue;
        }

        if (rc != AE_OK
            || ae_db_unrouted_put(job->db, job->instance, ev.id) != AE_OK)
        {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ngx_http_apievents_job_state(ngx_http_apievents_job_t *job)
{
    size_t  i;

    /* counters are known by hashes that need the secret they are made with */

    for (i = 0; i < job->ncounters && !job->other; i++) {

        if (ae_db_counter_put(job->db, job->instance, &job->counters[i])
            == AE_ERROR)
        {
            return AE_ERROR;
        }
    }

    if (job->all_breakers && ae_db_breaker_clear(job->db) == AE_ERROR) {
        return AE_ERROR;
    }

    for (i = 0; i < job->nbreakers && !job->other; i++) {

        if (ae_db_breaker_put(job->db, &job->breakers[i]) == AE_ERROR) {
            return AE_ERROR;
        }
    }

    for (i = 0; i < job->nendpoints; i++) {

        if (ae_db_endpoint_put(job->db, &job->endpoints[i]) == AE_ERROR) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ngx_http_apievents_job_history(ngx_http_apievents_job_t *job)
{
    int                        rc;
    ae_event_t                 ev;
    ae_arena_t                *arena;
    ngx_http_apievents_row_t  *row;

    rc = AE_OK;

    for (row = job->rows.first; row != NULL && rc != AE_ERROR;
         row = row->next)
    {
        if (row->record.len != 0) {
            arena = ae_arena_create(0);

            if (arena == NULL) {
                return AE_ERROR;
            }

            rc = ngx_http_apievents_job_event(job, row->record, arena, &ev);

            if (rc == AE_OK) {
                row->attempt.event = ev.id;
            }

            ae_arena_destroy(arena);

            if (rc == AE_ERROR) {
                break;
            }
        }

        rc = ae_db_attempt_put(job->db, &row->attempt);

        if (rc != AE_ERROR && row->dead) {
            rc = ae_db_dead_put(job->db, &row->attempt);
        }
    }

    return (rc == AE_ERROR) ? AE_ERROR : AE_OK;
}


/* AE_DECLINED: the record is none, or larger than what is kept */

static int
ngx_http_apievents_job_event(ngx_http_apievents_job_t *job, ae_str_t record,
    ae_arena_t *arena, ae_event_t *ev)
{
    int       rc;
    ae_str_t  kept;

    rc = ae_seal(job->sealed ? &job->seal : NULL, record, arena, ev, &kept);

    return (rc == AE_OK) ? ae_db_event(job->db, ev, kept) : rc;
}


static int
ngx_http_apievents_job_retain(ngx_http_apievents_job_t *job,
    const ae_now_t *now)
{
    int       rc, expired;
    uint64_t  before;

    before = (now->wall > job->history) ? now->wall - job->history : 0;

    rc = ae_db_retain(job->db, before, job->max,
                      NGX_HTTP_APIEVENTS_JOB_RETAIN);

    expired = ae_db_counter_expire(job->db, now->wall,
                                   NGX_HTTP_APIEVENTS_JOB_RETAIN);

    job->left = (rc == AE_AGAIN);
    job->later = (expired == AE_AGAIN);

    return (rc == AE_ERROR || expired == AE_ERROR) ? AE_ERROR : AE_OK;
}
