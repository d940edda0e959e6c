/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * JavaScript's signs and brackets.  Whether a slash divides or begins a
 * regular expression, and whether braces hold an object or statements, is
 * decided from the tokens before.
 */


#include <string.h>

#include "core/text/ae_script.h"


#define AE_JS_UNWIND  64                    /* brackets that one may close */


typedef struct {
    const char              *text;
    unsigned char            sign;
} ae_js_sign_t;


static unsigned char ae_js_sign_type(const ae_js_lex_t *lex, size_t *len);
static void ae_js_open(ae_js_lex_t *lex);
static int ae_js_close(ae_js_lex_t *lex, unsigned char open);
static unsigned ae_js_braces(const ae_js_lex_t *lex, uint32_t i);
static void ae_js_colon(ae_js_lex_t *lex);


/* those of more than one character, longer ones first */

static const ae_js_sign_t  ae_js_signs[] = {
    { ">>>=", AE_JS_ASSIGN },
    { "...", AE_JS_SPREAD },
    { "===", AE_JS_OTHER },
    { "!==", AE_JS_OTHER },
    { "**=", AE_JS_ASSIGN },
    { "<<=", AE_JS_ASSIGN },
    { ">>=", AE_JS_ASSIGN },
    { ">>>", AE_JS_OTHER },
    { "&&=", AE_JS_ASSIGN },
    { "||=", AE_JS_ASSIGN },
    { "?\?=", AE_JS_ASSIGN },
    { "=>", AE_JS_ARROW },
    { "==", AE_JS_OTHER },
    { "!=", AE_JS_OTHER },
    { "<=", AE_JS_OTHER },
    { ">=", AE_JS_OTHER },
    { "&&", AE_JS_OTHER },
    { "||", AE_JS_OTHER },
    { "?\?", AE_JS_OTHER },
    { "++", AE_JS_STEP },
    { "--", AE_JS_STEP },
    { "+=", AE_JS_ASSIGN },
    { "-=", AE_JS_ASSIGN },
    { "*=", AE_JS_ASSIGN },
    { "/=", AE_JS_ASSIGN },
    { "%=", AE_JS_ASSIGN },
    { "&=", AE_JS_ASSIGN },
    { "|=", AE_JS_ASSIGN },
    { "^=", AE_JS_ASSIGN },
    { "<<", AE_JS_OTHER },
    { ">>", AE_JS_OTHER },
    { "**", AE_JS_OTHER },
    { "${", AE_JS_SUBST },
    { NULL, 0 }
};


int
ae_js_is_value(const ae_js_token_t *tokens, uint32_t i)
{
    uint32_t              before;
    const ae_js_token_t  *t;

    t = &tokens[i];

    switch (t->type) {

    case AE_JS_NAME:
    case AE_JS_VALUE:
    case AE_JS_TEMPLATE:
        return 1;

    case AE_JS_KEYWORD:
        return ae_js_is(t, "this") || ae_js_is(t, "super")
               || ae_js_is(t, "null") || ae_js_is(t, "true")
               || ae_js_is(t, "false");

    case AE_JS_SIGN:
        break;

    default: /* AE_JS_END */
        return 0;
    }

    switch (t->sign) {

    case ']':
        return 1;

    case ')':

        /* but if (...) /regex/ */

        before = (t->match != 0) ? t->match - 1 : 0;
        t = &tokens[before];

        return !(ae_js_is(t, "if") || ae_js_is(t, "while")
                 || ae_js_is(t, "for") || ae_js_is(t, "with"));

    case '}':
        t = &tokens[t->match];
        return t->braces == AE_JS_OBJECT || t->braces == AE_JS_BODY;

    case AE_JS_STEP:

        /* a++ is one, ++ of ++a is not */

        return !t->newline && i > 1 && ae_js_is_value(tokens, i - 1);

    default:
        return 0;
    }
}


int
ae_js_sign(ae_js_lex_t *lex)
{
    size_t         len;
    unsigned char  ch;

    ch = ae_js_sign_type(lex, &len);

    if (ch != '{' && ae_js_is(&lex->tokens[lex->n - 1], "class")) {

        /* the word is the name of a property */

        lex->tokens[lex->top].in_class = 0;
    }

    if (ae_js_add(lex, AE_JS_SIGN, len) != AE_OK) {
        return AE_ERROR;
    }

    lex->tokens[lex->n - 1].sign = ch;

    switch (ch) {

    case '(':
    case '[':
    case '{':
    case AE_JS_SUBST:
        ae_js_open(lex);
        return AE_OK;

    case ')':
        return ae_js_close(lex, '(');

    case ']':
        return ae_js_close(lex, '[');

    case '}':
        return ae_js_close(lex, '{');

    case '?':
        lex->tokens[lex->top].questions++;
        return AE_OK;

    case ':':
        ae_js_colon(lex);
        return AE_OK;

    default:
        return AE_OK;
    }
}


