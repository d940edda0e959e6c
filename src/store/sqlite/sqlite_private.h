/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the files of the embedded store share.
 */


#ifndef _AE_SQLITE_PRIVATE_H_INCLUDED_
#define _AE_SQLITE_PRIVATE_H_INCLUDED_


#include <sqlite3.h>

#include "store/sqlite/sqlite.h"


#define AE_DB_BUSY_MSEC      2000           /* that others may write */
#define AE_DB_VALUE          (AE_DB_RECORD + 4096)
#define AE_DB_TEXT           4096           /* of a string that is read */
#define AE_DB_ID             16             /* bytes of an id */
#define AE_DB_STEPS          10000          /* of SQLite, between two looks */
#define AE_DB_LOOKS          2000           /* of one statement */
#define AE_DB_SCAN           20000          /* rows of a list, looked at */


/* each is prepared when it is first needed, and kept */

typedef enum {
    AE_DB_BEGIN = 0,
    AE_DB_READ,
    AE_DB_COMMIT,
    AE_DB_ROLLBACK,
    AE_DB_SAVEPOINT,
    AE_DB_KEEP,
    AE_DB_UNDO,

    AE_DB_INSTANCE_PUT,
    AE_DB_INSTANCE_RENEW,
    AE_DB_INSTANCE_FREE,
    AE_DB_INSTANCE_DROP,
    AE_DB_SECRET_PUT,
    AE_DB_SECRET_GET,

    AE_DB_OUTBOX_PUT,
    AE_DB_OUTBOX_DELETE,
    AE_DB_OUTBOX_LIST,
    AE_DB_OUTBOX_MOVE,
    AE_DB_OUTBOX_COUNT,
    AE_DB_UNROUTED_PUT,
    AE_DB_UNROUTED_LIST,
    AE_DB_UNROUTED_MOVE,
    AE_DB_UNROUTED_DELETE,

    AE_DB_EVENT_PUT,
    AE_DB_EVENT_GET,
    AE_DB_EVENT_LIST,
    AE_DB_EVENT_AFTER,
    AE_DB_ATTEMPT_PUT,
    AE_DB_ATTEMPT_LIST,
    AE_DB_ATTEMPT_LIST_EVENT,
    AE_DB_ATTEMPT_LIST_ENDPOINT,
    AE_DB_ATTEMPT_LIST_FAILED,
    AE_DB_DEAD_PUT,
    AE_DB_DEAD_LIST,
    AE_DB_DEAD_LIST_EVENT,
    AE_DB_DEAD_LIST_ENDPOINT,
    AE_DB_DEAD_DELETE,

    AE_DB_PAGES,
    AE_DB_PAGES_FREE,
    AE_DB_PAGE_SIZE,
    AE_DB_OLD_ATTEMPT,
    AE_DB_OLD_DEAD,
    AE_DB_RETAIN_ATTEMPT,
    AE_DB_RETAIN_DEAD,
    AE_DB_RETAIN_LOOK,
    AE_DB_RETAIN_EVENT,

    AE_DB_COUNTER_PUT,
    AE_DB_COUNTER_LIST,
    AE_DB_COUNTER_GET,
    AE_DB_COUNTER_DELETE,
    AE_DB_COUNTER_DAMAGED,
    AE_DB_COUNTER_LOOK,
    AE_DB_INHERITED_LIST,
    AE_DB_INHERITED_GET,
    AE_DB_INHERITED_PUT,
    AE_DB_INHERITED_OWN,
    AE_DB_INHERITED_DELETE,
    AE_DB_BREAKER_PUT,
    AE_DB_BREAKER_DELETE,
    AE_DB_BREAKER_LIST,
    AE_DB_BREAKER_CLEAR,
    AE_DB_ENDPOINT_PUT,
    AE_DB_ENDPOINT_DELETE,
    AE_DB_ENDPOINT_LIST,

    AE_DB_DOCUMENT_LOOK,
    AE_DB_DOCUMENT_GET,
    AE_DB_DOCUMENT_PUT,
    AE_DB_DOCUMENT_ADD,
    AE_DB_DOCUMENT_COUNT,
    AE_DB_DOCUMENT_LIST,
    AE_DB_DOCUMENT_NAMES,
    AE_DB_DOCUMENT_REV,
    AE_DB_DOCUMENT_CHANGES,
    AE_DB_DOCUMENT_GONE,
    AE_DB_DOCUMENT_FORGET,

    AE_DB_STATEMENTS
} ae_db_statement_e;


struct ae_db_s {
    sqlite3                 *sql;
    ae_db_state_e            state;
    unsigned                 group:1;       /* begun by the caller, or by us */
    unsigned                 failed:1;      /* it has to be undone */
    unsigned                 looks;         /* of the statement */

