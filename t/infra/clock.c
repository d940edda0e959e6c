/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * For LD_PRELOAD: clocks that run as the system's do, but ahead of them by
 * what stands in the file that APIEVENTS_CLOCK names, two numbers of
 * nanoseconds: of the monotonic clocks, and of the wall clock.  Whoever has
 * the file can move them at any time.  Without it nothing changes.
 *
 * Waiting is left as it is, and takes the time it took: epoll_wait() and
 * nanosleep() know durations.  A deadline on a clock that is ahead is told to
 * the system on its own one.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


#define CLOCK_SEC        1000000000LL

/* where glibc keeps the clock of a condition: pthread_condattr_setclock(3) */
#define CLOCK_MONOTONIC_COND  2


typedef struct {
    int64_t              mono;
    int64_t              wall;
} clock_ahead_t;


typedef int (*clock_gettime_pt)(clockid_t id, struct timespec *ts);
typedef int (*clock_timedwait_pt)(pthread_cond_t *cond,
    pthread_mutex_t *mutex, const struct timespec *ts);
typedef int (*clock_clockwait_pt)(pthread_cond_t *cond,
    pthread_mutex_t *mutex, clockid_t id, const struct timespec *ts);


static void clock_open(void) __attribute__((constructor));
static int64_t clock_ahead(clockid_t id);
static void clock_move(struct timespec *ts, int64_t ns);
static void *clock_next(const char *name);


static clock_ahead_t         *clock_file;

/* set before any thread is there; before that the kernel is asked */
static clock_gettime_pt       clock_next_gettime;
static clock_timedwait_pt     clock_next_timedwait;
static clock_clockwait_pt     clock_next_clockwait;


static void
clock_open(void)
{
    int    fd;
    char  *name;
    void  *p;

    clock_next_timedwait = (clock_timedwait_pt)
                           clock_next("pthread_cond_timedwait");
    clock_next_clockwait = (clock_clockwait_pt)
                           clock_next("pthread_cond_clockwait");
    clock_next_gettime = (clock_gettime_pt) clock_next("clock_gettime");

    name = getenv("APIEVENTS_CLOCK");
    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    /* processes that are forked have it as well */

    p = mmap(NULL, sizeof(clock_ahead_t), PROT_READ, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED) {
        clock_file = p;
    }

    (void) close(fd);
}


/* conditions have had a second form for long, an unversioned search may find
 * the first one */

static void *
clock_next(const char *name)
{
    void  *p;

    p = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");

    return (p != NULL) ? p : dlsym(RTLD_NEXT, name);
}


static int64_t
clock_ahead(clockid_t id)
{
    if (clock_file == NULL) {
        return 0;
    }

    switch (id) {

    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        return __atomic_load_n(&clock_file->mono, __ATOMIC_RELAXED);

    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        return __atomic_load_n(&clock_file->wall, __ATOMIC_RELAXED);

    default:
        return 0;
    }
}


static void
clock_move(struct timespec *ts, int64_t ns)
{
    ns += ts->tv_nsec;

    ts->tv_sec += ns / CLOCK_SEC;
    ns %= CLOCK_SEC;

    if (ns < 0) {
        ts->tv_sec--;
        ns += CLOCK_SEC;
    }

    ts->tv_nsec = ns;
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    if (clock_next_gettime != NULL) {
        rc = clock_next_gettime(id, ts);

    } else {
        rc = (int) syscall(SYS_clock_gettime, id, ts);
    }

    if (rc == 0) {
        clock_move(ts, clock_ahead(id));
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    if (tz != NULL) {
        *(struct timezone *) tz = (struct timezone) { 0, 0 };
    }

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) {
        return -1;
    }

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) {
        return (time_t) -1;
    }

    if (t != NULL) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}


int
pthread_cond_timedwait(pthread_cond_t *restrict cond,
    pthread_mutex_t *restrict mutex, const struct timespec *restrict ts)
{
    clockid_t        id;
    struct timespec  when;

    id = (cond->__data.__wrefs & CLOCK_MONOTONIC_COND) ? CLOCK_MONOTONIC
                                                       : CLOCK_REALTIME;
    when = *ts;
    clock_move(&when, -clock_ahead(id));

    return clock_next_timedwait(cond, mutex, &when);
}


int
pthread_cond_clockwait(pthread_cond_t *restrict cond,
    pthread_mutex_t *restrict mutex, clockid_t id,
    const struct timespec *restrict ts)
{
    struct timespec  when;

    when = *ts;
    clock_move(&when, -clock_ahead(id));

    return clock_next_clockwait(cond, mutex, id, &when);
}
