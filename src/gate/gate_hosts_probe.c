/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Probes of hosts: a request without a client to each server, by one worker
 * at a time.  A worker asks the zone when a host is due; what is known of it
 * stands there, too.
 */


#include "gate/gate_private.h"


/* probes of a worker at once */
#define NGX_HTTP_APIEVENTS_PROBES  16

#define NGX_HTTP_APIEVENTS_HOSTS_SOON  20
#define NGX_HTTP_APIEVENTS_HOSTS_LATE  1000


typedef struct {
    ngx_http_apievents_server_t  *server;
    ngx_http_apievents_target_t   target;
    ngx_msec_t                    start;
} ngx_http_apievents_probe_t;


static void ngx_http_apievents_hosts_ids(ngx_http_apievents_main_conf_t *mcf);
static ngx_uint_t ngx_http_apievents_hosts_probed(
    ngx_http_apievents_main_conf_t *mcf);
static void ngx_http_apievents_hosts_timer(ngx_event_t *ev);
static uint64_t ngx_http_apievents_hosts_round(
    ngx_http_apievents_main_conf_t *mcf, uint64_t now);
static void ngx_http_apievents_hosts_ask(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_server_t *server);
static ngx_uint_t ngx_http_apievents_hosts_room(
    ngx_http_apievents_hosts_worker_t *w);
static void ngx_http_apievents_probe(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_server_t *server);
static void ngx_http_apievents_probe_done(ngx_http_apievents_call_t *call);


ngx_int_t
ngx_http_apievents_hosts_start(ngx_cycle_t *cycle,
    ngx_http_apievents_gate_main_conf_t *old)
{
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_hosts_worker_t  *w;

    mcf = ngx_http_apievents_main_conf(cycle);
    w = old ? old->hosts_worker : NULL;

    if (w == NULL && mcf->gate.hosts == NULL) {
        return NGX_OK;
    }

    if (w == NULL) {
        w = ngx_calloc(sizeof(ngx_http_apievents_hosts_worker_t), cycle->log);
        if (w == NULL) {
            return NGX_ERROR;
        }

        w->dummy.fd = (ngx_socket_t) -1;
        w->timer.handler = ngx_http_apievents_hosts_timer;
        w->timer.data = &w->dummy;
        w->timer.cancelable = 1;
    }

    w->timer.log = cycle->log;
    mcf->gate.hosts_worker = w;

    ngx_http_apievents_hosts_ids(mcf);

    if (!w->timer.timer_set && ngx_http_apievents_hosts_probed(mcf)) {
        ngx_add_timer(&w->timer, NGX_HTTP_APIEVENTS_HOSTS_SOON);
    }

    return NGX_OK;
}


void
ngx_http_apievents_hosts_stop(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t     *mcf;
    ngx_http_apievents_hosts_worker_t  *w;

    mcf = ngx_http_apievents_main_conf(cycle);
    w = mcf->gate.hosts_worker;

    if (w == NULL) {
        return;
    }

    mcf->gate.hosts_worker = NULL;

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    ngx_free(w);
}


/* an older worker's handlers may be gone already, what it finds out is for the
 * younger ones to tell */

ngx_uint_t
ngx_http_apievents_hosts_over(ngx_http_apievents_main_conf_t *mcf)
{
    return ngx_exiting || ngx_quit || ngx_terminate
           || mcf->gate.hosts_worker == NULL
           || mcf->deliver.generation != mcf->store.zone->generation;
}


/* the zone's secret is there only now */

static void
ngx_http_apievents_hosts_ids(ngx_http_apievents_main_conf_t *mcf)
{
    ae_str_t                       parts[4];
    ngx_uint_t                     i, n;
    ngx_http_apievents_hosts_t   **hosts;
    ngx_http_apievents_server_t   *server;

    if (mcf->gate.hosts == NULL) {
        return;
    }

    hosts = mcf->gate.hosts->elts;

    for (i = 0; i < mcf->gate.hosts->nelts; i++) {
        server = hosts[i]->hosts.elts;

        for (n = 0; n < hosts[i]->hosts.nelts; n++) {
            parts[0] = ae_str("host:");
            parts[1] = *(ae_str_t *) &hosts[i]->upstream;
            parts[2] = ae_str("\0");
            parts[3] = *(ae_str_t *) &server[n].addr.name;

            server[n].id = ae_hash(mcf->store.zone->secret, parts, 4);
        }
    }
}


