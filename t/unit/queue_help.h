/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the tests of the delivery queue have in common.
 */


#ifndef _QUEUE_HELP_H_INCLUDED_
#define _QUEUE_HELP_H_INCLUDED_


#include "queue_check.h"


#define QUEUE_SIZE           (512 * 1024)


static ae_now_t  now = { 1000, 1000 };


static inline ae_queue_t *
queue_new(size_t size)
{
    void        *p;
    ae_queue_t  *q;

    p = aligned_alloc(64, size);
    memset(p, 0, size);

    q = ae_queue_init(p, size);

    if (q == NULL) {
        free(p);
    }

    return q;
}


static inline void
queue_free(ae_queue_t *q)
{
    queue_check(q);
    free(q);
}


static inline uint32_t
queue_endpoint(ae_queue_t *q, uint64_t id, uint32_t concurrency,
    uint32_t bound)
{
    return ae_queue_endpoint(q, (ae_id_t) { { id, ~id } }, concurrency, bound);
}


/* an event for one endpoint, whose record is its number over and over */

static inline int
queue_put_len(ae_queue_t *q, uint32_t ep, uint64_t number, size_t len)
{
    int                rc;
    ae_str_t           record;
    ae_queue_target_t  target;

    memset(&target, 0, sizeof(target));
    target.endpoint = ep;

    record.len = len;
    record.data = malloc(len + 1);
    memset(record.data, (int) number, len);

    rc = ae_queue_route(q, 0, number, record, &target, 1, &now);

    free(record.data);

    return (rc == AE_OK) ? target.result : rc;
}


static inline int
queue_put(ae_queue_t *q, uint32_t ep, uint64_t number)
{
    return queue_put_len(q, ep, number, 10 + number % 600);
}


static inline void
queue_take(ae_queue_t *q, uint32_t ep, uint32_t slot, uint64_t number,
    ae_lease_t *lease)
{
    size_t          i;
    unsigned char  *buf;

    assert_int_equal(ae_queue_take(q, ep, slot, &now, lease), AE_OK);

    buf = malloc(lease->len + 1);
    assert_int_equal(ae_queue_read(q, lease, buf), AE_OK);

    for (i = 0; i < lease->len; i++) {
        assert_int_equal(buf[i], (unsigned char) number);
    }

    free(buf);
}


static inline ae_queue_stat_t
queue_stat(ae_queue_t *q, uint32_t ep)
{
    ae_queue_stat_t  st;

    queue_check(q);
    ae_queue_stat(q, ep, &st);

    return st;
}


#endif /* _QUEUE_HELP_H_INCLUDED_ */
