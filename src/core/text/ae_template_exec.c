/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Rendering.  Whether the output stands in a JSON string is known from the
 * text written so far: a value never changes it, since it is written escaped,
 * and every piece of text knows if it has an odd number of quotes.  So the
 * branches of an {{if}} may well differ in that.
 */


#include <string.h>

#include "core/text/ae_template.h"


#define AE_TMPL_BREAK     1
#define AE_TMPL_CONTINUE  2

#define AE_TMPL_MEMBER    16                /* bytes' worth of a comparison */


static int ae_exec_def(ae_tmpl_exec_t *x, const ae_tmpl_def_t *def,
    const ae_tmpl_val_t *dot);
static int ae_exec_list(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node);
static int ae_exec_node(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node);
static int ae_exec_text(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node);
static int ae_exec_action(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node);
static int ae_exec_emit(ae_tmpl_exec_t *x, const ae_tmpl_val_t *v);
static void ae_exec_escape(ae_tmpl_exec_t *x, ae_str_t s);
static int ae_exec_branch(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node);
static int ae_exec_range(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node);
static int ae_exec_array(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node,
    const ae_tmpl_val_t *v);
static int ae_exec_map(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node,
    const ae_tmpl_val_t *v);
static int ae_exec_count(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node,
    int64_t n);
static int ae_exec_round(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node,
    const ae_tmpl_val_t *key, const ae_tmpl_val_t *value);
static int ae_exec_call(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node);
static int ae_exec_pipe(ae_tmpl_exec_t *x, const ae_tmpl_pipe_t *pipe,
    ae_tmpl_val_t *v);
static int ae_exec_term(ae_tmpl_exec_t *x, const ae_tmpl_term_t *term,
    const ae_tmpl_val_t *piped, ae_tmpl_val_t *v);
static int ae_exec_field(ae_tmpl_exec_t *x, ae_str_t name, ae_tmpl_val_t *v);
static int ae_exec_func(ae_tmpl_exec_t *x, const ae_tmpl_term_t *term,
    const ae_tmpl_val_t *piped, ae_tmpl_val_t *v);
static int ae_exec_logic(ae_tmpl_exec_t *x, const ae_tmpl_term_t *term,
    const ae_tmpl_val_t *piped, ae_tmpl_val_t *v);


int
ae_template_render(const ae_template_t *t, const ae_value_t *root,
    ae_buf_t *out)
{
    int             rc;
    ae_tmpl_val_t   dot;
    ae_tmpl_exec_t  x;

    /* the frames are zeroed one by one */

    memset(&x, 0, offsetof(ae_tmpl_exec_t, vars));

    x.t = t;
    x.out = out;

    ae_buf_init(&x.scratch, AE_TMPL_MEM);

    dot = ae_tmpl_value(root);
    rc = ae_exec_def(&x, &t->main, &dot);

    ae_buf_free(&x.scratch);
    ae_arena_destroy(x.arena);

    return (rc == AE_OK && !out->failed) ? AE_OK : AE_ERROR;
}


int
ae_tmpl_charge(ae_tmpl_exec_t *x, size_t bytes)
{
    x->steps += 1 + bytes / AE_TMPL_STEP;

    return (x->steps > AE_TMPL_STEPS) ? AE_ERROR : AE_OK;
}


/* most renderings compute nothing that has to be kept */

void *
ae_tmpl_exec_alloc(ae_tmpl_exec_t *x, size_t size)
{
    if (x->arena == NULL) {
        x->arena = ae_arena_create(AE_TMPL_MEM);
        if (x->arena == NULL) {
            return NULL;
        }
    }

    return ae_arena_alloc(x->arena, size);
}


static int
ae_exec_def(ae_tmpl_exec_t *x, const ae_tmpl_def_t *def,
    const ae_tmpl_val_t *dot)
{
    int             rc;
    ae_tmpl_val_t   saved, *frame;

    if (def->nvars > AE_TMPL_STACK - x->nvars) {
        return AE_ERROR;
    }

    saved = x->dot;
    frame = x->frame;

    x->dot = *dot;
    x->frame = &x->vars[x->nvars];
    x->nvars += def->nvars;

    memset(x->frame, 0, def->nvars * sizeof(ae_tmpl_val_t));
    x->frame[0] = *dot;

    rc = ae_exec_list(x, def->body);

    x->nvars -= def->nvars;
    x->frame = frame;
    x->dot = saved;

    return rc;
}


