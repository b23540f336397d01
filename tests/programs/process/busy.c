/* SPDX-License-Identifier: BSD-3-Clause */
/* busy.c - parallel loops of OpenMP; the sum is exact, whoever adds it up */
#include <stdio.h>

int main(void)
{
	unsigned long sum = 0;

	for (int round = 0; round < 200; round++) {
#pragma omp parallel for reduction(+ : sum) num_threads(4)
		for (int i = 0; i < 200000; i++)
			sum += (unsigned long)i * (unsigned long)round;
	}
	printf("%lu\n", sum);
	return sum == 397998010000000 ? 5 : 1;
}
