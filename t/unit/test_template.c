/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What is not Go's: escaping for the place, missing fields, bounds, messages.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fail_alloc.h"
#include "json_help.h"
#include "template_help.h"


#define DATA                                                                  \
    "{\"Type\":\"QuotaExceeded\",\"Meta\":{\"Path\":\"/a\\\"b\\\\\",\"N\":12,"\
    "\"Big\":123456789012345678901234567890,\"Real\":1.50,\"Yes\":true,"      \
    "\"Null\":null,\"List\":[1,\"a\\\"\",null],\"Map\":{\"k\":\"v\"}},"       \
    "\"Time\":\"2024-01-01 23:59:59.111157073 +0000 UTC\"}"


static void
check(const char *text, ae_escape_e escape, const char *expected)
{
    ae_check_render(ae_s(text), ae_s(DATA), escape, ae_s(expected));
}


static void
json(const char *text, const char *expected)
{
    check(text, AE_ESCAPE_JSON, expected);
}


static void
plain(const char *text, const char *expected)
{
    check(text, AE_ESCAPE_NONE, expected);
}


static void
refused(const char *text, unsigned line, const char *message)
{
    ae_check_refused(ae_s(text), AE_ESCAPE_NONE, line, message);
}


/* ---- escaping ---- */

static void
test_json_inside_of_strings(void **state)
{
    (void) state;

    json("\"{{.Meta.Path}}\"", "\"/a\\\"b\\\\\"");
    json("\"{{.Meta.N}} {{.Meta.Yes}} {{.Meta.Real}}\"", "\"12 true 1.50\"");
    json("\"{{.Meta.Null}}{{.Missing}}{{.Missing.More}}\"", "\"\"");
    json("\"{{.Meta.List}} {{.Meta.Map}}\"",
         "\"[1 a\\\" <nil>] map[k:v]\"");
    json("\"{{printf \"%q\" .Meta.Path}}\"",
         "\"\\\"/a\\\\\\\"b\\\\\\\\\\\"\"");
    json("\"{{js .Meta.Path}}\"", "\"/a\\\\\\\"b\\\\\\\\\"");
    json("\"{{html .Meta.Path}}\"", "\"/a&#34;b\\\\\"");
}


static void
test_json_outside_of_strings(void **state)
{
    (void) state;

    json("{{.Meta.Path}}", "\"/a\\\"b\\\\\"");
    json("[{{.Meta.N}},{{.Meta.Yes}},{{.Meta.Real}},{{.Meta.Big}}]",
         "[12,true,1.50,123456789012345678901234567890]");
    json("[{{.Meta.Null}},{{.Missing}},{{.Missing.More}},{{$.X}}]",
         "[null,null,null,null]");
    json("{{.Meta.List}} {{.Meta.Map}}", "[1,\"a\\\"\",null] {\"k\":\"v\"}");
    json("{{print 1}} {{print .Meta.Path}}", "\"1\" \"/a\\\"b\\\\\"");
    json("{{len .Meta.List}} {{1.5}} {{1e3}} {{\"\"}}", "3 1.5 1000 \"\"");
    json("{{.Meta.Path}}: {{true}}", "\"/a\\\"b\\\\\": true");
}


static void
test_json_function(void **state)
{
    (void) state;

    /* its result is JSON already, but in a string it is the string's text */

    json("{{json .Meta.Map}}", "{\"k\":\"v\"}");
    json("{{json .Meta.Path}} {{json 1}} {{json .X}} {{json true}}",
         "\"/a\\\"b\\\\\" 1 null true");
    json("\"{{json .Meta.Map}}\"", "\"{\\\"k\\\":\\\"v\\\"}\"");
    json("{{$j := json .Meta.Map}}{{$j}}", "{\"k\":\"v\"}");
    json("{{.Meta.Map | json}}", "{\"k\":\"v\"}");
    json("{{json (json .Meta.Map)}}", "\"{\\\"k\\\":\\\"v\\\"}\"");
    json("{{print (json .Meta.Map)}}", "\"{\\\"k\\\":\\\"v\\\"}\"");
    json("{{or (json .Meta.Map) 1}}", "{\"k\":\"v\"}");
    plain("{{json .Meta.Map}} {{json .Meta.Path}}",
          "{\"k\":\"v\"} \"/a\\\"b\\\\\"");
}


