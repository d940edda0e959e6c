/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who takes what when: every worker serves every endpoint, an attempt belongs
 * to the worker that leased its delivery until it is done.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_KICK_MAX      256   /* attempts started a turn */

/* parts of the share that are kept from those whose last attempt failed, and
 * from those that have not ended one yet */
#define NGX_HTTP_APIEVENTS_KEPT          4
#define NGX_HTTP_APIEVENTS_KEPT_PROVED   8


static ngx_uint_t ngx_http_apievents_may_call(
    ngx_http_apievents_deliver_conf_t *dcf,
    ngx_http_apievents_endpoint_t *ep);
static ngx_uint_t ngx_http_apievents_serve(
    ngx_http_apievents_main_conf_t *mcf, ngx_http_apievents_endpoint_t *ep,
    ae_now_t *now);
static ngx_uint_t ngx_http_apievents_attempt(
    ngx_http_apievents_endpoint_t *ep, ae_lease_t *lease,
    ngx_http_apievents_pace_t *pace);
static ngx_http_apievents_attempt_t *ngx_http_apievents_attempt_create(
    ngx_http_apievents_endpoint_t *ep, ae_lease_t *lease);


void
ngx_http_apievents_deliver_kick(void)
{
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    if (!w->kick.posted && !ngx_exiting && !ngx_terminate) {
        ngx_post_event(&w->kick, &ngx_posted_events);
    }
}


/*
 * Deliveries leave clients their connections: a share is not exceeded, and
 * nothing is taken when few are left.  Nor has an endpoint more of the share
 * than it leaves to the others, and the last of it is for those that answer:
 * many that hang would have it all.  Of the others nothing is known before a
 * first attempt is over, which takes its time where they hang.
 */

static ngx_uint_t
ngx_http_apievents_may_call(ngx_http_apievents_deliver_conf_t *dcf,
    ngx_http_apievents_endpoint_t *ep)
{
    ngx_uint_t  max, left, kept;

    max = dcf->worker->share.max;

    if (dcf->worker->inflight >= max
        || ngx_cycle->free_connection_n <= ngx_cycle->connection_n / 8)
    {
        return 0;
    }

    left = max - dcf->worker->inflight;

    if (dcf->callers == 1) {
        return 1;
    }

    kept = ep->failing ? max / NGX_HTTP_APIEVENTS_KEPT
           : ep->proved ? 0 : max / NGX_HTTP_APIEVENTS_KEPT_PROVED;

    return ep->inflight < left && left > kept;
}


void
ngx_http_apievents_kick(ngx_event_t *ev)
{
    ae_now_t                              now;
    ngx_uint_t                            i, n, served, total;
    ngx_http_apievents_endpoint_t       **ep;
    ngx_http_apievents_main_conf_t       *mcf;
    ngx_http_apievents_deliver_worker_t  *w;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    w = mcf->deliver.worker;

    n = mcf->deliver.endpoints.nelts;
    ep = mcf->deliver.endpoints.elts;
    total = 0;

    ae_now(&now);

    /* one a round of each endpoint, so that none waits for another's queue */

    do {
        served = 0;

        for (i = 0; i < n && total < NGX_HTTP_APIEVENTS_KICK_MAX; i++) {
            served += ngx_http_apievents_serve(mcf, ep[w->next++ % n], &now);
        }

        total += served;

    } while (served != 0 && total < NGX_HTTP_APIEVENTS_KICK_MAX);

    if (served != 0) {
        ngx_post_event(&w->kick, &ngx_posted_next_events);
    }
}


static ngx_uint_t
ngx_http_apievents_serve(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_endpoint_t *ep, ae_now_t *now)
{
    ae_lease_t                  lease;
    ae_queue_t                 *q;
    ngx_uint_t                  disabled;
    ngx_http_apievents_pace_t   pace;

    q = mcf->store.zone->queue;

    if (ep->shared == AE_NO_ENDPOINT
        || mcf->event.worker->slot == NGX_ERROR
        || ae_queue_ready(q, ep->shared) == 0)
    {
        return 0;
    }

    disabled = ae_queue_disabled(q, ep->shared);

    if (ep->pool != NULL) {

        if (ae_queue_closing(q, ep->shared)) {
            disabled = 1;

        } else if (ep->removed) {
            /* another worker has put it again */
            return 0;
        }
    }

    if (disabled) {
        pace.passed = 0;
        pace.charged = 0;

    } else if ((ep->calls && !ngx_http_apievents_may_call(&mcf->deliver, ep))
               || (ep->mails && !ngx_http_apievents_may_mail(&mcf->deliver))
               || ngx_http_apievents_pace_enter(ep, &pace, now) != NGX_OK)
    {
        return 0;
    }

    if (ae_queue_take(q, ep->shared, mcf->event.worker->slot, now, &lease)
        != AE_OK)
    {
        ngx_http_apievents_pace_back(ep, &pace);
        return 0;
    }

    if (disabled) {
        ngx_http_apievents_refused(ep, &lease);
        return 1;
    }

    return ngx_http_apievents_attempt(ep, &lease, &pace);
}


