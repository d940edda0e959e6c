/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The webhook handler: an HTTP request an event, or a batch of them.
 */


#include "apievents.h"
#include "deliver/deliver_private.h"


#define NGX_HTTP_APIEVENTS_BODY_MAX    (4 * 1024 * 1024)
#define NGX_HTTP_APIEVENTS_ANSWER_KEPT  4096


static ngx_int_t ngx_http_apievents_webhook_start(
    ngx_http_apievents_attempt_t *a);
static ngx_int_t ngx_http_apievents_webhook_request(
    ngx_http_apievents_attempt_t *a, ae_arena_t *arena, ae_buf_t *b);
static ngx_int_t ngx_http_apievents_webhook_body(
    ngx_http_apievents_attempt_t *a, ae_arena_t *arena, ae_buf_t *b);
static int ngx_http_apievents_webhook_render(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena, ae_buf_t *b);
static ae_format_e ngx_http_apievents_webhook_plain(ae_event_t *ev);
static ngx_int_t ngx_http_apievents_webhook_fields(
    ngx_http_apievents_attempt_t *a);
static int ngx_http_apievents_webhook_add(void *data, ae_str_t name,
    ae_str_t value);
static ngx_int_t ngx_http_apievents_webhook_field(
    ngx_http_apievents_attempt_t *a, const char *name, u_char *value,
    size_t len);
static ngx_int_t ngx_http_apievents_webhook_sign(
    ngx_http_apievents_attempt_t *a, u_char *id);
static void ngx_http_apievents_webhook_done(ngx_http_apievents_call_t *call);


ngx_http_apievents_kind_t  ngx_http_apievents_webhook_kind = {
    ngx_string("webhook"),
    ngx_string("eh_web_hook_handler"),
    ngx_http_apievents_webhook_parse,
    ngx_http_apievents_webhook_start,
    16,
    1,
    1,
    1
};


static ngx_int_t
ngx_http_apievents_webhook_start(ngx_http_apievents_attempt_t *a)
{
    ae_buf_t                            b;
    ngx_int_t                           rc;
    ae_arena_t                         *arena;
    ngx_http_apievents_call_t          *call;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = a->endpoint->conf;
    call = a->call;

    call->outgoing = ngx_http_apievents_outgoing(call, &conf->target);

    if (call->outgoing == NULL) {
        return NGX_BUSY;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_BUSY;
    }

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_BODY_MAX);

    rc = ngx_http_apievents_webhook_request(a, arena, &b);

    ae_buf_free(&b);
    ae_arena_destroy(arena);

    if (rc != NGX_OK) {
        return rc;
    }

    call->outgoing->host = conf->host;
    call->location = conf->target.location;
    call->method = conf->method;
    call->method_name = conf->method_name;
    call->timeout = conf->target.timeout;
    call->answer_max = NGX_HTTP_APIEVENTS_ANSWER_KEPT;
    call->done = ngx_http_apievents_webhook_done;

    return ngx_http_apievents_call_start(call) == NGX_OK ? NGX_AGAIN
                                                         : NGX_BUSY;
}


/* NGX_BUSY: no memory; NGX_ERROR: and never will there be a body */

static ngx_int_t
ngx_http_apievents_webhook_request(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena, ae_buf_t *b)
{
    ngx_int_t                           rc;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = a->endpoint->conf;

    rc = ngx_http_apievents_webhook_body(a, arena, b);

    if (rc != NGX_OK) {
        return rc;
    }

    if (conf->format == AE_FORMAT_CLOUDEVENTS_BINARY
        && ae_format_fields(arena, &a->event, a->lease.suppressed,
                            ngx_http_apievents_webhook_add, a)
           != AE_OK)
    {
        return NGX_BUSY;
    }

    return ngx_http_apievents_webhook_fields(a) == NGX_OK ? NGX_OK : NGX_BUSY;
}


static ngx_int_t
ngx_http_apievents_webhook_body(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena, ae_buf_t *b)
{
    ngx_uint_t  i;

    if (ngx_http_apievents_webhook_render(a, arena, b) != AE_OK) {
        ngx_str_set(&a->error, "the template's output has no bound or no "
                               "memory");
        a->meaning = AE_ANSWER_ABORT;
        a->unsent = 1;

        return NGX_ERROR;
    }

    /* one that does not go into this one has its turn alone */

    for (i = 0; i < a->nmates; /* void */ ) {

        if (ngx_http_apievents_webhook_render(&a->mates[i], arena, b)
            == AE_OK)
        {
            i++;

        } else {
            ngx_http_apievents_batch_drop(a, i);
        }
    }

    a->call->body.len = b->len;
    a->call->body.data = ngx_pnalloc(a->pool, b->len);

    if (a->call->body.data == NULL) {
        return NGX_BUSY;
    }

    if (b->len != 0) {
        ngx_memcpy(a->call->body.data, b->data, b->len);
    }

    return NGX_OK;
}


