/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Handlers of the phases response and error.  Header and body of the answer
 * are kept back until they are whole, the handlers run, and what they made of
 * it is sent; nginx waits for that as for a slow client.
 */


#include "apievents.h"
#include "script/script_run.h"


static ngx_http_apievents_chain_t *ngx_http_apievents_answer_chain(
    ngx_http_request_t *r, ngx_http_apievents_phase_e *phase);
static ngx_uint_t ngx_http_apievents_answer_handled(ngx_http_request_t *r);
static ngx_uint_t ngx_http_apievents_answer_of_upstream(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_answer_encoding(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
static ngx_int_t ngx_http_apievents_answer_begin(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
static void ngx_http_apievents_answer_wait(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
static void ngx_http_apievents_answer_woken(ngx_http_apievents_call_t *call);
static ngx_int_t ngx_http_apievents_answer_keep(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_chain_t *cl);
static ngx_int_t ngx_http_apievents_answer_copy(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_buf_t *b);
static ngx_uint_t ngx_http_apievents_answer_cut(ngx_http_request_t *r,
    ngx_buf_t *b);
static ngx_int_t ngx_http_apievents_answer_ask(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
static ngx_int_t ngx_http_apievents_answer_end(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
static ngx_int_t ngx_http_apievents_answer_changed(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *text);
static ngx_int_t ngx_http_apievents_answer_send(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);


ngx_int_t
ngx_http_apievents_inline_header(ngx_http_request_t *r)
{
    ngx_http_apievents_chain_t    *chain;
    ngx_http_apievents_phase_e     phase;
    ngx_http_apievents_inline_t   *in;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    chain = ngx_http_apievents_answer_chain(r, &phase);

    if (chain == NULL) {
        return NGX_DECLINED;
    }

    in = ngx_http_apievents_inline_of(r, 1);

    if (in == NULL) {
        return NGX_ERROR;
    }

    if (in->sent || in->asked) {
        return NGX_DECLINED;
    }

    in->phase = phase;
    in->chain = chain;
    in->kept = 0;
    in->size = 0;
    in->body = NULL;
    in->last = &in->body;

    if (ngx_http_apievents_answer_encoding(r, in) != NGX_OK) {
        return NGX_DECLINED;
    }

    in->kept = 1;

    ngx_http_apievents_gate_kept(r);

    /* that filter has let the body pass already */
    r->allow_ranges = 0;

    /* an upstream's header is the last that its module wants of the request's
     * body; handlers may still ask for it */
    r->preserve_body = 1;

    r->filter_need_in_memory = 1;
    r->main_filter_need_in_memory = 1;

    /* whoever says that before the header sends no body behind it */

    if (r->header_only) {
        r->header_only = 0;
        in->whole = 1;

        return ngx_http_apievents_answer_begin(r, in) == NGX_ERROR
               ? NGX_ERROR : NGX_OK;
    }

    return NGX_OK;
}


static ngx_http_apievents_chain_t *
ngx_http_apievents_answer_chain(ngx_http_request_t *r,
    ngx_http_apievents_phase_e *phase)
{
    ngx_uint_t                       status;
    ngx_http_apievents_loc_conf_t   *lcf;
    ngx_http_apievents_chain_t     **chains;
    ngx_http_apievents_inline_t     *in;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);
    chains = lcf->phases.chains;

    if (!ngx_http_apievents_answer_handled(r)) {
        return NULL;
    }

    status = r->headers_out.status;

    if (lcf->gate.exempt || r->http_version < NGX_HTTP_VERSION_10) {
        return NULL;
    }

    in = ngx_http_apievents_inline_of(r, 0);

    if (in != NULL && in->refused) {
        *phase = NGX_HTTP_APIEVENTS_PHASE_ERROR;

    } else if (in != NULL && in->optioned) {

        /* what an OPTIONS handler returns is the whole answer */

        return NULL;

    } else if (status >= NGX_HTTP_BAD_REQUEST) {

        /* before it was known where it goes; gRPC has errors of its own */

        if (r->uri.len == 0 || r->phase_handler == 0
            || ngx_http_apievents_answer_is_grpc(r))
        {
            return NULL;
        }

        *phase = ngx_http_apievents_answer_of_upstream(r)
                 ? NGX_HTTP_APIEVENTS_PHASE_ERROR_UPSTREAM
                 : NGX_HTTP_APIEVENTS_PHASE_ERROR;

    } else if (status >= NGX_HTTP_OK && status < NGX_HTTP_SPECIAL_RESPONSE
               && status != NGX_HTTP_PARTIAL_CONTENT)
    {
        *phase = NGX_HTTP_APIEVENTS_PHASE_RESPONSE;

    } else {
        return NULL;
    }

    return chains[*phase];
}


/* all that a location without handlers has to do */

static ngx_uint_t
ngx_http_apievents_answer_handled(ngx_http_request_t *r)
{
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    return lcf->phases.chains[NGX_HTTP_APIEVENTS_PHASE_RESPONSE] != NULL
           || lcf->phases.chains[NGX_HTTP_APIEVENTS_PHASE_ERROR] != NULL;
}


static ngx_uint_t
ngx_http_apievents_answer_of_upstream(ngx_http_request_t *r)
{
    return r->upstream != NULL
           && r->upstream->headers_in.status_n == r->headers_out.status;
}


/* NGX_DECLINED: one that cannot be read, and leaves as it is */

static ngx_int_t
ngx_http_apievents_answer_encoding(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_str_t  *value;

    in->encoded = 0;

    if (r->headers_out.content_encoding == NULL
        || r->headers_out.content_encoding->value.len == 0)
    {
        return NGX_OK;
    }

    value = &r->headers_out.content_encoding->value;

    if ((value->len == 4
         && ngx_strncasecmp(value->data, (u_char *) "gzip", 4) == 0)
        || (value->len == 6
            && ngx_strncasecmp(value->data, (u_char *) "x-gzip", 6) == 0))
    {
        in->encoded = 1;
        return NGX_OK;
    }

    if (value->len == 8
        && ngx_strncasecmp(value->data, (u_char *) "identity", 8) == 0)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "an answer encoded as \"%V\" passes by the handlers \"%V\", "
                  "which read \"gzip\" only", value, &in->chain->names);

    return NGX_DECLINED;
}


/* NGX_DECLINED: the body is none of ours, or is ours to send */

ngx_int_t
ngx_http_apievents_inline_body(ngx_http_request_t *r, ngx_chain_t *cl)
{
    ngx_http_apievents_inline_t  *in;

    if (r != r->main || !ngx_http_apievents_answer_handled(r)) {
        return NGX_DECLINED;
    }

    in = ngx_http_apievents_inline_of(r, 0);

    if (in == NULL || !in->kept || in->sent) {
        return NGX_DECLINED;
    }

    if (!in->asked) {

        if (ngx_http_apievents_answer_keep(r, in, cl) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!in->whole) {
            return NGX_OK;
        }

        return ngx_http_apievents_answer_begin(r, in);
    }

    if (!in->call->ended) {
        return NGX_AGAIN;
    }

    return ngx_http_apievents_answer_end(r, in);
}


static ngx_int_t
ngx_http_apievents_answer_begin(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    in->asked = 1;

    if (ngx_http_apievents_answer_ask(r, in) != NGX_OK) {
        return NGX_ERROR;
    }

    if (in->ready) {
        return ngx_http_apievents_answer_send(r, in);
    }

    r->connection->buffered |= NGX_HTTP_APIEVENTS_BUFFERED;
    ngx_http_apievents_answer_wait(r, in);

    return NGX_AGAIN;
}


/*
 * nginx takes what is kept back for a client that does not read, and would
 * give that up after "send_timeout": not while it is delayed, as by a limit of
 * its rate.  Handlers have a time of their own.
 */

static void
ngx_http_apievents_answer_wait(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    in->call->done = ngx_http_apievents_answer_woken;

    if (!r->connection->write->delayed) {
        r->connection->write->delayed = 1;
        in->delayed = 1;
    }
}


static void
ngx_http_apievents_answer_woken(ngx_http_apievents_call_t *call)
{
    ngx_http_request_t           *r;
    ngx_http_apievents_inline_t  *in;

    r = call->request;
    in = ngx_http_apievents_inline_of(r, 0);

    if (in->delayed) {
        r->connection->write->delayed = 0;
        in->delayed = 0;
    }
}


static ngx_int_t
ngx_http_apievents_answer_keep(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_chain_t *cl)
{
    ngx_buf_t                      *b;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    for ( /* void */ ; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (ngx_http_apievents_answer_cut(r, b)) {
            in->cut = 1;
            in->whole = 1;
        }

        if (b->last_buf) {
            in->whole = 1;
        }

        if (ngx_buf_in_memory(b) && b->last != b->pos) {
            in->size += b->last - b->pos;
            in->large |= in->size > lcf->gate.body_max;

            if (!in->large
                && ngx_http_apievents_answer_copy(r, in, b) != NGX_OK)
            {
                return NGX_ERROR;
            }

            b->pos = b->last;
        }

        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_answer_copy(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_buf_t *b)
{
    ngx_buf_t    *buf;
    ngx_chain_t  *cl;

    buf = ngx_create_temp_buf(r->pool, b->last - b->pos);
    cl = ngx_alloc_chain_link(r->pool);

    if (buf == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    buf->last = ngx_cpymem(buf->last, b->pos, b->last - b->pos);

    cl->buf = buf;
    cl->next = NULL;

    *in->last = cl;
    in->last = &cl->next;

    return NGX_OK;
}


/*
 * nginx sends what there is of an upstream's answer that ends too early, and
 * closes; its header was not sent yet, so this becomes an error.
 */

static ngx_uint_t
ngx_http_apievents_answer_cut(ngx_http_request_t *r, ngx_buf_t *b)
{
    return b->flush && !b->last_buf && r->upstream != NULL
           && r->upstream->cleanup == NULL && !r->keepalive;
}


static ngx_int_t
ngx_http_apievents_answer_ask(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_chain_t  *input;

    if (in->cut || in->large) {
        return ngx_http_apievents_error_turn(r, in, NGX_HTTP_BAD_GATEWAY,
                                             NULL);
    }

    if (in->phase != NGX_HTTP_APIEVENTS_PHASE_RESPONSE) {
        return ngx_http_apievents_error_ask(r, in);
    }

    input = in->body;

    /* HEAD has an encoding, and no body */

    if (in->encoded && input != NULL) {
        input = ngx_http_apievents_gunzip(r, in);

        if (input == NULL) {
            return ngx_http_apievents_error_turn(r, in, NGX_HTTP_BAD_GATEWAY,
                                                 NULL);
        }
    }

    return ngx_http_apievents_inline_start(r, in, in->phase, in->chain,
                                           input);
}


/* the handlers are through, maybe those of an error of theirs as well */

static ngx_int_t
ngx_http_apievents_answer_end(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t   rc;
    ngx_str_t   text;
    ngx_uint_t  status;

    rc = ngx_http_apievents_inline_ended(r, in, &text, &status);

    if (rc == NGX_ERROR && in->phase == NGX_HTTP_APIEVENTS_PHASE_RESPONSE) {

        if (ngx_http_apievents_error_turn(r, in, status, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        if (in->ready) {
            return ngx_http_apievents_answer_send(r, in);
        }

        ngx_http_apievents_answer_wait(r, in);

        return NGX_AGAIN;
    }

    if (rc != NGX_ERROR
        && ngx_http_apievents_result_answer(r, in) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rc == NGX_DONE
        && ngx_http_apievents_answer_changed(r, in, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_answer_send(r, in);
}


static ngx_int_t
ngx_http_apievents_answer_changed(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *text)
{
    if (ngx_http_apievents_answer_replace(r, in, text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_apievents_answer_plain(r);

    if (in->phase != NGX_HTTP_APIEVENTS_PHASE_RESPONSE) {

        /* the refusal's own body would be put in its place */
        ngx_http_set_ctx(r, NULL, ngx_http_apievents_module);

        ngx_str_set(&r->headers_out.content_type, "application/json");
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        r->headers_out.content_type_lowcase = NULL;
        ngx_str_null(&r->headers_out.charset);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_answer_replace(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *text)
{
    in->body = NULL;
    in->size = text->len;
    in->encoded = 0;

    if (text->len == 0) {
        return NGX_OK;
    }

    in->body = ngx_http_apievents_inline_chain(r->pool, text);

    return in->body == NULL ? NGX_ERROR : NGX_OK;
}


/* nothing is told of the body that was the upstream's */

void
ngx_http_apievents_answer_plain(ngx_http_request_t *r)
{
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    r->allow_ranges = 0;

    if (r->headers_out.content_encoding != NULL) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }
}


static ngx_int_t
ngx_http_apievents_answer_send(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t     rc;
    ngx_uint_t    empty;
    ngx_chain_t  *out, **last;

    in->sent = 1;
    r->connection->buffered &= ~NGX_HTTP_APIEVENTS_BUFFERED;

    /* of what HEAD stands for only its own headers are known */

    if (r->method == NGX_HTTP_HEAD) {
        ngx_http_apievents_answer_plain(r);

    } else {
        r->headers_out.content_length_n = in->size;
    }

    empty = r->headers_out.status == NGX_HTTP_NO_CONTENT
            || r->headers_out.status == NGX_HTTP_NOT_MODIFIED;

    if (empty) {
        ngx_http_clear_content_length(r);
        in->body = NULL;
    }

    rc = ngx_http_apievents_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    last = &in->body;

    while (*last != NULL) {
        last = &(*last)->next;
    }

    out = ngx_http_apievents_inline_last(r->pool);
    if (out == NULL) {
        return NGX_ERROR;
    }

    *last = out;

    return ngx_http_apievents_send_body(r, in->body);
}
