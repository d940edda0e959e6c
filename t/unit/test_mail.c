/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mail/mail.h"
#include "json_help.h"
#include "random.h"


static ae_mail_address_t  list[AE_MAIL_RECIPIENTS];


/* the addresses and names as "name<address>|...", or the error */

static const char *
addresses(ae_str_t text, size_t max)
{
    size_t             i, n;
    ae_arena_t        *arena;
    ae_error_t         err;
    static char        out[1024];

    arena = ae_arena_create(0);
    out[0] = '\0';

    if (ae_mail_addresses(arena, text, list, max, &n, &err) != AE_OK) {
        (void) snprintf(out, sizeof(out), "%s", err.text);
        n = 0;
    }

    for (i = 0; i < n; i++) {
        (void) snprintf(out + strlen(out), sizeof(out) - strlen(out),
                        "%s%.*s<%.*s>", i == 0 ? "" : "|",
                        (int) list[i].name.len, (char *) list[i].name.data,
                        (int) list[i].address.len,
                        (char *) list[i].address.data);
    }

    ae_arena_destroy(arena);

    return out;
}


static void
test_addresses(void **state)
{
    (void) state;

    assert_string_equal(addresses(ae_str("a@b"), 1), "<a@b>");
    assert_string_equal(addresses(ae_str(" a@b , "), 1), "<a@b>");
    assert_string_equal(addresses(ae_str("<a@b.example>"), 1),
                        "<a@b.example>");
    assert_string_equal(addresses(ae_str("A B <a@b>,c.d+e@f-g.h"), 2),
                        "A B<a@b>|<c.d+e@f-g.h>");
    assert_string_equal(addresses(ae_str("\"B, \\\"A\\\"\" <a@b>"), 1),
                        "B, \"A\"<a@b>");
    assert_string_equal(addresses(ae_str("J\xc3\xb6rg <a@b>"), 1),
                        "J\xc3\xb6rg<a@b>");
    assert_string_equal(addresses(ae_str("a@[192.0.2.1]"), 1),
                        "<a@[192.0.2.1]>");
    assert_string_equal(addresses(ae_str("a@[IPv6:2001:db8::1]"), 1),
                        "<a@[IPv6:2001:db8::1]>");
}


static void
test_wrong_addresses(void **state)
{
    size_t              i;

    static const char  *wrong[] = {
        "a", "@", "a@", "@b", "a@b@", "a b@c", "a@b c", ".a@b", "a.@b",
        "a..b@c", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b-", "a@b-.c", "a@b_c",
        "a\xc3\xb6@b", "a@b\xc3\xb6", "<a@b", "a@b>", "a@b> <c@d>>",
        "x <a@b> y", "a@b;c@d", "a:b@c", "\"a\"@b", "a@b\r\nBcc:c@d",
        "\r\na@b", "A\nB <a@b>", "\"A\nB\" <a@b>", "a@b\n", "A\"B <a@b>",
        "a@[1.2.3]", "a@[::1]", "a@[IPv6:1.2.3.4]", "a@[]", "a@[",
        "a@b\x7f", "A, B <a@b>"
    };

    (void) state;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_non_null(strstr(addresses(ae_s(wrong[i]), 9),
                               "\"user@example.com\" is expected"));
    }

    assert_non_null(strstr(addresses((ae_str_t) { 4, (unsigned char *)
                                                     "a\0@b" }, 1),
                           "invalid mail address \"a?@b\""));
    assert_non_null(strstr(addresses(ae_str(""), 1), "no mail address"));
    assert_non_null(strstr(addresses(ae_str(" , ,"), 1), "no mail address"));
    assert_string_equal(addresses(ae_str("a@b,c@d"), 1),
                        "too many mail addresses, at most 1 is expected");
    assert_string_equal(addresses(ae_str("a@b,c@d,e@f"), 2),
                        "too many mail addresses, at most 2 are expected");
}


