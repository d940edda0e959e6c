/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What a definition takes out of a request that is served, and adds to it and
 * to the upstream's answer: the credential, headers (as in Tyk).
 */


#include "gate/gate_private.h"


static ngx_int_t ngx_http_apievents_strip_auth(ngx_http_request_t *r,
    ngx_array_t *auth);
static ngx_int_t ngx_http_apievents_strip_cookie(ngx_http_request_t *r,
    ngx_str_t *name);
static size_t ngx_http_apievents_cookie_without(u_char *dst, ngx_str_t *name,
    ngx_str_t *cookies);


ngx_int_t
ngx_http_apievents_dress_choose(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                     i, tested, taken[2];
    ngx_array_t                   *headers;
    ngx_http_apievents_header_t   *header, **chosen;

    headers = (d->conf->gate.more != NULL) ? d->conf->gate.more->headers
                                           : NULL;

    if (headers == NULL || d->headers != NULL) {
        return NGX_OK;
    }

    d->headers = ngx_array_create(r->pool, headers->nelts, sizeof(void *));
    if (d->headers == NULL) {
        return NGX_ERROR;
    }

    tested = 0;
    taken[0] = 0;
    taken[1] = 0;

    header = headers->elts;

    for (i = 0; i < headers->nelts; i++, header++) {

        if (!ngx_http_apievents_is_version(d, &header->version)) {
            continue;
        }

        /* those of one entry stand together */

        if (header->entry != taken[header->answer] && header->entry != 0) {

            if (taken[header->answer] != 0 || header->entry == tested) {
                continue;
            }

            tested = header->entry;

            if (!ngx_http_apievents_path_match(r, d, &header->path)) {
                continue;
            }

            taken[header->answer] = header->entry;
        }

        chosen = ngx_array_push(d->headers);
        if (chosen == NULL) {
            return NGX_ERROR;
        }

        *chosen = header;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_dress_request(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                     i;
    ngx_http_apievents_more_t     *more;
    ngx_http_apievents_header_t  **header;

    more = d->conf->gate.more;

    if (more == NULL || d->dressed) {
        return NGX_OK;
    }

    d->dressed = 1;

    if (more->strip_auth
        && ngx_http_apievents_strip_auth(r, d->conf->gate.auth) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (d->headers == NULL) {
        return NGX_OK;
    }

    header = d->headers->elts;

    for (i = 0; i < d->headers->nelts; i++) {

        if (!header[i]->answer
            && ngx_http_apievents_set_header(r, &header[i]->name,
                                             &header[i]->lowcase,
                                             &header[i]->value, NULL)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_dress_answer(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ngx_uint_t                     i;
    ngx_table_elt_t               *h;
    ngx_http_apievents_header_t  **header;

    if (r->upstream == NULL || !d->confirmed || d->headers == NULL) {
        return NGX_OK;
    }

    header = d->headers->elts;

    for (i = 0; i < d->headers->nelts; i++) {

        if (!header[i]->answer) {
            continue;
        }

        ngx_http_apievents_drop_answer(r, &header[i]->lowcase);

        if (header[i]->value.data == NULL) {
            continue;
        }

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        h->key = header[i]->name;
        h->value = header[i]->value;
        h->lowcase_key = header[i]->lowcase.data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_strip_auth(ngx_http_request_t *r, ngx_array_t *auth)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_http_apievents_auth_t  *a;

    a = auth->elts;

    for (i = 0; i < auth->nelts; i++) {

        switch (a[i].kind) {

        case 'h':
            rc = ngx_http_apievents_strip_header(r, &a[i].name);
            break;

        case 'q':
            rc = ngx_http_apievents_strip_query(r, &a[i].name);
            break;

        default: /* 'c' */
            rc = ngx_http_apievents_strip_cookie(r, &a[i].name);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_strip_cookie(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != 6
                || ngx_strncmp(h[i].lowcase_key, "cookie", 6) != 0)
            {
                continue;
            }

            p = ngx_pnalloc(r->pool, h[i].value.len + 1);
            if (p == NULL) {
                return NGX_ERROR;
            }

            h[i].value.len = ngx_http_apievents_cookie_without(p, name,
                                                               &h[i].value);
            h[i].value.data = p;
            p[h[i].value.len] = '\0';
        }
    }

    return NGX_OK;
}


/* the others with a semicolon and a blank between them */

static size_t
ngx_http_apievents_cookie_without(u_char *dst, ngx_str_t *name,
    ngx_str_t *cookies)
{
    u_char  *p, *pos, *end, *last;

    p = dst;
    last = cookies->data + cookies->len;

    for (pos = cookies->data; pos < last; pos = end + 1) {

        while (pos < last && (*pos == ' ' || *pos == '\t')) {
            pos++;
        }

        end = ngx_strlchr(pos, last, ';');

        if (end == NULL) {
            end = last;
        }

        if (end == pos
            || ((size_t) (end - pos) > name->len && pos[name->len] == '='
                && ngx_strncmp(pos, name->data, name->len) == 0))
        {
            continue;
        }

        if (p != dst) {
            *p++ = ';';
            *p++ = ' ';
        }

        p = ngx_cpymem(p, pos, end - pos);
    }

    return p - dst;
}
