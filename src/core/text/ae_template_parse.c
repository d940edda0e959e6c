/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Text, actions and blocks; the public face of parsing.
 */


#include <string.h>

#include "core/text/ae_template.h"


typedef int (*ae_parse_pt)(ae_parse_t *p, ae_tmpl_node_t ***last);


typedef struct {
    const char              *word;
    ae_parse_pt              parse;         /* NULL: ends a list */
} ae_keyword_t;


static int ae_parse_utf8(ae_str_t text, ae_error_t *err);
static int ae_parse_main(ae_parse_t *p);
static int ae_parse_list(ae_parse_t *p, ae_tmpl_node_t **list);
static int ae_parse_text(ae_parse_t *p, ae_tmpl_node_t ***last);
static int ae_parse_is_cut(ae_str_t s);
static int ae_parse_flips(ae_str_t s);
static int ae_parse_action(ae_parse_t *p, ae_tmpl_node_t ***last);
static int ae_parse_if(ae_parse_t *p, ae_tmpl_node_t ***last);
static int ae_parse_with(ae_parse_t *p, ae_tmpl_node_t ***last);
static int ae_parse_range(ae_parse_t *p, ae_tmpl_node_t ***last);
static int ae_parse_block(ae_parse_t *p, ae_tmpl_node_t ***last,
    ae_node_e type);
static int ae_parse_branch(ae_parse_t *p, ae_tmpl_node_t *node, int *more);
static int ae_parse_jump(ae_parse_t *p, ae_tmpl_node_t ***last);
static const ae_keyword_t *ae_parse_keyword(const ae_tok_t *tok);


static const ae_keyword_t  ae_keywords[] = {
    { "if", ae_parse_if },
    { "with", ae_parse_with },
    { "range", ae_parse_range },
    { "break", ae_parse_jump },
    { "continue", ae_parse_jump },
    { "define", ae_tmpl_define },
    { "block", ae_tmpl_define },
    { "template", ae_tmpl_call },
    { "else", NULL },
    { "end", NULL },
    { NULL, NULL }
};


ae_template_t *
ae_template_parse(ae_arena_t *arena, ae_str_t text, ae_escape_e escape,
    ae_error_t *err)
{
    ae_str_t        copy;
    ae_parse_t      parse;
    ae_template_t  *t;

    if (text.len > AE_TMPL_TEXT) {
        (void) ae_tmpl_error(err, 1, "template of %zu bytes, expected at "
                             "most %d", text.len, AE_TMPL_TEXT);
        return NULL;
    }

    memset(&parse, 0, sizeof(ae_parse_t));

    parse.arena = arena;
    parse.lex.err = err;
    parse.lex.line = 1;

    t = ae_tmpl_alloc(&parse, sizeof(ae_template_t));
    if (t == NULL) {
        return NULL;
    }

    copy = ae_arena_dup(arena, text);
    if (copy.data == NULL) {
        (void) ae_tmpl_error(err, 1, "no memory");
        return NULL;
    }

    if (escape == AE_ESCAPE_JSON && ae_parse_utf8(copy, err) != AE_OK) {
        return NULL;
    }

    t->json = (escape == AE_ESCAPE_JSON);
    t->escape = escape;

    parse.t = t;
    parse.lex.pos = copy.data;
    parse.lex.end = copy.data + copy.len;

    if (ae_parse_main(&parse) != AE_OK) {
        return NULL;
    }

    return t;
}


/*
 * Also true if the root or all metadata are taken as one value, since the
 * field is then in it.
 */

int
ae_template_uses(const ae_template_t *t, const char *field)
{
    size_t                 len;
    const ae_tmpl_name_t  *name;

    if (t->whole) {
        return 1;
    }

    len = strlen(field);

    for (name = t->names; name != NULL; name = name->named) {
        if (name->s.len == len && memcmp(name->s.data, field, len) == 0) {
            return 1;
        }
    }

    return 0;
}


int
ae_tmpl_next(ae_parse_t *p)
{
    return ae_tmpl_lex(&p->lex, &p->tok);
}


int
ae_tmpl_unexpected(ae_parse_t *p, const char *expected)
{
    return ae_tmpl_error(p->lex.err, p->tok.line,
                         "unexpected \"%s%.*s\", expected %s",
                         (p->tok.type == AE_TOK_FIELD) ? "." : "",
                         (int) (p->tok.s.len < 40 ? p->tok.s.len : 40),
                         p->tok.s.data, expected);
}


void *
ae_tmpl_alloc(ae_parse_t *p, size_t size)
{
    void  *mem;

    mem = ae_arena_alloc(p->arena, size);
    if (mem == NULL) {
        (void) ae_tmpl_error(p->lex.err, p->lex.line, "no memory");
    }

    return mem;
}


/* a JSON document is UTF-8, its fixed parts included */

