/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * HTTP requests on their way out through generated locations: the balancer
 * and the variables that the generated text names.
 */


#include "apievents.h"


typedef enum {
    NGX_HTTP_APIEVENTS_SCHEME = 0,
    NGX_HTTP_APIEVENTS_URI,
    NGX_HTTP_APIEVENTS_HOST,
    NGX_HTTP_APIEVENTS_NAME,
    NGX_HTTP_APIEVENTS_METHOD,
    NGX_HTTP_APIEVENTS_CERTIFICATE,
    NGX_HTTP_APIEVENTS_BODY
} ngx_http_apievents_part_e;


static ngx_http_apievents_outgoing_t *ngx_http_apievents_outgoing_bind(
    ngx_http_apievents_call_t *call, ngx_http_request_t *r);
static ngx_uint_t ngx_http_apievents_outgoing_location(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_apievents_limit_time(ngx_http_request_t *r,
    ngx_msec_t timeout);
static void ngx_http_apievents_free_peer(ngx_peer_connection_t *pc,
    void *data, ngx_uint_t state);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_apievents_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_apievents_save_session(ngx_peer_connection_t *pc,
    void *data);
#endif

static ngx_int_t ngx_http_apievents_part_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_apievents_request_body(ngx_http_request_t *r,
    ngx_str_t *s);


static ngx_http_variable_t  ngx_http_apievents_ngx_vars[] = {

    { ngx_string("apievents_scheme"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_SCHEME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_uri"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_URI,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_host"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_HOST,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_name"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_NAME,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_method"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_METHOD,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_certificate"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_CERTIFICATE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("apievents_body"), NULL,
      ngx_http_apievents_part_variable, NGX_HTTP_APIEVENTS_BODY,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_apievents_ngx_add_variables(ngx_conf_t *cf)
{
    if (ngx_http_apievents_add_variables(cf, ngx_http_apievents_ngx_vars)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_scripted_add_variable(cf);
}


ngx_int_t
ngx_http_apievents_add_variables(ngx_conf_t *cf, ngx_http_variable_t *vars)
{
    ngx_http_variable_t  *var, *v;

    for (v = vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_ngx_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_apievents_main_conf_t  *mcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->generated.norigins != 0
        && ngx_http_apievents_resolve_init(cf, &mcf->generated) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->generated.server == NULL) {
        return NGX_OK;
    }

    /* the access phase is not for subrequests, this one is */

    h = ngx_array_push_n(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers, 2);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h[0] = ngx_http_apievents_outgoing_handler;
    h[1] = ngx_http_apievents_own_handler;

    if (mcf->generated.norigins != 0) {
        return NGX_OK;
    }

    return ngx_http_apievents_resolve_init(cf, &mcf->generated);
}


ngx_http_apievents_outgoing_t *
ngx_http_apievents_outgoing(ngx_http_apievents_call_t *call,
    ngx_http_apievents_target_t *target)
{
    ngx_http_apievents_outgoing_t  *o;

    o = ngx_pcalloc(call->request->pool,
                    sizeof(ngx_http_apievents_outgoing_t));
    if (o == NULL) {
        return NULL;
    }

    o->call = call;
    o->target = target;

    if (ngx_list_init(&o->headers, call->request->pool, 4,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NULL;
    }

    return o;
}


ngx_int_t
ngx_http_apievents_outgoing_header(ngx_http_apievents_outgoing_t *o,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&o->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = *name;
    h->value = *value;
    h->lowcase_key = ngx_pnalloc(o->call->request->pool, name->len + 1);
    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, name->data, name->len);

    return NGX_OK;
}


ngx_http_apievents_outgoing_t *
ngx_http_apievents_outgoing_of(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r)
{
    ngx_uint_t                       i;
    ngx_http_apievents_outgoing_t  **o;

    if (call->outgoing != NULL && call->outgoing->request == r) {
        return call->outgoing;
    }

    if (call->scripted == NULL) {
        return NULL;
    }

    o = call->scripted->elts;

    for (i = 0; i < call->scripted->nelts; i++) {
        if (o[i]->request == r) {
            return o[i];
        }
    }

    return NULL;
}


static ngx_http_apievents_outgoing_t *
ngx_http_apievents_outgoing_bind(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r)
{
    ngx_int_t                        n;
    ngx_http_apievents_outgoing_t   *o, **op;

    if (r == call->subrequest) {
        o = call->outgoing;

    } else if (call->scripted != NULL
               && r->args.len > 3
               && ngx_strncmp(r->args.data, "id=", 3) == 0)
    {
        n = ngx_atoi(r->args.data + 3, r->args.len - 3);

        if (n < 0 || (ngx_uint_t) n >= call->scripted->nelts) {
            return NULL;
        }

        op = call->scripted->elts;
        o = op[n];

    } else {
        return NULL;
    }

    if (o == NULL || o->request != NULL) {
        return NULL;
    }

    o->request = r;

    if (r != call->subrequest) {
        ngx_http_apievents_scripted_guard(o);
    }

    n = r->headers_in.content_length_n;

    ngx_memzero(&r->headers_in, sizeof(ngx_http_headers_in_t));

    if (o->target->absolute.len != 0) {
        r->unparsed_uri = o->target->absolute;
        r->valid_unparsed_uri = 1;
    }

    r->headers_in.headers = o->headers;
    r->headers_in.content_length_n = n;
    r->headers_in.keep_alive_n = -1;

    /* the list's tail is found through its last part */

    if (o->headers.last == &o->headers.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    return o;
}


/* whether it is /_ae/call of the internal server */

static ngx_uint_t
ngx_http_apievents_outgoing_location(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return r->srv_conf == mcf->generated.server->srv_conf
           && clcf->name.len == sizeof("/_ae/call") - 1
           && ngx_strncmp(clcf->name.data, "/_ae/call", clcf->name.len) == 0;
}


ngx_int_t
ngx_http_apievents_outgoing_handler(ngx_http_request_t *r)
{
    ngx_http_apievents_call_t      *call;
    ngx_http_apievents_outgoing_t  *o;

    call = ngx_http_apievents_call_of(r);

    if (call == NULL || (r == call->subrequest && call->outgoing == NULL)) {

        /* from here nginx goes on into njs, which does not say so itself as
         * it does for event handlers */

        if (call != NULL && call->attached) {
            ngx_http_apievents_enter_script(call);
        }

        return NGX_DECLINED;
    }

    /* a script in line with a request reads of the request's server, too */

    if (call->attached && !ngx_http_apievents_outgoing_location(r)) {
        return NGX_DECLINED;
    }

    o = ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL) {
        o = ngx_http_apievents_outgoing_bind(call, r);

        if (o == NULL) {
            return NGX_HTTP_NOT_FOUND;
        }

        if (r != call->subrequest
            && ngx_http_apievents_share_take(o) == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }
    }

    if (o->parked) {
        return NGX_AGAIN;
    }

    if (!o->looked_up) {
        o->looked_up = 1;

        if (ngx_http_apievents_resolve(r, o) == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    return o->error.len != 0 ? NGX_HTTP_BAD_GATEWAY : NGX_DECLINED;
}


ngx_int_t
ngx_http_apievents_outgoing_answer(ngx_http_apievents_call_t *call,
    ngx_http_request_t *r)
{
    ngx_http_apievents_outgoing_t  *o;

    o = ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL
        || (r->upstream != NULL && r->upstream->headers_in.status_n != 0))
    {
        return NGX_DECLINED;
    }

    if (r->http_version == NGX_HTTP_VERSION_9) {
        ngx_str_set(&o->error, "answer is not HTTP");
        return NGX_ERROR;
    }

    if (o->error.len == 0) {
        ngx_str_set(&o->error, "no answer");
    }

    return ngx_http_apievents_outgoing_failed(o) == NGX_OK ? NGX_DECLINED
                                                           : NGX_ERROR;
}


ngx_int_t
ngx_http_apievents_outgoing_failed(ngx_http_apievents_outgoing_t *o)
{
    return ngx_http_apievents_error_header(o->request, &o->error);
}


ngx_int_t
ngx_http_apievents_error_header(ngx_http_request_t *r, ngx_str_t *error)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "X-Ae-Error");
    h->value = *error;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = ngx_http_apievents_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_apievents_call_t      *call;
    ngx_http_apievents_outgoing_t  *o;

    call = ngx_http_apievents_call_of(r);
    o = (call == NULL) ? NULL : ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL || o->naddrs == 0) {
        return NGX_ERROR;
    }

    if (o->target->timeout != 0
        && ngx_http_apievents_limit_time(r, o->target->timeout) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what is buffered is kept back from a subrequest in memory */

    if (r->subrequest_in_memory) {
        r->upstream->buffering = 0;
    }

    r->upstream->peer.data = o;
    r->upstream->peer.get = ngx_http_apievents_get_peer;
    r->upstream->peer.free = ngx_http_apievents_free_peer;
    r->upstream->peer.tries = o->naddrs;

#ifdef NGX_HTTP_UPSTREAM_EARLY_HINTS
    ngx_http_apievents_limit_hints(o, r->upstream);
#endif

#if (NGX_HTTP_SSL)
    r->upstream->peer.set_session = ngx_http_apievents_set_session;
    r->upstream->peer.save_session = ngx_http_apievents_save_session;
#endif

    return NGX_OK;
}


/* the timeouts of a location are fixed, a script may have less time left */

static ngx_int_t
ngx_http_apievents_limit_time(ngx_http_request_t *r, ngx_msec_t timeout)
{
    ngx_http_upstream_conf_t  *conf;

    if (timeout >= r->upstream->conf->connect_timeout
        && timeout >= r->upstream->conf->read_timeout)
    {
        return NGX_OK;
    }

    conf = ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = *r->upstream->conf;

    conf->connect_timeout = ngx_min(conf->connect_timeout, timeout);
    conf->send_timeout = ngx_min(conf->send_timeout, timeout);
    conf->read_timeout = ngx_min(conf->read_timeout, timeout);

    r->upstream->conf = conf;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    ngx_addr_t  *addr;

    addr = &o->addrs[o->next % o->naddrs];

    if (ngx_http_apievents_filter(o, addr) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, pc->log, 0, "%V: \"%V\"", &o->error,
                      &o->target->host);
        return NGX_BUSY;
    }

    pc->sockaddr = addr->sockaddr;
    pc->socklen = addr->socklen;
    pc->name = &addr->name;
    pc->cached = 0;
    pc->connection = NULL;

    return NGX_OK;
}


/*
 * nginx gives one more try when a kept connection turned out to be closed.
 * The next address is for a connection that could not be made: what was sent
 * over a fresh one is not sent again.
 */

static void
ngx_http_apievents_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_apievents_outgoing_t *o = data;

    if (pc->cached) {
        pc->tries--;
        return;
    }

    o->next++;

    if (pc->tries > 0) {
        pc->tries--;
    }

    if (o->request->upstream->request_sent) {
        pc->tries = 0;
    }
}


#if (NGX_HTTP_SSL)

static ngx_int_t
ngx_http_apievents_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    return ngx_ssl_set_session(pc->connection, o->target->session);
}


/* one a target: another endpoint may believe other certificates, or show one
 * of its own */

static void
ngx_http_apievents_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_apievents_outgoing_t *o = data;

    ngx_ssl_session_t  *old, *session;

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    old = o->target->session;
    o->target->session = session;

    if (old != NULL) {
        ngx_ssl_free_session(old);
    }
}