static ngx_uint_t
ngx_http_apievents_hosts_probed(ngx_http_apievents_main_conf_t *mcf)
{
    ngx_uint_t                    i;
    ngx_http_apievents_hosts_t  **hosts;

    if (mcf->gate.hosts == NULL) {
        return 0;
    }

    hosts = mcf->gate.hosts->elts;

    for (i = 0; i < mcf->gate.hosts->nelts; i++) {

        if (hosts[i]->probe) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_apievents_hosts_timer(ngx_event_t *ev)
{
    uint64_t                         wait;
    ae_now_t                         now;
    ngx_msec_t                       ms;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (mcf == NULL || ngx_http_apievents_hosts_over(mcf)
        || !ngx_http_apievents_hosts_probed(mcf))
    {
        return;
    }

    ae_now(&now);

    wait = ngx_http_apievents_hosts_round(mcf, now.mono) / 1000000;

    ms = (ngx_msec_t) ngx_min(wait, NGX_HTTP_APIEVENTS_HOSTS_LATE);

    ngx_add_timer(ev, ngx_max(ms, NGX_HTTP_APIEVENTS_HOSTS_SOON));
}


/* asks for what is due; returns the time until the next is, in ns */

static uint64_t
ngx_http_apievents_hosts_round(ngx_http_apievents_main_conf_t *mcf,
    uint64_t now)
{
    uint64_t                       wait;
    ngx_uint_t                     i, n;
    ngx_http_apievents_hosts_t   **hosts;
    ngx_http_apievents_server_t   *server;

    wait = UINT64_MAX;
    hosts = mcf->gate.hosts->elts;

    for (i = 0; i < mcf->gate.hosts->nelts; i++) {

        if (!hosts[i]->probe) {
            continue;
        }

        server = hosts[i]->hosts.elts;

        for (n = 0; n < hosts[i]->hosts.nelts; n++) {

            if (server[n].due <= now
                && ngx_http_apievents_hosts_room(mcf->gate.hosts_worker))
            {
                ngx_http_apievents_hosts_ask(mcf, &server[n]);
            }

            if (server[n].due <= now) {
                wait = 0;

            } else {
                wait = ngx_min(wait, server[n].due - now);
            }
        }
    }

    return wait;
}


/* clients' connections come first */

static ngx_uint_t
ngx_http_apievents_hosts_room(ngx_http_apievents_hosts_worker_t *w)
{
    return w->probing < NGX_HTTP_APIEVENTS_PROBES
           && ngx_cycle->free_connection_n > ngx_cycle->connection_n / 8;
}


static void
ngx_http_apievents_hosts_ask(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_server_t *server)
{
    int         rc;
    ae_now_t    now;
    ae_host_t   host;

    ae_now(&now);

    rc = ae_host_claim(mcf->store.zone->hosts, server->id,
                       &server->hosts->rule, (uint32_t) ngx_pid, &now, &host);

    if (rc == AE_OK) {
        server->due = now.mono + server->hosts->rule.interval;

        if (host.changed) {
            ngx_http_apievents_hosts_tell(server, host.state, 0, 0);
        }

        ngx_http_apievents_probe(mcf, server);
        return;
    }

    server->due = now.mono + host.wait;

    if (rc == AE_FULL && !mcf->gate.hosts_worker->full) {
        mcf->gate.hosts_worker->full = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "no room in \"api_zone\" for more hosts, %V is not "
                      "probed", &server->addr.name);
    }
}


/* one that cannot begin is no result; the lease ends by itself */

static void
ngx_http_apievents_probe(ngx_http_apievents_main_conf_t *mcf,
    ngx_http_apievents_server_t *server)
{
    ngx_str_t                    name, value;
    ngx_http_apievents_call_t   *call;
    ngx_http_apievents_probe_t  *probe;

    call = ngx_http_apievents_call_create(ngx_cycle->log,
                                          &mcf->deliver.worker->share);
    if (call == NULL) {
        return;
    }

    probe = ngx_pcalloc(call->pool, sizeof(ngx_http_apievents_probe_t));
    if (probe == NULL) {
        goto failed;
    }

    probe->server = server;
    probe->start = ngx_current_msec;
    probe->target = server->hosts->target;
    probe->target.literal = &server->addr;

    call->outgoing = ngx_http_apievents_outgoing(call, &probe->target);
    if (call->outgoing == NULL) {
        goto failed;
    }

    ngx_str_set(&name, "User-Agent");
    ngx_str_set(&value, "ngx_http_apievents_module");

    if (ngx_http_apievents_outgoing_header(call->outgoing, &name, &value)
        != NGX_OK)
    {
        goto failed;
    }

    call->location = probe->target.location;
    call->method = NGX_HTTP_GET;
    ngx_str_set(&call->method_name, "GET");
    call->timeout = probe->target.timeout;
    call->done = ngx_http_apievents_probe_done;
    call->data = probe;

    if (ngx_http_apievents_call_start(call) != NGX_OK) {
        goto failed;
    }

    mcf->gate.hosts_worker->probing++;

    return;

failed:

    ngx_http_apievents_call_free(call);
}


static void
ngx_http_apievents_probe_done(ngx_http_apievents_call_t *call)
{
    ngx_http_apievents_probe_t *probe = call->data;

    ae_now_t                         now;
    ae_host_t                        host;
    ngx_uint_t                       good;
    ngx_http_apievents_server_t     *server;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (mcf == NULL || mcf->gate.hosts_worker == NULL) {
        return;
    }

    mcf->gate.hosts_worker->probing--;

    if (ngx_http_apievents_hosts_over(mcf)) {
        return;
    }

    server = probe->server;
    good = (call->status >= 200 && call->status < 400);

    ae_now(&now);

    if (ae_host_probed(mcf->store.zone->hosts, server->id,
                       &server->hosts->rule, (uint32_t) ngx_pid, good, &now,
                       &host)
        == AE_OK
        && host.changed)
    {
        ngx_http_apievents_hosts_tell(server, host.state, call->status,
                                      ngx_current_msec - probe->start);
    }
}
