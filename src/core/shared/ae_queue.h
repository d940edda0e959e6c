/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The delivery queue's inside, shared by the ae_queue*.c files.
 *
 * Everything but the lock-free loads happens under one robust lock.  Its owner
 * may be killed at any instruction, so every change of what matters is made
 * with ae_set() and ae_add(), which first save the old value in an undo log in
 * shared memory, and ae_queue_commit() forgets the log by one store.  Whoever
 * gets the lock after a death puts the saved values back, newest first: a
 * transaction happened as a whole or not at all, and its commit is the one
 * store at which all its deliveries, counters and lists change.  Undoing is
 * repeatable, so the repairer may be killed as well.
 *
 * Only program order matters for this: an interrupted process has executed a
 * prefix of its instructions, and the kernel's hand-over of the lock makes
 * that prefix visible.  The fences below hence bind the compiler only.
 *
 * A transaction saves a bounded number of words.  Two operations that touch
 * any number of deliveries note in the header what is left to do, as part of
 * the transaction that decides it, and go on in further transactions; the
 * repairer finishes these:
 *
 *  - ae_queue_route(): "chain" are the nodes still to be put into their
 *    endpoints' queues, an endpoint's "refused" what is to be counted as dead;
 *    both are of no meaning unless "routing" is set.
 *
 *  - ae_queue_done(): "settle" names the cooldown whose held deliveries are
 *    to be suppressed up to the newest.
 *
 * What is not used by anybody may be written without ae_set(): the content of
 * free nodes and blocks but for their "next" and "state".
 */


#ifndef _AE_QUEUE_H_INCLUDED_
#define _AE_QUEUE_H_INCLUDED_


#include <stdlib.h>

#include "core/shared/shared.h"


#define AE_QUEUE_NONE        UINT32_MAX
#define AE_QUEUE_UNKNOWN     INT64_MIN
#define AE_QUEUE_SLOW        1              /* one at a time */
#define AE_QUEUE_TOLD        2              /* so its next success is, too */
#define AE_QUEUE_SOURCES     256
#define AE_QUEUE_UNDO        128            /* about 60 are ever used */
#define AE_QUEUE_BLOCK       240            /* bytes of a record */

/* a delivery is dead when so many of its owners died inside a script */
#define AE_QUEUE_POISON      2

/*
 * The pool's last 1/16 is kept for endpoints that have only a few deliveries,
 * 1/256 of it and not more than so many nodes or blocks, so that many slow
 * endpoints together cannot use it up either.
 */
#define AE_QUEUE_RESERVE     16
#define AE_QUEUE_FEW         256
#define AE_QUEUE_FEW_NODES   8
#define AE_QUEUE_FEW_BLOCKS  64

/* work of one lock where there may be much, and of a take's timers */
#define AE_QUEUE_BATCH       64
#define AE_QUEUE_TAKE_BATCH  8


typedef enum {
    AE_NODE_FREE = 0,
    AE_NODE_QUEUED,         /* in its endpoint's queue */
    AE_NODE_DELAYED,        /* a retry, in the timers */
    AE_NODE_HELD,           /* in its cooldown's list */
    AE_NODE_INFLIGHT,       /* in its slot's list */
    AE_NODE_GONE            /* ended, but still in the store */
} ae_node_state_e;


/* what the store has of a delivery; changed and new are one list */

typedef enum {
    AE_OUTBOX_NONE = 0,     /* it is in none of the lists */
    AE_OUTBOX_NEW,          /* to be saved, and was never before */
    AE_OUTBOX_CHANGED,      /* to be saved, the store may have it */
    AE_OUTBOX_SAVING,
    AE_OUTBOX_KEPT,
    AE_OUTBOX_GONE,
    AE_OUTBOX_STATES
} ae_outbox_state_e;


typedef enum {
    AE_KEEPER_NONE = 0,     /* there is no store */
    AE_KEEPER_ENTERING,     /* what is pending may not be in the lists yet */
    AE_KEEPER_READY
} ae_keeper_state_e;


typedef enum {
    AE_COOL_FREE = 0,
    AE_COOL_SENT,           /* one is queued, delayed or in flight */
    AE_COOL_RUNNING         /* one was delivered, nothing is sent for now */
} ae_cool_state_e;


typedef struct {
    uint32_t                 head;
    uint32_t                 tail;
    uint32_t                 n;
} ae_queue_list_t;


/* a delivery */

