/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * sqlite: the embedded store.  Plain C over libsqlite3, without nginx, so that
 * it can be tested and fuzzed alone.  A connection belongs to one thread at a
 * time and is never carried over a fork().  All calls block; none logs: what
 * failed stands in db->error.
 *
 * WAL, synchronous=FULL, foreign keys off; what a transaction committed is on
 * the disk when ae_db_commit() returns AE_OK.
 */


#ifndef _AE_SQLITE_H_INCLUDED_
#define _AE_SQLITE_H_INCLUDED_


#include "core/core.h"


#define AE_DB_APPLICATION    0x61707665     /* application_id, "apve" */
#define AE_DB_SCHEMA         2              /* user_version of this build */


typedef enum {
    AE_DB_OK = 0,
    AE_DB_ABSENT,           /* there is no such file */
    AE_DB_FOREIGN,          /* a database, but not ours */
    AE_DB_NEWER,            /* of a newer version of the module */
    AE_DB_CORRUPT,          /* no database, or a damaged one */
    AE_DB_READONLY,         /* cannot be written */
    AE_DB_FULL,             /* the disk is */
    AE_DB_BUSY,             /* another process writes for too long */
    AE_DB_IO,               /* anything else that the system says */
    AE_DB_MEMORY
} ae_db_state_e;

extern const char           *const ae_db_states[];     /* for messages */


typedef struct ae_db_s       ae_db_t;

/*
 * Looks at a file without changing anything, for nginx -t and before a start;
 * another process may write meanwhile, but this one must not have it open: its
 * locks would be lost.  The quick check for damage takes at most msec; what is
 * not done by then counts as fine.  An empty file is fine.  *err tells more.
 */
ae_db_state_e ae_db_check(const char *path, unsigned msec, ae_error_t *err);

/*
 * Opens for reading and writing, makes the file (0600) and brings an older
 * schema up, in one transaction.  NULL: *state and *err; a file that is not
 * ours, or newer, is left as it was.  The folder may be a symbolic link, the
 * file may not.  vfs: NULL, or a name registered with SQLite (tests).
 */
ae_db_t *ae_db_open(const char *path, const char *vfs, ae_db_state_e *state,
    ae_error_t *err);
void ae_db_close(ae_db_t *db);

/* of the last call that failed; valid until the next one */
ae_db_state_e ae_db_state(const ae_db_t *db);
const char *ae_db_error(const ae_db_t *db);

/*
 * A group of what follows.  After an error in between all calls fail, and
 * state and error stay those of the first, until rollback: nothing of the
 * group was written then.  A commit that fails has rolled back.  begin fails
 * with AE_DB_ABSENT when the file was removed or renamed.  read: only reads,
 * of one moment.  Calls outside of a group are each one of their own.
 */
int ae_db_begin(ae_db_t *db);
int ae_db_read(ae_db_t *db);
int ae_db_commit(ae_db_t *db);
void ae_db_rollback(ae_db_t *db);

/*
 * A part of a group that can be undone without the rest: keep and undo end
 * what savepoint began, which has none within.  An error inside is one of the
 * whole group, as above.
 */
int ae_db_savepoint(ae_db_t *db);
int ae_db_keep(ae_db_t *db);
int ae_db_undo(ae_db_t *db);


/* ---- instances: whose rows are whose (db_instance.c) ---- */

/*
 * A zone of shared memory is an instance: it owns outbox rows and counters as
 * long as it renews its lease.  *id is found or made by the zone's secret id,
 * never one that was used before; its lease is over lease ns after wall, that
 * of renew at `until`, AE_DECLINED: it was dropped, ask for one anew.  free:
 * the next instance, after *id, whose lease is over, or ends later than
 * AE_DB_LEASE ns after wall, as none does but of a clock that was wrong;
 * AE_DECLINED: none.  drop: removes one that owns nothing any more,
 * AE_DECLINED: it owns something.
 */
#define AE_DB_LEASE          ((uint64_t) 3600 * 1000000000)

int ae_db_instance(ae_db_t *db, ae_id_t zone, uint64_t wall, uint64_t lease,
    int64_t *id);
