/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>

#include "core/shared/ae_table.h"


/*
 * The only word that says whether an entry is there; chains, the free list
 * and the count are made from it again when a shard's owner died.
 */

typedef enum {
    AE_ENTRY_FREE = 0,
    AE_ENTRY_NEW,               /* handed out, not published yet */
    AE_ENTRY_USED
} ae_entry_state_e;


static size_t ae_table_stride(uint32_t data_size);
static size_t ae_table_buckets(size_t entries);
static size_t ae_table_entries_offset(uint32_t shards, size_t entries);
static uint32_t ae_table_link(const ae_table_t *t, uint32_t shard,
    const ae_entry_t *e);
static ae_entry_t *ae_table_of_data(const void *data);
static void ae_table_relink(ae_table_t *t, uint32_t shard);
static void ae_table_link_in(ae_table_t *t, uint32_t shard, ae_entry_t *e);
static void ae_table_unlink(ae_table_t *t, uint32_t shard, ae_entry_t *e);
static void ae_table_state(ae_entry_t *e, uint32_t state);


uint32_t
ae_table_fit(size_t size, uint32_t shards, uint32_t data_size)
{
    size_t  n, fixed, stride;

    fixed = sizeof(ae_table_t) + shards * sizeof(ae_shard_t);

    if (shards == 0 || size < fixed) {
        return 0;
    }

    stride = ae_table_stride(data_size);
    n = (size - fixed) / (shards * (stride + sizeof(uint32_t)));

    if (n > UINT32_MAX / shards) {
        n = UINT32_MAX / shards;
    }

    /* the last bucket and the gap in front of the entries may cost one */

    if (n > 0
        && ae_table_entries_offset(shards, n) + n * shards * stride > size)
    {
        n--;
    }

    return n * shards;
}


ae_table_t *
ae_table_init(void *mem, size_t size, uint32_t shards, uint32_t data_size)
{
    uint32_t     i, n;
    ae_table_t  *t;

    n = ae_table_fit(size, shards, data_size) / (shards ? shards : 1);

    if (n == 0) {
        return NULL;
    }

    t = mem;

    t->shards = shards;
    t->entries = n;
    t->buckets = ae_table_buckets(n);
    t->mask = ae_slots_mask(n);
    t->stride = ae_table_stride(data_size);
    t->data_size = data_size;
    t->buckets_offset = sizeof(ae_table_t) + shards * sizeof(ae_shard_t);
    t->entries_offset = ae_table_entries_offset(shards, n);

    for (i = 0; i < shards; i++) {
        if (ae_lock_init(&ae_table_shard_at(t, i)->lock) != AE_OK) {
            return NULL;
        }

        ae_table_relink(t, i);
    }

    return t;
}


uint32_t
ae_table_shard(const ae_table_t *t, ae_id_t id)
{
    return ae_table_place(t, id);
}


void
ae_table_lock(ae_table_t *t, uint32_t shard)
{
    ae_table_enter(t, shard);
}


void
ae_table_recover(ae_table_t *t, uint32_t shard)
{
    ae_table_relink(t, shard);
    ae_lock_repaired(&ae_table_shard_at(t, shard)->lock);
}


void
ae_table_unlock(ae_table_t *t, uint32_t shard)
{
    ae_table_leave(t, shard);
}


void *
ae_table_find(ae_table_t *t, ae_id_t id)
{
    return ae_table_look(t, ae_table_place(t, id), id);
}


/*
 * Links may change under its feet, so it takes no more steps than there are
 * entries.
 */

