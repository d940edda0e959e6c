/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <string.h>
#include <strings.h>

#include "core/mail/mail.h"


static void ae_talk_line(ae_mail_talk_t *t, ae_str_t line);
static unsigned ae_talk_code(ae_str_t line);
static void ae_talk_put(ae_mail_talk_t *t, ae_str_t text);


static const struct {
    const char              *word;
    ae_mail_stage_e          stage;
} ae_talk_words[] = {
    { "EHLO", AE_MAIL_HELLO },
    { "HELO", AE_MAIL_HELLO },
    { "STARTTLS", AE_MAIL_TLS },
    { "AUTH", AE_MAIL_AUTH },
    { "MAIL FROM:", AE_MAIL_SENDER },
    { "RCPT TO:", AE_MAIL_RECIPIENT },
    { "DATA", AE_MAIL_MESSAGE },
    { NULL, AE_MAIL_CONNECT }
};


/* a line of an exchange of AUTH starts with none of the words */

void
ae_mail_said(ae_mail_talk_t *t, ae_str_t line)
{
    size_t    i, len;
    unsigned  n;

    if (t->stage == AE_MAIL_AUTH && t->code == 334) {
        return;
    }

    if (line.len >= 4 && strncasecmp((char *) line.data, "QUIT", 4) == 0) {
        t->over = 1;
        return;
    }

    for (n = 0; ae_talk_words[n].word != NULL; n++) {
        len = strlen(ae_talk_words[n].word);

        if (line.len >= len
            && strncasecmp((char *) line.data, ae_talk_words[n].word, len)
               == 0)
        {
            break;
        }
    }

    if (ae_talk_words[n].word == NULL) {
        return;
    }

    t->stage = ae_talk_words[n].stage;
    t->code = 0;
    t->len = 0;

    if (t->stage != AE_MAIL_RECIPIENT) {
        return;
    }

    t->recipient_len = 0;

    for (i = len; i < line.len && line.data[i] > 0x20; i++) {

        if (line.data[i] != '<' && line.data[i] != '>'
            && t->recipient_len < sizeof(t->recipient))
        {
            t->recipient[t->recipient_len++] = line.data[i];
        }
    }
}


void
ae_mail_heard(ae_mail_talk_t *t, ae_str_t lines)
{
    ae_str_t        line;
    unsigned char  *p, *end, *eol;

    end = lines.data + lines.len;

    for (p = lines.data; p < end && !t->over; p = eol + 1) {
        eol = memchr(p, '\n', (size_t) (end - p));

        if (eol == NULL) {
            eol = end;
        }

        line.data = p;
        line.len = (size_t) (eol - p);

        ae_talk_line(t, line);
    }
}


/* the lines of an answer have its code, and replace those of another */

static void
ae_talk_line(ae_mail_talk_t *t, ae_str_t line)
{
    unsigned  code;

    while (line.len != 0 && line.data[line.len - 1] <= 0x20) {
        line.len--;
    }

    code = ae_talk_code(line);

    if (code == 0) {
        return;
    }

    if (code != t->code) {
        t->code = code;
        t->len = 0;
    }

    if (line.len > 4) {
        line.data += 4;
        line.len -= 4;

        ae_talk_put(t, line);
    }
}


static unsigned
ae_talk_code(ae_str_t line)
{
    unsigned  i;

    if (line.len < 3
        || (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-'))
    {
        return 0;
    }

    for (i = 0; i < 3; i++) {
        if (line.data[i] < '0' || line.data[i] > '9') {
            return 0;
        }
    }

    return (line.data[0] - '0') * 100u + (line.data[1] - '0') * 10u
           + (line.data[2] - '0');
}


static void
ae_talk_put(ae_mail_talk_t *t, ae_str_t text)
{
    size_t  i;

    if (t->len != 0 && t->len < sizeof(t->text)) {
        t->text[t->len++] = ' ';
    }

    for (i = 0; i < text.len && t->len < sizeof(t->text); i++) {
        t->text[t->len++] = (text.data[i] < 0x20 || text.data[i] >= 0x7f)
                            ? '?' : text.data[i];
    }
}


ae_answer_e
ae_mail_meaning(const ae_mail_talk_t *t, int timeout)
{
    if (timeout) {
        return AE_ANSWER_SLOW;
    }

    if (t->code < 500 || t->code > 599 || t->stage < AE_MAIL_SENDER) {
        return AE_ANSWER_FAILED;
    }

    switch (t->code) {

    case 530:
    case 534:
    case 535:
    case 538:
        return AE_ANSWER_FAILED;

    default:
        return AE_ANSWER_ABORT;
    }
}


void
ae_mail_why(ae_buf_t *b, const ae_mail_talk_t *t)
{
    ae_str_t     kept;

    static const char  *const stages[] = {
        [AE_MAIL_CONNECT] = "greeting",
        [AE_MAIL_HELLO] = "EHLO",
        [AE_MAIL_TLS] = "STARTTLS",
        [AE_MAIL_AUTH] = "AUTH",
        [AE_MAIL_SENDER] = "MAIL FROM",
        [AE_MAIL_RECIPIENT] = "RCPT TO",
        [AE_MAIL_MESSAGE] = "DATA"
    };

    if (t->code < 400) {
        return;
    }

    ae_buf_puts(b, stages[t->stage]);

    if (t->stage == AE_MAIL_RECIPIENT) {
        ae_buf_puts(b, ":<");
        ae_buf_put(b, t->recipient, t->recipient_len);
        ae_buf_puts(b, ">");
    }

    ae_buf_puts(b, ": ");
    ae_buf_int(b, (int64_t) t->code);

    kept = ae_mail_kept(t);

    if (kept.len != 0) {
        ae_buf_puts(b, " ");
        ae_buf_put(b, kept.data, kept.len);
    }
}


ae_str_t
ae_mail_kept(const ae_mail_talk_t *t)
{
    ae_str_t  s;

    s.data = (unsigned char *) t->text;
    s.len = (t->stage == AE_MAIL_AUTH) ? 0 : t->len;

    return s;
}
