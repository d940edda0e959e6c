/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Counters between the zone and a store that outlives it.
 */


#include "apievents.h"


#define NGX_HTTP_APIEVENTS_CARRIED  64      /* records at once */


static ngx_int_t ngx_http_apievents_carry_unused(
    ngx_http_apievents_zone_t *zone);


ngx_int_t
ngx_http_apievents_carry_in(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_carrier_t *carrier, ngx_log_t *log)
{
    ae_now_t           now;
    ngx_int_t          rc;
    ngx_uint_t         i, n, left;
    ae_limit_record_t  records[NGX_HTTP_APIEVENTS_CARRIED];

    if (ngx_http_apievents_carry_unused(zone) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = carrier->secret(carrier->data, zone->secret);

    /* a store that has none has no counters */

    if (rc != NGX_DECLINED) {
        return rc;
    }

    left = 0;

    for ( ;; ) {
        n = NGX_HTTP_APIEVENTS_CARRIED;

        if (carrier->get(carrier->data, records, &n) != NGX_OK) {
            return NGX_ERROR;
        }

        if (n == 0) {
            break;
        }

        ae_now(&now);

        for (i = 0; i < n; i++) {
            if (ae_limits_restore(zone->limits, &records[i], &now)
                == AE_FULL)
            {
                left++;
            }
        }
    }

    if (left != 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "%ui counters of the store found no room in the zone",
                      left);
    }

    return NGX_OK;
}


/* whoever got an id by the old secret would not be found by the new one */

static ngx_int_t
ngx_http_apievents_carry_unused(ngx_http_apievents_zone_t *zone)
{
    ae_limits_stat_t    limits;
    ae_sessions_stat_t  sessions;

    ae_limits_stat(zone->limits, &limits);
    ae_sessions_stat(zone->sessions, &sessions);

    return (limits.used == 0 && sessions.sessions == 0) ? NGX_OK
                                                        : NGX_DECLINED;
}
