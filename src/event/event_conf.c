/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include "event/event_private.h"


static ngx_int_t ngx_http_apievents_handler_name(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_array_t *ngx_http_apievents_with_monitor(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *conf);
static ngx_int_t ngx_http_apievents_add_route(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *conf, ngx_str_t *api);
static ae_id_t ngx_http_apievents_route_id(
    ngx_http_apievents_main_conf_t *mcf, ngx_array_t *handlers,
    ngx_str_t *api);


char *
ngx_http_apievents_api_event_handlers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_apievents_loc_conf_t *lcf = conf;

    ngx_str_t                           *value, none;
    ngx_uint_t                           phase;
    ngx_msec_t                           cooldown;
    ngx_http_apievents_endpoint_t       *ep;
    ngx_http_apievents_handlers_conf_t  *hcf;

    value = cf->args->elts;
    hcf = &lcf->handlers;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"off\", or an event and its handler, "
                               "expected after \"api_event_handlers\"");
            return NGX_CONF_ERROR;
        }

        hcf->off = 1;
        lcf->phases.off = 1;
        return NGX_CONF_OK;
    }

    if (ngx_http_apievents_phase(&value[1], &phase) == NGX_OK) {

        /* the watchdog, and what they raise and call, are of the zone */

        return ngx_http_apievents_handler_place(cf) == NGX_OK
               ? ngx_http_apievents_phase_handlers(cf, &lcf->phases)
               : NGX_CONF_ERROR;
    }

    if (ngx_http_apievents_handler_name(cf, &value[1]) != NGX_OK
        || ngx_http_apievents_handler_place(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ep = ngx_http_apievents_endpoint(cf, &value[2], cf->args->nelts - 2,
                                     &cooldown);
    if (ep == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_null(&none);

    if (ngx_http_apievents_handler_add(cf, hcf, (char *) value[1].data, ep,
                                       cooldown, &none)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_apievents_handler_name(ngx_conf_t *cf, ngx_str_t *name)
{
    if (!ae_event_known(*(ae_str_t *) name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown event \"%V\", \"*\" or a name such as "
                           "\"QuotaExceeded\" is expected", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_handler_place(ngx_conf_t *cf)
{
    ngx_str_t                       *name, *place;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    place = &mcf->event.place;
    name = &cf->conf_file->file.name;

    if (place->len != 0) {
        return NGX_OK;
    }

    place->data = ngx_pnalloc(cf->pool, name->len + 1 + NGX_INT_T_LEN);
    if (place->data == NULL) {
        return NGX_ERROR;
    }

    place->len = ngx_sprintf(place->data, "%V:%ui", name, cf->conf_file->line)
                 - place->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_apievents_handler_add(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *hcf, const char *event,
    ngx_http_apievents_endpoint_t *ep, ngx_msec_t cooldown, ngx_str_t *org)
{
    ngx_http_apievents_handler_t  *h;

    if (hcf->own == NULL) {
        hcf->own = ngx_array_create(cf->pool, 4,
                                    sizeof(ngx_http_apievents_handler_t));
        if (hcf->own == NULL) {
            return NGX_ERROR;
        }
    }

    h = ngx_array_push(hcf->own);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_http_apievents_handler_t));

    h->name.data = (u_char *) event;
    h->name.len = ngx_strlen(event);
    h->type = ae_event_type(*(ae_str_t *) &h->name);
    h->any = (ngx_strcmp(event, "*") == 0);
    h->endpoint = ep->index;
    h->cooldown = cooldown;
    h->org = *org;

    return NGX_OK;
}


/* unlike other directives, handlers of the levels add up */

char *
ngx_http_apievents_merge_handlers(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *prev,
    ngx_http_apievents_handlers_conf_t *conf, ngx_str_t *api)
{
    ngx_uint_t  n;

    if (prev->all == NULL) {
        /* the http level is never merged itself */
        prev->all = prev->own;
    }

    if (conf->off || prev->all == NULL) {
        conf->all = conf->own;

    } else if (conf->own == NULL) {
        conf->all = prev->all;

    } else {
        n = prev->all->nelts + conf->own->nelts;

        conf->all = ngx_array_create(cf->pool, n,
                                     sizeof(ngx_http_apievents_handler_t));
        if (conf->all == NULL) {
            return NGX_CONF_ERROR;
        }

        conf->all->nelts = n;

        ngx_memcpy(conf->all->elts, prev->all->elts,
                   prev->all->nelts * sizeof(ngx_http_apievents_handler_t));
        ngx_memcpy((ngx_http_apievents_handler_t *) conf->all->elts
                   + prev->all->nelts, conf->own->elts,
                   conf->own->nelts * sizeof(ngx_http_apievents_handler_t));
    }

    if (api->len != 0 && ngx_http_apievents_add_route(cf, conf, api) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_apievents_event_init(ngx_conf_t *cf)
{
    ngx_str_t                        none;
    ngx_http_apievents_loc_conf_t   *lcf;
    ngx_http_apievents_main_conf_t  *mcf;

    ngx_str_null(&none);

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->event.place.len != 0 && mcf->store.shm_zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "event handlers need shared memory, \"api_zone\" is "
                      "expected in the http block, in %V", &mcf->event.place);
        return NGX_ERROR;
    }

    lcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_apievents_module);

    if (lcf->handlers.all == NULL) {
        lcf->handlers.all = lcf->handlers.own;
    }

    return ngx_http_apievents_add_route(cf, &lcf->handlers, &none);
}


/* not one that inner levels inherit: they may have a monitor of their own */

static ngx_array_t *
ngx_http_apievents_with_monitor(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *conf)
{
    ngx_uint_t                     n;
    ngx_array_t                   *handlers;
    ngx_http_apievents_handler_t  *h;

    n = (conf->all != NULL) ? conf->all->nelts : 0;

    handlers = ngx_array_create(cf->pool, n + 1,
                                sizeof(ngx_http_apievents_handler_t));
    if (handlers == NULL) {
        return NULL;
    }

    h = ngx_array_push_n(handlers, n + 1);
    if (h == NULL) {
        return NULL;
    }

    if (n != 0) {
        ngx_memcpy(h, conf->all->elts,
                   n * sizeof(ngx_http_apievents_handler_t));
    }

    h[n] = *conf->monitor;

    return handlers;
}


static ngx_int_t
ngx_http_apievents_add_route(ngx_conf_t *cf,
    ngx_http_apievents_handlers_conf_t *conf, ngx_str_t *api)
{
    ngx_uint_t                       i;
    ngx_array_t                     *handlers;
    ngx_http_apievents_route_t      *route;
    ngx_http_apievents_handler_t    *h;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    handlers = conf->all;

    if (conf->monitor != NULL) {
        handlers = ngx_http_apievents_with_monitor(cf, conf);
        if (handlers == NULL) {
            return NGX_ERROR;
        }
    }

    conf->route = ngx_http_apievents_route_id(mcf, handlers, api);

    route = mcf->event.routes.elts;

    for (i = 0; i < mcf->event.routes.nelts; i++) {
        if (ae_id_equal(route[i].id, conf->route)) {
            return NGX_OK;
        }
    }

    route = ngx_array_push(&mcf->event.routes);
    if (route == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(route, sizeof(ngx_http_apievents_route_t));

    route->id = conf->route;
    route->api = *api;
    route->handlers = handlers;

    if (handlers == NULL) {
        return NGX_OK;
    }

    h = handlers->elts;
    ep = mcf->deliver.endpoints.elts;

    for (i = 0; i < handlers->nelts; i++) {
        if (ep[h[i].endpoint]->uses_request) {
            route->uses_request = 1;
        }
    }

    return NGX_OK;
}


/*
 * The id says what the handlers are, not where they stand, so that a record
 * that outlived a reload finds the same ones again.
 */

static ae_id_t
ngx_http_apievents_route_id(ngx_http_apievents_main_conf_t *mcf,
    ngx_array_t *handlers, ngx_str_t *api)
{
    ae_id_t                          id;
    ae_str_t                         parts[5];
    ngx_uint_t                       i;
    ngx_http_apievents_handler_t    *h;
    ngx_http_apievents_endpoint_t  **ep;
    static const u_char              key[16];

    parts[0] = *(ae_str_t *) api;
    id = ae_hash(key, parts, 1);

    if (handlers == NULL) {
        return id;
    }

    h = handlers->elts;
    ep = mcf->deliver.endpoints.elts;

    for (i = 0; i < handlers->nelts; i++) {
        parts[0].data = (u_char *) &id;
        parts[0].len = sizeof(ae_id_t);
        parts[1] = *(ae_str_t *) &h[i].name;
        parts[2].data = (u_char *) &ep[h[i].endpoint]->identity;
        parts[2].len = sizeof(ae_id_t);
        parts[3].data = (u_char *) &h[i].cooldown;
        parts[3].len = sizeof(ngx_msec_t);
        parts[4] = *(ae_str_t *) &h[i].org;

        id = ae_hash(key, parts, 5);
    }

    return id;
}


ngx_http_apievents_route_t *
ngx_http_apievents_route_find(ngx_http_apievents_event_conf_t *ecf,
    ae_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_http_apievents_route_t  *route, *by_api;

    route = ecf->routes.elts;
    by_api = NULL;

    for (i = 0; i < ecf->routes.nelts; i++) {

        if (ae_id_equal(route[i].id, ev->route)) {
            return &route[i];
        }

        if (by_api == NULL
            && route[i].api.len == ev->api.len
            && (ev->api.len == 0
                || ngx_memcmp(route[i].api.data, ev->api.data, ev->api.len)
                   == 0))
        {
            by_api = &route[i];
        }
    }

    return by_api;
}


ngx_uint_t
ngx_http_apievents_route_uses_request(ae_id_t id, ae_event_type_e type)
{
    ngx_uint_t                       i;
    ae_event_t                       ev;
    ngx_http_apievents_route_t      *route;
    ngx_http_apievents_handler_t    *h;
    ngx_http_apievents_endpoint_t  **ep;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_memzero(&ev, sizeof(ae_event_t));
    ev.route = id;

    route = ngx_http_apievents_route_find(&mcf->event, &ev);

    if (route != NULL
        && ngx_http_apievents_runtime_handled(type, &route->api, 1))
    {
        return 1;
    }

    if (route == NULL || !route->uses_request) {
        return 0;
    }

    h = route->handlers->elts;
    ep = mcf->deliver.endpoints.elts;

    for (i = 0; i < route->handlers->nelts; i++) {

        if ((h[i].any || h[i].type == type)
            && ep[h[i].endpoint]->uses_request)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_apievents_handled(ae_event_type_e type)
{
    ngx_uint_t                       i;
    ngx_str_t                        none;
    ae_event_t                       ev;
    ngx_http_apievents_route_t      *route;
    ngx_http_apievents_handler_t    *h;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_memzero(&ev, sizeof(ae_event_t));
    ngx_str_null(&none);

    if (ngx_http_apievents_runtime_handled(type, &none, 0)) {
        return 1;
    }

    route = ngx_http_apievents_route_find(&mcf->event, &ev);

    if (route == NULL || route->handlers == NULL) {
        return 0;
    }

    h = route->handlers->elts;

    for (i = 0; i < route->handlers->nelts; i++) {
        if (h[i].any || h[i].type == type) {
            return 1;
        }
    }

    return 0;
}