int ae_db_renew(ae_db_t *db, int64_t id, uint64_t until);
int ae_db_instance_free(ae_db_t *db, uint64_t wall, int64_t *id);
int ae_db_instance_drop(ae_db_t *db, int64_t id);

/* a secret of 16 bytes: keeps what it is given if it has none, AE_OK; else
 * gives its own, AE_DECLINED */
int ae_db_secret(ae_db_t *db, unsigned char secret[16]);


/* ---- outbox: deliveries that are pending (db_outbox.c) ---- */

/* writes, or writes anew, a row of that uid; event: see ae_db_event() */
int ae_db_outbox_put(ae_db_t *db, int64_t instance,
    const ae_outbox_row_t *row);
int ae_db_outbox_delete(ae_db_t *db, uint64_t uid);

/*
 * The oldest rows of an instance after uid *after, 0 at first, at most *n,
 * with their events' records in the arena; each is the new owner's from the
 * commit on.  owner equal to instance: only reads.  Fewer than asked for when
 * the arena is full, none at the end.  A row whose record is missing or
 * damaged has len 0: nothing can be sent of it, the caller tells and deletes
 * it.
 */
int ae_db_outbox_claim(ae_db_t *db, int64_t instance, int64_t owner,
    uint64_t *after, ae_outbox_row_t *rows, ae_str_t *records, size_t *n,
    ae_arena_t *arena);

int ae_db_outbox_count(ae_db_t *db, int64_t instance, uint64_t *n);

/*
 * Events that no ring or queue had room for when the last worker ended; they
 * are given to handlers anew.  A claim gives the oldest, at most *n, to their
 * new owner from the commit on; one of owner equal to instance only reads.
 * Who raised one deletes it after that, so that a death in between raises it
 * twice rather than never.  A record may have len 0 as above; none: that was
 * all.
 */
int ae_db_unrouted_put(ae_db_t *db, int64_t instance, ae_id_t event);
int ae_db_unrouted_claim(ae_db_t *db, int64_t instance, int64_t owner,
    uint64_t *ids, ae_str_t *records, size_t *n, ae_arena_t *arena);
int ae_db_unrouted_delete(ae_db_t *db, uint64_t id);


/* ---- history: events, attempts, dead letters (db_history.c) ---- */

/*
 * An event's record, once: AE_OK also when it is there, AE_DECLINED when it is
 * longer than AE_DB_RECORD.  The caller has taken out, or encrypted, what must
 * not be kept.
 */
#define AE_DB_RECORD         (16 * 1024 * 1024)

int ae_db_event(ae_db_t *db, const ae_event_t *ev, ae_str_t record);
int ae_db_event_get(ae_db_t *db, ae_id_t id, ae_arena_t *arena,
    ae_str_t *record);


typedef struct {
    int64_t                  id;            /* of the row, when read */
    ae_id_t                  event;
    ae_id_t                  endpoint;      /* identity */
    uint64_t                 uid;           /* of the delivery */
    ae_str_t                 type;          /* the event's name */
    ae_str_t                 api;
    ae_str_t                 handler;       /* "webhook", ... */
    ae_str_t                 label;         /* URL or script; no secrets */
    ae_str_t                 state;         /* "delivered", "retry", "dead" */
    uint32_t                 attempt;
    uint32_t                 status;        /* HTTP's, 0: none */
    uint64_t                 time;          /* wall, ns, of its begin */
    uint64_t                 duration;      /* ns */
    uint64_t                 next;          /* wall, ns; 0: none */
    ae_str_t                 error;
    ae_str_t                 answer;        /* its first AE_DB_ANSWER bytes */
} ae_db_attempt_t;

#define AE_DB_ANSWER         4096

int ae_db_attempt_put(ae_db_t *db, const ae_db_attempt_t *a);

/*
 * What is asked for: empty strings and zeros match all.  A list is newest
 * first, at most *n rows, strings in the arena.  It sets `before` to where the
 * next page begins, 0: that was the last one; a page may be shorter than *n,
 * and empty, before the last, as one call looks at a bounded number of rows,
 * or when the arena is full.  AE_ERROR with AE_DB_MEMORY: there was not even
 * room for one.
 */
