/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Handlers that come and go while workers run.
 */


#include "event/event_private.h"


#define NGX_HTTP_APIEVENTS_NAMES_MAX  4096


static ngx_http_apievents_rt_handler_t *ngx_http_apievents_runtime_handle(
    ngx_str_t *event, ngx_str_t *api, ngx_str_t *org);
static void ngx_http_apievents_runtime_alias(
    ngx_http_apievents_rt_handler_t *h, ngx_str_t *alias);
static u_char *ngx_http_apievents_runtime_copy(u_char *p, ngx_str_t *dst,
    ngx_str_t *src);


ngx_int_t
ngx_http_apievents_runtime_handler(ngx_str_t *id, ngx_str_t *event,
    ngx_str_t *api, ngx_str_t *org)
{
    ngx_http_apievents_endpoint_t      *ep;
    ngx_http_apievents_event_worker_t  *w;
    ngx_http_apievents_rt_handler_t    *h;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->event.worker;

    ep = ngx_http_apievents_runtime_find(id);

    if (ep == NULL || w == NULL) {
        return NGX_DECLINED;
    }

    if (!ae_event_pattern(*(ae_str_t *) event)
        || w->nhandlers == NGX_HTTP_APIEVENTS_HANDLERS_MAX)
    {
        return NGX_ERROR;
    }

    if (w->handlers == NULL) {
        w->handlers = ngx_alloc(NGX_HTTP_APIEVENTS_HANDLERS_MAX
                                * sizeof(void *), ngx_cycle->log);
        if (w->handlers == NULL) {
            return NGX_ERROR;
        }
    }

    h = ngx_http_apievents_runtime_handle(event, api, org);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->identity = ep->identity;
    h->shared = ep->shared;
    h->cooldown = ep->cooldown;
    h->uses_request = ep->uses_request;

    w->handlers[w->nhandlers++] = h;

    return  NGX_OK;
}


void
ngx_http_apievents_runtime_except(ngx_str_t *id, ngx_str_t *alias)
{
    ngx_uint_t                          i;
    ngx_http_apievents_endpoint_t      *ep;
    ngx_http_apievents_event_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->event.worker;
    ep = ngx_http_apievents_runtime_find(id);

    if (ep == NULL || w == NULL) {
        return;
    }

    for (i = 0; i < w->nhandlers; i++) {
        if (ae_id_equal(w->handlers[i]->identity, ep->identity)) {
            ngx_http_apievents_runtime_alias(w->handlers[i], alias);
        }
    }
}


static void
ngx_http_apievents_runtime_alias(ngx_http_apievents_rt_handler_t *h,
    ngx_str_t *alias)
{
    u_char  *p;

    p = ngx_alloc(alias->len + 1, ngx_cycle->log);
    if (p == NULL) {
        return;
    }

    if (h->except.len != 0) {
        ngx_free(h->except.data);
    }

    (void) ngx_http_apievents_runtime_copy(p, &h->except, alias);
}


static ngx_http_apievents_rt_handler_t *
ngx_http_apievents_runtime_handle(ngx_str_t *event, ngx_str_t *api,
    ngx_str_t *org)
{
    u_char                           *p;
    size_t                            len;
    ngx_http_apievents_rt_handler_t  *h;

    len = event->len + api->len + org->len;

    if (len > NGX_HTTP_APIEVENTS_NAMES_MAX) {
        return NULL;
    }

    h = ngx_calloc(sizeof(ngx_http_apievents_rt_handler_t) + len,
                   ngx_cycle->log);
    if (h == NULL) {
        return NULL;
    }

    p = (u_char *) h + sizeof(ngx_http_apievents_rt_handler_t);

    p = ngx_http_apievents_runtime_copy(p, &h->event, event);
    p = ngx_http_apievents_runtime_copy(p, &h->api, api);
    (void) ngx_http_apievents_runtime_copy(p, &h->org, org);

    return  h;
}


static u_char *
ngx_http_apievents_runtime_copy(u_char *p, ngx_str_t *dst, ngx_str_t *src)
{
    dst->len = src->len;
    dst->data = p;

    return (src->len != 0) ? ngx_cpymem(p, src->data, src->len) : p;
}


void
ngx_http_apievents_runtime_unhandle(const ae_id_t *identity)
{
    ngx_uint_t                          i, n;
    ngx_http_apievents_event_worker_t  *w;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->event.worker;

    if (w == NULL) {
        return;
    }

    n = 0;

    for (i = 0; i < w->nhandlers; i++) {

        if (ae_id_equal(w->handlers[i]->identity, *identity)) {

            if (w->handlers[i]->except.len != 0) {
                ngx_free(w->handlers[i]->except.data);
            }

            ngx_free(w->handlers[i]);

        } else {
            w->handlers[n++] = w->handlers[i];
        }
    }

    w->nhandlers = n;
}


void
ngx_http_apievents_runtime_targets(ngx_http_apievents_main_conf_t *mcf,
    ae_event_t *ev, ae_queue_target_t *targets, ngx_uint_t *n)
{
    ae_str_t                          name;
    ngx_uint_t                        i;
    ngx_http_apievents_rt_handler_t  *h;

    name = ae_event_name(ev);

    for (i = 0; i < mcf->event.worker->nhandlers; i++) {
        h = mcf->event.worker->handlers[i];

        if (ae_event_matches(*(ae_str_t *) &h->event, name)
            && ngx_http_apievents_runtime_is(&h->api, &ev->api)
            && ngx_http_apievents_runtime_is(&h->org, &ev->org)
            && (h->except.len == 0
                || !ngx_http_apievents_runtime_is(&h->except, &ev->alias)))
        {
            ngx_http_apievents_target(mcf, ev, targets, n, h->shared,
                                      &h->identity, h->cooldown);
        }
    }
}


ngx_uint_t
ngx_http_apievents_runtime_is(ngx_str_t *wanted, ae_str_t *s)
{
    return wanted->len == 0
           || (wanted->len == s->len
               && ngx_memcmp(wanted->data, s->data, s->len) == 0);
}


ngx_uint_t
ngx_http_apievents_runtime_handled(ae_event_type_e type, ngx_str_t *api,
    ngx_uint_t uses_request)
{
    ngx_uint_t                          i;
    ngx_http_apievents_event_worker_t  *w;
    ngx_http_apievents_rt_handler_t    *h;

    w = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->event.worker;

    if (w == NULL || type == AE_EVENT_CUSTOM) {
        return 0;
    }

    for (i = 0; i < w->nhandlers; i++) {
        h = w->handlers[i];

        if ((h->uses_request || !uses_request)
            && ae_event_matches(*(ae_str_t *) &h->event, ae_event_names[type])
            && ngx_http_apievents_runtime_is(&h->api, (ae_str_t *) api))
        {
            return 1;
        }
    }

    return  0;
}
