/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Statements, groups and errors of the embedded store.
 *
 * SQLite ends a transaction by itself after some errors.  What the caller
 * still writes to that group would be committed alone then, so a group that
 * has failed refuses everything until it is undone.
 */


#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/sqlite/sqlite_private.h"


static void ae_db_note(ae_db_t *db, ae_db_state_e state, const char *text);
static int ae_db_look_at(void *ctx);
static int ae_db_simple(ae_db_t *db, ae_db_statement_e which,
    const char *text);


const char *const  ae_db_states[] = {
    "fine",
    "absent",
    "of another application",
    "of a newer version",
    "damaged",
    "read-only",
    "full",
    "busy",
    "out of reach",
    "out of memory"
};


ae_db_state_e
ae_db_class_errno(int err)
{
    switch (err) {

    case ENOSPC:
    case EFBIG:
    case EDQUOT:
        return AE_DB_FULL;

    case EACCES:
    case EPERM:
    case EROFS:
        return AE_DB_READONLY;

    case ENOMEM:
        return AE_DB_MEMORY;

    default:
        return AE_DB_IO;
    }
}


ae_db_state_e
ae_db_class(sqlite3 *sql, int rc)
{
    switch (rc & 0xff) {

    case SQLITE_FULL:
        return AE_DB_FULL;

    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_INTERRUPT:
        return AE_DB_CORRUPT;

    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return AE_DB_READONLY;

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return AE_DB_BUSY;

    case SQLITE_NOMEM:
        return AE_DB_MEMORY;

    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:

        if (rc == SQLITE_IOERR_NOMEM) {
            return AE_DB_MEMORY;
        }

        if (rc == SQLITE_IOERR_CORRUPTFS || rc == SQLITE_IOERR_DATA) {
            return AE_DB_CORRUPT;
        }

        return (sql != NULL) ? ae_db_class_errno(sqlite3_system_errno(sql))
                             : AE_DB_IO;

    default:
        return AE_DB_IO;
    }
}


static void
ae_db_note(ae_db_t *db, ae_db_state_e state, const char *text)
{
    /* what came first says more than what came of it */

    if (!db->failed) {
        db->state = state;
        snprintf(db->error, sizeof(db->error), "%s", text);
    }

    db->failed = db->group;
}


int
ae_db_fail(ae_db_t *db)
{
    int  rc;

    rc = sqlite3_extended_errcode(db->sql);

    ae_db_note(db, ae_db_class(db->sql, rc), sqlite3_errmsg(db->sql));

    return AE_ERROR;
}


int
ae_db_fail_memory(ae_db_t *db)
{
    ae_db_note(db, AE_DB_MEMORY, "no memory for what is read");

    return AE_ERROR;
}


int
ae_db_fail_row(ae_db_t *db)
{
    ae_db_note(db, AE_DB_CORRUPT, "a row is damaged");

    return AE_ERROR;
}


ae_db_state_e
ae_db_state(const ae_db_t *db)
{
    return db->state;
}


const char *
ae_db_error(const ae_db_t *db)
{
    return db->error;
}


/* ---- statements ---- */

static int
ae_db_look_at(void *ctx)
{
    ae_db_t *db = ctx;

    return ++db->looks > AE_DB_LOOKS;
}


void
ae_db_bound(ae_db_t *db)
{
    db->looks = 0;

    sqlite3_progress_handler(db->sql, AE_DB_STEPS, ae_db_look_at, db);
}


sqlite3_stmt *
ae_db_statement(ae_db_t *db, ae_db_statement_e which, const char *text)
{
    if (db->failed) {
        return NULL;
    }

    db->looks = 0;

    if (db->statement[which] == NULL
        && sqlite3_prepare_v3(db->sql, text, -1, SQLITE_PREPARE_PERSISTENT,
                              &db->statement[which], NULL)
           != SQLITE_OK)
    {
        (void) ae_db_fail(db);
        return NULL;
    }

    return db->statement[which];
}


int
ae_db_row(ae_db_t *db, sqlite3_stmt *st)
{
    int  rc;

    rc = sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        return AE_OK;
    }

    rc = (rc == SQLITE_DONE) ? AE_DECLINED : ae_db_fail(db);

    (void) sqlite3_reset(st);

    return rc;
}


int
ae_db_run(ae_db_t *db, sqlite3_stmt *st)
{
    int  rc;

    rc = (sqlite3_step(st) == SQLITE_DONE) ? AE_OK : ae_db_fail(db);

    (void) sqlite3_reset(st);

    return rc;
}


void
ae_db_id_write(unsigned char *dst, ae_id_t id)
{
    int  i, j;

    for (i = 0; i < 2; i++) {
        for (j = 56; j >= 0; j -= 8) {
            *dst++ = (unsigned char) (id.h[i] >> j);
        }
    }
}


void
ae_db_bind_id(sqlite3_stmt *st, int n, const unsigned char *id)
{
    (void) sqlite3_bind_blob(st, n, id, AE_DB_ID, SQLITE_STATIC);
}


void
ae_db_bind_int(sqlite3_stmt *st, int n, uint64_t value)
{
    (void) sqlite3_bind_int64(st, n, (int64_t) value);
}


/* without a pointer it would be NULL */

void
ae_db_bind_text(sqlite3_stmt *st, int n, ae_str_t s)
{
    (void) sqlite3_bind_text64(st, n, s.len ? (char *) s.data : "", s.len,
                               SQLITE_STATIC, SQLITE_UTF8);
}


