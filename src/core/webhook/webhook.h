/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * core/webhook: what a delivery over HTTP has beyond a body: when it is tried
 * again, what its receiver's answer means, who signed it, in which format it
 * comes, and which addresses may be asked at all.
 */


#ifndef _AE_WEBHOOK_H_INCLUDED_
#define _AE_WEBHOOK_H_INCLUDED_


#include "core/base/base.h"
#include "core/text/text.h"


/* ---- retry: when the next attempt is due (ae_retry.c) ---- */

/*
 * The schedule of Standard Webhooks 1.0.0: 0 s, 5 s, 5 min, 30 min, 2 h, 5 h,
 * 10 h, 14 h, 20 h, 24 h; 75 h 35 min 05 s in all without jitter.
 */
#define AE_RETRY_MAX         10             /* attempts */

/* "spec", "off" or a number of attempts from 1 to AE_RETRY_MAX */
int ae_retry_parse(ae_str_t s, uint32_t *attempts);

/* least delay after an answer that asks to slow down, ns */
#define AE_RETRY_SLOW        60000000000

/*
 * Nanoseconds from the end of attempt number `attempt` (from 1) until the
 * next: the schedule's delay with -20 to +20 % jitter drawn from random; slow:
 * at least AE_RETRY_SLOW; after: what a Retry-After asks for, 0 for none,
 * honoured between one and two times that delay (EVENTS.md).  UINT64_MAX:
 * there is no next one, attempt is the last of attempts.
 */
uint64_t ae_retry_delay(uint32_t attempt, uint32_t attempts, int slow,
    uint64_t after, uint64_t random);

/*
 * Retry-After of RFC 9110: seconds, with a fraction as some send it, or an
 * HTTP date of any of the three forms; ns from now on.  A date of the past is
 * 0, what is too far ahead for 64 bits as far as they go.  AE_ERROR: neither.
 */
int ae_retry_after(ae_str_t s, const ae_now_t *now, uint64_t *ns);


/* ---- answer: what a receiver says (ae_answer.c) ---- */

typedef struct {
    uint64_t                 set[8];        /* bit by status - 100 */
} ae_statuses_t;


/* "2xx", "200,202", "2xx,409": codes from 100 to 599 and their classes */
int ae_statuses_parse(ae_str_t s, ae_statuses_t *statuses);
int ae_statuses_has(const ae_statuses_t *statuses, uint32_t status);


typedef enum {
    AE_ANSWER_OK = 0,
    AE_ANSWER_FAILED,       /* try again as scheduled */
    AE_ANSWER_SLOW,         /* 429, 502, 503, 504, timeout: and slow down */
    AE_ANSWER_ABORT,        /* this delivery is dead: the receiver said so */
    AE_ANSWER_DISABLE       /* the endpoint is: 410, or it said so */
} ae_answer_e;


/*
 * status 0: there was no answer; timeout: because it, or the rest of it, took
 * too long, which is never a success.  control: the value of the field
 * webhook-delivery, "disable" or "abort-message" in any case, which is obeyed
 * whatever the status is; anything else there is ignored.
 */
ae_answer_e ae_answer(const ae_statuses_t *success, uint32_t status,
    int timeout, ae_str_t control);


/* ---- sign: Standard Webhooks v1 and v1a (ae_sign.c) ---- */

typedef struct ae_signer_s   ae_signer_t;

#define AE_SIGN_KEYS         4              /* newest first */

/*
 * Of secrets, each "whsec_" and base64 of 24 to 64 bytes (HMAC-SHA256), or
 * "whsk_" and base64 of an Ed25519 key: its seed of 32 bytes, or seed and
 * public key, 64.  Behind it, but not behind the newest, may stand "@" and a
 * time of RFC 3339: it signs until then, so that a rotation ends by itself.
 * Neither logs nor keeps the text.  NULL and *err, which never names any part
 * of a secret; its line is which of them it was, from 1.
 * ae_signer_destroy() wipes, and takes NULL.  One signer may be used by
 * several threads at once.
 */
ae_signer_t *ae_signer_create(const ae_str_t *secrets, size_t n,
    ae_error_t *err);
void ae_signer_destroy(ae_signer_t *signer);

/*
 * The value of webhook-signature, a signature of "id.timestamp.body" by each
 * key that has not come to its end, separated by blanks.  id has no full stop.
 * timestamp: Unix seconds.  Returns its length, 0 when libcrypto fails; dst
 * has AE_SIGN_LEN bytes.
 */
#define AE_SIGN_LEN          (AE_SIGN_KEYS * 96)

