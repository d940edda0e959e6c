/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The call of a callback that has a say, made once: who waits for it holds its
 * own request meanwhile.  The call is nobody else's and ends by its timeout at
 * the latest.
 */


#include "manage/manage_object.h"


#define NGX_HTTP_APIEVENTS_BEFORE_MSEC    5000
#define NGX_HTTP_APIEVENTS_CALL_ANSWER    4096

/* of this worker at the same time; each takes two connections */
#define NGX_HTTP_APIEVENTS_CALLS_MAX      64


static ngx_int_t ngx_http_apievents_callback_target(
    ngx_http_apievents_call_t *call, const ae_value_t *callback,
    ngx_http_apievents_target_t **target);
static ngx_int_t ngx_http_apievents_callback_fields(
    ngx_http_apievents_call_t *call, const ae_value_t *callback,
    ngx_uint_t hops);
static ngx_int_t ngx_http_apievents_callback_sign(
    ngx_http_apievents_call_t *call, const ae_value_t *callback,
    ngx_http_apievents_change_t *c);
static ngx_int_t ngx_http_apievents_callback_add(
    ngx_http_apievents_call_t *call, const char *name, ngx_str_t *value);
static void ngx_http_apievents_callback_done(
    ngx_http_apievents_call_t *call);
static ngx_int_t ngx_http_apievents_callback_failed(
    ngx_http_apievents_admin_t *a, const char *error,
    ngx_http_apievents_admin_pt next);
static void ngx_http_apievents_callback_history(
    ngx_http_apievents_admin_t *a, ngx_str_t *answer);


/* calls under way in this process */

static ngx_uint_t  ngx_http_apievents_callback_calls;


ngx_int_t
ngx_http_apievents_callback_post(ngx_http_apievents_admin_t *a,
    const ae_value_t *callback, ae_str_t body,
    ngx_http_apievents_admin_pt next)
{
    ae_now_t                         now;
    ngx_int_t                        rc;
    ngx_http_apievents_call_t       *call;
    ngx_http_apievents_target_t     *target;
    ngx_http_apievents_change_t     *c;
    ngx_http_apievents_main_conf_t  *mcf;

    c = a->change;
    mcf = ngx_http_get_module_main_conf(a->request, ngx_http_apievents_module);

    ae_now(&now);

    c->began = now.wall;
    c->began_mono = now.mono;
    c->calling = callback;

    callback = ngx_http_apievents_callback_opened(a->arena, a->seal,
                                                  callback);
    if (callback == NULL) {
        return ngx_http_apievents_callback_failed(a, "its secrets cannot be "
                                                  "opened with this "
                                                  "api_secret_key", next);
    }

    if (ngx_http_apievents_callback_calls >= NGX_HTTP_APIEVENTS_CALLS_MAX) {
        return ngx_http_apievents_callback_failed(a, "too many calls are "
                                                  "under way", next);
    }

    call = ngx_http_apievents_call_create(ngx_cycle->log,
                                          &mcf->deliver.worker->share);
    if (call == NULL) {
        return ngx_http_apievents_callback_failed(a, "no connection is free",
                                                  next);
    }

    rc = ngx_http_apievents_callback_target(call, callback, &target);

    if (rc == NGX_OK) {
        call->outgoing = ngx_http_apievents_outgoing(call, target);

        rc = (call->outgoing == NULL) ? NGX_ERROR
             : ngx_http_apievents_callback_fields(call, callback,
                                    ngx_http_apievents_hops(a->request));
    }

    call->body = *(ngx_str_t *) &body;

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_callback_sign(call, callback, c);
    }

    if (rc != NGX_OK) {
        ngx_http_apievents_call_free(call);
        return ngx_http_apievents_callback_failed(a, "no memory", next);
    }

    ngx_str_set(&call->location, "/_ae/call");
    ngx_str_set(&call->method_name, "POST");

    call->method = NGX_HTTP_POST;
    call->timeout = ngx_http_apievents_callback_timeout(callback,
                                             NGX_HTTP_APIEVENTS_BEFORE_MSEC);
    call->answer_max = NGX_HTTP_APIEVENTS_CALL_ANSWER;
    call->done = ngx_http_apievents_callback_done;
    call->data = a;

    if (ngx_http_apievents_call_start(call) != NGX_OK) {
        ngx_http_apievents_call_free(call);
        return ngx_http_apievents_callback_failed(a, "no memory", next);
    }

    ngx_http_apievents_callback_calls++;

    return ngx_http_apievents_admin_wait(a, next);
}


/* of a run-time endpoint: its address is looked at */

