/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A lock is a robust mutex of the C library, whose lock and unlock take 130
 * instructions even when nobody waits.  Where that is glibc, a lock that is
 * free is taken and given back here, by the protocol that glibc and the
 * kernel agreed upon (the kernel's robust-futexes documentation):
 *
 *   the word has the owner's thread id, and a bit when somebody waits;
 *   the mutexes that a thread owns are a list, whose head the kernel knows;
 *   the one that is just taken or given back is named beside the list, before
 *   its word changes and until the list has it or has it no more.
 *
 * When the thread dies, in whatever way, the kernel marks the words in that
 * list that have its id and wakes who waits.  All else, to wait, to find such
 * a mark, to repair, is left to the library, which cannot tell who locked.
 *
 * Each process sees once whether the library does what is told here, from what
 * it made of a mutex that it locked.  If not, it is asked each time.
 */


#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "core/shared/shared.h"


#if defined(__GLIBC__) && defined(__linux__)                                  \
    && (__PTHREAD_MUTEX_HAVE_PREV + 0)

#define AE_LOCK_QUICK        1

#include <linux/futex.h>

/* keeps the order of stores, for the kernel after a death between them */

#define ae_lock_step()       __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* where a mutex is linked: the next one's place, and before it the last's */

#define ae_lock_link(m)      ((void **) &(m)->__data.__list.__next)

/* a link's lowest bit marks a mutex of another kind */

#define ae_lock_place(p)     ((void **) ((uintptr_t) (p) & ~(uintptr_t) 1))

typedef enum {
    AE_LOCK_UNKNOWN = 0,
    AE_LOCK_KNOWN,
    AE_LOCK_OTHER
} ae_lock_kind_e;

typedef struct {
    struct robust_list_head *head;
    int                      tid;           /* 0 unless known */
    ae_lock_kind_e           kind;
} ae_lock_self_t;


/* static, as the call that finds dynamic ones costs as much as a lock */

static __thread ae_lock_self_t  ae_lock_self
    __attribute__((tls_model("initial-exec")));

static pthread_once_t  ae_lock_once = PTHREAD_ONCE_INIT;


static void ae_lock_forks(void);
static void ae_lock_child(void);
static void ae_lock_learn(pthread_mutex_t *m);
static int ae_lock_as_told(pthread_mutex_t *m, struct robust_list_head *head,
    int tid);
static int ae_lock_lost(ae_lock_t *lock) ae_rare;
static void ae_unlock_wake(ae_lock_t *lock) ae_rare;

#endif


static int ae_lock_slow(ae_lock_t *lock) ae_rare;
static void ae_unlock_slow(ae_lock_t *lock) ae_rare;
static int ae_lock_result(int err);


int
ae_lock_init(ae_lock_t *lock)
{
    int                  err;
    pthread_mutexattr_t  attr;

    if (pthread_mutexattr_init(&attr) != 0) {
        return AE_ERROR;
    }

    err = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);

    if (err == 0) {
        err = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    }

    if (err == 0) {
        err = pthread_mutex_init(&lock->mutex, &attr);
    }

    pthread_mutexattr_destroy(&attr);

    return (err == 0) ? AE_OK : AE_ERROR;
}


static int
ae_lock_slow(ae_lock_t *lock)
{
    int  err;

    err = pthread_mutex_lock(&lock->mutex);

#if (AE_LOCK_QUICK)

    if (err == 0 && ae_lock_self.kind == AE_LOCK_UNKNOWN) {
        ae_lock_learn(&lock->mutex);
    }

#endif

    return ae_lock_result(err);
}


int
ae_trylock(ae_lock_t *lock)
{
    int  err;

    err = pthread_mutex_trylock(&lock->mutex);

    if (err == EBUSY) {
        return AE_AGAIN;
    }

    return ae_lock_result(err);
}


void
ae_lock_repaired(ae_lock_t *lock)
{
    pthread_mutex_consistent(&lock->mutex);
}


static void
ae_unlock_slow(ae_lock_t *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}


static int
ae_lock_result(int err)
{
    switch (err) {

    case 0:
        return AE_OK;

    case EOWNERDEAD:
        return AE_RECOVER;

    default:

        /*
         * Not initialised, overwritten, or unlocked without a repair.  To go
         * on without the lock would spoil what it guards for everybody.
         */

        abort();
    }
}


#if (AE_LOCK_QUICK)

/* what is rare is called last, so that nothing is kept over a call */

