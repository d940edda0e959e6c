/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The shared part of limits and sequences: what ae_limits.c (memory, one id
 * at a time) and ae_limits_take.c (all limits of a request) both work at.
 */


#ifndef _AE_LIMITS_H_INCLUDED_
#define _AE_LIMITS_H_INCLUDED_


#include "core/shared/ae_limit.h"
#include "core/shared/ae_table.h"


#define AE_LIMITS_ALIGN      64
#define AE_LIMITS_FILTER     16             /* words */


/* guarded by the lock of the table's shard of the same number */

typedef struct {
    uint64_t                 undo;          /* offset of the state that is
                                               being changed, or 0 */
    ae_limit_state_t         old;           /* that it had */

    uint64_t                 floor;         /* of sequences that start */
    uint64_t                 overflows;
    ae_now_t                 seen;          /* when an entry was last made */

    ae_limit_state_t         shared[AE_LIMIT_MODES];
    uint64_t                 filter[AE_LIMITS_FILTER];
    uint32_t                 filtered;      /* it is not empty */
} __attribute__((aligned(AE_LIMITS_ALIGN))) ae_limits_shard_t;


struct ae_limits_s {
    uint32_t                 shards;
    uint32_t                 entries;
    size_t                   table_offset;
} __attribute__((aligned(AE_LIMITS_ALIGN)));


static inline ae_table_t *
ae_limits_table(const ae_limits_t *limits)
{
    return (ae_table_t *) ((char *) limits + limits->table_offset);
}


static inline ae_limits_shard_t *
ae_limits_shard(const ae_limits_t *limits, uint32_t shard)
{
    return (ae_limits_shard_t *) (limits + 1) + shard;
}


/* puts back what an owner that died was changing */
void ae_limits_undo(ae_limits_t *limits, ae_limits_shard_t *sh);


static inline ae_limits_shard_t *
ae_limits_lock(ae_limits_t *limits, uint32_t shard)
{
    ae_limits_shard_t  *sh;

    ae_table_enter(ae_limits_table(limits), shard);

    sh = ae_limits_shard(limits, shard);

    if (sh->undo != 0) {
        ae_limits_undo(limits, sh);
    }

    return sh;
}


static inline void
ae_limits_unlock(ae_limits_t *limits, uint32_t shard)
{
    ae_table_leave(ae_limits_table(limits), shard);
}


/* changes a state of a locked shard as a whole */
void ae_limits_store(ae_limits_t *limits, ae_limits_shard_t *sh,
    ae_limit_state_t *stored, const ae_limit_state_t *state);

/*
 * A zeroed entry that is not published yet, NULL when no room can be made
 * without one of keep[].
 */
ae_limit_state_t *ae_limits_make(ae_limits_t *limits, ae_id_t id,
    ae_limit_state_t **keep, size_t n, const ae_now_t *now);

/* the ids that were counted in the shared states, and possibly others */
int ae_limits_filtered(const ae_limits_shard_t *sh, ae_id_t id);
void ae_limits_filter(ae_limits_shard_t *sh, ae_id_t id);
void ae_limits_unfilter(ae_limits_shard_t *sh, const ae_now_t *now);


#endif /* _AE_LIMITS_H_INCLUDED_ */
