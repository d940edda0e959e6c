/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What handlers set beside the body: headers of the request, the status and
 * headers of the answer.  njs/inline.js has checked them; nothing that could
 * make a second message of one is believed for that.
 */


#include "apievents.h"
#include "script/script_run.h"


typedef ngx_int_t (*ngx_http_apievents_result_pt)(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);


/* a header of which an answer has one */

typedef struct {
    ngx_str_t                       name;
    size_t                          offset;     /* in headers_out */
    unsigned                        added:1;    /* by nginx, if not there */
} ngx_http_apievents_single_t;


static ae_value_t *ngx_http_apievents_result_parse(ae_arena_t *arena,
    ngx_str_t *text);
static ngx_int_t ngx_http_apievents_result_header(ngx_http_request_t *r,
    ae_str_t name, const ae_value_t *v, ngx_http_apievents_result_pt set);
static ngx_int_t ngx_http_apievents_result_headers(ngx_http_request_t *r,
    const ae_value_t *list);
static ngx_int_t ngx_http_apievents_set_answer_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_http_apievents_single_t *ngx_http_apievents_single(
    ngx_str_t *name);
static ngx_table_elt_t **ngx_http_apievents_single_place(
    ngx_http_request_t *r, ngx_http_apievents_single_t *single);
static void ngx_http_apievents_drop_answer_header(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_uint_t ngx_http_apievents_result_code(const ae_value_t *map,
    const char *name);


static ngx_http_apievents_single_t  ngx_http_apievents_singles[] = {
    { ngx_string("ETag"), offsetof(ngx_http_headers_out_t, etag), 0 },
    { ngx_string("Last-Modified"),
      offsetof(ngx_http_headers_out_t, last_modified), 0 },
    { ngx_string("Location"), offsetof(ngx_http_headers_out_t, location), 0 },
    { ngx_string("Server"), offsetof(ngx_http_headers_out_t, server), 1 },
    { ngx_string("Date"), offsetof(ngx_http_headers_out_t, date), 1 },
    { ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_http_apievents_result_request(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t    rc;
    ae_value_t  *root, *headers, *v;
    ae_arena_t  *arena;

    if (in->result.len == 0) {
        return NGX_OK;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    root = ngx_http_apievents_result_parse(arena, &in->result);
    headers = (root == NULL) ? NULL : ae_value_get(root, "headers");

    rc = (root == NULL) ? NGX_ERROR : NGX_OK;

    if (headers != NULL && headers->type == AE_MAP) {

        for (v = headers->first; rc == NGX_OK && v != NULL; v = v->next) {
            rc = ngx_http_apievents_result_header(r, v->name, v,
                                     ngx_http_apievents_set_request_header);
        }
    }

    ae_arena_destroy(arena);

    return rc;
}


static ae_value_t *
ngx_http_apievents_result_parse(ae_arena_t *arena, ngx_str_t *text)
{
    ae_error_t   err;
    ae_value_t  *root;

    root = ae_json_parse(arena, *(ae_str_t *) text, &err);

    return (root != NULL && root->type == AE_MAP) ? root : NULL;
}


/* null takes it out; one that frames the message is nginx's own business */

static ngx_int_t
ngx_http_apievents_result_header(ngx_http_request_t *r, ae_str_t name,
    const ae_value_t *v, ngx_http_apievents_result_pt set)
{
    ngx_str_t  n, value;

    ngx_str_null(&value);

    if (v->type == AE_STRING) {
        value.data = v->s.data;
        value.len = v->s.len;

    } else if (v->type != AE_NULL) {
        return NGX_OK;
    }

    n.data = name.data;
    n.len = name.len;

    if (ngx_http_apievents_framing_header(&n)) {
        return NGX_OK;
    }

    if (ngx_http_apievents_valid_header(&n, &value) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a handler's header was left out: names and values "
                      "without controls are expected");
        return NGX_OK;
    }

    n.data = ngx_pstrdup(r->pool, &n);
    if (n.data == NULL) {
        return NGX_ERROR;
    }

    if (v->type == AE_STRING) {
        value.data = ngx_pstrdup(r->pool, &value);
        if (value.data == NULL) {
            return NGX_ERROR;
        }
    }

    return set(r, &n, &value);
}


/* in place of those of its name; without a value it takes them out */

ngx_int_t
ngx_http_apievents_set_request_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_str_t         lowcase;
    ngx_table_elt_t  *h;

    static ngx_str_t  type = ngx_string("content-type");

    lowcase.len = name->len;
    lowcase.data = ngx_pnalloc(r->pool, name->len);
    if (lowcase.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(lowcase.data, name->data, name->len);

    if (ngx_http_apievents_set_header(r, name, &lowcase, value, &h)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (lowcase.len == type.len
        && ngx_memcmp(lowcase.data, type.data, type.len) == 0)
    {
        r->headers_in.content_type = h;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_set_length(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_str_t         none;

    static ngx_str_t  name = ngx_string("Content-Length");
    static ngx_str_t  length = ngx_string("content-length");
    static ngx_str_t  encoding = ngx_string("transfer-encoding");

    ngx_str_null(&none);

    if (ngx_http_apievents_set_header(r, &encoding, &encoding, &none, NULL)
        != NGX_OK
        || ngx_http_apievents_set_header(r, &name, &length, value,
                                         &r->headers_in.content_length)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_in.transfer_encoding = NULL;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_result_answer(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t    rc;
    ngx_uint_t   status;
    ae_value_t  *root;
    ae_arena_t  *arena;

    if (in->result.len == 0) {
        return NGX_OK;
    }

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    root = ngx_http_apievents_result_parse(arena, &in->result);

    if (root != NULL) {
        status = ngx_http_apievents_result_code(root, "status");

        if (status != 0) {
            r->headers_out.status = status;
            ngx_str_null(&r->headers_out.status_line);
        }

        rc = ngx_http_apievents_result_headers(r,
                                              ae_value_get(root, "headers"));
    }

    ae_arena_destroy(arena);

    return rc;
}


static ngx_int_t
ngx_http_apievents_result_headers(ngx_http_request_t *r,
    const ae_value_t *list)
{
    ae_value_t  *v;

    if (list == NULL || list->type != AE_ARRAY) {
        return NGX_OK;
    }

    for (v = list->first; v != NULL; v = v->next) {

        if (v->type != AE_ARRAY || v->count != 2
            || v->first->type != AE_STRING)
        {
            continue;
        }

        if (ngx_http_apievents_result_header(r, v->first->s, v->last,
                                     ngx_http_apievents_set_answer_header)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_set_answer_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t              *h;
    ngx_http_apievents_single_t  *single;

    if (value->data == NULL) {
        ngx_http_apievents_drop_answer_header(r, name);
        return NGX_OK;
    }

    if (name->len == sizeof("Content-Type") - 1
        && ngx_strncasecmp(name->data, (u_char *) "Content-Type", name->len)
           == 0)
    {
        r->headers_out.content_type = *value;
        r->headers_out.content_type_len = value->len;
        r->headers_out.content_type_lowcase = NULL;
        ngx_str_null(&r->headers_out.charset);

        return NGX_OK;
    }

    single = ngx_http_apievents_single(name);

    if (single != NULL) {
        ngx_http_apievents_drop_answer_header(r, name);
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key = *name;
    h->value = *value;

    if (single != NULL && single->added) {
        *ngx_http_apievents_single_place(r, single) = h;
    }

    return NGX_OK;
}


static ngx_http_apievents_single_t *
ngx_http_apievents_single(ngx_str_t *name)
{
    ngx_http_apievents_single_t  *s;

    for (s = ngx_http_apievents_singles; s->name.len != 0; s++) {

        if (s->name.len == name->len
            && ngx_strncasecmp(s->name.data, name->data, name->len) == 0)
        {
            return s;
        }
    }

    return NULL;
}


static ngx_table_elt_t **
ngx_http_apievents_single_place(ngx_http_request_t *r,
    ngx_http_apievents_single_t *single)
{
    return (ngx_table_elt_t **) ((char *) &r->headers_out + single->offset);
}


static void
ngx_http_apievents_drop_answer_header(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_table_elt_t              **place;
    ngx_http_apievents_single_t   *single;

    ngx_http_apievents_drop_answer(r, name);

    single = ngx_http_apievents_single(name);

    if (single != NULL) {
        place = ngx_http_apievents_single_place(r, single);

        if (*place != NULL && (*place)->hash == 0) {
            *place = NULL;
        }
    }

    if (name->len == 13
        && ngx_strncasecmp(name->data, (u_char *) "Last-Modified", 13) == 0)
    {
        r->headers_out.last_modified_time = -1;
    }
}


ngx_uint_t
ngx_http_apievents_result_status(ngx_str_t *text, ngx_uint_t status)
{
    ngx_uint_t   code;
    ae_value_t  *root;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);
    if (arena == NULL) {
        return status;
    }

    root = ngx_http_apievents_result_parse(arena, text);
    code = (root == NULL) ? 0
                          : ngx_http_apievents_result_code(root,
                                                           "statusCode");

    ae_arena_destroy(arena);

    return code ? code : status;
}


/* 0: none that an answer can have; those below 200 are no answers */

static ngx_uint_t
ngx_http_apievents_result_code(const ae_value_t *map, const char *name)
{
    ae_value_t  *v;

    v = ae_value_get(map, name);

    if (v == NULL || v->type != AE_NUMBER || v->number < 200
        || v->number > 599 || v->number != (double) (ngx_uint_t) v->number)
    {
        return 0;
    }

    return (ngx_uint_t) v->number;
}
