/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * What benchmarks of shared memory have in common: processes at work at the
 * same time, and the median of some rounds.
 */


#ifndef _BENCH_H_INCLUDED_
#define _BENCH_H_INCLUDED_


#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/base.h"


#define BENCH_ROUNDS         5
#define BENCH_SEC            1000000000ull


/* the work of process i */
typedef void (*bench_process_pt)(void *ctx, uint32_t i);


static int
bench_compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


/* ns until all have done their work; exits if one fails */

static double
bench_processes(bench_process_pt work, void *ctx, uint32_t processes)
{
    int       status, failed;
    uint32_t  i;
    ae_now_t  start, end;

    ae_now(&start);

    for (i = 0; i < processes; i++) {
        if (fork() == 0) {
            work(ctx, i);
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

    return (double) (end.mono - start.mono);
}


/* of BENCH_ROUNDS */

static double
bench_median_of(bench_process_pt work, void *ctx, uint32_t processes)
{
    int     i;
    double  ns[BENCH_ROUNDS];

    for (i = 0; i < BENCH_ROUNDS; i++) {
        ns[i] = bench_processes(work, ctx, processes);
    }

    qsort(ns, BENCH_ROUNDS, sizeof(double), bench_compare);

    return ns[BENCH_ROUNDS / 2];
}


#endif /* _BENCH_H_INCLUDED_ */
