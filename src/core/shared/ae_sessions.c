/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A session is a chain of blocks whose first one begins with what the indexes
 * need.  Writers take the one lock.  Readers take none: they look an id up
 * between two looks at a sequence, which is odd while a writer changes the
 * indexes, and after copying a text make sure that its head still is the head
 * of that version.  A writer that stopped in between makes them wait at the
 * lock, one that died makes them rebuild.
 *
 * A head is published by one store.  So a put that died between the new and
 * the old head leaves two, of which the rebuild keeps the higher version.
 */


#include <string.h>

#include "core/shared/ae_blocks.h"


#define AE_SESSIONS_ALIGN    64
#define AE_SESSIONS_TRIES    64
#define AE_SESSION_MAX       (1024 * 1024)

/* two indexes with a bucket for every other block each */

#define AE_SESSIONS_BLOCK    (AE_BLOCK_SIZE + sizeof(uint32_t))


typedef enum {
    AE_SESSION_BY_ID = 0,
    AE_SESSION_BY_KEY_ID,
    AE_SESSION_INDEXES
} ae_session_index_e;


/* in the head's data, its text behind it; with the block's words a line */

typedef struct {
    ae_id_t                  id[AE_SESSION_INDEXES];
    uint64_t                 version;
    uint32_t                 next[AE_SESSION_INDEXES];
    uint32_t                 len;
    uint32_t                 source;

    uint32_t                 scope;         /* of AE_SESSION_FILE */
    uint32_t                 load;          /* in which it was put last */
} ae_session_t;


struct ae_sessions_s {
    uint64_t                 seq;           /* odd: indexes are changing */
    uint32_t                 buckets;       /* of each index, behind this */
    ae_blocks_t              blocks;

    ae_lock_t                lock __attribute__((aligned(AE_SESSIONS_ALIGN)));
    uint64_t                 version;       /* the last one given */
    uint32_t                 sessions;
    uint32_t                 load;          /* number of the last one begun */
    uint32_t                 scope;         /* of that */
    uint32_t                 loading;
} __attribute__((aligned(AE_SESSIONS_ALIGN)));


static uint32_t ae_sessions_blocks(size_t text_len);
static uint32_t *ae_sessions_bucket(const ae_sessions_t *ss,
    ae_session_index_e index, ae_id_t id);
static ae_session_t *ae_sessions_at(const ae_sessions_t *ss, uint32_t head);

static int ae_sessions_lookup(ae_sessions_t *ss, ae_id_t id,
    ae_session_ref_t *ref, uint32_t *head);
static int ae_sessions_walk(const ae_sessions_t *ss, ae_id_t id, uint64_t seq,
    ae_session_ref_t *ref, uint32_t *head);
static int ae_sessions_copy(const ae_sessions_t *ss, uint32_t head,
    const ae_session_ref_t *ref, unsigned char *buf);

static void ae_sessions_lock(ae_sessions_t *ss);
static void ae_sessions_change(ae_sessions_t *ss);
static void ae_sessions_changed(ae_sessions_t *ss);
static uint32_t ae_sessions_head(const ae_sessions_t *ss,
    ae_session_index_e index, ae_id_t id);
static void ae_sessions_link(ae_sessions_t *ss, uint32_t head);
static void ae_sessions_unlink(ae_sessions_t *ss, uint32_t head);
static void ae_sessions_drop(ae_sessions_t *ss, uint32_t head);

static int ae_sessions_put_locked(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t text);
static uint32_t ae_sessions_make(ae_sessions_t *ss,
    const ae_session_ref_t *ref, ae_str_t text, uint32_t scope);
static void ae_sessions_replace(ae_sessions_t *ss, uint32_t head, uint32_t a,
    uint32_t b);
static void ae_sessions_rebuild(ae_sessions_t *ss);
static void ae_sessions_relink(ae_sessions_t *ss, uint32_t head);


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

    if (total < AE_SESSION_INDEXES || ae_lock_init(&ss->lock) != AE_OK) {
        return NULL;
    }

    ss->buckets = total / AE_SESSION_INDEXES;

    offset = size - total * AE_BLOCK_SIZE;
    offset -= offset % AE_SESSIONS_ALIGN;
    ae_blocks_init(&ss->blocks, (char *) mem + offset, total);

    return ss;
}


