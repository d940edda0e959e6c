/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a script in line with a request reads of the request's own server: a
 * subrequest that leaves the internal server for the client's, where nginx
 * finds its location as for any other.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_OWN_TO  "to="


static ngx_int_t ngx_http_apievents_own_content(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_own_target(ngx_http_request_t *r,
    ngx_str_t *base, ngx_str_t *uri, ngx_str_t *args);
static ngx_uint_t ngx_http_apievents_own_inside(ngx_str_t *uri);
static ngx_int_t ngx_http_apievents_own_request(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_own_guard(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_own_done(ngx_http_request_t *r,
    void *data, ngx_int_t rc);


/* headers that would make less of the answer than the whole, or a body of it
 * that a script cannot read */

static ngx_str_t  ngx_http_apievents_own_without[] = {
    ngx_string("range"),
    ngx_string("if-range"),
    ngx_string("if-match"),
    ngx_string("if-none-match"),
    ngx_string("if-modified-since"),
    ngx_string("if-unmodified-since"),
    ngx_string("accept-encoding"),
    ngx_string("content-type"),
    ngx_string("content-length"),
    ngx_string("transfer-encoding"),
    ngx_string("expect"),
    ngx_null_string
};


char *
ngx_http_apievents_internal_own(ngx_conf_t *cf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_apievents_own_content;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_own_content(ngx_http_request_t *r)
{
    ngx_str_t                   uri, args;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_apievents_call_t  *call;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || !call->attached || r->parent != call->subrequest) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (ngx_http_apievents_own_target(r, &call->base, &uri, &args) != NGX_OK
        || ngx_http_apievents_own_request(r) != NGX_OK
        || ngx_http_apievents_own_guard(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cscf = ngx_http_get_module_srv_conf(r->main, ngx_http_core_module);

    r->srv_conf = cscf->ctx->srv_conf;
    r->loc_conf = cscf->ctx->loc_conf;

    return ngx_http_internal_redirect(r, &uri, &args);
}


/* to=NAME&ARGS: base and NAME, and ARGS as they are */

static ngx_int_t
ngx_http_apievents_own_target(ngx_http_request_t *r, ngx_str_t *base,
    ngx_str_t *uri, ngx_str_t *args)
{
    u_char  *p, *src, *end, *last;
    size_t   len;

    len = sizeof(NGX_HTTP_APIEVENTS_OWN_TO) - 1;

    if (r->args.len < len
        || ngx_memcmp(r->args.data, NGX_HTTP_APIEVENTS_OWN_TO, len) != 0)
    {
        return NGX_ERROR;
    }

    src = r->args.data + len;
    last = r->args.data + r->args.len;
    end = ngx_strlchr(src, last, '&');

    ngx_str_null(args);

    if (end != NULL) {
        args->data = end + 1;
        args->len = last - args->data;

    } else {
        end = last;
    }

    uri->data = ngx_pnalloc(r->pool, base->len + (end - src));
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(uri->data, base->data, base->len);
    ngx_unescape_uri(&p, &src, end - src, 0);

    uri->len = p - uri->data;

    return ngx_http_apievents_own_inside(uri) ? NGX_OK : NGX_ERROR;
}


/* what a client could not have asked for either */

static ngx_uint_t
ngx_http_apievents_own_inside(ngx_str_t *uri)
{
    u_char  *p, *q, *last;

    last = uri->data + uri->len;

    for (p = uri->data; p < last; p = q + 1) {
        q = ngx_strlchr(p, last, '/');
        q = (q == NULL) ? last : q;

        if ((q - p == 2 && p[0] == '.' && p[1] == '.')
            || ngx_strlchr(p, q, '\0') != NULL)
        {
            return 0;
        }
    }

    return 1;
}


/* a GET without a body, of its own */

static ngx_int_t
ngx_http_apievents_own_request(ngx_http_request_t *r)
{
    ngx_str_t  *name;

    for (name = ngx_http_apievents_own_without; name->len != 0; name++) {

        if (ngx_http_apievents_strip_header(r, name) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    r->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (r->request_body == NULL) {
        return NGX_ERROR;
    }

    r->headers_in.content_length = NULL;
    r->headers_in.content_length_n = -1;
    r->headers_in.content_type = NULL;
    r->headers_in.accept_encoding = NULL;
    r->headers_in.range = NULL;
    r->headers_in.if_range = NULL;
    r->headers_in.if_match = NULL;
    r->headers_in.if_none_match = NULL;
    r->headers_in.if_modified_since = NULL;
    r->headers_in.if_unmodified_since = NULL;
    r->headers_in.chunked = 0;

    return NGX_OK;
}


/*
 * An error that nobody made an answer of would end the client's request: here
 * it is one, for the script.
 */

static ngx_int_t
ngx_http_apievents_own_guard(ngx_http_request_t *r)
{
    ngx_http_post_subrequest_t  *ps;

    if (r->post_subrequest == NULL) {
        return NGX_OK;
    }

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_apievents_own_done;
    ps->data = r->post_subrequest;

    r->post_subrequest = ps;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_own_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_post_subrequest_t *ps = data;

    ngx_str_t  error;

    if (rc == NGX_ERROR && !r->connection->error) {
        ngx_str_set(&error, "answer is cut off or too long");

        r->headers_out.status = NGX_HTTP_BAD_GATEWAY;
        (void) ngx_http_apievents_error_header(r, &error);

        rc = NGX_OK;
    }

    ngx_http_apievents_enter_script(ngx_http_apievents_call_of(r));

    return ps->handler(r, ps->data, rc);
}


/*
 * njs takes the answer into a buffer whose size is that of the location, some
 * kilobytes where nobody has made it more.
 */

ngx_int_t
ngx_http_apievents_own_handler(ngx_http_request_t *r)
{
    void                           **conf;
    ngx_http_core_loc_conf_t        *clcf, *copy;
    ngx_http_apievents_call_t       *call;
    ngx_http_apievents_loc_conf_t   *lcf;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || !call->attached || r->parent != call->subrequest) {
        return NGX_DECLINED;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->subrequest_output_buffer_size >= lcf->gate.body_max) {
        return NGX_DECLINED;
    }

    conf = ngx_palloc(r->pool, sizeof(void *) * ngx_http_max_module);
    copy = ngx_palloc(r->pool, sizeof(ngx_http_core_loc_conf_t));

    if (conf == NULL || copy == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(conf, r->loc_conf, sizeof(void *) * ngx_http_max_module);

    *copy = *clcf;
    copy->subrequest_output_buffer_size = lcf->gate.body_max;

    conf[ngx_http_core_module.ctx_index] = copy;
    r->loc_conf = conf;

    return NGX_DECLINED;
}
