/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * core/text: documents and languages: JSON values, events as records and as
 * envelopes, webhook templates, what the loader must know of a script.
 */


#ifndef _AE_TEXT_H_INCLUDED_
#define _AE_TEXT_H_INCLUDED_


#include "core/base/base.h"


/* ---- value: a JSON-like tree in an arena (ae_value.c, ae_json.c) ---- */

typedef enum {
    AE_NULL = 0,
    AE_BOOL,
    AE_NUMBER,
    AE_STRING,
    AE_ARRAY,
    AE_MAP
} ae_type_e;


typedef struct ae_value_s    ae_value_t;

struct ae_value_s {
    ae_type_e                type;
    unsigned                 boolean:1;
    uint32_t                 count;         /* of children */
    uint32_t                 line;          /* where it was parsed, from 1 */
    double                   number;
    ae_str_t                 s;             /* string, or the number's text
                                               as written: big integers keep
                                               every digit */
    ae_str_t                 name;          /* as a member of a map */
    ae_value_t              *first;
    ae_value_t              *last;
    ae_value_t              *next;
};


ae_value_t *ae_value_map(ae_arena_t *arena);
ae_value_t *ae_value_array(ae_arena_t *arena);
ae_value_t *ae_value_str(ae_arena_t *arena, ae_str_t s);    /* not copied */
ae_value_t *ae_value_int(ae_arena_t *arena, int64_t n);
ae_value_t *ae_value_bool(ae_arena_t *arena, int b);

/*
 * Appends; a NULL child (no memory) makes them return AE_ERROR, so that calls
 * chain.  The name is not copied.  ae_value_share() adds the children of
 * another map under a second name without copying them.
 */
int ae_value_set(ae_value_t *map, ae_str_t name, ae_value_t *child);
int ae_value_add(ae_value_t *array, ae_value_t *child);
int ae_value_share(ae_arena_t *arena, ae_value_t *map, ae_str_t name,
    const ae_value_t *other);

/* member of a map by name, the last one if repeated; NULL if there is none */
ae_value_t *ae_value_get(const ae_value_t *map, const char *name);
ae_value_t *ae_value_find(const ae_value_t *map, ae_str_t name);


typedef struct {
    unsigned                 line;          /* from 1 */
    char                     text[160];     /* what was expected */
} ae_error_t;


/*
 * RFC 8259 by yajl, the whole text must be one value; depth at most 64.
 * NULL and *err filled on malformed text or when the arena is used up.
 */
ae_value_t *ae_json_parse(ae_arena_t *arena, ae_str_t text, ae_error_t *err);

/*
 * ae_json_parse() for those who must tell a malformed text, AE_DECLINED, from
 * an arena that is used up, AE_ERROR.
 */
int ae_json_read(ae_arena_t *arena, ae_str_t text, ae_value_t **value,
    ae_error_t *err);

/*
 * What a text that others wrote must not have, though it is JSON: a name twice
 * in one object, a NUL in a string, a number that is none of IEEE 754 doubles.
 * AE_ERROR, and *err says which in which line.
 */
int ae_json_strict(const ae_value_t *root, ae_error_t *err);


/*
 * Members of an object that have to be of a kind; null is as good as absent,
 * and what is not named may be anything.
 */

typedef enum {
    AE_KIND_ANY = 0,
    AE_KIND_STRING,
    AE_KIND_NUMBER,
    AE_KIND_INTEGER,
    AE_KIND_BOOLEAN,
    AE_KIND_OBJECT,
    AE_KIND_ARRAY
} ae_kind_e;

typedef struct ae_member_s   ae_member_t;

struct ae_member_s {
    ae_str_t                 name;
    ae_kind_e                kind;
    ae_kind_e                items;         /* of what is in it */
    const ae_member_t       *members;       /* of an object, or of the objects
                                               in it */
};

