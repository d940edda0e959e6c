/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Where calls go, as nginx knows it: an upstream and a location each, so that
 * neither connections nor TLS sessions nor trust are another's.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_TEXT_MAX  1024


static void ngx_http_apievents_forget_session(void *data);
static char *ngx_http_apievents_generate_peer(ngx_conf_t *cf,
    ngx_http_apievents_target_t *t, ngx_uint_t n);
static char *ngx_http_apievents_generate_endpoint(ngx_conf_t *cf,
    ngx_http_apievents_target_t *t, ngx_uint_t n);
static char *ngx_http_apievents_certificate(ngx_conf_t *cf,
    ngx_http_apievents_target_t *t);


const char *
ngx_http_apievents_target_proxy(ngx_pool_t *pool, ngx_str_t *url,
    ngx_http_apievents_target_t *t)
{
    u_char                       *p;
    const char                   *err;
    ngx_http_apievents_target_t   proxy;

    ngx_memzero(&proxy, sizeof(ngx_http_apievents_target_t));

    err = ngx_http_apievents_parse_url(pool, url, &proxy);
    if (err != NULL) {
        return err;
    }

    if (proxy.tls || proxy.uri.len != 1) {
        return "\"http://HOST:PORT\" is expected";
    }

    p = ngx_pnalloc(pool, sizeof("http://") - 1 + t->authority.len
                          + t->uri.len);
    if (p == NULL) {
        return "no memory";
    }

    t->absolute.data = p;
    t->absolute.len = ngx_sprintf(p, "http://%V%V", &t->authority, &t->uri)
                      - p;

    t->host = proxy.host;
    t->port = proxy.port;
    t->literal = proxy.literal;

    return NULL;
}


char *
ngx_http_apievents_generate_target(ngx_conf_t *cf,
    ngx_http_apievents_target_t *t)
{
    ngx_uint_t                       n;
    ngx_pool_cleanup_t              *cln;
    ngx_http_apievents_target_t    **tp;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (ngx_http_apievents_generate_server(cf, &mcf->generated)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    n = mcf->generated.targets.nelts;

    tp = ngx_array_push(&mcf->generated.targets);
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (tp == NULL || cln == NULL) {
        return NGX_CONF_ERROR;
    }

    *tp = t;

    cln->handler = ngx_http_apievents_forget_session;
    cln->data = t;

    if (ngx_http_apievents_generate_peer(cf, t, n) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_generate_endpoint(cf, t, n);
}


static void
ngx_http_apievents_forget_session(void *data)
{
#if (NGX_HTTP_SSL)
    ngx_http_apievents_target_t *t = data;

    if (t->session != NULL) {
        ngx_ssl_free_session(t->session);
        t->session = NULL;
    }
#endif
}


static char *
ngx_http_apievents_generate_peer(ngx_conf_t *cf,
    ngx_http_apievents_target_t *t, ngx_uint_t n)
{
    u_char                           buf[NGX_HTTP_APIEVENTS_TEXT_MAX];
    ngx_str_t                        text;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    text.data = buf;
    text.len = ngx_sprintf(buf, "upstream apievents_%ui {"
                                " apievents_internal upstream;"
                                " server 127.0.0.1:9;", n)
               - buf;

    if (t->keepalive != 0) {
        text.len = ngx_sprintf(buf + text.len,
                               " keepalive %ui;"
                               " keepalive_requests 1000000;", t->keepalive)
                   - buf;
    }

    text.len = ngx_sprintf(buf + text.len, " } }") - buf;

    return ngx_http_apievents_generate_block(cf, mcf->generated.http,
                                             NGX_HTTP_MAIN_CONF, &text,
                                             NULL, 0);
}


/* a proxy gets the URI that stands in the request, which is an absolute one */

static char *
ngx_http_apievents_generate_endpoint(ngx_conf_t *cf,
    ngx_http_apievents_target_t *t, ngx_uint_t n)
{
    u_char                           buf[NGX_HTTP_APIEVENTS_TEXT_MAX];
    ngx_str_t                        text;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    text.data = buf;
    text.len = ngx_sprintf(buf, "location = /_ae/e/%ui {"
                                " apievents_internal target %ui;"
                                " proxy_pass http%s://apievents_%ui%s;"
                                "%s"
                                " proxy_connect_timeout %Mms;"
                                " proxy_send_timeout %Mms;"
                                " proxy_read_timeout %Mms; } }",
                           n, n, t->tls ? "s" : "", n,
                           t->absolute.len ? "" : "$apievents_uri",
                           t->tls ? " proxy_ssl_session_reuse on;" : "",
                           t->timeout, t->timeout, t->timeout)
               - buf;

    if (ngx_http_apievents_generate_block(cf, mcf->generated.server,
                                          NGX_HTTP_SRV_CONF, &text, NULL, 0)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    t->location.data = ngx_pnalloc(cf->pool, sizeof("/_ae/e/")
                                             + NGX_INT_T_LEN);
    if (t->location.data == NULL) {
        return NGX_CONF_ERROR;
    }

    t->location.len = ngx_sprintf(t->location.data, "/_ae/e/%ui", n)
                      - t->location.data;

    return NGX_CONF_OK;
}


char *
ngx_http_apievents_internal_target(ngx_conf_t *cf, ngx_int_t n)
{
    ngx_http_apievents_target_t     *t, **tp;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    tp = mcf->generated.targets.elts;
    t = tp[n];

    if (!t->tls) {
        return NGX_CONF_OK;
    }

    if (t->cert.len != 0
        && ngx_http_apievents_certificate(cf, t) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!t->verify) {
        return NGX_CONF_OK;
    }

    if (t->ca.len == 0 && !ngx_http_apievents_has_ca()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no file of CA certificates found on this system, "
                           "\"ca=\" is expected for \"%V\"", &t->url);
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_trusted(cf, t->ca.len ? &t->ca : NULL);
}


static char *
ngx_http_apievents_certificate(ngx_conf_t *cf, ngx_http_apievents_target_t *t)
{
    ngx_str_t  cert[2] = { ngx_string("proxy_ssl_certificate"),
                           ngx_null_string };
    ngx_str_t  key[2] = { ngx_string("proxy_ssl_certificate_key"),
                          ngx_null_string };

    cert[1] = t->cert;
    key[1] = t->cert_key;

    if (ngx_http_apievents_conf_call(cf, cert, 2) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_conf_call(cf, key, 2);
}
