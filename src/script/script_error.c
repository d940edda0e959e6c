/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What error handlers see: the error's own JSON, or one that is made of its
 * status and text (as in Layer7).
 */


#include "apievents.h"
#include "script/script_run.h"


static ae_value_t *ngx_http_apievents_error_value(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ae_arena_t *arena);
static ae_value_t *ngx_http_apievents_error_made(ngx_http_request_t *r,
    ae_arena_t *arena);
static void ngx_http_apievents_error_title(ngx_uint_t status,
    ngx_str_t *text);
static ae_value_t *ngx_http_apievents_error_own(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ae_arena_t *arena);
static ngx_int_t ngx_http_apievents_error_text(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ae_str_t *text);
static ngx_int_t ngx_http_apievents_error_write(ngx_http_request_t *r,
    ae_value_t *value, ngx_str_t *text);
static ngx_int_t ngx_http_apievents_error_of_status(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *text);


ngx_int_t
ngx_http_apievents_error_ask(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t     rc;
    ngx_str_t     text;
    ae_arena_t   *arena;
    ae_value_t   *value;
    ngx_chain_t  *input;

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    value = ngx_http_apievents_error_value(r, in, arena);

    rc = (value == NULL) ? NGX_ERROR
                         : ngx_http_apievents_error_write(r, value, &text);

    ae_arena_destroy(arena);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    input = ngx_http_apievents_inline_chain(r->pool, &text);
    if (input == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_inline_start(r, in, in->phase, in->chain,
                                           input);
}


/* {"statusCode", "errorCode", "errorMessage", "message"} */

static ae_value_t *
ngx_http_apievents_error_value(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ae_arena_t *arena)
{
    ae_str_t     text;
    ae_value_t  *value, *message;

    value = ngx_http_apievents_error_own(r, in, arena);

    if (value == NULL) {
        value = ngx_http_apievents_error_made(r, arena);

        if (value == NULL) {
            return NULL;
        }
    }

    if (ae_value_get(value, "message") == NULL) {
        message = ae_value_get(value, "errorMessage");

        text = (message != NULL && message->type == AE_STRING)
               ? message->s : (ae_str_t) { 0, NULL };

        if (ae_value_set(value, ae_str("message"), ae_value_str(arena, text))
            != AE_OK)
        {
            return NULL;
        }
    }

    return value;
}


/* of the status, or the gate's own text */

static ae_value_t *
ngx_http_apievents_error_made(ngx_http_request_t *r, ae_arena_t *arena)
{
    ae_buf_t     b;
    ngx_str_t    text;
    ae_error_t   err;
    ae_value_t  *value;

    if (ngx_http_apievents_refusal_text(r, &text) != NGX_OK) {
        ngx_http_apievents_error_title(r->headers_out.status, &text);
    }

    ae_buf_init(&b, SIZE_MAX);
    ngx_http_apievents_write_error(&b, r->headers_out.status, &text);

    value = b.failed ? NULL
                     : ae_json_parse(arena, (ae_str_t) { b.len, b.data },
                                     &err);

    ae_buf_free(&b);

    return value;
}


static void
ngx_http_apievents_error_title(ngx_uint_t status, ngx_str_t *text)
{
    const char  *title;

    title = ngx_http_apievents_status_title(status);

    text->data = (u_char *) (title ? title : "Error");
    text->len = ngx_strlen(text->data);
}


/* the body, if it is an object that has a statusCode; else NULL */

static ae_value_t *
ngx_http_apievents_error_own(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ae_arena_t *arena)
{
    ae_str_t     text;
    ae_error_t   err;
    ae_value_t  *value;

    if (ngx_http_apievents_error_text(r, in, &text) != NGX_OK
        || text.len == 0 || text.data[0] == '<')
    {
        return NULL;
    }

    value = ae_json_parse(arena, text, &err);

    return (value != NULL && value->type == AE_MAP
            && ae_value_get(value, "statusCode") != NULL) ? value : NULL;
}


static ngx_int_t
ngx_http_apievents_error_text(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ae_str_t *text)
{
    u_char       *p;
    size_t        size;
    ngx_chain_t  *cl, *body;

    body = in->body;

    if (in->encoded) {
        body = ngx_http_apievents_gunzip(r, in);
    }

    if (body == NULL) {
        return NGX_DECLINED;
    }

    size = 0;

    for (cl = body; cl != NULL; cl = cl->next) {
        size += cl->buf->last - cl->buf->pos;
    }

    p = ngx_pnalloc(r->pool, size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = size;

    for (cl = body; cl != NULL; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_error_write(ngx_http_request_t *r, ae_value_t *value,
    ngx_str_t *text)
{
    ae_buf_t   b;
    ngx_int_t  rc;

    ae_buf_init(&b, SIZE_MAX);
    ae_json_write(&b, value);

    rc = ngx_http_apievents_copy_answer(r, &b, text);

    ae_buf_free(&b);

    return rc;
}


ngx_int_t
ngx_http_apievents_error_turn(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_uint_t status, ngx_str_t *text)
{
    ngx_str_t  own;

    if (text == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "an answer that %s is not given to handlers",
                      in->cut ? "is cut off"
                              : in->large ? "is larger than \"api_body_max\""
                                          : "cannot be decoded");

        if (ngx_http_apievents_error_of_status(r, status, &own) != NGX_OK) {
            return NGX_ERROR;
        }

        text = &own;
    }

    ngx_http_clean_header(r);

    r->headers_out.status = status;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    if (ngx_http_apievents_answer_replace(r, in, text) != NGX_OK) {
        return NGX_ERROR;
    }

    in->phase = NGX_HTTP_APIEVENTS_PHASE_ERROR;
    in->chain = ngx_http_apievents_chain_of(r, in->phase);

    if (in->chain == NULL) {
        in->ready = 1;
        return NGX_OK;
    }

    return ngx_http_apievents_error_ask(r, in);
}


static ngx_int_t
ngx_http_apievents_error_of_status(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text)
{
    ae_buf_t   b;
    ngx_int_t  rc;

    ngx_http_apievents_error_title(status, text);

    ae_buf_init(&b, SIZE_MAX);
    ngx_http_apievents_write_error(&b, status, text);

    rc = ngx_http_apievents_copy_answer(r, &b, text);

    ae_buf_free(&b);

    return rc;
}
