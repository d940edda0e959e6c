/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Sessions one after the other, as they lie in memory.
 */


#include "core/shared/ae_sessions.h"


/* blocks that are looked at while writers wait */
#define AE_SESSIONS_LIST     256


static int ae_sessions_list_some(ae_sessions_t *ss, uint32_t *cursor,
    ae_session_ref_t *list, size_t *n, size_t max);


int
ae_sessions_list(ae_sessions_t *ss, uint32_t *cursor, uint32_t look,
    ae_session_ref_t *list, size_t *n)
{
    int       rc;
    size_t    max;
    uint32_t  looked;

    rc = AE_AGAIN;
    max = *n;
    *n = 0;

    for (looked = 0;
         rc == AE_AGAIN && *n < max && looked < look;
         looked += AE_SESSIONS_LIST)
    {
        ae_sessions_lock(ss);

        rc = ae_sessions_list_some(ss, cursor, list, n, max);

        ae_unlock(&ss->lock);
    }

    return rc;
}


static int
ae_sessions_list_some(ae_sessions_t *ss, uint32_t *cursor,
    ae_session_ref_t *list, size_t *n, size_t max)
{
    uint32_t       i, head;
    ae_session_t  *s;

    for (i = 0; i < AE_SESSIONS_LIST; i++) {

        if (*cursor >= ss->blocks.total) {
            return AE_OK;
        }

        if (*n == max) {
            return AE_AGAIN;
        }

        head = ++*cursor;

        if (ae_blocks_at(&ss->blocks, head)->kind != AE_BLOCK_HEAD) {
            continue;
        }

        s = ae_sessions_at(ss, head);

        list[*n].id = s->id[AE_SESSION_BY_ID];
        list[*n].key_id = s->id[AE_SESSION_BY_KEY_ID];
        list[*n].version = s->version;
        list[*n].len = s->len;
        list[*n].source = s->source;
        list[*n].record = s->record;

        (*n)++;
    }

    return AE_AGAIN;
}
