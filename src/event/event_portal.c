/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Portal events of an organisation, by configuration: handlers of the http
 * level that get the events of that organisation alone.
 */


#include "event/event_private.h"


typedef struct {
    const char                     *name;
    const char                     *events[4];
} ngx_http_apievents_portal_family_t;


static ngx_http_apievents_portal_family_t *ngx_http_apievents_portal_family(
    ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_http_apievents_portal_way(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *hcf,
    ngx_http_apievents_portal_family_t *family, ngx_str_t *org,
    ngx_str_t *value);


static ngx_http_apievents_portal_family_t
    ngx_http_apievents_portal_families[] =
{
    { "api_event",
      { "api_event.created", "api_event.updated", "api_event.deleted",
        NULL } },
    { "key_event",
      { "key_event.created", "key_event.updated", "key_event.deleted",
        NULL } },
    { "key_request_event",
      { "key_request_event.submitted", "key_request_event.updated",
        "key_request_event.approved", "key_request_event.declined" } }
};


char *
ngx_http_apievents_api_portal_events(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t *lcf = conf;

    ngx_str_t                           *value, org;
    ngx_uint_t                           i;
    ngx_http_apievents_portal_family_t  *family;

    value = cf->args->elts;

    if (value[1].len < 5 || ngx_strncmp(value[1].data, "org=", 4) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"org=\" with an "
                           "organisation is expected first", &value[1]);
        return NGX_CONF_ERROR;
    }

    org.data = value[1].data + 4;
    org.len = value[1].len - 4;

    family = ngx_http_apievents_portal_family(cf, &value[2]);

    if (family == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"webhook=\" with a URL or \"email=\" with an "
                           "address is expected after \"%V\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_apievents_handler_place(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {
        if (ngx_http_apievents_portal_way(cf, &lcf->handlers, family, &org,
                                          &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_http_apievents_portal_family_t *
ngx_http_apievents_portal_family(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        if (ngx_strcmp(name->data, ngx_http_apievents_portal_families[i].name)
            == 0)
        {
            return &ngx_http_apievents_portal_families[i];
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown events \"%V\", \"api_event\", \"key_event\" "
                       "or \"key_request_event\" is expected", name);
    return NULL;
}


/* webhook= or email=, in the words of its handler */

static ngx_int_t
ngx_http_apievents_portal_way(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *hcf,
    ngx_http_apievents_portal_family_t *family, ngx_str_t *org,
    ngx_str_t *value)
{
    u_char                         *p;
    size_t                          skip;
    ngx_str_t                       words[3];
    ngx_uint_t                      n;
    ngx_msec_t                      cooldown;
    ngx_http_apievents_endpoint_t  *ep;

    n = 2;

    if (value->len > 8 && ngx_strncmp(value->data, "webhook=", 8) == 0) {
        skip = 8;
        ngx_str_set(&words[0], "webhook");
        ngx_str_set(&words[1], "url=");
        ngx_str_set(&words[2], "format=portal");
        n = 3;

    } else if (value->len > 6 && ngx_strncmp(value->data, "email=", 6) == 0) {
        skip = 6;
        ngx_str_set(&words[0], "email");
        ngx_str_set(&words[1], "to=");

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"webhook=\" with a URL "
                           "or \"email=\" with an address is expected", value);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, words[1].len + value->len - skip + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, words[1].data, words[1].len);
    ngx_memcpy(p + words[1].len, value->data + skip, value->len - skip + 1);

    words[1].data = p;
    words[1].len += value->len - skip;

    ep = ngx_http_apievents_endpoint(cf, words, n, &cooldown);

    if (ep == NULL) {
        return NGX_ERROR;
    }

    for (n = 0; n < 4 && family->events[n] != NULL; n++) {
        if (ngx_http_apievents_handler_add(cf, hcf, family->events[n], ep,
                                           0, org)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
