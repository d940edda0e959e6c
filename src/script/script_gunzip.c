/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * An answer that the upstream has packed (RFC 1952), for handlers to read.
 */


#include <zlib.h>

#include "apievents.h"
#include "script/script_run.h"


#define NGX_HTTP_APIEVENTS_GUNZIP_SIZE  16384


static ngx_chain_t *ngx_http_apievents_gunzip_all(ngx_http_request_t *r,
    z_stream *zs, ngx_chain_t *in, size_t max);
static ngx_chain_t *ngx_http_apievents_gunzip_room(ngx_http_request_t *r,
    z_stream *zs);


ngx_chain_t *
ngx_http_apievents_gunzip(ngx_http_request_t *r,
    ngx_http_apievents_inline_t *in)
{
    z_stream                        zs;
    ngx_chain_t                    *out;
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_apievents_module);

    ngx_memzero(&zs, sizeof(z_stream));

    /* 16: with a header of gzip */

    if (inflateInit2(&zs, MAX_WBITS + 16) != Z_OK) {
        return NULL;
    }

    out = ngx_http_apievents_gunzip_all(r, &zs, in->body,
                                        lcf->gate.body_max);

    (void) inflateEnd(&zs);

    return out;
}


static ngx_chain_t *
ngx_http_apievents_gunzip_all(ngx_http_request_t *r, z_stream *zs,
    ngx_chain_t *in, size_t max)
{
    int           rc;
    ngx_chain_t  *out, *last;

    out = ngx_http_apievents_gunzip_room(r, zs);
    last = out;
    rc = Z_OK;

    for ( /* void */ ; last != NULL && in != NULL; in = in->next) {

        zs->next_in = in->buf->pos;
        zs->avail_in = in->buf->last - in->buf->pos;

        while (last != NULL && zs->avail_in != 0 && rc != Z_STREAM_END) {

            rc = inflate(zs, Z_NO_FLUSH);
            last->buf->last = zs->next_out;

            if ((rc != Z_OK && rc != Z_STREAM_END) || zs->total_out > max) {
                return NULL;
            }

            if (zs->avail_out == 0) {
                last->next = ngx_http_apievents_gunzip_room(r, zs);
                last = last->next;
            }
        }
    }

    return (last != NULL && rc == Z_STREAM_END) ? out : NULL;
}


static ngx_chain_t *
ngx_http_apievents_gunzip_room(ngx_http_request_t *r, z_stream *zs)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_APIEVENTS_GUNZIP_SIZE);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NULL;
    }

    zs->next_out = b->pos;
    zs->avail_out = b->end - b->pos;

    cl->buf = b;
    cl->next = NULL;

    return cl;
}
