/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Text, and the tokens between {{ and }}.  Comments and what the trim markers
 * cut off never leave the lexer.
 */


#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/text/ae_template.h"


typedef struct {
    unsigned char            ch;
    ae_tok_e                 type;
} ae_lex_sign_t;


static int ae_lex_text(ae_lex_t *lex, ae_tok_t *tok);
static int ae_lex_comment(ae_lex_t *lex, int *found);
static int ae_lex_inside(ae_lex_t *lex, ae_tok_t *tok);
static int ae_lex_token(ae_lex_t *lex, ae_tok_t *tok);
static void ae_lex_dot(ae_lex_t *lex, ae_tok_t *tok, unsigned char next);
static int ae_lex_right(ae_lex_t *lex, int space);
static int ae_lex_quoted(ae_lex_t *lex, ae_tok_t *tok, ae_tok_e type);
static int ae_lex_raw(ae_lex_t *lex, ae_tok_t *tok);
static void ae_lex_word(ae_lex_t *lex, ae_tok_t *tok, ae_tok_e type,
    size_t skip);
static void ae_lex_number(ae_lex_t *lex, ae_tok_t *tok);
static void ae_lex_take(ae_lex_t *lex, ae_tok_t *tok, ae_tok_e type,
    size_t len);
static int ae_lex_skip(ae_lex_t *lex);
static unsigned ae_lex_lines(const unsigned char *p,
    const unsigned char *end);
static int ae_lex_at(const ae_lex_t *lex, const char *s);
static int ae_lex_is_space(unsigned char ch);
static int ae_lex_is_letter(unsigned char ch);
static int ae_lex_is_digit(unsigned char ch);


static const ae_lex_sign_t  ae_lex_signs[] = {
    { '|', AE_TOK_PIPE },
    { '(', AE_TOK_OPEN },
    { ')', AE_TOK_CLOSE },
    { ',', AE_TOK_COMMA },
    { '=', AE_TOK_ASSIGN },
    { '\0', AE_TOK_EOF }
};


int
ae_tmpl_lex(ae_lex_t *lex, ae_tok_t *tok)
{
    if (lex->inside) {
        return ae_lex_inside(lex, tok);
    }

    return ae_lex_text(lex, tok);
}


/* excerpts of the template end up in a log: only printable ASCII leaves */

int
ae_tmpl_error(ae_error_t *err, unsigned line, const char *fmt, ...)
{
    char     *p;
    va_list   args;

    if (err == NULL) {
        return AE_ERROR;
    }

    err->line = line;

    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    for (p = err->text; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }

    return AE_ERROR;
}


static int
ae_lex_text(ae_lex_t *lex, ae_tok_t *tok)
{
    int             found;
    unsigned char  *p, *start, *last;

    for ( ;; ) {
        start = lex->pos;
        p = memmem(start, lex->end - start, "{{", 2);
        last = (p != NULL) ? p : lex->end;

        tok->line = lex->line;
        lex->line += ae_lex_lines(start, last);
        lex->pos = last;

        if (lex->trim) {
            while (start < last && ae_lex_is_space(*start)) {
                tok->line += (*start++ == '\n');
            }
        }

        lex->trim = 0;

        if (p != NULL && lex->end - p > 3 && p[2] == '-'
            && ae_lex_is_space(p[3]))
        {
            while (last > start && ae_lex_is_space(last[-1])) {
                last--;
            }
        }

        tok->type = AE_TOK_TEXT;
        tok->space = 0;
        tok->s.data = start;
        tok->s.len = last - start;

        if (tok->s.len != 0) {
            return AE_OK;
        }

        if (p == NULL) {
            tok->type = AE_TOK_EOF;
            return AE_OK;
        }

        if (ae_lex_comment(lex, &found) != AE_OK) {
            return AE_ERROR;
        }

        if (!found) {
            lex->inside = 1;
            tok->type = AE_TOK_LEFT;
            tok->s.data = p;
            tok->s.len = 2;
            return AE_OK;
        }
    }
}


/* goes over {{, its trim marker, and a comment with all that belongs to it */

