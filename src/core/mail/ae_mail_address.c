/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/mail/mail.h"


#define AE_MAIL_LOCAL        64             /* RFC 5321, 4.5.3.1 */
#define AE_MAIL_DOMAIN       255
#define AE_MAIL_ADDRESS      254            /* a path of 256 without <> */
#define AE_MAIL_LABEL        63
#define AE_MAIL_NAME         256


static int ae_address_one(ae_arena_t *arena, ae_str_t item,
    ae_mail_address_t *a, ae_error_t *err);
static ae_str_t ae_address_item(ae_str_t *text);
static int ae_address_name(ae_arena_t *arena, ae_str_t s, ae_str_t *name);
static ae_str_t ae_address_trim(ae_str_t s);
static int ae_address_valid(ae_str_t s);
static int ae_address_local(ae_str_t s);
static int ae_address_domain(ae_str_t s);
static int ae_address_literal(ae_str_t s);
static int ae_address_wrong(ae_error_t *err, const char *what, ae_str_t s);


int
ae_mail_addresses(ae_arena_t *arena, ae_str_t text, ae_mail_address_t *list,
    size_t max, size_t *n, ae_error_t *err)
{
    int       rc;
    ae_str_t  rest, item;

    *n = 0;
    rest = text;

    while (rest.len != 0) {
        item = ae_address_trim(ae_address_item(&rest));

        if (item.len == 0) {
            continue;
        }

        if (*n == max) {
            err->line = 0;
            (void) snprintf(err->text, sizeof(err->text),
                            "too many mail addresses, at most %zu %s "
                            "expected", max, max == 1 ? "is" : "are");
            return AE_DECLINED;
        }

        rc = ae_address_one(arena, item, &list[*n], err);

        if (rc != AE_OK) {
            return rc;
        }

        (*n)++;
    }

    if (*n == 0) {
        return ae_address_wrong(err, "no mail address", text);
    }

    return AE_OK;
}


static int
ae_address_one(ae_arena_t *arena, ae_str_t item, ae_mail_address_t *a,
    ae_error_t *err)
{
    ae_str_t        name;
    unsigned char  *p;

    memset(a, 0, sizeof(ae_mail_address_t));

    a->address = item;

    if (item.data[item.len - 1] == '>') {

        p = memrchr(item.data, '<', item.len);

        if (p == NULL) {
            return ae_address_wrong(err, "invalid mail address", item);
        }

        name.data = item.data;
        name.len = (size_t) (p - item.data);

        a->address.data = p + 1;
        a->address.len = item.len - name.len - 2;
        a->address = ae_address_trim(a->address);

        switch (ae_address_name(arena, ae_address_trim(name), &a->name)) {

        case AE_OK:
            break;

        case AE_DECLINED:
            return ae_address_wrong(err, "invalid name of mail address",
                                    item);

        default: /* AE_ERROR */
            return AE_ERROR;
        }
    }

    if (!ae_address_valid(a->address)) {
        return ae_address_wrong(err, "invalid mail address", item);
    }

    return AE_OK;
}


/* up to the next comma that is neither quoted nor in angle brackets */

static ae_str_t
ae_address_item(ae_str_t *text)
{
    size_t         i;
    unsigned       quoted, angle;
    ae_str_t       item;
    unsigned char  ch;

    quoted = 0;
    angle = 0;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (quoted) {
            if (ch == '\\' && i + 1 < text->len) {
                i++;

            } else if (ch == '"') {
                quoted = 0;
            }

        } else if (ch == '"') {
            quoted = 1;

        } else if (ch == '<') {
            angle = 1;

        } else if (ch == '>') {
            angle = 0;

        } else if (ch == ',' && !angle) {
            break;
        }
    }

    item.data = text->data;
    item.len = i;

    if (i < text->len) {
        i++;
    }

    text->data += i;
    text->len -= i;

    return item;
}


/* a phrase, or a quoted string alone */

