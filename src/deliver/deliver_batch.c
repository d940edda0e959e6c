/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Several deliveries of an endpoint in one request, for the format that has a
 * list: those that are due when the first of them is.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_BATCH_MAX    100
#define NGX_HTTP_APIEVENTS_BATCH        16

/* of records, from which on no other is taken */
#define NGX_HTTP_APIEVENTS_BATCH_BYTES  (1024 * 1024)

/* "evt", which begins an id, is "bat" here */
#define NGX_HTTP_APIEVENTS_BATCH_PREFIX  "bat"


static ngx_int_t ngx_http_apievents_batch_take(
    ngx_http_apievents_attempt_t *a, ngx_http_apievents_attempt_t *mate);
static ae_id_t ngx_http_apievents_batch_hash(
    ngx_http_apievents_attempt_t *a);


ngx_int_t
ngx_http_apievents_batch_param(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params)
{
    ngx_str_t                          *value;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = ep->conf;

    value = ngx_http_apievents_param(params, "batch");

    if (value == NULL) {
        ep->batch = (conf->format == AE_FORMAT_CLOUDEVENTS_BATCH)
                    ? NGX_HTTP_APIEVENTS_BATCH : 1;
        return NGX_OK;
    }

    ep->batch = ngx_atoi(value->data, value->len);

    if (ep->batch < 1 || ep->batch > NGX_HTTP_APIEVENTS_BATCH_MAX
        || conf->format != AE_FORMAT_CLOUDEVENTS_BATCH)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"batch=%V\", a number between 1 and %d "
                           "beside \"format=cloudevents-batch\" is expected",
                           value, NGX_HTTP_APIEVENTS_BATCH_MAX);
        return NGX_ERROR;
    }

    ngx_http_apievents_setting(ep, value);

    return NGX_OK;
}


/* what cannot be had now comes with a later one */

void
ngx_http_apievents_batch_fill(ngx_http_apievents_attempt_t *a)
{
    size_t                           bytes;
    ngx_uint_t                       n;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    n = ae_queue_ready(mcf->store.zone->queue, a->endpoint->shared);
    n = ngx_min(n, a->endpoint->batch - 1);

    if (n == 0) {
        return;
    }

    a->mates = ngx_pcalloc(a->pool, n * sizeof(ngx_http_apievents_attempt_t));

    if (a->mates == NULL) {
        return;
    }

    bytes = a->lease.len;

    while (a->nmates < n && bytes < NGX_HTTP_APIEVENTS_BATCH_BYTES
           && ngx_http_apievents_batch_take(a, &a->mates[a->nmates])
              == NGX_OK)
    {
        bytes += a->mates[a->nmates++].lease.len;
    }
}


static ngx_int_t
ngx_http_apievents_batch_take(ngx_http_apievents_attempt_t *a,
    ngx_http_apievents_attempt_t *mate)
{
    ae_str_t                         record;
    ae_queue_t                      *q;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    q = mcf->store.zone->queue;

    if (ae_queue_take(q, a->endpoint->shared, mcf->event.worker->slot,
                      &a->begin, &mate->lease)
        != AE_OK)
    {
        return NGX_DECLINED;
    }

    mate->endpoint = a->endpoint;
    mate->pool = a->pool;
    mate->begin = a->begin;

    record.len = mate->lease.len;
    record.data = ngx_pnalloc(a->pool, record.len);

    if (record.data == NULL
        || ae_queue_read(q, &mate->lease, record.data) != AE_OK
        || ae_event_decode(&mate->event, record) != AE_OK)
    {
        ngx_http_apievents_untried(&mate->lease);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_apievents_batch_drop(ngx_http_apievents_attempt_t *a, ngx_uint_t i)
{
    ngx_http_apievents_untried(&a->mates[i].lease);

    a->nmates--;

    ngx_memmove(&a->mates[i], &a->mates[i + 1],
                (a->nmates - i) * sizeof(ngx_http_apievents_attempt_t));
}


void
ngx_http_apievents_batch_untried(ngx_http_apievents_attempt_t *a)
{
    while (a->nmates != 0) {
        ngx_http_apievents_batch_drop(a, a->nmates - 1);
    }
}


void
ngx_http_apievents_batch_result(ngx_http_apievents_attempt_t *a)
{
    ngx_uint_t                     i;
    ngx_http_apievents_attempt_t  *mate;

    for (i = 0; i < a->nmates; i++) {
        mate = &a->mates[i];

        mate->status = a->status;
        mate->error = a->error;
        mate->meaning = a->meaning;
        mate->answer = a->answer;
        mate->retry_after = a->retry_after;
        mate->duration = a->duration;
    }
}


/*
 * Who knows a request by its id must not take one for another that has but
 * one delivery in common: the id is that of all of them, whatever their order.
 */

void
ngx_http_apievents_batch_id(ngx_http_apievents_attempt_t *a, u_char *p)
{
    ae_id_t     id, one;
    ngx_uint_t  i;

    if (a->nmates == 0) {
        ae_event_id(p, a->event.id);
        return;
    }

    id = ngx_http_apievents_batch_hash(a);

    for (i = 0; i < a->nmates; i++) {
        one = ngx_http_apievents_batch_hash(&a->mates[i]);

        id.h[0] ^= one.h[0];
        id.h[1] ^= one.h[1];
    }

    ae_event_id(p, id);

    ngx_memcpy(p, NGX_HTTP_APIEVENTS_BATCH_PREFIX,
               sizeof(NGX_HTTP_APIEVENTS_BATCH_PREFIX) - 1);
}


static ae_id_t
ngx_http_apievents_batch_hash(ngx_http_apievents_attempt_t *a)
{
    ae_str_t  s;

    s.data = (u_char *) &a->event.id;
    s.len = sizeof(ae_id_t);

    return ae_key_id(s);
}
