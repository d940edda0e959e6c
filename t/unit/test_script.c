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

#include "core/text/text.h"
#include "fail_alloc.h"
#include "json_help.h"
#include "random.h"


#define MIB  (1024 * 1024)


/* a copy of the text, behind which no byte may be read */

static int
scan(ae_arena_t *arena, ae_str_t text, ae_script_t *script, ae_error_t *err)
{
    int             rc;
    unsigned char  *copy;

    copy = malloc(text.len);

    if (text.len != 0) {
        memcpy(copy, text.data, text.len);
    }

    rc = ae_script_scan(arena, (ae_str_t) { text.len, copy }, script, err);

    free(copy);

    return rc;
}


/* expected: the form's digit, then the undeclared names, in order */

static void
check(const char *text, const char *expected)
{
    size_t        i;
    ae_buf_t      b;
    ae_error_t    err;
    ae_arena_t   *arena;
    ae_script_t   script;

    arena = ae_arena_create(0);
    ae_buf_init(&b, MIB);

    if (scan(arena, ae_s(text), &script, &err) != AE_OK) {
        fail_msg("%s\nline %u: %s", text, err.line, err.text);
    }

    ae_buf_int(&b, script.form);

    for (i = 0; i < script.nundeclared; i++) {
        ae_buf_puts(&b, " ");
        ae_buf_put(&b, script.undeclared[i].data, script.undeclared[i].len);
    }

    if (b.len != strlen(expected) || memcmp(b.data, expected, b.len) != 0) {
        fail_msg("%s\n%.*s\nexpected\n%s", text, (int) b.len, b.data,
                 expected);
    }

    ae_buf_free(&b);
    ae_arena_destroy(arena);
}


/* the names alone, of a function body */

static void
names(const char *text, const char *expected)
{
    char  all[512];

    (void) snprintf(all, sizeof(all), "2%s%s", *expected ? " " : "",
                    expected);
    check(text, all);
}


static void
refused(const char *text, unsigned line, const char *message)
{
    ae_error_t    err;
    ae_arena_t   *arena;
    ae_script_t   script;

    arena = ae_arena_create(0);

    assert_int_equal(scan(arena, ae_s(text), &script, &err), AE_ERROR);
    assert_int_equal(err.line, line);

    if (strstr(err.text, message) == NULL) {
        fail_msg("%s: %s", text, err.text);
    }

    ae_arena_destroy(arena);
}


/* ---- forms ---- */

static void
test_module(void **state)
{
    (void) state;

    check("export default function (ctx) {}", "0");
    check("export default async function (ctx) {}", "0");
    check("export default {handle};", "0");
    check("function f() {}\nexport\n  /* x */ default f", "0");
    check("export {f as default};", "0");
    check("export {a, b as default, c}", "0");
    check("import a from 'a'; export default a;\n"
          "new TykJS.TykEventHandlers.NewEventHandler({})", "0");
}


static void
test_event(void **state)
{
    (void) state;

    check("var h = new TykJS.TykEventHandlers.NewEventHandler({});\n"
          "h.NewHandler(function(event, context) { return });", "1");
    check("h = new TykJS . TykEventHandlers\n.NewEventHandler({})", "1 h");
}


static void
test_body(void **state)
{
    (void) state;

    check("", "2");
    check("return {a: 1}", "2");
    check("export function f() {}", "2");
    check("export {f}; export * from 'x'; var x = {default: 1}", "2");
    check("x.export.default; log('export default'); // export default", "2");
    check("if (a) { export default f }", "2");
    check("/* TykJS.TykEventHandlers.NewEventHandler */", "2");
    check("'TykJS.TykEventHandlers.NewEventHandler'", "2");
    check("TykJS.TykEventHandlers.Other; a.TykJS.TykEventHandlers."
          "NewEventHandler", "2");
    check("TykJS.TykEventHandlers", "2");
}


/* ---- assignments ---- */

