/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The tokens of a JavaScript text, between the files of the script scanner.
 */


#ifndef _AE_SCRIPT_H_INCLUDED_
#define _AE_SCRIPT_H_INCLUDED_


#include "core/text/text.h"


#define AE_SCRIPT_TEXT  (1024 * 1024)       /* bytes of a script */


typedef enum {
    AE_JS_END = 0,                          /* also the text as a whole */
    AE_JS_NAME,
    AE_JS_KEYWORD,
    AE_JS_VALUE,                            /* number, string, regex */
    AE_JS_TEMPLATE,                         /* the literal, up to ${ or ` */
    AE_JS_SIGN
} ae_js_type_e;


/*
 * The signs that matter by themselves are the ASCII characters; the others:
 */

#define AE_JS_ASSIGN    'A'                 /* += and the like */
#define AE_JS_STEP      'S'                 /* ++ -- */
#define AE_JS_ARROW     'R'
#define AE_JS_SPREAD    'E'
#define AE_JS_SUBST     '$'                 /* ${ in a template literal */
#define AE_JS_OTHER     'O'


/* what braces are around */

#define AE_JS_BLOCK     0
#define AE_JS_OBJECT    1
#define AE_JS_CLASS     2
#define AE_JS_BODY      3                   /* of a function that is a value */


typedef struct {
    ae_js_type_e             type;
    unsigned char            sign;
    unsigned                 newline:1;     /* there is one before it */
    unsigned                 property:1;    /* behind a dot */
    unsigned                 ternary:1;     /* a colon that belongs to a ? */
    unsigned                 in_class:1;    /* its braces are still to come */
    unsigned                 braces:2;
    unsigned                 declared:1;
    unsigned                 assigned:1;
    unsigned                 line;
    uint32_t                 questions;     /* inside: ? without its colon */
    uint32_t                 parent;        /* the innermost open bracket */
    uint32_t                 match;         /* the other bracket, 0: none */
    ae_str_t                 s;
} ae_js_token_t;


typedef struct {
    unsigned char           *pos;
    unsigned char           *end;
    unsigned                 line;
    unsigned                 newline:1;
    uint32_t                 top;           /* the innermost open bracket */
    uint32_t                 n;
    uint32_t                 allocated;
    ae_js_token_t           *tokens;
    ae_error_t              *err;
} ae_js_lex_t;


/*
 * Tokens from 1; the one before and the one behind them are AE_JS_END.  To be
 * freed with free(); NULL with the error set.
 */
ae_js_token_t *ae_js_tokens(ae_str_t text, uint32_t *n, ae_error_t *err);

int ae_js_keyword(ae_str_t name);

/* can an operator follow the token, can an operand */
int ae_js_is_value(const ae_js_token_t *tokens, uint32_t i);

int ae_js_is(const ae_js_token_t *token, const char *text);

/* for the lexer's own use: the sign at pos, a token, a template's next part */
int ae_js_sign(ae_js_lex_t *lex);
int ae_js_add(ae_js_lex_t *lex, ae_js_type_e type, size_t len);
int ae_js_template(ae_js_lex_t *lex, size_t skip);


#endif /* _AE_SCRIPT_H_INCLUDED_ */
