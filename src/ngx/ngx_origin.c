/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Requests of clients that nginx passes on to hosts which nobody looked up at
 * the start: generated locations and upstreams, and their balancer.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_LOCATION_MAX  4096


/* lives in the pool of the main request, from its phase on */

typedef struct {
    ngx_http_apievents_outgoing_t   outgoing;
    ngx_http_apievents_origin_t    *origin;
} ngx_http_apievents_passing_t;


static ngx_http_apievents_passing_t *ngx_http_apievents_passing(
    ngx_http_request_t *r);
static void ngx_http_apievents_passing_mark(void *data);
static ngx_int_t ngx_http_apievents_origin_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_apievents_origin_get(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_apievents_origin_free(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);


char *
ngx_http_apievents_generate_location(ngx_conf_t *cf, const char *modifier,
    ngx_str_t *path, const char *lines,
    char *(*fill)(ngx_conf_t *cf, void *data), void *data)
{
    char                            *rv;
    u_char                           buf[NGX_HTTP_APIEVENTS_LOCATION_MAX];
    ngx_str_t                        text, args[3];
    ngx_uint_t                       n;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    mcf->generated.fill = fill;
    mcf->generated.data = data;

    text.data = buf;
    text.len = ngx_sprintf(buf, "apievents_internal location;\n") - buf;

    ngx_http_apievents_known_lines(cf, &text, lines);

    text.data[text.len++] = '}';

    n = 0;

    ngx_str_set(&args[n], "location");
    n++;

    if (modifier != NULL) {
        args[n].data = (u_char *) modifier;
        args[n].len = ngx_strlen(modifier);
        n++;
    }

    args[n++] = *path;

    rv = ngx_http_apievents_generate_block(cf, cf->ctx, NGX_HTTP_SRV_CONF,
                                           &text, args, n);
    mcf->generated.fill = NULL;

    return rv;
}


char *
ngx_http_apievents_generate_origin(ngx_conf_t *cf,
    ngx_http_apievents_origin_t *origin)
{
    u_char                           buf[256];
    ngx_str_t                        text;
    ngx_uint_t                       n;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    /* nginx looks an upstream up by comparing one name after the other, which
     * is soon done with where they differ at once */

    n = mcf->generated.norigins++;

    text.data = buf;
    text.len = ngx_sprintf(buf, "upstream %ui_apievents_origin {"
                                " apievents_internal origin;"
                                " server 127.0.0.1:9;"
                                " keepalive %ui; } }",
                           n, origin->target.keepalive)
               - buf;

    if (ngx_http_apievents_generate_block(cf, mcf->generated.http,
                                          NGX_HTTP_MAIN_CONF, &text, NULL, 0)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    origin->upstream.data = ngx_pnalloc(cf->pool,
                                        sizeof("https://_apievents_origin")
                                        + NGX_INT_T_LEN);
    if (origin->upstream.data == NULL) {
        return NGX_CONF_ERROR;
    }

    origin->upstream.len = ngx_sprintf(origin->upstream.data,
                                       "http%s://%ui_apievents_origin",
                                       origin->target.tls ? "s" : "", n)
                           - origin->upstream.data;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_apievents_origin_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = ngx_http_apievents_origin_peer;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_origin_bind(ngx_http_request_t *r,
    ngx_http_apievents_origin_t *origin)
{
    ngx_http_cleanup_t             *cln;
    ngx_http_apievents_passing_t   *p;
    ngx_http_apievents_outgoing_t  *o;

    p = ngx_http_apievents_passing(r);

    if (p != NULL && p->origin == origin) {
        return p->outgoing.parked ? NGX_AGAIN : NGX_OK;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_apievents_passing_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    p = cln->data;
    ngx_memzero(p, sizeof(ngx_http_apievents_passing_t));

    p->origin = origin;

    o = &p->outgoing;
    o->request = r;
    o->target = &origin->target;

    cln->handler = ngx_http_apievents_passing_mark;

    return ngx_http_apievents_resolve(r, o);
}


ngx_http_apievents_origin_t *
ngx_http_apievents_origin_of(ngx_http_request_t *r)
{
    ngx_http_apievents_passing_t  *p;

    p = ngx_http_apievents_passing(r);

    return (p == NULL) ? NULL : p->origin;
}


/* the last one: an internal redirect may lead to another origin */

static ngx_http_apievents_passing_t *
ngx_http_apievents_passing(ngx_http_request_t *r)
{
    ngx_http_cleanup_t            *cln;
    ngx_http_apievents_passing_t  *p;

    for (cln = r->main->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_http_apievents_passing_mark) {
            p = cln->data;

            if (p->outgoing.request == r) {
                return p;
            }
        }
    }

    return NULL;
}


static void
ngx_http_apievents_passing_mark(void *data)
{
    /* void */
}


static ngx_int_t
ngx_http_apievents_origin_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_apievents_passing_t  *p;

    p = ngx_http_apievents_passing(r);

    if (p == NULL) {
        return NGX_ERROR;
    }

    r->upstream->peer.data = &p->outgoing;
    r->upstream->peer.get = ngx_http_apievents_origin_get;
    r->upstream->peer.free = ngx_http_apievents_origin_free;
    r->upstream->peer.tries = p->outgoing.naddrs;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_origin_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    if (o->naddrs == 0) {
        ngx_log_error(NGX_LOG_ERR, pc->log, 0, "%V: \"%V\"", &o->error,
                      &o->target->host);
        return NGX_BUSY;
    }

    return ngx_http_apievents_get_peer(pc, o);
}


/* nginx gives one more try when a kept connection turned out to be closed,
 * which says nothing of the address */

static void
ngx_http_apievents_origin_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_apievents_outgoing_t *o = data;

    if (!pc->cached && (state & NGX_PEER_FAILED)) {
        o->next++;
    }

    if (pc->tries > 0) {
        pc->tries--;
    }
}