void *
ae_table_peek(const ae_table_t *t, ae_id_t id)
{
    uint32_t     i, link, n, shard, tag;
    ae_entry_t  *e;
    ae_slots_t  *slots;

    shard = ae_table_place(t, id);
    slots = ae_table_bucket(t, shard, id);
    tag = ae_slots_tag(id, t->mask);

    for (i = 0; i < AE_SLOTS_CHAIN; i++) {
        link = ae_slots_link(__atomic_load_n(&slots->word[i],
                                             __ATOMIC_ACQUIRE),
                             tag, t->mask);

        if (link != 0) {
            e = ae_table_entry(t, shard, link);

            if (ae_id_equal(e->id, id)) {
                return e + 1;
            }
        }
    }

    link = __atomic_load_n(&slots->word[i], __ATOMIC_ACQUIRE);

    for (n = t->entries; link != 0 && n != 0; n--) {
        e = ae_table_entry(t, shard, link);

        if (ae_id_equal(e->id, id)) {
            return e + 1;
        }

        link = __atomic_load_n(&e->next, __ATOMIC_ACQUIRE);
    }

    return NULL;
}


int
ae_table_holds(const void *data, ae_id_t id)
{
    ae_entry_t  *e;

    e = ae_table_of_data(data);

    return __atomic_load_n(&e->state, __ATOMIC_ACQUIRE) == AE_ENTRY_USED
           && __atomic_load_n(&e->id.h[0], __ATOMIC_ACQUIRE) == id.h[0]
           && __atomic_load_n(&e->id.h[1], __ATOMIC_ACQUIRE) == id.h[1];
}


void *
ae_table_insert(ae_table_t *t, ae_id_t id)
{
    uint32_t     shard;
    ae_entry_t  *e;
    ae_shard_t  *sh;

    shard = ae_table_shard(t, id);
    sh = ae_table_shard_at(t, shard);

    if (sh->free == 0) {
        return NULL;
    }

    e = ae_table_entry(t, shard, sh->free);
    sh->free = e->next;

    e->state = AE_ENTRY_NEW;
    e->id = id;
    e->next = 0;
    memset(e + 1, 0, t->data_size);

    return e + 1;
}


void
ae_table_publish(ae_table_t *t, void *data)
{
    uint32_t     shard;
    ae_entry_t  *e;
    ae_shard_t  *sh;

    e = ae_table_of_data(data);
    shard = ae_table_place(t, e->id);
    sh = ae_table_shard_at(t, shard);

    ae_table_state(e, AE_ENTRY_USED);

    ae_table_link_in(t, shard, e);

    __atomic_store_n(&sh->used, sh->used + 1, __ATOMIC_RELAXED);
}


void
ae_table_remove(ae_table_t *t, void *data)
{
    uint32_t     state, shard;
    ae_entry_t  *e;
    ae_shard_t  *sh;

    e = ae_table_of_data(data);
    shard = ae_table_shard(t, e->id);
    sh = ae_table_shard_at(t, shard);
    state = e->state;

    if (state == AE_ENTRY_FREE) {
        return;
    }

    ae_table_state(e, AE_ENTRY_FREE);

    if (state == AE_ENTRY_USED) {
        ae_table_unlink(t, shard, e);
        __atomic_store_n(&sh->used, sh->used - 1, __ATOMIC_RELAXED);
    }

    e->next = sh->free;
    sh->free = ae_table_link(t, shard, e);
}


ae_id_t
ae_table_beside(ae_id_t id)
{
    id.h[0] += AE_TABLE_BESIDE;
    id.h[1] -= AE_TABLE_BESIDE;

    return id;
}


ae_id_t
ae_table_id(const void *data)
{
    return ae_table_of_data(data)->id;
}


uint32_t
ae_table_sweep(ae_table_t *t, uint32_t shard, uint32_t n,
    ae_reclaim_pt reclaim, void *ctx)
{
    uint32_t     i, removed;
    ae_entry_t  *e;
    ae_shard_t  *sh;

    sh = ae_table_shard_at(t, shard);
    removed = 0;

    if (n > t->entries) {
        n = t->entries;
    }

    for (i = 0; i < n; i++) {
        e = ae_table_entry(t, shard, sh->hand + 1);
        sh->hand = (sh->hand + 1 < t->entries) ? sh->hand + 1 : 0;

        if (e->state == AE_ENTRY_USED && reclaim(e + 1, ctx)) {
            ae_table_remove(t, e + 1);
            removed++;
        }
    }

    return removed;
}


