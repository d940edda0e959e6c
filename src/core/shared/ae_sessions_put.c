/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * How sessions change, always locked.  A head is published by one store.  So a
 * put that died between the new and the old head leaves two, of which the
 * rebuild keeps the higher version.
 */


#include <string.h>

#include "core/shared/ae_sessions.h"


#define AE_SESSION_MAX       (1024 * 1024)


static void ae_sessions_change(ae_sessions_t *ss);
static void ae_sessions_changed(ae_sessions_t *ss);
static void ae_sessions_link(ae_sessions_t *ss, uint32_t head);
static void ae_sessions_unlink(ae_sessions_t *ss, uint32_t head);
static void ae_sessions_drop(ae_sessions_t *ss, uint32_t head);

static int ae_sessions_put_locked(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text);
static int ae_sessions_same(const ae_sessions_t *ss, uint32_t head,
    ae_str_t record, ae_str_t text);
static uint32_t ae_sessions_make(ae_sessions_t *ss,
    const ae_session_ref_t *ref, ae_str_t record, ae_str_t text,
    uint32_t scope);
static void ae_sessions_replace(ae_sessions_t *ss, uint32_t head, uint32_t a,
    uint32_t b);
static void ae_sessions_relink(ae_sessions_t *ss, uint32_t head);


int
ae_sessions_put(ae_sessions_t *ss, ae_session_ref_t *ref, ae_str_t text)
{
    return ae_sessions_put_record(ss, ref, (ae_str_t) { 0, NULL }, text);
}


int
ae_sessions_put_record(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text)
{
    int  rc;

    if (text.len > AE_SESSION_MAX || record.len > AE_SESSION_RECORD_MAX) {
        return AE_ERROR;
    }

    ae_sessions_lock(ss);

    rc = ae_sessions_put_locked(ss, ref, record, text);

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


static void
ae_sessions_link(ae_sessions_t *ss, uint32_t head)
{
    uint32_t       n, link, *place;
    ae_slots_t    *slots;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        slots = ae_sessions_bucket(ss, n, s->id[n]);
        place = ae_slots_room(slots);

        if (ae_slots_chained(slots, place)) {
            s->next[n] = *place;
            link = head;

        } else {
            s->next[n] = 0;
            link = head | ae_slots_tag(s->id[n], ss->mask);
        }

        __atomic_store_n(place, link, __ATOMIC_RELEASE);
    }

    ss->sessions++;
}


static void
ae_sessions_unlink(ae_sessions_t *ss, uint32_t head)
{
    uint32_t       n, *place;
    ae_slots_t    *slots;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        slots = ae_sessions_bucket(ss, n, s->id[n]);
        place = ae_slots_place(slots, head,
                               ae_slots_tag(s->id[n], ss->mask));

        if (ae_slots_chained(slots, place)) {

            while (*place != head) {
                place = &ae_sessions_at(ss, *place)->next[n];
            }
        }

        /* what is in a slot is the last of its chain */

        __atomic_store_n(place, s->next[n], __ATOMIC_RELEASE);
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
ae_sessions_put_locked(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text)
{
    uint32_t       a, b, head, scope;
    ae_session_t  *s;

    a = ae_sessions_head(ss, AE_SESSION_BY_ID, ref->id, ss->seq);
    b = ae_sessions_head(ss, AE_SESSION_BY_KEY_ID, ref->key_id, ss->seq);

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
    ref->record = record.len;

    if (head != 0 && a == b && ae_sessions_same(ss, head, record, text))
    {
        __atomic_store_n(&s->source, ref->source, __ATOMIC_RELAXED);
        s->scope = scope;
        s->load = ss->load;
        ref->version = s->version;

        return AE_OK;
    }

    head = ae_sessions_make(ss, ref, record, text, scope);

    if (head == 0) {
        return AE_FULL;
    }

    ref->version = ss->version;
    ae_sessions_replace(ss, head, a, b);

    return AE_OK;
}


static int
ae_sessions_same(const ae_sessions_t *ss, uint32_t head, ae_str_t record,
    ae_str_t text)
{
    size_t         skip;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);
    skip = sizeof(ae_session_t);

    return s->len == text.len && s->record == record.len
           && ae_blocks_equal(&ss->blocks, head, skip, record)
           && ae_blocks_equal(&ss->blocks, head, skip + record.len, text);
}


/* a complete session that nobody sees yet, 0 for no room */

static uint32_t
ae_sessions_make(ae_sessions_t *ss, const ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text, uint32_t scope)
{
    size_t         skip;
    uint32_t       head;
    ae_session_t  *s;

    head = ae_blocks_take(&ss->blocks,
                          ae_sessions_blocks(record.len + text.len));

    if (head == 0) {
        return 0;
    }

    ss->version++;

    s = ae_sessions_at(ss, head);

    s->id[AE_SESSION_BY_ID] = ref->id;
    s->id[AE_SESSION_BY_KEY_ID] = ref->key_id;
    s->len = text.len;
    s->source = ref->source;
    s->record = record.len;
    s->scope = scope;
    s->load = ss->load;
    __atomic_store_n(&s->version, ss->version, __ATOMIC_RELAXED);

    skip = sizeof(ae_session_t);

    ae_blocks_write(&ss->blocks, head, skip, record);
    ae_blocks_write(&ss->blocks, head, skip + record.len, text);

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


void
ae_sessions_rebuild(ae_sessions_t *ss)
{
    uint32_t  head;

    ae_sessions_change(ss);

    memset(ss + 1, 0, (size_t) ss->buckets * AE_SESSION_INDEXES
                      * sizeof(ae_slots_t));
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
        other = ae_sessions_head(ss, n, s->id[n], ss->seq);

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
