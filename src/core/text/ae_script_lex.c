/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * JavaScript into tokens.  A text that is no JavaScript is not refused here,
 * but by njs.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/ae_json.h"
#include "core/text/ae_script.h"


static int ae_js_all(ae_js_lex_t *lex);
static int ae_js_token(ae_js_lex_t *lex);
static int ae_js_space(ae_js_lex_t *lex);
static size_t ae_js_wide_space(const unsigned char *p,
    const unsigned char *end, int *newline);
static int ae_js_comment(ae_js_lex_t *lex);
static int ae_js_name(ae_js_lex_t *lex);
static size_t ae_js_name_len(const unsigned char *p, const unsigned char *end);
static size_t ae_js_number_len(const unsigned char *p,
    const unsigned char *end);
static int ae_js_is_word(unsigned char ch);
static int ae_js_string(ae_js_lex_t *lex);
static size_t ae_js_regex_len(const ae_js_lex_t *lex);
static int ae_js_error(const ae_js_lex_t *lex, unsigned line,
    const char *text);


static const char *const  ae_js_keywords[] = {
    "break", "case", "catch", "class", "const", "continue", "debugger",
    "default", "delete", "do", "else", "enum", "export", "extends", "false",
    "finally", "for", "function", "if", "import", "in", "instanceof", "new",
    "null", "return", "super", "switch", "this", "throw", "true", "try",
    "typeof", "var", "void", "while", "with", NULL
};


ae_js_token_t *
ae_js_tokens(ae_str_t text, uint32_t *n, ae_error_t *err)
{
    ae_js_lex_t  lex;

    memset(&lex, 0, sizeof(ae_js_lex_t));

    lex.pos = text.data;
    lex.end = text.data + text.len;
    lex.line = 1;
    lex.err = err;

    if (text.len > AE_SCRIPT_TEXT) {
        (void) ae_js_error(&lex, 1, "script too large, expected at most "
                           "1 MiB");
        return NULL;
    }

    if (ae_js_all(&lex) != AE_OK) {
        free(lex.tokens);
        return NULL;
    }

    *n = lex.n;

    return lex.tokens;
}


