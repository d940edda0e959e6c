/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Events that are given to endpoints once more, and endpoints as those see
 * them who manage them.
 */


#include "event/event_private.h"


static ngx_uint_t ngx_http_apievents_replay_target(
    ngx_http_apievents_main_conf_t *mcf, const ae_id_t *endpoint,
    ae_queue_target_t *target);
static ngx_http_apievents_endpoint_t *ngx_http_apievents_endpoint_of(
    ngx_http_apievents_main_conf_t *mcf, const ae_id_t *identity);


ngx_int_t
ngx_http_apievents_replay(ae_str_t *record, const ae_id_t *endpoint)
{
    int                              rc;
    ae_now_t                         now;
    ae_event_t                       ev;
    ngx_uint_t                       i, n;
    ae_queue_target_t                targets[NGX_HTTP_APIEVENTS_TARGETS];
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (ae_event_decode(&ev, *record) != AE_OK) {
        return NGX_ERROR;
    }

    n = (endpoint != NULL)
        ? ngx_http_apievents_replay_target(mcf, endpoint, targets)
        : ngx_http_apievents_targets(mcf, &ev, targets);

    if (n == 0) {
        return NGX_DECLINED;
    }

    /* who asks for it wants it now */

    for (i = 0; i < n; i++) {
        targets[i].period = 0;
    }

    ae_now(&now);

    rc = ae_queue_route(mcf->store.zone->queue, AE_NO_SOURCE, 0, *record,
                        targets, n, &now);

    if (rc != AE_OK || targets[0].result != AE_OK) {
        return NGX_BUSY;
    }

    ngx_http_apievents_deliver_kick();

    return NGX_OK;
}


static ngx_uint_t
ngx_http_apievents_replay_target(ngx_http_apievents_main_conf_t *mcf,
    const ae_id_t *endpoint, ae_queue_target_t *target)
{
    ngx_http_apievents_endpoint_t  *ep;

    ep = ngx_http_apievents_endpoint_of(mcf, endpoint);

    if (ep == NULL) {
        return 0;
    }

    ngx_memzero(target, sizeof(ae_queue_target_t));

    target->endpoint = ep->shared;

    return 1;
}


/* NULL: none is configured, or the zone has no room for it */

static ngx_http_apievents_endpoint_t *
ngx_http_apievents_endpoint_of(ngx_http_apievents_main_conf_t *mcf,
    const ae_id_t *identity)
{
    ngx_uint_t                       i;
    ngx_http_apievents_endpoint_t  **ep;

    ep = mcf->deliver.endpoints.elts;

    for (i = 0; i < mcf->deliver.endpoints.nelts; i++) {

        if (ae_id_equal(ep[i]->identity, *identity)
            && ep[i]->shared != AE_NO_ENDPOINT
            && !ep[i]->removed)
        {
            return ep[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_apievents_ping(const ae_id_t *endpoint, u_char id[AE_EVENT_ID_LEN])
{
    ae_now_t                         now;
    ae_str_t                         record;
    ngx_int_t                        rc;
    ae_event_t                       ev;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_memzero(&ev, sizeof(ae_event_t));

    ae_now(&now);

    ev.type = AE_EVENT_CUSTOM;
    ev.name = ae_str("ping");
    ev.message = ae_str("Ping");
    ev.id = ae_uuid_next(&mcf->event.worker->uuid, now.wall);
    ev.time = now.wall;

    ae_event_id(id, ev.id);

    record.len = ae_event_size(&ev);
    record.data = ngx_alloc(record.len, ngx_cycle->log);

    if (record.data == NULL) {
        return NGX_ERROR;
    }

    ae_event_encode(&ev, record.data);

    rc = ngx_http_apievents_replay(&record, endpoint);

    ngx_free(record.data);

    return rc;
}


ngx_int_t
ngx_http_apievents_endpoint_info(ngx_uint_t i,
    ngx_http_apievents_endpoint_info_t *info)
{
    ngx_uint_t                       n;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    ep = mcf->deliver.endpoints.elts;

    for (n = mcf->deliver.configured; n < mcf->deliver.endpoints.nelts; n++) {
        if (n <= i && ep[n]->removed) {
            i++;
        }
    }

    if (i >= mcf->deliver.endpoints.nelts) {
        return NGX_DECLINED;
    }

    info->identity = ep[i]->identity;
    info->shared = ep[i]->shared;
    info->handler = ep[i]->kind;
    info->label = ep[i]->label;
    info->configured = (i < mcf->deliver.configured);

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_endpoint_switch(const ae_id_t *identity, ngx_uint_t on,
    ngx_str_t *user)
{
    ngx_uint_t                       was;
    ngx_http_apievents_endpoint_t   *ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ep = ngx_http_apievents_endpoint_of(mcf, identity);

    was = (ep != NULL) && !ae_queue_disabled(mcf->store.zone->queue,
                                             ep->shared);

    if (ep == NULL
        || ae_queue_disable(mcf->store.zone->queue, ep->shared,
                            on ? AE_ENABLED : AE_DISABLED_HAND, 0)
           != AE_OK)
    {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "%V \"%V\" is %s by %V",
                  &ep->kind, &ep->label, on ? "enabled" : "disabled", user);

    /* that it is enabled is told when it takes something again */

    if (was && !on) {
        ngx_http_apievents_deliver_disabled(ep, user);
    }

    return NGX_OK;
}
