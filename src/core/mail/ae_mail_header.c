/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "core/mail/mail.h"


#define AE_FIELD_LINE        76             /* columns of a line */
#define AE_FIELD_WORD        45             /* bytes in an encoded word: their
                                               base64 and its frame are less
                                               than 75 */
#define AE_FIELD_VALUE       4096           /* the most that is kept */


typedef struct {
    ae_buf_t                *b;
    size_t                   column;
} ae_fold_t;


static void ae_fold_begin(ae_fold_t *f, ae_buf_t *b, const char *name);
static void ae_fold_put(ae_fold_t *f, const void *text, size_t len);
static void ae_fold_words(ae_fold_t *f, ae_str_t s);
static void ae_fold_encoded(ae_fold_t *f, ae_str_t s);
static void ae_fold_word(ae_fold_t *f, const unsigned char *p, size_t len);
static int ae_header_plain(ae_str_t s);
static int ae_header_phrase(ae_str_t s);
static void ae_header_name(ae_fold_t *f, ae_str_t name);


void
ae_mail_field(ae_buf_t *b, const char *name, ae_str_t value)
{
    ae_fold_t  f;

    if (value.len > AE_FIELD_VALUE) {
        value.len = AE_FIELD_VALUE;
    }

    while (value.len != 0 && value.data[0] <= 0x20) {
        value.data++;
        value.len--;
    }

    while (value.len != 0 && value.data[value.len - 1] <= 0x20) {
        value.len--;
    }

    ae_fold_begin(&f, b, name);

    if (ae_header_plain(value)) {
        ae_fold_words(&f, value);

    } else {
        ae_fold_encoded(&f, value);
    }
}


void
ae_mail_field_addresses(ae_buf_t *b, const char *name,
    const ae_mail_address_t *list, size_t n)
{
    size_t     i;
    ae_buf_t   text;
    ae_fold_t  f;

    ae_fold_begin(&f, b, name);

    for (i = 0; i < n; i++) {

        if (list[i].name.len != 0) {
            ae_header_name(&f, list[i].name);
        }

        ae_buf_init(&text, AE_FIELD_VALUE);

        ae_buf_puts(&text, list[i].name.len != 0 ? "<" : "");
        ae_buf_put(&text, list[i].address.data, list[i].address.len);
        ae_buf_puts(&text, list[i].name.len != 0 ? ">" : "");
        ae_buf_puts(&text, i + 1 < n ? "," : "");

        if (text.failed) {
            b->failed = 1;

        } else {
            ae_fold_put(&f, text.data, text.len);
        }

        ae_buf_free(&text);
    }
}


void
ae_mail_field_date(ae_buf_t *b, uint64_t wall_ns)
{
    char       text[64];
    time_t     t;
    struct tm  tm;

    static const char  days[] = "SunMonTueWedThuFriSat";
    static const char  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    t = (time_t) (wall_ns / 1000000000);

    if (gmtime_r(&t, &tm) == NULL) {
        memset(&tm, 0, sizeof(struct tm));
    }

    (void) snprintf(text, sizeof(text),
                    "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d +0000",
                    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
                    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);

    ae_buf_puts(b, text);
}


void
ae_mail_field_id(ae_buf_t *b, ae_id_t event, ae_id_t whom,
    const ae_mail_address_t *from)
{
    size_t          len;
    unsigned char   id[AE_EVENT_ID_LEN], hex[AE_HEX_LEN], *at;

    ae_event_id(id, event);
    ae_id_hex(hex, whom);

    at = memrchr(from->address.data, '@', from->address.len);
    len = (at != NULL) ? (size_t) (from->address.data + from->address.len
                                   - at)
                       : 0;

    ae_buf_puts(b, "Message-ID: <");
    ae_buf_put(b, id, AE_EVENT_ID_LEN);
    ae_buf_puts(b, ".");
    ae_buf_put(b, hex, AE_HEX_LEN / 2);
    ae_buf_put(b, at, len);
    ae_buf_puts(b, ">");
}


static void
ae_fold_begin(ae_fold_t *f, ae_buf_t *b, const char *name)
{
    f->b = b;
    f->column = strlen(name) + 1;

    ae_buf_puts(b, name);
    ae_buf_puts(b, ":");
}


/* a word, with the space or the new line in front of it */

