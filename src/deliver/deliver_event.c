/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Events about deliveries and their receivers, which the handlers of the http
 * level get.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_META_MAX  16384


static void ngx_http_apievents_tell_attempt(ngx_http_apievents_attempt_t *a,
    ae_event_type_e type, const char *message, ngx_str_t *reason);
static void ngx_http_apievents_tell_endpoint(
    ngx_http_apievents_endpoint_t *ep, ngx_http_apievents_raise_t *e,
    const char *message, ngx_str_t *reason, ae_buf_t *meta);
static void ngx_http_apievents_endpoint_meta(ae_buf_t *b,
    ngx_http_apievents_endpoint_t *ep);
static void ngx_http_apievents_attempt_meta(ae_buf_t *b,
    ngx_http_apievents_attempt_t *a);


void
ngx_http_apievents_tell_disabled(ngx_http_apievents_attempt_t *a)
{
    ngx_str_t  reason;

    if (a->meaning == AE_ANSWER_DISABLE && a->status == 410) {
        ngx_str_set(&reason, "status 410");

    } else if (a->meaning == AE_ANSWER_DISABLE) {
        ngx_str_set(&reason, "webhook-delivery: disable");

    } else {
        ngx_str_set(&reason, "nothing but failed for 5 days");
    }

    ngx_http_apievents_tell_attempt(a, AE_ENDPOINT_DISABLED,
                                    "Endpoint disabled", &reason);
}


void
ngx_http_apievents_deliver_disabled(ngx_http_apievents_endpoint_t *ep,
    ngx_str_t *user)
{
    ae_buf_t                    b;
    ngx_str_t                   reason;
    ngx_http_apievents_raise_t  e;

    if (!ngx_http_apievents_handled(AE_ENDPOINT_DISABLED)) {
        return;
    }

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));
    e.type = AE_ENDPOINT_DISABLED;

    ngx_str_set(&reason, "by hand");

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_META_MAX);

    ngx_http_apievents_endpoint_meta(&b, ep);
    ae_buf_puts(&b, ",\"User\":\"");
    ae_json_escape(&b, *(ae_str_t *) user, 0);
    ae_buf_puts(&b, "\"}");

    ngx_http_apievents_tell_endpoint(ep, &e, "Endpoint disabled", &reason,
                                     &b);

    ae_buf_free(&b);
}


void
ngx_http_apievents_tell_recovered(ngx_http_apievents_attempt_t *a)
{
    ngx_str_t  reason;

    ngx_str_null(&reason);

    ngx_http_apievents_tell_attempt(a, AE_ENDPOINT_RECOVERED,
                                    "Endpoint recovered", &reason);
}


/* a failure to tell of a failure is counted, but not told: else there would
 * be no end of it */

void
ngx_http_apievents_tell_dead(ngx_http_apievents_attempt_t *a)
{
    ngx_str_t  reason;

    if (a->event.type == AE_ENDPOINT_DISABLED
        || a->event.type == AE_ENDPOINT_RECOVERED
        || a->event.type == AE_DELIVERY_DEAD)
    {
        return;
    }

    reason = ngx_http_apievents_why(a);

    ngx_http_apievents_tell_attempt(a, AE_DELIVERY_DEAD,
                                    "Delivery given up", &reason);
}


/*
 * Only if somebody is told: a receiver that fails all the time must not fill
 * the rings with what nobody wants to know.
 */

static void
ngx_http_apievents_tell_attempt(ngx_http_apievents_attempt_t *a,
    ae_event_type_e type, const char *message, ngx_str_t *reason)
{
    ae_buf_t                    b;
    ngx_http_apievents_raise_t  e;

    if (!ngx_http_apievents_handled(type)) {
        return;
    }

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.type = type;
    e.depth = ngx_min(a->event.depth + 1, 255);

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_META_MAX);

    ngx_http_apievents_endpoint_meta(&b, a->endpoint);
    ngx_http_apievents_attempt_meta(&b, a);

    ngx_http_apievents_tell_endpoint(a->endpoint, &e, message, reason, &b);

    ae_buf_free(&b);
}


/*
 * With a KeyID that stands for the endpoint, so that a cooldown of what is
 * said of one holds back nothing about another.
 */

static void
ngx_http_apievents_tell_endpoint(ngx_http_apievents_endpoint_t *ep,
    ngx_http_apievents_raise_t *e, const char *message, ngx_str_t *reason,
    ae_buf_t *meta)
{
    u_char                           id[AE_EVENT_ID_LEN];
    ae_str_t                         identity;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    identity.data = (u_char *) &ep->identity;
    identity.len = sizeof(ae_id_t);

    e->key_id = ae_hash(mcf->store.zone->secret, &identity, 1);
    e->message.data = (u_char *) message;
    e->message.len = ngx_strlen(message);
    e->path = ep->label;
    e->reason = *reason;

    if (!meta->failed) {
        e->meta.data = meta->data;
        e->meta.len = meta->len;
    }

    (void) ngx_http_apievents_raise(e, id);
}


static void
ngx_http_apievents_endpoint_meta(ae_buf_t *b,
    ngx_http_apievents_endpoint_t *ep)
{
    ae_buf_puts(b, "{\"Endpoint\":\"");
    ae_json_escape(b, *(ae_str_t *) &ep->label, 0);
    ae_buf_puts(b, "\",\"Handler\":\"");
    ae_json_escape(b, *(ae_str_t *) &ep->kind, 0);
    ae_buf_puts(b, "\"");
}


static void
ngx_http_apievents_attempt_meta(ae_buf_t *b, ngx_http_apievents_attempt_t *a)
{
    u_char    id[AE_EVENT_ID_LEN];
    ae_str_t  name;

    name = ae_event_name(&a->event);
    ae_event_id(id, a->event.id);

    ae_buf_puts(b, ",\"EventID\":\"");
    ae_buf_put(b, id, AE_EVENT_ID_LEN);
    ae_buf_puts(b, "\",\"Event\":\"");
    ae_json_escape(b, name, 0);
    ae_buf_puts(b, "\",\"API\":\"");
    ae_json_escape(b, a->event.api, 0);
    ae_buf_puts(b, "\",\"Attempts\":");
    ae_buf_int(b, (int64_t) a->lease.attempt);
    ae_buf_puts(b, ",\"Status\":");
    ae_buf_int(b, (int64_t) a->status);
    ae_buf_puts(b, "}");
}
