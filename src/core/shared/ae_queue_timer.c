/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What happens in the queue because time passed: a heap, four children a
 * place, of retries and of cooldowns that run.
 */


#include "core/shared/ae_queue.h"


#define AE_TIMER_CHILDREN    4


static uint64_t ae_queue_timer_time(const ae_queue_t *q, uint32_t item);
static uint32_t *ae_queue_timer_place(const ae_queue_t *q, uint32_t item);
static void ae_queue_timer_put(ae_queue_t *q, uint32_t i, uint32_t item);
static uint32_t ae_queue_timer_up(ae_queue_t *q, uint32_t i, uint64_t time);
static uint32_t ae_queue_timer_down(ae_queue_t *q, uint32_t i, uint64_t time);


static uint64_t
ae_queue_timer_time(const ae_queue_t *q, uint32_t item)
{
    return (item < q->nodes) ? ae_queue_node(q, item)->due
                             : ae_queue_cool(q, item - q->nodes)->until;
}


static uint32_t *
ae_queue_timer_place(const ae_queue_t *q, uint32_t item)
{
    return (item < q->nodes) ? &ae_queue_node(q, item)->timer
                             : &ae_queue_cool(q, item - q->nodes)->timer;
}


static void
ae_queue_timer_put(ae_queue_t *q, uint32_t i, uint32_t item)
{
    ae_set(q, *ae_queue_timer(q, i), item);
    ae_set(q, *ae_queue_timer_place(q, item), i + 1);
}


/* moves later items down from above place i; returns the place that is open */

static uint32_t
ae_queue_timer_up(ae_queue_t *q, uint32_t i, uint64_t time)
{
    uint32_t  parent, item;

    while (i > 0) {
        parent = (i - 1) / AE_TIMER_CHILDREN;
        item = *ae_queue_timer(q, parent);

        if (ae_queue_timer_time(q, item) <= time) {
            break;
        }

        ae_queue_timer_put(q, i, item);
        i = parent;
    }

    return i;
}


static uint32_t
ae_queue_timer_down(ae_queue_t *q, uint32_t i, uint64_t time)
{
    uint32_t  k, child, least, item;
    uint64_t  t, first;

    for ( ;; ) {
        first = time;
        least = i;

        for (k = 1; k <= AE_TIMER_CHILDREN; k++) {
            child = i * AE_TIMER_CHILDREN + k;

            if (child >= q->timers) {
                break;
            }

            t = ae_queue_timer_time(q, *ae_queue_timer(q, child));

            if (t < first) {
                first = t;
                least = child;
            }
        }

        if (least == i) {
            return i;
        }

        item = *ae_queue_timer(q, least);
        ae_queue_timer_put(q, i, item);
        i = least;
    }
}


void
ae_queue_timer_add(ae_queue_t *q, uint32_t item)
{
    uint32_t  i;

    i = ae_queue_timer_up(q, q->timers, ae_queue_timer_time(q, item));

    ae_queue_timer_put(q, i, item);
    ae_add(q, q->timers, 1);
}


void
ae_queue_timer_remove(ae_queue_t *q, uint32_t item)
{
    uint32_t  i, last;
    uint64_t  time;

    i = *ae_queue_timer_place(q, item) - 1;

    ae_set(q, *ae_queue_timer_place(q, item), 0);
    ae_sub(q, q->timers, 1);

    last = *ae_queue_timer(q, q->timers);

    if (last == item) {
        return;
    }

    time = ae_queue_timer_time(q, last);

    i = ae_queue_timer_up(q, i, time);
    i = ae_queue_timer_down(q, i, time);

    ae_queue_timer_put(q, i, last);
}


void
ae_queue_delay(ae_queue_t *q, uint32_t n, uint64_t due)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    ae_set(q, node->state, AE_NODE_DELAYED);
    ae_set(q, node->due, due);
    ae_queue_timer_add(q, n);
}


uint32_t
ae_queue_expire(ae_queue_t *q, const ae_now_t *now, uint32_t max)
{
    uint32_t  n, item;

    q->now = *now;

    for (n = 0; n < max && q->timers != 0; n++) {
        item = *ae_queue_timer(q, 0);

        if (ae_queue_timer_time(q, item) > now->mono) {
            break;
        }

        if (item < q->nodes) {
            ae_queue_timer_remove(q, item);
            ae_queue_enqueue(q, item);

        } else {
            ae_queue_cool_over(q, item - q->nodes);
        }

        ae_queue_commit(q);
    }

    return n;
}


uint64_t
ae_queue_tick(ae_queue_t *q, const ae_now_t *now)
{
    uint32_t  n;
    uint64_t  next;

    do {
        ae_queue_lock(q);

        n = ae_queue_expire(q, now, AE_QUEUE_BATCH);

        next = UINT64_MAX;

        if (q->timers != 0) {
            next = ae_queue_timer_time(q, *ae_queue_timer(q, 0));
            next = (next > now->mono) ? next - now->mono : 0;
        }

        ae_queue_unlock(q);

    } while (n == AE_QUEUE_BATCH);

    return next;
}