size_t ae_sign(const ae_signer_t *signer, unsigned char *dst, ae_str_t id,
    int64_t timestamp, ae_str_t body);

/* the public key, "whpk_...", of the n-th secret; 0: it is symmetric */
#define AE_SIGN_PUBLIC_LEN   64

size_t ae_sign_public(const ae_signer_t *signer, size_t n,
    unsigned char dst[AE_SIGN_PUBLIC_LEN]);


/* ---- formats: what a body says (ae_format.c) ---- */

typedef enum {
    AE_FORMAT_TYK = 0,          /* a template renders it */
    AE_FORMAT_STANDARD,         /* {"type","timestamp","data"} */
    AE_FORMAT_CLOUDEVENTS,      /* application/cloudevents+json */
    AE_FORMAT_CLOUDEVENTS_BINARY,   /* attributes as ce- fields */
    AE_FORMAT_CLOUDEVENTS_BATCH, /* application/cloudevents-batch+json */
    AE_FORMAT_CALLBACK,         /* {"event","object","action",...} */
    AE_FORMAT_PORTAL            /* {"event","data"} */
} ae_format_e;


/*
 * "tyk", "standard", "cloudevents", "cloudevents-binary",
 * "cloudevents-batch", "callback", "portal"; AE_ERROR if it is none of them
 */
int ae_format_parse(ae_str_t s, ae_format_e *format);

/* of a body in that format; empty for AE_FORMAT_TYK */
ae_str_t ae_format_content_type(ae_format_e format);

/*
 * What a source is to be named: "/" and the API's id, of the event's org if
 * it has one (a URI reference, percent-encoded).
 */
void ae_format_source(ae_buf_t *b, const ae_event_t *ev);

/*
 * The body of one event.  data: what a template rendered, or empty: the
 * envelope's metadata; a text that is no JSON becomes a JSON string.
 *
 * AE_FORMAT_TYK: data as it is.  AE_FORMAT_STANDARD: {"type": the event's
 * name, "timestamp": RFC 3339, "data": data}, where metadata comes with ID,
 * APIID, OrgID, Sequence and Suppressed.  AE_FORMAT_CLOUDEVENTS_BINARY: data.
 * AE_FORMAT_CLOUDEVENTS: the attributes of ae_format_fields() as members,
 * datacontenttype "application/json", and data.  AE_FORMAT_CLOUDEVENTS_BATCH:
 * an array of one such event, or this one more behind those of earlier calls
 * with the same buffer, which is a whole array after each of them.
 *
 * AE_FORMAT_CALLBACK: event, object, action, timestamp (RFC 3339), id, user,
 * data, previous: as the metadata of an object or portal event has them,
 * object and action else as its name says; what it has not is left out.
 * AE_FORMAT_PORTAL: the event's name, and data.  Of any other event data is
 * all of its metadata.
 *
 * AE_ERROR: the buffer's bound or memory; what was in the buffer before is
 * there still, and it may be used on.
 */
int ae_format_body(ae_buf_t *b, ae_format_e format, ae_arena_t *arena,
    const ae_event_t *ev, uint64_t suppressed, ae_str_t data);

/*
 * The ce- fields of binary mode, percent-encoded as CloudEvents' HTTP binding
 * says; calls add() with each until it returns something else than AE_OK.
 * name and value live in the arena or longer.  AE_ERROR: no memory.
 *
 *   id               the event's id, "evt_..."
 *   source           of ae_format_source()
 *   specversion      "1.0"
 *   type             "apievents." and the event's name
 *   time             when it was raised, RFC 3339
 *   subject          the KeyID, if there is a key
 *   subjectsequence  Sequence in 20 digits, so that strings compare as it
 *                    does: the order among the events of one subject of one
 *                    source.  (CloudEvents' extension "sequence" orders all
 *                    events of a source, which Sequence does not.)
 *   suppressed       how many equal events this one stands for, if any
 */
int ae_format_fields(ae_arena_t *arena, const ae_event_t *ev,
    uint64_t suppressed,
    int (*add)(void *data, ae_str_t name, ae_str_t value), void *data);


/* ---- address: may a run-time endpoint be asked (ae_address.c) ---- */

/*
 * Is the address globally reachable by IANA's special-purpose registries for
 * IPv4 and IPv6; an address that embeds another (mapped, NAT64, 6to4, Teredo)
 * is as reachable as the less reachable of both.  len: 4 or 16 bytes.
 */
int ae_address_global(const unsigned char *addr, size_t len);


#endif /* _AE_WEBHOOK_H_INCLUDED_ */
