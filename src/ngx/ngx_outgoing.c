/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * HTTP requests on their way out through generated locations: which subrequest
 * is which, and what becomes of one that nobody answers.
 */


#include "apievents.h"


static ngx_http_apievents_outgoing_t *ngx_http_apievents_outgoing_bind(
    ngx_http_apievents_call_t *call, ngx_http_request_t *r);
static ngx_uint_t ngx_http_apievents_outgoing_location(ngx_http_request_t *r);


ngx_int_t
ngx_http_apievents_ngx_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_apievents_main_conf_t  *mcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->generated.norigins != 0
        && ngx_http_apievents_resolve_init(cf, &mcf->generated) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->generated.server == NULL) {
        return NGX_OK;
    }

    /* the access phase is not for subrequests, this one is */

    h = ngx_array_push_n(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers, 2);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h[0] = ngx_http_apievents_outgoing_handler;
    h[1] = ngx_http_apievents_own_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_apievents_below_handler;

    if (mcf->generated.norigins != 0) {
        return NGX_OK;
    }

    return ngx_http_apievents_resolve_init(cf, &mcf->generated);
}


ngx_http_apievents_outgoing_t *
ngx_http_apievents_outgoing(ngx_http_apievents_call_t *call,
    ngx_http_apievents_target_t *target)
{
    ngx_http_apievents_outgoing_t  *o;

    o = ngx_pcalloc(call->request->pool,
                    sizeof(ngx_http_apievents_outgoing_t));
    if (o == NULL) {
        return NULL;
    }

    o->call = call;
    o->target = target;

    if (ngx_list_init(&o->headers, call->request->pool, 4,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NULL;
    }

    return o;
}


ngx_int_t
ngx_http_apievents_outgoing_header(ngx_http_apievents_outgoing_t *o,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&o->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = *name;
    h->value = *value;
    h->lowcase_key = ngx_pnalloc(o->call->request->pool, name->len + 1);
    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, name->data, name->len);

    return NGX_OK;
}


ngx_http_apievents_outgoing_t *
ngx_http_apievents_outgoing_of(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r)
{
    ngx_uint_t                       i;
    ngx_http_apievents_outgoing_t  **o;

    if (call->outgoing != NULL && call->outgoing->request == r) {
        return call->outgoing;
    }

    if (call->scripted == NULL) {
        return NULL;
    }

    o = call->scripted->elts;

    for (i = 0; i < call->scripted->nelts; i++) {
        if (o[i]->request == r) {
            return o[i];
        }
    }

    return NULL;
}


static ngx_http_apievents_outgoing_t *
ngx_http_apievents_outgoing_bind(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r)
{
    ngx_int_t                        n;
    ngx_http_apievents_outgoing_t   *o, **op;

    if (r == call->subrequest) {
        o = call->outgoing;

    } else if (call->scripted != NULL
               && r->args.len > 3
               && ngx_strncmp(r->args.data, "id=", 3) == 0)
    {
        n = ngx_atoi(r->args.data + 3, r->args.len - 3);

        if (n < 0 || (ngx_uint_t) n >= call->scripted->nelts) {
            return NULL;
        }

        op = call->scripted->elts;
        o = op[n];

    } else {
        return NULL;
    }

    if (o == NULL || o->request != NULL) {
        return NULL;
    }

    o->request = r;

    if (r != call->subrequest) {
        ngx_http_apievents_scripted_guard(o);
    }

    n = r->headers_in.content_length_n;

    ngx_memzero(&r->headers_in, sizeof(ngx_http_headers_in_t));

    if (o->target->absolute.len != 0) {
        r->unparsed_uri = o->target->absolute;
        r->valid_unparsed_uri = 1;
    }

    r->headers_in.headers = o->headers;
    r->headers_in.content_length_n = n;
    r->headers_in.keep_alive_n = -1;

    /* the list's tail is found through its last part */

    if (o->headers.last == &o->headers.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    return o;
}


/* whether it is /_ae/call of the internal server */

static ngx_uint_t
ngx_http_apievents_outgoing_location(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return r->srv_conf == mcf->generated.server->srv_conf
           && clcf->name.len == sizeof("/_ae/call") - 1
           && ngx_strncmp(clcf->name.data, "/_ae/call", clcf->name.len) == 0;
}


ngx_int_t
ngx_http_apievents_outgoing_handler(ngx_http_request_t *r)
{
    ngx_http_apievents_call_t      *call;
    ngx_http_apievents_outgoing_t  *o;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || (r == call->subrequest && call->outgoing == NULL)) {

        /* from here nginx goes on into njs, which does not say so itself as
         * it does for event handlers */

        if (call != NULL && call->attached) {
            ngx_http_apievents_enter_script(call);
        }

        return NGX_DECLINED;
    }

    /* a script in line with a request reads of the request's server, too */

    if (call->attached && !ngx_http_apievents_outgoing_location(r)) {
        return NGX_DECLINED;
    }

    o = ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL) {
        o = ngx_http_apievents_outgoing_bind(call, r);

        if (o == NULL) {
            return NGX_HTTP_NOT_FOUND;
        }

        if (r != call->subrequest
            && ngx_http_apievents_share_take(o) == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }
    }

    if (o->parked) {
        return NGX_AGAIN;
    }

    if (!o->looked_up) {
        o->looked_up = 1;

        if (ngx_http_apievents_resolve(r, o) == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    return o->error.len != 0 ? NGX_HTTP_BAD_GATEWAY : NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_outgoing_answer(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r)
{
    ngx_http_apievents_outgoing_t  *o;

    o = ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL
        || (r->upstream != NULL && r->upstream->headers_in.status_n != 0))
    {
        return NGX_DECLINED;
    }

    if (r->http_version == NGX_HTTP_VERSION_9) {
        ngx_str_set(&o->error, "answer is not HTTP");
        return NGX_ERROR;
    }

    if (o->error.len == 0) {
        ngx_str_set(&o->error, "no answer");
    }

    return ngx_http_apievents_outgoing_failed(o) == NGX_OK ? NGX_DECLINED
                                                           : NGX_ERROR;
}


ngx_int_t
ngx_http_apievents_outgoing_failed(ngx_http_apievents_outgoing_t *o)
{
    return ngx_http_apievents_error_header(o->request, &o->error);
}


ngx_int_t
ngx_http_apievents_error_header(ngx_http_request_t *r, ngx_str_t *error)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "X-Ae-Error");
    h->value = *error;

    return NGX_OK;
}