static void
test_long_addresses(void **state)
{
    char  text[600];

    (void) state;

    memset(text, 'a', sizeof(text));

    memcpy(text + 64, "@b", 3);
    assert_int_equal(strlen(addresses(ae_s(text), 1)), 68);

    memset(text, 'a', 66);
    memcpy(text + 65, "@b", 3);
    assert_non_null(strstr(addresses(ae_s(text), 1), "invalid"));

    /* a label has 63, an address 254 */

    memset(text, 'a', sizeof(text));
    memcpy(text, "b@", 2);
    text[2 + 63] = '\0';
    assert_null(strstr(addresses(ae_s(text), 1), "invalid"));

    memcpy(text + 2 + 63, "a", 2);
    assert_non_null(strstr(addresses(ae_s(text), 1), "invalid"));

    memset(text, 'a', sizeof(text));
    memcpy(text, "b@", 2);
    text[2 + 63] = text[66 + 63] = text[130 + 63] = '.';
    text[254] = '\0';
    assert_null(strstr(addresses(ae_s(text), 1), "invalid"));

    memcpy(text + 254, "a", 2);
    assert_non_null(strstr(addresses(ae_s(text), 1), "invalid"));
}


static const char *
field(ae_str_t value)
{
    ae_buf_t     b;
    static char  out[8192];

    ae_buf_init(&b, sizeof(out) - 1);

    ae_mail_field(&b, "Subject", value);
    assert_false(b.failed);

    memcpy(out, b.data, b.len);
    out[b.len] = '\0';

    ae_buf_free(&b);

    return out;
}


static void
test_field(void **state)
{
    (void) state;

    assert_string_equal(field(ae_str("a b")), "Subject: a b");
    assert_string_equal(field(ae_str("")), "Subject:");
    assert_string_equal(field(ae_str("\n a\r\nBcc: b\n")),
                        "Subject: a Bcc: b");
    assert_string_equal(field(ae_str("\xc3\xa4")),
                        "Subject: =?UTF-8?B?w6Q=?=");

    /* a line end among what is encoded is a space */
    assert_string_equal(field(ae_str("\xc3\xa4\nb")),
                        "Subject: =?UTF-8?B?w6QgYg==?=");

    /* invalid UTF-8 */
    assert_string_equal(field(ae_str("a\xff")),
                        "Subject: =?UTF-8?B?Ye+/vQ==?=");

    /* what looks encoded is */
    assert_string_equal(field(ae_str("=?a?")),
                        "Subject: =?UTF-8?B?PT9hPw==?=");
}


/* whatever the value is, lines are short and only folds begin them */

static void
test_any_field(void **state)
{
    long         i, n;
    ae_str_t     s;
    const char  *p, *eol;

    (void) state;

    ae_random_seed();
    n = ae_steps(3000);

    for (i = 0; i < n; i++) {
        s = ae_random_str(i % 2 ? 300 : 2000, i % 3 == 0);

        for (p = field(s); p != NULL; p = (eol != NULL) ? eol + 2 : NULL) {
            eol = strstr(p, "\r\n");

            assert_true((eol != NULL ? (size_t) (eol - p) : strlen(p)) <= 78);
            assert_true(eol == NULL || eol[2] == ' ');
            assert_int_equal(strcspn(p, "\r\n\x7f"),
                             eol != NULL ? (size_t) (eol - p) : strlen(p));
        }

        free(s.data);
    }
}


