/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Breakers as those see them who manage them.
 */


#include "gate/gate_private.h"


static const ngx_http_apievents_breaker_t *ngx_http_apievents_breaker_nth(
    ngx_uint_t i, ngx_http_apievents_gate_conf_t **conf);


ngx_int_t
ngx_http_apievents_breaker_info(ngx_uint_t i,
    ngx_http_apievents_breaker_info_t *info)
{
    ae_now_t                         now;
    ngx_http_apievents_zone_t       *zone;
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_memzero(info, sizeof(ngx_http_apievents_breaker_info_t));

    info->breaker = ngx_http_apievents_breaker_nth(i, &info->conf);

    if (info->breaker == NULL) {
        return NGX_DECLINED;
    }

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);
    zone = mcf->store.zone;

    info->api = info->conf->api;
    info->org = info->conf->org;
    info->id = ngx_http_apievents_breaker_id(zone, info->conf, info->breaker);

    ae_now(&now);

    /* of one that no request has asked for yet nothing is known */

    (void) ae_breaker_stat(zone->breakers, info->id, &now, &info->stat);

    return NGX_OK;
}


static const ngx_http_apievents_breaker_t *
ngx_http_apievents_breaker_nth(ngx_uint_t i,
    ngx_http_apievents_gate_conf_t **conf)
{
    ngx_uint_t                        n;
    ngx_http_apievents_breaker_t     *b;
    ngx_http_apievents_gate_conf_t  **gcf;
    ngx_http_apievents_main_conf_t   *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    if (mcf == NULL || mcf->gate.breaking == NULL) {
        return NULL;
    }

    gcf = mcf->gate.breaking->elts;

    for (n = 0; n < mcf->gate.breaking->nelts; n++) {

        if (i < gcf[n]->breakers->nelts) {
            b = gcf[n]->breakers->elts;
            *conf = gcf[n];
            return &b[i];
        }

        i -= gcf[n]->breakers->nelts;
    }

    return NULL;
}


ngx_int_t
ngx_http_apievents_breaker_force(
    const ngx_http_apievents_breaker_info_t *info, ae_breaker_state_e state,
    ngx_str_t *user, ngx_uint_t hops)
{
    u_char                           event[AE_EVENT_ID_LEN];
    ae_now_t                         now;
    ae_breaker_change_e              change;
    ngx_http_apievents_loc_conf_t   *lcf;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ae_now(&now);

    if (ae_breaker_force(mcf->store.zone->breakers, info->id, state, &now,
                         &change)
        != AE_OK)
    {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "breaker \"%V\" of API \"%V\" is %s by %V",
                  &info->breaker->path.text, &info->api,
                  state == AE_BREAKER_FORCED_OPEN ? "forced open"
                  : state == AE_BREAKER_FORCED_CLOSED ? "forced closed"
                  : "automatic", user);

    if (change == AE_BREAKER_STAYS) {
        return NGX_OK;
    }

    /* the gate's part is embedded in the location's */

    lcf = (ngx_http_apievents_loc_conf_t *)
              ((u_char *) info->conf
               - offsetof(ngx_http_apievents_loc_conf_t, gate));

    ngx_http_apievents_tell_breaker(lcf, info->breaker, change, hops, event,
                                    ngx_cycle->log);

    return NGX_OK;
}
