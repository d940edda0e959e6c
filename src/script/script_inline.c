/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The variables by which a handler that runs in line knows its request, and
 * tells what is to become of it; see the head of njs/inline.js.  There is
 * something in them within such a run only.
 */


#include "apievents.h"
#include "script/script_run.h"


typedef enum {
    NGX_HTTP_APIEVENTS_INLINE_BASE = 0,
    NGX_HTTP_APIEVENTS_INLINE_RESOURCE,
    NGX_HTTP_APIEVENTS_INLINE_CALLER,
    NGX_HTTP_APIEVENTS_INLINE_TEXT,
    NGX_HTTP_APIEVENTS_INLINE_KIND,
    NGX_HTTP_APIEVENTS_INLINE_NOW,
    NGX_HTTP_APIEVENTS_INLINE_HIDDEN,
    NGX_HTTP_APIEVENTS_INLINE_LOG_LEVEL
} ngx_http_apievents_inline_e;


static ngx_int_t ngx_http_apievents_inline_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_apievents_inline_t *ngx_http_apievents_inline_running(
    ngx_http_request_t *r);
static void ngx_http_apievents_inline_base(ngx_http_request_t *r,
    ngx_str_t *base);
static ngx_int_t ngx_http_apievents_inline_resource(ngx_str_t *base,
    ngx_str_t *uri, ngx_str_t *name);