#define ae_member_string(n)    { ae_string(n), AE_KIND_STRING, 0, NULL }
#define ae_member_number(n)    { ae_string(n), AE_KIND_NUMBER, 0, NULL }
#define ae_member_integer(n)   { ae_string(n), AE_KIND_INTEGER, 0, NULL }
#define ae_member_boolean(n)   { ae_string(n), AE_KIND_BOOLEAN, 0, NULL }
#define ae_member_object(n, i, m)  { ae_string(n), AE_KIND_OBJECT, i, m }
#define ae_member_array(n, i, m)   { ae_string(n), AE_KIND_ARRAY, i, m }
#define ae_member_end          { { 0, NULL }, 0, 0, NULL }

/* members ends with ae_member_end; AE_ERROR, and *err says what is expected */
int ae_members_check(const ae_value_t *map, const ae_member_t *members,
    ae_error_t *err);


/*
 * 1: JSON.stringify(JSON.parse(text)) of ECMAScript is the same text; 0: it is
 * not, or that is too much to find out.
 */
int ae_json_plain(ae_str_t text);

/* compact; strings with invalid UTF-8 get U+FFFD, never an invalid document */
void ae_json_write(ae_buf_t *b, const ae_value_t *v);

/*
 * The inside of a JSON string, without quotes; also safe within HTML
 * script elements (<, >, &, U+2028 and U+2029 leave as \u escapes only where
 * html is set).
 */
void ae_json_escape(ae_buf_t *b, ae_str_t s, int html);

/*
 * The non-ASCII character at p: its length, and its code point in *cp.  *cp
 * is 0 if there is none; the length is then what one U+FFFD stands for, the
 * longest start of a character, as the Unicode standard recommends.
 */
size_t ae_json_utf8(const unsigned char *p, size_t len, uint32_t *cp);


/* ---- event: names, record, envelope (ae_event.c, ae_envelope.c) ---- */

typedef enum {
    AE_EVENT_CUSTOM = 0,
    AE_QUOTA_EXCEEDED,
    AE_RATELIMIT_EXCEEDED,
    AE_AUTH_FAILURE,
    AE_KEY_EXPIRED,
    AE_VERSION_FAILURE,
    AE_ORG_QUOTA_EXCEEDED,
    AE_ORG_RATE_LIMIT_EXCEEDED,
    AE_TRIGGER_EXCEEDED,
    AE_BREAKER_TRIPPED,
    AE_BREAKER_RESET,
    AE_BREAKER_TRIGGERED,
    AE_HOST_DOWN,
    AE_HOST_UP,
    AE_TOKEN_CREATED,
    AE_TOKEN_UPDATED,
    AE_TOKEN_DELETED,
    AE_ENDPOINT_DISABLED,
    AE_ENDPOINT_RECOVERED,
    AE_DELIVERY_DEAD,
    AE_EVENTS_DROPPED,
    AE_STORE_DOWN,
    AE_STORE_UP,
    AE_LIMITER_OVERFLOW,
    AE_EVENT_MAX
} ae_event_type_e;


extern const ae_str_t        ae_event_names[AE_EVENT_MAX];

/* AE_EVENT_CUSTOM when the name is none of the catalogue */
ae_event_type_e ae_event_type(ae_str_t name);

/* does the catalogue of EVENTS.md allow it as a handler's NAME: a type, "*",
 * a portal event (api_event.*, ...) or an object event (app.created, ...) */
int ae_event_known(ae_str_t name);


/*
 * Is it a portal or an object event, and which part is its family ("app") and
 * which its action ("created").
 */
typedef enum {
    AE_EVENT_OTHER = 0,
    AE_EVENT_PORTAL,
    AE_EVENT_OBJECT
} ae_event_class_e;

ae_event_class_e ae_event_class(ae_str_t name, ae_str_t *family,
    ae_str_t *action);

/* the n-th of all of these from 0 on; AE_EVENT_OTHER: there are no more */
ae_event_class_e ae_event_nth(size_t n, ae_str_t *family, ae_str_t *action);

/*
 * A name that ae_event_known() allows, or a family and ".*".  And is that name
 * meant by a pattern of that kind.
 */
int ae_event_pattern(ae_str_t pattern);
int ae_event_matches(ae_str_t pattern, ae_str_t name);


/*
 * An event as it is raised.  Encoded it is self-contained bytes, since the
 * process that raised it may be gone when it is delivered.
 */

