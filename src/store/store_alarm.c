/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The store is lost, and is there again.
 */


#include "store/store_keeper.h"


static void ngx_http_apievents_store_tell(ae_event_type_e type,
    const char *message, u_char *reason);


void
ngx_http_apievents_store_down(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_job_t *job)
{
    if (!ngx_atomic_cmp_set(&scf->zone->store.down, 0, 1)) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "store \"%V\" cannot be written: %s: %s, it is tried each "
                  "second, until then nothing outlives this nginx",
                  &scf->db.name, ae_db_states[job->state], job->error);

    ngx_http_apievents_store_tell(AE_STORE_DOWN, "Store down",
                                  (u_char *) ae_db_states[job->state]);
}


void
ngx_http_apievents_store_up(ngx_http_apievents_store_conf_t *scf)
{
    if (!ngx_atomic_cmp_set(&scf->zone->store.down, 1, 0)) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "store \"%V\" is written again", &scf->db.name);

    ngx_http_apievents_store_tell(AE_STORE_UP, "Store up", NULL);
}


ngx_int_t
ngx_http_apievents_store_stat(ngx_http_apievents_store_stat_t *st)
{
    ngx_http_apievents_store_conf_t  *scf;

    scf = &ngx_http_apievents_main_conf((ngx_cycle_t *) ngx_cycle)->store;

    if (!scf->db.on || scf->zone == NULL) {
        return NGX_DECLINED;
    }

    st->up = !scf->zone->store.down;
    st->dropped = scf->zone->store.dropped;

    ae_queue_outbox_stat(scf->zone->queue, &st->outbox);

    return NGX_OK;
}


static void
ngx_http_apievents_store_tell(ae_event_type_e type, const char *message,
    u_char *reason)
{
    u_char                      id[AE_EVENT_ID_LEN];
    ngx_http_apievents_raise_t  e;

    ngx_memzero(&e, sizeof(ngx_http_apievents_raise_t));

    e.type = type;
    e.message.data = (u_char *) message;
    e.message.len = ngx_strlen(message);

    if (reason != NULL) {
        e.reason.data = reason;
        e.reason.len = ngx_strlen(reason);
    }

    (void) ngx_http_apievents_raise(&e, id);
}
