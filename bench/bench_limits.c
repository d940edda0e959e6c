/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Limits and sessions alone: a take in each mode, one that is refused, three
 * limits at once, a sequence and a lookup, by one process and by two that use
 * other keys or the same one.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "core/shared/shared.h"


#define BENCH_SIZE           (16 * 1024 * 1024)
#define BENCH_KEYS           4096           /* of each process */
#define BENCH_CALLS          2000000
#define BENCH_TEXT           600


typedef struct bench_s  bench_t;

typedef void (*bench_pt)(bench_t *b);


struct bench_s {
    ae_limits_t             *limits;
    ae_sessions_t           *sessions;
    ae_limit_rule_t          rule;
    uint64_t                 base;          /* of the process's keys */
    uint64_t                 keys;
    uint64_t                 n;
    int                      same;          /* all processes use those */
    bench_pt                 work;
};


static void *bench_memory(void);
static ae_id_t bench_id(uint64_t key);
static void bench_fill(bench_t *b);
static void bench_take(bench_t *b);
static void bench_take_three(bench_t *b);
static void bench_sequence(bench_t *b);
static void bench_find(bench_t *b);
static void bench_read(bench_t *b);
static void bench_process(void *ctx, uint32_t i);
static double bench_median(bench_t *b, bench_pt work, uint32_t processes,
    int same);
static void bench_print(bench_t *b, const char *what, bench_pt work);
static void bench_rule(bench_t *b, ae_limit_mode_e mode, uint64_t max,
    uint64_t period, uint64_t burst);


static void *
bench_memory(void)
{
    void  *mem;

    mem = mmap(NULL, BENCH_SIZE, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS|MAP_POPULATE, -1, 0);

    if (mem == MAP_FAILED) {
        fprintf(stderr, "limits: no memory\n");
        exit(1);
    }

    return mem;
}


static ae_id_t
bench_id(uint64_t key)
{
    ae_id_t  id;

    id.h[0] = (key + 1) * 0x9e3779b97f4a7c15;
    id.h[1] = (key + 1) * 0xd1342543de82ef95;

    return id;
}


/* as many sessions as there are keys, found by bench_id() */

static void
bench_fill(bench_t *b)
{
    ae_str_t           text;
    uint64_t           key;
    unsigned char      buf[BENCH_TEXT];
    ae_session_ref_t   ref;

    memset(buf, 'x', sizeof(buf));
    text.data = buf;
    text.len = sizeof(buf);

    for (key = 0; key < 2 * BENCH_KEYS; key++) {
        ref.id = bench_id(key);
        ref.key_id = bench_id(~key);
        ref.source = AE_SESSION_FILE;

        if (ae_sessions_put(b->sessions, &ref, text) != AE_OK) {
            fprintf(stderr, "limits: no room for a session\n");
            exit(1);
        }
    }
}


static void
bench_take(bench_t *b)
{
    size_t          refused;
    uint64_t        i;
    ae_now_t        now;
    ae_limit_use_t  use;

    ae_now(&now);
    use.rule = b->rule;

    for (i = 0; i < b->n; i++) {
        use.id = bench_id(b->base + i % b->keys);
        now.mono += 100;
        now.wall += 100;

        (void) ae_limits_take(b->limits, &use, 1, &now, &refused);
    }
}


static void
bench_take_three(bench_t *b)
{
    size_t          k, refused;
    uint64_t        i;
    ae_now_t        now;
    ae_limit_use_t  uses[3];

    ae_now(&now);

    for (i = 0; i < b->n; i++) {
        for (k = 0; k < 3; k++) {
            uses[k].rule = b->rule;
            uses[k].rule.mode = (ae_limit_mode_e) k;
            uses[k].id = bench_id(b->base + (i + 1300 * k) % b->keys);
        }

        now.mono += 100;
        now.wall += 100;

        (void) ae_limits_take(b->limits, uses, 3, &now, &refused);
    }
}