/* also AE_TMPL_BREAK, AE_TMPL_CONTINUE: for the range around it */

static int
ae_exec_list(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node)
{
    int  rc;

    if (x->lists == AE_TMPL_CALLS) {
        return AE_ERROR;
    }

    x->lists++;
    rc = AE_OK;

    for ( /* void */ ; node != NULL && rc == AE_OK; node = node->next) {

        rc = ae_tmpl_charge(x, 0);

        if (rc == AE_OK) {
            rc = ae_exec_node(x, node);
        }
    }

    x->lists--;

    return rc;
}


static int
ae_exec_node(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node)
{
    switch (node->type) {

    case AE_NODE_TEXT:
        return ae_exec_text(x, node);

    case AE_NODE_ACTION:
        return ae_exec_action(x, node);

    case AE_NODE_IF:
    case AE_NODE_WITH:
        return ae_exec_branch(x, node);

    case AE_NODE_RANGE:
        return ae_exec_range(x, node);

    case AE_NODE_CALL:
        return ae_exec_call(x, node);

    case AE_NODE_BREAK:
        return AE_TMPL_BREAK;

    default: /* AE_NODE_CONTINUE */
        return AE_TMPL_CONTINUE;
    }
}


static int
ae_exec_text(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node)
{
    ae_buf_put(x->out, node->text.data, node->text.len);

    if (x->out->failed) {
        return AE_ERROR;
    }

    x->quoted ^= node->flips;

    return ae_tmpl_charge(x, node->text.len);
}


static int
ae_exec_action(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node)
{
    ae_tmpl_val_t  v;

    if (ae_exec_pipe(x, node->pipe, &v) != AE_OK) {
        return AE_ERROR;
    }

    if (node->pipe->nvars != 0) {
        return AE_OK;
    }

    return ae_exec_emit(x, &v);
}


/* writes a value, escaped for where it stands */

static int
ae_exec_emit(ae_tmpl_exec_t *x, const ae_tmpl_val_t *v)
{
    size_t    len;
    ae_str_t  s;

    len = x->out->len;

    if (x->t->escape == AE_ESCAPE_NONE
        || (x->t->escape == AE_ESCAPE_HTML && v->html))
    {
        if (ae_tmpl_print(x, x->out, v) != AE_OK) {
            return AE_ERROR;
        }

    } else if (x->t->json && !x->quoted) {
        ae_tmpl_json(x->out, v);

    } else {
        s = v->s;

        if (v->type != AE_STRING) {
            x->scratch.len = 0;

            if (ae_tmpl_print(x, &x->scratch, v) != AE_OK) {
                return AE_ERROR;
            }

            s.data = x->scratch.data;
            s.len = x->scratch.len;
        }

        ae_exec_escape(x, s);
    }

    if (x->out->failed) {
        return AE_ERROR;
    }

    return ae_tmpl_charge(x, x->out->len - len);
}


static void
ae_exec_escape(ae_tmpl_exec_t *x, ae_str_t s)
{
    switch (x->t->escape) {

    case AE_ESCAPE_HTML:
        ae_tmpl_html(x->out, s);
        break;

    case AE_ESCAPE_ADDRESS:
        ae_tmpl_address(x->out, s);
        break;

    default: /* AE_ESCAPE_JSON */
        ae_json_escape(x->out, s, 0);
        break;
    }
}


/* {{if}} and {{with}}, with their chains of {{else if}}s */

