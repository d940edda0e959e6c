/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * An encoded event is a head of fixed size, then the strings, each behind its
 * length.  Integers are little-endian, lengths take seven bits a byte, the
 * lowest first.  There is one encoding of an event, and nothing else decodes.
 */


#include <endian.h>
#include <string.h>

#include "core/text/text.h"


#define AE_EVENT_FORMAT       2             /* changes with the encoding */

#define AE_EVENT_DRY_RUN      0x01
#define AE_EVENT_REQUEST_CUT  0x02
#define AE_EVENT_FLAGS        0x03

/* format, flags, type, depth, then time, sequence and three ids */
#define AE_EVENT_HEAD         (1 + 1 + 2 + 1 + 2 * 8 + 3 * 16)

#define ae_event_str(ev, i)                                                   \
    ((ae_str_t *) (void *) ((unsigned char *) (ev) + ae_event_strings[i]))


typedef struct {
    ae_str_t                 family;
    size_t                   nactions;      /* so many of the list */
    ae_event_class_e         class;
} ae_event_family_t;


static unsigned char *ae_event_put_id(unsigned char *p, ae_id_t id);
static unsigned char *ae_event_put_word(unsigned char *p, uint64_t n);
static const unsigned char *ae_event_get_id(const unsigned char *p,
    ae_id_t *id);
static const unsigned char *ae_event_get_word(const unsigned char *p,
    uint64_t *n);
static size_t ae_event_len_size(size_t len);
static int ae_event_get_len(const unsigned char **pos,
    const unsigned char *end, size_t *len);
static const ae_event_family_t *ae_event_family(ae_str_t name,
    ae_str_t *family, ae_str_t *action);
static int ae_event_action(ae_str_t action, size_t n);


const ae_str_t  ae_event_names[AE_EVENT_MAX] = {
    ae_string(""),                          /* custom: has its own */
    ae_string("QuotaExceeded"),
    ae_string("RatelimitExceeded"),
    ae_string("AuthFailure"),
    ae_string("KeyExpired"),
    ae_string("VersionFailure"),
    ae_string("OrgQuotaExceeded"),
    ae_string("OrgRateLimitExceeded"),
    ae_string("TriggerExceeded"),
    ae_string("BreakerTripped"),
    ae_string("BreakerReset"),
    ae_string("BreakerTriggered"),
    ae_string("HostDown"),
    ae_string("HostUp"),
    ae_string("TokenCreated"),
    ae_string("TokenUpdated"),
    ae_string("TokenDeleted"),
    ae_string("EndpointDisabled"),
    ae_string("EndpointRecovered"),
    ae_string("DeliveryDead"),
    ae_string("EventsDropped"),
    ae_string("StoreDown"),
    ae_string("StoreUp"),
    ae_string("LimiterOverflow")
};


/* portal and object events: family "." action */

static const ae_event_family_t  ae_event_families[] = {
    { ae_string("api_event"), 3, AE_EVENT_PORTAL },
    { ae_string("key_event"), 3, AE_EVENT_PORTAL },
    { ae_string("key_request_event"), 6, AE_EVENT_PORTAL },
    { ae_string("access-token"), 3, AE_EVENT_OBJECT },
    { ae_string("api"), 3, AE_EVENT_OBJECT },
    { ae_string("app"), 3, AE_EVENT_OBJECT },
    { ae_string("developer"), 3, AE_EVENT_OBJECT },
    { ae_string("plan"), 3, AE_EVENT_OBJECT },
    { ae_string("system-config"), 3, AE_EVENT_OBJECT }
};


static const ae_str_t  ae_event_actions[] = {
    ae_string("created"),
    ae_string("updated"),
    ae_string("deleted"),
    ae_string("submitted"),
    ae_string("approved"),
    ae_string("declined")
};


static const size_t  ae_event_strings[] = {
    offsetof(ae_event_t, name),
    offsetof(ae_event_t, api),
    offsetof(ae_event_t, org),
    offsetof(ae_event_t, message),
    offsetof(ae_event_t, path),
    offsetof(ae_event_t, origin),
    offsetof(ae_event_t, key),
    offsetof(ae_event_t, alias),
    offsetof(ae_event_t, reason),
    offsetof(ae_event_t, request),
    offsetof(ae_event_t, meta),
    offsetof(ae_event_t, secret)
};


#define AE_EVENT_STRINGS                                                      \
    (sizeof(ae_event_strings) / sizeof(ae_event_strings[0]))


