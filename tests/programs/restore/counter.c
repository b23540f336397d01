/* SPDX-License-Identifier: BSD-3-Clause */
/* counter.c - the simplest program: memory and one thread */
#include <string.h>

#include "tests/programs/restore/ckpt.h"

int main(void)
{
	size_t n = 3000000;
	unsigned char *p = malloc(n);
	unsigned long sum = 0;
	double x = 0.5;

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 7);
	test_ckpt();
	for (size_t i = 0; i < n; i++) {
		sum += p[i];
		x = x * 3.7 * (1 - x);
	}
	free(p);
	/* the heap and its break go on working */
	p = malloc(100 << 10);
	memset(p, 1, 100 << 10);
	CHECK(sbrk(4096) != (void *)-1);
	printf("%lu %.17g\n", sum, x);
	return test_end();
}
