/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Counters in the embedded store.
 *
 * Several instances may count for one id, begin with what another one has, and
 * take over what is left of it, in any order: a binary upgrade, one that was
 * given up, one upon another.  So it is kept of each instance's count how much
 * of it was counted where (inherited), as far as it was counted by others.
 * Who takes from another one takes of each origin what it has not got yet;
 * the origin of what remains is the other one itself.  A count belongs to the
 * period that starts then: what is known of another period is no matter.
 */


#include <string.h>

#include "store/sqlite/sqlite_private.h"


#define AE_DB_ORIGINS        64             /* of one counter, see below */

#define AE_DB_COUNTER                                                         \
    "id, mode, align, offset, mark, max, period, start, count"


typedef struct {
    int64_t                  origin;
    uint64_t                 count;
} ae_db_share_t;


static int ae_db_counter_take(ae_db_t *db, int64_t from, int64_t instance,
    ae_id_t *after, ae_limit_record_t *list, size_t *n, int rest);
static int ae_db_counter_list(ae_db_t *db, int64_t from, ae_id_t *after,
    ae_limit_record_t *list, size_t *n);
static int ae_db_counter_get(ae_db_t *db, int64_t instance, ae_id_t id,
    ae_limit_record_t *r);
static int ae_db_counter_read(sqlite3_stmt *st, ae_limit_record_t *r);
static int ae_db_counter_one(ae_db_t *db, int64_t from, int64_t instance,
    ae_limit_record_t *r, int rest);
static int ae_db_shares(ae_db_t *db, int64_t instance,
    const ae_limit_record_t *r, ae_db_share_t *shares, size_t *n);
static int ae_db_share(ae_db_t *db, int64_t instance,
    const ae_limit_record_t *r, const ae_db_share_t *share, uint64_t *more);
static int ae_db_share_put(ae_db_t *db, int64_t instance,
    const ae_limit_record_t *r, const ae_db_share_t *share);
static int ae_db_counter_add(ae_db_t *db, int64_t instance,
    const ae_limit_record_t *r);
static int ae_db_counter_gone(ae_db_t *db, int64_t from, int64_t instance,
    ae_id_t id);
static int ae_db_counter_delete(ae_db_t *db, int64_t instance, ae_id_t id);
static int ae_db_shares_delete(ae_db_t *db, int64_t instance, ae_id_t id,
    uint64_t start);
static int ae_db_counter_look(ae_db_t *db, sqlite3_stmt *st, uint64_t wall,
    size_t n);
static int ae_db_counter_damaged(ae_db_t *db, sqlite3_stmt *row);
static int ae_db_counter_over(const ae_limit_record_t *r, uint64_t wall);


int
ae_db_counter_put(ae_db_t *db, int64_t instance, const ae_limit_record_t *r)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_COUNTER_PUT,
                         "INSERT OR REPLACE INTO counter (instance, "
                         AE_DB_COUNTER ")"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, r->id);

    (void) sqlite3_bind_int64(st, 1, instance);
    ae_db_bind_id(st, 2, id);
    ae_db_bind_int(st, 3, r->mode);
    ae_db_bind_int(st, 4, r->align);
    (void) sqlite3_bind_int64(st, 5, r->offset);
    ae_db_bind_int(st, 6, r->mark);
    ae_db_bind_int(st, 7, r->max);
    ae_db_bind_int(st, 8, r->period);
    ae_db_bind_int(st, 9, r->start);
    ae_db_bind_int(st, 10, r->count);

    return ae_db_run(db, st);
}


int
ae_db_counter_inherit(ae_db_t *db, int64_t from, int64_t instance,
    ae_id_t *after, ae_limit_record_t *list, size_t *n)
{
    return ae_db_counter_take(db, from, instance, after, list, n, 0);
}


int
ae_db_counter_rest(ae_db_t *db, int64_t from, int64_t instance,
    ae_id_t *after, ae_limit_record_t *list, size_t *n)
{
    return ae_db_counter_take(db, from, instance, after, list, n, 1);
}


