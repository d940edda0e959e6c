/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What the files of the template engine share: the lexer's tokens, the tree
 * that the parser makes of them and the values that rendering computes.
 *
 * The semantics are those of Go's text/template over maps and lists, except
 * that no value can end a rendering: where Go would report a wrong type or an
 * index out of range while rendering, the result is nil here.
 */


#ifndef _AE_TEMPLATE_H_INCLUDED_
#define _AE_TEMPLATE_H_INCLUDED_


#include "core/text/text.h"


#define AE_TMPL_TEXT    (1024 * 1024)   /* bytes of a template */
#define AE_TMPL_DEPTH   64              /* open blocks; open parentheses */
#define AE_TMPL_ARGS    32              /* arguments of one function */
#define AE_TMPL_VARS    256             /* variables in scope at once */
#define AE_TMPL_STEPS   100000          /* of one rendering */
#define AE_TMPL_CALLS   256             /* lists being rendered at once */
#define AE_TMPL_STACK   1024            /* variables of all those */
#define AE_TMPL_STEP    256             /* bytes handled for one step */
#define AE_TMPL_MEM     (8 * 1024 * 1024)


/* ---- values ---- */

/* passed by value; strings point into the tree, the template or the arena */

typedef struct {
    ae_type_e                type;          /* AE_NULL: nil, or missing */
    unsigned                 boolean:1;
    unsigned                 integer:1;     /* n is exact */
    unsigned                 json:1;        /* s is JSON text, not to escape */
    unsigned                 html:1;        /* it is escaped for HTML */
    int64_t                  n;
    double                   number;        /* of an integer too */
    ae_str_t                 s;             /* or the number's text, if any */
    const ae_value_t        *node;          /* array, map */
} ae_tmpl_val_t;


/* ---- tokens ---- */

typedef enum {
    AE_TOK_EOF = 0,
    AE_TOK_TEXT,
    AE_TOK_LEFT,                            /* {{ */
    AE_TOK_RIGHT,                           /* }} */
    AE_TOK_WORD,                            /* keyword or function */
    AE_TOK_DOT,
    AE_TOK_FIELD,                           /* s without the dot */
    AE_TOK_VAR,                             /* s with the $ */
    AE_TOK_STRING,                          /* s with the quotes */
    AE_TOK_RAW,
    AE_TOK_CHAR,
    AE_TOK_NUMBER,
    AE_TOK_PIPE,
    AE_TOK_OPEN,
    AE_TOK_CLOSE,
    AE_TOK_COMMA,
    AE_TOK_DECLARE,                         /* := */
    AE_TOK_ASSIGN                           /* = */
} ae_tok_e;


typedef struct {
    ae_tok_e                 type;
    unsigned                 line;
    unsigned                 space:1;       /* there was some before it */
    ae_str_t                 s;
} ae_tok_t;


typedef struct {
    unsigned char           *pos;
    unsigned char           *end;
    unsigned                 line;
    unsigned                 opened;        /* line of the last {{ */
    unsigned                 inside:1;      /* between {{ and }} */
    unsigned                 trim:1;        /* the text that follows */
    ae_error_t              *err;
} ae_lex_t;


/* AE_OK, or AE_ERROR with the error set */
int ae_tmpl_lex(ae_lex_t *lex, ae_tok_t *tok);

