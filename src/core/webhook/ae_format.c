/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/webhook/ae_format.h"


#define AE_FORMAT_REPLACED   "\xef\xbf\xbd"             /* U+FFFD */
#define AE_FORMAT_NUMBER     24                         /* bytes */

/* members of a JSON event are named as fields are, but for that */
#define AE_FORMAT_PREFIX     (sizeof("ce-") - 1)

#define AE_FORMAT_NATTR      8
#define AE_FORMAT_NOWN       (sizeof(ae_format_own) / sizeof(ae_str_t))


typedef struct {
    ae_str_t                 name;
    ae_str_t                 value;
    unsigned                 number:1;      /* to JSON */
} ae_format_attr_t;


/* what is short is kept here, the rest in an arena */

typedef struct {
    size_t                   n;
    ae_format_attr_t         list[AE_FORMAT_NATTR];
    unsigned char            id[AE_EVENT_ID_LEN];
    unsigned char            key_id[AE_HEX_LEN];
    unsigned char            time[AE_TIME_LEN];
    unsigned char            sequence[AE_FORMAT_NUMBER];
    unsigned char            suppressed[AE_FORMAT_NUMBER];
} ae_format_attrs_t;


static int ae_format_one(ae_buf_t *b, ae_format_e format, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed, ae_str_t data);
static int ae_format_standard(ae_buf_t *b, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed, ae_str_t data);
static int ae_format_structured(ae_buf_t *b, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed, ae_str_t data);
static int ae_format_attributes(ae_format_attrs_t *attrs, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed);
static ae_format_attr_t *ae_format_attribute(ae_format_attrs_t *attrs,
    ae_str_t name, unsigned char *value, size_t len);
static int ae_format_texts(ae_format_attrs_t *attrs, ae_arena_t *arena,
    const ae_event_t *ev);
static int ae_format_data(ae_buf_t *b, ae_arena_t *arena, ae_str_t data);
static int ae_format_metadata(ae_buf_t *b, ae_arena_t *arena,
    const ae_event_t *ev);
static int ae_format_all(ae_buf_t *b, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed);
static int ae_format_owns(ae_str_t name);
static void ae_format_string(ae_buf_t *b, ae_str_t s);
static void ae_format_printable(ae_buf_t *b, ae_str_t s);
static void ae_format_percent(ae_buf_t *b, ae_str_t s, int uri);
static void ae_format_hex(ae_buf_t *b, unsigned char c);
static int ae_format_plain(unsigned char c, int uri);
static int ae_format_keep(ae_arena_t *arena, ae_buf_t *b, ae_str_t *s);
static ae_str_t ae_format_trim(ae_str_t s);
static int ae_format_blank(unsigned char c);


static const ae_str_t  ae_format_names[] = {
    ae_string("tyk"),
    ae_string("standard"),
    ae_string("cloudevents"),
    ae_string("cloudevents-binary"),
    ae_string("cloudevents-batch"),
    ae_string("callback"),
    ae_string("portal")
};

static const ae_str_t  ae_format_types[] = {
    ae_string(""),
    ae_string("application/json"),
    ae_string("application/cloudevents+json"),
    ae_string("application/json"),
    ae_string("application/cloudevents-batch+json"),
    ae_string("application/json"),
    ae_string("application/json")
};

/* of the envelope, beside the metadata */

static const ae_str_t  ae_format_own[] = {
    ae_string("ID"),
    ae_string("APIID"),
    ae_string("OrgID"),
    ae_string("Sequence"),
    ae_string("Suppressed")
};


int
ae_format_parse(ae_str_t s, ae_format_e *format)
{
    size_t  i;

    for (i = 0; i < sizeof(ae_format_names) / sizeof(ae_str_t); i++) {

        if (s.len == ae_format_names[i].len
            && memcmp(s.data, ae_format_names[i].data, s.len) == 0)
        {
            *format = (ae_format_e) i;
            return AE_OK;
        }
    }

    return AE_ERROR;
}


ae_str_t
ae_format_content_type(ae_format_e format)
{
    return ae_format_types[format];
}


void
ae_format_source(ae_buf_t *b, const ae_event_t *ev)
{
    ae_buf_put(b, "/", 1);

    if (ev->org.len != 0) {
        ae_format_percent(b, ev->org, 1);
        ae_buf_put(b, "/", 1);
    }

    ae_format_percent(b, ev->api, 1);
}


