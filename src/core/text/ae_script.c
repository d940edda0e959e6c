/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the loader must know of a script: its form, and the names that it
 * assigns but declares nowhere.  Scopes are left out on purpose: a name that
 * is declared anywhere in the file is its author's to care for.
 */


#include <stdlib.h>
#include <string.h>

#include "core/text/ae_script.h"


typedef struct {
    ae_js_token_t           *tokens;
    uint32_t                 n;
    ae_str_t                *names;         /* declared, then assigned */
    size_t                   ndeclared;
    size_t                   nassigned;
} ae_scan_t;


static ae_script_form_e ae_scan_form(const ae_scan_t *scan, uint32_t *at);
static int ae_scan_default(const ae_scan_t *scan, uint32_t i);
static void ae_scan_declared(ae_scan_t *scan);
static void ae_scan_keyword(ae_scan_t *scan, uint32_t i);
static void ae_scan_variables(ae_scan_t *scan, uint32_t i);
static uint32_t ae_scan_initializer(const ae_scan_t *scan, uint32_t i,
    uint32_t parent);
static int ae_scan_is_statement(const ae_scan_t *scan, uint32_t i);
static void ae_scan_import(ae_scan_t *scan, uint32_t i);
static void ae_scan_parens(ae_scan_t *scan, uint32_t i);
static void ae_scan_pattern(ae_scan_t *scan, uint32_t i);
static void ae_scan_declare(ae_scan_t *scan, uint32_t i);
static unsigned ae_scan_use(const ae_scan_t *scan, uint32_t i);
static int ae_scan_assigned(const ae_scan_t *scan, uint32_t i);
static int ae_scan_names(ae_arena_t *arena, ae_scan_t *scan,
    ae_script_t *script);
static int ae_scan_result(ae_arena_t *arena, const ae_scan_t *scan,
    ae_script_t *script);
static int ae_scan_is_sign(const ae_js_token_t *t, int sign);
static int ae_scan_compare(const void *one, const void *two);
static int ae_scan_no_memory(ae_error_t *err);


/* besides the keywords; the last ones are not for variables */

static const ae_str_t  ae_script_reserved[] = {
    ae_string("await"),
    ae_string("implements"),
    ae_string("interface"),
    ae_string("let"),
    ae_string("package"),
    ae_string("private"),
    ae_string("protected"),
    ae_string("public"),
    ae_string("static"),
    ae_string("yield"),
    ae_string("arguments"),
    ae_string("eval")
};


int
ae_script_scan(ae_arena_t *arena, ae_str_t text, ae_script_t *script,
    ae_error_t *err)
{
    int        rc;
    uint32_t   i;
    ae_scan_t  scan;

    memset(&scan, 0, sizeof(ae_scan_t));
    memset(script, 0, sizeof(ae_script_t));

    scan.tokens = ae_js_tokens((text.len != 0) ? text : ae_str(""), &scan.n,
                               err);
    if (scan.tokens == NULL) {
        return AE_ERROR;
    }

    i = 0;
    script->form = ae_scan_form(&scan, &i);
    script->object = (script->form == AE_SCRIPT_MODULE
                      && ae_js_is(&scan.tokens[i + 1], "default")
                      && ae_scan_is_sign(&scan.tokens[i + 2], '{'));

    ae_scan_declared(&scan);

    for (i = 1; i < scan.n - 1; i++) {
        scan.tokens[i].assigned = ae_scan_assigned(&scan, i);

        scan.ndeclared += scan.tokens[i].declared;
        scan.nassigned += scan.tokens[i].assigned;
    }

    rc = ae_scan_names(arena, &scan, script);

    free(scan.names);
    free(scan.tokens);

    return (rc == AE_OK) ? AE_OK : ae_scan_no_memory(err);
}


int
ae_script_uses(ae_str_t text, const ae_str_t *names, size_t n,
    unsigned char *uses, ae_error_t *err)
{
    size_t     k;
    uint32_t   i;
    ae_scan_t  scan;

    memset(&scan, 0, sizeof(ae_scan_t));
    memset(uses, 0, n);

    scan.tokens = ae_js_tokens((text.len != 0) ? text : ae_str(""), &scan.n,
                               err);
    if (scan.tokens == NULL) {
        return AE_ERROR;
    }

    ae_scan_declared(&scan);

    for (i = 1; i < scan.n - 1; i++) {

        if (scan.tokens[i].type != AE_JS_NAME || scan.tokens[i].property) {
            continue;
        }

        for (k = 0; k < n; k++) {

            if (ae_scan_compare(&names[k], &scan.tokens[i].s) == 0) {
                uses[k] |= ae_scan_use(&scan, i);
            }
        }
    }

    free(scan.tokens);

    return AE_OK;
}