static unsigned char
ae_js_sign_type(const ae_js_lex_t *lex, size_t *len)
{
    size_t                left;
    const ae_js_sign_t   *sign;
    const unsigned char  *p;

    p = lex->pos;
    left = lex->end - p;

    for (sign = ae_js_signs; sign->text != NULL; sign++) {
        *len = strlen(sign->text);

        if (*len <= left && memcmp(sign->text, p, *len) == 0) {
            return sign->sign;
        }
    }

    /* a?.b, but a?.5:b */

    if (left > 2 && p[0] == '?' && p[1] == '.' && (p[2] < '0' || p[2] > '9')) {
        *len = 2;
        return '.';
    }

    *len = 1;

    return *p;
}


static void
ae_js_open(ae_js_lex_t *lex)
{
    uint32_t  i;

    i = lex->n - 1;

    if (lex->tokens[i].sign == '{') {
        lex->tokens[i].braces = ae_js_braces(lex, i);
        lex->tokens[lex->top].in_class = 0;
    }

    lex->top = i;
}


/* a bracket that nothing opened is let pass; what it skips stays unmatched */

static int
ae_js_close(ae_js_lex_t *lex, unsigned char open)
{
    uint32_t        i, n, last;
    ae_js_token_t  *t;

    last = lex->n - 1;

    for (i = lex->top, n = 0; i != 0 && n < AE_JS_UNWIND; n++) {
        t = &lex->tokens[i];

        if (t->sign == open || (t->sign == AE_JS_SUBST && open == '{')) {
            break;
        }

        i = t->parent;
    }

    if (i == 0 || n == AE_JS_UNWIND) {
        return AE_OK;
    }

    lex->top = lex->tokens[i].parent;

    lex->tokens[i].match = last;
    lex->tokens[last].match = i;
    lex->tokens[last].parent = lex->top;

    if (lex->tokens[i].sign == AE_JS_SUBST) {
        return ae_js_template(lex, 0);
    }

    return AE_OK;
}


/* what are the braces around that token i opens */

static unsigned
ae_js_braces(const ae_js_lex_t *lex, uint32_t i)
{
    uint32_t              before;
    const ae_js_token_t  *t, *outer;

    outer = &lex->tokens[lex->top];
    t = &lex->tokens[i - 1];

    if (outer->in_class) {
        return AE_JS_CLASS;
    }

    if (t->type == AE_JS_KEYWORD) {
        return (lex->tokens[i].newline || ae_js_is(t, "else")
                || ae_js_is(t, "do") || ae_js_is(t, "try")
                || ae_js_is(t, "finally"))
               ? AE_JS_BLOCK : AE_JS_OBJECT;
    }

    if (t->type != AE_JS_SIGN) {
        return AE_JS_BLOCK;
    }

    switch (t->sign) {

    case ':':
        return (t->ternary || outer->braces == AE_JS_OBJECT
                || outer->sign == '(' || outer->sign == '[')
               ? AE_JS_OBJECT : AE_JS_BLOCK;

    case ')':
        before = (t->match > 1) ? t->match - 1 : 0;
        t = &lex->tokens[before];

        /* function name (...) {: a value where a value may stand */

        if (t->type == AE_JS_NAME && before > 1) {
            before--;
            t--;
        }

        return (ae_js_is(t, "function") && t[-1].type == AE_JS_SIGN
                && t[-1].sign != ';' && t[-1].sign != '}'
                && t[-1].sign != '{' && t[-1].sign != ')')
               ? AE_JS_BODY : AE_JS_BLOCK;

    case ';':
    case '{':
    case '}':
    case ']':
    case AE_JS_ARROW:
    case AE_JS_STEP:
        return AE_JS_BLOCK;

    default:
        return AE_JS_OBJECT;
    }
}


static void
ae_js_colon(ae_js_lex_t *lex)
{
    ae_js_token_t  *outer;

    outer = &lex->tokens[lex->top];

    if (outer->questions != 0) {
        outer->questions--;
        lex->tokens[lex->n - 1].ternary = 1;
    }
}