typedef struct {
    _Alignas(64) uint32_t    state;
    uint32_t                 next;
    uint32_t                 prev;
    uint32_t                 endpoint;
    uint32_t                 event;         /* its first block */
    uint32_t                 cool;
    uint32_t                 attempt;
    uint32_t                 deaths;
    uint32_t                 in_script;

    union {
        uint32_t             timer;         /* delayed: its place, from 1 */
        uint32_t             slot;          /* in flight: of the owner */
    };

    uint32_t                 store;
    uint32_t                 store_next;
    uint32_t                 store_prev;
    uint32_t                 version;       /* how often it was saved */
    uint32_t                 uid_next;      /* in the bucket */
    uint64_t                 uid;           /* 0: not in a store so far */
    uint64_t                 changed;       /* mono, ns, not saved since */

    union {
        uint64_t             order;         /* a queue is sorted by it */
        uint64_t             due;           /* delayed: mono, ns */
    };

    uint64_t                 stamp;         /* of the lease */
    uint64_t                 suppressed;
    uint64_t                 period;
    ae_id_t                  cooldown;
} ae_node_t;


_Static_assert(sizeof(ae_node_t) == 128, "a delivery is two cache lines");


/* a part of an event's record; the first one also describes the event */

typedef struct {
    uint32_t                 next;
    uint32_t                 last;
    uint32_t                 refs;          /* deliveries */
    uint32_t                 len;
    unsigned char            data[AE_QUEUE_BLOCK];
} ae_block_t;


/* what is remembered of an identity with a cooldown */

typedef struct {
    ae_id_t                  id;
    uint64_t                 until;         /* mono, ns */
    uint32_t                 state;
    uint32_t                 next;          /* in the bucket, or free */
    uint32_t                 timer;
    ae_queue_list_t          held;
} ae_cool_t;


typedef struct {
    _Alignas(64) ae_id_t     id;
    uint64_t                 deliveries;
    uint64_t                 delivered;
    uint64_t                 suppressed;
    uint64_t                 pending;
    uint64_t                 dead;
    uint64_t                 blocks;        /* of the pending ones' events */
    uint64_t                 retired;       /* serial, 0: in use */
    ae_queue_list_t          queue;
    uint32_t                 inflight;
    uint32_t                 concurrency;
    uint32_t                 bound;
    uint32_t                 refused;       /* by the route under way */
    uint32_t                 disabled;
    uint32_t                 ill;           /* AE_QUEUE_SLOW, _TOLD */
    uint32_t                 version;       /* of disabled and failing */
    uint64_t                 failing;       /* wall, ns, 0: it is not */
    int64_t                  since;         /* the same by mono, ns, and may be
                                               before its start; unless
                                               AE_QUEUE_UNKNOWN */
} ae_endpoint_t;


_Static_assert(sizeof(ae_endpoint_t) == 128, "an endpoint is two cache lines");


typedef struct {
    uint64_t                 where;         /* offset << 4 | size */
    uint64_t                 old;
} ae_undo_t;


struct ae_queue_s {
    ae_lock_t                lock;

    uint32_t                 nodes;
    uint32_t                 blocks;
    uint32_t                 cools;
    uint32_t                 buckets;       /* a power of two */
    uint32_t                 uids;          /* buckets, a power of two */

    /* offsets from here */
    size_t                   node_offset;
    size_t                   block_offset;
    size_t                   cool_offset;
    size_t                   bucket_offset;
    size_t                   uid_offset;
    size_t                   timer_offset;

    uint32_t                 free_node;
    uint32_t                 free_block;
    uint32_t                 free_cool;
    uint32_t                 nodes_free;
    uint32_t                 blocks_free;
    uint32_t                 timers;
    uint32_t                 endpoints;     /* ever used */
    uint32_t                 settle;        /* a cooldown, from 1 */

    uint32_t                 routing;
    uint32_t                 chain;
    ae_now_t                 now;           /* of the route under way, else
                                               when somebody last told it */

    uint32_t                 keeper;        /* ae_keeper_state_e */
    ae_queue_list_t          outbox[AE_OUTBOX_STATES];
    uint64_t                 uid;           /* the last one */
    uint64_t                 uid_first;     /* those above were given here */
    uint64_t                 forgotten;

    uint64_t                 serial;
    uint64_t                 recovered;

    ae_queue_stat_t          past;          /* of reused endpoints */

    uint64_t                 routed[AE_QUEUE_SOURCES];
    ae_queue_list_t          slot[AE_QUEUE_SOURCES];

    /* bits, by endpoint: no configuration has it, it is not given up by one
     * that does not know it; and it takes nothing more */
    uint32_t                 lasting[AE_QUEUE_ENDPOINTS / 32];
    uint32_t                 closing[AE_QUEUE_ENDPOINTS / 32];

    uint32_t                 undos;
    ae_undo_t                undo[AE_QUEUE_UNDO];

    ae_endpoint_t            endpoint[AE_QUEUE_ENDPOINTS];
};


/* ---- transactions (ae_queue_undo.c) ---- */

#define ae_queue_fence()     __atomic_signal_fence(__ATOMIC_SEQ_CST)