static int
ae_lex_comment(ae_lex_t *lex, int *found)
{
    int             space;
    unsigned char  *p;

    lex->opened = lex->line;
    lex->pos += 2;

    if (lex->end - lex->pos > 1 && lex->pos[0] == '-'
        && ae_lex_is_space(lex->pos[1]))
    {
        lex->pos++;
    }

    (void) ae_lex_skip(lex);

    *found = ae_lex_at(lex, "/*");

    if (!*found) {

        /* what was skipped counts as space before the first token */

        return AE_OK;
    }

    p = memmem(lex->pos + 2, lex->end - lex->pos - 2, "*/", 2);
    if (p == NULL) {
        return ae_tmpl_error(lex->err, lex->opened,
                             "unclosed comment, expected \"*/}}\"");
    }

    lex->line += ae_lex_lines(lex->pos, p);
    lex->pos = p + 2;

    space = ae_lex_skip(lex);

    if (!ae_lex_right(lex, space)) {
        return ae_tmpl_error(lex->err, lex->line,
                             "expected \"}}\" behind the comment's end");
    }

    return AE_OK;
}


static int
ae_lex_inside(ae_lex_t *lex, ae_tok_t *tok)
{
    tok->space = ae_lex_skip(lex);
    tok->line = lex->line;
    tok->s.data = lex->pos;
    tok->s.len = 0;

    if (ae_lex_right(lex, tok->space)) {
        lex->inside = 0;
        tok->type = AE_TOK_RIGHT;
        tok->s.len = 2;
        return AE_OK;
    }

    if (lex->pos == lex->end) {
        return ae_tmpl_error(lex->err, lex->opened,
                             "unclosed action, expected \"}}\"");
    }

    return ae_lex_token(lex, tok);
}


static int
ae_lex_token(ae_lex_t *lex, ae_tok_t *tok)
{
    unsigned char         ch, next;
    const ae_lex_sign_t  *p;

    ch = lex->pos[0];
    next = (lex->end - lex->pos > 1) ? lex->pos[1] : 0;

    switch (ch) {

    case '"':
        return ae_lex_quoted(lex, tok, AE_TOK_STRING);

    case '\'':
        return ae_lex_quoted(lex, tok, AE_TOK_CHAR);

    case '`':
        return ae_lex_raw(lex, tok);

    case '$':
        ae_lex_word(lex, tok, AE_TOK_VAR, 1);
        return AE_OK;

    case '.':
        ae_lex_dot(lex, tok, next);
        return AE_OK;

    case ':':
        if (next != '=') {
            return ae_tmpl_error(lex->err, lex->line, "expected \":=\"");
        }

        ae_lex_take(lex, tok, AE_TOK_DECLARE, 2);
        return AE_OK;
    }

    for (p = ae_lex_signs; p->ch != '\0'; p++) {
        if (p->ch == ch) {
            ae_lex_take(lex, tok, p->type, 1);
            return AE_OK;
        }
    }

    if (ae_lex_is_digit(ch)
        || ((ch == '-' || ch == '+')
            && (ae_lex_is_digit(next) || next == '.')))
    {
        ae_lex_number(lex, tok);
        return AE_OK;
    }

    if (ae_lex_is_letter(ch)) {
        ae_lex_word(lex, tok, AE_TOK_WORD, 1);
        return AE_OK;
    }

    return ae_tmpl_error(lex->err, lex->line, "unexpected \"%c\" in an "
                         "action, expected a value or \"}}\"", ch);
}


/* a field, a number or the dot itself */

static void
ae_lex_dot(ae_lex_t *lex, ae_tok_t *tok, unsigned char next)
{
    if (ae_lex_is_letter(next)) {
        ae_lex_word(lex, tok, AE_TOK_FIELD, 1);
        tok->s.data++;
        tok->s.len--;

    } else if (ae_lex_is_digit(next)) {
        ae_lex_number(lex, tok);

    } else {
        ae_lex_take(lex, tok, AE_TOK_DOT, 1);
    }
}


/* the right delimiter: }}, or a trim marker behind space and }} */

