/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A part of shared.h, which includes it.
 */


#ifndef _AE_HOSTS_H_INCLUDED_
#define _AE_HOSTS_H_INCLUDED_


#include "core/base/base.h"


/* ---- hosts: which servers of upstreams answer (ae_hosts.c) ---- */

/*
 * Shared.  A host is up until `fall` results in a row say otherwise, and down
 * until `rise` do.  Who probes it has a lease; a change is given to one caller
 * alone, who tells of it and says so, within the lease of the rule.  Hosts are
 * never forgotten.
 */

typedef enum {
    AE_HOST_IS_UP = 0,
    AE_HOST_IS_DOWN
} ae_host_state_e;


typedef struct {
    uint32_t                 fall;          /* from 1 */
    uint32_t                 rise;          /* from 1 */
    uint64_t                 interval;      /* ns from one probe to the next */
    uint64_t                 lease;         /* ns until another may have it */
} ae_host_rule_t;


typedef struct {
    ae_host_state_e          state;
    unsigned                 changed:1;     /* it is the caller's to tell */
    uint64_t                 wait;          /* ns until it is worth asking */
} ae_host_t;


typedef struct ae_hosts_s    ae_hosts_t;

ae_hosts_t *ae_hosts_init(void *mem, size_t size);

/*
 * AE_OK: the owner (never 0) probes it and says how that ended; AE_AGAIN: not
 * before host->wait; AE_FULL: there is no room for one more.  A change that
 * nobody told of yet is to be told then, and nothing said before the probe
 * ends.
 */
int ae_host_claim(ae_hosts_t *hosts, ae_id_t id, const ae_host_rule_t *rule,
    uint32_t owner, const ae_now_t *now, ae_host_t *host);

/* AE_DECLINED: the probe took too long, another owner has it */
int ae_host_probed(ae_hosts_t *hosts, ae_id_t id, const ae_host_rule_t *rule,
    uint32_t owner, int success, const ae_now_t *now, ae_host_t *host);

/* how a request at a host that nobody probes ended; AE_OK or AE_FULL */
int ae_host_seen(ae_hosts_t *hosts, ae_id_t id, const ae_host_rule_t *rule,
    uint32_t owner, int success, const ae_now_t *now, ae_host_t *host);

/* the change to that state was told */
void ae_host_told(ae_hosts_t *hosts, ae_id_t id, ae_host_state_e state,
    uint32_t owner);

ae_host_state_e ae_host_state(ae_hosts_t *hosts, ae_id_t id);


#endif /* _AE_HOSTS_H_INCLUDED_ */
