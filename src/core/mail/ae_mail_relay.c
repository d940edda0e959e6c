/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <arpa/inet.h>
#include <string.h>

#include "core/mail/mail.h"


#define AE_RELAY_HOST        253


static int ae_relay_host(ae_str_t *rest, ae_mail_relay_t *relay);
static int ae_relay_name(ae_str_t host);
static int ae_relay_port(ae_str_t s, uint16_t *port);


static const char  ae_relay_expected[] =
    "\"smtp://HOST\" or \"smtps://HOST\", with \":PORT\" or without, is "
    "expected";


const char *
ae_mail_relay(ae_str_t url, ae_mail_relay_t *relay)
{
    size_t  skip;

    memset(relay, 0, sizeof(ae_mail_relay_t));

    if (url.len > 8 && memcmp(url.data, "smtps://", 8) == 0) {
        relay->tls = 1;
        relay->port = 465;
        skip = 8;

    } else if (url.len > 7 && memcmp(url.data, "smtp://", 7) == 0) {
        relay->port = 25;
        skip = 7;

    } else {
        return ae_relay_expected;
    }

    url.data += skip;
    url.len -= skip;

    if (ae_relay_host(&url, relay) != AE_OK) {
        return ae_relay_expected;
    }

    if (url.len == 0) {
        return NULL;
    }

    if (url.data[0] != ':') {
        return ae_relay_expected;
    }

    url.data++;
    url.len--;

    return ae_relay_port(url, &relay->port) == AE_OK ? NULL
                                                     : ae_relay_expected;
}


static int
ae_relay_host(ae_str_t *rest, ae_mail_relay_t *relay)
{
    char           text[INET6_ADDRSTRLEN];
    unsigned char  addr[16], *p;

    if (rest->data[0] == '[') {
        p = memchr(rest->data, ']', rest->len);

        if (p == NULL || (size_t) (p - rest->data) > sizeof(text)) {
            return AE_ERROR;
        }

        relay->ipv6 = 1;
        relay->host.data = rest->data + 1;
        relay->host.len = (size_t) (p - rest->data) - 1;

        memcpy(text, relay->host.data, relay->host.len);
        text[relay->host.len] = '\0';

        p++;

        if (strlen(text) != relay->host.len
            || inet_pton(AF_INET6, text, addr) != 1)
        {
            return AE_ERROR;
        }

    } else {
        p = memchr(rest->data, ':', rest->len);

        if (p == NULL) {
            p = rest->data + rest->len;
        }

        relay->host.data = rest->data;
        relay->host.len = (size_t) (p - rest->data);

        if (!ae_relay_name(relay->host)) {
            return AE_ERROR;
        }
    }

    rest->len -= (size_t) (p - rest->data);
    rest->data = p;

    return AE_OK;
}


static int
ae_relay_name(ae_str_t host)
{
    size_t         i;
    unsigned char  ch;

    if (host.len == 0 || host.len > AE_RELAY_HOST || host.data[0] == '-'
        || host.data[0] == '.')
    {
        return 0;
    }

    for (i = 0; i < host.len; i++) {
        ch = host.data[i] | 0x20;

        if (!((ch >= 'a' && ch <= 'z')
              || (host.data[i] >= '0' && host.data[i] <= '9')
              || host.data[i] == '-' || host.data[i] == '_'
              || (host.data[i] == '.' && host.data[i - 1] != '.')))
        {
            return 0;
        }
    }

    return 1;
}


static int
ae_relay_port(ae_str_t s, uint16_t *port)
{
    size_t    i;
    unsigned  n;

    if (s.len == 0 || s.len > 5) {
        return AE_ERROR;
    }

    n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return AE_ERROR;
        }

        n = n * 10 + (s.data[i] - '0');
    }

    if (n == 0 || n > 65535) {
        return AE_ERROR;
    }

    *port = (uint16_t) n;

    return AE_OK;
}
