/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * api_metrics: the counters in Prometheus' text format 0.0.4.  All numbers are
 * read before the first one is written, each part as of one moment.
 */


#include "manage/manage_private.h"


#define NGX_HTTP_APIEVENTS_METRICS_MAX  16384


typedef struct {
    ae_ring_stat_t       ring;
    ae_queue_stat_t      queue;
    ae_limits_stat_t     limits;
    ae_breakers_stat_t   breakers;
    ae_sessions_stat_t   sessions;
    uint32_t             rings;
    uint32_t             alive;

    ngx_uint_t           stored;                /* there is a store */
    ngx_http_apievents_store_stat_t
                         store;
} ngx_http_apievents_snapshot_t;


static ngx_int_t ngx_http_apievents_metrics_handler(ngx_http_request_t *r);
static void ngx_http_apievents_metrics_read(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_snapshot_t *s);
static void ngx_http_apievents_metrics_events(ae_buf_t *b,
    const ae_ring_stat_t *st);
static void ngx_http_apievents_metrics_deliveries(ae_buf_t *b,
    const ae_queue_stat_t *st);
static void ngx_http_apievents_metrics_zone(ae_buf_t *b,
    const ngx_http_apievents_snapshot_t *s);
static void ngx_http_apievents_metrics_store(ae_buf_t *b,
    const ngx_http_apievents_store_stat_t *st);
static void ngx_http_apievents_metrics_head(ae_buf_t *b, const char *name,
    const char *type, const char *help);
static void ngx_http_apievents_metrics_value(ae_buf_t *b, const char *name,
    const char *label, const char *value, uint64_t n);
static void ngx_http_apievents_metrics_one(ae_buf_t *b, const char *name,
    const char *type, const char *help, uint64_t n);


char *
ngx_http_apievents_api_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_apievents_loc_conf_t *lcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_apievents_metrics_handler) {
        return "is duplicate";
    }

    clcf->handler = ngx_http_apievents_metrics_handler;
    lcf->gate.exempt = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_metrics_handler(ngx_http_request_t *r)
{
    ae_buf_t                         b;
    ngx_int_t                        rc;
    ngx_http_apievents_snapshot_t    s;
    ngx_http_apievents_main_conf_t  *mcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    if (mcf->store.zone == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "api_metrics needs an api_zone");
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_apievents_metrics_read(mcf->store.zone, &s);

    ae_buf_init(&b, NGX_HTTP_APIEVENTS_METRICS_MAX);

    ngx_http_apievents_metrics_events(&b, &s.ring);
    ngx_http_apievents_metrics_deliveries(&b, &s.queue);
    ngx_http_apievents_metrics_zone(&b, &s);

    if (s.stored) {
        ngx_http_apievents_metrics_store(&b, &s.store);
    }

    rc = ngx_http_apievents_manage_send(r, NGX_HTTP_OK,
                                        "text/plain; version=0.0.4", &b);

    ae_buf_free(&b);

    return rc;
}


static void
ngx_http_apievents_metrics_read(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_snapshot_t *s)
{
    ngx_memzero(s, sizeof(ngx_http_apievents_snapshot_t));

    ae_processes_stat(zone->processes, &s->ring);
    ae_queue_stat(zone->queue, AE_NO_ENDPOINT, &s->queue);
    ae_limits_stat(zone->limits, &s->limits);
    ae_breakers_stat(zone->breakers, &s->breakers);
    ae_sessions_stat(zone->sessions, &s->sessions);

    s->rings = ae_processes_count(zone->processes);
    s->alive = ae_processes_alive(zone->processes);

    s->stored = (ngx_http_apievents_store_stat(&s->store) == NGX_OK);
}


static void
ngx_http_apievents_metrics_events(ae_buf_t *b, const ae_ring_stat_t *st)
{
    ngx_uint_t  i;

    ngx_http_apievents_metrics_one(b, "apievents_events_raised_total",
                                   "counter", "Events raised.", st->raised);

    ngx_http_apievents_metrics_head(b, "apievents_events_dropped_total",
                                    "counter",
                                    "Events dropped before they were routed, "
                                    "by reason.");

    for (i = 0; i < AE_DROP_MAX; i++) {
        ngx_http_apievents_metrics_value(b, "apievents_events_dropped_total",
                                         "reason", ae_drop_names[i],
                                         st->dropped[i]);
    }

    ngx_http_apievents_metrics_one(b, "apievents_events_routed_total",
                                   "counter",
                                   "Events whose deliveries were made.",
                                   st->routed);
    ngx_http_apievents_metrics_one(b, "apievents_events_waiting", "gauge",
                                   "Events that wait for being routed.",
                                   st->waiting);
}


static void
ngx_http_apievents_metrics_deliveries(ae_buf_t *b, const ae_queue_stat_t *st)
{
    const char  *name;

    ngx_http_apievents_metrics_one(b, "apievents_deliveries_total",
                                   "counter", "Deliveries made of events.",
                                   st->deliveries);

    name = "apievents_deliveries";

    ngx_http_apievents_metrics_head(b, name, "gauge",
                                    "Deliveries by their state.");

    ngx_http_apievents_metrics_value(b, name, "state", "delivered",
                                     st->delivered);
    ngx_http_apievents_metrics_value(b, name, "state", "suppressed",
                                     st->suppressed);
    ngx_http_apievents_metrics_value(b, name, "state", "pending",
                                     st->pending);
    ngx_http_apievents_metrics_value(b, name, "state", "dead", st->dead);

    ngx_http_apievents_metrics_one(b, "apievents_deliveries_in_flight",
                                   "gauge",
                                   "Pending deliveries that are tried now.",
                                   st->inflight);
}


