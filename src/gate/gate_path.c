/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Patterns of paths.  Tyk's are regular expressions too, found anywhere in the
 * path, in which {name}, a segment of one star and a star at the end have
 * their own meaning (as in Tyk).
 */


#include "gate/gate_private.h"


#if !(NGX_PCRE)
#error "an nginx with PCRE is needed"
#endif


static ngx_int_t ngx_http_apievents_path_tyk(ngx_pool_t *pool,
    ngx_str_t *pattern, ngx_str_t *regex);
static ngx_uint_t ngx_http_apievents_path_plain(
    ngx_http_apievents_path_t *path);
static ngx_uint_t ngx_http_apievents_path_tries(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, const ngx_http_apievents_path_t *path);
static ngx_uint_t ngx_http_apievents_path_try(ngx_http_request_t *r,
    const ngx_http_apievents_path_t *path, ngx_str_t *uri);


/* pattern is kept as it is; the method is the caller's to set */

ngx_int_t
ngx_http_apievents_path_compile(ngx_pool_t *pool, ngx_str_t *pattern,
    ngx_uint_t syntax, ngx_uint_t caseless, ngx_http_apievents_path_t *path,
    ngx_str_t *err)
{
    u_char                text[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t   rc;

    ngx_memzero(path, sizeof(ngx_http_apievents_path_t));

    path->text = *pattern;
    path->tyk = (syntax == 't');

    if (pattern->len == 0) {
        return NGX_OK;
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pool = pool;
    rc.options = caseless ? NGX_REGEX_CASELESS : 0;

    rc.err.data = text;
    rc.err.len = NGX_MAX_CONF_ERRSTR;

    if (syntax != 't') {
        rc.pattern = *pattern;

    } else if (ngx_http_apievents_path_tyk(pool, pattern, &rc.pattern)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_regex_compile(&rc) != NGX_OK) {
        err->len = rc.err.len;
        err->data = ngx_pstrdup(pool, &rc.err);

        return (err->data == NULL) ? NGX_ERROR : NGX_DECLINED;
    }

    path->regex = rc.regex;
    path->plain = !caseless && ngx_http_apievents_path_plain(path);

    return NGX_OK;
}


/* most ask for no more than how a path begins */

static ngx_uint_t
ngx_http_apievents_path_plain(ngx_http_apievents_path_t *path)
{
    u_char      ch;
    ngx_uint_t  i;

    if (path->text.data[0] != '^') {
        return 0;
    }

    for (i = 1; i < path->text.len; i++) {
        ch = path->text.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ch == '/' || ch == '_' || ch == '-'))
        {
            return 0;
        }
    }

    path->start.data = path->text.data + 1;
    path->start.len = path->text.len - 1;

    return 1;
}


