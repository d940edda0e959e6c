/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_hosts: which upstreams are watched, and how.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_HOSTS_INTERVAL  5000
#define NGX_HTTP_APIEVENTS_HOSTS_TIMEOUT   2000
#define NGX_HTTP_APIEVENTS_HOSTS_FALL      3
#define NGX_HTTP_APIEVENTS_HOSTS_RISE      2

#define NGX_HTTP_APIEVENTS_HOSTS_INTERVAL_MIN  100
#define NGX_HTTP_APIEVENTS_HOSTS_INTERVAL_MAX  (24 * 3600 * 1000)


static ngx_http_apievents_hosts_t *ngx_http_apievents_hosts_add(
    ngx_conf_t *cf, ngx_http_apievents_gate_main_conf_t *gmcf,
    ngx_str_t *upstream);
static ngx_int_t ngx_http_apievents_hosts_param(ngx_conf_t *cf,
    ngx_http_apievents_hosts_t *hosts, ngx_str_t *arg);
static ngx_int_t ngx_http_apievents_hosts_count(ngx_conf_t *cf,
    ngx_str_t *arg, ngx_str_t *value, uint32_t *count);
static ngx_int_t ngx_http_apievents_hosts_time(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_str_t *value, ngx_msec_t *time);
static ngx_int_t ngx_http_apievents_hosts_uri(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_str_t *value, ngx_str_t *uri);
static char *ngx_http_apievents_hosts_check(ngx_conf_t *cf,
    ngx_http_apievents_hosts_t *hosts);

static ngx_http_upstream_srv_conf_t *ngx_http_apievents_hosts_upstream(
    ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_http_apievents_hosts_servers(ngx_conf_t *cf,
    ngx_http_apievents_hosts_t *hosts, ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_apievents_hosts_server(
    ngx_http_apievents_hosts_t *hosts, ngx_addr_t *addr);


char *
ngx_http_apievents_api_hosts(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_main_conf_t  *mcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_apievents_hosts_t  *hosts;

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has an empty argument, the name of an upstream is expected";
    }

    hosts = ngx_http_apievents_hosts_add(cf, &mcf->gate, &value[1]);

    if (hosts == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_apievents_hosts_param(cf, hosts, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_apievents_hosts_check(cf, hosts);
}


static ngx_http_apievents_hosts_t *
ngx_http_apievents_hosts_add(ngx_conf_t *cf,
    ngx_http_apievents_gate_main_conf_t *gmcf, ngx_str_t *upstream)
{
    ngx_uint_t                    i;
    ngx_http_apievents_hosts_t   *hosts, **hp;

    if (gmcf->hosts == NULL) {
        gmcf->hosts = ngx_array_create(cf->pool, 2, sizeof(void *));
        if (gmcf->hosts == NULL) {
            return NULL;
        }
    }

    hp = gmcf->hosts->elts;

    for (i = 0; i < gmcf->hosts->nelts; i++) {

        if (hp[i]->upstream.len == upstream->len
            && ngx_strncasecmp(hp[i]->upstream.data, upstream->data,
                               upstream->len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"api_hosts %V\", the first is in "
                               "%V", upstream, &hp[i]->place);
            return NULL;
        }
    }

    hosts = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_hosts_t));
    hp = ngx_array_push(gmcf->hosts);

    if (hosts == NULL || hp == NULL
        || ngx_http_apievents_place(cf, &hosts->place) != NGX_OK
        || ngx_array_init(&hosts->hosts, cf->pool, 4,
                          sizeof(ngx_http_apievents_server_t))
           != NGX_OK)
    {
        return NULL;
    }

    hosts->upstream = *upstream;
    hosts->rule.fall = NGX_HTTP_APIEVENTS_HOSTS_FALL;
    hosts->rule.rise = NGX_HTTP_APIEVENTS_HOSTS_RISE;

    *hp = hosts;

    return hosts;
}


static ngx_int_t
ngx_http_apievents_hosts_param(ngx_conf_t *cf,
    ngx_http_apievents_hosts_t *hosts, ngx_str_t *arg)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    if (p != NULL) {
        value.data = p + 1;
        value.len = arg->data + arg->len - value.data;

        if (ngx_strncmp(arg->data, "probe=", 6) == 0) {
            hosts->probe = 1;
            return ngx_http_apievents_hosts_uri(cf, arg, &value,
                                                &hosts->target.uri);
        }

        if (ngx_strncmp(arg->data, "interval=", 9) == 0) {
            return ngx_http_apievents_hosts_time(cf, arg, &value,
                                                 &hosts->interval);
        }

        if (ngx_strncmp(arg->data, "timeout=", 8) == 0) {
            return ngx_http_apievents_hosts_time(cf, arg, &value,
                                                 &hosts->target.timeout);
        }

        if (ngx_strncmp(arg->data, "fall=", 5) == 0) {
            return ngx_http_apievents_hosts_count(cf, arg, &value,
                                                  &hosts->rule.fall);
        }

        if (ngx_strncmp(arg->data, "rise=", 5) == 0) {
            return ngx_http_apievents_hosts_count(cf, arg, &value,
                                                  &hosts->rule.rise);
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", \"probe=\", \"interval=\", "
                       "\"timeout=\", \"fall=\" or \"rise=\" is expected",
                       arg);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_hosts_count(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_str_t *value, uint32_t *count)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > 1000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\", 1 to 1000 is expected", arg);
        return NGX_ERROR;
    }

    *count = (uint32_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_hosts_time(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_str_t *value, ngx_msec_t *time)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(value, 0);

    if (ms < NGX_HTTP_APIEVENTS_HOSTS_INTERVAL_MIN / 2
        || ms > NGX_HTTP_APIEVENTS_HOSTS_INTERVAL_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\", a time of 50ms to 1d is expected",
                           arg);
        return NGX_ERROR;
    }

    *time = ms;

    return NGX_OK;
}