ae_event_type_e
ae_event_type(ae_str_t name)
{
    unsigned  i;

    for (i = AE_EVENT_CUSTOM + 1; i < AE_EVENT_MAX; i++) {

        if (ae_event_names[i].len == name.len
            && memcmp(ae_event_names[i].data, name.data, name.len) == 0)
        {
            return i;
        }
    }

    return AE_EVENT_CUSTOM;
}


int
ae_event_known(ae_str_t name)
{
    ae_str_t                  family, action;
    const ae_event_family_t  *f;

    if (ae_event_type(name) != AE_EVENT_CUSTOM
        || (name.len == 1 && name.data[0] == '*'))
    {
        return 1;
    }

    f = ae_event_family(name, &family, &action);

    return f != NULL && ae_event_action(action, f->nactions);
}


ae_event_class_e
ae_event_class(ae_str_t name, ae_str_t *family, ae_str_t *action)
{
    const ae_event_family_t  *f;

    f = ae_event_family(name, family, action);

    if (f == NULL || !ae_event_action(*action, f->nactions)) {
        return AE_EVENT_OTHER;
    }

    return f->class;
}


ae_event_class_e
ae_event_nth(size_t n, ae_str_t *family, ae_str_t *action)
{
    size_t                    i;
    const ae_event_family_t  *f;

    for (i = 0; i < sizeof(ae_event_families) / sizeof(ae_event_families[0]);
         i++)
    {
        f = &ae_event_families[i];

        if (n < f->nactions) {
            *family = f->family;
            *action = ae_event_actions[n];

            return f->class;
        }

        n -= f->nactions;
    }

    return AE_EVENT_OTHER;
}


int
ae_event_pattern(ae_str_t pattern)
{
    ae_str_t  family, action;

    return ae_event_known(pattern)
           || (ae_event_family(pattern, &family, &action) != NULL
               && action.len == 1 && action.data[0] == '*');
}


int
ae_event_matches(ae_str_t pattern, ae_str_t name)
{
    size_t  len;

    len = pattern.len;

    if (len != 0 && pattern.data[len - 1] == '*') {
        len--;

        return name.len >= len
               && (len == 0 || memcmp(name.data, pattern.data, len) == 0);
    }

    return name.len == len
           && (len == 0 || memcmp(name.data, pattern.data, len) == 0);
}


static const ae_event_family_t *
ae_event_family(ae_str_t name, ae_str_t *family, ae_str_t *action)
{
    size_t  i;

    for (i = 0; i < sizeof(ae_event_families) / sizeof(ae_event_families[0]);
         i++)
    {
        *family = ae_event_families[i].family;

        if (name.len <= family->len + 1
            || name.data[family->len] != '.'
            || memcmp(name.data, family->data, family->len) != 0)
        {
            continue;
        }

        action->data = name.data + family->len + 1;
        action->len = name.len - family->len - 1;

        return &ae_event_families[i];
    }

    return NULL;
}


size_t
ae_event_size(const ae_event_t *ev)
{
    size_t           i, size;
    const ae_str_t  *s;

    size = AE_EVENT_HEAD;

    for (i = 0; i < AE_EVENT_STRINGS; i++) {
        s = ae_event_str(ev, i);
        size += ae_event_len_size(s->len) + s->len;
    }

    return size;
}


void
ae_event_encode(const ae_event_t *ev, unsigned char *dst)
{
    size_t           i, len;
    unsigned char   *p;
    const ae_str_t  *s;

    p = dst;

    *p++ = AE_EVENT_FORMAT;
    *p++ = (unsigned char) ((ev->dry_run ? AE_EVENT_DRY_RUN : 0)
                            | (ev->request_cut ? AE_EVENT_REQUEST_CUT : 0));
    *p++ = (unsigned char) (ev->type & 0xff);
    *p++ = (unsigned char) (ev->type >> 8);
    *p++ = ev->depth;

    p = ae_event_put_word(p, ev->time);
    p = ae_event_put_word(p, ev->sequence);
    p = ae_event_put_id(p, ev->id);
    p = ae_event_put_id(p, ev->key_id);
    p = ae_event_put_id(p, ev->route);

    for (i = 0; i < AE_EVENT_STRINGS; i++) {
        s = ae_event_str(ev, i);

        for (len = s->len; len > 0x7f; len >>= 7) {
            *p++ = (unsigned char) (0x80 | (len & 0x7f));
        }

        *p++ = (unsigned char) len;

        if (s->len != 0) {
            memcpy(p, s->data, s->len);
            p += s->len;
        }
    }
}


