/* SPDX-License-Identifier: BSD-3-Clause */
/* frames.c - where the functions of a library begin and end */
#include "runtime/lower/frames.h"

#include <elf.h>
#include <sys/mman.h>

#include "runtime/base/sys.h"
#include "runtime/lower/arena.h"

/*
 * .eh_frame_hdr is a sorted table of (address of a function, address of its
 * FDE), each as 32 bits seen from the header.  Only the encodings that GNU ld
 * and its like write are known; any other is "no table".
 */
#define HEADERS	   64
#define PCREL_32   0x1b
#define UNSIGNED   0x03
#define DATAREL_32 0x3b

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* `size` bytes at an address of the file, or NULL. */
static const uint8_t *at(const struct frames *f, uint64_t vaddr, size_t size)
{
	uint64_t from = vaddr - f->vaddr;

	if (vaddr < f->vaddr || from > f->map_size || size > f->map_size - from)
		return NULL;
	return (const uint8_t *)f->map + from;
}

static bool map_tables(struct frames *f, int fd, const Elf64_Phdr *ph)
{
	uint64_t skip = ph->p_offset % ARENA_PAGE;
	size_t size = arena_round(ph->p_filesz + skip);
	long got;

	f->map = arena_alloc(size, 0, 0);
	if (!f->map)
		return false;
	f->map_size = size;
	f->vaddr = ph->p_vaddr - skip;
	got = sys_call(SYS_mmap, f->map, size, PROT_READ,
		       MAP_PRIVATE | MAP_FIXED, fd, ph->p_offset - skip);
	if (!sys_is_error(got)) {
		arena_seal(f->map, size);
		f->map_size = ph->p_filesz + skip;
		return true;
	}
	arena_free(f->map, size);
	f->map = 0;
	return false;
}

static bool read_header(struct frames *f)
{
	const uint8_t *p = at(f, f->header, 12);

	if (!p || p[0] != 1 || p[1] != PCREL_32 || p[2] != UNSIGNED ||
	    p[3] != DATAREL_32)
		return false;
	f->count = get32(p + 8);
	f->table = at(f, f->header + 12, f->count * 8);
	return f->table && f->count;
}

static bool holds(const Elf64_Phdr *ph, uint64_t vaddr)
{
	return ph->p_type == PT_LOAD && vaddr >= ph->p_vaddr &&
	       vaddr < ph->p_vaddr + ph->p_filesz;
}

static size_t read_headers(int fd, Elf64_Phdr *ph)
{
	Elf64_Ehdr e;
	size_t size;

	if (sys_call(SYS_pread64, fd, &e, sizeof(e), 0) != sizeof(e) ||
	    e.e_ident[EI_MAG0] != ELFMAG0 || e.e_ident[EI_MAG1] != ELFMAG1 ||
	    e.e_ident[EI_MAG2] != ELFMAG2 || e.e_ident[EI_MAG3] != ELFMAG3 ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_machine != EM_X86_64 ||
	    e.e_phentsize != sizeof(*ph) || e.e_phnum > HEADERS)
		return 0;
	size = e.e_phnum * sizeof(*ph);
	if (sys_call(SYS_pread64, fd, ph, size, e.e_phoff) != (long)size)
		return 0;
	return e.e_phnum;
}

bool frames_open(struct frames *f, int fd, uintptr_t start, uint64_t offset)
{
	const Elf64_Phdr *text = NULL, *tables = NULL;
	Elf64_Phdr ph[HEADERS];
	size_t n = read_headers(fd, ph);

	*f = (struct frames){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X &&
		    ph[i].p_offset / ARENA_PAGE == offset / ARENA_PAGE)
			text = &ph[i];
		if (ph[i].p_type == PT_GNU_EH_FRAME)
			f->header = ph[i].p_vaddr;
	}
	for (size_t i = 0; i < n; i++)
		if (holds(&ph[i], f->header))
			tables = &ph[i];
	if (!text || !f->header || !tables)
		return false;
	f->bias = start - text->p_vaddr / ARENA_PAGE * ARENA_PAGE;
	f->text = f->bias + text->p_vaddr;
	f->text_end = f->text + text->p_filesz;
	if (!map_tables(f, fd, tables))
		return false;
	if (read_header(f))
		return true;
	frames_close(f);
	return false;
}

void frames_close(struct frames *f)
{
	if (f->map)
		arena_free(f->map, f->map_size);
	f->map = 0;
}

/* --- one function --------------------------------------------------------- */

static const uint8_t *skip_leb(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p & 0x80)
		p++;
	return p + 1;
}

/* Are the addresses in this CIE's FDEs as we read them? */
static bool cie_is_plain(const struct frames *f, uint64_t cie)
{
	const uint8_t *p = at(f, cie, 9), *end, *letter, *data;
	uint32_t size;

	size = p ? get32(p) : 0;
	if (size < 8 || size > 4096 || get32(p + 4) || !at(f, cie, size + 4))
		return false;
	end = p + 4 + size;
	if (p[8] != 1 || p[9] != 'z')
		return false;
	letter = p + 10;
	for (data = letter; data < end && *data; data++)
		;
	data = skip_leb(data + 1, end); /* code alignment */
	data = skip_leb(data, end);	/* data alignment */
	data++;				/* return address */
	data = skip_leb(data, end);	/* size of what follows */
	for (; data < end && *letter; letter++) {
		switch (*letter) {
		case 'R':
			return *data == PCREL_32;
		case 'L':
			data++;
			break;
		case 'P':
			if ((*data & 7) != 3) /* not of 32 bits */
				return false;
			data += 5;
			break;
		case 'S':
		case 'B':
			break;
		default:
			return false;
		}
	}
	return false;
}

/* The last entry that begins at or before the address. */
static size_t search(const struct frames *f, int32_t key)
{
	size_t low = 0, high = f->count, middle;

	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if ((int32_t)get32(f->table + middle * 8) <= key)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool frames_find(const struct frames *f, uintptr_t address, uintptr_t *start,
		 uintptr_t *end)
{
	uint64_t vaddr = address - f->bias, begin, fde;
	const uint8_t *entry, *p;

	entry = f->table + search(f, (int32_t)(vaddr - f->header)) * 8;
	begin = f->header + (uint64_t)(int32_t)get32(entry);
	fde = f->header + (uint64_t)(int32_t)get32(entry + 4);
	p = at(f, fde, 16);
	if (!p || get32(p) < 12 || get32(p) >= 0xfffffff0 ||
	    fde + 8 + (uint64_t)(int32_t)get32(p + 8) != begin ||
	    !cie_is_plain(f, fde + 4 - get32(p + 4)))
		return false;
	if (vaddr < begin || vaddr - begin >= get32(p + 12))
		return false;
	*start = f->bias + begin;
	*end = *start + get32(p + 12);
	return *end <= f->text_end && *start >= f->text;
}
