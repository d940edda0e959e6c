/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The inside of a table, for who looks at it most often (ae_limits_take.c).
 */


#ifndef _AE_TABLE_H_INCLUDED_
#define _AE_TABLE_H_INCLUDED_


#include "core/shared/ae_slots.h"
#include "core/shared/shared.h"


#define AE_TABLE_ALIGN       64

/* what ae_table_beside() moves from one half of an id to the other */

#define AE_TABLE_BESIDE      0x9e3779b97f4a7c15


/* links are the entry's number in its shard plus one, 0 ends a chain of what
 * its bucket has no room for */

typedef struct {
    ae_id_t                  id;
    uint32_t                 next;
    uint32_t                 state;
    uint64_t                 spare;         /* the data is aligned to 16 */
} ae_entry_t;


typedef struct {
    ae_lock_t                lock;
    uint32_t                 free;          /* list */
    uint32_t                 used;
    uint32_t                 hand;          /* of the sweep, from 0 */
} __attribute__((aligned(AE_TABLE_ALIGN))) ae_shard_t;


struct ae_table_s {
    uint32_t                 shards;
    uint32_t                 entries;       /* of each shard */
    uint32_t                 buckets;       /* as well */
    uint32_t                 mask;          /* of their links */
    size_t                   stride;        /* of an entry, with its data */
    size_t                   data_size;
    size_t                   buckets_offset;
    size_t                   entries_offset;
} __attribute__((aligned(AE_TABLE_ALIGN)));


/* of the id's hash as its bucket, see ae_table_beside() */

static inline uint32_t
ae_table_place(const ae_table_t *t, ae_id_t id)
{
    return (ae_slots_hash(id) >> 32) & (t->shards - 1);
}


static inline ae_shard_t *
ae_table_shard_at(const ae_table_t *t, uint32_t shard)
{
    return (ae_shard_t *) (t + 1) + shard;
}


static inline ae_slots_t *
ae_table_bucket(const ae_table_t *t, uint32_t shard, ae_id_t id)
{
    ae_slots_t  *buckets;

    buckets = (ae_slots_t *) ((char *) t + t->buckets_offset);

    return &buckets[(size_t) shard * t->buckets
                    + ae_slots_bucket(ae_slots_hash(id), t->buckets)];
}


static inline ae_entry_t *
ae_table_entry(const ae_table_t *t, uint32_t shard, uint32_t link)
{
    size_t  i;

    i = (size_t) shard * t->entries + link - 1;

    return (ae_entry_t *) ((char *) t + t->entries_offset + i * t->stride);
}


/* makes a shard whole again whose owner died */
void ae_table_recover(ae_table_t *t, uint32_t shard);


/* ae_table_lock() */

static inline void
ae_table_enter(ae_table_t *t, uint32_t shard)
{
    if (ae_lock(&ae_table_shard_at(t, shard)->lock) == AE_RECOVER) {
        ae_table_recover(t, shard);
    }
}


static inline void
ae_table_leave(ae_table_t *t, uint32_t shard)
{
    ae_unlock(&ae_table_shard_at(t, shard)->lock);
}


/* ae_table_find() in the id's shard, which is locked */

static inline void *
ae_table_look(const ae_table_t *t, uint32_t shard, ae_id_t id)
{
    uint32_t     i, link, tag;
    ae_entry_t  *e;
    ae_slots_t  *slots;

    slots = ae_table_bucket(t, shard, id);
    tag = ae_slots_tag(id, t->mask);

    for (i = 0; i < AE_SLOTS_CHAIN; i++) {
        link = ae_slots_link(slots->word[i], tag, t->mask);

        if (link != 0) {
            e = ae_table_entry(t, shard, link);

            if (ae_id_equal(e->id, id)) {
                return e + 1;
            }
        }
    }

    for (link = slots->word[i]; link != 0; link = e->next) {
        e = ae_table_entry(t, shard, link);

        if (ae_id_equal(e->id, id)) {
            return e + 1;
        }
    }

    return NULL;
}


#endif /* _AE_TABLE_H_INCLUDED_ */