/* it becomes part of a request line */

static ngx_int_t
ngx_http_apievents_hosts_uri(ngx_conf_t *cf, ngx_str_t *arg, ngx_str_t *value,
    ngx_str_t *uri)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] <= ' ' || value->data[i] >= 0x7f
            || value->data[i] == '#')
        {
            break;
        }
    }

    if (value->len == 0 || value->data[0] != '/' || i != value->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\", a path that starts with \"/\" is "
                           "expected", arg);
        return NGX_ERROR;
    }

    *uri = *value;

    return NGX_OK;
}


static char *
ngx_http_apievents_hosts_check(ngx_conf_t *cf,
    ngx_http_apievents_hosts_t *hosts)
{
    ngx_msec_t  *timeout;

    timeout = &hosts->target.timeout;

    if (!hosts->probe) {

        if (hosts->interval != 0 || *timeout != 0) {
            return "with \"interval=\" or \"timeout=\" needs \"probe=\"";
        }

        /* who tells of a change has that long for it */

        hosts->rule.lease = (uint64_t) NGX_HTTP_APIEVENTS_HOSTS_TIMEOUT
                            * 1000000;
        return NGX_CONF_OK;
    }

    if (hosts->interval == 0) {
        hosts->interval = NGX_HTTP_APIEVENTS_HOSTS_INTERVAL;
    }

    if (hosts->interval < NGX_HTTP_APIEVENTS_HOSTS_INTERVAL_MIN) {
        return "has an \"interval=\" that is too short, at least 100ms is "
               "expected";
    }

    if (*timeout == 0) {
        *timeout = ngx_min(NGX_HTTP_APIEVENTS_HOSTS_TIMEOUT,
                           hosts->interval * 4 / 5);
    }

    if (*timeout >= hosts->interval) {
        return "has a \"timeout=\" that is not shorter than \"interval=\"";
    }

    hosts->rule.interval = (uint64_t) hosts->interval * 1000000;
    hosts->rule.lease = (uint64_t) (*timeout + 500) * 1000000;

    hosts->target.host = hosts->upstream;
    hosts->target.authority = hosts->upstream;

    return ngx_http_apievents_generate_target(cf, &hosts->target);
}


