/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * core/shared: what the worker processes share: locks, tables, limits,
 * sessions, rings, delivery queues and the list of processes.
 */


#ifndef _AE_SHARED_H_INCLUDED_
#define _AE_SHARED_H_INCLUDED_


#include <pthread.h>

#include "core/base/base.h"
#include "core/shared/ae_breakers.h"
#include "core/shared/ae_hosts.h"
#include "core/shared/ae_outbox.h"


/* ---- lock: robust, between processes (ae_lock.c) ---- */

/*
 * Shared.  ae_lock() returns AE_OK, or AE_RECOVER when the last owner died in
 * it: the caller owns the lock, must make what it guards whole again and call
 * ae_lock_repaired() before ae_unlock().
 *
 * A process may hold one such lock for its whole life to be seen alive:
 * ae_trylock() gives AE_AGAIN while it lives, AE_RECOVER once it died.
 */

typedef struct {
    pthread_mutex_t          mutex;
} ae_lock_t;

int ae_lock_init(ae_lock_t *lock);
int ae_lock(ae_lock_t *lock) ae_often;
int ae_trylock(ae_lock_t *lock);
void ae_lock_repaired(ae_lock_t *lock);
void ae_unlock(ae_lock_t *lock) ae_often;


/* ---- table: shared hash table of fixed-size entries (ae_table.c) ---- */

/*
 * Shared.  Entries are found by a 128-bit id; each belongs to one of the
 * shards, each shard has its lock, its buckets and its own entries.  An entry
 * is published by one store after it is complete, and a shard whose owner died
 * is relinked from its entries, so a lock is always whole when it is had.
 */

typedef struct ae_table_s    ae_table_t;

/* largest number of entries that fit size bytes, 0 if not even one a shard */
uint32_t ae_table_fit(size_t size, uint32_t shards, uint32_t data_size);

/* mem: zeroed, aligned to 64; shards: a power of two */
ae_table_t *ae_table_init(void *mem, size_t size, uint32_t shards,
    uint32_t data_size);

uint32_t ae_table_shard(const ae_table_t *t, ae_id_t id);
/* another id in that shard: what is asked together costs one lock */
ae_id_t ae_table_beside(ae_id_t id);
void ae_table_lock(ae_table_t *t, uint32_t shard);
void ae_table_unlock(ae_table_t *t, uint32_t shard);

/* the next three want the id's shard locked; NULL: not there, no room */
void *ae_table_find(ae_table_t *t, ae_id_t id);

/*
 * As find, but without the lock: the entry may be removed at any moment, and
 * be another id's then.  What was read from it before holds() is of the id if
 * holds() says so.
 */
void *ae_table_peek(const ae_table_t *t, ae_id_t id);
int ae_table_holds(const void *data, ae_id_t id) ae_often;

/* zeroed data; the entry is visible once ae_table_publish() was called */
void *ae_table_insert(ae_table_t *t, ae_id_t id);
void ae_table_publish(ae_table_t *t, void *data);
void ae_table_remove(ae_table_t *t, void *data);
ae_id_t ae_table_id(const void *data);

/*
 * Looks at up to n entries of a locked shard, from where the last call
 * stopped, and removes those of which reclaim() says so.  Returns how many.
 */
typedef int (*ae_reclaim_pt)(void *data, void *ctx);

uint32_t ae_table_sweep(ae_table_t *t, uint32_t shard, uint32_t n,
    ae_reclaim_pt reclaim, void *ctx);

/* entries in use, over all shards; a sum of loads, no lock */
uint32_t ae_table_used(const ae_table_t *t);

/* of a locked shard, by its place from 0 on; NULL: not in use, or none */
void *ae_table_at(const ae_table_t *t, uint32_t shard, uint32_t i);


/* ---- limits: rate and quota (ae_limits.c, ae_limit_rule.c) ---- */

typedef enum {
    AE_LIMIT_GCRA = 0,      /* one every period/max, burst more at once */
    AE_LIMIT_WINDOW,        /* max in any period, two counters, approximate */
    AE_LIMIT_QUOTA,         /* max a period that starts at the first use, or
                               with the calendar */
    AE_LIMIT_FIXED          /* max in each period; they start at its multiples
                               since 1970 (Tyk's fixed window) */
} ae_limit_mode_e;

