/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Cooldowns.  Of the events of one identity one is sent at once.  While it is
 * under way later ones are held.  If it dies, the oldest held one is sent.  If
 * it is delivered, the cooldown runs: the held ones but the newest and all
 * that follow are suppressed, and when the time is over the newest goes out,
 * tells for how many it stands, and starts the same again.
 *
 * One that is held takes no room that a newer one of its identity needs: it is
 * suppressed, and the newer one stands for it.
 */


#include "core/shared/ae_queue.h"


static uint32_t ae_queue_cool_find(const ae_queue_t *q, ae_id_t id);
static void ae_queue_cool_send(ae_queue_t *q, uint32_t n, uint64_t due);
static uint32_t ae_queue_cool_alloc(ae_queue_t *q, ae_id_t id);
static void ae_queue_cool_free(ae_queue_t *q, uint32_t c);
static void ae_queue_cool_next(ae_queue_t *q, uint32_t c, uint64_t suppressed);
static void ae_queue_cool_suppress(ae_queue_t *q, ae_cool_t *cool);


static uint32_t
ae_queue_cool_find(const ae_queue_t *q, ae_id_t id)
{
    uint32_t  c;

    c = *ae_queue_bucket(q, id);

    while (c != AE_QUEUE_NONE && !ae_id_equal(ae_queue_cool(q, c)->id, id)) {
        c = ae_queue_cool(q, c)->next;
    }

    return c;
}


static uint32_t
ae_queue_cool_alloc(ae_queue_t *q, ae_id_t id)
{
    uint32_t    c, *bucket;
    ae_cool_t  *cool;

    c = q->free_cool;

    if (c == AE_QUEUE_NONE) {
        return c;
    }

    cool = ae_queue_cool(q, c);
    bucket = ae_queue_bucket(q, id);

    cool->id = id;
    cool->timer = 0;
    cool->held.head = AE_QUEUE_NONE;
    cool->held.tail = AE_QUEUE_NONE;
    cool->held.n = 0;

    ae_set(q, q->free_cool, cool->next);
    ae_set(q, cool->next, *bucket);
    ae_set(q, *bucket, c);

    return c;
}


static void
ae_queue_cool_free(ae_queue_t *q, uint32_t c)
{
    uint32_t   *link;
    ae_cool_t  *cool;

    cool = ae_queue_cool(q, c);
    link = ae_queue_bucket(q, cool->id);

    while (*link != c) {
        link = &ae_queue_cool(q, *link)->next;
    }

    ae_set(q, *link, cool->next);
    ae_set(q, cool->state, AE_COOL_FREE);
    ae_set(q, cool->next, q->free_cool);
    ae_set(q, q->free_cool, c);
}


void
ae_queue_cool_refresh(ae_queue_t *q, uint32_t n, const ae_now_t *now)
{
    uint32_t    c, i;
    ae_cool_t  *cool;
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    if (node->period == 0) {
        return;
    }

    c = ae_queue_cool_find(q, node->cooldown);

    if (c == AE_QUEUE_NONE) {

        for (i = 0; q->free_cool == AE_QUEUE_NONE && i < AE_QUEUE_BATCH; i++) {
            if (ae_queue_expire(q, now, 1) == 0) {
                break;
            }
        }

        return;
    }

    cool = ae_queue_cool(q, c);

    if (cool->state == AE_COOL_RUNNING && cool->until <= now->mono) {
        ae_queue_cool_over(q, c);
        ae_queue_commit(q);
    }
}


static void
ae_queue_cool_send(ae_queue_t *q, uint32_t n, uint64_t due)
{
    if (due == 0) {
        ae_queue_enqueue(q, n);

    } else {
        ae_queue_delay(q, n, due);
    }
}


void
ae_queue_cool_enter(ae_queue_t *q, uint32_t n, uint64_t due)
{
    uint32_t    c;
    ae_cool_t  *cool;
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    if (node->period == 0) {
        ae_queue_cool_send(q, n, due);
        return;
    }

    c = ae_queue_cool_find(q, node->cooldown);

    if (c == AE_QUEUE_NONE) {
        c = ae_queue_cool_alloc(q, node->cooldown);

        /* without room for it the event is sent at once: better than never */

        if (c != AE_QUEUE_NONE) {
            ae_set(q, ae_queue_cool(q, c)->state, AE_COOL_SENT);
            ae_set(q, node->cool, c);
        }

        ae_queue_cool_send(q, n, due);
        return;
    }

    cool = ae_queue_cool(q, c);

    ae_set(q, node->cool, c);
    ae_set(q, node->state, AE_NODE_HELD);
    ae_queue_append(q, &cool->held, n);

    if (cool->state == AE_COOL_RUNNING && cool->held.n > 1) {
        ae_queue_cool_suppress(q, cool);
    }
}