int
ae_format_body(ae_buf_t *b, ae_format_e format, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed, ae_str_t data)
{
    int     rc, batch;
    size_t  len;

    if (b->failed) {
        return AE_ERROR;
    }

    len = b->len;
    batch = (format == AE_FORMAT_CLOUDEVENTS_BATCH);

    if (batch) {

        if (len == 0) {
            ae_buf_put(b, "[", 1);

        } else {
            b->data[len - 1] = ',';
        }
    }

    rc = ae_format_one(b, format, arena, ev, suppressed, data);

    if (batch) {
        ae_buf_put(b, "]", 1);
    }

    if (rc == AE_OK && !b->failed) {
        return AE_OK;
    }

    if (batch && len != 0) {
        b->data[len - 1] = ']';
    }

    b->len = len;
    b->failed = 0;

    return AE_ERROR;
}


int
ae_format_fields(ae_arena_t *arena, const ae_event_t *ev, uint64_t suppressed,
    int (*add)(void *data, ae_str_t name, ae_str_t value), void *data)
{
    int                rc;
    size_t             i;
    ae_buf_t           b;
    ae_str_t           name, value;
    ae_format_attrs_t  attrs;

    if (ae_format_attributes(&attrs, arena, ev, suppressed) != AE_OK) {
        return AE_ERROR;
    }

    for (i = 0; i < attrs.n; i++) {

        /* what is percent-encoded ends no field and starts no other */

        ae_buf_init(&b, SIZE_MAX);
        ae_format_percent(&b, attrs.list[i].value, 0);

        if (ae_format_keep(arena, &b, &value) != AE_OK) {
            return AE_ERROR;
        }

        name = attrs.list[i].name;

        rc = add(data, name, value);
        if (rc != AE_OK) {
            return rc;
        }
    }

    return AE_OK;
}


static int
ae_format_one(ae_buf_t *b, ae_format_e format, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed, ae_str_t data)
{
    if (format == AE_FORMAT_TYK) {
        ae_buf_put(b, data.data, data.len);
        return AE_OK;
    }

    data = ae_format_trim(data);

    switch (format) {

    case AE_FORMAT_STANDARD:
        return ae_format_standard(b, arena, ev, suppressed, data);

    case AE_FORMAT_CLOUDEVENTS_BINARY:
        return (data.len != 0) ? ae_format_data(b, arena, data)
                               : ae_format_metadata(b, arena, ev);

    case AE_FORMAT_CALLBACK:
        return ae_format_callback(b, arena, ev, data);

    case AE_FORMAT_PORTAL:
        return ae_format_portal(b, arena, ev, data);

    default: /* AE_FORMAT_CLOUDEVENTS, AE_FORMAT_CLOUDEVENTS_BATCH */
        return ae_format_structured(b, arena, ev, suppressed, data);
    }
}


static int
ae_format_standard(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev,
    uint64_t suppressed, ae_str_t data)
{
    int            rc;
    size_t         len;
    unsigned char  time[AE_TIME_LEN];

    ae_buf_puts(b, "{\"type\":");
    ae_format_string(b, ae_event_name(ev));

    ae_buf_puts(b, ",\"timestamp\":\"");
    len = ae_time_rfc3339(time, ev->time);
    ae_buf_put(b, time, len);

    ae_buf_puts(b, "\",\"data\":");

    rc = (data.len != 0) ? ae_format_data(b, arena, data)
                         : ae_format_all(b, arena, ev, suppressed);

    ae_buf_put(b, "}", 1);

    return rc;
}


static int
ae_format_structured(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev,
    uint64_t suppressed, ae_str_t data)
{
    int                      rc;
    size_t                   i;
    ae_str_t                 name;
    ae_format_attrs_t        attrs;
    const ae_format_attr_t  *attr;

    if (ae_format_attributes(&attrs, arena, ev, suppressed) != AE_OK) {
        return AE_ERROR;
    }

    ae_buf_put(b, "{", 1);

    for (i = 0; i < attrs.n; i++) {
        attr = &attrs.list[i];

        name.data = attr->name.data + AE_FORMAT_PREFIX;
        name.len = attr->name.len - AE_FORMAT_PREFIX;

        ae_format_string(b, name);
        ae_buf_put(b, ":", 1);

        if (attr->number) {
            ae_buf_put(b, attr->value.data, attr->value.len);

        } else {
            ae_format_string(b, attr->value);
        }

        ae_buf_put(b, ",", 1);
    }

    ae_buf_puts(b, "\"datacontenttype\":\"application/json\",\"data\":");

    rc = (data.len != 0) ? ae_format_data(b, arena, data)
                         : ae_format_metadata(b, arena, ev);

    ae_buf_put(b, "}", 1);

    return rc;
}


