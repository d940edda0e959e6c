/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * definition: Tyk's classic definitions, read into what the directives of the
 * other rooms would have said; and folders of them, whose definitions become
 * locations that pass requests on.
 */


#ifndef _NGX_HTTP_APIEVENTS_DEFINITION_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_DEFINITION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx/ngx.h"

/* a target of a definition */

typedef struct {
    ngx_http_apievents_origin_t     origin;
    ngx_str_t                       path;       /* of its URL, without slashes
                                                   at the end */
    ngx_str_t                       whole;      /* with them */
    ngx_str_t                       args;
    ngx_str_t                       version;    /* whose target it is */
} ngx_http_apievents_base_t;


/* one definition of a folder */

typedef struct {
    ngx_str_t                       file;
    ngx_uint_t                      line;       /* of its listen_path */
    ngx_str_t                       api;
    ngx_str_t                       domain;     /* empty: any */
    ngx_str_t                       listen_path;
    ngx_str_t                       pattern;    /* of one with {name}, else
                                                   empty */
    void                           *regex;      /* ngx_regex_t, of that; or
                                                   NULL */
    size_t                          weight;     /* what Tyk takes for its
                                                   length */
    ngx_array_t                    *bases;      /* of base_t; more than one
                                                   take turns */
    ngx_uint_t                      turn;       /* this worker's */
    ngx_array_t                    *overrides;  /* of base_t; or NULL */
    unsigned                        elsewhere:1;    /* not in this server */
    unsigned                        strip:1;    /* the listen path */
    unsigned                        keep_slash:1;
    unsigned                        preserve_host:1;
    unsigned                        unverified:1;
} ngx_http_apievents_service_t;


/* the domain of a definition, in whatever servers have its folder */

typedef struct {
    ngx_str_t                       file;
    ngx_uint_t                      line;
    unsigned                        served:1;
} ngx_http_apievents_domain_t;


/* member of the main configuration */

typedef struct {
    ngx_array_t                    *domains;    /* of domain_t; or NULL */
} ngx_http_apievents_definition_main_conf_t;


/* member of the location configuration, not inherited */

typedef struct {
    ngx_array_t                    *services;   /* of service_t *; of a server
                                                   with a folder */
    ngx_str_t                       ca;         /* file, of that server */
    ngx_http_apievents_service_t   *service;    /* of a generated location */
} ngx_http_apievents_definition_conf_t;


/* directives; conf is the whole location configuration */
char *ngx_http_apievents_api_definition(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_definitions(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* $apievents_origin, ... for generated locations */
ngx_int_t ngx_http_apievents_definition_add_variables(ngx_conf_t *cf);

/* its phase handler runs after the gate's */
ngx_int_t ngx_http_apievents_definition_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_APIEVENTS_DEFINITION_H_INCLUDED_ */