static ngx_uint_t
ngx_http_apievents_attempt(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease, ngx_http_apievents_pace_t *pace)
{
    ngx_int_t                        rc;
    ngx_http_apievents_attempt_t    *a;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    a = ngx_http_apievents_attempt_create(ep, lease);

    if (a == NULL) {
        ngx_http_apievents_pace_back(ep, pace);
        ngx_http_apievents_untried(lease);
        return 0;
    }

    if (pace->passed || pace->charged) {
        a->pace = *pace;
    }

    if (a->call != NULL) {
        ep->inflight++;
        mcf->deliver.worker->inflight++;
        ngx_queue_insert_tail(&mcf->deliver.worker->calls, &a->queue);
    }

    if (ep->batch > 1) {
        ngx_http_apievents_batch_fill(a);
    }

    rc = ep->start(a);

    if (rc != NGX_AGAIN) {
        ngx_http_apievents_attempt_done(a, rc);
    }

    return rc != NGX_BUSY;
}


static ngx_http_apievents_attempt_t *
ngx_http_apievents_attempt_create(ngx_http_apievents_endpoint_t *ep,
    ae_lease_t *lease)
{
    u_char                          *p;
    ae_str_t                         record;
    ngx_pool_t                      *pool;
    ngx_http_apievents_call_t       *call;
    ngx_http_apievents_attempt_t    *a;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    call = NULL;

    if (ep->calls) {
        call = ngx_http_apievents_call_create(ngx_cycle->log,
                                              &mcf->deliver.worker->share);
        if (call == NULL) {
            return NULL;
        }

        pool = call->pool;

    } else {
        pool = ngx_create_pool(1024, ngx_cycle->log);
        if (pool == NULL) {
            return NULL;
        }
    }

    a = ngx_pcalloc(pool, sizeof(ngx_http_apievents_attempt_t));
    p = ngx_pnalloc(pool, lease->len);

    if (a == NULL || p == NULL) {
        goto failed;
    }

    a->endpoint = ep;
    a->lease = *lease;
    a->pool = pool;
    a->call = call;
    a->meaning = AE_ANSWER_FAILED;

    ae_now(&a->begin);

    record.data = p;
    record.len = lease->len;

    if (ae_queue_read(mcf->store.zone->queue, lease, p) != AE_OK
        || ae_event_decode(&a->event, record) != AE_OK)
    {
        goto failed;
    }

    if (call != NULL) {
        call->data = a;
        call->hops = a->event.depth + 1;
    }

    ep->users++;

    return a;

failed:

    if (call != NULL) {
        ngx_http_apievents_call_free(call);

    } else {
        ngx_destroy_pool(pool);
    }

    return NULL;
}


ngx_http_apievents_attempt_t *
ngx_http_apievents_attempt_of(ngx_http_apievents_call_t *call)
{
    return call->data;
}


/*
 * The call, if it was started, goes after this by itself; one that was not
 * is freed here.
 */

void
ngx_http_apievents_attempt_done(ngx_http_apievents_attempt_t *a, ngx_int_t rc)
{
    ngx_http_apievents_call_t       *call;
    ngx_http_apievents_endpoint_t   *ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ep = a->endpoint;
    call = a->call;

    if (rc != NGX_BUSY) {
        ep->failing = (rc != NGX_OK);
        ep->proved = (rc == NGX_OK);
    }

    if (call != NULL) {
        ep->inflight--;
        mcf->deliver.worker->inflight--;
        ngx_queue_remove(&a->queue);
    }

    if (rc == NGX_OK) {
        a->meaning = AE_ANSWER_OK;
    }

    if (a->left) {
        ngx_http_apievents_pace_back(ep, &a->pace);

    } else if (rc == NGX_BUSY) {
        ngx_http_apievents_pace_back(ep, &a->pace);
        ngx_http_apievents_untried(&a->lease);
        ngx_http_apievents_batch_untried(a);

    } else {
        ngx_http_apievents_outcome(a);
        ngx_http_apievents_deliver_kick();
    }

    ep->users--;

    if (call == NULL) {
        ngx_destroy_pool(a->pool);

    } else if (!call->started) {
        ngx_http_apievents_call_free(call);
    }
}


ae_value_t *
ngx_http_apievents_envelope(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena)
{
    ae_value_t  *envelope;

    envelope = ae_envelope(arena, &a->event, a->lease.suppressed);

    if (envelope == NULL
        || ae_envelope_open(arena, envelope, &a->event) != AE_OK)
    {
        return NULL;
    }

    return envelope;
}
