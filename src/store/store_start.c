/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A zone that was just made goes on where the one before it is: one that is
 * gone after a stop, or that is still counting after a reload with another
 * size, or in another binary's processes.
 */


#include "store/store_keeper.h"


#define NGX_HTTP_APIEVENTS_START_LIST  64


typedef struct {
    ae_db_t                         *db;
    int64_t                          instance;
    int64_t                          from;      /* being inherited from */
    ae_id_t                          after;
    ngx_uint_t                       lasting;   /* endpoints that no
                                                   configuration has */
    unsigned                         alone:1;
    ngx_cycle_t                     *cycle;
    ngx_http_apievents_main_conf_t  *mcf;
} ngx_http_apievents_start_t;


static ngx_int_t ngx_http_apievents_start_all(
    ngx_http_apievents_start_t *s, ngx_log_t *log);
static ngx_int_t ngx_http_apievents_start_secret(void *data,
    u_char secret[16]);
static ngx_int_t ngx_http_apievents_start_get(void *data,
    ae_limit_record_t *records, ngx_uint_t *n);
static ngx_int_t ngx_http_apievents_start_next(
    ngx_http_apievents_start_t *s);
static ngx_int_t ngx_http_apievents_start_breakers(
    ngx_http_apievents_start_t *s);
static ngx_int_t ngx_http_apievents_start_endpoints(
    ngx_http_apievents_start_t *s);
static void ngx_http_apievents_start_endpoint(ngx_http_apievents_start_t *s,
    const ae_db_endpoint_t *e);


void
ngx_http_apievents_db_carry_in(ngx_cycle_t *cycle,
    ngx_http_apievents_main_conf_t *mcf, ngx_log_t *log)
{
    char                        *name;
    const char                  *text;
    ae_error_t                   err;
    ae_db_state_e                state;
    ngx_http_apievents_start_t   s;

    name = (char *) mcf->store.db.name.data;

    if (access(name, F_OK) != 0
        || ngx_http_apievents_db_become(cycle, log) != NGX_OK)
    {
        return;
    }

    ngx_memzero(&s, sizeof(ngx_http_apievents_start_t));
    ngx_memzero(&err, sizeof(ae_error_t));

    s.cycle = cycle;
    s.mcf = mcf;
    s.alone = ngx_http_apievents_db_alone(cycle, &mcf->store.db);
    s.db = ae_db_open(name, NULL, &state, &err);

    text = err.text;

    if (s.db != NULL && ngx_http_apievents_start_all(&s, log) == NGX_OK) {
        text = NULL;

    } else if (s.db != NULL) {
        text = ae_db_error(s.db);
    }

    if (text != NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "store \"%V\" gives nothing to the new zone: %s",
                      &mcf->store.db.name, text);
    }

    if (s.db != NULL) {
        ae_db_rollback(s.db);
        ae_db_close(s.db);
    }

    ngx_http_apievents_db_return(cycle, log);
}


/* in one group: what was not committed is inherited by nobody */

