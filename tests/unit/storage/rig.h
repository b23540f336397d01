/* SPDX-License-Identifier: BSD-3-Clause */
/* rig.h - folders, memory and images for the tests of storage */
#ifndef CAIRN_TESTS_UNIT_STORAGE_RIG_H
#define CAIRN_TESTS_UNIT_STORAGE_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "storage/image.h"
#include "storage/manifest.h"
#include "tests/lib/unit.h"

#define RIG_ADDR 0x7f0000000000ULL

/* What memory may look like. */
enum rig_fill {
	RIG_RANDOM,
	RIG_ZERO,
	RIG_FLOATS, /* a smooth field */
	RIG_TEXT,
	RIG_SPARSE, /* a few pages of something between zeros */
	RIG_MIXED,  /* all of the above, changing with each window */
	RIG_FILLS,
};

/* rig_dir - a new folder (0700) under unit_tmpdir(); an open descriptor. */
int rig_dir(const char *name);
const char *rig_path(const char *name); /* its path; a static buffer */
/* rig_memory - len bytes, the same for the same seed; the caller's to free. */
char *rig_memory(enum rig_fill fill, size_t len, unsigned int seed);
/* rig_begin - a section for a rank with one region of len bytes at RIG_ADDR. */
int rig_begin(struct image_writer *w, uint32_t rank, size_t len,
	      struct err *err);
/* rig_image - a whole image: ranks 0..n-1 with the same memory. */
int rig_image(int dirfd, const char *name, uint32_t nranks, const char *memory,
	      size_t len, const struct image_options *options,
	      struct image_totals *totals, struct err *err);
/* rig_compare - is this the rank's memory, all of it? 0, or asserts. */
int rig_compare(const struct image *im, uint32_t rank, const char *memory,
		size_t len, struct err *err);

/* rig_epoch - a committed epoch of two ranks with a small image of the seed. */
int rig_epoch(const char *dir, uint32_t epoch, unsigned int seed,
	      struct err *err);
/* rig_manifest - a good manifest for an image with these totals. */
json_t *rig_manifest(uint32_t epoch, const struct image_totals *totals);

/* rig_child - run it in a child; gives the wait status. */
int rig_child(int (*run)(void *), void *arg);

/* Whole small files, to damage them. */
char *rig_slurp(int dirfd, const char *name, size_t *len);
void rig_spill(int dirfd, const char *name, const char *data, size_t len);
/* rig_names - how many entries a folder has, and nothing that is temporary. */
int rig_names(int dirfd, int *temporary);

#endif