#define AE_LIMIT_MODES       4


/* the calendar's units, by the time of day at an offset */

typedef enum {
    AE_ALIGN_NONE = 0,
    AE_ALIGN_HOUR,
    AE_ALIGN_DAY,
    AE_ALIGN_WEEK,          /* from Monday on (ISO 8601) */
    AE_ALIGN_MONTH
} ae_limit_align_e;


typedef struct {
    ae_limit_mode_e          mode;
    uint64_t                 max;           /* requests a period; may be 0 */
    uint64_t                 period;        /* ns; QUOTA: 0 never renews; not
                                               looked at when aligned */
    uint64_t                 burst;         /* requests, GCRA only */
    ae_limit_align_e         align;         /* QUOTA only */
    int32_t                  offset;        /* seconds east of UTC, of align;
                                               a day at most */
} ae_limit_rule_t;


/* one limit that a request is held against, and what came of it */

typedef struct {
    ae_id_t                  id;            /* of the counter */
    ae_limit_rule_t          rule;

    uint64_t                 remaining;     /* requests left after this one */
    uint64_t                 reset;         /* ns until it is whole again */
    uint64_t                 retry;         /* ns until one more could pass;
                                               0 unless refused, UINT64_MAX
                                               for never */
    uint64_t                 charged;       /* what was charged, for refund */
    unsigned                 overflow:1;    /* counted in the shard's shared
                                               entry, for want of memory */
} ae_limit_use_t;


typedef struct ae_limits_s   ae_limits_t;   /* shared */

#define AE_LIMIT_USES        20             /* most uses in one call */

ae_limits_t *ae_limits_init(void *mem, size_t size);

/*
 * All or nothing: charges one request to each of the uses, or to none.  AE_OK,
 * or AE_DECLINED with *refused the first (in the order given) that is used up.
 * The uses' results are filled in either case.  A limit that two uses name by
 * the same id is charged twice.  Counters are exact over processes.
 * AE_ERROR: more than AE_LIMIT_USES.
 */
int ae_limits_take(ae_limits_t *limits, ae_limit_use_t *uses, size_t n,
    const ae_now_t *now, size_t *refused) ae_often;

/* it and the one beside it will be taken soon */
void ae_limits_fetch(const ae_limits_t *limits, ae_id_t id) ae_often;

/* gives back what ae_limits_take() charged, where the period is the same */
void ae_limits_refund(ae_limits_t *limits, const ae_limit_use_t *uses,
    size_t n, const ae_now_t *now);

/* reads without charging; reset forgets the counter */
void ae_limits_peek(ae_limits_t *limits, ae_limit_use_t *use,
    const ae_now_t *now);
void ae_limits_reset(ae_limits_t *limits, ae_id_t id);

/*
 * How much of a counter was used is marked, in millionths of its max, until
 * its period ends.  Moves the mark up to what the use, which was charged,
 * made of it, and returns where it was: of the thresholds above that, up to
 * the new one, the caller alone has to tell.  AE_LIMIT_REACHED: nothing to
 * tell, the period is over.  QUOTA and FIXED only.
 */
#define AE_LIMIT_WHOLE       1000000
#define AE_LIMIT_REACHED     UINT32_MAX

uint32_t ae_limit_usage(const ae_limit_use_t *use);
uint32_t ae_limits_reach(ae_limits_t *limits, const ae_limit_use_t *use);

/* the next number of the id, from 1, over all processes; ids that were
 * evicted for want of memory go on above every number evicted so far */
uint64_t ae_limits_sequence(ae_limits_t *limits, ae_id_t id);

/*
 * A counter of QUOTA or FIXED as it can be kept elsewhere, for another area:
 * after a restart, of another size (ae_limits_carry.c).  The others count by
 * the monotonic clock, which ends with the machine's run.
 */

