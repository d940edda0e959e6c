/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Templates and what Go 1.26's text/template makes of them over the same data,
 * computed by Go, not by hand.  What differs on purpose is in test_template.c.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "template_help.h"


static const ae_str_t  data = ae_string(
    "{\"Type\":\"QuotaExceeded\",\"Zero\":0,\"One\":1,\"Two\":2,\"Neg\":-7,"
    "\"Big\":9007199254740993,\"Pi\":3.14159,\"Half\":0.5,\"T\":true,\"F\":"
    "false,\"Empty\":\"\",\"S\":\"hello\",\"Q\":\"a\\\"b\\\\c<d>'&=\",\"U\""
    ":\"h\\u00e9llo \\u4e16\\u754c\",\"Ctl\":\"x\\u0000\\u0001\\n\\ry\",\"M"
    "ap\":{\"b\":2,\"a\":1,\"c\":{\"d\":\"deep\"}},\"EM\":{},\"L\":[1,2,3],"
    "\"EL\":[],\"LS\":[\"x\",\"y\"],\"LM\":[{\"n\":\"one\",\"v\":1},{\"n\":"
    "\"two\",\"v\":2}],\"Mix\":[1,\"a\",true,1.5],\"Time\":\"2024-01-01 23:"
    "59:59.111157073 +0000 UTC\"}"
);


