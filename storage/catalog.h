/* SPDX-License-Identifier: BSD-3-Clause */
/* catalog.h - the folders of a checkpoint folder, for storage's own use */
#ifndef CAIRN_STORAGE_CATALOG_H
#define CAIRN_STORAGE_CATALOG_H

#include "storage/manifest.h"

/* catalog_open - the checkpoint folder, its owner checked. */
int catalog_open(const char *dir, int *dirfd, struct err *err) must_check;
/* catalog_open_epoch - an epoch's folder in it; -ENOENT if there is none. */
int catalog_open_epoch(int dirfd, uint32_t epoch, int *epoch_dirfd,
		       struct err *err) must_check;
/* catalog_make_epoch - make (or open) it; -EEXIST if it is committed. */
int catalog_make_epoch(int dirfd, uint32_t epoch, int *epoch_dirfd,
		       struct err *err) must_check;
/* catalog_share_epoch - make (or open) it, committed or not. */
int catalog_share_epoch(int dirfd, uint32_t epoch, int *epoch_dirfd,
			struct err *err) must_check;
/* catalog_remove_epoch - its manifest first, which is made durable, then the
 * rest; nothing if it is not there.  needed, unless NULL, tells which files are
 * to stay.  (prune.c) */
int catalog_remove_epoch(int dirfd, uint32_t epoch,
			 bool (*needed)(const void *arg, uint32_t epoch,
					const char *file),
			 const void *arg, struct err *err) must_check;
/* catalog_name - "epoch-000042" */
void catalog_name(uint32_t epoch, char name[24]);
/* catalog_list - the numbers of all epoch folders, committed or not,
 * ascending; *epochs is the caller's to free. */
int catalog_list(int dirfd, uint32_t **epochs, size_t *n,
		 struct err *err) must_check;

#endif
