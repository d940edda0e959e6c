/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Takes what names the version out of a request that is served.
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_strip_segment(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d);


ngx_int_t
ngx_http_apievents_strip_version(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_http_apievents_versions_t  *versions;

    versions = d->conf->gate.versions;

    if (versions == NULL || !versions->strip || d->stripped) {
        return NGX_OK;
    }

    d->stripped = 1;

    switch (versions->source) {

    case 'h':
        return ngx_http_apievents_strip_header(r, &versions->name);

    case 'q':
        return ngx_http_apievents_strip_query(r, &versions->name);

    case 'u':
        return d->named ? ngx_http_apievents_strip_segment(r, d) : NGX_OK;

    default:
        return NGX_OK;
    }
}


/*
 * A list has no way to take an element out, so it is made anew.  Pointers of
 * r->headers_in lead to the old elements, which stay.
 */

ngx_int_t
ngx_http_apievents_strip_header(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i, n;
    ngx_str_t         value;
    ngx_list_t       *list;
    ngx_list_part_t   old, *part;
    ngx_table_elt_t  *h, *header;

    if (ngx_http_apievents_header_value(r, name, &value) != NGX_OK) {
        return NGX_OK;
    }

    list = &r->headers_in.headers;
    old = list->part;
    n = 0;

    for (part = &old; part != NULL; part = part->next) {
        n += part->nelts;
    }

    if (ngx_list_init(list, r->pool, n, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (part = &old; part != NULL; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (header[i].key.len == name->len
                && ngx_strncmp(header[i].lowcase_key, name->data, name->len)
                   == 0)
            {
                continue;
            }

            h = ngx_list_push(list);
            if (h == NULL) {
                return NGX_ERROR;
            }

            *h = header[i];
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_set_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *lowcase, ngx_str_t *value, ngx_table_elt_t **header)
{
    ngx_table_elt_t  *h;

    if (header != NULL) {
        *header = NULL;
    }

    if (ngx_http_apievents_strip_header(r, lowcase) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value->data == NULL) {
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = ngx_hash_key(lowcase->data, lowcase->len);
    h->key = *name;
    h->value = *value;
    h->lowcase_key = lowcase->data;

    if (header != NULL) {
        *header = h;
    }

    return NGX_OK;
}


void
ngx_http_apievents_drop_answer(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                h[i].hash = 0;
            }
        }
    }
}


/* the path that is passed on has to be made from r->uri and r->args again */

ngx_int_t
ngx_http_apievents_strip_query(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char  *p;

    if (r->args.len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, r->args.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    r->args.len = ngx_http_apievents_query_without(p, name, &r->args);
    r->args.data = p;

    r->valid_unparsed_uri = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_strip_segment(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    u_char     *p, *last;
    size_t      len;
    ngx_str_t   uri, name;

    ngx_http_apievents_version_segment(r, d, &name);

    /* the path may have been changed since */

    if (!ngx_http_apievents_version_named(d, &name)) {
        return NGX_OK;
    }

    ngx_http_apievents_path_behind(r, d, &uri);

    /* a slash may have been put in front of it */

    len = r->uri.len - uri.len;

    if (r->uri.data[len] != '/') {
        len++;
    }

    uri.data += 1 + name.len;
    uri.len -= 1 + name.len;

    p = ngx_pnalloc(r->pool, r->uri.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, r->uri.data, len);

    if (uri.len == 0) {
        *last++ = '/';
    }

    last = ngx_cpymem(last, uri.data, uri.len);

    r->uri.data = p;
    r->uri.len = last - p;

    r->valid_unparsed_uri = 0;
    ngx_http_set_exten(r);

    return NGX_OK;
}