static void
ngx_http_apievents_metrics_zone(ae_buf_t *b,
    const ngx_http_apievents_snapshot_t *s)
{
    ngx_http_apievents_metrics_one(b, "apievents_rings", "gauge",
                                   "Rings that workers can own.", s->rings);
    ngx_http_apievents_metrics_one(b, "apievents_rings_owned", "gauge",
                                   "Rings that a living worker owns.",
                                   s->alive);
    ngx_http_apievents_metrics_one(b, "apievents_queue_records_free", "gauge",
                                   "Deliveries and events that still fit "
                                   "the queue.", s->queue.nodes_free);
    ngx_http_apievents_metrics_one(b, "apievents_queue_blocks_free", "gauge",
                                   "Blocks of the queue that events can "
                                   "take.", s->queue.blocks_free);
    ngx_http_apievents_metrics_one(b, "apievents_queue_recoveries_total",
                                   "counter",
                                   "Repairs after a worker died inside the "
                                   "queue.", s->queue.recovered);
    ngx_http_apievents_metrics_one(b, "apievents_limits", "gauge",
                                   "Counters of limits that fit the zone.",
                                   s->limits.entries);
    ngx_http_apievents_metrics_one(b, "apievents_limits_used", "gauge",
                                   "Counters of limits in use.",
                                   s->limits.used);
    ngx_http_apievents_metrics_one(b, "apievents_limits_overflows_total",
                                   "counter",
                                   "Requests counted in a shared counter for "
                                   "want of memory.", s->limits.overflows);
    ngx_http_apievents_metrics_one(b, "apievents_breakers", "gauge",
                                   "Breakers that fit the zone.",
                                   s->breakers.entries);
    ngx_http_apievents_metrics_one(b, "apievents_breakers_used", "gauge",
                                   "Breakers in use.", s->breakers.used);
    ngx_http_apievents_metrics_one(b, "apievents_breakers_overflows_total",
                                   "counter",
                                   "Requests that passed without a breaker "
                                   "for want of memory.",
                                   s->breakers.overflows);
    ngx_http_apievents_metrics_one(b, "apievents_sessions", "gauge",
                                   "Sessions of keys and organisations.",
                                   s->sessions.sessions);
    ngx_http_apievents_metrics_one(b, "apievents_sessions_free_bytes",
                                   "gauge", "Room for further sessions.",
                                   s->sessions.bytes_free);
}


static void
ngx_http_apievents_metrics_store(ae_buf_t *b,
    const ngx_http_apievents_store_stat_t *st)
{
    const char  *name;

    ngx_http_apievents_metrics_one(b, "apievents_store_up", "gauge",
                                   "Is the store written, 1 or 0.", st->up);
    ngx_http_apievents_metrics_one(b, "apievents_store_rows_waiting", "gauge",
                                   "Rows of deliveries that the store is "
                                   "still to write or to delete.",
                                   (uint64_t) st->outbox.changed
                                   + st->outbox.saving + st->outbox.gone);
    ngx_http_apievents_metrics_one(b, "apievents_history_dropped_total",
                                   "counter",
                                   "Rows of history that were not stored.",
                                   st->dropped);

    name = "apievents_outbox";

    ngx_http_apievents_metrics_head(b, name, "gauge",
                                    "Deliveries by what the store knows of "
                                    "them.");

    ngx_http_apievents_metrics_value(b, name, "state", "changed",
                                     st->outbox.changed);
    ngx_http_apievents_metrics_value(b, name, "state", "saving",
                                     st->outbox.saving);
    ngx_http_apievents_metrics_value(b, name, "state", "kept",
                                     st->outbox.kept);
    ngx_http_apievents_metrics_value(b, name, "state", "gone",
                                     st->outbox.gone);

    ngx_http_apievents_metrics_one(b, "apievents_outbox_forgotten_total",
                                   "counter",
                                   "Deliveries that ended and had to make "
                                   "room before the store had deleted them.",
                                   st->outbox.forgotten);
}


static void
ngx_http_apievents_metrics_head(ae_buf_t *b, const char *name,
    const char *type, const char *help)
{
    ae_buf_puts(b, "# HELP ");
    ae_buf_puts(b, name);
    ae_buf_puts(b, " ");
    ae_buf_puts(b, help);
    ae_buf_puts(b, "\n# TYPE ");
    ae_buf_puts(b, name);
    ae_buf_puts(b, " ");
    ae_buf_puts(b, type);
    ae_buf_puts(b, "\n");
}


static void
ngx_http_apievents_metrics_value(ae_buf_t *b, const char *name,
    const char *label, const char *value, uint64_t n)
{
    ae_buf_puts(b, name);

    if (label != NULL) {
        ae_buf_puts(b, "{");
        ae_buf_puts(b, label);
        ae_buf_puts(b, "=\"");
        ae_buf_puts(b, value);
        ae_buf_puts(b, "\"}");
    }

    ae_buf_puts(b, " ");
    ae_buf_int(b, (int64_t) n);
    ae_buf_puts(b, "\n");
}


static void
ngx_http_apievents_metrics_one(ae_buf_t *b, const char *name,
    const char *type, const char *help, uint64_t n)
{
    ngx_http_apievents_metrics_head(b, name, type, help);
    ngx_http_apievents_metrics_value(b, name, NULL, NULL, n);
}
