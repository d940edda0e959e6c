/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Opening the file of the embedded store.
 *
 * Whose it is, is read from its header before SQLite may touch it.  A new file
 * gets its tables before it becomes one with a log, so the header of one of
 * ours says so whatever happened in between.
 */


#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/sqlite/sqlite_private.h"


#define AE_DB_WAL_TRIES      200            /* of 10 ms each */


static ae_db_state_e ae_db_create(const char *path, ae_error_t *err);
static ae_db_state_e ae_db_file(ae_db_t *db, const char *path,
    const char *vfs, ae_error_t *err);
static ae_db_state_e ae_db_owner(ae_db_t *db, ae_error_t *err);
static ae_db_state_e ae_db_log(ae_db_t *db, ae_error_t *err);
static int ae_db_log_try(sqlite3 *sql);
static ae_db_state_e ae_db_settings(ae_db_t *db, ae_error_t *err);


ae_db_state_e
ae_db_say(ae_error_t *err, ae_db_state_e state, const char *fmt, ...)
{
    va_list  args;

    err->line = 0;

    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    return state;
}


ae_db_state_e
ae_db_say_sql(ae_error_t *err, sqlite3 *sql, int rc)
{
    int  sys;

    if (sql == NULL) {
        return ae_db_say(err, AE_DB_MEMORY, "%s", sqlite3_errstr(rc));
    }

    sys = 0;

    if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN) {
        sys = sqlite3_system_errno(sql);
    }

    return ae_db_say(err, ae_db_class(sql, rc), "%s%s%s", sqlite3_errstr(rc),
                     sys ? ": " : "", sys ? strerror(sys) : "");
}


int
ae_db_path(const char *path, char *dst, size_t size)
{
    int          n;
    char         folder[PATH_MAX], *real;
    size_t       len;
    const char  *name;

    name = strrchr(path, '/');
    name = (name != NULL) ? name + 1 : path;
    len = (size_t) (name - path);

    if (len >= sizeof(folder)) {
        errno = ENAMETOOLONG;
        return AE_ERROR;
    }

    memcpy(folder, path, len);
    folder[len] = '\0';

    real = realpath(len ? folder : ".", NULL);
    if (real == NULL) {
        return AE_ERROR;
    }

    n = snprintf(dst, size, "%s/%s", real[1] ? real : "", name);

    free(real);

    if (n < 0 || (size_t) n >= size) {
        errno = ENAMETOOLONG;
        return AE_ERROR;
    }

    return AE_OK;
}


