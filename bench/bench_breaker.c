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
#include <sys/wait.h>
#include <unistd.h>

#include "core/shared/shared.h"


#define BENCH_SIZE           (4 * 1024 * 1024)
#define BENCH_BREAKERS       64             /* of each process */
#define BENCH_CALLS          2000000
#define BENCH_ROUNDS         5
#define BENCH_SEC            1000000000ull


typedef struct {
    ae_breakers_t           *breakers;
    ae_breaker_rule_t        rule;
    ae_breaker_outcome_e     outcome;
    uint64_t                 base;          /* of the process's breakers */
    uint64_t                 ids;
    uint64_t                 n;
} bench_t;


static ae_id_t bench_id(uint64_t n);
static void bench_work(bench_t *b);
static double bench_round(bench_t *b, uint32_t processes, int same);
static int bench_compare(const void *a, const void *b);
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


/* ns a request of each process */

static double
bench_round(bench_t *b, uint32_t processes, int same)
{
    int       status, failed;
    uint32_t  i;
    ae_now_t  start, end;

    ae_now(&start);

    for (i = 0; i < processes; i++) {
        if (fork() == 0) {
            b->base = same ? 0 : i * b->ids;
            bench_work(b);
            _exit(0);
        }
    }

    failed = 0;

    for (i = 0; i < processes; i++) {
        (void) wait(&status);
        failed |= status;
    }

    ae_now(&end);

    if (failed) {
        exit(1);
    }

    return (double) (end.mono - start.mono) / b->n;
}


static int
bench_compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


static double
bench_median(bench_t *b, uint32_t processes, int same)
{
    int     i;
    double  ns[BENCH_ROUNDS];

    for (i = 0; i < BENCH_ROUNDS; i++) {
        ns[i] = bench_round(b, processes, same);
    }

    qsort(ns, BENCH_ROUNDS, sizeof(double), bench_compare);

    return ns[BENCH_ROUNDS / 2];
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
