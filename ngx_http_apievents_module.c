/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The table of contents: directives, configuration levels, phase and filter
 * hooks.  What they do stands in src/.
 */


#include "apievents.h"


static ngx_int_t ngx_http_apievents_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_apievents_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_apievents_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_apievents_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_apievents_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_apievents_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);

static ngx_int_t ngx_http_apievents_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_apievents_init_process(ngx_cycle_t *cycle);
static void ngx_http_apievents_exit_process(ngx_cycle_t *cycle);

static ngx_uint_t ngx_http_apievents_is_inline(ngx_http_request_t *r);
static ngx_int_t ngx_http_apievents_header_filter(ngx_http_request_t *r)
    ae_often;
static ngx_int_t ngx_http_apievents_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in) ae_often;


#define NGX_HTTP_APIEVENTS_ANY                                                \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


static ngx_command_t  ngx_http_apievents_commands[] = {

    { ngx_string("api_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_apievents_api_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_state_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_apievents_api_state_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_apievents_api_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_secret_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_apievents_api_secret_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_apievents_api_keys,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_org_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_apievents_api_keys,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_policies"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_apievents_api_policies,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_master_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_apievents_main_conf_t, gate.master_keys),
      NULL },

    { ngx_string("api_hosts"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_apievents_api_hosts,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_webhook"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_apievents_api_webhook,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_smtp"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_apievents_api_smtp,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_portal_events"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_apievents_api_portal_events,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_delivery_connections"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_apievents_api_delivery_connections,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_callback_allow"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_apievents_api_callback_allow,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_script_path"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_path,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_template_path"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_path,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_id"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_id,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_org"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_org,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_auth"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_version"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_version,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_rate"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_quota"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_quota,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_breaker"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_ANY,
      ngx_http_apievents_api_breaker,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_monitor"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_monitor,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_event_key"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_event_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_body_max"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_body_max,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_limit_status"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_limit_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_limit_headers"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_limit_headers,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_error_format"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_error_format,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_event_handlers"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_1MORE,
      ngx_http_apievents_api_event_handlers,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_base"),
      NGX_HTTP_APIEVENTS_ANY|NGX_CONF_TAKE1,
      ngx_http_apievents_api_base,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_definition"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_apievents_api_definition,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_definitions"),
      NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_apievents_api_definitions,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_apievents_api_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_admin_user"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_apievents_api_admin_user,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_apievents_api_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("apievents_internal"),
      NGX_HTTP_UPS_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_apievents_internal,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_apievents_module_ctx = {
    ngx_http_apievents_preconfiguration,   /* preconfiguration */
    ngx_http_apievents_postconfiguration,  /* postconfiguration */

    ngx_http_apievents_create_main_conf,   /* create main configuration */
    ngx_http_apievents_init_main_conf,     /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_apievents_create_loc_conf,    /* create location configuration */
    ngx_http_apievents_merge_loc_conf      /* merge location configuration */
};


ngx_module_t  ngx_http_apievents_module = {
    NGX_MODULE_V1,
    &ngx_http_apievents_module_ctx,        /* module context */
    ngx_http_apievents_commands,           /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_apievents_init_module,        /* init module */
    ngx_http_apievents_init_process,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_apievents_exit_process,       /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_http_apievents_main_conf_t *
ngx_http_apievents_main_conf(ngx_cycle_t *cycle)
{
    return ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_apievents_module);
}


static ngx_int_t
ngx_http_apievents_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    /* the only moment at which the level's context is at hand for text that
     * is generated from inside of a location */

    mcf->generated.http = cf->ctx;

    if (ngx_http_apievents_ngx_add_variables(cf) != NGX_OK
        || ngx_http_apievents_gate_add_variables(cf) != NGX_OK
        || ngx_http_apievents_definition_add_variables(cf) != NGX_OK
        || ngx_http_apievents_deliver_add_variables(cf) != NGX_OK
        || ngx_http_apievents_inline_add_variables(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_script_add_variables(cf);
}


static ngx_int_t
ngx_http_apievents_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_apievents_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_apievents_body_filter;

    if (ngx_http_apievents_may_move(cf) != NGX_OK
        || ngx_http_apievents_store_init(cf) != NGX_OK
        || ngx_http_apievents_script_init(cf) != NGX_OK
        || ngx_http_apievents_event_init(cf) != NGX_OK
        || ngx_http_apievents_deliver_init(cf) != NGX_OK
        || ngx_http_apievents_ngx_init(cf) != NGX_OK
        || ngx_http_apievents_definition_init(cf) != NGX_OK
        || ngx_http_apievents_hosts_init(cf) != NGX_OK
        || ngx_http_apievents_phases_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_gate_init(cf);
}


static void *
ngx_http_apievents_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->store.db.on = NGX_CONF_UNSET;
    mcf->store.db.seal = NGX_CONF_UNSET_PTR;
    mcf->deliver.connections = NGX_CONF_UNSET_UINT;
    mcf->gate.master_keys = NGX_CONF_UNSET;

    if (ngx_array_init(&mcf->generated.targets, cf->pool, 4, sizeof(void *))
        != NGX_OK
        || ngx_array_init(&mcf->generated.imports, cf->pool, 4,
                          sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&mcf->deliver.endpoints, cf->pool, 4,
                          sizeof(void *))
           != NGX_OK
        || ngx_array_init(&mcf->deliver.files, cf->pool, 4, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&mcf->event.routes, cf->pool, 4,
                          sizeof(ngx_http_apievents_route_t))
           != NGX_OK
        || ngx_array_init(&mcf->script.files, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


static char *
ngx_http_apievents_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_apievents_main_conf_t *mcf = conf;

    ngx_conf_init_uint_value(mcf->deliver.connections, 25);
    ngx_conf_init_value(mcf->gate.master_keys, 0);

    return NGX_CONF_OK;
}


static void *
ngx_http_apievents_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_apievents_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     lcf->handlers = { NULL, NULL, 0, { 0 } };
     *     lcf->paths = { { 0, NULL }, { 0, NULL }, 0, 0 };
     *     lcf->phases = { NULL, 0, { 0, NULL }, { NULL } };
     *     lcf->definition = { NULL, { 0, NULL }, NULL };
     */

    ngx_http_apievents_gate_create_conf(&lcf->gate);

    return lcf;
}


static char *
ngx_http_apievents_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_apievents_loc_conf_t *prev = parent;
    ngx_http_apievents_loc_conf_t *conf = child;

    char  *rv;

    rv = ngx_http_apievents_gate_merge_conf(cf, &prev->gate, &conf->gate);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (conf->gate.monitor != NULL) {
        conf->handlers.monitor = conf->gate.monitor->handler;
    }

    ngx_http_apievents_merge_phases(&prev->phases, &conf->phases);

    return ngx_http_apievents_merge_handlers(cf, &prev->handlers,
                                             &conf->handlers,
                                             &conf->gate.api);
}


static ngx_int_t
ngx_http_apievents_init_module(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf == NULL) {
        return NGX_OK;
    }

    if (ngx_http_apievents_store_init_module(cycle) != NGX_OK
        || ngx_http_apievents_script_init_module(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_deliver_init_module(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_apievents_move_worker(cycle);

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_init_process(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf == NULL || mcf->store.zone == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    if (ngx_http_apievents_store_init_process(cycle) != NGX_OK
        || ngx_http_apievents_deliver_init_process(cycle) != NGX_OK
        || ngx_http_apievents_hosts_start(cycle, NULL) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_apievents_event_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_apievents_sync_start(cycle);

    return NGX_OK;
}


static void
ngx_http_apievents_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf(cycle);

    if (mcf == NULL || mcf->store.zone == NULL
        || mcf->event.worker == NULL)
    {
        return;
    }

    ngx_http_apievents_hosts_stop(cycle);
    ngx_http_apievents_files_flush(cycle);
    ngx_http_apievents_event_exit_process(cycle);
    ngx_http_apievents_watchdog_stop(mcf->deliver.worker);
    ngx_http_apievents_store_exit_process(cycle);
    ngx_http_apievents_decisions_free();
}


/* does any location run JavaScript in line */

static ngx_uint_t
ngx_http_apievents_is_inline(ngx_http_request_t *r)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

    return mcf->script.handlers != NULL;
}


/* what a call gets back ends here; a refusal goes on with its own body */

static ngx_int_t
ngx_http_apievents_header_filter(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /* calls have no client, or are within a client's request */

    if (r != r->main || r->connection->fd == (ngx_socket_t) -1) {
        rc = ngx_http_apievents_capture_header(r);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    rc = ngx_http_apievents_is_inline(r)
         ? ngx_http_apievents_inline_header(r) : NGX_DECLINED;

    return (rc == NGX_DECLINED) ? ngx_http_apievents_send_header(r) : rc;
}


ngx_int_t
ngx_http_apievents_send_header(ngx_http_request_t *r)
{
    if (ngx_http_apievents_gate_header(r) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_apievents_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t  rc;

    if (r != r->main || r->connection->fd == (ngx_socket_t) -1) {
        rc = ngx_http_apievents_capture_body(r, in);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    rc = ngx_http_apievents_is_inline(r)
         ? ngx_http_apievents_inline_body(r, in) : NGX_DECLINED;

    return (rc == NGX_DECLINED) ? ngx_http_apievents_send_body(r, in) : rc;
}


ngx_int_t
ngx_http_apievents_send_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    if (ngx_http_get_module_ctx(r, ngx_http_apievents_module) != NULL
        && ngx_http_apievents_refusal_body(r, &in) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_body_filter(r, in);
}
