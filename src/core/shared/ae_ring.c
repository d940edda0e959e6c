/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A ring of records between one producer and one consumer, in units of 64
 * bytes.
 *
 * "head" and "tail" each pack how many records passed (high bits) and where
 * the next one is (low bits, in units).  The counts alone tell full from
 * empty, the difference is what waits, and one store moves a record on: there
 * is no moment at which it is counted twice or not at all.
 *
 * Whoever dies here leaves a whole ring:
 *
 *  - The producer writes behind the head.  "writing" holds the value that the
 *    count of torn records takes, should this record never be committed, and
 *    the record's number, so that recovery is a comparison and a store and may
 *    be repeated.
 *
 *  - The consumer counts a corrupt record in "bad" together with its number
 *    and moves the tail after that.  Until the tail got there the count is one
 *    ahead, which the number tells to readers and to the next consumer.
 *
 * A record carries its number, so behind damaged bytes the next whole record
 * is found by looking at each unit, and what lies between is counted.
 */


#include <string.h>
#include <sys/random.h>

#include "core/shared/shared.h"


#define AE_RING_UNIT         64
#define AE_RING_MIN          4096
#define AE_RING_MAX_UNITS    (1U << 26)

/* length of what only fills the ring up to its end */
#define AE_RING_PAD          UINT32_MAX

/* a count in the high bits, a record's number in the low ones */
#define AE_RING_NUMBER_BITS  40
#define AE_RING_NUMBER_MASK  ((UINT64_C(1) << AE_RING_NUMBER_BITS) - 1)

#define AE_RING_K1           UINT64_C(0x9e3779b97f4a7c15)
#define AE_RING_K2           UINT64_C(0xd1b54a32d192ed03)


typedef struct {
    uint64_t                 sum;
    uint32_t                 len;
    uint32_t                 number;        /* low bits of it */
} ae_ring_record_t;


struct ae_ring_s {
    uint64_t                 seed;
    uint32_t                 units;
    uint32_t                 shift;         /* bits of a position */

    /* the producer's own */
    _Alignas(64) uint64_t    next_head;
    uint64_t                 tail_seen;
    uint64_t                 writing;
    uint64_t                 drops[AE_DROP_MAX];

    _Alignas(64) uint64_t    head;

    _Alignas(64) uint64_t    tail;
    uint64_t                 bad;

    /* the consumer's own */
    _Alignas(64) uint64_t    next_tail;
    uint64_t                 head_seen;

    _Alignas(64) unsigned char  data[];
};


static uint64_t ae_ring_pack(const ae_ring_t *ring, uint64_t count,
    uint32_t pos);
static uint64_t ae_ring_count(const ae_ring_t *ring, uint64_t word);
static uint32_t ae_ring_pos(const ae_ring_t *ring, uint64_t word);
static ae_ring_record_t *ae_ring_at(const ae_ring_t *ring, uint32_t pos);
static uint32_t ae_ring_units(size_t len);
static uint64_t ae_ring_sum(const ae_ring_t *ring,
    const ae_ring_record_t *rec);
static int ae_ring_room(const ae_ring_t *ring, uint32_t need, uint32_t *pos);
static int ae_ring_place(ae_ring_t *ring, uint32_t need, uint32_t *pos);
static int ae_ring_valid(const ae_ring_t *ring, uint32_t pos);
static uint32_t ae_ring_find(const ae_ring_t *ring, uint64_t *number);
static void ae_ring_skip(ae_ring_t *ring);
static ae_ring_record_t *ae_ring_copy(const ae_ring_t *ring, uint32_t pos,
    uint32_t number, void *mem);


const char  *const ae_drop_names[AE_DROP_MAX] = {
    "ring_full",
    "too_large",
    "loop",
    "corrupt",
    "torn"
};


static inline uint64_t
ae_ring_pack(const ae_ring_t *ring, uint64_t count, uint32_t pos)
{
    return count << ring->shift | pos;
}


static inline uint64_t
ae_ring_count(const ae_ring_t *ring, uint64_t word)
{
    return word >> ring->shift;
}


static inline uint32_t
ae_ring_pos(const ae_ring_t *ring, uint64_t word)
{
    return word & ((UINT64_C(1) << ring->shift) - 1);
}


static inline ae_ring_record_t *
ae_ring_at(const ae_ring_t *ring, uint32_t pos)
{
    return (ae_ring_record_t *) (ring->data + (size_t) pos * AE_RING_UNIT);
}


static inline uint32_t
ae_ring_units(size_t len)
{
    return (sizeof(ae_ring_record_t) + len + AE_RING_UNIT - 1) / AE_RING_UNIT;
}


