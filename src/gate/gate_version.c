/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Versions of an API.
 */


#include "gate/gate_private.h"


ngx_int_t
ngx_http_apievents_step_version(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    return NGX_OK;
}
