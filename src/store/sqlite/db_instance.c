/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Whose the rows of the embedded store are, and the secret of its ids.
 */


#include <string.h>

#include "store/sqlite/sqlite_private.h"


static int ae_db_changed(ae_db_t *db, sqlite3_stmt *st);
static int ae_db_secret_put(ae_db_t *db, const unsigned char *secret);
static int ae_db_secret_get(ae_db_t *db, unsigned char *secret);


/* AE_DECLINED: there was nothing to change */

static int
ae_db_changed(ae_db_t *db, sqlite3_stmt *st)
{
    int  rc;

    rc = ae_db_run(db, st);

    return (rc == AE_OK && sqlite3_changes(db->sql) == 0) ? AE_DECLINED : rc;
}


int
ae_db_instance(ae_db_t *db, ae_id_t zone, uint64_t wall, uint64_t lease,
    int64_t *id)
{
    int             rc;
    sqlite3_stmt   *st;
    unsigned char   name[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_INSTANCE_PUT,
                         "INSERT INTO instance (zone, until) VALUES (?, ?)"
                         " ON CONFLICT (zone) DO UPDATE SET"
                         " until = excluded.until RETURNING id");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(name, zone);

    ae_db_bind_id(st, 1, name);
    ae_db_bind_int(st, 2, wall + lease);

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return AE_ERROR;
    }

    *id = sqlite3_column_int64(st, 0);

    /* it is written when the statement has come to its end */

    return (ae_db_row(db, st) == AE_DECLINED) ? AE_OK : AE_ERROR;
}


int
ae_db_renew(ae_db_t *db, int64_t id, uint64_t until)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_INSTANCE_RENEW,
                         "UPDATE instance SET until = ? WHERE id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_int(st, 1, until);
    (void) sqlite3_bind_int64(st, 2, id);

    return ae_db_changed(db, st);
}


int
ae_db_instance_free(ae_db_t *db, uint64_t wall, int64_t *id)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_INSTANCE_FREE,
                         "SELECT id FROM instance WHERE id > ?"
                         " AND (until <= ? OR until > ?)"
                         " ORDER BY id LIMIT 1");
    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, *id);
    ae_db_bind_int(st, 2, wall);
    ae_db_bind_int(st, 3, (wall < INT64_MAX - AE_DB_LEASE)
                          ? wall + AE_DB_LEASE : INT64_MAX);

    rc = ae_db_row(db, st);

    if (rc == AE_OK) {
        *id = sqlite3_column_int64(st, 0);
        (void) sqlite3_reset(st);
    }

    return rc;
}


int
ae_db_instance_drop(ae_db_t *db, int64_t id)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_INSTANCE_DROP,
                         "DELETE FROM instance WHERE id = ?1"
                         " AND NOT EXISTS (SELECT 1 FROM outbox"
                         "  WHERE instance = ?1)"
                         " AND NOT EXISTS (SELECT 1 FROM unrouted"
                         "  WHERE instance = ?1)"
                         " AND NOT EXISTS (SELECT 1 FROM counter"
                         "  WHERE instance = ?1)");
    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_int64(st, 1, id);

    return ae_db_changed(db, st);
}


int
ae_db_secret(ae_db_t *db, unsigned char secret[16])
{
    int  rc;

    rc = ae_db_secret_put(db, secret);

    return (rc == AE_DECLINED) ? ae_db_secret_get(db, secret) : rc;
}


static int
ae_db_secret_put(ae_db_t *db, const unsigned char *secret)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_SECRET_PUT,
                         "INSERT INTO setting VALUES ('secret', ?)"
                         " ON CONFLICT DO NOTHING");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_bind_id(st, 1, secret);

    return ae_db_changed(db, st);
}


static int
ae_db_secret_get(ae_db_t *db, unsigned char *secret)
{
    int            rc;
    const void    *p;
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_SECRET_GET,
                         "SELECT value FROM setting WHERE name = 'secret'");
    if (st == NULL) {
        return AE_ERROR;
    }

    rc = ae_db_row(db, st);

    if (rc != AE_OK) {
        return (rc == AE_DECLINED) ? ae_db_fail_row(db) : rc;
    }

    p = sqlite3_column_blob(st, 0);

    if (p != NULL && sqlite3_column_bytes(st, 0) == AE_DB_ID) {
        memcpy(secret, p, AE_DB_ID);
        rc = AE_DECLINED;

    } else {
        rc = ae_db_fail_row(db);
    }

    (void) sqlite3_reset(st);

    return rc;
}