    ae_id_t                  looked;        /* events, how far by retention */
    int64_t                  expired;       /* and counters, how far */
    ae_id_t                  expired_id;
    uint64_t                 forgotten;     /* and deletions, by revision */

    sqlite3_stmt            *statement[AE_DB_STATEMENTS];
    char                     error[160];
};


/* ---- db_base.c ---- */

/*
 * No statement takes as many steps as this allows, but in a damaged file: the
 * pages of a tree may name each other in more ways than can ever be gone.
 */
void ae_db_bound(ae_db_t *db);

/* what an error of SQLite is */
ae_db_state_e ae_db_class(sqlite3 *sql, int rc);

/* and what one of the system is */
ae_db_state_e ae_db_class_errno(int err);

/* notes it, once in a group; always AE_ERROR */
int ae_db_fail(ae_db_t *db);

/* the arena has no room for so much as one row */
int ae_db_fail_memory(ae_db_t *db);

/* a row that has to be there is not what it has to be */
int ae_db_fail_row(ae_db_t *db);

/* ready to be bound; NULL: failed, or the group has failed already */
sqlite3_stmt *ae_db_statement(ae_db_t *db, ae_db_statement_e which,
    const char *text);

/* AE_OK: a row; AE_DECLINED: there is none, and the statement is reset */
int ae_db_row(ae_db_t *db, sqlite3_stmt *st);

/* a statement without rows, as a whole: AE_OK or AE_ERROR */
int ae_db_run(ae_db_t *db, sqlite3_stmt *st);

/* several statements as one: in the caller's group, or in one of their own,
 * which leave ends as rc says; returns rc, or what went wrong */
int ae_db_enter(ae_db_t *db, int *own);
int ae_db_leave(ae_db_t *db, int own, int rc);

/* parameters, from 1; what is bound has to stay until the statement has run */
void ae_db_bind_id(sqlite3_stmt *st, int n, const unsigned char *id);
void ae_db_bind_int(sqlite3_stmt *st, int n, uint64_t value);
void ae_db_bind_text(sqlite3_stmt *st, int n, ae_str_t s);
void ae_db_bind_blob(sqlite3_stmt *st, int n, ae_str_t s);

ae_str_t ae_db_cut(ae_str_t s, size_t max);
void ae_db_id_write(unsigned char *dst, ae_id_t id);

/* columns, from 0, of a file that anything happened to: AE_ERROR: no id, no
 * number of 32 bits; a string is cut to max bytes.  AE_FULL: the arena is */
int ae_db_get_id(sqlite3_stmt *st, int n, ae_id_t *id);
int ae_db_get_uint32(sqlite3_stmt *st, int n, uint32_t *value);
uint64_t ae_db_get_int(sqlite3_stmt *st, int n);
int ae_db_get_str(sqlite3_stmt *st, int n, size_t max, ae_arena_t *arena,
    ae_str_t *s);

/* is it that string, or is none asked for */
int ae_db_matches(sqlite3_stmt *st, int n, ae_str_t want);


/* ---- db_change.c ---- */

/* a row: rev, collection, id, created, updated, body; AE_DECLINED: damaged,
 * AE_FULL: the arena is */
int ae_db_document_row(sqlite3_stmt *st, int bodies, ae_arena_t *arena,
    ae_db_document_t *doc);


/* ---- db_schema.c ---- */

/* what the file itself says, before SQLite reads it; *version: its schema,
 * 0: it is empty */
ae_db_state_e ae_db_header(sqlite3 *sql, uint32_t *version, ae_error_t *err);

/* what it and its log say; newer than ours is an error */
ae_db_state_e ae_db_version(sqlite3 *sql, uint32_t *version, ae_error_t *err);

/* brings the schema up; and is it as it has to be */
ae_db_state_e ae_db_migrate(sqlite3 *sql, ae_error_t *err);
ae_db_state_e ae_db_verify(sqlite3 *sql, ae_error_t *err);


/* ---- db_open.c ---- */

/* the path with its folder resolved, so that the file alone must not be a
 * symbolic link; AE_ERROR and errno */
int ae_db_path(const char *path, char *dst, size_t size);

/* what every connection is: nothing in the file can make it run code */
int ae_db_harden(sqlite3 *sql);

ae_db_state_e ae_db_say(ae_error_t *err, ae_db_state_e state,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
ae_db_state_e ae_db_say_sql(ae_error_t *err, sqlite3 *sql, int rc);


#endif /* _AE_SQLITE_PRIVATE_H_INCLUDED_ */
