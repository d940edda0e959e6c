/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A worker's part in the store.
 */


#include "apievents.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_KEEPER_TICK  1000    /* ms */


typedef struct {
    ngx_event_t        tick;
    ngx_connection_t   dummy;                   /* events want one to log */
} ngx_http_apievents_keeper_t;


static void ngx_http_apievents_keeper_tick(ngx_event_t *ev);


ngx_int_t
ngx_http_apievents_keeper_start(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf)
{
    ngx_http_apievents_keeper_t  *k;

    if (!scf->db.on) {
        return NGX_OK;
    }

    k = ngx_calloc(sizeof(ngx_http_apievents_keeper_t), cycle->log);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->dummy.fd = (ngx_socket_t) -1;

    k->tick.handler = ngx_http_apievents_keeper_tick;
    k->tick.data = &k->dummy;
    k->tick.log = cycle->log;
    k->tick.cancelable = 1;

    scf->worker = k;

    ngx_http_apievents_db_lock_take(&scf->db);
    ngx_add_timer(&k->tick, NGX_HTTP_APIEVENTS_KEEPER_TICK);

    return NGX_OK;
}


static void
ngx_http_apievents_keeper_tick(ngx_event_t *ev)
{
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle);

    ngx_http_apievents_db_lock_take(&mcf->store.db);

    ngx_add_timer(ev, NGX_HTTP_APIEVENTS_KEEPER_TICK);
}


void
ngx_http_apievents_store_move(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *old)
{
    ngx_http_apievents_keeper_t      *k;
    ngx_http_apievents_store_conf_t  *scf;

    scf = &ngx_http_apievents_main_conf(cycle)->store;
    k = old->worker;

    if (k == NULL) {
        (void) ngx_http_apievents_keeper_start(cycle, scf);
        return;
    }

    if (!scf->db.on) {
        ngx_http_apievents_keeper_stop(old);
        return;
    }

    k->tick.log = cycle->log;
    scf->worker = k;
}


void
ngx_http_apievents_keeper_stop(ngx_http_apievents_store_conf_t *scf)
{
    ngx_http_apievents_keeper_t  *k;

    k = scf->worker;

    if (k == NULL) {
        return;
    }

    if (k->tick.timer_set) {
        ngx_del_timer(&k->tick);
    }

    ngx_free(k);
    scf->worker = NULL;
}