static const ae_str_t  rendered[][2] = {
    { ae_string("plain text"), ae_string("plain text") },
    { ae_string("line one\nline two\n"), ae_string("line one\nline two\n") },
    { ae_string("{{.One}} {{.Neg}} {{.Big}} {{.Pi}} {{.T}} {{.F}} {{.S}} "
                "{{.U}}"),
      ae_string("1 -7 9007199254740993 3.14159 true false hello h\xc3\xa9"
                "llo \xe4\xb8\x96\xe7\x95\x8c") },
    { ae_string("{{.Map.a}}{{.Map.c.d}}"), ae_string("1deep") },
    { ae_string("{{.}}"),
      ae_string("map[Big:9007199254740993 Ctl:x\x00\x01\n\ry EL:[] EM:map"
                "[] Empty: F:false Half:0.5 L:[1 2 3] LM:[map[n:one v:1] "
                "map[n:two v:2]] LS:[x y] Map:map[a:1 b:2 c:map[d:deep]] "
                "Mix:[1 a true 1.5] Neg:-7 One:1 Pi:3.14159 Q:a\"b\\c<d>'"
                "&= S:hello T:true Time:2024-01-01 23:59:59.111157073 +00"
                "00 UTC Two:2 Type:QuotaExceeded U:h\xc3\xa9llo \xe4\xb8"
                "\x96\xe7\x95\x8c Zero:0]") },
    { ae_string("{{.Map}} {{.EM}} {{.L}} {{.EL}} {{.Mix}} {{.LM}}"),
      ae_string("map[a:1 b:2 c:map[d:deep]] map[] [1 2 3] [] [1 a true 1."
                "5] [map[n:one v:1] map[n:two v:2]]") },
    { ae_string("{{$.S}} {{$.Map.c.d}}"), ae_string("hello deep") },
    { ae_string("{{\"interpreted \\\"quotes\\\" \\\\ \\x41\\101\\u00e9\\U"
                "0001F600\"}}"),
      ae_string("interpreted \"quotes\" \\ AA\xc3\xa9\xf0\x9f\x98\x80") },
    { ae_string("{{`raw \\n \"quotes\"`}}"), ae_string("raw \\n \"quotes\"") },
    { ae_string("{{'a'}} {{'\\n'}} {{'\\''}} {{'\\x41'}} {{'\xc3\xa9'}} {"
                "{'\\u00e9'}} {{'\xe4\xb8\x96'}}"),
      ae_string("97 10 39 65 233 233 19990") },
    { ae_string("{{1}} {{-1}} {{+1}} {{0x1F}} {{0X1f}} {{017}} {{0o17}} {"
                "{0b101}} {{1_000_000}}"),
      ae_string("1 -1 1 31 31 15 15 5 1000000") },
    { ae_string("{{1.5}} {{1e3}} {{1.0}} {{1e6}} {{1e-7}} {{123456789.0}}"
                " {{.5}} {{-.5}} {{0x1p4}}"),
      ae_string("1.5 1000 1 1e+06 1e-07 1.23456789e+08 0.5 -0.5 16") },
    { ae_string("{{9223372036854775807}} {{-9223372036854775808}}"),
      ae_string("9223372036854775807 -9223372036854775808") },
    { ae_string("{{true}} {{false}}"), ae_string("true false") },
    { ae_string("{{/* comment */}}x"), ae_string("x") },
    { ae_string("x{{- /* comment */ -}} y"), ae_string("xy") },
    { ae_string("x \n{{- /* multi\nline */ -}}\n y"), ae_string("xy") },
    { ae_string("a \n\t {{- .S}} b"), ae_string("ahello b") },
    { ae_string("a {{.S -}} \n\t b"), ae_string("a hellob") },
    { ae_string("a {{- .S -}} b"), ae_string("ahellob") },
    { ae_string("{{.S -}}\n\n{{- .S}}"), ae_string("hellohello") },
    { ae_string("{{-3}} {{- 3}} {{3 -}} x"), ae_string("-33 3x") },
    { ae_string("a{{- \"\"}} b"), ae_string("a b") },
    { ae_string("{{if .T}}yes{{end}}"), ae_string("yes") },
    { ae_string("{{if .F}}yes{{end}}"), ae_string("") },
    { ae_string("{{if .F}}yes{{else}}no{{end}}"), ae_string("no") },
    { ae_string("{{if .F}}a{{else if .T}}b{{else}}c{{end}}"), ae_string("b") },
    { ae_string("{{if .F}}a{{else if .Zero}}b{{else if .EL}}c{{else}}d{{e"
                "nd}}"),
      ae_string("d") },
    { ae_string("{{if .Zero}}1{{end}}{{if .One}}2{{end}}{{if .Empty}}3{{e"
                "nd}}{{if .S}}4{{end}}{{if .EL}}5{{end}}{{if .L}}6{{end}}"
                "{{if .EM}}7{{end}}{{if .Map}}8{{end}}{{if .Missing}}9{{e"
                "nd}}{{if .Half}}A{{end}}{{if 0.0}}B{{end}}"),
      ae_string("2468A") },
    { ae_string("{{if $x := .S}}{{$x}}{{end}}"), ae_string("hello") },
    { ae_string("{{if $x := .Empty}}{{$x}}{{else}}[{{$x}}]{{end}}"),
      ae_string("[]") },
    { ae_string("{{with .Map}}{{.a}}{{end}}"), ae_string("1") },
    { ae_string("{{with .Missing}}{{.}}{{else}}none{{end}}"),
      ae_string("none") },
    { ae_string("{{with $x := .Map.c}}{{$x.d}}{{.d}}{{end}}"),
      ae_string("deepdeep") },
    { ae_string("{{with .Empty}}a{{else with .S}}{{.}}{{else}}c{{end}}"),
      ae_string("hello") },
    { ae_string("{{with .S}}{{$.One}}{{end}}"), ae_string("1") },
    { ae_string("{{range .L}}{{.}},{{end}}"), ae_string("1,2,3,") },
    { ae_string("{{range .EL}}x{{else}}empty{{end}}"), ae_string("empty") },
    { ae_string("{{range .Missing}}x{{else}}empty{{end}}"),
      ae_string("empty") },
    { ae_string("{{range $x := .LS}}{{$x}}{{.}}{{end}}"), ae_string("xxyy") },
    { ae_string("{{range $i, $x := .LS}}{{$i}}={{$x}};{{end}}"),
      ae_string("0=x;1=y;") },
    { ae_string("{{range $k, $v := .Map}}{{$k}}={{$v}};{{end}}"),
      ae_string("a=1;b=2;c=map[d:deep];") },
    { ae_string("{{range .LM}}{{.n}}:{{.v}} {{end}}"),
      ae_string("one:1 two:2 ") },
    { ae_string("{{range .LM}}{{$.S}}{{end}}"), ae_string("hellohello") },
    { ae_string("{{range $i, $e := .LM}}{{range $k, $v := $e}}{{$i}}{{$k}"
                "}{{$v}} {{end}}{{end}}"),
      ae_string("0none 0v1 1ntwo 1v2 ") },
    { ae_string("{{range .L}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}"),
      ae_string("1") },
    { ae_string("{{range .L}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}"),
      ae_string("13") },
    { ae_string("{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}"),
      ae_string("01201") },
    { ae_string("{{range 0}}x{{else}}none{{end}}"), ae_string("none") },
    { ae_string("{{range $x := .L}}{{with .}}{{if gt . 1}}{{break}}{{end}"
                "}{{end}}{{$x}}{{end}}"),
      ae_string("1") },
    { ae_string("{{$x := 1}}{{$x}}{{$x = 2}}{{$x}}"), ae_string("12") },
    { ae_string("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}"),
      ae_string("2") },
    { ae_string("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}"),
      ae_string("21") },
    { ae_string("{{$x := 1}}{{range .L}}{{$x = .}}{{end}}{{$x}}"),
      ae_string("3") },
    { ae_string("{{$i := 9}}{{$v := 9}}{{range $i, $v = .LS}}{{end}}{{$i}"
                "}{{$v}}"),
      ae_string("1y") },
    { ae_string("{{$v := 9}}{{range $v = .LS}}{{end}}{{$v}}"),
      ae_string("y") },
    { ae_string("{{$x := .Map}}{{$x.c.d}}"), ae_string("deep") },
    { ae_string("{{$x := index .L 1}}{{$y := $x}}{{$y}}"), ae_string("2") },
    { ae_string("{{$a_1 := 1}}{{$a_1}}"), ae_string("1") },
    { ae_string("{{eq 1 1}} {{eq 1 2}} {{eq \"a\" \"a\"}} {{eq .S \"hello"
                "\"}} {{eq 1 2 3 1}} {{eq true true}} {{eq 1.5 1.5}}"),
      ae_string("true false true true true true true") },
    { ae_string("{{ne 1 2}} {{ne \"a\" \"a\"}} {{lt 1 2}} {{lt 2 1}} {{le"
                " 2 2}} {{gt 2 1}} {{ge 1 2}} {{lt \"a\" \"b\"}} {{gt \"a"
                "b\" \"a\"}} {{le 1.5 1.4}}"),
      ae_string("true false true false true true false true true false") },
    { ae_string("{{eq .Type \"x\" \"QuotaExceeded\"}}"), ae_string("true") },
    { ae_string("{{and 1 2}} {{and 0 2}} {{and 1 \"\" 3}} {{and \"x\"}} {"
                "{or 0 2}} {{or \"\" 0}} {{or 1 2}} {{or 0 \"\" \"z\"}} {"
                "{not 0}} {{not 1}} {{not \"\"}}"),
      ae_string("2 0  x 2 0 1 z true false true") },
    { ae_string("{{if and .T (eq .One 1) (not .F)}}ok{{end}}"),
      ae_string("ok") },
    { ae_string("{{if or (eq .S \"x\") (gt .Two 1)}}ok{{end}}"),
      ae_string("ok") },
    { ae_string("{{or .Zero .S}} {{and .S .Two}}"), ae_string("hello 2") },
    { ae_string("{{len .S}} {{len .U}} {{len .L}} {{len .Map}} {{len .EL}"
                "} {{len \"abc\"}}"),
      ae_string("5 13 3 3 0 3") },
    { ae_string("{{index .L 0}} {{index .L 2}} {{index .Map \"a\"}} {{ind"
                "ex .Map \"c\" \"d\"}} {{index .LM 1 \"n\"}} {{index .S 0"
                "}}"),
      ae_string("1 3 1 deep two 104") },
    { ae_string("{{(index .LM 1).n}} {{(index .Map \"c\").d}} {{(.Map).a}"
                "}"),
      ae_string("two deep 1") },
    { ae_string("{{(1)}} {{((.S))}} {{(len .L | printf \"%d\")}}"),
      ae_string("1 hello 3") },
    { ae_string("{{print 1 2 \"a\" \"b\" 3 true false 1.5}}"),
      ae_string("1 2ab3 true false 1.5") },
    { ae_string("{{print \"a\" 1}}{{print}}{{print \"x\"}}"),
      ae_string("a1x") },
    { ae_string("{{println 1 \"a\" true}}{{println}}"),
      ae_string("1 a true\n\n") },
    { ae_string("{{printf \"%d %5d|%-5d|%05d|%+d|% d\" 1 2 3 4 5 6}}"),
      ae_string("1     2|3    |00004|+5| 6") },
    { ae_string("{{printf \"%s|%10s|%-10s|%.2s|%q\" \"abc\" \"abc\" \"abc"
                "\" \"abc\" \"a\\\"b\\n\"}}"),
      ae_string("abc|       abc|abc       |ab|\"a\\\"b\\n\"") },
    { ae_string("{{printf \"%v %v %v %v %v\" 1 1.5 \"s\" true .L}}"),
      ae_string("1 1.5 s true [1 2 3]") },
    { ae_string("{{printf \"%x %X %#x %x %X\" 255 255 255 \"hi\" \"hi\"}}"),
      ae_string("ff FF 0xff 6869 6869") },
    { ae_string("{{printf \"%t %t %5t\" true false true}}"),
      ae_string("true false  true") },
    { ae_string("{{printf \"%f %.2f %5.2f %8.3f|%-8.1f|%08.3f\" 1.5 1.5 1"
                ".5 3.14159 2.5 -3.14159}}"),
      ae_string("1.500000 1.50  1.50    3.142|2.5     |-003.142") },
    { ae_string("{{printf \"%e %g %G %.3g\" 123456.789 1e-7 1e21 1234.567"
                "8}}"),
      ae_string("1.234568e+05 1e-07 1E+21 1.23e+03") },
    { ae_string("{{printf \"%c %q %o %b %x\" 65 65 8 5 -255}}"),
      ae_string("A 'A' 10 101 -ff") },
    { ae_string("{{printf \"%% %5%\"}}"), ae_string("% %") },
    { ae_string("{{printf \"%d\" \"x\"}} {{printf \"%s\" 1}} {{printf \"%"
                "t\" 1}} {{printf \"%z\" 1}} {{printf \"%f\" \"x\"}}"),
      ae_string("%!d(string=x) %!s(int=1) %!t(int=1) %!z(int=1) %!f(strin"
                "g=x)") },
    { ae_string("{{printf \"%d\"}} {{printf \"%d\" 1 2 \"x\"}} {{printf "
                "\"%\"}} {{printf \"%!\"}}"),
      ae_string("%!d(MISSING) 1%!(EXTRA int=2, string=x) %!(NOVERB) %!!(M"
                "ISSING)") },
    { ae_string("{{printf \"%q %v %s\" .U .U .U}} {{printf \"%+q\" .U}} {"
                "{printf \"%q\" .Ctl}}"),
      ae_string("\"h\xc3\xa9llo \xe4\xb8\x96\xe7\x95\x8c\" h\xc3\xa9llo "
                "\xe4\xb8\x96\xe7\x95\x8c h\xc3\xa9llo \xe4\xb8\x96\xe7"
                "\x95\x8c \"h\\u00e9llo \\u4e16\\u754c\" \"x\\x00\\x01\\n"
                "\\ry\"") },
    { ae_string("{{printf \"%10s|%-6s|%3.1s|\" .U \"\xc3\xa9\" \"\xc3\xa9"
                "\xc3\xa0\xc3\xbc\"}}"),
      ae_string("  h\xc3\xa9llo \xe4\xb8\x96\xe7\x95\x8c|\xc3\xa9     |  "
                "\xc3\xa9|") },
    { ae_string("{{printf \"%v %d %s\" .L .L .LS}} {{printf \"%v\" .Map}}"
                " {{printf \"%q\" .LS}}"),
      ae_string("[1 2 3] [1 2 3] [x y] map[a:1 b:2 c:map[d:deep]] [\"x\" "
                "\"y\"]") },
    { ae_string("{{printf \"%.3d|%6.3d|%-6d|%x\" 5 5 5 \"\xc3\xa9\"}}"),
      ae_string("005|   005|5     |c3a9") },
    { ae_string("{{printf \"% x|%# x\" \"abc\" \"abc\"}}"),
      ae_string("61 62 63|0x61 0x62 0x63") },
    { ae_string("{{html \"<a href=\\\"x\\\">'&'</a>\"}} {{html .Q}} {{htm"
                "l 1 \"a\"}}"),
      ae_string("&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;&lt;/a&gt; a&#3"
                "4;b\\c&lt;d&gt;&#39;&amp;= 1a") },
    { ae_string("{{js \"a'b\\\"c<d>&=\\\\\\n\\x01\"}} {{js .U}} {{js \"\\"
                "u00a0\\u2028\\ufeff\"}}"),
      ae_string("a\\'b\\\"c\\u003Cd\\u003E\\u0026\\u003D\\\\\\u000A\\u000"
                "1 h\xc3\xa9llo \xe4\xb8\x96\xe7\x95\x8c \\u00A0\\u2028\\"
                "uFEFF") },
    { ae_string("{{urlquery \"a b&c=d/\xc3\xa9~-_.\"}} {{urlquery .Ctl}}"),
      ae_string("a+b%26c%3Dd%2F%C3%A9~-_. x%00%01%0A%0Dy") },
    { ae_string("{{.S | len}} {{.S | printf \"%s-%s\" \"x\"}} {{\"a\" | p"
                "rintf \"%s\" | len}} {{.L | len | printf \"%d\"}}"),
      ae_string("5 x-hello 1 3") },
    { ae_string("{{.Q | html}}|{{.Q | js}}|{{.Q | urlquery}}"),
      ae_string("a&#34;b\\c&lt;d&gt;&#39;&amp;=|a\\\"b\\\\c\\u003Cd\\u003"
                "E\\'\\u0026\\u003D|a%22b%5Cc%3Cd%3E%27%26%3D") },
    { ae_string("{{\"x\" | eq \"x\"}} {{.One | eq 1}} {{2 | lt 1}} {{0 | "
                "or 3}} {{.S|len|eq 5}}"),
      ae_string("true true true 3 true") },
    { ae_string("{{define \"a\"}}[{{.}}]{{end}}{{template \"a\" 1}}{{temp"
                "late \"a\" .S}}"),
      ae_string("[1][hello]") },
    { ae_string("{{define \"a\"}}x{{end}}{{template `a`}}"), ae_string("x") },
    { ae_string("{{template \"a\" .}}{{define \"a\"}}{{.S}}{{$.S}}{{end}}"),
      ae_string("hellohello") },
    { ae_string("{{define \"a\"}}{{range .}}{{.}}{{end}}{{end}}{{template"
                " \"a\" .L}}"),
      ae_string("123") },
    { ae_string("{{block \"b\" .S}}<{{.}}>{{end}}{{template \"b\" 1}}"),
      ae_string("<hello><1>") },
    { ae_string("{{if\n .T\n}}multi{{end}}"), ae_string("multi") },
    { ae_string("{{printf\n\t\"%d\"\n\t1}}"), ae_string("1") },
    { ae_string("}} { } \""), ae_string("}} { } \"") },
    { ae_string("{{\"}}\"}}{{\"{{\"}}"), ae_string("}}{{") },
    { ae_string("{{.Mix}}{{range .Mix}}{{.}};{{end}}"),
      ae_string("[1 a true 1.5]1;a;true;1.5;") },
    { ae_string("{{if eq .S \"hello\"}}a{{end}}{{if ne .S \"hello\"}}b{{e"
                "nd}}"),
      ae_string("a") }
};