static void
ae_fold_put(ae_fold_t *f, const void *text, size_t len)
{
    if (f->column + 1 + len > AE_FIELD_LINE) {
        ae_buf_puts(f->b, "\r\n");
        f->column = 0;
    }

    ae_buf_puts(f->b, " ");
    ae_buf_put(f->b, text, len);

    f->column += 1 + len;
}


/* of plain ASCII, in which no word is longer than a line; what is no word,
 * controls too, becomes a space */

static void
ae_fold_words(ae_fold_t *f, ae_str_t s)
{
    unsigned char  *p, *end, *word;

    end = s.data + s.len;

    for (p = s.data; p < end; /* void */ ) {

        if (*p <= 0x20 || *p == 0x7f) {
            p++;
            continue;
        }

        word = p;

        while (p < end && *p > 0x20 && *p != 0x7f) {
            p++;
        }

        ae_fold_put(f, word, (size_t) (p - word));
    }
}


/* no character is cut by the end of an encoded word */

static void
ae_fold_encoded(ae_fold_t *f, ae_str_t s)
{
    size_t               i, size, n;
    uint32_t             cp;
    const void          *from;
    unsigned char        word[AE_FIELD_WORD];

    static const char    bad[] = "\xef\xbf\xbd", space[] = " ";

    n = 0;

    for (i = 0; i < s.len; i += size) {

        size = 1;
        from = &s.data[i];

        if (s.data[i] < 0x20 || s.data[i] == 0x7f) {
            from = space;

        } else if (s.data[i] >= 0x80) {
            size = ae_json_utf8(&s.data[i], s.len - i, &cp);
            from = (cp == 0) ? bad : (const char *) &s.data[i];
        }

        if (n + 4 > sizeof(word)) {
            ae_fold_word(f, word, n);
            n = 0;
        }

        if (from == bad) {
            memcpy(&word[n], bad, 3);
            n += 3;

        } else {
            memcpy(&word[n], from, size);
            n += size;
        }
    }

    if (n != 0) {
        ae_fold_word(f, word, n);
    }
}


static void
ae_fold_word(ae_fold_t *f, const unsigned char *p, size_t len)
{
    size_t         n;
    unsigned char  text[80];

    memcpy(text, "=?UTF-8?B?", 10);

    n = 10 + (size_t) EVP_EncodeBlock(text + 10, p, (int) len);

    memcpy(text + n, "?=", 2);

    ae_fold_put(f, text, n + 2);
}


/* does it go as it is: words that fit a line, and none that looks encoded */

static int
ae_header_plain(ae_str_t s)
{
    size_t  i, word;

    word = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] > 0x7f) {
            return 0;
        }

        word = (s.data[i] <= 0x20 || s.data[i] == 0x7f) ? 0 : word + 1;

        if (word > AE_FIELD_LINE - 2) {
            return 0;
        }

        if (s.data[i] == '?' && i != 0 && s.data[i - 1] == '=') {
            return 0;
        }
    }

    return 1;
}


/* letters, digits and what an atom of RFC 5322 may have besides */

static int
ae_header_phrase(ae_str_t s)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < s.len; i++) {
        ch = s.data[i] | 0x20;

        if (!((ch >= 'a' && ch <= 'z')
              || (s.data[i] >= '0' && s.data[i] <= '9')
              || memchr(" !#$%&'*+-/=?^_`{|}~", s.data[i], 20) != NULL))
        {
            return 0;
        }
    }

    return 1;
}


static void
ae_header_name(ae_fold_t *f, ae_str_t name)
{
    size_t         i, n;
    unsigned char  text[AE_FIELD_LINE];

    if (!ae_header_plain(name)) {
        ae_fold_encoded(f, name);
        return;
    }

    if (ae_header_phrase(name)) {
        ae_fold_words(f, name);
        return;
    }

    /* a quoted string is one word */

    if (name.len > sizeof(text) / 2 - 2) {
        ae_fold_encoded(f, name);
        return;
    }

    n = 0;
    text[n++] = '"';

    for (i = 0; i < name.len; i++) {

        if (name.data[i] == '"' || name.data[i] == '\\') {
            text[n++] = '\\';
        }

        text[n++] = name.data[i];
    }

    text[n++] = '"';

    ae_fold_put(f, text, n);
}