static void
test_field_addresses(void **state)
{
    size_t             n;
    ae_buf_t           b;
    ae_arena_t        *arena;
    ae_error_t         err;

    static const char  to[] =
        "To: a@b, A B <a@b>, \"A, \\\"B\\\"\" <a@b>,"
        " =?UTF-8?B?w6Q=?= <a@b>, \"a.b\" <a@b>";

    (void) state;

    arena = ae_arena_create(0);
    ae_buf_init(&b, SIZE_MAX);

    assert_int_equal(ae_mail_addresses(arena,
                         ae_str("a@b,A B<a@b>,\"A, \\\"B\\\"\" <a@b>,"
                                "\xc3\xa4 <a@b>,a.b <a@b>"),
                         list, 9, &n, &err),
                     AE_OK);

    ae_mail_field_addresses(&b, "To", list, n);

    assert_int_equal(b.len, sizeof(to) - 1);
    assert_memory_equal(b.data, to, b.len);

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


static void
test_date_and_id(void **state)
{
    ae_id_t            id, whom;
    ae_buf_t           b;
    ae_mail_address_t  from;

    static const char  text[] =
        "Date: Mon, 01 Jan 2024 23:59:59 +0000|Message-ID: "
        "<evt_00000000-0000-0000-0000-000000000000.0000000000000000@b.c>";

    (void) state;

    memset(&id, 0, sizeof(ae_id_t));
    memset(&whom, 0, sizeof(ae_id_t));
    memset(&from, 0, sizeof(ae_mail_address_t));

    from.address = ae_str("a@b.c");

    ae_buf_init(&b, SIZE_MAX);

    ae_mail_field_date(&b, (uint64_t) 1704153599 * 1000000000);
    ae_buf_puts(&b, "|");
    ae_mail_field_id(&b, id, whom, &from);

    assert_int_equal(b.len, sizeof(text) - 1);
    assert_memory_equal(b.data, text, b.len);

    ae_buf_free(&b);
}


static void
check_text(ae_str_t from, const char *to)
{
    ae_buf_t  b;

    ae_buf_init(&b, SIZE_MAX);

    ae_mail_text(&b, from);

    assert_int_equal(b.len, strlen(to));
    assert_memory_equal(b.data != NULL ? (char *) b.data : "", to, b.len);

    ae_buf_free(&b);
}


static void
test_text(void **state)
{
    (void) state;

    check_text(ae_str(""), "");
    check_text(ae_str("a\nb\r\nc\rd"), "a\r\nb\r\nc\r\nd");
    check_text(ae_str("\n\r\n"), "\r\n\r\n");
    check_text(ae_str("\xc3\xa4\xff"), "\xc3\xa4\xef\xbf\xbd");
    check_text((ae_str_t) { 3, (unsigned char *) "a\0b" },
               "a\xef\xbf\xbd" "b");

    assert_string_equal(ae_mail_encoding(ae_str("abc\r\n\t=defghi")),
                        "quoted-printable");
    assert_string_equal(ae_mail_encoding(ae_str("\xc3\xa4\xc3\xa4" "abc")),
                        "base64");
    assert_string_equal(ae_mail_encoding(ae_str("")), "quoted-printable");
}


static void
test_relay(void **state)
{
    size_t              i;
    ae_mail_relay_t     r;

    static const char  *wrong[] = {
        "", "smtp://", "smtp:/a", "http://a", "smtp://a/", "smtp://a/b",
        "smtp://u@a", "smtp://a:", "smtp://a:0", "smtp://a:65536",
        "smtp://a:1x", "smtp://a:000025", "smtp://[", "smtp://[]",
        "smtp://[1.2.3.4]", "smtp://[::1", "smtp://[::1]x", "smtp://::1",
        "smtp://-a", "smtp://.a", "smtp://a..b", "smtp://a b", "smtp://a\n",
        "smtp://:25", "SMTP://a", "smtps://", "smtp://a?b", "smtp://a#b"
    };

    (void) state;

    assert_null(ae_mail_relay(ae_str("smtp://mail.example.com"), &r));
    assert_int_equal(r.port, 25);
    assert_false(r.tls);
    assert_int_equal(r.host.len, 16);

    assert_null(ae_mail_relay(ae_str("smtps://a"), &r));
    assert_int_equal(r.port, 465);
    assert_true(r.tls);

    assert_null(ae_mail_relay(ae_str("smtp://127.0.0.1:587"), &r));
    assert_int_equal(r.port, 587);

    assert_null(ae_mail_relay(ae_str("smtp://[::1]:2525"), &r));
    assert_int_equal(r.port, 2525);
    assert_int_equal(r.host.len, 3);
    assert_true(r.ipv6);

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_non_null(ae_mail_relay(ae_s(wrong[i]), &r));
    }
}


/* what was said and, behind each, heard, until a NULL */

static const char *
talk(ae_mail_talk_t *t, const char **lines)
{
    ae_buf_t     b;
    static char  out[2048];

    memset(t, 0, sizeof(ae_mail_talk_t));

    while (*lines != NULL) {
        ae_mail_said(t, ae_s(*lines++));
        ae_mail_heard(t, ae_s(*lines++));
    }

    ae_buf_init(&b, sizeof(out) - 1);
    ae_mail_why(&b, t);

    if (b.len != 0) {
        memcpy(out, b.data, b.len);
    }

    out[b.len] = '\0';
    ae_buf_free(&b);

    return out;
}