typedef struct {
    ae_id_t                  id;            /* UUIDv7 */
    ae_id_t                  key_id;        /* zero: no key */
    ae_id_t                  route;         /* who handles it, see event/ */
    uint64_t                 time;          /* wall clock, ns */
    uint64_t                 sequence;
    uint16_t                 type;          /* ae_event_type_e */
    uint8_t                  depth;         /* 0: raised by a request */
    unsigned                 dry_run:1;
    unsigned                 request_cut:1; /* request is not whole */
    ae_str_t                 name;          /* of a custom event */
    ae_str_t                 api;
    ae_str_t                 org;
    ae_str_t                 message;
    ae_str_t                 path;
    ae_str_t                 origin;
    ae_str_t                 key;           /* as it may be shown */
    ae_str_t                 alias;
    ae_str_t                 reason;
    ae_str_t                 request;       /* HTTP/1.1 form, not base64 */
    ae_str_t                 meta;          /* further metadata, a JSON map */
    ae_str_t                 secret;        /* the credential that may stand
                                               in the others, or empty; never
                                               shown, see ae_event_clean() */
} ae_event_t;


size_t ae_event_size(const ae_event_t *ev);
void ae_event_encode(const ae_event_t *ev, unsigned char *dst);

/* strings point into bytes; AE_ERROR if they are not what encode() wrote */
int ae_event_decode(ae_event_t *ev, ae_str_t bytes);

/*
 * The event as it may be kept (ae_event_clean.c): wherever its secret stands
 * in what it tells of the request, also with characters escaped as in URLs or
 * JSON, a mask stands instead.  Encoded, in the arena; data NULL: no memory.
 */
ae_str_t ae_event_clean(const ae_event_t *ev, ae_arena_t *arena);

/* the same in place, with a star for each byte of what means the credential */
void ae_star_out(unsigned char *text, size_t len, ae_str_t credential);

/* a masked credential shows its last four characters, a short one none */
#define AE_MASK_LEN          8              /* bytes it needs */

size_t ae_mask(unsigned char *dst, ae_str_t credential);

/* the type's name, or ev->name of a custom one */
ae_str_t ae_event_name(const ae_event_t *ev);

/* the envelope of EVENTS.md; strings point into the event's */
ae_value_t *ae_envelope(ae_arena_t *arena, const ae_event_t *ev,
    uint64_t suppressed);

/*
 * Of an object or portal event whose metadata has the member "event": all its
 * members beside the envelope's, so that templates name them as the body has
 * them.
 */
int ae_envelope_open(ae_arena_t *arena, ae_value_t *envelope,
    const ae_event_t *ev);

/*
 * Makes an object or portal event that is larger than that smaller
 * (ae_event_cut.c): without the member "previous" of its metadata, or else
 * with nothing but the id in "data"; "cut": true tells.  The metadata is then
 * the arena's.  AE_DECLINED: it is none, or is too large even so.
 */
int ae_event_cut(ae_arena_t *arena, ae_event_t *ev, size_t max);

/* the identity of a cooldown (EVENTS.md), for one endpoint */
ae_id_t ae_event_identity(const unsigned char key[16], const ae_event_t *ev,
    ae_id_t endpoint);


/* ---- template: Go's text/template as webhooks use it (ae_template_*) - */

typedef struct ae_template_s ae_template_t;

typedef enum {
    AE_ESCAPE_NONE = 0,
    AE_ESCAPE_JSON,
    AE_ESCAPE_HTML,                         /* but for what html returned */
    AE_ESCAPE_ADDRESS       /* a value adds no mail address, nor ends one:
                               what would do so is a space, controls are
                               U+FFFD */
} ae_escape_e;


/* NULL and *err on a text that does not parse */
ae_template_t *ae_template_parse(ae_arena_t *arena, ae_str_t text,
    ae_escape_e escape, ae_error_t *err);

/*
 * Renders into *out.  AE_ERROR: the output's bound, memory, or more than
 * 100,000 steps.  Missing fields render empty.  Each value is evaluated once.
 */
int ae_template_render(const ae_template_t *t, const ae_value_t *root,
    ae_buf_t *out);

/*
 * Does the template name that field anywhere, or take the root or all of the
 * metadata as one value, so that the field is in it.
 */
