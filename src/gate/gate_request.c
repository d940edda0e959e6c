/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * OriginatingRequest: the HTTP/1.1 form of the request as it came, with the
 * credential taken out, and as much of its body as api_body_max allows.
 *
 * The body of a request that is refused for good is read without buffering, so
 * that no more of it is taken than the event gets.  Where another module may
 * still let the request pass, its body is read as a content handler would.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_BODY_STEP  4096

/* of a ring, that a record may take */
#define NGX_HTTP_APIEVENTS_RECORD_PART  4

/* shorter ones are likely to be a part of some other word */
#define NGX_HTTP_APIEVENTS_STAR_MIN   8


static void ngx_http_apievents_body_buffered(ngx_http_request_t *r);
static void ngx_http_apievents_body_unbuffered(ngx_http_request_t *r);
static void ngx_http_apievents_body_done(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static void ngx_http_apievents_body_copy(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static void ngx_http_apievents_body_put_back(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);
static void ngx_http_apievents_body_append(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_buf_t *b);
static ngx_int_t ngx_http_apievents_body_grow(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, size_t size);
static size_t ngx_http_apievents_request_head(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *auth, u_char *dst);
static size_t ngx_http_apievents_request_target(ngx_http_request_t *r,
    ngx_array_t *auth, u_char *dst);
static size_t ngx_http_apievents_request_host(ngx_http_request_t *r,
    u_char *dst);
static size_t ngx_http_apievents_request_length(
    ngx_http_apievents_decision_t *d, u_char *dst);
static size_t ngx_http_apievents_request_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *auth, u_char *dst);
static void ngx_http_apievents_request_star_out(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);


void
ngx_http_apievents_request_init(ngx_conf_t *cf)
{
    size_t                           max;
    ngx_uint_t                       i;
    ngx_http_apievents_route_t      *route;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    max = mcf->store.ring_size / NGX_HTTP_APIEVENTS_RECORD_PART;

    if (mcf->store.shm_zone == NULL || mcf->gate.body_max < max) {
        return;
    }

    route = mcf->event.routes.elts;

    for (i = 0; i < mcf->event.routes.nelts; i++) {

        if (route[i].uses_request) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"api_body_max\" of %uz bytes is over a quarter "
                          "of the ring, %uz: events of requests that do not "
                          "fit go without OriginatingRequest, a larger "
                          "\"ring=\" of \"api_zone\" is expected",
                          mcf->gate.body_max, max);
            return;
        }
    }
}


