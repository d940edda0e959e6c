/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Chains: what runs in a phase of a location, in its order, as one file that
 * imports the handlers.  Levels inherit from each other, so the locations are
 * walked when all were parsed; those that run the same share a chain.
 */


#include "apievents.h"
#include "script/script_private.h"


/* a chain by the folder of its file */

typedef struct {
    ngx_str_node_t                       node;
    ngx_http_apievents_chain_t           chain;
} ngx_http_apievents_chain_node_t;


/* the handler of OPTIONS requests of an API */

typedef struct {
    ngx_str_node_t                       node;
    ngx_http_apievents_phase_handler_t  *handler;
} ngx_http_apievents_options_node_t;


typedef struct {
    ngx_rbtree_t                         chains;
    ngx_rbtree_t                         options;
    ngx_rbtree_node_t                    sentinel;
} ngx_http_apievents_walk_t;


/* a level of the configuration, with what it inherits */

typedef struct {
    ngx_array_t                         *handlers;  /* of phase_handler_t *,
                                                       in order of run */
    ngx_str_t                            api;
    ngx_http_apievents_chain_t         **chains;
} ngx_http_apievents_level_t;


static ngx_int_t ngx_http_apievents_phases_walk(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_http_apievents_level_t *outer,
    void **loc_conf);
static ngx_int_t ngx_http_apievents_phases_level(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_http_apievents_level_t *outer,
    void **loc_conf, ngx_http_apievents_level_t *level);
static ngx_array_t *ngx_http_apievents_phases_join(ngx_conf_t *cf,
    ngx_array_t *outer, ngx_array_t *own);
static int ngx_libc_cdecl ngx_http_apievents_phases_order(const void *one,
    const void *two);
static ngx_int_t ngx_http_apievents_chains(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_http_apievents_level_t *level);
static ngx_array_t *ngx_http_apievents_chain_select(ngx_conf_t *cf,
    ngx_array_t *handlers, ngx_uint_t phase);
static ngx_int_t ngx_http_apievents_chain(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_array_t *handlers, ngx_uint_t phase,
    ngx_http_apievents_chain_t **chain);
static ngx_int_t ngx_http_apievents_chain_create(ngx_conf_t *cf,
    ngx_http_apievents_chain_node_t *cn, ngx_array_t *handlers);
static ngx_int_t ngx_http_apievents_chain_write(ngx_conf_t *cf,
    ngx_array_t *handlers, ngx_uint_t phase, ngx_str_t *folder);
static ngx_int_t ngx_http_apievents_chain_generate(ngx_conf_t *cf,
    ngx_array_t *handlers, ngx_str_t *folder, ngx_str_t *location);
static ngx_int_t ngx_http_apievents_options_once(ngx_conf_t *cf,
    ngx_array_t *handlers);
static ngx_int_t ngx_http_apievents_options_of_api(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_http_apievents_level_t *level);
static ngx_int_t ngx_http_apievents_phases_unused(ngx_conf_t *cf,
    ngx_array_t *all);
static void ngx_http_apievents_phase_place(ngx_conf_t *cf,
    ngx_conf_file_t *file, ngx_http_apievents_phase_handler_t *h);


