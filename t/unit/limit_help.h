/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the tests of limits share: a zone, a moment, and one use at a time.
 */


#ifndef _LIMIT_HELP_H_INCLUDED_
#define _LIMIT_HELP_H_INCLUDED_


#include <stdlib.h>
#include <string.h>

#include "core/shared/ae_limits.h"


#define SEC                  1000000000ull
#define LIMITS_SIZE          (256 * 1024)

/* a zone of one shard with so many entries */

#define LIMITS_SMALL(n)                                                       \
    (64 + sizeof(ae_limits_shard_t) + 64 + 64 + ((n) + 7) / 8 * 32            \
     + (n) * (32 + 48))


static ae_now_t  now;


/* what passes, by both clocks */

static inline void
pass(uint64_t ns)
{
    now.mono += ns;
    now.wall += ns;
}


/* to be freed; now is some moment of 2024 */

static inline ae_limits_t *
limits_new(size_t size)
{
    void  *mem;

    now.mono = 1000 * SEC;
    now.wall = 1704067200 * SEC;

    mem = aligned_alloc(64, (size + 63) / 64 * 64);

    if (mem == NULL) {
        abort();
    }

    memset(mem, 0, size);

    return ae_limits_init(mem, size);
}


static inline ae_limit_use_t
limits_use(uint64_t key, ae_limit_mode_e mode, uint64_t max, uint64_t period,
    uint64_t burst)
{
    ae_limit_use_t  use;

    memset(&use, 0xa5, sizeof(use));

    use.id = (ae_id_t) { { key * 0x9e3779b97f4a7c15, key } };
    use.rule.mode = mode;
    use.rule.max = max;
    use.rule.period = period;
    use.rule.burst = burst;
    use.rule.align = AE_ALIGN_NONE;
    use.rule.offset = 0;

    return use;
}


static inline int
take(ae_limits_t *limits, ae_limit_use_t *use)
{
    size_t  refused;

    return ae_limits_take(limits, use, 1, &now, &refused);
}


/* how many pass at this moment, up to 10000 */

static inline uint64_t
take_many(ae_limits_t *limits, ae_limit_use_t *use)
{
    uint64_t  n;

    for (n = 0; n < 10000 && take(limits, use) == AE_OK; n++) {
        /* void */
    }

    return n;
}


static inline uint64_t
left(ae_limits_t *limits, ae_limit_use_t *use)
{
    ae_limits_peek(limits, use, &now);

    return use->remaining;
}


#endif /* _LIMIT_HELP_H_INCLUDED_ */
