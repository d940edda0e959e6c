/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _NGX_HTTP_APIEVENTS_DELIVER_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_DELIVER_PRIVATE_H_INCLUDED_


#include "deliver/deliver.h"


/* ---- deliver_fields.c ---- */

typedef struct {
    ngx_str_t                       name;
    ngx_str_t                       value;
} ngx_http_apievents_field_t;

/*
 * The header fields of a handler: of its header= parameters, and a User-Agent.
 * A Host goes to *host.  An emerg line and NGX_ERROR on a wrong one.
 */
ngx_int_t ngx_http_apievents_fields(ngx_conf_t *cf,
    ngx_http_apievents_endpoint_t *ep, ngx_array_t *params,
    ngx_array_t *fields, ngx_str_t *host);

/* the value of the first field of that name, or NULL */
ngx_str_t *ngx_http_apievents_field_find(ngx_array_t *fields,
    const char *name);

/* a field that is sent unless the handler has one of that name; the strings
 * are not copied */
ngx_int_t ngx_http_apievents_field_default(ngx_array_t *fields,
    const char *name, const char *value);


#endif /* _NGX_HTTP_APIEVENTS_DELIVER_PRIVATE_H_INCLUDED_ */
