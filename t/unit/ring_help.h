/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the tests of the ring have in common.
 */


#ifndef _RING_HELP_H_INCLUDED_
#define _RING_HELP_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/shared/shared.h"
#include "random.h"
#include "step.h"


#define RING_SIZE            8192
#define RING_HEAD            16             /* bytes before a record */


static inline void
ring_put(ae_ring_t *ring, size_t len, int c)
{
    void  *p;

    p = ae_ring_reserve(ring, len);
    assert_non_null(p);

    memset(p, c, len);
    ae_ring_commit(ring);
}


static inline void
ring_get(ae_ring_t *ring, size_t len, int c, uint64_t number)
{
    size_t    i;
    uint64_t  n;
    ae_str_t  rec;

    assert_int_equal(ae_ring_peek(ring, &rec, &n), AE_OK);
    assert_int_equal(n, number);
    assert_int_equal(rec.len, len);

    for (i = 0; i < len; i++) {
        assert_int_equal(rec.data[i], (unsigned char) c);
    }

    ae_ring_release(ring);
}


/* checks the equation that holds at every moment */

static inline ae_ring_stat_t
ring_stat(const ae_ring_t *ring)
{
    uint32_t        i;
    uint64_t        dropped;
    ae_ring_stat_t  st;

    memset(&st, 0, sizeof(st));
    ae_ring_stat(ring, &st);

    dropped = 0;

    for (i = 0; i < AE_DROP_MAX; i++) {
        dropped += st.dropped[i];
    }

    if (st.raised != dropped + st.waiting + st.routed
        || st.waiting > st.raised || st.routed > st.raised)
    {
        fprintf(stderr, "raised %lu dropped %lu waiting %lu routed %lu\n",
                (unsigned long) st.raised, (unsigned long) dropped,
                (unsigned long) st.waiting, (unsigned long) st.routed);
        abort();
    }

    return st;
}


/* the n-th of records of 100 bytes that were put at once in a new ring */

static inline unsigned char *
ring_record(ae_ring_t *ring, int n)
{
    uint64_t  number;
    ae_str_t  rec;

    assert_int_equal(ae_ring_peek(ring, &rec, &number), AE_OK);

    return rec.data + (n - (int) number) * 128;
}


#endif /* _RING_HELP_H_INCLUDED_ */