static int
ngx_http_apievents_webhook_render(ngx_http_apievents_attempt_t *a,
    ae_arena_t *arena, ae_buf_t *b)
{
    int                                 rc;
    ae_buf_t                            text;
    ae_format_e                         format;
    ae_value_t                         *envelope;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = a->endpoint->conf;

    format = conf->format;

    if (conf->plain) {
        format = ngx_http_apievents_webhook_plain(&a->event);
    }

    if (conf->template == NULL || format != conf->format) {
        return ae_format_body(b, format, arena, &a->event,
                              a->lease.suppressed, ae_str(""));
    }

    envelope = ngx_http_apievents_envelope(a, arena);

    if (envelope == NULL) {
        return AE_ERROR;
    }

    if (conf->format == AE_FORMAT_TYK) {
        return ae_template_render(conf->template, envelope, b);
    }

    ae_buf_init(&text, NGX_HTTP_APIEVENTS_BODY_MAX);

    rc = ae_template_render(conf->template, envelope, &text);

    if (rc == AE_OK) {
        rc = ae_format_body(b, conf->format, arena, &a->event,
                            a->lease.suppressed,
                            (ae_str_t) { text.len, text.data });
    }

    ae_buf_free(&text);

    return rc;
}


/* Tyk's body has none of what object and portal events are about */

static ae_format_e
ngx_http_apievents_webhook_plain(ae_event_t *ev)
{
    ae_str_t  family, action;

    switch (ae_event_class(ae_event_name(ev), &family, &action)) {

    case AE_EVENT_PORTAL:
        return AE_FORMAT_PORTAL;

    case AE_EVENT_OBJECT:
        return AE_FORMAT_CALLBACK;

    default: /* AE_EVENT_OTHER */
        return AE_FORMAT_TYK;
    }
}


static ngx_int_t
ngx_http_apievents_webhook_fields(ngx_http_apievents_attempt_t *a)
{
    u_char                             *p;
    ngx_uint_t                          i;
    ngx_http_apievents_field_t         *f;
    ngx_http_apievents_outgoing_t      *o;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = a->endpoint->conf;
    o = a->call->outgoing;
    f = conf->fields.elts;

    for (i = 0; i < conf->fields.nelts; i++) {
        if (ngx_http_apievents_outgoing_header(o, &f[i].name, &f[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    p = ngx_pnalloc(a->pool, AE_EVENT_ID_LEN + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_apievents_batch_id(a, p);

    if (ngx_http_apievents_webhook_field(a, "webhook-id", p, AE_EVENT_ID_LEN)
        != NGX_OK
        || (conf->signer != NULL
            && ngx_http_apievents_webhook_sign(a, p) != NGX_OK))
    {
        return NGX_ERROR;
    }

    p += AE_EVENT_ID_LEN;

    return ngx_http_apievents_webhook_field(a, "X-Api-Events-Hops", p,
                                            ngx_sprintf(p, "%ui",
                                                        a->call->hops)
                                            - p);
}


static int
ngx_http_apievents_webhook_add(void *data, ae_str_t name, ae_str_t value)
{
    ngx_http_apievents_attempt_t  *a = data;

    ngx_str_t  n, v;

    n.len = name.len;
    n.data = ngx_pnalloc(a->pool, name.len + value.len);

    if (n.data == NULL) {
        return AE_ERROR;
    }

    v.len = value.len;
    v.data = ngx_cpymem(n.data, name.data, name.len);
    ngx_memcpy(v.data, value.data, value.len);

    return ngx_http_apievents_outgoing_header(a->call->outgoing, &n, &v)
           == NGX_OK ? AE_OK : AE_ERROR;
}


/* neither name nor value are copied */

static ngx_int_t
ngx_http_apievents_webhook_field(ngx_http_apievents_attempt_t *a,
    const char *name, u_char *value, size_t len)
{
    ngx_str_t  n, v;

    n.data = (u_char *) name;
    n.len = ngx_strlen(name);
    v.data = value;
    v.len = len;

    return ngx_http_apievents_outgoing_header(a->call->outgoing, &n, &v);
}


/* what its receiver checks is when this attempt was made */

static ngx_int_t
ngx_http_apievents_webhook_sign(ngx_http_apievents_attempt_t *a, u_char *id)
{
    u_char                             *p;
    size_t                              len;
    int64_t                             seconds;
    ngx_http_apievents_webhook_conf_t  *conf;

    conf = a->endpoint->conf;

    p = ngx_pnalloc(a->pool, NGX_INT64_LEN + AE_SIGN_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    seconds = (int64_t) (a->begin.wall / 1000000000);
    len = ngx_sprintf(p, "%L", seconds) - p;

    if (ngx_http_apievents_webhook_field(a, "webhook-timestamp", p, len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p += NGX_INT64_LEN;

    len = ae_sign(conf->signer, p,
                  (ae_str_t) { AE_EVENT_ID_LEN, id }, seconds,
                  *(ae_str_t *) &a->call->body);

    if (len == 0) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_webhook_field(a, "webhook-signature", p, len);
}


static void
ngx_http_apievents_webhook_done(ngx_http_apievents_call_t *call)
{
    ngx_http_apievents_attempt_t *a = call->data;

    ngx_http_apievents_webhook_conf_t  *conf;

    conf = a->endpoint->conf;

    a->status = call->status;
    a->error = call->error;
    a->answer = call->answer;
    a->retry_after = call->retry_after;
    a->meaning = ae_answer(&conf->success, (uint32_t) call->status,
                           call->timed_out, *(ae_str_t *) &call->control);

    a->taken = !call->timed_out
               && ae_statuses_has(&conf->success, (uint32_t) call->status);

    if (a->meaning == AE_ANSWER_ABORT) {
        ngx_str_set(&a->error, "webhook-delivery: abort-message");

    } else if (a->meaning == AE_ANSWER_DISABLE && a->status != 410) {
        ngx_str_set(&a->error, "webhook-delivery: disable");
    }

    ngx_http_apievents_attempt_done(a, a->meaning == AE_ANSWER_OK
                                       ? NGX_OK : NGX_ERROR);
}