typedef struct {
    ae_id_t                  id;
    ae_limit_mode_e          mode;
    ae_limit_align_e         align;
    int32_t                  offset;        /* seconds */
    uint32_t                 mark;          /* as ae_limits_reach() moves it */
    uint64_t                 max;
    uint64_t                 period;        /* ns; the aligned one's length */
    uint64_t                 start;         /* of the period, wall */
    uint64_t                 count;
} ae_limit_record_t;

/*
 * The next counters from *cursor on, which is 0 at first: returns how many, at
 * most n, and AE_LIMITS_END in *cursor after the last.  One call looks at a
 * bounded number of entries, so it may return 0 before the end, and holds one
 * shard's lock.  Those whose period is over are left out, as is what was
 * counted in shared entries for want of memory.
 */
#define AE_LIMITS_END        UINT64_MAX

size_t ae_limits_dump(ae_limits_t *limits, uint64_t *cursor,
    ae_limit_record_t *out, size_t n, const ae_now_t *now);

/*
 * Goes on with the record's count in its period.  What was counted for the id
 * in this area already comes on top, so a record must be restored once.
 * AE_DECLINED: its period is over; AE_FULL: no room; AE_ERROR: it is none.
 */
int ae_limits_restore(ae_limits_t *limits, const ae_limit_record_t *record,
    const ae_now_t *now);

typedef struct {
    uint32_t                 entries;
    uint32_t                 used;
    uint64_t                 overflows;     /* requests counted in a shared
                                               overflow entry */
} ae_limits_stat_t;

void ae_limits_stat(const ae_limits_t *limits, ae_limits_stat_t *st);


/* ---- sessions: key id -> JSON text, shared (ae_sessions.c) ---- */

/*
 * Shared.  A session is found by the keyed hash of its credential or by its
 * KeyID.  The table keeps its text; processes keep what they compiled from
 * it and compare versions.  A version is never used twice.
 */

typedef struct ae_sessions_s ae_sessions_t;

typedef struct {
    ae_id_t                  id;            /* keyed hash of the credential */
    ae_id_t                  key_id;        /* KeyID */
    uint64_t                 version;
    uint32_t                 len;           /* of the text */
    uint16_t                 source;        /* AE_SESSION_FILE, ... */
    uint16_t                 record;        /* its length, 0: none */
} ae_session_ref_t;

#define AE_SESSION_FILE      1
#define AE_SESSION_API       2
#define AE_SESSION_GONE      3          /* deleted, where a file has it */
#define AE_SESSION_AHEAD     4          /* as API, of what is to be stored */
#define AE_SESSION_RECORD_MAX  512

ae_sessions_t *ae_sessions_init(void *mem, size_t size);

/* AE_OK or AE_DECLINED, by either id; expect: it will be looked for soon */
void ae_sessions_expect(const ae_sessions_t *ss, ae_id_t id) ae_often;
int ae_sessions_find(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref);

/* as find, and copies what was put beside the text (ae_record.c) if it is no
 * longer than size, which ref->record tells */
int ae_sessions_get(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref,
    void *record, size_t size) ae_often;

/* as find, and copies the text; AE_FULL with ref->len set: buffer too short */
int ae_sessions_read(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref,
    unsigned char *buf, size_t size);

/*
 * Inserts or replaces.  ref gives id, key_id and source.  What is equal to the
 * stored keeps its version.  AE_FULL: no room, the old session stands.
 * AE_ERROR: over 1 MiB.  AE_DECLINED: a file's, where the API has put or
 * deleted one.  An id that is equal to key_id says that the credential is not
 * known: the session keeps the id that it has.
 *
 * settle: of what was put before as AE_SESSION_AHEAD, with that version; it
 * does nothing (AE_DECLINED) where the next one is ahead already.
 *
 * renew: another record for the text of ref->version; AE_DECLINED where that
 * is past or ahead of what is stored, or a file is being loaded.
 */
int ae_sessions_put(ae_sessions_t *ss, ae_session_ref_t *ref, ae_str_t text);
int ae_sessions_put_record(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text);
int ae_sessions_settle(ae_sessions_t *ss, ae_session_ref_t *ref,
    uint64_t version, ae_str_t record, ae_str_t text);
int ae_sessions_renew(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text);
int ae_sessions_remove(ae_sessions_t *ss, ae_id_t id);