int
ae_js_keyword(ae_str_t name)
{
    const char *const  *word;

    for (word = ae_js_keywords; *word != NULL; word++) {
        if (strlen(*word) == name.len
            && memcmp(*word, name.data, name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* property names are never keywords */

int
ae_js_is(const ae_js_token_t *token, const char *text)
{
    return !token->property
           && (token->type == AE_JS_KEYWORD || token->type == AE_JS_NAME)
           && token->s.len == strlen(text)
           && memcmp(token->s.data, text, token->s.len) == 0;
}


static int
ae_js_all(ae_js_lex_t *lex)
{
    uint32_t        i;
    unsigned char  *nl;

    if (ae_js_add(lex, AE_JS_END, 0) != AE_OK) {
        return AE_ERROR;
    }

    if (lex->end - lex->pos > 1 && memcmp(lex->pos, "#!", 2) == 0) {
        nl = memchr(lex->pos, '\n', lex->end - lex->pos);
        lex->pos = (nl != NULL) ? nl : lex->end;
    }

    for ( ;; ) {
        if (ae_js_space(lex) != AE_OK) {
            return AE_ERROR;
        }

        if (lex->pos == lex->end) {
            break;
        }

        if (ae_js_token(lex) != AE_OK) {
            return AE_ERROR;
        }
    }

    for (i = lex->top; i != 0; i = lex->tokens[i].parent) {
        if (lex->tokens[i].sign == AE_JS_SUBST) {
            return ae_js_error(lex, lex->tokens[i].line, "unterminated "
                               "template literal, expected } and `");
        }
    }

    return ae_js_add(lex, AE_JS_END, 0);
}


static int
ae_js_token(ae_js_lex_t *lex)
{
    size_t         len;
    unsigned char  ch, next;

    ch = lex->pos[0];
    next = (lex->end - lex->pos > 1) ? lex->pos[1] : 0;

    if (ch == '"' || ch == '\'') {
        return ae_js_string(lex);
    }

    if (ch == '`') {
        return ae_js_template(lex, 1);
    }

    if ((ch >= '0' && ch <= '9')
        || (ch == '.' && next >= '0' && next <= '9'))
    {
        len = ae_js_number_len(lex->pos, lex->end);
        return ae_js_add(lex, AE_JS_VALUE, len);
    }

    if (ae_js_name_len(lex->pos, lex->end) != 0) {
        return ae_js_name(lex);
    }

    if (ch == '/' && !ae_js_is_value(lex->tokens, lex->n - 1)) {
        len = ae_js_regex_len(lex);

        if (len != 0) {
            return ae_js_add(lex, AE_JS_VALUE, len);
        }
    }

    return ae_js_sign(lex);
}


/* white space and comments */

static int
ae_js_space(ae_js_lex_t *lex)
{
    int             newline;
    size_t          len;
    unsigned char  *p;

    while (lex->pos < lex->end) {
        p = lex->pos;

        if (*p == '/' && lex->end - p > 1 && (p[1] == '/' || p[1] == '*')) {

            if (ae_js_comment(lex) != AE_OK) {
                return AE_ERROR;
            }

            continue;
        }

        newline = (*p == '\n' || *p == '\r');
        lex->line += (*p == '\n');
        len = 1;

        if (*p >= 0x80) {
            len = ae_js_wide_space(p, lex->end, &newline);

        } else if (!newline && *p != ' ' && *p != '\t' && *p != '\v'
                   && *p != '\f')
        {
            len = 0;
        }

        if (len == 0) {
            break;
        }

        lex->newline |= newline;
        lex->pos += len;
    }

    return AE_OK;
}


/* the length of a space character or line end outside of ASCII */

static size_t
ae_js_wide_space(const unsigned char *p, const unsigned char *end,
    int *newline)
{
    size_t    len;
    uint32_t  cp;

    len = ae_json_utf8(p, end - p, &cp);

    *newline = (cp == 0x2028 || cp == 0x2029);

    if (*newline || cp == 0xa0 || cp == 0xfeff || cp == 0x1680
        || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f || cp == 0x205f
        || cp == 0x3000)
    {
        return len;
    }

    return 0;
}


static int
ae_js_comment(ae_js_lex_t *lex)
{
    unsigned        line;
    unsigned char  *p;

    if (lex->pos[1] == '/') {
        p = memchr(lex->pos, '\n', lex->end - lex->pos);
        lex->pos = (p != NULL) ? p : lex->end;

        return AE_OK;
    }

    line = lex->line;

    for (p = lex->pos + 2; lex->end - p > 1; p++) {

        if (p[0] == '*' && p[1] == '/') {
            lex->pos = p + 2;
            return AE_OK;
        }

        if (*p == '\n') {
            lex->line++;
            lex->newline = 1;
        }
    }

    return ae_js_error(lex, line, "unterminated comment, expected */");
}


int
ae_js_add(ae_js_lex_t *lex, ae_js_type_e type, size_t len)
{
    uint32_t        n;
    ae_js_token_t  *t;

    if (lex->n == lex->allocated) {
        n = lex->allocated ? lex->allocated * 2 : 256;

        t = realloc(lex->tokens, n * sizeof(ae_js_token_t));
        if (t == NULL) {
            return ae_js_error(lex, lex->line, "no memory");
        }

        lex->tokens = t;
        lex->allocated = n;
    }

    t = &lex->tokens[lex->n++];
    memset(t, 0, sizeof(ae_js_token_t));

    t->type = type;
    t->newline = lex->newline;
    t->line = lex->line;
    t->parent = lex->top;
    t->s.data = lex->pos;
    t->s.len = len;

    lex->newline = 0;
    lex->pos += len;

    return AE_OK;
}


static int
ae_js_name(ae_js_lex_t *lex)
{
    ae_js_token_t  *t, *last;

    if (ae_js_add(lex, AE_JS_NAME, ae_js_name_len(lex->pos, lex->end))
        != AE_OK)
    {
        return AE_ERROR;
    }

    t = &lex->tokens[lex->n - 1];
    last = t - 1;

    if (*t->s.data == '#' || (last->type == AE_JS_SIGN && last->sign == '.')) {
        t->property = 1;
        return AE_OK;
    }

    if (ae_js_keyword(t->s)) {
        t->type = AE_JS_KEYWORD;
    }

    if (ae_js_is(t, "class")) {
        lex->tokens[lex->top].in_class = 1;
    }

    return AE_OK;
}


/* escapes, and all but spaces outside of ASCII, count as letters */

static size_t
ae_js_name_len(const unsigned char *p, const unsigned char *end)
{
    int                   newline;
    const unsigned char  *start;

    start = p;

    for ( /* void */ ; p < end; p++) {

        if (ae_js_is_word(*p) || (*p == '#' && p == start)) {
            continue;
        }

        if (*p >= 0x80 && ae_js_wide_space(p, end, &newline) == 0) {
            continue;
        }

        if (*p != '\\' || end - p < 2 || p[1] != 'u') {
            break;
        }

        if (end - p > 2 && p[2] == '{') {
            p += 2;

            while (end - p > 1 && ae_js_is_word(p[1])) {
                p++;
            }

            p += (end - p > 1 && p[1] == '}');
        }
    }

    return p - start;
}


static size_t
ae_js_number_len(const unsigned char *p, const unsigned char *end)
{
    int                   hex;
    const unsigned char  *start;

    start = p;
    hex = (end - p > 1 && (p[1] | 0x20) == 'x');

    for ( /* void */ ; p < end; p++) {

        if (*p == '.' || ae_js_is_word(*p)) {
            continue;
        }

        if ((*p == '+' || *p == '-') && p > start && (p[-1] | 0x20) == 'e'
            && !hex)
        {
            continue;
        }

        break;
    }

    return p - start;
}


static int
ae_js_is_word(unsigned char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9') || ch == '_' || ch == '$';
}


static int
ae_js_string(ae_js_lex_t *lex)
{
    unsigned        lines;
    unsigned char  *p, quote;

    quote = *lex->pos;
    lines = 0;

    for (p = lex->pos + 1; p < lex->end && *p != '\n'; p++) {

        if (*p == quote) {
            if (ae_js_add(lex, AE_JS_VALUE, p + 1 - lex->pos) != AE_OK) {
                return AE_ERROR;
            }

            lex->line += lines;
            return AE_OK;
        }

        if (*p != '\\') {
            continue;
        }

        /* an escaped line end continues the string; it may be CR LF */

        if (lex->end - p > 2 && p[1] == '\r' && p[2] == '\n') {
            p++;
        }

        if (lex->end - p > 1) {
            p++;
            lines += (*p == '\n');
        }
    }

    return ae_js_error(lex, lex->line,
                       (quote == '"') ? "unterminated string, expected \""
                                      : "unterminated string, expected '");
}


/* from ` or from the } of a substitution, to ` or to the next ${ */

int
ae_js_template(ae_js_lex_t *lex, size_t skip)
{
    unsigned        line;
    unsigned char  *p;

    line = lex->line;

    for (p = lex->pos + skip; p < lex->end; p++) {

        if (*p == '\\' && lex->end - p > 1) {
            p++;

        } else if (*p == '`') {
            return ae_js_add(lex, AE_JS_TEMPLATE, p + 1 - lex->pos);

        } else if (*p == '$' && lex->end - p > 1 && p[1] == '{') {
            if (ae_js_add(lex, AE_JS_TEMPLATE, p - lex->pos) != AE_OK) {
                return AE_ERROR;
            }

            return ae_js_sign(lex);
        }

        lex->line += (*p == '\n');
    }

    return ae_js_error(lex, line, "unterminated template literal, "
                       "expected `");
}


/* 0: it has no end in its line, so the slash was no start */

static size_t
ae_js_regex_len(const ae_js_lex_t *lex)
{
    int                   set;
    const unsigned char  *p;

    set = 0;

    for (p = lex->pos + 1; p < lex->end && *p != '\n'; p++) {

        if (*p == '\\') {
            p++;

            if (p == lex->end || *p == '\n') {
                return 0;
            }

        } else if (*p == '[') {
            set = 1;

        } else if (*p == ']') {
            set = 0;

        } else if (*p == '/' && !set) {
            p++;

            while (p < lex->end && *p >= 'a' && *p <= 'z') {
                p++;
            }

            return p - lex->pos;
        }
    }

    return 0;
}


static int
ae_js_error(const ae_js_lex_t *lex, unsigned line, const char *text)
{
    if (lex->err != NULL) {
        lex->err->line = line;
        (void) snprintf(lex->err->text, sizeof(lex->err->text), "%s", text);
    }

    return AE_ERROR;
}
