/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What those who look for sessions (ae_sessions.c) and those who change them
 * (ae_sessions_put.c) both know.
 */


#ifndef _AE_SESSIONS_H_INCLUDED_
#define _AE_SESSIONS_H_INCLUDED_


#include "core/shared/ae_blocks.h"
#include "core/shared/ae_slots.h"


#define AE_SESSIONS_ALIGN    64


typedef enum {
    AE_SESSION_BY_ID = 0,
    AE_SESSION_BY_KEY_ID,
    AE_SESSION_INDEXES
} ae_session_index_e;


/*
 * In the head's data, its record and then its text behind it.  What a lookup
 * needs is in one line with the block's words.
 */

typedef struct {
    ae_id_t                  id[AE_SESSION_INDEXES];
    uint64_t                 version;
    uint32_t                 next[AE_SESSION_INDEXES];
    uint32_t                 len;
    uint16_t                 source;
    uint16_t                 record;        /* its length */

    uint16_t                 scope;         /* of the file that has it; 0 */
    uint16_t                 named;         /* its credential's id is known */
    uint32_t                 load;          /* in which it was put last */
} ae_session_t;


struct ae_sessions_s {
    uint64_t                 seq;           /* odd: indexes are changing */
    uint32_t                 buckets;       /* of each index, behind this */
    uint32_t                 mask;          /* of their links */
    ae_blocks_t              blocks;

    ae_lock_t                lock __attribute__((aligned(AE_SESSIONS_ALIGN)));
    uint64_t                 version;       /* the last one given */
    uint32_t                 sessions;
    uint32_t                 load;          /* number of the last one begun */
    uint32_t                 scope;         /* of that */
    uint32_t                 loading;
} __attribute__((aligned(AE_SESSIONS_ALIGN)));


static inline ae_slots_t *
ae_sessions_bucket(const ae_sessions_t *ss, ae_session_index_e index,
    ae_id_t id)
{
    return (ae_slots_t *) (ss + 1) + (size_t) index * ss->buckets
           + ae_slots_bucket(ae_slots_hash(id), ss->buckets);
}


static inline ae_session_t *
ae_sessions_at(const ae_sessions_t *ss, uint32_t head)
{
    return (ae_session_t *) ae_blocks_at(&ss->blocks, head)->data;
}


/*
 * The head by one index, 0: there is none.  A chain that is changed meanwhile
 * may lead anywhere, but no further than seq, that of the sessions, stands.
 */

static inline uint32_t ae_sessions_look(const ae_sessions_t *ss,
    ae_session_index_e index, ae_id_t id, uint64_t seq) ae_often;

static inline uint32_t
ae_sessions_look(const ae_sessions_t *ss, ae_session_index_e index, ae_id_t id,
    uint64_t seq)
{
    uint32_t       i, head, tag;
    ae_slots_t    *slots;
    ae_session_t  *s;

    slots = ae_sessions_bucket(ss, index, id);
    tag = ae_slots_tag(id, ss->mask);

    for (i = 0; i < AE_SLOTS_CHAIN; i++) {
        head = ae_slots_link(__atomic_load_n(&slots->word[i],
                                             __ATOMIC_ACQUIRE),
                             tag, ss->mask);

        if (head == 0 || head > ss->blocks.total) {
            continue;
        }

        s = ae_sessions_at(ss, head);

        /* the record's lines, on their way while the first one is */

        __builtin_prefetch((char *) s + AE_SESSIONS_ALIGN);
        __builtin_prefetch((char *) s + 2 * AE_SESSIONS_ALIGN);

        if (ae_id_equal(s->id[index], id)) {
            return head;
        }
    }

    head = __atomic_load_n(&slots->word[i], __ATOMIC_ACQUIRE);

    while (head != 0 && head <= ss->blocks.total
           && __atomic_load_n(&ss->seq, __ATOMIC_RELAXED) == seq)
    {
        s = ae_sessions_at(ss, head);

        if (ae_id_equal(s->id[index], id)) {
            return head;
        }

        head = __atomic_load_n(&s->next[index], __ATOMIC_ACQUIRE);
    }

    return 0;
}


/* blocks that so many bytes of record and text take */
uint32_t ae_sessions_blocks(size_t len);

/* that, for who is in no hurry */
uint32_t ae_sessions_head(const ae_sessions_t *ss, ae_session_index_e index,
    ae_id_t id, uint64_t seq);

/* AE_OK or AE_DECLINED; seq: that of the sessions, or it ends early */
int ae_sessions_walk(const ae_sessions_t *ss, ae_id_t id, uint64_t seq,
    ae_session_ref_t *ref, uint32_t *head) ae_often;

/* makes good what a dead owner left; rebuild: that alone, locked */
void ae_sessions_lock(ae_sessions_t *ss);
void ae_sessions_rebuild(ae_sessions_t *ss);


#endif /* _AE_SESSIONS_H_INCLUDED_ */