static void
test_json_quote_state(void **state)
{
    (void) state;

    json("\"\\\"{{.Type}}\\\"\" {{.Type}}",
         "\"\\\"QuotaExceeded\\\"\" \"QuotaExceeded\"");
    json("\"a\\\\\" {{.Type}}", "\"a\\\\\" \"QuotaExceeded\"");
    json("\"\\\\{{.Type}}\"", "\"\\\\QuotaExceeded\"");

    /* branches that leave it differently */

    json("{{if .X}}\"{{else}}{{end}}{{.Type}}", "\"QuotaExceeded\"");
    json("{{if .Type}}\"a{{else}}[{{end}}{{.Meta.Path}}\"",
         "\"a/a\\\"b\\\\\"");
    json("{{range .Meta.List}}\"{{.}} {{end}}",
         "\"1 \"\"a\\\"\" \" ");
    json("{{define \"q\"}}\"{{end}}{{template \"q\"}}{{.Type}}"
         "{{template \"q\"}} {{.Type}}",
         "\"QuotaExceeded\" \"QuotaExceeded\"");
}


static void
test_json_comments_and_trimming(void **state)
{
    (void) state;

    json("{ {{- /* \" */ -}} \"a\": {{- .Type -}} }",
         "{\"a\":\"QuotaExceeded\"}");
    json("\"a {{- .Type}}\"", "\"aQuotaExceeded\"");
}


static void
test_json_cut_escapes(void **state)
{
    size_t  i;

    static const char *const  cut[] = {
        "\"\\{{.X}}\"", "\"\\\\\\{{.X}}\"", "\"\\u{{.X}}\"",
        "\"\\u0{{.X}}\"", "\"\\u00{{.X}}\"", "\"\\u00a{{.X}}\"",
        "\"\\{{/* */}}n\"", "\"\\{{if .X}}n{{end}}\""
    };

    static const char *const  whole[] = {
        "\"\\\\{{.X}}\"", "\"\\u00af{{.X}}\"", "\"\\\\u00{{.X}}\"",
        "\"u00{{.X}}\"", "\"\\n{{.X}}\"", "{{.X}}\\", "\"\\\\u{{.X}}\""
    };

    (void) state;

    for (i = 0; i < sizeof(cut) / sizeof(char *); i++) {
        ae_check_refused(ae_s(cut[i]), AE_ESCAPE_JSON, 1, "escape sequence");
    }

    for (i = 0; i < sizeof(whole) / sizeof(char *); i++) {
        ae_buf_t    out;
        ae_error_t  err;

        assert_int_equal(ae_render(ae_s(whole[i]), ae_s("{}"), AE_ESCAPE_JSON,
                                   &out, &err), AE_OK);
        ae_buf_free(&out);
    }

    plain("\\{{.Type}}", "\\QuotaExceeded");
}


static void
test_json_utf8(void **state)
{
    (void) state;

    ae_check_refused(ae_str("\n\xff"), AE_ESCAPE_JSON, 2, "0xff");
    ae_check_refused(ae_str("\"\xc3{{.X}}\xa9\""), AE_ESCAPE_JSON, 1,
                     "UTF-8");
    ae_check_render(ae_str("\"\xc3\xa9\""), ae_str("{}"), AE_ESCAPE_JSON,
                    ae_str("\"\xc3\xa9\""));
    ae_check_render(ae_str("\"\xef\xbf\xbd\""), ae_str("{}"), AE_ESCAPE_JSON,
                    ae_str("\"\xef\xbf\xbd\""));
    ae_check_render(ae_str("\xff"), ae_str("{}"), AE_ESCAPE_NONE,
                    ae_str("\xff"));

    /* a constant may hold any bytes */

    json("\"{{\"\\xff\"}}\"", "\"\xef\xbf\xbd\"");
    plain("{{\"\\xff\"}}", "\xff");
}