static void
test_assignments(void **state)
{
    (void) state;

    names("a = 1", "a");
    names("b=1;a=2;b=3", "a b");
    names("a += 1; b -= 1; c *= 1; d /= 1; e %= 1; f **= 1; g <<= 1",
          "a b c d e f g");
    names("a >>= 1; b >>>= 1; c &= 1; d ^= 1; e |= 1; f &&= 1; g ||= 1;"
          "h ?\?= 1", "a b c d e f g h");
    names("a++; b--; ++c; --d", "a b c d");
    names("a\n++b", "b");
    names("a\n++\nb", "b");
    names("if (a++ + ++b) {}", "a b");
    names("for (a in x) {} for (b of x) {} for await (c of x) {}", "a b c");
    names("for (a = 0, b = 1; a < b; a++) {}", "a b");
    names("x = y = z = 1", "x y z");
    names("function f() { deep = 1; return function () { deeper = 2 } }",
          "deep deeper");
    names("a\n=\n1", "a");
    names("a /* x */ = /* y */ 1", "a");
    names("$ = _a1 = 1", "$ _a1");
    names("\xc3\xa4 = 1", "\xc3\xa4");
    names("\\u0061b = \\u{62}c = 1", "\\u0061b \\u{62}c");
    names("\\u{62 = 1; \\u{; a} = 1", "\\u{62");
    names("(function () { i = 1 })()", "i");
    names("f(a = 1, [b = 2], {k: c = 3})", "a b c");
    names("x ? a = 1 : b = 2", "a b");
    names("json = {a: 1, b: {c: 2}}", "json");
}


static void
test_no_assignments(void **state)
{
    (void) state;

    names("a == 1; b === 1; c != 1; d !== 1; e <= 1; f >= 1; g => 1", "");
    names("a.b = 1; a.b += 1; a.b++; ++a.b; --a[b]; a[b] = 1; ++a()", "");
    names("a?.b; a ?.5 : b; a.for = 1; a.\nb = 1; this.x = 1", "");
    names("({a: 1, b: 2, 'c': 3, 4: 5})", "");
    names("x = {a: b == c}", "x");
    names("lab: while (1) { break lab }", "");
    names("for (var a in b) {} for (let c of d) {} for (const e of f) {}",
          "");
    names("if (a in b) {} for (a.b in c) {} for (x.y of z) {}", "");
    names("a + +b; a - -b; a++ + b", "a");
    names("class A { x = 1; static y = 2; #z = 3; m() { this.#z = 1 } }", "");
    names("a\n++\n.b", "");
}


static void
test_declarations(void **state)
{
    (void) state;

    names("var a; let b; const c = 1; a = b = c = 1", "");
    names("a = 1; var a", "");
    names("var a = 1, b, c = f(x, y), d = [p, q], e = {r: s}, g; "
          "a = b = c = d = e = g = x = y = p = q = r = s = 1",
          "p q r s x y");
    names("var a = function (x, y) { return x, y }, b; b = 1; z = 1", "z");
    names("function f(p, q) { p = q = 1 } f = 1", "");
    names("(function g(p) { p = 1; g = 1 })", "");
    names("function* gen(p) { p = 1 } gen = 1; async function h(q) { q = 1 }",
          "");
    names("var f = (p, q) => { p = q = 1 }; r => { r = 1 }; "
          "async (s) => { s = 1 }; async t => t = 1", "");
    names("(p, q = d, ...r) => { p = q = r = 1 }", "");
    names("try {} catch (e) { e = 1 } try {} catch { e2 = 1 }", "e2");
    names("class A extends B { m(p) { p = 1 } static n(q) { q = 1 } } A = 1",
          "");
    names("({ m(p) { p = 1 }, get x() {}, set x(v) { v = 1 },"
          " async n(q) { q = 1 }, *g(r) { r = 1 }, 'k'(s) { s = 1 } })", "");
    names("import a from 'x'; import {b, c as d} from 'y';"
          "import * as e from 'z'; import f, {g} from 'w';"
          "a = b = d = e = f = g = c = 1", "c");
    names("import('x'); import.meta.x = 1; a = 1", "a");
    names("var {a, b: c, d = 1, ...e} = x; a = c = d = e = b = 1", "b");
    names("let [a, , b, [c], {d: [e]}] = x; a = b = c = e = d = 1", "d");
    names("function f({a, b: c}, [d]) { a = c = d = b = 1 }", "b");
    names("for (var i = 0, n = x.length; i < n; i++) {}", "");
    names("for (let [k, v] of m) { k = v = 1 }", "");
    names("let x = 1; x = 2; let\ny; y = 1", "");
    names("var fn = async function () {}, z; z = 1", "");
}


