/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Organisations: their sessions and limits.
 */


#include "gate/gate_private.h"


ngx_int_t
ngx_http_apievents_step_org(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    return NGX_OK;
}