static ngx_int_t
ngx_http_apievents_start_all(ngx_http_apievents_start_t *s, ngx_log_t *log)
{
    ae_now_t                       now;
    ngx_http_apievents_zone_t     *zone;
    ngx_http_apievents_carrier_t   carrier;

    zone = s->mcf->store.zone;

    ae_now(&now);

    if (ae_db_begin(s->db) != AE_OK
        || ae_db_instance(s->db, zone->store.id, now.wall,
                          NGX_HTTP_APIEVENTS_LEASE, &s->instance)
           != AE_OK)
    {
        return NGX_ERROR;
    }

    carrier.data = s;
    carrier.secret = ngx_http_apievents_start_secret;
    carrier.get = ngx_http_apievents_start_get;

    if (ngx_http_apievents_carry_in(zone, &carrier, log) == NGX_ERROR
        || ngx_http_apievents_start_breakers(s) != NGX_OK
        || ngx_http_apievents_start_endpoints(s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ae_db_commit(s->db) == AE_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_start_secret(void *data, u_char secret[16])
{
    ngx_http_apievents_start_t *s = data;

    switch (ae_db_secret(s->db, secret)) {

    case AE_OK:
        return NGX_OK;

    case AE_DECLINED:
        return ngx_http_apievents_start_next(s) == NGX_ERROR ? NGX_ERROR
                                                             : NGX_DECLINED;

    default:
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_apievents_start_get(void *data, ae_limit_record_t *records,
    ngx_uint_t *n)
{
    ngx_http_apievents_start_t *s = data;

    size_t     count;
    ngx_int_t  rc;

    rc = NGX_OK;
    count = 0;

    while (rc == NGX_OK && s->from != 0) {
        count = *n;

        if (ae_db_counter_inherit(s->db, s->from, s->instance, &s->after,
                                  records, &count)
            != AE_OK)
        {
            return NGX_ERROR;
        }

        if (count != 0) {
            break;
        }

        rc = ngx_http_apievents_start_next(s);
    }

    *n = count;

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* the next of all other instances; nobody renews the lease of one that was
 * left by a nginx that is gone.  NGX_DECLINED: there is none, from is 0 */

static ngx_int_t
ngx_http_apievents_start_next(ngx_http_apievents_start_t *s)
{
    int  rc;

    ngx_memzero(&s->after, sizeof(ae_id_t));

    do {
        rc = ae_db_instance_free(s->db, INT64_MAX, &s->from);

    } while (rc == AE_OK && s->from == s->instance);

    if (rc == AE_OK && s->alone) {
        rc = ae_db_renew(s->db, s->from, 0);
    }

    if (rc == AE_DECLINED) {
        s->from = 0;
        return NGX_DECLINED;
    }

    return (rc == AE_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_start_breakers(ngx_http_apievents_start_t *s)
{
    size_t               i, n;
    ae_id_t              after;
    ae_now_t             now;
    ae_breaker_record_t  list[NGX_HTTP_APIEVENTS_START_LIST];

    ngx_memzero(&after, sizeof(ae_id_t));

    for ( ;; ) {
        n = NGX_HTTP_APIEVENTS_START_LIST;

        if (ae_db_breaker_list(s->db, &after, list, &n) != AE_OK) {
            return NGX_ERROR;
        }

        if (n == 0) {
            return NGX_OK;
        }

        ae_now(&now);

        for (i = 0; i < n; i++) {
            (void) ae_breakers_restore(s->mcf->store.zone->breakers, &list[i],
                                       &now);
        }
    }
}


static ngx_int_t
ngx_http_apievents_start_endpoints(ngx_http_apievents_start_t *s)
{
    int                rc;
    size_t             i, n;
    ae_id_t            after;
    ae_arena_t        *arena;
    ae_db_endpoint_t   list[NGX_HTTP_APIEVENTS_START_LIST];

    ngx_memzero(&after, sizeof(ae_id_t));

    do {
        arena = ae_arena_create(0);
        if (arena == NULL) {
            return NGX_ERROR;
        }

        n = NGX_HTTP_APIEVENTS_START_LIST;

        rc = ae_db_endpoint_list(s->db, &after, list, &n, arena);

        for (i = 0; rc == AE_OK && i < n; i++) {
            ngx_http_apievents_start_endpoint(s, &list[i]);
        }

        ae_arena_destroy(arena);

    } while (rc == AE_OK && n != 0);

    return (rc == AE_OK) ? NGX_OK : NGX_ERROR;
}


/* one that is not configured has no place in the new zone, unless it may be
 * one that is put when workers run */

static void
ngx_http_apievents_start_endpoint(ngx_http_apievents_start_t *s,
    const ae_db_endpoint_t *e)
{
    uint32_t                         shared;
    ae_queue_t                      *queue;
    ngx_uint_t                       i;
    ngx_http_apievents_endpoint_t  **ep;

    queue = s->mcf->store.zone->queue;
    ep = s->mcf->deliver.endpoints.elts;

    for (i = 0; i < s->mcf->deliver.endpoints.nelts; i++) {

        if (!ae_id_equal(ep[i]->identity, e->identity)) {
            continue;
        }

        shared = ae_queue_endpoint(queue, e->identity, ep[i]->concurrency,
                                   ep[i]->queue);

        if (shared != AE_NO_ENDPOINT) {
            (void) ae_queue_disable(queue, shared, e->disabled, e->failing);
        }

        return;
    }

    if (!s->mcf->deliver.runtime
        || (e->disabled == AE_ENABLED && e->failing == 0)
        || s->lasting == NGX_HTTP_APIEVENTS_RUNTIME_MAX)
    {
        return;
    }

    s->lasting++;

    shared = ae_queue_lasting(queue, e->identity, 1, 1);

    if (shared != AE_NO_ENDPOINT) {
        (void) ae_queue_disable(queue, shared, e->disabled, e->failing);
    }
}