int ae_template_uses(const ae_template_t *t, const char *field);


/* ---- policy: what sessions take over by name (ae_policy*.c) ---- */

typedef struct ae_policies_s ae_policies_t;

#define AE_POLICY_MAX        64             /* that a session names */

/* the ids that a session names, AE_ERROR: too many */
int ae_policy_ids(const ae_value_t *session, ae_str_t ids[AE_POLICY_MAX],
    size_t *n);

/*
 * Of a map of policies by id, or an array of policies with ids, which must
 * live as long.  NULL and *err: something else, an id that is missing or there
 * twice, no memory.  Members of a policy that are of another type than they
 * have to be are as good as missing.
 */
ae_policies_t *ae_policies_create(ae_arena_t *arena,
    const ae_value_t *document, ae_error_t *err);
const ae_value_t *ae_policies_find(const ae_policies_t *p, ae_str_t id);

/* may the session's policies be applied to it; p may be NULL: there is none */
int ae_policies_check(const ae_policies_t *p, const ae_value_t *session,
    ae_error_t *err);

/* does one of them grant an API; of a session that passed the check */
int ae_policies_grant(const ae_policies_t *p, const ae_value_t *session);

typedef struct {
    ae_value_t              *document;      /* the session with what its
                                               policies say in place of its
                                               own */
    int64_t                  expires_in;    /* seconds from its creation on,
                                               0: none of them says */
    unsigned                 inactive:1;    /* one of the policies is */
    unsigned                 granted:1;     /* its access rights are theirs */
} ae_merged_t;

/*
 * Merges as Tyk does.  The result shares the values of both.  A
 * session that names no policy is its own result.  AE_ERROR and *err: as
 * check, or no memory.
 */
int ae_policies_apply(ae_arena_t *arena, const ae_policies_t *p,
    ae_value_t *session, ae_merged_t *merged, ae_error_t *err);


/* ---- script: what the loader must know of a JS text (ae_script.c) ---- */

typedef enum {
    AE_SCRIPT_MODULE = 0,   /* has export default */
    AE_SCRIPT_EVENT,        /* TykJS.TykEventHandlers.NewEventHandler */
    AE_SCRIPT_BODY          /* function body */
} ae_script_form_e;


typedef struct {
    ae_script_form_e         form;
    unsigned                 object:1;      /* export default {: a module
                                               that is no function */
    ae_str_t                *undeclared;    /* assigned, never declared */
    size_t                   nundeclared;
} ae_script_t;


/* how a text uses a name */

#define AE_SCRIPT_MENTIONED  1
#define AE_SCRIPT_REDECLARED 2              /* by itself, outermost */


/* AE_ERROR: no memory, or an unterminated comment, string or template */
int ae_script_scan(ae_arena_t *arena, ae_str_t text, ae_script_t *script,
    ae_error_t *err);

/*
 * How the text uses each of n names, as a variable: uses[i] gets flags of
 * names[i].  AE_ERROR as above.
 */
int ae_script_uses(ae_str_t text, const ae_str_t *names, size_t n,
    unsigned char *uses, ae_error_t *err);

/* is the name a JavaScript identifier and no reserved word */
int ae_script_identifier(ae_str_t name);

/*
 * The order in which in-line handlers run, as of memcmp(): ASCII letters
 * without their case, names that differ in nothing else by their bytes.
 */
int ae_script_name_compare(ae_str_t one, ae_str_t two);

/*
 * Appends the name that a file's name stands for: $ and four hex digits are a
 * UTF-16 code unit.  What is no such escape, or one of a control character
 * or of half a character, stays as it is.
 */
void ae_script_name_decode(ae_buf_t *b, ae_str_t name);


/* ---- files of the tree that the build embeds (util/embed) ---- */

typedef struct {
    ae_str_t                 name;          /* from the root of the tree */
    ae_str_t                 text;
} ae_file_t;


/* ends with a zero entry */
extern const ae_file_t       ae_embedded[];

/* the file's text; NULL if there is no such file */
const ae_str_t *ae_embedded_find(ae_str_t name);


#endif /* _AE_TEXT_H_INCLUDED_ */
