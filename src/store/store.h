/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * store: where data lives.  The zone of shared memory with its parts, the
 * sessions of keys and organisations, and what a worker compiled from them.
 */


#ifndef _NGX_HTTP_APIEVENTS_STORE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/core.h"


/*
 * The root of the zone.  Everything is mapped at one address in all processes
 * of one master, so that the parts are kept as pointers.  A binary that does
 * not know the layout refuses the zone.
 */

#define NGX_HTTP_APIEVENTS_LAYOUT   14

typedef struct {
    uint32_t                    magic;
    uint32_t                    layout;
    size_t                      ring_size;
    uint32_t                    slots;
    size_t                      loaded;         /* what the files' sessions
                                                   took, the last time */
    u_char                      secret[16];     /* of all keyed hashes */
    ngx_atomic_t                generation;     /* the latest configuration */
    ngx_atomic_t                managed;        /* changes of documents that
                                                   workers have in memory */
    ngx_atomic_t                torn;           /* lines of files that were
                                                   written in part */

    ae_processes_t             *processes;
    ae_queue_t                 *queue;
    ae_limits_t                *limits;
    ae_breakers_t              *breakers;
    ae_hosts_t                 *hosts;
    ae_sessions_t              *sessions;
    ae_watches_t               *watches;
    ae_minute_t                *minute;

    struct {
        ae_id_t                 id;             /* names the zone */
        ae_lock_t               keeper;         /* of who writes for all */
        uint64_t                name;           /* hash of the database that
                                                   deliveries are kept in */
        ngx_atomic_t            down;
        ngx_atomic_t            dropped;        /* rows of history */
        ae_lock_t               writer;         /* of who commits documents,
                                                   until the zone has them */
        uint64_t                followed;       /* hash of their database */
        ngx_atomic_t            applied;        /* the last revision of it
                                                   that the zone has */
        ngx_atomic_t            unplaced;       /* sessions without room */
        ngx_atomic_t            plans;          /* changes of stored policies
                                                   that the zone has */
    } store;
} ngx_http_apievents_zone_t;


/* api_store: the database that outlives the zone */

typedef struct {
    ngx_flag_t                  on;             /* 1 only with an api_zone */
    ngx_str_t                   name;           /* of the file, in full */
    ngx_str_t                   folder;         /* that it is in */
    uint64_t                    hash;           /* of name, not 0 */
    ngx_msec_t                  flush;          /* between two commits */
    time_t                      history;        /* seconds, 0: none is kept */
    off_t                       max;            /* bytes of the file */

    const ae_seal_t            *seal;           /* api_secret_key, or NULL */

    ngx_str_t                   file;           /* where it was configured */
    ngx_uint_t                  line;

    void                       *lock;           /* of this nginx */
    void                       *pool;           /* of one thread, or NULL */
} ngx_http_apievents_db_conf_t;


/* member of the main configuration */

typedef struct {
    ngx_shm_zone_t             *shm_zone;       /* NULL: no api_zone */
    size_t                      ring_size;
    ngx_http_apievents_zone_t  *zone;           /* once it is initialised */

    ngx_str_t                   state_path;     /* ends with no slash */
    ngx_http_apievents_db_conf_t
                                db;

    ngx_str_t                   keys;           /* files, full names */
    ngx_str_t                   org_keys;
    ngx_str_t                   policies_file;

    ae_policies_t              *policies;       /* NULL: none */
    ae_arena_t                 *policies_arena;
    size_t                      policies_size;  /* that it takes at most */
    uint64_t                    policies_id;    /* of the file's text */
    const ae_value_t           *policies_text;  /* of the file, parsed */

    void                       *loaded;         /* their sessions, parsed by
                                                   the directive, put into the
                                                   zone when it is certain
                                                   that the cycle will run */
    void                       *cache;          /* this worker's sessions */
    void                       *worker;         /* what it wants to store; NULL
                                                   without a store */
    unsigned                    state_made:1;   /* the path was not there */
    unsigned                    fresh:1;        /* the zone was just made */
    unsigned                    following:1;    /* before files are loaded */
} ngx_http_apievents_store_conf_t;


/* what a session may do at one API; defined and filled in by the gate */

typedef struct ngx_http_apievents_right_s  ngx_http_apievents_right_t;


/*
 * A session as the gate reads it (Tyk's session object).  Owned by the
 * worker's cache; valid until the caller returns to the event loop, or until
 * ngx_http_apievents_session_release() if it was kept.
 */