int
ae_db_harden(sqlite3 *sql)
{
    size_t  i;

    static const struct {
        int                  option;
        int                  value;
    } options[] = {
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
        { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
        { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
        { SQLITE_DBCONFIG_ENABLE_FKEY, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },
        { SQLITE_DBCONFIG_DQS_DML, 0 }
    };

    (void) sqlite3_extended_result_codes(sql, 1);
    (void) sqlite3_busy_timeout(sql, AE_DB_BUSY_MSEC);

    (void) sqlite3_limit(sql, SQLITE_LIMIT_LENGTH, AE_DB_VALUE);
    (void) sqlite3_limit(sql, SQLITE_LIMIT_ATTACHED, 0);
    (void) sqlite3_limit(sql, SQLITE_LIMIT_WORKER_THREADS, 0);

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        (void) sqlite3_db_config(sql, options[i].option, options[i].value,
                                 NULL);
    }

    /* a file that is cut short while it is mapped kills who reads it; none of
     * these reads anything of the file yet */

    return sqlite3_exec(sql, "PRAGMA mmap_size = 0;"
                        "PRAGMA cell_size_check = ON;"
                        "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
}


ae_db_t *
ae_db_open(const char *path, const char *vfs, ae_db_state_e *state,
    ae_error_t *err)
{
    char      real[PATH_MAX];
    ae_db_t  *db;

    err->text[0] = '\0';

    if (vfs == NULL) {

        if (ae_db_path(path, real, sizeof(real)) != AE_OK) {
            *state = ae_db_say(err, ae_db_class_errno(errno), "%s",
                               strerror(errno));
            return NULL;
        }

        *state = ae_db_create(real, err);

        if (*state != AE_DB_OK) {
            return NULL;
        }

        path = real;
    }

    db = calloc(1, sizeof(ae_db_t));
    if (db == NULL) {
        *state = ae_db_say(err, AE_DB_MEMORY, "no memory");
        return NULL;
    }

    *state = ae_db_file(db, path, vfs, err);

    if (*state != AE_DB_OK) {
        ae_db_close(db);
        return NULL;
    }

    return db;
}


void
ae_db_close(ae_db_t *db)
{
    int  i;

    for (i = 0; i < AE_DB_STATEMENTS; i++) {
        (void) sqlite3_finalize(db->statement[i]);
    }

    (void) sqlite3_close(db->sql);

    free(db);
}


/* SQLite would make it readable for others; its log gets the same rights.
 * Nothing is open yet in this process when it is new. */

static ae_db_state_e
ae_db_create(const char *path, ae_error_t *err)
{
    int  fd;

    fd = open(path, O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd != -1) {
        (void) close(fd);
        return AE_DB_OK;
    }

    if (errno == EEXIST) {
        return AE_DB_OK;
    }

    return ae_db_say(err, ae_db_class_errno(errno), "it cannot be made: %s",
                     strerror(errno));
}


static ae_db_state_e
ae_db_file(ae_db_t *db, const char *path, const char *vfs, ae_error_t *err)
{
    int            rc;
    ae_db_state_e  state;

    if (sqlite3_threadsafe() == 0) {
        return ae_db_say(err, AE_DB_IO, "SQLite was built without threads");
    }

    rc = sqlite3_open_v2(path, &db->sql, SQLITE_OPEN_READWRITE
                         |SQLITE_OPEN_CREATE|SQLITE_OPEN_NOMUTEX
                         |SQLITE_OPEN_PRIVATECACHE|SQLITE_OPEN_NOFOLLOW, vfs);

    if (rc == SQLITE_OK) {
        rc = ae_db_harden(db->sql);
    }

    if (rc != SQLITE_OK) {
        rc = (db->sql != NULL) ? sqlite3_extended_errcode(db->sql) : rc;
        return ae_db_say_sql(err, db->sql, rc);
    }

    ae_db_bound(db);

    if (sqlite3_db_readonly(db->sql, "main") == 1) {
        return ae_db_say(err, AE_DB_READONLY, "it cannot be written");
    }

    state = ae_db_owner(db, err);

    /* a journal that is removed must not be there again after a power loss */

    if (state == AE_DB_OK) {
        rc = sqlite3_exec(db->sql, "PRAGMA synchronous = EXTRA", NULL, NULL,
                          NULL);

        if (rc != SQLITE_OK) {
            state = ae_db_say_sql(err, db->sql, rc);
        }
    }

    if (state == AE_DB_OK) {
        state = ae_db_migrate(db->sql, err);
    }

    if (state == AE_DB_OK) {
        state = ae_db_verify(db->sql, err);
    }

    if (state == AE_DB_OK) {
        state = ae_db_log(db, err);
    }

    return (state == AE_DB_OK) ? ae_db_settings(db, err) : state;
}


/*
 * Where the power went while the file was made, its header may be anything
 * until SQLite has put back what its journal says.
 */

static ae_db_state_e
ae_db_owner(ae_db_t *db, ae_error_t *err)
{
    int             rc, journal;
    char            name[PATH_MAX + 16];
    uint32_t        version;
    sqlite3_vfs    *vfs;
    ae_db_state_e   state;

    state = ae_db_header(db->sql, &version, err);

    if (state != AE_DB_CORRUPT) {
        return state;
    }

    vfs = NULL;
    journal = 0;

    rc = sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);

    if (rc == SQLITE_OK && vfs != NULL) {
        snprintf(name, sizeof(name), "%s-journal",
                 sqlite3_db_filename(db->sql, "main"));
        (void) vfs->xAccess(vfs, name, SQLITE_ACCESS_EXISTS, &journal);
    }

    if (!journal) {
        return state;
    }

    rc = sqlite3_exec(db->sql, "PRAGMA schema_version", NULL, NULL, NULL);

    return (rc == SQLITE_OK) ? ae_db_header(db->sql, &version, err) : state;
}


/* SQLite does not wait for those who just look at the file */

static ae_db_state_e
ae_db_log(ae_db_t *db, ae_error_t *err)
{
    int  i, rc;

    rc = SQLITE_BUSY;

    for (i = 0; i < AE_DB_WAL_TRIES; i++) {
        rc = ae_db_log_try(db->sql);

        if ((rc & 0xff) != SQLITE_BUSY) {
            break;
        }

        (void) sqlite3_sleep(10);
    }

    return (rc == SQLITE_OK) ? AE_DB_OK : ae_db_say_sql(err, db->sql, rc);
}


static int
ae_db_log_try(sqlite3 *sql)
{
    int            rc, wal;
    sqlite3_stmt  *st;

    wal = 0;

    rc = sqlite3_prepare_v2(sql, "PRAGMA journal_mode = WAL", -1, &st, NULL);

    if (rc != SQLITE_OK) {
        return rc;
    }

    if (sqlite3_step(st) == SQLITE_ROW) {
        wal = sqlite3_stricmp((const char *) sqlite3_column_text(st, 0),
                              "wal") == 0;
    }

    rc = sqlite3_finalize(st);

    return (rc == SQLITE_OK && !wal) ? SQLITE_BUSY : rc;
}


static ae_db_state_e
ae_db_settings(ae_db_t *db, ae_error_t *err)
{
    int  rc;

    rc = sqlite3_exec(db->sql, "PRAGMA synchronous = FULL;"
                      "PRAGMA secure_delete = OFF;"
                      "PRAGMA cache_size = -8192;"
                      "PRAGMA wal_autocheckpoint = 4000;"
                      "PRAGMA journal_size_limit = 33554432;"

                      /* that a group can be begun, and the log be made */
                      "BEGIN IMMEDIATE; COMMIT", NULL, NULL, NULL);

    return (rc == SQLITE_OK) ? AE_DB_OK : ae_db_say_sql(err, db->sql, rc);
}
