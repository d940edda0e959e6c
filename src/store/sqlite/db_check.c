/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A look at the file of the embedded store that leaves everything as it is.
 *
 * SQLite itself writes when it reads: a shared index of the log, and the log
 * back into the file when the last reader closes it.  So a file without a log
 * is read as one that nobody changes, one with a log and its index through
 * that index without a right to write; of any other there is only the header.
 */


#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/sqlite_private.h"


#define AE_DB_CHECK_STEPS    1000           /* of SQLite, between two looks */
#define AE_DB_URI            (3 * PATH_MAX + 64)


typedef struct {
    uint64_t                 end;           /* mono */
    int                      over;
} ae_db_check_t;


static ae_db_state_e ae_db_check_stat(const char *path, struct stat *sb,
    ae_error_t *err);
static ae_db_state_e ae_db_check_file(const char *path, unsigned msec,
    ae_error_t *err);
static int ae_db_check_beside(const char *path, const char *suffix);
static const char *ae_db_check_how(const char *path, int *whole);
static void ae_db_check_uri(char *dst, const char *path, const char *how);
static ae_db_state_e ae_db_check_tables(sqlite3 *sql, unsigned msec,
    ae_error_t *err);
static ae_db_state_e ae_db_check_pages(sqlite3 *sql, ae_error_t *err);
static int ae_db_check_time(void *ctx);
static int ae_db_check_unread(ae_db_state_e state, int rc);


ae_db_state_e
ae_db_check(const char *path, unsigned msec, ae_error_t *err)
{
    char           real[PATH_MAX];
    struct stat    before, after;
    ae_db_state_e  state;

    err->text[0] = '\0';

    if (ae_db_path(path, real, sizeof(real)) != AE_OK) {
        state = (errno == ENOENT) ? AE_DB_ABSENT : ae_db_class_errno(errno);
        return ae_db_say(err, state, "%s", strerror(errno));
    }

    state = ae_db_check_stat(real, &before, err);

    if (state != AE_DB_OK || before.st_size == 0) {
        return state;
    }

    state = ae_db_check_file(real, msec, err);

    /* what was read is no matter if it was written meanwhile */

    if (state == AE_DB_CORRUPT
        && (stat(real, &after) != 0
            || before.st_size != after.st_size
            || before.st_ino != after.st_ino
            || before.st_mtim.tv_sec != after.st_mtim.tv_sec
            || before.st_mtim.tv_nsec != after.st_mtim.tv_nsec))
    {
        return AE_DB_OK;
    }

    return state;
}


static ae_db_state_e
ae_db_check_stat(const char *path, struct stat *sb, ae_error_t *err)
{
    ae_db_state_e  state;

    if (lstat(path, sb) != 0) {
        state = (errno == ENOENT) ? AE_DB_ABSENT : ae_db_class_errno(errno);
        return ae_db_say(err, state, "%s", strerror(errno));
    }

    if (S_ISLNK(sb->st_mode)) {
        return ae_db_say(err, AE_DB_IO, "it is a symbolic link");
    }

    if (!S_ISREG(sb->st_mode)) {
        return ae_db_say(err, AE_DB_IO, "it is not a regular file");
    }

    return AE_DB_OK;
}


static ae_db_state_e
ae_db_check_file(const char *path, unsigned msec, ae_error_t *err)
{
    int             rc, whole;
    char            uri[AE_DB_URI];
    sqlite3        *sql;
    uint32_t        version;
    ae_db_state_e   state;

    sql = NULL;

    ae_db_check_uri(uri, path, ae_db_check_how(path, &whole));

    rc = sqlite3_open_v2(uri, &sql, SQLITE_OPEN_READONLY|SQLITE_OPEN_URI
                         |SQLITE_OPEN_NOMUTEX|SQLITE_OPEN_PRIVATECACHE
                         |SQLITE_OPEN_NOFOLLOW, NULL);

    if (rc == SQLITE_OK) {
        state = ae_db_header(sql, &version, err);

    } else {
        rc = (sql != NULL) ? sqlite3_extended_errcode(sql) : rc;
        state = ae_db_say_sql(err, sql, rc);
    }

    if (!whole && state == AE_DB_CORRUPT) {
        state = AE_DB_OK;
    }

    if (whole && state == AE_DB_OK) {
        state = ae_db_check_tables(sql, msec, err);
    }

    (void) sqlite3_close(sql);

    return state;
}