static int
ae_parse_utf8(ae_str_t text, ae_error_t *err)
{
    size_t                size;
    unsigned              line;
    uint32_t              rune;
    const unsigned char  *p, *end;

    p = text.data;
    end = p + text.len;
    line = 1;

    while (p < end) {

        line += (*p == '\n');

        /* the replacement character itself takes three bytes */

        size = ae_tmpl_rune(p, end, &rune);

        if (size == 1 && rune == AE_RUNE_BAD) {
            return ae_tmpl_error(err, line, "wrong byte 0x%02x, expected "
                                 "UTF-8", *p);
        }

        p += size;
    }

    return AE_OK;
}


static int
ae_parse_main(ae_parse_t *p)
{
    p->def = &p->t->main;
    p->def->nvars = 1;

    p->nvars = 1;
    p->vars[0] = ae_str("$");

    if (ae_tmpl_next(p) != AE_OK || ae_parse_list(p, &p->def->body) != AE_OK) {
        return AE_ERROR;
    }

    if (p->tok.type != AE_TOK_EOF) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "unexpected {{%.*s}}, "
                             "expected it in a block", (int) p->tok.s.len,
                             p->tok.s.data);
    }

    return ae_tmpl_resolve(p);
}


/* up to the end, or up to the word of {{end}} or {{else}} */

static int
ae_parse_list(ae_parse_t *p, ae_tmpl_node_t **list)
{
    unsigned             nvars;
    ae_parse_pt          parse;
    const ae_keyword_t  *keyword;

    nvars = p->nvars;

    while (p->tok.type != AE_TOK_EOF) {

        parse = ae_parse_text;

        if (p->tok.type == AE_TOK_LEFT) {

            if (ae_tmpl_next(p) != AE_OK) {
                return AE_ERROR;
            }

            keyword = ae_parse_keyword(&p->tok);
            parse = (keyword != NULL) ? keyword->parse : ae_parse_action;

            if (parse == NULL) {
                break;
            }
        }

        if (parse(p, &list) != AE_OK || ae_tmpl_next(p) != AE_OK) {
            return AE_ERROR;
        }
    }

    p->nvars = nvars;

    return AE_OK;
}


static int
ae_parse_text(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    ae_tmpl_node_t  *node;

    node = ae_tmpl_node(p, AE_NODE_TEXT, last);
    if (node == NULL) {
        return AE_ERROR;
    }

    node->text = p->tok.s;

    if (!p->t->json) {
        return AE_OK;
    }

    if (p->lex.pos < p->lex.end && ae_parse_is_cut(node->text)) {
        return ae_tmpl_error(p->lex.err, p->lex.line, "an action splits an "
                             "escape sequence, expected all of it before "
                             "\"{{\"");
    }

    node->flips = ae_parse_flips(node->text);

    return AE_OK;
}


/*
 * Does the text end within \x or \uxxxx: what is written next would complete
 * it, and a value's escaped quote would end the string.
 */

static int
ae_parse_is_cut(ae_str_t s)
{
    size_t          n;
    unsigned char  *p, *slash;

    for (p = s.data + s.len, n = 0; p > s.data && n < 4; n++) {

        p--;

        if (*p == '\\' || *p == 'u') {
            break;
        }

        if (memchr("0123456789abcdefABCDEF", *p, 22) == NULL) {
            return 0;
        }
    }

    if (p == s.data + s.len || (*p != '\\' && *p != 'u')) {
        return 0;
    }

    if (*p == '\\') {
        if (n != 0) {
            return 0;
        }

        p++;
    }

    for (slash = p; slash > s.data && slash[-1] == '\\'; slash--) {
        /* void */
    }

    return (p - slash) % 2;
}


/* an odd number of quotes; a backslash has a meaning in a string only */

static int
ae_parse_flips(ae_str_t s)
{
    int             flips;
    unsigned char  *p, *end;

    flips = 0;
    end = s.data + s.len;

    for (p = s.data; p < end; p++) {

        if (*p == '\\') {
            p++;

        } else if (*p == '"') {
            flips = !flips;
        }
    }

    return flips;
}


static int
ae_parse_action(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    ae_tmpl_node_t  *node;

    node = ae_tmpl_node(p, AE_NODE_ACTION, last);
    if (node == NULL) {
        return AE_ERROR;
    }

    node->pipe = ae_tmpl_pipeline(p, "{{", 0);
    if (node->pipe == NULL) {
        return AE_ERROR;
    }

    return ae_tmpl_right(p);
}


static int
ae_parse_if(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    return ae_parse_block(p, last, AE_NODE_IF);
}


static int
ae_parse_with(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    return ae_parse_block(p, last, AE_NODE_WITH);
}


static int
ae_parse_range(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    int       rc;
    unsigned  loops;

    loops = p->loops++;
    rc = ae_parse_block(p, last, AE_NODE_RANGE);
    p->loops = loops;

    return rc;
}


/* {{if}} and its {{else if}}s are a chain of nodes, not a nesting */

