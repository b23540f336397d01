/* SPDX-License-Identifier: BSD-3-Clause */
/* files.h - the program's descriptors, as an image keeps them (private) */
#ifndef CAIRN_PROCESS_FILES_H
#define CAIRN_PROCESS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "runtime/base/err.h"

enum file_kind {
	FILE_STD,      /* the launcher's 0, 1 or 2: takes the new launch's */
	FILE_PATH,     /* regular, directory, harmless device: opened again */
	FILE_NAMELESS, /* unlinked, or a memfd: made again with its contents */
	FILE_PIPE,     /* an end of a pipe or FIFO, all in this process */
	FILE_EVENTFD,
	FILE_TIMERFD,
	FILE_SIGNALFD,
	FILE_EPOLL,
	FILE_SOCKET, /* an end of a socket pair, all in this process */
};

struct file_lock {
	struct file_lock *next;
	enum { LOCK_IS_FLOCK, LOCK_IS_POSIX, LOCK_IS_OFD } kind;
	bool write;
	int64_t start, len; /* len 0: to the end */
};

struct epoll_entry {
	struct epoll_entry *next;
	int fd;
	uint32_t events;
	uint64_t data;
};

/* Bytes saved beside the image's memory (in upper memory, so inside it). */
struct file_bytes {
	char *at;
	size_t len;
};

/* All of it lies in upper memory and so in the image. */
struct file_record {
	struct file_record *next; /* ascending by fd */
	struct file_record *twin; /* an earlier one of the same open file */
	int fd;
	int fd_flags; /* FD_CLOEXEC */
	int flags;    /* F_GETFL */
	enum file_kind kind;
	uint64_t dev, ino;
	mode_t mode;
	int64_t offset; /* -1: cannot seek */
	int64_t size;
	char *path;
	struct file_lock *locks;
	int std; /* FILE_STD: 0, 1, 2 */

	struct file_bytes bytes;
	unsigned int seals; /* of a memfd */
	bool is_memfd;
	bool is_mapped; /* its pages are in the image as a shared region */

	/* FILE_PIPE */
	bool reads;
	bool alone; /* the other end is closed for good */
	int capacity;

	/* FILE_SOCKET; what waits is in bytes, message by message */
	int socket_type;
	uint64_t peer; /* inode of the other end; 0: it is closed */
	int shut;      /* bits: 1 no more comes in, 2 no more goes out */
	int send_room, receive_room, peek_offset, takes_credentials;

	/* FILE_EVENTFD, FILE_TIMERFD, FILE_SIGNALFD, FILE_EPOLL */
	uint64_t count;
	bool semaphore;
	int clock, settime_flags;
	int64_t value[2], interval[2];
	uint64_t sigmask;
	struct epoll_entry *entries;
};

/* The records of the last capture; upper memory. */
extern struct file_record *files;

/* file_info - read /proc/self/fdinfo/FD into r. */
int file_info(struct file_record *r, struct err *err) must_check;

/* pipes: what is in them, and making them again */
int pipe_record(struct file_record *r, struct err *err) must_check;
int pipe_resume(struct file_record *r, struct err *err) must_check;

/* socket pairs: the same */
int socket_record(struct file_record *r, struct err *err) must_check;
int socket_resume(struct file_record *r, struct err *err) must_check;

/* file_high - move a descriptor that was just opened above all numbers of the
 * program's: 0 or -Exxx. */
int file_high(int *fd);
/* file_place - put the open descriptor `from` at r's number with r's flags. */
int file_place(const struct file_record *r, int from,
	       struct err *err) must_check;

/* Contents of files without a name up to this size go into the image. */
#define FILE_BYTES_MAX (64L << 20)
int file_bytes_read(struct file_record *r, struct err *err) must_check;

#endif