ae_ring_t *
ae_ring_init(void *mem, size_t size)
{
    uint32_t    shift;
    uint64_t    units;
    ae_ring_t  *ring;

    if (size < AE_RING_MIN) {
        return NULL;
    }

    ring = mem;
    units = (size - sizeof(ae_ring_t)) / AE_RING_UNIT;

    if (units > AE_RING_MAX_UNITS) {
        units = AE_RING_MAX_UNITS;
    }

    for (shift = 1; (UINT64_C(1) << shift) < units; shift++) { /* void */ }

    /* without the seed a record's content could pass for a record */

    if (getrandom(&ring->seed, sizeof(uint64_t), GRND_NONBLOCK)
        != (ssize_t) sizeof(uint64_t))
    {
        ring->seed = AE_RING_K1 ^ (uintptr_t) mem;
    }

    ring->units = units;
    ring->shift = shift;

    return ring;
}


size_t
ae_ring_max(const ae_ring_t *ring)
{
    return (size_t) ring->units * AE_RING_UNIT / 4 - sizeof(ae_ring_record_t);
}


/* over the header and the bytes up to a multiple of 16, as none changes */

static uint64_t
ae_ring_sum(const ae_ring_t *ring, const ae_ring_record_t *rec)
{
    size_t                n;
    uint64_t              v[2], acc;
    unsigned __int128     m;
    const unsigned char  *p;

    acc = ring->seed ^ ((uint64_t) rec->number << 32 | rec->len);

    if (rec->len == AE_RING_PAD) {
        return acc * AE_RING_K1;
    }

    p = (const unsigned char *) (rec + 1);

    for (n = ((size_t) rec->len + 15) / 16; n != 0; n--) {
        memcpy(v, p, sizeof(v));
        m = (unsigned __int128) (v[0] ^ acc ^ AE_RING_K1)
            * (v[1] ^ AE_RING_K2);
        acc = (acc << 32 | acc >> 32) ^ (uint64_t) m ^ (uint64_t) (m >> 64);
        p += sizeof(v);
    }

    return acc;
}


/* where need units are free by what is known of the tail */

static int
ae_ring_room(const ae_ring_t *ring, uint32_t need, uint32_t *pos)
{
    int       empty;
    uint32_t  head, tail;

    head = ae_ring_pos(ring, ring->head);
    tail = ae_ring_pos(ring, ring->tail_seen);
    empty = ae_ring_count(ring, ring->head)
            == ae_ring_count(ring, ring->tail_seen);

    *pos = head;

    if (head < tail) {
        return need <= tail - head;
    }

    if (head == tail && !empty) {
        return 0;
    }

    if (need <= ring->units - head) {
        return 1;
    }

    *pos = 0;

    return need <= tail;
}


/* the consumer's index is read again only where the last one known of does
 * not do */

static int
ae_ring_place(ae_ring_t *ring, uint32_t need, uint32_t *pos)
{
    if (ae_ring_room(ring, need, pos)) {
        return 1;
    }

    ring->tail_seen = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

    return ae_ring_room(ring, need, pos);
}


int
ae_ring_has(ae_ring_t *ring, size_t len)
{
    uint32_t  pos;

    return ae_ring_place(ring, ae_ring_units(len), &pos);
}


