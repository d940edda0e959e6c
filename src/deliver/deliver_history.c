/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the store's history is told: of each attempt, and of a delivery that is
 * given up without one.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


static void ngx_http_apievents_tell_history(
    ngx_http_apievents_endpoint_t *ep, ngx_http_apievents_history_t *h);


/* a line that is in a log is a history by itself */

void
ngx_http_apievents_attempt_history(ngx_http_apievents_attempt_t *a,
    ae_outcome_e outcome, const ae_now_t *now)
{
    ngx_http_apievents_history_t  h;

    if (outcome == AE_DELIVERED && !a->endpoint->calls) {
        return;
    }

    ngx_memzero(&h, sizeof(ngx_http_apievents_history_t));

    h.event = &a->event;
    h.attempt = a->lease.attempt;
    h.status = (uint32_t) a->status;
    h.time = a->begin.wall;
    h.duration = a->duration;
    h.answer = a->answer;

    switch (outcome) {

    case AE_DELIVERED:
        h.state = NGX_HTTP_APIEVENTS_HISTORY_DELIVERED;
        break;

    case AE_DEAD:
        h.state = NGX_HTTP_APIEVENTS_HISTORY_DEAD;
        h.error = a->error;
        break;

    default: /* AE_RETRY */
        h.state = NGX_HTTP_APIEVENTS_HISTORY_RETRY;
        h.error = a->error;
        h.next = now->wall + (a->next - now->mono);
        break;
    }

    ngx_http_apievents_tell_history(a->endpoint, &h);
}


u_char *
ngx_http_apievents_refused_read(const ae_lease_t *lease)
{
    u_char                          *p;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    p = ngx_alloc(ngx_max(lease->len, 1), ngx_cycle->log);

    if (p != NULL && ae_queue_read(mcf->store.zone->queue, lease, p) != AE_OK)
    {
        ngx_free(p);
        return NULL;
    }

    return p;
}


void
ngx_http_apievents_refused_history(ngx_http_apievents_endpoint_t *ep,
    const ae_lease_t *lease, u_char *record, const ae_now_t *now)
{
    ae_str_t                      s;
    ae_event_t                    ev;
    ae_watch_result_t             r;
    ngx_http_apievents_history_t  h;

    s.data = record;
    s.len = lease->len;

    if (ae_event_decode(&ev, s) != AE_OK) {
        return;
    }

    ngx_memzero(&h, sizeof(ngx_http_apievents_history_t));

    h.event = &ev;
    h.state = NGX_HTTP_APIEVENTS_HISTORY_DEAD;
    h.attempt = lease->attempt - 1;
    h.time = now->wall;

    if (ngx_http_apievents_closing(ep)) {
        ngx_str_set(&h.error, "the endpoint was removed");

    } else {
        ngx_str_set(&h.error, "the endpoint is disabled");
    }

    ngx_http_apievents_tell_history(ep, &h);

    if (ep->pool != NULL && lease->attempt == 1) {
        ngx_memzero(&r, sizeof(ae_watch_result_t));
        r.failed = 1;

        ngx_http_apievents_watch_tell(ep, ev.id, &r, &h.error, now);
    }
}


static void
ngx_http_apievents_tell_history(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_history_t *h)
{
    h->endpoint = ep->identity;
    h->handler = ep->kind;
    h->label = ep->label;

    ngx_http_apievents_history(h);
}