static int
ae_db_counter_take(ae_db_t *db, int64_t from, int64_t instance,
    ae_id_t *after, ae_limit_record_t *list, size_t *n, int rest)
{
    int     rc, own;
    size_t  i;

    rc = ae_db_enter(db, &own);

    if (rc != AE_OK) {
        *n = 0;
        return rc;
    }

    rc = ae_db_counter_list(db, from, after, list, n);

    for (i = 0; i < *n && rc == AE_OK; i++) {
        rc = ae_db_counter_one(db, from, instance, &list[i], rest);
    }

    return ae_db_leave(db, own, rc);
}


/* damaged rows are left out; one that is the last of a full page ends it */

static int
ae_db_counter_list(ae_db_t *db, int64_t from, ae_id_t *after,
    ae_limit_record_t *list, size_t *n)
{
    int             rc;
    size_t          max;
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    max = *n;
    *n = 0;

    st = ae_db_statement(db, AE_DB_COUNTER_LIST,
                         "SELECT " AE_DB_COUNTER " FROM counter"
                         " WHERE instance = ? AND id > ? ORDER BY id");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, *after);

    (void) sqlite3_bind_int64(st, 1, from);
    ae_db_bind_id(st, 2, id);

    while (*n < max) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        if (ae_db_counter_read(st, &list[*n]) == AE_OK) {
            *after = list[(*n)++].id;
        }
    }

    (void) sqlite3_reset(st);

    return AE_OK;
}


static int
ae_db_counter_read(sqlite3_stmt *st, ae_limit_record_t *r)
{
    int64_t   offset;
    uint32_t  mode, align;

    memset(r, 0, sizeof(ae_limit_record_t));

    offset = sqlite3_column_int64(st, 3);

    if (ae_db_get_id(st, 0, &r->id) != AE_OK
        || ae_db_get_uint32(st, 1, &mode) != AE_OK || mode >= AE_LIMIT_MODES
        || ae_db_get_uint32(st, 2, &align) != AE_OK || align > AE_ALIGN_MONTH
        || ae_db_get_uint32(st, 4, &r->mark) != AE_OK
        || offset < INT32_MIN || offset > INT32_MAX)
    {
        return AE_ERROR;
    }

    r->mode = mode;
    r->align = align;
    r->offset = (int32_t) offset;
    r->max = ae_db_get_int(st, 5);
    r->period = ae_db_get_int(st, 6);
    r->start = ae_db_get_int(st, 7);
    r->count = ae_db_get_int(st, 8);

    return AE_OK;
}


