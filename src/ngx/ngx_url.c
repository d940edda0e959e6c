/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_URL_MAX  4096


static const char *ngx_http_apievents_url_chars(ngx_str_t *url);
static const char *ngx_http_apievents_url_host(ngx_pool_t *pool,
    ngx_str_t *authority, ngx_http_apievents_target_t *t);
static ngx_int_t ngx_http_apievents_url_name(ngx_str_t *host);
static ngx_int_t ngx_http_apievents_url_inet6(ngx_str_t *host);
static ngx_uint_t ngx_http_apievents_url_number(u_char *p, u_char *end);
static const char *ngx_http_apievents_url_port(ngx_str_t *port,
    ngx_http_apievents_target_t *t);
static ngx_int_t ngx_http_apievents_url_literal(ngx_pool_t *pool,
    ngx_http_apievents_target_t *t);


const char *
ngx_http_apievents_parse_url(ngx_pool_t *pool, ngx_str_t *url,
    ngx_http_apievents_target_t *t)
{
    u_char      *p, *last, *end;
    ngx_str_t    authority;
    const char  *err;

    err = ngx_http_apievents_url_chars(url);
    if (err != NULL) {
        return err;
    }

    p = url->data;
    end = p + url->len;

    if (url->len > 7 && ngx_strncasecmp(p, (u_char *) "http://", 7) == 0) {
        p += 7;
        t->port = 80;

    } else if (url->len > 8
               && ngx_strncasecmp(p, (u_char *) "https://", 8) == 0)
    {
        p += 8;
        t->port = 443;
        t->tls = 1;

    } else {
        return "an absolute http:// or https:// URL is expected";
    }

    for (last = p; last < end && *last != '/' && *last != '?'; last++) {
        /* void */
    }

    authority.data = p;
    authority.len = last - p;

    err = ngx_http_apievents_url_host(pool, &authority, t);
    if (err != NULL) {
        return err;
    }

    t->url = *url;
    t->authority = authority;

    if (last < end && *last == '/') {
        t->uri.data = last;
        t->uri.len = end - last;

    } else {
        t->uri.data = ngx_pnalloc(pool, end - last + 1);
        if (t->uri.data == NULL) {
            return "no memory";
        }

        t->uri.data[0] = '/';
        ngx_memcpy(t->uri.data + 1, last, end - last);
        t->uri.len = end - last + 1;
    }

    if (ngx_http_apievents_url_literal(pool, t) != NGX_OK) {
        return "no memory";
    }

    return NULL;
}


static const char *
ngx_http_apievents_url_chars(ngx_str_t *url)
{
    size_t  i;
    u_char  ch;

    if (url->len > NGX_HTTP_APIEVENTS_URL_MAX) {
        return "a URL of at most 4096 bytes is expected";
    }

    for (i = 0; i < url->len; i++) {
        ch = url->data[i];

        if (ch <= 0x20 || ch >= 0x7f) {
            return "a URL without spaces, controls and unencoded bytes "
                   "is expected";
        }

        if (ch == '#') {
            return "a URL without a fragment is expected";
        }
    }

    return NULL;
}


static const char *
ngx_http_apievents_url_host(ngx_pool_t *pool, ngx_str_t *authority,
    ngx_http_apievents_target_t *t)
{
    u_char     *p, *end;
    ngx_str_t   port;

    p = authority->data;
    end = p + authority->len;

    if (p < end && *p == '[') {
        t->host.data = ++p;
        p = ngx_strlchr(p, end, ']');

        if (p == NULL) {
            return "an IPv6 address in brackets is expected";
        }

        t->host.len = p++ - t->host.data;

        if (ngx_http_apievents_url_inet6(&t->host) != NGX_OK) {
            return "an IPv6 address in brackets is expected";
        }

    } else {
        t->host.data = p;

        while (p < end
               && (isalnum(*p) || *p == '.' || *p == '-' || *p == '_'))
        {
            p++;
        }

        t->host.len = p - t->host.data;
    }

    if (t->host.data == authority->data
        && ngx_http_apievents_url_name(&t->host) != NGX_OK)
    {
        return "a host name or address is expected";
    }

    if (p == end) {
        return NULL;
    }

    if (*p != ':') {
        return "a host without user name and special characters is expected";
    }

    port.data = p + 1;
    port.len = end - p - 1;

    return ngx_http_apievents_url_port(&port, t);
}


