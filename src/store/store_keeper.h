/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A worker's part in the store: what it wants to have written, the one task
 * that its thread has, and the zone's work, which one worker does for all.
 */


#ifndef _NGX_HTTP_APIEVENTS_STORE_KEEPER_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_STORE_KEEPER_H_INCLUDED_


#include "apievents.h"
#include "store/sqlite/sqlite.h"
#include "store/store_private.h"


#define NGX_HTTP_APIEVENTS_SECOND         ((uint64_t) 1000000000)

/* old rows are looked for so often, in seconds */
#define NGX_HTTP_APIEVENTS_RETAIN         10

/* what others left is looked for so often, in seconds */
#define NGX_HTTP_APIEVENTS_CLAIM          2

/* an instance whose lease was not renewed for so long is free */
#define NGX_HTTP_APIEVENTS_LEASE          (20 * NGX_HTTP_APIEVENTS_SECOND)
#define NGX_HTTP_APIEVENTS_RENEW          5         /* seconds */

/* of one task */
#define NGX_HTTP_APIEVENTS_JOB_SAVE       256
#define NGX_HTTP_APIEVENTS_JOB_GONE       1024
#define NGX_HTTP_APIEVENTS_JOB_COUNTERS   512
#define NGX_HTTP_APIEVENTS_JOB_BREAKERS   64
#define NGX_HTTP_APIEVENTS_JOB_CLAIM      64
#define NGX_HTTP_APIEVENTS_JOB_RETAIN     200

/* bytes of history and records that a worker holds at most; of each of the
 * two: what is being written, and what collects meanwhile */
#define NGX_HTTP_APIEVENTS_JOB_BYTES      (16 * 1024 * 1024)

/* of what a task takes over: the longest record has room in it */
#define NGX_HTTP_APIEVENTS_CLAIM_BYTES    (2 * AE_DB_RECORD)


/* an attempt, or a dead letter, and its event */

typedef struct ngx_http_apievents_row_s  ngx_http_apievents_row_t;

struct ngx_http_apievents_row_s {
    ngx_http_apievents_row_t   *next;
    ae_db_attempt_t             attempt;
    ae_str_t                    record;         /* as it was raised */
    unsigned                    dead:1;
};


/* rows in the order they came, all in the arena, which is theirs; NULL: there
 * are none */

typedef struct {
    ae_arena_t                 *arena;
    ngx_http_apievents_row_t   *first;
    ngx_http_apievents_row_t   *last;
    ngx_uint_t                  n;
} ngx_http_apievents_rows_t;


/* what was taken over from another instance */