static void
test_declarations_end(void **state)
{
    (void) state;

    /* a line end, which the comma of the next statement is behind */

    names("var a = 1\nf(), b = 2", "b");
    names("var a\nf(), b = 2", "b");
    names("var a = x\n++y, b = 2", "b y");
    names("var a = {}\n!f(), b = 2", "b");
    names("var a = function () {}\nf(), b = 2", "b");
    names("var a = `x`\n'y', b = 2", "b");
    names("var a = () => {}\nf(), b = 2", "b");
    names("var a = class {}\nf(), b = 2", "b");
    names("var a = (x)\nf(), b = 2", "b");
    names("var a = x /*\n*/ f(), b = 2", "b");
    names("var a = this\nvar c, b = 2", "");
    names("var a = x++\nf(), b = 2", "b x");

    /* but these go on */

    names("var a = 1\n, b = 2; b = 3", "");
    names("var a = x\n.y(), b = 2; b = 3", "");
    names("var a = x\n(y), b = 2; b = 3", "");
    names("var a =\nx, b = 2; b = 3", "");
    names("var a = x +\ny, b = 2; b = 3", "");
    names("var a = x\n+ y, b = 2; b = 3", "");
    names("var a = x\nin y, b = 2; b = 3", "");
    names("var a = typeof\nx, b = 2; b = 3", "");
    names("var a,\nb = 2,\n\nc; b = c = 3", "");

    names("{ var a = 1 } b = 2, c = 3", "b c");
    names("f(function () { var a = 1 }, b = 2)", "b");
    names("if (x) var a = 1; else b = 2, c = 3", "b c");
    names("var a = 1; b = 2", "b");
    names("var a = x ? y : z, b; b = 1", "");
}


/* ---- tokens ---- */

static void
test_comments_and_strings(void **state)
{
    (void) state;

    names("// a = 1\nb = 2", "b");
    names("// a = 1", "");
    names("/* a = 1 * / ** */ b = 2", "b");
    names("/**/b = 2/***/", "b");
    names("'a = 1'; \"b = 2\"; c = 3", "c");
    names("'\\'a = 1'; \"\\\"b = 2\"; '\\\\'; c = 3", "c");
    names("'a \\\n = 1'; b = 2", "b");
    names("'a \\\r\n = 1'; b = 2", "b");
    names("\"'\"; a = '\"'; b = 2", "a b");
    names("#!/bin/js a = 1\nb = 2", "b");
    names("#! a = 1", "");
    names("\xef\xbb\xbf" "a = 1; \xc2\xa0 b = 2 \xe3\x80\x80; c = 3",
          "a b c");
    names("a\xc2\xa0= 1; b\xe2\x80\xa8= 2; 1\xef\xbb\xbf", "a b");
    names("var a = 1\xe2\x80\xa8" "f(), b = 2", "b");
    names("// x\r\na = 1", "a");
}


static void
test_templates(void **state)
{
    (void) state;

    names("`a = 1`; b = 2", "b");
    names("`${a = 1} b = 2 ${c = 3}`", "a c");
    names("`\\`a = 1\\${`; b = 2", "b");
    names("`$a = 1 $$ {`; b = 2", "b");
    names("`${`${`${a = 1}`} b = 1`} c = 1`; d = 4", "a d");
    names("`${{k: {}}} a = 1`; b = 2", "b");
    names("`${function () { return `}` }} a = 1`; b = 2", "b");
    names("`a\n${\n\nb = 1\n}\n`; c = 2", "b c");
    names("tag`a = 1${b = 2}`; c = 3", "b c");
    names("`${a}`; b = `${c}`; d = ``", "b d");
}


