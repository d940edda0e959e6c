/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The body of a refusal.  The phase handler only returns the status; nginx
 * then runs a matching error_page, or builds a page of its own.  The latter
 * passes here and is replaced.  A redirect to an error page has zeroed r->ctx.
 */


#include "gate/gate_private.h"


static ngx_http_apievents_decision_t *ngx_http_apievents_refused(
    ngx_http_request_t *r);


ngx_int_t
ngx_http_apievents_refusal_header(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_str_t                       type;
    ngx_uint_t                      grpc;
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_refused(r);

    if (d == NULL) {
        return NGX_DECLINED;
    }

    /* nobody let it pass: now it is certain */

    if (!d->raised && r->access_code == 0) {
        ngx_http_apievents_raise_refusal(r, d);
    }

    if (r->headers_out.status != ngx_http_apievents_refusal_status(d)) {
        ngx_http_set_ctx(r, NULL, ngx_http_apievents_module);
        return NGX_DECLINED;
    }

    grpc = ngx_http_apievents_answer_is_grpc(r);

    rc = grpc ? ngx_http_apievents_answer_grpc(r, d, &type)
              : ngx_http_apievents_answer_body(r, d, &d->answer, &type);

    if (rc != NGX_OK) {
        ngx_http_set_ctx(r, NULL, ngx_http_apievents_module);
        return NGX_DECLINED;
    }

    d->replaced = 1;

    r->headers_out.content_length_n = grpc ? -1 : (off_t) d->answer.len;
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_refusal_body(ngx_http_request_t *r, ngx_chain_t **in)
{
    ngx_buf_t                      *b;
    ngx_chain_t                    *cl;
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_refused(r);

    if (d == NULL || !d->replaced) {
        return NGX_DECLINED;
    }

    /* what nginx says is taken as sent */

    for (cl = *in; cl != NULL; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (*in == NULL || d->answered) {
        *in = NULL;
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b->memory = 1;
    b->pos = d->answer.data;
    b->last = d->answer.data + d->answer.len;
    b->last_buf = 1;
    b->last_in_chain = 1;

    cl->buf = b;
    cl->next = NULL;

    d->answered = 1;
    *in = cl;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_refusal_text(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_refused(r);

    if (d == NULL
        || r->headers_out.status != ngx_http_apievents_refusal_status(d))
    {
        return NGX_DECLINED;
    }

    *text = d->refusal->text;

    /* as with an answer of the gate's own: the event is known in its header */

    if (!d->raised && r->access_code == 0) {
        ngx_http_apievents_raise_refusal(r, d);
    }

    return NGX_OK;
}


static ngx_http_apievents_decision_t *
ngx_http_apievents_refused(ngx_http_request_t *r)
{
    void                           *ctx;
    ngx_http_apievents_decision_t  *d;

    ctx = ngx_http_get_module_ctx(r, ngx_http_apievents_module);

    if (ctx == NULL || r != r->main) {
        return NULL;
    }

    /* another room's requests may have a ctx too */

    d = ngx_http_apievents_decision(r);

    return (d == ctx && d->refusal != NULL) ? d : NULL;
}
