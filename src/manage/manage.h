/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * manage: what operators ask: metrics.
 */


#ifndef _NGX_HTTP_APIEVENTS_MANAGE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_MANAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* api_metrics, in a location: Prometheus text */
char *ngx_http_apievents_api_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_APIEVENTS_MANAGE_H_INCLUDED_ */