/* sets the error and returns AE_ERROR */
int ae_tmpl_error(ae_error_t *err, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


/* ---- tree ---- */

typedef struct ae_tmpl_name_s   ae_tmpl_name_t;
typedef struct ae_tmpl_term_s   ae_tmpl_term_t;
typedef struct ae_tmpl_pipe_s   ae_tmpl_pipe_t;
typedef struct ae_tmpl_node_s   ae_tmpl_node_t;
typedef struct ae_tmpl_def_s    ae_tmpl_def_t;
typedef struct ae_tmpl_exec_s   ae_tmpl_exec_t;


/* result is zeroed; AE_ERROR ends the rendering */
typedef int (*ae_tmpl_call_pt)(ae_tmpl_exec_t *x, ae_tmpl_val_t *args,
    unsigned n, ae_tmpl_val_t *result);


typedef struct {
    ae_str_t                 name;
    unsigned                 min;           /* arguments */
    unsigned                 max;
    ae_tmpl_call_pt          call;          /* NULL: and, or */
} ae_tmpl_func_t;


/* the field names of a chain .A.B */

struct ae_tmpl_name_s {
    ae_str_t                 s;
    ae_tmpl_name_t          *next;
    ae_tmpl_name_t          *named;         /* all names of the template */
};


typedef enum {
    AE_TERM_CONST = 0,
    AE_TERM_DOT,
    AE_TERM_VAR,
    AE_TERM_CALL,
    AE_TERM_PIPE
} ae_term_e;


/* one word of a command: what it starts from, then fields of that */

struct ae_tmpl_term_s {
    ae_term_e                type;
    unsigned                 slot;          /* variable, 0: $ */
    unsigned                 nargs;
    ae_tmpl_val_t            value;
    const ae_tmpl_func_t    *func;
    ae_tmpl_term_t          *args;
    ae_tmpl_pipe_t          *pipe;
    ae_tmpl_name_t          *names;
    ae_tmpl_term_t          *next;          /* argument, or pipeline stage */
};


/* [$a [, $b] :=] stage | stage; each stage but the first is a call */

struct ae_tmpl_pipe_s {
    ae_tmpl_term_t          *stages;
    unsigned                 nvars;
    unsigned                 slots[2];
};


typedef enum {
    AE_NODE_TEXT = 0,
    AE_NODE_ACTION,
    AE_NODE_IF,
    AE_NODE_WITH,
    AE_NODE_RANGE,
    AE_NODE_CALL,                           /* {{template}} */
    AE_NODE_BREAK,
    AE_NODE_CONTINUE
} ae_node_e;


struct ae_tmpl_node_s {
    ae_node_e                type;
    unsigned                 line;
    unsigned                 flips:1;       /* the text ends in another quote
                                               state than it began in */
    ae_str_t                 text;          /* or the called template's name */
    ae_tmpl_pipe_t          *pipe;
    ae_tmpl_node_t          *body;
    ae_tmpl_node_t          *other;         /* else */
    ae_tmpl_node_t          *chain;         /* else if */
    ae_tmpl_def_t           *def;
    ae_tmpl_node_t          *called;        /* all {{template}}s */
    ae_tmpl_node_t          *next;
};


struct ae_tmpl_def_s {
    ae_str_t                 name;
    unsigned                 nvars;         /* most in scope at once, $ too */
    ae_tmpl_node_t          *body;
    ae_tmpl_def_t           *next;
};


struct ae_template_s {
    ae_tmpl_def_t            main;
    ae_tmpl_name_t          *names;
    unsigned                 json:1;
    ae_escape_e              escape;
    unsigned                 whole:1;       /* takes Meta or more as a whole */
};


/* ---- parsing ---- */

typedef struct {
    ae_lex_t                 lex;
    ae_tok_t                 tok;
    ae_arena_t              *arena;
    ae_template_t           *t;
    ae_tmpl_def_t           *def;           /* being parsed */
    ae_tmpl_node_t          *calls;
    unsigned                 base;          /* $ of the template parsed */
    unsigned                 nvars;
    unsigned                 depth;         /* blocks */
    unsigned                 parens;
    unsigned                 loops;
    unsigned                 element:1;     /* dot is surely but a part */
    unsigned                 whole:1;       /* the last subject was not */
    ae_str_t                 vars[AE_TMPL_VARS];
} ae_parse_t;


int ae_tmpl_next(ae_parse_t *p);
int ae_tmpl_unexpected(ae_parse_t *p, const char *expected);
void *ae_tmpl_alloc(ae_parse_t *p, size_t size);

/*
 * Parses a pipeline up to, not over, the token behind it.  context: the word
 * before it, for messages.  subject: is it what {{with}} or {{template}} makes
 * dot.
 */
ae_tmpl_pipe_t *ae_tmpl_pipeline(ae_parse_t *p, const char *context,
    int subject);

/* one of {{define}}, {{block}}, {{template}}, from the word to }} */
int ae_tmpl_define(ae_parse_t *p, ae_tmpl_node_t ***last);
int ae_tmpl_call(ae_parse_t *p, ae_tmpl_node_t ***last);
int ae_tmpl_resolve(ae_parse_t *p);

/* from }} to the word of {{end}} or {{else}} */
int ae_tmpl_body(ae_parse_t *p, ae_tmpl_node_t **list,
    const ae_tok_t *opened);

ae_tmpl_node_t *ae_tmpl_node(ae_parse_t *p, ae_node_e type,
    ae_tmpl_node_t ***last);

/* is the token }}, with the error set if not; is it that word */
int ae_tmpl_right(ae_parse_t *p);
int ae_tmpl_at(const ae_parse_t *p, const char *word);

/* constants, from tokens; AE_ERROR with the error set */
int ae_tmpl_number(ae_parse_t *p, ae_tmpl_val_t *v);
int ae_tmpl_string(ae_parse_t *p, ae_tmpl_val_t *v);
int ae_tmpl_char(ae_parse_t *p, ae_tmpl_val_t *v);


/* ---- rendering ---- */

struct ae_tmpl_exec_s {
    const ae_template_t     *t;
    ae_buf_t                *out;
    ae_buf_t                 scratch;       /* the string being made */
    ae_arena_t              *arena;         /* NULL until it is needed */
    unsigned                 steps;
    unsigned                 lists;
    unsigned                 quoted:1;      /* output is in a JSON string */
    unsigned                 nvars;         /* in all frames */
    ae_tmpl_val_t           *frame;
    ae_tmpl_val_t            dot;
    ae_tmpl_val_t            vars[AE_TMPL_STACK];
};


/* AE_ERROR when all steps are used up; bytes cost AE_TMPL_STEP-th of one */
int ae_tmpl_charge(ae_tmpl_exec_t *x, size_t bytes);

void *ae_tmpl_exec_alloc(ae_tmpl_exec_t *x, size_t size);

ae_tmpl_val_t ae_tmpl_value(const ae_value_t *node);
ae_tmpl_val_t ae_tmpl_int(int64_t n);
int ae_tmpl_truth(const ae_tmpl_val_t *v);

/* by bytes; less than, equal to or greater than 0, as memcmp() */
int ae_tmpl_compare(ae_str_t a, ae_str_t b);

/* the children of a map by name, v->node->count of them; NULL: no memory */
const ae_value_t **ae_tmpl_sorted(ae_tmpl_exec_t *x, const ae_tmpl_val_t *v);

const ae_tmpl_func_t *ae_tmpl_func(ae_str_t name);

/* makes what the scratch buffer holds a string value */
int ae_tmpl_result(ae_tmpl_exec_t *x, ae_tmpl_val_t *result);

/* appends as Go's %v does, nil as nothing; AE_ERROR: steps, memory */
int ae_tmpl_print(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_tmpl_val_t *v);

/* appends a complete JSON value */
void ae_tmpl_json(ae_buf_t *b, const ae_tmpl_val_t *v);

/* append what AE_ESCAPE_HTML and AE_ESCAPE_ADDRESS make of a text */
void ae_tmpl_html(ae_buf_t *b, ae_str_t s);
void ae_tmpl_address(ae_buf_t *b, ae_str_t s);

int ae_tmpl_printf(ae_tmpl_exec_t *x, ae_buf_t *b, ae_tmpl_val_t *args,
    unsigned n);

/* a double as Go prints it; returns the length, at most 32 */
size_t ae_tmpl_double(char *dst, double d);


/* ---- printf ---- */

#define AE_PRINT_WIDTH   1000               /* most for width or precision */


typedef struct {
    unsigned                 minus:1;
    unsigned                 plus:1;
    unsigned                 sharp:1;
    unsigned                 space:1;
    unsigned                 zero:1;
    unsigned                 bad:1;         /* width or precision too large */
    int                      width;
    int                      precision;     /* -1: none */
    int                      verb;          /* 'v': as print does */
    unsigned                 depth;         /* in a list or map */
} ae_print_t;


int ae_print_value(ae_tmpl_exec_t *x, ae_buf_t *b, ae_print_t *f,
    const ae_tmpl_val_t *v);
void ae_print_string(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v);
void ae_print_integer(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v);
void ae_print_real(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v);

/* %!verb(type=value); type=value, f may be NULL; with spaces to the width */
void ae_print_wrong(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v);
void ae_print_typed(ae_tmpl_exec_t *x, ae_buf_t *b, const ae_print_t *f,
    const ae_tmpl_val_t *v);
void ae_print_padded(ae_buf_t *b, const ae_print_t *f, ae_str_t s);

/* one character, escaped when quote is not 0 */
void ae_print_rune(ae_buf_t *b, uint32_t rune, int ascii, int quote);

int ae_print_is(const ae_print_t *f, const char *verbs);


/* ---- UTF-8 (ae_template_utf8.c) ---- */

#define AE_RUNE_BAD     0xfffd

/* bytes of the character at p; *rune is AE_RUNE_BAD and 1 on a wrong byte */
size_t ae_tmpl_rune(const unsigned char *p, const unsigned char *end,
    uint32_t *rune);
size_t ae_tmpl_encode(unsigned char *dst, uint32_t rune);
size_t ae_tmpl_runes(ae_str_t s);

/* is it a letter, mark, number, punctuation, symbol or the space */
int ae_tmpl_graphic(uint32_t rune);


#endif /* _AE_TEMPLATE_H_INCLUDED_ */