static int
ae_lex_right(ae_lex_t *lex, int space)
{
    if (ae_lex_at(lex, "}}")) {
        lex->pos += 2;
        lex->trim = 0;
        return 1;
    }

    if (space && ae_lex_at(lex, "-}}")) {
        lex->pos += 3;
        lex->trim = 1;
        return 1;
    }

    return 0;
}


static int
ae_lex_quoted(ae_lex_t *lex, ae_tok_t *tok, ae_tok_e type)
{
    unsigned char  *p;

    for (p = lex->pos + 1; p < lex->end && *p != '\n'; p++) {

        if (*p == *lex->pos) {
            ae_lex_take(lex, tok, type, p + 1 - lex->pos);
            return AE_OK;
        }

        if (*p == '\\' && lex->end - p > 1 && p[1] != '\n') {
            p++;
        }
    }

    return ae_tmpl_error(lex->err, lex->line, "unterminated %s, expected %c",
                         (type == AE_TOK_CHAR) ? "character constant"
                                               : "quoted string",
                         *lex->pos);
}


static int
ae_lex_raw(ae_lex_t *lex, ae_tok_t *tok)
{
    unsigned char  *p;

    p = memchr(lex->pos + 1, '`', lex->end - lex->pos - 1);
    if (p == NULL) {
        return ae_tmpl_error(lex->err, lex->line,
                             "unterminated raw string, expected `");
    }

    lex->line += ae_lex_lines(lex->pos, p);
    ae_lex_take(lex, tok, AE_TOK_RAW, p + 1 - lex->pos);

    return AE_OK;
}


/* skip: bytes in front of the letters and digits */

static void
ae_lex_word(ae_lex_t *lex, ae_tok_t *tok, ae_tok_e type, size_t skip)
{
    unsigned char  *p;

    p = lex->pos + skip;

    while (p < lex->end && (ae_lex_is_letter(*p) || ae_lex_is_digit(*p))) {
        p++;
    }

    ae_lex_take(lex, tok, type, p - lex->pos);
}


/* takes all that looks like a part of it: 1.2.3 is one wrong number */

static void
ae_lex_number(ae_lex_t *lex, ae_tok_t *tok)
{
    int             hex;
    unsigned char  *p, last;

    p = lex->pos + 1;
    last = *lex->pos;
    hex = 0;

    while (p < lex->end) {

        if (*p == '+' || *p == '-') {
            last |= 0x20;

            if (last != 'p' && (last != 'e' || hex)) {
                break;
            }

        } else if (*p != '.' && !ae_lex_is_letter(*p)
                   && !ae_lex_is_digit(*p))
        {
            break;
        }

        last = *p++;
        hex |= (last == 'x' || last == 'X');
    }

    ae_lex_take(lex, tok, AE_TOK_NUMBER, p - lex->pos);
}


static void
ae_lex_take(ae_lex_t *lex, ae_tok_t *tok, ae_tok_e type, size_t len)
{
    tok->type = type;
    tok->s.data = lex->pos;
    tok->s.len = len;

    lex->pos += len;
}


static int
ae_lex_skip(ae_lex_t *lex)
{
    unsigned char  *start;

    start = lex->pos;

    while (lex->pos < lex->end && ae_lex_is_space(*lex->pos)) {
        lex->line += (*lex->pos++ == '\n');
    }

    return lex->pos != start;
}


static unsigned
ae_lex_lines(const unsigned char *p, const unsigned char *end)
{
    unsigned  n;

    n = 0;

    while (p < end) {
        n += (*p++ == '\n');
    }

    return n;
}


static int
ae_lex_at(const ae_lex_t *lex, const char *s)
{
    size_t  len;

    len = strlen(s);

    return (size_t) (lex->end - lex->pos) >= len
           && memcmp(lex->pos, s, len) == 0;
}


static int
ae_lex_is_space(unsigned char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}


/* names may be in any script: every byte of a multibyte character will do */

static int
ae_lex_is_letter(unsigned char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_'
           || ch >= 0x80;
}


static int
ae_lex_is_digit(unsigned char ch)
{
    return ch >= '0' && ch <= '9';
}