/* the credential's id of a session that was put without one; AE_DECLINED:
 * there is none, or it has another one */
int ae_sessions_name(ae_sessions_t *ss, ae_id_t key_id, ae_id_t id);

/*
 * As remove, by KeyID.  Where a file has the session as well, in that scope,
 * or nobody knows yet (always), AE_SESSION_GONE without a text stays, which is
 * found by its KeyID alone and keeps the file's away until a load finds that
 * the file has it no more.  AE_FULL: no room for that, only with always.
 */
int ae_sessions_delete(ae_sessions_t *ss, ae_id_t key_id, uint32_t scope,
    int always);

void ae_sessions_clear(ae_sessions_t *ss);  /* all that are not a file's */

/* a file's sessions are loaded between begin and end: end removes those of
 * AE_SESSION_FILE within the scope that were not put since begin.  A put of
 * AE_SESSION_FILE does not replace an AE_SESSION_API session */
void ae_sessions_load_begin(ae_sessions_t *ss, uint32_t scope);
void ae_sessions_load_end(ae_sessions_t *ss, uint32_t scope);

typedef struct {
    uint32_t                 sessions;
    size_t                   bytes_free;
} ae_sessions_stat_t;

void ae_sessions_stat(ae_sessions_t *ss, ae_sessions_stat_t *st);

/* at most *n of those there are, from *cursor on, 0 at first; about `look`
 * blocks are looked at.  AE_AGAIN: there may be more, AE_OK: that was all */
int ae_sessions_list(ae_sessions_t *ss, uint32_t *cursor, uint32_t look,
    ae_session_ref_t *list, size_t *n);

/* bytes of shared memory that a session of so long a text and record takes */
size_t ae_sessions_cost(size_t len);


/* ---- ring: records of one process in order (ae_ring.c) ---- */

/* shared; one producer, one consumer, which may be the same process.  Neither
 * ever waits for the other.  One store moves a record from one state to the
 * next, so that every snapshot adds up.  A record has a checksum */

typedef struct ae_ring_s     ae_ring_t;

/* mem: zeroed, aligned to 64, of size bytes; NULL if too small (4096) */
ae_ring_t *ae_ring_init(void *mem, size_t size);

/* largest record that fits, a quarter of the ring */
size_t ae_ring_max(const ae_ring_t *ring);

/* producer: room for len contiguous bytes, then commit; NULL: full */
void *ae_ring_reserve(ae_ring_t *ring, size_t len);
void ae_ring_commit(ae_ring_t *ring);

/* producer: is there room for so many contiguous bytes; a producer that asks
 * for more than it then reserves keeps the rest for what matters more */
int ae_ring_has(ae_ring_t *ring, size_t len);

/* consumer: the oldest record, AE_OK, or AE_AGAIN.  Records whose checksum is
 * wrong are skipped and counted.  number counts the ring's records from 1.
 * The bytes are valid until release */
int ae_ring_peek(ae_ring_t *ring, ae_str_t *record, uint64_t *number);
void ae_ring_release(ae_ring_t *ring);

/* counts an event that never became a record, by reason */

typedef enum {
    AE_DROP_RING_FULL = 0,  /* the ring has no room */
    AE_DROP_TOO_LARGE,      /* over ae_ring_max() */
    AE_DROP_LOOP,           /* depth over 5 */
    AE_DROP_CORRUPT,        /* checksum wrong when it was read */
    AE_DROP_TORN,           /* its process died while writing it */
    AE_DROP_MAX
} ae_drop_e;

extern const char           *const ae_drop_names[AE_DROP_MAX];

void ae_ring_drop(ae_ring_t *ring, ae_drop_e reason);

/* called by who adopts the ring of a dead process, before it produces */
void ae_ring_recover(ae_ring_t *ring);

typedef struct {
    uint64_t                 raised;        /* = dropped + waiting + routed */
    uint64_t                 waiting;
    uint64_t                 routed;
    uint64_t                 dropped[AE_DROP_MAX];
} ae_ring_stat_t;