/* ASCII only: it is pasted into generated text */

int
ae_script_identifier(ae_str_t name)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < name.len; i++) {
        ch = name.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || ch == '_' || ch == '$' || (ch >= '0' && ch <= '9' && i != 0)))
        {
            return 0;
        }
    }

    for (i = 0; i < sizeof(ae_script_reserved) / sizeof(ae_str_t); i++) {
        if (ae_scan_compare(&name, &ae_script_reserved[i]) == 0) {
            return 0;
        }
    }

    return name.len != 0 && !ae_js_keyword(name);
}


/* *at is where a module exports */

static ae_script_form_e
ae_scan_form(const ae_scan_t *scan, uint32_t *at)
{
    uint32_t              i;
    ae_script_form_e      form;
    const ae_js_token_t  *t;

    form = AE_SCRIPT_BODY;

    for (i = 1; i < scan->n - 1; i++) {
        t = &scan->tokens[i];

        if (t->parent == 0 && ae_js_is(t, "export")
            && ae_scan_default(scan, i + 1))
        {
            *at = i;
            return AE_SCRIPT_MODULE;
        }

        if (i + 5 < scan->n && ae_js_is(t, "TykJS")
            && ae_scan_is_sign(t + 1, '.') && t[2].s.len == 16
            && memcmp(t[2].s.data, "TykEventHandlers", 16) == 0
            && ae_scan_is_sign(t + 3, '.') && t[4].s.len == 15
            && memcmp(t[4].s.data, "NewEventHandler", 15) == 0)
        {
            form = AE_SCRIPT_EVENT;
        }
    }

    return form;
}


/* export default, export {... as default} */

static int
ae_scan_default(const ae_scan_t *scan, uint32_t i)
{
    uint32_t  last;

    if (!ae_scan_is_sign(&scan->tokens[i], '{')) {
        return ae_js_is(&scan->tokens[i], "default");
    }

    last = scan->tokens[i].match;

    for ( /* void */ ; i < last; i++) {

        if (ae_js_is(&scan->tokens[i], "default")
            && ae_js_is(&scan->tokens[i - 1], "as"))
        {
            return 1;
        }
    }

    return 0;
}


/* marks every name that is declared somewhere */

static void
ae_scan_declared(ae_scan_t *scan)
{
    uint32_t        i;
    ae_js_token_t  *t;

    for (i = 1; i < scan->n - 1; i++) {
        t = &scan->tokens[i];

        if (t->type == AE_JS_KEYWORD) {
            ae_scan_keyword(scan, i);

        } else if (ae_js_is(t, "let")) {
            ae_scan_variables(scan, i + 1);

        } else if (ae_scan_is_sign(t, '(')) {
            ae_scan_parens(scan, i);

        } else if (ae_scan_is_sign(t + 1, AE_JS_ARROW)) {
            ae_scan_declare(scan, i);
        }
    }
}


static void
ae_scan_keyword(ae_scan_t *scan, uint32_t i)
{
    const ae_js_token_t  *t;

    t = &scan->tokens[i];

    if (ae_js_is(t, "var") || ae_js_is(t, "const")) {
        ae_scan_variables(scan, i + 1);

    } else if (ae_js_is(t, "class")) {
        ae_scan_declare(scan, i + 1);

    } else if (ae_js_is(t, "function")) {
        i += ae_scan_is_sign(t + 1, '*') ? 2 : 1;
        ae_scan_declare(scan, i);

    } else if (ae_js_is(t, "import")) {
        ae_scan_import(scan, i + 1);
    }
}


/* the list behind var, let and const */

static void
ae_scan_variables(ae_scan_t *scan, uint32_t i)
{
    uint32_t        parent;
    ae_js_token_t  *t;

    parent = scan->tokens[i].parent;

    for ( ;; ) {
        t = &scan->tokens[i];

        if (t->type == AE_JS_NAME) {
            ae_scan_declare(scan, i);

        } else if (ae_scan_is_sign(t, '{') || ae_scan_is_sign(t, '[')) {
            ae_scan_pattern(scan, i);

        } else {
            return;
        }

        i = ae_scan_initializer(scan, i, parent);

        if (!ae_scan_is_sign(&scan->tokens[i], ',')) {
            return;
        }

        i++;
    }
}


