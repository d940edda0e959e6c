/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Addresses that may be asked for somebody who is not the operator: those
 * that are globally reachable, and what api_callback_allow adds.  The one that
 * is connected to is looked at, after names were looked up: what a name meant
 * before says nothing.
 */


#include "apievents.h"


static ngx_uint_t ngx_http_apievents_address_global(struct sockaddr *sa);


char *
ngx_http_apievents_api_callback_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_main_conf_t *mcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    if (mcf->generated.allow.elts == NULL
        && ngx_array_init(&mcf->generated.allow, cf->pool, 4,
                          sizeof(ngx_cidr_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(&mcf->generated.allow);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        /* a slip of the pen is not to open more than was meant */

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\", a network without "
                               "bits beyond its mask is expected", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\", an IPv4 or IPv6 "
                               "address or network, as 10.2.0.0/16, is "
                               "expected", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_apievents_filter(ngx_http_apievents_outgoing_t *o, ngx_addr_t *addr)
{
    u_char                          *p;
    size_t                           len;
    ngx_http_apievents_main_conf_t  *mcf;

    if (!o->target->filter
        || ngx_http_apievents_address_global(addr->sockaddr))
    {
        return NGX_OK;
    }

    mcf = ngx_http_get_module_main_conf(o->request,
                                        ngx_http_apievents_module);

    if (mcf->generated.allow.nelts != 0
        && ngx_cidr_match(addr->sockaddr, &mcf->generated.allow) == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_str_set(&o->error, "address is not globally reachable");

    p = ngx_pnalloc(o->request->pool,
                    sizeof("address  is not globally reachable")
                    + NGX_SOCKADDR_STRLEN);

    if (p != NULL) {
        o->error.data = p;

        p = ngx_cpymem(p, "address ", sizeof("address ") - 1);
        len = ngx_sock_ntop(addr->sockaddr, addr->socklen, p,
                            NGX_SOCKADDR_STRLEN, 0);
        p = ngx_cpymem(p + len, " is not globally reachable",
                       sizeof(" is not globally reachable") - 1);

        o->error.len = p - o->error.data;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_apievents_address_global(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        return ae_address_global(sin6->sin6_addr.s6_addr, 16);
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return ae_address_global((u_char *) &sin->sin_addr, 4);

    default:
        return 0;
    }
}
