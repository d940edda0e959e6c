/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include "core/mail/mail.h"


void
ae_mail_text(ae_buf_t *b, ae_str_t text)
{
    size_t          size;
    uint32_t        cp;
    unsigned char  *p, *end, *from;

    end = text.data + text.len;
    from = text.data;

    for (p = text.data; p < end; p += size) {

        size = 1;

        if (*p == '\n' || *p == '\r') {
            size += (*p == '\r' && p + 1 < end && p[1] == '\n');

            ae_buf_put(b, from, (size_t) (p - from));
            ae_buf_puts(b, "\r\n");

            from = p + size;
            continue;
        }

        cp = *p;

        if (cp >= 0x80) {
            size = ae_json_utf8(p, (size_t) (end - p), &cp);
        }

        if (cp == 0) {
            ae_buf_put(b, from, (size_t) (p - from));
            ae_buf_puts(b, "\xef\xbf\xbd");

            from = p + size;
        }
    }

    if (from < end) {
        ae_buf_put(b, from, (size_t) (end - from));
    }
}


/* a byte of quoted-printable is three where it is not printable ASCII */

const char *
ae_mail_encoding(ae_str_t text)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] >= 0x7f || text.data[i] == '='
            || (text.data[i] < 0x20 && text.data[i] != '\r'
                && text.data[i] != '\n' && text.data[i] != '\t'))
        {
            n++;
        }
    }

    return (n > text.len / 6) ? "base64" : "quoted-printable";
}