/* for who looks on: the bytes that a copy takes; see ae_ring.c */
size_t ae_ring_tap(const ae_ring_t *ring, uint64_t *at);
int ae_ring_tap_next(const ae_ring_t *ring, uint64_t *at, void *mem,
    ae_str_t *record, uint64_t *lost);

/* adds the ring's numbers to *st; by any process at any time */
void ae_ring_stat(const ae_ring_t *ring, ae_ring_stat_t *st);


/* ---- queue: endpoints and their deliveries (ae_queue.c) ---- */

/*
 * Shared.  An event is stored once, its deliveries name it.  Everything is
 * guarded by one short lock.  A change becomes valid as a whole by one store;
 * what an owner that died inside had begun is undone by the next one.
 *
 *   queued --take--> in flight --done--> delivered | dead | queued (retry)
 *   held (a cooldown is in flight or running) --> queued | suppressed
 *
 * At every moment and for each endpoint
 *   deliveries = delivered + suppressed + pending + dead.
 */

#define AE_NO_ENDPOINT       UINT32_MAX

ae_queue_t *ae_queue_init(void *mem, size_t size);

/*
 * Finds or makes the endpoint of that identity.  Its bounds are the last
 * ones given: concurrency, deliveries in flight over all processes; bound,
 * deliveries waiting.  AE_NO_ENDPOINT: the table is full (AE_QUEUE_ENDPOINTS).
 */
#define AE_QUEUE_ENDPOINTS   1024

uint32_t ae_queue_endpoint(ae_queue_t *q, ae_id_t identity,
    uint32_t concurrency, uint32_t bound);

/*
 * Kills what still waits for the endpoints that are not in keep[], for a
 * configuration that no longer has them; returns how many deliveries died.
 * Lasting endpoints are not among them.
 */
uint64_t ae_queue_retire(ae_queue_t *q, const uint32_t *keep, size_t n);

/*
 * An endpoint that comes and goes at run time: as ae_queue_endpoint(), but it
 * lasts, though a process does not know it, until it was closed and dropped.
 * One that is closing is open again.
 */
uint32_t ae_queue_lasting(ae_queue_t *q, ae_id_t identity,
    uint32_t concurrency, uint32_t bound);

/*
 * From then on nobody should attempt what waits for it: whoever takes it ends
 * it as dead.  Retries are due at once.
 */
void ae_queue_close(ae_queue_t *q, uint32_t endpoint);
int ae_queue_closing(const ae_queue_t *q, uint32_t endpoint);

/*
 * Ends an endpoint that is closing; what waits for it still is dead, *killed
 * of it.  AE_DECLINED: it is not closing (any more); AE_AGAIN: some are in
 * flight or can be taken.
 */
int ae_queue_drop(ae_queue_t *q, uint32_t endpoint, uint64_t *killed);

/* is it a lasting one */
int ae_queue_lasts(const ae_queue_t *q, uint32_t endpoint);

/* the lasting ones, from *cursor on, which starts as 0: AE_DECLINED after the
 * last one */
int ae_queue_next_lasting(ae_queue_t *q, uint32_t *cursor, uint32_t *endpoint,
    ae_id_t *identity);


typedef struct {
    uint32_t                 endpoint;
    ae_id_t                  cooldown;      /* identity, when period > 0 */
    uint64_t                 period;        /* ns, 0: no cooldown */

    int                      result;        /* AE_OK, or AE_FULL: dead because
                                               the endpoint's bound is full,
                                               and its cooldown holds none
                                               that could make room */
} ae_queue_target_t;


/*
 * Makes the deliveries of one event, all or none.  source and number say
 * which ring's which record it was: a record that was routed before (its
 * process died before it released it) is AE_DECLINED.  AE_FULL: the pool is
 * used up, the record has to wait.  No endpoint may hold more than is free
 * for the others, so one that delivers nothing cannot use up the pool.
 * AE_NO_SOURCE: it is of no ring.
 */
#define AE_NO_SOURCE         UINT32_MAX

int ae_queue_route(ae_queue_t *q, uint32_t source, uint64_t number,
    ae_str_t record, ae_queue_target_t *targets, size_t n,
    const ae_now_t *now);


