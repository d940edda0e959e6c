/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What zones that are gone left in the store becomes this one's: a stop and
 * start, another binary, a zone of another size.
 */


#include "store/store_keeper.h"


static int ngx_http_apievents_job_unseal(ngx_http_apievents_job_t *job,
    ae_str_t *records, size_t n);
static int ngx_http_apievents_job_next(ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_unrouted_of(ngx_http_apievents_job_t *job,
    int64_t from);
static int ngx_http_apievents_job_own(ngx_http_apievents_job_t *job);
static int ngx_http_apievents_job_other(ngx_http_apievents_job_t *job,
    int64_t from);
static int ngx_http_apievents_job_rest(ngx_http_apievents_job_t *job,
    int64_t from);


int
ngx_http_apievents_job_claim(ngx_http_apievents_job_t *job)
{
    int                            rc;
    ngx_http_apievents_claimed_t  *c;

    c = &job->claimed;
    c->arena = ae_arena_create(NGX_HTTP_APIEVENTS_CLAIM_BYTES);

    if (c->arena == NULL) {
        return AE_ERROR;
    }

    rc = job->own ? ngx_http_apievents_job_own(job)
                  : ngx_http_apievents_job_next(job);

    if (rc != AE_OK
        || ngx_http_apievents_job_unseal(job, c->records, c->nrows) != AE_OK
        || ngx_http_apievents_job_unseal(job, c->unrouted, c->nunrouted)
           != AE_OK)
    {
        return AE_ERROR;
    }

    return AE_OK;
}


/* a damaged one stays as it is, which is no record */

static int
ngx_http_apievents_job_unseal(ngx_http_apievents_job_t *job,
    ae_str_t *records, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (ae_unseal(job->sealed ? &job->seal : NULL, records[i],
                      &records[i])
            == AE_ERROR)
        {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ngx_http_apievents_job_next(ngx_http_apievents_job_t *job)
{
    int       rc;
    int64_t   from;
    ae_now_t  now;

    ae_now(&now);

    for (from = 0; /* void */ ; /* void */ ) {
        rc = ae_db_instance_free(job->db, now.wall, &from);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        if (from == job->instance) {
            continue;
        }

        rc = ngx_http_apievents_job_other(job, from);

        /* one instance a task is enough, unless nothing was left of it */

        if (rc != AE_DECLINED) {
            job->claimed.more = 1;
            return rc;
        }
    }
}


/* rows that this zone had taken over and lost, or had no room for */

static int
ngx_http_apievents_job_own(ngx_http_apievents_job_t *job)
{
    int                            rc;
    ngx_http_apievents_claimed_t  *c;

    c = &job->claimed;
    c->nrows = NGX_HTTP_APIEVENTS_JOB_CLAIM;
    c->own = 1;

    rc = ae_db_outbox_claim(job->db, job->instance, job->instance,
                            &job->after, c->rows, c->records, &c->nrows,
                            c->arena);

    if (rc != AE_OK || c->nrows != 0) {
        return rc;
    }

    return ngx_http_apievents_job_unrouted_of(job, job->instance);
}


static int
ngx_http_apievents_job_unrouted_of(ngx_http_apievents_job_t *job,
    int64_t from)
{
    ngx_http_apievents_claimed_t  *c;

    c = &job->claimed;
    c->nunrouted = NGX_HTTP_APIEVENTS_JOB_CLAIM;

    return ae_db_unrouted_claim(job->db, from, job->instance, c->ids,
                                c->unrouted, &c->nunrouted, c->arena);
}


/* AE_DECLINED: it had nothing, and is dropped */

static int
ngx_http_apievents_job_other(ngx_http_apievents_job_t *job, int64_t from)
{
    int                            rc;
    uint64_t                       after;
    ngx_http_apievents_claimed_t  *c;

    c = &job->claimed;
    after = 0;
    c->nrows = NGX_HTTP_APIEVENTS_JOB_CLAIM;

    rc = ae_db_outbox_claim(job->db, from, job->instance, &after, c->rows,
                            c->records, &c->nrows, c->arena);

    if (rc != AE_OK || c->nrows != 0) {
        return rc;
    }

    rc = ngx_http_apievents_job_unrouted_of(job, from);

    if (rc != AE_OK || c->nunrouted != 0) {
        return rc;
    }

    rc = ngx_http_apievents_job_rest(job, from);

    if (rc != AE_OK || c->ncounters != 0) {
        return rc;
    }

    rc = ae_db_instance_drop(job->db, from);

    return (rc == AE_ERROR) ? AE_ERROR : AE_DECLINED;
}


static int
ngx_http_apievents_job_rest(ngx_http_apievents_job_t *job, int64_t from)
{
    ae_id_t                        after;
    ngx_http_apievents_claimed_t  *c;

    c = &job->claimed;

    ngx_memzero(&after, sizeof(ae_id_t));
    c->ncounters = NGX_HTTP_APIEVENTS_JOB_CLAIM;

    return ae_db_counter_rest(job->db, from, job->instance, &after,
                              c->counters, &c->ncounters);
}