static int
ae_db_check_beside(const char *path, const char *suffix)
{
    char         name[PATH_MAX + 16];
    struct stat  sb;

    snprintf(name, sizeof(name), "%s%s", path, suffix);

    return lstat(name, &sb) == 0 && sb.st_size != 0;
}


/* a journal may have to be played back first, whatever the file looks like */

static const char *
ae_db_check_how(const char *path, int *whole)
{
    int  wal, shm;

    wal = ae_db_check_beside(path, "-wal");
    shm = ae_db_check_beside(path, "-shm");

    *whole = !ae_db_check_beside(path, "-journal") && (!wal || shm);

    return (wal && shm) ? "mode=ro&readonly_shm=1" : "immutable=1";
}


static void
ae_db_check_uri(char *dst, const char *path, const char *how)
{
    static const char  hex[] = "0123456789abcdef";

    dst += sprintf(dst, "file:");

    for ( /* void */ ; *path != '\0'; path++) {

        if (strchr("%?#", *path) != NULL) {
            *dst++ = '%';
            *dst++ = hex[(unsigned char) *path >> 4];
            *dst++ = hex[(unsigned char) *path & 15];

        } else {
            *dst++ = *path;
        }
    }

    (void) sprintf(dst, "?%s", how);
}


static ae_db_state_e
ae_db_check_tables(sqlite3 *sql, unsigned msec, ae_error_t *err)
{
    int             rc;
    ae_now_t        now;
    uint32_t        version;
    ae_db_check_t   check;
    ae_db_state_e   state;

    ae_now(&now);

    check.end = now.mono + (uint64_t) msec * 1000000;
    check.over = 0;

    rc = ae_db_harden(sql);

    (void) sqlite3_db_config(sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_progress_handler(sql, AE_DB_CHECK_STEPS, ae_db_check_time, &check);

    state = (rc == SQLITE_OK) ? ae_db_version(sql, &version, err)
                              : ae_db_say_sql(err, sql, rc);

    if (state == AE_DB_OK && version == AE_DB_SCHEMA) {
        state = ae_db_verify(sql, err);
    }

    if (state == AE_DB_OK) {
        state = ae_db_check_pages(sql, err);
    }

    if (check.over || ae_db_check_unread(state, sqlite3_extended_errcode(sql)))
    {
        return AE_DB_OK;
    }

    return state;
}


static ae_db_state_e
ae_db_check_pages(sqlite3 *sql, ae_error_t *err)
{
    int             rc;
    const char     *text;
    sqlite3_stmt   *st;
    ae_db_state_e   state;

    rc = sqlite3_prepare_v2(sql, "PRAGMA quick_check(1)", -1, &st, NULL);

    if (rc != SQLITE_OK) {
        return ae_db_say_sql(err, sql, rc);
    }

    state = AE_DB_OK;

    if (sqlite3_step(st) == SQLITE_ROW) {
        text = (const char *) sqlite3_column_text(st, 0);

        if (text == NULL || strcmp(text, "ok") != 0) {
            state = ae_db_say(err, AE_DB_CORRUPT, "%s",
                              (text != NULL) ? text : "no memory");
        }
    }

    rc = sqlite3_finalize(st);

    return (rc == SQLITE_OK) ? state : ae_db_say_sql(err, sql, rc);
}


static int
ae_db_check_time(void *ctx)
{
    ae_db_check_t *check = ctx;

    ae_now_t  now;

    ae_now(&now);

    check->over |= (now.mono >= check->end);

    return check->over;
}


/* others are at it, or nobody was and the log has to be read anew, which is
 * for those who open it */

static int
ae_db_check_unread(ae_db_state_e state, int rc)
{
    return state == AE_DB_BUSY
           || rc == SQLITE_READONLY_CANTINIT || rc == SQLITE_READONLY_RECOVERY;
}
