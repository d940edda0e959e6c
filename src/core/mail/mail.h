/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * core/mail: what a mail says in its header, whom it may be sent to, and what
 * a relay's answers mean.  How parts are put together and sent is libcurl's.
 */


#ifndef _AE_MAIL_H_INCLUDED_
#define _AE_MAIL_H_INCLUDED_


#include "core/base/base.h"
#include "core/text/text.h"
#include "core/webhook/webhook.h"


/* ---- addresses (ae_mail_address.c) ---- */

#define AE_MAIL_RECIPIENTS   50

typedef struct {
    ae_str_t                 name;          /* without quotes; or empty */
    ae_str_t                 address;       /* local@domain, ASCII */
} ae_mail_address_t;


/*
 * Addresses with commas between, each "local@domain" or "Name <local@domain>";
 * what is empty between commas is none.  Strings point into the text or the
 * arena.  AE_DECLINED and the error: one of them is no address (RFC 5321, no
 * quoted local part, a domain or an address in brackets), there is none, or
 * there are more than max; AE_ERROR: no memory.
 */
int ae_mail_addresses(ae_arena_t *arena, ae_str_t text,
    ae_mail_address_t *list, size_t max, size_t *n, ae_error_t *err);


/* ---- header (ae_mail_header.c): fields without the line's end ---- */

/*
 * "Name: value", folded; what is not ASCII as encoded words (RFC 2047), and a
 * control character or invalid UTF-8 cannot get into it.
 */
void ae_mail_field(ae_buf_t *b, const char *name, ae_str_t value);
void ae_mail_field_addresses(ae_buf_t *b, const char *name,
    const ae_mail_address_t *list, size_t n);

/* "Date: Mon, 01 Jan 2024 23:59:59 +0000" */
void ae_mail_field_date(ae_buf_t *b, uint64_t wall_ns);

/*
 * "Message-ID: <evt_....whom@domain>": the same whenever the same event is
 * told to the same ones; from: whose domain it is.
 */
void ae_mail_field_id(ae_buf_t *b, ae_id_t event, ae_id_t whom,
    const ae_mail_address_t *from);


/* ---- text (ae_mail_text.c) ---- */

/* the text with lines that end in CR LF, valid UTF-8 without NUL */
void ae_mail_text(ae_buf_t *b, ae_str_t text);

/* "quoted-printable", or "base64" when that is shorter */
const char *ae_mail_encoding(ae_str_t text);


/* ---- relay (ae_mail_relay.c) ---- */

typedef struct {
    ae_str_t                 host;          /* without brackets */
    uint16_t                 port;
    unsigned                 tls:1;         /* smtps */
    unsigned                 ipv6:1;        /* host is an address of it */
} ae_mail_relay_t;


/*
 * smtp://host[:25], smtps://host[:465]; a host is a name, an IPv4 or, in
 * brackets, an IPv6 address.  NULL, or what is expected.
 */
const char *ae_mail_relay(ae_str_t url, ae_mail_relay_t *relay);


/* ---- talk (ae_mail_talk.c): what was said to a relay, and its answer ---- */

typedef enum {
    AE_MAIL_CONNECT = 0,    /* until the greeting is there */
    AE_MAIL_HELLO,
    AE_MAIL_TLS,
    AE_MAIL_AUTH,
    AE_MAIL_SENDER,
    AE_MAIL_RECIPIENT,
    AE_MAIL_MESSAGE
} ae_mail_stage_e;


typedef struct {
    ae_mail_stage_e          stage;
    unsigned                 over:1;        /* what is answered to QUIT says
                                               nothing of the mail */
    unsigned                 code;          /* of the last answer; 0: none */
    size_t                   len;
    size_t                   recipient_len;
    unsigned char            text[512];     /* of that answer, its start */
    unsigned char            recipient[256];
} ae_mail_talk_t;


/* a line that was sent, lines that were received; with their ends */
void ae_mail_said(ae_mail_talk_t *t, ae_str_t line);
void ae_mail_heard(ae_mail_talk_t *t, ae_str_t lines);

/*
 * What follows when a mail was not taken.  5xx to sender, recipient or message
 * means this mail: it is dead; what a relay answers before that, and 530, 534,
 * 535 and 538, means us, and may be repaired.
 */
ae_answer_e ae_mail_meaning(const ae_mail_talk_t *t, int timeout);

/*
 * Why: "RCPT TO:<a@b>: 550 no such user", appended; nothing when the last
 * answer was no refusal.  Of answers to AUTH only the code, since they may
 * repeat what was sent.
 */
void ae_mail_why(ae_buf_t *b, const ae_mail_talk_t *t);

/* the answer as it may be kept */
ae_str_t ae_mail_kept(const ae_mail_talk_t *t);


#endif /* _AE_MAIL_H_INCLUDED_ */
