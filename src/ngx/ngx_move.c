/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include "apievents.h"


/*
 * Without a master a reload gives the same process another cycle, and
 * init_process() is not called again: what the worker keeps moves on, which
 * it can within one zone only.
 */

ngx_int_t
ngx_http_apievents_may_move(ngx_conf_t *cf)
{
    ngx_shm_zone_t                  *now, *was;
    ngx_http_apievents_main_conf_t  *mcf, *old;

    if (ngx_process != NGX_PROCESS_SINGLE
        || cf->cycle->old_cycle->conf_ctx == NULL)
    {
        return NGX_OK;
    }

    old = ngx_http_apievents_main_conf(cf->cycle->old_cycle);

    if (old == NULL || old->event.worker == NULL) {
        return NGX_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    now = mcf->store.shm_zone;
    was = old->store.shm_zone;

    if (now == NULL || now->shm.size != was->shm.size
        || now->shm.name.len != was->shm.name.len
        || ngx_strncmp(now->shm.name.data, was->shm.name.data,
                       now->shm.name.len)
           != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "without a master process \"api_zone\" must stay as it "
                      "is, nginx must be restarted");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_apievents_move_worker(ngx_cycle_t *cycle)
{
    ngx_http_apievents_main_conf_t  *mcf, *old;

    if (ngx_process != NGX_PROCESS_SINGLE || cycle->old_cycle == NULL
        || cycle->old_cycle->conf_ctx == NULL)
    {
        return;
    }

    old = ngx_http_apievents_main_conf(cycle->old_cycle);
    mcf = ngx_http_apievents_main_conf(cycle);

    if (old == NULL || old->event.worker == NULL || mcf->store.zone == NULL) {
        return;
    }

    /* before nginx closes them */
    ngx_http_apievents_files_flush(cycle->old_cycle);

    mcf->event.worker = old->event.worker;
    mcf->event.worker->pump.log = cycle->log;
    mcf->event.worker->sweep.log = cycle->log;

    mcf->deliver.worker = old->deliver.worker;
    mcf->deliver.worker->kick.log = cycle->log;
    mcf->deliver.worker->shutdown.log = cycle->log;

    ngx_http_apievents_store_move(cycle, &old->store);
    (void) ngx_http_apievents_deliver_register(cycle);

    (void) ngx_http_apievents_hosts_start(cycle, &old->gate);
}
