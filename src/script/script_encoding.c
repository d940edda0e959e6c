/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Who answers is told of encodings that response handlers can read: gzip, if
 * the client takes it (RFC 9110, 12.5.3), or none.
 */


#include "apievents.h"
#include "script/script_run.h"


typedef enum {
    NGX_HTTP_APIEVENTS_ENCODING_UNTOLD = 0,
    NGX_HTTP_APIEVENTS_ENCODING_REFUSED,
    NGX_HTTP_APIEVENTS_ENCODING_TAKEN
} ngx_http_apievents_encoding_e;


typedef struct {
    ngx_http_apievents_encoding_e   gzip;
    ngx_http_apievents_encoding_e   any;        /* "*" */
} ngx_http_apievents_encodings_t;


static ngx_uint_t ngx_http_apievents_encodings(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_apievents_encodings_t *e);
static void ngx_http_apievents_encodings_list(ngx_str_t *list,
    ngx_http_apievents_encodings_t *e);
static void ngx_http_apievents_encodings_item(u_char *p, u_char *last,
    ngx_http_apievents_encodings_t *e);
static ngx_http_apievents_encoding_e ngx_http_apievents_encoding_weight(
    u_char *p, u_char *last);
static u_char *ngx_http_apievents_encoding_skip(u_char *p, u_char *last);


/* what the client takes stays where nginx's own filters look for it */

ngx_int_t
ngx_http_apievents_request_encoding(ngx_http_request_t *r)
{
    ngx_str_t                       value;
    ngx_http_apievents_encodings_t  e;

    static ngx_str_t                name = ngx_string("accept-encoding");

    if (ngx_http_apievents_chain_of(r, NGX_HTTP_APIEVENTS_PHASE_RESPONSE)
        == NULL
        || !ngx_http_apievents_encodings(r, &name, &e))
    {
        return NGX_OK;
    }

    ngx_str_null(&value);

    if (e.gzip == NGX_HTTP_APIEVENTS_ENCODING_TAKEN
        || (e.gzip == NGX_HTTP_APIEVENTS_ENCODING_UNTOLD
            && e.any == NGX_HTTP_APIEVENTS_ENCODING_TAKEN))
    {
        ngx_str_set(&value, "gzip");
    }

    return ngx_http_apievents_set_request_header(r, &name, &value);
}


/* more than one header is one list; 0: there is none */

static ngx_uint_t
ngx_http_apievents_encodings(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_apievents_encodings_t *e)
{
    ngx_uint_t        i, found;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(e, sizeof(ngx_http_apievents_encodings_t));
    found = 0;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                ngx_http_apievents_encodings_list(&h[i].value, e);
                found = 1;
            }
        }
    }

    return found;
}


static void
ngx_http_apievents_encodings_list(ngx_str_t *list,
    ngx_http_apievents_encodings_t *e)
{
    u_char  *p, *end, *last;

    p = list->data;
    last = p + list->len;

    while (p < last) {
        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        ngx_http_apievents_encodings_item(p, end, e);

        p = end + 1;
    }
}


/* x-gzip is another name of gzip (RFC 9110, 8.4.1.3) */

static void
ngx_http_apievents_encodings_item(u_char *p, u_char *last,
    ngx_http_apievents_encodings_t *e)
{
    size_t   len;
    u_char  *name;

    name = ngx_http_apievents_encoding_skip(p, last);

    for (p = name; p < last; p++) {
        if (*p == ';' || *p == ' ' || *p == '\t') {
            break;
        }
    }

    len = p - name;

    if (len == 1 && name[0] == '*') {
        e->any = ngx_http_apievents_encoding_weight(p, last);
        return;
    }

    if ((len == 4 && ngx_strncasecmp(name, (u_char *) "gzip", 4) == 0)
        || (len == 6 && ngx_strncasecmp(name, (u_char *) "x-gzip", 6) == 0))
    {
        e->gzip = ngx_http_apievents_encoding_weight(p, last);
    }
}


/* what is no weight is none that lets an encoding be used */

static ngx_http_apievents_encoding_e
ngx_http_apievents_encoding_weight(u_char *p, u_char *last)
{
    ngx_uint_t  digits;

    p = ngx_http_apievents_encoding_skip(p, last);

    if (p == last) {
        return NGX_HTTP_APIEVENTS_ENCODING_TAKEN;
    }

    if (*p != ';') {
        return NGX_HTTP_APIEVENTS_ENCODING_REFUSED;
    }

    p = ngx_http_apievents_encoding_skip(p + 1, last);

    if (last - p < 3 || (*p | 0x20) != 'q' || p[1] != '=') {
        return NGX_HTTP_APIEVENTS_ENCODING_REFUSED;
    }

    digits = 0;

    for (p += 2; p < last; p++) {

        if (*p >= '1' && *p <= '9') {
            digits = 1;
            continue;
        }

        if (*p != '0' && *p != '.') {
            break;
        }
    }

    return (digits
            && ngx_http_apievents_encoding_skip(p, last) == last)
           ? NGX_HTTP_APIEVENTS_ENCODING_TAKEN
           : NGX_HTTP_APIEVENTS_ENCODING_REFUSED;
}


static u_char *
ngx_http_apievents_encoding_skip(u_char *p, u_char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}