static ngx_int_t
ngx_http_apievents_callback_target(ngx_http_apievents_call_t *call,
    const ae_value_t *callback, ngx_http_apievents_target_t **target)
{
    ngx_str_t                     url;
    const ae_value_t             *v;
    ngx_http_apievents_target_t  *t;

    v = ae_value_get(callback, "url");
    t = ngx_pcalloc(call->pool, sizeof(ngx_http_apievents_target_t));

    if (v == NULL || t == NULL) {
        return NGX_ERROR;
    }

    url.len = v->s.len;
    url.data = ngx_pstrdup(call->pool, (ngx_str_t *) &v->s);

    if (url.data == NULL
        || ngx_http_apievents_parse_url(call->pool, &url, t) != NULL)
    {
        return NGX_ERROR;
    }

    t->verify = 1;
    t->filter = 1;

    *target = t;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_callback_fields(ngx_http_apievents_call_t *call,
    const ae_value_t *callback, ngx_uint_t hops)
{
    u_char            *p;
    ngx_str_t          name, value, type;
    const ae_value_t  *v, *headers;

    ngx_str_set(&type, "application/json");

    headers = ae_value_get(callback, "headers");
    v = (headers != NULL && headers->type == AE_MAP) ? headers->first : NULL;

    for ( /* void */ ; v != NULL; v = v->next) {
        name = *(const ngx_str_t *) &v->name;
        value = *(const ngx_str_t *) &v->s;

        if (name.len == 12
            && ngx_strncasecmp(name.data, (u_char *) "Content-Type", 12) == 0)
        {
            type = value;
            continue;
        }

        if (v->type == AE_STRING
            && ngx_http_apievents_outgoing_header(call->outgoing, &name,
                                                  &value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    p = ngx_pnalloc(call->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%ui", hops + 1) - p;

    if (ngx_http_apievents_callback_add(call, "Content-Type", &type) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_callback_add(call, "X-Api-Events-Hops", &value);
}


/* as deliveries are, Standard Webhooks */

static ngx_int_t
ngx_http_apievents_callback_sign(ngx_http_apievents_call_t *call,
    const ae_value_t *callback, ngx_http_apievents_change_t *c)
{
    int64_t            seconds;
    ngx_str_t          id, time, signature;
    ae_error_t         err;
    ae_signer_t       *signer;
    const ae_value_t  *v;

    id.data = ngx_pnalloc(call->pool, AE_EVENT_ID_LEN + NGX_INT64_LEN
                                      + AE_SIGN_LEN);
    if (id.data == NULL) {
        return NGX_ERROR;
    }

    ae_event_id(id.data, c->event);
    id.len = AE_EVENT_ID_LEN;

    if (ngx_http_apievents_callback_add(call, "webhook-id", &id) != NGX_OK) {
        return NGX_ERROR;
    }

    v = ae_value_get(callback, "secret");

    if (v == NULL || v->type != AE_STRING) {
        return NGX_OK;
    }

    signer = ae_signer_create(&v->s, 1, &err);
    if (signer == NULL) {
        return NGX_ERROR;
    }

    seconds = (int64_t) (c->began / 1000000000);

    time.data = id.data + id.len;
    time.len = ngx_sprintf(time.data, "%L", seconds) - time.data;

    signature.data = time.data + NGX_INT64_LEN;
    signature.len = ae_sign(signer, signature.data, *(ae_str_t *) &id,
                            seconds, *(ae_str_t *) &call->body);

    ae_signer_destroy(signer);

    if (signature.len == 0
        || ngx_http_apievents_callback_add(call, "webhook-timestamp", &time)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_callback_add(call, "webhook-signature",
                                           &signature);
}


static ngx_int_t
ngx_http_apievents_callback_add(ngx_http_apievents_call_t *call,
    const char *name, ngx_str_t *value)
{
    ngx_str_t  s;

    s.data = (u_char *) name;
    s.len = ngx_strlen(name);

    return ngx_http_apievents_outgoing_header(call->outgoing, &s, value);
}


/* nothing was sent: that is an answer as good as any other */

static ngx_int_t
ngx_http_apievents_callback_failed(ngx_http_apievents_admin_t *a,
    const char *error, ngx_http_apievents_admin_pt next)
{
    ngx_str_t                     none;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    ngx_str_null(&none);

    c->status = 0;
    c->took = 0;
    c->error.data = (u_char *) error;
    c->error.len = ngx_strlen(error);

    ngx_http_apievents_callback_history(a, &none);

    return next(a);
}


static void
ngx_http_apievents_callback_done(ngx_http_apievents_call_t *call)
{
    ngx_http_apievents_admin_t *a = call->data;

    ae_now_t                      now;
    ae_str_t                      error;
    ngx_http_apievents_change_t  *c;

    c = a->change;

    ngx_http_apievents_callback_calls--;

    ae_now(&now);

    c->status = call->status;
    c->took = now.mono - c->began_mono;

    error = ae_arena_dup(a->arena, *(ae_str_t *) &call->error);

    if (error.data == NULL) {
        error = ae_str("no memory");
    }

    c->error = *(ngx_str_t *) &error;

    ngx_http_apievents_callback_history(a, &call->answer);

    ngx_http_apievents_admin_go(a);
}


/* one row an attempt, as of a delivery */

static void
ngx_http_apievents_callback_history(ngx_http_apievents_admin_t *a,
    ngx_str_t *answer)
{
    ae_event_t                     ev;
    const ae_value_t              *id, *url;
    ngx_http_apievents_change_t   *c;
    ngx_http_apievents_history_t   h;

    c = a->change;
    id = ae_value_get(c->calling, "id");
    url = ae_value_get(c->calling, "url");

    ngx_memzero(&ev, sizeof(ae_event_t));
    ngx_memzero(&h, sizeof(ngx_http_apievents_history_t));

    ev.type = AE_EVENT_CUSTOM;
    ev.id = c->event;
    ev.time = c->wall;
    ev.name = c->name;
    ev.meta = c->asking;

    h.event = &ev;
    h.endpoint = ngx_http_apievents_callback_identity(id->s);
    ngx_str_set(&h.handler, "callback");
    h.label = *(const ngx_str_t *) &url->s;
    h.state = ngx_http_apievents_callback_expects(c->calling, c->status)
              ? NGX_HTTP_APIEVENTS_HISTORY_DELIVERED
              : NGX_HTTP_APIEVENTS_HISTORY_FAILED;
    h.attempt = 1;
    h.status = c->status;
    h.time = c->began;
    h.duration = c->took;
    h.error = c->error;
    h.answer = *answer;

    ngx_http_apievents_history(&h);
}
