/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The configuration ladder and what one worker keeps: each room owns one
 * member and touches no other.
 */


#ifndef _NGX_HTTP_APIEVENTS_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/core.h"

#include "ngx/ngx.h"
#include "store/store.h"
#include "event/event.h"
#include "deliver/deliver.h"
#include "script/script.h"
#include "gate/gate.h"
#include "definition/definition.h"
#include "manage/manage.h"


typedef struct {
    ngx_http_apievents_store_conf_t      store;
    ngx_http_apievents_generated_t       generated;
    ngx_http_apievents_deliver_conf_t    deliver;
    ngx_http_apievents_event_conf_t      event;
    ngx_http_apievents_gate_main_conf_t  gate;
    ngx_http_apievents_script_conf_t     script;
    ngx_http_apievents_definition_main_conf_t
                                         definition;
    ngx_http_apievents_manage_conf_t     manage;
} ngx_http_apievents_main_conf_t;


typedef struct {
    ngx_http_apievents_gate_conf_t       gate;
    ngx_http_apievents_handlers_conf_t   handlers;
    ngx_http_apievents_paths_conf_t      paths;
    ngx_http_apievents_phases_conf_t     phases;
    ngx_http_apievents_definition_conf_t definition;
} ngx_http_apievents_loc_conf_t;


extern ngx_module_t  ngx_http_apievents_module;


/* the main configuration of the running cycle; NULL without an http block */
ngx_http_apievents_main_conf_t *ngx_http_apievents_main_conf(
    ngx_cycle_t *cycle);

/* the filters behind that of in-line handlers, for what they kept back */
ngx_int_t ngx_http_apievents_send_header(ngx_http_request_t *r);
ngx_int_t ngx_http_apievents_send_body(ngx_http_request_t *r,
    ngx_chain_t *in);


#endif /* _NGX_HTTP_APIEVENTS_H_INCLUDED_ */