typedef struct {
    ae_session_ref_t            ref;
    ae_arena_t                 *arena;
    ngx_uint_t                  refs;
    ngx_queue_t                 queue;          /* once it is stale */
    ae_value_t                 *document;       /* the whole session, with
                                                   its policies merged */
    const ae_record_t          *record;         /* or NULL: instead of arena,
                                                   document and rights */

    ae_limit_rule_t             rate;           /* max 0: unlimited */
    ae_limit_rule_t             quota;          /* max 0: unlimited */
    int64_t                     expires;        /* unix seconds, < 1: never */
    ngx_str_t                   org;
    ngx_str_t                   alias;
    ae_value_t                 *access_rights;  /* a map, or NULL */
    ngx_http_apievents_right_t *rights;         /* by the API's id */
    ngx_uint_t                  nrights;
    ngx_pool_t                 *pool;           /* of its regexes; NULL: not
                                                   needed until now */
    ngx_str_t                   pattern;        /* rate_limit_pattern's value,
                                                   who has the same shares
                                                   its counters; or empty */
    void                       *held;           /* the gate's, where it has
                                                   no rights */
    void                       *seen;           /* the location it was seen
                                                   at last, where it has
                                                   this right, with nothing
                                                   more to look at */
    ngx_http_apievents_right_t *seen_right;
    ae_id_t                     limits_id;      /* base of its counters */
    ae_id_t                     rate_id;        /* of its own two limits */
    ae_id_t                     quota_id;
    uint64_t                    policies;       /* the identity of those that
                                                   it was made with, 0: it
                                                   names none */
    unsigned                    inactive:1;
    unsigned                    broken:1;       /* its policies cannot be
                                                   applied: nobody's */
    unsigned                    granted:1;      /* access_rights are of its
                                                   policies */
    unsigned                    stale:1;        /* not in the cache any more */
    unsigned                    twice:1;        /* it was held against its
                                                   limits before */
} ngx_http_apievents_session_t;


/* api_zone NAME:SIZE [ring=SIZE], api_state_path, api_store, api_secret_key,
 * api_keys, api_org_keys, api_policies */
