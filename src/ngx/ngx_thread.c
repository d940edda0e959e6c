/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Thread pools of the module's own at the main level, as if the user had
 * configured them, so that nothing waits behind what fills the default one.
 */


#include "apievents.h"


#if (NGX_THREADS)

static ngx_uint_t ngx_http_apievents_thread_may(ngx_cycle_t *cycle);
static ngx_module_t *ngx_http_apievents_thread_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_apievents_thread_make(ngx_cycle_t *cycle,
    ngx_module_t *module, ngx_str_t *name, ngx_str_t *threads,
    ngx_str_t *queue);


ngx_int_t
ngx_http_apievents_thread_pool(ngx_cycle_t *cycle, ngx_str_t *name,
    ngx_str_t *threads, ngx_str_t *queue, ngx_thread_pool_t **pool)
{
    ngx_module_t  *module;

    *pool = NULL;

    module = ngx_http_apievents_thread_module(cycle);

    if (module == NULL || !ngx_http_apievents_thread_may(cycle)) {
        return NGX_OK;
    }

    if (ngx_thread_pool_get(cycle, name) == NULL
        && ngx_http_apievents_thread_make(cycle, module, name, threads,
                                          queue)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *pool = ngx_thread_pool_get(cycle, name);

    return NGX_OK;
}


/*
 * nginx starts threads in new processes only, so that a single one that was
 * reloaded would end with a pool that it never started; and it refuses all
 * pools with event methods that cannot be told of a task's end.
 */

static ngx_uint_t
ngx_http_apievents_thread_may(ngx_cycle_t *cycle)
{
    ngx_core_conf_t   *ccf;
    ngx_event_conf_t  *ecf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    ecf = ngx_event_get_conf(cycle->conf_ctx, ngx_event_core_module);

    if (!ccf->master
        || (ngx_process == NGX_PROCESS_SINGLE
            && !ngx_is_init_cycle(cycle->old_cycle)))
    {
        return 0;
    }

    return ngx_strcmp(ecf->name, "poll") != 0
           && ngx_strcmp(ecf->name, "select") != 0;
}


static ngx_module_t *
ngx_http_apievents_thread_module(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; cycle->modules[i]; i++) {

        if (ngx_strcmp(cycle->modules[i]->name, "ngx_thread_pool_module")
            == 0)
        {
            return cycle->modules[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_apievents_thread_make(ngx_cycle_t *cycle, ngx_module_t *module,
    ngx_str_t *name, ngx_str_t *threads, ngx_str_t *queue)
{
    ngx_str_t        *value;
    ngx_conf_t        conf;
    ngx_array_t       args;
    ngx_conf_file_t   file;

    if (ngx_array_init(&args, cycle->pool, 4, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    value = ngx_array_push_n(&args, 4);
    if (value == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&value[0], "thread_pool");
    value[1] = *name;
    value[2] = *threads;
    value[3] = *queue;

    ngx_memzero(&file, sizeof(ngx_conf_file_t));
    file.file.name = cycle->conf_file;

    ngx_memzero(&conf, sizeof(ngx_conf_t));
    conf.args = &args;
    conf.cycle = cycle;
    conf.pool = cycle->pool;
    conf.log = cycle->log;
    conf.conf_file = &file;
    conf.ctx = cycle->conf_ctx;

    return module->commands->set(&conf, module->commands, NULL)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}

#endif