ngx_int_t
ngx_http_apievents_read_body(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_int_t  rc;

    if (d->body_known) {
        return NGX_OK;
    }

    if (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked) {
        d->body_known = 1;
        return NGX_OK;
    }

    if (r->discard_body) {
        d->body_known = 1;
        d->body_cut = 1;
        return NGX_OK;
    }

    if (r->request_body != NULL) {
        ngx_http_apievents_body_copy(r, d);
        d->body_cut |= r->reading_body;
        d->body_known = 1;
        return NGX_OK;
    }

    if (d->pending) {
        rc = ngx_http_read_client_request_body(r,
                                            ngx_http_apievents_body_buffered);

    } else {
        r->request_body_no_buffering = 1;
        rc = ngx_http_read_client_request_body(r,
                                          ngx_http_apievents_body_unbuffered);
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_apievents_body_buffered(ngx_http_request_t *r)
{
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_decision(r);

    ngx_http_apievents_body_copy(r, d);
    ngx_http_apievents_body_done(r, d);
}


static void
ngx_http_apievents_body_unbuffered(ngx_http_request_t *r)
{
    off_t                           length;
    ngx_int_t                       rc;
    ngx_http_apievents_decision_t  *d;

    d = ngx_http_apievents_decision(r);
    length = r->headers_in.content_length_n;

    for ( ;; ) {
        ngx_http_apievents_body_copy(r, d);

        if (length > (off_t) d->conf->gate.body_max
            && d->body.len == d->conf->gate.body_max)
        {
            d->body_cut = 1;
        }

        if (d->body_cut || !r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            r->read_event_handler = ngx_http_apievents_body_unbuffered;
            r->write_event_handler = ngx_http_request_empty_handler;
            return;
        }
    }

    ngx_http_apievents_body_put_back(r, d);
    ngx_http_apievents_body_done(r, d);
}


static void
ngx_http_apievents_body_done(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    d->body_known = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


/* an unbuffered body is used up by that, as reading on wants it */

static void
ngx_http_apievents_body_copy(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *ln;

    cl = r->request_body->bufs;

    while (cl != NULL) {
        b = cl->buf;
        ln = cl;
        cl = cl->next;

        ngx_http_apievents_body_append(r, d, b);

        if (r->request_body_no_buffering) {
            b->pos = b->last;
            ngx_free_chain(r->pool, ln);
        }
    }

    if (r->request_body_no_buffering) {
        r->request_body->bufs = NULL;
    }
}


/*
 * An error page that is proxied sends the body on: it gets what was read, with
 * a length that agrees.  What was not read goes down with the connection.
 */

static void
ngx_http_apievents_body_put_back(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (d->body_cut) {
        r->keepalive = 0;

        if (r->connection->read->timer_set) {
            ngx_del_timer(r->connection->read);
        }
    }

    if (!r->request_body_no_buffering) {
        return;
    }

    r->headers_in.content_length_n = d->body.len;
    r->headers_in.chunked = 0;

    if (d->body.len == 0) {
        return;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return;
    }

    b->memory = 1;
    b->start = d->body.data;
    b->pos = b->start;
    b->last = b->start + d->body.len;
    b->end = b->last;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    r->request_body->bufs = cl;
}


static void
ngx_http_apievents_body_append(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_buf_t *b)
{
    off_t    size;
    size_t   room;
    ssize_t  n;

    size = ngx_buf_size(b);
    room = d->conf->gate.body_max - d->body.len;

    if (size > (off_t) room) {
        d->body_cut = 1;
        size = room;
    }

    if (size <= 0) {
        return;
    }

    if (ngx_http_apievents_body_grow(r, d, d->body.len + size) != NGX_OK) {
        d->body_cut = 1;
        return;
    }

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(d->body.data + d->body.len, b->pos, size);
        d->body.len += size;
        return;
    }

    n = ngx_read_file(b->file, d->body.data + d->body.len, size, b->file_pos);

    if (n != size) {
        d->body_cut = 1;
    }

    if (n > 0) {
        d->body.len += n;
    }
}


static ngx_int_t
ngx_http_apievents_body_grow(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, size_t size)
{
    size_t   n;
    off_t    length;
    u_char  *p;

    if (size <= d->body_size) {
        return NGX_OK;
    }

    length = r->headers_in.chunked ? 0 : r->headers_in.content_length_n;

    n = ngx_max(size, 2 * d->body_size);
    n = ngx_max(n, NGX_HTTP_APIEVENTS_BODY_STEP);
    n = ngx_max(n, (size_t) ngx_max(length, 0));
    n = ngx_min(n, d->conf->gate.body_max);

    p = ngx_palloc(r->pool, n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (d->body.len != 0) {
        ngx_memcpy(p, d->body.data, d->body.len);
        ngx_pfree(r->pool, d->body.data);
    }

    d->body.data = p;
    d->body_size = n;

    return NGX_OK;
}


void
ngx_http_apievents_build_request(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    size_t                           len;
    u_char                          *p;
    ngx_array_t                     *auth, none;
    ngx_http_apievents_gate_conf_t  *gcf;

    if (d->request_known) {
        return;
    }

    d->request_known = 1;

    if (!d->body_known
        && (r->headers_in.content_length_n > 0 || r->headers_in.chunked))
    {
        d->body_cut = 1;
    }

    gcf = &d->conf->gate;
    auth = gcf->auth;

    if (gcf->event_key == NGX_HTTP_APIEVENTS_KEY_RAW) {
        ngx_memzero(&none, sizeof(ngx_array_t));
        auth = &none;
    }

    len = ngx_http_apievents_request_head(r, d, auth, NULL);

    p = ngx_palloc(r->pool, len + d->body.len);
    if (p == NULL) {
        d->body_cut = 1;
        return;
    }

    d->request.data = p;
    d->request.len = len + d->body.len;

    (void) ngx_http_apievents_request_head(r, d, auth, p);

    if (d->body.len != 0) {
        ngx_memcpy(p + len, d->body.data, d->body.len);
    }

    if (gcf->event_key != NGX_HTTP_APIEVENTS_KEY_RAW) {
        ngx_http_apievents_request_star_out(r, d);
    }
}


/* bytes written; only counts when dst is NULL */

static size_t
ngx_http_apievents_request_head(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *auth, u_char *dst)
{
    size_t  n;

    n = ngx_http_apievents_put(dst, 0, r->method_name.data,
                               r->method_name.len);
    n = ngx_http_apievents_put(dst, n, (u_char *) " ", 1);
    n += ngx_http_apievents_request_target(r, auth, dst ? dst + n : NULL);
    n = ngx_http_apievents_put(dst, n, (u_char *) " HTTP/1.1" CRLF,
                               sizeof(" HTTP/1.1" CRLF) - 1);

    if (r->headers_in.host == NULL) {
        n += ngx_http_apievents_request_host(r, dst ? dst + n : NULL);
    }

    n += ngx_http_apievents_request_headers(r, d, auth, dst ? dst + n : NULL);

    return ngx_http_apievents_put(dst, n, (u_char *) CRLF, 2);
}


/* nginx keeps the scheme and host of a target in the request line only */

static size_t
ngx_http_apievents_request_target(ngx_http_request_t *r, ngx_array_t *auth,
    u_char *dst)
{
    size_t   n;
    u_char  *p, *start, *last;

    n = 0;
    last = r->request_line.data + r->request_line.len;
    start = r->request_line.data + r->method_name.len;

    while (start < last && *start == ' ') {
        start++;
    }

    if (start < last && *start != '/') {
        p = ngx_strlchr(start, last, ':');

        if (p != NULL && last - p > 3 && p[1] == '/' && p[2] == '/') {

            for (p += 3; p < last; p++) {
                if (*p == '/' || *p == '?' || *p == ' ') {
                    break;
                }
            }

            n = ngx_http_apievents_put(dst, n, start, p - start);
        }
    }

    return n + ngx_http_apievents_redact_uri(dst ? dst + n : NULL, auth,
                                             &r->unparsed_uri);
}


/*
 * HTTP/1.1 wants a Host: HTTP/1.0 need not have one, and nginx makes none of
 * what HTTP/3 has in its place.
 */

static size_t
ngx_http_apievents_request_host(ngx_http_request_t *r, u_char *dst)
{
    size_t     n;
    u_char     addr[NGX_SOCKADDR_STRLEN];
    ngx_str_t  host;

    if (r->http_version >= NGX_HTTP_VERSION_20 && r->host_start != NULL) {
        host.data = r->host_start;
        host.len = r->host_end - r->host_start;

    } else if (r->headers_in.server.len != 0) {
        host = r->headers_in.server;

    } else {
        host.data = addr;
        host.len = NGX_SOCKADDR_STRLEN;

        if (ngx_connection_local_sockaddr(r->connection, &host, 1) != NGX_OK) {
            return 0;
        }
    }

    n = ngx_http_apievents_put(dst, 0, (u_char *) "Host: ",
                               sizeof("Host: ") - 1);
    n = ngx_http_apievents_put(dst, n, host.data, host.len);

    return ngx_http_apievents_put(dst, n, (u_char *) CRLF, 2);
}


static size_t
ngx_http_apievents_request_length(ngx_http_apievents_decision_t *d,
    u_char *dst)
{
    u_char  length[sizeof("Content-Length: " CRLF) + NGX_SIZE_T_LEN];

    return ngx_http_apievents_put(dst, 0, length,
                                  ngx_sprintf(length,
                                              "Content-Length: %uz" CRLF,
                                              d->body.len)
                                  - length);
}


/*
 * The body stands there without chunks, or frames of HTTP/2, so its length
 * takes their place.
 */

static size_t
ngx_http_apievents_request_headers(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_array_t *auth, u_char *dst)
{
    size_t            n;
    ngx_uint_t        i, framed;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;
    framed = (r->headers_in.content_length != NULL);

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == sizeof("Transfer-Encoding") - 1
                && ngx_strncmp(h[i].lowcase_key, "transfer-encoding",
                               h[i].key.len)
                   == 0)
            {
                framed = 1;
                n += ngx_http_apievents_request_length(d,
                                                       dst ? dst + n : NULL);
                continue;
            }

            n = ngx_http_apievents_put(dst, n, h[i].key.data, h[i].key.len);
            n = ngx_http_apievents_put(dst, n, (u_char *) ": ", 2);
            n += ngx_http_apievents_redact_header(dst ? dst + n : NULL, auth,
                                                  &h[i]);
            n = ngx_http_apievents_put(dst, n, (u_char *) CRLF, 2);
        }
    }

    if (!framed
        && (r->headers_in.chunked || r->headers_in.content_length_n >= 0))
    {
        n += ngx_http_apievents_request_length(d, dst ? dst + n : NULL);
    }

    return n;
}


/*
 * The credential may stand elsewhere too, such as in the body, and also where
 * the request was refused before anybody looked for it.
 */

static void
ngx_http_apievents_request_star_out(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_str_t  word;

    word = d->credential;

    if (word.len == 0
        && ngx_http_apievents_credential(r, d->conf->gate.auth, &word)
           != NGX_OK)
    {
        return;
    }

    if (word.len >= NGX_HTTP_APIEVENTS_STAR_MIN) {
        ae_star_out(d->request.data, d->request.len, *(ae_str_t *) &word);
    }
}
