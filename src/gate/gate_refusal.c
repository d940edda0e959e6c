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
static ngx_int_t ngx_http_apievents_compose(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *type);
static ngx_int_t ngx_http_apievents_compose_xml(ngx_http_request_t *r,
    ngx_str_t *text, ngx_str_t *answer);
static ngx_int_t ngx_http_apievents_compose_json(ngx_http_request_t *r,
    ngx_str_t *text, ngx_str_t *answer);
static ngx_uint_t ngx_http_apievents_speaks_xml(ngx_http_request_t *r,
    ngx_str_t *type);


ngx_int_t
ngx_http_apievents_refusal_header(ngx_http_request_t *r)
{
    ngx_str_t                       type;
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_refused(r);

    if (d == NULL) {
        return NGX_DECLINED;
    }

    /* nobody let it pass: now it is certain */

    if (!d->raised && r->access_code == 0) {
        ngx_http_apievents_raise_refusal(r, d);
    }

    if (r->headers_out.status != d->refusal->status
        || ngx_http_apievents_compose(r, d, &type) != NGX_OK)
    {
        ngx_http_set_ctx(r, NULL, ngx_http_apievents_module);
        return NGX_DECLINED;
    }

    d->replaced = 1;

    r->headers_out.content_length_n = d->answer.len;
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


static ngx_int_t
ngx_http_apievents_compose(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *type)
{
    ngx_str_t  text;

    text = d->refusal->text;

    if (d->refusal->plain) {
        ngx_str_set(type, "text/plain");
        d->answer = text;

        return NGX_OK;
    }

    if (ngx_http_apievents_speaks_xml(r, type)) {
        return ngx_http_apievents_compose_xml(r, &text, &d->answer);
    }

    ngx_str_set(type, "application/json");

    return ngx_http_apievents_compose_json(r, &text, &d->answer);
}


/* facts: Tyk's 5.1; the bytes are its template's */

static ngx_int_t
ngx_http_apievents_compose_json(ngx_http_request_t *r, ngx_str_t *text,
    ngx_str_t *answer)
{
    u_char     *p;
    ae_buf_t    b;
    ngx_int_t   rc;

    rc = NGX_ERROR;

    ae_buf_init(&b, 4096);
    ae_json_escape(&b, (ae_str_t) { text->len, text->data }, 0);

    if (!b.failed) {
        p = ngx_pnalloc(r->pool,
                        b.len + sizeof("{\n    \"error\": \"\"\n}"));

        if (p != NULL) {
            answer->data = p;
            p = ngx_cpymem(p, "{\n    \"error\": \"",
                           sizeof("{\n    \"error\": \"") - 1);
            p = ngx_cpymem(p, b.data, b.len);
            p = ngx_cpymem(p, "\"\n}", sizeof("\"\n}") - 1);
            answer->len = p - answer->data;

            rc = NGX_OK;
        }
    }

    ae_buf_free(&b);

    return rc;
}


static ngx_int_t
ngx_http_apievents_compose_xml(ngx_http_request_t *r, ngx_str_t *text,
    ngx_str_t *answer)
{
    size_t   len;
    u_char  *p;

    len = text->len + ngx_escape_html(NULL, text->data, text->len);

    p = ngx_pnalloc(r->pool, len + sizeof("<?xml version=\"1.0\" "
                                          "encoding=\"UTF-8\"?>\n"
                                          "<error></error>"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    answer->data = p;

    p = ngx_cpymem(p, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>",
                   sizeof("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<error>")
                   - 1);
    p = (u_char *) ngx_escape_html(p, text->data, text->len);
    p = ngx_cpymem(p, "</error>", sizeof("</error>") - 1);

    answer->len = p - answer->data;

    return NGX_OK;
}


/* by what the request is, not by what it accepts */

static ngx_uint_t
ngx_http_apievents_speaks_xml(ngx_http_request_t *r, ngx_str_t *type)
{
    size_t                  n;
    ngx_str_t              *value;
    ngx_uint_t              i;

    static const ngx_str_t  types[] = {
        ngx_string("application/xml"),
        ngx_string("text/xml"),
        ngx_string("application/soap+xml")
    };

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;

    for (n = 0; n < value->len; n++) {
        if (value->data[n] == ';' || value->data[n] == ' ') {
            break;
        }
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {

        if (types[i].len == n
            && ngx_strncasecmp(types[i].data, value->data, n) == 0)
        {
            *type = types[i];
            return 1;
        }
    }

    return 0;
}
