/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Endpoints that are put and removed while workers run.  They stand behind
 * those of the configuration in the list, each in a pool of its own, which is
 * freed when nothing of this worker uses it any more.
 *
 * The zone knows them as lasting: no worker gives up what waits for one that
 * it does not know.  One that is removed is closing there until all that
 * waited for it was ended, by whichever worker comes to it, and is then
 * dropped.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


/* with those that are removed and not yet dropped */
#define NGX_HTTP_APIEVENTS_RUNTIME_ALL   (2 * NGX_HTTP_APIEVENTS_RUNTIME_MAX)

/* events do not wait longer for what was stored */
#define NGX_HTTP_APIEVENTS_RUNTIME_WAIT  10000          /* ms */


static ngx_int_t ngx_http_apievents_runtime_enter(
    ngx_http_apievents_endpoint_t *ep, ae_error_t *err);
static ngx_int_t ngx_http_apievents_runtime_room(
    ngx_http_apievents_endpoint_t *old, ae_error_t *err);
static void ngx_http_apievents_runtime_heal(
    ngx_http_apievents_endpoint_t *ep);
static ngx_http_apievents_endpoint_t *ngx_http_apievents_runtime_of(
    const ae_id_t *identity);
static void ngx_http_apievents_runtime_close(
    ngx_http_apievents_endpoint_t *ep);
static void ngx_http_apievents_runtime_stranger(ae_id_t identity,
    uint32_t shared);
static void ngx_http_apievents_runtime_release(
    ngx_http_apievents_endpoint_t *ep);
static void ngx_http_apievents_runtime_list(
    ngx_http_apievents_main_conf_t *mcf);


char *
ngx_http_apievents_runtime(ngx_conf_t *cf)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    mcf->deliver.runtime = 1;

    return ngx_http_apievents_generate_server(cf, &mcf->generated);
}


/* what the zone has of before is what may have been removed meanwhile: it was
 * stored before this worker reads what is stored */

