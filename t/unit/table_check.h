/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Whether every entry of a shared table is reachable once or free once.
 */


#ifndef _TABLE_CHECK_H_INCLUDED_
#define _TABLE_CHECK_H_INCLUDED_


#include <stdlib.h>

#include "core/shared/shared.h"


typedef struct {
    ae_table_t              *table;
    uint32_t                 seen;
    uint32_t                 wrong;
    int                    (*data_ok)(const void *data);    /* or NULL */
} table_check_t;


static inline int
table_check_entry(void *data, void *ctx)
{
    table_check_t *check = ctx;

    check->seen++;

    if (ae_table_find(check->table, ae_table_id(data)) != data
        || (check->data_ok != NULL && !check->data_ok(data)))
    {
        check->wrong++;
    }

    return 0;
}


/*
 * Asks each entry in use for itself, then takes all free ones and gives them
 * back.  alone: nobody else works at the table.  NULL, or what is wrong.
 */

static inline const char *
table_check(ae_table_t *t, uint32_t shards, uint32_t entries,
    int (*data_ok)(const void *data), int alone)
{
    void           **data;
    ae_id_t          id;
    uint32_t         i, shard, n, total, used;
    table_check_t    check;

    total = 0;
    used = 0;
    data = calloc(entries / shards + 1, sizeof(void *));

    if (data == NULL) {
        return "no memory";
    }

    for (shard = 0; shard < shards; shard++) {
        ae_table_lock(t, shard);

        check.table = t;
        check.seen = 0;
        check.wrong = 0;
        check.data_ok = data_ok;

        ae_table_sweep(t, shard, entries, table_check_entry, &check);

        for (i = 0; /* void */ ; i++) {
            id = (ae_id_t) { { i, UINT64_MAX } };

            if (ae_table_shard(t, id) == shard) {
                break;
            }
        }

        for (n = 0; n <= entries / shards; n++) {
            data[n] = ae_table_insert(t, id);

            if (data[n] == NULL) {
                break;
            }
        }

        total += check.seen + n;
        used += check.seen;

        for (i = 0; i < n; i++) {
            ae_table_remove(t, data[i]);
        }

        ae_table_unlock(t, shard);

        if (check.wrong != 0) {
            free(data);
            return "an entry in use is not found";
        }
    }

    free(data);

    if (total != entries) {
        return "entries are lost or there twice";
    }

    if (alone && used != ae_table_used(t)) {
        return "the count is wrong";
    }

    return NULL;
}


#endif /* _TABLE_CHECK_H_INCLUDED_ */