typedef struct {
    ae_arena_t                 *arena;          /* NULL: there is nothing */
    ae_outbox_row_t             rows[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    ae_str_t                    records[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    size_t                      nrows;
    ae_str_t                    unrouted[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    uint64_t                    ids[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    size_t                      nunrouted;
    ae_limit_record_t           counters[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    size_t                      ncounters;
    unsigned                    own:1;          /* rows of this instance, that
                                                   may be in the queue */
    unsigned                    more:1;         /* there is more to be had */
} ngx_http_apievents_claimed_t;


/*
 * One task.  Whoever runs it, the thread or the worker itself, has all of it,
 * connection included, from post to done; at other times the worker has.
 */

typedef struct {
    ae_db_t                    *db;             /* NULL: not open */
    char                       *name;           /* of the file */
    ae_id_t                     zone;
    int64_t                     instance;       /* 0: not known */
    u_char                      secret[16];
    ae_seal_t                   seal;           /* api_secret_key */
    uint64_t                    history;        /* ns, 0: none is kept */
    uint64_t                    max;            /* bytes */

    ae_arena_t                 *arena;          /* of this task; NULL: none */

    /* what to do */
    ngx_http_apievents_rows_t   rows;
    ae_outbox_row_t             save[NGX_HTTP_APIEVENTS_JOB_SAVE];
    ae_str_t                    records[NGX_HTTP_APIEVENTS_JOB_SAVE];
    size_t                      nsave;
    uint64_t                    gone[NGX_HTTP_APIEVENTS_JOB_GONE];
    uint32_t                    nodes[NGX_HTTP_APIEVENTS_JOB_GONE];
    size_t                      ngone;
    uint64_t                    ended[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    size_t                      nended;         /* rows nobody can deliver */
    uint64_t                    raised[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    size_t                      nraised;        /* events that were unrouted */
    ae_limit_record_t           counters[NGX_HTTP_APIEVENTS_JOB_COUNTERS];
    size_t                      ncounters;
    ae_breaker_record_t         breakers[NGX_HTTP_APIEVENTS_JOB_BREAKERS];
    size_t                      nbreakers;
    ae_db_endpoint_t           *endpoints;      /* in the arena */
    size_t                      nendpoints;
    ae_str_t                   *unrouted;       /* records, in the arena */
    size_t                      nunrouted;
    uint64_t                    after;          /* own rows are read from */
    unsigned                    sealed:1;       /* with the key */
    unsigned                    keeper:1;       /* for the zone, too */
    unsigned                    all_breakers:1; /* no others are open */
    unsigned                    renew:1;
    unsigned                    leave:1;        /* the lease is over */
    unsigned                    claim:1;
    unsigned                    retain:1;
    unsigned                    own:1;          /* read own rows */

    /* what came of it */
    ngx_http_apievents_claimed_t
                                claimed;
    ae_db_state_e               state;          /* AE_DB_OK: committed */
    u_char                      error[256];
    unsigned                    absent:1;       /* there is no database, and
                                                   no need of one */
    unsigned                    other:1;        /* the database has another
                                                   secret than the zone */
    unsigned                    left:1;         /* there are old rows yet */
    unsigned                    later:1;        /* more may be to look at */
    unsigned                    anew:1;         /* the database has nothing of
                                                   this zone: no delivery was
                                                   written */
} ngx_http_apievents_job_t;


typedef struct {
    ngx_event_t                 tick;
    ngx_event_t                 guard;          /* a task is under way */
    ngx_connection_t            dummy;          /* events want one to log */
    ngx_http_apievents_store_conf_t
                               *conf;
#if (NGX_THREADS)
    ngx_thread_task_t           task;
#endif
    ngx_http_apievents_job_t   *job;

    ngx_http_apievents_rows_t   rows;           /* that collect */

    ngx_msec_t                  second;         /* of the last slow turn */
    ngx_msec_t                  retry;          /* not before, once failed */
    ngx_uint_t                  seconds;

    uint64_t                    cursor;         /* of the counters' round */
    uint64_t                   *seen;           /* what of them is written */
    uint64_t                    breakers;       /* the same of breakers */
    uint64_t                    health[AE_QUEUE_ENDPOINTS];
    uint64_t                    own_after;
    uint64_t                    forgotten;      /* in the queue, when its own
                                                   rows were read last */
    ngx_uint_t                  turn;           /* seconds, of the last one */
    ngx_uint_t                  stated;
    uint64_t                    ended[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    size_t                      nended;         /* rows to be deleted */
    uint64_t                    raised[NGX_HTTP_APIEVENTS_JOB_CLAIM];
    size_t                      nraised;        /* of unrouted events, too */

    unsigned                    busy:1;         /* the task is under way */
    unsigned                    keeper:1;       /* has the zone's lock */
    unsigned                    entered:1;      /* the queue knows */
    unsigned                    own:1;          /* own rows are to be read */
    unsigned                    waiting:1;      /* some found no room */
    unsigned                    more:1;         /* others' are there */
    unsigned                    again:1;        /* there is more to do */
    unsigned                    failed:1;       /* the last task did */
    unsigned                    retain:1;       /* at once, or at the next
                                                   second */
    unsigned                    retain_later:1;
} ngx_http_apievents_keeper_t;


/* ---- store_keeper.c ---- */

/* this worker is the zone's keeper from now on */
void ngx_http_apievents_keeper_enter(ngx_http_apievents_keeper_t *k);

/* at once, without the thread; all: to the last row, as nobody comes after
 * this.  NGX_DECLINED: there was nothing to write */
ngx_int_t ngx_http_apievents_keeper_write(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all);

/* a task that is complete when nobody can tell of it any more: nginx has
 * ended the thread, which came to its end first */
void ngx_http_apievents_keeper_settle(ngx_http_apievents_keeper_t *k);


/* ---- store_start.c ---- */

/*
 * In the master, for a zone that was just made: counters, breakers and
 * endpoints of the zone before it.  What fails is told of; the keeper meets
 * it again.
 */
void ngx_http_apievents_db_carry_in(ngx_cycle_t *cycle,
    ngx_http_apievents_main_conf_t *mcf, ngx_log_t *log);


/* ---- store_job.c ---- */

/* does all of it, or nothing: then job->state is not AE_DB_OK */
void ngx_http_apievents_job_run(ngx_http_apievents_job_t *job);

void ngx_http_apievents_job_error(ngx_http_apievents_job_t *job);


/* ---- store_job_claim.c ---- */

/* what other instances left, and rows of our own; AE_OK or AE_ERROR */
int ngx_http_apievents_job_claim(ngx_http_apievents_job_t *job);


/* ---- store_keeper_fill.c ---- */

/* the zone's work; NGX_DECLINED: there is none */
ngx_int_t ngx_http_apievents_keeper_fill(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all);

/* the same when it is done, or failed */
void ngx_http_apievents_keeper_apply(ngx_http_apievents_keeper_t *k);


/* ---- store_keeper_claim.c ---- */

/* rows of another instance, or found again, into the queue */
void ngx_http_apievents_keeper_restore(ngx_http_apievents_keeper_t *k);


/* ---- store_keeper_state.c ---- */

/* counters, breakers and endpoints that changed */
void ngx_http_apievents_keeper_state(ngx_http_apievents_keeper_t *k,
    ngx_uint_t all);

/* nothing of it counts as written; forget: frees what was remembered */
void ngx_http_apievents_keeper_unwritten(ngx_http_apievents_keeper_t *k);
void ngx_http_apievents_keeper_forget(ngx_http_apievents_keeper_t *k);


/* ---- store_history.c ---- */

/* moves all rows; from is empty then */
void ngx_http_apievents_rows_move(ngx_http_apievents_rows_t *to,
    ngx_http_apievents_rows_t *from);
void ngx_http_apievents_rows_free(ngx_http_apievents_rows_t *rows);
void ngx_http_apievents_rows_drop(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_rows_t *rows);

/* a row for a delivery that the store had and nobody can make; a record of
 * len 0: its event is not known */
void ngx_http_apievents_dead_letter(ngx_http_apievents_keeper_t *k,
    const ae_outbox_row_t *row, ae_str_t record, const char *reason);


/* ---- store_alarm.c ---- */

/* once on each edge for all workers: a line, and an event */
void ngx_http_apievents_store_down(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_job_t *job);
void ngx_http_apievents_store_up(ngx_http_apievents_store_conf_t *scf);


#endif /* _NGX_HTTP_APIEVENTS_STORE_KEEPER_H_INCLUDED_ */
