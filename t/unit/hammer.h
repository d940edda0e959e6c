/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Processes that work at shared memory without end and are killed at random
 * moments.  A child that ends by itself has found something wrong.
 */


#ifndef _HAMMER_H_INCLUDED_
#define _HAMMER_H_INCLUDED_


#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "random.h"


#define HAMMER_MAX           8


typedef void (*hammer_pt)(void *ctx);


static inline void *
hammer_memory(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
             -1, 0);

    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


/* in a child, where no assertion of the test program may be used */

static inline void
hammer_check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "child: %s\n", what);
        _exit(1);
    }
}


static inline pid_t
hammer_start(hammer_pt work, void *ctx)
{
    pid_t  pid;

    /* or all children do the same */

    (void) ae_random();

    pid = fork();

    if (pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(ctx);
        _exit(0);
    }

    if (pid == -1) {
        abort();
    }

    return pid;
}


/* 1: it lived until then */

static inline int
hammer_kill(pid_t pid)
{
    int  status;

    (void) kill(pid, SIGKILL);

    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status)
           && WTERMSIG(status) == SIGKILL;
}


/* 1: it came to its end */

static inline int
hammer_wait(pid_t pid)
{
    int  status;

    return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
           && WEXITSTATUS(status) == 0;
}


/* kills n of so many children, one at a time, and calls look after each */

static inline int
hammer(hammer_pt work, hammer_pt look, void *ctx, int children, int n)
{
    int              i, ok;
    pid_t            pid[HAMMER_MAX];
    struct timespec  pause;

    ok = 1;

    for (i = 0; i < children; i++) {
        pid[i] = hammer_start(work, ctx);
    }

    for ( /* void */ ; n > 0 && ok; n--) {
        pause.tv_sec = 0;
        pause.tv_nsec = 50000 + ae_random() % 4000000;
        nanosleep(&pause, NULL);

        i = ae_random() % children;
        ok = hammer_kill(pid[i]);
        pid[i] = hammer_start(work, ctx);

        look(ctx);
    }

    for (i = 0; i < children; i++) {
        ok &= hammer_kill(pid[i]);
    }

    return ok;
}


#endif /* _HAMMER_H_INCLUDED_ */
