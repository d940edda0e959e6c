/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Finding the credential of a request, and taking it out of what is shown.
 */


#include "gate/gate_private.h"


/* a list of NAME=VALUE parts, with & or ; between them */

typedef struct {
    u_char      *pos;
    u_char      *last;
    u_char       separator;

    ngx_str_t    name;
    ngx_str_t    value;
} ngx_http_apievents_pairs_t;


static ngx_int_t ngx_http_apievents_cookie_value(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_table_elt_t *ngx_http_apievents_next_header(ngx_http_request_t *r,
    ngx_list_part_t **part, ngx_uint_t *i, ngx_str_t *name);
static ngx_int_t ngx_http_apievents_next_pair(ngx_http_apievents_pairs_t *p);
static ngx_uint_t ngx_http_apievents_query_is(ngx_str_t *raw,
    ngx_str_t *name);
static u_char ngx_http_apievents_unescape(u_char **p, u_char *last);
static void ngx_http_apievents_drop_bearer(ngx_str_t *value);
static size_t ngx_http_apievents_bearer(ngx_str_t *value) ae_often;
static ngx_uint_t ngx_http_apievents_is_source(ngx_array_t *auth,
    ngx_uint_t kind, ngx_str_t *name);
static size_t ngx_http_apievents_redact_pairs(u_char *dst, ngx_array_t *auth,
    ngx_uint_t kind, ngx_str_t *text);


static ngx_str_t  ngx_http_apievents_cookie = ngx_string("cookie");


ngx_int_t
ngx_http_apievents_credential(ngx_http_request_t *r, ngx_array_t *auth,
    ngx_str_t *credential)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_http_apievents_auth_t  *a;

    a = auth->elts;

    for (i = 0; i < auth->nelts; i++) {

        if (a[i].known) {

            if (ngx_http_apievents_authorization(r, credential) == NGX_OK) {
                return NGX_OK;
            }

            continue;
        }

        switch (a[i].kind) {

        case 'h':
            rc = ngx_http_apievents_header_value(r, &a[i].name, credential);
            break;

        case 'q':
            rc = ngx_http_apievents_query_value(r, &a[i].name, credential);
            break;

        default: /* 'c' */
            rc = ngx_http_apievents_cookie_value(r, &a[i].name, credential);
            break;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            ngx_http_apievents_drop_bearer(credential);

            if (credential->len != 0) {
                return NGX_OK;
            }
        }
    }

    ngx_str_null(credential);

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_authorization(ngx_http_request_t *r, ngx_str_t *credential)
{
    if (r->headers_in.authorization == NULL) {
        return NGX_DECLINED;
    }

    *credential = r->headers_in.authorization->value;
    ngx_http_apievents_drop_bearer(credential);

    return (credential->len != 0) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_header_value(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    i = 0;
    part = &r->headers_in.headers.part;

    h = ngx_http_apievents_next_header(r, &part, &i, name);
    if (h == NULL) {
        return NGX_DECLINED;
    }

    *value = h->value;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_query_value(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char                      *p, *raw;
    ngx_http_apievents_pairs_t   pairs;

    if (r->args.len == 0) {
        return NGX_DECLINED;
    }

    pairs.pos = r->args.data;
    pairs.last = r->args.data + r->args.len;
    pairs.separator = '&';

    while (ngx_http_apievents_next_pair(&pairs) == NGX_OK) {

        if (!ngx_http_apievents_query_is(&pairs.name, name)) {
            continue;
        }

        p = ngx_pnalloc(r->pool, pairs.value.len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        value->data = p;
        raw = pairs.value.data;

        while (raw < pairs.value.data + pairs.value.len) {
            *p++ = ngx_http_apievents_unescape(&raw, pairs.value.data
                                                     + pairs.value.len);
        }

        value->len = p - value->data;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


size_t
ngx_http_apievents_query_without(u_char *dst, ngx_str_t *name,
    ngx_str_t *args)
{
    u_char                      *p, *pos;
    ngx_http_apievents_pairs_t   pairs;

    p = dst;

    pairs.pos = args->data;
    pairs.last = args->data + args->len;
    pairs.separator = '&';

    for ( ;; ) {
        pos = pairs.pos;

        if (ngx_http_apievents_next_pair(&pairs) != NGX_OK) {
            return p - dst;
        }

        if (ngx_http_apievents_query_is(&pairs.name, name)) {
            continue;
        }

        if (p != dst) {
            *p++ = '&';
        }

        p = ngx_cpymem(p, pos, pairs.value.data + pairs.value.len - pos);
    }
}


static ngx_int_t
ngx_http_apievents_cookie_value(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t                   i;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *h;
    ngx_http_apievents_pairs_t   pairs;

    i = 0;
    part = &r->headers_in.headers.part;

    for ( ;; ) {
        h = ngx_http_apievents_next_header(r, &part, &i,
                                           &ngx_http_apievents_cookie);
        if (h == NULL) {
            return NGX_DECLINED;
        }

        pairs.pos = h->value.data;
        pairs.last = h->value.data + h->value.len;
        pairs.separator = ';';

        while (ngx_http_apievents_next_pair(&pairs) == NGX_OK) {

            if (pairs.name.len == name->len
                && ngx_strncmp(pairs.name.data, name->data, name->len) == 0)
            {
                *value = pairs.value;
                return NGX_OK;
            }
        }
    }
}


/* the next request header of that (lower case) name */

static ngx_table_elt_t *
ngx_http_apievents_next_header(ngx_http_request_t *r, ngx_list_part_t **part,
    ngx_uint_t *i, ngx_str_t *name)
{
    ngx_table_elt_t  *h;

    for ( ;; ) {

        if (*i >= (*part)->nelts) {

            if ((*part)->next == NULL) {
                return NULL;
            }

            *part = (*part)->next;
            *i = 0;

            continue;
        }

        h = (ngx_table_elt_t *) (*part)->elts + *i;
        (*i)++;

        if (h->key.len == name->len
            && ngx_strncmp(h->lowcase_key, name->data, name->len) == 0)
        {
            return h;
        }
    }
}


/* blanks before a name and quotes around a value belong to neither */

static ngx_int_t
ngx_http_apievents_next_pair(ngx_http_apievents_pairs_t *p)
{
    u_char  *end, *equal;

    if (p->pos >= p->last) {
        return NGX_DECLINED;
    }

    end = ngx_strlchr(p->pos, p->last, p->separator);
    if (end == NULL) {
        end = p->last;
    }

    if (p->separator == ';') {
        while (p->pos < end && *p->pos == ' ') {
            p->pos++;
        }
    }

    equal = ngx_strlchr(p->pos, end, '=');
    if (equal == NULL) {
        equal = end;
    }

    p->name.data = p->pos;
    p->name.len = equal - p->pos;

    p->value.data = (equal < end) ? equal + 1 : end;
    p->value.len = end - p->value.data;

    if (p->separator == ';') {
        while (p->value.len && p->value.data[p->value.len - 1] == ' ') {
            p->value.len--;
        }

        if (p->value.len > 1 && p->value.data[0] == '"'
            && p->value.data[p->value.len - 1] == '"')
        {
            p->value.data++;
            p->value.len -= 2;
        }
    }

    p->pos = end + 1;

    return NGX_OK;
}


/* names may be written with escapes, which must not hide a credential */

static ngx_uint_t
ngx_http_apievents_query_is(ngx_str_t *raw, ngx_str_t *name)
{
    u_char      *p, *last;
    ngx_uint_t   i;

    p = raw->data;
    last = p + raw->len;

    for (i = 0; i < name->len; i++) {
        if (p == last
            || ngx_http_apievents_unescape(&p, last) != name->data[i])
        {
            return 0;
        }
    }

    return p == last;
}


/* one character of a form's name or value; a bad escape stands for itself */

static u_char
ngx_http_apievents_unescape(u_char **p, u_char *last)
{
    u_char     ch;
    ngx_int_t  n;

    ch = *(*p)++;

    if (ch == '+') {
        return ' ';
    }

    if (ch == '%' && last - *p >= 2) {
        n = ngx_hextoi(*p, 2);

        if (n != NGX_ERROR) {
            *p += 2;
            return (u_char) n;
        }
    }

    return ch;
}


static void
ngx_http_apievents_drop_bearer(ngx_str_t *value)
{
    size_t  skip;

    skip = ngx_http_apievents_bearer(value);

    value->data += skip;
    value->len -= skip;
}


/* the scheme and the blanks behind it, which may be all there is */

static size_t
ngx_http_apievents_bearer(ngx_str_t *value)
{
    size_t  n;

    n = sizeof("Bearer") - 1;

    /* one byte tells as a rule: behind Bearer is a blank, or nothing */

    if (value->len < n
        || (value->len > n && value->data[n] != ' ')
        || ngx_strncasecmp(value->data, (u_char *) "Bearer", n) != 0)
    {
        return 0;
    }

    while (n < value->len && value->data[n] == ' ') {
        n++;
    }

    return n;
}


size_t
ngx_http_apievents_redact_uri(u_char *dst, ngx_array_t *auth, ngx_str_t *uri)
{
    size_t     n;
    u_char    *p;
    ngx_str_t  args;

    p = ngx_strlchr(uri->data, uri->data + uri->len, '?');

    if (p == NULL) {
        return ngx_http_apievents_put(dst, 0, uri->data, uri->len);
    }

    p++;
    n = ngx_http_apievents_put(dst, 0, uri->data, p - uri->data);

    args.data = p;
    args.len = uri->data + uri->len - p;

    return n + ngx_http_apievents_redact_pairs(dst ? dst + n : NULL, auth,
                                               'q', &args);
}


size_t
ngx_http_apievents_redact_header(u_char *dst, ngx_array_t *auth,
    ngx_table_elt_t *h)
{
    size_t     n;
    ngx_str_t  name;

    name.len = h->key.len;
    name.data = h->lowcase_key;

    if (ngx_http_apievents_is_source(auth, 'h', &name)) {
        n = ngx_http_apievents_put(dst, 0, h->value.data,
                                   ngx_http_apievents_bearer(&h->value));
        return ngx_http_apievents_put(dst, n, (u_char *) "***", 3);
    }

    if (name.len == 6 && ngx_strncmp(name.data, "cookie", 6) == 0) {
        return ngx_http_apievents_redact_pairs(dst, auth, 'c', &h->value);
    }

    if (name.len == 7 && ngx_strncmp(name.data, "referer", 7) == 0) {
        return ngx_http_apievents_redact_uri(dst, auth, &h->value);
    }

    return ngx_http_apievents_put(dst, 0, h->value.data, h->value.len);
}


static size_t
ngx_http_apievents_redact_pairs(u_char *dst, ngx_array_t *auth,
    ngx_uint_t kind, ngx_str_t *text)
{
    size_t                       n;
    u_char                      *start, *end;
    ngx_http_apievents_pairs_t   pairs;

    pairs.pos = text->data;
    pairs.last = text->data + text->len;
    pairs.separator = (kind == 'q') ? '&' : ';';

    n = 0;
    start = pairs.pos;

    while (ngx_http_apievents_next_pair(&pairs) == NGX_OK) {

        end = pairs.pos - 1;

        if (pairs.value.len != 0
            && ngx_http_apievents_is_source(auth, kind, &pairs.name))
        {
            n = ngx_http_apievents_put(dst, n, start,
                                       pairs.name.data + pairs.name.len + 1
                                       - start);
            n = ngx_http_apievents_put(dst, n, (u_char *) "***", 3);

        } else {
            n = ngx_http_apievents_put(dst, n, start, end - start);
        }

        if (end < pairs.last) {
            n = ngx_http_apievents_put(dst, n, end, 1);
        }

        start = pairs.pos;
    }

    return n;
}


static ngx_uint_t
ngx_http_apievents_is_source(ngx_array_t *auth, ngx_uint_t kind,
    ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_apievents_auth_t  *a;

    a = auth->elts;

    for (i = 0; i < auth->nelts; i++) {

        if (a[i].kind != kind) {
            continue;
        }

        if (kind == 'q') {
            if (ngx_http_apievents_query_is(name, &a[i].name)) {
                return 1;
            }

            continue;
        }

        if (a[i].name.len == name->len
            && ngx_strncmp(a[i].name.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


size_t
ngx_http_apievents_put(u_char *dst, size_t n, u_char *data, size_t len)
{
    if (dst != NULL && len != 0) {
        ngx_memcpy(dst + n, data, len);
    }

    return n + len;
}