typedef struct {
    int64_t                  before;        /* id of a row, 0: the newest */
    ae_id_t                  event;
    ae_id_t                  endpoint;
    ae_str_t                 state;
    ae_str_t                 type;
    ae_str_t                 api;
    ae_str_t                 org;           /* this and key_id: of events */
    ae_id_t                  key_id;
    uint64_t                 from;          /* wall, ns; 0: open */
    uint64_t                 to;            /* inclusive */
} ae_db_query_t;

int ae_db_attempt_list(ae_db_t *db, ae_db_query_t *query,
    ae_db_attempt_t *list, size_t *n, ae_arena_t *arena);

/*
 * A delivery that was given up, one row of a uid; attempt: the last one, or
 * none (0) with its reason in error.  delete when it was sent again;
 * AE_DECLINED: there is no such row, so who deletes it may send it.
 */
int ae_db_dead_put(ae_db_t *db, const ae_db_attempt_t *a);
int ae_db_dead_list(ae_db_t *db, ae_db_query_t *query,
    ae_db_attempt_t *list, size_t *n, ae_arena_t *arena);
int ae_db_dead_delete(ae_db_t *db, int64_t id);

/*
 * Events, by type, api, org, key_id, from and to of a query; its `event` is
 * what `before` is for the others.
 */
typedef struct {
    ae_id_t                  id;
    ae_id_t                  key_id;
    uint64_t                 time;
    ae_str_t                 type;
    ae_str_t                 api;
    ae_str_t                 org;
} ae_db_event_t;

int ae_db_event_list(ae_db_t *db, ae_db_query_t *query, ae_db_event_t *list,
    size_t *n, ae_arena_t *arena);

/*
 * Records of the events behind one, oldest first, at most *n, with their ids;
 * *after becomes where the next page begins, which is to be asked for until
 * there are none.
 */
int ae_db_event_after(ae_db_t *db, ae_id_t *after, ae_id_t *ids,
    ae_str_t *records, size_t *n, ae_arena_t *arena);

/*
 * Retention: deletes at most n rows of each kind of what is older than
 * `before` (wall, ns), and, when the file has more than max bytes in use (0:
 * no bound), of the oldest; events that nothing names any more go too, dead
 * letters are kept as long as history.  Pending deliveries never go.  The
 * newest attempt stays, so that ids are not used twice.  A file that is larger
 * than max gives pages back.  AE_AGAIN: there is more to look at.
 */
int ae_db_retain(ae_db_t *db, uint64_t before, uint64_t max, size_t n);


/* ---- state: counters, breakers, endpoints (db_state.c) ---- */

/*
 * A counter as its instance has it, in place of what it had.  Two instances
 * may count the same at the same time, while one follows the other: inherit
 * gives to the instance all counters of another as they are now, to begin
 * with, and remembers them; rest gives what that one counted since then, and
 * with it the other's rows are gone.  Rows by id after *after (zero at first),
 * at most *n; none: that was all.
 *
 * Both add to the instance's own rows in the file as well, so a crash between
 * the call and the next put loses nothing.  What `from` had inherited itself,
 * and whose rest is still to come, the instance has inherited after rest, so
 * that chains of successors count right.  A counter without a period in common
 * is given whole.  The caller adds what it is given to its memory
 * (ae_limits_restore()) before it puts that counter the next time.
 */
int ae_db_counter_put(ae_db_t *db, int64_t instance,
    const ae_limit_record_t *r);
int ae_db_counter_inherit(ae_db_t *db, int64_t from, int64_t instance,
    ae_id_t *after, ae_limit_record_t *list, size_t *n);
int ae_db_counter_rest(ae_db_t *db, int64_t from, int64_t instance,
    ae_id_t *after, ae_limit_record_t *list, size_t *n);

/* looks at the next n counters, and deletes those whose period is over;
 * AE_AGAIN: there are more, AE_OK: the next call begins anew */
int ae_db_counter_expire(ae_db_t *db, uint64_t wall, size_t n);

/* one that is closed is deleted; list: by id after *after, as above */
int ae_db_breaker_put(ae_db_t *db, const ae_breaker_record_t *r);
int ae_db_breaker_list(ae_db_t *db, ae_id_t *after,
    ae_breaker_record_t *list, size_t *n);
