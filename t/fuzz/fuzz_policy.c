/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A set of policies, a byte 0, a session.  Types are not checked before, as
 * the store does: nothing crashes whatever the documents are, an error has a
 * text, what is merged is a JSON document, and the same when it is done again.
 */


#include <stdlib.h>
#include <string.h>

#include "core/text/text.h"


#define FUZZ_OUTPUT  (4 * 1024 * 1024)
#define FUZZ_MEMORY  (64 * 1024 * 1024)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ae_value_t *fuzz_parse(ae_arena_t *arena, const uint8_t *data,
    size_t size);
static void fuzz_apply(ae_arena_t *arena, const ae_policies_t *p,
    ae_value_t *session);
static void fuzz_write(ae_arena_t *arena, ae_buf_t *b, const ae_value_t *v);
static void fuzz_error(const ae_error_t *err);
static void fuzz_expect(int condition);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_value_t     *policies, *session;
    const uint8_t  *end;
    ae_policies_t  *p;

    end = memchr(data, 0, size);

    if (end == NULL) {
        return 0;
    }

    arena = ae_arena_create(FUZZ_MEMORY);
    fuzz_expect(arena != NULL);

    policies = fuzz_parse(arena, data, (size_t) (end - data));
    session = fuzz_parse(arena, end + 1, size - (size_t) (end - data) - 1);

    if (policies != NULL && session != NULL) {
        memset(&err, 0, sizeof(ae_error_t));
        p = ae_policies_create(arena, policies, &err);

        if (p == NULL) {
            fuzz_error(&err);

        } else {
            fuzz_apply(arena, p, session);
        }
    }

    ae_arena_destroy(arena);

    return 0;
}


/* from memory of its own, so that a read behind it is seen */

static ae_value_t *
fuzz_parse(ae_arena_t *arena, const uint8_t *data, size_t size)
{
    ae_str_t     text;
    ae_error_t   err;
    ae_value_t  *v;

    text.len = size;
    text.data = malloc(size + 1);
    fuzz_expect(text.data != NULL);

    memcpy(text.data, data, size);

    v = ae_json_parse(arena, text, &err);

    free(text.data);

    return v;
}


static void
fuzz_apply(ae_arena_t *arena, const ae_policies_t *p, ae_value_t *session)
{
    int          rc, again;
    ae_buf_t     one, two;
    ae_error_t   err;
    ae_merged_t  merged;

    memset(&err, 0, sizeof(ae_error_t));

    (void) ae_policies_grant(p, session);

    rc = ae_policies_apply(arena, p, session, &merged, &err);

    if (rc != AE_OK) {
        fuzz_error(&err);
        fuzz_expect(merged.document == session);
        return;
    }

    fuzz_write(arena, &one, merged.document);

    again = ae_policies_apply(arena, p, session, &merged, &err);
    fuzz_expect(again == AE_OK);

    fuzz_write(arena, &two, merged.document);

    fuzz_expect(one.len == two.len
                && memcmp(one.data, two.data, one.len) == 0);

    ae_buf_free(&one);
    ae_buf_free(&two);
}


static void
fuzz_write(ae_arena_t *arena, ae_buf_t *b, const ae_value_t *v)
{
    ae_error_t  err;

    ae_buf_init(b, FUZZ_OUTPUT);
    ae_json_write(b, v);

    fuzz_expect(b->failed
                || ae_json_parse(arena, (ae_str_t) { b->len, b->data }, &err)
                   != NULL);
}


static void
fuzz_error(const ae_error_t *err)
{
    fuzz_expect(err->text[0] != '\0');
    fuzz_expect(memchr(err->text, '\0', sizeof(err->text)) != NULL);
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
