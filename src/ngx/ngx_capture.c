/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The answers of calls: caught by the module's filters, kept as far as the
 * call wants them, and sent to nobody.
 */


#include "apievents.h"


/* an answer's header is not sent: it is only looked at; nginx takes what is
 * none for HTTP/0.9 and would wait for its end */

ngx_int_t
ngx_http_apievents_capture_header(ngx_http_request_t *r)
{
    ngx_http_apievents_call_t  *call;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL) {
        return NGX_DECLINED;
    }

    if (call->subrequest != r) {
        return ngx_http_apievents_outgoing_answer(call, r);
    }

    if (call->outgoing != NULL && r->http_version == NGX_HTTP_VERSION_9) {
        ngx_str_set(&call->outgoing->error, "answer is not HTTP");
        return NGX_ERROR;
    }

    if (call->outgoing != NULL && r->upstream != NULL) {
        ngx_http_apievents_share_keep(call->share, r->upstream);
    }

    r->filter_need_in_memory = 1;
    r->header_sent = 1;

    if (call->answer_max != 0 && call->buf == NULL) {
        call->buf = ngx_create_temp_buf(r->pool, call->answer_max);
        if (call->buf == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_capture_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                      n;
    ngx_buf_t                  *b;
    ngx_http_apievents_call_t  *call;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL) {
        return NGX_DECLINED;
    }

    if (call->subrequest != r) {
        ngx_http_apievents_scripted_body(call, r, in);
        return NGX_DECLINED;
    }

    for ( /* void */ ; in != NULL; in = in->next) {
        b = in->buf;

        if (call->buf != NULL && ngx_buf_in_memory(b)) {
            n = ngx_min(b->last - b->pos, call->buf->end - call->buf->last);
            call->buf->last = ngx_cpymem(call->buf->last, b->pos, n);
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}
