/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Where the decision about a client request is kept, and how it is found.
 */


#include "gate/gate_private.h"


/* more are not kept for who has no room in one of these, nor idle */
#define NGX_HTTP_APIEVENTS_SPARE_USES   8
#define NGX_HTTP_APIEVENTS_SPARES       512


/* a decision is one piece of memory, with room for its uses behind it */

typedef struct ngx_http_apievents_piece_s  ngx_http_apievents_piece_t;

struct ngx_http_apievents_piece_s {
    ngx_http_apievents_decision_t   decision;   /* the first member */
    ngx_pool_cleanup_t              cleanup;
    ngx_http_apievents_piece_t     *next;       /* of spare ones */
    u_char                          room[NGX_HTTP_APIEVENTS_ROOM];
    ae_limit_use_t                  uses[];
};


static ngx_http_apievents_piece_t *ngx_http_apievents_piece(
    ngx_http_request_t *r, ngx_uint_t n);
static size_t ngx_http_apievents_piece_size(ngx_uint_t n);


/*
 * Pieces of requests that ended.  In a request's pool one would often be what
 * does not fit into its first block any more; here it is in the processor's
 * cache.
 */

static ngx_http_apievents_piece_t  *ngx_http_apievents_pieces;
static ngx_uint_t                   ngx_http_apievents_npieces;


ngx_http_apievents_decision_t *
ngx_http_apievents_decision_create(ngx_http_request_t *r,
    ngx_http_apievents_loc_conf_t *conf)
{
    ngx_http_apievents_piece_t      *piece;
    ngx_http_apievents_decision_t   *d;
    ngx_http_apievents_gate_conf_t  *gcf;

    gcf = &conf->gate;

    if (gcf->steps == 0) {
        ngx_http_apievents_plan(gcf);
    }

    piece = ngx_http_apievents_piece(r, gcf->uses);
    if (piece == NULL) {
        return NULL;
    }

    d = &piece->decision;
    ngx_memzero(d, gcf->zeroed);

    d->conf = conf;
    d->uses = piece->uses;
    d->room = piece->room;

    piece->cleanup.handler = ngx_http_apievents_decision_cleanup;
    piece->cleanup.data = d;
    piece->cleanup.next = r->main->pool->cleanup;
    r->main->pool->cleanup = &piece->cleanup;

    return d;
}


static ngx_http_apievents_piece_t *
ngx_http_apievents_piece(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_http_apievents_piece_t  *piece, *next;

    if (n > NGX_HTTP_APIEVENTS_SPARE_USES) {
        return ngx_palloc(r->main->pool, ngx_http_apievents_piece_size(n));
    }

    piece = ngx_http_apievents_pieces;

    if (piece == NULL) {
        return ngx_alloc(
             ngx_http_apievents_piece_size(NGX_HTTP_APIEVENTS_SPARE_USES),
             ngx_cycle->log);
    }

    next = piece->next;

    /* what a burst left goes one by one, and not while its cleanup runs */

    if (--ngx_http_apievents_npieces >= NGX_HTTP_APIEVENTS_SPARES) {
        ngx_http_apievents_npieces--;
        ngx_http_apievents_pieces = next->next;
        ngx_free(next);

        return piece;
    }

    ngx_http_apievents_pieces = next;

    return piece;
}


static size_t
ngx_http_apievents_piece_size(ngx_uint_t n)
{
    return sizeof(ngx_http_apievents_piece_t)
           + n * (sizeof(ae_limit_use_t)
                  + sizeof(ngx_http_apievents_limit_t *)
                  + sizeof(ngx_http_apievents_use_e));
}


void
ngx_http_apievents_decisions_free(void)
{
    ngx_http_apievents_piece_t  *piece;

    while (ngx_http_apievents_pieces != NULL) {
        piece = ngx_http_apievents_pieces;
        ngx_http_apievents_pieces = piece->next;

        ngx_free(piece);
    }

    ngx_http_apievents_npieces = 0;
}


/* the pool still follows its link to the next cleanup after that */

void
ngx_http_apievents_decision_cleanup(void *data)
{
    ngx_http_apievents_decision_t  *d = data;

    ngx_http_apievents_piece_t  *piece;

    if (d->timer != NULL) {
        ngx_http_apievents_timeout_stop(d);
    }

    if (d->entered || d->trials != NULL) {
        ngx_http_apievents_breaker_forget(d);
    }

    if (d->session != NULL) {
        ngx_http_apievents_session_release(d->session);
    }

    if (d->org != NULL) {
        ngx_http_apievents_session_release(d->org);
    }

    if (d->conf->gate.uses <= NGX_HTTP_APIEVENTS_SPARE_USES) {
        piece = data;

        piece->next = ngx_http_apievents_pieces;
        ngx_http_apievents_pieces = piece;
        ngx_http_apievents_npieces++;
    }
}


void
ngx_http_apievents_gate_kept(ngx_http_request_t *r)
{
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_decision(r);

    if (d != NULL && r->upstream != NULL) {
        ngx_http_apievents_breaker_watch(r, d);
    }
}


ngx_int_t
ngx_http_apievents_gate_header(ngx_http_request_t *r)
{
    ngx_http_apievents_decision_t  *d;

    if (r != r->main) {
        return NGX_OK;
    }

    d = ngx_http_apievents_decision(r);

    if (d == NULL) {
        return NGX_OK;
    }

    if (r->upstream != NULL) {
        ngx_http_apievents_breaker_watch(r, d);
    }

    if ((ngx_http_get_module_ctx(r, ngx_http_apievents_module) != NULL
         && ngx_http_apievents_refusal_header(r) == NGX_ERROR)
        || (d->conf->gate.limit_headers != 0
            && ngx_http_apievents_limit_headers(r, d) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (d->conf->gate.more == NULL) {
        return NGX_OK;
    }

    if (ngx_http_apievents_dress_answer(r, d) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_cors_header(r, d);
}


void
ngx_http_apievents_decision_session(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_session_t *session)
{
    if (session != NULL) {
        ngx_http_apievents_session_keep(session);
    }

    if (d->session != NULL) {
        ngx_http_apievents_session_release(d->session);
    }

    d->session = session;
    d->right = NULL;
}


void
ngx_http_apievents_decision_org(ngx_http_apievents_decision_t *d,
    ngx_http_apievents_session_t *org)
{
    if (org != NULL) {
        ngx_http_apievents_session_keep(org);
    }

    if (d->org != NULL) {
        ngx_http_apievents_session_release(d->org);
    }

    d->org = org;
}


ae_id_t
ngx_http_apievents_decision_key_id(ngx_http_apievents_decision_t *d)
{
    if (d->session != NULL) {
        return d->session->ref.key_id;
    }

    return ae_key_id((ae_str_t) { d->credential.len, d->credential.data });
}


ngx_uint_t
ngx_http_apievents_refusal_status(ngx_http_apievents_decision_t *d)
{
    ngx_uint_t  status;

    status = 0;

    if (d->conf->gate.statuses != NULL) {
        status = d->conf->gate.statuses[d->refusal->kind];
    }

    return status ? status : d->refusal->status;
}