static int
ae_format_attributes(ae_format_attrs_t *attrs, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed)
{
    int                len;
    ae_format_attr_t  *attr;

    memset(attrs, 0, sizeof(ae_format_attrs_t));

    ae_event_id(attrs->id, ev->id);
    (void) ae_format_attribute(attrs, ae_str("ce-id"), attrs->id,
                               AE_EVENT_ID_LEN);

    if (ae_format_texts(attrs, arena, ev) != AE_OK) {
        return AE_ERROR;
    }

    (void) ae_format_attribute(attrs, ae_str("ce-specversion"),
                               (unsigned char *) "1.0", 3);

    (void) ae_format_attribute(attrs, ae_str("ce-time"), attrs->time,
                               ae_time_rfc3339(attrs->time, ev->time));

    /* none is an empty string to a receiver, and that is not allowed */

    if (ev->key_id.h[0] != 0 || ev->key_id.h[1] != 0) {
        ae_id_hex(attrs->key_id, ev->key_id);
        (void) ae_format_attribute(attrs, ae_str("ce-subject"),
                                   attrs->key_id, AE_HEX_LEN);
    }

    len = snprintf((char *) attrs->sequence, AE_FORMAT_NUMBER, "%020" PRIu64,
                   ev->sequence);
    (void) ae_format_attribute(attrs, ae_str("ce-subjectsequence"),
                               attrs->sequence, (size_t) len);

    if (suppressed == 0) {
        return AE_OK;
    }

    /* CloudEvents' integers have 32 bits */

    len = snprintf((char *) attrs->suppressed, AE_FORMAT_NUMBER, "%" PRIu64,
                   (suppressed > INT32_MAX) ? INT32_MAX : suppressed);
    attr = ae_format_attribute(attrs, ae_str("ce-suppressed"),
                               attrs->suppressed, (size_t) len);
    attr->number = 1;

    return AE_OK;
}


static ae_format_attr_t *
ae_format_attribute(ae_format_attrs_t *attrs, ae_str_t name,
    unsigned char *value, size_t len)
{
    ae_format_attr_t  *attr;

    attr = &attrs->list[attrs->n++];

    attr->name = name;
    attr->value.data = value;
    attr->value.len = len;

    return attr;
}


/* those of any length */

static int
ae_format_texts(ae_format_attrs_t *attrs, ae_arena_t *arena,
    const ae_event_t *ev)
{
    ae_buf_t  b;
    ae_str_t  s;

    ae_buf_init(&b, SIZE_MAX);
    ae_format_source(&b, ev);

    if (ae_format_keep(arena, &b, &s) != AE_OK) {
        return AE_ERROR;
    }

    (void) ae_format_attribute(attrs, ae_str("ce-source"), s.data, s.len);

    ae_buf_puts(&b, "apievents.");
    ae_format_printable(&b, ae_event_name(ev));

    if (ae_format_keep(arena, &b, &s) != AE_OK) {
        return AE_ERROR;
    }

    (void) ae_format_attribute(attrs, ae_str("ce-type"), s.data, s.len);

    return AE_OK;
}


/* what a template rendered: who meant JSON and made none is not silenced */

static int
ae_format_data(ae_buf_t *b, ae_arena_t *arena, ae_str_t data)
{
    int          rc;
    ae_error_t   err;
    ae_value_t  *v;

    rc = ae_json_read(arena, data, &v, &err);

    if (rc == AE_OK) {
        ae_buf_put(b, data.data, data.len);
        return AE_OK;
    }

    if (rc != AE_DECLINED) {
        return rc;
    }

    ae_format_string(b, data);

    return AE_OK;
}


static int
ae_format_metadata(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev)
{
    ae_value_t  *envelope;

    envelope = ae_envelope(arena, ev, 0);
    if (envelope == NULL) {
        return AE_ERROR;
    }

    ae_json_write(b, ae_value_get(envelope, "Meta"));

    return AE_OK;
}


/* metadata of the same name, which a script may raise, gives way */

