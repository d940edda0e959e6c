/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * HostDown and HostUp, and what clients' requests tell of hosts that nobody
 * probes.
 */


#include "gate/gate_private.h"


#define NGX_HTTP_APIEVENTS_HOST_META  65536


static void ngx_http_apievents_hosts_meta(ae_buf_t *b,
    ngx_http_apievents_server_t *server, ngx_uint_t status,
    ngx_msec_t latency);
static void ngx_http_apievents_hosts_url(ae_buf_t *b,
    ngx_http_apievents_server_t *server);
static void ngx_http_apievents_hosts_seen(ngx_http_request_t *r,
    ngx_http_upstream_state_t *state);
static ngx_http_apievents_server_t *ngx_http_apievents_hosts_find(
    ngx_http_apievents_hosts_t *hosts, ngx_str_t *name);
static void ngx_http_apievents_hosts_note(ngx_http_request_t *r,
    ngx_http_apievents_server_t *server, ngx_http_upstream_state_t *state,
    ngx_uint_t answered);


/* as in Tyk */

void
ngx_http_apievents_hosts_tell(ngx_http_apievents_server_t *server,
    ae_host_state_e state, ngx_uint_t status, ngx_msec_t latency)
{
    u_char                           id[AE_EVENT_ID_LEN];
    ae_buf_t                         b;
    ngx_http_apievents_raise_t       e;
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    if (state == AE_HOST_IS_DOWN) {
        e.type = AE_HOST_DOWN;
        ngx_str_set(&e.message, "Uptime test failed");

    } else {
        e.type = AE_HOST_UP;
        ngx_str_set(&e.message, "Uptime test succeeded");
    }

    /* so that what is said of one host holds back nothing about another */

    e.key_id = server->id;

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_HOST_META);
    ngx_http_apievents_hosts_meta(&b, server, status, latency);

    if (!b.failed) {
        e.meta.len = b.len;
        e.meta.data = b.data;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "host %V of upstream \"%V\" is %s", &server->addr.name,
                  &server->hosts->upstream,
                  state == AE_HOST_IS_DOWN ? "down" : "up");

    (void) ngx_http_apievents_raise(&e, id);

    ae_buf_free(&b);

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ae_host_told(mcf->store.zone->hosts, server->id, state,
                 (uint32_t) ngx_pid);
}


static void
ngx_http_apievents_hosts_meta(ae_buf_t *b,
    ngx_http_apievents_server_t *server, ngx_uint_t status,
    ngx_msec_t latency)
{
    ae_str_t  name, upstream;

    name = *(ae_str_t *) &server->addr.name;
    upstream = *(ae_str_t *) &server->hosts->upstream;

    ae_buf_puts(b, "{\"HostInfo\":{\"CheckURL\":\"");
    ngx_http_apievents_hosts_url(b, server);
    ae_buf_puts(b, "\",\"Protocol\":\"http\",\"Timeout\":");
    ae_buf_int(b, (int64_t) server->hosts->target.timeout * 1000000);
    ae_buf_puts(b, ",\"EnableProxyProtocol\":false,\"Commands\":[],"
                   "\"Method\":\"GET\",\"Headers\":{},\"Body\":\"\","
                   "\"MetaData\":{\"target_url\":\"");
    ngx_http_apievents_hosts_url(b, server);
    ae_buf_puts(b, "\",\"api_id\":\"\",\"host_name\":\"");
    ae_json_escape(b, name, 0);
    ae_buf_puts(b, "\",\"upstream\":\"");
    ae_json_escape(b, upstream, 0);
    ae_buf_puts(b, "\"},\"ResponseCode\":");
    ae_buf_int(b, (int64_t) status);
    ae_buf_puts(b, ",\"Latency\":");
    ae_buf_int(b, (int64_t) latency);
    ae_buf_puts(b, status ? ",\"IsTCPError\":false}}"
                          : ",\"IsTCPError\":true}}");
}


static void
ngx_http_apievents_hosts_url(ae_buf_t *b, ngx_http_apievents_server_t *server)
{
    ae_buf_puts(b, "http://");
    ae_json_escape(b, *(ae_str_t *) &server->addr.name, 0);
    ae_json_escape(b, *(ae_str_t *) &server->hosts->target.uri, 0);
}


/* an answer is a sign of life, whatever it says; an end without one is none,
 * unless it was the client's doing */

ngx_int_t
ngx_http_apievents_hosts_log_handler(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r != r->main || r->upstream_states == NULL) {
        return NGX_OK;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {

        if (state[i].peer != NULL) {
            ngx_http_apievents_hosts_seen(r, &state[i]);
        }
    }

    return NGX_OK;
}


static void
ngx_http_apievents_hosts_seen(ngx_http_request_t *r,
    ngx_http_upstream_state_t *state)
{
    ngx_uint_t                        i, answered;
    ngx_http_apievents_hosts_t      **hosts;
    ngx_http_apievents_server_t      *server;
    ngx_http_apievents_main_conf_t   *mcf;

    answered = (state->header_time != (ngx_msec_t) -1);

    if (!answered && state->status != NGX_HTTP_BAD_GATEWAY
        && state->status != NGX_HTTP_GATEWAY_TIME_OUT)
    {
        return;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);
    hosts = mcf->gate.hosts->elts;

    for (i = 0; i < mcf->gate.hosts->nelts; i++) {

        if (hosts[i]->probe) {
            continue;
        }

        server = ngx_http_apievents_hosts_find(hosts[i], state->peer);

        if (server != NULL) {
            ngx_http_apievents_hosts_note(r, server, state, answered);
        }
    }
}


static ngx_http_apievents_server_t *
ngx_http_apievents_hosts_find(ngx_http_apievents_hosts_t *hosts,
    ngx_str_t *name)
{
    ngx_uint_t                    i;
    ngx_http_apievents_server_t  *server;

    server = hosts->hosts.elts;

    for (i = 0; i < hosts->hosts.nelts; i++) {

        if (server[i].addr.name.len == name->len
            && ngx_strncmp(server[i].addr.name.data, name->data, name->len)
               == 0)
        {
            return &server[i];
        }
    }

    return NULL;
}


static void
ngx_http_apievents_hosts_note(ngx_http_request_t *r,
    ngx_http_apievents_server_t *server, ngx_http_upstream_state_t *state,
    ngx_uint_t answered)
{
    ae_now_t                         now;
    ae_host_t                        host;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (ngx_http_apievents_hosts_over(mcf)) {
        return;
    }

    ae_now(&now);

    if (ae_host_seen(mcf->store.zone->hosts, server->id, &server->hosts->rule,
                     (uint32_t) ngx_pid, answered, &now, &host)
        == AE_OK
        && host.changed)
    {
        ngx_http_apievents_hosts_tell(server, host.state,
                                      answered ? state->status : 0,
                                      state->response_time);
    }
}
