/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A session is a chain of blocks whose first one begins with what the indexes
 * need.  Writers take the one lock.  Readers take none: they look an id up
 * between two looks at a sequence, which is odd while a writer changes the
 * indexes, and after copying a text make sure that its head still is the head
 * of that version.  A writer that stopped in between makes them wait at the
 * lock, one that died makes them rebuild.  A record is copied between the two
 * looks.
 */


#include <string.h>

#include "core/shared/ae_sessions.h"


#define AE_SESSIONS_TRIES    64

/* two indexes with a slot for every block each */

#define AE_SESSIONS_BLOCK                                                     \
    (AE_BLOCK_SIZE + AE_SESSION_INDEXES * sizeof(uint32_t))


static int ae_sessions_lookup(ae_sessions_t *ss, ae_id_t id,
    ae_session_ref_t *ref, uint32_t *head, unsigned char *record, size_t size)
    ae_often;
static int ae_sessions_lookup_locked(ae_sessions_t *ss, ae_id_t id,
    ae_session_ref_t *ref, uint32_t *head, unsigned char *record, size_t size)
    ae_rare;
static inline int ae_sessions_see(const ae_sessions_t *ss, ae_id_t id,
    uint64_t seq, ae_session_ref_t *ref, uint32_t *head,
    unsigned char *record, size_t size);
static inline int ae_sessions_refer(const ae_sessions_t *ss, ae_id_t id,
    uint64_t seq, ae_session_ref_t *ref, uint32_t *head);
static int ae_sessions_copy(const ae_sessions_t *ss, uint32_t head,
    const ae_session_ref_t *ref, unsigned char *buf);


ae_sessions_t *
ae_sessions_init(void *mem, size_t size)
{
    size_t          fixed, offset, total;
    ae_sessions_t  *ss;

    ss = mem;
    fixed = sizeof(ae_sessions_t) + AE_SESSIONS_ALIGN;

    if (size < fixed) {
        return NULL;
    }

    total = (size - fixed) / AE_SESSIONS_BLOCK;

    if (total > UINT32_MAX - 1) {
        total = UINT32_MAX - 1;
    }

    if (total < AE_SLOTS || ae_lock_init(&ss->lock) != AE_OK) {
        return NULL;
    }

    ss->buckets = total / AE_SLOTS;
    ss->mask = ae_slots_mask(total);

    offset = size - total * AE_BLOCK_SIZE;
    offset -= offset % AE_SESSIONS_ALIGN;
    ae_blocks_init(&ss->blocks, (char *) mem + offset, total);

    return ss;
}


void
ae_sessions_expect(const ae_sessions_t *ss, ae_id_t id)
{
    __builtin_prefetch(ae_sessions_bucket(ss, AE_SESSION_BY_ID, id));
}


int
ae_sessions_find(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref)
{
    uint32_t  head;

    return ae_sessions_lookup(ss, id, ref, &head, NULL, 0);
}


int
ae_sessions_get(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref,
    void *record, size_t size)
{
    uint32_t  head;

    return ae_sessions_lookup(ss, id, ref, &head, record, size);
}


int
ae_sessions_read(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref,
    unsigned char *buf, size_t size)
{
    int       rc;
    uint32_t  head, tries;

    for (tries = 0; tries < AE_SESSIONS_TRIES; tries++) {
        rc = ae_sessions_lookup(ss, id, ref, &head, NULL, 0);

        if (rc != AE_OK) {
            return rc;
        }

        if (ref->len > size) {
            return AE_FULL;
        }

        if (ae_sessions_copy(ss, head, ref, buf) == AE_OK) {
            return AE_OK;
        }
    }

    ae_sessions_lock(ss);

    rc = ae_sessions_walk(ss, id, ss->seq, ref, &head);

    if (rc == AE_OK) {
        rc = (ref->len > size) ? AE_FULL
                               : ae_sessions_copy(ss, head, ref, buf);
    }

    ae_unlock(&ss->lock);

    return rc;
}


void
ae_sessions_stat(ae_sessions_t *ss, ae_sessions_stat_t *st)
{
    ae_sessions_lock(ss);

    st->sessions = ss->sessions;
    st->bytes_free = ss->blocks.nfree * AE_SESSIONS_BLOCK;

    ae_unlock(&ss->lock);
}


size_t
ae_sessions_cost(size_t len)
{
    return ae_sessions_blocks(len) * AE_SESSIONS_BLOCK;
}


