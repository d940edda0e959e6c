/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * outbox: the queue's deliveries as a store keeps them (ae_queue_outbox.c); a
 * part of shared.h.
 */


#ifndef _AE_OUTBOX_H_INCLUDED_
#define _AE_OUTBOX_H_INCLUDED_


#include "core/base/base.h"


/*
 * A delivery that is pending when the store is written has to be in it, and
 * one that has ended must not stay in it.  The queue itself knows which are
 * which, so that it is no matter who dies when:
 *
 *   changed --save--> saving --saved--> kept --ends--> gone --forget--> free
 *
 * A new delivery is changed, and so is one that is retried.  What ends while
 * it is changed and was never saved is simply free, so that a delivery that
 * is made at once never meets the disk; any other is gone and keeps its node
 * until the store has deleted it.  One process at a time, the keeper, calls
 * the functions below; after its death the next one begins with
 * ae_queue_keeper(), which makes what was being saved changed again.  Writing
 * and deleting a row twice has to be the same as once.
 */

typedef struct {
    uint64_t                 uid;           /* of the delivery, unique over
                                               zones: the row's key; at
                                               most INT64_MAX */
    ae_id_t                  event;         /* its id, by whoever reads the
                                               record: here it is zero */
    ae_id_t                  endpoint;      /* identity */
    ae_id_t                  cooldown;      /* identity, when period > 0 */
    uint64_t                 period;        /* ns */
    uint64_t                 due;           /* wall, ns; 0: now */
    uint64_t                 suppressed;
    uint32_t                 attempt;       /* made until now */
    uint32_t                 held;          /* until its cooldown's end, which
                                               due is when it is known */
    size_t                   len;           /* of the event's record */

    /* private: which node it was */
    uint32_t                 node;
    uint32_t                 version;
} ae_outbox_row_t;


/*
 * ns; nothing that was restored waits for longer, but for a cooldown of more
 * than this: no retry does, so a row that is due later was written, or is
 * read, with a wall clock that is wrong.
 */
#define AE_OUTBOX_LATEST     ((uint64_t) 3 * 86400 * 1000000000)

typedef struct ae_queue_s    ae_queue_t;

/*
 * With a store deliveries are kept, without one the lists stay empty.  Begins
 * anew for a new keeper.  Bounded: gives up the lock between batches, and may
 * be called again when its caller died.  A delivery keeps its uid while it
 * waits, also when the store goes and comes back.
 */
void ae_queue_keeper(ae_queue_t *q, int store);

/*
 * The next changed deliveries that were made or changed before `before` (mono,
 * ns), oldest first, as rows that are being saved from now on; returns how
 * many.  read: copies a row's record as it is in the queue, AE_DECLINED if it
 * has ended meanwhile: there is nothing to write for it, and it is no matter
 * whether the row is among the saved ones.
 */
size_t ae_queue_save(ae_queue_t *q, ae_outbox_row_t *rows, size_t n,
    uint64_t before, const ae_now_t *now);
int ae_queue_save_read(ae_queue_t *q, const ae_outbox_row_t *row,
    unsigned char *buf);

/*
 * The rows were written: kept; or ok is 0, changed again, in front of the
 * others.  Any of them may have been written then, so that those that end are
 * gone and wait for being deleted: a keeper whose store is down for long saves
 * no more than it needs to find out.
 */
void ae_queue_saved(ae_queue_t *q, const ae_outbox_row_t *rows, size_t n,
    int ok);

/*
 * Those that are gone, oldest first, the same ones until they are forgotten;
 * forget frees them when their rows are deleted.  One may be among them that
 * was being saved when it ended: a store deletes after it wrote.  When there
 * is no room for new deliveries, those that are gone for longest are forgotten
 * before, which is counted: their rows stay, and if the queue ends before
 * ae_queue_restore() told to delete them, the next one delivers them again.
 */
size_t ae_queue_gone(ae_queue_t *q, uint64_t *uids, uint32_t *nodes,
    size_t n);
void ae_queue_forget(ae_queue_t *q, const uint64_t *uids,
    const uint32_t *nodes, size_t n);

/*
 * Takes a delivery out of the store: pending here under its uid, and kept.
 * One that is held is sent when its cooldown ends, and those of the same
 * identity wait behind it.  Those of one event have a copy of its record each.
 *
 * AE_FULL: no room now, for those of this endpoint at least; they leave a part
 * of its share of the pool to new ones, and its bound is not asked.
 * AE_DECLINED: it is here already, also when it is gone; or its endpoint is
 * not known, or retired; or there is no keeper.  AE_ERROR: the row is to be
 * deleted; it has no uid, or is of a delivery of this queue that ended and was
 * forgotten.  One of another queue, which was restored, is not remembered when
 * it is forgotten: a row that was read before that must not be restored after.
 */
int ae_queue_restore(ae_queue_t *q, const ae_outbox_row_t *row,
    ae_str_t record, const ae_now_t *now);

/* at any time */

typedef struct {
    uint32_t                 changed;
    uint32_t                 saving;
    uint32_t                 kept;
    uint32_t                 gone;
    uint64_t                 forgotten;     /* were gone, and had to make room
                                               before they were deleted */
} ae_outbox_stat_t;

void ae_queue_outbox_stat(ae_queue_t *q, ae_outbox_stat_t *st);


#endif /* _AE_OUTBOX_H_INCLUDED_ */
