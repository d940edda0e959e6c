/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Requests to a definition's location on their way to its target: the host is
 * looked up after the gate let them pass, and the URL is put together as
 * Tyk's proxy does.
 */


#include "definition/definition_private.h"


typedef enum {
    NGX_HTTP_APIEVENTS_PASS_URL = 0,
    NGX_HTTP_APIEVENTS_PASS_HOST,
    NGX_HTTP_APIEVENTS_PASS_NAME,
    NGX_HTTP_APIEVENTS_PASS_UPGRADE,
    NGX_HTTP_APIEVENTS_PASS_CONNECTION
} ngx_http_apievents_pass_e;


static ngx_int_t ngx_http_apievents_pass_handler(ngx_http_request_t *r);
static ngx_http_apievents_base_t *ngx_http_apievents_pass_base(
    ngx_http_request_t *r, ngx_http_apievents_service_t *service);
static ngx_int_t ngx_http_apievents_pass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_uint_t ngx_http_apievents_pass_websocket(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_pass_url(ngx_http_request_t *r,
    ngx_http_apievents_service_t *service, ngx_http_apievents_base_t *base,
    ngx_str_t *url);
static u_char *ngx_http_apievents_pass_put(u_char *p, ngx_str_t *s);
static ngx_int_t ngx_http_apievents_pass_path(ngx_http_request_t *r,
    ngx_http_apievents_service_t *service, ngx_str_t *path);
static ngx_uint_t ngx_http_apievents_pass_begins(ngx_str_t *path,
    ngx_str_t *listen);
static ngx_uint_t ngx_http_apievents_pass_plain(ngx_str_t *path);
static u_char *ngx_http_apievents_pass_char(u_char *p, u_char *last,
    u_char *ch);
static void ngx_http_apievents_pass_host(ngx_http_request_t *r,
    ngx_http_apievents_service_t *service, ngx_http_apievents_base_t *base,
    ngx_str_t *host);


static ngx_http_variable_t  ngx_http_apievents_pass_vars[] = {

    { ngx_string("apievents_pass"), NULL,
      ngx_http_apievents_pass_variable, NGX_HTTP_APIEVENTS_PASS_URL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_pass_host"), NULL,
      ngx_http_apievents_pass_variable, NGX_HTTP_APIEVENTS_PASS_HOST,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_pass_name"), NULL,
      ngx_http_apievents_pass_variable, NGX_HTTP_APIEVENTS_PASS_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_pass_upgrade"), NULL,
      ngx_http_apievents_pass_variable, NGX_HTTP_APIEVENTS_PASS_UPGRADE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_pass_connection"), NULL,
      ngx_http_apievents_pass_variable, NGX_HTTP_APIEVENTS_PASS_CONNECTION,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_apievents_definition_add_variables(ngx_conf_t *cf)
{
    return ngx_http_apievents_add_variables(cf, ngx_http_apievents_pass_vars);
}


/* nginx runs the handlers of a phase in the reverse order: this one must be
 * added before the gate's to run after it */

ngx_int_t
ngx_http_apievents_definition_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_http_apievents_definition_check_domains(cf);

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->generated.norigins == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_apievents_pass_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_pass_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_apievents_base_t      *base;
    ngx_http_apievents_service_t   *service;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);
    service = lcf->definition.service;

    if (service == NULL) {
        return NGX_DECLINED;
    }

    base = ngx_http_apievents_pass_base(r, service);

    rc = ngx_http_apievents_origin_bind(r, &base->origin);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return (rc == NGX_AGAIN) ? NGX_AGAIN : NGX_DECLINED;
}


/* the same when it is asked again after the host has been looked up */

static ngx_http_apievents_base_t *
ngx_http_apievents_pass_base(ngx_http_request_t *r,
    ngx_http_apievents_service_t *service)
{
    ngx_str_t                   version;
    ngx_uint_t                  i, n;
    ngx_http_apievents_base_t  *base, *bound;

    if (service->overrides != NULL) {
        ngx_http_apievents_gate_version(r, &version);

        base = service->overrides->elts;

        for (i = 0; i < service->overrides->nelts; i++) {

            if (base[i].version.len == 0
                || (base[i].version.len == version.len
                    && ngx_strncmp(base[i].version.data, version.data,
                                   version.len)
                       == 0))
            {
                return &base[i];
            }
        }
    }

    base = service->bases->elts;
    n = service->bases->nelts;

    bound = (ngx_http_apievents_base_t *) ngx_http_apievents_origin_of(r);

    if (bound != NULL && bound >= base && bound < base + n) {
        return bound;
    }

    return &base[service->turn++ % n];
}


static ngx_int_t
ngx_http_apievents_pass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                       s;
    ngx_http_apievents_base_t      *base;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);
    base = (ngx_http_apievents_base_t *) ngx_http_apievents_origin_of(r);

    if (base == NULL || lcf->definition.service == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_APIEVENTS_PASS_URL:
        if (ngx_http_apievents_pass_url(r, lcf->definition.service, base, &s)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
        break;

    case NGX_HTTP_APIEVENTS_PASS_HOST:
        ngx_http_apievents_pass_host(r, lcf->definition.service, base, &s);
        break;

    case NGX_HTTP_APIEVENTS_PASS_NAME:
        s = base->origin.target.host;
        break;

    case NGX_HTTP_APIEVENTS_PASS_UPGRADE:
        ngx_str_set(&s, "");
        if (ngx_http_apievents_pass_websocket(r)) {
            ngx_str_set(&s, "websocket");
        }
        break;

    default: /* NGX_HTTP_APIEVENTS_PASS_CONNECTION */
        ngx_str_set(&s, "");
        if (ngx_http_apievents_pass_websocket(r)) {
            ngx_str_set(&s, "upgrade");
        }
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = s.data;
    v->len = s.len;

    return NGX_OK;
}


/* nothing else: behind an upgrade to HTTP/2 the gate would see no request */

static ngx_uint_t
ngx_http_apievents_pass_websocket(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.upgrade;

    return h != NULL && h->value.len == 9
           && ngx_strncasecmp(h->value.data, (u_char *) "websocket", 9) == 0;
}


static ngx_int_t
ngx_http_apievents_pass_url(ngx_http_request_t *r,
    ngx_http_apievents_service_t *service, ngx_http_apievents_base_t *base,
    ngx_str_t *url)
{
    u_char     *p;
    ngx_str_t   path, *front;

    if (ngx_http_apievents_pass_path(r, service, &path) != NGX_OK) {
        return NGX_ERROR;
    }

    front = &base->path;

    if (service->keep_slash
        && (path.len == 0 || (path.len == 1 && path.data[0] == '/')))
    {
        front = &base->whole;
        path.len = 0;
    }

    while (path.len != 0 && path.data[0] == '/') {
        path.data++;
        path.len--;
    }

    url->data = ngx_pnalloc(r->pool, base->origin.upstream.len + front->len
                                     + path.len + base->args.len
                                     + r->args.len + 3);
    if (url->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_apievents_pass_put(url->data, &base->origin.upstream);
    p = ngx_http_apievents_pass_put(p, front);

    if (path.len != 0 || front->len == 0) {
        *p++ = '/';
        p = ngx_http_apievents_pass_put(p, &path);
    }

    if (base->args.len != 0 || r->args.len != 0) {
        *p++ = '?';
        p = ngx_http_apievents_pass_put(p, &base->args);

        if (base->args.len != 0 && r->args.len != 0) {
            *p++ = '&';
        }

        p = ngx_http_apievents_pass_put(p, &r->args);
    }

    url->len = p - url->data;

    return NGX_OK;
}


static u_char *
ngx_http_apievents_pass_put(u_char *p, ngx_str_t *s)
{
    return s->len ? ngx_cpymem(p, s->data, s->len) : p;
}


/*
 * As the client wrote it, so that what it encoded stays so; but no dots or
 * doubled slashes may lead the upstream to another path than the one that was
 * checked: then it is the path that nginx has made of it.
 */

static ngx_int_t
ngx_http_apievents_pass_path(ngx_http_request_t *r,
    ngx_http_apievents_service_t *service, ngx_str_t *path)
{
    u_char                         *p;
    ngx_str_t                       listen;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    ngx_http_apievents_gate_listen(r, &lcf->gate, &listen);

    *path = r->unparsed_uri;

    p = ngx_strlchr(path->data, path->data + path->len, '?');

    if (p != NULL) {
        path->len = p - path->data;
    }

    if (r->valid_unparsed_uri
        && ngx_http_apievents_pass_begins(path, &listen)
        && ngx_http_apievents_pass_plain(path))
    {
        if (service->strip) {
            path->data += listen.len;
            path->len -= listen.len;
        }

        return NGX_OK;
    }

    *path = r->uri;

    /* an internal redirect may have come here with any path */

    if (service->strip && ngx_http_apievents_pass_begins(path, &listen)) {
        path->data += listen.len;
        path->len -= listen.len;
    }

    p = ngx_pnalloc(r->pool, path->len * 3 + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    path->len = (u_char *) ngx_escape_uri(p, path->data, path->len,
                                          NGX_ESCAPE_URI)
                - p;
    path->data = p;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_apievents_pass_begins(ngx_str_t *path, ngx_str_t *listen)
{
    return path->len >= listen->len
           && (listen->len == 0
               || ngx_strncmp(path->data, listen->data, listen->len) == 0);
}


static ngx_uint_t
ngx_http_apievents_pass_plain(ngx_str_t *path)
{
    u_char      *p, *last, ch;
    ngx_uint_t   len, dots;

    p = path->data + 1;
    last = path->data + path->len;

    len = 0;
    dots = 0;

    while (p < last) {
        p = ngx_http_apievents_pass_char(p, last, &ch);

        if (ch == '#') {
            return 0;
        }

        if (ch != '/') {
            len++;
            dots += (ch == '.');
            continue;
        }

        if (len == 0 || (len == dots && len <= 2)) {
            return 0;
        }

        len = 0;
        dots = 0;
    }

    return len == 0 || len != dots || len > 2;
}


static u_char *
ngx_http_apievents_pass_char(u_char *p, u_char *last, u_char *ch)
{
    ngx_int_t  n;

    *ch = *p;

    if (*p == '%' && last - p >= 3) {
        n = ngx_hextoi(p + 1, 2);

        if (n != NGX_ERROR) {
            *ch = (u_char) n;
            return p + 3;
        }
    }

    return p + 1;
}


static void
ngx_http_apievents_pass_host(ngx_http_request_t *r,
    ngx_http_apievents_service_t *service, ngx_http_apievents_base_t *base,
    ngx_str_t *host)
{
    *host = base->origin.target.authority;

    if (service->preserve_host && r->headers_in.host != NULL) {
        *host = r->headers_in.host->value;
    }
}
