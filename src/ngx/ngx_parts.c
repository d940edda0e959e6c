/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The variables that the text of generated locations names: the parts of a
 * request on its way out.
 */


#include "apievents.h"


typedef enum {
    NGX_HTTP_APIEVENTS_SCHEME = 0,
    NGX_HTTP_APIEVENTS_URI,
    NGX_HTTP_APIEVENTS_HOST,
    NGX_HTTP_APIEVENTS_NAME,
    NGX_HTTP_APIEVENTS_METHOD,
    NGX_HTTP_APIEVENTS_CERTIFICATE,
    NGX_HTTP_APIEVENTS_BODY
} ngx_http_apievents_part_e;


static ngx_int_t ngx_http_apievents_part_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_apievents_request_body(ngx_http_request_t *r,
    ngx_str_t *s);


static ngx_http_variable_t  ngx_http_apievents_ngx_vars[] = {

    { ngx_string("apievents_scheme"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_SCHEME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_uri"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_URI,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_host"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_HOST,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_name"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_method"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_METHOD,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_certificate"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_CERTIFICATE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_body"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_BODY,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_apievents_ngx_add_variables(ngx_conf_t *cf)
{
    if (ngx_http_apievents_add_variables(cf, ngx_http_apievents_ngx_vars)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_scripted_add_variable(cf);
}


ngx_int_t
ngx_http_apievents_add_variables(ngx_conf_t *cf, ngx_http_variable_t *vars)
{
    ngx_http_variable_t  *var, *v;

    for (v = vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_part_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                       s;
    ngx_http_apievents_call_t      *call;
    ngx_http_apievents_outgoing_t  *o;

    call = ngx_http_apievents_call_of(r);
    o = (call == NULL) ? NULL : ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_APIEVENTS_SCHEME:
        ngx_str_set(&s, "http");
        if (o->target->tls) {
            ngx_str_set(&s, "https");
        }
        break;

    case NGX_HTTP_APIEVENTS_URI:
        s = o->target->uri;
        break;

    case NGX_HTTP_APIEVENTS_HOST:
        s = o->host.len != 0 ? o->host : o->target->authority;
        break;

    case NGX_HTTP_APIEVENTS_NAME:
        s = o->target->host;
        break;

    case NGX_HTTP_APIEVENTS_METHOD:
        s = r->method_name;
        break;

    case NGX_HTTP_APIEVENTS_CERTIFICATE:
        /* none is shown; no other words switch off one of the http level */
        ngx_str_set(&s, "");
        break;

    default:
        ngx_http_apievents_request_body(r, &s);
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = s.data;
    v->len = s.len;

    return NGX_OK;
}


static void
ngx_http_apievents_request_body(ngx_http_request_t *r, ngx_str_t *s)
{
    size_t        len;
    u_char       *p;
    ngx_chain_t  *cl;

    ngx_str_null(s);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL) {
        s->data = cl->buf->pos;
        s->len = cl->buf->last - cl->buf->pos;
        return;
    }

    len = 0;

    for ( /* void */ ; cl != NULL; cl = cl->next) {
        len += cl->buf->last - cl->buf->pos;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return;
    }

    s->data = p;
    s->len = len;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }
}
