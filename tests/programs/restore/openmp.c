/* SPDX-License-Identifier: BSD-3-Clause */
/* openmp.c - a team of OpenMP threads, waiting and working */
#include "tests/programs/restore/ckpt.h"

int main(void)
{
	static double a[100000];
	double sum = 0;

#pragma omp parallel for num_threads(4)
	for (int i = 0; i < 100000; i++)
		a[i] = i * 0.25;
	test_ckpt();
#pragma omp parallel for num_threads(4) reduction(+ : sum)
	for (int i = 0; i < 100000; i++)
		sum += a[i];
	printf("%.1f\n", sum);
	return test_end();
}
