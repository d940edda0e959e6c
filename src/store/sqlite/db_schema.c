/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The schema of the embedded store, and how a file comes to it.
 *
 * Ids are blobs of 16 bytes, those of an event ascend with time.  Times are of
 * the wall clock in nanoseconds.  What is unsigned here is stored as the
 * signed number of the same bits.
 */


#include <stdio.h>
#include <string.h>

#include "store/sqlite/sqlite_private.h"


#define AE_DB_HEADER         108            /* bytes of SQLite's, and of its
                                               first page's */
#define AE_DB_PRAGMA         64


static uint32_t ae_db_header_word(const unsigned char *p);
static int ae_db_header_empty(const unsigned char *p);
static int ae_db_upgrade(sqlite3 *sql, uint32_t from);
static ae_db_state_e ae_db_compare(sqlite3 *sql, sqlite3 *model,
    ae_error_t *err);
static ae_db_state_e ae_db_look(sqlite3_stmt *want, sqlite3_stmt *have,
    sqlite3 *sql, ae_error_t *err);


/* the n-th brings schema n to n + 1; one that was released never changes */

static const char *const  ae_db_migrations[AE_DB_SCHEMA] = {

    "CREATE TABLE setting ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " value BLOB NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE instance ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " zone BLOB NOT NULL UNIQUE,"
    " until INTEGER NOT NULL);"

    "CREATE TABLE event ("
    " id BLOB PRIMARY KEY NOT NULL,"
    " time INTEGER NOT NULL,"
    " type TEXT NOT NULL,"
    " api TEXT NOT NULL,"
    " org TEXT NOT NULL,"
    " key_id BLOB NOT NULL,"
    " record BLOB NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE outbox ("
    " uid INTEGER PRIMARY KEY,"
    " instance INTEGER NOT NULL,"
    " event BLOB NOT NULL,"
    " endpoint BLOB NOT NULL,"
    " cooldown BLOB NOT NULL,"
    " period INTEGER NOT NULL,"
    " due INTEGER NOT NULL,"
    " suppressed INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " held INTEGER NOT NULL);"

    "CREATE INDEX outbox_instance ON outbox (instance);"
    "CREATE INDEX outbox_event ON outbox (event);"

    "CREATE TABLE unrouted ("
    " id INTEGER PRIMARY KEY,"
    " instance INTEGER NOT NULL,"
    " event BLOB NOT NULL UNIQUE);"

    "CREATE TABLE attempt ("
    " id INTEGER PRIMARY KEY,"
    " event BLOB NOT NULL,"
    " endpoint BLOB NOT NULL,"
    " uid INTEGER NOT NULL,"
    " type TEXT NOT NULL,"
    " api TEXT NOT NULL,"
    " handler TEXT NOT NULL,"
    " label TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " status INTEGER NOT NULL,"
    " time INTEGER NOT NULL,"
    " duration INTEGER NOT NULL,"
    " next INTEGER NOT NULL,"
    " error TEXT NOT NULL,"
    " answer BLOB NOT NULL);"

    "CREATE INDEX attempt_event ON attempt (event);"
    "CREATE INDEX attempt_endpoint ON attempt (endpoint);"
    "CREATE INDEX attempt_failed ON attempt (state)"
    " WHERE state <> 'delivered';"

    "CREATE TABLE dead ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " event BLOB NOT NULL,"
    " endpoint BLOB NOT NULL,"
    " uid INTEGER NOT NULL UNIQUE,"
    " type TEXT NOT NULL,"
    " api TEXT NOT NULL,"
    " handler TEXT NOT NULL,"
    " label TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " status INTEGER NOT NULL,"
    " time INTEGER NOT NULL,"
    " duration INTEGER NOT NULL,"
    " next INTEGER NOT NULL,"
    " error TEXT NOT NULL,"
    " answer BLOB NOT NULL);"

    "CREATE INDEX dead_event ON dead (event);"
    "CREATE INDEX dead_endpoint ON dead (endpoint);"

    "CREATE TABLE counter ("
    " instance INTEGER NOT NULL,"
    " id BLOB NOT NULL,"
    " mode INTEGER NOT NULL,"
    " align INTEGER NOT NULL,"
    " offset INTEGER NOT NULL,"
    " mark INTEGER NOT NULL,"
    " max INTEGER NOT NULL,"
    " period INTEGER NOT NULL,"
    " start INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " PRIMARY KEY (instance, id)) WITHOUT ROWID;"

    "CREATE TABLE inherited ("
    " id BLOB NOT NULL,"
    " instance INTEGER NOT NULL,"
    " origin INTEGER NOT NULL,"
    " start INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " PRIMARY KEY (id, instance, origin)) WITHOUT ROWID;"

    "CREATE TABLE breaker ("
    " id BLOB PRIMARY KEY NOT NULL,"
    " state INTEGER NOT NULL,"
    " opened INTEGER NOT NULL,"
    " remains INTEGER NOT NULL,"
    " until INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE endpoint ("
    " id BLOB PRIMARY KEY NOT NULL,"
    " handler TEXT NOT NULL,"
    " label TEXT NOT NULL,"
    " disabled INTEGER NOT NULL,"
    " failing INTEGER NOT NULL) WITHOUT ROWID;",

    "CREATE TABLE document ("
    " rev INTEGER PRIMARY KEY AUTOINCREMENT,"
    " collection TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL,"
    " body TEXT,"
    " UNIQUE (collection, id));"

    "CREATE INDEX document_gone ON document (rev)"
    " WHERE body IS NULL;"

    "CREATE TABLE collection ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " documents INTEGER NOT NULL) WITHOUT ROWID;"
};


