/* SPDX-License-Identifier: BSD-3-Clause */
/* test_cpu.c - a lesser CPU is known by what it lacks */
#include <string.h>

#include "runtime/base/cpu.h"
#include "tests/lib/unit.h"

static void nothing_is_missing_here(void)
{
	uint32_t here[CPU_WORDS];
	char text[200];

	cpu_features(here);
	cpu_missing(here, here, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
}

static void names_what_is_missing(void)
{
	uint32_t here[CPU_WORDS], all[CPU_WORDS];
	char text[200];

	memset(all, 0xff, sizeof(all));
	memcpy(here, all, sizeof(all));
	cpu_forget(here, "avx512f,avx fma4");
	cpu_missing(all, here, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "avx avx512f fma4");
	cpu_missing(here, all, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
}

static void stays_in_its_room(void)
{
	uint32_t all[CPU_WORDS], none[CPU_WORDS] = { 0 };
	char text[12];

	memset(all, 0xff, sizeof(all));
	memset(text, 'x', sizeof(text));
	cpu_missing(all, none, text, 10);
	CU_ASSERT_EQUAL(text[9], '\0');
	CU_ASSERT_EQUAL(text[10], 'x');
}

static void layout_follows_state(void)
{
	uint64_t xcr0 = cpu_xcr0();

	CU_ASSERT_EQUAL(cpu_layout(xcr0), cpu_layout(xcr0));
	if (!(xcr0 & 4)) {
		unit_skip("this CPU has no AVX");
		return;
	}
	CU_ASSERT_NOT_EQUAL(cpu_layout(xcr0), cpu_layout(3));
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "a CPU has all that it has", nothing_is_missing_here },
		{ "missing features are named", names_what_is_missing },
		{ "names stay in their room", stays_in_its_room },
		{ "the layout depends on the state", layout_follows_state },
		{ NULL, NULL },
	};
	static const struct unit_suite suites[] = { { "cpu", tests },
						    { NULL, NULL } };

	return unit_main(argc, argv, suites);
}