/*
 * An address, or labels of which the last one is not a number: RFC 1123.
 * Numbers that others read as octal or hexadecimal are neither.
 */

static ngx_int_t
ngx_http_apievents_url_name(ngx_str_t *host)
{
    u_char      *p, *end, *label;
    ngx_uint_t   number, zero;

    if (host->len == 0 || host->len > 253) {
        return NGX_ERROR;
    }

    end = host->data + host->len;
    label = host->data;
    number = 0;
    zero = 0;

    for (p = label; p <= end; p++) {

        if (p < end && *p != '.') {
            continue;
        }

        if (p == label && p == end) {
            /* a full stop after all labels, which an address has not */
            return number ? NGX_ERROR : NGX_OK;
        }

        if (p == label || p - label > 63) {
            return NGX_ERROR;
        }

        number = ngx_http_apievents_url_number(label, p);

        if (*label == '0' && p - label > 1) {
            zero = 1;
        }

        label = p + 1;
    }

    if (!number) {
        return NGX_OK;
    }

    return !zero && ngx_inet_addr(host->data, host->len) != INADDR_NONE
           ? NGX_OK : NGX_ERROR;
}


/* the last part of it may be an IPv4 address, to which the same applies */

static ngx_int_t
ngx_http_apievents_url_inet6(ngx_str_t *host)
{
    u_char     *p, *end, addr[16];
    ngx_str_t   last;

    if (ngx_inet6_addr(host->data, host->len, addr) != NGX_OK) {
        return NGX_ERROR;
    }

    end = host->data + host->len;

    if (ngx_strlchr(host->data, end, '.') == NULL) {
        return NGX_OK;
    }

    for (p = end; p > host->data && p[-1] != ':'; p--) {
        /* void */
    }

    last.data = p;
    last.len = end - p;

    return ngx_http_apievents_url_name(&last);
}


static ngx_uint_t
ngx_http_apievents_url_number(u_char *p, u_char *end)
{
    ngx_uint_t  hex;

    hex = (end - p > 1 && p[0] == '0' && (p[1] | 0x20) == 'x');

    for (p += hex ? 2 : 0; p < end; p++) {

        if (!isdigit(*p) && !(hex && isxdigit(*p))) {
            return 0;
        }
    }

    return 1;
}


static const char *
ngx_http_apievents_url_port(ngx_str_t *port, ngx_http_apievents_target_t *t)
{
    ngx_int_t  n;

    n = ngx_atoi(port->data, port->len);

    if (n < 1 || n > 65535) {
        return "a port between 1 and 65535 is expected";
    }

    t->port = (in_port_t) n;

    return NULL;
}


static ngx_int_t
ngx_http_apievents_url_literal(ngx_pool_t *pool,
    ngx_http_apievents_target_t *t)
{
    ngx_int_t   rc;
    ngx_addr_t  addr;

    rc = ngx_parse_addr(pool, &addr, t->host.data, t->host.len);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    ngx_inet_set_port(addr.sockaddr, t->port);

    t->literal = ngx_palloc(pool, sizeof(ngx_addr_t));
    if (t->literal == NULL) {
        return NGX_ERROR;
    }

    *t->literal = addr;
    t->literal->name = t->authority;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_valid_header(ngx_str_t *name, ngx_str_t *value)
{
    size_t  i;
    u_char  ch;

    if (name->len == 0) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (!isalnum(ch) && (ch == '\0' || strchr("!#$%&'*+-.^_`|~", ch)
                                           == NULL))
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if ((ch < 0x20 && ch != '\t') || ch == 0x7f) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_apievents_framing_header(ngx_str_t *name)
{
    ngx_uint_t        i;
    static ngx_str_t  names[] = {
        ngx_string("Connection"),
        ngx_string("Content-Length"),
        ngx_string("Expect"),
        ngx_string("Keep-Alive"),
        ngx_string("TE"),
        ngx_string("Trailer"),
        ngx_string("Transfer-Encoding"),
        ngx_string("Upgrade"),
        ngx_string("X-Api-Events-Hops"),
        ngx_null_string
    };

    for (i = 0; names[i].len != 0; i++) {

        if (names[i].len == name->len
            && ngx_strncasecmp(names[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
