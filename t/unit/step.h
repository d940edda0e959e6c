/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Runs an operation in a child process one instruction after the other, to
 * look at shared memory as a kill at that instruction would leave it, or to
 * kill it there.
 */


#ifndef _STEP_H_INCLUDED_
#define _STEP_H_INCLUDED_


#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>


typedef void (*step_pt)(void *ctx);


static inline void *
step_memory(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
             -1, 0);

    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


/* a child that stopped just before op, -1: tracing is not permitted */

static inline pid_t
step_start(step_pt op, void *ctx)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(1);
        }

        (void) raise(SIGSTOP);
        op(ctx);
        (void) raise(SIGSTOP);
        _exit(0);
    }

    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        return -1;
    }

    /* an assertion that fails leaves nobody behind */
    (void) ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL);

    return pid;
}


static inline void
step_kill(pid_t pid)
{
    int  status;

    (void) kill(pid, SIGKILL);

    while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status)) {
        /* void */
    }
}


/* one instruction; 0 when the operation is over */

static inline int
step_one(pid_t pid)
{
    int  status;

    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0
        || waitpid(pid, &status, 0) != pid
        || !WIFSTOPPED(status))
    {
        abort();
    }

    return WSTOPSIG(status) == SIGTRAP;
}


/* calls look() after every instruction; returns how many there were */

static inline long
step_each(step_pt op, step_pt look, void *ctx)
{
    long   n;
    pid_t  pid;

    pid = step_start(op, ctx);
    if (pid == -1) {
        return -1;
    }

    for (n = 0; step_one(pid); n++) {
        look(ctx);
    }

    step_kill(pid);

    return n;
}


/* kills the child after n instructions; 0 when it was over before */

static inline int
step_kill_at(step_pt op, void *ctx, long n)
{
    int    rc;
    pid_t  pid;

    rc = 1;
    pid = step_start(op, ctx);

    while (rc && n-- > 0) {
        rc = step_one(pid);
    }

    step_kill(pid);

    return rc;
}


#endif /* _STEP_H_INCLUDED_ */
