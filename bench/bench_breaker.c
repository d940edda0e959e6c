/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Breakers alone: a request that comes and goes while it is closed, a failed
 * one, and one that is refused, by one process and by two that use other
 * breakers or the same one.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "core/shared/shared.h"


#define BENCH_SIZE           (4 * 1024 * 1024)
#define BENCH_BREAKERS       64             /* of each process */
#define BENCH_CALLS          2000000


typedef struct {
    ae_breakers_t           *breakers;
    ae_breaker_rule_t        rule;
    ae_breaker_outcome_e     outcome;
    uint64_t                 base;          /* of the process's breakers */
    uint64_t                 ids;
    uint64_t                 n;
    int                      same;          /* all processes use those */
} bench_t;


static ae_id_t bench_id(uint64_t n);
static void bench_work(bench_t *b);
static void bench_process(void *ctx, uint32_t i);
static double bench_median(bench_t *b, uint32_t processes, int same);
static void bench_print(bench_t *b, const char *what);


static ae_id_t
bench_id(uint64_t n)
{
    ae_id_t  id;

    id.h[0] = (n + 1) * 0x9e3779b97f4a7c15;
    id.h[1] = (n + 1) * 0xd1342543de82ef95;

    return id;
}


static void
bench_work(bench_t *b)
{
    uint64_t           i;
    ae_now_t           now;
    ae_breaker_pass_t  pass;

    ae_now(&now);

    for (i = 0; i < b->n; i++) {
        now.mono += 100;
        now.wall += 100;

        if (ae_breaker_enter(b->breakers, bench_id(b->base + i % b->ids),
                             &b->rule, 0, &now, &pass)
            == AE_OK)
        {
            ae_breaker_leave(b->breakers, &b->rule, &pass, b->outcome, &now);
        }
    }
}


static void
bench_process(void *ctx, uint32_t i)
{
    bench_t *b = ctx;

    b->base = b->same ? 0 : i * b->ids;
    bench_work(b);
}


/* ns a request of each process */

static double
bench_median(bench_t *b, uint32_t processes, int same)
{
    b->same = same;

    return bench_median_of(bench_process, b, processes) / b->n;
}


static void
bench_print(bench_t *b, const char *what)
{
    double  one, apart, same;

    b->ids = BENCH_BREAKERS;
    one = bench_median(b, 1, 0);
    apart = bench_median(b, 2, 0);

    b->ids = 1;
    same = bench_median(b, 2, 1);

    printf("breaker: %-24s %4.0f ns; two processes %4.0f, on one breaker "
           "%4.0f\n", what, one, apart, same);
}


int
main(int argc, char **argv)
{
    void                 *mem;
    bench_t               b;
    uint64_t              i;
    ae_now_t              now;
    ae_breaker_change_e   change;

    mem = mmap(NULL, BENCH_SIZE, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS|MAP_POPULATE, -1, 0);

    if (mem == MAP_FAILED) {
        return 1;
    }

    b.n = argc > 1 ? strtoull(argv[1], NULL, 10) : BENCH_CALLS;
    b.breakers = ae_breakers_init(mem, BENCH_SIZE);
    b.rule = (ae_breaker_rule_t) { 1000000, 0, UINT32_MAX, 3, 10 * BENCH_SEC,
                                   30 * BENCH_SEC, 60 * BENCH_SEC };

    b.outcome = AE_BREAKER_SUCCESS;
    bench_print(&b, "closed, success");

    b.outcome = AE_BREAKER_FAILURE;
    bench_print(&b, "closed, failure");

    ae_now(&now);

    for (i = 0; i < 2 * BENCH_BREAKERS; i++) {
        (void) ae_breaker_force(b.breakers, bench_id(i),
                                AE_BREAKER_FORCED_OPEN, &now, &change);
    }

    bench_print(&b, "open");

    return 0;
}
