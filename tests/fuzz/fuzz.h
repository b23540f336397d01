/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz.h - what every harness has */
#ifndef CAIRN_TESTS_FUZZ_FUZZ_H
#define CAIRN_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Results go here, so that no compiler drops the reads that made them. */
static volatile size_t fuzz_sink;

#endif