/* whether the new one may come because an older one goes */

int
ae_queue_cool_swaps(const ae_queue_t *q, const ae_queue_target_t *target,
    uint32_t blocks, const ae_now_t *now)
{
    uint32_t              c;
    const ae_cool_t      *cool;
    const ae_node_t      *node;
    const ae_endpoint_t  *ep;

    ep = &q->endpoint[target->endpoint];
    c = (target->period == 0 || ep->retired != 0)
        ? AE_QUEUE_NONE : ae_queue_cool_find(q, target->cooldown);

    if (c == AE_QUEUE_NONE) {
        return 0;
    }

    cool = ae_queue_cool(q, c);

    if (cool->held.n == 0
        || (cool->state == AE_COOL_RUNNING && cool->until <= now->mono))
    {
        return 0;
    }

    node = ae_queue_node(q, cool->held.head);

    return node->endpoint == target->endpoint
           && (ae_queue_has_room(q, ep, blocks, 1)
               || blocks <= ae_queue_blocks(
                                ae_queue_block(q, node->event)->len));
}


void
ae_queue_cool_trim(ae_queue_t *q, uint32_t n)
{
    ae_cool_t            *cool;
    const ae_node_t      *node;
    const ae_endpoint_t  *ep;

    node = ae_queue_node(q, n);
    ep = &q->endpoint[node->endpoint];

    if (node->state != AE_NODE_HELD) {
        return;
    }

    cool = ae_queue_cool(q, node->cool);

    if (cool->held.n > 1
        && (ep->pending - ep->inflight > ep->bound
            || !ae_queue_has_room(q, ep, 0, 1)))
    {
        ae_queue_cool_suppress(q, cool);
    }
}


/* the oldest held one, for whose number the newest one will stand */

static void
ae_queue_cool_suppress(ae_queue_t *q, ae_cool_t *cool)
{
    uint32_t    n;
    ae_node_t  *node, *newest;

    n = cool->held.head;
    node = ae_queue_node(q, n);
    newest = ae_queue_node(q, cool->held.tail);

    ae_queue_remove(q, &cool->held, n);
    ae_add(q, newest->suppressed, node->suppressed + 1);
    ae_queue_changed(q, cool->held.tail);
    ae_queue_finish(q, n, &q->endpoint[node->endpoint].suppressed);
}


void
ae_queue_cool_delivered(ae_queue_t *q, uint32_t n, const ae_now_t *now)
{
    ae_cool_t  *cool;
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    if (node->cool == AE_QUEUE_NONE) {
        return;
    }

    cool = ae_queue_cool(q, node->cool);

    ae_set(q, cool->state, AE_COOL_RUNNING);
    ae_set(q, cool->until, now->mono + node->period);
    ae_queue_timer_add(q, q->nodes + node->cool);

    if (cool->held.n > 1) {
        ae_set(q, q->settle, node->cool + 1);
    }

    /* it is known now when this one is due */

    if (cool->held.n != 0) {
        ae_queue_changed(q, cool->held.tail);
    }
}


void
ae_queue_cool_settle(ae_queue_t *q)
{
    ae_cool_t  *cool;

    if (q->settle == 0) {
        return;
    }

    cool = ae_queue_cool(q, q->settle - 1);

    while (cool->held.n > 1) {
        ae_queue_cool_suppress(q, cool);
        ae_queue_commit(q);
    }

    ae_set(q, q->settle, 0);
    ae_queue_commit(q);
}


void
ae_queue_cool_dead(ae_queue_t *q, uint32_t n)
{
    ae_node_t  *node;

    node = ae_queue_node(q, n);

    if (node->cool != AE_QUEUE_NONE) {
        ae_queue_cool_next(q, node->cool, node->suppressed);
    }
}


void
ae_queue_cool_over(ae_queue_t *q, uint32_t c)
{
    ae_queue_timer_remove(q, q->nodes + c);
    ae_queue_cool_next(q, c, 0);
}


/* sends the oldest held one, which takes over what the last one stood for */

static void
ae_queue_cool_next(ae_queue_t *q, uint32_t c, uint64_t suppressed)
{
    uint32_t    n;
    ae_cool_t  *cool;
    ae_node_t  *node;

    cool = ae_queue_cool(q, c);
    n = cool->held.head;

    if (n == AE_QUEUE_NONE) {
        ae_queue_cool_free(q, c);
        return;
    }

    node = ae_queue_node(q, n);

    ae_queue_remove(q, &cool->held, n);
    ae_set(q, cool->state, AE_COOL_SENT);
    ae_queue_enqueue(q, n);

    if (suppressed != 0) {
        ae_add(q, node->suppressed, suppressed);
        ae_queue_changed(q, n);
    }
}