int ae_db_breaker_clear(ae_db_t *db);


typedef struct {
    ae_id_t                  identity;
    ae_str_t                 handler;
    ae_str_t                 label;
    uint32_t                 disabled;      /* ae_disabled_e, 0: it is not */
    uint64_t                 failing;       /* wall, ns, since then; 0: not */
} ae_db_endpoint_t;

/* one that is neither disabled nor failing is deleted; list: as above */
int ae_db_endpoint_put(ae_db_t *db, const ae_db_endpoint_t *ep);
int ae_db_endpoint_list(ae_db_t *db, ae_id_t *after, ae_db_endpoint_t *list,
    size_t *n, ae_arena_t *arena);


/* ---- documents: what management writes (db_document.c, db_change.c) ---- */

/*
 * JSON texts by collection and id.  Each change of any of them has a revision
 * of its own, which never was one before and never will be again: it tells
 * versions of a document apart, and the revisions in order are a log of what
 * changed.  A deletion is a change as well and leaves a row without a text in
 * that log, until it is forgotten.
 */
typedef struct {
    ae_str_t                 collection;    /* 1 to AE_DB_NAME bytes */
    ae_str_t                 id;            /* 1 to AE_DB_NAME bytes */
    uint64_t                 rev;           /* from 1 */
    uint64_t                 created;       /* wall, ns */
    uint64_t                 updated;       /* wall, ns */
    ae_str_t                 body;          /* data NULL: deleted */
} ae_db_document_t;

#define AE_DB_NAME           256
#define AE_DB_BODY           (4 * 1024 * 1024)
#define AE_DB_ANY            UINT64_MAX     /* whatever stands there */

/* strings in the arena; AE_DECLINED: there is none */
int ae_db_document_get(ae_db_t *db, ae_str_t collection, ae_str_t id,
    ae_arena_t *arena, ae_db_document_t *doc);

/*
 * Writes it anew, or for the first time.  expected: AE_DB_ANY, 0: it must not
 * be there, or the revision that it has to have; AE_DECLINED: it is another,
 * nothing was written.  AE_FULL: too long.  Sets rev and created; updated is
 * the caller's clock.
 */
int ae_db_document_put(ae_db_t *db, ae_db_document_t *doc, uint64_t expected);

/* AE_DECLINED: there is none, or it has another revision; *rev: of the
 * deletion */
int ae_db_document_delete(ae_db_t *db, ae_str_t collection, ae_str_t id,
    uint64_t expected, uint64_t wall, uint64_t *rev);

/* how many there are; what was deleted does not count */
int ae_db_document_count(ae_db_t *db, ae_str_t collection, uint64_t *n);

/*
 * Those of a collection by id after *after, empty at first, at most *n,
 * strings in the arena; without bodies all are empty.  *after becomes where
 * the next page begins.  AE_AGAIN: there may be more, even after an empty
 * page, as one call looks at a bounded number of rows; AE_OK: that was all.
 * AE_ERROR with AE_DB_MEMORY: there was not even room for one.
 */
int ae_db_document_list(ae_db_t *db, ae_str_t collection, int bodies,
    ae_str_t *after, ae_db_document_t *list, size_t *n, ae_arena_t *arena);

/* the last revision that was given, 0: none */
int ae_db_document_rev(ae_db_t *db, uint64_t *rev);

/*
 * What changed after revision *after, oldest first, at most *n, each document
 * once and as it is now, deletions included; *after becomes that of the last
 * one, or of what was looked at.  Returns as list does.
 */
int ae_db_document_changes(ae_db_t *db, uint64_t *after,
    ae_db_document_t *list, size_t *n, ae_arena_t *arena);

/*
 * Looks at the next n deletions, and forgets those from before that time
 * (wall, ns); keep, if given, may hold one back.  AE_AGAIN: there are more,
 * AE_OK: the next call begins anew.
 */
typedef int (*ae_db_keep_pt)(void *data, ae_str_t collection, ae_str_t id);

int ae_db_document_forget(ae_db_t *db, uint64_t before, size_t n,
    ae_db_keep_pt keep, void *data);


#endif /* _AE_SQLITE_H_INCLUDED_ */
