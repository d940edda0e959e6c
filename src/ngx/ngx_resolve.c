/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Names of hosts, looked up at each attempt: an address stands for itself,
 * localhost is this host (RFC 6761, 6.3), then nginx's "resolver" if there is
 * one, else what the system has in hosts and resolv.conf.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_HOSTS_MAX  262144


static ngx_int_t ngx_http_apievents_resolve_local(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o, ngx_uint_t hosts);
static ngx_int_t ngx_http_apievents_add_loopback(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o);
static ngx_int_t ngx_http_apievents_add_addr(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o, struct sockaddr *sa, socklen_t len);
static void ngx_http_apievents_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_apievents_resolve_cancel(void *data);

static ngx_uint_t ngx_http_apievents_has_ipv6(void);
static ngx_int_t ngx_http_apievents_system_file(ngx_conf_t *cf,
    const char *name, ngx_str_t *text);
static ngx_int_t ngx_http_apievents_next_line(ngx_str_t *text,
    ngx_str_t *line);
static ngx_int_t ngx_http_apievents_next_word(ngx_str_t *line,
    ngx_str_t *word);
static ngx_int_t ngx_http_apievents_read_hosts(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g);
static ngx_int_t ngx_http_apievents_read_resolv(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g);


ngx_int_t
ngx_http_apievents_resolve(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o)
{
    ngx_resolver_t                  *resolver;
    ngx_resolver_ctx_t              *ctx, temp;
    ngx_http_cleanup_t              *cln;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_apievents_main_conf_t  *mcf;

    if (o->target->literal != NULL) {
        o->addrs = o->target->literal;
        o->naddrs = 1;
        return NGX_OK;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    resolver = clcf->resolver;

    if (resolver == NULL || resolver->connections.nelts == 0) {
        resolver = mcf->generated.resolver;
    }

    if (ngx_http_apievents_resolve_local(r, o,
                                         resolver == mcf->generated.resolver)
        == NGX_OK)
    {
        return NGX_OK;
    }

    if (resolver == NULL) {
        ngx_str_set(&o->error, "host is not in hosts, there is no resolver");
        return NGX_OK;
    }

    temp.name = o->target->host;

    cln = ngx_http_cleanup_add(r, 0);
    ctx = (cln == NULL) ? NULL : ngx_resolve_start(resolver, &temp);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_str_set(&o->error, "no memory for looking the host up");
        return NGX_OK;
    }

    ctx->name = o->target->host;
    ctx->handler = ngx_http_apievents_resolved;
    ctx->data = o;
    ctx->timeout = clcf->resolver_timeout;

    cln->handler = ngx_http_apievents_resolve_cancel;
    cln->data = o;

    o->resolving = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        /* it has freed the context */
        o->resolving = NULL;
        ngx_str_set(&o->error, "host could not be looked up");
        return NGX_OK;
    }

    if (o->resolving != NULL) {
        o->parked = 1;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_resolve_local(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o, ngx_uint_t hosts)
{
    ngx_str_t                       *name;
    ngx_uint_t                       i;
    ngx_http_apievents_host_t       *host;
    ngx_http_apievents_main_conf_t  *mcf;

    name = &o->target->host;

    if ((name->len == 9
         && ngx_strncasecmp(name->data, (u_char *) "localhost", 9) == 0)
        || (name->len > 10
            && ngx_strncasecmp(name->data + name->len - 10,
                               (u_char *) ".localhost", 10)
               == 0))
    {
        return ngx_http_apievents_add_loopback(r, o);
    }

    if (!hosts) {
        return NGX_DECLINED;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    host = mcf->generated.hosts.elts;

    for (i = 0; i < mcf->generated.hosts.nelts; i++) {

        if (host[i].name.len == name->len
            && ngx_strncasecmp(host[i].name.data, name->data, name->len) == 0)
        {
            (void) ngx_http_apievents_add_addr(r, o, host[i].addr.sockaddr,
                                               host[i].addr.socklen);
        }
    }

    return o->naddrs != 0 ? NGX_OK : NGX_DECLINED;
}


/* what says that it listens on "localhost" may do so on either address */

static ngx_int_t
ngx_http_apievents_add_loopback(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o)
{
    struct sockaddr_in               sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6              sin6;
    ngx_http_apievents_main_conf_t  *mcf;
#endif

    ngx_memzero(&sin, sizeof(struct sockaddr_in));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (ngx_http_apievents_add_addr(r, o, (struct sockaddr *) &sin,
                                    sizeof(struct sockaddr_in))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (NGX_HAVE_INET6)

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (mcf->generated.ipv6) {
        ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
        sin6.sin6_family = AF_INET6;
        sin6.sin6_addr = in6addr_loopback;

        (void) ngx_http_apievents_add_addr(r, o, (struct sockaddr *) &sin6,
                                           sizeof(struct sockaddr_in6));
    }

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_add_addr(ngx_http_request_t *r,
    ngx_http_apievents_outgoing_t *o, struct sockaddr *sa, socklen_t len)
{
    u_char      *p;
    ngx_addr_t  *addrs;

    /* hosts have few addresses: copying them at each one is cheap enough */

    addrs = ngx_palloc(r->pool, (o->naddrs + 1) * sizeof(ngx_addr_t));
    if (addrs == NULL) {
        return NGX_ERROR;
    }

    if (o->naddrs != 0) {
        ngx_memcpy(addrs, o->addrs, o->naddrs * sizeof(ngx_addr_t));
    }

    p = ngx_palloc(r->pool, len + NGX_SOCKADDR_STRLEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    addrs[o->naddrs].sockaddr = (struct sockaddr *) p;
    addrs[o->naddrs].socklen = len;
    ngx_memcpy(p, sa, len);
    ngx_inet_set_port((struct sockaddr *) p, o->target->port);

    p += len;

    addrs[o->naddrs].name.data = p;
    addrs[o->naddrs].name.len = ngx_sock_ntop(addrs[o->naddrs].sockaddr, len,
                                              p, NGX_SOCKADDR_STRLEN, 1);

    o->addrs = addrs;
    o->naddrs++;

    return NGX_OK;
}


static void
ngx_http_apievents_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_http_apievents_outgoing_t *o = ctx->data;

    ngx_uint_t           i;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = o->request;
    c = r->connection;

    if (ctx->state != NGX_OK) {
        ngx_str_set(&o->error, "host not found");

    } else {
        for (i = 0; i < ctx->naddrs; i++) {
            (void) ngx_http_apievents_add_addr(r, o, ctx->addrs[i].sockaddr,
                                               ctx->addrs[i].socklen);
        }

        if (o->naddrs == 0) {
            ngx_str_set(&o->error, "no memory for the host's addresses");
        }
    }

    ngx_resolve_name_done(ctx);
    o->resolving = NULL;

    if (o->parked) {
        o->parked = 0;
        r->write_event_handler(r);
        ngx_http_run_posted_requests(c);
    }
}


static void
ngx_http_apievents_resolve_cancel(void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    if (o->resolving != NULL) {
        ngx_resolve_name_done(o->resolving);
        o->resolving = NULL;
    }
}


ngx_int_t
ngx_http_apievents_resolve_init(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g)
{
    g->ipv6 = ngx_http_apievents_has_ipv6() ? 1 : 0;

    if (ngx_http_apievents_read_hosts(cf, g) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_apievents_read_resolv(cf, g);
}


/* without it each attempt to connect would be an alert */

static ngx_uint_t
ngx_http_apievents_has_ipv6(void)
{
#if (NGX_HAVE_INET6)

    ngx_int_t            rc;
    ngx_socket_t         s;
    struct sockaddr_in6  sin6;

    s = ngx_socket(AF_INET6, SOCK_STREAM, 0);
    if (s == (ngx_socket_t) -1) {
        return 0;
    }

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
    sin6.sin6_family = AF_INET6;
    sin6.sin6_addr = in6addr_loopback;

    rc = bind(s, (struct sockaddr *) &sin6, sizeof(struct sockaddr_in6));

    (void) ngx_close_socket(s);

    return rc == 0;

#else

    return 0;

#endif
}


/* NGX_DECLINED: the system has no such file, or not a readable one */

static ngx_int_t
ngx_http_apievents_system_file(ngx_conf_t *cf, const char *name,
    ngx_str_t *text)
{
    ssize_t   n;
    ngx_fd_t  fd;

    fd = ngx_open_file((u_char *) name, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return NGX_DECLINED;
    }

    text->data = ngx_palloc(cf->temp_pool, NGX_HTTP_APIEVENTS_HOSTS_MAX);
    if (text->data == NULL) {
        (void) ngx_close_file(fd);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text->data, NGX_HTTP_APIEVENTS_HOSTS_MAX);

    (void) ngx_close_file(fd);

    text->len = (n < 0) ? 0 : (size_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_next_line(ngx_str_t *text, ngx_str_t *line)
{
    u_char  *p, *end;

    if (text->len == 0) {
        return NGX_DONE;
    }

    end = text->data + text->len;
    p = ngx_strlchr(text->data, end, '\n');

    if (p == NULL) {
        p = end;
    }

    line->data = text->data;
    line->len = p - text->data;

    text->data = (p == end) ? end : p + 1;
    text->len = end - text->data;

    p = ngx_strlchr(line->data, line->data + line->len, '#');

    if (p != NULL) {
        line->len = p - line->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_next_word(ngx_str_t *line, ngx_str_t *word)
{
    while (line->len != 0
           && (*line->data == ' ' || *line->data == '\t'
               || *line->data == '\r'))
    {
        line->data++;
        line->len--;
    }

    word->data = line->data;
    word->len = 0;

    while (line->len != 0
           && *line->data != ' ' && *line->data != '\t'
           && *line->data != '\r')
    {
        line->data++;
        line->len--;
        word->len++;
    }

    return word->len != 0 ? NGX_OK : NGX_DONE;
}


static ngx_int_t
ngx_http_apievents_read_hosts(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g)
{
    ngx_int_t                   rc;
    ngx_str_t                   text, line, word;
    ngx_addr_t                  addr;
    ngx_http_apievents_host_t  *host;

    if (ngx_array_init(&g->hosts, cf->pool, 8,
                       sizeof(ngx_http_apievents_host_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_apievents_system_file(cf, "/etc/hosts", &text);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    while (ngx_http_apievents_next_line(&text, &line) == NGX_OK) {

        if (ngx_http_apievents_next_word(&line, &word) != NGX_OK
            || ngx_parse_addr(cf->pool, &addr, word.data, word.len) != NGX_OK)
        {
            continue;
        }

        while (ngx_http_apievents_next_word(&line, &word) == NGX_OK) {

            host = ngx_array_push(&g->hosts);
            if (host == NULL) {
                return NGX_ERROR;
            }

            host->addr = addr;
            host->name.len = word.len;
            host->name.data = ngx_pstrdup(cf->pool, &word);
            if (host->name.data == NULL) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_read_resolv(ngx_conf_t *cf,
    ngx_http_apievents_generated_t *g)
{
    ngx_int_t    rc;
    ngx_str_t    text, line, word, *name;
    ngx_addr_t   addr;
    ngx_array_t  names;

    rc = ngx_http_apievents_system_file(cf, "/etc/resolv.conf", &text);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    if (ngx_array_init(&names, cf->temp_pool, 4, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (ngx_http_apievents_next_line(&text, &line) == NGX_OK) {

        if (ngx_http_apievents_next_word(&line, &word) != NGX_OK
            || word.len != 10
            || ngx_strncmp(word.data, "nameserver", 10) != 0
            || ngx_http_apievents_next_word(&line, &word) != NGX_OK
            || ngx_parse_addr(cf->temp_pool, &addr, word.data, word.len)
               != NGX_OK)
        {
            continue;
        }

        name = ngx_array_push(&names);
        if (name == NULL) {
            return NGX_ERROR;
        }

        /* with a port, an IPv6 address stands in brackets */

        name->data = ngx_pnalloc(cf->pool, NGX_SOCKADDR_STRLEN);
        if (name->data == NULL) {
            return NGX_ERROR;
        }

        ngx_inet_set_port(addr.sockaddr, 53);
        name->len = ngx_sock_ntop(addr.sockaddr, addr.socklen, name->data,
                                  NGX_SOCKADDR_STRLEN, 1);
    }

    if (names.nelts == 0) {
        return NGX_OK;
    }

    g->resolver = ngx_resolver_create(cf, names.elts, names.nelts);

    return g->resolver == NULL ? NGX_ERROR : NGX_OK;
}