static int
ae_format_all(ae_buf_t *b, ae_arena_t *arena, const ae_event_t *ev,
    uint64_t suppressed)
{
    size_t             i;
    ae_value_t        *envelope;
    const ae_value_t  *v;

    envelope = ae_envelope(arena, ev, suppressed);
    if (envelope == NULL) {
        return AE_ERROR;
    }

    for (i = 0; i < AE_FORMAT_NOWN; i++) {
        ae_buf_put(b, (i == 0) ? "{" : ",", 1);
        ae_format_string(b, ae_format_own[i]);
        ae_buf_put(b, ":", 1);
        ae_json_write(b, ae_value_find(envelope, ae_format_own[i]));
    }

    v = ae_value_get(envelope, "Meta");

    for (v = v->first; v != NULL; v = v->next) {

        if (ae_format_owns(v->name)) {
            continue;
        }

        ae_buf_put(b, ",", 1);
        ae_format_string(b, v->name);
        ae_buf_put(b, ":", 1);
        ae_json_write(b, v);
    }

    ae_buf_put(b, "}", 1);

    return AE_OK;
}


static int
ae_format_owns(ae_str_t name)
{
    size_t  i;

    for (i = 0; i < AE_FORMAT_NOWN; i++) {

        if (name.len == ae_format_own[i].len
            && memcmp(name.data, ae_format_own[i].data, name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ae_format_string(ae_buf_t *b, ae_str_t s)
{
    ae_buf_put(b, "\"", 1);
    ae_json_escape(b, s, 0);
    ae_buf_put(b, "\"", 1);
}


/*
 * As CloudEvents want their strings: no control characters, no code points
 * that are no characters, no broken UTF-8; U+FFFD stands where one was.
 */

static void
ae_format_printable(ae_buf_t *b, ae_str_t s)
{
    size_t    i, n;
    uint32_t  cp;

    for (i = 0; i < s.len; i += n) {
        n = 1;
        cp = s.data[i];

        if (cp >= 0x80) {
            n = ae_json_utf8(s.data + i, s.len - i, &cp);
        }

        if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f)
            || (cp >= 0xfdd0 && cp <= 0xfdef) || (cp & 0xfffe) == 0xfffe)
        {
            ae_buf_puts(b, AE_FORMAT_REPLACED);

        } else {
            ae_buf_put(b, s.data + i, n);
        }
    }
}


/* of UTF-8, where U+FFFD stands for what is none */

static void
ae_format_percent(ae_buf_t *b, ae_str_t s, int uri)
{
    size_t          i, n;
    uint32_t        cp;
    unsigned char  *p, *last;

    for (i = 0; i < s.len; i += n) {
        n = 1;
        p = s.data + i;

        if (ae_format_plain(*p, uri)) {
            ae_buf_put(b, p, 1);
            continue;
        }

        last = p + 1;

        if (*p >= 0x80) {
            n = ae_json_utf8(p, s.len - i, &cp);
            last = p + n;

            if (cp == 0) {
                p = (unsigned char *) AE_FORMAT_REPLACED;
                last = p + sizeof(AE_FORMAT_REPLACED) - 1;
            }
        }

        for ( /* void */ ; p < last; p++) {
            ae_format_hex(b, *p);
        }
    }
}


static void
ae_format_hex(ae_buf_t *b, unsigned char c)
{
    char  text[3];

    text[0] = '%';
    text[1] = "0123456789ABCDEF"[c >> 4];
    text[2] = "0123456789ABCDEF"[c & 15];

    ae_buf_put(b, text, 3);
}


/* RFC 3986, 2.3, or what CloudEvents' HTTP binding leaves in a field */

static int
ae_format_plain(unsigned char c, int uri)
{
    if (uri) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
               || (c >= '0' && c <= '9')
               || c == '-' || c == '.' || c == '_' || c == '~';
    }

    return c > 0x20 && c < 0x7f && c != '"' && c != '%';
}


/* into the arena, and the buffer is empty again, whatever happens */

static int
ae_format_keep(ae_arena_t *arena, ae_buf_t *b, ae_str_t *s)
{
    int  rc;

    rc = AE_ERROR;

    if (!b->failed) {
        *s = ae_arena_dup(arena, (ae_str_t) { b->len, b->data });
        rc = (s->data != NULL) ? AE_OK : AE_ERROR;
    }

    ae_buf_free(b);

    return rc;
}


/* without the blanks of JSON around it */

static ae_str_t
ae_format_trim(ae_str_t s)
{
    while (s.len != 0 && ae_format_blank(s.data[0])) {
        s.data++;
        s.len--;
    }

    while (s.len != 0 && ae_format_blank(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


static int
ae_format_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