static void
test_text_is_not_escaped(void **state)
{
    (void) state;

    plain("\"{{.Meta.Path}}\" <{{.Meta.Path}}>", "\"/a\"b\\\" </a\"b\\>");
    plain("{{.Meta.N}} {{.Meta.Big}} {{.Meta.Real}} {{.Meta.Yes}}",
          "12 123456789012345678901234567890 1.50 true");
}


/* ---- nil and what Go would refuse while rendering ---- */

static void
test_nil_is_empty(void **state)
{
    (void) state;

    plain("[{{.X}}{{.X.Y.Z}}{{.Meta.Null}}{{.Type.X}}{{$.X}}]", "[]");
    plain("[{{print .X}}{{printf \"%s%v\" .X .X}}{{html .X}}{{js .X}}]",
          "[]");
    plain("{{print 1 .X 2}} {{println .X}}|", "12 \n|");
    plain("{{printf \"%q %x %d\" .X .X .X}}", "\"\"  %!d(<nil>)");
    plain("{{len .X}} {{len 5}} {{not .X}}", "0 0 true");
    plain("{{eq .X \"\"}} {{eq .X .Y}} {{eq .X nil}} {{ne .X \"a\"}}",
          "true true true true");
    plain("{{eq .X 0}} {{eq .X false}} {{lt .X \"a\"}} {{lt .X .Y}}",
          "false false true false");
    plain("{{or .X \"d\"}} [{{and .X \"d\"}}] {{or .X .Y | len}}", "d [] 0");
    plain("{{.Meta.List}}", "[1 a\" <nil>]");
}


static void
test_wrong_types_are_nil(void **state)
{
    (void) state;

    plain("{{eq 1 \"1\"}} {{eq true 1}} {{ne 1 \"1\"}} {{eq .Meta .Meta}}",
          "false false true false");
    plain("{{eq 1 1.0}} {{lt 1 1.5}} {{gt 2 1.5}} {{le 1.0 1}}",
          "true true true true");
    plain("{{lt 1 \"a\"}} {{ge true false}} {{le .Meta .Meta}}",
          "false false false");
    plain("[{{index .Meta.List 9}}{{index .Meta.List -1}}"
          "{{index .Meta.List \"a\"}}{{index .Meta 1}}{{index .Type 99}}"
          "{{index 5 1}}{{index .Meta.List 1.5}}]", "[]");
    plain("{{range .Type}}x{{else}}none{{end}}", "none");
    plain("{{range 1.5}}x{{else}}none{{end}}", "none");
    plain("{{range -1}}x{{else}}none{{end}}", "none");
    plain("{{with 5}}{{.X.Y}}{{end}}", "");
    plain("{{printf 5 1}} {{printf .X 1}}", "int=5 %!(EXTRA int=1)");
}


static void
test_numbers(void **state)
{
    (void) state;

    plain("{{printf \"%d %f %.1f %e\" .Meta.N 3 .Meta.N 12}}",
          "12 3.000000 12.0 1.200000e+01");
    plain("{{printf \"%d\" .Meta.Real}} {{printf \"%d\" .Meta.Big}}",
          "%!d(float64=1.50) %!d(float64=123456789012345678901234567890)");
    plain("{{eq .Meta.Big .Meta.Big}} {{gt .Meta.Big 1}}", "true true");
    plain("{{printf \"%1001d|%.1001f\" 1 1.5}}",
          "%!(BADWIDTH)1|%!(BADWIDTH)1.500000");
}


static void
test_time(void **state)
{
    (void) state;

    plain("{{as_rfc3339 .Time}} {{.Time | as_rfc3339_from_string}}",
          "2024-01-01T23:59:59Z 2024-01-01T23:59:59Z");
    plain("{{as_rfc3339 \"2024-05-06T07:08:09.5Z\"}}",
          "2024-05-06T07:08:09Z");
    plain("{{as_rfc3339 \"soon\"}} {{as_rfc3339 5}}[{{as_rfc3339 .X}}]",
          "soon 5[]");
}


