/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The delivery queue alone: route, take and done of one delivery, by one
 * process and by two that compete for the lock.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/shared/shared.h"


#define BENCH_RECORD         300
#define BENCH_QUEUE          (16 * 1024 * 1024)
#define BENCH_EVENTS         300000
#define BENCH_ROUNDS         7


static void bench_work(ae_queue_t *q, uint32_t slot, uint64_t period,
    uint64_t n);
static double bench_round(uint32_t processes, uint64_t period, uint64_t n);
static int bench_compare(const void *a, const void *b);
static void bench_print(const char *what, uint32_t processes, uint64_t period,
    uint64_t n);


static void
bench_work(ae_queue_t *q, uint32_t slot, uint64_t period, uint64_t n)
{
    uint32_t           ep;
    uint64_t           i;
    ae_id_t            id;
    ae_now_t           now;
    ae_str_t           record;
    ae_lease_t         lease;
    unsigned char      buf[BENCH_RECORD];
    ae_queue_target_t  target;

    memset(buf, 'x', sizeof(buf));
    memset(&target, 0, sizeof(target));

    record.data = buf;
    record.len = sizeof(buf);

    id = (ae_id_t) { { slot, 1 } };
    ep = ae_queue_endpoint(q, id, 1000, 1000);
    now = (ae_now_t) { 1, 1 };

    for (i = 1; i <= n; i++) {
        now.mono += 1000;

        target.endpoint = ep;
        target.period = period;
        target.cooldown = (ae_id_t) { { i * 0x9e3779b97f4a7c15, slot } };

        if (ae_queue_route(q, slot, i, record, &target, 1, &now) != AE_OK
            || ae_queue_take(q, ep, slot, &now, &lease) != AE_OK
            || ae_queue_read(q, &lease, buf) != AE_OK
            || ae_queue_done(q, &lease, AE_DELIVERED, 0, &now) != AE_OK)
        {
            fprintf(stderr, "queue: a step failed\n");
            _exit(1);
        }
    }
}


static double
bench_round(uint32_t processes, uint64_t period, uint64_t n)
{
    int         status, failed;
    void       *mem;
    uint32_t    i;
    ae_now_t    start, end;

    mem = mmap(NULL, BENCH_QUEUE, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS|MAP_POPULATE, -1, 0);
    if (mem == MAP_FAILED || ae_queue_init(mem, BENCH_QUEUE) == NULL) {
        fprintf(stderr, "queue: no memory\n");
        exit(1);
    }

    ae_now(&start);

    for (i = 0; i < processes; i++) {
        if (fork() == 0) {
            bench_work(mem, i, period, n);
            _exit(0);
        }
    }

    failed = 0;

    for (i = 0; i < processes; i++) {
        (void) wait(&status);
        failed |= status;
    }

    ae_now(&end);
    (void) munmap(mem, BENCH_QUEUE);

    if (failed) {
        exit(1);
    }

    return (double) (end.mono - start.mono) / (n * processes);
}


static int
bench_compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
bench_print(const char *what, uint32_t processes, uint64_t period, uint64_t n)
{
    int     i;
    double  ns[BENCH_ROUNDS];

    for (i = 0; i < BENCH_ROUNDS; i++) {
        ns[i] = bench_round(processes, period, n);
    }

    qsort(ns, BENCH_ROUNDS, sizeof(double), bench_compare);

    printf("queue: %.0f ns route + take + read + done, %s"
           " (median of %d rounds; best %.0f)\n",
           ns[BENCH_ROUNDS / 2], what, BENCH_ROUNDS, ns[0]);
}


int
main(int argc, char **argv)
{
    uint64_t  n;

    n = argc > 1 ? strtoull(argv[1], NULL, 10) : BENCH_EVENTS;

    bench_print("one process", 1, 0, n);
    bench_print("one process, cooldowns", 1, 1000000, n);
    bench_print("two processes", 2, 0, n);

    return 0;
}