void *
ae_ring_reserve(ae_ring_t *ring, size_t len)
{
    uint32_t           head, need, pos;
    uint64_t           number;
    ae_ring_record_t  *rec, *pad;

    if (len > ae_ring_max(ring)) {
        return NULL;
    }

    need = ae_ring_units(len);

    if (!ae_ring_place(ring, need, &pos)) {
        return NULL;
    }

    number = ae_ring_count(ring, ring->head) + 1;
    head = ae_ring_pos(ring, ring->head);

    __atomic_store_n(&ring->writing,
                     (ring->drops[AE_DROP_TORN] + 1) << AE_RING_NUMBER_BITS
                     | (number & AE_RING_NUMBER_MASK), __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    if (pos != head) {
        pad = ae_ring_at(ring, head);
        pad->len = AE_RING_PAD;
        pad->number = number;
        pad->sum = ae_ring_sum(ring, pad);
    }

    rec = ae_ring_at(ring, pos);
    rec->len = len;
    rec->number = number;

    pos += need;
    ring->next_head = ae_ring_pack(ring, number, pos == ring->units ? 0 : pos);

    return rec + 1;
}


void
ae_ring_commit(ae_ring_t *ring)
{
    uint32_t           pos;
    ae_ring_record_t  *rec;

    if (ring->writing == 0) {
        return;
    }

    pos = ae_ring_pos(ring, ring->head);
    rec = ae_ring_at(ring, pos);

    if (rec->len == AE_RING_PAD) {
        rec = ae_ring_at(ring, 0);
    }

    rec->sum = ae_ring_sum(ring, rec);

    __atomic_store_n(&ring->head, ring->next_head, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&ring->writing, 0, __ATOMIC_RELAXED);
}


/* a whole record of any number between tail and head begins at pos */

static int
ae_ring_valid(const ae_ring_t *ring, uint32_t pos)
{
    uint32_t                 n, waiting;
    const ae_ring_record_t  *rec;

    rec = ae_ring_at(ring, pos);

    n = rec->number - (uint32_t) ae_ring_count(ring, ring->tail) - 1;
    waiting = ae_ring_count(ring, ring->head_seen)
              - ae_ring_count(ring, ring->tail);

    if (n >= waiting) {
        return 0;
    }

    if (rec->len != AE_RING_PAD
        && (rec->len > ae_ring_max(ring)
            || ae_ring_units(rec->len) > ring->units - pos))
    {
        return 0;
    }

    return rec->sum == ae_ring_sum(ring, rec);
}


/*
 * Finds the next whole record from the tail on, by looking at each unit, and
 * tells its number; the head's position and number + 1 if there is none.
 */

static uint32_t
ae_ring_find(const ae_ring_t *ring, uint64_t *number)
{
    uint32_t                 pos, end;
    uint64_t                 count;
    const ae_ring_record_t  *rec;

    pos = ae_ring_pos(ring, ring->tail);
    end = ae_ring_pos(ring, ring->head_seen);
    count = ae_ring_count(ring, ring->tail);

    do {
        rec = ae_ring_at(ring, pos);

        if (ae_ring_valid(ring, pos) && rec->len != AE_RING_PAD) {
            *number = count + (uint32_t) (rec->number - (uint32_t) count);
            return pos;
        }

        if (++pos == ring->units) {
            pos = 0;
        }

    } while (pos != end);

    *number = ae_ring_count(ring, ring->head_seen) + 1;

    return end;
}


static void
ae_ring_skip(ae_ring_t *ring)
{
    uint32_t  to, pos;
    uint64_t  bad, count, number;

    to = ae_ring_find(ring, &number);
    pos = ae_ring_pos(ring, ring->tail);
    count = ae_ring_count(ring, ring->tail);

    while (++count < number) {
        bad = ring->bad;

        if ((bad & AE_RING_NUMBER_MASK) != (count & AE_RING_NUMBER_MASK)) {
            bad = (bad >> AE_RING_NUMBER_BITS) + 1;
            bad = bad << AE_RING_NUMBER_BITS | (count & AE_RING_NUMBER_MASK);
            __atomic_store_n(&ring->bad, bad, __ATOMIC_RELEASE);
        }

        __atomic_store_n(&ring->tail,
                         ae_ring_pack(ring, count,
                                      count + 1 == number ? to : pos),
                         __ATOMIC_RELEASE);
    }

    __atomic_store_n(&ring->tail, ae_ring_pack(ring, number - 1, to),
                     __ATOMIC_RELEASE);
}


int
ae_ring_peek(ae_ring_t *ring, ae_str_t *record, uint64_t *number)
{
    uint32_t           pos;
    uint64_t           count;
    ae_ring_record_t  *rec;

    for ( ;; ) {
        count = ae_ring_count(ring, ring->tail);

        if (ae_ring_count(ring, ring->head_seen) == count) {
            ring->head_seen = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

            if (ae_ring_count(ring, ring->head_seen) == count) {
                return AE_AGAIN;
            }
        }

        pos = ae_ring_pos(ring, ring->tail);
        rec = ae_ring_at(ring, pos);

        if (rec->len == AE_RING_PAD && ae_ring_valid(ring, pos)) {
            pos = 0;
            rec = ae_ring_at(ring, 0);
        }

        if (rec->number == (uint32_t) (count + 1)
            && rec->len != AE_RING_PAD
            && ae_ring_valid(ring, pos))
        {
            break;
        }

        ae_ring_skip(ring);
    }

    record->data = (unsigned char *) (rec + 1);
    record->len = rec->len;
    *number = count + 1;

    pos += ae_ring_units(rec->len);
    ring->next_tail = ae_ring_pack(ring, count + 1,
                                   pos == ring->units ? 0 : pos);

    return AE_OK;
}


void
ae_ring_release(ae_ring_t *ring)
{
    if (ae_ring_count(ring, ring->next_tail)
        == ae_ring_count(ring, ring->tail) + 1)
    {
        __atomic_store_n(&ring->tail, ring->next_tail, __ATOMIC_RELEASE);
    }
}


void
ae_ring_drop(ae_ring_t *ring, ae_drop_e reason)
{
    __atomic_fetch_add(&ring->drops[reason], 1, __ATOMIC_RELAXED);
}


void
ae_ring_recover(ae_ring_t *ring)
{
    uint64_t  number;

    number = ae_ring_count(ring, ring->head) + 1;

    if (ring->writing != 0
        && (ring->writing & AE_RING_NUMBER_MASK)
           == (number & AE_RING_NUMBER_MASK))
    {
        __atomic_store_n(&ring->drops[AE_DROP_TORN],
                         ring->writing >> AE_RING_NUMBER_BITS,
                         __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }

    __atomic_store_n(&ring->writing, 0, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    /* what was peeked and not released is peeked again */
    ring->next_tail = 0;
}


size_t
ae_ring_tap(const ae_ring_t *ring, uint64_t *at)
{
    *at = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

    return (size_t) ae_ring_units(ae_ring_max(ring)) * AE_RING_UNIT;
}


/*
 * Copies of the records that come after tap(), whoever consumes them, by any
 * process at any time, and nobody waits for it: what was released lies there
 * until the producer comes round, which may be while it is copied, and the
 * copy's number and sum tell.  AE_AGAIN: there is none now.  *lost is added
 * what was overwritten, or damaged, before it was seen.
 */

int
ae_ring_tap_next(const ae_ring_t *ring, uint64_t *at, void *mem,
    ae_str_t *record, uint64_t *lost)
{
    uint32_t           pos;
    uint64_t           head, count;
    ae_ring_record_t  *rec;

    head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    count = ae_ring_count(ring, *at);

    if (ae_ring_count(ring, head) == count) {
        return AE_AGAIN;
    }

    pos = ae_ring_pos(ring, *at);
    rec = ae_ring_copy(ring, pos, (uint32_t) (count + 1), mem);

    if (rec != NULL && rec->len == AE_RING_PAD) {
        pos = 0;
        rec = ae_ring_copy(ring, 0, (uint32_t) (count + 1), mem);
    }

    if (rec == NULL || rec->len == AE_RING_PAD) {
        *lost += ae_ring_count(ring, head) - count;
        *at = head;

        return AE_AGAIN;
    }

    pos += ae_ring_units(rec->len);
    *at = ae_ring_pack(ring, count + 1, pos == ring->units ? 0 : pos);

    record->data = (unsigned char *) (rec + 1);
    record->len = rec->len;

    return AE_OK;
}


/* NULL: there is no whole record of that number any more */

static ae_ring_record_t *
ae_ring_copy(const ae_ring_t *ring, uint32_t pos, uint32_t number, void *mem)
{
    ae_ring_record_t  *rec;

    rec = mem;
    memcpy(rec, ae_ring_at(ring, pos), sizeof(ae_ring_record_t));

    if (rec->number != number) {
        return NULL;
    }

    if (rec->len != AE_RING_PAD) {

        if (rec->len > ae_ring_max(ring)
            || ae_ring_units(rec->len) > ring->units - pos)
        {
            return NULL;
        }

        memcpy(rec + 1, ae_ring_at(ring, pos) + 1,
               (size_t) ae_ring_units(rec->len) * AE_RING_UNIT
               - sizeof(ae_ring_record_t));
    }

    return (rec->sum == ae_ring_sum(ring, rec)) ? rec : NULL;
}


void
ae_ring_stat(const ae_ring_t *ring, ae_ring_stat_t *st)
{
    uint64_t  bad, head, tail, corrupt, drops;
    uint32_t  i;

    do {
        bad = __atomic_load_n(&ring->bad, __ATOMIC_ACQUIRE);
        tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

    } while (bad != __atomic_load_n(&ring->bad, __ATOMIC_RELAXED));

    /* never older than the tail */
    head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

    head = ae_ring_count(ring, head);
    tail = ae_ring_count(ring, tail);
    corrupt = bad >> AE_RING_NUMBER_BITS;

    if (corrupt != 0
        && (bad & AE_RING_NUMBER_MASK) == ((tail + 1) & AE_RING_NUMBER_MASK))
    {
        corrupt--;
    }

    st->raised += head;
    st->waiting += head - tail;
    st->routed += tail - corrupt;
    st->dropped[AE_DROP_CORRUPT] += corrupt;

    for (i = 0; i < AE_DROP_MAX; i++) {
        drops = __atomic_load_n(&ring->drops[i], __ATOMIC_RELAXED);
        st->raised += drops;
        st->dropped[i] += drops;
    }
}