static int
ae_exec_branch(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node)
{
    int            rc;
    ae_tmpl_val_t  v, dot;

    for ( ;; ) {
        if (ae_tmpl_charge(x, 0) != AE_OK
            || ae_exec_pipe(x, node->pipe, &v) != AE_OK)
        {
            return AE_ERROR;
        }

        if (ae_tmpl_truth(&v)) {
            break;
        }

        if (node->chain == NULL) {
            return ae_exec_list(x, node->other);
        }

        node = node->chain;
    }

    dot = x->dot;

    if (node->type == AE_NODE_WITH) {
        x->dot = v;
    }

    rc = ae_exec_list(x, node->body);

    x->dot = dot;

    return rc;
}


static int
ae_exec_range(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node)
{
    int            rc;
    ae_tmpl_val_t  v, dot;

    if (ae_exec_pipe(x, node->pipe, &v) != AE_OK) {
        return AE_ERROR;
    }

    dot = x->dot;

    if (v.type == AE_ARRAY && v.node->first != NULL) {
        rc = ae_exec_array(x, node, &v);

    } else if (v.type == AE_MAP && v.node->first != NULL) {
        rc = ae_exec_map(x, node, &v);

    } else if (v.type == AE_NUMBER && v.integer && v.n > 0) {
        rc = ae_exec_count(x, node, v.n);

    } else {
        return ae_exec_list(x, node->other);
    }

    x->dot = dot;

    return (rc == AE_TMPL_BREAK) ? AE_OK : rc;
}


static int
ae_exec_array(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node,
    const ae_tmpl_val_t *v)
{
    int                rc;
    int64_t            i;
    ae_tmpl_val_t      key, value;
    const ae_value_t  *child;

    rc = AE_OK;

    for (i = 0, child = v->node->first;
         child != NULL && rc == AE_OK;
         i++, child = child->next)
    {
        key = ae_tmpl_int(i);
        value = ae_tmpl_value(child);

        rc = ae_exec_round(x, node, &key, &value);
    }

    return rc;
}


static int
ae_exec_map(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node,
    const ae_tmpl_val_t *v)
{
    int                 rc;
    uint32_t            i;
    ae_tmpl_val_t       key, value;
    const ae_value_t  **children;

    children = ae_tmpl_sorted(x, v);
    if (children == NULL) {
        return AE_ERROR;
    }

    memset(&key, 0, sizeof(ae_tmpl_val_t));
    key.type = AE_STRING;
    rc = AE_OK;

    for (i = 0; i < v->node->count && rc == AE_OK; i++) {
        key.s = children[i]->name;
        value = ae_tmpl_value(children[i]);

        rc = ae_exec_round(x, node, &key, &value);
    }

    return rc;
}


/* over the numbers below n, as newer Go versions have it */

static int
ae_exec_count(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node, int64_t n)
{
    int            rc;
    int64_t        i;
    ae_tmpl_val_t  value;

    rc = AE_OK;

    for (i = 0; i < n && rc == AE_OK; i++) {
        value = ae_tmpl_int(i);
        rc = ae_exec_round(x, node, &value, &value);
    }

    return rc;
}


/* one turn of a range */

static int
ae_exec_round(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node,
    const ae_tmpl_val_t *key, const ae_tmpl_val_t *value)
{
    int                    rc;
    const ae_tmpl_pipe_t  *pipe;

    if (ae_tmpl_charge(x, 0) != AE_OK) {
        return AE_ERROR;
    }

    pipe = node->pipe;

    if (pipe->nvars == 2) {
        x->frame[pipe->slots[0]] = *key;
    }

    if (pipe->nvars != 0) {
        x->frame[pipe->slots[pipe->nvars - 1]] = *value;
    }

    x->dot = *value;

    rc = ae_exec_list(x, node->body);

    return (rc == AE_TMPL_CONTINUE) ? AE_OK : rc;
}


static int
ae_exec_call(ae_tmpl_exec_t *x, const ae_tmpl_node_t *node)
{
    ae_tmpl_val_t  dot;

    memset(&dot, 0, sizeof(ae_tmpl_val_t));

    if (node->pipe != NULL && ae_exec_pipe(x, node->pipe, &dot) != AE_OK) {
        return AE_ERROR;
    }

    return ae_exec_def(x, node->def, &dot);
}