ngx_int_t
ngx_http_apievents_chains_init(ngx_conf_t *cf)
{
    ngx_uint_t                        i;
    ngx_http_conf_ctx_t              *ctx;
    ngx_http_apievents_walk_t         walk;
    ngx_http_apievents_level_t        http;
    ngx_http_core_srv_conf_t        **cscfp;
    ngx_http_core_main_conf_t        *cmcf;
    ngx_http_apievents_main_conf_t   *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->script.handlers == NULL) {
        return NGX_OK;
    }

    ngx_rbtree_init(&walk.chains, &walk.sentinel, ngx_str_rbtree_insert_value);
    ngx_rbtree_init(&walk.options, &walk.sentinel,
                    ngx_str_rbtree_insert_value);

    ctx = cf->ctx;

    if (ngx_http_apievents_phases_level(cf, &walk, NULL, ctx->loc_conf, &http)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ctx->main_conf[ngx_http_core_module.ctx_index];
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        if (cscfp[i]->ctx == mcf->generated.server) {
            continue;
        }

        if (ngx_http_apievents_phases_walk(cf, &walk, &http,
                                           cscfp[i]->ctx->loc_conf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_apievents_phases_unused(cf, mcf->script.handlers);
}


static ngx_int_t
ngx_http_apievents_phases_walk(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_http_apievents_level_t *outer,
    void **loc_conf)
{
    ngx_queue_t                 *q;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_location_queue_t   *lq;
    ngx_http_apievents_level_t   level;

    if (ngx_http_apievents_phases_level(cf, walk, outer, loc_conf, &level)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    clcf = loc_conf[ngx_http_core_module.ctx_index];

    if (clcf->locations == NULL) {
        return NGX_OK;
    }

    for (q = ngx_queue_head(clcf->locations);
         q != ngx_queue_sentinel(clcf->locations);
         q = ngx_queue_next(q))
    {
        lq = (ngx_http_location_queue_t *) q;

        if (ngx_http_apievents_phases_walk(cf, walk, &level,
                                           lq->exact
                                           ? lq->exact->loc_conf
                                           : lq->inclusive->loc_conf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_phases_level(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_http_apievents_level_t *outer,
    void **loc_conf, ngx_http_apievents_level_t *level)
{
    ngx_uint_t                         phase;
    ngx_http_apievents_loc_conf_t     *lcf;
    ngx_http_apievents_gate_conf_t    *gate;
    ngx_http_apievents_phases_conf_t  *pcf;

    lcf = loc_conf[ngx_http_apievents_module.ctx_index];
    gate = &lcf->gate;
    pcf = &lcf->phases;

    ngx_memzero(level, sizeof(ngx_http_apievents_level_t));

    level->chains = pcf->chains;

    if (outer != NULL) {
        level->api = outer->api;
    }

    if (gate->api.data == NULL && gate->definition != NULL) {
        gate = gate->definition;
    }

    if (gate->api.data != NULL) {
        level->api = gate->api;
    }

    if (outer != NULL && !pcf->off) {
        level->handlers = outer->handlers;
    }

    if (pcf->own != NULL) {
        level->handlers = ngx_http_apievents_phases_join(cf, level->handlers,
                                                         pcf->own);
        if (level->handlers == NULL
            || ngx_http_apievents_chains(cf, walk, level) != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (level->handlers != NULL) {
        ngx_memcpy(pcf->chains, outer->chains, sizeof(pcf->chains));
    }

    for (phase = 0; phase < NGX_HTTP_APIEVENTS_PHASE_N; phase++) {
        pcf->handled |= (pcf->chains[phase] != NULL);
    }

    return ngx_http_apievents_options_of_api(cf, walk, level);
}


static ngx_array_t *
ngx_http_apievents_phases_join(ngx_conf_t *cf, ngx_array_t *outer,
    ngx_array_t *own)
{
    void         *p;
    ngx_array_t  *handlers;

    handlers = ngx_array_create(cf->pool, own->nelts
                                + (outer ? outer->nelts : 0), sizeof(void *));
    if (handlers == NULL) {
        return NULL;
    }

    if (outer != NULL) {
        p = ngx_array_push_n(handlers, outer->nelts);
        if (p == NULL) {
            return NULL;
        }

        ngx_memcpy(p, outer->elts, outer->nelts * sizeof(void *));
    }

    p = ngx_array_push_n(handlers, own->nelts);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, own->elts, own->nelts * sizeof(void *));

    ngx_qsort(handlers->elts, handlers->nelts, sizeof(void *),
              ngx_http_apievents_phases_order);

    return handlers;
}


static int ngx_libc_cdecl
ngx_http_apievents_phases_order(const void *one, const void *two)
{
    int                                         rc;
    const ngx_http_apievents_phase_handler_t   *a, *b;

    a = *(ngx_http_apievents_phase_handler_t *const *) one;
    b = *(ngx_http_apievents_phase_handler_t *const *) two;

    rc = ae_script_name_compare(*(const ae_str_t *) &a->name,
                                *(const ae_str_t *) &b->name);

    return (rc != 0) ? rc : (a->number > b->number) - (a->number < b->number);
}


static ngx_int_t
ngx_http_apievents_chains(ngx_conf_t *cf, ngx_http_apievents_walk_t *walk,
    ngx_http_apievents_level_t *level)
{
    ngx_uint_t    phase;
    ngx_array_t  *handlers;

    for (phase = 0; phase < NGX_HTTP_APIEVENTS_PHASE_N; phase++) {

        handlers = ngx_http_apievents_chain_select(cf, level->handlers, phase);

        if (handlers == NULL) {
            return NGX_ERROR;
        }

        if (handlers->nelts == 0) {
            continue;
        }

        if (phase == NGX_HTTP_APIEVENTS_PHASE_OPTIONS
            && ngx_http_apievents_options_once(cf, handlers) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_apievents_chain(cf, walk, handlers, phase,
                                     &level->chains[phase])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_array_t *
ngx_http_apievents_chain_select(ngx_conf_t *cf, ngx_array_t *handlers,
    ngx_uint_t phase)
{
    ngx_uint_t                             i, upstream;
    ngx_array_t                           *selected;
    ngx_http_apievents_phase_handler_t   **h, **p;

    selected = ngx_array_create(cf->pool, handlers->nelts, sizeof(void *));
    if (selected == NULL) {
        return NULL;
    }

    upstream = (phase == NGX_HTTP_APIEVENTS_PHASE_ERROR_UPSTREAM);
    phase = upstream ? NGX_HTTP_APIEVENTS_PHASE_ERROR : phase;

    h = handlers->elts;

    for (i = 0; i < handlers->nelts; i++) {

        if (h[i]->phase == phase && h[i]->active
            && (h[i]->upstream || !upstream))
        {
            p = ngx_array_push(selected);
            if (p == NULL) {
                return NULL;
            }

            *p = h[i];
        }
    }

    return selected;
}


static ngx_int_t
ngx_http_apievents_chain(ngx_conf_t *cf, ngx_http_apievents_walk_t *walk,
    ngx_array_t *handlers, ngx_uint_t phase,
    ngx_http_apievents_chain_t **chain)
{
    uint32_t                               hash;
    ngx_str_t                              folder;
    ngx_uint_t                             i;
    ngx_http_apievents_chain_node_t       *cn;
    ngx_http_apievents_phase_handler_t   **h;

    if (ngx_http_apievents_chain_write(cf, handlers, phase, &folder)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    hash = ngx_crc32_short(folder.data, folder.len);

    cn = (ngx_http_apievents_chain_node_t *)
             ngx_str_rbtree_lookup(&walk->chains, &folder, hash);

    if (cn == NULL) {
        cn = ngx_pcalloc(cf->pool, sizeof(ngx_http_apievents_chain_node_t));
        if (cn == NULL) {
            return NGX_ERROR;
        }

        cn->node.str = folder;
        cn->node.node.key = hash;

        if (ngx_http_apievents_chain_create(cf, cn, handlers) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_rbtree_insert(&walk->chains, &cn->node.node);
    }

    h = handlers->elts;

    for (i = 0; i < handlers->nelts; i++) {
        h[i]->chained = 1;
    }

    *chain = &cn->chain;

    return NGX_OK;
}


static ngx_int_t
ngx_http_apievents_chain_create(ngx_conf_t *cf,
    ngx_http_apievents_chain_node_t *cn, ngx_array_t *handlers)
{
    u_char                                *p;
    size_t                                 len;
    ngx_uint_t                             i;
    ngx_http_apievents_phase_handler_t   **h;

    h = handlers->elts;
    len = 0;

    for (i = 0; i < handlers->nelts; i++) {
        cn->chain.timeout += h[i]->timeout;
        len += h[i]->label.len + 2;
    }

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    cn->chain.names.data = p;

    for (i = 0; i < handlers->nelts; i++) {
        p = ngx_sprintf(p, "%s%V", i ? ", " : "", &h[i]->label);
    }

    cn->chain.names.len = p - cn->chain.names.data;
    *p = '\0';

    return ngx_http_apievents_chain_generate(cf, handlers, &cn->node.str,
                                             &cn->chain.location);
}


static ngx_int_t
ngx_http_apievents_chain_write(ngx_conf_t *cf, ngx_array_t *handlers,
    ngx_uint_t phase, ngx_str_t *folder)
{
    ae_buf_t   b;
    ngx_int_t  rc;
    ngx_str_t  rel, text, runtime;

    ngx_str_set(&rel, "run.js");

    if (ngx_http_apievents_script_runtime(cf, &rel, "inline.js", &runtime)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ae_buf_init(&b, SIZE_MAX);

    ngx_http_apievents_wrap_chain(&b, handlers, phase, &runtime);

    text.data = b.data;
    text.len = b.len;

    rc = b.failed ? NGX_ERROR
                  : ngx_http_apievents_script_write(cf, &rel, &text, folder);

    ae_buf_free(&b);

    return rc;
}


static ngx_int_t
ngx_http_apievents_chain_generate(ngx_conf_t *cf, ngx_array_t *handlers,
    ngx_str_t *folder, ngx_str_t *location)
{
    char                                  *rv;
    ngx_str_t                              file;
    ngx_conf_file_t                        place, *saved;
    ngx_http_apievents_main_conf_t        *mcf;
    ngx_http_apievents_phase_handler_t   **h;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    file.len = mcf->script.folder.len + folder->len + sizeof("//run.js") - 1;
    file.data = ngx_pnalloc(cf->pool, file.len + 1);
    if (file.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(file.data, "%V/%V/run.js%Z", &mcf->script.folder, folder);

    h = handlers->elts;
    saved = cf->conf_file;

    ngx_http_apievents_phase_place(cf, &place, h[0]);

    rv = ngx_http_apievents_generate_late(cf, &file, location);

    cf->conf_file = saved;

    return (rv == NGX_CONF_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_options_once(ngx_conf_t *cf, ngx_array_t *handlers)
{
    ngx_conf_file_t                        place, *saved;
    ngx_http_apievents_phase_handler_t   **h;

    if (handlers->nelts == 1) {
        return NGX_OK;
    }

    h = handlers->elts;
    saved = cf->conf_file;

    ngx_http_apievents_phase_place(cf, &place, h[1]);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "two active handlers of the phase \"options\", \"%V\" "
                       "and \"%V\" of %V:%ui, one is expected",
                       &h[1]->label, &h[0]->label, &h[0]->conf, h[0]->line);

    cf->conf_file = saved;

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_apievents_options_of_api(ngx_conf_t *cf,
    ngx_http_apievents_walk_t *walk, ngx_http_apievents_level_t *level)
{
    uint32_t                              hash;
    ngx_array_t                          *handlers;
    ngx_conf_file_t                       place, *saved;
    ngx_http_apievents_phase_handler_t   *h, *o;
    ngx_http_apievents_options_node_t    *on;

    if (level->chains[NGX_HTTP_APIEVENTS_PHASE_OPTIONS] == NULL
        || level->api.len == 0)
    {
        return NGX_OK;
    }

    handlers = ngx_http_apievents_chain_select(cf, level->handlers,
                                             NGX_HTTP_APIEVENTS_PHASE_OPTIONS);
    if (handlers == NULL) {
        return NGX_ERROR;
    }

    h = *(ngx_http_apievents_phase_handler_t **) handlers->elts;

    hash = ngx_crc32_short(level->api.data, level->api.len);

    on = (ngx_http_apievents_options_node_t *)
             ngx_str_rbtree_lookup(&walk->options, &level->api, hash);

    if (on == NULL) {
        on = ngx_palloc(cf->pool, sizeof(ngx_http_apievents_options_node_t));
        if (on == NULL) {
            return NGX_ERROR;
        }

        on->node.str = level->api;
        on->node.node.key = hash;
        on->handler = h;

        ngx_rbtree_insert(&walk->options, &on->node.node);

        return NGX_OK;
    }

    o = on->handler;

    /* one file may be configured more than once */

    if (o->import.len == h->import.len
        && ngx_strncmp(o->import.data, h->import.data, o->import.len) == 0)
    {
        return NGX_OK;
    }

    saved = cf->conf_file;

    ngx_http_apievents_phase_place(cf, &place, h);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "two active handlers of the phase \"options\" of API "
                       "\"%V\", \"%V\" and \"%V\" of %V:%ui, one is expected",
                       &level->api, &h->label, &o->label, &o->conf, o->line);

    cf->conf_file = saved;

    return NGX_ERROR;
}


/* njs is to read those, too, that nothing runs */

static ngx_int_t
ngx_http_apievents_phases_unused(ngx_conf_t *cf, ngx_array_t *all)
{
    ngx_str_t                              folder, location;
    ngx_uint_t                             i;
    ngx_array_t                           *unused;
    ngx_http_apievents_phase_handler_t   **h, **p;

    unused = ngx_array_create(cf->pool, all->nelts, sizeof(void *));
    if (unused == NULL) {
        return NGX_ERROR;
    }

    h = all->elts;

    for (i = 0; i < all->nelts; i++) {

        if (!h[i]->chained) {
            p = ngx_array_push(unused);
            if (p == NULL) {
                return NGX_ERROR;
            }

            *p = h[i];
        }
    }

    if (unused->nelts == 0) {
        return NGX_OK;
    }

    if (ngx_http_apievents_chain_write(cf, unused, NGX_HTTP_APIEVENTS_PHASE_N,
                                       &folder)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_apievents_chain_generate(cf, unused, &folder, &location);
}


/* what is said now is said of the handler's directive */

static void
ngx_http_apievents_phase_place(ngx_conf_t *cf, ngx_conf_file_t *file,
    ngx_http_apievents_phase_handler_t *h)
{
    *file = *cf->conf_file;

    file->file.name = h->conf;
    file->line = h->line;

    cf->conf_file = file;
}
