/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The thread of a worker that writes the store.
 */


#include "apievents.h"
#include "store/store_private.h"


ngx_int_t
ngx_http_apievents_db_thread(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db)
{
#if (NGX_THREADS)

    ngx_thread_pool_t  *pool;

    static ngx_str_t    name = ngx_string("apievents_store");
    static ngx_str_t    threads = ngx_string("threads=1");
    static ngx_str_t    queue = ngx_string("max_queue=16");

    if (!db->on) {
        return NGX_OK;
    }

    if (ngx_http_apievents_thread_pool(cycle, &name, &threads, &queue, &pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    db->pool = pool;

#endif

    return NGX_OK;
}