char *ngx_http_apievents_api_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_state_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_secret_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_apievents_api_policies(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* reads a whole file at configuration time; an emerg line and NGX_ERROR if
 * it cannot be read or is over max bytes; text is of cf->pool and has a NUL
 * behind it */
ngx_int_t ngx_http_apievents_read_file(ngx_conf_t *cf, ngx_str_t *name,
    size_t max, ngx_str_t *text);

/* where a secret may stand: file:PATH in *value is replaced by what is in the
 * file, without the end of its last line; errors as above */
ngx_int_t ngx_http_apievents_secret_value(ngx_conf_t *cf, ngx_str_t *value);

/* what can be told only when the http block is complete; in
 * postconfiguration */
ngx_int_t ngx_http_apievents_store_init(ngx_conf_t *cf);

/* in the master, before workers start: the zone's parts get the sessions of
 * the files, the state path its owner */
ngx_int_t ngx_http_apievents_store_init_module(ngx_cycle_t *cycle);

/* in a worker */
ngx_int_t ngx_http_apievents_store_init_process(ngx_cycle_t *cycle);
void ngx_http_apievents_store_exit_process(ngx_cycle_t *cycle);

/*
 * Of the last worker, when its ring is drained and nothing is leased: what is
 * pending goes to the store.  NGX_DECLINED: there is none, or it is lost.
 */
ngx_int_t ngx_http_apievents_store_last(ngx_cycle_t *cycle);

/* in a process without a master, whose worker has another cycle now */
void ngx_http_apievents_store_move(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *old);


/*
 * Folders below the state path (store_state.c).  They are reached from open
 * descriptors and never over a symbolic link: the master may be root, the
 * owner of the path is not.
 */

/* the state path, made if it is not there; after that api_state_path is too
 * late; NGX_INVALID_FILE after an emerg line */
ngx_fd_t ngx_http_apievents_state_open(ngx_conf_t *cf);

/* sets state_path, where no directive did */
ngx_int_t ngx_http_apievents_state_named(ngx_conf_t *cf);

/* a process that only looks: nginx -t, nginx -s; nothing that a running
 * instance uses may be touched */
ngx_uint_t ngx_http_apievents_trial(void);

/* opens, NGX_INVALID_FILE and errno if it cannot; makes it first if *made is
 * given, which tells whether it was not there */
ngx_fd_t ngx_http_apievents_folder(ngx_fd_t at, const char *name,
    ngx_uint_t *made);

/* a file below a folder, with the folders on its path, by one rename(); a
 * file of that very text is left alone; NGX_ERROR and errno */
ngx_int_t ngx_http_apievents_folder_write(ngx_fd_t at, ngx_str_t *path,
    ngx_str_t *text);

/* both as far as it goes: what is missing already is as good */
void ngx_http_apievents_folder_remove(ngx_fd_t at, const char *name);
void ngx_http_apievents_folder_own(ngx_fd_t at, const char *name,
    ngx_uid_t user);


/* policies, of a file and stored: what they may have; may one be applied:
 * AE_OK, AE_DECLINED: err tells why not */
extern const ae_member_t  ngx_http_apievents_policy_members[];

int ngx_http_apievents_plan_check(const ae_value_t *plan, ae_error_t *err);

/* is there room in the zone, beside what the group puts there, for a text of
 * so many bytes; in work() of a write */
ngx_uint_t ngx_http_apievents_write_room(size_t len);


/* ids by which the zone knows a credential, a KeyID and an organisation */
ae_id_t ngx_http_apievents_credential_id(ngx_http_apievents_zone_t *zone,
    ngx_str_t *credential) ae_often;
ae_id_t ngx_http_apievents_key_id_id(ngx_http_apievents_zone_t *zone,
    ae_id_t key_id);
ae_id_t ngx_http_apievents_org_id(ngx_http_apievents_zone_t *zone,
    ngx_str_t *org);

/*
 * NGX_OK and *session, which has to be kept, NGX_DECLINED: there is none,
 * NGX_AGAIN: it has to come from elsewhere, the request is woken then;
 * NGX_ERROR: no memory.  whole: the same session with its document, for who
 * found one that has a record only.
 */
ngx_int_t ngx_http_apievents_session_find(ngx_http_request_t *r, ae_id_t id,
    ngx_http_apievents_session_t **session) ae_often;
ngx_int_t ngx_http_apievents_session_whole(ngx_http_request_t *r,
    const ngx_http_apievents_session_t *record,
    ngx_http_apievents_session_t **session);

/* after a find that was declined: one that the zone knows by the KeyID of its
 * credential only, whose id it learns.  Costs a SHA-256 for each that there is
 * not */
ngx_int_t ngx_http_apievents_session_named(ngx_http_request_t *r,
    ngx_str_t *credential, ae_id_t id,
    ngx_http_apievents_session_t **session);
void ngx_http_apievents_session_keep(ngx_http_apievents_session_t *session)
    ae_often;
void ngx_http_apievents_session_release(
    ngx_http_apievents_session_t *session) ae_often;

/* of an API's id, as records name it */
uint64_t ngx_http_apievents_api_hash(ngx_http_apievents_zone_t *zone,
    ngx_str_t *api);

/*
 * The id of a session's own quota, beside which its rate lies
 * (ae_table_beside()).  limits_id is the session's id, unless it has a
 * pattern: so where its counters lie is known before there is the session.
 */

#define NGX_HTTP_APIEVENTS_QUOTA_SALT  0x71b07a5a17c0ffed


static ngx_inline ae_id_t
ngx_http_apievents_quota_id(ae_id_t limits_id)
{
    limits_id.h[0] ^= NGX_HTTP_APIEVENTS_QUOTA_SALT;

    return limits_id;
}


/*
 * The id of another of its counters.  kind: "quota", with the rate as above,
 * or "endpoint"; scope: what tells limits of access rights apart
 * (allowance_scope, or the API's id).  All ids stay over reloads and do not
 * depend on the limit's values.
 */
ae_id_t ngx_http_apievents_session_limit_id(ngx_http_apievents_zone_t *zone,
    const ngx_http_apievents_session_t *session, const char *kind,
    const ngx_str_t *scope);

/* rate, per and quota_* of a session, or of a limit of its access rights */
void ngx_http_apievents_limit_rules(const ae_value_t *document,
    ae_limit_rule_t *rate, ae_limit_rule_t *quota);

/*
 * History (store_history.c): one row for each attempt, written with the next
 * commit of this worker's thread.  The record of the event, with its secret,
 * which the thread takes out, and all strings are copied before return: an
 * allocation now and then, no lock, no system call.  What finds no room, as
 * 16 MiB collected while the thread writes or the store is lost, is counted as
 * dropped.  Nothing is done without a store, or with history=0.
 */

typedef enum {
    NGX_HTTP_APIEVENTS_HISTORY_DELIVERED = 0,
    NGX_HTTP_APIEVENTS_HISTORY_RETRY,
    NGX_HTTP_APIEVENTS_HISTORY_FAILED,          /* and that was all */
    NGX_HTTP_APIEVENTS_HISTORY_DEAD             /* a dead letter, too */
} ngx_http_apievents_history_e;


typedef struct {
    const ae_event_t           *event;
    ae_id_t                     endpoint;       /* its identity */
    ngx_str_t                   handler;        /* "webhook", ... */
    ngx_str_t                   label;
    ngx_http_apievents_history_e
                                state;
    uint32_t                    attempt;        /* from 1 */
    uint32_t                    status;         /* HTTP's, 0: none */
    uint64_t                    time;           /* wall, ns, of its begin */
    uint64_t                    duration;       /* ns */
    uint64_t                    next;           /* wall, ns; 0: none */
    ngx_str_t                   error;
    ngx_str_t                   answer;         /* what is over 4 KiB is cut */
} ngx_http_apievents_history_t;

void ngx_http_apievents_history(const ngx_http_apievents_history_t *h);

/* numbers of the store, for metrics; NGX_DECLINED: there is none */

typedef struct {
    ngx_uint_t                  up;
    uint64_t                    dropped;        /* rows of history */
    ae_outbox_stat_t            outbox;
} ngx_http_apievents_store_stat_t;

ngx_int_t ngx_http_apievents_store_stat(ngx_http_apievents_store_stat_t *st);

/*
 * What a store carries over a stop and start, which no shared memory outlives
 * (store_carry.c).  Counters are known by keyed hashes, so the zone's secret
 * goes with them: in another zone they name nothing.
 *
 * carry_in() is for a zone that was just made and that nobody used, before
 * any request; it may block.  NGX_ERROR is the store's.
 */

typedef struct {
    void                       *data;

    /* secret(): keeps what it is given if it has none, NGX_OK; else gives
     * its own, NGX_DECLINED */
    ngx_int_t                 (*secret)(void *data, u_char secret[16]);

    /* get(): the next ones, at most *n; *n is 0 after the last */
    ngx_int_t                 (*get)(void *data, ae_limit_record_t *records,
                                   ngx_uint_t *n);
} ngx_http_apievents_carrier_t;

ngx_int_t ngx_http_apievents_carry_in(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_carrier_t *carrier, ngx_log_t *log);

/*
 * Something to be asked of the store (store_ask.c): work() runs in the store's
 * thread of this worker, with a connection of its own, then done() in the
 * event loop; both once.  The object is the caller's and lives until then.
 * NGX_DECLINED: api_store is off; NGX_BUSY: too much is asked, or there is no
 * memory.  When the store cannot be opened, done() is called without work().
 */

typedef struct ae_db_s  ae_db_t;

typedef struct {
    void                      (*work)(ae_db_t *db, void *data);
    void                      (*done)(void *data);
    void                       *data;

    ngx_queue_t                 queue;          /* not the caller's */
} ngx_http_apievents_ask_t;

ngx_int_t ngx_http_apievents_store_ask(ngx_http_apievents_ask_t *ask,
    ngx_log_t *log);

/*
 * Documents to be written (store_write.c).  work() runs in the store's thread
 * of this worker, in a group with others: AE_OK, AE_DECLINED undoes what it
 * did and nothing else, AE_ERROR fails the group.  Then done(), in the event
 * loop: NGX_OK, it is on the disk, and the zone has it; NGX_DECLINED, work()
 * said so; NGX_ERROR, the store failed and nothing was written.  Each is
 * called once; done() without work() where the group failed before.  The
 * object is the caller's and lives until done().  NGX_DECLINED: api_store is
 * off; NGX_BUSY: too many wait.
 */

typedef struct {
    int                       (*work)(ae_db_t *db, void *data);
    void                      (*done)(void *data, ngx_int_t rc);
    void                       *data;
    size_t                      size;           /* bytes, about */

    int                         rc;             /* the rest is not the
                                                   caller's */
    uint64_t                    rev;
    uint64_t                    version;
    ngx_queue_t                 queue;
} ngx_http_apievents_write_t;

ngx_int_t ngx_http_apievents_store_write(ngx_http_apievents_write_t *w,
    ngx_log_t *log);

/* the last revision of a document that all workers may see; who keeps what he
 * made of documents looks whether there is a later one */
uint64_t ngx_http_apievents_store_rev(void);

/*
 * Sessions changed by management (store_change.c).  put and delete answer
 * through done() of what is accepted: NGX_OK, it is stored and counts from the
 * next request of any worker on; NGX_DECLINED, the session is not there, or
 * not of the revision that was expected; NGX_ABORT, err tells why it cannot
 * be; NGX_ERROR, the store failed.  They return NGX_OK, or without done():
 * NGX_DECLINED, err tells what is wrong with the call; NGX_BUSY.  Without
 * api_store the zone alone has it, and revisions are those of the zone.
 */

typedef struct {
    ngx_str_t                   key;            /* a credential, or the KeyID
                                                   of a session that is there;
                                                   or an organisation */
    ngx_str_t                   text;           /* put: JSON */
    uint64_t                    expected;       /* as in sqlite.h: AE_DB_ANY,
                                                   0: not there */
    unsigned                    org:1;
    unsigned                    credential:1;   /* put: key is one, also when
                                                   it looks like a KeyID that
                                                   there is not */
    unsigned                    reset:1;        /* forgets its counters */
    int                       (*also)(ae_db_t *db, void *data);
                                                /* put: in the store's thread,
                                                   what is written with it or
                                                   not at all; AE_DECLINED: so
                                                   is the session; or NULL */
    void                      (*done)(void *data, ngx_int_t rc);
    void                       *data;

    u_char                      key_id[AE_HEX_LEN]; /* of a key; set at once */
    uint64_t                    rev;            /* of what was written */
    uint64_t                    created;        /* wall, ns; 0: a file's */
    uint64_t                    updated;
    ae_error_t                  err;
} ngx_http_apievents_update_t;

ngx_int_t ngx_http_apievents_session_put(ngx_http_apievents_update_t *c,
    ngx_log_t *log);
ngx_int_t ngx_http_apievents_session_delete(ngx_http_apievents_update_t *c,
    ngx_log_t *log);

/* sets rev, created and updated of what is stored; NGX_OK with rev 0 for a
 * session that only a file, or the zone, has.  Asked before its text is read,
 * the revision is never later than the text */
ngx_int_t ngx_http_apievents_session_look(ngx_http_apievents_update_t *c,
    ngx_log_t *log);

/* would a put take it: NGX_DECLINED, it grants no API, and there are no master
 * keys; NGX_ERROR, err tells, with the line of what was parsed */
ngx_int_t ngx_http_apievents_session_check(const ae_value_t *session,
    ngx_uint_t org, ae_error_t *err);

/* the text as it was put, without what policies and counters say, of c->key,
 * its c->key_id and as c->rev its version in the zone; NGX_DECLINED: there is
 * none */
ngx_int_t ngx_http_apievents_session_stored_text(
    ngx_http_apievents_update_t *c, ae_buf_t *buf);

/*
 * Sessions of which the zone alone knows, of keys or of organisations: those
 * of files, or all without a store; of organisations those that say which in
 * "org_id".  At most *n from *cursor on, as ae_sessions_list(); ids are
 * KeyIDs in hex, or names, in the arena.  In any thread; it looks at a bounded
 * part of the zone, so that AE_AGAIN may come with none.  AE_ERROR: no memory.
 */
int ngx_http_apievents_session_list(ngx_uint_t org, uint32_t *cursor,
    uint32_t look, ae_arena_t *arena, ae_str_t *ids, size_t *n);

/* are there any, or may there be */
ngx_uint_t ngx_http_apievents_session_listed(ngx_uint_t org);

/* what policies make of a session that passed the check, in the arena; NULL
 * and *err */
ae_value_t *ngx_http_apievents_session_preview(ae_arena_t *arena,
    ae_value_t *session, ae_error_t *err);

/*
 * For scripts and the API.  key: a credential or a KeyID of 32 hex digits.
 * get: the document with quota_remaining and quota_renews live, into buf.
 * set: validates like the file's; reset forgets its counters; it counts at
 * once and is stored as soon as may be.
 */
ngx_int_t ngx_http_apievents_session_get_text(ngx_str_t *key, ngx_str_t *api,
    ae_buf_t *buf);
ngx_int_t ngx_http_apievents_session_set_text(ngx_str_t *key,
    ngx_str_t *text, ngx_uint_t reset, ae_error_t *err);

/* the same of an organisation's session */
ngx_int_t ngx_http_apievents_org_get_text(ngx_str_t *org, ae_buf_t *buf);


#endif /* _NGX_HTTP_APIEVENTS_STORE_H_INCLUDED_ */