static int
ae_parse_block(ae_parse_t *p, ae_tmpl_node_t ***last, ae_node_e type)
{
    int              more;
    unsigned         nvars, element;
    ae_tmpl_node_t  *node;

    if (p->depth == AE_TMPL_DEPTH) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "blocks are nested too "
                             "deep, expected at most %d", AE_TMPL_DEPTH);
    }

    nvars = p->nvars;
    element = p->element;

    node = ae_tmpl_node(p, type, last);
    if (node == NULL) {
        return AE_ERROR;
    }

    p->depth++;

    for ( ;; ) {
        if (ae_parse_branch(p, node, &more) != AE_OK) {
            return AE_ERROR;
        }

        p->element = element;

        if (!more) {
            break;
        }

        node->chain = ae_tmpl_alloc(p, sizeof(ae_tmpl_node_t));
        if (node->chain == NULL) {
            return AE_ERROR;
        }

        node = node->chain;
        node->type = type;
        node->line = p->tok.line;
    }

    p->depth--;
    p->nvars = nvars;

    return AE_OK;
}


/* from the keyword to {{end}}, or to the keyword of {{else if}} */

static int
ae_parse_branch(ae_parse_t *p, ae_tmpl_node_t *node, int *more)
{
    unsigned     element;
    ae_tok_t     opened;
    const char  *word;

    word = (node->type == AE_NODE_IF) ? "if"
           : (node->type == AE_NODE_WITH) ? "with" : "range";

    opened = p->tok;
    element = p->element;
    *more = 0;

    if (ae_tmpl_next(p) != AE_OK) {
        return AE_ERROR;
    }

    node->pipe = ae_tmpl_pipeline(p, word, node->type == AE_NODE_WITH);
    if (node->pipe == NULL || ae_tmpl_right(p) != AE_OK) {
        return AE_ERROR;
    }

    if (node->type != AE_NODE_IF) {
        p->element = !p->whole;
    }

    if (ae_tmpl_body(p, &node->body, &opened) != AE_OK) {
        return AE_ERROR;
    }

    p->element = element;

    if (ae_tmpl_at(p, "end")) {
        return ae_tmpl_next(p) == AE_OK ? ae_tmpl_right(p) : AE_ERROR;
    }

    if (ae_tmpl_next(p) != AE_OK) {
        return AE_ERROR;
    }

    if (node->type == AE_NODE_RANGE) {

        /* {{break}} is for what is repeated */

        p->loops--;

    } else if (ae_tmpl_at(p, word)) {
        *more = 1;
        return AE_OK;
    }

    if (ae_tmpl_right(p) != AE_OK
        || ae_tmpl_body(p, &node->other, &opened) != AE_OK)
    {
        return AE_ERROR;
    }

    if (!ae_tmpl_at(p, "end")) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "unexpected second "
                             "{{else}}, expected {{end}}");
    }

    return ae_tmpl_next(p) == AE_OK ? ae_tmpl_right(p) : AE_ERROR;
}


int
ae_tmpl_body(ae_parse_t *p, ae_tmpl_node_t **list, const ae_tok_t *opened)
{
    if (ae_tmpl_next(p) != AE_OK || ae_parse_list(p, list) != AE_OK) {
        return AE_ERROR;
    }

    if (p->tok.type == AE_TOK_EOF) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "unexpected end, "
                             "expected {{end}} of {{%.*s}} in line %u",
                             (int) opened->s.len, opened->s.data,
                             opened->line);
    }

    return AE_OK;
}


static int
ae_parse_jump(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    int  is_break;

    is_break = ae_tmpl_at(p, "break");

    if (p->loops == 0) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "unexpected {{%.*s}}, "
                             "expected it in {{range}}", (int) p->tok.s.len,
                             p->tok.s.data);
    }

    if (ae_tmpl_node(p, is_break ? AE_NODE_BREAK : AE_NODE_CONTINUE, last)
        == NULL)
    {
        return AE_ERROR;
    }

    return ae_tmpl_next(p) == AE_OK ? ae_tmpl_right(p) : AE_ERROR;
}


/* it is not gone over, since the text behind may be long */

int
ae_tmpl_right(ae_parse_t *p)
{
    if (p->tok.type != AE_TOK_RIGHT) {
        return ae_tmpl_unexpected(p, "\"}}\"");
    }

    return AE_OK;
}


ae_tmpl_node_t *
ae_tmpl_node(ae_parse_t *p, ae_node_e type, ae_tmpl_node_t ***last)
{
    ae_tmpl_node_t  *node;

    node = ae_tmpl_alloc(p, sizeof(ae_tmpl_node_t));
    if (node == NULL) {
        return NULL;
    }

    node->type = type;
    node->line = p->tok.line;

    **last = node;
    *last = &node->next;

    return node;
}


static const ae_keyword_t *
ae_parse_keyword(const ae_tok_t *tok)
{
    const ae_keyword_t  *keyword;

    if (tok->type != AE_TOK_WORD) {
        return NULL;
    }

    for (keyword = ae_keywords; keyword->word != NULL; keyword++) {
        if (tok->s.len == strlen(keyword->word)
            && memcmp(tok->s.data, keyword->word, tok->s.len) == 0)
        {
            return keyword;
        }
    }

    return NULL;
}


int
ae_tmpl_at(const ae_parse_t *p, const char *word)
{
    return p->tok.type == AE_TOK_WORD && p->tok.s.len == strlen(word)
           && memcmp(p->tok.s.data, word, p->tok.s.len) == 0;
}
