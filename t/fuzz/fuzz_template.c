/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The first byte chooses how values are escaped, the rest is a template.  It
 * is rendered twice over an envelope with hostile values: nothing crashes, the
 * output is bounded and the same both times, and what is a JSON document over
 * plain values is one over hostile ones.
 */


#include <stdlib.h>
#include <string.h>

#include "core/text/text.h"


#define FUZZ_OUTPUT  (256 * 1024)
#define FUZZ_MEMORY  (64 * 1024 * 1024)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_twice(const ae_template_t *t);
static void fuzz_json(const ae_template_t *t);
static int fuzz_compares(ae_str_t text);
static ae_value_t *fuzz_envelope(ae_arena_t *arena, int hostile);
static void fuzz_str(ae_arena_t *arena, ae_value_t *map, ae_str_t name,
    ae_str_t s);
static void fuzz_add(ae_value_t *map, ae_str_t name, ae_value_t *v);
static void fuzz_expect(int condition);
static int fuzz_render(const ae_template_t *t, const ae_value_t *root,
    ae_buf_t *out);


static const char *const  fuzz_words[] = {
    "eq", "ne", "lt", "le", "gt", "ge", "len", "index", NULL
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ae_str_t        text;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_escape_e     escape;
    ae_template_t  *t;

    if (size == 0) {
        return 0;
    }

    escape = (data[0] & 1) ? AE_ESCAPE_JSON : AE_ESCAPE_NONE;

    /* memory of its own, so that a read behind it is seen */

    text.len = size - 1;
    text.data = malloc(size);
    arena = ae_arena_create(FUZZ_MEMORY);
    fuzz_expect(text.data != NULL && arena != NULL);

    memcpy(text.data, data + 1, text.len);
    memset(&err, 0, sizeof(ae_error_t));

    t = ae_template_parse(arena, text, escape, &err);

    if (t != NULL) {
        (void) ae_template_uses(t, "OriginatingRequest");

        fuzz_twice(t);

        if (escape == AE_ESCAPE_JSON && !fuzz_compares(text)) {
            fuzz_json(t);
        }

    } else {
        fuzz_expect(err.line != 0 && err.text[0] != '\0');
        fuzz_expect(memchr(err.text, '\0', sizeof(err.text)) != NULL);
    }

    ae_arena_destroy(arena);
    free(text.data);

    return 0;
}


static void
fuzz_twice(const ae_template_t *t)
{
    int          rc[2];
    ae_buf_t     out[2];
    ae_arena_t  *arena;
    ae_value_t  *root;

    arena = ae_arena_create(FUZZ_MEMORY);
    root = fuzz_envelope(arena, 1);

    rc[0] = fuzz_render(t, root, &out[0]);
    rc[1] = fuzz_render(t, root, &out[1]);

    fuzz_expect(rc[0] == rc[1] && out[0].len == out[1].len);
    fuzz_expect(out[0].len <= FUZZ_OUTPUT);
    fuzz_expect(out[0].len == 0
                || memcmp(out[0].data, out[1].data, out[0].len) == 0);

    ae_buf_free(&out[0]);
    ae_buf_free(&out[1]);
    ae_arena_destroy(arena);
}


/*
 * The two envelopes differ in the characters of their strings alone: what is a
 * JSON document with plain ones has to be one with hostile ones.
 */

static void
fuzz_json(const ae_template_t *t)
{
    int          i, rc[2], valid[2];
    ae_buf_t     out;
    ae_error_t   err;
    ae_arena_t  *arena;

    for (i = 0; i < 2; i++) {
        arena = ae_arena_create(FUZZ_MEMORY);

        rc[i] = fuzz_render(t, fuzz_envelope(arena, i), &out);
        valid[i] = (rc[i] == AE_OK
                    && ae_json_parse(arena,
                                     (ae_str_t) { out.len, out.data }, &err)
                       != NULL);

        ae_buf_free(&out);
        ae_arena_destroy(arena);
    }

    /* the hostile strings are longer, so a bound may be reached */

    fuzz_expect(!valid[0] || valid[1] || rc[1] != AE_OK);
}


/* may the template decide by what characters are in a string */

static int
fuzz_compares(ae_str_t text)
{
    size_t              i;
    const char *const  *word;

    for (i = 0; i < text.len; i++) {
        for (word = fuzz_words; *word != NULL; word++) {
            if (text.len - i >= strlen(*word)
                && memcmp(text.data + i, *word, strlen(*word)) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


static ae_value_t *
fuzz_envelope(ae_arena_t *arena, int hostile)
{
    ae_str_t     s;
    ae_error_t   err;
    ae_value_t  *root, *meta;

    fuzz_expect(arena != NULL);

    root = ae_value_map(arena);
    meta = ae_value_map(arena);

    s.len = hostile ? 1000 : 1;
    s.data = ae_arena_alloc(arena, s.len);
    fuzz_expect(root != NULL && meta != NULL && s.data != NULL);
    memset(s.data, hostile ? '"' : 'k', s.len);

    fuzz_str(arena, meta, ae_str("Message"),
             hostile ? ae_str("\"\\\b\f\n\r\t\0\x7f") : ae_str("m"));
    fuzz_str(arena, meta, ae_str("Path"),
             hostile ? ae_str("/\xff\xc3\xe2\x82\xed\xa0") : ae_str("p"));
    fuzz_str(arena, meta, ae_str("Origin"),
             hostile ? ae_str("\"}, {\"x\": \"") : ae_str("o"));
    fuzz_str(arena, meta, ae_str("Key"), s);

    /* before the others in both, since a range goes by names */

    fuzz_str(arena, meta, hostile ? ae_str("\"\n") : ae_str("A"),
             hostile ? ae_str("{{.Type}}") : ae_str("t"));

    fuzz_add(meta, ae_str("L"),
             ae_json_parse(arena, ae_str("[0,-1.5e30,true,null,\"a\",[[]],"
                                         "{\"b\":{\"c\":[1]},\"a\":{}},"
                                         "123456789012345678901234567890]"),
                           &err));
    fuzz_add(meta, ae_str("N"), ae_value_int(arena, INT64_MIN));
    fuzz_add(meta, ae_str("T"), ae_value_bool(arena, 1));

    fuzz_str(arena, root, ae_str("Type"), ae_str("QuotaExceeded"));
    fuzz_add(root, ae_str("Meta"), meta);
    fuzz_str(arena, root, ae_str("TimeStamp"),
             ae_str("2024-01-01 23:59:59.111157073 +0000 UTC"));

    return root;
}


static void
fuzz_str(ae_arena_t *arena, ae_value_t *map, ae_str_t name, ae_str_t s)
{
    fuzz_add(map, name, ae_value_str(arena, s));
}


static void
fuzz_add(ae_value_t *map, ae_str_t name, ae_value_t *v)
{
    fuzz_expect(ae_value_set(map, name, v) == AE_OK);
}


static int
fuzz_render(const ae_template_t *t, const ae_value_t *root, ae_buf_t *out)
{
    ae_buf_init(out, FUZZ_OUTPUT);

    return ae_template_render(t, root, out);
}


static void
fuzz_expect(int condition)
{
    if (!condition) {
        abort();
    }
}