int
ae_event_decode(ae_event_t *ev, ae_str_t bytes)
{
    size_t                i;
    unsigned              flags;
    ae_str_t             *s;
    const unsigned char  *p, *end;

    if (bytes.len < AE_EVENT_HEAD) {
        return AE_ERROR;
    }

    memset(ev, 0, sizeof(ae_event_t));

    p = bytes.data;
    end = p + bytes.len;

    if (*p++ != AE_EVENT_FORMAT) {
        return AE_ERROR;
    }

    flags = *p++;
    ev->dry_run = (flags & AE_EVENT_DRY_RUN) != 0;
    ev->request_cut = (flags & AE_EVENT_REQUEST_CUT) != 0;

    ev->type = (uint16_t) (p[0] | p[1] << 8);
    ev->depth = p[2];
    p += 3;

    if ((flags & ~AE_EVENT_FLAGS) != 0 || ev->type >= AE_EVENT_MAX) {
        return AE_ERROR;
    }

    p = ae_event_get_word(p, &ev->time);
    p = ae_event_get_word(p, &ev->sequence);
    p = ae_event_get_id(p, &ev->id);
    p = ae_event_get_id(p, &ev->key_id);
    p = ae_event_get_id(p, &ev->route);

    for (i = 0; i < AE_EVENT_STRINGS; i++) {
        s = ae_event_str(ev, i);

        if (ae_event_get_len(&p, end, &s->len) != AE_OK) {
            return AE_ERROR;
        }

        s->data = (unsigned char *) p;
        p += s->len;
    }

    return (p == end) ? AE_OK : AE_ERROR;
}


ae_str_t
ae_event_name(const ae_event_t *ev)
{
    if (ev->type == AE_EVENT_CUSTOM || ev->type >= AE_EVENT_MAX) {
        return ev->name;
    }

    return ae_event_names[ev->type];
}


/*
 * A cooldown never depends on what tells two alike events apart: id, time,
 * sequence, request, origin.  The lengths keep the parts apart.
 */

ae_id_t
ae_event_identity(const unsigned char key[16], const ae_event_t *ev,
    ae_id_t endpoint)
{
    ae_str_t        parts[6];
    unsigned char  *p, head[2 * 16 + 4 * 8];

    parts[0].data = head;
    parts[0].len = sizeof(head);
    parts[1] = ae_event_name(ev);
    parts[2] = ev->api;
    parts[3] = ev->path;
    parts[4] = ev->reason;

    /* thresholds are told of once each anyway, by what stands there */

    parts[5] = (ev->type == AE_TRIGGER_EXCEEDED) ? ev->meta : ae_str("");

    p = ae_event_put_id(head, endpoint);
    p = ae_event_put_id(p, ev->key_id);
    p = ae_event_put_word(p, parts[1].len);
    p = ae_event_put_word(p, parts[2].len);
    p = ae_event_put_word(p, parts[3].len);
    (void) ae_event_put_word(p, parts[4].len);

    return ae_hash(key, parts, 6);
}


static unsigned char *
ae_event_put_id(unsigned char *p, ae_id_t id)
{
    return ae_event_put_word(ae_event_put_word(p, id.h[0]), id.h[1]);
}


static unsigned char *
ae_event_put_word(unsigned char *p, uint64_t n)
{
    n = htole64(n);
    memcpy(p, &n, sizeof(n));

    return p + sizeof(n);
}


static const unsigned char *
ae_event_get_id(const unsigned char *p, ae_id_t *id)
{
    return ae_event_get_word(ae_event_get_word(p, &id->h[0]), &id->h[1]);
}


static const unsigned char *
ae_event_get_word(const unsigned char *p, uint64_t *n)
{
    memcpy(n, p, sizeof(*n));
    *n = le64toh(*n);

    return p + sizeof(*n);
}


static size_t
ae_event_len_size(size_t len)
{
    size_t  n;

    for (n = 1; len > 0x7f; n++) {
        len >>= 7;
    }

    return n;
}


/* the length of a string that lies between the length and end */

static int
ae_event_get_len(const unsigned char **pos, const unsigned char *end,
    size_t *len)
{
    uint64_t              n;
    unsigned              shift;
    const unsigned char  *p;

    n = 0;
    p = *pos;

    for (shift = 0; p < end && shift < 63; shift += 7) {

        n |= (uint64_t) (*p & 0x7f) << shift;

        if (*p++ & 0x80) {
            continue;
        }

        /* no zero at the end: a shorter encoding of the length exists */

        if ((p[-1] == 0 && shift != 0) || n > (uint64_t) (end - p)) {
            return AE_ERROR;
        }

        *len = (size_t) n;
        *pos = p;

        return AE_OK;
    }

    return AE_ERROR;
}


static int
ae_event_action(ae_str_t action, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (ae_event_actions[i].len == action.len
            && memcmp(ae_event_actions[i].data, action.data, action.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
