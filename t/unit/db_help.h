/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Files of the embedded store for tests, each test in a folder of its own.
 */


#ifndef _DB_HELP_H_INCLUDED_
#define _DB_HELP_H_INCLUDED_


#include <stdint.h>

#include "store/sqlite/sqlite.h"


#define DB_SEC               1000000000ull
#define DB_DAY               (86400 * DB_SEC)
#define DB_NOW               (1700000000 * DB_SEC)


/* setup and teardown of a test: an empty folder */
int db_setup(void **state);
int db_teardown(void **state);

/* a file in the folder; valid until the fourth next call */
const char *db_path(const char *name);

/* the store "db" in the folder, opened without an error */
ae_db_t *db_open(void);
ae_db_t *db_open_as(const char *path, const char *vfs);

/* runs SQL on a file beside the store; sql without a result, or one number */
void db_exec(const char *path, const char *sql);
int64_t db_number(const char *path, const char *sql);

/* the file as bytes, to be freed */
unsigned char *db_slurp(const char *path, size_t *len);
void db_write(const char *path, const void *bytes, size_t len);
int db_exists(const char *path);

ae_id_t db_id(uint64_t n);
ae_str_t db_str(const char *s);

/* the event of id n, and puts it */
void db_event(ae_db_t *db, uint64_t n, uint64_t time);

/* an attempt at event n */
ae_db_attempt_t db_attempt(uint64_t n, uint64_t endpoint, const char *state);

/* a pending delivery of event n */
ae_outbox_row_t db_row(uint64_t uid, uint64_t event);

ae_limit_record_t db_counter(uint64_t id, uint64_t start, uint64_t count);


#endif /* _DB_HELP_H_INCLUDED_ */