/* upstreams are all known only when the http block is complete */

ngx_int_t
ngx_http_apievents_hosts_init(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_apievents_hosts_t     **hosts;
    ngx_http_upstream_srv_conf_t    *us;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->gate.hosts == NULL) {
        return NGX_OK;
    }

    hosts = mcf->gate.hosts->elts;

    if (mcf->store.shm_zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"api_hosts\" needs an \"api_zone\" in the http block "
                      "in %V", &hosts[0]->place);
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->gate.hosts->nelts; i++) {
        us = ngx_http_apievents_hosts_upstream(cf, &hosts[i]->upstream);

        if (us == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown upstream \"%V\", the name of an "
                          "\"upstream\" block or HOST:PORT of a "
                          "\"proxy_pass\" is expected in %V",
                          &hosts[i]->upstream, &hosts[i]->place);
            return NGX_ERROR;
        }

        if (ngx_http_apievents_hosts_servers(cf, hosts[i], us) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_apievents_hosts_log_handler;

    return NGX_OK;
}


/* a block's name has no port, that of a proxy_pass has one of its own */

static ngx_http_upstream_srv_conf_t *
ngx_http_apievents_hosts_upstream(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char                          *p;
    ngx_int_t                        port;
    ngx_str_t                        host;
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **us;
    ngx_http_upstream_main_conf_t   *umcf;

    host = *name;
    port = 0;

    for (p = name->data + name->len; p > name->data; p--) {

        if (p[-1] == ':') {
            port = ngx_atoi(p, name->data + name->len - p);

            if (port > 0) {
                host.len = p - 1 - name->data;
            }

            break;
        }

        if (p[-1] < '0' || p[-1] > '9') {
            break;
        }
    }

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    us = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (us[i]->host.len == host.len
            && ngx_strncasecmp(us[i]->host.data, host.data, host.len) == 0
            && (us[i]->port == (in_port_t) ngx_max(port, 0)
                || (port <= 0 && us[i]->no_port)))
        {
            return us[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_apievents_hosts_servers(ngx_conf_t *cf,
    ngx_http_apievents_hosts_t *hosts, ngx_http_upstream_srv_conf_t *us)
{
    ngx_url_t                    u;
    ngx_uint_t                   i, n;
    ngx_http_upstream_server_t  *server;

    n = us->servers ? us->servers->nelts : 0;
    server = us->servers ? us->servers->elts : NULL;

    for (i = 0; i < n; i++) {
        ngx_memzero(&u, sizeof(ngx_url_t));

        u.addrs = server[i].addrs;
        u.naddrs = server[i].down ? 0 : server[i].naddrs;

        while (u.naddrs-- > 0) {

            if (ngx_http_apievents_hosts_server(hosts, u.addrs++) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    /* as nginx itself looks the host of a proxy_pass up */

    if (us->servers == NULL && us->port != 0) {
        ngx_memzero(&u, sizeof(ngx_url_t));

        u.host = us->host;
        u.port = us->port;

        if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK) {
            u.naddrs = 0;
        }

        for (i = 0; i < u.naddrs; i++) {

            if (ngx_http_apievents_hosts_server(hosts, &u.addrs[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (hosts->hosts.nelts == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "upstream \"%V\" has no server with an address that "
                      "could be watched in %V", &hosts->upstream,
                      &hosts->place);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_hosts_server(ngx_http_apievents_hosts_t *hosts,
    ngx_addr_t *addr)
{
    ngx_uint_t                    i;
    ngx_http_apievents_server_t  *server;

    server = hosts->hosts.elts;

    for (i = 0; i < hosts->hosts.nelts; i++) {

        if (server[i].addr.name.len == addr->name.len
            && ngx_strncmp(server[i].addr.name.data, addr->name.data,
                           addr->name.len)
               == 0)
        {
            return NGX_OK;
        }
    }

    server = ngx_array_push(&hosts->hosts);
    if (server == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(server, sizeof(ngx_http_apievents_server_t));

    server->hosts = hosts;
    server->addr = *addr;

    return NGX_OK;
}
