/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The ring alone: a producer and a consumer process on two cores, records of
 * 128 bytes that are filled, checked and read in full.
 */


#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/shared/shared.h"


#define BENCH_RECORD         128
#define BENCH_RING           (1024 * 1024)
#define BENCH_RECORDS        200000
#define BENCH_ROUNDS         41


static void bench_pin(int cpu);
static void bench_wait(uint32_t *spins);
static void bench_produce(ae_ring_t *ring, uint64_t n);
static uint64_t bench_consume(ae_ring_t *ring, uint64_t n);
static double bench_round(uint64_t n);
static int bench_compare(const void *a, const void *b);


static void
bench_pin(int cpu)
{
    cpu_set_t  set;

    CPU_ZERO(&set);
    CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
    (void) sched_setaffinity(0, sizeof(set), &set);
}


/* the other side may have lost its core to somebody else */

static void
bench_wait(uint32_t *spins)
{
    if (++*spins % 1024 == 0) {
        sched_yield();
    }
}


static void
bench_produce(ae_ring_t *ring, uint64_t n)
{
    void      *p;
    uint32_t   spins;
    uint64_t   i;

    spins = 0;

    for (i = 0; i < n; i++) {

        for ( ;; ) {
            p = ae_ring_reserve(ring, BENCH_RECORD);
            if (p != NULL) {
                break;
            }

            bench_wait(&spins);
        }

        memset(p, (int) i, BENCH_RECORD);
        ae_ring_commit(ring);
    }
}


static uint64_t
bench_consume(ae_ring_t *ring, uint64_t n)
{
    uint32_t       spins;
    uint64_t       i, number, sum;
    ae_str_t       rec;
    unsigned char  copy[BENCH_RECORD];

    sum = 0;
    spins = 0;

    for (i = 0; i < n; i++) {

        while (ae_ring_peek(ring, &rec, &number) != AE_OK) {
            bench_wait(&spins);
        }

        memcpy(copy, rec.data, BENCH_RECORD);
        sum += copy[i % BENCH_RECORD] == (unsigned char) i;
        ae_ring_release(ring);
    }

    return sum;
}


static double
bench_round(uint64_t n)
{
    void      *mem;
    pid_t      pid;
    ae_now_t   start, end;
    uint64_t   good;

    mem = mmap(NULL, BENCH_RING, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS|MAP_POPULATE, -1, 0);
    if (mem == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }

    (void) ae_ring_init(mem, BENCH_RING);

    ae_now(&start);

    pid = fork();

    if (pid == 0) {
        bench_pin(1);
        bench_produce(mem, n);
        _exit(0);
    }

    bench_pin(0);
    good = bench_consume(mem, n);
    ae_now(&end);

    (void) waitpid(pid, NULL, 0);
    (void) munmap(mem, BENCH_RING);

    if (good != n) {
        fprintf(stderr, "%lu of %lu records arrived whole\n",
                (unsigned long) good, (unsigned long) n);
        exit(1);
    }

    return (double) (end.mono - start.mono) / n;
}


static int
bench_compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


int
main(int argc, char **argv)
{
    int       i;
    double    ns[BENCH_ROUNDS];
    uint64_t  n;

    n = argc > 1 ? strtoull(argv[1], NULL, 10) : BENCH_RECORDS;

    for (i = 0; i < BENCH_ROUNDS; i++) {
        ns[i] = bench_round(n);
    }

    qsort(ns, BENCH_ROUNDS, sizeof(double), bench_compare);

    printf("ring: %.1f ns a record of %d bytes, two processes"
           " (median of %d rounds; best %.1f, worst %.1f)\n",
           ns[BENCH_ROUNDS / 2], BENCH_RECORD, BENCH_ROUNDS, ns[0],
           ns[BENCH_ROUNDS - 1]);

    return 0;
}
