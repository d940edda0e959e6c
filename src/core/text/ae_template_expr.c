/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Pipelines: terms, functions with their arguments, variables.
 */


#include <string.h>

#include "core/text/ae_template.h"


static int ae_expr_declaration(ae_parse_t *p, ae_tmpl_pipe_t *pipe,
    ae_str_t names[2], int range, int *declare);
static int ae_expr_declare(ae_parse_t *p, ae_tmpl_pipe_t *pipe,
    ae_str_t names[2]);
static int ae_expr_lookup(ae_parse_t *p, const ae_tok_t *tok, unsigned *slot);
static int ae_expr_stages(ae_parse_t *p, ae_tmpl_pipe_t *pipe,
    const char *context, int subject);
static ae_tmpl_term_t *ae_expr_command(ae_parse_t *p, const char *context,
    int piped);
static int ae_expr_args(ae_parse_t *p, ae_tmpl_term_t *call);
static int ae_expr_count(ae_parse_t *p, const ae_tmpl_term_t *call,
    unsigned line, int piped);
static ae_tmpl_term_t *ae_expr_term(ae_parse_t *p, const char *context);
static int ae_expr_word(ae_parse_t *p, ae_tmpl_term_t *term);
static int ae_expr_parens(ae_parse_t *p, ae_tmpl_term_t *term);
static int ae_expr_names(ae_parse_t *p, ae_tmpl_term_t *term);
static int ae_expr_name(ae_parse_t *p, ae_tmpl_name_t ***last);
static int ae_expr_whole(const ae_parse_t *p, const ae_tmpl_term_t *term);
static int ae_expr_is_end(const ae_tok_t *tok);
static int ae_expr_is(ae_str_t s, const char *word);


ae_tmpl_pipe_t *
ae_tmpl_pipeline(ae_parse_t *p, const char *context, int subject)
{
    int              range, declare;
    ae_str_t         names[2];
    ae_tmpl_pipe_t  *pipe;

    pipe = ae_tmpl_alloc(p, sizeof(ae_tmpl_pipe_t));
    if (pipe == NULL) {
        return NULL;
    }

    range = (strcmp(context, "range") == 0);
    declare = 0;

    /* inside parentheses nothing is declared */

    if (p->parens == 0
        && ae_expr_declaration(p, pipe, names, range, &declare) != AE_OK)
    {
        return NULL;
    }

    if (ae_expr_stages(p, pipe, context, subject) != AE_OK) {
        return NULL;
    }

    if (declare && ae_expr_declare(p, pipe, names) != AE_OK) {
        return NULL;
    }

    return pipe;
}


/* $x :=, $x =, and for range $i, $x := and $i, $x = */

static int
ae_expr_declaration(ae_parse_t *p, ae_tmpl_pipe_t *pipe, ae_str_t names[2],
    int range, int *declare)
{
    ae_tok_t  tok, vars[2];
    ae_lex_t  lex;
    unsigned  i, n;

    if (p->tok.type != AE_TOK_VAR) {
        return AE_OK;
    }

    lex = p->lex;
    tok = p->tok;

    for (n = 0; n < 2 && p->tok.type == AE_TOK_VAR; /* void */) {

        vars[n] = p->tok;
        names[n++] = p->tok.s;

        if (ae_tmpl_next(p) != AE_OK) {
            return AE_ERROR;
        }

        if (!range || n == 2 || p->tok.type != AE_TOK_COMMA) {
            break;
        }

        if (ae_tmpl_next(p) != AE_OK) {
            return AE_ERROR;
        }

        if (p->tok.type != AE_TOK_VAR) {
            return ae_tmpl_unexpected(p, "a variable behind \",\"");
        }
    }

    if (p->tok.type != AE_TOK_DECLARE && p->tok.type != AE_TOK_ASSIGN) {

        if (n == 2) {
            return ae_tmpl_unexpected(p, "\":=\" or \"=\"");
        }

        /* a term that begins with a variable */

        p->lex = lex;
        p->tok = tok;

        return AE_OK;
    }

    *declare = (p->tok.type == AE_TOK_DECLARE);
    pipe->nvars = n;

    for (i = 0; i < n && !*declare; i++) {
        if (ae_expr_lookup(p, &vars[i], &pipe->slots[i]) != AE_OK) {
            return AE_ERROR;
        }
    }

    return ae_tmpl_next(p);
}


static int
ae_expr_declare(ae_parse_t *p, ae_tmpl_pipe_t *pipe, ae_str_t names[2])
{
    unsigned  i;

    for (i = 0; i < pipe->nvars; i++) {

        if (p->nvars == AE_TMPL_VARS) {
            return ae_tmpl_error(p->lex.err, p->tok.line, "too many "
                                 "variables, expected at most %d in scope",
                                 AE_TMPL_VARS - 1);
        }

        pipe->slots[i] = p->nvars - p->base;
        p->vars[p->nvars++] = names[i];
    }

    if (p->def->nvars < p->nvars - p->base) {
        p->def->nvars = p->nvars - p->base;
    }

    return AE_OK;
}