uint32_t
ae_table_used(const ae_table_t *t)
{
    uint32_t  i, used;

    used = 0;

    for (i = 0; i < t->shards; i++) {
        used += __atomic_load_n(&ae_table_shard_at(t, i)->used,
                                __ATOMIC_RELAXED);
    }

    return used;
}


void *
ae_table_at(const ae_table_t *t, uint32_t shard, uint32_t i)
{
    ae_entry_t  *e;

    if (i >= t->entries) {
        return NULL;
    }

    e = ae_table_entry(t, shard, i + 1);

    return (e->state == AE_ENTRY_USED) ? e + 1 : NULL;
}


static size_t
ae_table_stride(uint32_t data_size)
{
    return sizeof(ae_entry_t) + (((size_t) data_size + 15) & ~(size_t) 15);
}


static size_t
ae_table_buckets(size_t entries)
{
    return (entries + AE_SLOTS - 1) / AE_SLOTS;
}


static size_t
ae_table_entries_offset(uint32_t shards, size_t entries)
{
    size_t  end;

    end = sizeof(ae_table_t) + shards * sizeof(ae_shard_t)
          + shards * ae_table_buckets(entries) * sizeof(ae_slots_t);

    return end;
}


static uint32_t
ae_table_link(const ae_table_t *t, uint32_t shard, const ae_entry_t *e)
{
    return ((char *) e - (char *) ae_table_entry(t, shard, 1)) / t->stride + 1;
}


static ae_entry_t *
ae_table_of_data(const void *data)
{
    return (ae_entry_t *) data - 1;
}


/* makes chains, free list and count of a shard from its entries' states */

static void
ae_table_relink(ae_table_t *t, uint32_t shard)
{
    uint32_t     link, used;
    ae_entry_t  *e;
    ae_shard_t  *sh;
    ae_slots_t  *buckets;

    sh = ae_table_shard_at(t, shard);
    buckets = (ae_slots_t *) ((char *) t + t->buckets_offset)
              + (size_t) shard * t->buckets;

    memset(buckets, 0, t->buckets * sizeof(ae_slots_t));

    sh->free = 0;
    used = 0;

    for (link = t->entries; link != 0; link--) {
        e = ae_table_entry(t, shard, link);

        if (e->state == AE_ENTRY_USED) {
            ae_table_link_in(t, shard, e);
            used++;
            continue;
        }

        e->state = AE_ENTRY_FREE;
        e->next = sh->free;
        sh->free = link;
    }

    __atomic_store_n(&sh->used, used, __ATOMIC_RELAXED);
}


static void
ae_table_link_in(ae_table_t *t, uint32_t shard, ae_entry_t *e)
{
    uint32_t     link, *place;
    ae_slots_t  *slots;

    slots = ae_table_bucket(t, shard, e->id);
    place = ae_slots_room(slots);
    link = ae_table_link(t, shard, e);

    if (ae_slots_chained(slots, place)) {
        e->next = *place;

    } else {
        e->next = 0;
        link |= ae_slots_tag(e->id, t->mask);
    }

    __atomic_store_n(place, link, __ATOMIC_RELEASE);
}


static void
ae_table_unlink(ae_table_t *t, uint32_t shard, ae_entry_t *e)
{
    uint32_t     link, *place;
    ae_slots_t  *slots;

    slots = ae_table_bucket(t, shard, e->id);
    link = ae_table_link(t, shard, e);
    place = ae_slots_place(slots, link, ae_slots_tag(e->id, t->mask));

    if (!ae_slots_chained(slots, place)) {
        *place = 0;
        return;
    }

    while (*place != link) {
        place = &ae_table_entry(t, shard, *place)->next;
    }

    *place = e->next;
}


/*
 * A process may be killed between any two stores, so the compiler must keep
 * this one between what was written before and what is written after; what a
 * dead process stored, the next owner of the lock sees in that order.
 */

static void
ae_table_state(ae_entry_t *e, uint32_t state)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&e->state, state, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
