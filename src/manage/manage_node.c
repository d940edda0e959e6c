/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The gateway itself in the management API: a reload, and the health of an
 * API, in Tyk's shapes.
 */


#include "manage/manage_private.h"


static int ngx_http_apievents_health_add(ngx_http_apievents_admin_t *a,
    ae_value_t *map, const char *name, double value);


/*
 * A worker tells its master, if its user may.  What is wrong with
 * the new configuration is in the log.
 */

ngx_int_t
ngx_http_apievents_admin_reload(ngx_http_apievents_admin_t *a)
{
    u_char      *p, text[NGX_MAX_CONF_ERRSTR];
    ngx_pid_t    pid;
    ngx_err_t    err;
    ae_value_t  *map;

    if (a->user->role != NGX_HTTP_APIEVENTS_ADMIN) {
        return ngx_http_apievents_admin_error(a->request, NGX_HTTP_FORBIDDEN,
                                              "role \"admin\" is expected");
    }

    pid = (ngx_process == NGX_PROCESS_WORKER) ? ngx_parent : ngx_pid;

    if (ngx_process != NGX_PROCESS_WORKER || kill(pid, SIGHUP) == -1) {
        err = (ngx_process == NGX_PROCESS_WORKER) ? ngx_errno : 0;

        ngx_log_error(NGX_LOG_WARN, a->request->connection->log, err,
                      "a reload by %V is not possible from here",
                      &a->user->name);

        p = ngx_snprintf(text, sizeof(text) - 1,
                         "this process may not have nginx reload, run: "
                         "kill -HUP %P", pid);
        *p = '\0';

        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_NOT_IMPLEMENTED,
                                              (char *) text);
    }

    ngx_log_error(NGX_LOG_NOTICE, a->request->connection->log, 0,
                  "a reload by %V", &a->user->name);

    map = ae_value_map(a->arena);

    if (map == NULL
        || ae_value_set(map, ae_str("status"),
                        ae_value_str(a->arena, ae_str("ok"))) != AE_OK
        || ae_value_set(map, ae_str("message"),
                        ae_value_str(a->arena, ae_str(""))) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


ngx_int_t
ngx_http_apievents_admin_minute(ngx_http_apievents_admin_t *a)
{
    double                      seconds, upstream;
    uint64_t                    sums[AE_MINUTE_MAX];
    ae_now_t                    now;
    ngx_str_t                   api;
    ae_value_t                 *map;
    ngx_http_apievents_zone_t  *zone;

    if (!ngx_http_apievents_admin_field(a, "api_id", &api) || api.len == 0) {
        return ngx_http_apievents_admin_error(a->request,
                                              NGX_HTTP_BAD_REQUEST,
                                              "api_id: the id of an API is "
                                              "expected");
    }

    zone = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)
           ->store.zone;

    ae_now(&now);

    seconds = ae_minute_read(zone->minute,
                             ngx_http_apievents_api_hash(zone, &api), &now,
                             sums);

    upstream = sums[AE_MINUTE_UPSTREAM] ? sums[AE_MINUTE_UPSTREAM] : 1;
    map = ae_value_map(a->arena);

    if (map == NULL
        || ngx_http_apievents_health_add(a, map,
                                         "throttle_reqests_per_second",
                                         sums[AE_MINUTE_THROTTLE] / seconds)
           != AE_OK
        || ngx_http_apievents_health_add(a, map,
                                         "quota_violations_per_second",
                                         sums[AE_MINUTE_QUOTA] / seconds)
           != AE_OK
        || ngx_http_apievents_health_add(a, map, "key_failures_per_second",
                                         sums[AE_MINUTE_KEY] / seconds)
           != AE_OK
        || ngx_http_apievents_health_add(a, map, "average_upstream_latency",
                                         sums[AE_MINUTE_LATENCY] / upstream)
           != AE_OK
        || ngx_http_apievents_health_add(a, map,
                                         "average_requests_per_second",
                                         sums[AE_MINUTE_REQUEST] / seconds)
           != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


static int
ngx_http_apievents_health_add(ngx_http_apievents_admin_t *a, ae_value_t *map,
    const char *name, double value)
{
    u_char       text[NGX_INT64_LEN + 8];
    ae_str_t     key, s;
    ae_value_t  *v;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);
    s.data = text;
    s.len = ngx_sprintf(text, "%.3f", value) - text;

    v = ae_arena_alloc(a->arena, sizeof(ae_value_t));
    if (v == NULL) {
        return AE_ERROR;
    }

    v->type = AE_NUMBER;
    v->number = value;
    v->s = ae_arena_dup(a->arena, s);

    return (v->s.data == NULL) ? AE_ERROR : ae_value_set(map, key, v);
}
