/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * definition: Tyk's classic definitions, read into what the directives of the
 * other rooms would have said.
 */


#ifndef _NGX_HTTP_APIEVENTS_DEFINITION_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_DEFINITION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* directive; conf is the whole location configuration */
char *ngx_http_apievents_api_definition(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_APIEVENTS_DEFINITION_H_INCLUDED_ */