#define ae_set(q, var, value)                                                 \
    do {                                                                      \
        ae_undo_save(q, &(var), sizeof(var));                                 \
        __atomic_store_n(&(var), value, __ATOMIC_RELAXED);                    \
    } while (0)

#define ae_add(q, var, n)    ae_set(q, var, (var) + (n))
#define ae_sub(q, var, n)    ae_set(q, var, (var) - (n))

/* with the lock repaired if need be */
void ae_queue_lock(ae_queue_t *q);
void ae_queue_unlock(ae_queue_t *q);

/* makes the queue whole after a death, without the lock's own repair */
void ae_queue_recover(ae_queue_t *q);


static inline void
ae_undo_save(ae_queue_t *q, const void *p, size_t size)
{
    ae_undo_t  *u;

    if (q->undos == AE_QUEUE_UNDO) {
        abort();
    }

    u = &q->undo[q->undos];
    u->where = (uint64_t) ((const char *) p - (const char *) q) << 4 | size;
    u->old = (size == 4) ? *(const uint32_t *) p : *(const uint64_t *) p;

    ae_queue_fence();
    __atomic_store_n(&q->undos, q->undos + 1, __ATOMIC_RELAXED);
    ae_queue_fence();
}


static inline void
ae_queue_commit(ae_queue_t *q)
{
    ae_queue_fence();
    __atomic_store_n(&q->undos, 0, __ATOMIC_RELAXED);
    ae_queue_fence();
}


/* ---- places ---- */

static inline ae_node_t *
ae_queue_node(const ae_queue_t *q, uint32_t i)
{
    return (ae_node_t *) ((char *) q + q->node_offset) + i;
}


static inline ae_block_t *
ae_queue_block(const ae_queue_t *q, uint32_t i)
{
    return (ae_block_t *) ((char *) q + q->block_offset) + i;
}


static inline ae_cool_t *
ae_queue_cool(const ae_queue_t *q, uint32_t i)
{
    return (ae_cool_t *) ((char *) q + q->cool_offset) + i;
}


static inline uint32_t *
ae_queue_bucket(const ae_queue_t *q, ae_id_t id)
{
    return (uint32_t *) ((char *) q + q->bucket_offset)
           + (id.h[0] & (q->buckets - 1));
}


static inline uint32_t *
ae_queue_uid(const ae_queue_t *q, uint64_t uid)
{
    return (uint32_t *) ((char *) q + q->uid_offset) + (uid & (q->uids - 1));
}


static inline uint32_t *
ae_queue_timer(const ae_queue_t *q, uint32_t i)
{
    return (uint32_t *) ((char *) q + q->timer_offset) + i;
}


/* ---- endpoints (ae_queue.c, ae_queue_lasting.c) ---- */

static inline int
ae_queue_bit(const uint32_t *bits, uint32_t i)
{
    return (__atomic_load_n(&bits[i / 32], __ATOMIC_RELAXED) >> i % 32) & 1;
}


/* finds or makes one within a transaction, and it is retired no more */
uint32_t ae_queue_enter_endpoint(ae_queue_t *q, ae_id_t identity,
    uint32_t concurrency, uint32_t bound);

/* what waits for endpoints that are retired dies: with held those that are
 * held, else the others */
uint64_t ae_queue_kill(ae_queue_t *q, int held);


/* ---- nodes, events, lists (ae_queue_pool.c) ---- */

uint32_t ae_queue_blocks(size_t len);

/* puts the node behind all, or before another one */
void ae_queue_append(ae_queue_t *q, ae_queue_list_t *list, uint32_t n);
void ae_queue_insert(ae_queue_t *q, ae_queue_list_t *list, uint32_t before,
    uint32_t n);
void ae_queue_remove(ae_queue_t *q, ae_queue_list_t *list, uint32_t n);

/* the node waits for being taken, behind the others of its endpoint */
void ae_queue_enqueue(ae_queue_t *q, uint32_t n);

/* counts a node that is in no list as delivered, ..., and frees it, unless a
 * store has it */
void ae_queue_finish(ae_queue_t *q, uint32_t n, uint64_t *counter);
void ae_queue_free_node(ae_queue_t *q, uint32_t n);

/* of an event's record; AE_DECLINED: it is none, somebody changed it */
int ae_queue_copy(const ae_queue_t *q, uint32_t event, unsigned char *buf,
    size_t len);

/* ends a node that is in no list and was sent, with its cooldown */
void ae_queue_end(ae_queue_t *q, uint32_t n, ae_outcome_e outcome,
    const ae_now_t *now);


/* ---- timers: a heap of retries and cooldowns (ae_queue_timer.c) ---- */

/* items: a node's index, or nodes + a cooldown's index */
void ae_queue_timer_add(ae_queue_t *q, uint32_t item);
void ae_queue_timer_remove(ae_queue_t *q, uint32_t item);

