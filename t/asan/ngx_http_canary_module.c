/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Makes the mistake that the request's arguments name, so that util/asan and
 * util/valgrind can show that they would notice.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


static ngx_int_t ngx_http_canary_handler(ngx_http_request_t *r);
static char *ngx_http_canary(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


static ngx_command_t  ngx_http_canary_commands[] = {

    { ngx_string("canary"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_canary,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_canary_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_canary_module = {
    NGX_MODULE_V1,
    &ngx_http_canary_module_ctx,           /* module context */
    ngx_http_canary_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_canary_handler(ngx_http_request_t *r)
{
    u_char  *p;
    int32_t  n;

    n = (int32_t) NGX_MAX_INT32_VALUE - 8 + (int32_t) r->args.len;

    if (ngx_strncmp(r->args.data, "heap", r->args.len) == 0) {
        p = ngx_palloc(r->pool, 2 * NGX_MAX_ALLOC_FROM_POOL);
        if (p == NULL) {
            return NGX_ERROR;
        }

        n = p[2 * NGX_MAX_ALLOC_FROM_POOL + r->args.len];
    }

    if (ngx_strncmp(r->args.data, "overflow", r->args.len) == 0) {
        n++;
    }

    if (ngx_strncmp(r->args.data, "leak", r->args.len) == 0) {
        n = (ngx_alloc(16, r->connection->log) == NULL);
    }

    return (n == 1) ? NGX_HTTP_NOT_FOUND : NGX_HTTP_NO_CONTENT;
}


static char *
ngx_http_canary(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_canary_handler;

    return NGX_CONF_OK;
}