static void
test_variables(void **state)
{
    (void) state;

    plain("{{range $i, $e := .Meta.List}}{{range $e := $.Meta.Map}}"
          "{{$i}}{{$e}} {{end}}{{end}}", "0v 1v 2v ");
    plain("{{define \"a\"}}{{$x := .}}{{$x}}{{end}}{{$x := 1}}"
          "{{template \"a\" 2}}{{$x}}", "21");
    plain("{{$x := 1}}{{block \"a\" 2}}{{$}}{{end}}{{$x}}{{$.Type}}",
          "21QuotaExceeded");
    plain("{{$x := .Meta}}{{$x.Map.k}}{{($x.Map).k}}", "vv");
}


static void
test_definitions(void **state)
{
    (void) state;

    plain("{{define \"n\"}}{{if gt (len .) 0}}<{{template \"n\" "
          "(index . 1)}}>{{end}}{{end}}{{template \"n\" .Meta.List}}", "<<>>");
    plain("{{range .Meta.List}}{{block \"b\" .}}({{.}}){{end}}{{end}}",
          "(1)(a\")()");
}


/* ---- which fields a template uses ---- */

static int
uses(const char *text)
{
    int             rc;
    ae_error_t      err;
    ae_arena_t     *arena;
    ae_template_t  *t;

    arena = ae_arena_create(0);

    t = ae_template_parse(arena, ae_s(text), AE_ESCAPE_JSON, &err);
    assert_non_null(t);

    rc = ae_template_uses(t, "OriginatingRequest");

    ae_arena_destroy(arena);

    return rc;
}


static void
test_uses(void **state)
{
    size_t  i;

    static const char *const  yes[] = {
        "{{.Meta.OriginatingRequest}}",
        "{{$.EventMetaData.OriginatingRequest}}",
        "{{with .Meta}}{{.OriginatingRequest}}{{end}}",
        "{{with .Meta}}{{json .}}{{end}}", "{{.}}", "{{$}}", "{{json .}}",
        "{{.Meta}}", "{{json .EventMetaData}}", "{{print $.Meta}}",
        "{{range .Meta}}{{.}}{{end}}",
        "{{range $k, $v := .Meta}}{{$v}}{{end}}",
        "{{$m := .Meta}}{{index $m .K}}",
        "{{index .Meta \"OriginatingRequest\"}}",
        "{{index . \"Meta\" .K}}", "{{range .List}}{{$}}{{end}}",
        "{{with .X}}{{else}}{{.}}{{end}}", "{{with or .Meta 1}}{{.}}{{end}}",
        "{{define \"a\"}}{{.}}{{end}}{{template \"a\" .Meta}}",
        "{{(.).X}}", "{{if .X}}{{else if (len .Meta)}}{{end}}",
        "{{range .List}}{{with $.Meta}}{{json .}}{{end}}{{end}}",
        "{{block \"a\" .}}{{json .}}{{end}}", "{{.Meta | json}}",
        "{{with .}}{{.}}{{end}}"
    };

    static const char *const  no[] = {
        "", "{{.Meta.Path}}", "{{with .Meta}}{{.Path}}{{end}}",
        "{{range .Meta.List}}{{.}}{{end}}", "{{with .Meta.Key}}{{.}}{{end}}",
        "{{with or .Meta.A .Meta.B}}{{.}}{{end}}", "{{range .L}}{{.X}}{{end}}",
        "{{define \"a\"}}{{.X}}{{end}}{{template \"a\" .}}",
        "{{template \"a\" .Meta}}{{define \"a\"}}{{.X}}{{end}}",
        "{{$x := .Meta.Path}}{{$x}}", "OriginatingRequest",
        "{{range .Meta.List}}{{with .X}}{{.}}{{end}}{{end}}"
    };

    (void) state;

    for (i = 0; i < sizeof(yes) / sizeof(char *); i++) {
        if (!uses(yes[i])) {
            fail_msg("%s", yes[i]);
        }
    }

    for (i = 0; i < sizeof(no) / sizeof(char *); i++) {
        if (uses(no[i])) {
            fail_msg("%s", no[i]);
        }
    }
}


