/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <errno.h>
#include <stdlib.h>

#include "core/shared/shared.h"


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


int
ae_lock(ae_lock_t *lock)
{
    int  err;

    err = pthread_mutex_lock(&lock->mutex);

    return (err == 0) ? AE_OK : ae_lock_result(err);
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


void
ae_unlock(ae_lock_t *lock)
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
