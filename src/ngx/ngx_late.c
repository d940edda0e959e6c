/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Locations that can be generated only when all levels are known.  nginx has
 * no hook between the end of the http block and the merging of its levels,
 * but calls an upstream's init there: when all is parsed, and only the modules
 * in front of ngx_http_upstream_module have merged.  What these did for the
 * other locations is done here for the new ones.
 */


#include "apievents.h"


static char *ngx_http_apievents_late_merge(ngx_conf_t *cf,
    ngx_http_conf_ctx_t *server);


char *
ngx_http_apievents_late(ngx_conf_t *cf)
{
    ngx_str_t                        text;
    ngx_http_apievents_generated_t  *g;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);
    g = &mcf->generated;

    if (g->late) {
        return NGX_CONF_OK;
    }

    if (ngx_http_apievents_generate_server(cf, g) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    g->late = 1;

    ngx_str_set(&text, "upstream apievents_phases {"
                       " apievents_internal phases;"
                       " server 127.0.0.1:9;"
                       NGX_HTTP_APIEVENTS_NO_KEEPALIVE " } }");

    return ngx_http_apievents_generate_block(cf, g->http, NGX_HTTP_MAIN_CONF,
                                             &text, NULL, 0);
}


ngx_int_t
ngx_http_apievents_late_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    if (ngx_http_apievents_chains_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    /* nobody is to pass requests to it, but somebody may */

    return ngx_http_upstream_init_round_robin(cf, us);
}


char *
ngx_http_apievents_generate_late(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *location)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (ngx_http_apievents_generate_script(cf, 'p', file, location)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_apievents_late_merge(cf, mcf->generated.server);
}


/* the server's last location gets what the modules inherit that nginx is done
 * with */

static char *
ngx_http_apievents_late_merge(ngx_conf_t *cf, ngx_http_conf_ctx_t *server)
{
    char                       *rv;
    ngx_uint_t                  m, mi;
    ngx_queue_t                *q;
    ngx_module_t              **modules;
    ngx_http_module_t          *module;
    ngx_http_conf_ctx_t        *ctx, saved;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_location_queue_t  *lq;

    clcf = server->loc_conf[ngx_http_core_module.ctx_index];

    q = ngx_queue_last(clcf->locations);
    lq = (ngx_http_location_queue_t *) q;
    clcf = lq->exact ? lq->exact : lq->inclusive;

    ctx = cf->ctx;
    saved = *ctx;

    ctx->srv_conf = server->srv_conf;
    ctx->loc_conf = clcf->loc_conf;

    rv = NGX_CONF_OK;
    modules = cf->cycle->modules;

    for (m = 0;
         rv == NGX_CONF_OK && modules[m] != &ngx_http_upstream_module;
         m++)
    {
        if (modules[m]->type != NGX_HTTP_MODULE) {
            continue;
        }

        module = modules[m]->ctx;
        mi = modules[m]->ctx_index;

        if (module->merge_loc_conf != NULL) {
            rv = module->merge_loc_conf(cf, server->loc_conf[mi],
                                        clcf->loc_conf[mi]);
        }
    }

    *ctx = saved;

    return rv;
}