/* ---- messages ---- */

static void
test_messages(void **state)
{
    (void) state;

    refused("a\n{{nosuch .X}}", 2, "unknown function \"nosuch\", expected");
    refused("{{slice .X 1}}", 1, "function \"slice\" is not supported");
    refused("{{call .X}}", 1, "function \"call\" is not supported");
    refused("\n\n{{.X", 3, "unclosed action, expected \"}}\"");
    refused("{{if .X}}\n\n", 3, "expected {{end}} of {{if}} in line 1");
    refused("{{range .X}}\n{{with .Y}}{{end}}\n", 3, "{{range}} in line 1");
    refused("{{if .X}}{{else}}\n", 2, "expected {{end}} of {{if}}");
    refused("{{.X}}\n{{end}}", 2, "unexpected {{end}}");
    refused("{{if}}", 1, "unexpected \"}}\", expected a value behind \"if\"");
    refused("{{.X |\n}}", 2, "expected a value behind \"|\"");
    refused("{{.X .Y}}", 1, "unexpected \".Y\", expected \"|\" or \"}}\"");
    refused("{{.X | .Y}}", 1, "unexpected \".Y\", expected a function");
    refused("{{nil}}", 1, "unexpected \"nil\"");
    refused("{{eq 1}}", 1, "wrong number of arguments for \"eq\": 1, expected "
            "at least 2");
    refused("{{len}}", 1, "for \"len\": 0, expected 1");
    refused("{{1 | len 2}}", 1, "for \"len\": 2, expected 1");
    refused("{{print (len)}}", 1, "for \"len\"");
    refused("{{$x}}", 1, "undefined variable \"$x\"");
    refused("{{$x := 1}}{{define \"a\"}}{{$x}}{{end}}", 1, "undefined");
    refused("{{template \"a\"}}", 1, "unknown template \"a\"");
    refused("{{/* a\n\n", 1, "unclosed comment");
    refused("{{/* a\n*/ .X}}", 2, "behind the comment's end");
    refused("\n{{\"a\n\"}}", 2, "unterminated quoted string");
    refused("{{`a\n\n", 1, "unterminated raw string");
    refused("{{'a}}", 1, "unterminated character constant");
    refused("{{1 2}}", 1, "only a function takes arguments");
    refused("{{99999999999999999999}}", 1, "at most 64 bits");
    refused("{{1x}}", 1, "bad number \"1x\"");
    refused("{{\"\\z\"}}", 1, "bad escape");
    refused("{{''}}", 1, "bad character constant");
    refused("{{range .X}}{{else}}{{break}}{{end}}", 1, "{{break}}");
    refused("{{range .X}}{{define \"a\"}}{{end}}{{end}}", 1, "{{define}}");
    refused("{{block \"a\"}}{{end}}", 1, "a value for dot");
    refused("{{\x01}}", 1, "unexpected \"?\"");
    refused("{{%\n}}", 1, "unexpected \"%\"");
    refused("{{($x := 1)}}", 1, "undefined variable \"$x\"");
    refused("{{.X := 1}}", 1, "unexpected \":=\"");
    refused("{{range $a, 1 := .X}}", 1, "a variable behind \",\"");
}


static void
test_no_error_wanted(void **state)
{
    ae_arena_t  *arena;

    (void) state;

    arena = ae_arena_create(0);
    assert_null(ae_template_parse(arena, ae_str("{{"), AE_ESCAPE_NONE, NULL));
    ae_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_json_inside_of_strings),
        cmocka_unit_test(test_json_outside_of_strings),
        cmocka_unit_test(test_json_function),
        cmocka_unit_test(test_json_quote_state),
        cmocka_unit_test(test_json_comments_and_trimming),
        cmocka_unit_test(test_json_cut_escapes),
        cmocka_unit_test(test_json_utf8),
        cmocka_unit_test(test_text_is_not_escaped),
        cmocka_unit_test(test_nil_is_empty),
        cmocka_unit_test(test_wrong_types_are_nil),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_no_error_wanted)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
