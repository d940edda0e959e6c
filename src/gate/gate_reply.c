/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Answers that a definition gives in place of the upstream: mock_response, and
 * the action "reply" of a method (as in Tyk).
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_reply_headers(ngx_http_request_t *r,
    ngx_array_t *headers, ngx_str_t *type);


ngx_int_t
ngx_http_apievents_reply(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                   i;
    ngx_http_apievents_more_t   *more;
    ngx_http_apievents_reply_t  *reply;

    more = d->conf->gate.more;

    if (more->replies == NULL) {
        return NGX_DECLINED;
    }

    reply = more->replies->elts;

    for (i = 0; i < more->replies->nelts; i++) {

        if (ngx_http_apievents_is_version(d, &reply[i].version)
            && ngx_http_apievents_path_match(r, d, &reply[i].path))
        {
            break;
        }
    }

    if (i == more->replies->nelts) {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_reply_with(r, &reply[i]);
}


ngx_int_t
ngx_http_apievents_reply_with(ngx_http_request_t *r,
    ngx_http_apievents_reply_t *reply)
{
    ngx_str_t  type;

    type = reply->type;

    if (type.len == 0) {
        ngx_str_set(&type, "text/plain");
    }

    if (reply->headers != NULL
        && ngx_http_apievents_reply_headers(r, reply->headers, &type)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_end_with(r, reply->status, &type, &reply->body);
}


static ngx_int_t
ngx_http_apievents_reply_headers(ngx_http_request_t *r, ngx_array_t *headers,
    ngx_str_t *type)
{
    ngx_uint_t        i;
    ngx_keyval_t     *kv;
    ngx_table_elt_t  *h;

    kv = headers->elts;

    for (i = 0; i < headers->nelts; i++) {

        if (kv[i].key.len == sizeof("Content-Type") - 1
            && ngx_strncasecmp(kv[i].key.data, (u_char *) "Content-Type",
                               kv[i].key.len)
               == 0)
        {
            *type = kv[i].value;
            continue;
        }

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        h->key = kv[i].key;
        h->value = kv[i].value;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_end_with(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc == NGX_OK) {
        rc = ngx_http_apievents_send_whole(r, status, type, body);
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/* not nginx's own function, which takes the text of a redirect for its goal */

ngx_int_t
ngx_http_apievents_send_whole(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = body->data;
    b->last = b->pos + body->len;
    b->memory = (body->len != 0);
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;

    if (type->len != 0) {
        r->headers_out.content_type = *type;
        r->headers_out.content_type_len = type->len;
        r->headers_out.content_type_lowcase = NULL;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}
