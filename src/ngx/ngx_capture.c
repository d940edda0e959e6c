/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The answers of calls: caught by the module's filters, kept as far as the
 * call wants them, and sent to nobody.
 */


#include "apievents.h"


/* a body that goes on behind this is cut off: nobody tells that much to who
 * sends an event */
#define NGX_HTTP_APIEVENTS_ANSWER_BOUND  (16 * 1024 * 1024)


static void ngx_http_apievents_capture_fields(
    ngx_http_apievents_call_t *call, ngx_http_upstream_t *u);
static ngx_int_t ngx_http_apievents_capture(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r, ngx_buf_t *b);
static ngx_int_t ngx_http_apievents_capture_all(
    ngx_http_apievents_call_t *call, ngx_http_request_t *r, ngx_buf_t *b);


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
        ngx_http_apievents_capture_fields(call, r->upstream);
    }

    r->filter_need_in_memory = 1;
    r->header_sent = 1;

    return NGX_OK;
}


/* nginx's proxy module copied them into the request's pool */

static void
ngx_http_apievents_capture_fields(ngx_http_apievents_call_t *call,
    ngx_http_upstream_t *u)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  retry_after = ngx_string("retry-after");
    static ngx_str_t  control = ngx_string("webhook-delivery");

    for (part = &u->headers_in.headers.part; part != NULL; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == retry_after.len
                && ngx_strncasecmp(h[i].key.data, retry_after.data,
                                   retry_after.len)
                   == 0)
            {
                call->retry_after = h[i].value;

            } else if (h[i].key.len == control.len
                       && ngx_strncasecmp(h[i].key.data, control.data,
                                          control.len)
                          == 0)
            {
                call->control = h[i].value;
            }
        }
    }
}


ngx_int_t
ngx_http_apievents_capture_body(ngx_http_request_t *r, ngx_chain_t *in)
{
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

        if (ngx_buf_in_memory(b)
            && ngx_http_apievents_capture(call, r, b) != NGX_OK)
        {
            return NGX_ERROR;
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_capture(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r, ngx_buf_t *b)
{
    size_t  n;

    if (call->attached) {
        return ngx_http_apievents_capture_all(call, r, b);
    }

    call->read += b->last - b->pos;

    if (call->outgoing != NULL
        && call->read > NGX_HTTP_APIEVENTS_ANSWER_BOUND)
    {
        ngx_str_set(&call->outgoing->error, "answer is too long");
        return NGX_ERROR;
    }

    if (call->answer_max == 0 || b->last == b->pos) {
        return NGX_OK;
    }

    if (call->buf == NULL) {
        call->buf = ngx_create_temp_buf(r->pool, call->answer_max);
        if (call->buf == NULL) {
            return NGX_ERROR;
        }
    }

    n = ngx_min(b->last - b->pos, call->buf->end - call->buf->last);
    call->buf->last = ngx_cpymem(call->buf->last, b->pos, n);

    return NGX_OK;
}


/* njs passes on what a script returned in one piece; the script's memory may
 * be gone before the client's request is */

static ngx_int_t
ngx_http_apievents_capture_all(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r, ngx_buf_t *b)
{
    size_t      n;
    ngx_buf_t  *buf;

    if (b->last == b->pos) {
        return NGX_OK;
    }

    n = (call->buf == NULL) ? 0 : call->buf->last - call->buf->pos;

    buf = ngx_create_temp_buf(r->pool, n + (b->last - b->pos));
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (n != 0) {
        buf->last = ngx_cpymem(buf->last, call->buf->pos, n);
    }

    buf->last = ngx_cpymem(buf->last, b->pos, b->last - b->pos);
    call->buf = buf;

    return NGX_OK;
}