static int
ae_expr_lookup(ae_parse_t *p, const ae_tok_t *tok, unsigned *slot)
{
    unsigned  i;

    for (i = p->nvars; i-- != p->base; /* void */) {

        if (p->vars[i].len == tok->s.len
            && memcmp(p->vars[i].data, tok->s.data, tok->s.len) == 0)
        {
            *slot = i - p->base;
            return AE_OK;
        }
    }

    return ae_tmpl_error(p->lex.err, tok->line, "undefined variable "
                         "\"%.*s\", expected one that was declared by \":=\"",
                         (int) (tok->s.len < 40 ? tok->s.len : 40),
                         tok->s.data);
}


static int
ae_expr_stages(ae_parse_t *p, ae_tmpl_pipe_t *pipe, const char *context,
    int subject)
{
    ae_tmpl_term_t  *term, **last;

    last = &pipe->stages;

    for ( ;; ) {
        term = ae_expr_command(p, context, last != &pipe->stages);
        if (term == NULL) {
            return AE_ERROR;
        }

        *last = term;
        last = &term->next;

        if (p->tok.type != AE_TOK_PIPE) {
            break;
        }

        context = "|";

        if (ae_tmpl_next(p) != AE_OK) {
            return AE_ERROR;
        }
    }

    /* of what is only made dot, it matters what is taken from it then */

    p->whole = ae_expr_whole(p, pipe->stages);

    if (!subject || pipe->nvars != 0 || pipe->stages->next != NULL) {
        p->t->whole |= p->whole;
        p->whole = 0;
    }

    return AE_OK;
}


/* a term alone, or a function with its arguments */

static ae_tmpl_term_t *
ae_expr_command(ae_parse_t *p, const char *context, int piped)
{
    unsigned         line;
    ae_tok_t         first;
    ae_tmpl_term_t  *term;

    first = p->tok;
    line = p->tok.line;

    term = ae_expr_term(p, context);
    if (term == NULL) {
        return NULL;
    }

    if (term->type == AE_TERM_CALL) {
        if (ae_expr_args(p, term) != AE_OK
            || ae_expr_count(p, term, line, piped) != AE_OK)
        {
            return NULL;
        }

        return term;
    }

    if (piped || (term->type == AE_TERM_CONST && term->value.type == AE_NULL))
    {
        p->tok = first;
        (void) ae_tmpl_unexpected(p, "a function or a value");
        return NULL;
    }

    if (!ae_expr_is_end(&p->tok)) {
        (void) ae_tmpl_unexpected(p, "\"|\" or \"}}\": only a function takes "
                                  "arguments");
        return NULL;
    }

    return term;
}


static int
ae_expr_args(ae_parse_t *p, ae_tmpl_term_t *call)
{
    ae_tmpl_term_t  *term, **last;

    last = &call->args;

    while (!ae_expr_is_end(&p->tok)) {

        /* one more may come through the pipe */

        if (call->nargs + 1 == AE_TMPL_ARGS) {
            return ae_tmpl_error(p->lex.err, p->tok.line, "too many "
                                 "arguments, expected at most %d",
                                 AE_TMPL_ARGS - 1);
        }

        if (!p->tok.space) {
            return ae_tmpl_unexpected(p, "space before an argument");
        }

        term = ae_expr_term(p, "a function");
        if (term == NULL) {
            return AE_ERROR;
        }

        if (term->type == AE_TERM_CALL
            && ae_expr_count(p, term, p->tok.line, 0) != AE_OK)
        {
            return AE_ERROR;
        }

        p->t->whole |= ae_expr_whole(p, term);

        *last = term;
        last = &term->next;

        call->nargs++;
    }

    return AE_OK;
}


static int
ae_expr_count(ae_parse_t *p, const ae_tmpl_term_t *call, unsigned line,
    int piped)
{
    unsigned               n;
    const ae_tmpl_func_t  *func;

    func = call->func;
    n = call->nargs + (piped != 0);

    if (n >= func->min && n <= func->max) {
        return AE_OK;
    }

    return ae_tmpl_error(p->lex.err, line, "wrong number of arguments for "
                         "\"%s\": %u, expected %s%u", func->name.data, n,
                         (func->min != func->max) ? "at least " : "",
                         func->min);
}


static ae_tmpl_term_t *
ae_expr_term(ae_parse_t *p, const char *context)
{
    int              rc;
    ae_tmpl_term_t  *term;

    term = ae_tmpl_alloc(p, sizeof(ae_tmpl_term_t));
    if (term == NULL) {
        return NULL;
    }

    switch (p->tok.type) {

    case AE_TOK_DOT:
    case AE_TOK_FIELD:
        term->type = AE_TERM_DOT;
        rc = AE_OK;
        break;

    case AE_TOK_VAR:
        term->type = AE_TERM_VAR;
        rc = ae_expr_lookup(p, &p->tok, &term->slot);
        break;

    case AE_TOK_STRING:
    case AE_TOK_RAW:
        rc = ae_tmpl_string(p, &term->value);
        break;

    case AE_TOK_CHAR:
        rc = ae_tmpl_char(p, &term->value);
        break;

    case AE_TOK_NUMBER:
        rc = ae_tmpl_number(p, &term->value);
        break;

    case AE_TOK_WORD:
        rc = ae_expr_word(p, term);
        break;

    case AE_TOK_OPEN:
        rc = ae_expr_parens(p, term);
        break;

    default:
        rc = ae_tmpl_error(p->lex.err, p->tok.line, "unexpected \"%.*s\", "
                           "expected a value behind \"%s\"",
                           (int) (p->tok.s.len < 40 ? p->tok.s.len : 40),
                           p->tok.s.data, context);
    }

    if (rc != AE_OK || ae_expr_names(p, term) != AE_OK) {
        return NULL;
    }

    return term;
}