static void
test_talk(void **state)
{
    ae_mail_talk_t      t;

    static const char  *greeting[] = { "", "554 no\r\n", NULL };
    static const char  *sender[] = {
        "", "220 hello\r\n", "EHLO a\r\n", "250-a\r\n250 SIZE\r\n",
        "MAIL FROM:<a@b>\r\n", "550-5.7.1 not\r\n550 5.7.1 you\r\n", NULL
    };
    static const char  *login[] = {
        "EHLO a\r\n", "250 a\r\n", "AUTH PLAIN AGEAYg==\r\n",
        "535 5.7.8 AGEAYg== is wrong\r\n", NULL
    };
    static const char  *asked[] = {
        "AUTH LOGIN\r\n", "334 VXNlcg==\r\n", "DATAdata\r\n", "535 no\r\n",
        NULL
    };
    static const char  *needed[] = {
        "MAIL FROM:<a@b>\r\n", "530 5.7.0 STARTTLS first\r\n", NULL
    };
    static const char  *one[] = {
        "MAIL FROM:<a@b>\r\n", "250 ok\r\n", "RCPT TO:<c@d>\r\n", "250 ok\r\n",
        "RCPT TO:<e@f>\r\n", "550 no such user\r\n", NULL
    };
    static const char  *later[] = {
        "RCPT TO:<e@f>\r\n", "450 \xe4 later\r\n", "QUIT\r\n",
        "221 bye\r\n", NULL
    };
    static const char  *spam[] = {
        "DATA\r\n", "354 go\r\n", "\r\n", "554 spam\r\n", NULL
    };
    static const char  *taken[] = { "DATA\r\n", "354 go\r\n", NULL };

    (void) state;

    assert_string_equal(talk(&t, greeting), "greeting: 554 no");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_FAILED);

    assert_string_equal(talk(&t, sender),
                        "MAIL FROM: 550 5.7.1 not 5.7.1 you");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_ABORT);
    assert_int_equal(ae_mail_meaning(&t, 1), AE_ANSWER_SLOW);

    assert_string_equal(talk(&t, login), "AUTH: 535");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_FAILED);
    assert_int_equal(ae_mail_kept(&t).len, 0);

    assert_string_equal(talk(&t, asked), "AUTH: 535");

    assert_string_equal(talk(&t, needed),
                        "MAIL FROM: 530 5.7.0 STARTTLS first");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_FAILED);

    assert_string_equal(talk(&t, one), "RCPT TO:<e@f>: 550 no such user");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_ABORT);

    assert_string_equal(talk(&t, later), "RCPT TO:<e@f>: 450 ? later");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_FAILED);

    assert_string_equal(talk(&t, spam), "DATA: 554 spam");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_ABORT);

    assert_string_equal(talk(&t, taken), "");
    assert_int_equal(ae_mail_meaning(&t, 0), AE_ANSWER_FAILED);
}


/* nothing that a relay sends leaves the bounds */

static void
test_any_talk(void **state)
{
    long            i, n;
    ae_str_t        s;
    ae_buf_t        b;
    ae_mail_talk_t  t;

    (void) state;

    ae_random_seed();
    memset(&t, 0, sizeof(ae_mail_talk_t));
    n = ae_steps(3000);

    for (i = 0; i < n; i++) {
        s = ae_random_str(2000, 0);

        if (s.len > 8 && i % 2) {
            memcpy(s.data, i % 4 == 1 ? "550 abcd" : "RCPT TO:", 8);
        }

        if (i % 4 == 3) {
            ae_mail_said(&t, s);

        } else {
            ae_mail_heard(&t, s);
        }

        ae_buf_init(&b, SIZE_MAX);
        ae_mail_why(&b, &t);
        assert_true(b.len < sizeof(t.text) + sizeof(t.recipient) + 32);
        ae_buf_free(&b);

        free(s.data);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_wrong_addresses),
        cmocka_unit_test(test_long_addresses),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_any_field),
        cmocka_unit_test(test_field_addresses),
        cmocka_unit_test(test_date_and_id),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_relay),
        cmocka_unit_test(test_talk),
        cmocka_unit_test(test_any_talk)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