uint32_t
ae_sessions_blocks(size_t len)
{
    return (sizeof(ae_session_t) + len + AE_BLOCK_DATA - 1) / AE_BLOCK_DATA;
}


/* AE_OK or AE_DECLINED as of one moment */

static int
ae_sessions_lookup(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref,
    uint32_t *head, unsigned char *record, size_t size)
{
    int       rc;
    uint32_t  tries;
    uint64_t  seq;

    for (tries = 0; tries < AE_SESSIONS_TRIES; tries++) {
        seq = __atomic_load_n(&ss->seq, __ATOMIC_ACQUIRE);

        if (seq & 1) {
            continue;
        }

        rc = ae_sessions_see(ss, id, seq, ref, head, record, size);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (__atomic_load_n(&ss->seq, __ATOMIC_RELAXED) == seq) {
            return rc;
        }
    }

    return ae_sessions_lookup_locked(ss, id, ref, head, record, size);
}


static int
ae_sessions_lookup_locked(ae_sessions_t *ss, ae_id_t id,
    ae_session_ref_t *ref, uint32_t *head, unsigned char *record, size_t size)
{
    int  rc;

    ae_sessions_lock(ss);

    rc = ae_sessions_see(ss, id, ss->seq, ref, head, record, size);

    ae_unlock(&ss->lock);

    return rc;
}


/* what is copied of a session that is changed meanwhile is looked at by
 * nobody */

static inline int
ae_sessions_see(const ae_sessions_t *ss, ae_id_t id, uint64_t seq,
    ae_session_ref_t *ref, uint32_t *head, unsigned char *record, size_t size)
{
    if (ae_sessions_refer(ss, id, seq, ref, head) != AE_OK) {
        return AE_DECLINED;
    }

    if (ref->record == 0 || ref->record > size) {
        return AE_OK;
    }

    /* as a rule it is in one block; the head is one, if nobody writes */

    if (ref->record <= AE_BLOCK_DATA - sizeof(ae_session_t)) {
        memcpy(record, ae_sessions_at(ss, *head) + 1, ref->record);

    } else {
        (void) ae_blocks_read(&ss->blocks, *head, sizeof(ae_session_t),
                              record, ref->record);
    }

    return AE_OK;
}


int
ae_sessions_walk(const ae_sessions_t *ss, ae_id_t id, uint64_t seq,
    ae_session_ref_t *ref, uint32_t *head)
{
    return ae_sessions_refer(ss, id, seq, ref, head);
}


static inline int
ae_sessions_refer(const ae_sessions_t *ss, ae_id_t id, uint64_t seq,
    ae_session_ref_t *ref, uint32_t *head)
{
    uint32_t       n;
    ae_session_t  *s;

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        *head = ae_sessions_look(ss, n, id, seq);

        if (*head == 0) {
            continue;
        }

        s = ae_sessions_at(ss, *head);

        ref->id = s->id[AE_SESSION_BY_ID];
        ref->key_id = s->id[AE_SESSION_BY_KEY_ID];
        ref->version = s->version;
        ref->len = s->len;
        ref->source = s->source;
        ref->record = s->record;

        return AE_OK;
    }

    return AE_DECLINED;
}


uint32_t
ae_sessions_head(const ae_sessions_t *ss, ae_session_index_e index, ae_id_t id,
    uint64_t seq)
{
    return ae_sessions_look(ss, index, id, seq);
}


/* AE_AGAIN: the session was replaced or removed on the way */

static int
ae_sessions_copy(const ae_sessions_t *ss, uint32_t head,
    const ae_session_ref_t *ref, unsigned char *buf)
{
    ae_block_t    *b;
    ae_session_t  *s;

    if (ae_blocks_read(&ss->blocks, head, sizeof(ae_session_t) + ref->record,
                       buf, ref->len)
        != AE_OK)
    {
        return AE_AGAIN;
    }

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    b = ae_blocks_at(&ss->blocks, head);
    s = (ae_session_t *) b->data;

    if (__atomic_load_n(&b->kind, __ATOMIC_RELAXED) != AE_BLOCK_HEAD
        || __atomic_load_n(&s->version, __ATOMIC_RELAXED) != ref->version)
    {
        return AE_AGAIN;
    }

    return AE_OK;
}


void
ae_sessions_lock(ae_sessions_t *ss)
{
    if (ae_lock(&ss->lock) == AE_RECOVER) {
        ae_sessions_rebuild(ss);
        ae_lock_repaired(&ss->lock);
    }
}
