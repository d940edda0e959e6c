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
static void ae_sessions_link_by(ae_sessions_t *ss, uint32_t n, uint32_t head);
static void ae_sessions_unlink_by(ae_sessions_t *ss, uint32_t n,
    uint32_t head);
static void ae_sessions_rename(ae_sessions_t *ss, uint32_t head, ae_id_t id);
static void ae_sessions_drop(ae_sessions_t *ss, uint32_t head);

static int ae_sessions_delete_locked(ae_sessions_t *ss, ae_id_t key_id,
    uint32_t scope, int always);
static void ae_sessions_end(ae_sessions_t *ss, uint32_t head, uint32_t scope);

static int ae_sessions_put_locked(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text);
static int ae_sessions_kept(ae_sessions_t *ss, uint32_t head);
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
ae_sessions_settle(ae_sessions_t *ss, ae_session_ref_t *ref, uint64_t version,
    ae_str_t record, ae_str_t text)
{
    int            rc;
    uint32_t       head;
    ae_session_t  *s;

    if (text.len > AE_SESSION_MAX || record.len > AE_SESSION_RECORD_MAX) {
        return AE_ERROR;
    }

    ae_sessions_lock(ss);

    head = ae_sessions_head(ss, AE_SESSION_BY_KEY_ID, ref->key_id, ss->seq);
    s = (head != 0) ? ae_sessions_at(ss, head) : NULL;

    if (s != NULL && s->source == AE_SESSION_AHEAD && s->version > version) {
        rc = AE_DECLINED;

    } else {
        rc = ae_sessions_put_locked(ss, ref, record, text);
    }

    ae_unlock(&ss->lock);

    return rc;
}


int
ae_sessions_renew(ae_sessions_t *ss, ae_session_ref_t *ref, ae_str_t record,
    ae_str_t text)
{
    int            rc;
    uint32_t       head;
    ae_session_t  *s;

    ae_sessions_lock(ss);

    head = ae_sessions_head(ss, AE_SESSION_BY_KEY_ID, ref->key_id, ss->seq);
    s = (head != 0) ? ae_sessions_at(ss, head) : NULL;

    if (s == NULL || s->version != ref->version || ss->loading
        || (s->source != AE_SESSION_FILE && s->source != AE_SESSION_API))
    {
        rc = AE_DECLINED;

    } else {
        ref->source = s->source;
        rc = ae_sessions_put_locked(ss, ref, record, text);
    }

    ae_unlock(&ss->lock);

    return rc;
}


int
ae_sessions_name(ae_sessions_t *ss, ae_id_t key_id, ae_id_t id)
{
    int            rc;
    uint32_t       head;
    ae_session_t  *s;

    rc = AE_DECLINED;

    ae_sessions_lock(ss);

    head = ae_sessions_head(ss, AE_SESSION_BY_KEY_ID, key_id, ss->seq);
    s = (head != 0) ? ae_sessions_at(ss, head) : NULL;

    if (s == NULL || s->source == AE_SESSION_GONE) {
        goto done;
    }

    if (ae_id_equal(s->id[AE_SESSION_BY_ID], id)) {
        rc = AE_OK;
        goto done;
    }

    /* who died on the way may have left half of an id */

    if (ae_sessions_head(ss, AE_SESSION_BY_ID, id, ss->seq) == 0
        && s->named == 0)
    {
        ae_sessions_change(ss);
        ae_sessions_rename(ss, head, id);
        s->named = 1;
        ae_sessions_changed(ss);
        rc = AE_OK;
    }

done:

    ae_unlock(&ss->lock);

    return rc;
}


int
ae_sessions_delete(ae_sessions_t *ss, ae_id_t key_id, uint32_t scope,
    int always)
{
    int  rc;

    ae_sessions_lock(ss);

    rc = ae_sessions_delete_locked(ss, key_id, scope, always);

    ae_unlock(&ss->lock);

    return rc;
}


void
ae_sessions_clear(ae_sessions_t *ss)
{
    uint32_t  head;

    ae_sessions_lock(ss);

    for (head = 1; head <= ss->blocks.total; head++) {

        if (ae_blocks_at(&ss->blocks, head)->kind == AE_BLOCK_HEAD
            && ae_sessions_at(ss, head)->source != AE_SESSION_FILE)
        {
            ae_sessions_drop(ss, head);
        }
    }

    ae_unlock(&ss->lock);
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

        if (s->scope != scope || s->load == ss->load) {
            continue;
        }

        /* a file had it until now */

        if (s->source == AE_SESSION_FILE || s->source == AE_SESSION_GONE) {
            ae_sessions_drop(ss, head);

        } else {
            s->scope = 0;
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
    uint32_t  n;

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        ae_sessions_link_by(ss, n, head);
    }

    ss->sessions++;
}