typedef struct {
    uint32_t                 node;
    uint32_t                 endpoint;
    uint64_t                 stamp;         /* guards against a stale lease */
    uint32_t                 attempt;       /* from 1 */
    uint32_t                 deaths;        /* owners that died at it while
                                               it was marked as in a script */
    uint64_t                 suppressed;    /* events this one stands for */
    size_t                   len;           /* of the event's record */
} ae_lease_t;


/*
 * Takes the endpoint's oldest due delivery for a process (slot).  AE_AGAIN:
 * none is due or its concurrency is used up.
 */
int ae_queue_take(ae_queue_t *q, uint32_t endpoint, uint32_t slot,
    const ae_now_t *now, ae_lease_t *lease);

/* copies the record of a lease, lease->len bytes */
int ae_queue_read(ae_queue_t *q, const ae_lease_t *lease, unsigned char *buf);

typedef enum {
    AE_DELIVERED = 0,
    AE_DEAD,
    AE_RETRY,               /* due again at `due`, behind the others */
    AE_UNTRIED              /* the same, but it was no attempt */
} ae_outcome_e;

/* ends a lease; AE_DECLINED if it is not this one any more.  due: mono, ns */
int ae_queue_done(ae_queue_t *q, const ae_lease_t *lease,
    ae_outcome_e outcome, uint64_t due, const ae_now_t *now);

/* marks that the lease's delivery is (not) inside a script */
void ae_queue_in_script(ae_queue_t *q, const ae_lease_t *lease, int inside);

/* makes the leases of a dead process due again; returns how many */
uint32_t ae_queue_adopt(ae_queue_t *q, uint32_t slot);

/* work an endpoint has now: a load without the lock, may be stale */
uint32_t ae_queue_ready(const ae_queue_t *q, uint32_t endpoint);

/*
 * How an endpoint is, by all attempts of all processes.  One that nothing but
 * failed at for AE_HEALTH_LIMIT is disabled; after an answer that asks to slow
 * down one delivery is in flight until a success.  A change is told to one
 * caller alone: that it was disabled, or that it succeeds again after it was
 * disabled, or enabled again, or a delivery of it was given up.
 *
 * One that is disabled stays so until it is enabled, also when an attempt that
 * was under way succeeds, and ae_queue_take() gives its deliveries as before:
 * the caller ends them.
 */
#define AE_HEALTH_LIMIT      ((uint64_t) 5 * 86400 * 1000000000)

typedef enum {
    AE_ENABLED = 0,
    AE_DISABLED_ANSWER,     /* 410, or the receiver asked for it */
    AE_DISABLED_FAILING,    /* for AE_HEALTH_LIMIT */
    AE_DISABLED_HAND        /* by the management API */
} ae_disabled_e;

typedef enum {
    AE_ATTEMPT_OK = 0,
    AE_ATTEMPT_FAILED,
    AE_ATTEMPT_SLOW,        /* failed, and asks to slow down */
    AE_ATTEMPT_DISABLE,     /* failed, and disables the endpoint */
    AE_ATTEMPT_DEAD         /* its delivery was given up; beside one of the
                               others */
} ae_attempt_e;

typedef enum {
    AE_HEALTH_STAYS = 0,
    AE_HEALTH_DISABLED,
    AE_HEALTH_RECOVERED
} ae_health_change_e;

typedef struct {
    ae_disabled_e            disabled;
    int                      slow;
    uint64_t                 failing;       /* wall, ns, since then; 0: the
                                               last attempt succeeded */
    uint64_t                 version;       /* grows with each change of
                                               disabled and failing */
} ae_health_t;

ae_health_change_e ae_queue_health(ae_queue_t *q, uint32_t endpoint,
    ae_attempt_e attempt, const ae_now_t *now);
/* takes no lock where it is enabled */
int ae_queue_disabled(ae_queue_t *q, uint32_t endpoint);
void ae_queue_health_get(ae_queue_t *q, uint32_t endpoint,
    ae_health_t *health);

/*
 * Enables (AE_ENABLED) or disables, as a store or a person says, who has 0 for
 * failing: then enabling forgets since when it fails, and disabling does not.
 * AE_DECLINED: it was so before.
 */