static int
ae_address_name(ae_arena_t *arena, ae_str_t s, ae_str_t *name)
{
    size_t         i;
    unsigned       quoted;
    unsigned char  ch;

    name->data = ae_arena_alloc(arena, s.len + 1);
    name->len = 0;

    if (name->data == NULL) {
        return AE_ERROR;
    }

    quoted = (s.len > 1 && s.data[0] == '"' && s.data[s.len - 1] == '"');

    if (quoted) {
        s.data++;
        s.len -= 2;
    }

    if (s.len > AE_MAIL_NAME) {
        return AE_DECLINED;
    }

    for (i = 0; i < s.len; i++) {
        ch = s.data[i];

        if (quoted && ch == '\\' && i + 1 < s.len) {
            ch = s.data[++i];

        } else if (ch == '"'
                   || (!quoted && strchr("<>()[]\\,;:", ch) != NULL))
        {
            return AE_DECLINED;
        }

        if (ch < 0x20 || ch == 0x7f) {
            return AE_DECLINED;
        }

        name->data[name->len++] = ch;
    }

    return AE_OK;
}


static ae_str_t
ae_address_trim(ae_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


static int
ae_address_valid(ae_str_t s)
{
    ae_str_t        local, domain;
    unsigned char  *at;

    at = (s.len != 0) ? memrchr(s.data, '@', s.len) : NULL;

    if (at == NULL || s.len > AE_MAIL_ADDRESS) {
        return 0;
    }

    local.data = s.data;
    local.len = (size_t) (at - s.data);
    domain.data = at + 1;
    domain.len = s.len - local.len - 1;

    return ae_address_local(local)
           && (ae_address_domain(domain) || ae_address_literal(domain));
}


/* a dot-string of RFC 5321 */

static int
ae_address_local(ae_str_t s)
{
    size_t         i;
    unsigned char  ch;

    if (s.len == 0 || s.len > AE_MAIL_LOCAL || s.data[0] == '.'
        || s.data[s.len - 1] == '.')
    {
        return 0;
    }

    for (i = 0; i < s.len; i++) {
        ch = s.data[i];

        if (ch == '.') {
            if (s.data[i - 1] == '.') {
                return 0;
            }

            continue;
        }

        if (ch <= 0x20 || ch >= 0x7f
            || strchr("()<>[]:;@\\,\"", ch) != NULL)
        {
            return 0;
        }
    }

    return 1;
}


static int
ae_address_domain(ae_str_t s)
{
    size_t         i, label;
    unsigned char  ch;

    if (s.len == 0 || s.len > AE_MAIL_DOMAIN) {
        return 0;
    }

    label = 0;

    for (i = 0; i < s.len; i++) {
        ch = s.data[i] | 0x20;

        if (s.data[i] == '.') {
            if (label == 0 || s.data[i - 1] == '-') {
                return 0;
            }

            label = 0;
            continue;
        }

        if (!((ch >= 'a' && ch <= 'z')
              || (s.data[i] >= '0' && s.data[i] <= '9')
              || (s.data[i] == '-' && label != 0))
            || ++label > AE_MAIL_LABEL)
        {
            return 0;
        }
    }

    return label != 0 && s.data[s.len - 1] != '-';
}


/* [192.0.2.1], [IPv6:2001:db8::1] */

static int
ae_address_literal(ae_str_t s)
{
    char           text[INET6_ADDRSTRLEN];
    unsigned char  addr[16];

    if (s.len < 3 || s.data[0] != '[' || s.data[s.len - 1] != ']'
        || s.len - 2 >= sizeof(text) + 5)
    {
        return 0;
    }

    s.data++;
    s.len -= 2;

    if (s.len > 5 && strncasecmp((char *) s.data, "IPv6:", 5) == 0) {
        memcpy(text, s.data + 5, s.len - 5);
        text[s.len - 5] = '\0';

        return strlen(text) == s.len - 5
               && inet_pton(AF_INET6, text, addr) == 1;
    }

    if (s.len >= sizeof(text)) {
        return 0;
    }

    memcpy(text, s.data, s.len);
    text[s.len] = '\0';

    return strlen(text) == s.len && inet_pton(AF_INET, text, addr) == 1;
}


/* what stands there is shown as far as it can be in a log */

static int
ae_address_wrong(ae_error_t *err, const char *what, ae_str_t s)
{
    size_t         i;
    char           shown[64];
    unsigned char  ch;

    for (i = 0; i < s.len && i < sizeof(shown) - 1; i++) {
        ch = s.data[i];
        shown[i] = (ch < 0x20 || ch >= 0x7f || ch == '"') ? '?' : (char) ch;
    }

    shown[i] = '\0';

    err->line = 0;
    (void) snprintf(err->text, sizeof(err->text),
                    "%s \"%s\", \"user@example.com\" is expected", what,
                    shown);

    return AE_DECLINED;
}
