/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format_help.h"
#include "json_help.h"


void
ae_format_sample(ae_event_t *ev)
{
    memset(ev, 0, sizeof(ae_event_t));

    ev->id = (ae_id_t) { { 0x017f22e279b07cc3, 0x98c4dc0c0c07398f } };
    ev->key_id = (ae_id_t) { { 0xba7816bf8f01cfea, 0x414140de5dae2223 } };
    ev->time = 1704153599111157073;
    ev->sequence = 7;
    ev->type = AE_QUOTA_EXCEEDED;
    ev->api = ae_s("orders");
    ev->org = ae_s("acme");
    ev->message = ae_s("Key Quota Limit Exceeded");
    ev->path = ae_s("/p");
    ev->origin = ae_s("1.1.1.1:5000");
    ev->key = ae_s("****cdef");
    ev->alias = ae_s("bob");
}


void
ae_format_is(const ae_buf_t *b, const char *expected)
{
    if (b->len != strlen(expected)
        || (b->len != 0 && memcmp(b->data, expected, b->len) != 0))
    {
        fail_msg("%.*s\ninstead of\n%s", (int) b->len, b->data, expected);
    }
}


void
ae_body(const ae_event_t *ev, ae_format_e format, uint64_t suppressed,
    const char *data, const char *expected)
{
    ae_buf_t     b;
    ae_arena_t  *arena;

    arena = ae_arena_create(0);
    ae_buf_init(&b, 1 << 20);

    assert_int_equal(ae_format_body(&b, format, arena, ev, suppressed,
                                    ae_s(data)),
                     AE_OK);
    ae_format_is(&b, expected);

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}