static void
bench_sequence(bench_t *b)
{
    uint64_t  i;

    for (i = 0; i < b->n; i++) {
        (void) ae_limits_sequence(b->limits, bench_id(b->base + i % b->keys));
    }
}


static void
bench_find(bench_t *b)
{
    uint64_t          i;
    ae_session_ref_t  ref;

    for (i = 0; i < b->n; i++) {
        if (ae_sessions_find(b->sessions, bench_id(b->base + i % b->keys),
                             &ref)
            != AE_OK)
        {
            fprintf(stderr, "limits: a session is not found\n");
            _exit(1);
        }
    }
}


static void
bench_read(bench_t *b)
{
    uint64_t           i;
    unsigned char      buf[BENCH_TEXT];
    ae_session_ref_t   ref;

    for (i = 0; i < b->n; i++) {
        if (ae_sessions_read(b->sessions, bench_id(b->base + i % b->keys),
                             &ref, buf, sizeof(buf))
            != AE_OK)
        {
            fprintf(stderr, "limits: a session is not read\n");
            _exit(1);
        }
    }
}


static void
bench_process(void *ctx, uint32_t i)
{
    bench_t *b = ctx;

    b->base = b->same ? 0 : i * b->keys;
    b->work(b);
}


/* ns a call of each process */

static double
bench_median(bench_t *b, bench_pt work, uint32_t processes, int same)
{
    b->work = work;
    b->same = same;

    return bench_median_of(bench_process, b, processes) / b->n;
}


static void
bench_print(bench_t *b, const char *what, bench_pt work)
{
    double  one, apart, key;

    b->keys = BENCH_KEYS;
    one = bench_median(b, work, 1, 0);
    apart = bench_median(b, work, 2, 0);

    b->keys = 1;
    key = bench_median(b, work, 2, 1);

    printf("limits: %-24s %4.0f ns; two processes %4.0f, on one key %4.0f\n",
           what, one, apart, key);
}


static void
bench_rule(bench_t *b, ae_limit_mode_e mode, uint64_t max, uint64_t period,
    uint64_t burst)
{
    memset(&b->rule, 0, sizeof(b->rule));

    b->rule.mode = mode;
    b->rule.max = max;
    b->rule.period = period;
    b->rule.burst = burst;
}


int
main(int argc, char **argv)
{
    bench_t  b;

    memset(&b, 0, sizeof(b));

    b.n = argc > 1 ? strtoull(argv[1], NULL, 10) : BENCH_CALLS;
    b.limits = ae_limits_init(bench_memory(), BENCH_SIZE);
    b.sessions = ae_sessions_init(bench_memory(), BENCH_SIZE);

    if (b.limits == NULL || b.sessions == NULL) {
        return 1;
    }

    bench_fill(&b);

    bench_rule(&b, AE_LIMIT_GCRA, 1000000000, BENCH_SEC, 1000000000);
    bench_print(&b, "take, gcra", bench_take);

    bench_rule(&b, AE_LIMIT_WINDOW, 1000000000, BENCH_SEC, 0);
    bench_print(&b, "take, window", bench_take);

    bench_rule(&b, AE_LIMIT_QUOTA, 1000000000, BENCH_SEC, 0);
    bench_print(&b, "take, quota", bench_take);

    b.rule.align = AE_ALIGN_MONTH;
    bench_print(&b, "take, quota of a month", bench_take);

    bench_rule(&b, AE_LIMIT_FIXED, 1000000000, BENCH_SEC, 0);
    bench_print(&b, "take, fixed", bench_take);

    bench_rule(&b, AE_LIMIT_QUOTA, 1, 0, 0);
    bench_print(&b, "take, refused", bench_take);

    bench_rule(&b, AE_LIMIT_QUOTA, 1000000000, BENCH_SEC, 1000000000);
    bench_print(&b, "take, three at once", bench_take_three);

    bench_print(&b, "sequence", bench_sequence);
    bench_print(&b, "session find", bench_find);
    bench_print(&b, "session read, 600 bytes", bench_read);

    return 0;
}