static void
ae_sessions_unlink(ae_sessions_t *ss, uint32_t head)
{
    uint32_t  n;

    for (n = AE_SESSION_BY_ID; n < AE_SESSION_INDEXES; n++) {
        ae_sessions_unlink_by(ss, n, head);
    }

    ss->sessions--;
}


static void
ae_sessions_link_by(ae_sessions_t *ss, uint32_t n, uint32_t head)
{
    uint32_t       link, *place;
    ae_slots_t    *slots;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);
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


static void
ae_sessions_unlink_by(ae_sessions_t *ss, uint32_t n, uint32_t head)
{
    uint32_t      *place;
    ae_slots_t    *slots;
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);
    slots = ae_sessions_bucket(ss, n, s->id[n]);
    place = ae_slots_place(slots, head, ae_slots_tag(s->id[n], ss->mask));

    if (ae_slots_chained(slots, place)) {

        while (*place != head) {
            place = &ae_sessions_at(ss, *place)->next[n];
        }
    }

    /* what is in a slot is the last of its chain */

    __atomic_store_n(place, s->next[n], __ATOMIC_RELEASE);
}


/* where it is; what is cut short finds the next put, or the next name */

static void
ae_sessions_rename(ae_sessions_t *ss, uint32_t head, ae_id_t id)
{
    ae_sessions_unlink_by(ss, AE_SESSION_BY_ID, head);
    ae_sessions_at(ss, head)->id[AE_SESSION_BY_ID] = id;
    ae_sessions_link_by(ss, AE_SESSION_BY_ID, head);
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
ae_sessions_delete_locked(ae_sessions_t *ss, ae_id_t key_id, uint32_t scope,
    int always)
{
    uint32_t          head;
    ae_str_t          none;
    ae_session_t     *s;
    ae_session_ref_t  ref;

    head = ae_sessions_head(ss, AE_SESSION_BY_KEY_ID, key_id, ss->seq);

    if (head == 0 && always) {
        none.len = 0;
        none.data = NULL;

        memset(&ref, 0, sizeof(ae_session_ref_t));
        ref.id = key_id;
        ref.key_id = key_id;
        ref.source = AE_SESSION_GONE;

        head = ae_sessions_make(ss, &ref, none, none, scope);

        if (head == 0) {
            return AE_FULL;
        }

        ae_sessions_replace(ss, head, 0, 0);

        return AE_OK;
    }

    s = (head != 0) ? ae_sessions_at(ss, head) : NULL;

    if (s == NULL || s->source == AE_SESSION_GONE) {
        return AE_DECLINED;
    }

    if (s->source == AE_SESSION_FILE || s->scope != 0 || always) {
        ae_sessions_end(ss, head, scope);

    } else {
        ae_sessions_drop(ss, head);
    }

    return AE_OK;
}


/* in its place, as there may be no room; cut short it is a session still */

static void
ae_sessions_end(ae_sessions_t *ss, uint32_t head, uint32_t scope)
{
    ae_session_t  *s;

    s = ae_sessions_at(ss, head);

    ae_sessions_change(ss);

    ae_sessions_rename(ss, head, s->id[AE_SESSION_BY_KEY_ID]);

    __atomic_store_n(&s->version, ++ss->version, __ATOMIC_RELAXED);
    __atomic_store_n(&s->source, AE_SESSION_GONE, __ATOMIC_RELEASE);
    s->record = 0;
    s->len = 0;
    s->named = 0;
    s->scope = (s->scope != 0) ? s->scope : scope;

    ae_sessions_changed(ss);
}


static int
ae_sessions_put_locked(ae_sessions_t *ss, ae_session_ref_t *ref,
    ae_str_t record, ae_str_t text)
{
    uint32_t       a, b, head, scope;
    ae_session_t  *s;

    b = ae_sessions_head(ss, AE_SESSION_BY_KEY_ID, ref->key_id, ss->seq);

    if (b != 0 && ae_id_equal(ref->id, ref->key_id)) {
        ref->id = ae_sessions_at(ss, b)->id[AE_SESSION_BY_ID];
    }

    a = ae_sessions_head(ss, AE_SESSION_BY_ID, ref->id, ss->seq);

    /* one credential, one KeyID: a session that holds the other one goes */

    head = (a != 0) ? a : b;
    s = (head != 0) ? ae_sessions_at(ss, head) : NULL;

    if (ref->source == AE_SESSION_FILE
        && (ae_sessions_kept(ss, a) || ae_sessions_kept(ss, b)))
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


/* not to be replaced by a file's, which it is noted that there is */

static int
ae_sessions_kept(ae_sessions_t *ss, uint32_t head)
{
    ae_session_t  *s;

    if (head == 0) {
        return 0;
    }

    s = ae_sessions_at(ss, head);

    if (s->source == AE_SESSION_FILE) {
        return 0;
    }

    if (ss->loading) {
        s->scope = ss->scope;
        s->load = ss->load;
    }

    return 1;
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
    s->named = !ae_id_equal(ref->id, ref->key_id);
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