static uint32_t
ae_db_header_word(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


/*
 * A database of one page and no log, in which nothing is and that is nobody's:
 * what SQLite makes of an empty file when it is told how it shall be.
 */

static int
ae_db_header_empty(const unsigned char *p)
{
    return ae_db_header_word(p + 68) == 0 && ae_db_header_word(p + 60) == 0
           && ae_db_header_word(p + 28) <= 1 && p[18] == 1
           && p[103] == 0 && p[104] == 0;
}


/*
 * Read through SQLite's own file: a process that opens and closes the file
 * beside it loses the locks that its connections hold.
 */

ae_db_state_e
ae_db_header(sqlite3 *sql, uint32_t *version, ae_error_t *err)
{
    int             rc;
    uint32_t        id;
    sqlite3_file   *file;
    sqlite3_int64   size;
    unsigned char   p[AE_DB_HEADER];

    *version = 0;
    file = NULL;

    rc = sqlite3_file_control(sql, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    if (rc != SQLITE_OK || file == NULL || file->pMethods == NULL) {
        return ae_db_say(err, AE_DB_IO, "it is not open");
    }

    rc = file->pMethods->xFileSize(file, &size);

    if (rc != SQLITE_OK) {
        return ae_db_say_sql(err, sql, rc);
    }

    if (size == 0) {
        return AE_DB_OK;
    }

    rc = file->pMethods->xRead(file, p, AE_DB_HEADER, 0);

    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ) {
        return ae_db_say_sql(err, sql, rc);
    }

    if (rc != SQLITE_OK || memcmp(p, "SQLite format 3", 16) != 0) {
        return ae_db_say(err, AE_DB_CORRUPT, "it is no SQLite database");
    }

    if (ae_db_header_empty(p)) {
        return AE_DB_OK;
    }

    id = ae_db_header_word(p + 68);

    if (id != AE_DB_APPLICATION) {
        return ae_db_say(err, AE_DB_FOREIGN, "a database of another "
                         "application, application_id %u", id);
    }

    *version = ae_db_header_word(p + 60);

    if (*version > AE_DB_SCHEMA) {
        return ae_db_say(err, AE_DB_NEWER, "schema %u, this module knows %u",
                         *version, AE_DB_SCHEMA);
    }

    return AE_DB_OK;
}


ae_db_state_e
ae_db_version(sqlite3 *sql, uint32_t *version, ae_error_t *err)
{
    int            rc;
    int64_t        n;
    sqlite3_stmt  *st;

    n = -1;

    rc = sqlite3_prepare_v2(sql, "PRAGMA user_version", -1, &st, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);

        if (rc == SQLITE_ROW) {
            n = sqlite3_column_int64(st, 0);
        }

        rc = sqlite3_finalize(st);
    }

    if (rc != SQLITE_OK) {
        return ae_db_say_sql(err, sql, rc);
    }

    if (n < 0 || n > AE_DB_SCHEMA) {
        return ae_db_say(err, AE_DB_NEWER, "schema %lld, this module knows %u",
                         (long long) n, AE_DB_SCHEMA);
    }

    *version = (uint32_t) n;

    return AE_DB_OK;
}


static int
ae_db_upgrade(sqlite3 *sql, uint32_t from)
{
    int       rc;
    char      text[AE_DB_PRAGMA];
    uint32_t  n;

    rc = SQLITE_OK;

    for (n = from; n < AE_DB_SCHEMA && rc == SQLITE_OK; n++) {
        rc = sqlite3_exec(sql, ae_db_migrations[n], NULL, NULL, NULL);
    }

    snprintf(text, sizeof(text),
             "PRAGMA user_version = %u; PRAGMA application_id = %u",
             AE_DB_SCHEMA, AE_DB_APPLICATION);

    return (rc == SQLITE_OK) ? sqlite3_exec(sql, text, NULL, NULL, NULL) : rc;
}


