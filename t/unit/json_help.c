/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdlib.h>
#include <string.h>

#include "json_help.h"


ae_str_t
ae_s(const char *s)
{
    ae_str_t  str;

    str.len = strlen(s);
    str.data = (unsigned char *) s;

    return str;
}


ae_value_t *
ae_parse(ae_arena_t *arena, ae_str_t text, ae_error_t *err)
{
    ae_value_t     *v;
    unsigned char  *copy;

    memset(err, 0, sizeof(ae_error_t));

    copy = malloc(text.len);
    memcpy(copy, text.data, text.len);

    v = ae_json_parse(arena, (ae_str_t) { text.len, copy }, err);

    free(copy);

    return v;
}


int
ae_equal(const ae_value_t *a, const ae_value_t *b)
{
    const ae_value_t  *x, *y;

    if (a->type != b->type || a->boolean != b->boolean || a->count != b->count
        || a->s.len != b->s.len || a->name.len != b->name.len
        || (a->s.len != 0 && memcmp(a->s.data, b->s.data, a->s.len) != 0)
        || (a->name.len != 0
            && memcmp(a->name.data, b->name.data, a->name.len) != 0))
    {
        return 0;
    }

    x = a->first;
    y = b->first;

    while (x != NULL && y != NULL) {

        if (!ae_equal(x, y)) {
            return 0;
        }

        x = x->next;
        y = y->next;
    }

    return x == NULL && y == NULL;
}