static int
ae_exec_pipe(ae_tmpl_exec_t *x, const ae_tmpl_pipe_t *pipe, ae_tmpl_val_t *v)
{
    ae_tmpl_val_t          piped;
    const ae_tmpl_term_t  *stage;

    stage = pipe->stages;

    if (ae_exec_term(x, stage, NULL, v) != AE_OK) {
        return AE_ERROR;
    }

    for (stage = stage->next; stage != NULL; stage = stage->next) {
        piped = *v;

        if (ae_exec_term(x, stage, &piped, v) != AE_OK) {
            return AE_ERROR;
        }
    }

    /* range sets two, and one only when it has an element */

    if (pipe->nvars == 1) {
        x->frame[pipe->slots[0]] = *v;
    }

    return AE_OK;
}


static int
ae_exec_term(ae_tmpl_exec_t *x, const ae_tmpl_term_t *term,
    const ae_tmpl_val_t *piped, ae_tmpl_val_t *v)
{
    int                    rc;
    const ae_tmpl_name_t  *name;

    rc = ae_tmpl_charge(x, 0);
    if (rc != AE_OK) {
        return AE_ERROR;
    }

    switch (term->type) {

    case AE_TERM_CONST:
        *v = term->value;
        break;

    case AE_TERM_DOT:
        *v = x->dot;
        break;

    case AE_TERM_VAR:
        *v = x->frame[term->slot];
        break;

    case AE_TERM_CALL:
        rc = ae_exec_func(x, term, piped, v);
        break;

    case AE_TERM_PIPE:
        rc = ae_exec_pipe(x, term->pipe, v);
        break;
    }

    for (name = term->names;
         name != NULL && rc == AE_OK;
         name = name->next)
    {
        rc = ae_exec_field(x, name->s, v);
    }

    return rc;
}


static int
ae_exec_field(ae_tmpl_exec_t *x, ae_str_t name, ae_tmpl_val_t *v)
{
    size_t             cost;
    const ae_value_t  *node;

    node = NULL;
    cost = 0;

    if (v->type == AE_MAP) {
        cost = (size_t) v->node->count * AE_TMPL_MEMBER;
        node = ae_value_find(v->node, name);
    }

    *v = ae_tmpl_value(node);

    return ae_tmpl_charge(x, cost);
}


static int
ae_exec_func(ae_tmpl_exec_t *x, const ae_tmpl_term_t *term,
    const ae_tmpl_val_t *piped, ae_tmpl_val_t *v)
{
    unsigned               i, n;
    ae_tmpl_val_t          args[AE_TMPL_ARGS];
    const ae_tmpl_term_t  *arg;

    if (term->func->call == NULL) {
        return ae_exec_logic(x, term, piped, v);
    }

    n = 0;

    for (arg = term->args; arg != NULL; arg = arg->next) {
        if (ae_exec_term(x, arg, NULL, &args[n++]) != AE_OK) {
            return AE_ERROR;
        }
    }

    if (piped != NULL) {
        args[n++] = *piped;
    }

    /* nil counts as an empty string, which is somewhere */

    for (i = 0; i < n; i++) {
        if (args[i].s.len == 0) {
            args[i].s = ae_str("");
        }
    }

    memset(v, 0, sizeof(ae_tmpl_val_t));

    return term->func->call(x, args, n, v);
}


/* and, or: the first argument that decides it, or the last one */

static int
ae_exec_logic(ae_tmpl_exec_t *x, const ae_tmpl_term_t *term,
    const ae_tmpl_val_t *piped, ae_tmpl_val_t *v)
{
    int                    is_or;
    const ae_tmpl_term_t  *arg;

    is_or = (term->func->name.len == 2);

    for (arg = term->args; arg != NULL; arg = arg->next) {

        if (ae_exec_term(x, arg, NULL, v) != AE_OK) {
            return AE_ERROR;
        }

        if (ae_tmpl_truth(v) == is_or) {
            return AE_OK;
        }
    }

    if (piped != NULL) {
        *v = *piped;
    }

    return AE_OK;
}