/* a constant's name or a function's */

static int
ae_expr_word(ae_parse_t *p, ae_tmpl_term_t *term)
{
    if (ae_expr_is(p->tok.s, "nil")) {
        return AE_OK;
    }

    if (ae_expr_is(p->tok.s, "true") || ae_expr_is(p->tok.s, "false")) {
        term->value.type = AE_BOOL;
        term->value.boolean = (p->tok.s.len == 4);
        return AE_OK;
    }

    term->type = AE_TERM_CALL;
    term->func = ae_tmpl_func(p->tok.s);

    if (term->func != NULL) {
        return AE_OK;
    }

    if (ae_expr_is(p->tok.s, "slice") || ae_expr_is(p->tok.s, "call")) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "function \"%.*s\" is "
                             "not supported", (int) p->tok.s.len,
                             p->tok.s.data);
    }

    return ae_tmpl_error(p->lex.err, p->tok.line, "unknown function "
                         "\"%.*s\", expected a function, a constant or a "
                         "field with its \".\"",
                         (int) (p->tok.s.len < 40 ? p->tok.s.len : 40),
                         p->tok.s.data);
}


static int
ae_expr_parens(ae_parse_t *p, ae_tmpl_term_t *term)
{
    unsigned  line;

    line = p->tok.line;

    if (p->parens == AE_TMPL_DEPTH) {
        return ae_tmpl_error(p->lex.err, line, "parentheses are nested too "
                             "deep, expected at most %d", AE_TMPL_DEPTH);
    }

    if (ae_tmpl_next(p) != AE_OK) {
        return AE_ERROR;
    }

    p->parens++;

    term->type = AE_TERM_PIPE;
    term->pipe = ae_tmpl_pipeline(p, "(", 0);

    p->parens--;

    if (term->pipe == NULL) {
        return AE_ERROR;
    }

    if (p->tok.type != AE_TOK_CLOSE) {
        return ae_tmpl_unexpected(p, "\")\"");
    }

    return AE_OK;
}


/* goes over the term's token, takes the fields that stick to it */

static int
ae_expr_names(ae_parse_t *p, ae_tmpl_term_t *term)
{
    ae_tok_e         first;
    ae_tmpl_name_t **last;

    last = &term->names;
    first = p->tok.type;

    if (first == AE_TOK_FIELD && ae_expr_name(p, &last) != AE_OK) {
        return AE_ERROR;
    }

    if (ae_tmpl_next(p) != AE_OK) {
        return AE_ERROR;
    }

    while (p->tok.type == AE_TOK_FIELD && !p->tok.space) {

        if (first != AE_TOK_FIELD && first != AE_TOK_VAR
            && first != AE_TOK_CLOSE)
        {
            return ae_tmpl_unexpected(p, "space: no field follows here");
        }

        if (ae_expr_name(p, &last) != AE_OK || ae_tmpl_next(p) != AE_OK) {
            return AE_ERROR;
        }
    }

    return AE_OK;
}


static int
ae_expr_name(ae_parse_t *p, ae_tmpl_name_t ***last)
{
    ae_tmpl_name_t  *name;

    name = ae_tmpl_alloc(p, sizeof(ae_tmpl_name_t));
    if (name == NULL) {
        return AE_ERROR;
    }

    name->s = p->tok.s;
    name->named = p->t->names;
    p->t->names = name;

    **last = name;
    *last = &name->next;

    return AE_OK;
}


/*
 * Is it the root, or all of an event's metadata, as one value: every field may
 * be in what is made of it.
 */

static int
ae_expr_whole(const ae_parse_t *p, const ae_tmpl_term_t *term)
{
    const ae_tmpl_name_t  *name;

    name = term->names;

    if (name == NULL) {
        return (term->type == AE_TERM_DOT && !p->element)
               || (term->type == AE_TERM_VAR && term->slot == 0);
    }

    while (name->next != NULL) {
        name = name->next;
    }

    return ae_expr_is(name->s, "Meta") || ae_expr_is(name->s, "EventMetaData");
}


static int
ae_expr_is_end(const ae_tok_t *tok)
{
    return tok->type == AE_TOK_RIGHT || tok->type == AE_TOK_PIPE
           || tok->type == AE_TOK_CLOSE;
}


static int
ae_expr_is(ae_str_t s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.data, word, s.len) == 0;
}