static void
test_regular_expressions(void **state)
{
    (void) state;

    names("/a = 1/; b = 2", "b");
    names("x = /a = 1/g; y = 2", "x y");
    names("f(/'/, /\"/); a = 1", "a");
    names("/[/]a = 1/.test(x); b = 2", "b");
    names("/\\/a = 1/.test(x); b = 2", "b");
    names("return /'/; a = 1", "a");
    names("x = a / b; y = c / d", "x y");
    names("x = f(a) / b; y = 1 / 2", "x y");
    names("x = a[0] / b; y = '/'", "x y");
    names("if (x) /'/.test(y); a = 1", "a");
    names("while (x) /'/.test(y); a = 1", "a");
    names("(x) / y; a = 'b / c'", "a");
    names("x = {} / 1; a = '/'", "a x");
    names("{}\n/'/.test(x); a = 1", "a");
    names("f(function () {} / 1); a = '/'", "a");
    names("a++ / b; c = '/'", "a c");
    names("typeof /'/; a = 1", "a");
    names("x = y ? /'/ : /\"/; a = 1", "a x");
    names("this / 2; a = '/'", "a");
    names("x.return / 2; a = '/'", "a");
    names("case /'/: a = 1", "a");
    names("a = b\n/c/d; e = '/'", "a e");
    names("x => /'/; a = 1", "a");
    names("!/'/.test(x); a = 1", "a");
    names("[/'/, /\"/]; a = 1", "a");
    names("({a: /'/}); b = 1", "b");
    names("`${/'/}`; a = 1", "a");
    names("/=/.test(x); a = 1", "a");
}


static void
test_numbers(void **state)
{
    (void) state;

    names("a = 1.5e+3; b = 0x1F; c = .5; d = 1_000; e = 10n; f = 1..x; g = 0",
          "a b c d e f g");
    names("a = 0xe+b; c = 1e-7; d = 1", "a c d");
    names("x = 3 .a; y = 1.; z = 2", "x y z");
}


static void
test_braces(void **state)
{
    (void) state;

    names("x = {class: 1, f: function () { a = 1 }}", "a x");
    names("x = {class: {k: 1}, var: 1, function: 2, import: 3, catch: 4}; "
          "a = 1", "a x");
    names("x = {class() { a = 1 }, m() { b = 1 }}", "a b x");
    names("class A {}\nif (x) { a = 1 }", "a");
    names("class A extends f(x, {k: 1}) { y = 1; m() { a = 1 } }", "a");
    names("x = class { y = 1 }; z = {}; { a = 1 }", "a x z");
    names("x = a ? {b: 1} : {c: 2}; d = 1", "d x");
    names("x = a ? 1 : {m(p) { p = 1 }}", "x");
    names("x = {k: {m(p) { p = 1 }}}; f(a ? b : c, {m(q) { q = 1 }})", "x");
    names("switch (x) { case 1: { a = 1 } default: { b = 2 } }", "a b");
    names("switch (x) { case y ? 1 : 2: { a = 1 } }", "a");
    names("class A { m() { a = 1 } }\nb = 1", "a b");
    names("f({a}); if (b) { c = 1 }", "c");
    names("(p) \n { p = 1 }", "p");
    names("x = {m(p) {}}; f(p)\n{ p = 1 }", "x");

    /* wrong brackets are njs' affair */

    names(")]} a = 1", "a");
    names("( [ { a = 1", "a");
    names("( ] ) a = 1; { ( } b = 2", "a b");
    names("`${ ( [ } a = 1`; b = 2", "b");
}


static void
test_unterminated(void **state)
{
    (void) state;

    refused("a\n/* b\nc", 2, "comment");
    refused("/*", 1, "comment");
    refused("/*/", 1, "comment");
    refused("a\n'b\nc'", 2, "expected '");
    refused("a = \"b", 1, "expected \"");
    refused("'\\", 1, "string");
    refused("'\\\n", 1, "string");
    refused("a\n\n`b\n", 3, "template");
    refused("`${", 1, "template");
    refused("`${a\n}b\n${c}", 3, "template");
    refused("\n`a ${ {} ", 2, "template");
    refused("`${`", 1, "template");
}


static void
test_too_large(void **state)
{
    ae_str_t      text;
    ae_error_t    err;
    ae_arena_t   *arena;
    ae_script_t   script;

    (void) state;

    arena = ae_arena_create(0);

    text.len = MIB;
    text.data = malloc(text.len + 1);
    memset(text.data, '(', text.len + 1);

    assert_int_equal(ae_script_scan(arena, text, &script, &err), AE_OK);

    memset(text.data + text.len / 2, ']', text.len / 2);
    assert_int_equal(ae_script_scan(arena, text, &script, &err), AE_OK);

    text.len++;
    assert_int_equal(ae_script_scan(arena, text, &script, &err), AE_ERROR);
    assert_non_null(strstr(err.text, "at most 1 MiB"));

    free(text.data);
    ae_arena_destroy(arena);
}


