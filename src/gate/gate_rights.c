/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Access rights: may this session call this API.
 */


#include "gate/gate_private.h"


static const ngx_http_apievents_refusal_t  ngx_http_apievents_not_granted = {
    NGX_HTTP_FORBIDDEN,
    AE_AUTH_FAILURE,
    ngx_string("Access to this API has been disallowed"),
    ngx_string("Auth Failure"),
    ngx_string("Access to this API has been disallowed"),
    0,
    0
};


ngx_int_t
ngx_http_apievents_step_rights(ngx_http_request_t *r,
    ngx_http_apievents_decision_t *d)
{
    ae_value_t                      *rights;
    ngx_str_t                       *api;
    ngx_http_apievents_main_conf_t  *mcf;

    rights = d->session->access_rights;

    if (rights == NULL || rights->count == 0) {
        mcf = ngx_http_get_module_main_conf(r, ngx_http_apievents_module);

        if (mcf->gate.master_keys == 1) {
            return NGX_OK;
        }

    } else {
        api = &d->conf->gate.api;

        if (ae_value_find(rights, (ae_str_t) { api->len, api->data })
            != NULL)
        {
            return NGX_OK;
        }
    }

    return ngx_http_apievents_reject(r, d, &ngx_http_apievents_not_granted);
}
