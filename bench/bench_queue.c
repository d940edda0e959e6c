/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The delivery queue alone: route, take and done of one delivery, by one
 * process and by two that compete for the lock; and with a store that writes
 * in no time.
 */


#include <signal.h>
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
#define BENCH_FLUSH          100000         /* us between a keeper's flushes */
#define BENCH_ROWS           256


static void bench_work(ae_queue_t *q, uint32_t slot, uint64_t period,
    uint64_t n);
static void bench_flush(ae_queue_t *q);
static pid_t bench_keeper(ae_queue_t *q);
static double bench_round(uint32_t processes, uint64_t period, uint64_t n,
    int keeper);
static int bench_compare(const void *a, const void *b);
static void bench_print(const char *what, uint32_t processes, uint64_t period,
    uint64_t n, int keeper);


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


static void
bench_flush(ae_queue_t *q)
{
    size_t           i, n;
    uint32_t         nodes[BENCH_ROWS];
    uint64_t         uids[BENCH_ROWS];
    ae_now_t         now;
    unsigned char    buf[BENCH_RECORD];
    ae_outbox_row_t  rows[BENCH_ROWS];

    now = (ae_now_t) { 1, 1 };

    do {
        n = ae_queue_save(q, rows, BENCH_ROWS, UINT64_MAX, &now);

        for (i = 0; i < n; i++) {
            (void) ae_queue_save_read(q, &rows[i], buf);
        }

        ae_queue_saved(q, rows, n, 1);

    } while (n == BENCH_ROWS);

    do {
        n = ae_queue_gone(q, uids, nodes, BENCH_ROWS);
        ae_queue_forget(q, uids, nodes, n);

    } while (n == BENCH_ROWS);
}


static pid_t
bench_keeper(ae_queue_t *q)
{
    pid_t  pid;

    ae_queue_keeper(q, 1);

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    for ( ;; ) {
        (void) usleep(BENCH_FLUSH);
        bench_flush(q);
    }
}


static double
bench_round(uint32_t processes, uint64_t period, uint64_t n, int keeper)
{
    int         status, failed;
    void       *mem;
    pid_t       pid, pids[2];
    uint32_t    i;
    ae_now_t    start, end;

    mem = mmap(NULL, BENCH_QUEUE, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS|MAP_POPULATE, -1, 0);
    if (mem == MAP_FAILED || ae_queue_init(mem, BENCH_QUEUE) == NULL) {
        fprintf(stderr, "queue: no memory\n");
        exit(1);
    }

    pid = keeper ? bench_keeper(mem) : 0;

    ae_now(&start);

    for (i = 0; i < processes; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {
            bench_work(mem, i, period, n);
            _exit(0);
        }
    }

    failed = 0;

    for (i = 0; i < processes; i++) {
        (void) waitpid(pids[i], &status, 0);
        failed |= status;
    }

    ae_now(&end);

    if (keeper) {
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);
    }

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
bench_print(const char *what, uint32_t processes, uint64_t period, uint64_t n,
    int keeper)
{
    int     i;
    double  ns[BENCH_ROUNDS];

    for (i = 0; i < BENCH_ROUNDS; i++) {
        ns[i] = bench_round(processes, period, n, keeper);
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

    bench_print("one process", 1, 0, n, 0);
    bench_print("one process, cooldowns", 1, 1000000, n, 0);
    bench_print("two processes", 2, 0, n, 0);
    bench_print("one process, store", 1, 0, n, 1);
    bench_print("two processes, store", 2, 0, n, 1);

    return 0;
}
