/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Runs an operation of the queue and looks at what a kill at each of its
 * instructions leaves, and at each of a repair.
 */


#ifndef _QUEUE_STEP_H_INCLUDED_
#define _QUEUE_STEP_H_INCLUDED_


#include "core/shared/ae_queue.h"
#include "queue_check.h"
#include "random.h"
#include "step.h"


#define STEP_SIZE            (172 * 1024)
#define STEP_PERIOD          1000
#define STEP_ROWS            32

/*
 * Real kills of each operation, AE_STEPS for more, and the share of kills
 * whose repair is killed at each instruction in turn.
 */
#define STEP_KILLS           1
#define STEP_REPAIRS         64


/* what an operation may leave: the state before it or the one after it */

typedef struct {
    step_pt                  op;
    int                      parts;         /* it has states in between */
    uint64_t                 before;
    uint64_t                 after;
    long                     steps;
    long                     looks;
    long                     repairs;
} step_case_t;


static void put(uint32_t first, uint32_t n, uint64_t identity, size_t len);
static void reset(uint32_t endpoints);
static size_t keep(uint32_t n);
static void op_recover(void *ctx);
static void judge(step_case_t *c, ae_queue_t *p);
static void look(void *ctx);
static void look_nested(void *ctx);
static void really_killed(step_case_t *c);
static void run_case(const char *name, step_pt op, int parts);
static void prepare_or_skip(void (*prepare)(void), step_pt op);
static int step_setup(void **state);


static ae_queue_t        *q, *last, *copy, *nested, *nested_last, *base;
static ae_lease_t         lease[8];
static uint64_t           number;
static ae_outbox_row_t    row[STEP_ROWS];
static ae_now_t           now;


/* an event for n endpoints; identity 0: without cooldown */

static void
put(uint32_t first, uint32_t n, uint64_t identity, size_t len)
{
    uint32_t           i;
    ae_str_t           record;
    unsigned char      data[1000];
    ae_queue_target_t  target[8];

    memset(data, (int) (number + 1), sizeof(data));
    record = (ae_str_t) { len, data };

    for (i = 0; i < n; i++) {
        target[i].endpoint = first + i;
        target[i].cooldown = (ae_id_t) { { identity, 0 } };
        target[i].period = identity ? STEP_PERIOD : 0;
    }

    (void) ae_queue_route(q, 0, ++number, record, target, n, &now);
}


/* the last endpoint takes only one delivery */

static void
reset(uint32_t endpoints)
{
    uint32_t  i;

    memset(q, 0, STEP_SIZE);
    assert_non_null(ae_queue_init(q, STEP_SIZE));

    number = 0;
    now.mono = STEP_PERIOD;

    for (i = 0; i < endpoints; i++) {
        (void) ae_queue_endpoint(q, (ae_id_t) { { i, i + 1 } }, 4,
                                 i + 1 == endpoints ? 1 : 100);
    }
}


/* a keeper saves n of all that there are; returns how many there were */

static size_t
keep(uint32_t n)
{
    size_t  saved;

    ae_queue_keeper(q, 1);
    saved = ae_queue_save(q, row, n, UINT64_MAX, &now);
    ae_queue_saved(q, row, saved, 1);

    return saved;
}


static void
op_recover(void *ctx)
{
    (void) ctx;

    ae_queue_recover(copy);
}


static void
judge(step_case_t *c, ae_queue_t *p)
{
    uint64_t  h;

    queue_check(p);

    h = queue_state(p);

    if (!c->parts) {
        queue_expect(h == c->before || h == c->after);
    }
}


/* the queue as a kill leaves it here, repaired */

static void
look(void *ctx)
{
    step_case_t  *c = ctx;

    if (memcmp(q, last, STEP_SIZE) == 0) {
        return;
    }

    memcpy(last, q, STEP_SIZE);
    memcpy(copy, q, STEP_SIZE);

    if (ae_random() % (STEP_REPAIRS / ae_steps(STEP_KILLS) + 1) == 0) {
        (void) step_each(op_recover, look_nested, c);

    } else {
        ae_queue_recover(copy);
    }

    judge(c, copy);

    c->looks++;
}


static void
look_nested(void *ctx)
{
    step_case_t  *c = ctx;

    if (memcmp(copy, nested_last, STEP_SIZE) == 0) {
        return;
    }

    memcpy(nested_last, copy, STEP_SIZE);
    memcpy(nested, copy, STEP_SIZE);

    ae_queue_recover(nested);
    judge(c, nested);

    c->repairs++;
}


/* with the real lock */

static void
really_killed(step_case_t *c)
{
    long             i, max;
    ae_queue_stat_t  st;

    max = ae_steps(STEP_KILLS);

    for (i = 0; i < max; i++) {
        memcpy(q, base, STEP_SIZE);
        (void) step_kill_at(c->op, NULL, ae_random() % c->steps);

        ae_queue_stat(q, AE_NO_ENDPOINT, &st);
        judge(c, q);
    }
}


static void
run_case(const char *name, step_pt op, int parts)
{
    long         n;
    step_case_t  c;

    memset(&c, 0, sizeof(c));
    c.op = op;
    c.parts = parts;
    c.before = queue_state(base);

    /* what it does when nobody dies; in a child, so that nothing else moves */

    memcpy(q, base, STEP_SIZE);
    assert_int_equal(step_kill_at(op, NULL, 1000000000), 0);
    queue_check(q);
    c.after = queue_state(q);
    assert_true(c.before != c.after);

    memcpy(q, base, STEP_SIZE);
    n = step_each(op, look, &c);
    assert_true(c.looks > 0);
    assert_true(queue_state(q) == c.after);

    c.steps = n;
    print_message("%-17s %5ld instructions, %4ld states, %5ld of repairs\n",
                  name, n, c.looks, c.repairs);

    really_killed(&c);
}


static void
prepare_or_skip(void (*prepare)(void), step_pt op)
{
    pid_t  pid;

    prepare();

    pid = step_start(op, NULL);

    if (pid == -1) {
        skip();
    }

    step_kill(pid);
}


static int
step_setup(void **state)
{
    (void) state;

    ae_random_seed();

    q = step_memory(STEP_SIZE);
    copy = step_memory(STEP_SIZE);
    nested = step_memory(STEP_SIZE);
    nested_last = step_memory(STEP_SIZE);
    last = step_memory(STEP_SIZE);
    base = step_memory(STEP_SIZE);

    return 0;
}


#endif /* _QUEUE_STEP_H_INCLUDED_ */