static void
test_identifier(void **state)
{
    size_t  i;

    static const ae_str_t  yes[] = {
        ae_string("a"), ae_string("$"), ae_string("_"), ae_string("a1"),
        ae_string("sampleHandler"), ae_string("$_9"), ae_string("of"),
        ae_string("async"), ae_string("lets"), ae_string("iff")
    };

    static const ae_str_t  no[] = {
        ae_string(""), ae_string("1a"), ae_string("a-b"), ae_string("a b"),
        ae_string("a.b"), ae_string("a\0b"), ae_string("a;"),
        ae_string("\xc3\xa4"), ae_string("\\u0061"), ae_string("if"),
        ae_string("class"), ae_string("var"), ae_string("let"),
        ae_string("static"), ae_string("await"), ae_string("yield"),
        ae_string("enum"), ae_string("true"), ae_string("null"),
        ae_string("this"), ae_string("arguments"), ae_string("eval"),
        ae_string("instanceof"), ae_string("implements")
    };

    (void) state;

    for (i = 0; i < sizeof(yes) / sizeof(ae_str_t); i++) {
        assert_true(ae_script_identifier(yes[i]));
    }

    for (i = 0; i < sizeof(no) / sizeof(ae_str_t); i++) {
        if (ae_script_identifier(no[i])) {
            fail_msg("%s", no[i].data);
        }
    }
}


static void
test_no_memory(void **state)
{
    int           rc;
    long          n;
    ae_error_t    err;
    ae_arena_t   *arena;
    ae_script_t   script;

    (void) state;

    for (n = 1; /* void */ ; n++) {
        arena = ae_arena_create(0);
        assert_non_null(arena);

        ae_fail_at = n;

        rc = ae_script_scan(arena, ae_str("var a = 1, b = `${c}`; d = e = 1"),
                            &script, &err);

        if (ae_fail_at != 0) {
            break;
        }

        assert_int_equal(rc, AE_ERROR);
        assert_string_equal(err.text, "no memory");
        ae_arena_destroy(arena);
    }

    ae_fail_at = 0;

    assert_int_equal(rc, AE_OK);
    assert_int_equal(script.nundeclared, 2);
    assert_true(n > 3);

    ae_arena_destroy(arena);
}


/* pieces in any order: it ends, and what it names was there */

static void
test_any_text(void **state)
{
    long          i;
    size_t        k;
    ae_buf_t      b;
    ae_str_t      s;
    ae_error_t    err;
    ae_arena_t   *arena;
    ae_script_t   script;

    static const char *const  pieces[] = {
        "var ", "let ", "const ", "function ", "class ", "import ", "for ",
        "in ", "of ", "if ", "return ", "export ", "default ", "catch ",
        "as ", "from ", "await ", "a", "b ", "1", "'s'", "`", "${", "}", "{",
        "(", ")", "[", "]", "=", "=>", "==", "++", "+=", "/", "\\", "*",
        "/*", "*/", "//", "\n", "\r", "'", "\"", ".", "?.", "?", ":", ",",
        ";", "...", "#", "#!", "\xc2\xa0", "\xe2\x80\xa8", "\xff", "\\u{",
        "\\u0061", "<!--", "!"
    };

    (void) state;

    ae_random_seed();

    for (i = ae_steps(50000); i > 0; i--) {
        ae_buf_init(&b, MIB);

        for (k = ae_random() % 40; k != 0; k--) {
            ae_buf_puts(&b, pieces[ae_random()
                                   % (sizeof(pieces) / sizeof(char *))]);
        }

        arena = ae_arena_create(0);
        memset(&err, 0, sizeof(ae_error_t));

        if (scan(arena, (ae_str_t) { b.len, b.data }, &script, &err)
            == AE_OK)
        {
            for (k = 0; k < script.nundeclared; k++) {
                s = script.undeclared[k];

                assert_true(s.len > 0 && s.len <= b.len);
                assert_non_null(memmem(b.data, b.len, s.data, s.len));
            }

        } else {
            assert_non_null(strstr(err.text, "unterminated"));
            assert_true(err.line != 0);
        }

        ae_arena_destroy(arena);
        ae_buf_free(&b);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_module),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_no_assignments),
        cmocka_unit_test(test_declarations),
        cmocka_unit_test(test_declarations_end),
        cmocka_unit_test(test_comments_and_strings),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_regular_expressions),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_braces),
        cmocka_unit_test(test_unterminated),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_identifier),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_any_text)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
