/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Counters, breakers and endpoints on their way to the store.  The keeper
 * remembers a hash of what it wrote and writes what differs.
 */


#include "store/store_keeper.h"


#define NGX_HTTP_APIEVENTS_SEEN        65536    /* counters, a power of two */
#define NGX_HTTP_APIEVENTS_DUMPED      64       /* of one step */
#define NGX_HTTP_APIEVENTS_STEPS       64       /* of one task */


static void ngx_http_apievents_state_counters(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all);
static ngx_uint_t ngx_http_apievents_state_changed(
    ngx_http_apievents_keeper_t *k, const ae_limit_record_t *r);
static void ngx_http_apievents_state_breakers(
    ngx_http_apievents_keeper_t *k);
static void ngx_http_apievents_state_endpoints(
    ngx_http_apievents_keeper_t *k);
static uint64_t ngx_http_apievents_state_hash(const void *data, size_t len,
    uint64_t hash);


void
ngx_http_apievents_keeper_state(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all)
{
    ngx_http_apievents_job_t  *job;

    job = k->job;

    job->ncounters = 0;
    job->nbreakers = 0;
    job->all_breakers = 0;
    job->nendpoints = 0;

    if (k->seen == NULL) {
        k->seen = ngx_calloc(NGX_HTTP_APIEVENTS_SEEN * sizeof(uint64_t),
                             ngx_cycle->log);
        if (k->seen == NULL) {
            return;
        }
    }

    ngx_http_apievents_state_counters(k, all);

    if (all || k->stated != k->seconds) {
        k->stated = k->seconds;
        ngx_http_apievents_state_breakers(k);
        ngx_http_apievents_state_endpoints(k);
    }
}


/*
 * A round goes over all counters, some at each turn.  The last one before the
 * end is whole: more is then asked for until it is.
 */

static void
ngx_http_apievents_state_counters(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all)
{
    size_t                     i, n;
    ae_now_t                   now;
    ngx_uint_t                 step;
    ae_limit_record_t          records[NGX_HTTP_APIEVENTS_DUMPED];
    ngx_http_apievents_job_t  *job;

    job = k->job;

    ae_now(&now);

    for (step = 0; step < NGX_HTTP_APIEVENTS_STEPS || all; step++) {

        if (job->ncounters
            > NGX_HTTP_APIEVENTS_JOB_COUNTERS - NGX_HTTP_APIEVENTS_DUMPED)
        {
            k->again = 1;
            return;
        }

        n = ae_limits_dump(k->conf->zone->limits, &k->cursor, records,
                           NGX_HTTP_APIEVENTS_DUMPED, &now);

        for (i = 0; i < n; i++) {
            if (ngx_http_apievents_state_changed(k, &records[i])) {
                job->counters[job->ncounters++] = records[i];
            }
        }

        if (k->cursor == AE_LIMITS_END) {
            k->cursor = 0;
            return;
        }
    }
}


static ngx_uint_t
ngx_http_apievents_state_changed(ngx_http_apievents_keeper_t *k,
    const ae_limit_record_t *r)
{
    uint64_t   hash, *seen;
    uint64_t   parts[6];

    parts[0] = r->id.h[0];
    parts[1] = r->id.h[1];
    parts[2] = r->start;
    parts[3] = r->count;
    parts[4] = (uint64_t) r->mark << 32 | r->mode << 8 | r->align;
    parts[5] = r->max ^ r->period;

    hash = ngx_http_apievents_state_hash(parts, sizeof(parts), 0);
    seen = &k->seen[r->id.h[0] & (NGX_HTTP_APIEVENTS_SEEN - 1)];

    if (*seen == hash) {
        return 0;
    }

    *seen = hash;

    return 1;
}


/* there are few that are not closed, and all go as one */

static void
ngx_http_apievents_state_breakers(ngx_http_apievents_keeper_t *k)
{
    size_t                     i, n;
    ae_now_t                   now;
    uint64_t                   cursor, hash, word;
    ae_breaker_record_t       *b;
    ngx_http_apievents_job_t  *job;

    job = k->job;
    cursor = 0;
    hash = 0;

    ae_now(&now);

    while (cursor != AE_BREAKERS_END
           && job->nbreakers < NGX_HTTP_APIEVENTS_JOB_BREAKERS)
    {
        b = &job->breakers[job->nbreakers];

        n = ae_breakers_dump(k->conf->zone->breakers, &cursor, b,
                             NGX_HTTP_APIEVENTS_JOB_BREAKERS
                             - job->nbreakers, &now);

        /* what is left of an open time goes by without a change */

        for (i = 0; i < n; i++) {
            word = (uint64_t) b[i].state << 32 | b[i].opened;
            hash = ngx_http_apievents_state_hash(&b[i].id, sizeof(ae_id_t),
                                                 hash);
            hash = ngx_http_apievents_state_hash(&word, sizeof(word), hash);
        }

        job->nbreakers += n;
    }

    if (hash == k->breakers) {
        job->nbreakers = 0;
        return;
    }

    k->breakers = hash;
    job->all_breakers = 1;
}


static void
ngx_http_apievents_state_endpoints(ngx_http_apievents_keeper_t *k)
{
    ngx_uint_t                       i;
    ae_health_t                      health;
    ae_db_endpoint_t                *e;
    ngx_http_apievents_job_t        *job;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    job = k->job;
    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    ep = mcf->deliver.endpoints.elts;

    if (mcf->deliver.endpoints.nelts == 0) {
        return;
    }

    job->endpoints = ae_arena_alloc(job->arena, mcf->deliver.endpoints.nelts
                                                * sizeof(ae_db_endpoint_t));
    if (job->endpoints == NULL) {
        return;
    }

    for (i = 0; i < mcf->deliver.endpoints.nelts; i++) {

        if (ep[i]->shared >= AE_QUEUE_ENDPOINTS) {
            continue;
        }

        ae_queue_health_get(k->conf->zone->queue, ep[i]->shared, &health);

        if (k->health[ep[i]->shared] == health.version) {
            continue;
        }

        k->health[ep[i]->shared] = health.version;

        e = &job->endpoints[job->nendpoints++];

        e->identity = ep[i]->identity;
        e->handler = *(ae_str_t *) &ep[i]->kind;
        e->label = *(ae_str_t *) &ep[i]->label;
        e->disabled = health.disabled;
        e->failing = health.failing;
    }
}


/* FNV-1a; what collides is written once less, until it changes again */

static uint64_t
ngx_http_apievents_state_hash(const void *data, size_t len, uint64_t hash)
{
    size_t         i;
    const u_char  *p = data;

    hash ^= 0xcbf29ce484222325;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3;
    }

    return hash;
}


void
ngx_http_apievents_keeper_unwritten(ngx_http_apievents_keeper_t *k)
{
    if (k->seen != NULL) {
        ngx_memzero(k->seen, NGX_HTTP_APIEVENTS_SEEN * sizeof(uint64_t));
    }

    k->cursor = 0;
    k->breakers = 0;
    ngx_memzero(k->health, sizeof(k->health));
}


void
ngx_http_apievents_keeper_forget(ngx_http_apievents_keeper_t *k)
{
    if (k->seen != NULL) {
        ngx_free(k->seen);
        k->seen = NULL;
    }
}
