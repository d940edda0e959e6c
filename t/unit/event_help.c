/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdlib.h>
#include <string.h>

#include "event_help.h"
#include "random.h"


ae_str_t *
ae_event_nstr(ae_event_t *ev, unsigned i)
{
    ae_str_t  *list[AE_EVENT_NSTR] = {
        &ev->name, &ev->api, &ev->org, &ev->message, &ev->path, &ev->origin,
        &ev->key, &ev->alias, &ev->reason, &ev->request, &ev->meta,
        &ev->secret
    };

    return list[i];
}


void
ae_event_random(ae_event_t *ev, size_t max, int utf8)
{
    unsigned  i;

    memset(ev, 0, sizeof(ae_event_t));

    ev->id.h[0] = ae_random();
    ev->id.h[1] = ae_random();
    ev->route.h[0] = ae_random();
    ev->route.h[1] = ae_random();

    if (ae_random() % 4 != 0) {
        ev->key_id.h[0] = ae_random();
        ev->key_id.h[1] = ae_random();
    }

    ev->time = ae_random();
    ev->sequence = ae_random() >> ae_random() % 64;
    ev->type = (uint16_t) (ae_random() % AE_EVENT_MAX);
    ev->depth = (uint8_t) ae_random();
    ev->dry_run = ae_random() % 2;
    ev->request_cut = ae_random() % 2;

    for (i = 0; i < AE_EVENT_NSTR; i++) {
        *ae_event_nstr(ev, i) = ae_random_str(max, utf8);
    }
}


void
ae_event_free(ae_event_t *ev)
{
    unsigned  i;

    for (i = 0; i < AE_EVENT_NSTR; i++) {
        free(ae_event_nstr(ev, i)->data);
    }
}


int
ae_event_equal(ae_event_t *a, ae_event_t *b)
{
    unsigned   i;
    ae_str_t  *s, *t;

    if (!ae_id_equal(a->id, b->id) || !ae_id_equal(a->key_id, b->key_id)
        || !ae_id_equal(a->route, b->route) || a->time != b->time
        || a->sequence != b->sequence || a->type != b->type
        || a->depth != b->depth || a->dry_run != b->dry_run
        || a->request_cut != b->request_cut)
    {
        return 0;
    }

    for (i = 0; i < AE_EVENT_NSTR; i++) {
        s = ae_event_nstr(a, i);
        t = ae_event_nstr(b, i);

        if (s->len != t->len || memcmp(s->data, t->data, s->len) != 0) {
            return 0;
        }
    }

    return 1;
}
