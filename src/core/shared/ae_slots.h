/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A bucket of a shared index.  Memory that is asked at random is waited for at
 * each step, so a bucket is not just the head of a chain: it names up to seven
 * entries, each by its link and as much of a tag as there is room for beside
 * that.  An entry that has the tag is, as a rule, the one that is meant.  What
 * finds no room is chained from the bucket's last word.
 */


#ifndef _AE_SLOTS_H_INCLUDED_
#define _AE_SLOTS_H_INCLUDED_


#include "core/base/base.h"


#define AE_SLOTS             8
#define AE_SLOTS_CHAIN       (AE_SLOTS - 1)


/* in one line of the cache; links are from 1, the word of an empty slot is 0,
 * the last word and those of the chain have no tag */

typedef struct {
    uint32_t                 word[AE_SLOTS];
} __attribute__((aligned(32))) ae_slots_t;


/* the bits of a word that hold a link, of links up to n */

static inline uint32_t
ae_slots_mask(uint32_t n)
{
    return UINT32_MAX >> __builtin_clz(n);
}


/*
 * Ids are hashes already; mixing them costs little and keeps a caller with a
 * poor one from putting everything into one place.  The place and the tag are
 * those of the sum of the id's halves, but for a bit of the tag: ids that lie
 * together (ae_table_beside()) differ in that alone.
 */

#define AE_SLOTS_BESIDE      ((uint32_t) 1 << 31)


static inline uint64_t
ae_slots_hash(ae_id_t id)
{
    return (id.h[0] + id.h[1]) * 0x9e3779b97f4a7c15;
}


static inline uint32_t
ae_slots_bucket(uint64_t hash, uint32_t buckets)
{
    return ((hash >> 32) * buckets) >> 32;
}


static inline uint32_t
ae_slots_tag(ae_id_t id, uint32_t mask)
{
    return ((uint32_t) ae_slots_hash(id) >> 1 | (uint32_t) id.h[0] << 31)
           & ~mask;
}


/* the link that word holds, 0: none of this tag */

static inline uint32_t
ae_slots_link(uint32_t word, uint32_t tag, uint32_t mask)
{
    word ^= tag;

    return (word <= mask) ? word : 0;
}


/* an empty slot, or the chain */

static inline uint32_t *
ae_slots_room(ae_slots_t *slots)
{
    uint32_t  i;

    for (i = 0; i < AE_SLOTS_CHAIN && slots->word[i] != 0; i++) {
        /* void */
    }

    return &slots->word[i];
}


/* the slot of a link, or the chain, which then it is in */

static inline uint32_t *
ae_slots_place(ae_slots_t *slots, uint32_t link, uint32_t tag)
{
    uint32_t  i;

    for (i = 0; i < AE_SLOTS_CHAIN && slots->word[i] != (link | tag); i++) {
        /* void */
    }

    return &slots->word[i];
}


#define ae_slots_chained(slots, place)                                        \
    ((place) == &(slots)->word[AE_SLOTS_CHAIN])


#endif /* _AE_SLOTS_H_INCLUDED_ */