void
ae_db_bind_blob(sqlite3_stmt *st, int n, ae_str_t s)
{
    (void) sqlite3_bind_blob64(st, n, s.len ? (void *) s.data : "", s.len,
                               SQLITE_STATIC);
}


ae_str_t
ae_db_cut(ae_str_t s, size_t max)
{
    if (s.len > max) {
        s.len = max;
    }

    return s;
}


int
ae_db_get_id(sqlite3_stmt *st, int n, ae_id_t *id)
{
    int                   i;
    const unsigned char  *p;

    p = sqlite3_column_blob(st, n);

    if (p == NULL || sqlite3_column_bytes(st, n) != AE_DB_ID) {
        return AE_ERROR;
    }

    id->h[0] = 0;
    id->h[1] = 0;

    for (i = 0; i < AE_DB_ID; i++) {
        id->h[i / 8] = id->h[i / 8] << 8 | p[i];
    }

    return AE_OK;
}


int
ae_db_get_uint32(sqlite3_stmt *st, int n, uint32_t *value)
{
    int64_t  v;

    v = sqlite3_column_int64(st, n);

    if (v < 0 || v > UINT32_MAX) {
        return AE_ERROR;
    }

    *value = (uint32_t) v;

    return AE_OK;
}


uint64_t
ae_db_get_int(sqlite3_stmt *st, int n)
{
    return (uint64_t) sqlite3_column_int64(st, n);
}


int
ae_db_get_str(sqlite3_stmt *st, int n, size_t max, ae_arena_t *arena,
    ae_str_t *s)
{
    const void  *p;

    p = sqlite3_column_blob(st, n);

    s->data = (unsigned char *) ((p != NULL) ? p : "");
    s->len = (p != NULL) ? (size_t) sqlite3_column_bytes(st, n) : 0;

    if (s->len > max) {
        s->len = max;
    }

    *s = ae_arena_dup(arena, *s);

    return (s->data != NULL) ? AE_OK : AE_FULL;
}


int
ae_db_matches(sqlite3_stmt *st, int n, ae_str_t want)
{
    const void  *p;

    if (want.len == 0) {
        return 1;
    }

    p = sqlite3_column_blob(st, n);

    return p != NULL && (size_t) sqlite3_column_bytes(st, n) == want.len
           && memcmp(p, want.data, want.len) == 0;
}


/* ---- groups ---- */

static int
ae_db_simple(ae_db_t *db, ae_db_statement_e which, const char *text)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, which, text);

    return (st != NULL) ? ae_db_run(db, st) : AE_ERROR;
}


int
ae_db_begin(ae_db_t *db)
{
    int  rc, moved;

    moved = 0;

    (void) sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_HAS_MOVED,
                                &moved);

    /* what is written to a file without a name is lost */

    if (moved) {
        ae_db_note(db, AE_DB_ABSENT, "the file was removed or renamed");
        return AE_ERROR;
    }

    rc = ae_db_simple(db, AE_DB_BEGIN, "BEGIN IMMEDIATE");

    db->group |= (rc == AE_OK);

    return rc;
}


int
ae_db_read(ae_db_t *db)
{
    int  rc;

    rc = ae_db_simple(db, AE_DB_READ, "BEGIN");

    db->group |= (rc == AE_OK);

    return rc;
}


int
ae_db_commit(ae_db_t *db)
{
    int  rc;

    rc = ae_db_simple(db, AE_DB_COMMIT, "COMMIT");

    if (rc == AE_OK) {
        db->group = 0;
        return AE_OK;
    }

    ae_db_rollback(db);

    return AE_ERROR;
}


void
ae_db_rollback(ae_db_t *db)
{
    sqlite3_stmt  *st;

    db->failed = 0;
    db->group = 0;

    if (sqlite3_get_autocommit(db->sql)) {
        return;
    }

    /* it fails only where nothing is left to undo; and what failed before is
     * what has to be told */

    st = ae_db_statement(db, AE_DB_ROLLBACK, "ROLLBACK");

    if (st != NULL) {
        (void) sqlite3_step(st);
        (void) sqlite3_reset(st);
    }
}


int
ae_db_savepoint(ae_db_t *db)
{
    return ae_db_simple(db, AE_DB_SAVEPOINT, "SAVEPOINT part");
}


int
ae_db_keep(ae_db_t *db)
{
    return ae_db_simple(db, AE_DB_KEEP, "RELEASE part");
}


/* what was undone still stands, and is ended like one that was kept */

int
ae_db_undo(ae_db_t *db)
{
    if (ae_db_simple(db, AE_DB_UNDO, "ROLLBACK TO part") != AE_OK) {
        return AE_ERROR;
    }

    return ae_db_keep(db);
}


int
ae_db_enter(ae_db_t *db, int *own)
{
    *own = !db->group;

    if (*own) {
        return ae_db_begin(db);
    }

    return db->failed ? AE_ERROR : AE_OK;
}


int
ae_db_leave(ae_db_t *db, int own, int rc)
{
    if (!own) {
        return rc;
    }

    if (rc == AE_ERROR) {
        ae_db_rollback(db);
        return AE_ERROR;
    }

    return (ae_db_commit(db) == AE_OK) ? rc : AE_ERROR;
}