static const ae_str_t  refused[] = {
    ae_string("{{08}}"),
    ae_string("{{1.2.3}}"),
    ae_string("{{1_}}"),
    ae_string("{{0x}}"),
    ae_string("{{''}}"),
    ae_string("{{'ab'}}"),
    ae_string("{{\"\\q\"}}"),
    ae_string("{{\"\\ud800\"}}"),
    ae_string("{{\"a\nb\"}}"),
    ae_string("{{\"unterminated}}"),
    ae_string("{{`unterminated}}"),
    ae_string("{{/* unclosed"),
    ae_string("{{/* a */ .S}}"),
    ae_string("{{break}}"),
    ae_string("{{range .L}}{{define \"x\"}}{{end}}{{end}}"),
    ae_string("{{range .L}}{{.}}{{else}}{{break}}{{end}}"),
    ae_string("{{if true}}{{$x := 1}}{{end}}{{$x}}"),
    ae_string("{{$x}}"),
    ae_string("{{define \"a\"}}{{$x}}{{end}}"),
    ae_string("{{range $i, $j, $k := .L}}{{end}}"),
    ae_string("{{$i, $j := .L}}"),
    ae_string("{{.S | 1}}"),
    ae_string("{{nosuch}}"),
    ae_string("{{.S | nosuch}}"),
    ae_string("{{| .S}}"),
    ae_string("{{}}"),
    ae_string("{{ }}"),
    ae_string("{{end}}"),
    ae_string("{{else}}"),
    ae_string("{{if}}a{{end}}"),
    ae_string("{{if .T}}a"),
    ae_string("{{if .T}}a{{else}}b"),
    ae_string("{{if .T}}a{{else}}b{{else}}c{{end}}"),
    ae_string("{{range}}{{end}}"),
    ae_string("{{range .L}}{{else if .T}}{{end}}"),
    ae_string("{{with}}{{end}}"),
    ae_string("{{if .T}}{{end}}{{end}}"),
    ae_string("{{end .}}"),
    ae_string("{{(.S}}"),
    ae_string("{{.S)}}"),
    ae_string("{{()}}"),
    ae_string("{{.S"),
    ae_string("{{.S}"),
    ae_string("{{..S}}"),
    ae_string("{{.S.}}"),
    ae_string("{{true.S}}"),
    ae_string("{{\"a\".S}}"),
    ae_string("{{1.S}}"),
    ae_string("{{nil.S}}"),
    ae_string("{{$x := }}"),
    ae_string("{{:= 1}}"),
    ae_string("{{a := 1}}"),
    ae_string("{{.S := 1}}"),
    ae_string("{{, 1}}"),
    ae_string("{{.S, .S}}"),
    ae_string("{{#}}"),
    ae_string("{{.S#}}"),
    ae_string("{{printf \"%d\"3}}"),
    ae_string("{{print(1)}}"),
    ae_string("{{print\"a\"}}"),
    ae_string("{{block \"b\"}}x{{end}}"),
    ae_string("{{define}}x{{end}}"),
    ae_string("{{define a}}x{{end}}"),
    ae_string("{{define \"a\" .}}x{{end}}"),
    ae_string("{{define \"a\"}}x"),
    ae_string("{{define \"a\"}}x{{else}}y{{end}}"),
    ae_string("{{if .T}}{{define \"a\"}}x{{end}}{{end}}"),
    ae_string("{{template}}"),
    ae_string("{{template .S}}"),
    ae_string("{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}")
};


static void
test_rendered(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(rendered) / sizeof(rendered[0]); i++) {
        ae_check_render(rendered[i][0], data, AE_ESCAPE_NONE, rendered[i][1]);
    }
}


static void
test_refused(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        ae_check_refused(refused[i], AE_ESCAPE_NONE, 1, "");
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