/*
 * From a variable to the comma behind its value, or to what ends the list:
 * that may be a line end alone.
 */

static uint32_t
ae_scan_initializer(const ae_scan_t *scan, uint32_t i, uint32_t parent)
{
    const ae_js_token_t  *t;

    for ( ;; ) {
        t = &scan->tokens[i];

        if (t->match > i) {
            i = t->match;
        }

        i++;
        t = &scan->tokens[i];

        if (t->type == AE_JS_END || t->parent != parent
            || ae_scan_is_sign(t, ',') || ae_scan_is_sign(t, ';')
            || ae_scan_is_statement(scan, i))
        {
            return i;
        }
    }
}


/* does a line end before the token end a statement */

static int
ae_scan_is_statement(const ae_scan_t *scan, uint32_t i)
{
    const ae_js_token_t  *t;

    t = &scan->tokens[i];

    if (!t->newline) {
        return 0;
    }

    /* braces end a value here, be they an arrow function's */

    if (!ae_js_is_value(scan->tokens, i - 1) && !ae_scan_is_sign(t - 1, '}')) {
        return 0;
    }

    if (t->type == AE_JS_KEYWORD) {
        return !ae_js_is(t, "in") && !ae_js_is(t, "instanceof");
    }

    return t->type == AE_JS_NAME || t->type == AE_JS_VALUE
           || ae_scan_is_sign(t, '{') || ae_scan_is_sign(t, AE_JS_STEP)
           || ae_scan_is_sign(t, '!') || ae_scan_is_sign(t, '~');
}


/* import a, {b as c}, * as d from '...' */

static void
ae_scan_import(ae_scan_t *scan, uint32_t i)
{
    ae_js_token_t  *t;

    for ( ;; i++) {
        t = &scan->tokens[i];

        if (t->type == AE_JS_VALUE || t->type == AE_JS_END
            || ae_scan_is_sign(t, '(') || ae_scan_is_sign(t, '.')
            || ae_scan_is_sign(t, ';') || ae_js_is(t, "from"))
        {
            return;
        }

        if (!ae_js_is(t, "as") && !ae_js_is(t + 1, "as")) {
            ae_scan_declare(scan, i);
        }
    }
}


/*
 * Are the parentheses those of parameters: of a function, of a method in
 * braces of an object or a class, of an arrow function or of a catch.
 */

static void
ae_scan_parens(ae_scan_t *scan, uint32_t i)
{
    unsigned              braces;
    const ae_js_token_t  *open, *before, *behind;

    open = &scan->tokens[i];

    if (open->match == 0) {
        return;
    }

    before = open - 1;
    behind = &scan->tokens[open->match + 1];
    braces = scan->tokens[open->parent].braces;

    if (before->type == AE_JS_NAME && i > 1 && !ae_js_is(before, "function")) {

        /* function name, function* name */

        before--;
    }

    if (ae_scan_is_sign(before, '*') && i > 2) {
        before--;
    }

    if (ae_js_is(before, "function") || ae_js_is(before, "catch")
        || ae_scan_is_sign(behind, AE_JS_ARROW)
        || (ae_scan_is_sign(behind, '{')
            && (braces == AE_JS_OBJECT || braces == AE_JS_CLASS)))
    {
        ae_scan_pattern(scan, i);
    }
}


/* the names that a destructuring pattern or parameters bind */

static void
ae_scan_pattern(ae_scan_t *scan, uint32_t i)
{
    uint32_t              last;
    const ae_js_token_t  *before;

    last = scan->tokens[i].match;

    for (i++; i < last; i++) {
        before = &scan->tokens[i - 1];

        if (before->type == AE_JS_SIGN
            && strchr("{[(,:E", before->sign) != NULL
            && !ae_scan_is_sign(&scan->tokens[i + 1], ':'))
        {
            ae_scan_declare(scan, i);
        }
    }
}


static void
ae_scan_declare(ae_scan_t *scan, uint32_t i)
{
    ae_js_token_t  *t;

    t = &scan->tokens[i];

    if (t->type == AE_JS_NAME && !t->property) {
        t->declared = 1;
    }
}


/* the key of a member of an object is no variable */