/* the node waits until then */
void ae_queue_delay(ae_queue_t *q, uint32_t n, uint64_t due);

/* lets at most max timers go off, each a transaction; returns how many did */
uint32_t ae_queue_expire(ae_queue_t *q, const ae_now_t *now, uint32_t max);


/* ---- cooldowns (ae_queue_cooldown.c) ---- */

/* a node that is new here is queued, or delayed until due if that is not 0, or
 * held, or replaces the one that is held */
void ae_queue_cool_enter(ae_queue_t *q, uint32_t n, uint64_t due);

/* the identity of the new node: what is over ends first, in transactions */
void ae_queue_cool_refresh(ae_queue_t *q, uint32_t n, const ae_now_t *now);

/* may it come without room at its endpoint: it takes a held one's place */
int ae_queue_cool_swaps(const ae_queue_t *q, const ae_queue_target_t *target,
    uint32_t blocks, const ae_now_t *now);

/* of those that are held with the node the oldest is suppressed, if their
 * endpoint has more than it may */
void ae_queue_cool_trim(ae_queue_t *q, uint32_t n);

/* the one that was sent was delivered, or is dead */
void ae_queue_cool_delivered(ae_queue_t *q, uint32_t n, const ae_now_t *now);
void ae_queue_cool_dead(ae_queue_t *q, uint32_t n);

/* the period ended */
void ae_queue_cool_over(ae_queue_t *q, uint32_t c);

/* suppresses what "settle" asks for, in transactions */
void ae_queue_cool_settle(ae_queue_t *q);


/* ---- outbox: what a store has to know (ae_queue_outbox.c) ---- */

/* a new node, where there is a store */
void ae_queue_outbox_enter(ae_queue_t *q, uint32_t n);

/* what the store has, or gets, is not what the node says any more */
void ae_queue_outbox_change(ae_queue_t *q, uint32_t n);

/* it has ended: 1 if the store may have it, so that the node is needed */
int ae_queue_outbox_end(ae_queue_t *q, uint32_t n);

/* one that the store has, and is there under that uid */
void ae_queue_outbox_restore(ae_queue_t *q, uint32_t n);
uint32_t ae_queue_outbox_find(const ae_queue_t *q, uint64_t uid);

/* was the uid given to a delivery of this queue */

static inline int
ae_queue_outbox_own(const ae_queue_t *q, uint64_t uid)
{
    return uid > q->uid_first && uid <= q->uid;
}


/* frees one that is gone, and counts that */
void ae_queue_outbox_reclaim(ae_queue_t *q);


static inline void
ae_queue_changed(ae_queue_t *q, uint32_t n)
{
    if (ae_queue_node(q, n)->store >= AE_OUTBOX_SAVING) {
        ae_queue_outbox_change(q, n);
    }
}


/* nodes that a delivery may have, of which those that are gone are lent */

static inline uint32_t
ae_queue_nodes_free(const ae_queue_t *q)
{
    return q->nodes_free + q->outbox[AE_OUTBOX_GONE].n;
}


/* ---- health (ae_queue_health.c) ---- */

/* of an endpoint whose place is another's from now on */
void ae_queue_health_forget(ae_queue_t *q, ae_endpoint_t *ep);

/* deliveries that may be in flight; a load without the lock */

static inline uint32_t
ae_queue_concurrency(const ae_endpoint_t *ep)
{
    uint32_t  n;

    n = __atomic_load_n(&ep->concurrency, __ATOMIC_RELAXED);

    return (n > 1 && (__atomic_load_n(&ep->ill, __ATOMIC_RELAXED)
                      & AE_QUEUE_SLOW))
           ? 1 : n;
}


/* ---- endpoints (ae_queue.c) ---- */

uint32_t ae_queue_find_endpoint(const ae_queue_t *q, ae_id_t identity);


/* ---- routing (ae_queue_route.c) ---- */

/* may the endpoint have so many blocks more of the pool, if what it has
 * weighs so much */
int ae_queue_has_room(const ae_queue_t *q, const ae_endpoint_t *ep,
    uint32_t blocks, uint32_t weight);

/* the event in the first free blocks; and in its node, by an endpoint */
void ae_queue_fill_event(ae_queue_t *q, ae_str_t record, uint32_t refs);
void ae_queue_fill_node(ae_queue_t *q, uint32_t n, uint32_t endpoint,
    ae_id_t cooldown, uint64_t period);

/* takes them off their lists */
void ae_queue_take_event(ae_queue_t *q);
void ae_queue_take_nodes(ae_queue_t *q, uint32_t last, uint32_t n);

/* the endpoint has one more */
void ae_queue_count(ae_queue_t *q, uint32_t n);

/* finishes, or forgets, a route whose process died */
void ae_queue_route_recover(ae_queue_t *q);


#endif /* _AE_QUEUE_H_INCLUDED_ */
