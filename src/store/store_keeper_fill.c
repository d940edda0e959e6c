/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the zone has for the store: deliveries that are pending, and those that
 * have ended.
 */


#include "store/store_keeper.h"


static void ngx_http_apievents_fill_save(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all);
static ngx_uint_t ngx_http_apievents_fill_turns(
    ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_fill_second(ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_fill_forgotten(
    ngx_http_apievents_keeper_t *k);


ngx_int_t
ngx_http_apievents_keeper_fill(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all)
{
    ae_queue_t                *queue;
    ngx_uint_t                 turns;
    ngx_http_apievents_job_t  *job;

    job = k->job;
    queue = k->conf->zone->queue;

    ngx_http_apievents_fill_save(k, all);

    job->ngone = ae_queue_gone(queue, job->gone, job->nodes,
                               NGX_HTTP_APIEVENTS_JOB_GONE);

    ngx_http_apievents_keeper_state(k, all);

    job->own = 0;
    job->claim = 0;
    job->renew = 0;
    job->retain = 0;

    ngx_memcpy(job->ended, k->ended, sizeof(job->ended));
    job->nended = k->nended;

    ngx_memcpy(job->raised, k->raised, sizeof(job->raised));
    job->nraised = k->nraised;

    /* nothing is begun by a worker that ends */

    turns = (all || ngx_exiting) ? 0 : ngx_http_apievents_fill_turns(k);

    if (job->nsave == NGX_HTTP_APIEVENTS_JOB_SAVE
        || job->ngone == NGX_HTTP_APIEVENTS_JOB_GONE)
    {
        k->again = 1;
    }

    return (turns != 0 || job->nsave != 0 || job->ngone != 0
            || job->ncounters != 0 || job->nbreakers != 0
            || job->all_breakers || job->nendpoints != 0
            || job->nunrouted != 0 || job->nended != 0 || job->nraised != 0
            || job->leave)
           ? NGX_OK : NGX_DECLINED;
}


/*
 * A delivery that is made within half of the time between two commits is not
 * written at all; with the other half none is older than that time.
 */

static void
ngx_http_apievents_fill_save(ngx_http_apievents_keeper_t *k, ngx_uint_t all)
{
    size_t                     i, bytes;
    ae_now_t                   now;
    uint64_t                   before;
    ae_queue_t                *queue;
    ae_outbox_row_t           *row;
    ngx_http_apievents_job_t  *job;

    job = k->job;
    queue = k->conf->zone->queue;

    ae_now(&now);

    before = all ? UINT64_MAX
                 : now.mono - (uint64_t) k->conf->db.flush * 500000;

    job->nsave = ae_queue_save(queue, job->save, NGX_HTTP_APIEVENTS_JOB_SAVE,
                               before, &now);
    bytes = 0;

    for (i = 0; i < job->nsave; i++) {
        row = &job->save[i];

        job->records[i].len = 0;
        job->records[i].data = NULL;

        bytes += row->len;

        if (i != 0 && bytes > NGX_HTTP_APIEVENTS_JOB_BYTES) {
            break;
        }

        job->records[i].data = ae_arena_alloc(job->arena,
                                              ngx_max(row->len, 1));

        if (job->records[i].data == NULL) {
            break;
        }

        if (ae_queue_save_read(queue, row, job->records[i].data) == AE_OK) {
            job->records[i].len = row->len;
        }
    }

    if (i < job->nsave) {
        ae_queue_saved(queue, &job->save[i], job->nsave - i, 0);
        job->nsave = i;
        k->again = 1;
    }
}


/* what is done now and then, and only if nothing failed */

static ngx_uint_t
ngx_http_apievents_fill_turns(ngx_http_apievents_keeper_t *k)
{
    ngx_http_apievents_job_t  *job;

    job = k->job;

    if (k->turn != k->seconds) {
        ngx_http_apievents_fill_second(k);
    }

    /* own rows come before those of others, which there is no room for yet */

    job->own = k->own;
    job->after = k->own_after;
    job->claim = (job->claim || k->more) && !k->own;

    /* as fast as rows come: else the file would grow */

    job->retain = (job->retain || k->retain);

    return job->own || job->claim || job->renew || job->retain;
}


static void
ngx_http_apievents_fill_second(ngx_http_apievents_keeper_t *k)
{
    ngx_http_apievents_job_t  *job;

    job = k->job;

    job->renew = (k->seconds / NGX_HTTP_APIEVENTS_RENEW
                  != k->turn / NGX_HTTP_APIEVENTS_RENEW);
    job->retain = (k->retain_later
                   || k->seconds / NGX_HTTP_APIEVENTS_RETAIN
                      != k->turn / NGX_HTTP_APIEVENTS_RETAIN);

    /* each claim is a commit: one that finds nothing need not be frequent */

    job->claim = (job->renew || job->retain
                  || k->seconds % NGX_HTTP_APIEVENTS_CLAIM == 0);

    k->turn = k->seconds;

    if (k->waiting) {
        k->waiting = 0;
        k->own = 1;
    }

    if (job->renew) {
        ngx_http_apievents_fill_forgotten(k);
    }
}


/* rows that stay of deliveries that had to make room: reading them tells */

static void
ngx_http_apievents_fill_forgotten(ngx_http_apievents_keeper_t *k)
{
    ae_outbox_stat_t  st;

    ae_queue_outbox_stat(k->conf->zone->queue, &st);

    if (k->own || st.forgotten == k->forgotten) {
        return;
    }

    k->forgotten = st.forgotten;
    k->own = 1;
    k->own_after = 0;
}


void
ngx_http_apievents_keeper_apply(ngx_http_apievents_keeper_t *k)
{
    ae_queue_t                *queue;
    ngx_http_apievents_job_t  *job;

    job = k->job;
    queue = k->conf->zone->queue;

    if (job->nsave != 0) {
        ae_queue_saved(queue, job->save, job->nsave,
                       !k->failed && !job->anew);
    }

    if (k->failed) {
        ngx_http_apievents_keeper_unwritten(k);

    } else if (job->ngone != 0) {
        ae_queue_forget(queue, job->gone, job->nodes, job->ngone);
    }

    job->nsave = 0;
    job->ngone = 0;
    job->ncounters = 0;
    job->nbreakers = 0;
    job->all_breakers = 0;
    job->nendpoints = 0;
    job->nunrouted = 0;

    if (k->failed) {
        return;
    }

    /*
     * What was written before went with another file, or was taken over.  The
     * task wrote none of its own, as what ends meanwhile is then forgotten.
     */

    if (job->anew) {
        ae_queue_keeper(queue, 0);
        ae_queue_keeper(queue, 1);
        k->again = 1;
    }

    k->nended = 0;
    k->nraised = 0;

    if (job->retain) {
        k->retain = job->left;
        k->retain_later = job->later;
        k->again = k->again || k->retain;
    }

    if (job->absent) {
        k->own = 0;
        return;
    }

    ngx_http_apievents_keeper_restore(k);
}