static unsigned
ae_scan_use(const ae_scan_t *scan, uint32_t i)
{
    const ae_js_token_t  *t;

    t = &scan->tokens[i];

    if (ae_scan_is_sign(t + 1, ':') && !t[1].ternary
        && scan->tokens[t->parent].braces == AE_JS_OBJECT)
    {
        return 0;
    }

    return AE_SCRIPT_MENTIONED
           | ((t->declared && t->parent == 0) ? AE_SCRIPT_REDECLARED : 0);
}


/* is the token a variable that gets a value here */

static int
ae_scan_assigned(const ae_scan_t *scan, uint32_t i)
{
    const ae_js_token_t  *t, *before, *behind;

    t = &scan->tokens[i];
    before = t - 1;
    behind = t + 1;

    if (t->type != AE_JS_NAME || t->property) {
        return 0;
    }

    if (ae_scan_is_sign(behind, '=') || ae_scan_is_sign(behind, AE_JS_ASSIGN))
    {
        /* not a field of a class */

        return scan->tokens[t->parent].braces != AE_JS_CLASS;
    }

    if (ae_scan_is_sign(behind, AE_JS_STEP) && !behind->newline) {
        return 1;
    }

    if (ae_scan_is_sign(before, AE_JS_STEP)
        && !ae_js_is_value(scan->tokens, i - 1))
    {
        return !ae_scan_is_sign(behind, '.') && !ae_scan_is_sign(behind, '[')
               && !ae_scan_is_sign(behind, '(');
    }

    /* for (name in ...), for (name of ...) */

    return ae_scan_is_sign(before, '(') && i > 2
           && (ae_js_is(before - 1, "for") || ae_js_is(before - 1, "await"))
           && (ae_js_is(behind, "in") || ae_js_is(behind, "of"));
}


static int
ae_scan_names(ae_arena_t *arena, ae_scan_t *scan, ae_script_t *script)
{
    size_t                d, a;
    uint32_t              i;
    const ae_js_token_t  *t;

    if (scan->nassigned == 0) {
        return AE_OK;
    }

    scan->names = malloc((scan->ndeclared + scan->nassigned)
                         * sizeof(ae_str_t));
    if (scan->names == NULL) {
        return AE_ERROR;
    }

    d = 0;
    a = scan->ndeclared;

    for (i = 1; i < scan->n - 1; i++) {
        t = &scan->tokens[i];

        if (t->declared) {
            scan->names[d++] = t->s;
        }

        if (t->assigned) {
            scan->names[a++] = t->s;
        }
    }

    qsort(scan->names, scan->ndeclared, sizeof(ae_str_t), ae_scan_compare);
    qsort(scan->names + scan->ndeclared, scan->nassigned, sizeof(ae_str_t),
          ae_scan_compare);

    return ae_scan_result(arena, scan, script);
}


/* the assigned names that are not declared, each once */

static int
ae_scan_result(ae_arena_t *arena, const ae_scan_t *scan, ae_script_t *script)
{
    size_t           i;
    ae_str_t        *result;
    const ae_str_t  *assigned;

    result = ae_arena_alloc(arena, scan->nassigned * sizeof(ae_str_t));
    if (result == NULL) {
        return AE_ERROR;
    }

    script->undeclared = result;
    assigned = scan->names + scan->ndeclared;

    for (i = 0; i < scan->nassigned; i++) {

        if ((i != 0 && ae_scan_compare(&assigned[i - 1], &assigned[i]) == 0)
            || bsearch(&assigned[i], scan->names, scan->ndeclared,
                       sizeof(ae_str_t), ae_scan_compare)
               != NULL)
        {
            continue;
        }

        *result = ae_arena_dup(arena, assigned[i]);
        if (result->data == NULL) {
            return AE_ERROR;
        }

        result++;
        script->nundeclared++;
    }

    return AE_OK;
}


static int
ae_scan_is_sign(const ae_js_token_t *t, int sign)
{
    return t->type == AE_JS_SIGN && t->sign == sign;
}


static int
ae_scan_compare(const void *one, const void *two)
{
    int              rc;
    size_t           len;
    const ae_str_t  *a, *b;

    a = one;
    b = two;

    len = (a->len < b->len) ? a->len : b->len;
    rc = (len != 0) ? memcmp(a->data, b->data, len) : 0;

    return (rc != 0) ? rc : (a->len > b->len) - (a->len < b->len);
}


static int
ae_scan_no_memory(ae_error_t *err)
{
    if (err != NULL) {
        err->line = 1;
        memcpy(err->text, "no memory", sizeof("no memory"));
    }

    return AE_ERROR;
}