int
ae_lock(ae_lock_t *lock)
{
    int                       expected, tid;
    void                    **link, **first;
    pthread_mutex_t          *m;
    struct robust_list_head  *head;

    m = &lock->mutex;
    tid = ae_lock_self.tid;
    head = ae_lock_self.head;

    if (tid == 0) {
        return ae_lock_slow(lock);
    }

    link = ae_lock_link(m);

    head->list_op_pending = (struct robust_list *) link;
    ae_lock_step();

    expected = 0;

    if (!__atomic_compare_exchange_n(&m->__data.__lock, &expected, tid, 0,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    {
        head->list_op_pending = NULL;
        return ae_lock_slow(lock);
    }

    if (m->__data.__owner != 0) {
        return ae_lock_lost(lock);
    }

    first = ae_lock_place(head->list.next);
    first[-1] = link;
    link[0] = head->list.next;
    link[-1] = head;
    ae_lock_step();

    head->list.next = (struct robust_list *) link;
    ae_lock_step();

    m->__data.__owner = tid;
    m->__data.__nusers++;
    head->list_op_pending = NULL;

    return AE_OK;
}


/* it was given back without a repair, which the library knows to refuse */

static int
ae_lock_lost(ae_lock_t *lock)
{
    if ((unsigned) __atomic_exchange_n(&lock->mutex.__data.__lock, 0,
                                       __ATOMIC_RELEASE)
        & FUTEX_WAITERS)
    {
        ae_unlock_wake(lock);
    }

    ae_lock_self.head->list_op_pending = NULL;

    return ae_lock_slow(lock);
}


void
ae_unlock(ae_lock_t *lock)
{
    int                       tid;
    void                    **link, **next, **prev;
    pthread_mutex_t          *m;
    struct robust_list_head  *head;

    m = &lock->mutex;
    tid = ae_lock_self.tid;
    head = ae_lock_self.head;

    /* somebody waits, or it was not repaired */

    if (tid == 0
        || __atomic_load_n(&m->__data.__lock, __ATOMIC_RELAXED) != tid
        || m->__data.__owner != tid)
    {
        ae_unlock_slow(lock);
        return;
    }

    link = ae_lock_link(m);

    m->__data.__owner = 0;
    m->__data.__nusers--;
    ae_lock_step();

    head->list_op_pending = (struct robust_list *) link;
    ae_lock_step();

    next = ae_lock_place(link[0]);
    prev = ae_lock_place(link[-1]);
    next[-1] = prev;
    prev[0] = link[0];
    ae_lock_step();

    link[-1] = NULL;
    link[0] = NULL;

    if ((unsigned) __atomic_exchange_n(&m->__data.__lock, 0, __ATOMIC_RELEASE)
        & FUTEX_WAITERS)
    {
        ae_unlock_wake(lock);
        return;
    }

    ae_lock_step();
    head->list_op_pending = NULL;
}


/* of a lock that is still named as pending, lest its waiter sleeps on */

static void
ae_unlock_wake(ae_lock_t *lock)
{
    (void) syscall(SYS_futex, &lock->mutex.__data.__lock, FUTEX_WAKE, 1, NULL,
                   NULL, 0);

    ae_lock_step();
    ae_lock_self.head->list_op_pending = NULL;
}


/* of a mutex that the library has just locked */

static void
ae_lock_learn(pthread_mutex_t *m)
{
    int                       tid;
    size_t                    size;
    struct robust_list_head  *head;

    ae_lock_self.kind = AE_LOCK_OTHER;
    tid = syscall(SYS_gettid);

    if (syscall(SYS_get_robust_list, 0, &head, &size) != 0
        || size != sizeof(struct robust_list_head)
        || !ae_lock_as_told(m, head, tid)
        || pthread_once(&ae_lock_once, ae_lock_forks) != 0)
    {
        return;
    }

    ae_lock_self.kind = AE_LOCK_KNOWN;
    ae_lock_self.head = head;
    ae_lock_self.tid = tid;
}


static int
ae_lock_as_told(pthread_mutex_t *m, struct robust_list_head *head, int tid)
{
    void  **link;

    link = ae_lock_link(m);

    return head->futex_offset == (char *) &m->__data.__lock - (char *) link
           && ((unsigned) m->__data.__lock & FUTEX_TID_MASK) == (unsigned) tid
           && m->__data.__owner == tid
           && head->list_op_pending == NULL
           && (void **) head->list.next == link
           && link[-1] == head
           && link[0] != NULL
           && ae_lock_place(link[0])[-1] == link;
}


/* a child has another id; its list is where its parent's was, and empty */

static void
ae_lock_forks(void)
{
    (void) pthread_atfork(NULL, NULL, ae_lock_child);
}


static void
ae_lock_child(void)
{
    if (ae_lock_self.tid != 0) {
        ae_lock_self.tid = syscall(SYS_gettid);
    }
}

#else

int
ae_lock(ae_lock_t *lock)
{
    return ae_lock_slow(lock);
}


void
ae_unlock(ae_lock_t *lock)
{
    ae_unlock_slow(lock);
}

#endif
