/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Answers 103 (RFC 8297) that come before an answer.  nginx 1.29 and later
 * read on over each and keep its memory until the request ends, so of a server
 * that sends them without an end a few are taken, and no more.
 */


#include "apievents.h"


#ifdef NGX_HTTP_UPSTREAM_EARLY_HINTS

/* more than any server has a reason for; each is no larger than nginx's buffer
 * of a header */
#define NGX_HTTP_APIEVENTS_HINTS  16


static ngx_int_t ngx_http_apievents_hints_reinit(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_hints_header(ngx_http_request_t *r);
static ngx_http_apievents_outgoing_t *ngx_http_apievents_hints_outgoing(
    ngx_http_request_t *r);


void
ngx_http_apievents_limit_hints(ngx_http_apievents_outgoing_t *o,
    ngx_http_upstream_t *u)
{
    o->hints = 0;

    o->reinit_request = u->reinit_request;
    u->reinit_request = ngx_http_apievents_hints_reinit;

    o->process_header = u->process_header;
    u->process_header = ngx_http_apievents_hints_header;
}


/* a further try, over another connection: it starts to parse anew */

static ngx_int_t
ngx_http_apievents_hints_reinit(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_upstream_t            *u;
    ngx_http_apievents_outgoing_t  *o;

    u = r->upstream;
    o = ngx_http_apievents_hints_outgoing(r);

    if (o == NULL) {
        return NGX_ERROR;
    }

    rc = o->reinit_request(r);

    o->hints = 0;
    o->process_header = u->process_header;
    u->process_header = ngx_http_apievents_hints_header;

    return rc;
}


/* the status line and the fields have a handler each, which name the other */

static ngx_int_t
ngx_http_apievents_hints_header(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_upstream_t            *u;
    ngx_http_apievents_outgoing_t  *o;

    u = r->upstream;
    o = ngx_http_apievents_hints_outgoing(r);

    if (o == NULL) {
        return NGX_ERROR;
    }

    u->process_header = o->process_header;

    rc = u->process_header(r);

    o->process_header = u->process_header;
    u->process_header = ngx_http_apievents_hints_header;

    if (rc != NGX_HTTP_UPSTREAM_EARLY_HINTS
        || ++o->hints <= NGX_HTTP_APIEVENTS_HINTS)
    {
        return rc;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "upstream sent too many early hints");

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


static ngx_http_apievents_outgoing_t *
ngx_http_apievents_hints_outgoing(ngx_http_request_t *r)
{
    ngx_http_apievents_call_t  *call;

    call = ngx_http_apievents_call_of(r);

    return call == NULL ? NULL : ngx_http_apievents_outgoing_of(call, r);
}

#endif
