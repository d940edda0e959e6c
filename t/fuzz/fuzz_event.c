/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * An event's record as it comes back from a store: any bytes.  What decodes is
 * encoded to the same bytes again, and whatever its strings are, it is shown
 * as JSON that is valid, and as fields that begin no other one.
 */


#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "core/webhook/webhook.h"


#define FUZZ_MEMORY  (64 * 1024 * 1024)
#define FUZZ_OUTPUT  (16 * 1024 * 1024)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_record(ae_str_t record);
static void fuzz_same(const ae_event_t *ev, ae_str_t record);
static void fuzz_clean(const ae_event_t *ev);
static void fuzz_identity(const ae_event_t *ev);
static void fuzz_envelope(const ae_event_t *ev);
static void fuzz_bodies(const ae_event_t *ev);
static void fuzz_body(const ae_event_t *ev, ae_format_e format,
    ae_str_t data);
static void fuzz_fields(const ae_event_t *ev);
static int fuzz_field(void *data, ae_str_t name, ae_str_t value);
static void fuzz_json(const ae_buf_t *b);
static ae_arena_t *fuzz_arena(void);
static void fuzz_expect(int condition);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ae_str_t  record;

    /* memory of its own, so that a read behind it is seen */

    record.len = size;
    record.data = malloc((size != 0) ? size : 1);
    fuzz_expect(record.data != NULL);

    if (size != 0) {
        memcpy(record.data, data, size);
    }

    fuzz_record(record);
    free(record.data);

    return 0;
}


static void
fuzz_record(ae_str_t record)
{
    int         rc;
    ae_event_t  ev;

    rc = ae_event_decode(&ev, record);
    fuzz_expect(rc == AE_OK || rc == AE_ERROR);

    if (rc != AE_OK) {
        return;
    }

    fuzz_same(&ev, record);
    fuzz_clean(&ev);
    fuzz_identity(&ev);
    fuzz_envelope(&ev);
    fuzz_bodies(&ev);
    fuzz_fields(&ev);
}


static void
fuzz_same(const ae_event_t *ev, ae_str_t record)
{
    unsigned char  *copy;

    fuzz_expect(ae_event_size(ev) == record.len);

    copy = malloc(record.len);
    fuzz_expect(copy != NULL);

    ae_event_encode(ev, copy);
    fuzz_expect(memcmp(copy, record.data, record.len) == 0);

    free(copy);
}


static void
fuzz_clean(const ae_event_t *ev)
{
    ae_str_t     record;
    ae_arena_t  *arena;
    ae_event_t   clean;

    arena = fuzz_arena();
    record = ae_event_clean(ev, arena);

    fuzz_expect(record.data != NULL);
    fuzz_expect(ae_event_decode(&clean, record) == AE_OK);
    fuzz_expect(clean.secret.len == 0);
    fuzz_expect(ae_id_equal(clean.id, ev->id) && clean.time == ev->time);

    /* at the least where it stands alone */

    if (ev->secret.len > AE_MASK_LEN && ev->key.len == ev->secret.len
        && memcmp(ev->key.data, ev->secret.data, ev->key.len) == 0)
    {
        fuzz_expect(clean.key.len <= AE_MASK_LEN);
    }

    ae_arena_destroy(arena);
}


static void
fuzz_identity(const ae_event_t *ev)
{
    ae_id_t     endpoint;
    ae_event_t  other;

    static const unsigned char  key[16] = "0123456789abcdef";

    endpoint = (ae_id_t) { { 1, 2 } };

    other = *ev;
    other.id.h[0]++;
    other.time++;
    other.sequence++;
    other.origin = ae_str("10.0.0.1:1");
    other.request = ae_str("GET / HTTP/1.1");

    fuzz_expect(ae_id_equal(ae_event_identity(key, ev, endpoint),
                            ae_event_identity(key, &other, endpoint)));
}


static void
fuzz_envelope(const ae_event_t *ev)
{
    ae_buf_t     b;
    ae_arena_t  *arena;
    ae_value_t  *map;

    arena = fuzz_arena();
    map = ae_envelope(arena, ev, ev->sequence);
    fuzz_expect(map != NULL);

    ae_buf_init(&b, FUZZ_OUTPUT);
    ae_json_write(&b, map);
    fuzz_json(&b);

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


static void
fuzz_bodies(const ae_event_t *ev)
{
    int  format;

    for (format = AE_FORMAT_STANDARD; format <= AE_FORMAT_CLOUDEVENTS_BATCH;
         format++)
    {
        fuzz_body(ev, format, ae_str(""));
        fuzz_body(ev, format, ev->request);
    }
}


/* twice, which is one array in a batch */

static void
fuzz_body(const ae_event_t *ev, ae_format_e format, ae_str_t data)
{
    int          i;
    ae_buf_t     b;
    ae_arena_t  *arena;

    arena = fuzz_arena();
    ae_buf_init(&b, FUZZ_OUTPUT);

    for (i = 0; i < 2; i++) {
        fuzz_expect(ae_format_body(&b, format, arena, ev, i, data) == AE_OK);
        fuzz_json(&b);

        if (format != AE_FORMAT_CLOUDEVENTS_BATCH) {
            b.len = 0;
        }
    }

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


static void
fuzz_fields(const ae_event_t *ev)
{
    int          n;
    ae_arena_t  *arena;

    n = 0;
    arena = fuzz_arena();

    fuzz_expect(ae_format_fields(arena, ev, 1, fuzz_field, &n) == AE_OK);
    fuzz_expect(n >= 7);

    ae_arena_destroy(arena);
}


static int
fuzz_field(void *data, ae_str_t name, ae_str_t value)
{
    int *n = data;

    size_t  i;

    for (i = 3; i < name.len; i++) {
        fuzz_expect(name.data[i] >= 'a' && name.data[i] <= 'z');
    }

    for (i = 0; i < value.len; i++) {
        fuzz_expect(value.data[i] > 0x20 && value.data[i] < 0x7f);
    }

    fuzz_expect(name.len > 3 && memcmp(name.data, "ce-", 3) == 0);
    fuzz_expect(value.len != 0);

    (*n)++;

    return AE_OK;
}


/* an envelope may be deeper than what the core takes */

static void
fuzz_json(const ae_buf_t *b)
{
    ae_error_t    err;
    ae_value_t   *v;
    ae_arena_t   *arena;
    yajl_handle   handle;

    fuzz_expect(!b->failed && b->len != 0);

    handle = yajl_alloc(NULL, NULL, NULL);
    fuzz_expect(handle != NULL);

    fuzz_expect(yajl_parse(handle, b->data, b->len) == yajl_status_ok);
    fuzz_expect(yajl_complete_parse(handle) == yajl_status_ok);

    yajl_free(handle);

    arena = fuzz_arena();

    fuzz_expect(ae_json_read(arena, (ae_str_t) { b->len, b->data }, &v, &err)
                == AE_OK
                || strcmp(err.text, "at most 64 levels are expected") == 0);

    ae_arena_destroy(arena);
}


static ae_arena_t *
fuzz_arena(void)
{
    ae_arena_t  *arena;

    arena = ae_arena_create(FUZZ_MEMORY);
    fuzz_expect(arena != NULL);

    return arena;
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
