/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db_help.h"


#define DB_PATHS             4


static void db_empty(const char *folder);
static sqlite3 *db_beside(const char *path);


static char  db_folder[128];


int
db_setup(void **state)
{
    const char  *tmp;

    (void) state;

    tmp = getenv("TMPDIR");

    snprintf(db_folder, sizeof(db_folder), "%s/apievents-db-XXXXXX",
             (tmp != NULL) ? tmp : "/tmp");

    return mkdtemp(db_folder) != NULL ? 0 : -1;
}


int
db_teardown(void **state)
{
    (void) state;

    (void) chmod(db_folder, 0700);
    db_empty(db_folder);

    return rmdir(db_folder);
}


static void
db_empty(const char *folder)
{
    DIR            *dir;
    char            path[512];
    struct dirent  *entry;

    dir = opendir(folder);

    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);

        if (unlink(path) != 0) {
            db_empty(path);
            (void) rmdir(path);
        }
    }

    (void) closedir(dir);
}


const char *
db_path(const char *name)
{
    static int   n;
    static char  path[DB_PATHS][256];

    n = (n + 1) % DB_PATHS;

    snprintf(path[n], sizeof(path[n]), "%s/%s", db_folder, name);

    return path[n];
}


ae_db_t *
db_open(void)
{
    return db_open_as(db_path("db"), NULL);
}


ae_db_t *
db_open_as(const char *path, const char *vfs)
{
    ae_db_t        *db;
    ae_error_t      err;
    ae_db_state_e   state;

    db = ae_db_open(path, vfs, &state, &err);

    if (db == NULL) {
        fail_msg("%s: %s: %s", path, ae_db_states[state], err.text);
    }

    assert_int_equal(state, AE_DB_OK);

    return db;
}


static sqlite3 *
db_beside(const char *path)
{
    sqlite3  *sql;

    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    (void) sqlite3_busy_timeout(sql, 5000);

    return sql;
}


void
db_exec(const char *path, const char *text)
{
    sqlite3  *sql;

    sql = db_beside(path);

    if (sqlite3_exec(sql, text, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", text, sqlite3_errmsg(sql));
    }

    assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}


int64_t
db_number(const char *path, const char *text)
{
    int64_t        n;
    sqlite3       *sql;
    sqlite3_stmt  *st;

    sql = db_beside(path);

    assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);

    n = sqlite3_column_int64(st, 0);

    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    assert_int_equal(sqlite3_close(sql), SQLITE_OK);

    return n;
}


unsigned char *
db_slurp(const char *path, size_t *len)
{
    FILE           *f;
    struct stat     sb;
    unsigned char  *p;

    assert_int_equal(stat(path, &sb), 0);

    *len = (size_t) sb.st_size;
    p = malloc(*len + 1);
    assert_non_null(p);

    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(p, 1, *len, f), *len);
    (void) fclose(f);

    return p;
}


void
db_write(const char *path, const void *bytes, size_t len)
{
    FILE  *f;

    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}


int
db_exists(const char *path)
{
    struct stat  sb;

    return lstat(path, &sb) == 0;
}


ae_id_t
db_id(uint64_t n)
{
    return (ae_id_t) { { n, ~n } };
}


ae_str_t
db_str(const char *s)
{
    return (ae_str_t) { strlen(s), (unsigned char *) s };
}


void
db_event(ae_db_t *db, uint64_t n, uint64_t time)
{
    char        record[32];
    ae_event_t  ev;

    memset(&ev, 0, sizeof(ae_event_t));

    ev.id = db_id(n);
    ev.key_id = db_id(7);
    ev.time = time;
    ev.type = AE_QUOTA_EXCEEDED;
    ev.api = db_str("orders");
    ev.org = db_str("acme");

    snprintf(record, sizeof(record), "record %llu", (unsigned long long) n);

    assert_int_equal(ae_db_event(db, &ev, db_str(record)), AE_OK);
}


ae_db_attempt_t
db_attempt(uint64_t n, uint64_t endpoint, const char *state)
{
    ae_db_attempt_t  a;

    memset(&a, 0, sizeof(ae_db_attempt_t));

    a.event = db_id(n);
    a.endpoint = db_id(endpoint);
    a.uid = n;
    a.type = db_str("QuotaExceeded");
    a.api = db_str("orders");
    a.handler = db_str("webhook");
    a.label = db_str("https://example.com/hook");
    a.state = db_str(state);
    a.attempt = 1;
    a.status = 200;
    a.time = DB_NOW + n * DB_SEC;
    a.duration = DB_SEC / 100;
    a.answer = db_str("thank you");

    return a;
}


ae_outbox_row_t
db_row(uint64_t uid, uint64_t event)
{
    ae_outbox_row_t  row;

    memset(&row, 0, sizeof(ae_outbox_row_t));

    row.uid = uid;
    row.event = db_id(event);
    row.endpoint = db_id(uid % 3);
    row.cooldown = db_id(uid + 1000);
    row.period = 60 * DB_SEC;
    row.due = DB_NOW + uid;
    row.suppressed = uid * 2;
    row.attempt = (uint32_t) uid % 10;
    row.held = uid % 2;

    return row;
}


ae_limit_record_t
db_counter(uint64_t id, uint64_t start, uint64_t count)
{
    ae_limit_record_t  r;

    memset(&r, 0, sizeof(ae_limit_record_t));

    r.id = db_id(id);
    r.mode = AE_LIMIT_QUOTA;
    r.align = AE_ALIGN_NONE;
    r.offset = -3600;
    r.mark = 500000;
    r.max = 1000;
    r.period = DB_DAY;
    r.start = start;
    r.count = count;

    return r;
}
