/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the store gave: deliveries go into the queue, events to their handlers,
 * and counts to the limits.
 */


#include "store/store_keeper.h"


static void ngx_http_apievents_restore_own(ngx_http_apievents_keeper_t *k,
    ngx_uint_t full);
static ngx_int_t ngx_http_apievents_restore_row(
    ngx_http_apievents_keeper_t *k, ae_outbox_row_t *row, ae_str_t record);
static void ngx_http_apievents_restore_delete(
    ngx_http_apievents_keeper_t *k, ae_outbox_row_t *row);
static void ngx_http_apievents_restore_end(ngx_http_apievents_keeper_t *k,
    ae_outbox_row_t *row, ae_str_t record, const char *reason);
static ngx_uint_t ngx_http_apievents_restore_known(ae_id_t identity);
static ngx_uint_t ngx_http_apievents_restore_unrouted(
    ngx_http_apievents_keeper_t *k);


void
ngx_http_apievents_keeper_restore(ngx_http_apievents_keeper_t *k)
{
    size_t                         i, n, ended;
    ae_now_t                       now;
    ngx_uint_t                     full;
    ngx_http_apievents_claimed_t  *c;

    c = &k->job->claimed;
    full = 0;
    n = 0;
    ended = 0;

    for (i = 0; i < c->nrows; i++) {

        switch (ngx_http_apievents_restore_row(k, &c->rows[i],
                                               c->records[i]))
        {
        case NGX_OK:
            n++;
            break;

        case NGX_BUSY:
            full = 1;
            break;

        case NGX_DONE:
            ended++;
            break;

        default: /* NGX_DECLINED */
            break;
        }
    }

    if (n != 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%uz deliveries are taken over from the store", n);
        ngx_http_apievents_deliver_kick();
    }

    if (ended != 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%uz deliveries of the store had ended before", ended);
    }

    if (ngx_http_apievents_restore_unrouted(k)) {
        full = 1;
    }

    ngx_http_apievents_restore_own(k, full);

    ae_now(&now);

    for (i = 0; i < c->ncounters; i++) {
        (void) ae_limits_restore(k->conf->zone->limits, &c->counters[i],
                                 &now);
    }

    /* as long as there is no room nothing more is taken over */

    k->more = c->more && !full;
    k->again = k->again || k->more || k->own;

    c->nrows = 0;
    c->nunrouted = 0;
    c->ncounters = 0;
}


/* the next own rows, or from the first one on once there is room */

static void
ngx_http_apievents_restore_own(ngx_http_apievents_keeper_t *k,
    ngx_uint_t full)
{
    ngx_http_apievents_claimed_t  *c;

    c = &k->job->claimed;

    if (full) {
        k->own = 0;
        k->waiting = 1;
        k->own_after = 0;
        return;
    }

    if (!c->own) {
        return;
    }

    k->own_after = k->job->after;
    k->own = (c->nrows != 0 || c->nunrouted != 0);
}


/* NGX_BUSY: it stays in the store until there is room; NGX_DONE: it has ended
 * and was forgotten, or its uid is none, and is deleted */

static ngx_int_t
ngx_http_apievents_restore_row(ngx_http_apievents_keeper_t *k,
    ae_outbox_row_t *row, ae_str_t record)
{
    int       rc;
    ae_now_t  now;

    if (record.len == 0) {
        ngx_http_apievents_restore_end(k, row, record,
                                       "its event is not in the store");
        return NGX_DECLINED;
    }

    ae_now(&now);

    rc = ae_queue_restore(k->conf->zone->queue, row, record, &now);

    if (rc == AE_OK) {
        return NGX_OK;
    }

    if (rc == AE_FULL) {
        return NGX_BUSY;
    }

    if (rc == AE_ERROR) {
        ngx_http_apievents_restore_delete(k, row);
        return NGX_DONE;
    }

    if (!ngx_http_apievents_restore_known(row->endpoint)) {

        if (!ngx_http_apievents_runtime_ready()) {
            return NGX_BUSY;
        }

        ngx_http_apievents_restore_end(k, row, record,
                                       "its handler is not configured any "
                                       "more");
    }

    return NGX_DECLINED;
}


static void
ngx_http_apievents_restore_end(ngx_http_apievents_keeper_t *k,
    ae_outbox_row_t *row, ae_str_t record, const char *reason)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "delivery %016xL of the store is dead: %s", row->uid,
                  reason);

    ngx_http_apievents_dead_letter(k, row, record, reason);
    ngx_http_apievents_restore_delete(k, row);
}


/* a row that stays is found, and ended, again */

static void
ngx_http_apievents_restore_delete(ngx_http_apievents_keeper_t *k,
    ae_outbox_row_t *row)
{
    if (k->nended < NGX_HTTP_APIEVENTS_JOB_CLAIM) {
        k->ended[k->nended++] = row->uid;
    }
}


static ngx_uint_t
ngx_http_apievents_restore_known(ae_id_t identity)
{
    ngx_uint_t                       i;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    ep = mcf->deliver.endpoints.elts;

    for (i = 0; i < mcf->deliver.endpoints.nelts; i++) {

        if (ae_id_equal(ep[i]->identity, identity)) {
            return 1;
        }
    }

    return 0;
}


/* 1: some stay in the store until there is room */

static ngx_uint_t
ngx_http_apievents_restore_unrouted(ngx_http_apievents_keeper_t *k)
{
    size_t                         i;
    ngx_uint_t                     full;
    ngx_http_apievents_claimed_t  *c;

    c = &k->job->claimed;
    full = 0;

    for (i = 0; i < c->nunrouted && k->nraised < NGX_HTTP_APIEVENTS_JOB_CLAIM;
         i++)
    {
        if (c->unrouted[i].len != 0
            && ngx_http_apievents_raise_again(&c->unrouted[i]) == NGX_BUSY)
        {
            full = 1;
            break;
        }

        k->raised[k->nraised++] = c->ids[i];
    }

    return full;
}