int ae_queue_disable(ae_queue_t *q, uint32_t endpoint,
    ae_disabled_e disabled, uint64_t failing);

/*
 * Lets cooldowns that ended go on; returns the nanoseconds (mono) until the
 * next one ends or retry is due, UINT64_MAX for none.
 */
uint64_t ae_queue_tick(ae_queue_t *q, const ae_now_t *now);

typedef struct {
    uint64_t                 deliveries;
    uint64_t                 delivered;
    uint64_t                 suppressed;
    uint64_t                 pending;       /* queued + held + in flight */
    uint64_t                 dead;
    uint64_t                 inflight;
    uint64_t                 recovered;     /* rebuilds after a death */
    uint32_t                 nodes_free;
    uint32_t                 blocks_free;
} ae_queue_stat_t;

/* of one endpoint, or with AE_NO_ENDPOINT of all */
void ae_queue_stat(ae_queue_t *q, uint32_t endpoint, ae_queue_stat_t *st);


/* ---- process: who owns which ring (ae_process.c) ---- */

/*
 * Shared.  A process claims a slot for its life by the slot's robust lock; a
 * slot whose process died is found by whoever tries the lock next, and that
 * one alone adopts what the dead one left.
 */

typedef struct ae_processes_s  ae_processes_t;

size_t ae_processes_size(uint32_t slots, size_t ring_size);
ae_processes_t *ae_processes_init(void *mem, uint32_t slots,
    size_t ring_size);

/*
 * AE_OK, *slot; AE_FULL: every slot has a living owner.  When no slot is empty
 * it is one whose owner died: as with ae_process_adopt(), what is in its ring
 * and its leases (ae_queue_adopt()) are the caller's.
 */
int ae_process_claim(ae_processes_t *ps, uint32_t *slot);

/* a slot whose ring is drained is given back; called by its owner only */
void ae_process_release(ae_processes_t *ps, uint32_t slot);

ae_ring_t *ae_process_ring(ae_processes_t *ps, uint32_t slot);
uint32_t ae_processes_count(const ae_processes_t *ps);

/*
 * Finds a slot whose owner died, or that was given back with records in its
 * ring, and takes it over: AE_OK, *slot is the caller's until it releases it.
 * AE_AGAIN: there is none.
 */
int ae_process_adopt(ae_processes_t *ps, uint32_t *slot);

/* the sums over all rings */
void ae_processes_stat(const ae_processes_t *ps, ae_ring_stat_t *st);

/* living owners, this process included */
uint32_t ae_processes_alive(ae_processes_t *ps);


/* ---- watch: how first attempts ended (ae_watch.c) ---- */

/*
 * Shared.  A bounded number of events at a time whose first attempts somebody
 * waits for; whoever makes one tells of it, which costs a load where nothing
 * is watched.  until: mono, ns.  AE_FULL: too many are watched.
 */
typedef struct ae_watches_s  ae_watches_t;

#define AE_WATCHES_SIZE      (36 * 1024)
#define AE_WATCH_RESULTS     8              /* of an event, the first ones */

typedef struct {
    ae_id_t                  endpoint;
    uint64_t                 duration;      /* ns */
    uint32_t                 status;        /* HTTP's, 0: none */
    uint32_t                 failed;
    char                     error[64];     /* why, cut, or empty */
} ae_watch_result_t;


/* of AE_WATCHES_SIZE bytes, aligned to 8 */
ae_watches_t *ae_watches_init(void *mem);

int ae_watch_begin(ae_watches_t *w, ae_id_t event, uint64_t until,
    const ae_now_t *now, uint32_t *slot);
void ae_watch_tell(ae_watches_t *w, ae_id_t event,
    const ae_watch_result_t *result, const ae_now_t *now);

/* returns how many there are so far */
size_t ae_watch_read(const ae_watches_t *w, uint32_t slot,
    ae_watch_result_t results[AE_WATCH_RESULTS]);
void ae_watch_end(ae_watches_t *w, uint32_t slot);


#endif /* _AE_SHARED_H_INCLUDED_ */