static ngx_int_t ngx_http_apievents_inline_now(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_apievents_inline_number(ngx_http_request_t *r,
    ngx_str_t *value, uint64_t number);
static void ngx_http_apievents_inline_kind(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *kind);
static ngx_int_t ngx_http_apievents_inline_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_apievents_inline_set(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_apievents_inline_left(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_apievents_inline_none(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_apievents_inline_variables[] = {

    { ngx_string("apievents_base"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_BASE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_resource"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_RESOURCE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_caller"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_CALLER,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_text"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_TEXT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_kind"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_KIND,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_now"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_NOW,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_hidden"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_HIDDEN,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_log_level"), NULL,
      ngx_http_apievents_inline_variable, NGX_HTTP_APIEVENTS_INLINE_LOG_LEVEL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* what a script sets; offsets are those of its text */

static ngx_http_variable_t  ngx_http_apievents_inline_texts[] = {

    { ngx_string("apievents_result"), ngx_http_apievents_inline_set,
      ngx_http_apievents_inline_get,
      offsetof(ngx_http_apievents_inline_t, result),
      NGX_HTTP_VAR_CHANGEABLE|NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_properties"), ngx_http_apievents_inline_set,
      ngx_http_apievents_inline_get,
      offsetof(ngx_http_apievents_inline_t, properties),
      NGX_HTTP_VAR_CHANGEABLE|NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_left"), ngx_http_apievents_inline_left,
      ngx_http_apievents_inline_none, 0,
      NGX_HTTP_VAR_CHANGEABLE|NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_apievents_inline_add_variables(ngx_conf_t *cf)
{
    ngx_str_t                        id;
    ngx_http_variable_t             *var, *v;
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_str_set(&id, "request_id");

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    /* with an index it is the same for a request and its subrequests */

    mcf->script.request_id = ngx_http_get_variable_index(cf, &id);

    if (mcf->script.request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    for (v = ngx_http_apievents_inline_texts; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->set_handler = v->set_handler;
        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return ngx_http_apievents_add_variables(cf,
                                         ngx_http_apievents_inline_variables);
}


static ngx_int_t
ngx_http_apievents_inline_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t                     rc;
    ngx_str_t                     value;
    ngx_http_apievents_inline_t  *in;

    in = ngx_http_apievents_inline_running(r);

    if (in == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    r = r->main;
    rc = NGX_OK;
    ngx_str_null(&value);

    switch (data) {

    case NGX_HTTP_APIEVENTS_INLINE_BASE:
        value = in->base;
        break;

    case NGX_HTTP_APIEVENTS_INLINE_RESOURCE:
        value = in->resource;
        break;

    case NGX_HTTP_APIEVENTS_INLINE_TEXT:
        rc = ngx_http_apievents_request_late(r, in);
        value = in->text;
        break;

    case NGX_HTTP_APIEVENTS_INLINE_KIND:
        ngx_http_apievents_inline_kind(r, in, &value);
        break;

    case NGX_HTTP_APIEVENTS_INLINE_NOW:
        rc = ngx_http_apievents_inline_now(r, &value);
        break;

    case NGX_HTTP_APIEVENTS_INLINE_HIDDEN:
        rc = ngx_http_apievents_gate_hidden(r, &value);
        break;

    case NGX_HTTP_APIEVENTS_INLINE_LOG_LEVEL:
        rc = ngx_http_apievents_inline_number(r, &value,
                                              r->connection->log->log_level);
        break;

    default:
        rc = ngx_http_apievents_gate_caller(r, &value);
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->data = value.data;
    v->len = value.len;

    return rc;
}


static ngx_http_apievents_inline_t *
ngx_http_apievents_inline_running(ngx_http_request_t *r)
{
    ngx_http_apievents_inline_t  *in;

    if (r == r->main) {
        return NULL;
    }

    in = ngx_http_apievents_inline_of(r, 0);

    return (in != NULL && in->call != NULL && !in->call->ended) ? in : NULL;
}


/*
 * A request is one for its handlers, as in Live API Creator: what it is for
 * does not change when nginx sends it on to another location, as to the page
 * of an error.
 */

ngx_int_t
ngx_http_apievents_inline_place(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    u_char     *p, *src;
    size_t      len;
    ngx_str_t   uri;

    ngx_http_apievents_inline_base(r, &in->base);

    if (ngx_http_apievents_inline_resource(&in->base, &r->uri, &in->resource)
        == NGX_OK)
    {
        return NGX_OK;
    }

    /* "rewrite ... break" has made another URI of the client's */

    src = r->unparsed_uri.data;
    p = ngx_strlchr(src, src + r->unparsed_uri.len, '?');
    len = p ? (size_t) (p - src) : r->unparsed_uri.len;

    uri.data = ngx_pnalloc(r->pool, len + 1);
    if (uri.data == NULL) {
        return NGX_ERROR;
    }

    p = uri.data;
    ngx_unescape_uri(&p, &src, len, 0);
    uri.len = p - uri.data;

    (void) ngx_http_apievents_inline_resource(&in->base, &uri, &in->resource);

    return NGX_OK;
}


/* the location's prefix up to its last slash; those that have none have the
 * root's */

static void
ngx_http_apievents_inline_base(ngx_http_request_t *r, ngx_str_t *base)
{
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    if (lcf->phases.base.len != 0) {
        *base = lcf->phases.base;
        return;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    *base = clcf->name;

    while (base->len != 0 && base->data[base->len - 1] != '/') {
        base->len--;
    }

#if (NGX_PCRE)
    if (clcf->regex != NULL) {
        base->len = 0;
    }
#endif

    if (base->len == 0 || base->data[0] != '/') {
        ngx_str_set(base, "/");
    }
}


static ngx_int_t
ngx_http_apievents_inline_resource(ngx_str_t *base, ngx_str_t *uri,
    ngx_str_t *name)
{
    u_char  *p, *last;

    if (uri->len < base->len
        || ngx_memcmp(uri->data, base->data, base->len) != 0)
    {
        return NGX_DECLINED;
    }

    p = uri->data + base->len;
    last = uri->data + uri->len;

    name->data = p;

    while (p < last && *p != '/') {
        p++;
    }

    name->len = p - name->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_inline_now(ngx_http_request_t *r, ngx_str_t *value)
{
    ae_now_t  now;

    ae_now(&now);

    return ngx_http_apievents_inline_number(r, value, now.wall / 1000000);
}


static ngx_int_t
ngx_http_apievents_inline_number(ngx_http_request_t *r, ngx_str_t *value,
    uint64_t number)
{
    value->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(value->data, "%uL", number) - value->data;

    return NGX_OK;
}


/*
 * Of the answer; as in Layer7, what is no JSON is a string.  Of what is
 * plain the runtime need not find out whether it was changed or only written
 * otherwise.
 */

static void
ngx_http_apievents_inline_kind(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in, ngx_str_t *kind)
{
    size_t      len;
    ae_str_t    text;
    ngx_buf_t  *b;
    ngx_str_t  *type;

    ngx_str_set(kind, "text");

    type = &r->headers_out.content_type;

    for (len = 0; len < type->len; len++) {
        if (type->data[len] == ';' || type->data[len] == ' ') {
            break;
        }
    }

    if ((len == sizeof("application/json") - 1
         && ngx_strncasecmp(type->data, (u_char *) "application/json", len)
            == 0)
        || (len > 5
            && ngx_strncasecmp(type->data + len - 5, (u_char *) "+json", 5)
               == 0))
    {
        ngx_str_set(kind, "json");
    }

    if (kind->len == 4 && kind->data[0] == 'j' && in->body != NULL
        && in->body->next == NULL && !in->encoded)
    {
        b = in->body->buf;

        text.data = b->pos;
        text.len = b->last - b->pos;

        if (ae_json_plain(text)) {
            ngx_str_set(kind, "plain");
        }
    }
}


static ngx_int_t
ngx_http_apievents_inline_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    *text;
    ngx_http_apievents_inline_t  *in;

    in = ngx_http_apievents_inline_running(r);

    if (in == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    text = (ngx_str_t *) ((char *) in + data);

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->data = text->data;
    v->len = text->len;

    return NGX_OK;
}


/* the script's memory is not ours to keep */

static void
ngx_http_apievents_inline_set(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                     value, *text;
    ngx_http_apievents_inline_t  *in;

    in = ngx_http_apievents_inline_running(r);

    if (in == NULL) {
        return;
    }

    text = (ngx_str_t *) ((char *) in + data);

    value.data = v->data;
    value.len = v->len;

    text->len = 0;
    text->data = ngx_pstrdup(r->pool, &value);

    if (text->data != NULL) {
        text->len = value.len;
    }
}


/* ms for what handlers that are through have left running */

static void
ngx_http_apievents_inline_left(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t                     msec;
    ngx_http_apievents_inline_t  *in;

    in = ngx_http_apievents_inline_running(r);
    msec = ngx_atoi(v->data, v->len);

    if (in != NULL && msec != NGX_ERROR) {
        (void) ngx_http_apievents_call_bound(in->call, msec);
    }
}


static ngx_int_t
ngx_http_apievents_inline_none(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    v->not_found = 1;

    return NGX_OK;
}
