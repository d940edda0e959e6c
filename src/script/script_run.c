/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Runs the handlers of a phase within a client's request: a subrequest of it,
 * whose answer is what they return.  The state is the request's and goes with
 * it, whatever it waits for.
 */


#include "apievents.h"
#include "script/script_run.h"


/* what a handler's own errors are given, as in Live API Creator */
#define NGX_HTTP_APIEVENTS_UNRUN                                              \
    "{\"statusCode\":500,\"errorCode\":50029,"                                \
    "\"errorMessage\":\"The handlers could not be run\"}"


static void ngx_http_apievents_inline_cleanup(void *data);


ngx_http_apievents_inline_t *
ngx_http_apievents_inline_of(ngx_http_request_t *r, ngx_uint_t create)
{
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_http_apievents_inline_cleanup) {
            return cln->data;
        }
    }

    if (!create) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_apievents_inline_t));
    if (cln == NULL) {
        return NULL;
    }

    ngx_memzero(cln->data, sizeof(ngx_http_apievents_inline_t));
    cln->handler = ngx_http_apievents_inline_cleanup;

    return ngx_http_apievents_inline_place(r, cln->data) == NGX_OK
           ? cln->data : NULL;
}


/* a cleanup only because it is found by its handler's address: internal
 * redirects zero r->ctx */

static void
ngx_http_apievents_inline_cleanup(void *data)
{
    /* void */
}


ngx_str_t
ngx_http_apievents_request_id(ngx_http_request_t *r)
{
    ngx_str_t                        id;
    ngx_http_variable_value_t       *v;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    v = ngx_http_get_indexed_variable(r, mcf->script.request_id);

    ngx_str_null(&id);

    if (v != NULL && !v->not_found) {
        id.data = v->data;
        id.len = v->len;
    }

    return id;
}


ngx_http_apievents_chain_t *
ngx_http_apievents_chain_of(ngx_http_request_t *r,
    ngx_http_apievents_phase_e phase)
{
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    return lcf->gate.exempt ? NULL : lcf->phases.chains[phase];
}


ngx_int_t
ngx_http_apievents_inline_start(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_http_apievents_phase_e phase,
    ngx_http_apievents_chain_t *chain, ngx_chain_t *input)
{
    ngx_http_apievents_call_t       *call;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    call = ngx_http_apievents_call_attach(r, &mcf->deliver.worker->share);
    if (call == NULL) {
        return NGX_ERROR;
    }

    in->conf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);
    in->phase = phase;
    in->chain = chain;
    in->call = call;

    ngx_str_null(&in->result);

    call->location = chain->location;
    call->method = NGX_HTTP_POST;
    call->method_name = r->method_name;
    call->bufs = input;
    call->base = in->base;
    call->script = (const char *) chain->names.data;
    call->patience = (time_t) (chain->timeout / 1000) + 1;
    call->hops = ngx_http_apievents_hops(r) + 1;

    for ( /* void */ ; input != NULL; input = input->next) {
        call->body.len += input->buf->last - input->buf->pos;
    }

    return ngx_http_apievents_call_start(call);
}


ngx_int_t
ngx_http_apievents_inline_ended(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *text, ngx_uint_t *status)
{
    ngx_http_apievents_call_t  *call;

    call = in->call;
    *text = call->answer;

    if (call->status == NGX_HTTP_OK) {
        return NGX_OK;
    }

    if (call->status == NGX_HTTP_ACCEPTED) {
        return NGX_DONE;
    }

    *status = NGX_HTTP_INTERNAL_SERVER_ERROR;

    in->refused = 1;

    if (call->answer.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "handlers \"%V\" failed: %V", &in->chain->names,
                      &call->error);

        ngx_str_set(text, NGX_HTTP_APIEVENTS_UNRUN);

    } else {
        *status = ngx_http_apievents_result_status(text, *status);
    }

    return NGX_ERROR;
}


ngx_chain_t *
ngx_http_apievents_inline_chain(ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(pool);
    cl = ngx_alloc_chain_link(pool);

    if (b == NULL || cl == NULL) {
        return NULL;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = (text->len != 0);

    cl->buf = b;
    cl->next = NULL;

    return cl;
}


ngx_chain_t *
ngx_http_apievents_inline_last(ngx_pool_t *pool)
{
    ngx_str_t     none;
    ngx_chain_t  *cl;

    ngx_str_null(&none);

    cl = ngx_http_apievents_inline_chain(pool, &none);

    if (cl != NULL) {
        cl->buf->last_buf = 1;
        cl->buf->last_in_chain = 1;
    }

    return cl;
}
