/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Servers of upstreams, up or down.  What is here is of a host, not of a
 * configuration: it stays over reloads.
 */


#include "core/shared/shared.h"


#define AE_HOSTS_SHARDS  4


typedef struct {
    uint32_t                 state;         /* ae_host_state_e */
    uint32_t                 told;          /* the one that was told of */
    uint32_t                 count;         /* results in a row that speak
                                               against the state */
    uint32_t                 owner;         /* who probes it, 0: nobody */
    uint32_t                 teller;        /* of a change, 0: nobody */
    uint64_t                 deadline;      /* of the probe */
    uint64_t                 tell;          /* and of who tells */
    uint64_t                 last;          /* when it was claimed, 0: never */
} ae_host_entry_t;


struct ae_hosts_s {
    ae_table_t              *table;
};


static ae_host_entry_t *ae_host_entry(ae_hosts_t *hosts, ae_id_t id);
static void ae_host_tell(ae_host_entry_t *e, uint32_t owner,
    const ae_host_rule_t *rule, const ae_now_t *now, ae_host_t *host);


ae_hosts_t *
ae_hosts_init(void *mem, size_t size)
{
    size_t       head;
    ae_hosts_t  *hosts;

    hosts = mem;
    head = 64;

    if (size <= head) {
        return NULL;
    }

    hosts->table = ae_table_init((unsigned char *) mem + head, size - head,
                                 AE_HOSTS_SHARDS, sizeof(ae_host_entry_t));

    return (hosts->table == NULL) ? NULL : hosts;
}


/* of a locked shard; NULL: there is no room for one more */

static ae_host_entry_t *
ae_host_entry(ae_hosts_t *hosts, ae_id_t id)
{
    ae_host_entry_t  *e;

    e = ae_table_find(hosts->table, id);

    if (e != NULL) {
        return e;
    }

    e = ae_table_insert(hosts->table, id);

    if (e != NULL) {
        ae_table_publish(hosts->table, e);
    }

    return e;
}


int
ae_host_claim(ae_hosts_t *hosts, ae_id_t id, const ae_host_rule_t *rule,
    uint32_t owner, const ae_now_t *now, ae_host_t *host)
{
    int               rc;
    uint32_t          shard;
    ae_host_entry_t  *e;

    host->state = AE_HOST_IS_UP;
    host->changed = 0;
    host->wait = rule->interval;

    shard = ae_table_shard(hosts->table, id);
    ae_table_lock(hosts->table, shard);

    rc = AE_AGAIN;
    e = ae_host_entry(hosts, id);

    if (e == NULL) {
        rc = AE_FULL;

    } else if (e->owner != 0 && e->deadline > now->mono) {
        host->state = e->state;
        host->wait = e->deadline - now->mono;

    } else if (e->last != 0 && e->last + rule->interval > now->mono) {
        host->state = e->state;
        host->wait = e->last + rule->interval - now->mono;

    } else {
        e->owner = owner;
        e->deadline = now->mono + rule->lease;
        e->last = now->mono;

        /* who found a change may have died before it could tell */

        ae_host_tell(e, owner, rule, now, host);

        rc = AE_OK;
    }

    ae_table_unlock(hosts->table, shard);

    return rc;
}


int
ae_host_probed(ae_hosts_t *hosts, ae_id_t id, const ae_host_rule_t *rule,
    uint32_t owner, int success, const ae_now_t *now, ae_host_t *host)
{
    uint32_t          shard;
    ae_host_entry_t  *e;

    host->changed = 0;

    shard = ae_table_shard(hosts->table, id);
    ae_table_lock(hosts->table, shard);

    e = ae_table_find(hosts->table, id);

    if (e == NULL || e->owner != owner) {
        ae_table_unlock(hosts->table, shard);
        return AE_DECLINED;
    }

    e->owner = 0;

    if (success == (e->state == AE_HOST_IS_UP)) {
        e->count = 0;

    } else if (++e->count >= (success ? rule->rise : rule->fall)) {
        e->count = 0;
        e->state = success ? AE_HOST_IS_UP : AE_HOST_IS_DOWN;
    }

    ae_host_tell(e, owner, rule, now, host);

    ae_table_unlock(hosts->table, shard);

    return AE_OK;
}


int
ae_host_seen(ae_hosts_t *hosts, ae_id_t id, const ae_host_rule_t *rule,
    uint32_t owner, int success, const ae_now_t *now, ae_host_t *host)
{
    uint32_t          shard;
    ae_host_entry_t  *e;

    host->state = AE_HOST_IS_UP;
    host->changed = 0;

    /* nearly always there is nothing to note */

    e = ae_table_peek(hosts->table, id);

    if (success && e != NULL
        && __atomic_load_n(&e->state, __ATOMIC_RELAXED) == AE_HOST_IS_UP
        && __atomic_load_n(&e->told, __ATOMIC_RELAXED) == AE_HOST_IS_UP
        && __atomic_load_n(&e->count, __ATOMIC_RELAXED) == 0)
    {
        return AE_OK;
    }

    shard = ae_table_shard(hosts->table, id);
    ae_table_lock(hosts->table, shard);

    e = ae_host_entry(hosts, id);

    if (e == NULL) {
        ae_table_unlock(hosts->table, shard);
        return AE_FULL;
    }

    if (success == (e->state == AE_HOST_IS_UP)) {
        __atomic_store_n(&e->count, 0, __ATOMIC_RELAXED);

    } else if (e->count + 1 >= (success ? rule->rise : rule->fall)) {
        __atomic_store_n(&e->count, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&e->state, success ? AE_HOST_IS_UP : AE_HOST_IS_DOWN,
                         __ATOMIC_RELAXED);

    } else {
        __atomic_store_n(&e->count, e->count + 1, __ATOMIC_RELAXED);
    }

    ae_host_tell(e, owner, rule, now, host);

    ae_table_unlock(hosts->table, shard);

    return AE_OK;
}


/* one caller tells of a change; if it dies before it did, another will */

static void
ae_host_tell(ae_host_entry_t *e, uint32_t owner, const ae_host_rule_t *rule,
    const ae_now_t *now, ae_host_t *host)
{
    host->state = e->state;

    if (e->state == e->told || (e->teller != 0 && e->tell > now->mono)) {
        return;
    }

    e->teller = owner;
    e->tell = now->mono + rule->lease;

    host->changed = 1;
}


void
ae_host_told(ae_hosts_t *hosts, ae_id_t id, ae_host_state_e state,
    uint32_t owner)
{
    uint32_t          shard;
    ae_host_entry_t  *e;

    shard = ae_table_shard(hosts->table, id);
    ae_table_lock(hosts->table, shard);

    e = ae_table_find(hosts->table, id);

    if (e != NULL) {
        __atomic_store_n(&e->told, state, __ATOMIC_RELAXED);

        if (e->teller == owner) {
            e->teller = 0;
        }
    }

    ae_table_unlock(hosts->table, shard);
}


ae_host_state_e
ae_host_state(ae_hosts_t *hosts, ae_id_t id)
{
    ae_host_entry_t  *e;

    e = ae_table_peek(hosts->table, id);

    return (e == NULL) ? AE_HOST_IS_UP
                       : (ae_host_state_e) __atomic_load_n(&e->state,
                                                           __ATOMIC_RELAXED);
}
