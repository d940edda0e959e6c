/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * {{define}}, {{block}} and {{template}}.
 */


#include <string.h>

#include "core/text/ae_template.h"


#define AE_TMPL_DEFS  256


static int ae_define_body(ae_parse_t *p, const ae_tok_t *opened,
    ae_str_t name);
static int ae_define_name(ae_parse_t *p, ae_str_t *name);
static ae_tmpl_def_t *ae_define_find(ae_template_t *t, ae_str_t name,
    unsigned *n);


/* {{define "name"}} and {{block "name" pipeline}} */

int
ae_tmpl_define(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    ae_str_t         name;
    ae_tok_t         opened;
    ae_tmpl_node_t  *node;

    opened = p->tok;

    if (ae_tmpl_at(p, "block")) {

        if (ae_tmpl_call(p, last) != AE_OK) {
            return AE_ERROR;
        }

        node = p->calls;

        if (node->pipe == NULL) {
            return ae_tmpl_unexpected(p, "a value for dot");
        }

        name = node->text;

    } else if (p->depth != 0 || p->def != &p->t->main) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "unexpected {{define}}, "
                             "expected it outside of every block");

    } else if (ae_define_name(p, &name) != AE_OK
               || ae_tmpl_right(p) != AE_OK)
    {
        return AE_ERROR;
    }

    return ae_define_body(p, &opened, name);
}


/* {{template "name" pipeline}} */

int
ae_tmpl_call(ae_parse_t *p, ae_tmpl_node_t ***last)
{
    ae_tmpl_node_t  *node;

    node = ae_tmpl_node(p, AE_NODE_CALL, last);
    if (node == NULL || ae_define_name(p, &node->text) != AE_OK) {
        return AE_ERROR;
    }

    node->called = p->calls;
    p->calls = node;

    if (p->tok.type != AE_TOK_RIGHT) {
        node->pipe = ae_tmpl_pipeline(p, "template", 1);
        if (node->pipe == NULL) {
            return AE_ERROR;
        }
    }

    return ae_tmpl_right(p);
}


/* the body of a definition: a scope, loops and a dot of its own */

static int
ae_define_body(ae_parse_t *p, const ae_tok_t *opened, ae_str_t name)
{
    int             rc;
    unsigned        n, base, nvars, loops, element;
    ae_tmpl_def_t  *def, *outer;

    if (ae_define_find(p->t, name, &n) != NULL || n == AE_TMPL_DEFS) {
        return ae_tmpl_error(p->lex.err, opened->line, "template \"%.*s\" is "
                             "defined twice, or is one of more than %d",
                             (int) (name.len < 40 ? name.len : 40),
                             name.data, AE_TMPL_DEFS);
    }

    if (p->depth == AE_TMPL_DEPTH || p->nvars == AE_TMPL_VARS) {
        return ae_tmpl_error(p->lex.err, opened->line, "too many nested "
                             "blocks or variables, expected at most %d, %d",
                             AE_TMPL_DEPTH, AE_TMPL_VARS - 1);
    }

    def = ae_tmpl_alloc(p, sizeof(ae_tmpl_def_t));
    if (def == NULL) {
        return AE_ERROR;
    }

    def->name = name;
    def->nvars = 1;
    def->next = p->t->main.next;
    p->t->main.next = def;

    outer = p->def;
    base = p->base;
    nvars = p->nvars;
    loops = p->loops;
    element = p->element;

    p->def = def;
    p->base = p->nvars;
    p->vars[p->nvars++] = ae_str("$");
    p->loops = 0;
    p->element = 0;
    p->depth++;

    rc = ae_tmpl_body(p, &def->body, opened);

    p->def = outer;
    p->base = base;
    p->nvars = nvars;
    p->loops = loops;
    p->element = element;
    p->depth--;

    if (rc != AE_OK) {
        return AE_ERROR;
    }

    if (!ae_tmpl_at(p, "end")) {
        return ae_tmpl_error(p->lex.err, p->tok.line, "unexpected {{else}}, "
                             "expected {{end}}");
    }

    return ae_tmpl_next(p) == AE_OK ? ae_tmpl_right(p) : AE_ERROR;
}


/* the template's name behind a keyword; goes over it */

static int
ae_define_name(ae_parse_t *p, ae_str_t *name)
{
    ae_tmpl_val_t  v;

    if (ae_tmpl_next(p) != AE_OK) {
        return AE_ERROR;
    }

    if (p->tok.type != AE_TOK_STRING && p->tok.type != AE_TOK_RAW) {
        return ae_tmpl_unexpected(p, "a template's name in quotes");
    }

    if (ae_tmpl_string(p, &v) != AE_OK) {
        return AE_ERROR;
    }

    *name = v.s;

    return ae_tmpl_next(p);
}


/* n: how many there are, if it is not there */

static ae_tmpl_def_t *
ae_define_find(ae_template_t *t, ae_str_t name, unsigned *n)
{
    ae_tmpl_def_t  *def;

    *n = 0;

    for (def = t->main.next; def != NULL; def = def->next) {

        if (def->name.len == name.len
            && memcmp(def->name.data, name.data, name.len) == 0)
        {
            return def;
        }

        (*n)++;
    }

    return NULL;
}


/* a template may be called before it is defined */

int
ae_tmpl_resolve(ae_parse_t *p)
{
    unsigned         n;
    ae_tmpl_node_t  *node;

    for (node = p->calls; node != NULL; node = node->called) {

        node->def = ae_define_find(p->t, node->text, &n);

        if (node->def == NULL) {
            return ae_tmpl_error(p->lex.err, node->line, "unknown template "
                                 "\"%.*s\", expected one that {{define}} "
                                 "names",
                                 (int) (node->text.len < 40 ? node->text.len
                                                            : 40),
                                 node->text.data);
        }
    }

    return AE_OK;
}