#endif


static ngx_int_t
ngx_http_apievents_part_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                       s;
    ngx_http_apievents_call_t      *call;
    ngx_http_apievents_outgoing_t  *o;

    call = ngx_http_apievents_call_of(r);
    o = (call == NULL) ? NULL : ngx_http_apievents_outgoing_of(call, r);

    if (o == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_APIEVENTS_SCHEME:
        ngx_str_set(&s, "http");
        if (o->target->tls) {
            ngx_str_set(&s, "https");
        }
        break;

    case NGX_HTTP_APIEVENTS_URI:
        s = o->target->uri;
        break;

    case NGX_HTTP_APIEVENTS_HOST:
        s = o->host.len != 0 ? o->host : o->target->authority;
        break;

    case NGX_HTTP_APIEVENTS_NAME:
        s = o->target->host;
        break;

    case NGX_HTTP_APIEVENTS_METHOD:
        s = r->method_name;
        break;

    case NGX_HTTP_APIEVENTS_CERTIFICATE:
        /* none is shown; no other words switch off one of the http level */
        ngx_str_set(&s, "");
        break;

    default:
        ngx_http_apievents_request_body(r, &s);
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = s.data;
    v->len = s.len;

    return NGX_OK;
}


static void
ngx_http_apievents_request_body(ngx_http_request_t *r, ngx_str_t *s)
{
    size_t        len;
    u_char       *p;
    ngx_chain_t  *cl;

    ngx_str_null(s);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL) {
        s->data = cl->buf->pos;
        s->len = cl->buf->last - cl->buf->pos;
        return;
    }

    len = 0;

    for ( /* void */ ; cl != NULL; cl = cl->next) {
        len += cl->buf->last - cl->buf->pos;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return;
    }

    s->data = p;
    s->len = len;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }
}
