/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * manage: what operators ask: metrics, and the management API.
 */


#ifndef _NGX_HTTP_APIEVENTS_MANAGE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_MANAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_HTTP_APIEVENTS_ADMIN = 0,
    NGX_HTTP_APIEVENTS_VIEW,
    NGX_HTTP_APIEVENTS_INTEGRATION
} ngx_http_apievents_role_e;


/* who may call the management API */

typedef struct {
    ngx_str_t                    name;
    ngx_uint_t                   role;          /* role_e */
    u_char                       secret[32];    /* its SHA-256 */
    unsigned                     has_secret:1;
} ngx_http_apievents_user_t;


/* member of the main configuration */

typedef struct {
    ngx_array_t                 *users;         /* of user_t; NULL: none */
    ngx_str_t                    openapi;       /* of an api_admin, a JSON
                                                   object as text */
    unsigned                     admin:1;       /* there is an api_admin */
} ngx_http_apievents_manage_conf_t;


/* api_admin, in a location: the management API below its path */
char *ngx_http_apievents_api_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_admin_user(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* manage_sync.c: has a worker follow what is stored, in init_process, and in
 * a process without a master after a reload */
void ngx_http_apievents_sync_start(ngx_cycle_t *cycle);

/* api_metrics, in a location: Prometheus text */
char *ngx_http_apievents_api_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_APIEVENTS_MANAGE_H_INCLUDED_ */
