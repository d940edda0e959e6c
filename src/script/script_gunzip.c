/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * An answer that the upstream has packed (RFC 1952), for handlers to read.
 */


#include <zlib.h>

#include "apievents.h"
#include "script/script_run.h"


#define NGX_HTTP_APIEVENTS_GUNZIP_SIZE   16384

/* bytes by which a member is known */
#define NGX_HTTP_APIEVENTS_GUNZIP_MAGIC  2


typedef struct {
    ngx_http_request_t             *request;
    z_stream                        zs;
    ngx_chain_t                    *out;
    ngx_chain_t                    *last;
    size_t                          size;       /* of members that are over */
    size_t                          max;

    unsigned                        over:1;     /* this member is */
    unsigned                        more:1;     /* it is not the first */
} ngx_http_apievents_gunzip_t;


static ngx_int_t ngx_http_apievents_gunzip_all(
    ngx_http_apievents_gunzip_t *g, ngx_chain_t *in);
static ngx_int_t ngx_http_apievents_gunzip_some(
    ngx_http_apievents_gunzip_t *g);
static ngx_int_t ngx_http_apievents_gunzip_room(
    ngx_http_apievents_gunzip_t *g);


ngx_chain_t *
ngx_http_apievents_gunzip(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    ngx_int_t                       rc;
    ngx_http_apievents_gunzip_t     g;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    ngx_memzero(&g, sizeof(ngx_http_apievents_gunzip_t));

    g.request = r;
    g.max = lcf->gate.body_max;

    /* 16: with a header of gzip */

    if (inflateInit2(&g.zs, MAX_WBITS + 16) != Z_OK) {
        return NULL;
    }

    rc = ngx_http_apievents_gunzip_all(&g, in->body);

    (void) inflateEnd(&g.zs);

    return rc == NGX_OK ? g.out : NULL;
}


/*
 * What follows a member and does not begin as one is left out, as gzip(1)
 * does: it is padding as a rule, and clients take the answer all the same.
 */

static ngx_int_t
ngx_http_apievents_gunzip_all(ngx_http_apievents_gunzip_t *g, ngx_chain_t *in)
{
    ngx_int_t  rc;

    if (ngx_http_apievents_gunzip_room(g) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( /* void */ ; in != NULL; in = in->next) {

        g->zs.next_in = in->buf->pos;
        g->zs.avail_in = in->buf->last - in->buf->pos;

        while (g->zs.avail_in != 0) {

            rc = ngx_http_apievents_gunzip_some(g);

            if (rc != NGX_OK) {
                return rc == NGX_DONE ? NGX_OK : NGX_ERROR;
            }
        }
    }

    if (g->more && g->zs.total_in < NGX_HTTP_APIEVENTS_GUNZIP_MAGIC) {
        return NGX_OK;
    }

    return g->over ? NGX_OK : NGX_ERROR;
}


/* NGX_DONE: nothing that is left is a member */

static ngx_int_t
ngx_http_apievents_gunzip_some(ngx_http_apievents_gunzip_t *g)
{
    int        rc;
    z_stream  *zs;

    zs = &g->zs;

    if (g->over) {
        g->size += zs->total_out;
        g->over = 0;
        g->more = 1;

        (void) inflateReset(zs);
    }

    rc = inflate(zs, Z_NO_FLUSH);

    g->last->buf->last = zs->next_out;

    if (rc == Z_DATA_ERROR && g->more
        && zs->total_in <= NGX_HTTP_APIEVENTS_GUNZIP_MAGIC)
    {
        return NGX_DONE;
    }

    if ((rc != Z_OK && rc != Z_STREAM_END) || g->size + zs->total_out > g->max)
    {
        return NGX_ERROR;
    }

    g->over = (rc == Z_STREAM_END);

    return zs->avail_out != 0 ? NGX_OK : ngx_http_apievents_gunzip_room(g);
}


static ngx_int_t
ngx_http_apievents_gunzip_room(ngx_http_apievents_gunzip_t *g)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_create_temp_buf(g->request->pool, NGX_HTTP_APIEVENTS_GUNZIP_SIZE);
    cl = ngx_alloc_chain_link(g->request->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    g->zs.next_out = b->pos;
    g->zs.avail_out = b->end - b->pos;

    cl->buf = b;
    cl->next = NULL;

    if (g->out == NULL) {
        g->out = cl;

    } else {
        g->last->next = cl;
    }

    g->last = cl;

    return NGX_OK;
}