static int
ae_db_counter_get(ae_db_t *db, int64_t instance, ae_id_t id,
    ae_limit_record_t *r)
{
    int             rc;
    sqlite3_stmt   *st;
    unsigned char   key[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_COUNTER_GET,
                         "SELECT " AE_DB_COUNTER " FROM counter"
                         " WHERE instance = ? AND id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(key, id);

    (void) sqlite3_bind_int64(st, 1, instance);
    ae_db_bind_id(st, 2, key);

    rc = ae_db_row(db, st);

    if (rc == AE_OK) {
        rc = (ae_db_counter_read(st, r) == AE_OK) ? AE_OK : AE_DECLINED;
        (void) sqlite3_reset(st);
    }

    return rc;
}


/* r: of the other one at first, then what the instance is given of it */

static int
ae_db_counter_one(ae_db_t *db, int64_t from, int64_t instance,
    ae_limit_record_t *r, int rest)
{
    int            rc;
    size_t         i, n;
    uint64_t       known, more;
    ae_db_share_t  shares[AE_DB_ORIGINS + 1];

    n = AE_DB_ORIGINS;
    rc = ae_db_shares(db, from, r, shares, &n);

    known = 0;

    for (i = 0; i < n; i++) {
        known += shares[i].count;
    }

    shares[n].origin = from;
    shares[n++].count = (r->count > known) ? r->count - known : 0;

    more = 0;

    for (i = 0; i < n && rc == AE_OK; i++) {

        if (shares[i].origin != instance) {
            rc = ae_db_share(db, instance, r, &shares[i], &more);
        }
    }

    r->count = more;

    if (rc == AE_OK) {
        rc = ae_db_counter_add(db, instance, r);
    }

    if (rc == AE_OK && rest) {
        rc = ae_db_counter_gone(db, from, instance, r->id);
    }

    return rc;
}


/* more origins than there are places for, in one period, count as its own:
 * too much rather than too little */

static int
ae_db_shares(ae_db_t *db, int64_t instance, const ae_limit_record_t *r,
    ae_db_share_t *shares, size_t *n)
{
    int             rc;
    size_t          max;
    uint64_t        left;
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    max = *n;
    *n = 0;

    st = ae_db_statement(db, AE_DB_INHERITED_LIST,
                         "SELECT origin, count FROM inherited"
                         " WHERE id = ? AND instance = ? AND start = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, r->id);

    ae_db_bind_id(st, 1, id);
    (void) sqlite3_bind_int64(st, 2, instance);
    ae_db_bind_int(st, 3, r->start);

    left = r->count;

    while (*n < max) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        shares[*n].origin = sqlite3_column_int64(st, 0);
        shares[*n].count = ae_db_get_int(st, 1);

        /* some of it was given back since then */

        if (shares[*n].count > left) {
            shares[*n].count = left;
        }

        left -= shares[(*n)++].count;
    }

    (void) sqlite3_reset(st);

    return AE_OK;
}


static int
ae_db_share(ae_db_t *db, int64_t instance, const ae_limit_record_t *r,
    const ae_db_share_t *share, uint64_t *more)
{
    int             rc;
    uint64_t        have;
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_INHERITED_GET,
                         "SELECT count FROM inherited WHERE id = ?"
                         " AND instance = ? AND origin = ? AND start = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, r->id);

    ae_db_bind_id(st, 1, id);
    (void) sqlite3_bind_int64(st, 2, instance);
    (void) sqlite3_bind_int64(st, 3, share->origin);
    ae_db_bind_int(st, 4, r->start);

    have = 0;
    rc = ae_db_row(db, st);

    if (rc == AE_OK) {
        have = ae_db_get_int(st, 0);
        (void) sqlite3_reset(st);
    }

    if (rc == AE_ERROR || share->count <= have) {
        return (rc == AE_ERROR) ? rc : AE_OK;
    }

    *more += share->count - have;

    return ae_db_share_put(db, instance, r, share);
}


static int
ae_db_share_put(ae_db_t *db, int64_t instance, const ae_limit_record_t *r,
    const ae_db_share_t *share)
{
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_INHERITED_PUT,
                         "INSERT OR REPLACE INTO inherited VALUES"
                         " (?, ?, ?, ?, ?)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(id, r->id);

    ae_db_bind_id(st, 1, id);
    (void) sqlite3_bind_int64(st, 2, instance);
    (void) sqlite3_bind_int64(st, 3, share->origin);
    ae_db_bind_int(st, 4, r->start);
    ae_db_bind_int(st, 5, share->count);

    return ae_db_run(db, st);
}


/* as the instance's memory is going to have it */

static int
ae_db_counter_add(ae_db_t *db, int64_t instance, const ae_limit_record_t *r)
{
    int                rc;
    ae_limit_record_t  sum, own;

    sum = *r;
    rc = ae_db_counter_get(db, instance, r->id, &own);

    if (rc == AE_ERROR) {
        return rc;
    }

    if (rc == AE_OK) {

        if (own.start > r->start) {
            return AE_OK;
        }

        if (own.start == r->start && own.mode == r->mode) {
            sum.count += own.count;
            sum.mark = (own.mark > r->mark) ? own.mark : r->mark;
        }
    }

    return ae_db_counter_put(db, instance, &sum);
}


/*
 * Nothing of it is left to be taken.  What came from an instance that is no
 * more, and that nobody else has a share of either, is the heir's own now.
 */

static int
ae_db_counter_gone(ae_db_t *db, int64_t from, int64_t instance, ae_id_t id)
{
    sqlite3_stmt   *st;
    unsigned char   key[AE_DB_ID];

    if (ae_db_counter_delete(db, from, id) != AE_OK) {
        return AE_ERROR;
    }

    st = ae_db_statement(db, AE_DB_INHERITED_OWN,
                         "DELETE FROM inherited WHERE id = ?1"
                         " AND instance = ?2"
                         " AND (origin = ?3 OR origin NOT IN"
                         "  (SELECT id FROM instance))"
                         " AND origin NOT IN (SELECT i.origin"
                         "  FROM inherited i WHERE i.id = ?1"
                         "  AND i.instance <> ?2)");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(key, id);

    ae_db_bind_id(st, 1, key);
    (void) sqlite3_bind_int64(st, 2, instance);
    (void) sqlite3_bind_int64(st, 3, from);

    return ae_db_run(db, st);
}


/* with what is known of its origins */

static int
ae_db_counter_delete(ae_db_t *db, int64_t instance, ae_id_t id)
{
    sqlite3_stmt   *st;
    unsigned char   key[AE_DB_ID];

    if (ae_db_shares_delete(db, instance, id, UINT64_MAX) != AE_OK) {
        return AE_ERROR;
    }

    st = ae_db_statement(db, AE_DB_COUNTER_DELETE,
                         "DELETE FROM counter WHERE instance = ?"
                         " AND id = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(key, id);

    (void) sqlite3_bind_int64(st, 1, instance);
    ae_db_bind_id(st, 2, key);

    return ae_db_run(db, st);
}


/* those of other periods than the one that starts then */

static int
ae_db_shares_delete(ae_db_t *db, int64_t instance, ae_id_t id, uint64_t start)
{
    sqlite3_stmt   *st;
    unsigned char   key[AE_DB_ID];

    st = ae_db_statement(db, AE_DB_INHERITED_DELETE,
                         "DELETE FROM inherited WHERE id = ?"
                         " AND instance = ? AND start <> ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    ae_db_id_write(key, id);

    ae_db_bind_id(st, 1, key);
    (void) sqlite3_bind_int64(st, 2, instance);
    ae_db_bind_int(st, 3, start);

    return ae_db_run(db, st);
}


/* ---- counters whose period is over ---- */

int
ae_db_counter_expire(ae_db_t *db, uint64_t wall, size_t n)
{
    int             rc, own;
    sqlite3_stmt   *st;
    unsigned char   id[AE_DB_ID];

    rc = ae_db_enter(db, &own);

    if (rc != AE_OK) {
        return rc;
    }

    st = ae_db_statement(db, AE_DB_COUNTER_LOOK,
                         "SELECT " AE_DB_COUNTER ", instance FROM counter"
                         " WHERE (instance, id) > (?, ?)"
                         " ORDER BY instance, id");
    rc = AE_ERROR;

    if (st != NULL) {
        ae_db_id_write(id, db->expired_id);

        (void) sqlite3_bind_int64(st, 1, db->expired);
        ae_db_bind_id(st, 2, id);

        rc = ae_db_counter_look(db, st, wall, n);
    }

    return ae_db_leave(db, own, rc);
}


/* a row may be deleted while it is looked at */

static int
ae_db_counter_look(ae_db_t *db, sqlite3_stmt *st, uint64_t wall, size_t n)
{
    int                rc;
    int64_t            instance;
    ae_limit_record_t  r;

    rc = AE_OK;

    while (n-- > 0) {
        rc = ae_db_row(db, st);

        if (rc != AE_OK) {
            db->expired = 0;
            db->expired_id = (ae_id_t) { { 0, 0 } };

            return (rc == AE_DECLINED) ? AE_OK : AE_ERROR;
        }

        if (ae_db_counter_read(st, &r) != AE_OK) {
            rc = ae_db_counter_damaged(db, st);

        } else {
            instance = sqlite3_column_int64(st, 9);

            rc = ae_db_counter_over(&r, wall)
                 ? ae_db_counter_delete(db, instance, r.id)
                 : ae_db_shares_delete(db, instance, r.id, r.start);

            db->expired = instance;
            db->expired_id = r.id;
        }

        if (rc != AE_OK) {
            break;
        }
    }

    (void) sqlite3_reset(st);

    return (rc == AE_OK) ? AE_AGAIN : rc;
}


static int
ae_db_counter_damaged(ae_db_t *db, sqlite3_stmt *row)
{
    sqlite3_stmt  *st;

    st = ae_db_statement(db, AE_DB_COUNTER_DAMAGED,
                         "DELETE FROM counter WHERE id = ?"
                         " AND instance = ?");
    if (st == NULL) {
        return AE_ERROR;
    }

    (void) sqlite3_bind_value(st, 1, sqlite3_column_value(row, 0));
    (void) sqlite3_bind_value(st, 2, sqlite3_column_value(row, 9));

    return ae_db_run(db, st);
}


static int
ae_db_counter_over(const ae_limit_record_t *r, uint64_t wall)
{
    return r->period != 0 && wall >= r->start && wall - r->start >= r->period;
}