int
ae_sessions_find(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref)
{
    uint32_t  head;

    return ae_sessions_lookup(ss, id, ref, &head);
}


int
ae_sessions_read(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref,
    unsigned char *buf, size_t size)
{
    int       rc;
    uint32_t  head, tries;

    for (tries = 0; tries < AE_SESSIONS_TRIES; tries++) {
        rc = ae_sessions_lookup(ss, id, ref, &head);

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


int
ae_sessions_put(ae_sessions_t *ss, ae_session_ref_t *ref, ae_str_t text)
{
    int  rc;

    if (text.len > AE_SESSION_MAX) {
        return AE_ERROR;
    }

    ae_sessions_lock(ss);

    rc = ae_sessions_put_locked(ss, ref, text);

    ae_unlock(&ss->lock);

    return rc;
}


int
ae_sessions_remove(ae_sessions_t *ss, ae_id_t id)
{
    int               rc;
    uint32_t          head;
    ae_session_ref_t  ref;

    rc = AE_DECLINED;

    ae_sessions_lock(ss);

    if (ae_sessions_walk(ss, id, ss->seq, &ref, &head) == AE_OK) {
        ae_sessions_drop(ss, head);
        rc = AE_OK;
    }

    ae_unlock(&ss->lock);

    return rc;
}


void
ae_sessions_load_begin(ae_sessions_t *ss, uint32_t scope)
{
    ae_sessions_lock(ss);

    ss->load++;
    ss->scope = scope;
    ss->loading = 1;

    ae_unlock(&ss->lock);
}


void
ae_sessions_load_end(ae_sessions_t *ss, uint32_t scope)
{
    uint32_t       head;
    ae_session_t  *s;

    ae_sessions_lock(ss);

    /* another load that began since has taken the puts */

    if (!ss->loading || ss->scope != scope) {
        ae_unlock(&ss->lock);
        return;
    }

    for (head = 1; head <= ss->blocks.total; head++) {

        if (ae_blocks_at(&ss->blocks, head)->kind != AE_BLOCK_HEAD) {
            continue;
        }

        s = ae_sessions_at(ss, head);

        if (s->source == AE_SESSION_FILE
            && s->scope == scope && s->load != ss->load)
        {
            ae_sessions_drop(ss, head);
        }
    }

    ss->loading = 0;

    ae_unlock(&ss->lock);
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
ae_sessions_cost(size_t text_len)
{
    return ae_sessions_blocks(text_len) * AE_SESSIONS_BLOCK;
}


static uint32_t
ae_sessions_blocks(size_t text_len)
{
    return (sizeof(ae_session_t) + text_len + AE_BLOCK_DATA - 1)
           / AE_BLOCK_DATA;
}


static uint32_t *
ae_sessions_bucket(const ae_sessions_t *ss, ae_session_index_e index,
    ae_id_t id)
{
    size_t    i;
    uint64_t  hash;

    hash = (id.h[0] * 0xd1342543de82ef95 + id.h[1]) * 0x9e3779b97f4a7c15;
    i = ((hash >> 32) * ss->buckets) >> 32;

    return (uint32_t *) (ss + 1) + (size_t) index * ss->buckets + i;
}


static ae_session_t *
ae_sessions_at(const ae_sessions_t *ss, uint32_t head)
{
    return (ae_session_t *) ae_blocks_at(&ss->blocks, head)->data;
}


/* AE_OK or AE_DECLINED as of one moment */

static int
ae_sessions_lookup(ae_sessions_t *ss, ae_id_t id, ae_session_ref_t *ref,
    uint32_t *head)
{
    int       rc;
    uint32_t  tries;
    uint64_t  seq;

    for (tries = 0; tries < AE_SESSIONS_TRIES; tries++) {
        seq = __atomic_load_n(&ss->seq, __ATOMIC_ACQUIRE);

        if (seq & 1) {
            continue;
        }

        rc = ae_sessions_walk(ss, id, seq, ref, head);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (__atomic_load_n(&ss->seq, __ATOMIC_RELAXED) == seq) {
            return rc;
        }
    }

    ae_sessions_lock(ss);

    rc = ae_sessions_walk(ss, id, ss->seq, ref, head);

    ae_unlock(&ss->lock);

    return rc;
}


/* a chain that is changed meanwhile may lead anywhere, but no further */

static int
ae_sessions_walk(const ae_sessions_t *ss, ae_id_t id, uint64_t seq,
    ae_session_ref_t *ref, uint32_t *head)
{
    uint32_t       n, *link;
    ae_block_t    *b;
    ae_session_t  *s;

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {

        link = ae_sessions_bucket(ss, n, id);

        for ( ;; ) {
            *head = __atomic_load_n(link, __ATOMIC_ACQUIRE);
            b = ae_blocks_at(&ss->blocks, *head);

            if (b == NULL
                || __atomic_load_n(&ss->seq, __ATOMIC_RELAXED) != seq)
            {
                break;
            }

            s = (ae_session_t *) b->data;

            if (ae_id_equal(s->id[n], id)) {
                ref->id = s->id[AE_SESSION_BY_ID];
                ref->key_id = s->id[AE_SESSION_BY_KEY_ID];
                ref->version = s->version;
                ref->len = s->len;
                ref->source = s->source;

                return AE_OK;
            }

            link = &s->next[n];
        }
    }

    return AE_DECLINED;
}


/* AE_AGAIN: the session was replaced or removed on the way */

static int
ae_sessions_copy(const ae_sessions_t *ss, uint32_t head,
    const ae_session_ref_t *ref, unsigned char *buf)
{
    ae_block_t    *b;
    ae_session_t  *s;

    if (ae_blocks_read(&ss->blocks, head, sizeof(ae_session_t), buf, ref->len)
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


static void
ae_sessions_lock(ae_sessions_t *ss)
{
    if (ae_lock(&ss->lock) == AE_RECOVER) {
        ae_sessions_rebuild(ss);
        ae_lock_repaired(&ss->lock);
    }
}


static void
ae_sessions_change(ae_sessions_t *ss)
{
    __atomic_store_n(&ss->seq, ss->seq | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}


static void
ae_sessions_changed(ae_sessions_t *ss)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&ss->seq, ss->seq + 1, __ATOMIC_RELEASE);
}


/* the locked lookup, in one index */

static uint32_t
ae_sessions_head(const ae_sessions_t *ss, ae_session_index_e index, ae_id_t id)
{
    uint32_t       head;
    ae_session_t  *s;

    for (head = *ae_sessions_bucket(ss, index, id);
         head != 0;
         head = s->next[index])
    {
        s = ae_sessions_at(ss, head);

        if (ae_id_equal(s->id[index], id)) {
            break;
        }
    }

    return head;
}


static void
ae_sessions_link(ae_sessions_t *ss, uint32_t head)
{
    uint32_t       n, *bucket;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        bucket = ae_sessions_bucket(ss, n, s->id[n]);

        s->next[n] = *bucket;
        __atomic_store_n(bucket, head, __ATOMIC_RELEASE);
    }

    ss->sessions++;
}


static void
ae_sessions_unlink(ae_sessions_t *ss, uint32_t head)
{
    uint32_t       n, *link;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        link = ae_sessions_bucket(ss, n, s->id[n]);

        while (*link != head) {
            link = &ae_sessions_at(ss, *link)->next[n];
        }

        __atomic_store_n(link, s->next[n], __ATOMIC_RELEASE);
    }

    ss->sessions--;
}


static void
ae_sessions_drop(ae_sessions_t *ss, uint32_t head)
{
    ae_sessions_change(ss);

    ae_blocks_publish(ae_blocks_at(&ss->blocks, head), AE_BLOCK_BODY);
    ae_sessions_unlink(ss, head);

    ae_sessions_changed(ss);

    ae_blocks_give(&ss->blocks, head);
}


static int
ae_sessions_put_locked(ae_sessions_t *ss, ae_session_ref_t *ref, ae_str_t text)
{
    uint32_t       a, b, head, scope;
    ae_session_t  *s;

    a = ae_sessions_head(ss, AE_SESSION_BY_ID, ref->id);
    b = ae_sessions_head(ss, AE_SESSION_BY_KEY_ID, ref->key_id);

    /* one credential, one KeyID: a session that holds the other one goes */

    head = (a != 0) ? a : b;
    s = (head != 0) ? ae_sessions_at(ss, head) : NULL;

    if (ref->source == AE_SESSION_FILE && head != 0
        && (s->source == AE_SESSION_API
            || (b != 0 && ae_sessions_at(ss, b)->source == AE_SESSION_API)))
    {
        return AE_DECLINED;
    }

    scope = ss->loading ? ss->scope : (s != NULL) ? s->scope : 0;
    ref->len = text.len;

    if (head != 0 && a == b && s->len == text.len
        && ae_blocks_equal(&ss->blocks, head, sizeof(ae_session_t), text))
    {
        __atomic_store_n(&s->source, ref->source, __ATOMIC_RELAXED);
        s->scope = scope;
        s->load = ss->load;
        ref->version = s->version;

        return AE_OK;
    }

    head = ae_sessions_make(ss, ref, text, scope);

    if (head == 0) {
        return AE_FULL;
    }

    ref->version = ss->version;
    ae_sessions_replace(ss, head, a, b);

    return AE_OK;
}


/* a complete session that nobody sees yet, 0 for no room */

static uint32_t
ae_sessions_make(ae_sessions_t *ss, const ae_session_ref_t *ref, ae_str_t text,
    uint32_t scope)
{
    uint32_t       head;
    ae_session_t  *s;

    head = ae_blocks_take(&ss->blocks, ae_sessions_blocks(text.len));

    if (head == 0) {
        return 0;
    }

    ss->version++;

    s = ae_sessions_at(ss, head);

    s->id[AE_SESSION_BY_ID] = ref->id;
    s->id[AE_SESSION_BY_KEY_ID] = ref->key_id;
    s->len = text.len;
    s->source = ref->source;
    s->scope = scope;
    s->load = ss->load;
    __atomic_store_n(&s->version, ss->version, __ATOMIC_RELAXED);

    ae_blocks_write(&ss->blocks, head, sizeof(ae_session_t), text);

    return head;
}


/* a and b: of the session's two ids, the heads that stood before, or 0 */

static void
ae_sessions_replace(ae_sessions_t *ss, uint32_t head, uint32_t a, uint32_t b)
{
    if (a == b) {
        b = 0;
    }

    ae_sessions_change(ss);

    ae_blocks_publish(ae_blocks_at(&ss->blocks, head), AE_BLOCK_HEAD);

    if (a != 0) {
        ae_blocks_publish(ae_blocks_at(&ss->blocks, a), AE_BLOCK_BODY);
        ae_sessions_unlink(ss, a);
    }

    if (b != 0) {
        ae_blocks_publish(ae_blocks_at(&ss->blocks, b), AE_BLOCK_BODY);
        ae_sessions_unlink(ss, b);
    }

    ae_sessions_link(ss, head);

    ae_sessions_changed(ss);

    if (a != 0) {
        ae_blocks_give(&ss->blocks, a);
    }

    if (b != 0) {
        ae_blocks_give(&ss->blocks, b);
    }
}


static void
ae_sessions_rebuild(ae_sessions_t *ss)
{
    uint32_t  head;

    ae_sessions_change(ss);

    memset(ss + 1, 0, (size_t) ss->buckets * AE_SESSION_INDEXES
                      * sizeof(uint32_t));
    ss->sessions = 0;

    for (head = 1; head <= ss->blocks.total; head++) {
        if (ae_blocks_at(&ss->blocks, head)->kind == AE_BLOCK_HEAD) {
            ae_sessions_relink(ss, head);
        }
    }

    ae_blocks_repair(&ss->blocks);

    ae_sessions_changed(ss);
}


/* of the heads that share an id, a put left the old one to the new one */

static void
ae_sessions_relink(ae_sessions_t *ss, uint32_t head)
{
    uint32_t       n, other;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        other = ae_sessions_head(ss, n, s->id[n]);

        if (other == 0) {
            continue;
        }

        if (ae_sessions_at(ss, other)->version > s->version) {
            ae_blocks_publish(ae_blocks_at(&ss->blocks, head), AE_BLOCK_FREE);
            return;
        }

        ae_sessions_unlink(ss, other);
        ae_blocks_publish(ae_blocks_at(&ss->blocks, other), AE_BLOCK_FREE);
    }

    ae_sessions_link(ss, head);
}
