/* SPDX-License-Identifier: BSD-3-Clause */
/* threads.c - eight threads with TLS and live vector registers */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include "tests/programs/restore/ckpt.h"

#define THREADS 8
static __thread int mine = -1;
static volatile int go_on = 1;
static pthread_barrier_t begun;
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

/* A value in zmm31 and k7 from before the checkpoint until after
 * it: the loop is pure assembly and touches none of them. */
__attribute__((target("avx512bw"))) static int hold_avx512(uint64_t value)
{
	uint64_t in[8], out[8], mask = 0;

	for (int i = 0; i < 8; i++)
		in[i] = value + (uint64_t)i;
	__asm__ volatile("vmovdqu64 %[in], %%zmm31\n"
			 "kmovq %[value], %%k7\n"
			 "1: pause\n"
			 "cmpl $0, %[go]\n"
			 "jne 1b\n"
			 "vmovdqu64 %%zmm31, %[out]\n"
			 "kmovq %%k7, %[mask]\n"
			 : [out] "=m"(out), [mask] "=&r"(mask)
			 : [in] "m"(in), [value] "r"(value), [go] "m"(go_on)
			 : "xmm31", "memory", "cc");
	return !memcmp(in, out, sizeof(in)) && mask == value;
}

static int hold_sse(uint64_t value)
{
	uint64_t in[2] = { value, ~value }, out[2];

	__asm__ volatile("movdqu %[in], %%xmm15\n"
			 "1: pause\n"
			 "cmpl $0, %[go]\n"
			 "jne 1b\n"
			 "movdqu %%xmm15, %[out]\n"
			 : [out] "=m"(out)
			 : [in] "m"(in), [go] "m"(go_on)
			 : "xmm15", "memory", "cc");
	return !memcmp(in, out, sizeof(in));
}

static void *run(void *arg)
{
	int i = (int)(intptr_t)arg, ok;
	char name[16];

	mine = i;
	snprintf(name, sizeof(name), "worker-%d", i);
	pthread_setname_np(pthread_self(), name);
	errno = i;
	pthread_barrier_wait(&begun);
	ok = __builtin_cpu_supports("avx512bw") ?
		     hold_avx512(0x123456789abcULL + (uint64_t)i) :
		     hold_sse((uint64_t)i);
	CHECK(ok);
	CHECK(mine == i);
	CHECK(errno == i);
	prctl(PR_GET_NAME, name);
	CHECK(name[7] == '0' + i);
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_mutex_unlock(&mutex);
	return (void *)(intptr_t)(mine + 100);
}

int main(void)
{
	pthread_t t[THREADS];
	long sum = 0;
	void *r;

	pthread_barrier_init(&begun, NULL, THREADS + 1);
	mine = 77;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, run, (void *)i);
	pthread_barrier_wait(&begun);
	pthread_mutex_lock(&mutex); /* held over the checkpoint */
	test_ckpt();
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_mutex_unlock(&mutex);
	go_on = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		sum += (long)(intptr_t)r;
	}
	CHECK(mine == 77);
	printf("%ld\n", sum);
	/* new threads can be made, and end */
	for (long i = 0; i < THREADS; i++) {
		pthread_barrier_init(&begun, NULL, 1);
		pthread_create(&t[i], NULL, run, (void *)i);
		pthread_join(t[i], &r);
	}
	return test_end();
}
