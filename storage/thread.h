/* SPDX-License-Identifier: BSD-3-Clause */
/* thread.h - helper threads that take no signals from their process */
#ifndef CAIRN_STORAGE_THREAD_H
#define CAIRN_STORAGE_THREAD_H

#include <pthread.h>

#include "runtime/base/err.h"

/* thread_start - pthread_create with all signals blocked; 0 or -Exxx. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg) must_check;

/* thread_idle_cores - cores we may use that nobody is computing on, >= 1. */
unsigned int thread_idle_cores(void);

#endif
