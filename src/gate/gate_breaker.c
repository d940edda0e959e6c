/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Circuit breakers.
 */


#include "gate/gate_private.h"


ngx_int_t
ngx_http_apievents_step_breaker(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    return NGX_OK;
}


void
ngx_http_apievents_breaker_sample(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    d->entered = 0;
}
