/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The requests that a script makes: it registers each with a variable and
 * then calls the generated location by the id that it got.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_SCRIPTED_MAX  100


static ngx_int_t ngx_http_apievents_scripted_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_apievents_set_call(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static const char *ngx_http_apievents_register(
    ngx_http_apievents_call_t *call, ae_value_t *spec);
static const char *ngx_http_apievents_register_target(ngx_pool_t *pool,
    ae_value_t *spec, ngx_http_apievents_target_t *t);
static const char *ngx_http_apievents_register_headers(
    ngx_http_apievents_outgoing_t *o, ae_value_t *headers);
static ngx_int_t ngx_http_apievents_get_call(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


ngx_int_t
ngx_http_apievents_scripted_add_variable(ngx_conf_t *cf)
{
    ngx_str_t             name;
    ngx_http_variable_t  *var;

    ngx_str_set(&name, "apievents_call");

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE
                                           |NGX_HTTP_VAR_CHANGEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->set_handler = ngx_http_apievents_set_call;
    var->get_handler = ngx_http_apievents_get_call;

    return NGX_OK;
}


/*
 * A script sets {"method", "url", "headers"} and reads back the id under which
 * it then calls /_ae/call, or "error:" and a text.
 */

static void
ngx_http_apievents_set_call(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                     *p;
    ae_str_t                    text;
    ae_error_t                  err;
    ae_arena_t                 *arena;
    ae_value_t                 *spec;
    const char                 *why;
    ngx_http_apievents_call_t  *call;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || call->outgoing != NULL) {
        return;
    }

    text.data = v->data;
    text.len = v->len;

    arena = ae_arena_create(0);
    spec = (arena == NULL) ? NULL : ae_json_parse(arena, text, &err);

    why = "a JSON object is expected";

    if (spec != NULL && spec->type == AE_MAP) {
        why = ngx_http_apievents_register(call, spec);
    }

    if (arena != NULL) {
        ae_arena_destroy(arena);
    }

    p = ngx_pnalloc(r->pool, 256);
    if (p == NULL) {
        ngx_str_set(&call->result, "error:no memory");
        return;
    }

    call->result.data = p;

    if (why != NULL) {
        call->result.len = ngx_snprintf(p, 256, "error:%s", why) - p;

    } else {
        call->result.len = ngx_sprintf(p, "%ui", call->scripted->nelts - 1)
                           - p;
    }
}


/* NULL, or why the request cannot be made */

static const char *
ngx_http_apievents_register(ngx_http_apievents_call_t *call, ae_value_t *spec)
{
    u_char                          *p;
    ngx_str_t                        name, value;
    ngx_pool_t                      *pool;
    const char                      *err;
    ngx_http_apievents_target_t     *t;
    ngx_http_apievents_outgoing_t   *o, **op;

    pool = call->request->pool;

    if (call->scripted == NULL) {
        call->scripted = ngx_array_create(pool, 4, sizeof(void *));
        if (call->scripted == NULL) {
            return "no memory";
        }
    }

    if (call->scripted->nelts >= NGX_HTTP_APIEVENTS_SCRIPTED_MAX) {
        return "too many requests";
    }

    /* one that comes back to its own server would do so without an end */

    if (call->attached && call->hops > NGX_HTTP_APIEVENTS_HOPS) {
        return "too many nested requests";
    }

    t = ngx_pcalloc(pool, sizeof(ngx_http_apievents_target_t));
    if (t == NULL) {
        return "no memory";
    }

    err = ngx_http_apievents_register_target(pool, spec, t);
    if (err != NULL) {
        return err;
    }

    o = ngx_http_apievents_outgoing(call, t);
    p = ngx_pnalloc(pool, NGX_INT_T_LEN);

    if (o == NULL || p == NULL) {
        return "no memory";
    }

    err = ngx_http_apievents_register_headers(o,
                                              ae_value_get(spec, "headers"));
    if (err != NULL) {
        return err;
    }

    ngx_str_set(&name, "X-Api-Events-Hops");
    value.data = p;
    value.len = ngx_sprintf(p, "%ui", call->hops) - p;

    op = ngx_array_push(call->scripted);

    if (op == NULL
        || ngx_http_apievents_outgoing_header(o, &name, &value) != NGX_OK)
    {
        return "no memory";
    }

    *op = o;

    return NULL;
}


static const char *
ngx_http_apievents_register_target(ngx_pool_t *pool, ae_value_t *spec,
    ngx_http_apievents_target_t *t)
{
    ngx_str_t    url;
    ae_value_t  *v;
    const char  *err;

    v = ae_value_get(spec, "url");

    if (v == NULL || v->type != AE_STRING) {
        return "a url is expected";
    }

    url.len = v->s.len;
    url.data = ngx_pstrdup(pool, (ngx_str_t *) &v->s);

    if (url.data == NULL) {
        return "no memory";
    }

    err = ngx_http_apievents_parse_url(pool, &url, t);

    if (err == NULL && t->tls && !ngx_http_apievents_has_ca()) {
        return "https needs a file of CA certificates on this system";
    }

    v = ae_value_get(spec, "timeout");

    if (v != NULL && v->type == AE_NUMBER && v->number >= 1
        && v->number < NGX_MAX_INT32_VALUE)
    {
        t->timeout = (ngx_msec_t) v->number;
    }

    return err;
}


static const char *
ngx_http_apievents_register_headers(ngx_http_apievents_outgoing_t *o,
    ae_value_t *headers)
{
    ngx_str_t    name, value;
    ae_value_t  *v;
    ngx_pool_t  *pool;

    if (headers == NULL || headers->type != AE_MAP) {
        return NULL;
    }

    pool = o->call->request->pool;

    for (v = headers->first; v != NULL; v = v->next) {

        if (v->type != AE_STRING
            || ngx_http_apievents_valid_header((ngx_str_t *) &v->name,
                                               (ngx_str_t *) &v->s)
               != NGX_OK)
        {
            return "header names and values without controls are expected";
        }

        name.len = v->name.len;
        value.len = v->s.len;
        name.data = ngx_pstrdup(pool, (ngx_str_t *) &v->name);
        value.data = ngx_pstrdup(pool, (ngx_str_t *) &v->s);

        if (name.data == NULL || value.data == NULL) {
            return "no memory";
        }

        if (ngx_http_apievents_framing_header(&name)) {
            continue;
        }

        if (name.len == 4
            && ngx_strncasecmp(name.data, (u_char *) "Host", 4) == 0)
        {
            o->host = value;
            continue;
        }

        if (ngx_http_apievents_outgoing_header(o, &name, &value) != NGX_OK) {
            return "no memory";
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_apievents_get_call(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_apievents_call_t  *call;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || call->result.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = call->result.data;
    v->len = call->result.len;

    return NGX_OK;
}


/*
 * An answer that is cut off or longer than the buffer ends its subrequest with
 * an error, and that would end the main request without telling the script.
 * So njs' own handler is called by way of ours, which makes it an answer.
 */

void
ngx_http_apievents_scripted_guard(ngx_http_apievents_outgoing_t *o)
{
    if (o->request->post_subrequest == NULL) {
        return;
    }

    o->post = *o->request->post_subrequest;
    o->guard.handler = ngx_http_apievents_scripted_done;
    o->guard.data = o;

    o->request->post_subrequest = &o->guard;
}


/* nginx ends an answer that is cut off as one that is whole, but for this */

void
ngx_http_apievents_scripted_body(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_apievents_outgoing_t  *o;

    o = ngx_http_apievents_outgoing_of(call, r);

    for ( /* void */ ; o != NULL && in != NULL; in = in->next) {
        o->whole |= in->buf->last_in_chain || in->buf->last_buf;
    }
}


static ngx_int_t
ngx_http_apievents_scripted_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_apievents_outgoing_t *o = data;

    ngx_http_apievents_share_give(o);

    if (rc == NGX_ERROR
        || (o->error.len == 0 && !o->whole && !sr->header_only))
    {
        if (o->error.len == 0) {
            ngx_str_set(&o->error, "answer is cut off or too long");
        }

        sr->headers_out.status = NGX_HTTP_BAD_GATEWAY;
        (void) ngx_http_apievents_outgoing_failed(o);

        /* filters mark the connection when they fail, which has no socket */

        if (!o->call->attached) {
            sr->connection->error = 0;
        }

        rc = NGX_OK;
    }

    /* it runs what the script does with the answer */

    ngx_http_apievents_enter_script(o->call);

    rc = o->post.handler(sr, o->post.data, rc);

    return rc == NGX_ERROR ? NGX_OK : rc;
}
