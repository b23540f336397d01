/* SPDX-License-Identifier: BSD-3-Clause */
/* elf.c - map a program and its dynamic loader into the arena */
#include "runtime/lower/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/lower/arena.h"
#include "runtime/lower/crossing.h"
#include "runtime/lower/patch.h"
#include "runtime/lower/tls.h"

#define HEADERS 32

struct file {
	const char *path;
	int fd;
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[HEADERS];
};

static int read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	long n = sys_call(SYS_pread64, fd, buf, size, offset);

	return n < 0 ? (int)n : (size_t)n == size ? 0 : -ENOEXEC;
}

static int read_headers(struct file *f, struct err *err)
{
	const Elf64_Ehdr *e = &f->ehdr;
	int rc = read_at(f->fd, &f->ehdr, sizeof(f->ehdr), 0);

	if (rc || memcmp(e->e_ident, ELFMAG, SELFMAG) ||
	    e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64 ||
	    e->e_type != ET_DYN || e->e_phentsize != sizeof(Elf64_Phdr) ||
	    e->e_phnum > HEADERS)
		return err_set(err, -ENOEXEC,
			       "%s is not a position-independent x86-64 "
			       "program; install Cairn again",
			       f->path);
	rc = read_at(f->fd, f->phdr, e->e_phnum * sizeof(Elf64_Phdr),
		     e->e_phoff);
	if (rc)
		return err_set(err, rc, "cannot read %s: %s", f->path,
			       fmt_error(rc));
	return 0;
}

static int protection(const Elf64_Phdr *ph)
{
	return (ph->p_flags & PF_R ? PROT_READ : 0) |
	       (ph->p_flags & PF_W ? PROT_WRITE : 0) |
	       (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

/*
 * The bytes behind a segment's file part are zero up to the end of the page,
 * not only up to p_memsz: ld.so takes its first memory from there.
 */
static long map_zeroes(uintptr_t start, uintptr_t end, int prot)
{
	uintptr_t page = arena_round(start);

	if (prot & PROT_WRITE && start < page)
		memset((void *)start, 0, page - start);
	if (end <= page)
		return 0;
	return sys_call(SYS_mmap, page, arena_round(end) - page, prot,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static int patch_code(const struct file *f, uintptr_t start, size_t size,
		      const Elf64_Phdr *ph)
{
	int prot = protection(ph), rc = patch_text(start, size, prot);

	if (rc)
		return rc;
	/* how a thread pointer gets into GS (this is ld.so, the first time) */
	if (!patch_found(SYS_arch_prctl))
		crossing_no_rewrite("no arch_prctl in ld.so");
	if (crossing_rewrites() &&
	    !tls_text(start, size, prot, f->fd, ph->p_offset))
		crossing_doubt("code that cannot be looked through");
	return 0;
}

static int map_segment(const struct file *f, uintptr_t base,
		       const Elf64_Phdr *ph)
{
	uintptr_t start = (base + ph->p_vaddr) & ~(ARENA_PAGE - 1);
	uintptr_t file_end = base + ph->p_vaddr + ph->p_filesz;
	uintptr_t end = base + ph->p_vaddr + ph->p_memsz;
	uint64_t offset = ph->p_offset & ~(ARENA_PAGE - 1);
	int prot = protection(ph);
	long got;

	got = sys_call(SYS_mmap, start, file_end - start, prot,
		       MAP_PRIVATE | MAP_FIXED, f->fd, offset);
	if (!sys_is_error(got) && ph->p_memsz > ph->p_filesz)
		got = map_zeroes(file_end, end, prot);
	if (sys_is_error(got))
		return (int)got;
	arena_seal(start, end - start);
	return prot & PROT_EXEC ?
		       patch_code(f, start, arena_round(end - start), ph) :
		       0;
}

static int map_segments(const struct file *f, struct elf_image *image)
{
	const Elf64_Phdr *ph = f->phdr, *last = ph + f->ehdr.e_phnum;
	uintptr_t low = ~0UL, high = 0;
	int rc;

	for (; ph < last; ph++) {
		if (ph->p_type != PT_LOAD)
			continue;
		if (ph->p_vaddr < low)
			low = ph->p_vaddr & ~(ARENA_PAGE - 1);
		if (ph->p_vaddr + ph->p_memsz > high)
			high = ph->p_vaddr + ph->p_memsz;
	}
	if (low >= high)
		return -ENOEXEC;
	image->base = arena_alloc(high - low, 0, 0);
	if (!image->base)
		return -ENOMEM;
	image->base -= low;
	for (ph = f->phdr; ph < last; ph++) {
		rc = ph->p_type == PT_LOAD ? map_segment(f, image->base, ph) :
					     0;
		if (rc)
			return rc;
		if (ph->p_type == PT_LOAD && f->ehdr.e_phoff >= ph->p_offset &&
		    f->ehdr.e_phoff < ph->p_offset + ph->p_filesz)
			image->phdr = image->base + ph->p_vaddr +
				      f->ehdr.e_phoff - ph->p_offset;
	}
	image->entry = image->base + f->ehdr.e_entry;
	image->phnum = f->ehdr.e_phnum;
	return 0;
}

static int open_file(struct file *f, const char *path, struct err *err)
{
	int rc;

	f->path = path;
	f->fd = (int)sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return err_set(err, f->fd, "cannot open %s: %s", path,
			       fmt_error(f->fd));
	rc = read_headers(f, err);
	if (rc)
		sys_call(SYS_close, f->fd);
	return rc;
}

int elf_interp(const char *path, char *interp, size_t size, struct err *err)
{
	const Elf64_Phdr *ph;
	struct file f;
	int rc = open_file(&f, path, err);

	if (rc)
		return rc;
	rc = -ENOEXEC;
	for (ph = f.phdr; ph < f.phdr + f.ehdr.e_phnum; ph++)
		if (ph->p_type == PT_INTERP && ph->p_filesz <= size)
			rc = read_at(f.fd, interp, ph->p_filesz, ph->p_offset);
	sys_call(SYS_close, f.fd);
	if (rc)
		return err_set(
			err, rc,
			"%s names no dynamic loader; install Cairn again",
			path);
	interp[size - 1] = '\0';
	return 0;
}

int elf_map(const char *path, struct elf_image *image, struct err *err)
{
	struct file f;
	int rc = open_file(&f, path, err);

	if (rc)
		return rc;
	memset(image, 0, sizeof(*image));
	rc = map_segments(&f, image);
	sys_call(SYS_close, f.fd);
	if (rc)
		return err_set(err, rc, "cannot map %s: %s", path,
			       fmt_error(rc));
	return 0;
}