/* two processes may come to it at the same time: the second finds it done */

ae_db_state_e
ae_db_migrate(sqlite3 *sql, ae_error_t *err)
{
    int            rc;
    uint32_t       version;
    ae_db_state_e  state;

    state = ae_db_version(sql, &version, err);

    if (state != AE_DB_OK || version == AE_DB_SCHEMA) {
        return state;
    }

    rc = SQLITE_OK;

    /* of a file with tables it could not be changed any more */

    if (version == 0) {
        rc = sqlite3_exec(sql, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL,
                          NULL);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    }

    if (rc != SQLITE_OK) {
        return ae_db_say_sql(err, sql, rc);
    }

    state = ae_db_version(sql, &version, err);

    if (state == AE_DB_OK && version < AE_DB_SCHEMA) {
        rc = ae_db_upgrade(sql, version);

        if (rc != SQLITE_OK) {
            state = ae_db_say_sql(err, sql, rc);
        }
    }

    if (state == AE_DB_OK) {
        rc = sqlite3_exec(sql, "COMMIT", NULL, NULL, NULL);

        if (rc != SQLITE_OK) {
            state = ae_db_say_sql(err, sql, rc);
        }
    }

    if (!sqlite3_get_autocommit(sql)) {
        (void) sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
    }

    return state;
}


/*
 * Each table and index is compared with what the migrations make of an empty
 * database: all statements then mean what they say.
 */

ae_db_state_e
ae_db_verify(sqlite3 *sql, ae_error_t *err)
{
    int             rc;
    sqlite3        *model;
    ae_db_state_e   state;

    model = NULL;

    rc = sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE
                         |SQLITE_OPEN_MEMORY|SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK) {
        rc = ae_db_upgrade(model, 0);
    }

    if (rc == SQLITE_OK) {
        state = ae_db_compare(sql, model, err);

    } else {
        state = ae_db_say_sql(err, model, rc);
    }

    (void) sqlite3_close(model);

    return state;
}


static ae_db_state_e
ae_db_compare(sqlite3 *sql, sqlite3 *model, ae_error_t *err)
{
    int             rc;
    sqlite3_stmt   *want, *have;
    ae_db_state_e   state;

    want = NULL;
    have = NULL;
    state = AE_DB_OK;

    rc = sqlite3_prepare_v2(model, "SELECT type, name, sql FROM sqlite_master"
                            " WHERE sql IS NOT NULL", -1, &want, NULL);

    if (rc != SQLITE_OK) {
        return ae_db_say_sql(err, model, rc);
    }

    rc = sqlite3_prepare_v2(sql, "SELECT count(*) FROM sqlite_master"
                            " WHERE type = ? AND name = ? AND sql = ?", -1,
                            &have, NULL);

    if (rc != SQLITE_OK) {
        state = ae_db_say_sql(err, sql, rc);
    }

    while (state == AE_DB_OK && (rc = sqlite3_step(want)) == SQLITE_ROW) {
        state = ae_db_look(want, have, sql, err);
    }

    if (state == AE_DB_OK && rc != SQLITE_DONE) {
        state = ae_db_say_sql(err, model, rc);
    }

    (void) sqlite3_finalize(want);
    (void) sqlite3_finalize(have);

    return state;
}


static ae_db_state_e
ae_db_look(sqlite3_stmt *want, sqlite3_stmt *have, sqlite3 *sql,
    ae_error_t *err)
{
    int  i, rc, n;

    rc = SQLITE_OK;

    for (i = 0; i < 3 && rc == SQLITE_OK; i++) {
        rc = sqlite3_bind_value(have, i + 1, sqlite3_column_value(want, i));
    }

    n = (rc == SQLITE_OK && sqlite3_step(have) == SQLITE_ROW)
        ? sqlite3_column_int(have, 0) : 0;

    if (rc == SQLITE_OK) {
        rc = sqlite3_reset(have);
    }

    if (rc != SQLITE_OK) {
        return ae_db_say_sql(err, sql, rc);
    }

    if (n != 1) {
        return ae_db_say(err, AE_DB_CORRUPT, "its %s \"%s\" is not that of "
                         "schema %u", sqlite3_column_text(want, 0),
                         sqlite3_column_text(want, 1), AE_DB_SCHEMA);
    }

    return AE_DB_OK;
}