static ngx_int_t
ngx_http_apievents_path_tyk(ngx_pool_t *pool, ngx_str_t *pattern,
    ngx_str_t *regex)
{
    u_char  *p, *s, *last, *end;

    s = pattern->data;
    last = s + pattern->len;

    /* {x} becomes seven characters, a star and its slash at most six */

    p = ngx_pnalloc(pool, pattern->len * 4 + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    regex->data = p;

    while (s < last) {

        if (*s == '{') {
            end = ngx_strlchr(s, last, '}');

            /* a number in braces repeats what stands before it */

            if (end != NULL && end - s > 1
                && !(s[1] >= '0' && s[1] <= '9') && s[1] != ',')
            {
                p = ngx_cpymem(p, "([^/]+)", sizeof("([^/]+)") - 1);
                s = end + 1;
                continue;
            }
        }

        if (last - s >= 2 && s[0] == '/' && s[1] == '*') {

            if (last - s >= 3 && s[2] == '/') {
                p = ngx_cpymem(p, "/[^/]+", sizeof("/[^/]+") - 1);

            } else {
                p = ngx_cpymem(p, "/.*", sizeof("/.*") - 1);
            }

            s += 2;
            continue;
        }

        *p++ = *s++;
    }

    *p = '\0';
    regex->len = p - regex->data;

    return NGX_OK;
}


ngx_uint_t
ngx_http_apievents_path_match(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, const ngx_http_apievents_path_t *path)
{
    if (path->method.len != 0
        && (path->method.len != r->method_name.len
            || ngx_strncmp(path->method.data, r->method_name.data,
                           path->method.len)
               != 0))
    {
        return 0;
    }

    if (path->regex == NULL) {
        return 1;
    }

    if (ngx_http_apievents_path_try(r, path, &r->uri)) {
        return 1;
    }

    return path->tyk && ngx_http_apievents_path_tries(r, d, path);
}


/* behind the listen path, and behind the version that stands there */

static ngx_uint_t
ngx_http_apievents_path_tries(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, const ngx_http_apievents_path_t *path)
{
    u_char     *p;
    ngx_str_t   uri;

    ngx_http_apievents_path_behind(r, d, &uri);

    if (uri.len != r->uri.len && ngx_http_apievents_path_try(r, path, &uri)) {
        return 1;
    }

    if (!d->named || d->conf->gate.versions->source != 'u') {
        return 0;
    }

    p = ngx_strlchr(uri.data + 1, uri.data + uri.len, '/');
    if (p == NULL) {
        return 0;
    }

    uri.len -= p - uri.data;
    uri.data = p;

    return ngx_http_apievents_path_try(r, path, &uri);
}


void
ngx_http_apievents_path_behind(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d, ngx_str_t *uri)
{
    u_char     *p;
    size_t      n;
    ngx_str_t   listen;

    *uri = r->uri;

    ngx_http_apievents_gate_listen(r, &d->conf->gate, &listen);
    n = listen.len;

    /* the slash at its end is the path's first */

    if (n != 0 && listen.data[n - 1] == '/') {
        n--;
    }

    if (n == 0 || uri->len < n
        || ngx_strncmp(uri->data, listen.data, n) != 0
        || (uri->len > n && uri->data[n] != '/' && n != listen.len))
    {
        return;
    }

    uri->data += n;
    uri->len -= n;

    if (uri->len == 0 || uri->data[0] == '/') {
        return;
    }

    /* the target is sent what is behind with a slash, and lists of paths have
     * to see the same */

    if (d->behind_of != r->uri.data || d->behind.len != uri->len + 1) {

        p = ngx_pnalloc(r->pool, uri->len + 1);
        if (p == NULL) {
            *uri = r->uri;
            return;
        }

        *p = '/';
        ngx_memcpy(p + 1, uri->data, uri->len);

        d->behind.data = p;
        d->behind.len = uri->len + 1;
        d->behind_of = r->uri.data;
    }

    *uri = d->behind;
}


void
ngx_http_apievents_gate_listen(ngx_http_request_t *r,
    ngx_http_apievents_gate_conf_t *gcf, ngx_str_t *listen)
{
    int  captures[3];

    *listen = gcf->listen_path;

    if (gcf->listen_regex == NULL) {
        return;
    }

    ngx_str_null(listen);

    if (ngx_regex_exec((ngx_regex_t *) gcf->listen_regex, &r->uri, captures,
                       3)
        >= 0)
    {
        listen->data = r->uri.data;
        listen->len = captures[1];
    }
}


static ngx_uint_t
ngx_http_apievents_path_try(ngx_http_request_t *r,
    const ngx_http_apievents_path_t *path, ngx_str_t *uri)
{
    ngx_int_t  rc;

    if (path->plain) {
        return uri->len >= path->start.len
               && ngx_memcmp(uri->data, path->start.data, path->start.len)
                  == 0;
    }

    rc = ngx_regex_exec((ngx_regex_t *) path->regex, uri, NULL, 0);

    if (rc < 0 && rc != NGX_REGEX_NO_MATCHED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      ngx_regex_exec_n " failed: %i on \"%V\" using \"%V\"",
                      rc, uri, &path->text);
    }

    return rc >= 0;
}