ngx_int_t
ngx_http_apievents_runtime_begin(ngx_http_apievents_deliver_worker_t *w,
    ngx_log_t *log)
{
    ae_id_t                          id;
    uint32_t                         cursor, shared;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_queue_init(&w->gone);
    w->begun = ngx_current_msec;

    w->runtime = ngx_alloc(NGX_HTTP_APIEVENTS_RUNTIME_ALL * sizeof(void *),
                           log);
    w->found = ngx_alloc(AE_QUEUE_ENDPOINTS * sizeof(ae_id_t), log);

    if (w->runtime == NULL || w->found == NULL) {
        return NGX_ERROR;
    }

    cursor = 0;

    while (ae_queue_next_lasting(mcf->store.zone->queue, &cursor, &shared,
                                 &id)
           == AE_OK)
    {
        w->found[w->nfound++] = id;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_runtime_register(ngx_cycle_t *cycle)
{
    ngx_uint_t                             i, n;
    ngx_queue_t                           *q;
    ngx_http_apievents_endpoint_t         *ep, **list;
    ngx_http_apievents_main_conf_t        *mcf;
    ngx_http_apievents_deliver_worker_t   *w;

    mcf = ngx_http_apievents_main_conf(cycle);

    n = mcf->deliver.endpoints.nelts;

    list = ngx_palloc(cycle->pool, (n + NGX_HTTP_APIEVENTS_RUNTIME_ALL)
                                   * sizeof(void *));
    if (list == NULL) {
        return NGX_ERROR;
    }

    if (n != 0) {
        ngx_memcpy(list, mcf->deliver.endpoints.elts, n * sizeof(void *));
    }

    mcf->deliver.endpoints.elts = list;
    mcf->deliver.configured = n;

    w = mcf->deliver.worker;

    for (q = ngx_queue_head(&w->gone);
         q != ngx_queue_sentinel(&w->gone);
         q = ngx_queue_next(q))
    {
        ep = ngx_queue_data(q, ngx_http_apievents_endpoint_t, gone);
        ep->pool->log = cycle->log;
    }

    for (i = 0; i < w->nruntime; i++) {
        w->runtime[i]->pool->log = cycle->log;

        /* nobody would remove it */

        if (!mcf->deliver.runtime && !w->runtime[i]->removed) {
            w->runtime[i]->removed = 1;
            ae_queue_close(mcf->store.zone->queue, w->runtime[i]->shared);
        }
    }

    ngx_http_apievents_runtime_list(mcf);

    return NGX_OK;
}


/* nobody has an index longer than until the event loop goes on */

static void
ngx_http_apievents_runtime_list(ngx_http_apievents_main_conf_t *mcf)
{
    ngx_uint_t                             i;
    ngx_http_apievents_endpoint_t        **list;
    ngx_http_apievents_deliver_worker_t   *w;

    w = mcf->deliver.worker;
    list = mcf->deliver.endpoints.elts;

    list += mcf->deliver.configured;

    for (i = 0; i < w->nruntime; i++) {
        list[i] = w->runtime[i];
        list[i]->index = mcf->deliver.configured + i;
    }

    mcf->deliver.endpoints.nelts = mcf->deliver.configured + w->nruntime;
    mcf->deliver.callers = 0;

    list = mcf->deliver.endpoints.elts;

    for (i = 0; i < mcf->deliver.endpoints.nelts; i++) {
        mcf->deliver.callers += list[i]->calls;
    }
}


ngx_uint_t
ngx_http_apievents_runtime_ready(void)
{
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    return !mcf->deliver.runtime || w->loaded;
}


ngx_uint_t
ngx_http_apievents_runtime_awaited(void)
{
    ngx_http_apievents_deliver_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    return !ngx_http_apievents_runtime_ready()
           && ngx_current_msec - w->begun < NGX_HTTP_APIEVENTS_RUNTIME_WAIT;
}


void
ngx_http_apievents_runtime_loaded(void)
{
    ae_id_t                               id;
    uint32_t                              cursor, shared;
    ngx_uint_t                            i;
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    if (w == NULL || w->loaded) {
        return;
    }

    w->loaded = 1;
    cursor = 0;

    while (ae_queue_next_lasting(mcf->store.zone->queue, &cursor, &shared,
                                 &id)
           == AE_OK)
    {
        for (i = 0; i < w->nfound; i++) {

            if (ae_id_equal(w->found[i], id)
                && ngx_http_apievents_runtime_of(&id) == NULL)
            {
                ngx_http_apievents_runtime_stranger(id, shared);
                break;
            }
        }
    }

    ngx_http_apievents_deliver_kick();
}


/* one that nobody will remove: it is here, as removed, until it is empty */

static void
ngx_http_apievents_runtime_stranger(ae_id_t identity, uint32_t shared)
{
    ngx_pool_t                           *pool;
    ngx_http_apievents_endpoint_t        *ep;
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    if (w->nruntime == NGX_HTTP_APIEVENTS_RUNTIME_ALL) {
        return;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    ep = ngx_pcalloc(pool, sizeof(ngx_http_apievents_endpoint_t));
    if (ep == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    ep->pool = pool;
    ep->identity = identity;
    ep->receiver = identity;
    ep->shared = shared;
    ngx_str_set(&ep->kind, "webhook");
    ngx_str_set(&ep->label, "(removed)");

    w->runtime[w->nruntime++] = ep;

    ngx_http_apievents_runtime_close(ep);
    ngx_http_apievents_runtime_list(mcf);
}


ngx_int_t
ngx_http_apievents_runtime_check(ngx_str_t *args, ngx_uint_t nargs,
    ae_error_t *err)
{
    ngx_http_apievents_endpoint_t  *ep;

    ep = ngx_http_apievents_runtime_make(args, nargs, err);

    if (ep == NULL) {
        return NGX_ERROR;
    }

    ngx_destroy_pool(ep->pool);

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_runtime_put(ngx_str_t *id, ngx_str_t *args,
    ngx_uint_t nargs, ae_error_t *err)
{
    ngx_http_apievents_endpoint_t  *ep;

    ep = ngx_http_apievents_runtime_make(args, nargs, err);

    if (ep == NULL) {
        return NGX_ERROR;
    }

    ngx_http_apievents_identify(ep, id);

    ep->receiver = ep->identity;
    ep->identity = ngx_http_apievents_runtime_identity(id);

    if (ngx_http_apievents_runtime_enter(ep, err) != NGX_OK) {
        ngx_destroy_pool(ep->pool);
        return NGX_ERROR;
    }

    ngx_http_apievents_runtime_unhandle(&ep->identity);
    ngx_http_apievents_deliver_kick();

    return NGX_OK;
}


ae_id_t
ngx_http_apievents_runtime_identity(ngx_str_t *id)
{
    ae_id_t              identity;
    ae_str_t             parts[2];
    static const u_char  key[16];

    /* those that are named by their identity */

    if (id->len == 9 + AE_HEX_LEN
        && ngx_strncmp(id->data, "endpoint/", 9) == 0
        && ae_id_unhex(&identity, (ae_str_t) { AE_HEX_LEN, id->data + 9 })
           == AE_OK)
    {
        return identity;
    }

    parts[0] = ae_str("run-time endpoint ");
    parts[1] = *(ae_str_t *) id;

    return ae_hash(key, parts, 2);
}


/* into the list, in the place of what it replaces */

static ngx_int_t
ngx_http_apievents_runtime_enter(ngx_http_apievents_endpoint_t *ep,
    ae_error_t *err)
{
    ngx_http_apievents_endpoint_t        *old;
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    old = ngx_http_apievents_runtime_of(&ep->identity);

    if (ngx_http_apievents_runtime_room(old, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ep->shared = ae_queue_lasting(mcf->store.zone->queue, ep->identity,
                                  ep->concurrency, ep->queue);

    if (ep->shared == AE_NO_ENDPOINT) {
        return ngx_http_apievents_runtime_error(err, "no room for more "
                                            "endpoints in \"api_zone\"");
    }

    if (old == NULL) {
        w->runtime[w->nruntime++] = ep;

    } else {
        w->runtime[old->index - mcf->deliver.configured] = ep;

        if (!ae_id_equal(old->receiver, ep->receiver)) {
            ngx_http_apievents_runtime_heal(ep);
        }
    }

    ngx_http_apievents_runtime_list(mcf);

    if (old != NULL) {
        ngx_http_apievents_runtime_release(old);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_runtime_room(ngx_http_apievents_endpoint_t *old,
    ae_error_t *err)
{
    ngx_uint_t                            i, n;
    ngx_http_apievents_deliver_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    if (old != NULL && !old->removed) {
        return NGX_OK;
    }

    n = 0;

    for (i = 0; i < w->nruntime; i++) {
        n += !w->runtime[i]->removed;
    }

    if (n >= NGX_HTTP_APIEVENTS_RUNTIME_MAX) {
        return ngx_http_apievents_runtime_error(err, "too many endpoints, at "
                                                "most 256 are expected");
    }

    if (old == NULL && w->nruntime == NGX_HTTP_APIEVENTS_RUNTIME_ALL) {
        return ngx_http_apievents_runtime_error(err, "too many endpoints are "
                                            "being removed, try again later");
    }

    return NGX_OK;
}


/* a receiver that is another one has not failed yet */

static void
ngx_http_apievents_runtime_heal(ngx_http_apievents_endpoint_t *ep)
{
    ae_queue_t   *q;
    ae_health_t   health;

    q = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->store.zone->queue;

    ae_queue_health_get(q, ep->shared, &health);

    if (health.disabled != AE_DISABLED_HAND) {
        (void) ae_queue_disable(q, ep->shared, AE_ENABLED, 0);
    }
}


ngx_http_apievents_endpoint_t *
ngx_http_apievents_runtime_find(ngx_str_t *id)
{
    ae_id_t                         identity;
    ngx_http_apievents_endpoint_t  *ep;

    identity = ngx_http_apievents_runtime_identity(id);
    ep = ngx_http_apievents_runtime_of(&identity);

    return (ep == NULL || ep->removed) ? NULL : ep;
}


/* also one that is removed */

static ngx_http_apievents_endpoint_t *
ngx_http_apievents_runtime_of(const ae_id_t *identity)
{
    ngx_uint_t                            i;
    ngx_http_apievents_deliver_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    for (i = 0; w != NULL && i < w->nruntime; i++) {

        if (ae_id_equal(w->runtime[i]->identity, *identity)) {
            return w->runtime[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_apievents_runtime_remove(ngx_str_t *id)
{
    ngx_http_apievents_endpoint_t  *ep;

    ep = ngx_http_apievents_runtime_find(id);

    if (ep == NULL) {
        return NGX_DECLINED;
    }

    ngx_http_apievents_runtime_close(ep);
    ngx_http_apievents_deliver_kick();

    return NGX_OK;
}


static void
ngx_http_apievents_runtime_close(ngx_http_apievents_endpoint_t *ep)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ep->removed = 1;

    ngx_http_apievents_runtime_unhandle(&ep->identity);
    ae_queue_close(mcf->store.zone->queue, ep->shared);
}


/* once for all that comes of a death or of a change */

static void
ngx_http_apievents_runtime_release(ngx_http_apievents_endpoint_t *ep)
{
    ngx_http_apievents_deliver_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
        ->deliver.worker;

    if (ep->users == 0) {
        ngx_destroy_pool(ep->pool);
        return;
    }

    ngx_queue_insert_tail(&w->gone, &ep->gone);
}


/*
 * From a timer, since what a call does at its very end, after its attempt is
 * done, still is of the endpoint.  One that another worker has put again is
 * left to it.
 */

void
ngx_http_apievents_runtime_sweep(void)
{
    uint64_t                              killed;
    ngx_uint_t                            i;
    ngx_queue_t                          *q, *next;
    ngx_http_apievents_endpoint_t        *ep;
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    if (!mcf->deliver.runtime) {
        ngx_http_apievents_runtime_loaded();
    }

    for (i = 0; i < w->nruntime; /* void */ ) {
        ep = w->runtime[i];

        if (!ep->removed
            || ae_queue_drop(mcf->store.zone->queue, ep->shared, &killed)
               == AE_AGAIN)
        {
            i++;
            continue;
        }

        if (killed != 0) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "%uL deliveries are given up, %V \"%V\" was "
                          "removed", killed, &ep->kind, &ep->label);
        }

        w->runtime[i] = w->runtime[--w->nruntime];

        ngx_http_apievents_runtime_list(mcf);
        ngx_http_apievents_runtime_release(ep);
    }

    for (q = ngx_queue_head(&w->gone);
         q != ngx_queue_sentinel(&w->gone);
         q = next)
    {
        next = ngx_queue_next(q);
        ep = ngx_queue_data(q, ngx_http_apievents_endpoint_t, gone);

        if (ep->users == 0) {
            ngx_queue_remove(q);
            ngx_destroy_pool(ep->pool);
        }
    }
}
