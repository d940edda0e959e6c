/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * minute: what happened at each API in the last minute.
 */


#ifndef _AE_MINUTE_H_INCLUDED_
#define _AE_MINUTE_H_INCLUDED_


#include "core/base/base.h"


/*
 * Shared, in AE_MINUTE_SIZE bytes that are zero at first; no locks.  Counts
 * are of periods of ten seconds, the one that runs and the five before.
 */

typedef struct ae_minute_s   ae_minute_t;

typedef enum {
    AE_MINUTE_REQUEST = 0,
    AE_MINUTE_THROTTLE,
    AE_MINUTE_QUOTA,
    AE_MINUTE_KEY,
    AE_MINUTE_UPSTREAM,     /* requests that one was asked for */
    AE_MINUTE_LATENCY,      /* ms of these */
    AE_MINUTE_MAX
} ae_minute_e;

#define AE_MINUTE_SIZE       (64 * 1024)

/* api: a hash of its id; time is monotonic.  What is of no room, after some
 * 150 APIs, is not counted */
void ae_minute_count(ae_minute_t *h, uint64_t api, const ae_now_t *now,
    ae_minute_e kind, uint64_t n);

/* the sums, and the seconds that they are of */
double ae_minute_read(const ae_minute_t *h, uint64_t api, const ae_now_t *now,
    uint64_t sums[AE_MINUTE_MAX]);


#endif /* _AE_MINUTE_H_INCLUDED_ */
