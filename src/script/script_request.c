/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Handlers of the phases options, before anybody is asked for a credential,
 * and request, behind the gate and in front of the content.
 */


#include "apievents.h"
#include "script/script_run.h"


static ngx_int_t ngx_http_apievents_options_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_apievents_is_preflight(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_request_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_apievents_request_has_run(
    ngx_http_apievents_inline_t *in, ngx_http_apievents_chain_t *chain);
static ngx_int_t ngx_http_apievents_request_ran(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_http_apievents_chain_t *chain);
static ngx_int_t ngx_http_apievents_request_run(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_http_apievents_chain_t *chain);
static ngx_uint_t ngx_http_apievents_request_has_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_request_read(ngx_http_request_t *r);
static void ngx_http_apievents_request_was_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_request_text(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
static ngx_uint_t ngx_http_apievents_request_is_whole(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_request_copy(ngx_http_request_t *r,
    ngx_str_t *text, size_t size);
static ngx_uint_t ngx_http_apievents_request_is_seen(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_request_load(ngx_buf_t *b, u_char *p);
static ngx_int_t ngx_http_apievents_request_apply(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in);
static ngx_int_t ngx_http_apievents_request_replace(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_apievents_request_end(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *text);


/*
 * Run before the gate's own, since nginx runs the last ones first; and only
 * where there is anything to run, since nginx calls them for each request.
 */

ngx_int_t
ngx_http_apievents_phases_init(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_apievents_main_conf_t  *mcf;

    static struct {
        ngx_http_phases         phase;
        ngx_http_handler_pt     handler;
    } hooks[] = {
        { NGX_HTTP_PREACCESS_PHASE, ngx_http_apievents_options_handler },
        { NGX_HTTP_PRECONTENT_PHASE, ngx_http_apievents_request_handler }
    };

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->script.handlers == NULL) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < 2; i++) {
        h = ngx_array_push(&cmcf->phases[hooks[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = hooks[i].handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_options_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_str_t                       text;
    ngx_uint_t                      status;
    ngx_http_apievents_chain_t     *chain;
    ngx_http_apievents_inline_t    *in;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    if (!lcf->phases.handled || lcf->gate.exempt || r != r->main) {
        return NGX_DECLINED;
    }

    /* known from here on, whatever nginx makes of the request */

    in = ngx_http_apievents_inline_of(r, 1);

    if (in == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    chain = ngx_http_apievents_chain_of(r, NGX_HTTP_APIEVENTS_PHASE_OPTIONS);

    if (chain == NULL || in->optioned || r->method != NGX_HTTP_OPTIONS
        || !ngx_http_apievents_is_preflight(r))
    {
        return NGX_DECLINED;
    }

    if (in->call == NULL) {
        rc = ngx_http_apievents_inline_start(r, in,
                            NGX_HTTP_APIEVENTS_PHASE_OPTIONS, chain, NULL);

        return rc == NGX_OK ? NGX_AGAIN : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!in->call->ended) {
        return NGX_AGAIN;
    }

    in->optioned = 1;

    rc = ngx_http_apievents_inline_ended(r, in, &text, &status);

    if (rc != NGX_ERROR) {
        status = NGX_HTTP_OK;
        ngx_str_null(&text);

        if (ngx_http_apievents_result_answer(r, in) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (r->headers_out.status != 0) {
            status = r->headers_out.status;
        }
    }

    return ngx_http_apievents_request_end(r, status, &text);
}


static ngx_int_t
ngx_http_apievents_request_end(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text)
{
    ngx_str_t  type;

    ngx_str_null(&type);

    if (text->len != 0) {
        ngx_str_set(&type, "application/json");
    }

    return ngx_http_apievents_end_with(r, status, &type, text);
}


static ngx_uint_t
ngx_http_apievents_is_preflight(ngx_http_request_t *r)
{
    ngx_str_t         value;

    static ngx_str_t  method = ngx_string("access-control-request-method");
    static ngx_str_t  headers = ngx_string("access-control-request-headers");

    return ngx_http_apievents_header_value(r, &method, &value) == NGX_OK
           || ngx_http_apievents_header_value(r, &headers, &value) == NGX_OK;
}


static ngx_int_t
ngx_http_apievents_request_handler(ngx_http_request_t *r)
{
    ngx_http_apievents_chain_t   *chain;
    ngx_http_apievents_inline_t  *in;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    if (ngx_http_apievents_request_encoding(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    chain = ngx_http_apievents_chain_of(r, NGX_HTTP_APIEVENTS_PHASE_REQUEST);

    if (chain == NULL || r->error_page) {
        return NGX_DECLINED;
    }

    in = ngx_http_apievents_inline_of(r, 1);

    if (in == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_apievents_request_has_run(in, chain)) {
        return NGX_DECLINED;
    }

    return ngx_http_apievents_request_run(r, in, chain);
}


/*
 * A request that nginx sends on, as to an index or by X-Accel-Redirect, meets
 * the handlers of each location, or those of the last could be got round.
 */

static ngx_uint_t
ngx_http_apievents_request_has_run(ngx_http_apievents_inline_t *in,
    ngx_http_apievents_chain_t *chain)
{
    ngx_uint_t                    i;
    ngx_http_apievents_chain_t  **run;

    if (in->requested == NULL) {
        return 0;
    }

    run = in->requested->elts;

    for (i = 0; i < in->requested->nelts; i++) {
        if (run[i] == chain) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_apievents_request_ran(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_http_apievents_chain_t *chain)
{
    ngx_http_apievents_chain_t  **run;

    if (in->requested == NULL) {
        in->requested = ngx_array_create(r->pool, 1, sizeof(*run));
        if (in->requested == NULL) {
            return NGX_ERROR;
        }
    }

    run = ngx_array_push(in->requested);
    if (run == NULL) {
        return NGX_ERROR;
    }

    *run = chain;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_request_run(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_http_apievents_chain_t *chain)
{
    ngx_int_t     rc;
    ngx_str_t    *text;
    ngx_chain_t  *input;

    if (in->call != NULL && in->phase == NGX_HTTP_APIEVENTS_PHASE_REQUEST
        && in->chain == chain)
    {
        if (!in->call->ended) {
            return NGX_AGAIN;
        }

        if (ngx_http_apievents_request_ran(r, in, chain) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_apievents_request_apply(r, in);
    }

    if (!in->has_text && ngx_http_apievents_request_has_body(r)) {

        /* also one that no handler sees: another may be put in its place */

        if (r->request_body == NULL && !r->discard_body) {
            return ngx_http_apievents_request_read(r);
        }

        rc = ngx_http_apievents_request_text(r, in);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    in->has_text = 1;

    text = in->replaced ? &in->json : &in->text;
    input = text->len ? ngx_http_apievents_inline_chain(r->pool, text) : NULL;

    if ((input == NULL && text->len != 0)
        || ngx_http_apievents_inline_start(r, in,
                           NGX_HTTP_APIEVENTS_PHASE_REQUEST, chain, input)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_AGAIN;
}


static ngx_uint_t
ngx_http_apievents_request_has_body(ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


static ngx_int_t
ngx_http_apievents_request_read(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    if (r->headers_in.content_length_n > (off_t) lcf->gate.body_max) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    rc = ngx_http_read_client_request_body(r,
                                       ngx_http_apievents_request_was_read);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_apievents_request_was_read(ngx_http_request_t *r)
{
    r->preserve_body = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


ngx_int_t
ngx_http_apievents_request_late(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t  rc;

    if (in->has_text) {
        return NGX_OK;
    }

    in->has_text = 1;

    rc = ngx_http_apievents_request_text(r, in);

    return (rc == NGX_HTTP_INTERNAL_SERVER_ERROR) ? NGX_ERROR : NGX_OK;
}


/*
 * One piece of memory, whatever nginx keeps it in.  As in Layer7, with PATCH
 * beside POST and PUT.
 */

static ngx_int_t
ngx_http_apievents_request_text(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    off_t                           size;
    ngx_chain_t                    *cl;
    ngx_http_apievents_loc_conf_t  *lcf;

    if (!ngx_http_apievents_request_is_whole(r)) {
        return NGX_OK;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    size = 0;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        size += ngx_buf_special(cl->buf) ? 0 : ngx_buf_size(cl->buf);
    }

    if (size > (off_t) lcf->gate.body_max) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (size == 0 || !ngx_http_apievents_request_is_seen(r)) {
        return NGX_OK;
    }

    return ngx_http_apievents_request_copy(r, &in->text, size);
}


/* nobody could tell a part from all of it; one that is not buffered is gone
 * piece by piece */

static ngx_uint_t
ngx_http_apievents_request_is_whole(ngx_http_request_t *r)
{
    ngx_http_request_body_t  *rb;

    rb = r->request_body;

    return rb != NULL && rb->rest == 0 && rb->last_saved
           && !r->request_body_no_buffering;
}


static ngx_int_t
ngx_http_apievents_request_copy(ngx_http_request_t *r, ngx_str_t *text,
    size_t size)
{
    u_char       *p, *data;
    ngx_chain_t  *cl;

    data = ngx_pnalloc(r->pool, size);
    if (data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = data;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {

        /* but one that only says that it is the last */

        if (ngx_buf_special(cl->buf)) {
            continue;
        }

        if (ngx_http_apievents_request_load(cl->buf, p) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += ngx_buf_size(cl->buf);
    }

    text->data = data;
    text->len = size;

    return NGX_OK;
}


/* by the request line: an error page makes GET of the method */

static ngx_uint_t
ngx_http_apievents_request_is_seen(ngx_http_request_t *r)
{
    ngx_uint_t        i;

    static ngx_str_t  methods[] = {
        ngx_string("POST "),
        ngx_string("PUT "),
        ngx_string("PATCH ")
    };

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {

        if (r->request_line.len > methods[i].len
            && ngx_memcmp(r->request_line.data, methods[i].data,
                          methods[i].len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_apievents_request_load(ngx_buf_t *b, u_char *p)
{
    size_t  size;

    size = ngx_buf_size(b);

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, size);
        return NGX_OK;
    }

    return ngx_read_file(b->file, p, size, b->file_pos) == (ssize_t) size
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_request_apply(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t   rc;
    ngx_str_t   text;
    ngx_uint_t  status;

    rc = ngx_http_apievents_inline_ended(r, in, &text, &status);

    if (rc == NGX_ERROR) {
        return ngx_http_apievents_request_end(r, status, &text);
    }

    if (ngx_http_apievents_result_request(r, in) != NGX_OK
        || (rc == NGX_DONE
            && ngx_http_apievents_request_replace(r, &text) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DONE) {
        in->json = text;
        in->replaced = 1;
    }

    return NGX_DECLINED;
}


/* the length that goes upstream is that of what goes upstream */

static ngx_int_t
ngx_http_apievents_request_replace(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_str_t                 length;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    rb = r->request_body;

    if (rb == NULL) {
        rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
        if (rb == NULL) {
            return NGX_ERROR;
        }

        r->request_body = rb;
    }

    cl = NULL;

    if (text->len != 0) {
        cl = ngx_http_apievents_inline_chain(r->pool, text);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf->last_buf = 1;
    }

    length.data = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
    if (length.data == NULL) {
        return NGX_ERROR;
    }

    length.len = ngx_sprintf(length.data, "%uz", text->len) - length.data;

    rb->bufs = cl;
    rb->buf = cl ? cl->buf : NULL;
    rb->temp_file = NULL;

    r->headers_in.content_length_n = text->len;
    r->headers_in.chunked = 0;

    return ngx_http_apievents_set_length(r, &length);
}
