/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What is kept of an event, as a damaged store may give it: it is read within
 * its bounds, with a key or without, and what is a record comes back as it
 * was.
 */


#include <stdlib.h>
#include <string.h>

#include "core/core.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_read(ae_str_t kept, const ae_seal_t *seal);
static void fuzz_write(ae_str_t record, const ae_seal_t *seal);
static void fuzz_expect(int condition);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ae_str_t   kept;
    ae_seal_t  seal;

    /* exact, so that a read behind it is seen */

    kept.len = size;
    kept.data = malloc((size != 0) ? size : 1);

    if (kept.data == NULL) {
        abort();
    }

    if (size != 0) {
        memcpy(kept.data, data, size);
    }

    memset(&seal, 0, sizeof(ae_seal_t));

    fuzz_write(kept, NULL);
    fuzz_write(kept, &seal);
    fuzz_read(kept, NULL);
    fuzz_read(kept, &seal);

    free(kept.data);

    return 0;
}


static void
fuzz_read(ae_str_t kept, const ae_seal_t *seal)
{
    int         rc;
    ae_str_t    record;
    ae_event_t  ev;

    rc = ae_unseal(seal, kept, &record);
    fuzz_expect(rc == AE_OK || rc == AE_DECLINED);

    if (rc == AE_OK) {
        fuzz_expect(record.len <= kept.len);
        (void) ae_event_decode(&ev, record);
    }
}


static void
fuzz_write(ae_str_t record, const ae_seal_t *seal)
{
    int          rc;
    ae_str_t     kept, back;
    ae_event_t   ev, clean;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);
    fuzz_expect(arena != NULL);

    rc = ae_seal(seal, record, arena, &clean, &kept);
    fuzz_expect(rc == AE_OK || rc == AE_DECLINED);

    if (rc == AE_OK) {
        fuzz_expect(ae_unseal(NULL, kept, &back) == AE_OK);
        fuzz_expect(ae_event_decode(&ev, back) == AE_OK);
        fuzz_expect(ev.secret.len == 0);

        fuzz_expect(ae_unseal(seal, kept, &back) == AE_OK);
        fuzz_expect(ae_event_decode(&ev, back) == AE_OK);

        if (seal != NULL) {
            fuzz_expect(back.len == record.len
                        && memcmp(back.data, record.data, back.len) == 0);
        }
    }

    ae_arena_destroy(arena);
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
