/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What yajl leaves to be done before the text is handed to it: it takes any
 * bytes of the right shape for UTF-8, overlong forms and surrogates included,
 * and joins an escaped high surrogate with whatever escape follows.  And it
 * does not look whether it got the memory it asked for, so the functions that
 * give it memory never return without any.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "core/text/ae_json.h"


#define AE_JSON_HEAD        16
#define AE_JSON_ESCAPE_LEN  6               /* of \uXXXX */


typedef struct {
    ae_arena_t              *arena;
    ae_arena_t              *scratch;       /* what yajl works with */
    ae_str_t                 text;
    ae_error_t              *err;
    yajl_handle              yajl;

    ae_value_t              *root;
    ae_value_t              *open[AE_JSON_DEPTH];
    ae_str_t                 name;          /* of the next member */
    size_t                   pos;           /* lines are counted up to it */
    size_t                   end;           /* of the root, once it is whole */
    unsigned                 line;
    unsigned                 depth;
    unsigned                 patched:1;     /* text is a copy in scratch */
    unsigned                 ended:1;       /* yajl has seen all of it */
    int                      rc;

    jmp_buf                  no_memory;
} ae_json_t;


static int ae_json_check(ae_json_t *js);
static int ae_json_check_escape(ae_json_t *js, size_t *pos);
static int ae_json_unit(ae_str_t text, size_t pos);
static void ae_json_run(ae_json_t *js);
static void ae_json_rest(ae_json_t *js);
static int ae_json_fail(ae_json_t *js, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void ae_json_yajl_error(ae_json_t *js);
static size_t ae_json_consumed(const ae_json_t *js);
static void ae_json_seek(ae_json_t *js, size_t pos);

static void *ae_json_malloc(void *ctx, size_t size);
static void *ae_json_realloc(void *ctx, void *p, size_t size);
static void ae_json_free(void *ctx, void *p);

static ae_value_t *ae_json_add(ae_json_t *js, ae_type_e type);
static int ae_json_open(ae_json_t *js, ae_type_e type);
static int ae_json_on_null(void *ctx);
static int ae_json_on_boolean(void *ctx, int b);
static int ae_json_on_number(void *ctx, const char *p, size_t len);
static int ae_json_on_string(void *ctx, const unsigned char *p, size_t len);
static int ae_json_on_start_map(void *ctx);
static int ae_json_on_key(void *ctx, const unsigned char *p, size_t len);
static int ae_json_on_start_array(void *ctx);
static int ae_json_on_end(void *ctx);


static const yajl_callbacks  ae_json_callbacks = {
    ae_json_on_null,
    ae_json_on_boolean,
    NULL,                                   /* integers and doubles come */
    NULL,                                   /* as numbers, digit by digit */
    ae_json_on_number,
    ae_json_on_string,
    ae_json_on_start_map,
    ae_json_on_key,
    ae_json_on_end,
    ae_json_on_start_array,
    ae_json_on_end
};


/* yajl's messages that do not say what was expected, and ours for them */

static const char *const  ae_json_words[][2] = {
    { "premature EOF", "the text ends too early" },
    { "trailing garbage", "nothing is expected behind the value" },
    { "unallowed token at this point in JSON text", "a value is expected" },
    { "invalid object key (must be a string)",
      "a name in double quotes is expected" },
    { "object key and value must be separated by a colon (':')",
      "\":\" is expected behind a name" },
    { "after key and value, inside map, I expect ',' or '}'",
      "\",\" or \"}\" is expected" },
    { "after array element, I expect ',' or ']'",
      "\",\" or \"]\" is expected" },
    { "invalid char in json text", "a JSON token is expected" },
    { "invalid string in json text", "true, false or null is expected" },
    { "invalid character inside string",
      "control characters in a string are expected as escapes" },
    { NULL, NULL }
};


ae_value_t *
ae_json_parse(ae_arena_t *arena, ae_str_t text, ae_error_t *err)
{
    ae_value_t  *value;

    if (ae_json_read(arena, text, &value, err) != AE_OK) {
        return NULL;
    }

    return value;
}


int
ae_json_read(ae_arena_t *arena, ae_str_t text, ae_value_t **value,
    ae_error_t *err)
{
    ae_json_t  js;

    memset(&js, 0, sizeof(ae_json_t));

    js.arena = arena;
    js.text = text;
    js.err = err;
    js.line = 1;

    js.scratch = ae_arena_create(0);
    if (js.scratch == NULL) {
        return ae_json_fail(&js, AE_ERROR, "no memory");
    }

    js.rc = ae_json_check(&js);

    if (js.rc == AE_OK) {
        ae_json_run(&js);
    }

    ae_arena_destroy(js.scratch);

    if (js.rc == AE_OK) {
        *value = js.root;
    }

    return js.rc;
}


/* is it UTF-8; lone surrogates in escapes become \ufffd in a copy */

static int
ae_json_check(ae_json_t *js)
{
    size_t    pos, n;
    uint32_t  cp;

    pos = 0;

    while (pos < js->text.len) {

        if (js->text.data[pos] == '\\') {

            if (ae_json_check_escape(js, &pos) != AE_OK) {
                return ae_json_fail(js, AE_ERROR, "no memory");
            }

        } else if (js->text.data[pos] < 0x80) {
            pos++;

        } else {
            n = ae_json_utf8(js->text.data + pos, js->text.len - pos, &cp);

            if (cp == 0) {
                ae_json_seek(js, pos);
                return ae_json_fail(js, AE_DECLINED, "UTF-8 is expected");
            }

            pos += n;
        }
    }

    return AE_OK;
}


static int
ae_json_check_escape(ae_json_t *js, size_t *pos)
{
    int       unit, low;
    ae_str_t  copy;

    unit = ae_json_unit(js->text, *pos);

    if (unit < 0) {

        /* an escaped backslash starts no escape; yajl judges the others */

        if (*pos + 1 < js->text.len && js->text.data[*pos + 1] == '\\') {
            (*pos)++;
        }

        (*pos)++;
        return AE_OK;
    }

    if (unit < 0xd800 || unit > 0xdfff) {
        *pos += AE_JSON_ESCAPE_LEN;
        return AE_OK;
    }

    low = ae_json_unit(js->text, *pos + AE_JSON_ESCAPE_LEN);

    if (unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
        *pos += 2 * AE_JSON_ESCAPE_LEN;
        return AE_OK;
    }

    if (!js->patched) {
        copy = ae_arena_dup(js->scratch, js->text);
        if (copy.data == NULL) {
            return AE_ERROR;
        }

        js->text = copy;
        js->patched = 1;
    }

    memcpy(js->text.data + *pos, "\\ufffd", AE_JSON_ESCAPE_LEN);
    *pos += AE_JSON_ESCAPE_LEN;

    return AE_OK;
}


/* the UTF-16 code unit that is escaped at pos, -1 if none is */

static int
ae_json_unit(ae_str_t text, size_t pos)
{
    int            n;
    size_t         i;
    unsigned char  c;

    if (pos > text.len || text.len - pos < AE_JSON_ESCAPE_LEN
        || text.data[pos] != '\\' || text.data[pos + 1] != 'u')
    {
        return -1;
    }

    n = 0;

    for (i = pos + 2; i < pos + AE_JSON_ESCAPE_LEN; i++) {
        c = text.data[i];

        if (c >= '0' && c <= '9') {
            n = n * 16 + (c - '0');

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            n = n * 16 + ((c | 0x20) - 'a' + 10);

        } else {
            return -1;
        }
    }

    return n;
}


static void
ae_json_run(ae_json_t *js)
{
    yajl_alloc_funcs  afs;

    afs.malloc = ae_json_malloc;
    afs.realloc = ae_json_realloc;
    afs.free = ae_json_free;
    afs.ctx = js;

    if (setjmp(js->no_memory) != 0) {
        ae_json_fail(js, AE_ERROR, "no memory");
        return;
    }

    js->yajl = yajl_alloc(&ae_json_callbacks, &afs, js);

    if (yajl_parse(js->yajl, js->text.data, js->text.len) == yajl_status_ok) {
        js->ended = 1;

        if (yajl_complete_parse(js->yajl) == yajl_status_ok) {
            ae_json_rest(js);
            return;
        }
    }

    /* a callback that failed has said why */

    if (js->rc == AE_OK) {
        ae_json_yajl_error(js);
    }
}


/* yajl overlooks a string there that does not end */

static void
ae_json_rest(ae_json_t *js)
{
    size_t  i;

    for (i = js->end; i < js->text.len; i++) {

        if (js->text.data[i] == '"') {
            ae_json_seek(js, i);
            ae_json_fail(js, AE_DECLINED,
                         "nothing is expected behind the value");
            return;
        }
    }
}


static int
ae_json_fail(ae_json_t *js, int rc, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(js->err->text, sizeof(js->err->text), fmt, args);
    va_end(args);

    js->err->line = js->line;
    js->rc = rc;

    return rc;
}


static void
ae_json_yajl_error(ae_json_t *js)
{
    char    *text, *p;
    size_t   i;

    ae_json_seek(js, ae_json_consumed(js));

    /* "lexical error: what.\n", "parse error: what\n" */

    text = (char *) yajl_get_error(js->yajl, 0, js->text.data, js->text.len);
    text[strcspn(text, ".\n")] = '\0';

    p = strstr(text, ": ");
    p = (p != NULL) ? p + 2 : text;

    for (i = 0; ae_json_words[i][0] != NULL; i++) {
        if (strcmp(p, ae_json_words[i][0]) == 0) {
            p = (char *) ae_json_words[i][1];
            break;
        }
    }

    ae_json_fail(js, AE_DECLINED, "%s", p);
}


static size_t
ae_json_consumed(const ae_json_t *js)
{
    return js->ended ? js->text.len : yajl_get_bytes_consumed(js->yajl);
}


static void
ae_json_seek(ae_json_t *js, size_t pos)
{
    for ( /* void */ ; js->pos < pos && js->pos < js->text.len; js->pos++) {
        if (js->text.data[js->pos] == '\n') {
            js->line++;
        }
    }
}


static void *
ae_json_malloc(void *ctx, size_t size)
{
    ae_json_t  *js = ctx;

    size_t  *head;

    head = NULL;

    if (size <= SIZE_MAX - AE_JSON_HEAD) {
        head = ae_arena_alloc(js->scratch, AE_JSON_HEAD + size);
    }

    if (head == NULL) {
        longjmp(js->no_memory, 1);
    }

    *head = size;

    return (unsigned char *) head + AE_JSON_HEAD;
}


static void *
ae_json_realloc(void *ctx, void *p, size_t size)
{
    void    *copy;
    size_t  *head;

    copy = ae_json_malloc(ctx, size);

    if (p != NULL) {
        head = (size_t *) (void *) ((unsigned char *) p - AE_JSON_HEAD);
        memcpy(copy, p, (*head < size) ? *head : size);
    }

    return copy;
}


static void
ae_json_free(void *ctx, void *p)
{
    /* the arena is freed as a whole */

    (void) ctx;
    (void) p;
}


static ae_value_t *
ae_json_add(ae_json_t *js, ae_type_e type)
{
    ae_value_t  *v, *parent;

    ae_json_seek(js, ae_json_consumed(js));

    v = ae_arena_alloc(js->arena, sizeof(ae_value_t));
    if (v == NULL) {
        ae_json_fail(js, AE_ERROR, "no memory");
        return NULL;
    }

    v->type = type;
    v->line = js->line;

    if (js->depth == 0) {
        js->root = v;
        js->end = ae_json_consumed(js);
        return v;
    }

    parent = js->open[js->depth - 1];

    if (parent->type == AE_MAP) {
        (void) ae_value_set(parent, js->name, v);

    } else {
        (void) ae_value_add(parent, v);
    }

    return v;
}


static int
ae_json_open(ae_json_t *js, ae_type_e type)
{
    ae_value_t  *v;

    v = ae_json_add(js, type);
    if (v == NULL) {
        return 0;
    }

    if (js->depth == AE_JSON_DEPTH) {
        ae_json_fail(js, AE_DECLINED, "at most %d levels are expected",
                     AE_JSON_DEPTH);
        return 0;
    }

    js->open[js->depth++] = v;

    return 1;
}


static int
ae_json_on_null(void *ctx)
{
    return ae_json_add(ctx, AE_NULL) != NULL;
}


static int
ae_json_on_boolean(void *ctx, int b)
{
    ae_value_t  *v;

    v = ae_json_add(ctx, AE_BOOL);
    if (v == NULL) {
        return 0;
    }

    v->boolean = (b != 0);

    return 1;
}


static int
ae_json_on_number(void *ctx, const char *p, size_t len)
{
    ae_json_t  *js = ctx;

    ae_str_t     s;
    ae_value_t  *v;

    s.len = len;
    s.data = (unsigned char *) p;

    v = ae_json_add(js, AE_NUMBER);
    if (v == NULL) {
        return 0;
    }

    v->s = ae_arena_dup(js->arena, s);
    if (v->s.data == NULL) {
        ae_json_fail(js, AE_ERROR, "no memory");
        return 0;
    }

    v->number = strtod((char *) v->s.data, NULL);

    return 1;
}


static int
ae_json_on_string(void *ctx, const unsigned char *p, size_t len)
{
    ae_json_t  *js = ctx;

    ae_str_t     s;
    ae_value_t  *v;

    s.len = len;
    s.data = (unsigned char *) p;

    v = ae_json_add(js, AE_STRING);
    if (v == NULL) {
        return 0;
    }

    v->s = ae_arena_dup(js->arena, s);
    if (v->s.data == NULL) {
        ae_json_fail(js, AE_ERROR, "no memory");
        return 0;
    }

    return 1;
}


static int
ae_json_on_start_map(void *ctx)
{
    return ae_json_open(ctx, AE_MAP);
}


static int
ae_json_on_key(void *ctx, const unsigned char *p, size_t len)
{
    ae_json_t  *js = ctx;

    ae_str_t  s;

    s.len = len;
    s.data = (unsigned char *) p;

    js->name = ae_arena_dup(js->arena, s);
    if (js->name.data == NULL) {
        ae_json_fail(js, AE_ERROR, "no memory");
        return 0;
    }

    return 1;
}


static int
ae_json_on_start_array(void *ctx)
{
    return ae_json_open(ctx, AE_ARRAY);
}


static int
ae_json_on_end(void *ctx)
{
    ae_json_t  *js = ctx;

    if (--js->depth == 0) {
        js->end = ae_json_consumed(js);
    }

    return 1;
}
