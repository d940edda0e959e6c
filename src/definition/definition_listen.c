/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Listen paths.  One with {name} is a regular expression to nginx, which asks
 * all of these in their order before it turns to the longest prefix; in Tyk
 * the longest path wins whatever it is made of.
 */


#include "definition/definition_private.h"


#define NGX_HTTP_APIEVENTS_LISTEN_MAX  1024
#define NGX_HTTP_APIEVENTS_NAME_MAX    64


static const char *ngx_http_apievents_listen_valid(ngx_str_t *path);
static u_char *ngx_http_apievents_listen_name(u_char *p, u_char *last);
static ngx_int_t ngx_http_apievents_listen_compile(
    ngx_http_apievents_definition_t *def);
static size_t ngx_http_apievents_listen_weight(ngx_str_t *path);
static ngx_uint_t ngx_http_apievents_listen_meets(ngx_str_t *plain,
    ngx_str_t *named);
static ngx_str_t ngx_http_apievents_listen_segment(u_char *p, u_char *last);


ngx_int_t
ngx_http_apievents_definition_listen(ngx_http_apievents_definition_t *def,
    const ae_value_t *proxy)
{
    ngx_str_t         *path;
    const char        *expected;
    const ae_value_t  *v;

    path = &def->service->listen_path;

    if (ngx_http_apievents_entry_string(def, proxy, "listen_path", path)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    v = ae_value_get(proxy, "listen_path");
    def->service->line = v ? v->line : proxy->line;

    expected = ngx_http_apievents_listen_valid(path);

    if (expected != NULL) {
        ngx_http_apievents_entry_error(def, v ? v : proxy, "listen_path",
                                       expected);
        return NGX_ERROR;
    }

    def->service->weight = ngx_http_apievents_listen_weight(path);

    if (ngx_strlchr(path->data, path->data + path->len, '{') == NULL) {
        return NGX_OK;
    }

    return ngx_http_apievents_listen_compile(def);
}


/* nginx compares a location with the path once it is decoded, its slashes are
 * merged and its dots are resolved */

static const char *
ngx_http_apievents_listen_valid(ngx_str_t *path)
{
    u_char  *p, *last;
    size_t   len;

    if (path->len == 0 || path->len > NGX_HTTP_APIEVENTS_LISTEN_MAX
        || path->data[0] != '/')
    {
        return "a path that begins with \"/\", of at most 1024 characters";
    }

    last = path->data + path->len;
    len = 1;

    for (p = path->data; p < last; p++) {

        if (*p == '/') {

            if (len == 0) {
                return "a path without \"//\"";
            }

            len = 0;
            continue;
        }

        len++;

        if (*p == '{') {
            p = ngx_http_apievents_listen_name(p + 1, last);

            if (p == NULL) {
                return "a path whose \"{name}\" has 1 to 64 characters of "
                       "A-Z, a-z, 0-9, \"_\" and \"-\", and no pattern";
            }

        } else if (!isalnum(*p) && *p != '.' && *p != '_' && *p != '~'
                   && *p != '-')
        {
            return "characters of A-Z, a-z, 0-9, \".\", \"_\", \"~\", \"-\", "
                   "\"/\" and \"{name}\"";
        }
    }

    if (ngx_strstr(path->data, "/./") != NULL
        || ngx_strstr(path->data, "/../") != NULL
        || (len == 1 && last[-1] == '.')
        || (len == 2 && last[-1] == '.' && last[-2] == '.'))
    {
        return "a path without \".\" and \"..\" between slashes";
    }

    return NULL;
}


/* the brace at its end, or NULL */

static u_char *
ngx_http_apievents_listen_name(u_char *p, u_char *last)
{
    u_char  *start;

    start = p;

    while (p < last && (isalnum(*p) || *p == '_' || *p == '-')) {
        p++;
    }

    if (p == last || *p != '}' || p == start
        || p - start > NGX_HTTP_APIEVENTS_NAME_MAX)
    {
        return NULL;
    }

    return p;
}


/* of what listen_valid() lets pass, only the dot has a meaning of its own */

static ngx_int_t
ngx_http_apievents_listen_compile(ngx_http_apievents_definition_t *def)
{
    u_char                     *p, *dst, *last;
    ngx_str_t                  *pattern, *path, err;
    ngx_int_t                   rc;
    ngx_http_apievents_path_t   compiled;

    path = &def->service->listen_path;
    pattern = &def->service->pattern;

    pattern->data = ngx_pnalloc(def->cf->pool, path->len * 2 + 2);
    if (pattern->data == NULL) {
        return NGX_ERROR;
    }

    dst = pattern->data;
    *dst++ = '^';

    last = path->data + path->len;

    for (p = path->data; p < last; p++) {

        if (*p == '{') {
            p = ngx_strlchr(p, last, '}');
            dst = ngx_cpymem(dst, "[^/]+", sizeof("[^/]+") - 1);
            continue;
        }

        if (*p == '.') {
            *dst++ = '\\';
        }

        *dst++ = *p;
    }

    *dst = '\0';
    pattern->len = dst - pattern->data;

    rc = ngx_http_apievents_path_compile(def->cf->pool, pattern, 'r', 0,
                                         &compiled, &err);
    if (rc != NGX_OK) {
        ngx_http_apievents_entry_error(def, def->root, "listen_path",
                                       "a shorter path");
        return NGX_ERROR;
    }

    def->service->regex = compiled.regex;

    return NGX_OK;
}


/* as in Tyk, a segment that is only a name counts for nothing */

static size_t
ngx_http_apievents_listen_weight(ngx_str_t *path)
{
    u_char     *p, *last;
    size_t      n;
    ngx_str_t   segment;

    p = path->data;
    last = p + path->len;

    if (ngx_strlchr(p, last, '{') == NULL) {
        return path->len;
    }

    n = 0;

    for ( ;; ) {
        segment = ngx_http_apievents_listen_segment(p, last);

        if (segment.len < 3 || segment.data[0] != '{'
            || segment.data[segment.len - 1] != '}')
        {
            n += segment.len;
        }

        p += segment.len;

        if (p == last) {
            return n;
        }

        n++;
        p++;
    }
}


/* plain paths in the order of the files, then the others, the longest first */

ngx_int_t
ngx_http_apievents_definition_order(const void *one, const void *two)
{
    ngx_http_apievents_service_t  *a, *b;

    a = (*(ngx_http_apievents_definition_t **) one)->service;
    b = (*(ngx_http_apievents_definition_t **) two)->service;

    if (a->regex == NULL || b->regex == NULL) {
        return (a->regex != NULL) - (b->regex != NULL);
    }

    return (a->weight < b->weight) - (a->weight > b->weight);
}


/*
 * A plain path that is longer than all those with names which it may meet has
 * nginx look at none of them.  The definitions are in order.
 */

const char *
ngx_http_apievents_definition_modifier(ngx_http_apievents_service_t *service,
    ngx_http_apievents_definition_t **defs, ngx_uint_t n)
{
    ngx_uint_t                     i, met;
    ngx_http_apievents_service_t  *other;

    if (service->regex != NULL) {
        return "~";
    }

    met = 0;

    for (i = n; i-- > 0; /* void */ ) {
        other = defs[i]->service;

        if (other->regex == NULL) {
            break;
        }

        if (!ngx_http_apievents_listen_meets(&service->listen_path,
                                             &other->listen_path))
        {
            continue;
        }

        if (other->weight > service->weight) {
            return NULL;
        }

        met = 1;
    }

    return met ? "^~" : NULL;
}


/* is there a path that begins with both */

static ngx_uint_t
ngx_http_apievents_listen_meets(ngx_str_t *plain, ngx_str_t *named)
{
    u_char     *p, *q, *plast, *qlast;
    size_t      n;
    ngx_str_t   a, b;

    p = plain->data;
    q = named->data;
    plast = p + plain->len;
    qlast = q + named->len;

    for ( ;; ) {
        a = ngx_http_apievents_listen_segment(p, plast);
        b = ngx_http_apievents_listen_segment(q, qlast);

        p += a.len;
        q += b.len;

        if (ngx_strlchr(b.data, q, '{') == NULL) {
            n = ngx_min(a.len, b.len);

            if (ngx_memcmp(a.data, b.data, n) != 0
                || (a.len > n && q != qlast)
                || (b.len > n && p != plast))
            {
                return 0;
            }
        }

        if (p == plast || q == qlast) {
            return 1;
        }

        p++;
        q++;
    }
}


/* up to the next slash */

static ngx_str_t
ngx_http_apievents_listen_segment(u_char *p, u_char *last)
{
    u_char     *end;
    ngx_str_t   segment;

    end = ngx_strlchr(p, last, '/');

    segment.data = p;
    segment.len = (end ? end : last) - p;

    return segment;
}
